//! What a drill leaves behind: one record, which is the JSON report, the entry in the history, and all that the other
//! reports (page, JUnit, metrics) are made of. The tables that were drilled stand in a document of their own, since a
//! history of many drills is read often and their tables seldom. Data only; nothing is judged here.

use crate::error::Exit;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the record's form. Readers refuse a newer one and take an older one.
pub const RECORD_VERSION: u32 = 1;

/// What a drill came to, worst last. The exit code of the command follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Restored, every range read back and equal, every assertion held, within every budget.
    Proved,
    /// All of that but for a budget: recovery took longer than `rto`, or the snapshot was older than `rpo`.
    OverBudget,
    /// Restored, and not proved: proof was left out, some of it could not be compared, or objects are missing.
    Unproved,
    /// Restored and proved, and the data are not as an assertion wants them.
    AssertionFailed,
    /// The repository does not hold what the backup's manifest names, or rows differ from it after the restore.
    DamagedBackup,
    /// Nothing can be said of the backup: no server, no room, no repository, no backup, stopped by a signal.
    CouldNotRun,
}

impl Verdict {
    /// For people: `proved`, `over budget`.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Proved => "proved",
            Verdict::OverBudget => "over budget",
            Verdict::Unproved => "restored but unproved",
            Verdict::AssertionFailed => "assertion failed",
            Verdict::DamagedBackup => "damaged backup",
            Verdict::CouldNotRun => "could not run",
        }
    }

    /// How the command ends.
    pub fn exit(self) -> Exit {
        match self {
            Verdict::Proved => Exit::Success,
            Verdict::OverBudget => Exit::DrillOverBudget,
            Verdict::Unproved => Exit::DrillUnproved,
            Verdict::AssertionFailed => Exit::DrillAssertionFailed,
            Verdict::DamagedBackup => Exit::DrillDamagedBackup,
            Verdict::CouldNotRun => Exit::DrillCouldNotRun,
        }
    }
}

/// One drill.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DrillRecord {
    /// [`RECORD_VERSION`] of the program that wrote it.
    pub version: u32,
    /// Names the drill: its begin in UTC and a few random digits, as `20261124T031500Z-1f3a`; sorts by time.
    pub id: String,
    /// Name of the source whose backup was drilled.
    pub name: String,
    /// When it began, by the clock of the machine.
    pub begun: Timestamp,
    /// When its last assertion was answered; teardown is not counted.
    pub ended: Timestamp,
    /// What it came to.
    pub verdict: Verdict,
    /// The verdict in one sentence, for a person.
    pub message: String,
    /// What to do next, a sentence each; empty where all is well.
    pub next: Vec<String>,
    /// Everything that went wrong, a sentence each; the message names the first.
    pub failures: Vec<String>,
    /// Things that a person should read.
    pub notes: Vec<String>,
    /// The program and its version, as `myriad 0.1.0`.
    pub program: String,
    /// Where it ran.
    pub machine: Machine,
    /// The backup; none where none could be chosen.
    pub backup: Option<DrilledBackup>,
    /// The server that it was restored to; none where none was started.
    pub server: Option<DrillServer>,
    /// How much of the backup was restored.
    pub scope: Option<DrillScope>,
    /// Phases with their sums: `fetch` (choosing the backup, reading its lists, seeing that its objects are there), `start` (of
    /// the server), `schema`, `rows` (until the last row is in; indexes of tables that are full by then are built meanwhile),
    /// `indexes` (what is left of them), `objects` (foreign keys, users, code, views, triggers, events), `proof`, `assertions`.
    pub phases: Vec<DrillPhase>,
    /// Seconds from the begin to the end of proof: what a recovery would have taken here. None where it did not get there.
    pub recovery_seconds: Option<f64>,
    /// The same for all of the backup, where only a sample was restored: by bytes, and an estimate.
    pub recovery_seconds_extrapolated: Option<f64>,
    /// What a loss at the begin of the drill would have cost: the age of the snapshot in seconds.
    pub data_loss_seconds: Option<f64>,
    /// What was allowed.
    pub budgets: Budgets,
    /// CPU seconds of this program.
    pub program_cpu_seconds: f64,
    /// CPU seconds of the server, where they can be seen.
    pub server_cpu_seconds: Option<f64>,
    /// Assertions in their order.
    pub assertions: Vec<AssertionOutcome>,
    /// Tables that changed most since the last drill of this name; largest change first, at most 20.
    pub changed_most: Vec<TableChange>,
}

