//! The ranges still to be read, shared by all workers, and what became of each table. Largest table first; a worker
//! that finds no range waits until one is given back, split off, or all is done.

use super::error::DumpError;
use super::{Source, TakenChunk, TakenTable};
use crate::limits;
use crate::plan::cuts::{self, Cutting, ReadRange};
use crate::schema::{Bound, Range};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Instant;

/// A range to read, of a table.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Place of the table among the sources.
    pub table: usize,
    /// The range.
    pub read: ReadRange,
    /// The range was read; only the count that closes the table is left.
    pub count_only: bool,
    /// A guess at the rows that are still to be read, for splitting in the middle.
    pub rows_left: u64,
}

/// What became of a table so far.
#[derive(Debug, Default)]
pub struct TableState {
    /// Ranges queued or being read.
    open: usize,
    /// Queries that read it: one alone is its own count.
    queries: usize,
    /// The chunks so far, in no order.
    chunks: Vec<TakenChunk>,
}

struct Inner {
    waiting: VecDeque<Task>,
    states: Vec<TableState>,
    /// Ranges being read.
    running: usize,
    /// Sessions still alive.
    sessions: usize,
    sessions_lost: usize,
    failure: Option<DumpError>,
}

impl Inner {
    /// Counts a session out; false where it was the last, and with it the snapshot is gone.
    fn session_lost(&mut self, error: DumpError) -> bool {
        self.sessions -= 1;
        self.sessions_lost += 1;
        if self.sessions == 0 {
            let last = match error {
                DumpError::Server { source, .. } => DumpError::SnapshotLost { source },
                other => other,
            };
            self.failure.get_or_insert(last);
        }
        self.sessions > 0
    }
}

/// The queue.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
    /// Workers that wait for a range: a reader looks at this often, so it is no part of the lock.
    idle: AtomicUsize,
}

/// What a worker is to do next.
pub(super) enum Next {
    /// Read this range.
    Task(Task),
    /// Let the server know that the session still lives, and ask again.
    KeepAlive,
    /// All is done, or has failed.
    Finished,
}

/// A table whose last range was just read.
pub(super) struct Finished {
    /// Rows over all its chunks.
    pub rows: u64,
    /// Queries that read it.
    pub queries: usize,
}

