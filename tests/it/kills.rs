//! The program killed at random moments, and asked to stop: the same command again comes to the same end, and nothing
//! is left on the server or visible in the repository before.

use crate::support::data::{self, assert_nothing_left, drop_restored, fingerprint, one};
use crate::support::program::{Ended, Repo, address, run, start};
use crate::support::server::{source, target_alone};
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// How many moments are tried: many only where the whole is asked for.
fn moments() -> u32 {
    if std::env::var_os("MYRIAD_TEST_FULL").is_some() { 500 } else { 10 }
}

/// Moments within `whole`, the same ones in every run.
fn delays(whole: Duration) -> impl Iterator<Item = Duration> {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(20_261_124);
    (0..moments()).map(move |_| whole.mul_f64(random.random_range(0.0..1.0)))
}

#[tokio::test]
async fn a_backup_killed_at_any_moment_is_not_there_and_the_next_one_is_whole() {
    data::make(source(), "kills_backup", 20_000).await;
    let (repo, address) = (Repo::new(), address(source()));
    let arguments = repo.backup_arguments(&address, "kills_backup");
    let measured = Repo::new();
    let begun = Instant::now();
    measured.backup(source(), "kills_backup");
    for delay in delays(begun.elapsed()) {
        let known = repo.listed();
        let backup = start(&arguments);
        tokio::time::sleep(delay).await;
        backup.signal(Signal::KILL);
        let Ended { code, .. } = backup.end();
        let listed = repo.listed();
        // It may have ended by itself in the instant before the signal.
        assert!(matches!(code, -1 | 0), "ended with {code}");
        // It may have been killed between its manifest and its end.
        assert!(listed.len() <= known.len() + 1 && listed.starts_with(&known), "{known:?} became {listed:?}");
        if !repo.files().is_empty() {
            repo.verify(&[]).expect(0);
        }
    }
    run(&arguments).expect(0);
    repo.verify(&["--against", &address]).expect(0);
}

#[tokio::test]
async fn a_restore_killed_at_any_moment_goes_on_to_the_same_end() {
    data::make(source(), "kills_restore", 20_000).await;
    let before = fingerprint(source(), "kills_restore").await;
    let repo = Repo::new();
    repo.backup(source(), "kills_restore");
    let (server, _turn) = target_alone().await;
    let target = address(server);
    let arguments = repo.restore_arguments(&target);
    let begun = Instant::now();
    run(&arguments).expect(0);
    let whole = begun.elapsed();
    let mut resumed = 0;
    for delay in delays(whole) {
        drop_restored(server, "kills_restore").await;
        let mut restore = start(&arguments);
        tokio::time::sleep(delay).await;
        let runs = restore.runs();
        restore.signal(Signal::KILL);
        restore.end();
        let ended = run(&[&arguments[..], &["--json"]].concat());
        let complete = fingerprint(server, "kills_restore").await == before;
        // Killed after its last step, or not at all: what is restored already is in the way of another restore.
        if ended.code == 32 && complete && (!runs || ended.err.contains("of the same name")) {
            assert_nothing_left(server).await;
            continue;
        }
        let report = ended.expect(0).json();
        resumed += u32::from(report["resumed"] == true);
        assert!(complete, "killed after {delay:?}: {report:#}");
        assert_nothing_left(server).await;
    }
    assert!(resumed > 0, "no run was killed in the middle");
    drop_restored(server, "kills_restore").await;
}

#[tokio::test]
async fn a_signal_stops_a_backup_within_seconds_and_the_next_one_is_whole() {
    data::make(source(), "kills_stop_backup", 40_000).await;
    let (repo, address) = (Repo::new(), address(source()));
    let arguments = repo.backup_arguments(&address, "kills_stop_backup");
    let slow = [&arguments[..], &["--max-rate", "500k"]].concat();
    let reading = "SELECT COUNT(*) FROM information_schema.processlist WHERE INFO LIKE 'SELECT%kills_stop_backup%' \
                   AND INFO NOT LIKE '%processlist%'";
    for signal in [Signal::INT, Signal::TERM] {
        let mut backup = start(&slow);
        assert!(backup.until(async || one(source(), reading).await != "0").await, "the backup ended too early");
        let begun = Instant::now();
        backup.signal(signal);
        let ended = backup.end().expect(130);
        assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
        assert!(ended.err.contains("\nhint: run the same command again"), "{}", ended.err);
        assert_eq!(repo.listed(), Vec::<String>::new());
    }
    run(&arguments).expect(0);
    repo.verify(&["--against", &address]).expect(0);
}

