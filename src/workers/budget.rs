//! Bytes in flight, shared by all workers: a worker leases what its buffers hold and waits while there is no room.
//! A lease larger than the whole budget is granted alone.

use std::sync::{Condvar, Mutex};

/// A bound on bytes in flight.
pub struct Budget {
    total: usize,
    used: Mutex<usize>,
    freed: Condvar,
}

/// Bytes leased until dropped.
pub struct Lease<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Budget {
    /// A budget of `total` bytes.
    pub fn new(total: usize) -> Budget {
        Budget { total, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until `bytes` are free, or until nothing else is leased, and takes them.
    pub fn lease(&self, bytes: usize) -> Lease<'_> {
        let used = self.used.lock().expect("no holder of the lock panics");
        let mut used = self
            .freed
            .wait_while(used, |used| *used > 0 && used.saturating_add(bytes) > self.total)
            .expect("no holder of the lock panics");
        *used = used.saturating_add(bytes);
        Lease { budget: self, bytes }
    }

    /// Bytes leased now.
    pub fn used(&self) -> usize {
        *self.used.lock().expect("no holder of the lock panics")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        *self.budget.used.lock().expect("no holder of the lock panics") -= self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn never_above_the_total_and_an_oversized_lease_runs_alone() {
        let budget = Budget::new(100);
        let peak = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let (budget, peak) = (&budget, &peak);
                scope.spawn(move || {
                    for turn in 0..200 {
                        let bytes = 1 + (worker * 37 + turn * 11) % 60;
                        let lease = budget.lease(bytes);
                        peak.fetch_max(budget.used(), Ordering::Relaxed);
                        drop(lease);
                    }
                });
            }
        });
        assert!(peak.load(Ordering::Relaxed) <= 100);
        assert_eq!(budget.used(), 0);
        let alone = budget.lease(1000);
        assert_eq!(budget.used(), 1000);
        drop(alone);
        assert_eq!(budget.used(), 0);
    }
}
