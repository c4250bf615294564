//! The corpus of what is easily lost, through backup, restore and proof. What came back is judged by
//! `myriad::bench::compare`, which has the mysql client print every value of both servers and knows nothing of digests.

use crate::support::run::{self, client_line};
use crate::support::server;
use myriad::bench::compare::{self, Contents, Difference};
use myriad::bench::dataset::corpus::{self, LARGE, SMALL};
use myriad::command::options::{BackupOptions, RestoreOptions, Selection};
use myriad::command::restore::RestoreReport;
use myriad::manifest::model::ListLine;
use myriad::manifest::{Repository, parts::read_part};
use myriad::sandbox::{Sandbox, SandboxOptions};
use myriad::{Exit, store};
use std::collections::BTreeMap;
use tokio::sync::OnceCell;

/// A backup of the corpus, and what the server that it was taken from holds.
struct Corpus {
    repo: String,
    contents: Contents,
}

/// Made once for all tests of this module.
async fn the_corpus() -> &'static Corpus {
    static CORPUS: OnceCell<Corpus> = OnceCell::const_new();
    CORPUS
        .get_or_init(|| async {
            let server = server::shared(server::options());
            let scale = if std::env::var_os("MYRIAD_TEST_FULL").is_some() { LARGE } else { SMALL };
            corpus::fill(&server.connect_options(), scale).await.unwrap();
            let repo = server.scratch_folder().unwrap().join("repo").display().to_string();
            let taken = run::backup(&backup_options(server, &repo)).await;
            println!("{}", taken.text());
            Corpus { repo, contents: contents(server) }
        })
        .await
}

fn contents(server: &Sandbox) -> Contents {
    let mysql = server::programs().client("mysql").unwrap();
    compare::contents(&mysql, &server.connect_options(), "corpus").unwrap()
}

fn selection() -> Selection {
    Selection { databases: vec!["[cC]orpus*".into()], ..Selection::default() }
}

fn backup_options(source: &Sandbox, repo: &str) -> BackupOptions {
    let options = run::backup_options(source, &run::Repo::new(), "");
    BackupOptions { repo: repo.to_owned(), selection: selection(), chunk_bytes: 16 << 10, ..options }
}

fn restore_options(target: &Sandbox, repo: &str) -> RestoreOptions {
    RestoreOptions {
        repo: repo.to_owned(),
        name: Some("default".into()),
        selection: selection(),
        ..run::restore_options(target, &run::Repo::new())
    }
}

/// Restores the corpus.
async fn restore(target: &Sandbox, repo: &str) -> RestoreReport {
    let report = run::try_restore(&restore_options(target, repo)).await.unwrap_or_else(|error| panic!("{error:?}"));
    println!("{}", report.text());
    report
}

/// Panics where the servers differ in anything that is not explained.
#[track_caller]
fn assert_same(expected: &Contents, found: &Contents, explained: &dyn Fn(&Difference) -> bool) {
    let mut differences = compare::differences(expected, found);
    differences.retain(|difference| !explained(difference));
    assert!(differences.is_empty(), "{} differences: {differences:#?}", differences.len());
}

/// Values of STORED generated columns that the session's mode and time zone decided when they were written; a restore
/// reports them as recomputed differently.
fn recomputed(difference: &Difference) -> bool {
    difference.place.starts_with("corpus_session_generated.") || difference.what.contains("column_statistics")
}

/// The digests of all tables of the corpus as MySQL has it.
pub async fn digests_on_mysql() -> BTreeMap<String, String> {
    table_digests(&the_corpus().await.repo, "default").await
}

