//! Views, routines, triggers and events of a batch of schemas, each by its own SHOW CREATE with its schema as the
//! current one, which leaves the schema's name out of a view's text (so it can be made under another name).

use super::{NotTaken, Wanted, schema_list};
use crate::schema::identifier::quote;
use crate::schema::{Object, ObjectKind, QualifiedName, SqlText};
use crate::server::error::{LOCK_WAIT_TIMEOUT, ServerError};
use crate::server::session::{Row, Session};
use std::collections::HashMap;

/// The objects of `schemas`, by schema, each schema's by kind and name; triggers of one table in ACTION_ORDER.
pub(super) async fn read(
    session: &mut Session,
    schemas: &[String],
    wanted: &Wanted<'_>,
    not_taken: &mut Vec<NotTaken>,
) -> Result<HashMap<String, Vec<Object>>, ServerError> {
    let list = schema_list(schemas);
    let mut found = list_views(session, &list).await?;
    found.retain(|entry| wanted(&entry.name.schema, Some(&entry.name.name)));
    found.extend(list_routines(session, &list).await?);
    let mut triggers = list_triggers(session, &list).await?;
    triggers.retain(|entry| wanted(&entry.name.schema, entry.table.as_deref()));
    found.extend(triggers);
    found.extend(list_events(session, &list).await?);
    found.sort_by(|a, b| a.place().cmp(&b.place()));
    let mut objects: HashMap<String, Vec<Object>> = HashMap::new();
    let mut current = String::new();
    for entry in found {
        if entry.name.schema != current {
            current = entry.name.schema.clone();
            session.execute(format!("USE {}", quote(&current))).await?;
        }
        let (kind, name) = (entry.kind, entry.name.to_string());
        match object(session, entry, not_taken).await? {
            Ok(object) => objects.entry(current.clone()).or_default().push(object),
            Err(why) => not_taken.push(NotTaken::new(&kind.to_string(), name, why)),
        }
    }
    Ok(objects)
}

/// What information_schema says about an object before its text is read.
struct Entry {
    kind: ObjectKind,
    name: QualifiedName,
    table: Option<String>,
    definer: String,
    order: u64,
    execute_at: Option<String>,
}

impl Entry {
    fn new(kind: ObjectKind, row: &Row) -> Self {
        let name = QualifiedName::new(row.text(0), row.text(1));
        Entry { kind, name, table: None, definer: row.text(2), order: 0, execute_at: None }
    }

    fn place(&self) -> (&str, ObjectKind, Option<&str>, u64, &str) {
        (&self.name.schema, self.kind, self.table.as_deref(), self.order, &self.name.name)
    }
}

async fn list_views(session: &mut Session, schemas: &str) -> Result<Vec<Entry>, ServerError> {
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, DEFINER FROM information_schema.views WHERE TABLE_SCHEMA IN {schemas}"
    );
    Ok(session.query(sql).await?.iter().map(|row| Entry::new(ObjectKind::View, row)).collect())
}

async fn list_routines(session: &mut Session, schemas: &str) -> Result<Vec<Entry>, ServerError> {
    let sql = format!(
        "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, DEFINER, ROUTINE_TYPE FROM information_schema.routines \
         WHERE ROUTINE_SCHEMA IN {schemas} AND ROUTINE_TYPE IN ('FUNCTION', 'PROCEDURE', 'PACKAGE', 'PACKAGE BODY')"
    );
    let kind = |row: &Row| match row.text(3).as_str() {
        "FUNCTION" => ObjectKind::Function,
        "PACKAGE" => ObjectKind::Package,
        "PACKAGE BODY" => ObjectKind::PackageBody,
        _ => ObjectKind::Procedure,
    };
    Ok(session.query(sql).await?.iter().map(|row| Entry::new(kind(row), row)).collect())
}

async fn list_triggers(session: &mut Session, schemas: &str) -> Result<Vec<Entry>, ServerError> {
    let sql = format!(
        "SELECT TRIGGER_SCHEMA, TRIGGER_NAME, DEFINER, EVENT_OBJECT_TABLE, ACTION_ORDER \
         FROM information_schema.triggers WHERE TRIGGER_SCHEMA IN {schemas}"
    );
    let entry =
        |row: &Row| Entry { table: row.opt_text(3), order: row.number(4), ..Entry::new(ObjectKind::Trigger, row) };
    Ok(session.query(sql).await?.iter().map(entry).collect())
}

