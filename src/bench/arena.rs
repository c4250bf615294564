//! The two servers of a contest: which schemas are fought over, how the target is made ready for the next
//! load, and whether it holds the source's data afterwards.

use super::Contest;
use super::compare::{self, Contents, Difference};
use super::error::BenchError;
use super::rivals::ProgramVersion;
use super::scoreboard::{Facts, Settings};
use super::{machine, sums};
use crate::sandbox::Sandbox;
use crate::schema::quote;
use crate::server::{ConnectOptions, ServerError, Session};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The server counts as settled once fewer pages than this wait to be written.
const DIRTY_PAGES_LOW: u64 = 64;
/// How long is waited for that, at most.
const SETTLE_WAIT: Duration = Duration::from_secs(30);
/// MySQL's number for a statement that it cannot parse.
const PARSE_ERROR: u16 = 1064;

/// Sessions on both servers, and what the source holds.
pub struct Arena {
    /// The schemas that are dumped and loaded.
    pub schemas: Vec<String>,
    /// The source's process, where it is a private server.
    pub source_pid: Option<u32>,
    /// The target's process.
    pub target_pid: u32,
    source: Session,
    target: Session,
    checksums: BTreeMap<Table, String>,
    whole: Option<Whole>,
}

/// Schema and name.
pub type Table = (String, String);

/// In what the target is not as the source.
pub struct Found {
    /// Every difference.
    pub differences: Vec<Difference>,
    /// That there is none is worth a line.
    pub told_if_none: bool,
}

impl Found {
    fn add(&mut self, (schema, table): &Table, what: String) {
        self.differences.push(Difference { place: format!("{schema}.{table}"), what });
    }
}

/// For a comparison of every value: the client that prints them, the target, and what the source holds.
struct Whole {
    mysql: PathBuf,
    target: ConnectOptions,
    expected: Contents,
}

impl Arena {
    /// Looks at the source and takes the checksums of its tables.
    pub async fn enter(contest: &Contest<'_>) -> Result<Arena, BenchError> {
        let mut source = Session::connect(contest.source).await?;
        let mut target = Session::connect(&contest.target_server.connect_options()).await?;
        source.execute(compare::SESSION).await?;
        target.execute(compare::SESSION).await?;
        let schemas = source
            .query(
                "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA \
                 WHERE SCHEMA_NAME NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY 1",
            )
            .await?;
        let schemas: Vec<String> = schemas.iter().map(|row| row.text(0)).collect();
        let checksums = checksums(&mut source, &schemas).await?;
        if checksums.is_empty() {
            return Err(BenchError::NoData { server: source.server().to_owned() });
        }
        let whole = match contest.tell_losses {
            false => None,
            true => {
                let mysql = contest.programs.client("mysql")?;
                let expected = compare::contents(&mysql, contest.source, "")?;
                Some(Whole { mysql, target: contest.target_server.connect_options(), expected })
            }
        };
        Ok(Arena {
            schemas,
            source_pid: contest.source_server.and_then(Sandbox::pid),
            target_pid: contest.target_server.pid().unwrap_or_default(),
            source,
            target,
            checksums,
            whole,
        })
    }

