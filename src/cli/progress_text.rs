//! Progress for people: one bar for the whole on a terminal, plain lines every few seconds elsewhere, both
//! with the same facts: rows, bytes, rate, time left, tables at work. The bytes of a phase may be unknown or
//! guessed too low; then there is no percentage and no time left, rather than a wrong one.
//!
//! A thread of its own draws, so counting costs the workers two atomic additions.

use super::message::printable;
use super::size;
use crate::command::text::count;
use crate::limits;
use crate::progress::{Counters, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the bar is drawn.
const BAR_EVERY: Duration = Duration::from_millis(200);
/// The rate is an average that forgets what is older than about this: short enough to show a change, long
/// enough not to jump with every chunk.
const RATE_MEMORY: Duration = Duration::from_secs(10);
/// So many tables at work are named, the others counted.
const TABLES_NAMED: usize = 2;

/// Where plain lines and notes go.
type Print = Box<dyn Fn(&str) + Send + Sync>;

/// A running display. Dropping it ends the display.
pub struct TextProgress {
    shared: Arc<Shared>,
    drawer: Option<JoinHandle<()>>,
}

struct Shared {
    counters: Counters,
    phase: Mutex<Option<Phase>>,
    bar: Option<ProgressBar>,
    print: Print,
    ended: Mutex<bool>,
    end: Condvar,
}

struct Phase {
    name: String,
    rate: Rate,
    sampled: Instant,
    sampled_bytes: u64,
}

impl TextProgress {
    /// A display on standard error: a bar where it is a terminal, else lines.
    pub fn new(terminal: bool, print: impl Fn(&str) + Send + Sync + 'static) -> TextProgress {
        let bar = terminal.then(|| ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()));
        let every = if terminal { BAR_EVERY } else { limits::PROGRESS_LINE_EVERY };
        TextProgress::start(bar, every, Box::new(print))
    }

    fn start(bar: Option<ProgressBar>, every: Duration, print: Print) -> TextProgress {
        let shared = Arc::new(Shared {
            counters: Counters::default(),
            phase: Mutex::new(None),
            bar,
            print,
            ended: Mutex::new(false),
            end: Condvar::new(),
        });
        let drawing = shared.clone();
        let drawer = std::thread::Builder::new().name("progress".into()).spawn(move || drawing.draw_until_end(every));
        // Without a thread there is no display; the work itself goes on.
        TextProgress { shared, drawer: drawer.ok() }
    }

    /// The handle that the command counts with; it may outlive the display.
    pub fn progress(&self) -> Arc<dyn Progress> {
        self.shared.clone()
    }
}

impl Drop for TextProgress {
    fn drop(&mut self) {
        *self.shared.ended.lock().expect("progress end") = true;
        self.shared.end.notify_all();
        if let Some(drawer) = self.drawer.take() {
            let _ = drawer.join();
        }
        if let Some(bar) = &self.shared.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Shared {
    fn phase(&self, name: &str, rows_expected: u64, bytes_expected: u64) {
        let mut phase = self.phase.lock().expect("progress phase");
        self.counters.begin(rows_expected, bytes_expected);
        *phase =
            Some(Phase { name: name.to_owned(), rate: Rate::default(), sampled: Instant::now(), sampled_bytes: 0 });
    }

    fn add(&self, rows: u64, bytes: u64) {
        self.counters.add(rows, bytes);
    }

    fn table(&self, name: &str, on: bool) {
        self.counters.table(name, on);
    }

    fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| (self.print)(&printable(line))),
            None => (self.print)(&printable(line)),
        }
    }
}

impl Shared {
    fn draw_until_end(&self, every: Duration) {
        let mut ended = self.ended.lock().expect("progress end");
        while !*ended {
            let (guard, timeout) = self.end.wait_timeout(ended, every).expect("progress end");
            ended = guard;
            if timeout.timed_out() && !*ended {
                self.draw();
            }
        }
    }

