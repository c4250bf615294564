//! What the demo shows at its end, for a person who has read nothing.

use super::checks::Check;
use crate::bench::Scoreboard;
use crate::bench::dataset::Filled;
use crate::bench::scoreboard::{Line, Step};
use crate::command::backup::BackupDone;
use crate::command::restore::RestoreDone;
use crate::command::text::{bytes, count, seconds};
use crate::error::Exit;
use comfy_table::{CellAlignment, Table, presets};
use std::path::PathBuf;

/// The result of `myriad demo`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DemoReport {
    /// The sample data.
    pub data: Filled,
    /// Sessions that wrote during the first backup.
    pub writers: usize,
    /// What they committed while it ran.
    pub commits_during: u64,
    /// The backup under writes.
    pub first: BackupDone,
    /// Its restore into the second server.
    pub restored: RestoreDone,
    /// What was compared afterwards.
    pub checks: Vec<Check>,
    /// The second backup.
    pub second: BackupDone,
    /// The same work beside mysqldump's.
    pub scoreboard: Scoreboard,
    /// Where servers' data and repository were left, with `--keep`.
    pub kept: Option<PathBuf>,
}

impl DemoReport {
    /// The exit code: success only where everything that was compared agrees.
    pub fn exit(&self) -> Exit {
        let proved = self.restored.proof.as_ref().is_some_and(|proof| proof.holds());
        if proved && self.checks.iter().all(|check| check.holds) { Exit::Success } else { Exit::ProofFailed }
    }

    /// The tables for people.
    pub fn text(&self) -> String {
        let mut text = format!("\n{}\n\n{}\n\n", self.steps(), self.comparison());
        text.push_str(match self.exit() {
            Exit::Success => "The restored server holds exactly what the backup saw, row by row.",
            _ => "THE RESTORED SERVER DIFFERS FROM THE BACKUP: see the lines marked above.",
        });
        if let Some(folder) = &self.kept {
            text.push_str(&format!("\nThe servers' data and the repository are in {}.", folder.display()));
        }
        text
    }

    fn steps(&self) -> Table {
        let (first, second, restored) = (&self.first, &self.second, &self.restored);
        let mut table = table();
        let mut row = |what: &str, result: String| {
            table.add_row([what.to_owned(), result]);
        };
        row(
            "sample data",
            format!(
                "a shop: {} rows in {} tables, {} as text",
                count(self.data.rows),
                self.data.tables,
                bytes(self.data.bytes)
            ),
        );
        row(
            "backup",
            format!(
                "{}, while {} writers committed {} transactions (held up for {})",
                seconds(first.seconds),
                self.writers,
                count(self.commits_during),
                seconds(first.lock_held_seconds)
            ),
        );
        row("stored", format!("{} in {} chunks", bytes(first.totals.stored_bytes), count(first.totals.chunks)));
        let whole: f64 = restored.phases.iter().map(|phase| phase.seconds).sum();
        let proof: f64 = restored.phases.iter().filter(|phase| phase.name == "proof").map(|phase| phase.seconds).sum();
        row("restore", format!("{} into an empty server, of which {} for the proof", seconds(whole), seconds(proof)));
        if let Some(proof) = &restored.proof {
            row(
                "proof",
                format!(
                    "{} rows read back, {} of {} digests equal",
                    count(proof.rows),
                    count(proof.digests - (proof.differences.len() as u64).min(proof.digests)),
                    count(proof.digests)
                ),
            );
        }
        for check in &self.checks {
            let verdict = if check.holds {
                format!("{}: equal", check.found)
            } else {
                format!("{}, but it should be {}: DIFFERENT", check.found, check.expected)
            };
            row(&check.what, verdict);
        }
        row(
            "second backup, after more transfers",
            format!(
                "{}, added {} to the first one's {}",
                seconds(second.seconds),
                bytes(second.totals.added_bytes),
                bytes(first.totals.stored_bytes)
            ),
        );
        table
    }

    /// One line for each figure: theirs, ours, and how ours compares. Theirs is mysqldump with its usual
    /// load; ours restores with proof, since that is what a user gets.
    fn comparison(&self) -> Table {
        let line = |step: Step, ours: bool, way: &str| {
            let lines = &self.scoreboard.lines;
            lines.iter().find(|line| line.step == step && (line.rival == "myriad") == ours && line.way == way)
        };
        let mut table = table();
        table.set_header(["", "mysqldump + mysql", "myriad", "myriad needs"]);
        let mut compare = |what: &str, theirs: Option<f64>, ours: Option<f64>, show: fn(f64) -> String| {
            if let (Some(theirs), Some(ours)) = (theirs, ours) {
                let share = if theirs > 0.0 { format!("{:.0} %", 100.0 * ours / theirs) } else { "-".into() };
                table.add_row([what.to_owned(), show(theirs), show(ours), share]);
            }
        };
        let size: fn(f64) -> String = |size| bytes(size as u64);
        let (dump, ours) = (line(Step::Dump, false, ""), line(Step::Dump, true, ""));
        let again = line(Step::SecondDump, true, "");
        compare("backup, time", dump.map(wall), ours.map(wall), seconds);
        compare("backup, size", dump.and_then(stored), ours.and_then(stored), size);
        compare("next backup of the same data, new bytes", dump.and_then(stored), again.and_then(stored), size);
        let load = line(Step::Load, false, "binary log as it is");
        let (bare, proved) = (line(Step::Load, true, "without proof"), line(Step::Load, true, "with proof"));
        compare("restore, time", load.map(wall), bare.map(wall), seconds);
        compare("restore and proof, time", load.map(wall), proved.map(wall), seconds);
        let server = |line: &Line| line.server_cpu_seconds.map(|cpu| cpu.median);
        compare("restore, the server's CPU", load.and_then(server), bare.and_then(server), seconds);
        compare(
            "restore, the program's CPU",
            load.map(|line| line.client_cpu_seconds.median),
            bare.map(|line| line.client_cpu_seconds.median),
            seconds,
        );
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

fn wall(line: &Line) -> f64 {
    line.wall_seconds.median
}

fn stored(line: &Line) -> Option<f64> {
    line.stored_bytes.map(|bytes| bytes as f64)
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table
}
