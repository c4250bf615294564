//! What a restore would do, and what it must refuse before it begins.

use super::prediction::Prediction;
use super::report::{RestorePlan, RestoreReport};
use super::target::Target;
use crate::command::options::RestoreOptions;
use crate::command::selected::{Selected, SelectedTable};
use crate::error::{Error, Exit, Result};
use crate::guard::Finding;
use crate::load::LoadError;
use crate::load::rows::Way;
use crate::manifest::repository::Found;
use crate::progress::Progress;
use crate::server::ConnectOptions;
use crate::server::facts::{Flavor, ServerFacts};
use crate::settings::Change;

/// Workers and the memory that they share.
pub(super) struct Effort {
    pub workers: usize,
    pub memory_bytes: usize,
}

/// Each worker holds the chunk it loads and the next one, packed and unpacked: with little memory there are fewer workers,
/// and that is said.
pub(super) fn effort(options: &RestoreOptions, selected: &Selected, progress: &dyn Progress) -> Effort {
    let memory_bytes = options.effort.memory_bytes;
    let largest = selected.chunks().map(|chunk| chunk.loading_bytes()).max().unwrap_or(0);
    let fitting = memory_bytes / (2 * largest.max(1)) as usize;
    let workers = options.effort.threads.min(fitting).max(1);
    if workers < options.effort.threads {
        progress.note(&format!("--memory allows {workers} of {} threads", options.effort.threads));
    }
    Effort { workers, memory_bytes }
}

/// Where rows go by INSERT, no row may be larger than a packet of the target.
pub(super) fn check_rows_fit(
    selected: &Selected,
    way: Way,
    packet_bytes_max: u64,
    target: &ConnectOptions,
) -> Result<()> {
    if way != Way::Insert {
        return Ok(());
    }
    for table in &selected.tables {
        let widest = table.chunks.iter().flatten().filter_map(|chunk| chunk.widest).max().unwrap_or(0);
        if widest >= packet_bytes_max {
            let (table, server) = (table.target.to_string(), target.describe());
            return Err(LoadError::RowTooWide { table, server, row_bytes: widest, packet_bytes_max }.into());
        }
    }
    Ok(())
}

/// MariaDB's JSON is text: values whose types the text does not carry cannot be made there.
pub(super) fn check_json_types(selected: &Selected, facts: &ServerFacts) -> Result<()> {
    let typed = |table: &&SelectedTable| table.chunks.iter().flatten().any(|chunk| chunk.typed.is_some());
    match selected.tables.iter().find(typed) {
        Some(table) if facts.flavor == Flavor::Mariadb => {
            let message = format!(
                "table {} holds JSON values of types that {} {} does not have (DECIMAL, dates or binary inside documents)",
                table.target, facts.flavor, facts.version
            );
            Err(Error::new(Exit::TargetUnfit, message)
                .hint("restore to a MySQL server, or leave the table out with --exclude-table"))
        }
        _ => Ok(()),
    }
}

/// What is known beforehand.
pub(super) struct Foreseen {
    pub prediction: Prediction,
    pub findings: Vec<Finding>,
    /// Global settings that would be changed.
    pub settings: Vec<Change>,
}

/// The plan of `--dry-run`.
pub(super) fn report(
    options: &RestoreOptions,
    backup: &Found,
    selected: &Selected,
    target: &Target,
    threads: usize,
    foreseen: Foreseen,
) -> RestoreReport {
    let tables = selected.tables.iter().map(|table| {
        let chunks = table.chunks.as_deref().unwrap_or_default();
        let sum = |of: fn(&crate::manifest::ChunkRecord) -> u64| chunks.iter().map(of).sum();
        super::report::PlannedTable {
            name: table.table.name.to_string(),
            target: table.target.to_string(),
            rows: sum(|chunk| chunk.rows),
            bytes: sum(|chunk| chunk.bytes),
            chunks: chunks.len() as u64,
        }
    });
    RestoreReport::Plan(Box::new(RestorePlan {
        backup: backup.manifest.id.clone(),
        snapshot: backup.manifest.snapshot,
        target: options.target.describe(),
        target_flavor: target.facts.flavor,
        target_version: target.facts.version.clone(),
        threads,
        way: target.way,
        writes_binary_log: target.writes_binary_log(),
        tables: tables.collect(),
        objects: selected.objects.len() as u64,
        prediction: foreseen.prediction,
        findings: foreseen.findings,
        settings: foreseen.settings,
        notes: target.notes.clone(),
    }))
}
