//! How long each phase of a restore took.

use crate::error::{Error, Exit};
use crate::progress::Progress;
use std::sync::Arc;
use std::time::Instant;

/// A phase and its duration.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Phase {
    /// `plan`, `guard` (with the wait between its two looks), `schema`, `rows` (with indexes), `keys`, `proof`, `objects`.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
}

/// A stopwatch over phases.
pub(super) struct Phases {
    progress: Arc<dyn Progress>,
    begun: Instant,
    done: Vec<Phase>,
    current: String,
}

impl Phases {
    /// Starts with the phase `plan`.
    pub fn begin(progress: Arc<dyn Progress>) -> Phases {
        progress.phase("plan", 0, 0);
        Phases { progress, begun: Instant::now(), done: Vec::new(), current: "plan".into() }
    }

    /// What a person reads who has stopped the run in this phase. A run that has begun to change its target goes on from there.
    pub fn stopped(&self) -> Error {
        let (at, goes_on) = match self.current.as_str() {
            "schema" => ("while schemas and tables were made", "it goes on from there"),
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

    /// Ends the last phase.
    pub fn end(mut self) -> Vec<Phase> {
        self.close();
        self.done
    }

    fn close(&mut self) {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.begun = Instant::now();
        self.done.push(Phase { name: std::mem::take(&mut self.current), seconds });
    }
}
