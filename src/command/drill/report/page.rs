//! The page of one drill: verdict first, then what went wrong and what to do, then how long it took, how that has gone
//! over all drills, the data, the assertions and the facts. In: the drill's record and those of earlier drills. Out: one
//! HTML file that needs nothing else.

use super::document::{
    self, against_budget, cell, facts, figure, named_cell, row_head, section, sentences, table, time, width,
};
use super::face;
use super::markup::{Markup, classed, node, plain};
use super::trend::{self, Point};
use super::words::{difference, duration, percent, relative_change};
use crate::command::drill::record::{AssertionOutcome, DrillRecord, ScopeKind, TableChange, Verdict};
use crate::command::text::{bytes, count, counted};

/// The page. `history` has drills of the same source, oldest first, with or without this one.
pub fn html(record: &DrillRecord, history: &[DrillRecord]) -> String {
    let face = face::of(record.verdict);
    let points = trend::points(record, history);
    let main = Markup::all([
        failures(record),
        next(record),
        figures(record, &points),
        phases(record),
        trends(record, &points),
        assertions(record),
        changes(&record.changed_most),
        sentences("notes", "Notes", &record.notes),
        details(record),
        earlier(&points),
    ]);
    let subject = format!("Drill of {}", record.name);
    let when = Markup::all([time(record.begun), format!(" on {}", record.machine.host).into()]);
    let body = Markup::all([
        document::banner(face, &subject, &record.message, when),
        plain("main", main),
        document::footer(Markup::all([
            format!("{}, drill ", record.program).into(),
            plain("code", &record.id),
            ". All times are UTC. This page is complete in itself and loads nothing.".into(),
        ])),
    ]);
    document::document(&format!("{}: {} - myriad drill", face.word, record.name), face, body)
}

/// What went wrong, where that is more than the message has said.
fn failures(record: &DrillRecord) -> Markup {
    match record.failures.as_slice() {
        [only] if *only == record.message => Markup::none(),
        failures => sentences("failures", "What went wrong", failures),
    }
}

/// What to do next; nothing where all is well.
fn next(record: &DrillRecord) -> Markup {
    if record.next.is_empty() && record.verdict == Verdict::Proved {
        return Markup::none();
    }
    let mut next = record.next.clone();
    if next.is_empty() {
        next.push(format!("{} Read the notes and the assertions below.", face::of(record.verdict).meaning));
    }
    sentences("next", "What to do next", &next)
}

/// The first row: recovery, loss, amount, assertions.
fn figures(record: &DrillRecord, points: &[Point]) -> Markup {
    let none = || Markup::from("\u{2013}");
    let recovery = trend::recovery_seconds(record);
    let mut below = against_budget(recovery, record.budgets.rto_seconds, "RTO");
    if let (Some(_), Some(measured)) = (record.recovery_seconds_extrapolated, record.recovery_seconds) {
        let words = format!("estimated for all of it from a sample that took {}", duration(measured));
        below = Markup::all([below, classed("p", "small", words)]);
    }
    if let Some(change) = trend::against_the_last(points, |point| point.recovery_seconds) {
        below = Markup::all([below, classed("p", "small", change)]);
    }
    let recovered = figure("Recovery time", recovery.map_or_else(none, |s| duration(s).into()), below);
    let lost = figure(
        "Possible data loss",
        record.data_loss_seconds.map_or_else(none, |s| duration(s).into()),
        Markup::all([
            against_budget(record.data_loss_seconds, record.budgets.rpo_seconds, "RPO"),
            record
                .data_loss_seconds
                .map_or_else(Markup::none, |_| classed("p", "small", "age of the snapshot when the drill began")),
        ]),
    );
    let restored = match &record.scope {
        Some(scope) => figure(
            if record.recovery_seconds.is_some() { "Restored" } else { "To be restored" },
            bytes(scope.bytes).into(),
            Markup::all([
                classed("p", "small", format!("{} in {}", counted(scope.rows, "row"), counted(scope.tables, "table"))),
                rate(record, scope.bytes),
            ]),
        ),
        None => figure("Restored", "nothing".into(), Markup::none()),
    };
    classed("div", "figures", Markup::all([recovered, lost, restored, held(&record.assertions)]))
}

fn rate(record: &DrillRecord, restored_bytes: u64) -> Markup {
    match record.recovery_seconds {
        Some(seconds) if seconds > 0.0 => {
            let words = format!("{} a second, proof included", bytes((restored_bytes as f64 / seconds) as u64));
            classed("p", "small", words)
        }
        _ => Markup::none(),
    }
}

fn held(assertions: &[AssertionOutcome]) -> Markup {
    let (all, held) = (assertions.len(), assertions.iter().filter(|assertion| assertion.held).count());
    match all {
        0 => figure(
            "Assertions",
            "none".into(),
            classed("p", "small", "the configuration asks for none, or none was reached"),
        ),
        _ if held == all => figure("Assertions", format!("{all} of {all}").into(), classed("p", "small", "held")),
        _ => {
            let below = classed("p", "small", format!("held; {} did not", all - held));
            figure("Assertions", format!("{held} of {all}").into(), below)
        }
    }
}

