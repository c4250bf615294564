//! The result of a contest: medians with their spread, ratios of this program to its rivals, and the machine
//! they were measured on. It can be printed for people, serialised and read again; nothing is measured here.

use super::compare::Difference;
use super::error::BenchError;
use super::measure::{self, Usage};
use super::rivals::{Absent, ProgramVersion};
use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// The name of this program among the contestants.
pub const OURS: &str = "myriad";
/// Digits of a ratio that count: what rounds to 1 is neither won nor lost.
const EVEN: f64 = 0.005;

/// The part of the work that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// All schemas to disk.
    Dump,
    /// The same again, unchanged, on top of the first.
    SecondDump,
    /// From disk into an empty server.
    Load,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Dump => "dump",
            Step::SecondDump => "dump again",
            Step::Load => "load",
        })
    }
}

/// The settings of the target, the same for all contestants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settings {
    /// Those that the server starts with.
    AsStarted,
    /// Those switched that cost a load most and that a server of one's own can do without while it is loaded.
    Switched,
}

impl Settings {
    /// What is printed above its table.
    pub fn title(self) -> &'static str {
        match self {
            Settings::AsStarted => "settings as the server starts with, redo log kept",
            Settings::Switched => {
                "settings switched for everybody: redo log off, doublewrite DETECT_ONLY, no flush at commit, adaptive hash index"
            }
        }
    }

    /// The statements that make them so, from either state.
    pub(super) fn statements(self) -> &'static [&'static str] {
        match self {
            Settings::AsStarted => &[
                "ALTER INSTANCE ENABLE INNODB REDO_LOG",
                "SET GLOBAL innodb_doublewrite = ON, GLOBAL innodb_extend_and_initialize = ON, \
                 GLOBAL innodb_flush_log_at_trx_commit = 1, GLOBAL sync_binlog = 1, GLOBAL innodb_adaptive_hash_index = OFF",
            ],
            Settings::Switched => &[
                "ALTER INSTANCE DISABLE INNODB REDO_LOG",
                "SET GLOBAL innodb_doublewrite = DETECT_ONLY, GLOBAL innodb_extend_and_initialize = OFF, \
                 GLOBAL innodb_flush_log_at_trx_commit = 0, GLOBAL sync_binlog = 0, GLOBAL innodb_adaptive_hash_index = ON",
            ],
        }
    }
}

/// What was measured where.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    /// When the contest ended, to the minute.
    pub measured_at: String,
    /// The processor's name.
    pub cpu: String,
    /// Its cores that this program may use.
    pub cores: usize,
    /// Memory of the machine.
    pub memory_bytes: u64,
    /// File system and disk that servers and dumps lay on.
    pub disk: String,
    /// Kernel and architecture.
    pub system: String,
    /// What ran, with versions.
    pub programs: Vec<ProgramVersion>,
    /// The target server's version.
    pub server: String,
    /// Its buffer pool.
    pub buffer_pool_bytes: u64,
    /// Its redo log.
    pub redo_log_bytes: u64,
    /// The data set or the source.
    pub data: String,
    /// Its tables.
    pub tables: usize,
    /// The server's estimate of the rows' size.
    pub data_bytes: u64,
    /// The server's estimate of the secondary indexes' size.
    pub index_bytes: u64,
    /// Measured rounds.
    pub runs: u32,
    /// Rounds before them that only warmed up.
    pub warm_ups: u32,
    /// Sessions that whoever can have several had.
    pub threads: usize,
}

/// The median of the rounds, with the least and the most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle value; the mean of the two middle ones where their number is even.
    pub median: f64,
    /// The least value.
    pub least: f64,
    /// The largest value.
    pub most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Spread> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
        Some(Spread { median, least, most })
    }
}

