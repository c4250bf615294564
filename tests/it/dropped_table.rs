//! One table was dropped on a live source: it comes back under a new schema name without any override, while the source is
//! written to and a replica reads from it, and the lines that the summary ends with put it back on both. No global setting of
//! the source is another afterwards, and the redo log stays on.

use crate::support::data::{one, run};
use crate::support::program::{self, Repo, address};
use crate::support::replication;
use crate::support::server::{connect, mariadb_options, mariadb_programs, options, own, programs};
use myriad::sandbox::{Kind, Sandbox, SandboxOptions};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A shop whose orders refer to customers, have two triggers on one event, and are referred to by items.
const SHOP: &[&str] = &[
    "CREATE DATABASE shop",
    "CREATE TABLE shop.customers (id INT PRIMARY KEY, name VARCHAR(40), orders INT NOT NULL DEFAULT 0)",
    "CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, customer INT NOT NULL, before_it INT, note VARCHAR(40), \
     CONSTRAINT whose FOREIGN KEY (customer) REFERENCES customers (id), \
     CONSTRAINT follows FOREIGN KEY (before_it) REFERENCES orders (id))",
    "CREATE TABLE shop.items (id INT PRIMARY KEY, `order` INT NOT NULL, \
     CONSTRAINT of_order FOREIGN KEY (`order`) REFERENCES orders (id))",
    "CREATE TABLE shop.visits (id BIGINT AUTO_INCREMENT PRIMARY KEY)",
    "INSERT INTO shop.customers (id, name) VALUES (1, 'ann'), (2, 'bob')",
    "INSERT INTO shop.orders (customer, before_it, note) VALUES (1, NULL, 'a;b'), (2, 1, 'c'), (1, 2, 'd')",
    "INSERT INTO shop.items VALUES (1, 1), (2, 3)",
    "USE shop",
    "CREATE TRIGGER first_of_all BEFORE INSERT ON orders FOR EACH ROW BEGIN SET NEW.note = CONCAT('new ', NEW.note); END",
    "CREATE TRIGGER then_this BEFORE INSERT ON orders FOR EACH ROW FOLLOWS first_of_all \
     BEGIN UPDATE customers SET orders = orders + 1 WHERE id = NEW.customer; SET NEW.note = CONCAT(NEW.note, '!'); END",
];

/// Writes to a table that nobody restores, until stopped.
fn visitor(source: &Sandbox) -> (Arc<AtomicBool>, tokio::task::JoinHandle<u64>) {
    let (stop, options) = (Arc::new(AtomicBool::new(false)), source.connect_options());
    let stopped = stop.clone();
    let work = tokio::spawn(async move {
        let mut session = myriad::server::Session::connect(&options).await.unwrap();
        let mut visits = 0;
        while !stopped.load(Ordering::SeqCst) {
            session.execute("INSERT INTO shop.visits VALUES (NULL)").await.unwrap();
            visits += 1;
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        }
        session.close().await;
        visits
    });
    (stop, work)
}

/// All global variables but those that move as others write.
async fn variables(server: &Sandbox) -> BTreeMap<String, String> {
    let rows = connect(server).await.query("SHOW GLOBAL VARIABLES").await.unwrap();
    let moving = |name: &str| name.starts_with("gtid_");
    rows.iter().map(|row| (row.text(0), row.text(1))).filter(|(name, _)| !moving(name)).collect()
}

/// All of a trigger that its table needs.
const TRIGGERS: &str = "SELECT GROUP_CONCAT(CONCAT_WS('|', TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_ORDER, SQL_MODE, \
    CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION, ACTION_STATEMENT) ORDER BY TRIGGER_NAME SEPARATOR '\n') \
    FROM information_schema.triggers WHERE TRIGGER_SCHEMA = 'shop' AND TRIGGER_NAME <> 'strange'";

