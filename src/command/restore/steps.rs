//! The steps of a restore that was admitted, in the order in which they are taken: bare tables, rows, keys and code,
//! proof, triggers and events. Each leaves the target in a state that the next run can go on from.

use super::Readers;
use super::first::First;
use super::gtid::GtidOutcome;
use super::phases::Phases;
use super::plan::Effort;
use super::replicate::{self, Attached};
use super::report::RestorePlan;
use super::standing::{Names, Standings, Waiting};
use super::target::{Made, Target};
use super::tuning::Tuning;
use super::users::Users;
use crate::command::options::{ProofMode, RestoreOptions, Selection};
use crate::command::selected::Selected;
use crate::command::text::counted;
use crate::command::verify::{proof_tables, record};
use crate::error::{Error, Exit, Result};
use crate::guard::{Admission, Finding};
use crate::limits;
use crate::load::indexes::IndexOptions;
use crate::load::ledger::{self, Progressed, RunId};
use crate::load::objects::Stage;
use crate::load::{self, LoadError, LoadOptions, LoadTable, Loaded, RunSessions};
use crate::manifest::Repository;
use crate::manifest::proofs::{ProofKind, Rates};
use crate::manifest::repository::Found;
use crate::progress::{Progress, Stop};
use crate::schema::{ObjectKind, QualifiedName};
use crate::server::inspect::LEDGER_SCHEMA;
use crate::verify::{NotCompared, Proof};
use std::collections::HashSet;
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
    /// What was told before the first change.
    pub plan: Box<RestorePlan>,
    /// What an earlier try has left, or this one over a control session that was lost.
    pub progressed: Progressed,
    /// How each table stands.
    pub standings: Standings,
    /// What names what.
    pub names: Names,
    /// What comes before all others.
    pub first: First,
    /// What was loaded so far.
    pub loaded: Loaded,
    /// What was proved so far.
    pub proof: Option<Proof>,
    /// The replication that begins afterwards, if one was asked for.
    pub replicate: Option<replicate::Plan>,
    pub progress: Arc<dyn Progress>,
    pub stop: Stop,
}

