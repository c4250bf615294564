//! Replication seen from the replica: the statements that attach a server to a source, the state of its threads, and what a
//! source says of itself to the replication account. Comes in: where the source is, how one logs in there and from where
//! in its history the replica goes on. Which position is right is the caller's to know, and so is whether the server may be
//! changed at all.

use super::error::ServerError;
use super::facts::{self, Flavor, ServerFacts, VersionNumber};
use super::options::{ConnectOptions, SslMode, SslOptions};
use super::rights::Rights;
use super::session::Session;
use crate::schema::identifier::literal;
use crate::secret::Secret;

/// The longest password that CHANGE REPLICATION SOURCE takes, in characters (error 1470 beyond, which repeats it; 9.7.4).
pub const PASSWORD_CHARACTERS_MAX: usize = 32;

/// A source as a replica reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Host name or address, as the replica resolves it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The replication account's name.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// TLS. `Preferred`, which servers do not have, counts as `Required`.
    pub ssl: SslOptions,
}

/// From where in the source's history a replica goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// By the GTIDs that the replica has: `gtid_purged` on MySQL, `gtid_slave_pos` on MariaDB.
    Gtid,
    /// A place in the source's binary log.
    File {
        /// The file.
        file: String,
        /// The offset in bytes.
        offset: u64,
    },
}

/// The words that a server has for replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// MySQL from 8.0.23 on.
    Source,
    /// MySQL before.
    Master,
    /// MariaDB.
    Mariadb,
}

impl Words {
    /// Those of a server.
    pub fn of(server: &ServerFacts) -> Words {
        match server.flavor {
            Flavor::Mariadb => Words::Mariadb,
            _ if server.version_number >= VersionNumber(8, 0, 23) => Words::Source,
            _ => Words::Master,
        }
    }

    /// The statement that points a channel (empty for the default one) at a source. `password` stands where the password belongs.
    pub fn change(self, link: &Link, start: &Start, channel: &str, password: &str) -> String {
        let p = if self == Words::Source { "SOURCE" } else { "MASTER" };
        let mut parts = vec![
            format!("{p}_HOST={}", literal(&link.host)),
            format!("{p}_PORT={}", link.port),
            format!("{p}_USER={}", literal(&link.user)),
            format!("{p}_PASSWORD={}", literal(password)),
        ];
        let ssl = &link.ssl;
        let verified = u8::from(ssl.mode == SslMode::VerifyIdentity);
        match (ssl.mode, &ssl.ca) {
            (SslMode::Disabled, _) => parts.push(format!("{p}_SSL=0")),
            // An authority without verify-ca is not looked at, as with the mysql client.
            (SslMode::VerifyCa | SslMode::VerifyIdentity, Some(ca)) => parts.extend([
                format!("{p}_SSL=1"),
                format!("{p}_SSL_CA={}", literal(&ca.to_string_lossy())),
                format!("{p}_SSL_VERIFY_SERVER_CERT={verified}"),
            ]),
            _ => parts.extend([format!("{p}_SSL=1"), format!("{p}_SSL_VERIFY_SERVER_CERT={verified}")]),
        }
        // Without TLS a password of caching_sha2_password goes under the source's key, which must be asked for.
        if self != Words::Mariadb && ssl.mode == SslMode::Disabled {
            parts.push(format!("GET_{p}_PUBLIC_KEY=1"));
        }
        match (start, self) {
            (Start::Gtid, Words::Mariadb) => parts.push("MASTER_USE_GTID=slave_pos".into()),
            (Start::Gtid, _) => parts.push(format!("{p}_AUTO_POSITION=1")),
            (Start::File { file, offset }, _) => {
                let off = if self == Words::Mariadb { "MASTER_USE_GTID=no" } else { &format!("{p}_AUTO_POSITION=0") };
                parts.push(off.to_owned());
                parts.push(format!("{p}_LOG_FILE={}", literal(file)));
                parts.push(format!("{p}_LOG_POS={offset}"));
            }
        }
        let parts = parts.join(", ");
        match self {
            Words::Source => self.on("CHANGE REPLICATION SOURCE TO ".to_owned() + &parts, channel),
            Words::Master => self.on("CHANGE MASTER TO ".to_owned() + &parts, channel),
            Words::Mariadb => format!("{} TO {parts}", self.on("CHANGE MASTER".into(), channel)),
        }
    }

    /// The statement that starts both threads of a channel.
    pub fn start(self, channel: &str) -> String {
        self.on(if self == Words::Source { "START REPLICA" } else { "START SLAVE" }.into(), channel)
    }

    /// The statement that stops them, which is no error where they do not run.
    pub fn stop(self, channel: &str) -> String {
        self.on(if self == Words::Source { "STOP REPLICA" } else { "STOP SLAVE" }.into(), channel)
    }

    /// The default channel needs no name.
    fn on(self, statement: String, channel: &str) -> String {
        match (channel, self) {
            ("", _) => statement,
            (channel, Words::Mariadb) => format!("{statement} {}", literal(channel)),
            (channel, _) => format!("{statement} FOR CHANNEL {}", literal(channel)),
        }
    }

