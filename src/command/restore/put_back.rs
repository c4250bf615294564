//! The statements that put tables back where they were dropped from, once they stand under another schema's name beside the
//! live data. Comes in: what was restored, and a session on the target, which is only asked. Goes out: lines for the mysql
//! client, in their order; none where nothing is missing under the old names.
//!
//! RENAME TABLE alone will not do. A table with triggers does not change its schema (error 1435), so these are dropped and made
//! again, on a table that does not have its last name yet: none is ever in use without them. A foreign key to a table that does
//! not go along would point to the schema aside, so it is made again before (error 1826 where both are one ALTER; all seen on
//! 9.7.4). Foreign keys of tables that stayed find the table again by its name.

use super::target::Target;
use crate::command::options::RestoreOptions;
use crate::command::selected::{Selected, SelectedTable};
use crate::error::Result;
use crate::limits;
use crate::schema::identifier::{literal, quote};
use crate::schema::{Object, ObjectKind, QualifiedName, ddl};
use std::collections::HashSet;

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
    let there = format!("SELECT SCHEMA_NAME FROM information_schema.schemata WHERE SCHEMA_NAME IN ({schemas})");
    let there: HashSet<String> = target.session.query(there).await?.iter().map(|row| row.text(0)).collect();
    let taken =
        format!("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.tables WHERE TABLE_SCHEMA IN ({schemas})");
    let taken = target.session.query(taken).await?;
    let taken: HashSet<QualifiedName> = taken.iter().map(|row| QualifiedName::new(row.text(0), row.text(1))).collect();
    let missing = |name: &QualifiedName| there.contains(&name.schema) && !taken.contains(name);
    let back: Vec<&SelectedTable> = moved.into_iter().filter(|table| missing(&table.table.name)).collect();
    let triggers: Vec<&Object> = selected.objects.iter().map(|(object, _)| object).collect();
    Ok(steps(&back, &triggers))
}

/// The lines, by what was restored alone.
fn steps(back: &[&SelectedTable], objects: &[&Object]) -> Vec<String> {
    let going: HashSet<&QualifiedName> = back.iter().map(|table| &table.table.name).collect();
    let mut lines: Vec<String> = back.iter().flat_map(|table| foreign_keys(table, &going)).collect();
    let (mut first, mut last, mut made) = (Vec::new(), Vec::new(), Vec::new());
    for table in back {
        let (name, aside) = (&table.table.name, &table.target);
        let of_table = |object: &&&Object| {
            object.kind == ObjectKind::Trigger
                && object.name.schema == name.schema
                && object.table.as_deref() == Some(&name.name)
        };
        let mut triggers: Vec<&&Object> = objects.iter().filter(of_table).collect();
        triggers.sort_by_key(|trigger| trigger.order);
        let between = QualifiedName::new(&name.schema, format!("restored_{}", name.name));
        if triggers.is_empty() || between.name.chars().count() > limits::NAME_CHARACTERS_MAX {
            first.push(format!("{} TO {}", aside.sql(), name.sql()));
        } else {
            first.push(format!("{} TO {}", aside.sql(), between.sql()));
            last.push(format!("{} TO {}", between.sql(), name.sql()));
        }
        let on = if last.is_empty() { &name.name } else { &between.name };
        for trigger in triggers {
            let there = QualifiedName::new(&aside.schema, &trigger.name.name);
            lines.push(format!("DROP TRIGGER IF EXISTS {};", there.sql()));
            made.extend(create_on(trigger, &name.schema, on));
        }
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

/// Keys that refer to a table which stays where it is, pointed back to it while nobody uses the table.
fn foreign_keys(table: &SelectedTable, going: &HashSet<&QualifiedName>) -> Vec<String> {
    let Ok(cut) = ddl::cut(&table.table.create.0) else { return Vec::new() };
    let own = &table.table.name;
    let mut lines = Vec::new();
    for key in cut.foreign_keys {
        let Some((schema, name)) = ddl::referenced_table(&key.definition) else { continue };
        let parent = QualifiedName::new(schema.unwrap_or_else(|| own.schema.clone()), name);
        let definition = ddl::with_schema_in_foreign_key(&key.definition, &parent.schema);
        let Some(definition) = definition.filter(|_| !going.contains(&parent)) else { continue };
        let aside = table.target.sql();
        lines.push(format!("ALTER TABLE {aside} DROP FOREIGN KEY {};", quote(&key.name)));
        lines.push(format!("ALTER TABLE {aside} ADD {};", String::from_utf8_lossy(&definition)));
    }
    lines
}

/// A trigger on a table of another name, under the sql_mode that it was made under. Where its text is not as the server
/// writes it, or not UTF-8, a person must do it.
fn create_on(trigger: &Object, schema: &str, table: &str) -> Vec<String> {
    let text = || {
        let text = std::str::from_utf8(&trigger.create.0).ok()?;
        let (head, body) = text.split_once(" FOR EACH ROW ")?;
        let head = head.strip_suffix(&format!(" ON {}", quote(trigger.table.as_deref()?)))?;
        // The client sends up to its delimiter, which must not stand in the body.
        let delimiter = ["//", "$$", "||", "@@"].into_iter().find(|delimiter| !text.contains(delimiter))?;
        Some((format!("{head} ON {} FOR EACH ROW {body}", quote(table)), delimiter))
    };
    let Some((text, delimiter)) = text() else {
        return vec![format!("-- make trigger {} here: its text cannot be printed", quote(&trigger.name.name))];
    };
    vec![
        format!("USE {};", quote(schema)),
        format!("SET SESSION sql_mode = {};", literal(&trigger.sql_mode)),
        format!("DELIMITER {delimiter}"),
        format!("{text}{delimiter}"),
        "DELIMITER ;".into(),
        "SET SESSION sql_mode = DEFAULT;".into(),
    ]
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
        assert_eq!(steps(&[&table], &[]), ["RENAME TABLE `aside`.`t` TO `shop`.`t`;"]);
        assert!(steps(&[], &[]).is_empty());
    }

    #[test]
    fn keys_to_tables_that_stay_are_made_again() {
        let create = "CREATE TABLE `o` (\n  `id` int NOT NULL,\n  `c` int DEFAULT NULL,\n  `p` int DEFAULT NULL,\n  \
            PRIMARY KEY (`id`),\n  KEY `fk` (`c`),\n  KEY `fp` (`p`),\n  \
            CONSTRAINT `fk` FOREIGN KEY (`c`) REFERENCES `c` (`id`),\n  \
            CONSTRAINT `fp` FOREIGN KEY (`p`) REFERENCES `o` (`id`)\n) ENGINE=InnoDB";
        assert_eq!(
            steps(&[&restored("o", create)], &[]),
            [
                "ALTER TABLE `aside`.`o` DROP FOREIGN KEY `fk`;",
                "ALTER TABLE `aside`.`o` ADD CONSTRAINT `fk` FOREIGN KEY (`c`) REFERENCES `shop`.`c` (`id`);",
                "RENAME TABLE `aside`.`o` TO `shop`.`o`;",
            ]
        );
        let parent = restored("c", "CREATE TABLE `c` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB");
        let together = steps(&[&restored("o", create), &parent], &[]);
        assert_eq!(together, ["RENAME TABLE `aside`.`o` TO `shop`.`o`, `aside`.`c` TO `shop`.`c`;"]);
    }
}
