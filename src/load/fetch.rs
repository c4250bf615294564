//! Chunks out of the repository: fetched, unpacked and checked on threads of their own, within a bound of bytes.

use super::error::LoadError;
use crate::codec::{ROW_TEXT_VERSION, frame};
use crate::manifest::model::{self, ChunkRecord};
use crate::manifest::{ManifestError, Repository};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// The semaphore counts in units of this many bytes, since it counts in 32 bits.
const UNIT_BYTES: usize = 64 << 10;

/// Fetches chunks.
pub struct Fetcher {
    repository: Repository,
    memory: Arc<Semaphore>,
    units: u32,
}

/// A chunk's row text, checked; its memory is given back when it is dropped.
pub struct RowText {
    /// The row text.
    pub text: Bytes,
    _memory: OwnedSemaphorePermit,
}

impl Fetcher {
    /// A fetcher that holds at most `memory_bytes` of chunks.
    pub fn new(repository: Repository, memory_bytes: usize) -> Fetcher {
        let units = (memory_bytes / UNIT_BYTES).clamp(1, 1 << 28) as u32;
        Fetcher { repository, memory: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// Begins to fetch a chunk. One that is larger than the whole bound waits until it is alone.
    pub fn fetch(self: &Arc<Self>, chunk: &ChunkRecord) -> JoinHandle<Result<RowText, LoadError>> {
        let (fetcher, chunk) = (self.clone(), chunk.clone());
        tokio::spawn(async move {
            let bytes = chunk.bytes + chunk.place.map_or(0, |place| place.length);
            let units = (bytes as usize).div_ceil(UNIT_BYTES).min(fetcher.units as usize) as u32;
            let memory = fetcher.memory.clone().acquire_many_owned(units).await.expect("the semaphore is never closed");
            let text = read_chunk(&fetcher.repository, &chunk).await?;
            Ok(RowText { text, _memory: memory })
        })
    }
}

/// Reads one chunk's row text: fetched, unpacked, its content id checked.
pub async fn read_chunk(repository: &Repository, chunk: &ChunkRecord) -> Result<Bytes, ManifestError> {
    let Some(place) = chunk.place else { return Ok(Bytes::new()) };
    let object = model::object_name(&place.object);
    let packed = repository.store.get_range(&object, place.offset, place.length).await?;
    let (bytes, content) = (chunk.bytes, chunk.content);
    let what = format!("the chunk at byte {} of {object}", place.offset);
    let text = tokio::task::spawn_blocking(move || frame::open(&packed, bytes, content, ROW_TEXT_VERSION, &what))
        .await
        .expect("opening a frame does not panic")?;
    Ok(text.into())
}
