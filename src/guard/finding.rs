//! What the guard has found, how grave it is on this target, and the refusal that follows. Every finding that refuses has
//! an option of its own that overrides it, or none where only the target can be changed; nothing overrides all of them.

use crate::error::{Error, Exit};

/// Something that the guard has found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// How grave it is.
    pub grade: Grade,
    /// For people.
    pub message: String,
}

impl Finding {
    /// A reason to refuse.
    pub fn refuse(kind: FindingKind, message: impl Into<String>) -> Finding {
        Finding { kind, grade: Grade::Refuse, message: message.into() }
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// The restore is refused unless the finding's own option is given.
    Refuse,
    /// The account may not see it, on a server that holds other data: refused unless `--target-is` names the server.
    Unknown,
    /// To be read, and no more.
    Note,
}

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The target is not the server that `--target-is` names.
    OtherServer,
    /// The target is the server that the backup was taken from.
    IsSource,
    /// Replicas read from the target.
    HasReplicas,
    /// The target is a running replica.
    IsReplica,
    /// The target is configured as a replica that stands still.
    StoppedReplica,
    /// The target is a member of a replication group or cluster.
    InGroup,
    /// Names are taken.
    NamesInTheWay,
    /// Others write to the target.
    Writes,
    /// Sessions of others have open transactions.
    OpenTransactions,
    /// Sessions of others, idle or at work.
    Sessions,
    /// Events of the target run meanwhile.
    EventsRun,
    /// The account lacks the right to see something.
    NotSeen,
    /// The target is read only.
    ReadOnly,
    /// The target lets no clients in.
    Offline,
    /// The target's disk is too small.
    NoRoom,
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
    /// Every kind.
    pub const ALL: [FindingKind; 21] = [
        FindingKind::OtherServer,
        FindingKind::IsSource,
        FindingKind::HasReplicas,
        FindingKind::IsReplica,
        FindingKind::StoppedReplica,
        FindingKind::InGroup,
        FindingKind::NamesInTheWay,
        FindingKind::Writes,
        FindingKind::OpenTransactions,
        FindingKind::Sessions,
        FindingKind::EventsRun,
        FindingKind::NotSeen,
        FindingKind::ReadOnly,
        FindingKind::Offline,
        FindingKind::NoRoom,
        FindingKind::AccountsInTheWay,
        FindingKind::Definers,
        FindingKind::Functions,
        FindingKind::AddedPrimaryKeys,
        FindingKind::PrimaryKeysRequired,
        FindingKind::PartialRevokes,
    ];

