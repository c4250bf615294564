//! How a table is selected, what stands where in its row packets, and the LOAD DATA statement that takes
//! its row text back. Made from the typed columns alone, so backup, proof and restore agree. Pure.

use crate::schema::{Bound, Column, ColumnKind, Generated, KeyValue, RangeKey, Table, quote};

/// The protocol a table's rows are read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// COM_QUERY: values as text. For strings and integers it costs the server what the binary form costs.
    Text,
    /// Prepared statement: for tables with FLOAT or DOUBLE, exact in 4 and 8 bytes, and up to 5.7 times
    /// cheaper for the server than printing them (measured on 9.7.4).
    Binary,
}

/// One field of the row text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Place among all columns of the table.
    pub column: usize,
    /// Column name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Unsigned integer.
    pub unsigned: bool,
    /// Padded with zeros by the server.
    pub zerofill: bool,
    /// A STORED generated column: in the row text and in a digest of its own, never loaded.
    pub generated: bool,
    /// Digits after the second.
    pub fraction: u8,
    /// FLOAT(M,D) or DOUBLE(M,D): the type's limit is no binary number, so the value stored at it lies beyond it.
    pub limited: bool,
}

impl Field {
    /// True where the field's text can hold no TAB, LF or backslash.
    pub fn needs_no_escape(&self) -> bool {
        use ColumnKind::*;
        matches!(
            self.kind,
            Integer | Decimal | Float | Double | Year | Date | Time | Datetime | Timestamp | Enum | Set | TypedText
        )
    }
}

/// The fields of a table's row text and how its rows are selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLayout {
    /// How rows are read.
    pub protocol: Protocol,
    /// Fields in row text order, which is also the order of the SELECT list.
    pub fields: Vec<Field>,
    /// Places among `fields` of the JSON columns; each has a flag before the fields in the SELECT list.
    pub json: Vec<usize>,
    /// The canonical bytes of a row are the packet's bytes behind the flags: nothing has to be rewritten.
    pub packet_is_canonical: bool,
    /// Some field is a STORED generated column.
    pub has_generated: bool,
}

impl RowLayout {
    /// The layout of a table.
    pub fn of(table: &Table) -> RowLayout {
        Self::of_columns(table, |_| true)
    }

    /// The layout of those columns of a table that `wanted` names by their place, such as its key.
    pub fn of_columns(table: &Table, wanted: impl Fn(usize) -> bool) -> RowLayout {
        let fields: Vec<Field> = table
            .columns
            .iter()
            .enumerate()
            .filter(|(place, column)| column.generated != Generated::Virtual && wanted(*place))
            .map(|(place, column)| Field {
                column: place,
                name: column.name.clone(),
                kind: column.kind,
                unsigned: column.unsigned,
                zerofill: column.zerofill,
                generated: column.generated == Generated::Stored,
                fraction: column.fraction,
                limited: matches!(column.kind, ColumnKind::Float | ColumnKind::Double) && column.sql_type.contains('('),
            })
            .collect();
        let floats = fields.iter().any(|f| matches!(f.kind, ColumnKind::Float | ColumnKind::Double));
        let rewritten = fields.iter().any(|f| f.zerofill || f.generated);
        let json = (0..fields.len()).filter(|&i| fields[i].kind == ColumnKind::Json && !fields[i].generated).collect();
        RowLayout {
            protocol: if floats { Protocol::Binary } else { Protocol::Text },
            json,
            packet_is_canonical: !floats && !rewritten,
            has_generated: fields.iter().any(|f| f.generated),
            fields,
        }
    }

    /// The SELECT list: a flag for each JSON column (which of its document's values are of types that its text does
    /// not carry; empty where none is), then every field. A table without fields selects a constant that is no field.
    pub fn select_list(&self) -> String {
        let mut list: Vec<String> = self.json.iter().map(|&i| json_walk(&quote(&self.fields[i].name))).collect();
        list.extend(self.fields.iter().map(select_expression));
        if list.is_empty() { "1".into() } else { list.join(", ") }
    }