    fn draw(&self) {
        let Some(facts) = self.sample() else { return };
        let Some(bar) = &self.bar else {
            (self.print)(&format!("{}: {}", facts.phase, describe(&facts)));
            return;
        };
        match facts.bytes_known() {
            true => {
                bar.set_style(style("{prefix} [{bar:20}] {wide_msg}").progress_chars("=> "));
                bar.set_length(facts.bytes_expected);
                bar.set_position(facts.bytes);
            }
            false => {
                bar.set_style(style("{prefix} {spinner} {wide_msg}"));
                bar.tick();
            }
        }
        bar.set_prefix(facts.phase.clone());
        bar.set_message(describe(&facts));
    }

    /// The facts of this moment; none before the first phase.
    fn sample(&self) -> Option<Facts> {
        let mut phase = self.phase.lock().expect("progress phase");
        let phase = phase.as_mut()?;
        let bytes = self.counters.bytes.load(Ordering::Relaxed);
        let now = Instant::now();
        phase.rate.add(bytes.saturating_sub(phase.sampled_bytes), now - phase.sampled);
        (phase.sampled, phase.sampled_bytes) = (now, bytes);
        Some(Facts {
            phase: phase.name.clone(),
            rows: self.counters.rows.load(Ordering::Relaxed),
            rows_expected: self.counters.rows_expected.load(Ordering::Relaxed),
            bytes,
            bytes_expected: self.counters.bytes_expected.load(Ordering::Relaxed),
            rate_bytes: phase.rate.bytes_per_second(),
            tables: self
                .counters
                .tables
                .lock()
                .expect("progress counters")
                .keys()
                .map(|name| printable(name))
                .collect(),
        })
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates here are sound")
}

/// What a display shows.
#[derive(Clone, Debug, Default)]
struct Facts {
    phase: String,
    rows: u64,
    rows_expected: u64,
    bytes: u64,
    bytes_expected: u64,
    rate_bytes: f64,
    tables: Vec<String>,
}

impl Facts {
    fn bytes_known(&self) -> bool {
        self.bytes_expected > 0 && self.bytes <= self.bytes_expected
    }
}

/// The facts on one line.
fn describe(facts: &Facts) -> String {
    let mut parts = Vec::new();
    if facts.rows_expected >= facts.rows && facts.rows_expected > 0 {
        parts.push(format!("{} of {} rows", count(facts.rows), count(facts.rows_expected)));
    } else if facts.rows > 0 || facts.bytes_known() {
        parts.push(format!("{} rows", count(facts.rows)));
    } else if facts.bytes == 0 && facts.tables.is_empty() {
        // A phase that counts nothing still shows that it is alive.
        parts.push("at work".into());
    }
    if facts.bytes_known() {
        let percent = facts.bytes as f64 / facts.bytes_expected as f64 * 100.0;
        let (done, all) = (size::format(facts.bytes), size::format(facts.bytes_expected));
        parts.push(format!("{done} of {all} ({percent:.0} %)"));
    } else if facts.bytes > 0 {
        parts.push(size::format(facts.bytes));
    }
    if facts.rate_bytes >= 1.0 {
        parts.push(format!("{}/s", size::format(facts.rate_bytes as u64)));
        if facts.bytes_known() {
            let seconds = (facts.bytes_expected - facts.bytes) as f64 / facts.rate_bytes;
            parts.push(format!("{} left", clock(seconds.ceil() as u64)));
        }
    }
    parts.extend(facts.tables.iter().take(TABLES_NAMED).cloned());
    let mut line = parts.join(", ");
    if facts.tables.len() > TABLES_NAMED {
        line.push_str(&format!(" +{}", facts.tables.len() - TABLES_NAMED));
    }
    line
}

/// Seconds as `0:07`, `12:34` or `1:02:03`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A rate that forgets exponentially. The weight begins at nought, so the first samples count in full
/// instead of being drawn towards 0.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    weighted: f64,
    weight: f64,
}

