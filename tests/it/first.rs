//! `--first`: the tables that are wanted most are usable before the others are begun; what they name and is not there yet is told.
//! And what a restore says before it changes anything.

use crate::partial::make;
use crate::support::data::{self, assert_nothing_left, drop_restored, fingerprint, one, run};
use crate::support::everything;
use crate::support::killed::{Stage, Tally, full, nothing_left};
use crate::support::program::{self, address};
use crate::support::run::{self as recipes, Repo, backup_options, restore_options};
use crate::support::server::{mariadb_source, mariadb_target, options, own, source, target_alone};
use crate::support::tap::{At, Tap, When};
use myriad::command::options::{ProofMode, RestoreOptions};
use myriad::command::restore::{self, RestoreDone};
use myriad::progress::{Progress, Stop};
use myriad::sandbox::Sandbox;
use std::sync::{Arc, Mutex};

/// Keeps what a restore says, and looks at the target at the moment when a table is said to be usable.
struct Listener {
    target: &'static Sandbox,
    schema: &'static str,
    said: Mutex<Vec<String>>,
}

impl Progress for Listener {
    fn phase(&self, name: &str, _: u64, _: u64) {
        self.said.lock().unwrap().push(format!("phase {name}"));
    }

    fn add(&self, _: u64, _: u64) {}

    fn table(&self, _: &str, _: bool) {}

    fn note(&self, line: &str) {
        let mut said = self.said.lock().unwrap();
        said.push(line.to_owned());
        let orders = format!("{}.orders usable at ", self.schema);
        if line.starts_with(&orders) {
            said.push(format!("there: {}", self.there()));
        }
    }
}

impl Listener {
    fn there(&self) -> String {
        let schema = self.schema;
        let tables = format!(
            "SELECT GROUP_CONCAT(TABLE_NAME ORDER BY TABLE_NAME) FROM information_schema.tables WHERE TABLE_SCHEMA = '{schema}'"
        );
        let rows = format!("SELECT COUNT(*) FROM {schema}.orders FORCE INDEX (note) WHERE note > ''");
        format!("{} {}", recipes::client_line(self.target, &tables), recipes::client_line(self.target, &rows))
    }
}

async fn listened(
    options: &RestoreOptions,
    target: &'static Sandbox,
    schema: &'static str,
) -> (RestoreDone, Vec<String>) {
    let listener = Arc::new(Listener { target, schema, said: Mutex::default() });
    let report =
        restore::run(options, listener.clone(), Stop::default()).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(report.exit(), myriad::Exit::Success, "{}", report.text());
    let said = listener.said.lock().unwrap().clone();
    (report.restore().unwrap().clone(), said)
}

/// The line that begins so, without its times.
#[track_caller]
fn line<'a>(said: &'a [String], begins: &str) -> &'a str {
    said.iter().find(|line| line.starts_with(begins)).unwrap_or_else(|| panic!("{begins:?} is not in {said:#?}"))
}

