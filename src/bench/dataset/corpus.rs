//! The corpus: schemas, tables and objects that are easily lost on their way through a backup, as SQL scripts in
//! `tests/corpus`, and what is too long to write down, made here: a thousand columns, many tables, values of many
//! megabytes. In: a server. Out: schemas whose names begin with `corpus`. The scripts are part of the program.

use super::script::{Servers, Statement, statements};
use super::text::RowText;
use super::{Filled, TableRows, send};
use crate::bench::error::BenchError;
use crate::server::{ConnectOptions, ServerError, Session};

/// The scripts of schemas and rows, by name.
pub const SCRIPTS: &[(&str, &str)] = &[
    ("types", include_str!("../../../tests/corpus/types.sql")),
    ("charsets", include_str!("../../../tests/corpus/charsets.sql")),
    ("names", include_str!("../../../tests/corpus/names.sql")),
    ("case", include_str!("../../../tests/corpus/case.sql")),
    ("keys", include_str!("../../../tests/corpus/keys.sql")),
    ("generated", include_str!("../../../tests/corpus/generated.sql")),
    ("indexes", include_str!("../../../tests/corpus/indexes.sql")),
    ("partitions", include_str!("../../../tests/corpus/partitions.sql")),
    ("engines", include_str!("../../../tests/corpus/engines.sql")),
    ("links", include_str!("../../../tests/corpus/links.sql")),
    ("lax", include_str!("../../../tests/corpus/lax.sql")),
    ("json", include_str!("../../../tests/corpus/json.sql")),
    ("json_typed", include_str!("../../../tests/corpus/json_typed.sql")),
    ("objects", include_str!("../../../tests/corpus/objects.sql")),
    ("histograms", include_str!("../../../tests/corpus/histograms.sql")),
];

/// The script of accounts, which belong to the server and not to a schema.
pub const USERS: &str = include_str!("../../../tests/corpus/users.sql");

/// How much of what is made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Tables of the schema `corpus_many`.
    pub many_tables: usize,
    /// Bytes of the largest value.
    pub value_bytes: usize,
}

/// Small enough for every day; one value is still larger than a packet of the protocol.
pub const SMALL: Scale = Scale { many_tables: 100, value_bytes: 17 << 20 };
/// 10,000 tables, values of 64 MiB.
pub const LARGE: Scale = Scale { many_tables: 10_000, value_bytes: 64 << 20 };

/// Columns of the widest table; InnoDB holds 1,017 at most (MySQL manual, "InnoDB Limits").
const COLUMNS: usize = 1_000;

/// Makes the whole corpus anew, as far as the server knows it.
pub async fn fill(target: &ConnectOptions, scale: Scale) -> Result<Filled, BenchError> {
    let mut filled = Filled { schema: "corpus".into(), tables: 0, rows: 0, bytes: 0 };
    for (_, script) in SCRIPTS {
        filled.rows += run_script(target, script).await?;
    }
    filled.rows += make_large(target, scale).await?;
    let mut session = Session::connect(target).await?;
    let tables = session
        .query_first(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA LIKE 'corpus%' AND TABLE_TYPE = 'BASE TABLE'",
        )
        .await?;
    filled.tables = tables.map_or(0, |row| row.number(0) as usize);
    session.close().await;
    Ok(filled)
}

/// Runs one script in a session of its own; its schemas are dropped first. Gives the number of rows inserted. What only
/// the other kind of server knows is passed over.
pub async fn run_script(target: &ConnectOptions, script: &str) -> Result<u64, BenchError> {
    let mut session = Session::connect(target).await?;
    let other = match is_mariadb(&mut session).await? {
        true => Servers::Mysql,
        false => Servers::Mariadb,
    };
    let statements: Vec<Statement> =
        statements(script).into_iter().filter(|statement| statement.servers != other).collect();
    session.execute("SET SESSION foreign_key_checks = 0").await?;
    for schema in statements.iter().filter_map(|statement| made_schema(&statement.sql)) {
        session.execute(format!("DROP DATABASE IF EXISTS {schema}")).await?;
    }
    session.execute("SET SESSION foreign_key_checks = 1").await?;
    let mut rows = 0;
    for statement in &statements {
        let done = session.execute(&statement.sql).await?;
        if statement.sql.starts_with("INSERT") {
            rows += done.affected;
        }
    }
    session.close().await;
    Ok(rows)
}

