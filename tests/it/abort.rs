//! `restore --abort`, and what a restore that is broken off says: the commands that go on and that remove it, as they can be
//! pasted.

use crate::support::data::{self, assert_nothing_left, drop_restored, fingerprint, one};
use crate::support::program::{Ended, Repo, address, address_of, run, start};
use crate::support::server::{connect, source};
use crate::tuning::{settings, tunable, tuned_arguments};
use myriad::sandbox::Sandbox;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

/// Everything of a server that an aborted restore must leave as it was.
async fn state(server: &Sandbox) -> BTreeMap<String, String> {
    let mut state = settings(server).await;
    let mut session = connect(server).await;
    let others = [
        "SELECT 'schema', CONCAT(SCHEMA_NAME, ' ', DEFAULT_COLLATION_NAME) FROM information_schema.schemata",
        "SELECT 'table', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME, ' ', TABLE_TYPE) FROM information_schema.tables",
        "SELECT 'routine', CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME) FROM information_schema.routines",
        "SELECT 'trigger', CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME) FROM information_schema.triggers",
        "SELECT 'event', CONCAT(EVENT_SCHEMA, '.', EVENT_NAME) FROM information_schema.events",
        "SELECT 'user', CONCAT(User, '@', Host) FROM mysql.user",
        "SELECT 'executed', @@GLOBAL.gtid_executed",
    ];
    for sql in others {
        for row in session.query(sql).await.unwrap() {
            state.insert(format!("{} {}", row.text(0), row.text(1)), String::new());
        }
    }
    session.close().await;
    state
}

fn abort(server: &Sandbox, more: &[&str]) -> Ended {
    run(&[&["restore", "--target", &address(server), "--abort"], more].concat())
}

/// The commands that a broken-off restore prints.
#[track_caller]
fn printed(ended: &Ended) -> (String, String) {
    let line = |head: &str| {
        let line = ended.err.lines().find_map(|line| line.strip_prefix(head));
        line.unwrap_or_else(|| panic!("no {head:?} in:\n{}", ended.err)).to_owned()
    };
    (line("hint: to go on: "), line("hint: to remove what it left on the target: "))
}

/// Runs a line as a person pastes it.
fn paste(line: &str) -> Ended {
    let output = Command::new("sh").args(["-c", line]).env_clear().env("HOME", "/nonexistent").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test]
async fn what_a_killed_restore_made_is_removed_and_nothing_else() {
    data::make(source(), "aborted_new", 20_000).await;
    data::make(source(), "aborted_old", 300).await;
    let repo = Repo::new();
    data::run(source(), &["CREATE USER abort_made@localhost", "CREATE USER abort_theirs@localhost"]).await;
    repo.backup_with(source(), "aborted_*", &["--users"]).expect(0);
    data::run(source(), &["DROP USER abort_made@localhost", "DROP USER abort_theirs@localhost"]).await;
    let (server, _turn) = tunable().await;
    data::run(
        server,
        &[
            "CREATE DATABASE aborted_old COLLATE latin1_bin",
            "CREATE TABLE aborted_old.kept (id INT)",
            "CREATE PROCEDURE aborted_old.kept() SELECT 1",
            "CREATE USER abort_theirs@localhost",
        ],
    )
    .await;
    let before = state(server).await;
    let target = address(server);
    let users = ["--users", "--existing-users", "skip"];
    let arguments = [&tuned_arguments(&repo, &target)[..], &users].concat();
    for at_the_end in [false, true] {
        killed_on_its_way(server, &arguments, at_the_end).await;
        let plan = abort(server, &["--dry-run", "--json"]).expect(0).json();
        assert_eq!(plan["result"], "plan");
        let report = abort(server, &["--json"]).expect(0).json();
        assert_eq!(report["result"], "aborted");
        let removed = report["removed"].as_array().unwrap();
        let all = ["table aborted_old.account", "schema aborted_new", "user abort_made@localhost"];
        let late = ["event aborted_old.nightly", "view aborted_old.rich", "procedure aborted_old.pay"];
        for expected in all.iter().chain(late.iter().filter(|_| at_the_end)) {
            assert!(removed.contains(&(*expected).into()), "{expected} is not in {report:#}");
        }
        assert!(!removed.contains(&"schema aborted_old".into()), "{report:#}");
        assert!(removed.contains(&"schema myriad_restore".into()), "{report:#}");
        assert_eq!((&plan["removed"], &plan["kept"]), (&report["removed"], &report["kept"]));
        assert_eq!(state(server).await, before);
        assert_nothing_left(server).await;
    }
    // Once more: there is nothing.
    assert!(abort(server, &[]).expect(0).out.contains("there is nothing to abort"));
    drop_restored(server, "aborted_old").await;
    data::run(server, &["DROP USER abort_theirs@localhost"]).await;
}

