//! Programs of others that judge what this one has written, where they are installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What such a program says of a file.
#[derive(Debug)]
pub enum Checked {
    /// It takes it.
    Taken,
    /// It does not, and why.
    Refused(String),
    /// It is not installed.
    NotThere,
}

/// Runs it with the file as its last argument.
pub fn check(program: &str, arguments: &[&str], file: &Path) -> Checked {
    judge(program, |command| command.args(arguments).arg(file).stdin(Stdio::null()).output())
}

/// Runs it with the file on its standard input.
pub fn check_input(program: &str, arguments: &[&str], file: &Path) -> Checked {
    let input = std::fs::File::open(file).unwrap();
    judge(program, |command| command.args(arguments).stdin(input).output())
}

fn judge(program: &str, run: impl FnOnce(&mut Command) -> std::io::Result<Output>) -> Checked {
    let Some(path) = find(program) else {
        eprintln!("not asked: {program} is not installed");
        return Checked::NotThere;
    };
    let output = run(&mut Command::new(path)).unwrap();
    // Promtool ends with 3 where it only finds a name that it would not have chosen: that counts too.
    if output.status.success() {
        return Checked::Taken;
    }
    let said = [output.stdout, output.stderr].concat();
    Checked::Refused(format!("{}: {}", output.status, String::from_utf8_lossy(&said)))
}

/// A program by the variable `MYRIAD_PROGRAM` or in PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let variable = format!("MYRIAD_{}", program.to_uppercase().replace('-', "_"));
    if let Some(named) = std::env::var_os(variable) {
        return Some(named.into());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}
