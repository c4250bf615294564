//! The sessions that take part in a snapshot and the steps that every way shares: logging in, the backup lock,
//! metadata locks, opening the snapshots, locking non-transactional tables.

use super::Work;
use crate::limits;
use crate::schema::QualifiedName;
use crate::server::error::ServerError;
use crate::server::raw::RawSession;
use crate::server::session::{Done, READER_SETUP};
use std::sync::mpsc;
use std::time::Duration;

/// Not known to every server, and each only a safeguard: no limit on how long a statement may run.
const OPTIONAL_SETUP: [&str; 2] = ["SET SESSION max_execution_time=0", "SET SESSION max_statement_time=0"];

/// All sessions of one snapshot.
pub(super) struct Sessions {
    /// Holds the backup lock, the global lock, the table locks.
    pub(super) control: RawSession,
    /// Kills the statement of `control`, and reads what `control` cannot while it has tables locked.
    pub(super) helper: RawSession,
    /// Holds the tables' metadata locks where there is no backup lock.
    pub(super) metadata: Option<RawSession>,
    pub(super) readers: Vec<RawSession>,
    pub(super) non_transactional: Option<RawSession>,
    /// True once `control` has the backup lock.
    pub(super) backup_lock: bool,
}

impl Sessions {
    /// Logs in with everything but the metadata session, which may not be needed.
    pub(super) fn connect(work: &Work) -> Result<Sessions, ServerError> {
        let readers = in_parallel((0..work.sessions).collect(), |_| open(work))?;
        let further = usize::from(!work.non_transactional.is_empty());
        let mut others = in_parallel((0..2 + further).collect(), |_| open(work))?;
        let non_transactional = if further > 0 { others.pop() } else { None };
        let (Some(helper), Some(control)) = (others.pop(), others.pop()) else { unreachable!("two were opened") };
        Ok(Sessions { control, helper, metadata: None, readers, non_transactional, backup_lock: false })
    }

