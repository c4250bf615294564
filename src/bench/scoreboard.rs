//! The result of a contest: medians with their spread, ratios of this program to its rivals, and the machine
//! they were measured on. It can be printed for people and serialised; nothing is measured here.

use super::compare::Difference;
use super::measure::{self, Usage};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::fmt;

/// The part of the work that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

/// What was measured where.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// The processor's name.
    pub cpu: String,
    /// Its cores that this program may use.
    pub cores: usize,
    /// Memory of the machine.
    pub memory_bytes: u64,
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
    /// Sessions that this program moved rows with.
    pub threads: usize,
}

/// The median of the rounds, with the least and the most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct Line {
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
    /// The client's largest resident size in any round.
    pub client_memory_bytes: u64,
    /// Bytes on disk after a dump; for a second dump what it added.
    pub stored_bytes: Option<u64>,
}

/// One figure of ours divided by one of a rival's, or by another of ours.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    /// What is compared.
    pub what: String,
    /// What it is divided by.
    pub against: String,
    /// The ratio of the medians.
    pub ratio: f64,
}

/// What a contestant did not bring as the source has it.
#[derive(Clone, Debug, Serialize)]
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
    step: Step,
    rival: String,
    way: String,
    command: String,
    usage: Usage,
    stored_bytes: Option<u64>,
}

impl Scores {
    /// Adds one measurement.
    pub fn add(
        &mut self,
        step: Step,
        rival: &str,
        way: &str,
        command: &measure::Step,
        usage: Usage,
        stored_bytes: Option<u64>,
    ) {
        let (rival, way, command) = (rival.to_owned(), way.to_owned(), command.describe());
        self.0.push(Score { step, rival, way, command, usage, stored_bytes });
    }

    /// Adds those of another round.
    pub fn append(&mut self, other: Scores) {
        self.0.extend(other.0);
    }
}

/// The result of a contest. `Display` gives the tables for people.
#[derive(Clone, Debug, Serialize)]
pub struct Scoreboard {
    /// What was measured where.
    #[serde(flatten)]
    pub facts: Facts,
    /// One line for each contestant, step and way.
    pub lines: Vec<Line>,
    /// Ours to the rivals'.
    pub ratios: Vec<Ratio>,
    /// What was lost, where the data is such that something may be.
    pub losses: Vec<Loss>,
}

impl Scoreboard {
    /// Sums up the measurements. The contestant of the first one is this program.
    pub fn new(facts: Facts, scores: Scores, losses: Vec<Loss>) -> Scoreboard {
        let mut lines = Vec::new();
        for step in [Step::Dump, Step::SecondDump, Step::Load] {
            let mut seen: Vec<(&str, &str)> = Vec::new();
            for score in scores.0.iter().filter(|score| score.step == step) {
                if !seen.contains(&(&score.rival, &score.way)) {
                    seen.push((&score.rival, &score.way));
                }
            }
            // Rounds begin with different contestants, so the order of the first round says nothing.
            seen.sort_by_key(|(rival, way)| (*rival != "myriad", *rival, *way));
            lines.extend(seen.into_iter().filter_map(|(rival, way)| line(&scores.0, step, rival, way)));
        }
        let ratios = ratios(&lines);
        Scoreboard { facts, lines, ratios, losses }
    }
}

fn line(scores: &[Score], step: Step, rival: &str, way: &str) -> Option<Line> {
    let mine: Vec<&Score> = scores.iter().filter(|s| s.step == step && s.rival == rival && s.way == way).collect();
    let spread = |value: fn(&Usage) -> f64| Spread::of(mine.iter().map(|score| value(&score.usage)).collect());
    let maybe = |value: fn(&Usage) -> Option<f64>| {
        Spread::of(mine.iter().map(|score| value(&score.usage)).collect::<Option<Vec<f64>>>()?)
    };
    Some(Line {
        step,
        rival: rival.to_owned(),
        way: way.to_owned(),
        command: mine.first()?.command.clone(),
        wall_seconds: spread(|usage| usage.wall_seconds)?,
        client_cpu_seconds: spread(|usage| usage.client_cpu_seconds)?,
        server_cpu_seconds: maybe(|usage| usage.server_cpu_seconds),
        server_written_bytes: maybe(|usage| usage.server_written_bytes.map(|bytes| bytes as f64)),
        client_memory_bytes: mine.iter().map(|score| score.usage.client_memory_bytes).max()?,
        stored_bytes: mine.iter().filter_map(|score| score.stored_bytes).max(),
    })
}

