//! What a restore would do, and what it must refuse before it begins.

use super::first::First;
use super::prediction::Prediction;
use super::report::{PlannedSchema, PlannedTable, RestorePlan};
use super::target::Target;
use crate::command::options::RestoreOptions;
use crate::command::selected::{Selected, SelectedTable};
use crate::error::{Error, Exit, Result};
use crate::guard::Finding;
use crate::load::LoadError;
use crate::load::rows::Way;
use crate::manifest::model::ChunkRecord;
use crate::manifest::repository::Found;
use crate::progress::Progress;
use crate::server::ConnectOptions;
use crate::server::facts::{Flavor, ServerFacts};
use crate::settings::Change;
use jiff::Timestamp;

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
pub(super) struct Foreseen<'a> {
    pub prediction: Prediction,
    pub findings: Vec<Finding>,
    /// Global settings that would be changed.
    pub settings: Vec<Change>,
    pub first: &'a First,
}

/// The plan: what `--dry-run` ends with, and what every other restore says before its first change.
pub(super) fn make(
    options: &RestoreOptions,
    backup: &Found,
    selected: &Selected,
    target: &Target,
    threads: usize,
    foreseen: Foreseen<'_>,
) -> RestorePlan {
    let tables = selected.tables.iter().map(|table| {
        let chunks = table.chunks.as_deref().filter(|_| !options.no_data).unwrap_or_default();
        let sum = |of: fn(&ChunkRecord) -> u64| chunks.iter().map(of).sum();
        PlannedTable {
            name: table.table.name.to_string(),
            target: table.target.to_string(),
            rows: sum(|chunk| chunk.rows),
            bytes: sum(|chunk| chunk.bytes),
            chunks: chunks.len() as u64,
        }
    });
    let tables: Vec<PlannedTable> = tables.collect();
    let schemas = selected.schemas.iter().map(|(schema, name)| {
        let of_schema =
            || selected.tables.iter().zip(&tables).filter(|(table, _)| table.table.name.schema == schema.name);
        PlannedSchema {
            name: schema.name.clone(),
            target: name.clone(),
            tables: of_schema().count() as u64,
            rows: of_schema().map(|(_, table)| table.rows).sum(),
            bytes: of_schema().map(|(_, table)| table.bytes).sum(),
        }
    });
    let manifest = &backup.manifest;
    RestorePlan {
        backup: manifest.id.clone(),
        name: manifest.name.clone(),
        snapshot: manifest.snapshot,
        age_seconds: Timestamp::now().duration_since(manifest.snapshot).as_secs_f64().max(0.0),
        position: manifest.position.clone(),
        target: options.target.describe(),
        target_flavor: target.facts.flavor,
        target_version: target.facts.version.clone(),
        threads,
        way: target.way,
        writes_binary_log: target.writes_binary_log(),
        schemas: schemas.collect(),
        first: foreseen.first.tables.iter().map(|table| table.table.clone()).collect(),
        tables,
        objects: selected.objects.len() as u64,
        prediction: foreseen.prediction,
        findings: foreseen.findings,
        settings: foreseen.settings,
        notes: target.notes.clone(),
    }
}
