//! `mydumper` and `myloader`: parallel, INSERTs in compressed files. Every series of them has other options; only those are
//! given that 0.10 and 1.0 both know, and the rest is for the person who measures (docs/benchmarks.md).

use super::super::error::BenchError;
use super::super::measure::Step;
use super::{Found, Rival, Task, folder_bytes, remove, write_private};
use crate::server::{ConnectOptions, Host};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// `mydumper --compress` and `myloader`, which leaves the binary log out by itself.
pub struct Mydumper {
    mydumper: PathBuf,
    myloader: PathBuf,
    extra: [Vec<OsString>; 2],
    task: Task,
    folder: PathBuf,
}

impl Mydumper {
    /// Writes the passwords where the programs read them.
    pub(super) fn new(task: &Task, found: &Found) -> Result<Mydumper, BenchError> {
        let mydumper = Mydumper {
            mydumper: found.path("mydumper"),
            myloader: found.path("myloader"),
            extra: [found.extra("mydumper"), found.extra("myloader")],
            task: task.clone(),
            folder: task.folder.join("mydumper"),
        };
        for (name, server) in [("mydumper", &task.source), ("myloader", &task.target)] {
            write_private(&mydumper.option_file(name), option_file(name, server).as_bytes())?;
        }
        Ok(mydumper)
    }

    fn option_file(&self, program: &str) -> PathBuf {
        self.task.folder.join(format!("{program}.cnf"))
    }

    fn step(&self, program: &Path, name: &str, server: &ConnectOptions, more: Vec<OsString>) -> Step {
        let mut arguments = vec![joined("--defaults-file=", &self.option_file(name))];
        arguments.push(format!("--user={}", server.user).into());
        match &server.host {
            Host::Socket(path) => arguments.push(joined("--socket=", path)),
            Host::Tcp { host, port } => {
                arguments.extend([format!("--host={host}").into(), format!("--port={port}").into()]);
            }
        }
        arguments.push(format!("--threads={}", self.task.threads).into());
        arguments.extend(more);
        let environment = vec![("HOME", self.task.folder.clone().into_os_string())];
        Step { program: program.to_owned(), arguments, environment, input: None, output: None, may_fail: false }
    }
}

impl Rival for Mydumper {
    fn name(&self) -> &str {
        "mydumper + myloader"
    }

    fn programs(&self) -> Vec<&Path> {
        vec![&self.mydumper, &self.myloader]
    }

    fn prepare(&mut self) -> Result<(), BenchError> {
        remove(&self.folder)
    }

    fn dump(&self) -> Step {
        let mut more =
            vec![joined("--outputdir=", &self.folder), format!("--regex={}", regex(&self.task.schemas)).into()];
        more.extend(["--compress", "--triggers", "--routines", "--events"].map(OsString::from));
        more.extend(self.extra[0].clone());
        self.step(&self.mydumper, "mydumper", &self.task.source, more)
    }

    fn stored_bytes(&self) -> Result<u64, BenchError> {
        folder_bytes(&self.folder)
    }

    fn ways(&self) -> &'static [&'static str] {
        &["sql_log_bin=0"]
    }

    fn load(&self, _way: usize) -> Step {
        let mut more = vec![joined("--directory=", &self.folder)];
        more.extend(self.extra[1].clone());
        self.step(&self.myloader, "myloader", &self.task.target, more)
    }
}

fn joined(option: &str, path: &Path) -> OsString {
    let mut text = OsString::from(option);
    text.push(path);
    text
}

/// The password in a file, since an argument could be read by every user of the machine.
fn option_file(program: &str, server: &ConnectOptions) -> String {
    match server.password.is_empty() {
        true => format!("[{program}]\n"),
        false => {
            let quoted = server.password.expose().replace('\\', "\\\\").replace('"', "\\\"");
            format!("[{program}]\npassword=\"{quoted}\"\n[client]\npassword=\"{quoted}\"\n")
        }
    }
}

/// Matches `schema.table` of these schemas.
fn regex(schemas: &[String]) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == '_';
    let escaped = schemas.iter().map(|schema| {
        schema.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect::<String>()
    });
    format!("^({})\\.", escaped.collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_matched_letter_by_letter() {
        assert_eq!(regex(&["shop".into(), "a.b-c".into()]), "^(shop|a\\.b\\-c)\\.");
    }
}
