//! Rows that differ in a range of a table with a key. Chunk and server are walked side by side; what has the same key, byte
//! for byte, is the same row. What is left of the chunk then is asked for by the server's own comparison, so a key that
//! changed only in its letter case is named as a changed row. Memory: the chunk's row text, and the keys of rows that stand
//! on one side only, of which there are never more than the chunk has rows, and twice the limit.

use super::{Change, FoundRow, RowDifference, RowDifferences, compared, json_is_left_out, named, read};
use crate::codec::line::{self, LineHasher, StoredRow};
use crate::codec::typed::TypedValue;
use crate::codec::{RowError, RowLayout};
use crate::manifest::model::ChunkRecord;
use crate::progress::Stop;
use crate::schema::{ColumnKind, RangeKey};
use crate::server::raw::RawSession;
use crate::verify::error::VerifyError;
use crate::verify::server::ProofTable;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_128;

/// Names the rows of one chunk's range that differ, `limit` at most. `rows` are the chunk's. Blocks.
///
/// # Panics
/// Where the chunk has no range; see [`super::keyless`] for those.
pub fn differences<'r>(
    session: &mut RawSession,
    work: &ProofTable,
    chunk: &ChunkRecord,
    rows: impl Iterator<Item = StoredRow<'r>>,
    limit: usize,
    stop: &Stop,
) -> Result<RowDifferences, VerifyError> {
    let key = work.table.range_key.as_ref().expect("a chunk with a range is of a table with a range key");
    let layout = RowLayout::of(&work.table);
    let place = |column| layout.fields.iter().position(|field| field.column == column);
    let places: Vec<usize> = key.columns.iter().filter_map(|part| place(part.column)).collect();
    let json_left_out = json_is_left_out(std::slice::from_ref(chunk));
    let pair = Pair { work, chunk, key, layout, places, json_left_out, limit };
    let mut walk = Walk::new(&pair, rows);
    read(session, work, chunk, "", stop, |row| Ok(walk.found(&row)?))?;
    let unmatched = walk.end()?;
    pair.name(session, unmatched, stop)
}

/// A range, as the chunk has it and as the server has it.
struct Pair<'a> {
    work: &'a ProofTable,
    chunk: &'a ChunkRecord,
    key: &'a RangeKey,
    layout: RowLayout,
    /// Places of the key's columns among the fields.
    places: Vec<usize>,
    json_left_out: bool,
    limit: usize,
}

/// The two sides of a range on their way past each other.
struct Walk<'r, 'p, I> {
    pair: &'p Pair<'p>,
    hasher: LineHasher,
    stored: I,
    /// Rows of the chunk that were not seen on the server yet, by the hash of their key, and when they were seen.
    stored_waiting: HashMap<u128, (u64, StoredRow<'r>)>,
    /// Rows of the server that were not seen in the chunk yet.
    found_waiting: HashMap<u128, (u64, Waiting)>,
    /// Rows seen on either side: what was seen first is named first.
    seen: u64,
    unmatched: Unmatched<'r>,
}

/// The row that stands on the server where a stored one stood.
struct Now {
    line: Vec<u8>,
    typed: Vec<(usize, TypedValue)>,
}

struct Waiting {
    hash: u128,
    line: Vec<u8>,
}

/// What the walk leaves over.
#[derive(Default)]
struct Unmatched<'r> {
    /// Rows of the chunk, by their place: without one of the same key, or with one of other values.
    stored: Vec<(u64, StoredRow<'r>, Change)>,
    /// Keys on the server that the chunk does not have: the first ones.
    extra: Vec<Vec<u8>>,
    missing_count: u64,
    changed_count: u64,
    extra_count: u64,
}

impl<'r, 'p, I: Iterator<Item = StoredRow<'r>>> Walk<'r, 'p, I> {
    fn new(pair: &'p Pair<'p>, stored: I) -> Self {
        Walk {
            pair,
            hasher: LineHasher::new(pair.layout.clone(), pair.work.target.to_string()),
            stored,
            stored_waiting: HashMap::new(),
            found_waiting: HashMap::new(),
            seen: 0,
            unmatched: Unmatched::default(),
        }
    }

    /// Takes a row of the server, and with it the next one of the chunk.
    fn found(&mut self, found: &FoundRow<'_>) -> Result<(), RowError> {
        let hash = compared(found.hashes, self.pair.json_left_out);
        let exhausted = !self.step()?;
        let key = self.pair.key_hash(found.line);
        self.seen += 1;
        match self.stored_waiting.remove(&key) {
            Some((at, stored)) => self.compare(at, stored, hash)?,
            None if exhausted => self.extra(found.line),
            None => {
                let found = Waiting { hash, line: self.pair.key_line(found.line) };
                self.found_waiting.insert(key, (self.seen, found));
            }
        }
        Ok(())
    }

    /// Takes the next row of the chunk; false where there is none.
    fn step(&mut self) -> Result<bool, RowError> {
        let Some(stored) = self.stored.next() else { return Ok(false) };
        self.seen += 1;
        let key = self.pair.key_hash(stored.line);
        match self.found_waiting.remove(&key) {
            Some((_, found)) => self.compare(self.seen, stored, found.hash)?,
            None => {
                self.stored_waiting.insert(key, (self.seen, stored));
            }
        }
        Ok(true)
    }

    fn compare(&mut self, at: u64, stored: StoredRow<'r>, found: u128) -> Result<(), RowError> {
        if compared(self.hasher.hash(stored)?, self.pair.json_left_out) != found {
            self.unmatched.changed_count += 1;
            if self.unmatched.stored.len() < self.pair.limit {
                self.unmatched.stored.push((at, stored, Change::Changed));
            }
        }
        Ok(())
    }

