//! Rows whose JSON documents hold types that their text does not carry. They are left out of the stream that LOAD DATA
//! reads and inserted one by one: the document's text is parsed, and each such value is set over it by an expression of
//! its own type. DECIMAL, DATE, TIME, DATETIME and VARBINARY have literals and casts; TIMESTAMP, BIT and the other binary
//! types exist only as columns, and the columns of a JSON_TABLE are enough (all seen on 9.7.4).

use super::LoadTable;
use super::error::LoadError;
use super::rows;
use crate::codec::line::{self, StoredRow};
use crate::codec::row::unescape;
use crate::codec::typed::{ListedValue, TypedKind};
use crate::codec::{self, RowLayout};
use crate::manifest::model::ChunkRecord;
use crate::schema::{ColumnKind, quote};
use crate::server::Session;

/// Bytes of one statement at most, unless a single row needs more.
const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// Bytes of a row of JSON_TABLE at most, and of one of its columns but a BINARY one. Each further JSON_TABLE is a SELECT
/// inside another, of which the server takes some 60.
const ROW_BYTES_MAX: usize = 32_000;
const COLUMN_BYTES: usize = 24;

/// Whether rows can be made into an INSERT: numbers of ENUM and SET stand there as they are, and every typed value must be
/// one of a document of its row. The error says what is wrong.
pub fn check(layout: &RowLayout, rows: &[StoredRow<'_>]) -> Result<(), &'static str> {
    for row in rows {
        let fields: Vec<&[u8]> = line::fields(row.line).collect();
        if fields.len() != layout.fields.len() {
            return Err("a row has another number of fields than its table");
        }
        let number = |field: &[u8]| field == b"\\N" || !field.is_empty() && field.iter().all(u8::is_ascii_digit);
        let numbers = layout.loaded_fields().filter(|(_, f)| matches!(f.kind, ColumnKind::Enum | ColumnKind::Set));
        if numbers.into_iter().any(|(place, _)| !number(fields[place])) {
            return Err("an ENUM or SET is no number");
        }
        if row.typed.iter().any(|listed| !layout.json.contains(&listed.field)) {
            return Err("its typed list names a column that is no JSON");
        }
        for &place in &layout.json {
            let mut values = row.typed.iter().filter(|listed| listed.field == place).map(|l| &l.value).peekable();
            let document = unescape(fields[place]).unwrap_or_default();
            if values.peek().is_some() && !codec::typed::agrees(&document, values) {
                return Err("its typed list names a value that its document has not");
            }
        }
    }
    Ok(())
}

/// Inserts rows, as many with one statement as fit. `packet_bytes_max` is the target's max_allowed_packet.
pub async fn insert_rows(
    session: &mut Session,
    work: &LoadTable,
    record: &ChunkRecord,
    layout: &RowLayout,
    rows: &[StoredRow<'_>],
    packet_bytes_max: u64,
) -> Result<(), LoadError> {
    let names: Vec<_> = layout.loaded_fields().map(|(_, field)| quote(&field.name)).collect();
    let head = format!("INSERT INTO {} ({}) VALUES ", work.target.sql(), names.join(","));
    let mut batch = Batch::new(&head);
    let statement_bytes_max = STATEMENT_BYTES_MAX.min(packet_bytes_max as usize / 2);
    for row in rows {
        // A TIMESTAMP in a document keeps a local time, which may lie outside what a column can hold under UTC.
        let zone = zone(row.typed);
        let tuple = tuple(layout, row, zone);
        let full = batch.rows > 0 && batch.sql.len() + tuple.len() > statement_bytes_max;
        if full || batch.zone != zone {
            batch.send(session, work, record, layout, packet_bytes_max).await?;
            batch = Batch::new(&head);
        }
        batch.zone = zone;
        batch.enum_errors += rows::enum_error_values(layout, row.line);
        batch.add(&tuple);
    }
    batch.send(session, work, record, layout, packet_bytes_max).await
}

/// Rows of one statement.
struct Batch {
    sql: Vec<u8>,
    rows: u64,
    enum_errors: u64,
    zone: &'static str,
}

const UTC: &str = "+00:00";

impl Batch {
    fn new(head: &str) -> Batch {
        Batch { sql: head.as_bytes().to_vec(), rows: 0, enum_errors: 0, zone: UTC }
    }

    fn add(&mut self, tuple: &[u8]) {
        if self.rows > 0 {
            self.sql.push(b',');
        }
        self.sql.extend_from_slice(tuple);
        self.rows += 1;
    }

    async fn send(
        &self,
        session: &mut Session,
        work: &LoadTable,
        record: &ChunkRecord,
        layout: &RowLayout,
        packet_bytes_max: u64,
    ) -> Result<(), LoadError> {
        if self.rows == 0 {
            return Ok(());
        }
        if self.sql.len() as u64 >= packet_bytes_max {
            let (table, server) = (work.target.to_string(), session.server().to_owned());
            return Err(LoadError::RowTooWide { table, server, row_bytes: self.sql.len() as u64, packet_bytes_max });
        }
        if self.zone == UTC {
            return self.send_under_zone(session, work, record, layout).await;
        }
        session.execute(format!("SET SESSION time_zone='{}'", self.zone)).await?;
        let sent = self.send_under_zone(session, work, record, layout).await;
        // Also after a deadlock: the chunk is tried again over this session, and TIMESTAMP columns go by its zone.
        let restored = session.execute(format!("SET SESSION time_zone='{UTC}'")).await;
        sent.and(restored.map(drop).map_err(LoadError::from))
    }

    async fn send_under_zone(
        &self,
        session: &mut Session,
        work: &LoadTable,
        record: &ChunkRecord,
        layout: &RowLayout,
    ) -> Result<(), LoadError> {
        let done = match session.execute(&self.sql).await {
            Ok(done) => done,
            Err(source) if matches!(source.code(), None | Some(1205 | 1213)) => return Err(source.into()),
            Err(source) => return Err(rows::refused(work, record, source)),
        };
        let warned = done.warnings > 0;
        if done.affected == self.rows
            && (!warned || rows::explained(session, layout, u64::from(done.warnings), self.enum_errors).await?)
        {
            return Ok(());
        }
        let told = session.query("SHOW WARNINGS LIMIT 5").await?;
        let texts: Vec<_> = told.iter().map(|row| row.text(2)).collect();
        let why = format!("of {} rows sent {} were stored: {}", self.rows, done.affected, texts.join("; "));
        Err(rows::rejected(work, record, why))
    }
}

/// The session time zone under which all TIMESTAMP values of a row's documents can be held by a column.
fn zone(values: &[ListedValue]) -> &'static str {
    let mut stamps =
        values.iter().filter(|listed| listed.value.kind == TypedKind::Timestamp).map(|l| &l.value.value[..]);
    let mut zone = UTC;
    // Text of equal form compares as time.
    if stamps.clone().any(|stamp| stamp > &b"2038-01-19 03:14:07.999999"[..]) {
        zone = "+14:00";
    } else if stamps.any(|stamp| stamp < &b"1970-01-01 00:00:01"[..] && !stamp.starts_with(b"0000-00-00")) {
        zone = "-13:59";
    }
    zone
}

/// A row as the tuple of an INSERT, for a session that speaks utf8mb4.
fn tuple(layout: &RowLayout, row: &StoredRow<'_>, zone: &str) -> Vec<u8> {
    let fields: Vec<&[u8]> = line::fields(row.line).collect();
    let mut sql = b"(".to_vec();
    for (i, (place, field)) in layout.loaded_fields().enumerate() {
        if i > 0 {
            sql.push(b',');
        }
        let Some(bytes) = unescape(fields.get(place).copied().unwrap_or_default()) else {
            sql.extend_from_slice(b"NULL");
            continue;
        };
        match field.kind {
            ColumnKind::Enum | ColumnKind::Set => sql.extend_from_slice(&bytes),
            ColumnKind::Json => {
                let of_field: Vec<&ListedValue> = row.typed.iter().filter(|listed| listed.field == place).collect();
                put_document(&mut sql, &bytes, &of_field);
            }
            ColumnKind::Timestamp if zone != UTC && !bytes.starts_with(b"0000-00-00") => {
                put_literal(&mut sql, "", &[&bytes[..], UTC.as_bytes()].concat());
            }
            _ => put_literal(&mut sql, "_binary", &bytes),
        }
    }
    sql.push(b')');
    sql
}

/// A document: its text parsed, each typed value set over it.
fn put_document(sql: &mut Vec<u8>, text: &[u8], values: &[&ListedValue]) {
    let mut document = b"CAST(".to_vec();
    put_literal(&mut document, "_utf8mb4", text);
    document.extend_from_slice(b" AS JSON)");
    let mut rest = values;
    while !rest.is_empty() {
        let mut columns = Columns::default();
        let mut set = b"JSON_SET(".to_vec();
        set.extend_from_slice(&document);
        // As many as one JSON_TABLE has room for.
        let mut taken = 0;
        while let Some(listed) = rest.get(taken).filter(|listed| columns.takes(listed)) {
            set.push(b',');
            put_literal(&mut set, "_utf8mb4", &listed.value.path);
            set.push(b',');
            put_value(&mut set, listed.value.kind, &listed.value.value, &mut columns);
            taken += 1;
        }
        set.push(b')');
        document = columns.around(set);
        rest = &rest[taken..];
    }
    sql.extend_from_slice(&document);
}

/// Columns of a JSON_TABLE, for the types that nothing else has.
#[derive(Default)]
struct Columns {
    values: Vec<u8>,
    definitions: Vec<u8>,
    count: usize,
    row_bytes: usize,
}

impl Columns {
    /// True while a further value has room: a row of JSON_TABLE is held to 65,535 bytes, in which BINARY counts in full.
    fn takes(&self, listed: &ListedValue) -> bool {
        let bytes =
            COLUMN_BYTES + if listed.value.kind == TypedKind::Opaque(254) { listed.value.value.len() } else { 0 };
        self.count == 0 || self.row_bytes + bytes <= ROW_BYTES_MAX
    }

    /// Adds a column of `sql_type` that holds what the JSON value `literal` is converted to; gives its name.
    fn add(&mut self, sql_type: &str, literal: &[u8]) -> String {
        let n = self.count;
        if n > 0 {
            self.values.push(b',');
            self.definitions.push(b',');
        }
        self.values.extend_from_slice(literal);
        // Else a value that does not fit would become NULL without a word.
        self.definitions.extend_from_slice(format!("c{n} {sql_type} PATH '$[{n}]' ERROR ON ERROR").as_bytes());
        self.count += 1;
        self.row_bytes += COLUMN_BYTES + if sql_type.starts_with("BINARY") { literal.len() / 2 } else { 0 };
        format!("t.c{n}")
    }

    /// An expression that may name the columns.
    fn around(self, expression: Vec<u8>) -> Vec<u8> {
        if self.count == 0 {
            return expression;
        }
        let (values, definitions) = (&self.values[..], &self.definitions[..]);
        let parts =
            [b"(SELECT ", &expression[..], b" FROM JSON_TABLE(JSON_ARRAY(", values, b"),'$' COLUMNS(", definitions];
        [&parts.concat()[..], b")) AS t)"].concat()
    }
}

/// An expression that a JSON function takes for a value of just this type.
fn put_value(sql: &mut Vec<u8>, kind: TypedKind, value: &[u8], columns: &mut Columns) {
    let cast = |sql: &mut Vec<u8>, sql_type: &str| {
        sql.extend_from_slice(b"CAST(");
        put_literal(sql, "_utf8mb4", value);
        sql.extend_from_slice(format!(" AS {sql_type})").as_bytes());
    };
    let mut literal = Vec::new();
    let column = match kind {
        // A literal may have more digits than a column: documents hold up to 81 (seen on 9.7.4).
        TypedKind::Decimal => {
            sql.extend_from_slice(value);
            if !value.contains(&b'.') {
                sql.push(b'.');
            }
            return;
        }
        TypedKind::Date => return cast(sql, "DATE"),
        TypedKind::Time => return cast(sql, "TIME(6)"),
        TypedKind::Datetime => return cast(sql, "DATETIME(6)"),
        TypedKind::Opaque(15) => return put_hex(sql, value),
        TypedKind::Timestamp => {
            put_literal(&mut literal, "_utf8mb4", value);
            columns.add("TIMESTAMP(6)", &literal)
        }
        TypedKind::Opaque(16) => {
            let number = value.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
            columns.add(&format!("BIT({})", (8 * value.len()).clamp(1, 64)), number.to_string().as_bytes())
        }
        // Longer than the column of that name: it is made so by MAX() of a LONGBLOB, and by a subquery.
        TypedKind::Opaque(252) if value.len() > 65_535 => {
            sql.extend_from_slice(b"(SELECT c FROM JSON_TABLE(JSON_ARRAY(");
            put_hex(sql, value);
            sql.extend_from_slice(b"),'$' COLUMNS(c LONGBLOB PATH '$[0]' ERROR ON ERROR)) AS s)");
            return;
        }
        TypedKind::Opaque(number) => {
            put_hex(&mut literal, value);
            let sql_type = match number {
                249 => "TINYBLOB".into(),
                250 => "MEDIUMBLOB".into(),
                251 => "LONGBLOB".into(),
                252 => "BLOB".into(),
                _ => format!("BINARY({})", value.len()),
            };
            columns.add(&sql_type, &literal)
        }
    };
    sql.extend_from_slice(column.as_bytes());
}

/// A string literal of a character set, or a plain one.
fn put_literal(sql: &mut Vec<u8>, introducer: &str, bytes: &[u8]) {
    sql.extend_from_slice(introducer.as_bytes());
    sql.push(b'\'');
    for &byte in bytes {
        match byte {
            b'\'' | b'\\' => sql.extend_from_slice(&[b'\\', byte]),
            0 => sql.extend_from_slice(b"\\0"),
            _ => sql.push(byte),
        }
    }
    sql.push(b'\'');
}

fn put_hex(sql: &mut Vec<u8>, bytes: &[u8]) {
    sql.extend_from_slice(b"x'");
    sql.extend_from_slice(hex::encode(bytes).as_bytes());
    sql.push(b'\'');
}
