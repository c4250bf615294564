//! Drills end to end: each verdict with what leads to it, the history, notifications, what is left running and what is swept.

use crate::support::data;
use crate::support::drills::{drill, drill_options, fails_by, notes, only};
use crate::support::forge::{Contents, forge};
use crate::support::program::{Ended, address, run as program, start};
use crate::support::run::{Repo, backup, backup_options, try_backup};
use crate::support::server::{mariadb_source, options, own, source};
use myriad::command::drill::record::{DrillRecord, DrillTables, ScopeKind, Verdict};
use myriad::command::drill::report::metrics;
use myriad::command::drill::{self, DrillOptions, Pick};
use myriad::error::Exit;
use myriad::manifest::drills;
use myriad::progress::{Progress, Stop};
use myriad::sandbox::{ProgramPaths, Sandbox};
use myriad::store;
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A schema of three small tables, and a repository with a backup of it.
async fn repository(schema: &str) -> Repo {
    make(source(), schema).await;
    let repo = Repo::new();
    backup(&backup_options(source(), &repo, schema)).await;
    repo
}

async fn make(server: &Sandbox, schema: &str) {
    let statements = [
        format!("CREATE DATABASE {schema}"),
        format!(
            "CREATE TABLE {schema}.orders (id INT PRIMARY KEY, amount DECIMAL(8,2), placed DATETIME, KEY (placed))"
        ),
        format!(
            "INSERT INTO {schema}.orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) \
             SELECT i, i / 4, '2026-03-04 05:06:07' FROM n"
        ),
        format!("CREATE TABLE {schema}.customers (id INT PRIMARY KEY, name VARCHAR(40))"),
        format!("INSERT INTO {schema}.customers VALUES (1, 'Ada'), (2, 'Grace')"),
        format!("CREATE TABLE {schema}.nothing (id INT PRIMARY KEY)"),
        format!("CREATE VIEW {schema}.large AS SELECT id FROM {schema}.orders WHERE amount > 100"),
    ];
    data::run(server, &statements).await;
}

async fn history(place: &str) -> drills::History<DrillRecord> {
    drills::read(store::open(place, false).await.unwrap().as_ref(), "default", 1).await.unwrap()
}

/// What later drills are compared with.
async fn tables(place: &str, record: &DrillRecord) -> DrillTables {
    let store = store::open(place, false).await.unwrap();
    drills::read_tables(store.as_ref(), &record.name, &record.id).await.unwrap()
}

