//! Which bytes of a SHOW CREATE text of a routine, trigger or event are UTF-8 whatever client made the object. Pure.
//!
//! Seen on MySQL 9.7.4 for objects made by a latin1 client, read with character_set_results=NULL: parameters and body
//! come in the client's character set, while names, definer, return type and comment come in UTF-8. Sent back under
//! the client's character set, as it must be, the text would give the object another name; so [`utf8_pieces`] says
//! which pieces to convert first. A view's text is in one character set. The comment has a second catch: the server
//! writes `\\` for a backslash even for objects made under NO_BACKSLASH_ESCAPES; [`comment_as_written`] undoes it.

use super::ddl::{DdlError, Dialect, Lexer, Token};
use super::identifier::quote;
use super::{Account, Object, ObjectKind};
use std::ops::Range;

/// The pieces that are UTF-8, in order. `comment` is the quoted text of COMMENT, with its quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Byte ranges that are UTF-8.
    pub utf8: Vec<Range<usize>>,
    /// Where the comment stands, within the last of `utf8`.
    pub comment: Option<Range<usize>>,
}

/// Finds the pieces; none at all for views. On MariaDB the comment is the only one (seen on 10.11.18).
pub fn utf8_pieces(object: &Object) -> Result<Pieces, DdlError> {
    let Pieces { utf8, comment } = head_pieces(object)?;
    let utf8 = match head_is_utf8(object) {
        true => utf8,
        false => comment.clone().into_iter().collect(),
    };
    Ok(Pieces { utf8, comment })
}

/// The head and what follows the parameters, with the comment.
fn head_pieces(object: &Object) -> Result<Pieces, DdlError> {
    let backslash = !object.sql_mode.split(',').any(|mode| mode == "NO_BACKSLASH_ESCAPES");
    let text = &object.create.0;
    // A routine of MariaDB's ORACLE mode may have no parentheses; ASCII is the same in every client's character set.
    if text.is_ascii() && object.sql_mode.split(',').any(|mode| mode == "ORACLE") {
        return Ok(Pieces::default());
    }
    match object.kind {
        ObjectKind::View => Ok(Pieces::default()),
        ObjectKind::Trigger => before_words(text, b" FOR EACH ROW "),
        ObjectKind::Event => before_words(text, b" DO "),
        // MariaDB, where nothing but the name and the definer stands before the first of these words.
        ObjectKind::Package | ObjectKind::PackageBody => before_words(text, b" AS "),
        ObjectKind::Function | ObjectKind::Procedure => routine(text, backslash),
    }
}

/// False where the head is in its maker's character set: told by the names in it.
fn head_is_utf8(object: &Object) -> bool {
    let has = |name: &str| {
        let quoted = name.replace('`', "``");
        name.is_ascii() || memchr::memmem::find(&object.create.0, quoted.as_bytes()).is_some()
    };
    let user = object.definer.rsplit_once('@').map_or(object.definer.as_str(), |(user, _)| user);
    has(&object.name.name) && has(user) && object.table.as_deref().is_none_or(has)
}

/// The comment as it must be written under NO_BACKSLASH_ESCAPES, from the text that escapes by backslash.
pub fn comment_as_written(comment: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(comment.len());
    let mut bytes = comment.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => written.push(b'\n'),
                Some(b'r') => written.push(b'\r'),
                Some(b'0') => written.push(0),
                Some(&b'\'') => written.extend_from_slice(b"''"),
                Some(&other) => written.push(other),
                None => written.push(byte),
            },
            _ => written.push(byte),
        }
    }
    written
}

/// The text of a view that takes the place of the one that may exist and belongs to the account that runs it. None
/// where the text is not as the server writes it.
pub fn with_own_definer(create: &[u8]) -> Option<Vec<u8>> {
    let own = with_definer(create, None)?;
    Some([b"CREATE OR REPLACE ", own.strip_prefix(b"CREATE ")?].concat())
}

/// The text with another definer; none means the account that runs it. None where the text is not as the server writes
/// it. The name comes in UTF-8, as the head of such a text is.
pub fn with_definer(create: &[u8], definer: Option<&Account>) -> Option<Vec<u8>> {
    let place = definer_place(create)?;
    let definer = definer.map_or_else(|| "CURRENT_USER".to_owned(), Account::sql);
    Some([&create[..place.start], definer.as_bytes(), &create[place.end..]].concat())
}

