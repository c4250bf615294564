//! What foreign keys and triggers name that is neither restored nor on the target: no row can be written to a table whose foreign
//! key refers to no table, or whose trigger fails. Comes in: restored tables, and what else the backup holds. Goes out: for each
//! table what it lacks. The target is asked, and not changed. A trigger's text is read by words, so what it does not name in a
//! backup's own terms is not seen, and a column of a table's name may be taken for the table.

use super::steps::Run;
use super::target::table_of;
use crate::command::selected::Selected;
use crate::command::text::some_of;
use crate::error::Result;
use crate::load::schema::{cut, is_there};
use crate::schema::identifier::literal;
use crate::schema::mentions::Mentions;
use crate::schema::{ObjectKind, QualifiedName, ddl};
use crate::server::{ServerError, Session};
use std::collections::{BTreeSet, HashMap};

/// Names on a line at most, and tables that notes are made of.
const NAMES_SHOWN: usize = 20;

/// Something that a table's foreign key or trigger names, and that is not on the target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// What names it: `foreign key f`, `trigger t`.
    pub named_by: String,
}

/// A name that must be on the target.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Wanted {
    name: QualifiedName,
    /// A routine's; else a table's or view's.
    routine: bool,
}

impl Run<'_> {
    /// What some tables name that is missing, by their places; those that lack nothing are left out.
    async fn missing(&mut self, of: &[usize]) -> Result<HashMap<usize, Vec<Missing>>> {
        let renamed = |schema: &str| {
            let renamed = self.options.renames.iter().find(|(old, _)| old == schema);
            renamed.map_or_else(|| schema.to_owned(), |(_, new)| new.clone())
        };
        let others = Others::of(&self.selected);
        let mut triggers: HashMap<QualifiedName, Vec<usize>> = HashMap::new();
        for (n, (object, schema)) in self.selected.objects.iter().enumerate() {
            if object.kind == ObjectKind::Trigger && !others.is_empty() {
                triggers.entry(table_of(object, schema)).or_default().push(n);
            }
        }
        let mut wanted: Vec<(usize, Wanted, String)> = Vec::new();
        for &place in of {
            let table = &self.selected.tables[place];
            // One that cannot be taken apart has failed before.
            for key in cut(&table.table).map(|cut| cut.foreign_keys).unwrap_or_default() {
                let parent = ddl::referenced_table(&key.definition);
                let outside = parent.filter(|_| self.names.parent(&table.table.name, &key).is_none());
                if let Some((schema, name)) = outside {
                    let schema = schema.map_or_else(|| table.target.schema.clone(), |schema| renamed(&schema));
                    let wants = Wanted { name: QualifiedName::new(schema, name), routine: false };
                    wanted.push((place, wants, format!("foreign key {}", key.name)));
                }
            }
            for &n in triggers.get(&table.target).into_iter().flatten() {
                let name = &self.selected.objects[n].0.name.name;
                let named = others.named(self.names.mentions_of(n));
                wanted.extend(named.into_iter().map(|wants| (place, wants, format!("trigger {name}"))));
            }
        }
        let mut known: HashMap<Wanted, bool> = HashMap::new();
        let mut missing: HashMap<usize, Vec<Missing>> = HashMap::new();
        for (place, wants, named_by) in wanted {
            let there = match known.get(&wants) {
                Some(there) => *there,
                None => on_target(&mut self.target.session, &wants).await?,
            };
            if !there {
                missing.entry(place).or_default().push(Missing { name: wants.name.to_string(), named_by });
            }
            known.insert(wants, there);
        }
        Ok(missing)
    }

    /// Notes what tables of `--first` name that is missing.
    pub(super) async fn look_for_missing(&mut self, of: &[usize]) -> Result<()> {
        let mut missing = self.missing(of).await?;
        for table in self.first.tables.iter_mut().filter(|table| of.contains(&table.place())) {
            table.missing = missing.remove(&table.place()).unwrap_or_default();
        }
        Ok(())
    }

    /// The same at the end for all tables: those of `--first` have a line of their own, the others get a note.
    pub(super) async fn note_missing(&mut self) -> Result<()> {
        let whole: Vec<usize> = self.whole();
        let mut missing = self.missing(&whole).await?;
        for table in self.first.tables.iter_mut() {
            table.missing = missing.remove(&table.place()).unwrap_or_default();
        }
        let mut places: Vec<usize> = missing.keys().copied().collect();
        places.sort_unstable();
        let lines =
            places.iter().map(|place| format!("{}: {}", self.selected.tables[*place].target, line(&missing[place])));
        let mut notes: Vec<String> = lines.take(NAMES_SHOWN).collect();
        let more = places.len().saturating_sub(NAMES_SHOWN);
        notes.extend((more > 0).then(|| format!("{more} more tables name what is missing on the target")));
        // Over a control session that was lost this step is taken twice.
        notes.retain(|note| !self.made.notes.contains(note));
        self.made.notes.extend(notes);
        Ok(())
    }
}

