//! Why binary logs cannot be kept as they should be: something is missing, or is not what it should be.

use crate::codec::binlog::BinlogError;
use crate::error::{Exit, Explain};

/// A failure to archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The server no longer has what follows the archive.
    #[error("a gap: the archive of {name} ends at {ends}, and {server} has purged what follows{which}")]
    Purged {
        /// Source name.
        name: String,
        /// Where the archive ends.
        ends: String,
        /// The server, without password.
        server: String,
        /// `: transactions …`, or up to which file; with its own separator.
        which: String,
    },
    /// The server's file is not the one that was archived.
    #[error("the archive of {name} ends at {ends}, and {server} does not go on from there: {why}")]
    NotTheSame {
        /// Source name.
        name: String,
        /// Where the archive ends.
        ends: String,
        /// The server, without password.
        server: String,
        /// What differs.
        why: String,
    },
    /// Another server under the same name, and no GTIDs to join them by.
    #[error(
        "the archive of {name} is of server {archived}, and {server} is {found}; without GTIDs nothing tells where to go on"
    )]
    OtherServer {
        /// Source name.
        name: String,
        /// What names the archived server.
        archived: String,
        /// The server, without password.
        server: String,
        /// What names it.
        found: String,
    },
    /// The server sends to another reader of the same name.
    #[error(
        "{server} sends to another reader that goes by the same server id or UUID, and no longer to this one: {why}"
    )]
    OtherReader {
        /// The server, without password.
        server: String,
        /// The server's words.
        why: String,
    },
    /// The server cannot go on sending.
    #[error("{server} cannot send what follows: {why}")]
    BrokenOff {
        /// The server, without password.
        server: String,
        /// The server's words.
        why: String,
    },
    /// The server does not send transactions of the other kind.
    #[error("{server} sends what follows only under another gtid_mode: {why}")]
    OtherMode {
        /// The server, without password.
        server: String,
        /// The server's words.
        why: String,
    },
    /// The document from which a run would go on is not what it was.
    #[error("the end of the archive of {name} cannot be read: {why}")]
    EndDamaged {
        /// Source name.
        name: String,
        /// Object name of the document.
        document: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server writes no binary log.
    #[error("{server} writes no binary log")]
    NoBinaryLog {
        /// The server, without password.
        server: String,
    },
    /// An event that is none.
    #[error("{file} of {server} is damaged at byte {at}: {source}")]
    Damaged {
        /// The server or folder.
        server: String,
        /// File name.
        file: String,
        /// Offset.
        at: u64,
        /// What is wrong.
        source: BinlogError,
    },
    /// Bytes were left out.
    #[error("{file} of {server} has a hole: an event that ends at byte {found} follows byte {at}")]
    Hole {
        /// The server or folder.
        server: String,
        /// File name.
        file: String,
        /// Offset reached.
        at: u64,
        /// What the event says of itself (lower 32 bits).
        found: u64,
    },
    /// Copied while it was encrypted.
    #[error("{file} is encrypted and cannot be read: {how}")]
    Encrypted {
        /// The file.
        file: String,
        /// By what it shows.
        how: &'static str,
    },
    /// No file that could be taken.
    #[error("{file} cannot be taken: {why}")]
    File {
        /// File or folder.
        file: String,
        /// Why.
        why: String,
    },
}

impl Explain for ArchiveError {
    fn exit(&self) -> Exit {
        match self {
            ArchiveError::Encrypted { .. } | ArchiveError::File { .. } => Exit::Usage,
            ArchiveError::OtherReader { .. } => Exit::RepositoryBusy,
            ArchiveError::EndDamaged { .. } => Exit::RepositoryDamaged,
            _ => Exit::ArchiveGap,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            ArchiveError::Purged { .. } => {
                "--accept-gap goes on with what the server has and records the gap, which `show` and `verify` then name; a \
                 backup taken now makes the gap harmless for what comes after it. Keep logs longer with \
                 binlog_expire_logs_seconds"
            }
            ArchiveError::NotTheSame { .. } => {
                "were the binary logs reset (RESET BINARY LOGS AND GTIDS), or lost in a crash? --accept-gap goes on with \
                 what the server has and records the gap; a new --name begins a new archive"
            }
            ArchiveError::OtherServer { .. } => {
                "give the new server a name of its own with --name, or go on with --accept-gap, which records a gap; take a \
                 backup of it now. With gtid_mode=ON an archive goes on by itself after a failover"
            }
            ArchiveError::OtherReader { .. } => {
                "does an archive into a copy of this repository run, or a replica with this id? End it, or give one of them \
                 another --server-id (below 2^32, one that no replica has)"
            }
            ArchiveError::BrokenOff { .. } => {
                "run the same command again: it goes on, or says what is missing. A reader that is too slow loses files that \
                 the server purges; keep them longer with binlog_expire_logs_seconds. Where it stays so, --accept-gap goes on \
                 behind the file and records the gap"
            }
            ArchiveError::OtherMode { .. } => {
                "these files were written under another gtid_mode. Run again while it is ON_PERMISSIVE or OFF_PERMISSIVE, or \
                 take the server's files with --from-files; --accept-gap goes on behind the file and records the gap"
            }
            ArchiveError::EndDamaged { document, .. } => {
                return Some(format!(
                    "remove {document} from the repository and run again: its segment is then read from the server once \
                     more, while the server has it; a new --name begins a new archive"
                ));
            }
            ArchiveError::NoBinaryLog { .. } => "switch it on (log_bin), or archive another server",
            ArchiveError::Damaged { .. } | ArchiveError::Hole { .. } => {
                "look at the file with mysqlbinlog --verify-binlog-checksum on its server; what was archived before it is whole. \
                 --accept-gap goes on behind the file and records the gap; take a backup then"
            }
            ArchiveError::Encrypted { .. } => {
                "archive from the running server instead (--source): it sends its logs decrypted, over TLS"
            }
            ArchiveError::File { .. } => {
                "give a folder of closed binary log files, or the files themselves; --unclosed takes the last file of a dead \
                 server too"
            }
        };
        Some(text.to_owned())
    }
}
