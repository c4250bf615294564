//! Events of a binary log, as far as somebody who keeps them must know: header, checksum, which transaction an event
//! belongs to, where one ends, which file follows. Takes the bytes of one event, gives what it is; rows, statements and
//! compressed payloads are not looked into. MySQL's events (manual, "The Binary Log"; libs/mysql/binlog/event in its
//! source) and MariaDB's, as 9.7.4 and 10.11 write them.

mod body;
mod scanner;

pub use body::{Body, MariadbGtid, MariadbPosition, Statement};
pub use scanner::{Scanner, Seen};

use serde::{Deserialize, Serialize};

/// First bytes of a binary log file.
pub const MAGIC: [u8; 4] = [0xfe, b'b', b'i', b'n'];
/// First bytes of a file that MySQL has encrypted.
pub const MAGIC_ENCRYPTED: [u8; 4] = [0xfd, b'b', b'i', b'n'];
/// Bytes of an event's header.
pub const HEADER_BYTES: usize = 19;
/// Bytes of a checksum behind an event.
pub const CHECKSUM_BYTES: usize = 4;
/// The longest event that is believed: the greatest packet that a server sends, and room around it.
pub const EVENT_BYTES_MAX: u32 = (1 << 30) + (64 << 20);
/// The file was not closed when this was written; flag of a format description.
pub const FLAG_IN_USE: u16 = 0x0001;
/// Made by the sender for a replica; stands in no file.
pub const FLAG_ARTIFICIAL: u16 = 0x0020;

/// How the events of a file are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checksum {
    /// Not at all (`binlog_checksum=NONE`).
    None,
    /// CRC32 in the last four bytes.
    #[default]
    Crc32,
}

/// The head of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Seconds since 1970.
    pub timestamp: u32,
    /// Type byte.
    pub kind: u8,
    /// Where it was first executed.
    pub server_id: u32,
    /// All of its bytes.
    pub bytes: u32,
    /// The lower 32 bits of the offset behind it in its file; 0 for an event that stands in none.
    pub next: u32,
    /// Flags.
    pub flags: u16,
}

impl Header {
    /// Reads a header; none where the bytes end before, or no event can have such a size.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let head: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let header = Header {
            timestamp: number(0),
            kind: head[4],
            server_id: number(5),
            bytes: number(9),
            next: number(13),
            flags: u16::from_le_bytes([head[17], head[18]]),
        };
        (HEADER_BYTES as u32..=EVENT_BYTES_MAX).contains(&header.bytes).then_some(header)
    }
}

/// By what an event is known again: the CRC32 of its bytes but the last four, where its own checksum stands. Together with
/// that the CRC32 of every event is the same number.
pub fn fingerprint(event: &[u8]) -> u32 {
    crc32fast::hash(&event[..event.len().saturating_sub(CHECKSUM_BYTES)])
}

/// Why bytes are no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BinlogError {
    /// No event has such a header, or its bytes are more or fewer than it says.
    #[error("{bytes} bytes are no event of a binary log")]
    NoEvent {
        /// How many there are.
        bytes: usize,
    },
    /// The checksum does not fit.
    #[error("the checksum of an event of type {kind} with {bytes} bytes does not fit")]
    Checksum {
        /// Type byte.
        kind: u8,
        /// Its bytes.
        bytes: usize,
    },
    /// The content is not as one of its type has it.
    #[error("an event of type {kind} is not as it should be: {why}")]
    Content {
        /// Type byte.
        kind: u8,
        /// What is wrong.
        why: &'static str,
    },
}

#[cfg(test)]
mod tests;
