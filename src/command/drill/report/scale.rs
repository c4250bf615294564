//! The axes of the charts: where the ticks stand and what they say. Times and sizes have steps that people count in
//! (5 min, 6 h, 512 MiB), the axis of moments has those of the calendar in UTC. Pure.

use super::words;
use crate::command::text::bytes;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A tick: its place from 0 to 1, and its text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub place: f64,
    pub text: String,
}

/// An axis from nought to `max`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub max: f64,
    pub ticks: Vec<Tick>,
}

impl Axis {
    /// Where a value stands, from 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        (value / self.max).clamp(0.0, 1.0)
    }
}

/// Ticks of an axis at most, nought included.
const TICKS_MAX: usize = 6;

/// An axis of seconds that has room for `highest`.
pub(super) fn of_seconds(highest: f64) -> Axis {
    const STEPS: [f64; 29] = [
        0.001,
        0.005,
        0.01,
        0.05,
        0.1,
        0.2,
        0.5,
        1.0,
        2.0,
        5.0,
        10.0,
        15.0,
        30.0,
        60.0,
        120.0,
        300.0,
        600.0,
        900.0,
        1800.0,
        3600.0,
        7200.0,
        10800.0,
        21600.0,
        43200.0,
        86400.0,
        172_800.0,
        432_000.0,
        864_000.0,
        2_592_000.0,
    ];
    from_zero(highest, STEPS.into_iter(), words::duration)
}

/// An axis of bytes that has room for `highest`.
pub(super) fn of_bytes(highest: f64) -> Axis {
    const STEPS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
    let units = (0..6).map(|power| 1024f64.powi(power));
    let round = |value: f64| bytes(value as u64).replace(".0 ", " ");
    from_zero(highest, units.flat_map(|unit| STEPS.map(|step| step * unit)), round)
}

fn from_zero(highest: f64, steps: impl Iterator<Item = f64>, text: impl Fn(f64) -> String) -> Axis {
    let highest = if highest.is_finite() && highest > 0.0 { highest } else { 1.0 };
    let mut step = 1.0;
    for tried in steps {
        step = tried;
        if highest / step <= (TICKS_MAX - 1) as f64 {
            break;
        }
    }
    // Beyond the largest step whole multiples of it serve.
    step *= (highest / step / (TICKS_MAX - 1) as f64).ceil().max(1.0);
    let count = (highest / step).ceil().max(1.0);
    let max = step * count;
    let tick = |i: usize| Tick { place: i as f64 / count, text: text(step * i as f64) };
    Axis { max, ticks: (0..=count as usize).map(tick).collect() }
}

/// An axis of moments.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Calendar {
    from: f64,
    span: f64,
    pub ticks: Vec<Tick>,
}

impl Calendar {
    /// Where a moment stands, from 0 to 1.
    pub fn place(&self, at: Timestamp) -> f64 {
        ((at.as_second() as f64 - self.from) / self.span).clamp(0.0, 1.0)
    }
}

/// An axis from the first moment to the last.
pub(super) fn of_moments(first: Timestamp, last: Timestamp) -> Calendar {
    let (first, last) = (first.min(last), first.max(last));
    let (mut from, mut to) = (first.as_second() as f64, last.as_second() as f64);
    if to - from < 60.0 {
        (from, to) = (from - 30.0, to + 30.0);
    }
    let mut calendar = Calendar { from, span: to - from, ticks: Vec::new() };
    let (begin, end) = (from as i64, to as i64);
    let moments = if to - from < 4.0 * 86400.0 { clock_ticks(begin, end) } else { day_ticks(begin, end) };
    calendar.ticks = moments
        .into_iter()
        .filter_map(|(second, text)| Some(Tick { place: calendar.place(Timestamp::from_second(second).ok()?), text }))
        .collect();
    calendar
}

/// Ticks of a few hours or days: whole hours or minutes, with the day where it begins.
fn clock_ticks(from: i64, to: i64) -> Vec<(i64, String)> {
    const STEPS: [i64; 11] = [10, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400];
    let step = STEPS.into_iter().find(|step| (to - from) / step < TICKS_MAX as i64).unwrap_or(86400);
    let first = from.div_euclid(step) * step + if from.rem_euclid(step) == 0 { 0 } else { step };
    let form = match step {
        86400 => "%b %-d",
        step if step < 60 => "%H:%M:%S",
        _ => "%H:%M",
    };
    let mut ticks = Vec::new();
    for second in (first..=to).step_by(step as usize) {
        if let Ok(at) = Timestamp::from_second(second) {
            let form = if second.rem_euclid(86400) == 0 { "%b %-d" } else { form };
            ticks.push((second, at.strftime(form).to_string()));
        }
    }
    ticks
}

