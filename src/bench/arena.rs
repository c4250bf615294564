//! The two servers of a contest: which schemas are fought over, how the target is made ready for the next
//! load, and whether it holds the source's data afterwards.

use super::Contest;
use super::compare::{self, Contents, Difference};
use super::error::BenchError;
use super::scoreboard::{Facts, memory_bytes};
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
    checksums: BTreeMap<String, String>,
    whole: Option<Whole>,
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
        let target = Session::connect(&contest.target_server.connect_options()).await?;
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

    /// Everything in which the target is not as the source, where that is to be told.
    pub fn differences(&self) -> Result<Option<Vec<Difference>>, BenchError> {
        let Some(Whole { mysql, target, expected }) = &self.whole else { return Ok(None) };
        Ok(Some(compare::differences(expected, &compare::contents(mysql, target, "")?)))
    }

    /// Tables whose checksum on the target is not the source's.
    pub async fn differing_tables(&mut self) -> Result<Vec<String>, BenchError> {
        let loaded = checksums(&mut self.target, &self.schemas).await?;
        let names = self.checksums.keys().chain(loaded.keys().filter(|name| !self.checksums.contains_key(*name)));
        Ok(names.filter(|name| self.checksums.get(*name) != loaded.get(*name)).cloned().collect())
    }

    /// What the report says about machine, servers and data.
    pub async fn facts(&mut self, contest: &Contest<'_>) -> Result<Facts, BenchError> {
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
        let (cpu, cores) = super::scoreboard::processor();
        Ok(Facts {
            cpu,
            cores,
            memory_bytes: memory_bytes(),
            server: server.map(|row| row.text(0)).unwrap_or_default(),
            buffer_pool_bytes,
            redo_log_bytes,
            data: contest.data.clone(),
            tables: self.checksums.len(),
            data_bytes: data.as_ref().map_or(0, |row| row.number(0)),
            index_bytes: data.map_or(0, |row| row.number(1)),
            runs: contest.runs,
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

/// CHECKSUM TABLE of all base tables, by name. Tables with a multi-valued index have no value: three calls on
/// an unchanged one gave three results (seen on 9.7.4).
async fn checksums(session: &mut Session, schemas: &[String]) -> Result<BTreeMap<String, String>, ServerError> {
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
    for table in tables {
        let name = format!("{}.{}", quote(&table.text(0)), quote(&table.text(1)));
        let sum = if table.number(2) == 1 {
            "there".to_owned()
        } else {
            session.query_first(format!("CHECKSUM TABLE {name}")).await?.map(|row| row.text(1)).unwrap_or_default()
        };
        sums.insert(name.replace('`', ""), sum);
    }
    Ok(sums)
}

fn list(names: &[String]) -> String {
    let quoted = names.iter().map(|name| format!("'{}'", name.replace('\\', "\\\\").replace('\'', "''")));
    quoted.collect::<Vec<_>>().join(", ")
}
