//! Tells a program or a server of a drill. In: the record. Out: lines about what could not be told; they change nothing about
//! the verdict.

use super::config::{NotifyConfig, NotifyWhen};
use super::record::{DrillRecord, Verdict};
use crate::limits;
use rustix::process::{Pid, Signal, kill_process_group};
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
    let mut child = command.process_group(0).spawn().map_err(|error| error.to_string())?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let mut input = child.stdin.take().expect("it was asked for");
    let document = document.to_vec();
    // Written beside the wait: a program may print much before it reads. One that reads nothing is no failure.
    let writing = tokio::spawn(async move {
        let _ = input.write_all(&document).await;
    });
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    writing.abort();
    // What it has left running on purpose stays.
    group.forget();
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{}: {}", output.status, quoted(&output.stderr))),
    }
}

/// A program and all that it has started: killed where the program takes too long.
struct Group(Option<Pid>);

impl Group {
    /// The program has ended.
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Those that have ended by now need no killing.
            let _ = kill_process_group(group, Signal::KILL);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_command_that_takes_too_long_leaves_nothing_running() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let arguments = ["-c".to_owned(), script];
        let mut running = Box::pin(command("sh", &arguments, b"{}"));
        while !file.exists() {
            assert!(tokio::time::timeout(Duration::from_millis(20), &mut running).await.is_err(), "it waits");
        }
        drop(running);
        let pid = std::fs::read_to_string(&file).unwrap();
        let stat = format!("/proc/{}/stat", pid.trim());
        // A zombie that nobody has waited for has ended too.
        let runs = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        for _ in 0..3000 {
            if !runs() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("process {pid} still runs");
    }
}
