//! What a private server can fail with. Start-up failures quote the end of the server's own log, since
//! that is the only place where the reason stands.

use crate::error::{Exit, Explain};
use std::path::PathBuf;

/// A failure to find, initialise or start a private server.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// None of the folders holds the program.
    #[error("no {program} found")]
    NotFound {
        /// The program's name.
        program: String,
    },
    /// The program that was named is no MySQL server, or does not run.
    #[error("{} is no MySQL server that runs here: {why}", path.display())]
    Unusable {
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
    /// `mysqld --initialize-insecure` failed.
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
            SandboxError::NotFound { .. } => {
                "run scripts/get-mysqld to fetch a private copy, or name a server with MYRIAD_MYSQLD".into()
            }
            SandboxError::Unusable { .. } => {
                "name another with MYRIAD_MYSQLD, or run scripts/get-mysqld to fetch a private copy".into()
            }
            SandboxError::Folder { .. } | SandboxError::SocketPath { .. } => {
                "is there a short temporary folder that this account can write to, with room left?".into()
            }
            SandboxError::Initialise { .. } | SandboxError::Start { .. } => {
                "is there memory and disk left, and may this mysqld write outside its usual folders (AppArmor, SELinux)?"
                    .into()
            }
        })
    }
}
