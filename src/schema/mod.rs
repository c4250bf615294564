//! Nouns only: tables, columns, keys and other objects as the backup knows them. No session, no clock.
//! The serialised form of these types is the schema part of a backup (docs/format.md section 6).

pub mod account;
pub mod account_text;
pub mod ddl;
pub mod identifier;
pub mod key;
pub mod mentions;
pub mod object_text;
pub mod readable;
pub mod sql_text;
pub mod vet;

pub use account::Account;
pub use identifier::quote;
pub use key::{Bound, KeyColumn, KeyValue, Range, RangeKey};
pub use sql_text::SqlText;

use serde::{Deserialize, Serialize};
use std::fmt;

/// A table, view, routine or event with its schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedName {
    /// The schema (database).
    pub schema: String,
    /// The object's own name.
    pub name: String,
}

impl QualifiedName {
    /// Joins a schema and a name.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        QualifiedName { schema: schema.into(), name: name.into() }
    }

    /// The name as SQL takes it, both parts quoted.
    pub fn sql(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }
}

/// For people: `shop.orders`, unquoted.
impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// What a column holds, as far as reading, writing and comparing it exactly depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// TINYINT to BIGINT, signed or unsigned.
    Integer,
    /// DECIMAL of any width.
    Decimal,
    /// FLOAT: 4 bytes IEEE.
    Float,
    /// DOUBLE: 8 bytes IEEE.
    Double,
    /// BIT(1) to BIT(64), read as big-endian bytes.
    Bit,
    /// YEAR.
    Year,
    /// DATE.
    Date,
    /// TIME with 0 to 6 fraction digits.
    Time,
    /// DATETIME with 0 to 6 fraction digits.
    Datetime,
    /// TIMESTAMP with 0 to 6 fraction digits, read and written in UTC.
    Timestamp,
    /// CHAR, VARCHAR, TEXT kinds: bytes in the column's own character set.
    Text,
    /// BINARY, VARBINARY, BLOB kinds.
    Bytes,
    /// ENUM, carried as its number.
    Enum,
    /// SET, carried as its number.
    Set,
    /// JSON, carried as the server prints it.
    Json,
    /// GEOMETRY kinds: 4 bytes SRID and WKB.
    Geometry,
    /// VECTOR: little-endian 4-byte floats.
    Vector,
    /// UUID, INET4, INET6 of MariaDB, carried as the text that the server prints.
    TypedText,
}

/// Whether and how a column's value is computed by the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generated {
    /// An ordinary base column.
    #[default]
    No,
    /// Computed at read time: not stored, not read.
    Virtual,
    /// Computed at write time and stored: read and proved, never written.
    Stored,
}

/// One column of a table, in table order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// `information_schema.columns.COLUMN_TYPE`, for people and for comparing definitions.
    pub sql_type: String,
    /// UNSIGNED integers and decimals.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unsigned: bool,
    /// ZEROFILL: the server pads the text with zeros, which are no part of the value.
    #[serde(default, skip_serializing_if = "is_false")]
    pub zerofill: bool,
    /// NULL is allowed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub nullable: bool,
    /// Character set of text, ENUM and SET columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// Collation of text, ENUM and SET columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// Whether the server computes it.
    #[serde(default, skip_serializing_if = "is_base")]
    pub generated: Generated,
    /// Hidden from `SELECT *`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub invisible: bool,
    /// AUTO_INCREMENT.
    #[serde(default, skip_serializing_if = "is_false")]
    pub auto_increment: bool,
    /// Digits after the second for temporal types, 0 to 6.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fraction: u8,
}

impl Column {
    /// A nullable base column without any of the attributes that a server may report.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Column {
        Column {
            name: name.into(),
            kind,
            sql_type: String::new(),
            unsigned: false,
            zerofill: false,
            nullable: true,
            charset: None,
            collation: None,
            generated: Generated::No,
            invisible: false,
            auto_increment: false,
            fraction: 0,
        }
    }
}

/// A histogram of a column's values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// The column.
    pub column: String,
    /// The JSON text of `information_schema.column_statistics`: buckets, how many were asked for, whether ANALYZE TABLE
    /// brings it up to date.
    pub data: String,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Schema and name.
    #[serde(flatten)]
    pub name: QualifiedName,
    /// Storage engine as the server names it (`InnoDB`, `MyISAM`).
    pub engine: String,
    /// `SHOW CREATE TABLE` (`SHOW CREATE SEQUENCE` of a sequence), byte for byte, read with character_set_results=NULL and sql_mode=''.
    pub create: SqlText,
    /// All columns in table order.
    pub columns: Vec<Column>,
    /// The key that ranges are cut along; none where no usable unique NOT NULL key exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range_key: Option<RangeKey>,
    /// A SEQUENCE of MariaDB: a table of one row that the server counts in. Other tables' defaults may call for it, so
    /// it is made before them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sequence: bool,
    /// Leaf partitions (sub-partitions where there are some) in order; empty where not partitioned, or where rows are
    /// not read by partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<String>,
    /// Histograms that the optimizer has of its columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histograms: Vec<Histogram>,
    /// The server's estimate of rows, for planning only.
    #[serde(skip)]
    pub rows_estimate: u64,
    /// The server's estimate of the clustered index's size in bytes, for planning only.
    #[serde(skip)]
    pub bytes_estimate: u64,
    /// Estimate of the secondary indexes' size in bytes, for planning only.
    #[serde(skip)]
    pub index_bytes_estimate: u64,
}

