//! The hot path: a row packet becomes a line of row text and a hash. For most tables the packet's own bytes are
//! the canonical bytes of the digest, so a row is walked once, escaped once and hashed where it lies.

use super::digest::Tally;
use super::layout::{Field, Protocol, RowLayout};
use super::typed::{self, TypedValue};
use super::wire::{self, NULL, Truncated};
use crate::schema::ColumnKind;
use std::io::Write;
use xxhash_rust::xxh3::xxh3_128;

/// A packet that does not fit its layout.
#[derive(Debug, thiserror::Error)]
#[error("a row packet does not fit the columns of {table}: {why}")]
pub struct RowError {
    /// The table, for people.
    pub table: String,
    /// What does not fit.
    pub why: String,
}

/// Turns the packets of one table into row text and digest. Holds scratch space; one for each reader and table.
pub struct RowEncoder {
    layout: RowLayout,
    /// Column type bytes of the result set; used in the binary protocol only.
    types: Vec<u8>,
    table: String,
    canonical: Vec<u8>,
    generated: Vec<u8>,
    without_json: Vec<u8>,
    value: Vec<u8>,
    typed: Vec<(usize, TypedValue)>,
}

/// Scratch above this is given back after the row that needed it.
const SCRATCH_BYTES_KEPT: usize = 4 << 20;

/// Column type bytes of the protocol (`enum_field_types` in the server's field_types.h).
mod field_type {
    pub const TINY: u8 = 1;
    pub const SHORT: u8 = 2;
    pub const LONG: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const DOUBLE: u8 = 5;
    pub const TIMESTAMP: u8 = 7;
    pub const LONGLONG: u8 = 8;
    pub const INT24: u8 = 9;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const DATETIME: u8 = 12;
    pub const YEAR: u8 = 13;
}

impl RowEncoder {
    /// An encoder for packets of `layout`; `types` are the result set's column type bytes.
    pub fn new(layout: RowLayout, types: Vec<u8>, table: impl Into<String>) -> RowEncoder {
        RowEncoder {
            layout,
            types,
            table: table.into(),
            canonical: Vec::new(),
            generated: Vec::new(),
            without_json: Vec::new(),
            value: Vec::new(),
            typed: Vec::new(),
        }
    }

    /// The layout.
    pub fn layout(&self) -> &RowLayout {
        &self.layout
    }

    /// Appends the row's line to `text` (where given), adds the row to `tally`, and returns its hash.
    #[inline]
    pub fn encode(&mut self, packet: &[u8], text: Option<&mut Vec<u8>>, tally: &mut Tally) -> Result<u128, RowError> {
        let encoded = if self.layout.packet_is_canonical && self.layout.json.is_empty() {
            encode_plain(&self.layout, packet, text).map_err(|Truncated| CUT_SHORT)
        } else {
            self.encode_rewritten(packet, text, tally)
        };
        match encoded {
            Ok(hash) => {
                tally.rows += 1;
                tally.digest.add_hash(hash);
                Ok(hash)
            }
            Err(why) => Err(RowError { table: self.table.clone(), why: why.into() }),
        }
    }

