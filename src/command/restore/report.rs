//! What a restore says at its end: what came back, what was proved, and what is missing.

use super::first::FirstTable;
use super::gtid::GtidOutcome;
use super::phases::Phase;
use super::prediction::Prediction;
use super::replicate::{self, Attached, Continuation};
use super::standing::{FailedTable, Step, Waiting};
use super::steps::Run;
use super::{Complete, tuning};
use crate::command::text::{bytes, count, counted, seconds, some_of};
use crate::error::{Error, Exit};
use crate::guard::{Finding, Grade};
use crate::load::rows::Way;
use crate::manifest::model::Untyped;
use crate::position::Position;
use crate::server::facts::Flavor;
use crate::settings::{self, Change, Undone};
use crate::verify::{NotCompared, Proof};
use jiff::Timestamp;

/// Tables named in a line at most.
const NAMES_SHOWN: usize = 20;

/// The result of `myriad restore`: a plan (`--dry-run`) or a restore.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum RestoreReport {
    /// Nothing was done.
    Plan(Box<RestorePlan>),
    /// The data is there.
    Restore(Box<RestoreDone>),
}

/// What would be done.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RestorePlan {
    /// Backup id.
    pub backup: String,
    /// Source name.
    pub name: String,
    /// The moment it shows.
    pub snapshot: Timestamp,
    /// How long ago that was, in seconds.
    pub age_seconds: f64,
    /// Where that moment stands in the source's history.
    pub position: Position,
    /// The target, without password.
    pub target: String,
    /// Its family.
    pub target_flavor: Flavor,
    /// Its version.
    pub target_version: String,
    /// Sessions that would load.
    pub threads: usize,
    /// The way that rows would take.
    pub way: Way,
    /// The restore would stand in the target's binary log.
    pub writes_binary_log: bool,
    /// Schemas.
    pub schemas: Vec<PlannedSchema>,
    /// Names on the target of the tables that come first, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<String>,
    /// Tables.
    pub tables: Vec<PlannedTable>,
    /// Views, routines, triggers, events.
    pub objects: u64,
    /// What it would need.
    pub prediction: Prediction,
    /// What the guard found on the target.
    pub findings: Vec<Finding>,
    /// Global settings that would be changed while rows are loaded.
    pub settings: Vec<Change>,
    /// Things that a person should read.
    pub notes: Vec<String>,
}

/// A schema of a plan.
#[derive(Clone, Debug, serde::Serialize)]
pub struct PlannedSchema {
    /// Name in the backup.
    pub name: String,
    /// Name on the target.
    pub target: String,
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of row text.
    pub bytes: u64,
}

/// A table of a plan.
#[derive(Clone, Debug, serde::Serialize)]
pub struct PlannedTable {
    /// Name in the backup.
    pub name: String,
    /// Name on the target.
    pub target: String,
    /// Rows.
    pub rows: u64,
    /// Bytes of row text.
    pub bytes: u64,
    /// Chunks.
    pub chunks: u64,
}

