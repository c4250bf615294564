//! The session that holds off DDL while rows are read, and the bridge from async callers to blocking sessions.

use crate::server::error::ServerError;
use crate::server::raw::RawSession;
use std::sync::{Arc, Mutex, PoisonError};

/// Holds the backup lock, or where there is none the metadata lock of every table, until it is dropped.
pub struct Keeper {
    session: Arc<Mutex<RawSession>>,
    backup_lock: bool,
}

impl Keeper {
    pub(super) fn new(session: RawSession, backup_lock: bool) -> Keeper {
        Keeper { session: Arc::new(Mutex::new(session)), backup_lock }
    }

    /// True where the backup lock is held: no DDL at all can run. Else each table's metadata lock is held, and
    /// objects that are no tables can change.
    pub fn backup_lock(&self) -> bool {
        self.backup_lock
    }

    /// Asks the server whether the session still lives, and with it the locks. Also keeps it from being closed
    /// as idle: to be called every few minutes.
    ///
    /// # Errors
    /// [`ServerError::Lost`] where the locks are gone.
    pub async fn still_holds(&self) -> Result<(), ServerError> {
        let session = Arc::clone(&self.session);
        blocking(move || lock(&session).execute(b"DO 1").map(|_| ())).await
    }

    /// Gives the locks back and ends the session.
    ///
    /// # Errors
    /// As [`Keeper::still_holds`]: the locks were gone before.
    pub async fn release(self) -> Result<(), ServerError> {
        blocking(move || {
            let mut session = lock(&self.session);
            session.execute(b"ROLLBACK")?;
            if self.backup_lock {
                session.execute(b"UNLOCK INSTANCE")?;
            }
            Ok(())
        })
        .await
    }
}

fn lock(session: &Mutex<RawSession>) -> std::sync::MutexGuard<'_, RawSession> {
    // A panic elsewhere leaves a session that is at worst lost, and says so itself.
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs blocking work beside the async threads; a panic in it goes on in the caller.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
