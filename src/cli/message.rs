//! What people and scripts read: results on standard output, errors and warnings on standard error. With
//! `--json` standard output carries one JSON document, for an error too. A reader that goes away early
//! (`myriad list | head`) is no error.

use crate::error::{Error, Exit};
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// A finished command: what to print, and the exit code.
#[derive(Debug)]
pub struct Outcome {
    /// The document for standard output, without its last end of line.
    pub document: String,
    /// How the program ends; a report may be whole and yet bad news, such as rows that differ.
    pub exit: Exit,
}

impl Outcome {
    /// The outcome that prints `report` as JSON, or `text` for people.
    pub fn new(
        report: &impl Serialize,
        exit: Exit,
        text: impl FnOnce() -> String,
        json: bool,
    ) -> Result<Outcome, Error> {
        let document = if json {
            serde_json::to_string_pretty(report)
                .map_err(|error| Error::new(Exit::Failure, format!("cannot write the result as JSON: {error}")))?
        } else {
            printable(&text())
        };
        Ok(Outcome { document, exit })
    }
}

/// Prints a document to standard output. A broken pipe is success.
pub fn print(document: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let text = document.trim_end();
    if text.is_empty() {
        return Ok(());
    }
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::new(Exit::Failure, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a line or lines to standard error. If even that fails there is nobody left to tell.
pub fn print_error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end());
}

/// A warning as it is printed.
pub fn warning(line: &str, colour: bool) -> String {
    format!("{} {}", label("warning:", "33", colour), printable(line))
}

/// An error for people: message, hints, and with `causes` the chain of sources.
pub fn error_text(error: &Error, colour: bool, causes: bool) -> String {
    let mut lines = vec![format!("{} {}", label("error:", "31", colour), printable(&error.to_string()))];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source.filter(|_| causes) {
        lines.push(format!("{} {}", label("caused by:", "31", colour), printable(&cause.to_string())));
        source = cause.source();
    }
    lines.extend(error.hints().iter().map(|hint| format!("{} {}", label("hint:", "36", colour), printable(hint))));
    lines.join("\n")
}

/// Text for a terminal. Names and words of a repository or a server may hold what a terminal takes for commands (`ESC [`,
/// and the same as one character, U+009B): control characters are written as their number.
pub fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() && !matches!(character, '\n' | '\t') {
            true => clean.extend(character.escape_unicode()),
            false => clean.push(character),
        }
    }
    clean
}

/// An error for scripts: `{"error": {"message", "hints", "exit_code"}}`.
pub fn error_json(error: &Error) -> String {
    let document = serde_json::json!({
        "error": { "message": error.to_string(), "hints": error.hints(), "exit_code": error.exit().code() }
    });
    format!("{document:#}")
}

/// A bold word in one of the terminal's own colours, so that it can be read on any background.
fn label(word: &str, ansi: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[1;{ansi}m{word}\u{1b}[0m") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Explain;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write o1: {source}")]
    struct Outer {
        source: Inner,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("disk full")]
    struct Inner;

    impl Explain for Outer {
        fn exit(&self) -> Exit {
            Exit::RepositoryWrite
        }
        fn hint(&self) -> Option<String> {
            Some("make space".into())
        }
    }

    fn error() -> Error {
        Error::from(Outer { source: Inner }).hint("or take another folder")
    }

    #[test]
    fn an_error_is_followed_by_its_hints() {
        insta::assert_snapshot!(error_text(&error(), false, false), @r"
        error: cannot write o1: disk full
        hint: make space
        hint: or take another folder
        ");
    }

    #[test]
    fn causes_are_told_when_asked_for() {
        insta::assert_snapshot!(error_text(&error(), false, true), @r"
        error: cannot write o1: disk full
        caused by: disk full
        hint: make space
        hint: or take another folder
        ");
    }

    #[test]
    fn colour_is_on_the_label_only() {
        let text = error_text(&Error::new(Exit::Failure, "m"), true, false);
        assert_eq!(text, "\u{1b}[1;31merror:\u{1b}[0m m");
        assert_eq!(warning("w", false), "warning: w");
    }

    #[test]
    fn nothing_that_is_printed_commands_the_terminal() {
        assert_eq!(
            printable("a\tb\n\u{1b}]0;x\u{7}\u{9b}2J\r\u{7f}\u{e9}"),
            "a\tb\n\\u{1b}]0;x\\u{7}\\u{9b}2J\\u{d}\\u{7f}\u{e9}"
        );
        let error = Error::new(Exit::Failure, "m\u{1b}").hint("h\u{1b}");
        let text = [error_text(&error, false, true), warning("w\u{1b}", false)].concat();
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let outcome = Outcome::new(&(), Exit::Success, || "o\u{1b}".into(), false).expect("outcome");
        assert_eq!(outcome.document, "o\\u{1b}");
    }

    #[test]
    fn scripts_get_the_same_facts() {
        let value: serde_json::Value = serde_json::from_str(&error_json(&error())).expect("JSON");
        let expected = serde_json::json!({"error": {"message": "cannot write o1: disk full",
            "hints": ["make space", "or take another folder"], "exit_code": 23}});
        assert_eq!(value, expected);
    }

    #[test]
    fn a_report_is_text_or_json() {
        let report = serde_json::json!({"rows": 1});
        let text = Outcome::new(&report, Exit::Success, || "one row".into(), false).expect("outcome");
        assert_eq!((text.document.as_str(), text.exit), ("one row", Exit::Success));
        let json = Outcome::new(&report, Exit::ProofFailed, || panic!("not asked for"), true).expect("outcome");
        assert_eq!((json.document.as_str(), json.exit), ("{\n  \"rows\": 1\n}", Exit::ProofFailed));
    }
}