/// Where the definer stands: after `DEFINER=`, ahead of any quote but its own. A role, which MariaDB allows, has no host.
fn definer_place(create: &[u8]) -> Option<Range<usize>> {
    const WORD: &[u8] = b"DEFINER=";
    let mut lexer = Lexer::new(create);
    while !create[lexer.at()..].starts_with(WORD) {
        if !matches!(lexer.next_token().ok()?, Some(Token::Byte)) {
            return None;
        }
    }
    let start = lexer.at() + WORD.len();
    let mut lexer = Lexer::new(&create[start..]);
    if lexer.next_token().ok()? != Some(Token::Quoted) {
        return None;
    }
    let mut end = start + lexer.at();
    if create.get(end) == Some(&b'@') {
        lexer.next_token().ok()?;
        if lexer.next_token().ok()? != Some(Token::Quoted) {
            return None;
        }
        end = start + lexer.at();
    }
    Some(start..end)
}

/// The text of an event that is made disabled. One that is disabled already, on replicas or everywhere, stays as it is.
/// None where the text is not as the server writes it.
pub fn disabled_event(create: &[u8]) -> Option<Vec<u8>> {
    let mut lexer = Lexer::new(create);
    loop {
        let at = lexer.at();
        let rest = &create[at..];
        if let Some(after) = rest.strip_prefix(b" ENABLE ") {
            return Some([&create[..at], b" DISABLE ", after].concat());
        }
        if rest.starts_with(b" DISABLE ") {
            return Some(create.to_vec());
        }
        if rest.starts_with(b" DO ") {
            return None;
        }
        lexer.next_token().ok()??;
    }
}

/// The text of an event without the default clause that a server prints and, under HIGH_NOT_PRECEDENCE, does not take (seen
/// on 9.7.4: `ON COMPLETION NOT PRESERVE` is no syntax then). As it is where the clause is not there.
pub fn without_default_completion(create: &[u8]) -> Vec<u8> {
    const CLAUSE: &[u8] = b" ON COMPLETION NOT PRESERVE";
    let mut lexer = Lexer::new(create);
    loop {
        let (at, rest) = (lexer.at(), &create[lexer.at()..]);
        if let Some(after) = rest.strip_prefix(CLAUSE) {
            return [&create[..at], after].concat();
        }
        if rest.starts_with(b" DO ") || !matches!(lexer.next_token(), Ok(Some(_))) {
            return create.to_vec();
        }
    }
}

/// True for a function that says of itself what a server with a binary log wants to hear: that it is deterministic, or
/// that it does not change data. False too where the text is not as the server writes it.
pub fn says_it_is_safe_to_log(object: &Object) -> bool {
    let Ok(Pieces { utf8, .. }) = head_pieces(object) else { return false };
    let Some(place) = utf8.last() else { return false };
    let words: [&[u8]; 3] = [b"\n    DETERMINISTIC\n", b"\n    NO SQL\n", b"\n    READS SQL DATA\n"];
    words.iter().any(|word| memchr::memmem::find(&object.create.0[place.clone()], word).is_some())
}

/// The text of a trigger with another table behind its ON, as quoted. The head may be as a person typed it, which is how
/// MariaDB keeps it: in any case, with or without quotes and schema. None where it names no such table in such a place.
pub fn with_trigger_table(create: &[u8], table: &str, other: &str) -> Option<Vec<u8>> {
    let on = trigger_table(create)?;
    let same = on.name.eq_ignore_ascii_case(table);
    same.then(|| [&create[..on.from], quote(other).as_bytes(), b" ", &create[blanks_end(create, on.end)..]].concat())
}

/// The text of a trigger whose head does not spell out `schema`, neither before its own name nor before its table's, as MariaDB
/// keeps it where a person typed it: so it is made in the current schema. What stands in the body is left as it is. None where
/// the head cannot be read.
pub fn without_schema_in_trigger_head(create: &[u8], schema: &str) -> Option<Vec<u8>> {
    let (own, on) = (trigger_name(create)?, trigger_table(create)?);
    let mut text = Vec::with_capacity(create.len());
    let mut at = 0;
    for name in [own, on].iter().filter(|name| name.schema.as_deref() == Some(schema)) {
        text.extend_from_slice(&create[at..name.from]);
        at = name.bare_from;
    }
    text.extend_from_slice(&create[at..]);
    Some(text)
}