/// One contestant in one step, over all rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Under which settings of the target.
    pub settings: Settings,
    /// What was done.
    pub step: Step,
    /// By whom.
    pub rival: String,
    /// In which way, where there are several.
    pub way: String,
    /// The command.
    pub command: String,
    /// Seconds from start to end.
    pub wall_seconds: Spread,
    /// CPU seconds of the client.
    pub client_cpu_seconds: Spread,
    /// CPU seconds of the server.
    pub server_cpu_seconds: Option<Spread>,
    /// Bytes that the server wrote to disk.
    pub server_written_bytes: Option<Spread>,
    /// The client's largest resident size in any round, all its processes together.
    pub client_memory_bytes: u64,
    /// Bytes on disk after a dump; for a second dump what it added.
    pub stored_bytes: Option<u64>,
}

impl Line {
    /// True for this program's own.
    pub fn is_ours(&self) -> bool {
        self.rival == OURS
    }

    /// Who did what in which way.
    pub fn label(&self) -> String {
        let way = if self.way.is_empty() { String::new() } else { format!(" ({})", self.way) };
        format!("{} {}{way}", self.rival, self.step)
    }
}

/// Medians of one line of ours divided by those of one of a rival's. What is above 1 is lost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ratio {
    /// Under which settings of the target.
    pub settings: Settings,
    /// Our line.
    pub what: String,
    /// The rival's.
    pub against: String,
    /// Time from start to end.
    pub wall: f64,
    /// CPU of the client.
    pub client_cpu: Option<f64>,
    /// CPU of the server.
    pub server_cpu: Option<f64>,
    /// Bytes that the server wrote; of a load.
    pub written: Option<f64>,
    /// Bytes on disk; of a dump.
    pub size: Option<f64>,
}

/// What a contestant did not bring as the source has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Loss {
    /// Who.
    pub rival: String,
    /// In which way of loading.
    pub way: String,
    /// Every difference.
    pub differences: Vec<Difference>,
}

/// The measurements as they come in.
#[derive(Default)]
pub struct Scores(Vec<Score>);

struct Score {
    settings: Settings,
    step: Step,
    rival: String,
    way: String,
    command: String,
    usage: Usage,
    stored_bytes: Option<u64>,
}

impl Scores {
    /// Adds one measurement of a rival in one of its ways.
    pub fn add(
        &mut self,
        settings: Settings,
        step: Step,
        (rival, way): (&str, &str),
        command: &measure::Step,
        usage: Usage,
        stored_bytes: Option<u64>,
    ) {
        let (rival, way, command) = (rival.to_owned(), way.to_owned(), command.describe());
        self.0.push(Score { settings, step, rival, way, command, usage, stored_bytes });
    }

    /// Adds those of another round.
    pub fn append(&mut self, other: Scores) {
        self.0.extend(other.0);
    }

    /// The sum of all rounds of one contestant in one step.
    fn line(&self, of: &Score) -> Option<Line> {
        let mine: Vec<&Score> = self.0.iter().filter(|score| score.key() == of.key()).collect();
        let spread = |value: fn(&Usage) -> f64| Spread::of(mine.iter().map(|score| value(&score.usage)).collect());
        let maybe = |value: fn(&Usage) -> Option<f64>| {
            Spread::of(mine.iter().map(|score| value(&score.usage)).collect::<Option<Vec<f64>>>()?)
        };
        Some(Line {
            settings: of.settings,
            step: of.step,
            rival: of.rival.clone(),
            way: of.way.clone(),
            command: of.command.clone(),
            wall_seconds: spread(|usage| usage.wall_seconds)?,
            client_cpu_seconds: spread(|usage| usage.client_cpu_seconds)?,
            server_cpu_seconds: maybe(|usage| usage.server_cpu_seconds),
            server_written_bytes: maybe(|usage| usage.server_written_bytes.map(|bytes| bytes as f64)),
            client_memory_bytes: mine.iter().map(|score| score.usage.client_memory_bytes).max()?,
            stored_bytes: mine.iter().filter_map(|score| score.stored_bytes).max(),
        })
    }
}

impl Score {
    fn key(&self) -> (Settings, Step, &str, &str) {
        (self.settings, self.step, &self.rival, &self.way)
    }
}

