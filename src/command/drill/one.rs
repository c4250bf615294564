//! One drill: the recipe. In: a source name and what is wanted. Out: its record, and the tables that the next drill is compared
//! with. Whatever fails becomes a part of the record; the private server is gone at the end, or left running where that was asked for.

use super::changes::{self, Baseline};
use super::config::MissingDefiners;
use super::findings::{DAMAGED, Findings};
use super::record::{Budgets, DrillRecord, DrillTables, DrilledBackup, RECORD_VERSION, Verdict};
use super::scope::{self, Scope};
use super::watch::Watch;
use super::{DrillOptions, Pick, assertions, live, machine, server, views};
use crate::command::options::{
    BackupChoice, Definers, EventChoice, ExistingUsers, GtidPurged, Overrides, ProofMode, Redo, RestoreOptions,
    Selection, Tune,
};
use crate::command::restore::{self, RestoreDone, Step};
use crate::command::selected::{self, Selected};
use crate::command::text::{counted, some_of};
use crate::error::{Error, Exit, Result};
use crate::limits;
use crate::manifest::model::object_name;
use crate::manifest::repository::Found;
use crate::manifest::{Repository, object};
use crate::position::ConsistencyKind;
use crate::progress::{Progress, Stop};
use crate::sandbox::Sandbox;
use crate::sandbox::process::tail;
use crate::server::facts::Flavor;
use crate::server::{ConnectOptions, Session};
use globset::{Glob, GlobSet, GlobSetBuilder};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Things named in one sentence at most.
const NAMED: usize = 10;
/// How long a server that does not answer any more may take to end.
const ENDING: Duration = Duration::from_secs(5);

/// What all drills of a run share.
pub(super) struct Surroundings<'a> {
    pub options: &'a DrillOptions,
    pub repository: &'a Repository,
    pub progress: Arc<dyn Progress>,
    pub stop: Stop,
}

/// A drill that is over.
pub(super) struct Drilled {
    pub record: DrillRecord,
    /// The tables that a later drill is compared with; none where this one says nothing of them, or found them changed
    /// too much.
    pub tables: Option<DrillTables>,
}

struct Drill<'a> {
    around: &'a Surroundings<'a>,
    baseline: Option<Baseline>,
    watch: Arc<Watch>,
    cpu_before: f64,
    record: DrillRecord,
    findings: Findings,
    tables: Option<DrillTables>,
    /// The backup is the newest of its source.
    newest: bool,
    server: Option<Sandbox>,
}

/// A backup that was chosen and looked through.
struct Prepared {
    backup: Found,
    selected: Selected,
    scope: Scope,
}

/// An empty record of a drill that begins now.
pub(super) fn begin(options: &DrillOptions, name: &str) -> DrillRecord {
    let begun = Timestamp::now();
    let budget = &options.config.budget;
    DrillRecord {
        version: RECORD_VERSION,
        id: format!("{}-{}", begun.strftime("%Y%m%dT%H%M%SZ"), hex::encode(rand::random::<[u8; 2]>())),
        name: name.to_owned(),
        begun,
        ended: begun,
        verdict: Verdict::CouldNotRun,
        message: "it has begun".into(),
        next: Vec::new(),
        failures: Vec::new(),
        notes: Vec::new(),
        program: format!("myriad {}", env!("CARGO_PKG_VERSION")),
        machine: machine::look(),
        backup: None,
        server: None,
        scope: None,
        phases: Vec::new(),
        recovery_seconds: None,
        recovery_seconds_extrapolated: None,
        data_loss_seconds: None,
        budgets: Budgets {
            rto_seconds: budget.rto.map(|time| time.as_secs_f64()),
            rpo_seconds: budget.rpo.map(|time| time.as_secs_f64()),
        },
        program_cpu_seconds: 0.0,
        server_cpu_seconds: None,
        assertions: Vec::new(),
        changed_most: Vec::new(),
    }
}

