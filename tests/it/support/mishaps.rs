//! Stores for prune: one whose process dies at a chosen change, one that waits at a chosen name, one whose clock can be
//! set forward, and one that knows the law of order and notes who breaks it.

use bytes::Bytes;
use myriad::codec::frame::ObjectId;
use myriad::manifest::condemned::Condemned;
use myriad::manifest::model::{self, ListLine, Manifest};
use myriad::manifest::parts::read_part;
use myriad::manifest::{Repository, document};
use myriad::store::{MemoryStore, Notice, PutMode, Store, StoreError, StoredObject};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// All objects of a store, in memory.
pub async fn copy_of(store: &dyn Store) -> Arc<MemoryStore> {
    let copy = MemoryStore::new();
    for object in store.list("").await.unwrap() {
        let bytes = store.get(&object.name).await.unwrap();
        copy.put(&object.name, vec![bytes], PutMode::Create).await.unwrap();
    }
    Arc::new(copy)
}

/// Does what it is asked until its process dies: before the n-th change, counted from 0. After that nothing works.
pub struct DyingStore {
    inner: Arc<dyn Store>,
    dies_at: u64,
    changes: AtomicU64,
}

impl DyingStore {
    pub fn new(inner: Arc<dyn Store>, dies_at: u64) -> Arc<DyingStore> {
        Arc::new(DyingStore { inner, dies_at, changes: AtomicU64::new(0) })
    }

    /// True once its process is dead.
    pub fn died(&self) -> bool {
        self.changes.load(Ordering::SeqCst) > self.dies_at
    }

    fn dead(&self, name: &str) -> StoreError {
        StoreError::Write { name: name.into(), store: self.describe(), source: "the process is dead".into() }
    }

    fn lives(&self, name: &str) -> Result<(), StoreError> {
        if self.died() { Err(self.dead(name)) } else { Ok(()) }
    }

    fn change(&self, name: &str) -> Result<(), StoreError> {
        let before = self.changes.fetch_add(1, Ordering::SeqCst);
        if before >= self.dies_at { Err(self.dead(name)) } else { Ok(()) }
    }
}

#[async_trait::async_trait]
impl Store for DyingStore {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        self.change(name)?;
        self.inner.put(name, parts, mode).await
    }

    async fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        self.lives(name)?;
        self.inner.get(name).await
    }

    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        self.lives(name)?;
        self.inner.get_range(name, offset, length).await
    }

    async fn head(&self, name: &str) -> Result<StoredObject, StoreError> {
        self.lives(name)?;
        self.inner.head(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError> {
        self.lives(prefix)?;
        self.inner.list(prefix).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.change(name)?;
        self.inner.delete(name).await
    }

    async fn announce(&self, name: &str, text: Bytes) -> Result<Notice, StoreError> {
        self.inner.announce(name, text).await
    }

    async fn announced(&self, but: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        self.inner.announced(but).await
    }
}

/// Where a [`WaitingStore`] waits, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Before the first put of a name that begins so.
    Put(&'static str),
    /// After that put was done, before its answer.
    PutDone(&'static str),
    /// Before the first delete of a name that begins so.
    Delete(&'static str),
    /// Before the n-th read of a part of an object, counted from 0.
    Range(u64),
}

/// Waits once, until it is let go. It has no notices, as if a lock had been lost.
pub struct WaitingStore {
    inner: Arc<dyn Store>,
    at: At,
    met: AtomicU64,
    reached: Notify,
    go_on: Notify,
}

impl WaitingStore {
    pub fn new(inner: Arc<dyn Store>, at: At) -> Arc<WaitingStore> {
        Arc::new(WaitingStore { inner, at, met: AtomicU64::new(0), reached: Notify::new(), go_on: Notify::new() })
    }

    /// Waits until the store has come to its place.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.go_on.notify_one();
    }

    async fn wait(&self, here: bool, at_meeting: u64) {
        if here && self.met.fetch_add(1, Ordering::SeqCst) == at_meeting {
            self.reached.notify_one();
            self.go_on.notified().await;
        }
    }
}

#[async_trait::async_trait]
impl Store for WaitingStore {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        self.wait(matches!(self.at, At::Put(prefix) if name.starts_with(prefix)), 0).await;
        self.inner.put(name, parts, mode).await?;
        self.wait(matches!(self.at, At::PutDone(prefix) if name.starts_with(prefix)), 0).await;
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        self.inner.get(name).await
    }

    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        if let At::Range(n) = self.at {
            self.wait(true, n).await;
        }
        self.inner.get_range(name, offset, length).await
    }

    async fn head(&self, name: &str) -> Result<StoredObject, StoreError> {
        self.inner.head(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.wait(matches!(self.at, At::Delete(prefix) if name.starts_with(prefix)), 0).await;
        self.inner.delete(name).await
    }
}

/// A store whose clock goes forward by leaps.
pub struct LeapingStore {
    inner: Arc<dyn Store>,
    ahead: Mutex<Duration>,
    put_ahead: Mutex<HashMap<String, Duration>>,
}

impl LeapingStore {
    pub fn new(inner: Arc<dyn Store>) -> Arc<LeapingStore> {
        Arc::new(LeapingStore { inner, ahead: Mutex::default(), put_ahead: Mutex::default() })
    }

    /// Sets the clock forward by so much.
    pub fn leap(&self, time: Duration) {
        *self.ahead.lock().unwrap() += time;
    }

    fn told(&self, mut object: StoredObject) -> StoredObject {
        object.modified += self.put_ahead.lock().unwrap().get(&object.name).copied().unwrap_or_default();
        object
    }
}

#[async_trait::async_trait]
impl Store for LeapingStore {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        self.inner.put(name, parts, mode).await?;
        let ahead = *self.ahead.lock().unwrap();
        self.put_ahead.lock().unwrap().insert(name.to_owned(), ahead);
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        self.inner.get(name).await
    }

    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        self.inner.get_range(name, offset, length).await
    }

    async fn head(&self, name: &str) -> Result<StoredObject, StoreError> {
        self.inner.head(name).await.map(|object| self.told(object))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError> {
        Ok(self.inner.list(prefix).await?.into_iter().map(|object| self.told(object)).collect())
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.inner.delete(name).await
    }

    async fn announce(&self, name: &str, text: Bytes) -> Result<Notice, StoreError> {
        self.inner.announce(name, text).await
    }

    async fn announced(&self, but: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        self.inner.announced(but).await
    }
}

