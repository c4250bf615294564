//! Sample data by seeded generators: a shop, sysbench's tables, one wide table, one of files; and the corpus of what is easily lost,
//! which is a script. The same seed gives the same rows, whatever the number of sessions. In: a [`DatasetSpec`] and a server. Out: filled schemas, made anew
//! where they existed. Rows go in by LOAD DATA LOCAL from memory, unlogged; definitions are logged.

mod blobs;
pub mod corpus;
pub mod mover;
pub mod script;
mod shop;
mod shop_objects;
mod sysbench;
mod text;
mod wide;
mod words;

pub use mover::Mover;

use super::error::BenchError;
use crate::progress::Progress;
use crate::server::session::WRITER_SETUP;
use crate::server::{ConnectOptions, ServerError, Session};
use bytes::Bytes;
use futures::StreamExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use text::RowText;

/// The seed of the published data sets.
pub const SEED: u64 = 20_260_101;
/// Units of one block: each block has a random stream of its own, so blocks may be made in any order.
const BLOCK_UNITS: u64 = 10_000;
/// A statement is sent once its text holds this many bytes.
const STATEMENT_BYTES: usize = 8 << 20;

/// Which data set, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatasetSpec {
    /// `shop:ROWS`: a dozen tables of every kind with about so many rows in all.
    Shop {
        /// Rows over all tables, about.
        rows: u64,
    },
    /// `sbtest:TABLESxROWS`: sysbench's tables.
    Sbtest {
        /// Number of tables.
        tables: u32,
        /// Rows of each.
        rows: u64,
    },
    /// `wide:ROWS`: one table of twelve columns with four secondary indexes.
    Wide {
        /// Rows.
        rows: u64,
    },
    /// `blobs:ROWS`: one table of binary values of 128 bytes to 64 kB.
    Blobs {
        /// Rows.
        rows: u64,
    },
    /// `corpus`, `corpus:large`: every kind of column, key, table and object that is easily lost.
    Corpus {
        /// With 10,000 tables and values of 64 MiB.
        large: bool,
    },
}

impl FromStr for DatasetSpec {
    type Err = BenchError;

    fn from_str(spec: &str) -> Result<Self, BenchError> {
        let bad = |why: &str| BenchError::Spec { spec: spec.to_owned(), why: why.to_owned() };
        let (kind, size) = spec.split_once(':').unwrap_or((spec, ""));
        let number = |text: &str, default: u64| match text.replace('_', "").parse::<u64>() {
            Ok(0) => Err(bad("a size is at least 1")),
            Ok(number) => Ok(number),
            Err(_) if text.is_empty() => Ok(default),
            Err(_) => Err(bad("its size is no number")),
        };
        match kind {
            "shop" => Ok(DatasetSpec::Shop { rows: number(size, 1_000_000)? }),
            "wide" => Ok(DatasetSpec::Wide { rows: number(size, 1_000_000)? }),
            "blobs" => Ok(DatasetSpec::Blobs { rows: number(size, 20_000)? }),
            "sbtest" => {
                let (tables, rows) = size.split_once('x').unwrap_or(("", size));
                let tables = u32::try_from(number(tables, 4)?).map_err(|_| bad("too many tables"))?;
                Ok(DatasetSpec::Sbtest { tables, rows: number(rows, 250_000)? })
            }
            "corpus" => match size {
                "" => Ok(DatasetSpec::Corpus { large: false }),
                "large" => Ok(DatasetSpec::Corpus { large: true }),
                _ => Err(bad("its size is large or left out")),
            },
            _ => Err(bad("no such name")),
        }
    }
}

impl fmt::Display for DatasetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatasetSpec::Shop { rows } => write!(f, "shop:{rows}"),
            DatasetSpec::Sbtest { tables, rows } => write!(f, "sbtest:{tables}x{rows}"),
            DatasetSpec::Wide { rows } => write!(f, "wide:{rows}"),
            DatasetSpec::Blobs { rows } => write!(f, "blobs:{rows}"),
            DatasetSpec::Corpus { large: false } => f.write_str("corpus"),
            DatasetSpec::Corpus { large: true } => f.write_str("corpus:large"),
        }
    }
}

impl DatasetSpec {
    /// The same data set with at most `rows` rows in all.
    pub fn at_most(self, rows: u64) -> DatasetSpec {
        match self {
            DatasetSpec::Shop { rows: all } => DatasetSpec::Shop { rows: all.min(rows) },
            DatasetSpec::Sbtest { tables, rows: each } => {
                DatasetSpec::Sbtest { tables, rows: each.min((rows / u64::from(tables)).max(1)) }
            }
            DatasetSpec::Wide { rows: all } => DatasetSpec::Wide { rows: all.min(rows) },
            // A row is as long as a hundred of the others'.
            DatasetSpec::Blobs { rows: all } => DatasetSpec::Blobs { rows: all.min((rows / 100).max(1)) },
            DatasetSpec::Corpus { .. } => DatasetSpec::Corpus { large: false },
        }
    }
}

