//! Late indexes and foreign keys of a table, built from its rows.
//!
//! Comes in: the table's definition and a session set up for writing. Goes out: the table with all its keys in their
//! old order. What exists already is read from the target, so a run that was broken off goes on where it stopped.
//! Foreign keys are made without looking at the rows and after the indexes of all tables.

use super::error::LoadError;
use super::schema::{cut, define, warnings};
use crate::schema::ddl::{self, ForeignKey, IndexStep};
use crate::schema::identifier::{literal, quote};
use crate::schema::{QualifiedName, Table};
use crate::server::ServerError;
use crate::server::facts::session_variables;
use crate::server::session::Session;
use std::collections::HashSet;

/// How much of the server the building of indexes may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexOptions {
    /// `innodb_ddl_threads`: threads that sort and build.
    pub ddl_threads: u32,
    /// `innodb_parallel_read_threads`: threads that read the clustered index.
    pub read_threads: u32,
    /// `innodb_ddl_buffer_size`: bytes of sort buffers of one ALTER, all threads together.
    pub buffer_bytes: u64,
    /// ALTERs of one run at a time.
    pub at_once: usize,
}

/// Sets the session's share; servers that do not know a setting do without it.
pub async fn setup_indexes(session: &mut Session, options: &IndexOptions) -> Result<(), ServerError> {
    let settings = [
        ("innodb_ddl_threads", u64::from(options.ddl_threads)),
        ("innodb_parallel_read_threads", u64::from(options.read_threads)),
        ("innodb_ddl_buffer_size", options.buffer_bytes),
    ];
    let names: Vec<_> = settings.iter().map(|(name, _)| *name).collect();
    let known = session_variables(session, &names).await?;
    for (name, value) in settings.iter().filter(|(name, _)| known.contains_key(*name)) {
        session.execute(format!("SET SESSION {name}={value}")).await?;
    }
    Ok(())
}

/// What [`build_indexes`] or [`add_foreign_keys`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysMade {
    /// Names of the indexes or constraints that were made now.
    pub made: Vec<String>,
    /// What the server warned of.
    pub notes: Vec<String>,
}

/// Builds the late indexes that `target` does not have yet, and drops the temporary one.
pub async fn build_indexes(
    session: &mut Session,
    table: &Table,
    target: &QualifiedName,
) -> Result<KeysMade, LoadError> {
    let cut = cut(table)?;
    let mut done = KeysMade::default();
    if cut.late_indexes.is_empty() {
        return Ok(done);
    }
    let present = names(session, INDEXES, target).await?;
    for step in cut.index_steps() {
        let add: Vec<_> = step.add.into_iter().filter(|index| !present.contains(&index.name)).collect();
        let drop = step.drop.filter(|name| present.contains(*name));
        if add.is_empty() && drop.is_none() {
            continue;
        }
        let made: Vec<_> = add.iter().map(|index| index.name.clone()).collect();
        let sql = alter(target, &IndexStep { add, drop });
        let what = format!("index {} of table {target}", made.join(", "));
        let result = define(session, sql).await.map_err(LoadError::refused(&what))?;
        if result.warnings > 0 {
            done.notes.extend(warnings(session, &what).await?);
        }
        done.made.extend(made);
    }
    Ok(done)
}

fn alter(target: &QualifiedName, step: &IndexStep<'_>) -> Vec<u8> {
    let mut clauses: Vec<Vec<u8>> =
        step.add.iter().map(|index| [b"ADD ", index.definition.as_slice()].concat()).collect();
    clauses.extend(step.drop.map(|name| format!("DROP KEY {}", quote(name)).into_bytes()));
    [format!("ALTER TABLE {} ", target.sql()).as_bytes(), &clauses.join(&b", "[..])].concat()
}

/// Makes the foreign keys that `target` does not have yet, in one ALTER. `renamed` gives the new name of a schema
/// that a key refers to, if it has one; only keys that are `wanted` are made. The session must have `foreign_key_checks=0`; rows
/// are not looked at.
pub async fn add_foreign_keys(
    session: &mut Session,
    table: &Table,
    target: &QualifiedName,
    renamed: &(dyn Fn(&str) -> Option<String> + Sync),
    wanted: &(dyn Fn(&ForeignKey) -> bool + Sync),
) -> Result<KeysMade, LoadError> {
    let mut done = KeysMade::default();
    let missing = foreign_keys_missing(session, table, target, wanted).await?;
    if missing.is_empty() {
        return Ok(done);
    }
    let clauses: Vec<_> = missing
        .iter()
        .map(|key| [b"ADD ".to_vec(), ddl::rename_schema_in_foreign_key(&key.definition, renamed)].concat())
        .collect();
    let sql = [format!("ALTER TABLE {} ", target.sql()).as_bytes(), &clauses.join(&b", "[..])].concat();
    // A reference without a schema is one to the current schema.
    session.execute(format!("USE {}", quote(&target.schema))).await?;
    done.made = missing.iter().map(|key| key.name.clone()).collect();
    let what = format!("foreign key {} of table {target}", done.made.join(", "));
    let result = define(session, sql).await.map_err(LoadError::refused(&what))?;
    if result.warnings > 0 {
        done.notes = warnings(session, &what).await?;
    }
    Ok(done)
}

/// The foreign keys that are `wanted` and that `target` does not have yet.
pub async fn foreign_keys_missing(
    session: &mut Session,
    table: &Table,
    target: &QualifiedName,
    wanted: &(dyn Fn(&ForeignKey) -> bool + Sync),
) -> Result<Vec<ForeignKey>, LoadError> {
    let mut keys = cut(table)?.foreign_keys;
    keys.retain(wanted);
    if keys.is_empty() {
        return Ok(keys);
    }
    let present = names(session, FOREIGN_KEYS, target).await?;
    keys.retain(|key| !present.contains(&key.name));
    Ok(keys)
}

const INDEXES: &str = "SELECT DISTINCT INDEX_NAME FROM information_schema.statistics WHERE TABLE_SCHEMA =";
const FOREIGN_KEYS: &str =
    "SELECT CONSTRAINT_NAME FROM information_schema.referential_constraints WHERE CONSTRAINT_SCHEMA =";

/// What the table has by now. `select` ends where the schema's name is compared.
async fn names(session: &mut Session, select: &str, target: &QualifiedName) -> Result<HashSet<String>, ServerError> {
    let (schema, table) = (literal(&target.schema), literal(&target.name));
    let rows = session.query(format!("{select} {schema} AND TABLE_NAME = {table}")).await?;
    Ok(rows.iter().map(|row| row.text(0)).collect())
}
