//! What the repository knows of a source already: where content is stored, and how each table was cut last time.

use super::condemned::Names as Condemned;
use super::error::ManifestError;
use super::model::{ChunkRecord, ListLine, Place, TypedList};
use super::object;
use super::parts::read_part;
use super::repository::{Found, Repository};
use crate::codec::frame::ContentId;
use crate::schema::QualifiedName;
use std::collections::{HashMap, HashSet};

/// How many of a source's newest backups are searched for content. Older ones add little: what both of these
/// lack has usually changed for good.
const BACKUPS_SEARCHED: usize = 2;

/// A table's chunks in an earlier backup.
#[derive(Clone, Debug, Default)]
pub struct TableCuts {
    /// Names the key and partitions that the cuts depend on.
    pub key_id: String,
    /// The chunks in order.
    pub chunks: Vec<ChunkRecord>,
}

/// Where a chunk's content is stored.
#[derive(Clone, Copy, Debug)]
pub struct KnownChunk {
    /// Its row text.
    pub place: Place,
    /// Its typed list.
    pub typed: Option<TypedList>,
}

/// What earlier backups of the same source hold.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Where content is stored.
    pub places: HashMap<ContentId, KnownChunk>,
    /// Cuts of the newest backup.
    pub cuts: HashMap<QualifiedName, TableCuts>,
}

/// Reads the chunk lists of the newest backups, `found` being newest first. What stands in objects that are `condemned`
/// or missing is not known, and so is stored again.
pub async fn load(repository: &Repository, found: &[Found], condemned: &Condemned) -> Result<Known, ManifestError> {
    let mut known = Known::default();
    for (age, backup) in found.iter().take(BACKUPS_SEARCHED).enumerate() {
        let mut table = None;
        for part in &backup.manifest.lists {
            for line in read_part::<ListLine>(repository, part).await? {
                match line {
                    ListLine::Table(record) => {
                        let name = QualifiedName::new(record.schema, record.name);
                        known.cuts_of(age, &name, &record.key_id);
                        table = Some(name);
                    }
                    ListLine::Chunk(chunk) => known.add(age, table.as_ref(), chunk),
                }
            }
        }
    }
    let mut objects: HashSet<_> = known.places.values().map(|chunk| chunk.place.object).collect();
    objects.retain(|object| !condemned.contains(object));
    for missing in object::missing(repository.store.as_ref(), &objects).await? {
        objects.remove(&missing);
    }
    known.places.retain(|_, chunk| objects.contains(&chunk.place.object));
    Ok(known)
}

impl Known {
    fn cuts_of(&mut self, age: usize, name: &QualifiedName, key_id: &str) {
        if age == 0 {
            self.cuts
                .entry(name.clone())
                .or_insert_with(|| TableCuts { key_id: key_id.to_owned(), chunks: Vec::new() });
        }
    }

    fn add(&mut self, age: usize, table: Option<&QualifiedName>, chunk: ChunkRecord) {
        if let Some(place) = chunk.place {
            self.places.entry(chunk.content).or_insert(KnownChunk { place, typed: chunk.typed });
        }
        if age == 0 {
            if let Some(cuts) = table.and_then(|name| self.cuts.get_mut(name)) {
                cuts.chunks.push(chunk);
            }
        }
    }
}
