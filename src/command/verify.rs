//! `myriad verify`: the repository by itself, or a server's rows against a backup.

mod rows;

use crate::command::options::{BackupChoice, VerifyOptions};
use crate::command::restore::{Readers, choose};
use crate::command::selected::{self, Selected, SelectedTable};
use crate::command::text::{bytes, counted, seconds, summary_text};
use crate::error::{Exit, Result};
use crate::manifest::Repository;
use crate::manifest::proofs::{self, ProofKind, Rates};
use crate::manifest::repository::Found;
use crate::progress::{Progress, Stop};
use crate::schema::vet;
use crate::server::{ConnectOptions, Session, inspect};
use crate::store::{self, Store};
use crate::verify::binlogs::Archive;
use crate::verify::repository::{Inventory, Named};
use crate::verify::{self, NotCompared, Proof, ProofTable};
use std::sync::Arc;
use std::time::Instant;

/// The result of `myriad verify`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct VerifyReport {
    /// Repository.
    pub repository: String,
    /// Backup ids verified.
    pub backups: Vec<String>,
    /// The repository by itself; none where a server was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// Archived binary logs; none where there are none, or a backup was chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub binlogs: Vec<Archive>,
    /// The server verified, without password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Rows on the server against the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Things that a person should read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Seconds.
    pub seconds: f64,
}

/// Verifies.
pub async fn run(options: &VerifyOptions, progress: Arc<dyn Progress>, stop: Stop) -> Result<VerifyReport> {
    run_from(store::open(&options.repo, false).await?, options, progress, stop).await
}

