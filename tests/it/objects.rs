//! Whose objects become at a restore (`--definer`), what becomes of events (`--events`), and what of it is found out
//! before the target is touched.

use crate::support::data::{drop_restored, one, run};
use crate::support::program::{self, Repo, address_of};
use crate::support::server::{connect, source, target_alone};
use myriad::sandbox::Sandbox;

/// Objects of three accounts: one that the target has, one with SYSTEM_USER, one that it lacks.
async fn make(schema: &str) {
    let statements = [
        "SET SESSION sql_log_bin = 0".to_owned(),
        format!("CREATE DATABASE {schema}"),
        format!("USE {schema}"),
        "CREATE TABLE t (id INT PRIMARY KEY, a INT)".into(),
        "INSERT INTO t VALUES (1, 1)".into(),
        "CREATE DEFINER='o`d@d'@'10.%' VIEW of_odd AS SELECT id, 'DEFINER=`x`@`y`' AS d FROM t".into(),
        "CREATE DEFINER=gone@localhost SQL SECURITY INVOKER VIEW of_gone AS SELECT id FROM t".into(),
        "SET SESSION sql_mode = 'ANSI_QUOTES', character_set_client = gbk".into(),
        "CREATE DEFINER=\"o`d@d\"@\"10.%\" PROCEDURE p() COMMENT 'DEFINER=`x`@`y`' SELECT 'DEFINER=`x`@`y`'".into(),
        "CREATE DEFINER=gone@localhost TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1".into(),
        "SET SESSION sql_mode = '', character_set_client = utf8mb4".into(),
        "CREATE DEFINER=root@localhost EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' COMMENT ' ENABLE ' DO SET @a = ' ENABLE '"
            .into(),
        "CREATE EVENT replicas ON SCHEDULE EVERY 1 DAY DISABLE ON REPLICA DO SET @a = 1".into(),
    ];
    run(source(), &statements).await;
}

/// Kind, name, definer of all objects of a schema.
async fn definers(server: &Sandbox, schema: &str) -> Vec<String> {
    let mut session = connect(server).await;
    let sql = format!(
        "SELECT CONCAT('view ', TABLE_NAME, ' ', DEFINER) FROM information_schema.views WHERE TABLE_SCHEMA = '{schema}'
         UNION SELECT CONCAT('routine ', ROUTINE_NAME, ' ', DEFINER) FROM information_schema.routines WHERE ROUTINE_SCHEMA = '{schema}'
         UNION SELECT CONCAT('trigger ', TRIGGER_NAME, ' ', DEFINER) FROM information_schema.triggers WHERE TRIGGER_SCHEMA = '{schema}'
         UNION SELECT CONCAT('event ', EVENT_NAME, ' ', DEFINER) FROM information_schema.events WHERE EVENT_SCHEMA = '{schema}'
         ORDER BY 1"
    );
    session.query(sql).await.unwrap().iter().map(|row| row.text(0)).collect()
}

