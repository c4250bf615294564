//! Where a stream of rows is cut into chunks. Pure: rows come in as encoded text, chunks go out.
//!
//! * Free: a chunk ends with the row that fills it.
//! * Inherited: the range stays one chunk until it holds twice the chunk size; then it ends with the row that filled
//!   the first half, and the rest goes on. So growth in one range moves no bound of another.
//! * By hash: a row ends a chunk when its own hash says so, with a chance in proportion to its length; rows that were
//!   inserted or deleted elsewhere move nothing. At twice the chunk size it ends anyway.

use crate::codec::ROW_TEXT_VERSION;
use crate::codec::digest::Tally;
use crate::codec::frame::{ContentId, content_id};
use crate::codec::typed::{self, ListedValue, TypedValue};
use crate::plan::cuts::Cutting;
use crate::schema::Bound;

/// The rows of a chunk.
#[derive(Default)]
pub(super) struct Rows {
    /// Row text.
    pub text: Vec<u8>,
    /// Typed list.
    pub typed_list: Vec<u8>,
    /// What was counted over them.
    pub tally: Tally,
}

/// Rows collected since the last cut.
#[derive(Default)]
pub(super) struct Chunker {
    /// Row text.
    pub text: Vec<u8>,
    /// Typed list, its rows counted from the first of `text`.
    typed_list: Vec<u8>,
    /// Rows of `text` up to `half`, or all of them where there is no `half`.
    pub tally: Tally,
    /// Where an inherited range would be cut: length of text, rows after it, the bound.
    half: Option<Half>,
}

struct Half {
    text_bytes: usize,
    rows: u64,
    typed_bytes: usize,
    bound: Option<Bound>,
    rest: Tally,
}

/// What is to be done after a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Go,
    /// The bound of this row is needed: call [`Chunker::mark_half`].
    MarkHalf,
    /// The chunk ends with this row.
    CutHere,
    /// The chunk ends at the half mark; [`Chunker::split_at_half`] gives it.
    CutAtHalf,
}

impl Chunker {
    /// The text and the tally that the next row goes to.
    pub fn text_and_tally(&mut self) -> (&mut Vec<u8>, &mut Tally) {
        match &mut self.half {
            Some(half) => (&mut self.text, &mut half.rest),
            None => (&mut self.text, &mut self.tally),
        }
    }

    /// Notes the length of the row that was added last, and its typed values.
    pub fn saw_row_of(&mut self, bytes: u64, typed: impl Iterator<Item = (usize, TypedValue)>) {
        let (_, tally) = self.text_and_tally();
        tally.widest = tally.widest.max(bytes);
        for (field, value) in typed {
            let row = self.tally.rows + self.half.as_ref().map_or(0, |half| half.rest.rows) - 1;
            typed::put_line(&mut self.typed_list, &ListedValue { row, field, value });
        }
    }

    /// The content id of the rows collected.
    pub fn content(&self) -> ContentId {
        content_id(&self.text, &self.typed_list, ROW_TEXT_VERSION)
    }

    /// Judges the chunk after a row of `row_bytes` and `hash` was added.
    pub fn judge(&self, cutting: Cutting, chunk_bytes: usize, row_bytes: usize, hash: u128) -> Verdict {
        let bytes = self.text.len() + self.typed_list.len();
        match cutting {
            Cutting::Free if bytes >= chunk_bytes => Verdict::CutHere,
            Cutting::Inherited { .. } if bytes >= 2 * chunk_bytes => {
                if self.half.is_some() {
                    Verdict::CutAtHalf
                } else {
                    Verdict::CutHere
                }
            }
            Cutting::Inherited { .. } if bytes >= chunk_bytes && self.half.is_none() => Verdict::MarkHalf,
            Cutting::ByHash if bytes >= 2 * chunk_bytes => Verdict::CutHere,
            Cutting::ByHash if bytes >= chunk_bytes / 4 && hash_cuts(chunk_bytes, row_bytes, hash) => Verdict::CutHere,
            _ => Verdict::Go,
        }
    }

    /// Remembers this row as the place to cut an inherited range at, should it outgrow its maximum.
    pub fn mark_half(&mut self, bound: Option<Bound>) {
        let (text_bytes, rows, typed_bytes) = (self.text.len(), self.tally.rows, self.typed_list.len());
        self.half = Some(Half { text_bytes, rows, typed_bytes, bound, rest: Tally::default() });
    }

    /// Takes all rows collected; what was marked is forgotten.
    pub fn take(&mut self) -> Rows {
        let mut tally = std::mem::take(&mut self.tally);
        if let Some(half) = self.half.take() {
            tally.add(&half.rest);
        }
        Rows { text: std::mem::take(&mut self.text), typed_list: std::mem::take(&mut self.typed_list), tally }
    }

