//! Data sets and a contest: the same data, dumped and loaded by this program and by its rivals in turn on
//! the same servers. In: [`BenchOptions`]. Out: a [`Scoreboard`] that `cli` prints as a table or as JSON.
//!
//! Rounds alternate: in each, every contestant dumps and loads once, and the one that begins changes. The first round only
//! warms up. Before each load the schemas are dropped and the server is let settle; after it the target is compared with the
//! source, and where it differs the columns are told beside the times. All of it is done twice: with the settings that the
//! server starts with, and with those switched that cost a load most, for everybody alike. A rival that fails leaves the
//! contest with its reason; only this program may not.

mod arena;
mod chart;
pub mod compare;
pub mod dataset;
pub mod error;
mod machine;
pub mod measure;
mod page;
pub mod rivals;
pub mod scoreboard;
mod sums;

pub use error::BenchError;
pub use scoreboard::{Scoreboard, Settings};

use crate::progress::{Progress, Stop};
use crate::sandbox::{ProgramPaths, Sandbox, SandboxOptions};
use crate::server::ConnectOptions;
use arena::{Arena, Found};
use dataset::DatasetSpec;
use rivals::{Absent, Rival, RivalOptions, Task};
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
    /// Nothing: the result of an earlier run is shown again.
    Earlier(PathBuf),
}

/// `myriad bench`.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// What is dumped and loaded.
    pub subject: Subject,
    /// Measured rounds; one more warms up.
    pub runs: u32,
    /// Sessions that this program, and rivals that can, move rows with.
    pub threads: usize,
    /// Where servers, dumps and repositories lie meanwhile; short, since sockets lie in it.
    pub work: PathBuf,
    /// Where mysqld is looked for, and the mysql client that compares.
    pub programs: ProgramPaths,
    /// Who is measured beside this program.
    pub rivals: RivalOptions,
    /// The settings of the target, one contest for each.
    pub settings: Vec<Settings>,
    /// This program.
    pub myriad: PathBuf,
    /// One round on little data without warming up: to see that everything works.
    pub quick: bool,
    /// Where the chart is written.
    pub svg: Option<PathBuf>,
    /// Where the page with chart and tables is written.
    pub html: Option<PathBuf>,
}

/// Measures, or reads what was measured, and writes chart and page where they are wanted.
pub async fn run(options: &BenchOptions, progress: &Arc<dyn Progress>, stop: &Stop) -> Result<Scoreboard, BenchError> {
    // Hours of measuring are not to be lost for a folder that is not there.
    for file in options.svg.iter().chain(&options.html) {
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
        opened.map_err(measure::file_error("write", file))?;
    }
    let board = match &options.subject {
        Subject::Earlier(file) => scoreboard::read(file)?,
        Subject::Dataset(_) | Subject::Source(_) => contest(options, progress, stop).await?,
    };
    if let Some(file) = &options.svg {
        std::fs::write(file, chart::svg(&board)).map_err(measure::file_error("write", file))?;
    }
    if let Some(file) = &options.html {
        std::fs::write(file, page::html(&board)).map_err(measure::file_error("write", file))?;
    }
    Ok(board)
}

/// Starts the servers, fills the source and runs the contest. Everything it made is removed at the end.
async fn contest(options: &BenchOptions, progress: &Arc<dyn Progress>, stop: &Stop) -> Result<Scoreboard, BenchError> {
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
        Subject::Earlier(_) => unreachable!("nothing is measured for an earlier result"),
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
        rivals: &options.rivals,
        settings: &options.settings,
        tuned_too: true,
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
    options.buffer_pool_bytes = (machine::memory_bytes() / 8).clamp(128 << 20, 2 << 30);
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
    /// Sessions that this program, and rivals that can, move rows with.
    pub threads: usize,
    /// Where the mysql client is looked for that prints values for comparison.
    pub programs: &'a ProgramPaths,
    /// Who is measured beside this program.
    pub rivals: &'a RivalOptions,
    /// The settings of the target, one after the other.
    pub settings: &'a [Settings],
    /// This program also loads in the way in which it changes settings by itself.
    pub tuned_too: bool,
    /// This program.
    pub myriad: &'a Path,
    /// The data is such that rivals fail on it: every value and definition is compared, and rivals go on after errors.
    pub tell_losses: bool,
}

