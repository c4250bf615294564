//! What a backup says at its end: what it proved, and what it did not take.

use super::Listed;
use super::record::Written;
use crate::command::options::BackupOptions;
use crate::command::text::{bytes, count, counted, seconds, some_of};
use crate::dump::{Taken, WorkerTime};
use crate::manifest::model::{Manifest, Totals, Untyped};
use crate::position::{ConsistencyKind, Position, SourcePosition};
use crate::server::facts::{Flavor, ServerFacts};
use crate::server::inspect::NotTaken;
use jiff::Timestamp;
use std::time::Duration;

/// The result of `myriad backup`: a plan (`--dry-run`) or a backup.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum BackupReport {
    /// Nothing was done.
    Plan(BackupPlan),
    /// The backup is there.
    Backup(Box<BackupDone>),
}

/// What would be done.
#[derive(Clone, Debug, serde::Serialize)]
pub struct BackupPlan {
    /// The source, without password.
    pub source: String,
    /// Its family.
    pub flavor: Flavor,
    /// Its version.
    pub version: String,
    /// Where it would be stored.
    pub repository: String,
    /// Sessions that would read.
    pub threads: usize,
    /// Tables with the server's estimates.
    pub tables: Vec<PlannedTable>,
}

/// A table of a plan.
#[derive(Clone, Debug, serde::Serialize)]
pub struct PlannedTable {
    /// `schema.table`.
    pub name: String,
    /// Storage engine.
    pub engine: String,
    /// The server's estimate of rows.
    pub rows_estimate: u64,
    /// The server's estimate of bytes.
    pub bytes_estimate: u64,
}

/// A backup that is there.
#[derive(Clone, Debug, serde::Serialize)]
pub struct BackupDone {
    /// Its id.
    pub id: String,
    /// Source name.
    pub name: String,
    /// Repository.
    pub repository: String,
    /// SHA-256 of its manifest.
    pub manifest_sha256: String,
    /// The moment it shows.
    pub snapshot: Timestamp,
    /// How the sessions came to one view.
    pub consistency: ConsistencyKind,
    /// Seconds for which writers had to wait.
    pub lock_held_seconds: f64,
    /// Where in the source's history it stands.
    pub position: Position,
    /// On a replica: what it had executed of its sources.
    pub source_positions: Vec<SourcePosition>,
    /// Sums.
    pub totals: Totals,
    /// Chunks that an earlier backup had stored.
    pub reused_chunks: u64,
    /// Seconds from start to end.
    pub seconds: f64,
    /// Sessions that read.
    pub threads: usize,
    /// How busy they were.
    pub workers: Vec<WorkerTime>,
    /// Sessions that were lost on the way.
    pub sessions_lost: usize,
    /// Rows were left out by a condition.
    pub partial: bool,
    /// What the server holds and the backup does not.
    pub not_taken: Vec<NotTaken>,
    /// JSON columns whose types are not carried.
    pub untyped: Vec<Untyped>,
    /// Things that a person should read.
    pub notes: Vec<String>,
}

/// The plan of `--dry-run`.
pub(super) fn plan(options: &BackupOptions, facts: &ServerFacts, tables: &[Listed], threads: usize) -> BackupReport {
    BackupReport::Plan(BackupPlan {
        source: options.source.describe(),
        flavor: facts.flavor,
        version: facts.version.clone(),
        repository: options.repo.clone(),
        threads,
        tables: tables
            .iter()
            .map(|table| PlannedTable {
                name: table.name.to_string(),
                engine: table.engine.clone(),
                rows_estimate: table.rows_estimate,
                bytes_estimate: table.bytes_estimate,
            })
            .collect(),
    })
}

/// The report of a backup that was committed.
pub(super) fn done(
    written: Written,
    hash: String,
    taken: &Taken,
    lock_held: Duration,
    repository: String,
    threads: usize,
) -> BackupReport {
    let Written { manifest, reused_chunks, .. } = written;
    let Manifest {
        id,
        name,
        snapshot,
        consistency,
        position,
        source_positions,
        totals,
        partial,
        not_taken,
        untyped,
        ..
    } = manifest;
    let elapsed = Timestamp::now().duration_since(manifest.started);
    BackupReport::Backup(Box::new(BackupDone {
        id,
        name,
        repository,
        manifest_sha256: hash,
        snapshot,
        consistency,
        lock_held_seconds: lock_held.as_secs_f64(),
        position,
        source_positions,
        totals,
        reused_chunks,
        seconds: elapsed.as_secs_f64(),
        threads,
        workers: taken.workers.clone(),
        sessions_lost: taken.sessions_lost,
        partial,
        not_taken,
        untyped,
        notes: Vec::new(),
    }))
}

