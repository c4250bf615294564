//! `myriad drill --merge`: one report of the newest drill of each source, as after a drill in shards. In: the history, and the
//! names that the repository has backups of. Out: the merged report and its files. Nothing is drilled.

use super::record::{DrillRecord, RECORD_VERSION, Verdict};
use super::report::{self, MergedDrills};
use super::{DrillOptions, names_meant, no_place};
use crate::error::{Exit, Result};
use crate::manifest::{Repository, drills};
use crate::progress::{Progress, Stop};
use crate::store::{self, MemoryStore, StoreError};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;

/// The result of `myriad drill --merge`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MergeReport {
    /// The report.
    #[serde(flatten)]
    pub merged: MergedDrills,
    /// Files written.
    #[serde(skip)]
    pub files: Vec<PathBuf>,
    /// Entries of the history that could not be read.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// Merges.
pub async fn run(options: &DrillOptions, progress: Arc<dyn Progress>, _stop: Stop) -> Result<MergeReport> {
    let store = store::open(&options.repo, false).await?;
    let repository = Repository::open(store.clone()).await?;
    let expected: Vec<String> = names_meant(&repository, options).await?;
    let (mut records, mut warnings) = (Vec::new(), Vec::new());
    let history = match &options.history {
        Some(place) => match store::open(place, false).await {
            Ok(history) => history,
            // No shard has written to it: none was drilled.
            Err(error) if is_not_there(&error) => {
                warnings.push(format!("there is no history at {place}: no drill has written to it (see --history)"));
                Arc::new(MemoryStore::new())
            }
            Err(error) => return Err(no_place(error, Exit::RepositoryMissing)),
        },
        None => store,
    };
    progress.phase("history", 0, 0);
    for name in &expected {
        let read = match drills::read::<DrillRecord>(history.as_ref(), name, RECORD_VERSION).await {
            Ok(read) => read,
            Err(error) => {
                // It counts as not drilled; the others are told of all the same.
                warnings.push(format!("the history of {name} could not be read: {error}"));
                continue;
            }
        };
        let of_name = records.len();
        records.extend(read.records);
        // One that has begun later than the last that ended: killed, or still at work.
        let last = records[of_name..].last().map(|record: &DrillRecord| record.id.clone()).unwrap_or_default();
        if let Some(id) = read.unfinished.last().filter(|id| **id > last) {
            match drills::read_begun(history.as_ref(), name, id, RECORD_VERSION).await {
                Ok(begun) => records.push(unfinished(begun)),
                Err(why) => {
                    // Whatever was proved before, the last drill was not.
                    records.truncate(of_name);
                    warnings.push(format!("an entry of the history was passed over: {why}"));
                }
            }
        }
        warnings
            .extend(read.unreadable.into_iter().map(|why| format!("an entry of the history was passed over: {why}")));
    }
    let within = options.within.map(|time| time.as_secs_f64());
    let merged = report::merge(&records, &expected, within, Timestamp::now());
    let files = report::write_merged(&options.reports, &merged, &records)?;
    Ok(MergeReport { merged, files, warnings })
}

/// The folder of the history does not exist.
fn is_not_there(error: &StoreError) -> bool {
    let StoreError::Open { source, .. } = error else { return false };
    source.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// The record of a drill that has left none.
fn unfinished(begun: DrillRecord) -> DrillRecord {
    let why = format!("drill {} has begun and left no record: it was killed, or it still runs", begun.id);
    DrillRecord {
        verdict: Verdict::CouldNotRun,
        message: format!("{}: {why}", Verdict::CouldNotRun.words()),
        failures: vec![why],
        next: vec![
            "look at the log of the process that drilled it; where it does not run any more, drill again".into(),
        ],
        ..begun
    }
}

impl MergeReport {
    /// The exit code: that of the worst verdict.
    pub fn exit(&self) -> Exit {
        self.merged.verdict.exit()
    }

    /// For people.
    pub fn text(&self) -> String {
        let files: String = self.files.iter().map(|file| format!("written: {}\n", file.display())).collect();
        self.merged.text() + &files
    }
}
