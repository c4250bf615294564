//! The commands that come after a restore that was broken off, as lines that a POSIX shell takes: the same command again, and
//! its removal. Comes in: what was typed. No password goes out: one that stood in the address is asked for.

use super::args::{ConnectArgs, RestoreArgs, SslModeArg};
use crate::command::options::CommandLines;
use clap::ValueEnum;
use std::ffi::OsString;
use std::path::Path;

/// The lines for a restore that was typed as `line`.
pub fn lines(line: &[OsString], args: &RestoreArgs) -> CommandLines {
    let target = args.target.as_deref().unwrap_or_default();
    let plain = without_password(target);
    let ask = plain != target && !args.connect.password && args.connect.password_file.is_none();
    let typed = line.iter().map(|word| {
        let word = word.to_string_lossy().into_owned();
        match word.strip_prefix("--target=") {
            _ if word == target => plain.clone(),
            Some(address) if address == target => format!("--target={plain}"),
            _ => word,
        }
    });
    let mut resume: Vec<String> = typed.collect();
    let mut abort = vec![resume.first().cloned().unwrap_or_default(), "restore".into()];
    if args.target.is_some() {
        abort.extend(["--target".into(), plain]);
    }
    abort.extend(connection(&args.connect));
    if ask {
        resume.push("--password".into());
        abort.push("--password".into());
    }
    abort.push("--abort".into());
    CommandLines { resume: joined(&resume), abort: joined(&abort) }
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

/// The address without `:password`. It was parsed before, so the login ends at the last `@` before the place.
fn without_password(address: &str) -> String {
    let from = address.find("://").map_or(0, |at| at + 3);
    let authority = &address[from..];
    let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
    match authority.rsplit_once('@').and_then(|(login, _)| Some((login.len(), login.find(':')?))) {
        Some((login_end, user_end)) if !address.starts_with('/') => {
            format!("{}{}", &address[..from + user_end], &address[from + login_end..])
        }
        _ => address.to_owned(),
    }
}

fn joined(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
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
        let CommandLines { resume, abort } = lines(&line, &args);
        (resume, abort)
    }

    #[test]
    fn what_was_typed_comes_back_for_a_shell() {
        let words = ["/opt/my riad", "restore", "--target", "mysql://root@db2", "--repo", "/b", "--table", "it's.*"];
        let (resume, abort) = lines_of(&words);
        assert_eq!(resume, r"'/opt/my riad' restore --target mysql://root@db2 --repo /b --table 'it'\''s.*'");
        assert_eq!(abort, "'/opt/my riad' restore --target mysql://root@db2 --abort");
        let words = ["myriad", "restore", "-S", "/tmp/s", "-u", "me", "-p", "--repo", "/b", "--ssl-mode", "VERIFY_CA"];
        let (resume, abort) = lines_of(&words);
        assert_eq!(resume, words.join(" "));
        assert_eq!(abort, "myriad restore --socket /tmp/s --user me --ssl-mode verify-ca --password --abort");
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
        for unchanged in ["mysql://u@db2", "mysql://[::1]:3307", "/tmp/a:b@c", "db2:3307", "mysql:///tmp/a:b@c"] {
            assert_eq!(without_password(unchanged), unchanged);
        }
    }
}