impl Table {
    /// An InnoDB table of these columns, without a key.
    pub fn of_columns(name: QualifiedName, columns: Vec<Column>) -> Table {
        Table {
            name,
            engine: "InnoDB".into(),
            create: SqlText::default(),
            columns,
            range_key: None,
            sequence: false,
            partitions: Vec::new(),
            histograms: Vec::new(),
            rows_estimate: 0,
            bytes_estimate: 0,
            index_bytes_estimate: 0,
        }
    }

    /// Whether a definition that was read from a repository is whole in itself: its key must name columns that it has. The
    /// error says what is wrong.
    pub fn check(&self) -> Result<(), &'static str> {
        let Some(key) = &self.range_key else { return Ok(()) };
        let known = |part: &KeyColumn| {
            let column = self.columns.get(part.column);
            column.is_some_and(|column| column.name == part.name && column.generated != Generated::Virtual)
        };
        match !key.columns.is_empty() && key.columns.iter().all(known) {
            true => Ok(()),
            false => Err("its key names columns that it does not have"),
        }
    }

    /// True for InnoDB: rows are read in the snapshot, written in transactions, and indexes may come late.
    pub fn transactional(&self) -> bool {
        self.engine.eq_ignore_ascii_case("InnoDB")
    }

    /// Why this table has no rows of its own, where it has none: its definition is taken, rows are neither read
    /// nor written.
    pub fn no_rows_of_its_own(&self) -> Option<&'static str> {
        no_rows_in(&self.engine)
    }
}

/// Why tables of this engine have no rows of their own, where that is so.
pub fn no_rows_in(engine: &str) -> Option<&'static str> {
    match engine.to_ascii_uppercase().as_str() {
        "MRG_MYISAM" => Some("the engine MERGE shows the rows of other tables"),
        "OQGRAPH" | "SPHINX" => Some("the engine shows what is kept elsewhere"),
        "BLACKHOLE" => Some("the engine BLACKHOLE keeps no rows"),
        "FEDERATED" | "CONNECT" | "SPIDER" => Some("its rows are on another server"),
        _ => None,
    }
}

/// What an object beside tables is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A view; created after all tables, in an order that its references allow.
    View,
    /// A stored function.
    Function,
    /// A stored procedure.
    Procedure,
    /// The interface of a package of MariaDB's ORACLE mode.
    Package,
    /// The body of such a package; created after its interface.
    PackageBody,
    /// A trigger; created after proof, in ACTION_ORDER.
    Trigger,
    /// An event; created last.
    Event,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ObjectKind::View => "view",
            ObjectKind::Function => "function",
            ObjectKind::Procedure => "procedure",
            ObjectKind::Package => "package",
            ObjectKind::PackageBody => "package body",
            ObjectKind::Trigger => "trigger",
            ObjectKind::Event => "event",
        })
    }
}

/// A view, routine, trigger or event: its CREATE statement and the session it must be created under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Schema and name.
    #[serde(flatten)]
    pub name: QualifiedName,
    /// The table a trigger belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The CREATE statement as SHOW CREATE gives it (read with its schema as the current database);
    /// the bytes are in `charset_client`.
    pub create: SqlText,
    /// `DEFINER`, as `user@host`.
    pub definer: String,
    /// sql_mode it was made under (empty for views).
    pub sql_mode: String,
    /// character_set_client it was made under.
    pub charset_client: String,
    /// collation_connection it was made under.
    pub collation_connection: String,
    /// Default collation of its schema when it was made: the type of parameters and variables that name none
    /// (empty for views).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub database_collation: String,
    /// Time zone of an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// A trigger's place among those of its table, event and time: they are created in this order.
    #[serde(default, skip_serializing_if = "is_zero_u64")]
    pub order: u64,
    /// A one-time event's moment in its own time zone, as the server prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute_at: Option<String>,
}

/// One schema (database) with everything in it that the backup takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Its name.
    pub name: String,
    /// `SHOW CREATE DATABASE`.
    pub create: SqlText,
    /// Its tables.
    pub tables: Vec<Table>,
    /// Its views, routines, triggers and events.
    pub objects: Vec<Object>,
}

fn is_false(value: &bool) -> bool {
    !value
}
fn is_zero(value: &u8) -> bool {
    *value == 0
}
fn is_zero_u64(value: &u64) -> bool {
    *value == 0
}
fn is_base(value: &Generated) -> bool {
    *value == Generated::No
}
