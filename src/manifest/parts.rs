//! Parts: JSON lines in frames of bounded size, for definitions and chunk lists. Writing collects lines until a part is
//! full; reading opens one part at a time, checked.

use super::error::ManifestError;
use super::model::{self, Line, Part, Place};
use super::repository::Repository;
use crate::codec::frame::{self, ContentId, ObjectId, Sealer};
use crate::limits;
use crate::store::{PutMode, Store};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Collects lines into the parts of one object after another.
pub struct PartWriter {
    sealer: Sealer,
    lines: Vec<u8>,
    frames: Vec<(Vec<u8>, u64, ContentId)>,
    parts: Vec<Part>,
    bytes: u64,
}

impl PartWriter {
    /// An empty writer.
    pub fn new() -> Result<PartWriter, ManifestError> {
        // Parts are small beside the rows; level 3 makes them a third smaller than level 1.
        let sealer = Sealer::new(3)?;
        Ok(PartWriter { sealer, lines: Vec::new(), frames: Vec::new(), parts: Vec::new(), bytes: 0 })
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
        let mut hasher = Sha256::new();
        self.frames.iter().for_each(|(frame, ..)| hasher.update(frame));
        let object = ObjectId(hasher.finalize().into());
        let mut offset = 0;
        let mut bytes = Vec::with_capacity(self.frames.len());
        for (frame, unpacked, content) in self.frames.drain(..) {
            let length = frame.len() as u64;
            self.parts.push(Part { place: Place { object, offset, length }, bytes: unpacked, content });
            offset += length;
            bytes.push(frame.into());
        }
        self.bytes += offset;
        store.put(&model::object_name(&object), bytes, PutMode::Overwrite).await?;
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
