//! What a broken-off run has left on the target, and its removal: `restore --abort`.
//!
//! Comes in: a session that holds the run's lock. Goes out: names of what was removed and of what was kept. Only what the
//! ledger says the run made is dropped; a schema that holds anything else stays with that. The ledger goes last, so a removal
//! that was cut off can be given again.

use super::error::LoadError;
use super::ledger::{self, SCHEMA, TABLE};
use super::objects;
use super::schema::{define, put_collation_back};
use crate::schema::identifier::{literal, quote};
use crate::schema::{Account, QualifiedName};
use crate::server::inspect::LEDGER_SCHEMA;
use crate::server::{ServerError, Session};
use std::collections::BTreeSet;

/// What a run has left, as its ledger tells.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// The backup that it restored; none where the ledger itself was not finished.
    pub backup: Option<String>,
    /// Its statements stand in the target's binary log; so must the removal.
    pub logged: bool,
    made: Vec<(String, QualifiedName)>,
    accounts: Vec<(Account, bool)>,
    collations: Vec<(String, String)>,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// What was there and is gone, as `table shop.orders`.
    pub removed: Vec<String>,
    /// What stays, and why.
    pub kept: Vec<String>,
}

/// Kinds in the order of their removal, each with its word in SQL: events and triggers could fire, and a table
/// goes after what reads it.
const ORDER: [(&str, &str); 8] = [
    ("event", "EVENT"),
    ("trigger", "TRIGGER"),
    ("view", "VIEW"),
    ("procedure", "PROCEDURE"),
    ("function", "FUNCTION"),
    ("package body", "PACKAGE BODY"),
    ("package", "PACKAGE"),
    (TABLE, "TABLE"),
];

/// How long a drop waits for somebody who uses the thing, in seconds.
const LOCK_WAIT_SECONDS: u64 = 10;

/// Reads the ledger; none where the target holds none.
pub async fn traces(session: &mut Session) -> Result<Option<Traces>, ServerError> {
    let tables = format!("SELECT TABLE_NAME FROM information_schema.tables WHERE TABLE_SCHEMA = '{LEDGER_SCHEMA}'");
    let tables: BTreeSet<String> = session.query(tables).await?.iter().map(|row| row.text(0)).collect();
    let schema = format!("SELECT 1 FROM information_schema.schemata WHERE SCHEMA_NAME = '{LEDGER_SCHEMA}'");
    if session.query(schema).await?.is_empty() {
        return Ok(None);
    }
    let mut traces = Traces::default();
    if !tables.contains("run") {
        return Ok(Some(traces));
    }
    if let Some(row) = session.query_first(format!("SELECT backup, logged FROM {LEDGER_SCHEMA}.run")).await? {
        traces.backup = Some(row.text(0));
        traces.logged = row.number(1) == 1;
    }
    traces.made = ledger::made(session).await?;
    let accounts = format!("SELECT user_name, host_name, replaced FROM {LEDGER_SCHEMA}.account");
    let accounts = session.query(accounts).await?;
    traces.accounts = accounts.iter().map(|row| (Account::new(row.text(0), row.text(1)), row.number(2) == 1)).collect();
    let collations = format!("SELECT schema_name, collation_name FROM {LEDGER_SCHEMA}.collation");
    let collations = session.query(collations).await?;
    traces.collations = collations.iter().map(|row| (row.text(0), row.text(1))).collect();
    Ok(Some(traces))
}

impl Traces {
    /// What would be removed where it is there, and what would be kept.
    pub fn plan(&self) -> Removed {
        let mut plan = Removed::default();
        for (kind, _) in ORDER {
            plan.removed.extend(self.of_kind(kind).map(|name| format!("{kind} {name}")));
        }
        plan.removed.extend(self.of_kind(SCHEMA).map(|name| format!("schema {}", name.schema)));
        for (account, replaced) in &self.accounts {
            match replaced {
                false => plan.removed.push(format!("user {account}")),
                true => plan.kept.push(kept_user(account)),
            }
        }
        plan
    }

    /// Drops everything, the ledger at last.
    pub async fn remove(&self, session: &mut Session) -> Result<Removed, LoadError> {
        let mut done = Removed::default();
        session.execute(format!("SET SESSION lock_wait_timeout={LOCK_WAIT_SECONDS}")).await?;
        for (kind, word) in ORDER {
            if kind == TABLE {
                // Tables and functions that stood in for what a view reads.
                let schemas: BTreeSet<&str> = self.made.iter().map(|(_, name)| name.schema.as_str()).collect();
                objects::drop_stand_ins(session, &schemas.into_iter().collect::<Vec<_>>()).await?;
            }
            for name in self.of_kind(kind) {
                let what = format!("{kind} {name}");
                drop_one(session, &format!("DROP {word} IF EXISTS {}", name.sql()), what, &mut done).await?;
            }
        }
        for (schema, collation) in &self.collations {
            put_collation_back(session, schema, collation).await?;
        }
        for name in self.of_kind(SCHEMA) {
            let what = format!("schema {}", name.schema);
            match others(session, &name.schema).await?.as_slice() {
                [] => {
                    let sql = format!("DROP DATABASE IF EXISTS {}", quote(&name.schema));
                    drop_one(session, &sql, what, &mut done).await?;
                }
                others => done.kept.push(format!("{what}: it holds {}, which the run did not make", others.join(", "))),
            }
        }
        for (account, replaced) in &self.accounts {
            match replaced {
                false => {
                    let sql = format!("DROP USER IF EXISTS {}", account.sql());
                    drop_one(session, &sql, format!("user {account}"), &mut done).await?;
                }
                true => done.kept.push(kept_user(account)),
            }
        }
        ledger::remove(session).await?;
        Ok(done)
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &QualifiedName> {
        self.made.iter().filter(move |(made, _)| made == kind).map(|(_, name)| name)
    }
}

fn kept_user(account: &Account) -> String {
    format!("user {account}: it was there before, and is that of the backup now (--existing-users replace)")
}

/// Drops a thing. What is not there is not told; what is of another kind by now was made by somebody else and stays.
async fn drop_one(session: &mut Session, sql: &str, what: String, done: &mut Removed) -> Result<(), LoadError> {
    match define(session, sql).await {
        Ok(result) if result.warnings > 0 => {}
        Ok(_) => done.removed.push(what),
        // No schema, trigger or routine of that name; a table under the name of a view.
        Err(error) if matches!(error.code(), Some(1049 | 1347 | 1360 | 1305)) => {
            if error.code() == Some(1347) {
                done.kept.push(format!("{what}: there is a table of this name, which the run did not make"));
            }
        }
        Err(source) if source.code().is_some() => return Err(LoadError::NotRemoved { what, source: Box::new(source) }),
        Err(source) => return Err(source.into()),
    }
    Ok(())
}

/// Names of what a schema holds.
async fn others(session: &mut Session, schema: &str) -> Result<Vec<String>, ServerError> {
    let schema = literal(schema);
    let sql = format!(
        "SELECT CONCAT(LOWER(TABLE_TYPE), ' ', TABLE_NAME) FROM information_schema.tables WHERE TABLE_SCHEMA = {schema} \
         UNION ALL SELECT CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME) FROM information_schema.routines WHERE ROUTINE_SCHEMA = {schema} \
         UNION ALL SELECT CONCAT('event ', EVENT_NAME) FROM information_schema.events WHERE EVENT_SCHEMA = {schema} LIMIT 5"
    );
    Ok(session.query(sql).await?.iter().map(|row| row.text(0)).collect())
}
