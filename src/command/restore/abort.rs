//! `myriad restore --abort`: removes what a run has left on a target. It needs no repository: what the run made stands in its
//! ledger there, and what it set in the journal.
//!
//! It asks for no confirmation, since what it drops can be restored again: only things that the ledger names are dropped, a
//! schema only once it is empty. What was written to tables that the run had called usable could not, so it is refused while
//! there are such tables, unless `--drop-usable` gives them up; `--dry-run` names them.

use crate::command::options::AbortOptions;
use crate::command::text::{counted, some_of};
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
        /// It is refused without `--drop-usable`, since tables can be used.
        needs_drop_usable: bool,
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
            return Err(settings_first(&mut session, error.into()).await);
        }
        other => other?,
    };
    ledger::lock(&mut session).await?;
    // Read under the lock: what another session did until then is over.
    let Some(traces) = removal::traces(&mut session).await? else { return Ok(AbortReport::Nothing { target }) };
    let backup = traces.backup.clone();
    let plan = traces.plan(&mut session).await?;
    let needs_drop_usable = !plan.usable.is_empty() && !options.drop_usable;
    if options.dry_run {
        let settings = settings::recorded(&mut session).await?;
        return Ok(AbortReport::Plan { target, backup, settings, needs_drop_usable, removed: plan });
    }
    if needs_drop_usable {
        let refusal = in_use(&target, backup.as_deref(), &plan.usable);
        return Err(settings_first(&mut session, refusal).await);
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

/// The refusal where tables can be used.
fn in_use(target: &str, backup: Option<&str>, usable: &[String]) -> Error {
    let (number, names) = (counted(usable.len() as u64, "table"), some_of(usable, NAMES_SHOWN));
    let by = backup.map(|backup| format!(" since the restore of backup {backup}")).unwrap_or_default();
    let why = format!(
        "nothing was dropped: on {target} {number} can be used{by}, and would go with all that was written to them: {names}"
    );
    Error::new(Exit::TargetInUse, why)
        .hint("the command that was cut off goes on, and leaves them as they are")
        .hint("--abort --drop-usable drops them with the rest; --abort --dry-run lists it all")
}

/// Nothing is dropped: somebody has put something of their own beside the ledger, or tables can be used. The settings are the
/// run's all the same, and the redo log may be one of them.
async fn settings_first(session: &mut Session, refusal: Error) -> Error {
    let put_back = async {
        ledger::lock(session).await?;
        settings::put_back(session).await.map_err(Error::from)
    };
    match put_back.await {
        Ok(undone) => undone.iter().fold(refusal, |error, undone| error.hint(format!("setting {undone}"))),
        Err(why) => refusal.hint(format!("its settings were not put back: {why}")),
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
            AbortReport::Plan { target, backup, settings, needs_drop_usable, removed } => {
                let only = if *needs_drop_usable { "with --drop-usable, and not without, " } else { "" };
                let head = format!("on {target} {only}would be removed{}; nothing was done", of(backup.as_deref()));
                let mut lines = vec![head];
                let settings = settings.iter().filter(|change| change.found != change.set);
                lines
                    .extend(settings.map(|change| {
                        format!("  setting {}: back to {}", settings::title(&change.name), change.found)
                    }));
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
