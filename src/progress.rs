//! Progress as counters behind a trait: modules count, printers (in `cli`) read. No terminal here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What a running command reports. Cheap to call from any thread.
pub trait Progress: Send + Sync {
    /// A phase begins (`"rows"`, `"indexes"`, `"proof"`), with the work it expects: rows and bytes, 0 where unknown.
    fn phase(&self, name: &str, rows_expected: u64, bytes_expected: u64);
    /// Rows and bytes done in this phase since the last call.
    fn add(&self, rows: u64, bytes: u64);
    /// A table is being worked on (`on`) or no longer.
    fn table(&self, name: &str, on: bool);
    /// A line a person should read (a warning, a step done); lower case, no full stop.
    fn note(&self, line: &str);
}

/// Reports nothing.
pub struct Silent;

impl Progress for Silent {
    fn phase(&self, _: &str, _: u64, _: u64) {}
    fn add(&self, _: u64, _: u64) {}
    fn table(&self, _: &str, _: bool) {}
    fn note(&self, _: &str) {}
}

/// The counters that every printer shows.
#[derive(Default)]
pub struct Counters {
    /// Rows done in this phase.
    pub rows: AtomicU64,
    /// Bytes done in this phase.
    pub bytes: AtomicU64,
    /// Rows this phase expects, 0 where unknown.
    pub rows_expected: AtomicU64,
    /// Bytes this phase expects, 0 where unknown.
    pub bytes_expected: AtomicU64,
    /// Tables now at work, with the number of workers on each.
    pub tables: Mutex<BTreeMap<String, usize>>,
}

impl Counters {
    /// Starts a phase: the counts begin at nought.
    pub fn begin(&self, rows_expected: u64, bytes_expected: u64) {
        self.rows.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.rows_expected.store(rows_expected, Ordering::Relaxed);
        self.bytes_expected.store(bytes_expected, Ordering::Relaxed);
    }

    /// Counts rows and bytes as done.
    pub fn add(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes a worker that comes to a table or leaves it.
    pub fn table(&self, name: &str, on: bool) {
        let mut tables = self.tables.lock().expect("progress counters");
        if on {
            *tables.entry(name.to_owned()).or_default() += 1;
        } else if let Some(workers) = tables.get_mut(name) {
            *workers -= 1;
            if *workers == 0 {
                tables.remove(name);
            }
        }
    }
}

/// A request to stop, shared by all workers of a run: set by Ctrl-C or by the first error.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks every worker to stop at its next safe point.
    pub fn stop(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// True once somebody asked.
    pub fn stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
