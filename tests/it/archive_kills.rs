//! `myriad archive` killed at any moment, and its server too, while somebody writes: what is stored is whole at every
//! moment, and in the end it is the server's files, byte by byte, with nothing missing and nothing twice.

use crate::support::binlogs::{assert_same, documents};
use crate::support::data::{one, run as sql};
use crate::support::program::{Repo, Running, address, run, start};
use crate::support::server::{options, own};
use myriad::sandbox::Sandbox;
use myriad::server::{ConnectOptions, RawSession};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Writes until it is told to stop, over as many sessions as it takes: transactions of all sizes, and a new file now and then.
fn writer(server: ConnectOptions, seed: u64, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut done = 0;
        while !stop.load(Ordering::SeqCst) {
            let Ok(mut session) = RawSession::connect(&server) else {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            while !stop.load(Ordering::SeqCst) {
                let sql = match random.random_range(0..25) {
                    0 => "FLUSH BINARY LOGS".to_owned(),
                    1 => "INSERT INTO a.t (x) SELECT HEX(RANDOM_BYTES(500)) FROM a.t LIMIT 60".to_owned(),
                    2 => "DELETE FROM a.t ORDER BY id LIMIT 50".to_owned(),
                    _ => format!("INSERT INTO a.t (x) VALUES (HEX(RANDOM_BYTES({})))", random.random_range(1..1000)),
                };
                if session.execute(sql.as_bytes()).is_err() {
                    break;
                }
                done += 1;
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        done
    })
}

fn live(server: &Sandbox, repo: &Repo) -> Running {
    let (address, place) = (address(server), repo.place());
    start(&[
        "archive",
        "--source",
        &address,
        "--repo",
        &place,
        "--segment-size",
        "16k",
        "--segment-time",
        "1s",
        "--quiet",
        "--json",
    ])
}

/// Waits until there are more segments than before, however long this machine takes.
async fn grown(archive: &mut Running, repo: &Repo, by: usize) {
    let count = || repo.files().iter().filter(|file| file.contains("/index/")).count();
    let before = count();
    assert!(archive.until(async || count() >= before + by).await, "the archive ended by itself");
}

async fn rounds(seed: u64, rounds: usize) {
    let mut server = own(options());
    let identity = one(&server, "SELECT @@global.server_uuid").await;
    sql(&server, &["CREATE DATABASE a", "CREATE TABLE a.t (id INT AUTO_INCREMENT PRIMARY KEY, x LONGTEXT)"]).await;
    let repo = Repo::new();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = writer(server.connect_options(), seed, stop.clone());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for round in 0..rounds {
        let mut archive = live(&server, &repo);
        grown(&mut archive, &repo, 1).await;
        if round % 4 == 2 {
            // The server dies under it; the same run goes on when it is back.
            server.kill9();
            server.restart().unwrap();
            grown(&mut archive, &repo, 1).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..60))).await;
        archive.signal(Signal::KILL);
        archive.end();
        if random.next_u32() % 3 == 0 {
            // What is there at this moment is whole.
            repo.verify(&["--quiet"]).expect(0);
        }
    }
    let mut archive = live(&server, &repo);
    grown(&mut archive, &repo, 1).await;
    stop.store(true, Ordering::SeqCst);
    assert!(writing.join().unwrap() > 20);
    archive.signal(Signal::TERM);
    let report = archive.end().expect(130).json();
    assert_eq!(report["stopped"], true);
    let (address, place) = (address(&server), repo.place());
    run(&["archive", "--source", &address, "--repo", &place, "--once"]).expect(0);
    assert_same(&repo, "default", &identity, &server, "");
    let verified = repo.verify(&["--json"]).expect(0).json();
    assert_eq!(verified["binlogs"][0]["gaps"], serde_json::json!([]));
    let numbers: Vec<u64> = documents(&repo, "default").iter().map(|d| d["number"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
}

#[tokio::test]
async fn kills_of_both_sides_lose_nothing_and_double_nothing() {
    rounds(1, 5).await;
}

#[tokio::test]
async fn hundreds_of_kills() {
    if std::env::var_os("MYRIAD_TEST_FULL").is_some() {
        for seed in 100..110 {
            rounds(seed, 30).await;
        }
    }
}

#[tokio::test]
async fn one_archive_of_a_name_at_a_time() {
    let server = own(options());
    let repo = Repo::new();
    let mut first = live(&server, &repo);
    assert!(first.until(async || repo.files().iter().any(|file| file.starts_with("locks/"))).await);
    let (address, place) = (address(&server), repo.place());
    let second = run(&["archive", "--source", &address, "--repo", &place, "--once"]);
    second.refused(25, &["archive of default"]);
    // A backup is not kept out by an archive that runs day and night.
    run(&["backup", "--source", &address, "--repo", &place, "--name", "default"]).expect(0);
    // A copy of the repository goes by the same server id: the server ends the older stream.
    let reading = "SELECT COUNT(*) FROM performance_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%'";
    assert!(first.until(async || one(&server, reading).await == "1").await);
    let copy = Repo::new();
    for file in repo.files().iter().filter(|file| !file.starts_with("locks/")) {
        std::fs::create_dir_all(copy.file(file).parent().unwrap()).unwrap();
        let _ = std::fs::copy(repo.file(file), copy.file(file));
    }
    run(&["archive", "--source", &address, "--repo", &copy.place(), "--once"]).expect(0);
    let ended = first.end().refused(25, &["another reader that goes by the same server id"]);
    assert!(ended.err.contains("another --server-id"), "{}", ended.err);
}