/// A name in the head of a trigger, perhaps behind its schema's.
struct Named {
    schema: Option<String>,
    name: String,
    /// Where it begins, its schema included.
    from: usize,
    /// Where its last part begins.
    bare_from: usize,
    end: usize,
}

fn named_at(text: &[u8], from: usize) -> Option<Named> {
    let (name, end) = identifier_at(text, from)?;
    let dot = blanks_end(text, end);
    if text.get(dot) != Some(&b'.') {
        return Some(Named { schema: None, name, from, bare_from: from, end });
    }
    let bare_from = blanks_end(text, dot + 1);
    let (bare, end) = identifier_at(text, bare_from)?;
    Some(Named { schema: Some(name), name: bare, from, bare_from, end })
}

/// The name of a trigger, in its head.
fn trigger_name(create: &[u8]) -> Option<Named> {
    let behind = head_word(create, &[b"TRIGGER"])?;
    let mut from = blanks_end(create, behind);
    if let Some(mut end) = word_at(create, from, b"IF") {
        for word in [&b"NOT"[..], b"EXISTS"] {
            end = word_at(create, blanks_end(create, end), word)?;
        }
        from = blanks_end(create, end);
    }
    named_at(create, from)
}

/// The table of a trigger, in its head.
fn trigger_table(create: &[u8]) -> Option<Named> {
    let behind = head_word(create, &[b"INSERT", b"UPDATE", b"DELETE"])?;
    let after_on = word_at(create, blanks_end(create, behind), b"ON")?;
    let named = named_at(create, blanks_end(create, after_on))?;
    let mut rest = named.end;
    for word in [&b"FOR"[..], b"EACH", b"ROW"] {
        rest = word_at(create, blanks_end(create, rest), word)?;
    }
    Some(named)
}

/// The offset behind the first of some words that stands outside quotes and comments.
fn head_word(create: &[u8], words: &[&[u8]]) -> Option<usize> {
    let mut lexer = Lexer::new(create);
    loop {
        let at = lexer.at();
        if at == 0 || create[at - 1].is_ascii_whitespace() {
            if let Some(end) = words.iter().find_map(|word| word_at(create, at, word)) {
                return Some(end);
            }
        }
        lexer.next_token().ok()??;
    }
}

fn blanks_end(text: &[u8], at: usize) -> usize {
    let blanks = text[at.min(text.len())..].iter().take_while(|byte| byte.is_ascii_whitespace());
    at + blanks.count()
}

