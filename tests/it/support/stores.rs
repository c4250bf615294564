//! Stores that do what a bad day does: a full disk, a manifest before its objects, damaged bytes.

use bytes::Bytes;
use myriad::store::{Notice, PutMode, Store, StoreError, StoredObject};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Which writes of a [`FaultyStore`] fail; the first is number 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// That one only, as a disk that somebody made room on.
    Write(u64),
    /// That one and all later ones.
    WritesFrom(u64),
    /// None: to count.
    None,
}

/// Answers "no space left on device" to chosen writes and counts all.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    fault: Fault,
    writes: AtomicU64,
}

impl FaultyStore {
    /// Passes everything on but the writes that `fault` names.
    pub fn new(inner: Arc<dyn Store>, fault: Fault) -> Self {
        FaultyStore { inner, fault, writes: AtomicU64::new(0) }
    }

    /// Writes begun so far, failed ones too.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Store for FaultyStore {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        let write = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        let fails = match self.fault {
            Fault::Write(n) => write == n,
            Fault::WritesFrom(n) => write >= n,
            Fault::None => false,
        };
        if fails {
            let source: std::io::Error = rustix::io::Errno::NOSPC.into();
            return Err(StoreError::Write { name: name.into(), store: self.describe(), source: source.into() });
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
        self.inner.delete(name).await
    }

    async fn announce(&self, name: &str, text: Bytes) -> Result<Notice, StoreError> {
        self.inner.announce(name, text).await
    }

    async fn announced(&self, but: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        self.inner.announced(but).await
    }
}

/// A change that an [`OrderStore`] saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A put began.
    PutBegun(String),
    /// A put succeeded.
    Put(String),
    /// A delete succeeded.
    Delete(String),
}

/// Records changes in the order in which they happen.
pub struct OrderStore {
    inner: Arc<dyn Store>,
    changes: Mutex<Vec<Change>>,
}

impl OrderStore {
    /// Passes everything on.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        OrderStore { inner, changes: Mutex::default() }
    }

    /// What changed so far.
    pub fn changes(&self) -> Vec<Change> {
        self.changes.lock().unwrap().clone()
    }

    /// Panics unless exactly one put below `backups/` was made, and it began after every other put had ended.
    pub fn assert_manifest_last(&self) {
        let changes = self.changes();
        let begun = |change: &Change| matches!(change, Change::PutBegun(name) if name.starts_with("backups/"));
        let manifests = changes.iter().filter(|change| begun(change)).count();
        assert_eq!(manifests, 1, "one manifest is written: {changes:?}");
        let place = changes.iter().position(begun).unwrap();
        let Change::PutBegun(manifest) = &changes[place] else { unreachable!() };
        assert_eq!(changes[place + 1..], [Change::Put(manifest.clone())], "the manifest is written last");
        for change in &changes[..place] {
            if let Change::PutBegun(name) = change {
                assert!(changes[..place].contains(&Change::Put(name.clone())), "{name} is stored before the manifest");
            }
        }
    }

    fn record(&self, change: Change) {
        self.changes.lock().unwrap().push(change);
    }
}

#[async_trait::async_trait]
impl Store for OrderStore {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        self.record(Change::PutBegun(name.into()));
        self.inner.put(name, parts, mode).await?;
        self.record(Change::Put(name.into()));
        Ok(())
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
        self.inner.delete(name).await?;
        self.record(Change::Delete(name.into()));
        Ok(())
    }

    async fn announce(&self, name: &str, text: Bytes) -> Result<Notice, StoreError> {
        self.inner.announce(name, text).await
    }

    async fn announced(&self, but: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        self.inner.announced(but).await
    }
}

/// What is wrong with an object of a [`CorruptStore`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The lowest bit of the byte at this place is turned over.
    FlipByte(u64),
    /// Only the first bytes are left, that many.
    Truncate(u64),
    /// It is not there.
    Hide,
    /// The bytes are those of the other object.
    ReadAs(String),
}

/// Gives named objects damaged; what is stored stays as it is.
pub struct CorruptStore {
    inner: Arc<dyn Store>,
    damages: Mutex<HashMap<String, Damage>>,
}

impl CorruptStore {
    /// Passes everything on until something is damaged.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        CorruptStore { inner, damages: Mutex::default() }
    }

    /// Damages an object from now on, in place of an earlier damage.
    pub fn damage(&self, name: &str, damage: Damage) {
        self.damages.lock().unwrap().insert(name.into(), damage);
    }

    /// Gives two objects each under the other's name.
    pub fn swap(&self, one: &str, two: &str) {
        self.damage(one, Damage::ReadAs(two.into()));
        self.damage(two, Damage::ReadAs(one.into()));
    }

    /// Everything as it is stored.
    pub fn heal(&self) {
        self.damages.lock().unwrap().clear();
    }

    fn damage_of(&self, name: &str) -> Option<Damage> {
        self.damages.lock().unwrap().get(name).cloned()
    }
}

