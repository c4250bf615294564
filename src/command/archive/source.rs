//! Where a server's binary logs are to be read from, and the stream itself: behind the last event of the archive where the
//! server still has it, else by GTIDs, else from its oldest file. Blocking; one call serves one connection.

use super::error::ArchiveError;
use super::report::Sink;
use super::taker::{Begin, Subject, Taker};
use super::{ArchiveOptions, Start};
use crate::error::Result;
use crate::manifest::Manifest;
use crate::manifest::binlogs::{Follows, Segment};
use crate::position::GtidSet;
use crate::server::facts::{Flavor, ServerFacts};
use crate::server::{BinlogStream, ConnectOptions, DumpRequest, DumpStart, RawSession, ServerError};

/// The server's code for a log that it cannot send.
const CANNOT_SEND: u16 = 1236;

/// What is asked of one connection.
pub(super) struct Reading<'a> {
    pub options: &'a ArchiveOptions,
    pub source: &'a ConnectOptions,
    pub facts: &'a ServerFacts,
    pub subject: Subject,
    pub server_id: u32,
    pub reader_uuid: String,
    /// The last segment of the archive.
    pub last: Option<Segment>,
    /// The newest backup of the same source.
    pub backup: Option<Manifest>,
}

/// How a connection ended that was not lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// All that the server has was read.
    AtEnd,
    /// A stop was asked for.
    Stopped,
}

/// A stream, its first event, and the taker of its events.
struct Opened {
    stream: BinlogStream,
    first: Vec<u8>,
    taker: Taker,
}