/// The offset behind a whole word that stands there in any case.
fn word_at(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    let end = at + word.len();
    let there = text.get(at..end)?.eq_ignore_ascii_case(word) && !text.get(end).is_some_and(|byte| in_name(*byte));
    there.then_some(end)
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The identifier that stands there, quoted or not, and the offset behind it.
fn identifier_at(text: &[u8], at: usize) -> Option<(String, usize)> {
    let rest = text.get(at..)?;
    let quoted = rest.first().copied().filter(|first| [b'`', b'"'].contains(first));
    let Some(mark) = quoted else {
        let length = rest.iter().take_while(|byte| in_name(**byte)).count();
        let name = std::str::from_utf8(&rest[..length]).ok()?;
        return (length > 0).then(|| (name.to_owned(), at + length));
    };
    let (mut name, mut end) = (Vec::new(), 1);
    loop {
        match (rest.get(end)?, rest.get(end + 1)) {
            (&byte, Some(&next)) if byte == mark && next == mark => end += 1,
            (&byte, _) if byte == mark => return Some((String::from_utf8(name).ok()?, at + end + 1)),
            _ => {}
        }
        name.push(rest[end]);
        end += 1;
    }
}

/// Everything before and with the first occurrence of `words` outside quotes; the body follows.
fn before_words(text: &[u8], words: &[u8]) -> Result<Pieces, DdlError> {
    // Up to the body the server wrote the text itself, so backslash escapes hold.
    let mut lexer = Lexer::new(text);
    let mut comment = None;
    loop {
        let at = lexer.at();
        if text[at..].starts_with(words) {
            let head = 0..at + words.len();
            return Ok(Pieces { utf8: Vec::from([head]), comment });
        }
        match lexer.next_token()? {
            None => return Err(DdlError::Unfinished("the head of an object")),
            Some(Token::Quoted) if text[..at].ends_with(b" COMMENT ") => comment = Some(at..lexer.at()),
            Some(_) => {}
        }
    }
}

/// A routine: head, parameters, return type and characteristics, body. After the parameters the server writes one
/// characteristic a line, indented by four spaces; the body begins on a line of its own.
fn routine(text: &[u8], backslash: bool) -> Result<Pieces, DdlError> {
    let open = next_outside(text, 0, Token::Open)?;
    let close = parameters_end(text, open, backslash)?;
    let mut lexer = Lexer::new(&text[close..]);
    let mut comment = None;
    loop {
        // To the end of the line, quotes as a whole.
        loop {
            let at = close + lexer.at();
            match lexer.next_token()? {
                None => return Err(DdlError::Unfinished("the head of an object")),
                Some(Token::Byte) if text[at] == b'\n' => break,
                Some(Token::Quoted) if text[..at].ends_with(b"\n    COMMENT ") => {
                    comment = Some(at..close + lexer.at())
                }
                Some(_) => {}
            }
        }
        let line = &text[close + lexer.at()..];
        if !CHARACTERISTICS.iter().any(|words| line.starts_with(words)) {
            return Ok(Pieces { utf8: vec![0..open, close..text.len() - line.len()], comment });
        }
    }
}

const CHARACTERISTICS: &[&[u8]] = &[
    b"    LANGUAGE ",
    b"    NO SQL\n",
    b"    CONTAINS SQL\n",
    b"    READS SQL DATA\n",
    b"    MODIFIES SQL DATA\n",
    b"    DETERMINISTIC\n",
    b"    SQL SECURITY INVOKER\n",
    b"    COMMENT ",
    b"    USING ",
];

fn next_outside(text: &[u8], from: usize, wanted: Token) -> Result<usize, DdlError> {
    let mut lexer = Lexer::new(&text[from..]);
    loop {
        let at = lexer.at();
        match lexer.next_token()? {
            None => return Err(DdlError::Unfinished("the head of an object")),
            Some(token) if token == wanted => return Ok(from + at),
            Some(_) => {}
        }
    }
}

/// The offset behind the parenthesis that closes the parameters, which stand as a person wrote them.
fn parameters_end(text: &[u8], open: usize, backslash: bool) -> Result<usize, DdlError> {
    let mut lexer = Lexer::in_dialect(&text[open..], Dialect { backslash, line_comments: true });
    let mut depth = 0_usize;
    loop {
        match lexer.next_token()? {
            None => return Err(DdlError::Unfinished("the parameters of a routine")),
            Some(Token::Open) => depth += 1,
            Some(Token::Close) if depth == 1 => return Ok(open + lexer.at()),
            Some(Token::Close) => depth -= 1,
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{QualifiedName, SqlText};

    fn object(kind: ObjectKind, create: &[u8], sql_mode: &str) -> Object {
        Object {
            kind,
            name: QualifiedName::new("s", "n"),
            table: None,
            create: SqlText(create.to_vec()),
            definer: "root@localhost".into(),
            sql_mode: sql_mode.into(),
            charset_client: "latin1".into(),
            collation_connection: "latin1_swedish_ci".into(),
            database_collation: "utf8mb4_0900_ai_ci".into(),
            time_zone: None,
            order: 0,
            execute_at: None,
        }
    }

    #[test]
    fn pieces_of_each_kind() {
        let check = |kind, create: &str, sql_mode: &str, utf8: &[&str], comment: Option<&str>| {
            let pieces = utf8_pieces(&object(kind, create.as_bytes(), sql_mode)).unwrap();
            let found: Vec<_> = pieces.utf8.iter().map(|range| &create[range.clone()]).collect();
            assert_eq!(found, utf8);
            assert_eq!(pieces.comment.map(|range| &create[range]), comment);
        };
        check(
            ObjectKind::Function,
            "CREATE DEFINER=`r(`@`%` FUNCTION `f``(`(`a(` enum(')'), /* ) */ b int -- )\n) RETURNS enum('\n x')\n    \
             DETERMINISTIC\n    COMMENT 'it''s\\n'\n    RETURN '(' COMMENT 'x'",
            "ANSI_QUOTES",
            &[
                "CREATE DEFINER=`r(`@`%` FUNCTION `f``(`",
                " RETURNS enum('\n x')\n    DETERMINISTIC\n    COMMENT 'it''s\\n'\n",
            ],
            Some("'it''s\\n'"),
        );
        check(
            ObjectKind::Procedure,
            "CREATE DEFINER=\"r\"@\"%\" PROCEDURE \"p\"(a enum('\\'))\nBEGIN END",
            "ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
            &["CREATE DEFINER=\"r\"@\"%\" PROCEDURE \"p\"", "\n"],
            None,
        );
        check(
            ObjectKind::Trigger,
            "CREATE DEFINER=`r`@`%` TRIGGER ` FOR EACH ROW ` BEFORE INSERT ON `t` FOR EACH ROW SET @a = ' FOR EACH \
             ROW '",
            "",
            &["CREATE DEFINER=`r`@`%` TRIGGER ` FOR EACH ROW ` BEFORE INSERT ON `t` FOR EACH ROW "],
            None,
        );
        check(
            ObjectKind::Event,
            "CREATE DEFINER=`r`@`%` EVENT `e DO ` ON SCHEDULE EVERY 1 DAY COMMENT 'x DO \\'' DO DO 1",
            "",
            &["CREATE DEFINER=`r`@`%` EVENT `e DO ` ON SCHEDULE EVERY 1 DAY COMMENT 'x DO \\'' DO "],
            Some("'x DO \\''"),
        );
    }

    #[test]
    fn a_view_for_the_one_who_runs_it() {
        let create = b"CREATE ALGORITHM=MERGE DEFINER=`a``b@`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1";
        let own = b"CREATE OR REPLACE ALGORITHM=MERGE DEFINER=CURRENT_USER SQL SECURITY DEFINER VIEW `v` AS select 1";
        assert_eq!(with_own_definer(create).unwrap(), own);
        assert_eq!(with_own_definer(b"DROP"), None);
    }

    #[test]
    fn another_definer() {
        let other = Account::new("o`d", "%");
        let check = |create: &str, expected: &str| {
            let text = with_definer(create.as_bytes(), Some(&other)).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        };
        check("CREATE DEFINER=`a@``b`@`%` EVENT `DEFINER=` DO 1", "CREATE DEFINER=`o``d`@`%` EVENT `DEFINER=` DO 1");
        check(
            "CREATE DEFINER=\"r\"@\"%\" PROCEDURE \"p\"() SELECT 'DEFINER=`x`@`y`'",
            "CREATE DEFINER=`o``d`@`%` PROCEDURE \"p\"() SELECT 'DEFINER=`x`@`y`'",
        );
        check("CREATE DEFINER=`role` FUNCTION `f`()", "CREATE DEFINER=`o``d`@`%` FUNCTION `f`()");
        let own = with_definer(b"CREATE DEFINER=`a`@`b` TRIGGER `t`", None).unwrap();
        assert_eq!(own, b"CREATE DEFINER=CURRENT_USER TRIGGER `t`");
        for odd in ["CREATE EVENT `DEFINER=`", "CREATE DEFINER=x", "CREATE DEFINER=`x`@", "CREATE DEFINER=`x"] {
            assert_eq!(with_definer(odd.as_bytes(), None), None, "{odd}");
        }
    }

    #[test]
    fn a_trigger_on_another_table() {
        let bodies = [" BEGIN SET @a = ' ON x FOR EACH ROW '; END", " set @a = 1"];
        let heads = [
            ("CREATE DEFINER=`insert`@`on` TRIGGER `update` BEFORE INSERT ON ", "`a``b`", " FOR EACH ROW"),
            ("create definer=`r`@`%` trigger shop.t before\tinsert\n on ", "shop . `a``b`", "\nfor  each\trow"),
            ("CREATE DEFINER=`r`@`%` trigger t after delete ON ", "\"a`b\"", " For Each Row"),
        ];
        for ((before, table, after), body) in heads.iter().zip(bodies.iter().cycle()) {
            let changed = with_trigger_table(format!("{before}{table}{after}{body}").as_bytes(), "a`b", "c").unwrap();
            assert_eq!(String::from_utf8(changed).unwrap(), format!("{before}`c` {}{body}", after.trim_start()));
        }
        let bare = with_trigger_table(b"create trigger t before update on Orders for each row set @a=1", "orders", "o");
        assert_eq!(bare.unwrap(), b"create trigger t before update on `o` for each row set @a=1");
        for strange in
            ["create trigger t before insert on other for each row set @a=1", "before insert on /* */ orders", ""]
        {
            assert_eq!(with_trigger_table(strange.as_bytes(), "orders", "o"), None, "{strange}");
        }
    }

    #[test]
    fn a_trigger_without_the_schema_that_was_typed() {
        let body = "for each row insert into shop.audit values (1)";
        let cases = [
            (
                "create definer=`a`@`trigger` trigger Shop . `t` before insert on Shop.orders ",
                "create definer=`a`@`trigger` trigger `t` before insert on orders ",
            ),
            (
                "CREATE TRIGGER if not exists `Shop`.t AFTER update ON `orders` ",
                "CREATE TRIGGER if not exists t AFTER update ON `orders` ",
            ),
            ("create trigger shop.t before delete on a ", "create trigger shop.t before delete on a "),
        ];
        for (typed, made) in cases {
            let text = without_schema_in_trigger_head(format!("{typed}{body}").as_bytes(), "Shop");
            assert_eq!(String::from_utf8(text.unwrap()).unwrap(), format!("{made}{body}"));
        }
        assert_eq!(without_schema_in_trigger_head(b"create trigger /* a */ t", "Shop"), None);
    }

    #[test]
    fn an_event_is_disabled_by_its_own_word() {
        let head = "CREATE DEFINER=` ENABLE `@`%` EVENT ` ENABLE ` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE";
        let text = |word: &str| format!("{head} {word} COMMENT ' ENABLE ' DO SELECT ' ENABLE '");
        assert_eq!(disabled_event(text("ENABLE").as_bytes()).unwrap(), text("DISABLE").as_bytes());
        for word in ["DISABLE", "DISABLE ON REPLICA"] {
            assert_eq!(disabled_event(text(word).as_bytes()).unwrap(), text(word).as_bytes());
        }
        assert_eq!(disabled_event(b"CREATE EVENT `e` DO SELECT ENABLE "), None);
    }

    #[test]
    fn an_event_without_the_default_clause() {
        let name = "CREATE DEFINER=`r`@`%` EVENT ` ON COMPLETION NOT PRESERVE` ON SCHEDULE EVERY 1 DAY";
        let body = "ENABLE COMMENT ' ON COMPLETION NOT PRESERVE' DO SELECT ' ON COMPLETION NOT PRESERVE'";
        let cut = format!("{name} {body}");
        let full = format!("{name} ON COMPLETION NOT PRESERVE {body}");
        for text in [&cut, &full] {
            assert_eq!(without_default_completion(text.as_bytes()), cut.as_bytes());
        }
    }

    #[test]
    fn what_a_function_says_of_itself() {
        let safe = |characteristics: &str| {
            let create =
                format!("CREATE DEFINER=`r`@`%` FUNCTION `f`() RETURNS int\n{characteristics}RETURN '\n    NO SQL\n'");
            says_it_is_safe_to_log(&object(ObjectKind::Function, create.as_bytes(), ""))
        };
        assert!(!safe("") && !safe("    MODIFIES SQL DATA\n") && !safe("    COMMENT '    NO SQL'\n"));
        assert!(
            safe("    DETERMINISTIC\n")
                && safe("    NO SQL\n    SQL SECURITY INVOKER\n")
                && safe("    READS SQL DATA\n")
        );
    }

    #[test]
    fn a_comment_without_backslash_escapes() {
        assert_eq!(comment_as_written(b"'a\\\\b''c\\n'"), b"'a\\b''c\n'");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, kind in 0..5) {
            let kinds = [
                ObjectKind::View, ObjectKind::Function, ObjectKind::Procedure, ObjectKind::Trigger, ObjectKind::Event,
            ];
            let _ = utf8_pieces(&object(kinds[kind as usize], &bytes, ""));
            let text = [b"CREATE DEFINER=`r`@`%` PROCEDURE `p`(".as_slice(), &bytes].concat();
            let _ = utf8_pieces(&object(ObjectKind::Procedure, &text, "NO_BACKSLASH_ESCAPES"));
            let _ = comment_as_written(&bytes);
            let _ = with_own_definer(&[b"CREATE DEFINER=".as_slice(), &bytes].concat());
            let _ = disabled_event(&bytes);
            for head in [&b""[..], b" insert on ", b" insert on `", b" update on a."] {
                let _ = with_trigger_table(&[head, &bytes].concat(), "a", "b");
                let _ = without_schema_in_trigger_head(&[head, &bytes].concat(), "a");
            }
            without_default_completion(&bytes);
            let _ = says_it_is_safe_to_log(&object(ObjectKind::Function, &bytes, ""));
        }
    }
}
