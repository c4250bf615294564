//! What is encoded decodes to the same bytes; digests depend neither on order nor on cuts nor on the protocol.

use super::row::{RowEncoder, put_escaped, unescape};
use super::wire::{NULL, put_lenenc};
use super::{LineHasher, RowDigest, RowLayout, Tally, line};
use crate::schema::{Column, ColumnKind, QualifiedName, Table};
use proptest::prelude::*;

fn table(columns: Vec<Column>) -> Table {
    Table::of_columns(QualifiedName::new("s", "t"), columns)
}

fn bytes_table() -> Table {
    table(vec![
        Column::new("a", ColumnKind::Bytes),
        Column::new("b", ColumnKind::Text),
        Column::new("c", ColumnKind::Bytes),
    ])
}

#[test]
fn a_document_of_a_type_that_cannot_be_given_back_is_counted() {
    let table = table(vec![Column::new("id", ColumnKind::Integer), Column::new("doc", ColumnKind::Json)]);
    let row = |flag: &str, document: &str| packet(&[flag, "1", document].map(|v| Some(v.as_bytes().to_vec())).to_vec());
    let odd = row("e2 1:DECIMAL 2:OPAQUE", r#"[1.50, "base64:type246:YQ=="]"#);
    let plain = row("", "[1.5]");
    let (text, tally) = encode(&table, &[], &[plain.clone(), odd, plain]);
    assert_eq!(decode(&text).len(), 3);
    assert_eq!(tally.untyped, [1]);

    let mut encoder = RowEncoder::new(RowLayout::of(&table), Vec::new(), "s.t");
    let mut hash = |flag: &str, document: &str| {
        let hash = encoder.encode(&row(flag, document), None, &mut Tally::default()).unwrap();
        (hash, encoder.take_typed().count())
    };
    let (as_double, as_decimal) = (hash("", "[1.50]"), hash("e1 1:DECIMAL", "[1.50]"));
    assert_eq!((as_double.1, as_decimal.1), (0, 1));
    assert_ne!(as_double.0, as_decimal.0);
    assert!(encoder.encode(&row("e1 2:DECIMAL", "[1.50]"), None, &mut Tally::default()).is_err());
}

type Row = Vec<Option<Vec<u8>>>;

fn packet(row: &Row) -> Vec<u8> {
    let mut packet = Vec::new();
    for value in row {
        match value {
            None => packet.push(NULL),
            Some(bytes) => put_lenenc(&mut packet, bytes),
        }
    }
    packet
}

fn encode(table: &Table, types: &[u8], packets: &[Vec<u8>]) -> (Vec<u8>, Tally) {
    let mut encoder = RowEncoder::new(RowLayout::of(table), types.to_vec(), "s.t");
    let (mut text, mut tally) = (Vec::new(), Tally::default());
    for packet in packets {
        encoder.encode(packet, Some(&mut text), &mut tally).unwrap();
    }
    (text, tally)
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    let odd = prop::sample::select(vec![&b"\\N"[..], b"NULL", b"", b"\t", b"\n", b"\\", b"\\t\\n", b"\r\n\0\x1a"]);
    prop_oneof![
        Just(None),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Some),
        odd.prop_map(|bytes| Some(bytes.to_vec())),
    ]
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(prop::collection::vec(value(), 3), 0..40)
}

/// The text as LOAD DATA takes it apart.
fn decode(text: &[u8]) -> Vec<Row> {
    line::lines(text).map(line::values).collect()
}

/// The digest of stored rows, made from their text alone.
fn digest_of_text(table: &Table, text: &[u8]) -> RowDigest {
    let mut hasher = LineHasher::new(RowLayout::of(table), "s.t");
    let mut digest = RowDigest::default();
    line::rows(text, &[]).for_each(|row| digest.add_hash(hasher.hash(row).unwrap().row));
    digest
}

