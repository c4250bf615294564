//! What was read becomes the parts and the manifest of a backup.

use crate::codec::RowLayout;
use crate::codec::frame::ObjectId;
use crate::codec::layout::key_id;
use crate::codec::{ROW_DIGEST_VERSION, ROW_TEXT_VERSION, RowDigest};
use crate::command::options::BackupOptions;
use crate::dump::{Stored, TakenChunk, TakenTable};
use crate::error::Result;
use crate::manifest::Repository;
use crate::manifest::condemned::Names as Condemned;
use crate::manifest::model::{
    AccountLine, Asked, ChunkRecord, FORMAT, ListLine, Manifest, PARTS_VERSION, Part, Place, SchemaLine, SchemaRecord,
    TYPED_LIST_FEATURE, TableDefinition, TableRecord, Totals, Untyped, Versions, WIDE_ROW_BYTES,
};
use crate::manifest::pack::Places;
use crate::manifest::parts::PartWriter;
use crate::manifest::references::objects_of_parts;
use crate::position::{ConsistencyKind, Position, SourcePosition};
use crate::schema::Table;
use crate::server::facts::ServerFacts;
use crate::server::inspect::Inspected;
use jiff::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;

/// What was found out about the source and the snapshot.
pub(super) struct Recorded {
    pub facts: ServerFacts,
    pub position: Position,
    pub source_positions: Vec<SourcePosition>,
    pub consistency: ConsistencyKind,
}

/// A manifest that is ready to be committed.
pub(super) struct Written {
    pub manifest: Manifest,
    /// All objects that it names.
    pub objects: HashSet<ObjectId>,
    pub reused_chunks: u64,
}

/// What a backup is written under.
pub(super) struct Recording<'a> {
    pub repository: &'a Repository,
    pub options: &'a BackupOptions,
    pub name: &'a str,
    pub started: Timestamp,
    pub snapshot: Timestamp,
    /// Names that no object of it may have.
    pub condemned: Arc<Condemned>,
}

impl Recording<'_> {
    /// Stores the definitions and chunk lists, and makes the manifest that names them.
    pub async fn write(
        self,
        recorded: Recorded,
        inspected: &Inspected,
        tables: &[(&Table, &TakenTable)],
        places: &Places,
    ) -> Result<Written> {
        let Recording { repository, options, name, started, snapshot, .. } = self;
        let (schemas, schema_bytes) = self.write_definitions(inspected).await?;
        let mut lists = Lists::default();
        let writer = PartWriter::new(self.condemned.clone())?;
        let (parts, list_bytes) = lists.write(repository, writer, tables, places).await?;
        let (accounts, account_bytes) = self.write_accounts(inspected).await?;
        let mut totals = lists.totals;
        totals.schemas = inspected.schemas.len() as u64;
        totals.tables = inspected.schemas.iter().map(|schema| schema.tables.len() as u64).sum();
        totals.parts_bytes = schema_bytes + list_bytes + account_bytes;
        let manifest = Manifest {
            format: FORMAT,
            kind: "logical".into(),
            requires: if lists.typed { vec![TYPED_LIST_FEATURE.into()] } else { Vec::new() },
            versions: Versions { row_text: ROW_TEXT_VERSION, row_digest: ROW_DIGEST_VERSION, parts: PARTS_VERSION },
            repository: repository.marker.id.clone(),
            id: backup_id(snapshot),
            name: name.to_owned(),
            program: format!("myriad {}", env!("CARGO_PKG_VERSION")),
            started,
            snapshot,
            finished: Timestamp::now(),
            consistency: recorded.consistency,
            partial: !options.conditions.is_empty(),
            server: recorded.facts,
            position: recorded.position,
            source_positions: recorded.source_positions,
            options: asked(options),
            totals,
            schemas,
            lists: parts,
            accounts,
            not_taken: inspected.not_taken.clone(),
            untyped: lists.untyped,
        };
        let mut objects = lists.objects;
        objects.extend(objects_of_parts(&manifest));
        Ok(Written { manifest, objects, reused_chunks: lists.reused_chunks })
    }

    async fn write_definitions(&self, inspected: &Inspected) -> Result<(Vec<Part>, u64)> {
        let store = self.repository.store.as_ref();
        let mut writer = PartWriter::new(self.condemned.clone())?;
        for schema in &inspected.schemas {
            let record = SchemaRecord { name: schema.name.clone(), create: schema.create.clone() };
            writer.add(&SchemaLine::Schema(record), store).await?;
            for table in &schema.tables {
                let load = RowLayout::of(table).load_statement(&table.name.sql(), "FILE");
                writer.add(&SchemaLine::Table(TableDefinition { table: table.clone(), load }), store).await?;
            }
            for object in &schema.objects {
                writer.add(&SchemaLine::Object(object.clone()), store).await?;
            }
        }
        Ok(writer.finish(store).await?)
    }

    /// Users and roles stand in an object of their own, so that nobody who reads definitions comes by password hashes.
    async fn write_accounts(&self, inspected: &Inspected) -> Result<(Vec<Part>, u64)> {
        let store = self.repository.store.as_ref();
        let mut writer = PartWriter::new(self.condemned.clone())?;
        for account in &inspected.accounts {
            writer.add(&AccountLine::Account(account.clone()), store).await?;
        }
        Ok(writer.finish(store).await?)
    }
}

