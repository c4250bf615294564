//! Exact rows: every type by both ways into the target, and differences of one bit.

use crate::support::rows::{all, schema_with_numbers, table};
use crate::support::run::{self, Repo, assert_same_rows, client_line};
use crate::support::{server, types};
use myriad::Exit;
use myriad::bench::dataset::{Mover, fill};
use myriad::load::rows::Way;
use myriad::position::GtidSet;
use myriad::progress::{Progress, Silent};
use myriad::sandbox::SandboxOptions;
use std::sync::Arc;
use std::time::Duration;

fn without_local_infile(packet: &str) -> myriad::sandbox::Sandbox {
    let arguments = vec!["--local-infile=OFF".to_owned(), format!("--max-allowed-packet={packet}")];
    server::own(SandboxOptions { arguments, ..server::options() })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_by_both_ways() {
    let (source, target) = (server::source(), server::target());
    let mut session = server::connect(source).await;
    let schema = "every_type";
    types::fill(&mut session, schema).await;
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, schema)).await;

    let by_load = run::restore(&run::restore_options(target, &repo)).await;
    assert_eq!(by_load.restore().unwrap().way, Way::LoadData);
    assert_same_rows((source, schema), (target, schema));

    let closed = without_local_infile("64M");
    let by_insert = run::restore(&run::restore_options(&closed, &repo)).await;
    let done = by_insert.restore().unwrap();
    assert!(done.way == Way::Insert);
    assert!(by_insert.text().contains("SET GLOBAL local_infile=ON"), "{}", by_insert.text());
    assert_same_rows((source, schema), (&closed, schema));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_no_packet_of_the_target_holds_is_refused_before_anything_is_made() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let schema = "wide_row";
    let rows = ["CREATE SCHEMA wide_row", "CREATE TABLE wide_row.small (id INT PRIMARY KEY)"].map(String::from);
    all(&mut session, &rows).await;
    all(
        &mut session,
        &[
            "CREATE TABLE wide_row.large (id INT PRIMARY KEY, v LONGTEXT)".into(),
            "INSERT INTO wide_row.large VALUES (1, 'x'), (2, REPEAT('abcdefgh', 700000))".into(),
        ],
    )
    .await;
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, schema)).await;
    let narrow = without_local_infile("4M");
    let error = run::try_restore(&run::restore_options(&narrow, &repo)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::TargetUnfit);
    assert!(error.to_string().contains("wide_row.large"), "{error}");
    assert_eq!(client_line(&narrow, "SHOW SCHEMAS LIKE 'wide_row'"), "");
    let roomy = without_local_infile("16M");
    run::restore(&run::restore_options(&roomy, &repo)).await;
    assert_same_rows((source, schema), (&roomy, schema));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bit_is_found_and_named_by_its_range() {
    let (source, target) = (server::source(), server::target());
    let mut session = server::connect(source).await;
    let schema = "one_bit";
    schema_with_numbers(&mut session, schema, 10_000).await;
    table(&mut session, "t", "id INT PRIMARY KEY, v INT, pad CHAR(60)", "n, n, LEFT(SHA2(n, 256), 60)").await;
    table(&mut session, "other", "id INT PRIMARY KEY, v INT", "n, n").await;
    table(&mut session, "heap", "id INT, v INT", "n, n").await;
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, schema)).await;
    run::restore(&run::restore_options(target, &repo)).await;
    let sound = run::verify(&run::verify_options(target, &repo)).await;
    assert_eq!(sound.exit(), Exit::Success, "{}", sound.text());

    client_line(target, "UPDATE one_bit.t SET v = v ^ 1 WHERE id = 5000");
    let found = run::verify(&run::verify_options(target, &repo)).await;
    assert_eq!(found.exit(), Exit::ProofFailed);
    let chunks = &repo.chunks().await["one_bit.t"];
    let differences = found.proof.unwrap().differences;
    assert_eq!(differences.len(), 1);
    let range = chunks.iter().filter_map(|chunk| chunk.range.as_ref()).find(|range| {
        let number = |bound: &Option<myriad::schema::Bound>, open: i64| {
            bound.as_ref().map_or(open, |bound| bound.to_string().parse().unwrap())
        };
        number(&range.lo, i64::MIN) < 5000 && 5000 <= number(&range.hi, i64::MAX)
    });
    assert_eq!((differences[0].table.as_str(), &differences[0].range), ("one_bit.t", &range.unwrap().to_string()));

    // A row too many, beyond every row that the backup knew, and one that is another in a table without a key.
    client_line(target, "UPDATE one_bit.t SET v = v ^ 1 WHERE id = 5000; INSERT INTO one_bit.other VALUES (-7, 1)");
    client_line(target, "UPDATE one_bit.heap SET v = v ^ 1 WHERE id = 77");
    let found = run::verify(&run::verify_options(target, &repo)).await.proof.unwrap();
    let tables: Vec<_> = found.differences.iter().map(|d| d.table.as_str()).collect();
    assert_eq!(tables, ["one_bit.heap", "one_bit.other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_of_moving_money_holds_its_sum_and_exactly_its_transactions() {
    let source = server::own(server::options());
    let target = server::target();
    let progress: Arc<dyn Progress> = Arc::new(Silent);
    fill("shop:20000".parse().unwrap(), 1, &source.connect_options(), 2, &progress).await.unwrap();
    let before: GtidSet = client_line(&source, "SELECT @@global.gtid_executed").replace('\n', "").parse().unwrap();
    let sum = client_line(&source, "SELECT SUM(balance) FROM shop.accounts");
    let repo = Repo::new();
    let mover = Mover::start(&source.connect_options(), "shop", 3, Duration::ZERO).await.unwrap();
    for round in 0..3 {
        while mover.commits() < 50 * (round + 1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let taken = run::backup(&run::backup_options(&source, &repo, "shop")).await;
        let position = &taken.backup().unwrap().position;
        assert!(position.exact);
        let executed: GtidSet = position.gtid_executed.parse().unwrap();
        let name = format!("moving_{round}");
        let mut options = run::restore_options(target, &repo);
        options.renames = vec![("shop".into(), name.clone())];
        run::restore(&options).await;
        assert_eq!(client_line(target, &format!("SELECT SUM(balance) FROM {name}.accounts")), sum);
        let logged =
            client_line(target, &format!("SELECT COUNT(*) FROM {name}.transfers WHERE reference LIKE 'mover %'"));
        let transactions = executed.subtract(&before).count();
        println!("round {round}: {logged} transfers, {transactions} transactions");
        assert_eq!(logged, transactions.to_string());
    }
    mover.stop().await.unwrap();
}