proptest! {
    #[test]
    fn arbitrary_bytes_come_back(rows in rows()) {
        let packets: Vec<_> = rows.iter().map(packet).collect();
        let (text, tally) = encode(&bytes_table(), &[], &packets);
        prop_assert_eq!(decode(&text), rows.clone());
        prop_assert_eq!(tally.rows, rows.len() as u64);
        prop_assert_eq!(tally.digest, digest_of_text(&bytes_table(), &text));
    }

    #[test]
    fn a_digest_depends_neither_on_order_nor_on_cuts(rows in rows(), cut in any::<prop::sample::Index>()) {
        let packets: Vec<_> = rows.iter().map(packet).collect();
        let whole = encode(&bytes_table(), &[], &packets).1;
        let mut reversed = packets.clone();
        reversed.reverse();
        prop_assert_eq!(whole.digest, encode(&bytes_table(), &[], &reversed).1.digest);
        let at = cut.index(packets.len() + 1);
        let mut parts = encode(&bytes_table(), &[], &packets[..at]).1;
        parts.add(&encode(&bytes_table(), &[], &packets[at..]).1);
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn one_bit_changes_a_digest(rows in rows(), row in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        prop_assume!(!rows.is_empty());
        let packets: Vec<_> = rows.iter().map(packet).collect();
        let mut changed = rows.clone();
        let row = row.index(rows.len());
        match changed[row].iter_mut().flatten().find(|value| !value.is_empty()) {
            Some(value) => { let at = at.index(value.len()); value[at] ^= 1 << bit; }
            None => changed[row][0] = Some(b"x".to_vec()),
        }
        let changed: Vec<_> = changed.iter().map(packet).collect();
        prop_assert_ne!(encode(&bytes_table(), &[], &packets).1.digest, encode(&bytes_table(), &[], &changed).1.digest);
    }

    #[test]
    fn a_cut_packet_is_an_error_and_no_panic(rows in rows(), at in any::<prop::sample::Index>()) {
        for row in &rows {
            let packet = packet(row);
            let cut = &packet[..at.index(packet.len())];
            let mut encoder = RowEncoder::new(RowLayout::of(&bytes_table()), Vec::new(), "s.t");
            prop_assert!(encoder.encode(cut, Some(&mut Vec::new()), &mut Tally::default()).is_err());
        }
    }

    #[test]
    fn floats_come_back_by_their_text(bits in any::<u32>(), wide in any::<u64>()) {
        let (float, double) = (f32::from_bits(bits), f64::from_bits(wide));
        prop_assume!(float.is_finite() && double.is_finite());
        let table = table(vec![Column::new("f", ColumnKind::Float), Column::new("d", ColumnKind::Double)]);
        let packet = [&[0, 0][..], &bits.to_le_bytes(), &wide.to_le_bytes()].concat();
        let (text, tally) = encode(&table, &[4, 5], &[packet]);
        let text = String::from_utf8(text).unwrap();
        let (f, d) = text.trim_end().split_once('\t').unwrap();
        // As the server reads them: text to double, FLOAT then rounded from the double.
        prop_assert_eq!((f.parse::<f64>().unwrap() as f32).to_bits(), bits);
        prop_assert_eq!(d.parse::<f64>().unwrap().to_bits(), wide);
        let canonical = [&[4][..], &bits.to_le_bytes(), &[8], &wide.to_le_bytes()].concat();
        prop_assert_eq!(tally.digest, RowDigest(xxhash_rust::xxh3::xxh3_128(&canonical)));
        prop_assert_eq!(tally.digest, digest_of_text(&table, text.as_bytes()));
    }

    #[test]
    fn escaping_leaves_no_byte_that_divides(value in prop::collection::vec(any::<u8>(), 0..500)) {
        let mut escaped = Vec::new();
        put_escaped(&mut escaped, &value);
        prop_assert!(!escaped.contains(&b'\t') && !escaped.contains(&b'\n'));
        prop_assert_eq!(unescape(&escaped), Some(value));
    }
}

/// The float whose shortest text is read back to another one.
#[test]
fn nine_digits_where_the_shortest_text_fails() {
    let bits = 0x95ae_43fd_u32;
    let shortest = format!("{}", f32::from_bits(bits));
    assert_ne!((shortest.parse::<f64>().unwrap() as f32).to_bits(), bits, "{shortest}");
    let exact = format!("{:.8e}", f32::from_bits(bits));
    assert_eq!((exact.parse::<f64>().unwrap() as f32).to_bits(), bits, "{exact}");
}

/// The same row by both protocols has the same digest and the same text.
#[test]
fn the_digest_does_not_depend_on_the_protocol() {
    use ColumnKind::{Date, Datetime, Decimal, Double, Enum, Integer, Time, Year};
    let mut columns = vec![
        Column::new("i", Integer),
        Column::new("u", Integer),
        Column::new("d", Decimal),
        Column::new("y", Year),
        Column::new("day", Date),
        Column::new("at", Datetime),
        Column::new("t", Time),
        Column::new("e", Enum),
        Column::new("n", Integer),
    ];
    columns[1].unsigned = true;
    columns[5].fraction = 3;
    let text_row: Row =
        ["-5", "18446744073709551615", "-12.50", "2024", "2024-02-30", "0000-00-00 00:00:00.000", "-34:22:59", "3"]
            .iter()
            .map(|value| Some(value.as_bytes().to_vec()))
            .chain([None])
            .collect();
    let by_text = encode(&table(columns.clone()), &[], &[packet(&text_row)]);
    columns.push(Column::new("x", Double));
    let with_float = table(columns);
    let mut binary = vec![0, 0, 0b0000_0100];
    binary.extend_from_slice(&(-5i32).to_le_bytes());
    binary.extend_from_slice(&u64::MAX.to_le_bytes());
    put_lenenc(&mut binary, b"-12.50");
    binary.extend_from_slice(&2024u16.to_le_bytes());
    put_lenenc(&mut binary, &[0xe8, 7, 2, 30]);
    put_lenenc(&mut binary, &[]);
    put_lenenc(&mut binary, &[1, 1, 0, 0, 0, 10, 22, 59]);
    binary.extend_from_slice(&3u64.to_le_bytes());
    binary.extend_from_slice(&1.5f64.to_le_bytes());
    let types = [3, 8, 246, 13, 10, 12, 11, 8, 3, 5];
    let by_binary = encode(&with_float, &types, &[binary]);
    let expected = [by_text.0.trim_ascii_end(), b"\t1.5e0\n"].concat();
    let expected_text = String::from_utf8(expected).unwrap();
    assert_eq!(String::from_utf8(by_binary.0).unwrap(), expected_text);
    let mut canonical = packet(&text_row);
    put_lenenc(&mut canonical, &1.5f64.to_le_bytes());
    assert_eq!(by_binary.1.digest, RowDigest(xxhash_rust::xxh3::xxh3_128(&canonical)));
    assert_eq!(by_binary.1.digest, digest_of_text(&with_float, expected_text.as_bytes()));
}