    /// The values of the row encoded last that stand in the typed list, with the place of their field; taken out.
    pub fn take_typed(&mut self) -> std::vec::Drain<'_, (usize, TypedValue)> {
        self.typed.drain(..)
    }

    /// The values of a row as row text fields before escaping; for keys at cuts and for INSERT, not for the hot path.
    pub fn values(&mut self, packet: &[u8]) -> Result<Vec<Option<Vec<u8>>>, RowError> {
        let failed = |Truncated| RowError { table: self.table.clone(), why: CUT_SHORT.into() };
        let (mut cursor, _) = Cursor::new(&self.layout, &self.types, packet).map_err(failed)?;
        let mut values = Vec::with_capacity(self.layout.fields.len());
        for (i, field) in self.layout.fields.iter().enumerate() {
            let value = cursor.next(i, field, &mut self.value, None).map_err(failed)?;
            values.push(value.map(<[u8]>::to_vec));
        }
        Ok(values)
    }

    /// Tables whose canonical bytes differ from the packet: floats, zero fill, stored generated columns, JSON.
    fn encode_rewritten(
        &mut self,
        packet: &[u8],
        mut text: Option<&mut Vec<u8>>,
        tally: &mut Tally,
    ) -> Result<u128, &'static str> {
        let RowEncoder { layout, types, canonical, generated, without_json, value, typed, .. } = self;
        canonical.clear();
        generated.clear();
        without_json.clear();
        typed.clear();
        tally.untyped.resize(layout.json.len(), 0);
        let (mut cursor, mut flags) = Cursor::new(layout, types, packet).map_err(|Truncated| CUT_SHORT)?;
        for (i, field) in layout.fields.iter().enumerate() {
            let target = if field.generated { &mut *generated } else { &mut *canonical };
            let start = target.len();
            let value = cursor.next(i, field, value, Some(target)).map_err(|Truncated| CUT_SHORT)?;
            if field.kind == ColumnKind::Json && !field.generated {
                let flag = flags.next().unwrap_or_default();
                if let (Some(document), false) = (value, flag.is_empty()) {
                    let first = typed.len();
                    match typed::find(document, flag).map_err(|typed::Misfit| NO_SUCH_TYPES)? {
                        Some(values) => typed.extend(values.into_iter().map(|value| (i, value))),
                        None => tally.untyped[layout.json.iter().position(|&json| json == i).unwrap_or(0)] += 1,
                    }
                    typed[first..].sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
                    put_typed_canonical(target, start, document, typed[first..].iter().map(|(_, value)| value));
                }
            }
            if !layout.json.is_empty() && !field.generated {
                if field.kind == ColumnKind::Json {
                    without_json.push(NULL);
                } else {
                    without_json.extend_from_slice(&canonical[start..]);
                }
            }
            if let Some(text) = text.as_deref_mut() {
                if i > 0 {
                    text.push(b'\t');
                }
                match value {
                    None => text.extend_from_slice(b"\\N"),
                    Some(value) if field.needs_no_escape() => text.extend_from_slice(value),
                    Some(value) => put_escaped(text, value),
                }
            }
        }
        if let Some(text) = text {
            text.push(b'\n');
        }
        if !layout.json.is_empty() {
            tally.without_json.add_hash(xxh3_128(without_json));
        }
        if layout.has_generated {
            tally.generated.add_hash(xxh3_128(generated));
        }
        let hash = xxh3_128(canonical);
        for scratch in [canonical, generated, without_json] {
            if scratch.capacity() > SCRATCH_BYTES_KEPT {
                *scratch = Vec::new();
            }
        }
        Ok(hash)
    }
}

const CUT_SHORT: &str = "it ends inside a value";
const NO_SUCH_TYPES: &str = "the types of a JSON document's values do not fit its text";

/// The canonical bytes of a document with typed values, in place of those of its text alone, which begin at `start`
/// (docs/format.md section 4.5).
pub(super) fn put_typed_canonical<'a>(
    canonical: &mut Vec<u8>,
    start: usize,
    document: &[u8],
    values: impl Iterator<Item = &'a TypedValue>,
) {
    let mut values = values.peekable();
    if values.peek().is_none() {
        return;
    }
    let mut whole = document.to_vec();
    whole.push(0);
    for TypedValue { path, kind, value } in values {
        wire::put_lenenc(&mut whole, path);
        wire::put_lenenc(&mut whole, kind.name().as_bytes());
        wire::put_lenenc(&mut whole, value);
    }
    canonical.truncate(start);
    wire::put_lenenc(canonical, &whole);
}

