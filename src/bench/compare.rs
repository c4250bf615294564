//! What a server holds, value by value, and how two servers differ. The mysql client prints every column of every row as
//! hexadecimal digits or plain numbers, JSON with the types of its values, and every row of information_schema about
//! the schemas. This shares nothing with the digests of the program, whose work it judges. In: a client and a server.
//! Out: [`Contents`], and the differences of two of them, by table and column.

use super::error::BenchError;
use super::rivals::{login, password};
use crate::schema::identifier::{literal, quote};
use crate::server::ConnectOptions;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

/// A session in which two servers print the same for the same: whatever their own settings are.
pub(super) const SESSION: &str = "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = '', group_concat_max_len = 100000000, \
    sql_select_limit = 18446744073709551615, sql_big_selects = 1 /*!80000 , information_schema_stats_expiry = 0, \
    max_execution_time = 0, show_gipk_in_create_table_and_information_schema = 1 */";
/// Begins the rows of a table in the client's output.
const MARK: &str = "--- rows of ";
/// Begins a line that tells a table's next AUTO_INCREMENT value. It is asked for behind the table's rows: of a table that has
/// left the cache of definitions the server tells one less (seen on 9.7.4).
const NEXT: &str = "--- next of ";

/// Tables of information_schema: its name, the column that holds the schema, and columns that are times, sizes, estimates or
/// of the server and not of the object.
const DICTIONARY: &[(&str, &str, &[&str])] = &[
    ("schemata", "SCHEMA_NAME", &[]),
    ("tables", "TABLE_SCHEMA", SIZES),
    ("columns", "TABLE_SCHEMA", &[]),
    ("statistics", "TABLE_SCHEMA", &["CARDINALITY"]),
    ("table_constraints", "TABLE_SCHEMA", &[]),
    ("key_column_usage", "TABLE_SCHEMA", &[]),
    ("referential_constraints", "CONSTRAINT_SCHEMA", &[]),
    ("check_constraints", "CONSTRAINT_SCHEMA", &[]),
    ("partitions", "TABLE_SCHEMA", SIZES),
    ("routines", "ROUTINE_SCHEMA", &["CREATED", "LAST_ALTERED"]),
    ("parameters", "SPECIFIC_SCHEMA", &[]),
    ("triggers", "TRIGGER_SCHEMA", &["CREATED"]),
    ("events", "EVENT_SCHEMA", &["CREATED", "LAST_ALTERED", "LAST_EXECUTED", "ORIGINATOR"]),
    ("views", "TABLE_SCHEMA", &[]),
    ("column_statistics", "SCHEMA_NAME", &[]),
];

/// Columns of both, as far as they have them. AUTO_INCREMENT is read by itself, while the table is open.
const SIZES: &[&str] = &[
    "AUTO_INCREMENT",
    "TABLE_ROWS",
    "AVG_ROW_LENGTH",
    "DATA_LENGTH",
    "MAX_DATA_LENGTH",
    "INDEX_LENGTH",
    "DATA_FREE",
    "CREATE_TIME",
    "UPDATE_TIME",
    "CHECK_TIME",
    "CHECKSUM",
    "MAX_INDEX_LENGTH",
];

/// The rows of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableContents {
    /// Names of the columns, in order.
    pub columns: Vec<String>,
    /// Every row as it was printed, sorted: a row that stands twice is there twice.
    pub rows: Vec<Vec<u8>>,
}

/// What a server holds in the schemas that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Base tables by `schema.table`.
    pub tables: BTreeMap<String, TableContents>,
    /// One line for each row of information_schema: its table, then `COLUMN=value` of all columns.
    pub definitions: BTreeSet<String>,
    /// What the client complained of: a table that cannot be read.
    pub complaints: Vec<String>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// The table as `schema.table`, or the kind of definition.
    pub place: String,
    /// The columns that differ, or what is missing, added or changed.
    pub what: String,
}

