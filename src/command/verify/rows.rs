//! `verify --against … --rows`: for each range that differs its chunk is opened, its content id checked, and its rows are
//! compared with those on the server. One range at a time, and of a table without a usable key one chunk at a time; so
//! memory holds one chunk, whatever the size of the table.

use crate::codec::line;
use crate::error::Result;
use crate::load::fetch;
use crate::manifest::Repository;
use crate::manifest::model::ChunkRecord;
use crate::progress::{Progress, Stop};
use crate::server::raw::RawSession;
use crate::verify::rows::keyless::Multiset;
use crate::verify::rows::{self, RowDifferences, keyed};
use crate::verify::server::Compared;
use crate::verify::{Proof, ProofTable, VerifyError};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task;

/// Names the rows of all ranges of `proof` that differ, `limit` of each table at most. Ranges of a table that has had its
/// share are not opened any more.
pub(super) async fn name(
    proof: &mut Proof,
    repository: &Repository,
    tables: &[ProofTable],
    mut session: RawSession,
    limit: usize,
    progress: &Arc<dyn Progress>,
    stop: &Stop,
) -> Result<()> {
    progress.phase("rows", 0, 0);
    let mut named: HashMap<usize, usize> = HashMap::new();
    let places: Vec<Option<usize>> = proof.differences.iter().map(|d| Some(d.compared.as_ref()?.table)).collect();
    for (at, difference) in proof.differences.iter_mut().enumerate() {
        let Some(compared) = &difference.compared else { continue };
        let so_far = named.entry(compared.table).or_default();
        if *so_far >= limit {
            continue;
        }
        let range = Range { repository, tables, compared, limit: limit - *so_far, stop };
        let rows = range.differences(&mut session).await?;
        *so_far += rows.named.len();
        let more_ranges = places[at + 1..].contains(&Some(compared.table));
        let unfinished = rows.unfinished || (*so_far >= limit && more_ranges);
        difference.rows = Some(RowDifferences { unfinished, cut: rows.cut || unfinished, ..rows });
    }
    Ok(())
}

/// A range whose rows are to be named.
struct Range<'a> {
    repository: &'a Repository,
    tables: &'a [ProofTable],
    compared: &'a Compared,
    limit: usize,
    stop: &'a Stop,
}

impl Range<'_> {
    async fn differences(&self, session: &mut RawSession) -> Result<RowDifferences> {
        let work = &self.tables[self.compared.table];
        let chunks = &work.chunks[self.compared.chunks.clone()];
        task::block_in_place(|| rows::begin(session, work))?;
        match chunks {
            [chunk] if chunk.range.is_some() => {
                let (text, typed) = fetch::read_chunk(self.repository, chunk).await?;
                let rows = line::rows(&text, &typed);
                let compare = || keyed::differences(session, work, chunk, rows, self.limit, self.stop);
                Ok(task::block_in_place(compare)?)
            }
            _ => {
                let mut rows = Multiset::new(work, chunks);
                self.count(&mut rows, session, chunks).await?;
                if rows.choose() {
                    self.count(&mut rows, session, chunks).await?;
                }
                Ok(rows.end(self.limit))
            }
        }
    }

    async fn count(&self, rows: &mut Multiset<'_>, session: &mut RawSession, chunks: &[ChunkRecord]) -> Result<()> {
        for chunk in chunks {
            let (text, typed) = fetch::read_chunk(self.repository, chunk).await?;
            task::block_in_place(|| rows.stored(line::rows(&text, &typed))).map_err(VerifyError::from)?;
            if self.stop.stopped() {
                return Err(VerifyError::Interrupted.into());
            }
        }
        Ok(task::block_in_place(|| rows.found(session, self.stop))?)
    }
}
