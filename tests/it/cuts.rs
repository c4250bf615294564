//! Connections that are cut: by KILL, by a proxy at random places, by time-outs; deadlocks and locks of others. A backup goes
//! on while one session of its snapshot lives and never opens another; a restore opens its sessions anew and loads every
//! chunk exactly once, which only a table without a key can show.

use crate::support::cutter::{Cuts, Cutter};
use crate::support::data::{self, assert_nothing_left, drop_restored, fingerprint, make_typed, one};
use crate::support::program::{Repo, Running, address, address_of, run, start};
use crate::support::server::{self, connect, options, shared, source};
use myriad::sandbox::{Sandbox, SandboxOptions};
use myriad::server::Session;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const SEED: u64 = 20_261_125;

/// Sessions killed in one restore: it gives up where hardly one lives to its first statement.
const KILLS_MAX: u64 = 5;

/// How many points a loop tries: many only where the whole is asked for.
fn points(few: u64) -> u64 {
    if std::env::var_os("MYRIAD_TEST_FULL").is_some() { 500 } else { few }
}

/// A server for these tests, one at a time.
async fn target_of_cuts() -> (&'static Sandbox, tokio::sync::MutexGuard<'static, ()>) {
    static TARGET: OnceLock<&'static Sandbox> = OnceLock::new();
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let turn = TURN.lock().await;
    (TARGET.get_or_init(|| shared(SandboxOptions { binary_log: false, ..options() })), turn)
}

/// Sessions of a running program on a server, those of the test not among them.
async fn sessions_of(server: &Sandbox, condition: &str) -> Vec<u64> {
    let mut session = connect(server).await;
    let sql = format!(
        "SELECT ID FROM information_schema.processlist WHERE USER IN ('root', 'cut') AND ID <> CONNECTION_ID() AND {condition} ORDER BY ID"
    );
    let rows = session.query(sql).await.unwrap();
    session.close().await;
    rows.iter().map(|row| row.number(0)).collect()
}

async fn kill(server: &Sandbox, id: u64) {
    let mut session = connect(server).await;
    // Gone by itself a moment ago.
    let killed = session.execute(format!("KILL {id}")).await;
    assert!(killed.as_ref().err().is_none_or(|error| error.code() == Some(1094)), "{killed:?}");
    session.close().await;
}

/// Kills sessions of a running restore until it ends, a random one after a random pause; not the oldest `spared`.
async fn kill_at_random(server: &Sandbox, restore: &mut Running, random: &mut ChaCha8Rng, spared: usize) -> u64 {
    let mut killed = 0;
    while restore.runs() {
        tokio::time::sleep(Duration::from_millis(random.random_range(1..250))).await;
        let sessions = sessions_of(server, "COMMAND <> 'Daemon'").await;
        if sessions.len() > spared && killed < KILLS_MAX {
            kill(server, sessions[random.random_range(spared..sessions.len())]).await;
            killed += 1;
        }
    }
    killed
}

#[tokio::test]
async fn a_restore_goes_on_over_new_sessions_exactly_once() {
    make_typed(source(), "cuts_restore", 6000).await;
    let before = fingerprint(source(), "cuts_restore").await;
    let repo = Repo::new();
    repo.backup(source(), "cuts_restore");
    let (server, _turn) = target_of_cuts().await;
    let direct = address(server);
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let (points, mut cut, mut went_on) = (points(6), 0, 0);
    for point in 0..points {
        let seed = SEED + point;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let unheard_percent = if point % 3 == 1 { 100 } else { 0 };
        let percent = if point % 3 == 2 { 0 } else { 40 };
        // The first session holds the run's lock; before that is taken nothing can be gone on with.
        let spared = u32::from(random.random_bool(0.7));
        let cuts = Cuts { seed, bytes_max: 600_000, percent, unheard_percent, spared, idle_max: None };
        let cutter = Cutter::start(server.socket(), cuts);
        let through = cutter.address("root");
        let mut restore = start(&repo.restore_arguments(&through));
        if percent == 0 {
            cut += kill_at_random(server, &mut restore, &mut random, spared as usize).await;
        }
        let ended = restore.end();
        cut += cutter.cut();
        drop(cutter);
        let how = ["cut", "cut unheard", "killed"][(point % 3) as usize];
        *outcomes.entry(format!("{how}: exit {}", ended.code)).or_default() += 1;
        assert!(matches!(ended.code, 0 | 10 | 13), "point {point}: {ended:?}");
        assert!(ended.code == 0 || spared == 0, "point {point} did not go on: {}", ended.err);
        went_on += u64::from(ended.code == 0 && ended.err.contains("is opened anew"));
        if ended.code != 0 {
            // The sessions that the server does not know to be dead are ended by the next run.
            let again = run(&repo.restore_arguments(&direct));
            // Its last statement may have arrived.
            if again.code != 32 || !again.err.contains("holds tables or views") {
                again.expect(0);
            }
        }
        assert_eq!(fingerprint(server, "cuts_restore").await, before, "point {point}: {}", ended.err);
        assert_nothing_left(server).await;
        drop_restored(server, "cuts_restore").await;
    }
    println!(
        "restores, seed {SEED}: {points} points, {cut} connections cut or killed, {went_on} went on, {outcomes:?}"
    );
    assert!(cut > 0);
    assert!(points < 100 || went_on > 0, "no restore went on over a new session");
}

