//! The wide error of the program: a message for a person, a hint that says what to try, and the exit
//! code a script can rely on. Each module keeps its own enum and explains itself through [`Explain`];
//! errors are widened once, where a command returns them.

use std::fmt;

/// Why the program ended. The numbers are a documented promise (docs/exit-codes.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done.
    Success = 0,
    /// A failure that has no code of its own.
    Failure = 1,
    /// The command line, an address or an option file is wrong; nothing was started.
    Usage = 2,
    /// The server could not be reached.
    Unreachable = 10,
    /// The server refused the login, or the TLS handshake failed.
    LoginRefused = 11,
    /// A right that the work needs is missing.
    RightMissing = 12,
    /// A connection was lost in the middle of the work.
    ServerLost = 13,
    /// The server rejected a statement.
    StatementFailed = 14,
    /// There is no repository at that place, or it cannot be read.
    RepositoryMissing = 20,
    /// The repository or a backup was made by a version this program does not know, or is no repository.
    RepositoryForeign = 21,
    /// A stored object or manifest is missing, truncated or altered.
    RepositoryDamaged = 22,
    /// The repository could not be written (disk full, no right).
    RepositoryWrite = 23,
    /// No such backup, or the name is ambiguous.
    BackupNotFound = 24,
    /// Another run is at work in the repository, or a prune got in the way of a backup.
    RepositoryBusy = 25,
    /// Binary logs that an archive needs are missing, or are not those that follow it.
    ArchiveGap = 26,
    /// The target is the server that the backup was taken from.
    TargetIsSource = 30,
    /// The target has replicas attached.
    TargetHasReplicas = 31,
    /// Schemas or tables of the same name are in the way on the target.
    TargetNotEmpty = 32,
    /// The target cannot take the data (a limit or a setting of the server).
    TargetUnfit = 33,
    /// The target is a live server (a running replica, in a group, written by others), or the account may not see whether
    /// it is; or tables can be used that would be dropped.
    TargetInUse = 34,
    /// Rows on the server differ from the backup.
    ProofFailed = 40,
    /// The source changed in a way that the snapshot cannot bridge, or rows were miscounted.
    BackupInconsistent = 41,
    /// The target did not take a chunk exactly as it was sent.
    LoadRejected = 42,
    /// The target was lost while its redo log was off: its data directory must be made anew.
    TargetMustBeRebuilt = 43,
    /// The target does not replicate as it was asked to (`--replicate-from`).
    ReplicationNotStarted = 45,
    /// A private server could not be found, initialised or started.
    SandboxFailed = 50,
    /// A drill was proved, but took longer than its budget, or the snapshot was older.
    DrillOverBudget = 60,
    /// A drill restored the backup, and did not prove all of it.
    DrillUnproved = 61,
    /// A drill restored and proved the backup, and its data are not as an assertion wants them.
    DrillAssertionFailed = 62,
    /// A drill found that the backup cannot be restored as it was taken.
    DrillDamagedBackup = 63,
    /// A drill could not run, so it says nothing of the backup.
    DrillCouldNotRun = 64,
    /// Stopped by Ctrl-C or SIGTERM.
    Interrupted = 130,
}

impl Exit {
    /// Every code, in the order of the numbers.
    pub const ALL: [Exit; 32] = [
        Exit::Success,
        Exit::Failure,
        Exit::Usage,
        Exit::Unreachable,
        Exit::LoginRefused,
        Exit::RightMissing,
        Exit::ServerLost,
        Exit::StatementFailed,
        Exit::RepositoryMissing,
        Exit::RepositoryForeign,
        Exit::RepositoryDamaged,
        Exit::RepositoryWrite,
        Exit::BackupNotFound,
        Exit::RepositoryBusy,
        Exit::ArchiveGap,
        Exit::TargetIsSource,
        Exit::TargetHasReplicas,
        Exit::TargetNotEmpty,
        Exit::TargetUnfit,
        Exit::TargetInUse,
        Exit::ProofFailed,
        Exit::BackupInconsistent,
        Exit::LoadRejected,
        Exit::TargetMustBeRebuilt,
        Exit::ReplicationNotStarted,
        Exit::SandboxFailed,
        Exit::DrillOverBudget,
        Exit::DrillUnproved,
        Exit::DrillAssertionFailed,
        Exit::DrillDamagedBackup,
        Exit::DrillCouldNotRun,
        Exit::Interrupted,
    ];

