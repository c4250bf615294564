//! Chunks out of the repository: fetched, unpacked and checked on threads of their own, within a bound of bytes.

use super::error::LoadError;
use crate::codec::frame;
use crate::codec::typed::{self, ListedValue};
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

/// A chunk's rows, checked; their memory is given back when they are dropped.
pub struct RowText {
    /// The row text.
    pub text: Bytes,
    /// Values of JSON documents whose type the text does not carry.
    pub typed: Vec<ListedValue>,
    _memory: OwnedSemaphorePermit,
}

impl Fetcher {
    /// A fetcher that holds at most `memory_bytes` of chunks.
    pub fn new(repository: Repository, memory_bytes: usize) -> Fetcher {
        let units = (memory_bytes / UNIT_BYTES).clamp(1, 1 << 28) as u32;
        Fetcher { repository, memory: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// An object that is missing is damage; a repository that is gone is another thing, and meets every table.
    pub async fn check_repository(&self) -> Result<(), LoadError> {
        Repository::open(self.repository.store.clone()).await?;
        Ok(())
    }

    /// Begins to fetch a chunk. One that is larger than the whole bound waits until it is alone.
    pub fn fetch(self: &Arc<Self>, chunk: &ChunkRecord) -> JoinHandle<Result<RowText, LoadError>> {
        let (fetcher, chunk) = (self.clone(), chunk.clone());
        tokio::spawn(async move {
            let bytes = chunk.loading_bytes();
            let units = (bytes as usize).div_ceil(UNIT_BYTES).min(fetcher.units as usize) as u32;
            let memory = fetcher.memory.clone().acquire_many_owned(units).await.expect("the semaphore is never closed");
            let (text, typed) = read_chunk(&fetcher.repository, &chunk).await?;
            Ok(RowText { text, typed, _memory: memory })
        })
    }
}

/// Reads one chunk: fetched, unpacked, its content id and the number of its rows checked.
pub async fn read_chunk(
    repository: &Repository,
    chunk: &ChunkRecord,
) -> Result<(Bytes, Vec<ListedValue>), ManifestError> {
    let Some(place) = chunk.frames() else { return Ok((Bytes::new(), Vec::new())) };
    let object = model::object_name(&place.object);
    let packed = repository.store.get_range(&object, place.offset, place.length).await?;
    let (bytes, rows) = (chunk.bytes, chunk.rows);
    let (typed, content) = (chunk.typed.map(|typed| typed.bytes), chunk.content);
    let what = format!("the chunk at byte {} of {object}", place.offset);
    let opened = tokio::task::spawn_blocking(move || {
        let (text, typed_list) = frame::open_chunk(&packed, bytes, typed, content, &what)?;
        // Each row ends with a LF, and none stands elsewhere.
        let found = memchr::memchr_iter(b'\n', &text).count() as u64;
        if found != rows || !text.ends_with(b"\n") {
            return Err(frame::FrameError::Rows { what, expected: rows, found });
        }
        let typed = typed::parse_list(&typed_list).map_err(|_| frame::FrameError::Content { what })?;
        Ok::<_, frame::FrameError>((text.into(), typed))
    });
    Ok(opened.await.expect("opening a frame does not panic")?)
}
