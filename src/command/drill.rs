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
use globset::{Glob, GlobMatcher};
use one::{Drilled, Surroundings};
use record::{DrillRecord, DrillTables, RECORD_VERSION, Verdict};
use report::ReportOptions;
use std::collections::BTreeSet;
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

impl Shard {
    /// Its share of some names.
    fn of(self, names: Vec<String>) -> Vec<String> {
        names.into_iter().skip(self.index).step_by(self.count).collect()
    }
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
        Err(error) if error.exit() == Exit::Usage || is_mistyped(options, &error) => return Err(error),
        Err(error) => return Ok(could_not_begin(options, &error).await),
    };
    // Told by one shard alone.
    let without = if options.shard.is_none_or(|shard| shard.index == 0) { names.without } else { Vec::new() };
    let names = names.with_backups;
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
    for name in without {
        let error = no_backup(format!("of {name}"), &repository).into();
        let elsewhere = options.history.as_ref().map(|_| history.as_ref());
        could_not_begin_one(options, &name, &error, elsewhere, &mut report).await;
    }
    report.drills.sort_by(|a, b| a.name.cmp(&b.name));
    report.stopped = surroundings.stop.stopped();
    Ok(report)
}

/// An id that no source has, or a pattern that fits none, is a mistake in the command line, and no source to tell of.
fn is_mistyped(options: &DrillOptions, error: &Error) -> bool {
    error.exit() == Exit::BackupNotFound && (matches!(options.pick, Pick::Id(_)) || !options.names.is_empty())
}

/// The history's place cannot be opened.
fn no_place(error: StoreError, exit: Exit) -> Error {
    let exit = if error.exit() == Exit::Usage { Exit::Usage } else { exit };
    Error::new(exit, format!("the history: {error}"))
        .hint("see the place given with --history, and what this account may do there")
}

/// Sources that a drill is to look at, sorted.
struct Names {
    /// Those that have backups.
    with_backups: Vec<String>,
    /// Those that were named, not by a pattern, and have none.
    without: Vec<String>,
}

impl Names {
    fn count(&self) -> usize {
        self.with_backups.len() + self.without.len()
    }
}

/// The repository, and the names that are drilled.
async fn chosen(store: Arc<dyn Store>, options: &DrillOptions) -> Result<(Repository, Names)> {
    let repository = Repository::open(store).await?;
    let mut names = names_meant(&repository, options).await?;
    if options.keep && names.count() > 1 {
        let message = format!("--keep leaves one server up, and {} sources are meant", names.count());
        return Err(Error::new(Exit::Usage, message).hint("choose one with --name"));
    }
    if options.reports.of_one_drill() && names.count() > 1 {
        let message =
            format!("--html, --junit and --metrics are files of one drill, and {} sources are meant", names.count());
        return Err(
            Error::new(Exit::Usage, message).hint("--report-dir has files for each source; or choose one with --name")
        );
    }
    if let Some(shard) = options.shard {
        names.with_backups = shard.of(names.with_backups);
    }
    Ok((repository, names))
}

/// Names of sources that the options mean; an error where there are none.
async fn names_meant(repository: &Repository, options: &DrillOptions) -> Result<Names> {
    let ids = repository.backup_ids().await?;
    let globs = globs(options)?;
    let wanted = |name: &str| globs.is_empty() || globs.iter().any(|glob| glob.is_match(name));
    let mut without = plain_names(options);
    without.retain(|name| !ids.contains_key(name) && !matches!(options.pick, Pick::Id(_)));
    let holds = |of_name: &[String]| match &options.pick {
        Pick::Id(id) => of_name.contains(id),
        _ => true,
    };
    let names: Vec<String> =
        ids.into_iter().filter(|(name, ids)| wanted(name) && holds(ids)).map(|(name, _)| name).collect();
    if names.is_empty() && without.is_empty() {
        let wanted = match (&options.pick, options.names.is_empty()) {
            (Pick::Id(id), _) => id.clone(),
            (_, true) => "of any source".into(),
            (_, false) => format!("of {}", options.names.join(", ")),
        };
        return Err(no_backup(wanted, repository).into());
    }
    Ok(Names { with_backups: names, without })
}

fn no_backup(wanted: String, repository: &Repository) -> ManifestError {
    let hint = "`myriad list --repo ...` shows what there is".into();
    ManifestError::NoBackup { wanted, place: repository.place(), hint }
}

fn globs(options: &DrillOptions) -> Result<Vec<GlobMatcher>> {
    let glob = |text: &String| {
        let bad = |error: globset::Error| Error::new(Exit::Usage, format!("{text:?} is no pattern: {}", error.kind()));
        Ok(Glob::new(text).map_err(bad)?.compile_matcher())
    };
    options.names.iter().map(glob).collect()
}

/// Names that were given as they are, sorted: no pattern can be a name.
fn plain_names(options: &DrillOptions) -> Vec<String> {
    let names: BTreeSet<&String> = options.names.iter().filter(|name| check_name(name).is_ok()).collect();
    names.into_iter().cloned().collect()
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
    let mut report = DrillReport {
        verdict: Verdict::Proved,
        drills: Vec::new(),
        files: Vec::new(),
        warnings: Vec::new(),
        stopped: false,
    };
    let mut history = None;
    if let Some(place) = &options.history {
        match store::open(place, true).await {
            Ok(opened) => history = Some(opened),
            Err(error) => report.warnings.push(format!("the history lacks this drill: {error}")),
        }
    }
    for name in names_known(options, history.as_deref()).await {
        could_not_begin_one(options, &name, error, history.as_deref(), &mut report).await;
    }
    report
}

/// The sources that were meant, where the repository cannot tell: those that were named; else those that the history knows; else
/// the name that backups have where nobody gave one.
async fn names_known(options: &DrillOptions, history: Option<&dyn Store>) -> Vec<String> {
    let plain = plain_names(options);
    if !plain.is_empty() {
        return plain;
    }
    let globs = globs(options).unwrap_or_default();
    let wanted = |name: &str| globs.is_empty() || globs.iter().any(|glob| glob.is_match(name));
    let known = match history {
        Some(history) => drills::names(history).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let mut known: Vec<String> = known.into_iter().filter(|name| wanted(name) && check_name(name).is_ok()).collect();
    if let Some(shard) = options.shard {
        known = shard.of(known);
    }
    if known.is_empty() { vec!["default".into()] } else { known }
}

/// The record of a source whose drill could not be begun, kept in a history that is not in the repository.
async fn could_not_begin_one(
    options: &DrillOptions,
    name: &str,
    error: &Error,
    history: Option<&dyn Store>,
    report: &mut DrillReport,
) {
    let mut record = one::begin(options, name);
    let mut findings = Findings::default();
    findings.add_error(error);
    let mut earlier = Vec::new();
    if let Some(history) = history {
        (earlier, _) = read_history(history, &mut record).await;
    }
    findings.conclude(&mut record);
    if let Some(history) = history {
        if let Err(why) = drills::put_record(history, name, &record.id, &record).await {
            report.warnings.push(format!("the history lacks drill {}: {why}", record.id));
        }
    }
    conclude(options, record, &earlier, report).await;
}
