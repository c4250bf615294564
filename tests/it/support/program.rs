//! The built program, run as a user runs it: with a clean environment, a home folder without option files, and its
//! output kept.

use myriad::sandbox::Sandbox;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Panics unless the program ended with this code; gives itself back.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Panics unless the program refused with this code, one line of error that holds all the words, and a hint.
    #[track_caller]
    pub fn refused(self, code: i32, words: &[&str]) -> Ended {
        let ended = self.expect(code);
        let error = ended.err.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        for word in words {
            assert!(error.contains(word), "{word:?} is not in the error:\n{}", ended.err);
        }
        assert!(ended.err.contains("\nhint: "), "no hint:\n{}", ended.err);
        ended
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in:\n{}\n{}", self.out, self.err))
    }
}

/// The program with a clean environment.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("myriad"));
    command.args(arguments).env_clear().env("HOME", "/nonexistent").env("PATH", std::env::var_os("PATH").unwrap());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub fn run(arguments: &[&str]) -> Ended {
    start(arguments).end()
}

/// A running program; killed where the test ends first.
pub struct Running(Option<Child>);

/// Starts the program.
pub fn start(arguments: &[&str]) -> Running {
    start_with(arguments, &[])
}

/// Starts the program with some variables in its environment.
pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Running {
    Running(Some(command(arguments).envs(variables.iter().copied()).spawn().unwrap()))
}

impl Running {
    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// True while it runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.0.as_mut().unwrap().try_wait(), Ok(None))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid() as i32).unwrap();
        // It may have ended by itself a moment ago.
        let _ = kill_process(pid, signal);
    }

    /// Waits until `reached` is true; false where the program ended before.
    pub async fn until(&mut self, mut reached: impl AsyncFnMut() -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.runs() {
            if reached().await {
                return true;
            }
            assert!(Instant::now() < deadline, "the program did not come to this point");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The address of a private server for `--source`, `--target`, `--against`.
pub fn address(server: &Sandbox) -> String {
    address_of("root", server)
}

/// The same for another account; `user:password` where it has one.
pub fn address_of(login: &str, server: &Sandbox) -> String {
    format!("mysql://{login}@{}", server.socket().display())
}

/// A folder for a repository that does not exist yet.
pub struct Repo {
    folder: tempfile::TempDir,
}

impl Repo {
    /// A place for a repository.
    pub fn new() -> Repo {
        Repo { folder: tempfile::tempdir().unwrap() }
    }

    /// The place, for `--repo`.
    pub fn place(&self) -> String {
        self.folder.path().join("repo").display().to_string()
    }

    /// Files below the repository, as paths within it.
    pub fn files(&self) -> Vec<String> {
        let top = self.folder.path().join("repo");
        let mut files = Vec::new();
        let mut folders = vec![top.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path().is_dir() {
                    true => folders.push(entry.path()),
                    false => files.push(entry.path().strip_prefix(&top).unwrap().display().to_string()),
                }
            }
        }
        files.sort();
        files
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("repo").join(name)
    }

    /// Ids of the backups that `list` shows.
    pub fn listed(&self) -> Vec<String> {
        match run(&["list", "--repo", &self.place(), "--json"]) {
            Ended { code: 20, .. } => Vec::new(),
            ended => {
                let list = ended.expect(0).json();
                assert_eq!(list["unreadable"], serde_json::json!([]));
                list["backups"].as_array().unwrap().iter().map(|b| b["id"].as_str().unwrap().to_owned()).collect()
            }
        }
    }

    /// Backs up schemas that match a glob, in small chunks.
    #[track_caller]
    pub fn backup(&self, server: &Sandbox, schemas: &str) -> Ended {
        self.backup_with(server, schemas, &[]).expect(0)
    }

    /// The same with more options.
    pub fn backup_with(&self, server: &Sandbox, schemas: &str, more: &[&str]) -> Ended {
        run(&[&self.backup_arguments(&address(server), schemas)[..], more].concat())
    }

    /// The arguments of such a backup.
    pub fn backup_arguments<'a>(&self, source: &'a str, schemas: &'a str) -> Vec<&'a str> {
        let place: &'static str = self.place().leak();
        ["backup", "--source", source, "--repo", place, "--database", schemas, "--chunk-size", "64k", "--threads", "2"]
            .to_vec()
    }

    /// The arguments of a restore of the newest backup, onto a server that other tests may write to meanwhile.
    /// Its global settings stay as they are: tests share them too.
    pub fn restore_arguments<'a>(&self, target: &'a str) -> Vec<&'a str> {
        let place: &'static str = self.place().leak();
        let meanwhile = ["--allow-writes", "--allow-transactions", "--tune", "none", "--redo", "on"];
        [&["restore", "--target", target, "--repo", place, "--threads", "2"][..], &meanwhile].concat()
    }

    /// Restores the newest backup.
    pub fn restore(&self, server: &Sandbox, more: &[&str]) -> Ended {
        run(&[&self.restore_arguments(&address(server))[..], more].concat())
    }

    /// Verifies the repository, or what the options say.
    pub fn verify(&self, more: &[&str]) -> Ended {
        run(&[&["verify", "--repo", &self.place()], more].concat())
    }
}
