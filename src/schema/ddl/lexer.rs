//! Walks over SQL text one token at a time, as far as telling quotes, comments and parentheses apart goes.
//! Backslash escapes in strings are on (`sql_mode=''`). Bytes of 0x80 and above are never special: under utf8mb4
//! the server sees them the same way.

use super::DdlError;

/// One step over the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `,`.
    Comma,
    /// A quoted name or string as a whole.
    Quoted,
    /// A comment as a whole, but for `/*! … */`, whose content counts.
    Comment,
    /// Any other single byte.
    Byte,
}

/// A position in the text.
pub(crate) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    dialect: Dialect,
}

/// What depends on where the text comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// `\` escapes the next byte of a string (no NO_BACKSLASH_ESCAPES).
    pub(crate) backslash: bool,
    /// `-- ` and `#` begin a comment: in text that a person wrote.
    pub(crate) line_comments: bool,
}

const OF_THE_SERVER: Dialect = Dialect { backslash: true, line_comments: false };

impl<'a> Lexer<'a> {
    /// At the head of a text written for `sql_mode=''`.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Lexer::in_dialect(text, OF_THE_SERVER)
    }

    /// At the head of a text in some other dialect.
    pub(crate) fn in_dialect(text: &'a [u8], dialect: Dialect) -> Self {
        Lexer { text, at: 0, dialect }
    }

    /// The byte offset of what comes next.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Takes one token and moves behind it; none at the end of the text.
    pub(crate) fn next_token(&mut self) -> Result<Option<Token>, DdlError> {
        let rest = &self.text[self.at..];
        let Some(&byte) = rest.first() else { return Ok(None) };
        let (token, length) = match byte {
            b'(' => (Token::Open, 1),
            b')' => (Token::Close, 1),
            b',' => (Token::Comma, 1),
            b'`' | b'\'' | b'"' => (Token::Quoted, quoted_length(rest, self.dialect.backslash)?),
            b'/' if rest.starts_with(b"/*") && !rest.starts_with(b"/*!") => {
                let end = memchr::memmem::find(&rest[2..], b"*/").ok_or(DdlError::Unfinished("a comment"))?;
                (Token::Comment, end + 4)
            }
            b'#' | b'-' if self.dialect.line_comments && (byte == b'#' || rest.starts_with(b"-- ")) => {
                (Token::Comment, memchr::memchr(b'\n', rest).unwrap_or(rest.len()))
            }
            _ => (Token::Byte, 1),
        };
        self.at += length;
        Ok(Some(token))
    }
}

/// The length of the quoted name or string at the head of `text`.
fn quoted_length(text: &[u8], backslash: bool) -> Result<usize, DdlError> {
    let quote = text[0];
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        if byte == b'\\' && backslash && quote != b'`' {
            at += 2;
        } else if byte != quote {
            at += 1;
        } else if text.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return Ok(at + 1);
        }
    }
    Err(DdlError::Unfinished(if quote == b'`' { "a quoted name" } else { "a string" }))
}

/// A name in backticks at the head of `text`, unquoted, and what follows it.
pub(crate) fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if text.first() != Some(&b'`') {
        return None;
    }
    let end = quoted_length(text, true).ok()?;
    let mut name = Vec::with_capacity(end - 2);
    let mut inside = text[1..end - 1].iter();
    while let Some(&byte) = inside.next() {
        name.push(byte);
        if byte == b'`' {
            inside.next();
        }
    }
    Some((name, &text[end..]))
}

/// A name as it stands between backticks.
pub(super) fn double_backticks(name: &[u8]) -> Vec<u8> {
    let mut doubled = Vec::with_capacity(name.len());
    for &byte in name {
        doubled.push(byte);
        if byte == b'`' {
            doubled.push(byte);
        }
    }
    doubled
}

/// The text with quotes, comments and parentheses blanked, every byte in its place, so that words can be looked for.
pub(super) fn outside(text: &[u8]) -> Vec<u8> {
    words(text, true)
}

/// The same, but for parentheses, whose content is kept.
pub(super) fn outside_quotes(text: &[u8]) -> Vec<u8> {
    words(text, false)
}

fn words(text: &[u8], hide_parentheses: bool) -> Vec<u8> {
    let mut lexer = Lexer::new(text);
    let mut depth = 0_usize;
    let mut words = Vec::with_capacity(text.len());
    loop {
        let start = lexer.at();
        let token = match lexer.next_token() {
            Ok(Some(token)) => token,
            Ok(None) => return words,
            // An unfinished quote hides the rest.
            Err(_) => {
                words.resize(text.len(), b'.');
                return words;
            }
        };
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        let visible = matches!(token, Token::Byte | Token::Comma) && (depth == 0 || !hide_parentheses);
        match visible {
            true => words.extend_from_slice(&text[start..lexer.at()]),
            false => words.resize(lexer.at(), b'.'),
        }
    }
}
