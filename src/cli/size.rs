//! Sizes as people write them (`16M`, `1GiB`, `512k`) and as people read them. Units are powers of 1024
//! in both directions, as mysqld's own options have them.

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// Bytes from a whole number with an optional unit: k, M, G or T, in any case, with `B` or `iB` after it or not.
pub fn parse(text: &str) -> Result<u64, String> {
    let wrong = || "a size like 16M, 512k or 1GiB is wanted".to_owned();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let shift = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(1 << shift).ok_or_else(|| "the size is too large".into())
}

/// As [`parse`], without 0.
pub fn parse_nonzero(text: &str) -> Result<u64, String> {
    match parse(text)? {
        0 => Err("a size above 0 is wanted".into()),
        bytes => Ok(bytes),
    }
}

/// Bytes for people, in three or four digits: `512 B`, `1.50 MiB`, `12.3 GiB`, `640 MiB`.
pub fn format(bytes: u64) -> String {
    let mut unit = 0;
    let mut value = bytes as f64;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = match value {
        _ if unit == 0 => 0,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let cases = [
            ("0", Ok(0)),
            ("17", Ok(17)),
            ("17b", Ok(17)),
            ("512k", Ok(512 << 10)),
            ("512KB", Ok(512 << 10)),
            ("16M", Ok(16 << 20)),
            ("1GiB", Ok(1 << 30)),
            ("2t", Ok(2 << 40)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
        for text in ["", "M", "1.5M", "-1", "1 M", "1Mi", "16X", "18446744073709551616", "99999999999T", "١"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse_nonzero("0k").is_err());
    }

    #[test]
    fn sizes_are_written() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "0.98 KiB"),
            (1536, "1.50 KiB"),
            (16 << 20, "16.0 MiB"),
            (640 << 20, "640 MiB"),
            (10 << 40, "10.0 TiB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(format(bytes), expected);
        }
    }
}
