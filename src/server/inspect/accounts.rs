//! Users and roles with everything that belongs to them, each by its own SHOW CREATE USER and SHOW GRANTS. Read only where
//! `--users` asks for it, since the answers hold password hashes.

use super::NotTaken;
use crate::schema::account::AccountDefinition;
use crate::schema::identifier::literal;
use crate::schema::{Account, SqlText};
use crate::server::accounts;
use crate::server::error::ServerError;
use crate::server::session::{Row, Session};
use std::collections::HashMap;

/// All users and roles but the server's own. The session must be set up by [`super::setup_reader`], which has hashes printed
/// in hexadecimal.
pub async fn read(session: &mut Session, not_taken: &mut Vec<NotTaken>) -> Result<Vec<AccountDefinition>, ServerError> {
    let Some(names) = accounts::list(session).await? else {
        return Err(ServerError::RightMissing {
            server: session.server().to_owned(),
            user: "the account of the backup".into(),
            why: "--users needs SELECT on mysql.*".into(),
        });
    };
    let mut second = second_passwords(session).await?;
    let certificates = certificates(session).await?;
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let create = session.query_first(format!("SHOW CREATE USER {}", name.sql())).await?;
        let grants = session.query(format!("SHOW GRANTS FOR {}", name.sql())).await?;
        let mut create = create.map(|row| row.bytes(0)).unwrap_or_default();
        for (clause, value) in certificates.get(&name).into_iter().flatten() {
            create = with_literal(create, clause, value);
        }
        found.push(AccountDefinition {
            create: SqlText(create),
            grants: grants.iter().map(|row| SqlText(row.bytes(0))).collect(),
            second_password: second.remove(&name),
            name,
        });
    }
    earlier_passwords(session, not_taken).await?;
    Ok(found)
}

/// What accounts ask of a client's certificate and cipher, by the clause that says so.
async fn certificates(session: &mut Session) -> Result<HashMap<Account, Vec<(&'static str, String)>>, ServerError> {
    let sql = "SELECT User, Host, CONVERT(x509_subject USING utf8mb4), CONVERT(x509_issuer USING utf8mb4), \
               CONVERT(ssl_cipher USING utf8mb4) FROM mysql.user WHERE ssl_type = 'SPECIFIED'";
    let clauses = |row: &Row| [("SUBJECT", row.text(2)), ("ISSUER", row.text(3)), ("CIPHER", row.text(4))].into();
    let rows = session.query(sql).await?;
    Ok(rows.iter().map(|row| (Account::new(row.text(0), row.text(1)), clauses(row))).collect())
}

/// SHOW CREATE USER prints these values without escapes (seen on 9.7.4): they are written as literals.
fn with_literal(create: Vec<u8>, clause: &str, value: &str) -> Vec<u8> {
    let printed = format!(" {clause} '{value}'");
    match memchr::memmem::find(&create, printed.as_bytes()) {
        Some(at) if value.contains(['\\', '\'']) => {
            let literal = format!(" {clause} {}", literal(value));
            [&create[..at], literal.as_bytes(), &create[at + printed.len()..]].concat()
        }
        _ => create,
    }
}

/// Passwords that were kept beside the present ones (RETAIN CURRENT PASSWORD); SHOW CREATE USER leaves them out.
async fn second_passwords(session: &mut Session) -> Result<HashMap<Account, String>, ServerError> {
    let sql = "SELECT User, Host, HEX(User_attributes->>'$.additional_password') FROM mysql.user \
               WHERE User_attributes->>'$.additional_password' <> ''";
    let rows = match session.query(sql).await {
        Ok(rows) => rows,
        // A server before 8.0.14 has no such column.
        Err(error) if error.code() == Some(1054) => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(rows.iter().map(|row| (Account::new(row.text(0), row.text(1)), row.text(2))).collect())
}

/// Hashes that PASSWORD HISTORY and PASSWORD REUSE INTERVAL compare new passwords with.
async fn earlier_passwords(session: &mut Session, not_taken: &mut Vec<NotTaken>) -> Result<(), ServerError> {
    let sql = "SELECT User, Host, COUNT(*) FROM mysql.password_history GROUP BY User, Host HAVING COUNT(*) > 1";
    for row in session.query(sql).await? {
        let name = Account::new(row.text(0), row.text(1)).to_string();
        let why = format!("{} earlier passwords of it may be used again", row.number(2) - 1);
        not_taken.push(NotTaken::new("password history", name, why));
    }
    not_taken.sort();
    Ok(())
}
