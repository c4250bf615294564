//! `myriad show`: one backup in detail.

use crate::command::list::sizes;
use crate::command::options::{BackupChoice, ListOptions, Selection};
use crate::command::restore::{choose, users};
use crate::command::selected;
use crate::command::text::{bytes, count, counted, coverage_lines};
use crate::error::Result;
use crate::manifest::binlogs::chain::{self, Coverage, Standing};
use crate::manifest::proofs::{self, LastProofs};
use crate::manifest::references::Held;
use crate::manifest::{Manifest, Repository, binlogs};
use crate::progress::{Progress, Stop};
use crate::store;
use std::sync::Arc;

/// `myriad show`.
#[derive(Clone, Debug)]
pub struct ShowOptions {
    /// Repository and source name.
    pub list: ListOptions,
    /// `--backup`.
    pub backup: BackupChoice,
}

/// The result of `myriad show`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ShowReport {
    /// Repository.
    pub repository: String,
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
    /// When it was last verified, and last proved by a restore.
    #[serde(flatten)]
    pub last: LastProofs,
    /// What it holds alone and shares; none where another backup cannot be read.
    #[serde(flatten)]
    pub held: Option<Held>,
    /// How far it could be rolled forward with the archived binary logs of its source; none where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roll_forward: Option<Coverage>,
    /// The manifest.
    pub manifest: Manifest,
    /// Its tables.
    pub tables: Vec<ShownTable>,
    /// Its views, routines, triggers and events.
    pub objects: Vec<String>,
    /// Names of its users and roles.
    pub users: Vec<String>,
}

/// A table of a backup.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ShownTable {
    /// `schema.table`.
    pub name: String,
    /// Storage engine.
    pub engine: String,
    /// Rows.
    pub rows: u64,
    /// Bytes of row text.
    pub bytes: u64,
    /// Chunks.
    pub chunks: u64,
    /// Columns of the key that it is cut along; empty where there is none.
    pub key: Vec<String>,
}

/// Shows.
pub async fn run(options: &ShowOptions, progress: Arc<dyn Progress>, _stop: Stop) -> Result<ShowReport> {
    let repository = Repository::open(store::open(&options.list.repo, false).await?).await?;
    let backup = choose(&repository, options.list.name.as_deref(), &options.backup).await?;
    let selected = selected::read(&repository, &backup.manifest, &Selection::default(), &[], true).await?;
    let users = users::read(&repository, &backup.manifest).await?;
    let last = proofs::last(&repository, &proofs::names(&repository).await?, &backup).await?;
    let held = sizes(&repository, progress.as_ref()).await?.get(&backup.hash).copied();
    let roll_forward = coverage(&repository, &backup.manifest).await?;
    let tables = selected.tables.iter().map(|selected| {
        let chunks = selected.chunks.as_deref().unwrap_or_default();
        let key = selected.table.range_key.iter().flat_map(|key| key.columns.iter().map(|column| column.name.clone()));
        ShownTable {
            name: selected.table.name.to_string(),
            engine: selected.table.engine.clone(),
            rows: chunks.iter().map(|chunk| chunk.rows).sum(),
            bytes: chunks.iter().map(|chunk| chunk.bytes).sum(),
            chunks: chunks.len() as u64,
            key: key.collect(),
        }
    });
    Ok(ShowReport {
        repository: repository.place(),
        manifest_sha256: backup.hash.clone(),
        last,
        held,
        roll_forward,
        tables: tables.collect(),
        objects: selected.objects.iter().map(|(object, _)| format!("{} {}", object.kind, object.name)).collect(),
        users: users.iter().map(|user| user.name.to_string()).collect(),
        manifest: backup.manifest,
    })
}

/// How far a backup could be rolled forward; none where no binary logs of its source are archived.
async fn coverage(repository: &Repository, manifest: &Manifest) -> Result<Option<Coverage>> {
    let Some(listing) = binlogs::list(repository).await?.remove(&manifest.name) else { return Ok(None) };
    let (segments, unreadable) = binlogs::read_all(repository, &manifest.name, &listing).await?;
    let mut coverage = chain::coverage(&segments, &standing(manifest, &manifest.server.identity()));
    // What stands behind the last segment that can be read counts too; what stands before the first one does not.
    if coverage.missing.is_none() && coverage.last_segment.is_none_or(|last| listing.may_go_on_behind(last)) {
        let broken = binlogs::broken(repository, &manifest.name, &listing, &segments, unreadable).await?;
        coverage.missing = broken.into_iter().next_back();
    }
    Ok((!segments.is_empty()).then_some(coverage))
}