/// A restore that came to its end.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RestoreDone {
    /// Backup id.
    pub backup: String,
    /// Source name.
    pub name: String,
    /// The moment it shows.
    pub snapshot: Timestamp,
    /// The backup is consistent.
    pub consistent: bool,
    /// SHA-256 of its manifest.
    pub manifest_sha256: String,
    /// The target, without password.
    pub target: String,
    /// Tables restored.
    pub tables: u64,
    /// Rows of the tables restored.
    pub rows: u64,
    /// Bytes of row text.
    pub bytes: u64,
    /// Chunks.
    pub chunks: u64,
    /// Rows that this run loaded; fewer than `rows` where it went on from an earlier try.
    pub rows_loaded: u64,
    /// Secondary indexes built.
    pub indexes: u64,
    /// Foreign keys made.
    pub foreign_keys: u64,
    /// Histograms set.
    pub histograms: u64,
    /// Views, routines, triggers, events made.
    pub objects: u64,
    /// Users and roles made (`--users`).
    pub users: u64,
    /// Grants that the target refused, and why.
    pub not_granted: Vec<String>,
    /// The run went on from an earlier try.
    pub resumed: bool,
    /// The way that rows took.
    pub way: Way,
    /// The restore stands in the target's binary log.
    pub writes_binary_log: bool,
    /// Global settings that were changed, by this run or one that died, and what became of them.
    pub settings: Vec<Undone>,
    /// What was proved; none where it was not asked for.
    pub proof: Option<Proof>,
    /// JSON columns whose types the backup does not carry: they came back as text.
    pub untyped: Vec<Untyped>,
    /// What became of `gtid_purged`; none where proof failed before.
    pub gtid: Option<GtidOutcome>,
    /// The servers that the target can replicate from, going on where the backup stands, and the statements for it.
    pub continuations: Vec<Continuation>,
    /// What became of `--replicate-from`.
    pub attached: Option<Attached>,
    /// Lines for the mysql client that put tables, restored under another schema's name, back where they are missing.
    pub put_back: Vec<String>,
    /// Objects that are not on the target, and why.
    pub not_created: Vec<String>,
    /// The tables that `--first` named, and how far each was when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<FirstTable>,
    /// Tables that are not as they were; where there are some, the restore is not complete.
    pub failed: Vec<FailedTable>,
    /// Where tables have failed, those that are whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub usable: Vec<String>,
    /// What was not made since it names a table that failed. Events wait until all tables are there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// The command line that goes on, where tables have failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub go_on: String,
    /// The command line that removes everything again.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub abort: String,
    /// What was told before the first change.
    pub plan: Box<RestorePlan>,
    /// What it was predicted to need.
    pub prediction: Prediction,
    /// What the guard found on the target, with what was overridden.
    pub findings: Vec<Finding>,
    /// Things that a person should read.
    pub notes: Vec<String>,
    /// Phases and their durations.
    pub phases: Vec<Phase>,
}

/// The report of a restore that is complete.
pub(super) fn done(run: Run<'_>, complete: Complete) -> RestoreReport {
    let Complete { gtid, attached, put_back } = complete;
    let continuations = replicate::continuations(&run.backup, run.options, &run.target.facts, &gtid, attached.as_ref());
    RestoreReport::Restore(Box::new(RestoreDone { gtid: Some(gtid), continuations, attached, put_back, ..report(run) }))
}

/// The report of a restore in which tables have failed, with what was not made for that.
pub(super) fn incomplete(mut run: Run<'_>, waiting: Vec<Waiting>) -> RestoreReport {
    let go_on = tuning::line_that_goes_on(run.options, &run.backup.manifest.id);
    let abort = run.options.abort_line.clone();
    let failed = std::mem::take(&mut run.standings.failed);
    let tables = run.selected.tables.iter().enumerate().filter(|(place, _)| !run.standings.has_failed(*place));
    let usable = tables.map(|(_, table)| table.target.to_string()).collect();
    let mut report = report(run);
    if let Some(proof) = &mut report.proof {
        // Those whose rows differ were compared.
        let not_compared = failed.iter().filter(|failed| failed.step < Step::ForeignKeys);
        proof.not_compared.extend(
            not_compared.map(|failed| NotCompared { table: failed.table.clone(), why: "it is not whole".into() }),
        );
    }
    RestoreReport::Restore(Box::new(RestoreDone { failed, usable, waiting, go_on, abort, ..report }))
}

