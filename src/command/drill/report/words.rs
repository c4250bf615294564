//! Quantities as the reports show them: times of any length, moments in UTC, shares and changes. Pure.

use crate::command::text::count;
use jiff::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `0.8 ms`, `2.1 s`, `12 min 3 s`, `30 min`, `1 h 5 min`, `3 d 4 h`: two units at most, and none that is zero.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown".to_owned();
    }
    if seconds < 0.0 {
        return format!("-{}", duration(-seconds));
    }
    let whole = seconds.round() as u64;
    match seconds {
        s if s == 0.0 => "0 s".to_owned(),
        s if s < 0.00995 && (s * 1000.0 - (s * 1000.0).round()).abs() >= 0.05 => format!("{:.1} ms", s * 1000.0),
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 59.95 && (s - s.round()).abs() < 0.05 => format!("{s:.0} s"),
        s if s < 59.95 => format!("{s:.1} s"),
        _ if whole < HOUR => two(whole, (MINUTE, "min"), (1, "s")),
        _ if whole < 2 * DAY => two(rounded(whole, MINUTE), (HOUR, "h"), (MINUTE, "min")),
        _ => two(rounded(whole, HOUR), (DAY, "d"), (HOUR, "h")),
    }
}

fn rounded(seconds: u64, unit: u64) -> u64 {
    (seconds + unit / 2) / unit * unit
}

fn two(seconds: u64, (large, large_name): (u64, &str), (small, small_name): (u64, &str)) -> String {
    let (much, rest) = (seconds / large, seconds % large / small);
    if rest == 0 { format!("{much} {large_name}") } else { format!("{much} {large_name} {rest} {small_name}") }
}

/// `2026-11-24 03:15 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `2026-11-24T03:15:00Z`, for programs.
pub(super) fn machine_moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `0 %`, `0.4 %`, `40 %`, `over 1,000 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if !p.is_finite() => "unknown".to_owned(),
        p if p > 1000.0 => "over 1,000 %".to_owned(),
        p if p == 0.0 || p >= 9.95 => format!("{p:.0} %"),
        p if p < 0.1 => "below 0.1 %".to_owned(),
        p => format!("{p:.1} %"),
    }
}

/// `+12 %`, `0.4 %` less with a minus sign, `no change`; none where there was nothing before.
pub(super) fn relative_change(before: f64, now: f64) -> Option<String> {
    if before <= 0.0 {
        return None;
    }
    let change = now / before - 1.0;
    if change.abs() < 0.0005 {
        return Some("no change".to_owned());
    }
    let sign = if change > 0.0 { "+" } else { "\u{2212}" };
    Some(format!("{sign}{}", percent(change.abs())))
}

/// `+1,234`, `0`, or a minus sign and what is missing.
pub(super) fn difference(before: u64, now: u64) -> String {
    match now.cmp(&before) {
        std::cmp::Ordering::Less => format!("\u{2212}{}", count(before - now)),
        std::cmp::Ordering::Equal => "0".to_owned(),
        std::cmp::Ordering::Greater => format!("+{}", count(now - before)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_units_at_most() {
        let cases = [
            (0.0, "0 s"),
            (0.0008, "0.8 ms"),
            (0.004, "4 ms"),
            (0.25, "250 ms"),
            (1.0, "1 s"),
            (2.13, "2.1 s"),
            (59.96, "1 min"),
            (723.2, "12 min 3 s"),
            (1800.0, "30 min"),
            (3599.7, "1 h"),
            (3900.0, "1 h 5 min"),
            (26.0 * 3600.0, "26 h"),
            (76.0 * 3600.0, "3 d 4 h"),
            (86400.0 * 400.0, "400 d"),
            (-3.0, "-3 s"),
            (f64::NAN, "unknown"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn shares_and_changes() {
        assert_eq!(
            (percent(0.0), percent(0.004), percent(0.4), percent(50.0)),
            ("0 %".into(), "0.4 %".into(), "40 %".into(), "over 1,000 %".into())
        );
        assert_eq!(percent(0.00001), "below 0.1 %");
        assert_eq!(relative_change(100.0, 112.0).as_deref(), Some("+12 %"));
        assert_eq!(relative_change(100.0, 100.0).as_deref(), Some("no change"));
        assert_eq!(relative_change(0.0, 5.0), None);
        assert_eq!((difference(5, 3), difference(3, 1_005)), ("\u{2212}2".into(), "+1,002".into()));
    }
}
