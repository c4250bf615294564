//! The repository by itself: every object that a backup names is read once, its SHA-256 compared with its name, every
//! frame in it opened and its content id compared, and the ranges of every table are seen to close on each other.

use super::error::VerifyError;
use crate::codec::RowDigest;
use crate::codec::frame::{self, ContentId, ObjectId};
use crate::limits;
use crate::manifest::model::{self, ChunkRecord, ListLine, Manifest, Part, Place, SchemaLine, TableRecord};
use crate::manifest::parts::read_part;
use crate::manifest::{ManifestError, Repository};
use crate::progress::{Progress, Stop};
use crate::schema::{Bound, vet};
use bytes::Bytes;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What was found in the repository.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Inventory {
    /// Backups whose manifest and lists were read.
    pub backups: u64,
    /// Objects read.
    pub objects: u64,
    /// Frames opened.
    pub frames: u64,
    /// Stored bytes read.
    pub stored_bytes: u64,
    /// What is wrong, one line each, naming the object.
    pub damage: Vec<String>,
    /// Records whose bytes are as they were written and which a restore would not run, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

impl Inventory {
    /// True where nothing is wrong.
    pub fn sound(&self) -> bool {
        self.damage.is_empty() && self.refused.is_empty()
    }
}

/// A frame that a backup names.
struct Frame {
    offset: u64,
    length: u64,
    bytes: u64,
    content: ContentId,
    kind: FrameKind,
    /// What stands in it, for people.
    holds: Box<str>,
}

#[derive(Clone, Copy)]
enum FrameKind {
    Part,
    /// Row text, and behind it, where it has so many bytes, the typed list.
    Chunk {
        typed_bytes: Option<u64>,
    },
}

/// Characters of a range in a message: the values of a key may be long, and every frame has one.
const RANGE_CHARS_MAX: usize = 120;

impl Frame {
    fn chunk(chunk: &ChunkRecord, place: &Place, table: Option<&TableRecord>) -> Frame {
        let table = table.map(|table| format!("{}.{}", table.schema, table.name)).unwrap_or_default();
        let range = chunk.range.as_ref().map_or(format!("chunk {}", chunk.n), |range| range.to_string());
        let range: String = range.chars().take(RANGE_CHARS_MAX).collect();
        Frame {
            offset: place.offset,
            length: place.length,
            bytes: chunk.bytes,
            content: chunk.content,
            kind: FrameKind::Chunk { typed_bytes: chunk.typed.map(|typed| typed.bytes) },
            holds: format!("table {table}, rows {range}").into(),
        }
    }

    fn part(part: &Part, holds: &str) -> Frame {
        let (place, bytes, content) = (part.place, part.bytes, part.content);
        let (offset, length) = (place.offset, place.length);
        Frame { offset, length, bytes, content, kind: FrameKind::Part, holds: holds.into() }
    }

    /// The frame for people: `the frame at byte 0 of object objects/ab/… (table shop.orders, rows (start .. 9])`.
    fn describe(&self, object: &str) -> String {
        format!("the frame at byte {} of object {object} ({})", self.offset, self.holds)
    }

    fn unpacked_bytes(&self) -> u64 {
        match self.kind {
            FrameKind::Chunk { typed_bytes: Some(typed) } => self.bytes + typed,
            _ => self.bytes,
        }
    }
}

/// The frames of all backups by object, and what was wrong with the lists.
#[derive(Default)]
pub struct Named {
    objects: HashMap<ObjectId, BTreeMap<u64, Frame>>,
    inventory: Inventory,
}

impl Named {
    /// Adds what one backup names. Lists that cannot be read are damage, not an end.
    pub async fn add(&mut self, repository: &Repository, manifest: &Manifest) {
        self.inventory.backups += 1;
        let kinds =
            [("definitions", &manifest.schemas), ("chunk lists", &manifest.lists), ("users", &manifest.accounts)];
        for (kind, parts) in kinds {
            let holds = format!("{kind} of backup {}", manifest.id);
            for part in parts {
                let frame = Frame::part(part, &holds);
                self.objects.entry(part.place.object).or_default().insert(part.place.offset, frame);
            }
        }
        for part in &manifest.schemas {
            self.definitions(&manifest.id, read_part::<SchemaLine>(repository, part).await);
        }
        let mut table: Option<(TableRecord, Vec<ChunkRecord>)> = None;
        for part in &manifest.lists {
            let lines = match read_part::<ListLine>(repository, part).await {
                Ok(lines) => lines,
                Err(error) => {
                    self.inventory.damage.push(format!("backup {}: {error}", manifest.id));
                    return;
                }
            };
            for line in lines {
                match line {
                    ListLine::Chunk(chunk) => {
                        if let Some(place) = chunk.frames() {
                            let frame = Frame::chunk(&chunk, &place, table.as_ref().map(|(record, _)| record));
                            self.objects.entry(place.object).or_default().insert(place.offset, frame);
                        }
                        if let Some((_, chunks)) = &mut table {
                            chunks.push(chunk);
                        }
                    }
                    ListLine::Table(record) => {
                        if table.as_ref().is_some_and(|(current, _)| *current == record) {
                            continue;
                        }
                        self.close(&manifest.id, table.take());
                        table = Some((record, Vec::new()));
                    }
                }
            }
        }
        self.close(&manifest.id, table);
    }

    /// Notes the definitions that a restore would not run.
    fn definitions(&mut self, id: &str, lines: Result<Vec<SchemaLine>, ManifestError>) {
        let lines = match lines {
            Ok(lines) => lines,
            // Found again, and named, when the part's object is read.
            Err(ManifestError::Store(_) | ManifestError::Frame(_)) => return,
            Err(error) => return self.inventory.damage.push(format!("backup {id}: {error}")),
        };
        for line in lines {
            let (name, vetted) = match line {
                SchemaLine::Schema(record) => {
                    (format!("schema {}", record.name), vet::schema(&record.name, &record.create.0))
                }
                SchemaLine::Table(definition) => {
                    (format!("table {}", definition.table.name), vet::table(&definition.table))
                }
                SchemaLine::Object(object) => {
                    (format!("{} {}", object.kind, object.name), vet::object(&object, &object.name.schema))
                }
            };
            self.inventory.refused.extend(vetted.err().map(|why| format!("backup {id}: {name}: {why}")));
        }
    }

    /// Notes a backup whose manifest cannot be read.
    pub fn damaged(&mut self, what: String) {
        self.inventory.backups += 1;
        self.inventory.damage.push(what);
    }

    /// A table's chunks must be all there, add up, and close on each other.
    fn close(&mut self, id: &str, table: Option<(TableRecord, Vec<ChunkRecord>)>) {
        let Some((record, chunks)) = table else { return };
        let mut digest = RowDigest::default();
        chunks.iter().for_each(|chunk| digest.add(chunk.digest));
        let rows: u64 = chunks.iter().map(|chunk| chunk.rows).sum();
        let mut wrong = Vec::new();
        if chunks.len() as u64 != record.chunks || rows != record.rows || digest != record.digest {
            wrong.push("its chunks do not add up to it");
        }
        if !ranges_close(&chunks) {
            wrong.push("its ranges do not close on each other");
        }
        for what in wrong {
            self.inventory.damage.push(format!("backup {id}: table {}.{}: {what}", record.schema, record.name));
        }
    }

    /// Bytes of memory that checking one object takes at most: the object and its largest frame, unpacked.
    pub fn object_memory_bytes(&self) -> u64 {
        let of_object = |frames: &BTreeMap<u64, Frame>| {
            let stored = frames.values().map(|frame| frame.offset + frame.length).max().unwrap_or(0);
            stored + frames.values().map(Frame::unpacked_bytes).max().unwrap_or(0)
        };
        self.objects.values().map(of_object).max().unwrap_or(0)
    }

    /// Stored bytes that will be read.
    pub fn stored_bytes(&self) -> u64 {
        self.objects.values().flat_map(|frames| frames.values()).map(|frame| frame.length).sum()
    }
}

/// Ranges of a table with a key: open below at the start of each partition, open above at its end, each beginning
/// where the one before ended.
fn ranges_close(chunks: &[ChunkRecord]) -> bool {
    let mut at: Option<Option<Bound>> = None;
    let mut partition = None;
    for chunk in chunks {
        let Some(range) = &chunk.range else { return chunks.iter().all(|chunk| chunk.range.is_none()) };
        if at.is_none() || partition != chunk.partition {
            if at.is_some_and(|end| end.is_some()) || range.lo.is_some() {
                return false;
            }
            partition = chunk.partition.clone();
        } else if at.is_none_or(|end| end.is_none() || end != range.lo) {
            return false;
        }
        at = Some(range.hi.clone());
    }
    at.is_none_or(|end| end.is_none())
}

/// Reads all objects, `workers` at a time.
pub async fn read_all(
    repository: &Repository,
    named: Named,
    workers: usize,
    progress: &Arc<dyn Progress>,
    stop: &Stop,
) -> Result<Inventory, VerifyError> {
    let Named { objects, mut inventory } = named;
    let mut results = futures::stream::iter(objects)
        .map(|(object, frames)| {
            let (repository, progress, stop) = (repository.clone(), progress.clone(), stop.clone());
            tokio::spawn(async move {
                if stop.stopped() {
                    return Err(VerifyError::Interrupted);
                }
                let name = model::object_name(&object);
                let bytes = match repository.store.get_bounded(&name, limits::OBJECT_BYTES_MAX).await {
                    Ok(bytes) => bytes,
                    Err(error) => return Ok((0, 0, unread(&name, error.to_string(), &frames))),
                };
                let stored = bytes.len() as u64;
                let opened = frames.len() as u64;
                let damage = tokio::task::spawn_blocking(move || check(object, &name, &bytes, frames))
                    .await
                    .expect("checking an object does not panic");
                progress.add(0, stored);
                Ok((stored, opened, damage))
            })
        })
        .buffer_unordered(workers.max(1));
    while let Some(result) = results.next().await {
        let (stored, opened, damage) = result.expect("checking an object does not panic")?;
        inventory.objects += 1;
        inventory.frames += opened;
        inventory.stored_bytes += stored;
        inventory.damage.extend(damage);
    }
    inventory.damage.sort();
    Ok(inventory)
}

/// An object that could not be read, and what is missing with it.
fn unread(name: &str, error: String, frames: &BTreeMap<u64, Frame>) -> Vec<String> {
    let without = frames.values().map(|frame| format!("{} cannot be read", frame.describe(name)));
    std::iter::once(error).chain(without).collect()
}

/// What is wrong with one object.
fn check(object: ObjectId, name: &str, bytes: &Bytes, frames: BTreeMap<u64, Frame>) -> Vec<String> {
    let mut damage = Vec::new();
    if Sha256::digest(bytes).as_slice() != object.0 {
        damage.push(format!("object {name} is damaged: its bytes are not those it is named for"));
    }
    for frame in frames.into_values() {
        let what = frame.describe(name);
        let span = frame.offset as usize..(frame.offset + frame.length) as usize;
        match bytes.get(span) {
            None => damage.push(format!("{what} is missing: the object ends before")),
            Some(packed) => {
                let opened = match frame.kind {
                    FrameKind::Part => frame::open(packed, frame.bytes, frame.content, &what).map(drop),
                    FrameKind::Chunk { typed_bytes } => {
                        frame::open_chunk(packed, frame.bytes, typed_bytes, frame.content, &what).map(drop)
                    }
                };
                if let Err(error) = opened {
                    damage.push(error.to_string());
                }
            }
        }
    }
    damage
}