fn report(run: Run<'_>) -> RestoreDone {
    let Run {
        loaded,
        proof,
        first,
        options,
        backup,
        selected,
        users,
        target,
        made,
        admission,
        findings,
        plan,
        phases,
        ..
    } = run;
    let manifest = backup.manifest;
    let writes_binary_log = target.writes_binary_log();
    let mut notes = target.notes;
    notes.extend(made.notes);
    let mut untyped = manifest.untyped;
    untyped.retain(|column| selected.tables.iter().any(|table| table.table.name.to_string() == column.table));
    let with_data = !options.no_data;
    RestoreDone {
        backup: manifest.id,
        name: manifest.name,
        snapshot: manifest.snapshot,
        consistent: manifest.consistency != crate::position::ConsistencyKind::None,
        manifest_sha256: backup.hash,
        target: options.target.describe(),
        tables: selected.tables.len() as u64,
        rows: if with_data { selected.rows() } else { 0 },
        bytes: if with_data { selected.bytes() } else { 0 },
        chunks: if with_data { selected.chunks().count() as u64 } else { 0 },
        rows_loaded: loaded.rows,
        indexes: loaded.indexes,
        foreign_keys: made.foreign_keys,
        histograms: made.histograms,
        objects: made.objects,
        users: users.count(),
        not_granted: users.not_granted().to_vec(),
        resumed: admission.resumed,
        way: target.way,
        writes_binary_log,
        settings: target.undone,
        proof,
        untyped: if with_data { untyped } else { Vec::new() },
        gtid: None,
        continuations: Vec::new(),
        attached: None,
        put_back: Vec::new(),
        not_created: users.not_created.into_iter().chain(made.not_created.iter().map(ToString::to_string)).collect(),
        first: first.tables,
        failed: Vec::new(),
        usable: Vec::new(),
        waiting: Vec::new(),
        go_on: String::new(),
        abort: String::new(),
        prediction: plan.prediction.clone(),
        plan,
        findings,
        notes,
        phases: phases.end(),
    }
}

impl RestoreReport {
    /// The restore, where there is one.
    pub fn restore(&self) -> Option<&RestoreDone> {
        match self {
            RestoreReport::Restore(done) => Some(done),
            RestoreReport::Plan(_) => None,
        }
    }

    /// The exit code: a restore in which a table failed is no success, and has the code of the most serious failure; nor is one
    /// after which the target does not replicate as asked.
    pub fn exit(&self) -> Exit {
        match (self.error(), self) {
            (Some(error), _) => error.exit(),
            (None, RestoreReport::Restore(done))
                if done.attached.as_ref().is_some_and(|attached| !attached.started) =>
            {
                Exit::ReplicationNotStarted
            }
            _ => Exit::Success,
        }
    }

    /// Adds what to try to every failure of a table.
    pub(super) fn hint(mut self, hint: &str) -> RestoreReport {
        if let RestoreReport::Restore(done) = &mut self {
            done.failed.iter_mut().for_each(|failed| failed.hints.push(hint.to_owned()));
        }
        self
    }

    /// Why a restore is not complete; none where it is.
    pub fn error(&self) -> Option<Error> {
        let done = self.restore()?;
        // The first of the most serious.
        let worst = done.failed.iter().min_by_key(|failed| seriousness(failed.exit))?;
        let others = match done.failed.len() - 1 {
            0 => String::new(),
            n => format!(" (and {} failed)", counted(n as u64, "more table")),
        };
        let error = Error::new(worst.exit, format!("{}{others}", worst.why));
        let error = worst.hints.iter().fold(error, |error, hint| error.hint(hint));
        let damaged = (worst.exit == Exit::RepositoryDamaged).then(|| MEND.to_owned());
        let go_on = (!done.go_on.is_empty()).then(|| format!("to go on: {}", done.go_on));
        let abort = (!done.abort.is_empty()).then(|| tuning::removal(&done.abort, done.usable.len()));
        Some(damaged.into_iter().chain(go_on).chain(abort).fold(error, Error::hint))
    }

    /// For people.
    pub fn text(&self) -> String {
        match self {
            RestoreReport::Plan(plan) => plan.text(),
            RestoreReport::Restore(done) => done.text(),
        }
    }
}

impl RestorePlan {
    fn text(&self) -> String {
        let tables = self.tables.iter().map(|table| {
            let (rows, chunks) = (counted(table.rows, "row"), counted(table.chunks, "chunk"));
            format!("  {}{}  {rows}, {}, {chunks}", table.name, renamed(&table.name, &table.target), bytes(table.bytes))
        });
        let notes = self.notes.iter().map(|note| format!("note: {note}"));
        let (head, rest) = self.lines();
        let lines = std::iter::once(head + "; nothing was done").chain(tables).chain(rest).chain(notes);
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }

