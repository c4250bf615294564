//! What the TSV script is to do: a SELECT for each range of each table, the LOAD DATA that takes its rows back, and the
//! definitions around them. In: a session on the source, which is only read. Out: statements.
//!
//! The client prints NULL as the word NULL. LOAD DATA reads that word as NULL where fields may be enclosed (MySQL manual,
//! "LOAD DATA Statement"), so an enclosing byte is named with which no value of the table begins. A table that holds
//! such a value, or the word itself, has its NULLs written as a sentinel that none of its columns holds, and read by NULLIF.

use super::super::super::error::BenchError;
use crate::schema::ddl::{self, Cut};
use crate::schema::{Column, ColumnKind, Generated, Table, quote};
use crate::server::session::{READER_SETUP, Session, WRITER_SETUP};
use crate::server::{ServerError, inspect};

/// Rows of one range, in bytes of the clustered index: MySQL Shell's own default.
const CHUNK_BYTES: u64 = 64 << 20;
/// Ranges for each session at least, where there are rows enough: the last ones end at about the same time.
const CHUNKS_A_SESSION: u64 = 4;
/// No smaller ranges than this: each costs a client's start.
const CHUNK_BYTES_MIN: u64 = 4 << 20;
/// The byte that fields may be enclosed in.
const ENCLOSED_BY: u8 = 1;
/// Sort buffers of one ALTER: the least wall time on two cores (9.7.4).
const DDL_BUFFER_BYTES: u64 = 256 << 20;
/// What every writing session sets beside what this program's own sessions set: no binary log, and definitions taken that the
/// source has.
const UNLOGGED: &str = "SET SESSION sql_log_bin=0, SESSION innodb_strict_mode=OFF \
    /*!80030 , SESSION sql_require_primary_key=OFF, SESSION sql_generate_invisible_primary_key=OFF */ \
    /*!80400 , SESSION restrict_fk_on_non_standard_key=OFF */";

/// The statements.
pub struct Plan {
    /// Schemas and empty tables with their clustered keys.
    pub schemas: Vec<u8>,
    /// One for each table with rows of its own, the largest first.
    pub tables: Vec<TablePlan>,
    /// Foreign keys, once all is in.
    pub foreign_keys: Vec<u8>,
}

/// The statements of one table.
pub struct TablePlan {
    /// A SELECT for each range.
    pub selects: Vec<String>,
    /// LOAD DATA of any of the ranges, from standard input.
    pub load: Vec<u8>,
    /// ALTERs that add what was left out; empty where nothing was.
    pub indexes: Vec<u8>,
}

/// Looks at all tables of these schemas.
pub async fn make(session: &mut Session, schemas: &[String], threads: usize) -> Result<Plan, BenchError> {
    inspect::setup_reader(session).await?;
    let wanted = |schema: &str, _: Option<&str>| schemas.iter().any(|name| name == schema);
    let inspected = inspect::inspect(session, &wanted, false).await?;
    let mut made = setup();
    let mut foreign_keys = setup();
    let mut tables: Vec<(&Table, Cut)> = Vec::new();
    for schema in &inspected.schemas {
        push(&mut made, &[&schema.create.0]);
        push(&mut made, &[b"USE ", quote(&schema.name).as_bytes()]);
        push(&mut foreign_keys, &[b"USE ", quote(&schema.name).as_bytes()]);
        for table in &schema.tables {
            let cut = match table.transactional() {
                true => ddl::cut(&table.create.0).map_err(|_| unreadable(table))?,
                false => Cut::whole(table.create.0.clone()),
            };
            push(&mut made, &[&cut.bare]);
            for key in &cut.foreign_keys {
                push(&mut foreign_keys, &[b"ALTER TABLE ", table.name.sql().as_bytes(), b" ADD ", &key.definition]);
            }
            if table.no_rows_of_its_own().is_none() {
                tables.push((table, cut));
            }
        }
    }
    tables.sort_by_key(|(table, _)| std::cmp::Reverse(table.bytes_estimate));
    let all: u64 = tables.iter().map(|(table, _)| table.bytes_estimate).sum();
    let chunk_bytes = (all / (threads as u64 * CHUNKS_A_SESSION)).clamp(CHUNK_BYTES_MIN, CHUNK_BYTES);
    let mut plans = Vec::new();
    for (table, cut) in &tables {
        let null = null_of(session, table).await?;
        let conditions = ranges(session, table, chunk_bytes).await?;
        plans.push(TablePlan {
            selects: conditions.iter().map(|condition| select(table, &null, condition)).collect(),
            load: load(table, &null),
            indexes: indexes(table, cut, threads),
        });
    }
    Ok(Plan { schemas: made, tables: plans, foreign_keys })
}

fn unreadable(table: &Table) -> BenchError {
    BenchError::Definition { table: table.name.to_string() }
}

fn setup() -> Vec<u8> {
    format!("{WRITER_SETUP};\n{UNLOGGED};\n").into_bytes()
}

