//! Walks over SQL text one token at a time, as far as telling quotes, comments and parentheses apart goes.
//! Backslash escapes in strings are on (`sql_mode=''`). Bytes of 0x80 and above are never special: under utf8mb4
//! the server sees them the same way.

use super::DdlError;

/// One step over the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `,`.
    Comma,
    /// A quoted name, string, comment mark, or any other byte.
    Other,
}

/// A position in the text. `/*! … */` is entered, as its content counts; only its marks are skipped.
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Lexer { text, at: 0 }
    }

    /// The byte offset of what comes next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Takes one token and moves behind it; none at the end of the text.
    pub(super) fn next(&mut self) -> Result<Option<Token>, DdlError> {
        let Some(&byte) = self.text.get(self.at) else { return Ok(None) };
        let token = match byte {
            b'(' => Token::Open,
            b')' => Token::Close,
            b',' => Token::Comma,
            b'`' | b'\'' | b'"' => {
                self.at = quoted_end(self.text, self.at)?;
                return Ok(Some(Token::Other));
            }
            b'/' if self.text[self.at..].starts_with(b"/*") && !self.text[self.at..].starts_with(b"/*!") => {
                let body = &self.text[self.at + 2..];
                let length = body.windows(2).position(|pair| pair == b"*/").ok_or(DdlError::Unfinished("a comment"))?;
                self.at += length + 4;
                return Ok(Some(Token::Other));
            }
            _ => Token::Other,
        };
        self.at += 1;
        Ok(Some(token))
    }
}

/// The offset behind a quoted name or string that begins at `start`.
pub(super) fn quoted_end(text: &[u8], start: usize) -> Result<usize, DdlError> {
    let quote = text[start];
    let mut at = start + 1;
    while let Some(&byte) = text.get(at) {
        if byte == b'\\' && quote != b'`' {
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
pub(super) fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if text.first() != Some(&b'`') {
        return None;
    }
    let end = quoted_end(text, 0).ok()?;
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
