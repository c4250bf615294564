//! A store in memory: for tests, and the plainest reading of the contract. Nothing survives the process.

use super::name::{checked, checked_prefix, is_below};
use super::{Notice, PutMode, Store, StoreError, StoredObject};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

/// Objects in a map.
#[derive(Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, (Bytes, SystemTime)>>,
    notices: Arc<Mutex<BTreeMap<String, Bytes>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, (Bytes, SystemTime)>> {
        self.objects.lock().expect("no code that holds the map can panic")
    }
}

#[async_trait::async_trait]
impl Store for MemoryStore {
    fn describe(&self) -> String {
        "memory".to_string()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        checked(name, || self.describe())?;
        let bytes = Bytes::from(parts.concat());
        let mut objects = self.objects();
        if mode == PutMode::Create && objects.contains_key(name) {
            return Err(StoreError::Exists { name: name.to_string(), store: self.describe() });
        }
        objects.insert(name.to_string(), (bytes, SystemTime::now()));
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        checked(name, || self.describe())?;
        match self.objects().get(name) {
            Some((bytes, _)) => Ok(bytes.clone()),
            None => Err(StoreError::Missing { name: name.to_string(), store: self.describe() }),
        }
    }

    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        let bytes = self.get(name).await?;
        let end = offset.saturating_add(length);
        if end > bytes.len() as u64 {
            return Err(StoreError::Short { name: name.to_string(), store: self.describe(), offset, end });
        }
        Ok(bytes.slice(offset as usize..end as usize))
    }

    async fn head(&self, name: &str) -> Result<StoredObject, StoreError> {
        checked(name, || self.describe())?;
        match self.objects().get(name) {
            Some(object) => Ok(stored(name, object)),
            None => Err(StoreError::Missing { name: name.to_string(), store: self.describe() }),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError> {
        let prefix = checked_prefix(prefix, || self.describe())?;
        let objects = self.objects();
        Ok(objects
            .iter()
            .filter(|(name, _)| is_below(name, prefix))
            .map(|(name, object)| stored(name, object))
            .collect())
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        checked(name, || self.describe())?;
        self.objects().remove(name);
        Ok(())
    }

    async fn announce(&self, name: &str, text: Bytes) -> Result<Notice, StoreError> {
        let (notices, own) = (self.notices.clone(), name.to_string());
        notices.lock().expect("no code that holds the map can panic").insert(own.clone(), text);
        Ok(Notice::entry(move || {
            notices.lock().expect("no code that holds the map can panic").remove(&own);
        }))
    }

    async fn announced(&self, but: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        let notices = self.notices.lock().expect("no code that holds the map can panic");
        Ok(notices.iter().filter(|(name, _)| *name != but).map(|(n, text)| (n.clone(), text.clone())).collect())
    }
}

fn stored(name: &str, (bytes, modified): &(Bytes, SystemTime)) -> StoredObject {
    StoredObject { name: name.to_string(), bytes: bytes.len() as u64, modified: *modified }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn keeps_the_contract() {
        super::super::conformance::check(Arc::new(MemoryStore::new())).await;
    }
}
