//! Tells a program or a server of a drill. In: the record. Out: lines about what could not be told; they change nothing about
//! the verdict.

use super::config::{NotifyConfig, NotifyWhen};
use super::record::{DrillRecord, Verdict};
use crate::limits;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Characters of a program's complaint, or a server's, that are quoted.
const QUOTED_CHARACTERS: usize = 300;

/// Tells whom the configuration names. Returns what went wrong.
pub(super) async fn tell(config: &NotifyConfig, record: &DrillRecord) -> Vec<String> {
    let mut failures = Vec::new();
    if config.when == NotifyWhen::Failure && record.verdict == Verdict::Proved {
        return failures;
    }
    let document = serde_json::to_vec(record).expect("a record is plain data");
    if let [program, arguments @ ..] = &config.command[..] {
        let told = tokio::time::timeout(limits::NOTIFY_TIMEOUT, command(program, arguments, &document));
        let told = told.await.unwrap_or_else(|_| Err(late()));
        failures.extend(told.err().map(|why| format!("the notification command {program} failed: {why}")));
    }
    if let Some(address) = &config.webhook {
        let told = tokio::time::timeout(limits::NOTIFY_TIMEOUT, post(address, document));
        let told = told.await.unwrap_or_else(|_| Err(late()));
        failures.extend(told.err().map(|why| format!("the webhook {} failed: {why}", without_secrets(address))));
    }
    failures
}

fn late() -> String {
    format!("it took longer than {} s", limits::NOTIFY_TIMEOUT.as_secs())
}

async fn command(program: &str, arguments: &[String], document: &[u8]) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let mut input = child.stdin.take().expect("it was asked for");
    let document = document.to_vec();
    // Written beside the wait: a program may print much before it reads. One that reads nothing is no failure.
    let writing = tokio::spawn(async move {
        let _ = input.write_all(&document).await;
    });
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    writing.abort();
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{}: {}", output.status, quoted(&output.stderr))),
    }
}

async fn post(address: &str, document: Vec<u8>) -> Result<(), String> {
    // An error of the client repeats the address, which may hold a token.
    let told = |error: reqwest::Error| error.without_url().to_string();
    let client = reqwest::Client::builder().timeout(limits::NOTIFY_TIMEOUT).build().map_err(told)?;
    let request = client.post(address).header("content-type", "application/json").body(document);
    let answer = request.send().await.map_err(told)?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answered {status}: {}", quoted(&answer.bytes().await.unwrap_or_default()))),
    }
}

fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    if text.is_empty() { "(it said nothing)".into() } else { text.chars().take(QUOTED_CHARACTERS).collect() }
}

/// A webhook's path and query are often its password.
fn without_secrets(address: &str) -> String {
    let Ok(url) = url::Url::parse(address) else { return "(no address)".into() };
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}
