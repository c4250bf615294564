//! Snapshots under load on a real server. Writers move money between accounts and log each transfer in the
//! same transaction: in a true snapshot the sum of balances never changes, all sessions count the same log
//! rows, and the log has exactly as many rows as the recorded GTID set has transactions.
//!
//! 20 trials of each way; 500 with MYRIAD_TEST_FULL=1.

use crate::support::{replication, run, server};
use myriad::position::{ConsistencyKind, GtidSet};
use myriad::sandbox::{Sandbox, SandboxOptions};
use myriad::schema::QualifiedName;
use myriad::server::session::READER_SETUP;
use myriad::server::snapshot::{Held, SnapshotRequest, hold};
use myriad::server::{ConnectOptions, RawSession, ServerError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const ACCOUNTS: u64 = 200;
const OPENING_BALANCE: u64 = 1000;
const READERS: usize = 4;

fn trials() -> usize {
    if std::env::var_os("MYRIAD_TEST_FULL").is_some_and(|full| full == "1") { 500 } else { 20 }
}

/// A server with the bank's tables.
struct Bank {
    sandbox: Sandbox,
    root: RawSession,
}

impl Bank {
    fn open(binary_log: bool) -> Bank {
        let sandbox = server::own(SandboxOptions { binary_log, ..server::options() });
        let mut root = RawSession::connect(&sandbox.connect_options()).unwrap();
        for sql in [
            "CREATE DATABASE bank".to_owned(),
            "CREATE TABLE bank.account (id INT PRIMARY KEY, balance BIGINT NOT NULL)".into(),
            "CREATE TABLE bank.transfer (id BIGINT AUTO_INCREMENT PRIMARY KEY, amount INT NOT NULL)".into(),
            "CREATE TABLE bank.report (id INT PRIMARY KEY)".into(),
            "CREATE TABLE bank.note (id INT PRIMARY KEY) ENGINE=MyISAM".into(),
            "CREATE TABLE bank.part (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4".into(),
            "INSERT INTO bank.report VALUES (1)".into(),
            "INSERT INTO bank.note VALUES (1), (2)".into(),
            "INSERT INTO bank.part VALUES (1), (2), (3), (4), (5), (6), (7), (8)".into(),
            format!(
                "INSERT INTO bank.account WITH RECURSIVE r (n) AS \
                 (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {ACCOUNTS}) SELECT n, {OPENING_BALANCE} FROM r"
            ),
        ] {
            root.execute(sql.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        }
        Bank { sandbox, root }
    }

    /// An account with these rights on everything and no others.
    fn user(&mut self, rights: &str) -> ConnectOptions {
        let user = format!("user_{}", self.number("SELECT COUNT(*) FROM mysql.user"));
        self.root.execute(format!("CREATE USER {user}").as_bytes()).unwrap();
        self.root.execute(format!("GRANT {rights} ON *.* TO {user}").as_bytes()).unwrap();
        ConnectOptions { user, ..self.sandbox.connect_options() }
    }

    fn number(&mut self, sql: &str) -> u64 {
        self.root.query_small(sql.as_bytes()).unwrap()[0].number(0)
    }

    fn executed(&mut self) -> GtidSet {
        self.root.query_small(b"SELECT @@global.gtid_executed").unwrap()[0].text(0).parse().unwrap()
    }
}

fn tables() -> Vec<QualifiedName> {
    ["account", "transfer", "report", "note", "part"].map(|name| QualifiedName::new("bank", name)).to_vec()
}

async fn take(options: &ConnectOptions, consistency_required: bool) -> Result<Held, ServerError> {
    let (tables, sessions) = (tables(), READERS);
    hold(SnapshotRequest { options, sessions, tables: &tables, non_transactional: &[], consistency_required }).await
}

/// Writers at work until dropped.
struct Writers {
    stop: Arc<AtomicBool>,
    longest_wait_ms: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    fn start(options: &ConnectOptions) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let longest_wait_ms = Arc::new(AtomicU64::new(0));
        let threads = (0..3)
            .map(|seed| {
                let (stop, longest, options) = (stop.clone(), longest_wait_ms.clone(), options.clone());
                std::thread::spawn(move || write(&options, seed, &stop, &longest))
            })
            .collect();
        Writers { stop, longest_wait_ms, threads }
    }

    /// The longest single statement since the last call.
    fn longest_wait(&self) -> Duration {
        Duration::from_millis(self.longest_wait_ms.swap(0, Ordering::SeqCst))
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

fn write(options: &ConnectOptions, seed: u64, stop: &AtomicBool, longest_ms: &AtomicU64) {
    let mut session = RawSession::connect(options).unwrap();
    let mut state = 0x9E37_79B9_7F4A_7C15 ^ (seed + 1);
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    while !stop.load(Ordering::SeqCst) {
        let (from, to, amount) = (random(ACCOUNTS) + 1, random(ACCOUNTS) + 1, random(50));
        let statements = [
            "BEGIN".to_owned(),
            format!("UPDATE bank.account SET balance = balance - {amount} WHERE id = {from}"),
            format!("INSERT INTO bank.transfer (amount) VALUES ({amount})"),
            format!("UPDATE bank.account SET balance = balance + {amount} WHERE id = {to}"),
            "COMMIT".to_owned(),
        ];
        for sql in statements {
            let begun = Instant::now();
            let done = session.execute(sql.as_bytes());
            longest_ms.fetch_max(begun.elapsed().as_millis() as u64, Ordering::SeqCst);
            match done {
                Ok(_) => {}
                // A deadlock between writers: the transaction is gone, the next one begins.
                Err(error) if matches!(error.code(), Some(1205 | 1213)) => {
                    session.execute(b"ROLLBACK").unwrap();
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// What is wrong with a snapshot, one word each. `logged` is the number of transfers by the recorded GTID set.
fn faults(readers: &mut [RawSession], logged: Option<u128>) -> Vec<&'static str> {
    let seen: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let threads: Vec<_> = readers
            .iter_mut()
            .map(|reader| {
                scope.spawn(|| {
                    let sum = reader.query_small(b"SELECT SUM(balance) FROM bank.account").unwrap()[0].number(0);
                    (sum, reader.query_small(b"SELECT COUNT(*) FROM bank.transfer").unwrap()[0].number(0))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut faults = Vec::new();
    if seen.iter().any(|(sum, _)| *sum != ACCOUNTS * OPENING_BALANCE) {
        faults.push("sum");
    }
    if seen.iter().any(|(_, transfers)| *transfers != seen[0].1) {
        faults.push("sessions");
    }
    if logged.is_some_and(|logged| logged != u128::from(seen[0].1)) {
        faults.push("position");
    }
    faults
}

/// Holds one snapshot after another under load; none may have a fault.
async fn try_way(bank: &mut Bank, options: &ConnectOptions, expected: ConsistencyKind, binary_log: bool) {
    let transfers_before = bank.number("SELECT COUNT(*) FROM bank.transfer");
    let before = bank.executed();
    let writers = Writers::start(&bank.sandbox.connect_options());
    let mut held_longest = Duration::ZERO;
    for trial in 0..trials() {
        let mut held = take(options, true).await.unwrap_or_else(|error| panic!("trial {trial}: {error}"));
        assert_eq!(held.consistency, expected, "{:?}", held.passed_over);
        assert!(held.position.exact);
        assert_eq!(held.readers.len(), READERS);
        held.keeper.still_holds().await.unwrap();
        assert_eq!(held.position.binlog_file.is_some(), binary_log);
        let executed: GtidSet = held.position.gtid_executed.parse().unwrap();
        let logged = executed.subtract(&before).count() + u128::from(transfers_before);
        let found = faults(&mut held.readers, binary_log.then_some(logged));
        assert!(found.is_empty(), "trial {trial}: {found:?}");
        let age = jiff::Timestamp::now().duration_since(held.snapshot_time).abs();
        // Of this hour: a machine may be put to sleep for some minutes.
        assert!(age < jiff::SignedDuration::from_secs(3600), "{}", held.snapshot_time);
        held_longest = held_longest.max(held.lock_held);
        held.keeper.release().await.unwrap();
    }
    let longest_wait = writers.longest_wait();
    println!("{expected:?}: lock held {held_longest:?} at most, longest wait of a writer {longest_wait:?}");
    drop(writers);
    assert!(
        bank.number("SELECT COUNT(*) FROM bank.transfer") > transfers_before + trials() as u64,
        "the writers wrote"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_gives_one_view() {
    let mut bank = Bank::open(true);
    let root = bank.sandbox.connect_options();
    try_way(&mut bank, &root, ConsistencyKind::GlobalReadLock, true).await;
    let reload = bank.user("SELECT, RELOAD, REPLICATION CLIENT");
    try_way(&mut bank, &reload, ConsistencyKind::GlobalReadLock, true).await;
    let backup_admin = bank.user("SELECT, BACKUP_ADMIN");
    try_way(&mut bank, &backup_admin, ConsistencyKind::LogStatus, true).await;
    let lock_tables = bank.user("SELECT, LOCK TABLES, REPLICATION CLIENT");
    try_way(&mut bank, &lock_tables, ConsistencyKind::TableLocks, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_gives_one_view_without_a_binary_log() {
    let mut bank = Bank::open(false);
    let root = bank.sandbox.connect_options();
    try_way(&mut bank, &root, ConsistencyKind::GlobalReadLock, false).await;
    let backup_admin = bank.user("SELECT, BACKUP_ADMIN");
    try_way(&mut bank, &backup_admin, ConsistencyKind::LogStatus, false).await;
}

/// The harness can see faults: snapshots that are opened one after another have them.
#[test]
fn snapshots_without_a_lock_have_faults() {
    let mut bank = Bank::open(true);
    let before = bank.executed();
    let options = bank.sandbox.connect_options();
    let writers = Writers::start(&options);
    let mut faulty = 0;
    for _ in 0..trials() * 2 {
        let mut readers: Vec<_> = (0..READERS).map(|_| RawSession::connect(&options).unwrap()).collect();
        for reader in &mut readers {
            reader.execute(READER_SETUP.as_bytes()).unwrap();
        }
        for reader in &mut readers {
            reader.execute(b"START TRANSACTION WITH CONSISTENT SNAPSHOT").unwrap();
        }
        let logged = bank.executed().subtract(&before).count();
        faulty += usize::from(!faults(&mut readers, Some(logged)).is_empty());
    }
    drop(writers);
    assert!(faulty > 0, "no fault was seen in {} trials", trials() * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_and_no_consistency() {
    let mut bank = Bank::open(true);
    let nothing = bank.user("SELECT");
    match take(&nothing, true).await {
        Err(ServerError::NoSnapshot { why, hint, .. }) => {
            for part in ["global read lock was refused", "log_status was refused", "LOCK TABLES was refused"] {
                assert!(why.contains(part), "{why}");
            }
            assert!(hint.contains("--consistency none"));
        }
        Err(error) => panic!("{error}"),
        Ok(held) => panic!("{:?}", held.consistency),
    }
    let held = take(&nothing, false).await.unwrap();
    assert_eq!(held.consistency, ConsistencyKind::None);
    assert!(!held.position.exact);
    assert!(!held.position.gtid_executed.is_empty(), "the GTID set may be read by everybody");
    assert_eq!((held.position.binlog_file, held.passed_over.len()), (None, 3));

    // Rights on one schema alone: consistent, but other tables may have been written to meanwhile.
    bank.root.execute(b"CREATE USER one_schema").unwrap();
    bank.root.execute(b"GRANT SELECT, LOCK TABLES ON bank.* TO one_schema").unwrap();
    let held = take(&ConnectOptions { user: "one_schema".into(), ..nothing }, true).await.unwrap();
    assert_eq!(held.consistency, ConsistencyKind::TableLocks);
    assert!(!held.position.exact);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_select_stops_nobody() {
    let bank = Bank::open(true);
    let options = bank.sandbox.connect_options();
    let writers = Writers::start(&options);
    // Already long: the global lock is not even tried. Not long yet: it is tried, and given up at once.
    for (seconds, pause, expected) in [
        (14.0, Duration::from_secs(3), ConsistencyKind::LogStatus),
        (1.2, Duration::from_millis(200), ConsistencyKind::GlobalReadLock),
    ] {
        // The best of some trials: a busy machine, too, makes somebody wait; a lock that is kept does so in all of them.
        for trial in 1.. {
            let mut reader = RawSession::connect(&options).unwrap();
            let select = std::thread::spawn(move || {
                reader.query_small(format!("SELECT SLEEP({seconds}) FROM bank.report").as_bytes()).unwrap();
            });
            writers.longest_wait();
            std::thread::sleep(pause);
            let quiet = writers.longest_wait();
            let held = take(&options, true).await.unwrap();
            let waited = writers.longest_wait();
            select.join().unwrap();
            let good = held.consistency == expected && waited < Duration::from_millis(500) + quiet;
            assert!(
                good || trial < 4,
                "a writer waited {waited:?} beside a SELECT of {seconds} s: {:?}, {:?}",
                held.consistency,
                held.passed_over
            );
            if good {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ddl_is_held_off() {
    let mut bank = Bank::open(true);
    let with_lock = bank.sandbox.connect_options();
    let without_lock = bank.user("SELECT, RELOAD");
    for (options, backup_lock) in [(&with_lock, true), (&without_lock, false)] {
        let mut held = take(options, true).await.unwrap();
        assert_eq!(held.keeper.backup_lock(), backup_lock);
        // A statement that waits behind our locks, while all readers read the table for the first time.
        let mut ddl = RawSession::connect(&with_lock).unwrap();
        ddl.execute(b"SET SESSION lock_wait_timeout = 2").unwrap();
        let truncate = std::thread::spawn(move || {
            let refused = ddl.execute(b"ALTER TABLE bank.part TRUNCATE PARTITION p1").unwrap_err();
            assert_eq!(refused.code(), Some(1205), "{refused}");
            ddl
        });
        std::thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        for reader in &mut held.readers {
            assert_eq!(reader.query_small(b"SELECT COUNT(*) FROM bank.part").unwrap()[0].number(0), 8);
        }
        // Had they waited, then until the DDL statement gives up: the reads would end after it.
        assert!(
            !truncate.is_finished() || begun.elapsed() < Duration::from_secs(1),
            "readers waited behind the DDL statement"
        );
        let mut ddl = truncate.join().unwrap();
        for sql in ["TRUNCATE TABLE bank.part", "DROP TABLE bank.part", "ALTER TABLE bank.part ADD COLUMN x INT"] {
            assert_eq!(ddl.execute(sql.as_bytes()).unwrap_err().code(), Some(1205), "{sql}");
        }
        held.keeper.still_holds().await.unwrap();
        drop(held.readers);
        held.keeper.release().await.unwrap();
        ddl.execute(b"ALTER TABLE bank.part ADD COLUMN x INT").unwrap();
        ddl.execute(b"ALTER TABLE bank.part DROP COLUMN x").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_was_killed_says_so() {
    let mut bank = Bank::open(true);
    let held = take(&bank.sandbox.connect_options(), true).await.unwrap();
    let holder = bank.number(
        "SELECT t.PROCESSLIST_ID FROM performance_schema.metadata_locks m JOIN performance_schema.threads t \
         ON t.THREAD_ID = m.OWNER_THREAD_ID WHERE m.OBJECT_TYPE = 'BACKUP LOCK' AND m.LOCK_TYPE = 'SHARED'",
    );
    bank.root.execute(format!("KILL {holder}").as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let error = held.keeper.still_holds().await.unwrap_err();
    assert!(error.lost(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn non_transactional_tables_stand_still() {
    let mut bank = Bank::open(true);
    let root = bank.sandbox.connect_options();
    let status = bank.user("SELECT, LOCK TABLES, BACKUP_ADMIN");
    let locks = bank.user("SELECT, LOCK TABLES");
    for (options, expected) in [
        (&root, ConsistencyKind::GlobalReadLock),
        (&status, ConsistencyKind::LogStatus),
        (&locks, ConsistencyKind::TableLocks),
    ] {
        let (all, note) = (tables(), [QualifiedName::new("bank", "note")]);
        let request = SnapshotRequest {
            options,
            sessions: 2,
            tables: &all,
            non_transactional: &note,
            consistency_required: true,
        };
        let held = hold(request).await.unwrap();
        assert_eq!(held.consistency, expected, "{:?}", held.passed_over);
        let mut reader = held.non_transactional_reader.unwrap();
        let mut writer = RawSession::connect(&root).unwrap();
        writer.execute(b"SET SESSION lock_wait_timeout = 1").unwrap();
        assert_eq!(writer.execute(b"INSERT INTO bank.note VALUES (99)").unwrap_err().code(), Some(1205));
        writer.execute(b"UPDATE bank.account SET balance = balance WHERE id = 1").unwrap();
        assert_eq!(reader.query_small(b"SELECT COUNT(*) FROM bank.note").unwrap()[0].number(0), 2);
        reader.execute(b"UNLOCK TABLES").unwrap();
        writer.execute(b"INSERT INTO bank.note VALUES (99)").unwrap();
        writer.execute(b"DELETE FROM bank.note WHERE id = 99").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_knows_its_sources_position() {
    let source = server::own(SandboxOptions { tcp: true, ..server::options() });
    let mut bank = Bank::open(true);
    replication::attach(&bank.sandbox, &source);
    let mut at_source = RawSession::connect(&source.connect_options()).unwrap();
    at_source.execute(b"CREATE DATABASE from_source").unwrap();
    replication::catch_up(&bank.sandbox, &source);
    // At once: the applier's threads report every 300 ms only (replica_checkpoint_period), the position must not wait for it.
    let (names, rows) = at_source.query_named(b"SHOW BINARY LOG STATUS").unwrap();
    assert_eq!(&names[..2], ["File", "Position"]);
    let root = bank.sandbox.connect_options();
    let status = bank.user("SELECT, BACKUP_ADMIN, REPLICATION CLIENT");
    let locks = bank.user("SELECT, LOCK TABLES, REPLICATION CLIENT");
    for (options, expected) in [
        (&root, ConsistencyKind::GlobalReadLock),
        (&status, ConsistencyKind::LogStatus),
        (&locks, ConsistencyKind::TableLocks),
    ] {
        let held = take(options, true).await.unwrap();
        assert_eq!(held.consistency, expected, "{:?}", held.passed_over);
        assert_eq!(held.source_positions.len(), 1, "{expected:?}");
        let found = &held.source_positions[0];
        assert_eq!((found.channel.as_str(), found.host.as_str()), ("main", "127.0.0.1"));
        assert_eq!(Some(found.port), source.port());
        assert_eq!((found.binlog_file.clone(), found.binlog_offset), (rows[0].text(0), rows[0].number(1)));
        let uuid = at_source.query_small(b"SELECT @@server_uuid").unwrap()[0].text(0);
        assert_eq!((found.exact, found.server_uuid.as_deref()), (held.position.exact, Some(uuid.as_str())));
    }
}

/// Whoever flushes tables waits for those that the backup has locked, and a definition waits behind it: without a bound
/// both waited for ever.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_flush_tables_do_not_stop_a_backup() {
    let sandbox = server::own(server::options());
    let options = sandbox.connect_options();
    let mut root = RawSession::connect(&options).unwrap();
    root.execute(b"CREATE SCHEMA flushed").unwrap();
    for n in 0..20 {
        root.execute(format!("CREATE TABLE flushed.t{n} (id INT PRIMARY KEY) ENGINE = MyISAM").as_bytes()).unwrap();
        root.execute(format!("CREATE VIEW flushed.v{n} AS SELECT * FROM flushed.t{n}").as_bytes()).unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let flushing = stop.clone();
    let flusher = std::thread::spawn(move || {
        let mut flushes = 0u64;
        while !flushing.load(Ordering::Relaxed) {
            root.execute(b"FLUSH TABLES WITH READ LOCK").unwrap();
            root.execute(b"UNLOCK TABLES").unwrap();
            flushes += 1;
            std::thread::sleep(Duration::from_millis(40));
        }
        flushes
    });
    let repo = run::Repo::new();
    let mut whole = 0;
    for trial in 1.. {
        match run::try_backup(&run::backup_options(&sandbox, &repo, "flushed")).await {
            Ok(taken) => {
                let done = taken.backup().unwrap();
                assert_eq!((done.totals.tables, done.position.exact), (20, true));
                whole += 1;
            }
            // Where a busy machine makes the definitions slow to read, somebody flushes in each of them.
            Err(error) => assert_eq!(error.exit(), myriad::Exit::BackupInconsistent, "{error:?}"),
        }
        if whole == 3 {
            break;
        }
        assert!(trial < 20, "{whole} of {trial} backups were taken");
    }
    stop.store(true, Ordering::Relaxed);
    println!("{} flushes", flusher.join().unwrap());
    assert_eq!(
        run::client_line(&sandbox, "SELECT COUNT(*) FROM information_schema.views WHERE TABLE_SCHEMA = 'flushed'"),
        "20"
    );
}

/// LOCK TABLES waits for a transaction that has written to one table and keeps writers from the others meanwhile: it is taken
/// back after a moment, as the global lock is.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_stops_nobody() {
    let mut bank = Bank::open(true);
    let options = bank.sandbox.connect_options();
    let locks = bank.user("SELECT, LOCK TABLES");
    let writers = Writers::start(&options);
    // The best of some trials: see above.
    for trial in 1.. {
        let mut holder = RawSession::connect(&options).unwrap();
        holder.execute(b"BEGIN").unwrap();
        // After the accounts in the order in which the server locks tables.
        holder.execute(b"INSERT INTO bank.report VALUES (2)").unwrap();
        writers.longest_wait();
        std::thread::sleep(Duration::from_secs(1));
        let quiet = writers.longest_wait();
        let ending = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(4));
            holder.execute(b"COMMIT").unwrap();
        });
        let held = take(&locks, true).await.unwrap();
        let waited = writers.longest_wait();
        ending.join().unwrap();
        assert_eq!(held.consistency, ConsistencyKind::TableLocks, "{:?}", held.passed_over);
        println!("longest wait of a writer {waited:?}, {quiet:?} before");
        // A quarter of a second, and what a busy machine adds; without the kill it would be four seconds.
        if waited < Duration::from_millis(1500) + quiet {
            break;
        }
        assert!(trial < 4, "a writer waited {waited:?} beside an open transaction");
    }
}
