//! CREATE TABLE cut into the bare table and what comes late. Pure; works on bytes, because literals inside a
//! definition may stand in any character set, and never panics whatever the bytes.
//!
//! Comes in: the text of `SHOW CREATE TABLE` read under `sql_mode=''`. Goes out: its parts ([`Parts`]), the bare
//! table with its late indexes and foreign keys ([`Cut`]), or the text changed in one place. The text is never
//! parsed further than needed: the list in parentheses is split at its commas and each item is told by its first
//! words, so clauses that a later server invents pass through unchanged.

mod lexer;

use lexer::{Lexer, unquote};

/// Why a text could not be taken apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DdlError {
    /// A quote, comment or parenthesis is not closed.
    #[error("the definition ends inside {0}")]
    Unfinished(&'static str),
    /// There is no list in parentheses, or the text is no CREATE TABLE.
    #[error("the definition is no CREATE TABLE with a list of columns")]
    NoTable,
}

/// What an item of the list in parentheses is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A column.
    Column,
    /// `PRIMARY KEY`.
    Primary,
    /// `UNIQUE KEY`.
    Unique,
    /// `KEY`.
    Index,
    /// `FULLTEXT KEY`.
    Fulltext,
    /// `SPATIAL KEY`.
    Spatial,
    /// `CONSTRAINT … FOREIGN KEY`.
    ForeignKey,
    /// Checks, and whatever else a server may write: stays where it is.
    Other,
}

/// A CREATE TABLE taken apart without loss: [`Parts::assemble`] gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Up to and with the opening parenthesis of the list.
    pub head: &'a [u8],
    /// The items between the commas, each with the white space around it.
    pub items: Vec<&'a [u8]>,
    /// From the white space before the closing parenthesis to the end: options and partitioning.
    pub tail: &'a [u8],
}

/// Takes a CREATE TABLE apart.
pub fn parts(create: &[u8]) -> Result<Parts<'_>, DdlError> {
    let mut lexer = Lexer::new(create);
    let mut depth = 0_usize;
    let (mut head_end, mut item_start) = (0, 0);
    let mut items = Vec::new();
    loop {
        let at = lexer.at();
        match lexer.next()? {
            None => return Err(if depth == 0 { DdlError::NoTable } else { DdlError::Unfinished("parentheses") }),
            Some(lexer::Token::Open) => {
                depth += 1;
                if depth == 1 {
                    head_end = at + 1;
                    item_start = at + 1;
                }
            }
            Some(lexer::Token::Comma) if depth == 1 => {
                items.push(&create[item_start..at]);
                item_start = at + 1;
            }
            Some(lexer::Token::Close) if depth == 1 => {
                let last = create[item_start..at].trim_ascii_end();
                items.push(last);
                return Ok(Parts { head: &create[..head_end], items, tail: &create[item_start + last.len()..] });
            }
            Some(lexer::Token::Close) if depth == 0 => return Err(DdlError::NoTable),
            Some(lexer::Token::Close) => depth -= 1,
            Some(_) => {}
        }
    }
}

impl Parts<'_> {
    /// The text again, byte for byte.
    pub fn assemble(&self) -> Vec<u8> {
        let mut text = self.head.to_vec();
        text.extend_from_slice(&self.items.join(&b","[..]));
        text.extend_from_slice(self.tail);
        text
    }

    /// Names of the PRIMARY (`PRIMARY`) and UNIQUE keys in the order of the text, which is the server's own order
    /// of keys: the first one without NULLs is the clustered key of a table that has no primary key.
    pub fn unique_keys(&self) -> Vec<String> {
        self.items
            .iter()
            .filter_map(|item| match item_kind(item) {
                ItemKind::Primary => Some("PRIMARY".to_owned()),
                ItemKind::Unique => key_name(item).map(|name| String::from_utf8_lossy(&name).into_owned()),
                _ => None,
            })
            .collect()
    }
}

/// Tells an item of the list by its first words.
pub fn item_kind(item: &[u8]) -> ItemKind {
    let item = item.trim_ascii_start();
    if item.starts_with(b"`") {
        return ItemKind::Column;
    }
    let words: [(&[u8], ItemKind); 6] = [
        (b"PRIMARY KEY", ItemKind::Primary),
        (b"UNIQUE KEY ", ItemKind::Unique),
        (b"KEY ", ItemKind::Index),
        (b"FULLTEXT KEY ", ItemKind::Fulltext),
        (b"SPATIAL KEY ", ItemKind::Spatial),
        (b"FOREIGN KEY ", ItemKind::ForeignKey),
    ];
    if let Some((_, kind)) = words.iter().find(|(word, _)| item.starts_with(word)) {
        return *kind;
    }
    let constraint = item.strip_prefix(b"CONSTRAINT ").and_then(unquote);
    match constraint {
        Some((_, rest)) if rest.starts_with(b" FOREIGN KEY ") => ItemKind::ForeignKey,
        _ => ItemKind::Other,
    }
}

/// The name of a key: the first quoted name of its item.
fn key_name(item: &[u8]) -> Option<Vec<u8>> {
    let start = item.iter().position(|&byte| byte == b'`')?;
    unquote(&item[start..]).map(|(name, _)| name)
}
