//! Documents: a line of JSON and a line with its SHA-256 (docs/format.md section 2).

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The bytes of a document that holds `value`, and its SHA-256 in hex.
pub fn seal<T: Serialize>(value: &T) -> (Vec<u8>, String) {
    let mut bytes = serde_json::to_vec(value).expect("records serialise");
    bytes.push(b'\n');
    let hash = hex::encode(Sha256::digest(&bytes));
    bytes.extend_from_slice(format!("\"sha256:{hash}\"\n").as_bytes());
    (bytes, hash)
}

/// Reads a document: its first line's value and SHA-256. The error says what is wrong, not where.
pub fn open(bytes: &[u8]) -> Result<(serde_json::Value, String), String> {
    let (line, hash) = checked_line(bytes)?;
    Ok((parse(line)?, hash))
}

/// A record out of a document's line. Fields that it does not know are passed over and take no memory.
pub fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => format!("a field is not as it should be: {e}"),
        _ => format!("it is no JSON: {e}"),
    })
}

/// The first line of a document, and its SHA-256, which the second line must name.
pub fn checked_line(bytes: &[u8]) -> Result<(&[u8], String), String> {
    let end = memchr::memchr(b'\n', bytes).ok_or("it has no whole line")? + 1;
    let hash = hex::encode(Sha256::digest(&bytes[..end]));
    if &bytes[end..] != format!("\"sha256:{hash}\"\n").as_bytes() {
        return Err("its hash does not fit its text".into());
    }
    Ok((&bytes[..end], hash))
}

/// A record out of a document's value.
pub fn decode<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|e| format!("a field is not as it should be: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_change_is_seen(text in ".{0,200}", at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let (mut bytes, hash) = seal(&text);
            prop_assert_eq!(open(&bytes).unwrap().1, hash);
            let at = at.index(bytes.len());
            prop_assert!(open(&bytes[..at]).is_err());
            bytes[at] ^= 1 << bit;
            prop_assert!(open(&bytes).is_err());
        }
    }
}
