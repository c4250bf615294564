//! What of a backup a drill restores: all, what the configuration names, or a sample of it. In: the tables of the backup with
//! their bytes. Out: the selection for the restore, what it is in words, and how to reckon from a sample to the whole. No I/O.

use super::config::{RestoreConfig, Sample};
use super::record::{DrillScope, DrillTables, DrilledTable, RECORD_VERSION, ScopeKind};
use crate::command::options::Selection;
use crate::command::selected::{self, Selected};
use crate::command::text::{count, counted};
use crate::error::{Error, Exit, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What is restored.
pub(super) struct Scope {
    /// For the restore.
    pub selection: Selection,
    /// Views, routines, triggers and events are restored. With a sample they are not: most would miss a table.
    pub with_objects: bool,
    /// For the record.
    pub told: DrillScope,
    /// All tables of the backup, with what is restored marked.
    pub tables: DrillTables,
    /// What part of the bytes and of the tables a sample is; none where nothing was sampled.
    pub sampled: Option<Shares>,
}

/// Parts of the whole, above 0 and at most 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shares {
    /// Of the bytes of row text.
    pub bytes: f64,
    /// Of the tables.
    pub tables: f64,
}

/// Chooses out of all that a backup holds.
pub(super) fn choose(config: &RestoreConfig, all: &Selected, seed: u64) -> Result<Scope> {
    let named = Selection {
        databases: config.schemas.clone(),
        exclude_databases: config.exclude_schemas.clone(),
        tables: config.tables.clone(),
        exclude_tables: config.exclude_tables.clone(),
    };
    let filter = selected::filter(&named)?;
    let mut tables: Vec<DrilledTable> = all
        .tables
        .iter()
        .map(|table| DrilledTable {
            table: table.table.name.to_string(),
            rows: table.chunks.iter().flatten().map(|chunk| chunk.rows).sum(),
            bytes: table.chunks.iter().flatten().map(|chunk| chunk.bytes).sum(),
            restored: filter.table(&table.table.name.schema, &table.table.name.name),
            judged: false,
        })
        .collect();
    let chosen = tables.iter().filter(|table| table.restored).count();
    if chosen == 0 && !tables.is_empty() {
        return Err(Error::new(Exit::Usage, "no table of the backup is meant by [restore] of the configuration")
            .hint("`myriad show` lists the tables of a backup; patterns are matched against schema and schema.table"));
    }
    let (everything, whole) = (named == Selection::default(), sum(&tables));
    let Some(sample) = config.sample.filter(|_| chosen > 0) else {
        let text = match everything {
            true => format!("all {}", counted(chosen as u64, "table")),
            false => format!("{} of {} tables, by name", count(chosen as u64), count(tables.len() as u64)),
        };
        let kind = if everything { ScopeKind::All } else { ScopeKind::Selected };
        let told = told(kind, text, &tables);
        return Ok(Scope { selection: named, with_objects: true, told, tables: drill_tables(tables), sampled: None });
    };
    let goal = match sample {
        Sample::Bytes(bytes) => bytes,
        Sample::Percent(percent) => (whole as f64 * percent / 100.0) as u64,
    };
    draw(&mut tables, goal, seed);
    let (taken, bytes) = (tables.iter().filter(|table| table.restored).count(), sum(&tables));
    let shares = Shares {
        bytes: if whole == 0 { 1.0 } else { (bytes.max(1) as f64 / whole as f64).min(1.0) },
        tables: taken as f64 / chosen as f64,
    };
    let text = format!(
        "a sample of {} of {} tables, {:.1} % of the bytes, by seed {seed}; views, routines, triggers and events left out",
        count(taken as u64),
        count(chosen as u64),
        shares.bytes * 100.0
    );
    let names = tables.iter().filter(|table| table.restored).map(|table| escaped(&table.table)).collect();
    let told = told(ScopeKind::Sample, text, &tables);
    let selection = Selection { tables: names, ..Selection::default() };
    Ok(Scope { selection, with_objects: false, told, tables: drill_tables(tables), sampled: Some(shares) })
}

/// Bytes of what is restored.
fn sum(tables: &[DrilledTable]) -> u64 {
    tables.iter().filter(|table| table.restored).map(|table| table.bytes).sum()
}

fn told(kind: ScopeKind, text: String, tables: &[DrilledTable]) -> DrillScope {
    let restored = || tables.iter().filter(|table| table.restored);
    DrillScope {
        kind,
        text,
        tables: restored().count() as u64,
        rows: restored().map(|table| table.rows).sum(),
        bytes: sum(tables),
    }
}

