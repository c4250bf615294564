//! CREATE TABLE cut into the bare table and what comes late. Pure; works on bytes, because literals inside a
//! definition may stand in any character set, and never panics whatever the bytes.
//!
//! Comes in: the text of `SHOW CREATE TABLE` read under `sql_mode=''`. Goes out: its parts ([`Parts`]), the bare
//! table with its late indexes and foreign keys ([`Cut`]), or the text changed in one place. The text is never
//! parsed further than needed: the list in parentheses is split at its commas and each item is told by its first
//! words, so clauses that a later server invents pass through unchanged.

mod change;
mod key;
mod lexer;

pub use change::{
    referenced_schema, referenced_table, rename_schema_in_foreign_key, rename_schema_of_sequences, with_name,
    with_schema_in_foreign_key, without_directories, without_placement,
};
pub(crate) use lexer::{Dialect, Lexer, Token, unquote};

use key::Key;

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

/// A CREATE TABLE cut for loading. The bare table and every late part together give the table again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// CREATE TABLE with columns, checks, the clustered key, options and partitioning.
    pub bare: Vec<u8>,
    /// Indexes to be built once the rows are in, in their old order.
    pub late_indexes: Vec<LateIndex>,
    /// Foreign keys, to be made once the indexes of all tables exist.
    pub foreign_keys: Vec<ForeignKey>,
    /// A plain index that is in the bare table only because its AUTO_INCREMENT column must lead some key; dropped
    /// by the last step of [`Cut::index_steps`] that can.
    pub temporary_index: Option<String>,
}

/// What must be regarded when an index is built after the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateKind {
    /// Built together with its ordinary neighbours.
    Ordinary,
    /// Over an expression, also multi-valued: beside an ordinary one the server would copy the table (error 1846
    /// for ALGORITHM=INPLACE, seen on MySQL 9.7.4).
    Expression,
    /// One at a time (error 1795).
    Fulltext,
    /// By itself: its build reads the table with one thread.
    Spatial,
}

/// An index that is built after the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateIndex {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: LateKind,
    /// Its item of the CREATE TABLE, as `ADD` takes it.
    pub definition: Vec<u8>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The name of the constraint.
    pub name: String,
    /// Its item of the CREATE TABLE, as `ADD` takes it.
    pub definition: Vec<u8>,
}

/// One ALTER TABLE of the late indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexStep<'a> {
    /// Indexes to add.
    pub add: Vec<&'a LateIndex>,
    /// The temporary index to drop with them.
    pub drop: Option<&'a str>,
}

impl Cut {
    /// A definition of which nothing comes late.
    pub fn whole(create: Vec<u8>) -> Cut {
        Cut { bare: create, late_indexes: Vec::new(), foreign_keys: Vec::new(), temporary_index: None }
    }

    /// The ALTERs that build the late indexes with the fewest passes over the rows and leave the keys in their old
    /// order. FULLTEXT comes first: the first one of a table rebuilds it (seen on MySQL 9.7.4: a new table id), and
    /// indexes that exist by then would be built twice; the server lists FULLTEXT keys last whenever they were made.
    pub fn index_steps(&self) -> Vec<IndexStep<'_>> {
        let mut steps: Vec<IndexStep<'_>> = Vec::new();
        let (fulltext, rest): (Vec<_>, Vec<_>) =
            self.late_indexes.iter().partition(|index| index.kind == LateKind::Fulltext);
        let mut last = None;
        for index in fulltext.into_iter().chain(rest) {
            let joins = matches!(index.kind, LateKind::Ordinary | LateKind::Expression) && last == Some(index.kind);
            match steps.last_mut() {
                Some(step) if joins => step.add.push(index),
                _ => steps.push(IndexStep { add: vec![index], drop: None }),
            }
            last = Some(index.kind);
        }
        // The AUTO_INCREMENT column is led by an ordinary index, so it exists once the last ordinary step is done.
        if let Some(name) = &self.temporary_index {
            let ordinary = steps.iter_mut().rev().find(|step| step.add[0].kind == LateKind::Ordinary);
            match ordinary {
                Some(step) => step.drop = Some(name),
                None => steps.push(IndexStep { add: Vec::new(), drop: Some(name) }),
            }
        }
        steps
    }
}

/// Cuts a CREATE TABLE. Of InnoDB tables the bare table keeps the clustered key: the primary key, else the first
/// UNIQUE key whose columns are all NOT NULL; of others it keeps all indexes, and only foreign keys come late.
pub fn cut(create: &[u8]) -> Result<Cut, DdlError> {
    let parts = parts(create)?;
    let keys: Vec<Option<Key>> = parts.items.iter().map(|item| Key::of(item)).collect();
    let clustered = clustered_key(&parts, &keys);
    let innodb = engine(parts.tail).is_some_and(|engine| engine.eq_ignore_ascii_case(b"InnoDB"));
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut kept_keys: Vec<&Key> = Vec::new();
    let mut cut = Cut { bare: Vec::new(), late_indexes: Vec::new(), foreign_keys: Vec::new(), temporary_index: None };
    for (at, (item, key)) in parts.items.iter().zip(&keys).enumerate() {
        let kind = item_kind(item);
        match key {
            _ if kind == ItemKind::ForeignKey => {
                let definition = item.trim_ascii().to_vec();
                cut.foreign_keys.push(ForeignKey { name: key_name(item), definition });
            }
            Some(key) if innodb && clustered != Some(at) && !key.must_stay() => {
                let definition = item.trim_ascii().to_vec();
                cut.late_indexes.push(LateIndex { name: text(&key.name), kind: key.late_kind(), definition });
            }
            _ => {
                kept.push(item);
                kept_keys.extend(key);
            }
        }
    }
    let temporary = match auto_increment_column(&parts) {
        Some(column) if !kept_keys.iter().any(|key| key.leads_with(&column)) && !cut.late_indexes.is_empty() => {
            let name = free_name(&keys);
            let item = [b"\n  KEY `", name.as_bytes(), b"` (`", &lexer::double_backticks(&column), b"`)"].concat();
            cut.temporary_index = Some(name);
            Some(item)
        }
        _ => None,
    };
    kept.extend(temporary.as_deref());
    cut.bare = Parts { head: parts.head, items: kept, tail: parts.tail }.assemble();
    Ok(cut)
}

