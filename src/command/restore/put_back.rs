//! The statements that put tables back where they were dropped from, once they stand under another schema's name beside the
//! live data. Comes in: what was restored, and a session on the target, which is only asked. Goes out: lines for the mysql
//! client, in their order; none where nothing is missing under the old names.
//!
//! RENAME TABLE alone will not do. A table with triggers does not change its schema (error 1435), so these are dropped and made
//! again, on a table that does not have its last name yet: none is ever in use without them. Where a trigger's text cannot be
//! printed its table is left out, and named: no line drops what none makes again. A foreign key to a table that does
//! not go along would point to the schema aside, so it is made again before (error 1826 where both are one ALTER; all seen on
//! 9.7.4). Foreign keys of tables that stayed find the table again by its name.

use super::target::Target;
use crate::command::options::RestoreOptions;
use crate::command::selected::{Selected, SelectedTable};
use crate::error::Result;
use crate::limits;
use crate::schema::identifier::{literal, quote};
use crate::schema::{Object, ObjectKind, QualifiedName, ddl, object_text};
use std::collections::{HashMap, HashSet};

/// Tables that statements are printed for; with more of them a person has other means.
const TABLES_MAX: usize = 20;

/// The lines for the mysql client; none where the old names are taken or their schemas gone.
pub(super) async fn lines(selected: &Selected, options: &RestoreOptions, target: &mut Target) -> Result<Vec<String>> {
    let moved: Vec<&SelectedTable> =
        selected.tables.iter().filter(|table| table.table.name.schema != table.target.schema).collect();
    if options.no_data || moved.is_empty() || moved.len() > TABLES_MAX {
        return Ok(Vec::new());
    }
    let schemas: Vec<_> = moved.iter().map(|table| literal(&table.table.name.schema)).collect();
    let schemas = schemas.join(", ");
    let there = format!(
        "SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME FROM information_schema.schemata WHERE SCHEMA_NAME IN ({schemas})"
    );
    let there = target.session.query(there).await?;
    let there: HashMap<String, String> = there.iter().map(|row| (row.text(0), row.text(1))).collect();
    let taken =
        format!("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.tables WHERE TABLE_SCHEMA IN ({schemas})");
    let taken = target.session.query(taken).await?;
    let taken: HashSet<QualifiedName> = taken.iter().map(|row| QualifiedName::new(row.text(0), row.text(1))).collect();
    let missing = |name: &QualifiedName| there.contains_key(&name.schema) && !taken.contains(name);
    let back: Vec<&SelectedTable> = moved.into_iter().filter(|table| missing(&table.table.name)).collect();
    let triggers: Vec<&Object> = selected.objects.iter().map(|(object, _)| object).collect();
    let (back, left_out) = printable(back, &triggers);
    for (table, why) in left_out {
        let (aside, name) = (&table.target, &table.table.name);
        target.notes.push(format!("{aside} cannot be put back as {name} by lines that are printed: {why}"));
    }
    for table in &back {
        for trigger in triggers_of(table, &triggers) {
            let schema = &table.table.name.schema;
            if let Some(collation) = other_collation(trigger, there.get(schema)) {
                target.notes.push(format!(
                    "the lines that put {} back give schema {schema} the collation {} for a moment, and then {collation} \
                     again: trigger {} was made under it",
                    table.table.name, trigger.database_collation, trigger.name.name
                ));
            }
        }
    }
    Ok(steps(&back, &triggers, taken, &there))
}

/// The schema's collation, where a trigger was made under another.
fn other_collation<'a>(trigger: &Object, present: Option<&'a String>) -> Option<&'a str> {
    let made_under = &trigger.database_collation;
    present.filter(|present| !made_under.is_empty() && *present != made_under).map(String::as_str)
}

/// The tables whose lines can be printed, and those whose cannot, with the reason: triggers, or a table that one refers to
/// and that is itself left out.
fn printable<'a>(
    mut back: Vec<&'a SelectedTable>,
    objects: &[&Object],
) -> (Vec<&'a SelectedTable>, Vec<(&'a SelectedTable, String)>) {
    let mut left_out: Vec<(&SelectedTable, String)> = Vec::new();
    loop {
        let why = |table: &SelectedTable| {
            let unprinted = |trigger: &&&Object| create_on(trigger, "", "", None).is_none();
            if let Some(trigger) = triggers_of(table, objects).iter().find(unprinted) {
                return Some(format!("the text of its trigger {} cannot be printed", quote(&trigger.name.name)));
            }
            let out: HashSet<&QualifiedName> = left_out.iter().map(|(table, _)| &table.table.name).collect();
            let parent = parents(table).into_iter().map(|(_, parent, _)| parent).find(|parent| out.contains(parent))?;
            Some(format!("it refers to {parent}, which cannot be either"))
        };
        let found: Option<(usize, String)> =
            back.iter().enumerate().find_map(|(index, table)| why(table).map(|why| (index, why)));
        let Some((index, why)) = found else { return (back, left_out) };
        left_out.push((back.remove(index), why));
    }
}

