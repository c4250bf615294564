//! Walks over the events of a file or a stream in their order: checks each, and knows where transactions end. Keeps no
//! bytes and does no I/O; never panics, whatever the bytes are.

use super::body::{self, Body, Statement};
use super::{BinlogError, CHECKSUM_BYTES, Checksum, FLAG_ARTIFICIAL, FLAG_IN_USE, HEADER_BYTES, Header};

/// An event that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its head.
    pub header: Header,
    /// What it is.
    pub body: Body,
    /// It stands in the server's file; else it was made for the stream.
    pub in_file: bool,
    /// A transaction ended with it.
    pub ends_transaction: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between two transactions.
    Outside,
    /// A statement is to come that may stand for itself.
    Begun,
    /// Until an event that ends it.
    Inside,
}

/// The state between two events.
#[derive(Clone, Debug)]
pub struct Scanner {
    checksum: Checksum,
    state: State,
}

impl Scanner {
    /// A scanner between two transactions whose events are checked so, until a format description says otherwise.
    pub fn new(checksum: Checksum) -> Scanner {
        Scanner { checksum, state: State::Outside }
    }

    /// How the next event is checked.
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// True between two transactions: here a log may be cut.
    pub fn at_boundary(&self) -> bool {
        self.state == State::Outside
    }

    /// Forgets a transaction that is not to be finished: the stream broke off, or its file has ended.
    pub fn reset(&mut self) {
        self.state = State::Outside;
    }

    /// Looks at the next event, which must be these bytes exactly.
    ///
    /// # Errors
    /// Where they are no event, or the checksum does not fit. The state is as before then.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Seen, BinlogError> {
        let header = Header::parse(bytes).filter(|header| header.bytes as usize == bytes.len());
        let header = header.ok_or(BinlogError::NoEvent { bytes: bytes.len() })?;
        let in_file = header.next != 0 && header.flags & FLAG_ARTIFICIAL == 0 && !matches!(header.kind, 27 | 41);
        let content = match (in_file, header.kind) {
            (true, _) => checked(&header, bytes, self.checksum)?,
            // Changed by the sender, which computes its checksum anew only where it checks the others (seen on 9.7.4).
            (false, FORMAT_DESCRIPTION) => {
                &bytes[HEADER_BYTES..bytes.len().saturating_sub(CHECKSUM_BYTES).max(HEADER_BYTES)]
            }
            // The first of a stream is sent before it is said how events are checked.
            (false, _) => checked(&header, bytes, Checksum::Crc32).unwrap_or(&bytes[HEADER_BYTES..]),
        };
        let body = body::parse(&header, content)?;
        if let Body::FormatDescription { checksum, .. } = &body {
            self.checksum = *checksum;
        }
        let ends_transaction = in_file && self.step(&body);
        Ok(Seen { header, body, in_file, ends_transaction })
    }

    /// Moves on; true where a transaction has ended.
    fn step(&mut self, body: &Body) -> bool {
        let before = self.state;
        self.state = match (body, before) {
            (Body::Gtid { .. } | Body::Anonymous { .. }, _) => State::Begun,
            (Body::MariadbGtid { standalone, .. }, _) => match standalone {
                true => State::Begun,
                false => State::Inside,
            },
            (Body::Before, State::Outside) => State::Begun,
            (Body::Query(Statement::Begin), State::Outside | State::Begun) => State::Inside,
            (Body::Query(Statement::Other), State::Outside | State::Begun) => State::Outside,
            (Body::Query(Statement::End) | Body::End, _) => State::Outside,
            // No transaction goes on into the next file.
            (Body::Rotate { .. } | Body::Stop | Body::FormatDescription { .. }, _) => State::Outside,
            (_, state) => state,
        };
        match body {
            Body::Query(Statement::Other) => before != State::Inside,
            Body::Query(Statement::End) | Body::End => true,
            _ => false,
        }
    }
}

const FORMAT_DESCRIPTION: u8 = 15;

/// The bytes between header and checksum, where that fits.
fn checked<'a>(header: &Header, bytes: &'a [u8], checksum: Checksum) -> Result<&'a [u8], BinlogError> {
    // A format description has a checksum whatever it says about the others.
    if checksum == Checksum::None && header.kind != FORMAT_DESCRIPTION {
        return Ok(&bytes[HEADER_BYTES..]);
    }
    let wrong = BinlogError::Checksum { kind: header.kind, bytes: bytes.len() };
    let end = bytes.len().checked_sub(CHECKSUM_BYTES).filter(|end| *end >= HEADER_BYTES).ok_or(wrong.clone())?;
    let (content, expected) = bytes.split_at(end);
    let found = match header.kind == FORMAT_DESCRIPTION && header.flags & FLAG_IN_USE != 0 {
        // Computed as if the file were closed.
        true => {
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(&content[..HEADER_BYTES - 2]);
            hasher.update(&(header.flags & !FLAG_IN_USE).to_le_bytes());
            hasher.update(&content[HEADER_BYTES..]);
            hasher.finalize()
        }
        false => crc32fast::hash(content),
    };
    match found.to_le_bytes() == expected {
        true => Ok(&content[HEADER_BYTES..]),
        false => Err(wrong),
    }
}