/// Makes triggers as people type them, by clients of their own, on a table whose name leaves no room for another word too;
/// all tables are dropped, come back aside and are put back by the lines of the summary.
async fn triggers_come_back(server: &Sandbox) {
    let long = "x".repeat(63);
    let typed = [
        "DROP DATABASE IF EXISTS shop",
        "CREATE DATABASE shop COLLATE latin1_bin",
        "USE shop",
        "CREATE TABLE a (id INT PRIMARY KEY, note VARCHAR(40))",
        &format!("CREATE TABLE {long} (id INT PRIMARY KEY, note VARCHAR(40))"),
        "CREATE TABLE odd (id INT PRIMARY KEY, note VARCHAR(40))",
        "create trigger lower_case before insert on a for each row set new.note = concat(new.note, '!')",
        "ALTER DATABASE shop COLLATE utf8mb4_bin",
        "create trigger shop.spelled before insert on `shop` . a for each row set new.note = concat(new.note, '+')",
        "SET NAMES latin1",
        "create trigger qualified before insert on `a` for each row set new.note = concat(new.note, '?')",
        "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
        &format!("CREATE TRIGGER long_one BEFORE INSERT ON \"{long}\" FOR EACH ROW SET NEW.note = NEW.note || '.'"),
        "SET SESSION sql_mode = DEFAULT",
        "SET NAMES utf8mb4",
        "CREATE TRIGGER strange BEFORE INSERT ON odd FOR EACH ROW SET NEW.note = '// $$ || @@'",
    ];
    run(server, &typed).await;
    let (repo, address) = (Repo::new(), address(server));
    program::run(&["backup", "--source", &address, "--repo", &repo.place(), "--database", "shop"]).expect(0);
    let before = one(server, TRIGGERS).await;
    run(server, &["USE shop", &format!("DROP TABLE a, odd, {long}")]).await;
    let restore = ["restore", "--target", &address, "--repo", &repo.place(), "--database", "shop"];
    let done = program::run(&[&restore[..], &["--rename", "shop=shop_r"]].concat()).expect(0);
    // A trigger that no line makes is dropped by none.
    let said = "cannot be put back as shop.odd by lines that are printed: the text of its trigger `strange`";
    assert!(done.out.contains(said), "{}", done.out);
    // One trigger was made under another collation of the schema.
    let said = "give schema shop the collation latin1_bin for a moment, and then utf8mb4_bin again: trigger lower_case";
    assert_eq!(done.out.matches(said).count(), 1, "{}", done.out);
    run_in_client(server, &script(&done.out));
    let collation = "SELECT DEFAULT_COLLATION_NAME FROM information_schema.schemata WHERE SCHEMA_NAME = 'shop'";
    assert_eq!(one(server, collation).await, "utf8mb4_bin");
    run(server, &["USE shop_r", "ALTER TABLE odd COMMENT 'still here'", "DROP TRIGGER strange", "USE shop"]).await;
    run(server, &["RENAME TABLE shop_r.odd TO shop.odd", "USE shop", typed[typed.len() - 1]]).await;
    assert_eq!(one(server, TRIGGERS).await, before);
    run(server, &["DROP DATABASE shop", "DROP DATABASE shop_r"]).await;
}