fn push(script: &mut Vec<u8>, statement: &[&[u8]]) {
    statement.iter().for_each(|part| script.extend_from_slice(part));
    script.extend_from_slice(b";\n");
}

/// How NULL is written.
#[derive(Debug, PartialEq, Eq)]
enum Null {
    /// As the word NULL.
    Word,
    /// As this text.
    Sentinel(String),
}

/// Reads the table's columns where they may hold what could be taken for NULL.
async fn null_of(session: &mut Session, table: &Table) -> Result<Null, ServerError> {
    let loaded: Vec<&Column> = loaded(table).collect();
    let texts: Vec<String> = loaded.iter().filter(|column| has_any_bytes(column)).map(|c| bytes_of(c)).collect();
    let any = |condition: &dyn Fn(&String) -> String| texts.iter().map(condition).collect::<Vec<_>>().join(" OR ");
    if texts.is_empty() {
        return Ok(Null::Word);
    }
    let taken = any(&|text| format!("{text} = 'NULL' OR LEFT({text}, 1) = X'{ENCLOSED_BY:02X}'"));
    if !holds(session, table, &taken).await? {
        return Ok(Null::Word);
    }
    for number in 0_u32.. {
        let sentinel = format!("~null~{number}");
        if !holds(session, table, &any(&|text| format!("{text} = '{sentinel}'"))).await? {
            return Ok(Null::Sentinel(sentinel));
        }
    }
    unreachable!("a table does not hold every number")
}

async fn holds(session: &mut Session, table: &Table, condition: &str) -> Result<bool, ServerError> {
    let sql = format!("SELECT 1 FROM {} WHERE {condition} LIMIT 1", table.name.sql());
    Ok(session.query_first(sql).await?.is_some())
}

fn loaded(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| column.generated == Generated::No)
}

/// True where a value is not printed by digits and signs alone.
fn has_any_bytes(column: &Column) -> bool {
    use ColumnKind::*;
    matches!(column.kind, Text | Bytes | Enum | Set | Geometry | Vector | TypedText)
}

fn bytes_of(column: &Column) -> String {
    format!("CAST({} AS BINARY)", quote(&column.name))
}

/// The conditions that cut a table along its key, where that begins with an integer; else one that all rows meet.
async fn ranges(session: &mut Session, table: &Table, chunk_bytes: u64) -> Result<Vec<String>, ServerError> {
    let whole = vec![String::new()];
    let pieces = i128::from(table.bytes_estimate.div_ceil(chunk_bytes));
    let key = table.range_key.as_ref().and_then(|key| key.columns.first());
    let column = match key.map(|key| &table.columns[key.column]) {
        Some(column) if column.kind == ColumnKind::Integer && pieces > 1 => quote(&column.name),
        _ => return Ok(whole),
    };
    let ends = session.query_first(format!("SELECT MIN({column}), MAX({column}) FROM {}", table.name.sql())).await?;
    let end = |i: usize| ends.as_ref().and_then(|row| row.opt_text(i)).and_then(|text| text.parse::<i128>().ok());
    Ok(match (end(0), end(1)) {
        (Some(least), Some(most)) => conditions(&column, least, most, pieces),
        _ => whole,
    })
}

/// Equal parts from `least` to `most`, the outer ones open.
fn conditions(column: &str, least: i128, most: i128, pieces: i128) -> Vec<String> {
    let pieces = pieces.min(most - least + 1).max(1);
    let begin = |piece: i128| least + (most - least + 1) * piece / pieces;
    (0..pieces)
        .map(|piece| {
            let above = (piece > 0).then(|| format!("{column} >= {}", begin(piece)));
            let below = (piece + 1 < pieces).then(|| format!("{column} < {}", begin(piece + 1)));
            let both: Vec<String> = above.into_iter().chain(below).collect();
            both.join(" AND ")
        })
        .collect()
}

fn select(table: &Table, null: &Null, condition: &str) -> String {
    let list: Vec<String> = loaded(table).map(|column| printed(column, null)).collect();
    let list = if list.is_empty() { "1".to_owned() } else { list.join(", ") };
    let mut sql = format!("{READER_SETUP};\nSELECT {list} FROM {}", table.name.sql());
    if !condition.is_empty() {
        sql.push_str(&format!(" WHERE {condition}"));
    }
    if let Some(key) = &table.range_key {
        sql.push_str(&format!(" ORDER BY {}", key.order_by()));
    }
    sql + ";\n"
}

/// What the client prints of a column. BIT as its number, since its bytes are no text for LOAD DATA.
fn printed(column: &Column, null: &Null) -> String {
    let plain = match column.kind {
        ColumnKind::Bit => format!("CAST({} AS UNSIGNED)", quote(&column.name)),
        _ => quote(&column.name),
    };
    match null {
        Null::Sentinel(sentinel) if column.nullable => {
            let value = if has_any_bytes(column) { bytes_of(column) } else { plain };
            format!("IFNULL({value}, '{sentinel}')")
        }
        _ => plain,
    }
}

