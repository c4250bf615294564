//! Definitions that change under a backup: with the backup lock, without it, and on MariaDB, which has none. Each is made to
//! wait, or the backup says which table it was and fails; a backup that is there shows one moment.

use crate::support::data::{self, drop_restored, one};
use crate::support::program::{Repo, address_of, start};
use crate::support::run::{self as library, backup_options};
use crate::support::server::{connect, mariadb_source, mariadb_target, source, target_alone};
use myriad::error::Exit;
use myriad::progress::{Silent, Stop};
use myriad::sandbox::Sandbox;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SEED: u64 = 20_261_126;

fn points(few: u64) -> u64 {
    if std::env::var_os("MYRIAD_TEST_FULL").is_some() { 500 } else { few }
}

/// Tables for one change each, with numbers of rows that tell them apart.
async fn make(server: &Sandbox, schema: &str) {
    let filled = |table: &str, rows: u64| {
        format!(
            "INSERT INTO {schema}.{table} (id, v) WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {rows}) SELECT n, REPEAT('{table}', 9) FROM r"
        )
    };
    let mut statements = vec![format!("CREATE DATABASE {schema}")];
    for (table, rows) in [
        ("altered", 900),
        ("dropped", 800),
        ("emptied", 700),
        ("renamed", 600),
        ("left_one", 500),
        ("right_one", 400),
        ("outside", 300),
    ] {
        statements.push(format!("CREATE TABLE {schema}.{table} (id INT PRIMARY KEY, v VARCHAR(200))"));
        statements.push(filled(table, rows));
    }
    for table in ["parted", "parts_emptied"] {
        statements.push(format!(
            "CREATE TABLE {schema}.{table} (id INT PRIMARY KEY, v VARCHAR(200)) PARTITION BY RANGE (id) \
             (PARTITION low VALUES LESS THAN (500), PARTITION high VALUES LESS THAN MAXVALUE)"
        ));
        statements.push(filled(table, 950));
    }
    data::run(server, &statements).await;
}

fn changes(schema: &str) -> Vec<String> {
    [
        "ALTER TABLE s.altered ADD COLUMN w INT DEFAULT 7",
        "ALTER TABLE s.altered DROP COLUMN v, ALGORITHM = COPY",
        "DROP TABLE s.dropped",
        "TRUNCATE TABLE s.emptied",
        "RENAME TABLE s.renamed TO s.renamed_now",
        "RENAME TABLE s.left_one TO s.between, s.right_one TO s.left_one, s.between TO s.right_one",
        "ALTER TABLE s.parted EXCHANGE PARTITION low WITH TABLE s.outside",
        "ALTER TABLE s.parts_emptied TRUNCATE PARTITION high",
    ]
    .map(|statement| statement.replace("s.", &format!("{schema}.")))
    .to_vec()
}

/// Rows of each table, and the columns of one.
async fn shape(server: &Sandbox, schema: &str) -> BTreeMap<String, String> {
    let mut shape = BTreeMap::new();
    for table in
        ["altered", "dropped", "emptied", "renamed", "left_one", "right_one", "outside", "parted", "parts_emptied"]
    {
        let sum = format!("SELECT CONCAT(COUNT(*), ' ', SUM(CRC32(CONCAT(id, v)))) FROM {schema}.{table}");
        shape.insert(table.to_owned(), one(server, &sum).await);
    }
    shape
}