#[tokio::test]
async fn definers_are_kept_changed_or_refused_before_the_first_change() {
    let (target, _turn) = target_alone().await;
    make("objects_definer").await;
    let repo = Repo::new();
    repo.backup(source(), "objects_definer");
    run(
        target,
        &[
            "SET GLOBAL log_bin_trust_function_creators = ON",
            "CREATE USER 'o`d@d'@'10.%', maker@localhost IDENTIFIED BY 'm'",
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW, CREATE ROUTINE,
             ALTER ROUTINE, TRIGGER, EVENT, PROCESS, REPLICATION SLAVE ON *.* TO maker@localhost",
        ],
    )
    .await;
    let address = address_of("maker:m", target);
    let restore = |more: &[&str]| program::run(&[&repo.restore_arguments(&address)[..], more].concat());

    let refused = restore(&[]).refused(
        12,
        &[
            "'o`d@d'@'10.%'",
            "procedure objects_definer.p",
            "'gone'@'localhost'",
            "trigger objects_definer.tr",
            "'root'@'localhost'",
        ],
    );
    assert!(refused.err.contains("--definer map:old@host=new@host"), "{}", refused.err);
    run(target, &["GRANT SET_ANY_DEFINER ON *.* TO maker@localhost"]).await;
    let refused =
        restore(&["--dry-run"]).refused(12, &["'gone'@'localhost' (does not exist there", "(needs SYSTEM_USER)"]);
    assert!(!refused.err.contains("o`d@d"), "{}", refused.err);
    restore(&["--definer", "map:nobody@localhost=maker@localhost"]).refused(2, &["nobody@localhost"]);
    let schemas =
        "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME IN ('objects_definer', 'myriad_restore')";
    assert_eq!(one(target, schemas).await, "0");

    // The missing account's objects go to another, those of an account that may not be touched to the restoring one.
    let report =
        restore(&["--definer", "current", "--definer", "map:o`d@d@10.%=o`d@d@10.%", "--json"]).expect(0).json();
    assert_eq!(report["not_created"], serde_json::json!([]));
    let expected = |odd: &str, gone: &str, root: &str| {
        vec![
            format!("event e {root}"),
            format!("event replicas {root}"),
            format!("routine p {odd}"),
            format!("trigger tr {gone}"),
            format!("view of_gone {gone}"),
            format!("view of_odd {odd}"),
        ]
    };
    let (odd, maker) = ("o`d@d@10.%", "maker@localhost");
    assert_eq!(definers(target, "objects_definer").await, expected(odd, maker, maker));
    let procedure = one(target, "SELECT CONCAT(ROUTINE_COMMENT, ROUTINE_DEFINITION) FROM information_schema.routines WHERE ROUTINE_SCHEMA = 'objects_definer'").await;
    assert_eq!(procedure, "DEFINER=`x`@`y`SELECT 'DEFINER=`x`@`y`'");
    drop_restored(target, "objects_definer").await;

    // With all rights a definer that is not there is a note.
    let report = repo.restore(target, &["--definer", "map:root@localhost=o`d@d@10.%"]).expect(0);
    assert!(report.out.contains("definer gone@localhost of 2 objects does not exist on the target"), "{}", report.out);
    assert_eq!(definers(target, "objects_definer").await, expected(odd, "gone@localhost", odd));
    drop_restored(target, "objects_definer").await;
    run(target, &["DROP USER 'o`d@d'@'10.%', maker@localhost", "SET GLOBAL log_bin_trust_function_creators = OFF"])
        .await;
}

#[tokio::test]
async fn events_are_kept_disabled_or_left_out_and_said() {
    let (target, _turn) = target_alone().await;
    make("objects_events").await;
    let statements = [
        "USE objects_events",
        "SET SESSION time_zone = '+05:30'",
        "CREATE EVENT once ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 3 SECOND DO SET @a = 1",
        "CREATE EVENT once_kept ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 3 SECOND ON COMPLETION PRESERVE DO SET @a = 1",
    ];
    run(source(), &statements).await;
    let repo = Repo::new();
    repo.backup(source(), "objects_events");
    // Their time has passed once the restore comes to them; the source's scheduler is off, so that they were taken.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let status = async || {
        let sql = "SELECT GROUP_CONCAT(EVENT_NAME, ' ', STATUS ORDER BY EVENT_NAME SEPARATOR ', ') FROM information_schema.events WHERE EVENT_SCHEMA = 'objects_events'";
        one(target, sql).await
    };

    let report = repo.restore(target, &["--json"]).expect(0).json();
    assert_eq!(status().await, "e ENABLED, once_kept DISABLED, replicas REPLICA_SIDE_DISABLED");
    let missing = report["not_created"].as_array().unwrap();
    assert!(
        missing.len() == 1 && missing[0].as_str().unwrap().starts_with("event objects_events.once: "),
        "{missing:?}"
    );
    assert!(report["notes"].to_string().contains("event objects_events.once_kept: "), "{report}");
    let zone = "SELECT TIME_ZONE FROM information_schema.events WHERE EVENT_NAME = 'once_kept' AND EVENT_SCHEMA = 'objects_events'";
    assert_eq!(one(target, zone).await, "+05:30");
    drop_restored(target, "objects_events").await;

    let report = repo.restore(target, &["--events", "disabled"]).expect(0);
    assert_eq!(status().await, "e DISABLED, once_kept DISABLED, replicas REPLICA_SIDE_DISABLED");
    assert!(report.out.contains("events are made disabled"), "{}", report.out);
    assert!(report.out.contains("not created: event objects_events.once: "), "{}", report.out);
    let body = "SELECT CONCAT(EVENT_COMMENT, EVENT_DEFINITION) FROM information_schema.events WHERE EVENT_NAME = 'e' AND EVENT_SCHEMA = 'objects_events'";
    assert_eq!(one(target, body).await, " ENABLE SET @a = ' ENABLE '");
    drop_restored(target, "objects_events").await;

    let report = repo.restore(target, &["--events", "none"]).expect(0);
    assert_eq!(status().await, "");
    let left_out = "events left out (--events none): objects_events.e, objects_events.once, objects_events.once_kept, objects_events.replicas";
    assert!(report.out.contains(left_out), "{}", report.out);
    drop_restored(target, "objects_events").await;
}

