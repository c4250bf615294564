//! Two schemas and some accounts with what a restore that is broken off must not do twice, half or in a wrong order,
//! and the state of a server to compare by. Most tables have no key: only there does a row that came twice show.

use super::data::{self, fingerprint};
use super::server::connect;
use myriad::sandbox::Sandbox;
use std::collections::BTreeMap;

/// The schemas.
pub const SCHEMAS: [&str; 2] = ["k_app", "k_beside"];
/// A glob that matches them and nothing else.
pub const GLOB: &str = "k\\_*";

/// Begin of a statement that gives a table rows 1 to a number, each twice.
fn twice(upto: u64, values: &str) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {upto}) \
         SELECT {values} FROM n JOIN (SELECT 1 UNION ALL SELECT 2) two"
    )
}

/// Makes everything on a server of the test's own.
pub async fn make(server: &Sandbox) {
    data::run(server, &["SET GLOBAL log_bin_trust_function_creators = ON"]).await;
    data::make(server, "k_app", 1500).await;
    let statements = [
        "SET SESSION cte_max_recursion_depth = 100000000".to_owned(),
        "USE k_app".into(),
        // Large enough for indexes that come late, without a key, with a temporary index and two full-text ones.
        "CREATE TABLE words (n INT AUTO_INCREMENT, a TEXT, b VARCHAR(200), w INT, KEY w (w), KEY n (n), FULLTEXT a (a), FULLTEXT b (b))".into(),
        format!("INSERT INTO words (a, b, w) {}", twice(900, "CONCAT(REPEAT(SHA2(i, 224), 3), ' one'), SHA2(i, 224), i % 7")),
        "CREATE TABLE keyless (a INT, b VARCHAR(300), c DECIMAL(9,2), KEY a (a), KEY b (b(20)))".into(),
        format!("INSERT INTO keyless {}", twice(900, "i, REPEAT(SHA2(i, 224), 3), i / 4")),
        "CREATE TABLE parted (a INT, b VARCHAR(200), KEY b (b)) PARTITION BY HASH (a) PARTITIONS 3".into(),
        format!("INSERT INTO parted {}", twice(700, "i, REPEAT(SHA2(i, 224), 3)")),
        "CREATE TABLE typed (a INT, j JSON)".into(),
        format!(
            "INSERT INTO typed {}",
            twice(300, "i, IF(i % 3, JSON_OBJECT('i', i), JSON_OBJECT('d', CAST(i / 4 AS DECIMAL(9,2)), 't', CAST('2026-01-02' AS DATE)))")
        ),
        "CREATE TABLE counted (what VARCHAR(20), a INT)".into(),
        "CREATE TABLE old_engine (a INT, b VARCHAR(200), KEY a (a)) ENGINE=MyISAM".into(),
        format!("INSERT INTO old_engine {}", twice(600, "i, REPEAT(SHA2(i, 224), 2)")),
        "CREATE TRIGGER before_old BEFORE INSERT ON old_engine FOR EACH ROW SET NEW.b = 'from the trigger'".into(),
        "CREATE TRIGGER after_old AFTER INSERT ON old_engine FOR EACH ROW INSERT INTO counted VALUES ('old', NEW.a)".into(),
        "CREATE TRIGGER after_keyless AFTER INSERT ON keyless FOR EACH ROW INSERT INTO counted VALUES ('keyless', NEW.a)".into(),
        "CREATE EVENT often ON SCHEDULE EVERY 1 SECOND DO DELETE FROM keyless LIMIT 1".into(),
        // Views of which the restoring account must own some for a moment.
        "CREATE USER owner@localhost".into(),
        "GRANT SELECT ON k_app.* TO owner@localhost".into(),
        "CREATE DEFINER=owner@localhost VIEW of_owner AS SELECT a FROM keyless".into(),
        "CREATE DEFINER=owner@localhost VIEW reads_of_owner AS SELECT a FROM of_owner".into(),
        "REVOKE ALL ON k_app.* FROM owner@localhost".into(),
        // Routines of a time when the schema had another collation.
        "ALTER DATABASE k_app COLLATE latin1_swedish_ci".into(),
        "CREATE PROCEDURE of_then(x VARCHAR(9)) SELECT COLLATION(x)".into(),
        "CREATE FUNCTION of_then_too(x VARCHAR(9)) RETURNS VARCHAR(40) DETERMINISTIC RETURN COLLATION(x)".into(),
        "ALTER DATABASE k_app COLLATE utf8mb4_bin".into(),
        "ANALYZE TABLE keyless UPDATE HISTOGRAM ON a WITH 8 BUCKETS".into(),
        "CREATE DATABASE k_beside COLLATE latin1_german1_ci".into(),
        "CREATE TABLE k_beside.child (account BIGINT, b INT, CONSTRAINT across FOREIGN KEY (account) REFERENCES k_app.account (id))".into(),
        format!("INSERT INTO k_beside.child {}", twice(200, "i, i")),
        "CREATE ROLE clerk".into(),
        "CREATE USER two@localhost IDENTIFIED BY 'first'".into(),
        "ALTER USER two@localhost IDENTIFIED BY 'second' RETAIN CURRENT PASSWORD".into(),
        "GRANT SELECT ON k_app.rich TO clerk".into(),
        "GRANT EXECUTE ON PROCEDURE k_app.of_then TO two@localhost".into(),
        "GRANT UPDATE (balance) ON k_app.account TO two@localhost".into(),
        "GRANT clerk TO two@localhost".into(),
        "SET DEFAULT ROLE clerk TO two@localhost".into(),
    ];
    data::run(server, &statements).await;
}

