//! Keys that ranges are cut along, and bounds as the key is stored. Pure.
//!
//! A range is open below or begins just after `lo`, and is open above or ends with `hi`; "after" and
//! "before" are the order of the key itself, so a descending column turns the comparison round. A bound
//! has a value for each key column.

use super::{Column, ColumnKind, quote};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One column of a range key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyColumn {
    /// The column's name.
    pub name: String,
    /// Its place among all columns of the table, from 0.
    pub column: usize,
    /// The key stores it in descending order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
}

/// The key along which a table is cut: the primary key, else a unique key over NOT NULL columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeKey {
    /// Index name, `PRIMARY` for the primary key.
    pub index: String,
    /// Its columns, in key order; never a prefix of a column, never a virtual column.
    pub columns: Vec<KeyColumn>,
}

/// One value of a bound.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyValue {
    /// A number or a temporal value in the server's own text (`-5`, `1.5e0`, `2024-01-31 00:00:00.000000`).
    Plain(String),
    /// Bytes of a text or binary column in its own character set.
    Bytes(Vec<u8>),
}

/// A bound: a value for each column of the range key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bound(pub Vec<KeyValue>);

/// Rows after `lo` (exclusive) up to `hi` (inclusive), in key order; `None` is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Range {
    /// The bound that the range begins just after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lo: Option<Bound>,
    /// The bound that the range ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hi: Option<Bound>,
}

impl Range {
    /// The range that holds every row.
    pub fn whole() -> Self {
        Range::default()
    }
}

/// In JSON plain values stand as text and bytes as `0x…`; plain values never begin with `0x`.
impl Serialize for KeyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            KeyValue::Plain(text) => serializer.serialize_str(text),
            KeyValue::Bytes(bytes) => serializer.serialize_str(&format!("0x{}", hex::encode(bytes))),
        }
    }
}

impl<'de> Deserialize<'de> for KeyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix("0x") {
            Some(digits) => hex::decode(digits).map(KeyValue::Bytes).map_err(serde::de::Error::custom),
            None => Ok(KeyValue::Plain(text)),
        }
    }
}

/// For people: a bound in a message, text shown where it is readable.
impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, value) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            match value {
                KeyValue::Plain(text) => f.write_str(text)?,
                KeyValue::Bytes(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) if !text.chars().any(char::is_control) => write!(f, "'{text}'")?,
                    _ => write!(f, "0x{}", hex::encode(bytes))?,
                },
            }
        }
        Ok(())
    }
}

/// For people: `(-∞, 17]`.
impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.lo {
            Some(lo) => write!(f, "({lo}")?,
            None => f.write_str("(start")?,
        }
        match &self.hi {
            Some(hi) => write!(f, " .. {hi}]"),
            None => f.write_str(" .. end)"),
        }
    }
}

