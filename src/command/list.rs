//! `myriad list`: the backups of a repository, one line each, newest last. Reads roots only.

use crate::command::options::ListOptions;
use crate::command::text::{bytes, count};
use crate::error::Result;
use crate::manifest::Repository;
use crate::position::ConsistencyKind;
use crate::progress::{Progress, Stop};
use crate::store;
use jiff::Timestamp;
use std::sync::Arc;

/// The result of `myriad list`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListReport {
    /// Repository.
    pub repository: String,
    /// Its backups, by source name, oldest first.
    pub backups: Vec<ListedBackup>,
    /// Manifests that cannot be read, and why.
    pub unreadable: Vec<String>,
}

/// A backup in a list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedBackup {
    /// Source name.
    pub name: String,
    /// Backup id.
    pub id: String,
    /// The moment it shows.
    pub snapshot: Timestamp,
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of row text.
    pub bytes: u64,
    /// Bytes of rows stored.
    pub stored_bytes: u64,
    /// Bytes that it added to the repository.
    pub added_bytes: u64,
    /// The backup is consistent.
    pub consistent: bool,
    /// Rows were left out by a condition.
    pub partial: bool,
    /// JSON values whose types the backup does not carry.
    pub untyped: u64,
    /// SHA-256 of its manifest.
    pub manifest_sha256: String,
}

/// Lists.
pub async fn run(options: &ListOptions, _progress: Arc<dyn Progress>, _stop: Stop) -> Result<ListReport> {
    let repository = Repository::open(store::open(&options.repo, false).await?).await?;
    let mut report = ListReport { repository: repository.place(), backups: Vec::new(), unreadable: Vec::new() };
    for (name, ids) in repository.backup_ids().await? {
        if options.name.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        for id in ids {
            match repository.manifest(&name, &id).await {
                Ok(found) => {
                    let manifest = found.manifest;
                    report.backups.push(ListedBackup {
                        name: manifest.name,
                        id: manifest.id,
                        snapshot: manifest.snapshot,
                        tables: manifest.totals.tables,
                        rows: manifest.totals.rows,
                        bytes: manifest.totals.bytes,
                        stored_bytes: manifest.totals.stored_bytes,
                        added_bytes: manifest.totals.added_bytes,
                        consistent: manifest.consistency != ConsistencyKind::None,
                        partial: manifest.partial,
                        untyped: manifest.untyped.iter().map(|column| column.rows).sum(),
                        manifest_sha256: found.hash,
                    });
                }
                Err(error) => report.unreadable.push(error.to_string()),
            }
        }
    }
    report.backups.sort_by(|a, b| (&a.name, a.snapshot).cmp(&(&b.name, b.snapshot)));
    Ok(report)
}

impl ListReport {
    /// For people.
    pub fn text(&self) -> String {
        if self.backups.is_empty() && self.unreadable.is_empty() {
            return format!("{} holds no backup\n", self.repository);
        }
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["name", "backup", "snapshot", "tables", "rows", "row text", "stored", "added", ""]);
        for backup in &self.backups {
            let mut marks = Vec::new();
            if !backup.consistent {
                marks.push("not consistent");
            }
            if backup.partial {
                marks.push("partial");
            }
            if backup.untyped > 0 {
                marks.push("some JSON types not carried");
            }
            table.add_row([
                backup.name.clone(),
                backup.id.clone(),
                format!("{:.0}", backup.snapshot),
                count(backup.tables),
                count(backup.rows),
                bytes(backup.bytes),
                bytes(backup.stored_bytes),
                bytes(backup.added_bytes),
                marks.join(", "),
            ]);
        }
        let mut text = format!("{table}\n");
        for damage in &self.unreadable {
            text.push_str(&format!("unreadable: {damage}\n"));
        }
        text
    }
}
