//! Whether the target lives: which data it holds besides this run's own, who is connected, whose transactions are open,
//! and whether others write between two looks. Everything is asked for by statements that change nothing.

use super::standing::denied;
use super::{Intent, some_of};
use crate::limits;
use crate::schema::QualifiedName;
use crate::schema::identifier::literal;
use crate::server::facts::{Flavor, ServerFacts};
use crate::server::inspect::SYSTEM_SCHEMAS;
use crate::server::{ServerError, Session};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Tables, accounts or sessions named in a message at most.
const NAMES_SHOWN: usize = 10;

fn system_schemas() -> String {
    SYSTEM_SCHEMAS.map(literal).join(", ")
}

/// Whether the target holds tables or views that are not this run's own. A schema without any counts for nothing.
pub(super) async fn holds_user_data(session: &mut Session, intent: &Intent) -> Result<bool, ServerError> {
    let schemas: BTreeSet<&str> = intent.own.iter().map(|name| name.schema.as_str()).collect();
    let own: Vec<String> = schemas.iter().map(|schema| literal(schema)).collect();
    let tables = "information_schema.tables WHERE TABLE_SCHEMA";
    let others = [&own[..], &[system_schemas()]].concat().join(", ");
    if session.query_first(format!("SELECT 1 FROM {tables} NOT IN ({others}) LIMIT 1")).await?.is_some() {
        return Ok(true);
    }
    if own.is_empty() {
        return Ok(false);
    }
    let rows = session.query(format!("SELECT TABLE_SCHEMA, TABLE_NAME FROM {tables} IN ({})", own.join(", "))).await?;
    Ok(rows.iter().any(|row| !intent.own.contains(&QualifiedName::new(row.text(0), row.text(1)))))
}

/// Enabled events of the target, where its scheduler runs them.
pub(super) async fn events(session: &mut Session, facts: &ServerFacts) -> Result<u64, ServerError> {
    if facts.event_scheduler != "ON" {
        return Ok(0);
    }
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.events WHERE STATUS = 'ENABLED' AND EVENT_SCHEMA NOT IN ({})",
        system_schemas()
    );
    Ok(session.query_first(sql).await?.map_or(0, |row| row.number(0)))
}

/// Sessions of others.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// Those with a transaction that is more than a moment of a statement, for people.
    pub in_transaction: Vec<String>,
    /// All, by account, for people.
    pub sessions: Vec<String>,
}

impl Others {
    /// The first few transactions.
    pub fn transactions(&self) -> String {
        some_of(&self.in_transaction, NAMES_SHOWN)
    }

    /// The first few accounts.
    pub fn accounts(&self) -> String {
        some_of(&self.sessions, NAMES_SHOWN)
    }
}

/// A read that is over sooner belongs to one statement, such as a monitor's.
const TRANSACTION_SECONDS: u64 = 2;

/// The sessions of others than this one and `own_sessions`; none where the account may not see them. The server's list of
/// transactions may be a tenth of a second old where somebody just asked for it (seen on 9.7.4).
pub(super) async fn others(session: &mut Session, own_sessions: &[u64]) -> Result<Option<Others>, ServerError> {
    let open = "SELECT trx_mysql_thread_id, trx_rows_modified + trx_rows_locked, TIMESTAMPDIFF(SECOND, trx_started, NOW()) \
        FROM information_schema.innodb_trx WHERE trx_mysql_thread_id <> CONNECTION_ID()";
    let open = match session.query(open).await {
        Ok(rows) => rows,
        // PROCESS is asked for, which shows the sessions too.
        Err(error) if denied(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let open: HashMap<u64, (u64, u64)> =
        open.iter().map(|row| (row.number(0), (row.number(1), row.number(2)))).collect();
    let rows = session
        .query(
            "SELECT ID, COALESCE(USER, ''), COALESCE(HOST, ''), COMMAND FROM information_schema.processlist \
             WHERE ID <> CONNECTION_ID() AND COMMAND <> 'Daemon' AND COMMAND NOT LIKE 'Binlog Dump%' \
             AND USER NOT IN ('system user', 'event_scheduler') AND USER NOT LIKE 'mysql.%' ORDER BY ID",
        )
        .await?;
    let mut others = Others::default();
    let mut accounts: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| !own_sessions.contains(&row.number(0))) {
        let host = row.text(2);
        let host = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
        let account = format!("{}@{host}", row.text(1));
        if let Some((rows, seconds)) = open.get(&row.number(0)) {
            if *rows > 0 || row.text(3) == "Sleep" || *seconds >= TRANSACTION_SECONDS {
                others.in_transaction.push(format!("{account} (session {}, for {seconds} s)", row.number(0)));
            }
        }
        *accounts.entry(account).or_default() += 1;
    }
    others.sessions = accounts.into_iter().map(|(account, sessions)| format!("{account} ({sessions})")).collect();
    Ok(Some(others))
}

/// Counters that only go up when something is written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sample {
    /// Rows written since the server's start, by table, or statements, by kind.
    counters: BTreeMap<String, u64>,
    /// The end of the history: a GTID set or a position in the binary log, empty where there is none to be seen.
    history: String,
}

/// Two looks at the target's counters, with time in between.
#[derive(Debug)]
pub struct Watch {
    begun: Instant,
    first: Sample,
    wait: Duration,
}

impl Watch {
    /// Takes the first look. Where nothing hangs on the answer there is no need to `wait` for the second.
    pub(super) async fn begin(session: &mut Session, facts: &ServerFacts, wait: bool) -> Result<Watch, ServerError> {
        let first = sample(session, facts).await?;
        let wait = if wait { limits::WRITES_WATCHED } else { Duration::ZERO };
        Ok(Watch { begun: Instant::now(), first, wait })
    }

