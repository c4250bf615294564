//! Which columns of a table two servers do not hold alike, by sums that the servers compute: cheap enough for data of any
//! size. In: a session and a table. Out: a sum for each column, over values as `compare` prints them, and one for whole rows.

use super::compare::printed;
use crate::schema::identifier::{literal, quote};
use crate::server::{ServerError, Session};

/// What rows are counted, and whole rows summed up, under; no column has an empty name.
const COUNT: &str = "";
const ROWS: &str = "whole rows";

/// The columns by name, each with the sum of its values' CRC; first the number of rows, last the sum of whole rows.
pub(super) async fn of(
    session: &mut Session,
    (schema, table): &(String, String),
) -> Result<Vec<(String, String)>, ServerError> {
    let columns = session
        .query(format!(
            "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.columns WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} \
             ORDER BY ORDINAL_POSITION",
            literal(schema),
            literal(table)
        ))
        .await?;
    let columns: Vec<(String, String)> = columns.iter().map(|row| (row.text(0), row.text(1))).collect();
    let values: Vec<String> =
        columns.iter().map(|(name, kind)| format!("IFNULL({}, 'NULL')", printed(name, kind, false))).collect();
    let sum = |value: &str| format!("SUM(CRC32({value}))");
    let mut list = vec!["COUNT(*)".to_owned()];
    list.extend(values.iter().map(|value| sum(value)));
    list.push(sum(&format!("CONCAT_WS('\\t', {})", values.join(", "))));
    let from = format!("{}.{}", quote(schema), quote(table));
    let row = session.query_first(format!("SELECT {} FROM {from}", list.join(", "))).await?;
    let names =
        [COUNT.to_owned()].into_iter().chain(columns.into_iter().map(|(name, _)| name)).chain([ROWS.to_owned()]);
    Ok(names.enumerate().map(|(i, name)| (name, row.as_ref().map(|row| row.text(i)).unwrap_or_default())).collect())
}

/// What differs, in words; nothing where all sums are equal.
pub(super) fn differences(expected: &[(String, String)], found: &[(String, String)]) -> Vec<String> {
    let names = |sums: &[(String, String)]| sums.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if names(expected) != names(found) {
        return vec!["its columns are others".into()];
    }
    let differing: Vec<(&str, &str, &str)> = expected
        .iter()
        .zip(found)
        .filter(|((_, expected), (_, found))| expected != found)
        .map(|((name, expected), (_, found))| (name.as_str(), expected.as_str(), found.as_str()))
        .collect();
    match differing.as_slice() {
        [(COUNT, expected, found), ..] => vec![format!("{found} rows instead of {expected}")],
        [(ROWS, ..)] => vec!["values stand in other rows".into()],
        differing => {
            let columns = differing.iter().filter(|(name, ..)| *name != ROWS);
            columns.map(|(name, ..)| format!("column {name}: other values")).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_that_differ_are_named() {
        let sums = |values: [&str; 4]| {
            let names = [COUNT, "id", "f", ROWS];
            names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect::<Vec<_>>()
        };
        let expected = sums(["3", "10", "20", "30"]);
        for (found, told) in [
            (sums(["3", "10", "20", "30"]), vec![]),
            (sums(["2", "9", "19", "29"]), vec!["2 rows instead of 3"]),
            (sums(["3", "10", "21", "31"]), vec!["column f: other values"]),
            (sums(["3", "10", "20", "31"]), vec!["values stand in other rows"]),
            (expected[..3].to_vec(), vec!["its columns are others"]),
        ] {
            assert_eq!(differences(&expected, &found), told);
        }
    }
}
