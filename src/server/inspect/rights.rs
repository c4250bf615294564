//! Rights without which information_schema shows fewer objects than there are, and says nothing of it (MySQL manual,
//! "The INFORMATION_SCHEMA TRIGGERS Table" and "... EVENTS Table"; seen on 9.7.4). What could not be seen is named.

use super::{NotTaken, is_system_schema};
use crate::schema::identifier::quote;
use crate::server::error::ServerError;
use crate::server::session::Session;

/// Adds a line for each schema whose routines, triggers or events this account would not be shown.
pub(super) async fn read(
    session: &mut Session,
    schemas: &[String],
    not_taken: &mut Vec<NotTaken>,
) -> Result<(), ServerError> {
    let grants: Vec<String> = session.query("SHOW GRANTS").await?.iter().map(|row| row.text(0)).collect();
    // Either of these shows every routine; rights on a routine show that one, or its name without its text.
    let routines = ["SELECT", "SHOW_ROUTINE"].iter().any(|right| rights_on(&grants, right).any(|place| place == "*.*"));
    for schema in schemas.iter().filter(|schema| !is_system_schema(schema)) {
        let any = |right: &&str| grants_on_schema(&grants, right, schema);
        if !routines && !["EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE"].iter().any(any) {
            let why = "this account has neither SHOW_ROUTINE nor SELECT on all schemas, so that only its own were seen";
            not_taken.push(NotTaken::new("routines of schema", schema.clone(), why));
        }
        if !grants_on_schema(&grants, "TRIGGER", schema) {
            let why = "this account lacks the TRIGGER right there, so that only some or none were seen";
            not_taken.push(NotTaken::new("triggers of schema", schema.clone(), why));
        }
        // Unlike information_schema, SHOW EVENTS tells a missing right from an empty answer.
        match session.query(format!("SHOW EVENTS FROM {}", quote(schema))).await {
            Err(error) if error.code() == Some(1044) => {
                let why = "this account lacks the EVENT right there, so that none were seen";
                not_taken.push(NotTaken::new("events of schema", schema.clone(), why));
            }
            other => drop(other?),
        }
    }
    Ok(())
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
    rights.is_some_and(|rights| rights.split(", ").any(|has| has == right || has == "ALL PRIVILEGES"))
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
