//! The rights of the account that a session is logged in as, as `SHOW GRANTS` tells them. Comes in: a session. Goes
//! out: answers to "has it this right, everywhere or on that schema". The server is asked once; nothing is judged here.

use super::error::ServerError;
use super::session::Session;
use crate::schema::Account;
use crate::schema::account_text::Grant;
use crate::schema::identifier::quote;

const GRANT_OPTION: &str = "GRANT OPTION";

/// What ALL PRIVILEGES on a schema means (MySQL manual, "Privileges Supported by MySQL").
const SCHEMA_RIGHTS: [&str; 18] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "REFERENCES",
    "INDEX",
    "ALTER",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "EXECUTE",
    "CREATE VIEW",
    "SHOW VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "EVENT",
    "TRIGGER",
];

/// The account and its grants, those of its active roles among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The account that the server took the login for.
    pub account: Account,
    grants: Vec<String>,
}

/// Where PROXY is on every account, in MySQL's words; MariaDB's are `''@'%'`.
const ANY_ACCOUNT: &str = "``@``";

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

    /// Which of another account's rights this one has not: `RIGHT ON place`, each once. `grants` are the lines of SHOW
    /// GRANTS for that account. A line that is not understood counts as such a right.
    pub fn lacks(&self, grants: &[String]) -> Vec<String> {
        let mut lacking = Vec::new();
        for line in grants {
            let Some(grant) = Grant::parse(line.as_bytes()) else {
                lacking.push(line.clone());
                continue;
            };
            let place = grant.place();
            // Roles are asked for with their rights; what is taken away is no right.
            if grant.revokes() || place.is_empty() {
                continue;
            }
            let mut rights = grant.rights();
            if rights == ["ALL PRIVILEGES"] && place != "*.*" {
                rights = SCHEMA_RIGHTS.map(str::to_owned).into();
            }
            if line.ends_with(" WITH GRANT OPTION") {
                rights.push(GRANT_OPTION.to_owned());
            }
            let place_told = if place == ANY_ACCOUNT || place == "''@'%'" { "every account" } else { &place };
            let lacks = rights.iter().filter(|right| !self.has(right, &place));
            lacking.extend(lacks.map(|right| format!("{right} ON {place_told}")));
        }
        lacking.sort();
        lacking.dedup();
        lacking
    }

    /// Whether a right on a place is among the own ones, or what they hold.
    fn has(&self, right: &str, place: &str) -> bool {
        let schema = place.split_once('.').map(|(schema, _)| unquoted(schema.rsplit(' ').next().unwrap_or_default()));
        // Every root may act for every account, which GRANT ALL does not give; who may make and change all accounts can as well.
        let changes_accounts = || self.has("CREATE USER", "*.*") && self.has(GRANT_OPTION, "*.*");
        match right {
            "USAGE" => true,
            "PROXY" | GRANT_OPTION if place.contains('@') && !place.contains('.') && changes_accounts() => true,
            GRANT_OPTION => {
                let given = self.grants.iter().filter(|line| line.ends_with(" WITH GRANT OPTION"));
                let mut places = given.filter_map(|line| Some(Grant::parse(line.as_bytes())?.place()));
                places.any(|own| own == place || own == "*.*" && place.contains('.'))
            }
            "PROXY" => rights_on(&self.grants, right).any(|own| own == place || own == ANY_ACCOUNT || own == "''@'%'"),
            _ if rights_on(&self.grants, right).any(|own| own == place || own == "*.*" && place == "*.*") => true,
            _ if place == "*.*" => false,
            _ => schema.is_some_and(|schema| self.on_schema(right, &schema.replace("\\_", "_").replace("\\%", "%"))),
        }
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
    fn rights_above_the_own_ones() {
        let own = |lines: &[&str]| Rights {
            grants: lines.iter().map(|line| line.to_string()).collect(),
            ..Rights::default()
        };
        let lacks = |rights: &Rights, line: &str| rights.lacks(&[line.to_owned()]);
        let root = own(&[
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, \
             EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER, SUPER ON *.* TO `root`@`%` WITH GRANT OPTION",
            "GRANT ROLE_ADMIN,SYSTEM_USER ON *.* TO `root`@`%` WITH GRANT OPTION",
            "GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION",
        ]);
        for below in [
            "GRANT USAGE ON *.* TO `a`@`%`",
            "GRANT SELECT, SUPER ON *.* TO `a`@`%` WITH GRANT OPTION",
            "GRANT ALL PRIVILEGES ON `s\\_x`.* TO `a`@`%` WITH GRANT OPTION",
            "GRANT SELECT (`a`, `b`), INSERT ON `s`.`t` TO `a`@`%`",
            "GRANT EXECUTE ON PROCEDURE `s`.`p` TO `a`@`%`",
            "GRANT PROXY ON `x`@`y` TO `a`@`%`",
            "GRANT `role`@`%` TO `a`@`%`",
            "REVOKE SELECT ON `mysql`.* FROM `a`@`%`",
        ] {
            assert_eq!(lacks(&root, below), [""; 0], "{below}");
        }
        assert_eq!(lacks(&root, "GRANT FILE, SELECT ON *.* TO `a`@`%`"), ["FILE ON *.*"]);
        let maker = own(&["GRANT SELECT, EXECUTE ON `s%`.* TO `m`@`%`", "GRANT SET_ANY_DEFINER ON *.* TO `m`@`%`"]);
        assert_eq!(lacks(&maker, "GRANT SELECT ON `shop`.`t` TO `a`@`%`"), [""; 0]);
        assert_eq!(lacks(&maker, "GRANT SELECT ON `payroll`.* TO `a`@`%`"), ["SELECT ON `payroll`.*"]);
        assert_eq!(
            lacks(&maker, "GRANT SELECT ON `shop`.* TO `a`@`%` WITH GRANT OPTION"),
            ["GRANT OPTION ON `shop`.*"]
        );
        assert_eq!(lacks(&maker, "GRANT SELECT, SUPER ON *.* TO `a`@`%`"), ["SELECT ON *.*", "SUPER ON *.*"]);
        assert_eq!(lacks(&maker, "GRANT PROXY ON ``@`` TO `a`@`%`"), ["PROXY ON every account"]);
        let administrator = own(&["GRANT SELECT, CREATE USER ON *.* TO `adm`@`%` WITH GRANT OPTION"]);
        assert_eq!(lacks(&administrator, "GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION"), [""; 0]);
        assert_eq!(lacks(&maker, "odd"), ["odd"]);
    }

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
