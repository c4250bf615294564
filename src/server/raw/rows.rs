//! The rows of one statement, handed out as whole packet payloads, and the packets around them: errors, OK
//! and end packets, column descriptions. (MySQL Internals, "Text Resultset", "OK_Packet".) Does not look into
//! a row.

use super::packet::{Fields, PACKET_BYTES_MAX, Payload};
use super::{Pending, RawSession};
use crate::server::error::ServerError;
use crate::server::session::Done;

/// One column of a result, as the server describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawColumn {
    /// Name or alias.
    pub name: String,
    /// Type byte (`MYSQL_TYPE_…`, MySQL's field_types.h).
    pub type_byte: u8,
    /// `NOT_NULL_FLAG`, `UNSIGNED_FLAG` and so on (mysql_com.h).
    pub flags: u16,
    /// Collation number; 63 is binary.
    pub charset: u16,
    /// Digits after the point; 31 where that is not fixed.
    pub decimals: u8,
    /// Greatest length in bytes.
    pub length: u32,
}

/// The rows of a statement that is running. Dropped before the end, the rest is read and thrown away by the
/// session's next statement.
pub struct Rows<'a> {
    pub(super) session: &'a mut RawSession,
    pub(super) columns: Vec<RawColumn>,
}

impl Rows<'_> {
    /// The columns; none where the statement gives no rows at all.
    pub fn columns(&self) -> &[RawColumn] {
        &self.columns
    }

    /// The payload of the next row's packet, or none after the last. It borrows the read buffer, hence this is
    /// no `Iterator`. A text row is a length-encoded string (or 0xFB for NULL) for each column; a binary row
    /// begins with 0x00 and the NULL bitmap.
    ///
    /// # Errors
    /// [`ServerError::Statement`] where the server ended the rows with an error, [`ServerError::Lost`] where
    /// the connection broke.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<&[u8]>, ServerError> {
        match self.session.next_row()? {
            Some(payload) => Ok(Some(self.session.packets.bytes(&payload))),
            None => Ok(None),
        }
    }
}

impl RawSession {
    /// The place of the next row, or none at the end of the rows.
    #[inline]
    pub(super) fn next_row(&mut self) -> Result<Option<Payload>, ServerError> {
        if self.pending.is_none() {
            return Ok(None);
        }
        match self.packets.read() {
            Ok(payload) => {
                let bytes = self.packets.bytes(&payload);
                match bytes.first() {
                    Some(0xFE) if is_end(bytes) => self.end_rows().map(|()| None),
                    Some(0xFF) => Err(self.end_rows_with_error(&payload)),
                    _ => Ok(Some(payload)),
                }
            }
            Err(error) => Err(self.lost("reading the rows of", &error)),
        }
    }

    /// Reads the rest of the rows of an earlier statement.
    pub(super) fn drain(&mut self) -> Result<(), ServerError> {
        loop {
            match self.next_row() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                // The statement that was left failed; nobody waits for its rows any more.
                Err(ServerError::Statement { .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    #[cold]
    fn end_rows(&mut self) -> Result<(), ServerError> {
        match self.pending.take() {
            Some(Pending { close: Some(id) }) => self.close_statement(id),
            _ => Ok(()),
        }
    }

    #[cold]
    fn end_rows_with_error(&mut self, payload: &Payload) -> ServerError {
        let error = self.statement_error(payload);
        // What matters is the error that ended the rows; a broken session is told by the next statement.
        let _ = self.end_rows();
        error
    }
}

/// 0xFE begins the end packet, and also a row whose first value has 16 MiB or more; such a row is longer than
/// any one packet, and no end packet is.
pub(super) fn is_end(payload: &[u8]) -> bool {
    payload.first() == Some(&0xFE) && payload.len() < PACKET_BYTES_MAX
}

/// An error as the server sends it.
pub(super) struct ErrorPacket {
    pub(super) code: u16,
    pub(super) state: String,
    pub(super) message: String,
}

impl ErrorPacket {
    /// The error in a payload, or none where the payload is something else. Before the login the SQLSTATE may
    /// be missing.
    pub(super) fn parse(payload: &[u8]) -> Option<ErrorPacket> {
        let mut fields = Fields(payload);
        if fields.number(1)? != 0xFF {
            return None;
        }
        let code = fields.u16()?;
        let mut state = String::from("HY000");
        if fields.0.len() >= 6 && fields.0[0] == b'#' {
            state = String::from_utf8_lossy(&fields.bytes(6)?[1..]).into_owned();
        }
        Some(ErrorPacket { code, state, message: String::from_utf8_lossy(fields.0).into_owned() })
    }
}

/// What an OK packet says, or none where it is broken.
pub(super) fn parse_done(payload: &[u8]) -> Option<Done> {
    let mut fields = Fields(payload);
    fields.number(1)?;
    let affected = fields.lenenc()?;
    let _last_insert_id = fields.lenenc()?;
    let _status = fields.u16()?;
    let warnings = fields.u16()?;
    let info = fields.lenenc_bytes().unwrap_or_default();
    Some(Done { affected, warnings, info: String::from_utf8_lossy(info).into_owned() })
}

/// A column's description, or none where it is broken.
pub(super) fn parse_column(payload: &[u8]) -> Option<RawColumn> {
    let mut fields = Fields(payload);
    let _catalog = fields.lenenc_bytes()?;
    let _schema = fields.lenenc_bytes()?;
    let _table = fields.lenenc_bytes()?;
    let _original_table = fields.lenenc_bytes()?;
    let name = String::from_utf8_lossy(fields.lenenc_bytes()?).into_owned();
    let _original_name = fields.lenenc_bytes()?;
    let _fixed_bytes = fields.lenenc()?;
    let charset = fields.u16()?;
    let length = fields.number(4)? as u32;
    let type_byte = fields.number(1)? as u8;
    let flags = fields.u16()?;
    let decimals = fields.number(1)? as u8;
    Some(RawColumn { name, type_byte, flags, charset, decimals, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_with_and_without_state() {
        let error = ErrorPacket::parse(b"\xff\x15\x04#28000Access denied").unwrap();
        assert_eq!((error.code, error.state.as_str(), error.message.as_str()), (1045, "28000", "Access denied"));
        let error = ErrorPacket::parse(b"\xff\x10\x04Too many connections").unwrap();
        assert_eq!((error.code, error.message.as_str()), (1040, "Too many connections"));
        assert!(ErrorPacket::parse(b"\x00\x00\x00").is_none());
    }

    #[test]
    fn an_ok_packet() {
        let done = parse_done(b"\x00\xfc\x10\x27\x00\x02\x00\x05\x00\x09Records: ").unwrap();
        assert_eq!(done, Done { affected: 10_000, warnings: 5, info: "Records: ".into() });
        assert!(parse_done(b"\x00\xfc\x10").is_none());
    }

    #[test]
    fn a_long_row_is_no_end() {
        assert!(is_end(&[0xFE, 0, 0, 2, 0]));
        assert!(!is_end(&vec![0xFE; PACKET_BYTES_MAX]));
        assert!(!is_end(&[0xFB]));
    }
}