/// Histograms by column, without the moment at which they were set.
async fn histograms(server: &Sandbox, schema: &str) -> Vec<(String, String, serde_json::Value)> {
    let mut session = connect(server).await;
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME, JSON_REMOVE(HISTOGRAM, '$.\"last-updated\"')
         FROM information_schema.column_statistics WHERE SCHEMA_NAME = '{schema}' ORDER BY 1, 2"
    );
    let rows = session.query(sql).await.unwrap();
    let data = |text: &str| as_floats(serde_json::from_str(text).unwrap());
    rows.iter().map(|row| (row.text(0), row.text(1), data(&row.text(2)))).collect()
}

/// A DECIMAL bound of 49.000 comes back as 49: the server reads the numbers of a histogram as it reads any JSON text.
fn as_floats(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) if number.is_f64() || number.as_u64().is_some_and(|n| n < 1 << 50) => {
            number.as_f64().into()
        }
        Value::Array(items) => items.into_iter().map(as_floats).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, as_floats(value))).collect(),
        other => other,
    }
}

#[tokio::test]
async fn histograms_come_back_with_their_buckets_and_flags() {
    let (target, _turn) = target_alone().await;
    run(
        source(),
        &[
            "CREATE DATABASE histograms",
            "USE histograms",
            "CREATE TABLE t (id INT PRIMARY KEY, a INT, s VARCHAR(50), `odd ``name` DECIMAL(10,3), e ENUM('x','y'), d DATETIME(3), b VARBINARY(50),
             l VARCHAR(20) CHARACTER SET latin1, r DOUBLE, same BIGINT UNSIGNED, st SET('p','q'), t TIME, y YEAR)",
            "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
             SELECT i, IF(i % 5, i % 37, NULL), CONCAT('\u{fc}''\\\\\"', i), i / 7, 1 + i % 2, '2026-01-01' + INTERVAL i HOUR, UNHEX(SHA2(i, 224)),
             CONCAT('\u{e9}', i), i / 3, 18446744073709551615 - i, i % 4, SEC_TO_TIME(i), 1970 + i % 100 FROM n",
            "ANALYZE TABLE t UPDATE HISTOGRAM ON a WITH 64 BUCKETS AUTO UPDATE",
            "ANALYZE TABLE t UPDATE HISTOGRAM ON s, `odd ``name` WITH 16 BUCKETS MANUAL UPDATE",
            "ANALYZE TABLE t UPDATE HISTOGRAM ON e, d, b, l, r, same, st, t, y WITH 10 BUCKETS",
            "CREATE TABLE no_rows (id INT PRIMARY KEY, a INT)",
            "ANALYZE TABLE no_rows UPDATE HISTOGRAM ON a",
        ],
    )
    .await;
    let repo = Repo::new();
    let backup = repo.backup(source(), "histograms");
    assert!(!backup.out.contains("histogram histograms"), "{}", backup.out);
    let report = repo.restore(target, &["--json", "--rename", "histograms=histograms_again"]).expect(0).json();
    assert_eq!((&report["histograms"], &report["notes"]), (&13.into(), &serde_json::json!([])));
    let (before, after) = (histograms(source(), "histograms").await, histograms(target, "histograms_again").await);
    assert_eq!(before.len(), 13);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(before.len(), after.len());
    let flags =
        |found: &[(String, String, serde_json::Value)]| found.iter().filter(|h| h.2["auto-update"] == true).count();
    assert_eq!(flags(&after), 1);
    drop_restored(target, "histograms_again").await;
}

