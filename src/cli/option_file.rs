//! MySQL's option files (`/etc/my.cnf`, `~/.my.cnf`): the text is cut into settings exactly as the mysql
//! client cuts it, then the `[client]` and `[myriad]` groups give the connection's defaults. [`parse`] is
//! pure; [`read`] follows the list of files and their includes. Nothing here looks at the environment.
//!
//! The dialect is that of `mysys/my_default.cc`; the corners (a `#` in the middle of a line, what a
//! backslash means, quotes) were compared with `mysql --print-defaults` of 9.7.4.

use super::settings::SettingsError;
use crate::secret::Secret;
use crate::server::SslMode;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Includes deeper than this are not followed (the mysql client's bound).
const INCLUDE_DEPTH_MAX: usize = 10;

/// What one line of an option file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `[group]`: the settings that follow belong to it.
    Group(String),
    /// `key` or `key = value`.
    Setting {
        /// The option's name as it was typed, but for `_`, which is `-` here.
        key: String,
        /// The value without quotes, escapes resolved; none for a bare key.
        value: Option<String>,
    },
    /// `!include FILE`.
    Include(String),
    /// `!includedir FOLDER`.
    IncludeFolder(String),
}

/// A line that the dialect does not have: its number, counted from 1, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line number, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub why: &'static str,
}

/// The settings of a file with their line numbers, comments and empty lines left out.
pub fn parse(text: &str) -> Result<Vec<(usize, Item)>, Fault> {
    let mut items = Vec::new();
    let mut in_group = false;
    for (i, line) in text.lines().enumerate() {
        if let Some(item) = parse_line(line).map_err(|why| Fault { line: i + 1, why })? {
            match item {
                Item::Group(_) => in_group = true,
                Item::Setting { .. } if !in_group => {
                    return Err(Fault { line: i + 1, why: "a setting before the first [group]" });
                }
                _ => {}
            }
            items.push((i + 1, item));
        }
    }
    Ok(items)
}

fn parse_line(line: &str) -> Result<Option<Item>, &'static str> {
    let line = trim(line);
    if line.is_empty() || line.starts_with(['#', ';']) {
        return Ok(None);
    }
    if let Some(directive) = line.strip_prefix('!') {
        return parse_directive(directive);
    }
    if let Some(rest) = line.strip_prefix('[') {
        let end = rest.find(']').ok_or("a group without its closing ]")?;
        return Ok(Some(Item::Group(trim_end(&rest[..end]).to_owned())));
    }
    let line = without_comment(line);
    let (key, value) = match line.split_once('=') {
        Some((key, value)) => (key, Some(unescape(unquote(trim(value))))),
        None => (line, None),
    };
    Ok(Some(Item::Setting { key: trim_end(key).replace('_', "-"), value }))
}

fn parse_directive(directive: &str) -> Result<Option<Item>, &'static str> {
    // The longer word first: one is the beginning of the other. Unknown directives are passed over.
    for (word, make) in
        [("includedir", Item::IncludeFolder as fn(String) -> Item), ("include", Item::Include as fn(String) -> Item)]
    {
        if let Some(rest) = trim(directive).strip_prefix(word) {
            let path = trim(rest);
            if !rest.starts_with(is_space) || path.is_empty() {
                return Err("an !include or !includedir without a path");
            }
            return Ok(Some(make(path.to_owned())));
        }
    }
    Ok(None)
}

/// The line up to a `#` outside quotes. A backslash protects a quote mark only inside quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if matches!(c, '\'' | '"') && !escaped {
            match quote {
                None => quote = Some(c),
                Some(open) if open == c => quote = None,
                Some(_) => {}
            }
        }
        if quote.is_none() && c == '#' {
            return &line[..at];
        }
        escaped = quote.is_some() && c == '\\' && !escaped;
    }
    line
}

fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

/// Escapes resolved; an unknown one and a backslash at the end stay as they are.
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('s') => out.push(' '),
            Some(c @ ('"' | '\'' | '\\')) => out.push(c),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// White space as the mysql client trims it, but for its byte 0xa0: trimming that cuts a UTF-8 letter such as
