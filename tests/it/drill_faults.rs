//! Does a drill find what it exists for? Each trial takes a good repository with a drill in its history, plants one fault by
//! chance, in the repository, on the source before another backup, or in what is allowed, and drills. The drill must come to the verdict
//! that the fault means, and name what was planted. Ten trials, a hundred with `MYRIAD_TEST_FULL`; every trial is repeated by its seed.

use crate::support::data;
use crate::support::drills::{drill_options, drill_store, fails_by, only};
use crate::support::mishaps::copy_of;
use crate::support::run::{Repo, backup, backup_options};
use crate::support::server::source;
use bytes::Bytes;
use myriad::command::backup;
use myriad::command::drill::record::Verdict;
use myriad::command::options::BackupOptions;
use myriad::manifest::Repository;
use myriad::manifest::model::{ListLine, Place};
use myriad::manifest::parts::read_part;
use myriad::progress::{Silent, Stop};
use myriad::store::{self, PutMode, Store};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// The configuration of every trial.
const CONFIG: &str = r#"
[budget]
rto = "1h"
rpo = "1h"
[check]
row_change = "10%"
no_table_vanished = true
[[assert]]
name = "no balance is negative"
sql = "SELECT COUNT(*) FROM drill_faults.balances WHERE cents < 0"
equals = 0
[[assert]]
name = "the newest order"
sql = "SELECT MAX(placed) FROM drill_faults.orders"
max_age = "2h"
"#;

const TABLES: [&str; 3] = ["balances", "orders", "log"];

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    LostObject,
    FlippedByte,
    ShortObject,
    FlippedManifest,
    EmptiedTable,
    DroppedTable,
    WrongRow,
    StaleData,
    WrongDefiner,
    BrokenView,
    StaleBackup,
    SlowRestore,
}

const FAULTS: [Fault; 12] = [
    Fault::LostObject,
    Fault::FlippedByte,
    Fault::ShortObject,
    Fault::FlippedManifest,
    Fault::EmptiedTable,
    Fault::DroppedTable,
    Fault::WrongRow,
    Fault::StaleData,
    Fault::WrongDefiner,
    Fault::BrokenView,
    Fault::StaleBackup,
    Fault::SlowRestore,
];

fn trials() -> u64 {
    if std::env::var_os("MYRIAD_TEST_FULL").is_some() { 100 } else { 10 }
}

