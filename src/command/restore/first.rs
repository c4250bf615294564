//! `--first`: the tables that are wanted before all others. Comes in: patterns in the order of their importance, and what is
//! restored. Goes out: the tables of each pattern in turn, loaded, indexed and proved by all workers before anything else is
//! begun, and for each the moments at which it was how far. What it names and is not there yet is told, and told again once
//! it is.

use super::missing::{self, Missing};
use super::phases::Moment;
use super::standing::Step;
use super::steps::{Run, bytes_of, rows_of};
use super::target::table_of;
use crate::command::options::{Redo, RestoreOptions};
use crate::command::selected::Selected;
use crate::error::{Error, Exit, Result};
use crate::load::ledger;
use crate::load::objects::Stage;
use crate::manifest::Repository;
use crate::plan::Filter;
use crate::schema::mentions::Mentions;
use crate::schema::{ObjectKind, QualifiedName};
use std::collections::HashSet;

/// A table that `--first` names, and how far it was when.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct FirstTable {
    /// Its name on the target.
    pub table: String,
    /// It was usable since an earlier try, and is left as it is.
    pub earlier_try: bool,
    /// All rows were in.
    pub rows: Option<Moment>,
    /// All indexes were built.
    pub indexes: Option<Moment>,
    /// Its rows were proved, by this run or an earlier try.
    pub proved: bool,
    /// When this run proved them; none where it did not.
    pub proof: Option<Moment>,
    /// It could be used; none where it failed.
    pub usable: Option<Moment>,
    /// Its foreign keys.
    pub foreign_keys: Vec<Late>,
    /// Its triggers.
    pub triggers: Vec<Late>,
    /// What these name that is neither restored nor on the target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    #[serde(skip)]
    place: usize,
}

/// A foreign key or trigger of such a table.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Late {
    /// Its name.
    pub name: String,
    /// When it was made; none where it is not there.
    pub at: Option<Moment>,
    /// What it names and was not there when it was last tried.
    pub waits_for: Vec<String>,
}

/// What comes first.
#[derive(Default)]
pub(super) struct First {
    /// Places of the tables of each pattern.
    pub stages: Vec<Vec<usize>>,
    /// The tables, in the order in which they are brought back.
    pub tables: Vec<FirstTable>,
    /// Triggers that are there before all others, by their place among the objects.
    pub triggers_made: HashSet<usize>,
}

/// What is wrong with the options by themselves.
pub(super) fn check(options: &RestoreOptions) -> Result<()> {
    if !options.first.is_empty() && options.redo == Redo::Off {
        let why = "--first and --redo off exclude each other: tables that are usable early would be lost in a crash";
        return Err(Error::new(Exit::Usage, why).hint("leave one of them out; with --first the redo log stays on"));
    }
    Ok(())
}

/// Finds the tables that are meant.
pub(super) fn find(options: &RestoreOptions, selected: &Selected) -> Result<First> {
    let mut taken = HashSet::new();
    let mut stages = Vec::new();
    for pattern in &options.first {
        let filter = Filter::new(&[], &[], std::slice::from_ref(pattern), &[])?;
        let tables = selected.tables.iter().enumerate();
        let meant: Vec<usize> = tables
            .filter(|(_, table)| filter.table(&table.table.name.schema, &table.table.name.name))
            .map(|(place, _)| place)
            .collect();
        if meant.is_empty() {
            return Err(no_such_table(pattern, selected));
        }
        let with_sequences = sequences(selected, &meant).into_iter().chain(meant);
        let stage: Vec<usize> = with_sequences.filter(|place| taken.insert(*place)).collect();
        if !stage.is_empty() {
            stages.push(stage);
        }
    }
    let table = |&place: &usize| FirstTable {
        table: selected.tables[place].target.to_string(),
        place,
        ..FirstTable::default()
    };
    let tables = stages.iter().flatten().map(table).collect();
    Ok(First { stages, tables, triggers_made: HashSet::new() })
}

