//! The repository without this program: the block of docs/format.md that restores by hand is run to the letter, with
//! nothing but `dd`, `zstd` and the mysql client.

use crate::support::program::Repo;
use crate::support::run::{assert_same_rows, client_line};
use crate::support::{data, server};
use std::process::Command;

const SCHEMA: &str = "hand";

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_lines_bring_everything_back() {
    if Command::new("zstd").arg("--version").output().is_err() {
        // The only test that needs it: the program itself has zstd built in.
        eprintln!("skipped: zstd is not installed on this machine");
        return;
    }
    let (source, target) = (server::source(), server::own(server::options()));
    data::run(
        source,
        &[
            "CREATE DATABASE hand CHARACTER SET latin1",
            "CREATE TABLE hand.kinds (id INT AUTO_INCREMENT PRIMARY KEY, f FLOAT, e ENUM('x','y') NOT NULL, s SET('p','q'), \
             j JSON, t VARCHAR(40) CHARACTER SET latin1, b BLOB, d DECIMAL(10,2), at DATETIME(3), KEY (t)) COMMENT 'it''s \\\\ one'",
            "INSERT INTO hand.kinds (f, e, s, j, t, b, d, at) VALUES (1/3, 'y', 'p,q', '{\"a\": [1, \"x\\\\ny\"]}', _latin1 x'e4f6', \
             x'00090a5c', -1.50, '2024-01-31 10:00:00.123'), (NULL, 'x', '', NULL, NULL, NULL, NULL, NULL)",
            "CREATE TABLE hand.nokey (a INT, t TEXT)",
            "INSERT INTO hand.nokey VALUES (1, 'same'), (1, 'same'), (NULL, 'tab\\there')",
            "CREATE TABLE hand.`odd name` (a INT PRIMARY KEY)",
            "INSERT INTO hand.`odd name` VALUES (1), (2)",
            "CREATE TABLE hand.empty (a INT PRIMARY KEY)",
            "CREATE VIEW hand.seen AS SELECT id, t FROM hand.kinds",
            "CREATE PROCEDURE hand.count_them() SELECT COUNT(*) FROM hand.kinds",
            "CREATE TRIGGER hand.before_insert BEFORE INSERT ON hand.nokey FOR EACH ROW SET NEW.a = 7",
        ],
    )
    .await;
    let repo = Repo::new();
    repo.backup(source, SCHEMA).expect(0);
    let folder = tempfile::tempdir().unwrap();
    let mysql = server::programs().client("mysql").unwrap();
    let client = format!(
        "{} --no-defaults --user=root --socket={} --local-infile=1",
        mysql.display(),
        target.socket().display()
    );
    let run = Command::new("sh")
        .args(["-eu", "-c", &block()])
        .current_dir(folder.path())
        .env("REPO", repo.place())
        .env("MYSQL", client)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{}\n{told}", String::from_utf8_lossy(&run.stdout));
    assert_same_rows((source, SCHEMA), (&target, SCHEMA));
    for sql in [
        "SHOW CREATE TABLE hand.kinds",
        "SHOW CREATE VIEW hand.seen",
        "SELECT ROUTINE_DEFINITION, SQL_MODE FROM information_schema.routines WHERE ROUTINE_SCHEMA = 'hand'",
        "SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.triggers WHERE TRIGGER_SCHEMA = 'hand'",
        "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME = 'by_hand'",
    ] {
        assert_eq!(client_line(source, sql), client_line(&target, sql), "{sql}");
    }
    data::run(source, &["DROP DATABASE hand"]).await;
}

/// The shell lines of the section.
fn block() -> String {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/format.md")).unwrap();
    let section = document.split("## 12. Restoring by hand").nth(1).expect("the section");
    let block = section.split("```sh\n").nth(1).expect("its block");
    block.split("```").next().expect("its end").to_owned()
}
