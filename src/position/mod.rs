//! Nouns only: where in a server's history a snapshot stands.

pub mod gtid;

pub use gtid::GtidSet;

use serde::{Deserialize, Serialize};

/// The position of a snapshot in the binary log of the server it was taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The executed GTID set, without white space; empty where GTIDs are off.
    pub gtid_executed: String,
    /// Binary log file; none where the binary log is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binlog_file: Option<String>,
    /// Offset in that file in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binlog_offset: Option<u64>,
    /// True where nothing could be committed between the snapshots and the reading of the position.
    pub exact: bool,
}

/// On a replica: what it had executed of one channel's source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePosition {
    /// Channel name, empty for the default channel.
    pub channel: String,
    /// The source's host and port.
    pub host: String,
    /// The source's port.
    pub port: u16,
    /// The source's binary log file up to which was executed.
    pub binlog_file: String,
    /// Offset in that file in bytes.
    pub binlog_offset: u64,
    /// True where file and offset are those of the snapshot; else they may stand before it, never behind it.
    #[serde(default)]
    pub exact: bool,
    /// MariaDB's `gtid_slave_pos` at the snapshot; empty on MySQL, whose executed GTID set says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub gtid: String,
    /// The source's `server_uuid`, where the replica knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_uuid: Option<String>,
    /// The source's `server_id`; 0 where the replica has not been told.
    #[serde(default)]
    pub server_id: u64,
}

/// How the sessions of a backup came to one view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsistencyKind {
    /// FLUSH TABLES WITH READ LOCK held for the moment in which all snapshots were opened.
    GlobalReadLock,
    /// `performance_schema.log_status` was equal before and after the snapshots were opened.
    LogStatus,
    /// LOCK TABLES … READ on all tables of the backup, held for that moment.
    TableLocks,
    /// Snapshots one after another: not consistent, and every report says so.
    None,
}
