//! The accounts that a server has, as far as this account may look. Comes in: a session. Goes out: names; their
//! definitions and grants are [`super::inspect`]'s and go nowhere but into a backup. Changes nothing.

use super::error::ServerError;
use super::session::Session;
use crate::schema::Account;
use crate::schema::account_text::Grant;
use std::collections::HashSet;

/// Accounts that a server makes for itself; nobody logs in as one.
pub const OF_THE_SERVER: &[&str] = &["mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys"];

/// All users and roles but the server's own; none where this account may not look.
pub async fn list(session: &mut Session) -> Result<Option<Vec<Account>>, ServerError> {
    let own: Vec<_> = OF_THE_SERVER.iter().map(|user| format!("'{user}'")).collect();
    let sql = format!("SELECT User, Host FROM mysql.user WHERE User NOT IN ({}) ORDER BY 1, 2", own.join(", "));
    names(session, &sql).await
}

/// Which of these accounts exist; none where this account may not look.
pub async fn existing(session: &mut Session, of: &[Account]) -> Result<Option<HashSet<Account>>, ServerError> {
    if of.is_empty() {
        return Ok(Some(HashSet::new()));
    }
    let rows: Vec<_> = of.iter().map(Account::row).collect();
    let sql = format!("SELECT User, Host FROM mysql.user WHERE (User, Host) IN ({})", rows.join(", "));
    Ok(names(session, &sql).await?.map(|found| found.into_iter().collect()))
}

/// The accounts with SYSTEM_USER, which others may not touch; empty where this account may not look, or the server has
/// no such right.
pub async fn system_users(session: &mut Session) -> Result<HashSet<Account>, ServerError> {
    let found = names(session, "SELECT USER, HOST FROM mysql.global_grants WHERE PRIV = 'SYSTEM_USER'").await?;
    Ok(found.unwrap_or_default().into_iter().collect())
}

/// The lines of SHOW GRANTS for an account, what its roles give among them; none where this account may not look.
pub async fn grants(session: &mut Session, of: &Account) -> Result<Option<Vec<String>>, ServerError> {
    let show = format!("SHOW GRANTS FOR {}", of.sql());
    let lines = match session.query(show.as_str()).await {
        Ok(rows) => rows,
        // No right to look; no such account.
        Err(error) if matches!(error.code(), Some(1044 | 1142 | 1141 | 1133)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let lines: Vec<String> = lines.iter().map(|row| row.text(0)).collect();
    let role = |line: &String| {
        let grant = Grant::parse(line.as_bytes()).filter(|grant| grant.place().is_empty())?;
        Some(grant.rights().join(","))
    };
    let roles: Vec<String> = lines.iter().filter_map(role).collect();
    if roles.is_empty() {
        return Ok(Some(lines));
    }
    match session.query(format!("{show} USING {}", roles.join(","))).await {
        Ok(rows) => Ok(Some(rows.iter().map(|row| row.text(0)).collect())),
        // MariaDB lists what roles give without being asked.
        Err(error) if error.code() == Some(1064) => Ok(Some(lines)),
        Err(error) if error.code().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn names(session: &mut Session, sql: &str) -> Result<Option<Vec<Account>>, ServerError> {
    match session.query(sql).await {
        Ok(rows) => Ok(Some(rows.iter().map(|row| Account::new(row.text(0), row.text(1))).collect())),
        // No right to look; no such table (MariaDB).
        Err(error) if matches!(error.code(), Some(1044 | 1142 | 1143 | 1146)) => Ok(None),
        Err(error) => Err(error),
    }
}
