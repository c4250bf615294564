//! The texts of SHOW CREATE USER and SHOW GRANTS taken apart as far as a restore must. Pure; quotes and parentheses are
//! told by the lexer, and what is not understood passes through unchanged.

use super::ddl::{Lexer, Token};
use std::ops::Range;

/// A CREATE USER cut for a restore.
#[derive(Clone, PartialEq, Eq)]
pub struct CreateUser {
    /// The statement without default roles, which must exist and be granted first.
    pub create: Vec<u8>,
    /// The list behind DEFAULT ROLE.
    pub default_roles: Option<Vec<u8>>,
}

/// Cuts `DEFAULT ROLE` out of a CREATE USER; it stands between the authentication and REQUIRE (seen on 9.7.4).
pub fn cut_default_roles(create: &[u8]) -> CreateUser {
    const WORDS: &[u8] = b" DEFAULT ROLE ";
    let found = find(create, 0, WORDS).and_then(|start| Some(start..find(create, start + WORDS.len(), b" REQUIRE ")?));
    match found {
        Some(Range { start, end }) => CreateUser {
            create: [&create[..start], &create[end..]].concat(),
            default_roles: Some(create[start + WORDS.len()..end].to_vec()),
        },
        None => CreateUser { create: create.to_vec(), default_roles: None },
    }
}

/// The two statements that give an account its second password: one that sets it as the only one, one that sets the
/// present one over it and all other attributes. None where the text holds no hash in hexadecimal.
pub fn with_second_password(create: &[u8], second: &str) -> Option<[Vec<u8>; 2]> {
    const HEX: &[u8] = b" AS 0x";
    let start = find(create, 0, HEX)?;
    let digits = create[start + HEX.len()..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let end = start + HEX.len() + digits;
    let rest = create.strip_prefix(b"CREATE USER ")?;
    let offset = create.len() - rest.len();
    let first = [&create[..start], HEX, second.as_bytes()].concat();
    let present = [b"ALTER USER ", &create[offset..end], b" RETAIN CURRENT PASSWORD", &create[end..]].concat();
    Some([first, present])
}

/// A line of SHOW GRANTS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant<'a> {
    text: &'a [u8],
    /// What is given, or taken.
    rights: Range<usize>,
    /// On what; empty for roles.
    place: Range<usize>,
    /// Where the account begins that it is given to or taken from.
    receiver: usize,
}

impl<'a> Grant<'a> {
    /// Takes a line apart; none where it is neither GRANT nor REVOKE.
    pub fn parse(text: &'a [u8]) -> Option<Grant<'a>> {
        let start = [&b"GRANT "[..], b"REVOKE "].iter().find(|verb| text.starts_with(verb))?.len();
        let words = [&b" TO "[..], b" FROM "];
        let (to, receiver) = words.iter().find_map(|word| find(text, start, word).map(|at| (at, at + word.len())))?;
        Some(match find(text, start, b" ON ").filter(|on| *on < to) {
            Some(on) => Grant { text, rights: start..on, place: on + 4..to, receiver },
            None => Grant { text, rights: start..to, place: to..to, receiver },
        })
    }

    /// The account that it is given to or taken from, and all that follows.
    pub fn receiver(&self) -> &'a [u8] {
        &self.text[self.receiver..]
    }

    /// The rights that it gives, without their columns.
    pub fn rights(&self) -> Vec<String> {
        let whole = || vec![(String::from_utf8_lossy(&self.text[self.rights.clone()]).into_owned(), Vec::new())];
        let rights = self.one_by_one().unwrap_or_else(whole);
        let name = |right: &str| right.split_once(" (").map_or(right, |(name, _)| name).trim().to_owned();
        rights.iter().map(|(right, _)| name(right)).collect()
    }

    /// What it gives them on, as it stands there; empty for roles.
    pub fn place(&self) -> String {
        String::from_utf8_lossy(&self.text[self.place.clone()]).into_owned()
    }

    /// True where it takes a right from a schema (partial revokes).
    pub fn revokes(&self) -> bool {
        self.text.starts_with(b"REVOKE ")
    }

    /// True where it is on a schema whose name is a pattern on some servers (`_`, `%`, and `\` before them): what it then
    /// covers depends on `partial_revokes`.
    pub fn is_pattern(&self) -> bool {
        let schema = self.text[self.place.clone()].strip_suffix(b".*");
        schema.is_some_and(|schema| schema.len() > 1 && schema.iter().any(|byte| b"_%\\".contains(byte)))
    }