/// Removes everything, and what an unfinished restore has left.
pub async fn remove(server: &Sandbox) {
    let statements: Vec<String> =
        SCHEMAS.iter().rev().map(|schema| format!("DROP DATABASE IF EXISTS {schema}")).collect();
    data::run(server, &statements).await;
    data::run(
        server,
        &["DROP DATABASE IF EXISTS myriad_restore", "DROP USER IF EXISTS owner@localhost, two@localhost, clerk"],
    )
    .await;
}

/// All of it as the server has it: rows and definitions, types in documents, schemas, accounts, whose code it
/// is, and the settings that a restore may change meanwhile.
pub async fn state(server: &Sandbox) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    for schema in SCHEMAS {
        state.extend(
            fingerprint(server, schema).await.into_iter().map(|(name, text)| (format!("{schema} {name}"), text)),
        );
    }
    let mut session = connect(server).await;
    let lists = [
        "SELECT CONCAT('schema ', SCHEMA_NAME), DEFAULT_COLLATION_NAME FROM information_schema.schemata WHERE SCHEMA_NAME LIKE 'k\\_%'",
        "SELECT CONCAT('whose view ', TABLE_NAME), DEFINER FROM information_schema.views WHERE TABLE_SCHEMA LIKE 'k\\_%'",
        "SELECT CONCAT('whose routine ', ROUTINE_NAME), CONCAT(DEFINER, DATABASE_COLLATION, SQL_MODE) FROM information_schema.routines WHERE ROUTINE_SCHEMA LIKE 'k\\_%'",
        "SELECT CONCAT('order of trigger ', TRIGGER_NAME), CONCAT(ACTION_ORDER, DEFINER, DATABASE_COLLATION) FROM information_schema.triggers WHERE TRIGGER_SCHEMA LIKE 'k\\_%'",
        "SELECT CONCAT('state of event ', EVENT_NAME), CONCAT(STATUS, DEFINER) FROM information_schema.events WHERE EVENT_SCHEMA LIKE 'k\\_%'",
        "SELECT CONCAT('histogram ', TABLE_NAME), JSON_EXTRACT(HISTOGRAM, '$.buckets') FROM information_schema.column_statistics WHERE SCHEMA_NAME LIKE 'k\\_%'",
        "SELECT 'types', GROUP_CONCAT(n, kind ORDER BY kind) FROM (SELECT COUNT(*) n, CONCAT_WS(',', JSON_TYPE(j->'$.i'), JSON_TYPE(j->'$.d'), JSON_TYPE(j->'$.t')) kind FROM k_app.typed GROUP BY kind) k",
        "SELECT 'settings', CONCAT_WS(',', @@GLOBAL.local_infile, @@GLOBAL.innodb_adaptive_hash_index, @@GLOBAL.sync_binlog, \
         (SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Innodb_redo_log_enabled'))",
        "SELECT 'schemas', GROUP_CONCAT(SCHEMA_NAME) FROM information_schema.schemata WHERE SCHEMA_NAME NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')",
    ];
    session.execute("SET SESSION print_identified_with_as_hex = 1").await.unwrap();
    for list in lists {
        state.extend(session.query(list).await.unwrap().iter().map(|row| (row.text(0), row.text(1))));
    }
    for account in ["owner@localhost", "two@localhost", "clerk"] {
        for statement in ["SHOW CREATE USER", "SHOW GRANTS FOR"] {
            let rows = session.query(format!("{statement} {account}")).await.unwrap();
            let lines: Vec<String> = rows.iter().map(|row| row.text(0)).collect();
            state.insert(format!("{statement} {account}"), lines.join("\n"));
        }
    }
    session.close().await;
    state
}

/// What differs between two states, for a message; empty where nothing does.
pub fn differences(left: &BTreeMap<String, String>, right: &BTreeMap<String, String>) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let differing = names.into_iter().filter(|name| left.get(*name) != right.get(*name));
    differing.map(|name| format!("{name}: {:?} became {:?}", left.get(name), right.get(name))).collect()
}
