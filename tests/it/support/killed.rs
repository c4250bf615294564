//! What the tests that kill the program or a server share: the choice of points, a source and a target with everything
//! on them, and what must hold afterwards.

use super::data;
use super::everything::{self, differences};
use super::program::{Ended, Repo, address, run, start};
use super::server::{connect, options, shared};
use super::tap::{At, Tap, Victim, WHENS, When};
use myriad::sandbox::{Sandbox, SandboxOptions};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// So that every run of the tests tries the same points.
pub const SEED: u64 = 20_261_124;

/// True where the long loops are asked for.
pub fn full() -> bool {
    std::env::var_os("MYRIAD_TEST_FULL").is_some()
}

/// How many points are tried: `few` unless the whole is asked for, then 500; or as many as `MYRIAD_TEST_POINTS` says.
fn points(few: usize) -> usize {
    let asked = std::env::var("MYRIAD_TEST_POINTS").ok().and_then(|points| points.parse().ok());
    asked.unwrap_or(if full() { 500 } else { few })
}

/// A seeded choice of units and moments among `units`. Another `kind` gives another choice.
pub fn chosen(kind: u64, few: usize, units: usize) -> Vec<(At, When)> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED + kind);
    let mut point = || (At::Number(random.random_range(1..=units)), WHENS[random.random_range(0..WHENS.len())]);
    (0..points(few)).map(|_| point()).collect()
}

/// What a loop has seen. A loss would have ended it by a panic.
#[derive(Debug, Default)]
pub struct Tally {
    /// Points tried.
    pub tried: usize,
    /// Points that were reached, so that something was killed there.
    pub killed: usize,
    /// Runs that found an earlier one and went on from it.
    pub resumed: usize,
}

impl Tally {
    /// Prints it, for docs/reliability.md.
    pub fn tell(&self, what: &str) {
        let Tally { tried, killed, resumed } = self;
        println!("{what}: seed {SEED}, {tried} points tried, {killed} killed, {resumed} went on from there, 0 losses");
    }
}

/// A source with everything, a backup of it, and a target; of these tests alone.
pub struct Stage {
    pub source: &'static Sandbox,
    pub target: &'static Sandbox,
    pub repo: Repo,
    /// What the target holds after an undisturbed restore.
    pub whole: BTreeMap<String, String>,
    /// What such a restore sends, packet by packet.
    pub units: Vec<String>,
}

/// The options of a target that takes everything.
pub fn target_options() -> SandboxOptions {
    SandboxOptions { arguments: vec!["--log-bin-trust-function-creators=ON".into()], ..options() }
}

impl Stage {
    /// The stage, for one test at a time.
    pub async fn turn() -> (&'static Stage, MutexGuard<'static, ()>) {
        static STAGE: OnceCell<Stage> = OnceCell::const_new();
        static TURN: Mutex<()> = Mutex::const_new(());
        let turn = TURN.lock().await;
        (STAGE.get_or_init(Stage::set).await, turn)
    }

    /// Makes the servers, the backup, and a restore that nothing disturbs.
    async fn set() -> Stage {
        let (source, target) = (shared(options()), shared(target_options()));
        everything::make(source).await;
        let repo = Repo::new();
        repo.backup_with(source, everything::GLOB, &["--users"]).expect(0);
        let mut stage = Stage { source, target, repo, whole: BTreeMap::new(), units: Vec::new() };
        let tap = Tap::before_mysql(target.socket());
        run(&stage.arguments(tap.address(), &["--threads", "2"])).expect(0);
        stage.units = tap.units();
        stage.whole = everything::state(target).await;
        assert_eq!(differences(&everything::state(source).await, &stage.whole), Vec::<String>::new());
        stage
    }

    /// The arguments of a restore.
    pub fn arguments<'a>(&self, target: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let place: &'static str = self.repo.place().leak();
        [&["restore", "--target", target, "--repo", place, "--users"], more].concat()
    }

    /// Restores and kills the program at a point. Returns the point, for messages, and the unit at which it was killed.
    pub fn kill_at(&self, tap: &Tap, (at, when): (At, When), more: &[&str]) -> (String, Option<String>) {
        let victim = Victim::default();
        tap.aim(at.clone(), when, victim.strike());
        let restore = start(&self.arguments(tap.address(), more));
        victim.is(restore.pid());
        let Ended { code, err, .. } = restore.end();
        let struck = tap.struck();
        let point = format!("{when:?} {at:?} {struck:?}");
        tap.reset();
        assert_eq!(code, if struck.is_some() { -1 } else { 0 }, "{point}: {err}");
        (point, struck)
    }

    /// Restores, killed at a point, and once more with other options; then everything must be there once.
    pub async fn killed_at(&self, tap: &Tap, at: (At, When), first: &[&str], then: &[&str], tally: &mut Tally) {
        let (point, struck) = self.kill_at(tap, at, first);
        tally.tried += 1;
        tally.killed += usize::from(struck.is_some());
        self.goes_on(self.target, &point, struck.is_none_or(|unit| is_last(&unit)), then, tally).await;
    }

    /// The same command again. `complete`: the run before may have come to its end.
    pub async fn goes_on(&self, target: &Sandbox, point: &str, complete: bool, more: &[&str], tally: &mut Tally) {
        let again = run(&[&self.arguments(&address(target), more)[..], &["--json"]].concat());
        // What is restored already is in the way of another restore.
        if !(complete && again.code == 32) {
            assert_eq!(again.code, 0, "{point}:\n{}\n{}", again.out, again.err);
            tally.resumed += usize::from(again.json()["resumed"] == true);
        }
        let found = everything::state(target).await;
        assert_eq!(differences(&self.whole, &found), Vec::<String>::new(), "{point}\n{}\n{}", again.out, again.err);
        nothing_left(target, point).await;
    }
}

/// True for what a restore sends when everything is done.
pub fn is_last(unit: &str) -> bool {
    unit.starts_with("DROP SCHEMA IF EXISTS myriad_restore") || unit == "(command 1)"
}

/// Panics where a run has left its ledger, a named lock or a session on a server that no other test uses.
pub async fn nothing_left(server: &Sandbox, point: &str) {
    data::assert_nothing_left(server).await;
    no_sessions(server, point).await;
}

/// Panics where somebody has a session on a server that no other test uses.
pub async fn no_sessions(server: &Sandbox, point: &str) {
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
        assert!(begun.elapsed() < Duration::from_secs(60), "{point}: sessions are left: {others:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
