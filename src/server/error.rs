//! What asking a server can fail with. Messages name the server and the statement; never a password.

use super::session::shorten;
use crate::error::{Exit, Explain};

/// The server's code for a lock that was not to be had in time.
pub const LOCK_WAIT_TIMEOUT: u16 = 1205;

/// A failure of a session or a statement.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address, host or socket does not answer.
    #[error("cannot reach {server}: {why}")]
    Unreachable {
        /// The server's address, without password.
        server: String,
        /// Why, in the system's words.
        why: String,
    },
    /// The server refused the login.
    #[error("{server} refused the login: {why}")]
    LoginRefused {
        /// The server's address, without password.
        server: String,
        /// The server's words.
        why: String,
    },
    /// TLS could not be had as asked for.
    #[error("no TLS connection to {server}: {why}")]
    Tls {
        /// The server's address, without password.
        server: String,
        /// Why.
        why: String,
    },
    /// The connection broke in the middle of the work.
    #[error("lost the connection to {server} while {doing}: {why}")]
    Lost {
        /// The server's address, without password.
        server: String,
        /// What the session was doing.
        doing: String,
        /// Why, in the system's words.
        why: String,
    },
    /// The server answered a statement with an error.
    #[error("{server} answered error {code} ({state}): {message}; statement: {statement}")]
    Statement {
        /// The server's address, without password.
        server: String,
        /// MySQL error number.
        code: u16,
        /// SQLSTATE.
        state: String,
        /// The server's words.
        message: String,
        /// The statement, cut to a readable length, without secrets.
        statement: String,
    },
    /// A right is missing.
    #[error("{user} lacks a right on {server}: {why}")]
    RightMissing {
        /// The server's address, without password.
        server: String,
        /// The account.
        user: String,
        /// Which right and what for.
        why: String,
    },
    /// The server sent something that the protocol or this program does not know.
    #[error("{server} sent what this program does not understand: {why}")]
    Protocol {
        /// The server's address, without password.
        server: String,
        /// What.
        why: String,
    },
    /// An address that cannot be parsed.
    #[error("{address} is no server address: {why}")]
    Address {
        /// The address with its password removed.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// No consistent snapshot could be had.
    #[error("no consistent snapshot of {server}: {why}")]
    NoSnapshot {
        /// The server's address, without password.
        server: String,
        /// Why.
        why: String,
        /// What to try.
        hint: String,
    },
}

impl ServerError {
    /// The MySQL error number, where the server answered with one.
    pub fn code(&self) -> Option<u16> {
        match self {
            ServerError::Statement { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The same error as one of another statement, of which the failing one was a part.
    pub fn of_statement(self, sql: &[u8]) -> ServerError {
        match self {
            ServerError::Statement { server, code, state, message, .. } => {
                ServerError::Statement { server, code, state, message, statement: shorten(sql) }
            }
            other => other,
        }
    }

    /// True where the connection is gone and the session with it.
    pub fn lost(&self) -> bool {
        matches!(self, ServerError::Lost { .. } | ServerError::Unreachable { .. })
    }
}

impl Explain for ServerError {
    fn exit(&self) -> Exit {
        match self {
            ServerError::Unreachable { .. } => Exit::Unreachable,
            ServerError::LoginRefused { .. } | ServerError::Tls { .. } => Exit::LoginRefused,
            ServerError::Lost { .. } => Exit::ServerLost,
            ServerError::Statement { code: 1044 | 1045 | 1142 | 1143 | 1227, .. } => Exit::RightMissing,
            ServerError::Statement { .. } | ServerError::Protocol { .. } => Exit::StatementFailed,
            ServerError::RightMissing { .. } => Exit::RightMissing,
            ServerError::Address { .. } => Exit::Usage,
            ServerError::NoSnapshot { .. } => Exit::BackupInconsistent,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            ServerError::Unreachable { .. } => "is the server running, and are host, port or socket path right?".into(),
            ServerError::LoginRefused { .. } => {
                "check the user and the password (address, MYSQL_PWD, --password-file, ~/.my.cnf)".into()
            }
            ServerError::Tls { .. } => "see --ssl-mode and --ssl-ca".into(),
            ServerError::Lost { .. } => {
                "look at the server's error log; run the same command again once it is back".into()
            }
            ServerError::Statement { code: 1044 | 1045 | 1142 | 1143 | 1227, .. } => {
                "docs/guide.md lists the rights that each command needs".into()
            }
            ServerError::RightMissing { .. } => "docs/guide.md lists the rights that each command needs".into(),
            ServerError::Address { .. } => {
                "an address is mysql://user@host:3306 or mysql://user@/path/to/mysqld.sock".into()
            }
            ServerError::NoSnapshot { hint, .. } => hint.clone(),
            ServerError::Statement { code: 1153, .. } => "raise max_allowed_packet there".into(),
            ServerError::Statement { .. } | ServerError::Protocol { .. } => return None,
        })
    }
}