    /// The same for each right alone, with the right's name: a server refuses a whole list for one right that it does not
    /// know or may not give. None where there is only one.
    pub fn one_by_one(&self) -> Option<Vec<(String, Vec<u8>)>> {
        let rights = &self.text[self.rights.clone()];
        let mut lexer = Lexer::new(rights);
        let (mut depth, mut start, mut list) = (0_usize, 0, Vec::new());
        loop {
            let at = lexer.at();
            match lexer.next_token() {
                Ok(Some(Token::Open)) => depth += 1,
                Ok(Some(Token::Close)) => depth = depth.saturating_sub(1),
                Ok(Some(Token::Comma)) if depth == 0 => {
                    list.push(rights[start..at].trim_ascii());
                    start = lexer.at();
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        list.push(rights[start..].trim_ascii());
        let (before, after) = (&self.text[..self.rights.start], &self.text[self.rights.end..]);
        let alone = |right: &&[u8]| (String::from_utf8_lossy(right).into_owned(), [before, right, after].concat());
        (list.len() > 1).then(|| list.iter().map(alone).collect())
    }

    /// The statement with the schema that it names under its new name, where it has one. A grant on a whole schema may be
    /// a pattern, in which `\_` and `\%` stand for the characters themselves; the new name is written as the old one was.
    pub fn renamed(&self, renamed: &dyn Fn(&str) -> Option<String>) -> Vec<u8> {
        self.try_renamed(renamed).unwrap_or_else(|| self.text.to_vec())
    }

    fn try_renamed(&self, renamed: &dyn Fn(&str) -> Option<String>) -> Option<Vec<u8>> {
        if &self.text[self.rights.clone()] == b"PROXY" {
            return None;
        }
        let place = &self.text[self.place.clone()];
        let start = place.iter().position(|&byte| byte == b'`')?;
        let mut lexer = Lexer::new(&place[start..]);
        lexer.next_token().ok()??;
        let end = start + lexer.at();
        let name = String::from_utf8(place[start + 1..end - 1].to_vec()).ok()?.replace("``", "`");
        let plain = name.replace("\\_", "_").replace("\\%", "%");
        let new = match plain == name {
            true => renamed(&name)?,
            false => renamed(&plain)?.replace('_', "\\_").replace('%', "\\%"),
        };
        let at = self.place.start + start..self.place.start + end;
        Some([&self.text[..at.start], super::quote(&new).as_bytes(), &self.text[at.end..]].concat())
    }
}

/// The first place of `words` at or behind `from` that is outside quotes.
fn find(text: &[u8], from: usize, words: &[u8]) -> Option<usize> {
    let mut lexer = Lexer::new(text.get(from..)?);
    loop {
        let at = from + lexer.at();
        if text[at..].starts_with(words) {
            return Some(at);
        }
        lexer.next_token().ok()??;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn default_roles_come_out() {
        let head = "CREATE USER ` DEFAULT ROLE `@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x2441";
        let tail = " REQUIRE SUBJECT ' DEFAULT ROLE x REQUIRE ' ATTRIBUTE '{\"a\": \"\\' DEFAULT ROLE \"}'";
        let cut = cut_default_roles(format!("{head} DEFAULT ROLE `r`@`%`,` REQUIRE `@`h`{tail}").as_bytes());
        assert_eq!(text(&cut.create), format!("{head}{tail}"));
        assert_eq!(text(&cut.default_roles.unwrap()), "`r`@`%`,` REQUIRE `@`h`");
        assert!(cut_default_roles(format!("{head}{tail}").as_bytes()).default_roles.is_none());
    }

    #[test]
    fn two_passwords() {
        let create = "CREATE USER ` AS 0x`@`%` IDENTIFIED WITH 'p' AS 0x24AF REQUIRE NONE";
        let [first, second] = with_second_password(create.as_bytes(), "99").unwrap();
        assert_eq!(text(&first), "CREATE USER ` AS 0x`@`%` IDENTIFIED WITH 'p' AS 0x99");
        let expected = "ALTER USER ` AS 0x`@`%` IDENTIFIED WITH 'p' AS 0x24AF RETAIN CURRENT PASSWORD REQUIRE NONE";
        assert_eq!(text(&second), expected);
        assert!(with_second_password(b"CREATE USER `a`@`b` IDENTIFIED WITH 'p' REQUIRE NONE", "99").is_none());
    }

    #[test]
    fn rights_one_by_one() {
        let line = "GRANT SELECT, INSERT (`a,`, `b`),X_ADMIN ON `h`.`t` TO `u ON `@`%` WITH GRANT OPTION";
        let alone = Grant::parse(line.as_bytes()).unwrap().one_by_one().unwrap();
        let names: Vec<_> = alone.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["SELECT", "INSERT (`a,`, `b`)", "X_ADMIN"]);
        assert_eq!(text(&alone[1].1), "GRANT INSERT (`a,`, `b`) ON `h`.`t` TO `u ON `@`%` WITH GRANT OPTION");
        assert!(Grant::parse(b"GRANT USAGE ON *.* TO `u`@`%`").unwrap().one_by_one().is_none());
        assert_eq!(Grant::parse(b"DROP USER a"), None);
        assert!(Grant::parse(b"REVOKE SELECT ON `h`.* FROM `u`@`%`").unwrap().revokes());
    }

    #[test]
    fn schemas_are_renamed() {
        let renamed = |name: &str| (name == "a_b").then(|| "c_d".to_owned());
        let check = |line: &str, expected: &str| {
            assert_eq!(text(&Grant::parse(line.as_bytes()).unwrap().renamed(&renamed)), expected);
        };
        check("GRANT SELECT ON `a\\_b`.* TO `a_b`@`%`", "GRANT SELECT ON `c\\_d`.* TO `a_b`@`%`");
        check("GRANT SELECT ON `a_b`.`a_b` TO `x`@`%`", "GRANT SELECT ON `c_d`.`a_b` TO `x`@`%`");
        check("GRANT EXECUTE ON PROCEDURE `a_b`.`p` TO `x`@`%`", "GRANT EXECUTE ON PROCEDURE `c_d`.`p` TO `x`@`%`");
        check("REVOKE SELECT ON `a_b`.* FROM `x`@`%`", "REVOKE SELECT ON `c_d`.* FROM `x`@`%`");
        for same in
            ["GRANT PROXY ON `a_b`@`%` TO `x`@`%`", "GRANT `a_b`@`%` TO `x`@`%`", "GRANT SELECT ON `a%`.* TO `x`@`%`"]
        {
            check(same, same);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = cut_default_roles(&bytes);
            let _ = with_second_password(&bytes, "00");
            for line in [bytes.clone(), [b"GRANT ".as_slice(), &bytes, b" ON `", &bytes, b" TO "].concat()] {
                if let Some(grant) = Grant::parse(&line) {
                    let _ = grant.one_by_one();
                    let _ = grant.renamed(&|_| Some("x".into()));
                }
            }
        }
    }
}