/// The definition with all its keys but the foreign ones.
pub fn without_foreign_keys(create: &[u8]) -> Result<Vec<u8>, DdlError> {
    let mut parts = parts(create)?;
    parts.items.retain(|item| item_kind(item) != ItemKind::ForeignKey);
    Ok(parts.assemble())
}

/// True where the table has a primary key, or a key that serves as one: UNIQUE over whole NOT NULL columns.
pub fn has_clustered_key(create: &[u8]) -> Result<bool, DdlError> {
    let parts = parts(create)?;
    let keys: Vec<Option<Key>> = parts.items.iter().map(|item| Key::of(item)).collect();
    Ok(clustered_key(&parts, &keys).is_some())
}

/// The place of the key that InnoDB clusters the rows by, if it is declared.
fn clustered_key(parts: &Parts<'_>, keys: &[Option<Key>]) -> Option<usize> {
    let primary = parts.items.iter().position(|item| item_kind(item) == ItemKind::Primary);
    let required = || -> Vec<Vec<u8>> {
        let columns = parts.items.iter().filter(|item| item_kind(item) == ItemKind::Column);
        columns.filter(|item| required_and_stored(item)).filter_map(|item| column_name(item)).collect()
    };
    primary.or_else(|| {
        let required = required();
        keys.iter().position(|key| key.as_ref().is_some_and(|key| key.unique && key.only_whole_columns_of(&required)))
    })
}

/// Whether a column is NOT NULL and not virtual.
fn required_and_stored(item: &[u8]) -> bool {
    let words = lexer::outside(item);
    memchr::memmem::find(&words, b" NOT NULL").is_some() && memchr::memmem::find(&words, b" VIRTUAL").is_none()
}

/// The AUTO_INCREMENT column; a table has at most one.
fn auto_increment_column(parts: &Parts<'_>) -> Option<Vec<u8>> {
    let columns = parts.items.iter().filter(|item| item_kind(item) == ItemKind::Column);
    let mut automatic =
        columns.filter(|item| memchr::memmem::find(&lexer::outside(item), b" AUTO_INCREMENT").is_some());
    automatic.next().and_then(|item| column_name(item))
}

fn column_name(item: &[u8]) -> Option<Vec<u8>> {
    unquote(item.trim_ascii_start()).map(|(name, _)| name)
}

/// A name for the temporary index that no key of the table has.
fn free_name(keys: &[Option<Key>]) -> String {
    let taken = |name: &str| keys.iter().flatten().any(|key| key.name.eq_ignore_ascii_case(name.as_bytes()));
    let mut name = "myriad_auto_increment".to_owned();
    while taken(&name) {
        name.push('_');
    }
    name
}

/// The engine that the options name.
fn engine(tail: &[u8]) -> Option<&[u8]> {
    let words = lexer::outside_quotes(tail);
    let start = memchr::memmem::find(&words, b"ENGINE=")? + b"ENGINE=".len();
    let length = tail[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    Some(&tail[start..start + length])
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// The first quoted name of an item: that of a key or constraint.
fn key_name(item: &[u8]) -> String {
    let start = item.iter().position(|&byte| byte == b'`');
    let name = start.and_then(|start| unquote(&item[start..]));
    name.map(|(name, _)| text(&name)).unwrap_or_default()
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

/// A CREATE TABLE taken apart without loss: [`Parts::assemble`] gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Up to and with the opening parenthesis of the list.
    pub head: &'a [u8],
    /// The items between the commas, each with the white space before it.
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
        match lexer.next_token()? {
            None => return Err(if depth == 0 { DdlError::NoTable } else { DdlError::Unfinished("parentheses") }),
            Some(Token::Open) => {
                depth += 1;
                if depth == 1 {
                    head_end = at + 1;
                    item_start = at + 1;
                }
            }
            Some(Token::Comma) if depth == 1 => {
                items.push(&create[item_start..at]);
                item_start = at + 1;
            }
            Some(Token::Close) if depth == 1 => {
                let last = create[item_start..at].trim_ascii_end();
                items.push(last);
                return Ok(Parts { head: &create[..head_end], items, tail: &create[item_start + last.len()..] });
            }
            Some(Token::Close) if depth == 0 => return Err(DdlError::NoTable),
            Some(Token::Close) => depth -= 1,
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
                ItemKind::Unique => Some(key_name(item)),
                _ => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
