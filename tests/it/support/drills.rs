//! Drills for the tests, run in this process: their private servers are copies of a data directory that the program's shared
//! servers have made already, so each starts in a second.

use super::server::{mariadb_programs, programs};
use myriad::command::drill::config::DrillConfig;
use myriad::command::drill::record::{DrillRecord, Verdict};
use myriad::command::drill::report::ReportOptions;
use myriad::command::drill::{self, DrillOptions, DrillReport, Pick};
use myriad::command::options::Effort;
use myriad::progress::{Silent, Stop};
use myriad::store::Store;
use std::path::Path;
use std::sync::Arc;

/// A drill of every source in `repo`, as the text of a configuration wants it.
pub fn drill_options(repo: &str, config: &str) -> DrillOptions {
    DrillOptions {
        repo: repo.to_owned(),
        names: Vec::new(),
        pick: Pick::Newest,
        shard: None,
        keep: false,
        within: None,
        history: None,
        accept_changes: false,
        config: DrillConfig::parse(config, Path::new("drill.toml")).unwrap_or_else(|error| panic!("{error:?}")),
        against: None,
        programs: programs(),
        mariadb_programs: mariadb_programs(),
        folder: "/tmp".into(),
        effort: Effort { threads: 2, memory_bytes: 64 << 20 },
        reports: ReportOptions::default(),
    }
}

/// Drills.
pub async fn drill(options: &DrillOptions) -> DrillReport {
    let report = drill::run(options, Arc::new(Silent), Stop::default()).await;
    report.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Drills what a store holds.
pub async fn drill_store(store: Arc<dyn Store>, options: &DrillOptions) -> DrillReport {
    let report = drill::run_from(store, options, Arc::new(Silent), Stop::default()).await;
    report.unwrap_or_else(|error| panic!("{error:?}"))
}

/// The record of the one source that was drilled, which came to this verdict.
#[track_caller]
pub fn only(report: DrillReport, verdict: Verdict) -> DrillRecord {
    let [record] = &report.drills[..] else { panic!("{} records", report.drills.len()) };
    assert_eq!((record.verdict, report.verdict), (verdict, verdict), "{}", report.text());
    assert_eq!(report.exit(), verdict.exit());
    assert!(record.failures.is_empty() == record.next.is_empty(), "{record:#?}");
    record.clone()
}

/// Panics unless some failure holds all the words.
#[track_caller]
pub fn fails_by(record: &DrillRecord, words: &[&str]) {
    let named = record.failures.iter().any(|failure| words.iter().all(|word| failure.contains(word)));
    assert!(named, "{words:?} in none of {:#?}", record.failures);
}

/// Panics unless some note holds the words.
#[track_caller]
pub fn notes(record: &DrillRecord, words: &str) {
    assert!(record.notes.iter().any(|note| note.contains(words)), "{words:?} in none of {:#?}", record.notes);
}
