//! Histograms of a table's columns, set to what the source had instead of being computed anew.
//!
//! Comes in: a table's definition and a session set up for writing; rows and indexes are there. Goes out: how many were
//! set, and what the target said about the others. A server from 8.0.31 on takes a histogram as data; it keeps buckets,
//! their number and the way of updating, sets `last-updated` itself, and reads a DECIMAL bound as any number in JSON text,
//! which is a DOUBLE (seen on 9.7.4).

use super::error::LoadError;
use crate::schema::identifier::{literal, quote};
use crate::schema::{QualifiedName, Table};
use crate::server::Session;

/// What [`set`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramsSet {
    /// Set now.
    pub made: u64,
    /// Those that the target did not take, and why.
    pub notes: Vec<String>,
}

/// Sets all histograms of a table.
pub async fn set(session: &mut Session, table: &Table, target: &QualifiedName) -> Result<HistogramsSet, LoadError> {
    let mut set = HistogramsSet::default();
    for histogram in &table.histograms {
        let (column, data) = (quote(&histogram.column), literal(&histogram.data));
        let sql = format!("ANALYZE TABLE {} UPDATE HISTOGRAM ON {column} USING DATA {data}", target.sql());
        let why = match session.query(sql).await {
            // Rows of table, operation, kind of message, message: an error is one of them.
            Ok(rows) => match rows.iter().find(|row| row.text(2).eq_ignore_ascii_case("error")) {
                Some(row) => row.text(3),
                None => {
                    set.made += 1;
                    continue;
                }
            },
            Err(error) if error.code() == Some(1064) => "the target cannot take histograms as data".into(),
            Err(error) if error.code().is_some() => error.to_string(),
            Err(error) => return Err(error.into()),
        };
        set.notes.push(format!("histogram on column {} of table {target} was not set: {why}", histogram.column));
    }
    Ok(set)
}
