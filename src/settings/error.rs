//! What undoing settings can fail with. Messages name the server or the setting.

use crate::error::{Exit, Explain};
use crate::server::ServerError;
use crate::server::inspect::ledger::LedgerError;

/// The server runs with `read_only` or `super_read_only`.
const READ_ONLY: u16 = 1290;

/// A failure to undo settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// The session failed.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server refuses values of before.
    #[error("cannot put back {settings}: {source}")]
    NotPutBack {
        /// The settings and their values before, as `innodb_doublewrite to ON`.
        settings: String,
        /// The server's answer.
        source: ServerError,
    },
    /// Everything is undone, and the record of it cannot be deleted.
    #[error("the settings of {server} are put back, but their record there cannot be deleted: {source}")]
    NotForgotten {
        /// The server.
        server: String,
        /// Whether it has a redo log now: `ON` or `OFF`.
        redo_log: Option<String>,
        /// The server's answer.
        source: ServerError,
    },
    /// The journal is not of a restore onto this server.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
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
            SettingError::NotPutBack { source, .. } | SettingError::NotForgotten { source, .. }
                if source.code() == Some(READ_ONLY) =>
            {
                Exit::TargetUnfit
            }
            SettingError::Server(source)
            | SettingError::NotPutBack { source, .. }
            | SettingError::NotForgotten { source, .. } => source.exit(),
            SettingError::Ledger(source) => source.exit(),
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
            SettingError::NotForgotten { source, redo_log, .. } => {
                let redo_log = redo_log.as_ref().map(|state| format!("; its redo log is {state}")).unwrap_or_default();
                let first = match source.code() {
                    Some(READ_ONLY) => "SET GLOBAL super_read_only=OFF and read_only=OFF there, then ",
                    _ => "",
                };
                format!("{first}give the same command again{redo_log}")
            }
            SettingError::Ledger(source) => return source.hint(),
            SettingError::MustBeRebuilt { .. } => {
                "start it without; where it does not start then (MY-013598: it crashed while its redo log was off for a restore), make its data directory anew (mysqld --initialize) and restore from the beginning"
                    .into()
            }
        })
    }
}
