//! Users and roles on the target: made before anything that they define, given their grants once what these name exists.
//!
//! Comes in: definitions of the backup and a session set up for writing. Goes out: what was made, and what the target
//! refused, in its own words. Texts hold password hashes: they are sent, and shown nowhere.

use super::error::LoadError;
use super::ledger;
use crate::schema::Account;
use crate::schema::account::AccountDefinition;
use crate::schema::account_text::{Grant, cut_default_roles, with_second_password};
use crate::server::{ServerError, Session};
use std::collections::BTreeSet;

/// An account to be made.
pub struct MakeAccount<'a> {
    /// What it is in the backup.
    pub definition: &'a AccountDefinition,
    /// What the target has under its name.
    pub present: Present,
}

/// What the target has under an account's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Present {
    /// Nothing.
    Nothing,
    /// What an earlier try of this run began to make.
    Ours,
    /// Another account, which is dropped first.
    Replaced,
}

/// Makes an account without its grants and default roles. Returns why the target refused it, where it did.
pub async fn create(session: &mut Session, account: &MakeAccount<'_>) -> Result<Option<String>, LoadError> {
    let AccountDefinition { name, create, second_password, .. } = account.definition;
    let text = cut_default_roles(&create.0).create;
    let mut statements = Vec::new();
    if account.present == Present::Replaced {
        statements.push(format!("DROP USER {}", name.sql()).into_bytes());
    }
    match second_password.as_ref().and_then(|second| with_second_password(&text, second)) {
        Some(two) => statements.extend(two),
        None => statements.push(text),
    }
    ledger::account_begun(session, name).await?;
    for mut statement in statements {
        if account.present == Present::Ours {
            statement = as_alter(statement);
        }
        match session.execute_secret(&statement, &format!("(that makes account {name})")).await {
            Ok(_) => {}
            Err(error) if error.code().is_some() => return Ok(Some(format!("user {name}: {error}"))),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// What exists is brought to the same state by the same clauses.
fn as_alter(statement: Vec<u8>) -> Vec<u8> {
    match statement.strip_prefix(b"CREATE ") {
        Some(rest) => [b"ALTER ", rest].concat(),
        None => statement,
    }
}

/// Grants on their way.
#[derive(Default)]
pub struct Granting {
    /// Statements of grants on things that did not exist at the first try.
    waiting: Vec<(Account, Vec<u8>)>,
    /// What the target refused: account, right, its words.
    pub refused: Vec<String>,
}

impl Granting {
    /// Gives all grants of an account that can be given by now. `renamed` tells the new name of a schema.
    pub async fn give(
        &mut self,
        session: &mut Session,
        definition: &AccountDefinition,
        renamed: &(dyn Fn(&str) -> Option<String> + Sync),
    ) -> Result<(), LoadError> {
        for line in &definition.grants {
            let Some(grant) = Grant::parse(&line.0) else {
                self.refused.push(format!("{}: a line of its grants is not understood", definition.name));
                continue;
            };
            let statement = grant.renamed(renamed);
            match session.execute(&statement).await {
                Ok(_) => {}
                Err(error) if missing(&error) => self.waiting.push((definition.name.clone(), statement)),
                Err(error) if error.code().is_some() => {
                    self.one_by_one(session, &definition.name, &statement, error).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Tries again what named something that did not exist: routines and views are there by now.
    pub async fn give_waiting(&mut self, session: &mut Session) -> Result<(), LoadError> {
        for (account, statement) in std::mem::take(&mut self.waiting) {
            match session.execute(&statement).await {
                Ok(_) => {}
                Err(error) if error.code().is_some() => {
                    self.one_by_one(session, &account, &statement, error).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Sets default roles; each must exist and be granted by now.
    pub async fn set_default_roles(
        &mut self,
        session: &mut Session,
        definition: &AccountDefinition,
    ) -> Result<(), LoadError> {
        let Some(roles) = cut_default_roles(&definition.create.0).default_roles else { return Ok(()) };
        let sql = format!("ALTER USER {} DEFAULT ROLE {}", definition.name.sql(), String::from_utf8_lossy(&roles));
        match session.execute(sql).await {
            Ok(_) => {}
            Err(error) if error.code().is_some() => self.refused.push(format!("{}: {error}", definition.name)),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn one_by_one(
        &mut self,
        session: &mut Session,
        account: &Account,
        statement: &[u8],
        error: ServerError,
    ) -> Result<(), LoadError> {
        let Some(alone) = Grant::parse(statement).and_then(|grant| grant.one_by_one()) else {
            self.refused.push(format!("{account}: {error}"));
            return Ok(());
        };
        let mut refused: Vec<String> = Vec::new();
        let mut last = error;
        for (right, statement) in alone {
            match session.execute(&statement).await {
                Ok(_) => {}
                Err(error) if error.code().is_some() => {
                    refused.push(right);
                    last = error;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if !refused.is_empty() {
            self.refused.push(format!("{account}: {} ({last})", refused.join(", ")));
        }
        Ok(())
    }
}

/// A table, column or routine that is not there, or not yet.
fn missing(error: &ServerError) -> bool {
    matches!(error.code(), Some(1054 | 1146 | 1305))
}

/// Accounts of the backup with partial revokes, which need `partial_revokes=ON`.
pub fn with_partial_revokes<'a>(definitions: impl Iterator<Item = &'a AccountDefinition>) -> BTreeSet<String> {
    let revokes =
        |d: &&AccountDefinition| d.grants.iter().any(|g| Grant::parse(&g.0).is_some_and(|grant| grant.revokes()));
    definitions.filter(revokes).map(|definition| definition.name.to_string()).collect()
}
