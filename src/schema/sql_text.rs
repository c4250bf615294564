//! SQL text as the server stores it: bytes, because a statement made by a latin1 client may hold bytes
//! that are no UTF-8. In JSON it is a string where it is UTF-8, else `{"hex": "…"}`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A SQL statement, byte for byte.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SqlText(pub Vec<u8>);

impl SqlText {
    /// The text for people, with bytes that are no UTF-8 replaced.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl From<&str> for SqlText {
    fn from(text: &str) -> Self {
        SqlText(text.as_bytes().to_vec())
    }
}

impl std::fmt::Debug for SqlText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.lossy())
    }
}

#[derive(Serialize, Deserialize)]
struct Hex {
    hex: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Hex(Hex),
}

impl Serialize for SqlText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Hex { hex: hex::encode(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SqlText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Stored::deserialize(deserializer)? {
            Stored::Text(text) => Ok(SqlText(text.into_bytes())),
            Stored::Hex(stored) => hex::decode(stored.hex).map(SqlText).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_come_back() {
        for bytes in [b"CREATE \xc3\xa4".to_vec(), b"_latin1'\xe4'".to_vec(), Vec::new()] {
            let json = serde_json::to_string(&SqlText(bytes.clone())).unwrap();
            assert_eq!(serde_json::from_str::<SqlText>(&json).unwrap().0, bytes, "{json}");
        }
    }
}
