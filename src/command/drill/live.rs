//! Whether named tables have the same rows on the live source as in the backup. The source has moved on since the snapshot, so
//! this is for tables that nobody changes. In: the configuration's `checksum` and `against`. Out: one outcome. The
//! source is read, in sessions that may write nothing; nothing of the repository but digests is used.

use super::DrillOptions;
use super::record::AssertionOutcome;
use crate::command::options::{BackupChoice, Selection, VerifyOptions};
use crate::command::text::{count, counted, some_of};
use crate::command::verify;
use crate::error::Result;
use crate::manifest::repository::Found;
use crate::progress::{Progress, Stop};
use crate::store::Store;
use std::sync::Arc;
use std::time::Instant;

/// Ranges named at most.
const NAMED: usize = 5;

/// Compares, where the configuration asks for it.
pub(super) async fn compare(
    options: &DrillOptions,
    store: Arc<dyn Store>,
    backup: &Found,
    progress: Arc<dyn Progress>,
    stop: &Stop,
) -> Option<AssertionOutcome> {
    let against = options.against.as_ref()?;
    let begun = Instant::now();
    let tables = &options.config.check.checksum;
    let verify = VerifyOptions {
        repo: options.repo.clone(),
        name: Some(backup.manifest.name.clone()),
        backup: Some(BackupChoice::Id(backup.manifest.id.clone())),
        against: Some(against.clone()),
        rows: None,
        selection: Selection { tables: tables.clone(), ..Selection::default() },
        renames: Vec::new(),
        effort: options.effort,
    };
    let (found, held) = told(verify::run_from(store, &verify, progress, stop.clone()).await);
    Some(AssertionOutcome {
        name: "same rows on the source".into(),
        sql: None,
        expected: format!("{} as at the snapshot on {}", tables.join(", "), against.describe()),
        found,
        held,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

fn told(report: Result<verify::VerifyReport>) -> (String, bool) {
    let proof = match report {
        Ok(report) => report.proof.unwrap_or_default(),
        Err(error) => return (error.to_string(), false),
    };
    let mut wrong: Vec<String> = proof.differences.iter().map(ToString::to_string).collect();
    wrong.extend(proof.not_compared.iter().map(|table| format!("{} was not compared: {}", table.table, table.why)));
    match wrong.is_empty() {
        true => (format!("{} of {} equal", counted(proof.rows, "row"), counted(proof.tables, "table")), true),
        false => (format!("{} ranges compared; {}", count(proof.digests), some_of(&wrong, NAMED)), false),
    }
}
