//! The third way, where the account may neither flush nor read log_status: all tables of the backup are locked
//! against writes while the snapshots are opened. The position is exact only if no other table was written to
//! meanwhile, which is known only where every table there is was locked.

use super::global_lock::reason;
use super::sessions::{Sessions, bounded_lock, lock_pause, not_in_time, refused, start_snapshots};
use super::{Taken, Way, Work, position};
use crate::limits;
use crate::position::{ConsistencyKind, Position};
use crate::schema::QualifiedName;
use crate::server::error::ServerError;
use crate::server::inspect::IS_TABLE;
use crate::server::raw::RawSession;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Opens the snapshots under LOCK TABLES.
pub(super) fn take(work: &Work, sessions: &mut Sessions) -> Result<Way, ServerError> {
    let mut last = String::new();
    for tries in 0..limits::TABLE_LOCK_TRIES {
        sessions.hold_metadata(work)?;
        let taken = match lock(work, sessions) {
            Ok(()) => under_lock(work, sessions),
            Err(error) => Err(error),
        };
        match taken {
            Err(error) if refused(&error) => {
                sessions.undo()?;
                return Ok(Way::PassedOver(format!("LOCK TABLES was refused ({})", reason(&error))));
            }
            Err(error) if not_in_time(&error) => last = reason(&error),
            other => return other.map(Way::Taken),
        }
        sessions.undo()?;
        std::thread::sleep(lock_pause(tries));
    }
    let tries = limits::TABLE_LOCK_TRIES;
    Ok(Way::PassedOver(format!("LOCK TABLES waited in vain for open transactions in {tries} tries ({last})")))
}

fn lock(work: &Work, sessions: &mut Sessions) -> Result<(), ServerError> {
    match work.tables.is_empty() {
        true => Ok(()),
        false => bounded_lock(&mut sessions.control, &mut sessions.helper, &work.tables),
    }
}

fn under_lock(work: &Work, sessions: &mut Sessions) -> Result<Taken, ServerError> {
    let begun = Instant::now();
    let opened = open(work, sessions);
    let unlocked = sessions.control.execute(b"UNLOCK TABLES");
    let lock_held = begun.elapsed();
    let mut taken = opened?;
    // Lost before it was given back: then others may have written while the snapshots were opened.
    unlocked?;
    taken.position.exact = taken.position.exact && all_tables_locked(&mut sessions.helper, &work.tables)?;
    let exact = taken.position.exact;
    taken.source_positions.iter_mut().for_each(|source| source.exact &= exact);
    Ok(Taken { lock_held, ..taken })
}

/// All but `control` do the work: a session with locked tables can read no others, and a transaction would
/// release its locks.
fn open(work: &Work, sessions: &mut Sessions) -> Result<Taken, ServerError> {
    let before = position::read(&mut sessions.helper)?;
    start_snapshots(&mut sessions.readers)?;
    sessions.lock_non_transactional(work)?;
    let found = position::read(&mut sessions.helper)?;
    // DDL and other tables can still move it; that it stands still proves nothing, that it moves does.
    let exact = before.position == found.position && before.source_positions == found.source_positions;
    Ok(Taken {
        position: Position { exact, ..found.position },
        // What is replicated to other tables goes on: rather applied twice than left out.
        source_positions: before.source_positions,
        consistency: ConsistencyKind::TableLocks,
        snapshot_time: found.time,
        lock_held: Duration::ZERO,
    })
}

/// True where the account sees every table and all that are not the system's were locked.
fn all_tables_locked(session: &mut RawSession, locked: &[QualifiedName]) -> Result<bool, ServerError> {
    let sees_all = session.query_small(b"SHOW GRANTS")?.iter().any(|row| grants_every_select(&row.text(0)))
        && !session.query_small(b"SHOW GRANTS")?.iter().any(|row| row.text(0).starts_with("REVOKE "));
    if !sees_all {
        return Ok(false);
    }
    let locked: HashSet<_> = locked.iter().collect();
    let tables = session.query_small(
        format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE {IS_TABLE} \
             AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"
        )
        .as_bytes(),
    )?;
    Ok(tables.iter().all(|row| locked.contains(&QualifiedName::new(row.text(0), row.text(1)))))
}

/// True for a line of SHOW GRANTS that gives SELECT on everything.
fn grants_every_select(grant: &str) -> bool {
    let Some((rights, on)) = grant.strip_prefix("GRANT ").and_then(|rest| rest.split_once(" ON ")) else {
        return false;
    };
    on.starts_with("*.* TO ") && rights.split(", ").any(|right| matches!(right, "SELECT" | "ALL PRIVILEGES"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants() {
        assert!(grants_every_select("GRANT SELECT, LOCK TABLES ON *.* TO `a`@`%`"));
        assert!(grants_every_select("GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION"));
        assert!(!grants_every_select("GRANT SELECT, LOCK TABLES ON `a`.* TO `a`@`%`"));
        assert!(!grants_every_select("GRANT USAGE ON *.* TO `a`@`%`"));
        assert!(!grants_every_select("GRANT `SELECT`@`%` TO `a`@`%`"));
    }
}
