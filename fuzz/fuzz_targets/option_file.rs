//! Any text as an option file: nothing panics, line numbers rise, and what was read comes back when it is written down
//! again with every value quoted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use myriad::cli::option_file::{Item, parse};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let items = match parse(&text) {
        Ok(items) => items,
        Err(fault) => {
            assert!((1..=text.lines().count()).contains(&fault.line) && !fault.why.is_empty());
            return;
        }
    };
    let lines: Vec<usize> = items.iter().map(|(line, _)| *line).collect();
    assert!(lines.windows(2).all(|pair| pair[0] < pair[1]) && lines.last().unwrap_or(&0) <= &text.lines().count());
    let items: Vec<Item> = items.into_iter().map(|(_, item)| item).filter(can_be_written).collect();
    // A setting needs a group before it.
    let written = format!("[g]\n{}", items.iter().map(written).collect::<String>());
    let again: Vec<Item> = parse(&written).expect("what was read can be read").into_iter().map(|(_, item)| item).collect();
    assert_eq!(again[1..], items, "{written}");
});

/// Names and paths stand as they are in a file, so only plain ones can be written down without a thought.
fn can_be_written(item: &Item) -> bool {
    let plain = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    match item {
        Item::Group(name) => plain(name),
        Item::Setting { key, .. } => plain(key),
        Item::Include(path) | Item::IncludeFolder(path) => plain(path),
    }
}

fn written(item: &Item) -> String {
    match item {
        Item::Group(name) => format!("[{name}]\n"),
        Item::Setting { key, value: None } => format!("{key}\n"),
        Item::Setting { key, value: Some(value) } => format!("{key} = \"{}\"\n", escaped(value)),
        Item::Include(path) => format!("!include {path}\n"),
        Item::IncludeFolder(path) => format!("!includedir {path}\n"),
    }
}

fn escaped(value: &str) -> String {
    let escape = |c: char| match c {
        '\n' => "\\n".into(),
        '\t' => "\\t".into(),
        '\r' => "\\r".into(),
        '\u{8}' => "\\b".into(),
        '"' | '\'' | '\\' => format!("\\{c}"),
        c => c.to_string(),
    };
    value.chars().map(escape).collect()
}
