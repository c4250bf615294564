//! One report of many drills: the newest of each source, worst first. In: the records of a history, and the names that
//! should be in it. Out: the merged report as JSON, page, JUnit XML and metrics. A source that was not drilled, or not
//! lately, counts as one whose drill could not run: a shard whose process died must not pass for proved.

use super::document::{self, cell, named_cell, row_head, section, table, time};
use super::face::{self, Face};
use super::junit;
use super::markup::{Markup, classed, node, plain};
use super::metrics;
use super::trend;
use super::words::{duration, moment};
use crate::command::drill::record::{DrillRecord, RECORD_VERSION, Verdict};
use crate::command::text::{bytes, counted};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The newest drill of each source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MergedDrills {
    /// Version of the form, as in a record.
    pub version: u32,
    /// When the report was made.
    pub made: Timestamp,
    /// The worst verdict; a source in `missing` counts as `could_not_run`.
    pub verdict: Verdict,
    /// The verdict in one sentence.
    pub message: String,
    /// Sources without a drill, or without one that is new enough, by name.
    pub missing: Vec<MissingDrill>,
    /// The newest drill of each source, worst first, then by name.
    pub drills: Vec<DrillRecord>,
}

/// A source that was not drilled as it should have been.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissingDrill {
    /// Name of the source.
    pub name: String,
    /// When its last drill began; none where there was none.
    pub last: Option<Timestamp>,
}

/// Merges. `expected` are the sources that should have been drilled; `within_seconds` is how long ago a drill may have begun.
pub fn merge(
    records: &[DrillRecord],
    expected: &[String],
    within_seconds: Option<f64>,
    now: Timestamp,
) -> MergedDrills {
    let mut newest: BTreeMap<&str, &DrillRecord> = BTreeMap::new();
    for record in records {
        let known = newest.entry(&record.name).or_insert(record);
        if (record.begun, &record.id) > (known.begun, &known.id) {
            *known = record;
        }
    }
    let mut missing: BTreeMap<&str, Option<Timestamp>> =
        expected.iter().filter(|name| !newest.contains_key(name.as_str())).map(|name| (name.as_str(), None)).collect();
    let age = |record: &DrillRecord| now.duration_since(record.begun).as_secs_f64();
    let old = newest.iter().filter(|(_, record)| within_seconds.is_some_and(|within| age(record) > within));
    missing.extend(old.map(|(name, record)| (*name, Some(record.begun))));
    let missing: Vec<MissingDrill> =
        missing.into_iter().map(|(name, last)| MissingDrill { name: name.to_owned(), last }).collect();
    let mut drills: Vec<DrillRecord> = newest.into_values().cloned().collect();
    drills.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.name.cmp(&b.name)));
    let drilled = drills.iter().map(|record| record.verdict).max();
    let verdict = match drilled {
        Some(worst) if missing.is_empty() => worst,
        _ => Verdict::CouldNotRun,
    };
    let message = message(&drills, &missing);
    MergedDrills { version: RECORD_VERSION, made: now, verdict, message, missing, drills }
}

/// How many of each verdict.
fn message(drills: &[DrillRecord], missing: &[MissingDrill]) -> String {
    if drills.is_empty() && missing.is_empty() {
        return "the history holds no drill".to_owned();
    }
    let lately = drills.iter().filter(|record| missing.iter().all(|missing| missing.name != record.name)).count();
    let mut parts = vec![format!("{} drilled", counted(lately as u64, "source"))];
    for verdict in face::ALL {
        let number = drills
            .iter()
            .filter(|record| record.verdict == verdict && missing.iter().all(|missing| missing.name != record.name))
            .count();
        if number > 0 {
            parts.push(format!("{number} {}", face::of(verdict).word.to_lowercase()));
        }
    }
    if !missing.is_empty() {
        parts.push(format!("{} not drilled", missing.len()));
    }
    format!("{}: {}", parts[0], parts[1..].join(", ")).trim_end_matches(": ").to_owned()
}

