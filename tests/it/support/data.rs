//! A small schema with what a restore must get right (keys, no key with doubled rows, JSON, ENUM, latin1 text, a
//! foreign key, a view, a procedure, a trigger, an event), and a fingerprint of a schema to compare by. The
//! fingerprint is the server's own arithmetic and knows nothing of this program's digests.

use super::server::connect;
use myriad::sandbox::Sandbox;
use myriad::schema::identifier::{literal, quote};
use myriad::server::session::Done;
use myriad::server::{ServerError, Session};
use std::collections::BTreeMap;

/// Makes the schema with `rows` rows in each of its two larger tables: about 220 bytes a row and 60.
pub async fn make(server: &Sandbox, schema: &str, rows: u64) {
    let numbers =
        |upto: u64| format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {upto}) SELECT");
    let statements = [
        "SET SESSION cte_max_recursion_depth = 100000000".to_owned(),
        format!("CREATE DATABASE {schema}"),
        format!("USE {schema}"),
        "CREATE TABLE account (id BIGINT PRIMARY KEY, owner CHAR(32) NOT NULL, balance DECIMAL(12,2) NOT NULL,
         note VARCHAR(200), KEY owner (owner), KEY balance (balance, id))"
            .into(),
        format!("INSERT INTO account {} i, LEFT(SHA2(i, 224), 32), i * 1.25, REPEAT(SHA2(i, 224), 3) FROM n", numbers(rows)),
        "CREATE TABLE log (at DATETIME(3), what VARCHAR(100))".into(),
        // Every row twice: in a table without a key a chunk that is loaded twice shows in the count alone.
        format!(
            "INSERT INTO log {} '2026-01-01' + INTERVAL i DIV 2 SECOND, SHA2(i DIV 2, 224) FROM n",
            numbers(rows.max(2) / 2 * 2)
        ),
        "CREATE TABLE document (id INT AUTO_INCREMENT PRIMARY KEY, j JSON, e ENUM('a','b'), l TEXT CHARACTER SET latin1,
         account BIGINT, CONSTRAINT owned FOREIGN KEY (account) REFERENCES account (id))"
            .into(),
        format!(
            "INSERT INTO document (j, e, l, account) {} JSON_OBJECT('n', i, 'tab', '\\t\\n\\\\'), 1 + i % 2,
             _utf8mb4 'caf\u{e9} \\\\ \\t \\n', i FROM n",
            numbers(rows.min(300))
        ),
        "CREATE VIEW rich AS SELECT owner, balance FROM account WHERE balance > 100".into(),
        "CREATE PROCEDURE pay(IN who BIGINT) UPDATE account SET balance = balance - 1 WHERE id = who".into(),
        "CREATE TRIGGER document_log BEFORE INSERT ON document FOR EACH ROW SET NEW.e = 'b'".into(),
        "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log WHERE at < '2000-01-01'".into(),
    ];
    run(server, &statements).await;
}

/// The schema of [`make`], and documents with typed values in a table without a key, every row twice.
pub async fn make_typed(server: &Sandbox, schema: &str, rows: u64) {
    make(server, schema, rows).await;
    let stamp = "TIMESTAMP'2024-05-06 07:08:09'";
    let filled = format!(
        "INSERT INTO {schema}.typed WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 799) \
         SELECT {stamp} + INTERVAL i DIV 2 SECOND, JSON_OBJECT('i', i DIV 2, 'p', CAST(i DIV 2 / 7 AS DECIMAL(12,4)), \
         'd', CAST({stamp} + INTERVAL i DIV 2 DAY AS DATE)) FROM n"
    );
    let table = format!("CREATE TABLE {schema}.typed (at TIMESTAMP NULL, doc JSON)");
    run(server, &["SET SESSION time_zone = '+00:00'".to_owned(), table, filled]).await;
}

/// Runs statements in one session.
pub async fn run(server: &Sandbox, statements: &[impl AsRef<str>]) {
    let mut session = connect(server).await;
    for statement in statements {
        define(&mut session, statement.as_ref()).await.unwrap();
    }
    session.close().await;
}

