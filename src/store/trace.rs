//! A store around a store that counts requests and bytes of each kind, for summaries and for tests that
//! bound them. It changes nothing and adds no request of its own.

use super::{Notice, PutMode, RequestCounts, Store, StoreError, StoredObject};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What went through a [`CountingStore`]. Failed requests count as requests, their bytes do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Calls of `put`.
    pub puts: u64,
    /// Bytes stored by `put`.
    pub put_bytes: u64,
    /// Calls of `get` and `get_range`.
    pub gets: u64,
    /// Bytes that `get` and `get_range` gave.
    pub get_bytes: u64,
    /// Calls of `head`.
    pub heads: u64,
    /// Calls of `list`.
    pub lists: u64,
    /// Calls of `delete`.
    pub deletes: u64,
}

/// Counts what goes to the store inside.
pub struct CountingStore {
    inner: Arc<dyn Store>,
    puts: AtomicU64,
    put_bytes: AtomicU64,
    gets: AtomicU64,
    get_bytes: AtomicU64,
    heads: AtomicU64,
    lists: AtomicU64,
    deletes: AtomicU64,
}

impl CountingStore {
    /// Counts from zero on.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        let zero = || AtomicU64::new(0);
        CountingStore {
            inner,
            puts: zero(),
            put_bytes: zero(),
            gets: zero(),
            get_bytes: zero(),
            heads: zero(),
            lists: zero(),
            deletes: zero(),
        }
    }

    /// The counts so far.
    pub fn counts(&self) -> StoreCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StoreCounts {
            puts: read(&self.puts),
            put_bytes: read(&self.put_bytes),
            gets: read(&self.gets),
            get_bytes: read(&self.get_bytes),
            heads: read(&self.heads),
            lists: read(&self.lists),
            deletes: read(&self.deletes),
        }
    }
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

#[async_trait::async_trait]
impl Store for CountingStore {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        add(&self.puts, 1);
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        self.inner.put(name, parts, mode).await?;
        add(&self.put_bytes, bytes);
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        add(&self.gets, 1);
        let bytes = self.inner.get(name).await?;
        add(&self.get_bytes, bytes.len() as u64);
        Ok(bytes)
    }

    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        add(&self.gets, 1);
        let bytes = self.inner.get_range(name, offset, length).await?;
        add(&self.get_bytes, bytes.len() as u64);
        Ok(bytes)
    }

    async fn head(&self, name: &str) -> Result<StoredObject, StoreError> {
        add(&self.heads, 1);
        self.inner.head(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError> {
        add(&self.lists, 1);
        self.inner.list(prefix).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        add(&self.deletes, 1);
        self.inner.delete(name).await
    }

    async fn announce(&self, name: &str, text: Bytes) -> Result<Notice, StoreError> {
        self.inner.announce(name, text).await
    }

    async fn announced(&self, but: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        self.inner.announced(but).await
    }

    fn requests(&self) -> Option<RequestCounts> {
        self.inner.requests()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn counts_requests_and_bytes() {
        let store = CountingStore::new(Arc::new(MemoryStore::new()));
        store.put("a", vec![Bytes::from_static(b"12"), Bytes::from_static(b"345")], PutMode::Create).await.unwrap();
        store.put("a", vec![Bytes::from_static(b"12345")], PutMode::Create).await.unwrap_err();
        store.get("a").await.unwrap();
        store.get_range("a", 1, 2).await.unwrap();
        store.head("a").await.unwrap();
        store.list("").await.unwrap();
        store.delete("a").await.unwrap();
        let expected = StoreCounts { puts: 2, put_bytes: 5, gets: 2, get_bytes: 7, heads: 1, lists: 1, deletes: 1 };
        assert_eq!(store.counts(), expected);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn keeps_the_contract() {
        super::super::conformance::check(Arc::new(CountingStore::new(Arc::new(MemoryStore::new())))).await;
    }
}