/// The digests of all tables in the newest backup of a name.
pub async fn table_digests(repo: &str, name: &str) -> BTreeMap<String, String> {
    let repository = Repository::open(store::open(repo, false).await.unwrap()).await.unwrap();
    let newest = repository.choose(Some(name), None).await.unwrap();
    let mut digests = BTreeMap::new();
    for part in &newest.manifest.lists {
        for line in read_part::<ListLine>(&repository, part).await.unwrap() {
            if let ListLine::Table(table) = line {
                let all = format!("{} {:?} {:?}", table.rows, table.digest, table.generated);
                digests.insert(format!("{}.{}", table.schema, table.name), all);
            }
        }
    }
    digests
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back() {
    let corpus = the_corpus().await;
    let target = server::own(server::options());
    restore(&target, &corpus.repo).await;
    assert_same(&corpus.contents, &contents(&target), &recomputed);
}

/// A server on which nearly every setting that could reach rows, definitions or the way there is another one.
fn other_settings() -> SandboxOptions {
    let arguments = [
        "--default-time-zone=+05:30",
        "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT,NO_UNSIGNED_SUBTRACTION,HIGH_NOT_PRECEDENCE,\
         IGNORE_SPACE,REAL_AS_FLOAT,TIME_TRUNCATE_FRACTIONAL,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO",
        "--character-set-server=utf32",
        "--collation-server=utf32_bin",
        "--lc-messages=de_DE",
        "--max-allowed-packet=4M",
        "--sql-require-primary-key=ON",
        "--sql-generate-invisible-primary-key=ON",
        "--innodb-strict-mode=ON",
        "--explain-format=TREE",
        "--transaction-isolation=READ-UNCOMMITTED",
        "--transaction-read-only=ON",
        "--default-storage-engine=MyISAM",
        "--explicit-defaults-for-timestamp=OFF",
        "--auto-increment-increment=10",
        "--auto-increment-offset=7",
        "--autocommit=OFF",
        "--completion-type=CHAIN",
        "--max-error-count=0",
        "--group-concat-max-len=4",
        "--div-precision-increment=0",
        "--max-execution-time=1",
        "--max-heap-table-size=16384",
        "--show-gipk-in-create-table-and-information-schema=OFF",
        "--show-create-table-verbosity=ON",
    ];
    SandboxOptions { arguments: arguments.map(String::from).to_vec(), ..server::options() }
}

/// What can be set on a running server alone.
const OTHER_GLOBALS: &str = "SET GLOBAL default_collation_for_utf8mb4 = 'utf8mb4_general_ci', GLOBAL sql_select_limit = 1, \
    GLOBAL sql_auto_is_null = 1, GLOBAL sql_safe_updates = 1, GLOBAL sql_quote_show_create = 0, GLOBAL sql_warnings = 1, GLOBAL sql_big_selects = 0, \
    GLOBAL max_join_size = 1, GLOBAL foreign_key_checks = 1, GLOBAL unique_checks = 1";

#[tokio::test(flavor = "multi_thread")]
async fn servers_whose_settings_differ() {
    let corpus = the_corpus().await;
    let other = server::own(other_settings());
    client_line(&other, OTHER_GLOBALS);
    restore(&other, &corpus.repo).await;
    assert_same(&corpus.contents, &contents(&other), &recomputed);
    let taken = BackupOptions { name: Some("other".into()), ..backup_options(&other, &corpus.repo) };
    run::backup(&taken).await;
    assert_same_digests(&corpus.repo, "other").await;
}

/// Panics where a backup of a restored server has other digests than the first one.
async fn assert_same_digests(repo: &str, name: &str) {
    let mut digests = [table_digests(repo, "default").await, table_digests(repo, name).await];
    for digests in &mut digests {
        digests.retain(|table, _| !table.starts_with("corpus_session_generated."));
    }
    assert_eq!(digests[0], digests[1]);
}

/// `SHOW CREATE` of every table and view.
fn texts(server: &Sandbox) -> Vec<String> {
    let names = "SELECT CONCAT('SHOW CREATE TABLE `', REPLACE(TABLE_SCHEMA, '`', '``'), '`.`', REPLACE(TABLE_NAME, '`', '``'), '`') \
                 FROM information_schema.tables WHERE LOWER(TABLE_SCHEMA) LIKE 'corpus%' AND TABLE_NAME NOT LIKE 'i\\_broken%' \
                 AND TABLE_NAME <> 'j_missing_definer' ORDER BY TABLE_SCHEMA, TABLE_NAME";
    let names = String::from_utf8(run::client(server, names)).unwrap();
    let statements: Vec<&str> = names.lines().collect();
    let shown = run::client(server, &statements.join(";"));
    String::from_utf8_lossy(&shown).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_by_insert_and_the_second_round_is_the_first() {
    let corpus = the_corpus().await;
    let closed = |packet: &str| {
        let arguments = ["--local-infile=OFF".to_owned(), format!("--max-allowed-packet={packet}")];
        server::own(SandboxOptions { arguments: arguments.to_vec(), ..server::options() })
    };
    let second = closed("256M");
    restore(&second, &corpus.repo).await;
    assert_same(&corpus.contents, &contents(&second), &recomputed);
    let taken = BackupOptions { name: Some("second".into()), ..backup_options(&second, &corpus.repo) };
    run::backup(&taken).await;
    assert_same_digests(&corpus.repo, "second").await;

    let third = server::own(server::options());
    let options = RestoreOptions { name: Some("second".into()), ..restore_options(&third, &corpus.repo) };
    run::try_restore(&options).await.unwrap();
    assert_same(&corpus.contents, &contents(&third), &recomputed);
    assert_eq!(texts(&second), texts(&third), "from the second round on the texts are the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_the_target_takes_for_the_same_are_refused_and_others_come_lower() {
    let corpus = the_corpus().await;
    let arguments = vec!["--lower-case-table-names=1".to_owned()];
    let folding = server::own(SandboxOptions { arguments, ..server::options() });
    let mut options = restore_options(&folding, &corpus.repo);
    for (left_out, named) in [("", "Corpus_Case and corpus_case"), ("Corpus_Case", "corpus_case.Orders")] {
        options.selection.exclude_databases = vec![left_out.into()];
        let refused = run::try_restore(&options).await.unwrap_err();
        assert_eq!(refused.exit(), Exit::TargetUnfit, "{refused}");
        assert!(refused.to_string().contains(named), "{refused}");
    }
    assert_eq!(client_line(&folding, "SHOW SCHEMAS LIKE 'corpus%'"), "", "something was made before the refusal");
    assert_eq!(client_line(&folding, "SHOW SCHEMAS LIKE 'myriad%'"), "");

    options.selection.exclude_databases = vec!["[cC]orpus_[cC]ase".into()];
    let report = run::try_restore(&options).await.unwrap_or_else(|error| panic!("{error:?}"));
    println!("{}", report.text());
    let mut expected = corpus.contents.clone();
    expected.tables = std::mem::take(&mut expected.tables)
        .into_iter()
        .filter(|(name, _)| !name.to_lowercase().starts_with("corpus_case."))
        .map(|(name, table)| (name.to_lowercase(), table))
        .collect();
    let found = contents(&folding);
    // Definitions name their tables in lower case there.
    (expected.definitions, options.selection.databases) = (found.definitions.clone(), Vec::new());
    assert_same(&expected, &found, &recomputed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_cannot_hold_is_named() {
    let (source, target) = (
        server::own(server::options()),
        server::own(SandboxOptions { arguments: vec!["--max-allowed-packet=1M".into()], ..server::options() }),
    );
    let make = |sql: &str| run::client(&source, sql);
    make(
        "CREATE SCHEMA unfit; CREATE TABLE unfit.wide (id INT PRIMARY KEY, v LONGBLOB, t LONGTEXT); \
          INSERT INTO unfit.wide VALUES (1, REPEAT('x', 3000000), 'y')",
    );
    let repo = run::Repo::new();
    let mut options = run::backup_options(&source, &repo, "unfit");
    run::backup(&options).await;
    run::restore(&run::restore_options(&target, &repo)).await;
    client_line(&target, "SET GLOBAL max_allowed_packet = 67108864");
    run::assert_same_rows((&source, "unfit"), (&target, "unfit"));
    client_line(&target, "SET GLOBAL max_allowed_packet = 1048576");

    make(
        "CREATE SCHEMA unfit_json; CREATE TABLE unfit_json.docs (id INT PRIMARY KEY, doc JSON); \
          INSERT INTO unfit_json.docs VALUES (1, '[]'), (2, JSON_ARRAY(REPEAT('x', 3000000)))",
    );
    options.selection.databases = vec!["unfit_json".into()];
    run::backup(&options).await;
    let error = run::try_restore(&run::restore_options(&target, &repo)).await.unwrap_err();
    assert!(
        error.to_string().contains("unfit_json.docs") && error.to_string().contains("max_allowed_packet"),
        "{error}"
    );

    // A stored value that only a session with NO_UNSIGNED_SUBTRACTION can compute.
    make(
        "SET sql_mode = 'NO_UNSIGNED_SUBTRACTION'; CREATE SCHEMA unfit_generated; \
          CREATE TABLE unfit_generated.t (id INT PRIMARY KEY, u INT UNSIGNED, s INT AS (u - 10) STORED); \
          INSERT INTO unfit_generated.t (id, u) VALUES (1, 5)",
    );
    options.selection.databases = vec!["unfit_generated".into()];
    run::backup(&options).await;
    run::client(&target, "DROP SCHEMA IF EXISTS myriad_restore; DROP SCHEMA unfit_json");
    let error = run::try_restore(&run::restore_options(&target, &repo)).await.unwrap_err();
    assert!(error.to_string().contains("unfit_generated.t") && error.to_string().contains("out of range"), "{error}");
}

/// What the server says of the accounts of the corpus.
fn accounts(server: &Sandbox) -> String {
    let names = "SET print_identified_with_as_hex = 1; SELECT CONCAT('SHOW CREATE USER ', QUOTE(User), '@', QUOTE(Host), '; SHOW GRANTS FOR ', QUOTE(User), '@', QUOTE(Host)) \
                 FROM mysql.user WHERE User LIKE 'corpus%' OR Host = 'corpus_host' ORDER BY User, Host";
    let statements = client_line(server, names).replace('\n', "; ");
    client_line(server, &format!("SET print_identified_with_as_hex = 1; {statements}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_back() {
    let (source, target) = (server::own(server::options()), server::own(server::options()));
    for script in ["types", "names", "objects"] {
        let (_, script) = corpus::SCRIPTS.iter().find(|(name, _)| *name == script).unwrap();
        corpus::run_script(&source.connect_options(), script).await.unwrap();
    }
    corpus::run_script(&source.connect_options(), corpus::USERS).await.unwrap();
    let repo = run::Repo::new();
    let taken = BackupOptions { users: true, ..backup_options(&source, &repo.place()) };
    run::backup(&taken).await;
    let options = RestoreOptions { users: true, ..restore_options(&target, &repo.place()) };
    run::try_restore(&options).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert!(accounts(&source).lines().count() > 20);
    assert_eq!(accounts(&source), accounts(&target));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_warns_when_it_is_opened_is_loaded() {
    let source = server::own(server::options());
    let arguments = vec!["--max-allowed-packet=1M".into()];
    let mut target = server::own(SandboxOptions { arguments, ..server::options() });
    let columns: Vec<String> = (0..40).map(|n| format!("c{n} CHAR(255)")).collect();
    run::client(
        &source,
        &format!(
            "SET innodb_strict_mode = 0; CREATE SCHEMA warns; CREATE TABLE warns.wide (id INT PRIMARY KEY, {}) CHARACTER SET latin1; \
             INSERT INTO warns.wide (id, c0) VALUES (1, 'x'); CREATE TABLE warns.docs (id INT PRIMARY KEY, doc JSON); \
             INSERT INTO warns.docs VALUES (1, JSON_ARRAY(REPEAT('x', 3000000)))",
            columns.join(", ")
        ),
    );
    let repo = run::Repo::new();
    run::backup(&run::backup_options(&source, &repo, "warns")).await;
    // The tables are made, and the largest is refused; a server that has started anew since opens the other with a warning.
    let mut options = run::restore_options(&target, &repo);
    options.effort.threads = 1;
    run::try_restore(&options).await.unwrap_err();
    target.kill9();
    target.restart().unwrap();
    client_line(&target, "SET GLOBAL max_allowed_packet = 67108864");
    run::restore(&options).await;
    run::assert_same_rows((&source, "warns"), (&target, "warns"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_sees_what_it_is_to_see() {
    let server = server::own(server::options());
    let options = server.connect_options();
    for name in ["types", "charsets", "json_typed"] {
        let (_, script) = corpus::SCRIPTS.iter().find(|(script, _)| *script == name).unwrap();
        corpus::run_script(&options, script).await.unwrap();
    }
    let before = contents(&server);
    assert_eq!(before.complaints, Vec::<String>::new());
    assert_same(&before, &contents(&server), &|_| false);
    for (place, change) in [
        ("corpus_types.floats", "UPDATE floats SET f = 0 WHERE id = 4"),
        ("corpus_types.floats", "UPDATE floats SET f = '5592410' WHERE id = 8"),
        ("corpus_types.floats", "UPDATE floats SET d = 0 WHERE id = 4"),
        ("corpus_types.bits", "UPDATE bits SET b64 = b64 ^ 1 WHERE id = 2"),
        ("corpus_types.sets", "UPDATE sets SET many = 9007199254740992 WHERE id = 5"),
        ("corpus_types.enums", "UPDATE enums SET empty_member = '' WHERE id = 3"),
        ("corpus_types.dates", "UPDATE dates SET d = '2024-03-01' WHERE id = 3"),
        ("corpus_types.texts", "UPDATE texts SET t4 = NULL WHERE id = 3"),
        ("corpus_types.blobs", "UPDATE blobs SET b = x'61' WHERE id = 4; UPDATE blobs SET v = x'61' WHERE id = 4"),
        ("corpus_types.geometries", "UPDATE geometries SET g = ST_SRID(g, 3857) WHERE id = 4"),
        ("corpus_charsets.wide_sets", "UPDATE corpus_charsets.wide_sets SET u2 = '?' WHERE id = 2"),
        (
            "corpus_typed.scalars",
            "UPDATE corpus_typed.scalars SET doc = CAST(CAST(doc AS CHAR) AS JSON) WHERE what = 'timestamp' LIMIT 1",
        ),
        (
            "corpus_typed.scalars",
            "UPDATE corpus_typed.scalars SET doc = JSON_EXTRACT(JSON_ARRAY(CAST(x'02' AS CHAR CHARACTER SET binary)), '$[0]') WHERE what = 'blob' LIMIT 1",
        ),
        (
            "corpus_typed.nested",
            "UPDATE corpus_typed.nested SET other = CAST(CAST(other AS CHAR) AS JSON) WHERE id = 1",
        ),
        ("corpus_types.one_column", "DELETE FROM one_column WHERE v = '' LIMIT 1"),
        ("definitions", "ALTER TABLE bits COMMENT 'x'"),
    ] {
        let before = contents(&server);
        client_line(&server, &format!("USE corpus_types; SET sql_mode = 'ALLOW_INVALID_DATES'; {change}"));
        let found = compare::differences(&before, &contents(&server));
        assert!(!found.is_empty() && found.iter().all(|difference| difference.place == place), "{change}: {found:?}");
    }
}
