//! What a private server can fail with. Start-up failures quote the end of the server's own log, since
//! that is the only place where the reason stands.

use super::find::Kind;
use super::process::NO_NATIVE_AIO;
use crate::error::{Exit, Explain};
use std::path::PathBuf;

/// A failure to find, initialise or start a private server.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// None of the folders holds the program.
    #[error("no {program} found")]
    NotFound {
        /// Of which family it should be.
        kind: Kind,
        /// The program's name.
        program: String,
    },
    /// The program that was named is no such server, or does not run.
    #[error("{} is no {kind} server that runs here: {why}", path.display())]
    Unusable {
        /// Of which family it should be.
        kind: Kind,
        /// The program.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file or folder of the private server could not be made.
    #[error("cannot {doing} {}: {source}", path.display())]
    Folder {
        /// What was tried, as in "create".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A Unix socket's path is limited to 107 bytes.
    #[error("the path of the socket {} is longer than the system allows", path.display())]
    SocketPath {
        /// The socket.
        path: PathBuf,
    },
    /// A MariaDB without the statements that make its system tables.
    #[error("{} was installed without {file}", program.display())]
    SystemTables {
        /// The server program.
        program: PathBuf,
        /// The file that was looked for.
        file: String,
    },
    /// `mysqld --initialize-insecure` failed, or MariaDB's `--bootstrap`.
    #[error("{} could not initialise a data directory: {why}\n{log_tail}", program.display())]
    Initialise {
        /// The program.
        program: PathBuf,
        /// How it ended.
        why: String,
        /// The end of what it wrote.
        log_tail: String,
    },
    /// The server ended, or did not answer in time.
    #[error("{} did not start: {why}\n{log_tail}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// How it ended, or how long was waited.
        why: String,
        /// The end of its error log.
        log_tail: String,
    },
}

impl Explain for SandboxError {
    fn exit(&self) -> Exit {
        Exit::SandboxFailed
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            SandboxError::NotFound { kind, .. } => {
                format!("run {} to fetch a private copy, or name a server with {}", kind.fetch(), kind.variable())
            }
            SandboxError::Unusable { kind, .. } => {
                format!("name another with {}, or run {} to fetch a private copy", kind.variable(), kind.fetch())
            }
            SandboxError::SystemTables { .. } => {
                format!("run {} to fetch a private copy that is complete", Kind::Mariadb.fetch())
            }
            SandboxError::Folder { .. } | SandboxError::SocketPath { .. } => {
                "is there a short temporary folder that this account can write to, with room left?".into()
            }
            SandboxError::Start { log_tail, .. } if log_tail.contains(NO_NATIVE_AIO) => {
                "the system has no asynchronous I/O left for it: raise fs.aio-max-nr (sysctl), or give the server --innodb-use-native-aio=OFF"
                    .into()
            }
            SandboxError::Initialise { .. } | SandboxError::Start { .. } => {
                "is there memory and disk left, and may this mysqld write outside its usual folders (AppArmor, SELinux)?"
                    .into()
            }
        })
    }
}
