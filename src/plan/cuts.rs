//! The ranges that a table is read in, and the check that the chunks made of them leave no gap.
//!
//! A backup inherits the cuts of the one before it, so unchanged data gives the same chunks whatever the
//! number of threads. Only a table's first backup chooses cuts, by size while rows stream.

use crate::codec::frame::ContentId;
use crate::schema::{Bound, Range, Table};
use std::collections::HashMap;

/// How a range may be cut while it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutting {
    /// No history, or open above: cut whenever a chunk is full, and split with idle workers.
    Free,
    /// A chunk of the backup before: kept whole unless it has outgrown twice the chunk size.
    Inherited {
        /// Bytes of row text it had.
        bytes: u64,
        /// Content it had.
        content: ContentId,
    },
    /// No usable key: cut where a hash of the row says so.
    ByHash,
}

/// A range to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRange {
    /// Partition, where the table has some.
    pub partition: Option<String>,
    /// Key range; open on both sides for tables without a usable key.
    pub range: Range,
    /// How it may be cut.
    pub cutting: Cutting,
}

/// A chunk of the backup before, as far as its cuts matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierChunk {
    /// Partition.
    pub partition: Option<String>,
    /// Key range.
    pub range: Range,
    /// Bytes of row text.
    pub bytes: u64,
    /// Content.
    pub content: ContentId,
}

/// The ranges that a table is read in, in order. `earlier` are the chunks of the backup before, given only where
/// the key and the partitions are still the same.
pub fn ranges(table: &Table, earlier: Option<&[EarlierChunk]>) -> Vec<ReadRange> {
    let partitions: Vec<Option<String>> = match table.partitions.is_empty() {
        true => vec![None],
        false => table.partitions.iter().cloned().map(Some).collect(),
    };
    if table.range_key.is_none() {
        let whole = |partition| ReadRange { partition, range: Range::whole(), cutting: Cutting::ByHash };
        return partitions.into_iter().map(whole).collect();
    }
    match earlier {
        Some(chunks) => chunks
            .iter()
            .map(|chunk| {
                let cutting = match chunk.range.hi {
                    None => Cutting::Free,
                    Some(_) => Cutting::Inherited { bytes: chunk.bytes, content: chunk.content },
                };
                ReadRange { partition: chunk.partition.clone(), range: chunk.range.clone(), cutting }
            })
            .collect(),
        None => partitions
            .into_iter()
            .map(|partition| ReadRange { partition, range: Range::whole(), cutting: Cutting::Free })
            .collect(),
    }
}

/// A chunk as far as its place in the table matters.
pub trait Ranged {
    /// Partition.
    fn partition(&self) -> Option<&str>;
    /// Key range.
    fn range(&self) -> &Range;
    /// Sets the upper bound.
    fn set_hi(&mut self, hi: Option<Bound>);
    /// Sets the lower bound.
    fn set_lo(&mut self, lo: Option<Bound>);
    /// True where it holds no row.
    fn is_empty(&self) -> bool;
}

/// The ranges of a table do not close on each other.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the ranges that were read do not close on each other after {after}")]
pub struct Gap {
    /// The bound after which rows may be missing.
    pub after: String,
}

/// Puts the chunks of a table in key order, partition by partition, and checks that each begins where the one
/// before ended, the first open below and the last open above. Chunks without rows are joined to a neighbour by
/// moving its bound, which changes no content; an empty partition keeps one.
pub fn close<C: Ranged>(chunks: Vec<C>, partitions: &[String]) -> Result<Vec<C>, Gap> {
    let mut by_partition: HashMap<Option<String>, HashMap<Option<Bound>, C>> = HashMap::new();
    let total = chunks.len();
    for chunk in chunks {
        let lo = chunk.range().lo.clone();
        let partition = by_partition.entry(chunk.partition().map(str::to_owned)).or_default();
        if partition.insert(lo.clone(), chunk).is_some() {
            return Err(gap(&lo));
        }
    }
    let order: Vec<Option<String>> = match partitions.is_empty() {
        true => vec![None],
        false => partitions.iter().cloned().map(Some).collect(),
    };
    let mut closed = Vec::with_capacity(total);
    let mut seen = 0;
    for partition in order {
        let mut chain = by_partition.remove(&partition).unwrap_or_default();
        let first_of_partition = closed.len();
        let mut at: Option<Bound> = None;
        loop {
            let chunk = chain.remove(&at).ok_or_else(|| gap(&at))?;
            seen += 1;
            at = chunk.range().hi.clone();
            join(&mut closed, first_of_partition, chunk);
            if at.is_none() {
                break;
            }
        }
    }
    // What was not reached lies outside the chain: two ranges overlap somewhere.
    if seen != total { Err(gap(&None)) } else { Ok(closed) }
}

