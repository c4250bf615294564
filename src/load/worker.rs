//! One worker of a load: chunks and index builds over one session, until none is left. Where the session is lost the worker
//! opens another, asks the ledger whether the chunk that it was at is in, and goes on.

use super::error::LoadError;
use super::fetch::{Fetcher, RowText};
use super::indexes::{self, KeysMade};
use super::rows::{self, ChunkLoader};
use super::schedule::{Job, Schedule};
use super::{LoadOptions, LoadTable, Loaded, TableFailure, ledger};
use crate::limits;
use crate::manifest::model::ChunkRecord;
use crate::progress::{Progress, Stop};
use crate::server::Session;
use std::sync::Arc;

/// What all workers of a load share.
#[derive(Clone)]
pub(super) struct Shared {
    pub schedule: Arc<Schedule>,
    pub fetcher: Arc<Fetcher>,
    pub options: LoadOptions,
    pub progress: Arc<dyn Progress>,
    pub stop: Stop,
}

struct Worker<'a> {
    number: usize,
    shared: &'a Shared,
    session: Session,
    loaded: Loaded,
}

/// Works until nothing is left or the run is to stop.
pub(super) async fn work(number: usize, shared: &Shared) -> Result<Loaded, LoadError> {
    let Shared { schedule, fetcher, progress, stop, .. } = shared;
    let mut worker = Worker { number, shared, session: open(number, shared, None).await?, loaded: Loaded::default() };
    let mut next = None;
    while !stop.stopped() {
        // Indexes first: the build overlaps with the other workers' loading.
        if let Some(table) = schedule.take_indexes() {
            worker.build(table).await?;
            continue;
        }
        let (table, chunk, fetched) = match next.take() {
            Some(ahead) => ahead,
            None => match schedule.take(number).await {
                Job::Indexes(table) => {
                    worker.build(table).await?;
                    continue;
                }
                Job::Chunk(table, chunk) => (table, chunk, fetcher.fetch(schedule.chunk(table, chunk))),
                Job::Finished => break,
            },
        };
        let (work, record) = (schedule.table(table), schedule.chunk(table, chunk));
        let fetched = fetched.await.expect("unpacking does not panic").map_err(|error| unread(error, work, record));
        if schedule.has_failed(table) {
            continue;
        }
        let text = match fetched {
            Ok(text) => text,
            Err(error) => {
                fetcher.check_repository().await?;
                worker.rows_failed(table, error)?;
                continue;
            }
        };
        next = schedule.take_chunk(number).map(|(t, c)| (t, c, fetcher.fetch(schedule.chunk(t, c))));
        let name = work.target.to_string();
        progress.table(&name, true);
        let outcome = worker.load(work, record, &text).await;
        progress.table(&name, false);
        if let Err(error) = outcome {
            worker.rows_failed(table, error)?;
            continue;
        }
        schedule.chunk_done(table);
        progress.add(record.rows, record.bytes);
        worker.loaded.rows += record.rows;
        worker.loaded.bytes += record.bytes;
        worker.loaded.chunks += 1;
    }
    worker.session.close().await;
    Ok(worker.loaded)
}

/// Names the rows that a chunk holds which could not be read.
fn unread(error: LoadError, work: &LoadTable, record: &ChunkRecord) -> LoadError {
    match error {
        LoadError::Repository(source) => {
            LoadError::Unread { table: work.target.to_string(), range: rows::range(record), source }
        }
        other => other,
    }
}

/// A worker's session, after the one that was lost with this error and had this connection id.
async fn open(number: usize, shared: &Shared, mut lost: Option<(LoadError, u32)>) -> Result<Session, LoadError> {
    let mut tries = 0;
    loop {
        let mut session = shared.options.sessions.worker(number, lost.take()).await?;
        match set_up(&mut session, &shared.options).await {
            Ok(()) => return Ok(session),
            Err(error) if error.lost() && tries < limits::LOST_TRIES => lost = Some((error, session.connection_id())),
            Err(error) => return Err(error),
        }
        tries += 1;
    }
}

