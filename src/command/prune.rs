//! `myriad prune`: backups that no rule keeps go, and objects that no backup needs are condemned, to be deleted by a
//! later prune. What it may do stands in docs/format.md section 9; a kill between any two steps leaves what the next
//! prune goes on from.

mod binlogs;
mod report;

pub use binlogs::JudgedArchive;
pub use report::{Amount, JudgedBackup, PruneReport};

use crate::codec::frame::ObjectId;
use crate::command::options::PruneOptions;
use crate::command::text::counted;
use crate::error::{Error, Exit, Result};
use crate::limits;
use crate::manifest::condemned::{self, Condemned, Record};
use crate::manifest::lock::{Lock, Work};
use crate::manifest::model::{manifest_name, object_name};
use crate::manifest::references::{self, References};
use crate::manifest::repository::Found;
use crate::manifest::{ManifestError, Repository, proofs};
use crate::plan::retention::{self, Candidate};
use crate::progress::{Progress, Stop};
use crate::store::{self, Store, StoreError};
use futures::{StreamExt, TryStreamExt};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// Prunes the repository that the options name, or says what would be done.
pub async fn run(options: &PruneOptions, progress: Arc<dyn Progress>, stop: Stop) -> Result<PruneReport> {
    run_in(store::open(&options.repo, false).await?, options, progress, stop).await
}

