//! Archived binary logs: segments, each an object of raw bytes and an index document that makes it count (docs/format.md
//! section 14). Reading, listing and storing them; what they add up to stands in [`chain`].

pub mod chain;

use super::document;
use super::error::ManifestError;
use super::repository::Repository;
use crate::codec::binlog::Checksum;
use crate::limits::{REQUESTS_AT_ONCE, SEGMENT_INDEX_BYTES_MAX};
use crate::position::GtidSet;
use crate::server::facts::Flavor;
use crate::store::PutMode;
use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Version of index documents.
pub const SEGMENT_FORMAT: u32 = 1;
const FOLDER: &str = "binlogs";

/// The index document of a segment: a part of one binary log file, cut between transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Version of this document.
    pub format: u32,
    /// Source name.
    pub name: String,
    /// Number in the archive, from 1, without gaps.
    pub number: u64,
    /// What wrote it.
    pub program: String,
    /// When, by the client's clock.
    pub stored: Timestamp,
    /// The family of the server.
    pub flavor: Flavor,
    /// What names the server: its `server_uuid`, and on MariaDB host, port and server id.
    pub server: String,
    /// The server's version.
    pub version: String,
    /// File name on the server.
    pub file: String,
    /// Offset of the first byte; 0 where the file begins with it.
    pub start: u64,
    /// Offset behind the last byte.
    pub end: u64,
    /// The file ends here.
    pub file_ends: bool,
    /// How it joins the segment before.
    pub follows: Follows,
    /// How its first event is checked.
    pub checksum: Checksum,
    /// What was executed on that server before: a GTID set, on MariaDB the last GTID of each domain; empty without GTIDs.
    pub previous: String,
    /// The GTID set of the transactions inside; empty without GTIDs and on MariaDB.
    pub gtids: String,
    /// As `previous`: what the archive has accounted for with this segment's end, over all servers.
    pub covered: String,
    /// Transactions that the server has executed and none of its binary logs holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unlogged: String,
    /// Transactions of the archive that this server did not have when it was joined.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub absent: String,
    /// Transactions.
    pub transactions: u64,
    /// Events.
    pub events: u64,
    /// The earliest time of a commit, microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_commit_us: Option<u64>,
    /// The latest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_commit_us: Option<u64>,
    /// The last event, by which the file is known again.
    pub last_event: LastEvent,
    /// SHA-256 of the raw bytes.
    pub sha256: String,
    /// SHA-256 of the stored bytes, which is in the object's name.
    pub object: String,
    /// Stored bytes.
    pub object_bytes: u64,
}

/// How a segment joins the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Follows {
    /// It is the first.
    First,
    /// The same file goes on.
    SameFile,
    /// The server sent this file behind the last one.
    NextFile,
    /// Another server, or other files of the same one: nothing between is missing by the GTID sets. Transactions may stand
    /// in both.
    Gtid,
    /// Something between was not to be had.
    Gap {
        /// GTIDs; empty where they are not known.
        missing: String,
        /// Where the segment before ended, as file and offset.
        after: String,
        /// The server's history is another one from here on: its logs were reset, or it is a server of other data. Its
        /// GTIDs say nothing of those before, and may be the same numbers.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        anew: bool,
    },
}

/// An event that is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEvent {
    /// Its offset.
    pub start: u64,
    /// [`crate::codec::binlog::fingerprint`] of it.
    pub crc32: u32,
}

impl Segment {
    /// Object name of the raw bytes.
    pub fn object_name(&self) -> String {
        format!("{FOLDER}/{}/segments/{:010}-{}.zst", self.name, self.number, self.object)
    }

    /// Object name of this document.
    pub fn index_name(&self) -> String {
        index_name(&self.name, self.number)
    }