/// The triggers of a table in the order in which they fire.
fn triggers_of<'a>(table: &SelectedTable, objects: &[&'a Object]) -> Vec<&'a Object> {
    let name = &table.table.name;
    let of_table = |object: &&Object| {
        object.kind == ObjectKind::Trigger
            && object.name.schema == name.schema
            && object.table.as_deref() == Some(&name.name)
    };
    let mut triggers: Vec<&Object> = objects.iter().copied().filter(of_table).collect();
    triggers.sort_by_key(|trigger| trigger.order);
    triggers
}

/// The lines, by what was restored, names that are taken, and the collations of the schemas.
fn steps(
    back: &[&SelectedTable],
    objects: &[&Object],
    mut taken: HashSet<QualifiedName>,
    collations: &HashMap<String, String>,
) -> Vec<String> {
    let going: HashSet<&QualifiedName> = back.iter().map(|table| &table.table.name).collect();
    let mut lines: Vec<String> = back.iter().flat_map(|table| foreign_keys(table, &going)).collect();
    let (mut first, mut last, mut made) = (Vec::new(), Vec::new(), Vec::new());
    for table in back {
        let (name, aside) = (&table.table.name, &table.target);
        let triggers = triggers_of(table, objects);
        if triggers.is_empty() {
            first.push(format!("{} TO {}", aside.sql(), name.sql()));
            continue;
        }
        let between = name_between(name, &taken);
        first.push(format!("{} TO {}", aside.sql(), between.sql()));
        last.push(format!("{} TO {}", between.sql(), name.sql()));
        for trigger in triggers {
            let there = QualifiedName::new(&aside.schema, &trigger.name.name);
            lines.push(format!("DROP TRIGGER IF EXISTS {};", there.sql()));
            let collation = other_collation(trigger, collations.get(&name.schema));
            made.extend(create_on(trigger, &name.schema, &between.name, collation).into_iter().flatten());
        }
        taken.insert(between);
    }
    if !first.is_empty() {
        lines.push(format!("RENAME TABLE {};", first.join(", ")));
    }
    lines.extend(made);
    if !last.is_empty() {
        lines.push(format!("RENAME TABLE {};", last.join(", ")));
    }
    lines
}

/// A name that is free, for a table whose triggers are not there yet.
fn name_between(name: &QualifiedName, taken: &HashSet<QualifiedName>) -> QualifiedName {
    let numbered = (2..).map(|number: u64| {
        let prefix = format!("restored_{number}_");
        let rest = name.name.chars().take(limits::NAME_CHARACTERS_MAX - prefix.len());
        prefix.clone() + &rest.collect::<String>()
    });
    let names = std::iter::once(format!("restored_{}", name.name)).chain(numbered);
    let fits = |between: &QualifiedName| {
        between.name.chars().count() <= limits::NAME_CHARACTERS_MAX && !taken.contains(between)
    };
    let free = names.map(|between| QualifiedName::new(&name.schema, between)).find(fits);
    free.expect("of ever more numbers one is free")
}

/// The foreign keys of a table: name, the table that it refers to, definition.
fn parents(table: &SelectedTable) -> Vec<(String, QualifiedName, Vec<u8>)> {
    let Ok(cut) = ddl::cut(&table.table.create.0) else { return Vec::new() };
    let own = &table.table.name;
    let parent = |key: ddl::ForeignKey| {
        let (schema, name) = ddl::referenced_table(&key.definition)?;
        let parent = QualifiedName::new(schema.unwrap_or_else(|| own.schema.clone()), name);
        Some((key.name, parent, key.definition))
    };
    cut.foreign_keys.into_iter().filter_map(parent).collect()
}

/// Keys that refer to a table which stays where it is, pointed back to it while nobody uses the table.
fn foreign_keys(table: &SelectedTable, going: &HashSet<&QualifiedName>) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, parent, definition) in parents(table) {
        let definition = ddl::with_schema_in_foreign_key(&definition, &parent.schema);
        let Some(definition) = definition.filter(|_| !going.contains(&parent)) else { continue };
        let aside = table.target.sql();
        lines.push(format!("ALTER TABLE {aside} DROP FOREIGN KEY {};", quote(&key)));
        lines.push(format!("ALTER TABLE {aside} ADD {};", String::from_utf8_lossy(&definition)));
    }
    lines
}