/// Sequences that the defaults of these tables count in: without them no row could be written.
fn sequences(selected: &Selected, tables: &[usize]) -> Vec<usize> {
    let sequences = selected.tables.iter().enumerate().filter(|(_, table)| table.table.sequence);
    let sequences: Vec<_> = sequences.collect();
    if sequences.is_empty() {
        return Vec::new();
    }
    let texts = tables.iter().map(|&place| &selected.tables[place].table);
    let mentions: Vec<_> = texts.map(|table| Mentions::of_text(&table.create.0, &table.name.schema)).collect();
    let named = |name: &QualifiedName| mentions.iter().any(|mentions| mentions.has(name));
    sequences.iter().filter(|(_, table)| named(&table.table.name)).map(|(place, _)| *place).collect()
}

/// Names shown in a hint at most.
const NAMES_SHOWN: usize = 5;

fn no_such_table(pattern: &str, selected: &Selected) -> Error {
    let mut near: Vec<(usize, String)> = selected
        .tables
        .iter()
        .map(|table| (distance(pattern, &table.table.name), table.table.name.to_string()))
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3).max(2))
        .collect();
    near.sort();
    let near: Vec<String> = near.into_iter().take(NAMES_SHOWN).map(|(_, name)| name).collect();
    let error =
        Error::new(Exit::Usage, format!("--first names {pattern}, and no table that is to be restored is meant by it"));
    match near.is_empty() {
        true => error.hint("`myriad show` lists the tables of a backup; --first takes names as they are in the backup"),
        false => error.hint(format!("is one of these meant: {}", near.join(", "))),
    }
}

/// How far what was typed is from a table's name; near too where the schema alone differs, or was left out.
fn distance(typed: &str, name: &QualifiedName) -> usize {
    let typed = typed.to_lowercase();
    let bare = typed.rsplit('.').next().unwrap_or_default();
    let to_bare = edits(bare, &name.name.to_lowercase()) + 1;
    edits(&typed, &name.to_string().to_lowercase()).min(to_bare)
}

/// Letters that are to be added, taken away or exchanged to make one word of another (Levenshtein).
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let exchanged = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

