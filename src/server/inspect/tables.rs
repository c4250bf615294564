//! Tables of a batch of schemas: four queries on information_schema for all of them, then the exact text of each.

use super::columns::{self, ColumnRow, KeyPart, UniqueKey};
use super::{NotTaken, TABLE_TYPES, Wanted, schema_list};
use crate::schema::{Column, Histogram, QualifiedName, SqlText, Table, ddl};
use crate::server::error::ServerError;
use crate::server::session::{Row, Session};
use std::collections::HashMap;

/// Which columns of information_schema this server has (MySQL 5.7 and MariaDB lack some).
pub(super) struct Dictionary {
    visible: &'static str,
    expression: &'static str,
}

impl Dictionary {
    pub(super) async fn of(session: &mut Session) -> Result<Self, ServerError> {
        let rows = session
            .query(
                "SELECT UPPER(COLUMN_NAME) FROM information_schema.columns WHERE TABLE_SCHEMA = 'information_schema' \
                 AND UPPER(TABLE_NAME) = 'STATISTICS'",
            )
            .await?;
        let has = |name: &str| rows.iter().any(|row| row.text(0) == name);
        Ok(Dictionary {
            visible: match (has("IS_VISIBLE"), has("IGNORED")) {
                (true, _) => "IS_VISIBLE = 'YES'",
                (false, true) => "IGNORED = 'NO'",
                (false, false) => "1",
            },
            expression: if has("EXPRESSION") { "EXPRESSION IS NOT NULL" } else { "0" },
        })
    }
}

/// What a table's name leads to.
type ByTable<T> = HashMap<(String, String), Vec<T>>;

/// The wanted tables of `schemas`, by schema and name.
pub(super) async fn read(
    session: &mut Session,
    dictionary: &Dictionary,
    schemas: &[String],
    wanted: &Wanted<'_>,
    not_taken: &mut Vec<NotTaken>,
) -> Result<HashMap<String, Vec<Table>>, ServerError> {
    let list = schema_list(schemas);
    let mut rows = session
        .query(format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, INDEX_LENGTH \
             FROM information_schema.tables WHERE TABLE_SCHEMA IN {list} AND TABLE_TYPE <> 'VIEW'"
        ))
        .await?;
    rows.retain(|row| wanted(&row.text(0), Some(&row.text(1))));
    rows.sort_by_cached_key(|row| (row.text(0), row.text(1)));
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let mut columns = read_columns(session, &list).await?;
    let mut keys = read_unique_keys(session, dictionary, &list).await?;
    let mut partitions = read_partitions(session, &list).await?;
    let mut histograms = read_histograms(session, &list).await?;
    let mut tables: HashMap<String, Vec<Table>> = HashMap::new();
    let mut creates = HashMap::new();
    for (i, row) in rows.iter().enumerate() {
        if i % TEXTS_AT_ONCE == 0 {
            creates = texts(session, &rows[i..rows.len().min(i + TEXTS_AT_ONCE)]).await?;
        }
        let at = (row.text(0), row.text(1));
        let name = QualifiedName::new(at.0.clone(), at.1.clone());
        let details = Details {
            columns: columns.remove(&at).unwrap_or_default(),
            keys: keys.remove(&at).unwrap_or_default(),
            partitions: partitions.remove(&at).unwrap_or_default(),
            histograms: histograms.remove(&at).unwrap_or_default(),
            create: creates.remove(&name),
        };
        match table(session, name, row, details).await? {
            Ok(table) => {
                if let Some(why) = table.no_rows_of_its_own() {
                    not_taken.push(NotTaken::new("rows of table", table.name.to_string(), why));
                }
                if row.text(2) == VERSIONED {
                    let why = "only the rows of now are taken; a restore begins their history anew";
                    not_taken.push(NotTaken::new("history of table", table.name.to_string(), why));
                }
                tables.entry(at.0).or_default().push(table);
            }
            Err(why) => not_taken.push(NotTaken::new("table", format!("{}.{}", at.0, at.1), why)),
        }
    }
    Ok(tables)
}

struct Details {
    columns: Vec<ColumnRow>,
    keys: Vec<UniqueKey>,
    partitions: Vec<String>,
    histograms: Vec<Histogram>,
    /// Its text; none where it has to be asked for alone.
    create: Option<Vec<u8>>,
}

