//! Who a server is and how it is set: the facts that a backup records and a restore compares.
//! Comes in: a session. Goes out: [`ServerFacts`]. Variables that a server does not know (MariaDB, older MySQL)
//! are left out of the answer by `SHOW GLOBAL VARIABLES`, so one statement serves every flavour. Nothing is judged
//! here, but a server of a version that was not tested is named in the log.

use super::error::ServerError;
use super::session::Session;
use super::verified;
use crate::schema::identifier::literal;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

/// Which family of servers this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flavor {
    /// MySQL as Oracle builds it, and whatever does not say otherwise.
    #[default]
    Mysql,
    /// Percona Server.
    Percona,
    /// MariaDB.
    Mariadb,
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Flavor::Mysql => "MySQL",
            Flavor::Percona => "Percona Server",
            Flavor::Mariadb => "MariaDB",
        })
    }
}

/// A version as numbers, so that versions can be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VersionNumber(pub u32, pub u32, pub u32);

impl VersionNumber {
    /// The numbers at the head of a version text: `9.7.4-commercial` is 9, 7, 4. Missing parts are 0.
    pub fn parse(text: &str) -> Self {
        let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        VersionNumber(next(), next(), next())
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What a server says about itself. All values are the global ones, as `SHOW GLOBAL VARIABLES` prints them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFacts {
    /// The family.
    pub flavor: Flavor,
    /// `version`, such as `9.7.4` or `10.11.14-MariaDB-deb12`.
    pub version: String,
    /// `version` as numbers.
    pub version_number: VersionNumber,
    /// `version_comment`.
    pub version_comment: String,
    /// `server_uuid`; MariaDB has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_uuid: Option<String>,
    /// `server_id`.
    pub server_id: u64,
    /// `hostname`.
    pub hostname: String,
    /// `port`.
    pub port: u16,
    /// `datadir`, as the server sees it.
    pub datadir: String,
    /// `sql_mode`.
    pub sql_mode: String,
    /// `character_set_server`.
    pub character_set_server: String,
    /// `collation_server`.
    pub collation_server: String,
    /// `lower_case_table_names`: 0, 1 or 2.
    pub lower_case_table_names: u8,
    /// `time_zone`.
    pub time_zone: String,
    /// `system_time_zone`.
    pub system_time_zone: String,
    /// `innodb_page_size`, bytes.
    pub innodb_page_size: u64,
    /// The binary log is written.
    pub log_bin: bool,
    /// `gtid_mode`; MariaDB, which has its own GTIDs, has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtid_mode: Option<String>,
    /// `max_allowed_packet`, bytes.
    pub max_allowed_packet: u64,
    /// `LOAD DATA LOCAL` is allowed.
    pub local_infile: bool,
    /// `default_storage_engine`.
    pub default_storage_engine: String,
    /// `read_only` or `super_read_only` is on.
    pub read_only: bool,
    /// `event_scheduler`: `ON`, `OFF` or `DISABLED`.
    pub event_scheduler: String,
    /// `partial_revokes`: with it a schema's name in a grant is a name, without it a pattern. None where the server has no
    /// such variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_revokes: Option<bool>,
}

impl ServerFacts {
    /// What names this server and no other: `server_uuid`; where there is none, as on MariaDB, host, port and `server_id`
    /// as `db1:3306:1`.
    pub fn identity(&self) -> String {
        self.server_uuid.clone().unwrap_or_else(|| format!("{}:{}:{}", self.hostname, self.port, self.server_id))
    }

    /// True where both are the same server: by `server_uuid`, and where neither has one, as on MariaDB, by host, port,
    /// data directory and `server_id` together.
    pub fn is_same_server(&self, other: &ServerFacts) -> bool {
        match (&self.server_uuid, &other.server_uuid) {
            (Some(own), Some(others)) => own == others,
            (None, None) => {
                let place = |facts: &ServerFacts| {
                    (facts.flavor, facts.hostname.clone(), facts.port, facts.datadir.clone(), facts.server_id)
                };
                !self.hostname.is_empty() && place(self) == place(other)
            }
            _ => false,
        }
    }
}

const VARIABLES: &[&str] = &[
    "version",
    "version_comment",
    "server_uuid",
    "server_id",
    "hostname",
    "port",
    "datadir",
    "sql_mode",
    "character_set_server",
    "collation_server",
    "lower_case_table_names",
    "time_zone",
    "system_time_zone",
    "innodb_page_size",
    "log_bin",
    "gtid_mode",
    "max_allowed_packet",
    "local_infile",
    "default_storage_engine",
    "read_only",
    "super_read_only",
    "event_scheduler",
    "partial_revokes",
];

/// Asks the server who it is, and tells the log where it is of no version that was tested. Needs no right beyond the login.
pub async fn read(session: &mut Session) -> Result<ServerFacts, ServerError> {
    let facts = from_variables(&global_variables(session, VARIABLES).await?);
    if let Some(line) = verified::unverified(&facts) {
        tracing::info!("{line}");
    }
    Ok(facts)
}

/// [`ServerFacts::identity`] of a server, by itself.
pub async fn identity(session: &mut Session) -> Result<String, ServerError> {
    let values = global_variables(session, &["server_uuid", "hostname", "port", "server_id"]).await?;
    Ok(from_variables(&values).identity())
}

/// The global variables of the given names that this server knows.
pub async fn global_variables(session: &mut Session, names: &[&str]) -> Result<HashMap<String, String>, ServerError> {
    variables(session, "GLOBAL", names).await
}

/// The session variables of the given names that this server knows.
pub async fn session_variables(session: &mut Session, names: &[&str]) -> Result<HashMap<String, String>, ServerError> {
    variables(session, "SESSION", names).await
}

async fn variables(session: &mut Session, scope: &str, names: &[&str]) -> Result<HashMap<String, String>, ServerError> {
    let list: Vec<_> = names.iter().map(|name| literal(name)).collect();
    let sql = format!("SHOW {scope} VARIABLES WHERE Variable_name IN ({})", list.join(", "));
    let rows = session.query(sql).await?;
    Ok(rows.iter().map(|row| (row.text(0), row.text(1))).collect())
}

fn from_variables(values: &HashMap<String, String>) -> ServerFacts {
    let text = |name: &str| values.get(name).cloned().unwrap_or_default();
    let option = |name: &str| values.get(name).filter(|value| !value.is_empty()).cloned();
    let number = |name: &str| values.get(name).and_then(|value| value.parse::<u64>().ok()).unwrap_or_default();
    let on = |name: &str| values.get(name).is_some_and(|value| !matches!(value.as_str(), "OFF" | "0" | ""));
    let (version, version_comment) = (text("version"), text("version_comment"));
    ServerFacts {
        flavor: flavor(&version, &version_comment),
        version_number: VersionNumber::parse(&version),
        version,
        version_comment,
        server_uuid: option("server_uuid"),
        server_id: number("server_id"),
        hostname: text("hostname"),
        port: u16::try_from(number("port")).unwrap_or_default(),
        datadir: text("datadir"),
        sql_mode: text("sql_mode"),
        character_set_server: text("character_set_server"),
        collation_server: text("collation_server"),
        lower_case_table_names: u8::try_from(number("lower_case_table_names")).unwrap_or_default(),
        time_zone: text("time_zone"),
        system_time_zone: text("system_time_zone"),
        innodb_page_size: number("innodb_page_size"),
        log_bin: on("log_bin"),
        gtid_mode: option("gtid_mode"),
        max_allowed_packet: number("max_allowed_packet"),
        local_infile: on("local_infile"),
        default_storage_engine: text("default_storage_engine"),
        read_only: on("read_only") || on("super_read_only"),
        event_scheduler: text("event_scheduler"),
        partial_revokes: option("partial_revokes").map(|value| value == "ON"),
    }
}

fn flavor(version: &str, comment: &str) -> Flavor {
    let has = |word: &str| version.to_ascii_lowercase().contains(word) || comment.to_ascii_lowercase().contains(word);
    if has("mariadb") {
        Flavor::Mariadb
    } else if has("percona") {
        Flavor::Percona
    } else {
        Flavor::Mysql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_flavours() {
        let check = |version: &str, comment: &str, expected: Flavor, number: VersionNumber| {
            assert_eq!(flavor(version, comment), expected, "{version}");
            assert_eq!(VersionNumber::parse(version), number, "{version}");
        };
        check("9.7.4", "(Debian)", Flavor::Mysql, VersionNumber(9, 7, 4));
        check("8.0.36-28", "Percona Server (GPL), Release 28", Flavor::Percona, VersionNumber(8, 0, 36));
        check("10.11.14-MariaDB-0+deb12u2", "Debian 12", Flavor::Mariadb, VersionNumber(10, 11, 14));
        check("8.4", "", Flavor::Mysql, VersionNumber(8, 4, 0));
        assert!(VersionNumber(8, 0, 36) < VersionNumber(8, 4, 0));
    }

    #[test]
    fn a_server_without_a_uuid_is_known_by_its_place() {
        let one = ServerFacts { hostname: "db1".into(), datadir: "/a".into(), server_id: 1, ..ServerFacts::default() };
        assert!(one.is_same_server(&one.clone()));
        assert!(!one.is_same_server(&ServerFacts { datadir: "/b".into(), ..one.clone() }));
        assert!(!one.is_same_server(&ServerFacts { server_uuid: Some("u".into()), ..one.clone() }));
        assert!(!ServerFacts::default().is_same_server(&ServerFacts::default()));
        let known = ServerFacts { server_uuid: Some("u".into()), ..one };
        assert!(known.is_same_server(&ServerFacts { hostname: "db2".into(), ..known.clone() }));
    }

    #[test]
    fn what_a_server_does_not_know_is_none() {
        let values = [("version", "10.11.14-MariaDB"), ("log_bin", "OFF"), ("local_infile", "ON"), ("port", "3307")];
        let facts = from_variables(&values.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect());
        assert_eq!((facts.server_uuid, facts.gtid_mode, facts.port), (None, None, 3307));
        assert!(!facts.log_bin && facts.local_infile && !facts.read_only);
    }
}
