//! The steps of a restore, in the order in which they are taken: admission by the guard, bare tables, rows, keys and
//! code, proof, triggers and events. Each leaves the target in a state that the next run can go on from.

use super::objects;
use super::phases::Phases;
use super::plan::Effort;
use super::primary_keys;
use super::reader_sessions;
use super::target::{Made, Target};
use super::tuning::{self, Tuning};
use super::users::Users;
use crate::command::options::{ProofMode, RestoreOptions};
use crate::command::selected::Selected;
use crate::error::{Error, Result};
use crate::guard::{self, FindingKind, Intent};
use crate::limits;
use crate::load::indexes::IndexOptions;
use crate::load::ledger::{self, Progressed, RunId};
use crate::load::objects::Stage;
use crate::load::{self, LoadError, LoadOptions, LoadTable, Loaded};
use crate::manifest::Repository;
use crate::manifest::repository::Found;
use crate::progress::{Progress, Stop};
use crate::schema::{ObjectKind, QualifiedName};
use crate::settings;
use crate::verify::{self, Proof};
use std::sync::Arc;

/// A restore that was admitted to its target.
pub(super) struct Run<'a> {
    pub options: &'a RestoreOptions,
    pub backup: Found,
    pub selected: Selected,
    pub users: Users,
    pub target: Target,
    pub tuning: Tuning,
    pub effort: Effort,
    pub phases: Phases,
    pub made: Made,
    /// It goes on from an earlier try.
    pub resumed: bool,
    pub progress: Arc<dyn Progress>,
    pub stop: Stop,
}

/// Locks other restores out and asks the guard. Returns what an earlier try of the same run has left.
pub(super) async fn admit(
    target: &mut Target,
    options: &RestoreOptions,
    backup: &Found,
    selected: &Selected,
    users: &mut Users,
) -> Result<Option<Progressed>> {
    settings::check_recovery(&mut target.session).await?;
    ledger::lock(&mut target.session).await?;
    if !options.dry_run {
        ledger::end_workers(&mut target.session).await?;
        // What a dead run had set, whichever that was: its journal is ours to undo.
        target.undone = settings::put_back(&mut target.session).await?;
    }
    let progressed = match ledger::find(&mut target.session, &run_id(backup, options)).await {
        Err(error @ LoadError::OtherRun { .. }) => return Err(tuning::abort_first(error.into(), options)),
        other => other?,
    };
    target.own = progressed.clone().unwrap_or_default();
    let mut findings = guard::inspect(&mut target.session, &intent(backup, selected, progressed.as_ref())).await?;
    findings.extend(users.findings(target, options, progressed.as_ref(), &backup.manifest.server).await?);
    findings.extend(objects::findings(target, selected, &users.names()).await?);
    findings.extend(primary_keys::findings(target, selected, options)?);
    let overridden = |kind| match kind {
        FindingKind::IsSource => options.overrides.source,
        FindingKind::HasReplicas => options.overrides.replicas,
        FindingKind::NamesInTheWay => options.overrides.drop_existing,
        _ => false,
    };
    match guard::refusal(&findings, overridden) {
        Some(refusal) => Err(refusal),
        None => Ok(progressed),
    }
}

impl Run<'_> {
    /// Makes schemas and bare tables; returns what is to be loaded into them.
    pub async fn make_tables(&mut self, progressed: Option<Progressed>) -> Result<Vec<LoadTable>> {
        self.phases.enter("schema", 0, 0);
        let Run { options, selected, target, made, .. } = self;
        let progressed = match progressed {
            Some(progressed) => progressed,
            None => {
                let logged = target.writes_binary_log();
                ledger::create(&mut target.session, &run_id(&self.backup, options), logged).await?;
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
            indexes: index_options(self.effort.workers, self.options.target_memory_bytes),
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
        self.target.make_objects(&self.selected, Stage::Code, &mut self.made).await?;
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
        self.target.make_objects(&self.selected, Stage::Triggers, &mut self.made).await?;
        self.target.make_objects(&self.selected, Stage::Events, &mut self.made).await?;
        // A statement that was ended reads as one that the target refused.
        self.stop_here()
    }

    fn stop_here(&self) -> Result<()> {
        match self.stop.stopped() {
            true => Err(Error::from(LoadError::Interrupted)),
            false => Ok(()),
        }
    }
}

/// The same backup, selection and names give the same run, which may go on where it was cut off.
fn run_id(backup: &Found, options: &RestoreOptions) -> RunId {
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

fn intent(backup: &Found, selected: &Selected, progressed: Option<&Progressed>) -> Intent {
    let tables = selected.tables.iter().map(|table| table.target.clone());
    let views = selected
        .objects
        .iter()
        .filter(|(object, _)| object.kind == ObjectKind::View)
        .map(|(object, schema)| QualifiedName::new(schema, &object.name.name));
    let names = tables.chain(views.clone()).collect();
    let objects = selected.objects.iter().filter(|(object, _)| progressed.is_none() && object.kind != ObjectKind::View);
    let objects =
        objects.map(|(object, schema)| (object.kind, QualifiedName::new(schema, &object.name.name))).collect();
    // A run that goes on may have made views already; they are made only after all tables.
    let own = progressed.map(|p| p.tables.iter().cloned().chain(views).collect()).unwrap_or_default();
    Intent { sources: vec![backup.manifest.server.clone()], names, objects, own }
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
