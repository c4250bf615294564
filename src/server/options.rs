//! How a server is reached: host or socket, user, password, TLS. The `mysql://` form is read in `address`.

use crate::secret::Secret;
use std::path::PathBuf;

pub use super::address::{Address, PORT_DEFAULT, parse_address, without_password};

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// TCP host name or address, and port.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Unix socket.
    Socket(PathBuf),
}

/// How much TLS is asked for over TCP, with the names and meanings of the mysql client's `--ssl-mode`. A Unix
/// socket stays plain under every mode: its bytes do not leave the machine, and the server counts it as secure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Never.
    Disabled,
    /// Where the server offers it, whoever it is, else plain.
    #[default]
    Preferred,
    /// Always, whoever the server is.
    Required,
    /// Always, with a certificate signed by the given authority.
    VerifyCa,
    /// The same, and with the host among the certificate's subject alternative names.
    VerifyIdentity,
}

impl SslMode {
    /// The mode of a name such as `verify-ca`, `VERIFY_CA`.
    pub fn from_name(name: &str) -> Option<SslMode> {
        Some(match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "disabled" => SslMode::Disabled,
            "preferred" => SslMode::Preferred,
            "required" => SslMode::Required,
            "verify-ca" => SslMode::VerifyCa,
            "verify-identity" => SslMode::VerifyIdentity,
            _ => return None,
        })
    }
}

/// TLS options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SslOptions {
    /// How much is asked for.
    pub mode: SslMode,
    /// PEM file of the authorities that are trusted (`--ssl-ca`); the public ones where none is given.
    pub ca: Option<PathBuf>,
}

/// Everything a session needs to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Where the server listens.
    pub host: Host,
    /// The account's user name.
    pub user: String,
    /// The password; empty for none.
    pub password: Secret,
    /// TLS options.
    pub ssl: SslOptions,
}

impl ConnectOptions {
    /// The address for people and messages: never the password.
    pub fn describe(&self) -> String {
        match &self.host {
            Host::Tcp { host, port } => format!("{}@{host}:{port}", self.user),
            Host::Socket(path) => format!("{}@{}", self.user, path.display()),
        }
    }
}
