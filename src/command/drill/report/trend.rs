//! The drills of one source as a row of points, oldest first, and the two charts that are drawn of them: recovery time
//! against its budget, and the size of the data. The drawings stretch to the width that they are given: places are shares of it, text and marks keep
//! their size. Pure.

use super::face;
use super::markup::{Markup, classed, node, plain};
use super::scale::{self, Axis, Calendar};
use super::words::{duration, moment, relative_change};
use crate::command::drill::record::{DrillRecord, Verdict};
use crate::command::text::{bytes, counted};
use jiff::Timestamp;
use std::fmt::Write as _;

/// A drill as the charts see it.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub id: String,
    pub begun: Timestamp,
    pub verdict: Verdict,
    pub message: String,
    /// Seconds that a recovery of all of it takes; of a sample, the estimate.
    pub recovery_seconds: Option<f64>,
    pub data_loss_seconds: Option<f64>,
    /// Bytes of row text in the backup.
    pub bytes: Option<u64>,
}

/// Earlier drills of the record's source and the record itself, oldest first, each once.
pub(super) fn points(record: &DrillRecord, history: &[DrillRecord]) -> Vec<Point> {
    let earlier = history.iter().filter(|drill| drill.name == record.name && drill.id != record.id);
    let mut drills: Vec<&DrillRecord> = earlier.chain([record]).collect();
    drills.sort_by(|a, b| (a.begun, &a.id).cmp(&(b.begun, &b.id)));
    drills.into_iter().map(point).collect()
}

fn point(drill: &DrillRecord) -> Point {
    Point {
        id: drill.id.clone(),
        begun: drill.begun,
        verdict: drill.verdict,
        message: drill.message.clone(),
        recovery_seconds: recovery_seconds(drill),
        data_loss_seconds: drill.data_loss_seconds,
        bytes: drill.backup.as_ref().map(|backup| backup.bytes),
    }
}

/// What a recovery of all of the backup takes: measured, or by a sample estimated.
pub(super) fn recovery_seconds(drill: &DrillRecord) -> Option<f64> {
    drill.recovery_seconds_extrapolated.or(drill.recovery_seconds)
}

/// The chart of recovery time.
pub(super) fn recovery_chart(points: &[Point], rto_seconds: Option<f64>) -> Markup {
    let highest = highest(points.iter().filter_map(|point| point.recovery_seconds));
    // A budget far above all that was measured would press the line to the ground: it is told instead.
    let shown = rto_seconds.filter(|budget| highest >= budget / 8.0);
    let axis = scale::of_seconds(highest.max(shown.unwrap_or(0.0)));
    let mut chart = Chart::new("recovery", "Recovery time of each drill", points, axis);
    chart.line(|point| point.recovery_seconds);
    if let Some(budget) = rto_seconds {
        chart.budget(shown, &format!("RTO {}", duration(budget)));
    }
    chart.marks(|point| point.recovery_seconds, duration);
    chart.finish(&said(points, |point| point.recovery_seconds, duration, rto_seconds))
}

/// The chart of sizes.
pub(super) fn size_chart(points: &[Point]) -> Markup {
    let size = |point: &Point| point.bytes.map(|bytes| bytes as f64);
    let text = |size: f64| bytes(size as u64);
    let axis = scale::of_bytes(highest(points.iter().filter_map(size)));
    let mut chart = Chart::new("size", "Size of the data in the backup of each drill", points, axis);
    chart.line(size);
    chart.marks(size, text);
    chart.finish(&said(points, size, text, None))
}

/// Recovery time of the drills as a small line without axes, for a row of a table.
pub(super) fn spark_line(points: &[Point]) -> Markup {
    const SHOWN: usize = 30;
    let points = &points[points.len().saturating_sub(SHOWN)..];
    let highest = highest(points.iter().filter_map(|point| point.recovery_seconds));
    if points.len() < 2 || highest <= 0.0 {
        return Markup::none();
    }
    let mut chart = Chart::new("spark", "", points, Axis { max: highest * 1.1, ticks: Vec::new() });
    chart.drawn = Markup::none();
    chart.line(|point| point.recovery_seconds);
    let attributes = [("class", "spark"), ("aria-hidden", "true"), ("focusable", "false")];
    node("svg", &attributes, chart.drawn)
}

