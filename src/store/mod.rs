//! Named objects in a repository: a folder, memory, or an object store. The trait is small and its
//! comments are a contract that `conformance` checks for every kind of store.

use bytes::Bytes;
use std::time::SystemTime;

/// An object as a listing gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its name: `/`-separated, no leading slash.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When the store says it was written (the store's clock, never ours).
    pub modified: SystemTime,
}

/// How a `put` treats an object that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutMode {
    /// Fail with [`StoreError::Exists`] where the name is taken; of several at once exactly one wins.
    Create,
    /// Put it in place whatever was there; readers see the old bytes or the new, never a mixture.
    Overwrite,
}

/// What a store can fail with. The name of the object is in every message.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No object of that name.
    #[error("object {name} is missing from {store}")]
    Missing {
        /// Object name.
        name: String,
        /// The store, for people.
        store: String,
    },
    /// `PutMode::Create` found the name taken.
    #[error("object {name} is already there in {store}")]
    Exists {
        /// Object name.
        name: String,
        /// The store, for people.
        store: String,
    },
    /// The object is shorter than the range that was asked for.
    #[error("object {name} in {store} is too short: bytes {offset} to {end} were asked for")]
    Short {
        /// Object name.
        name: String,
        /// The store, for people.
        store: String,
        /// First byte asked for.
        offset: u64,
        /// The byte after the last one asked for.
        end: u64,
    },
    /// Reading failed.
    #[error("cannot read {name} from {store}: {source}")]
    Read {
        /// Object name or prefix.
        name: String,
        /// The store, for people.
        store: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Writing or deleting failed (disk full, no right).
    #[error("cannot write {name} to {store}: {source}")]
    Write {
        /// Object name.
        name: String,
        /// The store, for people.
        store: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The place is not one that a store can be opened at.
    #[error("{place} is no place for a repository: {why}")]
    Place {
        /// As it was typed.
        place: String,
        /// Why.
        why: String,
    },
}

/// A place for immutable named objects.
///
/// Every method may be called from many tasks at once. After `put` returns, the object is durable and every
/// later `get` and `list` sees it. A failed or cancelled `put` leaves nothing under the name.
#[async_trait::async_trait]
pub trait Store: Send + Sync {
    /// The store for people: its path or URL, without credentials.
    fn describe(&self) -> String;
    /// Stores the concatenation of `parts` under `name`.
    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError>;
    /// The whole object.
    async fn get(&self, name: &str) -> Result<Bytes, StoreError>;
    /// `length` bytes from `offset`; [`StoreError::Short`] where the object ends before.
    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError>;
    /// Size and time of one object.
    async fn head(&self, name: &str) -> Result<StoredObject, StoreError>;
    /// All objects whose names begin with `prefix` (a whole path segment: `backups/shop`), in no order.
    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError>;
    /// Removes an object; one that is not there is no error.
    async fn delete(&self, name: &str) -> Result<(), StoreError>;
}