impl Reading<'_> {
    /// Reads until the end, a stop, or an error; whatever ends it, complete transactions that were read are stored.
    pub(super) fn run(self, sink: &mut Sink) -> Result<Ended> {
        let Opened { mut stream, first, mut taker } = self.open(sink)?;
        let read = read(&mut stream, &first, &mut taker, sink);
        // What was complete is whole, also where the stream broke off.
        let rest = taker.end()?;
        sink.store(rest)?;
        read
    }

    fn open(&self, sink: &mut Sink) -> Result<Opened> {
        match &self.last {
            None => self.open_first(sink),
            Some(last) => self.open_behind(last, sink),
        }
    }

    /// No archive yet: the file in which the newest backup stands, else the oldest one.
    fn open_first(&self, sink: &mut Sink) -> Result<Opened> {
        let backup = self.backup.as_ref().filter(|_| self.options.start == Start::Backup);
        if let Some(backup) = backup {
            if let Some(file) = self.file_of_backup(backup)? {
                let begin = Begin { last: None, follows: Follows::First, resumes: false, absent: GtidSet::default() };
                if let Some(opened) = self.try_open(DumpStart::Position { file, offset: 4 }, begin)? {
                    return Ok(opened);
                }
            }
            sink.note(format!(
                "backup {} cannot be rolled forward: {} has no longer the binary log in which it stands; a new backup can",
                backup.id, self.subject.place
            ));
        }
        self.open_oldest(Follows::First)
    }

    fn file_of_backup(&self, backup: &Manifest) -> Result<Option<String>> {
        if backup.server.is_same_server(self.facts) {
            return Ok(backup.position.binlog_file.clone());
        }
        match backup.position.gtid_executed.parse::<GtidSet>() {
            Ok(executed) if !executed.is_empty() && self.has_gtids() => self.file_behind(&executed),
            _ => Ok(None),
        }
    }

    fn open_behind(&self, last: &Segment, sink: &mut Sink) -> Result<Opened> {
        let covered = last.covered_set();
        let by_gtid = self.has_gtids() && !covered.is_empty();
        let absent = if by_gtid { covered.subtract(&self.gtids("gtid_executed")?) } else { GtidSet::default() };
        let same = last.server == self.subject.server;
        let mut why = None;
        if same && absent.is_empty() {
            match self.resume(last) {
                Ok(Some(opened)) => return Ok(opened),
                Ok(None) => {}
                Err(error) if self.options.accept_gap && error.exit() == crate::error::Exit::ArchiveGap => {
                    why = Some(error)
                }
                Err(error) => return Err(error),
            }
        }
        if by_gtid && why.is_none() {
            let begin =
                Begin { last: Some(last.clone()), follows: Follows::Gtid, resumes: false, absent: absent.clone() };
            if let Some(file) = self.file_behind(&covered)? {
                if let Some(opened) = self.try_open(DumpStart::Position { file, offset: 4 }, begin)? {
                    self.note_join(last, &absent, sink);
                    return Ok(opened);
                }
            }
        }
        let refusal = match why {
            Some(error) => error,
            None if same || by_gtid => self.purged(last, &covered)?.into(),
            None => self.other_server(last).into(),
        };
        if !self.options.accept_gap {
            return Err(refusal);
        }
        sink.note(format!("accepted: {refusal}"));
        let gap = Follows::Gap { missing: String::new(), after: last.end_place() };
        self.open_oldest(gap)
    }

    /// Behind the last event, which must come again as it was archived; or the next file where that one is gone.
    fn resume(&self, last: &Segment) -> Result<Option<Opened>> {
        let begin = |follows: Follows, resumes: bool| {
            let (last, absent) = (Some(last.clone()), GtidSet::default());
            Begin { last, follows, resumes, absent }
        };
        // A position has 32 bits: behind that the file is read from its beginning once more.
        let offset = u32::try_from(last.last_event.start).unwrap_or(4).max(4);
        let start = DumpStart::Position { file: last.file.clone(), offset };
        if let Some(mut opened) = self.try_open(start, begin(Follows::SameFile, true))? {
            opened.to_known_event()?;
            return Ok(Some(opened));
        }
        match next_file(&last.file).filter(|_| last.file_ends && !self.has_gtids()) {
            Some(file) => self.try_open(DumpStart::Position { file, offset: 4 }, begin(Follows::NextFile, false)),
            None => Ok(None),
        }
    }

    fn open_oldest(&self, follows: Follows) -> Result<Opened> {
        let begin = Begin { last: self.last.clone(), follows, resumes: false, absent: GtidSet::default() };
        let (stream, first) = self.stream(DumpStart::Position { file: String::new(), offset: 4 })?;
        Ok(Opened { stream, first, taker: Taker::new(self.subject.clone(), begin)? })
    }

    /// None where the server has no such file, or purged what is wanted.
    fn try_open(&self, start: DumpStart, begin: Begin) -> Result<Option<Opened>> {
        match self.stream(start) {
            Ok((stream, first)) => Ok(Some(Opened { stream, first, taker: Taker::new(self.subject.clone(), begin)? })),
            Err(error) if error.code() == Some(CANNOT_SEND) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn stream(&self, start: DumpStart) -> Result<(BinlogStream, Vec<u8>), ServerError> {
        let session = RawSession::connect(self.source)?;
        let (server_id, reader_uuid) = (self.server_id, self.reader_uuid.clone());
        let mut stream = session.dump(&DumpRequest { server_id, reader_uuid, start, wait: !self.options.once })?;
        let first = stream.next()?.map(<[u8]>::to_vec);
        Ok((stream, first.unwrap_or_default()))
    }

    /// The newest file before which nothing was executed that is not in the set: the server looks it up, and names it in
    /// the first event of a stream that is then given up.
    fn file_behind(&self, set: &GtidSet) -> Result<Option<String>> {
        let known = set.subtract(&set.subtract(&self.gtids("gtid_executed")?));
        match self.stream(DumpStart::Missing(known)) {
            Ok((_, first)) => Ok(rotated_to(&first)),
            Err(error) if error.code() == Some(CANNOT_SEND) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn has_gtids(&self) -> bool {
        self.facts.flavor != Flavor::Mariadb
            && self.facts.gtid_mode.as_deref().is_some_and(|mode| mode.starts_with("ON"))
    }

    fn gtids(&self, variable: &str) -> Result<GtidSet> {
        let mut session = RawSession::connect(self.source)?;
        let rows = session.query_small(format!("SELECT @@global.{variable}").as_bytes())?;
        Ok(rows.first().map(|row| row.text(0)).unwrap_or_default().parse()?)
    }

    fn note_join(&self, last: &Segment, absent: &GtidSet, sink: &mut Sink) {
        if last.server != self.subject.server {
            sink.note(format!(
                "{} is another server than the one archived so far ({} after {}); it is joined by GTIDs",
                self.subject.place, self.subject.server, last.server
            ));
        }
        if !absent.is_empty() {
            sink.note(format!(
                "FORK: the archive holds transactions {absent}, which {} does not have; they stay in the archive, and are \
                 named by `show` and `verify`",
                self.subject.place
            ));
        }
    }

    fn purged(&self, last: &Segment, covered: &GtidSet) -> Result<ArchiveError> {
        let missing = match self.has_gtids() {
            true => self.gtids("gtid_purged")?.subtract(covered),
            false => GtidSet::default(),
        };
        let which = match missing.is_empty() {
            false => format!(": transactions {missing}"),
            true => match self.stream(DumpStart::Position { file: String::new(), offset: 4 }) {
                Ok((_, first)) => {
                    rotated_to(&first).map_or(String::new(), |file| format!("; its oldest file is {file}"))
                }
                Err(error) => return Err(error.into()),
            },
        };
        let (name, server) = (last.name.clone(), self.subject.place.clone());
        Ok(ArchiveError::Purged { name, ends: last.end_place(), server, which })
    }

    fn other_server(&self, last: &Segment) -> ArchiveError {
        ArchiveError::OtherServer {
            name: last.name.clone(),
            archived: last.server.clone(),
            server: self.subject.place.clone(),
            found: self.subject.server.clone(),
        }
    }
}

impl Opened {
    /// Reads up to and with the event at which the archive ends, so that a file that is not the archived one shows here.
    fn to_known_event(&mut self) -> Result<()> {
        let first = std::mem::take(&mut self.first);
        self.taker.take(&first)?;
        while self.taker.resumes() {
            match self.stream.next()? {
                Some(event) => drop(self.taker.take(event)?),
                None => return Err(self.taker.ended_before().into()),
            }
        }
        Ok(())
    }
}

fn read(stream: &mut BinlogStream, first: &[u8], taker: &mut Taker, sink: &mut Sink) -> Result<Ended> {
    if !first.is_empty() {
        sink.store(taker.take(first)?)?;
    }
    loop {
        if sink.stopped() {
            return Ok(Ended::Stopped);
        }
        let Some(event) = stream.next()? else { return Ok(Ended::AtEnd) };
        sink.count(event.len() as u64);
        sink.store(taker.take(event)?)?;
    }
}

/// The file that the first event of a stream names.
fn rotated_to(event: &[u8]) -> Option<String> {
    use crate::codec::binlog::{Body, Checksum, Scanner};
    match Scanner::new(Checksum::Crc32).scan(event).ok()?.body {
        Body::Rotate { file, .. } => Some(file),
        _ => None,
    }
}

/// `binlog.000010` after `binlog.000009`.
pub(super) fn next_file(file: &str) -> Option<String> {
    let (base, number) = file.rsplit_once('.')?;
    let next = number.parse::<u64>().ok()?.checked_add(1)?;
    Some(format!("{base}.{next:0width$}", width = number.len()))
}

#[cfg(test)]
mod tests {
    use super::next_file;

    #[test]
    fn names_of_files() {
        assert_eq!(next_file("binlog.000009").as_deref(), Some("binlog.000010"));
        assert_eq!(next_file("a.b.999999").as_deref(), Some("a.b.1000000"));
        assert_eq!((next_file("binlog"), next_file("binlog.x")), (None, None));
    }
}
