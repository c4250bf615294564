//! Rows that differ in a table (partition) without a usable key: a multiset of row hashes on either side. Both sides are
//! read twice. First rows are counted and their hashes added up in buckets; then, in the buckets that differ, each hash is
//! counted. So memory does not grow with the table: 2 MiB for the buckets, and [`ROWS_HELD_MAX`] rows by their hash, each
//! with its first [`LINE_BYTES_KEPT`] bytes. Where more rows than that share the buckets that differ, only the first of
//! these buckets are looked into, and the result says so.

use super::{Change, RowDifference, RowDifferences, compared, json_is_left_out, named, read};
use crate::codec::line::{LineHasher, StoredRow};
use crate::codec::{RowError, RowLayout};
use crate::manifest::model::ChunkRecord;
use crate::progress::Stop;
use crate::server::raw::RawSession;
use crate::verify::error::VerifyError;
use crate::verify::server::ProofTable;
use std::collections::HashMap;

/// Buckets: in a table of 100 million rows each has some 1,500.
const BUCKETS: usize = 1 << 16;

/// Rows whose hashes are counted one by one.
const ROWS_HELD_MAX: u64 = 1 << 16;

/// Bytes of a row that are kept to name it by.
const LINE_BYTES_KEPT: usize = 1 << 10;

/// One comparison of a table's (partition's) chunks with its rows on the server: count both sides, call
/// [`Multiset::choose`], count both sides again, then [`Multiset::end`].
pub struct Multiset<'a> {
    work: &'a ProofTable,
    chunks: &'a [ChunkRecord],
    layout: RowLayout,
    hasher: LineHasher,
    json_left_out: bool,
    buckets: Vec<Bucket>,
    /// Counted the second time.
    chosen: bool,
    /// Not all buckets that differ are looked into.
    unfinished: bool,
    rows: HashMap<u128, Counted>,
}

#[derive(Clone, Default)]
struct Bucket {
    /// Sum of the hashes: the backup's added, the server's taken away.
    sum: u128,
    /// Rows of both sides.
    rows: u64,
    /// Its rows are counted one by one.
    chosen: bool,
}

/// Equal rows.
struct Counted {
    /// Their number in the backup, less their number on the server.
    more: i64,
    /// The row, or the beginning of it.
    line: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Backup,
    Server,
}

impl<'a> Multiset<'a> {
    /// A comparison of these chunks, which are all of a table or of one of its partitions.
    pub fn new(work: &'a ProofTable, chunks: &'a [ChunkRecord]) -> Multiset<'a> {
        let layout = RowLayout::of(&work.table);
        Multiset {
            work,
            chunks,
            hasher: LineHasher::new(layout.clone(), work.target.to_string()),
            layout,
            json_left_out: json_is_left_out(chunks),
            buckets: vec![Bucket::default(); BUCKETS],
            chosen: false,
            unfinished: false,
            rows: HashMap::new(),
        }
    }

    /// Counts the rows of a chunk.
    pub fn stored<'r>(&mut self, rows: impl Iterator<Item = StoredRow<'r>>) -> Result<(), RowError> {
        for row in rows {
            let hash = compared(self.hasher.hash(row)?, self.json_left_out);
            self.count(Side::Backup, row.line, hash);
        }
        Ok(())
    }

    /// Counts the rows on the server. Blocks.
    pub fn found(&mut self, session: &mut RawSession, stop: &Stop) -> Result<(), VerifyError> {
        let (work, first) = (self.work, &self.chunks[0]);
        read(session, work, first, "", stop, |row| {
            self.count(Side::Server, row.line, compared(row.hashes, self.json_left_out));
            Ok(())
        })
    }

    /// Chooses the buckets to look into. True where there are any.
    pub fn choose(&mut self) -> bool {
        let mut rows = 0;
        self.chosen = true;
        for bucket in self.buckets.iter_mut().filter(|bucket| bucket.sum != 0) {
            // The first one is looked into however many rows it has: they may all be equal.
            if rows > 0 && rows + bucket.rows > ROWS_HELD_MAX {
                self.unfinished = true;
                break;
            }
            rows += bucket.rows;
            bucket.chosen = true;
        }
        rows > 0
    }

    /// The rows that differ; `limit` of them are named at most, equal ones counting as one.
    pub fn end(self, limit: usize) -> RowDifferences {
        let mut differences = RowDifferences { unfinished: self.unfinished, ..RowDifferences::default() };
        let places: Vec<usize> = (0..self.layout.fields.len()).take(super::VALUES_SHOWN_MAX).collect();
        let mut rows: Vec<Counted> = self.rows.into_values().filter(|row| row.more != 0).collect();
        // The same rows are named whatever the order of the table.
        rows.sort_unstable_by(|a, b| (a.more < 0, &a.line).cmp(&(b.more < 0, &b.line)));
        for row in rows {
            let times = row.more.unsigned_abs();
            let change = if row.more > 0 { Change::Missing } else { Change::Extra };
            match change {
                Change::Missing => differences.missing += times,
                _ => differences.extra += times,
            }
            if differences.named.len() < limit {
                let key = named(self.work, &self.layout, &row.line, &places);
                let (columns, json_types) = (Vec::new(), false);
                differences.named.push(RowDifference { change, key, columns, json_types, times });
            } else {
                differences.cut = true;
            }
        }
        differences.cut |= differences.unfinished;
        differences
    }

    fn count(&mut self, side: Side, line: &[u8], hash: u128) {
        let bucket = &mut self.buckets[(hash >> 64) as usize % BUCKETS];
        let backup = side == Side::Backup;
        if !self.chosen {
            bucket.sum = if backup { bucket.sum.wrapping_add(hash) } else { bucket.sum.wrapping_sub(hash) };
            bucket.rows += 1;
        } else if bucket.chosen {
            let kept = || Counted { more: 0, line: beginning(line).to_vec() };
            self.rows.entry(hash).or_insert_with(kept).more += if backup { 1 } else { -1 };
        }
    }
}

/// The whole fields that a line begins with, as far as they are kept; of a first field that is too long its beginning.
fn beginning(line: &[u8]) -> &[u8] {
    match line.get(..LINE_BYTES_KEPT) {
        None => line,
        Some(kept) => &kept[..memchr::memrchr(b'\t', kept).unwrap_or(LINE_BYTES_KEPT)],
    }
}