    /// Drops the schemas on the target, empties its binary log and waits until it has written its pages.
    pub async fn clear_target(&mut self) -> Result<(), BenchError> {
        self.target.execute("SET SESSION foreign_key_checks = 0").await?;
        for schema in &self.schemas {
            self.target.execute(format!("DROP DATABASE IF EXISTS {}", quote(schema))).await?;
        }
        match self.target.execute("RESET BINARY LOGS AND GTIDS").await {
            // Before 8.2 it had another name.
            Err(error) if error.code() == Some(PARSE_ERROR) => self.target.execute("RESET MASTER").await.map(drop)?,
            other => drop(other?),
        }
        let deadline = Instant::now() + SETTLE_WAIT;
        while self.dirty_pages().await? > DIRTY_PAGES_LOW && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// Gives the target these settings; nothing of its data counts.
    pub async fn switch(&mut self, settings: Settings) -> Result<(), BenchError> {
        for statement in settings.statements() {
            self.target.execute(statement).await?;
        }
        Ok(())
    }

    /// Everything in which the target is not as the source: where checksums differ, by the columns' sums.
    ///
    /// # Errors
    /// [`BenchError::SourceChanged`] where the source is not as it was at the beginning.
    pub async fn compare(&mut self) -> Result<Found, BenchError> {
        if let Some(Whole { mysql, target, expected }) = &self.whole {
            let differences = compare::differences(expected, &compare::contents(mysql, target, "")?);
            return Ok(Found { differences, told_if_none: true });
        }
        let loaded = checksums(&mut self.target, &self.schemas).await?;
        let mut found = Found { differences: Vec::new(), told_if_none: false };
        for name in loaded.keys().filter(|name| !self.checksums.contains_key(*name)) {
            found.add(name, "the table is not in the source".into());
        }
        let differing: Vec<&Table> =
            self.checksums.iter().filter(|(name, sum)| loaded.get(*name) != Some(sum)).map(|(name, _)| name).collect();
        if !differing.is_empty() && checksums(&mut self.source, &self.schemas).await? != self.checksums {
            return Err(BenchError::SourceChanged { server: self.source.server().to_owned() });
        }
        for table in differing {
            if !loaded.contains_key(table) {
                found.add(table, "the table is missing".into());
                continue;
            }
            let expected = sums::of(&mut self.source, table).await?;
            let there = sums::of(&mut self.target, table).await?;
            sums::differences(&expected, &there).into_iter().for_each(|what| found.add(table, what));
        }
        Ok(found)
    }

    /// What the report says about machine, servers and data.
    pub async fn facts(&mut self, contest: &Contest<'_>, programs: Vec<ProgramVersion>) -> Result<Facts, BenchError> {
        let server = self.target.query_first("SELECT CONCAT(@@version, ' ', @@version_comment)").await?;
        let buffer_pool_bytes = self.variable("innodb_buffer_pool_size").await?;
        let redo_log_bytes = self.variable("innodb_redo_log_capacity").await?;
        let data = self
            .source
            .query_first(format!(
                "SELECT SUM(DATA_LENGTH), SUM(INDEX_LENGTH) FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ({})",
                list(&self.schemas)
            ))
            .await?;
        let (cpu, cores) = machine::processor();
        Ok(Facts {
            measured_at: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            cpu,
            cores,
            memory_bytes: machine::memory_bytes(),
            disk: machine::disk(&contest.target_server.scratch_folder()?),
            system: machine::system(),
            programs,
            server: server.map(|row| row.text(0)).unwrap_or_default(),
            buffer_pool_bytes,
            redo_log_bytes,
            data: contest.data.clone(),
            tables: self.checksums.len(),
            data_bytes: data.as_ref().map_or(0, |row| row.number(0)),
            index_bytes: data.map_or(0, |row| row.number(1)),
            runs: contest.runs,
            warm_ups: contest.warm_ups,
            threads: contest.threads,
        })
    }

    /// Ends both sessions.
    pub async fn leave(self) {
        self.source.close().await;
        self.target.close().await;
    }

    async fn variable(&mut self, name: &str) -> Result<u64, ServerError> {
        let row = self.target.query_first(format!("SHOW GLOBAL VARIABLES LIKE '{name}'")).await?;
        Ok(row.map_or(0, |row| row.number(1)))
    }

    async fn dirty_pages(&mut self) -> Result<u64, ServerError> {
        let row = self.target.query_first("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'").await?;
        Ok(row.map_or(0, |row| row.number(1)))
    }
}

/// CHECKSUM TABLE of all base tables. Those with a multi-valued index have no value of that kind: three calls on an
/// unchanged one gave three results (seen on 9.7.4), so theirs are the sums of the columns.
async fn checksums(session: &mut Session, schemas: &[String]) -> Result<BTreeMap<Table, String>, ServerError> {
    let mut sums = BTreeMap::new();
    if schemas.is_empty() {
        return Ok(sums);
    }
    let tables = session
        .query(format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, EXISTS (SELECT 1 FROM information_schema.STATISTICS s \
               WHERE s.TABLE_SCHEMA = t.TABLE_SCHEMA AND s.TABLE_NAME = t.TABLE_NAME AND s.EXPRESSION LIKE '% array)%') \
             FROM information_schema.TABLES t WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({})",
            list(schemas)
        ))
        .await?;
    for row in tables {
        let table = (row.text(0), row.text(1));
        let sum = if row.number(2) == 1 {
            format!("{:?}", sums::of(session, &table).await?)
        } else {
            let name = format!("{}.{}", quote(&table.0), quote(&table.1));
            session.query_first(format!("CHECKSUM TABLE {name}")).await?.map(|row| row.text(1)).unwrap_or_default()
        };
        sums.insert(table, sum);
    }
    Ok(sums)
}

fn list(names: &[String]) -> String {
    let quoted = names.iter().map(|name| format!("'{}'", name.replace('\\', "\\\\").replace('\'', "''")));
    quoted.collect::<Vec<_>>().join(", ")
}
