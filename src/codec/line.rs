//! Row text read back: one line becomes its fields, and the hash that the encoder gave the row when its packet came in.
//! So a stored row can be compared with a row on a server without sending it there. Comes in: row text and typed list of a
//! chunk whose content id was checked. Goes out: fields, values, hashes. A line that does not fit its table is an error.

use super::layout::RowLayout;
use super::row::{RowError, put_typed_canonical, unescape};
use super::typed::ListedValue;
use super::wire::{self, NULL};
use crate::schema::ColumnKind;
use xxhash_rust::xxh3::xxh3_128;

/// The lines of row text, each without its LF.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

/// A row of a chunk.
#[derive(Clone, Copy, Debug)]
pub struct StoredRow<'a> {
    /// Its line.
    pub line: &'a [u8],
    /// Values of its JSON documents whose type the line does not carry.
    pub typed: &'a [ListedValue],
}

/// The rows of a chunk; `typed` is its list, in the order of the rows.
pub fn rows<'a>(text: &'a [u8], typed: &'a [ListedValue]) -> impl Iterator<Item = StoredRow<'a>> {
    let mut rest = typed;
    (0u64..).zip(lines(text)).map(move |(row, line)| {
        let (typed, behind) = rest.split_at(rest.iter().take_while(|listed| listed.row == row).count());
        rest = behind;
        StoredRow { line, typed }
    })
}

/// The fields of a line as they stand there, escaped. A table without fields has one empty field here.
pub fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b'\t')
}

/// The values of a line; none for NULL.
pub fn values(line: &[u8]) -> Vec<Option<Vec<u8>>> {
    fields(line).map(unescape).collect()
}

/// The hashes of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowHashes {
    /// Of the base columns: what the row digest adds up.
    pub row: u128,
    /// Of the base columns with every JSON column taken as NULL; the same as `row` where the table has no JSON.
    pub without_json: u128,
}

/// Hashes lines of one table. Holds scratch space.
pub struct LineHasher {
    layout: RowLayout,
    table: String,
    canonical: Vec<u8>,
    without_json: Vec<u8>,
}

impl LineHasher {
    /// A hasher for the row text of `layout`; `table` is its name in errors.
    pub fn new(layout: RowLayout, table: impl Into<String>) -> LineHasher {
        LineHasher { layout, table: table.into(), canonical: Vec::new(), without_json: Vec::new() }
    }

    /// The hashes of a row.
    ///
    /// # Errors
    /// Where the line has another number of fields than the table, or a FLOAT or DOUBLE field is no number.
    pub fn hash(&mut self, row: StoredRow<'_>) -> Result<RowHashes, RowError> {
        let LineHasher { layout, table, canonical, without_json } = self;
        let unfit = |why: &str| RowError { table: table.clone(), why: why.into() };
        canonical.clear();
        without_json.clear();
        let mut values = fields(row.line);
        for (place, field) in layout.fields.iter().enumerate() {
            let value = values.next().ok_or_else(|| unfit("a line has too few fields"))?;
            if field.generated {
                continue;
            }
            let start = canonical.len();
            match (unescape(value), field.kind) {
                (None, _) => canonical.push(NULL),
                (Some(text), ColumnKind::Float) => {
                    let float: f32 = number(&text).ok_or_else(|| unfit("a FLOAT is no number"))?;
                    wire::put_lenenc(canonical, &float.to_le_bytes());
                }
                (Some(text), ColumnKind::Double) => {
                    let double: f64 = number(&text).ok_or_else(|| unfit("a DOUBLE is no number"))?;
                    wire::put_lenenc(canonical, &double.to_le_bytes());
                }
                (Some(bytes), kind) => {
                    wire::put_lenenc(canonical, &bytes);
                    if kind == ColumnKind::Json {
                        let listed = row.typed.iter().filter(|listed| listed.field == place);
                        put_typed_canonical(canonical, start, &bytes, listed.map(|listed| &listed.value));
                    }
                }
            }
            match field.kind {
                ColumnKind::Json => without_json.push(NULL),
                _ => without_json.extend_from_slice(&canonical[start..]),
            }
        }
        if !layout.fields.is_empty() && values.next().is_some() {
            return Err(unfit("a line has too many fields"));
        }
        Ok(RowHashes { row: xxh3_128(canonical), without_json: xxh3_128(without_json) })
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::typed::{TypedKind, TypedValue};
    use crate::schema::{Column, QualifiedName, Table};

    fn row(line: &[u8]) -> StoredRow<'_> {
        StoredRow { line, typed: &[] }
    }

    fn hasher(kinds: &[ColumnKind]) -> LineHasher {
        let columns = kinds.iter().enumerate().map(|(i, &kind)| Column::new(format!("c{i}"), kind)).collect();
        LineHasher::new(RowLayout::of(&Table::of_columns(QualifiedName::new("s", "t"), columns)), "s.t")
    }

    #[test]
    fn lines_and_values() {
        assert_eq!(lines(b"a\tb\n\nc\n").collect::<Vec<_>>(), [&b"a\tb"[..], b"", b"c"]);
        assert_eq!(values(b"\\N\ta\\tb\t"), [None, Some(b"a\tb".to_vec()), Some(Vec::new())]);
    }

    #[test]
    fn a_line_of_another_table_is_an_error() {
        let mut two = hasher(&[ColumnKind::Bytes, ColumnKind::Float]);
        for line in [&b"a"[..], b"a\t1\t2", b"a\tb", b"a\t"] {
            assert!(two.hash(row(line)).is_err(), "{line:?}");
        }
        assert!(two.hash(row(b"a\t\\N")).is_ok());
        assert_eq!(hasher(&[]).hash(row(b"")).unwrap().row, xxh3_128(&[]));
    }

    #[test]
    fn typed_values_go_with_their_row() {
        let listed = |row, path: &[u8]| {
            let value = TypedValue { path: path.to_vec(), kind: TypedKind::Date, value: b"2024-01-02".to_vec() };
            ListedValue { row, field: 1, value }
        };
        let list = [listed(1, b"$.a"), listed(1, b"$.b"), listed(3, b"$")];
        let rows: Vec<_> = rows(b"0\t1\n1\t{}\n2\t{}\n3\t\"\"\n", &list).collect();
        assert_eq!(rows.iter().map(|row| row.typed.len()).collect::<Vec<_>>(), [0, 2, 0, 1]);
        let mut hasher = hasher(&[ColumnKind::Integer, ColumnKind::Json]);
        let (typed, plain) = (hasher.hash(rows[1]).unwrap(), hasher.hash(row(rows[1].line)).unwrap());
        assert!(typed.row != plain.row && typed.without_json == plain.without_json);
    }

    #[test]
    fn json_counts_in_one_hash_only() {
        let mut hasher = hasher(&[ColumnKind::Integer, ColumnKind::Json]);
        let (one, other) = (hasher.hash(row(b"1\t{}")).unwrap(), hasher.hash(row(b"1\t[]")).unwrap());
        assert!(one.row != other.row && one.without_json == other.without_json);
    }
}
