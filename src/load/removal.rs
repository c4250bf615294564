//! What a broken-off run has left on the target, and its removal: `restore --abort`.
//!
//! Comes in: a session that holds the run's lock. Goes out: names of what was removed and of what was kept. Only what the
//! ledger says the run made is dropped; a schema that holds anything else stays with that. The ledger goes last, so a removal
//! that was cut off can be given again.

use super::error::LoadError;
use super::ledger::{self, AccountState, Collations, PROVED, SCHEMA, TABLE, USABLE};
use super::objects;
use super::schema::{define, put_collation_back};
use crate::schema::identifier::{literal, quote};
use crate::schema::{Account, QualifiedName};
use crate::server::inspect::LEDGER_SCHEMA;
use crate::server::inspect::ledger::{contents, of_this_server, some_of, unseen};
use crate::server::rights::Rights;
use crate::server::{ServerError, Session};
use std::collections::{BTreeMap, BTreeSet};

/// What a run has left, as its ledger tells.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// The backup that it restored; none where the ledger itself was not finished.
    pub backup: Option<String>,
    /// Its statements stand in the target's binary log; so must the removal.
    pub logged: bool,
    made: Vec<(String, QualifiedName)>,
    accounts: Vec<(Account, AccountState)>,
    collations: BTreeMap<String, Collations>,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// What was there and is gone, as `table shop.orders`.
    pub removed: Vec<String>,
    /// What stays, and why.
    pub kept: Vec<String>,
    /// Tables among those removed that could be used: what was written to them since goes too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub usable: Vec<String>,
}

/// Kinds in the order of their removal, each with its word in SQL: events and triggers could fire, and a table
/// goes after what reads it.
const ORDER: [(&str, &str); 8] = [
    ("event", "EVENT"),
    (TRIGGER, "TRIGGER"),
    ("view", "VIEW"),
    ("procedure", "PROCEDURE"),
    ("function", "FUNCTION"),
    ("package body", "PACKAGE BODY"),
    ("package", "PACKAGE"),
    (TABLE, "TABLE"),
];

const TRIGGER: &str = "trigger";

/// The ledger, in the list of what was removed.
const THE_LEDGER: &str = "schema myriad_restore";

/// How long a drop waits for somebody who uses the thing, in seconds.
const LOCK_WAIT_SECONDS: u64 = 10;

/// Reads the ledger; none where the target holds none.
///
/// # Errors
/// It is of a restore onto another server, or the schema of its name is somebody else's.
pub async fn traces(session: &mut Session) -> Result<Option<Traces>, LoadError> {
    let Some(tables) = of_this_server(session).await? else { return Ok(None) };
    let mut traces = Traces { logged: ledger::began_logged(session).await?, ..Traces::default() };
    if !tables.contains("run") {
        return Ok(Some(traces));
    }
    let Some(row) = session.query_first(format!("SELECT backup, logged FROM {LEDGER_SCHEMA}.run")).await? else {
        return Ok(Some(traces));
    };
    traces.backup = Some(row.text(0));
    traces.logged = row.number(1) == 1;
    traces.made = ledger::made(session).await?;
    traces.accounts = ledger::accounts(session).await?;
    traces.collations = ledger::collations(session).await?;
    Ok(Some(traces))
}

/// Tables of a run, whichever it is, that can be used; none where the target holds no ledger.
pub async fn usable(session: &mut Session) -> Result<Vec<String>, LoadError> {
    match traces(session).await? {
        Some(traces) => Ok(traces.plan(session).await?.usable),
        None => Ok(Vec::new()),
    }
}