/// Phases, one below the other, each bar beginning where the one before has ended.
fn phases(record: &DrillRecord) -> Markup {
    let whole: f64 = record.phases.iter().map(|phase| phase.seconds).sum();
    if record.phases.is_empty() {
        return Markup::none();
    }
    let longest = record.phases.iter().map(|phase| phase.seconds).fold(0.0, f64::max);
    let mut before = 0.0;
    let rows = record.phases.iter().map(|phase| {
        let share = if whole > 0.0 { phase.seconds / whole } else { 0.0 };
        let place = format!("margin-left:{:.2}%;{}", 100.0 * before, width(share));
        before += share;
        let after = if phase.name == "assertions" { " after" } else { "" };
        let longest = if phase.seconds >= longest && whole > 0.0 { " longest" } else { "" };
        let class = format!("bar{after}{longest}");
        let bar = node("span", &[("class", &class), ("style", &place)], "");
        let cells = [
            row_head(&phase.name),
            cell("bars", classed("span", "track", bar)),
            cell("n", duration(phase.seconds)),
            cell("n share", percent(share)),
        ];
        plain("tr", Markup::all(cells))
    });
    let rows = rows.collect::<Markup>();
    let columns = [("Phase", ""), ("Bar", "bars"), ("Time", "n"), ("Share", "n share")];
    let caption = format!("Phases in their order, {} together; a recovery ends with the proof", duration(whole));
    section("phases", "Where the time went", table(&caption, &columns, rows))
}

fn trends(record: &DrillRecord, points: &[Point]) -> Markup {
    if points.len() < 2 {
        let words = "Recovery time and data size are drawn here from the second drill on.";
        return section("trend", "Over time", classed("p", "said", words));
    }
    let outlook = trend::outlook(points, record.budgets.rto_seconds);
    let outlook = outlook.map_or_else(Markup::none, |words| classed("p", "outlook", words));
    let charts = [trend::recovery_chart(points, record.budgets.rto_seconds), trend::size_chart(points)];
    Markup::all([classed("div", "charts", Markup::all(charts)), legend(points), outlook])
}

/// The marks that the charts have, those alone.
fn legend(points: &[Point]) -> Markup {
    let shown = face::ALL.into_iter().filter(|verdict| points.iter().any(|point| point.verdict == *verdict));
    let item = |verdict| {
        let face = face::of(verdict);
        let attributes = [("viewBox", "-7 -7 14 14"), ("aria-hidden", "true"), ("focusable", "false")];
        let class = format!("mark v-{}", face.key);
        let mark = node("svg", &attributes, classed("g", &class, trend::mark(verdict, 4.2)));
        plain("li", Markup::all([mark, face.word.into()]))
    };
    node("ul", &[("class", "legend"), ("aria-label", "Marks of the charts")], shown.map(item).collect::<Markup>())
}

fn assertions(record: &DrillRecord) -> Markup {
    if record.assertions.is_empty() {
        return Markup::none();
    }
    // Those that failed stand first.
    let mut order: Vec<&AssertionOutcome> = record.assertions.iter().collect();
    order.sort_by_key(|assertion| assertion.held);
    let row = |assertion: &AssertionOutcome| {
        let (face, word) = match assertion.held {
            true => (face::of(Verdict::Proved), "held"),
            false => (face::of(Verdict::AssertionFailed), "failed"),
        };
        let answer = classed("span", &format!("badge v-{}", face.key), Markup::all([face.icon("icon"), word.into()]));
        let sql = assertion.sql.as_ref().map_or_else(Markup::none, |sql| classed("code", "sql", sql));
        let cells = [
            cell("", answer),
            row_head(Markup::all([assertion.name.as_str().into(), sql])),
            named_cell("answer", "Expected", &assertion.expected),
            named_cell("answer", "Found", &assertion.found),
            named_cell("n", "Time", duration(assertion.seconds)),
        ];
        classed("tr", if assertion.held { "" } else { "failed" }, Markup::all(cells))
    };
    let columns = [("Answer", ""), ("Assertion", ""), ("Expected", ""), ("Found", ""), ("Time", "n")];
    let caption = "Questions to the restored data, those that failed first";
    section("assertions stacked", "Assertions", table(caption, &columns, order.into_iter().map(row).collect()))
}

