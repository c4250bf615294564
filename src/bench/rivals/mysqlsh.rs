//! MySQL Shell's `util.dumpSchemas` and `util.loadDump` through its command line (MySQL Shell manual, "API Command Line
//! Integration"). Loaded in two ways: with the indexes in place where the Shell leaves them, and with all of them late.

use super::super::error::BenchError;
use super::super::measure::Step;
use super::login::mode;
use super::{Found, Rival, Task, folder_bytes, remove, write_private};
use crate::server::{ConnectOptions, Host};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// `mysqlsh -- util dump-schemas` and `mysqlsh -- util load-dump`.
pub struct Mysqlsh {
    mysqlsh: PathBuf,
    extra: Vec<OsString>,
    task: Task,
    folder: PathBuf,
}

impl Mysqlsh {
    /// Writes the passwords where the program reads them.
    pub(super) fn new(task: &Task, found: &Found) -> Result<Mysqlsh, BenchError> {
        let mysqlsh = Mysqlsh {
            mysqlsh: found.path("mysqlsh"),
            extra: found.extra("mysqlsh"),
            task: task.clone(),
            folder: task.folder.join("mysqlsh"),
        };
        for (name, server) in [("source", &task.source), ("target", &task.target)] {
            write_private(&mysqlsh.password_file(name), format!("{}\n", server.password.expose()).as_bytes())?;
        }
        Ok(mysqlsh)
    }

    fn password_file(&self, server: &str) -> PathBuf {
        self.task.folder.join(format!("mysqlsh-{server}"))
    }

    fn step(&self, name: &str, server: &ConnectOptions, call: Vec<OsString>) -> Step {
        let mut arguments = vec!["--mysql".into(), format!("--user={}", server.user).into()];
        match &server.host {
            Host::Socket(path) => arguments.push(joined("--socket=", path)),
            Host::Tcp { host, port } => {
                arguments.extend([format!("--host={host}").into(), format!("--port={port}").into()]);
                arguments.push(format!("--ssl-mode={}", mode(server.ssl.mode)).into());
                arguments.extend(server.ssl.ca.iter().map(|ca| joined("--ssl-ca=", ca)));
            }
        }
        let input = (!server.password.is_empty()).then(|| self.password_file(name));
        arguments.push(if input.is_some() { "--passwords-from-stdin".into() } else { "--no-password".into() });
        arguments.extend(self.extra.clone());
        arguments.extend(["--".into(), "util".into()]);
        arguments.extend(call);
        arguments.extend([format!("--threads={}", self.task.threads).into(), "--showProgress=false".into()]);
        let home = self.task.folder.clone().into_os_string();
        let environment = vec![("HOME", home.clone()), ("MYSQLSH_USER_CONFIG_HOME", home)];
        Step { program: self.mysqlsh.clone(), arguments, environment, input, output: None, may_fail: false }
    }
}

impl Rival for Mysqlsh {
    fn name(&self) -> &str {
        "MySQL Shell"
    }

    fn programs(&self) -> Vec<&Path> {
        vec![&self.mysqlsh]
    }

    fn prepare(&mut self) -> Result<(), BenchError> {
        remove(&self.folder)
    }

    fn dump(&self) -> Step {
        let schemas = self.task.schemas.join(",").into();
        self.step(
            "source",
            &self.task.source,
            vec!["dump-schemas".into(), schemas, joined("--outputUrl=", &self.folder)],
        )
    }

    fn stored_bytes(&self) -> Result<u64, BenchError> {
        folder_bytes(&self.folder)
    }

    fn ways(&self) -> &'static [&'static str] {
        &["sql_log_bin=0", "sql_log_bin=0, all indexes late"]
    }

    fn load(&self, way: usize) -> Step {
        let mut call: Vec<OsString> = vec!["load-dump".into(), self.folder.clone().into_os_string()];
        // The dump is loaded again and again: what an earlier load noted beside it must not count.
        call.extend(["--skipBinlog=true", "--resetProgress=true", "--ignoreVersion=true"].map(OsString::from));
        call.extend((way == 1).then(|| "--deferTableIndexes=all".into()));
        self.step("target", &self.task.target, call)
    }
}

fn joined(option: &str, path: &Path) -> OsString {
    let mut text = OsString::from(option);
    text.push(path);
    text
}
