//! A view, routine, trigger or event: the head of its CREATE statement is of the stated kind, name, definer and, for a
//! trigger, table; and what stands in statements without quotes is a plain word.
//!
//! The body is code, in whatever sql_mode and character set it was written, so where it ends is for the server to say:
//! the restore lets the server parse each text as one statement before it runs it. Heads are read here as servers print
//! them; MariaDB prints a trigger's head as its maker typed it.

use super::text::{is_space, word_length};
use super::{name, plain_word, schema_name};
use crate::limits::ACCOUNT_NAME_CHARACTERS_MAX;
use crate::schema::{Object, ObjectKind};

/// `schema` is the schema that it is restored to. The error says what is wrong.
pub fn object(object: &Object, schema: &str) -> Result<(), String> {
    schema_name(&object.name.schema)?;
    name(&object.name.name)?;
    object.table.iter().try_for_each(|table| name(table))?;
    let words = [&object.charset_client, &object.collation_connection];
    let collation = Some(&object.database_collation).filter(|collation| !collation.is_empty());
    if !words.into_iter().chain(collation).all(|word| plain_word(word)) {
        return Err("its character set or collation has no name".into());
    }
    let mode = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b',');
    if !object.sql_mode.bytes().all(mode) || object.time_zone.as_ref().is_some_and(|zone| !is_zone(zone)) {
        return Err("its sql_mode or time zone is none".into());
    }
    if object.definer.contains('\0') || object.definer.chars().count() > 2 * ACCOUNT_NAME_CHARACTERS_MAX {
        return Err("its definer is none that a server has".into());
    }
    if object.table.is_some() != (object.kind == ObjectKind::Trigger) {
        return Err("triggers have a table, and nothing else has".into());
    }
    head(object, schema)
        .ok_or_else(|| format!("the head of its statement is not that of {} {}", object.kind, object.name))?
}

fn is_zone(zone: &str) -> bool {
    zone.len() <= 64 && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-:/".contains(&byte))
}

/// None where the head is not as a server writes it.
fn head(object: &Object, schema: &str) -> Option<Result<(), String>> {
    let has_mode = |wanted: &str| object.sql_mode.split(',').any(|mode| mode == wanted);
    let ansi = has_mode("ANSI_QUOTES") || has_mode("ORACLE");
    let escapes = !has_mode("NO_BACKSLASH_ESCAPES");
    let mut head = Head { text: &object.create.0, at: 0, ansi, escapes };
    let same = Names { utf8: object.charset_client.starts_with("utf8"), schema, object };
    head.expect("CREATE")?;
    let mut definer = None;
    let kind = loop {
        match head.word()?.as_str() {
            "ALGORITHM" => {
                head.symbol(b'=')?;
                head.word()?;
            }
            "DEFINER" if definer.is_none() => {
                head.symbol(b'=')?;
                definer = Some(head.account()?);
            }
            "SQL" => {
                head.expect("SECURITY")?;
                head.word()?;
            }
            "AGGREGATE" if object.kind == ObjectKind::Function => {}
            "JSON" | "RELATIONAL" | "DUALITY" | "MATERIALIZED" if object.kind == ObjectKind::View => {}
            "VIEW" => break ObjectKind::View,
            "FUNCTION" => break ObjectKind::Function,
            "PROCEDURE" => break ObjectKind::Procedure,
            "TRIGGER" => break ObjectKind::Trigger,
            "EVENT" => break ObjectKind::Event,
            "PACKAGE" if head.take_word("BODY") => break ObjectKind::PackageBody,
            "PACKAGE" => break ObjectKind::Package,
            _ => return None,
        }
    };
    if kind != object.kind {
        return Some(Err(format!("its statement makes a {kind}")));
    }
    if !same.definer(&definer?) {
        return Some(Err("its statement names another definer than its record".into()));
    }
    if head.take_word("IF") {
        head.expect("NOT")?;
        head.expect("EXISTS")?;
    }
    let written = head.qualified_name()?;
    if !same.name(&written, &object.name.name) {
        return Some(Err("its statement makes something under another name".into()));
    }
    behind_the_name(object, &mut head, &same)
}