impl Traces {
    /// What [`Traces::remove`] would do, without doing it.
    pub async fn plan(&self, session: &mut Session) -> Result<Removed, LoadError> {
        let mut plan = Removed::default();
        let mut there = BTreeSet::new();
        for schema in self.schemas() {
            there.extend(present(session, schema).await?);
        }
        let stand_ins = objects::stand_ins(session, &self.schemas()).await?;
        for (kind, name) in stand_ins {
            there.remove(&(kind.to_owned(), name));
        }
        for (kind, _) in ORDER {
            for name in self.of_kind(kind) {
                let what = format!("{kind} {name}");
                if there.remove(&(kind.to_owned(), name.clone())) {
                    plan.removed.push(what);
                } else if kind == "view" && there.contains(&(TABLE.to_owned(), name.clone())) {
                    plan.kept.push(kept_view(&what));
                }
            }
        }
        let rights = Rights::read(session).await?;
        for name in self.of_kind(SCHEMA).filter(|name| there.contains(&(SCHEMA.to_owned(), (*name).clone()))) {
            let others = there.iter().filter(|(kind, other)| {
                other.schema == name.schema && kind.as_str() != SCHEMA && kind.as_str() != TRIGGER
            });
            let others: Vec<_> = others.map(|(kind, other)| format!("{kind} {}", other.name)).collect();
            match kept_schema(session, &rights, &name.schema, &others).await? {
                Some(kept) => plan.kept.push(kept),
                None => plan.removed.push(format!("schema {}", name.schema)),
            }
        }
        for (account, state) in &self.accounts {
            match state {
                AccountState::Made if is_there(session, account).await? => plan.removed.push(format!("user {account}")),
                AccountState::Made => {}
                state => plan.kept.push(kept_user(account, *state)),
            }
        }
        plan.removed.push(THE_LEDGER.into());
        plan.usable = self.usable(&plan.removed);
        Ok(plan)
    }

    /// Drops everything, the ledger at last.
    pub async fn remove(&self, session: &mut Session) -> Result<Removed, LoadError> {
        let mut done = Removed::default();
        session.execute(format!("SET SESSION lock_wait_timeout={LOCK_WAIT_SECONDS}")).await?;
        // Tables and functions that stood in for what a view reads.
        objects::drop_stand_ins(session, &self.schemas()).await?;
        for (kind, word) in ORDER {
            for name in self.of_kind(kind) {
                let what = format!("{kind} {name}");
                drop_one(session, &format!("DROP {word} IF EXISTS {}", name.sql()), what, &mut done).await?;
            }
        }
        for (schema, collations) in &self.collations {
            put_collation_back(session, schema, collations).await?;
        }
        self.remove_schemas(session, &mut done).await?;
        for (account, state) in &self.accounts {
            match state {
                AccountState::Made => {
                    let sql = format!("DROP USER IF EXISTS {}", account.sql());
                    drop_one(session, &sql, format!("user {account}"), &mut done).await?;
                }
                state => done.kept.push(kept_user(account, *state)),
            }
        }
        done.usable = self.usable(&done.removed);
        match ledger::remove(session).await?.as_slice() {
            [] => done.removed.push(THE_LEDGER.into()),
            others => done.kept.push(format!("{THE_LEDGER}: it holds {}, which is of others", some_of(others))),
        }
        Ok(done)
    }

    async fn remove_schemas(&self, session: &mut Session, done: &mut Removed) -> Result<(), LoadError> {
        let rights = Rights::read(session).await?;
        for name in self.of_kind(SCHEMA) {
            let others = contents(session, &name.schema).await?;
            let others: Vec<_> = others.iter().map(|(kind, other)| format!("{kind} {other}")).collect();
            match kept_schema(session, &rights, &name.schema, &others).await? {
                Some(kept) => done.kept.push(kept),
                None => {
                    let sql = format!("DROP DATABASE IF EXISTS {}", quote(&name.schema));
                    drop_one(session, &sql, format!("schema {}", name.schema), done).await?;
                }
            }
        }
        Ok(())
    }

    /// Those among the tables in a list of things that the ledger calls usable.
    fn usable(&self, removed: &[String]) -> Vec<String> {
        let names: BTreeSet<&QualifiedName> = self.of_kind(USABLE).chain(self.of_kind(PROVED)).collect();
        let names = names.into_iter().map(ToString::to_string);
        names.filter(|name| removed.contains(&format!("{TABLE} {name}"))).collect()
    }

