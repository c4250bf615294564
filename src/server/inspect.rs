//! Reads the definitions of a whole server: schemas, tables with typed columns and keys, and everything beside tables.
//!
//! Comes in: a session and what is wanted. Goes out: [`Inspected`], whose nouns are written into the backup. A few
//! queries on information_schema serve all tables of a batch of schemas; only the exact texts (`SHOW CREATE …`) are
//! asked one by one. What exists and is not taken is named in [`NotTaken`], never passed over in silence.

pub mod accounts;
mod beside;
mod columns;
pub mod ledger;
mod objects;
mod rights;
mod tables;

use super::error::ServerError;
use super::facts::session_variables;
use super::session::{READER_SETUP, Session};
use crate::schema::account::AccountDefinition;
use crate::schema::identifier::{literal, quote};
use crate::schema::{Schema, SqlText};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Tells what is wanted: `(schema, None)` asks whether anything of the schema is, `(schema, Some(name))` whether this
/// table or view is. Routines and events belong to their schema, triggers to their table.
pub type Wanted<'a> = dyn Fn(&str, Option<&str>) -> bool + Sync + 'a;

/// All definitions that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// The schemas, by name.
    pub schemas: Vec<Schema>,
    /// Users and roles; empty where they were not asked for.
    pub accounts: Vec<AccountDefinition>,
    /// What exists and is not in `schemas`, or not in full.
    pub not_taken: Vec<NotTaken>,
}

/// Something that exists on the server and that a backup does not hold, or holds without its rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotTaken {
    /// What it is: `table`, `view`, `users`, `tablespace`, …
    pub kind: String,
    /// Its name, `schema.name` where it has a schema; empty for a count.
    pub name: String,
    /// Why, for people.
    pub why: String,
}

impl NotTaken {
    fn new(kind: &str, name: impl Into<String>, why: impl Into<String>) -> Self {
        NotTaken { kind: kind.to_owned(), name: name.into(), why: why.into() }
    }
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => write!(f, "{}: {}", self.kind, self.why),
            name => write!(f, "{} {name}: {}", self.kind, self.why),
        }
    }
}

/// The kind under which users and roles are named where they are not taken.
pub const USERS: &str = "users";

/// The schema that holds the state of a running restore: never backed up.
pub const LEDGER_SCHEMA: &str = "myriad_restore";

/// Schemas that belong to the server itself or to this program.
pub const SYSTEM_SCHEMAS: [&str; 5] = ["mysql", "sys", "performance_schema", "information_schema", LEDGER_SCHEMA];

/// Whether a schema belongs to the server itself or to this program.
pub fn is_system_schema(name: &str) -> bool {
    SYSTEM_SCHEMAS.iter().any(|system| name.eq_ignore_ascii_case(system))
}

/// What `information_schema.tables.TABLE_TYPE` says of a table with rows of its own: the second and the third are
/// MariaDB's.
pub const TABLE_TYPES: [&str; 3] = ["BASE TABLE", "SYSTEM VERSIONED", "SEQUENCE"];

/// The condition for rows of `information_schema.tables` that are such tables.
pub const IS_TABLE: &str = "TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')";

/// Schemas asked for in one query: enough that a server with thousands of small schemas needs few queries.
const SCHEMAS_PER_QUERY: usize = 500;

/// Reads the definitions of everything that is wanted. The session must have gone through [`setup_reader`]; its
/// current schema is another one afterwards. `with_objects`: also views, routines, triggers, events. What the server
/// holds beside its schemas is listed in any case.
pub async fn inspect(session: &mut Session, wanted: &Wanted<'_>, with_objects: bool) -> Result<Inspected, ServerError> {
    let mut inspected = Inspected::default();
    let rows = session.query("SELECT SCHEMA_NAME FROM information_schema.schemata").await?;
    let mut names: Vec<_> = rows.iter().map(|row| row.text(0)).collect();
    names.retain(|name| !is_system_schema(name) && wanted(name, None));
    names.sort();
    let server = tables::Dictionary::of(session).await?;
    for batch in names.chunks(SCHEMAS_PER_QUERY) {
        let mut found = tables::read(session, &server, batch, wanted, &mut inspected.not_taken).await?;
        let mut objects = match with_objects {
            true => objects::read(session, batch, wanted, &mut inspected.not_taken).await?,
            false => Default::default(),
        };
        for name in batch {
            let row = session.query_first(format!("SHOW CREATE DATABASE {}", quote(name))).await?;
            let create = SqlText(row.map(|row| row.bytes(1)).unwrap_or_default());
            inspected.schemas.push(Schema {
                name: name.clone(),
                create,
                tables: found.remove(name).unwrap_or_default(),
                objects: objects.remove(name).unwrap_or_default(),
            });
        }
    }
    match with_objects {
        true => rights::read(session, &names, &mut inspected.not_taken).await?,
        false => {
            let why = "views, routines, triggers and events were left out (--no-objects)";
            inspected.not_taken.push(NotTaken::new("objects", "", why));
        }
    }
    beside::read(session, wanted, &mut inspected.not_taken).await?;
    inspected.not_taken.sort();
    Ok(inspected)
}

/// Settings that make SHOW CREATE exact and estimates current, each where the server knows it. Seen on MySQL 9.7.4:
/// without the second one a generated invisible primary key is missing from the text, with
/// `show_create_table_verbosity` defaults are added to it, without the hexadecimal form a password hash holds raw
/// control bytes.
const READER_OPTIONAL: &[(&str, &str)] = &[
    ("show_create_table_verbosity", "0"),
    ("show_gipk_in_create_table_and_information_schema", "1"),
    ("show_create_table_skip_secondary_engine", "0"),
    ("information_schema_stats_expiry", "0"),
    ("print_identified_with_as_hex", "1"),
];

const ISOLATION: &str = "transaction_isolation";

/// The statements that set up a session which reads definitions or rows, for this server: the settings of every
/// reader, and those of the rest that the server knows. The same list serves raw sessions.
pub async fn reader_statements(session: &mut Session) -> Result<Vec<String>, ServerError> {
    let mut names: Vec<_> = READER_OPTIONAL.iter().map(|(name, _)| *name).collect();
    names.push(ISOLATION);
    let known = session_variables(session, &names).await?;
    // MariaDB before 11.1 has the variable under its old name only.
    let of_every_reader = match known.contains_key(ISOLATION) {
        true => READER_SETUP.to_owned(),
        false => READER_SETUP.replace(ISOLATION, "tx_isolation"),
    };
    let settings: Vec<_> = READER_OPTIONAL
        .iter()
        .filter(|(name, _)| known.contains_key(*name))
        .map(|(name, value)| format!("SESSION {name}={value}"))
        .collect();
    let mut statements = vec![of_every_reader];
    if !settings.is_empty() {
        statements.push(format!("SET {}", settings.join(", ")));
    }
    Ok(statements)
}

/// Sets up a session for [`inspect`] and for reading rows.
pub async fn setup_reader(session: &mut Session) -> Result<(), ServerError> {
    for statement in reader_statements(session).await? {
        session.execute(statement).await?;
    }
    Ok(())
}

/// `('a', 'b')` of schema names.
fn schema_list(names: &[String]) -> String {
    let list: Vec<_> = names.iter().map(|name| literal(name)).collect();
    format!("({})", list.join(", "))
}