/// Bytes go in as they are, whatever the character set; JSON is not taken so.
fn load(table: &Table, null: &Null) -> Vec<u8> {
    let (mut list, mut sets) = (Vec::new(), Vec::new());
    for (number, column) in loaded(table).enumerate() {
        let (name, variable) = (quote(&column.name), format!("@v{number}"));
        let value = match null {
            Null::Sentinel(sentinel) if column.nullable => format!("NULLIF({variable}, '{sentinel}')"),
            _ => variable.clone(),
        };
        let set = match column.kind {
            ColumnKind::Bit => format!("CAST({value} AS UNSIGNED)"),
            ColumnKind::Json | ColumnKind::TypedText => format!("CONVERT({value} USING utf8mb4)"),
            _ if value == variable => {
                list.push(name);
                continue;
            }
            _ => value,
        };
        sets.push(format!("{name} = {set}"));
        list.push(variable);
    }
    if list.is_empty() {
        list.push("@unused".into());
    }
    let enclosed = match null {
        Null::Word => format!(" ENCLOSED BY X'{ENCLOSED_BY:02X}'"),
        Null::Sentinel(_) => String::new(),
    };
    let set = if sets.is_empty() { String::new() } else { format!(" SET {}", sets.join(", ")) };
    let table = table.name.sql();
    let setup = String::from_utf8(setup()).expect("the settings are ASCII");
    format!(
        "{setup}LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE {table} CHARACTER SET binary \
         FIELDS TERMINATED BY '\\t'{enclosed} ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({}){set};\n",
        list.join(", ")
    )
    .into_bytes()
}

fn indexes(table: &Table, cut: &Cut, threads: usize) -> Vec<u8> {
    let steps = cut.index_steps();
    if steps.is_empty() {
        return Vec::new();
    }
    let mut script = setup();
    let settings = format!(
        "/*!80027 SET SESSION innodb_ddl_threads={threads}, SESSION innodb_parallel_read_threads={threads}, \
         SESSION innodb_ddl_buffer_size={DDL_BUFFER_BYTES} */"
    );
    push(&mut script, &[settings.as_bytes()]);
    push(&mut script, &[b"USE ", quote(&table.name.schema).as_bytes()]);
    for step in steps {
        let mut clauses: Vec<Vec<u8>> =
            step.add.iter().map(|index| [b"ADD ", index.definition.as_slice()].concat()).collect();
        clauses.extend(step.drop.map(|name| format!("DROP KEY {}", quote(name)).into_bytes()));
        push(&mut script, &[b"ALTER TABLE ", table.name.sql().as_bytes(), b" ", &clauses.join(&b", "[..])]);
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::QualifiedName;

    fn table() -> Table {
        let mut id = Column::new("id", ColumnKind::Integer);
        id.nullable = false;
        let columns = vec![
            id,
            Column::new("na`me", ColumnKind::Text),
            Column::new("j", ColumnKind::Json),
            Column::new("b", ColumnKind::Bit),
        ];
        Table::of_columns(QualifiedName::new("s", "t"), columns)
    }

    #[test]
    fn parts_meet_and_the_outer_ones_are_open() {
        assert_eq!(conditions("id", 1, 10, 1), [""]);
        assert_eq!(conditions("id", 1, 10, 3), ["id < 4", "id >= 4 AND id < 7", "id >= 7"]);
        assert_eq!(conditions("id", -5, -4, 9), ["id < -4", "id >= -4"]);
        let all = conditions("id", 0, i128::from(u64::MAX), 2);
        assert_eq!(all, ["id < 9223372036854775808", "id >= 9223372036854775808"]);
    }

    #[test]
    fn null_is_a_word_or_a_sentinel() {
        let load = |null| String::from_utf8(load(&table(), &null)).unwrap();
        let words = load(Null::Word);
        assert!(words.contains("ENCLOSED BY X'01'") && words.contains("(`id`, `na``me`, @v2, @v3) SET"), "{words}");
        assert!(words.contains("`j` = CONVERT(@v2 USING utf8mb4), `b` = CAST(@v3 AS UNSIGNED)"), "{words}");
        let sentinel = load(Null::Sentinel("~null~0".into()));
        assert!(
            !sentinel.contains("ENCLOSED BY") && sentinel.contains("`na``me` = NULLIF(@v1, '~null~0')"),
            "{sentinel}"
        );
        let select = select(&table(), &Null::Sentinel("~null~0".into()), "id < 4");
        let list = "SELECT `id`, IFNULL(CAST(`na``me` AS BINARY), '~null~0'), IFNULL(`j`, '~null~0'), \
                    IFNULL(CAST(`b` AS UNSIGNED), '~null~0') FROM `s`.`t` WHERE id < 4;";
        assert!(select.contains(list), "{select}");
    }
}
