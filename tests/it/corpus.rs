//! The corpus of what is easily lost, through backup, restore and proof. What came back is judged by
//! `myriad::bench::compare`, which has the mysql client print every value of both servers and knows nothing of digests.

use crate::support::run::{self, client, client_line};
use crate::support::server;
use myriad::bench::compare::{self, Contents, Difference};
use myriad::bench::dataset::corpus::{self, LARGE, SMALL};
use myriad::command::options::{BackupOptions, RestoreOptions, Selection};
use myriad::command::restore::RestoreReport;
use myriad::sandbox::{Sandbox, SandboxOptions};
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
    RestoreOptions { repo: repo.to_owned(), selection: selection(), ..run::restore_options(target, &run::Repo::new()) }
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

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back() {
    let corpus = the_corpus().await;
    let target = server::own(server::options());
    restore(&target, &corpus.repo).await;
    assert_same(&corpus.contents, &contents(&target), &|_| false);
}
