//! Rights without which information_schema shows fewer objects than there are, and says nothing of it (MySQL manual,
//! "The INFORMATION_SCHEMA TRIGGERS Table" and "... EVENTS Table"; seen on 9.7.4). What could not be seen is named.

use super::{NotTaken, is_system_schema};
use crate::schema::identifier::quote;
use crate::server::error::ServerError;
use crate::server::session::Session;

/// Adds a line for each schema whose triggers or events this account would not be shown.
pub(super) async fn read(
    session: &mut Session,
    schemas: &[String],
    not_taken: &mut Vec<NotTaken>,
) -> Result<(), ServerError> {
    let grants: Vec<String> = session.query("SHOW GRANTS").await?.iter().map(|row| row.text(0)).collect();
    for schema in schemas.iter().filter(|schema| !is_system_schema(schema)) {
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
    let of = |verb: &'static str| {
        let lines = grants.iter().filter_map(move |line| line.strip_prefix(verb)?.split_once(" ON "));
        lines.filter(|(rights, _)| rights.split(", ").any(|has| has.trim() == right || has.trim() == "ALL PRIVILEGES"))
    };
    // A partial revoke (partial_revokes=ON) takes one schema out of a global grant.
    let revoked = of("REVOKE ").any(|(_, place)| place.starts_with(&format!("{}.*", quote(schema))));
    of("GRANT ").any(|(_, place)| match place.split_once(" TO ").map_or(place, |(place, _)| place) {
        "*.*" => !revoked,
        place => place.strip_suffix(".*").is_some_and(|pattern| matches(&unquoted(pattern), schema)),
    })
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
