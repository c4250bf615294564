//! What filling a server and measuring rivals can fail with.

use crate::error::{Exit, Explain};
use crate::sandbox::SandboxError;
use crate::server::ServerError;
use std::path::PathBuf;

/// A failure of a data set or of a contest.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A data set's name cannot be read.
    #[error("{spec} is no data set: {why}")]
    Spec {
        /// What was given.
        spec: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server failed.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A private server failed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The server did not take generated rows as they were sent.
    #[error("{server} did not take the rows of {table} as sent: {info}")]
    Rows {
        /// The server's address.
        server: String,
        /// The table.
        table: String,
        /// What the server said.
        info: String,
    },
    /// A file or folder of the contest could not be written or read.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was tried, as in "create".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program under measurement failed.
    #[error("{program} failed ({status}): {complaint}")]
    Program {
        /// The command, for people.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it wrote to its standard error.
        complaint: String,
    },
    /// A rival brought other data than the source holds: its times mean nothing.
    #[error("{rival} loaded other data than the source holds: {}", tables.join(", "))]
    Differs {
        /// The rival and its way of loading.
        rival: String,
        /// The tables that differ.
        tables: Vec<String>,
    },
    /// A table's definition could not be taken apart.
    #[error("the definition of table {table} is none that can be loaded without its indexes")]
    Definition {
        /// The table.
        table: String,
    },
    /// Somebody wrote to the source, so nobody can bring what was there.
    #[error("{server} was written to while it was measured with")]
    SourceChanged {
        /// The server's address.
        server: String,
    },
    /// The file holds no result of `myriad bench --json`.
    #[error("{} holds no result of a comparison: {why}", path.display())]
    Earlier {
        /// The file.
        path: PathBuf,
        /// What was not understood.
        why: String,
    },
    /// There is nothing to measure.
    #[error("{server} holds no user schema to measure with")]
    NoData {
        /// The server's address.
        server: String,
    },
    /// Somebody asked to stop.
    #[error("stopped before the contest was over")]
    Interrupted,
    /// A task of this program ended before its work was done.
    #[error("a task ended early: {0}")]
    Task(String),
}

impl Explain for BenchError {
    fn exit(&self) -> Exit {
        match self {
            BenchError::Spec { .. } => Exit::Usage,
            BenchError::Server(error) => error.exit(),
            BenchError::Sandbox(error) => error.exit(),
            BenchError::Rows { .. } => Exit::LoadRejected,
            BenchError::Differs { .. } => Exit::ProofFailed,
            BenchError::Interrupted => Exit::Interrupted,
            BenchError::Earlier { .. } => Exit::Usage,
            BenchError::File { .. }
            | BenchError::Program { .. }
            | BenchError::Definition { .. }
            | BenchError::SourceChanged { .. }
            | BenchError::NoData { .. }
            | BenchError::Task(_) => Exit::Failure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            BenchError::Spec { .. } => {
                Some("data sets are shop:1000000, sbtest:4x250000, wide:1000000, blobs:20000 and corpus".into())
            }
            BenchError::Server(error) => error.hint(),
            BenchError::Sandbox(error) => error.hint(),
            BenchError::File { .. } => Some("is there room on the disk, and may this account write there?".into()),
            BenchError::NoData { .. } => Some("name a data set instead of a source, such as shop:1000000".into()),
            BenchError::SourceChanged { .. } => {
                Some("measure with a server that nobody writes to, such as a replica that is stopped".into())
            }
            BenchError::Earlier { .. } => Some("give the file that myriad bench --json printed".into()),
            BenchError::Rows { .. }
            | BenchError::Program { .. }
            | BenchError::Definition { .. }
            | BenchError::Differs { .. }
            | BenchError::Interrupted
            | BenchError::Task(_) => None,
        }
    }
}
