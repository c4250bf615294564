//! The steps of a restore that was admitted, in the order in which they are taken: bare tables, rows, keys and code,
//! proof, triggers and events. Each leaves the target in a state that the next run can go on from.

use super::phases::Phases;
use super::plan::Effort;
use super::prediction::Prediction;
use super::reader_sessions;
use super::target::{Made, Target};
use super::users::Users;
use crate::command::options::{ProofMode, RestoreOptions};
use crate::command::selected::Selected;
use crate::error::{Error, Result};
use crate::guard::{Admission, Finding};
use crate::load::indexes::IndexOptions;
use crate::load::ledger::{self, Progressed, RunId};
use crate::load::objects::Stage;
use crate::load::{self, LoadError, LoadOptions, LoadTable, Loaded};
use crate::manifest::Repository;
use crate::manifest::repository::Found;
use crate::progress::{Progress, Stop};
use crate::verify::{self, Proof};
use std::sync::Arc;

/// A restore that was admitted to its target.
pub(super) struct Run<'a> {
    pub options: &'a RestoreOptions,
    pub backup: Found,
    pub selected: Selected,
    pub users: Users,
    pub target: Target,
    pub effort: Effort,
    pub phases: Phases,
    pub made: Made,
    /// What the guard says of the target.
    pub admission: Admission,
    /// What the guard found, with what was overridden.
    pub findings: Vec<Finding>,
    pub prediction: Prediction,
    pub progress: Arc<dyn Progress>,
    pub stop: Stop,
}

impl Run<'_> {
    /// Makes schemas and bare tables; returns what is to be loaded into them.
    pub async fn make_tables(&mut self, progressed: Option<Progressed>) -> Result<Vec<LoadTable>> {
        self.phases.enter("schema", 0, 0);
        let Run { options, selected, target, made, .. } = self;
        let progressed = match progressed {
            Some(progressed) => progressed,
            None => {
                ledger::create(&mut target.session, &run_id(&self.backup, options)).await?;
                Progressed::default()
            }
        };
        self.users.create(target).await?;
        target.make_schemas(selected, made).await?;
        if options.overrides.drop_existing {
            target.drop_existing(selected, &progressed).await?;
        }
        let tables = target.make_tables(selected, &progressed, self.effort.workers, options, made).await?;
        self.stop_here()?;
        Ok(tables)
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
            skip_binlog: self.target.skip_binlog,
            indexes: index_options(self.effort.workers),
        };
        let loaded = load::run(tables, repository, &options, &self.progress, &self.stop).await?;
        self.made.notes.extend(loaded.notes.iter().cloned());
        Ok(loaded)
    }

    /// Makes foreign keys, sets histograms, gives grants, makes routines and views.
    pub async fn make_keys_and_code(&mut self) -> Result<()> {
        self.phases.enter("keys", 0, 0);
        self.target.add_foreign_keys(&self.selected, self.options, &mut self.made).await?;
        self.target.make_histograms(&self.selected, &mut self.made).await?;
        // What a view may read depends on its definer's rights.
        self.users.grant(&mut self.target, self.options).await?;
        self.target.make_objects(&self.selected, Stage::Code, self.admission.resumed, &mut self.made).await?;
        self.users.grant_rest(&mut self.target).await?;
        self.stop_here()
    }

    /// Reads every range back from the target and compares its digest; none where that was not asked for, or no
    /// rows were.
    pub async fn prove(&mut self) -> Result<Option<Proof>> {
        if self.options.proof == ProofMode::None || self.options.no_data {
            return Ok(None);
        }
        self.phases.enter("proof", self.selected.rows(), self.selected.bytes());
        let tables = crate::command::verify::proof_tables(&self.selected);
        let workers = self.effort.workers;
        let sessions = reader_sessions(&self.options.target, workers, &mut self.target.session).await?;
        let (progress, stop) = (self.progress.clone(), self.stop.clone());
        let proving =
            tokio::task::spawn_blocking(move || verify::server::prove(&tables, sessions, progress.as_ref(), &stop));
        Ok(Some(proving.await.expect("proving does not panic")?))
    }

    /// Makes triggers, then events.
    pub async fn make_triggers_and_events(&mut self) -> Result<()> {
        self.phases.enter("objects", 0, 0);
        self.target.make_objects(&self.selected, Stage::Triggers, self.admission.resumed, &mut self.made).await?;
        self.target.make_objects(&self.selected, Stage::Events, self.admission.resumed, &mut self.made).await
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
fn index_options(workers: usize) -> IndexOptions {
    let threads = workers.clamp(1, 16) as u32;
    IndexOptions { ddl_threads: threads, read_threads: threads, buffer_bytes: 64 << 20 }
}
