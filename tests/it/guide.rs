//! The commands of the documents, run in their order as a reader would run them: every `sh` block of docs/guide.md in
//! one shell, and the README's commands with its example servers and folder taken for private ones.

use crate::support::data::{self, fingerprint};
use crate::support::program::{Repo, address};
use crate::support::server::{options, own};
use std::path::Path;
use std::process::Command;

fn blocks(document: &str) -> Vec<String> {
    let after = document.split("```sh\n").skip(1);
    after.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn every_command_of_the_guide_works() {
    let (source, target) = (own(options()), own(options()));
    data::make(&source, "shop", 300).await;
    data::run(
        &source,
        &[
            "CREATE TABLE shop.orders (id INT PRIMARY KEY, total DECIMAL(8,2))",
            "INSERT INTO shop.orders SELECT id, id FROM shop.document",
            "CREATE TABLE shop.tmp_1 (id INT)",
        ],
    )
    .await;
    let repo = Repo::new();
    let script = blocks(include_str!("../../docs/guide.md"));
    assert!(script.len() >= 10, "{} blocks", script.len());
    run(&script.concat(), &[("SOURCE", address(&source)), ("TARGET", address(&target)), ("REPO", repo.place())]);
    assert_eq!(fingerprint(&target, "shop").await, fingerprint(&source, "shop").await);
    assert_eq!(fingerprint(&target, "shop_yesterday").await.len(), 1);
}

#[tokio::test]
async fn every_command_of_the_readme_works() {
    let (source, target) = (own(options()), own(options()));
    data::make(&source, "shop", 300).await;
    let repo = Repo::new();
    let readme = include_str!("../../README.md");
    let commands: Vec<&str> = readme.lines().filter(|line| line.starts_with("myriad ")).collect();
    assert_eq!(commands.len(), 5, "{commands:#?}");
    let script = commands
        .join("\n")
        .replace("mysql://backup@db1:3306", "$SOURCE")
        .replace("mysql://root@db2:3306", "$TARGET")
        .replace("/backups", "$REPO");
    run(&script, &[("SOURCE", address(&source)), ("TARGET", address(&target)), ("REPO", repo.place())]);
    assert_eq!(fingerprint(&target, "shop").await, fingerprint(&source, "shop").await);
    // Its other two commands are the one that runs this test and the one that tests/it/demo.rs stands for.
    for command in ["scripts/demo", "scripts/test"] {
        assert!(readme.contains(command) && Path::new(env!("CARGO_MANIFEST_DIR")).join(command).is_file(), "{command}");
    }
}

/// Runs a script that knows nothing but `myriad` and these variables; every command of it must succeed.
fn run(script: &str, variables: &[(&str, String)]) {
    let program = assert_cmd::cargo::cargo_bin("myriad");
    let folders = [program.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")];
    let mut shell = Command::new("sh");
    shell.args(["-eux", "-c", script]).env_clear().env("HOME", "/nonexistent");
    shell.env("PATH", std::env::join_paths(folders).unwrap()).envs(variables.iter().cloned());
    let output = shell.output().unwrap();
    let told = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
}
