//! What the process finds around it: environment variables, login name, CPUs, usual sockets, terminals. Read
//! once into a value, so that everything that depends on it can be tested with another. No other module of
//! the program looks at the environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::PathBuf;

/// The variables that mean something here.
const NAMES: [&str; 16] = [
    "HOME",
    "LOGNAME",
    "MYRIAD_MARIADBD",
    "MYRIAD_MARIADB_HOME",
    "MYRIAD_MYSQLD",
    "MYRIAD_MYSQL_HOME",
    "MYRIAD_REPLICATE_PWD",
    "MYSQL_HOST",
    "MYSQL_PWD",
    "MYSQL_TCP_PORT",
    "MYSQL_UNIX_PORT",
    "NO_COLOR",
    "PATH",
    "RUST_LOG",
    "USER",
    "XDG_CACHE_HOME",
];

/// Where distributions put the server's socket.
const SOCKETS: [&str; 4] =
    ["/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"];

/// The surroundings of the process. It holds a password (`MYSQL_PWD`), so it has no `Debug`.
#[derive(Clone, Default)]
pub struct Environment {
    /// The variables of `NAMES` that are set.
    pub variables: BTreeMap<&'static str, OsString>,
    /// True where the process runs as the superuser.
    pub superuser: bool,
    /// CPUs that this process may use.
    pub cpus: usize,
    /// Those of the usual sockets that exist.
    pub sockets: Vec<PathBuf>,
    /// True where standard input and standard error are both terminals: a person can be asked.
    pub can_ask: bool,
    /// True where standard error is a terminal.
    pub stderr_terminal: bool,
}

impl Environment {
    /// Reads the surroundings of this process.
    pub fn read() -> Environment {
        let set = NAMES.iter().filter_map(|name| std::env::var_os(name).map(|value| (*name, value)));
        let stderr_terminal = std::io::stderr().is_terminal();
        Environment {
            variables: set.collect(),
            superuser: rustix::process::geteuid().is_root(),
            cpus: std::thread::available_parallelism().map_or(1, |n| n.get()),
            sockets: SOCKETS.iter().map(PathBuf::from).filter(|path| path.exists()).collect(),
            can_ask: std::io::stdin().is_terminal() && stderr_terminal,
            stderr_terminal,
        }
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The same as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self, name: &str) -> Option<String> {
        self.variable(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// The same as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from)
    }

    /// The user name that MySQL's programs take where none is given.
    pub fn login_name(&self) -> String {
        if self.superuser {
            return "root".into();
        }
        self.text("USER").or_else(|| self.text("LOGNAME")).unwrap_or_else(|| "UNKNOWN_USER".into())
    }

    /// Colour and movement: a terminal, and nobody asked for none (no-color.org).
    pub fn colour(&self) -> bool {
        self.stderr_terminal && self.variable("NO_COLOR").is_none()
    }

    /// The option files that MySQL's programs read, in their order.
    pub fn option_files(&self) -> Vec<PathBuf> {
        let mut files = vec![PathBuf::from("/etc/my.cnf"), PathBuf::from("/etc/mysql/my.cnf")];
        files.extend(self.path("HOME").map(|home| home.join(".my.cnf")));
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&'static str, &str)]) -> Environment {
        let variables = variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
        Environment { variables, ..Environment::default() }
    }

    #[test]
    fn the_login_name_is_found_as_mysql_finds_it() {
        assert_eq!(with(&[("USER", "ann")]).login_name(), "ann");
        assert_eq!(with(&[("LOGNAME", "bob"), ("USER", "")]).login_name(), "bob");
        assert_eq!(with(&[]).login_name(), "UNKNOWN_USER");
        assert_eq!(Environment { superuser: true, ..with(&[("USER", "ann")]) }.login_name(), "root");
    }

    #[test]
    fn an_empty_no_color_is_none() {
        let terminal = |variables: &[_]| Environment { stderr_terminal: true, ..with(variables) };
        assert!(terminal(&[]).colour() && terminal(&[("NO_COLOR", "")]).colour());
        assert!(!terminal(&[("NO_COLOR", "1")]).colour() && !with(&[]).colour());
    }
}
