//! The journal: rows of table `setting` in the ledger's schema on the target, one for each setting that is changed, with its
//! value before and the one it is given. Comes in: a session. It is written before a setting is changed and never to the
//! binary log: a replica's settings are its own.

use super::Change;
use crate::schema::identifier::literal;
use crate::server::inspect::LEDGER_SCHEMA;
use crate::server::inspect::ledger::{LedgerError, has_settings};
use crate::server::{ServerError, Session};

/// Makes the table where there is none, and adds the changes in one transaction.
pub async fn record(session: &mut Session, changes: &[Change]) -> Result<(), ServerError> {
    let create = format!(
        "CREATE TABLE IF NOT EXISTS {LEDGER_SCHEMA}.setting (n INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, \
         name VARCHAR(64) COLLATE utf8mb4_bin NOT NULL UNIQUE, found VARCHAR(200) NOT NULL, given VARCHAR(200) NOT NULL) \
         ENGINE=InnoDB"
    );
    session.execute(create).await?;
    let row =
        |change: &Change| format!("({}, {}, {})", literal(&change.name), literal(&change.found), literal(&change.set));
    let rows: Vec<_> = changes.iter().map(row).collect();
    let insert = format!("INSERT INTO {LEDGER_SCHEMA}.setting (name, found, given) VALUES {}", rows.join(", "));
    session.execute(insert).await.map(drop)
}

/// All rows, in the order of the changes; none where there is no journal.
///
/// # Errors
/// The journal is of a restore onto another server.
pub async fn read(session: &mut Session) -> Result<Vec<Change>, LedgerError> {
    if !has_settings(session).await? {
        return Ok(Vec::new());
    }
    let rows = session.query(format!("SELECT name, found, given FROM {LEDGER_SCHEMA}.setting ORDER BY n")).await?;
    Ok(rows.iter().map(|row| Change { name: row.text(0), found: row.text(1), set: row.text(2) }).collect())
}

/// Removes the rows of these settings: they were undone, or not changed after all.
pub async fn forget(session: &mut Session, names: &[&str]) -> Result<(), ServerError> {
    let names: Vec<_> = names.iter().map(|name| literal(name)).collect();
    match names.is_empty() {
        true => Ok(()),
        false => {
            let sql = format!("DELETE FROM {LEDGER_SCHEMA}.setting WHERE name IN ({})", names.join(", "));
            session.execute(sql).await.map(drop)
        }
    }
}

/// Does `work` with the session's binary log switched off, and switches it on again afterwards where it was. An account that
/// may not do that may change no global setting either; the work is done all the same, since undoing must not fail for it.
pub async fn unlogged<T, E: From<ServerError>>(
    session: &mut Session,
    work: impl AsyncFnOnce(&mut Session) -> Result<T, E>,
) -> Result<T, E> {
    let logged = session.query_first("SELECT @@SESSION.sql_log_bin").await?.is_some_and(|row| row.number(0) == 1);
    if logged {
        match session.execute("SET SESSION sql_log_bin=0").await {
            Err(error) if error.code() != Some(1227) => return Err(error.into()),
            _ => {}
        }
    }
    let done = work(session).await;
    if logged {
        match session.execute("SET SESSION sql_log_bin=1").await {
            Err(error) if error.code() != Some(1227) && done.is_ok() => return Err(error.into()),
            _ => {}
        }
    }
    done
}
