//! Whether a restore may touch its target. Comes in: a connected target and what is to be made there. Goes out: what the
//! guard found and what an earlier try has left, or the refusal with everything that speaks against the restore. The wait
//! between the guard's two looks at who writes is spent here; the plan is made meanwhile.

use super::objects;
use super::phases::Phases;
use super::prediction::Prediction;
use super::primary_keys;
use super::replicate;
use super::steps::run_id;
use super::target::Target;
use super::tuning;
use super::users::Users;
use crate::command::options::{Overrides, RestoreOptions};
use crate::command::selected::Selected;
use crate::error::{Error, Result};
use crate::guard::{self, Admission, Finding, FindingKind, GoOn, Inspection, Intent};
use crate::limits;
use crate::load::LoadError;
use crate::load::ledger::{self, Progressed};
use crate::load::removal;
use crate::manifest::repository::Found;
use crate::progress::Stop;
use crate::schema::{ObjectKind, QualifiedName};
use crate::server::Session;
use crate::server::inspect::ledger::LedgerError;
use crate::settings;

/// The guard's first look.
pub(super) struct Asked {
    inspection: Inspection,
    intent: Intent,
    /// What an earlier try of the same run has left; none where there was none.
    pub progressed: Option<Progressed>,
}

/// A restore that may go on.
pub(super) struct Admitted {
    /// What it may take for granted.
    pub admission: Admission,
    /// Everything that was found, what is overridden among it.
    pub findings: Vec<Finding>,
    /// What an earlier try of the same run has left.
    pub progressed: Option<Progressed>,
}

/// Locks other restores out and asks the guard.
pub(super) async fn ask(
    target: &mut Target,
    options: &RestoreOptions,
    backup: &Found,
    selected: &Selected,
    users: &mut Users,
) -> Result<Asked> {
    settings::check_recovery(&mut target.session).await?;
    ledger::lock(&mut target.session).await?;
    let progressed = match ledger::find(&mut target.session, &run_id(backup, options)).await {
        Err(error @ LoadError::OtherRun { .. }) => {
            let usable = removal::usable(&mut target.session).await.unwrap_or_default();
            let refusal = tuning::abort_first(error.into(), options, usable.len());
            return Err(with_settings_left(&mut target.session, refusal).await);
        }
        Err(error @ LoadError::Ledger(LedgerError::Foreign { .. })) => {
            return Err(with_settings_left(&mut target.session, error.into()).await);
        }
        other => other?,
    };
    target.own = progressed.clone().unwrap_or_default();
    let mut intent = intent(backup, options, selected, progressed.as_ref());
    // Sessions that a dead run has left stay until the restore is admitted, and they are nobody else's.
    intent.own_sessions = ledger::workers(&mut target.session).await?;
    let mut inspection =
        guard::inspect(&mut target.session, &intent, &target.facts, &target.rights).await.map_err(LoadError::from)?;
    let findings = &mut inspection.findings;
    findings.extend(users.findings(target, options, progressed.as_ref(), &backup.manifest.server).await?);
    findings.extend(objects::findings(target, selected, &users.names(), &options.definers).await?);
    findings.extend(primary_keys::findings(target, selected, options)?);
    Ok(Asked { inspection, intent, progressed })
}

impl Asked {
    /// Waits until the second look is due, takes it, and lets the restore go on or refuses it.
    pub async fn decide(
        mut self,
        target: &mut Target,
        options: &RestoreOptions,
        prediction: &Prediction,
        stop: &Stop,
        phases: &Phases,
    ) -> Result<Admitted> {
        let server = target.session.server().to_owned();
        if prediction.finding(&server, 0).is_some() {
            let given_back = match options.overrides.drop_existing {
                true => guard::bytes_in_the_way(&mut target.session, &self.intent).await?,
                false => 0,
            };
            self.inspection.findings.extend(prediction.finding(&server, given_back));
        }
        while let Some(remaining) = self.inspection.watch.as_ref().map(guard::Watch::remaining) {
            if stop.stopped() {
                return Err(phases.stopped());
            }
            if remaining.is_zero() {
                break;
            }
            tokio::time::sleep(remaining.min(limits::STOP_PAUSE)).await;
        }
        self.inspection.end(&mut target.session, &target.facts).await.map_err(LoadError::from)?;
        let Inspection { findings, mut admission, .. } = self.inspection;
        // Its replicas may be away for a moment.
        admission.beside_live_data |= self.intent.renamed && self.progressed.as_ref().is_some_and(|run| run.logged);
        let identity = target.facts.identity();
        let go_on = GoOn { command_line: &options.command_line, identity: &identity };
        match guard::refusal(&findings, |kind| overridden(&options.overrides, kind), go_on) {
            Some(refusal) => {
                let refusal = with_settings_left(&mut target.session, refusal).await;
                Err(match self.progressed {
                    None => replicate::already(refusal, options, target).await,
                    Some(_) => refusal,
                })
            }
            None => Ok(Admitted { admission, findings, progressed: self.progressed }),
        }
    }
}

