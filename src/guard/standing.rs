//! Where the target stands among other servers: whether it is the backup's source, whether replicas read from it, whether
//! it is a replica or a member of a group itself. What the account may not see is told apart from what is not there.

use super::Unseen;
use crate::server::facts::{self, Flavor, ServerFacts};
use crate::server::{ServerError, Session};

/// Syntax of another version.
const SYNTAX: u16 = 1064;

/// A right is missing: for a statement, for a table.
pub(super) fn denied(error: &ServerError) -> bool {
    matches!(error.code(), Some(1227 | 1142 | 1143 | 1044))
}

/// What reads from the target.
#[derive(Debug, Default)]
pub(super) struct Replicas {
    /// Each replica, for people.
    pub found: Vec<String>,
    /// The account may see all of them.
    pub unseen: Option<Unseen>,
}

/// Replicas that are registered, and sessions that read the binary log (a replica need not register). `sees_sessions`: the
/// account sees the sessions of others.
pub(super) async fn replicas(session: &mut Session, sees_sessions: bool) -> Result<Replicas, ServerError> {
    let mut replicas = Replicas::default();
    let mut listed = false;
    for statement in ["SHOW REPLICAS", "SHOW SLAVE HOSTS"] {
        match session.query(statement).await {
            Ok(rows) => {
                replicas.found.extend(rows.iter().map(|row| format!("server id {} at {:?}", row.text(0), row.text(1))));
                listed = true;
                break;
            }
            Err(error) if error.code() == Some(SYNTAX) || denied(&error) => {}
            Err(error) => return Err(error),
        }
    }
    if replicas.found.is_empty() {
        let readers = "SELECT COALESCE(HOST, '') FROM information_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%'";
        replicas
            .found
            .extend(session.query(readers).await?.iter().map(|row| format!("a session from {}", row.text(0))));
    }
    if replicas.found.is_empty() && !listed && !sees_sessions {
        replicas.unseen =
            Some(Unseen { right: "REPLICATION SLAVE (MariaDB: REPLICATION MASTER ADMIN)", what: "attached replicas" });
    }
    Ok(replicas)
}

/// The target as a replica.
#[derive(Debug, Default)]
pub(super) struct OwnReplication {
    /// Channels whose threads run, for people.
    pub running: Vec<String>,
    /// Channels that are configured and stand still.
    pub stopped: Vec<String>,
    /// The account may see none of it.
    pub unseen: Option<Unseen>,
}

/// Whether the target replicates from another server.
pub(super) async fn own_replication(session: &mut Session, facts: &ServerFacts) -> Result<OwnReplication, ServerError> {
    // MariaDB has a form that shows all its connections; the others show all channels anyway.
    let statements: &[&str] = match facts.flavor {
        Flavor::Mariadb => &["SHOW ALL SLAVES STATUS"],
        _ => &["SHOW REPLICA STATUS", "SHOW SLAVE STATUS"],
    };
    for statement in statements {
        match session.query_columns(statement).await {
            Ok(rows) => {
                let mut own = OwnReplication::default();
                for (running, text) in rows.iter().filter_map(|row| channel(row)) {
                    if running { own.running.push(text) } else { own.stopped.push(text) }
                }
                return Ok(own);
            }
            Err(error) if error.code() == Some(SYNTAX) || denied(&error) => {}
            Err(error) => return Err(error),
        }
    }
    by_performance_schema(session, facts).await
}

/// One row of SHOW REPLICA STATUS, whose columns have other names in each family and version: whether the channel runs, and
/// its text. None for the channels of a group.
fn channel(row: &[(String, String)]) -> Option<(bool, String)> {
    let value = |names: &[&str]| {
        let found = row.iter().find(|(name, _)| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    if value(&["Channel_Name"]).starts_with("group_replication_") {
        return None;
    }
    let io = value(&["Replica_IO_Running", "Slave_IO_Running"]);
    let sql = value(&["Replica_SQL_Running", "Slave_SQL_Running"]);
    let source = format!("{}:{}", value(&["Source_Host", "Master_Host"]), value(&["Source_Port", "Master_Port"]));
    // `Connecting` is a thread that runs.
    let running = [&io, &sql].iter().any(|state| !matches!(state.as_str(), "No" | ""));
    Some((running, format!("of {source} (receiver: {io}, applier: {sql})")))
}

/// The same without REPLICATION CLIENT, where the account may read these tables.
async fn by_performance_schema(session: &mut Session, facts: &ServerFacts) -> Result<OwnReplication, ServerError> {
    let unseen = OwnReplication {
        unseen: Some(Unseen {
            right: "REPLICATION CLIENT (MariaDB: SLAVE MONITOR)",
            what: "whether it is a running replica",
        }),
        ..OwnReplication::default()
    };
    if facts.flavor == Flavor::Mariadb {
        return Ok(unseen);
    }
    let sql = "SELECT c.HOST, c.PORT, MAX(s.SERVICE_STATE), MAX(a.SERVICE_STATE) \
        FROM performance_schema.replication_connection_configuration c \
        LEFT JOIN performance_schema.replication_connection_status s USING (CHANNEL_NAME) \
        LEFT JOIN performance_schema.replication_applier_status a USING (CHANNEL_NAME) \
        WHERE c.CHANNEL_NAME NOT LIKE 'group\\_replication\\_%' GROUP BY c.CHANNEL_NAME, c.HOST, c.PORT";
    match session.query(sql).await {
        Ok(rows) => {
            let mut own = OwnReplication::default();
            for row in rows {
                let (io, sql) = (row.text(2), row.text(3));
                let text = format!("of {}:{} (receiver: {io}, applier: {sql})", row.text(0), row.text(1));
                let running = [&io, &sql].iter().any(|state| !matches!(state.as_str(), "OFF" | ""));
                if running { own.running.push(text) } else { own.stopped.push(text) }
            }
            Ok(own)
        }
        Err(error) if denied(&error) => Ok(unseen),
        Err(error) => Err(error),
    }
}

/// The target as a member of a group.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Of which, and in which state, for people.
    pub member: Option<String>,
    /// The account may not see it.
    pub unseen: Option<Unseen>,
}

/// Whether the target is in a replication group (MySQL) or a Galera cluster.
pub(super) async fn group(session: &mut Session) -> Result<Group, ServerError> {
    // Variables need no right, and those of a plugin or provider that is not loaded are not there.
    let names = ["group_replication_group_name", "wsrep_on", "wsrep_cluster_name", "wsrep_provider"];
    let variables = facts::global_variables(session, &names).await?;
    let value = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
    let on = matches!(value("wsrep_on"), "ON" | "1");
    if on && !matches!(value("wsrep_provider"), "" | "none") {
        let member = Some(format!("the Galera cluster {}", value("wsrep_cluster_name")));
        return Ok(Group { member, unseen: None });
    }
    if !variables.contains_key("group_replication_group_name") {
        return Ok(Group::default());
    }
    let members = "SELECT MEMBER_STATE FROM performance_schema.replication_group_members \
        WHERE MEMBER_ID = @@GLOBAL.server_uuid AND MEMBER_STATE <> 'OFFLINE'";
    match session.query_first(members).await {
        Ok(row) => {
            let name = value("group_replication_group_name");
            let member = row.map(|row| format!("the replication group {name}, in state {}", row.text(0)));
            Ok(Group { member, unseen: None })
        }
        Err(error) if denied(&error) => Ok(Group {
            member: None,
            unseen: Some(Unseen {
                right: "SELECT on performance_schema.replication_group_members",
                what: "whether it is a member of a group",
            }),
        }),
        Err(error) => Err(error),
    }
}
