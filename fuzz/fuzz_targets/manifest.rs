//! Any bytes where a repository has its own records: as a document, a marker, a manifest, the lines of a part, a frame.
//! Nothing panics; what is taken is written and read again to the same; chunk lists are checked as `verify` does, and a
//! definition that is taken can be selected, loaded and cut. The first byte of the input chooses.

#![no_main]

use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;
use myriad::codec::frame::{self, ContentId, ObjectId, PART_VERSION, Sealer};
use myriad::codec::{ROW_TEXT_VERSION, RowLayout, layout::key_id, typed};
use myriad::manifest::model::{ListLine, Marker, SchemaLine, TableDefinition, manifest_name, object_name};
use myriad::manifest::parts::read_part;
use myriad::manifest::{Manifest, Part, Place, Repository, document};
use myriad::schema::readable;
use myriad::store::{MemoryStore, PutMode, Store};
use myriad::verify::repository::Named;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A frame may declare any size; more than this is not unpacked here, since it would only be memory.
const FRAME_BYTES_MAX: u64 = 1 << 20;

const MARKER: &str = include_str!("../seeds/manifest/marker");
const MANIFEST: &str = include_str!("../seeds/manifest/manifest");

fuzz_target!(|data: &[u8]| {
    let Some((&what, bytes)) = data.split_first() else { return };
    match what % 6 {
        0 => drop(document::open(bytes)),
        1 => marker(bytes),
        2 => manifest(bytes),
        3 => definitions(bytes),
        4 => lists(bytes),
        _ => frame(bytes),
    }
});

/// A document with its hash made right, so that what is behind the hash is reached.
fn sealed(json: &[u8]) -> Vec<u8> {
    let mut bytes = json.to_vec();
    bytes.retain(|byte| *byte != b'\n');
    bytes.push(b'\n');
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.extend_from_slice(format!("\"sha256:{hash}\"\n").as_bytes());
    bytes
}

/// The JSON of a seed: what stands behind the byte that chooses.
fn seed(text: &str) -> &[u8] {
    text[1..].trim_end().as_bytes()
}

fn put(store: &MemoryStore, name: &str, bytes: Vec<u8>) {
    block_on(store.put(name, vec![bytes.into()], PutMode::Create)).expect("a new name in an empty store");
}

fn repository(store: MemoryStore) -> Repository {
    put(&store, "myriad.json", sealed(seed(MARKER)));
    block_on(Repository::open(Arc::new(store))).expect("the seed is a marker")
}

fn marker(bytes: &[u8]) {
    let store = MemoryStore::new();
    put(&store, "myriad.json", sealed(bytes));
    if let Ok(repository) = block_on(Repository::open(Arc::new(store))) {
        let (again, _) = document::open(&document::seal(&repository.marker).0).expect("a document");
        assert_eq!(document::decode::<Marker>(again), Ok(repository.marker));
    }
}

fn manifest(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, id) = (text("name"), text("id"));
    let store = MemoryStore::new();
    let object = manifest_name(&name, &id);
    if block_on(store.put(&object, vec![sealed(bytes).into()], PutMode::Create)).is_err() {
        return;
    }
    let repository = repository(store);
    let Ok(found) = block_on(repository.manifest(&name, &id)) else { return };
    let (again, _) = document::open(&document::seal(&found.manifest).0).expect("a document");
    assert_eq!(document::decode::<Manifest>(again), Ok(found.manifest.clone()));
    block_on(Named::default().add(&repository, &found.manifest));
}

/// A repository with a part of these lines, and where it is.
fn with_part(lines: &[u8]) -> (Repository, Part) {
    let packed = Sealer::new(1).and_then(|mut sealer| sealer.seal(lines, "lines")).expect("zstd packs anything");
    let object = ObjectId(Sha256::digest(&packed).into());
    let place = Place { object, offset: 0, length: packed.len() as u64 };
    let part = Part { place, bytes: lines.len() as u64, content: frame::content_id(lines, &[], PART_VERSION) };
    let store = MemoryStore::new();
    put(&store, &object_name(&object), packed);
    (repository(store), part)
}

