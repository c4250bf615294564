//! `myriad restore`: a backup onto a server, in parallel, and proved.

pub mod abort;
mod admission;
mod external;
mod first;
mod gtid;
mod keys;
mod missing;
mod objects;
mod phases;
mod plan;
mod prediction;
mod primary_keys;
mod put_back;
mod replicate;
mod report;
mod standing;
mod steps;
mod target;
mod tuning;
pub(crate) mod users;

pub use first::{FirstTable, Late};
pub use missing::Missing;
pub use phases::Moment;
pub use replicate::{Attached, Continuation};
pub use report::{RestoreDone, RestoreReport};
pub use standing::{FailedTable, Step, Waiting};

use crate::command::options::{BackupChoice, RestoreOptions};
use crate::command::selected::{self, Selected};
use crate::error::{Error, Result};
use crate::guard;
use crate::limits;
use crate::load::ledger::{self, Progressed};
use crate::load::{LoadError, LoadTable, Loaded, RunSessions};
use crate::manifest::repository::Found;
use crate::manifest::{Repository, proofs};
use crate::progress::{Progress, Stop};
use crate::server::raw::RawSession;
use crate::server::{ConnectOptions, ServerError, Session, inspect};
use crate::store::{self, Store};
use crate::verify::{self, Proof, ProofTable};
use admission::Admitted;
use gtid::GtidOutcome;
use phases::Phases;
use plan::Effort;
use prediction::Prediction;
use standing::{Names, Standings};
use std::sync::Arc;
use steps::Run;
use target::{Made, Target};
use users::Users;

/// Restores a backup.
pub async fn run(options: &RestoreOptions, progress: Arc<dyn Progress>, stop: Stop) -> Result<RestoreReport> {
    run_from(store::open(&options.repo, false).await?, options, progress, stop).await
}

