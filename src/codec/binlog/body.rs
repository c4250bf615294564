//! What stands in the events that divide transactions and files. Takes an event's bytes behind its header, without the
//! checksum; gives a [`Body`]. Everything else is [`Body::Other`].

use super::{BinlogError, Checksum, Header};
use crate::position::GtidSet;
use std::collections::BTreeMap;
use std::fmt;

/// An event's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// How the events of a file are written; its first event.
    FormatDescription {
        /// The server's version.
        version: String,
        /// How the events after it are checked.
        checksum: Checksum,
    },
    /// All transactions of the files before (MySQL).
    PreviousGtids(GtidSet),
    /// A transaction with a GTID begins.
    Gtid {
        /// The server's UUID.
        uuid: u128,
        /// Its tag; empty where there is none.
        tag: String,
        /// Its number.
        number: u64,
        /// When it was committed on this server, microseconds since 1970; none in files of before 8.0.
        commit_us: Option<u64>,
    },
    /// A transaction without GTID begins.
    Anonymous {
        /// As for [`Body::Gtid`].
        commit_us: Option<u64>,
    },
    /// A transaction of MariaDB begins.
    MariadbGtid {
        /// Its GTID.
        gtid: MariadbGtid,
        /// One event, not a BEGIN.
        standalone: bool,
    },
    /// Where all domains stood when the file began (MariaDB).
    MariadbGtidList(Vec<MariadbGtid>),
    /// The next file.
    Rotate {
        /// Its name.
        file: String,
        /// Where in it the next event stands.
        offset: u64,
    },
    /// The server was shut down.
    Stop,
    /// Nothing happened.
    Heartbeat,
    /// What follows is encrypted (MariaDB).
    StartEncryption,
    /// A statement, as far as it divides transactions.
    Query(Statement),
    /// The end of a transaction.
    End,
    /// Needed by the statement that follows.
    Before,
    /// Anything else.
    Other,
}

/// What a statement does to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// `BEGIN`, `XA START`.
    Begin,
    /// `COMMIT`, `ROLLBACK`, `XA COMMIT`, `XA ROLLBACK`.
    End,
    /// Anything else.
    Other,
}

/// A GTID of MariaDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MariadbGtid {
    /// Domain.
    pub domain: u32,
    /// Server id.
    pub server_id: u32,
    /// Number.
    pub number: u64,
}

/// The last transaction of each domain, in MariaDB's own text: `0-1-5,2-1-7`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MariadbPosition(BTreeMap<u32, (u32, u64)>);

impl MariadbPosition {
    /// Moves on.
    pub fn set(&mut self, gtid: MariadbGtid) {
        self.0.insert(gtid.domain, (gtid.server_id, gtid.number));
    }

    /// Reads its text; none where it is no such text.
    pub fn parse(text: &str) -> Option<MariadbPosition> {
        let mut position = MariadbPosition::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let mut numbers = part.split('-');
            let (domain, server, number) = (numbers.next()?, numbers.next()?, numbers.next()?);
            if numbers.next().is_some() {
                return None;
            }
            position.0.insert(domain.parse().ok()?, (server.parse().ok()?, number.parse().ok()?));
        }
        Some(position)
    }
}

