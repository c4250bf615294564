//! Makes data directories: one per mysqld by `--initialize-insecure` (seconds), every further one as a
//! copy of it (tenths of a second) without the file that holds the server's identity.

use super::error::SandboxError;
use super::find::Program;
use super::process;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs `mysqld --initialize-insecure` into `template`: root without a password. `arguments` are those that a server must
/// have had from its beginning.
pub fn initialise(program: &Program, arguments: &[String], template: &Path) -> Result<(), SandboxError> {
    let log = template.with_extension("log");
    let failed =
        |why: String| SandboxError::Initialise { program: program.path.clone(), why, log_tail: process::tail(&[&log]) };
    let output =
        fs::File::create(&log).map_err(|source| SandboxError::Folder { doing: "create", path: log.clone(), source })?;
    let errors =
        output.try_clone().map_err(|source| SandboxError::Folder { doing: "write", path: log.clone(), source })?;
    let mut command = Command::new(&program.path);
    command
        .arg("--no-defaults")
        .arg("--initialize-insecure")
        .arg(format!("--datadir={}", template.display()))
        // A small redo log makes a small template; the server grows it to its own setting at start.
        .arg("--innodb-redo-log-capacity=8M")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors);
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