/// Text protocol, nothing to rewrite: the packet is its own canonical form.
#[inline]
fn encode_plain(layout: &RowLayout, packet: &[u8], text: Option<&mut Vec<u8>>) -> Result<u128, Truncated> {
    let Some(text) = text else {
        // The flags are absent here, so the whole packet counts; a table without fields selects a constant.
        return Ok(xxh3_128(if layout.fields.is_empty() { &[] } else { packet }));
    };
    let mut at = 0;
    for (i, field) in layout.fields.iter().enumerate() {
        if i > 0 {
            text.push(b'\t');
        }
        let (bounds, next) = wire::lenenc(packet, at)?;
        match bounds {
            None => text.extend_from_slice(b"\\N"),
            Some((start, end)) if field.needs_no_escape() => text.extend_from_slice(&packet[start..end]),
            Some((start, end)) => put_escaped(text, &packet[start..end]),
        }
        at = next;
    }
    text.push(b'\n');
    Ok(xxh3_128(&packet[..at]))
}

/// Appends a field with backslash, TAB and LF escaped.
#[inline]
pub fn put_escaped(out: &mut Vec<u8>, value: &[u8]) {
    let mut from = 0;
    while let Some(found) = memchr::memchr3(b'\\', b'\t', b'\n', &value[from..]) {
        let at = from + found;
        out.extend_from_slice(&value[from..at]);
        out.extend_from_slice(match value[at] {
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            _ => b"\\\\",
        });
        from = at + 1;
    }
    out.extend_from_slice(&value[from..]);
}

/// Undoes [`put_escaped`] for one field; `None` for `\N`.
pub fn unescape(field: &[u8]) -> Option<Vec<u8>> {
    if field == b"\\N" {
        return None;
    }
    let mut value = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b't') => value.push(b'\t'),
                Some(b'n') => value.push(b'\n'),
                Some(&other) => value.push(other),
                None => value.push(b'\\'),
            },
            byte => value.push(byte),
        }
    }
    Some(value)
}

/// Where a value lies.
enum Found<'a> {
    Null,
    /// In the packet.
    Packet(&'a [u8]),
    /// In the scratch space.
    Scratch,
}