/// `à` in two (seen on 9.7.4), which no user can have meant.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{b}' | '\u{c}')
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

fn trim_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// The connection defaults that option files give; later settings replace earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDefaults {
    /// `user`.
    pub user: Option<String>,
    /// `password`.
    pub password: Option<Secret>,
    /// `host`.
    pub host: Option<String>,
    /// `port`.
    pub port: Option<u16>,
    /// `socket`.
    pub socket: Option<PathBuf>,
    /// `ssl-mode`.
    pub ssl_mode: Option<SslMode>,
    /// `ssl-ca`.
    pub ssl_ca: Option<PathBuf>,
    /// `replicate-user`.
    pub replicate_user: Option<String>,
    /// `replicate-password`.
    pub replicate_password: Option<Secret>,
    /// Lines for a person: files that were passed over, and why.
    pub warnings: Vec<String>,
}

/// Reads `files` in order. A file that is missing is passed over, unless `required`.
pub fn read(files: &[PathBuf], required: bool) -> Result<FileDefaults, SettingsError> {
    let mut defaults = FileDefaults::default();
    for file in files {
        defaults.read_file(file, required, 0)?;
    }
    Ok(defaults)
}

impl FileDefaults {
    fn read_file(&mut self, path: &Path, required: bool, depth: usize) -> Result<(), SettingsError> {
        let unreadable =
            |error: std::io::Error| SettingsError::OptionFile { path: path.into(), why: error.to_string() };
        match std::fs::metadata(path) {
            // Anyone could have put a host of theirs, or an include, into it.
            Ok(meta) if meta.is_file() && meta.permissions().mode() & 0o002 != 0 => {
                self.warnings.push(format!("option file {} is ignored: anyone may write to it", path.display()));
                return Ok(());
            }
            Ok(_) => {}
            Err(error) if required => return Err(unreadable(error)),
            Err(_) => return Ok(()),
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if !required && error.kind() == ErrorKind::PermissionDenied => return Ok(()),
            Err(error) => return Err(unreadable(error)),
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut group = String::new();
        let items = parse(&text).map_err(|fault| at_line(path, fault.line, fault.why))?;
        for (line, item) in items {
            match item {
                Item::Group(name) => group = name.to_ascii_lowercase(),
                Item::Setting { key, value } => {
                    self.apply(&group, &key, value).map_err(|why| at_line(path, line, why))?;
                }
                Item::Include(file) if depth < INCLUDE_DEPTH_MAX => {
                    self.read_file(Path::new(&file), false, depth + 1)?;
                }
                Item::IncludeFolder(folder) if depth < INCLUDE_DEPTH_MAX => {
                    for file in files_of(Path::new(&folder)) {
                        self.read_file(&file, false, depth + 1)?;
                    }
                }
                Item::Include(_) | Item::IncludeFolder(_) => {
                    self.warnings.push(format!("an include in {} is ignored: too deep", path.display()));
                }
            }
        }
        Ok(())
    }

    /// Takes one setting. `[client]` is shared by all MySQL programs, so a key unknown here is none of our
    /// business; `[myriad]` is ours, so there it is a slip.
    fn apply(&mut self, group: &str, key: &str, value: Option<String>) -> Result<(), String> {
        if !matches!(group, "client" | "myriad") {
            return Ok(());
        }
        let loose = key.strip_prefix("loose-");
        let key = loose.unwrap_or(key);
        if !KEYS.contains(&key) {
            let known = KEYS.join(", ");
            return match (group, loose) {
                ("myriad", None) => Err(format!("unknown option {key} in [myriad]; known are {known}")),
                _ => Ok(()),
            };
        }
        let Some(value) = value else {
            // A bare `password` asks the mysql client to prompt; a file is read without anyone there.
            return if key == "password" { Ok(()) } else { Err(format!("option {key} needs a value")) };
        };
        match key {
            "user" => self.user = Some(value),
            "password" => self.password = Some(Secret::new(value)),
            "host" => self.host = Some(value),
            "port" => {
                // 0 is the mysql client's way to say: the default.
                let port: u16 = value.parse().map_err(|_| format!("port {value} is no port number"))?;
                self.port = (port != 0).then_some(port);
            }
            "socket" => self.socket = Some(value.into()),
            "ssl-mode" => {
                self.ssl_mode = Some(SslMode::from_name(&value).ok_or(format!("ssl-mode {value} is none of MySQL's"))?);
            }
            "ssl-ca" => self.ssl_ca = Some(value.into()),
            "replicate-user" => self.replicate_user = Some(value),
            "replicate-password" => self.replicate_password = Some(Secret::new(value)),
            _ => unreachable!("KEYS lists every key above"),
        }
        Ok(())
    }
}

const KEYS: [&str; 9] =
    ["user", "password", "host", "port", "socket", "ssl-mode", "ssl-ca", "replicate-user", "replicate-password"];

fn at_line(path: &Path, line: usize, why: impl Into<String>) -> SettingsError {
    SettingsError::OptionLine { path: path.into(), line, why: why.into() }
}

/// The `.cnf` files of a folder by name; none where it cannot be read.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "cnf"));
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs::Permissions;

