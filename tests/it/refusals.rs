//! What a restore refuses, what it leaves alone on its target, and how the target goes on in its source's history.

use crate::support::data::{self, assert_nothing_left, drop_restored, fingerprint, one};
use crate::support::program::{Repo, address, address_of, run, start};
use crate::support::server::{connect, options, own, source, target_alone};
use crate::support::tap::{At, Tap, Victim, When};
use crate::tuning::{settings, tunable, tuned_arguments};
use myriad::sandbox::{Sandbox, SandboxOptions};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything of a server that a refused restore must not touch, and a restore only in its schemas.
async fn state(server: &Sandbox, with_rows_of: &[&str]) -> BTreeMap<String, String> {
    let mut session = connect(server).await;
    let mut state = BTreeMap::new();
    for row in session.query("SHOW GLOBAL VARIABLES").await.unwrap() {
        state.insert(format!("variable {}", row.text(0)), row.text(1));
    }
    for row in session.query("SHOW DATABASES").await.unwrap() {
        state.insert(format!("schema {}", row.text(0)), String::new());
    }
    let log = session.query_first("SHOW BINARY LOG STATUS").await.unwrap().unwrap();
    state.insert("binary log".into(), format!("{} {} {}", log.text(0), log.text(1), log.text(4)));
    session.close().await;
    for schema in with_rows_of {
        for (name, print) in fingerprint(server, schema).await {
            state.insert(format!("{schema} {name}"), print);
        }
    }
    state
}

/// Makes `replica` follow `source` from now on, and waits until it is attached.
async fn follow(replica: &Sandbox, source: &Sandbox) {
    data::run(
        source,
        &[
            "SET SESSION sql_log_bin = 0",
            "CREATE USER IF NOT EXISTS follower@'%' IDENTIFIED BY 'f'",
            "GRANT REPLICATION SLAVE ON *.* TO follower@'%'",
        ],
    )
    .await;
    let change = format!(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={}, SOURCE_USER='follower', \
         SOURCE_PASSWORD='f', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1",
        source.port().unwrap()
    );
    data::run(replica, &[&change, "START REPLICA"]).await;
    wait(source, "SELECT COUNT(*) FROM information_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%'", "1").await;
}