    /// The option that overrides it; none where only the target can be changed. That of [`FindingKind::NotSeen`] is
    /// followed by the server's identity.
    pub fn flag(self) -> Option<&'static str> {
        match self {
            FindingKind::IsSource => Some("--allow-source"),
            FindingKind::HasReplicas => Some("--allow-replicas"),
            FindingKind::IsReplica => Some("--allow-running-replica"),
            FindingKind::InGroup => Some("--allow-group-member"),
            FindingKind::NamesInTheWay => Some("--drop-existing"),
            FindingKind::Writes => Some("--allow-writes"),
            FindingKind::OpenTransactions => Some("--allow-transactions"),
            FindingKind::NotSeen => Some("--target-is"),
            FindingKind::NoRoom => Some("--allow-low-disk"),
            FindingKind::AccountsInTheWay => Some("--existing-users skip"),
            FindingKind::Definers => Some("--definer current"),
            FindingKind::AddedPrimaryKeys => Some("--allow-gipk"),
            FindingKind::OtherServer
            | FindingKind::StoppedReplica
            | FindingKind::Sessions
            | FindingKind::EventsRun
            | FindingKind::ReadOnly
            | FindingKind::Offline
            | FindingKind::Functions
            | FindingKind::PrimaryKeysRequired
            | FindingKind::PartialRevokes => None,
        }
    }

    /// What to do about it; none for what never refuses.
    fn hint(self) -> Option<&'static str> {
        Some(match self {
            FindingKind::OtherServer => {
                "is --target the server that you mean? SELECT @@server_uuid there tells, on MariaDB CONCAT(@@hostname, ':', @@port, ':', @@server_id)"
            }
            FindingKind::IsSource => {
                "restore to another server; to restore beside the live data use new names, --rename schema=other"
            }
            FindingKind::HasReplicas => "take the replicas away first, or restore to another server",
            FindingKind::IsReplica => {
                "STOP REPLICA (MariaDB: STOP SLAVE) there first, or restore to its source, which hands the rows on"
            }
            FindingKind::InGroup => "take it out of the group first, or restore to another server",
            FindingKind::NamesInTheWay => "restore to an empty server, or under other names with --rename schema=other",
            FindingKind::Writes => "stop what writes there first, or restore to another server",
            FindingKind::OpenTransactions => "end these transactions first, or restore to another server",
            FindingKind::NotSeen => {
                "grant the right that is named, or say with --target-is that this is the server you mean"
            }
            FindingKind::ReadOnly => {
                "SET GLOBAL super_read_only=OFF, read_only=OFF there (MariaDB: read_only=OFF) where it is to be written"
            }
            FindingKind::NoRoom => "make room on the disk, or restore a part with --database or --table",
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
            FindingKind::StoppedReplica | FindingKind::Sessions | FindingKind::EventsRun | FindingKind::Offline => {
                return None;
            }
        })
    }

    /// The exit code that it ends the program with.
    pub fn exit(self) -> Exit {
        match self {
            FindingKind::IsSource => Exit::TargetIsSource,
            FindingKind::HasReplicas => Exit::TargetHasReplicas,
            FindingKind::NamesInTheWay | FindingKind::AccountsInTheWay => Exit::TargetNotEmpty,
            FindingKind::OtherServer
            | FindingKind::IsReplica
            | FindingKind::StoppedReplica
            | FindingKind::InGroup
            | FindingKind::Writes
            | FindingKind::OpenTransactions
            | FindingKind::Sessions
            | FindingKind::EventsRun
            | FindingKind::NotSeen => Exit::TargetInUse,
            FindingKind::Definers => Exit::RightMissing,
            FindingKind::ReadOnly
            | FindingKind::Offline
            | FindingKind::NoRoom
            | FindingKind::Functions
            | FindingKind::AddedPrimaryKeys
            | FindingKind::PrimaryKeysRequired
            | FindingKind::PartialRevokes => Exit::TargetUnfit,
        }
    }
}

/// What the refusal says of going on.
#[derive(Clone, Copy, Debug)]
pub struct GoOn<'a> {
    /// The command line as it was typed, without passwords; empty where there was none.
    pub command_line: &'a str,
    /// The target, as `--target-is` names it.
    pub identity: &'a str,
}

/// The refusal, with the command line that would go on; none where every finding that refuses is overridden.
pub fn refusal(findings: &[Finding], overridden: impl Fn(FindingKind) -> bool, go_on: GoOn<'_>) -> Option<Error> {
    let refuses = |finding: &&Finding| finding.grade != Grade::Note && !overridden(finding.kind);
    let mut standing: Vec<&Finding> = findings.iter().filter(refuses).collect();
    // What stands against a server that is not meant is nobody's concern, nor is how to go on there.
    if standing.iter().any(|finding| finding.kind == FindingKind::OtherServer) {
        standing.retain(|finding| finding.kind == FindingKind::OtherServer);
    }
    let first = standing.first()?;
    let messages: Vec<&str> = standing.iter().map(|finding| finding.message.as_str()).collect();
    let mut error = Error::new(first.kind.exit(), format!("the target was not touched: {}", messages.join("; ")));
    let mut kinds: Vec<FindingKind> = Vec::new();
    for finding in standing {
        if !kinds.contains(&finding.kind) {
            kinds.push(finding.kind);
        }
    }
    for hint in kinds.iter().filter_map(|kind| kind.hint()) {
        error = error.hint(hint);
    }
    let flags: Vec<String> = kinds.iter().filter_map(|kind| go_on.option(*kind)).collect();
    if flags.is_empty() {
        return Some(error);
    }
    let when = match kinds.iter().all(|kind| kind.flag().is_some()) {
        true => "to go on all the same",
        false => "to go on once the rest is mended",
    };
    let flags = flags.join(" ");
    Some(error.hint(match go_on.command_line {
        "" => format!("{when}, add {flags} to the same command"),
        command_line => format!("{when}: {command_line} {flags}"),
    }))
}

