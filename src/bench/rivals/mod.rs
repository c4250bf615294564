//! The contestants: which of them this machine has, and what each can do. A rival only says which programs to run; `measure`
//! runs them, the same way for all, and the contest checks what they brought. In: [`RivalOptions`]. Out: rivals, and those
//! that cannot take part, each with the reason.

mod login;
mod mariadb_dump;
mod mydumper;
mod mysqldump;
mod mysqlsh;
mod ourselves;
mod tsv;

pub use login::{login, password};

use super::error::BenchError;
use super::measure::{Step, file_error};
use crate::sandbox::{ProgramPaths, SandboxError};
use crate::server::ConnectOptions;
use ourselves::Ourselves;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

/// A way of backing up and restoring that is measured against the others.
pub trait Rival: Send {
    /// Its name in the tables.
    fn name(&self) -> &str;

    /// The programs that it runs.
    fn programs(&self) -> Vec<&Path>;

    /// Makes room for a new first dump: what earlier ones left is removed.
    fn prepare(&mut self) -> Result<(), BenchError>;

    /// The program that dumps all schemas of the contest.
    fn dump(&self) -> Step;

    /// Bytes that its dumps take on disk now.
    fn stored_bytes(&self) -> Result<u64, BenchError>;

    /// True where a second dump builds on the first: it is then made too, and what it adds is told.
    fn remembers(&self) -> bool {
        false
    }

    /// The ways it can load, by name.
    fn ways(&self) -> &'static [&'static str];

    /// The program that loads the dump in one of its ways.
    fn load(&self, way: usize) -> Step;
}

/// Who can be measured beside this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RivalKind {
    /// mysqldump and mysql.
    Mysqldump,
    /// mariadb-dump and mariadb.
    MariadbDump,
    /// mydumper and myloader.
    Mydumper,
    /// MySQL Shell's dump and load utilities.
    Mysqlsh,
    /// What MySQL Shell does, by a script of mysql and zstd.
    Tsv,
}

impl RivalKind {
    /// All of them, in the order of the tables.
    pub const ALL: [RivalKind; 5] =
        [RivalKind::Mysqldump, RivalKind::MariadbDump, RivalKind::Mydumper, RivalKind::Mysqlsh, RivalKind::Tsv];

    /// The programs that it needs.
    pub fn programs(self) -> &'static [&'static str] {
        match self {
            RivalKind::Mysqldump => &["mysqldump", "mysql"],
            RivalKind::MariadbDump => &["mariadb-dump", "mariadb"],
            RivalKind::Mydumper => &["mydumper", "myloader"],
            RivalKind::Mysqlsh => &["mysqlsh"],
            RivalKind::Tsv => &["mysql", "zstd", "xargs"],
        }
    }

    fn word(self) -> &'static str {
        match self {
            RivalKind::Mysqldump => "mysqldump",
            RivalKind::MariadbDump => "mariadb-dump",
            RivalKind::Mydumper => "mydumper",
            RivalKind::Mysqlsh => "mysqlsh",
            RivalKind::Tsv => "tsv",
        }
    }
}

impl fmt::Display for RivalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for RivalKind {
    type Err = String;

    fn from_str(text: &str) -> Result<RivalKind, String> {
        RivalKind::ALL.into_iter().find(|kind| kind.word() == text).ok_or_else(|| {
            let words: Vec<&str> = RivalKind::ALL.iter().map(|kind| kind.word()).collect();
            format!("no such rival: there are {}", words.join(", "))
        })
    }
}

/// A value for one program, as in `mydumper=/opt/mydumper/bin/mydumper` or `myloader=--innodb-optimize-keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfProgram {
    /// The program's name.
    pub program: String,
    /// What is said of it.
    pub value: String,
}

impl FromStr for OfProgram {
    type Err = String;

    fn from_str(text: &str) -> Result<OfProgram, String> {
        let known = |name: &str| RivalKind::ALL.iter().any(|kind| kind.programs().contains(&name));
        match text.split_once('=') {
            Some((program, value)) if known(program) && !value.is_empty() => {
                Ok(OfProgram { program: program.to_owned(), value: value.to_owned() })
            }
            Some((program, _)) if !known(program) => Err(format!("no rival runs a program of the name {program}")),
            _ => Err("PROGRAM=VALUE is wanted".into()),
        }
    }
}

