//! The last step of a backup: every object that it names is seen to exist and not to be condemned, the manifest is put
//! exclusively, and all is seen once more (docs/format.md section 8). Before this the backup does not exist.

use super::condemned::Condemned;
use super::document;
use super::error::ManifestError;
use super::model::{self, Manifest};
use super::object;
use super::repository::Repository;
use crate::codec::frame::ObjectId;
use crate::store::PutMode;
use std::collections::HashSet;

/// Makes the backup visible; returns the SHA-256 of its manifest. `objects` is all that it names.
pub async fn commit(
    repository: &Repository,
    manifest: &Manifest,
    objects: &HashSet<ObjectId>,
) -> Result<String, ManifestError> {
    check(repository, objects).await?;
    let (bytes, hash) = document::seal(manifest);
    let name = model::manifest_name(&manifest.name, &manifest.id);
    repository.store.put(&name, vec![bytes.into()], PutMode::Create).await?;
    // A prune that had not seen the manifest may have condemned or deleted an object meanwhile: then the backup is
    // withdrawn. One that condemns from now on has seen it.
    if let Err(gone) = check(repository, objects).await {
        repository.store.delete(&name).await?;
        return Err(gone);
    }
    Ok(hash)
}

/// The order matters: a record of a prune stands until all its objects are gone, so an object that was condemned before
/// is found either in a record or missing.
async fn check(repository: &Repository, objects: &HashSet<ObjectId>) -> Result<(), ManifestError> {
    let lost = |object: &ObjectId, why| {
        Err(ManifestError::ObjectGone { object: model::object_name(object), why, place: repository.place() })
    };
    let condemned = Condemned::read(repository).await?.names();
    if let Some(object) = objects.iter().find(|object| condemned.contains(object)) {
        return lost(object, "was condemned by a prune meanwhile");
    }
    match object::missing(repository.store.as_ref(), objects).await?.first() {
        Some(object) => lost(object, "is gone"),
        None => Ok(()),
    }
}
