//! The part of a backup that a command is about: definitions and chunk lists of the chosen tables, under the names
//! that they have on the server.

use crate::command::options::Selection;
use crate::command::text::some_of;
use crate::error::{Error, Exit, Result};
use crate::manifest::model::{ChunkRecord, ListLine, Manifest, SchemaLine, SchemaRecord};
use crate::manifest::parts::read_part;
use crate::manifest::{ManifestError, Repository};
use crate::plan::Filter;
use crate::schema::{Object, ObjectKind, QualifiedName, Schema, SqlText, Table, object_text, vet};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A chosen table.
#[derive(Clone, Debug)]
pub struct SelectedTable {
    /// Its definition.
    pub table: Table,
    /// Its name on the server.
    pub target: QualifiedName,
    /// Its chunks; none where the backup took definitions only.
    pub chunks: Option<Vec<ChunkRecord>>,
    /// Condition that its rows were taken under, empty for none.
    pub condition: String,
}

/// What was chosen of a backup.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// Schemas that hold something chosen, and their names on the server.
    pub schemas: Vec<(Schema, String)>,
    /// Tables, in the order of the backup.
    pub tables: Vec<SelectedTable>,
    /// Views, routines, triggers, events, and the names of their schemas on the server.
    pub objects: Vec<(Object, String)>,
    /// Tables, views and routines of the backup that were not chosen.
    pub others: Vec<NotChosen>,
}

/// Something of the backup that was not chosen.
#[derive(Clone, Debug)]
pub struct NotChosen {
    /// Its name in the backup.
    pub name: QualifiedName,
    /// The name that it would have on the server.
    pub target: QualifiedName,
    /// A function or procedure; else a table or view.
    pub routine: bool,
}

impl Selected {
    /// Bytes of row text of all chosen tables.
    pub fn bytes(&self) -> u64 {
        self.chunks().map(|chunk| chunk.bytes).sum()
    }

    /// Rows of all chosen tables.
    pub fn rows(&self) -> u64 {
        self.chunks().map(|chunk| chunk.rows).sum()
    }

    /// Chunks of all chosen tables.
    pub fn chunks(&self) -> impl Iterator<Item = &ChunkRecord> {
        self.tables.iter().flat_map(|table| table.chunks.iter().flatten())
    }
}

impl NotChosen {
    /// None where it is nothing that code can name.
    fn object(object: Object, schema: &str) -> Option<NotChosen> {
        let routine = match object.kind {
            ObjectKind::View => false,
            ObjectKind::Function | ObjectKind::Procedure => true,
            _ => return None,
        };
        let target = QualifiedName::new(schema, &object.name.name);
        Some(NotChosen { name: object.name, target, routine })
    }
}

/// The filter that a selection means.
pub fn filter(selection: &Selection) -> Result<Filter> {
    let Selection { databases, exclude_databases, tables, exclude_tables } = selection;
    Ok(Filter::new(databases, exclude_databases, tables, exclude_tables)?)
}

/// Reads what is chosen of a backup.
pub async fn read(
    repository: &Repository,
    manifest: &Manifest,
    selection: &Selection,
    renames: &[(String, String)],
    with_objects: bool,
) -> Result<Selected> {
    let filter = filter(selection)?;
    for (_, new) in renames {
        vet::schema_name(new).map_err(|why| {
            Error::new(Exit::Usage, format!("--rename cannot give a schema the name {new}: {why}"))
                .hint("give it another name")
        })?;
    }
    let renames: HashMap<&str, &str> = renames.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
    let target_of = |schema: &str| renames.get(schema).copied().unwrap_or(schema).to_owned();
    let mut selected = Selected::default();
    let mut schemas: BTreeMap<String, SchemaRecord> = BTreeMap::new();
    for part in &manifest.schemas {
        for line in read_part::<SchemaLine>(repository, part).await? {
            match line {
                SchemaLine::Schema(schema) if filter.schema(&schema.name) => {
                    schemas.insert(schema.name.clone(), schema);
                }
                SchemaLine::Table(definition) => {
                    let table = definition.table;
                    let target = QualifiedName::new(target_of(&table.name.schema), &table.name.name);
                    if !filter.table(&table.name.schema, &table.name.name) {
                        selected.others.push(NotChosen { name: table.name, target, routine: false });
                    } else {
                        let condition =
                            manifest.options.conditions.get(&table.name.to_string()).cloned().unwrap_or_default();
                        selected.tables.push(SelectedTable { table, target, chunks: None, condition });
                    }
                }
                SchemaLine::Object(mut object) => {
                    let schema = target_of(&object.name.schema);
                    leave_old_schema(&mut object, &schema);
                    match with_objects && wanted_object(&filter, &object) {
                        true => selected.objects.push((object, schema)),
                        false => selected.others.extend(NotChosen::object(object, &schema)),
                    }
                }
                SchemaLine::Schema(_) => {}
            }
        }
    }
    read_chunks(repository, manifest, &mut selected.tables).await?;
    let refused = refused(&selected, &schemas);
    if !refused.is_empty() {
        let (id, place) = (manifest.id.clone(), repository.place());
        return Err(ManifestError::Refused { id, place, records: some_of(&refused, REFUSED_SHOWN_MAX) }.into());
    }
    let used: HashSet<String> = (selected.tables.iter().map(|table| table.table.name.schema.clone()))
        .chain(selected.objects.iter().map(|(object, _)| object.name.schema.clone()))
        .collect();
    let used = |name: &str| used.contains(name) || !filter.chooses_tables();
    let kept = schemas.into_values().filter(|schema| used(&schema.name));
    selected.schemas = kept
        .map(|record| {
            let target = target_of(&record.name);
            let schema = Schema { name: record.name, create: record.create, tables: Vec::new(), objects: Vec::new() };
            (schema, target)
        })
        .collect();
    for old in renames.keys() {
        if !selected.schemas.iter().any(|(schema, _)| schema.name == **old) {
            let message = format!("--rename names schema {old}, which is not in what was chosen of this backup");
            return Err(Error::new(Exit::Usage, message).hint("`myriad show` lists the schemas of a backup"));
        }
    }
    if selected.schemas.is_empty() && !manifest.schemas.is_empty() {
        return Err(Error::new(Exit::Usage, "nothing in this backup is meant by the selection")
            .hint("`myriad show` lists the tables of a backup; patterns are matched against schema and schema.table"));
    }
    Ok(selected)
}

