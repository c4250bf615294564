//! This program as a contestant: `myriad backup` and `myriad restore` run as processes of their own, so that
//! they are measured as the rivals are.

use super::super::error::BenchError;
use super::super::measure::Step;
use super::{Rival, Task, folder_bytes, remove};
use crate::server::{ConnectOptions, Host, SslMode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What stays as it is in an address; everything else is percent-encoded.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');
/// The ways of loading: the first two leave the server's settings as they are, as the rivals do.
const WAYS: &[&str] = &["without proof", "with proof", "without proof, --tune auto"];

/// `myriad backup` into a folder, `myriad restore` with and without proof.
pub struct Ourselves {
    myriad: PathBuf,
    task: Task,
    repository: PathBuf,
    tuned_too: bool,
}

impl Ourselves {
    /// This program; `tuned_too` where it also loads in the way in which it changes settings of the server by itself.
    pub(super) fn new(task: &Task, myriad: &Path, tuned_too: bool) -> Ourselves {
        let repository = task.folder.join("repository");
        Ourselves { myriad: myriad.to_owned(), task: task.clone(), repository, tuned_too }
    }

    fn step(&self, verb: [&str; 2], server: &ConnectOptions, more: impl Iterator<Item = String>) -> Step {
        let mut arguments: Vec<OsString> = verb.map(OsString::from).to_vec();
        arguments.push(address(server).into());
        arguments.extend(["--repo".into(), self.repository.clone().into_os_string()]);
        arguments.extend(["--threads".into(), self.task.threads.to_string().into(), "--quiet".into()]);
        arguments.extend(more.map(OsString::from));
        let mut environment = vec![("HOME", self.task.folder.clone().into_os_string())];
        if !server.password.is_empty() {
            environment.push(("MYSQL_PWD", server.password.expose().into()));
        }
        Step { program: self.myriad.clone(), arguments, environment, input: None, output: None, may_fail: false }
    }
}

impl Rival for Ourselves {
    fn name(&self) -> &str {
        "myriad"
    }

    fn programs(&self) -> Vec<&Path> {
        vec![&self.myriad]
    }

    fn prepare(&mut self) -> Result<(), BenchError> {
        remove(&self.repository)
    }

    fn dump(&self) -> Step {
        let schemas = self.task.schemas.iter().flat_map(|schema| ["--database".into(), globset::escape(schema)]);
        self.step(["backup", "--source"], &self.task.source, schemas)
    }

    fn stored_bytes(&self) -> Result<u64, BenchError> {
        folder_bytes(&self.repository)
    }

    fn remembers(&self) -> bool {
        true
    }

    fn ways(&self) -> &'static [&'static str] {
        if self.tuned_too { WAYS } else { &WAYS[..2] }
    }

    fn load(&self, way: usize) -> Step {
        let tune = if way == 2 { "auto" } else { "none" };
        let verify: &[&str] = if way == 1 { &[] } else { &["--verify", "none"] };
        let kept = ["--redo", "on", "--tune", tune];
        let words = kept.iter().chain(verify);
        self.step(["restore", "--target"], &self.task.target, words.map(|word| (*word).to_owned()))
    }
}

/// The server's address in the form that the command line takes, without the password.
fn address(options: &ConnectOptions) -> String {
    let plain = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
    let user = plain(&options.user);
    let place = match &options.host {
        Host::Socket(path) => return format!("mysql://{user}@{}", plain(&path.to_string_lossy())),
        Host::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        Host::Tcp { host, port } => format!("{host}:{port}"),
    };
    let mode = match options.ssl.mode {
        SslMode::Disabled => "disabled",
        SslMode::Preferred => "preferred",
        SslMode::Required => "required",
        SslMode::VerifyCa => "verify-ca",
        SslMode::VerifyIdentity => "verify-identity",
    };
    let ca = options.ssl.ca.as_ref().map(|ca| format!("&ssl-ca={}", plain(&ca.to_string_lossy())));
    format!("mysql://{user}@{place}?ssl-mode={mode}{}", ca.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::server::SslOptions;
    use crate::server::parse_address;

    #[test]
    fn addresses_are_read_back_as_they_were() {
        for (host, user, mode, ca) in [
            (Host::Socket("/tmp/a b/s%1".into()), "root", SslMode::Preferred, None),
            (
                Host::Tcp { host: "::1".into(), port: 3307 },
                "o'brien@home",
                SslMode::VerifyCa,
                Some("/etc/ca & key.pem"),
            ),
            (Host::Tcp { host: "db.example.com".into(), port: 3306 }, "u", SslMode::Disabled, None),
        ] {
            let ssl = SslOptions { mode, ca: ca.map(PathBuf::from) };
            let options = ConnectOptions { host: host.clone(), user: user.into(), password: Secret::default(), ssl };
            let read = parse_address(&address(&options)).unwrap();
            assert_eq!((read.host.as_ref(), read.user.as_deref()), (Some(&host), Some(user)));
            if matches!(host, Host::Tcp { .. }) {
                assert_eq!((read.ssl_mode, read.ssl_ca), (Some(mode), ca.map(PathBuf::from)));
            }
        }
    }
}
