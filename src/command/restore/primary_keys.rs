//! Tables without a primary key on a target that wants one and does not let this account switch that off. Comes in: the
//! chosen tables and the settings that the target keeps. Goes out: findings before the first change, and what
//! `--allow-gipk` will add.

use super::target::Target;
use crate::command::options::RestoreOptions;
use crate::command::selected::{Selected, SelectedTable};
use crate::command::text::some_of;
use crate::error::Result;
use crate::guard::{Finding, FindingKind, Grade};
use crate::load::LoadError;
use crate::schema::ddl;

/// Tables named in a message at most.
const NAMES_SHOWN: usize = 20;

/// The name of the column that a server adds (MySQL manual, "Generated Invisible Primary Keys").
const ADDED_COLUMN: &str = "my_row_id";

/// What speaks against making the tables as they are.
pub(super) fn findings(target: &mut Target, selected: &Selected, options: &RestoreOptions) -> Result<Vec<Finding>> {
    let keeps = |name: &str| target.kept.iter().any(|kept| kept == name);
    let (adds, requires) = (keeps("sql_generate_invisible_primary_key"), keeps("sql_require_primary_key"));
    let (mut added, mut required, mut impossible) = (Vec::new(), Vec::new(), Vec::new());
    if adds || requires {
        for table in &selected.tables {
            let definition = |source| LoadError::Definition { table: table.table.name.to_string(), source };
            if ddl::has_clustered_key(&table.table.create.0).map_err(definition)? {
                continue;
            }
            let name = table.target.to_string();
            match why_not(table) {
                _ if !adds || !table.table.transactional() => required.push(name),
                Some(why) => impossible.push(format!("{name} ({why})")),
                None => added.push(name),
            }
        }
    }
    let server = target.session.server().to_owned();
    let mut findings = Vec::new();
    if requires && !required.is_empty() {
        findings.push(Finding {
            kind: FindingKind::PrimaryKeysRequired,
            grade: Grade::Refuse,
            message: format!(
                "{server} takes no table without a primary key (sql_require_primary_key): {}",
                some_of(&required, NAMES_SHOWN)
            ),
        });
    }
    if !impossible.is_empty() {
        findings.push(Finding {
            kind: FindingKind::PrimaryKeysRequired,
            grade: Grade::Refuse,
            message: format!(
                "{server} adds primary keys (sql_generate_invisible_primary_key), and can add none to {}",
                some_of(&impossible, NAMES_SHOWN)
            ),
        });
    }
    if !added.is_empty() {
        let names = some_of(&added, NAMES_SHOWN);
        match options.overrides.gipk {
            true => target.notes.push(format!(
                "the target adds the invisible column {ADDED_COLUMN} as primary key to {names}; their rows are proved by \
                 their own columns"
            )),
            false => findings.push(Finding {
                kind: FindingKind::AddedPrimaryKeys,
                grade: Grade::Refuse,
                message: format!(
                    "{server} would add an invisible primary key (sql_generate_invisible_primary_key) to {names}"
                ),
            }),
        }
    }
    Ok(findings)
}

/// Why the server can add no key to a table (errors 1235, 4109, 4108; seen on 9.7.4).
fn why_not(table: &SelectedTable) -> Option<&'static str> {
    let columns = &table.table.columns;
    if !table.table.partitions.is_empty() {
        return Some("it is partitioned");
    }
    if columns.iter().any(|column| column.auto_increment) {
        return Some("it has an AUTO_INCREMENT column");
    }
    let taken = columns.iter().any(|column| column.name.eq_ignore_ascii_case(ADDED_COLUMN));
    taken.then_some("it has a column of the key's name")
}