impl RangeKey {
    /// True where the bounds of a range that was read from a repository are such as this key has: a value for each column,
    /// numbers, moments and addresses of nothing but their own characters, since they go into statements as they are.
    pub fn takes(&self, range: &Range) -> bool {
        let plain = |text: &str| {
            // The `e` of a DOUBLE is one of the hexadecimal digits that UUID and INET6 have.
            let own = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'+' | b'-' | b'.' | b':' | b' ');
            !text.is_empty() && text.bytes().all(own)
        };
        let fits = |value: &KeyValue| match value {
            KeyValue::Plain(text) => plain(text),
            KeyValue::Bytes(_) => true,
        };
        let mut bounds = range.lo.iter().chain(&range.hi);
        bounds.all(|bound| bound.0.len() == self.columns.len() && bound.0.iter().all(fits))
    }

    /// `ORDER BY` list in key order, each column as it is stored.
    pub fn order_by(&self) -> String {
        let parts: Vec<_> = self
            .columns
            .iter()
            .map(|c| format!("{}{}", quote(&c.name), if c.descending { " DESC" } else { "" }))
            .collect();
        parts.join(", ")
    }

    /// The condition for the rows of `range`; none where it is open on both sides.
    ///
    /// A comparison of several columns is written out as ORs of equal prefixes, which MySQL turns into index
    /// ranges (a row comparison `(a, b) > (1, 2)` is not); the bound on the first column is repeated by
    /// itself so that the optimizer always has a plain range.
    pub fn condition(&self, range: &Range, columns: &[Column]) -> Option<String> {
        let lo = range.lo.as_ref().map(|bound| self.compare(bound, columns, false));
        let hi = range.hi.as_ref().map(|bound| self.compare(bound, columns, true));
        match (lo, hi) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => Some(one),
            (Some(lo), Some(hi)) => Some(format!("{lo} AND {hi}")),
        }
    }

    /// The condition for the row that stands at `bound`, equal as the server compares.
    pub fn at(&self, bound: &Bound, columns: &[Column]) -> String {
        let literal = |(key, value): (&KeyColumn, &KeyValue)| {
            format!("{} = {}", quote(&key.name), value_literal(value, &columns[key.column]))
        };
        self.columns.iter().zip(&bound.0).map(literal).collect::<Vec<_>>().join(" AND ")
    }

    /// Rows up to and with `bound` (`upto`), or after it.
    fn compare(&self, bound: &Bound, columns: &[Column], upto: bool) -> String {
        let mut ors = Vec::with_capacity(self.columns.len());
        let mut equal = String::new();
        let last = bound.0.len() - 1;
        for (i, (key, value)) in self.columns.iter().zip(&bound.0).enumerate() {
            let name = quote(&key.name);
            let literal = value_literal(value, &columns[key.column]);
            let operator = match (upto != key.descending, i == last && upto) {
                (true, true) => "<=",
                (true, false) => "<",
                (false, true) => ">=",
                (false, false) => ">",
            };
            ors.push(format!("{equal}{name} {operator} {literal}"));
            equal.push_str(&format!("{name} = {literal} AND "));
        }
        if ors.len() == 1 {
            return format!("({})", ors.remove(0));
        }
        let first = &self.columns[0];
        let outer = if upto != first.descending { "<=" } else { ">=" };
        let lead = format!("{} {outer} {}", quote(&first.name), value_literal(&bound.0[0], &columns[first.column]));
        format!("({lead} AND ({}))", ors.join(" OR "))
    }
}

/// A key value as a literal that compares the way the key is stored: numbers for numeric kinds, ENUM, SET
/// and BIT; the column's own introducer and collation for text.
pub fn value_literal(value: &KeyValue, column: &Column) -> String {
    match value {
        KeyValue::Plain(text) => match column.kind {
            ColumnKind::Date
            | ColumnKind::Time
            | ColumnKind::Datetime
            | ColumnKind::Timestamp
            | ColumnKind::TypedText => format!("'{text}'"),
            ColumnKind::Float => float_literal(text),
            _ => text.clone(),
        },
        KeyValue::Bytes(bytes) => {
            let hex = super::identifier::hex_literal(bytes);
            match (column.kind, &column.charset, &column.collation) {
                (ColumnKind::Text, Some(charset), Some(collation)) => format!("_{charset} {hex} COLLATE {collation}"),
                _ => hex,
            }
        }
    }
}

/// A FLOAT compares as the DOUBLE of the same value, which is not the DOUBLE that its nine digits stand for: with those
/// a row would lie beyond its own bound (0.1 is 0.10000000149011612, seen on 9.7.4).
fn float_literal(text: &str) -> String {
    text.parse::<f32>().map_or_else(|_| text.to_owned(), |float| format!("{:e}", f64::from(float)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_that_a_key_does_not_have_are_not_taken() {
        let part = |name: &str, column| KeyColumn { name: name.into(), column, descending: false };
        let key = RangeKey { index: "PRIMARY".into(), columns: vec![part("a", 0), part("b", 1)] };
        let plain = |text: &str| KeyValue::Plain(text.into());
        let takes = |values: Vec<KeyValue>| key.takes(&Range { lo: None, hi: Some(Bound(values)) });
        assert!(key.takes(&Range::whole()));
        for text in [
            "-5",
            "1.5e-10",
            "2024-01-31 00:00:00.000000",
            "-838:59:59",
            "-0e0",
            "c4ca4238-a0b9-4238-8dcc-509a6f75849b",
            "::ffff:c0:80",
        ] {
            assert!(takes(vec![plain(text), KeyValue::Bytes(b"' OR 1".to_vec())]), "{text}");
        }
        for values in [vec![], vec![plain("1")], vec![plain("1"), plain("")], vec![plain("1"), plain("1 OR 1=1")]] {
            assert!(!takes(values.clone()), "{values:?}");
        }
    }
}
