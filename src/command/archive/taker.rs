//! Takes the events of a stream or of files in their order and makes segments of them: each event is checked, the offsets
//! must close on each other, GTID sets are added up, and a segment is cut only where a transaction ends. Does no I/O: what
//! is ready to be stored goes out.

use super::cutter::Cutter;
use super::error::ArchiveError;
use crate::codec::binlog::{Body, Checksum, MAGIC, MariadbGtid, MariadbPosition, Scanner, Seen, fingerprint};
use crate::error::Result;
use crate::manifest::binlogs::{Follows, LastEvent, SEGMENT_FORMAT, Segment};
use crate::position::GtidSet;
use crate::server::facts::Flavor;
use bytes::Bytes;
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// Whose logs they are, and how they are cut.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// Source name.
    pub name: String,
    /// The server or folder for messages, without password.
    pub place: String,
    /// The server's family.
    pub flavor: Flavor,
    /// What names the server.
    pub server: String,
    /// Its version.
    pub version: String,
    /// Raw bytes after which a segment is closed.
    pub segment_bytes: u64,
    /// The age at which one is closed.
    pub segment_time: Duration,
}

/// Where the events begin.
#[derive(Clone, Debug)]
pub(super) struct Begin {
    /// The last segment of the archive.
    pub last: Option<Segment>,
    /// How the first new bytes join it.
    pub follows: Follows,
    /// The first events are known already, up to and with the last one of the archive.
    pub resumes: bool,
    /// Transactions of the archive that the server does not have.
    pub absent: GtidSet,
    /// What the server has executed and holds in no binary log: purged, brought by a restore, or lost in a crash.
    pub purged: GtidSet,
}

/// A segment that can be stored.
pub(super) type Ready = (Segment, Vec<Bytes>);

/// The state between two events.
pub(super) struct Taker {
    subject: Subject,
    scanner: Scanner,
    cutter: Cutter,
    /// The file, and the offset that the next event has; none before the first file.
    place: Option<(String, u64)>,
    /// The event at which the archive ends, until it has come again.
    resume: Option<Segment>,
    follows: Follows,
    absent: GtidSet,
    unlogged: GtidSet,
    purged: GtidSet,
    number: u64,
    ends: String,
    /// What the server has executed, and what the archive has accounted for, up to the last commit.
    executed: GtidSet,
    covered: GtidSet,
    mariadb: MariadbPosition,
    open: Option<Open>,
    pending: Pending,
}

/// The segment being filled, as far as it is committed.
struct Open {
    file: String,
    start: u64,
    end: u64,
    follows: Follows,
    checksum: Checksum,
    previous: String,
    gtids: GtidSet,
    transactions: u64,
    events: u64,
    first_commit_us: Option<u64>,
    last_commit_us: Option<u64>,
    last_event: LastEvent,
    since: Instant,
}

/// What came since the last commit.
#[derive(Default)]
struct Pending {
    gtid: Option<(u128, String, u64)>,
    mariadb: Option<MariadbGtid>,
    commit_us: Option<u64>,
    events: u64,
    last_event: Option<LastEvent>,
}

impl Taker {
    /// Begins behind the archive's end.
    pub(super) fn new(subject: Subject, begin: Begin) -> Result<Taker> {
        let Begin { last, follows, resumes, absent, purged } = begin;
        let set = |text: &str| text.parse::<GtidSet>().unwrap_or_default();
        let mariadb = subject.flavor == Flavor::Mariadb;
        let same = last.as_ref().filter(|last| last.server == subject.server);
        let gap = matches!(follows, Follows::Gap { .. });
        let executed = same.filter(|_| !gap).map(Segment::executed_set).unwrap_or_default();
        // What comes now accounts for nothing of another history.
        let before = last.as_ref().filter(|_| !matches!(follows, Follows::Gap { anew: true, .. }));
        let covered = before.map(|last| set(if last.has_gtid_sets() { &last.covered } else { &last.gtids }));
        let position = before.filter(|_| mariadb).and_then(|last| MariadbPosition::parse(&last.covered));
        Ok(Taker {
            scanner: Scanner::new(Checksum::Crc32),
            cutter: Cutter::new()?,
            place: None,
            number: last.as_ref().map_or(1, |last| last.number + 1),
            ends: last.as_ref().map_or_else(|| "its beginning".into(), Segment::end_place),
            executed,
            covered: covered.unwrap_or_default(),
            mariadb: position.unwrap_or_default(),
            resume: last.filter(|_| resumes),
            follows,
            absent,
            unlogged: GtidSet::default(),
            purged,
            open: None,
            pending: Pending::default(),
            subject,
        })
    }

