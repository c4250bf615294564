//! What a restore will need, as far as can be told before it begins: room on the target's disk, and time. Comes in: what is
//! chosen and what an earlier try has loaded. Goes out: a prediction that plan and report show, and the finding where the
//! disk is too small. The rates are those of the last restore of the same source, where one is recorded in the repository, else
//! those of docs/benchmarks.md, on the low side.

use crate::command::options::{ProofMode, RestoreOptions};
use crate::command::selected::Selected;
use crate::command::text::{bytes, seconds};
use crate::guard::{Finding, FindingKind};
use crate::load::ledger::Progressed;
use crate::manifest::proofs::Rates;
use jiff::Timestamp;

/// Bytes that a byte of row text takes on the disk with its secondary indexes: 1.4 for sysbench's tables, 2.1 for the shop's
/// (9.7.4).
const DISK_BYTES_PER_TEXT_BYTE: f64 = 2.0;
/// What a table takes without any row: an InnoDB file begins with seven pages of 16 KiB.
const DISK_BYTES_PER_TABLE: u64 = 112 << 10;
/// Row text that one thread loads and indexes in a second: 33 MB for sysbench's tables, 12 MB for the shop's (9.7.4).
const LOAD_BYTES_PER_SECOND: f64 = 15e6;
/// Row text that one thread proves in a second.
const PROOF_BYTES_PER_SECOND: f64 = 150e6;
/// Threads beyond this many are not counted on: the server's own locks begin to tell.
const THREADS_COUNTED_ON: usize = 16;
/// What a table costs beside its rows, in seconds of one thread.
const TABLE_SECONDS: f64 = 0.01;

/// What a restore will need. Predicted, not promised.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Prediction {
    /// Bytes on the target's disk, indexes included, binary log not.
    pub disk_bytes: u64,
    /// Bytes that the disk has free; none where that cannot be seen from here.
    pub disk_free_bytes: Option<u64>,
    /// Seconds until it is proved.
    pub seconds: f64,
    /// When the restore ended whose rates were taken; none where they are the program's own.
    pub rates_of: Option<Timestamp>,
}

/// Predicts what is still to be done.
pub(super) fn predict(
    selected: &Selected,
    progressed: Option<&Progressed>,
    options: &RestoreOptions,
    threads: usize,
    disk_free_bytes: Option<u64>,
    rates: Option<(Timestamp, Rates)>,
) -> Prediction {
    let own = (LOAD_BYTES_PER_SECOND, PROOF_BYTES_PER_SECOND);
    let (load_bytes_per_second, proof_bytes_per_second) = rates.map_or(own, |(_, rates)| rates.per_thread());
    let loaded = |table: usize, n: u64| progressed.is_some_and(|p| p.chunks.contains(&(table as u32, n)));
    let (mut to_load, mut to_prove) = (0, 0);
    for (number, table) in selected.tables.iter().enumerate() {
        for chunk in table.chunks.iter().flatten().filter(|_| !options.no_data) {
            to_prove += chunk.bytes;
            to_load += if loaded(number, chunk.n) { 0 } else { chunk.bytes };
        }
    }
    let there = |table: &_| progressed.is_some_and(|p| p.tables.contains(table));
    let tables = selected.tables.iter().filter(|table| !there(&table.target)).count() as u64;
    let threads = threads.clamp(1, THREADS_COUNTED_ON) as f64;
    let proof_seconds = if options.proof == ProofMode::Full { to_prove as f64 / proof_bytes_per_second } else { 0.0 };
    let work_seconds = to_load as f64 / load_bytes_per_second + proof_seconds + tables as f64 * TABLE_SECONDS;
    Prediction {
        disk_bytes: (to_load as f64 * DISK_BYTES_PER_TEXT_BYTE) as u64 + tables * DISK_BYTES_PER_TABLE,
        disk_free_bytes,
        seconds: work_seconds / threads,
        rates_of: rates.map(|(at, _)| at),
    }
}

impl Prediction {
    /// The refusal where the disk is too small. `given_back`: what `--drop-existing` frees.
    pub(super) fn finding(&self, server: &str, given_back: u64) -> Option<Finding> {
        let free = self.disk_free_bytes?.saturating_add(given_back);
        (self.disk_bytes > free).then(|| {
            let message = format!(
                "{server} has too little room on its disk: about {} are wanted, {} are free",
                bytes(self.disk_bytes),
                bytes(free)
            );
            Finding::refuse(FindingKind::NoRoom, message)
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let free = match self.disk_free_bytes {
            Some(free) => format!("{} free", bytes(free)),
            None => "how much is free cannot be seen from here".to_owned(),
        };
        let rate = match self.rates_of {
            Some(at) => format!("at the rate of the restore of {}", at.strftime("%Y-%m-%d")),
            None => "at the program's own rates, as no restore of this source is recorded".to_owned(),
        };
        let (disk, time) = (bytes(self.disk_bytes), seconds(self.seconds));
        format!("predicted: {disk} of disk on the target ({free}), {time} {rate}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_too_small_only_where_it_is_seen_to_be() {
        let prediction =
            |free| Prediction { disk_bytes: 10 << 20, disk_free_bytes: free, seconds: 1.0, rates_of: None };
        assert_eq!(prediction(None).finding("s", 0), None);
        assert_eq!(prediction(Some(10 << 20)).finding("s", 0), None);
        let finding = prediction(Some(9 << 20)).finding("s", 0).expect("too small");
        assert_eq!(finding.message, "s has too little room on its disk: about 10.0 MiB are wanted, 9.0 MiB are free");
        // What is dropped first gives its room back.
        assert_eq!(prediction(Some(9 << 20)).finding("s", 1 << 20), None);
        let text = prediction(None).text();
        assert_eq!(
            text,
            "predicted: 10.0 MiB of disk on the target (how much is free cannot be seen from here), 1.0 s at the program's own \
             rates, as no restore of this source is recorded"
        );
        let known = Prediction { rates_of: "2026-11-23T03:00:00Z".parse().ok(), ..prediction(None) };
        assert!(known.text().ends_with("1.0 s at the rate of the restore of 2026-11-23"), "{}", known.text());
    }
}