async fn set_up(session: &mut Session, options: &LoadOptions) -> Result<(), LoadError> {
    indexes::setup_indexes(session, &options.indexes).await?;
    Ok(rows::setup(session, options.way).await?)
}

impl Worker<'_> {
    /// Loads a chunk exactly once, over as many sessions as it takes.
    async fn load(&mut self, work: &LoadTable, record: &ChunkRecord, text: &RowText) -> Result<(), LoadError> {
        let mut lost = 0;
        loop {
            match self.try_load(work, record, text, lost > 0).await {
                // Rows of a table without transactions stay where the session is lost: the next run empties it.
                Err(error) if error.lost() && lost < limits::LOST_TRIES && work.table.transactional() => {
                    lost += 1;
                    self.open_again(error).await?;
                }
                other => return other,
            }
        }
    }

    async fn try_load(
        &mut self,
        work: &LoadTable,
        record: &ChunkRecord,
        text: &RowText,
        again: bool,
    ) -> Result<(), LoadError> {
        let Shared { options, .. } = self.shared;
        if again && ledger::has_chunk(&mut self.session, work.number, record.n).await? {
            return Ok(());
        }
        let (way, packet_bytes_max) = (options.way, options.packet_bytes_max);
        ChunkLoader { session: &mut self.session, work, record, way, packet_bytes_max }.load(text).await
    }

    /// Builds the late indexes of a table. What a lost session has made of them is read from the target.
    async fn build(&mut self, table: usize) -> Result<(), LoadError> {
        let Shared { schedule, progress, .. } = self.shared;
        let work = schedule.table(table);
        let name = format!("{} (indexes)", work.target);
        progress.table(&name, true);
        let mut lost = 0;
        let made = loop {
            match self.try_build(work).await {
                Err(error) if error.lost() && lost < limits::LOST_TRIES => {
                    lost += 1;
                    if let Err(error) = self.open_again(error).await {
                        break Err(error);
                    }
                }
                other => break other,
            }
        };
        progress.table(&name, false);
        let made = match made {
            Ok(made) => made,
            Err(error) if !self.shared.stop.stopped() && error.concerns_one_table() => {
                schedule.indexes_failed(table);
                self.failed(table, error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.loaded.indexes += made.made.len() as u64;
        self.loaded.notes.extend(made.notes);
        schedule.indexes_done(table);
        Ok(())
    }

    /// A chunk of a table could not be loaded: the table is left, where the failure is its own.
    fn rows_failed(&mut self, table: usize, error: LoadError) -> Result<(), LoadError> {
        if self.shared.stop.stopped() || !error.concerns_one_table() {
            return Err(error);
        }
        if self.shared.schedule.rows_failed(table) {
            self.failed(table, error);
        }
        Ok(())
    }

    fn failed(&mut self, table: usize, error: LoadError) {
        self.shared.progress.note(&format!("failed, the other tables go on: {error}"));
        self.loaded.failures.push(TableFailure { table: self.shared.schedule.table(table).number, error });
    }

    async fn try_build(&mut self, work: &LoadTable) -> Result<KeysMade, LoadError> {
        let (session, way) = (&mut self.session, self.shared.options.way);
        // Definitions are sent as text in utf8mb4; a session that inserts speaks binary.
        rows::speak_text(session, way).await?;
        let made = indexes::build_indexes(session, &work.table, &work.target).await;
        rows::setup(session, way).await?;
        made
    }

    /// A session in place of the one that was lost with `error`.
    async fn open_again(&mut self, error: LoadError) -> Result<(), LoadError> {
        if self.shared.stop.stopped() {
            return Err(error);
        }
        self.shared.progress.note(&format!("a session was lost and is opened anew: {error}"));
        let lost = (error, self.session.connection_id());
        self.session = open(self.number, self.shared, Some(lost)).await?;
        Ok(())
    }
}
