//! The commands of the documents, run in their order as a reader would run them: every `sh` block of docs/guide.md in
//! one shell, against private servers.

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
    let program = assert_cmd::cargo::cargo_bin("myriad");
    let folders = [program.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")];
    let script = blocks(include_str!("../../docs/guide.md"));
    assert!(script.len() >= 10, "{} blocks", script.len());
    let mut shell = Command::new("sh");
    shell.args(["-eux", "-c", &script.concat()]).env_clear().env("HOME", "/nonexistent");
    shell.env("PATH", std::env::join_paths(folders).unwrap());
    shell.env("SOURCE", address(&source)).env("TARGET", address(&target)).env("REPO", repo.place());
    let output = shell.output().unwrap();
    let told = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert_eq!(fingerprint(&target, "shop").await, fingerprint(&source, "shop").await);
    assert_eq!(fingerprint(&target, "shop_yesterday").await.len(), 1);
}
