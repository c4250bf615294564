//! Archived binary logs by themselves: every index document, every object's hash, every event's checksum, and that offsets
//! and GTID sets close on each other within a segment and from one to the next. Known gaps are no damage, and are named.

use super::error::VerifyError;
use crate::codec::binlog::{Body, Header, MAGIC, Scanner, fingerprint};
use crate::limits::SEGMENT_READ_BYTES;
use crate::manifest::Repository;
use crate::manifest::binlogs::chain::{self, Summary};
use crate::manifest::binlogs::{self, Listing, Segment};
use crate::position::GtidSet;
use crate::progress::{Progress, Stop};
use crate::store::StoreError;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::sync::Arc;

/// What was found of one archive.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Archive {
    /// Source name.
    pub source: String,
    /// What it holds; none where no index document can be read.
    #[serde(flatten)]
    pub summary: Option<Summary>,
    /// What is wrong, one line each.
    pub damage: Vec<String>,
    /// Objects that a killed run has left and that no index document names.
    pub orphans: u64,
}

/// Verifies the archives of a repository, or the one of a source name, `workers` segments at a time.
pub async fn verify(
    repository: &Repository,
    name: Option<&str>,
    workers: usize,
    progress: &Arc<dyn Progress>,
    stop: &Stop,
) -> Result<Vec<Archive>, VerifyError> {
    let mut archives = Vec::new();
    for (source, listing) in binlogs::list(repository).await? {
        if name.is_none_or(|name| name == source) {
            archives.push(one(repository, source, &listing, workers, progress, stop).await?);
        }
    }
    Ok(archives)
}

async fn one(
    repository: &Repository,
    source: String,
    listing: &Listing,
    workers: usize,
    progress: &Arc<dyn Progress>,
    stop: &Stop,
) -> Result<Archive, VerifyError> {
    let (segments, unreadable) = binlogs::read_all(repository, &source, listing).await?;
    let mut damage = binlogs::broken(repository, &source, listing, &segments, unreadable).await?;
    let whole = damage.is_empty();
    let each = segments.iter().cloned().map(|segment| {
        let (repository, progress, stop) = (repository.clone(), progress.clone(), stop.clone());
        tokio::spawn(async move { read(&repository, segment, progress.as_ref(), &stop).await })
    });
    let mut reading = futures::stream::iter(each).buffered(workers.max(1));
    while let Some(found) = reading.next().await {
        damage.extend(found.expect("checking a segment does not panic")?);
    }
    Ok(Archive { source, summary: chain::summary(&segments, whole), damage, orphans: listing.leftovers() })
}

/// What is wrong with one segment; none where it is sound.
async fn read(
    repository: &Repository,
    segment: Segment,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<Option<String>, VerifyError> {
    let name = segment.object_name();
    let told = |what: String| {
        let (file, start, end) = (&segment.file, segment.start, segment.end);
        Ok(Some(format!("object {name} ({file}, bytes {start} to {end}): {what}")))
    };
    let bytes = match repository.store.head(&name).await {
        Ok(object) => object.bytes,
        Err(error @ StoreError::Missing { .. }) => return told(error.to_string()),
        Err(error) => return Err(crate::manifest::ManifestError::from(error).into()),
    };
    if bytes != segment.object_bytes {
        return told(format!("it has {bytes} bytes, and its index says {}", segment.object_bytes));
    }
    let mut check = Check::new(&segment);
    let mut stored = Sha256::new();
    let mut decoder = match zstd::stream::write::Decoder::new(&mut check) {
        Ok(decoder) => decoder,
        Err(error) => return told(error.to_string()),
    };
    let mut at = 0;
    while at < bytes {
        if stop.stopped() {
            return Err(VerifyError::Interrupted);
        }
        let length = SEGMENT_READ_BYTES.min(bytes - at);
        let piece = match repository.store.get_range(&name, at, length).await {
            Ok(piece) => piece,
            Err(error) => return told(error.to_string()),
        };
        let written = tokio::task::block_in_place(|| {
            stored.update(&piece);
            decoder.write_all(&piece)
        });
        if let Err(error) = written {
            return told(format!("it is damaged: {error}"));
        }
        at += length;
        progress.add(0, length);
    }
    let flushed = decoder.flush();
    drop(decoder);
    if hex::encode(stored.finalize()) != segment.object {
        return told("it is damaged: its bytes are not those it is named for".into());
    }
    match flushed.map_err(|error| error.to_string()).and_then(|()| check.end()) {
        Ok(()) => Ok(None),
        Err(what) => told(format!("it is damaged: {what}")),
    }
}

/// Looks at raw bytes as they are unpacked.
struct Check<'a> {
    segment: &'a Segment,
    scanner: Scanner,
    hash: Sha256,
    /// The beginning of an event that is not whole yet.
    rest: Vec<u8>,
    at: u64,
    gtids: GtidSet,
    gtid: Option<(u128, String, u64)>,
    transactions: u64,
    events: u64,
    /// Where the last event began, and its fingerprint.
    last: (u64, u32),
}