    /// What a person reads before anything is changed. The notes stand in the summary again.
    pub(super) fn before(&self) -> Vec<String> {
        let schemas = self.schemas.iter().take(NAMES_SHOWN).map(|schema| {
            let (tables, rows) = (counted(schema.tables, "table"), counted(schema.rows, "row"));
            format!(
                "  {}{}: {tables}, {rows}, {}",
                schema.name,
                renamed(&schema.name, &schema.target),
                bytes(schema.bytes)
            )
        });
        let more = self.schemas.len().saturating_sub(NAMES_SHOWN);
        let more = (more > 0).then(|| format!("  and {}", counted(more as u64, "more schema")));
        let (head, rest) = self.lines();
        std::iter::once(head).chain(schemas).chain(more).chain(rest).collect()
    }

    /// The line above what is restored, and those below it.
    fn lines(&self) -> (String, Vec<String>) {
        let head = format!(
            "plan: restore backup {} of {} (snapshot of {:.3}, {} ago, {}) to {} ({} {}) with {}",
            self.backup,
            self.name,
            self.snapshot,
            seconds(self.age_seconds),
            position(&self.position),
            self.target,
            self.target_flavor,
            self.target_version,
            counted(self.threads as u64, "thread")
        );
        let mut lines = vec![format!(
            "{}, {}; rows by {}; binary log of the target: {}",
            counted(self.tables.len() as u64, "table"),
            counted(self.objects, "other object"),
            way_text(self.way),
            if self.writes_binary_log { "written" } else { "not written" }
        )];
        if !self.first.is_empty() {
            lines.push(format!("first: {}", some_of(&self.first, NAMES_SHOWN)));
        }
        lines.push(self.prediction.text());
        for Change { name, found, set } in self.settings.iter().filter(|change| change.found != change.set) {
            let name = settings::title(name);
            lines.push(format!("while rows are loaded: {name} {set}, then {found} again"));
        }
        lines.extend(self.findings.iter().map(found));
        (head, lines)
    }
}

fn renamed(name: &str, target: &str) -> String {
    if name == target { String::new() } else { format!(" as {target}") }
}

/// Letters of a GTID set that a line has room for; all of it stands in `show` and in the report.
const GTID_LETTERS: usize = 120;

/// Where a backup stands, on one line.
fn position(position: &Position) -> String {
    let mut set: String = position.gtid_executed.chars().take(GTID_LETTERS).collect();
    if set.len() < position.gtid_executed.len() {
        set.push_str("...");
    }
    let file = position.binlog_file.as_ref().zip(position.binlog_offset);
    let file = file.map(|(file, offset)| format!("{file}:{offset}"));
    let known: Vec<String> = [set].into_iter().filter(|set| !set.is_empty()).chain(file).collect();
    match known.is_empty() {
        true => "position not known".into(),
        false => format!("at {}", known.join(", ")),
    }
}

/// A finding that did not keep the restore away.
fn found(finding: &Finding) -> String {
    match finding.grade {
        Grade::Note => format!("note: {}", finding.message),
        Grade::Refuse | Grade::Unknown => format!("overridden: {}", finding.message),
    }
}

fn way_text(way: Way) -> &'static str {
    match way {
        Way::LoadData => "LOAD DATA",
        Way::Insert => "INSERT",
    }
}

/// What to do about a damaged object.
const MEND: &str = "put the object back from a copy of the repository, or back the source up again, which stores again what was lost \
     and is still the same there, and go on; or remove it all, and restore another backup (--backup), or all but this table \
     (--exclude-table)";

/// Failures that come first among those of a run have the lowest number.
fn seriousness(exit: Exit) -> u8 {
    match exit {
        Exit::RepositoryDamaged => 0,
        Exit::LoadRejected => 1,
        Exit::ProofFailed => 2,
        _ => 3,
    }
}

