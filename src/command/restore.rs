//! `myriad restore`: a backup onto a server, in parallel, and proved.

mod gtid;
mod phases;
mod plan;
mod report;
mod target;

pub use report::{RestoreDone, RestoreReport};

use crate::command::options::{BackupChoice, GtidPurged, ProofMode, RestoreOptions};
use crate::command::selected::{self, Selected};
use crate::error::{Error, Exit, Result};
use crate::guard::{self, FindingKind, Intent};
use crate::load::indexes::IndexOptions;
use crate::load::ledger::{self, Progressed, RunId};
use crate::load::objects::Stage;
use crate::load::{self, LoadOptions};
use crate::manifest::Repository;
use crate::manifest::repository::Found;
use crate::progress::{Progress, Stop};
use crate::server::facts::ServerFacts;
use crate::server::raw::RawSession;
use crate::server::{ConnectOptions, ServerError, inspect};
use crate::store;
use crate::verify::{self, Proof};
use phases::Phases;
use std::sync::Arc;
use target::{Made, Target};

/// Restores a backup.
pub async fn run(options: &RestoreOptions, progress: Arc<dyn Progress>, stop: Stop) -> Result<RestoreReport> {
    let mut phases = Phases::begin(progress.clone());

    // What is to be restored?
    let repository = Repository::open(store::open(&options.repo, false).await?).await?;
    let backup = choose(&repository, options.name.as_deref(), &options.backup).await?;
    let manifest = &backup.manifest;
    let selected =
        selected::read(&repository, manifest, &options.selection, &options.renames, !options.no_objects).await?;

    // Who is the target, and may it be touched?
    let mut target = Target::connect(options, manifest).await?;
    ledger::lock(&mut target.session).await?;
    let run = run_id(&backup, options);
    let progressed = ledger::find(&mut target.session, &run).await?;
    let findings = guard::inspect(&mut target.session, &intent(&backup, &selected, progressed.as_ref())).await?;
    let overridden = |kind| match kind {
        FindingKind::IsSource => options.overrides.source,
        FindingKind::HasReplicas => options.overrides.replicas,
        FindingKind::NamesInTheWay => options.overrides.drop_existing,
    };
    if let Some(refusal) = guard::refusal(&findings, overridden) {
        return Err(refusal);
    }
    let effort = plan::effort(options, &selected, progress.as_ref());
    plan::check_rows_fit(&selected, target.way, &options.target)?;
    if options.dry_run {
        return Ok(plan::report(options, &backup, &selected, &target, effort.workers));
    }

    // Bare tables: the clustered key only, so that rows go in fast.
    phases.enter("schema", 0, 0);
    let (progressed, resumed) = match progressed {
        Some(progressed) => (progressed, true),
        None => {
            ledger::create(&mut target.session, &run).await?;
            (Progressed::default(), false)
        }
    };
    let mut made = Made::default();
    target.make_schemas(&selected, &mut made).await?;
    if options.overrides.drop_existing {
        target.drop_existing(&selected, &progressed).await?;
    }
    let tables = target.make_tables(&selected, &progressed, effort.workers, options, &mut made).await?;
    stop_here(&stop)?;

    // Rows, and each table's indexes as soon as its last row is in.
    phases.enter(
        "rows",
        tables.iter().flat_map(|t| &t.chunks).map(|c| c.rows).sum(),
        tables.iter().map(|t| t.bytes()).sum(),
    );
    let load_options = LoadOptions {
        target: options.target.clone(),
        workers: effort.workers,
        memory_bytes: effort.memory_bytes,
        way: target.way,
        skip_binlog: target.skip_binlog,
        indexes: index_options(effort.workers),
    };
    let loaded = load::run(tables, &repository, &load_options, &progress, &stop).await?;
    made.notes.extend(loaded.notes.iter().cloned());

    // Foreign keys once all tables are whole; then code and views.
    phases.enter("keys", 0, 0);
    target.add_foreign_keys(&selected, options, &mut made).await?;
    target.make_objects(&selected, Stage::Code, &mut made).await?;
    stop_here(&stop)?;

    // Proof before anything can fire: triggers and events come after it.
    let proof = match options.proof {
        ProofMode::None => None,
        ProofMode::Full => {
            phases.enter("proof", selected.rows(), selected.bytes());
            let proof =
                prove(&selected, &options.target, effort.workers, &mut target, progress.clone(), stop.clone()).await?;
            if !proof.holds() {
                return Ok(report::unproved(
                    options,
                    &backup,
                    &selected,
                    &target,
                    loaded,
                    made,
                    proof,
                    phases.end(),
                    resumed,
                ));
            }
            Some(proof)
        }
    };
    phases.enter("objects", 0, 0);
    target.make_objects(&selected, Stage::Triggers, &mut made).await?;
    target.make_objects(&selected, Stage::Events, &mut made).await?;

    // Where the target continues in the source's history, as the last step.
    let gtid =
        gtid::decide(options.gtid_purged == GtidPurged::Auto, &backup, options, &mut target, proof.is_some()).await?;
    ledger::remove(&mut target.session).await?;
    Ok(report::done(options, &backup, &selected, &target, loaded, made, proof, gtid, phases.end(), resumed))
}

