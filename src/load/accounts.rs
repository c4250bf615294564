//! Users and roles on the target: made before anything that they define, given their grants once what these name exists.
//!
//! Comes in: definitions of the backup and a session set up for writing. Goes out: what was made, and what the target
//! refused, in its own words. Texts hold password hashes: they are sent, and shown nowhere.

use super::error::LoadError;
use super::ledger::{self, AccountState};
use crate::schema::Account;
use crate::schema::account::AccountDefinition;
use crate::schema::account_text::{Grant, cut_default_roles, with_second_password};
use crate::schema::identifier::literal;
use crate::server::{ServerError, Session};

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
    /// Another account, which becomes that of the backup. It is changed, not dropped: what the target refuses leaves it as it
    /// was, and accounts that have it as a role keep it.
    Replaced,
}

/// Makes an account without its grants and default roles. Returns why the target refused it, where it did.
pub async fn create(session: &mut Session, account: &MakeAccount<'_>) -> Result<Option<String>, LoadError> {
    let AccountDefinition { name, create, second_password, .. } = account.definition;
    let text = cut_default_roles(&create.0).create;
    let mut statements = match second_password.as_ref().and_then(|second| with_second_password(&text, second)) {
        Some(two) => two.into_iter().collect(),
        None => vec![text],
    };
    match account.present {
        Present::Nothing => {
            ledger::account_is(session, name, AccountState::Made).await?;
            return made(session, name, &statements).await;
        }
        // ALTER USER refuses the anonymous one its own password options (3016, seen on 9.7.4).
        Present::Replaced if name.user.is_empty() => {
            // Recorded only once the old one is gone: what is recorded is changed, and would keep what the old one had.
            if let Some(why) = run(session, name, &[format!("DROP USER {}", name.sql()).into_bytes()]).await? {
                return Ok(Some(why));
            }
            ledger::account_is(session, name, AccountState::Replaced).await?;
            return made(session, name, &statements).await;
        }
        Present::Ours => statements = statements.into_iter().map(as_alter).collect(),
        Present::Replaced => {
            statements = statements.into_iter().map(as_alter).collect();
            ledger::account_is(session, name, AccountState::Replacing).await?;
            // Only once the target has taken it whole is anything of the old account taken away.
            if let Some(why) = run(session, name, &statements[..1]).await? {
                ledger::forget_account(session, name).await?;
                return Ok(Some(format!("{why}; the target's own account was left as it was")));
            }
            let mut kept = Vec::new();
            for statement in emptied(session, name).await? {
                kept.extend(run(session, name, &[statement]).await?);
            }
            if !kept.is_empty() {
                return Ok(Some(format!("{}; the account keeps what it had there", kept.join("; "))));
            }
            ledger::account_is(session, name, AccountState::Replaced).await?;
        }
    }
    run(session, name, &statements).await
}

/// Makes an account that was recorded just before. Where it is refused, whoever makes it from here on is not the run.
async fn made(session: &mut Session, name: &Account, statements: &[Vec<u8>]) -> Result<Option<String>, LoadError> {
    if let Some(why) = run(session, name, &statements[..1]).await? {
        ledger::forget_account(session, name).await?;
        return Ok(Some(why));
    }
    run(session, name, &statements[1..]).await
}

async fn run(session: &mut Session, name: &Account, statements: &[Vec<u8>]) -> Result<Option<String>, LoadError> {
    for statement in statements {
        match session.execute_secret(statement, &format!("(that makes account {name})")).await {
            Ok(_) => {}
            Err(error) if error.code().is_some() => return Ok(Some(format!("user {name}: {error}"))),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Statements that take from an account what ALTER USER would keep: second password, attributes, rights, roles, proxies.
async fn emptied(session: &mut Session, name: &Account) -> Result<Vec<Vec<u8>>, LoadError> {
    let account = name.sql();
    let (user, host) = (literal(&name.user), literal(&name.host));
    let mut statements = vec![
        format!("ALTER USER {account} DISCARD OLD PASSWORD"),
        // Of these SHOW CREATE USER says nothing where they are not set.
        format!(
            "ALTER USER {account} WITH MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0 \
             MAX_USER_CONNECTIONS 0 FAILED_LOGIN_ATTEMPTS 0 PASSWORD_LOCK_TIME 0"
        ),
        format!("ALTER USER {account} DEFAULT ROLE NONE"),
        format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {account}"),
    ];
    let keys = format!(
        "SELECT JSON_QUOTE(k.name) FROM information_schema.user_attributes a, JSON_TABLE(JSON_KEYS(a.ATTRIBUTE), '$[*]' COLUMNS(name LONGTEXT PATH '$')) k \
         WHERE a.USER = {user} AND a.HOST = {host}"
    );
    let keys: Vec<_> = session.query(keys).await?.iter().map(|row| format!("{}: null", row.text(0))).collect();
    if !keys.is_empty() {
        let nothing = literal(&format!("{{{}}}", keys.join(", ")));
        statements.push(format!("ALTER USER {account} ATTRIBUTE {nothing}"));
    }
    let roles =
        format!("SELECT FROM_USER, FROM_HOST FROM mysql.role_edges WHERE TO_USER = {user} AND TO_HOST = {host}");
    let proxied =
        format!("SELECT Proxied_user, Proxied_host FROM mysql.proxies_priv WHERE User = {user} AND Host = {host}");
    for row in session.query(roles).await? {
        statements.push(format!("REVOKE {} FROM {account}", Account::new(row.text(0), row.text(1)).sql()));
    }
    for row in session.query(proxied).await? {
        statements.push(format!("REVOKE PROXY ON {} FROM {account}", Account::new(row.text(0), row.text(1)).sql()));
    }
    Ok(statements.into_iter().map(String::into_bytes).collect())
}

/// What exists is brought to the same state by the same clauses.
fn as_alter(statement: Vec<u8>) -> Vec<u8> {
    let Some(rest) = statement.strip_prefix(b"CREATE ") else { return statement };
    let mut alter = [b"ALTER ", rest].concat();
    // A plugin without a password makes the account's password expire in ALTER USER, but not in CREATE USER.
    for plugin in ["caching_sha2_password", "mysql_native_password", "sha256_password"] {
        let bare = format!(" IDENTIFIED WITH '{plugin}' REQUIRE ");
        if let Some(at) = memchr::memmem::find(&alter, bare.as_bytes()) {
            let by = at + bare.len() - " REQUIRE ".len();
            alter.splice(by..by, *b" BY ''");
        }
    }
    alter
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

/// Accounts that have a grant (or a revoke) of some kind.
pub fn with_grants<'a>(
    definitions: impl Iterator<Item = &'a AccountDefinition>,
    of_kind: impl Fn(&Grant<'_>) -> bool,
) -> Vec<String> {
    let has = |d: &&AccountDefinition| d.grants.iter().any(|g| Grant::parse(&g.0).is_some_and(|grant| of_kind(&grant)));
    definitions.filter(has).map(|definition| definition.name.to_string()).collect()
}