fn drill_tables(tables: Vec<DrilledTable>) -> DrillTables {
    DrillTables { version: RECORD_VERSION, judged_vanished: false, tables }
}

/// Leaves a sample of about `goal` bytes chosen. A table comes the earlier the more bytes it has: each gets the key u^(1/bytes)
/// for a random u, and the largest keys win (Efraimidis and Spirakis, "Weighted random sampling with a reservoir"). So the
/// sample has large tables in the proportion in which they have the bytes, and its time stands for the whole by bytes.
/// A table that would lead beyond the goal is passed over; where not even one fits, the smallest that holds rows is taken.
fn draw(tables: &mut [DrilledTable], goal: u64, seed: u64) {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut keyed: Vec<(f64, usize)> = (tables.iter().enumerate().filter(|(_, table)| table.restored))
        // The logarithm of the key orders alike, and does not round to 1 where a table has many bytes.
        .map(|(n, table)| (chance.random_range(f64::MIN_POSITIVE..1.0_f64).ln() / table.bytes.max(1) as f64, n))
        .collect();
    keyed.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut left = goal;
    let mut taken = Vec::new();
    for (_, n) in &keyed {
        if tables[*n].bytes <= left && tables[*n].bytes > 0 {
            left -= tables[*n].bytes;
            taken.push(*n);
        }
    }
    if taken.is_empty() {
        let with_rows = keyed.iter().filter(|(_, n)| tables[*n].bytes > 0);
        taken.extend(with_rows.map(|(_, n)| *n).min_by_key(|n| tables[*n].bytes).or(keyed.first().map(|(_, n)| *n)));
    }
    for (n, table) in tables.iter_mut().enumerate() {
        table.restored = taken.contains(&n);
    }
}

/// A name as a pattern that matches it alone.
fn escaped(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    for character in name.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | ',' | '!') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(bytes: &[u64]) -> Vec<DrilledTable> {
        let table = |(n, bytes): (usize, &u64)| DrilledTable {
            table: format!("s.t{n}"),
            rows: 1,
            bytes: *bytes,
            restored: true,
            judged: false,
        };
        bytes.iter().enumerate().map(table).collect()
    }

    fn drawn(bytes: &[u64], goal: u64, seed: u64) -> Vec<usize> {
        let mut tables = tables(bytes);
        draw(&mut tables, goal, seed);
        (0..bytes.len()).filter(|n| tables[*n].restored).collect()
    }

    #[test]
    fn a_sample_keeps_to_its_size_and_to_its_seed() {
        let bytes: Vec<u64> = (1..=100).map(|n| n * 1000).collect();
        let goal = bytes.iter().sum::<u64>() / 20;
        let mut samples = std::collections::HashSet::new();
        for seed in 0..50 {
            let sample = drawn(&bytes, goal, seed);
            let taken: u64 = sample.iter().map(|n| bytes[*n]).sum();
            assert!(taken <= goal && taken > goal * 9 / 10, "{seed}: {taken} of {goal}");
            assert_eq!(sample, drawn(&bytes, goal, seed));
            samples.insert(sample);
        }
        assert!(samples.len() > 40);
    }

    #[test]
    fn large_tables_are_drawn_as_often_as_they_have_bytes() {
        // Ten tables hold nine tenths of the bytes: of what is drawn they must hold about as much.
        let bytes: Vec<u64> = (0..100).map(|n| if n < 10 { 9_000 } else { 100 }).collect();
        let (mut large, mut all) = (0, 0);
        for seed in 0..200 {
            let sample = drawn(&bytes, 30_000, seed);
            all += sample.iter().map(|n| bytes[*n]).sum::<u64>();
            large += sample.iter().filter(|n| **n < 10).map(|n| bytes[*n]).sum::<u64>();
        }
        let share = large as f64 / all as f64;
        assert!((0.85..0.97).contains(&share), "{share}");
    }

    #[test]
    fn something_is_always_drawn() {
        assert_eq!(drawn(&[500, 300, 0], 10, 1), [1]);
        assert_eq!(drawn(&[0, 0], 10, 1).len(), 1);
    }

    #[test]
    fn a_name_is_a_pattern_of_itself() {
        for name in ["s.a*b", "s.[x]", "s.{a,b}", "s.q?\\", "s.plain"] {
            let selection = Selection { tables: vec![escaped(name)], ..Selection::default() };
            let filter = selected::filter(&selection).unwrap();
            assert!(filter.table("s", name.strip_prefix("s.").unwrap()), "{name}");
            assert!(!filter.table("s", "axb") && !filter.table("s", "x") && !filter.table("s", "a"), "{name}");
        }
    }
}
