//! Which chunk or index a worker does next. A worker stays on a run of neighbouring chunks, so that each session
//! inserts in key order and pages fill well (four sessions on interleaved chunks cost 13 % in space, measured); it
//! takes the largest table that nobody has begun, and when there is none, the upper half of the largest run
//! that is left. So one large table keeps all workers busy to its end.

use super::{LoadTable, Moments};
use crate::manifest::model::ChunkRecord;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;
use tokio::sync::Notify;

/// What a worker is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Load this chunk (place among the table's) of this table.
    Chunk(usize, usize),
    /// Build the late indexes of this table.
    Indexes(usize),
    /// Nothing is left.
    Finished,
}

/// Neighbouring chunks of a table that one worker has for itself.
#[derive(Clone, Copy, Debug)]
struct Run {
    table: usize,
    next: usize,
    end: usize,
}

#[derive(Default)]
struct State {
    /// Tables that nobody has begun, the smallest first.
    fresh: Vec<usize>,
    /// What each worker has left of its run.
    runs: Vec<Option<Run>>,
    /// Chunks of each table that are not loaded yet.
    left: Vec<usize>,
    /// Tables whose rows are in.
    ready: Vec<usize>,
    /// Tables that could not be brought back: nothing more is done to them.
    failed: Vec<bool>,
    /// When each table was how far.
    moments: Vec<Moments>,
    /// Tables whose indexes are not built yet, and that have not failed.
    unfinished: usize,
    /// Tables whose indexes are being built.
    building: usize,
    given_up: bool,
}

/// The schedule of a load.
pub struct Schedule {
    tables: Vec<LoadTable>,
    /// Tables whose indexes may be built at a time.
    building_max: usize,
    state: Mutex<State>,
    changed: Notify,
}

impl Schedule {
    /// A schedule for some workers, of which so many may build indexes at a time.
    pub fn new(tables: Vec<LoadTable>, workers: usize, building_max: usize) -> Schedule {
        let mut state = State { runs: vec![None; workers], unfinished: tables.len(), ..State::default() };
        state.failed = vec![false; tables.len()];
        let there = |table: &LoadTable| table.chunks.is_empty().then(Instant::now);
        state.moments = tables.iter().map(|table| Moments { rows: there(table), indexes: None }).collect();
        state.left = tables.iter().map(|table| table.chunks.len()).collect();
        state.fresh = (0..tables.len()).filter(|&i| !tables[i].chunks.is_empty()).collect();
        state.fresh.sort_by_key(|&i| tables[i].bytes());
        state.ready = (0..tables.len()).filter(|&i| tables[i].chunks.is_empty()).collect();
        Schedule { tables, building_max, state: Mutex::new(state), changed: Notify::new() }
    }

    /// A table.
    pub fn table(&self, table: usize) -> &LoadTable {
        &self.tables[table]
    }

    /// A chunk of a table.
    pub fn chunk(&self, table: usize, chunk: usize) -> &ChunkRecord {
        &self.tables[table].chunks[chunk]
    }

    /// The next job; waits while indexes may still become ready.
    pub async fn take(&self, worker: usize) -> Job {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that a change in between is not missed.
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                if state.given_up || state.unfinished == 0 {
                    return Job::Finished;
                }
                if let Some(table) = self.next_indexes(&mut state) {
                    return Job::Indexes(table);
                }
                if let Some((table, chunk)) = self.next_chunk(&mut state, worker) {
                    return Job::Chunk(table, chunk);
                }
            }
            changed.await;
        }
    }

    /// The next chunk for a worker, if there is one.
    pub fn take_chunk(&self, worker: usize) -> Option<(usize, usize)> {
        let mut state = self.lock();
        if state.given_up { None } else { self.next_chunk(&mut state, worker) }
    }

    /// A table whose rows are in and whose indexes are to be built, if there is one.
    pub fn take_indexes(&self) -> Option<usize> {
        let mut state = self.lock();
        if state.given_up { None } else { self.next_indexes(&mut state) }
    }

    /// A chunk is loaded; after the last one the table's indexes may be built.
    pub fn chunk_done(&self, table: usize) {
        let mut state = self.lock();
        state.left[table] -= 1;
        if state.left[table] == 0 && !state.failed[table] {
            state.moments[table].rows = Some(Instant::now());
            state.ready.push(table);
            self.changed.notify_waiters();
        }
    }

    /// A table's indexes are built.
    pub fn indexes_done(&self, table: usize) {
        let mut state = self.lock();
        state.moments[table].indexes = Some(Instant::now());
        state.unfinished -= 1;
        state.building -= 1;
        self.changed.notify_waiters();
    }

    /// A chunk of a table could not be loaded: what is left of the table is not taken up. False where it had failed before.
    pub fn rows_failed(&self, table: usize) -> bool {
        let mut state = self.lock();
        if state.failed[table] {
            return false;
        }
        state.failed[table] = true;
        state.unfinished -= 1;
        state.fresh.retain(|&fresh| fresh != table);
        state.runs.iter_mut().for_each(|run| *run = run.filter(|run| run.table != table));
        self.changed.notify_waiters();
        true
    }

    /// A table's indexes could not be built.
    pub fn indexes_failed(&self, table: usize) {
        let mut state = self.lock();
        state.failed[table] = true;
        state.unfinished -= 1;
        state.building -= 1;
        self.changed.notify_waiters();
    }

    /// True for a table that could not be brought back.
    pub fn has_failed(&self, table: usize) -> bool {
        self.lock().failed[table]
    }

    /// When each table was how far, by its number in the ledger.
    pub fn moments(&self) -> HashMap<u32, Moments> {
        self.tables.iter().map(|table| table.number).zip(self.lock().moments.iter().copied()).collect()
    }

    /// A worker failed: the others stop after what they have begun.
    pub fn give_up(&self) {
        self.lock().given_up = true;
        self.changed.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }

    fn next_indexes(&self, state: &mut State) -> Option<usize> {
        let table = (state.building < self.building_max).then(|| state.ready.pop()).flatten()?;
        state.building += 1;
        Some(table)
    }

    fn next_chunk(&self, state: &mut State, worker: usize) -> Option<(usize, usize)> {
        let run = state.runs[worker].filter(|run| run.next < run.end).or_else(|| self.new_run(state))?;
        state.runs[worker] = Some(Run { next: run.next + 1, ..run });
        Some((run.table, run.next))
    }

    fn new_run(&self, state: &mut State) -> Option<Run> {
        if let Some(table) = state.fresh.pop() {
            return Some(Run { table, next: 0, end: self.tables[table].chunks.len() });
        }
        let left = |run: &Run| self.tables[run.table].chunks[run.next..run.end].iter().map(|c| c.bytes).sum::<u64>();
        let largest = state.runs.iter_mut().flatten().filter(|run| run.next < run.end).max_by_key(|run| left(run))?;
        let middle = largest.next + (largest.end - largest.next) / 2;
        let taken = Run { table: largest.table, next: middle, end: largest.end };
        largest.end = middle;
        Some(taken)
    }
}
