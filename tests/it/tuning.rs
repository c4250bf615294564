//! Global settings of the target: which a restore changes while it loads, that they are as before at its end, after a kill at
//! any moment, and what a server that dies with its redo log off comes to.

use crate::support::data::{self, assert_nothing_left, drop_restored, fingerprint, one};
use crate::support::program::{Repo, address, address_of, run, start};
use crate::support::server::{connect, mariadb_options, options, own, shared, source};
use myriad::sandbox::{Sandbox, SandboxOptions};
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard};

/// All that a restore with `--tune auto --redo auto` changes on MySQL, in the order in which it does.
const ALL: [&str; 5] = [
    "innodb_redo_log",
    "innodb_doublewrite",
    "innodb_extend_and_initialize",
    "local_infile",
    "innodb_adaptive_hash_index",
];

/// A target without LOAD DATA LOCAL whose settings only these tests change, for one of them at a time. It holds nothing, also
/// where the test before failed.
pub async fn tunable() -> (&'static Sandbox, MutexGuard<'static, ()>) {
    static SERVER: OnceLock<&'static Sandbox> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let without = || SandboxOptions { arguments: vec!["--local-infile=OFF".into()], ..options() };
    let server = *SERVER.get_or_init(|| shared(without()));
    let mut session = connect(server).await;
    session.execute("SET GLOBAL read_only = OFF").await.unwrap();
    let schemas = "SELECT SCHEMA_NAME FROM information_schema.schemata WHERE SCHEMA_NAME NOT IN \
                   ('mysql', 'sys', 'information_schema', 'performance_schema')";
    for row in session.query(schemas).await.unwrap() {
        session.execute(format!("DROP DATABASE {}", row.text(0))).await.unwrap();
    }
    session.execute("ALTER INSTANCE ENABLE INNODB REDO_LOG").await.unwrap();
    session.close().await;
    (server, turn)
}

/// The arguments of a restore that changes settings.
pub fn tuned_arguments<'a>(repo: &Repo, target: &'a str) -> Vec<&'a str> {
    [&repo.restore_arguments(target)[..], &["--tune", "auto", "--redo", "auto"]].concat()
}

/// Every global variable, and whether there is a redo log.
pub async fn settings(server: &Sandbox) -> BTreeMap<String, String> {
    let mut session = connect(server).await;
    let redo = "SHOW GLOBAL STATUS WHERE Variable_name = 'Innodb_redo_log_enabled'";
    let mut all = session.query("SHOW GLOBAL VARIABLES").await.unwrap();
    all.extend(session.query(redo).await.unwrap());
    session.close().await;
    // Tests write the binary log; a restore that does not is tested elsewhere.
    let changing = |name: &str| name.starts_with("gtid_") || name == "timestamp";
    all.iter().map(|row| (row.text(0), row.text(1))).filter(|(name, _)| !changing(name)).collect()
}