/// Reads everything in schemas whose names begin with `corpus`, or in all user schemas where `prefix` is empty.
pub fn contents(mysql: &Path, server: &ConnectOptions, prefix: &str) -> Result<Contents, BenchError> {
    let client = Client { mysql, server, mariadb: false };
    let version = client.sound_lines("SELECT VERSION()")?;
    let client = Client { mariadb: version.first().is_some_and(|line| contains(line, b"MariaDB")), ..client };
    let mut contents = Contents::default();
    let mut script = Vec::new();
    for (table, columns) in columns_of_tables(&client, prefix)? {
        let lists: Vec<String> = columns.iter().map(|(name, kind)| printed(name, kind, client.mariadb)).collect();
        let mark = literal(&format!("{MARK}{}.{}", table.0, table.1));
        script.push(format!("SELECT {mark}"));
        script.push(format!("SELECT {} FROM {}.{}", lists.join(", "), quote(&table.0), quote(&table.1)));
        let (schema, name, next) =
            (literal(&table.0), literal(&table.1), literal(&format!("{NEXT}{}.{} ", table.0, table.1)));
        script.push(format!(
            "SELECT CONCAT({next}, AUTO_INCREMENT) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {schema} AND \
             TABLE_NAME = {name} AND AUTO_INCREMENT IS NOT NULL"
        ));
        let columns = columns.into_iter().map(|(name, _)| name).collect();
        contents.tables.insert(format!("{}.{}", table.0, table.1), TableContents { columns, rows: Vec::new() });
    }
    let (lines, complaints) = client.lines(&script.join(";\n"))?;
    contents.complaints = complaints;
    let mut rows = &mut Vec::new();
    for line in lines {
        let text = std::str::from_utf8(&line).unwrap_or_default();
        if let Some(name) = text.strip_prefix(MARK) {
            rows = &mut contents.tables.get_mut(name).expect("a mark names a table that was asked for").rows;
        } else if let Some(next) = text.strip_prefix(NEXT) {
            contents.definitions.insert(format!("AUTO_INCREMENT of {next}"));
        } else {
            rows.push(line);
        }
    }
    contents.tables.values_mut().for_each(|table| table.rows.sort());
    contents.definitions.extend(definitions(&client, prefix)?);
    Ok(contents)
}

/// How `found` differs from `expected`, sorted by place.
pub fn differences(expected: &Contents, found: &Contents) -> Vec<Difference> {
    let mut differences = BTreeSet::new();
    let mut add = |place: &str, what: String| {
        differences.insert(Difference { place: place.to_owned(), what });
    };
    for (name, table) in &expected.tables {
        match found.tables.get(name) {
            None => add(name, "the table is missing".into()),
            Some(other) if other.columns != table.columns => add(name, "its columns are others".into()),
            Some(other) => differing_columns(table, other).into_iter().for_each(|what| add(name, what)),
        }
    }
    for name in found.tables.keys().filter(|name| !expected.tables.contains_key(*name)) {
        add(name, "the table is not in the source".into());
    }
    for line in expected.definitions.difference(&found.definitions) {
        add("definitions", format!("lost {line}"));
    }
    for line in found.definitions.difference(&expected.definitions) {
        add("definitions", format!("added {line}"));
    }
    for complaint in found.complaints.iter().filter(|line| !expected.complaints.contains(line)) {
        add("reading", complaint.clone());
    }
    differences.into_iter().collect()
}

/// Which columns of two tables hold other values: a column is compared as the sorted list of its values.
fn differing_columns(expected: &TableContents, found: &TableContents) -> Vec<String> {
    if expected.rows == found.rows {
        return Vec::new();
    }
    if expected.rows.len() != found.rows.len() {
        return vec![format!("{} rows instead of {}", found.rows.len(), expected.rows.len())];
    }
    let mut differing = Vec::new();
    for (place, name) in expected.columns.iter().enumerate() {
        let (lost, gained) = unmatched(column_values(expected, place), column_values(found, place));
        if let (Some(before), Some(after)) = (lost.first(), gained.first()) {
            let (count, all) = (lost.len(), expected.rows.len());
            differing.push(format!(
                "column {name}: {count} of {all} values, such as {} for {}",
                shown(after),
                shown(before)
            ));
        }
    }
    match differing.is_empty() {
        true => vec!["values stand in other rows".into()],
        false => differing,
    }
}

/// The values of one column, sorted.
fn column_values<'t>(table: &'t TableContents, place: usize) -> Vec<&'t [u8]> {
    let cell = |row: &'t Vec<u8>| -> &'t [u8] { row.split(|&byte| byte == b'\t').nth(place).unwrap_or_default() };
    let mut values: Vec<&[u8]> = table.rows.iter().map(cell).collect();
    values.sort();
    values
}

