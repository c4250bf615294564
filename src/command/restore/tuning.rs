//! Global settings of the target during a restore: which of them are changed, when they are put back, and what is said
//! of both. They are changed after the bare tables are made and put back before anything else than rows and their indexes
//! is made, so always before proof; where the run is broken off, at once.

use super::plan::check_rows_fit;
use super::steps::Run;
use super::target::Target;
use crate::command::options::{BackupChoice, Redo, RestoreOptions, Tune};
use crate::command::selected::SelectedTable;
use crate::command::text::{counted, some_of};
use crate::error::{Error, Exit, Result};
use crate::guard::{Admission, Finding, FindingKind};
use crate::limits;
use crate::load::ledger::{self, Progressed};
use crate::load::rows::Way;
use crate::load::{self, LoadError, LoadTable};
use crate::schema::QualifiedName;
use crate::server::facts::{Flavor, ServerFacts, global_variables};
use crate::server::inspect::LEDGER_SCHEMA;
use crate::server::inspect::ledger::LedgerError;
use crate::server::{ServerError, Session};
use crate::settings::{self, Change, REDO_LOG, SettingError, Wanted};
use std::time::Instant;

/// What is to be changed, and how far that has gone.
#[derive(Default)]
pub(super) struct Tuning {
    /// In the order in which they are made.
    pub changes: Vec<Change>,
    /// They stand in the journal.
    in_force: bool,
    /// The redo log is off, by us or before we came.
    redo_is_off: bool,
}

/// Things named in a message at most.
const NAMES_SHOWN: usize = 5;

/// What is said before the redo log is switched off.
const REDO_WARNING: &str = "the target's redo log is off while rows are loaded: a target that crashes meanwhile does not start again (MY-013598), \
     and its data directory must be made anew; --redo on avoids that";

/// True where the target serves others: the backup's source, a member of replication, or one that is being written to.
pub(super) fn in_use(facts: &ServerFacts, source: &ServerFacts, admission: &Admission, findings: &[Finding]) -> bool {
    let serves = |finding: &Finding| {
        matches!(
            finding.kind,
            FindingKind::IsSource
                | FindingKind::HasReplicas
                | FindingKind::IsReplica
                | FindingKind::InGroup
                | FindingKind::Writes
                | FindingKind::OpenTransactions
        )
    };
    facts.is_same_server(source) || admission.beside_live_data || findings.iter().any(serves)
}

/// Decides what is changed, and with it the way that rows take. Nothing is changed yet; nor is anything on a target that is
/// `in_use`. What a dead run had set must be put back before.
pub(super) async fn plan(
    target: &mut Target,
    options: &RestoreOptions,
    redo_off: bool,
    in_use: bool,
) -> Result<Tuning> {
    let tune = options.tune == Tune::Auto && !in_use && !options.no_data;
    let wanted = Wanted { redo_off, tune, adaptive_hash: target.facts.flavor != Flavor::Mariadb };
    let mut changes = settings::plan(&mut target.session, wanted).await?;
    if !target.rights.any(&["SYSTEM_VARIABLES_ADMIN", "SUPER"]) {
        let names: Vec<_> = changes.iter().filter(|c| c.name != REDO_LOG).map(|c| c.name.clone()).collect();
        if !names.is_empty() {
            target.notes.push(format!("not tuned: {}: the account lacks SYSTEM_VARIABLES_ADMIN", names.join(", ")));
        }
        changes.retain(|change| change.name == REDO_LOG);
    }
    choose_way(target, changes.iter().any(settings::is_local_infile)).await?;
    let redo_is_off = changes.iter().any(|change| change.name == REDO_LOG && change.found == "OFF");
    if redo_is_off {
        target.notes.push(
            "the target's redo log was off before and stays off: a crash of the server loses all its data; ALTER INSTANCE ENABLE INNODB REDO_LOG turns it on"
                .into(),
        );
    }
    Ok(Tuning { changes, in_force: false, redo_is_off })
}

