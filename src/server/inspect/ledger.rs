//! Whether the schema `myriad_restore` of a server is the ledger of a restore, and of a restore onto this server: told by its
//! tables and their columns, since a user may have a schema of that name. Comes in: a session. Goes out: what the schema is,
//! or why it is not to be touched. Its rows are read elsewhere.

use super::LEDGER_SCHEMA;
use crate::error::{Exit, Explain};
use crate::schema::identifier::{literal, quote};
use crate::server::error::ServerError;
use crate::server::facts;
use crate::server::rights::Rights;
use crate::server::session::Session;
use std::collections::{BTreeMap, BTreeSet};

/// The tables of a ledger, each with its columns in their order.
pub const TABLES: [(&str, &str); 6] = [
    ("account", "user_name,host_name,replaced"),
    ("chunk", "table_number,n"),
    ("collation", "schema_name,collation_name,given"),
    ("made", "kind,schema_name,object_name"),
    ("run", "id,backup,manifest,scope,begun,logged,server"),
    ("setting", "n,name,found,given"),
];

/// The kind of everything with rows.
const TABLE: &str = "table";

/// Names in a message at most.
const NAMES_SHOWN: usize = 5;

/// What the schema of the ledger's name holds. Where nothing is foreign it is a ledger, made whole or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Tables of a ledger.
    pub ours: BTreeSet<String>,
    /// What a ledger does not hold, as `table orders`.
    pub foreign: Vec<String>,
}

/// Why a schema of the ledger's name cannot be used or removed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The session failed.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The schema is not ours.
    #[error(
        "the schema myriad_restore on {server} is not the ledger of a restore, or not that alone: it holds {holds}"
    )]
    Foreign {
        /// The server.
        server: String,
        /// What it holds, as `table orders`.
        holds: String,
    },
    /// The ledger was made on another server.
    #[error(
        "the ledger myriad_restore on {server} is of a restore onto another server ({made_on}; this one is {identity})"
    )]
    OtherServer {
        /// The server.
        server: String,
        /// Identity of the one that the restore went to.
        made_on: String,
        /// Identity of this one.
        identity: String,
    },
}

impl Explain for LedgerError {
    fn exit(&self) -> Exit {
        match self {
            LedgerError::Server(source) => source.exit(),
            LedgerError::Foreign { .. } => Exit::TargetNotEmpty,
            LedgerError::OtherServer { .. } => Exit::TargetInUse,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            LedgerError::Server(source) => return source.hint(),
            LedgerError::Foreign { .. } => {
                "nothing was changed; a restore keeps its state in a schema of this name: move what is there to another one".into()
            }
            LedgerError::OtherServer { .. } => {
                "nothing was changed; it came by replication or with a copy of the data directory: use the server that it was made on; where there is no such restore any more, DROP SCHEMA myriad_restore here"
                    .into()
            }
        })
    }
}

/// What the schema holds; none where there is no such schema, or none for this account to see.
pub async fn look(session: &mut Session) -> Result<Option<Held>, ServerError> {
    let there = format!("SELECT 1 FROM information_schema.schemata WHERE SCHEMA_NAME = '{LEDGER_SCHEMA}'");
    if session.query(there).await?.is_empty() {
        return Ok(None);
    }
    let columns = columns(session).await?;
    let mut held = Held::default();
    for (kind, name) in contents(session, LEDGER_SCHEMA).await? {
        if kind == TABLE && is_ours(&name, &columns) {
            held.ours.insert(name);
        } else if kind == TABLE && TABLES.iter().any(|(own, _)| *own == name) {
            held.foreign.push(format!("table {name} with other columns"));
        } else {
            held.foreign.push(format!("{kind} {name}"));
        }
    }
    Ok(Some(held))
}

/// The tables of the ledger; none where there is no such schema.
///
/// # Errors
/// The schema is not ours, or the ledger is of a restore onto another server.
pub async fn of_this_server(session: &mut Session) -> Result<Option<BTreeSet<String>>, LedgerError> {
    let Some(Held { ours, foreign }) = look(session).await? else { return Ok(None) };
    if !foreign.is_empty() {
        return Err(LedgerError::Foreign { server: session.server().to_owned(), holds: some_of(&foreign) });
    }
    if ours.contains("run") {
        check_server(session).await?;
    }
    Ok(Some(ours))
}

