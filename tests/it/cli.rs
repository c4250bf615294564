//! The real program from outside: what it prints where, and its exit codes. Each run has a fresh folder as
//! working directory and home, and no variable of the surrounding shell.

use crate::support::server::programs;
use assert_cmd::Command;
use myriad::cli::option_file::{Item, parse};
use std::process::{Output, Stdio};

const COMMANDS: [&str; 10] =
    ["backup", "restore", "verify", "list", "show", "prune", "demo", "bench", "completions", "man"];

/// The program with nothing around it.
fn myriad(folder: &tempfile::TempDir) -> Command {
    let mut command = Command::cargo_bin("myriad").unwrap();
    command.current_dir(folder.path()).env_clear().env("HOME", folder.path());
    command
}

/// Runs the program; exit code, standard output, standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let Output { status, stdout, stderr } = myriad(&folder).args(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn every_command_explains_itself() {
    for command in COMMANDS {
        let (code, out, err) = run(&[command, "--help"]);
        assert_eq!((code, err.as_str()), (0, ""), "{command}");
        assert!(out.contains(&format!("Usage: myriad {command}")), "{out}");
        assert_eq!(run(&[command, "-h"]).1, out);
    }
    let (code, out, _) = run(&["--help"]);
    assert_eq!(code, 0);
    assert!(COMMANDS.iter().all(|command| out.contains(&format!("\n  {command} "))), "{out}");
    assert_eq!(run(&["--version"]), (0, format!("myriad {}\n", env!("CARGO_PKG_VERSION")), String::new()));
}

#[test]
fn wrong_usage_ends_with_2_and_says_where() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage: myriad"),
        (&["dump"], "unrecognized subcommand 'dump'"),
        (&["list", "--repo", "r", "--colour"], "unexpected argument '--colour'"),
        (&["list"], "--repo <PLACE>"),
        (&["backup", "--repo", "r", "--chunk-size", "16X"], "a size like 16M, 512k or 1GiB is wanted"),
        (&["backup", "--repo", "r", "--chunk-size", "1k"], "a size from 64k to 256M is wanted"),
        (&["backup", "--repo", "r", "--table", "orders"], "write schema.table"),
    ];
    for (arguments, message) in cases {
        let (code, out, err) = run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains(message), "{arguments:?}: {err}");
    }
}

#[test]
fn what_is_wrong_has_its_own_code_and_a_hint() {
    let cases: &[(&[&str], i32, &str)] = &[
        (&["list", "--repo", "missing"], 20, "missing"),
        (&["show", "--repo", "missing"], 20, "missing"),
        (&["verify", "--repo", "missing"], 20, "missing"),
        (&["restore", "--repo", "r"], 2, "which server to restore into"),
        (&["verify", "--repo", "r", "--user", "u"], 2, "--user is given, but no --against"),
        (&["backup", "--repo", "r", "--source", "mysql://u:S3cret@h:port"], 2, "is no server address"),
        (&["backup", "--repo", "r", "--source", "mysql://h", "--port", "1"], 2, "and so does --port"),
        (&["backup", "--repo", "r", "--defaults-file", "missing.cnf"], 2, "missing.cnf"),
        (&["backup", "--repo", "r", "--defaults-file", "/dev/null", "-p"], 2, "cannot ask for the password"),
        (&["backup", "--repo", "r", "--source", "mysql://u@127.0.0.1:1"], 10, "cannot reach u@127.0.0.1:1"),
        (&["backup", "--repo", "r", "--source", "mysql://u:S3cret@/no/such.sock"], 10, "cannot reach u@/no/such.sock"),
    ];
    for (arguments, code, message) in cases {
        let (got, out, err) = run(arguments);
        assert_eq!((got, out.as_str()), (*code, ""), "{arguments:?}: {err}");
        assert!(err.contains("error: ") && err.contains(message) && err.contains("\nhint: "), "{arguments:?}: {err}");
        assert!(!err.contains("S3cret"), "{err}");
    }
}

#[test]
fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    for password in ["-pS3cret", "--password=S3cret"] {
        let (code, out, err) = run(&["backup", "--repo", "r", password]);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.starts_with("error: ") && err.contains("\nhint: ") && !err.contains("S3cret"), "{err}");
    }
}

#[test]
fn with_json_an_error_is_a_document_too() {
    for arguments in [&["backup", "--json", "-pS3cret"][..], &["list", "--json"], &["--json", "list", "--what"]] {
        let (code, out, err) = run(arguments);
        let document: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
        assert_eq!(document["error"]["exit_code"], code, "{arguments:?}");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(!message.is_empty() && err.contains(message), "{message} in {err}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin("myriad");
    let mut command = std::process::Command::new(program);
    command.current_dir(folder.path()).arg("--help").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

/// What the mysql client makes of an option file, in its own words: `--user=a --port=1 `.
fn as_mysql_reads(client: &std::path::Path, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.cnf");
    std::fs::write(&file, text).unwrap();
    let mut command = std::process::Command::new(client);
    let output = command.arg(format!("--defaults-file={}", file.display())).arg("--print-defaults").output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    out.split_once("following arguments:\n").unwrap_or_else(|| panic!("{text}: {out}")).1.to_owned()
}

/// The same from our parser, for the groups that the mysql client reads.
fn as_we_read(text: &str) -> String {
    let (mut group, mut out) = (String::new(), String::new());
    for (_, item) in parse(text).unwrap() {
        match item {
            Item::Group(name) => group = name.to_ascii_lowercase(),
            Item::Setting { key, value } if matches!(group.as_str(), "client" | "mysql") => {
                let value = value.map(|value| format!("={value}")).unwrap_or_default();
                out.push_str(&format!("--{key}{value} "));
            }
            _ => {}
        }
    }
    out + "\n"
}

#[test]
fn option_files_are_read_as_the_mysql_client_reads_them() {
    let client = programs().client("mysql").unwrap();
    let lines = [
        "user=root",
        "\tuser =  root  \r",
        "user",
        "user=",
        "user=a#b",
        "user=a;b",
        "  ; user=a",
        "user=\"a#b\" # c",
        "user='a\"",
        "user=\"",
        "user=''",
        "user=' a '",
        "user=a=b",
        r"user=a\sb\tc\\d\qe\",
        "user=\"a\\\"#b\"",
        r"user=a\'#b",
        r#"user=a\"b"#,
        "!unknown thing",
        "[mysqld]\nuser=x\n[ client]\nuser=y\n[CLIENT ] z\nuser=w",
        "[client\t]\nport=1\n[mysql]\nport=2",
        "us er = x",
        "=x",
        "'user'=x",
        "user=\u{e9}\u{a0}x",
    ];
    for line in lines {
        let text = format!("[client]\n{line}\n");
        assert_eq!(as_we_read(&text), as_mysql_reads(&client, &text), "{text:?}");
    }
}
