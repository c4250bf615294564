//! Which names the text of a view, routine, trigger or event mentions, as far as can be told without the server's grammar. Pure.
//!
//! It errs to one side alone: what the text uses is always among them, but a word of a comment, of a string or a column of the
//! same name may be too. So a trigger that is found to mention no table that is missing can be let fire.

use super::{Object, QualifiedName};
use std::collections::{HashMap, HashSet};

/// The names that a text mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// The schema of the text's own object, in lower case: what a name without a schema is taken from.
    schema: String,
    /// Names, each with what stands before it and a dot; all in lower case.
    names: HashMap<String, HashSet<Option<String>>>,
    /// Words of which it cannot be told what stands before them.
    anywhere: HashSet<String>,
    /// Not in UTF-8: any name may stand there.
    unreadable: bool,
}

impl Mentions {
    /// What the definition of an object mentions.
    pub fn of(object: &Object) -> Mentions {
        Mentions::of_text(&object.create.0, &object.name.schema)
    }

    /// What a text mentions whose object lies in `schema`.
    pub fn of_text(text: &[u8], schema: &str) -> Mentions {
        let mut mentions = Mentions { schema: schema.to_lowercase(), ..Mentions::default() };
        match std::str::from_utf8(text) {
            Ok(text) => mentions.read(text),
            Err(_) => mentions.unreadable = true,
        }
        mentions
    }

    /// True where the text may use this table, view or routine.
    pub fn has(&self, name: &QualifiedName) -> bool {
        self.unreadable || self.has_bare(name) || self.spells_out(name)
    }

    /// True where it may use it without its schema before it.
    pub fn has_bare(&self, name: &QualifiedName) -> bool {
        let bare = name.name.to_lowercase();
        let before = self.names.get(&bare);
        let here = before.is_some_and(|before| before.contains(&None));
        here && name.schema.to_lowercase() == self.schema || self.anywhere.contains(&bare)
    }

    /// True where it may use it with its schema before it.
    pub fn spells_out(&self, name: &QualifiedName) -> bool {
        let before = self.names.get(&name.name.to_lowercase());
        before.is_some_and(|before| before.contains(&Some(name.schema.to_lowercase())))
    }

    /// All that may be a name, without what stands before it, in lower case; nothing of a text that cannot be read.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.names.keys().chain(&self.anywhere).map(String::as_str)
    }

    fn read(&mut self, text: &str) {
        let mut at = 0;
        // The name before, where a dot follows it.
        let mut qualifier = None;
        while let Some(byte) = text.as_bytes().get(at) {
            let (name, end) = match byte {
                b'`' => quoted(text, at),
                _ => word(text, at),
            };
            let Some(name) = name else {
                at = end;
                qualifier = None;
                continue;
            };
            // A backtick within a string begins no name: what it swallows counts word by word.
            if *byte == b'`' {
                self.words(&text[at..end]);
            }
            self.names.entry(name.clone()).or_default().insert(qualifier.take());
            at = end;
            let after = text[at..].trim_start();
            if let Some(rest) = after.strip_prefix('.') {
                qualifier = Some(name);
                at = text.len() - rest.trim_start().len();
            }
        }
    }

    fn words(&mut self, quoted: &str) {
        let inner = quoted.trim_matches('`');
        if inner.chars().all(is_of_word) {
            return;
        }
        let words = inner.split(|c: char| !is_of_word(c)).filter(|word| !word.is_empty());
        self.anywhere.extend(words.map(str::to_lowercase));
    }
}

/// Letters of a name that needs no quotes; the server takes all of U+0080 and above.
fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii()
}

/// The name in backticks that begins here, and where the text goes on.
fn quoted(text: &str, at: usize) -> (Option<String>, usize) {
    let mut name = String::new();
    let mut rest = text[at + 1..].char_indices().peekable();
    while let Some((offset, c)) = rest.next() {
        match c {
            '`' if rest.next_if(|(_, next)| *next == '`').is_some() => name.push('`'),
            '`' => return (Some(name.to_lowercase()), at + 1 + offset + 1),
            c => name.push(c),
        }
    }
    // It ends nowhere: what follows is read as words.
    (None, at + 1)
}

/// The word that begins here, and where the text goes on.
fn word(text: &str, at: usize) -> (Option<String>, usize) {
    let rest = &text[at..];
    let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
    match end {
        0 => (None, at + rest.chars().next().map_or(1, char::len_utf8)),
        end => (Some(rest[..end].to_lowercase()), at + end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str) -> impl Fn(&str) -> bool {
        let mentions = Mentions::of_text(text.as_bytes(), "shop");
        move |name| {
            let (schema, name) = name.split_once('.').expect("schema.name");
            mentions.has(&QualifiedName::new(schema, name))
        }
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        let text = "CREATE DEFINER=`root`@`localhost` TRIGGER `t` BEFORE INSERT ON `orders` FOR EACH ROW BEGIN \
            INSERT INTO Audit VALUES (NEW.id); UPDATE `stock` . `part` SET n = n - 1; CALL other.log_it(); SET @x = `a``b`.`c d`; END";
        let has = mentions(text);
        for name in ["shop.orders", "shop.audit", "stock.part", "other.log_it", "SHOP.AUDIT", "a`b.c d"] {
            assert!(has(name), "{name}");
        }
        for name in ["shop.part", "stock.audit", "shop.log_it", "shop.customer", "new.audit", "shop.c d"] {
            assert!(!has(name), "{name}");
        }
    }

    #[test]
    fn a_column_of_a_table_is_not_a_table_of_its_name() {
        let has = mentions("SELECT `orders`.`customer` AS `who` FROM `orders` WHERE NEW.audit = 1");
        assert!(has("shop.orders") && !has("shop.customer") && !has("shop.audit"));
    }

    #[test]
    fn strings_and_comments_hide_nothing() {
        let has = mentions(
            "BEGIN /* it`s */ PREPARE s FROM 'DELETE FROM far.audit WHERE `x'; -- don't\n DELETE FROM stock; END",
        );
        assert!(has("far.audit") && has("shop.stock"));
        let unreadable = Mentions::of_text(b"SELECT '\xe9'", "shop");
        assert!(unreadable.has(&QualifiedName::new("any", "thing")));
    }
}