    fn extra(&mut self, found: &[u8]) {
        self.unmatched.extra_count += 1;
        // Some of them may turn out to be rows of the chunk under another spelling of the key.
        if self.unmatched.extra.len() < 2 * self.pair.limit {
            let key = self.pair.key_line(found);
            self.unmatched.extra.push(key);
        }
    }

    fn end(mut self) -> Result<Unmatched<'r>, RowError> {
        while self.step()? {}
        let mut missing: Vec<_> = self.stored_waiting.into_values().collect();
        missing.sort_unstable_by_key(|(at, _)| *at);
        let mut extra: Vec<_> = self.found_waiting.into_values().collect();
        extra.sort_unstable_by_key(|(at, _)| *at);
        let mut unmatched = self.unmatched;
        unmatched.missing_count = missing.len() as u64;
        unmatched.extra_count += extra.len() as u64;
        unmatched.stored.extend(missing.into_iter().take(self.pair.limit).map(|(at, row)| (at, row, Change::Missing)));
        unmatched.stored.sort_unstable_by_key(|(at, ..)| *at);
        unmatched.extra = extra.into_iter().map(|(_, found)| found.line).chain(unmatched.extra).collect();
        unmatched.extra.truncate(2 * self.pair.limit);
        Ok(unmatched)
    }
}

impl Pair<'_> {
    /// Fields are taken as they stand, so the TAB between them keeps ("a", "b") from being ("ab", "").
    fn key_hash(&self, line: &[u8]) -> u128 {
        match self.places[..] {
            [one] => xxh3_128(nth(line, one)),
            _ => {
                let fields: Vec<&[u8]> = line::fields(line).collect();
                let key: Vec<&[u8]> = self.places.iter().filter_map(|&at| fields.get(at).copied()).collect();
                xxh3_128(&key.join(&b'\t'))
            }
        }
    }

    /// A line with nothing in it but the key: what is kept of a row of the server.
    fn key_line(&self, line: &[u8]) -> Vec<u8> {
        let kept = |(at, field)| if self.places.contains(&at) { field } else { &b""[..] };
        line::fields(line).enumerate().map(kept).collect::<Vec<_>>().join(&b'\t')
    }

    /// Asks the server for each unmatched row of the chunk, and says what became of it.
    fn name(
        &self,
        session: &mut RawSession,
        unmatched: Unmatched<'_>,
        stop: &Stop,
    ) -> Result<RowDifferences, VerifyError> {
        let Unmatched { stored, mut extra, missing_count, changed_count, extra_count } = unmatched;
        let mut differences = RowDifferences {
            missing: missing_count,
            extra: extra_count,
            changed: changed_count,
            ..RowDifferences::default()
        };
        for (_, row, mut change) in stored.into_iter().take(self.limit) {
            let now = self.look_up(session, row.line, stop)?;
            if let (Change::Missing, Some(now)) = (change, &now) {
                let same = |extra: &Vec<u8>| self.places.iter().all(|&at| nth(extra, at) == nth(&now.line, at));
                if let Some(at) = extra.iter().position(same) {
                    extra.remove(at);
                    differences.missing -= 1;
                    differences.extra -= 1;
                    differences.changed += 1;
                    change = Change::Changed;
                }
            }
            let mut named = self.difference(change, row.line);
            if let (Change::Changed, Some(now)) = (change, &now) {
                (named.columns, named.json_types) = self.changed_columns(row, now);
            }
            differences.named.push(named);
        }
        for line in extra.iter().take(self.limit - differences.named.len()) {
            differences.named.push(self.difference(Change::Extra, line));
        }
        let all = differences.missing + differences.extra + differences.changed;
        differences.cut = all > differences.named.len() as u64;
        Ok(differences)
    }

    /// The row that stands where a stored row stood, as the server compares keys.
    fn look_up(&self, session: &mut RawSession, line: &[u8], stop: &Stop) -> Result<Option<Now>, VerifyError> {
        let Some(bound) = self.layout.bound(self.key, &line::values(line)) else { return Ok(None) };
        let condition = self.key.at(&bound, &self.work.table.columns);
        let mut found = None;
        read(session, self.work, self.chunk, &condition, stop, |row| {
            found = Some(Now { line: row.line.to_vec(), typed: row.typed });
            Ok(())
        })?;
        Ok(found)
    }

    fn difference(&self, change: Change, line: &[u8]) -> RowDifference {
        let key = named(self.work, &self.layout, line, &self.places);
        RowDifference { change, key, columns: Vec::new(), json_types: false, times: 1 }
    }

    /// Columns whose values differ, and whether they differ in nothing but the types inside JSON documents.
    fn changed_columns(&self, stored: StoredRow<'_>, now: &Now) -> (Vec<String>, bool) {
        let (mut columns, mut only_types) = (Vec::new(), true);
        for (at, field) in self.layout.fields.iter().enumerate() {
            if field.generated || (self.json_left_out && field.kind == ColumnKind::Json) {
                continue;
            }
            let text = nth(stored.line, at) != nth(&now.line, at);
            let before = stored.typed.iter().filter(|listed| listed.field == at).map(|listed| &listed.value);
            let types = !before.eq(now.typed.iter().filter(|(field, _)| *field == at).map(|(_, value)| value));
            only_types &= !text;
            if text || types {
                columns.push(field.name.clone());
            }
        }
        only_types &= !columns.is_empty();
        (columns, only_types)
    }
}

fn nth(line: &[u8], at: usize) -> &[u8] {
    line::fields(line).nth(at).unwrap_or_default()
}