fn changes(changes: &[TableChange]) -> Markup {
    if changes.is_empty() {
        return Markup::none();
    }
    let largest = changes.iter().map(|change| moved(change).abs()).fold(0.0, f64::max).max(1.0);
    let row = |change: &TableChange| {
        let moved = moved(change);
        let shape = width(moved.abs() / largest / 2.0);
        let class = if moved < 0.0 { "less" } else { "more" };
        let bar = node("span", &[("class", class), ("style", &shape)], "");
        let words = match (change.rows_before, change.rows) {
            (None, _) => Markup::from("new"),
            (_, None) => "gone".into(),
            (Some(before), Some(now)) => {
                let share =
                    relative_change(before as f64, now as f64).map_or_else(String::new, |share| format!(" ({share})"));
                Markup::all([difference(before, now).into(), classed("span", "small", share)])
            }
        };
        let number = |number: Option<u64>| number.map_or_else(|| "\u{2013}".to_owned(), count);
        let cells = [
            row_head(plain("bdi", &change.table)),
            cell("n", number(change.rows_before)),
            cell("n", number(change.rows)),
            cell("n", words),
            cell("sides", bar),
            cell("n", change.bytes.map_or_else(|| "\u{2013}".to_owned(), bytes)),
        ];
        plain("tr", Markup::all(cells))
    };
    let columns =
        [("Table", ""), ("Rows before", "n"), ("Rows now", "n"), ("Change", "n"), ("Bar", "sides"), ("Size now", "n")];
    let caption = "Since the last drill of this source, by rows";
    section("changes", "Tables that changed most", table(caption, &columns, changes.iter().map(row).collect()))
}

/// Rows that came or went.
fn moved(change: &TableChange) -> f64 {
    change.rows.unwrap_or(0) as f64 - change.rows_before.unwrap_or(0) as f64
}

fn details(record: &DrillRecord) -> Markup {
    let code = |text: &str| Some(plain("code", text));
    let mut all: Vec<(&str, Option<Markup>)> = Vec::new();
    if let Some(backup) = &record.backup {
        all.extend([
            ("Backup", code(&backup.id)),
            ("Snapshot", Some(time(backup.snapshot))),
            ("Repository", code(&backup.repository)),
            ("Manifest, SHA-256", code(&backup.manifest_sha256)),
            ("Source server", Some(backup.source_server.as_str().into())),
            (
                "One moment",
                Some(if backup.consistent { "yes, all sessions saw one" } else { "no: not consistent" }.into()),
            ),
            (
                "Holds",
                Some(
                    format!(
                        "{}, {}, {}",
                        counted(backup.tables, "table"),
                        counted(backup.rows, "row"),
                        bytes(backup.bytes)
                    )
                    .into(),
                ),
            ),
        ]);
    }
    if let Some(scope) = &record.scope {
        let kind = match scope.kind {
            ScopeKind::All => "everything",
            ScopeKind::Selected => "a selection",
            ScopeKind::Sample => "a sample",
        };
        let word = if record.recovery_seconds.is_some() { "Restored" } else { "Meant to be restored" };
        all.push((word, Some(format!("{kind}: {}", scope.text).into())));
    }
    if let Some(server) = &record.server {
        all.push(("Restored to", Some(format!("{} {}", server.family, server.version).into())));
        all.push(("Left running at", server.kept.as_deref().and_then(code)));
    }
    let memory =
        record.machine.memory_bytes.map_or_else(String::new, |memory| format!(", {} of memory", bytes(memory)));
    let processors = counted(record.machine.processors as u64, "processor");
    all.extend([
        ("Machine", Some(format!("{}, {processors}{memory}", record.machine.host).into())),
        ("CPU time, program", Some(duration(record.program_cpu_seconds).into())),
        ("CPU time, server", record.server_cpu_seconds.map(|seconds| duration(seconds).into())),
        ("Began", Some(time(record.begun))),
        ("Ended", Some(time(record.ended))),
        ("Program", Some(record.program.as_str().into())),
    ]);
    section("details", "Backup, server and machine", facts(all))
}

/// The drills as a table, newest first: what the charts show, for who does not see them.
fn earlier(points: &[Point]) -> Markup {
    const SHOWN: usize = 100;
    if points.len() < 2 {
        return Markup::none();
    }
    let text = |value: Option<f64>| value.map_or_else(|| "\u{2013}".to_owned(), duration);
    let row = |point: &Point| {
        let cells = [
            row_head(time(point.begun)),
            cell("", face::of(point.verdict).badge()),
            cell("n", text(point.recovery_seconds)),
            cell("n", text(point.data_loss_seconds)),
            cell("n", point.bytes.map_or_else(|| "\u{2013}".to_owned(), bytes)),
        ];
        plain("tr", Markup::all(cells))
    };
    let columns = [("Began", ""), ("Verdict", ""), ("Recovery time", "n"), ("Data loss", "n"), ("Size", "n")];
    let caption = match points.len() {
        all if all > SHOWN => format!("The last {SHOWN} of {all} drills, newest first"),
        all => format!("All {all} drills, newest first"),
    };
    let rows = points.iter().rev().take(SHOWN).map(row).collect();
    let inner = Markup::all([plain("summary", "Every drill as a table"), table(&caption, &columns, rows)]);
    section("earlier", "Drills so far", plain("details", inner))
}
