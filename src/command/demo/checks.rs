//! What the demo looks at after the restore, beside the proof of every range: sums that would be wrong if the
//! snapshot had torn a transaction apart, and lines that must be exactly the transactions of the position.

use crate::bench::dataset::mover::MARK;
use crate::command::restore::RestoreDone;
use crate::command::text::count;
use crate::error::Result;
use crate::position::gtid::GtidSet;
use crate::server::{ConnectOptions, Session};

/// One thing looked at: what was to be expected and what was found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// What it has to be.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// They agree.
    pub holds: bool,
}

/// The source before the writers began.
pub(super) struct Before {
    balances: String,
    gtid_executed: GtidSet,
}

/// Looks at the source.
pub(super) async fn look_at_source(source: &ConnectOptions) -> Result<Before> {
    let mut session = Session::connect(source).await?;
    let balances = balances(&mut session).await?;
    let gtid_executed = session.query_first("SELECT @@GLOBAL.gtid_executed").await?.map(|row| row.text(0));
    session.close().await;
    Ok(Before { balances, gtid_executed: gtid_executed.unwrap_or_default().parse()? })
}

/// Compares the restored server with what the source and the position say.
pub(super) async fn compare(
    before: &Before,
    position: &str,
    restored: &RestoreDone,
    target: &ConnectOptions,
) -> Result<Vec<Check>> {
    let mut session = Session::connect(target).await?;
    let balances = balances(&mut session).await?;
    // Each writer numbers its commits 1, 2, 3 and so on: no number may be missing below the last.
    let lines = session
        .query(format!(
            "SELECT COUNT(*), MAX(CAST(SUBSTRING_INDEX(reference, '#', -1) AS UNSIGNED)) FROM shop.transfers \
             WHERE reference LIKE '{MARK}%' GROUP BY SUBSTRING_INDEX(reference, '#', 1)"
        ))
        .await?;
    session.close().await;
    let logged: u64 = lines.iter().map(|row| row.number(0)).sum();
    let last_numbers: u64 = lines.iter().map(|row| row.number(1)).sum();
    let executed = position.parse::<GtidSet>()?.subtract(&before.gtid_executed).count();
    let digests = restored.proof.as_ref();
    let check = |what: &str, expected: String, found: String| {
        let holds = expected == found;
        Check { what: what.into(), expected, found, holds }
    };
    Ok(vec![
        check(
            "rows",
            count(restored.rows),
            digests.filter(|proof| proof.holds()).map_or("not proved".into(), |proof| count(proof.rows)),
        ),
        check("sum of all balances", before.balances.clone(), balances),
        check("transfers logged, by the position", executed.to_string(), logged.to_string()),
        check("transfers logged, by their numbers", last_numbers.to_string(), logged.to_string()),
    ])
}

async fn balances(session: &mut Session) -> Result<String> {
    let sum = session.query_first("SELECT SUM(balance) FROM shop.accounts").await?;
    Ok(sum.map(|row| row.text(0)).unwrap_or_default())
}