/// Walks the values of one packet in either protocol.
struct Cursor<'a> {
    packet: &'a [u8],
    at: usize,
    binary: bool,
    types: &'a [u8],
    /// Columns of the packet before the first field.
    flags: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the first field, and the flags before it.
    fn new(
        layout: &RowLayout,
        types: &'a [u8],
        packet: &'a [u8],
    ) -> Result<(Self, std::vec::IntoIter<&'a [u8]>), Truncated> {
        let binary = layout.protocol == Protocol::Binary;
        // Binary rows: one header byte, then a NULL bitmap with two bits reserved.
        let flags = layout.json.len();
        let columns = layout.fields.len() + flags;
        let mut at = if binary { 1 + (columns + 9) / 8 } else { 0 };
        let mut texts = Vec::with_capacity(flags);
        for flag in 0..flags {
            // A flag is never NULL; in a binary row nothing would stand for it.
            let bit = flag + 2;
            if binary && packet.get(1 + bit / 8).ok_or(Truncated)? & (1 << (bit % 8)) != 0 {
                return Err(Truncated);
            }
            let (bounds, next) = wire::lenenc(packet, at)?;
            texts.push(bounds.map_or(&packet[..0], |(start, end)| &packet[start..end]));
            at = next;
        }
        Ok((Cursor { packet, at, binary, types, flags }, texts.into_iter()))
    }

    /// The next value's text, none for NULL; its canonical form is appended to `canonical`. The text lies in the packet
    /// wherever it needs no rewriting, else in `scratch`.
    fn next<'v>(
        &mut self,
        i: usize,
        field: &Field,
        scratch: &'v mut Vec<u8>,
        canonical: Option<&mut Vec<u8>>,
    ) -> Result<Option<&'v [u8]>, Truncated>
    where
        'a: 'v,
    {
        scratch.clear();
        let found = if self.binary { self.binary_value(i, field, scratch)? } else { self.text_value(field)? };
        if let Some(canonical) = canonical {
            // FLOAT and DOUBLE stand in `scratch` as their IEEE bits here; their text follows below.
            match found {
                Found::Null => canonical.push(NULL),
                Found::Packet(value) => wire::put_lenenc(canonical, value),
                Found::Scratch => wire::put_lenenc(canonical, scratch),
            }
        }
        Ok(match found {
            Found::Null => None,
            Found::Packet(value) => Some(value),
            Found::Scratch => {
                float_bits_to_text(field.kind, scratch);
                Some(scratch)
            }
        })
    }

    fn text_value(&mut self, field: &Field) -> Result<Found<'a>, Truncated> {
        let (bounds, next) = wire::lenenc(self.packet, self.at)?;
        self.at = next;
        let Some((start, end)) = bounds else { return Ok(Found::Null) };
        let bytes = &self.packet[start..end];
        Ok(Found::Packet(if field.zerofill { wire::strip_zero_fill(bytes) } else { bytes }))
    }

    fn binary_value(&mut self, i: usize, field: &Field, value: &mut Vec<u8>) -> Result<Found<'a>, Truncated> {
        let bit = self.flags + i + 2;
        if self.packet.get(1 + bit / 8).ok_or(Truncated)? & (1 << (bit % 8)) != 0 {
            return Ok(Found::Null);
        }
        let kind = *self.types.get(self.flags + i).ok_or(Truncated)?;
        let width = match kind {
            field_type::TINY => 1,
            field_type::SHORT | field_type::YEAR => 2,
            field_type::LONG | field_type::INT24 | field_type::FLOAT => 4,
            field_type::LONGLONG | field_type::DOUBLE => 8,
            _ => 0,
        };
        if width > 0 {
            let number = wire::little_endian(self.packet, self.at, width)?;
            self.at += width;
            let unsigned = field.unsigned || matches!(field.kind, ColumnKind::Enum | ColumnKind::Set);
            put_number(value, number, width, kind, unsigned);
            return Ok(Found::Scratch);
        }
        let (bounds, next) = wire::lenenc(self.packet, self.at)?;
        let (start, end) = bounds.ok_or(Truncated)?;
        let bytes = &self.packet[start..end];
        self.at = next;
        match kind {
            field_type::DATE => wire::put_datetime(value, bytes, true, 0)?,
            field_type::DATETIME | field_type::TIMESTAMP => wire::put_datetime(value, bytes, false, field.fraction)?,
            field_type::TIME => wire::put_time(value, bytes, field.fraction)?,
            _ if field.zerofill => return Ok(Found::Packet(wire::strip_zero_fill(bytes))),
            _ => return Ok(Found::Packet(bytes)),
        }
        Ok(Found::Scratch)
    }
}

/// Integers as digits, YEAR as four digits, FLOAT and DOUBLE as their bits (turned into text later).
fn put_number(value: &mut Vec<u8>, number: u64, width: usize, kind: u8, unsigned: bool) {
    match kind {
        field_type::FLOAT | field_type::DOUBLE => value.extend_from_slice(&number.to_le_bytes()[..width]),
        field_type::YEAR => write!(value, "{number:04}").expect("writing to a vector"),
        _ if unsigned => value.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        _ => {
            let shift = 64 - 8 * width as u32;
            let signed = ((number << shift) as i64) >> shift;
            value.extend_from_slice(itoa::Buffer::new().format(signed).as_bytes());
        }
    }
}

/// FLOAT with nine significant digits (a float's shortest text is not always read back to the same bits),
/// DOUBLE with its shortest text.
fn float_bits_to_text(kind: ColumnKind, value: &mut Vec<u8>) {
    match (kind, value.len()) {
        (ColumnKind::Float, 4) => {
            let number = f32::from_le_bytes([value[0], value[1], value[2], value[3]]);
            value.clear();
            // Nine digits round the largest float above itself: stored right, but with a warning of its own.
            match number.abs() == f32::MAX {
                true => write!(value, "{:e}", f64::from(number)),
                false => write!(value, "{number:.8e}"),
            }
            .expect("writing to a vector");
        }
        (ColumnKind::Double, 8) => {
            let mut bits = [0; 8];
            bits.copy_from_slice(value);
            let number = f64::from_le_bytes(bits);
            value.clear();
            write!(value, "{number:e}").expect("writing to a vector");
        }
        _ => {}
    }
}
