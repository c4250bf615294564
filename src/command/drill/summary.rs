//! What a drill says at its end: the verdict first, then what it rests on. In: records. Out: text for people, and the exit code.

use super::record::{DrillRecord, Verdict};
use crate::command::text::{bytes, counted, seconds};
use crate::error::Exit;
use std::path::PathBuf;

/// The result of `myriad drill`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DrillReport {
    /// The worst of all drills.
    pub verdict: Verdict,
    /// One record for each source name, in the order of the names.
    pub drills: Vec<DrillRecord>,
    /// Report files written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PathBuf>,
    /// What could not be told or written down; it changes nothing about the verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// It was stopped by a signal.
    #[serde(skip)]
    pub stopped: bool,
}

impl DrillReport {
    /// The exit code: that of the worst verdict.
    pub fn exit(&self) -> Exit {
        if self.stopped { Exit::Interrupted } else { self.verdict.exit() }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        for record in &self.drills {
            record_lines(record, &mut lines);
        }
        if self.drills.len() > 1 {
            let proved = self.drills.iter().filter(|record| record.verdict == Verdict::Proved).count();
            lines.push(format!("{proved} of {} proved", counted(self.drills.len() as u64, "source")));
        }
        if self.drills.is_empty() {
            let why = if self.stopped { "stopped before the first drill" } else { "no source falls to this shard" };
            lines.push(format!("{why}; nothing was drilled"));
        }
        lines.extend(self.files.iter().map(|file| format!("written: {}", file.display())));
        lines.join("\n") + "\n"
    }
}

fn record_lines(record: &DrillRecord, lines: &mut Vec<String>) {
    lines.push(format!("{}: {}", record.name, record.verdict.words().to_uppercase()));
    lines.push(format!("  {}", record.message));
    lines.push(format!("  drill {} by {} on {}", record.id, record.program, record.machine.host));
    if let Some(backup) = &record.backup {
        let age = record.data_loss_seconds.map(|age| format!(", {} old", seconds(age))).unwrap_or_default();
        let budget = record.budgets.rpo_seconds.map(|rpo| format!(" (rpo {})", seconds(rpo))).unwrap_or_default();
        lines.push(format!(
            "  backup {} of {}, snapshot of {:.0}{age}{budget}",
            backup.id, backup.source_server, backup.snapshot
        ));
        lines.push(format!("  its manifest sha256: {}", backup.manifest_sha256));
    }
    if let (Some(scope), Some(server)) = (&record.scope, &record.server) {
        let (rows, size) = (counted(scope.rows, "row"), bytes(scope.bytes));
        let word = if record.recovery_seconds.is_some() { "restored" } else { "meant to be restored" };
        lines.push(format!(
            "  {word}: {}, {rows}, {size} of row text, to {} {}",
            scope.text, server.family, server.version
        ));
    }
    let phases: Vec<_> =
        record.phases.iter().map(|phase| format!("{} {}", phase.name, seconds(phase.seconds))).collect();
    if let Some(took) = record.recovery_seconds {
        let budget = record.budgets.rto_seconds.map(|rto| format!(" (rto {})", seconds(rto))).unwrap_or_default();
        let all = record.recovery_seconds_extrapolated;
        let all = all.map(|all| format!(", about {} for all of it by its bytes", seconds(all))).unwrap_or_default();
        lines.push(format!("  recovery took {}{all}{budget}", seconds(took)));
    }
    lines.push(format!("  time: {}", phases.join(", ")));
    if !record.assertions.is_empty() {
        let held = record.assertions.iter().filter(|assertion| assertion.held).count();
        lines.push(format!("  assertions: {held} of {} held", record.assertions.len()));
    }
    // One that the message has said whole is not said twice.
    let said = |failure: &String| record.message == format!("{}: {failure}", record.verdict.words());
    let unsaid = record.failures.iter().filter(|failure| !said(failure));
    lines.extend(unsaid.map(|failure| format!("  failed: {}", indented(failure))));
    lines.extend(record.notes.iter().map(|note| format!("  note: {}", indented(note))));
    lines.extend(record.next.iter().map(|next| format!("  next: {next}")));
    if let Some(kept) = record.server.as_ref().and_then(|server| server.kept.as_ref()) {
        lines.push(format!("  the server was left running: {kept}"));
    }
}

/// A text whose further lines, the end of a log, stand further in.
fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}
