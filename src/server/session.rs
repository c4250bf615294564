//! One mysql_async session with the error texts of this program: every failure names the server and the
//! statement. Values come as bytes, since sessions read with `character_set_results=NULL`.

use super::error::ServerError;
use super::options::{ConnectOptions, Host, SslMode};
use super::raw::tls;
use crate::limits;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, SslOpts, Value};

/// One row of a small result: bytes or NULL for each column.
#[derive(Clone, Debug)]
pub struct Row(pub Vec<Option<Vec<u8>>>);

impl Row {
    /// Column `i` as text, bytes that are no UTF-8 replaced; empty for NULL.
    pub fn text(&self, i: usize) -> String {
        self.opt_text(i).unwrap_or_default()
    }

    /// Column `i` as text, or none for NULL.
    pub fn opt_text(&self, i: usize) -> Option<String> {
        self.0.get(i)?.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Column `i` as the bytes that came; empty for NULL.
    pub fn bytes(&self, i: usize) -> Vec<u8> {
        self.0.get(i).cloned().flatten().unwrap_or_default()
    }

    /// Column `i` as a number; 0 for NULL or anything that is none.
    pub fn number(&self, i: usize) -> u64 {
        self.opt_number(i).unwrap_or_default()
    }

    /// Column `i` as a number, or none.
    pub fn opt_number(&self, i: usize) -> Option<u64> {
        self.opt_text(i)?.parse().ok()
    }
}

/// What a statement without rows did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows changed.
    pub affected: u64,
    /// Warnings, at most 65,535 (the packet's field); `info` of a LOAD DATA has the true number.
    pub warnings: u16,
    /// The server's line, such as `Records: 5  Deleted: 0  Skipped: 0  Warnings: 0`.
    pub info: String,
}

/// A session for small statements and for loading.
pub struct Session {
    conn: Conn,
    server: String,
}

/// The settings of every session that reads definitions and rows, in one statement.
///
/// `character_set_results=NULL` gives stored bytes unconverted (not `SET NAMES binary`, under which JSON
/// functions refuse every literal); UTC because TIMESTAMP is converted to the session's zone; an empty sql_mode
/// because PAD_CHAR_TO_FULL_LENGTH pads CHAR on read and ANSI_QUOTES changes SHOW CREATE; a long GROUP_CONCAT because
/// that is how the server tells the types of a JSON document's values.
pub const READER_SETUP: &str = "SET NAMES utf8mb4, SESSION character_set_results=NULL, SESSION time_zone='+00:00', \
    SESSION sql_mode='ALLOW_INVALID_DATES', SESSION transaction_isolation='REPEATABLE-READ', SESSION sql_quote_show_create=1, \
    SESSION group_concat_max_len=1073741824, \
    SESSION wait_timeout=28800, SESSION net_write_timeout=3600";

/// The settings of every session that writes definitions and rows. NO_ENGINE_SUBSTITUTION, because a server without
/// a table's engine would else make an InnoDB table with no more than a warning. `sql_quote_show_create` is how expressions
/// are written into the dictionary, not only how they are shown (seen on 9.7.4). The last ones but two are what generated
/// columns are computed under: the defaults of every server, whatever this one's are.
pub const WRITER_SETUP: &str = "SET NAMES utf8mb4, SESSION character_set_results=NULL, SESSION time_zone='+00:00', \
    SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION', SESSION foreign_key_checks=0, \
    SESSION sql_quote_show_create=1, SESSION unique_checks=0, SESSION div_precision_increment=4, SESSION default_week_format=0, \
    SESSION lc_time_names='en_US', SESSION wait_timeout=28800, SESSION net_read_timeout=3600";

/// What a server may give every session by its global settings and what would cut or end our statements: `sql_select_limit`
/// cuts every result, `max_execution_time` ends a long one, a COMMIT chains under `completion_type`, and so on. The first
/// statement of every session, also before the server is asked who it is. MySQL reads the first comment, MariaDB the second.
pub const NEUTRAL_SETUP: &str = "SET SESSION sql_select_limit=18446744073709551615, SESSION sql_big_selects=1, \
    SESSION sql_auto_is_null=0, SESSION sql_safe_updates=0, SESSION autocommit=1, SESSION completion_type=0 \
    /*!80000 , SESSION max_execution_time=0, SESSION transaction_read_only=0 */ \
    /*M!100101 , SESSION max_statement_time=0, SESSION tx_read_only=0 */";

impl Session {
    /// Connects and logs in. No session setting is changed but those that would cut or end statements.
    pub async fn connect(options: &ConnectOptions) -> Result<Session, ServerError> {
        tls::install_provider();
        let server = options.describe();
        if is_tcp(options) {
            tls::check_ca(&options.ssl).map_err(|why| ServerError::Tls { server: server.clone(), why })?;
        }
        let first = Self::try_connect(options, options.ssl.mode != SslMode::Disabled && is_tcp(options)).await;
        let conn = match first {
            // A server without TLS under `preferred`: plain, as the mysql client does.
            Err(mysql_async::Error::Driver(mysql_async::DriverError::NoClientSslFlagFromServer))
                if options.ssl.mode == SslMode::Preferred =>
            {
                Self::try_connect(options, false).await
            }
            other => other,
        };
        match conn {
            Ok(conn) => {
                let mut session = Session { conn, server };
                session.execute(NEUTRAL_SETUP).await?;
                Ok(session)
            }
            Err(error) => Err(connect_error(server, error)),
        }
    }