/// Where a backup stands in its server's binary logs.
pub(super) fn standing<'a>(manifest: &'a Manifest, server: &'a str) -> Standing<'a> {
    let all_have_gtids = manifest.server.gtid_mode.as_deref() == Some("ON");
    Standing { position: &manifest.position, server, snapshot: manifest.snapshot, all_have_gtids }
}

impl ShowReport {
    /// For people.
    pub fn text(&self) -> String {
        let manifest = &self.manifest;
        let (server, position, totals) = (&manifest.server, &manifest.position, &manifest.totals);
        let mut lines = vec![
            format!("backup {} of {} in {}", manifest.id, manifest.name, self.repository),
            format!("  snapshot of {:.3}, written by {}", manifest.snapshot, manifest.program),
            format!(
                "  source: {} port {}, {} {} {}",
                server.hostname, server.port, server.flavor, server.version, server.version_comment
            ),
            format!(
                "  consistency: {:?}; position {}",
                manifest.consistency,
                if position.exact { "exact" } else { "not exact" }
            ),
        ];
        if !position.gtid_executed.is_empty() {
            lines.push(format!("  GTID set: {}", position.gtid_executed));
        }
        if let (Some(file), Some(offset)) = (&position.binlog_file, position.binlog_offset) {
            lines.push(format!("  binary log: {file}:{offset}"));
        }
        for source in &manifest.source_positions {
            let channel = if source.channel.is_empty() { "default" } else { &source.channel };
            let exact = if source.exact { "" } else { ", or a moment before" };
            let gtid = if source.gtid.is_empty() { String::new() } else { format!(", GTID {}", source.gtid) };
            lines.push(format!(
                "  replica of {}:{} (channel {channel}) at {}:{}{exact}{gtid}",
                source.host, source.port, source.binlog_file, source.binlog_offset
            ));
        }
        lines.push(format!(
            "  {}, {} of row text, {} stored, {} added",
            counted(totals.rows, "row"),
            bytes(totals.bytes),
            bytes(totals.stored_bytes),
            bytes(totals.added_bytes)
        ));
        lines.push(match self.held {
            Some(held) => format!(
                "  in objects of its own: {}; in objects that other backups need too: {}",
                bytes(held.alone_bytes),
                bytes(held.shared_bytes)
            ),
            None => "  what it holds alone is not known: another backup cannot be read".into(),
        });
        lines.extend(self.roll_forward.iter().flat_map(coverage_lines).map(|line| format!("  {line}")));
        let moment = |at: Option<jiff::Timestamp>| at.map_or("never".to_owned(), |at| format!("{at:.0}"));
        lines.push(format!(
            "  last verified: {}; last proved by a restore: {}",
            moment(self.last.verified),
            moment(self.last.proved)
        ));
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["table", "engine", "rows", "row text", "chunks", "cut along"]);
        for shown in &self.tables {
            let key = if shown.key.is_empty() { "no key".into() } else { shown.key.join(", ") };
            table.add_row([
                shown.name.clone(),
                shown.engine.clone(),
                count(shown.rows),
                bytes(shown.bytes),
                count(shown.chunks),
                key,
            ]);
        }
        lines.push(table.to_string());
        lines.extend(self.objects.iter().map(|object| format!("  {object}")));
        if !self.users.is_empty() {
            lines.push(format!("  users and roles: {}", self.users.join(", ")));
        }
        lines.extend(manifest.not_taken.iter().map(|what| format!("  not taken: {what}")));
        lines.extend(manifest.untyped.iter().map(|column| format!("  not carried: {column}")));
        lines.push(format!("  manifest sha256: {}", self.manifest_sha256));
        lines.join("\n") + "\n"
    }
}
