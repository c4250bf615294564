//! Values as people read them: text quoted and in its characters, whatever its character set; bytes in hexadecimal digits.
//! For messages and reports only, never sent to a server: characters that do not show are given as bytes.

use super::{Bound, Column, ColumnKind, KeyValue, Range, RangeKey};

/// Characters or bytes of one value that are shown; dots stand for the rest.
const SHOWN_MAX: usize = 64;

/// A key value: a number as it is, a moment and text in quotes, bytes as `0x…`.
pub fn key_value(value: &KeyValue, column: &Column) -> String {
    match value {
        KeyValue::Plain(text) => match column.kind {
            ColumnKind::Date | ColumnKind::Time | ColumnKind::Datetime | ColumnKind::Timestamp => format!("'{text}'"),
            _ => text.clone(),
        },
        KeyValue::Bytes(bytes) => text_or_bytes(bytes, column),
    }
}

/// The value of a field of row text, unescaped; none is NULL.
pub fn field_value(value: Option<&[u8]>, column: &Column) -> String {
    let Some(bytes) = value else { return "NULL".into() };
    match column.kind {
        ColumnKind::Text | ColumnKind::Json | ColumnKind::Bytes => text_or_bytes(bytes, column),
        ColumnKind::Bit | ColumnKind::Geometry | ColumnKind::Vector => hexadecimal(bytes),
        _ => key_value(&KeyValue::Plain(String::from_utf8_lossy(bytes).into_owned()), column),
    }
}

/// A range in the terms of its key: `(start .. 17]`.
pub fn range(range: &Range, key: &RangeKey, columns: &[Column]) -> String {
    let bound = |bound: &Bound| {
        let values = key.columns.iter().zip(&bound.0);
        values.map(|(part, value)| key_value(value, &columns[part.column])).collect::<Vec<_>>().join(", ")
    };
    let lo = range.lo.as_ref().map_or("start".into(), bound);
    match &range.hi {
        Some(hi) => format!("({lo} .. {}]", bound(hi)),
        None => format!("({lo} .. end)"),
    }
}

fn text_or_bytes(bytes: &[u8], column: &Column) -> String {
    let text = match column.kind {
        ColumnKind::Json => String::from_utf8(bytes.to_vec()).ok(),
        ColumnKind::Text => decoded(bytes, column.charset.as_deref().unwrap_or_default()),
        _ => None,
    };
    match text.filter(|text| !text.chars().any(char::is_control)) {
        Some(text) => quoted(&text),
        None => hexadecimal(bytes),
    }
}

/// Text of a character set as MySQL names it; none where it is not known here or the bytes are not whole.
fn decoded(bytes: &[u8], charset: &str) -> Option<String> {
    let pairs = |from: fn([u8; 2]) -> u16| {
        let (pairs, rest) = (bytes.chunks_exact(2), bytes.len() % 2);
        let units = pairs.map(|pair| from([pair[0], pair[1]]));
        char::decode_utf16(units).collect::<Result<String, _>>().ok().filter(|_| rest == 0)
    };
    match charset {
        "utf8mb4" | "utf8mb3" | "utf8" => String::from_utf8(bytes.to_vec()).ok(),
        // Above ASCII, MySQL's latin1 is Windows' 1252; 0x80 to 0x9f are not guessed at here.
        "latin1" if !bytes.iter().any(|byte| (0x80..=0x9f).contains(byte)) => {
            Some(bytes.iter().map(|&byte| char::from(byte)).collect())
        }
        "ucs2" | "utf16" => pairs(u16::from_be_bytes),
        "utf16le" => pairs(u16::from_le_bytes),
        "utf32" => {
            let points = bytes.chunks(4).map(|four| Some(u32::from_be_bytes(four.try_into().ok()?)));
            points.map(|point| char::from_u32(point?)).collect()
        }
        // Whatever else there is holds ASCII as it is, but some have bytes of ASCII inside longer characters.
        _ if bytes.is_ascii() => String::from_utf8(bytes.to_vec()).ok(),
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN_MAX).collect();
    let shown = shown.replace('\'', "''");
    if text.chars().count() > SHOWN_MAX { format!("'{shown}'...") } else { format!("'{shown}'") }
}

fn hexadecimal(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN_MAX) {
        Some(shown) if bytes.len() > SHOWN_MAX => format!("0x{}...", hex::encode(shown)),
        _ => format!("0x{}", hex::encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::KeyColumn;

    fn text(charset: &str) -> Column {
        Column { charset: Some(charset.into()), ..Column::new("c", ColumnKind::Text) }
    }

    #[test]
    fn text_shows_as_its_characters() {
        let shown = |charset: &str, bytes: &[u8]| field_value(Some(bytes), &text(charset));
        assert_eq!(shown("utf8mb4", "it's \u{e4}".as_bytes()), "'it''s \u{e4}'");
        assert_eq!(shown("latin1", b"\xe4b"), "'\u{e4}b'");
        assert_eq!(shown("latin1", b"\x80"), "0x80");
        assert_eq!(shown("utf16", b"\0a\xd8\x3d\xde\x00"), "'a\u{1f600}'");
        assert_eq!(shown("utf16le", b"a\0"), "'a'");
        assert_eq!(shown("ucs2", b"\0a\0"), "0x006100");
        assert_eq!(shown("utf32", b"\0\x01\xf6\0"), "'\u{1f600}'");
        assert_eq!(shown("utf32", b"\0\x01\xf6"), "0x0001f6");
        assert_eq!((shown("gbk", b"ab"), shown("gbk", b"\xd6\xd0")), ("'ab'".into(), "0xd6d0".into()));
        assert_eq!(shown("utf8mb4", b"a\n"), "0x610a");
        assert_eq!(shown("utf8mb4", b""), "''");
        assert_eq!(shown("utf8mb4", &[b'x'; 70]), format!("'{}'...", "x".repeat(64)));
        assert_eq!(field_value(Some(b"a"), &Column::new("b", ColumnKind::Bytes)), "0x61");
        assert_eq!(field_value(Some(b"1"), &Column::new("b", ColumnKind::Bit)), "0x31");
        assert_eq!(field_value(None, &text("utf8mb4")), "NULL");
        assert_eq!(field_value(Some(b"2024-01-02"), &Column::new("d", ColumnKind::Date)), "'2024-01-02'");
    }

    #[test]
    fn ranges_show_in_the_terms_of_their_key() {
        let columns = [Column::new("id", ColumnKind::Integer), text("latin1")];
        let part = |name: &str, column| KeyColumn { name: name.into(), column, descending: false };
        let key = RangeKey { index: "PRIMARY".into(), columns: vec![part("id", 0), part("c", 1)] };
        let hi = Bound(vec![KeyValue::Plain("-5".into()), KeyValue::Bytes(vec![0xe4])]);
        assert_eq!(range(&Range { lo: None, hi: Some(hi.clone()) }, &key, &columns), "(start .. -5, '\u{e4}']");
        assert_eq!(range(&Range { lo: Some(hi), hi: None }, &key, &columns), "(-5, '\u{e4}' .. end)");
    }
}