/// Verifies what a store holds.
pub async fn run_from(
    store: Arc<dyn Store>,
    options: &VerifyOptions,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<VerifyReport> {
    let begun = Instant::now();
    let repository = Repository::open(store).await?;
    let mut report = VerifyReport {
        repository: repository.place(),
        backups: Vec::new(),
        inventory: None,
        binlogs: Vec::new(),
        against: None,
        proof: None,
        notes: Vec::new(),
        seconds: 0.0,
    };
    match &options.against {
        Some(server) => {
            let choice = options.backup.clone().unwrap_or(BackupChoice::Latest);
            let backup = choose(&repository, options.name.as_deref(), &choice).await?;
            report.backups.push(backup.manifest.id.clone());
            report.against = Some(server.describe());
            report.proof = Some(against(&repository, &backup, server, options, progress, stop).await?);
        }
        None => {
            let (mut named, mut read) = (Named::default(), Vec::new());
            for (name, id) in backups(&repository, options).await? {
                match repository.manifest(&name, &id).await {
                    Ok(found) => {
                        named.add(&repository, &found.manifest).await;
                        read.push(found);
                    }
                    Err(error) if options.backup.is_none() => named.damaged(error.to_string()),
                    Err(error) => return Err(error.into()),
                }
                report.backups.push(id);
            }
            progress.phase("objects", 0, named.stored_bytes());
            let workers = workers_within(options, named.object_memory_bytes());
            let inventory = verify::repository::read_all(&repository, named, workers, &progress, &stop).await?;
            if inventory.sound() {
                report.notes.extend(record(&repository, &read, ProofKind::Verified, None).await);
            }
            report.inventory = Some(inventory);
            if options.backup.is_none() {
                progress.phase("binary logs", 0, 0);
                let (name, workers) = (options.name.as_deref(), options.effort.threads);
                report.binlogs = verify::binlogs::verify(&repository, name, workers, &progress, &stop).await?;
            }
        }
    }
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

/// Records what was found true of backups. Where that cannot be written the work is done all the same, and a note says so.
pub(crate) async fn record(
    repository: &Repository,
    backups: &[Found],
    kind: ProofKind,
    rates: Option<Rates>,
) -> Option<String> {
    for found in backups {
        if let Err(error) = proofs::record(repository, found, kind, rates).await {
            return Some(format!("`list` will not show this, since it could not be recorded: {error}"));
        }
    }
    None
}

/// As many workers as were asked for, if the memory is enough for so many bytes in each.
fn workers_within(options: &VerifyOptions, worker_bytes: u64) -> usize {
    let fitting = options.effort.memory_bytes as u64 / worker_bytes.max(1);
    options.effort.threads.min(usize::try_from(fitting).unwrap_or(usize::MAX)).max(1)
}

/// Names and ids of the backups that are meant; all where none is chosen.
async fn backups(repository: &Repository, options: &VerifyOptions) -> Result<Vec<(String, String)>> {
    if let Some(choice) = &options.backup {
        let found = choose(repository, options.name.as_deref(), choice).await?;
        return Ok(vec![(found.manifest.name, found.manifest.id)]);
    }
    let ids = repository.backup_ids().await?;
    let wanted = ids.into_iter().filter(|(name, _)| options.name.as_ref().is_none_or(|wanted| wanted == name));
    Ok(wanted.flat_map(|(name, ids)| ids.into_iter().map(move |id| (name.clone(), id))).collect())
}

async fn against(
    repository: &Repository,
    backup: &Found,
    server: &ConnectOptions,
    options: &VerifyOptions,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<Proof> {
    let mut selected =
        selected::read(repository, &backup.manifest, &options.selection, &options.renames, false).await?;
    let not_compared = take_not_compared(&mut selected);
    let mut session = Session::connect(server).await?;
    inspect::setup_reader(&mut session).await?;
    // A row stands in the packet, and where it is not hashed as it came, in two or three copies.
    let widest = selected.chunks().filter_map(|chunk| chunk.widest).max().unwrap_or(0);
    let readers = Readers::on(server, &mut session).await?;
    progress.phase("proof", selected.rows(), selected.bytes());
    let tables = Arc::new(proof_tables(selected.tables.iter()));
    let workers = workers_within(options, 4 * widest);
    let mut proof = readers.clone().prove(tables.clone(), workers, progress.clone(), stop.clone()).await?;
    proof.not_compared = not_compared;
    if let (Some(limit), false) = (options.rows, proof.differences.is_empty()) {
        let reader = tokio::task::block_in_place(|| readers.open())?;
        rows::name(&mut proof, repository, &tables, reader, limit, &progress, &stop).await?;
    }
    Ok(proof)
}

/// Takes out the tables whose rows were taken under a condition that is not asked of the server: it is text of the
/// repository.
fn take_not_compared(selected: &mut Selected) -> Vec<NotCompared> {
    let mut not_compared = Vec::new();
    selected.tables.retain(|table| {
        let vetted = if table.condition.is_empty() { Ok(()) } else { vet::condition(&table.condition) };
        let table = table.table.name.to_string();
        vetted.map_err(|why| not_compared.push(NotCompared { table, why })).is_ok()
    });
    not_compared
}

/// Those of some tables whose rows the backup holds.
pub(crate) fn proof_tables<'a>(tables: impl Iterator<Item = &'a SelectedTable>) -> Vec<ProofTable> {
    let with_rows = tables.filter_map(|table| {
        let chunks = table.chunks.clone()?;
        let (definition, target, condition) = (table.table.clone(), table.target.clone(), table.condition.clone());
        Some(ProofTable { table: definition, target, condition, chunks })
    });
    with_rows.collect()
}

impl VerifyReport {
    /// The exit code: damage and differences are no success.
    pub fn exit(&self) -> Exit {
        if self.binlogs.iter().any(|archive| !archive.damage.is_empty()) {
            return Exit::RepositoryDamaged;
        }
        match (&self.inventory, &self.proof) {
            (Some(inventory), _) if !inventory.sound() => Exit::RepositoryDamaged,
            (_, Some(proof)) if !proof.holds() => Exit::ProofFailed,
            _ => Exit::Success,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        if let Some(inventory) = &self.inventory {
            let read = format!(
                "{}, {} and {} ({})",
                counted(inventory.backups, "backup"),
                counted(inventory.objects, "object"),
                counted(inventory.frames, "frame"),
                bytes(inventory.stored_bytes)
            );
            lines.push(match (inventory.damage.is_empty(), inventory.refused.len()) {
                (true, 0) => format!("{} is sound: {read} read, every checksum right", self.repository),
                (true, refused) => format!(
                    "{} holds {} that a restore would REFUSE: {read} read, every checksum right",
                    self.repository,
                    counted(refused as u64, "definition")
                ),
                (false, _) => format!("{} is DAMAGED: {read} read", self.repository),
            });
            lines.extend(inventory.damage.iter().map(|damage| format!("  {damage}")));
            let refused = |what: &String| format!("  not as a server writes it, so never run: {what}");
            lines.extend(inventory.refused.iter().map(refused));
        }
        self.binlogs.iter().for_each(|archive| lines.extend(binlog_lines(archive)));
        if let (Some(proof), Some(server)) = (&self.proof, &self.against) {
            lines.push(format!("{server} against backup {} in {}", self.backups.join(", "), self.repository));
            lines.extend(proof.lines("  "));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.push(format!("time: {}", seconds(self.seconds)));
        lines.join("\n") + "\n"
    }
}

/// An archive for people.
fn binlog_lines(archive: &Archive) -> Vec<String> {
    let verdict = if archive.damage.is_empty() { "sound" } else { "DAMAGED" };
    let mut lines = vec![match &archive.summary {
        Some(summary) => format!("binary logs of {}: {verdict}; {}", archive.source, summary_text(summary)),
        None => format!("binary logs of {}: {verdict}; no segment", archive.source),
    }];
    lines.extend(archive.damage.iter().map(|damage| format!("  {damage}")));
    lines.extend(archive.summary.iter().flat_map(|summary| &summary.gaps).map(|gap| format!("  {gap}")));
    if archive.orphans > 0 {
        lines.push(format!("  {} of a run that was killed; harmless", counted(archive.orphans, "unfinished object")));
    }
    lines
}
