//! Archived binary logs under a prune: they stay, unless those from before the oldest backup that stays were asked for. What
//! goes goes from the front, a document before its object, so that what is left is an archive at every moment; an archive
//! that is being written meanwhile grows at its other end.

use super::Judged as JudgedBackup;
use crate::command::options::PruneOptions;
use crate::command::show::standing;
use crate::command::text::{bytes, counted};
use crate::error::Result;
use crate::manifest::binlogs::{self, Listing, Segment, chain};
use crate::manifest::{ManifestError, Repository};

/// An archive, and what becomes of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct JudgedArchive {
    /// Source name.
    pub name: String,
    /// Segments that stay.
    pub stay: u64,
    /// Segments that go.
    pub go: u64,
    /// Stored bytes of those.
    pub bytes: u64,
    /// Why they stay.
    pub why: String,
}

/// The same with what is to be done.
pub(super) struct Judged {
    pub told: JudgedArchive,
    listing: Listing,
    going: Vec<Segment>,
    /// Objects in front of the first document: a prune was killed between the two.
    orphans: Vec<String>,
}

/// Decides for each source name by itself.
pub(super) async fn judge(
    repository: &Repository,
    backups: &[JudgedBackup],
    options: &PruneOptions,
) -> Result<Vec<Judged>> {
    let mut judged = Vec::new();
    for (name, listing) in binlogs::list(repository).await? {
        let (mut segments, unreadable) = binlogs::read_all(repository, &name, &listing).await?;
        let broken = binlogs::broken(repository, &name, &listing, &segments, unreadable).await?;
        if let Some(first) = broken.first().filter(|_| options.binlogs_before_oldest) {
            let count = counted(broken.len() as u64, "index document");
            return Err(ManifestError::Unreadable { place: repository.place(), count, first: first.clone() }.into());
        }
        let first = listing.numbers.first().copied();
        let in_front = |object: &String| {
            let number = object.rsplit('/').next().and_then(|name| name.split('-').next()?.parse::<u64>().ok());
            number.zip(first).is_some_and(|(number, first)| number < first)
        };
        let meant = options.binlogs_before_oldest && options.name.as_ref().is_none_or(|wanted| *wanted == name);
        let (go, why) = match meant {
            true => before_oldest(&segments, &name, backups),
            false => (0, "archived binary logs are left alone without --binlogs-before-oldest".to_owned()),
        };
        let orphans = listing.orphans().into_iter().filter(|object| meant && in_front(object)).collect();
        let stay = segments.split_off(go);
        let told = JudgedArchive {
            name,
            stay: stay.len() as u64,
            go: segments.len() as u64,
            bytes: segments.iter().map(|segment| segment.object_bytes).sum(),
            why,
        };
        judged.push(Judged { told, listing, going: segments, orphans });
    }
    Ok(judged)
}

/// How many segments at the front no backup that stays could need.
fn before_oldest(segments: &[Segment], name: &str, backups: &[JudgedBackup]) -> (usize, String) {
    let stays = |backup: &&JudgedBackup| backup.found.manifest.name == name && !backup.reasons.is_empty();
    let mut go = segments.len();
    let mut any = false;
    for backup in backups.iter().filter(stays) {
        let manifest = &backup.found.manifest;
        let coverage = chain::coverage(segments, &standing(manifest, &manifest.server.identity()));
        let Some(first) = coverage.first_segment else {
            let why = coverage.missing.unwrap_or_default();
            return (0, format!("all stay: where backup {} stands in them is not known ({why})", manifest.id));
        };
        any = true;
        go = go.min(segments.iter().position(|segment| segment.number == first).unwrap_or(0));
    }
    match any {
        true => (go, "needed from the oldest backup that stays".to_owned()),
        false => (0, "all stay: no backup of this source stays".to_owned()),
    }
}

impl Judged {
    /// Removes what goes, the oldest first.
    pub(super) async fn remove(&self, repository: &Repository, mut go_on: impl FnMut() -> Result<()>) -> Result<()> {
        if let Some(last) = self.going.last() {
            go_on()?;
            // So that the first that stays is known to be the first.
            binlogs::mark_pruned(repository, &self.told.name, &self.listing, last.number + 1).await?;
        }
        for segment in &self.going {
            go_on()?;
            repository.store.delete(&segment.index_name()).await?;
            repository.store.delete(&segment.object_name()).await?;
        }
        for object in &self.orphans {
            go_on()?;
            repository.store.delete(object).await?;
        }
        Ok(())
    }
}

impl JudgedArchive {
    /// For people; `gone` is how it is said that something goes.
    pub fn text(&self, gone: &str) -> String {
        let JudgedArchive { name, why, .. } = self;
        let (stay, go) = (counted(self.stay, "segment"), counted(self.go, "segment"));
        match self.go {
            0 => format!("binary logs of {name}: {stay} stay; {why}\n"),
            _ => format!("binary logs of {name}: {go} ({}) {gone}, {stay} stay; {why}\n", bytes(self.bytes)),
        }
    }
}
