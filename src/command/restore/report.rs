//! What a restore says at its end: what came back, what was proved, and what is missing.

use super::gtid::GtidOutcome;
use super::phases::Phase;
use super::prediction::Prediction;
use super::replicate::{self, Attached, Continuation};
use super::steps::Run;
use crate::command::text::{bytes, count, counted, seconds};
use crate::error::Exit;
use crate::guard::{Finding, Grade};
use crate::load::Loaded;
use crate::load::rows::Way;
use crate::manifest::model::Untyped;
use crate::server::facts::Flavor;
use crate::settings::{Change, Undone};
use crate::verify::Proof;
use jiff::Timestamp;

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
    /// The moment it shows.
    pub snapshot: Timestamp,
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
pub(super) fn done(
    run: Run<'_>,
    loaded: Loaded,
    proof: Option<Proof>,
    gtid: GtidOutcome,
    attached: Option<Attached>,
    put_back: Vec<String>,
) -> RestoreReport {
    let continuations = replicate::continuations(&run.backup, run.options, &run.target.facts, &gtid);
    let report = report(run, loaded);
    RestoreReport::Restore(Box::new(RestoreDone {
        proof,
        gtid: Some(gtid),
        continuations,
        attached,
        put_back,
        ..report
    }))
}

/// The report of a restore whose proof failed: it ends there, with triggers and events not made.
pub(super) fn unproved(run: Run<'_>, loaded: Loaded, proof: Option<Proof>) -> RestoreReport {
    let abort = match run.options.abort_line.as_str() {
        "" => String::new(),
        line => format!("; to remove it all: {line}"),
    };
    let mut report = report(run, loaded);
    report.notes.push(format!(
        "triggers and events were not made, and the ledger myriad_restore was kept, since proof failed{abort}"
    ));
    RestoreReport::Restore(Box::new(RestoreDone { proof, ..report }))
}

fn report(run: Run<'_>, loaded: Loaded) -> RestoreDone {
    let Run { options, backup, selected, users, target, made, admission, findings, prediction, phases, .. } = run;
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
        proof: None,
        untyped: if with_data { untyped } else { Vec::new() },
        gtid: None,
        continuations: Vec::new(),
        attached: None,
        put_back: Vec::new(),
        not_created: users.not_created.into_iter().chain(made.not_created.iter().map(ToString::to_string)).collect(),
        prediction,
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

    /// The exit code: a restore whose proof failed is no success, nor is one after which the target does not replicate.
    pub fn exit(&self) -> Exit {
        match self {
            RestoreReport::Restore(done) if done.proof.as_ref().is_some_and(|proof| !proof.holds()) => {
                Exit::ProofFailed
            }
            RestoreReport::Restore(done) if done.attached.as_ref().is_some_and(|attached| !attached.started) => {
                Exit::ReplicationNotStarted
            }
            _ => Exit::Success,
        }
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
        let mut text = format!(
            "plan: restore backup {} (snapshot of {:.3}) to {} ({} {}) with {}; nothing was done\n",
            self.backup,
            self.snapshot,
            self.target,
            self.target_flavor,
            self.target_version,
            counted(self.threads as u64, "thread")
        );
        for table in &self.tables {
            let as_name = if table.name == table.target { String::new() } else { format!(" as {}", table.target) };
            let (rows, chunks) = (counted(table.rows, "row"), counted(table.chunks, "chunk"));
            text.push_str(&format!("  {}{as_name}  {rows}, {}, {chunks}\n", table.name, bytes(table.bytes)));
        }
        text.push_str(&format!(
            "{}, {}; rows by {}; binary log of the target: {}\n",
            counted(self.tables.len() as u64, "table"),
            counted(self.objects, "other object"),
            way_text(self.way),
            if self.writes_binary_log { "written" } else { "not written" }
        ));
        text.push_str(&format!("{}\n", self.prediction.text()));
        for Change { name, found, set } in self.settings.iter().filter(|change| change.found != change.set) {
            text.push_str(&format!("while rows are loaded: {name} {set}, then {found} again\n"));
        }
        self.findings.iter().for_each(|finding| text.push_str(&format!("{}\n", found(finding))));
        self.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
        text
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

impl RestoreDone {
    fn text(&self) -> String {
        let mut lines = vec![
            format!(
                "backup {} of {} (snapshot of {:.3}) is restored to {}",
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
        lines.extend(self.proof_lines());
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
        if !self.attached.as_ref().is_some_and(|attached| attached.started) {
            lines.extend(self.continuations.iter().flat_map(Continuation::lines));
        }
        lines.extend(self.attached.as_ref().map(Attached::line));
        if !self.put_back.is_empty() {
            lines.push("  to put back what is missing under the old names, in the mysql client:".into());
            lines.extend(self.put_back.iter().map(|line| format!("    {line}")));
        }
        lines.join("\n") + "\n"
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
