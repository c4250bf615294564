//! Closed binary log files out of a folder: every event is checked, and files must follow each other. Files that the server
//! still writes are left for the next run, or taken up to the last whole transaction where the server is said to be dead;
//! encrypted ones are refused by name.

use super::error::ArchiveError;
use super::report::Sink;
use super::source::{Ended, is_later, next_file};
use super::taker::{Begin, Subject, Taker};
use super::{ArchiveOptions, Origin};
use crate::codec::binlog::{Body, Checksum, FLAG_IN_USE, HEADER_BYTES, Header, MAGIC, MAGIC_ENCRYPTED, Scanner};
use crate::error::{Exit, Result};
use crate::manifest::binlogs::{Follows, Segment};
use crate::position::GtidSet;
use crate::server::facts::Flavor;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The lower byte of an event's flags.
const FLAGS_AT: usize = 17;

/// Takes the files that the archive does not hold yet.
pub(super) fn run(options: &ArchiveOptions, sink: &mut Sink) -> Result<Ended> {
    let Origin::Files { places, server_uuid, unclosed } = &options.origin else { return Ok(Ended::AtEnd) };
    let (files, notes) = files_in_order(places, *unclosed)?;
    notes.into_iter().for_each(|note| sink.note(note));
    let last = sink.last.clone();
    let folder = files[0].path.parent().unwrap_or(Path::new(".")).to_owned();
    let given = server_uuid.clone().or_else(|| uuid_beside(&folder));
    let server = given.or_else(|| last.as_ref().map(|last| last.server.clone())).unwrap_or_else(|| "unknown".into());
    sink.report.source = folder.display().to_string();
    sink.report.server.clone_from(&server);
    let Some(first) = wanted(&files, last.as_ref(), &server) else {
        let ends = last.as_ref().map(Segment::end_place).unwrap_or_default();
        sink.note(format!(
            "by their numbers all files are older than {ends}, where the archive ends; nothing was compared"
        ));
        return Ok(Ended::AtEnd);
    };
    let head = &files[first];
    let subject = Subject {
        name: sink.report.name.clone(),
        place: folder.display().to_string(),
        flavor: if head.version.contains("MariaDB") { Flavor::Mariadb } else { Flavor::Mysql },
        server: server.clone(),
        version: head.version.clone(),
        segment_bytes: options.segment_bytes,
        segment_time: options.segment_time,
    };
    let begin = begin(&subject, head, last.clone(), options.accept_gap, sink)?;
    let mut taker = Taker::new(subject.clone(), begin)?;
    let mut read = read(&files[first..], &mut taker, sink);
    if let Err(refusal) = &read {
        if taker.resumes() && options.accept_gap && refusal.exit() == Exit::ArchiveGap {
            sink.note(format!("accepted: {refusal}"));
            let after = last.as_ref().map(Segment::end_place).unwrap_or_default();
            let follows = Follows::Gap { missing: String::new(), after, anew: true };
            taker = Taker::new(subject, beginning(last, follows))?;
            read = self::read(&files, &mut taker, sink);
        }
    }
    let rest = taker.end()?;
    sink.store(rest)?;
    read
}

/// Looks whether there is something that can be taken.
pub(super) fn probe(places: &[PathBuf], unclosed: bool) -> Result<()> {
    files_in_order(places, unclosed).map(drop)
}

/// A file that can be taken.
struct Closed {
    path: PathBuf,
    name: String,
    version: String,
    previous: GtidSet,
    /// Not closed after all: it may end within a transaction or an event.
    unclosed: bool,
}

/// All of them in the order of their numbers, and what is to be said of others.
fn files_in_order(places: &[PathBuf], unclosed: bool) -> Result<(Vec<Closed>, Vec<String>)> {
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    let mut take = |path: &Path| -> Result<()> {
        let found = look_at(path)?;
        if found.unclosed && !unclosed {
            notes.push(format!(
                "{} is still written, or its server crashed: left for a later run; --unclosed takes it once its server is dead",
                found.name
            ));
        } else {
            files.push(found);
        }
        Ok(())
    };
    for place in places {
        let failed = |error: std::io::Error| file_error(place, error.to_string());
        if !place.is_dir() {
            take(place)?;
            continue;
        }
        for entry in std::fs::read_dir(place).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // A data directory holds much else; relay logs are another server's.
            if path.is_file() && number(&path).is_some() && starts_like_a_log(&path) && !is_relay_log(&path) {
                take(&path)?;
            }
        }
    }
    files.sort_by_key(|file| (number(&file.path), file.name.clone()));
    if files.is_empty() {
        let all = places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(ArchiveError::File { file: all, why: "there is no closed binary log file".into() }.into());
    }
    Ok((files, notes))
}

