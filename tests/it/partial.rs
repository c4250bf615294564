//! A table that fails does not stop the others: what is usable, what is not, what waits, the exit code, and the same command
//! once the cause is mended.

use crate::support::data::{assert_nothing_left, drop_restored, fingerprint, one, run};
use crate::support::program;
use crate::support::run::{self as recipes, Repo, backup_options, restore_options};
use crate::support::server::{connect, mariadb_options, mariadb_source, own, source, target_alone};
use crate::support::tap::{At, Tap, When};
use myriad::command::options::{ProofMode, RestoreOptions};
use myriad::command::restore::{RestoreDone, RestoreReport, Step, Waiting};
use myriad::error::Exit;
use myriad::sandbox::{Kind, Sandbox};
use std::path::PathBuf;

/// Tables that refer to each other, and what reads and writes them.
pub async fn make(server: &Sandbox, schema: &str) {
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT";
    let statements = [
        format!("CREATE DATABASE {schema}"),
        format!("USE {schema}"),
        "CREATE TABLE customer (id INT PRIMARY KEY, name VARCHAR(400), KEY name (name))".into(),
        format!("INSERT INTO customer {rows} i, REPEAT(SHA2(i, 224), 6) FROM n"),
        "CREATE TABLE orders (id INT PRIMARY KEY, customer_id INT, note VARCHAR(400), KEY note (note),
         CONSTRAINT of_customer FOREIGN KEY (customer_id) REFERENCES customer (id))"
            .into(),
        format!("INSERT INTO orders {rows} i, i, REPEAT(SHA2(-i, 224), 6) FROM n"),
        "CREATE TABLE item (id INT PRIMARY KEY, order_id INT, CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES orders (id))"
            .into(),
        format!("INSERT INTO item {rows} i, i FROM n"),
        "CREATE TABLE audit (at TIMESTAMP, what VARCHAR(50))".into(),
        "CREATE TABLE old (id INT PRIMARY KEY) ENGINE=MyISAM".into(),
        "INSERT INTO old VALUES (1)".into(),
        "INSERT INTO audit VALUES ('2026-01-01', 'begin')".into(),
        "CREATE VIEW names AS SELECT name FROM customer".into(),
        "CREATE VIEW open_orders AS SELECT id, customer_id FROM orders".into(),
        "CREATE VIEW open_names AS SELECT name FROM customer JOIN open_orders ON customer.id = customer_id".into(),
        "CREATE FUNCTION orders_of(who INT) RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM orders WHERE customer_id = who)"
            .into(),
        "CREATE TRIGGER customer_log AFTER INSERT ON customer FOR EACH ROW INSERT INTO audit VALUES (NOW(), 'customer')".into(),
        "CREATE TRIGGER item_log BEFORE INSERT ON item FOR EACH ROW UPDATE orders SET note = 'x' WHERE id = NEW.order_id".into(),
        "CREATE TRIGGER audit_log BEFORE INSERT ON audit FOR EACH ROW SET NEW.what = CONCAT(NEW.what, orders_of(1))".into(),
        "CREATE TRIGGER orders_log BEFORE INSERT ON orders FOR EACH ROW SET NEW.note = 'new'".into(),
        "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2036-01-01' DO DELETE FROM audit".into(),
    ];
    run(server, &statements).await;
}

/// Turns one bit over in the middle of a stored chunk, or back.
async fn turn_bit(repo: &Repo, table: &str, chunk: usize) {
    let place = repo.chunks().await[table][chunk].frames().unwrap();
    let hex = hex::encode(place.object.0);
    let file = PathBuf::from(repo.place()).join("objects").join(&hex[..2]).join(hex);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[(place.offset + place.length / 2) as usize] ^= 4;
    std::fs::write(file, bytes).unwrap();
}

async fn partly(options: &RestoreOptions) -> RestoreDone {
    let report = recipes::restore_partly(options).await.unwrap_or_else(|error| panic!("{error:?}"));
    report.restore().unwrap().clone()
}

/// What waits, and for what.
fn waits(waiting: &[Waiting]) -> Vec<String> {
    let mut waits: Vec<_> = waiting.iter().map(|w| format!("{} for {}", w.what, w.waits_for.join(", "))).collect();
    waits.sort();
    waits
}