/// The moment of the snapshot and six random digits: ids of one source sort by time.
fn backup_id(snapshot: Timestamp) -> String {
    let moment = snapshot.strftime("%Y%m%dT%H%M%SZ");
    format!("{moment}-{}", hex::encode(rand::random::<[u8; 3]>()))
}

fn asked(options: &BackupOptions) -> Asked {
    let selection = options.selection.clone();
    Asked {
        databases: selection.databases,
        exclude_databases: selection.exclude_databases,
        tables: selection.tables,
        exclude_tables: selection.exclude_tables,
        conditions: options.conditions.iter().cloned().collect(),
        no_data: options.no_data,
        no_objects: options.no_objects,
        users: options.users,
        chunk_bytes: options.chunk_bytes as u64,
    }
}

/// Chunk lists on their way into parts, and what is summed up on the way.
#[derive(Default)]
struct Lists {
    totals: Totals,
    untyped: Vec<Untyped>,
    /// Some chunk has a typed list.
    typed: bool,
    objects: HashSet<ObjectId>,
    reused_chunks: u64,
}

impl Lists {
    async fn write(
        &mut self,
        repository: &Repository,
        mut writer: PartWriter,
        tables: &[(&Table, &TakenTable)],
        places: &Places,
    ) -> Result<(Vec<Part>, u64)> {
        let store = repository.store.as_ref();
        for (table, taken) in tables {
            let layout = RowLayout::of(table);
            let untyped = self.count_untyped(table, &layout, taken);
            let heading = heading(table, &layout, taken);
            writer.add(&ListLine::Table(heading.clone()), store).await?;
            for (n, chunk) in taken.chunks.iter().enumerate() {
                let record = self.chunk(n as u64, table, &layout, chunk, untyped, places);
                let full = writer.add(&ListLine::Chunk(record), store).await?;
                if full && n + 1 < taken.chunks.len() {
                    writer.add(&ListLine::Table(heading.clone()), store).await?;
                }
            }
        }
        Ok(writer.finish(store).await?)
    }

    /// Notes the JSON columns whose types are not carried; true where the table has some.
    fn count_untyped(&mut self, table: &Table, layout: &RowLayout, taken: &TakenTable) -> bool {
        let mut any = false;
        for (flag, &place) in layout.json.iter().enumerate() {
            let rows = taken.chunks.iter().filter_map(|chunk| chunk.tally.untyped.get(flag)).sum();
            if rows > 0 {
                any = true;
                let column = layout.fields[place].name.clone();
                self.untyped.push(Untyped { table: table.name.to_string(), column, rows });
            }
        }
        any
    }

    fn chunk(
        &mut self,
        n: u64,
        table: &Table,
        layout: &RowLayout,
        chunk: &TakenChunk,
        untyped: bool,
        places: &Places,
    ) -> ChunkRecord {
        let place: Option<Place> = match chunk.stored {
            Stored::Nothing => None,
            Stored::Now(slot) => {
                let place = places.place(slot);
                Some(Place { length: place.length - chunk.typed.map_or(0, |typed| typed.length), ..place })
            }
            Stored::Before(place) => {
                self.reused_chunks += 1;
                Some(place)
            }
        };
        self.objects.extend(place.map(|place| place.object));
        let tally = &chunk.tally;
        self.totals.chunks += 1;
        self.totals.rows += tally.rows;
        self.totals.bytes += chunk.bytes;
        self.totals.added_bytes += chunk.frame_bytes;
        let flagged = layout.json.iter().zip(&tally.untyped).filter(|(_, rows)| **rows > 0);
        self.typed |= chunk.typed.is_some();
        let record = ChunkRecord {
            n,
            partition: chunk.partition.clone(),
            range: table.range_key.as_ref().map(|_| chunk.range.clone()),
            rows: tally.rows,
            bytes: chunk.bytes,
            content: chunk.content,
            place,
            typed: chunk.typed,
            digest: tally.digest,
            generated: layout.has_generated.then_some(tally.generated),
            untyped: flagged.map(|(&place, &rows)| (place, rows)).collect(),
            widest: Some(tally.widest).filter(|&bytes| bytes > WIDE_ROW_BYTES),
            digest_without_json: untyped.then_some(tally.without_json),
        };
        self.totals.stored_bytes += record.frames().map_or(0, |place| place.length);
        record
    }
}

fn heading(table: &Table, layout: &RowLayout, taken: &TakenTable) -> TableRecord {
    let (mut digest, mut generated) = (RowDigest::default(), RowDigest::default());
    for chunk in &taken.chunks {
        digest.add(chunk.tally.digest);
        generated.add(chunk.tally.generated);
    }
    TableRecord {
        schema: table.name.schema.clone(),
        name: table.name.name.clone(),
        key_id: key_id(table.range_key.as_ref(), &table.columns, &table.partitions),
        rows: taken.chunks.iter().map(|chunk| chunk.tally.rows).sum(),
        bytes: taken.chunks.iter().map(|chunk| chunk.bytes).sum(),
        digest,
        generated: layout.has_generated.then_some(generated),
        chunks: taken.chunks.len() as u64,
    }
}
