//! Chunks: all workers stay on one large table, and a backup inherits the cuts of the one before, so that what did not
//! change is not stored again.

use crate::support::rows::{all, schema_with_numbers, table};
use crate::support::run::{self, Repo, assert_same_rows};
use crate::support::server;
use myriad::command::options::Effort;
use myriad::manifest::ChunkRecord;
use std::collections::{BTreeMap, HashSet};

const CHUNK_BYTES: usize = 64 << 10;

/// A UUID that follows from `n`, in no order.
const UUID: &str = "INSERT(INSERT(INSERT(INSERT(LEFT(SHA2(n,256),32),9,0,'-'),14,0,'-'),19,0,'-'),24,0,'-')";

#[tokio::test(flavor = "multi_thread")]
async fn one_large_table_keeps_all_workers_busy() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let cases = [
        ("integer", "id INT PRIMARY KEY, v CHAR(40)", "n, LEFT(SHA2(n, 256), 40)"),
        ("uuid", "id CHAR(36) CHARACTER SET ascii PRIMARY KEY, v INT", &format!("{UUID}, n")),
        (
            "composite",
            "a INT, b VARCHAR(10), c INT, v CHAR(40), PRIMARY KEY (a, b, c)",
            "n DIV 150000, CONCAT('k', n MOD 7), n, LEFT(SHA2(n, 256), 40)",
        ),
        // All rows but one in the last thousandth of the key space.
        (
            "skewed",
            "id BIGINT UNSIGNED PRIMARY KEY, v CHAR(40)",
            "IF(n = 0, 0, 18446744073709551615 - n * 1000), LEFT(SHA2(n, 256), 40)",
        ),
        ("datetime", "id DATETIME PRIMARY KEY, v CHAR(40)", "'2020-01-01' + INTERVAL n MINUTE, LEFT(SHA2(n, 256), 40)"),
    ];
    for (name, definition, values) in cases {
        let schema = format!("steal_{name}");
        schema_with_numbers(&mut session, &schema, 300_000).await;
        table(&mut session, "large", definition, values).await;
        table(&mut session, "small", "id INT PRIMARY KEY", "n + 0 * LAST_INSERT_ID()").await;
        all(&mut session, &["DELETE FROM small WHERE id > 10".into(), "DROP TEMPORARY TABLE numbers".into()]).await;
        // No timed test: other tests share the machine, and a starved worker has nothing to give, so the best of some trials
        // counts. Without sharing three of four would wait in all of them.
        let mut trials = (0..4).map(|_| Repo::new());
        let done = loop {
            let repo = trials.next().unwrap_or_else(|| panic!("{name}: the workers waited for one another"));
            let report = run::backup(&run::backup_options(source, &repo, &schema)).await;
            let done = report.backup().unwrap().clone();
            let busy: Vec<f64> = done.workers.iter().map(|worker| worker.busy_seconds).collect();
            let idle: Vec<f64> = done.workers.iter().map(|worker| worker.idle_seconds).collect();
            println!("{name}: {} chunks, busy {busy:.2?}, idle {idle:.2?} seconds", done.totals.chunks);
            assert_eq!(busy.len(), 4);
            let (least, most) =
                (busy.iter().copied().fold(f64::MAX, f64::min), busy.iter().copied().fold(0.0, f64::max));
            if least > 0.02 * most && idle.iter().sum::<f64>() < 1.5 * busy.iter().sum::<f64>() {
                break done;
            }
        };
        assert_eq!(done.totals.rows, 300_000 + 11);
        session.execute(format!("DROP SCHEMA {schema}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_fills_two_chunks_ends_its_range_in_every_backup() {
    let source = server::source();
    let mut session = server::connect(source).await;
    schema_with_numbers(&mut session, "long_rows", 2000).await;
    let size = 3 * CHUNK_BYTES;
    table(
        &mut session,
        "t",
        "id INT PRIMARY KEY, v LONGTEXT",
        &format!("n, REPEAT('x', IF(n % 500 = 250, {size}, 100))"),
    )
    .await;
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, "long_rows")).await;
    let again = run::backup(&run::backup_options(source, &repo, "long_rows")).await;
    let totals = &again.backup().unwrap().totals;
    assert_eq!((totals.rows, totals.added_bytes), (2000, 0));
}