/// MariaDB keeps a trigger's head as it was typed. Where that spells out the schema, and this is another now, it goes without.
fn leave_old_schema(object: &mut Object, schema: &str) {
    let old = &object.name.schema;
    if object.kind == ObjectKind::Trigger && old != schema {
        if let Some(text) = object_text::without_schema_in_trigger_head(&object.create.0, old) {
            object.create = SqlText(text);
        }
    }
}

/// Records named in a message.
const REFUSED_SHOWN_MAX: usize = 20;

/// Everything chosen must be sound before statements are made of it: what is not, and why.
fn refused(selected: &Selected, schemas: &BTreeMap<String, SchemaRecord>) -> Vec<String> {
    let mut refused = Vec::new();
    let mut note = |name: String, checked: Result<(), String>| {
        refused.extend(checked.err().map(|why| format!("{name}: {why}")));
    };
    for record in schemas.values() {
        note(format!("schema {}", record.name), vet::schema(&record.name, &record.create.0));
    }
    let mut seen = HashSet::new();
    let mut once = |kind, name| if seen.insert((kind, name)) { Ok(()) } else { Err("it is defined twice".to_owned()) };
    for table in &selected.tables {
        let name = &table.table.name;
        let checked = check_place(name, &table.target.schema, schemas)
            .and_then(|()| vet::table(&table.table))
            .and_then(|()| Ok(check_chunks(table)?))
            .and_then(|()| once(None, name));
        note(format!("table {name}"), checked);
    }
    for (object, schema) in &selected.objects {
        let checked = check_place(&object.name, schema, schemas)
            .and_then(|()| vet::object(object, schema))
            .and_then(|()| once(Some(object.kind), &object.name));
        note(format!("{} {}", object.kind, object.name), checked);
    }
    refused
}

/// What is in no schema of the backup would be made in one of the target's own.
fn check_place(name: &QualifiedName, target: &str, schemas: &BTreeMap<String, SchemaRecord>) -> Result<(), String> {
    if !schemas.contains_key(&name.schema) {
        return Err(format!("the backup has no schema {}", name.schema));
    }
    vet::schema_name(target)
}

/// A definition must fit its chunk list.
fn check_chunks(selected: &SelectedTable) -> Result<(), &'static str> {
    let misfit = |chunk: &ChunkRecord| match (&chunk.range, &selected.table.range_key) {
        (Some(range), Some(key)) => !key.takes(range),
        (Some(_), None) => true,
        (None, _) => false,
    };
    let chunks = selected.chunks.as_deref().unwrap_or_default();
    if chunks.iter().any(misfit) {
        return Err("a chunk's range is none of its key");
    }
    let partitions = &selected.table.partitions;
    if chunks.iter().flat_map(|chunk| &chunk.partition).any(|partition| !partitions.contains(partition)) {
        return Err("a chunk is of a partition that it does not have");
    }
    match chunks.iter().zip(0..).all(|(chunk, n)| chunk.n == n) {
        true => Ok(()),
        false => Err("its chunks are not numbered one after another"),
    }
}

/// Triggers go with their table, views are chosen like tables, routines and events only with whole schemas.
pub fn wanted_object(filter: &Filter, object: &Object) -> bool {
    let QualifiedName { schema, name } = &object.name;
    match (&object.table, object.kind) {
        (Some(table), _) => filter.table(schema, table),
        (None, ObjectKind::View) => filter.table(schema, name),
        (None, _) => filter.schema(schema) && !filter.chooses_tables(),
    }
}

async fn read_chunks(repository: &Repository, manifest: &Manifest, tables: &mut [SelectedTable]) -> Result<()> {
    let places: HashMap<QualifiedName, usize> =
        tables.iter().enumerate().map(|(place, table)| (table.table.name.clone(), place)).collect();
    let mut current = None;
    for part in &manifest.lists {
        for line in read_part::<ListLine>(repository, part).await? {
            match line {
                ListLine::Table(record) => {
                    current = places.get(&QualifiedName::new(record.schema, record.name)).copied();
                    if let Some(place) = current {
                        tables[place].chunks.get_or_insert_with(Vec::new);
                    }
                }
                ListLine::Chunk(chunk) => {
                    if let Some(chunks) = current.and_then(|place| tables[place].chunks.as_mut()) {
                        chunks.push(chunk);
                    }
                }
            }
        }
    }
    Ok(())
}