impl Rate {
    fn add(&mut self, bytes: u64, time: Duration) {
        let seconds = time.as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let keep = (-seconds / RATE_MEMORY.as_secs_f64()).exp();
        self.weighted = self.weighted * keep + bytes as f64 / seconds * (1.0 - keep);
        self.weight = self.weight * keep + 1.0 - keep;
    }

    fn bytes_per_second(&self) -> f64 {
        if self.weight > 0.0 { self.weighted / self.weight } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_facts_that_are_known() {
        let facts = Facts {
            phase: "rows".into(),
            rows: 1_234_567,
            rows_expected: 8_000_000,
            bytes: 3 << 29,
            bytes_expected: 4 << 30,
            rate_bytes: (200u64 << 20) as f64,
            tables: ["a.a", "a.b", "a.c", "a.d"].map(String::from).into(),
        };
        assert_eq!(
            describe(&facts),
            "1,234,567 of 8,000,000 rows, 1.50 GiB of 4.00 GiB (38 %), 200 MiB/s, 0:13 left, a.a, a.b +2"
        );
        let unknown = Facts { rows_expected: 0, bytes_expected: 0, tables: vec!["a.a".into()], ..facts.clone() };
        assert_eq!(describe(&unknown), "1,234,567 rows, 1.50 GiB, 200 MiB/s, a.a");
        let too_low = Facts { rows_expected: 7, bytes_expected: 1 << 20, tables: vec![], ..facts };
        assert_eq!(describe(&too_low), "1,234,567 rows, 1.50 GiB, 200 MiB/s");
        assert_eq!(describe(&Facts::default()), "at work");
    }

    #[test]
    fn numbers_and_times_are_readable() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (u64::MAX, "18,446,744,073,709,551,615")];
        for (number, expected) in cases {
            assert_eq!(count(number), expected);
        }
        for (seconds, expected) in [(0, "0:00"), (59, "0:59"), (754, "12:34"), (3723, "1:02:03")] {
            assert_eq!(clock(seconds), expected);
        }
    }

    #[test]
    fn the_rate_is_right_at_once_and_smooth_later() {
        let mut rate = Rate::default();
        assert_eq!(rate.bytes_per_second(), 0.0);
        rate.add(1000, Duration::from_secs(1));
        assert!((rate.bytes_per_second() - 1000.0).abs() < 1e-6, "the first sample counts in full");
        for _ in 0..100 {
            rate.add(1000, Duration::from_secs(1));
        }
        rate.add(0, Duration::from_secs(1));
        let after_a_pause = rate.bytes_per_second();
        assert!((900.0..1000.0).contains(&after_a_pause), "{after_a_pause}");
        for _ in 0..100 {
            rate.add(5000, Duration::from_secs(1));
        }
        assert!((rate.bytes_per_second() - 5000.0).abs() < 1.0, "old samples are forgotten");
    }

    #[test]
    fn without_a_terminal_lines_come_until_the_end() {
        let (sender, lines) = std::sync::mpsc::channel();
        let print = move |line: &str| sender.send(line.to_owned()).unwrap_or_default();
        let display = TextProgress::start(None, Duration::from_millis(5), Box::new(print));
        let progress = display.progress();
        progress.note("one note");
        assert_eq!(lines.recv().as_deref(), Ok("one note"));
        progress.phase("rows", 10, 0);
        progress.table("s.t", true);
        progress.add(4, 0);
        let line = lines.iter().find(|line| line.contains('4')).expect("a line");
        assert_eq!(line, "rows: 4 of 10 rows, s.t");
        drop(display);
        while lines.try_recv().is_ok() {}
        progress.add(1, 1);
        let after = lines.recv_timeout(Duration::from_millis(50));
        assert!(after.is_err(), "nothing is printed once the display has ended: {after:?}");
    }
}