/// The result of a contest. `Display` gives the tables for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scoreboard {
    /// What was measured where.
    #[serde(flatten)]
    pub facts: Facts,
    /// One line for each contestant, step and way.
    pub lines: Vec<Line>,
    /// Ours to the rivals'.
    pub ratios: Vec<Ratio>,
    /// What contestants did not bring as it was.
    pub losses: Vec<Loss>,
    /// Who was asked for and did not take part, or not to the end.
    pub absent: Vec<Absent>,
}

/// The result that an earlier run printed as JSON.
pub fn read(file: &Path) -> Result<Scoreboard, BenchError> {
    let text = std::fs::read_to_string(file).map_err(measure::file_error("read", file))?;
    let failed = |why: serde_json::Error| BenchError::Earlier { path: file.to_owned(), why: why.to_string() };
    let document: serde_json::Value = serde_json::from_str(&text).map_err(failed)?;
    serde_json::from_value(document).map_err(failed)
}

impl Scoreboard {
    /// Sums up the measurements.
    pub fn new(facts: Facts, scores: Scores, mut losses: Vec<Loss>, absent: Vec<Absent>) -> Scoreboard {
        let mut seen: Vec<&Score> = Vec::new();
        for score in &scores.0 {
            if seen.iter().all(|known| known.key() != score.key()) {
                seen.push(score);
            }
        }
        // Rounds begin with different contestants, so the order of the first round says nothing.
        seen.sort_by_key(|score| {
            let (settings, step, rival, way) = score.key();
            (settings as u8, step as u8, rival != OURS, rival, way)
        });
        let lines: Vec<Line> = seen.into_iter().filter_map(|score| scores.line(score)).collect();
        losses.sort_by_key(|loss| (loss.rival != OURS, loss.rival.clone(), loss.way.clone()));
        Scoreboard { facts, ratios: ratios(&lines), lines, losses, absent }
    }

    /// The settings that were measured under, in order.
    pub fn settings(&self) -> Vec<Settings> {
        let mut settings: Vec<Settings> = self.lines.iter().map(|line| line.settings).collect();
        settings.dedup();
        settings
    }
}

fn ratios(lines: &[Line]) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    let cpu = |line: &Line| line.server_cpu_seconds.map(|cpu| cpu.median);
    let written = |line: &Line| line.server_written_bytes.map(|bytes| bytes.median);
    let size = |line: &Line| line.stored_bytes.map(|bytes| bytes as f64);
    let divide = |mine: Option<f64>, other: Option<f64>| Some(mine? / other.filter(|other| *other > 0.0)?);
    for mine in lines.iter().filter(|line| line.is_ours()) {
        let meets = |other: &&Line| !other.is_ours() && other.settings == mine.settings && other.step == mine.step;
        for other in lines.iter().filter(meets) {
            ratios.push(Ratio {
                settings: mine.settings,
                what: mine.label(),
                against: other.label(),
                wall: mine.wall_seconds.median / other.wall_seconds.median,
                client_cpu: divide(Some(mine.client_cpu_seconds.median), Some(other.client_cpu_seconds.median)),
                server_cpu: divide(cpu(mine), cpu(other)),
                written: if mine.step == Step::Load { divide(written(mine), written(other)) } else { None },
                size: divide(size(mine), size(other)),
            });
        }
    }
    ratios
}

impl Facts {
    /// Machine, server and data in lines of a name and a text.
    pub fn told(&self) -> Vec<(&'static str, String)> {
        let programs = self.programs.iter().map(|one| format!("{} {}", one.program, one.version));
        vec![
            ("measured", format!("{}, {}", self.measured_at, self.system)),
            ("machine", format!("{}, {} cores, {} of memory", self.cpu, self.cores, size(self.memory_bytes as f64))),
            ("disk", self.disk.clone()),
            (
                "server",
                format!(
                    "MySQL {}, buffer pool {}, redo log {}",
                    self.server,
                    size(self.buffer_pool_bytes as f64),
                    size(self.redo_log_bytes as f64)
                ),
            ),
            ("programs", programs.collect::<Vec<_>>().join("; ")),
            (
                "data",
                format!(
                    "{}: {} tables, {} of rows, {} of secondary indexes",
                    self.data,
                    self.tables,
                    size(self.data_bytes as f64),
                    size(self.index_bytes as f64)
                ),
            ),
            (
                "rounds",
                format!(
                    "{} after {} that warmed up, medians (least to most); {} sessions for whoever can have several",
                    self.runs, self.warm_ups, self.threads
                ),
            ),
        ]
    }
}

