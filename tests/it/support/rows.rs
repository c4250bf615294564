//! Tables of plain rows in numbers, made by the server itself.

use super::data::define;
use myriad::server::Session;

/// Makes the schema, with a table `numbers` that holds `n` from 0 to `count - 1`.
pub async fn schema_with_numbers(session: &mut Session, schema: &str, count: u64) {
    all(
        session,
        &[
            format!("CREATE SCHEMA {schema} CHARACTER SET utf8mb4"),
            format!("USE {schema}"),
            "SET SESSION cte_max_recursion_depth = 10000000".into(),
            "SET SESSION sql_mode = ''".into(),
            format!(
                "CREATE TEMPORARY TABLE numbers (n INT PRIMARY KEY) WITH RECURSIVE r (n) AS \
                 (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n + 1 < {count}) SELECT n FROM r"
            ),
        ],
    )
    .await;
}

/// A table of the columns, filled with these values for each number.
pub async fn table(session: &mut Session, name: &str, definition: &str, values: &str) {
    all(
        session,
        &[
            format!("CREATE TABLE {name} ({definition})"),
            format!("INSERT INTO {name} SELECT {values} FROM numbers ORDER BY n"),
            format!("ANALYZE NO_WRITE_TO_BINLOG TABLE {name}"),
        ],
    )
    .await;
}

/// Runs statements one after another.
pub async fn all(session: &mut Session, statements: &[String]) {
    for statement in statements {
        define(session, statement).await.unwrap_or_else(|error| panic!("{error}"));
    }
}
