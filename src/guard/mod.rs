//! Asking the target who it is before anything is changed on it. Every reason to refuse is found at once, each with the
//! one option that overrides it; nothing overrides all of them.

use crate::error::{Error, Exit};
use crate::schema::identifier::literal;
use crate::schema::{ObjectKind, QualifiedName};
use crate::server::facts::{self, ServerFacts};
use crate::server::{ServerError, Session};
use std::collections::HashSet;

/// Names listed in a message at most.
const NAMES_SHOWN: usize = 20;

/// Names that one query asks for.
const NAMES_PER_QUERY: usize = 500;

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
}

/// A reason to refuse.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// For people.
    pub message: String,
}

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The target is the server that the backup was taken from.
    IsSource,
    /// Replicas read from the target.
    HasReplicas,
    /// Names are taken.
    NamesInTheWay,
    /// Users or roles of the backup are there already.
    AccountsInTheWay,
    /// The account may not make objects of these definers.
    Definers,
    /// A server with a binary log refuses functions and triggers.
    Functions,
    /// The target would add a primary key to tables that have none.
    AddedPrimaryKeys,
    /// The target takes no table without a primary key.
    PrimaryKeysRequired,
    /// Accounts have partial revokes, and the target's are switched off.
    PartialRevokes,
}

impl FindingKind {
    /// The option that overrides it; none where only the target can be changed.
    pub fn flag(self) -> Option<&'static str> {
        match self {
            FindingKind::IsSource => Some("--allow-source"),
            FindingKind::HasReplicas => Some("--allow-replicas"),
            FindingKind::NamesInTheWay => Some("--drop-existing"),
            FindingKind::AccountsInTheWay => Some("--existing-users skip"),
            FindingKind::Definers => Some("--definer current"),
            FindingKind::AddedPrimaryKeys => Some("--allow-gipk"),
            FindingKind::Functions | FindingKind::PrimaryKeysRequired | FindingKind::PartialRevokes => None,
        }
    }

    /// What to do about it.
    fn hint(self) -> &'static str {
        match self {
            FindingKind::IsSource => {
                "restore to another server; to restore beside the live data use --rename schema=other (with --allow-source)"
            }
            FindingKind::HasReplicas => "take the replicas away first, or restore to another server",
            FindingKind::NamesInTheWay => "restore to an empty server, or under other names with --rename schema=other",
            FindingKind::AccountsInTheWay => {
                "--existing-users skip leaves them as they are, --existing-users replace makes them those of the backup"
            }
            FindingKind::Definers => {
                "--definer current makes the objects the restoring account's, --definer map:old@host=new@host another's; \
                 or grant SET_ANY_DEFINER and ALLOW_NONEXISTENT_DEFINER (8.0: SET_USER_ID), and SYSTEM_USER where it is named"
            }
            FindingKind::Functions => {
                "set log_bin_trust_function_creators=ON on the target while restoring, or leave objects out with --no-objects"
            }
            FindingKind::AddedPrimaryKeys => {
                "grant SESSION_VARIABLES_ADMIN, or set sql_generate_invisible_primary_key=OFF on the target while restoring"
            }
            FindingKind::PrimaryKeysRequired => {
                "grant SESSION_VARIABLES_ADMIN, or set sql_require_primary_key and sql_generate_invisible_primary_key to OFF on \
                 the target while restoring, or leave the tables out with --exclude-table"
            }
            FindingKind::PartialRevokes => {
                "set partial_revokes on the target as it is on the source, or leave --users out"
            }
        }
    }

    /// The exit code that it ends the program with.
    pub fn exit(self) -> Exit {
        match self {
            FindingKind::IsSource => Exit::TargetIsSource,
            FindingKind::HasReplicas => Exit::TargetHasReplicas,
            FindingKind::NamesInTheWay | FindingKind::AccountsInTheWay => Exit::TargetNotEmpty,
            FindingKind::Definers => Exit::RightMissing,
            FindingKind::Functions
            | FindingKind::AddedPrimaryKeys
            | FindingKind::PrimaryKeysRequired
            | FindingKind::PartialRevokes => Exit::TargetUnfit,
        }
    }
}

/// All reasons to refuse that the target's own state gives.
pub async fn inspect(session: &mut Session, intent: &Intent) -> Result<Vec<Finding>, ServerError> {
    let mut findings = Vec::new();
    let server = session.server().to_owned();
    if is_source(session, intent).await? {
        findings.push(Finding {
            kind: FindingKind::IsSource,
            message: format!("{server} is the server that this backup was taken from"),
        });
    }
    let replicas = replicas(session).await?;
    if !replicas.is_empty() {
        let message = format!("{server} has replicas attached: {}", replicas.join(", "));
        findings.push(Finding { kind: FindingKind::HasReplicas, message });
    }
    let mut taken: Vec<String> = names_taken(session, intent).await?.iter().map(ToString::to_string).collect();
    taken.extend(objects_taken(session, intent).await?);
    if !taken.is_empty() {
        let shown: Vec<_> = taken.iter().take(NAMES_SHOWN).cloned().collect();
        let more =
            if taken.len() > NAMES_SHOWN { format!(" and {} more", taken.len() - NAMES_SHOWN) } else { String::new() };
        let message = format!("{server} holds things of the same name: {}{more}", shown.join(", "));
        findings.push(Finding { kind: FindingKind::NamesInTheWay, message });
    }
    Ok(findings)
}