async fn make() {
    let statements = [
        "DROP DATABASE IF EXISTS drill_faults",
        "CREATE DATABASE drill_faults",
        "CREATE TABLE drill_faults.balances (id INT PRIMARY KEY, cents INT NOT NULL, note VARCHAR(200))",
        "INSERT INTO drill_faults.balances WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
         SELECT i, i * 7, REPEAT(SHA2(i, 224), 3) FROM n",
        "CREATE TABLE drill_faults.orders (id INT PRIMARY KEY, placed DATETIME NOT NULL, KEY (placed))",
        "INSERT INTO drill_faults.orders SELECT id, UTC_TIMESTAMP() - INTERVAL id SECOND FROM drill_faults.balances",
        "CREATE TABLE drill_faults.log (what VARCHAR(80))",
        "INSERT INTO drill_faults.log SELECT SHA2(id, 224) FROM drill_faults.balances",
        "CREATE VIEW drill_faults.rich AS SELECT id, cents FROM drill_faults.balances WHERE cents > 100",
    ];
    data::run(source(), &statements).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_fault_is_found() {
    make().await;
    let repo = Repo::new();
    let options = backup_options(source(), &repo, "drill_faults");
    backup(&options).await;
    let good = copy_of(store::open(&repo.place(), false).await.unwrap().as_ref()).await;
    // What later drills are compared with.
    only(drill_store(good.clone(), &drill_options(&repo.place(), CONFIG)).await, Verdict::Proved);
    for seed in 0..trials() {
        // Every kind comes up, each at places of its own.
        let fault = FAULTS[(seed as usize * 5 + 3) % FAULTS.len()];
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let store = copy_of(good.as_ref()).await;
        println!("seed {seed}: {fault:?}");
        try_fault(fault, &mut chance, store, &options).await;
    }
    data::run(source(), &["DROP DATABASE drill_faults"]).await;
}

async fn try_fault(fault: Fault, chance: &mut ChaCha8Rng, store: Arc<dyn Store>, options: &BackupOptions) {
    let mut config = CONFIG.to_owned();
    let (verdict, words): (Verdict, Vec<String>) = match fault {
        Fault::LostObject | Fault::FlippedByte | Fault::ShortObject => {
            let object = damage(fault, chance, store.as_ref()).await;
            (Verdict::DamagedBackup, vec![object])
        }
        Fault::FlippedManifest => {
            let backups = store.list("backups").await.unwrap();
            let name = &backups.iter().find(|object| object.name.ends_with("manifest.json")).unwrap().name;
            let mut bytes = store.get(name).await.unwrap().to_vec();
            let at = chance.random_range(0..bytes.len());
            bytes[at] ^= 1 << chance.random_range(0..7);
            replace(store.as_ref(), name, bytes).await;
            (Verdict::DamagedBackup, vec![name.clone()])
        }
        Fault::StaleBackup => {
            config = config.replace("rpo = \"1h\"", "rpo = \"0s\"");
            (Verdict::OverBudget, vec!["(rpo)".into()])
        }
        Fault::SlowRestore => {
            config = config.replace("rto = \"1h\"", "rto = \"0s\"");
            (Verdict::OverBudget, vec!["(rto)".into()])
        }
        _ => spoil_source(fault, chance, store.clone(), options).await,
    };
    let record = only(drill_store(store, &drill_options(&options.repo, &config)).await, verdict);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    fails_by(&record, &words);
}

/// Damages one of the objects that the backup names; gives its hash.
async fn damage(fault: Fault, chance: &mut ChaCha8Rng, store: &dyn Store) -> String {
    let places = places(store).await;
    let place = places.choose(chance).unwrap();
    let hash = hex::encode(place.object.0);
    let name = format!("objects/{}/{hash}", &hash[..2]);
    let mut bytes = store.get(&name).await.unwrap().to_vec();
    match fault {
        Fault::LostObject => store.delete(&name).await.unwrap(),
        Fault::FlippedByte => {
            let at = place.offset + chance.random_range(0..place.length);
            bytes[at as usize] ^= 1 << chance.random_range(0..8);
            replace(store, &name, bytes).await;
        }
        _ => {
            bytes.truncate((place.offset + chance.random_range(0..place.length)) as usize);
            replace(store, &name, bytes).await;
        }
    }
    hash
}

/// Where everything lies that the backup names.
async fn places(store: &dyn Store) -> Vec<Place> {
    let copy: Arc<dyn Store> = copy_of(store).await;
    let repository = Repository::open(copy).await.unwrap();
    let manifest = repository.choose(None, None).await.unwrap().manifest;
    let mut places: Vec<Place> = manifest.schemas.iter().chain(&manifest.lists).map(|part| part.place).collect();
    for part in &manifest.lists {
        let lines = read_part::<ListLine>(&repository, part).await.unwrap();
        places.extend(lines.iter().filter_map(|line| match line {
            ListLine::Chunk(chunk) => chunk.frames(),
            ListLine::Table(_) => None,
        }));
    }
    places
}

async fn replace(store: &dyn Store, name: &str, bytes: Vec<u8>) {
    store.put(name, vec![Bytes::from(bytes)], PutMode::Overwrite).await.unwrap();
}

/// Changes the source, takes another backup of it into the store, and changes it back.
async fn spoil_source(
    fault: Fault,
    chance: &mut ChaCha8Rng,
    store: Arc<dyn Store>,
    options: &BackupOptions,
) -> (Verdict, Vec<String>) {
    let table = *TABLES.choose(chance).unwrap();
    let row = chance.random_range(1..=900);
    let (statement, verdict, words) = match fault {
        Fault::EmptiedTable => (
            format!("DELETE FROM drill_faults.{table}"),
            Verdict::AssertionFailed,
            vec!["change of rows".to_owned(), format!("drill_faults.{table} 900 -> 0")],
        ),
        Fault::DroppedTable => (
            // The view answers no more without balances, and that is another fault.
            "DROP TABLE drill_faults.log".into(),
            Verdict::AssertionFailed,
            vec!["gone: drill_faults.log".into()],
        ),
        Fault::WrongRow => (
            format!("UPDATE drill_faults.balances SET cents = -1 WHERE id = {row}"),
            Verdict::AssertionFailed,
            vec!["no balance is negative".into()],
        ),
        Fault::StaleData => (
            "UPDATE drill_faults.orders SET placed = placed - INTERVAL 3 HOUR".into(),
            Verdict::AssertionFailed,
            vec!["the newest order".into()],
        ),
        Fault::WrongDefiner => (
            format!("CREATE DEFINER='gone{row}'@'%' VIEW drill_faults.v{row} AS SELECT 1"),
            Verdict::Unproved,
            vec![format!("gone{row}@%"), format!("drill_faults.v{row}")],
        ),
        _ => (
            format!("ALTER TABLE drill_faults.balances RENAME COLUMN cents TO cents{row}"),
            Verdict::AssertionFailed,
            vec!["view drill_faults.rich".into()],
        ),
    };
    data::run(source(), &[statement]).await;
    let taken = backup::run_into(store, options, Arc::new(Silent), Stop::default()).await;
    taken.unwrap_or_else(|error| panic!("{error:?}"));
    make().await;
    (verdict, words)
}