fn number(path: &Path) -> Option<u64> {
    path.extension()?.to_str()?.parse().ok()
}

fn is_relay_log(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains("relay-"))
}

fn starts_like_a_log(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && (magic == MAGIC || magic == MAGIC_ENCRYPTED)
}

fn file_error(path: &Path, why: impl Into<String>) -> ArchiveError {
    ArchiveError::File { file: path.display().to_string(), why: why.into() }
}

/// Reads the head of a file.
fn look_at(path: &Path) -> Result<Closed> {
    let encrypted = |how| ArchiveError::Encrypted { file: path.display().to_string(), how };
    let mut file = BufReader::new(File::open(path).map_err(|error| file_error(path, error.to_string()))?);
    let mut magic = [0; 4];
    file.read_exact(&mut magic).map_err(|_| file_error(path, "it is no binary log"))?;
    match magic {
        MAGIC => {}
        MAGIC_ENCRYPTED => return Err(encrypted("it begins with fd 62 69 6e").into()),
        _ => return Err(file_error(path, "it is no binary log").into()),
    }
    let mut scanner = Scanner::new(Checksum::Crc32);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (path_kept, previous) = (path.to_owned(), GtidSet::default());
    let mut closed = Closed { path: path_kept, name, version: String::new(), previous, unclosed: false };
    let mut event = Vec::new();
    let mut at = 4;
    // The head is a description, on MariaDB the beginning of encryption, and what was executed before.
    for _ in 0..3 {
        if !next_event(&mut file, &mut event, path, at)? {
            break;
        }
        let damaged = |source| ArchiveError::Damaged {
            server: path.display().to_string(),
            file: closed.name.clone(),
            at,
            source,
        };
        let seen = scanner.scan(&event).map_err(damaged)?;
        at += event.len() as u64;
        match seen.body {
            Body::FormatDescription { version, .. } => {
                closed.version = version;
                closed.unclosed = seen.header.flags & FLAG_IN_USE != 0;
            }
            Body::StartEncryption => return Err(encrypted("its events are encrypted (MariaDB)").into()),
            Body::PreviousGtids(previous) => closed.previous = previous,
            _ => break,
        }
    }
    Ok(closed)
}

/// The first file that holds something new.
fn wanted(files: &[Closed], last: Option<&Segment>, server: &str) -> Option<usize> {
    let Some(last) = last else { return Some(0) };
    if last.server != server {
        let covered = last.covered_set();
        let joins = |file: &Closed| !file.previous.is_empty() && covered.contains(&file.previous);
        return Some(files.iter().rposition(joins).unwrap_or(0));
    }
    // The file at which the archive ends is looked at again: it must be that one.
    let from = number(Path::new(&last.file));
    // All of them may be older than the archive, and the next one may not be there.
    files.iter().position(|file| number(&file.path) >= from)
}

fn begin(subject: &Subject, head: &Closed, last: Option<Segment>, accept_gap: bool, sink: &mut Sink) -> Result<Begin> {
    let Some(archived) = last.clone() else { return Ok(beginning(last, Follows::First)) };
    let same = archived.server == subject.server;
    if same && head.name == archived.file {
        return Ok(Begin { resumes: true, ..beginning(last, Follows::SameFile) });
    }
    let (covered, executed) = (archived.covered_set(), archived.executed_set());
    let (name, ends, server) = (archived.name.clone(), archived.end_place(), subject.place.clone());
    let lost = if same { executed.subtract(&head.previous) } else { GtidSet::default() };
    if lost.is_empty() && same && archived.file_ends && next_file(&archived.file).as_ref() == Some(&head.name) {
        return Ok(beginning(last, Follows::NextFile));
    }
    let within = !covered.is_empty() && !head.previous.is_empty() && covered.contains(&head.previous);
    if lost.is_empty() && within && (!same || is_later(&head.name, &archived.file)) {
        return Ok(beginning(last, Follows::Gtid));
    }
    let missing = head.previous.subtract(&covered);
    let which = if missing.is_empty() {
        format!("; the next file is {}", head.name)
    } else {
        format!(": transactions {missing}")
    };
    let refusal = match lost.is_empty() {
        true => ArchiveError::Purged { name, ends: ends.clone(), server, which },
        false => {
            let why = format!("{} begins without the transactions {lost}", head.name);
            ArchiveError::NotTheSame { name, ends: ends.clone(), server, why }
        }
    };
    if !accept_gap {
        return Err(refusal.into());
    }
    sink.note(format!("accepted: {refusal}"));
    // Of another server without transactions in common nothing says that it is of the same history.
    let common = !head.previous.is_disjoint(&covered);
    let anew = !lost.is_empty() || (!same && !common);
    Ok(beginning(last, Follows::Gap { missing: String::new(), after: ends, anew }))
}

