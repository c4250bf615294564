//! Data sets and a contest: the same data, dumped and loaded by this program and by its rivals in turn on
//! the same servers. In: [`BenchOptions`]. Out: a [`Scoreboard`] that `cli` prints as a table or as JSON.
//!
//! Rounds alternate: in each, every contestant dumps and loads once, and the one that begins changes. The
//! first round only warms up. Before each load the schemas are dropped and the server is let settle; after
//! it, CHECKSUM TABLE of every table must equal the source's, else the times would mean nothing.

mod arena;
pub mod dataset;
pub mod error;
pub mod measure;
pub mod mysqldump;
pub mod ourselves;
pub mod rival;
pub mod scoreboard;

pub use error::BenchError;
pub use scoreboard::Scoreboard;

use crate::progress::{Progress, Stop};
use crate::sandbox::{ProgramPaths, Sandbox, SandboxOptions};
use crate::server::ConnectOptions;
use arena::Arena;
use dataset::DatasetSpec;
use mysqldump::Mysqldump;
use ourselves::Ourselves;
use rival::Rival;
use scoreboard::{Scores, Step};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// With `quick` a generated data set has at most so many rows.
const QUICK_ROWS: u64 = 20_000;
/// The redo log of the private servers, the same for all contestants: as large as anybody who restores
/// gigabytes would set it.
const REDO_LOG_BYTES: u64 = 1 << 30;

/// What is dumped and loaded.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Generated rows in a private server.
    Dataset(DatasetSpec),
    /// All user schemas of a server, which is only read.
    Source(ConnectOptions),
}

/// `myriad bench`.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// What is dumped and loaded.
    pub subject: Subject,
    /// Measured rounds; one more warms up.
    pub runs: u32,
    /// Sessions that this program moves rows with.
    pub threads: usize,
    /// Where servers, dumps and repositories lie meanwhile; short, since sockets lie in it.
    pub work: PathBuf,
    /// Where mysqld, mysql and mysqldump are looked for.
    pub programs: ProgramPaths,
    /// This program.
    pub myriad: PathBuf,
    /// One round on little data without warming up: to see that everything works.
    pub quick: bool,
}

/// Runs the contest. Everything it made is removed at the end.
pub async fn run(options: &BenchOptions, progress: &Arc<dyn Progress>, stop: &Stop) -> Result<Scoreboard, BenchError> {
    let source_server = match &options.subject {
        Subject::Dataset(_) => Some(private_server(options).await?),
        Subject::Source(_) => None,
    };
    let target_server = private_server(options).await?;
    let source = match &options.subject {
        Subject::Dataset(spec) => {
            let server =
                source_server.as_ref().map(Sandbox::connect_options).unwrap_or_else(|| target_server.connect_options());
            let spec = if options.quick { spec.at_most(QUICK_ROWS) } else { *spec };
            progress.note(&format!("making the data set {spec}"));
            dataset::fill(spec, dataset::SEED, &server, options.threads, progress).await?;
            server
        }
        Subject::Source(server) => server.clone(),
    };
    let folder = target_server.scratch_folder()?;
    let target = target_server.connect_options();
    let mut arena = Arena::enter(&source, &target, source_server.as_ref(), &target_server).await?;
    let mut rivals = rivals(options, &source, &target, &arena.schemas, &folder)?;

    let mut scores = Scores::default();
    let warm_ups = u32::from(!options.quick);
    for round in 0..options.runs + warm_ups {
        let mut measured = Scores::default();
        progress.note(&match round.checked_sub(warm_ups) {
            None => "warming up".to_owned(),
            Some(number) => format!("round {} of {}", number + 1, options.runs),
        });
        run_round(&mut arena, &mut rivals, round as usize, &folder, &mut measured, progress, stop).await?;
        if round >= warm_ups {
            scores.append(measured);
        }
    }
    let facts = arena.facts(options, REDO_LOG_BYTES).await?;
    arena.leave().await;
    Ok(Scoreboard::new(facts, scores))
}

async fn private_server(options: &BenchOptions) -> Result<Sandbox, BenchError> {
    let mut sandbox = SandboxOptions::new(options.programs.clone());
    sandbox.folder = options.work.clone();
    sandbox.buffer_pool_bytes = buffer_pool_bytes(scoreboard::memory_bytes());
    sandbox.arguments.push(format!("--innodb-redo-log-capacity={REDO_LOG_BYTES}"));
    let started = tokio::task::spawn_blocking(move || Sandbox::start(sandbox)).await;
    Ok(started.map_err(|error| BenchError::Task(error.to_string()))??)
}

/// An eighth of the machine for each of the two servers, at most 2 GiB.
fn buffer_pool_bytes(memory_bytes: u64) -> u64 {
    (memory_bytes / 8).clamp(128 << 20, 2 << 30)
}

/// The contestants; this program is the first.
fn rivals(
    options: &BenchOptions,
    source: &ConnectOptions,
    target: &ConnectOptions,
    schemas: &[String],
    folder: &Path,
) -> Result<Vec<Box<dyn Rival>>, BenchError> {
    Ok(vec![
        Box::new(Ourselves {
            myriad: options.myriad.clone(),
            source: source.clone(),
            target: target.clone(),
            schemas: schemas.to_vec(),
            repository: folder.join("repository"),
            home: folder.to_owned(),
            threads: options.threads,
        }),
        Box::new(Mysqldump {
            mysqldump: options.programs.client("mysqldump")?,
            mysql: options.programs.client("mysql")?,
            source: source.clone(),
            target: target.clone(),
            schemas: schemas.to_vec(),
            file: folder.join("dump.sql"),
        }),
    ])
}

async fn run_round(
    arena: &mut Arena,
    rivals: &mut [Box<dyn Rival>],
    round: usize,
    folder: &Path,
    scores: &mut Scores,
    progress: &Arc<dyn Progress>,
    stop: &Stop,
) -> Result<(), BenchError> {
    let goes_on = || if stop.stopped() { Err(BenchError::Interrupted) } else { Ok(()) };
    let count = rivals.len();
    for turn in 0..count {
        let rival = &mut rivals[(turn + round) % count];
        goes_on()?;
        progress.note(&format!("{}: dump", rival.name()));
        rival.prepare()?;
        let step = rival.dump();
        let usage = measure::run(&step, arena.source_pid, folder).await?;
        let first_bytes = rival.stored_bytes()?;
        scores.add(Step::Dump, rival.name(), "", &step, usage, Some(first_bytes));
        if rival.remembers() {
            goes_on()?;
            let usage = measure::run(&step, arena.source_pid, folder).await?;
            scores.add(Step::SecondDump, rival.name(), "", &step, usage, Some(rival.stored_bytes()? - first_bytes));
        }
    }
    let loads: Vec<(usize, usize)> =
        rivals.iter().enumerate().flat_map(|(r, rival)| (0..rival.ways().len()).map(move |way| (r, way))).collect();
    for turn in 0..loads.len() {
        let (number, way) = loads[(turn + round) % loads.len()];
        let (rival, way_name) = (&rivals[number], rivals[number].ways()[way]);
        goes_on()?;
        progress.note(&format!("{}: load, {way_name}", rival.name()));
        arena.clear_target().await?;
        let step = rival.load(way);
        let usage = measure::run(&step, Some(arena.target_pid), folder).await?;
        scores.add(Step::Load, rival.name(), way_name, &step, usage, None);
        let tables = arena.differing_tables().await?;
        if !tables.is_empty() {
            return Err(BenchError::Differs { rival: format!("{} ({way_name})", rival.name()), tables });
        }
    }
    Ok(())
}