/// What must come next, so that nothing else of this beginning passes: a loadable function, a trigger on another table.
fn behind_the_name(object: &Object, head: &mut Head<'_>, same: &Names<'_>) -> Option<Result<(), String>> {
    let oracle = object.sql_mode.split(',').any(|mode| mode == "ORACLE");
    match object.kind {
        ObjectKind::View => head.symbol(b'(').or_else(|| head.expect("AS"))?,
        ObjectKind::Function if oracle => head.symbol(b'(').or_else(|| head.expect("RETURN"))?,
        ObjectKind::Procedure if oracle => {}
        ObjectKind::Function | ObjectKind::Procedure => head.symbol(b'(')?,
        ObjectKind::Event => head.expect("ON").and_then(|()| head.expect("SCHEDULE"))?,
        ObjectKind::Package | ObjectKind::PackageBody => {}
        ObjectKind::Trigger => {
            // BEFORE or AFTER, and the event or events.
            while !head.take_word("ON") {
                head.word()?;
            }
            let table = head.qualified_name()?;
            if !same.name(&table, object.table.as_deref()?) {
                return Some(Err("its statement makes a trigger of another table".into()));
            }
            head.expect("FOR")?;
        }
    }
    Some(Ok(()))
}

/// What the record says, to be compared with what the statement says.
struct Names<'a> {
    /// The head of the text is UTF-8 for certain. A view's is in its maker's character set, and on MariaDB every head is.
    utf8: bool,
    schema: &'a str,
    object: &'a Object,
}

impl Names<'_> {
    fn text(&self, written: &[u8], stated: &str) -> bool {
        // In another character set only what is ASCII can be compared; and what is not is never equal to what is.
        written.eq_ignore_ascii_case(stated.as_bytes()) || !self.utf8 && !written.is_ascii() && !stated.is_ascii()
    }

    /// A name, perhaps behind its schema's. Letter case is the server's to tell: within a schema no harm comes of it.
    fn name(&self, (schema, written): &(Option<Vec<u8>>, Vec<u8>), stated: &str) -> bool {
        let own = |schema: &[u8]| schema == self.schema.as_bytes() && schema == self.object.name.schema.as_bytes();
        self.text(written, stated) && schema.as_ref().is_none_or(|schema| own(schema))
    }

    /// `user@host`; a role, which MariaDB allows, has no host.
    fn definer(&self, (user, host): &(Vec<u8>, Option<Vec<u8>>)) -> bool {
        let stated = self.object.definer.as_bytes();
        let whole = [user, &b"@"[..], host.as_deref().unwrap_or_default()].concat();
        whole == stated
            || host.as_ref().is_none_or(Vec::is_empty) && user == stated
            || !self.utf8 && !whole.is_ascii() && !stated.is_ascii()
    }
}

/// Reads the head of a text, token by token.
struct Head<'a> {
    text: &'a [u8],
    at: usize,
    /// `"` quotes a name.
    ansi: bool,
    /// A backslash escapes in a text, as it never does in a name.
    escapes: bool,
}

impl Head<'_> {
    /// Past white space and comments; a comment that a server may run ends the reading.
    fn skip(&mut self) -> Option<()> {
        loop {
            let rest = &self.text[self.at..];
            match rest {
                [byte, ..] if is_space(*byte) => self.at += 1,
                [b'/', b'*', b'!', ..] | [b'/', b'*', b'M', b'!', ..] => return None,
                [b'/', b'*', ..] => self.at += memchr::memmem::find(&rest[2..], b"*/")? + 4,
                _ => return Some(()),
            }
        }
    }

    /// A bare word, in upper case.
    fn word(&mut self) -> Option<String> {
        self.skip()?;
        let length = word_length(&self.text[self.at..]);
        let word = &self.text[self.at..self.at + length];
        self.at += length;
        (length > 0).then(|| String::from_utf8_lossy(word).to_ascii_uppercase())
    }

    fn expect(&mut self, wanted: &str) -> Option<()> {
        self.take_word(wanted).then_some(())
    }

    /// Takes the word where it comes next.
    fn take_word(&mut self, wanted: &str) -> bool {
        let before = self.at;
        let found = self.word().is_some_and(|word| word == wanted);
        if !found {
            self.at = before;
        }
        found
    }

    fn symbol(&mut self, wanted: u8) -> Option<()> {
        self.skip()?;
        (self.text.get(self.at) == Some(&wanted)).then(|| self.at += 1)
    }

    /// A name in quotes, or bare. `text_too`: a string serves as well, as it does for accounts.
    fn name(&mut self, text_too: bool) -> Option<Vec<u8>> {
        self.skip()?;
        let rest = &self.text[self.at..];
        let quote = *rest.first()?;
        let quoted = quote == b'`' || quote == b'"' && (self.ansi || text_too) || quote == b'\'' && text_too;
        let (name, length) = match quoted {
            true => unquoted(rest, self.escapes && quote != b'`' && !(quote == b'"' && self.ansi))?,
            false => (rest[..word_length(rest)].to_vec(), word_length(rest)),
        };
        self.at += length;
        (length > 0).then_some(name)
    }

    /// A name with its schema before it, where one stands there.
    fn qualified_name(&mut self) -> Option<(Option<Vec<u8>>, Vec<u8>)> {
        let first = self.name(false)?;
        match self.symbol(b'.') {
            Some(()) => Some((Some(first), self.name(false)?)),
            None => Some((None, first)),
        }
    }

    fn account(&mut self) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let user = self.name(true)?;
        match self.symbol(b'@') {
            Some(()) => Some((user, Some(self.name(true)?))),
            None => Some((user, None)),
        }
    }
}

