//! Which backups of one source stay, and why. Pure: days, ISO weeks and months are those of UTC.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// How many backups of each kind stay; none where no rule was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The newest ones.
    pub last: Option<u32>,
    /// The newest of a day, for so many days that have one.
    pub daily: Option<u32>,
    /// The newest of an ISO week, for so many weeks that have one.
    pub weekly: Option<u32>,
    /// The newest of a month, for so many months that have one.
    pub monthly: Option<u32>,
}

impl Keep {
    /// True where no rule was given: then every backup stays.
    pub fn is_everything(&self) -> bool {
        *self == Keep::default()
    }
}

/// A backup, as far as the rules look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Backup id.
    pub id: String,
    /// The moment it shows.
    pub snapshot: Timestamp,
    /// All of it was restored and proved.
    pub proved: bool,
    /// It is consistent, and no rows were left out by a condition.
    pub whole: bool,
}

/// Why each backup stays, in the order of `backups`; one without reasons goes.
///
/// Whatever the rules say, the newest backup stays, and so does the newest whole one; and where no backup that the rules
/// keep was proved by a restore, the newest one that was.
pub fn reasons(backups: &[Candidate], keep: &Keep) -> Vec<Vec<String>> {
    let mut reasons = vec![Vec::new(); backups.len()];
    if keep.is_everything() {
        reasons.iter_mut().for_each(|of_one| of_one.push("no rule was given".to_owned()));
        return reasons;
    }
    let mut newest_first: Vec<usize> = (0..backups.len()).collect();
    newest_first.sort_by(|a, b| {
        let key = |n: &usize| (backups[*n].snapshot, &backups[*n].id);
        key(b).cmp(&key(a))
    });
    for (place, &n) in newest_first.iter().enumerate().take(keep.last.unwrap_or(0) as usize) {
        reasons[n].push(format!("last {}", place + 1));
    }
    let periods = [(keep.daily, day as fn(Date) -> String), (keep.weekly, week), (keep.monthly, month)];
    for (count, period) in periods {
        let mut seen = BTreeSet::new();
        for &n in &newest_first {
            let name = period(TimeZone::UTC.to_datetime(backups[n].snapshot).date());
            if seen.len() < count.unwrap_or(0) as usize && seen.insert(name.clone()) {
                reasons[n].push(name);
            }
        }
    }
    let newest = |holds: &dyn Fn(usize) -> bool| newest_first.iter().copied().find(|n| holds(*n));
    if let Some(n) = newest(&|_| true).filter(|n| reasons[*n].is_empty()) {
        reasons[n].push("the newest".to_owned());
    }
    if let Some(n) = newest(&|n| backups[n].whole).filter(|n| reasons[*n].is_empty()) {
        reasons[n].push("the newest that is consistent and whole".to_owned());
    }
    let proved_stays = (0..backups.len()).any(|n| backups[n].proved && !reasons[n].is_empty());
    if let (Some(n), false) = (newest(&|n| backups[n].proved), proved_stays) {
        reasons[n].push("the only one proved by a restore".to_owned());
    }
    reasons
}

fn day(date: Date) -> String {
    format!("day {date}")
}

fn week(date: Date) -> String {
    let week = date.iso_week_date();
    format!("week {}-W{:02}", week.year(), week.week())
}

