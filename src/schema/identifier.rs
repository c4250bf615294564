//! Quoting of names and of byte strings in SQL text.

use std::fmt::Write;

/// A name in backticks, backticks inside doubled. Correct under every sql_mode.
pub fn quote(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('`');
    for c in name.chars() {
        if c == '`' {
            quoted.push('`');
        }
        quoted.push(c);
    }
    quoted.push('`');
    quoted
}

/// A text literal in single quotes for a session whose sql_mode has no NO_BACKSLASH_ESCAPES and whose
/// character_set_client is utf8mb4 (all sessions of this program).
pub fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            '\0' => quoted.push_str("\\0"),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A byte string as a hexadecimal literal: `x'00ff'`.
pub fn hex_literal(bytes: &[u8]) -> String {
    let mut literal = String::with_capacity(bytes.len() * 2 + 3);
    literal.push_str("x'");
    for byte in bytes {
        let _ = write!(literal, "{byte:02x}");
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        assert_eq!(quote("a`b c"), "`a``b c`");
        assert_eq!(literal("it's \\ ä"), "'it''s \\\\ ä'");
        assert_eq!(hex_literal(&[0, 255, 9]), "x'00ff09'");
    }
}