/// A trigger on a table of another name, under the sql_mode, the character set and the collations that it was made under. Where
/// the schema has another by now, which is given, it has that of the trigger for the moment: the server records it, and takes it
/// for variables without one of their own. None where a terminal cannot carry its text as it is, so that a person must make it.
fn create_on(trigger: &Object, schema: &str, table: &str, present_collation: Option<&str>) -> Option<Vec<String>> {
    let text = object_text::with_trigger_table(&trigger.create.0, trigger.table.as_deref()?, table)?;
    let text = String::from_utf8(text).ok()?;
    // What is not ASCII would be read in the trigger's character set, and is pasted in UTF-8.
    if !text.is_ascii() && !trigger.charset_client.starts_with("utf8") {
        return None;
    }
    // The client sends up to its delimiter, which must not stand in the body.
    let delimiter = ["//", "$$", "||", "@@"].into_iter().find(|delimiter| !text.contains(delimiter))?;
    let collate = |collation: &str| format!("ALTER DATABASE {} COLLATE {collation};", quote(schema));
    let mut lines = vec![
        format!("USE {};", quote(schema)),
        "SET @mode = @@SESSION.sql_mode, @client = @@SESSION.character_set_client, \
         @connection = @@SESSION.collation_connection;"
            .into(),
        format!(
            "SET SESSION sql_mode = {}, SESSION character_set_client = {}, SESSION collation_connection = {};",
            literal(&trigger.sql_mode),
            literal(&trigger.charset_client),
            literal(&trigger.collation_connection)
        ),
    ];
    lines.extend(present_collation.map(|_| collate(&trigger.database_collation)));
    lines.extend([
        format!("DELIMITER {delimiter}"),
        format!("{text}{delimiter}"),
        "DELIMITER ;".into(),
        "SET SESSION sql_mode = @mode, SESSION character_set_client = @client, SESSION collation_connection = @connection;"
            .into(),
    ]);
    lines.extend(present_collation.map(collate));
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{SqlText, Table};

    fn restored(name: &str, create: &str) -> SelectedTable {
        let table = Table {
            create: SqlText(create.as_bytes().to_vec()),
            ..Table::of_columns(QualifiedName::new("shop", name), Vec::new())
        };
        let target = QualifiedName::new("aside", name);
        SelectedTable { table, target, chunks: None, condition: String::new() }
    }

    #[test]
    fn a_plain_table_is_renamed() {
        let table = restored("t", "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB");
        assert_eq!(steps(&[&table], &[], HashSet::new(), &HashMap::new()), ["RENAME TABLE `aside`.`t` TO `shop`.`t`;"]);
        assert!(steps(&[], &[], HashSet::new(), &HashMap::new()).is_empty());
    }

    #[test]
    fn keys_to_tables_that_stay_are_made_again() {
        let create = "CREATE TABLE `o` (\n  `id` int NOT NULL,\n  `c` int DEFAULT NULL,\n  `p` int DEFAULT NULL,\n  \
            PRIMARY KEY (`id`),\n  KEY `fk` (`c`),\n  KEY `fp` (`p`),\n  \
            CONSTRAINT `fk` FOREIGN KEY (`c`) REFERENCES `c` (`id`),\n  \
            CONSTRAINT `fp` FOREIGN KEY (`p`) REFERENCES `o` (`id`)\n) ENGINE=InnoDB";
        assert_eq!(
            steps(&[&restored("o", create)], &[], HashSet::new(), &HashMap::new()),
            [
                "ALTER TABLE `aside`.`o` DROP FOREIGN KEY `fk`;",
                "ALTER TABLE `aside`.`o` ADD CONSTRAINT `fk` FOREIGN KEY (`c`) REFERENCES `shop`.`c` (`id`);",
                "RENAME TABLE `aside`.`o` TO `shop`.`o`;",
            ]
        );
        let parent = restored("c", "CREATE TABLE `c` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB");
        let together = steps(&[&restored("o", create), &parent], &[], HashSet::new(), &HashMap::new());
        assert_eq!(together, ["RENAME TABLE `aside`.`o` TO `shop`.`o`, `aside`.`c` TO `shop`.`c`;"]);
    }

    #[test]
    fn names_on_the_way_are_free_and_fit() {
        let taken = HashSet::from([QualifiedName::new("shop", "restored_t")]);
        assert_eq!(name_between(&QualifiedName::new("shop", "t"), &taken).name, "restored_2_t");
        let between = name_between(&QualifiedName::new("shop", "x".repeat(63)), &taken).name;
        assert_eq!(between, format!("restored_2_{}", "x".repeat(53)));
    }

    #[test]
    fn a_table_whose_trigger_cannot_be_printed_is_left_out_with_what_refers_to_it() {
        let plain = "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB";
        let child = "CREATE TABLE `o` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`),\n  \
            CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `t` (`id`)\n) ENGINE=InnoDB";
        let (parent, child, other) = (restored("t", plain), restored("o", child), restored("u", plain));
        let trigger = |charset: &str| Object {
            kind: ObjectKind::Trigger,
            name: QualifiedName::new("shop", "tr"),
            table: Some("t".into()),
            create: SqlText("create trigger tr before insert on t for each row set @a = '\u{e9}'".as_bytes().to_vec()),
            definer: "root@localhost".into(),
            sql_mode: String::new(),
            charset_client: charset.into(),
            collation_connection: format!("{charset}_general_ci"),
            database_collation: String::new(),
            time_zone: None,
            order: 1,
            execute_at: None,
        };
        let (latin, utf8) = (trigger("latin1"), trigger("utf8mb4"));
        let (back, left_out) = printable(vec![&child, &parent, &other], &[&latin]);
        assert_eq!((back.len(), &back[0].table.name.name[..], left_out.len()), (1, "u", 2));
        assert!(left_out[0].1.contains("trigger `tr`") && left_out[1].1.contains("refers to shop.t"), "{left_out:?}");
        assert!(printable(vec![&child, &parent, &other], &[&utf8]).1.is_empty());
    }
}