/// Drills the backups of one source name. `record` is one that has begun.
pub(super) async fn drill(around: &Surroundings<'_>, record: DrillRecord, baseline: Option<Baseline>) -> Drilled {
    let mut drill = Drill {
        around,
        baseline,
        watch: Arc::new(Watch::new(around.progress.clone())),
        cpu_before: machine::own_cpu_seconds(),
        record,
        findings: Findings::default(),
        tables: None,
        newest: true,
        server: None,
    };
    if let Err(error) = drill.carry_out().await {
        let error = drill.told_by_server(error).await;
        drill.findings.add_error(&error);
    }
    drill.end().await
}

impl Drill<'_> {
    async fn carry_out(&mut self) -> Result<()> {
        let Prepared { backup, selected, scope } = self.fetch().await?;
        self.watch.enter("start");
        let server = server::start(self.around.options, &backup.manifest).await?;
        self.record.server = Some(server::told(&server));
        if server.native_aio_off() {
            self.record.notes.push(NO_NATIVE_AIO.into());
        }
        let target = server.connect_options();
        self.server = Some(server);
        let whole = self.restore(&backup, &scope).await?;
        if !whole && self.findings.worst() < Verdict::DamagedBackup {
            self.record
                .notes
                .push("views were not looked at and no assertion was asked, since tables are not whole".into());
        } else if self.findings.worst() < Verdict::DamagedBackup {
            if scope.with_objects {
                let ignored = self.ignored_objects();
                let note_only = self.around.options.config.restore.missing_definers == MissingDefiners::Note;
                let looked = views::look(&target, &selected, &scope.selection, note_only, &ignored).await?;
                self.record.notes.extend(looked.notes);
                looked.failures.iter().for_each(|(failure, next)| self.findings.add(Verdict::Unproved, failure, next));
            }
            self.ask(&target, &backup, &scope).await?;
        }
        self.tables = self.compare_tables(scope.tables);
        Ok(())
    }

    /// Chooses the backup, reads its lists, and sees that its objects are there: what is missing is known before a server
    /// was started.
    async fn fetch(&mut self) -> Result<Prepared> {
        let (options, repository) = (self.around.options, self.around.repository);
        let backup = choose(repository, &self.record.name, &options.pick).await?;
        let manifest = &backup.manifest;
        self.record.backup = Some(DrilledBackup {
            id: manifest.id.clone(),
            repository: repository.place(),
            snapshot: manifest.snapshot,
            manifest_sha256: backup.hash.clone(),
            source_server: format!("{} {}", manifest.server.flavor, manifest.server.version),
            consistent: manifest.consistency != ConsistencyKind::None,
            tables: manifest.totals.tables,
            rows: manifest.totals.rows,
            bytes: manifest.totals.bytes,
        });
        let age = self.record.begun.duration_since(manifest.snapshot).as_secs_f64();
        self.record.data_loss_seconds = Some(age.max(0.0));
        if options.pick != Pick::Newest {
            let newest = choose(repository, &self.record.name, &Pick::Newest).await?;
            self.newest = newest.manifest.id == manifest.id;
        }
        if !self.newest {
            self.record.notes.push(format!("{NOT_NEWEST}, so no rpo is judged"));
        }
        if manifest.consistency == ConsistencyKind::None {
            self.record.notes.push("the backup is not consistent: it was taken with --consistency none".into());
        }
        if manifest.partial {
            self.record.notes.push("the backup is partial: rows were left out by a condition (--where)".into());
        }
        let selected = selected::read(repository, manifest, &Selection::default(), &[], true).await?;
        check_objects(repository, &backup, &selected).await?;
        let seed = options.config.restore.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
        let scope = scope::choose(&options.config.restore, &selected, seed)?;
        self.record.scope = Some(scope.told.clone());
        Ok(Prepared { backup, selected, scope })
    }

    /// Restores and proves, and takes the times. True where all tables have their rows and indexes.
    async fn restore(&mut self, backup: &Found, scope: &Scope) -> Result<bool> {
        let server = self.server.as_ref().expect("it was started");
        let options = restore_options(self.around.options, backup, scope, server);
        let store = self.around.repository.store.clone();
        let restoring = restore::run_from(store, &options, self.watch.clone(), self.around.stop.clone());
        let report = Box::pin(restoring).await?;
        // What comes after is no part of a recovery.
        self.watch.enter("assertions");
        let done = report
            .restore()
            .cloned()
            .ok_or_else(|| Error::new(Exit::Failure, "the restore answered with a plan though none was asked for"))?;
        // With a table missing it is no recovery; with a foreign key missing it is.
        if done.failed.iter().all(|failed| failed.step == Step::ForeignKeys) {
            self.take_times(scope);
        }
        self.judge(&done, scope);
        Ok(done.failed.iter().all(|failed| matches!(failed.step, Step::ForeignKeys | Step::Proof)))
    }

    /// The error that ended the drill, or why its server has ended, which is behind it then.
    async fn told_by_server(&mut self, error: Error) -> Error {
        let lost = matches!(error.exit(), Exit::ServerLost | Exit::Unreachable | Exit::TargetMustBeRebuilt);
        let Some(server) = &mut self.server else { return error };
        let mut status = server.ended();
        // Its connections are gone a moment before the process is.
        let deadline = Instant::now() + ENDING;
        while lost && status.is_none() && Instant::now() < deadline {
            tokio::time::sleep(limits::STOP_PAUSE).await;
            status = server.ended();
        }
        let log = tail(&[server.log()]);
        let Some(status) = status else {
            if lost {
                self.record.notes.push(format!("the private server's log ends with:\n{log}"));
            }
            return error;
        };
        let message = format!("the private server ended by itself ({status}); its log ends with:\n{log}");
        let ended = Error::new(Exit::ServerLost, message);
        match status.signal() {
            Some(9) => ended.hint(KILLED),
            _ => ended.hint(format!("{}: is there room in {}?", LOOK_AT_LOG, self.around.options.folder.display())),
        }
    }

    fn take_times(&mut self, scope: &Scope) {
        let phases = self.watch.phases();
        let of = |names: &[&str]| -> f64 {
            phases.iter().filter(|phase| names.contains(&phase.name.as_str())).map(|phase| phase.seconds).sum()
        };
        let all: f64 = phases.iter().map(|phase| phase.seconds).sum();
        let took = all - of(&["assertions"]);
        self.record.recovery_seconds = Some(took);
        if let Some(shares) = scope.sampled {
            let (by_bytes, by_tables) = (of(&["rows", "indexes", "proof"]), of(&["schema", "objects"]));
            let fixed = took - by_bytes - by_tables;
            let whole = fixed + by_bytes / shares.bytes + by_tables / shares.tables;
            self.record.recovery_seconds_extrapolated = Some(whole);
        }
    }

    fn judge(&mut self, done: &RestoreDone, scope: &Scope) {
        let ignored = self.ignored_objects();
        // Restored users of a part have grants on what was left out.
        let all = scope.selection == Selection::default();
        // A line begins with the kind and the name, as `view shop.totals: `.
        let named =
            |what: &str| what.split_once(": ").and_then(|(object, _)| Some(object.split_once(' ')?.1.to_owned()));
        let ignored = |what: &str| named(what).is_some_and(|name| ignored.is_match(name));
        let notes = self.findings.judge(done, all, &ignored);
        self.record.notes.extend(notes);
        self.record.notes.extend(done.notes.iter().cloned());
        if self.newest {
            self.findings.judge_budgets(&self.record);
        } else {
            let lost = self.record.data_loss_seconds.take();
            self.findings.judge_budgets(&self.record);
            self.record.data_loss_seconds = lost;
        }
    }

    /// Views and so on whose absence is not judged.
    fn ignored_objects(&self) -> GlobSet {
        let mut set = GlobSetBuilder::new();
        // Patterns were checked when the file was read.
        for glob in self.around.options.config.restore.ignore_objects.iter().filter_map(|glob| Glob::new(glob).ok()) {
            set.add(glob);
        }
        set.build().unwrap_or_default()
    }

    /// SQL assertions, and tables that must be equal on the source.
    async fn ask(&mut self, target: &ConnectOptions, backup: &Found, scope: &Scope) -> Result<()> {
        let (options, stop) = (self.around.options, &self.around.stop);
        let asked = &options.config.assertions;
        match scope.sampled {
            Some(_) if !asked.is_empty() => {
                let what = counted(asked.len() as u64, "assertion");
                self.record.notes.push(format!("{what} in SQL not asked, since only a sample was restored"));
            }
            _ => {
                let outcomes = assertions::ask(target, asked, backup.manifest.snapshot, stop).await;
                let failed = outcomes.iter().any(|outcome| !outcome.held);
                self.record.assertions.extend(outcomes);
                // What did not hold for that says nothing of the backup.
                if failed && !stop.stopped() && Session::connect(target).await.is_err() {
                    return Err(Error::new(Exit::ServerLost, "the private server does not answer any more"));
                }
            }
        }
        let (store, progress) = (self.around.repository.store.clone(), self.watch.clone());
        if !stop.stopped() {
            self.record.assertions.extend(live::compare(options, store, backup, progress, stop).await);
        }
        for outcome in self.record.assertions.iter().filter(|outcome| !outcome.held) {
            let failure =
                format!("assertion {:?} does not hold: {}, wanted {}", outcome.name, outcome.found, outcome.expected);
            self.findings.add(Verdict::AssertionFailed, failure, LOOK_AT_SOURCE);
        }
        Ok(())
    }

    /// Compares with the last drill. Gives the tables back where later drills are to be compared with this one.
    fn compare_tables(&mut self, mut tables: DrillTables) -> Option<DrillTables> {
        let options = self.around.options;
        if !self.newest {
            if self.baseline.is_some() {
                self.record.notes.push(format!("{NOT_NEWEST}, so it is not compared with the last drill"));
            }
            return None;
        }
        changes::note_judged(&options.config.check, &mut tables);
        let Some(baseline) = &self.baseline else { return Some(tables) };
        self.record.changed_most = changes::changed_most(&baseline.tables, &tables);
        if options.accept_changes {
            self.record.notes.push("changes since the last drill were accepted unjudged (--accept-changes)".into());
            return Some(tables);
        }
        let outcomes = changes::judge(&options.config.check, baseline, &tables);
        let wrong: Vec<_> = outcomes.iter().filter(|outcome| !outcome.held).collect();
        for outcome in &wrong {
            let failure = format!("{}: {}, wanted {}", outcome.name, outcome.found, outcome.expected);
            self.findings.add(Verdict::AssertionFailed, failure, LOOK_AT_CHANGES);
        }
        let held = wrong.is_empty();
        self.record.assertions.extend(outcomes);
        if let (true, Some(what)) = (held, changes::unjudged(baseline, &tables)) {
            let id = &baseline.id;
            self.record.notes.push(format!("later drills are compared with drill {id} still, which judged {what}"));
            return None;
        }
        held.then_some(tables)
    }

    /// Ends the record and the server.
    async fn end(mut self) -> Drilled {
        if self.around.stop.stopped() {
            self.findings.stopped();
            self.tables = None;
        }
        self.record.ended = Timestamp::now();
        self.record.phases = self.watch.phases();
        self.record.program_cpu_seconds = (machine::own_cpu_seconds() - self.cpu_before).max(0.0);
        if let Some(server) = self.server.take() {
            self.record.server_cpu_seconds = server.pid().and_then(machine::cpu_seconds);
            match self.around.options.keep {
                true => match server::leave(server).await {
                    Ok(kept) => {
                        let told = self.record.server.as_mut();
                        told.expect("it was started").kept = Some(kept);
                    }
                    Err(error) => self.record.notes.push(format!("the server could not be left running: {error}")),
                },
                false => {
                    let gone = tokio::task::spawn_blocking(move || drop(server));
                    gone.await.expect("stopping a server does not panic");
                }
            }
        }
        self.findings.conclude(&mut self.record);
        Drilled { record: self.record, tables: self.tables }
    }
}

