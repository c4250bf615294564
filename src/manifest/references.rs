//! Which backup needs which object: every manifest and every chunk list of a repository, read. What cannot be read is
//! told, and then nothing may be taken for unneeded.

use super::error::ManifestError;
use super::model::{ListLine, Manifest, Place};
use super::parts::read_part;
use super::repository::{Found, Repository};
use crate::codec::frame::ObjectId;
use crate::limits::REQUESTS_AT_ONCE;
use futures::StreamExt;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

/// Backups and the objects that they need.
#[derive(Default)]
pub struct References {
    /// The backups that could be read, by source name, oldest first.
    pub backups: Vec<Needing>,
    /// Why others could not be read, one line each.
    pub unreadable: Vec<String>,
}

/// A backup and its objects.
pub struct Needing {
    /// The backup.
    pub found: Found,
    /// Everything that it names.
    pub objects: HashSet<ObjectId>,
}

/// Lists that were read before: unchanged data gives the same lists, night after night.
type Lists = Mutex<HashMap<Place, Arc<[ObjectId]>>>;

/// Reads all backups. `read` is called after each.
pub async fn read(repository: &Repository, read: impl Fn()) -> Result<References, ManifestError> {
    let ids = repository.backup_ids().await?;
    let all = ids.iter().flat_map(|(name, ids)| ids.iter().map(move |id| (name, id)));
    let lists = Lists::default();
    let mut reading =
        futures::stream::iter(all).map(|(name, id)| needing(repository, name, id, &lists)).buffered(REQUESTS_AT_ONCE);
    let mut references = References::default();
    while let Some(backup) = reading.next().await {
        match backup {
            Ok(backup) => references.backups.push(backup),
            // Removed since the listing.
            Err(ManifestError::NoBackup { .. }) => {}
            Err(error) => references.unreadable.push(error.to_string()),
        }
        read();
    }
    references.backups.sort_by_key(|backup| (backup.found.manifest.name.clone(), backup.found.manifest.snapshot));
    Ok(references)
}

async fn needing(repository: &Repository, name: &str, id: &str, lists: &Lists) -> Result<Needing, ManifestError> {
    let found = repository.manifest(name, id).await?;
    let mut objects = objects_of_parts(&found.manifest);
    for part in &found.manifest.lists {
        let known = lists.lock().expect("no holder of the lock panics").get(&part.place).cloned();
        let of_part = match known {
            Some(known) => known,
            None => {
                let lines = read_part::<ListLine>(repository, part).await?;
                let places = lines.iter().filter_map(|line| match line {
                    ListLine::Chunk(chunk) => chunk.place,
                    ListLine::Table(_) => None,
                });
                let of_part: HashSet<ObjectId> = places.map(|place| place.object).collect();
                let of_part: Arc<[ObjectId]> = of_part.into_iter().collect();
                lists.lock().expect("no holder of the lock panics").insert(part.place, of_part.clone());
                of_part
            }
        };
        objects.extend(of_part.iter().copied());
    }
    Ok(Needing { found, objects })
}

/// The objects in which a backup's definitions, lists and accounts stand.
pub fn objects_of_parts(manifest: &Manifest) -> HashSet<ObjectId> {
    let parts = manifest.schemas.iter().chain(&manifest.lists).chain(&manifest.accounts);
    parts.map(|part| part.place.object).collect()
}

/// Bytes of the objects of a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// Of those that only this backup needs: what removing it would free.
    pub alone_bytes: u64,
    /// Of those that others need too.
    pub shared_bytes: u64,
}

impl References {
    /// How many backups need each object.
    pub fn counts(&self) -> HashMap<ObjectId, u32> {
        let mut counts = HashMap::new();
        for object in self.backups.iter().flat_map(|backup| &backup.objects) {
            *counts.entry(*object).or_insert(0) += 1;
        }
        counts
    }

    /// What each backup holds alone and shares, in the order of `backups`. `stored` is the size of every object.
    pub fn held(&self, stored: &HashMap<ObjectId, u64>) -> Vec<Held> {
        let counts = self.counts();
        let of = |backup: &Needing| {
            let mut held = Held::default();
            for object in &backup.objects {
                let bytes = stored.get(object).copied().unwrap_or(0);
                match counts.get(object) {
                    Some(1) => held.alone_bytes += bytes,
                    _ => held.shared_bytes += bytes,
                }
            }
            held
        };
        self.backups.iter().map(of).collect()
    }
}

/// The size of every object of a repository, and how many things stand among them that are none.
pub async fn stored(repository: &Repository) -> Result<(HashMap<ObjectId, u64>, u64), ManifestError> {
    let (mut stored, mut strangers) = (HashMap::new(), 0);
    for object in repository.store.list("objects").await? {
        let mut id = [0; 32];
        let hex = object.name.rsplit('/').next().unwrap_or_default();
        let decoded = hex::decode_to_slice(hex, &mut id).is_ok();
        if decoded && super::model::object_name(&ObjectId(id)) == object.name {
            stored.insert(ObjectId(id), object.bytes);
        } else {
            strangers += 1;
        }
    }
    Ok((stored, strangers))
}
