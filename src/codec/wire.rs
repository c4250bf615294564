//! Values as MySQL's client protocol sends them: length-encoded strings of text rows, and the fixed forms
//! of binary rows (MySQL internals manual, "Protocol Basics" and "Binary Protocol Value"). Pure.

use std::io::Write;

/// The length and the start of a length-encoded string at `at`: `None` for NULL, else the value's bounds.
/// An `Err` says that the packet ends too early.
#[inline]
pub fn lenenc(packet: &[u8], at: usize) -> Result<(Option<(usize, usize)>, usize), Truncated> {
    let first = *packet.get(at).ok_or(Truncated)?;
    let (length, start) = match first {
        0..=0xfa => (first as usize, at + 1),
        0xfb => return Ok((None, at + 1)),
        0xfc => (little_endian(packet, at + 1, 2)? as usize, at + 3),
        0xfd => (little_endian(packet, at + 1, 3)? as usize, at + 4),
        _ => (usize::try_from(little_endian(packet, at + 1, 8)?).map_err(|_| Truncated)?, at + 9),
    };
    let end = start.checked_add(length).filter(|&end| end <= packet.len()).ok_or(Truncated)?;
    Ok((Some((start, end)), end))
}

/// The packet ended inside a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated;

/// Appends `bytes` as a length-encoded string, in the shortest form.
pub fn put_lenenc(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        length @ 0..=0xfa => out.push(length as u8),
        length @ 0xfb..=0xffff => {
            out.push(0xfc);
            out.extend_from_slice(&(length as u16).to_le_bytes());
        }
        length @ 0x1_0000..=0xff_ffff => {
            out.push(0xfd);
            out.extend_from_slice(&(length as u32).to_le_bytes()[..3]);
        }
        length => {
            out.push(0xfe);
            out.extend_from_slice(&(length as u64).to_le_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

/// NULL as a length-encoded string.
pub const NULL: u8 = 0xfb;

/// An unsigned little-endian number of `width` bytes (at most 8).
#[inline]
pub fn little_endian(packet: &[u8], at: usize, width: usize) -> Result<u64, Truncated> {
    let bytes = packet.get(at..at + width).ok_or(Truncated)?;
    let mut wide = [0u8; 8];
    wide[..width].copy_from_slice(bytes);
    Ok(u64::from_le_bytes(wide))
}

/// Appends the text of a DATE, DATETIME or TIMESTAMP that came in the binary protocol: a length byte, then
/// 0, 4, 7 or 11 bytes. `fraction` is the column's digits after the second; `date_only` for DATE.
pub fn put_datetime(out: &mut Vec<u8>, value: &[u8], date_only: bool, fraction: u8) -> Result<(), Truncated> {
    let (mut year, mut month, mut day) = (0, 0, 0);
    let (mut hour, mut minute, mut second, mut micros) = (0, 0, 0, 0);
    if value.len() >= 4 {
        (year, month, day) = (little_endian(value, 0, 2)?, value[2], value[3]);
    }
    if value.len() >= 7 {
        (hour, minute, second) = (value[4], value[5], value[6]);
    }
    if value.len() >= 11 {
        micros = little_endian(value, 7, 4)? as u32;
    }
    write!(out, "{year:04}-{month:02}-{day:02}").expect("writing to a vector");
    if !date_only {
        write!(out, " {hour:02}:{minute:02}:{second:02}").expect("writing to a vector");
        put_fraction(out, micros, fraction);
    }
    Ok(())
}

/// Appends the text of a TIME that came in the binary protocol: 0, 8 or 12 bytes (sign, days, h, m, s, micros).
pub fn put_time(out: &mut Vec<u8>, value: &[u8], fraction: u8) -> Result<(), Truncated> {
    let (mut negative, mut hours, mut minute, mut second, mut micros) = (false, 0, 0, 0, 0);
    if value.len() >= 8 {
        negative = value[0] != 0;
        hours = little_endian(value, 1, 4)? * 24 + u64::from(value[5]);
        (minute, second) = (value[6], value[7]);
    }
    if value.len() >= 12 {
        micros = little_endian(value, 8, 4)? as u32;
    }
    let sign = if negative { "-" } else { "" };
    write!(out, "{sign}{hours:02}:{minute:02}:{second:02}").expect("writing to a vector");
    put_fraction(out, micros, fraction);
    Ok(())
}

fn put_fraction(out: &mut Vec<u8>, micros: u32, digits: u8) {
    if digits > 0 {
        let digits = usize::from(digits.min(6));
        let shown = micros / 10u32.pow(6 - digits as u32);
        write!(out, ".{shown:0digits$}").expect("writing to a vector");
    }
}

/// Decimal digits without zero fill: leading zeros go, but one digit stays before the point or the end.
pub fn strip_zero_fill(digits: &[u8]) -> &[u8] {
    let mut start = 0;
    while start + 1 < digits.len() && digits[start] == b'0' && digits[start + 1].is_ascii_digit() {
        start += 1;
    }
    &digits[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenenc_round_trip_at_every_width() {
        for length in [0usize, 1, 250, 251, 252, 65535, 65536, 16_777_215, 16_777_216] {
            let mut packet = Vec::new();
            put_lenenc(&mut packet, &vec![7u8; length]);
            let (bounds, next) = lenenc(&packet, 0).unwrap();
            let (start, end) = bounds.unwrap();
            assert_eq!((end - start, next), (length, packet.len()));
            assert_eq!(lenenc(&packet[..packet.len() - 1], 0), Err(Truncated));
        }
        assert_eq!(lenenc(&[NULL], 0), Ok((None, 1)));
    }

    #[test]
    fn temporal_texts() {
        let text = |f: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            f(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(&|o| put_datetime(o, &[], true, 0).unwrap()), "0000-00-00");
        assert_eq!(text(&|o| put_datetime(o, &[], false, 6).unwrap()), "0000-00-00 00:00:00.000000");
        let odd = [0xe8, 0x07, 5, 0, 23, 59, 59, 0x3f, 0x42, 0x0f, 0];
        assert_eq!(text(&|o| put_datetime(o, &odd, false, 6).unwrap()), "2024-05-00 23:59:59.999999");
        assert_eq!(text(&|o| put_datetime(o, &odd[..7], false, 3).unwrap()), "2024-05-00 23:59:59.000");
        assert_eq!(text(&|o| put_time(o, &[], 0).unwrap()), "00:00:00");
        assert_eq!(text(&|o| put_time(o, &[1, 34, 0, 0, 0, 22, 59, 59], 0).unwrap()), "-838:59:59");
        assert_eq!(text(&|o| put_time(o, &[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], 6).unwrap()), "-00:00:00.000001");
    }

    #[test]
    fn zero_fill() {
        for (from, to) in [("00012", "12"), ("000", "0"), ("000.50", "0.50"), ("0012.5", "12.5"), ("7", "7")] {
            assert_eq!(strip_zero_fill(from.as_bytes()), to.as_bytes());
        }
    }
}
