//! How long each phase of a restore took.

use crate::error::{Error, Exit};
use crate::progress::Progress;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A phase and its duration.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Phase {
    /// `plan`, `guard` (with the wait between its two looks), `schema`, `first` (all of the tables that `--first` names), `rows`
    /// (with indexes), `keys`, `proof`, `objects`.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
}

/// A moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Moment {
    /// Seconds since the run began.
    pub seconds: f64,
    /// By the clock.
    pub at: Timestamp,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:.1} s ({:.0})", self.seconds, self.at)
    }
}

/// A stopwatch over phases.
pub(super) struct Phases {
    progress: Arc<dyn Progress>,
    started: Instant,
    started_at: Timestamp,
    begun: Instant,
    done: Vec<Phase>,
    current: String,
}

impl Phases {
    /// Starts with the phase `plan`.
    pub fn begin(progress: Arc<dyn Progress>) -> Phases {
        progress.phase("plan", 0, 0);
        let (started, started_at) = (Instant::now(), Timestamp::now());
        Phases { progress, started, started_at, begun: started, done: Vec::new(), current: "plan".into() }
    }

    /// This moment.
    pub fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    /// A moment since the run began.
    pub fn moment(&self, at: Instant) -> Moment {
        let since: Duration = at.saturating_duration_since(self.started);
        Moment { seconds: since.as_secs_f64(), at: self.started_at + since }
    }

    /// What a person reads who has stopped the run in this phase. A run that has begun to change its target goes on from there.
    pub fn stopped(&self) -> Error {
        let (at, goes_on) = match self.current.as_str() {
            "schema" => ("while schemas and tables were made", "it goes on from there"),
            "first" => ("while the tables of --first were brought back", "it goes on from the chunks that are in"),
            "rows" => ("while rows were loaded and indexes built", "it goes on from the chunks that are in"),
            "keys" => ("after all rows were loaded, while keys, views and routines were made", "it goes on from there"),
            "proof" => ("after all rows were loaded, before they were proved", "it goes on from there"),
            "objects" => ("at the end, while triggers and events were made", "it goes on from there"),
            _ => ("before the target was touched", "it begins anew"),
        };
        Error::new(Exit::Interrupted, format!("stopped {at}")).hint(format!("run the same command again: {goes_on}"))
    }

    /// Ends the phase and begins the next, which expects so much work.
    pub fn enter(&mut self, name: &str, rows_expected: u64, bytes_expected: u64) {
        self.close();
        self.current = name.to_owned();
        self.progress.phase(name, rows_expected, bytes_expected);
    }

    /// How long a phase took that has ended.
    pub fn seconds(&self, name: &str) -> Option<f64> {
        self.done.iter().find(|phase| phase.name == name).map(|phase| phase.seconds)
    }

    /// Ends the last phase.
    pub fn end(mut self) -> Vec<Phase> {
        self.close();
        self.done
    }

    fn close(&mut self) {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.begun = Instant::now();
        let name = std::mem::take(&mut self.current);
        // A phase may come in parts: with --first some definitions are made before the first rows and some after them.
        match self.done.iter_mut().find(|phase| phase.name == name) {
            Some(phase) => phase.seconds += seconds,
            None => self.done.push(Phase { name, seconds }),
        }
    }
}
