//! What verifying can fail with, apart from finding differences, which is a result.

use crate::codec::RowError;
use crate::error::{Exit, Explain};
use crate::manifest::ManifestError;
use crate::server::ServerError;

/// A failure to verify.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The server failed.
    #[error("reading {table}: {source}")]
    Server {
        /// The table.
        table: String,
        /// Why.
        source: ServerError,
    },
    /// No session could be opened.
    #[error(transparent)]
    Session(ServerError),
    /// A packet does not fit.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] ManifestError),
    /// Asked to stop.
    #[error("stopped before everything was verified")]
    Interrupted,
}

impl VerifyError {
    /// True where a session was lost: the same can be read over another.
    pub(super) fn lost(&self) -> bool {
        matches!(self, VerifyError::Server { source, .. } | VerifyError::Session(source) if source.lost())
    }
}

impl Explain for VerifyError {
    fn exit(&self) -> Exit {
        match self {
            VerifyError::Server { source, .. } | VerifyError::Session(source) => source.exit(),
            VerifyError::Row(_) => Exit::StatementFailed,
            VerifyError::Repository(source) => source.exit(),
            VerifyError::Interrupted => Exit::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            VerifyError::Server { source, .. } | VerifyError::Session(source) => source.hint(),
            VerifyError::Repository(source) => source.hint(),
            VerifyError::Row(_) | VerifyError::Interrupted => None,
        }
    }
}
