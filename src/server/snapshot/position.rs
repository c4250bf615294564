//! Where a server stands in its own binary log and, on a replica, in its sources'. Every statement that one
//! server or another does not know, or an account may not send, has another in its place; what no statement
//! tells is left empty. Whether nothing moved meanwhile is the caller's to know.

use super::sessions::{refused, unknown};
use crate::position::{Position, SourcePosition};
use crate::schema::identifier::literal;
use crate::server::error::ServerError;
use crate::server::raw::RawSession;
use crate::server::session::Row;
use std::collections::{BTreeMap, HashMap};

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
/// (9.7.4's log_status does not tell how far of the source's log was executed.) They are exact as of this moment: whether
/// something was applied beside it is the caller's to know.
pub(super) fn source_positions(session: &mut RawSession) -> Result<Vec<SourcePosition>, ServerError> {
    // MariaDB's own form first: it takes the others too, and shows its default connection alone under them.
    for sql in ["SHOW ALL SLAVES STATUS", "SHOW REPLICA STATUS", "SHOW SLAVE STATUS"] {
        let Some(table) = optional(session.query_named(sql.as_bytes()))? else { continue };
        let mut channels = Vec::new();
        for row in named(table) {
            if let Some(channel) = channel(&row) {
                channels.push(exactly(session, channel, &row)?);
            }
        }
        return Ok(channels);
    }
    Ok(Vec::new())
}

/// A row of the status; none where the channel has executed nothing.
fn channel(row: &HashMap<String, String>) -> Option<SourcePosition> {
    let field = |names: [&str; 2]| names.iter().find_map(|name| row.get(*name)).cloned().unwrap_or_default();
    let executed = SourcePosition {
        channel: field(["Channel_Name", "Connection_name"]),
        host: field(["Source_Host", "Master_Host"]),
        port: field(["Source_Port", "Master_Port"]).parse().unwrap_or_default(),
        binlog_file: field(["Relay_Source_Log_File", "Relay_Master_Log_File"]),
        binlog_offset: field(["Exec_Source_Log_Pos", "Exec_Master_Log_Pos"]).parse().unwrap_or_default(),
        exact: false,
        gtid: String::new(),
        server_uuid: Some(field(["Source_UUID", "Master_UUID"])).filter(|uuid| !uuid.is_empty()),
        server_id: field(["Source_Server_Id", "Master_Server_Id"]).parse().unwrap_or_default(),
    };
    (!executed.binlog_file.is_empty()).then_some(executed)
}

/// The position as the server commits it together with the data. What the status shows comes later: on MySQL with several
/// appliers every `replica_checkpoint_period`, on MariaDB a moment after the commit (seen on 9.7.4 and 10.11.18).
fn exactly(
    session: &mut RawSession,
    shown: SourcePosition,
    row: &HashMap<String, String>,
) -> Result<SourcePosition, ServerError> {
    let stands =
        ["Replica_SQL_Running", "Slave_SQL_Running"].iter().any(|name| row.get(*name).is_some_and(|v| v == "No"));
    if row.contains_key("Gtid_Slave_Pos") {
        return Ok(SourcePosition { gtid: gtid_slave_pos(session)?, exact: stands, ..shown });
    }
    let tables = ["mysql.slave_relay_log_info", "mysql.slave_worker_info"];
    let channel = literal(&shown.channel);
    let mut committed = Vec::new();
    for table in tables {
        let sql = format!("SELECT Master_log_name, Master_log_pos FROM {table} WHERE Channel_name = {channel}");
        match optional(session.query_small(sql.as_bytes()))? {
            Some(rows) => committed.extend(rows.iter().map(|row| (row.text(0), row.number(1)))),
            None => return Ok(SourcePosition { exact: stands, ..shown }),
        }
    }
    // A worker that has done nothing since the channel was changed keeps an old row: beyond what was read it counts for nothing.
    let field = |names: [&str; 2]| names.iter().find_map(|name| row.get(*name)).cloned().unwrap_or_default();
    let read = (
        field(["Source_Log_File", "Master_Log_File"]),
        field(["Read_Source_Log_Pos", "Read_Master_Log_Pos"]).parse().unwrap_or_default(),
    );
    // Without the order of commits there may be gaps before the last one, and the status names what is before all gaps.
    let (in_order, kept) = applied_in_order(session, &channel)?;
    let before = (shown.binlog_file.clone(), shown.binlog_offset);
    let last = committed
        .into_iter()
        .filter(|place| in_order && !after(place, &read))
        .fold(before, |last, place| if after(&place, &last) { place } else { last });
    let exact = stands || (in_order && kept);
    Ok(SourcePosition { binlog_file: last.0, binlog_offset: last.1, exact, ..shown })
}