/// Transfers between accounts until told to stop, each logged in its transaction; and what must hold in any one view: an
/// account's balance is what its transfers make of it.
struct Bank {
    stop: Arc<AtomicBool>,
    writers: Vec<tokio::task::JoinHandle<u64>>,
}

const ACCOUNTS: u64 = 300;

impl Bank {
    async fn open(server: &'static Sandbox, schema: &'static str) -> Bank {
        let statements = [
            format!("CREATE DATABASE {schema}"),
            format!("CREATE TABLE {schema}.account (id INT PRIMARY KEY, balance BIGINT NOT NULL)"),
            format!(
                "CREATE TABLE {schema}.transfer (payer INT NOT NULL, payee INT NOT NULL, amount INT NOT NULL, id BIGINT AUTO_INCREMENT PRIMARY KEY)"
            ),
            format!("CREATE TABLE {schema}.ballast (id INT PRIMARY KEY, filler CHAR(250) NOT NULL)"),
            format!(
                "INSERT INTO {schema}.account WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {ACCOUNTS}) SELECT n, 1000 FROM r"
            ),
            "SET SESSION cte_max_recursion_depth = 1000000".into(),
            format!(
                "INSERT INTO {schema}.ballast WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 8000) SELECT n, REPEAT(SHA2(n, 224), 4) FROM r"
            ),
        ];
        data::run(server, &statements).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writers = (0..2).map(|n| tokio::spawn(transfer(server, schema, n, stop.clone()))).collect();
        Bank { stop, writers }
    }

    /// Transfers made.
    async fn close(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        let mut made = 0;
        for writer in self.writers {
            made += writer.await.unwrap();
        }
        made
    }
}