fn ratios(lines: &[Line]) -> Vec<Ratio> {
    let (ours, theirs): (Vec<&Line>, Vec<&Line>) = lines.iter().partition(|line| line.rival == "myriad");
    let mut ratios = Vec::new();
    let mut push = |what: String, against: String, mine: Option<f64>, other: Option<f64>| {
        if let (Some(mine), Some(other)) = (mine, other.filter(|other| *other > 0.0)) {
            ratios.push(Ratio { what, against, ratio: mine / other });
        }
    };
    let bytes = |line: &Line| line.stored_bytes.map(|bytes| bytes as f64);
    let server = |line: &Line| line.server_cpu_seconds.map(|cpu| cpu.median);
    for mine in &ours {
        for other in theirs.iter().filter(|other| other.step == mine.step) {
            let against = other.label();
            let name = |figure: &str| format!("{}: {figure}", mine.label());
            push(name("wall"), against.clone(), Some(mine.wall_seconds.median), Some(other.wall_seconds.median));
            match mine.step {
                Step::Load => push(name("server CPU"), against, server(mine), server(other)),
                Step::Dump | Step::SecondDump => {
                    let cpu = |line: &Line| Some(line.client_cpu_seconds.median);
                    push(name("client CPU"), against.clone(), cpu(mine), cpu(other));
                    push(name("size"), against, bytes(mine), bytes(other));
                }
            }
        }
        if mine.step == Step::Load {
            let what = format!("{}: client CPU", mine.label());
            push(what, "its server CPU".into(), Some(mine.client_cpu_seconds.median), server(mine));
        }
    }
    let stored = |step| ours.iter().find(|line| line.step == step).and_then(|line| bytes(line));
    push("myriad dump again: new bytes".into(), "its first dump".into(), stored(Step::SecondDump), stored(Step::Dump));
    ratios
}

impl Loss {
    /// Values by table and column; of definitions only how many lines differ.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (definitions, values): (Vec<&Difference>, Vec<&Difference>) =
            self.differences.iter().partition(|difference| difference.place == "definitions");
        let name = format!("{} ({})", self.rival, self.way);
        if self.differences.is_empty() {
            return writeln!(f, "\n{name} brought everything as the source has it");
        }
        writeln!(f, "\n{name} lost or changed")?;
        for difference in values {
            writeln!(f, "  {}: {}", difference.place, difference.what)?;
        }
        writeln!(f, "  definitions: {} lines of information_schema differ", definitions.len())
    }
}

impl Line {
    fn label(&self) -> String {
        let way = if self.way.is_empty() { String::new() } else { format!(" ({})", self.way) };
        format!("{} {}{way}", self.rival, self.step)
    }
}

impl fmt::Display for Scoreboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = &self.facts;
        writeln!(f, "machine  {}, {} cores, {} of memory", facts.cpu, facts.cores, size(facts.memory_bytes as f64))?;
        writeln!(
            f,
            "server   MySQL {}, buffer pool {}, redo log {}",
            facts.server,
            size(facts.buffer_pool_bytes as f64),
            size(facts.redo_log_bytes as f64)
        )?;
        writeln!(
            f,
            "data     {}: {} tables, {} of rows, {} of secondary indexes",
            facts.data,
            facts.tables,
            size(facts.data_bytes as f64),
            size(facts.index_bytes as f64)
        )?;
        writeln!(f, "rounds   {}, medians (least to most); myriad with {} threads\n", facts.runs, facts.threads)?;
        writeln!(f, "{}\n\n{}", self.lines_table(), self.ratios_table())?;
        for loss in &self.losses {
            loss.write(f)?;
        }
        for line in &self.lines {
            writeln!(f, "\n{}\n  {}", line.label(), line.command)?;
        }
        Ok(())
    }
}

