//! The steps of a restore that was admitted, in the order in which they are taken: bare tables, rows, keys and code,
//! proof, triggers and events. Each leaves the target in a state that the next run can go on from.

use super::Readers;
use super::gtid::GtidOutcome;
use super::phases::Phases;
use super::plan::Effort;
use super::prediction::Prediction;
use super::replicate::{self, Attached};
use super::target::{Made, Target};
use super::tuning::Tuning;
use super::users::Users;
use crate::command::options::{ProofMode, RestoreOptions, Selection};
use crate::command::selected::Selected;
use crate::command::verify::record;
use crate::error::{Error, Exit, Result};
use crate::guard::{Admission, Finding};
use crate::limits;
use crate::load::indexes::IndexOptions;
use crate::load::ledger::{self, Progressed, RunId};
use crate::load::objects::Stage;
use crate::load::{self, LoadError, LoadOptions, LoadTable, Loaded, RunSessions};
use crate::manifest::Repository;
use crate::manifest::proofs::ProofKind;
use crate::manifest::repository::Found;
use crate::progress::{Progress, Stop};
use crate::verify::Proof;
use std::sync::Arc;

/// A restore that was admitted to its target.
pub(super) struct Run<'a> {
    pub options: &'a RestoreOptions,
    pub backup: Found,
    pub selected: Selected,
    pub users: Users,
    pub target: Target,
    /// How further sessions on the target are opened.
    pub sessions: Arc<RunSessions>,
    pub tuning: Tuning,
    pub effort: Effort,
    pub phases: Phases,
    pub made: Made,
    /// What the guard says of the target.
    pub admission: Admission,
    /// What the guard found, with what was overridden.
    pub findings: Vec<Finding>,
    pub prediction: Prediction,
    /// The replication that begins afterwards, if one was asked for.
    pub replicate: Option<replicate::Plan>,
    /// A step was taken again over a new control session: what it made before is there.
    pub repeated: bool,
    pub progress: Arc<dyn Progress>,
    pub stop: Stop,
}

