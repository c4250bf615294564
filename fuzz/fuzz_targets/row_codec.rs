//! Any columns and any bytes as a row packet of either protocol: nothing panics; the row text gives the values back; and
//! the hash made from the text is the hash made from the packet. Input: number of columns, a byte a column (its type), a
//! byte of flags, the packet.

#![no_main]

use libfuzzer_sys::fuzz_target;
use myriad::codec::layout::Protocol;
use myriad::codec::typed::{self, ListedValue, TypedValue};
use myriad::codec::wire::{NULL, lenenc, put_lenenc};
use myriad::codec::{LineHasher, RowDigest, RowEncoder, RowLayout, Tally, line};
use myriad::schema::{Column, ColumnKind, Generated, QualifiedName, Table};

/// Kinds, each with the type byte by which a server sends it in the binary protocol.
const KINDS: [(ColumnKind, u8); 17] = [
    (ColumnKind::Bytes, 252),
    (ColumnKind::Text, 253),
    (ColumnKind::Integer, 1),
    (ColumnKind::Integer, 2),
    (ColumnKind::Integer, 3),
    (ColumnKind::Integer, 8),
    (ColumnKind::Decimal, 246),
    (ColumnKind::Float, 4),
    (ColumnKind::Double, 5),
    (ColumnKind::Bit, 16),
    (ColumnKind::Year, 13),
    (ColumnKind::Date, 10),
    (ColumnKind::Time, 11),
    (ColumnKind::Datetime, 12),
    (ColumnKind::Timestamp, 7),
    (ColumnKind::Enum, 8),
    (ColumnKind::Json, 245),
];

fuzz_target!(|data: &[u8]| {
    let Some((&count, rest)) = data.split_first() else { return };
    let count = usize::from(count % 9);
    if rest.len() < 2 * count {
        return;
    }
    let (bytes, packet) = rest.split_at(2 * count);
    let mut types = Vec::new();
    let columns = bytes.chunks(2).enumerate().map(|(i, byte)| {
        let (kind, type_byte) = KINDS[usize::from(byte[0]) % KINDS.len()];
        types.push(type_byte);
        Column {
            unsigned: byte[1] & 1 != 0,
            zerofill: byte[1] & 2 != 0 && matches!(kind, ColumnKind::Integer | ColumnKind::Decimal),
            generated: if byte[1] & 4 != 0 { Generated::Stored } else { Generated::No },
            fraction: byte[1] >> 3 & 7,
            ..Column::new(format!("c{i}"), kind)
        }
    });
    let table = Table::of_columns(QualifiedName::new("s", "t"), columns.collect());
    let layout = RowLayout::of(&table);
    // The flags come first.
    types.splice(0..0, layout.json.iter().map(|_| 253));
    row(&layout, &types, packet);
});

fn row(layout: &RowLayout, types: &[u8], packet: &[u8]) {
    let Some(encoded) = encode(layout, types, packet) else { return };
    let typed = listed(&encoded.typed);
    let values = RowEncoder::new(layout.clone(), types.to_vec(), "s.t").values(packet).expect("a row that was encoded");
    if !as_a_server_sends(layout, &values) {
        return;
    }
    let line = encoded.text.clone();
    let text = line.strip_suffix(b"\n").expect("a line ends with LF");
    assert!(!text.contains(&b'\n'));
    if !layout.fields.is_empty() {
        assert_eq!(line::values(text), values, "the text does not give the values back");
    }
    let row = line::StoredRow { line: text, typed: &typed };
    let hashes = LineHasher::new(layout.clone(), "s.t").hash(row).expect("a line that was made");
    // Packets may hold lengths in more bytes than they need, which no server sends; so the text protocol is asked with a
    // packet made anew.
    let mut expected = encoded;
    if layout.protocol == Protocol::Text {
        expected = encode(layout, types, &text_packet(layout, packet, &values)).expect("a packet of these values");
        assert_eq!(expected.text.strip_suffix(b"\n"), Some(text));
    }
    assert_eq!(RowDigest(hashes.row), expected.tally.digest, "the text has another hash than the packet");
    if !layout.json.is_empty() {
        assert_eq!(RowDigest(hashes.without_json), expected.tally.without_json);
    }
}

struct Encoded {
    text: Vec<u8>,
    typed: Vec<(usize, TypedValue)>,
    tally: Tally,
}

/// The typed values of a row, through the list that a chunk carries.
fn listed(typed: &[(usize, TypedValue)]) -> Vec<ListedValue> {
    let listed: Vec<_> =
        typed.iter().map(|(field, value)| ListedValue { row: 0, field: *field, value: value.clone() }).collect();
    let mut list = Vec::new();
    listed.iter().for_each(|value| typed::put_line(&mut list, value));
    assert_eq!(typed::parse_list(&list), Ok(listed.clone()));
    listed
}

fn encode(layout: &RowLayout, types: &[u8], packet: &[u8]) -> Option<Encoded> {
    let mut encoder = RowEncoder::new(layout.clone(), types.to_vec(), "s.t");
    let (mut text, mut tally) = (Vec::new(), Tally::default());
    let hash = encoder.encode(packet, Some(&mut text), &mut tally).ok()?;
    assert_eq!((tally.rows, tally.digest), (1, RowDigest(hash)));
    Some(Encoded { text, typed: encoder.take_typed().collect(), tally })
}

fn text_packet(layout: &RowLayout, packet: &[u8], values: &[Option<Vec<u8>>]) -> Vec<u8> {
    // The flags stay as they are.
    let flags = layout.json.iter().fold(0, |at, _| lenenc(packet, at).map_or(at, |(_, next)| next));
    let mut made = packet[..flags].to_vec();
    for value in values {
        match value {
            Some(value) => put_lenenc(&mut made, value),
            None => made.push(NULL),
        }
    }
    made
}

/// Numbers and moments hold no byte that divides fields, and no float is infinite.
fn as_a_server_sends(layout: &RowLayout, values: &[Option<Vec<u8>>]) -> bool {
    layout.fields.iter().zip(values).all(|(field, value)| {
        let Some(value) = value else { return true };
        let plain = !value.iter().any(|byte| matches!(byte, b'\\' | b'\t' | b'\n'));
        let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok());
        match field.kind {
            ColumnKind::Float | ColumnKind::Double => number().is_some_and(f64::is_finite),
            _ => plain || !field.needs_no_escape(),
        }
    })
}
