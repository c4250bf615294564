//! Rows there and back: what stands on the source stands on the target, for every kind of key and every type, compared
//! by the mysql client and not by the program's own digests.

use crate::support::keyed::{self, ROWS};
use crate::support::run::{self, Repo, assert_same_rows};
use crate::support::server;
use myriad::codec::layout::{RangeQuery, RowLayout};
use myriad::server::inspect;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_key_in_many_chunks() {
    let (source, target) = (server::source(), server::target());
    let schema = "rt_keys";
    let mut session = server::connect(source).await;
    keyed::fill(&mut session, schema).await;
    let repo = Repo::new();
    let taken = run::backup(&run::backup_options(source, &repo, schema)).await;
    assert_eq!(taken.backup().unwrap().totals.rows, ROWS * keyed::TABLES.len() as u64);
    for (table, chunks) in repo.chunks().await {
        // Where a hash of the row cuts, chunks may be twice as long.
        let least = if chunks[0].range.is_some() { 20 } else { 10 };
        assert!(chunks.len() >= least, "{table} has {} chunks", chunks.len());
    }

    // To another server, and beside the source's own rows.
    let restored = run::restore(&run::restore_options(target, &repo)).await;
    assert_eq!(restored.restore().unwrap().rows_loaded, ROWS * keyed::TABLES.len() as u64);
    assert_same_rows((source, schema), (target, schema));
    let mut beside = run::restore_options(source, &repo);
    beside.renames = vec![(schema.into(), "rt_keys_beside".into())];
    beside.overrides.source = true;
    run::restore(&beside).await;
    assert_same_rows((source, schema), (source, "rt_keys_beside"));
    ranges_follow_the_index(&repo, schema).await;
}

/// A range in the middle of each table is read by a range of its key, in key order without sorting.
async fn ranges_follow_the_index(repo: &Repo, schema: &str) {
    let mut session = server::connect(server::source()).await;
    inspect::setup_reader(&mut session).await.unwrap();
    let wanted = |name: &str, _: Option<&str>| name == schema;
    let inspected = inspect::inspect(&mut session, &wanted, false).await.unwrap();
    let (chunks, mut wrong) = (repo.chunks().await, Vec::new());
    for table in &inspected.schemas[0].tables {
        let expected = keyed::TABLES.iter().find(|keyed| keyed.name == table.name.name).unwrap();
        let Some(key) = &table.range_key else {
            assert_eq!(expected.key, "", "{}", table.name);
            continue;
        };
        assert_eq!(key.index, expected.key, "{}", table.name);
        let chunks = &chunks[&table.name.to_string()];
        let bounded = |chunk: &&myriad::manifest::ChunkRecord| {
            chunk.range.as_ref().is_some_and(|range| range.lo.is_some() && range.hi.is_some())
        };
        let chunk = chunks.iter().skip(chunks.len() / 2).find(bounded).unwrap();
        let condition = key.condition(chunk.range.as_ref().unwrap(), &table.columns).unwrap();
        let sql = RowLayout::of(table).select(&RangeQuery {
            table: &table.name.sql(),
            partition: chunk.partition.as_deref(),
            key: Some(key),
            conditions: &[&condition],
            limit: None,
        });
        let plan = session.query_first(format!("EXPLAIN FORMAT=TRADITIONAL {sql}")).await.unwrap().unwrap();
        let (access, used, extra) = (plan.text(4), plan.text(6), plan.text(11));
        if access != "range" || used != key.index || extra.contains("filesort") {
            wrong.push(format!("{access} by {used} ({extra}): {sql}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
