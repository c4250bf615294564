//! The serialised records of a repository, field by field as docs/format.md sections 2 to 7 describe them.

use crate::codec::digest::RowDigest;
use crate::codec::frame::{self, ContentId, ObjectId};
use crate::limits;
use crate::position::{ConsistencyKind, Position, SourcePosition};
use crate::schema::account::AccountDefinition;
use crate::schema::{Object, Range, SqlText, Table, vet};
use crate::server::facts::ServerFacts;
use crate::server::inspect::NotTaken;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Format version of repositories and manifests.
pub const FORMAT: u32 = 1;
/// Version of the lines in parts.
pub const PARTS_VERSION: u32 = 1;

/// `myriad.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Format version.
    pub myriad: u32,
    /// Random id of the repository, 32 hex digits.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// `zstd`.
    pub compression: String,
    /// `none`.
    pub encryption: String,
}

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The object.
    pub object: ObjectId,
    /// First byte of the frame.
    pub offset: u64,
    /// Bytes of the frame.
    pub length: u64,
}

/// The frame of a typed list. It follows the frame of the row text directly, in the same object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedList {
    /// Bytes of the frame.
    pub length: u64,
    /// Unpacked bytes.
    pub bytes: u64,
}

/// A frame of JSON lines: definitions or chunk lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it is.
    pub place: Place,
    /// Unpacked bytes.
    pub bytes: u64,
    /// Content id, version 0.
    pub content: ContentId,
}

/// Versions of what a backup is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Row text.
    pub row_text: u32,
    /// Row digest.
    pub row_digest: u32,
    /// Lines of parts.
    pub parts: u32,
}

/// What was asked for, as far as a reader of the backup must know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// `--database` globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// `--exclude-database` globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_databases: Vec<String>,
    /// `--table` globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// `--exclude-table` globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_tables: Vec<String>,
    /// Conditions on rows, by table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, String>,
    /// Definitions only.
    #[serde(default)]
    pub no_data: bool,
    /// No views, routines, triggers, events.
    #[serde(default)]
    pub no_objects: bool,
    /// Users and roles too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub users: bool,
    /// Chunk size that was aimed at.
    pub chunk_bytes: u64,
}

impl Asked {
    /// True where every schema, table and object of the server was asked for.
    pub fn whole_instance(&self) -> bool {
        let all = |globs: &[String]| globs.is_empty();
        all(&self.databases)
            && all(&self.exclude_databases)
            && all(&self.tables)
            && all(&self.exclude_tables)
            && self.conditions.is_empty()
            && !self.no_data
            && !self.no_objects
    }
}

/// Sums over a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Schemas.
    pub schemas: u64,
    /// Tables.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Chunks.
    pub chunks: u64,
    /// Bytes of row text.
    pub bytes: u64,
    /// Bytes of all frames of rows that the backup names.
    pub stored_bytes: u64,
    /// Bytes of row frames that this backup added to the repository.
    pub added_bytes: u64,
    /// Bytes of definitions and chunk lists.
    pub parts_bytes: u64,
}

/// A JSON column whose values hold types that the backup does not carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untyped {
    /// `schema.table`.
    pub table: String,
    /// Column.
    pub column: String,
    /// Rows with such values.
    pub rows: u64,
}

/// For people: `JSON types of 3 values in column doc of shop.events (...)`.
impl std::fmt::Display for Untyped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Untyped { table, column, rows } = self;
        let values = if *rows == 1 { "value" } else { "values" };
        write!(
            f,
            "JSON types of {rows} {values} in column {column} of {table} (DECIMAL, dates or binary inside documents)"
        )
    }
}

/// `manifest.json`: the root of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version.
    pub format: u32,
    /// `logical`.
    pub kind: String,
    /// Features that a reader must know.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Versions of its parts.
    pub versions: Versions,
    /// Id of the repository it belongs to.
    pub repository: String,
    /// Backup id.
    pub id: String,
    /// Source name.
    pub name: String,
    /// What wrote it.
    pub program: String,
    /// When the run began, by the client's clock.
    pub started: Timestamp,
    /// The moment of the snapshot, by the server's clock.
    pub snapshot: Timestamp,
    /// When the last row was stored, by the client's clock.
    pub finished: Timestamp,
    /// How the sessions came to one view.
    pub consistency: ConsistencyKind,
    /// Rows were left out by a condition.
    pub partial: bool,
    /// The source.
    pub server: ServerFacts,
    /// Where in its history the snapshot stands.
    pub position: Position,
    /// On a replica: what it had executed of its sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_positions: Vec<SourcePosition>,
    /// What was asked for.
    pub options: Asked,
    /// Sums.
    pub totals: Totals,
    /// Parts with definitions.
    pub schemas: Vec<Part>,
    /// Parts with chunk lists.
    pub lists: Vec<Part>,
    /// Parts with users and roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Part>,
    /// What the server holds and the backup does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_taken: Vec<NotTaken>,
    /// JSON columns whose types are not carried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untyped: Vec<Untyped>,
}

/// A line of a definitions part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaLine {
    /// A schema.
    Schema(SchemaRecord),
    /// A table.
    Table(TableDefinition),
    /// A view, routine, trigger or event.
    Object(Object),
}

/// A line of a part with users and roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountLine {
    /// A user or role.
    Account(AccountDefinition),
}

/// A schema's own line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaRecord {
    /// Its name.
    pub name: String,
    /// `SHOW CREATE DATABASE`.
    pub create: SqlText,
}

/// A table's line among the definitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDefinition {
    /// The table.
    #[serde(flatten)]
    pub table: Table,
    /// The LOAD DATA statement for people; `FILE` stands for the file.
    pub load: String,
}