/// Kills a restore while rows are on their way, or when nothing is left but to drop its ledger, from which a reader keeps it.
async fn killed_on_its_way(server: &Sandbox, arguments: &[&str], at_the_end: bool) {
    let mut restore = start(arguments);
    let ledger = "SELECT COUNT(*) FROM information_schema.tables WHERE TABLE_SCHEMA = 'myriad_restore' AND TABLE_NAME = 'setting'";
    let loaded = "SELECT COUNT(*) > 2 FROM myriad_restore.chunk";
    let loading = async || one(server, ledger).await == "1" && one(server, loaded).await == "1";
    assert!(restore.until(loading).await, "the restore ended too early");
    let mut reader = connect(server).await;
    if at_the_end {
        reader.execute("LOCK TABLES myriad_restore.run READ").await.unwrap();
        let dropping = "SELECT COUNT(*) FROM information_schema.processlist WHERE INFO LIKE 'DROP SCHEMA%'";
        assert!(restore.until(async || one(server, dropping).await != "0").await, "the restore ended too early");
    }
    restore.signal(Signal::KILL);
    restore.end();
    // The server does not notice that a client is gone whose statement waits.
    let waiting = one(server, "SELECT ID FROM information_schema.processlist WHERE INFO LIKE 'DROP SCHEMA%'").await;
    if at_the_end {
        data::run(server, &[format!("KILL {waiting}")]).await;
    }
    reader.close().await;
}

#[tokio::test]
async fn what_others_put_into_a_restored_schema_stays() {
    data::make(source(), "abort_shared", 20_000).await;
    let repo = Repo::new();
    repo.backup(source(), "abort_shared");
    let (server, _turn) = tunable().await;
    let target = address(server);
    let mut restore = start(&tuned_arguments(&repo, &target));
    let there =
        "SELECT COUNT(*) FROM information_schema.tables WHERE TABLE_SCHEMA = 'abort_shared' AND TABLE_NAME = 'log'";
    assert!(restore.until(async || one(server, there).await == "1").await, "the restore ended too early");
    restore.signal(Signal::KILL);
    restore.end();
    data::run(
        server,
        &[
            "CREATE TABLE abort_shared.theirs (id INT)",
            "CREATE VIEW abort_shared.rich AS SELECT 1",
            "CREATE LIBRARY abort_shared.theirs LANGUAGE JAVASCRIPT AS 'export function f() {}'",
        ],
    )
    .await;
    let plan = abort(server, &["--dry-run", "--json"]).expect(0).json();
    let report = abort(server, &["--json"]).expect(0).json();
    let kept = report["kept"][0].as_str().unwrap();
    assert!(kept.starts_with("schema abort_shared: it holds ") && kept.contains("library theirs"), "{report:#}");
    let planned = plan["kept"][0].as_str().unwrap();
    assert!(planned.starts_with("schema abort_shared: it holds ") && planned.contains("library theirs"), "{plan:#}");
    assert_eq!(plan["removed"], report["removed"]);
    let left = fingerprint(server, "abort_shared").await;
    assert_eq!(left.keys().map(String::as_str).collect::<Vec<_>>(), ["theirs", "view rich"]);
    assert_nothing_left(server).await;
    drop_restored(server, "abort_shared").await;
}

