//! From a restored target to a replica: the statements with which the target goes on from where the backup stands, and, with
//! `--replicate-from`, the replication itself. What can refuse it is asked before the restore begins: which position of the
//! backup is that host's, whether it still has the binary log from there on, and whether the target may follow it.
//!
//! Two steps change the target, after proof: the channel is configured while the ledger still stands, so that a run that was
//! cut off does it again, and it is started once the ledger is gone, since rows that move cannot be proved again.

use super::gtid::{self, GtidOutcome};
use super::target::Target;
use crate::command::options::{ProofMode, RestoreOptions};
use crate::command::text::counted;
use crate::error::{Error, Exit, Result};
use crate::limits;
use crate::manifest::Manifest;
use crate::manifest::repository::Found;
use crate::position::GtidSet;
use crate::progress::Stop;
use crate::schema::identifier::literal;
use crate::secret::Secret;
use crate::server::facts::{Flavor, ServerFacts};
use crate::server::replication::{self, Link, Start, Status, Upstream, Words};
use crate::server::{ConnectOptions, Host, ServerError, SslMode, SslOptions};
use std::time::Instant;

/// A server that the target can go on from, and how.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Continuation {
    /// The server, for people.
    pub source: String,
    /// Its host, as the backup has it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The channel that it is attached on, where the backup knows several sources at once: all of them are attached then. Empty
    /// for the default channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The statements that go on by GTID, in their order; none where that cannot be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_gtid: Vec<String>,
    /// The statements that go on by binary log file and offset; none where that cannot be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_file: Vec<String>,
}

/// What became of `--replicate-from`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Attached {
    /// The source, as `host:port`.
    pub source: String,
    /// The channel, where the backup knows several sources at once; empty for the default channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// `GTID`, or file and offset.
    pub by: String,
    /// Both threads run.
    pub started: bool,
    /// How far the target is behind, in seconds; none while that is not known.
    pub seconds_behind: Option<u64>,
    /// Why it did not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A place in the history of a server that the backup knows.
#[derive(Clone, Debug)]
struct Origin {
    /// For people: `db1:3306, the server that was backed up`.
    text: String,
    host: String,
    port: u16,
    /// Of a source among several, that replicate side by side: its channel.
    channel: Option<String>,
    /// Who that is: `server_uuid`, on MariaDB `server_id` alone.
    uuid: Option<String>,
    server_id: u64,
    /// Whether GTIDs lead on from here, as far as the backup tells.
    gtid: Option<String>,
    /// The place in its binary log, where it is known exactly.
    file: Option<(String, u64)>,
}

/// The servers whose positions the backup has: the one that was backed up, where it writes a binary log, and its sources.
fn origins(manifest: &Manifest) -> Vec<Origin> {
    let (server, position) = (&manifest.server, &manifest.position);
    let mariadb = server.flavor == Flavor::Mariadb;
    let set = (position.exact && !position.gtid_executed.is_empty()).then(|| position.gtid_executed.clone());
    let own = Origin {
        text: format!("{}:{}, the server that was backed up", server.hostname, server.port),
        host: server.hostname.clone(),
        port: server.port,
        channel: None,
        uuid: server.server_uuid.clone(),
        server_id: server.server_id,
        gtid: set.clone(),
        file: position.binlog_file.clone().zip(position.binlog_offset).filter(|_| position.exact),
    };
    let several = manifest.source_positions.len() > 1;
    let sources = manifest.source_positions.iter().map(|source| Origin {
        text: match source.channel.as_str() {
            "" if several => format!("{}:{}, its source on the default channel", source.host, source.port),
            "" => format!("{}:{}, its source", source.host, source.port),
            channel => format!("{}:{}, its source on channel {channel}", source.host, source.port),
        },
        host: source.host.clone(),
        port: source.port,
        channel: several.then(|| source.channel.clone()),
        uuid: source.server_uuid.clone(),
        server_id: source.server_id,
        gtid: if mariadb { Some(source.gtid.clone()).filter(|gtid| !gtid.is_empty()) } else { set.clone() },
        file: Some((source.binlog_file.clone(), source.binlog_offset)).filter(|_| source.exact),
    });
    server.log_bin.then_some(own).into_iter().chain(sources).collect()
}

