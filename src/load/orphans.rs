//! Rows that a foreign key does not allow. A restore makes its keys without a look at the rows, which are the backup's; where
//! somebody could write to a table before its key was made, they may be others. Comes in: a table and the name of a key that is
//! there. Goes out: the query that lists such rows, where there are any. It changes nothing.

use crate::schema::QualifiedName;
use crate::schema::identifier::{literal, quote};
use crate::server::{ServerError, Session};

/// Rows without the row that they refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphans {
    /// The table that they refer to.
    pub parent: QualifiedName,
    /// The query that lists them.
    pub query: String,
}

/// Looks for the first row of `table` that its foreign key `key` does not allow; none also where the key is not there.
pub async fn find(session: &mut Session, table: &QualifiedName, key: &str) -> Result<Option<Orphans>, ServerError> {
    let (schema, name, key) = (literal(&table.schema), literal(&table.name), literal(key));
    let columns = format!(
        "SELECT COLUMN_NAME, REFERENCED_COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME \
         FROM information_schema.key_column_usage WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {name} \
         AND CONSTRAINT_NAME = {key} AND REFERENCED_TABLE_NAME IS NOT NULL ORDER BY ORDINAL_POSITION"
    );
    let columns = session.query(columns).await?;
    let Some(first) = columns.first() else { return Ok(None) };
    let parent = QualifiedName::new(first.text(2), first.text(3));
    let pairs: Vec<_> = columns.iter().map(|row| (row.text(0), row.text(1))).collect();
    let condition = condition(&pairs, &parent);
    let from = format!("FROM {} c WHERE {condition}", table.sql());
    let found = session.query_first(format!("SELECT 1 {from} LIMIT 1")).await?;
    Ok(found.map(|_| Orphans { parent, query: format!("SELECT c.* {from}") }))
}

/// A row with a NULL among its columns refers to nothing.
fn condition(pairs: &[(String, String)], parent: &QualifiedName) -> String {
    let not_null: Vec<_> = pairs.iter().map(|(column, _)| format!("c.{} IS NOT NULL", quote(column))).collect();
    let equal: Vec<_> =
        pairs.iter().map(|(column, referenced)| format!("p.{} = c.{}", quote(referenced), quote(column))).collect();
    format!(
        "{} AND NOT EXISTS (SELECT 1 FROM {} p WHERE {})",
        not_null.join(" AND "),
        parent.sql(),
        equal.join(" AND ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_columns_of_a_key_count() {
        let pairs = [("a", "x"), ("b`c", "y")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(
            condition(&pairs, &QualifiedName::new("s", "p")),
            "c.`a` IS NOT NULL AND c.`b``c` IS NOT NULL AND NOT EXISTS (SELECT 1 FROM `s`.`p` p WHERE p.`x` = c.`a` \
             AND p.`y` = c.`b``c`)"
        );
    }
}