#[tokio::test]
async fn a_signal_prints_what_comes_next_and_both_lines_work_as_they_stand() {
    data::make(source(), "abort_lines", 30_000).await;
    let rows = fingerprint(source(), "abort_lines").await;
    let repo = Repo::new();
    repo.backup(source(), "abort_lines");
    let (server, _turn) = tunable().await;
    let before = state(server).await;
    let target = address(server);
    let arguments = [&tuned_arguments(&repo, &target)[..], &["--database", "abort_line?"]].concat();
    let loading = "SELECT COUNT(*) FROM information_schema.tables WHERE TABLE_SCHEMA = 'myriad_restore' AND TABLE_NAME = 'setting'";
    let stopped = async |signal| {
        let mut restore = start(&arguments);
        let reached = async || {
            one(server, loading).await == "1" && one(server, "SELECT COUNT(*) FROM myriad_restore.chunk").await != "0"
        };
        assert!(restore.until(reached).await, "the restore ended too early");
        let begun = Instant::now();
        restore.signal(signal);
        let ended = restore.end().expect(130);
        assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
        let (resume, abort) = printed(&ended);
        // The settings are undone, the rows and the ledger stay.
        let now = settings(server).await;
        assert!(now.iter().all(|(name, value)| before[name] == *value), "{}", ended.err);
        assert_ne!(one(server, "SELECT COUNT(*) FROM myriad_restore.chunk").await, "0");
        (resume, abort)
    };
    let (_, abort) = stopped(Signal::TERM).await;
    paste(&abort).expect(0);
    assert_eq!(state(server).await, before);
    let (resume, _) = stopped(Signal::INT).await;
    // It names the backup: there may be a newer one by then.
    assert!(resume.contains("--database 'abort_line?' --backup "), "{resume}");
    repo.backup(source(), "abort_lines");
    let resumed = paste(&resume).expect(0);
    assert!(resumed.out.contains("went on from an earlier try"), "{}", resumed.out);
    assert_eq!(fingerprint(server, "abort_lines").await, rows);
    assert_nothing_left(server).await;
    drop_restored(server, "abort_lines").await;
}

#[tokio::test]
async fn a_run_that_lives_is_not_aborted_and_a_wait_for_somebodys_lock_ends_with_a_signal() {
    data::make(source(), "abort_alive", 300).await;
    let repo = Repo::new();
    repo.backup(source(), "abort_alive");
    let (server, _turn) = tunable().await;
    let before = state(server).await;
    let login = address_of("abort_login:secret", server);
    data::run(
        server,
        &[
            "SET SESSION sql_log_bin = 0",
            "CREATE USER abort_login@localhost IDENTIFIED BY 'secret'",
            "GRANT ALL ON *.* TO abort_login@localhost",
            "CREATE DATABASE abort_alive",
            "CREATE TABLE abort_alive.account (id INT)",
        ],
    )
    .await;
    // Somebody's lock keeps the restore from its first table.
    let mut holder = connect(server).await;
    holder.execute("LOCK TABLES abort_alive.account READ").await.unwrap();
    let mut restore =
        start(&[&tuned_arguments(&repo, &login)[..], &["--drop-existing", "--definer", "current"]].concat());
    let waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE STATE LIKE 'Waiting for%metadata lock'";
    if !restore.until(async || one(server, waiting).await != "0").await {
        panic!("it did not wait: {:?}", restore.end());
    }
    abort(server, &[]).refused(32, &["another restore is running"]);
    let begun = Instant::now();
    restore.signal(Signal::INT);
    let ended = restore.end().expect(130);
    assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
    // What can be pasted holds no password, and asks for one.
    let (resume, removal) = printed(&ended);
    assert!(
        !ended.err.contains("secret") && resume.contains(" --definer current --password --backup "),
        "{}",
        ended.err
    );
    assert!(removal.ends_with(" --password --abort") && removal.contains("mysql://abort_login@/"), "{removal}");
    holder.execute("UNLOCK TABLES").await.unwrap();
    holder.close().await;

    // A restore of something else finds it in its way, and says what removes it.
    let other = Repo::new();
    other.backup(source(), "abort_alive");
    let refused = other.restore(server, &["--drop-existing"]).refused(32, &["unfinished restore of other data"]);
    let removal = "hint: to remove what it left on the target: ";
    let removal = refused.err.lines().find_map(|line| line.strip_prefix(removal)).expect("a line to paste");
    paste(removal).expect(0);
    assert_nothing_left(server).await;
    let undo = ["SET SESSION sql_log_bin = 0", "DROP DATABASE abort_alive", "DROP USER abort_login@localhost"];
    data::run(server, &undo).await;
    assert_eq!(state(server).await, before);
}