impl Scoreboard {
    fn lines_table(&self) -> Table {
        let mut table = plain_table();
        table.set_header(["", "wall s", "client CPU s", "server CPU s", "server wrote", "client memory", "on disk"]);
        for line in &self.lines {
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

    fn ratios_table(&self) -> Table {
        let mut table = plain_table();
        table.set_header(["this", "to this", "ratio"]);
        for ratio in &self.ratios {
            table.add_row([ratio.what.clone(), ratio.against.clone(), format!("{:.3}", ratio.ratio)]);
        }
        align_numbers(&mut table, 2);
        table
    }
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

fn seconds(spread: &Spread) -> String {
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

/// The processor's name, and the number of cores that this process may use.
pub fn processor() -> (String, usize) {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    let name = name.map_or("processor of unknown name", |(_, name)| name.trim()).to_owned();
    (name, std::thread::available_parallelism().map_or(1, usize::from))
}

/// The machine's memory, 0 where it cannot be told.
pub fn memory_bytes() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    total.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> measure::Step {
        measure::Step {
            program: "/usr/bin/myriad".into(),
            arguments: vec!["backup".into()],
            environment: vec![],
            input: None,
            output: None,
            may_fail: false,
        }
    }

    fn usage(wall: f64, client: f64, server: f64) -> Usage {
        Usage {
            wall_seconds: wall,
            client_cpu_seconds: client,
            client_memory_bytes: 1_000_000,
            server_cpu_seconds: Some(server),
            server_written_bytes: Some(5_000_000),
        }
    }

    fn board() -> Scoreboard {
        let mut scores = Scores::default();
        for wall in [3.0, 1.0, 2.0] {
            scores.add(Step::Dump, "other", "", &command(), usage(wall * 2.0, 1.0, 1.0), Some(4000));
            scores.add(Step::Dump, "myriad", "", &command(), usage(wall, 2.0, 1.0), Some(1000));
            scores.add(Step::SecondDump, "myriad", "", &command(), usage(wall, 2.0, 1.0), Some(10));
            scores.add(Step::Load, "other", "plain", &command(), usage(10.0, 1.0, 8.0), None);
            scores.add(Step::Load, "myriad", "without proof", &command(), usage(wall * 2.0, 0.4, 4.0), None);
        }
        let facts = Facts {
            cpu: "a processor".into(),
            cores: 2,
            memory_bytes: 1 << 30,
            server: "9.7.4".into(),
            buffer_pool_bytes: 1 << 20,
            redo_log_bytes: 1 << 20,
            data: "wide:7".into(),
            tables: 1,
            data_bytes: 1,
            index_bytes: 1,
            runs: 3,
            threads: 2,
        };
        Scoreboard::new(facts, scores, Vec::new())
    }

    #[test]
    fn ratios_are_those_of_the_medians() {
        let board = board();
        let ratios: Vec<(String, f64)> =
            board.ratios.iter().map(|ratio| (format!("{} / {}", ratio.what, ratio.against), ratio.ratio)).collect();
        for (name, value) in [
            ("myriad dump: wall / other dump", 0.5),
            ("myriad dump: client CPU / other dump", 2.0),
            ("myriad dump: size / other dump", 0.25),
            ("myriad load (without proof): wall / other load (plain)", 0.4),
            ("myriad load (without proof): server CPU / other load (plain)", 0.5),
            ("myriad load (without proof): client CPU / its server CPU", 0.1),
            ("myriad dump again: new bytes / its first dump", 0.01),
        ] {
            assert!(ratios.iter().any(|(n, v)| n == name && (v - value).abs() < 1e-9), "{name}: {ratios:?}");
        }
        assert_eq!(board.lines[0].wall_seconds, Spread { median: 2.0, least: 1.0, most: 3.0 });
    }

    #[test]
    fn it_prints_every_line_and_serialises() {
        let board = board();
        let text = board.to_string();
        for line in &board.lines {
            assert!(text.contains(&line.label()), "{text}");
        }
        assert_eq!(serde_json::to_value(&board).unwrap()["lines"].as_array().unwrap().len(), board.lines.len());
    }
}
