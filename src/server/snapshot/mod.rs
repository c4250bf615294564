//! One consistent view over several sessions, and its position in the binary log. Comes in: how to log in, how
//! many readers, the tables. Goes out: the readers inside their transactions and a keeper that holds off DDL.
//!
//! Three ways, tried in this order and never guessed from grants: the global read lock for a moment
//! ([`global_lock`]), log positions that stand still ([`log_status`]), table locks for a moment
//! ([`table_locks`]). `@@gtid_executed` that stands still would prove nothing: a transaction is visible before
//! its GTID is (seen on 9.7.4). Reads no rows.

mod global_lock;
mod keeper;
mod log_status;
mod position;
mod sessions;
mod table_locks;

pub use keeper::Keeper;

use super::error::ServerError;
use super::options::ConnectOptions;
use super::raw::RawSession;
use crate::position::{ConsistencyKind, Position, SourcePosition};
use crate::schema::QualifiedName;
use sessions::{Sessions, start_snapshots};
use std::time::Duration;

/// What a snapshot is wanted of.
#[derive(Clone, Debug)]
pub struct SnapshotRequest<'a> {
    /// How to log in.
    pub options: &'a ConnectOptions,
    /// How many readers.
    pub sessions: usize,
    /// All base tables of the backup.
    pub tables: &'a [QualifiedName],
    /// Those of them whose engine has no transactions.
    pub non_transactional: &'a [QualifiedName],
    /// False where sessions that see different moments will do when there is no way to one view.
    pub consistency_required: bool,
}

/// A view that is held.
pub struct Held {
    /// The readers, set up by [`READER_SETUP`](super::session::READER_SETUP), each inside a read-only transaction
    /// with the same view. One that is lost cannot be replaced; the others go on.
    pub readers: Vec<RawSession>,
    /// A further session that has the non-transactional tables locked against writes, and can read nothing
    /// else; none where there are no such tables. Their rows belong to the position only while it lives: read
    /// them first, then send `UNLOCK TABLES`.
    pub non_transactional_reader: Option<RawSession>,
    /// Where in the server's binary log the view stands.
    pub position: Position,
    /// On a replica: where it stands in each source's binary log. What is not exact may stand before the view, never behind
    /// it; the GTID set is exact.
    pub source_positions: Vec<SourcePosition>,
    /// Which way it was come by.
    pub consistency: ConsistencyKind,
    /// The server's clock at the position.
    pub snapshot_time: jiff::Timestamp,
    /// For how long others could not write.
    pub lock_held: Duration,
    /// The server's backup lock is held: other DDL than that of the backup's tables waits too.
    pub backup_lock: bool,
    /// Why ways before this one were passed over, for people.
    pub passed_over: Vec<String>,
    /// Holds off DDL until it is released or dropped.
    pub keeper: Keeper,
}

/// What one way found, with the readers' snapshots open.
struct Taken {
    position: Position,
    source_positions: Vec<SourcePosition>,
    consistency: ConsistencyKind,
    snapshot_time: jiff::Timestamp,
    lock_held: Duration,
}

/// How a way ended that did not fail outright.
enum Way {
    Taken(Taken),
    /// Refused by the server or not to be had in time: the next way is tried. Nothing is held any more.
    PassedOver(String),
}

/// Opens the view.
///
/// # Errors
/// [`ServerError::NoSnapshot`] where consistency is required and no way leads there, or DDL is in the way; else
/// what a statement or a session failed with. No lock outlives an error: the sessions end with it.
pub async fn hold(request: SnapshotRequest<'_>) -> Result<Held, ServerError> {
    let work = Work {
        options: request.options.clone(),
        sessions: request.sessions.max(1),
        tables: request.tables.to_vec(),
        non_transactional: request.non_transactional.to_vec(),
        consistency_required: request.consistency_required,
    };
    keeper::blocking(move || hold_blocking(&work).map_err(gone)).await
}

/// A table that was there when the tables were listed and is not any more.
fn gone(error: ServerError) -> ServerError {
    match error {
        ServerError::Statement { server, code: 1146 | 1049 | 1051, message, .. } => ServerError::NoSnapshot {
            server,
            why: format!("a table was dropped or renamed while the backup began: {message}"),
            hint: "run the backup again".into(),
        },
        other => other,
    }
}

/// The request as the blocking half owns it.
struct Work {
    options: ConnectOptions,
    sessions: usize,
    tables: Vec<QualifiedName>,
    non_transactional: Vec<QualifiedName>,
    consistency_required: bool,
}

fn hold_blocking(work: &Work) -> Result<Held, ServerError> {
    let mut sessions = Sessions::connect(work)?;
    sessions.lock_instance()?;
    let mut passed_over = Vec::new();
    let taken = first_way(work, &mut sessions, &mut passed_over)?;
    let taken = match taken {
        Some(taken) => taken,
        None if work.consistency_required => return Err(no_way(&sessions, &passed_over)),
        None => unconsistent(work, &mut sessions)?,
    };
    // With the keeper's locks alone, a DDL statement that queues behind them would stop a reader that comes to
    // the table later; one that has the lock itself goes on.
    sessions.hold_readers_metadata(work)?;
    let Sessions { control, metadata, readers, non_transactional, backup_lock, .. } = sessions;
    Ok(Held {
        readers,
        non_transactional_reader: non_transactional,
        position: taken.position,
        source_positions: taken.source_positions,
        consistency: taken.consistency,
        snapshot_time: taken.snapshot_time,
        lock_held: taken.lock_held,
        backup_lock,
        passed_over,
        keeper: Keeper::new(if backup_lock { control } else { metadata.unwrap_or(control) }, backup_lock),
    })
}

fn first_way(
    work: &Work,
    sessions: &mut Sessions,
    passed_over: &mut Vec<String>,
) -> Result<Option<Taken>, ServerError> {
    for way in [global_lock::take, log_status::take, table_locks::take] {
        match way(work, sessions)? {
            Way::Taken(taken) => return Ok(Some(taken)),
            Way::PassedOver(why) => passed_over.push(why),
        }
    }
    Ok(None)
}

fn no_way(sessions: &Sessions, passed_over: &[String]) -> ServerError {
    ServerError::NoSnapshot {
        server: sessions.control.server().to_owned(),
        why: passed_over.join("; "),
        hint: "grant the account RELOAD (or FLUSH_TABLES), BACKUP_ADMIN, or LOCK TABLES on the schemas; \
            `--consistency none` takes a backup that is not consistent and says so"
            .into(),
    }
}

/// Snapshots with nothing done to make them one; the position stands before all of them.
fn unconsistent(work: &Work, sessions: &mut Sessions) -> Result<Taken, ServerError> {
    sessions.hold_metadata(work)?;
    sessions.lock_non_transactional_patiently(work)?;
    let found = position::read(&mut sessions.helper)?;
    start_snapshots(&mut sessions.readers)?;
    let inexact = |source| SourcePosition { exact: false, ..source };
    Ok(Taken {
        position: Position { exact: false, ..found.position },
        source_positions: found.source_positions.into_iter().map(inexact).collect(),
        consistency: ConsistencyKind::None,
        snapshot_time: found.time,
        lock_held: Duration::ZERO,
    })
}
