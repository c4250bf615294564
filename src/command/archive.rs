//! `myriad archive`: the binary logs of a server into the repository, as the server sends them to a replica, or from files.
//! A run goes on exactly where the archive ends; whatever ends it, what is stored is whole.

mod cutter;
mod error;
mod files;
mod report;
mod source;
mod taker;

pub use error::ArchiveError;
pub use report::ArchiveReport;

use crate::error::{Error, Exit, Result};
use crate::limits::{BINLOG_RECONNECT_PAUSE, BINLOG_RECONNECT_PAUSE_MAX, STOP_PAUSE};
use crate::manifest::lock::{Lock, Work};
use crate::manifest::repository::check_name;
use crate::manifest::{ManifestError, Repository, binlogs};
use crate::progress::{Progress, Stop};
use crate::server::facts::{self, ServerFacts};
use crate::server::{ConnectOptions, Session};
use crate::store::{self, Store};
use report::Sink;
use sha2::{Digest, Sha256};
use source::{Ended, Reading};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use taker::Subject;

/// `myriad archive`.
#[derive(Clone, Debug)]
pub struct ArchiveOptions {
    /// Where the logs come from.
    pub origin: Origin,
    /// `--repo`.
    pub repo: String,
    /// `--name`.
    pub name: Option<String>,
    /// `--once`: end where the server's log ends now.
    pub once: bool,
    /// `--segment-size`: raw bytes.
    pub segment_bytes: u64,
    /// `--segment-time`.
    pub segment_time: Duration,
    /// `--start`: where to begin where there is no archive yet.
    pub start: Start,
    /// `--accept-gap`: go on where something is missing, and record it.
    pub accept_gap: bool,
    /// `--server-id`; none for one that repository and name make.
    pub server_id: Option<u32>,
}

/// Where binary logs come from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// `--source`: a server sends them.
    Server(ConnectOptions),
    /// `--from-files`.
    Files {
        /// Closed files, and folders of them.
        places: Vec<PathBuf>,
        /// `--server-uuid`: which server wrote them.
        server_uuid: Option<String>,
        /// `--unclosed`: also the file that a dead server has not closed.
        unclosed: bool,
    },
}

/// Where an archive begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the file in which the newest backup stands, where the server has it; else with the oldest file.
    #[default]
    Backup,
    /// With the oldest file.
    First,
}

/// Archives.
pub async fn run(options: &ArchiveOptions, progress: Arc<dyn Progress>, stop: Stop) -> Result<ArchiveReport> {
    if let Origin::Server(source) = &options.origin {
        // Nothing is made where the source cannot be reached.
        source_facts(source).await?;
    }
    if would_be_new(&options.repo).await {
        probe(options).await?;
    }
    run_into(store::open(&options.repo, true).await?, options, progress, stop).await
}

/// True where no repository is there yet, as far as can be seen.
async fn would_be_new(place: &str) -> bool {
    match store::open(place, false).await {
        Ok(store) => Repository::open(store).await.is_err(),
        Err(_) => true,
    }
}

/// Looks whether something can be read, before a repository is made for it.
async fn probe(options: &ArchiveOptions) -> Result<()> {
    if matches!(options.origin, Origin::Files { .. }) && options.name.is_none() {
        return Err(unnamed(&options.repo));
    }
    let origin = options.origin.clone();
    let probing = tokio::task::spawn_blocking(move || match &origin {
        Origin::Server(source) => source::probe(source),
        Origin::Files { places, unclosed, .. } => files::probe(places, *unclosed),
    });
    probing.await.expect("a look does not panic")
}

