//! What a run began and did not make, and what it changed only for a moment, is not the run's: the next try and `--abort`
//! leave to others what they have made or changed since.

use crate::support::data::{self, assert_nothing_left, drop_restored, one};
use crate::support::program::{Repo, address, run, start};
use crate::support::server::{connect, options, own, source, target_alone};
use crate::support::tap::{At, Tap, Victim, When};
use myriad::sandbox::Sandbox;
use myriad::server::RawSession;

/// Kills the restore of `repo` at a packet.
fn killed_at(target: &Sandbox, repo: &Repo, at: At, when: When, more: &[&str]) {
    let (tap, victim) = (Tap::before_mysql(target.socket()), Victim::default());
    tap.aim(at, when, victim.strike());
    let restore = start(&[&repo.restore_arguments(tap.address())[..], more].concat());
    victim.is(restore.pid());
    restore.end().expect(-1);
    assert!(tap.struck().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_the_target_refused_and_collations_of_a_moment() {
    let make = [
        "CREATE DATABASE not_ours COLLATE utf8mb4_0900_ai_ci",
        "CREATE DATABASE not_there",
        "CREATE TABLE not_there.o (id INT)",
        "CREATE TABLE not_ours.t (id INT PRIMARY KEY)",
        "INSERT INTO not_ours.t VALUES (1), (2)",
        "CREATE VIEW not_ours.refused AS SELECT id FROM not_there.o",
        "CREATE VIEW not_ours.made AS SELECT id FROM not_ours.t",
        "CREATE PROCEDURE not_ours.p() SELECT 1",
    ];
    data::run(source(), &make).await;
    let repo = Repo::new();
    repo.backup(source(), "not_ours");
    let (target, _turn) = target_alone().await;
    let at = address(target);
    let restore = repo.restore_arguments(&at);

    // All is made but for one view, which reads what is not there.
    killed_at(target, &repo, At::Words("DROP SCHEMA IF EXISTS myriad_restore", "", 1), When::Held, &[]);
    let recorded = "SELECT GROUP_CONCAT(object_name ORDER BY object_name) FROM myriad_restore.made WHERE kind IN ('view', 'procedure')";
    assert_eq!(one(target, recorded).await, "made,p");
    assert_eq!(one(target, "SELECT COUNT(*) FROM myriad_restore.collation").await, "0");
    let theirs =
        ["ALTER DATABASE not_ours COLLATE utf8mb4_bin", "CREATE VIEW not_ours.refused AS SELECT 'theirs' AS whose"];
    data::run(target, &theirs).await;
    run(&restore).refused(32, &["holds things of the same name: not_ours.refused"]);
    let removed = run(&["restore", "--target", &at, "--abort"]).expect(0).out;
    assert!(removed.contains("  view not_ours.made") && removed.contains("kept: schema not_ours"), "{removed}");
    assert_eq!(one(target, "SELECT whose FROM not_ours.refused").await, "theirs");
    let collation = "SELECT DEFAULT_COLLATION_NAME FROM information_schema.schemata WHERE SCHEMA_NAME = 'not_ours'";
    assert_eq!(one(target, collation).await, "utf8mb4_bin");
    drop_restored(target, "not_ours").await;

    // One that somebody makes just before is not taken for the run's.
    let (tap, options) = (Tap::before_mysql(target.socket()), target.connect_options());
    tap.aim(At::Words("SELECT @@collation_database", "", 1), When::Held, move || {
        RawSession::connect(&options).unwrap().execute(b"CREATE PROCEDURE not_ours.p() SELECT 'theirs'").unwrap();
    });
    let ended = run(&repo.restore_arguments(tap.address())).expect(0);
    assert!(ended.out.contains("procedure not_ours.p: the target has another of this name"), "{}", ended.out);
    assert_nothing_left(target).await;
    drop_restored(target, "not_ours").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_tables_that_the_target_refused() {
    // The target has no such plugin; then somebody makes an account of that name by hand.
    let source = own(options());
    let spatial = "CREATE SPATIAL REFERENCE SYSTEM 990002 NAME 'ours' DEFINITION 'GEOGCS[\"ours\",DATUM[\"d\",SPHEROID[\"s\",6378137,298.257223563]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],AXIS[\"Lat\",NORTH],AXIS[\"Lon\",EAST]]'";
    let make = [
        spatial,
        "CREATE DATABASE not_ours_table",
        "CREATE TABLE not_ours_table.t (p POINT SRID 990002)",
        "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
        "CREATE DATABASE not_ours_users",
        "CREATE TABLE not_ours_users.t (id INT)",
        "CREATE USER not_ours@localhost IDENTIFIED WITH auth_socket",
    ];
    data::run(&source, &make).await;
    let repo = Repo::new();
    repo.backup_with(&source, "not_ours_users", &["--users"]).expect(0);
    let (target, _turn) = target_alone().await;
    killed_at(target, &repo, At::Words("DROP SCHEMA IF EXISTS myriad_restore", "", 1), When::Held, &["--users"]);
    data::run(target, &["CREATE USER not_ours@localhost"]).await;
    assert_eq!(one(target, "SELECT COUNT(*) FROM myriad_restore.account WHERE user_name = 'not_ours'").await, "0");
    let removed = run(&["restore", "--target", &address(target), "--abort"]).expect(0).out;
    assert!(!removed.contains("not_ours@localhost"), "{removed}");
    assert_eq!(one(target, "SELECT COUNT(*) FROM mysql.user WHERE User = 'not_ours'").await, "1");
    assert_nothing_left(target).await;
    data::run(target, &["DROP USER not_ours@localhost"]).await;
    drop_restored(target, "not_ours_users").await;

    // Nor does it know this table's spatial reference system; the next try finds the one made by hand in its way.
    let repo = Repo::new();
    repo.backup(&source, "not_ours_table");
    repo.restore(target, &[]).refused(33, &["not_ours_table.t"]);
    data::run(target, &["CREATE TABLE not_ours_table.t (id INT)", "INSERT INTO not_ours_table.t VALUES (77)"]).await;
    repo.restore(target, &[]).refused(32, &["not_ours_table.t"]);
    run(&["restore", "--target", &address(target), "--abort"]).expect(0);
    assert_eq!(one(target, "SELECT id FROM not_ours_table.t").await, "77");
    assert_nothing_left(target).await;
    drop_restored(target, "not_ours_table").await;
}

/// What the newest binary log of a server says.
async fn logged(server: &Sandbox) -> String {
    let mut session = connect(server).await;
    let file = session.query("SHOW BINARY LOGS").await.unwrap().last().unwrap().text(0);
    let events = session.query(format!("SHOW BINLOG EVENTS IN '{file}'")).await.unwrap();
    session.close().await;
    events.iter().map(|row| row.text(5) + "\n").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_not_finished_goes_the_way_it_came() {
    data::run(source(), &["CREATE DATABASE half_ledger", "CREATE TABLE half_ledger.t (id INT)"]).await;
    let repo = Repo::new();
    repo.backup(source(), "half_ledger");
    let (target, _turn) = target_alone().await;
    for (log_bin, then_restored) in [(true, false), (false, false), (true, true)] {
        data::run(target, &["FLUSH BINARY LOGS"]).await;
        let half = At::Words("CREATE TABLE myriad_restore.chunk", "", 1);
        killed_at(target, &repo, half, When::Answered, if log_bin { &["--log-bin"] } else { &[] });
        match then_restored {
            true => drop(run(&repo.restore_arguments(&address(target))).expect(0)),
            false => drop(run(&["restore", "--target", &address(target), "--abort"]).expect(0)),
        }
        let log = logged(target).await;
        assert_eq!(log.contains("CREATE TABLE myriad_restore.made"), log_bin, "{log}");
        let gone = log.contains("DROP SCHEMA IF EXISTS myriad_restore") || log.contains("`made`");
        assert_eq!(gone, log_bin, "{log}");
        assert_nothing_left(target).await;
    }
    drop_restored(target, "half_ledger").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_made_read_only_under_the_rows() {
    data::make(source(), "made_read_only", 300).await;
    let before = data::fingerprint(source(), "made_read_only").await;
    let repo = Repo::new();
    repo.backup(source(), "made_read_only");
    let (target, _turn) = target_alone().await;
    let (tap, options) = (Tap::before_mysql(target.socket()), target.connect_options());
    tap.aim(At::Words("LOAD DATA", "`account`", 1), When::Held, move || {
        RawSession::connect(&options).unwrap().execute(b"SET GLOBAL super_read_only = ON").unwrap();
    });
    let ended = run(&repo.restore_arguments(tap.address()));
    data::run(target, &["SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"]).await;
    let ended = ended.refused(33, &["read-only"]);
    assert!(ended.err.contains("the target was made read only"), "{}", ended.err);
    run(&repo.restore_arguments(&address(target))).expect(0);
    assert_eq!(data::fingerprint(target, "made_read_only").await, before);
    assert_nothing_left(target).await;
    drop_restored(target, "made_read_only").await;
}