impl Check<'_> {
    fn new(segment: &Segment) -> Check<'_> {
        Check {
            segment,
            scanner: Scanner::new(segment.checksum),
            hash: Sha256::new(),
            rest: Vec::new(),
            at: segment.start,
            gtids: GtidSet::default(),
            gtid: None,
            transactions: 0,
            events: 0,
            last: (0, 0),
        }
    }

    fn whole_events(&mut self) -> Result<(), String> {
        let bytes = std::mem::take(&mut self.rest);
        let mut rest = &bytes[..];
        if self.at == 0 {
            let Some((magic, behind)) = rest.split_first_chunk::<4>() else {
                self.rest = bytes;
                return Ok(());
            };
            if *magic != MAGIC {
                return Err("it does not begin as a binary log".into());
            }
            (rest, self.at) = (behind, 4);
        }
        while rest.len() >= crate::codec::binlog::HEADER_BYTES {
            let header = Header::parse(rest).ok_or_else(|| format!("there is no event at byte {}", self.at))?;
            let Some((event, behind)) = rest.split_at_checked(header.bytes as usize) else { break };
            self.event(event)?;
            rest = behind;
        }
        self.rest = rest.to_vec();
        Ok(())
    }

    fn event(&mut self, bytes: &[u8]) -> Result<(), String> {
        let at = self.at;
        let seen = self.scanner.scan(bytes).map_err(|error| format!("at byte {at}: {error}"))?;
        self.at += bytes.len() as u64;
        self.events += 1;
        self.last = (at, fingerprint(bytes));
        if seen.header.next != self.at as u32 {
            return Err(format!("the event at byte {at} says that it ends at byte {}", seen.header.next));
        }
        match seen.body {
            Body::Gtid { uuid, tag, number, .. } => self.gtid = Some((uuid, tag, number)),
            Body::PreviousGtids(previous) if previous.to_string() != self.segment.previous => {
                return Err(format!("the file follows on {previous}, and its index says {}", self.segment.previous));
            }
            _ => {}
        }
        if seen.ends_transaction {
            self.transactions += 1;
            if let Some((uuid, tag, number)) = self.gtid.take() {
                self.gtids.add(uuid, &tag, number).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    fn end(self) -> Result<(), String> {
        let segment = self.segment;
        if !self.rest.is_empty() || self.at != segment.end {
            return Err(format!("it ends at byte {}", self.at + self.rest.len() as u64));
        }
        if hex::encode(self.hash.finalize()) != segment.sha256 {
            return Err("its raw bytes are not those that were archived".into());
        }
        // What a crash left unfinished at the end of a file stands there for good.
        if !self.scanner.at_boundary() && !segment.file_ends {
            return Err("it ends within a transaction".into());
        }
        if (self.transactions, self.events) != (segment.transactions, segment.events) {
            let (transactions, events) = (self.transactions, self.events);
            return Err(format!(
                "it holds {transactions} transactions in {events} events, and its index says otherwise"
            ));
        }
        if self.last != (segment.last_event.start, segment.last_event.crc32) {
            return Err("its last event is not the one by which its index knows it again".into());
        }
        if self.gtids.to_string() != segment.gtids {
            return Err(format!("it holds the transactions {}, and its index says {}", self.gtids, segment.gtids));
        }
        Ok(())
    }
}

impl Write for Check<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.rest.extend_from_slice(bytes);
        self.whole_events().map_err(|what| io::Error::new(io::ErrorKind::InvalidData, what))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
