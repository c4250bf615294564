//! Finds mysqld and the client programs beside it: what the caller names, the folders of PATH, the usual
//! folders, and the one that `scripts/get-mysqld` fills. The environment is read by the caller.

use super::error::SandboxError;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Folders where packages put mysqld though they are on nobody's PATH.
const USUAL_FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/libexec", "/usr/local/mysql/bin", "/usr/bin"];

/// Where private servers find their programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramPaths {
    /// `--mysqld` or `MYRIAD_MYSQLD`: this one and no other.
    pub mysqld: Option<PathBuf>,
    /// Folders to look in, in order.
    pub folders: Vec<PathBuf>,
}

/// A mysqld that ran and told its version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// Its path.
    pub path: PathBuf,
    /// Its version, such as `9.7.4-2`.
    pub version: String,
}

impl ProgramPaths {
    /// The search order from the values of the environment: `mysqld` is MYRIAD_MYSQLD, `path` is PATH,
    /// `mysql_home` is MYRIAD_MYSQL_HOME, `cache_home` XDG_CACHE_HOME and `home` HOME.
    pub fn from_environment(
        mysqld: Option<&OsStr>,
        path: Option<&OsStr>,
        mysql_home: Option<&OsStr>,
        cache_home: Option<&OsStr>,
        home: Option<&OsStr>,
    ) -> ProgramPaths {
        let given = |value: Option<&OsStr>| value.filter(|v| !v.is_empty()).map(PathBuf::from);
        let mut folders: Vec<PathBuf> = path.map(|p| std::env::split_paths(p).collect()).unwrap_or_default();
        folders.extend(USUAL_FOLDERS.iter().map(PathBuf::from));
        // The same rule as in scripts/get-mysqld.
        let cache = given(cache_home).or_else(|| given(home).map(|home| home.join(".cache")));
        let fetched = given(mysql_home).or_else(|| cache.map(|cache| cache.join("myriad/mysql")));
        folders.extend(fetched.map(|fetched| fetched.join("bin")));
        ProgramPaths { mysqld: given(mysqld), folders }
    }

    /// The server program. A mysqld that was named must work; of those found by search the first that runs
    /// and is MySQL (MariaDB also installs a program of that name) is taken.
    pub fn mysqld(&self) -> Result<Program, SandboxError> {
        if let Some(path) = &self.mysqld {
            return inspect(path);
        }
        let mut unusable = None;
        for path in self.candidates("mysqld") {
            match inspect(&path) {
                Ok(program) => return Ok(program),
                Err(error) => unusable = Some(error),
            }
        }
        Err(unusable.unwrap_or_else(|| SandboxError::NotFound { program: "mysqld".into() }))
    }

    /// A client program such as `mysqldump`: beside the mysqld in use, else the first in the folders.
    pub fn client(&self, name: &str) -> Result<PathBuf, SandboxError> {
        let beside = self.mysqld().ok().and_then(|program| program.path.parent().map(|folder| folder.join(name)));
        beside
            .filter(|path| is_program(path))
            .or_else(|| self.candidates(name).next())
            .ok_or_else(|| SandboxError::NotFound { program: name.into() })
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
fn inspect(path: &Path) -> Result<Program, SandboxError> {
    let unusable = |why: String| SandboxError::Unusable { path: path.to_owned(), why };
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
    if text.contains("MariaDB") {
        return Err(unusable("it is MariaDB".into()));
    }
    match version_in(&text) {
        Some(version) => Ok(Program { path: path.to_owned(), version }),
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
        let paths = ProgramPaths::from_environment(
            None,
            Some("/a:/b".as_ref()),
            None,
            Some("".as_ref()),
            Some("/home/u".as_ref()),
        );
        assert_eq!(paths.folders.first(), Some(&PathBuf::from("/a")));
        assert_eq!(paths.folders.last(), Some(&PathBuf::from("/home/u/.cache/myriad/mysql/bin")));
    }

    #[test]
    fn a_named_program_that_is_no_server_is_refused() {
        let paths = ProgramPaths { mysqld: Some("/bin/true".into()), folders: vec![] };
        assert!(matches!(paths.mysqld(), Err(SandboxError::Unusable { .. })));
    }
}