impl MergedDrills {
    /// For people, on a terminal.
    pub fn text(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["name", "verdict", "began", "recovery", "data loss", "row text"]);
        let mut troubles = String::new();
        for row in self.rows() {
            let drill = row.drill;
            let text = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), duration);
            table.add_row([
                row.name.to_owned(),
                row.face.word.to_lowercase(),
                row.began.map_or_else(|| "never".to_owned(), moment),
                text(drill.and_then(trend::recovery_seconds)),
                text(drill.and_then(|drill| drill.data_loss_seconds)),
                drill
                    .and_then(|drill| drill.backup.as_ref())
                    .map_or_else(|| "-".to_owned(), |backup| bytes(backup.bytes)),
            ]);
            if has_trouble(&row) {
                let next = drill.filter(|_| !row.missing).map(|drill| drill.next.as_slice()).unwrap_or_default();
                let next: String = next.iter().map(|next| format!("  next: {next}\n")).collect();
                troubles += &format!("{}: {}\n{next}", row.name, row.words);
            }
        }
        format!("{table}\n\n{troubles}{}: {}\n", face::of(self.verdict).word.to_lowercase(), self.message)
    }

    /// As JSON, which docs/drill-merged.schema.json describes.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data") + "\n"
    }

    /// A suite for each source.
    pub fn junit(&self) -> String {
        let mut suites: Vec<junit::Suite> = self.missing.iter().map(missing_suite).collect();
        suites.extend(self.drills.iter().map(junit::suite));
        junit::document("myriad drills", &suites)
    }

    /// The metrics of all sources. `history` is all that there is, for when each was last proved.
    pub fn metrics(&self, history: &[DrillRecord]) -> String {
        let mut drills: Vec<&DrillRecord> = self.drills.iter().collect();
        drills.sort_by(|a, b| a.name.cmp(&b.name));
        let with_proof: Vec<_> =
            drills.into_iter().map(|record| (record, metrics::last_proved(record, history))).collect();
        metrics::text(&with_proof)
    }

    /// The page. `history` is all that there is, for the small lines. `linked` says that the pages of the sources stand
    /// beside it, as `NAME.html`.
    pub fn html(&self, history: &[DrillRecord], linked: bool) -> String {
        let face = face::of(self.verdict);
        let rows = self.rows();
        let when = Markup::all(["made ".into(), time(self.made)]);
        let count = self.drills.len() + self.missing.iter().filter(|missing| missing.last.is_none()).count();
        let subject = format!("Drills of {}", counted(count as u64, "source"));
        let main = Markup::all([overview(&rows, history, linked), rows.iter().enumerate().map(trouble).collect()]);
        let body = Markup::all([
            document::banner(face, &subject, &self.message, when),
            plain("main", main),
            document::footer("All times are UTC. This page is complete in itself and loads nothing.".into()),
        ]);
        document::document(&format!("{}: {} - myriad drill", face.word, subject.to_lowercase()), face, body)
    }

    /// A row a source: those missing first, then worst first.
    fn rows(&self) -> Vec<Row<'_>> {
        let drill = |name: &str| self.drills.iter().find(|drill| drill.name == name);
        let missing = self.missing.iter().map(|missing| Row {
            name: &missing.name,
            face: face::of(Verdict::CouldNotRun).called("Not drilled"),
            began: missing.last,
            words: missing_words(missing),
            drill: drill(&missing.name),
            missing: true,
        });
        let lately = self.drills.iter().filter(|drill| self.missing.iter().all(|missing| missing.name != drill.name));
        let lately = lately.map(|drill| Row {
            name: &drill.name,
            face: face::of(drill.verdict),
            began: Some(drill.begun),
            words: drill.message.clone(),
            drill: Some(drill),
            missing: false,
        });
        missing.chain(lately).collect()
    }
}

/// A source in the overview.
struct Row<'a> {
    name: &'a str,
    face: Face,
    began: Option<Timestamp>,
    words: String,
    drill: Option<&'a DrillRecord>,
    missing: bool,
}

