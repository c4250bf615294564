//! Private servers against the real mysqld: they answer, and nothing of them stays behind.

use crate::support::server;
use myriad::error::{Exit, Explain};
use myriad::sandbox::{ProgramPaths, Sandbox, SandboxError, SandboxOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Set for the child process that `killed_parent_leaves_nothing` kills.
const CHILD_FOLDER: &str = "MYRIAD_TEST_SANDBOX_FOLDER";

fn running(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/cmdline")).exists()
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn one(sandbox: &Sandbox, sql: &str) -> String {
    let mut session = server::connect(sandbox).await;
    let value = session.query_first(sql).await.unwrap().unwrap().text(0);
    session.close().await;
    value
}

#[tokio::test]
async fn answers_with_the_settings_promised() {
    let (source, target) = (server::source(), server::target());
    assert_eq!(one(source, "SELECT @@log_bin + @@local_infile").await, "2");
    assert_eq!(one(source, "SELECT CONCAT(@@gtid_mode, @@event_scheduler, @@skip_networking)").await, "ONOFF1");
    assert_ne!(one(source, "SELECT @@server_uuid").await, one(target, "SELECT @@server_uuid").await);
    assert_ne!(one(source, "SELECT @@server_id").await, one(target, "SELECT @@server_id").await);
}

#[tokio::test]
async fn stop_leaves_no_process_and_no_folder() {
    let sandbox = server::own(SandboxOptions { tcp: true, ..server::options() });
    let (pid, folder) = (sandbox.pid().unwrap(), sandbox.folder().to_owned());
    let session = myriad::server::Session::connect(&sandbox.tcp_options().unwrap()).await.unwrap();
    session.close().await;
    assert!(running(pid) && folder.exists());
    sandbox.stop();
    assert!(!running(pid) && !folder.exists());
}

#[tokio::test]
async fn data_survives_a_kill_and_a_restart() {
    let mut sandbox = server::own(server::options());
    let mut session = server::connect(&sandbox).await;
    session.execute("CREATE DATABASE d").await.unwrap();
    session.execute("CREATE TABLE d.t SELECT 42 AS n").await.unwrap();
    let pid = sandbox.pid().unwrap();
    sandbox.kill9();
    assert!(sandbox.pid().is_none() && !running(pid));
    sandbox.restart().unwrap();
    assert_eq!(one(&sandbox, "SELECT n FROM d.t").await, "42");
    sandbox.restart().unwrap();
    assert_eq!(one(&sandbox, "SELECT n FROM d.t").await, "42");
}

#[test]
fn kept_data_stays_until_somebody_removes_it() {
    let parent = tempfile::tempdir().unwrap();
    let sandbox = server::own(SandboxOptions { folder: parent.path().into(), keep: true, ..server::options() });
    let (pid, data) = (sandbox.pid().unwrap(), sandbox.data_dir().to_owned());
    sandbox.stop();
    assert!(!running(pid) && data.join("ibdata1").exists());
    myriad::sandbox::folder::sweep(parent.path());
    assert!(data.join("ibdata1").exists());
}

#[test]
fn killed_parent_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::child_that_is_killed", "--nocapture"])
        .env(CHILD_FOLDER, parent.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("server ")).expect("the child's server");
    let mut words = line.split_whitespace().skip(1);
    let (pid, folder): (u32, PathBuf) = (words.next().unwrap().parse().unwrap(), words.next().unwrap().into());
    assert!(running(pid) && folder.exists());

    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the server outlived its parent", || !running(pid));
    assert!(folder.exists(), "a killed process cannot remove its folder");
    let next = server::own(SandboxOptions { folder: parent.path().into(), ..server::options() });
    assert!(!folder.exists(), "the next start did not remove the folder of the dead run");
    next.stop();
    assert_eq!(parent.path().read_dir().unwrap().count(), 0);
}

/// Not a test of its own: the process that `killed_parent_leaves_nothing` kills.
#[test]
fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let sandbox = server::own(SandboxOptions { folder: folder.into(), ..server::options() });
    println!("\nserver {} {}", sandbox.pid().unwrap(), sandbox.folder().display());
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn stale_server_is_killed_by_the_sweep() {
    // A process that looks like a server of a dead run: the sweep must find it by its command line.
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("myriad-dead");
    std::fs::create_dir(&folder).unwrap();
    std::fs::File::create(folder.join("lock")).unwrap();
    let argument = format!("--datadir={}/s1/data", folder.display());
    let mut server = Command::new("sh").args(["-c", "sleep 60; exit 0", &argument]).spawn().unwrap();
    let mut bystander = Command::new("sh").args(["-c", "sleep 60; exit 0", "--datadir=/elsewhere/"]).spawn().unwrap();
    let sweep = std::thread::spawn(move || myriad::sandbox::folder::sweep(parent.path()));
    let status = server.wait().unwrap();
    assert!(!status.success(), "it ended by itself");
    sweep.join().unwrap();
    assert!(!folder.exists());
    assert!(bystander.try_wait().unwrap().is_none(), "another's process was killed");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[test]
fn missing_mysqld_is_one_clear_sentence() {
    let parent = tempfile::tempdir().unwrap();
    let error = Sandbox::start(SandboxOptions {
        folder: parent.path().into(),
        ..SandboxOptions::new(ProgramPaths { folders: vec!["/nowhere".into()], ..ProgramPaths::default() })
    })
    .err()
    .expect("an error");
    assert!(matches!(error, SandboxError::NotFound { .. }));
    assert_eq!(error.to_string(), "no mysqld found");
    assert!(error.hint().unwrap().contains("scripts/get-mysqld"));
    assert_eq!(error.exit(), Exit::SandboxFailed);
}

#[test]
fn failed_start_quotes_the_servers_log_and_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let error = Sandbox::start(SandboxOptions {
        folder: parent.path().into(),
        arguments: vec!["--no-such-option".into()],
        ..server::options()
    })
    .err()
    .expect("an error");
    assert!(error.to_string().contains("unknown option '--no-such-option'"), "{error}");
    assert_eq!(parent.path().read_dir().unwrap().count(), 0);
}
