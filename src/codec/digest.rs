//! The row digest: a sum of row hashes that depends neither on the order of rows nor on where ranges are
//! cut (docs/format.md section 4.5).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Sum modulo 2^128 of XXH3-128 over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RowDigest(pub u128);

impl RowDigest {
    /// Adds one row's hash.
    #[inline]
    pub fn add_hash(&mut self, hash: u128) {
        self.0 = self.0.wrapping_add(hash);
    }

    /// Adds the digest of other rows.
    pub fn add(&mut self, other: RowDigest) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl std::fmt::Display for RowDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for RowDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() != 32 {
            return Err(serde::de::Error::custom("a row digest has 32 hex digits"));
        }
        u128::from_str_radix(&text, 16).map(RowDigest).map_err(serde::de::Error::custom)
    }
}

/// What was counted over a run of rows: the proof of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows.
    pub rows: u64,
    /// Digest of the base columns.
    pub digest: RowDigest,
    /// Digest of the STORED generated columns; nought where the table has none.
    pub generated: RowDigest,
    /// Digest of the base columns with every JSON column taken as NULL; kept only for tables with JSON.
    pub without_json: RowDigest,
    /// For each JSON column of the layout: rows whose document holds a value that cannot be given back with its type.
    pub untyped: Vec<u64>,
    /// Bytes of the longest line of row text.
    pub widest: u64,
}

impl Tally {
    /// Adds what was counted over other rows of the same table.
    pub fn add(&mut self, other: &Tally) {
        self.rows += other.rows;
        self.digest.add(other.digest);
        self.generated.add(other.generated);
        self.without_json.add(other.without_json);
        self.widest = self.widest.max(other.widest);
        if self.untyped.len() < other.untyped.len() {
            self.untyped.resize(other.untyped.len(), 0);
        }
        for (mine, theirs) in self.untyped.iter_mut().zip(&other.untyped) {
            *mine += theirs;
        }
    }
}