#[track_caller]
fn place(said: &[String], begins: &str) -> usize {
    said.iter().position(|line| line.starts_with(begins)).unwrap_or_else(|| panic!("{begins:?} is not in {said:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn first_tables_are_usable_before_the_others_are_begun() {
    let (target, _turn) = target_alone().await;
    run(target, &["SET GLOBAL log_bin_trust_function_creators = ON"]).await;
    make(source(), "first_shop").await;
    let repo = Repo::new();
    recipes::backup(&backup_options(source(), &repo, "first_shop")).await;
    let first = ["first_shop.orders", "first_shop.custom*"].map(String::from).to_vec();
    let options = RestoreOptions { first, ..restore_options(target, &repo) };
    let (done, said) = listened(&options, target, "first_shop").await;

    // Before the first change: what, where, from when, at which position, how long.
    let plan = place(&said, "plan: restore backup ");
    assert!(plan < place(&said, "phase schema"), "{said:#?}");
    assert!(said[plan].contains(" ago, at ") && said[plan].contains("binlog."), "{}", said[plan]);
    line(&said, "  first_shop: 5 tables, ");
    line(&said, "first: first_shop.orders, first_shop.customer");
    assert!(line(&said, "predicted: ").contains("no restore of this source is recorded"));

    // All of orders was there before any other table was.
    assert_eq!(line(&said, "there: "), "there: orders 900");
    let orders = line(&said, "first_shop.orders usable at +");
    for words in [
        "rows (+",
        "indexes (+",
        "proof (+",
        "trigger orders_log",
        "; foreign key of_customer waits for first_shop.customer",
    ] {
        assert!(orders.contains(words), "{words}: {orders}");
    }
    let customer = line(&said, "first_shop.customer usable at +");
    assert!(customer.ends_with("; trigger customer_log waits for first_shop.audit"), "{customer}");
    let (stages, rest) = (place(&said, "first_shop.customer usable at +"), place(&said, "phase rows"));
    assert!(place(&said, "first_shop.orders usable at +") < stages && stages < rest, "{said:#?}");
    assert!(place(&said, "first_shop.customer: trigger customer_log is there at +") > rest);

    let names: Vec<_> = done.first.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(names, ["first_shop.orders", "first_shop.customer"]);
    for table in &done.first {
        let moments = [table.rows, table.indexes, table.proof].map(|moment| moment.unwrap().seconds);
        assert!(moments.is_sorted() && table.proof == table.usable && !table.earlier_try, "{table:?}");
        assert!(table.foreign_keys.iter().chain(&table.triggers).all(|late| late.at.is_some()), "{table:?}");
    }
    assert_eq!(done.first[0].foreign_keys[0].name, "of_customer");
    let proof = done.proof.unwrap();
    assert!(proof.holds() && proof.tables == 5, "{proof:?}");
    assert_eq!(done.plan.first, names);
    assert_eq!(fingerprint(target, "first_shop").await, fingerprint(source(), "first_shop").await);
    assert_nothing_left(target).await;
    drop_restored(target, "first_shop").await;

    // Without proof no moment of one.
    let options = RestoreOptions { proof: ProofMode::None, ..options };
    let (done, said) = listened(&options, target, "first_shop").await;
    assert!(line(&said, "first_shop.orders usable at +").contains("no proof (--verify none)"));
    assert!(done.proof.is_none() && done.first.iter().all(|table| table.proof.is_none() && table.usable.is_some()));
    drop_restored(target, "first_shop").await;
}

/// What a table names and this restore does not bring is looked for on the target.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_first_table_names_and_nobody_has_is_told() {
    let (target, _turn) = target_alone().await;
    run(target, &["SET GLOBAL log_bin_trust_function_creators = ON"]).await;
    make(source(), "first_alone").await;
    let repo = Repo::new();
    recipes::backup(&backup_options(source(), &repo, "first_alone")).await;
    let place = repo.place();
    let restore = |more: &[&str]| {
        let line = ["restore", "--target", &address(target), "--repo", &place, "--tune", "none", "--verify", "none"];
        let overrides = ["--allow-writes", "--allow-transactions"];
        program::run(&[&line[..], &overrides, more].concat()).expect(0)
    };
    let told = "first_alone.orders usable at +";
    let missing = "; missing on the target: first_alone.customer (foreign key of_customer)";
    let ended = restore(&["--table", "first_alone.orders", "--first", "first_alone.orders"]);
    for said in [&ended.err, &ended.out] {
        let line = said.lines().find(|line| line.contains(told)).unwrap_or_else(|| panic!("{said}"));
        assert!(line.ends_with(missing) && line.contains("foreign key of_customer, trigger orders_log"), "{line}");
    }
    // Its table is there by now, but nothing that the trigger writes to.
    let with = ["--table", "first_alone.customer", "--first", "*.customer", "--json"];
    let json = restore(&with).json();
    let audit = serde_json::json!([{"name": "first_alone.audit", "named_by": "trigger customer_log"}]);
    assert_eq!(json["first"][0]["missing"], audit, "{json}");
    assert!(!json["notes"].to_string().contains("missing on the target"), "{json}");
    run(
        target,
        &[
            "DROP TABLE first_alone.orders, first_alone.customer",
            "CREATE TABLE first_alone.audit (at TIMESTAMP, what VARCHAR(50))",
        ],
    )
    .await;
    let json = restore(&with).json();
    assert!(json["first"][0]["missing"].is_null(), "{json}");
    // Without --first it is a note.
    run(target, &["DROP DATABASE first_alone"]).await;
    let ended = restore(&["--table", "first_alone.item"]);
    let note =
        "note: first_alone.item: missing on the target: first_alone.orders (foreign key of_order, trigger item_log)";
    assert!(ended.out.contains(note), "{}", ended.out);
    drop_restored(target, "first_alone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_on_mariadb_takes_the_sequences_along() {
    let (source, target) = (mariadb_source(), mariadb_target());
    let statements = [
        "CREATE DATABASE first_maria",
        "USE first_maria",
        "CREATE SEQUENCE numbers",
        "CREATE TABLE counted (id INT PRIMARY KEY DEFAULT nextval(numbers), a INT, KEY a (a)) ENGINE=Aria",
        "INSERT INTO counted (a) VALUES (1), (2), (3)",
        "CREATE TABLE other (id INT PRIMARY KEY)",
        "INSERT INTO other VALUES (1)",
    ];
    run(source, &statements).await;
    let repo = Repo::new();
    recipes::backup(&backup_options(source, &repo, "first_maria")).await;
    let options = RestoreOptions { first: vec!["first_maria.counted".into()], ..restore_options(target, &repo) };
    let report = recipes::restore(&options).await;
    let done = report.restore().unwrap();
    let names: Vec<_> = done.first.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(names, ["first_maria.numbers", "first_maria.counted"], "{}", report.text());
    assert!(done.first.iter().all(|table| table.proof.is_some()), "{}", report.text());
    recipes::assert_same_rows((source, "first_maria"), (target, "first_maria"));
    drop_restored(target, "first_maria").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_first_takes_and_refuses() {
    let server = own(options());
    make(source(), "first_words").await;
    let repo = Repo::new();
    recipes::backup(&backup_options(source(), &repo, "first_words")).await;
    let (target, place) = (address(&server), repo.place());
    let restore =
        |more: &[&str]| program::run(&[&["restore", "--target", &target, "--repo", &place][..], more].concat());
    let unknown = restore(&["--first", "first_words.orders,first_words.custmer"]);
    let unknown = unknown.refused(2, &["first_words.custmer", "no table"]);
    assert!(unknown.err.contains("is one of these meant: first_words.customer"), "{}", unknown.err);
    restore(&["--first", "nothing.like_it"]).refused(2, &["nothing.like_it"]);
    restore(&["--first", "orders"]).expect(2);
    restore(&["--first", "*.orders", "--redo", "off"]).refused(2, &["--first", "--redo off"]);
    assert_eq!(
        one(&server, "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME LIKE 'first%'").await,
        "0"
    );

    let plan = restore(&["--first", "*.orders", "--dry-run"]).expect(0);
    assert!(
        plan.out.contains("\nfirst: first_words.orders\n") && plan.out.contains("the redo log stays on"),
        "{}",
        plan.out
    );
    // An empty server of its own, where the redo log would be off.
    let without = restore(&["--dry-run"]).expect(0);
    assert!(without.out.contains("while rows are loaded: redo log OFF, then ON again"), "{}", without.out);
    let done = restore(&["--first", "first_words.{orders,item}, first_words.audit", "--json"]).expect(0).json();
    assert_eq!(
        done["plan"]["first"],
        serde_json::json!(["first_words.item", "first_words.orders", "first_words.audit"])
    );
    let settings = done["settings"].as_array().unwrap();
    assert!(!settings.iter().any(|setting| setting.to_string().contains("redo")), "{done}");
}

/// What a restore took is what the next is predicted by.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_restore_is_predicted_by_the_last() {
    let (target, _turn) = target_alone().await;
    data::make(source(), "first_rates", 6000).await;
    let repo = Repo::new();
    recipes::backup(&backup_options(source(), &repo, "first_rates")).await;
    let (target_address, place) = (address(target), repo.place());
    let line = [
        "restore",
        "--target",
        &target_address,
        "--repo",
        &place,
        "--allow-writes",
        "--allow-transactions",
        "--tune",
        "none",
    ];
    let first = program::run(&line).expect(0);
    assert!(first.err.contains("no restore of this source is recorded"), "{}", first.err);
    drop_restored(target, "first_rates").await;
    let second = program::run(&[&line[..], &["--json"]].concat()).expect(0).json();
    assert!(second["plan"]["prediction"]["rates_of"].is_string(), "{}", second["plan"]);
    assert!(second["prediction"]["seconds"].as_f64().unwrap() > 0.0);
    drop_restored(target, "first_rates").await;
    let third = program::run(&line).expect(0);
    assert!(third.err.contains("at the rate of the restore of 2"), "{}", third.err);
    drop_restored(target, "first_rates").await;
    let quiet = program::run(&[&line[..], &["--quiet"]].concat()).expect(0);
    assert_eq!(quiet.err, "");
    drop_restored(target, "first_rates").await;
}

/// Packets of a restore with first tables: in the midst of the first, when they are recorded, and after them.
const NAMED: &[(&str, &str, usize, When)] = &[
    ("LOAD DATA", "`keyless`", 1, When::Sent),
    ("ALTER TABLE", "`keyless`", 1, When::Answered),
    ("INSERT IGNORE INTO myriad_restore.made", "'proved'", 1, When::Held),
    ("INSERT IGNORE INTO myriad_restore.made", "'proved'", 2, When::Answered),
    ("CREATE TABLE `words`", "", 1, When::Answered),
    ("CREATE DEFINER", "TRIGGER `after_keyless`", 1, When::Answered),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_with_first_tables_that_is_killed_goes_on() {
    let (stage, _turn) = Stage::turn().await;
    let tap = Tap::before_mysql(stage.target.socket());
    let mut tally = Tally::default();
    let first = ["--threads", "2", "--first", "k_app.old_engine,k_app.keyless,k_beside.child"];
    // Another order, or none, is the same restore.
    let then = [&first[..], &["--first", "k_app.words"], &[]];
    for (n, (begin, holds, nth, when)) in NAMED.iter().enumerate() {
        if n > 3 && !full() {
            continue;
        }
        everything::remove(stage.target).await;
        let at = (At::Words(begin, holds, *nth), *when);
        stage.killed_at(&tap, at, &first, then[n % then.len()], &mut tally).await;
    }
    assert_eq!(tally.killed, tally.tried, "{tally:?}");
    tally.tell("restores with --first killed at a named packet");

    // What is usable may be used: it is not loaded, emptied or proved again, and what fires on it fires only for others' rows.
    everything::remove(stage.target).await;
    let (point, _) = stage.kill_at(&tap, (At::Words("CREATE TABLE `words`", "", 1), When::Answered), &first);
    data::run(stage.target, &["INSERT INTO k_app.old_engine (a, b) VALUES (-77, 'of the application')"]).await;
    let target = address(stage.target);
    let again = program::run(&[&stage.arguments(&target, &first)[..], &["--json"]].concat()).expect(0).json();
    let used = &again["first"][0];
    assert!(used["earlier_try"] == true && used["table"] == "k_app.old_engine", "{point}: {used}");
    let mut session = crate::support::server::connect(stage.target).await;
    let taken = session.execute("DELETE FROM k_app.old_engine WHERE a = -77").await.unwrap();
    assert_eq!(taken.affected, 1, "{point}");
    session.close().await;
    assert_eq!(
        everything::differences(&stage.whole, &everything::state(stage.target).await),
        Vec::<String>::new(),
        "{point}"
    );
    nothing_left(stage.target, &point).await;
    everything::remove(stage.target).await;
}
