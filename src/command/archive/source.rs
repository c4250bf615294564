//! Where a server's binary logs are to be read from, and the stream itself: behind the last event of the archive where the
//! server still has it, else by GTIDs, else from its oldest file. Blocking; one call serves one connection.

use super::error::ArchiveError;
use super::report::Sink;
use super::taker::{Begin, Subject, Taker};
use super::{ArchiveOptions, Start};
use crate::error::{Error, Exit, Result};
use crate::manifest::Manifest;
use crate::manifest::binlogs::{Follows, Segment};
use crate::position::GtidSet;
use crate::server::facts::{Flavor, ServerFacts};
use crate::server::{BinlogStream, ConnectOptions, DumpRequest, DumpStart, RawSession, ServerError};

/// The server's code for a log that it cannot send.
const CANNOT_SEND: u16 = 1236;
/// How many files may be missing on a server behind one that cannot be read on.
const FILES_SKIPPED_MAX: usize = 100;

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

/// What came of trying to go on.
enum Tried {
    Opened(Box<Opened>),
    /// Why not, and whether the server's history is another one than that of the archive.
    Refused {
        why: Error,
        anew: bool,
    },
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
        let mut opened = self.open(sink)?;
        loop {
            let Opened { mut stream, first, mut taker } = opened;
            let read = read(&mut stream, &first, &mut taker, sink);
            // What was complete is whole, also where the stream broke off.
            let rest = taker.end()?;
            sink.store(rest)?;
            match read {
                Err(why) if self.options.accept_gap && is_of_this_file(&why) => {
                    opened = self.open_next(taker.file(), why, sink)?;
                }
                read => return read,
            }
        }
    }

    /// The next file that the server has behind one that cannot be read on.
    fn open_next(&self, file: Option<&str>, why: Error, sink: &mut Sink) -> Result<Opened> {
        let behind = std::iter::successors(file.and_then(next_file), |file| next_file(file));
        for file in behind.take(FILES_SKIPPED_MAX) {
            let last = sink.last.as_ref();
            let follows = last.map_or(Follows::First, |last| {
                let (missing, after) = (String::new(), last.end_place());
                Follows::Gap { missing, after, anew: false }
            });
            let start = DumpStart::Position { file, offset: 4 };
            if let Some(opened) = self.try_open(start, self.begin(last, follows)?)? {
                sink.note(format!("accepted: {why}"));
                return Ok(opened);
            }
        }
        Err(why)
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
                let begin = self.begin(None, Follows::First)?;
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
        let tried = match last.server == self.subject.server {
            true => self.go_on(last)?,
            false => self.join(last, sink)?,
        };
        let (refusal, anew) = match tried {
            Tried::Opened(opened) => return Ok(*opened),
            Tried::Refused { why, anew } => (why, anew),
        };
        if !self.options.accept_gap {
            return Err(refusal);
        }
        sink.note(format!("accepted: {refusal}"));
        self.open_oldest(Follows::Gap { missing: String::new(), after: last.end_place(), anew })
    }

    /// The server that was archived: behind the last event, which must come again as it was archived. Where its file is
    /// gone, with a later file before which everything was executed that the archive has of this server, and nothing else.
    /// GTIDs alone prove nothing here: after a reset the same server gives the same numbers to other transactions.
    fn go_on(&self, last: &Segment) -> Result<Tried> {
        // A position has 32 bits: behind that the file is read from its beginning once more.
        let offset = u32::try_from(last.last_event.start).unwrap_or(4).max(4);
        let start = DumpStart::Position { file: last.file.clone(), offset };
        if let Some(mut opened) = self.try_open(start, self.begin(Some(last), Follows::SameFile)?)? {
            return match opened.pass_known_events() {
                Ok(()) => Ok(Tried::Opened(opened.into())),
                Err(why) if why.exit() == Exit::ArchiveGap => Ok(Tried::Refused { why, anew: true }),
                Err(error) => Err(error),
            };
        }
        if self.first_event(DumpStart::Position { file: last.file.clone(), offset: 4 })?.is_some() {
            return Ok(self.another_history(last, format!("{} ends before byte {}", last.file, last.end)));
        }
        let oldest = self.oldest_file()?;
        if !is_later(&oldest, &last.file) {
            return Ok(self.another_history(last, format!("it has no {}, and its oldest file is {oldest}", last.file)));
        }
        let (covered, executed) = (last.covered_set(), last.executed_set());
        let by_gtid = self.has_gtids() && !covered.is_empty();
        let found = match by_gtid {
            true => self.file_behind(&covered)?.filter(|file| is_later(file, &last.file)),
            false => next_file(&last.file).filter(|_| last.file_ends),
        };
        let previous = match &found {
            Some(file) => self.previous_of(file)?,
            None => None,
        };
        let joins = previous.is_some();
        let previous = match previous {
            Some(previous) => previous,
            None => self.previous_of(&oldest)?.unwrap_or_default(),
        };
        let lost = executed.subtract(&previous);
        if !lost.is_empty() {
            let file = found.filter(|_| joins).unwrap_or(oldest);
            return Ok(self.another_history(last, format!("{file} begins without the transactions {lost}")));
        }
        if let Some(file) = found.filter(|_| joins && covered.contains(&previous)) {
            let next = last.file_ends && next_file(&last.file).as_ref() == Some(&file);
            if !next && last.is_anonymous() {
                // More of them may have followed: no set tells.
                return Ok(Tried::Refused { why: self.purged(last, &covered)?.into(), anew: false });
            }
            let begin = self.begin(Some(last), if next { Follows::NextFile } else { Follows::Gtid })?;
            if let Some(opened) = self.try_open(DumpStart::Position { file, offset: 4 }, begin)? {
                return Ok(Tried::Opened(opened.into()));
            }
        }
        let why = self.purged(last, &covered)?.into();
        Ok(Tried::Refused { why, anew: false })
    }

    /// Another server: by GTIDs, where it has some of the transactions that the archive has.
    fn join(&self, last: &Segment, sink: &mut Sink) -> Result<Tried> {
        let covered = last.covered_set();
        if !self.has_gtids() || covered.is_empty() {
            return Ok(Tried::Refused { why: self.other_server(last).into(), anew: true });
        }
        let absent = covered.subtract(&self.gtids("gtid_executed")?);
        if absent == covered {
            let why = format!("it is another server ({}) and has none of its transactions", self.subject.server);
            return Ok(self.another_history(last, why));
        }
        if let Some(file) = self.file_behind(&covered)? {
            let begin = Begin { absent: absent.clone(), ..self.begin(Some(last), Follows::Gtid)? };
            if let Some(opened) = self.try_open(DumpStart::Position { file, offset: 4 }, begin)? {
                self.note_join(last, &absent, sink);
                return Ok(Tried::Opened(opened.into()));
            }
        }
        let why = self.purged(last, &covered)?.into();
        Ok(Tried::Refused { why, anew: false })
    }

    fn begin(&self, last: Option<&Segment>, follows: Follows) -> Result<Begin> {
        let resumes = follows == Follows::SameFile;
        // Before the stream is opened: what is purged from then on was still to be had.
        let purged = match self.facts.flavor != Flavor::Mariadb && self.facts.gtid_mode.is_some() {
            true => self.gtids("gtid_purged")?,
            false => GtidSet::default(),
        };
        Ok(Begin { last: last.cloned(), follows, resumes, absent: GtidSet::default(), purged })
    }

    fn another_history(&self, last: &Segment, why: String) -> Tried {
        let (name, server) = (last.name.clone(), self.subject.place.clone());
        let why = ArchiveError::NotTheSame { name, ends: last.end_place(), server, why };
        Tried::Refused { why: why.into(), anew: true }
    }

    fn open_oldest(&self, follows: Follows) -> Result<Opened> {
        let begin = self.begin(self.last.as_ref(), follows)?;
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
        self.stream_that_waits(start, !self.options.once)
    }

    fn stream_that_waits(&self, start: DumpStart, wait: bool) -> Result<(BinlogStream, Vec<u8>), ServerError> {
        let session = RawSession::connect(self.source)?;
        let (server_id, reader_uuid) = (self.server_id, self.reader_uuid.clone());
        let mut stream = session.dump(&DumpRequest { server_id, reader_uuid, start, wait })?;
        let first = stream.next()?.map(<[u8]>::to_vec);
        Ok((stream, first.unwrap_or_default()))
    }

    /// The first event of a stream that is then given up; none where the server cannot send it.
    fn first_event(&self, start: DumpStart) -> Result<Option<Vec<u8>>> {
        match self.stream_that_waits(start, false) {
            Ok((_, first)) => Ok(Some(first)),
            Err(error) if error.code() == Some(CANNOT_SEND) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn oldest_file(&self) -> Result<String> {
        let first = self.first_event(DumpStart::Position { file: String::new(), offset: 4 })?;
        Ok(first.and_then(|event| rotated_to(&event)).unwrap_or_default())
    }

    /// The newest file before which nothing was executed that is not in the set: the server looks it up, and names it in
    /// the first event.
    fn file_behind(&self, set: &GtidSet) -> Result<Option<String>> {
        let known = set.subtract(&set.subtract(&self.gtids("gtid_executed")?));
        Ok(self.first_event(DumpStart::Missing(known))?.and_then(|event| rotated_to(&event)))
    }

    /// What was executed before a file, as it says itself; none where the server has no such file.
    fn previous_of(&self, file: &str) -> Result<Option<GtidSet>> {
        use crate::codec::binlog::{Body, Checksum, Scanner};
        let start = DumpStart::Position { file: file.to_owned(), offset: 4 };
        let (mut stream, first) = match self.stream_that_waits(start, false) {
            Ok(opened) => opened,
            Err(error) if error.code() == Some(CANNOT_SEND) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut scanner = Scanner::new(Checksum::Crc32);
        let mut event = first;
        loop {
            match scanner.scan(&event).map(|seen| (seen.in_file, seen.body)) {
                Ok((_, Body::PreviousGtids(previous))) => return Ok(Some(previous)),
                Ok((true, Body::FormatDescription { .. }) | (false, _)) => {}
                // It has no such event, or what is wrong with it shows when it is read.
                Ok(_) | Err(_) => return Ok(Some(GtidSet::default())),
            }
            match stream.next()? {
                Some(next) => event = next.to_vec(),
                None => return Ok(Some(GtidSet::default())),
            }
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
            true => format!("; its oldest file is {}", self.oldest_file()?),
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
    fn pass_known_events(&mut self) -> Result<()> {
        let first = std::mem::take(&mut self.first);
        self.taker.take(&first)?;
        while self.taker.resumes() {
            match self.stream.next() {
                Ok(Some(event)) => drop(self.taker.take(event)?),
                // Where the archived file has an event this one has none.
                Err(ServerError::Statement { code: CANNOT_SEND, message, .. })
                    if !is_other_reader(&message) && !is_other_mode(&message) =>
                {
                    return Err(self.taker.not_the_same(message).into());
                }
                Err(error) => return Err(cannot_send(error)),
                Ok(None) => return Err(self.taker.ended_before().into()),
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
        let Some(event) = stream.next().map_err(cannot_send)? else { return Ok(Ended::AtEnd) };
        sink.count(event.len() as u64);
        sink.store(taker.take(event)?)?;
    }
}

/// True where a later file may be sound.
fn is_of_this_file(error: &Error) -> bool {
    use ArchiveError::{BrokenOff, Damaged, Hole, OtherMode};
    matches!(error.made_of(), Some(OtherMode { .. } | BrokenOff { .. } | Damaged { .. } | Hole { .. }))
}

/// Begins a stream and leaves it: what the account may not do shows.
pub(super) fn probe(source: &ConnectOptions) -> Result<()> {
    let session = RawSession::connect(source)?;
    let request = DumpRequest {
        // Nobody else goes by it: a server ends an older stream of the same name.
        server_id: rand::random_range(3_000_000_000..4_000_000_000),
        reader_uuid: uuid_text(&rand::random()),
        start: DumpStart::Position { file: String::new(), offset: 4 },
        wait: false,
    };
    match session.dump(&request)?.next() {
        // What the server cannot send is told better when it is wanted.
        Err(error) if error.code() != Some(CANNOT_SEND) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Sixteen bytes in the form of a server's UUID.
pub(super) fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex = hex::encode(bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// "A replica with the same server_uuid/server_id as this replica has connected to the source" (seen on 9.7.4).
fn is_other_reader(message: &str) -> bool {
    message.contains("server_uuid/server_id")
}

/// "Cannot replicate GTID-transaction when @@GLOBAL.GTID_MODE = OFF", and of an anonymous one where it is ON (seen on 9.7.4).
fn is_other_mode(message: &str) -> bool {
    message.contains("Cannot replicate") && message.contains("GTID_MODE")
}

/// The server's refusal in the middle of a stream.
fn cannot_send(error: ServerError) -> Error {
    match error {
        ServerError::Statement { server, code: CANNOT_SEND, message: why, .. } => match is_other_reader(&why) {
            true => ArchiveError::OtherReader { server, why }.into(),
            false if is_other_mode(&why) => ArchiveError::OtherMode { server, why }.into(),
            false => ArchiveError::BrokenOff { server, why }.into(),
        },
        other => other.into(),
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

/// `binlog.000010` is later than `binlog.000009`; files of other names are not.
pub(super) fn is_later(file: &str, than: &str) -> bool {
    let parts =
        |file: &str| file.rsplit_once('.').and_then(|(base, n)| Some((base.to_owned(), n.parse::<u64>().ok()?)));
    matches!((parts(file), parts(than)), (Some((base, n)), Some((other, than))) if base == other && n > than)
}

#[cfg(test)]
mod tests {
    use super::{is_later, next_file};

    #[test]
    fn names_of_files() {
        assert_eq!(next_file("binlog.000009").as_deref(), Some("binlog.000010"));
        assert_eq!(next_file("a.b.999999").as_deref(), Some("a.b.1000000"));
        assert!(is_later("b.1000000", "b.999999") && !is_later("b.000002", "b.000002") && !is_later("a.2", "b.1"));
        assert_eq!((next_file("binlog"), next_file("binlog.x")), (None, None));
    }
}
