//! The way for rows where local_infile cannot be had: prepared INSERTs of some 50 rows. Parameters are binary strings,
//! so bytes of any character set go in unconverted; ENUM and SET go in as numbers, JSON through the same expression as in
//! LOAD DATA.

use super::error::LoadError;
use super::{LoadTable, rows};
use crate::codec::RowLayout;
use crate::codec::row::unescape;
use crate::limits;
use crate::manifest::model::ChunkRecord;
use crate::schema::{ColumnKind, quote};
use crate::server::Session;
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Value};

/// Bytes of a packet that are not values: header, NULL bits, types.
const PACKET_SLACK_BYTES: u64 = 64 << 10;

/// Bytes of row text in one statement at most, unless one row has more: the values and the packet are copies of them.
const STATEMENT_BYTES_MAX: u64 = 4 << 20;

/// Inserts all rows of a chunk's row text.
pub async fn insert_rows(
    session: &mut Session,
    work: &LoadTable,
    record: &ChunkRecord,
    layout: &RowLayout,
    text: &[u8],
    packet_bytes_max: u64,
) -> Result<(), LoadError> {
    // The server reads a table's partition definition in the character set of the client that opens the table, and for
    // a binary client does not find the partition of a value beyond ASCII (seen on 9.7.4).
    let form = match work.table.partitions.is_empty() || work.table.create.0.is_ascii() {
        true => Form::Bytes,
        false => Form::Digits,
    };
    if form == Form::Bytes {
        return insert_all(session, work, record, (layout, form), text, packet_bytes_max).await;
    }
    let way = rows::Way::Insert;
    rows::speak_text(session, way).await?;
    let inserted = insert_all(session, work, record, (layout, form), text, packet_bytes_max).await;
    rows::setup(session, way).await?;
    inserted
}

/// How strings go into a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As they are, by a session that speaks binary.
    Bytes,
    /// As hexadecimal digits through UNHEX, by a session that speaks text.
    Digits,
}

async fn insert_all(
    session: &mut Session,
    work: &LoadTable,
    record: &ChunkRecord,
    (layout, form): (&RowLayout, Form),
    text: &[u8],
    packet_bytes_max: u64,
) -> Result<(), LoadError> {
    let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    let loaded: Vec<usize> = layout.loaded_fields().map(|(place, _)| place).collect();
    let room = packet_bytes_max.saturating_sub(PACKET_SLACK_BYTES).min(STATEMENT_BYTES_MAX);
    // The protocol counts the parameters of a statement in 16 bits.
    let rows_max = limits::INSERT_ROWS.min(65_535 / loaded.len().max(1)).max(1);
    let mut from = 0;
    while from < lines.len() {
        let (mut upto, mut bytes) = (from, 0);
        while upto < lines.len() && upto - from < rows_max {
            bytes += lines[upto].len() as u64;
            if bytes > room && upto > from {
                break;
            }
            upto += 1;
        }
        insert(session, work, record, (layout, form), &loaded, &lines[from..upto]).await?;
        from = upto;
    }
    Ok(())
}

async fn insert(
    session: &mut Session,
    work: &LoadTable,
    record: &ChunkRecord,
    (layout, form): (&RowLayout, Form),
    loaded: &[usize],
    lines: &[&[u8]],
) -> Result<(), LoadError> {
    let sql = statement(&work.target.sql(), (layout, form), loaded, lines.len());
    let mut values = Vec::with_capacity(lines.len() * loaded.len());
    let mut enum_errors = 0;
    for line in lines {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let fields: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
        for &place in loaded {
            let field = fields.get(place).copied().unwrap_or_default();
            enum_errors += u64::from(layout.fields[place].kind == ColumnKind::Enum && field == b"0");
            values.push(parameter(layout.fields[place].kind, form, field));
        }
    }
    let rejected = |why: String| rows::rejected(work, record, why);
    let params = if values.is_empty() { Params::Empty } else { Params::Positional(values) };
    let outcome = session.conn().exec_drop(sql.as_str(), params).await;
    if let Err(error) = outcome {
        return Err(match session.error(sql.as_bytes(), error) {
            source if matches!(source.code(), None | Some(1205 | 1213)) => LoadError::Server(source),
            source => rows::refused(work, record, source),
        });
    }
    let (affected, warnings) = (session.conn().affected_rows(), u64::from(session.conn().get_warnings()));
    let sound = warnings == 0 || rows::explained(session, layout, warnings, enum_errors).await?;
    if affected != lines.len() as u64 || !sound {
        let told = session.query("SHOW WARNINGS LIMIT 5").await?;
        let texts: Vec<_> = told.iter().map(|row| row.text(2)).collect();
        let sent = lines.len();
        return Err(rejected(format!("of {sent} rows sent {affected} were stored: {}", texts.join("; "))));
    }
    Ok(())
}

/// A field as a parameter. ENUM and SET go as numbers: as text, a SET above 63 bits would be taken for a DECIMAL.
fn parameter(kind: ColumnKind, form: Form, field: &[u8]) -> Value {
    let Some(bytes) = unescape(field) else { return Value::NULL };
    match (kind, std::str::from_utf8(&bytes).ok().and_then(|digits| digits.parse().ok())) {
        (ColumnKind::Enum | ColumnKind::Set, Some(number)) => Value::UInt(number),
        _ if form == Form::Digits && is_string(kind) => Value::Bytes(hex::encode(bytes).into_bytes()),
        _ => Value::Bytes(bytes),
    }
}

/// Kinds whose values are bytes and not digits.
fn is_string(kind: ColumnKind) -> bool {
    use ColumnKind::{Bit, Bytes, Geometry, Text, Vector};
    matches!(kind, Text | Bytes | Bit | Geometry | Vector)
}

fn statement(table: &str, (layout, form): (&RowLayout, Form), loaded: &[usize], rows: usize) -> String {
    let names: Vec<_> = loaded.iter().map(|&place| quote(&layout.fields[place].name)).collect();
    let places: Vec<_> = loaded
        .iter()
        .map(|&place| match layout.fields[place].kind {
            ColumnKind::Json | ColumnKind::TypedText => "CONVERT(? USING utf8mb4)",
            kind if form == Form::Digits && is_string(kind) => "UNHEX(?)",
            _ => "?",
        })
        .collect();
    let row = format!("({})", places.join(","));
    format!("INSERT INTO {table} ({}) VALUES {}", names.join(","), vec![row; rows].join(","))
}