/// The machine that a drill ran on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Its name.
    pub host: String,
    /// Processors that the program may use.
    pub processors: usize,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
}

/// The backup that was drilled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DrilledBackup {
    /// Backup id.
    pub id: String,
    /// The repository, without credentials.
    pub repository: String,
    /// The moment it shows.
    pub snapshot: Timestamp,
    /// SHA-256 of its manifest.
    pub manifest_sha256: String,
    /// The server that it came from, as `MySQL 9.7.4`.
    pub source_server: String,
    /// All sessions of the backup saw one moment.
    pub consistent: bool,
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of row text.
    pub bytes: u64,
}

/// The server that a drill restored to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DrillServer {
    /// `MySQL` or `MariaDB`.
    pub family: String,
    /// Its version.
    pub version: String,
    /// How to connect, where it was left running (`--keep`).
    pub kept: Option<String>,
}

/// How much of the backup was restored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DrillScope {
    /// `all`, `selected` (schemas or tables by name) or `sample`.
    pub kind: ScopeKind,
    /// In words, as `all 41 tables` or `a sample of 12 of 4100 tables, 3.0 % of the bytes`.
    pub text: String,
    /// Tables restored.
    pub tables: u64,
    /// Rows restored.
    pub rows: u64,
    /// Bytes of row text restored.
    pub bytes: u64,
}

/// What was chosen of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// Everything.
    All,
    /// Schemas or tables by name.
    Selected,
    /// Some tables, by chance.
    Sample,
}

/// A phase of a drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrillPhase {
    /// Its name.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
}

/// What a drill was allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Budgets {
    /// Seconds that a recovery may take.
    pub rto_seconds: Option<f64>,
    /// Seconds of work that may be lost.
    pub rpo_seconds: Option<f64>,
}

/// One assertion and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssertionOutcome {
    /// Its name in the configuration, or what it stands for (`no table vanished`).
    pub name: String,
    /// The statement, where it has one.
    pub sql: Option<String>,
    /// What was wanted, in words: `= 42`, `between 1 and 9`, `within 10 % of 5000`.
    pub expected: String,
    /// What came back, or the server's error.
    pub found: String,
    /// It held.
    pub held: bool,
    /// Seconds.
    pub seconds: f64,
}

/// How a table changed between two drills.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableChange {
    /// `schema.table`.
    pub table: String,
    /// Rows at the last drill; none where the table is new.
    pub rows_before: Option<u64>,
    /// Rows now; none where it has gone.
    pub rows: Option<u64>,
    /// Bytes of row text at the last drill.
    pub bytes_before: Option<u64>,
    /// Bytes of row text now.
    pub bytes: Option<u64>,
}

/// The tables of one drill: what the next one is compared with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DrillTables {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// Its configuration judges whether tables have vanished.
    #[serde(default)]
    pub judged_vanished: bool,
    /// All that the backup holds, restored or not.
    pub tables: Vec<DrilledTable>,
}

/// A table of a drilled backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrilledTable {
    /// `schema.table`.
    pub table: String,
    /// Rows.
    pub rows: u64,
    /// Bytes of row text.
    pub bytes: u64,
    /// It was restored in this drill.
    pub restored: bool,
    /// The configuration of the drill judges how its rows change.
    #[serde(default)]
    pub judged: bool,
}