async fn list_events(session: &mut Session, schemas: &str) -> Result<Vec<Entry>, ServerError> {
    let sql = format!(
        "SELECT EVENT_SCHEMA, EVENT_NAME, DEFINER, EXECUTE_AT FROM information_schema.events \
         WHERE EVENT_SCHEMA IN {schemas}"
    );
    let entry = |row: &Row| Entry { execute_at: row.opt_text(3), ..Entry::new(ObjectKind::Event, row) };
    Ok(session.query(sql).await?.iter().map(entry).collect())
}

/// Where the columns of each SHOW CREATE stand, seen on MySQL 9.7.4 and in the manual.
struct Shape {
    sql_mode: Option<usize>,
    time_zone: Option<usize>,
    create: usize,
    charset_client: usize,
    database_collation: Option<usize>,
}

fn shape(kind: ObjectKind) -> Shape {
    match kind {
        ObjectKind::View => {
            Shape { sql_mode: None, time_zone: None, create: 1, charset_client: 2, database_collation: None }
        }
        ObjectKind::Event => {
            Shape { sql_mode: Some(1), time_zone: Some(2), create: 3, charset_client: 4, database_collation: Some(6) }
        }
        _ => Shape { sql_mode: Some(1), time_zone: None, create: 2, charset_client: 3, database_collation: Some(5) },
    }
}

/// The object with its text, or why it cannot be taken.
async fn object(
    session: &mut Session,
    entry: Entry,
    not_taken: &mut Vec<NotTaken>,
) -> Result<Result<Object, String>, ServerError> {
    let word = entry.kind.to_string().to_ascii_uppercase();
    let shape = shape(entry.kind);
    let row = match session.query_first(format!("SHOW CREATE {word} {}", quote(&entry.name.name))).await {
        Ok(Some(row)) if row.0.get(shape.create).is_some_and(Option::is_some) => row,
        Ok(_) => return Ok(Err("this account may not read its text".into())),
        Err(error) if matches!(error.code(), None | Some(LOCK_WAIT_TIMEOUT)) => return Err(error),
        Err(error) if entry.kind == ObjectKind::View => {
            return view_from_dictionary(session, entry, error, not_taken).await;
        }
        Err(error) => return Ok(Err(error.to_string())),
    };
    let optional = |at: Option<usize>| at.map(|at| row.text(at)).unwrap_or_default();
    Ok(Ok(Object {
        kind: entry.kind,
        name: entry.name,
        table: entry.table,
        create: SqlText(row.bytes(shape.create)),
        definer: entry.definer,
        sql_mode: optional(shape.sql_mode),
        charset_client: row.text(shape.charset_client),
        collation_connection: row.text(shape.charset_client + 1),
        database_collation: optional(shape.database_collation),
        time_zone: shape.time_zone.map(|at| row.text(at)),
        order: entry.order,
        execute_at: entry.execute_at,
    }))
}

/// A view whose SHOW CREATE fails, put together from information_schema.views. ALGORITHM is not in there, so the view
/// is also named as not taken exactly.
async fn view_from_dictionary(
    session: &mut Session,
    entry: Entry,
    error: ServerError,
    not_taken: &mut Vec<NotTaken>,
) -> Result<Result<Object, String>, ServerError> {
    let sql = format!(
        "SELECT VIEW_DEFINITION, CHECK_OPTION, SECURITY_TYPE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION \
         FROM information_schema.views WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        crate::schema::identifier::literal(&entry.name.schema),
        crate::schema::identifier::literal(&entry.name.name)
    );
    let row = match session.query_first(sql).await {
        Ok(Some(row)) if !row.bytes(0).is_empty() => row,
        Err(lost) if lost.code().is_none() => return Err(lost),
        _ => return Ok(Err(error.to_string())),
    };
    let (user, host) = entry.definer.rsplit_once('@').unwrap_or((&entry.definer, "%"));
    let mut create = format!(
        "CREATE DEFINER={}@{} SQL SECURITY {} VIEW {} AS ",
        quote(user),
        quote(host),
        row.text(2),
        quote(&entry.name.name)
    )
    .into_bytes();
    create.extend(row.bytes(0));
    if row.text(1) != "NONE" {
        create.extend(format!(" WITH {} CHECK OPTION", row.text(1)).into_bytes());
    }
    let why = format!("taken from information_schema without its ALGORITHM, because: {error}");
    not_taken.push(NotTaken::new("exact text of view", entry.name.to_string(), why));
    Ok(Ok(Object {
        kind: entry.kind,
        name: entry.name,
        table: None,
        create: SqlText(create),
        definer: entry.definer,
        sql_mode: String::new(),
        // The text of information_schema is UTF-8 whatever the client was that made the view.
        charset_client: "utf8mb4".into(),
        collation_connection: row.text(4),
        database_collation: String::new(),
        time_zone: None,
        order: 0,
        execute_at: None,
    }))
}
