//! A restore killed by SIGKILL at exact packets: the same command again comes to the same end, nothing comes twice,
//! nothing is left. The packets are counted in an undisturbed run; a seeded choice of them is tried, and some by name.

use crate::support::data;
use crate::support::everything;
use crate::support::killed::{Stage, Tally, chosen, full};
use crate::support::program::{address, run, start};
use crate::support::tap::{At, Tap, WHENS, When};
use rustix::process::Signal;

/// A packet that a choice by chance seldom meets: how it begins, what it holds, which of these; and when to kill.
type Named = (&'static str, &'static str, usize, When);

/// Tried always.
const NAMED: &[Named] = &[
    ("INSERT INTO myriad_restore.run", "", 1, When::Answered),
    ("CREATE TABLE `words`", "", 1, When::Answered),
    ("COMMIT", "", 2, When::Held),
    ("COMMIT", "", 3, When::Sent),
    ("COMMIT", "", 4, When::Answered),
    ("ALTER TABLE", "`keyless`", 1, When::Sent),
    ("ALTER TABLE", "FULLTEXT KEY `a`", 1, When::Answered),
    ("ALTER TABLE", "FOREIGN KEY", 1, When::Answered),
    ("ALTER DATABASE", "latin1", 1, When::Answered),
    ("CREATE OR REPLACE", "`of_owner`", 1, When::Answered),
    ("SELECT COUNT(*)", "`keyless`", 1, When::Sent),
    ("CREATE DEFINER", "TRIGGER `before_old`", 1, When::Answered),
    ("CREATE DEFINER", "EVENT `often`", 1, When::Answered),
    ("DROP SCHEMA IF EXISTS myriad_restore", "", 1, When::Held),
    ("DROP SCHEMA IF EXISTS myriad_restore", "", 1, When::Answered),
];

