//! Foreign keys of the tables that are whole. Comes in: tables, and those that a key may refer to by now. Goes out: the keys on
//! the target. They are made without a look at the rows, which are the backup's; but where a table could be used before its key
//! was made, or the one that it refers to, rows are looked for that the key does not allow, and the query that lists them is told.

use super::standing::Step;
use super::steps::Run;
use crate::error::Result;
use crate::load::indexes;
use crate::load::ledger;
use crate::load::orphans::{self, Orphans};
use crate::schema::QualifiedName;
use crate::schema::ddl::ForeignKey;
use crate::server::ServerError;

impl Run<'_> {
    /// Makes the foreign keys that some tables lack and that refer to tables which are `there`, or are not restored.
    pub async fn add_foreign_keys(&mut self, of: &[usize], there: &(dyn Fn(usize) -> bool + Sync)) -> Result<()> {
        for &place in of {
            let late = self.late_keys_begun(place, there).await?;
            self.add_foreign_keys_of(place, there).await?;
            if late {
                self.look_for_orphans(place).await?;
            }
        }
        Ok(())
    }

    async fn add_foreign_keys_of(&mut self, place: usize, there: &(dyn Fn(usize) -> bool + Sync)) -> Result<()> {
        let Run { options, selected, names, target, standings, made, stop, progress, .. } = self;
        let renamed = |schema: &str| {
            let renamed = options.renames.iter().find(|(old, _)| old == schema);
            renamed.map(|(_, new)| new.clone())
        };
        let table = &selected.tables[place];
        let wanted = |key: &ForeignKey| names.parent(&table.table.name, key).is_none_or(there);
        let session = &mut target.session;
        match indexes::add_foreign_keys(session, &table.table, &table.target, &renamed, &wanted).await {
            Ok(keys) => {
                made.foreign_keys += keys.made.len() as u64;
                made.notes.extend(keys.notes);
            }
            Err(error) if error.concerns_one_table() && !stop.stopped() => {
                progress.note(&format!("failed, the other tables go on: {error}"));
                standings.fail(selected, place, Step::ForeignKeys, error.into());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Whether rows of this table must be looked at once its keys are made: somebody could write to it, or to what it refers to,
    /// before. That is recorded first, so that it is done also by the run that goes on from here.
    async fn late_keys_begun(&mut self, place: usize, there: &(dyn Fn(usize) -> bool + Sync)) -> Result<bool> {
        let Run { selected, names, target, standings, .. } = self;
        let table = &selected.tables[place];
        if target.own.unchecked.contains(&table.target) {
            return Ok(true);
        }
        let told = |place: usize| standings.told.contains(&place);
        let may_be_late = names.foreign_keys(selected, place).iter().any(|(_, parent)| parent.is_some_and(told));
        if !told(place) && !may_be_late {
            return Ok(false);
        }
        let late = |key: &ForeignKey| match names.parent(&table.table.name, key) {
            Some(parent) => there(parent) && (told(place) || told(parent)),
            None => told(place),
        };
        let missing = indexes::foreign_keys_missing(&mut target.session, &table.table, &table.target, &late).await?;
        if missing.is_empty() {
            return Ok(false);
        }
        ledger::keys_begun_late(&mut target.session, &table.target).await?;
        target.own.unchecked.insert(table.target.clone());
        Ok(true)
    }

    async fn look_for_orphans(&mut self, place: usize) -> Result<()> {
        let Run { selected, names, target, made, stop, progress, .. } = self;
        let table = &selected.tables[place].target;
        for (key, _) in names.foreign_keys(selected, place) {
            let note = match orphans::find(&mut target.session, table, &key).await {
                Ok(None) => continue,
                Ok(Some(orphans)) => told(table, &key, &orphans),
                Err(error) if error.code().is_some() && !stop.stopped() => unseen(table, &key, &error),
                Err(error) => return Err(error.into()),
            };
            if !made.notes.contains(&note) {
                progress.note(&note);
                made.notes.push(note);
            }
        }
        ledger::late_keys_checked(&mut target.session, table).await?;
        target.own.unchecked.remove(table);
        Ok(())
    }
}

fn told(table: &QualifiedName, key: &str, orphans: &Orphans) -> String {
    let Orphans { parent, query } = orphans;
    format!(
        "ORPHANS: rows of {table} refer by foreign key {key} to rows that {parent} does not have; one of the tables could be \
         written to before the key was made; to list them: {query}"
    )
}

fn unseen(table: &QualifiedName, key: &str, error: &ServerError) -> String {
    format!(
        "whether all rows of {table} have the row that foreign key {key} refers to could not be looked at, and the table could \
         be written to before the key was made: {error}"
    )
}