/// Texts asked for in one go: the way to the server and back costs more than the answer.
const TEXTS_AT_ONCE: usize = 100;

/// The texts of many tables by one packet of several statements. Empty where the server refuses one of them: each is
/// then asked for alone, and the error found again.
async fn texts(session: &mut Session, rows: &[Row]) -> Result<HashMap<QualifiedName, Vec<u8>>, ServerError> {
    let known: Vec<&Row> = rows.iter().filter(|row| TABLE_TYPES.contains(&row.text(2).as_str())).collect();
    let names: Vec<_> = known.iter().map(|row| QualifiedName::new(row.text(0), row.text(1))).collect();
    let statements: Vec<_> = known.iter().zip(&names).map(|(row, name)| show_create(&row.text(2), name)).collect();
    if statements.is_empty() {
        return Ok(HashMap::new());
    }
    let results = match session.query_many(statements.join("; ")).await {
        Ok(results) => results,
        Err(error) if error.code().is_some() => return Ok(HashMap::new()),
        Err(error) => return Err(error),
    };
    let texts = results.iter().map(|rows| rows.first().map(|row| row.bytes(1)).unwrap_or_default());
    Ok(names.into_iter().zip(texts).filter(|(_, text)| !text.is_empty()).collect())
}

/// The statement that gives the text. SHOW CREATE TABLE of a sequence gives a table of the right columns, but leaves
/// what the sequence is to its row.
fn show_create(table_type: &str, name: &QualifiedName) -> String {
    let what = if table_type == SEQUENCE { "SEQUENCE" } else { "TABLE" };
    format!("SHOW CREATE {what} {}", name.sql())
}

const VERSIONED: &str = "SYSTEM VERSIONED";
const SEQUENCE: &str = "SEQUENCE";

/// One table, or why it cannot be taken.
async fn table(
    session: &mut Session,
    name: QualifiedName,
    row: &Row,
    details: Details,
) -> Result<Result<Table, String>, ServerError> {
    let table_type = row.text(2);
    if !TABLE_TYPES.contains(&table_type.as_str()) {
        return Ok(Err(format!("it is of the kind {table_type}, which this program does not take")));
    }
    let engine = row.text(3);
    let text = match details.create {
        Some(text) => Ok(Some(text)),
        None => {
            let row = session.query_first(show_create(&table_type, &name)).await;
            row.map(|row| row.map(|row| row.bytes(1)))
        }
    };
    let create = match text {
        Ok(text) => SqlText(text.unwrap_or_default()),
        // A MERGE table over tables that do not match, an engine that is not loaded: no rows can be read either.
        Err(error) if !engine.eq_ignore_ascii_case("InnoDB") && matches!(error.code(), Some(1168 | 1286)) => {
            return Ok(Err(error.to_string()));
        }
        Err(error) => return Err(error),
    };
    let columns: Result<Vec<Column>, String> = details.columns.into_iter().map(columns::column).collect();
    let columns = match columns {
        Ok(columns) => columns,
        Err(why) => return Ok(Err(why)),
    };
    let sequence = table_type == SEQUENCE;
    let order = match ddl::parts(&create.0) {
        _ if sequence => Vec::new(),
        Ok(parts) => parts.unique_keys(),
        Err(error) => return Ok(Err(error.to_string())),
    };
    Ok(Ok(Table {
        range_key: columns::range_key(&columns, &details.keys, &order),
        name,
        engine,
        create,
        columns,
        sequence,
        // A partition of a versioned table may hold its history, which is read where the partition is named (MariaDB
        // 10.11.18).
        partitions: if table_type == VERSIONED { Vec::new() } else { details.partitions },
        histograms: details.histograms,
        rows_estimate: row.number(4),
        bytes_estimate: row.number(5),
        index_bytes_estimate: row.number(6),
    }))
}