    /// The SELECT of a range in key order; `condition`, `partition` and `limit` where given.
    pub fn select(&self, query: &RangeQuery<'_>) -> String {
        let mut sql = format!("SELECT {} FROM {}", self.select_list(), query.table);
        if let Some(partition) = query.partition {
            sql.push_str(&format!(" PARTITION ({})", quote(partition)));
        }
        if let Some(key) = query.key {
            sql.push_str(&format!(" FORCE INDEX ({})", quote(&key.index)));
        }
        let conditions: Vec<_> = query.conditions.iter().filter(|c| !c.is_empty()).map(|c| format!("({c})")).collect();
        if !conditions.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&conditions.join(" AND "));
        }
        if let Some(key) = query.key {
            sql.push_str(" ORDER BY ");
            sql.push_str(&key.order_by());
        }
        if let Some(rows) = query.limit {
            sql.push_str(&format!(" LIMIT {rows}"));
        }
        sql
    }

    /// The LOAD DATA statement that takes this table's row text (docs/format.md section 4.2). `file` is the
    /// name that the client is asked for.
    pub fn load_statement(&self, table: &str, file: &str) -> String {
        let mut list = Vec::with_capacity(self.fields.len());
        let mut sets = Vec::new();
        for (i, field) in self.fields.iter().enumerate() {
            let variable = format!("@v{i}");
            match field.kind {
                _ if field.generated => list.push("@unused".into()),
                ColumnKind::Enum | ColumnKind::Set => {
                    sets.push(format!("{} = CAST({variable} AS UNSIGNED)", quote(&field.name)));
                    list.push(variable);
                }
                // Of a binary string UUID takes the 16 bytes, not the text.
                ColumnKind::Json | ColumnKind::TypedText => {
                    sets.push(format!("{} = CONVERT({variable} USING utf8mb4)", quote(&field.name)));
                    list.push(variable);
                }
                _ => list.push(quote(&field.name)),
            }
        }
        if list.is_empty() {
            list.push("@unused".into());
        }
        let mut sql = format!(
            "LOAD DATA LOCAL INFILE '{file}' INTO TABLE {table} CHARACTER SET binary FIELDS ESCAPED BY '\\\\' ({})",
            list.join(", ")
        );
        if !sets.is_empty() {
            sql.push_str(&format!(" SET {}", sets.join(", ")));
        }
        sql
    }

    /// Names of the columns that are written at restore, quoted, in row text order.
    pub fn loaded_fields(&self) -> impl Iterator<Item = (usize, &Field)> {
        self.fields.iter().enumerate().filter(|(_, field)| !field.generated)
    }

    /// The bound that the row with these field values stands at: `values` are row text fields before escaping.
    pub fn bound(&self, key: &RangeKey, values: &[Option<Vec<u8>>]) -> Option<Bound> {
        let mut bound = Vec::with_capacity(key.columns.len());
        for column in &key.columns {
            let place = self.fields.iter().position(|field| field.column == column.column)?;
            let value = values.get(place)?.as_ref()?;
            bound.push(match self.fields[place].kind {
                ColumnKind::Text | ColumnKind::Bytes => KeyValue::Bytes(value.clone()),
                ColumnKind::Bit => {
                    let number = value.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
                    KeyValue::Plain(number.to_string())
                }
                _ => KeyValue::Plain(String::from_utf8_lossy(value).into_owned()),
            });
        }
        Some(Bound(bound))
    }
}

/// What a range query is about.
#[derive(Clone, Copy, Debug)]
pub struct RangeQuery<'a> {
    /// Table name as SQL.
    pub table: &'a str,
    /// Partition to read, where the table has some.
    pub partition: Option<&'a str>,
    /// Key to read along.
    pub key: Option<&'a RangeKey>,
    /// Conditions that all must hold; empty ones do not count.
    pub conditions: &'a [&'a str],
    /// Most rows to read.
    pub limit: Option<u64>,
}

/// ENUM and SET are read as their number: through CAST, not `+ 0`, whose DOUBLE loses the high bits of a
/// SET with more than 53 members.
fn select_expression(field: &Field) -> String {
    match field.kind {
        ColumnKind::Enum | ColumnKind::Set => format!("CAST({} AS UNSIGNED)", quote(&field.name)),
        _ => quote(&field.name),
    }
}

/// Which values of a document, at any depth, are a DECIMAL, temporal or binary: the text that [`super::typed::find`] reads.
/// Empty where none is. Seen complete on all 55 kinds of value tried on 9.7.4; comparing texts, values or storage sizes
/// is not. Text that outgrows the server's max_allowed_packet is NULL there, and then `!` here. JSON_TABLE numbers what it
/// finds, so the walk costs little more than one that only asks whether there is any.
fn json_walk(column: &str) -> String {
    const TYPES: &str = "('DECIMAL','DATE','TIME','DATETIME','TIMESTAMP','BLOB','BIT','OPAQUE')";
    let found = |letter: char, path: &str| {
        format!(
            "(SELECT IF(COUNT(*)=0,NULL,IFNULL(CONCAT('{letter}',COUNT(*),' ',GROUP_CONCAT(w.o,':',JSON_TYPE(w.v) SEPARATOR ' ')),'!')) \
             FROM JSON_TABLE({column},'{path}' COLUMNS(o FOR ORDINALITY,v JSON PATH '$')) AS w WHERE JSON_TYPE(w.v) IN {TYPES})"
        )
    };
    format!(
        "CASE WHEN JSON_TYPE({column}) IN ('OBJECT','ARRAY') THEN IFNULL(CONCAT_WS(',',{},{}),'!') \
         WHEN JSON_TYPE({column}) IN {TYPES} THEN JSON_TYPE({column}) ELSE '' END",
        found('m', "$**.*"),
        found('e', "$**[*]")
    )
}

/// A name for the columns that a key is cut along: their types, collations, directions, and the partitions.
/// Equal names mean that the cuts of an earlier backup still fit.
pub fn key_id(key: Option<&RangeKey>, columns: &[Column], partitions: &[String]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut put = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for part in key.map(|key| key.columns.as_slice()).unwrap_or_default() {
        let column = &columns[part.column];
        put(&part.name);
        put(&column.sql_type);
        put(column.collation.as_deref().unwrap_or_default());
        put(if part.descending { "desc" } else { "asc" });
    }
    put("partitions");
    for partition in partitions {
        put(partition);
    }
    hex::encode(&hasher.finalize().as_bytes()[..16])
}