impl fmt::Display for MariadbPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (domain, (server, number))) in self.0.iter().enumerate() {
            write!(f, "{}{domain}-{server}-{number}", if i > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// Reads the content of the event with this header.
pub(super) fn parse(header: &Header, bytes: &[u8]) -> Result<Body, BinlogError> {
    let broken = |why| BinlogError::Content { kind: header.kind, why };
    let mut fields = Fields(bytes);
    Ok(match header.kind {
        2 => Body::Query(query(fields).ok_or(broken("no statement"))?),
        // A compressed statement (MariaDB) is longer than any that begins or ends a transaction.
        165 => Body::Query(Statement::Other),
        3 => Body::Stop,
        4 => {
            let offset = fields.u64().ok_or(broken("no position"))?;
            let file = std::str::from_utf8(fields.0).map_err(|_| broken("no file name"))?.to_owned();
            Body::Rotate { file, offset }
        }
        5 | 13 | 14 => Body::Before,
        15 => format_description(fields).ok_or(broken("no version"))?,
        16 | 38 | 40 => Body::End,
        26 => Body::Query(Statement::Other),
        27 | 41 => Body::Heartbeat,
        33 => gtid(fields).ok_or(broken("no GTID"))?,
        34 => match gtid(fields).ok_or(broken("too short"))? {
            Body::Gtid { commit_us, .. } => Body::Anonymous { commit_us },
            other => other,
        },
        35 => Body::PreviousGtids(GtidSet::from_bytes(bytes).ok_or(broken("no GTID set"))?),
        42 => tagged_gtid(fields).ok_or(broken("no tagged GTID"))?,
        162 => mariadb_gtid(header.server_id, fields).ok_or(broken("no GTID"))?,
        163 => mariadb_gtid_list(fields).ok_or(broken("no list of GTIDs"))?,
        164 => Body::StartEncryption,
        _ => Body::Other,
    })
}

/// Version of the format 2, the server's version 50, time 4, header length 1, lengths of post-headers, then, from 5.6 on,
/// one byte that names the checksum. The checksum of this event itself is cut off already.
fn format_description(mut fields: Fields) -> Option<Body> {
    fields.take(2)?;
    let version = fields.take(50)?;
    let version = version.split(|byte| *byte == 0).next().unwrap_or_default();
    let algorithm = *fields.0.last()?;
    let checksum = if algorithm == 1 { Checksum::Crc32 } else { Checksum::None };
    Some(Body::FormatDescription { version: String::from_utf8_lossy(version).into_owned(), checksum })
}

/// Thread 4, seconds 4, length of the schema 1, error 2, length of the status variables 2; then those, the schema, a zero
/// byte, the text.
fn query(mut fields: Fields) -> Option<Statement> {
    fields.take(8)?;
    let [schema_bytes] = fields.array::<1>()?;
    fields.take(2)?;
    let status_bytes = u16::from_le_bytes(fields.array()?);
    fields.take(usize::from(status_bytes) + usize::from(schema_bytes) + 1)?;
    let text = fields.0;
    let begins = |word: &[u8]| text.len() > word.len() && text[..word.len()].eq_ignore_ascii_case(word);
    let is = |word: &[u8]| text.eq_ignore_ascii_case(word);
    Some(match () {
        () if is(b"BEGIN") || begins(b"XA START ") => Statement::Begin,
        () if is(b"COMMIT") || is(b"ROLLBACK") || begins(b"XA COMMIT ") || begins(b"XA ROLLBACK ") => Statement::End,
        () => Statement::Other,
    })
}

/// Flags 1, UUID 16, number 8; then, where the byte 2 follows, two logical times of 8, and from 8.0 on the time of the
/// commit in 7 bytes, whose highest bit says that the original server's follows.
fn gtid(mut fields: Fields) -> Option<Body> {
    fields.take(1)?;
    let uuid = u128::from_be_bytes(fields.array()?);
    let number = fields.u64()?;
    let mut commit_us = None;
    if fields.0.first() == Some(&2) && fields.take(17).is_some() {
        commit_us = fields.take(7).map(|time| {
            let time = time.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
            time & !(1 << 55)
        });
    }
    Some(Body::Gtid { uuid, tag: String::new(), number, commit_us })
}

/// The server's serialization (libs/mysql/serialization in its source): version, size of all, the last field that may
/// not be passed over, then pairs of field number and value. Fields stand in order, and those after the commit's time are
/// not needed.
fn tagged_gtid(mut fields: Fields) -> Option<Body> {
    let _version = fields.take(1)?;
    let _size = fields.varlen()?;
    let _last_needed = fields.varlen()?;
    let (mut uuid, mut tag, mut number, mut commit_us) = (None, None, None, None);
    while !fields.0.is_empty() && commit_us.is_none() {
        match fields.varlen()? {
            0 => drop(fields.varlen()?),
            1 => {
                let mut bytes = [0; 16];
                for byte in &mut bytes {
                    *byte = u8::try_from(fields.varlen()?).ok()?;
                }
                uuid = Some(u128::from_be_bytes(bytes));
            }
            // Signed numbers carry their sign in the lowest bit.
            2 => number = fields.varlen().filter(|number| number & 1 == 0).map(|number| number >> 1),
            3 => {
                let length = usize::try_from(fields.varlen()?).ok()?;
                tag = Some(std::str::from_utf8(fields.take(length)?).ok()?.to_owned());
            }
            4 | 5 => drop(fields.varlen()?),
            6 => commit_us = Some(fields.varlen()?),
            _ => break,
        }
    }
    Some(Body::Gtid { uuid: uuid?, tag: tag?, number: number?, commit_us })
}

/// Number 8, domain 4, flags 1; of these 1 is for a statement that stands alone and 128 for the end of an XA transaction,
/// which is one too.
fn mariadb_gtid(server_id: u32, mut fields: Fields) -> Option<Body> {
    let number = fields.u64()?;
    let domain = fields.u32()?;
    let [flags] = fields.array::<1>()?;
    Some(Body::MariadbGtid { gtid: MariadbGtid { domain, server_id, number }, standalone: flags & (1 | 128) != 0 })
}

/// A count, of which the highest four bits are flags; for each domain 4, server 4, number 8.
fn mariadb_gtid_list(mut fields: Fields) -> Option<Body> {
    let count = fields.u32()? & 0x0FFF_FFFF;
    let mut list = Vec::new();
    for _ in 0..count {
        let (domain, server_id, number) = (fields.u32()?, fields.u32()?, fields.u64()?);
        list.push(MariadbGtid { domain, server_id, number });
    }
    Some(Body::MariadbGtidList(list))
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(field)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of the server's serialization: as many bytes as its first has ones at its low end, and one more; the value
    /// stands above those. After 0xFF come all eight bytes of the value.
    fn varlen(&mut self) -> Option<u64> {
        let first = *self.0.first()?;
        if first == 0xFF {
            self.take(1)?;
            return self.u64();
        }
        let count = first.trailing_ones() as usize + 1;
        let bytes = self.take(count)?;
        let value = bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Some(value >> count)
    }
}
