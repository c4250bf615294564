//! `myriad drill`: a backup is restored to a private server, proved and asked questions, and what came of it is written
//! down. In: a repository and what is wanted of the drill. Out: one record for each source that was drilled, reports made
//! of it, and an entry in the history.

mod assertions;
mod changes;
pub mod config;
mod findings;
mod live;
mod machine;
pub mod merging;
mod notify;
mod one;
pub mod record;
pub mod report;
mod scope;
mod server;
mod summary;
mod views;
mod watch;

pub use summary::DrillReport;

use crate::command::options::{Effort, ProgramPaths};
use crate::error::{Error, Exit, Explain as _, Result};
use crate::manifest::repository::check_name;
use crate::manifest::{ManifestError, Repository, drills};
use crate::progress::{Progress, Stop};
use crate::server::ConnectOptions;
use crate::store::{self, Store, StoreError};
use changes::Baseline;
use config::DrillConfig;
use findings::Findings;
use globset::Glob;
use one::{Drilled, Surroundings};
use record::{DrillRecord, DrillTables, RECORD_VERSION, Verdict};
use report::ReportOptions;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A drill that has begun longer ago than this and left no record does not run any more.
const UNFINISHED_KEPT: Duration = Duration::from_secs(24 * 3600);

/// `myriad drill`.
#[derive(Clone, Debug)]
pub struct DrillOptions {
    /// `--repo`.
    pub repo: String,
    /// `--name`: globs; none means every source.
    pub names: Vec<String>,
    /// `--pick`.
    pub pick: Pick,
    /// `--shard`.
    pub shard: Option<Shard>,
    /// `--keep`: the server is left running.
    pub keep: bool,
    /// `--within`: how long ago a drill may have begun to count in a merged report.
    pub within: Option<Duration>,
    /// `--history`: where the history is, if not in the repository.
    pub history: Option<String>,
    /// `--accept-changes`: what changed since the last drill is not judged.
    pub accept_changes: bool,
    /// `--config`, with what other options change about it.
    pub config: DrillConfig,
    /// The live source that the configuration names.
    pub against: Option<ConnectOptions>,
    /// Where mysqld is looked for.
    pub programs: ProgramPaths,
    /// Where mariadbd is looked for.
    pub mariadb_programs: ProgramPaths,
    /// Where the private server's files lie meanwhile; short, since its socket lies in it.
    pub folder: PathBuf,
    /// `--threads` and `--memory`.
    pub effort: Effort,
    /// Files to write.
    pub reports: ReportOptions,
}

/// `--pick`: which backup of a source is drilled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pick {
    /// The one with the newest snapshot.
    #[default]
    Newest,
    /// Any, by chance.
    Random,
    /// By its id.
    Id(String),
}

/// `--shard I/N`: every N-th of the sorted names, from the I-th on; I counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// I.
    pub index: usize,
    /// N.
    pub count: usize,
}

/// Drills.
pub async fn run(options: &DrillOptions, progress: Arc<dyn Progress>, stop: Stop) -> Result<DrillReport> {
    let opened = match store::open(&options.repo, false).await {
        Ok(store) => return run_from(store, options, progress, stop).await,
        Err(error) => Error::from(error),
    };
    match opened.exit() {
        Exit::Usage => Err(opened),
        _ => Ok(could_not_begin(options, &opened).await),
    }
}

