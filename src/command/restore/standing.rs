//! How each table of a restore stands: whole, failed, or usable since an earlier try; and what cannot be made while a table is
//! not there: foreign keys, views, triggers and events that name it. Comes in: what is restored, and what went wrong. Goes out:
//! what to leave out, and the words for it. It changes nothing on the target.

use super::target::table_of;
use crate::command::selected::Selected;
use crate::error::{Error, Exit};
use crate::load::schema::cut;
use crate::load::{LoadError, TableFailure};
use crate::schema::ddl::{self, ForeignKey};
use crate::schema::mentions::Mentions;
use crate::schema::{ObjectKind, QualifiedName};
use crate::verify::Difference;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What was being done to a table that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Its CREATE TABLE.
    Definition,
    /// Its rows were loaded.
    Rows,
    /// Its indexes were built.
    Indexes,
    /// Its foreign keys were made: the table itself is whole.
    ForeignKeys,
    /// Its rows were read back and are not the backup's.
    Proof,
}

/// A table that is not as it was.
#[derive(Clone, Debug, serde::Serialize)]
pub struct FailedTable {
    /// Its name on the target.
    pub table: String,
    /// What was being done.
    pub step: Step,
    /// Why; names the table.
    pub why: String,
    /// The exit code that this failure stands for.
    pub exit_code: u8,
    /// What to try.
    pub hints: Vec<String>,
    /// The same as a value.
    #[serde(skip)]
    pub exit: Exit,
}

/// Something that is not made yet, since it names what is not there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Waiting {
    /// What: `view shop.v`, `foreign key f of table shop.orders`.
    pub what: String,
    /// What is missing.
    pub waits_for: Vec<String>,
}

/// How the tables stand, by their place among the chosen ones.
#[derive(Default)]
pub(super) struct Standings {
    /// In the order in which they failed.
    pub failed: Vec<FailedTable>,
    places: BTreeMap<usize, Step>,
    /// Usable before the others: since an earlier try, or named by `--first`.
    pub usable: BTreeSet<usize>,
    /// Those of them that somebody was told of, by this run or an earlier try: they may be written to.
    pub told: BTreeSet<usize>,
    /// Those whose rows were proved.
    pub proved: BTreeSet<usize>,
    /// Those that an earlier try has proved, and that are not counted yet.
    pub proved_before: Vec<usize>,
    /// Those that an earlier try has made usable without a proof, and that are not named yet.
    pub unproved_before: Vec<usize>,
    /// For each object: a view that was not made, since it reads a table that is not whole.
    pub left_out: Vec<bool>,
}

impl Standings {
    /// True where the table's rows or indexes are not whole.
    pub fn has_failed(&self, place: usize) -> bool {
        self.places.get(&place).is_some_and(|step| *step != Step::ForeignKeys)
    }

    /// The step that failed for this table.
    pub fn failed_at(&self, place: usize) -> Option<Step> {
        self.places.get(&place).copied()
    }

    /// True where any table is not as it was.
    pub fn incomplete(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Records failures of one step.
    pub fn load_failed(&mut self, selected: &Selected, failures: Vec<TableFailure>, creating: bool) {
        for TableFailure { table, error } in failures {
            let step = match error {
                _ if creating => Step::Definition,
                LoadError::Refused { .. } | LoadError::Definition { .. } => Step::Indexes,
                _ => Step::Rows,
            };
            self.fail(selected, table as usize, step, error.into());
        }
    }

    /// Records that a table failed. The first failure of a table is the cause of others.
    pub fn fail(&mut self, selected: &Selected, place: usize, step: Step, error: Error) {
        if self.places.contains_key(&place) {
            return;
        }
        self.places.insert(place, step);
        let (exit, hints) = (error.exit(), error.hints().to_vec());
        let (table, why) = (selected.tables[place].target.to_string(), error.to_string());
        let why = if why.contains(&table) { why } else { format!("table {table}: {why}") };
        self.failed.push(FailedTable { table, step, why, exit_code: exit.code(), hints, exit });
    }

    /// Records the tables whose rows are not the backup's; returns their places.
    pub fn differ(&mut self, selected: &Selected, differences: &[Difference]) -> Vec<usize> {
        let by_name: HashMap<String, usize> =
            selected.tables.iter().enumerate().map(|(place, table)| (table.target.to_string(), place)).collect();
        let mut found: BTreeMap<usize, Vec<&Difference>> = BTreeMap::new();
        for difference in differences {
            if let Some(&place) = by_name.get(&difference.table) {
                found.entry(place).or_default().push(difference);
            }
        }
        for (place, of_table) in &found {
            let more = match of_table.len() {
                1 => String::new(),
                n => format!(" ({} more ranges differ)", n - 1),
            };
            let why = format!("its rows are not the backup's: {}{more}", of_table[0]);
            self.fail(selected, *place, Step::Proof, Error::new(Exit::ProofFailed, why));
        }
        found.into_keys().collect()
    }
}

/// What names what among the things that are restored.
pub(super) struct Names {
    /// Tables by their names in the backup, in lower case.
    tables: HashMap<(String, String), usize>,
    /// What the definition of each object mentions.
    mentions: Vec<Mentions>,
}

impl Names {
    /// Reads all definitions of objects.
    pub fn of(selected: &Selected) -> Names {
        let tables = selected.tables.iter().enumerate();
        let tables = tables.map(|(place, table)| (lower(&table.table.name), place)).collect();
        Names { tables, mentions: selected.objects.iter().map(|(object, _)| Mentions::of(object)).collect() }
    }