    /// All schemas in which the run made anything.
    fn schemas(&self) -> Vec<&str> {
        let schemas: BTreeSet<&str> = self.made.iter().map(|(_, name)| name.schema.as_str()).collect();
        schemas.into_iter().collect()
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &QualifiedName> {
        self.made.iter().filter(move |(made, _)| made == kind).map(|(_, name)| name)
    }
}

fn kept_view(what: &str) -> String {
    format!("{what}: there is a table of this name, which the run did not make")
}

/// Why a schema that the run made stays, where it does: it holds things of `others`, or may hold some.
async fn kept_schema(
    session: &mut Session,
    rights: &Rights,
    schema: &str,
    others: &[String],
) -> Result<Option<String>, ServerError> {
    if !others.is_empty() {
        return Ok(Some(format!("schema {schema}: it holds {}, which the run did not make", some_of(others))));
    }
    let unseen = unseen(session, rights, schema).await?;
    Ok(match unseen.is_empty() {
        true => None,
        false => Some(format!(
            "schema {schema}: this account is shown no {} there, so that it may hold what the run did not make",
            unseen.join(" and no ")
        )),
    })
}

fn kept_user(account: &Account, state: AccountState) -> String {
    let now = match state {
        AccountState::Replacing => "may be half way to that of the backup, without its rights",
        _ => "is that of the backup now",
    };
    format!("user {account}: it was there before, and {now} (--existing-users replace)")
}

/// Drops a thing. What is not there is not told; what is of another kind by now was made by somebody else and stays.
async fn drop_one(session: &mut Session, sql: &str, what: String, done: &mut Removed) -> Result<(), LoadError> {
    match define(session, sql).await {
        Ok(result) if result.warnings > 0 => {}
        Ok(_) => done.removed.push(what),
        // No schema, trigger or routine of that name; a table under the name of a view.
        Err(error) if matches!(error.code(), Some(1049 | 1347 | 1360 | 1305)) => {
            if error.code() == Some(1347) {
                done.kept.push(kept_view(&what));
            }
        }
        Err(source) if source.code().is_some() => return Err(LoadError::NotRemoved { what, source: Box::new(source) }),
        Err(source) => return Err(source.into()),
    }
    Ok(())
}

/// What a schema holds, and the schema itself, by kinds as the ledger has them; nothing where it is not there.
async fn present(session: &mut Session, schema: &str) -> Result<Vec<(String, QualifiedName)>, ServerError> {
    let there = format!("SELECT 1 FROM information_schema.schemata WHERE SCHEMA_NAME = {}", literal(schema));
    if session.query(there).await?.is_empty() {
        return Ok(Vec::new());
    }
    let mut present = vec![(SCHEMA.to_owned(), QualifiedName::new(schema, ""))];
    let held = contents(session, schema).await?;
    present.extend(held.into_iter().map(|(kind, name)| (kind, QualifiedName::new(schema, name))));
    let sql = "SELECT TRIGGER_NAME FROM information_schema.triggers WHERE TRIGGER_SCHEMA";
    let triggers = session.query(format!("{sql} = {}", literal(schema))).await?;
    present.extend(triggers.iter().map(|row| (TRIGGER.to_owned(), QualifiedName::new(schema, row.text(0)))));
    Ok(present)
}

/// True also where this account may not look.
async fn is_there(session: &mut Session, account: &Account) -> Result<bool, ServerError> {
    let (user, host) = (literal(&account.user), literal(&account.host));
    match session.query(format!("SELECT 1 FROM mysql.user WHERE User = {user} AND Host = {host}")).await {
        Err(error) if matches!(error.code(), Some(1044 | 1142)) => Ok(true),
        other => Ok(!other?.is_empty()),
    }
}