fn definitions(lines: &[u8]) {
    let (repository, part) = with_part(lines);
    let Ok(records) = block_on(read_part::<SchemaLine>(&repository, &part)) else { return };
    for record in records {
        let again = serde_json::to_vec(&record).expect("records serialise");
        assert_eq!(serde_json::from_slice::<SchemaLine>(&again).ok().as_ref(), Some(&record));
        if let SchemaLine::Table(TableDefinition { table, .. }) = record {
            if table.check().is_ok() {
                let layout = RowLayout::of(&table);
                layout.load_statement(&table.name.sql(), "FILE");
                layout.select_list();
                key_id(table.range_key.as_ref(), &table.columns, &table.partitions);
            }
        }
    }
}

fn lists(lines: &[u8]) {
    let (repository, part) = with_part(lines);
    let value = serde_json::from_slice(seed(MANIFEST)).expect("the seed is JSON");
    let mut manifest: Manifest = document::decode(value).expect("the seed is a manifest");
    (manifest.schemas, manifest.lists) = (Vec::new(), vec![part]);
    block_on(Named::default().add(&repository, &manifest));
    let Ok(records) = block_on(read_part::<ListLine>(&repository, &manifest.lists[0])) else { return };
    let table = two_columns();
    let key = table.range_key.as_ref().expect("it has one");
    for record in records {
        let again = serde_json::to_vec(&record).expect("records serialise");
        assert_eq!(serde_json::from_slice::<ListLine>(&again).ok().as_ref(), Some(&record));
        if let ListLine::Chunk(chunk) = record {
            if let Some(range) = chunk.range.filter(|range| key.takes(range)) {
                key.condition(&range, &table.columns);
                readable::range(&range, key, &table.columns);
            }
        }
    }
}

fn two_columns() -> myriad::schema::Table {
    use myriad::schema::{Column, ColumnKind, KeyColumn, QualifiedName, RangeKey, Table};
    let columns = vec![Column::new("a", ColumnKind::Float), Column::new("b", ColumnKind::Text)];
    let part = |name: &str, column| KeyColumn { name: name.into(), column, descending: column == 1 };
    let key = RangeKey { index: "PRIMARY".into(), columns: vec![part("a", 0), part("b", 1)] };
    Table { range_key: Some(key), ..Table::of_columns(QualifiedName::new("s", "t"), columns) }
}

/// Eight bytes are the recorded size, the rest is a frame; then all of it as what is sealed, in one frame and in two.
fn frame(bytes: &[u8]) {
    let Some((size, packed)) = bytes.split_first_chunk::<8>() else { return };
    let size = u64::from_le_bytes(*size);
    let nothing = ContentId([0; 32]);
    if size <= FRAME_BYTES_MAX {
        assert!(frame::open(packed, size, nothing, "a frame").is_err(), "a content id was found");
        assert!(frame::open_chunk(packed, size, Some(size / 2), nothing, "a chunk").is_err(), "a content id was found");
    }
    let _ = typed::parse_list(packed);
    let seal = |bytes: &[u8]| Sealer::new(1).and_then(|mut sealer| sealer.seal(bytes, "bytes")).expect("zstd packs anything");
    let opened = frame::open(&seal(bytes), bytes.len() as u64, frame::content_id(bytes, &[], PART_VERSION), "bytes");
    assert_eq!(opened.ok().as_deref(), Some(bytes));
    let (sizes, content) = ((packed.len() as u64, 8), frame::content_id(packed, &bytes[..8], ROW_TEXT_VERSION));
    let frames = [seal(packed), seal(&bytes[..8])].concat();
    let opened = frame::open_chunk(&frames, sizes.0, Some(sizes.1), content, "a chunk");
    assert_eq!(opened.ok(), Some((packed.to_vec(), bytes[..8].to_vec())));
}