impl Run<'_> {
    /// Begins the ledger or takes back what an earlier try has left half-way; makes users and schemas.
    pub async fn prepare(&mut self, mut progressed: Option<Progressed>) -> Result<()> {
        self.phases.enter("schema", 0, 0);
        let mut lost = 0;
        while let Err(error) = self.try_prepare(progressed).await {
            progressed = Some(self.control_and_ledger_again(error, &mut lost).await?);
        }
        self.stop_here()
    }

    async fn try_prepare(&mut self, progressed: Option<Progressed>) -> Result<()> {
        let Run { options, selected, target, made, .. } = self;
        self.progressed = match progressed {
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
            target.drop_existing(selected, &self.progressed).await?;
        }
        Ok(())
    }

    /// Makes bare tables, by their place among the chosen ones; returns what is to be loaded into them.
    pub async fn make_tables(&mut self, of: &[usize]) -> Result<Vec<LoadTable>> {
        let mut lost = 0;
        let prepared = loop {
            let Run { options, selected, target, made, progressed, sessions, effort, .. } = self;
            let making = target.make_tables((selected, of), progressed, effort.workers, options, sessions, made);
            match making.await {
                Ok(prepared) => break prepared,
                Err(error) => self.progressed = self.control_and_ledger_again(error, &mut lost).await?,
            }
        };
        for place in prepared.kept {
            self.standings.usable.insert(place);
            self.standings.told.insert(place);
            if self.progressed.proved.contains(&self.selected.tables[place].target) {
                self.standings.proved.insert(place);
                self.standings.proved_before.push(place);
            } else {
                self.standings.unproved_before.push(place);
            }
        }
        for failure in &prepared.failures {
            self.progress.note(&format!("failed, the other tables go on: {}", failure.error));
        }
        self.standings.load_failed(&self.selected, prepared.failures, true);
        self.stop_here()?;
        Ok(prepared.tables)
    }

    /// Loads rows and builds late indexes.
    pub async fn load(&mut self, repository: &Repository, tables: Vec<LoadTable>) -> Result<()> {
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
        let mut loaded = self.sessions.beside(&mut self.target.session, loading).await?;
        self.made.notes.append(&mut loaded.notes);
        self.standings.load_failed(&self.selected, std::mem::take(&mut loaded.failures), false);
        self.loaded.add(loaded);
        Ok(())
    }

    /// Places of the tables whose rows and indexes are whole.
    pub(super) fn whole(&self) -> Vec<usize> {
        (0..self.selected.tables.len()).filter(|&place| !self.standings.has_failed(place)).collect()
    }

    /// Makes foreign keys, sets histograms, gives grants, makes routines and views.
    pub async fn make_keys_and_code(&mut self) -> Result<()> {
        self.phases.enter("keys", 0, 0);
        let before = self.first.tables.clone();
        let mut lost = 0;
        while let Err(error) = self.try_keys_and_code().await {
            self.control_again(error, &mut lost).await?;
            self.target.undo_unfinished(&self.selected).await?;
        }
        self.tell_late(&before);
        self.stop_here()
    }

    async fn try_keys_and_code(&mut self) -> Result<()> {
        let whole = self.whole();
        let failed: HashSet<usize> = self.failed();
        self.add_foreign_keys(&whole, &|place| !failed.contains(&place)).await?;
        self.first_keys_there(&|place| !failed.contains(&place));
        let new: Vec<usize> = whole.into_iter().filter(|place| !self.standings.usable.contains(place)).collect();
        self.target.make_histograms(&self.selected, &new, &mut self.made).await?;
        // What a view may read depends on its definer's rights.
        self.users.grant(&mut self.target, self.options).await?;
        // Views that read a table which is not whole would show less than there was, and no error.
        let blocked = self.names.blocked(&self.selected, &self.standings);
        self.standings.left_out = (self.selected.objects.iter().zip(&blocked))
            .map(|((object, _), blocked)| object.kind == ObjectKind::View && !blocked.is_empty())
            .collect();
        let Run { target, selected, made, standings, .. } = self;
        target.make_objects((selected, &|n| !standings.left_out[n]), Stage::Code, made).await?;
        self.users.grant_rest(&mut self.target).await
    }

    fn failed(&self) -> HashSet<usize> {
        (0..self.selected.tables.len()).filter(|&place| self.standings.has_failed(place)).collect()
    }

    /// Proves what is whole and was not proved before. What is usable by now is in use, and no more the backup's for sure.
    pub async fn prove_rest(&mut self) -> Result<()> {
        let known = |place: &usize| self.standings.proved.contains(place) || self.standings.usable.contains(place);
        let rest: Vec<usize> = self.whole().into_iter().filter(|place| !known(place)).collect();
        if self.proves() {
            self.phases.enter("proof", rows_of(&self.selected, &rest), bytes_of(&self.selected, &rest));
        }
        self.prove(&rest).await?;
        self.stop_here()?;
        self.count_proved_before();
        self.name_unproved_before();
        Ok(())
    }

    fn proves(&self) -> bool {
        self.options.proof != ProofMode::None && !self.options.no_data
    }

    /// Reads every range of some tables back from the target and compares its digest; nothing where that was not asked for,
    /// or no rows were. Those that differ have failed.
    pub async fn prove(&mut self, of: &[usize]) -> Result<()> {
        if !self.proves() {
            return Ok(());
        }
        let mut tables = proof_tables(of.iter().map(|&place| &self.selected.tables[place]));
        // All rows that were made are the backup's; the condition that they were taken under is text of the repository.
        tables.iter_mut().for_each(|table| table.condition.clear());
        let mut lost = 0;
        let readers = loop {
            match Readers::on(&self.options.target, &mut self.target.session).await {
                Ok(readers) => break readers,
                Err(error) => drop(self.control_again(error, &mut lost).await?),
            }
        };
        let proving = readers.prove(Arc::new(tables), self.effort.workers, self.progress.clone(), self.stop.clone());
        let proof = self.sessions.beside(&mut self.target.session, proving).await?;
        let differing = self.standings.differ(&self.selected, &proof.differences);
        self.standings.proved.extend(of.iter().filter(|place| !differing.contains(place)));
        // What is in use is not emptied, whatever stands in it by now.
        let anew = differing.iter().filter(|place| !self.standings.usable.contains(place));
        let names: Vec<_> = anew.map(|&place| &self.selected.tables[place].target).collect();
        ledger::tables_differ(&mut self.target.session, &names).await?;
        self.proof.get_or_insert_default().add(proof);
        Ok(())
    }

    /// What an earlier try has proved counts with the rest.
    fn count_proved_before(&mut self) {
        let places = std::mem::take(&mut self.standings.proved_before);
        if let (Some(proof), false) = (&mut self.proof, places.is_empty()) {
            let tables = proof_tables(places.iter().map(|&place| &self.selected.tables[place]));
            proof.add_earlier(&tables);
            self.made.notes.push(format!(
                "proved by an earlier try, usable since, and left as they are: {}",
                counted(places.len() as u64, "table")
            ));
        }
    }

    /// What an earlier try has left unproved stays so, and is named.
    fn name_unproved_before(&mut self) {
        let places = std::mem::take(&mut self.standings.unproved_before);
        if !self.proves() {
            return;
        }
        let not_compared = places.iter().map(|&place| NotCompared {
            table: self.selected.tables[place].target.to_string(),
            why: "it is usable since an earlier try that proved nothing (--verify none), and was left as it is".into(),
        });
        self.proof.get_or_insert_default().not_compared.extend(not_compared);
    }

    /// Makes triggers, then events.
    pub async fn make_triggers_and_events(&mut self) -> Result<()> {
        self.phases.enter("objects", 0, 0);
        let before = self.first.tables.clone();
        let mut lost = 0;
        while let Err(error) = self.try_triggers_and_events().await {
            self.control_again(error, &mut lost).await?;
            self.target.put_collations_back().await?;
        }
        self.tell_late(&before);
        // A statement that was ended reads as one that the target refused.
        self.stop_here()
    }

    /// Where a table is not whole: triggers that name none such. Events wait until everything is there.
    async fn try_triggers_and_events(&mut self) -> Result<()> {
        let blocked = self.names.blocked(&self.selected, &self.standings);
        let of_kind = |kind| {
            let objects = self.selected.objects.iter().enumerate();
            objects.filter(move |(_, (object, _))| object.kind == kind).map(|(n, _)| n)
        };
        let wanted = of_kind(ObjectKind::Trigger).filter(|n| !self.first.triggers_made.contains(n));
        let (ready, waiting): (Vec<usize>, Vec<usize>) = wanted.partition(|&n| blocked[n].is_empty());
        let ready: HashSet<usize> = ready.into_iter().collect();
        self.make_triggers(&ready).await?;
        let named = waiting.into_iter().map(|n| (n, blocked[n].iter().cloned().collect()));
        self.first_triggers_there(ready.iter().map(|&n| (n, Vec::new())).chain(named).collect());
        self.note_missing().await?;
        if self.standings.incomplete() {
            return Ok(());
        }
        let Run { target, selected, made, .. } = self;
        target.make_objects((selected, &|_| true), Stage::Events, made).await
    }

    /// Removes the ledger: the run is complete.
    pub async fn remove_ledger(&mut self) -> Result<()> {
        let mut lost = 0;
        while let Err(error) = ledger::remove(&mut self.target.session).await {
            // Whether it came through is not known; the same command then refuses, since what it would make is there.
            let restored = format!(
                "all of the backup is restored; if the target holds no schema {LEDGER_SCHEMA}, nothing is left to do"
            );
            self.control_again(error.into(), &mut lost).await.map_err(|error| error.hint(restored))?;
        }
        Ok(())
    }

    /// The end of a run in which tables have failed. The ledger stays, and says which tables and views somebody may be using
    /// by now; returns what was not made since it names what is not there.
    pub async fn end_incomplete(&mut self) -> Result<Vec<Waiting>> {
        let new: Vec<usize> = self.whole().into_iter().filter(|place| !self.standings.usable.contains(place)).collect();
        let mut lost = 0;
        while let Err(error) = self.record_what_is_usable(&new).await {
            self.control_again(error, &mut lost).await?;
        }
        self.standings.usable.extend(new);
        Ok(self.names.waiting(&self.selected, &self.standings))
    }

    async fn record_what_is_usable(&mut self, new: &[usize]) -> Result<()> {
        self.record_usable(new).await?;
        let blocked = self.names.blocked(&self.selected, &self.standings);
        let views = self.selected.objects.iter().zip(&blocked);
        let views = views.filter(|((object, _), blocked)| object.kind == ObjectKind::View && blocked.is_empty());
        let views: Vec<_> = views.map(|((view, schema), _)| QualifiedName::new(schema, &view.name.name)).collect();
        let refused = |view: &QualifiedName| {
            self.made.not_created.iter().any(|not| not.kind == ObjectKind::View && not.name == *view)
        };
        let there: Vec<&QualifiedName> = views.iter().filter(|view| !refused(view)).collect();
        Ok(ledger::usable(&mut self.target.session, &there, false).await?)
    }

    /// [`Run::control_again`] for a step that goes by the ledger: without one nothing was made yet, or somebody else has ended
    /// this run: neither is gone on from.
    async fn control_and_ledger_again(&mut self, error: Error, lost: &mut u32) -> Result<Progressed> {
        let why = Error::new(error.exit(), error.to_string());
        self.control_again(error, lost).await?.ok_or(why)
    }

    /// A control session in place of the one that a step lost; the step is then taken again, and finds what it has made
    /// already: returns what the ledger says of that. Any other error is given back, and that of a run with users, whose
    /// grants are counted as they are given.
    pub(super) async fn control_again(&mut self, error: Error, lost: &mut u32) -> Result<Option<Progressed>> {
        *lost += 1;
        if error.exit() != Exit::ServerLost || *lost > limits::LOST_TRIES || self.options.users {
            return Err(error);
        }
        self.progress.note(&format!("the control session was lost and is opened anew: {error}"));
        if !self.sessions.renew(&mut self.target.session).await? {
            return Err(error);
        }
        let progressed = ledger::find(&mut self.target.session, &run_id(&self.backup, self.options)).await?;
        self.target.own = progressed.clone().unwrap_or_default();
        Ok(progressed)
    }

    /// Records in the repository that the backup was proved, where all of it came back and every digest was equal.
    pub async fn record_proof(&mut self, repository: &Repository) {
        let Run { options, made, proof, .. } = self;
        let all = options.selection == Selection::default() && !options.no_objects && made.not_created.is_empty();
        if all && proof.as_ref().is_some_and(Proof::holds) {
            let rates = self.rates();
            let recorded = record(repository, std::slice::from_ref(&self.backup), ProofKind::Proved, rates).await;
            self.made.notes.extend(recorded);
        }
    }

    /// Points the target at its source, where that was asked for; returns why it did not go.
    pub async fn configure_replication(&mut self, gtid: &GtidOutcome) -> Option<Attached> {
        let plan = self.replicate.as_ref()?;
        self.phases.enter("replication", 0, 0);
        let proved = self.proof.as_ref().is_some_and(Proof::holds);
        replicate::configure(plan, &mut self.target, gtid, proved).await
    }

    /// Starts the replication that was configured.
    pub async fn start_replication(&mut self, not_configured: Option<Attached>) -> Option<Attached> {
        let plan = self.replicate.as_ref()?;
        match not_configured {
            Some(failed) => Some(failed),
            None => Some(replicate::start_threads(plan, &mut self.target, &self.stop).await),
        }
    }

    /// What this run took, where it did everything itself and in one go, and enough of it to tell.
    fn rates(&self) -> Option<Rates> {
        let bytes = self.loaded.bytes;
        let whole = bytes == self.selected.bytes() && bytes >= limits::RATES_BYTES_MIN && self.first.tables.is_empty();
        let (load_seconds, proof_seconds) = (self.phases.seconds("rows")?, self.phases.seconds("proof")?);
        whole.then_some(Rates { threads: self.effort.workers as u64, bytes, load_seconds, proof_seconds })
    }

    pub(super) fn stop_here(&self) -> Result<()> {
        match self.stop.stopped() {
            true => Err(Error::from(LoadError::Interrupted)),
            false => Ok(()),
        }
    }
}

/// Rows of some of the chosen tables.
pub(super) fn rows_of(selected: &Selected, places: &[usize]) -> u64 {
    places.iter().flat_map(|&place| selected.tables[place].chunks.iter().flatten()).map(|chunk| chunk.rows).sum()
}

/// Their bytes of row text.
pub(super) fn bytes_of(selected: &Selected, places: &[usize]) -> u64 {
    places.iter().flat_map(|&place| selected.tables[place].chunks.iter().flatten()).map(|chunk| chunk.bytes).sum()
}

/// The same backup, selection and names give the same run, which may go on where it was cut off. What `--first` names changes the
/// order alone.
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