/// The lines of a summary that put back what is missing.
fn script(summary: &str) -> String {
    let lines = summary.lines().skip_while(|line| !line.contains("to put back what is missing")).skip(1);
    lines.map_while(|line| line.strip_prefix("    ")).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_as_people_type_them_come_back_on_mariadb() {
    triggers_come_back(&own(mariadb_options())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_back_on_the_source_and_its_replica() {
    let source = own(SandboxOptions { tcp: true, ..options() });
    let replica = own(options());
    run(&source, SHOP).await;
    replication::attach(&replica, &source);
    let (repo, address) = (Repo::new(), address(&source));
    let place = repo.place();
    program::run(&["backup", "--source", &address, "--repo", &place]).expect(0);
    let orders =
        "SELECT GROUP_CONCAT(CONCAT_WS(',', id, customer, IFNULL(before_it, '-'), note) ORDER BY id) FROM shop.orders";
    let before = one(&source, orders).await;
    let (stop, writing) = visitor(&source);
    let settings = variables(&source).await;
    let redo =
        "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Innodb_redo_log_enabled'";

    run(&source, &["SET SESSION foreign_key_checks = 0", "DROP TABLE shop.orders"]).await;
    let restore = ["restore", "--target", &address, "--repo", &place, "--table", "shop.orders"];
    let done = program::run(&[&restore[..], &["--rename", "shop=shop_restored"]].concat()).expect(0);
    assert!(done.out.contains("binary log of the target: written"), "{}", done.out);
    for note in ["is the server that this backup was taken from", "has replicas attached"] {
        assert!(done.out.contains(note), "{note}\n{}", done.out);
    }
    assert_eq!(variables(&source).await, settings);
    assert_eq!(one(&source, redo).await, "ON");
    replication::catch_up(&replica, &source);
    assert_eq!(one(&replica, "SELECT COUNT(*) FROM shop_restored.orders").await, "3");

    // What the summary says, in the mysql client.
    let script = script(&done.out);
    assert!(script.contains("\nRENAME TABLE `shop_restored`.`orders` TO"), "{}", done.out);
    run_in_client(&source, &script);
    run(&source, &["DROP DATABASE shop_restored"]).await;
    stop.store(true, Ordering::SeqCst);
    assert!(writing.await.unwrap() > 0);
    assert_eq!(one(&source, orders).await, before);

    // Its keys hold in both directions, and its triggers fire in their order.
    let mut session = connect(&source).await;
    let refused = async |session: &mut myriad::server::Session, sql: &str| {
        assert_eq!(session.execute(sql).await.unwrap_err().code(), Some(1452), "{sql}");
    };
    refused(&mut session, "INSERT INTO shop.orders (customer, note) VALUES (7, 'x')").await;
    refused(&mut session, "INSERT INTO shop.orders (customer, before_it, note) VALUES (1, 77, 'x')").await;
    refused(&mut session, "INSERT INTO shop.items VALUES (9, 77)").await;
    session.execute("INSERT INTO shop.orders (customer, before_it, note) VALUES (2, 3, 'x')").await.unwrap();
    session.execute("INSERT INTO shop.items SELECT 9, MAX(id) FROM shop.orders").await.unwrap();
    replication::catch_up(&replica, &source);
    for server in [&source, &replica] {
        assert!(one(server, orders).await.ends_with(",2,3,new x!"), "{}", one(server, orders).await);
        assert_eq!(one(server, "SELECT orders FROM shop.customers WHERE id = 2").await, "1");
    }
    let tables = "SELECT GROUP_CONCAT(TABLE_NAME ORDER BY TABLE_NAME) FROM information_schema.tables WHERE TABLE_SCHEMA = 'shop'";
    assert_eq!(one(&source, tables).await, "customers,items,orders,visits");
    assert_eq!(variables(&source).await, settings);
    let wrong = "SELECT COUNT(*) FROM information_schema.referential_constraints WHERE CONSTRAINT_SCHEMA <> UNIQUE_CONSTRAINT_SCHEMA";
    assert_eq!(one(&source, wrong).await, "0");
    drop(replica);
    triggers_come_back(&source).await;
}

/// Feeds a script to the server's own client, DELIMITER lines and all.
fn run_in_client(server: &Sandbox, script: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("put-back.sql");
    std::fs::write(&file, script).unwrap();
    let mysql = match server.kind() {
        Kind::Mysql => programs().client("mysql").unwrap(),
        Kind::Mariadb => mariadb_programs().client("mariadb").unwrap(),
    };
    let mut client = Command::new(mysql);
    client.args(["--no-defaults", "--user=root"]).arg(format!("--socket={}", server.socket().display()));
    let output = client.stdin(std::fs::File::open(file).unwrap()).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}
