//! What making things on the target can fail with. Every message names the table or object.

use crate::error::{Exit, Explain};
use crate::manifest::ManifestError;
use crate::schema::ddl::DdlError;
use crate::server::ServerError;
use crate::server::inspect::ledger::LedgerError;

/// A failure of a restore.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The session failed, or a statement that belongs to no table did.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A schema of the ledger's name cannot be used or removed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The account may not make the ledger.
    #[error("cannot make the schema myriad_restore, in which a restore keeps its state: {source}")]
    NoLedger {
        /// The server's answer.
        source: ServerError,
    },
    /// The target refused a definition.
    #[error("cannot create {what}: {source}")]
    Refused {
        /// What was to be made: `table shop.orders`, `index k of table shop.orders`.
        what: String,
        /// The server's answer.
        source: Box<ServerError>,
    },
    /// A definition in the backup cannot be taken apart.
    #[error("the definition of table {table} in the backup cannot be used: {source}")]
    Definition {
        /// The table.
        table: String,
        /// Why.
        source: DdlError,
    },
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] ManifestError),
    /// The server did not take a chunk exactly as it was sent; nothing of the chunk was kept.
    #[error("table {table}, rows {range}: {why}")]
    Rejected {
        /// The table on the target.
        table: String,
        /// The chunk's range.
        range: String,
        /// What the server said.
        why: String,
    },
    /// The target has no room; nothing of the chunk, index or table was kept.
    #[error("{what}: {server} has no room: {why}")]
    TargetFull {
        /// What was to be made: `table shop.orders, rows (1 .. 9]`, `index k of table shop.orders`.
        what: String,
        /// The target.
        server: String,
        /// What the server said.
        why: String,
    },
    /// A chunk could not be read; nothing of it was sent.
    #[error("table {table}, rows {range}: {source}")]
    Unread {
        /// The table on the target.
        table: String,
        /// The chunk's range.
        range: String,
        /// Why.
        source: ManifestError,
    },
    /// A chunk holds what its table cannot: nothing of it was sent.
    #[error("table {table}, rows {range}: the chunk in the backup cannot be used: {why}")]
    Chunk {
        /// The table on the target.
        table: String,
        /// The chunk's range.
        range: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A row does not fit into one packet of the target, and rows must go by INSERT there.
    #[error("table {table} has a row of {row_bytes} bytes, and {server} takes at most {packet_bytes_max} in a packet")]
    RowTooWide {
        /// The table on the target.
        table: String,
        /// The target.
        server: String,
        /// Bytes of the widest row.
        row_bytes: u64,
        /// The target's max_allowed_packet.
        packet_bytes_max: u64,
    },
    /// Another run works on this target.
    #[error("another restore is running on {server} (connection {connection})")]
    Busy {
        /// The target.
        server: String,
        /// A connection of the other run.
        connection: u64,
    },
    /// Another run was left unfinished on this target.
    #[error("{server} holds an unfinished restore of other data (backup {backup})")]
    OtherRun {
        /// The target.
        server: String,
        /// Its backup.
        backup: String,
    },
    /// Tables that somebody else has made since the guard looked.
    #[error(
        "{server} has tables that this run did not make, under names that it wants: {tables}; they were left as they are"
    )]
    Strangers {
        /// The target.
        server: String,
        /// The tables, for people.
        tables: String,
    },
    /// Something that a run has left cannot be removed.
    #[error("cannot remove {what}: {source}")]
    NotRemoved {
        /// What, as `table shop.orders`.
        what: String,
        /// The server's answer.
        source: Box<ServerError>,
    },
    /// Asked to stop.
    #[error("stopped before all rows were loaded")]
    Interrupted,
}

impl LoadError {
    /// The MySQL error number, where the server answered with one.
    pub fn code(&self) -> Option<u16> {
        match self {
            LoadError::Server(source) | LoadError::NoLedger { source } => source.code(),
            LoadError::Ledger(LedgerError::Server(source)) => source.code(),
            LoadError::Refused { source, .. } | LoadError::NotRemoved { source, .. } => source.code(),
            _ => None,
        }
    }

    /// True where a session was lost: the same work can be done over another.
    pub fn lost(&self) -> bool {
        matches!(self, LoadError::Server(source) | LoadError::Ledger(LedgerError::Server(source)) if source.lost())
    }

    /// True where the failure is one table's own: all others can be brought back even so. Not where it would meet them too: the
    /// target is lost, full or closed to writing, the repository does not answer, or the run is to stop.
    pub fn concerns_one_table(&self) -> bool {
        match self {
            LoadError::Unread { source, .. } => source.exit() == Exit::RepositoryDamaged,
            LoadError::Rejected { .. } | LoadError::Chunk { .. } | LoadError::Definition { .. } => true,
            LoadError::Refused { source, .. } => !source.code().is_some_and(|code| OF_THE_SERVER.contains(&code)),
            // Somebody holds the table: a lock that was waited for in vain, again and again.
            LoadError::Server(source) => matches!(source.code(), Some(1205 | 1213)),
            _ => false,
        }
    }

    /// What was to be made had no room.
    pub(super) fn full(what: String, source: ServerError) -> LoadError {
        match no_room(&source) {
            Some((server, why)) => LoadError::TargetFull { what, server: server.to_owned(), why: why.to_owned() },
            None => LoadError::Server(source),
        }
    }