/// Whether `left` comes later in a binary log. Numbers of files have six digits, and more after 999999.
fn after(left: &(String, u64), right: &(String, u64)) -> bool {
    let key = |place: &(String, u64)| (place.0.len(), place.0.clone(), place.1);
    key(left) > key(right)
}

/// Whether transactions are committed in the source's order, and whether the channel keeps positions of files at all, which
/// `GTID_ONLY` leaves out.
fn applied_in_order(session: &mut RawSession, channel: &str) -> Result<(bool, bool), ServerError> {
    let setting = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('replica_parallel_workers', 'slave_parallel_workers', \
        'replica_preserve_commit_order', 'slave_preserve_commit_order')";
    let rows = session.query_small(setting.as_bytes())?;
    let has = |end: &str, values: [&str; 2]| {
        rows.iter().any(|row| row.text(0).ends_with(end) && values.contains(&row.text(1).as_str()))
    };
    let in_order = has("_preserve_commit_order", ["ON", "1"]) || has("_parallel_workers", ["0", "1"]);
    let kept = format!(
        "SELECT GTID_ONLY FROM performance_schema.replication_connection_configuration WHERE CHANNEL_NAME = {channel}"
    );
    let row = optional(first(session, &kept))?.flatten();
    Ok((in_order, row.is_none_or(|row| row.number(0) == 0 && row.text(0) != "YES")))
}

/// MariaDB's position as its table has it, the newest of each domain; the variable where the table may not be read.
fn gtid_slave_pos(session: &mut RawSession) -> Result<String, ServerError> {
    let sql = "SELECT domain_id, server_id, seq_no FROM mysql.gtid_slave_pos ORDER BY domain_id, sub_id";
    if let Some(rows) = optional(session.query_small(sql.as_bytes()))? {
        let newest: BTreeMap<u64, String> = rows
            .iter()
            .map(|row| (row.number(0), format!("{}-{}-{}", row.text(0), row.text(1), row.text(2))))
            .collect();
        if !newest.is_empty() {
            return Ok(newest.into_values().collect::<Vec<_>>().join(","));
        }
    }
    let row = optional(first(session, "SELECT @@global.gtid_slave_pos"))?.flatten();
    Ok(row.map(|row| one_line(&row.text(0))).unwrap_or_default())
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
    fn places_in_a_binary_log_are_ordered() {
        let place = |file: &str, offset| (file.to_owned(), offset);
        assert!(after(&place("binlog.000002", 4), &place("binlog.000001", 900)));
        assert!(after(&place("binlog.1000000", 4), &place("binlog.999999", 900)));
        assert!(after(&place("binlog.000001", 901), &place("binlog.000001", 900)));
        assert!(!after(&place("", 0), &place("binlog.000001", 4)));
        assert!(!after(&place("binlog.000001", 4), &place("binlog.000001", 4)));
    }

    #[test]
    fn the_servers_clock() {
        let time = parse_time("s", "2026-11-24 03:43:52.123456").unwrap();
        assert_eq!(time.to_string(), "2026-11-24T03:43:52.123456Z");
        assert!(parse_time("s", "").is_err());
    }
}
