//! A restore killed by SIGKILL at exact packets: the same command again comes to the same end, nothing comes twice,
//! nothing is left. The packets are counted in an undisturbed run; a seeded choice of them is tried, and some by name.

use crate::support::data::{self, one};
use crate::support::everything;
use crate::support::killed::{Stage, Tally, chosen, full};
use crate::support::program::{address, run, start};
use crate::support::tap::{At, Tap, Victim, WHENS, When};

/// Points that a choice by chance seldom meets: how the packet begins, what it holds, which of these; and when to kill,
/// where not all moments are tried.
const NAMED: &[(&str, &str, usize, When)] = &[
    ("CREATE SCHEMA IF NOT EXISTS myriad_restore", "", 1, When::Answered),
    ("INSERT INTO myriad_restore.run", "", 1, When::Answered),
    ("CREATE USER", "two", 1, When::Answered),
    ("CREATE DATABASE", "k_beside", 1, When::Answered),
    ("INSERT IGNORE INTO myriad_restore.made ", "", 1, When::Answered),
    ("CREATE TABLE `keyless`", "", 1, When::Sent),
    ("CREATE TABLE `words`", "", 1, When::Answered),
    ("LOAD DATA", "`typed`", 1, When::Sent),
    ("INSERT INTO myriad_restore.chunk", "", 4, When::Answered),
    ("COMMIT", "", 2, When::Held),
    ("COMMIT", "", 3, When::Sent),
    ("COMMIT", "", 4, When::Answered),
    ("ALTER TABLE", "`keyless`", 1, When::Sent),
    ("ALTER TABLE", "FULLTEXT KEY `a`", 1, When::Answered),
    ("ALTER TABLE", "DROP KEY", 1, When::Sent),
    ("ALTER TABLE", "FOREIGN KEY", 1, When::Answered),
    ("GRANT", "clerk", 1, When::Answered),
    ("ALTER DATABASE", "latin1", 1, When::Answered),
    ("CREATE DEFINER", "PROCEDURE", 1, When::Answered),
    ("CREATE OR REPLACE", "`of_owner`", 1, When::Answered),
    ("DROP VIEW", "", 1, When::Answered),
    ("RENAME TABLE", "", 1, When::Answered),
    ("SELECT COUNT(*)", "`keyless`", 1, When::Sent),
    ("CREATE DEFINER", "TRIGGER `after_old`", 1, When::Answered),
    ("CREATE DEFINER", "TRIGGER `before_old`", 1, When::Answered),
    ("CREATE DEFINER", "EVENT `often`", 1, When::Answered),
    ("DROP SCHEMA IF EXISTS myriad_restore", "", 1, When::Held),
    ("DROP SCHEMA IF EXISTS myriad_restore", "", 1, When::Answered),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_killed_at_any_packet_goes_on_to_the_same_end() {
    let stage = Stage::set().await;
    let tap = Tap::before_mysql(stage.target.socket());
    let mut tally = Tally::default();
    let threads = ["1", "2", "3", "4"];
    for (n, point) in chosen(0, 12, stage.units.len()).into_iter().enumerate() {
        everything::remove(&stage.target).await;
        stage.killed_at(&tap, point, &["--threads", "2"], &["--threads", threads[n % threads.len()]], &mut tally).await;
    }
    tally.tell("restores killed at a packet");
    assert!(tally.resumed * 2 > tally.tried, "{tally:?}");
    let mut tally = Tally::default();
    for (begin, holds, nth, when) in NAMED {
        for when in WHENS.into_iter().filter(|any| any == when || full()) {
            everything::remove(&stage.target).await;
            stage
                .killed_at(
                    &tap,
                    (At::Words(begin, holds, *nth), when),
                    &["--threads", "2"],
                    &["--threads", "2"],
                    &mut tally,
                )
                .await;
        }
    }
    tally.tell("restores killed at a named packet");
    assert_eq!(tally.killed, tally.tried);
}
