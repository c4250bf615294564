//! Accounts by name: who defines an object, who holds grants. Pure. A name is `user@host`; the last `@` divides, since a
//! host has none and a user may.

use super::SqlText;
use super::identifier::{literal, quote};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A user or role of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// User name; empty for the anonymous user.
    pub user: String,
    /// Host part: a name, an address or a pattern; `%` is any.
    pub host: String,
}

impl Account {
    /// Joins a user and a host.
    pub fn new(user: impl Into<String>, host: impl Into<String>) -> Account {
        Account { user: user.into(), host: host.into() }
    }

    /// From `user@host`, as information_schema prints definers; without a host it is `%`.
    pub fn parse(text: &str) -> Account {
        match text.rsplit_once('@') {
            Some((user, host)) => Account::new(user, host),
            None => Account::new(text, "%"),
        }
    }

    /// As SQL takes it, right under every sql_mode.
    pub fn sql(&self) -> String {
        format!("{}@{}", quote(&self.user), quote(&self.host))
    }

    /// For people, where a name may be empty or hold blanks: `'user'@'host'`.
    pub fn quoted(&self) -> String {
        format!("'{}'@'{}'", self.user.replace('\'', "''"), self.host.replace('\'', "''"))
    }

    /// As a row of two text literals: `('user', 'host')`.
    pub fn row(&self) -> String {
        format!("({}, {})", literal(&self.user), literal(&self.host))
    }
}

/// For people: `user@host`, unquoted.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

/// An account as a backup holds it. Its texts hold password hashes, so it prints as its name alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDefinition {
    /// Its name.
    #[serde(flatten)]
    pub name: Account,
    /// `SHOW CREATE USER`, byte for byte, with the hash in hexadecimal.
    pub create: SqlText,
    /// `SHOW GRANTS`, a statement each.
    pub grants: Vec<SqlText>,
    /// Hash of the second password, where one is retained, as hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_password: Option<String>,
}

impl fmt::Debug for AccountDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountDefinition({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart_at_the_last_at() {
        for (text, user, host) in [("a@%", "a", "%"), ("a@b@c", "a@b", "c"), ("@h", "", "h"), ("r", "r", "%")] {
            assert_eq!(Account::parse(text), Account::new(user, host), "{text}");
        }
        assert_eq!(Account::new("o`d", "10.%").sql(), "`o``d`@`10.%`");
        assert_eq!(Account::new("it's", "%").row(), "('it''s', '%')");
    }
}
