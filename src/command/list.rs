//! `myriad list`: the backups of a repository, one line each, newest last. Reads roots and the newest proofs; with
//! `--sizes` also all chunk lists, to say what each backup holds alone and shares.

use crate::command::options::ListOptions;
use crate::command::text::{bytes, count, summary_text};
use crate::error::Result;
use crate::limits::REQUESTS_AT_ONCE;
use crate::manifest::binlogs::chain::{self, Summary};
use crate::manifest::proofs::{self, LastProofs, ProofNames};
use crate::manifest::references::{self, Held};
use crate::manifest::repository::Found;
use crate::manifest::{ManifestError, Repository, binlogs};
use crate::position::ConsistencyKind;
use crate::progress::{Progress, Stop};
use crate::store;
use futures::StreamExt;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// The result of `myriad list`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListReport {
    /// Repository.
    pub repository: String,
    /// Its backups, by source name, oldest first.
    pub backups: Vec<ListedBackup>,
    /// Archived binary logs, by source name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub binlogs: Vec<Summary>,
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
    /// When it was last verified, and last proved by a restore.
    #[serde(flatten)]
    pub last: LastProofs,
    /// What it holds alone and shares (`--sizes`); none where a backup cannot be read.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// SHA-256 of its manifest.
    pub manifest_sha256: String,
}

/// Lists.
pub async fn run(options: &ListOptions, progress: Arc<dyn Progress>, _stop: Stop) -> Result<ListReport> {
    let repository = Repository::open(store::open(&options.repo, false).await?).await?;
    let mut report =
        ListReport { repository: repository.place(), backups: Vec::new(), binlogs: Vec::new(), unreadable: Vec::new() };
    let names = proofs::names(&repository).await?;
    let ids = repository.backup_ids().await?;
    let wanted = ids.iter().filter(|(name, _)| options.name.as_ref().is_none_or(|wanted| wanted == *name));
    let each = wanted.flat_map(|(name, ids)| ids.iter().map(move |id| (name, id)));
    let mut reading =
        futures::stream::iter(each).map(|(name, id)| one(&repository, &names, name, id)).buffered(REQUESTS_AT_ONCE);
    while let Some(read) = reading.next().await {
        match read {
            Ok((found, last)) => report.backups.push(listed(found, last)),
            Err(error) => report.unreadable.push(error.to_string()),
        }
    }
    drop(reading);
    if options.sizes {
        let held = sizes(&repository, progress.as_ref()).await?;
        for backup in &mut report.backups {
            backup.held = held.get(&backup.manifest_sha256).copied();
        }
    }
    for (name, listing) in binlogs::list(&repository).await? {
        if options.name.as_ref().is_none_or(|wanted| *wanted == name) {
            let (segments, unreadable) = binlogs::read_all(&repository, &name, &listing).await?;
            let broken = binlogs::broken(&repository, &name, &listing, &segments, unreadable).await?;
            report.binlogs.extend(chain::summary(&segments, broken.is_empty()));
            report.unreadable.extend(broken);
        }
    }
    report.backups.sort_by(|a, b| (&a.name, a.snapshot).cmp(&(&b.name, b.snapshot)));
    Ok(report)
}

async fn one(
    repository: &Repository,
    names: &ProofNames,
    name: &str,
    id: &str,
) -> Result<(Found, LastProofs), ManifestError> {
    let found = repository.manifest(name, id).await?;
    let last = proofs::last(repository, names, &found).await?;
    Ok((found, last))
}

fn listed(found: Found, last: LastProofs) -> ListedBackup {
    let manifest = found.manifest;
    ListedBackup {
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
        last,
        held: None,
        manifest_sha256: found.hash,
    }
}

/// What each backup of the repository holds alone and shares, by the SHA-256 of its manifest. Empty where one cannot be
/// read, since it may share anything.
pub(super) async fn sizes(repository: &Repository, progress: &dyn Progress) -> Result<HashMap<String, Held>> {
    progress.phase("sizes", 0, 0);
    let references = references::read(repository, || progress.add(1, 0)).await?;
    if !references.unreadable.is_empty() {
        return Ok(HashMap::new());
    }
    let (stored, _) = references::stored(repository).await?;
    let held = references.held(&stored);
    Ok(references.backups.into_iter().map(|backup| backup.found.hash).zip(held).collect())
}

impl ListReport {
    /// For people.
    pub fn text(&self) -> String {
        if self.backups.is_empty() && self.unreadable.is_empty() && self.binlogs.is_empty() {
            return format!("{} holds no backup\n", self.repository);
        }
        let mut text = match self.backups.is_empty() {
            true => format!("{} holds no backup\n", self.repository),
            false => self.table(),
        };
        for archive in &self.binlogs {
            text.push_str(&format!("binary logs of {}: {}\n", archive.name, summary_text(archive)));
        }
        for damage in &self.unreadable {
            text.push_str(&format!("unreadable: {damage}\n"));
        }
        text
    }

    fn table(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        let sizes = self.backups.iter().any(|backup| backup.held.is_some());
        let mut header = vec!["name", "backup", "snapshot", "tables", "rows", "row text", "stored", "added"];
        if sizes {
            header.extend(["alone", "shared"]);
        }
        header.extend(["verified", "proved", ""]);
        table.set_header(header);
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
            let mut row = vec![
                backup.name.clone(),
                backup.id.clone(),
                format!("{:.0}", backup.snapshot),
                count(backup.tables),
                count(backup.rows),
                bytes(backup.bytes),
                bytes(backup.stored_bytes),
                bytes(backup.added_bytes),
            ];
            if sizes {
                let held = backup.held.unwrap_or_default();
                row.extend([bytes(held.alone_bytes), bytes(held.shared_bytes)]);
            }
            let day = |moment: Option<Timestamp>| moment.map_or("-".into(), |at| at.strftime("%F").to_string());
            row.extend([day(backup.last.verified), day(backup.last.proved), marks.join(", ")]);
            table.add_row(row);
        }
        format!("{table}\n")
    }
}