    /// The statement that tells the state of all channels.
    pub fn status(self) -> &'static str {
        match self {
            Words::Source => "SHOW REPLICA STATUS",
            Words::Master => "SHOW SLAVE STATUS",
            Words::Mariadb => "SHOW ALL SLAVES STATUS",
        }
    }
}

/// Points a channel of the session's server (empty for the default one) at a source. No error holds the password.
pub async fn change(
    session: &mut Session,
    words: Words,
    link: &Link,
    start: &Start,
    channel: &str,
) -> Result<(), ServerError> {
    let password = link.password.expose();
    let shown = words.change(link, start, channel, "...");
    match session.execute_secret(words.change(link, start, channel, password), &shown).await {
        Ok(_) => Ok(()),
        // Some errors repeat a value.
        Err(ServerError::Statement { server, code, state, message, statement }) if !password.is_empty() => {
            let message = message.replace(password, "...");
            Err(ServerError::Statement { server, code, state, message, statement })
        }
        Err(error) => Err(error),
    }
}

/// The state of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Its name, empty for the default channel.
    pub channel: String,
    /// The source's host and port, as the channel has them.
    pub source: (String, u16),
    /// `Yes`, `No`, `Connecting` or `Preparing`: the thread that reads from the source.
    pub receiver: String,
    /// `Yes` or `No`: the thread that applies.
    pub applier: String,
    /// The receiver's last error, with its number.
    pub receiver_error: Option<(u64, String)>,
    /// The applier's last error, with its number.
    pub applier_error: Option<(u64, String)>,
    /// How far the applier is behind; none while that is not known.
    pub seconds_behind: Option<u64>,
}

impl Status {
    /// Both threads run and no error stands.
    pub fn runs(&self) -> bool {
        self.receiver == "Yes" && self.applier == "Yes" && self.error().is_none()
    }

    /// What went wrong, the applier's error first: it is the graver one.
    pub fn error(&self) -> Option<&(u64, String)> {
        self.applier_error.as_ref().or(self.receiver_error.as_ref())
    }