    /// The code as the process returns it.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What the code says, in the few words that help pages and docs/exit-codes.md have for it.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Success => "done",
            Exit::Failure => "failed",
            Exit::Usage => "wrong usage",
            Exit::Unreachable => "server unreachable",
            Exit::LoginRefused => "login refused",
            Exit::RightMissing => "right missing",
            Exit::ServerLost => "server lost",
            Exit::StatementFailed => "statement failed",
            Exit::RepositoryMissing => "no repository",
            Exit::RepositoryForeign => "unknown repository version",
            Exit::RepositoryDamaged => "repository damaged",
            Exit::RepositoryWrite => "repository not writable",
            Exit::BackupNotFound => "no such backup",
            Exit::RepositoryBusy => "repository in use",
            Exit::ArchiveGap => "binary logs missing",
            Exit::TargetIsSource => "target is the source",
            Exit::TargetHasReplicas => "target has replicas",
            Exit::TargetNotEmpty => "target not empty",
            Exit::TargetUnfit => "target unfit",
            Exit::TargetInUse => "target in use",
            Exit::ProofFailed => "rows differ",
            Exit::BackupInconsistent => "no consistent backup",
            Exit::LoadRejected => "rows rejected by the target",
            Exit::TargetMustBeRebuilt => "target must be rebuilt",
            Exit::ReplicationNotStarted => "replication did not start",
            Exit::SandboxFailed => "no private server",
            Exit::DrillOverBudget => "drill over budget",
            Exit::DrillUnproved => "drill restored but unproved",
            Exit::DrillAssertionFailed => "drill assertion failed",
            Exit::DrillDamagedBackup => "drill found a damaged backup",
            Exit::DrillCouldNotRun => "drill could not run",
            Exit::Interrupted => "stopped by Ctrl-C or SIGTERM",
        }
    }
}

/// What a module's error tells a user beside its message.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    /// The exit code that this error ends the program with.
    fn exit(&self) -> Exit;
    /// What to try next, without the word `hint:`; lower case, no full stop.
    fn hint(&self) -> Option<String>;
}

/// An error as a command returns it.
pub struct Error {
    exit: Exit,
    message: String,
    hints: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of a command and of everything above the modules' own enums.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a message that names the object: lower case, no full stop.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Error { exit, message: message.into(), hints: Vec::new(), source: None }
    }

    /// Adds a line that says what to try.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The module's own error that this one was made of, where it is an `E`.
    pub fn made_of<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.source.as_ref()?.downcast_ref()
    }

    /// Puts `context` before the message, as `context: message`.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// The exit code of the program.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What to try, one line each.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl<E: Explain> From<E> for Error {
    fn from(error: E) -> Self {
        Error {
            exit: error.exit(),
            message: error.to_string(),
            hints: error.hint().into_iter().collect(),
            source: Some(Box::new(error)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (exit {})", self.message, self.exit.code())?;
        for hint in &self.hints {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().and_then(|e| e.source())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first two cells of each row of the table in docs/exit-codes.md.
    fn documented() -> Vec<(String, String)> {
        let rows = include_str!("../docs/exit-codes.md").lines().filter(|line| line.starts_with("| "));
        let cells = rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
        let numbered = cells.filter(|cells| cells[1].parse::<u8>().is_ok());
        numbered.map(|cells| (cells[1].clone(), cells[2].clone())).collect()
    }

    #[test]
    fn the_document_has_every_exit_code() {
        let codes: Vec<_> = Exit::ALL.iter().map(|exit| (exit.code().to_string(), exit.meaning().to_owned())).collect();
        assert_eq!(documented(), codes);
    }

    #[test]
    fn all_has_every_variant() {
        let source = include_str!("error.rs");
        let (body, _) =
            source.split_once("pub enum Exit {").and_then(|(_, rest)| rest.split_once("\n}")).expect("Exit");
        let variants: Vec<&str> =
            body.lines().filter_map(|line| line.trim().split_once(" = ")).map(|(n, _)| n).collect();
        assert_eq!(variants, Exit::ALL.map(|exit| format!("{exit:?}")));
        assert!(Exit::ALL.is_sorted_by_key(|exit| exit.code()));
    }
}
