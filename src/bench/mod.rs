//! Data sets and a contest: the same data, dumped and loaded by this program and by its rivals in turn on
//! the same servers. In: [`BenchOptions`]. Out: a [`Scoreboard`] that `cli` prints as a table or as JSON.
//!
//! Rounds alternate: in each, every contestant dumps and loads once, and the one that begins changes. The
//! first round only warms up. Before each load the schemas are dropped and the server is let settle; after
//! it, CHECKSUM TABLE of every table must equal the source's, else the times would mean nothing. The corpus is data that
//! rivals are known to lose: there every value is compared, and what differs is told beside the times.

mod arena;
pub mod compare;
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
use scoreboard::{Loss, Scores, Step};
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

/// Starts the servers, fills the source and runs the contest. Everything it made is removed at the end.
pub async fn run(options: &BenchOptions, progress: &Arc<dyn Progress>, stop: &Stop) -> Result<Scoreboard, BenchError> {
    let server = server_options(&options.programs, &options.work);
    let target_server = start(server.clone()).await?;
    let (source_server, source, data) = match &options.subject {
        Subject::Source(source) => (None, source.clone(), source.describe()),
        Subject::Dataset(spec) => {
            let spec = if options.quick { spec.at_most(QUICK_ROWS) } else { *spec };
            let source_server = start(server).await?;
            let source = source_server.connect_options();
            progress.note(&format!("making the data set {spec}"));
            dataset::fill(spec, dataset::SEED, &source, options.threads, progress).await?;
            (Some(source_server), source, spec.to_string())
        }
    };
    let contest = Contest {
        source: &source,
        source_server: source_server.as_ref(),
        target_server: &target_server,
        data,
        warm_ups: u32::from(!options.quick),
        runs: if options.quick { 1 } else { options.runs },
        threads: options.threads,
        programs: &options.programs,
        myriad: &options.myriad,
        tell_losses: matches!(options.subject, Subject::Dataset(DatasetSpec::Corpus { .. })),
    };
    contest.run(progress, stop).await
}

/// The private servers of a contest: the same settings for every contestant, the defaults but for memory and
/// redo log.
pub fn server_options(programs: &ProgramPaths, folder: &Path) -> SandboxOptions {
    let mut options = SandboxOptions::new(programs.clone());
    options.folder = folder.to_owned();
    // An eighth of the machine for each of the two servers, at most 2 GiB.
    options.buffer_pool_bytes = (scoreboard::memory_bytes() / 8).clamp(128 << 20, 2 << 30);
    options.arguments.push(format!("--innodb-redo-log-capacity={REDO_LOG_BYTES}"));
    options
}

/// Starts a private server without blocking the runtime.
pub async fn start(options: SandboxOptions) -> Result<Sandbox, BenchError> {
    let started = tokio::task::spawn_blocking(move || Sandbox::start(options)).await;
    Ok(started.map_err(|error| BenchError::Task(error.to_string()))??)
}

/// A contest on servers that run already. The target's user schemas of the source's names are dropped.
pub struct Contest<'a> {
    /// How to reach the source.
    pub source: &'a ConnectOptions,
    /// The source, where it is a private server: its CPU is then measured too.
    pub source_server: Option<&'a Sandbox>,
    /// The server that is loaded.
    pub target_server: &'a Sandbox,
    /// What the data is called in the report.
    pub data: String,
    /// Rounds that are not measured.
    pub warm_ups: u32,
    /// Measured rounds.
    pub runs: u32,
    /// Sessions that this program moves rows with.
    pub threads: usize,
    /// Where mysql and mysqldump are looked for.
    pub programs: &'a ProgramPaths,
    /// This program.
    pub myriad: &'a Path,
    /// What a contestant loses is told, and ends nothing.
    pub tell_losses: bool,
}

