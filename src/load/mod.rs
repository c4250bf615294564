//! The way in: bare tables, rows by parallel LOAD DATA LOCAL from memory, late indexes, foreign keys, objects.
//!
//! A worker is one task with one session. It holds at most two chunks: the one that is being loaded and the next
//! one, fetched and unpacked meanwhile on another thread. A chunk and its ledger row commit in one transaction, so a
//! run that was cut off goes on from what is there, and so does a worker whose session was lost. A table's indexes are built as soon as its last row is in,
//! while other tables are still loading.

pub mod accounts;
pub mod error;
pub mod fetch;
pub mod histograms;
pub mod indexes;
pub mod insert;
pub mod ledger;
pub mod objects;
pub mod orphans;
pub mod removal;
pub mod rows;
pub mod schedule;
pub mod schema;
pub mod sessions;
pub mod typed;
mod worker;

pub use error::LoadError;
pub use sessions::RunSessions;

use crate::limits;
use crate::manifest::Repository;
use crate::manifest::model::ChunkRecord;
use crate::progress::{Progress, Stop};
use crate::schema::{QualifiedName, Table};
use crate::server::{ConnectOptions, Session};
use fetch::Fetcher;
use rows::Way;
use schedule::Schedule;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use worker::Shared;

/// A table to bring back.
#[derive(Clone, Debug)]
pub struct LoadTable {
    /// Its definition in the backup.
    pub table: Table,
    /// Its name on the target.
    pub target: QualifiedName,
    /// Its chunks that hold rows and are not loaded yet.
    pub chunks: Vec<ChunkRecord>,
    /// Its number in the ledger.
    pub number: u32,
}

impl LoadTable {
    /// Bytes of row text still to be loaded.
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes).sum()
    }
}

/// How rows are loaded.
#[derive(Clone)]
pub struct LoadOptions {
    /// The target.
    pub target: ConnectOptions,
    /// How sessions there are opened.
    pub sessions: Arc<RunSessions>,
    /// Sessions that load at once.
    pub workers: usize,
    /// Bytes of chunks in memory at most.
    pub memory_bytes: usize,
    /// The way that rows take.
    pub way: Way,
    /// The target's max_allowed_packet: no statement may be larger.
    pub packet_bytes_max: u64,
    /// What one ALTER may use.
    pub indexes: indexes::IndexOptions,
}

/// A table that could not be brought back; the others were.
#[derive(Debug)]
pub struct TableFailure {
    /// Its number in the ledger.
    pub table: u32,
    /// Why. Names the table.
    pub error: LoadError,
}

/// When a table was how far. Rows or indexes that were there before count as there when the load began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    /// Its last row was in.
    pub rows: Option<Instant>,
    /// Its last index was built.
    pub indexes: Option<Instant>,
}

/// What loading did.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Rows loaded by this run.
    pub rows: u64,
    /// Bytes of row text loaded by this run.
    pub bytes: u64,
    /// Chunks loaded by this run.
    pub chunks: u64,
    /// Indexes built by this run.
    pub indexes: u64,
    /// Lines that a person should read.
    pub notes: Vec<String>,
    /// Tables that are not whole.
    pub failures: Vec<TableFailure>,
    /// When each table was how far, by its number in the ledger.
    pub moments: HashMap<u32, Moments>,
}

impl Loaded {
    /// Adds what another part of the run has loaded.
    pub fn add(&mut self, part: Loaded) {
        self.rows += part.rows;
        self.bytes += part.bytes;
        self.chunks += part.chunks;
        self.indexes += part.indexes;
        self.notes.extend(part.notes);
        self.failures.extend(part.failures);
        self.moments.extend(part.moments);
    }
}

/// Connects a session that writes, with everything set that loading needs. Returns the settings that the target
/// keeps at another value because a right is missing.
pub async fn writer(target: &ConnectOptions, skip_binlog: bool) -> Result<(Session, Vec<String>), LoadError> {
    let mut session = Session::connect(target).await?;
    let kept = schema::setup_writer(&mut session).await?;
    if skip_binlog {
        session.execute("SET SESSION sql_log_bin=0").await?;
    }
    Ok((session, kept))
}

/// Loads the rows of all tables and builds their late indexes. A table that fails by itself does not end the load: the others
/// are brought back, and it stands in [`Loaded::failures`].
pub async fn run(
    tables: Vec<LoadTable>,
    repository: &Repository,
    options: &LoadOptions,
    progress: &Arc<dyn Progress>,
    stop: &Stop,
) -> Result<Loaded, LoadError> {
    let schedule = Arc::new(Schedule::new(tables, options.workers, options.indexes.at_once));
    let fetcher = Arc::new(Fetcher::new(repository.clone(), options.memory_bytes));
    let shared = Shared {
        schedule: schedule.clone(),
        fetcher,
        options: options.clone(),
        progress: progress.clone(),
        stop: stop.clone(),
    };
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..options.workers {
        let shared = shared.clone();
        workers.spawn(async move {
            let outcome = worker::work(number, &shared).await;
            // A worker that stopped may hold the last chunk that others wait for.
            if outcome.is_err() || shared.stop.stopped() {
                shared.schedule.give_up();
            }
            outcome
        });
    }
    let watcher = tokio::spawn(end_late_workers(options.target.clone(), stop.clone()));
    let mut loaded = Loaded::default();
    let mut failure: Option<LoadError> = None;
    while let Some(outcome) = workers.join_next().await {
        match outcome.expect("a worker does not panic") {
            Ok(part) => loaded.add(part),
            // The first failure is the cause; the others stopped because of it.
            Err(error) => failure = Some(failure.unwrap_or(error)),
        }
    }
    watcher.abort();
    loaded.moments = schedule.moments();
    match failure {
        _ if stop.stopped() => Err(LoadError::Interrupted),
        Some(error) => Err(error),
        None => Ok(loaded),
    }
}

/// Once a stop is asked for, ends the statements of workers that do not come to a safe point soon: an ALTER of a
/// large table runs for minutes. It is undone by the server and made anew by the next run.
async fn end_late_workers(target: ConnectOptions, stop: Stop) -> Result<(), LoadError> {
    while !stop.stopped() {
        tokio::time::sleep(limits::STOP_PAUSE).await;
    }
    tokio::time::sleep(limits::STOP_WAIT).await;
    let mut session = Session::connect(&target).await?;
    ledger::end_workers(&mut session).await
}
