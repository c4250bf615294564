//! Memory: rows of 64 MiB go out, in and are read back within the memory asked for and a fixed base; so do thousands of
//! small tables. The real program runs as a child, and the kernel says what it held at most.

use crate::support::rows::{all, schema_with_numbers};
use crate::support::run::{Repo, assert_same_rows, client_line};
use crate::support::server::{self, programs};
use myriad::sandbox::{Sandbox, SandboxOptions};
use myriad::server::Session;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What the program may hold beside `--memory`.
const BASE_BYTES: u64 = 200 << 20;

/// Runs the program and returns its exit code, what it printed, and its greatest resident size.
pub fn run_measured(arguments: &[&str]) -> (i32, String, u64) {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = (folder.path().join("out"), folder.path().join("err"));
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("myriad"));
    command.current_dir(folder.path()).env_clear().env("HOME", folder.path()).args(arguments).stdin(Stdio::null());
    command.stdout(std::fs::File::create(&out).unwrap()).stderr(std::fs::File::create(&err).unwrap());
    let mut child = command.spawn().unwrap();
    let mut peak = 0;
    let begun = Instant::now();
    let status = loop {
        if let Ok(text) = std::fs::read_to_string(format!("/proc/{}/status", child.id())) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            peak = peak.max(kib.unwrap_or(0) << 10);
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(300), "{arguments:?} takes for ever");
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = std::fs::read_to_string(out).unwrap() + &std::fs::read_to_string(err).unwrap();
    println!("{:?}: {:.1} s, peak {} MiB", &arguments[0], begun.elapsed().as_secs_f64(), peak >> 20);
    (status.code().unwrap_or(-1), text, peak)
}

fn address(server: &Sandbox) -> String {
    format!("mysql://root@{}", server.socket().display())
}

/// Backup, restore and both kinds of verify with this memory; every one must stay within it.
fn there_and_back(source: &Sandbox, target: &Sandbox, schema: &str, memory: &str, memory_bytes: u64) {
    let repo = Repo::new();
    let (place, from, to) = (repo.place(), address(source), address(target));
    let common = ["--repo", &place, "--threads", "2", "--memory", memory, "--quiet"];
    let commands: [&[&str]; 4] = [
        &["backup", "--source", &from, "--database", schema],
        &["restore", "--target", &to, "--drop-existing"],
        &["verify", "--against", &to],
        &["verify"],
    ];
    for command in commands {
        let (code, text, peak) = run_measured(&[command, &common].concat());
        assert_eq!(code, 0, "{text}");
        let bytes_max = memory_bytes + BASE_BYTES;
        assert!(peak < bytes_max, "{command:?} with {memory} held {} MiB", peak >> 20);
    }
}

/// A server that takes rows of 64 MiB in statements.
fn roomy() -> Sandbox {
    let arguments = vec!["--max-allowed-packet=256M".to_owned(), "--innodb-redo-log-capacity=1G".into()];
    server::own(SandboxOptions { arguments, binary_log: false, ..server::options() })
}

async fn fill(session: &mut Session, schema: &str) {
    schema_with_numbers(session, schema, 30_000).await;
    let bytes = "REPEAT(SHA2(n, 512), 524288)";
    all(
        session,
        &[
            "CREATE TABLE wide (id INT PRIMARY KEY, b LONGBLOB, t LONGTEXT)".into(),
            "CREATE TABLE floats (id INT PRIMARY KEY, f DOUBLE, b LONGBLOB)".into(),
            "CREATE TABLE narrow (id INT PRIMARY KEY, v CHAR(200))".into(),
            "CREATE TABLE documents (id INT PRIMARY KEY, j JSON)".into(),
            "INSERT INTO narrow SELECT n, REPEAT(SHA2(n, 256), 3) FROM numbers".into(),
        ],
    )
    .await;
    for n in 0..5 {
        // One half text that needs every byte escaped twice over, the other bytes that do not compress.
        all(
            session,
            &[
                format!("SET @n = {n}"),
                format!("INSERT INTO wide SELECT n, {bytes}, 'x' FROM numbers WHERE n = @n"),
                format!("INSERT INTO floats SELECT n, n / 3e0, {bytes} FROM numbers WHERE n = @n"),
                "INSERT INTO wide SELECT 100 + n, 'x', REPEAT('\\t', 33554432) FROM numbers WHERE n = @n".into(),
                "INSERT INTO documents SELECT n, JSON_OBJECT('text', REPEAT('ab', 2097152), 'n', n) FROM numbers WHERE n = @n"
                    .into(),
            ],
        )
        .await;
    }
    // Bytes that no compressor makes smaller, so that frames are as large as the rows.
    let random =
        "UPDATE wide SET b = (SELECT GROUP_CONCAT(RANDOM_BYTES(1000) SEPARATOR '') FROM numbers WHERE n < 20000)";
    all(
        session,
        &[
            "SET SESSION group_concat_max_len = 1 << 30".replace("1 << 30", "1073741824"),
            format!("{random} WHERE id < 4"),
            "UPDATE wide SET b = CONCAT(b, b, b, LEFT(b, 7108864)) WHERE id < 4".into(),
            "DROP TEMPORARY TABLE numbers".into(),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_64_mib_stay_within_the_memory() {
    let (source, target) = (roomy(), roomy());
    let mut session = server::connect(&source).await;
    let schema = "wide_rows";
    fill(&mut session, schema).await;
    there_and_back(&source, &target, schema, "256M", 256 << 20);
    let tables = "SELECT GROUP_CONCAT(TABLE_NAME) FROM information_schema.tables WHERE TABLE_SCHEMA = 'wide_rows'";
    let checksums = format!("USE {schema}; CHECKSUM TABLE {}", client_line(&source, tables));
    assert_eq!(client_line(&source, &checksums), client_line(&target, &checksums));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_small_tables_need_little() {
    let (source, target) = (roomy(), roomy());
    let tables = std::env::var("MYRIAD_TEST_TABLES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    let schema = "small_tables";
    let mut sql = format!("CREATE SCHEMA {schema}; USE {schema};");
    for number in 0..tables {
        sql += &format!(
            "CREATE TABLE t{number} (id INT PRIMARY KEY, v VARCHAR(20), KEY (v)); INSERT INTO t{number} VALUES (1, 'a'), (2, 'b');"
        );
    }
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(script.path(), sql).unwrap();
    let mut client = Command::new(programs().client("mysql").unwrap());
    client.args(["--no-defaults", "--user=root"]).arg(format!("--socket={}", source.socket().display()));
    assert!(client.stdin(std::fs::File::open(script.path()).unwrap()).status().unwrap().success());
    there_and_back(&source, &target, schema, "64M", 64 << 20);
    assert_same_rows((&source, schema), (&target, schema));
}