fn highest(values: impl Iterator<Item = f64>) -> f64 {
    values.filter(|value| value.is_finite()).fold(0.0, f64::max)
}

/// What the chart shows, in words.
fn said(
    points: &[Point],
    value: impl Fn(&Point) -> Option<f64>,
    text: impl Fn(f64) -> String,
    budget: Option<f64>,
) -> String {
    let values: Vec<f64> = points.iter().filter_map(value).collect();
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return "No drill has got so far.".to_owned();
    };
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let mut said = format!(
        "{}: from {} at first to {} at last, {} at least and {} at most.",
        counted(points.len() as u64, "drill"),
        text(*first),
        text(*last),
        text(lowest),
        text(highest(values.iter().copied()))
    );
    if let Some(budget) = budget {
        let over = values.iter().filter(|value| **value > budget).count();
        let _ = write!(said, " The budget is {}; {} of {} took longer.", text(budget), over, values.len());
    }
    let failed = points.iter().filter(|point| point.verdict > Verdict::OverBudget).count();
    let _ = write!(said, " {} of {} proved nothing or found damage.", failed, points.len());
    said
}

/// How the newest recovery compares with the one before.
pub(super) fn against_the_last(points: &[Point], value: impl Fn(&Point) -> Option<f64>) -> Option<String> {
    let (newest, earlier) = points.split_last()?;
    let before = earlier.iter().rev().find_map(&value)?;
    Some(format!("{} against the last drill", relative_change(before, value(newest)?)?))
}

/// When recovery will take longer than `rto_seconds` if it goes on to grow as it did, in words. Told only where the
/// growth is plain: eight drills in two weeks or more, growth well above the scatter, and less than two years to go. The
/// slope is the median of the slopes between all pairs (Theil and Sen), which a few slow drills do not bend.
pub(super) fn outlook(points: &[Point], rto_seconds: Option<f64>) -> Option<String> {
    const DAY: f64 = 86400.0;
    const DRILLS_MAX: usize = 120;
    let budget = rto_seconds?;
    let origin = points.last()?.begun.as_second() as f64;
    let measured: Vec<(f64, f64)> = points
        .iter()
        .rev()
        .filter(|point| point.verdict <= Verdict::OverBudget)
        .filter_map(|point| Some(((point.begun.as_second() as f64 - origin) / DAY, point.recovery_seconds?)))
        .take(DRILLS_MAX)
        .collect();
    let days_seen = measured.first()?.0 - measured.last()?.0;
    if measured.len() < 8 || days_seen < 14.0 {
        return None;
    }
    let pairs = measured.iter().enumerate().flat_map(|(i, a)| measured[i + 1..].iter().map(move |b| (a, b)));
    let slope = median(pairs.filter(|(a, b)| a.0 - b.0 > 0.5).map(|(a, b)| (a.1 - b.1) / (a.0 - b.0)))?;
    let now = median(measured.iter().map(|(day, seconds)| seconds - slope * day))?;
    let scatter = median(measured.iter().map(|(day, seconds)| (seconds - slope * day - now).abs()))?;
    let days = (budget - now) / slope;
    let plain = slope > 0.0 && slope * days_seen > 4.0 * scatter && now < budget && days < 730.0;
    plain.then(|| {
        let when = if days < 14.0 { counted(days.ceil() as u64, "day") } else { weeks(days) };
        format!(
            "Recovery takes {} longer each week. If it goes on like this, it passes the budget in about {when}.",
            duration(slope * 7.0)
        )
    })
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn weeks(days: f64) -> String {
    if days < 90.0 { format!("{:.0} weeks", days / 7.0) } else { format!("{:.0} months", days / 30.4) }
}

/// A chart being drawn. The plot is 100 % wide and high; the axes' texts stand outside of it, in the margins that the
/// style sheet leaves.
struct Chart<'a> {
    key: &'static str,
    title: &'static str,
    points: &'a [Point],
    axis: Axis,
    calendar: Calendar,
    drawn: Markup,
}