impl Contest<'_> {
    /// Runs all rounds.
    pub async fn run(&self, progress: &Arc<dyn Progress>, stop: &Stop) -> Result<Scoreboard, BenchError> {
        let folder = self.target_server.scratch_folder()?;
        let mut arena = Arena::enter(self).await?;
        let task = Task {
            source: self.source.clone(),
            target: self.target_server.connect_options(),
            schemas: arena.schemas.clone(),
            folder: folder.clone(),
            threads: self.threads,
            force: self.tell_losses,
        };
        let (rivals, absent) = rivals::gather(&task, self.myriad, self.tuned_too, self.rivals).await?;
        for Absent { rival, why } in &absent {
            progress.note(&format!("{rival} does not take part: {why}"));
        }
        let programs = rivals::versions(&rivals);
        let mut field = Field { rivals, absent, losses: Vec::new() };
        let mut scores = Scores::default();
        for settings in self.settings {
            arena.switch(*settings).await?;
            progress.phase("comparison", 0, 0);
            progress.note(settings.title());
            for round in 0..self.warm_ups + self.runs {
                let mut measured = Scores::default();
                progress.note(&match round.checked_sub(self.warm_ups) {
                    None => "warming up".to_owned(),
                    Some(number) => format!("round {} of {}", number + 1, self.runs),
                });
                let turn = Round { number: round as usize, settings: *settings, folder: &folder, progress, stop };
                // The target's settings say nothing of a dump, and those of the first contest are there.
                if *settings == self.settings[0] {
                    turn.dump(&arena, &mut field, &mut measured).await?;
                }
                turn.load(&mut arena, &mut field, &mut measured).await?;
                if round >= self.warm_ups {
                    scores.append(measured);
                }
            }
        }
        let facts = arena.facts(self, programs).await?;
        arena.leave().await;
        Ok(Scoreboard::new(facts, scores, field.losses, field.absent))
    }
}

/// Who still takes part, who does not, and what was lost.
struct Field {
    rivals: Vec<Box<dyn Rival>>,
    absent: Vec<Absent>,
    losses: Vec<Loss>,
}

impl Field {
    /// A rival that failed leaves; this program's failure, or somebody's wish to stop, ends everything.
    fn leave(&mut self, failed: Vec<(String, BenchError)>, progress: &Arc<dyn Progress>) -> Result<(), BenchError> {
        for (rival, error) in failed {
            if rival == scoreboard::OURS || matches!(error, BenchError::Interrupted) {
                return Err(error);
            }
            progress.note(&format!("{rival} leaves: {error}"));
            self.rivals.retain(|present| present.name() != rival);
            if self.absent.iter().all(|absent| absent.rival != rival) {
                self.absent.push(Absent { rival, why: reason(&error) });
            }
        }
        Ok(())
    }

    /// A loss is told once: two ways of loading one dump lose the same, and so does each round.
    fn lose(&mut self, rival: &str, way: &str, found: Found) {
        if found.differences.is_empty() && !found.told_if_none {
            return;
        }
        let same = |loss: &&mut Loss| loss.rival == rival && loss.differences == found.differences;
        match self.losses.iter_mut().find(same) {
            Some(loss) if loss.way.split("; ").any(|known| known == way) => {}
            Some(loss) => loss.way = format!("{}; {way}", loss.way),
            None => {
                let (rival, way) = (rival.to_owned(), way.to_owned());
                self.losses.push(Loss { rival, way, differences: found.differences });
            }
        }
    }
}

/// A failure in few words: what the program said last, without its command line.
fn reason(error: &BenchError) -> String {
    match error {
        BenchError::Program { program, status, complaint } => {
            let name = program.split(' ').next().unwrap_or_default();
            let last = complaint.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("without a word");
            format!("{name} failed ({status}): {last}")
        }
        other => other.to_string(),
    }
}

/// One round: everybody once, beginning with another contestant each time.
struct Round<'a> {
    number: usize,
    settings: Settings,
    folder: &'a Path,
    progress: &'a Arc<dyn Progress>,
    stop: &'a Stop,
}

