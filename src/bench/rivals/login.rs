//! How the clients of MySQL and MariaDB are led to a server: options, and passwords by the environment.

use crate::server::{ConnectOptions, Host, SslMode};
use std::ffi::OsString;

/// The options of MySQL's own clients that lead to a server.
pub fn login(options: &ConnectOptions) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--no-defaults".into()];
    arguments.extend(place(options));
    if let Host::Tcp { .. } = &options.host {
        arguments.push(format!("--ssl-mode={}", mode(options.ssl.mode)).into());
        arguments.extend(options.ssl.ca.iter().map(|ca| format!("--ssl-ca={}", ca.display()).into()));
    }
    arguments
}

/// The same for MariaDB's, which know no `--ssl-mode`.
pub(super) fn mariadb_login(options: &ConnectOptions) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--no-defaults".into()];
    arguments.extend(place(options));
    if let Host::Tcp { .. } = &options.host {
        arguments.push(if options.ssl.mode == SslMode::Disabled { "--skip-ssl".into() } else { "--ssl".into() });
        arguments.extend(options.ssl.ca.iter().map(|ca| format!("--ssl-ca={}", ca.display()).into()));
        let verified = matches!(options.ssl.mode, SslMode::VerifyCa | SslMode::VerifyIdentity);
        arguments.extend(verified.then(|| "--ssl-verify-server-cert".into()));
    }
    arguments
}

/// Account and place, as every client takes them.
fn place(options: &ConnectOptions) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![format!("--user={}", options.user).into()];
    match &options.host {
        Host::Socket(path) => arguments.extend(["--socket".into(), path.clone().into_os_string()]),
        Host::Tcp { host, port } => arguments.extend([
            "--protocol=TCP".into(),
            format!("--host={host}").into(),
            format!("--port={port}").into(),
        ]),
    }
    arguments
}

/// The name of a mode in MySQL's options.
pub(super) fn mode(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disabled => "DISABLED",
        SslMode::Preferred => "PREFERRED",
        SslMode::Required => "REQUIRED",
        SslMode::VerifyCa => "VERIFY_CA",
        SslMode::VerifyIdentity => "VERIFY_IDENTITY",
    }
}

/// Passwords go by the environment: an argument could be read by every user of the machine.
pub fn password(options: &ConnectOptions) -> Vec<(&'static str, OsString)> {
    if options.password.is_empty() { vec![] } else { vec![("MYSQL_PWD", options.password.expose().into())] }
}
