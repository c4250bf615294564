//! A backup killed by SIGKILL at exact packets to the source and at exact requests to the repository: nothing of it is
//! visible, nothing is left on the source, and the next backup is whole.

use crate::support::everything;
use crate::support::killed::{Stage, Tally, chosen, full, no_sessions};
use crate::support::program::{Ended, Repo, Running, address, run, start, start_with};
use crate::support::s3_server::{ACCESS_KEY, BUCKET, S3Server, SECRET_KEY};
use crate::support::tap::{At, Tap, Victim, WHENS, When};

/// Points that a choice by chance seldom meets.
const NAMED: &[(&str, When)] = &[
    ("LOCK INSTANCE FOR BACKUP", When::Sent),
    ("FLUSH TABLES WITH READ LOCK", When::Answered),
    ("START TRANSACTION", When::Answered),
    ("UNLOCK TABLES", When::Held),
];

/// Runs a backup that is killed at a point. True where it was.
fn kill(tap: &Tap, (at, when): (At, When), begin: impl FnOnce() -> Running) -> (String, bool) {
    let victim = Victim::default();
    tap.aim(at.clone(), when, victim.strike());
    let backup = begin();
    victim.is(backup.pid());
    let Ended { code, err, .. } = backup.end();
    let struck = tap.struck();
    let point = format!("{when:?} {at:?} {struck:?}");
    tap.reset();
    assert_eq!(code, if struck.is_some() { -1 } else { 0 }, "{point}: {err}");
    (point, struck.is_some())
}

/// Files that a repository may hold: those that a backup writes, and what a put and a lock that died leave behind.
fn only_known_files(repo: &Repo) {
    for file in repo.files() {
        let known = file == "myriad.json"
            || ["objects/", "tmp/", "locks/"].iter().any(|folder| file.starts_with(folder))
            || (file.starts_with("backups/") && file.ends_with("/manifest.json"));
        assert!(known, "{file} is in the repository");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_killed_at_any_packet_leaves_nothing_visible_and_the_next_is_whole() {
    let (stage, _turn) = Stage::turn().await;
    let tap = Tap::before_mysql(stage.source.socket());
    let repo = Repo::new();
    let arguments = [&repo.backup_arguments(tap.address(), everything::GLOB)[..], &["--users"]].concat();
    run(&arguments).expect(0);
    let units = tap.units();
    let mut tally = Tally::default();
    let named = NAMED.iter().map(|(words, when)| (At::Words(words, "", 1), *when));
    let points: Vec<_> = named.chain(chosen(2, 3, units.len())).collect();
    for (n, point) in points.into_iter().enumerate() {
        let repo = Repo::new();
        let arguments = [&repo.backup_arguments(tap.address(), everything::GLOB)[..], &["--users"]].concat();
        let (point, killed) = kill(&tap, point, || start(&arguments));
        tally.tried += 1;
        tally.killed += usize::from(killed);
        // Killed after its last packet to the source, it may have been at its manifest already.
        let listed = repo.listed().len();
        assert!(listed == 0 || point.contains("(command 1)") || !killed, "{point}: a backup is visible");
        no_sessions(stage.source, &point).await;
        only_known_files(&repo);
        let source = address(stage.source);
        let again = [&repo.backup_arguments(&source, everything::GLOB)[..], &["--users"]].concat();
        run(&again).expect(0);
        assert_eq!(repo.listed().len(), listed + 1, "{point}");
        repo.verify(&[]).expect(0);
        if n % 10 == 0 {
            repo.verify(&["--against", &source]).expect(0);
        }
    }
    tally.tell("backups killed at a packet to the source");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_killed_at_any_request_to_its_store_leaves_nothing_visible_and_the_next_is_whole() {
    let (stage, _turn) = Stage::turn().await;
    let store = S3Server::start();
    let tap = Tap::before_http(&store.endpoint);
    let source = address(stage.source);
    let to = |endpoint: &str, place: &str, arguments: &[&str]| {
        let variables = [
            ("AWS_ENDPOINT", endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", "eu-central-1"),
        ];
        start_with(&[arguments, &["--repo", place]].concat(), &variables)
    };
    let backup =
        ["backup", "--source", &source, "--database", everything::GLOB, "--chunk-size", "64k", "--threads", "2"];
    to(tap.address(), &format!("s3://{BUCKET}/whole"), &backup).end().expect(0);
    let units = tap.units();
    let manifests = units.iter().filter(|unit| is_manifest(unit)).count();
    assert_eq!(manifests, 1, "{units:#?}");
    let mut tally = Tally::default();
    // Between the last object and the manifest, while the manifest is on its way, and when it is there.
    let named = WHENS.map(|when| (At::Words("PUT", "/manifest.json", 1), when));
    for (n, point) in named.into_iter().chain(chosen(3, 1, units.len())).enumerate() {
        let place = format!("s3://{BUCKET}/killed{n}");
        let list = || {
            let listed = to(&store.endpoint, &place, &["list", "--json"]).end();
            if listed.code == 20 { 0 } else { listed.expect(0).json()["backups"].as_array().unwrap().len() }
        };
        let held = point.1 == When::Held;
        let (point, killed) = kill(&tap, point, || to(tap.address(), &place, &backup));
        tally.tried += 1;
        tally.killed += usize::from(killed);
        let before = list();
        assert!(before == 0 || !killed || (!held && is_manifest(&point)) || is_later(&point, &units), "{point}");
        no_sessions(stage.source, &point).await;
        if !full() || n > 0 {
            // The notice of a run that is dead stands for some seconds; that is tried once, in the long trials.
            let _ = std::fs::remove_dir_all(store.folder().join(BUCKET).join(format!("killed{n}")).join("locks"));
        }
        to(&store.endpoint, &place, &backup).end().expect(0);
        assert_eq!(list(), before + 1, "{point}");
        to(&store.endpoint, &place, &["verify"]).end().expect(0);
        empty(&store, n);
    }
    tally.tell("backups killed at a request to their store");
}

/// Takes away what a trial has stored: this server reads all its files to list some, so many trials took ever longer.
fn empty(store: &S3Server, n: usize) {
    std::fs::remove_dir_all(store.folder().join(BUCKET).join(format!("killed{n}"))).unwrap();
    for entry in std::fs::read_dir(store.folder()).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with(".bucket-") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
}

fn is_manifest(unit: &str) -> bool {
    unit.contains("PUT ") && unit.contains("/manifest.json")
}

/// True for points behind the manifest: there a backup is complete.
fn is_later(point: &str, units: &[String]) -> bool {
    let manifest = units.iter().position(|unit| is_manifest(unit)).unwrap();
    let number =
        point.split("Number(").nth(1).and_then(|rest| rest.split(')').next()).and_then(|n| n.parse::<usize>().ok());
    number.is_some_and(|number| number > manifest)
}
