//! The situations of docs/guide.md, "At three in the morning": the blocks of each are run in their order against real servers
//! that are in that situation, and what the guide promises must then be so. A block's first line names its situation, and for
//! SQL the server: "```sh lost-replica", "```sql dropped-table SOURCE"; `exit=40` is the code that a block ends with.

use crate::managed::MASTER_USER;
use crate::support::data::{self, fingerprint, one, run};
use crate::support::program::{self, Repo, address, address_of};
use crate::support::server::{connect, options, own, programs};
use myriad::sandbox::{Sandbox, SandboxOptions};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One block of a situation.
struct Block {
    sql_on: Option<String>,
    exit: i32,
    text: String,
}

fn blocks(situation: &str) -> Vec<Block> {
    let guide = include_str!("../../docs/guide.md");
    let parts = guide.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    let blocks = parts.filter_map(|(head, text)| {
        let words: Vec<&str> = head.split(' ').collect();
        let exit = words.iter().find_map(|word| word.strip_prefix("exit=")).map_or(0, |code| code.parse().unwrap());
        let sql_on = (words[0] == "sql").then(|| words.get(2).unwrap_or(&"").to_string());
        (words.get(1) == Some(&situation)).then(|| Block { sql_on, exit, text: text.to_owned() })
    });
    let blocks: Vec<Block> = blocks.collect();
    assert!(!blocks.is_empty(), "the guide has no {situation}");
    blocks
}

/// A situation with its servers.
struct Night<'a> {
    variables: HashMap<&'a str, String>,
    servers: [(&'a str, &'a Sandbox); 2],
}

impl<'a> Night<'a> {
    fn of(source: &'a Sandbox, target: &'a Sandbox, repo: &Repo) -> Night<'a> {
        let variables =
            HashMap::from([("SOURCE", address(source)), ("TARGET", address(target)), ("REPO", repo.place())]);
        Night { variables, servers: [("SOURCE", source), ("TARGET", target)] }
    }

    fn with(mut self, name: &'a str, value: impl Into<String>) -> Night<'a> {
        self.variables.insert(name, value.into());
        self
    }

    /// Runs a block; returns what it printed.
    fn run(&self, block: &Block) -> String {
        let mysql = programs().client("mysql").unwrap();
        let mut command = match &block.sql_on {
            Some(name) => {
                let server = self.servers.iter().find(|(known, _)| known == name).unwrap().1;
                let mut client = Command::new(&mysql);
                client.args(["--no-defaults", "--user=root"]).arg(format!("--socket={}", server.socket().display()));
                client
            }
            None => {
                let mut shell = Command::new("sh");
                shell.args(["-eux", "-c", &block.text]);
                shell
            }
        };
        let program = assert_cmd::cargo::cargo_bin("myriad");
        let folders = [program.parent().unwrap(), mysql.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")];
        command.env_clear().env("HOME", "/nonexistent").env("PATH", std::env::join_paths(folders).unwrap());
        command.envs(&self.variables).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        if block.sql_on.is_some() {
            input.write_all(block.text.as_bytes()).unwrap();
        }
        drop(input);
        let output = child.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(block.exit), "{}\n{out}\n{err}", block.text);
        out.into_owned()
    }

    /// Runs all blocks of a situation; returns what they printed.
    fn comes(&self, situation: &str) -> String {
        blocks(situation).iter().map(|block| self.run(block)).collect()
    }
}

/// A source with the shop of the guide and a replication account.
async fn shop(arguments: &[&str]) -> Sandbox {
    let arguments = arguments.iter().map(ToString::to_string).collect();
    let source = own(SandboxOptions { tcp: true, arguments, ..options() });
    data::make(&source, "shop", 300).await;
    run(
        &source,
        &[
            "CREATE USER repl IDENTIFIED BY 'r'",
            "GRANT REPLICATION SLAVE ON *.* TO repl",
            "USE shop",
            "CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(40))",
            "INSERT INTO customers VALUES (1, 'ann'), (2, 'bob')",
            "CREATE TABLE orders (id INT PRIMARY KEY, total DECIMAL(8,2), note CHAR(200) NOT NULL DEFAULT 'o')",
            "SET SESSION cte_max_recursion_depth = 10000",
            "INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i, i, i FROM n",
        ],
    )
    .await;
    source
}