/// What was put into a server.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Filled {
    /// The schema that was made.
    pub schema: String,
    /// Its number of tables.
    pub tables: usize,
    /// Rows over all tables.
    pub rows: u64,
    /// Bytes of row text that were sent.
    pub bytes: u64,
}

/// A generator's whole: statements, rows, statements. All run with the schema as current database.
struct Dataset {
    schema: &'static str,
    before: Vec<String>,
    tables: Vec<TableRows>,
    after: Vec<String>,
}

type WriteUnit = dyn Fn(&mut RowText, &mut ChaCha8Rng, u64) + Send + Sync;

/// The rows of one table: `units` calls of `write` with 1, 2, 3…; a unit is a row or a few.
struct TableRows {
    table: String,
    columns: &'static str,
    charset: &'static str,
    units: u64,
    /// Sent by one session in order: the server stores a table without a key as it arrives.
    in_order: bool,
    write: Box<WriteUnit>,
}

impl TableRows {
    fn new(
        table: impl Into<String>,
        columns: &'static str,
        units: u64,
        write: impl Fn(&mut RowText, &mut ChaCha8Rng, u64) + Send + Sync + 'static,
    ) -> TableRows {
        TableRows { table: table.into(), columns, charset: "utf8mb4", units, in_order: false, write: Box::new(write) }
    }

    /// Some column holds bytes that are no text: they go in as they are.
    fn bytes(mut self) -> TableRows {
        self.charset = "binary";
        self
    }
}

/// Makes the schema anew and fills it with `sessions` sessions at once.
pub async fn fill(
    spec: DatasetSpec,
    seed: u64,
    target: &ConnectOptions,
    sessions: usize,
    progress: &Arc<dyn Progress>,
) -> Result<Filled, BenchError> {
    let dataset = Arc::new(match spec {
        DatasetSpec::Shop { rows } => shop::dataset(rows, seed),
        DatasetSpec::Sbtest { tables, rows } => sysbench::dataset(tables, rows),
        DatasetSpec::Wide { rows } => wide::dataset(rows),
        DatasetSpec::Blobs { rows } => blobs::dataset(rows),
        DatasetSpec::Corpus { large } => {
            return corpus::fill(target, if large { corpus::LARGE } else { corpus::SMALL }).await;
        }
    });
    let mut session = writer(target).await?;
    session.execute(format!("DROP DATABASE IF EXISTS {0}", dataset.schema)).await?;
    session.execute(format!("CREATE DATABASE {0} CHARACTER SET utf8mb4", dataset.schema)).await?;
    session.execute(format!("USE {}", dataset.schema)).await?;
    for statement in &dataset.before {
        session.execute(statement).await?;
    }

    progress.phase("sample data", 0, 0);
    let (rows, bytes) = send_rows(&dataset, seed, target, sessions, progress).await?;
    for statement in &dataset.after {
        session.execute(statement).await?;
    }
    for table in &dataset.tables {
        session.query(format!("ANALYZE NO_WRITE_TO_BINLOG TABLE {}", table.table)).await?;
    }
    session.close().await;
    Ok(Filled { schema: dataset.schema.to_owned(), tables: dataset.tables.len(), rows, bytes })
}

async fn writer(target: &ConnectOptions) -> Result<Session, ServerError> {
    let mut session = Session::connect(target).await?;
    session.execute(WRITER_SETUP).await?;
    // Generated rows have no excuse: what a strict server refuses is a fault of the generator.
    session.execute("SET sql_mode=DEFAULT").await?;
    Ok(session)
}

/// A piece of work: a table's number, the number of its first block and the number of blocks.
struct Job {
    table: usize,
    blocks: std::ops::Range<u64>,
}

async fn send_rows(
    dataset: &Arc<Dataset>,
    seed: u64,
    target: &ConnectOptions,
    sessions: usize,
    progress: &Arc<dyn Progress>,
) -> Result<(u64, u64), BenchError> {
    let jobs = Arc::new(Mutex::new(jobs(dataset)));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..sessions.max(1) {
        let mut session = writer(target).await?;
        session.execute(format!("USE {}", dataset.schema)).await?;
        session.execute("SET sql_log_bin=0").await?;
        let (dataset, jobs, progress) = (dataset.clone(), jobs.clone(), progress.clone());
        workers.spawn(async move {
            let mut sent = (0, 0);
            loop {
                let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(job) = job else { break };
                let (rows, bytes) = run_job(&mut session, &dataset, seed, job, &progress).await?;
                sent = (sent.0 + rows, sent.1 + bytes);
            }
            session.close().await;
            Ok::<_, BenchError>(sent)
        });
    }
    let mut total = (0, 0);
    while let Some(sent) = workers.join_next().await {
        let (rows, bytes) = sent.map_err(|error| BenchError::Task(error.to_string()))??;
        total = (total.0 + rows, total.1 + bytes);
    }
    Ok(total)
}