async fn transfer(server: &Sandbox, schema: &str, seed: u64, stop: Arc<AtomicBool>) -> u64 {
    let mut random = ChaCha8Rng::seed_from_u64(SEED + seed);
    let mut session = connect(server).await;
    let mut made = 0;
    while !stop.load(Ordering::SeqCst) {
        let (payer, payee) = (random.random_range(1..=ACCOUNTS), random.random_range(1..=ACCOUNTS));
        let amount = random.random_range(1..50);
        let statements = [
            "BEGIN".to_owned(),
            format!("UPDATE {schema}.account SET balance = balance - {amount} WHERE id = {payer}"),
            format!("INSERT INTO {schema}.transfer (payer, payee, amount) VALUES ({payer}, {payee}, {amount})"),
            format!("UPDATE {schema}.account SET balance = balance + {amount} WHERE id = {payee}"),
            "COMMIT".to_owned(),
        ];
        let mut done = true;
        for statement in statements {
            match session.execute(statement).await {
                Ok(_) => {}
                Err(error) if matches!(error.code(), Some(1205 | 1213)) => {
                    session.execute("ROLLBACK").await.unwrap();
                    done = false;
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        made += u64::from(done);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    session.close().await;
    made
}

/// Panics unless the tables of a [`Bank`] show one moment.
async fn assert_one_view(server: &Sandbox, schema: &str) {
    let sums = format!(
        "SELECT CONCAT(COUNT(*), ' ', SUM(balance), ' ', SUM(balance <> 1000 + IFNULL((SELECT SUM(amount) FROM {schema}.transfer WHERE payee = a.id), 0) \
         - IFNULL((SELECT SUM(amount) FROM {schema}.transfer WHERE payer = a.id), 0))) FROM {schema}.account a"
    );
    assert_eq!(one(server, &sums).await, format!("{ACCOUNTS} {} 0", ACCOUNTS * 1000));
}

/// Connections of a backup that hold its view, once they have held it for a while: those with a read-only transaction.
async fn readers_of(server: &Sandbox) -> Vec<u64> {
    // The server shows transactions as they were until nobody has asked for a tenth of a second.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let sql = "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx \
               WHERE trx_is_read_only = 1 AND trx_started <= NOW() - INTERVAL 1 SECOND";
    let mut session = connect(server).await;
    let rows = session.query(sql).await.unwrap();
    session.close().await;
    rows.iter().map(|row| row.number(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_snapshot_session_is_never_replaced() {
    static SOURCE: OnceLock<&'static Sandbox> = OnceLock::new();
    let server = *SOURCE.get_or_init(|| shared(options()));
    let bank = Bank::open(server, "cuts_bank").await;
    let (repo, place) = (Repo::new(), address(server));
    let arguments = repo.backup_arguments(&place, "cuts_bank");
    let slow = [&arguments[..arguments.len() - 1], &["4", "--max-rate", "400k"]].concat();
    // All but one are cut, then all.
    for (left, code) in [(1, 0), (0, 13)] {
        let known = repo.listed();
        let mut backup = start(&slow);
        let mut readers = Vec::new();
        let found = backup.until(async || {
            readers = readers_of(server).await;
            readers.len() == 4
        });
        assert!(found.await, "the backup ended too early");
        for reader in &readers[left..] {
            kill(server, *reader).await;
        }
        while backup.runs() {
            let there = readers_of(server).await;
            assert!(
                there.iter().all(|reader| readers.contains(reader)),
                "a session was replaced: {readers:?}, {there:?}"
            );
        }
        let ended = backup.end().expect(code);
        if left == 0 {
            assert!(ended.err.contains("every session that held the snapshot was lost"), "{}", ended.err);
            assert_eq!(repo.listed(), known);
        } else {
            let (target, _turn) = target_of_cuts().await;
            repo.restore(target, &[]).expect(0);
            assert_one_view(target, "cuts_bank").await;
            drop_restored(target, "cuts_bank").await;
        }
    }
    // The one that holds off DDL: what was read does not count any more, though every reader lives.
    let known = repo.listed();
    let mut backup = start(&slow);
    let found = backup.until(async || readers_of(server).await.len() == 4);
    assert!(found.await, "the backup ended too early");
    let holder = "SELECT t.PROCESSLIST_ID FROM performance_schema.metadata_locks m JOIN performance_schema.threads t \
                  ON t.THREAD_ID = m.OWNER_THREAD_ID WHERE m.OBJECT_TYPE = 'BACKUP LOCK' AND m.LOCK_TYPE = 'SHARED'";
    kill(server, one(server, holder).await.parse().unwrap()).await;
    backup.end().refused(13, &["the session that held off DDL was lost"]);
    assert_eq!(repo.listed(), known);
    assert!(bank.close().await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_cut_at_random_is_whole_or_not_there() {
    let server = source();
    let bank = Bank::open(server, "cuts_bank_random").await;
    let mut outcomes: BTreeMap<i32, u64> = BTreeMap::new();
    let (points, mut cut) = (points(4), 0);
    let (target, _turn) = target_of_cuts().await;
    for point in 0..points {
        let seed = SEED + point;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // The one that lists tables, and those that a snapshot cannot do without.
        let spared = if random.random_bool(0.7) { 1 } else { 0 };
        let cuts = Cuts { seed, bytes_max: 1_000_000, percent: 25, unheard_percent: 20, spared, idle_max: None };
        let cutter = Cutter::start(server.socket(), cuts);
        let (repo, through) = (Repo::new(), cutter.address("root"));
        let arguments = repo.backup_arguments(&through, "cuts_bank_random");
        let ended = run(&[&arguments[..arguments.len() - 1], &["4"]].concat());
        cut += cutter.cut();
        *outcomes.entry(ended.code).or_default() += 1;
        match ended.code {
            0 => {
                repo.restore(target, &[]).expect(0);
                assert_one_view(target, "cuts_bank_random").await;
                drop_restored(target, "cuts_bank_random").await;
            }
            10 | 13 => assert_eq!(repo.listed(), Vec::<String>::new()),
            _ => panic!("point {point}: {ended:?}"),
        }
    }
    println!("backups under DML, seed {SEED}: {points} points, {cut} connections cut, exit codes {outcomes:?}");
    assert!(bank.close().await > 0);
}

/// A transaction that has changed more rows than a chunk: of two that wait for each other the server gives up the other.
async fn heavy_transaction(session: &mut Session) {
    session.execute("BEGIN").await.unwrap();
    session.execute("UPDATE cuts_heavy.ballast SET n = n + 1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlocks_and_locks_of_others_are_waited_out() {
    make_typed(source(), "cuts_locks", 3000).await;
    let before = fingerprint(source(), "cuts_locks").await;
    let repo = Repo::new();
    repo.backup(source(), "cuts_locks");
    let (server, _turn) = target_of_cuts().await;
    let ballast = "INSERT INTO cuts_heavy.ballast WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 20000) SELECT n FROM r";
    data::run(
        server,
        &[
            "CREATE DATABASE cuts_heavy",
            "CREATE TABLE cuts_heavy.ballast (n INT)",
            "SET SESSION cte_max_recursion_depth = 100000",
            ballast,
        ],
    )
    .await;
    data::run(server, &["SET GLOBAL innodb_lock_wait_timeout = 1"]).await;
    let counted = |name: &str| format!("SELECT COUNT FROM information_schema.innodb_metrics WHERE NAME = '{name}'");
    let number = async |name: &str| one(server, &counted(name)).await.parse::<u64>().unwrap();
    let (deadlocks, timeouts) = (number("lock_deadlocks").await, number("lock_timeouts").await);
    let target = address(server);
    let mut other = connect(server).await;
    heavy_transaction(&mut other).await;
    let mut restore = start(&repo.restore_arguments(&target));
    // No chunk can be recorded before this is given back.
    let recording = "SELECT * FROM myriad_restore.chunk FOR UPDATE";
    assert!(restore.until(async || other.execute(recording).await.is_ok()).await, "the restore ended too early");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut rounds = 0;
    while restore.runs() {
        // What a chunk needs last was taken first, so that two who have begun wait for each other.
        for table in ["cuts_locks.log", "cuts_locks.typed"] {
            // Gone with the run, or given up for another: both are as well.
            let _ = other.execute(format!("SELECT * FROM {table} FOR UPDATE")).await;
        }
        other.execute("ROLLBACK").await.unwrap();
        rounds += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
        heavy_transaction(&mut other).await;
        let _ = other.execute(recording).await;
    }
    other.execute("ROLLBACK").await.unwrap();
    other.close().await;
    restore.end().expect(0);
    data::run(server, &["SET GLOBAL innodb_lock_wait_timeout = DEFAULT", "DROP DATABASE cuts_heavy"]).await;
    let (deadlocks, timeouts) = (number("lock_deadlocks").await - deadlocks, number("lock_timeouts").await - timeouts);
    println!("{deadlocks} deadlocks, {timeouts} lock wait timeouts in {rounds} rounds");
    assert!(deadlocks + timeouts > 0);
    assert_eq!(fingerprint(server, "cuts_locks").await, before);
    assert_nothing_left(server).await;
    drop_restored(server, "cuts_locks").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_lock_another_has_taken_ends() {
    make_typed(source(), "cuts_taken", 3000).await;
    let repo = Repo::new();
    repo.backup(source(), "cuts_taken");
    let (server, _turn) = target_of_cuts().await;
    let target = address(server);
    // Held until the other has the lock of the run: no chunk can be recorded before.
    let mut restore = start(&repo.restore_arguments(&target));
    let mut holder = connect(server).await;
    let blocked = restore.until(async || holder.execute("LOCK TABLES myriad_restore.chunk READ").await.is_ok());
    assert!(blocked.await, "the restore ended too early");
    let recorded = one(server, "SELECT COUNT(*) FROM myriad_restore.chunk").await;
    let mut other = connect(server).await;
    let id = other.connection_id();
    let taking = tokio::spawn(async move {
        let row = other.query_first("SELECT GET_LOCK('myriad_restore', 60)").await.unwrap();
        (row.map(|row| row.text(0)), other)
    });
    let waits = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE ID = {id} AND STATE = 'User lock'");
    let loading = "COMMAND = 'Query' AND (INFO LIKE '%myriad_restore.chunk%' OR INFO LIKE 'LOAD DATA%') AND STATE LIKE 'Waiting%'";
    let ready =
        restore.until(async || one(server, &waits).await == "1" && sessions_of(server, loading).await.len() == 2);
    assert!(ready.await, "the restore ended too early");
    let control: u64 = one(server, "SELECT IS_USED_LOCK('myriad_restore')").await.parse().unwrap();
    kill(server, control).await;
    for worker in sessions_of(server, loading).await {
        kill(server, worker).await;
    }
    let (taken, other) = taking.await.unwrap();
    assert_eq!(taken.as_deref(), Some("1"));
    holder.execute("UNLOCK TABLES").await.unwrap();
    restore.end().refused(32, &["another restore is running"]);
    assert_eq!(one(server, "SELECT COUNT(*) FROM myriad_restore.chunk").await, recorded);
    other.close().await;
    holder.close().await;
    // The same command goes on once the other is gone.
    run(&repo.restore_arguments(&target)).expect(0);
    assert_nothing_left(server).await;
    drop_restored(server, "cuts_taken").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_time_outs_and_packets_of_both_servers_do_no_harm() {
    let arguments = [
        "wait-timeout=3",
        "interactive-timeout=3",
        "net-read-timeout=1",
        "net-write-timeout=1",
        "lock-wait-timeout=1",
        "max-allowed-packet=64K",
    ];
    let small =
        || SandboxOptions { arguments: arguments.map(|argument| format!("--{argument}")).to_vec(), ..options() };
    let (from, to) = (server::own(small()), server::own(small()));
    make_typed(&from, "small", 4000).await;
    // Statements that name every table are cut into several.
    let tables: Vec<String> = (0..400)
        .map(|n| format!("CREATE TABLE small.a_name_of_some_length_that_is_one_of_many_{n:04} (id INT PRIMARY KEY)"))
        .collect();
    data::run(&from, &tables).await;
    data::run(&from, &["CREATE USER locker", "GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER, EVENT ON *.* TO locker"])
        .await;
    let before = fingerprint(&from, "small").await;
    for login in ["root", "locker"] {
        let (repo, source, target) = (Repo::new(), address_of(login, &from), address(&to));
        // For seconds one session reads and the others have nothing to do.
        run(&[&repo.backup_arguments(&source, "small")[..], &["--max-rate", "200k"]].concat()).expect(0);
        let mut restore = start(&repo.restore_arguments(&target));
        let mut holder = connect(&to).await;
        holder.execute("SET SESSION wait_timeout = 100").await.unwrap();
        let blocked = restore.until(async || holder.execute("LOCK TABLES myriad_restore.chunk READ").await.is_ok());
        assert!(blocked.await, "the restore ended too early");
        tokio::time::sleep(Duration::from_secs(5)).await;
        holder.execute("UNLOCK TABLES").await.unwrap();
        restore.end().expect(0);
        assert_eq!(fingerprint(&to, "small").await, before, "{login}");
        assert_nothing_left(&to).await;
        drop_restored(&to, "small").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_sessions_are_kept_alive() {
    // Longer than a session is silent by itself, with much to spare for a busy machine.
    let (idle_max, busy) = (Duration::from_secs(24), Duration::from_secs(29));
    make_typed(source(), "cuts_idle", 3000).await;
    let cuts = |seed| Cuts { seed, bytes_max: 1, percent: 0, unheard_percent: 0, spared: 0, idle_max: Some(idle_max) };
    let (repo, direct) = (Repo::new(), address(source()));
    repo.backup(source(), "cuts_idle");
    let cutter = Cutter::start(source().socket(), cuts(1));
    let through = cutter.address("root");
    let slow_repo = Repo::new();
    // Some 1.2 MB.
    let slow = [&slow_repo.backup_arguments(&through, "cuts_idle")[..], &["--max-rate", "40k"]].concat();
    let backup = start(&slow);
    let (server, _turn) = target_of_cuts().await;
    let target_cutter = Cutter::start(server.socket(), cuts(2));
    let target = target_cutter.address("root");
    let mut restore = start(&repo.restore_arguments(&target));
    let mut holder = connect(server).await;
    let blocked = restore.until(async || holder.execute("LOCK TABLES myriad_restore.chunk READ").await.is_ok());
    assert!(blocked.await, "the restore ended too early");
    let control = one(server, "SELECT IS_USED_LOCK('myriad_restore')").await;
    tokio::time::sleep(busy).await;
    // The statement that waits for the lock is cut with its session; the session that only waits is not.
    assert_eq!(one(server, "SELECT IS_USED_LOCK('myriad_restore')").await, control);
    holder.execute("UNLOCK TABLES").await.unwrap();
    holder.close().await;
    let restored = restore.end().expect(0);
    assert!(restored.err.contains("a session was lost and is opened anew"), "{}", restored.err);
    let backed_up = backup.end().expect(0);
    assert!(!backed_up.err.contains("was lost"), "{}", backed_up.err);
    run(&["verify", "--repo", &slow_repo.place(), "--against", &direct]).expect(0);
    drop_restored(server, "cuts_idle").await;
}
