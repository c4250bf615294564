//! What an index item of a CREATE TABLE says about itself: name, uniqueness, parts.

use super::lexer::{Lexer, Token, unquote};
use super::{ItemKind, LateKind, item_kind};

/// One part of an index.
#[derive(Debug)]
enum Part {
    /// A whole column.
    Column(Vec<u8>),
    /// The head of a column.
    Prefix(Vec<u8>),
    Expression,
}

/// An index item.
#[derive(Debug)]
pub(super) struct Key {
    kind: ItemKind,
    pub(super) name: Vec<u8>,
    pub(super) unique: bool,
    parts: Vec<Part>,
}

impl Key {
    /// Reads an item; none where it is no index.
    pub(super) fn of(item: &[u8]) -> Option<Key> {
        let kind = item_kind(item);
        let item = item.trim_ascii_start();
        let name = match kind {
            ItemKind::Primary => b"PRIMARY".to_vec(),
            ItemKind::Unique | ItemKind::Index | ItemKind::Fulltext | ItemKind::Spatial => {
                let start = item.iter().position(|&byte| byte == b'`')?;
                unquote(&item[start..])?.0
            }
            ItemKind::Column | ItemKind::ForeignKey | ItemKind::Other => return None,
        };
        let unique = matches!(kind, ItemKind::Primary | ItemKind::Unique);
        Some(Key { kind, name, unique, parts: parts(item) })
    }

    /// Whether the bare table needs it although it is not clustered: without the explicit index of this name InnoDB
    /// makes a hidden one of the same name for the first FULLTEXT index.
    pub(super) fn must_stay(&self) -> bool {
        self.name.eq_ignore_ascii_case(b"FTS_DOC_ID_INDEX")
    }

    pub(super) fn late_kind(&self) -> LateKind {
        match self.kind {
            ItemKind::Fulltext => LateKind::Fulltext,
            ItemKind::Spatial => LateKind::Spatial,
            _ if self.parts.iter().any(|part| matches!(part, Part::Expression)) => LateKind::Expression,
            _ => LateKind::Ordinary,
        }
    }

    /// Whether its first part is the given column.
    pub(super) fn leads_with(&self, column: &[u8]) -> bool {
        matches!(self.parts.first(), Some(Part::Column(name) | Part::Prefix(name)) if name == column)
    }

    /// Whether all its parts are whole columns out of `columns`.
    pub(super) fn only_whole_columns_of(&self, columns: &[Vec<u8>]) -> bool {
        let known = |part: &Part| matches!(part, Part::Column(name) if columns.contains(name));
        !self.parts.is_empty() && self.parts.iter().all(known)
    }
}

/// The parts between the first parenthesis and its match; empty where the text is cut off.
fn parts(item: &[u8]) -> Vec<Part> {
    let mut lexer = Lexer::new(item);
    let mut depth = 0_usize;
    let mut start = 0;
    let mut parts = Vec::new();
    while let Ok(Some(token)) = lexer.next_token() {
        let end = lexer.at() - 1;
        match token {
            Token::Open => {
                depth += 1;
                if depth == 1 {
                    start = end + 1;
                }
            }
            Token::Comma if depth == 1 => {
                parts.push(part(&item[start..end]));
                start = end + 1;
            }
            Token::Close if depth == 1 => {
                parts.push(part(&item[start..end]));
                return parts;
            }
            Token::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Vec::new()
}

fn part(text: &[u8]) -> Part {
    match unquote(text.trim_ascii_start()) {
        Some((name, rest)) if rest.starts_with(b"(") => Part::Prefix(name),
        Some((name, _)) => Part::Column(name),
        None => Part::Expression,
    }
}
