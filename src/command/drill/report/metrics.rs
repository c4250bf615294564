//! Metrics in the text format of Prometheus (version 0.0.4), for the textfile collector of node_exporter or any other
//! reader. Units are seconds and bytes; moments are seconds since 1970. A metric that a drill has no value for is absent.
//! The verdict is a state set: one series a verdict, of which one is 1. Pure.

use super::face;
use super::trend;
use crate::command::drill::record::{DrillRecord, DrillScope, Verdict};
use jiff::Timestamp;
use std::fmt::Write as _;

/// The metrics of one drill. `history` has earlier drills of the same source; of them comes when it was last proved.
pub fn metrics(record: &DrillRecord, history: &[DrillRecord]) -> String {
    text(&[(record, last_proved(record, history))])
}

/// When the newest of these drills that proved its backup began.
pub(super) fn last_proved(record: &DrillRecord, history: &[DrillRecord]) -> Option<Timestamp> {
    let same = history.iter().filter(|drill| drill.name == record.name).chain([record]);
    same.filter(|drill| drill.verdict <= Verdict::OverBudget).map(|drill| drill.begun).max()
}

/// A metric: its name after the prefix, its help, and its series for one drill.
struct Metric {
    name: &'static str,
    help: &'static str,
    series: Series,
}

/// What a metric is for one drill, and the last time that its source was proved: labels and a value each.
type Series = fn(&DrillRecord, Option<Timestamp>) -> Vec<(Labels, f64)>;

