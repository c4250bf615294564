//! What stands in the way: tables, views, routines, triggers and events of the target under the names that the restore
//! would make. Only looked at; nothing is dropped here.

use super::{Intent, some_of};
use crate::guard::finding::{Finding, FindingKind};
use crate::schema::identifier::literal;
use crate::schema::{ObjectKind, QualifiedName};
use crate::server::{ServerError, Session};

/// Names listed in a message at most.
const NAMES_SHOWN: usize = 20;

/// Names that one query asks for.
const NAMES_PER_QUERY: usize = 500;

/// One finding that names what is in the way, or none.
pub(super) async fn in_the_way(session: &mut Session, intent: &Intent) -> Result<Option<Finding>, ServerError> {
    let mut taken: Vec<String> = names_taken(session, intent).await?.iter().map(ToString::to_string).collect();
    taken.extend(objects_taken(session, intent).await?);
    if taken.is_empty() {
        return Ok(None);
    }
    let message = format!("{} holds things of the same name: {}", session.server(), some_of(&taken, NAMES_SHOWN));
    Ok(Some(Finding::refuse(FindingKind::NamesInTheWay, message)))
}

async fn names_taken(session: &mut Session, intent: &Intent) -> Result<Vec<QualifiedName>, ServerError> {
    let mut taken = Vec::new();
    for names in intent.names.chunks(NAMES_PER_QUERY) {
        let list: Vec<_> = names.iter().map(|n| format!("({},{})", literal(&n.schema), literal(&n.name))).collect();
        let rows = session
            .query(format!(
                "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.tables WHERE (TABLE_SCHEMA, TABLE_NAME) IN ({})",
                list.join(",")
            ))
            .await?;
        let there = rows.iter().map(|row| QualifiedName::new(row.text(0), row.text(1)));
        taken.extend(there.filter(|name| !intent.own.contains(name)));
    }
    taken.sort();
    Ok(taken)
}

/// Routines, triggers and events of the same kind and name, as `procedure shop.pay`. The server compares: to it `Pay` and
/// `pay` are one name, and so are `cafe` and `café`.
async fn objects_taken(session: &mut Session, intent: &Intent) -> Result<Vec<String>, ServerError> {
    let sources = [
        ("routines", "ROUTINE_SCHEMA", "ROUTINE_NAME", "LOWER(ROUTINE_TYPE)"),
        ("triggers", "TRIGGER_SCHEMA", "TRIGGER_NAME", "'trigger'"),
        ("events", "EVENT_SCHEMA", "EVENT_NAME", "'event'"),
    ];
    let mut taken = Vec::new();
    for objects in intent.objects.chunks(NAMES_PER_QUERY) {
        for (table, schema, name, kind) in sources {
            let of_table = |kind: &ObjectKind| match kind {
                ObjectKind::Trigger => "triggers",
                ObjectKind::Event => "events",
                _ => "routines",
            };
            let list: Vec<_> = (objects.iter().filter(|(kind, _)| of_table(kind) == table))
                .map(|(kind, n)| {
                    format!("({},{},{})", literal(&kind.to_string()), literal(&n.schema), literal(&n.name))
                })
                .collect();
            if list.is_empty() {
                continue;
            }
            let sql = format!(
                "SELECT {kind}, {schema}, {name} FROM information_schema.{table} WHERE ({kind}, {schema}, {name}) IN ({})",
                list.join(",")
            );
            let rows = session.query(sql).await?;
            taken.extend(rows.iter().map(|row| format!("{} {}.{}", row.text(0), row.text(1), row.text(2))));
        }
    }
    taken.sort();
    Ok(taken)
}

/// What the tables in the way take on the disk, as far as the server's statistics tell.
pub async fn bytes_in_the_way(session: &mut Session, intent: &Intent) -> Result<u64, ServerError> {
    let mut bytes = 0;
    for names in names_taken(session, intent).await?.chunks(NAMES_PER_QUERY) {
        let list: Vec<_> = names.iter().map(|n| format!("({},{})", literal(&n.schema), literal(&n.name))).collect();
        let sql = format!(
            "SELECT CAST(COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS UNSIGNED) FROM information_schema.tables \
             WHERE (TABLE_SCHEMA, TABLE_NAME) IN ({})",
            list.join(",")
        );
        bytes += session.query_first(sql).await?.map_or(0, |row| row.number(0));
    }
    Ok(bytes)
}