/// The way that rows take, by what the target allows now: what a dead run had set was put back meanwhile.
async fn choose_way(target: &mut Target, turned_on: bool) -> Result<(), ServerError> {
    let values = global_variables(&mut target.session, &["local_infile"]).await?;
    target.facts.local_infile = values.get("local_infile").is_some_and(|value| value == "ON");
    target.way = Way::LoadData;
    if !target.facts.local_infile && !turned_on {
        target.way = Way::Insert;
        target.notes.push(SLOW_WAY.into());
    }
    Ok(())
}

const SLOW_WAY: &str = "local_infile is off on the target, rows go by INSERT and take longer; SET GLOBAL local_infile=ON there turns the fast way on";

/// Whether the redo log may and shall be off. Only looks.
///
/// # Errors
/// `--redo off` where the target holds other data, has no such thing, or a right is missing.
pub(super) async fn redo_off(
    target: &mut Target,
    options: &RestoreOptions,
    progressed: Option<&Progressed>,
    in_use: bool,
) -> Result<bool> {
    if options.redo == Redo::On || (options.redo == Redo::Auto && options.no_data) {
        return Ok(false);
    }
    let usable = progressed.is_some_and(|progressed| !progressed.usable.is_empty());
    let refuse = |exit, why: String| match options.redo {
        Redo::Off => Err(Error::new(exit, format!("the target was not touched: --redo off cannot be had: {why}"))
            .hint("leave --redo out: it is switched off where that is safe, or --redo on")),
        _ => Ok(false),
    };
    let server = target.session.server().to_owned();
    if settings::redo_log(&mut target.session).await?.is_none() {
        let why = format!("{} {} cannot run without redo log", target.facts.flavor, target.facts.version);
        return refuse(Exit::TargetUnfit, why);
    }
    if !target.rights.any(&["INNODB_REDO_LOG_ENABLE"]) {
        return refuse(Exit::RightMissing, format!("the account lacks INNODB_REDO_LOG_ENABLE on {server}"));
    }
    if usable && options.redo == Redo::Off {
        let why = format!("tables of this restore are in use on {server} already, and a crash would lose them");
        return refuse(Exit::TargetNotEmpty, why);
    }
    if in_use {
        return refuse(Exit::TargetNotEmpty, format!("{server} is in use, and a crash would lose all its data"));
    }
    if !target.rights.sees_everything() {
        let why = format!("the account may not see all schemas of {server}, so others' data may be there");
        return refuse(Exit::RightMissing, why);
    }
    let others = other_data(&mut target.session, progressed).await?;
    if !others.is_empty() {
        let others = some_of(&others, NAMES_SHOWN);
        return refuse(Exit::TargetNotEmpty, format!("{server} holds other data, which a crash would lose: {others}"));
    }
    // Where the binary log is written nothing is gained (0.97 to 1.02 of the server's CPU, 9.7.4).
    let off = options.redo == Redo::Off || !target.writes_binary_log();
    if off && (usable || !options.first.is_empty()) {
        target
            .notes
            .push("the redo log stays on, since tables are usable, and may be in use, before the end (--first)".into());
        return Ok(false);
    }
    Ok(off)
}

/// Tables, routines and events that this run did not make.
async fn other_data(session: &mut Session, progressed: Option<&Progressed>) -> Result<Vec<String>, ServerError> {
    let others = format!("NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema', '{LEDGER_SCHEMA}')");
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, IF(TABLE_TYPE = 'VIEW', 'view', 'table') FROM information_schema.tables WHERE TABLE_SCHEMA {others} \
         UNION ALL SELECT ROUTINE_SCHEMA, ROUTINE_NAME, LOWER(ROUTINE_TYPE) FROM information_schema.routines WHERE ROUTINE_SCHEMA {others} \
         UNION ALL SELECT EVENT_SCHEMA, EVENT_NAME, 'event' FROM information_schema.events WHERE EVENT_SCHEMA {others}"
    );
    let mut names = Vec::new();
    for row in session.query(sql).await? {
        let (name, kind) = (QualifiedName::new(row.text(0), row.text(1)), row.text(2));
        let ours = progressed.is_some_and(|own| match kind.as_str() {
            "table" => own.tables.contains(&name),
            _ => own.objects.contains(&(kind.clone(), name.clone())),
        });
        if !ours {
            names.push(format!("{kind} {name}"));
        }
    }
    Ok(names)
}

