//! Whether the target may take the backup's GTID set as its own past, so that it can replicate from where the backup
//! stands; and if not, why.

use super::target::Target;
use crate::command::options::{EventChoice, GtidPurged, RestoreOptions};
use crate::error::Result;
use crate::manifest::repository::Found;
use crate::position::GtidSet;
use crate::schema::identifier::literal;
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

/// Everything that the backup holds is restored under its own names, so that the target may go on where the backup stands.
pub(super) fn complete(backup: &Found, options: &RestoreOptions) -> bool {
    let all = options.selection == Default::default() && options.renames.is_empty();
    let left_out = options.no_data || options.no_objects || options.events == EventChoice::None;
    backup.manifest.options.whole_instance() && all && !left_out
}

/// The backup's GTID set as this program writes it: what a repository holds is nobody's statement. None where the backup has
/// none, or something else.
pub(super) fn set_of(backup: &Found) -> Option<GtidSet> {
    backup.manifest.position.gtid_executed.parse().ok().filter(|set: &GtidSet| !set.is_empty())
}

/// Why the target cannot take the backup's GTID set as its past; none where nothing speaks against it. Asks the server, and
/// may be asked before anything is restored.
pub(super) async fn obstacle(
    backup: &Found,
    options: &RestoreOptions,
    target: &mut Target,
    resumed: bool,
) -> Result<Option<String>> {
    let no = |why: &str| Ok(Some(why.to_owned()));
    if !complete(backup, options) {
        return no("only a part of the instance was restored");
    }
    if target.writes_binary_log() {
        return no("the restore was written to the target's binary log");
    }
    if !backup.manifest.position.exact {
        return no("the backup's position is not exact");
    }
    if !target.facts.gtid_mode.as_deref().is_some_and(|mode| mode.starts_with("ON")) {
        return no("the target's gtid_mode is not ON");
    }
    if in_group(target).await? {
        return no("the target is in a replication group");
    }
    let Some(set) = set_of(backup) else { return no("the backup has no GTID set") };
    // An earlier try of this run may have ended between this step and its last.
    if resumed && is_set(target, &set).await? {
        return Ok(None);
    }
    let overlap = format!("SELECT GTID_SUBTRACT('{set}', GTID_SUBTRACT('{set}', @@GLOBAL.gtid_executed))");
    let shared = target.session.query_first(overlap).await?.map(|row| row.text(0)).unwrap_or_default();
    Ok((!shared.is_empty()).then(|| format!("the target has executed transactions of this set itself ({shared})")))
}

async fn is_set(target: &mut Target, set: &GtidSet) -> Result<bool> {
    let sql = format!("SELECT GTID_SUBSET('{set}', @@GLOBAL.gtid_purged)");
    Ok(target.session.query_first(sql).await?.is_some_and(|row| row.number(0) == 1))
}

/// Sets `gtid_purged` where it is `wanted` and right; says why not otherwise.
pub(super) async fn decide(
    backup: &Found,
    options: &RestoreOptions,
    target: &mut Target,
    proved: bool,
    resumed: bool,
) -> Result<GtidOutcome> {
    let recorded = &backup.manifest.position.gtid_executed;
    let not = |why: &str, statement| Ok(GtidOutcome::NotSet { why: why.to_owned(), statement });
    if recorded.is_empty() {
        return not("the backup has no GTID set", None);
    }
    match (backup.manifest.server.flavor == Flavor::Mariadb, target.facts.flavor == Flavor::Mariadb) {
        (false, false) => {}
        (true, true) => {
            // A position and no set: where a replica begins, which MariaDB takes at any time.
            let statement = format!("SET GLOBAL gtid_slave_pos={}", literal(recorded));
            return not(
                "MariaDB has no gtid_purged; a replica of the source begins at its gtid_slave_pos",
                Some(statement),
            );
        }
        _ => return not("the GTIDs of MariaDB and MySQL are not the same kind of thing", None),
    }
    let Some(set) = set_of(backup) else { return not("what the backup has is no GTID set", None) };
    let statement = format!("SET GLOBAL gtid_purged='+{set}'");
    let wanted = options.gtid_purged == GtidPurged::Auto || options.replicate_from.is_some();
    if let Some(why) = obstacle(backup, options, target, resumed).await? {
        return not(&why, None);
    }
    if !wanted {
        return not("--gtid-purged auto was not given", Some(statement));
    }
    if !proved {
        return not("the rows were not proved", Some(statement));
    }
    if resumed && is_set(target, &set).await? {
        return Ok(GtidOutcome::Set { set: set.to_string() });
    }
    match target.session.execute(&statement).await {
        Ok(_) => Ok(GtidOutcome::Set { set: set.to_string() }),
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