#[tokio::test]
async fn routines_and_events_of_the_same_name_are_in_the_way() {
    let (target, _turn) = target_alone().await;
    make("objects_way").await;
    let repo = Repo::new();
    repo.backup(source(), "objects_way");
    let theirs = [
        "CREATE DATABASE objects_way",
        "CREATE PROCEDURE objects_way.P() SELECT 'theirs'",
        "CREATE FUNCTION objects_way.e() RETURNS INT DETERMINISTIC RETURN 1",
    ];
    run(target, &theirs).await;
    let refused = repo.restore(target, &[]).refused(32, &["holds things of the same name: procedure objects_way.P"]);
    assert!(!refused.err.contains("objects_way.e"), "{}", refused.err);
    let body = "SELECT ROUTINE_DEFINITION FROM information_schema.routines WHERE ROUTINE_SCHEMA = 'objects_way' AND ROUTINE_NAME = 'p'";
    assert_eq!(one(target, body).await, "SELECT 'theirs'");
    repo.restore(target, &["--drop-existing"]).expect(0);
    assert_eq!(one(target, body).await, "SELECT 'DEFINER=`x`@`y`'");
    drop_restored(target, "objects_way").await;
}

#[tokio::test]
async fn triggers_and_names_that_the_server_takes_for_the_same_are_in_the_way() {
    let (target, _turn) = target_alone().await;
    let source_has = [
        "SET SESSION sql_log_bin = 0",
        "CREATE DATABASE objects_named",
        "USE objects_named",
        "CREATE TABLE t (a INT PRIMARY KEY)",
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
        "CREATE PROCEDURE cafe() SELECT 1",
    ];
    let target_has = [
        "SET SESSION sql_log_bin = 0",
        "CREATE DATABASE objects_named",
        "USE objects_named",
        "CREATE TABLE other (a INT PRIMARY KEY)",
        "CREATE TRIGGER tr BEFORE INSERT ON other FOR EACH ROW SET @b = 2",
        "CREATE PROCEDURE café() SELECT 2",
    ];
    run(source(), &source_has).await;
    run(target, &target_has).await;
    let repo = Repo::new();
    repo.backup(source(), "objects_named");
    repo.restore(target, &[]).refused(32, &["procedure objects_named.café", "trigger objects_named.tr"]);
    repo.restore(target, &["--drop-existing"]).expect(0);
    let of = "SELECT CONCAT(EVENT_OBJECT_TABLE, ACTION_STATEMENT) FROM information_schema.triggers WHERE TRIGGER_SCHEMA = 'objects_named'";
    assert_eq!(one(target, of).await, "tSET @a = 1");
    let body = "SELECT ROUTINE_DEFINITION FROM information_schema.routines WHERE ROUTINE_SCHEMA = 'objects_named'";
    assert_eq!(one(target, body).await, "SELECT 1");
    drop_restored(target, "objects_named").await;
}

/// A backup of a server on which a restore died while it made views.
#[tokio::test]
async fn a_table_that_looks_like_a_stand_in_is_a_table() {
    let (target, _turn) = target_alone().await;
    let statements = [
        "SET SESSION sql_log_bin = 0",
        "CREATE DATABASE objects_stand",
        "USE objects_stand",
        "CREATE TABLE keep (a INT PRIMARY KEY) COMMENT 'stand-in made by myriad while views are restored'",
        "CREATE TABLE bare (a INT PRIMARY KEY) COMMENT 'stand-in made by myriad while views are restored'",
        "INSERT INTO keep VALUES (7)",
        "CREATE VIEW v AS SELECT 1 AS x",
    ];
    run(source(), &statements).await;
    let repo = Repo::new();
    repo.backup(source(), "objects_stand");
    repo.restore(target, &[]).expect(0);
    assert_eq!(one(target, "SELECT a FROM objects_stand.keep").await, "7");
    assert_eq!(one(target, "SELECT COUNT(*) FROM objects_stand.bare").await, "0");
    drop_restored(target, "objects_stand").await;
}