/// The statements for every server that the target can go on from; none where only a part was restored, or between MySQL and
/// MariaDB. `gtid` tells whether the GTID set is there already. After an attempt that failed the channel's threads may run, and
/// must be stopped first (error 3081 otherwise). Of several sources the first one's statements set the position of all; none
/// does where one of them replicates already.
pub(super) fn continuations(
    backup: &Found,
    options: &RestoreOptions,
    target: &ServerFacts,
    gtid: &GtidOutcome,
    attached: Option<&Attached>,
) -> Vec<Continuation> {
    let mariadb = target.flavor == Flavor::Mariadb;
    if !gtid::complete(backup, options) || mariadb != (backup.manifest.server.flavor == Flavor::Mariadb) {
        return Vec::new();
    }
    let words = Words::of(target);
    let mode = if mariadb { SslMode::Disabled } else { SslMode::Required };
    let started = attached.is_some_and(|attached| attached.started);
    let origins = origins(&backup.manifest);
    let first_of_several = origins.iter().position(|origin| origin.channel.is_some());
    let continuation = |(n, origin): (usize, Origin)| {
        let Origin { text: source, host, port, channel, gtid: position, file, .. } = origin;
        let on = channel.clone().unwrap_or_default();
        let attempted = attached.is_some_and(|attached| channel.is_none() || attached.channel == channel);
        let sets = channel.is_none() || first_of_several == Some(n) && !started;
        let (user, password) = ("repl".to_owned(), Secret::default());
        let link = Link { host: host.clone(), port, user, password, ssl: SslOptions { mode, ca: None } };
        let steps = |first: Option<String>, start: &Start| {
            let stop = attempted.then(|| words.stop(&on));
            let last = [words.change(&link, start, &on, "..."), words.start(&on)];
            stop.into_iter().chain(first.filter(|_| sets)).chain(last).collect::<Vec<_>>()
        };
        let by_gtid = match (position, gtid) {
            (Some(position), _) if mariadb => {
                steps(Some(format!("SET GLOBAL gtid_slave_pos={}", literal(&position))), &Start::Gtid)
            }
            (Some(_), GtidOutcome::Set { .. }) => steps(None, &Start::Gtid),
            (Some(_), GtidOutcome::NotSet { statement: Some(set), .. }) => steps(Some(set.clone()), &Start::Gtid),
            _ => Vec::new(),
        };
        let by_file = file.map(|(file, offset)| steps(None, &Start::File { file, offset })).unwrap_or_default();
        Continuation { source, host, port, channel, by_gtid, by_file }
    };
    let all = origins.into_iter().enumerate().map(continuation);
    all.filter(|way| !way.by_gtid.is_empty() || !way.by_file.is_empty()).collect()
}

/// A replication that nothing speaks against.
pub(super) struct Plan {
    link: Link,
    words: Words,
    start: Start,
    /// As that of [`Attached`].
    channel: Option<String>,
    /// MariaDB's position, which is set before.
    slave_pos: Option<String>,
}

impl Plan {
    fn source(&self) -> String {
        format!("{}:{}", self.link.host, self.link.port)
    }

    fn by(&self) -> String {
        match &self.start {
            Start::Gtid => "GTID".to_owned(),
            Start::File { file, offset } => format!("{file}:{offset}"),
        }
    }

    fn channel(&self) -> &str {
        self.channel.as_deref().unwrap_or_default()
    }

    fn attached(&self, started: bool, seconds_behind: Option<u64>, why: Option<String>) -> Attached {
        Attached { source: self.source(), channel: self.channel.clone(), by: self.by(), started, seconds_behind, why }
    }

    fn failed(&self, why: String) -> Attached {
        self.attached(false, None, Some(why))
    }
}

fn refused(why: impl AsRef<str>, hint: impl Into<String>) -> Error {
    Error::new(Exit::ReplicationNotStarted, format!("the target was not touched: {}", why.as_ref())).hint(hint)
}