impl Run<'_> {
    /// Brings back what comes first, pattern by pattern.
    pub async fn bring_first(&mut self, repository: &Repository) -> Result<()> {
        for stage in std::mem::take(&mut self.first.stages) {
            self.phases.enter("first", rows_of(&self.selected, &stage), bytes_of(&self.selected, &stage));
            let tables = self.make_tables(&stage).await?;
            self.tune(&tables).await?;
            self.load(repository, tables).await?;
            let whole: Vec<usize> = stage.iter().copied().filter(|&place| !self.standings.has_failed(place)).collect();
            self.note_loaded(&whole);
            // What is usable since an earlier try stays as it is, and is not proved, nor proved again: it may be in use.
            let new: Vec<usize> =
                whole.iter().copied().filter(|place| !self.standings.usable.contains(place)).collect();
            let mut lost = 0;
            while let Err(error) = self.target.make_histograms(&self.selected, &new, &mut self.made).await {
                self.control_again(error, &mut lost).await?;
            }
            self.prove(&new).await?;
            self.finish_first(&stage).await?;
            self.stop_here()?;
        }
        Ok(())
    }

    /// When the tables of a stage were loaded.
    fn note_loaded(&mut self, whole: &[usize]) {
        for table in self.first.tables.iter_mut().filter(|table| whole.contains(&table.place)) {
            table.earlier_try = self.standings.usable.contains(&table.place);
            table.proved = self.standings.proved.contains(&table.place);
            if let Some(moments) = self.loaded.moments.get(&(table.place as u32)) {
                table.rows = moments.rows.map(|at| self.phases.moment(at));
                table.indexes = moments.indexes.map(|at| self.phases.moment(at));
            }
        }
    }

    /// Records that the tables of a stage are usable, makes what they have beside, and tells.
    async fn finish_first(&mut self, stage: &[usize]) -> Result<()> {
        let mut lost = 0;
        let new: Vec<usize> = (stage.iter().copied())
            .filter(|place| !self.standings.has_failed(*place) && !self.standings.usable.contains(place))
            .collect();
        let now = self.phases.now();
        while let Err(error) = self.record_usable(&new).await {
            self.control_again(error, &mut lost).await?;
        }
        self.standings.usable.extend(new.iter().copied());
        for table in self.first.tables.iter_mut().filter(|table| new.contains(&table.place)) {
            table.proved = self.standings.proved.contains(&table.place);
            table.proof = table.proved.then_some(now);
            table.usable = Some(now);
        }
        while let Err(error) = self.keys_and_triggers_of_first(stage).await {
            self.control_again(error, &mut lost).await?;
        }
        for table in self.first.tables.iter().filter(|table| stage.contains(&table.place)) {
            if !self.standings.has_failed(table.place) {
                self.progress.note(&usable_line(table));
            }
        }
        self.standings.told.extend(new);
        Ok(())
    }

    /// Marks tables as usable in the ledger: a run that goes on leaves them as they are.
    pub(super) async fn record_usable(&mut self, places: &[usize]) -> Result<()> {
        for proved in [true, false] {
            let of = places.iter().filter(|place| self.standings.proved.contains(place) == proved);
            let names: Vec<_> = of.map(|&place| &self.selected.tables[place].target).collect();
            ledger::usable(&mut self.target.session, &names, proved).await?;
        }
        Ok(())
    }

    /// Foreign keys and triggers of the first tables, as far as all that they name is there.
    async fn keys_and_triggers_of_first(&mut self, stage: &[usize]) -> Result<()> {
        let there = self.standings.usable.clone();
        let done: Vec<usize> =
            self.first.tables.iter().map(|table| table.place).filter(|place| there.contains(place)).collect();
        self.add_foreign_keys(&done, &|place| there.contains(&place)).await?;
        self.first_keys_there(&|place| there.contains(&place));
        let places = self.selected.tables.iter().enumerate();
        let done: HashSet<&QualifiedName> =
            places.filter(|(place, _)| done.contains(place)).map(|(_, table)| &table.target).collect();
        let triggers = self.selected.objects.iter().enumerate().filter(|(_, (object, schema))| {
            object.kind == ObjectKind::Trigger && done.contains(&table_of(object, schema))
        });
        let triggers: Vec<usize> = triggers.map(|(n, _)| n).filter(|n| !self.first.triggers_made.contains(n)).collect();
        let waits: Vec<(usize, Vec<String>)> = triggers
            .into_iter()
            .map(|n| (n, self.names.trigger_waits_for(&self.selected, n, &|place| there.contains(&place))))
            .collect();
        let ready: HashSet<usize> = waits.iter().filter(|(_, waits)| waits.is_empty()).map(|(n, _)| *n).collect();
        if !ready.is_empty() {
            self.make_triggers(&ready).await?;
            self.first.triggers_made.extend(&ready);
        }
        self.first_triggers_there(waits);
        self.look_for_missing(stage).await
    }

    /// Notes which foreign keys of first tables are there by now. `there`: the tables that keys may refer to.
    pub(super) fn first_keys_there(&mut self, there: &dyn Fn(usize) -> bool) {
        let now = self.phases.now();
        for table in self.first.tables.iter_mut().filter(|table| self.standings.usable.contains(&table.place)) {
            let refused = self.standings.failed_at(table.place) == Some(Step::ForeignKeys);
            for (name, parent) in self.names.foreign_keys(&self.selected, table.place) {
                let missing = parent.filter(|&parent| !there(parent));
                let missing = missing.map(|parent| self.selected.tables[parent].target.to_string());
                let waits_for = match refused {
                    true => vec!["the target, which refused it".to_owned()],
                    false => missing.into_iter().collect(),
                };
                settle(&mut table.foreign_keys, name, waits_for, now);
            }
        }
    }

    /// The same for triggers, by their place among the objects, each with what it waits for.
    pub(super) fn first_triggers_there(&mut self, waits: Vec<(usize, Vec<String>)>) {
        let now = self.phases.now();
        for (n, mut waits_for) in waits {
            let (object, schema) = &self.selected.objects[n];
            let (on, name) = (table_of(object, schema), QualifiedName::new(schema, &object.name.name));
            if self.made.not_created.iter().any(|not| not.kind == ObjectKind::Trigger && not.name == name) {
                waits_for = vec!["the target, which refused it".to_owned()];
            }
            let table = self.first.tables.iter_mut().find(|table| self.selected.tables[table.place].target == on);
            if let Some(table) = table.filter(|table| self.standings.usable.contains(&table.place)) {
                settle(&mut table.triggers, object.name.name.clone(), waits_for, now);
            }
        }
    }

    /// Tells what first tables have waited for and got since `before` was taken.
    pub(super) fn tell_late(&self, before: &[FirstTable]) {
        for (table, before) in self.first.tables.iter().zip(before) {
            let pairs = [
                ("foreign key", &table.foreign_keys, &before.foreign_keys),
                ("trigger", &table.triggers, &before.triggers),
            ];
            for (what, now, then) in pairs {
                for late in now.iter().filter(|late| !then.iter().any(|old| old.name == late.name && old.at.is_some()))
                {
                    if let Some(at) = late.at {
                        self.progress.note(&format!("{}: {what} {} is there at {at}", table.table, late.name));
                    }
                }
            }
        }
    }

    /// Places of the tables that are not named by `--first`.
    pub(super) fn rest(&self) -> Vec<usize> {
        let first: HashSet<usize> = self.first.tables.iter().map(|table| table.place).collect();
        (0..self.selected.tables.len()).filter(|place| !first.contains(place)).collect()
    }

    /// Makes triggers, by their place among the objects.
    pub(super) async fn make_triggers(&mut self, which: &HashSet<usize>) -> Result<()> {
        let Run { target, selected, made, .. } = self;
        target.make_objects((selected, &|n| which.contains(&n)), Stage::Triggers, made).await
    }
}