/// Ticks of many days: midnights that lie whole days, months or years apart.
fn day_ticks(from: i64, to: i64) -> Vec<(i64, String)> {
    let days = (to - from) / 86400;
    let date = |second: i64| {
        let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        TimeZone::UTC.to_datetime(at).date()
    };
    let (first, last) = (date(from), date(to));
    let mut ticks = Vec::new();
    let mut push = |date: Date, form: &str| {
        let Ok(at) = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)) else { return };
        let second = at.as_second();
        if (from..=to).contains(&second) {
            ticks.push((second, date.strftime(form).to_string()));
        }
    };
    if days < 90 {
        let step = [1, 2, 5, 7, 14].into_iter().find(|step| days / step < TICKS_MAX as i64).unwrap_or(21);
        // Counted back from the last day, so that the newest drill is near a tick.
        let mut day = last;
        while day > first {
            push(day, "%b %-d");
            day = day.saturating_sub((step as i32).days());
        }
        ticks.reverse();
        return ticks;
    }
    let months = days / 30;
    let step = [1, 2, 3, 6, 12].into_iter().find(|step| months / step < TICKS_MAX as i64);
    let step = step.unwrap_or_else(|| (months / TICKS_MAX as i64 / 12 + 1) * 12);
    let mut month = first.first_of_month();
    while (i64::from(month.month()) - 1) % step.min(12) != 0 {
        month = month.saturating_add(1.month());
    }
    while month <= last {
        push(month, if month.month() == 1 || step >= 12 { "%Y" } else { "%b" });
        month = month.saturating_add((step as i32).months());
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    #[test]
    fn values_have_round_steps() {
        assert_eq!(texts(&of_seconds(723.0).ticks), ["0 s", "5 min", "10 min", "15 min"]);
        assert_eq!(texts(&of_seconds(1800.0).ticks), ["0 s", "10 min", "20 min", "30 min"]);
        assert_eq!(texts(&of_seconds(7.5).ticks), ["0 s", "2 s", "4 s", "6 s", "8 s"]);
        assert_eq!(texts(&of_bytes(3.1e9).ticks), ["0 bytes", "1 GiB", "2 GiB", "3 GiB"]);
        for highest in [0.0, 1e-9, 1.0, 12.5, 1e7, 1e12, f64::INFINITY] {
            for axis in [of_seconds(highest), of_bytes(highest)] {
                assert!((2..=TICKS_MAX).contains(&axis.ticks.len()), "{highest}: {axis:?}");
                assert!(!highest.is_finite() || axis.max >= highest, "{highest}: {axis:?}");
            }
        }
    }

    #[test]
    fn moments_have_the_steps_of_the_calendar() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let axis = |from: &str, to: &str| {
            let axis = of_moments(at(from), at(to));
            texts(&axis.ticks).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(axis("2026-11-01T03:15:00Z", "2026-11-03T03:15:00Z"), ["12:00", "Nov 2", "12:00", "Nov 3"]);
        assert_eq!(
            axis("2026-10-26T03:15:00Z", "2026-11-24T03:15:00Z"),
            ["Oct 30", "Nov 4", "Nov 9", "Nov 14", "Nov 19", "Nov 24"]
        );
        assert_eq!(axis("2025-10-20T03:15:00Z", "2026-11-24T03:15:00Z"), ["2026", "Apr", "Jul", "Oct"]);
        for days in [0i64, 1, 3, 4, 5, 20, 89, 90, 400, 3000, 9000] {
            let from = at("2019-03-05T07:08:09Z");
            let found = of_moments(from, from + jiff::SignedDuration::from_hours(days * 24));
            assert!((1..=8).contains(&found.ticks.len()), "{days}: {found:?}");
            assert!(found.ticks.iter().all(|tick| (0.0..=1.0).contains(&tick.place)), "{days}: {found:?}");
        }
    }
}