impl Contest<'_> {
    /// Runs all rounds.
    pub async fn run(&self, progress: &Arc<dyn Progress>, stop: &Stop) -> Result<Scoreboard, BenchError> {
        let folder = self.target_server.scratch_folder()?;
        let mut arena = Arena::enter(self).await?;
        let mut rivals = self.rivals(&arena.schemas, &folder)?;
        let (mut scores, mut losses) = (Scores::default(), Vec::new());
        progress.phase("comparison", 0, 0);
        for round in 0..self.warm_ups + self.runs {
            let mut measured = Scores::default();
            progress.note(&match round.checked_sub(self.warm_ups) {
                None => "warming up".to_owned(),
                Some(number) => format!("round {} of {}", number + 1, self.runs),
            });
            let turn = Round { number: round as usize, folder: &folder, progress, stop };
            turn.dump(&arena, &mut rivals, &mut measured).await?;
            let lost = turn.load(&mut arena, &rivals, &mut measured).await?;
            if round >= self.warm_ups {
                scores.append(measured);
                losses = lost;
            }
        }
        let facts = arena.facts(self).await?;
        arena.leave().await;
        losses.sort_by_key(|loss| (loss.rival != "myriad", loss.rival.clone(), loss.way.clone()));
        // Two ways of loading one dump lose the same: told once.
        losses.dedup_by(|next, first| {
            let same = next.rival == first.rival && next.differences == first.differences;
            if same {
                first.way = format!("{}; {}", first.way, next.way);
            }
            same
        });
        Ok(Scoreboard::new(facts, scores, losses))
    }

    /// The contestants; this program is the first.
    fn rivals(&self, schemas: &[String], folder: &Path) -> Result<Vec<Box<dyn Rival>>, BenchError> {
        let target = self.target_server.connect_options();
        Ok(vec![
            Box::new(Ourselves {
                myriad: self.myriad.to_owned(),
                source: self.source.clone(),
                target: target.clone(),
                schemas: schemas.to_vec(),
                repository: folder.join("repository"),
                home: folder.to_owned(),
                threads: self.threads,
            }),
            Box::new(Mysqldump {
                mysqldump: self.programs.client("mysqldump")?,
                mysql: self.programs.client("mysql")?,
                source: self.source.clone(),
                target,
                schemas: schemas.to_vec(),
                file: folder.join("dump.sql"),
                force: self.tell_losses,
            }),
        ])
    }
}

/// One round: everybody once, beginning with another contestant each time.
struct Round<'a> {
    number: usize,
    folder: &'a Path,
    progress: &'a Arc<dyn Progress>,
    stop: &'a Stop,
}

impl Round<'_> {
    async fn dump(&self, arena: &Arena, rivals: &mut [Box<dyn Rival>], scores: &mut Scores) -> Result<(), BenchError> {
        let count = rivals.len();
        for turn in 0..count {
            let rival = &mut rivals[(turn + self.number) % count];
            self.next(&format!("{}: dump", rival.name()))?;
            rival.prepare()?;
            let step = rival.dump();
            let usage = measure::run(&step, arena.source_pid, self.folder, self.stop).await?;
            let first_bytes = rival.stored_bytes()?;
            scores.add(Step::Dump, rival.name(), "", &step, usage, Some(first_bytes));
            if rival.remembers() {
                self.next(&format!("{}: dump again", rival.name()))?;
                let usage = measure::run(&step, arena.source_pid, self.folder, self.stop).await?;
                let added_bytes = rival.stored_bytes()?.saturating_sub(first_bytes);
                scores.add(Step::SecondDump, rival.name(), "", &step, usage, Some(added_bytes));
            }
        }
        Ok(())
    }

    async fn load(
        &self,
        arena: &mut Arena,
        rivals: &[Box<dyn Rival>],
        scores: &mut Scores,
    ) -> Result<Vec<Loss>, BenchError> {
        let mut losses = Vec::new();
        let ways = rivals.iter().map(|rival| rival.ways().len()).enumerate();
        let loads: Vec<(usize, usize)> =
            ways.flat_map(|(number, count)| (0..count).map(move |way| (number, way))).collect();
        for turn in 0..loads.len() {
            let (number, way) = loads[(turn + self.number) % loads.len()];
            let (rival, way_name) = (&rivals[number], rivals[number].ways()[way]);
            self.next(&format!("{}: load, {way_name}", rival.name()))?;
            arena.clear_target().await?;
            let step = rival.load(way);
            let usage = measure::run(&step, Some(arena.target_pid), self.folder, self.stop).await?;
            scores.add(Step::Load, rival.name(), way_name, &step, usage, None);
            if let Some(differences) = arena.differences()? {
                losses.push(Loss { rival: rival.name().to_owned(), way: way_name.to_owned(), differences });
                continue;
            }
            let tables = arena.differing_tables().await?;
            if !tables.is_empty() {
                return Err(BenchError::Differs { rival: format!("{} ({way_name})", rival.name()), tables });
            }
        }
        Ok(losses)
    }

    fn next(&self, what: &str) -> Result<(), BenchError> {
        if self.stop.stopped() {
            return Err(BenchError::Interrupted);
        }
        self.progress.note(what);
        Ok(())
    }
}