/// Passes everything on and notes every breach of the law of order: a manifest is put after everything that it names;
/// an object is deleted only where no manifest names it, and it was condemned at least the grace period before.
pub struct LawStore {
    inner: Arc<dyn Store>,
    grace: Duration,
    breaches: Mutex<Vec<String>>,
}

impl LawStore {
    pub fn new(inner: Arc<dyn Store>, grace: Duration) -> Arc<LawStore> {
        Arc::new(LawStore { inner, grace, breaches: Mutex::default() })
    }

    /// Panics where the law was broken.
    #[track_caller]
    pub fn assert_kept(&self) {
        let breaches = self.breaches.lock().unwrap();
        assert!(breaches.is_empty(), "the law of order was broken: {breaches:#?}");
    }

    fn breach(&self, what: String) {
        self.breaches.lock().unwrap().push(what);
    }

    async fn check_manifest(&self, name: &str, bytes: &[u8]) {
        let (value, _) = document::open(bytes).expect("a manifest that is put is whole");
        let manifest: Manifest = document::decode(value).expect("a manifest that is put is one");
        let repository = Repository::open(self.inner.clone()).await.unwrap();
        for object in objects_of(&repository, &manifest).await {
            if self.inner.head(&model::object_name(&object)).await.is_err() {
                self.breach(format!("{name} was put before object {object}"));
            }
        }
    }

    async fn check_delete(&self, name: &str) {
        let repository = Repository::open(self.inner.clone()).await.unwrap();
        for (of, ids) in repository.backup_ids().await.unwrap() {
            for id in ids {
                let found = repository.manifest(&of, &id).await.unwrap();
                let objects = objects_of(&repository, &found.manifest).await;
                if objects.iter().any(|object| model::object_name(object) == name) {
                    self.breach(format!("{name} was deleted, and backup {id} names it"));
                }
            }
        }
        // Several deletes are looked at side by side.
        let probe = format!("law/{:016x}", rand::random::<u64>());
        self.inner.put(&probe, Vec::new(), PutMode::Overwrite).await.unwrap();
        let now = self.inner.head(&probe).await.unwrap().modified;
        self.inner.delete(&probe).await.unwrap();
        let condemned = Condemned::read(&repository).await.unwrap();
        let old = condemned.records.iter().filter(|record| record.at + self.grace <= now);
        if !old.flat_map(|record| &record.objects).any(|object| model::object_name(object) == name) {
            self.breach(format!("{name} was deleted, and was not condemned {:?} before", self.grace));
        }
    }
}

/// Everything that a manifest names.
pub async fn objects_of(repository: &Repository, manifest: &Manifest) -> HashSet<ObjectId> {
    let parts = manifest.schemas.iter().chain(&manifest.lists).chain(&manifest.accounts);
    let mut objects: HashSet<ObjectId> = parts.map(|part| part.place.object).collect();
    for part in &manifest.lists {
        for line in read_part::<ListLine>(repository, part).await.unwrap_or_default() {
            if let ListLine::Chunk(chunk) = line {
                objects.extend(chunk.place.map(|place| place.object));
            }
        }
    }
    objects
}

#[async_trait::async_trait]
impl Store for LawStore {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        if name.ends_with("/manifest.json") {
            self.check_manifest(name, &parts.concat()).await;
        }
        self.inner.put(name, parts, mode).await
    }

    async fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        self.inner.get(name).await
    }

    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        self.inner.get_range(name, offset, length).await
    }

    async fn head(&self, name: &str) -> Result<StoredObject, StoreError> {
        self.inner.head(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        if name.starts_with("objects/") {
            self.check_delete(name).await;
        }
        self.inner.delete(name).await
    }

    async fn announce(&self, name: &str, text: Bytes) -> Result<Notice, StoreError> {
        self.inner.announce(name, text).await
    }

    async fn announced(&self, but: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        self.inner.announced(but).await
    }
}