#[tokio::test]
async fn a_schema_of_the_ledgers_name_that_is_somebodys_own_is_left_alone() {
    data::make(source(), "abort_name", 300).await;
    let repo = Repo::new();
    repo.backup(source(), "abort_name");
    let (server, _turn) = tunable().await;
    let drop = "DROP DATABASE myriad_restore";
    let theirs = [
        (vec!["CREATE TABLE myriad_restore.orders (id INT)"], "table orders"),
        (vec!["CREATE TABLE myriad_restore.run (id INT)"], "table run with other columns"),
        (vec!["CREATE TABLE myriad_restore.setting (id INT)"], "table setting with other columns"),
        (vec!["CREATE FUNCTION myriad_restore.f() RETURNS INT DETERMINISTIC RETURN 1"], "function f"),
        (vec!["CREATE EVENT myriad_restore.e ON SCHEDULE EVERY 1 DAY DO SELECT 1"], "event e"),
        (vec!["CREATE LIBRARY myriad_restore.l LANGUAGE JAVASCRIPT AS 'export function f() {}'"], "library l"),
    ];
    for (statements, named) in theirs {
        data::run(server, &["CREATE DATABASE myriad_restore"]).await;
        data::run(server, &statements).await;
        let before = state(server).await;
        repo.restore(server, &[]).refused(32, &["myriad_restore", named]);
        repo.restore(server, &["--dry-run"]).refused(32, &["myriad_restore", named]);
        abort(server, &[]).refused(32, &["myriad_restore", named]);
        assert_eq!(state(server).await, before);
        let other = Repo::new();
        other.backup(server, "*");
        let shown = run(&["show", "--repo", &other.place()]).expect(0);
        let line = shown.out.lines().find(|line| line.contains("not taken: schema myriad_restore: "));
        assert!(line.is_some_and(|line| line.contains(named)), "{}", shown.out);
        data::run(server, &[drop]).await;
    }
    // An empty one is used.
    data::run(server, &["CREATE DATABASE myriad_restore"]).await;
    repo.restore(server, &[]).expect(0);
    assert_nothing_left(server).await;
    drop_restored(server, "abort_name").await;

    // What is put beside the ledger of a dead run keeps that from being dropped, and not its settings from being put back.
    let (before, target) = (settings(server).await, address(server));
    data::make(source(), "abort_beside", 20_000).await;
    let large = Repo::new();
    large.backup(source(), "abort_beside");
    killed_on_its_way(server, &tuned_arguments(&large, &target), false).await;
    let (beside, gone) = ("CREATE TABLE myriad_restore.mynote (id INT)", "DROP TABLE myriad_restore.mynote");
    data::run(server, &["SET SESSION sql_log_bin = 0", beside]).await;
    let refused = large.restore(server, &[]).refused(32, &["table mynote"]);
    assert!(refused.err.contains("has left settings") && refused.err.contains("redo log"), "{}", refused.err);
    let refused = abort(server, &[]).refused(32, &["table mynote"]);
    assert!(
        refused.err.contains("hint: setting redo log: OFF while rows were loaded, put back to ON"),
        "{}",
        refused.err
    );
    assert_eq!(settings(server).await, before);
    data::run(server, &["SET SESSION sql_log_bin = 0", gone]).await;
    abort(server, &[]).expect(0);
    assert_nothing_left(server).await;
}

