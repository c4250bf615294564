//! `myriad restore --abort`: removes what a run has left on a target. It needs no repository: what the run made stands in its
//! ledger there, and what it set in the journal.
//!
//! It asks for no confirmation. Only things that the ledger names are dropped, a schema only once it is empty. All of it can be
//! restored again but for what was written since to tables that were usable early; `--dry-run` names them first.

use crate::command::options::AbortOptions;
use crate::command::text::some_of;
use crate::error::{Error, Exit, Result};
use crate::load::ledger;
use crate::load::removal::{self, Removed, Traces};
use crate::load::{self, LoadError};
use crate::progress::{Progress, Stop};
use crate::server::Session;
use crate::server::inspect::LEDGER_SCHEMA;
use crate::server::inspect::ledger::LedgerError;
use crate::server::rights::Rights;
use crate::settings::{self, Change, Undone};
use std::sync::Arc;

/// Names shown on one line at most.
const NAMES_SHOWN: usize = 10;

/// The result of `restore --abort`.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum AbortReport {
    /// The target holds nothing of a run.
    Nothing {
        /// The target, without password.
        target: String,
    },
    /// What would be removed (`--dry-run`).
    Plan {
        /// The target, without password.
        target: String,
        /// The backup that was being restored.
        backup: Option<String>,
        /// Settings that would be put back.
        settings: Vec<Change>,
        /// What would be dropped, and what would be kept.
        #[serde(flatten)]
        removed: Removed,
    },
    /// What was removed.
    Aborted {
        /// The target, without password.
        target: String,
        /// The backup that was being restored.
        backup: Option<String>,
        /// Settings that were put back.
        settings: Vec<Undone>,
        /// What was dropped and what was kept.
        #[serde(flatten)]
        removed: Removed,
    },
}

/// Removes what a run has left. A target without a ledger has nothing to abort, and that is success: the command may be
/// given again.
pub async fn run(options: &AbortOptions, progress: Arc<dyn Progress>, stop: Stop) -> Result<AbortReport> {
    progress.phase("abort", 0, 0);
    let (mut session, _) = load::writer(&options.target, false).await?;
    let target = options.target.describe();
    settings::check_recovery(&mut session).await?;
    match removal::traces(&mut session).await {
        Ok(None) => {
            check_sight(&mut session).await?;
            return Ok(AbortReport::Nothing { target });
        }
        Err(error @ LoadError::Ledger(LedgerError::Foreign { .. })) if !options.dry_run => {
            return Err(settings_first(&mut session, error).await);
        }
        other => other?,
    };
    ledger::lock(&mut session).await?;
    // Read under the lock: what another session did until then is over.
    let Some(traces) = removal::traces(&mut session).await? else { return Ok(AbortReport::Nothing { target }) };
    let backup = traces.backup.clone();
    if options.dry_run {
        let settings = settings::recorded(&mut session).await?;
        return Ok(AbortReport::Plan { target, backup, settings, removed: traces.plan(&mut session).await? });
    }
    keep_out_of_binary_log(&mut session, &traces).await?;
    ledger::end_workers(&mut session).await?;
    let settings = settings::put_back(&mut session).await?;
    if stop.stopped() {
        return Err(Error::from(LoadError::Interrupted));
    }
    let removed = traces.remove(&mut session).await?;
    session.close().await;
    Ok(AbortReport::Aborted { target, backup, settings, removed })
}

/// Somebody has put something of their own beside the ledger, so nothing is dropped. The settings are the run's all the same,
/// and the redo log may be one of them.
async fn settings_first(session: &mut Session, refusal: LoadError) -> Error {
    let put_back = async {
        ledger::lock(session).await?;
        settings::put_back(session).await.map_err(Error::from)
    };
    match put_back.await {
        Ok(undone) => undone.iter().fold(Error::from(refusal), |error, undone| error.hint(format!("setting {undone}"))),
        Err(why) => Error::from(refusal).hint(format!("its settings were not put back: {why}")),
    }
}

/// A ledger that the account may not see is as one that is not there.
async fn check_sight(session: &mut Session) -> Result<()> {
    let rights = Rights::read(session).await?;
    if SHOW_A_SCHEMA.iter().any(|right| rights.on_schema(right, LEDGER_SCHEMA)) {
        return Ok(());
    }
    let server = session.server().to_owned();
    let why = format!(
        "account {} has no right on the schema myriad_restore of {server}: a restore may have been left unseen",
        rights.account
    );
    Err(Error::new(Exit::RightMissing, why)
        .hint("give restore --abort with the account that restored, or with one that has ALL ON myriad_restore.*"))
}

/// Each of these shows a schema to an account that has it on all of it.
const SHOW_A_SCHEMA: [&str; 7] = ["SHOW DATABASES", "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP"];

/// What never was in the binary log cannot be dropped through it: a replica has none of it.
async fn keep_out_of_binary_log(session: &mut Session, traces: &Traces) -> Result<()> {
    if traces.logged {
        return Ok(());
    }
    match session.execute("SET SESSION sql_log_bin=0").await {
        Err(error) if error.code() == Some(1227) => Err(Error::new(
            Exit::RightMissing,
            "the run is not in the target's binary log, and its removal must not be",
        )
        .hint("give restore --abort with the account that restored; it may set sql_log_bin")),
        other => other.map(drop).map_err(Error::from),
    }
}

impl AbortReport {
    /// For people.
    pub fn text(&self) -> String {
        let (head, removed) = match self {
            AbortReport::Nothing { target } => {
                return format!("{target} holds nothing of a restore: there is nothing to abort\n");
            }
            AbortReport::Plan { target, backup, settings, removed } => {
                let mut lines =
                    vec![format!("on {target} would be removed{}; nothing was done", of(backup.as_deref()))];
                let settings = settings.iter().filter(|change| change.found != change.set);
                lines.extend(settings.map(|change| format!("  setting {}: back to {}", change.name, change.found)));
                (lines, removed)
            }
            AbortReport::Aborted { target, backup, settings, removed } => {
                let mut lines = vec![format!("from {target} was removed{}", of(backup.as_deref()))];
                lines.extend(settings.iter().map(|undone| format!("  setting {undone}")));
                (lines, removed)
            }
        };
        let mut lines = head;
        lines.extend(removed.removed.iter().map(|what| format!("  {what}")));
        if !removed.usable.is_empty() {
            let names = some_of(&removed.usable, NAMES_SHOWN);
            lines.push(format!("  these could be used, and what was written to them goes too: {names}"));
        }
        lines.extend(removed.kept.iter().map(|what| format!("  kept: {what}")));
        lines.join("\n") + "\n"
    }
}

fn of(backup: Option<&str>) -> String {
    backup.map(|backup| format!(" what the restore of backup {backup} made")).unwrap_or_default()
}