    async fn try_connect(options: &ConnectOptions, tls: bool) -> Result<Conn, mysql_async::Error> {
        let mut builder = OptsBuilder::default()
            .user(Some(options.user.clone()))
            .pass((!options.password.is_empty()).then(|| options.password.expose().to_owned()))
            .prefer_socket(false)
            .stmt_cache_size(8)
            // The driver would else ask the server for both with a statement of its own.
            .max_allowed_packet(Some(1 << 30))
            .wait_timeout(Some(28800));
        builder = match &options.host {
            Host::Tcp { host, port } => builder.ip_or_hostname(host.clone()).tcp_port(*port).tcp_nodelay(true),
            Host::Socket(path) => builder.socket(Some(path.to_string_lossy().into_owned())),
        };
        if tls {
            builder = builder.ssl_opts(ssl_opts(options));
        }
        match tokio::time::timeout(limits::CONNECT_TIMEOUT, Conn::new(builder)).await {
            Ok(result) => result,
            Err(_) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time").into()),
        }
    }

    /// The server's address for messages.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The server's id of this connection.
    pub fn connection_id(&self) -> u32 {
        self.conn.id()
    }

    /// The driver's connection, for the statements that need more than text (LOAD DATA LOCAL, prepared INSERT).
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Runs a statement that gives no rows.
    pub async fn execute(&mut self, sql: impl AsRef<[u8]>) -> Result<Done, ServerError> {
        let sql = sql.as_ref();
        match self.conn.query_iter(sql).await {
            Ok(result) => {
                let done = Done {
                    affected: result.affected_rows(),
                    warnings: result.warnings(),
                    info: result.info().into_owned(),
                };
                match result.drop_result().await {
                    Ok(()) => Ok(done),
                    Err(error) => Err(statement_error(&self.server, sql, error)),
                }
            }
            Err(error) => Err(statement_error(&self.server, sql, error)),
        }
    }

    /// Runs a statement that holds a password hash: whatever happens, an error shows `shown` in its place.
    pub async fn execute_secret(&mut self, sql: impl AsRef<[u8]>, shown: &str) -> Result<Done, ServerError> {
        self.execute(sql).await.map_err(|error| match error {
            ServerError::Statement { server, code, state, message, .. } => {
                // A syntax error repeats a piece of the statement.
                let message = if code == 1064 { "the server does not know its syntax".to_owned() } else { message };
                ServerError::Statement { server, code, state, message, statement: shown.to_owned() }
            }
            ServerError::Lost { server, why, .. } => ServerError::Lost { server, doing: shown.to_owned(), why },
            other => other,
        })
    }

    /// Runs a statement and returns all its rows; for small results only.
    pub async fn query(&mut self, sql: impl AsRef<[u8]>) -> Result<Vec<Row>, ServerError> {
        let sql = sql.as_ref();
        let rows: Result<Vec<mysql_async::Row>, _> = self.conn.query(sql).await;
        match rows {
            Ok(rows) => Ok(rows.into_iter().map(to_row).collect()),
            Err(error) => Err(statement_error(&self.server, sql, error)),
        }
    }

    /// The rows of a statement whose columns have other names in each version: names with values, empty for NULL.
    pub async fn query_columns(&mut self, sql: impl AsRef<[u8]>) -> Result<Vec<Vec<(String, String)>>, ServerError> {
        let sql = sql.as_ref();
        let rows: Result<Vec<mysql_async::Row>, _> = self.conn.query(sql).await;
        let named = |row: mysql_async::Row| {
            let names: Vec<String> = row.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
            let values = to_row(row);
            names.into_iter().enumerate().map(|(i, name)| (name, values.text(i))).collect()
        };
        match rows {
            Ok(rows) => Ok(rows.into_iter().map(named).collect()),
            Err(error) => Err(statement_error(&self.server, sql, error)),
        }
    }

    /// Runs several statements, separated by semicolons, in one go and returns the rows of each. The first error
    /// ends it.
    pub async fn query_many(&mut self, sql: impl AsRef<[u8]>) -> Result<Vec<Vec<Row>>, ServerError> {
        let sql = sql.as_ref();
        let mut sets = Vec::new();
        let result = async {
            let mut result = self.conn.query_iter(sql).await?;
            while !result.is_empty() {
                let rows: Vec<mysql_async::Row> = result.collect().await?;
                sets.push(rows.into_iter().map(to_row).collect());
            }
            Ok(())
        };
        match result.await {
            Ok(()) => Ok(sets),
            Err(error) => Err(statement_error(&self.server, sql, error)),
        }
    }

