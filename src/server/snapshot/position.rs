//! Where a server stands in its own binary log and, on a replica, in its sources'. Every statement that one
//! server or another does not know, or an account may not send, has another in its place; what no statement
//! tells is left empty. Whether nothing moved meanwhile is the caller's to know.

use super::sessions::{refused, unknown};
use crate::position::{Position, SourcePosition};
use crate::server::error::ServerError;
use crate::server::raw::RawSession;
use crate::server::session::Row;
use std::collections::HashMap;

/// A position with the server's clock.
pub(super) struct Found {
    /// `exact` is false until the caller knows better.
    pub(super) position: Position,
    pub(super) source_positions: Vec<SourcePosition>,
    pub(super) time: jiff::Timestamp,
}

/// The one row of `performance_schema.log_status`.
#[derive(Clone, Debug, Default)]
pub(super) struct LogStatus {
    pub(super) local: String,
    pub(super) storage_engines: String,
    pub(super) gtid_executed: String,
    pub(super) binlog_file: Option<String>,
    pub(super) binlog_offset: Option<u64>,
    pub(super) time: String,
}

impl LogStatus {
    /// The server's own position; `exact` is false.
    pub(super) fn position(&self) -> Position {
        Position {
            gtid_executed: self.gtid_executed.clone(),
            binlog_file: self.binlog_file.clone(),
            binlog_offset: self.binlog_offset,
            exact: false,
        }
    }
}

/// Reads everything.
pub(super) fn read(session: &mut RawSession) -> Result<Found, ServerError> {
    let status = optional(log_status(session))?.flatten();
    let position = match &status {
        Some(status) => status.position(),
        None => binlog_position(session)?,
    };
    let source_positions = source_positions(session)?;
    let time = match &status {
        Some(status) => status.time.clone(),
        None => first(session, "SELECT UTC_TIMESTAMP(6)")?.map(|row| row.text(0)).unwrap_or_default(),
    };
    Ok(Found { position, source_positions, time: parse_time(session.server(), &time)? })
}

/// `performance_schema.log_status`, which MySQL has since 8.0.11.
pub(super) fn log_status(session: &mut RawSession) -> Result<Option<LogStatus>, ServerError> {
    let row = first(
        session,
        "SELECT LOCAL, STORAGE_ENGINES, LOCAL->>'$.gtid_executed', LOCAL->>'$.binary_log_file', \
         LOCAL->>'$.binary_log_position', UTC_TIMESTAMP(6) FROM performance_schema.log_status",
    )?;
    Ok(row.map(|row| LogStatus {
        local: row.text(0),
        storage_engines: row.text(1),
        gtid_executed: one_line(&row.text(2)),
        binlog_file: row.opt_text(3).filter(|file| !file.is_empty()),
        binlog_offset: row.opt_number(4),
        time: row.text(5),
    }))
}

/// The position of servers without log_status, and for accounts that may not read it.
fn binlog_position(session: &mut RawSession) -> Result<Position, ServerError> {
    let mut position = Position::default();
    // The first from 8.2 on, the second before and on MariaDB.
    for sql in ["SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"] {
        if let Some(row) = optional(session.query_named(sql.as_bytes()))?.and_then(|table| named(table).pop()) {
            position.binlog_file = row.get("File").cloned().filter(|file| !file.is_empty());
            position.binlog_offset = row.get("Position").and_then(|offset| offset.parse().ok());
            position.gtid_executed = row.get("Executed_Gtid_Set").map(|set| one_line(set)).unwrap_or_default();
            break;
        }
    }
    // The others are MariaDB's: what a replica of this server begins at, and of one that writes no binary log.
    let gtids =
        ["SELECT @@global.gtid_executed", "SELECT @@global.gtid_binlog_pos", "SELECT @@global.gtid_current_pos"];
    for sql in gtids {
        if position.gtid_executed.is_empty() {
            let row = optional(first(session, sql))?.flatten();
            position.gtid_executed = row.map(|row| one_line(&row.text(0))).unwrap_or_default();
        }
    }
    Ok(position)
}

/// The channels of a replica that have executed anything, under the names of before 8.0.22 and of MariaDB too.
/// (9.7.4's log_status does not tell how far of the source's log was executed.)
pub(super) fn source_positions(session: &mut RawSession) -> Result<Vec<SourcePosition>, ServerError> {
    for sql in ["SHOW REPLICA STATUS", "SHOW ALL SLAVES STATUS", "SHOW SLAVE STATUS"] {
        let Some(table) = optional(session.query_named(sql.as_bytes()))? else { continue };
        let channels = named(table).into_iter().map(|row| {
            let field = |names: [&str; 2]| names.iter().find_map(|name| row.get(*name)).cloned().unwrap_or_default();
            SourcePosition {
                channel: field(["Channel_Name", "Connection_name"]),
                host: field(["Source_Host", "Master_Host"]),
                port: field(["Source_Port", "Master_Port"]).parse().unwrap_or_default(),
                binlog_file: field(["Relay_Source_Log_File", "Relay_Master_Log_File"]),
                binlog_offset: field(["Exec_Source_Log_Pos", "Exec_Master_Log_Pos"]).parse().unwrap_or_default(),
            }
        });
        return Ok(channels.filter(|channel| !channel.binlog_file.is_empty()).collect());
    }
    Ok(Vec::new())
}

/// The server's `2026-11-24 03:43:52.123456` in UTC.
pub(super) fn parse_time(server: &str, text: &str) -> Result<jiff::Timestamp, ServerError> {
    format!("{}Z", text.replace(' ', "T")).parse().map_err(|error: jiff::Error| ServerError::Protocol {
        server: server.to_owned(),
        why: format!("its clock says `{text}`: {error}"),
    })
}

fn first(session: &mut RawSession, sql: &str) -> Result<Option<Row>, ServerError> {
    Ok(session.query_small(sql.as_bytes())?.into_iter().next())
}

/// None where the server does not know the statement or the account may not send it.
fn optional<T>(result: Result<T, ServerError>) -> Result<Option<T>, ServerError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if refused(&error) || unknown(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn named((names, rows): (Vec<String>, Vec<Row>)) -> Vec<HashMap<String, String>> {
    rows.iter().map(|row| names.iter().cloned().enumerate().map(|(i, name)| (name, row.text(i))).collect()).collect()
}

/// Servers break long GTID sets into lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_clock() {
        let time = parse_time("s", "2026-11-24 03:43:52.123456").unwrap();
        assert_eq!(time.to_string(), "2026-11-24T03:43:52.123456Z");
        assert!(parse_time("s", "").is_err());
    }
}