/// Everything of a schema that can be counted, to see what is there.
async fn there(server: &Sandbox, schema: &str) -> Vec<String> {
    let mut session = connect(server).await;
    let sql = format!(
        "SELECT CONCAT('view ', TABLE_NAME) FROM information_schema.views WHERE TABLE_SCHEMA = '{schema}'
         UNION SELECT CONCAT('trigger ', TRIGGER_NAME) FROM information_schema.triggers WHERE TRIGGER_SCHEMA = '{schema}'
         UNION SELECT CONCAT('event ', EVENT_NAME) FROM information_schema.events WHERE EVENT_SCHEMA = '{schema}'
         UNION SELECT CONCAT('key ', CONSTRAINT_NAME) FROM information_schema.referential_constraints
         WHERE CONSTRAINT_SCHEMA = '{schema}' ORDER BY 1"
    );
    session.query(sql).await.unwrap().iter().map(|row| row.text(0)).collect()
}

async fn a_damaged_chunk_leaves_the_others_usable(source: &Sandbox, target: &Sandbox, schema: &str) {
    make(source, schema).await;
    let repo = Repo::new();
    recipes::backup(&backup_options(source, &repo, schema)).await;
    let orders = format!("{schema}.orders");
    turn_bit(&repo, &orders, 1).await;
    let options = restore_options(target, &repo);
    let done = partly(&options).await;
    let report = RestoreReport::Restore(Box::new(done.clone()));
    let text = report.text();
    assert_eq!(report.exit(), Exit::RepositoryDamaged, "{text}");
    let failed: Vec<_> =
        done.failed.iter().map(|failed| (failed.table.as_str(), failed.step, failed.exit_code)).collect();
    assert_eq!(failed, [(orders.as_str(), Step::Rows, 22)], "{text}");
    assert!(done.failed[0].why.contains("rows (") && done.failed[0].why.contains("objects/"), "{text}");
    assert_eq!(done.usable, ["audit", "customer", "item", "old"].map(|table| format!("{schema}.{table}")));
    let on = |what: &str| format!("{what} for {orders}").replace("S.", &format!("{schema}."));
    let waiting = [
        on("event S.nightly"),
        on("foreign key of_order of table S.item"),
        on("trigger S.audit_log"),
        on("trigger S.item_log"),
        on("trigger S.orders_log"),
        on("view S.open_names"),
        on("view S.open_orders"),
    ];
    assert_eq!(waits(&done.waiting), waiting, "{text}");
    assert_eq!(there(target, schema).await, ["trigger customer_log", "view names"]);
    let proof = done.proof.as_ref().unwrap();
    assert!(!proof.holds() && proof.tables == 4 && proof.differences.is_empty(), "{text}");
    assert_eq!(proof.not_compared[0].table, orders);
    assert!(done.gtid.is_none() && text.contains("PARTLY restored") && text.contains("NOT PROVED"), "{text}");
    assert_eq!(one(target, &format!("SELECT COUNT(*) FROM {schema}.customer")).await, "900");
    assert_eq!(one(target, "SELECT COUNT(*) FROM myriad_restore.run").await, "1");

    // Somebody uses what is usable, also what has no transactions: what he writes is neither proved, nor emptied, nor lost.
    let used = ["customer VALUES (1000, 'new')", "old VALUES (1000)"];
    run(target, &used.map(|row| format!("INSERT INTO {schema}.{row}"))).await;
    let again = partly(&options).await;
    assert_eq!(again.failed.len(), 1);
    assert_eq!(there(target, schema).await, ["trigger customer_log", "view names"]);
    turn_bit(&repo, &orders, 1).await;
    let whole = recipes::restore(&options).await;
    let done = whole.restore().unwrap();
    assert!(done.resumed && done.waiting.is_empty() && done.proof.as_ref().unwrap().tables == 5, "{}", whole.text());
    assert!(whole.text().contains("proved by an earlier try") && whole.text().contains("PROVED: "), "{}", whole.text());
    let used = ["customer WHERE id = 1000", "old WHERE id = 1000", "audit WHERE what = 'customer'"];
    let mut session = connect(target).await;
    for row in used {
        let taken_back = session.execute(format!("DELETE FROM {schema}.{row}")).await.unwrap();
        assert_eq!(taken_back.affected, 1, "{row}");
    }
    session.close().await;
    if target.kind() == Kind::Mysql {
        assert_eq!(fingerprint(target, schema).await, fingerprint(source, schema).await);
        assert_nothing_left(target).await;
    }
    recipes::assert_same_rows((source, schema), (target, schema));
    drop_restored(target, schema).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_chunk_leaves_the_others_usable_on_mysql() {
    let (target, _turn) = target_alone().await;
    run(target, &["SET GLOBAL log_bin_trust_function_creators = ON"]).await;
    a_damaged_chunk_leaves_the_others_usable(source(), target, "partial").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_chunk_leaves_the_others_usable_on_mariadb() {
    // Its own: an unfinished restore would be in the way of other tests.
    let target = own(mariadb_options());
    a_damaged_chunk_leaves_the_others_usable(mariadb_source(), &target, "partial_maria").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_what_failed_and_how_to_go_on() {
    let (target, _turn) = target_alone().await;
    make(source(), "partial_told").await;
    let repo = Repo::new();
    recipes::backup(&backup_options(source(), &repo, "partial_told")).await;
    turn_bit(&repo, "partial_told.customer", 0).await;
    let (address, place) = (program::address(target), repo.place());
    let line =
        ["restore", "--target", &address, "--repo", &place, "--allow-writes", "--allow-transactions", "--tune", "none"];
    let ended = program::run(&line).refused(22, &["partial_told.customer", "rows ("]);
    for words in [
        "hint: to go on: ",
        "to remove what it left on the target (not while 4 tables can be used; --drop-usable behind it drops them too, with \
         all that was written to them): ",
        " --abort",
        "failed, the other tables go on: ",
        "back the source up again",
    ] {
        assert!(ended.err.contains(words), "{words}\n{}", ended.err);
    }
    for words in ["PARTLY restored", "not usable: partial_told.customer", "4 of 5 tables usable: partial_told.audit"] {
        assert!(ended.out.contains(words), "{words}\n{}", ended.out);
    }
    let json = program::run(&[&line[..], &["--json"]].concat()).expect(22).json();
    assert_eq!(json["failed"][0]["table"], "partial_told.customer");
    // A new backup of the same rows stores again what is lost, and nothing else is needed.
    recipes::backup(&backup_options(source(), &repo, "partial_told")).await;
    // Nothing that somebody may have written to goes without his word.
    run(target, &["INSERT INTO partial_told.old VALUES (1000)"]).await;
    let abort = |more: &[&str]| program::run(&[&line[..], &["--abort"], more].concat());
    let refused = abort(&[]).refused(34, &["nothing was dropped", "4 tables can be used", "partial_told.old"]);
    assert!(refused.err.contains("hint: --abort --drop-usable drops them"), "{}", refused.err);
    assert_eq!(one(target, "SELECT COUNT(*) FROM partial_told.old WHERE id = 1000").await, "1");
    let other = Repo::new();
    recipes::backup(&backup_options(source(), &other, "partial_told")).await;
    let in_the_way = program::run(&["restore", "--target", &address, "--repo", &other.place()]);
    let in_the_way = in_the_way.refused(32, &["unfinished restore of other data"]);
    assert!(in_the_way.err.contains("not while 4 tables can be used"), "{}", in_the_way.err);
    let told = abort(&["--dry-run"]).expect(0).out;
    assert!(told.contains("with --drop-usable, and not without, would be removed"), "{told}");
    for told in [told, abort(&["--drop-usable"]).expect(0).out] {
        let words = "these could be used, and what was written to them goes too: partial_told.audit, ";
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(
        one(target, "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME = 'partial_told'").await,
        "0"
    );
    assert_nothing_left(target).await;
}

/// A definition, an index and rows that fail by what somebody does on the target meanwhile; each time the others are usable, and
/// the same command ends whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_definition_an_index_and_a_proof_that_fail() {
    let (target, _turn) = target_alone().await;
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, REPEAT(SHA2(i, 224), 6) FROM n";
    let table = |name: &str| {
        [
            format!("CREATE TABLE {name} (id INT PRIMARY KEY, a VARCHAR(400), KEY a (a))"),
            format!("INSERT INTO {name} {many}"),
        ]
    };
    let mut statements: Vec<String> =
        ["CREATE DATABASE partial_kinds", "CREATE DATABASE partial_kinds_b", "USE partial_kinds"]
            .map(String::from)
            .into();
    statements.extend(
        ["partial_kinds.good", "partial_kinds.other", "partial_kinds_b.alone"].iter().flat_map(|name| table(name)),
    );
    statements.push("CREATE VIEW partial_kinds.of_other AS SELECT a FROM partial_kinds.other".into());
    run(source(), &statements).await;
    let repo = Repo::new();
    recipes::backup(&backup_options(source(), &repo, "partial_kinds*")).await;
    let by_hand = [
        ("CREATE TABLE `alone`", "", "DROP DATABASE partial_kinds_b", ("definition", 14)),
        ("ALTER TABLE", "`other`", "ALTER TABLE partial_kinds.other ADD KEY a (a)", ("indexes", 14)),
        ("SELECT `id`", "`other`", "UPDATE partial_kinds.other SET a = 'x' WHERE id = 7", ("proof", 40)),
    ];
    for (begin, holds, sql, (step, code)) in by_hand {
        let tap = Tap::before_mysql(target.socket());
        tap.aim(At::Words(begin, holds, 1), When::Before, move || drop(recipes::client(target, sql)));
        let place = repo.place();
        let line = |address| {
            let quiet = ["--allow-writes", "--allow-transactions", "--tune", "none", "--redo", "on", "--json"];
            [&["restore", "--target", address, "--repo", &place][..], &quiet].concat()
        };
        let json = program::run(&line(tap.address())).expect(code).json();
        assert!(tap.struck().is_some(), "{step}: {:?}", tap.units());
        let failed: Vec<_> = json["failed"].as_array().unwrap().iter().map(|f| f["step"].as_str().unwrap()).collect();
        assert_eq!(failed, [step], "{json}");
        assert_eq!(json["usable"].as_array().unwrap().len(), 2, "{json}");
        assert!(json["gtid"].is_null() && json["failed"][0]["exit_code"] == code, "{json}");
        assert_eq!(one(target, "SELECT COUNT(*) FROM partial_kinds.good WHERE id = 7").await, "1");
        let listed = program::run(&["list", "--repo", &place, "--json"]).expect(0).json();
        assert!(listed["backups"].as_array().unwrap().last().unwrap()["proved"].is_null(), "{listed}");
        let again = program::run(&line(&program::address(target))).expect(0).json();
        assert!(again["resumed"] == true && again["proof"]["tables"] == 3, "{again}");
        for schema in ["partial_kinds", "partial_kinds_b"] {
            assert_eq!(fingerprint(target, schema).await, fingerprint(source(), schema).await, "{step}");
            drop_restored(target, schema).await;
        }
        // Unproved once more.
        recipes::backup(&backup_options(source(), &repo, "partial_kinds*")).await;
    }
}

/// Tables that an earlier try has made usable are in use: they are neither proved, nor proved twice, and rows that their late keys
/// do not allow are named.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_usable_is_left_alone_and_told() {
    let (target, _turn) = target_alone().await;
    run(target, &["SET GLOBAL log_bin_trust_function_creators = ON"]).await;
    make(source(), "partial_used").await;
    let repo = Repo::new();
    recipes::backup(&backup_options(source(), &repo, "partial_used")).await;
    let first = vec!["partial_used.orders".to_owned()];
    let proving = RestoreOptions { first, ..restore_options(target, &repo) };
    let unproved = RestoreOptions { proof: ProofMode::None, ..proving.clone() };
    for earlier in [&unproved, &proving] {
        turn_bit(&repo, "partial_used.customer", 0).await;
        let done = partly(earlier).await;
        assert!(done.usable.len() == 4 && done.first[0].foreign_keys[0].at.is_none(), "{done:?}");
        // Of no customer, and without a word of its own: the trigger gives it one.
        run(target, &["INSERT INTO partial_used.orders VALUES (9000, 424242, '')"]).await;
        turn_bit(&repo, "partial_used.customer", 0).await;
        let report = recipes::restore(&proving).await;
        let (done, text) = (report.restore().unwrap(), report.text());
        let proof = done.proof.as_ref().unwrap();
        match earlier.proof {
            ProofMode::None => {
                assert!((proof.tables, proof.rows) == (1, 900) && !proof.holds(), "{text}");
                assert_eq!(proof.not_compared.len(), 4, "{text}");
                for words in [
                    "NOT PROVED",
                    "an earlier try that proved nothing",
                    "not proved (an earlier try, with --verify none)",
                ] {
                    assert!(text.contains(words), "{words}\n{text}");
                }
            }
            ProofMode::Full => {
                assert_eq!((proof.tables, proof.rows), (5, done.rows), "{text}");
                assert!(proof.holds() && done.first[0].proved && done.first[0].proof.is_none(), "{text}");
            }
        }
        let note =
            done.notes.iter().find(|note| note.starts_with("ORPHANS: rows of partial_used.orders")).expect("a note");
        let query = note.split("to list them: ").nth(1).unwrap();
        assert_eq!(recipes::client_line(target, query), "9000\t424242\tnew", "{note}");
        assert_eq!(done.notes.iter().filter(|note| note.contains("ORPHANS")).count(), 1, "{text}");
        assert_eq!(there(target, "partial_used").await, there(source(), "partial_used").await);
        assert_nothing_left(target).await;
        drop_restored(target, "partial_used").await;
    }
}
