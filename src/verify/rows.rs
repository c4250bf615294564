//! Which rows of a range differ: the chunk's row text beside the rows that stand on the server. Rows are compared by the
//! hash that the row digest adds up, and told apart by their key ([`keyed`]), or, where a table has no usable one, counted
//! by that hash ([`keyless`]). Comes in: a range that differs, its row text, a session. Goes out: [`RowDifferences`],
//! bounded. Fetches nothing from the repository.

pub mod keyed;
pub mod keyless;

use super::error::VerifyError;
use super::server::{self, ProofTable};
use crate::codec::line::{self, RowHashes};
use crate::codec::typed::TypedValue;
use crate::codec::{RowEncoder, RowLayout, Tally};
use crate::manifest::model::ChunkRecord;
use crate::progress::Stop;
use crate::schema::readable;
use crate::server::raw::RawSession;

/// Values named of a row without a key.
const VALUES_SHOWN_MAX: usize = 8;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The backup holds it, the server does not.
    Missing,
    /// The server has it, the backup does not.
    Extra,
    /// Both have a row of this key, with other values.
    Changed,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Change::Missing => "missing",
            Change::Extra => "extra",
            Change::Changed => "changed",
        })
    }
}

/// A column and its value as people read it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NamedValue {
    /// Column.
    pub column: String,
    /// A number as it is, a moment and text in quotes, bytes as `0x…`.
    pub value: String,
}

/// A row that is not what the backup recorded.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RowDifference {
    /// What became of it.
    pub change: Change,
    /// Its key; of a row without a usable key its first columns.
    pub key: Vec<NamedValue>,
    /// Columns whose values differ, of a changed row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// All values of a changed row have the same text: types inside its JSON documents differ.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub json_types: bool,
    /// How many equal rows there are of it, where not one.
    #[serde(skip_serializing_if = "is_one")]
    pub times: u64,
}

fn is_one(times: &u64) -> bool {
    *times == 1
}

/// The rows of a range that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RowDifferences {
    /// Rows of the backup that the server does not have.
    pub missing: u64,
    /// Rows of the server that the backup does not have.
    pub extra: u64,
    /// Rows whose key both have, with other values.
    pub changed: u64,
    /// The first of them.
    pub named: Vec<RowDifference>,
    /// There are more than were named.
    pub cut: bool,
    /// The table had its share of named rows, or there were too many to look at: these numbers are not the whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
}

impl RowDifferences {
    /// For people, a line a row.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.named.iter().map(RowDifference::to_string).collect();
        let unnamed = self.missing + self.extra + self.changed - self.named.iter().map(|row| row.times).sum::<u64>();
        match (self.unfinished, unnamed) {
            (true, 0) => lines.push("more rows of this table differ; --rows N names more".into()),
            (true, _) => lines.push(format!("and at least {unnamed} more; --rows N names more")),
            (false, 0) if self.named.is_empty() => lines.push("no row differs any more".into()),
            (false, 0) => {}
            (false, _) => lines.push(format!("and {unnamed} more; --rows N names more")),
        }
        lines
    }
}

impl std::fmt::Display for RowDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.change)?;
        if self.times != 1 {
            write!(f, " {} times", self.times)?;
        }
        for (i, NamedValue { column, value }) in self.key.iter().enumerate() {
            write!(f, "{} {column} {value}", if i == 0 { ":" } else { "," })?;
        }
        match (self.columns.is_empty(), self.json_types) {
            (_, true) => write!(f, " (types inside {})", self.columns.join(", ")),
            (false, _) => write!(f, " (in {})", self.columns.join(", ")),
            (true, _) => Ok(()),
        }
    }
}

/// Opens one view for all reading that follows on this session, where the engine has views.
pub fn begin(session: &mut RawSession, work: &ProofTable) -> Result<(), VerifyError> {
    let failed = |source| VerifyError::Server { table: work.target.to_string(), source };
    session.execute(b"START TRANSACTION WITH CONSISTENT SNAPSHOT").map(drop).map_err(failed)
}

/// A row as it stands on the server.
struct FoundRow<'a> {
    line: &'a [u8],
    /// Values of its JSON documents whose type the line does not carry, with the place of their field.
    typed: Vec<(usize, TypedValue)>,
    hashes: RowHashes,
}

/// Reads the rows of a chunk's range. Blocks.
fn read(
    session: &mut RawSession,
    work: &ProofTable,
    chunk: &ChunkRecord,
    condition: &str,
    stop: &Stop,
    mut row: impl FnMut(FoundRow<'_>) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    let layout = RowLayout::of(&work.table);
    let sql = server::select(work, &layout, chunk, condition);
    let failed = |source| VerifyError::Server { table: work.target.to_string(), source };
    let mut rows = server::query(session, layout.protocol, &sql).map_err(failed)?;
    let types = rows.columns().iter().map(|column| column.type_byte).collect();
    let has_json = !layout.json.is_empty();
    let mut encoder = RowEncoder::new(layout, types, work.target.to_string());
    let (mut text, mut count) = (Vec::new(), 0);
    while let Some(packet) = rows.next().map_err(failed)? {
        text.clear();
        // A tally of one row: its digests are the row's hashes.
        let mut tally = Tally::default();
        let hash = encoder.encode(packet, Some(&mut text), &mut tally)?;
        let without_json = if has_json { tally.without_json.0 } else { hash };
        row(FoundRow {
            line: text.strip_suffix(b"\n").unwrap_or(&text),
            typed: encoder.take_typed().collect(),
            hashes: RowHashes { row: hash, without_json },
        })?;
        count += 1;
        if count % server::ROWS_PER_LOOK == 0 && stop.stopped() {
            return Err(VerifyError::Interrupted);
        }
    }
    Ok(())
}

/// True where JSON documents of these chunks cannot be compared, since the backup does not carry their types.
fn json_is_left_out(chunks: &[ChunkRecord]) -> bool {
    chunks.iter().any(|chunk| !chunk.untyped.is_empty())
}

/// The hash that two rows are compared by.
fn compared(hashes: RowHashes, json_left_out: bool) -> u128 {
    if json_left_out { hashes.without_json } else { hashes.row }
}

/// Some columns of a line, given by their place among the fields, as far as the line has them.
fn named(work: &ProofTable, layout: &RowLayout, line: &[u8], places: &[usize]) -> Vec<NamedValue> {
    let values = line::values(line);
    let value = |&place: &usize| {
        let column = &work.table.columns[layout.fields[place].column];
        let value = values.get(place)?.as_deref();
        Some(NamedValue { column: column.name.clone(), value: readable::field_value(value, column) })
    };
    places.iter().filter_map(value).collect()
}
