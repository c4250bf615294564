//! Schemas and bare tables on the target: the first step of a restore, before any row.
//!
//! Comes in: the definitions of the backup and a session set up by [`setup_writer`]. Goes out: empty tables that
//! have their clustered key only; indexes, foreign keys and objects come later. What the target changed about a
//! definition is returned as notes for the report.

use super::error::LoadError;
use super::ledger::{self, Collations};
use super::sessions::patiently;
use crate::schema::ddl::{self, Cut};
use crate::schema::identifier::{literal, quote};
use crate::schema::{QualifiedName, Schema, Table};
use crate::server::ServerError;
use crate::server::facts::session_variables;
use crate::server::session::{Done, Session, WRITER_SETUP};

/// Settings of a writing session that need a right, SESSION_VARIABLES_ADMIN, or that only some servers know or let a
/// session set. With a
/// primary key required or made by the server, a table without one could not be made as it was; under strict mode a
/// table that the source has is refused for options or a row size that the source let pass.
const WRITER_OPTIONAL: &[(&str, &str)] = &[
    ("sql_require_primary_key", "OFF"),
    ("sql_generate_invisible_primary_key", "OFF"),
    ("innodb_strict_mode", "OFF"),
    ("restrict_fk_on_non_standard_key", "OFF"),
    // Not a session's to set on MariaDB before 10.8.3 (1238).
    ("explicit_defaults_for_timestamp", "ON"),
    // MariaDB's: rows that a check came after are rows all the same; a versioned table takes no index else.
    ("check_constraint_checks", "OFF"),
    ("system_versioning_alter_history", "KEEP"),
    // Warnings that a loading statement lists, to see that all of them are of the expected kind.
    ("max_error_count", "65535"),
];

/// Sets up a session for writing definitions and rows. Returns the names of the settings that the target keeps at
/// another value because the account may not change them.
pub async fn setup_writer(session: &mut Session) -> Result<Vec<String>, ServerError> {
    session.execute(WRITER_SETUP).await?;
    let names: Vec<_> = WRITER_OPTIONAL.iter().map(|(name, _)| *name).collect();
    let known = session_variables(session, &names).await?;
    let mut kept = Vec::new();
    for (name, value) in WRITER_OPTIONAL {
        if known.get(*name).is_none_or(|present| present == value) {
            continue;
        }
        match session.execute(format!("SET SESSION {name}={value}")).await {
            Ok(_) => {}
            Err(error) if matches!(error.code(), Some(1227 | 1238)) => kept.push((*name).to_owned()),
            Err(error) => return Err(error),
        }
    }
    Ok(kept)
}

/// Makes a schema under `name` with the character set, collation and encryption of the original. Returns false where
/// a schema of that name is there already; it is left as it is.
pub async fn create_schema(session: &mut Session, schema: &Schema, name: &str) -> Result<bool, LoadError> {
    let options = schema.create.0.iter().position(|&byte| byte == b'`').and_then(|start| {
        let text = &schema.create.0[start..];
        text.strip_prefix(quote(&schema.name).as_bytes())
    });
    let mut sql = format!("CREATE DATABASE IF NOT EXISTS {}", quote(name)).into_bytes();
    sql.extend_from_slice(options.unwrap_or_default());
    let done = define(session, sql).await.map_err(LoadError::refused(format!("schema {name}")))?;
    // Note 1007; the count of affected rows is 1 either way (seen on MySQL 9.7.4).
    Ok(done.warnings == 0)
}

/// Runs a definition. Other sessions' definitions at the same moment can end in a deadlock inside the data dictionary (seen
/// with CREATE SCHEMA, CREATE TABLE and CREATE TRIGGER on 9.7.4), and another's lock on a table in a timeout: then it is
/// tried again.
pub(super) async fn define(session: &mut Session, sql: impl AsRef<[u8]>) -> Result<Done, ServerError> {
    patiently(session, sql.as_ref()).await
}

/// The table's definition cut in two, with the table's name in the error.
pub fn cut(table: &Table) -> Result<Cut, LoadError> {
    if table.sequence {
        return Ok(Cut::whole(table.create.0.clone()));
    }
    ddl::cut(&table.create.0).map_err(|source| LoadError::Definition { table: table.name.to_string(), source })
}

