//! Numbers, and what is told of archives, as people read them.

use crate::manifest::binlogs::chain::{Coverage, Summary};

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 table`, `2 tables`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `81.2 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (number as f64, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} bytes") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `0.8 ms`, `2.1 s`, `3 min 20 s`, `1 h 5 min`.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.1} ms", s * 1000.0),
        s if s < 100.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{} min {} s", s as u64 / 60, s as u64 % 60),
        s => format!("{} h {} min", s as u64 / 3600, s as u64 % 3600 / 60),
    }
}

/// The first few of a list, and how many more there are.
pub fn some_of(names: &[String], shown: usize) -> String {
    let mut text = names.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > shown {
        text.push_str(&format!(" and {} more", names.len() - shown));
    }
    text
}

/// `3 segments (1.2 MiB stored), binlog.000001:0 to binlog.000003:512, commits from … to …, no gap`.
pub fn summary_text(summary: &Summary) -> String {
    let Summary { begins, ends, .. } = summary;
    let times = match (summary.from, summary.until) {
        (Some(from), Some(until)) => format!(", commits from {from:.0} to {until:.0}"),
        _ => String::new(),
    };
    let gaps = match summary.gaps.len() as u64 {
        0 if !summary.whole => "index documents missing or damaged".to_owned(),
        0 => "no gap".to_owned(),
        gaps => counted(gaps, "gap"),
    };
    let (segments, stored) = (counted(summary.segments, "segment"), bytes(summary.stored_bytes));
    format!("{segments} ({stored} stored), {begins} to {ends}{times}, {gaps}")
}

/// How far a backup could be rolled forward, in a line or two.
pub fn coverage_lines(coverage: &Coverage) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(place) = &coverage.file_offset {
        let gtids = coverage.gtids.as_ref().map(|gtids| format!(", GTIDs {gtids}")).unwrap_or_default();
        let until = coverage.until.map_or_else(|| "its own position".to_owned(), |until| format!("{until:.6}"));
        lines.push(format!("could be rolled forward to {until} ({place}{gtids})"));
    }
    match (&coverage.missing, lines.is_empty()) {
        (Some(missing), true) => lines.push(format!("cannot be rolled forward; missing: {missing}")),
        (Some(missing), false) => lines.push(format!("not further; missing: {missing}")),
        (None, _) => {}
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!((count(0), count(999), count(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!((bytes(5), bytes(1536), bytes(85_144_371)), ("5 bytes".into(), "1.5 KiB".into(), "81.2 MiB".into()));
        assert_eq!(
            (seconds(0.0008), seconds(2.13), seconds(200.0)),
            ("0.8 ms".into(), "2.1 s".into(), "3 min 20 s".into())
        );
        assert_eq!(some_of(&["a".into(), "b".into(), "c".into()], 2), "a, b and 1 more");
    }
}