impl Round<'_> {
    async fn dump(&self, arena: &Arena, field: &mut Field, scores: &mut Scores) -> Result<(), BenchError> {
        let count = field.rivals.len();
        let mut failed = Vec::new();
        for turn in 0..count {
            let rival = &mut field.rivals[(turn + self.number) % count];
            if let Err(error) = self.dump_one(arena, rival.as_mut(), scores).await {
                failed.push((rival.name().to_owned(), error));
            }
        }
        field.leave(failed, self.progress)
    }

    async fn dump_one(&self, arena: &Arena, rival: &mut dyn Rival, scores: &mut Scores) -> Result<(), BenchError> {
        self.next(&format!("{}: dump", rival.name()))?;
        rival.prepare()?;
        let step = rival.dump();
        let usage = measure::run(&step, arena.source_pid, self.folder, self.stop).await?;
        let first_bytes = rival.stored_bytes()?;
        scores.add(self.settings, Step::Dump, (rival.name(), ""), &step, usage, Some(first_bytes));
        if rival.remembers() {
            self.next(&format!("{}: dump again", rival.name()))?;
            let usage = measure::run(&step, arena.source_pid, self.folder, self.stop).await?;
            let added_bytes = rival.stored_bytes()?.saturating_sub(first_bytes);
            scores.add(self.settings, Step::SecondDump, (rival.name(), ""), &step, usage, Some(added_bytes));
        }
        Ok(())
    }

    async fn load(&self, arena: &mut Arena, field: &mut Field, scores: &mut Scores) -> Result<(), BenchError> {
        let ways = field.rivals.iter().map(|rival| rival.ways().len()).enumerate();
        let loads: Vec<(usize, usize)> =
            ways.flat_map(|(number, count)| (0..count).map(move |way| (number, way))).collect();
        let mut failed: Vec<(String, BenchError)> = Vec::new();
        for turn in 0..loads.len() {
            let (number, way) = loads[(turn + self.number) % loads.len()];
            let rival = &field.rivals[number];
            let (name, way_name) = (rival.name().to_owned(), rival.ways()[way]);
            if failed.iter().any(|(rival, _)| *rival == name) {
                continue;
            }
            match self.load_one(arena, rival.as_ref(), way, scores).await {
                Ok(found) => field.lose(&name, way_name, found),
                Err(error) => failed.push((name, error)),
            }
        }
        field.leave(failed, self.progress)
    }

    /// Loads and compares. This program may not bring anything else than the source has.
    async fn load_one(
        &self,
        arena: &mut Arena,
        rival: &dyn Rival,
        way: usize,
        scores: &mut Scores,
    ) -> Result<Found, BenchError> {
        let way_name = rival.ways()[way];
        self.next(&format!("{}: load, {way_name}", rival.name()))?;
        arena.clear_target().await?;
        let step = rival.load(way);
        let usage = measure::run(&step, Some(arena.target_pid), self.folder, self.stop).await?;
        let found = arena.compare().await?;
        if rival.name() == scoreboard::OURS && !found.told_if_none && !found.differences.is_empty() {
            let places = found.differences.into_iter().map(|difference| difference.place).collect();
            return Err(BenchError::Differs { rival: format!("{} ({way_name})", rival.name()), tables: places });
        }
        scores.add(self.settings, Step::Load, (rival.name(), way_name), &step, usage, None);
        Ok(found)
    }

    fn next(&self, what: &str) -> Result<(), BenchError> {
        if self.stop.stopped() {
            return Err(BenchError::Interrupted);
        }
        self.progress.note(what);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_by_its_last_words() {
        let program = BenchError::Program {
            program: "mydumper --threads=2".into(),
            status: "exit status: 1".into(),
            complaint: "connected\n\nno such option\n".into(),
        };
        assert_eq!(reason(&program), "mydumper failed (exit status: 1): no such option");
        assert_eq!(reason(&BenchError::Interrupted), BenchError::Interrupted.to_string());
    }

    #[test]
    fn who_fails_leaves_and_a_loss_is_told_once() {
        let progress: Arc<dyn Progress> = Arc::new(crate::progress::Silent);
        let mut field = Field { rivals: Vec::new(), absent: Vec::new(), losses: Vec::new() };
        let task = || BenchError::Task("x".into());
        field.leave(vec![("other".into(), task())], &progress).unwrap();
        field.leave(vec![("other".into(), task())], &progress).unwrap();
        assert_eq!(field.absent.len(), 1);
        assert!(field.leave(vec![(scoreboard::OURS.into(), task())], &progress).is_err());
        assert!(field.leave(vec![("other".into(), BenchError::Interrupted)], &progress).is_err());
        let found = |what: &str| Found {
            differences: vec![compare::Difference { place: "s.t".into(), what: what.into() }],
            told_if_none: false,
        };
        for way in ["a", "b", "a"] {
            field.lose("other", way, found("column f"));
        }
        field.lose("other", "b", found("column g"));
        field.lose("other", "c", Found { differences: vec![], told_if_none: false });
        let ways: Vec<&str> = field.losses.iter().map(|loss| loss.way.as_str()).collect();
        assert_eq!(ways, ["a; b", "b"]);
    }
}
