//! The part of a backup that a command is about: definitions and chunk lists of the chosen tables, under the names
//! that they have on the server.

use crate::command::options::Selection;
use crate::error::{Error, Exit, Result};
use crate::manifest::model::{ChunkRecord, ListLine, Manifest, SchemaLine, SchemaRecord};
use crate::manifest::parts::read_part;
use crate::manifest::{ManifestError, Repository};
use crate::plan::Filter;
use crate::schema::{Object, QualifiedName, Schema, Table, vet};
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
                    if filter.table(&table.name.schema, &table.name.name) {
                        let target = QualifiedName::new(target_of(&table.name.schema), &table.name.name);
                        let condition =
                            manifest.options.conditions.get(&table.name.to_string()).cloned().unwrap_or_default();
                        selected.tables.push(SelectedTable { table, target, chunks: None, condition });
                    }
                }
                SchemaLine::Object(object) if with_objects && wanted_object(&filter, &object) => {
                    let schema = target_of(&object.name.schema);
                    selected.objects.push((object, schema));
                }
                _ => {}
            }
        }
    }
    read_chunks(repository, manifest, &mut selected.tables).await?;
    check_all(&selected, &schemas).map_err(|(name, why)| {
        let name = format!("{name} of backup {}", manifest.id);
        ManifestError::Damaged { name, place: repository.place(), why }
    })?;
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

/// Everything chosen must be sound before statements are made of it: the error names what is not, and says why.
fn check_all(selected: &Selected, schemas: &BTreeMap<String, SchemaRecord>) -> Result<(), (String, String)> {
    for record in schemas.values() {
        let named = |why| (format!("schema {}", record.name), why);
        vet::schema(&record.name, &record.create.0).map_err(named)?;
    }
    let mut seen = HashSet::new();
    for table in &selected.tables {
        let named = |why| (format!("table {}", table.table.name), why);
        check_place(&table.table.name, &table.target.schema, schemas).map_err(named)?;
        vet::table(&table.table).map_err(named)?;
        check_chunks(table).map_err(|why| named(why.into()))?;
        if !seen.insert((None, &table.table.name)) {
            return Err(named("it is defined twice".into()));
        }
    }
    for (object, schema) in &selected.objects {
        let named = |why| (format!("{} {}", object.kind, object.name), why);
        check_place(&object.name, schema, schemas).map_err(named)?;
        vet::object(object, schema).map_err(named)?;
        if !seen.insert((Some(object.kind), &object.name)) {
            return Err(named("it is defined twice".into()));
        }
    }
    Ok(())
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
fn wanted_object(filter: &Filter, object: &Object) -> bool {
    let QualifiedName { schema, name } = &object.name;
    match (&object.table, object.kind) {
        (Some(table), _) => filter.table(schema, table),
        (None, crate::schema::ObjectKind::View) => filter.table(schema, name),
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