/// Gives a schema the collation that it had, where it has the one of a moment still. Another one is somebody else's.
pub async fn put_collation_back(session: &mut Session, schema: &str, of: &Collations) -> Result<(), ServerError> {
    let sql = "SELECT DEFAULT_COLLATION_NAME FROM information_schema.schemata WHERE SCHEMA_NAME";
    let present = session.query_first(format!("{sql} = {}", literal(schema))).await?.map(|row| row.text(0));
    if present.is_some_and(|present| present == of.given) {
        define(session, format!("ALTER DATABASE {} COLLATE {}", quote(schema), of.found)).await?;
    }
    ledger::forget_collation(session, schema).await
}

/// True where the target has a table of this name.
pub async fn is_there(session: &mut Session, target: &QualifiedName) -> Result<bool, ServerError> {
    let (schema, table) = (literal(&target.schema), literal(&target.name));
    let sql = format!("SELECT 1 FROM information_schema.tables WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {table}");
    Ok(session.query_first(sql).await?.is_some())
}

/// Makes the bare table as `target`, whose schema must exist and becomes the session's current one. A general
/// tablespace or a directory that the target does not have is left out, and said so in the notes.
pub async fn create_bare(
    session: &mut Session,
    table: &Table,
    target: &QualifiedName,
) -> Result<Vec<String>, LoadError> {
    let bare = cut(table)?.bare;
    create(session, table, target, bare).await
}

/// The same with all indexes at once, for a table of few rows: an ALTER costs the server more than they do.
pub async fn create_with_indexes(
    session: &mut Session,
    table: &Table,
    target: &QualifiedName,
) -> Result<Vec<String>, LoadError> {
    let definition = match table.sequence {
        true => table.create.0.clone(),
        false => ddl::without_foreign_keys(&table.create.0)
            .map_err(|source| LoadError::Definition { table: table.name.to_string(), source })?,
    };
    create(session, table, target, definition).await
}

async fn create(
    session: &mut Session,
    table: &Table,
    target: &QualifiedName,
    mut definition: Vec<u8>,
) -> Result<Vec<String>, LoadError> {
    let definition_error = |source| LoadError::Definition { table: table.name.to_string(), source };
    if table.name.name != target.name {
        definition = ddl::with_name(&definition, &target.name).map_err(definition_error)?;
    }
    session.execute(format!("USE {}", quote(&target.schema))).await?;
    let mut notes = Vec::new();
    let done = match define(session, &definition).await {
        // No such tablespace; path not allowed; path wrong. Directories cannot be had on another server in general.
        Err(error) if matches!(error.code(), Some(3510 | 3121 | 1525 | 1210)) => {
            match ddl::without_placement(&definition).map_err(definition_error)? {
                Some(moved) => {
                    notes.push(format!("table {target}: its tablespace or directory was left out ({error})"));
                    define(session, moved).await
                }
                None => Err(error),
            }
        }
        other => other,
    };
    let done = done.map_err(LoadError::refused(format!("table {target}")))?;
    if done.warnings > 0 {
        notes.extend(warnings(session, &format!("table {target}")).await?);
    }
    Ok(notes)
}

/// Warnings that say nothing about a difference, as the source has the same: a duplicate index (1831), and a foreign
/// key to no unique key (6124). And the rebuild for the first FULLTEXT index of a table (124).
const AS_ON_THE_SOURCE: [u64; 3] = [1831, 6124, 124];

/// What the server warned of in the last statement, each line with the name of what was made.
pub(super) async fn warnings(session: &mut Session, what: &str) -> Result<Vec<String>, ServerError> {
    let rows = session.query("SHOW WARNINGS").await?;
    // What is deprecated is so on the source as well; there are about ten numbers for it, and one word.
    let telling =
        rows.iter().filter(|row| !AS_ON_THE_SOURCE.contains(&row.number(1)) && !row.text(2).contains("deprecated"));
    Ok(telling.map(|row| format!("{what}: {} ({})", row.text(2), row.text(1))).collect())
}