/// Bytes of row text of chunks that the backup before did not hold.
fn new_text(before: &BTreeMap<String, Vec<ChunkRecord>>, after: &BTreeMap<String, Vec<ChunkRecord>>) -> u64 {
    let known: HashSet<_> = before.values().flatten().map(|chunk| chunk.content).collect();
    after.values().flatten().filter(|chunk| !known.contains(&chunk.content)).map(|chunk| chunk.bytes).sum()
}

/// Tables of several kinds, each of some dozen chunks and an open end that is not full.
async fn fill_kinds(session: &mut myriad::server::Session, schema: &str) {
    schema_with_numbers(session, schema, 20_000).await;
    for (name, definition, values) in [
        ("by_number", "id INT PRIMARY KEY, v CHAR(60)", "n * 1000, LEFT(SHA2(n, 256), 60)"),
        // Few bytes of text for many bytes on the server's pages: estimates of rows are far off.
        ("narrow", "id INT PRIMARY KEY, v TINYINT", "n, n % 100"),
        ("by_uuid", "id CHAR(36) PRIMARY KEY, v INT", &format!("{UUID}, n")),
        ("by_pair", "a INT, b INT, v CHAR(60), PRIMARY KEY (a, b)", "n DIV 900, n MOD 900, LEFT(SHA2(n, 256), 60)"),
        ("no_key", "a INT, v CHAR(60)", "n, LEFT(SHA2(n, 256), 60)"),
    ] {
        table(session, name, definition, values).await;
    }
    let parts = "id INT PRIMARY KEY, v CHAR(60)) PARTITION BY HASH (id) PARTITIONS 3 -- ";
    all(
        session,
        &[
            format!("CREATE TABLE parted ({parts}"),
            "INSERT INTO parted SELECT n, LEFT(SHA2(n, 256), 60) FROM numbers".into(),
            "DROP TEMPORARY TABLE numbers".into(),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_add_nothing_whatever_the_threads() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let schema = "same_rows";
    fill_kinds(&mut session, schema).await;
    for first_threads in [1, 8] {
        let repo = Repo::new();
        let mut options = run::backup_options(source, &repo, schema);
        options.effort.threads = first_threads;
        let first = run::backup(&options).await;
        assert!(first.backup().unwrap().totals.added_bytes > 0);
        let chunks = repo.chunks().await;
        for threads in [1, 2, 8, 1, 2, 8, 1, 2, 8] {
            options.effort.threads = threads;
            let again = run::backup(&options).await;
            let totals = &again.backup().unwrap().totals;
            assert_eq!(totals.added_bytes, 0, "{threads} threads after {first_threads}");
            assert_eq!(totals.chunks, first.backup().unwrap().totals.chunks);
        }
        assert_eq!(new_text(&chunks, &repo.chunks().await), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_at_the_tail_add_themselves_and_one_chunk_at_most() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let schema = "tail_rows";
    schema_with_numbers(&mut session, schema, 202_000).await;
    table(&mut session, "log", "id INT PRIMARY KEY, v CHAR(100)", "n, SHA2(n, 256)").await;
    table(&mut session, "pairs", "a INT, b INT, v CHAR(100), PRIMARY KEY (a, b)", "n DIV 1000, n, SHA2(n, 256)").await;
    let tables = ["log", "pairs"];
    for chunk_bytes in [1 << 20, myriad::limits::CHUNK_BYTES] {
        for threads in [1, 4] {
            let repo = Repo::new();
            let mut options = run::backup_options(source, &repo, schema);
            (options.chunk_bytes, options.effort.threads) = (chunk_bytes, threads);
            all(
                &mut session,
                &["DELETE FROM log WHERE id >= 200000".into(), "DELETE FROM pairs WHERE b >= 200000".into()],
            )
            .await;
            run::backup(&options).await;
            let before = repo.chunks().await;
            all(
                &mut session,
                &[
                    "INSERT INTO log SELECT n, SHA2(n, 256) FROM numbers WHERE n >= 200000".into(),
                    "INSERT INTO pairs SELECT n DIV 1000, n, SHA2(n, 256) FROM numbers WHERE n >= 200000".into(),
                ],
            )
            .await;
            run::backup(&options).await;
            let after = repo.chunks().await;
            let bytes = |chunks: &BTreeMap<String, Vec<ChunkRecord>>| -> u64 {
                chunks.values().flatten().map(|chunk| chunk.bytes).sum()
            };
            let (grown, new) = (bytes(&after) - bytes(&before), new_text(&before, &after));
            println!(
                "{chunk_bytes} bytes a chunk, {threads} threads: {grown} bytes of rows more, {new} bytes stored anew"
            );
            let open_ends: u64 = before.values().map(|chunks| chunks.last().unwrap().bytes).sum();
            assert!(new >= grown && new <= grown + open_ends, "{new} for {grown} with open ends of {open_ends}");
            assert!(new <= grown + (tables.len() * chunk_bytes) as u64);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_random_add_the_chunks_that_they_hit() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let schema = "random_changes";
    schema_with_numbers(&mut session, schema, 200_000).await;
    table(&mut session, "t", "id INT PRIMARY KEY, v CHAR(100)", "n, SHA2(n, 256)").await;
    let repo = Repo::new();
    let options = run::backup_options(source, &repo, schema);
    let first = run::backup(&options).await;
    let all_bytes = first.backup().unwrap().totals.bytes;
    for (what, condition) in
        [("1 % at random", "CRC32(id) % 100 = 7"), ("1 % in one place", "id BETWEEN 90000 AND 91999")]
    {
        let before = repo.chunks().await;
        session.execute(format!("UPDATE t SET v = REVERSE(v) WHERE {condition}")).await.unwrap();
        run::backup(&options).await;
        let new = new_text(&before, &repo.chunks().await);
        println!("{what} changed: {new} of {all_bytes} bytes of rows stored anew");
        assert!(new > 0 && new <= all_bytes);
        if what.ends_with("place") {
            assert!(new < all_bytes / 50, "{new} of {all_bytes}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shrunken_ranges_join_and_grown_ones_are_cut() {
    let (source, target) = (server::source(), server::target());
    let mut session = server::connect(source).await;
    let schema = "grow_shrink";
    schema_with_numbers(&mut session, schema, 20_000).await;
    table(&mut session, "t", "id INT PRIMARY KEY, v CHAR(64)", "n * 1000, SHA2(n, 256)").await;
    let repo = Repo::new();
    let mut options = run::backup_options(source, &repo, schema);
    options.effort = Effort { threads: 1, ..options.effort };
    run::backup(&options).await;
    let first = repo.chunks().await;
    let name = format!("{schema}.t");

    // Nine rows in ten go from the middle third.
    session.execute("DELETE FROM t WHERE id BETWEEN 7000000 AND 14000000 AND id % 10000 <> 0").await.unwrap();
    run::backup(&options).await;
    let shrunk = repo.chunks().await;
    let quarter = |chunk: &&ChunkRecord| chunk.bytes < CHUNK_BYTES as u64 / 4;
    let small = shrunk[&name].iter().filter(quarter).count();
    println!("{} chunks, {} after deletes, {small} of them small", first[&name].len(), shrunk[&name].len());
    assert!(shrunk[&name].len() + 4 <= first[&name].len() && small <= 1);
    // Only what was deleted from is stored anew, and one neighbour.
    assert!(new_text(&first, &shrunk) < 4 * CHUNK_BYTES as u64);

    // One range outgrows twice the chunk size; the others keep their cuts.
    session
        .execute("INSERT INTO t SELECT 3000001 + n % 900 + n DIV 900 * 1000, LEFT(SHA2(n, 512), 64) FROM numbers WHERE n < 3000")
        .await
        .unwrap();
    run::backup(&options).await;
    let grown = repo.chunks().await;
    assert!(grown[&name].len() > shrunk[&name].len());
    assert!(grown[&name].iter().all(|chunk| chunk.bytes < 2 * CHUNK_BYTES as u64 + 100));
    let inserted = 3000 * 73;
    assert!(new_text(&shrunk, &grown) <= inserted + 2 * CHUNK_BYTES as u64);
    run::restore(&run::restore_options(target, &repo)).await;
    assert_same_rows((source, schema), (target, schema));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_forgets_the_cuts() {
    let (source, target) = (server::source(), server::target());
    let mut session = server::connect(source).await;
    let schema = "key_change";
    schema_with_numbers(&mut session, schema, 10_000).await;
    table(&mut session, "t", "a INT NOT NULL, b INT NOT NULL, v CHAR(60), PRIMARY KEY (a)", "n, n % 7, n").await;
    let repo = Repo::new();
    let options = run::backup_options(source, &repo, schema);
    run::backup(&options).await;
    all(&mut session, &["ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (b, a)".into()]).await;
    let again = run::backup(&options).await;
    assert!(again.backup().unwrap().totals.added_bytes > 0);
    let chunks = repo.chunks().await;
    let bounds = chunks.values().flatten().filter_map(|chunk| chunk.range.as_ref()?.hi.clone());
    assert!(bounds.map(|bound| bound.0.len()).all(|columns| columns == 2));
    run::restore(&run::restore_options(target, &repo)).await;
    assert_same_rows((source, schema), (target, schema));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_one_row_moves_no_other_cut() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let schema = "no_key_rows";
    schema_with_numbers(&mut session, schema, 20_000).await;
    table(&mut session, "t", "a INT, v CHAR(60)", "n, LEFT(SHA2(n, 256), 60)").await;
    let repo = Repo::new();
    let options = run::backup_options(source, &repo, schema);
    run::backup(&options).await;
    for change in
        ["INSERT INTO t VALUES (-1, 'new')", "DELETE FROM t WHERE a = 9000", "UPDATE t SET v = 'x' WHERE a = 50"]
    {
        let before = repo.chunks().await;
        session.execute(change).await.unwrap();
        run::backup(&options).await;
        let after = repo.chunks().await;
        // A chunk may be twice as long as asked for where no row cuts it.
        assert!(new_text(&before, &after) <= 4 * CHUNK_BYTES as u64, "{change}");
        assert_eq!(run::backup(&options).await.backup().unwrap().totals.added_bytes, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_makes_the_backup_partial_and_its_rows_are_counted() {
    let (source, target) = (server::source(), server::target());
    let mut session = server::connect(source).await;
    let schema = "with_condition";
    schema_with_numbers(&mut session, schema, 20_000).await;
    table(&mut session, "t", "id INT PRIMARY KEY, v CHAR(60)", "n, LEFT(SHA2(n, 256), 60)").await;
    table(&mut session, "u", "a INT, v CHAR(60)", "n, LEFT(SHA2(n, 256), 60)").await;
    let repo = Repo::new();
    let mut options = run::backup_options(source, &repo, schema);
    options.conditions =
        vec![(format!("{schema}.t"), "id % 2 = 0 OR id < 10".into()), (format!("{schema}.u"), "a > 15000".into())];
    let report = run::backup(&options).await;
    let done = report.backup().unwrap();
    assert!(done.partial);
    assert_eq!(done.totals.rows, 10_005 + 4_999);
    let restored = run::restore(&run::restore_options(target, &repo)).await;
    assert_eq!(restored.restore().unwrap().rows, 10_005 + 4_999);
    // Against the source the condition is part of the comparison.
    let verified = run::verify(&run::verify_options(source, &repo)).await;
    assert_eq!(verified.exit(), myriad::Exit::Success, "{}", verified.text());

    options.conditions = vec![(format!("{schema}.T2"), "1".into())];
    assert_eq!(run::try_backup(&options).await.unwrap_err().exit(), myriad::Exit::Usage);
}