#[async_trait::async_trait]
impl Store for CorruptStore {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        self.inner.put(name, parts, mode).await
    }

    async fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        match self.damage_of(name) {
            None => self.inner.get(name).await,
            Some(Damage::Hide) => Err(StoreError::Missing { name: name.into(), store: self.describe() }),
            Some(Damage::ReadAs(other)) => self.inner.get(&other).await,
            Some(Damage::Truncate(bytes)) => {
                let mut whole = self.inner.get(name).await?;
                whole.truncate(bytes as usize);
                Ok(whole)
            }
            Some(Damage::FlipByte(place)) => {
                let mut whole = self.inner.get(name).await?.to_vec();
                let byte = whole.get_mut(place as usize).expect("the byte to damage is in the object");
                *byte ^= 1;
                Ok(whole.into())
            }
        }
    }

    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        if self.damage_of(name).is_none() {
            return self.inner.get_range(name, offset, length).await;
        }
        let whole = self.get(name).await?;
        let end = offset + length;
        if end > whole.len() as u64 {
            return Err(StoreError::Short { name: name.into(), store: self.describe(), offset, end });
        }
        Ok(whole.slice(offset as usize..end as usize))
    }

    async fn head(&self, name: &str) -> Result<StoredObject, StoreError> {
        let bytes = self.get(name).await?.len() as u64;
        Ok(StoredObject { bytes, ..self.inner.head(name).await? })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError> {
        let mut objects = Vec::new();
        for object in self.inner.list(prefix).await? {
            match self.damage_of(&object.name) {
                Some(Damage::Hide) => {}
                Some(_) => objects.push(self.head(&object.name).await?),
                None => objects.push(object),
            }
        }
        Ok(objects)
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

mod tests {
    use super::*;
    use myriad::store::MemoryStore;

    async fn put(store: &dyn Store, name: &str) -> Result<(), StoreError> {
        store.put(name, vec![Bytes::copy_from_slice(name.as_bytes())], PutMode::Create).await
    }

    #[tokio::test]
    async fn the_faulty_store_fails_at_the_chosen_write() {
        for (fault, expected) in [
            (Fault::None, [true, true, true, true]),
            (Fault::Write(2), [true, false, true, true]),
            (Fault::WritesFrom(3), [true, true, false, false]),
        ] {
            let store = FaultyStore::new(Arc::new(MemoryStore::new()), fault);
            for (name, works) in ["a", "b", "c", "d"].into_iter().zip(expected) {
                let result = put(&store, name).await;
                assert_eq!(result.is_ok(), works, "{fault:?} {name}");
                assert_eq!(store.get(name).await.is_ok(), works);
                if let Err(error) = result {
                    assert!(error.to_string().contains("No space left"), "{error}");
                }
            }
            assert_eq!(store.writes(), 4);
        }
    }

    #[tokio::test]
    async fn the_order_store_knows_a_manifest_that_is_last() {
        let store = OrderStore::new(Arc::new(MemoryStore::new()));
        put(&store, "objects/a").await.unwrap();
        put(&store, "backups/shop/1").await.unwrap();
        store.assert_manifest_last();
        store.delete("objects/a").await.unwrap();
        assert_eq!(store.changes().last(), Some(&Change::Delete("objects/a".into())));
    }

    #[tokio::test]
    #[should_panic(expected = "the manifest is written last")]
    async fn the_order_store_knows_a_manifest_that_is_early() {
        let store = OrderStore::new(Arc::new(MemoryStore::new()));
        put(&store, "backups/shop/1").await.unwrap();
        put(&store, "objects/a").await.unwrap();
        store.assert_manifest_last();
    }

    #[tokio::test]
    #[should_panic(expected = "is stored before the manifest")]
    async fn the_order_store_knows_an_object_that_failed() {
        let faulty = FaultyStore::new(Arc::new(MemoryStore::new()), Fault::Write(1));
        let store = OrderStore::new(Arc::new(faulty));
        put(&store, "objects/a").await.unwrap_err();
        put(&store, "backups/shop/1").await.unwrap();
        store.assert_manifest_last();
    }

    #[tokio::test]
    async fn the_corrupt_store_damages_what_is_read() {
        let store = CorruptStore::new(Arc::new(MemoryStore::new()));
        put(&store, "one").await.unwrap();
        put(&store, "three").await.unwrap();
        let is = async |name: &str, text: &str| {
            assert_eq!(store.get(name).await.unwrap(), text);
            assert_eq!(store.head(name).await.unwrap().bytes, text.len() as u64);
            assert_eq!(store.get_range(name, 1, 1).await.unwrap(), text[1..2]);
        };
        store.damage("one", Damage::FlipByte(1));
        is("one", "ooe").await;
        store.damage("one", Damage::Truncate(2));
        is("one", "on").await;
        assert!(matches!(store.get_range("one", 0, 3).await, Err(StoreError::Short { .. })));
        assert_eq!(store.list("").await.unwrap().iter().map(|object| object.bytes).sum::<u64>(), 7);
        store.swap("one", "three");
        is("one", "three").await;
        is("three", "one").await;
        store.damage("one", Damage::Hide);
        assert!(matches!(store.head("one").await, Err(StoreError::Missing { .. })));
        assert_eq!(store.list("").await.unwrap().len(), 1);
        store.heal();
        is("one", "one").await;
    }
}