impl Queue {
    /// All ranges of all transactional tables, the largest table first.
    pub fn new(sources: &[Source], sessions: usize) -> Queue {
        let mut order: Vec<usize> = (0..sources.len()).filter(|&i| sources[i].table.transactional()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(sources[i].table.bytes_estimate));
        let mut states: Vec<TableState> = sources.iter().map(|_| TableState::default()).collect();
        let mut waiting = VecDeque::new();
        for table in order {
            let source = &sources[table];
            let ranges = cuts::ranges(&source.table, source.earlier.as_deref());
            states[table].open = ranges.len();
            let rows_left = source.table.rows_estimate / ranges.len().max(1) as u64;
            waiting.extend(ranges.into_iter().map(|read| Task { table, read, count_only: false, rows_left }));
        }
        let inner = Inner { waiting, states, running: 0, sessions, sessions_lost: 0, failure: None };
        Queue { inner: Mutex::new(inner), changed: Condvar::new(), idle: AtomicUsize::new(0) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of the lock panics")
    }

    /// The next range; waits while others may still give some back, but not for so long that the session is taken for dead.
    pub fn next(&self) -> Next {
        let begun = Instant::now();
        let mut inner = self.lock();
        self.idle.fetch_add(1, Ordering::Relaxed);
        loop {
            let done = inner.failure.is_some() || (inner.waiting.is_empty() && inner.running == 0);
            if done {
                self.idle.fetch_sub(1, Ordering::Relaxed);
                self.changed.notify_all();
                return Next::Finished;
            }
            if let Some(task) = inner.waiting.pop_front() {
                inner.running += 1;
                self.idle.fetch_sub(1, Ordering::Relaxed);
                return Next::Task(task);
            }
            let left = limits::KEEP_ALIVE_EVERY.saturating_sub(begun.elapsed());
            if left.is_zero() {
                self.idle.fetch_sub(1, Ordering::Relaxed);
                return Next::KeepAlive;
            }
            inner = self.changed.wait_timeout(inner, left).expect("no holder of the lock panics").0;
        }
    }

    /// True where a worker waits for a range that nobody has queued.
    pub fn someone_idle(&self) -> bool {
        self.idle.load(Ordering::Relaxed) > 0
    }

    /// Puts the upper part of a running range into the queue.
    pub fn split_off(&self, task: &Task, above: Range) {
        let mut inner = self.lock();
        inner.states[task.table].open += 1;
        let read = ReadRange { partition: task.read.partition.clone(), range: above, cutting: Cutting::Free };
        let rows_left = task.rows_left / 2;
        inner.waiting.push_front(Task { table: task.table, read, count_only: false, rows_left });
        self.changed.notify_one();
    }

    /// Takes the range that follows `hi` in the same table and partition, if it still waits: the caller joins it to
    /// its own.
    pub fn claim_following(&self, task: &Task, hi: &Bound) -> Option<ReadRange> {
        let mut inner = self.lock();
        let follows = |other: &Task| {
            other.table == task.table
                && other.read.partition == task.read.partition
                && other.read.range.lo.as_ref() == Some(hi)
                && matches!(other.read.cutting, Cutting::Inherited { .. })
        };
        let at = inner.waiting.iter().position(follows)?;
        inner.states[task.table].open -= 1;
        inner.waiting.remove(at).map(|other| other.read)
    }

    /// Records chunks of a table.
    pub fn add_chunk(&self, table: usize, chunk: TakenChunk) {
        self.lock().states[table].chunks.push(chunk);
    }

    /// Ends a range. Where it was the table's last, the table's rows are returned for the count that closes it.
    pub fn done(&self, table: usize, queries: usize) -> Option<Finished> {
        let mut inner = self.lock();
        inner.running -= 1;
        let state = &mut inner.states[table];
        state.open -= 1;
        state.queries += queries;
        let rows = || state.chunks.iter().map(|chunk| chunk.tally.rows).sum();
        let finished = (state.open == 0).then(|| Finished { rows: rows(), queries: state.queries });
        self.changed.notify_all();
        finished
    }

    /// Opens a table that was read again for the time of its count, and gives the task of counting it, which goes back
    /// to the queue if the session is lost meanwhile.
    pub fn reopen_for_count(&self, task: &Task) -> Task {
        let mut inner = self.lock();
        inner.running += 1;
        inner.states[task.table].open += 1;
        Task { count_only: true, ..task.clone() }
    }

    /// Rows of a table that stand in chunks so far.
    pub fn rows_of(&self, table: usize) -> u64 {
        self.lock().states[table].chunks.iter().map(|chunk| chunk.tally.rows).sum()
    }

    /// A session was lost after `queries` on its range: what is left of it goes back, unless no session is left to
    /// read it.
    pub fn lost(&self, rest: Task, queries: usize, error: DumpError) {
        let mut inner = self.lock();
        inner.running -= 1;
        inner.states[rest.table].queries += queries;
        if inner.session_lost(error) {
            if rest.read.cutting == Cutting::ByHash && !rest.count_only {
                // Without a key reading cannot go on in the middle: the partition is read anew.
                inner.states[rest.table].chunks.retain(|chunk| chunk.partition != rest.read.partition);
            }
            inner.waiting.push_front(rest);
        }
        self.changed.notify_all();
    }

    /// A session was lost while it waited for a range.
    pub fn lost_waiting(&self, error: DumpError) {
        self.lock().session_lost(error);
        self.changed.notify_all();
    }

    /// Somebody failed for good, with a range of this queue or without: everybody stops, the first failure is kept. Ranges that
    /// run count no longer.
    pub fn fail(&self, error: DumpError) {
        let mut inner = self.lock();
        inner.failure.get_or_insert(error);
        self.changed.notify_all();
    }

    /// True once a worker failed.
    pub fn failed(&self) -> bool {
        self.lock().failure.is_some()
    }

    /// What became of all tables, the first failure, and how many sessions were lost.
    pub fn into_parts(self) -> (Vec<TableState>, Option<DumpError>, usize) {
        let inner = self.inner.into_inner().expect("no holder of the lock panics");
        (inner.states, inner.failure, inner.sessions_lost)
    }
}

impl TableState {
    /// The table's chunks in order; for tables with a key they must close on each other.
    pub fn close(self, source: &Source) -> Result<TakenTable, DumpError> {
        let name = source.table.name.clone();
        let chunks = match source.table.range_key {
            Some(_) => cuts::close(self.chunks, &source.table.partitions)
                .map_err(|gap| DumpError::Gap { table: name.to_string(), source: gap })?,
            None => {
                // One reader took each partition in order; only partitions may stand mixed.
                let mut chunks = self.chunks;
                let place =
                    |c: &TakenChunk| source.table.partitions.iter().position(|p| Some(p) == c.partition.as_ref());
                chunks.sort_by_key(place);
                chunks
            }
        };
        Ok(TakenTable { name, chunks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::ServerError;

    fn lost() -> DumpError {
        let why = ServerError::Lost { server: "s".into(), doing: "reading".into(), why: "gone".into() };
        DumpError::server("t", why)
    }

    /// A server that dies takes the session that reads locked tables first, which has no range of the queue, and then all others.
    #[test]
    fn sessions_are_lost_after_a_failure_of_somebody_else() {
        let states = vec![TableState::default()];
        let read = ReadRange { partition: None, range: Range { lo: None, hi: None }, cutting: Cutting::Free };
        let task = Task { table: 0, read, count_only: false, rows_left: 0 };
        let waiting = VecDeque::from([task.clone(), task]);
        let inner = Inner { waiting, states, running: 0, sessions: 2, sessions_lost: 0, failure: None };
        let queue = Queue { inner: Mutex::new(inner), changed: Condvar::new(), idle: AtomicUsize::new(0) };
        let take = || match queue.next() {
            Next::Task(task) => task,
            _ => panic!("a range waits"),
        };
        let (one, other) = (take(), take());
        queue.fail(lost());
        queue.lost(one, 1, lost());
        queue.lost(other, 1, lost());
        assert!(matches!(queue.next(), Next::Finished) && queue.failed());
    }
}