    /// A file begins or goes on, with the next event at `offset`. Gives what the one before still held.
    pub(super) fn enter(&mut self, file: &str, offset: u64) -> Result<Option<Ready>> {
        if self.place.as_ref().is_some_and(|(current, at)| current == file && *at == offset) {
            return Ok(None);
        }
        let mut ready = None;
        if let Some((current, at)) = self.place.take() {
            if current == file {
                return Err(self
                    .not_the_same(format!("{file} is sent anew from byte {offset}, after byte {at}"))
                    .into());
            }
            if self.resume.is_some() {
                return Err(self.not_the_same(format!("{current} ends at byte {at}")).into());
            }
            // What a crash left unfinished at the end of a file stands there for good.
            self.commit(false);
            ready = self.finish(true)?;
            if self.follows == Follows::SameFile {
                self.follows = Follows::NextFile;
            }
        }
        self.scanner.reset();
        self.place = Some((file.to_owned(), offset));
        if offset == 4 && self.resume.is_none() {
            self.add(0, &MAGIC)?;
        }
        Ok(ready)
    }

    /// Takes the next event; gives a segment that is full or whose file has ended.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Option<Ready>> {
        let (file, at) = self.place.clone().unwrap_or_default();
        let server = self.subject.place.clone();
        let seen = match self.scanner.scan(bytes) {
            Ok(seen) => seen,
            Err(source) => return Err(ArchiveError::Damaged { server, file, at, source }.into()),
        };
        if !seen.in_file {
            return match &seen.body {
                Body::Rotate { file, offset } => self.enter(file, *offset),
                _ => self.tick(),
            };
        }
        let end = at + bytes.len() as u64;
        if seen.header.next != end as u32 {
            return Err(ArchiveError::Hole { server, file, at, found: seen.header.next.into() }.into());
        }
        self.place = Some((file, end));
        if self.known_already(at, end, bytes)? {
            return Ok(None);
        }
        self.add(at, bytes)?;
        self.pending.events += 1;
        self.pending.last_event = Some(LastEvent { start: at, crc32: fingerprint(bytes) });
        self.look(&seen)?;
        // What was executed before a file stands in the event behind its first, and is kept together with it.
        if self.scanner.at_boundary() && !matches!(seen.body, Body::FormatDescription { .. }) {
            self.commit(seen.ends_transaction);
        }
        match seen.body {
            Body::Rotate { .. } | Body::Stop => self.finish(true),
            _ => self.cut_if_full(),
        }
    }

    /// Time has passed: gives a segment that has become old.
    pub(super) fn tick(&mut self) -> Result<Option<Ready>> {
        self.cut_if_full()
    }

    /// The end, for now: gives what is committed.
    pub(super) fn end(&mut self) -> Result<Option<Ready>> {
        self.finish(false)
    }

    /// The current file ends here, whatever its last event was.
    pub(super) fn end_file(&mut self) -> Result<Option<Ready>> {
        self.commit(false);
        self.finish(true)
    }

    /// The file whose events come now.
    pub(super) fn file(&self) -> Option<&str> {
        self.place.as_ref().map(|(file, _)| file.as_str())
    }

    /// The event at which the archive ends has not come yet.
    pub(super) fn resumes(&self) -> bool {
        self.resume.is_some()
    }

    /// The events have ended before it.
    pub(super) fn ended_before(&self) -> ArchiveError {
        let (file, at) = self.place.clone().unwrap_or_default();
        self.not_the_same(format!("{file} ends at byte {at}"))
    }

    /// True for events before the archive's end. The last of them must be the one that was archived.
    fn known_already(&mut self, at: u64, end: u64, bytes: &[u8]) -> Result<bool> {
        let Some(last) = &self.resume else { return Ok(false) };
        if at < last.last_event.start {
            return Ok(true);
        }
        let same = at == last.last_event.start && end == last.end && fingerprint(bytes) == last.last_event.crc32;
        if !same {
            let why = format!("the event of {} at byte {at} is not the one that was archived", last.file);
            return Err(self.not_the_same(why).into());
        }
        self.resume = None;
        Ok(true)
    }

    /// The events are not those that were archived.
    pub(super) fn not_the_same(&self, why: String) -> ArchiveError {
        let (name, server) = (self.subject.name.clone(), self.subject.place.clone());
        ArchiveError::NotTheSame { name, ends: self.ends.clone(), server, why }
    }

    fn add(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        if self.open.is_none() {
            let (file, _) = self.place.clone().unwrap_or_default();
            self.open = Some(Open {
                file,
                start: at,
                end: at,
                follows: std::mem::replace(&mut self.follows, Follows::SameFile),
                checksum: self.scanner.checksum(),
                previous: self.state(&self.executed),
                gtids: GtidSet::default(),
                transactions: 0,
                events: 0,
                first_commit_us: None,
                last_commit_us: None,
                last_event: LastEvent { start: at, crc32: 0 },
                since: Instant::now(),
            });
        }
        Ok(self.cutter.add(bytes)?)
    }

    /// The text of a state.
    fn state(&self, set: &GtidSet) -> String {
        match self.subject.flavor {
            Flavor::Mariadb => self.mariadb.to_string(),
            _ => set.to_string(),
        }
    }

    /// Notes what an event says of transactions.
    fn look(&mut self, seen: &Seen) -> Result<()> {
        match &seen.body {
            Body::PreviousGtids(previous) => self.join(previous.clone())?,
            Body::Gtid { uuid, tag, number, commit_us } => {
                self.pending.gtid = Some((*uuid, tag.clone(), *number));
                self.pending.commit_us = *commit_us;
            }
            Body::Anonymous { commit_us } => self.pending.commit_us = *commit_us,
            Body::MariadbGtid { gtid, .. } => self.pending.mariadb = Some(*gtid),
            Body::MariadbGtidList(list) => {
                list.iter().for_each(|gtid| self.mariadb.set(*gtid));
                self.set_previous();
            }
            _ => {}
        }
        if seen.ends_transaction && self.pending.commit_us.is_none() {
            self.pending.commit_us = Some(u64::from(seen.header.timestamp) * 1_000_000);
        }
        Ok(())
    }

    /// A file says what was executed before it: does it join what the archive holds?
    fn join(&mut self, previous: GtidSet) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if open.start > 0 {
            return Ok(());
        }
        let beyond = previous.subtract(&self.covered);
        let mut unlogged = GtidSet::default();
        match &mut open.follows {
            Follows::First => {}
            Follows::Gap { anew: true, .. } => {}
            Follows::Gap { missing, .. } => *missing = beyond.to_string(),
            Follows::SameFile | Follows::NextFile | Follows::Gtid => unlogged = beyond.clone(),
        }
        // A server's own history only grows; of another server nothing is in `executed` yet.
        if matches!(open.follows, Follows::NextFile | Follows::Gtid) && !previous.contains(&self.executed) {
            let lost = self.executed.subtract(&previous);
            let why = format!("{} begins without the transactions {lost}", open.file);
            return Err(self.not_the_same(why).into());
        }
        self.covered = self.covered.union(&beyond);
        self.unlogged = unlogged;
        self.executed = previous;
        self.set_previous();
        Ok(())
    }

    fn set_previous(&mut self) {
        let previous = self.state(&self.executed);
        if let Some(open) = self.open.as_mut().filter(|open| open.start == 0 && open.transactions == 0) {
            open.previous = previous;
        }
    }

    /// All bytes so far belong to the segment; `transaction` where they end one.
    fn commit(&mut self, transaction: bool) {
        let pending = std::mem::take(&mut self.pending);
        let (Some(open), Some((_, at)), Some(last_event)) = (&mut self.open, &self.place, pending.last_event) else {
            return;
        };
        self.cutter.commit();
        open.end = *at;
        open.events += pending.events;
        open.last_event = last_event;
        if !transaction {
            return;
        }
        open.transactions += 1;
        pending.mariadb.iter().for_each(|gtid| self.mariadb.set(*gtid));
        if let Some((uuid, tag, number)) = &pending.gtid {
            for set in [&mut open.gtids, &mut self.executed, &mut self.covered] {
                // A number that no server gives stands in no set.
                let _ = set.add(*uuid, tag, *number);
            }
        }
        if let Some(us) = pending.commit_us {
            open.first_commit_us = Some(open.first_commit_us.map_or(us, |first| first.min(us)));
            open.last_commit_us = Some(open.last_commit_us.map_or(us, |last| last.max(us)));
        }
    }

    fn cut_if_full(&mut self) -> Result<Option<Ready>> {
        let Some(open) = self.open.as_ref().filter(|_| self.pending.events == 0) else { return Ok(None) };
        let full = open.end - open.start >= self.subject.segment_bytes;
        let old = open.transactions > 0 && open.since.elapsed() >= self.subject.segment_time;
        if full || old { self.finish(false) } else { Ok(None) }
    }

    /// Closes the open segment with its last commit. What came behind that is forgotten, and comes again.
    fn finish(&mut self, file_ends: bool) -> Result<Option<Ready>> {
        self.pending = Pending::default();
        let Some(open) = self.open.take() else { return Ok(None) };
        let stored = self.cutter.finish()?;
        if open.events == 0 {
            return Ok(None);
        }
        // All before the first bytes is accounted for by now: in the archive, or missing where it was purged.
        let unlogged = std::mem::take(&mut self.purged).subtract(&self.covered);
        self.covered = self.covered.union(&unlogged);
        self.unlogged = self.unlogged.union(&unlogged);
        let segment = Segment {
            format: SEGMENT_FORMAT,
            name: self.subject.name.clone(),
            number: self.number,
            program: format!("myriad {}", env!("CARGO_PKG_VERSION")),
            stored: Timestamp::now(),
            flavor: self.subject.flavor,
            server: self.subject.server.clone(),
            version: self.subject.version.clone(),
            file: open.file,
            start: open.start,
            end: open.end,
            file_ends,
            follows: open.follows,
            checksum: open.checksum,
            previous: open.previous,
            gtids: open.gtids.to_string(),
            covered: self.state(&self.covered),
            unlogged: std::mem::take(&mut self.unlogged).to_string(),
            absent: std::mem::take(&mut self.absent).to_string(),
            transactions: open.transactions,
            events: open.events,
            first_commit_us: open.first_commit_us,
            last_commit_us: open.last_commit_us,
            last_event: open.last_event,
            sha256: stored.sha256,
            object: stored.object,
            object_bytes: stored.object_bytes,
        };
        self.number += 1;
        self.ends = segment.end_place();
        Ok(Some((segment, stored.frames)))
    }
}