/// The blocks of all tables; those that one session must send in order come first, as one job each.
fn jobs(dataset: &Dataset) -> VecDeque<Job> {
    let mut jobs = VecDeque::new();
    for (number, table) in dataset.tables.iter().enumerate() {
        let blocks = table.units.div_ceil(BLOCK_UNITS);
        if table.in_order {
            jobs.push_front(Job { table: number, blocks: 0..blocks });
        } else {
            jobs.extend((0..blocks).map(|block| Job { table: number, blocks: block..block + 1 }));
        }
    }
    jobs
}

async fn run_job(
    session: &mut Session,
    dataset: &Arc<Dataset>,
    seed: u64,
    job: Job,
    progress: &Arc<dyn Progress>,
) -> Result<(u64, u64), BenchError> {
    let (mut rows, mut bytes) = (0, 0);
    for block in job.blocks {
        let generator = dataset.clone();
        let statements = tokio::task::spawn_blocking(move || block_text(&generator, seed, job.table, block))
            .await
            .map_err(|error| BenchError::Task(error.to_string()))?;
        for (text, count) in statements {
            let size = text.len() as u64;
            send(session, &dataset.tables[job.table], text, count).await?;
            progress.add(count, size);
            (rows, bytes) = (rows + count, bytes + size);
        }
    }
    Ok((rows, bytes))
}

/// The text of one block, cut into statements, with the number of rows of each.
fn block_text(dataset: &Dataset, seed: u64, number: usize, block: u64) -> Vec<(Vec<u8>, u64)> {
    let table = &dataset.tables[number];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((number as u64) << 32 | block);
    let mut statements = Vec::new();
    let mut text = RowText::default();
    for unit in block * BLOCK_UNITS + 1..=((block + 1) * BLOCK_UNITS).min(table.units) {
        (table.write)(&mut text, &mut rng, unit);
        if text.len() >= STATEMENT_BYTES {
            statements.push(text.take());
        }
    }
    if !text.is_empty() {
        statements.push(text.take());
    }
    statements
}

async fn send(session: &mut Session, table: &TableRows, text: Vec<u8>, rows: u64) -> Result<(), BenchError> {
    let pieces = Bytes::from(text);
    session.conn().set_infile_handler(async move {
        let pieces =
            (0..pieces.len()).step_by(1 << 20).map(move |at| pieces.slice(at..pieces.len().min(at + (1 << 20))));
        Ok(futures::stream::iter(pieces.map(Ok)).boxed())
    });
    let statement = format!(
        "LOAD DATA LOCAL INFILE 'memory' INTO TABLE {} CHARACTER SET {} ({})",
        table.table, table.charset, table.columns
    );
    let done = session.execute(&statement).await?;
    // LOCAL turns errors of rows into warnings: nothing less than all rows without one is right.
    if done.warnings > 0 || done.affected != rows {
        let warnings = session.query("SHOW WARNINGS LIMIT 1").await?;
        let first = warnings.first().map(|row| format!("; {}", row.text(2))).unwrap_or_default();
        return Err(BenchError::Rows {
            server: session.server().to_owned(),
            table: table.table.clone(),
            info: format!("{}{first}", done.info),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_read_and_printed() {
        for spec in ["shop:1000", "sbtest:2x50", "wide:7", "blobs:9", "corpus", "corpus:large"] {
            assert_eq!(spec.parse::<DatasetSpec>().unwrap().to_string(), spec);
        }
        assert_eq!("sbtest".parse::<DatasetSpec>().unwrap(), DatasetSpec::Sbtest { tables: 4, rows: 250_000 });
        for spec in ["shops:1", "shop:x", "wide:0", "sbtest:0x5", "corpus:5", ""] {
            assert!(spec.parse::<DatasetSpec>().is_err(), "{spec}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
        for (number, table) in shop::dataset(20_000, 1).tables.iter().enumerate() {
            let text = |seed| block_text(&shop::dataset(20_000, seed), seed, number, 0);
            assert_eq!(text(1), text(1), "{}", table.table);
            if table.units > 100 {
                assert_ne!(text(1), text(2), "{}", table.table);
            }
        }
    }

    #[test]
    fn the_shop_has_about_as_many_rows_as_asked_for() {
        let dataset = shop::dataset(100_000, SEED);
        let rows = |number: usize, table: &TableRows| -> u64 {
            (0..table.units.div_ceil(BLOCK_UNITS))
                .flat_map(|block| block_text(&dataset, SEED, number, block))
                .map(|(_, rows)| rows)
                .sum()
        };
        let total: u64 = dataset.tables.iter().enumerate().map(|(number, table)| rows(number, table)).sum();
        assert!((95_000..105_000).contains(&total), "{total}");
    }
}
