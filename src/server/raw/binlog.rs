//! A stream of binary log events by the replication protocol, as a replica reads it: where to begin comes in, the bytes of
//! one event after another go out, in place in the read buffer. (MySQL Internals, "Replication Protocol"; MariaDB knowledge
//! base, "Replication Protocol".) The server is not told that a replica is there (COM_REGISTER_SLAVE), so nobody takes
//! this reader for one that could be made a primary. What an event means is not known here.

use super::rows::is_end;
use super::{RawSession, ServerError};
use crate::limits::{BINLOG_HEARTBEAT, BINLOG_SILENCE_MAX};
use crate::position::GtidSet;
use mysql_common::constants::Command;

/// Do not wait for events that are still to come.
const NON_BLOCK: u16 = 1;
/// Send annotations too: without it MariaDB leaves them out, and the bytes are not those of its files.
const MARIADB_ANNOTATIONS: u16 = 2;
/// The set of GTIDs says where to begin.
const THROUGH_GTID: u16 = 4;

/// What to read.
#[derive(Clone, Debug)]
pub struct DumpRequest {
    /// The server id of the reader; of two with the same one the server ends the older.
    pub server_id: u32,
    /// Names the reader, in the form of a server's UUID; a stream of the same name that a dead reader left is ended.
    pub reader_uuid: String,
    /// Where to begin.
    pub start: DumpStart,
    /// Wait at the end for events that are still to come; else the stream ends there.
    pub wait: bool,
}

/// Where a stream begins.
#[derive(Clone, Debug)]
pub enum DumpStart {
    /// In a file; the oldest one where the name is empty.
    Position {
        /// File name.
        file: String,
        /// An event begins at this offset.
        offset: u32,
    },
    /// With the first file that holds what is not in this set (MySQL).
    Missing(GtidSet),
}

/// Events on their way.
pub struct BinlogStream(RawSession);

impl RawSession {
    /// Begins a stream of events; the session serves nothing else from then on.
    ///
    /// # Errors
    /// As [`RawSession::execute`]. That the server has no such file, or has purged what is wanted, comes with the first event.
    pub fn dump(mut self, request: &DumpRequest) -> Result<BinlogStream, ServerError> {
        let nanoseconds = BINLOG_HEARTBEAT.as_nanos();
        // Events come with the checksum that they have in their file; a reader that announces none gets them without.
        let setup = format!(
            "SET @source_binlog_checksum='CRC32', @master_binlog_checksum='CRC32', \
             @source_heartbeat_period={nanoseconds}, @master_heartbeat_period={nanoseconds}, \
             @replica_uuid='{uuid}', @slave_uuid='{uuid}', @mariadb_slave_capability=4, \
             SESSION net_write_timeout=3600",
            uuid = request.reader_uuid
        );
        self.execute(setup.as_bytes())?;
        let (command, argument, told) = self.command(request);
        self.begin(told.as_bytes())?;
        let timed = self.packets.stream.set_timeout(Some(BINLOG_SILENCE_MAX));
        timed.map_err(|error| self.lost("running", &error))?;
        self.send(command, &argument)?;
        Ok(BinlogStream(self))
    }

    fn command(&self, request: &DumpRequest) -> (Command, Vec<u8>, String) {
        let mut flags = if request.wait { 0 } else { NON_BLOCK };
        if self.server_version.contains("MariaDB") {
            flags |= MARIADB_ANNOTATIONS;
        }
        match &request.start {
            DumpStart::Position { file, offset } => {
                let mut argument = offset.to_le_bytes().to_vec();
                argument.extend_from_slice(&flags.to_le_bytes());
                argument.extend_from_slice(&request.server_id.to_le_bytes());
                argument.extend_from_slice(file.as_bytes());
                (Command::COM_BINLOG_DUMP, argument, format!("COM_BINLOG_DUMP {file}:{offset}"))
            }
            DumpStart::Missing(set) => {
                let mut argument = (flags | THROUGH_GTID).to_le_bytes().to_vec();
                argument.extend_from_slice(&request.server_id.to_le_bytes());
                // No file name, and the first event of whichever file it is.
                argument.extend_from_slice(&0u32.to_le_bytes());
                argument.extend_from_slice(&4u64.to_le_bytes());
                let bytes = set.to_bytes();
                argument.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                argument.extend_from_slice(&bytes);
                (Command::COM_BINLOG_DUMP_GTID, argument, format!("COM_BINLOG_DUMP_GTID {set}"))
            }
        }
    }
}

impl BinlogStream {
    /// The bytes of the next event, or none where the stream does not wait and its end is reached. Also a heartbeat twice
    /// a second while nothing happens. It borrows the read buffer, hence this is no `Iterator`.
    ///
    /// # Errors
    /// [`ServerError::Statement`] with code 1236 where the server cannot send what is wanted, [`ServerError::Lost`] where
    /// the connection broke or the server was silent for too long.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<&[u8]>, ServerError> {
        let session = &mut self.0;
        let payload = match session.packets.read() {
            Ok(payload) => payload,
            Err(error) => return Err(session.lost("reading", &error)),
        };
        match session.packets.bytes(&payload).first() {
            Some(0x00) => Ok(Some(&session.packets.bytes(&payload)[1..])),
            Some(0xFF) => Err(session.statement_error(&payload)),
            Some(0xFE) if is_end(session.packets.bytes(&payload)) => Ok(None),
            _ => Err(session.protocol("a packet that is no event")),
        }
    }
}

impl Drop for BinlogStream {
    /// The server listens to nothing while it sends, so there is no leave to take.
    fn drop(&mut self) {
        self.0.broken = true;
    }
}