/// What each of two sorted lists holds that the other does not.
fn unmatched<'a>(left: Vec<&'a [u8]>, right: Vec<&'a [u8]>) -> (Vec<&'a [u8]>, Vec<&'a [u8]>) {
    let (mut only_left, mut only_right) = (Vec::new(), Vec::new());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (None, None) => return (only_left, only_right),
            (Some(a), Some(b)) if a == b => drop((left.next(), right.next())),
            (Some(a), other) if other.is_none_or(|b| a < b) => only_left.extend(left.next()),
            _ => only_right.extend(right.next()),
        }
    }
}

/// A printed value, cut to what a line holds.
fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into_owned(),
    }
}

/// Tables by schema and name, each with its columns and their types.
type TableColumns = BTreeMap<(String, String), Vec<(String, String)>>;

/// Every base table with rows of its own.
fn columns_of_tables(client: &Client<'_>, prefix: &str) -> Result<TableColumns, BenchError> {
    let sql = format!(
        "SELECT HEX(TABLE_SCHEMA), HEX(TABLE_NAME), HEX(COLUMN_NAME), DATA_TYPE FROM information_schema.columns JOIN \
         information_schema.tables USING (TABLE_SCHEMA, TABLE_NAME) WHERE {} AND TABLE_TYPE = 'BASE TABLE' AND \
         ENGINE NOT IN ('BLACKHOLE', 'MRG_MYISAM') ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION",
        of_schemas("TABLE_SCHEMA", prefix)
    );
    let mut tables: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in client.sound_lines(&sql)? {
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut cells = line.split('\t');
        let mut name =
            || hex::decode(cells.next().unwrap_or_default()).map(|n| String::from_utf8_lossy(&n).into_owned());
        let (Ok(schema), Ok(table), Ok(column)) = (name(), name(), name()) else { continue };
        tables.entry((schema, table)).or_default().push((column, cells.next().unwrap_or_default().to_owned()));
    }
    Ok(tables)
}

fn of_schemas(column: &str, prefix: &str) -> String {
    match prefix {
        "" => format!("{column} NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')"),
        prefix => format!("LOWER({column}) LIKE {}", literal(&format!("{prefix}%"))),
    }
}

/// The expression that prints a column so that no two values print the same. HEX of a value above `max_allowed_packet` is
/// NULL: its hash is printed then.
pub(super) fn printed(column: &str, kind: &str, mariadb: bool) -> String {
    let column = quote(column);
    let bytes = |value: String| {
        format!("IF({column} IS NULL, 'NULL', IFNULL(HEX({value}), CONCAT('sha256 ', SHA2({value}, 256))))")
    };
    match kind {
        "float" | "double" => format!("{column} * 1e0"),
        "bit" => format!("{column} + 0"),
        "enum" | "set" => format!("CONCAT(CAST({column} AS UNSIGNED), ':', HEX(CAST({column} AS BINARY)))"),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            bytes(format!("CAST({column} AS BINARY)"))
        }
        "json" if !mariadb => json(&column),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "date" | "datetime" | "timestamp"
        | "time" | "year" => format!("CAST({column} AS CHAR)"),
        _ => bytes(column.clone()),
    }
}

/// A document as its text, and the types of all its values in the order of the document. INTEGER and UNSIGNED INTEGER count
/// as one type. The text of an opaque value holds its field type.
fn json(column: &str) -> String {
    let types = |path: &str| {
        format!(
            "(SELECT GROUP_CONCAT(REPLACE(JSON_TYPE(v), 'UNSIGNED ', '') ORDER BY o) FROM JSON_TABLE({column}, '{path}' \
             COLUMNS (o FOR ORDINALITY, v JSON PATH '$')) walk)"
        )
    };
    format!(
        "CONCAT_WS(' ', HEX(CAST({column} AS CHAR CHARACTER SET utf8mb4)), REPLACE(JSON_TYPE({column}), 'UNSIGNED ', ''), \
         IFNULL({}, '-'), IFNULL({}, '-'))",
        types("$**.*"),
        types("$**[*]")
    )
}