    /// Raw bytes.
    pub fn bytes(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Nothing before it is of the same history.
    pub fn begins_anew(&self) -> bool {
        matches!(self.follows, Follows::Gap { anew: true, .. })
    }

    /// What its server had executed at its end, as its binary log says; empty without GTID sets.
    pub fn executed_set(&self) -> GtidSet {
        if self.has_gtid_sets() { set(&self.previous).union(&set(&self.gtids)) } else { GtidSet::default() }
    }

    /// Its transactions have no GTIDs, on a server that can have them.
    pub fn is_anonymous(&self) -> bool {
        self.has_gtid_sets() && self.transactions > 0 && self.gtids.is_empty()
    }

    /// The file and offset at which it ends, for people.
    pub fn end_place(&self) -> String {
        format!("{}:{}", self.file, self.end)
    }

    /// True where its sets are GTID sets.
    pub fn has_gtid_sets(&self) -> bool {
        self.flavor != Flavor::Mariadb
    }

    /// What the archive has accounted for with its end; empty without GTID sets.
    pub fn covered_set(&self) -> GtidSet {
        set(if self.has_gtid_sets() { &self.covered } else { "" })
    }

    /// What is not as a segment has it.
    fn check(&self, name: &str, number: u64) -> Result<(), String> {
        let hex =
            |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if self.name != name || self.number != number {
            return Err(format!("it is the index of segment {} of {}", self.number, self.name));
        }
        if self.start >= self.end || self.last_event.start < self.start || self.last_event.start >= self.end {
            return Err(format!("it begins at {} and ends at {}", self.start, self.end));
        }
        if !hex(&self.object) || !hex(&self.sha256) {
            return Err("a hash in it is none".into());
        }
        if self.file.is_empty() || self.file.chars().any(char::is_control) {
            return Err("its file has no name".into());
        }
        if self.has_gtid_sets() {
            let missing = if let Follows::Gap { missing, .. } = &self.follows { missing } else { "" };
            for text in [&self.previous, &self.gtids, &self.covered, &self.unlogged, &self.absent, missing] {
                text.parse::<GtidSet>().map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

/// A GTID set of a document that was checked.
pub(crate) fn set(text: &str) -> GtidSet {
    text.parse().unwrap_or_default()
}

fn index_name(name: &str, number: u64) -> String {
    format!("{FOLDER}/{name}/index/{number:010}.json")
}

/// What stands below `binlogs/<name>/`.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Numbers of index documents.
    pub numbers: BTreeSet<u64>,
    /// Objects by name, with their bytes.
    pub objects: BTreeMap<String, u64>,
    /// Marks of prunes: the number of the first segment that one left.
    pub pruned: BTreeSet<u64>,
}

impl Listing {
    /// Objects of segments that have no index document: a run was killed between the two, or a prune was; or a document
    /// was lost.
    pub fn orphans(&self) -> Vec<String> {
        let orphan = |name: &&String| number_of(name).is_none_or(|number| !self.numbers.contains(&number));
        self.objects.keys().filter(orphan).cloned().collect()
    }

    /// How many of those a killed run or prune has left: they stand before the first segment, or are the next one.
    pub fn leftovers(&self) -> u64 {
        let lost = self.lost();
        let left =
            |name: &&String| number_of(name).is_none_or(|number| !lost.iter().any(|lost| lost.contains(&number)));
        self.orphans().iter().filter(left).count() as u64
    }

    /// True where it is known of something behind this segment.
    pub fn may_go_on_behind(&self, number: u64) -> bool {
        self.numbers.last().is_some_and(|last| *last > number) || self.lost().iter().any(|lost| *lost.end() > number)
    }

    /// Numbers whose index documents are missing, in ranges: numbers have no gap, the first is 1 or the one that a prune
    /// marked, and the object of a segment comes after the document of the one before.
    fn lost(&self) -> Vec<RangeInclusive<u64>> {
        let first = self.pruned.last().copied().unwrap_or(1);
        let mut lost = Vec::new();
        let mut expected = self.numbers.first().copied().unwrap_or(first).min(first);
        for number in &self.numbers {
            if *number > expected {
                lost.push(expected..=number - 1);
            }
            expected = number + 1;
        }
        let begun = self.objects.keys().filter_map(|name| number_of(name)).max().unwrap_or(0);
        if begun > expected {
            lost.push(expected..=begun - 1);
        }
        lost
    }
}

fn number_of(object: &str) -> Option<u64> {
    object.rsplit('/').next()?.split('-').next()?.parse().ok()
}

/// A line for index documents that are missing.
fn lost_line(name: &str, lost: &RangeInclusive<u64>) -> String {
    match lost.start() == lost.end() {
        true => format!("the index document of segment {} of {name} is missing or cannot be read", lost.start()),
        false => format!(
            "the index documents of segments {} to {} of {name} are missing or cannot be read",
            lost.start(),
            lost.end()
        ),
    }
}

/// Index documents that must have been there and are missing, one line for each row of them.
async fn lost(repository: &Repository, name: &str, listing: &Listing) -> Result<Vec<String>, ManifestError> {
    let mut lines = Vec::new();
    for lost in listing.lost() {
        match repository.store.head(&index_name(name, *lost.start())).await {
            // Stored since the listing: an archive is growing.
            Ok(_) => {}
            Err(crate::store::StoreError::Missing { .. }) => lines.push(lost_line(name, &lost)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(lines)
}

/// What makes an archive less than whole, one line each: documents that are missing or cannot be read, and neighbours that
/// do not join.
pub async fn broken(
    repository: &Repository,
    name: &str,
    listing: &Listing,
    segments: &[Segment],
    unreadable: Vec<String>,
) -> Result<Vec<String>, ManifestError> {
    let whole = unreadable.is_empty();
    let mut lines = unreadable;
    lines.extend(lost(repository, name, listing).await?);
    // A document that cannot be read breaks the chain too; that is told once.
    if whole {
        let breaks = chain::breaks(segments).into_iter().filter(|line| !lines.contains(line)).collect::<Vec<_>>();
        lines.extend(breaks);
    }
    Ok(lines)
}

/// Lists the archives of a repository by source name; reads no document.
pub async fn list(repository: &Repository) -> Result<BTreeMap<String, Listing>, ManifestError> {
    let mut archives: BTreeMap<String, Listing> = BTreeMap::new();
    for object in repository.store.list(FOLDER).await? {
        let segments: Vec<&str> = object.name.split('/').collect();
        match segments[..] {
            [_, name, "index", document] => {
                let number = document.strip_suffix(".json").and_then(|number| number.parse().ok());
                let Some(number) = number.filter(|number| object.name == index_name(name, *number)) else { continue };
                archives.entry(name.to_owned()).or_default().numbers.insert(number);
            }
            [_, name, "pruned", mark] => {
                let number = mark.strip_suffix(".json").and_then(|number| number.parse::<u64>().ok());
                archives.entry(name.to_owned()).or_default().pruned.extend(number);
            }
            [_, name, "segments", _] => {
                archives.entry(name.to_owned()).or_default().objects.insert(object.name.clone(), object.bytes);
            }
            _ => {}
        }
    }
    Ok(archives)
}

/// Reads one index document, checked.
pub async fn read(repository: &Repository, name: &str, number: u64) -> Result<Segment, ManifestError> {
    let object = index_name(name, number);
    let bytes = repository.store.get_bounded(&object, SEGMENT_INDEX_BYTES_MAX).await?;
    let damaged = |why| ManifestError::Damaged { name: object.clone(), place: repository.place(), why };
    let (value, _) = document::open(&bytes).map_err(damaged)?;
    if value.get("format").and_then(serde_json::Value::as_u64) != Some(u64::from(SEGMENT_FORMAT)) {
        let why = format!("its format is not {SEGMENT_FORMAT}");
        return Err(ManifestError::Foreign { name: object, place: repository.place(), why });
    }
    let segment: Segment = document::decode(value).map_err(damaged)?;
    segment.check(name, number).map_err(damaged)?;
    Ok(segment)
}

/// The last segment of an archive; none where there is no archive.
pub async fn last(repository: &Repository, name: &str) -> Result<Option<Segment>, ManifestError> {
    let archives = list(repository).await?;
    match archives.get(name).and_then(|listing| listing.numbers.last()) {
        Some(number) => read(repository, name, *number).await.map(Some),
        None => Ok(None),
    }
}

/// Reads all index documents of an archive, in order, and what is wrong with those that cannot be read.
pub async fn read_all(
    repository: &Repository,
    name: &str,
    listing: &Listing,
) -> Result<(Vec<Segment>, Vec<String>), ManifestError> {
    let mut reading = futures::stream::iter(listing.numbers.iter().copied())
        .map(|number| read(repository, name, number))
        .buffered(REQUESTS_AT_ONCE);
    let (mut segments, mut unreadable) = (Vec::new(), Vec::new());
    while let Some(segment) = reading.next().await {
        match segment {
            Ok(segment) => segments.push(segment),
            // Removed since the listing.
            Err(ManifestError::Store(crate::store::StoreError::Missing { .. })) => {}
            Err(ManifestError::Store(error)) => return Err(error.into()),
            Err(error) => unreadable.push(error.to_string()),
        }
    }
    Ok((segments, unreadable))
}

/// Stores a segment: its bytes, and when they are durable its index document, exclusively. Of two runs that store the same
/// number one fails and has changed nothing.
pub async fn store(repository: &Repository, segment: &Segment, frames: Vec<Bytes>) -> Result<(), ManifestError> {
    repository.store.put(&segment.object_name(), frames, PutMode::Overwrite).await?;
    let (bytes, _) = document::seal(segment);
    Ok(repository.store.put(&segment.index_name(), vec![bytes.into()], PutMode::Create).await?)
}

/// Marks that all segments before this number are removed on purpose, before the first of them is.
pub async fn mark_pruned(
    repository: &Repository,
    name: &str,
    listing: &Listing,
    first: u64,
) -> Result<(), ManifestError> {
    let mark = |number: u64| format!("{FOLDER}/{name}/pruned/{number:010}.json");
    let (bytes, _) = document::seal(&serde_json::json!({ "format": SEGMENT_FORMAT, "name": name, "first": first }));
    repository.store.put(&mark(first), vec![bytes.into()], PutMode::Overwrite).await?;
    for older in listing.pruned.iter().filter(|older| **older < first) {
        repository.store.delete(&mark(*older)).await?;
    }
    Ok(())
}