async fn read_columns(session: &mut Session, schemas: &str) -> Result<ByTable<ColumnRow>, ServerError> {
    let rows = session
        .query(format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, \
             CHARACTER_SET_NAME, COLLATION_NAME, EXTRA, DATETIME_PRECISION \
             FROM information_schema.columns WHERE TABLE_SCHEMA IN {schemas}"
        ))
        .await?;
    let column = |row: &Row| ColumnRow {
        name: row.text(3),
        data_type: row.text(4).to_ascii_lowercase(),
        column_type: row.text(5),
        nullable: row.text(6) == "YES",
        charset: row.opt_text(7),
        collation: row.opt_text(8),
        extra: row.text(9),
        fraction: u8::try_from(row.number(10)).unwrap_or_default(),
    };
    Ok(by_table(rows, |row| row.number(2), column))
}

async fn read_unique_keys(
    session: &mut Session,
    dictionary: &Dictionary,
    schemas: &str,
) -> Result<ByTable<UniqueKey>, ServerError> {
    let Dictionary { visible, expression } = dictionary;
    // Along a hash there is no order: each range would read the whole table (MariaDB makes one for UNIQUE on TEXT).
    let rows = session
        .query(format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, SEQ_IN_INDEX, INDEX_NAME, COLUMN_NAME, COLLATION, SUB_PART, \
             {visible} AND INDEX_TYPE <> 'HASH', \
             {expression} FROM information_schema.statistics WHERE TABLE_SCHEMA IN {schemas} AND NON_UNIQUE = 0"
        ))
        .await?;
    let part = |row: &Row| {
        let part = KeyPart {
            column: row.opt_text(4).filter(|_| row.number(8) == 0),
            descending: row.text(5) == "D",
            prefix: row.opt_number(6).is_some(),
        };
        (row.text(3), row.number(7) == 1, part)
    };
    let parts = by_table(rows, |row| row.number(2), part);
    Ok(parts.into_iter().map(|(table, parts)| (table, join_parts(parts))).collect())
}

/// Parts of several keys, each in key order, put together to keys.
fn join_parts(parts: Vec<(String, bool, KeyPart)>) -> Vec<UniqueKey> {
    let mut keys: Vec<UniqueKey> = Vec::new();
    for (name, visible, part) in parts {
        match keys.iter_mut().find(|key| key.name == name) {
            Some(key) => key.parts.push(part),
            None => keys.push(UniqueKey { name, visible, parts: vec![part] }),
        }
    }
    keys
}

async fn read_partitions(session: &mut Session, schemas: &str) -> Result<ByTable<String>, ServerError> {
    let rows = session
        .query(format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, PARTITION_ORDINAL_POSITION, SUBPARTITION_ORDINAL_POSITION, \
             COALESCE(SUBPARTITION_NAME, PARTITION_NAME) FROM information_schema.partitions \
             WHERE TABLE_SCHEMA IN {schemas} AND PARTITION_NAME IS NOT NULL"
        ))
        .await?;
    Ok(by_table(rows, |row| (row.number(2), row.number(3)), |row| row.text(4)))
}

async fn read_histograms(session: &mut Session, schemas: &str) -> Result<ByTable<Histogram>, ServerError> {
    let sql = format!(
        "SELECT SCHEMA_NAME, TABLE_NAME, COLUMN_NAME, HISTOGRAM FROM information_schema.column_statistics \
         WHERE SCHEMA_NAME IN {schemas}"
    );
    match session.query(sql).await {
        Ok(rows) => {
            let histogram = |row: &Row| Histogram { column: row.text(2), data: row.text(3) };
            Ok(by_table(rows, |row| row.text(2), histogram))
        }
        // MySQL before 8.0 and MariaDB have no such table.
        Err(error) if matches!(error.code(), Some(1109 | 1146)) => Ok(HashMap::new()),
        Err(error) => Err(error),
    }
}

/// Rows whose first two columns are schema and table, gathered by table and ordered by `order`.
fn by_table<T, K: Ord>(rows: Vec<Row>, order: impl Fn(&Row) -> K, value: impl Fn(&Row) -> T) -> ByTable<T> {
    let mut sorted: ByTable<(K, T)> = HashMap::new();
    for row in rows {
        sorted.entry((row.text(0), row.text(1))).or_default().push((order(&row), value(&row)));
    }
    sorted
        .into_iter()
        .map(|(table, mut values)| {
            values.sort_by(|a, b| a.0.cmp(&b.0));
            (table, values.into_iter().map(|(_, value)| value).collect())
        })
        .collect()
}