/// Which rivals are wanted, where their programs are, and what they are given beside what they need.
#[derive(Clone, Debug)]
pub struct RivalOptions {
    /// Who takes part.
    pub kinds: Vec<RivalKind>,
    /// Where the programs of MySQL, and all others, are looked for.
    pub programs: ProgramPaths,
    /// Where those of MariaDB are.
    pub mariadb: ProgramPaths,
    /// Paths that were named.
    pub paths: Vec<OfProgram>,
    /// Arguments that are added to a program's own.
    pub arguments: Vec<OfProgram>,
}

impl RivalOptions {
    /// Everybody, as found in these folders.
    pub fn all(programs: &ProgramPaths, mariadb: &ProgramPaths) -> RivalOptions {
        RivalOptions {
            kinds: RivalKind::ALL.to_vec(),
            programs: programs.clone(),
            mariadb: mariadb.clone(),
            paths: Vec::new(),
            arguments: Vec::new(),
        }
    }

    fn find(&self, program: &str) -> Result<PathBuf, SandboxError> {
        match self.paths.iter().rev().find(|named| named.program == program) {
            Some(named) => Ok(PathBuf::from(&named.value)),
            None if program.starts_with("mariadb") => self.mariadb.client(program),
            None => self.programs.client(program),
        }
    }

    fn extra(&self, program: &str) -> Vec<OsString> {
        let mine = self.arguments.iter().filter(|argument| argument.program == program);
        mine.map(|argument| OsString::from(&argument.value)).collect()
    }
}

/// What every rival is told.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// The server that is dumped.
    pub source: ConnectOptions,
    /// The server that is loaded.
    pub target: ConnectOptions,
    /// The schemas.
    pub schemas: Vec<String>,
    /// A folder for dumps, empty at first and without option files: it is given as home.
    pub folder: PathBuf,
    /// Sessions, for who can have several.
    pub threads: usize,
    /// Go on after errors, for who can: the data is such that something is lost.
    pub force: bool,
}

/// The programs of one rival, by name, and what is added to their arguments.
struct Found {
    paths: BTreeMap<&'static str, PathBuf>,
    extra: BTreeMap<&'static str, Vec<OsString>>,
}

impl Found {
    fn path(&self, program: &str) -> PathBuf {
        self.paths[program].clone()
    }

    fn extra(&self, program: &str) -> Vec<OsString> {
        self.extra[program].clone()
    }
}

/// Somebody who takes part, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Who.
    pub rival: String,
    /// Why.
    pub why: String,
}

/// A program that was run, and its version as it tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProgramVersion {
    /// Its name.
    pub program: String,
    /// The first line of `--version`, without the name.
    pub version: String,
}

/// This program and the rivals that were asked for and can be had; and who cannot.
pub(super) async fn gather(
    task: &Task,
    myriad: &Path,
    tuned_too: bool,
    options: &RivalOptions,
) -> Result<(Vec<Box<dyn Rival>>, Vec<Absent>), BenchError> {
    let mut rivals: Vec<Box<dyn Rival>> = vec![Box::new(Ourselves::new(task, myriad, tuned_too))];
    let mut absent = Vec::new();
    for kind in &options.kinds {
        let found = match look_for(*kind, options) {
            Ok(found) => found,
            Err(why) => {
                absent.push(Absent { rival: kind.to_string(), why });
                continue;
            }
        };
        rivals.push(match kind {
            RivalKind::Mysqldump => Box::new(mysqldump::Mysqldump::new(task, &found)),
            RivalKind::MariadbDump => Box::new(mariadb_dump::new(task, &found)),
            RivalKind::Mydumper => Box::new(mydumper::Mydumper::new(task, &found)?),
            RivalKind::Mysqlsh => Box::new(mysqlsh::Mysqlsh::new(task, &found)?),
            RivalKind::Tsv => Box::new(tsv::Tsv::new(task, &found).await?),
        });
    }
    Ok((rivals, absent))
}