/// Runs a statement that may make something. Other tests' definitions at the same moment can end in a deadlock inside the
/// server's dictionary (seen on 9.7.4): then it is tried again.
pub async fn define(session: &mut Session, statement: impl AsRef<[u8]>) -> Result<Done, ServerError> {
    let mut tries_left = 10;
    loop {
        match session.execute(statement.as_ref()).await {
            Err(error) if error.code() == Some(1213) && tries_left > 0 => tries_left -= 1,
            other => return other,
        }
    }
}

/// The first column of the first row; empty where there is none.
pub async fn one(server: &Sandbox, sql: &str) -> String {
    let mut session = connect(server).await;
    let value = session.query_first(sql).await.unwrap().map(|row| row.text(0)).unwrap_or_default();
    session.close().await;
    value
}

/// All of a schema by name of object: rows and definition of its tables, texts of the others.
pub async fn fingerprint(server: &Sandbox, schema: &str) -> BTreeMap<String, String> {
    let mut session = connect(server).await;
    let mut prints = BTreeMap::new();
    session.execute("SET SESSION time_zone = '+00:00', SESSION group_concat_max_len = 1000000").await.unwrap();
    let columns = format!(
        "SELECT TABLE_NAME, GROUP_CONCAT(CONCAT('IFNULL(HEX(`', COLUMN_NAME, '`), ''~'')') ORDER BY ORDINAL_POSITION)
         FROM information_schema.columns JOIN information_schema.tables USING (TABLE_SCHEMA, TABLE_NAME)
         WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA = {} GROUP BY TABLE_NAME",
        literal(schema)
    );
    for row in session.query(columns).await.unwrap() {
        let (table, columns) = (row.text(0), row.text(1));
        let name = format!("{}.{}", quote(schema), quote(&table));
        let sum = format!("SELECT CONCAT(COUNT(*), ' ', SUM(CRC32(CONCAT_WS('#', {columns})))) FROM {name}");
        let rows = session.query_first(sum).await.unwrap().unwrap().text(0);
        let create = session.query_first(format!("SHOW CREATE TABLE {name}")).await.unwrap().unwrap().text(1);
        prints.insert(table, format!("{rows} {create}"));
    }
    let others = [
        "SELECT CONCAT('view ', TABLE_NAME), VIEW_DEFINITION FROM information_schema.views WHERE TABLE_SCHEMA",
        "SELECT CONCAT(ROUTINE_TYPE, ' ', ROUTINE_NAME), ROUTINE_DEFINITION FROM information_schema.routines WHERE ROUTINE_SCHEMA",
        "SELECT CONCAT('trigger ', TRIGGER_NAME), ACTION_STATEMENT FROM information_schema.triggers WHERE TRIGGER_SCHEMA",
        "SELECT CONCAT('event ', EVENT_NAME), EVENT_DEFINITION FROM information_schema.events WHERE EVENT_SCHEMA",
    ];
    for sql in others {
        for row in session.query(format!("{sql} = {}", literal(schema))).await.unwrap() {
            // A view's text holds the schema's name, which a rename changes.
            prints.insert(row.text(0), row.text(1).replace(&format!("{}.", quote(schema)), ""));
        }
    }
    session.close().await;
    prints
}

/// Drops a schema and what an unfinished restore has left.
pub async fn drop_restored(server: &Sandbox, schema: &str) {
    run(server, &[format!("DROP DATABASE IF EXISTS {schema}"), "DROP DATABASE IF EXISTS myriad_restore".into()]).await;
}

/// Panics where a restore has left anything on the server: its ledger, a named lock, a session.
pub async fn assert_nothing_left(server: &Sandbox) {
    let ledger = "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME = 'myriad_restore'";
    assert_eq!(one(server, ledger).await, "0", "the ledger is still there");
    let locks = "SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'USER LEVEL LOCK'";
    for _ in 0..100 {
        if one(server, locks).await == "0" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("named locks are still held");
}
