//! Bounds against the server's own order: for every type and every collation that a key may have, random rows are read in key
//! order, and the conditions made of their keys must select exactly the rows up to there, after there, and at that place, by
//! the index as by a scan, whatever the session was set to before. Ranges cut at random rows, of which some are deleted
//! later, must hold each row once, in order.
//!
//! The seed is printed on failure; MYRIAD_TEST_SEED sets it. MYRIAD_TEST_FULL=1 takes every collation of the server, more
//! rows and several seeds.

use crate::support::data::define;
use crate::support::random_keys::{self, KeyType};
use crate::support::run::{self, Repo};
use crate::support::server;
use myriad::codec::RowEncoder;
use myriad::codec::layout::{Protocol, RangeQuery, RowLayout};
use myriad::schema::{Bound, Range, RangeKey, Table};
use myriad::server::raw::RawSession;
use myriad::server::{Session, inspect};
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn full() -> bool {
    std::env::var_os("MYRIAD_TEST_FULL").is_some()
}

fn seeds() -> Vec<u64> {
    match std::env::var("MYRIAD_TEST_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (1..=if full() { 5 } else { 1 }).collect(),
    }
}

/// Rows put into each table; those whose key stands there already are not taken.
fn rows_put() -> usize {
    if full() { 300 } else { 120 }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_but_text() {
    for seed in seeds() {
        let types = random_keys::plain_types();
        let keys = types.into_iter().map(|of| vec![of]).collect();
        check_keys(&format!("bounds_plain_{seed}"), keys, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_of_every_kind_of_collation() {
    for seed in seeds() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut session = server::connect(server::source()).await;
        // One collation a character set at least, every kind of weight string of utf8mb4, both kinds of padding.
        let usual = "utf8mb4_0900_ai_ci utf8mb4_0900_as_cs utf8mb4_0900_bin utf8mb4_bin utf8mb4_general_ci utf8mb4_unicode_ci \
                     utf8mb4_unicode_520_ci utf8mb4_ja_0900_as_cs_ks utf8mb4_zh_0900_as_cs utf8mb4_da_0900_as_cs \
                     utf8mb4_de_pb_0900_ai_ci utf8mb4_hu_0900_as_cs utf8mb4_es_trad_0900_ai_ci utf8mb4_spanish2_ci \
                     latin1_german2_ci latin1_bin utf8mb3_bin utf16_unicode_ci utf32_unicode_ci cp1250_czech_cs latin2_czech_cs";
        let mut found = session
            .query(
                "SELECT COLLATION_NAME, CHARACTER_SET_NAME, IS_DEFAULT FROM information_schema.collations ORDER BY 1",
            )
            .await
            .unwrap();
        found.retain(|row| row.text(1) != "binary");
        assert!(found.len() > 200);
        found.retain(|row| full() || row.text(2) == "Yes" || usual.split_whitespace().any(|name| name == row.text(0)));
        let key = |row: &myriad::server::session::Row| {
            vec![random_keys::text_type(&row.text(1), &row.text(0), rng.random_bool(0.3))]
        };
        let keys: Vec<_> = found.iter().map(key).collect();
        assert!(keys.len() > 55, "{}", keys.len());
        check_keys(&format!("bounds_text_{seed}"), keys, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_columns_up_and_down() {
    for seed in seeds() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut first = random_keys::plain_types();
        for (charset, collation) in [
            ("utf8mb4", "utf8mb4_0900_ai_ci"),
            ("utf8mb4", "utf8mb4_general_ci"),
            ("latin1", "latin1_swedish_ci"),
            ("gbk", "gbk_chinese_ci"),
            ("sjis", "sjis_japanese_ci"),
            ("utf16", "utf16_general_ci"),
        ] {
            first.push(random_keys::text_type(charset, collation, rng.random_bool(0.3)));
        }
        let any: Vec<KeyType> = first.iter().cloned().chain(random_keys::member_types()).collect();
        let keys = (0..if full() { 60 } else { 24 }).map(|_| {
            let more = rng.random_range(1..4);
            let begin = first.choose(&mut rng).unwrap().clone();
            std::iter::once(begin).chain((0..more).map(|_| any.choose(&mut rng).unwrap().clone())).collect()
        });
        let keys = keys.collect();
        check_keys(&format!("bounds_several_{seed}"), keys, seed).await;
    }
}

/// Keys along which nothing is cut, and the one beside them that serves.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_no_order_of_all_rows_are_not_used() {
    let mut session = server::connect(server::source()).await;
    let schema = "bounds_unusable";
    define(&mut session, &format!("CREATE SCHEMA {schema}")).await.unwrap();
    for (name, definition) in [
        ("none_prefix", "c VARCHAR(20) NOT NULL, PRIMARY KEY (c(5))"),
        ("none_enum_first", "c ENUM('b','a') NOT NULL, n INT NOT NULL, PRIMARY KEY (c, n)"),
        ("none_set_first", "c SET('b','a') NOT NULL, n INT NOT NULL, PRIMARY KEY (c, n)"),
        ("none_nullable", "c INT, UNIQUE KEY (c)"),
        ("none_one_nullable", "a INT NOT NULL, c INT, UNIQUE KEY (a, c)"),
        ("none_virtual", "a INT NOT NULL, v INT AS (a + 1) VIRTUAL NOT NULL, UNIQUE KEY (v)"),
        ("none_expression", "a INT NOT NULL, UNIQUE KEY ((a + 1))"),
        ("none_plain", "a INT NOT NULL, KEY (a)"),
        ("none_hidden", "c VARCHAR(20) NOT NULL, a INT NOT NULL, PRIMARY KEY (c(5)), UNIQUE KEY (a) INVISIBLE"),
        ("k", "c VARCHAR(20) NOT NULL, n INT NOT NULL, PRIMARY KEY (c(5)), UNIQUE KEY k (n DESC)"),
        (
            "k2",
            "c ENUM('b','a') NOT NULL, n INT NOT NULL, m INT, PRIMARY KEY (c, n), UNIQUE KEY k (m), UNIQUE KEY k2 (n)",
        ),
    ] {
        define(&mut session, &format!("CREATE TABLE {schema}.{name} ({definition})")).await.unwrap();
    }
    for table in tables(&mut session, schema).await {
        let index = table.range_key.map(|key| key.index);
        let expected = Some(table.name.name.clone()).filter(|name| !name.starts_with("none_"));
        assert_eq!(index, expected, "{}", table.name);
    }
}

async fn tables(session: &mut Session, schema: &str) -> Vec<Table> {
    inspect::setup_reader(session).await.unwrap();
    let wanted = |name: &str, _: Option<&str>| name == schema;
    inspect::inspect(session, &wanted, false).await.unwrap().schemas.remove(0).tables
}

/// Makes a table for each key, checks all of them, and takes all of them through a backup that splits ranges.
async fn check_keys(schema: &str, keys: Vec<Vec<KeyType>>, seed: u64) {
    let source = server::source();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut session = server::connect(source).await;
    define(&mut session, &format!("CREATE SCHEMA {schema} CHARACTER SET utf8mb4")).await.unwrap();
    let setup = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'";
    session.execute(setup).await.unwrap();
    session.execute(format!("USE {schema}")).await.unwrap();
    for (number, key) in keys.iter().enumerate() {
        fill(&mut session, number, key, &mut rng).await;
    }
    let mut sessions = sessions(&mut session).await;
    for table in tables(&mut session, schema).await {
        let number: usize = table.name.name[1..].parse().unwrap();
        let what = format!(
            "{}, MYRIAD_TEST_SEED={seed}: key {:?}",
            table.name,
            keys[number].iter().map(|k| &k.sql).collect::<Vec<_>>()
        );
        sessions.rotate_left(1);
        Checked::read(&mut sessions[0], table, what).check(&mut sessions, &mut rng);
    }
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, schema)).await;
    let verified = run::verify(&run::verify_options(source, &repo)).await;
    assert_eq!(verified.exit(), myriad::Exit::Success, "seed {seed}: {}", verified.text());
    session.execute(format!("DROP SCHEMA {schema}")).await.unwrap();
}

async fn fill(session: &mut Session, number: usize, key: &[KeyType], rng: &mut ChaCha8Rng) {
    let columns: Vec<_> = key.iter().enumerate().map(|(i, of)| format!("k{i} {} NOT NULL", of.sql)).collect();
    let parts: Vec<_> =
        (0..key.len()).map(|i| format!("k{i}{}", if rng.random_bool(0.3) { " DESC" } else { "" })).collect();
    let create =
        format!("CREATE TABLE t{number} (n INT NOT NULL, {}, PRIMARY KEY ({}))", columns.join(", "), parts.join(", "));
    define(session, &create).await.unwrap_or_else(|error| panic!("{error}"));
    // Few values for the columns that are not the last: the later ones then decide.
    let pools: Vec<Vec<String>> = key.iter().map(|of| (0..6).map(|_| of.value(rng)).collect()).collect();
    let row = |n: usize, rng: &mut ChaCha8Rng| {
        let value = |(i, of): (usize, &KeyType)| match i + 1 < key.len() {
            true => pools[i].choose(rng).unwrap().clone(),
            false => of.value(rng),
        };
        format!("({n}, {})", key.iter().enumerate().map(value).collect::<Vec<_>>().join(", "))
    };
    let rows: Vec<_> = (0..rows_put()).map(|n| row(n, rng)).collect();
    let insert = format!("INSERT IGNORE INTO t{number} VALUES {}", rows.join(", "));
    session.execute(&insert).await.unwrap_or_else(|error| panic!("{error}"));
}

/// Readers as a backup has them, on sessions that were set otherwise before, as a server's global settings may be; the last
/// ones are set otherwise afterwards, which bounds bear as well.
async fn sessions(session: &mut Session) -> Vec<RawSession> {
    let before = [
        "SET time_zone = '+00:00'",
        "SET time_zone = '-07:00', collation_connection = latin1_german1_ci, sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,\
         NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE'",
        "SET NAMES gbk, time_zone = '+05:45', sql_mode = 'TRADITIONAL', div_precision_increment = 0",
        "SET NAMES utf8mb4",
        "SET NAMES utf8mb4",
    ];
    let after = [
        "DO 1",
        "DO 1",
        "DO 1",
        "SET collation_connection = utf8mb4_bin",
        "SET collation_connection = utf8mb4_0900_as_cs, default_collation_for_utf8mb4 = utf8mb4_general_ci",
    ];
    let setup = inspect::reader_statements(session).await.unwrap();
    let open = |(before, after): (&str, &str)| {
        let mut raw = RawSession::connect(&server::source().connect_options()).unwrap();
        let statements = std::iter::once(before).chain(setup.iter().map(String::as_str)).chain([after]);
        statements.for_each(|statement| drop(raw.execute(statement.as_bytes()).unwrap()));
        raw
    };
    before.into_iter().zip(after).map(open).collect()
}

/// A table and its rows in key order, as the program reads them.
struct Checked {
    table: Table,
    key: RangeKey,
    rows: Vec<(u64, Bound)>,
    what: String,
}

impl Checked {
    fn read(session: &mut RawSession, table: Table, what: String) -> Checked {
        let key = table.range_key.clone().unwrap_or_else(|| panic!("{what}: no key"));
        let layout = RowLayout::of(&table);
        let (name, none) = (table.name.sql(), None);
        let sql =
            layout.select(&RangeQuery { table: &name, partition: none, key: Some(&key), conditions: &[], limit: None });
        let mut rows = Vec::new();
        let mut packets = match layout.protocol {
            Protocol::Text => session.query(sql.as_bytes()),
            Protocol::Binary => session.query_binary(sql.as_bytes()),
        }
        .unwrap();
        let types = packets.columns().iter().map(|column| column.type_byte).collect();
        let mut encoder = RowEncoder::new(layout, types, name);
        while let Some(packet) = packets.next().unwrap() {
            let values = encoder.values(packet).unwrap();
            let n = String::from_utf8(values[0].clone().unwrap()).unwrap().parse().unwrap();
            rows.push((n, encoder.layout().bound(&key, &values).unwrap()));
        }
        assert!(!rows.is_empty(), "{what}");
        Checked { table, key, rows, what }
    }

    fn check(&mut self, sessions: &mut [RawSession], rng: &mut ChaCha8Rng) {
        for _ in 0..if full() { 30 } else { 8 } {
            sessions.rotate_left(1);
            self.check_bound(&mut sessions[0], rng.random_range(0..self.rows.len()));
        }
        let cuts: Vec<Vec<usize>> = (0..3).map(|_| self.cuts(rng)).collect();
        for cuts in &cuts {
            sessions.rotate_left(1);
            self.check_cuts(&mut sessions[0], cuts, |_| true);
        }
        // Bounds outlive the rows that they were made of.
        let mut gone: Vec<usize> = (0..self.rows.len()).collect();
        gone.shuffle(rng);
        gone.truncate(self.rows.len() / 3);
        let list: Vec<_> = gone.iter().map(|&at| self.rows[at].0.to_string()).chain(["-1".into()]).collect();
        let delete = format!("DELETE FROM {} WHERE n IN ({})", self.table.name.sql(), list.join(", "));
        sessions[0].execute(delete.as_bytes()).unwrap();
        for cuts in &cuts {
            sessions.rotate_left(1);
            self.check_cuts(&mut sessions[0], cuts, |at| !gone.contains(&at));
        }
    }

    /// The rows up to a row, after it, and the row itself.
    fn check_bound(&self, session: &mut RawSession, at: usize) {
        let bound = &self.rows[at].1;
        assert!(self.key.takes(&Range { lo: None, hi: Some(bound.clone()) }), "{}: {bound:?}", self.what);
        let condition = |lo, hi| self.key.condition(&Range { lo, hi }, &self.table.columns).unwrap();
        for (condition, expected) in [
            (condition(None, Some(bound.clone())), 0..at + 1),
            (condition(Some(bound.clone()), None), at + 1..self.rows.len()),
            (self.key.at(bound, &self.table.columns), at..at + 1),
        ] {
            for way in ["FORCE INDEX (PRIMARY)", "IGNORE INDEX (PRIMARY)"] {
                // The order is that of the index, which is made by comparison: sort keys of big5 and gb18030 disagree with it
                // (seen on 9.7.4), so rows of a scan, which are sorted, are compared as a set.
                let (mut found, mut expected) = (self.select(session, way, &condition), self.numbers(expected.clone()));
                if way.starts_with("IGNORE") {
                    found.sort_unstable();
                    expected.sort_unstable();
                }
                assert_eq!(found, expected, "{}, {way}: WHERE {condition}", self.what);
            }
        }
    }

    /// Places of some rows, in order.
    fn cuts(&self, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut cuts: Vec<usize> = (0..rng.random_range(1..9)).map(|_| rng.random_range(0..self.rows.len())).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// Each range between two cuts holds the rows between them that are left.
    fn check_cuts(&self, session: &mut RawSession, cuts: &[usize], left: impl Fn(usize) -> bool) {
        let ends = cuts.iter().copied().map(Some).chain([None]);
        let mut lo: Option<usize> = None;
        for hi in ends {
            let bound = |at: Option<usize>| at.map(|at| self.rows[at].1.clone());
            let condition = self.key.condition(&Range { lo: bound(lo), hi: bound(hi) }, &self.table.columns);
            let condition = condition.unwrap_or_else(|| "1".into());
            let places = lo.map_or(0, |at| at + 1)..hi.map_or(self.rows.len(), |at| at + 1);
            let expected: Vec<u64> = places.filter(|&at| left(at)).map(|at| self.rows[at].0).collect();
            let found = self.select(session, "FORCE INDEX (PRIMARY)", &condition);
            assert_eq!(found, expected, "{}: WHERE {condition}", self.what);
            lo = hi;
        }
    }

    fn numbers(&self, places: std::ops::Range<usize>) -> Vec<u64> {
        self.rows[places].iter().map(|(n, _)| *n).collect()
    }

    fn select(&self, session: &mut RawSession, way: &str, condition: &str) -> Vec<u64> {
        let (table, order) = (self.table.name.sql(), self.key.order_by());
        let sql = format!("SELECT n FROM {table} {way} WHERE {condition} ORDER BY {order}");
        let rows = session.query_small(sql.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}: {sql}", self.what));
        rows.iter().map(|row| row.number(0)).collect()
    }
}
