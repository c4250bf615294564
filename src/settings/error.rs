//! What undoing settings can fail with. Messages name the server or the setting.

use crate::error::{Exit, Explain};
use crate::server::ServerError;

/// A failure to undo settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// The session failed.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server refuses the value of before.
    #[error("cannot put {name} back to {found}: {source}")]
    NotPutBack {
        /// The setting.
        name: String,
        /// Its value before.
        found: String,
        /// The server's answer.
        source: ServerError,
    },
    /// The server does not run on its data as it is.
    #[error("{server} runs under innodb_force_recovery={level}: it takes no rows, and its data cannot be trusted")]
    MustBeRebuilt {
        /// The server.
        server: String,
        /// The value.
        level: String,
    },
}

impl Explain for SettingError {
    fn exit(&self) -> Exit {
        match self {
            SettingError::Server(source) | SettingError::NotPutBack { source, .. } => source.exit(),
            SettingError::MustBeRebuilt { .. } => Exit::TargetMustBeRebuilt,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            SettingError::Server(source) => return source.hint(),
            SettingError::NotPutBack { .. } => {
                "the change stays recorded in myriad_restore: run the same command again, or restore --abort, with an account that may set it"
                    .into()
            }
            SettingError::MustBeRebuilt { .. } => {
                "start it without; where it does not start then (MY-013598: it crashed while its redo log was off for a restore), make its data directory anew (mysqld --initialize) and restore from the beginning"
                    .into()
            }
        })
    }
}
