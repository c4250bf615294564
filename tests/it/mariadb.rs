//! MariaDB: what it shares with MySQL is read to the same digests, and the whole way (backup, restore, proof) on it
//! with the kinds of tables and objects that are its own.

mod every_kind;
mod shared_types;

use crate::support::data::{one, run as statements};
use crate::support::run::{self, Repo, assert_same_rows, client, client_line};
use crate::support::{program, server};
use myriad::Exit;
use myriad::bench::compare;
use myriad::bench::dataset::corpus;
use myriad::command::options::{BackupOptions, RestoreOptions, Selection};
use myriad::load::rows::Way;
use myriad::position::ConsistencyKind;
use myriad::sandbox::{Sandbox, SandboxOptions};
use myriad::schema::identifier::{literal, quote};
use myriad::schema::{ColumnKind, QualifiedName};
use myriad::secret::Secret;
use myriad::server::facts::{self, Flavor};
use myriad::server::snapshot::{SnapshotRequest, hold};
use myriad::server::{ConnectOptions, RawSession, inspect};
use shared_types::SHARED_TYPES;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test(flavor = "multi_thread")]
async fn logins_rows_and_snapshots() {
    let root_options = server::mariadb_source().connect_options();
    let mut root = RawSession::connect(&root_options).unwrap();
    assert!(root.query_small(b"SELECT VERSION()").unwrap()[0].text(0).contains("MariaDB"));
    for sql in [
        "CREATE DATABASE snapshots",
        "CREATE TABLE snapshots.t (a INT PRIMARY KEY, b VARCHAR(20)) ENGINE=InnoDB",
        "INSERT INTO snapshots.t VALUES (1, NULL), (2, 'two')",
        "CREATE OR REPLACE USER myriad_native IDENTIFIED VIA mysql_native_password USING PASSWORD('geheim')",
        "GRANT SELECT, RELOAD ON *.* TO myriad_native",
        "CREATE OR REPLACE USER myriad_locks",
        "GRANT SELECT, LOCK TABLES ON *.* TO myriad_locks",
        "CREATE OR REPLACE USER myriad_nothing",
        "GRANT SELECT ON *.* TO myriad_nothing",
    ] {
        root.execute(sql.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    }
    let tables = [QualifiedName::new("snapshots", "t")];
    for (user, password, expected) in [
        ("root", "", ConsistencyKind::GlobalReadLock),
        ("myriad_native", "geheim", ConsistencyKind::GlobalReadLock),
        ("myriad_locks", "", ConsistencyKind::TableLocks),
        ("myriad_nothing", "", ConsistencyKind::None),
    ] {
        let options = ConnectOptions { user: user.into(), password: Secret::new(password), ..root_options.clone() };
        let request = SnapshotRequest {
            options: &options,
            sessions: 3,
            tables: &tables,
            non_transactional: &[],
            consistency_required: expected != ConsistencyKind::None,
        };
        let mut held = hold(request).await.unwrap_or_else(|error| panic!("{user}: {error}"));
        assert_eq!(held.consistency, expected, "{:?}", held.passed_over);
        assert!(!held.keeper.backup_lock());
        root.execute(b"INSERT INTO snapshots.t VALUES (3, 'later')").unwrap();
        for reader in &mut held.readers {
            let rows = reader.query_small(b"SELECT a, b FROM snapshots.t ORDER BY a").unwrap();
            assert_eq!((rows.len(), rows[0].opt_text(1), rows[1].text(1)), (2, None, "two".into()));
            let mut rows = reader.query_binary(b"SELECT a, b FROM snapshots.t ORDER BY a").unwrap();
            assert_eq!(rows.next().unwrap().unwrap()[..2], [0, 8]);
        }
        if user == "root" {
            assert!(held.position.binlog_file.is_some(), "{:?}", held.position);
            // Domain, server and number: MariaDB's own form.
            assert_eq!(held.position.gtid_executed.split('-').count(), 3, "{:?}", held.position);
        }
        // The keeper has the table's metadata lock.
        root.execute(b"SET SESSION lock_wait_timeout = 1").unwrap();
        assert_eq!(root.execute(b"TRUNCATE TABLE snapshots.t").unwrap_err().code(), Some(1205));
        held.keeper.still_holds().await.unwrap();
        held.keeper.release().await.unwrap();
        drop(held.readers);
        root.execute(b"DELETE FROM snapshots.t WHERE a = 3").unwrap();
    }
    root.execute(b"DROP DATABASE snapshots").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_types_have_the_same_digests_on_both_servers() {
    let schema = "shared_types";
    let mut made = vec![
        format!("CREATE SCHEMA {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"),
        format!("USE {schema}"),
        "SET NAMES utf8mb4, sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'".into(),
    ];
    made.extend(SHARED_TYPES.iter().flat_map(|shared| shared.statements()));
    let mut chunks = Vec::new();
    for server in [server::source(), server::mariadb_source()] {
        statements(server, &made).await;
        let repo = Repo::new();
        run::backup(&run::backup_options(server, &repo, schema)).await;
        chunks.push(repo.chunks().await);
    }
    let mut different = Vec::new();
    for shared in SHARED_TYPES {
        let table = format!("{schema}.{}", shared.0);
        let [mysql, mariadb] = [0, 1].map(|server: usize| {
            let chunks = &chunks[server][&table];
            assert_eq!(chunks.len(), 1, "{table}");
            (chunks[0].rows, chunks[0].digest, chunks[0].generated, chunks[0].content)
        });
        assert_eq!(mysql.0, shared.2.len() as u64, "{table}");
        if mysql != mariadb {
            different.push(format!("{}: {mysql:?} on MySQL, {mariadb:?} on MariaDB", shared.0));
        }
    }
    assert_eq!(different, Vec::<String>::new());
}

/// What SHOW CREATE says about everything in a schema, by kind and name.
async fn definitions(server: &Sandbox, schema: &str) -> BTreeMap<String, String> {
    let lists = [
        "SELECT 'TABLE', TABLE_NAME FROM information_schema.tables WHERE TABLE_SCHEMA",
        "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.routines WHERE ROUTINE_SCHEMA",
        "SELECT 'TRIGGER', TRIGGER_NAME FROM information_schema.triggers WHERE TRIGGER_SCHEMA",
        "SELECT 'EVENT', EVENT_NAME FROM information_schema.events WHERE EVENT_SCHEMA",
    ];
    let mut session = server::connect(server).await;
    session.execute(format!("USE {}", quote(schema))).await.unwrap();
    let mut definitions = BTreeMap::new();
    for list in lists {
        for row in session.query(format!("{list} = {}", literal(schema))).await.unwrap() {
            let (kind, name) = (row.text(0), row.text(1));
            let mut shown = session.query_first(format!("SHOW CREATE {kind} {}", quote(&name))).await.unwrap().unwrap();
            // The last column of a trigger is the moment that it was made at.
            shown.0.truncate(if kind == "TRIGGER" { 6 } else { shown.0.len() });
            let texts: Vec<_> = (0..shown.0.len()).map(|i| shown.text(i)).collect();
            definitions.insert(format!("{kind} {name}"), texts.join("\n"));
        }
    }
    session.close().await;
    definitions
}

/// Rows of the kinds of tables that [`assert_same_rows`] does not look at, and how the packages answer.
fn further_rows(server: &Sandbox, schema: &str) -> String {
    let selects = [
        "SELECT * FROM numbers",
        "SELECT * FROM versions ORDER BY id",
        "SELECT * FROM split_versions ORDER BY id",
        "SELECT id FROM stamped ORDER BY id",
        "SET sql_mode = 'ORACLE'; SELECT tools.two()",
    ];
    client_line(server, &format!("USE {schema}; {}", selects.join("; ")))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_table_and_object_comes_back_by_both_ways() {
    let (source, target) = (server::mariadb_source(), server::mariadb_target());
    let schema = "every_kind";
    every_kind::make(source, schema).await;
    let repo = Repo::new();
    let report = run::backup(&run::backup_options(source, &repo, schema)).await.text();
    for named in ["history of table every_kind.versions", "history of table every_kind.stamped", "users: "] {
        assert!(report.contains(named), "{named}: {report}");
    }
    assert!(!report.contains("--users") && !report.contains("BACKUP_ADMIN"), "{report}");
    assert!(repo.chunks().await["every_kind.addresses"].len() > 1);

    let closed =
        server::own(SandboxOptions { arguments: vec!["--local-infile=OFF".into()], ..server::mariadb_options() });
    for (target, load_data) in [(target, true), (&closed, false)] {
        let done = run::restore(&run::restore_options(target, &repo)).await;
        let (text, done) = (done.text(), done.restore().unwrap());
        assert_eq!(done.way == Way::LoadData, load_data);
        assert!(text.contains("PROVED") && !text.contains("not created"), "{text}");
        assert!(text.contains("recomputed differently: stored generated columns of every_kind.stamped"), "{text}");
        assert!(text.contains("SET GLOBAL gtid_slave_pos=") || !text.contains("gtid_purged: set"), "{text}");
        assert_eq!(definitions(source, schema).await, definitions(target, schema).await);
        assert_same_rows((source, schema), (target, schema));
        assert_eq!(further_rows(source, schema), further_rows(target, schema));
    }
    // A sequence goes on where it stood, and so does AUTO_INCREMENT.
    let next = "SELECT NEXTVAL(every_kind.numbers)";
    assert_eq!(client_line(source, next), client_line(target, next));
    assert!(client_line(target, "SHOW CREATE TABLE every_kind.parts").contains("AUTO_INCREMENT=801"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mariadb_says_about_itself() {
    let server = server::mariadb_source();
    statements(
        server,
        &[
            "CREATE DATABASE inspected",
            "CREATE TABLE inspected.t (id int NOT NULL, a int, v int AS (a + 1) VIRTUAL, s int AS (a + 2) PERSISTENT, \
             i int INVISIBLE, UNIQUE KEY u (id), UNIQUE KEY ignored_one (id, s) IGNORED, KEY a (a))",
            "CREATE TABLE inspected.u (u uuid PRIMARY KEY, j json)",
            "CREATE SEQUENCE inspected.numbers",
            "CREATE TABLE inspected.hashed (v text NOT NULL, UNIQUE KEY v (v))",
            "ANALYZE TABLE inspected.t PERSISTENT FOR ALL",
        ],
    )
    .await;
    let mut session = server::connect(server).await;
    let facts = facts::read(&mut session).await.unwrap();
    assert_eq!((facts.flavor, &facts.server_uuid), (Flavor::Mariadb, &None));
    let other = facts::read(&mut server::connect(server::mariadb_target()).await).await.unwrap();
    assert!(facts.is_same_server(&facts.clone()) && !facts.is_same_server(&other));
    inspect::setup_reader(&mut session).await.unwrap();
    let found = inspect::inspect(&mut session, &|schema, _| schema == "inspected", true).await.unwrap();
    let [hashed, numbers, t, u] = &found.schemas[0].tables[..] else { panic!("{found:?}") };
    assert!(numbers.sequence && !t.sequence);
    assert_eq!(hashed.range_key, None);
    assert_eq!(t.range_key.as_ref().unwrap().index, "u");
    let generated: Vec<_> = t.columns.iter().map(|column| (column.generated, column.invisible)).collect();
    use myriad::schema::Generated::{No, Stored, Virtual};
    assert_eq!(generated, [(No, false), (No, false), (Virtual, false), (Stored, false), (No, true)]);
    assert_eq!(
        u.columns.iter().map(|column| column.kind).collect::<Vec<_>>(),
        [ColumnKind::TypedText, ColumnKind::Text]
    );
    assert!(u.range_key.is_some());
    let named: Vec<_> = found.not_taken.iter().map(ToString::to_string).collect();
    assert!(named.iter().any(|line| line.starts_with("statistics inspected.t: ")), "{named:?}");
    statements(server, &["DROP DATABASE inspected"]).await;
}

#[test]
fn the_program_from_end_to_end() {
    let (source, target) = (server::mariadb_source(), server::mariadb_target());
    client(
        source,
        "CREATE DATABASE whole_way; USE whole_way; CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100), KEY v (v));
         INSERT INTO t SELECT seq, REPEAT(MD5(seq), 3) FROM seq_1_to_5000; CREATE VIEW w AS SELECT id FROM t",
    );
    let repo = program::Repo::new();
    repo.backup(source, "whole_way");
    client(source, "UPDATE whole_way.t SET v = 'changed' WHERE id = 2500");
    // The second backup knows its source by what it says of itself, and stores what changed.
    let second = repo.backup_with(source, "whole_way", &["--json"]).expect(0).json();
    assert!(second["reused_chunks"].as_u64().unwrap() > 3, "{second}");
    repo.verify(&[]).expect(0);
    let restored = repo.restore(target, &["--database", "whole_way"]).expect(0);
    assert!(restored.out.contains("PROVED: 5000 rows of 1 table"), "{}", restored.out);
    assert_same_rows((source, "whole_way"), (target, "whole_way"));
    let address = program::address(target);
    let proved = repo.verify(&["--against", &address]).expect(0);
    assert!(proved.out.contains("PROVED"), "{}", proved.out);
    client(target, "UPDATE whole_way.t SET v = 'other' WHERE id = 77");
    let differs = repo.verify(&["--against", &address]).expect(40);
    assert!(differs.out.contains("whole_way.t") && differs.out.contains("other content"), "{}", differs.out);
    // Without a server_uuid the source is known as well.
    repo.restore(source, &[]).refused(30, &["is the server that this backup was taken from"]);
    repo.restore(target, &[]).refused(32, &["whole_way.t"]);
    let plan = repo.backup_with(source, "whole_way", &["--dry-run"]).expect(0);
    assert!(plan.out.contains("(MariaDB 10."), "{}", plan.out);
    // Under another name the defaults of tables call for the sequences that came with them. Done by accounts that have the
    // rights which the guide lists and no others.
    client(
        source,
        "CREATE SEQUENCE whole_way.s; CREATE TABLE whole_way.d (id INT DEFAULT NEXTVAL(whole_way.s), v INT)",
    );
    for (server, grant) in [source, target].into_iter().zip(grants_of_the_guide()) {
        let user = grant.rsplit_once(" TO ").unwrap().1;
        client(server, &format!("CREATE OR REPLACE USER {user}; {grant}"));
    }
    let (reader, writer) = (program::address_of("backup", source), program::address_of("restore", target));
    let third = program::run(&repo.backup_arguments(&reader, "whole_way")).expect(0);
    assert!(third.out.contains("position exact") && !third.out.contains("schema whole_way:"), "{}", third.out);
    let restored = [&repo.restore_arguments(&writer)[..], &["--rename", "whole_way=elsewhere"]].concat();
    program::run(&restored).refused(12, &["'root'@'localhost' (has rights that 'restore'@'%' lacks", "--definer keep"]);
    let restored = program::run(&[&restored[..], &["--definer", "keep"]].concat()).expect(0);
    assert!(restored.out.contains("not written") && !restored.out.contains("not created"), "{}", restored.out);
    assert!(client_line(target, "SHOW CREATE TABLE elsewhere.d").contains("nextval(`elsewhere`.`s`)"));
    client(target, "DROP DATABASE whole_way; DROP DATABASE elsewhere");
}

/// The two GRANT statements that the guide has for MariaDB: of a backup's account, and of a restore's.
fn grants_of_the_guide() -> Vec<String> {
    let guide = include_str!("../../docs/guide.md");
    let section = guide.split("\n## MariaDB\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let sql = section.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
    let statements: Vec<String> =
        sql.split(';').map(|statement| statement.trim().to_owned()).filter(|statement| !statement.is_empty()).collect();
    assert_eq!(statements.len(), 2);
    statements
}

/// Money moves between two tables while backups are taken: each backup holds all of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_writes_is_of_one_moment() {
    let (source, target) = (server::mariadb_source(), server::mariadb_target());
    statements(
        source,
        &[
            "CREATE DATABASE moving_mdb",
            "CREATE TABLE moving_mdb.a (id INT PRIMARY KEY, v INT, pad CHAR(200) DEFAULT 'x')",
            "CREATE TABLE moving_mdb.b LIKE moving_mdb.a",
            "INSERT INTO moving_mdb.a (id, v) SELECT seq, 1000 FROM mysql.seq_1_to_2000",
            "INSERT INTO moving_mdb.b (id, v) SELECT seq, 1000 FROM mysql.seq_1_to_2000",
        ],
    )
    .await;
    let stop = Arc::new(AtomicBool::new(false));
    let movers: Vec<_> = (0..2).map(|_| tokio::spawn(move_money(source, stop.clone()))).collect();
    let mut sums = Vec::new();
    for _ in 0..4 {
        let repo = Repo::new();
        run::backup(&run::backup_options(source, &repo, "moving_mdb")).await;
        run::restore(&run::restore_options(target, &repo)).await;
        let sum = "SELECT (SELECT SUM(v) FROM moving_mdb.a) + (SELECT SUM(v) FROM moving_mdb.b)";
        sums.push(one(target, sum).await);
        statements(target, &["DROP DATABASE moving_mdb"]).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut moved = 0;
    for mover in movers {
        moved += mover.await.unwrap();
    }
    assert_eq!(sums, ["4000000"; 4]);
    assert!(moved > 50, "{moved}");
}

/// Moves one from a row of the one table to a row of the other, until it is told to stop; returns how often.
async fn move_money(server: &Sandbox, stop: Arc<AtomicBool>) -> u64 {
    let mut session = server::connect(server).await;
    let mut moved = 0;
    while !stop.load(Ordering::Relaxed) {
        let (from, to) = (1 + moved * 7919 % 2000, 1 + moved * 104_729 % 2000);
        let transfer = [
            "START TRANSACTION".to_owned(),
            format!("UPDATE moving_mdb.a SET v = v - 1 WHERE id = {from}"),
            format!("UPDATE moving_mdb.b SET v = v + 1 WHERE id = {to}"),
            "COMMIT".to_owned(),
        ];
        for statement in &transfer {
            // Two movers may meet; the one that gives way has moved nothing.
            if session.execute(statement).await.is_err() {
                session.execute("ROLLBACK").await.unwrap();
                break;
            }
        }
        moved += 1;
    }
    moved
}

#[tokio::test(flavor = "multi_thread")]
async fn between_the_families_goes_what_the_other_accepts() {
    let (mysql, mariadb) = (server::source(), server::mariadb_target());
    // With a collation that both have rows, keys, late indexes, foreign keys and proof are the same on either side.
    statements(
        mysql,
        &[
            "CREATE DATABASE to_mariadb CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            "USE to_mariadb",
            "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci, cte_max_recursion_depth = 10000",
            "CREATE TABLE t (k VARCHAR(40) PRIMARY KEY, n INT, j JSON, KEY n (n))",
            "INSERT INTO t WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4000) \
             SELECT CONCAT(IF(n % 2, 'key ', 'KEY '), n), n, JSON_OBJECT('n', n) FROM r",
            "CREATE TABLE c (id INT PRIMARY KEY, k VARCHAR(40), FOREIGN KEY (k) REFERENCES t (k))",
            "INSERT INTO c SELECT n, k FROM t",
            "CREATE VIEW v AS SELECT k FROM t",
        ],
    )
    .await;
    let repo = Repo::new();
    run::backup(&run::backup_options(mysql, &repo, "to_mariadb")).await;
    let done = run::restore(&run::restore_options(mariadb, &repo)).await.text();
    assert!(done.contains("PROVED: 8000 rows") && done.contains("the target is MariaDB"), "{done}");
    assert!(done.contains("made: 0 secondary indexes after the rows, 1 foreign key, 1 other object"), "{done}");

    // JSON is text there: what text does not carry is refused before anything is made.
    statements(
        mysql,
        &[
            "CREATE DATABASE typed_json CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            "CREATE TABLE typed_json.t (id INT PRIMARY KEY, j JSON)",
            "INSERT INTO typed_json.t VALUES (1, JSON_ARRAY(2.5))",
        ],
    )
    .await;
    let repo = Repo::new();
    run::backup(&run::backup_options(mysql, &repo, "typed_json")).await;
    let refused = run::try_restore(&run::restore_options(mariadb, &repo)).await.unwrap_err();
    assert_eq!(refused.exit(), Exit::TargetUnfit, "{refused:?}");
    assert!(
        refused.to_string().starts_with("table typed_json.t holds JSON values of types that MariaDB"),
        "{refused:?}"
    );
    let made = "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME IN ('typed_json', 'myriad_restore')";
    assert_eq!(one(mariadb, made).await, "0");

    // What the other does not understand is refused by name, with the likely cause.
    statements(mysql, &["CREATE DATABASE of_mysql COLLATE utf8mb4_0900_ai_ci"]).await;
    let repo = Repo::new();
    run::backup(&run::backup_options(mysql, &repo, "of_mysql")).await;
    let refused = run::try_restore(&run::restore_options(mariadb, &repo)).await.unwrap_err();
    assert_refused_by_the_other(&refused, "schema of_mysql", "the backup was taken from MySQL");
    crate::support::data::drop_restored(mariadb, "of_mysql").await;

    statements(
        server::mariadb_source(),
        &["CREATE DATABASE of_mariadb COLLATE utf8mb4_general_ci", "CREATE SEQUENCE of_mariadb.numbers"],
    )
    .await;
    let repo = Repo::new();
    run::backup(&run::backup_options(server::mariadb_source(), &repo, "of_mariadb")).await;
    let refused = run::try_restore(&run::restore_options(server::target(), &repo)).await.unwrap_err();
    assert_refused_by_the_other(&refused, "table of_mariadb.numbers", "the backup was taken from MariaDB");
    crate::support::data::drop_restored(server::target(), "of_mariadb").await;
    assert_eq!(
        one(server::target(), "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME = 'of_mariadb'")
            .await,
        "0"
    );
}

fn assert_refused_by_the_other(error: &myriad::Error, what: &str, cause: &str) {
    assert_eq!(error.exit(), Exit::TargetUnfit, "{error:?}");
    assert!(error.to_string().contains(what), "{error:?}");
    assert!(error.hints().iter().any(|hint| hint.starts_with(cause)), "{error:?}");
}

/// Tables of the corpus in which the same statements store other values on the two servers, in the order of the names:
/// JSON is text here; MariaDB gives a quotient more digits, stores -0 as 0, and takes the axes of SRID 4326 as they are written
/// (10.11.18 and 9.7.4).
const COMPUTED_OTHERWISE: [&str; 8] = [
    "corpus_generated.stored_and_virtual",
    "corpus_json.defaults_and_keys",
    "corpus_json.documents",
    "corpus_keys.decimal_key",
    "corpus_keys.float_key",
    "corpus_keys.no_key",
    "corpus_types.floats",
    "corpus_types.geometries",
];

/// What of the corpus MariaDB knows, compared value by value through MariaDB's own client; and the digests of its rows are those
/// that MySQL gives.
#[tokio::test(flavor = "multi_thread")]
async fn the_corpus_comes_back() {
    let (source, target) = (server::mariadb_source(), server::mariadb_target());
    corpus::fill(&source.connect_options(), corpus::SMALL).await.unwrap();
    let repo = Repo::new();
    let selection = Selection { databases: vec!["[cC]orpus*".into()], ..Selection::default() };
    let options = BackupOptions { selection: selection.clone(), ..run::backup_options(source, &repo, "") };
    println!("{}", run::backup(&options).await.text());
    let options = RestoreOptions { selection, ..run::restore_options(target, &repo) };
    println!("{}", run::restore(&options).await.text());
    let client = server::mariadb_programs().client("mariadb").unwrap();
    let contents = |server: &Sandbox| compare::contents(&client, &server.connect_options(), "corpus").unwrap();
    let (expected, found) = (contents(source), contents(target));
    assert!(expected.tables.len() > 100, "{}", expected.tables.len());
    let differences = compare::differences(&expected, &found);
    assert!(differences.is_empty(), "{} differences: {differences:#?}", differences.len());

    let (mysql, mariadb) =
        (crate::corpus::digests_on_mysql().await, crate::corpus::table_digests(&repo.place(), "default").await);
    let both: Vec<&String> = mariadb.keys().filter(|table| mysql.contains_key(*table)).collect();
    let different: Vec<&str> =
        both.iter().filter(|table| mysql[**table] != mariadb[**table]).map(|table| table.as_str()).collect();
    assert!(both.len() > 230, "{}", both.len());
    assert_eq!(different, COMPUTED_OTHERWISE);
}

/// MariaDB prints the head of code in the character set of its maker.
#[tokio::test(flavor = "multi_thread")]
async fn code_of_other_character_sets_comes_back() {
    let (source, target) = (server::mariadb_source(), server::mariadb_target());
    let mut session = RawSession::connect(&source.connect_options()).unwrap();
    let latin1: &[&[u8]] = &[
        b"CREATE DATABASE latin1_code",
        b"USE latin1_code",
        b"SET NAMES latin1",
        b"CREATE TABLE `t\xe4` (a VARCHAR(20))",
        b"CREATE PROCEDURE `p\xe4`() COMMENT 'gr\xfc\xdfe' SELECT 'sch\xf6n'",
        b"CREATE TRIGGER `tr\xe4` BEFORE INSERT ON `t\xe4` FOR EACH ROW SET NEW.a = '\xe4'",
        b"CREATE TRIGGER plain AFTER INSERT ON `t\xe4` FOR EACH ROW SET @a = '\xe4'",
        b"CREATE FUNCTION `f\xe4`() RETURNS TEXT DETERMINISTIC RETURN '\xe4'",
        b"CREATE VIEW `v\xe4` AS SELECT '\xe4' AS `\xe4`",
        b"SET NAMES gbk",
        b"CREATE PROCEDURE `\xd6\xd0`() SELECT '\xd6\xd0'",
    ];
    latin1.iter().for_each(|sql| drop(session.execute(sql).unwrap_or_else(|error| panic!("{error}"))));
    let repo = program::Repo::new();
    repo.backup(source, "latin1_code");
    repo.verify(&[]).expect(0);
    repo.restore(target, &[]).expect(0);
    let texts = async |server| {
        let all = "SELECT CONCAT_WS('|', ROUTINE_NAME, ROUTINE_DEFINITION, ROUTINE_COMMENT, CHARACTER_SET_CLIENT) FROM information_schema.routines WHERE ROUTINE_SCHEMA = 'latin1_code' \
                   UNION ALL SELECT CONCAT_WS('|', TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_STATEMENT, CHARACTER_SET_CLIENT) FROM information_schema.triggers WHERE TRIGGER_SCHEMA = 'latin1_code' \
                   UNION ALL SELECT CONCAT_WS('|', TABLE_NAME, VIEW_DEFINITION, CHARACTER_SET_CLIENT) FROM information_schema.views WHERE TABLE_SCHEMA = 'latin1_code' ORDER BY 1";
        client_line(server, all)
    };
    let expected = texts(source).await;
    assert!(expected.contains("pä|") && expected.contains("中|") && expected.contains("schön"), "{expected}");
    assert_eq!(texts(target).await, expected);
    statements(target, &["DROP DATABASE latin1_code"]).await;
}