/// `missing on the target: shop.customers (foreign key whose)`.
pub(super) fn line(missing: &[Missing]) -> String {
    let mut by_name: Vec<(&str, Vec<&str>)> = Vec::new();
    for Missing { name, named_by } in missing {
        match by_name.iter_mut().find(|(known, _)| known == name) {
            Some((_, by)) => by.push(named_by),
            None => by_name.push((name, vec![named_by])),
        }
    }
    let names: Vec<String> = by_name.iter().map(|(name, by)| format!("{name} ({})", by.join(", "))).collect();
    format!("missing on the target: {}", some_of(&names, NAMES_SHOWN))
}

/// Something that a trigger may name and that the run does not make under that name.
struct Other<'a> {
    /// Its name in the backup.
    name: &'a QualifiedName,
    /// What stands for it on the target where no schema is spelled out; none where the run makes that.
    target: Option<&'a QualifiedName>,
    routine: bool,
}

/// By their bare names, in lower case.
struct Others<'a>(HashMap<String, Vec<Other<'a>>>);

impl<'a> Others<'a> {
    fn of(selected: &'a Selected) -> Others<'a> {
        let mut by_name: HashMap<String, Vec<Other<'a>>> = HashMap::new();
        let others = selected.others.iter();
        let others =
            others.map(|other| Other { name: &other.name, target: Some(&other.target), routine: other.routine });
        // Where a text spells out the old schema it means the old table.
        let moved = selected.tables.iter().filter(|table| table.table.name.schema != table.target.schema);
        let moved = moved.map(|table| Other { name: &table.table.name, target: None, routine: false });
        for other in others.chain(moved) {
            by_name.entry(other.name.name.to_lowercase()).or_default().push(other);
        }
        Others(by_name)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn named(&self, mentions: &Mentions) -> BTreeSet<Wanted> {
        let mut wanted = BTreeSet::new();
        let known = mentions.all().filter_map(|word| self.0.get(word)).flatten();
        for &Other { name, target, routine } in known {
            if mentions.spells_out(name) {
                wanted.insert(Wanted { name: name.clone(), routine });
            }
            if let Some(target) = target.filter(|_| mentions.has_bare(name)) {
                wanted.insert(Wanted { name: target.clone(), routine });
            }
        }
        wanted
    }
}

async fn on_target(session: &mut Session, wanted: &Wanted) -> Result<bool, ServerError> {
    if !wanted.routine {
        return is_there(session, &wanted.name).await;
    }
    let (schema, name) = (literal(&wanted.name.schema), literal(&wanted.name.name));
    let sql =
        format!("SELECT 1 FROM information_schema.routines WHERE ROUTINE_SCHEMA = {schema} AND ROUTINE_NAME = {name}");
    Ok(session.query_first(sql).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_the_same_stands_behind_it() {
        let missing = |name: &str, named_by: &str| Missing { name: name.into(), named_by: named_by.into() };
        let all = [missing("a.b", "foreign key f"), missing("a.c", "trigger t"), missing("a.b", "trigger t")];
        assert_eq!(line(&all), "missing on the target: a.b (foreign key f, trigger t), a.c (trigger t)");
    }
}