impl BackupReport {
    /// The report with lines that a person should read.
    pub(super) fn with_notes(mut self, notes: Vec<String>) -> BackupReport {
        if let BackupReport::Backup(done) = &mut self {
            done.notes = notes;
        }
        self
    }

    /// The backup, where there is one.
    pub fn backup(&self) -> Option<&BackupDone> {
        match self {
            BackupReport::Backup(done) => Some(done),
            BackupReport::Plan(_) => None,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        match self {
            BackupReport::Plan(plan) => plan.text(),
            BackupReport::Backup(done) => done.text(),
        }
    }
}

impl BackupPlan {
    fn text(&self) -> String {
        let mut text = format!(
            "plan: back up {} ({} {}) into {} with {}; nothing was done\n",
            self.source,
            self.flavor,
            self.version,
            self.repository,
            counted(self.threads as u64, "thread")
        );
        for table in &self.tables {
            text.push_str(&format!(
                "  {}  about {} rows, {} ({})\n",
                table.name,
                count(table.rows_estimate),
                bytes(table.bytes_estimate),
                table.engine
            ));
        }
        let sum = self.tables.iter().map(|table| table.bytes_estimate).sum();
        text.push_str(&format!("{}, about {}\n", counted(self.tables.len() as u64, "table"), bytes(sum)));
        text
    }
}

impl BackupDone {
    fn text(&self) -> String {
        let totals = &self.totals;
        let mut lines = vec![
            format!("backup {} of {} is in {}", self.id, self.name, self.repository),
            format!(
                "  {} in {} of {}, {} of row text in {}",
                counted(totals.rows, "row"),
                counted(totals.tables, "table"),
                counted(totals.schemas, "schema"),
                bytes(totals.bytes),
                counted(totals.chunks, "chunk")
            ),
            format!(
                "  stored: {} of rows, of which {} are new ({} reused); {} of definitions and lists",
                bytes(totals.stored_bytes),
                bytes(totals.added_bytes),
                counted(self.reused_chunks, "chunk"),
                bytes(totals.parts_bytes)
            ),
            format!("  {}", self.position_text()),
            format!("  time: {} with {}", seconds(self.seconds), counted(self.threads as u64, "thread")),
            format!("  manifest sha256: {}", self.manifest_sha256),
        ];
        if self.partial {
            lines.push("  partial: rows were left out by --where".into());
        }
        if self.sessions_lost > 0 {
            lines.push(format!(
                "  {} lost on the way; the others took over",
                counted(self.sessions_lost as u64, "session")
            ));
        }
        lines.extend(self.untyped.iter().map(|column| format!("  not carried: {column}; their text is kept")));
        if !self.not_taken.is_empty() {
            let names: Vec<String> = self.not_taken.iter().map(ToString::to_string).collect();
            lines.push(format!("  not taken: {}", some_of(&names, 10)));
        }
        lines.extend(self.notes.iter().map(|note| format!("  note: {note}")));
        lines.join("\n") + "\n"
    }

    fn position_text(&self) -> String {
        let how = match self.consistency {
            ConsistencyKind::GlobalReadLock => {
                format!("consistent (global read lock, held {})", seconds(self.lock_held_seconds))
            }
            ConsistencyKind::LogStatus => "consistent (log status stood still)".into(),
            ConsistencyKind::TableLocks => format!("consistent (tables locked, {})", seconds(self.lock_held_seconds)),
            ConsistencyKind::None => "NOT CONSISTENT: snapshots were opened one after another".into(),
        };
        let exact = if self.position.exact { "exact" } else { "not exact" };
        let gtid = match self.position.gtid_executed.as_str() {
            "" => String::new(),
            set => format!(", GTID {set}"),
        };
        let file = match (&self.position.binlog_file, self.position.binlog_offset) {
            (Some(file), Some(offset)) => format!(", {file}:{offset}"),
            _ => ", no binary log".into(),
        };
        format!("snapshot of {:.3}: {how}; position {exact}{gtid}{file}", self.snapshot)
    }
}