/// What a quoted name or text at the head of `text` says, and its length. Where a backslash escapes, one that holds it is
/// none that a server prints for a name.
fn unquoted(text: &[u8], escapes: bool) -> Option<(Vec<u8>, usize)> {
    let quote = text[0];
    let (mut name, mut at) = (Vec::new(), 1);
    loop {
        match *text.get(at)? {
            b'\\' if escapes => return None,
            byte if byte != quote => {
                name.push(byte);
                at += 1;
            }
            _ if text.get(at + 1) == Some(&quote) => {
                name.push(quote);
                at += 2;
            }
            _ => return Some((name, at + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{QualifiedName, SqlText};

    fn of(kind: ObjectKind, create: &str) -> Object {
        Object {
            kind,
            name: QualifiedName::new("s", "n`m"),
            table: (kind == ObjectKind::Trigger).then(|| "t".into()),
            create: SqlText::from(create),
            definer: "r@t@%".into(),
            sql_mode: "ANSI_QUOTES,NO_ZERO_DATE".into(),
            charset_client: "utf8mb4".into(),
            collation_connection: "utf8mb4_0900_ai_ci".into(),
            database_collation: "utf8mb4_0900_ai_ci".into(),
            time_zone: Some("+03:00".into()),
            order: 0,
            execute_at: None,
        }
    }

    const D: &str = "DEFINER=`r@t`@`%`";

    fn cases() -> Vec<(ObjectKind, String)> {
        use ObjectKind::*;
        vec![
            (View, format!("CREATE ALGORITHM=MERGE {D} SQL SECURITY DEFINER VIEW `n``m` (`a`) AS select 1")),
            (
                View,
                format!(
                    "CREATE ALGORITHM=UNDEFINED {D} SQL SECURITY DEFINER JSON RELATIONAL DUALITY VIEW `n``m` AS select 1"
                ),
            ),
            (Function, format!("CREATE {D} FUNCTION `n``m`() RETURNS int\nreturn 1")),
            (Function, "CREATE DEFINER=\"r@t\"@\"%\" AGGREGATE FUNCTION \"n`m\"(a INT) RETURNS int\nreturn 1".into()),
            (Procedure, format!("CREATE {D} PROCEDURE `n``m`()\nBEGIN SELECT 1; END")),
            (Trigger, format!("CREATE {D} TRIGGER `n``m` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 1")),
            (
                Trigger,
                format!(
                    "CREATE {D} TRIGGER IF NOT EXISTS s.`n``m` /* x */ AFTER UPDATE\nON s.T FOR EACH ROW SET @a = 1"
                ),
            ),
            (Event, format!("CREATE {D} EVENT `n``m` ON SCHEDULE EVERY 1 DAY DO SELECT 1")),
            (Package, format!("CREATE {D} PACKAGE `n``m` AS x")),
            (PackageBody, format!("CREATE {D} PACKAGE BODY `n``m` AS x")),
        ]
    }

    #[test]
    fn what_servers_write_passes_as_its_own_kind_alone() {
        for (kind, create) in cases() {
            assert_eq!(object(&of(kind, &create), "s"), Ok(()), "{create}");
            for (other, _) in cases().into_iter().filter(|(other, _)| *other != kind) {
                assert!(object(&of(other, &create), "s").is_err(), "{create} as {other}");
            }
            for (from, to) in [
                ("`n``m`", "`o`"),
                ("r@t", "root"),
                ("CREATE ", "CREATE OR REPLACE "),
                ("n``m", "n`.`m"),
                ("CREATE ", "CREATE\x0bOR\x0bREPLACE\x0b"),
                ("CREATE ", "CREATE /*!50000 DEFINER=`root`@`%` */ "),
            ] {
                let forged = create.replacen(from, to, 1);
                assert!(forged == create || object(&of(kind, &forged), "s").is_err(), "{forged}");
            }
        }
    }

    #[test]
    fn other_statements_do_not() {
        use ObjectKind::*;
        for (kind, create) in [
            (Function, "CREATE FUNCTION `n``m` RETURNS STRING SONAME 'x.so'".to_owned()),
            (Function, format!("CREATE {D} FUNCTION `n``m` RETURNS STRING SONAME 'x.so'")),
            (Function, format!("CREATE {D} FUNCTION `mysql`.`n``m`() RETURNS int return 1")),
            (Function, format!("CREATE {D} FUNCTION `S`.`n``m`() RETURNS int return 1")),
            (Trigger, format!("CREATE {D} TRIGGER `n``m` BEFORE INSERT ON `u` FOR EACH ROW SET @a = 1")),
            (Trigger, format!("CREATE {D} TRIGGER `n``m` BEFORE INSERT ON `mysql`.`t` FOR EACH ROW SET @a = 1")),
            (View, "CREATE VIEW `n``m` AS select 1".to_owned()),
            (View, format!("CREATE {D} {D} VIEW `n``m` AS select 1")),
            (View, "DROP VIEW `n``m`".to_owned()),
            (Event, "ALTER EVENT `n``m` ENABLE".to_owned()),
            (Procedure, format!("CREATE {D} USER `n``m`")),
            (Procedure, String::new()),
        ] {
            assert!(object(&of(kind, &create), "s").is_err(), "{create}");
        }
        let other_schema = format!("CREATE {D} TRIGGER s.`n``m` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 1");
        assert!(object(&of(Trigger, &other_schema), "renamed").is_err());
    }

    #[test]
    fn a_backslash_is_a_byte_of_a_name() {
        let check = |name: &str, definer: &str, sql_mode: &str, create: &str| {
            let sound = of(ObjectKind::Function, create);
            let name = QualifiedName::new("s", name);
            object(&Object { name, definer: definer.into(), sql_mode: sql_mode.into(), ..sound }, "s")
        };
        let ansi = "CREATE DEFINER=\"DOMAIN\\user\"@\"%\" FUNCTION \"f\\\"() RETURNS int return 1";
        assert_eq!(check("f\\", "DOMAIN\\user@%", "ANSI_QUOTES", ansi), Ok(()));
        assert!(check("f\\", "DOMAIN\\user@%", "", ansi).is_err());
        let text = "CREATE DEFINER='D\\u'@'%' FUNCTION `f\\`() RETURNS int return 1";
        assert_eq!(check("f\\", "D\\u@%", "NO_BACKSLASH_ESCAPES", text), Ok(()));
        assert!(check("f\\", "D\\u@%", "ANSI_QUOTES", text).is_err());
    }

    #[test]
    fn words_that_stand_in_statements() {
        let sound = of(ObjectKind::View, &cases()[0].1);
        let forge = |change: fn(&mut Object)| {
            let mut forged = sound.clone();
            change(&mut forged);
            object(&forged, "s")
        };
        assert_eq!(forge(|_| {}), Ok(()));
        for result in [
            forge(|o| o.charset_client = "utf8mb4, GLOBAL read_only=1".into()),
            forge(|o| o.collation_connection = String::new()),
            forge(|o| o.database_collation = "x; DROP DATABASE mysql".into()),
            forge(|o| o.sql_mode = "', GLOBAL x='".into()),
            forge(|o| o.time_zone = Some("'+00:00'".into())),
            forge(|o| o.name.schema = "mysql".into()),
            forge(|o| o.definer = "r\0".into()),
            forge(|o| o.table = Some("t".into())),
        ] {
            assert!(result.is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[A-Z`\"'/*!@=. ]{0,60}", bytes: Vec<u8>, kind in 0usize..10) {
            let kind = cases()[kind].0;
            let _ = object(&of(kind, &format!("CREATE {D} {text}")), "s");
            let _ = object(&Object { create: SqlText(bytes), ..of(kind, "") }, "s");
        }
    }
}