    /// Takes the backup lock where the server has one and the account may.
    pub(super) fn lock_instance(&mut self) -> Result<(), ServerError> {
        set_lock_wait(&mut self.control, limits::BACKUP_LOCK_WAIT)?;
        match self.control.execute(b"LOCK INSTANCE FOR BACKUP") {
            Ok(_) => self.backup_lock = true,
            Err(error) if refused(&error) || unknown(&error) => {}
            Err(error) if error.code() == Some(1205) => {
                return Err(ServerError::NoSnapshot {
                    server: self.control.server().to_owned(),
                    why: format!("a DDL statement has been running for {:?}", limits::BACKUP_LOCK_WAIT),
                    hint: "wait for the ALTER TABLE or the like to end, and try again".into(),
                });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Where there is no backup lock, takes the metadata lock of every table in a session that keeps it: else
    /// a partition that is truncated or exchanged meanwhile goes missing from the snapshots without any error
    /// (seen on 9.7.4). Taken before the snapshots, so that none is under a lock that stops others for longer.
    pub(super) fn hold_metadata(&mut self, work: &Work) -> Result<(), ServerError> {
        if self.backup_lock {
            return Ok(());
        }
        let session = match self.metadata.take() {
            Some(session) => session,
            None => open(work)?,
        };
        let session = self.metadata.insert(session);
        session.execute(b"START TRANSACTION READ ONLY")?;
        lock_metadata(session, &work.tables)
    }

    /// Lets a DDL statement that waits for a metadata lock of ours have its turn.
    pub(super) fn release_metadata(&mut self) -> Result<(), ServerError> {
        match &mut self.metadata {
            Some(session) => session.execute(b"ROLLBACK").map(|_| ()),
            None => Ok(()),
        }
    }

    /// Takes the metadata locks in every reader too, where there is no backup lock.
    pub(super) fn hold_readers_metadata(&mut self, work: &Work) -> Result<(), ServerError> {
        if self.backup_lock {
            return Ok(());
        }
        in_parallel(self.readers.iter_mut().collect(), |reader| lock_metadata(reader, &work.tables)).map(|_| ())
    }

    /// Locks the non-transactional tables against writes in their own session.
    pub(super) fn lock_non_transactional(&mut self, work: &Work) -> Result<(), ServerError> {
        let Sessions { non_transactional: Some(session), helper, .. } = self else { return Ok(()) };
        bounded_lock(session, helper, &work.non_transactional)
    }

    /// The same where nothing else is held meanwhile: tried again with pauses.
    pub(super) fn lock_non_transactional_patiently(&mut self, work: &Work) -> Result<(), ServerError> {
        let mut tries = 0;
        loop {
            match self.lock_non_transactional(work) {
                Err(error) if not_in_time(&error) && tries < limits::TABLE_LOCK_TRIES => {
                    std::thread::sleep(lock_pause(tries));
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    /// Takes back what a way that is passed over has done.
    pub(super) fn undo(&mut self) -> Result<(), ServerError> {
        roll_back(&mut self.readers)?;
        if let Some(session) = &mut self.non_transactional {
            session.execute(b"UNLOCK TABLES")?;
        }
        self.release_metadata()
    }
}

/// The statement that locks tables against writes.
pub(super) fn lock_tables(tables: &[QualifiedName]) -> String {
    let list: Vec<_> = tables.iter().map(|table| format!("{} READ", table.sql())).collect();
    format!("LOCK TABLES {}", list.join(", "))
}

/// Locks tables against writes. While one of them is waited for, writers of those that are locked already wait too, so it is
/// taken back after a moment: see [`not_in_time`].
pub(super) fn bounded_lock(
    session: &mut RawSession,
    helper: &mut RawSession,
    tables: &[QualifiedName],
) -> Result<(), ServerError> {
    // Should the kill not get through, the server gives up by itself.
    set_lock_wait(session, Duration::from_secs(1))?;
    let (locked, killed) = bounded(session, helper, lock_tables(tables).as_bytes());
    if killed {
        // A late KILL QUERY ends this statement instead of the one that it was meant for.
        session.execute(b"DO 1").or_else(|error| if not_in_time(&error) { Ok(Done::default()) } else { Err(error) })?;
    }
    locked.map(|_| ())
}

/// Runs a statement that others may have to wait for, and takes it back after [`limits::GLOBAL_LOCK_WAIT`]. Returns its
/// outcome, and whether it was killed.
pub(super) fn bounded(
    session: &mut RawSession,
    helper: &mut RawSession,
    sql: &[u8],
) -> (Result<Done, ServerError>, bool) {
    let kill = format!("KILL QUERY {}", session.connection_id());
    let (done, waiting) = mpsc::channel();
    let mut killed = false;
    let outcome = std::thread::scope(|scope| {
        let statement = scope.spawn(|| {
            let outcome = session.execute(sql);
            // The other end waits for just this.
            let _ = done.send(());
            outcome
        });
        while waiting.recv_timeout(limits::GLOBAL_LOCK_WAIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            killed = true;
            // An error here leaves the server's own timeout, which the caller has set.
            let _ = helper.execute(kill.as_bytes());
        }
        statement.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    (outcome, killed)
}

/// The pause before a lock is tried again, longer each time: a stall of everybody's writes should stay rare.
pub(super) fn lock_pause(tries: u32) -> Duration {
    limits::GLOBAL_LOCK_PAUSE * 2u32.pow(tries.min(4))
}

/// True where a lock was not to be had in time: killed, or the server's own timeout.
pub(super) fn not_in_time(error: &ServerError) -> bool {
    matches!(error.code(), Some(1205 | 1317))
}

/// Opens all snapshots at once. A warning is as bad as an error: under any isolation but REPEATABLE READ the
/// server ignores WITH CONSISTENT SNAPSHOT and only warns (138).
pub(super) fn start_snapshots(readers: &mut [RawSession]) -> Result<(), ServerError> {
    in_parallel(readers.iter_mut().collect(), |reader| {
        let done = reader.execute(b"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
        if done.warnings > 0 {
            return Err(ServerError::NoSnapshot {
                server: reader.server().to_owned(),
                why: format!("START TRANSACTION WITH CONSISTENT SNAPSHOT gave {} warnings", done.warnings),
                hint: "does the server have InnoDB, and may the session set REPEATABLE READ?".into(),
            });
        }
        Ok(())
    })
    .map(|_| ())
}

/// Ends all snapshots.
pub(super) fn roll_back(readers: &mut [RawSession]) -> Result<(), ServerError> {
    in_parallel(readers.iter_mut().collect(), |reader| reader.execute(b"ROLLBACK").map(|_| ())).map(|_| ())
}

/// True where the account lacks the right to a statement.
pub(super) fn refused(error: &ServerError) -> bool {
    matches!(error.code(), Some(1044 | 1045 | 1142 | 1143 | 1227))
}

/// True where the server does not know a statement, table, schema or variable.
pub(super) fn unknown(error: &ServerError) -> bool {
    matches!(error.code(), Some(1049 | 1064 | 1109 | 1146 | 1193 | 1235))
}

/// Bounds how long the session waits for locks on tables; the server counts whole seconds.
pub(super) fn set_lock_wait(session: &mut RawSession, wait: Duration) -> Result<(), ServerError> {
    session.execute(format!("SET SESSION lock_wait_timeout={}", wait.as_secs().max(1)).as_bytes()).map(|_| ())
}

fn open(work: &Work) -> Result<RawSession, ServerError> {
    let mut session = RawSession::connect(&work.options)?;
    match session.execute(READER_SETUP.as_bytes()) {
        // MariaDB before 11.1 knows it by its old name alone.
        Err(error) if unknown(&error) => {
            session.execute(READER_SETUP.replace("transaction_isolation", "tx_isolation").as_bytes())?
        }
        other => other?,
    };
    for sql in OPTIONAL_SETUP {
        match session.execute(sql.as_bytes()) {
            Err(error) if !unknown(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(session)
}

/// A read that touches no row takes a table's metadata lock until the transaction ends.
fn lock_metadata(session: &mut RawSession, tables: &[QualifiedName]) -> Result<(), ServerError> {
    set_lock_wait(session, limits::METADATA_LOCK_WAIT)?;
    for some in tables.chunks(limits::METADATA_LOCK_TABLES) {
        let reads: Vec<_> = some.iter().map(|table| format!("(SELECT 1 FROM {} LIMIT 0)", table.sql())).collect();
        match session.execute(reads.join(" UNION ALL ").as_bytes()) {
            Ok(_) => {}
            Err(error) if error.code() == Some(1205) => {
                return Err(ServerError::NoSnapshot {
                    server: session.server().to_owned(),
                    why: format!("a DDL statement has held a table for {:?}", limits::METADATA_LOCK_WAIT),
                    hint: "wait for the ALTER TABLE or the like to end, and try again".into(),
                });
            }
            Err(error) => return Err(error),
        }
    }
    session.execute(b"SET SESSION lock_wait_timeout=DEFAULT").map(|_| ())
}

/// Does the same for each item on a thread of its own; the first error by position.
fn in_parallel<I: Send, T: Send>(
    items: Vec<I>,
    work: impl Fn(I) -> Result<T, ServerError> + Sync,
) -> Result<Vec<T>, ServerError> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items.into_iter().map(|item| scope.spawn(move || work(item))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
