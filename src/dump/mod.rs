//! The way out: ranges of tables are read by raw sessions that share one snapshot, turned into chunks, sealed and
//! handed to the pack writer. One thread a session does all of it in place: it reads, escapes, hashes, compresses.
//!
//! Workers pull ranges from one queue. A worker that reads a range without history gives half of what remains to an idle one
//! at the end of each query, so one large table keeps all of them busy to its end. A session that is lost is never
//! replaced (its view cannot be had again): its range goes back to the queue and the others, which hold the same
//! view, finish the work.

mod chunker;
mod error;
mod midpoint;
mod queue;
mod reader;

pub use error::DumpError;
pub use queue::TableState;

use crate::codec::digest::Tally;
use crate::codec::frame::ContentId;
use crate::manifest::known::KnownChunk;
use crate::manifest::model::{Place, TypedList};
use crate::manifest::pack::{PackWriter, Slot};
use crate::plan::cuts::{EarlierChunk, Ranged};
use crate::progress::{Progress, Stop};
use crate::schema::{Bound, QualifiedName, Range, Table};
use crate::server::raw::RawSession;
use crate::workers::{Budget, Rate};
use queue::Queue;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A table to read.
pub struct Source {
    /// The table.
    pub table: Table,
    /// Condition on its rows, empty for none.
    pub condition: String,
    /// Its chunks in the backup before, where its cuts still fit.
    pub earlier: Option<Vec<EarlierChunk>>,
}

/// How rows are read.
pub struct DumpOptions {
    /// Chunk size aimed at, in bytes of row text.
    pub chunk_bytes: usize,
    /// Bytes that all workers' buffers may hold.
    pub memory_bytes: usize,
    /// Bytes of row text a second, for all workers together.
    pub rate_bytes_max: Option<u64>,
}

/// Where a chunk's frame is.
#[derive(Clone, Copy, Debug)]
pub enum Stored {
    /// No rows, no frame.
    Nothing,
    /// An earlier backup stored the same content.
    Before(Place),
    /// In an object of this run.
    Now(Slot),
}

/// A chunk that was read.
#[derive(Clone, Debug)]
pub struct TakenChunk {
    /// Partition.
    pub partition: Option<String>,
    /// Key range; for tables without a usable key its place in reading order.
    pub range: Range,
    /// Rows and digests.
    pub tally: Tally,
    /// Bytes of row text.
    pub bytes: u64,
    /// Bytes of its frames; 0 where it was stored before.
    pub frame_bytes: u64,
    /// Content id.
    pub content: ContentId,
    /// Where it is; a slot holds the typed list's frame too.
    pub stored: Stored,
    /// The typed list's frame, where it has one.
    pub typed: Option<TypedList>,
}

impl Ranged for TakenChunk {
    fn partition(&self) -> Option<&str> {
        self.partition.as_deref()
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
        self.tally.rows == 0
    }
}

/// A table that was read to its end, counted, and closed.
#[derive(Clone, Debug)]
pub struct TakenTable {
    /// Its name.
    pub name: QualifiedName,
    /// Its chunks in key order, closing on each other.
    pub chunks: Vec<TakenChunk>,
}

/// How busy the workers were.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct WorkerTime {
    /// Seconds spent on ranges.
    pub busy_seconds: f64,
    /// Seconds spent waiting for a range.
    pub idle_seconds: f64,
}

/// What reading gave.
pub struct Taken {
    /// The tables, in the order they were given.
    pub tables: Vec<TakenTable>,
    /// One entry a worker.
    pub workers: Vec<WorkerTime>,
    /// Sessions that were lost on the way; the others took over.
    pub sessions_lost: usize,
}

/// What all workers of a run share.
struct Shared<'a> {
    sources: &'a [Source],
    queue: Queue,
    options: &'a DumpOptions,
    budget: Budget,
    rate: Rate,
    pack: &'a PackWriter,
    known: &'a HashMap<ContentId, KnownChunk>,
    progress: &'a dyn Progress,
    stop: Stop,
}

/// Reads all tables over the given sessions, which share one snapshot. Blocks; one thread a session.
///
/// `locked` reads the non-transactional tables, which stay locked for it until they are read.
#[allow(clippy::too_many_arguments)]
pub fn rows(
    sources: &[Source],
    sessions: Vec<RawSession>,
    locked: Option<RawSession>,
    options: &DumpOptions,
    pack: &PackWriter,
    known: &HashMap<ContentId, KnownChunk>,
    progress: &Arc<dyn Progress>,
    stop: Stop,
) -> Result<Taken, DumpError> {
    let shared = Shared {
        sources,
        queue: Queue::new(sources, sessions.len()),
        options,
        budget: Budget::new(options.memory_bytes),
        rate: Rate::new(options.rate_bytes_max),
        pack,
        known,
        progress: progress.as_ref(),
        stop,
    };
    let workers = std::thread::scope(|scope| {
        let shared = &shared;
        let locked = locked.map(|session| scope.spawn(move || reader::read_locked(shared, session)));
        let threads: Vec<_> =
            sessions.into_iter().map(|session| scope.spawn(move || reader::work(shared, session))).collect();
        let times: Vec<WorkerTime> =
            threads.into_iter().map(|thread| thread.join().expect("a worker does not panic")).collect();
        if let Some(thread) = locked {
            thread.join().expect("a worker does not panic");
        }
        times
    });
    let Shared { queue, stop, .. } = shared;
    let (states, failure, sessions_lost) = queue.into_parts();
    if let Some(error) = failure {
        return Err(error);
    }
    if stop.stopped() {
        return Err(DumpError::Interrupted);
    }
    let tables = sources.iter().zip(states).map(|(source, state)| state.close(source)).collect::<Result<_, _>>()?;
    Ok(Taken { tables, workers, sessions_lost })
}

/// Measures a stretch of work.
struct Stretch(Instant);

impl Stretch {
    fn begin() -> Stretch {
        Stretch(Instant::now())
    }
    fn end(self) -> Duration {
        self.0.elapsed()
    }
}