/// Labels besides the source's name.
type Labels = Vec<(&'static str, String)>;

/// All metrics of some drills, each of another source.
pub(super) fn text(drills: &[(&DrillRecord, Option<Timestamp>)]) -> String {
    let mut text = String::new();
    for metric in METRICS {
        let mut lines = String::new();
        for (record, proved) in drills {
            for (labels, value) in (metric.series)(record, *proved) {
                let _ = write!(lines, "myriad_drill_{}{{name=\"{}\"", metric.name, label(&record.name));
                for (name, value) in labels {
                    let _ = write!(lines, ",{name}=\"{}\"", label(&value));
                }
                let _ = writeln!(lines, "}} {}", number(value));
            }
        }
        if !lines.is_empty() {
            let name = metric.name;
            let _ =
                write!(text, "# HELP myriad_drill_{name} {}\n# TYPE myriad_drill_{name} gauge\n{lines}", metric.help);
        }
    }
    text
}

const METRICS: [Metric; 24] = [
    Metric {
        name: "verdict",
        help: "What the last drill came to: 1 for its verdict, 0 for the others.",
        series: |record, _| {
            let one = |verdict: Verdict| {
                (vec![("verdict", face::of(verdict).key.to_owned())], flag(verdict == record.verdict))
            };
            face::ALL.map(one).into()
        },
    },
    Metric {
        name: "success",
        help: "1 where the last drill proved its backup within every budget, else 0.",
        series: |record, _| one(Some(flag(record.verdict == Verdict::Proved))),
    },
    Metric {
        name: "begun_timestamp_seconds",
        help: "When the last drill began.",
        series: |record, _| one(Some(seconds(record.begun))),
    },
    Metric {
        name: "ended_timestamp_seconds",
        help: "When the last drill ended.",
        series: |record, _| one(Some(seconds(record.ended))),
    },
    Metric {
        name: "proved_timestamp_seconds",
        help: "When the last drill that restored and proved a backup began.",
        series: |_, proved| one(proved.map(seconds)),
    },
    Metric {
        name: "recovery_seconds",
        help: "Time from the begin of the last drill to the end of proof.",
        series: |record, _| one(record.recovery_seconds),
    },
    Metric {
        name: "recovery_whole_seconds",
        help: "The same for all of the backup: measured, or estimated where a sample was restored.",
        series: |record, _| one(trend::recovery_seconds(record)),
    },
    Metric {
        name: "rto_seconds",
        help: "Time that a recovery may take.",
        series: |record, _| one(record.budgets.rto_seconds),
    },
    Metric {
        name: "data_loss_seconds",
        help: "Age of the snapshot when the last drill began: the work that would have been lost.",
        series: |record, _| one(record.data_loss_seconds),
    },
    Metric {
        name: "rpo_seconds",
        help: "Work that may be lost, as time.",
        series: |record, _| one(record.budgets.rpo_seconds),
    },
    Metric {
        name: "phase_seconds",
        help: "Time of each phase of the last drill.",
        series: |record, _| {
            let phases = record.phases.iter();
            phases.map(|phase| (vec![("phase", phase.name.clone())], phase.seconds)).collect()
        },
    },
    Metric {
        name: "program_cpu_seconds",
        help: "CPU time of the program in the last drill.",
        series: |record, _| one(Some(record.program_cpu_seconds)),
    },
    Metric {
        name: "server_cpu_seconds",
        help: "CPU time of the private server in the last drill.",
        series: |record, _| one(record.server_cpu_seconds),
    },
    Metric {
        name: "snapshot_timestamp_seconds",
        help: "The moment that the drilled backup shows.",
        series: |record, _| one(record.backup.as_ref().map(|backup| seconds(backup.snapshot))),
    },
    Metric {
        name: "backup_size_bytes",
        help: "Row text in the drilled backup.",
        series: |record, _| one(record.backup.as_ref().map(|backup| backup.bytes as f64)),
    },
    Metric {
        name: "backup_rows",
        help: "Rows in the drilled backup.",
        series: |record, _| one(record.backup.as_ref().map(|backup| backup.rows as f64)),
    },
    Metric {
        name: "backup_tables",
        help: "Tables in the drilled backup.",
        series: |record, _| one(record.backup.as_ref().map(|backup| backup.tables as f64)),
    },
    Metric {
        name: "restored_size_bytes",
        help: "Row text that the last drill restored.",
        series: |record, _| one(restored(record).map(|scope| scope.bytes as f64)),
    },
    Metric {
        name: "restored_rows",
        help: "Rows that the last drill restored.",
        series: |record, _| one(restored(record).map(|scope| scope.rows as f64)),
    },
    Metric {
        name: "restored_tables",
        help: "Tables that the last drill restored.",
        series: |record, _| one(restored(record).map(|scope| scope.tables as f64)),
    },
    Metric {
        name: "assertions",
        help: "Assertions of the last drill by their outcome.",
        series: |record, _| {
            let held = record.assertions.iter().filter(|assertion| assertion.held).count();
            let series = |outcome: &str, number: usize| (vec![("outcome", outcome.to_owned())], number as f64);
            vec![series("held", held), series("failed", record.assertions.len() - held)]
        },
    },
    Metric {
        name: "assertion_held",
        help: "1 where the assertion held in the last drill, else 0.",
        series: |record, _| assertions(record),
    },
    Metric {
        name: "failures",
        help: "Things that went wrong in the last drill.",
        series: |record, _| one(Some(record.failures.len() as f64)),
    },
    Metric {
        name: "info",
        help: "The last drill, its backup, its server and the program, as labels of a series that is always 1.",
        series: |record, _| {
            let server = record.server.as_ref().map(|server| format!("{} {}", server.family, server.version));
            let backup = record.backup.as_ref().map(|backup| backup.id.clone());
            let labels = vec![
                ("drill", record.id.clone()),
                ("backup", backup.unwrap_or_default()),
                ("server", server.unwrap_or_default()),
                ("program", record.program.clone()),
                ("host", record.machine.host.clone()),
            ];
            vec![(labels, 1.0)]
        },
    },
];

/// Two assertions may have one name; a series may not stand twice, so the worse of them counts.
fn assertions(record: &DrillRecord) -> Vec<(Labels, f64)> {
    let mut held: Vec<(Labels, f64)> = Vec::new();
    for assertion in &record.assertions {
        let labels = vec![("assertion", assertion.name.clone())];
        match held.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, value)) => *value = value.min(flag(assertion.held)),
            None => held.push((labels, flag(assertion.held))),
        }
    }
    held
}

/// What was restored; none where the drill did not get there.
fn restored(record: &DrillRecord) -> Option<&DrillScope> {
    record.scope.as_ref().filter(|_| record.recovery_seconds.is_some())
}

fn one(value: Option<f64>) -> Vec<(Labels, f64)> {
    value.map(|value| (Labels::new(), value)).into_iter().collect()
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// A number as the format has it: Rust prints whole numbers and fractions so that they read back the same.
fn number(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".to_owned(),
        v if v.is_infinite() => if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        v => v.to_string(),
    }
}

/// A label's value: backslash, quote and line feed are escaped (exposition formats, text-based format). Other control
/// characters are legal there; they are replaced, since a person reads them on a terminal.
fn label(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c if c.is_control() => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
    text
}