fn definitions(client: &Client<'_>, prefix: &str) -> Result<BTreeSet<String>, BenchError> {
    let known = client.sound_lines(
        "SELECT LOWER(TABLE_NAME), COLUMN_NAME FROM information_schema.columns WHERE TABLE_SCHEMA = 'information_schema' \
         ORDER BY TABLE_NAME, ORDINAL_POSITION",
    )?;
    let known: Vec<String> = known.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let mut script = Vec::new();
    for (table, schema_column, left_out) in DICTIONARY {
        let columns = known.iter().filter_map(|line| line.split_once('\t')).filter(|(of, _)| of == table);
        let columns: Vec<String> = columns
            .map(|(_, column)| column)
            .filter(|column| !left_out.contains(column))
            .map(|column| format!("'{column}=', {}", one_line(&printed_definition(column))))
            .collect();
        if !columns.is_empty() {
            script.push(format!(
                "SELECT CONCAT_WS(' ', '{table}:', {}) FROM information_schema.{table} WHERE {}",
                columns.join(", "),
                of_schemas(schema_column, prefix)
            ));
        }
    }
    let lines = client.sound_lines(&script.join(";\n"))?;
    Ok(lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect())
}

/// A column of information_schema as text. Of a histogram without the moment it was made, and without the zeros that a
/// DECIMAL bound loses where it is set from JSON text.
fn printed_definition(column: &str) -> String {
    let quoted = quote(column);
    match column {
        "HISTOGRAM" => format!(
            "REGEXP_REPLACE(REGEXP_REPLACE(CAST(JSON_REMOVE({quoted}, '$.\"last-updated\"') AS CHAR), \
             '([.][0-9]*?)0+(?=[,\\\\]])', '$1'), '[.](?=[,\\\\]])', '')"
        ),
        _ => format!("CAST({quoted} AS CHAR CHARACTER SET utf8mb4)"),
    }
}

/// A text with its line feeds escaped, or `NULL`.
fn one_line(text: &str) -> String {
    format!("REPLACE(REPLACE(IFNULL({text}, 'NULL'), '\\\\', '\\\\\\\\'), '\\n', '\\\\n')")
}

struct Client<'a> {
    mysql: &'a Path,
    server: &'a ConnectOptions,
    mariadb: bool,
}

impl Client<'_> {
    /// The lines that the client prints for a script that must not fail.
    fn sound_lines(&self, sql: &str) -> Result<Vec<Vec<u8>>, BenchError> {
        match self.lines(sql)? {
            (lines, complaints) if complaints.is_empty() => Ok(lines),
            (_, complaints) => Err(BenchError::Program {
                program: self.mysql.display().to_string(),
                status: "a statement failed".into(),
                complaint: complaints.join("; "),
            }),
        }
    }

    /// The lines that the client prints for a script, and what it complains of: it goes on after an error.
    fn lines(&self, sql: &str) -> Result<(Vec<Vec<u8>>, Vec<String>), BenchError> {
        let failed = |why: std::io::Error| BenchError::Program {
            program: self.mysql.display().to_string(),
            status: "not started".into(),
            complaint: why.to_string(),
        };
        let script = format!("{SESSION};\n{sql};\n");
        let mut command = Command::new(self.mysql);
        command.args(login(self.server)).args(["--batch", "--raw", "--skip-column-names", "--quick", "--force"]);
        command.args(["--default-character-set=utf8mb4", "--max-allowed-packet=1G"]).envs(password(self.server));
        let input = tempfile::tempfile().map_err(failed)?;
        std::io::Write::write_all(&mut &input, script.as_bytes()).map_err(failed)?;
        std::io::Seek::rewind(&mut &input).map_err(failed)?;
        let output = command.stdin(Stdio::from(input)).output().map_err(failed)?;
        let lines = |text: &[u8]| -> Vec<Vec<u8>> {
            // An empty line is a row of one empty value.
            text.split_inclusive(|&byte| byte == b'\n')
                .map(|line| line.strip_suffix(b"\n").unwrap_or(line).to_vec())
                .collect()
        };
        let complaints = lines(&output.stderr).iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        Ok((lines(&output.stdout), complaints))
    }
}

fn contains(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len()).any(|window| window == word)
}
