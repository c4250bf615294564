//! Programs of others that judge what this one has written, where they are installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs a program with the file as its last argument, and panics where it does not take it. Where it is not installed,
/// that is said.
#[track_caller]
pub fn takes(program: &str, arguments: &[&str], file: &Path) {
    judge(program, file, |command| command.args(arguments).arg(file).stdin(Stdio::null()).output());
}

/// The same with the file on its standard input.
#[track_caller]
pub fn takes_input(program: &str, arguments: &[&str], file: &Path) {
    let input = std::fs::File::open(file).unwrap();
    judge(program, file, |command| command.args(arguments).stdin(input).output());
}

#[track_caller]
fn judge(program: &str, file: &Path, run: impl FnOnce(&mut Command) -> std::io::Result<Output>) {
    let Some(path) = find(program) else {
        eprintln!("not asked: {program} is not installed");
        return;
    };
    let output = run(&mut Command::new(path)).unwrap();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let text = std::fs::read_to_string(file).unwrap_or_default();
        panic!("{program} refuses {}: {}: {said}\n{text}", file.display(), output.status);
    }
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
