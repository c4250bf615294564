//! Finds the server program of either family and the client programs beside it: what the caller names, the folders
//! of PATH, the usual folders, and the one that `scripts/get-mysqld` fills. The environment is read by the caller.

use super::error::SandboxError;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Folders where packages put servers though they are on nobody's PATH.
const USUAL_FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/libexec", "/usr/local/mysql/bin", "/usr/bin"];

/// Which family of servers a private one is of: they differ in their program's name, in how a data directory is made
/// and in their options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// MySQL and what is built from it.
    #[default]
    Mysql,
    /// MariaDB.
    Mariadb,
}

impl Kind {
    /// The server program's name.
    pub fn program(self) -> &'static str {
        match self {
            Kind::Mysql => "mysqld",
            Kind::Mariadb => "mariadbd",
        }
    }

    /// The variable of the environment that names the program.
    pub fn variable(self) -> &'static str {
        match self {
            Kind::Mysql => "MYRIAD_MYSQLD",
            Kind::Mariadb => "MYRIAD_MARIADBD",
        }
    }

    /// The command that fetches a private copy.
    pub fn fetch(self) -> &'static str {
        match self {
            Kind::Mysql => "scripts/get-mysqld",
            Kind::Mariadb => "scripts/get-mysqld --mariadb",
        }
    }

    /// The folder of the fetched copy below the cache folder, as in `scripts/get-mysqld`.
    fn cache(self) -> &'static str {
        match self {
            Kind::Mysql => "myriad/mysql",
            Kind::Mariadb => "myriad/mariadb",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Mysql => "MySQL",
            Kind::Mariadb => "MariaDB",
        })
    }
}

/// Where private servers find their programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramPaths {
    /// Whose programs.
    pub kind: Kind,
    /// `--mysqld`, `MYRIAD_MYSQLD` or `MYRIAD_MARIADBD`: this one and no other.
    pub named: Option<PathBuf>,
    /// Folders to look in, in order.
    pub folders: Vec<PathBuf>,
}

/// A server program that ran and told its version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// Its family.
    pub kind: Kind,
    /// Its path.
    pub path: PathBuf,
    /// Its version, such as `9.7.4-2` or `10.11.18-MariaDB-0+deb12u1`.
    pub version: String,
}

impl ProgramPaths {
    /// The search order from the values of the environment: `named` is MYRIAD_MYSQLD, `path` is PATH, `fetched_home`
    /// is MYRIAD_MYSQL_HOME (for MariaDB MYRIAD_MARIADBD and MYRIAD_MARIADB_HOME), `cache_home` XDG_CACHE_HOME and
    /// `home` HOME.
    pub fn from_environment(
        kind: Kind,
        named: Option<&OsStr>,
        path: Option<&OsStr>,
        fetched_home: Option<&OsStr>,
        cache_home: Option<&OsStr>,
        home: Option<&OsStr>,
    ) -> ProgramPaths {
        let given = |value: Option<&OsStr>| value.filter(|v| !v.is_empty()).map(PathBuf::from);
        let mut folders: Vec<PathBuf> = path.map(|p| std::env::split_paths(p).collect()).unwrap_or_default();
        folders.extend(USUAL_FOLDERS.iter().map(PathBuf::from));
        // The same rule as in scripts/get-mysqld.
        let cache = given(cache_home).or_else(|| given(home).map(|home| home.join(".cache")));
        let fetched = given(fetched_home).or_else(|| cache.map(|cache| cache.join(kind.cache())));
        folders.extend(fetched.map(|fetched| fetched.join("bin")));
        ProgramPaths { kind, named: given(named), folders }
    }

    /// The server program. One that was named must work; of those found by search the first that runs and is of
    /// the family is taken (MariaDB also installs a program of the name mysqld).
    pub fn server(&self) -> Result<Program, SandboxError> {
        if let Some(path) = &self.named {
            return inspect(self.kind, path);
        }
        let mut unusable = None;
        for path in self.candidates(self.kind.program()) {
            match inspect(self.kind, &path) {
                Ok(program) => return Ok(program),
                Err(error) => unusable = Some(error),
            }
        }
        Err(unusable.unwrap_or_else(|| self.not_found(self.kind.program())))
    }

    /// A client program such as `mysqldump`: beside the server in use, else the first in the folders.
    pub fn client(&self, name: &str) -> Result<PathBuf, SandboxError> {
        let beside = self.server().ok().and_then(|program| program.path.parent().map(|folder| folder.join(name)));
        beside
            .filter(|path| is_program(path))
            .or_else(|| self.candidates(name).next())
            .ok_or_else(|| self.not_found(name))
    }

    fn not_found(&self, program: &str) -> SandboxError {
        SandboxError::NotFound { kind: self.kind, program: program.to_owned() }
    }

    fn candidates<'a>(&'a self, name: &'a str) -> impl Iterator<Item = PathBuf> + 'a {
        self.folders.iter().map(move |folder| folder.join(name)).filter(|path| is_program(path))
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Runs `mysqld --version` and takes the version from `… Ver 9.7.4-2 for Linux on x86_64 ((Debian))`.
fn inspect(kind: Kind, path: &Path) -> Result<Program, SandboxError> {
    let unusable = |why: String| SandboxError::Unusable { kind, path: path.to_owned(), why };
    let output = Command::new(path)
        .args(["--no-defaults", "--version"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| unusable(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(unusable(format!("--version ended with {}: {complaint}", output.status)));
    }
    let found = if text.contains("MariaDB") { Kind::Mariadb } else { Kind::Mysql };
    match version_in(&text) {
        Some(_) if found != kind => Err(unusable(format!("it is {found}"))),
        Some(version) => Ok(Program { kind, path: path.to_owned(), version }),
        None => Err(unusable(format!("--version printed {:?}", text.trim()))),
    }
}

fn version_in(text: &str) -> Option<String> {
    let mut words = text.split_whitespace().skip_while(|word| *word != "Ver").skip(1);
    words.next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_the_word_after_ver() {
        assert_eq!(version_in("/usr/sbin/mysqld  Ver 8.0.36 for Linux on x86_64 (x)").as_deref(), Some("8.0.36"));
        assert_eq!(version_in("hello"), None);
    }

    #[test]
    fn search_order_ends_with_the_fetched_copy() {
        for (kind, last) in [(Kind::Mysql, "mysql"), (Kind::Mariadb, "mariadb")] {
            let (path, empty, home) = (Some("/a:/b".as_ref()), Some("".as_ref()), Some("/home/u".as_ref()));
            let paths = ProgramPaths::from_environment(kind, None, path, None, empty, home);
            assert_eq!(paths.folders.first(), Some(&PathBuf::from("/a")));
            assert_eq!(paths.folders.last(), Some(&PathBuf::from(format!("/home/u/.cache/myriad/{last}/bin"))));
        }
    }

    #[test]
    fn a_named_program_that_is_no_server_is_refused() {
        let paths = ProgramPaths { named: Some("/bin/true".into()), ..ProgramPaths::default() };
        assert!(matches!(paths.server(), Err(SandboxError::Unusable { .. })));
    }
}