/// Whether the target can replicate from the host that was named, and how. None where none was. Changes nothing.
pub(super) async fn plan(
    backup: &Found,
    options: &RestoreOptions,
    target: &mut Target,
    resumed: bool,
) -> Result<Option<Plan>> {
    let Some(from) = &options.replicate_from else { return Ok(None) };
    let Host::Tcp { host, port } = &from.host else {
        return Err(refused("--replicate-from names a socket", "a replica reaches its source by host and port"));
    };
    let name = format!("{host}:{port}");
    check_target(backup, options, target)?;
    let asked = ask(from, &name, target).await?;
    let unasked = asked.as_ref().err().map(|why| format!(" ({name} could not be asked from here: {why})"));
    let upstream = asked.ok();
    let origins = origins(&backup.manifest);
    let origin = choose(&origins, upstream.as_ref(), &backup.manifest.server, (host, *port));
    let other = |facts: &ServerFacts| facts.server_id;
    if let Some(id) = upstream.as_ref().map(|upstream| other(&upstream.facts)).or(origin.map(|o| o.server_id)) {
        check_server_id(target, upstream.as_ref(), id, &name)?;
    }
    let sides = (upstream.as_ref(), origin, &origins[..]);
    let start = start(backup, options, target, sides, &name, &unasked.unwrap_or_default(), resumed).await?;
    let mariadb = target.facts.flavor == Flavor::Mariadb;
    let slave_pos = (mariadb && start == Start::Gtid).then(|| position_of(origin, &origins)).flatten();
    let mode = match (from.ssl.mode, &upstream) {
        (SslMode::Preferred, Some(Upstream { tls: false, .. })) => SslMode::Disabled,
        (SslMode::Preferred, None) if mariadb => SslMode::Disabled,
        (SslMode::Preferred, _) => SslMode::Required,
        (mode, _) => mode,
    };
    let link = Link {
        host: host.clone(),
        port: *port,
        user: from.user.clone(),
        password: from.password.clone(),
        ssl: SslOptions { mode, ca: from.ssl.ca.clone() },
    };
    let channel = origin.and_then(|origin| origin.channel.clone());
    let plan = Plan { link, words: Words::of(&target.facts), start, channel, slave_pos };
    let others = origins.iter().filter(|other| plan.channel.is_some() && other.channel.is_some());
    let others = others.filter(|other| other.channel != plan.channel).count();
    if others > 0 {
        target.notes.push(format!(
            "the backup knows {} sources: --replicate-from attaches {} and no other; the summary ends with the statements for \
             the rest",
            others + 1,
            on_channel(plan.channel())
        ));
    }
    let whose = origin.map_or("a server of the same history", |origin| origin.text.as_str());
    target.notes.push(format!("replication: from {name} ({whose}), by {}", plan.by()));
    let used = target.own.tables.intersection(&target.own.usable).count() as u64;
    if used > 0 {
        target.notes.push(format!(
            "{} could be used since an earlier try: what was written there since is not of the source, and may stop the replication",
            counted(used, "table")
        ));
    }
    Ok(Some(plan))
}

fn on_channel(channel: &str) -> String {
    if channel.is_empty() { "the default channel".into() } else { format!("channel {channel}") }
}

/// Says with a refusal where the target replicates already from the host that was named: a run that was killed behind its last
/// step has left nothing to do. What the target does not tell is not worth another error.
pub(super) async fn already(refusal: Error, options: &RestoreOptions, target: &mut Target) -> Error {
    let Some(Host::Tcp { host, port }) = options.replicate_from.as_ref().map(|from| &from.host) else { return refusal };
    let channels = replication::channels(&mut target.session, Words::of(&target.facts)).await.unwrap_or_default();
    let wanted = |status: &&Status| status.source.0.eq_ignore_ascii_case(host) && status.source.1 == *port;
    let Some(status) = channels.iter().find(wanted) else { return refusal };
    let left = match (status.receiver.as_str(), status.applier.as_str()) {
        ("No", "No") => format!("{} is all that is left to do", Words::of(&target.facts).start(&status.channel)),
        _ => "nothing is left to do".to_owned(),
    };
    refusal.hint(format!(
        "the target is a replica of {host}:{port} already, on {} (receiver {}, applier {}), and no restore is unfinished there: \
         where a restore with --replicate-from was cut off at its very end, it is complete, and {left}",
        on_channel(&status.channel),
        status.receiver,
        status.applier
    ))
}