/// Names and fates of the settings in a report.
fn fates(report: &serde_json::Value) -> Vec<(String, String)> {
    let settings = report["settings"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    settings.iter().map(|setting| (text(&setting["name"]), text(&setting["fate"]))).collect()
}

fn all_put_back() -> Vec<(String, String)> {
    ALL.map(|name| (name.to_owned(), "put_back".to_owned())).to_vec()
}

const REDO_IS_OFF: &str = "SELECT VARIABLE_VALUE = 'OFF' FROM performance_schema.global_status \
                           WHERE VARIABLE_NAME = 'Innodb_redo_log_enabled'";

/// The last setting is changed, so the rows are on their way.
const ALL_CHANGED: &str = "SELECT @@GLOBAL.innodb_adaptive_hash_index";

#[tokio::test]
async fn settings_are_changed_while_rows_are_loaded_and_are_as_before_at_the_end() {
    data::make(source(), "tuning_whole", 20_000).await;
    let repo = Repo::new();
    repo.backup(source(), "tuning_whole");
    let (server, _turn) = tunable().await;
    let (before, target) = (settings(server).await, address(server));
    let arguments = tuned_arguments(&repo, &target);

    let plan = run(&[&arguments[..], &["--dry-run", "--json"]].concat()).expect(0).json();
    let planned: Vec<_> = plan["settings"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!((planned, &plan["way"]), (ALL.to_vec(), &"load-data".into()));
    assert_eq!(settings(server).await, before);

    let mut restore = start(&[&arguments[..], &["--json"]].concat());
    assert!(restore.until(async || one(server, ALL_CHANGED).await == "1").await, "nothing was changed");
    assert_eq!(one(server, REDO_IS_OFF).await, "1");
    assert_eq!(one(server, "SELECT @@GLOBAL.innodb_doublewrite").await, "DETECT_ONLY");
    let report = restore.end().expect(0).json();
    assert_eq!(fates(&report), all_put_back());
    assert_eq!(report["way"], "load-data");
    assert_eq!(settings(server).await, before);
    assert_eq!(fingerprint(server, "tuning_whole").await, fingerprint(source(), "tuning_whole").await);
    drop_restored(server, "tuning_whole").await;

    // The redo log stays where the binary log is written: nothing is gained by it then.
    let logged = run(&[&arguments[..], &["--log-bin", "--json"]].concat()).expect(0).json();
    assert_eq!(fates(&logged), all_put_back()[3..]);
    drop_restored(server, "tuning_whole").await;
    // Nothing to load, nothing to change.
    let empty = run(&[&arguments[..], &["--no-data", "--json"]].concat()).expect(0).json();
    assert_eq!((fates(&empty), settings(server).await), (Vec::new(), before));
    drop_restored(server, "tuning_whole").await;
}

#[tokio::test]
async fn a_person_is_told_before_and_after() {
    data::make(source(), "tuning_told", 300).await;
    let repo = Repo::new();
    repo.backup(source(), "tuning_told");
    let (server, _turn) = tunable().await;
    let ended = run(&tuned_arguments(&repo, &address(server))).expect(0);
    assert!(ended.err.contains("redo log is off while rows are loaded: a target that crashes"), "{}", ended.err);
    for line in [
        "  setting redo log: OFF while rows were loaded, put back to ON\n",
        "  setting local_infile: ON while rows were loaded, put back to OFF\n",
    ] {
        assert!(ended.out.contains(line), "{}", ended.out);
    }
    drop_restored(server, "tuning_told").await;
}

#[tokio::test]
async fn a_redo_log_that_was_off_before_stays_off() {
    data::make(source(), "tuning_off", 300).await;
    let repo = Repo::new();
    repo.backup(source(), "tuning_off");
    let (server, _turn) = tunable().await;
    data::run(server, &["ALTER INSTANCE DISABLE INNODB REDO_LOG"]).await;
    let before = settings(server).await;
    for redo in ["auto", "off", "on"] {
        let arguments = tuned_arguments(&repo, "target");
        let target = address(server);
        let arguments: Vec<&str> = arguments.into_iter().map(|a| if a == "target" { &target } else { a }).collect();
        let report = run(&[&arguments[..], &["--redo", redo, "--json"]].concat()).expect(0).json();
        assert_eq!(report["settings"][0]["name"], "innodb_redo_log");
        assert_eq!(
            (&report["settings"][0]["fate"], &report["settings"][0]["now"]),
            (&"as_found".into(), &"OFF".into())
        );
        assert!(report["notes"].to_string().contains("redo log was off before and stays off"), "{report:#}");
        assert_eq!(settings(server).await, before, "{redo}");
        drop_restored(server, "tuning_off").await;
    }
    data::run(server, &["ALTER INSTANCE ENABLE INNODB REDO_LOG"]).await;
}

#[tokio::test]
async fn other_data_keeps_its_redo_log_and_the_source_all_its_settings() {
    data::make(source(), "tuning_other", 300).await;
    let repo = Repo::new();
    repo.backup(source(), "tuning_other");
    let (server, _turn) = tunable().await;
    let (before, target) = (settings(server).await, address(server));
    data::run(server, &["CREATE DATABASE tuning_theirs", "CREATE TABLE tuning_theirs.kept (id INT)"]).await;
    let arguments = tuned_arguments(&repo, &target);
    run(&[&arguments[..], &["--redo", "off"]].concat())
        .refused(32, &["not touched", "--redo off", "holds other data", "table tuning_theirs.kept"]);
    assert_eq!(
        one(server, "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME = 'myriad_restore'").await,
        "0"
    );
    let report = run(&[&arguments[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(fates(&report), all_put_back()[3..]);

    // Beside the live data nothing is changed at all, nor can it be asked for.
    let live = Repo::new();
    live.backup(server, "tuning_other");
    let beside = ["--rename", "tuning_other=tuning_beside", "--allow-source"];
    let beside = [&tuned_arguments(&live, &target)[..], &beside].concat();
    run(&[&beside[..], &["--redo", "off"]].concat()).refused(32, &["--redo off", "is in use"]);
    let report = run(&[&beside[..], &["--json"]].concat()).expect(0).json();
    assert_eq!((fates(&report), &report["way"]), (Vec::new(), &"insert".into()));
    assert_eq!(settings(server).await, before);
    for schema in ["tuning_other", "tuning_beside", "tuning_theirs"] {
        drop_restored(server, schema).await;
    }
}

#[tokio::test]
async fn without_the_right_nothing_is_changed_and_that_is_said() {
    data::make(source(), "tuning_right", 300).await;
    let repo = Repo::new();
    repo.backup(source(), "tuning_right");
    let (server, _turn) = tunable().await;
    data::run(
        server,
        &[
            "CREATE USER tuner@localhost",
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, PROCESS, REPLICATION SLAVE ON *.*
             TO tuner@localhost",
            "GRANT SESSION_VARIABLES_ADMIN ON *.* TO tuner@localhost",
        ],
    )
    .await;
    let (before, target) = (settings(server).await, address_of("tuner", server));
    let arguments = [&tuned_arguments(&repo, &target)[..], &["--no-objects"]].concat();
    run(&[&arguments[..], &["--redo", "off"]].concat()).refused(12, &["--redo off", "INNODB_REDO_LOG_ENABLE"]);
    let report = run(&[&arguments[..], &["--json"]].concat()).expect(0).json();
    assert_eq!((fates(&report), &report["way"]), (Vec::new(), &"insert".into()));
    let notes = report["notes"].to_string();
    assert!(notes.contains("not tuned: local_infile, innodb_adaptive_hash_index: the account lacks"), "{notes}");
    drop_restored(server, "tuning_right").await;

    // The one right without the other: the redo log alone.
    data::run(server, &["GRANT INNODB_REDO_LOG_ENABLE ON *.* TO tuner@localhost"]).await;
    let report = run(&[&arguments[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(fates(&report), all_put_back()[..1]);
    assert_eq!(settings(server).await, before);
    drop_restored(server, "tuning_right").await;
    data::run(server, &["DROP USER tuner@localhost"]).await;
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_left_alone() {
    data::make(source(), "tuning_theirs_now", 20_000).await;
    let repo = Repo::new();
    repo.backup(source(), "tuning_theirs_now");
    let (server, _turn) = tunable().await;
    let target = address(server);
    let mut restore = start(&tuned_arguments(&repo, &target));
    assert!(restore.until(async || one(server, ALL_CHANGED).await == "1").await, "nothing was changed");
    restore.signal(Signal::KILL);
    restore.end();
    // One to a value of their own, one to what it was before.
    data::run(server, &["SET GLOBAL innodb_doublewrite = 'DETECT_AND_RECOVER'", "SET GLOBAL local_infile = OFF"]).await;
    let report = run(&[&repo.restore_arguments(&target)[..], &["--json"]].concat()).expect(0).json();
    let mut expected = all_put_back();
    expected[1].1 = "left_alone".into();
    expected[3].1 = "as_found".into();
    assert_eq!(fates(&report), expected);
    assert_eq!(one(server, "SELECT @@GLOBAL.innodb_doublewrite").await, "DETECT_AND_RECOVER");
    // Its name stays with ON, which is the same mode.
    data::run(server, &["SET GLOBAL innodb_doublewrite = 'DETECT_ONLY'", "SET GLOBAL innodb_doublewrite = 'ON'"]).await;
    drop_restored(server, "tuning_theirs_now").await;
}

/// How many moments are tried: many only where the whole is asked for.
fn moments() -> u32 {
    if std::env::var_os("MYRIAD_TEST_FULL").is_some() { 500 } else { 6 }
}

#[tokio::test]
async fn a_restore_killed_at_any_moment_leaves_every_setting_to_whoever_comes_next() {
    data::make(source(), "tuning_kills", 6000).await;
    let rows = fingerprint(source(), "tuning_kills").await;
    let repo = Repo::new();
    repo.backup(source(), "tuning_kills");
    let (server, _turn) = tunable().await;
    let (before, target) = (settings(server).await, address(server));
    let arguments = tuned_arguments(&repo, &target);
    let begun = Instant::now();
    run(&arguments).expect(0);
    let whole = begun.elapsed();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(20_261_124);
    let (mut changed, mut resumed, mut aborted) = (0, 0, 0);
    for n in 0..moments() {
        drop_restored(server, "tuning_kills").await;
        let restore = start(&arguments);
        tokio::time::sleep(whole.mul_f64(random.random_range(0.0..1.0))).await;
        restore.signal(Signal::KILL);
        restore.end();
        changed += u32::from(settings(server).await != before);
        if n % 2 == 0 {
            let ended = run(&[&arguments[..], &["--json"]].concat());
            // Killed after its last step: what is restored is in the way of another restore.
            if ended.code != 32 || !ended.err.contains("of the same name") {
                resumed += u32::from(ended.expect(0).json()["resumed"] == true);
            }
            assert_eq!(fingerprint(server, "tuning_kills").await, rows);
        } else {
            let report = run(&["restore", "--target", &target, "--abort", "--json"]).expect(0).json();
            aborted += u32::from(report["result"] == "aborted");
        }
        assert_eq!(settings(server).await, before, "moment {n}");
        assert_nothing_left(server).await;
    }
    println!("{} moments: settings were changed at {changed}, {resumed} runs resumed, {aborted} aborted", moments());
    assert!(changed > 0 || moments() < 10, "no run was killed while settings were changed");
    drop_restored(server, "tuning_kills").await;
}

#[tokio::test]
async fn a_target_that_dies_without_its_redo_log_must_be_rebuilt() {
    data::make(source(), "tuning_dies", 40_000).await;
    let repo = Repo::new();
    repo.backup(source(), "tuning_dies");
    let mut server = own(options());
    let target = address(&server);
    let arguments = tuned_arguments(&repo, &target);
    let mut restore = start(&arguments);
    let loaded = async || {
        one(&server, ALL_CHANGED).await == "1"
            && one(&server, "SELECT COUNT(*) > 4 FROM myriad_restore.chunk").await == "1"
    };
    assert!(restore.until(loaded).await, "the restore ended too early");
    server.kill9();
    let ended = restore.end().refused(43, &["was lost while its redo log was off"]);
    assert!(ended.err.contains("MY-013598") && !ended.err.contains("PROVED"), "{}", ended.err);
    // It is as was said: the server does not start.
    assert!(server.restart().is_err());
    assert!(std::fs::read_to_string(server.log()).unwrap().contains("MY-013598"));
    // Nor is it taken for a target where somebody forces it up.
    let forced = Forced::start(&server);
    run(&arguments).refused(43, &["innodb_force_recovery=6"]);
    run(&["restore", "--target", &target, "--abort"]).refused(43, &["innodb_force_recovery=6"]);
    drop(forced);
}

/// A server on the data of another, under `innodb_force_recovery`.
struct Forced(Child);

impl Forced {
    fn start(server: &Sandbox) -> Forced {
        let mut command = Command::new(server.program());
        command.args(["--no-defaults", "--user=root", "--skip-networking", "--mysqlx=OFF", "--secure-file-priv=NULL"]);
        command.args(["--innodb-force-recovery=6", "--skip-log-bin", "--event-scheduler=OFF"]);
        command.arg(format!("--datadir={}", server.data_dir().display()));
        command.arg(format!("--socket={}", server.socket().display()));
        command.arg(format!("--log-error={}", server.folder().join("forced.err").display()));
        let forced = Forced(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(60);
        while run(&["restore", "--target", &address(server), "--abort"]).code == 10 {
            assert!(Instant::now() < deadline, "the forced server does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        forced
    }
}

impl Drop for Forced {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn mariadb_has_nothing_to_change_but_local_infile() {
    let without = || SandboxOptions { arguments: vec!["--local-infile=OFF".into()], ..mariadb_options() };
    let server = own(without());
    data::run(
        &server,
        &[
            "CREATE DATABASE d",
            "CREATE TABLE d.t (id INT PRIMARY KEY, v TEXT)",
            "INSERT INTO d.t VALUES (1, 'x'), (2, 'y')",
        ],
    )
    .await;
    let repo = Repo::new();
    repo.backup(&server, "d");
    data::run(&server, &["DROP DATABASE d"]).await;
    let (before, target) = (settings(&server).await, address(&server));
    let arguments = [&tuned_arguments(&repo, &target)[..], &["--allow-source"]].concat();
    run(&[&arguments[..], &["--redo", "off"]].concat()).refused(33, &["--redo off", "MariaDB"]);
    let report = run(&[&arguments[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(fates(&report), Vec::new(), "the source itself is not tuned");
    assert_eq!(settings(&server).await, before);
    let abort = || run(&["restore", "--target", &target, "--abort", "--json"]);
    assert_eq!(abort().expect(0).json()["result"], "nothing");

    // What abort tells apart there: somebody's own schema, a ledger of another server, its own.
    data::run(&server, &["CREATE DATABASE myriad_restore", "CREATE SEQUENCE myriad_restore.theirs"]).await;
    abort().refused(32, &["table theirs"]);
    data::run(
        &server,
        &[
            "DROP SEQUENCE myriad_restore.theirs",
            "CREATE TABLE myriad_restore.made AS SELECT 'schema' kind, 'e' schema_name, '' object_name UNION SELECT 'table', 'e', 't'",
            "CREATE TABLE myriad_restore.account (user_name INT, host_name INT, replaced INT)",
            "CREATE TABLE myriad_restore.collation (schema_name INT, collation_name INT, given INT)",
            "CREATE TABLE myriad_restore.run AS SELECT 1 id, 'b' backup, '' manifest, '' scope, NOW() begun, 0 logged, \
             CONCAT(@@hostname, ':', @@port, ':', @@server_id + 1) server",
            "CREATE DATABASE e",
            "CREATE TABLE e.t (id INT)",
        ],
    )
    .await;
    abort().refused(34, &["onto another server"]);
    let here = "UPDATE myriad_restore.run SET server = CONCAT(@@hostname, ':', @@port, ':', @@server_id)";
    data::run(&server, &[here]).await;
    let report = abort().expect(0).json();
    assert_eq!(report["removed"], serde_json::json!(["table e.t", "schema e", "schema myriad_restore"]));
}