/// Ends what a dead run has left running and puts back the settings that it had changed: the first change on a target that was
/// admitted. Returns what an earlier try has left, which its last sessions may have added to since the guard's look.
pub(super) async fn take_over(
    target: &mut Target,
    options: &RestoreOptions,
    backup: &Found,
) -> Result<Option<Progressed>> {
    ledger::end_workers(&mut target.session).await?;
    target.undone = settings::put_back(&mut target.session).await?;
    let progressed = ledger::find(&mut target.session, &run_id(backup, options)).await?;
    target.own = progressed.clone().unwrap_or_default();
    Ok(progressed)
}

/// Says with a refusal, which changes nothing, what a dead run's settings still are.
async fn with_settings_left(session: &mut Session, refusal: Error) -> Error {
    match settings::recorded(session).await {
        Ok(left) if !left.is_empty() => {
            let names: Vec<_> = left.iter().map(|change| settings::title(&change.name)).collect();
            refusal.hint(format!(
                "a restore that was cut off has left settings of its own there: {}; `--abort` puts them back",
                names.join(", ")
            ))
        }
        _ => refusal,
    }
}

/// Whether the user has said that a finding is fine.
fn overridden(overrides: &Overrides, kind: FindingKind) -> bool {
    match kind {
        FindingKind::IsSource => overrides.source,
        FindingKind::HasReplicas => overrides.replicas,
        FindingKind::IsReplica => overrides.running_replica,
        FindingKind::InGroup => overrides.group_member,
        FindingKind::NamesInTheWay => overrides.drop_existing,
        FindingKind::Writes => overrides.writes,
        FindingKind::OpenTransactions => overrides.transactions,
        FindingKind::NoRoom => overrides.low_disk,
        // That it names this server and no other is a finding of its own.
        FindingKind::NotSeen => overrides.target_is.is_some(),
        _ => false,
    }
}

fn intent(backup: &Found, options: &RestoreOptions, selected: &Selected, progressed: Option<&Progressed>) -> Intent {
    let tables = selected.tables.iter().map(|table| table.target.clone());
    let objects = selected.objects.iter();
    let objects = objects.map(|(object, schema)| (object.kind, QualifiedName::new(schema, &object.name.name)));
    let (views, others): (Vec<_>, Vec<_>) = objects.partition(|(kind, _)| *kind == ObjectKind::View);
    let ours = |(kind, name): &(ObjectKind, QualifiedName)| progressed.is_some_and(|p| p.has_object(*kind, name));
    let own_views = views.iter().filter(|view| ours(view)).map(|(_, name)| name.clone());
    let own = progressed.iter().flat_map(|progressed| progressed.tables.iter().cloned()).chain(own_views).collect();
    // A server may take two names for the same that differ in case alone.
    let renamed = |schema: &str| {
        options.renames.iter().any(|(old, new)| old == schema && old.to_lowercase() != new.to_lowercase())
    };
    Intent {
        sources: vec![backup.manifest.server.clone()],
        names: tables.chain(views.iter().map(|(_, name)| name.clone())).collect(),
        objects: others.into_iter().filter(|object| !ours(object)).collect(),
        own,
        own_sessions: Vec::new(),
        renamed: !options.users && selected.schemas.iter().all(|(schema, _)| renamed(&schema.name)),
        resumed: progressed.is_some(),
        target_is: options.overrides.target_is.clone(),
        writes_allowed: options.overrides.writes,
    }
}