/// Makes a server as good as new.
async fn empty(server: &Sandbox) {
    let replica = "SELECT COUNT(*) FROM performance_schema.replication_connection_configuration";
    if one(server, replica).await != "0" {
        run(server, &["STOP REPLICA", "RESET REPLICA ALL"]).await;
    }
    run(server, &["DROP DATABASE IF EXISTS shop", "DROP USER IF EXISTS repl"]).await;
    run(server, &["RESET BINARY LOGS AND GTIDS"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_gone() {
    let (source, target, repo) = (shop(&[]).await, own(options()), Repo::new());
    program::run(&["backup", "--source", &address(&source), "--repo", &repo.place(), "--users"]).expect(0);
    let night = || Night::of(&source, &target, &repo);

    run(&source, &["INSERT INTO shop.orders (id, total) VALUES (3001, 1)"]).await;
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("repl");
    std::fs::write(&password, "r\n").unwrap();
    let host = format!("127.0.0.1:{}", source.port().unwrap());
    let night_of_the_replica =
        night().with("SOURCE_HOST", host.as_str()).with("PASSWORD_FILE", password.display().to_string());
    let said = night_of_the_replica.comes("lost-replica");
    assert!(said.contains(&format!("replication: runs, from {host} by GTID")), "{said}");
    run(&source, &["INSERT INTO shop.orders (id, total) VALUES (3002, 2)"]).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while fingerprint(&target, "shop").await != fingerprint(&source, "shop").await {
        assert!(Instant::now() < deadline, "the new replica did not catch up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    run(&source, &["DELETE FROM shop.orders WHERE id > 3000"]).await;
    let expected = fingerprint(&source, "shop").await;
    for situation in ["lost-primary", "new-version"] {
        empty(&target).await;
        let said = night().comes(situation);
        assert!(said.contains("PROVED: "), "{said}");
        assert_same(&target, &expected, situation).await;
        assert_eq!(one(&target, "SELECT COUNT(*) FROM mysql.user WHERE User = 'repl'").await, "1");
    }

    empty(&target).await;
    run(&target, &["SET GLOBAL log_bin_trust_function_creators = ON"]).await;
    run(&target, MASTER_USER).await;
    night().with("TARGET", address_of("master:m", &target)).comes("managed-target");
    assert_same(&target, &expected, "managed-target").await;
    let definers = "SELECT DISTINCT DEFINER FROM information_schema.routines WHERE ROUTINE_SCHEMA = 'shop'";
    assert_eq!(one(&target, definers).await, "master@localhost");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_gone() {
    let mut source = shop(&["--innodb-buffer-pool-load-at-startup=OFF"]).await;
    let (target, repo) = (own(options()), Repo::new());
    let place = repo.place();
    let backup =
        || program::run(&["backup", "--source", &address(&source), "--repo", &place, "--json"]).expect(0).json();
    let taken = backup();

    // Good writes, then a bad one.
    run(&source, &["INSERT INTO shop.orders (id, total) VALUES (2001, 7)"]).await;
    let expected = fingerprint(&source, "shop").await;
    let at = connect(&source).await.query("SHOW BINARY LOG STATUS").await.unwrap()[0].number(1);
    run(
        &source,
        &["UPDATE shop.orders SET total = 0 WHERE id <= 50", "DELETE FROM shop.orders WHERE id BETWEEN 60 AND 70"],
    )
    .await;
    let position = &taken["position"];
    let client = |server: &Sandbox| format!("--no-defaults --user=root --socket={}", server.socket().display());
    let said = Night::of(&source, &target, &repo)
        .with("FILE", position["binlog_file"].as_str().unwrap())
        .with("OFFSET", position["binlog_offset"].to_string())
        .with("STOP", at.to_string())
        .with("FROM", client(&source))
        .with("INTO", client(&target))
        .comes("bad-deploy");
    assert!(said.contains("total"), "{said}");
    assert_same(&source, &expected, "copied back").await;
    assert_same(&target, &expected, "up to the bad statement").await;

    backup();
    run(&source, &["DROP TABLE shop.orders"]).await;
    let said = Night::of(&source, &target, &repo).comes("dropped-table");
    assert!(said.contains("to put back what is missing"), "{said}");
    assert!(said.contains("RENAME TABLE `shop_restored`.`orders` TO `shop`.`orders`;"), "{said}");
    assert_same(&source, &expected, "dropped and put back").await;

    // Pages of the table are no pages any more.
    empty(&target).await;
    source.restart().unwrap();
    source.kill9();
    damage(&source.data_dir().join("shop/orders.ibd"));
    source.restart().unwrap();
    Night::of(&source, &target, &repo).comes("corrupted-page");
    assert_same(&target, &expected, "rescued").await;
    let all = program::run(&["backup", "--source", &address(&source), "--repo", &place, "--name", "all"]);
    assert!([10, 13].contains(&all.code), "the table is read in spite of its pages: {all:?}");
}

/// Panics with what differs.
async fn assert_same(server: &Sandbox, expected: &BTreeMap<String, String>, when: &str) {
    let found = fingerprint(server, "shop").await;
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for name in names {
        let plain = |print: &BTreeMap<String, String>| print.get(name).map(|text| uncounted(text));
        assert_eq!(plain(&found), plain(expected), "{when}: {name}");
    }
}

/// Without the next AUTO_INCREMENT, which a restart of the server may bring down.
fn uncounted(text: &str) -> String {
    match text.split_once(" AUTO_INCREMENT=") {
        Some((before, after)) => before.to_owned() + after.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => text.to_owned(),
    }
}

/// Overwrites the leaves of a table.
fn damage(file: &Path) {
    const PAGE_BYTES: u64 = 16 << 10;
    let mut file = OpenOptions::new().write(true).open(file).unwrap();
    let pages = file.metadata().unwrap().len() / PAGE_BYTES;
    assert!(pages > 20, "{pages} pages");
    file.seek(SeekFrom::Start(5 * PAGE_BYTES)).unwrap();
    file.write_all(&vec![0xab; (15 * PAGE_BYTES) as usize]).unwrap();
    file.sync_all().unwrap();
}