/// What can be told without the source.
fn check_target(backup: &Found, options: &RestoreOptions, target: &Target) -> Result<()> {
    let mariadb = |facts: &ServerFacts| facts.flavor == Flavor::Mariadb;
    if !gtid::complete(backup, options) {
        return Err(refused(
            "--replicate-from needs all of the instance, and only a part is restored",
            "restore a backup of the whole server without selection or --rename, or leave --replicate-from out",
        ));
    }
    if mariadb(&backup.manifest.server) != mariadb(&target.facts) {
        return Err(refused("--replicate-from does not go between MySQL and MariaDB", "leave it out"));
    }
    if options.proof == ProofMode::None {
        return Err(refused("--replicate-from needs the rows proved", "leave --verify none out"));
    }
    let own = &target.own;
    if let Some(unproved) = own.tables.iter().find(|table| own.usable.contains(table) && !own.proved.contains(table)) {
        return Err(refused(
            format!(
                "--replicate-from needs the rows proved, and table {unproved} is usable since an earlier try that proved nothing"
            ),
            "go on without --replicate-from; or begin anew after restore --abort --drop-usable, which drops what is usable",
        ));
    }
    let rights: &[&str] = match mariadb(&target.facts) {
        true => &["REPLICATION SLAVE ADMIN", "SUPER"],
        false => &["REPLICATION_SLAVE_ADMIN", "SUPER"],
    };
    if !target.rights.any(rights) {
        let what = format!("the target was not touched: {} lacks {}", target.rights.account, rights[0]);
        return Err(Error::new(Exit::RightMissing, what).hint("grant it, or leave --replicate-from out"));
    }
    let password = options.replicate_from.as_ref().map_or(0, |from| from.password.expose().chars().count());
    if !mariadb(&target.facts) && password > replication::PASSWORD_CHARACTERS_MAX {
        let most = replication::PASSWORD_CHARACTERS_MAX;
        let why = format!("the replication account's password has {password} characters, a replica takes {most}");
        return Err(refused(why, "give the account a shorter one"));
    }
    Ok(())
}

/// Asks the source; where it cannot be asked from here says why.
async fn ask(from: &ConnectOptions, name: &str, target: &mut Target) -> Result<Result<Upstream, String>> {
    let why = match replication::ask(from).await {
        Ok(upstream) if !upstream.may_replicate => {
            return Err(refused(
                format!("{} lacks REPLICATION SLAVE on {name}", from.user),
                "GRANT REPLICATION SLAVE ON *.* to it there, or name another account",
            ));
        }
        Ok(upstream) if upstream.facts.log_bin => return Ok(Ok(upstream)),
        Ok(_) => return Err(refused(format!("{name} writes no binary log"), "name a server that does")),
        Err(ServerError::LoginRefused { why, .. }) => format!("it refused the login from here: {why}"),
        Err(ServerError::Unreachable { why, .. } | ServerError::Tls { why, .. }) => why,
        Err(error) => return Err(error.into()),
    };
    target.notes.push(format!("{name} could not be asked from here, and was taken by its name ({why})"));
    Ok(Err(why))
}

/// The position of the backup that is that host's: by what the host says of itself, else by its name.
fn choose<'a>(
    origins: &'a [Origin],
    upstream: Option<&Upstream>,
    backed_up: &ServerFacts,
    (host, port): (&str, u16),
) -> Option<&'a Origin> {
    let Some(Upstream { facts, .. }) = upstream else {
        return origins.iter().find(|origin| origin.host.eq_ignore_ascii_case(host) && origin.port == port);
    };
    origins.iter().find(|origin| match (&origin.uuid, &facts.server_uuid) {
        (Some(known), Some(found)) => known == found,
        (None, None) if origin.server_id == backed_up.server_id => facts.is_same_server(backed_up),
        (None, None) => origin.server_id == facts.server_id,
        _ => false,
    })
}

fn check_server_id(target: &Target, upstream: Option<&Upstream>, source_id: u64, name: &str) -> Result<()> {
    if upstream.is_some_and(|upstream| upstream.facts.is_same_server(&target.facts)) {
        return Err(refused(format!("{name} is the target itself"), "name the server to replicate from"));
    }
    let own = target.facts.server_id;
    if own == 0 || own == source_id {
        return Err(refused(
            format!("the target's server_id is {own}, and that of {name} {source_id}"),
            "SET GLOBAL server_id = N on the target, a number that no other server of the topology has, and into its option file",
        ));
    }
    Ok(())
}

/// MariaDB's position for a host: its own, or, where the backup does not know the host, that of the domain.
fn position_of(origin: Option<&Origin>, origins: &[Origin]) -> Option<String> {
    origin.or(origins.last()).and_then(|origin| origin.gtid.clone())
}

