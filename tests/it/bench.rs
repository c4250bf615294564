//! `myriad bench` as a person runs it, on little data: everybody who can be had takes part, whoever cannot is named, what was
//! loaded is compared, and chart and page are written.

use crate::support::server;
use myriad::server::Host;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn bench(folder: &Path, arguments: &[&str]) -> (Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myriad"));
    command.args(["bench", "--json", "--work"]).arg(folder).args(arguments).current_dir(folder);
    let output = command.env("MYRIAD_MYSQLD", &server::programs().server().unwrap().path).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaint}{}", String::from_utf8_lossy(&output.stdout));
    (serde_json::from_slice(&output.stdout).unwrap(), complaint)
}

#[test]
fn a_quick_comparison_measures_everybody_and_checks_what_they_brought() {
    let folder = tempfile::tempdir().unwrap();
    let charts = ["--svg", "a.svg", "--html", "a.html"];
    let missing = ["--program", "mysqlsh=/nowhere/mysqlsh", "--rivals", "mysqldump,mysqlsh,tsv"];
    let data = ["--quick", "--dataset", "sbtest:2x200", "--threads", "2"];
    let (board, _) = bench(folder.path(), &[&data[..], &charts, &missing].concat());
    let lines = board["lines"].as_array().unwrap();
    let seen: BTreeSet<(&str, &str, &str)> = lines
        .iter()
        .map(|line| {
            for figure in ["wall_seconds", "client_cpu_seconds", "server_cpu_seconds"] {
                assert!(line[figure]["median"].as_f64().is_some(), "{line}");
            }
            assert!(line["client_memory_bytes"].as_u64().unwrap() > 0, "{line}");
            let text = |name: &str| line[name].as_str().unwrap();
            (text("settings"), text("step"), text("rival"))
        })
        .collect();
    for (settings, step) in [("as_started", "dump"), ("as_started", "load"), ("switched", "load")] {
        assert!(seen.contains(&(settings, step, "myriad")), "{seen:?}");
        assert!(seen.contains(&(settings, step, "mysqldump + mysql")), "{seen:?}");
    }
    let absent = board["absent"].to_string();
    assert!(absent.contains("mysqlsh") && absent.contains("/nowhere/mysqlsh does not run"), "{absent}");
    // Where there is no zstd it is named.
    let tsv = seen.iter().filter(|(_, _, rival)| rival.starts_with("TSV")).count();
    assert!(tsv == 3 || absent.contains("zstd"), "{seen:?} {absent}");
    assert_eq!(board["losses"].as_array().unwrap().len(), 0, "{}", board["losses"]);
    assert!(board["ratios"].as_array().unwrap().iter().all(|ratio| ratio["wall"].as_f64().unwrap() > 0.0));
    for fact in ["cpu", "disk", "system", "server", "measured_at"] {
        assert!(!board[fact].as_str().unwrap().is_empty(), "{fact}");
    }

    // The same chart and page again from the result, without a server.
    std::fs::write(folder.path().join("a.json"), board.to_string()).unwrap();
    let again = ["--from", "a.json", "--svg", "b.svg", "--html", "b.html"];
    assert_eq!(bench(folder.path(), &again).0, board);
    for kind in ["svg", "html"] {
        let read = |name: &str| std::fs::read_to_string(folder.path().join(format!("{name}.{kind}"))).unwrap();
        assert!(read("a").contains("sbtest:2x200") && read("a") == read("b"), "{kind}");
    }
    let mut left: Vec<String> = Vec::new();
    for entry in folder.path().read_dir().unwrap() {
        left.push(entry.unwrap().file_name().to_string_lossy().into_owned());
    }
    left.sort();
    assert_eq!(left, ["a.html", "a.json", "a.svg", "b.html", "b.svg"], "something was left behind");
}

/// What a script of tab-separated files stumbles over: the word NULL beside NULL, the byte that fields are enclosed in, bytes
/// that are no text. FLOAT it may not bring, and that is told; this program brings everything.
#[tokio::test(flavor = "multi_thread")]
async fn the_script_brings_what_it_can_and_is_told_what_it_cannot() {
    let source = server::own(server::options());
    let mut session = server::connect(&source).await;
    for statement in [
        "CREATE DATABASE odd",
        "CREATE TABLE odd.words (id INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(20) CHARACTER SET latin1, b VARBINARY(20), \
         j JSON, n BIT(12), e ENUM('NULL', 'b'), u VARCHAR(9) CHARACTER SET utf16, g INT AS (LENGTH(t)) STORED, KEY (t, n))",
        "INSERT INTO odd.words (id, t, b, j, n, e, u) VALUES (-5, 'NULL', 'NULL', '{\"a\": null}', 77, 'NULL', 'NULL'), \
         (2, NULL, NULL, NULL, NULL, NULL, NULL), (3, '~null~0', X'0109005C0A0D', '\"x\\\\ty\"', 4095, 'b', '\\t'), \
         (4, X'01E9', '', 'null', 0, 'b', ''), (900000, '', X'FFFE', '[]', 1, NULL, '~null~1')",
        "CREATE TABLE odd.plain (id BIGINT UNSIGNED PRIMARY KEY, c VARCHAR(9), k INT, UNIQUE KEY (k), CONSTRAINT f FOREIGN KEY (k) \
         REFERENCES odd.words (id))",
        "INSERT INTO odd.plain VALUES (1, NULL, 2), (18446744073709551615, 'null', 3), (7, 'a\\tb\\nc', NULL)",
        "CREATE TABLE odd.floats (id INT PRIMARY KEY, f FLOAT, d DOUBLE)",
        "INSERT INTO odd.floats VALUES (1, 5592405.5, 0.1), (2, 1, 1e308)",
    ] {
        session.execute(statement).await.unwrap();
    }
    let Host::Socket(socket) = source.connect_options().host else { unreachable!() };
    let address = format!("mysql://root@{}", socket.display());
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--quick", "--source", &address, "--rivals", "tsv", "--settings", "as-started", "--threads", "2"];
    let (board, complaint) = bench(folder.path(), &arguments);
    if board["absent"].to_string().contains("zstd") {
        return;
    }
    let losses = board["losses"].as_array().unwrap();
    assert_eq!(losses.len(), 1, "{board} {complaint}");
    assert!(losses[0]["rival"].as_str().unwrap().starts_with("TSV"), "{losses:?}");
    let told: Vec<(&str, &str)> = losses[0]["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| (difference["place"].as_str().unwrap(), difference["what"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("odd.floats", "column f: other values")]);
}
