//! What changed since the last drill of the same name. In: the tables of both, and how much they may change. Out: outcomes as
//! assertions have them, and the tables that changed most. Pure.

use super::config::{CheckConfig, RowChange, TableCheck};
use super::record::{AssertionOutcome, DrillTables, DrilledTable, TableChange};
use crate::command::text::{count, counted, some_of};
use globset::{Glob, GlobMatcher};
use std::collections::BTreeMap;

/// Tables that a record names.
const CHANGED_MOST: usize = 20;
/// Tables named in one outcome.
const NAMED: usize = 20;

/// An earlier drill, whose tables are compared with.
pub(super) struct Baseline {
    /// Its id.
    pub id: String,
    /// Its tables.
    pub tables: DrillTables,
}

/// Notes in the tables of a drill what its configuration judges of them.
pub(super) fn note_judged(check: &CheckConfig, tables: &mut DrillTables) {
    let rules = rules(check);
    tables.judged_vanished = check.no_table_vanished;
    for table in &mut tables.tables {
        table.judged = allowed(check, &rules, &table.table).is_some();
    }
}

/// Something that the earlier drill judged and that this one does not. Later drills are compared with the earlier one still:
/// what that one would have found is not to be accepted by one that did not look.
pub(super) fn unjudged<'a>(before: &'a Baseline, now: &DrillTables) -> Option<&'a str> {
    if before.tables.judged_vanished && !now.judged_vanished {
        return Some("whether tables have vanished");
    }
    let after = by_name(now);
    let judged = before.tables.tables.iter().filter(|table| table.judged);
    let mut lost = judged.filter(|table| after.get(table.table.as_str()).is_some_and(|table| !table.judged));
    lost.next().map(|table| table.table.as_str())
}

/// Judges what the configuration asks of changes; nothing where it asks nothing.
pub(super) fn judge(check: &CheckConfig, before: &Baseline, now: &DrillTables) -> Vec<AssertionOutcome> {
    let after = by_name(now);
    let mut outcomes = Vec::new();
    if check.no_table_vanished {
        let names = before.tables.tables.iter().map(|table| table.table.clone());
        let gone: Vec<String> = names.filter(|name| !after.contains_key(name.as_str())).collect();
        outcomes.push(AssertionOutcome {
            name: "no table vanished".into(),
            sql: None,
            expected: format!("all {} of drill {}", counted(before.tables.tables.len() as u64, "table"), before.id),
            found: match gone.is_empty() {
                true => "all are there".into(),
                false => format!("gone: {}", some_of(&gone, NAMED)),
            },
            held: gone.is_empty(),
            seconds: 0.0,
        });
    }
    let rules = rules(check);
    if check.row_change.is_some() || !rules.is_empty() {
        let mut wrong = Vec::new();
        let mut judged = 0_u64;
        for old in &before.tables.tables {
            let (Some(new), Some(percent)) = (after.get(old.table.as_str()), allowed(check, &rules, &old.table)) else {
                continue;
            };
            judged += 1;
            if too_much(old.rows, new.rows, percent, check.row_change_ignored) {
                wrong.push(format!("{} {} -> {} rows", old.table, count(old.rows), count(new.rows)));
            }
        }
        let share = check.row_change.map(|percent| format!("{percent} %")).unwrap_or_else(|| "its share".into());
        outcomes.push(AssertionOutcome {
            name: "change of rows".into(),
            sql: None,
            expected: format!("each table within {share} of drill {}", before.id),
            found: match wrong.is_empty() {
                true => format!("{} within it", counted(judged, "table")),
                false => some_of(&wrong, NAMED),
            },
            held: wrong.is_empty(),
            seconds: 0.0,
        });
    }
    outcomes
}

fn rules(check: &CheckConfig) -> Vec<(GlobMatcher, RowChange)> {
    // Patterns were checked when the file was read.
    let rule = |check: &TableCheck| Some((Glob::new(&check.name).ok()?.compile_matcher(), check.row_change));
    check.tables.iter().filter_map(rule).collect()
}

/// By how many percent a table may change; none where that is not judged.
fn allowed(check: &CheckConfig, rules: &[(GlobMatcher, RowChange)], table: &str) -> Option<f64> {
    match rules.iter().find(|(glob, _)| glob.is_match(table)) {
        Some((_, RowChange::Any)) => None,
        Some((_, RowChange::Percent(percent))) => Some(*percent),
        None => check.row_change,
    }
}

/// A table that has lost all its rows has changed too much, however few there were.
fn too_much(before: u64, now: u64, percent: f64, ignored: u64) -> bool {
    let change = before.abs_diff(now);
    let emptied = before > 0 && now == 0;
    emptied || before > 0 && change as f64 * 100.0 > percent * before as f64 && change >= ignored.max(1)
}

/// The tables that changed most, by bytes, then by rows.
pub(super) fn changed_most(before: &DrillTables, now: &DrillTables) -> Vec<TableChange> {
    let (old, new) = (by_name(before), by_name(now));
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    let mut changes: Vec<TableChange> = names
        .map(|name| {
            let (old, new) = (old.get(name), new.get(name));
            TableChange {
                table: (*name).to_owned(),
                rows_before: old.map(|table| table.rows),
                rows: new.map(|table| table.rows),
                bytes_before: old.map(|table| table.bytes),
                bytes: new.map(|table| table.bytes),
            }
        })
        .filter(|change| change.rows != change.rows_before || change.bytes != change.bytes_before)
        .collect();
    let size = |change: &TableChange| {
        let difference = |a: Option<u64>, b: Option<u64>| a.unwrap_or(0).abs_diff(b.unwrap_or(0));
        (difference(change.bytes, change.bytes_before), difference(change.rows, change.rows_before))
    };
    changes.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| a.table.cmp(&b.table)));
    changes.truncate(CHANGED_MOST);
    changes
}