fn month(date: Date) -> String {
    format!("month {}-{:02}", date.year(), date.month())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidates(moments: &[&str]) -> Vec<Candidate> {
        let of = |(n, moment): (usize, &&str)| Candidate {
            id: format!("b{n}"),
            snapshot: moment.parse().unwrap(),
            proved: false,
            whole: true,
        };
        moments.iter().enumerate().map(of).collect()
    }

    fn keep(last: u32, daily: u32, weekly: u32, monthly: u32) -> Keep {
        let some = |n: u32| (n > 0).then_some(n);
        Keep { last: some(last), daily: some(daily), weekly: some(weekly), monthly: some(monthly) }
    }

    /// The days of the month (and hours) of a table of moments that stay.
    fn stays(moments: &[&str], keep: Keep) -> Vec<String> {
        let backups = candidates(moments);
        let reasons = reasons(&backups, &keep);
        backups.iter().zip(reasons).filter(|(_, why)| !why.is_empty()).map(|(b, _)| b.snapshot.to_string()).collect()
    }

    #[test]
    fn the_rules_one_by_one() {
        let moments = [
            "2025-12-28T23:59:59Z", // Sunday, the last second of ISO week 52
            "2025-12-29T00:00:00Z", // Monday, the first second of 2026-W01
            "2025-12-31T12:00:00Z",
            "2026-01-01T00:00:00Z", // the same week, another month
            "2026-01-01T23:59:59Z",
            "2026-01-31T01:00:00Z",
            "2026-02-01T01:00:00Z", // Sunday of the week that began in January
            "2026-02-02T01:00:00Z",
            "2026-02-02T02:00:00Z",
        ];
        let cases: [(Keep, &[usize]); 9] = [
            (keep(1, 0, 0, 0), &[8]),
            (keep(3, 0, 0, 0), &[6, 7, 8]),
            (keep(100, 0, 0, 0), &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
            (keep(0, 1, 0, 0), &[8]),
            (keep(0, 3, 0, 0), &[5, 6, 8]),
            (keep(0, 5, 0, 0), &[2, 4, 5, 6, 8]),
            (keep(0, 0, 4, 0), &[0, 4, 6, 8]),
            (keep(0, 0, 0, 3), &[2, 5, 8]),
            (keep(2, 2, 2, 2), &[5, 6, 7, 8]),
        ];
        for (rules, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|n| moments[*n].to_owned()).collect();
            assert_eq!(stays(&moments, rules), expected, "{rules:?}");
        }
    }

    #[test]
    fn days_are_those_of_utc_whatever_the_offset() {
        // The same two moments, written with the offset of another place: one UTC day there, two here.
        let moments = ["2026-03-28T23:30:00-02:00", "2026-03-29T00:30:00+02:00", "2026-03-29T03:00:00Z"];
        assert_eq!(stays(&moments, keep(0, 2, 0, 0)), ["2026-03-28T22:30:00Z", "2026-03-29T03:00:00Z"]);
    }

    #[test]
    fn reasons_name_day_week_and_month() {
        let backups = candidates(&["2026-11-22T03:15:00Z", "2026-11-24T03:15:00Z"]);
        let reasons = reasons(&backups, &keep(1, 2, 2, 1));
        assert_eq!(reasons[0], ["day 2026-11-22", "week 2026-W47"]);
        assert_eq!(reasons[1], ["last 1", "day 2026-11-24", "week 2026-W48", "month 2026-11"]);
    }

    #[test]
    fn what_stays_whatever_the_rules_say() {
        let mut backups = candidates(&[
            "2026-01-01T00:00:00Z",
            "2026-01-02T00:00:00Z",
            "2026-01-03T00:00:00Z",
            "2026-01-04T00:00:00Z",
        ]);
        backups[0].proved = true;
        backups[1].proved = true;
        (backups[3].whole, backups[2].whole) = (false, true);
        let of = |backups: &[Candidate], rules| -> Vec<String> {
            reasons(backups, &rules).iter().map(|r| r.join(", ")).collect()
        };
        let zero = Keep { last: Some(0), ..Keep::default() };
        let only = "the only one proved by a restore";
        assert_eq!(of(&backups, zero), ["", only, "the newest that is consistent and whole", "the newest"]);
        assert_eq!(of(&backups, keep(3, 0, 0, 0)), ["", "last 3", "last 2", "last 1"]);
        assert_eq!(of(&backups, Keep::default()), ["no rule was given"; 4]);
        assert_eq!(reasons(&[], &zero), Vec::<Vec<String>>::new());
    }

    proptest! {
        #[test]
        fn one_stays_and_more_rules_keep_more(
            hours in proptest::collection::vec(0i64..20_000, 1..40), rules in (0u32..4, 0u32..4, 0u32..4, 0u32..4),
            proved in any::<u64>()
        ) {
            let at = |hour: &i64| Timestamp::from_second(1_700_000_000 + hour * 3600).unwrap();
            let backups: Vec<Candidate> = hours.iter().enumerate().map(|(n, hour)| Candidate {
                id: format!("b{n:03}"), snapshot: at(hour), proved: proved >> (n % 64) & 1 == 1, whole: true,
            }).collect();
            let rules = Keep { last: Some(rules.0), daily: Some(rules.1), weekly: Some(rules.2), monthly: Some(rules.3) };
            let more = Keep { last: rules.last.map(|n| n + 1), ..rules };
            let (few, many) = (reasons(&backups, &rules), reasons(&backups, &more));
            let newest = (0..backups.len()).max_by_key(|n| (backups[*n].snapshot, &backups[*n].id)).unwrap();
            prop_assert!(!few[newest].is_empty());
            prop_assert!(backups.iter().all(|b| !b.proved) || (0..backups.len()).any(|n| backups[n].proved && !few[n].is_empty()));
            // All but one that only stood in for a proof.
            prop_assert!((0..backups.len()).all(|n| few[n].is_empty() || !many[n].is_empty() || few[n][0].starts_with("the only")));
        }
    }
}
