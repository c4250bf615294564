//! A rate that all workers together do not exceed: each reports what it read and sleeps off the surplus.

use crate::limits;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Bytes a second for all workers together; none is no limit.
pub struct Rate {
    bytes_per_second: Option<u64>,
    /// When the bytes reported so far are paid for.
    paid_until: Mutex<Instant>,
}

impl Rate {
    /// A limit, or none.
    pub fn new(bytes_per_second: Option<u64>) -> Rate {
        Rate { bytes_per_second: bytes_per_second.filter(|&rate| rate > 0), paid_until: Mutex::new(Instant::now()) }
    }

    /// Reports `bytes` and sleeps until they are within the rate, or until `stopped` is true.
    pub fn pay(&self, bytes: u64, stopped: impl Fn() -> bool) {
        let Some(mut left) = self.owed(bytes, Instant::now()) else { return };
        while !left.is_zero() && !stopped() {
            let pause = left.min(limits::STOP_PAUSE);
            std::thread::sleep(pause);
            left -= pause;
        }
    }

    fn owed(&self, bytes: u64, now: Instant) -> Option<Duration> {
        let rate = self.bytes_per_second?;
        let mut paid_until = self.paid_until.lock().expect("no holder of the lock panics");
        // Unused time is not saved up: a pause is not followed by a burst.
        *paid_until = (*paid_until).max(now) + Duration::from_secs_f64(bytes as f64 / rate as f64);
        Some(*paid_until - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_for_a_seconds_worth() {
        let rate = Rate::new(Some(1000));
        let now = Instant::now();
        assert_eq!(rate.owed(500, now).map(|d| d.as_millis()), Some(500));
        assert_eq!(rate.owed(500, now).map(|d| d.as_millis()), Some(1000));
        let later = now + Duration::from_secs(100);
        assert_eq!(rate.owed(1000, later).map(|d| d.as_millis()), Some(1000));
        assert_eq!(Rate::new(None).owed(500, now), None);
    }
}
