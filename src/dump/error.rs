//! What reading rows can fail with.

use crate::codec::{FrameError, RowError};
use crate::error::{Exit, Explain};
use crate::plan::cuts::Gap;
use crate::server::ServerError;

/// A failure of a backup's reading half.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The server failed.
    #[error("reading {table}: {source}")]
    Server {
        /// The table.
        table: String,
        /// Why.
        source: ServerError,
    },
    /// A packet does not fit.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Compression failed.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Storing failed; the pack writer has the reason.
    #[error("storing rows failed")]
    Store,
    /// The definition of a table changed under the snapshot.
    #[error("table {table} was changed while it was read: {source}")]
    Changed {
        /// The table.
        table: String,
        /// The server's words.
        source: ServerError,
    },
    /// The rows that were read are not the rows that the table has.
    #[error("table {table} has {counted} rows in the snapshot, but {read} were read")]
    Count {
        /// The table.
        table: String,
        /// By COUNT(*) in the same snapshot.
        counted: u64,
        /// Sum over the chunks.
        read: u64,
    },
    /// The ranges of a table do not close.
    #[error("table {table}: {source}")]
    Gap {
        /// The table.
        table: String,
        /// Where.
        source: Gap,
    },
    /// The last session that held the snapshot is gone.
    #[error("every session that held the snapshot was lost: {source}")]
    SnapshotLost {
        /// How the last one went.
        source: ServerError,
    },
    /// Asked to stop.
    #[error("stopped before all rows were read; nothing became visible in the repository")]
    Interrupted,
}

impl DumpError {
    /// Wraps a server error of reading `table`: a changed definition has an error of its own.
    pub(super) fn server(table: &str, source: ServerError) -> DumpError {
        let table = table.to_owned();
        match source.code() {
            Some(1412 | 1146 | 1814) => DumpError::Changed { table, source },
            _ => DumpError::Server { table, source },
        }
    }

    /// The session is gone, and the work it held can be done by another.
    pub(super) fn session_lost(&self) -> bool {
        matches!(self, DumpError::Server { source, .. } if source.lost())
    }
}

impl Explain for DumpError {
    fn exit(&self) -> Exit {
        match self {
            DumpError::Server { source, .. } => source.exit(),
            DumpError::Row(_) => Exit::StatementFailed,
            DumpError::Frame(e) => e.exit(),
            DumpError::Store => Exit::RepositoryWrite,
            DumpError::Changed { .. } | DumpError::Count { .. } | DumpError::Gap { .. } => Exit::BackupInconsistent,
            DumpError::SnapshotLost { .. } => Exit::ServerLost,
            DumpError::Interrupted => Exit::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            DumpError::Server { source, .. } => return source.hint(),
            DumpError::Frame(e) => return e.hint(),
            DumpError::Row(_) | DumpError::Store => return None,
            DumpError::Changed { .. } => {
                "keep ALTER, TRUNCATE and RENAME away from the backup, or give its account BACKUP_ADMIN".into()
            }
            DumpError::Count { .. } | DumpError::Gap { .. } => {
                "please report this with the table's definition; nothing became visible in the repository".into()
            }
            DumpError::SnapshotLost { .. } => {
                "run the backup again: what was stored is found again by its content".into()
            }
            DumpError::Interrupted => {
                "run the same command again: what was stored is found again by its content".into()
            }
        })
    }
}
