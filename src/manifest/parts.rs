//! Parts: JSON lines in frames of bounded size, for definitions and chunk lists. Writing collects lines until a part is
//! full; reading opens one part at a time, checked.

use super::condemned::Names as Condemned;
use super::error::ManifestError;
use super::model::{self, Line, Part, Place};
use super::object;
use super::repository::Repository;
use crate::codec::frame::{self, ContentId, Sealer};
use crate::limits;
use crate::store::Store;
use serde::Serialize;
use std::sync::Arc;

/// Collects lines into the parts of one object after another.
pub struct PartWriter {
    condemned: Arc<Condemned>,
    sealer: Sealer,
    lines: Vec<u8>,
    frames: Vec<(Vec<u8>, u64, ContentId)>,
    parts: Vec<Part>,
    bytes: u64,
}

impl PartWriter {
    /// An empty writer of objects under names that are not `condemned`.
    pub fn new(condemned: Arc<Condemned>) -> Result<PartWriter, ManifestError> {
        // Parts are small beside the rows; level 3 makes them a third smaller than level 1.
        let sealer = Sealer::new(3)?;
        Ok(PartWriter { condemned, sealer, lines: Vec::new(), frames: Vec::new(), parts: Vec::new(), bytes: 0 })
    }

    /// Adds a line. True where it filled a part, so that the caller may repeat a heading in the next one.
    pub async fn add<T: Serialize>(&mut self, line: &T, store: &dyn Store) -> Result<bool, ManifestError> {
        let before = self.lines.len();
        serde_json::to_writer(&mut self.lines, line).expect("records serialise");
        self.lines.push(b'\n');
        if self.lines.len() as u64 > limits::PART_BYTES_MAX {
            return Err(ManifestError::LineTooLong { bytes: (self.lines.len() - before) as u64 });
        }
        if self.lines.len() < limits::PART_BYTES {
            return Ok(false);
        }
        self.seal_part()?;
        if self.frames.iter().map(|(frame, ..)| frame.len()).sum::<usize>() >= limits::OBJECT_BYTES {
            self.put_object(store).await?;
        }
        Ok(true)
    }

    /// Stores what is left and gives all parts in order, and the bytes stored for them.
    pub async fn finish(mut self, store: &dyn Store) -> Result<(Vec<Part>, u64), ManifestError> {
        if !self.lines.is_empty() {
            self.seal_part()?;
        }
        self.put_object(store).await?;
        Ok((self.parts, self.bytes))
    }

    fn seal_part(&mut self) -> Result<(), ManifestError> {
        let frame = self.sealer.seal(&self.lines, "a part")?;
        self.frames.push((frame, self.lines.len() as u64, frame::content_id(&self.lines, &[], frame::PART_VERSION)));
        self.lines.clear();
        Ok(())
    }

    async fn put_object(&mut self, store: &dyn Store) -> Result<(), ManifestError> {
        if self.frames.is_empty() {
            return Ok(());
        }
        let mut offset = 0;
        let (mut frames, mut places) = (Vec::new(), Vec::new());
        for (frame, unpacked, content) in self.frames.drain(..) {
            let length = frame.len() as u64;
            places.push((offset, length, unpacked, content));
            offset += length;
            frames.push(frame.into());
        }
        self.bytes += offset;
        let object = object::put(store, frames, &self.condemned).await?;
        let part = |(offset, length, bytes, content)| Part { place: Place { object, offset, length }, bytes, content };
        self.parts.extend(places.into_iter().map(part));
        Ok(())
    }
}

/// Reads the lines of one part, each checked by itself.
pub async fn read_part<T: Line>(repository: &Repository, part: &Part) -> Result<Vec<T>, ManifestError> {
    let object = model::object_name(&part.place.object);
    let damaged = |why: String| ManifestError::Damaged {
        name: object.clone(),
        place: repository.place(),
        why: format!("a line of the part at {} is not as it should be: {why}", part.place.offset),
    };
    part.check().map_err(damaged)?;
    let frame = repository.store.get_range(&object, part.place.offset, part.place.length).await?;
    let what = format!("a part in object {object} at {}", part.place.offset);
    let lines = frame::open(&frame, part.bytes, part.content, &what)?;
    let mut records = Vec::new();
    for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let record: T = serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
        record.check().map_err(damaged)?;
        records.push(record);
    }
    Ok(records)
}