impl Run<'_> {
    /// Changes the settings, where there is something to load and it was not done before.
    pub async fn tune(&mut self, tables: &[LoadTable]) -> Result<()> {
        let changes = &self.tuning.changes;
        if self.tuning.in_force || changes.is_empty() || tables.iter().all(|table| table.chunks.is_empty()) {
            return Ok(());
        }
        let redo = |change: &Change| change.name == REDO_LOG && change.found != change.set;
        let redo_off = changes.iter().any(redo);
        if redo_off {
            self.progress.note(REDO_WARNING);
        }
        self.tuning.in_force = true;
        // From here on a lost server may be one that does not come back.
        self.tuning.redo_is_off |= redo_off;
        for refused in settings::change(&mut self.target.session, changes).await? {
            let name = refused.change.name.clone();
            if name == REDO_LOG {
                self.tuning.redo_is_off = false;
                if self.options.redo == Redo::Off {
                    return Err(Error::from(refused.source).context("--redo off"));
                }
            }
            if settings::is_local_infile(&refused.change) {
                self.target.way = Way::Insert;
                self.target.notes.push(SLOW_WAY.into());
                let packet_bytes_max = self.target.facts.max_allowed_packet;
                check_rows_fit(&self.selected, Way::Insert, packet_bytes_max, &self.options.target)?;
            }
            self.target.notes.push(format!("not tuned: {name}: {}", refused.source));
        }
        Ok(())
    }

    /// Puts all settings back.
    pub async fn put_back(&mut self) -> Result<()> {
        if self.tuning.in_force {
            let undone = settings::put_back(&mut self.target.session).await?;
            self.after_put_back(undone);
        }
        Ok(())
    }

    fn after_put_back(&mut self, undone: Vec<settings::Undone>) {
        self.tuning.in_force = false;
        self.tuning.redo_is_off = undone.iter().any(|undone| undone.change.name == REDO_LOG && undone.now == "OFF");
        self.target.undone.extend(undone);
    }

    /// How many tables can be used by now: of this run, or of an earlier try.
    fn usable_tables(&self) -> usize {
        let usable = |(place, table): &(usize, &SelectedTable)| {
            self.standings.usable.contains(place) || self.target.own.usable.contains(&table.target)
        };
        self.selected.tables.iter().enumerate().filter(usable).count()
    }

    /// What an error comes to that broke the run off: settings are put back as far as the target can be reached, and the
    /// error says how to go on.
    pub async fn broken_off(mut self, error: Error) -> Error {
        let (options, backup) = (self.options, self.backup.manifest.id.clone());
        let usable = self.usable_tables();
        let resumable = |error: Error| go_on(error, options, &backup, usable);
        if !self.tuning.in_force && !self.tuning.redo_is_off {
            return resumable(error);
        }
        let server = self.options.target.describe();
        match self.reach().await {
            Reached::Ours => {
                if !self.tuning.in_force {
                    return resumable(error);
                }
                match put_back_patiently(&mut self.target.session).await {
                    Ok(undone) => {
                        undone.iter().for_each(|undone| self.progress.note(&format!("setting {undone}")));
                        resumable(error)
                    }
                    Err(why @ SettingError::NotForgotten { .. }) => {
                        resumable(error.hint(format!("{why}; the next run or restore --abort does that")))
                    }
                    Err(why) => {
                        resumable(error.hint(format!("settings of {server} were not put back: {why}; {NEXT_RUN_DOES}")))
                    }
                }
            }
            Reached::AnotherRun if self.tuning.in_force => {
                resumable(error.hint(format!(
                    "settings of {server} are left to the restore that has begun there; {NEXT_RUN_DOES}"
                )))
            }
            Reached::AnotherRun => resumable(error),
            Reached::Not if self.tuning.redo_is_off => {
                let lost =
                    format!("{server} was lost while its redo log was off, and does not answer any more: {error}");
                Error::new(Exit::TargetMustBeRebuilt, lost)
                    .hint("where its error log says MY-013598 it crashed and does not start again: make its data directory anew (mysqld --initialize), then restore from the beginning")
                    .hint("where it still runs, or was shut down cleanly, run the same command again: its settings are recorded there, and that puts them back")
            }
            Reached::Not => {
                resumable(error.hint(format!("settings of {server} could not be put back; {NEXT_RUN_DOES}")))
            }
        }
    }

    /// A session that holds the run's lock: the one there is, or another.
    async fn reach(&mut self) -> Reached {
        let begun = Instant::now();
        if self.target.session.query_first("SELECT 1").await.is_ok() {
            return Reached::Ours;
        }
        loop {
            match self.connect_again().await {
                Ok(session) => {
                    self.target.session = session;
                    return Reached::Ours;
                }
                Err(LoadError::Busy { .. }) => return Reached::AnotherRun,
                Err(_) if begun.elapsed() > limits::PUT_BACK_WAIT => return Reached::Not,
                Err(_) => tokio::time::sleep(limits::STOP_PAUSE).await,
            }
        }
    }

    async fn connect_again(&self) -> Result<Session, LoadError> {
        let (mut session, _) = load::writer(&self.options.target, self.target.skip_binlog).await?;
        ledger::lock_again(&mut session, self.target.session.connection_id()).await?;
        Ok(session)
    }
}