    /// How long it is until the second look.
    pub fn remaining(&self) -> Duration {
        self.wait.saturating_sub(self.begun.elapsed())
    }

    /// Takes the second look: what was written meanwhile, for people.
    pub(super) async fn end(self, session: &mut Session, facts: &ServerFacts) -> Result<Option<String>, ServerError> {
        let second = sample(session, facts).await?;
        let seconds = self.begun.elapsed().as_secs_f64();
        Ok(difference(&self.first, &second).map(|what| format!("within {seconds:.1} s: {what}")))
    }
}

async fn sample(session: &mut Session, facts: &ServerFacts) -> Result<Sample, ServerError> {
    let counters = match table_counters(session).await? {
        Some(counters) => counters,
        None => statement_counters(session).await?,
    };
    Ok(Sample { counters, history: history(session, facts).await? })
}

/// Rows written to each user table; none where the server does not count them or the account may not see it.
async fn table_counters(session: &mut Session) -> Result<Option<BTreeMap<String, u64>>, ServerError> {
    let counting = "SELECT 1 FROM performance_schema.setup_instruments \
        WHERE NAME = 'wait/io/table/sql/handler' AND ENABLED = 'YES'";
    let counters = format!(
        "SELECT OBJECT_SCHEMA, OBJECT_NAME, COUNT_WRITE FROM performance_schema.table_io_waits_summary_by_table \
         WHERE COUNT_WRITE > 0 AND OBJECT_TYPE = 'TABLE' AND OBJECT_SCHEMA NOT IN ({})",
        system_schemas()
    );
    match session.query_first(counting).await {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(None),
        Err(error) if denied(&error) || error.code() == Some(NO_SUCH_TABLE) => return Ok(None),
        Err(error) => return Err(error),
    }
    match session.query(counters).await {
        Ok(rows) => {
            Ok(Some(rows.iter().map(|row| (format!("{}.{}", row.text(0), row.text(1)), row.number(2))).collect()))
        }
        Err(error) if denied(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

const NO_SUCH_TABLE: u16 = 1146;

/// Statements that write, as every server counts them for everybody to see.
const STATEMENTS: [&str; 9] = [
    "Com_insert",
    "Com_insert_select",
    "Com_update",
    "Com_update_multi",
    "Com_delete",
    "Com_delete_multi",
    "Com_replace",
    "Com_replace_select",
    "Com_load",
];

async fn statement_counters(session: &mut Session) -> Result<BTreeMap<String, u64>, ServerError> {
    let names = STATEMENTS.map(literal).join(", ");
    let rows = session.query(format!("SHOW GLOBAL STATUS WHERE Variable_name IN ({names})")).await?;
    let name = |text: String| text.trim_start_matches("Com_").to_uppercase().replace('_', " ");
    Ok(rows.iter().map(|row| (name(row.text(0)), row.number(1))).collect())
}

/// Where the server's history ends. DDL moves it too, which the counters above do not show.
async fn history(session: &mut Session, facts: &ServerFacts) -> Result<String, ServerError> {
    if !facts.log_bin {
        return Ok(String::new());
    }
    if facts.flavor == Flavor::Mariadb || facts.gtid_mode.as_deref() == Some("ON") {
        let variable = if facts.flavor == Flavor::Mariadb { "gtid_binlog_pos" } else { "gtid_executed" };
        let row = session.query_first(format!("SELECT @@GLOBAL.{variable}")).await?;
        return Ok(row.map(|row| row.text(0).replace('\n', "")).unwrap_or_default());
    }
    for statement in ["SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"] {
        match session.query_first(statement).await {
            Ok(row) => return Ok(row.map(|row| format!("{}:{}", row.text(0), row.text(1))).unwrap_or_default()),
            // Syntax of another version, or no right: the counters must do.
            Err(error) if error.code() == Some(1064) || denied(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(String::new())
}

/// What moved, or none.
fn difference(first: &Sample, second: &Sample) -> Option<String> {
    let grown = second.counters.iter().filter_map(|(name, after)| {
        let before = first.counters.get(name).copied().unwrap_or(0);
        (*after > before).then(|| (after - before, name))
    });
    let mut grown: Vec<_> = grown.collect();
    grown.sort_by(|a, b| b.cmp(a));
    let mut moved: Vec<String> = grown.iter().map(|(by, name)| format!("{name} (+{by})")).collect();
    if moved.is_empty() && first.history != second.history {
        moved.push(format!("the binary log went from {:?} to {:?}", first.history, second.history));
    }
    (!moved.is_empty()).then(|| some_of(&moved, NAMES_SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(counters: &[(&str, u64)], history: &str) -> Sample {
        let counters = counters.iter().map(|(name, count)| (name.to_string(), *count)).collect();
        Sample { counters, history: history.to_owned() }
    }

    #[test]
    fn what_moved_is_named_most_first() {
        let first = sample(&[("a.x", 5), ("a.y", 1), ("a.gone", 9)], "u:1-3");
        assert_eq!(difference(&first, &sample(&[("a.x", 5), ("a.y", 1)], "u:1-3")), None);
        let second = sample(&[("a.new", 2), ("a.x", 15), ("a.y", 1)], "u:1-9");
        assert_eq!(difference(&first, &second).as_deref(), Some("a.x (+10), a.new (+2)"));
        let second = sample(&[("a.x", 5)], "u:1-4");
        assert_eq!(difference(&first, &second).as_deref(), Some("the binary log went from \"u:1-3\" to \"u:1-4\""));
    }
}