/// Prunes the repository in a store.
pub async fn run_in(
    store: Arc<dyn Store>,
    options: &PruneOptions,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<PruneReport> {
    let begun = Instant::now();
    let repository = Repository::open(store).await?;
    let done = if options.yes {
        let lock = Lock::take(&repository, Work::Prune).await?;
        let done = carry_out(&repository, options, progress.as_ref(), &stop).await;
        lock.release().await;
        done
    } else {
        survey(&repository, options, progress.as_ref()).await.map(|survey| survey.report(options))
    };
    let mut report = done?;
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

/// What stands in the repository, and what is to become of it.
struct Survey {
    place: String,
    /// Sizes of all objects. Listed before any manifest was read: what is stored later is not even seen.
    stored: HashMap<ObjectId, u64>,
    strangers: u64,
    /// Read before any manifest: a backup that became visible later has seen these records.
    condemned: Condemned,
    /// The time by which records are judged.
    now: SystemTime,
    backups: Vec<Judged>,
    /// Everything that some backup names, also one that goes now: its readers have the grace period too.
    needed: HashSet<ObjectId>,
    /// Everything that a backup names that stays.
    kept: HashSet<ObjectId>,
    /// Below the folders of backups that exist no more.
    orphans: Vec<String>,
    /// Archived binary logs, and what goes of them.
    archives: Vec<binlogs::Judged>,
}

/// A backup, and why it stays; it goes where there is no reason.
struct Judged {
    found: Found,
    reasons: Vec<String>,
    proved: bool,
    superseded: Vec<String>,
}

async fn survey(repository: &Repository, options: &PruneOptions, progress: &dyn Progress) -> Result<Survey> {
    progress.phase("survey", 0, 0);
    let (stored, strangers) = references::stored(repository).await?;
    let condemned = Condemned::read(repository).await?;
    // A dry run writes nothing, so it has this machine's clock to say what is due; nothing is deleted by that.
    let now = match options.yes && !condemned.records.is_empty() {
        true => condemned::store_time(repository).await?,
        false => SystemTime::now(),
    };
    let references = references::read(repository, || progress.add(1, 0)).await?;
    if let Some(first) = references.unreadable.first() {
        let count = counted(references.unreadable.len() as u64, "backup");
        return Err(ManifestError::Unreadable { place: repository.place(), count, first: first.clone() }.into());
    }
    let named = references.backups.iter().any(|backup| Some(&backup.found.manifest.name) == options.name.as_ref());
    if let (Some(name), false) = (&options.name, named) {
        let hint = "`myriad list --repo …` shows what there is".into();
        let wanted = format!("of {name:?}");
        return Err(ManifestError::NoBackup { wanted, place: repository.place(), hint }.into());
    }
    let needed = references.backups.iter().flat_map(|backup| backup.objects.iter().copied()).collect();
    let orphans = orphans(repository, &references).await?;
    let (backups, kept) = judge(repository, references, options).await?;
    let archives = binlogs::judge(repository, &backups, options).await?;
    Ok(Survey {
        place: repository.place(),
        stored,
        strangers,
        condemned,
        now,
        backups,
        needed,
        kept,
        orphans,
        archives,
    })
}

/// Decides for each source name by itself; gives the objects of what stays too.
async fn judge(
    repository: &Repository,
    references: References,
    options: &PruneOptions,
) -> Result<(Vec<Judged>, HashSet<ObjectId>)> {
    let names = proofs::names(repository).await?;
    let (mut judged, mut kept) = (Vec::new(), HashSet::new());
    let mut backups = references.backups.into_iter().peekable();
    while let Some(first) = backups.next() {
        let name = first.found.manifest.name.clone();
        let mut of_name = vec![first];
        while let Some(next) = backups.next_if(|next| next.found.manifest.name == name) {
            of_name.push(next);
        }
        let mut last_proofs = Vec::new();
        for backup in &of_name {
            last_proofs.push(proofs::last(repository, &names, &backup.found).await?);
        }
        let candidates: Vec<Candidate> = of_name
            .iter()
            .zip(&last_proofs)
            .map(|(backup, last)| {
                let manifest = &backup.found.manifest;
                let whole = !manifest.partial && manifest.consistency != crate::position::ConsistencyKind::None;
                Candidate { id: manifest.id.clone(), snapshot: manifest.snapshot, proved: last.proved.is_some(), whole }
            })
            .collect();
        let reasons = match &options.name {
            Some(wanted) if *wanted != name => vec![vec!["another source".to_owned()]; of_name.len()],
            _ => retention::reasons(&candidates, &options.keep),
        };
        for ((backup, last), reasons) in of_name.into_iter().zip(last_proofs).zip(reasons) {
            if !reasons.is_empty() {
                kept.extend(backup.objects);
            }
            let proved = last.proved.is_some();
            judged.push(Judged { found: backup.found, reasons, proved, superseded: last.superseded });
        }
    }
    Ok((judged, kept))
}

/// Objects in the folders of backups whose manifests are gone: a prune was killed between the two.
async fn orphans(repository: &Repository, references: &References) -> Result<Vec<String>> {
    let folder = |manifest: String| manifest.strip_suffix("manifest.json").map(str::to_owned);
    let exist: HashSet<String> = references
        .backups
        .iter()
        .filter_map(|backup| folder(manifest_name(&backup.found.manifest.name, &backup.found.manifest.id)))
        .collect();
    let listed = repository.store.list("backups").await?;
    let proof = |name: &str| match name.split('/').collect::<Vec<_>>()[..] {
        ["backups", of, id, "proofs", _] => !exist.contains(&format!("backups/{of}/{id}/")),
        _ => false,
    };
    Ok(listed.into_iter().map(|object| object.name).filter(|name| proof(name)).collect())
}

impl Survey {
    /// Records that are old enough, and of each the objects that it lets be deleted now.
    fn due(&self, options: &PruneOptions) -> Vec<(&Record, Vec<ObjectId>)> {
        let old = |record: &&Record| self.now.duration_since(record.at).is_ok_and(|age| age >= options.grace);
        let deletable = |object: &ObjectId| self.stored.contains_key(object) && !self.needed.contains(object);
        let mut seen = HashSet::new();
        let old_records = self.condemned.records.iter().filter(old);
        old_records
            .map(|record| {
                let objects = record.objects.iter().copied().filter(deletable).filter(|object| seen.insert(*object));
                (record, objects.collect())
            })
            .collect()
    }

    /// What no backup that stays needs, and no record holds yet. Nothing where there is no backup: prune keeps the newest one
    /// always, so they are away rather than gone.
    fn condemnable(&self) -> Vec<ObjectId> {
        if self.backups.is_empty() {
            return Vec::new();
        }
        let condemned = self.condemned.names();
        let free = |object: &ObjectId| !self.kept.contains(object) && !condemned.contains(object);
        let mut objects: Vec<ObjectId> = self.stored.keys().copied().filter(free).collect();
        objects.sort();
        objects
    }

    /// Records all of whose objects were gone before this run began. Not those that it empties: another prune, whose
    /// process was stopped in the middle, may still go by them.
    fn emptied(&self) -> Vec<&str> {
        let empty = |record: &&Record| record.objects.iter().all(|object| !self.stored.contains_key(object));
        self.condemned.records.iter().filter(empty).map(|record| record.name.as_str()).collect()
    }

    fn amount<'a>(&self, objects: impl IntoIterator<Item = &'a ObjectId>) -> Amount {
        let mut amount = Amount::default();
        for object in objects {
            amount.objects += 1;
            amount.bytes += self.stored.get(object).copied().unwrap_or(0);
        }
        amount
    }
}

/// Does what the survey says: manifests, then objects that were condemned long ago, then condemns. Any order would be
/// safe for what stays; this one has removed the most when it is killed.
async fn carry_out(
    repository: &Repository,
    options: &PruneOptions,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<PruneReport> {
    let survey = survey(repository, options, progress).await?;
    let store = repository.store.as_ref();
    progress.phase("backups", 0, 0);
    for backup in survey.backups.iter().filter(|backup| backup.reasons.is_empty()) {
        go_on(stop)?;
        let manifest = manifest_name(&backup.found.manifest.name, &backup.found.manifest.id);
        store.delete(&manifest).await?;
        let folder = manifest.strip_suffix("/manifest.json").expect("a manifest is named so");
        for object in store.list(folder).await? {
            store.delete(&object.name).await?;
        }
        progress.add(1, 0);
    }
    for archive in &survey.archives {
        archive.remove(repository, || go_on(stop)).await?;
    }
    progress.phase("objects", 0, 0);
    for (record, objects) in survey.due(options) {
        for some in objects.chunks(limits::DELETED_AT_ONCE) {
            go_on(stop)?;
            delete(repository, record, some).await?;
            progress.add(0, survey.amount(some).bytes);
        }
    }
    progress.phase("condemned", 0, 0);
    go_on(stop)?;
    condemned::condemn(repository, &survey.condemnable()).await?;
    let superseded = survey.backups.iter().filter(|backup| !backup.reasons.is_empty()).flat_map(|b| &b.superseded);
    let void = survey.condemned.void.iter().chain(&survey.orphans).chain(superseded).map(String::as_str);
    for name in survey.emptied().into_iter().chain(void) {
        go_on(stop)?;
        store.delete(name).await?;
    }
    Ok(survey.report(options))
}

/// Deletes objects of one record, while it stands.
async fn delete(repository: &Repository, record: &Record, objects: &[ObjectId]) -> Result<()> {
    match repository.store.head(&record.name).await {
        Err(StoreError::Missing { .. }) => {
            let message = format!("another prune is at work in {}: it has removed {}", repository.place(), record.name);
            return Err(Error::new(Exit::RepositoryBusy, message).hint("run the same command again"));
        }
        found => found?,
    };
    futures::stream::iter(objects)
        .map(|object| async move { repository.store.delete(&object_name(object)).await })
        .buffer_unordered(limits::REQUESTS_AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(())
}

fn go_on(stop: &Stop) -> Result<()> {
    match stop.stopped() {
        true => Err(Error::new(Exit::Interrupted, "stopped; what was removed so far stays removed")
            .hint("run the same command again to go on")),
        false => Ok(()),
    }
}
