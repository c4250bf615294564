//! Frames become an object under the hash of their bytes. A name that a prune has condemned is never used again: the
//! object gets a *salt* at its end, which makes it another one, so that nothing that is about to be deleted is ever
//! named by a new backup. What exists is asked for here too.

use super::condemned::Names;
use super::error::ManifestError;
use super::model;
use crate::codec::frame::ObjectId;
use crate::limits::REQUESTS_AT_ONCE;
use crate::store::{PutMode, Store, StoreError};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// First bytes of a salt: a skippable frame (RFC 8878, section 3.1.2) of 16 bytes.
const SALT_HEAD: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 16, 0, 0, 0];

/// Above this many objects one listing is cheaper than asking for each.
const ASK_ONE_BY_ONE: usize = 200;

/// Stores `frames`, one behind the other, as one object, and returns its name.
pub async fn put(store: &dyn Store, mut frames: Vec<Bytes>, condemned: &Names) -> Result<ObjectId, ManifestError> {
    let mut hasher = Sha256::new();
    frames.iter().for_each(|frame| hasher.update(frame));
    let mut object = ObjectId(hasher.clone().finalize().into());
    if condemned.contains(&object) {
        let salt = [SALT_HEAD, rand::random::<[u8; 8]>(), rand::random::<[u8; 8]>()].concat();
        hasher.update(&salt);
        frames.push(salt.into());
        object = ObjectId(hasher.finalize().into());
    }
    // The name says what the bytes are, so putting it once more over itself changes nothing.
    store.put(&model::object_name(&object), frames, PutMode::Overwrite).await?;
    Ok(object)
}

/// Those of `objects` that are not in the store.
pub async fn missing(store: &dyn Store, objects: &HashSet<ObjectId>) -> Result<Vec<ObjectId>, ManifestError> {
    if objects.len() > ASK_ONE_BY_ONE {
        let there: HashSet<String> = store.list("objects").await?.into_iter().map(|object| object.name).collect();
        return Ok(objects.iter().filter(|object| !there.contains(&model::object_name(object))).copied().collect());
    }
    let asked = futures::stream::iter(objects.iter().copied()).map(|object| async move {
        match store.head(&model::object_name(&object)).await {
            Ok(_) => Ok(None),
            Err(StoreError::Missing { .. }) => Ok(Some(object)),
            Err(error) => Err(ManifestError::from(error)),
        }
    });
    let found: Vec<Option<ObjectId>> = asked.buffer_unordered(REQUESTS_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn a_condemned_name_is_not_used_again() {
        let store = MemoryStore::new();
        let frames = || vec![Bytes::from(zstd::encode_all(&b"one"[..], 1).unwrap()), Bytes::from_static(b"two")];
        let plain = put(&store, frames(), &Names::default()).await.unwrap();
        assert_eq!(put(&store, frames(), &Names::default()).await.unwrap(), plain);
        let salted = put(&store, frames(), &Names::from([plain])).await.unwrap();
        assert_ne!(salted, plain);
        let bytes = store.get(&model::object_name(&salted)).await.unwrap();
        assert_eq!(Sha256::digest(&bytes).as_slice(), salted.0);
        // The frames stand where they stood, and programs that unpack the whole object pass over the salt.
        assert!(bytes.starts_with(&frames().concat()));
        let with_salt = [&frames()[0][..], &bytes[bytes.len() - 24..]].concat();
        assert_eq!(zstd::decode_all(&with_salt[..]).unwrap(), b"one");
        let none = ObjectId([7; 32]);
        assert_eq!(missing(&store, &HashSet::from([plain, salted, none])).await.unwrap(), [none]);
        let many: HashSet<ObjectId> = (0..=250).map(|n| ObjectId([n; 32])).chain([plain]).collect();
        assert_eq!(missing(&store, &many).await.unwrap().len(), many.len() - 1);
    }
}
