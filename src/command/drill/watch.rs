//! A stopwatch on a restore: passes its progress on and keeps how long each phase took, also of one that fails. A phase of the
//! restore counts to the drill's phase of which it is a part.

use super::record::DrillPhase;
use crate::progress::Progress;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Phases of a drill, in their order.
pub(super) const PHASES: [&str; 8] = ["fetch", "start", "schema", "rows", "indexes", "objects", "proof", "assertions"];

/// Phases and their durations, of everything that a drill does.
pub(super) struct Watch {
    inner: Arc<dyn Progress>,
    seen: Mutex<Seen>,
}

struct Seen {
    current: String,
    begun: Instant,
    /// When rows came in last, in this phase.
    last_rows: Option<Instant>,
    /// Rows that are still to come in this phase.
    rows_left: u64,
    seconds: Vec<DrillPhase>,
}

impl Watch {
    /// Begins with the phase `fetch`.
    pub fn new(inner: Arc<dyn Progress>) -> Watch {
        let seen =
            Seen { current: "fetch".into(), begun: Instant::now(), last_rows: None, rows_left: 0, seconds: Vec::new() };
        Watch { inner, seen: Mutex::new(seen) }
    }

    /// Ends the phase and begins one that is the drill's own.
    pub fn enter(&self, phase: &str) {
        self.inner.phase(phase, 0, 0);
        self.seen().enter(phase, 0);
    }

    /// Phases so far, the one that runs among them, in the order of [`PHASES`].
    pub fn phases(&self) -> Vec<DrillPhase> {
        let mut seen = self.seen();
        let current = seen.current.clone();
        seen.enter(&current, 0);
        let place = |phase: &DrillPhase| PHASES.iter().position(|name| *name == phase.name).unwrap_or(PHASES.len());
        let mut phases = seen.seconds.clone();
        phases.sort_by_key(place);
        phases
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn enter(&mut self, phase: &str, rows: u64) {
        let now = Instant::now();
        let rows_left = std::mem::replace(&mut self.rows_left, rows);
        let (current, begun) = (std::mem::replace(&mut self.current, phase.to_owned()), self.begun);
        match self.last_rows.take() {
            // Tables that were full earlier had their indexes built meanwhile; what comes after the last row is indexes alone.
            // Where rows are missing it was a wait for them.
            Some(last) if current == "rows" && rows_left == 0 => {
                self.add("rows", (last - begun).as_secs_f64());
                self.add("indexes", (now - last).as_secs_f64());
            }
            _ => self.add(part_of(&current), (now - begun).as_secs_f64()),
        }
        self.begun = now;
    }

    fn add(&mut self, name: &str, seconds: f64) {
        match self.seconds.iter_mut().find(|phase| phase.name == name) {
            Some(phase) => phase.seconds += seconds,
            None => self.seconds.push(DrillPhase { name: name.to_owned(), seconds }),
        }
    }
}

/// The drill's phase that a phase of the restore is a part of.
fn part_of(phase: &str) -> &str {
    match phase {
        "plan" => "fetch",
        "guard" => "start",
        "keys" => "objects",
        other => other,
    }
}

impl Progress for Watch {
    fn phase(&self, name: &str, rows_expected: u64, bytes_expected: u64) {
        self.inner.phase(name, rows_expected, bytes_expected);
        self.seen().enter(name, rows_expected);
    }

    fn add(&self, rows: u64, bytes: u64) {
        self.inner.add(rows, bytes);
        let mut seen = self.seen();
        seen.last_rows = Some(Instant::now());
        seen.rows_left = seen.rows_left.saturating_sub(rows);
    }

    fn table(&self, name: &str, on: bool) {
        self.inner.table(name, on);
    }

    fn note(&self, line: &str) {
        self.inner.note(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    #[test]
    fn phases_of_a_restore_become_those_of_a_drill() {
        let watch = Watch::new(Arc::new(Silent));
        watch.enter("start");
        for phase in ["plan", "guard", "schema", "rows", "keys", "proof", "objects"] {
            watch.phase(phase, 0, 0);
            watch.add(1, 1);
        }
        watch.enter("assertions");
        let names: Vec<String> = watch.phases().into_iter().map(|phase| phase.name).collect();
        assert_eq!(names, PHASES);
    }

    #[test]
    fn a_wait_for_rows_that_do_not_come_is_no_index() {
        for (rows, indexes) in [(9, false), (10, true)] {
            let watch = Watch::new(Arc::new(Silent));
            watch.phase("rows", 10, 0);
            watch.add(rows, 1);
            assert_eq!(watch.phases().iter().any(|phase| phase.name == "indexes"), indexes, "{rows} rows of 10");
        }
    }
}