/// Every change is tried while the backup reads, and again without a limit to its waiting.
async fn changes_wait(source: &Sandbox, login: &str, schema: &str, target: &Sandbox) {
    make(source, schema).await;
    let before = shape(source, schema).await;
    let (repo, place) = (Repo::new(), address_of(login, source));
    let mut backup = start(&[&repo.backup_arguments(&place, schema)[..], &["--max-rate", "60k"]].concat());
    // Two readers whose view stands for a while: it may be taken again in its first moments.
    let reading = format!(
        "SELECT COUNT(*) FROM information_schema.innodb_trx JOIN information_schema.processlist ON ID = trx_mysql_thread_id \
         WHERE USER = '{login}' AND trx_started <= NOW() - INTERVAL 1 SECOND"
    );
    let two_readers = async || {
        // The server shows transactions as they were until nobody has asked for a tenth of a second.
        tokio::time::sleep(Duration::from_millis(200)).await;
        one(source, &reading).await.parse::<u32>().unwrap() >= 2
    };
    if !backup.until(two_readers).await {
        panic!("the backup ended too early: {:?}", backup.end());
    }
    let mut impatient = Vec::new();
    for change in changes(schema) {
        let mut session = connect(source).await;
        impatient.push(tokio::spawn(async move {
            session.execute("SET SESSION lock_wait_timeout = 1").await.unwrap();
            let refused = session.execute(&change).await;
            assert_eq!(refused.as_ref().err().and_then(|error| error.code()), Some(1205), "{change}: {refused:?}");
        }));
    }
    for task in impatient {
        task.await.unwrap();
    }
    assert!(backup.runs(), "the changes waited for something else");
    let mut patient = Vec::new();
    for change in changes(schema).into_iter().filter(|change| !change.contains("DROP COLUMN")) {
        let mut session = connect(source).await;
        patient.push(tokio::spawn(async move { session.execute(&change).await.unwrap() }));
    }
    backup.end().expect(0);
    for task in patient {
        task.await.unwrap();
    }
    assert_ne!(one(source, &format!("SELECT COUNT(*) FROM {schema}.parted")).await, "950", "nothing was changed");
    repo.restore(target, &[]).expect(0);
    assert_eq!(shape(target, schema).await, before);
    drop_restored(target, schema).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_wait_behind_the_backup_lock() {
    data::run(source(), &["CREATE USER ddl_admin", "GRANT ALL ON *.* TO ddl_admin"]).await;
    let (target, _turn) = target_alone().await;
    changes_wait(source(), "ddl_admin", "ddl_locked", target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_wait_without_the_backup_lock() {
    let rights = "SELECT, RELOAD, PROCESS, SHOW VIEW, TRIGGER, EVENT";
    data::run(source(), &["CREATE USER ddl_reader".to_owned(), format!("GRANT {rights} ON *.* TO ddl_reader")]).await;
    let (target, _turn) = target_alone().await;
    changes_wait(source(), "ddl_reader", "ddl_unlocked", target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_wait_on_mariadb() {
    data::run(mariadb_source(), &["CREATE USER ddl_admin@localhost", "GRANT ALL ON *.* TO ddl_admin@localhost"]).await;
    changes_wait(mariadb_source(), "ddl_admin", "ddl_mariadb", mariadb_target()).await;
}

/// Pairs of tables that are swapped and a partition that is exchanged again and again: whatever the moment, one table of a
/// pair has 100 rows and the other 200, and partition and table together have 350.
async fn make_pairs(server: &Sandbox, schema: &str) {
    let mut statements = vec![format!("CREATE DATABASE {schema}")];
    for (table, from, upto) in
        [("a", 1, 100), ("b", 1, 200), ("beside", 1, 150), ("parted", 1, 200), ("emptied", 1, 120)]
    {
        let partitions = match table {
            "parted" => {
                "PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (151), PARTITION high VALUES LESS THAN MAXVALUE)"
            }
            _ => "",
        };
        statements.push(format!("CREATE TABLE {schema}.{table} (id INT PRIMARY KEY, v VARCHAR(20)) {partitions}"));
        statements.push(format!(
            "INSERT INTO {schema}.{table} (id, v) WITH RECURSIVE r (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM r WHERE n < {upto}) SELECT n, '{table}' FROM r"
        ));
    }
    statements.push(format!("DELETE FROM {schema}.beside WHERE id > 70"));
    data::run(server, &statements).await;
}

/// Changes definitions until told to stop; returns how many were made.
async fn change(server: &Sandbox, schema: &str, seed: u64, stop: Arc<AtomicBool>) -> u64 {
    let statements = [
        "RENAME TABLE s.a TO s.c, s.b TO s.a, s.c TO s.b",
        "ALTER TABLE s.parted EXCHANGE PARTITION low WITH TABLE s.beside",
        "RENAME TABLE s.a TO s.c, s.b TO s.a, s.c TO s.b",
        "ALTER TABLE s.emptied ADD COLUMN w INT DEFAULT 7",
        "ALTER TABLE s.emptied DROP COLUMN w",
        "RENAME TABLE s.emptied TO s.emptied_now",
        "RENAME TABLE s.emptied_now TO s.emptied",
        "ALTER TABLE s.parted TRUNCATE PARTITION high",
        "INSERT INTO s.parted (id, v) SELECT id, v FROM s.b WHERE id > 150 UNION SELECT id, v FROM s.a WHERE id > 150",
        "TRUNCATE TABLE s.emptied",
        "INSERT INTO s.emptied (id, v) SELECT id, v FROM s.b WHERE id <= 120 UNION SELECT id, v FROM s.a WHERE id <= 120 AND id > 100",
        "ALTER TABLE s.a ENGINE = MyISAM",
        "ALTER TABLE s.a ENGINE = InnoDB",
    ];
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut session = connect(server).await;
    session.execute("SET SESSION lock_wait_timeout = 1, SESSION innodb_lock_wait_timeout = 1").await.unwrap();
    let mut made = 0;
    while !stop.load(Ordering::SeqCst) {
        let statement = statements[random.random_range(0..statements.len())].replace("s.", &format!("{schema}."));
        // Names, columns and rows are as an earlier statement left them, or the backup holds its lock.
        made += u64::from(session.execute(&statement).await.is_ok());
        // Now and then for so long that a backup can begin.
        let pause_ms = if random.random_bool(0.1) { 1500 } else { random.random_range(0..25) };
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    session.close().await;
    made
}

/// Backups while definitions change without end: each shows one moment or is refused, and says which table it was.
async fn changes_at_random(from: &'static Sandbox, login: &str, schema: &'static str, few: u64) {
    make_pairs(from, schema).await;
    let stop = Arc::new(AtomicBool::new(false));
    let changing: Vec<_> = (0..2).map(|n| tokio::spawn(change(from, schema, SEED + n, stop.clone()))).collect();
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let points = points(few);
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    for point in 0..points {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..60))).await;
        let repo = library::Repo::new();
        let mut options = backup_options(from, &repo, schema);
        options.source.user = login.to_owned();
        options.effort.threads = 2;
        match myriad::command::backup::run(&options, Arc::new(Silent), Stop::default()).await {
            Ok(_) => {
                let chunks = repo.chunks().await;
                let rows = |table: &str| {
                    let chunks = chunks.get(&format!("{schema}.{table}"));
                    chunks.map(|chunks| chunks.iter().map(|chunk| chunk.rows).sum::<u64>())
                };
                let (a, b) = (rows("a").unwrap(), rows("b").unwrap());
                assert!((a, b) == (100, 200) || (a, b) == (200, 100), "point {point}: {a} and {b} rows");
                let (parted, beside) = (rows("parted").unwrap(), rows("beside").unwrap());
                let whole = parted + beside;
                assert!(matches!(whole, 220 | 270), "point {point}: {parted} and {beside} rows");
                let emptied = rows("emptied").or(rows("emptied_now")).unwrap();
                assert!(matches!(emptied, 0 | 20 | 120), "point {point}: {emptied} rows");
                *outcomes.entry("whole".into()).or_default() += 1;
            }
            Err(error) => {
                assert_eq!(error.exit(), Exit::BackupInconsistent, "point {point}: {error:?}");
                assert!(!error.hints().is_empty() && error.to_string().contains("table"), "{error:?}");
                *outcomes.entry("refused".into()).or_default() += 1;
            }
        }
    }
    stop.store(true, Ordering::SeqCst);
    let mut made = 0;
    for task in changing {
        made += task.await.unwrap();
    }
    println!("{schema}, seed {SEED}: {points} backups, {made} changes of definitions meanwhile, {outcomes:?}");
    // A handful may all meet a change on a busy machine.
    assert!(made > 0 && (points < 100 || outcomes.contains_key("whole")), "{made} changes, {outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_random_moments_are_never_mixed() {
    changes_at_random(source(), "root", "ddl_pairs", 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_random_moments_are_never_mixed_without_the_backup_lock() {
    let rights = "SELECT, RELOAD, PROCESS, LOCK TABLES, SHOW VIEW, TRIGGER, EVENT";
    data::run(source(), &["CREATE USER ddl_random".to_owned(), format!("GRANT {rights} ON *.* TO ddl_random")]).await;
    changes_at_random(source(), "ddl_random", "ddl_pairs_unlocked", 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_random_moments_are_never_mixed_on_mariadb() {
    changes_at_random(mariadb_source(), "root", "ddl_pairs_mariadb", 5).await;
}
