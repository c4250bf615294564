//! Asking the target who it is before anything is changed on it. Comes in: what the restore is about to do. Goes out:
//! everything found, each graded by what the target holds, and what an admitted restore may take for granted. All
//! findings come at once. Statements of the guard change nothing.
//!
//! A target without data of others never is refused for what it is, unless it replicates, is replicated from, or is in a
//! group. Where every name that the restore makes is new, what lives beside is told and no more.

mod activity;
mod finding;
mod names;
mod room;
mod standing;

pub use activity::Watch;
pub use finding::{Finding, FindingKind, GoOn, Grade, refusal};
pub use names::bytes_in_the_way;
pub use room::free_bytes;

use crate::schema::{ObjectKind, QualifiedName};
use crate::server::facts::{self, Flavor, ServerFacts};
use crate::server::rights::Rights;
use crate::server::{ServerError, Session};
use std::collections::HashSet;

/// What the restore is about to do, as far as the guard must know it.
#[derive(Clone, Debug, Default)]
pub struct Intent {
    /// Servers that the target must not be: the backup's source.
    pub sources: Vec<ServerFacts>,
    /// Tables and views that would be made.
    pub names: Vec<QualifiedName>,
    /// Routines, triggers and events that would be made, unless an earlier try of the same run may have made them.
    pub objects: Vec<(ObjectKind, QualifiedName)>,
    /// Tables that an earlier try of the same run made: not in the way.
    pub own: HashSet<QualifiedName>,
    /// Sessions that outlived an earlier try of the same run, by connection id: nobody else's.
    pub own_sessions: Vec<u64>,
    /// Nothing is made under the name that it had, and nothing that belongs to the whole server.
    pub renamed: bool,
    /// The target bears the mark of an earlier try of the same run.
    pub resumed: bool,
    /// The server that the user means, as [`ServerFacts::identity`] names it.
    pub target_is: Option<String>,
    /// Whether others write need not be known.
    pub writes_allowed: bool,
}

/// What an admitted restore knows of its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Admission {
    /// Everything goes under new names onto the backup's source or a server with replicas: the binary log is written, so
    /// that its replicas get it too, and no global setting is changed.
    pub beside_live_data: bool,
    /// The target holds tables or views besides those of this run.
    pub target_holds_user_data: bool,
    /// The restore goes on from an earlier try.
    pub resumed: bool,
}

/// What the first look at the target gave.
#[derive(Debug)]
pub struct Inspection {
    /// Everything found so far.
    pub findings: Vec<Finding>,
    /// What follows for a restore that is admitted.
    pub admission: Admission,
    /// The look that a second one is compared with; none where it is of no account whether others write.
    pub watch: Option<Watch>,
    /// Every name is new: what lives beside is noted.
    new_names: bool,
}

/// Something that the account may not see.
#[derive(Clone, Copy, Debug)]
struct Unseen {
    right: &'static str,
    what: &'static str,
}

/// Looks at the target. Where the inspection holds a [`Watch`], [`Inspection::end`] is to be called when its time is over.
pub async fn inspect(
    session: &mut Session,
    intent: &Intent,
    facts: &ServerFacts,
    rights: &Rights,
) -> Result<Inspection, ServerError> {
    let server = session.server().to_owned();
    let in_the_way = names::in_the_way(session, intent).await?;
    let holds_user_data = activity::holds_user_data(session, intent).await?;
    let new_names = intent.renamed && in_the_way.is_none();
    // The first look comes early: what is asked next takes time that then need not be waited for.
    let watch = match holds_user_data && !intent.resumed && !intent.writes_allowed {
        true => Some(Watch::begin(session, facts, !new_names).await?),
        false => None,
    };
    let is_source = intent.sources.iter().any(|source| source.is_same_server(facts));
    let others = activity::others(session, &intent.own_sessions).await?;
    let replicas = standing::replicas(session, others.is_some()).await?;
    let own = standing::own_replication(session, facts).await?;
    let group = standing::group(session).await?;

    let stands_alone = replicas.found.is_empty() && own.running.is_empty() && group.member.is_none();
    let harmless = new_names || (!holds_user_data && stands_alone);
    let by_data = |grade| if harmless { Grade::Note } else { grade };
    let mut findings = Findings { server: &server, list: Vec::new() };
    if intent.target_is.as_ref().is_some_and(|wanted| *wanted != facts.identity()) {
        let wanted = intent.target_is.as_deref().unwrap_or_default();
        findings.add(FindingKind::OtherServer, Grade::Refuse, format!("is {}, not {wanted}", facts.identity()));
    }
    if is_source {
        let grade = by_data(Grade::Refuse);
        findings.add(FindingKind::IsSource, grade, "is the server that this backup was taken from");
    }
    if !replicas.found.is_empty() {
        let grade = if new_names { Grade::Note } else { Grade::Refuse };
        let list = replicas.found.join(", ");
        findings.add(FindingKind::HasReplicas, grade, format!("has replicas attached: {list}"));
    }
    if !own.running.is_empty() {
        let list = own.running.join(", ");
        findings.add(FindingKind::IsReplica, Grade::Refuse, format!("is a running replica {list}"));
    }
    if let Some(member) = &group.member {
        findings.add(FindingKind::InGroup, Grade::Refuse, format!("is a member of {member}"));
    }
    findings.list.extend(in_the_way);
    if let Some(others) = others.as_ref().filter(|others| !others.in_transaction.is_empty()) {
        let text = format!("has open transactions of others: {}", others.transactions());
        findings.add(FindingKind::OpenTransactions, by_data(Grade::Refuse), text);
    }
    let sessions = Unseen { right: "PROCESS", what: "sessions and open transactions of others" };
    let unseen = [others.is_none().then_some(sessions), replicas.unseen, own.unseen, group.unseen, schemas(rights)];
    for Unseen { right, what } in unseen.into_iter().flatten() {
        let text = format!("does not show {what}: {} lacks {right}", rights.account);
        findings.add(FindingKind::NotSeen, by_data(Grade::Unknown), text);
    }
    closed(session, rights, facts, &mut findings).await?;
    if !own.stopped.is_empty() {
        let list = own.stopped.join(", ");
        findings.add(FindingKind::StoppedReplica, Grade::Note, format!("is a replica that stands still, {list}"));
    }
    if let Some(others) = others.as_ref().filter(|others| !others.sessions.is_empty()) {
        let text = format!("has sessions of others: {}", others.accounts());
        findings.add(FindingKind::Sessions, Grade::Note, text);
    }
    let events = activity::events(session, facts).await?;
    if events > 0 {
        let text = format!("runs events meanwhile: {events} enabled, event_scheduler is ON");
        findings.add(FindingKind::EventsRun, Grade::Note, text);
    }
    let beside_live_data = new_names && (is_source || !replicas.found.is_empty() || replicas.unseen.is_some());
    let admission = Admission { beside_live_data, target_holds_user_data: holds_user_data, resumed: intent.resumed };
    Ok(Inspection { findings: findings.list, admission, watch, new_names })
}