/// Restores a backup out of a store.
pub async fn run_from(
    store: Arc<dyn Store>,
    options: &RestoreOptions,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<RestoreReport> {
    let mut phases = Phases::begin(progress.clone());
    first::check(options)?;

    // What is to be restored?
    let repository = Repository::open(store).await?;
    let backup = choose(&repository, options.name.as_deref(), &options.backup).await?;
    let (selection, renames) = (&options.selection, &options.renames);
    let selected = selected::read(&repository, &backup.manifest, selection, renames, !options.no_objects).await?;

    // Who is the target, and may it be touched?
    let mut target = Target::connect(options, &backup.manifest).await?;
    let selected = as_it_will_be(selected, options, &mut target)?;
    let first = first::find(options, &selected)?;
    let mut users = Users::read(&repository, &backup.manifest, options, &mut target).await?;
    phases.enter("guard", 0, 0);
    let asked = admission::ask(&mut target, options, &backup, &selected, &mut users).await?;
    // The plan is made before the guard looks again.
    let effort = plan::effort(options, &selected, progress.as_ref());
    let prediction =
        predicted(&repository, &backup, (&selected, asked.progressed.as_ref()), options, &target, &effort).await;
    let fits = plan::check_json_types(&selected, &target.facts);
    let Admitted { admission, findings, progressed } =
        asked.decide(&mut target, options, &prediction, &stop, &phases).await?;
    fits?;
    let (source, beside_live_data) = (&backup.manifest.server, admission.beside_live_data);
    target.leave_out_binary_log(options, source, beside_live_data, progressed.as_ref()).await?;
    let replicate = replicate::plan(&backup, options, &mut target, progressed.is_some()).await?;
    let in_use = tuning::in_use(&target.facts, source, &admission, &findings);
    let redo_off = tuning::redo_off(&mut target, options, progressed.as_ref(), in_use).await?;
    // Only now is anything changed there, and first of all what a dead run has left.
    let progressed = match options.dry_run {
        true => progressed,
        false => admission::take_over(&mut target, options, &backup).await?,
    };
    let tuning = tuning::plan(&mut target, options, redo_off, in_use).await?;
    plan::check_rows_fit(&selected, target.way, target.facts.max_allowed_packet, &options.target)?;
    let settings = tuning.changes.clone();
    let foreseen = plan::Foreseen { prediction, findings: findings.clone(), settings, first: &first };
    let plan = Box::new(plan::make(options, &backup, &selected, &target, effort.workers, foreseen));
    if options.dry_run {
        return Ok(RestoreReport::Plan(plan));
    }
    plan.before().iter().for_each(|line| progress.note(line));
    let (made, names) = (Made::default(), Names::of(&selected));
    let sessions = Arc::new(RunSessions::new(&options.target, target.skip_binlog, &target.session, &stop));
    let run = Run {
        options,
        backup,
        selected,
        users,
        target,
        sessions,
        tuning,
        effort,
        phases,
        made,
        admission,
        findings,
        plan,
        progressed: Progressed::default(),
        standings: Standings::default(),
        names,
        first,
        loaded: Loaded::default(),
        proof: None,
        replicate,
        progress,
        stop,
    };
    carry_out(run, &repository, progressed).await
}

/// What is predicted by the rates of the last restore of this source, where there was one; not worth an error.
async fn predicted(
    repository: &Repository,
    backup: &Found,
    (selected, progressed): (&Selected, Option<&Progressed>),
    options: &RestoreOptions,
    target: &Target,
    effort: &Effort,
) -> Prediction {
    let free = guard::free_bytes(&target.facts, &options.target);
    let rates = proofs::last_rates(repository, &backup.manifest.name).await.unwrap_or_default();
    prediction::predict(selected, progressed, options, effort.workers, free, rates)
}

/// What is chosen, with the definers, directories and names that it will have on the target.
fn as_it_will_be(mut selected: Selected, options: &RestoreOptions, target: &mut Target) -> Result<Selected> {
    let notes = objects::change(&mut selected, options, &target.rights.account)?;
    target.notes.extend(notes);
    target.notes.extend(external::change(&mut selected, options)?);
    target::fold_names(selected, &target.facts)
}

/// All steps of a restore that was admitted, and its end. The likely cause of a refusal is said with it.
async fn carry_out(run: Run<'_>, repository: &Repository, progressed: Option<Progressed>) -> Result<RestoreReport> {
    let other_family = target::other_family(&run.backup.manifest.server, &run.target.facts);
    match (to_its_end(run, repository, progressed).await, other_family) {
        (Ok(report), Some(cause)) => Ok(report.hint(&cause)),
        (done, cause) => done.map_err(|error| cause.into_iter().fold(error, Error::hint)),
    }
}

async fn to_its_end(
    mut run: Run<'_>,
    repository: &Repository,
    progressed: Option<Progressed>,
) -> Result<RestoreReport> {
    let watcher = tokio::spawn(end_late_statements(run.options.target.clone(), run.stop.clone()));
    let done = all_steps(&mut run, repository, progressed).await;
    watcher.abort();
    match done {
        Ok(Ended::Complete(complete)) => Ok(report::done(run, complete)),
        Ok(Ended::Incomplete(waiting)) => Ok(report::incomplete(run, waiting)),
        Err(_) if run.stop.stopped() => {
            let stopped = run.phases.stopped();
            Err(run.broken_off(stopped).await)
        }
        Err(error) => Err(run.broken_off(error).await),
    }
}

/// How the steps ended, where nothing broke them off.
enum Ended {
    /// All is there.
    Complete(Complete),
    /// Tables have failed; the others are usable.
    Incomplete(Vec<Waiting>),
}

/// What comes to light at the end of a restore that is complete.
struct Complete {
    gtid: GtidOutcome,
    attached: Option<Attached>,
    /// Lines that put dropped tables back where they were.
    put_back: Vec<String>,
}

async fn all_steps(run: &mut Run<'_>, repository: &Repository, progressed: Option<Progressed>) -> Result<Ended> {
    // Users and roles before anything that they define.
    run.prepare(progressed).await?;
    // What is wanted most, to its proof, before anything else is begun.
    run.bring_first(repository).await?;
    // Bare tables: the clustered key only, so that rows go in fast; small ones whole.
    run.phases.enter("schema", 0, 0);
    let tables = run.make_tables(&run.rest()).await?;
    // Rows, and each table's indexes as soon as its last row is in; the target's settings are changed for this alone.
    run.tune(&tables).await?;
    let rows = tables.iter().flat_map(|table| &table.chunks).map(|chunk| chunk.rows).sum();
    run.phases.enter("rows", rows, tables.iter().map(LoadTable::bytes).sum());
    run.load(repository, tables).await?;
    run.put_back().await?;
    // Foreign keys once all tables are whole; grants on them; then code and views.
    run.make_keys_and_code().await?;
    // Proof before anything can fire: triggers and events come after it.
    run.prove_rest().await?;
    run.make_triggers_and_events().await?;
    if run.standings.incomplete() {
        return Ok(Ended::Incomplete(run.end_incomplete().await?));
    }
    // Where the target continues in the source's history, as the last step.
    let (proved, resumed) = (run.proof.as_ref().is_some_and(Proof::holds), run.admission.resumed);
    let gtid = gtid::decide(&run.backup, run.options, &mut run.target, proved, resumed).await?;
    let put_back = put_back::lines(&run.selected, run.options, &mut run.target).await?;
    let not_configured = run.configure_replication(&gtid).await;
    run.remove_ledger().await?;
    run.record_proof(repository).await;
    let attached = run.start_replication(not_configured).await;
    Ok(Ended::Complete(Complete { gtid, attached, put_back }))
}

/// Once a stop is asked for, ends the statements of the run's own session that go on for long: one that waits for a table that
/// somebody holds, a foreign key of a large table. What they leave undone is made by the next run.
async fn end_late_statements(target: ConnectOptions, stop: Stop) -> Result<(), LoadError> {
    while !stop.stopped() {
        tokio::time::sleep(limits::STOP_PAUSE).await;
    }
    tokio::time::sleep(limits::STOP_WAIT).await;
    let mut session = Session::connect(&target).await?;
    loop {
        ledger::interrupt(&mut session).await?;
        ledger::end_workers(&mut session).await?;
        tokio::time::sleep(limits::STOP_WAIT).await;
    }
}

/// The backup that a choice means.
pub(crate) async fn choose(repository: &Repository, name: Option<&str>, choice: &BackupChoice) -> Result<Found> {
    let id = match choice {
        BackupChoice::Latest => None,
        BackupChoice::Id(id) => Some(id.as_str()),
    };
    Ok(repository.choose(name, id).await?)
}

/// How raw sessions with all settings of a reader are opened on a server.
#[derive(Clone)]
pub(crate) struct Readers {
    options: ConnectOptions,
    statements: Vec<String>,
}

impl Readers {
    /// `session` tells which settings the server knows.
    pub async fn on(options: &ConnectOptions, session: &mut Session) -> Result<Readers> {
        let mut statements = inspect::reader_statements(session).await?;
        // What they ask is made of texts of the repository: whatever it says, the server lets them write nothing.
        statements.push("SET SESSION TRANSACTION READ ONLY".into());
        Ok(Readers { options: options.clone(), statements })
    }

    /// One session. Blocks.
    pub fn open(&self) -> Result<RawSession, ServerError> {
        let mut session = RawSession::connect(&self.options)?;
        for statement in &self.statements {
            session.execute(statement.as_bytes())?;
        }
        Ok(session)
    }

    /// Reads everything back and compares it, over so many sessions.
    pub async fn prove(
        self,
        tables: Arc<Vec<ProofTable>>,
        sessions: usize,
        progress: Arc<dyn Progress>,
        stop: Stop,
    ) -> Result<Proof> {
        let proving = tokio::task::spawn_blocking(move || {
            verify::server::prove(&tables, sessions, &|| self.open(), progress.as_ref(), &stop)
        });
        Ok(proving.await.expect("proving does not panic")?)
    }
}