/// The programs of a rival; the error says which is missing.
fn look_for(kind: RivalKind, options: &RivalOptions) -> Result<Found, String> {
    let (mut paths, mut extra) = (BTreeMap::new(), BTreeMap::new());
    for program in kind.programs() {
        let path = options.find(program).map_err(|error| error.to_string())?;
        version(&path).ok_or_else(|| format!("{} does not run", path.display()))?;
        paths.insert(*program, path);
        extra.insert(*program, options.extra(program));
    }
    Ok(Found { paths, extra })
}

/// The versions of all programs that the rivals run, each once.
pub(super) fn versions(rivals: &[Box<dyn Rival>]) -> Vec<ProgramVersion> {
    let mut versions: Vec<ProgramVersion> =
        rivals.iter().flat_map(|rival| rival.programs()).filter_map(version).collect();
    versions.sort();
    versions.dedup();
    versions
}

/// What a program says of itself; none where it does not run.
fn version(path: &Path) -> Option<ProgramVersion> {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let program = path.file_name()?.to_string_lossy().into_owned();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let version = without_name(line, &program);
    Some(ProgramVersion { program, version })
}

/// A line of `--version` without the program's name or path before it, and without what it was built with.
fn without_name(line: &str, program: &str) -> String {
    let behind = match line.split_once(' ') {
        Some((path, behind)) if path.rsplit('/').next() == Some(program) => behind,
        _ => line,
    };
    let behind = behind.split(" using ").next().unwrap_or(behind);
    behind.trim_matches([' ', '*', ':']).to_owned()
}

/// Removes a folder or a file, which may be missing.
fn remove(path: &Path) -> Result<(), BenchError> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file_error("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Writes a file that only this account may read.
fn write_private(path: &Path, text: &[u8]) -> Result<(), BenchError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(text)).map_err(file_error("write", path))
}

/// The sum of the sizes of all files below a folder.
fn folder_bytes(folder: &Path) -> Result<u64, BenchError> {
    fn sum(folder: &Path) -> std::io::Result<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            bytes += if entry.file_type()?.is_dir() { sum(&entry.path())? } else { entry.metadata()?.len() };
        }
        Ok(bytes)
    }
    sum(folder).map_err(file_error("read", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for kind in RivalKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("xtrabackup".parse::<RivalKind>().unwrap_err().contains("mysqldump, mariadb-dump"));
        let option: OfProgram = "myloader=--rows=5".parse().unwrap();
        assert_eq!((option.program.as_str(), option.value.as_str()), ("myloader", "--rows=5"));
        for wrong in ["myloader", "myloader=", "perl=-v", ""] {
            assert!(wrong.parse::<OfProgram>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn versions_are_told_without_paths() {
        for (line, program, version) in [
            ("/opt/mysql/bin/mysql  Ver 9.7.4 for Linux", "mysql", "Ver 9.7.4 for Linux"),
            (
                "mariadb  Ver 15.1 Distrib 10.11.18-MariaDB using  EditLine",
                "mariadb",
                "Ver 15.1 Distrib 10.11.18-MariaDB",
            ),
            ("*** Zstandard CLI (64-bit) v1.5.4 ***", "zstd", "Zstandard CLI (64-bit) v1.5.4"),
        ] {
            assert_eq!(without_name(line, program), version);
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let mut options = RivalOptions::all(&ProgramPaths::default(), &ProgramPaths::default());
        let why = look_for(RivalKind::Mysqlsh, &options).err().unwrap();
        assert!(why.contains("mysqlsh"), "{why}");
        options.paths.push("mysqlsh=/nowhere/mysqlsh".parse().unwrap());
        let why = look_for(RivalKind::Mysqlsh, &options).err().unwrap();
        assert!(why.contains("/nowhere/mysqlsh does not run"), "{why}");
        options.paths.push("mysqlsh=/bin/sh".parse().unwrap());
        options.arguments.push("mysqlsh=--log-level=none".parse().unwrap());
        let found = look_for(RivalKind::Mysqlsh, &options).ok().unwrap();
        assert_eq!(found.path("mysqlsh"), PathBuf::from("/bin/sh"));
        assert_eq!(found.extra("mysqlsh"), [OsString::from("--log-level=none")]);
    }
}
