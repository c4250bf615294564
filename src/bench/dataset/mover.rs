//! A writer that keeps moving money between the shop's accounts: in one transaction one balance goes down,
//! a line comes into `transfers`, the other balance goes up. The sum of all balances never changes, and
//! each commit leaves exactly one line `mover N #K`, where K counts the commits of session N: a snapshot is
//! exact when it holds the lines of exactly the transactions in its GTID set.

use crate::bench::BenchError;
use crate::server::{ConnectOptions, ServerError, Session};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Lock wait timeout and deadlock: the transaction is simply made again.
const TRY_AGAIN: [u16; 2] = [1205, 1213];
/// The start of `transfers.reference` in every line that a mover writes.
pub const MARK: &str = "mover ";

/// What the sessions share.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    commits: AtomicU64,
}

/// Sessions that move money until told to stop.
pub struct Mover {
    shared: Arc<Shared>,
    sessions: Vec<JoinHandle<Result<(), ServerError>>>,
}

impl Mover {
    /// Starts `sessions` sessions on the shop in `schema`; each pauses for `pause` after a commit.
    pub async fn start(
        target: &ConnectOptions,
        schema: &str,
        sessions: usize,
        pause: Duration,
    ) -> Result<Mover, BenchError> {
        let shared = Arc::new(Shared::default());
        let mut handles = Vec::new();
        for number in 0..sessions {
            let mut session = Session::connect(target).await?;
            session.execute(format!("USE {}", crate::schema::quote(schema))).await?;
            let accounts = session.query_first("SELECT MAX(id) FROM accounts").await?.map_or(0, |row| row.number(0));
            handles.push(tokio::spawn(move_money(session, number, accounts, pause, shared.clone())));
        }
        Ok(Mover { shared, sessions: handles })
    }

    /// Transactions committed so far, by all sessions.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::SeqCst)
    }

    /// False once a session ended by itself, with an error that [`Mover::stop`] returns.
    pub fn running(&self) -> bool {
        self.sessions.iter().all(|session| !session.is_finished())
    }

    /// Lets each session finish its transaction and returns the number of commits.
    pub async fn stop(mut self) -> Result<u64, BenchError> {
        self.shared.stop.store(true, Ordering::SeqCst);
        for session in std::mem::take(&mut self.sessions) {
            session.await.map_err(|error| BenchError::Task(error.to_string()))??;
        }
        Ok(self.shared.commits.load(Ordering::SeqCst))
    }
}

/// A mover that is forgotten on the way out of an error stops too.
impl Drop for Mover {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

async fn move_money(
    mut session: Session,
    number: usize,
    accounts: u64,
    pause: Duration,
    shared: Arc<Shared>,
) -> Result<(), ServerError> {
    let mut rng = ChaCha8Rng::seed_from_u64(number as u64);
    let mut commits = 0;
    while accounts > 1 && !shared.stop.load(Ordering::SeqCst) {
        let from = rng.random_range(1..=accounts);
        let to = 1 + (from + rng.random_range(0..accounts - 1)) % accounts;
        let cents = rng.random_range(1..=10_000);
        let reference = format!("{MARK}{number} #{}", commits + 1);
        match transfer(&mut session, from, to, cents, &reference).await {
            Ok(()) => {
                commits += 1;
                shared.commits.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) if error.code().is_some_and(|code| TRY_AGAIN.contains(&code)) => {
                session.execute("ROLLBACK").await?;
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(pause).await;
    }
    session.close().await;
    Ok(())
}

async fn transfer(session: &mut Session, from: u64, to: u64, cents: u64, reference: &str) -> Result<(), ServerError> {
    let amount = format!("{}.{:02}", cents / 100, cents % 100);
    session.execute("BEGIN").await?;
    session.execute(format!("UPDATE accounts SET balance = balance - {amount} WHERE id = {from}")).await?;
    session
        .execute(format!(
            "INSERT INTO transfers (from_account, to_account, amount, reference) VALUES ({from}, {to}, {amount}, '{reference}')"
        ))
        .await?;
    session.execute(format!("UPDATE accounts SET balance = balance + {amount} WHERE id = {to}")).await?;
    session.execute("COMMIT").await?;
    Ok(())
}