fn missing_words(missing: &MissingDrill) -> String {
    match missing.last {
        Some(last) => format!("no drill since {}", moment(last)),
        None => "no drill of it in this history".to_owned(),
    }
}

fn missing_suite(missing: &MissingDrill) -> junit::Suite {
    junit::missing(&missing.name, &missing_words(missing))
}

fn overview(rows: &[Row<'_>], history: &[DrillRecord], linked: bool) -> Markup {
    let dash = || "\u{2013}".to_owned();
    let row = |(i, row): (usize, &Row<'_>)| {
        let name = plain("bdi", row.name);
        let link = match row.drill {
            Some(drill) if linked => Some(format!("./{}.html", drill.name)),
            _ => has_trouble(row).then(|| format!("#source-{i}")),
        };
        let name = link.map_or(name.clone(), |link| node("a", &[("href", &link)], name));
        let recovery = row.drill.and_then(trend::recovery_seconds);
        let budgets = row.drill.map(|drill| drill.budgets).unwrap_or_default();
        let loss = row.drill.and_then(|drill| drill.data_loss_seconds);
        let against = |value: Option<f64>, budget: Option<f64>| {
            let value: Markup = value.map_or_else(dash, duration).into();
            let share =
                budget.map_or_else(Markup::none, |budget| classed("span", "small", format!("of {}", duration(budget))));
            Markup::all([value, share])
        };
        let line = row.drill.map_or_else(Markup::none, |drill| trend::spark_line(&trend::points(drill, history)));
        let size = row.drill.and_then(|drill| drill.backup.as_ref()).map_or_else(dash, |backup| bytes(backup.bytes));
        let cells = [
            cell("", row.face.badge()),
            row_head(name),
            named_cell("n", "Recovery time", against(recovery, budgets.rto_seconds)),
            named_cell("", "Its trend", line),
            named_cell("n", "Data loss", against(loss, budgets.rpo_seconds)),
            named_cell("n", "Size", size),
            named_cell("n", "Began", row.began.map_or_else(|| "never".into(), time)),
        ];
        plain("tr", Markup::all(cells))
    };
    let columns = [
        ("Verdict", ""),
        ("Source", ""),
        ("Recovery time", "n"),
        ("Its trend", ""),
        ("Data loss", "n"),
        ("Size", "n"),
        ("Began", "n"),
    ];
    let rows = rows.iter().enumerate().map(row).collect();
    section("overview stacked", "Sources, worst first", table("The newest drill of each source", &columns, rows))
}

fn has_trouble(row: &Row<'_>) -> bool {
    row.missing || row.face.key != face::of(Verdict::Proved).key
}

/// What a source's drill found, where it is not all well.
fn trouble((i, row): (usize, &Row<'_>)) -> Markup {
    if !has_trouble(row) {
        return Markup::none();
    }
    let id = format!("source-{i}");
    let heading = node("h2", &[("id", &id)], Markup::all([plain("bdi", row.name), " ".into(), row.face.badge()]));
    let mut inner = vec![heading, plain("p", &row.words)];
    let list = |title: &str, sentences: &[String]| {
        if sentences.is_empty() {
            return Markup::none();
        }
        let items = sentences.iter().map(|sentence| plain("li", sentence)).collect::<Markup>();
        Markup::all([plain("h3", title), plain("ul", items)])
    };
    match row.drill.filter(|_| !row.missing) {
        Some(drill) => {
            let message = |failure: &&String| **failure != drill.message;
            let failures: Vec<String> = drill.failures.iter().filter(message).cloned().collect();
            inner.extend([list("What went wrong", &failures), list("What to do next", &drill.next)]);
        }
        None => {
            let next =
                "Look at the log of the process that should have drilled it, and run its drill again.".to_owned();
            inner.push(list("What to do next", &[next]));
        }
    }
    let class = format!("trouble v-{}", row.face.key);
    node("section", &[("class", &class), ("aria-labelledby", &id)], inner.into_iter().collect::<Markup>())
}
