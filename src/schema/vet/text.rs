//! Whether a text is one statement, whatever server reads it. Quotes, comments and parentheses must mean the same to every
//! server and to [`super::super::ddl`]'s lexer: `/*! ... */` is code to one server and a comment to another, so it must
//! end at the same byte either way.

/// A text that is one statement.
pub struct OneStatement {
    /// The text in upper case with quotes, parentheses and comments blanked, every byte in its place.
    pub words: Vec<u8>,
}

/// The first version for which MariaDB and MySQL no longer agree on `/*!VERSION`: MariaDB skips 50700 to 99999 (its manual,
/// "Comment Syntax"). What all servers run may hold the end of a comment in a quoted text.
const VERSION_NOT_SHARED: u32 = 50_700;

/// What is blanked.
const BLANK: u8 = b'.';

/// Takes the text apart as far as telling that it ends where it seems to. Backslash escapes must be on, ANSI_QUOTES off,
/// and the client's character set one in which no byte of ASCII is part of another character (utf8mb4).
pub fn one_statement(text: &[u8]) -> Result<OneStatement, String> {
    let mut words = Vec::with_capacity(text.len());
    let mut depth = 0_usize;
    // The end of the conditional comment that this is in, as a server sees it that does not run it.
    let mut conditional: Option<Conditional> = None;
    while words.len() < text.len() {
        let at = words.len();
        let rest = &text[at..];
        let length = match rest[0] {
            b'`' | b'\'' | b'"' => {
                let length = quoted_length(rest).ok_or("a quote in its statement is not closed")?;
                if conditional.is_some_and(|c| !c.run_everywhere && c.end < at + length) {
                    return Err("a quoted text in its statement holds the end of a comment".into());
                }
                length
            }
            b'/' if rest.starts_with(b"/*") && conditional.is_some() => return Err(NESTED.into()),
            b'/' if rest.starts_with(b"/*!") || rest.starts_with(b"/*M!") => {
                let found = Conditional::at(text, at)?;
                let head = found.head;
                conditional = Some(found);
                head
            }
            b'/' if rest.starts_with(b"/*") => comment_length(rest)?,
            b'*' if rest.starts_with(b"*/") => {
                conditional.take().ok_or("its statement ends a comment that it does not begin")?;
                2
            }
            b';' => return Err("its statement holds more than one".into()),
            b'#' => return Err("its statement holds a comment".into()),
            b'-' if rest.starts_with(b"--") && rest.get(2).is_none_or(|byte| *byte <= b' ') => {
                return Err("its statement holds a comment".into());
            }
            byte if byte == b'\\' || byte.is_ascii_control() && !is_space(byte) => {
                return Err("its statement holds a character that no server writes there".into());
            }
            b'(' => {
                depth += 1;
                1
            }
            b')' => {
                depth = depth.checked_sub(1).ok_or("its parentheses do not match")?;
                1
            }
            byte => {
                words.push(byte.to_ascii_uppercase());
                continue;
            }
        };
        words.resize(at + length, BLANK);
    }
    match (depth, conditional) {
        (0, None) => Ok(OneStatement { words }),
        (0, Some(_)) => Err("a comment in its statement is not closed".into()),
        _ => Err("its parentheses do not match".into()),
    }
}

const NESTED: &str = "a comment in its statement holds another";

/// A comment that some servers run.
#[derive(Clone, Copy)]
struct Conditional {
    /// Bytes of its mark and version.
    head: usize,
    /// Offset behind the first `*/`, quotes or not.
    end: usize,
    run_everywhere: bool,
}

