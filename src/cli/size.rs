//! Sizes as people read them. Units are powers of 1024, as in the sizes that options take.

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

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