/// By GTID where both sides have it, else by file and offset.
async fn start(
    backup: &Found,
    options: &RestoreOptions,
    target: &mut Target,
    (upstream, origin, origins): (Option<&Upstream>, Option<&Origin>, &[Origin]),
    name: &str,
    unasked: &str,
    resumed: bool,
) -> Result<Start> {
    let known: Vec<_> = origins.iter().map(|origin| origin.text.as_str()).collect();
    let unknown = format!("the backup has the positions of: {}", known.join("; "));
    let mariadb = target.facts.flavor == Flavor::Mariadb;
    let mode = |facts: &ServerFacts| facts.gtid_mode.clone().unwrap_or_else(|| "OFF".into());
    let theirs = upstream.map_or_else(|| mode(&backup.manifest.server), |upstream| mode(&upstream.facts));
    let own = mode(&target.facts);
    if !mariadb && [("ON", "OFF"), ("OFF", "ON")].contains(&(theirs.as_str(), own.as_str())) {
        return Err(refused(
            format!("gtid_mode is {theirs} on {name} and {own} on the target"),
            "a replica and its source need the same, or one of the steps between (OFF_PERMISSIVE, ON_PERMISSIVE)",
        ));
    }
    if mariadb && position_of(origin, origins).is_some() && (origin.is_some() || upstream.is_some()) {
        return Ok(Start::Gtid);
    }
    let set = gtid::set_of(backup).filter(|_| !mariadb && theirs.starts_with("ON") && own.starts_with("ON"));
    if let Some(set) = set {
        if origin.is_none() && upstream.is_none() {
            return Err(refused(format!("the backup does not know {name}{unasked}"), unknown));
        }
        if let Some(why) = gtid::obstacle(backup, options, target, resumed).await? {
            return Err(refused(
                format!("the target cannot replicate by GTID: {why}"),
                "with GTIDs of its own or of the source, RESET BINARY LOGS AND GTIDS (before 8.2 RESET MASTER) empties the \
                 target's history; --log-bin goes with no --replicate-from",
            ));
        }
        if let Some(upstream) = upstream {
            check_gtids(&set, upstream, origin.is_some(), name)?;
        }
        return Ok(Start::Gtid);
    }
    let Some(origin) = origin else {
        return Err(refused(format!("the backup has no position in the binary log of {name}{unasked}"), unknown));
    };
    let Some((file, offset)) = origin.file.clone() else {
        return Err(refused(
            format!("the backup does not know exactly where it stands in the binary log of {name}"),
            "back up with an account that has what the guide lists under Rights; on a replica SELECT on mysql.* too",
        ));
    };
    if let Some(logs) = upstream.and_then(|upstream| upstream.logs.as_ref()) {
        if !logs.iter().any(|(log, bytes)| *log == file && *bytes >= offset) {
            return Err(refused(
                format!("{name} does not have {file}:{offset} any more"),
                "restore a newer backup; keep binary logs longer than backups are apart (binlog_expire_logs_seconds)",
            ));
        }
    }
    Ok(Start::File { file, offset })
}

/// Whether the source still has, and ever had, what a replica with this set needs.
fn check_gtids(set: &GtidSet, upstream: &Upstream, known: bool, name: &str) -> Result<()> {
    let parse = |text: &str| {
        text.parse::<GtidSet>().map_err(|error| refused(format!("the GTID set of {name} cannot be read: {error}"), ""))
    };
    let (executed, purged) = (parse(&upstream.gtid_executed)?, parse(&upstream.gtid_purged)?);
    let gone = purged.subtract(set);
    if !gone.is_empty() {
        return Err(refused(
            format!("{name} has purged binary logs that are needed: {gone}"),
            "restore a newer backup, or replicate from a server that still has them; keep binary logs longer than backups are \
             apart (binlog_expire_logs_seconds)",
        ));
    }
    // A known host may lack what a replica of it wrote by itself, but not its own transactions.
    let theirs = match (&upstream.facts.server_uuid, known) {
        (Some(uuid), true) => set.of_server(uuid),
        _ => set.clone(),
    };
    let missing = theirs.subtract(&executed);
    if !missing.is_empty() {
        return Err(refused(
            format!("{name} has not executed what the backup holds: {missing}"),
            "it was set back or is another server; name the server that was backed up, or its source",
        ));
    }
    Ok(())
}

/// Points the target at its source. Nothing moves yet; may be done again. Tells why it did not go, if it did not.
pub(super) async fn configure(plan: &Plan, target: &mut Target, gtid: &GtidOutcome, proved: bool) -> Option<Attached> {
    if !proved {
        return Some(plan.failed("the rows were not all proved".into()));
    }
    if let (Start::Gtid, GtidOutcome::NotSet { why, .. }, None) = (&plan.start, gtid, &plan.slave_pos) {
        return Some(plan.failed(format!("gtid_purged was not set: {why}")));
    }
    if let Some(position) = &plan.slave_pos {
        let set = format!("SET GLOBAL gtid_slave_pos={}", literal(position));
        if let Err(error) = target.session.execute(set).await {
            return Some(plan.failed(error.to_string()));
        }
    }
    match replication::change(&mut target.session, plan.words, &plan.link, &plan.start, plan.channel()).await {
        Ok(()) => None,
        Err(error) => Some(plan.failed(error.to_string())),
    }
}