#[tokio::test]
async fn a_ledger_of_another_server_undoes_nothing_and_one_that_cannot_be_written_all_settings() {
    data::make(source(), "abort_moved", 20_000).await;
    let repo = Repo::new();
    repo.backup(source(), "abort_moved");
    let (server, _turn) = tunable().await;
    let before = state(server).await;
    let target = address(server);
    let arguments = tuned_arguments(&repo, &target);
    killed_on_its_way(server, &arguments, false).await;
    let left = state(server).await;
    assert_ne!(settings(server).await, tuned_back(&before));

    // As a replica of the target, or a copy of its data directory, has it.
    let unlogged = "SET SESSION sql_log_bin = 0";
    data::run(server, &[unlogged, "UPDATE myriad_restore.run SET server = 'the other'"]).await;
    run(&arguments).refused(34, &["onto another server", "the other"]);
    run(&[&arguments[..], &["--dry-run"]].concat()).refused(34, &["onto another server"]);
    abort(server, &[]).refused(34, &["onto another server", "the other"]);
    assert_eq!(state(server).await, left);
    data::run(server, &[unlogged, "UPDATE myriad_restore.run SET server = @@server_uuid"]).await;

    data::run(server, &["SET GLOBAL super_read_only = ON"]).await;
    // A restore is refused before it changes anything, and says what is left; `--abort` puts everything back that it can.
    let refused = run(&arguments).refused(33, &["read only for every account"]);
    assert!(refused.err.contains("has left settings") && refused.err.contains("redo log"), "{}", refused.err);
    for _ in 0..2 {
        let ended = abort(server, &[]).refused(33, &["are put back", "their record"]);
        assert!(ended.err.contains("super_read_only=OFF") && ended.err.contains("redo log is ON"), "{}", ended.err);
        let mut now = settings(server).await;
        now.extend([("super_read_only".into(), "OFF".into()), ("read_only".into(), "OFF".into())]);
        assert_eq!(now, tuned_back(&before));
    }
    data::run(server, &["SET GLOBAL read_only = OFF"]).await;
    abort(server, &[]).expect(0);
    assert_eq!(state(server).await, before);
}

/// The settings of a [`state`].
fn tuned_back(state: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    state.iter().filter(|(name, _)| !name.contains(' ')).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[tokio::test]
async fn what_an_account_may_not_see_is_not_dropped_and_not_denied() {
    data::make(source(), "abort_part", 20_000).await;
    let repo = Repo::new();
    repo.backup(source(), "abort_part");
    let (server, _turn) = tunable().await;
    data::run(
        server,
        &[
            "CREATE USER abort_maker@localhost",
            "CREATE USER abort_nobody@localhost",
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON abort_part.* TO abort_maker@localhost",
        ],
    )
    .await;
    let target = address_of("abort_maker", server);
    let arguments = [&repo.restore_arguments(&target)[..], &["--no-objects"]].concat();
    let ended = run(&arguments).refused(12, &["cannot make the schema myriad_restore"]);
    assert!(ended.err.contains("hint: GRANT ALL ON myriad_restore.* TO "), "{}", ended.err);
    data::run(server, &["GRANT ALL ON myriad_restore.* TO abort_maker@localhost"]).await;
    let mut restore = start(&arguments);
    let loading = async || {
        one(server, "SELECT COUNT(*) FROM information_schema.tables WHERE TABLE_SCHEMA = 'myriad_restore' AND TABLE_NAME = 'run'").await == "1"
            && one(server, "SELECT COUNT(*) > 2 FROM myriad_restore.chunk").await == "1"
    };
    assert!(restore.until(loading).await, "the restore ended too early");
    restore.signal(Signal::KILL);
    restore.end();
    data::run(server, &["CREATE EVENT abort_part.theirs ON SCHEDULE EVERY 1 DAY DO SELECT 1"]).await;

    run(&["restore", "--target", &address_of("abort_nobody", server), "--abort"])
        .refused(12, &["account abort_nobody@localhost", "myriad_restore"]);
    let plan = run(&["restore", "--target", &target, "--abort", "--dry-run", "--json"]).expect(0).json();
    let report = run(&["restore", "--target", &target, "--abort", "--json"]).expect(0).json();
    let kept = report["kept"].to_string();
    assert!(kept.contains("schema abort_part: ") && kept.contains("no routines and no events there"), "{report:#}");
    assert_eq!((&plan["removed"], &plan["kept"]), (&report["removed"], &report["kept"]));
    let left = fingerprint(server, "abort_part").await;
    assert_eq!(left.keys().map(String::as_str).collect::<Vec<_>>(), ["event theirs"]);
    assert_nothing_left(server).await;
    let undo = ["DROP DATABASE abort_part", "DROP USER abort_maker@localhost, abort_nobody@localhost"];
    data::run(server, &undo).await;
}