/// One that is there stays so; of the others the last word counts.
fn settle(late: &mut Vec<Late>, name: String, waits_for: Vec<String>, now: Moment) {
    let at = waits_for.is_empty().then_some(now);
    match late.iter_mut().find(|late| late.name == name) {
        Some(known) if known.at.is_some() => {}
        Some(known) => *known = Late { name, at, waits_for },
        None => late.push(Late { name, at, waits_for }),
    }
}

/// What a person reads once a table is usable.
fn usable_line(table: &FirstTable) -> String {
    let when = match table.usable {
        Some(at) => format!("usable at {at}"),
        None => "usable since an earlier try".into(),
    };
    let with = |what: &str, at: Option<Moment>| match at {
        Some(at) => format!("{what} (+{:.1} s)", at.seconds),
        None => what.to_owned(),
    };
    let mut there = vec![with("rows", table.rows), with("indexes", table.indexes)];
    there.push(match (table.proved, table.earlier_try) {
        (true, _) => with("proof", table.proof),
        (false, true) => "not proved (an earlier try, with --verify none)".into(),
        (false, false) => "no proof (--verify none)".into(),
    });
    let mut waiting = Vec::new();
    for (what, late) in [("foreign key", &table.foreign_keys), ("trigger", &table.triggers)] {
        for late in late {
            match late.waits_for.is_empty() {
                true => there.push(format!("{what} {}", late.name)),
                false => waiting.push(format!("; {what} {} waits for {}", late.name, late.waits_for.join(", "))),
            }
        }
    }
    if !table.missing.is_empty() {
        waiting.push(format!("; {}", missing::line(&table.missing)));
    }
    format!("{} {when}: {}{}", table.table, there.join(", "), waiting.concat())
}

impl FirstTable {
    /// Its place among the chosen tables.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// A line of the summary.
    pub(super) fn line(&self) -> String {
        match (self.usable, self.earlier_try) {
            (None, false) => format!("{} is not usable", self.table),
            _ => usable_line(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_near() {
        assert_eq!(
            (edits("", "ab"), edits("orders", "order"), edits("abc", "axc"), edits("same", "same")),
            (2, 1, 1, 0)
        );
        let name = QualifiedName::new("shop", "orders");
        assert_eq!(
            (distance("shop.orders", &name), distance("orders", &name), distance("shopp.ordrs", &name)),
            (0, 1, 2)
        );
        assert!(distance("shop.audit", &name) > 3);
    }
}
