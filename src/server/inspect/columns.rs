//! Rows of information_schema turned into typed columns and the key that a table is cut along. Pure but for the
//! rows that come in; a type that this program does not know gives an error text, never a guess.

use crate::schema::{Column, ColumnKind, Generated, KeyColumn, RangeKey};

/// What `information_schema.columns` says about one column.
pub(super) struct ColumnRow {
    pub(super) name: String,
    pub(super) data_type: String,
    pub(super) column_type: String,
    pub(super) nullable: bool,
    pub(super) charset: Option<String>,
    pub(super) collation: Option<String>,
    pub(super) extra: String,
    pub(super) fraction: u8,
}

/// One part of a key, in key order.
#[derive(Clone, Debug)]
pub(super) struct KeyPart {
    /// None for an expression.
    pub(super) column: Option<String>,
    pub(super) descending: bool,
    pub(super) prefix: bool,
}

/// A unique key.
#[derive(Clone, Debug)]
pub(super) struct UniqueKey {
    pub(super) name: String,
    pub(super) visible: bool,
    pub(super) parts: Vec<KeyPart>,
}

/// The typed column, or why there is none.
pub(super) fn column(row: ColumnRow) -> Result<Column, String> {
    let kind = kind(&row.data_type).ok_or_else(|| {
        format!("column {} has the type {}, which this program does not know", row.name, row.column_type)
    })?;
    let numeric = matches!(
        kind,
        ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Float | ColumnKind::Double | ColumnKind::Year
    );
    // Members of an ENUM may hold any word, so only numeric types are searched.
    let word = |word: &str| numeric && row.column_type.split(' ').any(|part| part == word);
    let extra = row.extra.to_ascii_uppercase();
    Ok(Column {
        unsigned: word("unsigned"),
        zerofill: word("zerofill"),
        kind,
        nullable: row.nullable,
        charset: row.charset,
        collation: row.collation,
        generated: if extra.contains("VIRTUAL GENERATED") {
            Generated::Virtual
        } else if extra.contains("STORED GENERATED") || extra.contains("PERSISTENT") {
            Generated::Stored
        } else {
            Generated::No
        },
        invisible: extra.contains("INVISIBLE"),
        auto_increment: extra.contains("AUTO_INCREMENT"),
        fraction: row.fraction,
        name: row.name,
        sql_type: row.column_type,
    })
}

/// The key that ranges are cut along: the primary key, else the first unique key of `order` that qualifies. Every
/// column must be NOT NULL, whole, stored and of a kind that compares exactly. A key other than the primary one must
/// be visible, as FORCE INDEX on an invisible one is an error (1176). ENUM and SET may not stand first: the optimizer
/// makes no ranges of them (seen on 9.7.4), so each chunk would read the whole index.
pub(super) fn range_key(columns: &[Column], keys: &[UniqueKey], order: &[String]) -> Option<RangeKey> {
    order
        .iter()
        .filter_map(|name| keys.iter().find(|key| key.name == *name))
        .filter(|key| key.visible || key.name == "PRIMARY")
        .find_map(|key| usable(columns, key))
}

fn usable(columns: &[Column], key: &UniqueKey) -> Option<RangeKey> {
    let parts: Option<Vec<_>> = key.parts.iter().map(|part| usable_part(columns, part)).collect();
    let parts = parts.filter(|parts| {
        parts.first().is_some_and(|first| !matches!(columns[first.column].kind, ColumnKind::Enum | ColumnKind::Set))
    })?;
    Some(RangeKey { index: key.name.clone(), columns: parts })
}

fn usable_part(columns: &[Column], part: &KeyPart) -> Option<KeyColumn> {
    let name = part.column.as_ref()?;
    // Column names compare without case, and a key may have been written in another case than its column.
    let at = columns.iter().position(|column| column.name.to_lowercase() == name.to_lowercase())?;
    let column = &columns[at];
    let exact = !matches!(column.kind, ColumnKind::Json | ColumnKind::Geometry | ColumnKind::Vector);
    let usable = !part.prefix && !column.nullable && column.generated != Generated::Virtual && exact;
    usable.then(|| KeyColumn { name: column.name.clone(), column: at, descending: part.descending })
}

fn kind(data_type: &str) -> Option<ColumnKind> {
    Some(match data_type {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => ColumnKind::Integer,
        "decimal" => ColumnKind::Decimal,
        "float" => ColumnKind::Float,
        "double" => ColumnKind::Double,
        "bit" => ColumnKind::Bit,
        "year" => ColumnKind::Year,
        "date" => ColumnKind::Date,
        "time" => ColumnKind::Time,
        "datetime" => ColumnKind::Datetime,
        "timestamp" => ColumnKind::Timestamp,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => ColumnKind::Text,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => ColumnKind::Bytes,
        "enum" => ColumnKind::Enum,
        "set" => ColumnKind::Set,
        "json" => ColumnKind::Json,
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
        | "geomcollection" | "geometrycollection" => ColumnKind::Geometry,
        "vector" => ColumnKind::Vector,
        "uuid" | "inet4" | "inet6" => ColumnKind::TypedText,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, data_type: &str, column_type: &str, extra: &str) -> ColumnRow {
        ColumnRow {
            name: name.into(),
            data_type: data_type.into(),
            column_type: column_type.into(),
            nullable: false,
            charset: None,
            collation: None,
            extra: extra.into(),
            fraction: 0,
        }
    }

    #[test]
    fn flags_come_from_the_type_and_not_from_members() {
        let id = column(row("id", "int", "int(10) unsigned zerofill", "auto_increment INVISIBLE")).unwrap();
        assert!(id.unsigned && id.zerofill && id.auto_increment && id.invisible);
        let e = column(row("e", "enum", "enum('a unsigned','b zerofill c')", "DEFAULT_GENERATED")).unwrap();
        assert!(!e.unsigned && !e.zerofill && e.generated == Generated::No);
        assert_eq!(column(row("v", "int", "int", "VIRTUAL GENERATED")).unwrap().generated, Generated::Virtual);
        assert!(column(row("x", "xmltype", "xmltype", "")).unwrap_err().contains("xmltype"));
    }

    #[test]
    fn the_first_key_that_qualifies() {
        let mut columns = vec![
            column(row("a", "int", "int", "")).unwrap(),
            column(row("b", "varchar", "varchar(9)", "")).unwrap(),
            column(row("v", "int", "int", "VIRTUAL GENERATED")).unwrap(),
            column(row("e", "enum", "enum('x')", "")).unwrap(),
        ];
        columns[1].nullable = true;
        let part = |name: &str| KeyPart { column: Some(name.into()), descending: false, prefix: false };
        let key = |name: &str, visible: bool, parts: Vec<KeyPart>| UniqueKey { name: name.into(), visible, parts };
        let keys = [
            key("nullable", true, vec![part("b")]),
            key("virtual", true, vec![part("v")]),
            key("prefix", true, vec![KeyPart { prefix: true, ..part("a") }]),
            key("expression", true, vec![KeyPart { column: None, ..part("a") }]),
            key("hidden", false, vec![part("a")]),
            key("enum first", true, vec![part("e"), part("a")]),
            key("good", true, vec![KeyPart { descending: true, ..part("A") }]),
        ];
        let order: Vec<_> = keys.iter().map(|key| key.name.clone()).collect();
        let found = range_key(&columns, &keys, &order).unwrap();
        assert_eq!(found.index, "good");
        assert_eq!(found.columns, [KeyColumn { name: "a".into(), column: 0, descending: true }]);
        assert_eq!(range_key(&columns, &keys[..6], &order), None);
    }
}