impl Run<'_> {
    /// Makes schemas and bare tables; returns what is to be loaded into them.
    pub async fn make_tables(&mut self, mut progressed: Option<Progressed>) -> Result<Vec<LoadTable>> {
        self.phases.enter("schema", 0, 0);
        let mut lost = 0;
        let tables = loop {
            let error = match self.try_make_tables(progressed).await {
                Ok(tables) => break tables,
                Err(error) => error,
            };
            let why = Error::new(error.exit(), error.to_string());
            // Without a ledger nothing was made yet, or somebody else has ended this run: neither is gone on from.
            progressed = Some(self.control_again(error, &mut lost).await?.ok_or(why)?);
        };
        self.stop_here()?;
        Ok(tables)
    }

    async fn try_make_tables(&mut self, progressed: Option<Progressed>) -> Result<Vec<LoadTable>> {
        let Run { options, selected, target, made, .. } = self;
        let progressed = match progressed {
            Some(progressed) => {
                target.undo_unfinished(selected).await?;
                progressed
            }
            None => {
                let logged = target.writes_binary_log();
                let created = ledger::create(&mut target.session, &run_id(&self.backup, options), logged).await;
                created?;
                Progressed::default()
            }
        };
        self.users.create(target).await?;
        target.make_schemas(selected, made).await?;
        if options.overrides.drop_existing {
            target.drop_existing(selected, &progressed).await?;
        }
        target.make_tables(selected, &progressed, self.effort.workers, options, &self.sessions, made).await
    }

    /// Loads rows and builds late indexes.
    pub async fn load(&mut self, repository: &Repository, tables: Vec<LoadTable>) -> Result<Loaded> {
        let rows = tables.iter().flat_map(|table| &table.chunks).map(|chunk| chunk.rows).sum();
        self.phases.enter("rows", rows, tables.iter().map(LoadTable::bytes).sum());
        let options = LoadOptions {
            packet_bytes_max: self.target.facts.max_allowed_packet,
            target: self.options.target.clone(),
            workers: self.effort.workers,
            memory_bytes: self.effort.memory_bytes,
            way: self.target.way,
            sessions: self.sessions.clone(),
            indexes: index_options(self.effort.workers, self.options.target_memory_bytes),
        };
        let loading = load::run(tables, repository, &options, &self.progress, &self.stop);
        let loaded = self.sessions.beside(&mut self.target.session, loading).await?;
        self.made.notes.extend(loaded.notes.iter().cloned());
        Ok(loaded)
    }

    /// Makes foreign keys, sets histograms, gives grants, makes routines and views.
    pub async fn make_keys_and_code(&mut self) -> Result<()> {
        self.phases.enter("keys", 0, 0);
        let mut lost = 0;
        while let Err(error) = self.try_keys_and_code().await {
            self.control_again(error, &mut lost).await?;
            self.target.undo_unfinished(&self.selected).await?;
        }
        self.stop_here()
    }

    async fn try_keys_and_code(&mut self) -> Result<()> {
        self.target.add_foreign_keys(&self.selected, self.options, &mut self.made).await?;
        self.target.make_histograms(&self.selected, &mut self.made).await?;
        // What a view may read depends on its definer's rights.
        self.users.grant(&mut self.target, self.options).await?;
        self.target.make_objects(&self.selected, Stage::Code, self.repeated, &mut self.made).await?;
        self.users.grant_rest(&mut self.target).await
    }

    /// Reads every range back from the target and compares its digest; none where that was not asked for, or no
    /// rows were.
    pub async fn prove(&mut self) -> Result<Option<Proof>> {
        if self.options.proof == ProofMode::None || self.options.no_data {
            return Ok(None);
        }
        self.phases.enter("proof", self.selected.rows(), self.selected.bytes());
        let mut tables = crate::command::verify::proof_tables(&self.selected);
        // All rows that were made are the backup's; the condition that they were taken under is text of the repository.
        tables.iter_mut().for_each(|table| table.condition.clear());
        let mut lost = 0;
        let readers = loop {
            match Readers::on(&self.options.target, &mut self.target.session).await {
                Ok(readers) => break readers,
                Err(error) => drop(self.control_again(error, &mut lost).await?),
            }
        };
        let (workers, tables) = (self.effort.workers, Arc::new(tables));
        let proving = readers.prove(tables, workers, self.progress.clone(), self.stop.clone());
        self.sessions.beside(&mut self.target.session, proving).await.map(Some)
    }

    /// Makes triggers, then events.
    pub async fn make_triggers_and_events(&mut self) -> Result<()> {
        self.phases.enter("objects", 0, 0);
        let mut lost = 0;
        while let Err(error) = self.try_triggers_and_events().await {
            self.control_again(error, &mut lost).await?;
            self.target.put_collations_back().await?;
        }
        // A statement that was ended reads as one that the target refused.
        self.stop_here()
    }

    async fn try_triggers_and_events(&mut self) -> Result<()> {
        self.target.make_objects(&self.selected, Stage::Triggers, self.repeated, &mut self.made).await?;
        self.target.make_objects(&self.selected, Stage::Events, self.repeated, &mut self.made).await
    }

    /// Removes the ledger: the run is complete.
    pub async fn remove_ledger(&mut self) -> Result<()> {
        let mut lost = 0;
        while let Err(error) = ledger::remove(&mut self.target.session).await {
            self.control_again(error.into(), &mut lost).await?;
        }
        Ok(())
    }

    /// A control session in place of the one that a step lost; the step is then taken again, and finds what it has made
    /// already: returns what the ledger says of that. Any other error is given back, and that of a run with users, whose
    /// grants are counted as they are given.
    async fn control_again(&mut self, error: Error, lost: &mut u32) -> Result<Option<Progressed>> {
        *lost += 1;
        if error.exit() != Exit::ServerLost || *lost > limits::LOST_TRIES || self.options.users {
            return Err(error);
        }
        self.progress.note(&format!("the control session was lost and is opened anew: {error}"));
        self.repeated = true;
        if !self.sessions.renew(&mut self.target.session).await? {
            return Err(error);
        }
        let progressed = ledger::find(&mut self.target.session, &run_id(&self.backup, self.options)).await?;
        self.target.own = progressed.clone().unwrap_or_default();
        Ok(progressed)
    }

    /// Records in the repository that the backup was proved, where all of it came back and every digest was equal.
    pub async fn record_proof(&mut self, repository: &Repository, proof: Option<&Proof>) {
        let Run { options, made, .. } = self;
        let all = options.selection == Selection::default() && !options.no_objects && made.not_created.is_empty();
        if all && proof.is_some_and(Proof::holds) {
            let recorded = record(repository, std::slice::from_ref(&self.backup), ProofKind::Proved).await;
            made.notes.extend(recorded);
        }
    }

    /// Points the target at its source, where that was asked for; returns why it did not go.
    pub async fn configure_replication(&mut self, gtid: &GtidOutcome) -> Option<Attached> {
        let plan = self.replicate.as_ref()?;
        self.phases.enter("replication", 0, 0);
        replicate::configure(plan, &mut self.target, gtid).await
    }

    /// Starts the replication that was configured.
    pub async fn start_replication(&mut self, not_configured: Option<Attached>) -> Option<Attached> {
        let plan = self.replicate.as_ref()?;
        match not_configured {
            Some(failed) => Some(failed),
            None => Some(replicate::start_threads(plan, &mut self.target, &self.stop).await),
        }
    }

    fn stop_here(&self) -> Result<()> {
        match self.stop.stopped() {
            true => Err(Error::from(LoadError::Interrupted)),
            false => Ok(()),
        }
    }
}

