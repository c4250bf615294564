//! The way in: bare tables, rows by parallel LOAD DATA LOCAL from memory, late indexes, foreign keys, objects.
//!
//! A worker is one task with one session. It holds at most two chunks: the one that is being loaded and the next
//! one, fetched and unpacked meanwhile on another thread. A chunk and its ledger row commit in one transaction, so a
//! run that was cut off goes on from what is there. A table's indexes are built as soon as its last row is in,
//! while other tables are still loading.

pub mod accounts;
pub mod error;
pub mod fetch;
pub mod histograms;
pub mod indexes;
pub mod insert;
pub mod ledger;
pub mod objects;
pub mod removal;
pub mod rows;
pub mod schedule;
pub mod schema;
pub mod typed;

pub use error::LoadError;

use crate::limits;
use crate::manifest::Repository;
use crate::manifest::model::ChunkRecord;
use crate::progress::{Progress, Stop};
use crate::schema::{QualifiedName, Table};
use crate::server::{ConnectOptions, Session};
use fetch::Fetcher;
use rows::{ChunkLoader, Way};
use schedule::{Job, Schedule};
use std::sync::Arc;

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
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The target.
    pub target: ConnectOptions,
    /// Sessions that load at once.
    pub workers: usize,
    /// Bytes of chunks in memory at most.
    pub memory_bytes: usize,
    /// The way that rows take.
    pub way: Way,
    /// The target's max_allowed_packet: no statement may be larger.
    pub packet_bytes_max: u64,
    /// Keep the rows out of the target's binary log.
    pub skip_binlog: bool,
    /// What one ALTER may use.
    pub indexes: indexes::IndexOptions,
}

/// What loading did.
#[derive(Clone, Debug, Default)]
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

/// Loads the rows of all tables and builds their late indexes.
pub async fn run(
    tables: Vec<LoadTable>,
    repository: &Repository,
    options: &LoadOptions,
    progress: &Arc<dyn Progress>,
    stop: &Stop,
) -> Result<Loaded, LoadError> {
    let schedule = Arc::new(Schedule::new(tables, options.workers, options.indexes.at_once));
    let fetcher = Arc::new(Fetcher::new(repository.clone(), options.memory_bytes));
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..options.workers {
        let (schedule, fetcher, progress) = (schedule.clone(), fetcher.clone(), progress.clone());
        let (options, stop) = (options.clone(), stop.clone());
        workers.spawn(async move {
            let outcome = work(number, &schedule, &fetcher, &options, &progress, &stop).await;
            // A worker that stopped may hold the last chunk that others wait for.
            if outcome.is_err() || stop.stopped() {
                schedule.give_up();
            }
            outcome
        });
    }
    let watcher = tokio::spawn(end_late_workers(options.target.clone(), stop.clone()));
    let mut loaded = Loaded::default();
    let mut failure: Option<LoadError> = None;
    while let Some(outcome) = workers.join_next().await {
        match outcome.expect("a worker does not panic") {
            Ok(part) => {
                loaded.rows += part.rows;
                loaded.bytes += part.bytes;
                loaded.chunks += part.chunks;
                loaded.indexes += part.indexes;
                loaded.notes.extend(part.notes);
            }
            // The first failure is the cause; the others stopped because of it.
            Err(error) => failure = Some(failure.unwrap_or(error)),
        }
    }
    watcher.abort();
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

/// One worker: chunks and index builds until none is left.
async fn work(
    number: usize,
    schedule: &Arc<Schedule>,
    fetcher: &Arc<Fetcher>,
    options: &LoadOptions,
    progress: &Arc<dyn Progress>,
    stop: &Stop,
) -> Result<Loaded, LoadError> {
    let (mut session, _) = writer(&options.target, options.skip_binlog).await?;
    ledger::join(&mut session, number).await?;
    indexes::setup_indexes(&mut session, &options.indexes).await?;
    rows::setup(&mut session, options.way).await?;
    let mut loaded = Loaded::default();
    let mut next = None;
    while !stop.stopped() {
        // Indexes first: the build overlaps with the other workers' loading.
        if let Some(table) = schedule.take_indexes() {
            build(schedule, table, &mut session, &mut loaded, progress, options.way).await?;
            continue;
        }
        let (table, chunk, fetched) = match next.take() {
            Some(ahead) => ahead,
            None => match schedule.take(number).await {
                Job::Indexes(table) => {
                    build(schedule, table, &mut session, &mut loaded, progress, options.way).await?;
                    continue;
                }
                Job::Chunk(table, chunk) => (table, chunk, fetcher.fetch(schedule.chunk(table, chunk))),
                Job::Finished => break,
            },
        };
        let text = fetched.await.expect("unpacking does not panic")?;
        next = schedule.take_chunk(number).map(|(t, c)| (t, c, fetcher.fetch(schedule.chunk(t, c))));
        let (work, record) = (schedule.table(table), schedule.chunk(table, chunk));
        let name = work.target.to_string();
        progress.table(&name, true);
        let packet_bytes_max = options.packet_bytes_max;
        let loading = ChunkLoader { session: &mut session, work, record, way: options.way, packet_bytes_max };
        let outcome = loading.load(text).await;
        progress.table(&name, false);
        outcome?;
        schedule.chunk_done(table);
        progress.add(record.rows, record.bytes);
        loaded.rows += record.rows;
        loaded.bytes += record.bytes;
        loaded.chunks += 1;
    }
    session.close().await;
    Ok(loaded)
}

async fn build(
    schedule: &Schedule,
    table: usize,
    session: &mut Session,
    loaded: &mut Loaded,
    progress: &Arc<dyn Progress>,
    way: Way,
) -> Result<(), LoadError> {
    let work = schedule.table(table);
    let name = format!("{} (indexes)", work.target);
    progress.table(&name, true);
    // Definitions are sent as text in utf8mb4; a session that inserts speaks binary.
    rows::speak_text(session, way).await?;
    let made = indexes::build_indexes(session, &work.table, &work.target).await;
    rows::setup(session, way).await?;
    progress.table(&name, false);
    let made = made?;
    loaded.indexes += made.made.len() as u64;
    loaded.notes.extend(made.notes);
    schedule.indexes_done(table);
    Ok(())
}