    fn of(row: &[(String, String)]) -> Status {
        let value = |names: [&str; 2]| {
            let found = row.iter().find(|(name, _)| names.contains(&name.as_str()));
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let error = |number: &str, text: &str| {
            let number = value([number, number]).parse().unwrap_or(0);
            (number != 0).then(|| (number, value([text, text]).split_whitespace().collect::<Vec<_>>().join(" ")))
        };
        Status {
            channel: value(["Channel_Name", "Connection_name"]),
            source: (
                value(["Source_Host", "Master_Host"]),
                value(["Source_Port", "Master_Port"]).parse().unwrap_or_default(),
            ),
            receiver: value(["Replica_IO_Running", "Slave_IO_Running"]),
            applier: value(["Replica_SQL_Running", "Slave_SQL_Running"]),
            receiver_error: error("Last_IO_Errno", "Last_IO_Error"),
            applier_error: error("Last_SQL_Errno", "Last_SQL_Error"),
            seconds_behind: value(["Seconds_Behind_Source", "Seconds_Behind_Master"]).parse().ok(),
        }
    }
}

/// The state of every channel.
pub async fn channels(session: &mut Session, words: Words) -> Result<Vec<Status>, ServerError> {
    let rows = session.query_columns(words.status()).await?;
    Ok(rows.iter().map(|row| Status::of(row)).collect())
}

/// What a source says of itself.
#[derive(Clone, Debug, Default)]
pub struct Upstream {
    /// Who it is.
    pub facts: ServerFacts,
    /// The session to it had TLS.
    pub tls: bool,
    /// The account has the right to replicate.
    pub may_replicate: bool,
    /// MySQL's executed GTID set, as the server prints it.
    pub gtid_executed: String,
    /// MySQL's `gtid_purged`.
    pub gtid_purged: String,
    /// Files of its binary log with their sizes; none where the account may not see them.
    pub logs: Option<Vec<(String, u64)>>,
}

/// Asks a source, with the replication account.
pub async fn ask(options: &ConnectOptions) -> Result<Upstream, ServerError> {
    let mut session = Session::connect(options).await?;
    let facts = facts::read(&mut session).await?;
    let cipher = session.query_first("SHOW SESSION STATUS LIKE 'Ssl_cipher'").await?;
    let tls = cipher.is_some_and(|row| !row.text(1).is_empty());
    let gtids = facts::global_variables(&mut session, &["gtid_executed", "gtid_purged"]).await?;
    let gtid = |name: &str| gtids.get(name).map(|set| set.split_whitespace().collect()).unwrap_or_default();
    let logs = match session.query("SHOW BINARY LOGS").await {
        Ok(rows) => Some(rows.iter().map(|row| (row.text(0), row.number(1))).collect()),
        // Without REPLICATION CLIENT; where there is no binary log the facts say so.
        Err(error) if error.code().is_some() => None,
        Err(error) => return Err(error),
    };
    let may_replicate = Rights::read(&mut session).await?.any(&["REPLICATION SLAVE"]);
    session.close().await;
    Ok(Upstream {
        tls,
        may_replicate,
        gtid_executed: gtid("gtid_executed"),
        gtid_purged: gtid("gtid_purged"),
        logs,
        facts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(mode: SslMode) -> Link {
        let (host, user) = ("db1".to_owned(), "o'hara".to_owned());
        Link {
            host,
            port: 3307,
            user,
            password: Secret::new("s"),
            ssl: SslOptions { mode, ca: Some("/ca.pem".into()) },
        }
    }

    #[test]
    fn the_statement_of_each_family() {
        let file = Start::File { file: "binlog.000007".into(), offset: 157 };
        let cases = [
            (Words::Source.start(""), "START REPLICA"),
            (Words::Master.stop("it's"), "STOP SLAVE FOR CHANNEL 'it''s'"),
            (Words::Mariadb.start("b"), "START SLAVE 'b'"),
            (
                Words::Source.change(&link(SslMode::Disabled), &Start::Gtid, "", "..."),
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='db1', SOURCE_PORT=3307, SOURCE_USER='o''hara', \
                 SOURCE_PASSWORD='...', SOURCE_SSL=0, GET_SOURCE_PUBLIC_KEY=1, SOURCE_AUTO_POSITION=1",
            ),
            (
                Words::Source.change(&link(SslMode::VerifyIdentity), &file, "b", "..."),
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='db1', SOURCE_PORT=3307, SOURCE_USER='o''hara', \
                 SOURCE_PASSWORD='...', SOURCE_SSL=1, SOURCE_SSL_CA='/ca.pem', SOURCE_SSL_VERIFY_SERVER_CERT=1, \
                 SOURCE_AUTO_POSITION=0, SOURCE_LOG_FILE='binlog.000007', SOURCE_LOG_POS=157 FOR CHANNEL 'b'",
            ),
            (
                Words::Master.change(&link(SslMode::Required), &Start::Gtid, "", "..."),
                "CHANGE MASTER TO MASTER_HOST='db1', MASTER_PORT=3307, MASTER_USER='o''hara', MASTER_PASSWORD='...', \
                 MASTER_SSL=1, MASTER_SSL_VERIFY_SERVER_CERT=0, MASTER_AUTO_POSITION=1",
            ),
            (
                Words::Mariadb.change(&link(SslMode::Disabled), &Start::Gtid, "b", "..."),
                "CHANGE MASTER 'b' TO MASTER_HOST='db1', MASTER_PORT=3307, MASTER_USER='o''hara', MASTER_PASSWORD='...', \
                 MASTER_SSL=0, MASTER_USE_GTID=slave_pos",
            ),
            (
                Words::Mariadb.change(&link(SslMode::Required), &file, "", "..."),
                "CHANGE MASTER TO MASTER_HOST='db1', MASTER_PORT=3307, MASTER_USER='o''hara', MASTER_PASSWORD='...', \
                 MASTER_SSL=1, MASTER_SSL_VERIFY_SERVER_CERT=0, MASTER_USE_GTID=no, MASTER_LOG_FILE='binlog.000007', \
                 MASTER_LOG_POS=157",
            ),
        ];
        for (statement, expected) in cases {
            assert_eq!(statement, expected);
        }
    }

    #[test]
    fn words_of_a_server() {
        let server = |flavor, version| ServerFacts { flavor, version_number: version, ..ServerFacts::default() };
        assert_eq!(Words::of(&server(Flavor::Mysql, VersionNumber(8, 0, 22))), Words::Master);
        assert_eq!(Words::of(&server(Flavor::Percona, VersionNumber(8, 0, 23))), Words::Source);
        assert_eq!(Words::of(&server(Flavor::Mariadb, VersionNumber(10, 11, 18))), Words::Mariadb);
    }

    #[test]
    fn a_status_in_either_words() {
        let row = |pairs: &[(&str, &str)]| {
            Status::of(&pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect::<Vec<_>>())
        };
        let status = row(&[
            ("Source_Host", "db1"),
            ("Source_Port", "3307"),
            ("Channel_Name", "b"),
            ("Replica_IO_Running", "Yes"),
            ("Replica_SQL_Running", "Yes"),
            ("Last_IO_Errno", "0"),
            ("Seconds_Behind_Source", "3"),
        ]);
        assert!(status.runs() && status.seconds_behind == Some(3), "{status:?}");
        assert_eq!((&status.channel[..], &status.source), ("b", &("db1".to_owned(), 3307)));
        let status = row(&[
            ("Slave_IO_Running", "Yes"),
            ("Slave_SQL_Running", "No"),
            ("Last_SQL_Errno", "1062"),
            ("Last_SQL_Error", "Duplicate\nentry"),
            ("Seconds_Behind_Master", ""),
        ]);
        assert!(!status.runs() && status.seconds_behind.is_none());
        assert_eq!(status.error(), Some(&(1062, "Duplicate entry".to_owned())));
    }
}
