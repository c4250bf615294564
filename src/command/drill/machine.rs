//! The machine that a drill runs on, as far as a reader of its times wants to know.

use super::record::Machine;
use crate::bench::measure;

/// Its name, processors and memory.
pub(super) fn look() -> Machine {
    Machine {
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: memory_bytes(),
    }
}

/// Bytes of its memory.
pub(super) fn memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// CPU seconds of this process so far.
pub(super) fn own_cpu_seconds() -> f64 {
    measure::cpu_seconds(std::process::id(), false).unwrap_or(0.0)
}

/// CPU seconds of another process so far.
pub(super) fn cpu_seconds(pid: u32) -> Option<f64> {
    measure::cpu_seconds(pid, false)
}