impl<'a> Chart<'a> {
    fn new(key: &'static str, title: &'static str, points: &'a [Point], axis: Axis) -> Self {
        let (first, last) = (points.iter().map(|p| p.begun).min(), points.iter().map(|p| p.begun).max());
        let epoch = Timestamp::UNIX_EPOCH;
        let calendar = scale::of_moments(first.unwrap_or(epoch), last.unwrap_or(epoch));
        let mut chart = Self { key, title, points, axis, calendar, drawn: Markup::none() };
        chart.grid();
        chart
    }

    fn draw(&mut self, piece: Markup) {
        self.drawn = Markup::all([std::mem::take(&mut self.drawn), piece]);
    }

    /// Lines across for values, short ones below for moments, with their texts.
    fn grid(&mut self) {
        let (values, moments) = (self.axis.ticks.clone(), self.calendar.ticks.clone());
        for tick in values {
            let y = share(1.0 - tick.place);
            self.draw(node("line", &[("class", "grid"), ("x2", "100%"), ("y1", &y), ("y2", &y)], ""));
            let text = [("class", "tick value"), ("x", "-8"), ("y", &y), ("dy", "0.35em")];
            self.draw(node("text", &text, tick.text));
        }
        // Every second text is left out where the page is narrow.
        for (i, tick) in moments.iter().rev().enumerate() {
            let x = share(tick.place);
            let narrow = if i % 2 == 1 { " wide-only" } else { "" };
            let end = if tick.place > 0.96 { " at-end" } else { "" };
            let down = node(
                "svg",
                &[("x", x.as_str()), ("y", "100%"), ("class", "open")],
                Markup::all([
                    node("line", &[("class", "grid"), ("y2", "5")], ""),
                    node("text", &[("class", &format!("tick moment{narrow}{end}")), ("y", "20")], &tick.text),
                ]),
            );
            self.draw(down);
        }
    }

    /// The line through the drills, broken where a drill has no value, and the surface below it.
    fn line(&mut self, value: impl Fn(&Point) -> Option<f64>) {
        let (mut line, mut surface) = (String::new(), String::new());
        let mut broken = true;
        let mut ends: Option<(f64, f64)> = None;
        for point in self.points {
            let Some(value) = value(point) else {
                broken = true;
                continue;
            };
            let (x, y) = (1000.0 * self.calendar.place(point.begun), 1000.0 * (1.0 - self.axis.place(value)));
            let _ = write!(line, "{}{x:.1} {y:.1}", if broken { "M" } else { "L" });
            let _ = write!(surface, "{}{x:.1} {y:.1}", if ends.is_none() { "M" } else { "L" });
            ends = Some((ends.map_or(x, |(first, _)| first), x));
            broken = false;
        }
        if let Some((first, last)) = ends {
            let _ = write!(surface, "L{last:.1} 1000L{first:.1} 1000Z");
        }
        let paths = Markup::all([
            node("path", &[("class", "surface"), ("d", &surface)], ""),
            node("path", &[("class", "line"), ("d", &line)], ""),
        ]);
        let stretched = [
            ("viewBox", "0 0 1000 1000"),
            ("preserveAspectRatio", "none"),
            ("width", "100%"),
            ("height", "100%"),
            ("class", "open"),
        ];
        self.draw(node("svg", &stretched, paths));
    }