    /// The place of the table that a foreign key refers to; none where it is not restored.
    pub fn parent(&self, of: &QualifiedName, key: &ForeignKey) -> Option<usize> {
        let (schema, name) = ddl::referenced_table(&key.definition)?;
        let schema = schema.unwrap_or_else(|| of.schema.clone());
        self.tables.get(&lower(&QualifiedName::new(schema, name))).copied()
    }

    /// What the definition of an object mentions, by its place among them.
    pub fn mentions_of(&self, object: usize) -> &Mentions {
        &self.mentions[object]
    }

    /// The foreign keys of a table, each with the table that it refers to, where that is restored.
    pub fn foreign_keys(&self, selected: &Selected, place: usize) -> Vec<(String, Option<usize>)> {
        let table = &selected.tables[place].table;
        // One that cannot be taken apart has failed before.
        let keys = cut(table).map(|cut| cut.foreign_keys).unwrap_or_default();
        keys.into_iter()
            .map(|key| (self.parent(&table.name, &key), key.name))
            .map(|(parent, key)| (key, parent))
            .collect()
    }

    /// What a trigger names that is not there: tables that are not `there`, and views and routines, which are made later.
    pub fn trigger_waits_for(&self, selected: &Selected, trigger: usize, there: &dyn Fn(usize) -> bool) -> Vec<String> {
        let mentions = &self.mentions[trigger];
        let tables = selected
            .tables
            .iter()
            .enumerate()
            .filter(|(place, table)| !there(*place) && mentions.has(&table.table.name));
        let mut missing: Vec<String> = tables.map(|(_, table)| table.target.to_string()).collect();
        for (object, schema) in &selected.objects {
            let late = !matches!(object.kind, ObjectKind::Trigger | ObjectKind::Event);
            if late && mentions.has(&object.name) {
                missing.push(format!("{} {}", object.kind, QualifiedName::new(schema, &object.name.name)));
            }
        }
        missing
    }

    /// What is not made at the end of a run in which tables have failed.
    pub fn waiting(&self, selected: &Selected, standings: &Standings) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        for (place, table) in selected.tables.iter().enumerate().filter(|(place, _)| !standings.has_failed(*place)) {
            for (key, parent) in self.foreign_keys(selected, place) {
                // Keys are made before the proof.
                let missing =
                    |&parent: &usize| standings.failed_at(parent).is_some_and(|step| step < Step::ForeignKeys);
                if let Some(parent) = parent.filter(missing) {
                    let what = format!("foreign key {key} of table {}", table.target);
                    waiting.push(Waiting { what, waits_for: vec![selected.tables[parent].target.to_string()] });
                }
            }
        }
        let failed: Vec<String> = (0..selected.tables.len())
            .filter(|place| standings.failed_at(*place).is_some())
            .map(|place| selected.tables[place].target.to_string())
            .collect();
        let blocked = self.blocked(selected, standings);
        for (n, (object, schema)) in selected.objects.iter().enumerate() {
            let waits_for = match object.kind {
                ObjectKind::View if standings.left_out.get(n) == Some(&true) => blocked[n].iter().cloned().collect(),
                ObjectKind::Trigger => blocked[n].iter().cloned().collect(),
                ObjectKind::Event => failed.clone(),
                _ => Vec::new(),
            };
            if !waits_for.is_empty() {
                let name = QualifiedName::new(schema, &object.name.name);
                waiting.push(Waiting { what: format!("{} {name}", object.kind), waits_for });
            }
        }
        waiting
    }

    /// For each object, the failed tables that it names, or that are named by a view or routine that it names.
    pub fn blocked(&self, selected: &Selected, standings: &Standings) -> Vec<BTreeSet<String>> {
        let mut blocked = vec![BTreeSet::new(); selected.objects.len()];
        let failed: Vec<_> = (0..selected.tables.len()).filter(|&place| standings.has_failed(place)).collect();
        for (n, (object, schema)) in selected.objects.iter().enumerate() {
            for table in failed.iter().map(|&place| &selected.tables[place]) {
                let own = object.table.is_some() && table_of(object, schema) == table.target;
                if own || self.mentions[n].has(&table.table.name) {
                    blocked[n].insert(table.target.to_string());
                }
            }
        }
        loop {
            let before: usize = blocked.iter().map(BTreeSet::len).sum();
            for read in 0..blocked.len() {
                let (object, _) = &selected.objects[read];
                if blocked[read].is_empty() || matches!(object.kind, ObjectKind::Trigger | ObjectKind::Event) {
                    continue;
                }
                let missing = blocked[read].clone();
                for (n, of) in blocked.iter_mut().enumerate().filter(|(n, _)| *n != read) {
                    if self.mentions[n].has(&object.name) {
                        of.extend(missing.iter().cloned());
                    }
                }
            }
            if blocked.iter().map(BTreeSet::len).sum::<usize>() == before {
                return blocked;
            }
        }
    }
}

fn lower(name: &QualifiedName) -> (String, String) {
    (name.schema.to_lowercase(), name.name.to_lowercase())
}