/// The refusal, with the options that would go on; none where every finding is overridden.
pub fn refusal(findings: &[Finding], overridden: impl Fn(FindingKind) -> bool) -> Option<Error> {
    let standing: Vec<&Finding> = findings.iter().filter(|finding| !overridden(finding.kind)).collect();
    let first = standing.first()?;
    let messages: Vec<&str> = standing.iter().map(|finding| finding.message.as_str()).collect();
    let mut error = Error::new(first.kind.exit(), format!("the target was not touched: {}", messages.join("; ")));
    for finding in &standing {
        error = error.hint(finding.kind.hint());
    }
    let flags: Vec<&str> = standing.iter().filter_map(|finding| finding.kind.flag()).collect();
    if flags.is_empty() {
        return Some(error);
    }
    Some(error.hint(format!("to go on all the same, add {} to the same command", flags.join(" "))))
}

async fn is_source(session: &mut Session, intent: &Intent) -> Result<bool, ServerError> {
    let target = facts::read(session).await?;
    Ok(intent.sources.iter().any(|source| source.is_same_server(&target)))
}

/// Replicas that are registered, and sessions that read the binary log (a replica need not register).
async fn replicas(session: &mut Session) -> Result<Vec<String>, ServerError> {
    let mut found = Vec::new();
    for statement in ["SHOW REPLICAS", "SHOW SLAVE HOSTS"] {
        match session.query(statement).await {
            Ok(rows) => {
                found.extend(rows.iter().map(|row| format!("server id {} at {:?}", row.text(0), row.text(1))));
                break;
            }
            // Syntax of another version; or no right to see them: the process list below still tells.
            Err(error) if matches!(error.code(), Some(1064 | 1227)) => {}
            Err(error) => return Err(error),
        }
    }
    if found.is_empty() {
        let readers = "SELECT COALESCE(HOST, '') FROM information_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%'";
        found.extend(session.query(readers).await?.iter().map(|row| format!("a session from {}", row.text(0))));
    }
    Ok(found)
}

async fn names_taken(session: &mut Session, intent: &Intent) -> Result<Vec<QualifiedName>, ServerError> {
    let mut taken = Vec::new();
    for names in intent.names.chunks(NAMES_PER_QUERY) {
        let list: Vec<_> = names.iter().map(|n| format!("({},{})", literal(&n.schema), literal(&n.name))).collect();
        let rows = session
            .query(format!(
                "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.tables WHERE (TABLE_SCHEMA, TABLE_NAME) IN ({})",
                list.join(",")
            ))
            .await?;
        let there = rows.iter().map(|row| QualifiedName::new(row.text(0), row.text(1)));
        taken.extend(there.filter(|name| !intent.own.contains(name)));
    }
    taken.sort();
    Ok(taken)
}

/// Routines, triggers and events of the same kind and name, as `procedure shop.pay`. The server compares: to it `Pay` and
/// `pay` are one name, and so are `cafe` and `café`.
async fn objects_taken(session: &mut Session, intent: &Intent) -> Result<Vec<String>, ServerError> {
    let sources = [
        ("routines", "ROUTINE_SCHEMA", "ROUTINE_NAME", "LOWER(ROUTINE_TYPE)"),
        ("triggers", "TRIGGER_SCHEMA", "TRIGGER_NAME", "'trigger'"),
        ("events", "EVENT_SCHEMA", "EVENT_NAME", "'event'"),
    ];
    let mut taken = Vec::new();
    for objects in intent.objects.chunks(NAMES_PER_QUERY) {
        for (table, schema, name, kind) in sources {
            let of_table = |kind: &ObjectKind| match kind {
                ObjectKind::Trigger => "triggers",
                ObjectKind::Event => "events",
                _ => "routines",
            };
            let list: Vec<_> = (objects.iter().filter(|(kind, _)| of_table(kind) == table))
                .map(|(kind, n)| {
                    format!("({},{},{})", literal(&kind.to_string()), literal(&n.schema), literal(&n.name))
                })
                .collect();
            if list.is_empty() {
                continue;
            }
            let sql = format!(
                "SELECT {kind}, {schema}, {name} FROM information_schema.{table} WHERE ({kind}, {schema}, {name}) IN ({})",
                list.join(",")
            );
            let rows = session.query(sql).await?;
            taken.extend(rows.iter().map(|row| format!("{} {}.{}", row.text(0), row.text(1), row.text(2))));
        }
    }
    taken.sort();
    Ok(taken)
}