/// Appends a chunk; one of two neighbours without rows gives its range to the other.
fn join<C: Ranged>(closed: &mut Vec<C>, first_of_partition: usize, mut chunk: C) {
    if closed.len() > first_of_partition {
        let last = closed.last_mut().expect("longer than first_of_partition");
        if chunk.is_empty() {
            last.set_hi(chunk.range().hi.clone());
            return;
        }
        if last.is_empty() {
            chunk.set_lo(last.range().lo.clone());
            *last = chunk;
            return;
        }
    }
    closed.push(chunk);
}

fn gap(after: &Option<Bound>) -> Gap {
    Gap { after: after.as_ref().map_or("the start".into(), |bound| bound.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::KeyValue;
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Piece {
        range: Range,
        rows: u64,
    }

    impl Ranged for Piece {
        fn partition(&self) -> Option<&str> {
            None
        }
        fn range(&self) -> &Range {
            &self.range
        }
        fn set_hi(&mut self, hi: Option<Bound>) {
            self.range.hi = hi;
        }
        fn set_lo(&mut self, lo: Option<Bound>) {
            self.range.lo = lo;
        }
        fn is_empty(&self) -> bool {
            self.rows == 0
        }
    }

    fn bound(n: u32) -> Bound {
        Bound(vec![KeyValue::Plain(n.to_string())])
    }

    fn pieces(rows: &[u64]) -> Vec<Piece> {
        let last = rows.len() - 1;
        let piece = |(i, &rows): (usize, &u64)| Piece {
            range: Range { lo: (i > 0).then(|| bound(i as u32)), hi: (i < last).then(|| bound(i as u32 + 1)) },
            rows,
        };
        rows.iter().enumerate().map(piece).collect()
    }

    proptest! {
        #[test]
        fn any_order_closes_and_keeps_all_rows(rows in proptest::collection::vec(0u64..4, 1..20), seed in any::<u64>()) {
            let mut shuffled = pieces(&rows);
            let n = shuffled.len();
            for i in 0..n {
                shuffled.swap(i, (seed as usize).wrapping_mul(i + 7) % n);
            }
            let closed = close(shuffled, &[]).unwrap();
            prop_assert_eq!(closed.iter().map(|p| p.rows).sum::<u64>(), rows.iter().sum::<u64>());
            prop_assert!(closed.len() == 1 || closed.iter().all(|p| p.rows > 0));
            prop_assert_eq!(&closed[0].range.lo, &None);
            prop_assert_eq!(&closed[closed.len() - 1].range.hi, &None);
            for pair in closed.windows(2) {
                prop_assert_eq!(&pair[0].range.hi, &pair[1].range.lo);
            }
        }

        #[test]
        fn a_missing_or_doubled_piece_is_seen(rows in proptest::collection::vec(1u64..4, 2..20), at in any::<prop::sample::Index>()) {
            let whole = pieces(&rows);
            let at = at.index(whole.len());
            let mut missing = whole.clone();
            missing.remove(at);
            prop_assert!(close(missing, &[]).is_err());
            let mut doubled = whole.clone();
            doubled.push(whole[at].clone());
            prop_assert!(close(doubled, &[]).is_err());
        }
    }
}