/// Names for a message.
pub fn some_of(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMES_SHOWN)].join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Whether the table of settings is ours, whatever else the schema holds: what a restore has changed must be undone even where
/// others have put something beside its ledger.
///
/// # Errors
/// The ledger is of a restore onto another server.
pub async fn has_settings(session: &mut Session) -> Result<bool, LedgerError> {
    let columns = columns(session).await?;
    if !is_ours("setting", &columns) {
        return Ok(false);
    }
    if is_ours("run", &columns) {
        check_server(session).await?;
    }
    Ok(true)
}

/// Kind and name of what a schema holds, as this account sees it: tables, views, routines, events, libraries. Triggers hang on
/// tables.
pub async fn contents(session: &mut Session, schema: &str) -> Result<Vec<(String, String)>, ServerError> {
    let schema = literal(schema);
    let sql = format!(
        "SELECT IF(TABLE_TYPE = 'VIEW', 'view', '{TABLE}'), TABLE_NAME FROM information_schema.tables WHERE TABLE_SCHEMA = {schema} \
         UNION ALL SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME FROM information_schema.routines WHERE ROUTINE_SCHEMA = {schema} \
         UNION ALL SELECT 'event', EVENT_NAME FROM information_schema.events WHERE EVENT_SCHEMA = {schema}"
    );
    let mut held: Vec<_> = session.query(sql).await?.iter().map(|row| (row.text(0), row.text(1))).collect();
    let libraries = format!("SELECT LIBRARY_NAME FROM information_schema.libraries WHERE LIBRARY_SCHEMA = {schema}");
    match session.query(libraries).await {
        Ok(rows) => held.extend(rows.iter().map(|row| ("library".to_owned(), row.text(0)))),
        // No such table: on MySQL before 9.2, and on MariaDB.
        Err(error) if matches!(error.code(), Some(1109 | 1146)) => {}
        Err(error) => return Err(error),
    }
    Ok(held)
}

/// Kinds of things that a schema may hold unseen by this account. Whoever may drop the schema sees its tables and views.
pub async fn unseen(session: &mut Session, rights: &Rights, schema: &str) -> Result<Vec<&'static str>, ServerError> {
    let mut unseen = Vec::new();
    let of_routines = ["EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE"];
    let seen = rights.any(&["SELECT", "SHOW_ROUTINE"]);
    if !seen && !of_routines.iter().any(|right| rights.on_schema(right, schema)) {
        unseen.push("routines");
    }
    // Unlike information_schema, SHOW EVENTS tells a missing right from an empty answer.
    match session.query(format!("SHOW EVENTS FROM {}", quote(schema))).await {
        Err(error) if error.code() == Some(1044) => unseen.push("events"),
        // No such schema.
        Err(error) if error.code() == Some(1049) => {}
        other => drop(other?),
    }
    Ok(unseen)
}

async fn columns(session: &mut Session) -> Result<BTreeMap<String, String>, ServerError> {
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.columns WHERE TABLE_SCHEMA = '{LEDGER_SCHEMA}' \
         ORDER BY TABLE_NAME, ORDINAL_POSITION"
    );
    let mut columns: BTreeMap<String, String> = BTreeMap::new();
    for row in session.query(sql).await? {
        let list = columns.entry(row.text(0)).or_default();
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&row.text(1));
    }
    Ok(columns)
}

fn is_ours(table: &str, columns: &BTreeMap<String, String>) -> bool {
    TABLES.iter().any(|(name, own)| *name == table && columns.get(table).is_some_and(|found| found == own))
}

async fn check_server(session: &mut Session) -> Result<(), LedgerError> {
    let made_on = session.query_first(format!("SELECT server FROM {LEDGER_SCHEMA}.run")).await?;
    let identity = facts::identity(session).await?;
    match made_on.map(|row| row.text(0)) {
        Some(made_on) if made_on != identity => {
            Err(LedgerError::OtherServer { server: session.server().to_owned(), made_on, identity })
        }
        _ => Ok(()),
    }
}