impl Loss {
    /// Values by table and column; of definitions only how many lines differ.
    pub fn told(&self) -> Vec<String> {
        let (definitions, values): (Vec<&Difference>, Vec<&Difference>) =
            self.differences.iter().partition(|difference| difference.place == "definitions");
        let name = format!("{} ({})", self.rival, self.way);
        if self.differences.is_empty() {
            return vec![format!("{name} brought everything as the source has it")];
        }
        let mut lines = vec![format!("{name} lost or changed")];
        lines.extend(values.iter().map(|difference| format!("  {}: {}", difference.place, difference.what)));
        if !definitions.is_empty() {
            lines.push(format!("  definitions: {} lines of information_schema differ", definitions.len()));
        }
        lines
    }
}

impl fmt::Display for Scoreboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, text) in self.facts.told() {
            writeln!(f, "{name:<8} {text}")?;
        }
        for absent in &self.absent {
            writeln!(f, "absent   {}: {}", absent.rival, absent.why)?;
        }
        for settings in self.settings() {
            writeln!(f, "\n{}\n\n{}\n", sentence(settings.title()), self.lines_table(settings))?;
            writeln!(f, "{}", self.ratios_table(settings))?;
        }
        for loss in &self.losses {
            writeln!(f, "\n{}", loss.told().join("\n"))?;
        }
        let mut told: Vec<&str> = Vec::new();
        for line in self.lines.iter().filter(|line| line.step != Step::SecondDump) {
            if !told.contains(&line.command.as_str()) {
                told.push(&line.command);
                writeln!(f, "\n{}\n  {}", line.label(), line.command)?;
            }
        }
        Ok(())
    }
}

impl Scoreboard {
    fn lines_table(&self, settings: Settings) -> Table {
        let mut table = plain_table();
        table.set_header(["", "wall s", "client CPU s", "server CPU s", "server wrote", "client memory", "on disk"]);
        for line in self.lines.iter().filter(|line| line.settings == settings) {
            let optional =
                |spread: Option<Spread>, show: fn(&Spread) -> String| spread.as_ref().map_or("-".into(), show);
            table.add_row([
                line.label(),
                seconds(&line.wall_seconds),
                seconds(&line.client_cpu_seconds),
                optional(line.server_cpu_seconds, seconds),
                optional(line.server_written_bytes, |spread| size(spread.median)),
                size(line.client_memory_bytes as f64),
                line.stored_bytes.map_or("-".into(), |bytes| size(bytes as f64)),
            ]);
        }
        align_numbers(&mut table, 1);
        table
    }

    fn ratios_table(&self, settings: Settings) -> Table {
        let mut table = plain_table();
        table.set_header(["this", "to this", "wall", "client CPU", "server CPU", "server wrote", "on disk"]);
        for ratio in self.ratios.iter().filter(|ratio| ratio.settings == settings) {
            let values = [Some(ratio.wall), ratio.client_cpu, ratio.server_cpu, ratio.written, ratio.size];
            let shown = values.map(|value| value.map_or("-".into(), shown));
            table.add_row([ratio.what.clone(), ratio.against.clone()].into_iter().chain(shown));
        }
        align_numbers(&mut table, 2);
        table
    }
}

/// A ratio, marked where it is a loss.
pub fn shown(ratio: f64) -> String {
    let mark = if ratio > 1.0 + EVEN { " lost" } else { "" };
    format!("{ratio:.2}{mark}")
}

/// With a capital at its beginning.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table
}

fn align_numbers(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// A median with its spread.
pub fn seconds(spread: &Spread) -> String {
    format!("{:.2} ({:.2} to {:.2})", spread.median, spread.least, spread.most)
}

/// Bytes for people: `1.2 MB`, in powers of ten.
pub fn size(bytes: f64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes / unit),
        None => format!("{bytes:.0} B"),
    }
}

#[cfg(test)]
pub(super) mod tests;