/// Drills what a store holds.
pub async fn run_from(
    store: Arc<dyn Store>,
    options: &DrillOptions,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<DrillReport> {
    let (repository, names) = match chosen(store.clone(), options).await {
        Ok(chosen) => chosen,
        Err(error) if error.exit() == Exit::Usage || names_a_backup(options, &error) => return Err(error),
        Err(error) => return Ok(could_not_begin(options, &error).await),
    };
    let history = match &options.history {
        Some(place) => store::open(place, true).await.map_err(|error| no_place(error, Exit::RepositoryWrite))?,
        None => store,
    };
    let surroundings = Surroundings { options, repository: &repository, progress, stop };
    let mut report = DrillReport {
        verdict: Verdict::Proved,
        drills: Vec::new(),
        files: Vec::new(),
        warnings: Vec::new(),
        stopped: false,
    };
    // Sources whose drills could not be begun, while none was.
    let mut refused: Vec<(DrillRecord, Error)> = Vec::new();
    for name in names {
        if surroundings.stop.stopped() {
            break;
        }
        let record = one::begin(options, &name);
        match drills::begin(history.as_ref(), &name, &record.id, &record).await {
            // Where no history can be written at all the command ends before it has begun, and nobody is told but who reads that.
            Err(error) if report.drills.is_empty() => refused.push((record, no_history(error, options))),
            Err(error) => not_begun(options, record, &no_history(error, options), &mut report).await,
            Ok(()) => {
                for (record, error) in refused.drain(..) {
                    not_begun(options, record, &error, &mut report).await;
                }
                drill_one(&surroundings, history.as_ref(), record, &mut report).await;
            }
        }
    }
    if let (Some((_, error)), false) = (refused.into_iter().next(), surroundings.stop.stopped()) {
        return Err(error);
    }
    report.stopped = surroundings.stop.stopped();
    Ok(report)
}

/// An id that no source has is a mistake in the command line, and no source to tell of.
fn names_a_backup(options: &DrillOptions, error: &Error) -> bool {
    matches!(options.pick, Pick::Id(_)) && error.exit() == Exit::BackupNotFound
}

/// The history's place cannot be opened.
fn no_place(error: StoreError, exit: Exit) -> Error {
    let exit = if error.exit() == Exit::Usage { Exit::Usage } else { exit };
    Error::new(exit, format!("the history: {error}"))
        .hint("see the place given with --history, and what this account may do there")
}

/// The repository, and the names that are drilled, sorted.
async fn chosen(store: Arc<dyn Store>, options: &DrillOptions) -> Result<(Repository, Vec<String>)> {
    let repository = Repository::open(store).await?;
    let mut names = names_meant(&repository, options).await?;
    if options.keep && names.len() > 1 {
        let message = format!("--keep leaves one server up, and {} sources are meant", names.len());
        return Err(Error::new(Exit::Usage, message).hint("choose one with --name"));
    }
    if options.reports.of_one_drill() && names.len() > 1 {
        let message =
            format!("--html, --junit and --metrics are files of one drill, and {} sources are meant", names.len());
        return Err(
            Error::new(Exit::Usage, message).hint("--report-dir has files for each source; or choose one with --name")
        );
    }
    if let Some(Shard { index, count }) = options.shard {
        names = names.into_iter().skip(index).step_by(count).collect();
    }
    Ok((repository, names))
}

/// Names of sources that the options mean and that have backups, sorted; an error where there are none.
async fn names_meant(repository: &Repository, options: &DrillOptions) -> Result<Vec<String>> {
    let ids = repository.backup_ids().await?;
    let mut globs = Vec::new();
    for text in &options.names {
        let bad = |error: globset::Error| Error::new(Exit::Usage, format!("{text:?} is no pattern: {}", error.kind()));
        globs.push(Glob::new(text).map_err(bad)?.compile_matcher());
    }
    let wanted = |name: &str| globs.is_empty() || globs.iter().any(|glob| glob.is_match(name));
    let holds = |of_name: &[String]| match &options.pick {
        Pick::Id(id) => of_name.contains(id),
        _ => true,
    };
    let names: Vec<String> =
        ids.into_iter().filter(|(name, ids)| wanted(name) && holds(ids)).map(|(name, _)| name).collect();
    if names.is_empty() {
        let wanted = match (&options.pick, options.names.is_empty()) {
            (Pick::Id(id), _) => id.clone(),
            (_, true) => "of any source".into(),
            (_, false) => format!("of {}", options.names.join(", ")),
        };
        let hint = "`myriad list --repo …` shows what there is".into();
        return Err(ManifestError::NoBackup { wanted, place: repository.place(), hint }.into());
    }
    Ok(names)
}

/// Drills one name, whose record has begun, and writes down and tells what came of it.
async fn drill_one(
    surroundings: &Surroundings<'_>,
    history: &dyn Store,
    mut record: DrillRecord,
    report: &mut DrillReport,
) {
    let options = surroundings.options;
    let name = record.name.clone();
    surroundings.progress.note(&format!("drill {} of {name}", record.id));
    let (earlier, baseline) = read_history(history, &mut record).await;
    let Drilled { record, tables } = one::drill(surroundings, record, baseline).await;

    if let Some(tables) = tables {
        if let Err(error) = drills::put_tables(history, &name, &record.id, &tables).await {
            report.warnings.push(format!("later drills are not compared with this one: {error}"));
        }
    }
    if let Err(error) = drills::put_record(history, &name, &record.id, &record).await {
        report.warnings.push(format!("the history lacks drill {}: {error}", record.id));
    }
    conclude(options, record, &earlier, report).await;
}

/// A source whose drill could not be begun, beside others that were drilled.
async fn not_begun(options: &DrillOptions, mut record: DrillRecord, error: &Error, report: &mut DrillReport) {
    let mut findings = Findings::default();
    findings.add_error(error);
    findings.conclude(&mut record);
    conclude(options, record, &[], report).await;
}

/// Tells of a drill that is over, and adds it to the report.
async fn conclude(options: &DrillOptions, record: DrillRecord, earlier: &[DrillRecord], report: &mut DrillReport) {
    tell(options, &record, earlier, report).await;
    report.verdict = report.verdict.max(record.verdict);
    report.drills.push(record);
}

/// Writes the reports of a drill and sends its notifications.
async fn tell(options: &DrillOptions, record: &DrillRecord, earlier: &[DrillRecord], report: &mut DrillReport) {
    match report::write(&options.reports, record, earlier) {
        Ok(files) => report.files.extend(files),
        Err(error) => report.warnings.push(error.to_string()),
    }
    report.warnings.extend(notify::tell(&options.config.notify, record).await);
}

/// What cannot be kept is not begun.
fn no_history(error: ManifestError, options: &DrillOptions) -> Error {
    let what = match options.history {
        Some(_) => "the history cannot be written, so the drill was not begun",
        None => "the drill keeps its history in the repository, where it cannot be written, and was not begun",
    };
    let hint = match options.history {
        Some(_) => "give --history a place that this account may write",
        None => {
            "with read rights alone, give --history PLACE: a folder or s3://bucket/prefix that this account may write"
        }
    };
    Error::new(Exit::RepositoryWrite, format!("{what}: {error}")).hint(hint)
}

/// Earlier drills of the same name, and the newest whose tables are there. What cannot be read becomes a note.
async fn read_history(history: &dyn Store, record: &mut DrillRecord) -> (Vec<DrillRecord>, Option<Baseline>) {
    let name = record.name.clone();
    let read = match drills::read::<DrillRecord>(history, &name, RECORD_VERSION).await {
        Ok(read) => read,
        Err(error) => {
            record.notes.push(format!("the history could not be read: {error}"));
            return (Vec::new(), None);
        }
    };
    let oldest = jiff::Timestamp::now() - UNFINISHED_KEPT;
    let oldest = oldest.strftime("%Y%m%dT%H%M%SZ").to_string();
    for id in read.unfinished.iter().filter(|id| **id != record.id) {
        record.notes.push(format!("drill {id} has begun and left no record: it was killed, or it still runs"));
        if *id < oldest {
            drills::forget_begin(history, &name, id).await;
        }
    }
    record.notes.extend(read.unreadable.iter().map(|why| format!("an entry of the history was passed over: {why}")));
    let mut baseline = None;
    for id in read.with_tables.iter().rev() {
        match drills::read_tables::<DrillTables>(history, &name, id).await {
            Ok(tables) if tables.version <= RECORD_VERSION => {
                baseline = Some(Baseline { id: id.clone(), tables });
                break;
            }
            Ok(tables) => {
                record.notes.push(format!("the tables of drill {id} are of a newer version, {}", tables.version))
            }
            Err(why) => record.notes.push(format!("the tables of a drill were passed over: {why}")),
        }
    }
    (read.records, baseline)
}

/// The report where there is no repository, or nothing in it to drill: reports and notifications are made all the same.
async fn could_not_begin(options: &DrillOptions, error: &Error) -> DrillReport {
    // A name that says which source was meant; else the one that backups have where nobody gave one.
    let name = options.names.first().filter(|name| check_name(name).is_ok());
    let mut record = one::begin(options, name.map_or("default", String::as_str));
    let mut findings = Findings::default();
    findings.add_error(error);
    findings.conclude(&mut record);
    let mut report = DrillReport {
        verdict: record.verdict,
        drills: Vec::new(),
        files: Vec::new(),
        warnings: Vec::new(),
        stopped: false,
    };
    let mut earlier = Vec::new();
    if let Some(place) = &options.history {
        match keep(place, &mut record).await {
            Ok(records) => earlier = records,
            Err(why) => report.warnings.push(format!("the history lacks drill {}: {why}", record.id)),
        }
    }
    conclude(options, record, &earlier, &mut report).await;
    report
}

/// Keeps a record in a history that is not in the repository.
async fn keep(place: &str, record: &mut DrillRecord) -> Result<Vec<DrillRecord>> {
    let history = store::open(place, true).await?;
    let (earlier, _) = read_history(history.as_ref(), record).await;
    drills::put_record(history.as_ref(), &record.name, &record.id, record).await?;
    Ok(earlier)
}
