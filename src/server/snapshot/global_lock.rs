//! The first way: FLUSH TABLES WITH READ LOCK, held for the moment in which the snapshots are opened.
//!
//! Three traps, all seen on 9.7.4. While it waits for a long statement, all writes wait, and tables of that
//! statement stay closed to new readers until it ends, even after the flush was given up: so it is not tried
//! while one runs. It can deadlock with row locks without the server noticing: so it is killed after a moment
//! and tried again. A flush that failed keeps its lock until UNLOCK TABLES: so that follows every failure.

use super::sessions::{Sessions, bounded, lock_pause, not_in_time, refused, set_lock_wait, start_snapshots};
use super::{Taken, Way, Work, position};
use crate::limits;
use crate::position::{ConsistencyKind, Position};
use crate::server::error::ServerError;
use crate::server::raw::RawSession;
use std::time::{Duration, Instant};

/// Opens the snapshots under the global read lock.
pub(super) fn take(work: &Work, sessions: &mut Sessions) -> Result<Way, ServerError> {
    let mut last = String::new();
    for tries in 0..limits::GLOBAL_LOCK_TRIES {
        if let Some(statement) = wait_for_long_statements(&mut sessions.helper)? {
            return Ok(Way::PassedOver(format!("the global read lock would wait for a long statement ({statement})")));
        }
        sessions.hold_metadata(work)?;
        match flush(&mut sessions.control, &mut sessions.helper)? {
            Flush::Locked => match under_lock(work, sessions) {
                Err(error) if not_in_time(&error) => {
                    last = reason(&error);
                    sessions.undo()?;
                }
                other => return other.map(Way::Taken),
            },
            Flush::Refused(why) => {
                sessions.release_metadata()?;
                return Ok(Way::PassedOver(format!("the global read lock was refused ({why})")));
            }
            Flush::Failed(why) => last = why,
        }
        // A DDL statement may wait for our metadata locks while the flush waits for it.
        sessions.release_metadata()?;
        std::thread::sleep(lock_pause(tries));
    }
    let tries = limits::GLOBAL_LOCK_TRIES;
    Ok(Way::PassedOver(format!("the global read lock was not to be had in {tries} tries ({last})")))
}

fn under_lock(work: &Work, sessions: &mut Sessions) -> Result<Taken, ServerError> {
    let begun = Instant::now();
    let found = start_snapshots(&mut sessions.readers)
        .and_then(|()| sessions.lock_non_transactional(work))
        .and_then(|()| position::read(&mut sessions.control));
    let unlocked = unlock(&mut sessions.control);
    let lock_held = begun.elapsed();
    let found = found?;
    // Lost before it was given back: then others may have written while the snapshots were opened.
    unlocked?;
    Ok(Taken {
        position: Position { exact: true, ..found.position },
        source_positions: found.source_positions,
        consistency: ConsistencyKind::GlobalReadLock,
        snapshot_time: found.time,
        lock_held,
    })
}

enum Flush {
    /// The lock is held.
    Locked,
    /// The account may not. Nothing is held.
    Refused(String),
    /// Not to be had this time. Nothing is held.
    Failed(String),
}

/// Asks for the lock and takes the question back after [`limits::GLOBAL_LOCK_WAIT`].
fn flush(control: &mut RawSession, helper: &mut RawSession) -> Result<Flush, ServerError> {
    // Should the kill not get through, the server gives up by itself.
    set_lock_wait(control, Duration::from_secs(1))?;
    let (flushed, killed) = bounded(control, helper, b"FLUSH TABLES WITH READ LOCK");
    match flushed {
        Ok(_) if !killed => Ok(Flush::Locked),
        Ok(_) => unlock(control).map(|()| Flush::Failed("it came too late".into())),
        Err(error) if error.lost() => Err(error),
        Err(error) => {
            unlock(control)?;
            let why = reason(&error);
            Ok(if refused(&error) { Flush::Refused(why) } else { Flush::Failed(why) })
        }
    }
}

/// Gives the lock back. A late KILL QUERY may hit this statement instead of the flush.
fn unlock(control: &mut RawSession) -> Result<(), ServerError> {
    for _ in 0..3 {
        match control.execute(b"UNLOCK TABLES") {
            Err(error) if error.code() == Some(1317) => {}
            other => return other.map(|_| ()),
        }
    }
    control.execute(b"UNLOCK TABLES").map(|_| ())
}

/// Waits for statements that have run for long; after [`limits::LONG_STATEMENT_WAIT`] the oldest of them is
/// returned for people, shortened. Without the right to see other accounts' statements there are none to see.
fn wait_for_long_statements(session: &mut RawSession) -> Result<Option<String>, ServerError> {
    let deadline = Instant::now() + limits::LONG_STATEMENT_WAIT;
    loop {
        let oldest = oldest_long_statement(session)?;
        if oldest.is_none() || Instant::now() >= deadline {
            return Ok(oldest);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn oldest_long_statement(session: &mut RawSession) -> Result<Option<String>, ServerError> {
    let condition = |prefix: &str| {
        format!(
            "{prefix}COMMAND IN ('Query', 'Execute') AND {prefix}TIME >= {} AND {prefix}INFO IS NOT NULL \
             AND {prefix}USER NOT IN ('system user', 'event_scheduler') AND {prefix}ID <> CONNECTION_ID() \
             ORDER BY {prefix}TIME DESC LIMIT 1",
            limits::LONG_STATEMENT_SECONDS
        )
    };
    // The table of threads costs the server no lock; it is empty where the performance schema is off.
    let cheap = format!(
        "SELECT PROCESSLIST_TIME, LEFT(PROCESSLIST_INFO, 100) FROM performance_schema.threads \
         WHERE @@performance_schema AND TYPE = 'FOREGROUND' AND {}",
        condition("PROCESSLIST_")
    );
    let usual = format!("SELECT TIME, LEFT(INFO, 100) FROM information_schema.PROCESSLIST WHERE {}", condition(""));
    let on = session.query_small(b"SELECT @@performance_schema")?.first().map(|row| row.number(0)) == Some(1);
    let rows = match if on { session.query_small(cheap.as_bytes()) } else { session.query_small(usual.as_bytes()) } {
        Err(error) if on && refused(&error) => session.query_small(usual.as_bytes())?,
        other => other?,
    };
    Ok(rows.first().map(|row| format!("{} s: {}", row.number(0), row.text(1).replace(['\n', '\r'], " "))))
}

/// A server's refusal in few words.
pub(super) fn reason(error: &ServerError) -> String {
    match error {
        ServerError::Statement { code, message, .. } => format!("error {code}: {message}"),
        other => other.to_string(),
    }
}
