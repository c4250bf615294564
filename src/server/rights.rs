//! The rights of the account that a session is logged in as, as `SHOW GRANTS` tells them. Comes in: a session. Goes
//! out: answers to "has it this right, everywhere or on that schema". The server is asked once; nothing is judged here.

use super::error::ServerError;
use super::session::Session;
use crate::schema::Account;
use crate::schema::identifier::quote;

/// The account and its grants, those of its active roles among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The account that the server took the login for.
    pub account: Account,
    grants: Vec<String>,
}

impl Rights {
    /// Asks the server.
    pub async fn read(session: &mut Session) -> Result<Rights, ServerError> {
        let account = session.query_first("SELECT CURRENT_USER()").await?.map(|row| row.text(0)).unwrap_or_default();
        let grants = session.query("SHOW GRANTS").await?.iter().map(|row| row.text(0)).collect();
        Ok(Rights { account: Account::parse(&account), grants })
    }

    /// Any of these rights on `*.*`.
    pub fn any(&self, rights: &[&str]) -> bool {
        rights.iter().any(|right| rights_on(&self.grants, right).any(|place| place == "*.*"))
    }

    /// True where nothing is hidden from the account: it may read every schema.
    pub fn sees_everything(&self) -> bool {
        self.any(&["SELECT"]) && !self.grants.iter().any(|line| line.starts_with("REVOKE "))
    }

    /// The right on all of a schema, a partial revoke regarded.
    pub fn on_schema(&self, right: &str, schema: &str) -> bool {
        grants_on_schema(&self.grants, right, schema)
    }
}

/// Whether the lines of SHOW GRANTS (which hold those of the active roles) give a right on all of a schema.
fn grants_on_schema(grants: &[String], right: &str, schema: &str) -> bool {
    // A partial revoke (partial_revokes=ON) takes one schema out of a global grant.
    let revoke = format!(" ON {}.* FROM ", quote(schema));
    let revoked = grants.iter().any(|line| names(line, "REVOKE ", right) && line.contains(&revoke));
    rights_on(grants, right).any(|place| match place {
        "*.*" => !revoked,
        place => place.strip_suffix(".*").is_some_and(|pattern| matches(&unquoted(pattern), schema)),
    })
}

/// The places (`*.*`, a schema, a table) that a right is granted on.
fn rights_on<'a>(grants: &'a [String], right: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = grants.iter().filter(move |line| names(line, "GRANT ", right));
    lines.filter_map(|line| line.split_once(" ON ")?.1.split_once(" TO ").map(|(place, _)| place))
}

/// Whether a line gives or takes a right.
fn names(line: &str, verb: &str, right: &str) -> bool {
    let rights = line.strip_prefix(verb).and_then(|rest| rest.split_once(" ON ")).map(|(rights, _)| rights);
    // The server puts a blank behind the commas of static rights, and none behind those of dynamic ones.
    rights.is_some_and(|rights| rights.split(',').any(|has| [right, "ALL PRIVILEGES"].contains(&has.trim())))
}

fn unquoted(name: &str) -> String {
    name.trim_matches('`').replace("``", "`")
}

/// A schema's name in a grant is a LIKE pattern (MySQL manual, "GRANT Statement").
fn matches(pattern: &str, name: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => name.is_empty(),
        Some('%') => {
            let rest = pattern_chars.as_str();
            let mut places = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            places.any(|at| matches(rest, &name[at..]))
        }
        Some(first) => {
            let escaped = first == '\\' && !pattern_chars.as_str().is_empty();
            let wanted = if escaped { pattern_chars.next().unwrap_or(first) } else { first };
            let mut name_chars = name.chars();
            let fits = name_chars.next().is_some_and(|c| c == wanted || !escaped && wanted == '_');
            fits && matches(pattern_chars.as_str(), name_chars.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_found_in_the_lines_that_give_it() {
        let cases = [
            ("GRANT SELECT, TRIGGER ON *.* TO `u`@`%`", true),
            ("GRANT ALL PRIVILEGES ON `my\\_shop`.* TO `u`@`%`", true),
            ("GRANT TRIGGER ON `my%`.* TO `u`@`%`", true),
            ("GRANT TRIGGER ON `my-shop`.* TO `u`@`%`", false),
            ("GRANT TRIGGER ON `my\\_sho`.* TO `u`@`%`", false),
            ("GRANT TRIGGER ON `my_shop`.`t` TO `u`@`%`", false),
            ("GRANT SELECT ON *.* TO `u`@`%`", false),
            ("GRANT TRIGGER_X ON *.* TO `u`@`%`", false),
            ("GRANT SHOW_ROUTINE,TRIGGER,X ON *.* TO `u`@`%`", true),
            ("GRANT `r`@`%` TO `u`@`%`", false),
        ];
        for (line, given) in cases {
            assert_eq!(grants_on_schema(&[line.to_owned()], "TRIGGER", "my_shop"), given, "{line}");
        }
        let revoked = ["GRANT TRIGGER ON *.* TO `u`@`%`", "REVOKE TRIGGER ON `my_shop`.* FROM `u`@`%`"];
        assert!(!grants_on_schema(&revoked.map(str::to_owned), "TRIGGER", "my_shop"));
        assert!(grants_on_schema(&revoked.map(str::to_owned), "TRIGGER", "other"));
    }
}
