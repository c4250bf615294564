//! Makes data directories: one per server program (MySQL's by `--initialize-insecure`, seconds; MariaDB's by
//! `--bootstrap`, half a second), every further one as a copy of it (tenths of a second) without the file that holds
//! the server's identity.

use super::error::SandboxError;
use super::find::{Kind, Program};
use super::process;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Makes the data directory `template`, with root without a password. `arguments` are those that a server must have had
/// from its beginning.
pub fn initialise(program: &Program, arguments: &[String], template: &Path) -> Result<(), SandboxError> {
    let log = template.with_extension("log");
    let failed =
        |why: String| SandboxError::Initialise { program: program.path.clone(), why, log_tail: process::tail(&[&log]) };
    let output =
        fs::File::create(&log).map_err(|source| SandboxError::Folder { doing: "create", path: log.clone(), source })?;
    let errors =
        output.try_clone().map_err(|source| SandboxError::Folder { doing: "write", path: log.clone(), source })?;
    let mut command = Command::new(&program.path);
    command.arg("--no-defaults").arg(format!("--datadir={}", template.display())).stdout(output).stderr(errors);
    match program.kind {
        // A small redo log makes a small template; the server grows it to its own setting at start. Native asynchronous I/O gains
        // nothing here, and the system may have none left.
        Kind::Mysql => command
            .args(["--initialize-insecure", "--innodb-redo-log-capacity=8M", "--innodb-use-native-aio=OFF"])
            .stdin(Stdio::null()),
        Kind::Mariadb => {
            // Its own, as for the server.
            let folder = format!("--tmpdir={}", template.display());
            command.args(BOOTSTRAP).arg(folder).stdin(system_tables(program, template)?)
        }
    };
    command.args(arguments);
    if rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
    let mut child = process::spawn_bound(command).map_err(|error| failed(error.to_string()))?;
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(format!("it ended with {status}")));
    }
    // Two servers with one server_uuid cannot replicate from each other, and the guard of a restore would
    // take the target for the source. A server without this file makes a new identity.
    fs::remove_file(template.join("auto.cnf")).or_else(missing_is_fine).map_err(|source| SandboxError::Folder {
        doing: "remove",
        path: template.join("auto.cnf"),
        source,
    })
}

/// What mariadb-install-db gives the server (seen in that of 10.11.18), and a small redo log.
const BOOTSTRAP: [&str; 6] = [
    "--bootstrap",
    "--log-warnings=0",
    "--enforce-storage-engine=",
    "--max-allowed-packet=8M",
    "--net-buffer-length=16K",
    "--innodb-log-file-size=8M",
];

/// The parts of MariaDB's system schemas in the order of mariadb-install-db, and whether a server cannot be without.
/// The texts of HELP are left out.
const SYSTEM_TABLES: [(&str, bool); 5] = [
    ("system_tables.sql", true),
    ("performance_tables.sql", false),
    ("system_tables_data.sql", true),
    ("maria_add_gis_sp_bootstrap.sql", false),
    ("sys_schema.sql", false),
];

/// Writes the statements that make MariaDB's system tables to a file beside `template`, which is made too, and opens
/// it. mariadb-install-db does the same, but only from the place that it was installed to.
fn system_tables(program: &Program, template: &Path) -> Result<fs::File, SandboxError> {
    let path = template.with_extension("sql");
    let error = |doing: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| SandboxError::Folder { doing, path, source }
    };
    fs::create_dir(template).map_err(error("create", template))?;
    let folders = share_folders(program);
    // A statement ends with its line here. Without the variable root would log in by the name of the Unix account alone.
    let mut sql = b"CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n".to_vec();
    for (name, needed) in SYSTEM_TABLES {
        // The files have changed their prefix in later versions.
        let names = [format!("mysql_{name}"), format!("mariadb_{name}"), name.to_owned()];
        let mut places = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
        match places.find(|place| place.is_file()) {
            Some(place) => sql.extend(fs::read(&place).map_err(error("read", &place))?),
            None if needed => {
                return Err(SandboxError::SystemTables { program: program.path.clone(), file: names[0].clone() });
            }
            None => {}
        }
    }
    fs::File::create(&path).and_then(|mut file| file.write_all(&sql)).map_err(error("write", &path))?;
    fs::File::open(&path).map_err(error("read", &path))
}

/// Where a MariaDB has its SQL files: beside its messages, or below the folder that it was installed to. The server
/// itself tells both.
fn share_folders(program: &Program) -> Vec<PathBuf> {
    let output =
        Command::new(&program.path).args(["--no-defaults", "--verbose", "--help"]).stdin(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let setting = |name: &str| {
        let mut words =
            text.lines().map(str::split_whitespace).find_map(|mut words| (words.next()? == name).then_some(words))?;
        words.next().filter(|value| value.starts_with('/')).map(PathBuf::from)
    };
    let base = setting("basedir").unwrap_or_else(|| "/usr".into());
    let below = ["share/mysql", "share/mariadb", "share"].map(|folder| base.join(folder));
    setting("lc-messages-dir").into_iter().chain(below).collect()
}

/// Copies an initialised data directory.
pub fn copy_template(template: &Path, data: &Path) -> Result<(), SandboxError> {
    copy_folder(template, data).map_err(|source| SandboxError::Folder { doing: "fill", path: data.to_owned(), source })
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn missing_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