const KILLED: &str = "somebody killed it, most often the kernel for want of memory (`journalctl -k` or dmesg says so): less for [server] memory of the configuration or --memory, or a larger machine; then drill again";
const LOOK_AT_LOG: &str = "see the lines of its log among the failures, then drill again";
const NO_NATIVE_AIO: &str = "the private server ran without native asynchronous I/O, which can make it slower: the system had none left (see fs.aio-max-nr)";
const NOT_NEWEST: &str = "this is not the newest backup of its source";
const LOOK_AT_SOURCE: &str = "the backup is what the source was at the snapshot: look there, or at the assertion; --keep leaves the server up to look at";
const LOOK_AT_CHANGES: &str = "see what happened on the source; if the change is right, drill once with --accept-changes, which later drills are compared with";

/// The backup to drill.
async fn choose(repository: &Repository, name: &str, pick: &Pick) -> Result<Found> {
    let id = match pick {
        Pick::Newest => None,
        Pick::Id(id) => Some(id.clone()),
        Pick::Random => {
            let ids = repository.backup_ids().await?.remove(name).unwrap_or_default();
            ids.get(rand::random_range(0..ids.len().max(1))).cloned()
        }
    };
    Ok(repository.choose(Some(name), id.as_deref()).await?)
}

/// Every object that the backup names must be there.
async fn check_objects(repository: &Repository, backup: &Found, selected: &Selected) -> Result<()> {
    let mut needing: HashMap<_, BTreeSet<String>> = HashMap::new();
    for part in &backup.manifest.accounts {
        needing.entry(part.place.object).or_default().insert("users".into());
    }
    for table in &selected.tables {
        let name = table.table.name.to_string();
        for frames in table.chunks.iter().flatten().filter_map(|chunk| chunk.frames()) {
            needing.entry(frames.object).or_default().insert(name.clone());
        }
    }
    let objects = needing.keys().copied().collect();
    let missing = object::missing(repository.store.as_ref(), &objects).await?;
    let Some(first) = missing.first() else { return Ok(()) };
    let needing: BTreeSet<&String> = missing.iter().flat_map(|object| &needing[object]).collect();
    let tables: Vec<String> = needing.into_iter().cloned().collect();
    let more = if missing.len() > 1 { format!(" and {} more", missing.len() - 1) } else { String::new() };
    let message = format!(
        "object {}{more} of backup {} is missing from {}; needed by {}",
        object_name(first),
        backup.manifest.id,
        repository.place(),
        some_of(&tables, NAMED)
    );
    Err(Error::new(Exit::RepositoryDamaged, message).hint(DAMAGED))
}