    /// Takes the rows up to the half mark, with the bound they end at; the rest stays.
    pub fn split_at_half(&mut self) -> Option<(Rows, Option<Bound>)> {
        let half = self.half.take()?;
        let rest = self.text.split_off(half.text_bytes);
        let text = std::mem::replace(&mut self.text, rest);
        let tally = std::mem::replace(&mut self.tally, half.rest);
        let rest = typed::from_row(&self.typed_list[half.typed_bytes..], half.rows);
        self.typed_list.truncate(half.typed_bytes);
        let typed_list = std::mem::replace(&mut self.typed_list, rest);
        Some((Rows { text, typed_list, tally }, half.bound))
    }
}

/// True for one row in so many that chunks are about `chunk_bytes` long: a quarter comes first without a look, the rest
/// on average, since a row's chance is its share of three quarters of a chunk.
fn hash_cuts(chunk_bytes: usize, row_bytes: usize, hash: u128) -> bool {
    let span = (chunk_bytes as u64 * 3 / 4).max(1);
    let threshold = (u64::MAX / span).saturating_mul(row_bytes as u64);
    (hash >> 64) as u64 <= threshold
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::typed::TypedKind;
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_128;

    /// Cuts rows (given as lengths), each with its number as a typed value, and returns the chunks.
    fn cut(rows: &[usize], cutting: Cutting, chunk_bytes: usize) -> Vec<Rows> {
        let mut chunker = Chunker::default();
        let mut chunks = Vec::new();
        for (i, &row) in rows.iter().enumerate() {
            let (text, tally) = chunker.text_and_tally();
            text.resize(text.len() + row, b'x');
            tally.rows += 1;
            let value = TypedValue { path: b"$".to_vec(), kind: TypedKind::Decimal, value: i.to_string().into_bytes() };
            chunker.saw_row_of(row as u64, std::iter::once((0, value)));
            match chunker.judge(cutting, chunk_bytes, row, xxh3_128(&i.to_le_bytes())) {
                Verdict::Go => {}
                Verdict::MarkHalf => chunker.mark_half(None),
                Verdict::CutHere => chunks.push(chunker.take()),
                Verdict::CutAtHalf => chunks.push(chunker.split_at_half().unwrap().0),
            }
        }
        chunks.push(chunker.take());
        chunks
    }

    fn sizes(chunks: &[Rows]) -> Vec<(u64, usize)> {
        chunks.iter().map(|chunk| (chunk.tally.rows, chunk.text.len())).collect()
    }

    const INHERITED: Cutting = Cutting::Inherited { bytes: 0, content: ContentId([0; 32]) };

    proptest! {
        #[test]
        fn no_row_is_lost_and_no_chunk_is_too_large(rows in proptest::collection::vec(1usize..400, 0..600), which in 0usize..3) {
            let cutting = [Cutting::Free, INHERITED, Cutting::ByHash][which];
            let chunks = cut(&rows, cutting, 1000);
            let mut number = 0;
            for chunk in &chunks {
                let listed = typed::parse_list(&chunk.typed_list).unwrap();
                prop_assert_eq!(listed.len() as u64, chunk.tally.rows);
                for (row, listed) in listed.iter().enumerate() {
                    prop_assert_eq!((listed.row, &listed.value.value), (row as u64, &number.to_string().into_bytes()));
                    number += 1;
                }
            }
            let chunks = sizes(&chunks);
            prop_assert_eq!(chunks.iter().map(|c| c.0).sum::<u64>(), rows.len() as u64);
            prop_assert_eq!(chunks.iter().map(|c| c.1).sum::<usize>(), rows.iter().sum::<usize>());
            let largest = chunks.iter().map(|c| c.1).max().unwrap();
            let bound = if which == 0 { 1400 } else { 2400 };
            prop_assert!(largest < bound);
        }
    }

    #[test]
    fn an_inherited_range_stays_whole_until_it_has_doubled() {
        assert_eq!(sizes(&cut(&[100; 17], INHERITED, 1000)), [(17, 1700)]);
        assert_eq!(sizes(&cut(&[84; 20], INHERITED, 1000)), [(10, 840), (10, 840)]);
        assert_eq!(sizes(&cut(&[84; 10], Cutting::Free, 1000)), [(10, 840), (0, 0)]);
    }

    #[test]
    fn hash_cuts_do_not_move_when_a_row_goes() {
        let ends = |skip: Option<usize>| {
            let mut chunker = Chunker::default();
            let mut ends = Vec::new();
            for row in (0..20_000usize).filter(|&row| Some(row) != skip) {
                chunker.text.resize(chunker.text.len() + 50, b'x');
                if chunker.judge(Cutting::ByHash, 20_000, 50, xxh3_128(&row.to_le_bytes())) == Verdict::CutHere {
                    ends.push(row);
                    chunker.take();
                }
            }
            ends
        };
        let (all, without) = (ends(None), ends(Some(7_000)));
        assert!(all.len() > 20, "{all:?}");
        let moved = all.iter().filter(|end| !without.contains(end)).count();
        assert!(moved <= 3, "{moved} of {} ends moved", all.len());
    }
}
