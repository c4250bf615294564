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
use myriad::store;
use std::collections::BTreeMap;
use tokio::sync::OnceCell;

/// The corpus on a server of its own, its backup and what it holds.
struct Corpus {
    server: &'static Sandbox,
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
            Corpus { server, repo, contents: contents(server) }
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
    difference.place.starts_with("corpus_session_generated.")
        || difference.place.starts_with("corpus_typed.")
        || difference.what.contains("column_statistics")
}

/// The digests of all tables in the newest backup of a name.
async fn table_digests(repo: &str, name: &str) -> BTreeMap<String, String> {
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
    let (first, second) = (table_digests(&corpus.repo, "default").await, table_digests(&corpus.repo, "other").await);
    assert_eq!(first, second);
}