/// The backup that a choice means.
pub(crate) async fn choose(repository: &Repository, name: Option<&str>, choice: &BackupChoice) -> Result<Found> {
    let id = match choice {
        BackupChoice::Latest => None,
        BackupChoice::Id(id) => Some(id.as_str()),
    };
    Ok(repository.choose(name, id).await?)
}

/// The same backup, selection and names give the same run, which may go on where it was cut off.
fn run_id(backup: &Found, options: &RestoreOptions) -> RunId {
    let selection = &options.selection;
    let scope = format!(
        "{:?}{:?}{:?}{:?}{:?}{}{}",
        selection.databases,
        selection.exclude_databases,
        selection.tables,
        selection.exclude_tables,
        options.renames,
        options.no_data,
        options.no_objects
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
        .filter(|(object, _)| object.kind == crate::schema::ObjectKind::View)
        .map(|(object, schema)| crate::schema::QualifiedName::new(schema, &object.name.name));
    let names = tables.chain(views.clone()).collect();
    // A run that goes on may have made views already; they are made only after all tables.
    let own = progressed.map(|p| p.tables.iter().cloned().chain(views).collect()).unwrap_or_default();
    Intent { source_uuids: backup.manifest.server.server_uuid.iter().cloned().collect(), names, own }
}

/// Of all settings of an ALTER the buffer alone buys something: fewer bytes written, and least CPU at 64 MiB (measured).
fn index_options(workers: usize) -> IndexOptions {
    let threads = workers.clamp(1, 16) as u32;
    IndexOptions { ddl_threads: threads, read_threads: threads, buffer_bytes: 64 << 20 }
}

fn stop_here(stop: &Stop) -> Result<()> {
    match stop.stopped() {
        true => Err(Error::from(load::LoadError::Interrupted)),
        false => Ok(()),
    }
}

/// Reads every range back from the target and compares its digest.
async fn prove(
    selected: &Selected,
    options: &ConnectOptions,
    workers: usize,
    target: &mut Target,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<Proof> {
    let tables = crate::command::verify::proof_tables(selected);
    let sessions = reader_sessions(options, workers, &mut target.session).await?;
    let proving =
        tokio::task::spawn_blocking(move || verify::server::prove(&tables, sessions, progress.as_ref(), &stop));
    Ok(proving.await.expect("proving does not panic")?)
}

/// Raw sessions with all settings of a reader; `session` tells which of them the server knows.
pub(crate) async fn reader_sessions(
    options: &ConnectOptions,
    count: usize,
    session: &mut crate::server::Session,
) -> Result<Vec<RawSession>> {
    let statements = inspect::reader_statements(session).await?;
    let options = options.clone();
    let connecting = tokio::task::spawn_blocking(move || -> Result<Vec<RawSession>, ServerError> {
        let mut sessions = Vec::with_capacity(count);
        for _ in 0..count {
            let mut session = RawSession::connect(&options)?;
            for statement in &statements {
                session.execute(statement.as_bytes())?;
            }
            sessions.push(session);
        }
        Ok(sessions)
    });
    Ok(connecting.await.expect("connecting does not panic")?)
}

/// Refuses names that differ only in case on a target that takes them for the same.
fn check_names(selected: &Selected, facts: &ServerFacts) -> Result<()> {
    if facts.lower_case_table_names == 0 {
        return Ok(());
    }
    let mut seen = std::collections::HashMap::new();
    for table in &selected.tables {
        let folded = table.target.to_string().to_lowercase();
        if let Some(other) = seen.insert(folded, &table.target) {
            let message =
                format!("the target takes {other} and {} for the same table (lower_case_table_names)", table.target);
            return Err(Error::new(Exit::TargetUnfit, message).hint("restore them apart, with --table and --rename"));
        }
    }
    Ok(())
}