/// The same backup, selection and names give the same run, which may go on where it was cut off.
pub(super) fn run_id(backup: &Found, options: &RestoreOptions) -> RunId {
    let selection = &options.selection;
    let scope = format!(
        "{:?}{:?}{:?}{:?}{:?}{}{}{:?}{:?}{}",
        selection.databases,
        selection.exclude_databases,
        selection.tables,
        selection.exclude_tables,
        options.renames,
        options.no_data,
        options.no_objects,
        options.definers,
        options.events,
        options.users
    );
    RunId {
        backup: backup.manifest.id.clone(),
        manifest: backup.hash.clone(),
        scope: blake3::hash(scope.as_bytes()).to_hex().to_string(),
    }
}

/// Of all settings of an ALTER the buffer alone buys something: fewer bytes written, and least CPU at 64 MiB (measured).
/// All buffers together stay within the target's memory that may be used: smaller ones first, then fewer ALTERs at once.
fn index_options(workers: usize, memory_bytes: u64) -> IndexOptions {
    let threads = workers.clamp(1, 16) as u32;
    let share = memory_bytes / workers.max(1) as u64;
    let smallest = memory_bytes.clamp(limits::DDL_BUFFER_BYTES_MIN, limits::DDL_BUFFER_BYTES_SMALL);
    let buffer_bytes = share.clamp(smallest, limits::DDL_BUFFER_BYTES);
    let at_once = (memory_bytes / buffer_bytes).clamp(1, workers.max(1) as u64) as usize;
    IndexOptions { ddl_threads: threads, read_threads: threads, buffer_bytes, at_once }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_all_alters_stay_within_the_targets_memory() {
        let cases = [
            // workers, memory: buffer of one, how many at once
            (2, 1 << 30, 64 << 20, 2),
            (16, 1 << 30, 64 << 20, 16),
            (64, 1 << 30, 16 << 20, 64),
            (4, 100 << 20, 25 << 20, 4),
            (4, 10 << 20, 4 << 20, 2),
            (4, 4 << 20, 4 << 20, 1),
            (4, 1 << 20, 1 << 20, 1),
            (4, 64 << 10, 64 << 10, 1),
            // Less than a server takes: the least that it does.
            (4, 1000, 64 << 10, 1),
            (1, 1 << 40, 64 << 20, 1),
        ];
        for (workers, memory_bytes, buffer_bytes, at_once) in cases {
            let options = index_options(workers, memory_bytes);
            assert_eq!((options.buffer_bytes, options.at_once), (buffer_bytes, at_once), "{workers} {memory_bytes}");
        }
    }
}
