//! `myriad demo`: two private servers, sample data, a backup under writes, a restore, proof, a second backup,
//! and the times beside mysqldump's. Nothing outside a temporary folder is touched.

mod checks;
mod report;

pub use report::DemoReport;

use crate::bench::dataset::{self, DatasetSpec, Mover};
use crate::bench::rivals::{RivalKind, RivalOptions};
use crate::bench::{self, Contest};
use crate::command::backup::{self, BackupDone};
use crate::command::options::{
    BackupChoice, BackupOptions, Consistency, Definers, Effort, EventChoice, ExistingUsers, GtidPurged, Overrides,
    ProofMode, Redo, RestoreOptions, Selection, Tune,
};
use crate::command::restore;
use crate::error::{Error, Exit, Result};
use crate::limits;
use crate::progress::{Progress, Stop};
use crate::sandbox::{ProgramPaths, Sandbox};
use crate::server::ConnectOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Rows of the sample data at scale 1, over all tables.
const ROWS: f64 = 1_000_000.0;
/// Sessions that write during the backup, and how long each rests after a commit: a busy shop, not a
/// contest for the processor.
const WRITERS: usize = 2;
const WRITER_REST: Duration = Duration::from_millis(2);
/// Transactions committed before the backup begins, so that the writers are well on their way.
const COMMITS_BEFORE: u64 = 50;

/// `myriad demo`.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// `--scale`: 1 is about 1,000,000 rows.
    pub scale: f64,
    /// `--threads`.
    pub threads: usize,
    /// Where mysqld, mysql and mysqldump are looked for.
    pub programs: ProgramPaths,
    /// Where servers and repository lie meanwhile; short, since sockets lie in it.
    pub folder: PathBuf,
    /// This program, for the comparison.
    pub myriad: PathBuf,
    /// `--keep`: leave the servers' data and the repository in place.
    pub keep: bool,
}

/// Shows everything once.
pub async fn run(options: &DemoOptions, progress: Arc<dyn Progress>, stop: Stop) -> Result<DemoReport> {
    // Two servers, and sample data in the first.
    progress.note("starting two private MySQL servers");
    let mut server = bench::server_options(&options.programs, &options.folder);
    server.keep = options.keep;
    let (source_server, target_server) = (bench::start(server.clone()).await?, bench::start(server).await?);
    let (source, target) = (source_server.connect_options(), target_server.connect_options());
    let spec = DatasetSpec::Shop { rows: (ROWS * options.scale) as u64 };
    progress.note("filling the first with the sample data of a shop");
    let data = dataset::fill(spec, dataset::SEED, &source, options.threads, &progress).await?;
    go_on(&stop)?;

    // A backup while writers move money from account to account.
    let repository = source_server.scratch_folder()?.join("repository");
    let before = checks::look_at_source(&source).await?;
    progress.note("backing it up while two writers move money between accounts");
    let mover = Mover::start(&source, &data.schema, WRITERS, WRITER_REST).await?;
    while mover.commits() < COMMITS_BEFORE && mover.running() {
        tokio::time::sleep(WRITER_REST).await;
    }
    let commits_before = mover.commits();
    let first = back_up(options, &source, &repository, &progress, &stop).await?;
    let commits_during = mover.commits() - commits_before;
    mover.stop().await?;
    go_on(&stop)?;

    // Into the second server, proved range by range; then the sums that a shop would look at.
    progress.note("restoring it into the second server");
    let restore = restore_options(options, &target, &repository);
    let restored = restore::run(&restore, progress.clone(), stop.clone()).await?;
    let restored = restored.restore().cloned().ok_or_else(|| unplanned("restore"))?;
    let checks = checks::compare(&before, &first.position.gtid_executed, &restored, &target).await?;
    go_on(&stop)?;

    // What a second backup adds: the writers went on after the first one's snapshot.
    progress.note("backing up a second time");
    let second = back_up(options, &source, &repository, &progress, &stop).await?;

    // The same work beside mysqldump and mysql, on the same servers, which now stand still.
    progress.note("the same again beside mysqldump and mysql, on the same servers");
    let mut rivals = RivalOptions::all(&options.programs, &options.programs);
    rivals.kinds = vec![RivalKind::Mysqldump];
    let contest = Contest {
        source: &source,
        source_server: Some(&source_server),
        target_server: &target_server,
        data: spec.to_string(),
        warm_ups: 0,
        runs: 1,
        threads: options.threads,
        programs: &options.programs,
        rivals: &rivals,
        settings: &[bench::Settings::AsStarted],
        tuned_too: false,
        myriad: &options.myriad,
        tell_losses: false,
    };
    let scoreboard = contest.run(&progress, &stop).await?;
    let kept = options.keep.then(|| run_folder(&source_server).to_owned());
    Ok(DemoReport { data, writers: WRITERS, commits_during, first, restored, checks, second, scoreboard, kept })
}

async fn back_up(
    options: &DemoOptions,
    source: &ConnectOptions,
    repository: &Path,
    progress: &Arc<dyn Progress>,
    stop: &Stop,
) -> Result<BackupDone> {
    let backup = BackupOptions {
        source: source.clone(),
        repo: repository.to_string_lossy().into_owned(),
        name: None,
        selection: Selection::default(),
        effort: effort(options),
        chunk_bytes: limits::CHUNK_BYTES,
        consistency: Consistency::Auto,
        no_data: false,
        no_objects: false,
        users: false,
        conditions: Vec::new(),
        rate_bytes_max: None,
        dry_run: false,
    };
    let report = backup::run(&backup, progress.clone(), stop.clone()).await?;
    report.backup().cloned().ok_or_else(|| unplanned("backup"))
}

fn restore_options(options: &DemoOptions, target: &ConnectOptions, repository: &Path) -> RestoreOptions {
    RestoreOptions {
        target: target.clone(),
        repo: repository.to_string_lossy().into_owned(),
        name: None,
        backup: BackupChoice::Latest,
        selection: Selection::default(),
        renames: Vec::new(),
        first: Vec::new(),
        effort: effort(options),
        no_data: false,
        no_objects: false,
        definers: Definers::default(),
        events: EventChoice::Keep,
        users: false,
        existing_users: ExistingUsers::Refuse,
        log_bin: false,
        gtid_purged: GtidPurged::Auto,
        replicate_from: None,
        proof: ProofMode::Full,
        redo: Redo::Auto,
        tune: Tune::Auto,
        target_memory_bytes: limits::TARGET_MEMORY_BYTES,
        overrides: Overrides::default(),
        dry_run: false,
        command_line: String::new(),
        abort_line: String::new(),
    }
}

fn effort(options: &DemoOptions) -> Effort {
    Effort { threads: options.threads, memory_bytes: limits::MEMORY_BYTES }
}

fn unplanned(verb: &str) -> Error {
    Error::new(Exit::Failure, format!("the {verb} answered with a plan though none was asked for"))
}

/// The folder that holds both servers and the repository.
fn run_folder(server: &Sandbox) -> &Path {
    server.folder().parent().unwrap_or_else(|| server.folder())
}

fn go_on(stop: &Stop) -> Result<()> {
    if stop.stopped() { Err(Error::new(Exit::Interrupted, "stopped before the demo was over")) } else { Ok(()) }
}