async fn wait(server: &Sandbox, sql: &str, value: &str) {
    for _ in 0..600 {
        if one(server, sql).await == value {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut session = connect(server).await;
    let errors = "SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker \
                  UNION SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_connection_status";
    let errors: Vec<_> = session.query(errors).await.unwrap().iter().map(|row| row.text(0)).collect();
    panic!("{sql} never gave {value}; replication says {errors:?}");
}

fn with_tcp() -> SandboxOptions {
    SandboxOptions { tcp: true, ..options() }
}

#[tokio::test]
async fn every_refusal_is_listed_at_once_with_its_option_and_nothing_is_touched() {
    let (server, replica) = (own(with_tcp()), own(options()));
    data::make(&server, "d", 500).await;
    let repo = Repo::new();
    repo.backup(&server, "d");

    let before = state(&server, &["d"]).await;
    let two = repo.restore(&server, &[]).refused(30, &["that this backup was taken from", "d.account", "d.rich"]);
    assert!(two.err.contains(&goes_on(&repo, &server, "--allow-source --drop-existing")), "{}", two.err);
    repo.restore(&server, &["--drop-existing"]).refused(30, &["taken from"]);
    repo.restore(&server, &["--allow-source"]).refused(32, &["d.account", "d.document", "d.log", "d.rich"]);

    follow(&replica, &server).await;
    let three = repo.restore(&server, &[]).refused(30, &["taken from", "has replicas attached", "d.account"]);
    assert!(three.err.contains(&goes_on(&repo, &server, "--allow-source --allow-replicas --drop-existing")));
    repo.restore(&server, &["--allow-source", "--drop-existing"]).refused(31, &["replicas"]);
    repo.restore(&server, &["--allow-source", "--allow-replicas"]).refused(32, &["d.account"]);
    // A plan is refused too: it would not be followed.
    repo.restore(&server, &["--allow-source", "--allow-replicas", "--dry-run"]).refused(32, &["d.account"]);
    let after = state(&server, &["d"]).await;
    assert_eq!(after, before);

    // All three overridden: the source's own binary log is written, so the replica gets the restore too.
    repo.restore(&server, &["--allow-source", "--allow-replicas", "--drop-existing"]).expect(0);
    let executed = one(&server, "SELECT @@GLOBAL.gtid_executed").await;
    wait(&replica, &format!("SELECT GTID_SUBSET('{executed}', @@GLOBAL.gtid_executed)"), "1").await;
    let restored = fingerprint(&server, "d").await;
    assert!(restored.iter().all(|(name, print)| before[&format!("d {name}")] == *print));
    assert_eq!(fingerprint(&replica, "d").await, restored);
    assert_nothing_left(&server).await;
}

/// The end of a refusal: the command line as it was typed, and the options that go on.
fn goes_on(repo: &Repo, server: &Sandbox, flags: &str) -> String {
    let address = address(server);
    format!("myriad {} {flags}\n", repo.restore_arguments(&address).join(" "))
}

#[tokio::test]
async fn a_restore_beside_the_live_data_leaves_it_alone() {
    let server = own(options());
    data::make(&server, "live", 2000).await;
    let repo = Repo::new();
    repo.backup(&server, "live");
    let before = fingerprint(&server, "live").await;
    repo.restore(&server, &["--rename", "live=beside"]).expect(0);
    assert_eq!(fingerprint(&server, "live").await, before);
    assert_eq!(fingerprint(&server, "beside").await, before);
    assert_nothing_left(&server).await;
}

#[tokio::test]
async fn a_restore_changes_no_setting_and_no_log_of_its_target() {
    let (server, _turn) = target_alone().await;
    data::make(source(), "guard_settings", 2000).await;
    let repo = Repo::new();
    repo.backup(source(), "guard_settings");
    let before = state(server, &[]).await;
    for more in [&[][..], &["--gtid-purged", "off"]] {
        let report = repo.restore(server, &[&["--json"], more].concat()).expect(0).json();
        assert_eq!(report["writes_binary_log"], false);
        assert_eq!(report["gtid"]["why"], "only a part of the instance was restored");
        // Not by the restore's own schema, so that the states compare.
        data::run(server, &["SET SESSION sql_log_bin = 0", "DROP DATABASE guard_settings"]).await;
        assert_eq!(state(server, &[]).await, before);
    }
    let report = repo.restore(server, &["--log-bin", "--json"]).expect(0).json();
    assert_eq!(report["writes_binary_log"], true);
    let mut after = state(server, &[]).await;
    assert_ne!(after["binary log"], before["binary log"]);
    for name in ["binary log", "variable gtid_executed", "schema guard_settings"] {
        after.remove(name);
    }
    assert!(after.iter().all(|(name, value)| before[name] == *value));
    drop_restored(server, "guard_settings").await;
}

#[tokio::test]
async fn without_the_right_the_log_is_written_and_the_summary_says_so() {
    let (server, _turn) = target_alone().await;
    data::make(source(), "guard_right", 200).await;
    let repo = Repo::new();
    repo.backup(source(), "guard_right");
    data::run(
        server,
        &[
            "SET GLOBAL log_bin_trust_function_creators = OFF",
            "CREATE USER plain@localhost IDENTIFIED BY 'p'",
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW,
             CREATE ROUTINE, ALTER ROUTINE, TRIGGER, EVENT, PROCESS, REPLICATION SLAVE ON *.* TO plain@localhost",
        ],
    )
    .await;
    let log = "SELECT @@GLOBAL.gtid_executed";
    let before = one(server, log).await;
    let target = address_of("plain:p", server);
    let restore = |more: &[&str]| run(&[&repo.restore_arguments(&target)[..], more].concat());
    // Another account's definer, and a trigger under a binary log: found before anything is changed, each with what to do.
    let refused =
        restore(&[]).refused(12, &["trigger guard_right.document_log", "'root'@'localhost' (needs SET_ANY_DEFINER)"]);
    assert!(refused.err.contains("log_bin_trust_function_creators=ON"), "{}", refused.err);
    assert!(refused.err.contains(" --definer current\n"), "{}", refused.err);
    restore(&["--definer", "current"])
        .refused(33, &["log_bin_trust_function_creators=OFF, and refuses trigger guard_right.document_log"]);
    let schemas =
        "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME IN ('guard_right', 'myriad_restore')";
    assert_eq!(one(server, schemas).await, "0");
    let report = restore(&["--no-objects"]).expect(0);
    assert!(report.out.contains("the account may not switch it off"), "{}", report.out);
    assert!(report.out.contains("binary log of the target: written"), "{}", report.out);
    assert_ne!(one(server, log).await, before);
    drop_restored(server, "guard_right").await;
    data::run(server, &["DROP USER plain@localhost"]).await;
}

#[tokio::test]
async fn a_whole_instance_is_handed_its_past_and_replicates_from_there() {
    let (source, target) = (own(with_tcp()), own(options()));
    data::make(&source, "d", 2000).await;
    let repo = Repo::new();
    repo.backup_with(&source, "*", &[]).expect(0);
    // A selection, even of everything, is a part; so is a backup by one.
    let part = repo.restore(&target, &["--gtid-purged", "auto"]).expect(0);
    assert!(part.out.contains("gtid_purged: not set, only a part of the instance was restored"), "{}", part.out);
    assert_eq!(one(&target, "SELECT @@GLOBAL.gtid_executed").await, "");
    data::run(&target, &["SET SESSION sql_log_bin = 0", "DROP DATABASE d"]).await;

    let repo = Repo::new();
    let backup = ["backup", "--source", &address(&source), "--repo", &repo.place(), "--json"];
    let taken = run(&backup).expect(0).json();
    let executed = one(&source, "SELECT REPLACE(@@GLOBAL.gtid_executed, '\\n', '')").await;
    assert_eq!(taken["position"]["gtid_executed"], executed.as_str());
    let cases: [(&[&str], &str); 4] = [
        (&["--gtid-purged", "off"], "--gtid-purged auto was not given"),
        (&["--gtid-purged", "auto", "--verify", "none"], "the rows were not proved"),
        (&["--gtid-purged", "auto", "--no-objects"], "only a part of the instance was restored"),
        (&["--gtid-purged", "auto", "--rename", "d=e"], "only a part of the instance was restored"),
    ];
    for (more, why) in cases {
        let report = repo.restore(&target, more).expect(0);
        let lines: Vec<_> = report.out.lines().filter(|line| line.contains("gtid_purged: not set")).collect();
        assert!(lines.len() == 1 && lines[0].contains(why), "{}", report.out);
        assert_eq!(one(&target, "SELECT @@GLOBAL.gtid_executed").await, "", "{more:?}");
        let drops = ["SET SESSION sql_log_bin = 0", "DROP DATABASE IF EXISTS d", "DROP DATABASE IF EXISTS e"];
        data::run(&target, &drops).await;
    }
    // Killed when it is set and before that is known: the next run finds it set, and does not take it for a stranger's.
    let (tap, victim) = (Tap::before_mysql(target.socket()), Victim::default());
    tap.aim(At::Words("SET GLOBAL gtid_purged", "", 1), When::Answered, victim.strike());
    let killed = start(&[&repo.restore_arguments(tap.address())[..], &["--gtid-purged", "auto"]].concat());
    victim.is(killed.pid());
    killed.end().expect(-1);
    let report = repo.restore(&target, &["--gtid-purged", "auto"]).expect(0);
    assert!(report.out.contains(&format!("gtid_purged: set to {executed}")), "{}", report.out);
    assert_eq!(one(&target, "SELECT REPLACE(@@GLOBAL.gtid_executed, '\\n', '')").await, executed);

    data::run(&source, &["INSERT INTO d.log VALUES (NOW(3), 'after the backup')", "CALL d.pay(7)"]).await;
    follow(&target, &source).await;
    let executed = one(&source, "SELECT @@GLOBAL.gtid_executed").await;
    wait(&target, &format!("SELECT GTID_SUBSET('{executed}', @@GLOBAL.gtid_executed)"), "1").await;
    assert_eq!(fingerprint(&target, "d").await, fingerprint(&source, "d").await);
}

#[tokio::test]
async fn a_target_with_a_past_of_its_own_keeps_it() {
    let source = own(options());
    data::make(&source, "d", 100).await;
    let repo = Repo::new();
    run(&["backup", "--source", &address(&source), "--repo", &repo.place()]).expect(0);
    let auto = ["--gtid-purged", "auto"];

    let logged = own(options());
    let report = repo.restore(&logged, &[&auto[..], &["--log-bin"]].concat()).expect(0);
    assert!(report.out.contains("not set, the restore was written to the target's binary log"), "{}", report.out);

    let off = own(SandboxOptions {
        arguments: vec!["--gtid-mode=OFF".into(), "--enforce-gtid-consistency=OFF".into()],
        ..options()
    });
    let report = repo.restore(&off, &auto).expect(0);
    assert!(report.out.contains("not set, the target's gtid_mode is not ON"), "{}", report.out);

    let shared = own(options());
    let past = one(&source, "SELECT CONCAT(@@server_uuid, ':1')").await;
    data::run(&shared, &[format!("SET GLOBAL gtid_purged = '{past}'")]).await;
    let report = repo.restore(&shared, &auto).expect(0);
    assert!(report.out.contains("not set, the target has executed transactions of this set itself"), "{}", report.out);
    assert_eq!(one(&shared, "SELECT @@GLOBAL.gtid_executed").await, past);
}

/// Kills a restore when two transactions are committed and the target's settings are changed.
fn killed(target: &Sandbox, repo: &Repo, more: &[&str]) {
    let (tap, victim) = (Tap::before_mysql(target.socket()), Victim::default());
    tap.aim(At::Words("COMMIT", "", 2), When::Answered, victim.strike());
    let restore = start(&[&tuned_arguments(repo, tap.address())[..], more].concat());
    victim.is(restore.pid());
    restore.end().expect(-1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_goes_on_as_it_began_or_changes_nothing() {
    data::make(source(), "go_on", 3000).await;
    let repo = Repo::new();
    repo.backup(source(), "go_on");
    let (target, _turn) = tunable().await;
    let at = address(target);
    let restore = |more: &[&str]| run(&[&tuned_arguments(&repo, &at)[..], more].concat());
    let executed = "SELECT @@GLOBAL.gtid_executed";
    let (before, begun) = (settings(target).await, one(target, executed).await);
    killed(target, &repo, &[]);

    // Refused: what the dead run has set is as it was left.
    let left = settings(target).await;
    assert_ne!(left, before);
    let uuid = one(target, "SELECT @@server_uuid").await;
    let other = restore(&["--target-is", "another"]).refused(34, &[&uuid, "not another"]);
    assert!(!other.err.contains("to go on"), "{}", other.err);
    restore(&["--log-bin"]).refused(2, &["is not in the target's binary log so far"]);
    restore(&["--no-data"]).refused(32, &["unfinished restore of other data"]);
    assert_eq!(settings(target).await, left);

    let done = restore(&["--json"]).expect(0).json();
    assert_eq!((&done["resumed"], &done["writes_binary_log"]), (&true.into(), &false.into()));
    assert_eq!((settings(target).await, one(target, executed).await), (before.clone(), begun.clone()));
    drop_restored(target, "go_on").await;

    // One that began in the binary log ends there, also where it is not asked for again.
    killed(target, &repo, &["--log-bin"]);
    let half = one(target, executed).await;
    let done = restore(&["--json"]).expect(0).json();
    assert_eq!((&done["resumed"], &done["writes_binary_log"]), (&true.into(), &true.into()));
    assert_ne!(one(target, executed).await, half);
    assert_eq!(settings(target).await, before);
    drop_restored(target, "go_on").await;

    // Stopped while the guard waits to see who writes.
    data::run(target, &["CREATE DATABASE beside_it", "CREATE TABLE beside_it.t (id INT)"]).await;
    let place = repo.place();
    let mut waits = start(&["restore", "--target", &at, "--repo", &place]);
    assert!(waits.until(async || one(target, "SELECT IS_USED_LOCK('myriad_restore') IS NULL").await == "0").await);
    waits.signal(Signal::INT);
    let ended = waits.end().refused(130, &["stopped before the target was touched"]);
    assert!(!ended.err.contains("chunks"), "{}", ended.err);
    assert_nothing_left(target).await;
}