    fn value_of(line: &str) -> Option<String> {
        match parse_line(line).expect(line) {
            Some(Item::Setting { value, .. }) => value,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn values_are_cut_as_mysql_cuts_them() {
        // Each line was given to `mysql --defaults-file=F --print-defaults` of 9.7.4 as `user…`.
        let cases = [
            ("user=root", Some("root")),
            ("user = root  ", Some("root")),
            ("\tuser=  root\r", Some("root")),
            ("user", None),
            ("user=", Some("")),
            ("user=a#b", Some("a")),
            ("user=a # b", Some("a")),
            ("user=a;b", Some("a;b")),
            ("user=\"a#b\"", Some("a#b")),
            ("user='a # b' # c", Some("a # b")),
            ("user=\"a b\"", Some("a b")),
            ("user='a\"", Some("'a\"")),
            ("user=\"", Some("\"")),
            ("user=\"\"", Some("")),
            ("user=\" a \"", Some(" a ")),
            ("user=a=b", Some("a=b")),
            ("user=a\\sb", Some("a b")),
            ("user=a\\tb\\nc\\rd\\be", Some("a\tb\nc\rd\u{8}e")),
            ("user=a\\\\b", Some("a\\b")),
            ("user=a\\qb", Some("a\\qb")),
            ("user=a\\", Some("a\\")),
            ("user=\"a\\\"b\"", Some("a\"b")),
            ("user=\"a\\\"#b\"", Some("a\"#b")),
            ("user=a\\'b", Some("a'b")),
        ];
        for (line, expected) in cases {
            assert_eq!(value_of(line).as_deref(), expected, "{line:?}");
        }
    }

    #[test]
    fn lines_are_told_apart() {
        let setting = |key: &str| Some(Item::Setting { key: key.into(), value: Some("1".into()) });
        let cases = [
            ("", None),
            ("   ", None),
            ("# x=1", None),
            ("  ; x=1", None),
            ("[client]", Some(Item::Group("client".into()))),
            ("  [client ] rest", Some(Item::Group("client".into()))),
            ("ssl_mode=1", setting("ssl-mode")),
            ("ssl-mode =1", setting("ssl-mode")),
            ("!include /a b.cnf ", Some(Item::Include("/a b.cnf".into()))),
            ("!includedir /etc/mysql/conf.d", Some(Item::IncludeFolder("/etc/mysql/conf.d".into()))),
            ("!other thing", None),
        ];
        for (line, expected) in cases {
            assert_eq!(parse_line(line), Ok(expected), "{line:?}");
        }
    }

    #[test]
    fn faults_have_their_line() {
        let cases = [
            ("user=a", 1, "a setting before the first [group]"),
            ("[client]\n\n[myriad\n", 3, "a group without its closing ]"),
            ("[client]\n!include\n", 2, "an !include or !includedir without a path"),
        ];
        for (text, line, why) in cases {
            assert_eq!(parse(text), Err(Fault { line, why }), "{text}");
        }
    }

    fn read_texts(files: &[(&str, &str)]) -> Result<FileDefaults, SettingsError> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let text = text.replace("HERE", &folder.path().display().to_string());
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("in the folder")).expect("folders");
            std::fs::write(&path, text).expect("write");
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("mode");
        }
        read(&[folder.path().join(files[0].0)], true)
    }

    #[test]
    fn groups_and_files_add_up_in_order() {
        let defaults = read_texts(&[
            (
                "my.cnf",
                "[mysqld]\nport=1\n[client]\nuser=a\nport=3307\nno-such-key=1\n!includedir HERE/conf.d\n\
                 [Myriad]\nuser=b\nloose-host=h\nloose-strange=1\n[mysql]\nhost=no\n",
            ),
            ("conf.d/1.cnf", "[client]\npassword=p1\nssl_mode=required\n"),
            ("conf.d/2.cnf", "[client]\npassword=\"p2#\"\n!include HERE/3\n"),
            ("conf.d/4.txt", "[client]\npassword=p4\n"),
            ("3", "[myriad]\nsocket=/s\nport=0\nreplicate_user=repl\nreplicate-password=r\n"),
        ])
        .expect("read");
        assert_eq!(
            defaults,
            FileDefaults {
                user: Some("b".into()),
                password: Some(Secret::new("p2#")),
                host: Some("h".into()),
                port: None,
                socket: Some("/s".into()),
                ssl_mode: Some(SslMode::Required),
                ssl_ca: None,
                replicate_user: Some("repl".into()),
                replicate_password: Some(Secret::new("r")),
                warnings: Vec::new(),
            }
        );
    }

    #[test]
    fn slips_name_file_and_line() {
        let cases = [
            ("[myriad]\n\nrepo_=x\n", "my.cnf line 3: unknown option repo- in [myriad]; known are user, password"),
            ("[client]\nport=many\n", "my.cnf line 2: port many is no port number"),
            ("[client]\nuser\n", "my.cnf line 2: option user needs a value"),
            ("[client]\nssl-mode=maybe\n", "my.cnf line 2: ssl-mode maybe is none of MySQL's"),
            ("x=1\n", "my.cnf line 1: a setting before the first [group]"),
        ];
        for (text, expected) in cases {
            let error = read_texts(&[("my.cnf", text)]).expect_err(text).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_file_that_anyone_may_write_is_ignored() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("my.cnf");
        std::fs::write(&path, "[client]\nuser=evil\n").expect("write");
        std::fs::set_permissions(&path, Permissions::from_mode(0o646)).expect("mode");
        let defaults = read(std::slice::from_ref(&path), true).expect("read");
        assert_eq!((defaults.user, defaults.warnings.len()), (None, 1));
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("mode");
        assert_eq!(read(&[path], true).expect("read").user.as_deref(), Some("evil"));
    }

    #[test]
    fn only_a_required_file_must_be_there() {
        let missing = PathBuf::from("/no/such/my.cnf");
        assert_eq!(read(std::slice::from_ref(&missing), false).expect("passed over"), FileDefaults::default());
        let error = read(&[missing], true).expect_err("required");
        assert!(error.to_string().contains("/no/such/my.cnf"), "{error}");
    }

    #[test]
    fn includes_of_itself_end() {
        let defaults = read_texts(&[("my.cnf", "[client]\n!include HERE/my.cnf\nuser=a\n")]).expect("read");
        assert_eq!((defaults.user.as_deref(), defaults.warnings.len()), (Some("a"), 1));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[\\[\\]!#;='\"\\\\a-c \t\r\n_é-]{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_text_never_panics(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn a_quoted_and_escaped_value_comes_back(value in "[ -~\t\n\r]{0,30}") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
            let line = format!("user = \"{escaped}\" # comment");
            prop_assert_eq!(value_of(&line), Some(value));
        }
    }
}
