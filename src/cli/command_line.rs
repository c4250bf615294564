//! Command lines that a person can paste into a shell: the one that was typed, and the one that removes what a restore has
//! left. Words are quoted where they need it. Comes in: what the program was started with. No password goes out: one that
//! stood in the address is asked for in its place.

use super::args::{ConnectArgs, RestoreArgs, SslModeArg};
use crate::server::without_password;
use clap::ValueEnum;
use std::ffi::OsString;
use std::path::Path;

/// The same restore again. A choice of the latest backup is left out: who goes on must name the one that was chosen.
pub fn again(line: &[OsString], args: &RestoreArgs) -> String {
    let addresses = [("--target=", &args.target), ("--replicate-from=", &args.replicate.replicate_from)];
    let latest = |at: usize| {
        let is = |at: usize, wanted: &str| line.get(at).is_some_and(|word| word == wanted);
        is(at, "--backup=latest")
            || is(at, "--backup") && is(at + 1, "latest")
            || at > 0 && is(at - 1, "--backup") && is(at, "latest")
    };
    let words = line.iter().enumerate().filter(|(at, _)| !latest(*at)).map(|(_, word)| {
        let word = word.to_string_lossy();
        let held = addresses.iter().find_map(|(name, address)| {
            let address = address.as_deref().filter(|address| !address.is_empty())?;
            let option = word.strip_suffix(address)?;
            (option.is_empty() || option == *name).then(|| format!("{option}{}", without_password(address)))
        });
        held.unwrap_or_else(|| word.into_owned())
    });
    joined(words.chain(ask(args)))
}

/// `restore --abort` on its target.
pub fn abort(line: &[OsString], args: &RestoreArgs) -> String {
    let program = line.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let target = args.target.iter().flat_map(|target| ["--target".to_owned(), without_password(target)]);
    let words = [program, "restore".to_owned()].into_iter().chain(target).chain(connection(&args.connect));
    joined(words.chain(ask(args)).chain(["--abort".to_owned()]))
}

/// Asks for the password that the address held.
fn ask(args: &RestoreArgs) -> Option<String> {
    let held = args.target.as_deref().is_some_and(|target| without_password(target) != target);
    (held && !args.connect.password && args.connect.password_file.is_none()).then(|| "--password".to_owned())
}

/// The options that say how the target is reached.
fn connection(args: &ConnectArgs) -> Vec<String> {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let mode = |mode: SslModeArg| mode.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let options = [
        ("--host", args.host.clone()),
        ("--port", args.port.map(|port| port.to_string())),
        ("--socket", args.socket.as_deref().map(path)),
        ("--user", args.user.clone()),
        ("--password-file", args.password_file.as_deref().map(path)),
        ("--defaults-file", args.defaults_file.as_deref().map(path)),
        ("--ssl-mode", args.ssl_mode.map(mode)),
        ("--ssl-ca", args.ssl_ca.as_deref().map(path)),
    ];
    let given = options.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
    given.flatten().chain(args.password.then(|| "--password".to_owned())).collect()
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::{Cli, Command};
    use super::*;
    use clap::Parser;

    fn lines_of(words: &[&str]) -> (String, String) {
        let line: Vec<OsString> = words.iter().map(OsString::from).collect();
        let Command::Restore(args) = Cli::try_parse_from(&line).expect("a command line").command else { panic!() };
        (again(&line, &args), abort(&line, &args))
    }

    #[test]
    fn what_was_typed_comes_back_for_a_shell() {
        let words = ["/opt/my riad", "restore", "--target", "mysql://root@db2", "--repo", "/b", "--table", "it's.*"];
        let (resume, abort) = lines_of(&words);
        assert_eq!(resume, r"'/opt/my riad' restore --target mysql://root@db2 --repo /b --table 'it'\''s.*'");
        assert_eq!(abort, "'/opt/my riad' restore --target mysql://root@db2 --abort");
        for words in [&["--backup", "latest"][..], &["--backup=latest"]] {
            let (resume, _) = lines_of(&[&["myriad", "restore", "--target", "h", "--repo", "latest"], words].concat());
            assert_eq!(resume, "myriad restore --target h --repo latest");
        }
        let words = ["myriad", "restore", "-S", "/tmp/s", "-u", "me", "-p", "--repo", "/b", "--ssl-mode", "VERIFY_CA"];
        let (resume, abort) = lines_of(&words);
        assert_eq!(resume, words.join(" "));
        assert_eq!(abort, "myriad restore --socket /tmp/s --user me --ssl-mode verify-ca --password --abort");
    }

    #[test]
    fn the_password_of_a_replication_account_is_not_printed() {
        let from = ["--replicate-from", "mysql://repl:secret@db1"];
        let (resume, _) = lines_of(&[&["myriad", "restore", "-S", "/s", "--repo", "/b"][..], &from].concat());
        assert_eq!(resume, "myriad restore -S /s --repo /b --replicate-from mysql://repl@db1");
        let (resume, _) = lines_of(&["myriad", "restore", "-S", "/s", "--repo", "/b", &from.join("=")]);
        assert!(resume.ends_with(" --replicate-from=mysql://repl@db1"), "{resume}");
    }

    #[test]
    fn a_password_is_asked_for_and_never_printed() {
        let cases = [
            ("mysql://u:p@ss@db2:3307", "mysql://u@db2:3307"),
            ("mysql://u:secret@/tmp/s?ssl-mode=disabled", "mysql://u@/tmp/s?ssl-mode=disabled"),
            ("u:secret@db2", "u@db2"),
            ("mysql://u:@db2", "mysql://u@db2"),
        ];
        for (typed, plain) in cases {
            let (resume, abort) = lines_of(&["myriad", "restore", "--target", typed, "--repo", "/b"]);
            assert!(resume.starts_with(&format!("myriad restore --target {plain} --repo /b")) || typed.contains('?'));
            assert!(resume.ends_with(" --password") && abort.ends_with(" --password --abort"), "{resume} {abort}");
            let (resume, _) = lines_of(&["myriad", "restore", &format!("--target={typed}"), "--repo", "/b"]);
            assert!(resume.contains(plain) && !resume.contains("secret") && !resume.contains("p@ss"), "{resume}");
        }
    }
}
