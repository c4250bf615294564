//! Sample data on a real server: every data set loads without a warning, the same each time; the mover
//! keeps its promises.

use crate::support::server;
use myriad::bench::dataset::{DatasetSpec, Mover, fill};
use myriad::progress::{Progress, Silent};
use myriad::sandbox::Sandbox;
use myriad::server::Session;
use std::sync::Arc;
use std::time::Duration;

async fn filled(server: &Sandbox, spec: &str, seed: u64, sessions: usize) -> myriad::bench::dataset::Filled {
    let spec: DatasetSpec = spec.parse().unwrap();
    let progress: Arc<dyn Progress> = Arc::new(Silent);
    fill(spec, seed, &server.connect_options(), sessions, &progress).await.unwrap()
}

async fn checksums(session: &mut Session, schema: &str) -> Vec<(String, String)> {
    let tables =
        session.query(format!("SHOW FULL TABLES FROM {schema} WHERE Table_type = 'BASE TABLE'")).await.unwrap();
    let names: Vec<String> = tables.iter().map(|row| format!("{schema}.{}", row.text(0))).collect();
    let rows = session.query(format!("CHECKSUM TABLE {}", names.join(", "))).await.unwrap();
    rows.iter().map(|row| (row.text(0), row.text(1))).collect()
}

#[tokio::test]
async fn every_data_set_is_the_same_for_the_same_seed() {
    let server = server::own(server::options());
    let mut session = server::connect(&server).await;
    for (spec, schema, tables) in [("shop:20000", "shop", 13), ("sbtest:2x2000", "sbtest", 2), ("wide:3000", "wide", 1)]
    {
        let first = filled(&server, spec, 1, 1).await;
        let sums = checksums(&mut session, schema).await;
        assert_eq!((first.tables, sums.len()), (tables, tables));
        assert_eq!(filled(&server, spec, 1, 3).await, first);
        assert_eq!(checksums(&mut session, schema).await, sums, "{spec} by three sessions");
        filled(&server, spec, 2, 2).await;
        assert_ne!(checksums(&mut session, schema).await, sums, "{spec} with another seed");
    }
}

#[tokio::test]
async fn shop_rows_fit_together() {
    let server = server::own(server::options());
    filled(&server, "shop:20000", 1, 2).await;
    let mut session = server::connect(&server).await;
    session.execute("USE shop").await.unwrap();
    for orphans in [
        "orders o LEFT JOIN users u ON u.id = o.user_id WHERE u.id IS NULL",
        "transfers t LEFT JOIN accounts a ON a.id = t.to_account WHERE a.id IS NULL OR t.from_account = t.to_account",
        "order_lines l LEFT JOIN products p ON p.id = l.product_id AND p.price = l.unit_price WHERE p.id IS NULL",
        "orders WHERE total <> order_total(id)",
        "documents d LEFT JOIN users u ON u.id = d.user_id WHERE u.id IS NULL",
    ] {
        let count = session.query_first(format!("SELECT COUNT(*) FROM {orphans}")).await.unwrap().unwrap();
        assert_eq!(count.number(0), 0, "{orphans}");
    }
    for object in ["ROUTINES WHERE ROUTINE_SCHEMA", "TRIGGERS WHERE TRIGGER_SCHEMA", "EVENTS WHERE EVENT_SCHEMA"] {
        let sql = format!("SELECT COUNT(*) FROM information_schema.{object} = 'shop'");
        assert!(session.query_first(sql).await.unwrap().unwrap().number(0) > 0, "{object}");
    }
    assert_eq!(session.query("SELECT * FROM best_customers").await.unwrap().len(), 100);
}

#[tokio::test]
async fn mover_keeps_the_sum_and_logs_each_commit_once() {
    let server = server::own(server::options());
    filled(&server, "shop:20000", 1, 2).await;
    let mut session = server::connect(&server).await;
    let sum = "SELECT SUM(balance) FROM shop.accounts";
    let sum_before = session.query_first(sum).await.unwrap().unwrap().text(0);
    let gtid_before = session.query_first("SELECT @@gtid_executed").await.unwrap().unwrap().text(0);

    let mover = Mover::start(&server.connect_options(), "shop", 3, Duration::ZERO).await.unwrap();
    while mover.commits() < 50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let commits = mover.stop().await.unwrap();

    assert_eq!(session.query_first(sum).await.unwrap().unwrap().text(0), sum_before);
    let logged = "SELECT COUNT(*), COUNT(DISTINCT reference) FROM shop.transfers WHERE reference LIKE 'mover %'";
    let row = session.query_first(logged).await.unwrap().unwrap();
    assert_eq!((row.number(0), row.number(1)), (commits, commits));
    let set = session.query_first(format!("SELECT GTID_SUBTRACT(@@gtid_executed, '{gtid_before}')")).await.unwrap();
    let interval = set.unwrap().text(0);
    let (first, last) = interval.rsplit_once(':').unwrap().1.split_once('-').unwrap();
    assert_eq!(last.parse::<u64>().unwrap() - first.parse::<u64>().unwrap() + 1, commits);
}