#[tokio::test]
async fn a_signal_stops_a_restore_within_seconds_and_it_goes_on_later() {
    data::make(source(), "kills_stop_restore", 60_000).await;
    let before = fingerprint(source(), "kills_stop_restore").await;
    let repo = Repo::new();
    repo.backup(source(), "kills_stop_restore");
    let (server, _turn) = target_alone().await;
    let target = address(server);
    let arguments = repo.restore_arguments(&target);
    let there = "SELECT COUNT(*) FROM information_schema.tables WHERE TABLE_SCHEMA = 'myriad_restore' \
                 AND TABLE_NAME = 'chunk'";
    for (signal, chunks) in [(Signal::INT, 1), (Signal::TERM, 20)] {
        let mut restore = start(&arguments);
        let loaded = format!("SELECT COUNT(*) > {chunks} FROM myriad_restore.chunk");
        let reached = async || one(server, there).await == "1" && one(server, &loaded).await == "1";
        assert!(restore.until(reached).await, "the restore ended too early");
        let begun = Instant::now();
        restore.signal(signal);
        let ended = restore.end().expect(130);
        assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
        assert!(ended.err.contains("\nhint: run the same command again"), "{}", ended.err);
    }
    let report = run(&[&arguments[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(report["resumed"], true);
    assert!(report["rows_loaded"].as_u64() < report["rows"].as_u64(), "everything was loaded again");
    assert_eq!(fingerprint(server, "kills_stop_restore").await, before);
    assert_nothing_left(server).await;
    drop_restored(server, "kills_stop_restore").await;
}

#[tokio::test]
async fn the_second_signal_ends_at_once() {
    data::make(source(), "kills_twice", 20_000).await;
    let repo = Repo::new();
    repo.backup(source(), "kills_twice");
    let (server, _turn) = target_alone().await;
    // Somebody's lock keeps the restore from its first table.
    data::run(server, &["CREATE DATABASE kills_twice", "CREATE TABLE kills_twice.account (id INT)"]).await;
    let mut holder = crate::support::server::connect(server).await;
    holder.execute("LOCK TABLES kills_twice.account READ").await.unwrap();
    let target = address(server);
    let mut restore = start(&[&repo.restore_arguments(&target)[..], &["--drop-existing"]].concat());
    let waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE STATE LIKE 'Waiting for%metadata lock'";
    assert!(restore.until(async || one(server, waiting).await != "0").await);
    restore.signal(Signal::INT);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(restore.runs(), "the first signal did not wait for a safe point");
    let begun = Instant::now();
    restore.signal(Signal::INT);
    restore.end().expect(130);
    // The lock is held on: an orderly end would wait for it for ever. The rest is a busy machine's.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    holder.execute("UNLOCK TABLES").await.unwrap();
    holder.close().await;
    drop_restored(server, "kills_twice").await;
}

#[tokio::test]
async fn an_alter_that_outlives_its_program_is_ended_before_the_next_run() {
    data::make(source(), "kills_alter", 60_000).await;
    let before = fingerprint(source(), "kills_alter").await;
    let repo = Repo::new();
    repo.backup(source(), "kills_alter");
    let (server, _turn) = target_alone().await;
    let target = address(server);
    let mut restore = start(&repo.restore_arguments(&target));
    let altering = "SELECT COUNT(*) FROM information_schema.processlist WHERE INFO LIKE 'ALTER TABLE%'";
    assert!(restore.until(async || one(server, altering).await != "0").await, "no index was built late");
    restore.signal(Signal::KILL);
    restore.end();
    run(&repo.restore_arguments(&target)).expect(0);
    assert_eq!(fingerprint(server, "kills_alter").await, before);
    assert_nothing_left(server).await;
    drop_restored(server, "kills_alter").await;
}