impl GoOn<'_> {
    fn option(&self, kind: FindingKind) -> Option<String> {
        let flag = kind.flag()?;
        Some(if kind == FindingKind::NotSeen { format!("{flag} {}", self.identity) } else { flag.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GO_ON: GoOn<'_> = GoOn { command_line: "myriad restore --target x", identity: "u-1" };

    fn last_hint(error: &Error) -> &str {
        error.hints().last().expect("a refusal has hints")
    }

    #[test]
    fn a_refusal_ends_with_the_command_that_goes_on() {
        let found = [
            Finding::refuse(FindingKind::IsSource, "it is the source"),
            Finding { grade: Grade::Note, ..Finding::refuse(FindingKind::Sessions, "a session") },
            Finding { grade: Grade::Unknown, ..Finding::refuse(FindingKind::NotSeen, "no PROCESS") },
            Finding { grade: Grade::Unknown, ..Finding::refuse(FindingKind::NotSeen, "no REPLICATION CLIENT") },
        ];
        let error = refusal(&found, |_| false, GO_ON).expect("refused");
        assert_eq!(error.exit(), Exit::TargetIsSource);
        assert_eq!(
            error.to_string(),
            "the target was not touched: it is the source; no PROCESS; no REPLICATION CLIENT"
        );
        assert_eq!(
            last_hint(&error),
            "to go on all the same: myriad restore --target x --allow-source --target-is u-1"
        );
        // One override leaves the other refusal standing.
        let error = refusal(&found, |kind| kind == FindingKind::IsSource, GO_ON).expect("refused");
        assert_eq!(error.exit(), Exit::TargetInUse);
        assert_eq!(last_hint(&error), "to go on all the same: myriad restore --target x --target-is u-1");
        assert!(refusal(&found, |_| true, GO_ON).is_none());
        let note = [Finding { grade: Grade::Note, ..found[0].clone() }];
        assert!(refusal(&note, |_| false, GO_ON).is_none());
    }

    #[test]
    fn what_only_the_target_can_mend_comes_first() {
        let found =
            [Finding::refuse(FindingKind::ReadOnly, "read only"), Finding::refuse(FindingKind::NamesInTheWay, "names")];
        let error = refusal(&found, |_| false, GoOn { command_line: "", ..GO_ON }).expect("refused");
        assert_eq!(error.exit(), Exit::TargetUnfit);
        assert_eq!(last_hint(&error), "to go on once the rest is mended, add --drop-existing to the same command");
        let error = refusal(&found[..1], |_| false, GO_ON).expect("refused");
        assert!(!last_hint(&error).contains("go on"), "{error:?}");
        // A server that is not meant gets no command at all.
        let found = [&found[..], &[Finding::refuse(FindingKind::OtherServer, "is u-1, not u-2")]].concat();
        let error = refusal(&found, |_| false, GO_ON).expect("refused");
        assert_eq!((error.exit(), error.hints().len()), (Exit::TargetInUse, 1));
        assert_eq!(error.to_string(), "the target was not touched: is u-1, not u-2");
    }

    #[test]
    fn every_override_is_of_one_finding() {
        let mut flags: Vec<_> = FindingKind::ALL.iter().filter_map(|kind| kind.flag()).collect();
        let all = flags.len();
        flags.sort_unstable();
        flags.dedup();
        assert_eq!(flags.len(), all);
        assert!(!flags.contains(&"--force"));
    }
}