/// A line of a chunk list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListLine {
    /// A table begins or goes on.
    Table(TableRecord),
    /// One of its chunks.
    Chunk(ChunkRecord),
}

/// A table's line in a chunk list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRecord {
    /// Schema.
    pub schema: String,
    /// Table.
    pub name: String,
    /// Names the key and the partitions that its cuts depend on.
    pub key_id: String,
    /// Rows.
    pub rows: u64,
    /// Bytes of row text.
    pub bytes: u64,
    /// Row digest over all chunks.
    pub digest: RowDigest,
    /// Digest of the STORED generated columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<RowDigest>,
    /// How many chunks there are.
    pub chunks: u64,
}

/// A chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRecord {
    /// Number in the table.
    pub n: u64,
    /// Partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Its range; none where the table has no usable key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// Rows.
    pub rows: u64,
    /// Bytes of row text.
    pub bytes: u64,
    /// Content id.
    pub content: ContentId,
    /// Where the row text is; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The typed list behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<TypedList>,
    /// Row digest.
    pub digest: RowDigest,
    /// Digest of the STORED generated columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<RowDigest>,
    /// JSON columns (place among the fields) with types that are not carried: rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub untyped: BTreeMap<usize, u64>,
    /// Bytes of the longest line of row text, where that is above [`WIDE_ROW_BYTES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widest: Option<u64>,
    /// Row digest with every JSON column taken as NULL; in all chunks of a table that has `untyped` in any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_without_json: Option<RowDigest>,
}

impl ChunkRecord {
    /// Where its frames are: row text, and the typed list behind it.
    pub fn frames(&self) -> Option<Place> {
        let length = self.typed.map_or(0, |typed| typed.length);
        self.place.map(|place| Place { length: place.length + length, ..place })
    }

    /// Bytes of memory that its rows take while they are loaded: frames, row text, and the typed list taken apart into
    /// values, each with some 100 bytes of its own.
    pub fn loading_bytes(&self) -> u64 {
        let list = self.typed.map_or(0, |typed| typed.bytes);
        self.frames().map_or(0, |place| place.length) + self.bytes + 7 * list
    }
}

/// A record that stands on a line of a part.
pub trait Line: serde::de::DeserializeOwned {
    /// Whether its numbers can be, so that whoever reads it may add them up and allocate what they say. The error says what
    /// is wrong.
    fn check(&self) -> Result<(), String>;
}

impl Line for SchemaLine {
    /// Definitions are looked at where they are chosen, so that one that is refused does not keep the others.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Line for AccountLine {
    fn check(&self) -> Result<(), String> {
        let AccountLine::Account(account) = self;
        vet::account(account).map_err(|why| format!("account {}: {why}", account.name))
    }
}

impl Line for ListLine {
    fn check(&self) -> Result<(), String> {
        match self {
            ListLine::Table(_) => Ok(()),
            ListLine::Chunk(chunk) => chunk.check().map_err(|why| format!("chunk {}: {why}", chunk.n)),
        }
    }
}

impl Place {
    /// Whether it can be that of a frame which holds so many bytes at most; behind it `more` bytes may lie.
    fn check(&self, bytes: u64, more: u64) -> Result<(), String> {
        if self.length > frame::frame_bytes_max(bytes) {
            return Err(format!("a frame of {} bytes for {bytes}", self.length));
        }
        match self.offset.checked_add(self.length).and_then(|end| end.checked_add(more)) {
            Some(_) => Ok(()),
            None => Err("a place beyond the end of any object".into()),
        }
    }
}

impl Part {
    /// Whether its numbers can be. The error says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        match self.bytes > limits::PART_BYTES_MAX {
            true => Err(format!("a part of {} bytes; the largest has {}", self.bytes, limits::PART_BYTES_MAX)),
            false => self.place.check(self.bytes, 0),
        }
    }
}

impl ChunkRecord {
    fn check(&self) -> Result<(), String> {
        let list = self.typed.unwrap_or(TypedList { length: 0, bytes: 0 });
        if self.bytes.max(list.bytes) > limits::CHUNK_RECORD_BYTES_MAX {
            let most = limits::CHUNK_RECORD_BYTES_MAX;
            return Err(format!(
                "{} bytes of rows, {} of typed values; a chunk has {most} at most",
                self.bytes, list.bytes
            ));
        }
        // Each row ends with a byte of its own.
        let untyped_max = self.untyped.values().copied().max().unwrap_or(0);
        if self.rows.max(untyped_max).max(self.widest.unwrap_or(0)) > self.bytes {
            return Err(format!("{} rows in {} bytes", self.rows, self.bytes));
        }
        if self.place.is_some() != (self.bytes > 0) || self.place.is_none() && self.typed.is_some() {
            return Err("rows without a place, or a place without rows".into());
        }
        let Some(place) = &self.place else { return Ok(()) };
        place.check(self.bytes, list.length)?;
        Place { length: list.length, ..*place }.check(list.bytes, place.length)
    }
}

/// A manifest whose chunks have typed lists says so in `requires`.
pub const TYPED_LIST_FEATURE: &str = "typed-list";

/// Rows above this are worth a field of their own: 1 MiB is the smallest max_allowed_packet in common use.
pub const WIDE_ROW_BYTES: u64 = 1 << 20;

/// Object name of a stored object.
pub fn object_name(object: &ObjectId) -> String {
    let hex = object.to_string();
    format!("objects/{}/{hex}", &hex[..2])
}

/// Object name of a manifest.
pub fn manifest_name(name: &str, id: &str) -> String {
    format!("backups/{name}/{id}/manifest.json")
}