    /// The budget as a line across, or where it is far above the rest, as a text at the top.
    fn budget(&mut self, shown: Option<f64>, text: &str) {
        let Some(budget) = shown else {
            let text = format!("{text}, above this chart \u{2191}");
            let attributes = [("class", "budget-text"), ("x", "4"), ("y", "0"), ("dy", "-0.5em")];
            self.draw(node("text", &attributes, text));
            return;
        };
        let y = share(1.0 - self.axis.place(budget));
        self.draw(node("line", &[("class", "budget"), ("x2", "100%"), ("y1", &y), ("y2", &y)], ""));
        let attributes = [("class", "budget-text"), ("x", "4"), ("y", &y), ("dy", "-0.5em")];
        self.draw(node("text", &attributes, text));
    }

    /// A mark for each drill; one without a value stands on the ground. Where drills are many, those that passed are dots.
    fn marks(&mut self, value: impl Fn(&Point) -> Option<f64>, text: impl Fn(f64) -> String) {
        const MANY: usize = 60;
        let many = self.points.len() > MANY;
        // Those that failed come last, so that nothing hides them.
        let mut order: Vec<&Point> = self.points.iter().collect();
        order.sort_by_key(|point| point.verdict);
        for point in order {
            let face = face::of(point.verdict);
            let found = value(point);
            let x = share(self.calendar.place(point.begun));
            let y = share(1.0 - found.map_or(0.0, |found| self.axis.place(found)));
            let title = format!(
                "{}: {}, {}\n{}",
                moment(point.begun),
                found.map_or_else(|| "no value".to_owned(), &text),
                face.word.to_lowercase(),
                point.message
            );
            let small = many && point.verdict == Verdict::Proved;
            let shape = mark(point.verdict, if small { 1.6 } else { 4.2 });
            let newest = self.points.last().is_some_and(|last| last.id == point.id);
            let dot = if small { " dot" } else { "" };
            let class = format!("mark v-{}{dot}{}", face.key, if newest { " newest" } else { "" });
            let area = node("circle", &[("class", "area"), ("r", if many { "5" } else { "10" })], "");
            let held = Markup::all([plain("title", title), area, shape]);
            self.draw(node("svg", &[("class", "open"), ("x", &x), ("y", &y)], classed("g", &class, held)));
        }
    }

    /// The drawing under its heading, and in words below it.
    fn finish(self, description: &str) -> Markup {
        let (title_id, text_id) = (format!("{}-title", self.key), format!("{}-text", self.key));
        let labels = format!("{title_id} {text_id}");
        let attributes = [("class", "plot open"), ("role", "img"), ("aria-labelledby", labels.as_str())];
        let chart = classed("div", "chart", node("svg", &attributes, self.drawn));
        let heading = node("h2", &[("id", &title_id)], self.title);
        let words = node("p", &[("id", &text_id), ("class", "said")], description);
        node("section", &[("aria-labelledby", &title_id)], Markup::all([heading, chart, words]))
    }
}

/// The mark of a verdict around nought: shapes differ, so that colours are not needed to tell them apart.
pub(super) fn mark(verdict: Verdict, size: f64) -> Markup {
    let s = size;
    match verdict {
        Verdict::Proved => node("circle", &[("class", "full"), ("r", &format!("{:.1}", s * 0.9))], ""),
        Verdict::OverBudget => path("full", &format!("M0 {:.1}L{s:.1} {s:.1}L-{s:.1} {s:.1}Z", -s * 1.1)),
        Verdict::Unproved => node("circle", &[("class", "hollow"), ("r", &format!("{s:.1}"))], ""),
        Verdict::AssertionFailed => path("hollow", &format!("M0 -{s:.1}L{s:.1} 0L0 {s:.1}L-{s:.1} 0Z")),
        Verdict::DamagedBackup => {
            path("cross", &format!("M-{s:.1} -{s:.1}L{s:.1} {s:.1}M{s:.1} -{s:.1}L-{s:.1} {s:.1}"))
        }
        Verdict::CouldNotRun => path("cross", &format!("M-{s:.1} 0L{s:.1} 0M0 -{s:.1}L0 {s:.1}")),
    }
}

fn path(class: &str, lines: &str) -> Markup {
    node("path", &[("class", class), ("d", lines)], "")
}

fn share(place: f64) -> String {
    format!("{:.2}%", place * 100.0)
}
