//! Connections that are cut: by KILL, by a proxy at random places, by time-outs; deadlocks and locks of others. A backup goes
//! on while one session of its snapshot lives and never opens another; a restore opens its sessions anew and loads every
//! chunk exactly once, which only a table without a key can show.

use crate::support::cutter::{Cuts, Cutter};
use crate::support::data::{self, assert_nothing_left, drop_restored, fingerprint, one};
use crate::support::program::{Repo, Running, address, address_of, run, start};
use crate::support::server::{self, connect, options, shared, source};
use myriad::sandbox::{Sandbox, SandboxOptions};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

const SEED: u64 = 20_261_125;

/// Sessions killed in one restore: it gives up where hardly one lives to its first statement.
const KILLS_MAX: u64 = 5;

/// How many points a loop tries: many only where the whole is asked for.
fn points(few: u64) -> u64 {
    if std::env::var_os("MYRIAD_TEST_FULL").is_some() { 500 } else { few }
}

/// A server for these tests, one at a time.
async fn target_of_cuts() -> (&'static Sandbox, tokio::sync::MutexGuard<'static, ()>) {
    static TARGET: OnceLock<&'static Sandbox> = OnceLock::new();
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let turn = TURN.lock().await;
    (TARGET.get_or_init(|| shared(SandboxOptions { binary_log: false, ..options() })), turn)
}

/// The schema of [`data::make`], and documents with typed values in a table without a key, every row twice. One
/// TIMESTAMP in four lies outside what a column can hold under UTC, and beside it stands a column.
async fn make(server: &Sandbox, schema: &str, rows: u64) {
    data::make(server, schema, rows).await;
    let stamp = "TIMESTAMP'2024-05-06 07:08:09'";
    let filled = format!(
        "INSERT INTO {schema}.typed WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 799) \
         SELECT {stamp} + INTERVAL i DIV 2 SECOND, JSON_OBJECT('i', i DIV 2, 'p', CAST(i DIV 2 / 7 AS DECIMAL(12,4)), \
         'd', CAST({stamp} + INTERVAL i DIV 2 DAY AS DATE)) FROM n"
    );
    let table = format!("CREATE TABLE {schema}.typed (at TIMESTAMP NULL, doc JSON)");
    data::run(server, &["SET SESSION time_zone = '+00:00'".to_owned(), table, filled]).await;
}

/// Sessions of a running program on a server, those of the test not among them.
async fn sessions_of(server: &Sandbox, condition: &str) -> Vec<u64> {
    let mut session = connect(server).await;
    let sql = format!(
        "SELECT ID FROM information_schema.processlist WHERE USER IN ('root', 'cut') AND ID <> CONNECTION_ID() AND {condition} ORDER BY ID"
    );
    let rows = session.query(sql).await.unwrap();
    session.close().await;
    rows.iter().map(|row| row.number(0)).collect()
}

async fn kill(server: &Sandbox, id: u64) {
    let mut session = connect(server).await;
    // Gone by itself a moment ago.
    let killed = session.execute(format!("KILL {id}")).await;
    assert!(killed.as_ref().err().is_none_or(|error| error.code() == Some(1094)), "{killed:?}");
    session.close().await;
}

/// Kills sessions of a running restore until it ends, a random one after a random pause; not the oldest `spared`.
async fn kill_at_random(server: &Sandbox, restore: &mut Running, random: &mut ChaCha8Rng, spared: usize) -> u64 {
    let mut killed = 0;
    while restore.runs() {
        tokio::time::sleep(Duration::from_millis(random.random_range(1..250))).await;
        let sessions = sessions_of(server, "COMMAND <> 'Daemon'").await;
        if sessions.len() > spared && killed < KILLS_MAX {
            kill(server, sessions[random.random_range(spared..sessions.len())]).await;
            killed += 1;
        }
    }
    killed
}

#[tokio::test]
async fn a_restore_goes_on_over_new_sessions_exactly_once() {
    make(source(), "cuts_restore", 6000).await;
    let before = fingerprint(source(), "cuts_restore").await;
    let repo = Repo::new();
    repo.backup(source(), "cuts_restore");
    let (server, _turn) = target_of_cuts().await;
    let direct = address(server);
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let (points, mut cut, mut went_on) = (points(6), 0, 0);
    for point in 0..points {
        let seed = SEED + point;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let unheard_percent = if point % 3 == 1 { 100 } else { 0 };
        let percent = if point % 3 == 2 { 0 } else { 40 };
        // The first session holds the run's lock; before that is taken nothing can be gone on with.
        let spared = u32::from(random.random_bool(0.7));
        let cuts = Cuts { seed, bytes_max: 600_000, percent, unheard_percent, spared, idle_max: None };
        let cutter = Cutter::start(server.socket(), cuts);
        let through = cutter.address("root");
        let mut restore = start(&repo.restore_arguments(&through));
        if percent == 0 {
            cut += kill_at_random(server, &mut restore, &mut random, spared as usize).await;
        }
        let ended = restore.end();
        cut += cutter.cut();
        drop(cutter);
        let how = ["cut", "cut unheard", "killed"][(point % 3) as usize];
        *outcomes.entry(format!("{how}: exit {}", ended.code)).or_default() += 1;
        assert!(matches!(ended.code, 0 | 10 | 13), "point {point}: {ended:?}");
        assert!(ended.code == 0 || spared == 0, "point {point} did not go on: {}", ended.err);
        went_on += u64::from(ended.code == 0 && ended.err.contains("is opened anew"));
        if ended.code != 0 {
            // The sessions that the server does not know to be dead are ended by the next run.
            let again = run(&repo.restore_arguments(&direct));
            // Its last statement may have arrived.
            if again.code != 32 || !again.err.contains("holds tables or views") {
                again.expect(0);
            }
        }
        assert_eq!(fingerprint(server, "cuts_restore").await, before, "point {point}: {}", ended.err);
        assert_nothing_left(server).await;
        drop_restored(server, "cuts_restore").await;
    }
    println!(
        "restores, seed {SEED}: {points} points, {cut} connections cut or killed, {went_on} went on, {outcomes:?}"
    );
    assert!(went_on > 0, "no restore went on over a new session");
}
