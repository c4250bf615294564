//! The rival that every MySQL installation has: `mysqldump` to a file, and `mysql` reading it.

use super::error::BenchError;
use super::measure::{Step, file_error};
use super::rival::Rival;
use crate::server::{ConnectOptions, Host, SslMode};
use std::ffi::OsString;
use std::path::PathBuf;

/// `mysqldump --single-transaction --quick --set-gtid-purged=OFF` and `mysql <`.
pub struct Mysqldump {
    /// The program `mysqldump`.
    pub mysqldump: PathBuf,
    /// The program `mysql`.
    pub mysql: PathBuf,
    /// The server that is dumped.
    pub source: ConnectOptions,
    /// The server that is loaded.
    pub target: ConnectOptions,
    /// The schemas.
    pub schemas: Vec<String>,
    /// The file the dump goes to.
    pub file: PathBuf,
    /// Go on after errors, with `--force`.
    pub force: bool,
}

impl Rival for Mysqldump {
    fn name(&self) -> &str {
        "mysqldump + mysql"
    }

    fn prepare(&mut self) -> Result<(), BenchError> {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file_error("remove", &self.file)(error)),
            _ => Ok(()),
        }
    }

    fn dump(&self) -> Step {
        let options =
            ["--single-transaction", "--quick", "--set-gtid-purged=OFF", "--routines", "--events", "--databases"];
        let mut arguments = login(&self.source);
        arguments.extend(options.map(OsString::from));
        arguments.splice(1..1, self.force.then(|| "--force".into()));
        arguments.extend(self.schemas.iter().map(OsString::from));
        let output = Some(self.file.clone());
        Step {
            program: self.mysqldump.clone(),
            arguments,
            environment: password(&self.source),
            input: None,
            output,
            may_fail: self.force,
        }
    }

    fn stored_bytes(&self) -> Result<u64, BenchError> {
        Ok(self.file.metadata().map_err(file_error("read", &self.file))?.len())
    }

    fn remembers(&self) -> bool {
        false
    }

    fn ways(&self) -> &'static [&'static str] {
        &["binary log as it is", "sql_log_bin=0"]
    }

    fn load(&self, way: usize) -> Step {
        let mut arguments = login(&self.target);
        arguments.extend(self.force.then(|| "--force".into()));
        if way == 1 {
            arguments.push("--init-command=SET sql_log_bin=0".into());
        }
        let input = Some(self.file.clone());
        Step {
            program: self.mysql.clone(),
            arguments,
            environment: password(&self.target),
            input,
            output: None,
            may_fail: self.force,
        }
    }
}

/// The options of MySQL's own clients that lead to a server.
pub(super) fn login(options: &ConnectOptions) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--no-defaults".into(), format!("--user={}", options.user).into()];
    match &options.host {
        Host::Socket(path) => arguments.extend(["--socket".into(), path.clone().into_os_string()]),
        Host::Tcp { host, port } => {
            let mode = match options.ssl.mode {
                SslMode::Disabled => "DISABLED",
                SslMode::Preferred => "PREFERRED",
                SslMode::Required => "REQUIRED",
                SslMode::VerifyCa => "VERIFY_CA",
                SslMode::VerifyIdentity => "VERIFY_IDENTITY",
            };
            arguments.extend([
                "--protocol=TCP".into(),
                format!("--host={host}").into(),
                format!("--port={port}").into(),
            ]);
            arguments.push(format!("--ssl-mode={mode}").into());
            arguments.extend(options.ssl.ca.iter().map(|ca| format!("--ssl-ca={}", ca.display()).into()));
        }
    }
    arguments
}

/// Passwords go by the environment: an argument could be read by every user of the machine.
pub(super) fn password(options: &ConnectOptions) -> Vec<(&'static str, OsString)> {
    if options.password.is_empty() { vec![] } else { vec![("MYSQL_PWD", options.password.expose().into())] }
}