impl RestoreDone {
    fn text(&self) -> String {
        let partly = if self.failed.is_empty() { "" } else { "PARTLY " };
        let mut lines = vec![
            format!(
                "backup {} of {} (snapshot of {:.3}) is {partly}restored to {}",
                self.backup, self.name, self.snapshot, self.target
            ),
            format!(
                "  {} in {}, {} of row text in {}, by {}",
                counted(self.rows, "row"),
                counted(self.tables, "table"),
                bytes(self.bytes),
                counted(self.chunks, "chunk"),
                way_text(self.way)
            ),
            format!(
                "  made: {} secondary indexes after the rows, {}, {}",
                count(self.indexes),
                counted(self.foreign_keys, "foreign key"),
                counted(self.objects, "other object")
            ),
        ];
        if self.histograms > 0 {
            lines.push(format!("  made: {}", counted(self.histograms, "histogram")));
        }
        if self.users > 0 {
            lines.push(format!("  made: {} users and roles with their grants", count(self.users)));
        }
        if self.resumed {
            let rows = count(self.rows_loaded);
            lines.push(format!("  went on from an earlier try: {rows} of these rows were loaded now"));
        }
        if !self.consistent {
            lines.push("  NOT CONSISTENT: the backup was taken with --consistency none".into());
        }
        lines.extend(self.failure_lines());
        lines.extend(self.proof_lines());
        lines.extend(self.first.iter().map(|table| format!("  first: {}", table.line())));
        lines.extend(self.untyped.iter().map(|column| format!("  not carried: {column}; they came back as text")));
        if let Some(gtid) = &self.gtid {
            lines.push(match gtid {
                GtidOutcome::Set { set } => format!("  gtid_purged: set to {set}"),
                GtidOutcome::NotSet { why, statement: None } => format!("  gtid_purged: not set, {why}"),
                GtidOutcome::NotSet { why, statement: Some(sql) } => {
                    format!("  gtid_purged: not set, {why}; to set it: {sql}")
                }
            });
        }
        let binlog = match self.writes_binary_log {
            true => "written",
            false => "not written: replicas of the target, if it has any, did not get these rows",
        };
        lines.push(format!("  binary log of the target: {binlog}"));
        lines.extend(self.settings.iter().map(|undone| format!("  setting {undone}")));
        lines.extend(self.not_created.iter().map(|what| format!("  not created: {what}")));
        lines.extend(self.not_granted.iter().map(|what| format!("  not granted: {what}")));
        lines.extend(self.findings.iter().map(|finding| format!("  {}", found(finding))));
        lines.extend(self.notes.iter().map(|note| format!("  note: {note}")));
        let phases: Vec<_> =
            self.phases.iter().map(|phase| format!("{} {}", phase.name, seconds(phase.seconds))).collect();
        let sum = self.phases.iter().map(|phase| phase.seconds).sum();
        lines.push(format!("  time: {} ({})", seconds(sum), phases.join(", ")));
        lines.push(format!("  manifest sha256: {}", self.manifest_sha256));
        let attached = self.attached.as_ref();
        lines.extend(self.continuations.iter().flat_map(|continuation| continuation.lines(attached)));
        lines.extend(self.attached.as_ref().map(Attached::line));
        if !self.put_back.is_empty() {
            lines.push("  to put back what is missing under the old names, in the mysql client:".into());
            lines.extend(self.put_back.iter().map(|line| format!("    {line}")));
        }
        lines.join("\n") + "\n"
    }

    /// What is usable, what is not, and why.
    fn failure_lines(&self) -> Vec<String> {
        if self.failed.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!(
            "  NOT COMPLETE: {} of {} usable: {}",
            count(self.usable.len() as u64),
            counted(self.tables, "table"),
            if self.usable.is_empty() { "none".into() } else { some_of(&self.usable, NAMES_SHOWN) }
        )];
        for failed in &self.failed {
            let word = if failed.step == Step::ForeignKeys { "without a foreign key" } else { "not usable" };
            lines.push(format!("  {word}: {}: {}", failed.table, failed.why));
        }
        for waiting in &self.waiting {
            lines.push(format!(
                "  not made: {}, which waits for {}",
                waiting.what,
                some_of(&waiting.waits_for, NAMES_SHOWN)
            ));
        }
        lines.push(
            "  events and gtid_purged wait until all tables are there; the ledger myriad_restore stays until then"
                .into(),
        );
        if !self.go_on.is_empty() {
            lines.push(format!("  to go on once the cause is mended: {}", self.go_on));
        }
        lines
    }

    fn proof_lines(&self) -> Vec<String> {
        let Some(proof) = &self.proof else {
            if self.chunks == 0 {
                return vec!["  definitions only: there are no rows to prove".into()];
            }
            return vec!["  NOT PROVED: nothing was read back (--verify none)".into()];
        };
        proof.lines("  ")
    }
}