/// The fenced `toml` block of docs/drill.md.
fn example() -> String {
    let document = include_str!("../../docs/drill.md");
    let (_, rest) = document.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// Answers one request with 200 and gives what was posted.
fn webhook() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hooks/drill", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&request).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                if body.len() >= length.unwrap().parse::<usize>().unwrap() {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
                    return text;
                }
            }
            assert!(read > 0, "{text}");
        }
    });
    (address, answering)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_document_is_run_and_proved() {
    let server = own(options());
    let statements = [
        "CREATE USER app@'%' IDENTIFIED BY 'secret'",
        "CREATE DATABASE shop",
        "GRANT SELECT, EXECUTE ON shop.* TO app@'%'",
        "CREATE TABLE shop.customers (customer INT PRIMARY KEY, name VARCHAR(40))",
        "INSERT INTO shop.customers VALUES (1, 'Ada'), (2, 'Grace')",
        "CREATE TABLE shop.orders (id INT PRIMARY KEY, customer INT NOT NULL, amount DECIMAL(8,2), placed DATETIME,
         KEY (placed), FOREIGN KEY (customer) REFERENCES shop.customers (customer))",
        "INSERT INTO shop.orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         SELECT i, 1 + i % 2, i / 4, UTC_TIMESTAMP() - INTERVAL i SECOND FROM n",
        "CREATE TABLE shop.currencies (code CHAR(3) PRIMARY KEY, digits INT)",
        "INSERT INTO shop.currencies VALUES ('EUR', 2), ('JPY', 0)",
        "CREATE TABLE shop.sessions (id INT PRIMARY KEY)",
        "INSERT INTO shop.sessions VALUES (1), (2), (3)",
        "CREATE TABLE shop.tmp_1 (id INT)",
        "CREATE DEFINER=app@'%' VIEW shop.latest AS SELECT MAX(placed) AS placed FROM shop.orders",
        // What it reads has gone: a restore cannot make it answer, and the configuration knows.
        "CREATE TABLE shop.old (id INT)",
        "CREATE VIEW shop.v_old AS SELECT * FROM shop.old",
        "DROP TABLE shop.old",
    ];
    data::run(&server, &statements).await;
    let folder = tempfile::tempdir().unwrap();
    let (told, reports) = (folder.path().join("told.json"), folder.path().join("reports"));
    let (hook, hooked) = webhook();
    let text = example()
        .replace(
            r#"["/usr/local/bin/tell", "--drill"]"#,
            &format!(r#"["/bin/sh", "-c", "cat > '{}'"]"#, told.display()),
        )
        .replace("https://example.com/hooks/drill", &hook)
        .replace("mysql://reader@db1:3306", &address(&server))
        .replace("version = \"9.7\"", &format!("version = {:?}", server.version()))
        .replace(r#"when = "failure""#, r#"when = "always""#);
    let config = folder.path().join("drill.toml");
    std::fs::write(&config, &text).unwrap();
    let repo = Repo::new();
    program(&["backup", "--source", &address(&server), "--repo", &repo.place(), "--users", "--name", "shop"]).expect(0);
    let (config, reports_text) = (config.display().to_string(), reports.display().to_string());
    let (place, mysqld) = (repo.place(), server.program().display().to_string());
    let own = ["drill", "--mysqld", &mysqld, "--report-dir", &reports_text, "--json"];
    let ended = program(&[&own[..], &["--repo", &place, "--config", &config]].concat()).expect(0);
    let report = ended.json();
    let record: DrillRecord = serde_json::from_value(report["drills"][0].clone()).unwrap();
    assert_eq!((report["verdict"].as_str(), record.name.as_str()), (Some("proved"), "shop"));
    assert_eq!(record.assertions.len(), 7, "{:#?}", record.assertions);
    assert!(record.assertions.iter().all(|assertion| assertion.held), "{:#?}", record.assertions);
    let phases: Vec<&str> = record.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(phases, ["fetch", "start", "schema", "rows", "indexes", "objects", "proof", "assertions"]);
    assert!(record.recovery_seconds.unwrap() > 0.0 && record.server_cpu_seconds.unwrap() > 0.0);
    assert_eq!(record.scope.as_ref().unwrap().kind, ScopeKind::Selected);
    // The same record everywhere: told, posted, in the history, among the reports.
    let kept = drills::read::<DrillRecord>(store::open(&repo.place(), false).await.unwrap().as_ref(), "shop", 1).await;
    let kept = kept.unwrap();
    assert_eq!((kept.records.len(), kept.unfinished.len(), kept.with_tables.len()), (1, 0, 1));
    let posted = hooked.join().unwrap();
    assert!(posted.starts_with("POST /hooks/drill "), "{posted}");
    let copies = [
        serde_json::to_string(&kept.records[0]).unwrap(),
        std::fs::read_to_string(&told).unwrap(),
        posted.split_once("\r\n\r\n").unwrap().1.to_owned(),
        std::fs::read_to_string(reports.join("shop.json")).unwrap(),
    ];
    for copy in copies {
        assert_eq!(serde_json::from_str::<serde_json::Value>(&copy).unwrap(), report["drills"][0]);
    }
    // What is selected is not all: no proof of the backup.
    let list = program(&["list", "--repo", &repo.place(), "--json"]).expect(0).json();
    assert_eq!(list["backups"][0]["proved"], serde_json::Value::Null, "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_is_proved_within_its_budgets_or_over_them() {
    let repo = repository("drill_budget").await;
    let good =
        only(drill(&drill_options(&repo.place(), "[budget]\nrto = \"1h\"\nrpo = \"1h\"\n")).await, Verdict::Proved);
    assert_eq!(good.scope.as_ref().unwrap().text, "all 3 tables");
    assert!(good.message.starts_with("restored and proved: all 3 tables in "), "{}", good.message);
    // All of it was restored and proved, which is a proof of the backup.
    let list = program(&["list", "--repo", &repo.place(), "--json"]).expect(0).json();
    assert!(list["backups"][0]["proved"].is_string(), "{list}");
    // A slow restore, and a snapshot that is too old.
    let over =
        only(drill(&drill_options(&repo.place(), "[budget]\nrto = \"0s\"\nrpo = \"0s\"\n")).await, Verdict::OverBudget);
    fails_by(&over, &["recovery took", "(rto)"]);
    fails_by(&over, &["the snapshot was", "(rpo)"]);
    assert_eq!(history(&repo.place()).await.records.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_assertion_can_fail() {
    let repo = repository("drill_assert").await;
    let config = r#"
        [[assert]]
        name = "equals"
        sql = "SELECT COUNT(*) FROM drill_assert.orders"
        equals = 499
        [[assert]]
        name = "between"
        sql = "SELECT SUM(amount) FROM drill_assert.orders"
        between = [0, 1000]
        [[assert]]
        name = "at least"
        sql = "SELECT COUNT(*) FROM drill_assert.nothing"
        at_least = 1
        [[assert]]
        name = "at most"
        sql = "SELECT MAX(id) FROM drill_assert.orders"
        at_most = 499.5
        [[assert]]
        name = "fresh"
        sql = "SELECT MAX(placed) FROM drill_assert.orders"
        max_age = "1h"
        [[assert]]
        name = "rows"
        sql = "SELECT id, name FROM drill_assert.customers ORDER BY id"
        rows_equal = [[1, "Ada"], [2, "Alan"]]
        [[assert]]
        name = "error"
        sql = "SELECT nothing FROM drill_assert.orders"
        equals = 1
        [[assert]]
        name = "slow"
        sql = "SELECT SLEEP(60)"
        equals = 0
        timeout = "0s"
        [[assert]]
        name = "holds"
        sql = "SELECT TIMESTAMPDIFF(SECOND, '2026-03-04 05:06:07', NOW()) > 0"
        equals = true
    "#;
    let record = only(drill(&drill_options(&repo.place(), config)).await, Verdict::AssertionFailed);
    let held: Vec<&str> = record.assertions.iter().filter(|one| one.held).map(|one| one.name.as_str()).collect();
    assert_eq!((held, record.assertions.len(), record.failures.len()), (vec!["holds"], 9, 8), "{record:#?}");
    for (name, found) in [
        ("equals", "500"),
        ("between", "31312.50"),
        ("at least", "0"),
        ("at most", "500"),
        ("fresh", "2026-03-04 05:06:07"),
        ("rows", "2 rows: (1, Ada) (2, Grace)"),
        ("error", "Unknown column"),
        ("slow", "no answer within"),
    ] {
        fails_by(&record, &[&format!("{name:?}"), found]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_reported_until_they_are_accepted() {
    let repo = repository("drill_changes").await;
    let config = "[check]\nrow_change = \"20%\"\nno_table_vanished = true\n";
    let options = drill_options(&repo.place(), config);
    only(drill(&options).await, Verdict::Proved);
    data::run(source(), &["DELETE FROM drill_changes.orders", "DROP TABLE drill_changes.customers"]).await;
    backup(&backup_options(source(), &repo, "drill_changes")).await;
    for n in 0..2 {
        let changed = only(drill(&options).await, Verdict::AssertionFailed);
        fails_by(&changed, &["change of rows", "drill_changes.orders 500 -> 0 rows"]);
        fails_by(&changed, &["no table vanished", "gone: drill_changes.customers"]);
        let most = &changed.changed_most[0];
        assert_eq!((most.table.as_str(), most.rows_before, most.rows), ("drill_changes.orders", Some(500), Some(0)));
        // One that does not look accepts nothing.
        if n == 0 {
            let by_hand = only(drill(&drill_options(&repo.place(), "")).await, Verdict::Proved);
            notes(&by_hand, "later drills are compared with drill ");
        }
    }
    let accepted = only(drill(&DrillOptions { accept_changes: true, ..options.clone() }).await, Verdict::Proved);
    notes(&accepted, "--accept-changes");
    assert_eq!(tables(&repo.place(), &accepted).await.tables.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_object_and_a_flipped_byte_are_a_damaged_backup() {
    let repo = repository("drill_damaged").await;
    let chunks = repo.chunks().await;
    let place = chunks["drill_damaged.orders"][0].place.unwrap();
    let object = hex::encode(place.object.0);
    let file = PathBuf::from(repo.place()).join("objects").join(&object[..2]).join(&object);
    let sound = std::fs::read(&file).unwrap();
    let mut flipped = sound.clone();
    flipped[(place.offset + place.length / 2) as usize] ^= 4;
    std::fs::write(&file, flipped).unwrap();
    let report = drill(&drill_options(&repo.place(), "")).await;
    let text = report.text();
    assert!(text.contains("  meant to be restored: all 3 tables") && !text.contains("  restored: "), "{text}");
    let record = only(report, Verdict::DamagedBackup);
    fails_by(&record, &["drill_damaged.orders", &object]);
    // Said once, in one line.
    assert_eq!((record.failures.len(), text.matches(&object).count()), (1, 1), "{text}");
    std::fs::remove_file(&file).unwrap();
    let record = only(drill(&drill_options(&repo.place(), "")).await, Verdict::DamagedBackup);
    fails_by(&record, &["missing", &object, "drill_damaged.orders"]);
    // That is seen before a server is started.
    assert!(record.server.is_none());
    assert!(record.next[0].starts_with("take a new backup now"), "{:?}", record.next);
    std::fs::write(&file, sound).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_definer_and_a_view_that_does_not_answer_keep_a_backup_from_being_proved() {
    make(source(), "drill_definer").await;
    let statements = [
        "CREATE DEFINER='gone'@'nowhere' VIEW drill_definer.total AS SELECT COUNT(*) FROM drill_definer.orders",
        "CREATE DEFINER='gone'@'nowhere' PROCEDURE drill_definer.pay() SELECT 1",
        "CREATE VIEW drill_definer.names AS SELECT name FROM drill_definer.customers",
        "ALTER TABLE drill_definer.customers RENAME COLUMN name TO full_name",
    ];
    data::run(source(), &statements).await;
    let repo = Repo::new();
    backup(&backup_options(source(), &repo, "drill_definer")).await;
    let record = only(drill(&drill_options(&repo.place(), "")).await, Verdict::Unproved);
    fails_by(
        &record,
        &["definer gone@nowhere is not there", "view drill_definer.total", "procedure drill_definer.pay"],
    );
    fails_by(&record, &["view drill_definer.names"]);
    // Both can be known and accepted.
    let known = "[restore]\nmissing_definers = \"note\"\nignore_objects = [\"drill_definer.na*\"]\n";
    let record = only(drill(&drill_options(&repo.place(), known)).await, Verdict::Proved);
    notes(&record, "definer gone@nowhere is not there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_the_server_refuses_keeps_a_backup_from_being_proved() {
    make(source(), "drill_refused").await;
    let child = "CREATE TABLE drill_refused.child (id INT PRIMARY KEY, customer INT, \
                 CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id))";
    data::run(source(), &[child, "INSERT INTO drill_refused.child VALUES (1, 2)"]).await;
    let repo = Repo::new();
    backup(&backup_options(source(), &repo, "drill_refused")).await;
    let config = "[[assert]]\nname = \"child\"\nsql = \"SELECT COUNT(*) FROM drill_refused.child\"\nequals = 1\n";
    let forged = |from: &str, to: &str| {
        let rewrite = |contents: &mut Contents| Contents::rewrite(contents.table("child"), from, to);
        forge(&repo.place(), rewrite)
    };
    // Of a foreign key: all rows are there, and proved, and assertions can be asked.
    let bad = forged("REFERENCES `customers` (`id`)", "REFERENCES `customers` (`missing`)");
    let record = only(drill(&drill_options(&bad.place(), config)).await, Verdict::Unproved);
    fails_by(&record, &["table drill_refused.child lacks a foreign key", "of_customer", "missing"]);
    assert_eq!((record.failures.len(), record.assertions.len()), (1, 1), "{record:#?}");
    assert!(record.assertions[0].held && record.recovery_seconds.is_some());
    // Of the table: what is asked of it would fail for that alone.
    let bad = forged("ENGINE=InnoDB", "ENGINE=InnoDB COLLATE=utf8mb4_of_another_server");
    let record = only(drill(&drill_options(&bad.place(), config)).await, Verdict::Unproved);
    fails_by(&record, &["table drill_refused.child is not whole", "utf8mb4_of_another_server"]);
    assert_eq!((record.failures.len(), record.assertions.len()), (1, 0), "{record:#?}");
    assert!(record.recovery_seconds.is_none());
    notes(&record, "no assertion was asked");
}

/// Kills the private server in a folder as soon as a phase begins.
struct KillsAt(&'static str, PathBuf);

impl Progress for KillsAt {
    fn phase(&self, name: &str, _: u64, _: u64) {
        if name == self.0 {
            let servers = std::fs::read_dir(listening(&self.1).unwrap()).unwrap();
            let pid = servers.flatten().find_map(|server| std::fs::read_to_string(server.path().join("pid")).ok());
            let pid = pid.unwrap();
            let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
            rustix::process::kill_process(pid, Signal::KILL).unwrap();
        }
    }
    fn add(&self, _: u64, _: u64) {}
    fn table(&self, _: &str, _: bool) {}
    fn note(&self, _: &str) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_server_that_dies_says_nothing_of_the_backup() {
    let repo = repository("drill_dies").await;
    let config = "[[assert]]\nname = \"a\"\nsql = \"SELECT 1\"\nequals = 1\n";
    // A restore waits for half a minute for its server to come back.
    let full = std::env::var_os("MYRIAD_TEST_FULL").is_some();
    for phase in if full { &["rows", "assertions"][..] } else { &["assertions"] } {
        let phase = *phase;
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let options = DrillOptions { folder: folder.path().to_owned(), ..drill_options(&repo.place(), config) };
        let progress = Arc::new(KillsAt(phase, folder.path().to_owned()));
        let report = drill::run(&options, progress, Stop::default()).await.unwrap();
        let text = report.text();
        let record = only(report, Verdict::CouldNotRun);
        fails_by(&record, &["the private server ended by itself (signal: 9 (SIGKILL))", "ready for connections"]);
        // No advice that is for the target of a restore, and its log once.
        assert!(record.next.len() == 1 && record.next[0].contains("somebody killed it"), "{:?}", record.next);
        assert!(!text.contains("anew") && text.matches("ready for connections").count() == 1, "{text}");
        let phases: Vec<&str> = record.phases.iter().map(|phase| phase.name.as_str()).collect();
        assert_eq!(phases.last(), Some(&phase), "{phases:?}");
        assert!(!phases.contains(&"indexes") || phase == "assertions", "{phases:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

/// A mysqld that fails as 9.7.4 does where the system has no asynchronous I/O left, unless it is to do without.
fn without_native_aio(folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let script = r#"#!/bin/sh
log=/dev/null
for argument; do
    case $argument in
    --version | --initialize-insecure | --innodb-use-native-aio=OFF) exec MYSQLD "$@" ;;
    --log-error=*) log=${argument#--log-error=} ;;
    esac
done
echo "[ERROR] [MY-012584] [InnoDB] io_setup() failed with EAGAIN after 5 attempts." >> "$log"
echo "[ERROR] [MY-012954] [InnoDB] Cannot initialize AIO sub-system" >> "$log"
exit 1
"#;
    let program = folder.join("mysqld");
    std::fs::write(&program, script.replace("MYSQLD", &source().program().display().to_string())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_without_asynchronous_io_to_spare_is_no_failure() {
    let repo = repository("drill_aio").await;
    let folder = tempfile::tempdir().unwrap();
    let programs = ProgramPaths { named: Some(without_native_aio(folder.path())), ..ProgramPaths::default() };
    let config = "[[assert]]\nname = \"off\"\nsql = \"SELECT @@innodb_use_native_aio\"\nequals = false\n";
    let options = DrillOptions { programs, ..drill_options(&repo.place(), config) };
    let record = only(drill(&options).await, Verdict::Proved);
    notes(&record, "without native asynchronous I/O");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_says_why() {
    let repo = repository("drill_cannot").await;
    let no_server = ProgramPaths { named: Some("/nonexistent/mysqld".into()), ..ProgramPaths::default() };
    let options = DrillOptions { programs: no_server, ..drill_options(&repo.place(), "") };
    let record = only(drill(&options).await, Verdict::CouldNotRun);
    fails_by(&record, &["/nonexistent/mysqld"]);
    let record =
        only(drill(&drill_options(&repo.place(), "[server]\nversion = \"5.0\"\n")).await, Verdict::CouldNotRun);
    fails_by(&record, &["the configuration wants 5.0"]);
    let broken = "[server]\noptions = [\"--no-such-option\"]\n";
    let record = only(drill(&drill_options(&repo.place(), broken)).await, Verdict::CouldNotRun);
    fails_by(&record, &["did not start", "no-such-option"]);
    // The end of the log is no part of the sentence that sums it up.
    assert!(!record.message.contains('\n') && record.message.contains("did not start"), "{}", record.message);
    assert_eq!(history(&repo.place()).await.records.len(), 3);
    // Neither repository nor backup: reports, history elsewhere and notifications are made all the same.
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let mut options =
        drill_options(&place("none"), "[notify]\ncommand = [\"/bin/sh\", \"-c\", \"exit 3\"]\nwhen = \"failure\"\n");
    options.history = Some(place("history"));
    options.reports.folder = Some(folder.path().join("reports"));
    let report = drill(&options).await;
    assert!(report.warnings.iter().any(|line| line.contains("exit status: 3")), "{:?}", report.warnings);
    assert!(folder.path().join("reports/default.json").exists());
    fails_by(&only(report, Verdict::CouldNotRun), &["none"]);
    assert_eq!(history(&place("history")).await.records.len(), 1);
    let mut options = drill_options(&repo.place(), "");
    options.names = vec!["nobody".into()];
    let record = only(drill(&options).await, Verdict::CouldNotRun);
    assert_eq!(record.name, "nobody");
    fails_by(&record, &["there is no backup of nobody"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_read_rights_alone_a_history_elsewhere_is_needed() {
    let repo = repository("drill_reader").await;
    let id = program(&["list", "--repo", &repo.place(), "--json"]).expect(0).json()["backups"][0]["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    // Files where folders should be: nothing can be put below them, whoever tries.
    for in_the_way in ["drills".to_owned(), format!("backups/default/{id}/proofs")] {
        std::fs::write(Path::new(&repo.place()).join(in_the_way), "").unwrap();
    }
    program(&["drill", "--repo", &repo.place()]).refused(23, &["keeps its history in the repository", "was not begun"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut options = drill_options(&repo.place(), "");
    options.history = Some(elsewhere.path().join("history").display().to_string());
    let record = only(drill(&options).await, Verdict::Proved);
    notes(&record, "could not be recorded");
    assert_eq!(history(options.history.as_ref().unwrap()).await.records.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_the_history_that_cannot_be_read_are_named() {
    let repo = repository("drill_entries").await;
    let folder = Path::new(&repo.place()).join("drills/default");
    std::fs::create_dir_all(&folder).unwrap();
    let damaged = [("20200101T000000Z-0000.json", "{}\n"), ("20200101T000000Z-0000.tables", "xyz"), ("strange", "")];
    for (name, text) in damaged {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let (newer, _) = myriad::manifest::document::seal(&serde_json::json!({"version": 99}));
    std::fs::write(folder.join("20200102T000000Z-0000.json"), newer).unwrap();
    std::fs::write(folder.join("20200103T000000Z-0000.begun"), "").unwrap();
    // No server is needed to see it.
    let record =
        only(drill(&drill_options(&repo.place(), "[server]\nversion = \"5.0\"\n")).await, Verdict::CouldNotRun);
    for words in [
        "20200101T000000Z-0000.json",
        "newer than 1",
        "20200101T000000Z-0000.tables",
        "20200103T000000Z-0000 has begun",
    ] {
        notes(&record, words);
    }
    // It was told once, and cannot run any more.
    assert!(!folder.join("20200103T000000Z-0000.begun").exists());
    // Prune has nothing to do with them.
    let before = history(&repo.place()).await.records.len();
    program(&["prune", "--repo", &repo.place(), "--keep-last", "1", "--yes", "--grace", "0s"]).expect(0);
    assert_eq!(history(&repo.place()).await.records.len(), before);
    program(&["verify", "--repo", &repo.place()]).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_backup_can_be_picked_and_a_part_of_it_restored() {
    let repo = repository("drill_pick").await;
    let ids = || -> Vec<String> {
        let backups = std::fs::read_dir(Path::new(&repo.place()).join("backups/default")).unwrap();
        backups.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    // By its time in the second, an id does not tell which of two is older.
    let oldest = ids().remove(0);
    // A slip of the pen is no source to tell of.
    let repo_place = repo.place();
    program(&["drill", "--repo", &repo_place, "--pick", "nosuch"]).refused(24, &["there is no backup nosuch"]);
    assert!(!Path::new(&repo_place).join("drills").exists());
    data::run(source(), &["INSERT INTO drill_pick.customers VALUES (3, 'Alan')"]).await;
    backup(&backup_options(source(), &repo, "drill_pick")).await;
    let ids = ids();
    assert_eq!(ids.len(), 2);
    let config = "[restore]\ntables = [\"drill_pick.customers\"]\n[budget]\nrpo = \"0s\"\n[[assert]]\nname = \"two\"\n\
                  sql = \"SELECT COUNT(*) FROM drill_pick.customers\"\nequals = 2\n";
    let options = DrillOptions { pick: Pick::Id(oldest.clone()), ..drill_options(&repo.place(), config) };
    let record = only(drill(&options).await, Verdict::Proved);
    assert_eq!(record.backup.as_ref().unwrap().id, oldest);
    assert_eq!(record.scope.as_ref().unwrap().text, "1 of 3 tables, by name");
    notes(&record, "not the newest backup");
    // A sample of about all of it but the largest table.
    let config = "[restore]\nsample = \"5%\"\nseed = 7\n[[assert]]\nname = \"a\"\nsql = \"SELECT 1\"\nequals = 1\n";
    let options = DrillOptions { pick: Pick::Random, ..drill_options(&repo.place(), config) };
    let record = only(drill(&options).await, Verdict::Proved);
    assert!(ids.contains(&record.backup.as_ref().unwrap().id));
    let scope = record.scope.clone().unwrap();
    assert_eq!((scope.kind, scope.tables), (ScopeKind::Sample, 1), "{scope:?}");
    assert!(scope.text.contains("by seed 7"), "{}", scope.text);
    assert!(record.recovery_seconds_extrapolated.unwrap() > record.recovery_seconds.unwrap());
    notes(&record, "1 assertion in SQL not asked");
    // Later drills are compared with a drill of the newest backup alone, however that was chosen.
    let not_newest = record.notes.iter().any(|note| note.contains("not the newest backup"));
    assert_eq!(not_newest, record.backup.as_ref().unwrap().id == oldest, "{:?}", record.notes);
    if !not_newest {
        let kept = tables(&repo.place(), &record).await;
        assert_eq!(kept.tables.iter().filter(|table| table.restored).count(), 1);
        assert_eq!(kept.tables.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_can_be_held_against_the_live_source() {
    let repo = repository("drill_live").await;
    data::run(source(), &["UPDATE drill_live.orders SET amount = 0 WHERE id = 77"]).await;
    let config = format!(
        "[check]\nchecksum = [\"drill_live.*\"]\nagainst = \"{}\"\n[restore]\ntables = [\"drill_live.customers\"]\n",
        address(source())
    );
    let mut options = drill_options(&repo.place(), &config);
    options.against = Some(source().connect_options());
    let record = only(drill(&options).await, Verdict::AssertionFailed);
    let [outcome] = &record.assertions[..] else { panic!("{:#?}", record.assertions) };
    assert!(!outcome.held && outcome.sql.is_none() && outcome.expected.contains("drill_live.*"), "{outcome:#?}");
    // The one that changed, and neither of the two that did not.
    assert!(outcome.found.contains("drill_live.orders rows"), "{outcome:#?}");
    assert!(!outcome.found.contains("customers") && !outcome.found.contains("nothing"), "{outcome:#?}");
}

/// Asks for a stop as soon as a phase begins.
struct StopsAt(&'static str, Stop);

impl Progress for StopsAt {
    fn phase(&self, name: &str, _: u64, _: u64) {
        if name == self.0 {
            self.1.stop();
        }
    }
    fn add(&self, _: u64, _: u64) {}
    fn table(&self, _: &str, _: bool) {}
    fn note(&self, _: &str) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_is_stopped_tears_down_and_says_so() {
    let repo = repository("drill_stopped").await;
    let options = drill_options(&repo.place(), "");
    let stop = Stop::default();
    let progress = Arc::new(StopsAt("schema", stop.clone()));
    let report = drill::run(&options, progress, stop).await.unwrap();
    assert_eq!(report.exit(), Exit::Interrupted);
    let record = &report.drills[0];
    assert_eq!((record.verdict, record.message.as_str()), (Verdict::CouldNotRun, "could not run: stopped by a signal"));
    assert!(record.server.as_ref().unwrap().kept.is_none());
    // Nothing was restored yet.
    let text = report.text();
    assert!(text.contains("  meant to be restored: all 3 tables") && !text.contains("  restored: "), "{text}");
    assert!(!metrics(record, &[]).contains("myriad_drill_restored_"));
    assert_eq!(history(&repo.place()).await.records.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_of_mariadb_are_drilled_on_mariadb() {
    make(mariadb_source(), "drill_maria").await;
    let repo = Repo::new();
    try_backup(&backup_options(mariadb_source(), &repo, "drill_maria")).await.unwrap();
    let config = "[[assert]]\nname = \"all\"\nsql = \"SELECT COUNT(*) FROM drill_maria.orders\"\nequals = 500\n\
                  [[assert]]\nname = \"the snapshot is now\"\nsql = \"SELECT NOW()\"\nmax_age = \"5s\"\n";
    let record = only(drill(&drill_options(&repo.place(), config)).await, Verdict::Proved);
    assert_eq!(record.server.as_ref().unwrap().family, "MariaDB");
    assert!(record.backup.as_ref().unwrap().source_server.starts_with("MariaDB "));
}

/// The folder of the run in `folder`, once a server of it listens.
fn listening(folder: &Path) -> Option<PathBuf> {
    let runs = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    runs.into_iter().find(|run| {
        let servers = std::fs::read_dir(run).into_iter().flatten().flatten();
        servers.into_iter().any(|server| server.path().join("s").exists())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_drill_leaves_is_swept_and_a_server_that_is_kept_stays() {
    let repo = repository("drill_killed").await;
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let place = folder.path().display().to_string();
    let (from, mysqld) = (repo.place(), source().program().display().to_string());
    let arguments = ["drill", "--repo", &from, "--mysqld", &mysqld, "--folder", &place, "--keep", "--json"];
    let mut killed = start(&arguments);
    assert!(killed.until(async || listening(folder.path()).is_some()).await);
    let left = listening(folder.path()).unwrap();
    killed.signal(Signal::KILL);
    let Ended { code, .. } = killed.end();
    assert_eq!(code, -1);
    assert!(left.exists());
    // The next one removes that, and leaves its own server up.
    let kept = program(&arguments).expect(0).json();
    assert!(!left.exists());
    let record: DrillRecord = serde_json::from_value(kept["drills"][0].clone()).unwrap();
    notes(&record, "has begun and left no record");
    let how = record.server.unwrap().kept.unwrap();
    let (client, remove) = how.split_once("; to stop and remove it: ").unwrap();
    let shell = |script: String| {
        let output = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let counted =
        shell(format!("{client} --batch --skip-column-names --execute 'SELECT COUNT(*) FROM drill_killed.orders'"));
    assert_eq!(counted.trim(), "500");
    // A sweep leaves it alone.
    let listens = listening(folder.path()).unwrap();
    myriad::sandbox::folder::sweep(folder.path());
    assert_eq!(listening(folder.path()), Some(listens));
    let [kill, _, rm] = remove.split("; ").collect::<Vec<_>>()[..] else { panic!("{remove}") };
    let pid = kill.strip_prefix("kill ").unwrap();
    shell(kill.to_owned());
    // It is no child of ours: it has ended once its socket is gone.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    let ended = || std::fs::read(format!("/proc/{pid}/cmdline")).map_or(true, |line| line.is_empty());
    while !ended() {
        assert!(std::time::Instant::now() < deadline, "{pid} did not end");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    shell(rm.to_owned());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_wrong_with_the_line_or_the_file_is_told_before_anything() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("drill.toml");
    std::fs::write(&config, "[budget]\nrto = \"30m\"\nrpu = \"1h\"\n").unwrap();
    let config = config.display().to_string();
    program(&["drill", "--repo", "/nonexistent", "--config", &config]).refused(2, &["drill.toml line 3", "rpu"]);
    program(&["drill", "--repo", "/nonexistent", "--config", "/nonexistent"]).refused(2, &["/nonexistent"]);
    program(&["drill", "--repo", "/nonexistent", "--pick", "a/b"]).refused(2, &["no id"]);
    for wrong in [["--shard", "2/2"], ["--rto", "soon"]] {
        start(&[&["drill", "--repo", "/nonexistent"][..], &wrong].concat()).end().expect(2);
    }
}
