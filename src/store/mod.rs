//! Named objects in a repository: a folder, memory, or an object store. The trait is small and its
//! comments are a contract that [`conformance`] checks for every kind of store. What a user types for
//! `--repo` goes into [`open`], a [`Store`] comes out. What the objects mean is not known here.

mod cloud;
#[doc(hidden)]
pub mod conformance;
mod local;
mod location;
mod memory;
mod modes;
mod name;
mod notice;
mod object;
mod requests;
mod trace;

pub use cloud::Cloud;
pub use local::LocalStore;
pub use location::Location;
pub use memory::MemoryStore;
pub use name::{NAME_BYTES_MAX, SEGMENT_BYTES_MAX, check_name};
pub use notice::Notice;
pub use object::ObjectBackedStore;
pub use requests::RequestCounts;
pub use trace::{CountingStore, StoreCounts};

use crate::error::{Exit, Explain};
use bytes::Bytes;
use std::sync::Arc;
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
    /// The object is larger than one of its kind can be, and was not read.
    #[error("object {name} in {store} has {bytes} bytes; one of its kind has {bytes_max} at most")]
    TooLarge {
        /// Object name.
        name: String,
        /// The store, for people.
        store: String,
        /// Its bytes.
        bytes: u64,
        /// The most that is believed.
        bytes_max: u64,
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
    /// No object can have this name (see [`check_name`]): a damaged document named it.
    #[error("{name:?} cannot name an object in {store}: {why}")]
    Name {
        /// The name.
        name: String,
        /// The store, for people.
        store: String,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// The place is well formed but cannot be opened: no such folder or bucket, wrong credentials.
    #[error("cannot open the repository {store}: {source}")]
    Open {
        /// The store, for people.
        store: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The text is not a place that a store can be opened at.
    #[error("{place} is no place for a repository: {why}")]
    Place {
        /// As it was typed, without credentials.
        place: String,
        /// Why.
        why: String,
    },
}

impl Explain for StoreError {
    fn exit(&self) -> Exit {
        match self {
            StoreError::Missing { .. }
            | StoreError::Short { .. }
            | StoreError::TooLarge { .. }
            | StoreError::Name { .. } => Exit::RepositoryDamaged,
            StoreError::Read { .. } | StoreError::Open { .. } => Exit::RepositoryMissing,
            StoreError::Exists { .. } | StoreError::Write { .. } => Exit::RepositoryWrite,
            StoreError::Place { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        if let StoreError::Open { store, .. } = self {
            if let Some(cloud) = Cloud::of(store) {
                return Some(cloud.hint().to_string());
            }
        }
        let text = match self {
            StoreError::Missing { .. }
            | StoreError::Short { .. }
            | StoreError::TooLarge { .. }
            | StoreError::Name { .. } => {
                "`myriad verify` on this repository names every damaged object and the backups that need it"
            }
            StoreError::Exists { .. } => {
                "another run may be writing the same backup: look with `myriad list`, then try again"
            }
            StoreError::Read { .. } => "see that the repository can be reached and that this account may read it",
            StoreError::Write { .. } => {
                "see that there is free space and that this account may write there; what is stored already stays usable"
            }
            StoreError::Open { .. } => "see the path given with --repo; the first backup into it makes the folder",
            StoreError::Place { .. } => {
                "give --repo a folder, file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
            }
        };
        Some(text.to_string())
    }
}

/// Opens the store at `place`, as a user types it for `--repo`: a folder, `file:///folder`, `s3://bucket/prefix`,
/// `gs://bucket/prefix` or `az://container/prefix`. With `create` a folder that is not there is made; a bucket never is.
/// An object store takes its endpoint and credentials from the usual environment (`AWS_*`, `GOOGLE_*`, `AZURE_*`) or,
/// where nothing is set, from the machine that it runs on. It is asked for one listing, so that wrong credentials and a
/// missing bucket show here and not in the middle of the work.
pub async fn open(place: &str, create: bool) -> Result<Arc<dyn Store>, StoreError> {
    match Location::parse(place)? {
        Location::Folder(folder) => Ok(Arc::new(LocalStore::open(&folder, create).await?)),
        Location::Bucket { cloud, bucket, prefix } => {
            Ok(Arc::new(cloud::open_by_environment(cloud, &bucket, &prefix).await?))
        }
    }
}

/// A place for immutable named objects.
///
/// Every method may be called from many tasks at once. After `put` returns, the object is durable and every
/// later `get` and `list` sees it; after `delete` returns, it does not come back. A `put` that fails or is
/// cancelled leaves nothing new under the name or, where its very last step could not be confirmed (the answer
/// was lost, the flush of the folder failed), the whole object; never a part. Names follow [`check_name`]; a name is never at the same time a folder of
/// another (`a` and `a/b`).
#[async_trait::async_trait]
pub trait Store: Send + Sync {
    /// The store for people: its path or URL, without credentials.
    fn describe(&self) -> String;
    /// Stores the concatenation of `parts` under `name`.
    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError>;
    /// The whole object.
    async fn get(&self, name: &str) -> Result<Bytes, StoreError>;
    /// The whole object, where it has `bytes_max` at most; nothing of a larger one is read.
    async fn get_bounded(&self, name: &str, bytes_max: u64) -> Result<Bytes, StoreError> {
        let bytes = self.head(name).await?.bytes;
        if bytes > bytes_max {
            return Err(StoreError::TooLarge { name: name.to_string(), store: self.describe(), bytes, bytes_max });
        }
        self.get(name).await
    }
    /// `length` bytes from `offset`, and no more are read; [`StoreError::Short`] where the object ends before.
    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError>;
    /// Size and time of one object.
    async fn head(&self, name: &str) -> Result<StoredObject, StoreError>;
    /// All objects below `prefix`, taken as whole path segments: `backups/shop` gives `backups/shop/1` and not
    /// `backups/shop2/1`; empty gives all. In no order; none is no error.
    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError>;
    /// Removes an object; one that is not there is no error.
    async fn delete(&self, name: &str) -> Result<(), StoreError>;
    /// Says that this process is at work in the store: until the notice is ended, others [see](Store::announced) its
    /// `text` (one line) under `name` (one segment, never used before). A store that has no means for it gives a notice
    /// that nobody sees, as this default does: notices are for politeness, and nothing is lost without them.
    async fn announce(&self, _name: &str, _text: Bytes) -> Result<Notice, StoreError> {
        Ok(Notice::none())
    }
    /// The notices of living processes, name and text, but for the one named `but`. Takes some seconds where somebody's
    /// notice has to be watched to know whether he lives; what the dead have left is removed.
    async fn announced(&self, _but: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        Ok(Vec::new())
    }
    /// The HTTP requests made so far, by a store that makes such.
    fn requests(&self) -> Option<RequestCounts> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn open_takes_what_a_user_types() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("my backups").display().to_string();
        let error = open(&place, false).await.err().unwrap();
        assert_eq!(error.exit(), Exit::RepositoryMissing);
        let store = open(&format!("file://{}", place.replace(' ', "%20")), true).await.unwrap();
        store.put("x", vec![Bytes::from_static(b"x")], PutMode::Create).await.unwrap();
        let again = open(&place, false).await.unwrap();
        assert_eq!((&again.get("x").await.unwrap()[..], again.describe()), (&b"x"[..], place));
        let error = open("ftp://bucket/x", true).await.err().unwrap();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(["s3://", "gs://", "az://"].iter().all(|scheme| error.hint().unwrap().contains(scheme)));
    }

    #[test]
    fn every_error_names_its_object_and_has_a_hint() {
        let (name, store) = ("objects/ab".to_string(), "/srv/repo".to_string());
        let source = || std::io::Error::other("why").into();
        let errors = [
            (StoreError::Missing { name: name.clone(), store: store.clone() }, Exit::RepositoryDamaged),
            (
                StoreError::Short { name: name.clone(), store: store.clone(), offset: 1, end: 2 },
                Exit::RepositoryDamaged,
            ),
            (StoreError::Name { name: name.clone(), store: store.clone(), why: "why" }, Exit::RepositoryDamaged),
            (
                StoreError::TooLarge { name: name.clone(), store: store.clone(), bytes: 2, bytes_max: 1 },
                Exit::RepositoryDamaged,
            ),
            (StoreError::Exists { name: name.clone(), store: store.clone() }, Exit::RepositoryWrite),
            (StoreError::Read { name: name.clone(), store: store.clone(), source: source() }, Exit::RepositoryMissing),
            (StoreError::Write { name: name.clone(), store: store.clone(), source: source() }, Exit::RepositoryWrite),
        ];
        for (error, exit) in errors {
            let text = error.to_string();
            assert!(text.contains(&name) && text.contains(&store) && !text.ends_with('.'), "{text}");
            assert_eq!(error.exit(), exit, "{text}");
            assert!(error.hint().is_some_and(|hint| !hint.ends_with('.')), "{text}");
        }
    }
}
