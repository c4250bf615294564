//! The second way, where the global lock is refused: the snapshots are opened without any lock, and taken only
//! if the server's log positions were the same before and after. `performance_schema.log_status` is read while
//! the server holds its own logs still, and needs BACKUP_ADMIN (MySQL manual, "The log_status Table").

use super::global_lock::reason;
use super::position::{self, LogStatus};
use super::sessions::{Sessions, not_in_time, refused, roll_back, start_snapshots, unknown};
use super::{Taken, Way, Work};
use crate::limits;
use crate::position::{ConsistencyKind, Position, SourcePosition};
use crate::server::error::ServerError;
use std::time::Duration;

/// Opens the snapshots between two equal log positions.
pub(super) fn take(work: &Work, sessions: &mut Sessions) -> Result<Way, ServerError> {
    let mut before = match position::log_status(&mut sessions.control) {
        Ok(Some(status)) => status,
        Ok(None) => return Ok(Way::PassedOver("the server has no log_status".into())),
        Err(error) if refused(&error) || unknown(&error) => {
            return Ok(Way::PassedOver(format!("log_status was refused ({})", reason(&error))));
        }
        Err(error) => return Err(error),
    };
    sessions.hold_metadata(work)?;
    // Before the snapshots, and held: nothing is written to these tables between them and the position.
    match sessions.lock_non_transactional_patiently(work) {
        Err(error) if refused(&error) || not_in_time(&error) => {
            sessions.undo()?;
            return Ok(Way::PassedOver(format!(
                "log_status will not do, as non-transactional tables cannot be locked ({})",
                reason(&error)
            )));
        }
        other => other?,
    }
    // What is replicated need not stand in the server's own log (log_replica_updates=OFF).
    let mut applied_before = position::source_positions(&mut sessions.control)?;
    for _ in 0..limits::LOG_STATUS_TRIES {
        start_snapshots(&mut sessions.readers)?;
        let applied = position::source_positions(&mut sessions.control)?;
        let after = position::log_status(&mut sessions.control)?.unwrap_or_default();
        if stood_still(&before, &after) && applied == applied_before {
            return taken(sessions, after, applied).map(Way::Taken);
        }
        roll_back(&mut sessions.readers)?;
        std::thread::sleep(limits::LOG_STATUS_PAUSE);
        applied_before = position::source_positions(&mut sessions.control)?;
        before = position::log_status(&mut sessions.control)?.unwrap_or_default();
    }
    sessions.undo()?;
    Ok(Way::PassedOver(format!("log_status never stood still in {} tries", limits::LOG_STATUS_TRIES)))
}

/// Without a binary log no position there ever moves; then InnoDB's own log sequence number must stand still
/// as well (seen on 9.7.4: 52 of 390 snapshots were wrong without).
fn stood_still(before: &LogStatus, after: &LogStatus) -> bool {
    let logged = before.binlog_file.is_some() && after.binlog_file.is_some();
    before.local == after.local && (logged || before.storage_engines == after.storage_engines)
}

fn taken(sessions: &Sessions, status: LogStatus, source_positions: Vec<SourcePosition>) -> Result<Taken, ServerError> {
    Ok(Taken {
        source_positions,
        position: Position { exact: true, ..status.position() },
        consistency: ConsistencyKind::LogStatus,
        snapshot_time: position::parse_time(sessions.control.server(), &status.time)?,
        lock_held: Duration::ZERO,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_stand_still() {
        let logged = LogStatus {
            local: "{1}".into(),
            storage_engines: "{2}".into(),
            binlog_file: Some("b.1".into()),
            ..LogStatus::default()
        };
        let flushed = LogStatus { storage_engines: "{3}".into(), ..logged.clone() };
        assert!(stood_still(&logged, &flushed));
        assert!(!stood_still(&logged, &LogStatus { local: "{9}".into(), ..logged.clone() }));
        let off = |status: &LogStatus| LogStatus { binlog_file: None, ..status.clone() };
        assert!(!stood_still(&off(&logged), &off(&flushed)));
        assert!(stood_still(&off(&logged), &off(&logged)));
    }
}
