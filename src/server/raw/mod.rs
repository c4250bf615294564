//! A thin blocking MySQL connection for reading rows at full speed: one socket, one thread. A statement goes
//! in; each row comes out as the payload of its packet, in place in the read buffer, by the text or the binary
//! protocol. Values are taken apart elsewhere. Everything that is small, or that loads rows, goes through
//! [`Session`](super::session::Session) instead.

mod binlog;
mod login;
mod packet;
mod rows;
mod stream;
pub(super) mod tls;

pub use binlog::{BinlogStream, DumpRequest, DumpStart};
pub use rows::{RawColumn, Rows};

use super::error::ServerError;
use super::options::ConnectOptions;
use super::session::{Done, NEUTRAL_SETUP, Row, lost_by, shorten};
use mysql_common::constants::{CapabilityFlags, Command};
use packet::{Fields, Packets, Payload};
use rows::{ErrorPacket, is_end, parse_column, parse_done};
use std::io;

/// A blocking session that reads rows.
pub struct RawSession {
    packets: Packets,
    server: String,
    server_version: String,
    connection_id: u32,
    capabilities: CapabilityFlags,
    /// The statement last sent, cut for messages.
    statement: String,
    /// Rows that the server is still sending.
    pending: Option<Pending>,
    /// The connection broke or lost its order: nothing can be sent any more.
    broken: bool,
}

/// What is left to do for the statement whose rows are on their way.
struct Pending {
    /// A prepared statement to close after its last row.
    close: Option<u32>,
}

impl RawSession {
    /// Connects and logs in. No session setting is changed but those that would cut or end statements.
    ///
    /// # Errors
    /// [`ServerError::Unreachable`] where nobody answers in time, [`ServerError::Tls`] where TLS cannot be had
    /// as asked for, [`ServerError::LoginRefused`] where the server does not let the account in.
    pub fn connect(options: &ConnectOptions) -> Result<RawSession, ServerError> {
        let logged_in = login::log_in(options)?;
        let mut session = RawSession {
            packets: logged_in.packets,
            server: options.describe(),
            server_version: logged_in.server_version,
            connection_id: logged_in.connection_id,
            capabilities: logged_in.capabilities,
            statement: String::new(),
            pending: None,
            broken: false,
        };
        session.execute(NEUTRAL_SETUP.as_bytes())?;
        Ok(session)
    }

    /// The server's id of this connection, as `KILL` takes it.
    pub fn connection_id(&self) -> u32 {
        self.connection_id
    }

    /// The server's version as its greeting has it; MariaDB puts `5.5.5-` before its own.
    pub fn server_version(&self) -> &str {
        &self.server_version
    }

    /// The server's address for messages.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// True where the bytes go through TLS.
    pub fn is_tls(&self) -> bool {
        self.packets.stream.is_tls()
    }

    /// Runs a statement that gives no rows; rows that come even so are read and thrown away.
    ///
    /// # Errors
    /// [`ServerError::Statement`] where the server answers with an error, [`ServerError::Lost`] where the
    /// connection broke.
    pub fn execute(&mut self, sql: &[u8]) -> Result<Done, ServerError> {
        self.begin(sql)?;
        self.send(Command::COM_QUERY, sql)?;
        match self.read_answer(None)? {
            Answer::Done(done) => Ok(done),
            Answer::Rows(_) => self.drain_reporting().map(|()| Done::default()),
        }
    }

