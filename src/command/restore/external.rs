//! Tables through which the target would reach what is not its own: engines that read other servers and files, and
//! directories of the server that a definition names. A backup is data from elsewhere, so it does not choose them. Comes
//! in: the chosen tables and the options. Goes out: the tables as they will be made, and lines that a person should read.

use crate::command::options::RestoreOptions;
use crate::command::selected::Selected;
use crate::command::text::some_of;
use crate::error::{Error, Exit, Result};
use crate::load::LoadError;
use crate::schema::{SqlText, ddl, vet};

/// Tables named in a message at most.
const NAMES_SHOWN: usize = 20;

/// Leaves directories out, and refuses tables of other servers, unless `--allow-external` was given.
pub(super) fn change(selected: &mut Selected, options: &RestoreOptions) -> Result<Vec<String>> {
    if options.overrides.external {
        return Ok(Vec::new());
    }
    let elsewhere = selected.tables.iter().filter(|table| vet::reaches_elsewhere(&table.table));
    let names: Vec<_> = elsewhere.map(|table| format!("{} ({})", table.table.name, table.table.engine)).collect();
    if !names.is_empty() {
        let message = format!("tables that reach other servers or files: {}", some_of(&names, NAMES_SHOWN));
        return Err(Error::new(Exit::TargetUnfit, message).hint(
            "leave them out with --exclude-table, or add --allow-external where you trust who wrote the backup",
        ));
    }
    let mut placed = Vec::new();
    for table in selected.tables.iter_mut().filter(|table| vet::names_a_directory(&table.table.create.0)) {
        let definition = |source| LoadError::Definition { table: table.table.name.to_string(), source };
        if let Some(create) = ddl::without_directories(&table.table.create.0).map_err(definition)? {
            table.table.create = SqlText(create);
            placed.push(table.target.to_string());
        }
        if vet::names_a_directory(&table.table.create.0) {
            let message = format!("the directory of table {} cannot be told from the rest", table.table.name);
            return Err(
                Error::new(Exit::RepositoryDamaged, message).hint("add --allow-external to make it as it stands")
            );
        }
    }
    let note = || format!("directories left out (--allow-external keeps them): {}", some_of(&placed, NAMES_SHOWN));
    Ok((!placed.is_empty()).then(note).into_iter().collect())
}