impl Inspection {
    /// Takes the second look at the counters, where one is due.
    pub async fn end(&mut self, session: &mut Session, facts: &ServerFacts) -> Result<(), ServerError> {
        let Some(watch) = self.watch.take() else { return Ok(()) };
        if let Some(what) = watch.end(session, facts).await? {
            let grade = if self.new_names { Grade::Note } else { Grade::Refuse };
            let message = format!("{} is being written by others, {what}", session.server());
            self.findings.push(Finding { kind: FindingKind::Writes, grade, message });
        }
        Ok(())
    }
}

/// Findings about one server.
struct Findings<'a> {
    server: &'a str,
    list: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, kind: FindingKind, grade: Grade, what: impl AsRef<str>) {
        self.list.push(Finding { kind, grade, message: format!("{} {}", self.server, what.as_ref()) });
    }
}

/// Without a right on all schemas `information_schema` shows only some, and an empty server cannot be told from one
/// that hides its data.
fn schemas(rights: &Rights) -> Option<Unseen> {
    const SHOWING: &[&str] = &["SHOW DATABASES", "SELECT", "INSERT", "CREATE", "ALTER", "DROP"];
    (!rights.any(SHOWING)).then_some(Unseen { right: "SHOW DATABASES", what: "all of its schemas" })
}

/// Settings that keep writers or clients out.
async fn closed(
    session: &mut Session,
    rights: &Rights,
    facts: &ServerFacts,
    findings: &mut Findings<'_>,
) -> Result<(), ServerError> {
    let names = ["read_only", "super_read_only", "offline_mode"];
    let values = facts::global_variables(session, &names).await?;
    let on = |name: &str| values.get(name).is_some_and(|value| !matches!(value.as_str(), "OFF" | "0" | ""));
    let writers: &[&str] = match facts.flavor {
        Flavor::Mariadb => &["READ_ONLY ADMIN", "SUPER"],
        _ => &["CONNECTION_ADMIN", "SUPER"],
    };
    if on("super_read_only") {
        let text = "is read only for every account (super_read_only=ON), as a failover target is";
        findings.add(FindingKind::ReadOnly, Grade::Refuse, text);
    } else if on("read_only") && !rights.any(writers) {
        let text = format!("is read only (read_only=ON), and {} lacks {}", rights.account, writers[0]);
        findings.add(FindingKind::ReadOnly, Grade::Refuse, text);
    } else if on("read_only") {
        let text = format!("is read only (read_only=ON); {} may write all the same", rights.account);
        findings.add(FindingKind::ReadOnly, Grade::Note, text);
    }
    if on("offline_mode") {
        findings.add(FindingKind::Offline, Grade::Note, "lets no clients in but administrators (offline_mode=ON)");
    }
    Ok(())
}

/// The first few of a list, and how many more there are.
fn some_of(names: &[String], shown: usize) -> String {
    let first = names[..names.len().min(shown)].join(", ");
    match names.len().saturating_sub(shown) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