    /// Names what was to be made when the server refuses it; a lost connection stays what it is.
    pub(super) fn refused(what: impl Into<String>) -> impl FnOnce(ServerError) -> LoadError {
        move |source| match source.code() {
            Some(_) if no_room(&source).is_some() => LoadError::full(what.into(), source),
            Some(_) => LoadError::Refused { what: what.into(), source: Box::new(source) },
            None => LoadError::Server(source),
        }
    }
}

/// Answers that every statement would get: shutting down, read only in several ways, interrupted.
const OF_THE_SERVER: [u16; 4] = [1053, 1290, 1317, 1836];

/// The right that an account with rights on its own schemas alone lacks.
const NEEDS_LEDGER: &str =
    "GRANT ALL ON myriad_restore.* TO the account that restores; docs/guide.md says what it is for";

const MAKE_ROOM: &str = "make room there (disk of the data directory and of tmpdir, limits of tablespaces) and run the same command again, it goes on from there";

/// The server and its words, where an error says that there is no room: table, disk or temporary file full. A full disk
/// comes to light in a write as well, with the system's error 28 in the text.
pub(super) fn no_room(error: &ServerError) -> Option<(&str, &str)> {
    match error {
        ServerError::Statement { code, server, message, .. }
            if matches!(code, 1021 | 1114) || message.contains("rrcode: 28") || message.contains("o space left") =>
        {
            Some((server, message))
        }
        _ => None,
    }
}

/// The target became read only under the run: by an option of the server, which it names, or as a whole.
pub(super) fn read_only(error: &ServerError) -> bool {
    match error {
        ServerError::Statement { code: 1290, message, .. } => message.contains("read-only"),
        ServerError::Statement { code, .. } => *code == 1836,
        _ => false,
    }
}

impl Explain for LoadError {
    fn exit(&self) -> Exit {
        match self {
            LoadError::Server(source) if read_only(source) => Exit::TargetUnfit,
            LoadError::Server(source) if no_room(source).is_some() => Exit::TargetUnfit,
            LoadError::Server(source) | LoadError::NoLedger { source } => source.exit(),
            LoadError::Ledger(source) => source.exit(),
            LoadError::Refused { source, .. } => match source.code() {
                // Also what a server wrote and another does not understand: 1064, and MariaDB's unknown option and type.
                Some(1286 | 3185 | 3548 | 3750 | 1235 | 1273 | 1115 | 1064 | 1911 | 4161) => Exit::TargetUnfit,
                _ => source.exit(),
            },
            LoadError::Definition { .. } | LoadError::Chunk { .. } => Exit::RepositoryDamaged,
            LoadError::Repository(source) | LoadError::Unread { source, .. } => source.exit(),
            LoadError::Rejected { .. } => Exit::LoadRejected,
            LoadError::RowTooWide { .. } | LoadError::TargetFull { .. } => Exit::TargetUnfit,
            LoadError::Busy { .. } | LoadError::OtherRun { .. } | LoadError::Strangers { .. } => Exit::TargetNotEmpty,
            LoadError::NotRemoved { source, .. } => source.exit(),
            LoadError::Interrupted => Exit::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        let LoadError::Refused { source, .. } = self else {
            return match self {
                LoadError::Server(source) if no_room(source).is_some() => Some(MAKE_ROOM.into()),
                LoadError::Server(source) if read_only(source) => Some(
                    "the target was made read only: see who did that and why; once it is not any more the same command goes on"
                        .into(),
                ),
                LoadError::Server(source) => source.hint(),
                LoadError::Ledger(source) => source.hint(),
                LoadError::NoLedger { .. } => Some(NEEDS_LEDGER.into()),
                LoadError::Repository(source) | LoadError::Unread { source, .. } => source.hint(),
                LoadError::Rejected { .. } => Some(
                    "nothing of this chunk was kept; mend the cause and run the same command again, it goes on from there"
                        .into(),
                ),
                LoadError::TargetFull { .. } => Some(MAKE_ROOM.into()),
                LoadError::RowTooWide { .. } => Some(
                    "run SET GLOBAL local_infile=ON on the target, or raise max_allowed_packet there".into(),
                ),
                LoadError::Busy { connection, .. } => Some(format!(
                    "wait until it has ended; where its program is gone, as after a crash of its machine, KILL {connection} there"
                )),
                LoadError::OtherRun { backup, .. } => Some(format!(
                    "finish it with its own command (with --backup {backup}), or remove what it made: restore --abort with the same --target"
                )),
                LoadError::Strangers { .. } => Some(
                    "somebody has made them since the target was looked at: rename them there, or remove what this run made \
                     and restore under other names with --rename schema=other"
                        .into(),
                ),
                LoadError::NotRemoved { .. } => {
                    Some("what was removed until then is gone; mend the cause and give the same command again".into())
                }
                LoadError::Interrupted => Some("run the same command again: it goes on from the chunks that are in".into()),
                LoadError::Chunk { .. } => Some("another backup may hold the same rows; `myriad list` shows them".into()),
                LoadError::Refused { .. } | LoadError::Definition { .. } => None,
            };
        };
        Some(match source.code() {
            Some(1286) => "enable that storage engine on the target, or leave the table out".into(),
            Some(3185) => "the table is encrypted: configure a keyring on the target".into(),
            Some(3548) => "make that spatial reference system on the target; information_schema.st_spatial_reference_systems of the source has its definition".into(),
            Some(3750) => "grant SESSION_VARIABLES_ADMIN, or set sql_require_primary_key=OFF on the target".into(),
            Some(1273 | 1115) => {
                "the target does not know this character set or collation: restore to the version it was taken from, \
                 or a later one"
                    .into()
            }
            _ => return source.hint(),
        })
    }
}