/// The quoted name in a `CREATE DATABASE`.
fn made_schema(sql: &str) -> Option<&str> {
    let rest = sql.strip_prefix("CREATE DATABASE ")?;
    Some(rest.split_once(" CHARACTER SET").map_or(rest, |(name, _)| name))
}

async fn is_mariadb(session: &mut Session) -> Result<bool, ServerError> {
    let version = session.query_first("SELECT VERSION()").await?;
    Ok(version.is_some_and(|row| row.text(0).contains("MariaDB")))
}

/// A table of a thousand columns, many tables, and values of many megabytes.
async fn make_large(target: &ConnectOptions, scale: Scale) -> Result<u64, BenchError> {
    let mut session = super::writer(target).await?;
    for schema in ["corpus_large", "corpus_many"] {
        session.execute(format!("DROP DATABASE IF EXISTS {schema}")).await?;
        session.execute(format!("CREATE DATABASE {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")).await?;
    }
    session.execute("USE corpus_large").await?;
    session.execute(thousand_columns()).await?;
    let names: Vec<String> = (1..COLUMNS).map(|n| format!("c{n}")).collect();
    for id in 1..=3 {
        let values: Vec<String> = (1..COLUMNS).map(|n| column_value(n, id)).collect();
        let (names, values) = (names.join(", "), values.join(", "));
        session.execute(format!("INSERT INTO thousand_columns (id, {names}) VALUES ({id}, {values})")).await?;
    }
    session.execute("CREATE TABLE large_values (id INT PRIMARY KEY, t LONGTEXT, b LONGBLOB)").await?;
    large_values(&mut session, scale.value_bytes).await?;

    session.execute("USE corpus_many").await?;
    for number in 0..scale.many_tables {
        session.execute(format!("CREATE TABLE t{number:05} (id INT PRIMARY KEY, v VARCHAR(20), KEY v (v))")).await?;
        session.execute(format!("INSERT INTO t{number:05} VALUES ({number}, 'row')")).await?;
    }
    session.close().await;
    Ok(3 + 4 + scale.many_tables as u64)
}

fn thousand_columns() -> String {
    let columns: Vec<String> = (1..COLUMNS)
        .map(|n| match n % 4 {
            0 => format!("c{n} INT"),
            1 => format!("c{n} VARCHAR(3)"),
            2 => format!("c{n} DECIMAL(5,2)"),
            _ => format!("c{n} DATE NULL"),
        })
        .collect();
    format!("CREATE TABLE thousand_columns (id INT PRIMARY KEY, {})", columns.join(", "))
}

/// The value of column `n` of [`thousand_columns`] in row `id`; NULL now and then.
fn column_value(n: usize, id: usize) -> String {
    let digit = 1 + (n + id) % 9;
    match (n % 4, (n * id) % 7) {
        (_, 0) => "NULL".into(),
        (3, _) => format!("'2024-01-0{digit}'"),
        _ => digit.to_string(),
    }
}

/// Four rows: bytes of every kind, text with escapes in it, nothing, NULL. They go in by LOAD DATA, which the server's
/// `max_allowed_packet` does not limit (seen on 9.7.4).
async fn large_values(session: &mut Session, bytes: usize) -> Result<(), BenchError> {
    let table = TableRows::new("large_values", "id, t, b", 4, |_, _, _| {}).bytes();
    let mut text = RowText::default();
    let pattern: Vec<u8> = (0..=255).collect();
    let blob: Vec<u8> = pattern.iter().copied().cycle().take(bytes).collect();
    text.number(1).text("x").text(&blob).end();
    text.number(2).text("a\\\t\n'".repeat(bytes / 5)).text("").end();
    text.number(3).null().null().end();
    text.number(4).text("").text(&pattern).end();
    let (text, rows) = text.take();
    send(session, &table, text, rows).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_makes_schemas_of_the_corpus_alone() {
        for (name, script) in SCRIPTS {
            let made: Vec<_> =
                statements(script).iter().filter_map(|s| made_schema(&s.sql).map(str::to_owned)).collect();
            assert!(!made.is_empty(), "{name}");
            assert!(
                made.iter().all(|schema| schema.trim_start_matches('`').to_lowercase().starts_with("corpus")),
                "{made:?}"
            );
        }
    }
}