    /// The first row of a result, if any.
    pub async fn query_first(&mut self, sql: impl AsRef<[u8]>) -> Result<Option<Row>, ServerError> {
        Ok(self.query(sql).await?.into_iter().next())
    }

    /// Ends the session politely; a connection already gone is no error.
    pub async fn close(self) {
        let _ = self.conn.disconnect().await;
    }

    /// Turns a driver error of a statement run through [`Session::conn`] into ours.
    pub fn error(&self, sql: &[u8], error: mysql_async::Error) -> ServerError {
        statement_error(&self.server, sql, error)
    }
}

fn is_tcp(options: &ConnectOptions) -> bool {
    matches!(options.host, Host::Tcp { .. })
}

fn ssl_opts(options: &ConnectOptions) -> SslOpts {
    // The driver takes the process's default, which rustls cannot choose by itself where the build holds
    // two providers (a dependency may bring the second). One that is already set stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut ssl = SslOpts::default();
    // The driver reads the file even where it takes any certificate.
    if let (Some(ca), SslMode::VerifyCa | SslMode::VerifyIdentity) = (&options.ssl.ca, options.ssl.mode) {
        ssl = ssl.with_root_certs(vec![ca.clone().into()]).with_disable_built_in_roots(true);
    }
    match options.ssl.mode {
        SslMode::Disabled | SslMode::Preferred | SslMode::Required => {
            ssl.with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true)
        }
        // The driver forgives a wrong name by looking for this word in the error's text, which rustls 0.23 no
        // longer writes itself but for the name that it quotes. The chain is checked before the name.
        SslMode::VerifyCa => ssl
            .with_danger_skip_domain_validation(true)
            .with_danger_tls_hostname_override(Some("NotValidForName".to_owned())),
        SslMode::VerifyIdentity => ssl,
    }
}

fn to_row(row: mysql_async::Row) -> Row {
    let cells = row.unwrap().into_iter().map(|value| match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(bytes),
        // Text results hold bytes only; anything else came by the binary protocol.
        other => Some(other.as_sql(true).trim_matches('\'').as_bytes().to_vec()),
    });
    Row(cells.collect())
}

fn connect_error(server: String, error: mysql_async::Error) -> ServerError {
    match error {
        mysql_async::Error::Server(e) => login_error(server, e.code, e.message),
        mysql_async::Error::Io(mysql_async::IoError::Tls(e)) => ServerError::Tls { server, why: e.to_string() },
        mysql_async::Error::Driver(mysql_async::DriverError::NoClientSslFlagFromServer) => {
            ServerError::Tls { server, why: "the server offers none".into() }
        }
        mysql_async::Error::Driver(mysql_async::DriverError::UnknownAuthPlugin { name }) => {
            ServerError::LoginRefused { server, why: unknown_plugin(&name) }
        }
        // A handshake that failed comes as an input error that wraps the TLS error.
        mysql_async::Error::Io(mysql_async::IoError::Io(e))
            if e.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) =>
        {
            ServerError::Tls { server, why: e.to_string() }
        }
        mysql_async::Error::Io(mysql_async::IoError::Io(e)) => ServerError::Unreachable { server, why: e.to_string() },
        other => ServerError::Unreachable { server, why: other.to_string() },
    }
}

/// An error that the server answers a login with: it is full, shutting down or has blocked this host, or else
/// it does not let the account in.
pub(super) fn login_error(server: String, code: u16, why: String) -> ServerError {
    match code {
        // Too many connections, shutdown, host blocked, too many connections of the user (two kinds), offline mode.
        1040 | 1053 | 1129 | 1203 | 1226 | 3032 => ServerError::Unreachable { server, why },
        _ => ServerError::LoginRefused { server, why },
    }
}

/// Why an account cannot log in with this program at all.
pub(super) fn unknown_plugin(name: &str) -> String {
    format!("the account logs in by {name}, which is not supported")
}

/// True for an error that is the server's last word on the connection: shutdown, idle for too long, and
/// MariaDB's word for KILL.
pub(super) fn lost_by(code: u16) -> bool {
    matches!(code, 1053 | 4031 | 1927)
}

fn statement_error(server: &str, sql: &[u8], error: mysql_async::Error) -> ServerError {
    match error {
        mysql_async::Error::Server(e) if lost_by(e.code) => {
            ServerError::Lost { server: server.to_owned(), doing: shorten(sql), why: e.message }
        }
        mysql_async::Error::Server(e) => ServerError::Statement {
            server: server.to_owned(),
            code: e.code,
            state: e.state,
            message: e.message,
            statement: shorten(sql),
        },
        other => ServerError::Lost { server: server.to_owned(), doing: shorten(sql), why: other.to_string() },
    }
}

/// A statement short enough for a message, on one line.
pub fn shorten(sql: &[u8]) -> String {
    let text = String::from_utf8_lossy(&sql[..sql.len().min(2000)]);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