    /// Runs a statement and hands out its rows by the text protocol.
    ///
    /// # Errors
    /// As [`RawSession::execute`].
    pub fn query(&mut self, sql: &[u8]) -> Result<Rows<'_>, ServerError> {
        self.begin(sql)?;
        self.send(Command::COM_QUERY, sql)?;
        self.read_answer(None).map(|answer| self.rows(answer))
    }

    /// Prepares and runs a statement without parameters and hands out its rows by the binary protocol. The
    /// prepared statement is closed after the last row.
    ///
    /// # Errors
    /// As [`RawSession::execute`].
    pub fn query_binary(&mut self, sql: &[u8]) -> Result<Rows<'_>, ServerError> {
        self.begin(sql)?;
        self.send(Command::COM_STMT_PREPARE, sql)?;
        let id = self.read_prepared()?;
        // Statement, no cursor, one iteration.
        let mut argument = id.to_le_bytes().to_vec();
        argument.extend_from_slice(&[0, 1, 0, 0, 0]);
        self.send(Command::COM_STMT_EXECUTE, &argument)?;
        self.read_answer(Some(id)).map(|answer| self.rows(answer))
    }

    /// Runs a statement and returns all its rows; for small results only.
    ///
    /// # Errors
    /// As [`RawSession::execute`].
    pub fn query_small(&mut self, sql: &[u8]) -> Result<Vec<Row>, ServerError> {
        self.query_named(sql).map(|(_, rows)| rows)
    }

    /// The same with the names of the columns, for results whose columns depend on the server's version.
    ///
    /// # Errors
    /// As [`RawSession::execute`].
    pub fn query_named(&mut self, sql: &[u8]) -> Result<(Vec<String>, Vec<Row>), ServerError> {
        let mut rows = self.query(sql)?;
        let names: Vec<_> = rows.columns().iter().map(|column| column.name.clone()).collect();
        let mut all = Vec::new();
        while let Some(payload) = rows.next()? {
            let mut fields = Fields(payload);
            let row: Option<Vec<_>> =
                names.iter().map(|_| fields.text_value().map(|v| v.map(<[u8]>::to_vec))).collect();
            match row {
                Some(row) => all.push(Row(row)),
                None => return Err(rows.session.protocol("a row shorter than its columns")),
            }
        }
        Ok((names, all))
    }

    /// Makes the session ready for the next statement.
    fn begin(&mut self, sql: &[u8]) -> Result<(), ServerError> {
        if !self.broken {
            self.drain()?;
        }
        self.statement = shorten(sql);
        if self.broken {
            return Err(ServerError::Lost {
                server: self.server.clone(),
                doing: format!("running {}", self.statement),
                why: "the session broke before".into(),
            });
        }
        Ok(())
    }

    fn send(&mut self, command: Command, argument: &[u8]) -> Result<(), ServerError> {
        match self.packets.send_command(command as u8, argument) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.lost("sending", &error)),
        }
    }

    fn read(&mut self) -> Result<Payload, ServerError> {
        match self.packets.read() {
            Ok(payload) => Ok(payload),
            Err(error) => Err(self.lost("running", &error)),
        }
    }

    /// Reads the answer to a statement: done, or the columns of the rows that follow.
    fn read_answer(&mut self, close: Option<u32>) -> Result<Answer, ServerError> {
        let payload = self.read()?;
        let bytes = self.packets.bytes(&payload);
        match bytes.first() {
            Some(0x00) => {
                let done = parse_done(bytes);
                if let Some(id) = close {
                    self.close_statement(id)?;
                }
                done.map(Answer::Done).ok_or_else(|| self.protocol("a broken OK packet"))
            }
            Some(0xFF) => {
                let error = self.statement_error(&payload);
                if let (Some(id), false) = (close, self.broken) {
                    self.close_statement(id)?;
                }
                Err(error)
            }
            // A request for a local file, which this client never announces.
            Some(0xFB) => Err(self.protocol("a request for a local file")),
            _ => {
                let count = Fields(bytes).lenenc().ok_or_else(|| self.protocol("a broken column count"))?;
                let columns = self.read_columns(count)?;
                self.pending = Some(Pending { close });
                Ok(Answer::Rows(columns))
            }
        }
    }

    fn read_columns(&mut self, count: u64) -> Result<Vec<RawColumn>, ServerError> {
        let mut columns = Vec::new();
        for _ in 0..count {
            let payload = self.read()?;
            match parse_column(self.packets.bytes(&payload)) {
                Some(column) => columns.push(column),
                None => return Err(self.protocol("a broken column description")),
            }
        }
        self.read_columns_end()?;
        Ok(columns)
    }

    /// Old servers end the column descriptions with a packet of its own.
    fn read_columns_end(&mut self) -> Result<(), ServerError> {
        if self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            return Ok(());
        }
        let payload = self.read()?;
        if is_end(self.packets.bytes(&payload)) { Ok(()) } else { Err(self.protocol("no end of the columns")) }
    }

    /// Reads the answer to COM_STMT_PREPARE: the statement's number, then descriptions that come again with
    /// the rows.
    fn read_prepared(&mut self) -> Result<u32, ServerError> {
        let payload = self.read()?;
        let bytes = self.packets.bytes(&payload);
        if bytes.first() == Some(&0xFF) {
            return Err(self.statement_error(&payload));
        }
        let mut fields = Fields(bytes);
        let parsed = (fields.number(1), fields.number(4), fields.u16(), fields.u16());
        let (Some(0), Some(id), Some(columns), Some(parameters)) = parsed else {
            return Err(self.protocol("a broken answer to PREPARE"));
        };
        if parameters > 0 {
            return Err(self.protocol("a statement with parameters, and there is nothing to bind to them"));
        }
        if columns > 0 {
            self.read_columns(u64::from(columns))?;
        }
        Ok(id as u32)
    }

    /// The server answers nothing to this.
    fn close_statement(&mut self, id: u32) -> Result<(), ServerError> {
        self.send(Command::COM_STMT_CLOSE, &id.to_le_bytes())
    }

    fn rows(&mut self, answer: Answer) -> Rows<'_> {
        let columns = match answer {
            Answer::Rows(columns) => columns,
            Answer::Done(_) => Vec::new(),
        };
        Rows { session: self, columns }
    }

    fn drain_reporting(&mut self) -> Result<(), ServerError> {
        while self.next_row()?.is_some() {}
        Ok(())
    }

    /// The error in an error packet. Some of them are the server's last word on the connection.
    fn statement_error(&mut self, payload: &Payload) -> ServerError {
        let Some(error) = ErrorPacket::parse(self.packets.bytes(payload)) else {
            return self.protocol("a broken error packet");
        };
        let server = self.server.clone();
        if lost_by(error.code) {
            self.broken = true;
            return ServerError::Lost { server, doing: format!("running {}", self.statement), why: error.message };
        }
        let statement = self.statement.clone();
        ServerError::Statement { server, code: error.code, state: error.state, message: error.message, statement }
    }

    #[cold]
    fn lost(&mut self, doing: &str, error: &io::Error) -> ServerError {
        if error.kind() == io::ErrorKind::InvalidData {
            return self.protocol(error);
        }
        self.broken = true;
        self.pending = None;
        ServerError::Lost {
            server: self.server.clone(),
            doing: format!("{doing} {}", self.statement),
            why: error.to_string(),
        }
    }

    /// An answer that makes no sense: what follows it cannot be trusted, so the session is given up.
    #[cold]
    fn protocol(&mut self, why: impl ToString) -> ServerError {
        self.broken = true;
        self.pending = None;
        self.packets.stream.shutdown();
        ServerError::Protocol {
            server: self.server.clone(),
            why: format!("{}; statement: {}", why.to_string(), self.statement),
        }
    }
}

impl Drop for RawSession {
    /// Takes leave where the server listens, so that it does not log an aborted connection.
    fn drop(&mut self) {
        if !self.broken && self.pending.is_none() {
            let _ = self.packets.send_command(Command::COM_QUIT as u8, &[]);
        }
        self.packets.stream.shutdown();
    }
}

/// The first part of an answer.
enum Answer {
    Done(Done),
    Rows(Vec<RawColumn>),
}