/// Errors of the receiver that do not mend themselves: the login, its right, what the source does not have.
const LASTING: [u64; 7] = [1045, 1044, 1227, 1236, 2061, 13114, 13117];

/// Starts the threads and waits until both run and have caught up with the first transactions, or what is wrong shows.
pub(super) async fn start_threads(plan: &Plan, target: &mut Target, stop: &Stop) -> Attached {
    match run_threads(plan, target, stop).await {
        Ok(attached) => attached,
        Err(error) => plan.failed(error.to_string()),
    }
}

async fn run_threads(plan: &Plan, target: &mut Target, stop: &Stop) -> Result<Attached, ServerError> {
    target.session.execute(plan.words.start(plan.channel())).await?;
    let (begun, mut ran_since) = (Instant::now(), None);
    loop {
        let channels = replication::channels(&mut target.session, plan.words).await?;
        let status = channels.into_iter().find(|status| status.channel == plan.channel()).unwrap_or_default();
        if let Some(why) = failure(&status) {
            return Ok(plan.failed(why));
        }
        if status.runs() {
            // A position that is not the right one shows with the first transactions.
            let since = ran_since.get_or_insert_with(Instant::now);
            let caught_up = status.seconds_behind == Some(0) && since.elapsed() >= limits::REPLICATION_STEADY;
            if caught_up || since.elapsed() >= limits::REPLICATION_LOOK {
                return Ok(plan.attached(true, status.seconds_behind, None));
            }
        } else {
            ran_since = None;
        }
        if stop.stopped() {
            return Ok(plan.failed("it was started and not waited for".into()));
        }
        if begun.elapsed() >= limits::REPLICATION_WAIT {
            let last =
                status.error().map_or_else(|| "no error".into(), |(number, text)| format!("error {number}: {text}"));
            let (receiver, applier) = (&status.receiver, &status.applier);
            return Ok(plan.failed(format!(
                "receiver {receiver}, applier {applier} after {} s; {last}; it goes on trying by itself",
                limits::REPLICATION_WAIT.as_secs()
            )));
        }
        tokio::time::sleep(limits::STOP_PAUSE).await;
    }
}

/// An error that will not go away by waiting.
fn failure(status: &Status) -> Option<String> {
    if let Some((number, text)) = &status.applier_error {
        return Some(format!("the applier stopped with error {number}: {text}"));
    }
    let (number, text) = status.receiver_error.as_ref()?;
    // A missing right comes within another error's text: 13120, on MariaDB 1597.
    let lasting = status.receiver == "No" || LASTING.contains(number) || text.contains("Access denied");
    lasting.then(|| format!("the receiver has error {number}: {text}"))
}

impl Continuation {
    /// Lines of the summary, where nothing is attached, or this channel is not.
    pub(super) fn lines(&self, attached: Option<&Attached>) -> Vec<String> {
        let heading = match attached {
            Some(Attached { started: true, channel: None, .. }) => return Vec::new(),
            Some(attached) if attached.started && (self.channel.is_none() || self.channel == attached.channel) => {
                return Vec::new();
            }
            Some(Attached { started: true, .. }) => format!("  not attached: {}; to attach it too:", self.source),
            _ => format!("  to go on from here as a replica of {}:", self.source),
        };
        let mut lines = vec![heading];
        let part = |how: &str, statements: &[String]| match statements {
            [] => Vec::new(),
            statements => {
                let heading = format!("    {how}:");
                std::iter::once(heading).chain(statements.iter().map(|sql| format!("      {sql};"))).collect::<Vec<_>>()
            }
        };
        lines.extend(part("by GTID", &self.by_gtid));
        lines.extend(part("by file and offset", &self.by_file));
        lines
    }
}

impl Attached {
    /// The line of the summary.
    pub(super) fn line(&self) -> String {
        let Attached { source, channel, by, seconds_behind, .. } = self;
        let on = channel.as_deref().map(|channel| format!(" on {}", on_channel(channel))).unwrap_or_default();
        match (&self.why, seconds_behind) {
            (Some(why), _) => format!("  REPLICATION DID NOT START: from {source} by {by}{on}: {why}"),
            (None, Some(seconds)) => format!("  replication: runs, from {source} by {by}{on}, {seconds} s behind"),
            (None, None) => format!("  replication: runs, from {source} by {by}{on}"),
        }
    }
}