fn by_name(tables: &DrillTables) -> BTreeMap<&str, &DrilledTable> {
    tables.tables.iter().map(|table| (table.table.as_str(), table)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(rows: &[(&str, u64)]) -> DrillTables {
        let table = |(name, rows): &(&str, u64)| DrilledTable {
            table: (*name).into(),
            rows: *rows,
            bytes: rows * 10,
            restored: true,
            judged: false,
        };
        DrillTables { version: 1, judged_vanished: false, tables: rows.iter().map(table).collect() }
    }

    fn check(toml: &str) -> CheckConfig {
        let config = super::super::config::DrillConfig::parse(toml, std::path::Path::new("t")).unwrap();
        config.check
    }

    fn held(toml: &str, before: &[(&str, u64)], now: &[(&str, u64)]) -> Vec<bool> {
        let before = Baseline { id: "d".into(), tables: tables(before) };
        judge(&check(toml), &before, &tables(now)).iter().map(|outcome| outcome.held).collect()
    }

    #[test]
    fn changes_are_judged_by_share() {
        let ten = "[check]\nrow_change = \"10%\"\n";
        assert_eq!(held(ten, &[("s.t", 100)], &[("s.t", 110), ("s.new", 5)]), [true]);
        assert_eq!(held(ten, &[("s.t", 100)], &[("s.t", 89)]), [false]);
        assert_eq!(held(ten, &[("s.t", 100)], &[("s.t", 0)]), [false]);
        assert_eq!(held(ten, &[("s.t", 0)], &[("s.t", 1000)]), [true]);
        // That it has gone is another question.
        assert_eq!(held(ten, &[("s.t", 100)], &[]), [true]);
        let ignored = "[check]\nrow_change = \"10%\"\nrow_change_ignored = 50\n";
        assert_eq!(held(ignored, &[("s.t", 10)], &[("s.t", 50)]), [true]);
        assert_eq!(held(ignored, &[("s.t", 10)], &[("s.t", 0)]), [false]);
        let one = "[check]\nrow_change = \"1%\"\n[[check.table]]\nname = \"s.log*\"\nrow_change = \"any\"\n";
        assert_eq!(held(one, &[("s.log1", 10), ("s.t", 10)], &[("s.log1", 0), ("s.t", 10)]), [true]);
        let only = "[[check.table]]\nname = \"s.t\"\nrow_change = \"0%\"\n";
        assert_eq!(held(only, &[("s.t", 10), ("s.u", 10)], &[("s.t", 11), ("s.u", 99)]), [false]);
    }

    #[test]
    fn an_emptied_table_is_too_much_for_every_share() {
        let much = "[check]\nrow_change = \"300%\"\nrow_change_ignored = 50\n";
        assert_eq!(held(much, &[("s.t", 300)], &[("s.t", 0)]), [false]);
        assert_eq!(held(much, &[("s.t", 0)], &[("s.t", 0)]), [true]);
    }

    #[test]
    fn a_drill_that_judges_less_is_not_compared_with() {
        let of = |toml: &str, names: &[(&str, u64)]| {
            let mut tables = tables(names);
            note_judged(&check(toml), &mut tables);
            tables
        };
        let both = [("s.t", 1), ("s.u", 1)];
        let (all, gone) = ("[check]\nrow_change = \"1%\"\n", "[check]\nno_table_vanished = true\n");
        let one = "[[check.table]]\nname = \"s.t\"\nrow_change = \"1%\"\n";
        let any = "[check]\nrow_change = \"1%\"\n[[check.table]]\nname = \"s.u\"\nrow_change = \"any\"\n";
        let lost = |before: &str, now: &str| {
            let before = Baseline { id: "d".into(), tables: of(before, &both) };
            unjudged(&before, &of(now, &both)).map(str::to_owned)
        };
        for (before, now) in [("", ""), ("", all), (all, all), (one, all), (one, any), (any, all), (gone, gone)] {
            assert_eq!(lost(before, now), None, "{before} {now}");
        }
        assert_eq!(lost(all, "").as_deref(), Some("s.t"));
        assert_eq!(lost(all, one).as_deref(), Some("s.u"));
        assert_eq!(lost(all, any).as_deref(), Some("s.u"));
        assert_eq!(lost(gone, all).as_deref(), Some("whether tables have vanished"));
        // What has gone for good is no reason.
        let before = Baseline { id: "d".into(), tables: of(all, &both) };
        assert_eq!(unjudged(&before, &of(all, &[("s.t", 1)])), None);
    }

    #[test]
    fn what_vanished_is_named() {
        let gone = "[check]\nno_table_vanished = true\n";
        assert_eq!(held(gone, &[("s.t", 1)], &[("s.t", 0)]), [true]);
        assert_eq!(held(gone, &[("s.t", 1), ("s.u", 0)], &[("s.t", 1)]), [false]);
        assert_eq!(held("", &[("s.t", 1)], &[]), [] as [bool; 0]);
    }

    #[test]
    fn the_largest_change_comes_first() {
        let changes = changed_most(
            &tables(&[("a", 5), ("b", 100), ("c", 7)]),
            &tables(&[("a", 6), ("b", 50), ("d", 1), ("c", 7)]),
        );
        let names: Vec<_> = changes.iter().map(|change| change.table.as_str()).collect();
        assert_eq!(names, ["b", "a", "d"]);
        assert_eq!((changes[2].rows_before, changes[2].rows), (None, Some(1)));
    }
}