fn beginning(last: Option<Segment>, follows: Follows) -> Begin {
    Begin { last, follows, resumes: false, absent: GtidSet::default(), purged: GtidSet::default() }
}

fn read(files: &[Closed], taker: &mut Taker, sink: &mut Sink) -> Result<Ended> {
    let mut before: Option<&Closed> = None;
    for closed in files {
        if let Some(before) = before.filter(|before| next_file(&before.name).as_ref() != Some(&closed.name)) {
            let why = format!("the files between {} and {} are missing", before.name, closed.name);
            return Err(file_error(&closed.path, why).into());
        }
        if let Some(before) = before.filter(|before| before.unclosed) {
            return Err(file_error(&before.path, format!("it was not closed, and {} follows it", closed.name)).into());
        }
        before = Some(closed);
        let opened = File::open(&closed.path).map_err(|error| file_error(&closed.path, error.to_string()))?;
        let mut file = BufReader::with_capacity(1 << 20, opened);
        file.read_exact(&mut [0; 4]).map_err(|error| file_error(&closed.path, error.to_string()))?;
        sink.store(taker.enter(&closed.name, 4)?)?;
        let (mut event, mut at) = (Vec::new(), 4);
        loop {
            match next_event(&mut file, &mut event, &closed.path, at) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) if closed.unclosed => {
                    sink.note(format!("{} ends within an event at byte {at}: left out", closed.name));
                    break;
                }
                Err(error) => return Err(error),
            }
            // As every server sends it, and as it is once the file is closed.
            if closed.unclosed && at == 4 {
                event[FLAGS_AT] &= !(FLAG_IN_USE as u8);
            }
            if sink.stopped() {
                return Ok(Ended::Stopped);
            }
            at += event.len() as u64;
            sink.count(event.len() as u64);
            sink.store(taker.take(&event)?)?;
        }
        if taker.resumes() {
            return Err(taker.ended_before().into());
        }
        // More may come into a file that is not closed, from its server.
        if !closed.unclosed {
            sink.store(taker.end_file()?)?;
        }
    }
    Ok(Ended::AtEnd)
}

/// Reads the next event; false at the end of the file.
fn next_event(file: &mut impl Read, event: &mut Vec<u8>, path: &Path, at: u64) -> Result<bool> {
    event.resize(HEADER_BYTES, 0);
    let mut got = 0;
    while got < HEADER_BYTES {
        match file.read(&mut event[got..]) {
            Ok(0) => break,
            Ok(bytes) => got += bytes,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(file_error(path, error.to_string()).into()),
        }
    }
    let cut_short = || file_error(path, format!("it is cut short: the event at byte {at} is not whole"));
    if got == 0 {
        return Ok(false);
    }
    let header = Header::parse(event).filter(|_| got == HEADER_BYTES).ok_or_else(cut_short)?;
    let rest = u64::from(header.bytes) - HEADER_BYTES as u64;
    let read = file.take(rest).read_to_end(event).map_err(|error| file_error(path, error.to_string()))?;
    if (read as u64) < rest {
        return Err(cut_short().into());
    }
    Ok(true)
}

/// The server's UUID out of the file that it keeps beside its logs.
fn uuid_beside(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("auto.cnf")).ok()?;
    let uuid = text.lines().find_map(|line| line.trim().strip_prefix("server-uuid="))?;
    Some(uuid.trim().to_owned())
}
