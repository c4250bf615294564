//! Values of drill.toml that are more than a number: times such as `30m`, shares such as `10%`, sizes such as `50G`. In: text.
//! Out: plain numbers, or the sentence that says what is wanted. Pure.

use std::time::Duration;

/// A time as a number and a unit: `90s`, `30m`, `12h`, `3d`.
pub fn time(text: &str) -> Result<Duration, String> {
    let wanted = || format!("{text:?} is no time: a number with s, m, h or d is wanted, for example 30m or 12h");
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

/// Bytes as `50G`, `512M`: units are powers of 1024.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wanted = || format!("{text:?} is no size: a number with k, M, G or T is wanted, for example 50G");
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
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        assert_eq!((time("30m"), time("2h")), (Ok(Duration::from_secs(1800)), Ok(Duration::from_secs(7200))));
        assert_eq!((percent("10%"), percent("0.5 %")), (Ok(10.0), Ok(0.5)));
        assert_eq!((bytes("50G"), bytes("1024")), (Ok(50 << 30), Ok(1024)));
        for wrong in ["", "10", "m", "-3m", "1.5h", "10x", "30 m"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "10", "%", "-1%", "NaN%", "inf%"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "0", "G", "1.5G", "-1G", "5X", "99999999999T"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
