//! The block of docs/format.md that restores a backup without this program, run as it stands there with only `dd`,
//! `zstd` and the `mysql` client, and compared with the source.

use crate::support::data::{self, fingerprint};
use crate::support::program::{Repo, address};
use crate::support::server::{options, own, programs, source};
use std::process::Command;

/// The `sh` block below a heading of a document.
fn block(document: &str, heading: &str) -> String {
    let section = document.split(heading).nth(1).unwrap_or_else(|| panic!("no heading {heading}"));
    let block = section.split("```sh\n").nth(1).expect("an sh block");
    block.split("```").next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_backup_is_restored_with_dd_zstd_and_mysql_alone() {
    if Command::new("zstd").arg("--version").output().is_err() {
        eprintln!("skipped a_backup_is_restored_with_dd_zstd_and_mysql_alone: zstd is not installed");
        return;
    }
    data::make(source(), "by_hand_1", 1500).await;
    data::make(source(), "by_hand_2", 20).await;
    data::run(
        source(),
        &[
            "USE by_hand_1",
            "SET NAMES utf8mb4, SESSION sql_mode = ''",
            "CREATE TABLE `odd ``name` (`a b` INT, g INT AS (`a b` * 2) STORED, h INT AS (`a b` + 1) VIRTUAL,
             s SET('x','y'), b BIT(9), v VARBINARY(20), t TIMESTAMP NULL, f FLOAT, d DOUBLE, p POINT, UNIQUE (`a b`))",
            "INSERT INTO `odd ``name` (`a b`, s, b, v, t, f, d, p) VALUES
             (1, 'x,y', b'100000001', X'00095C0A0D', '2026-01-01 00:00:00', 1.1, 0.1, POINT(1, 2)),
             (NULL, '', NULL, '', NULL, NULL, NULL, NULL), (0, NULL, 0, '\\\\N', NULL, -7.038531e-26, -0.0, NULL)",
            "CREATE TABLE nothing (id INT PRIMARY KEY)",
            "CREATE VIEW richer AS SELECT * FROM rich WHERE balance > 500",
            "CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC BEGIN DECLARE m INT; SET m = n * 2; RETURN m; END",
        ],
    )
    .await;
    let repo = Repo::new();
    repo.backup(source(), "by_hand_*");
    let target = own(options());
    let folder = tempfile::tempdir().unwrap();
    let client = programs().client("mysql").unwrap();
    let mysql = format!(
        "{} --no-defaults --user=root --socket={} --local-infile=1",
        client.display(),
        target.socket().display()
    );
    let script = block(include_str!("../../docs/format.md"), "## 13. Restoring by hand");
    let mut shell = Command::new("sh");
    shell.args(["-eu", "-c", &script]).current_dir(folder.path()).env("REPO", repo.place()).env("MYSQL", mysql);
    let output = shell.output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !told.contains("ERROR"), "{told}");
    for schema in ["by_hand_1", "by_hand_2"] {
        assert_eq!(fingerprint(&target, schema).await, fingerprint(source(), schema).await);
    }
    repo.verify(&["--against", &address(&target)]).expect(0);
}