/// Archives into a store.
pub async fn run_into(
    store: Arc<dyn Store>,
    options: &ArchiveOptions,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<ArchiveReport> {
    let begun = Instant::now();
    let facts = match &options.origin {
        Origin::Server(source) => Some(source_facts(source).await?),
        Origin::Files { .. } => None,
    };
    let repository = Repository::open_or_create(store).await?;
    let name = source_name(&repository, options.name.as_deref(), facts.as_ref()).await?;
    let lock = Lock::take(&repository, Work::Archive { name: name.clone() }).await?;
    let done = match binlogs::last(&repository, &name).await {
        Ok(last) => {
            let place = repository.place();
            let report = ArchiveReport { repository: place, name, ..ArchiveReport::default() };
            let runtime = tokio::runtime::Handle::current();
            let sink = Sink { repository: repository.clone(), runtime, progress, stop, last, report };
            match (&options.origin, facts) {
                (Origin::Server(source), Some(facts)) => from_server(options, source, facts, sink).await,
                _ => from_files(options, sink).await,
            }
        }
        Err(ManifestError::Damaged { name: document, why, .. }) => {
            Err(ArchiveError::EndDamaged { name, why: format!("{document}: {why}"), document }.into())
        }
        Err(error) => Err(error.into()),
    };
    lock.release().await;
    let mut sink = done?;
    if let Some(last) = &sink.last {
        sink.report.ends = Some(last.end_place());
        sink.report.gtids.clone_from(&last.covered);
    }
    sink.report.seconds = begun.elapsed().as_secs_f64();
    Ok(sink.report)
}

/// Who the source is; it must write a binary log.
async fn source_facts(source: &ConnectOptions) -> Result<ServerFacts> {
    let mut session = Session::connect(source).await?;
    let facts = facts::read(&mut session).await?;
    session.close().await;
    if !facts.log_bin {
        return Err(ArchiveError::NoBinaryLog { server: source.describe() }.into());
    }
    Ok(facts)
}

/// The name that was given, or that of the only archive or of one that ends with this server, or that under which this
/// server is backed up.
async fn source_name(repository: &Repository, given: Option<&str>, facts: Option<&ServerFacts>) -> Result<String> {
    if let Some(name) = given {
        check_name(name)?;
        return Ok(name.to_owned());
    }
    let archives: Vec<String> = binlogs::list(repository).await?.into_keys().collect();
    if let [only] = &archives[..] {
        return Ok(only.clone());
    }
    let Some(facts) = facts else {
        return Err(unnamed(&repository.place()));
    };
    for name in archives {
        if binlogs::last(repository, &name).await?.is_some_and(|last| last.server == facts.identity()) {
            return Ok(name);
        }
    }
    super::backup::source_name(repository, None, facts).await
}

fn unnamed(place: &str) -> Error {
    let message = format!("nothing says of which source in {place} the files are");
    Error::new(Exit::Usage, message).hint("say it with --name")
}

/// Connects as often as it takes.
async fn from_server(
    options: &ArchiveOptions,
    source: &ConnectOptions,
    mut facts: ServerFacts,
    mut sink: Sink,
) -> Result<Sink> {
    let place = source.describe();
    let (server_id, reader_uuid) = identity(&sink.repository, &sink.report.name);
    let server_id = options.server_id.unwrap_or(server_id);
    sink.report.source.clone_from(&place);
    sink.report.server_id = server_id;
    note_encryption(source, &mut sink).await?;
    let backup = match sink.last {
        Some(_) => None,
        None => sink.repository.newest_first(&sink.report.name).await?.into_iter().next().map(|found| found.manifest),
    };
    sink.progress.note(&format!("reading the binary log of {place} as server id {server_id}"));
    sink.progress.phase("binary log", 0, 0);
    let mut pause = BINLOG_RECONNECT_PAUSE;
    loop {
        sink.report.server = facts.identity();
        let subject = Subject {
            name: sink.report.name.clone(),
            place: place.clone(),
            flavor: facts.flavor,
            server: facts.identity(),
            version: facts.version.clone(),
            segment_bytes: options.segment_bytes,
            segment_time: options.segment_time,
        };
        let (options_here, source_here) = (options.clone(), source.clone());
        let (facts_here, backup_here) = (facts.clone(), backup.clone());
        let (reader_uuid, stored) = (reader_uuid.clone(), sink.report.segments);
        let reading = tokio::task::spawn_blocking(move || {
            let (options, source, facts) = (&options_here, &source_here, &facts_here);
            let (last, backup) = (sink.last.clone(), backup_here);
            let reading = Reading { options, source, facts, subject, server_id, reader_uuid, last, backup };
            let ended = reading.run(&mut sink);
            (sink, ended)
        });
        let ended;
        (sink, ended) = reading.await.expect("reading a stream does not panic");
        match ended {
            Ok(Ended::AtEnd) => return Ok(sink),
            Ok(Ended::Stopped) => return Ok(stopped(sink)),
            // The server ends a stream with 1053 or the connection with the process.
            Err(error) if !options.once && error.exit() == Exit::ServerLost => {
                if sink.report.segments > stored {
                    pause = BINLOG_RECONNECT_PAUSE;
                }
                match reconnect(source, &mut sink, error, &mut pause).await? {
                    Some(found) => facts = found,
                    None => return Ok(stopped(sink)),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn stopped(mut sink: Sink) -> Sink {
    sink.report.stopped = true;
    sink
}

/// Waits and asks again who the server is, until it answers; none where a stop was asked for.
async fn reconnect(
    source: &ConnectOptions,
    sink: &mut Sink,
    mut error: Error,
    pause: &mut Duration,
) -> Result<Option<ServerFacts>> {
    sink.report.reconnects += 1;
    loop {
        sink.progress.note(&format!("{error}; trying again in {:.1} s", pause.as_secs_f64()));
        let until = Instant::now() + *pause;
        while Instant::now() < until {
            if sink.stopped() {
                return Ok(None);
            }
            tokio::time::sleep(STOP_PAUSE).await;
        }
        *pause = (*pause * 2).min(BINLOG_RECONNECT_PAUSE_MAX);
        match source_facts(source).await {
            Ok(facts) => return Ok(Some(facts)),
            Err(again) if matches!(again.exit(), Exit::Unreachable | Exit::ServerLost) => error = again,
            Err(other) => return Err(other),
        }
    }
}

/// Names this reader to servers: the same for every run on the same archive, so that a server ends what a dead run left.
fn identity(repository: &Repository, name: &str) -> (u32, String) {
    let hash: [u8; 32] = Sha256::digest(format!("{}/{name}", repository.marker.id)).into();
    let id = u32::from_le_bytes([hash[16], hash[17], hash[18], hash[19]]);
    let uuid = source::uuid_text(hash.first_chunk().expect("a hash has 32 bytes"));
    // Above what people and tools give to servers.
    (3_000_000_000 + id % 1_000_000_000, uuid)
}

/// A server that encrypts its logs sends them decrypted.
async fn note_encryption(source: &ConnectOptions, sink: &mut Sink) -> Result<()> {
    let mut session = Session::connect(source).await?;
    let variables = facts::global_variables(&mut session, &["binlog_encryption", "encrypt_binlog"]).await?;
    session.close().await;
    if variables.values().any(|value| matches!(value.as_str(), "ON" | "1")) {
        sink.note(format!(
            "{} encrypts its binary logs and sends them decrypted: {} holds them in clear",
            source.describe(),
            sink.repository.place()
        ));
    }
    Ok(())
}

async fn from_files(options: &ArchiveOptions, mut sink: Sink) -> Result<Sink> {
    let options = options.clone();
    sink.progress.phase("binary log", 0, 0);
    let reading = tokio::task::spawn_blocking(move || {
        let read = files::run(&options, &mut sink);
        read.map(|ended| if ended == Ended::Stopped { stopped(sink) } else { sink })
    });
    reading.await.expect("reading files does not panic")
}
