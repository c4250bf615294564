//! The last step of a backup: every reused object is seen to exist, the manifest is put exclusively, and the
//! reused objects are seen once more (docs/format.md section 8). Before this the backup does not exist.

use super::document;
use super::error::ManifestError;
use super::model::{self, Manifest};
use super::repository::Repository;
use crate::codec::frame::ObjectId;
use crate::store::{PutMode, StoreError};
use std::collections::HashSet;

/// Above this many reused objects one listing is cheaper than asking for each.
const ASK_ONE_BY_ONE: usize = 200;

/// Makes the backup visible; returns the SHA-256 of its manifest.
pub async fn commit(
    repository: &Repository,
    manifest: &Manifest,
    reused: &HashSet<ObjectId>,
) -> Result<String, ManifestError> {
    check_reused(repository, reused).await?;
    let (bytes, hash) = document::seal(manifest);
    let name = model::manifest_name(&manifest.name, &manifest.id);
    repository.store.put(&name, vec![bytes.into()], PutMode::Create).await?;
    // A prune that had not seen the manifest may have deleted an object meanwhile: then the backup is withdrawn.
    if let Err(gone) = check_reused(repository, reused).await {
        repository.store.delete(&name).await?;
        return Err(gone);
    }
    Ok(hash)
}

async fn check_reused(repository: &Repository, reused: &HashSet<ObjectId>) -> Result<(), ManifestError> {
    let gone = |object: String| ManifestError::ReusedGone { object, place: repository.place() };
    if reused.len() <= ASK_ONE_BY_ONE {
        for object in reused {
            let name = model::object_name(object);
            match repository.store.head(&name).await {
                Ok(_) => {}
                Err(StoreError::Missing { .. }) => return Err(gone(name)),
                Err(e) => return Err(e.into()),
            }
        }
        return Ok(());
    }
    let there: HashSet<String> = repository.store.list("objects").await?.into_iter().map(|o| o.name).collect();
    match reused.iter().map(model::object_name).find(|name| !there.contains(name)) {
        Some(name) => Err(gone(name)),
        None => Ok(()),
    }
}
