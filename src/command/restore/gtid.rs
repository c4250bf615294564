//! Whether the target may take the backup's GTID set as its own past, so that it can replicate from where the backup
//! stands; and if not, why.

use super::target::Target;
use crate::command::options::{EventChoice, GtidPurged, RestoreOptions};
use crate::error::Result;
use crate::manifest::repository::Found;
use crate::server::facts::Flavor;

/// What became of `gtid_purged`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "gtid_purged", rename_all = "snake_case")]
pub enum GtidOutcome {
    /// Set to the backup's GTID set.
    Set {
        /// The set.
        set: String,
    },
    /// Not set.
    NotSet {
        /// Why.
        why: String,
        /// The statement that would set it, where that makes sense.
        #[serde(skip_serializing_if = "Option::is_none")]
        statement: Option<String>,
    },
}

/// Sets `gtid_purged` where it was asked for and is right; says why not otherwise.
pub(super) async fn decide(
    backup: &Found,
    options: &RestoreOptions,
    target: &mut Target,
    proved: bool,
    resumed: bool,
) -> Result<GtidOutcome> {
    let set = &backup.manifest.position.gtid_executed;
    let not = |why: &str, statement| Ok(GtidOutcome::NotSet { why: why.to_owned(), statement });
    if set.is_empty() {
        return not("the backup has no GTID set", None);
    }
    match (backup.manifest.server.flavor == Flavor::Mariadb, target.facts.flavor == Flavor::Mariadb) {
        (false, false) => {}
        (true, true) => {
            // A position and no set: where a replica begins, which MariaDB takes at any time.
            let statement = format!("SET GLOBAL gtid_slave_pos='{set}'");
            return not(
                "MariaDB has no gtid_purged; a replica of the source begins at its gtid_slave_pos",
                Some(statement),
            );
        }
        _ => return not("the GTIDs of MariaDB and MySQL are not the same kind of thing", None),
    }
    let statement = format!("SET GLOBAL gtid_purged='+{set}'");
    let all = options.selection == Default::default() && options.renames.is_empty();
    let left_out = options.no_objects || options.events == EventChoice::None;
    if !backup.manifest.options.whole_instance() || !all || options.no_data || left_out {
        return not("only a part of the instance was restored", None);
    }
    if target.writes_binary_log() {
        return not("the restore was written to the target's binary log", None);
    }
    if !backup.manifest.position.exact {
        return not("the backup's position is not exact", None);
    }
    if !target.facts.gtid_mode.as_deref().is_some_and(|mode| mode.starts_with("ON")) {
        return not("the target's gtid_mode is not ON", None);
    }
    if options.gtid_purged == GtidPurged::Off {
        return not("--gtid-purged auto was not given", Some(statement));
    }
    if !proved {
        return not("the rows were not proved", Some(statement));
    }
    if in_group(target).await? {
        return not("the target is in a replication group", None);
    }
    // An earlier try of this run may have ended between this step and its last.
    let set_already = format!("SELECT GTID_SUBSET('{set}', @@GLOBAL.gtid_purged)");
    if resumed && target.session.query_first(set_already).await?.is_some_and(|row| row.number(0) == 1) {
        return Ok(GtidOutcome::Set { set: set.clone() });
    }
    let overlap = format!("SELECT GTID_SUBTRACT('{set}', GTID_SUBTRACT('{set}', @@GLOBAL.gtid_executed))");
    let shared = target.session.query_first(overlap).await?.map(|row| row.text(0)).unwrap_or_default();
    if !shared.is_empty() {
        return not(&format!("the target has executed transactions of this set itself ({shared})"), None);
    }
    match target.session.execute(&statement).await {
        Ok(_) => Ok(GtidOutcome::Set { set: set.clone() }),
        Err(error) if error.code().is_some() => not(&error.to_string(), Some(statement)),
        Err(error) => Err(error.into()),
    }
}

async fn in_group(target: &mut Target) -> Result<bool> {
    let members = "SELECT 1 FROM performance_schema.replication_group_members WHERE MEMBER_STATE IN ('ONLINE', 'RECOVERING') LIMIT 1";
    match target.session.query(members).await {
        Ok(rows) => Ok(!rows.is_empty()),
        // No such table, or no right to read it: an account without it cannot be a group's.
        Err(error) if error.code().is_some() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
