//! The program killed by SIGKILL at exact packets: the same command again comes to the same end, nothing comes twice,
//! nothing is left. The points are counted in an undisturbed run; a seeded choice of them is tried, and some by name.

use crate::support::data;
use crate::support::everything::{self, differences};
use crate::support::program::{Ended, Repo, address, run, start};
use crate::support::server::{connect, options, own};
use crate::support::tap::{At, Tap, Victim, WHENS, When};
use myriad::sandbox::Sandbox;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// So that every run of the tests tries the same points.
const SEED: u64 = 20_261_124;

fn full() -> bool {
    std::env::var_os("MYRIAD_TEST_FULL").is_some()
}

/// How many points are tried: `few` unless the whole is asked for, then 500 or as many as `MYRIAD_TEST_POINTS` says.
fn points(few: usize) -> usize {
    let asked = std::env::var("MYRIAD_TEST_POINTS").ok().and_then(|points| points.parse().ok());
    asked.unwrap_or(if full() { 500 } else { few })
}

/// A seeded choice of units and moments among `units`.
fn chosen(few: usize, units: usize) -> Vec<(At, When)> {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(SEED);
    let mut point = || (At::Number(random.random_range(1..=units)), WHENS[random.random_range(0..WHENS.len())]);
    (0..points(few)).map(|_| point()).collect()
}

/// What a loop has seen.
#[derive(Debug, Default)]
struct Tally {
    tried: usize,
    killed: usize,
    resumed: usize,
}

impl Tally {
    fn tell(&self, what: &str) {
        let Tally { tried, killed, resumed } = self;
        println!(
            "{what}: seed {SEED}, {tried} points tried, {killed} runs killed, {resumed} went on from there, 0 losses"
        );
    }
}

/// A source with everything, a backup of it, and a target of their own.
struct Stage {
    source: Sandbox,
    target: Sandbox,
    repo: Repo,
}

impl Stage {
    async fn set() -> Stage {
        let (source, target) = (own(options()), own(options()));
        data::run(&target, &["SET GLOBAL log_bin_trust_function_creators = ON"]).await;
        everything::make(&source).await;
        let repo = Repo::new();
        repo.backup_with(&source, everything::GLOB, &["--users"]).expect(0);
        Stage { source, target, repo }
    }

    /// Restores, killed at a point, then again; compares with `whole`.
    async fn restore_killed_at(
        &self,
        tap: &Tap,
        at: At,
        when: When,
        whole: &BTreeMap<String, String>,
        more: &[&str],
        tally: &mut Tally,
    ) {
        everything::remove(&self.target).await;
        let victim = Victim::default();
        tap.aim(at.clone(), when, victim.strike());
        let restore = start(&[&self.repo.restore_arguments(tap.address())[..], &["--users"], more].concat());
        victim.is(restore.pid());
        let Ended { code, err, .. } = restore.end();
        let point = format!("{when:?} {at:?}: {:?}", tap.struck());
        tap.reset();
        assert!(matches!(code, -1 | 0), "{point}: ended with {code}: {err}");
        tally.tried += 1;
        tally.killed += usize::from(code == -1);
        let again = self.again(&point, code == 0, tally);
        let found = everything::state(&self.target).await;
        assert_eq!(differences(whole, &found), Vec::<String>::new(), "{point}\n{}\n{}", again.out, again.err);
        nothing_left(&self.target, &point).await;
    }

    /// The same command again.
    fn again(&self, point: &str, ended: bool, tally: &mut Tally) -> Ended {
        let target = address(&self.target);
        let again = run(&[&self.repo.restore_arguments(&target)[..], &["--users", "--json"]].concat());
        // Killed after its last step or not at all: what is restored is in the way of another restore.
        if again.code == 32
            && (ended || point.contains("DROP SCHEMA IF EXISTS myriad_restore") || point.contains("(command 1)"))
        {
            return again;
        }
        assert_eq!(again.code, 0, "{point}:\n{}\n{}", again.out, again.err);
        tally.resumed += usize::from(again.json()["resumed"] == true);
        again
    }
}

/// Panics where a run has left its ledger, a named lock or a session on a server of the test's own.
async fn nothing_left(server: &Sandbox, point: &str) {
    data::assert_nothing_left(server).await;
    let begun = Instant::now();
    loop {
        let mut session = connect(server).await;
        let others = "SELECT CONCAT_WS(' ', ID, COMMAND, STATE, INFO) FROM information_schema.processlist WHERE ID <> CONNECTION_ID() \
                      AND USER <> 'event_scheduler'";
        let others: Vec<String> = session.query(others).await.unwrap().iter().map(|row| row.text(0)).collect();
        session.close().await;
        if others.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{point}: sessions are left: {others:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_killed_at_any_packet_goes_on_to_the_same_end() {
    let stage = Stage::set().await;
    let tap = Tap::before_mysql(stage.target.socket());
    run(&[&stage.repo.restore_arguments(tap.address())[..], &["--users"]].concat()).expect(0);
    let units = tap.units();
    if let Some(file) = std::env::var_os("MYRIAD_TEST_UNITS") {
        std::fs::write(file, units.join("\n")).unwrap();
    }
    let whole = everything::state(&stage.target).await;
    assert_eq!(differences(&everything::state(&stage.source).await, &whole), Vec::<String>::new());
    let mut tally = Tally::default();
    for (at, when) in chosen(12, units.len()) {
        stage.restore_killed_at(&tap, at, when, &whole, &[], &mut tally).await;
    }
    tally.tell("restores killed at a packet");
    assert!(tally.resumed * 2 > tally.tried, "{tally:?}");
}