fn restore_options(options: &DrillOptions, backup: &Found, scope: &Scope, server: &Sandbox) -> RestoreOptions {
    let manifest = &backup.manifest;
    let with_users = manifest.options.users && manifest.server.flavor != Flavor::Mariadb && scope.with_objects;
    RestoreOptions {
        target: server.connect_options(),
        repo: options.repo.clone(),
        name: Some(manifest.name.clone()),
        backup: BackupChoice::Id(manifest.id.clone()),
        selection: scope.selection.clone(),
        renames: Vec::new(),
        first: Vec::new(),
        effort: options.effort,
        no_data: false,
        no_objects: !scope.with_objects,
        // They are the backup's own accounts, on a server that holds nothing else.
        definers: Definers { keep: true, ..Definers::default() },
        events: EventChoice::Keep,
        users: options.config.restore.users.unwrap_or(with_users),
        existing_users: ExistingUsers::Refuse,
        log_bin: false,
        gtid_purged: GtidPurged::Off,
        replicate_from: None,
        proof: ProofMode::Full,
        redo: Redo::Auto,
        tune: Tune::Auto,
        target_memory_bytes: limits::TARGET_MEMORY_BYTES.min(super::server::buffer_pool_bytes(options)),
        overrides: Overrides::default(),
        dry_run: false,
        command_line: String::new(),
        abort_line: String::new(),
    }
}