const NEXT_RUN_DOES: &str = "they are recorded there, and the next run or restore --abort puts them back";

/// How a broken-off run finds its target.
enum Reached {
    /// With a session that holds the run's lock.
    Ours,
    /// Another run has begun, which puts the settings back once it is admitted.
    AnotherRun,
    /// It does not answer.
    Not,
}

/// A statement that was to end the run's long ones may hit this one in their place.
async fn put_back_patiently(session: &mut Session) -> Result<Vec<settings::Undone>, SettingError> {
    match settings::put_back(session).await {
        Err(
            SettingError::Server(error)
            | SettingError::Ledger(LedgerError::Server(error))
            | SettingError::NotPutBack { source: error, .. }
            | SettingError::NotForgotten { source: error, .. },
        ) if error.code() == Some(INTERRUPTED) => settings::put_back(session).await,
        other => other,
    }
}

/// "Query execution was interrupted".
const INTERRUPTED: u16 = 1317;

/// Adds the two commands that come next.
fn go_on(error: Error, options: &RestoreOptions, backup: &str, usable: usize) -> Error {
    let error = match line_that_goes_on(options, backup).as_str() {
        "" => error,
        line => error.hint(format!("to go on: {line}")),
    };
    abort_first(error, options, usable)
}

/// The command line that goes on. It names the backup: by then there may be a newer one.
pub(super) fn line_that_goes_on(options: &RestoreOptions, backup: &str) -> String {
    match (options.command_line.as_str(), &options.backup) {
        ("", _) => String::new(),
        (line, BackupChoice::Latest) => format!("{line} --backup {backup}"),
        (line, BackupChoice::Id(_)) => line.to_owned(),
    }
}

/// The same where another run is in the way: only its removal comes next. `usable`: how many tables of the run can be used.
pub(super) fn abort_first(error: Error, options: &RestoreOptions, usable: usize) -> Error {
    match options.abort_line.as_str() {
        "" => error,
        line => error.hint(removal(line, usable)),
    }
}

/// What is said with the command line that removes a run. Where tables can be used that is refused, so that nobody loses by it
/// what was written to them.
pub(super) fn removal(line: &str, usable: usize) -> String {
    let but = match usable {
        0 => String::new(),
        n => format!(
            " (not while {} can be used; --drop-usable behind it drops them too, with all that was written to them)",
            counted(n as u64, "table")
        ),
    };
    format!("to remove what it left on the target{but}: {line}")
}