/// Tried in the long trials, where all of them are killed at every moment.
const NAMED_TOO: &[Named] = &[
    ("CREATE SCHEMA IF NOT EXISTS myriad_restore", "", 1, When::Answered),
    ("CREATE USER", "two", 1, When::Answered),
    ("CREATE DATABASE", "k_beside", 1, When::Answered),
    ("INSERT IGNORE INTO myriad_restore.made ", "", 1, When::Answered),
    ("CREATE TABLE `keyless`", "", 1, When::Sent),
    ("LOAD DATA", "`typed`", 1, When::Sent),
    ("LOAD DATA", "`old_engine`", 1, When::Answered),
    ("INSERT INTO myriad_restore.chunk", "", 4, When::Answered),
    ("ALTER TABLE", "DROP KEY", 1, When::Sent),
    ("GRANT", "clerk", 1, When::Answered),
    ("CREATE DEFINER", "PROCEDURE", 1, When::Answered),
    ("DROP VIEW", "", 1, When::Answered),
    ("RENAME TABLE", "", 1, When::Answered),
    ("CREATE DEFINER", "TRIGGER `after_old`", 1, When::Answered),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_killed_at_any_packet_goes_on_to_the_same_end() {
    let (stage, _turn) = Stage::turn().await;
    let tap = Tap::before_mysql(stage.target.socket());
    let mut tally = Tally::default();
    let threads = ["1", "2", "3", "4"];
    for (n, point) in chosen(0, 6, stage.units.len()).into_iter().enumerate() {
        everything::remove(stage.target).await;
        let then = ["--threads", threads[n % threads.len()]];
        stage.killed_at(&tap, point, &["--threads", "2"], &then, &mut tally).await;
    }
    tally.tell("restores killed at a packet");
    assert!(tally.resumed * 2 > tally.tried, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_killed_at_a_named_packet_goes_on_to_the_same_end() {
    let (stage, _turn) = Stage::turn().await;
    let tap = Tap::before_mysql(stage.target.socket());
    let mut tally = Tally::default();
    let two = ["--threads", "2"];
    for (begin, holds, nth, when) in NAMED.iter().chain(NAMED_TOO.iter().filter(|_| full())) {
        for when in WHENS.into_iter().filter(|any| any == when || full()) {
            everything::remove(stage.target).await;
            stage.killed_at(&tap, (At::Words(begin, holds, *nth), when), &two, &two, &mut tally).await;
        }
    }
    tally.tell("restores killed at a named packet");
    assert_eq!(tally.killed, tally.tried);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_replaces_what_is_there_is_killed_and_goes_on() {
    let (stage, _turn) = Stage::turn().await;
    let tap = Tap::before_mysql(stage.target.socket());
    let replace = ["--threads", "2", "--drop-existing", "--existing-users", "replace"];
    // What is in the way, under every name: all of it, from an earlier restore.
    run(&stage.arguments(&address(stage.target), &replace)).expect(0);
    tap.reset();
    run(&stage.arguments(tap.address(), &replace)).expect(0);
    let units = tap.units().len();
    let mut tally = Tally::default();
    let named = [
        (At::Words("DROP TABLE", "", 3), When::Answered),
        (At::Words("DROP PROCEDURE", "", 1), When::Answered),
        (At::Words("REVOKE", "", 1), When::Answered),
    ];
    for point in named.into_iter().chain(chosen(1, 1, units)) {
        stage.killed_at(&tap, point, &replace, &replace, &mut tally).await;
    }
    tally.tell("restores with --drop-existing killed at a packet");

    // Without the option the rest of what was there is in the way again, code too.
    let (point, _) = stage.kill_at(&tap, (At::Words("DROP TABLE", "", 2), When::Answered), &replace);
    let without = run(&stage.arguments(&address(stage.target), &["--existing-users", "replace"]));
    without.refused(32, &["procedure k_app.of_then", "event k_app.often"]);
    stage.goes_on(stage.target, &point, false, &replace, &mut tally).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_goes_on_the_other_way_and_after_drops_by_hand() {
    let (stage, _turn) = Stage::turn().await;
    let tap = Tap::before_mysql(stage.target.socket());
    let mut tally = Tally::default();
    everything::remove(stage.target).await;
    // Rows of a first run by LOAD DATA, of a second by INSERT, which is killed as well.
    let (point, _) = stage.kill_at(&tap, (At::Words("COMMIT", "", 4), When::Answered), &[]);
    data::run(stage.target, &["SET GLOBAL local_infile = OFF"]).await;
    stage.kill_at(&tap, (At::Words("COMMIT", "", 4), When::Sent), &[]);
    stage.goes_on(stage.target, &point, false, &[], &mut tally).await;
    data::run(stage.target, &["SET GLOBAL local_infile = ON"]).await;

    for by_hand in [&["DROP TABLE k_app.keyless"][..], &["DROP DATABASE k_beside", "DROP DATABASE k_app"]] {
        everything::remove(stage.target).await;
        let (point, _) = stage.kill_at(&tap, (At::Words("SELECT COUNT(*)", "", 1), When::Held), &[]);
        data::run(stage.target, by_hand).await;
        stage.goes_on(stage.target, &point, false, &[], &mut tally).await;
    }
    assert_eq!(tally.resumed, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_restores_exclude_each_other_and_a_dead_one_does_not() {
    let (stage, _turn) = Stage::turn().await;
    let tap = Tap::before_mysql(stage.target.socket());
    everything::remove(stage.target).await;
    let (standing, stands) = std::sync::mpsc::channel();
    let (go, goes) = std::sync::mpsc::channel::<()>();
    tap.aim(At::Words("COMMIT", "", 2), When::Held, move || {
        standing.send(()).unwrap();
        // Until the other end is dropped.
        let _ = goes.recv();
    });
    let first = start(&stage.arguments(tap.address(), &[]));
    stands.recv().unwrap();
    let holder = data::one(stage.target, "SELECT IS_USED_LOCK('myriad_restore')").await;
    let second = run(&stage.arguments(&address(stage.target), &[]));
    let refused = second.refused(32, &["another restore", &format!("connection {holder}")]);
    assert!(refused.err.contains(&format!("KILL {holder}")), "{}", refused.err);
    first.signal(Signal::KILL);
    drop(go);
    first.end().expect(-1);
    stage.goes_on(stage.target, "after two at once", false, &[], &mut Tally::default()).await;
}