impl Conditional {
    fn at(text: &[u8], at: usize) -> Result<Conditional, String> {
        let rest = &text[at..];
        let length = comment_length(rest)?;
        let mark = if rest.starts_with(b"/*M!") { 4 } else { 3 };
        let digits = rest[mark..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let version = std::str::from_utf8(&rest[mark..mark + digits]).unwrap_or_default();
        let shared = match digits {
            0 => true,
            5 => version.parse::<u32>().is_ok_and(|version| version < VERSION_NOT_SHARED),
            _ => false,
        };
        Ok(Conditional { head: mark + digits, end: at + length, run_everywhere: shared && mark == 3 })
    }
}

/// The length of the comment at the head of `text`, to the first `*/`.
fn comment_length(text: &[u8]) -> Result<usize, String> {
    let end = memchr::memmem::find(&text[2..], b"*/").ok_or("a comment in its statement is not closed")?;
    match memchr::memmem::find(&text[2..2 + end], b"/*") {
        Some(_) => Err(NESTED.into()),
        None => Ok(end + 4),
    }
}

/// The length of the quoted name or text at the head of `text`.
pub fn quoted_length(text: &[u8]) -> Option<usize> {
    let quote = *text.first()?;
    let mut at = 1;
    loop {
        match *text.get(at)? {
            b'\\' if quote != b'`' => at += 2,
            byte if byte != quote => at += 1,
            _ if text.get(at + 1) == Some(&quote) => at += 2,
            _ => return Some(at + 1),
        }
    }
}

/// White space to every server: seen on MySQL 9.7.4 and MariaDB 10.11, which count the vertical tab among it.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

/// `text` without the white space before it. What Rust calls ASCII white space lacks the vertical tab.
pub fn trim_start(text: &[u8]) -> &[u8] {
    let length = text.iter().take_while(|&&byte| is_space(byte)).count();
    &text[length..]
}

/// `text` without the white space behind it.
pub fn trim_end(text: &[u8]) -> &[u8] {
    let length = text.iter().rev().take_while(|&&byte| is_space(byte)).count();
    &text[..text.len() - length]
}

/// The words of blanked text with the offset of each.
pub fn words(blanked: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += blanked.get(at..)?.iter().position(|byte| is_word(*byte))?;
        let length = word_length(&blanked[at..]);
        at += length;
        Some((at - length, &blanked[at - length..at]))
    })
}

/// The length of the bare word at the head of `text`.
pub fn word_length(text: &[u8]) -> usize {
    text.iter().take_while(|byte| is_word(**byte)).count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_not_more() {
        let good = [
            "a (b, (c)) 'x;--#' \"y/*\" `z*/` /* c ; ' */ /*!50100 PARTITION ('*/') */ /*M!100301 X*/ 1 - -1 /*!80023 INVISIBLE */",
            "",
            "a--b",
            "a\t\n\x0b\x0c\rb '\x01'",
        ];
        for text in good {
            assert!(one_statement(text.as_bytes()).is_ok(), "{text}");
        }
        let bad = [
            "a;",
            "a # b",
            "a -- b",
            "a --",
            "a (",
            "a )",
            "a ) (",
            "'a",
            "`a",
            "/* a",
            "/*! a",
            "a */",
            "/* /* */ */",
            "\\N",
            "/*! /* */ */",
            "/*!80000 '*/' */",
            "/*M! '*/' */",
            "/*!99999 ' */ x '",
            "/*!99999 \" */ ; x \"",
            "a\0",
            "a\x01",
            "a --\x0b",
            "/*!50100 ; */",
        ];
        for text in bad {
            assert!(one_statement(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn words_are_told_from_quotes() {
        let scanned = one_statement("create `x y` ('SELECT') engine=/* no */b".as_bytes()).unwrap();
        let found: Vec<_> = words(&scanned.words).map(|(_, word)| std::str::from_utf8(word).unwrap()).collect();
        assert_eq!(found, ["CREATE", "ENGINE", "B"]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[a`'\"\\\\/*!M#;() -]{0,40}", bytes: Vec<u8>) {
            for text in [text.as_bytes(), &bytes] {
                if let Ok(scanned) = one_statement(text) {
                    proptest::prop_assert_eq!(scanned.words.len(), text.len());
                    words(&scanned.words).count();
                }
            }
        }
    }
}
