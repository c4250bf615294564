//! Values of options and of drill.toml that are more than a number: times such as `30m`, shares such as `10%`, sizes such as
//! `50G`. In: text. Out: plain numbers, or the sentence that says what is wanted. Pure.

use std::time::Duration;

/// A time as a number and a unit: `90s`, `30m`, `12h`, `3d`.
pub fn time(text: &str) -> Result<Duration, String> {
    let wanted = || format!("{text:?} is no time: a number with s, m, h or d is wanted, for example 12h or 3d");
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wanted()),
    };
    let number = number.parse::<u32>().map_err(|_| wanted())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

/// A share as `10%` or `0.5%`, in percent; 0 and more.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok());
    let number = number.filter(|percent| percent.is_finite() && *percent >= 0.0);
    number.ok_or_else(|| format!("{text:?} is no share: a number with % is wanted, for example 10%"))
}

/// Bytes from a whole number with an optional unit: k, M, G or T, in any case, with `B` or `iB` after it or not. Units are powers
/// of 1024, as mysqld's own options have them.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wanted = || format!("{text:?} is no size: a size like 16M, 512k or 1GiB is wanted");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().map_err(|_| wanted())?;
    let shift = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(wanted()),
    };
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text:?} is too large a size"))
}

/// As [`bytes`], without 0.
pub fn bytes_above_zero(text: &str) -> Result<u64, String> {
    match bytes(text)? {
        0 => Err("a size above 0 is wanted".into()),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        assert_eq!((time("30m"), time("2h")), (Ok(Duration::from_secs(1800)), Ok(Duration::from_secs(7200))));
        assert_eq!((percent("10%"), percent("0.5 %")), (Ok(10.0), Ok(0.5)));
        for wrong in ["", "10", "m", "-3m", "1.5h", "10x", "30 m"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "10", "%", "-1%", "NaN%", "inf%"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }

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
            assert_eq!(bytes(text), expected, "{text}");
        }
        for text in ["", "M", "1.5M", "-1", "1 M", "1Mi", "16X", "18446744073709551616", "99999999999T", "١"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        assert!(bytes_above_zero("0k").is_err());
    }
}
