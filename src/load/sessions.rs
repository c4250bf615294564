//! The sessions of a run: the one that holds the run's lock, and those of the workers. One that is lost is opened anew, with
//! pauses that double, after the server has ended the old one: whatever that was doing is then done or undone for good.
//!
//! A worker goes on only while this run's control session holds the lock of the run: where that was lost too and another
//! run has taken the lock meanwhile, everything ends.

use super::error::LoadError;
use super::{ledger, writer};
use crate::limits;
use crate::progress::Stop;
use crate::server::session::Done;
use crate::server::{ConnectOptions, ServerError, Session};
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

/// How the sessions of a run are opened, and which of them holds the run's lock.
pub struct RunSessions {
    target: ConnectOptions,
    skip_binlog: bool,
    /// Connection id of the control session.
    control: AtomicU32,
    /// Somebody found the run's lock not to be held by it.
    doubted: Notify,
    stop: Stop,
}

impl RunSessions {
    /// The sessions of the run whose lock `control` holds.
    pub fn new(target: &ConnectOptions, skip_binlog: bool, control: &Session, stop: &Stop) -> RunSessions {
        let control = AtomicU32::new(control.connection_id());
        RunSessions { target: target.clone(), skip_binlog, control, doubted: Notify::new(), stop: stop.clone() }
    }

    /// A session for a worker, set up for writing and marked as the worker's. `lost` is the error that the worker's session
    /// before was lost with, and its connection id.
    ///
    /// # Errors
    /// That error, where no session is to be had in time or the run was asked to stop; [`LoadError::Busy`] where another run
    /// has taken over.
    pub async fn worker(&self, number: usize, lost: Option<(LoadError, u32)>) -> Result<Session, LoadError> {
        let (mut first, mut before) = lost.map(|(error, id)| (Some(error), Some(id))).unwrap_or_default();
        let mut tries = 0;
        loop {
            let error = match self.try_worker(number, &mut before).await {
                Err(error) if error.lost() || matches!(error, LoadError::Busy { .. }) => error,
                other => return other,
            };
            if !self.pause(tries).await {
                // Why the work stopped, unless another run is the reason.
                return Err(match error {
                    LoadError::Busy { .. } => error,
                    _ => first.unwrap_or(error),
                });
            }
            first.get_or_insert(error);
            tries += 1;
        }
    }

    async fn try_worker(&self, number: usize, before: &mut Option<u32>) -> Result<Session, LoadError> {
        let (mut session, _) = writer(&self.target, self.skip_binlog).await?;
        let earlier = before.replace(session.connection_id());
        ledger::join(&mut session, number, earlier).await?;
        let holder = ledger::holder(&mut session).await?;
        if holder == Some(u64::from(self.control.load(Ordering::SeqCst))) {
            return Ok(session);
        }
        self.doubted.notify_one();
        let server = session.server().to_owned();
        Err(match holder {
            Some(connection) => LoadError::Busy { server, connection },
            None => LoadError::Server(ServerError::Lost {
                server,
                doing: "loading".into(),
                why: "the session that holds the run's lock was lost too".into(),
            }),
        })
    }

    /// Does `work` while the control session is kept alive, and opened anew where it is lost.
    pub async fn beside<T, E: From<LoadError>>(
        &self,
        control: &mut Session,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::select! {
            done = work => done,
            error = self.keep(control) => Err(error.into()),
        }
    }

    /// Ends only where the control session is lost for good.
    async fn keep(&self, control: &mut Session) -> LoadError {
        loop {
            let pause = tokio::time::sleep(limits::KEEP_ALIVE_EVERY);
            tokio::select! {
                () = pause => {}
                () = self.doubted.notified() => {}
            }
            let Err(error) = control.execute("DO 1").await else { continue };
            if !error.lost() {
                return error.into();
            }
            match self.renew(control).await {
                Ok(true) => {}
                Ok(false) => return error.into(),
                Err(error) => return error,
            }
        }
    }

    /// Opens the control session anew and takes the run's lock again. False where no session is to be had in time or the
    /// run was asked to stop.
    ///
    /// # Errors
    /// [`LoadError::Busy`] where another run has the lock.
    pub async fn renew(&self, control: &mut Session) -> Result<bool, LoadError> {
        let mut before = control.connection_id();
        let mut tries = 0;
        while self.pause(tries).await {
            match self.try_control(&mut before).await {
                Ok(session) => {
                    self.control.store(session.connection_id(), Ordering::SeqCst);
                    *control = session;
                    return Ok(true);
                }
                Err(error) if error.lost() => tries += 1,
                Err(other) => return Err(other),
            }
        }
        Ok(false)
    }

    async fn try_control(&self, before: &mut u32) -> Result<Session, LoadError> {
        let (mut session, _) = writer(&self.target, self.skip_binlog).await?;
        let earlier = std::mem::replace(before, session.connection_id());
        ledger::lock_again(&mut session, earlier).await?;
        Ok(session)
    }

    /// Waits before the next try; false where there is to be none.
    pub async fn pause(&self, tries: u32) -> bool {
        if tries >= limits::RECONNECT_TRIES {
            return false;
        }
        let mut left = limits::RECONNECT_PAUSE * 2u32.pow(tries);
        while !left.is_zero() && !self.stop.stopped() {
            let step = left.min(limits::STOP_PAUSE);
            tokio::time::sleep(step).await;
            left -= step;
        }
        !self.stop.stopped()
    }
}

/// Runs a statement, again after a deadlock or a lock wait timeout, with pauses that double.
pub(super) async fn patiently(session: &mut Session, sql: &[u8]) -> Result<Done, ServerError> {
    let mut tries = 0;
    loop {
        match session.execute(sql).await {
            Err(error) if matches!(error.code(), Some(1205 | 1213)) && tries < limits::LOCK_TRIES => {
                tokio::time::sleep(lock_pause(tries)).await;
                tries += 1;
            }
            other => return other,
        }
    }
}

/// The pause before a transaction that lost a deadlock is tried again.
pub(super) fn lock_pause(tries: u32) -> std::time::Duration {
    limits::LOCK_PAUSE * 2u32.pow(tries.min(5))
}
