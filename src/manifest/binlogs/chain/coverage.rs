//! How far a backup could be rolled forward with the segments of an archive. A backup of an archived server stands at its
//! file and offset, any other where its GTID set says; from there on segments count up to the first break or gap. Where it
//! is not certain that the backup is of the history that a segment holds, nothing is promised. Pure.

use super::{breaks_between, fork, fork_line, gap_line, moment};
use crate::manifest::binlogs::{Segment, set};
use crate::position::{GtidSet, Position};
use crate::server::facts::Flavor;
use jiff::Timestamp;
use serde::Serialize;

/// How far one could roll forward from a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The first segment that is needed; none where the archive does not reach the backup.
    pub first_segment: Option<u64>,
    /// The last one that can be used.
    pub last_segment: Option<u64>,
    /// Time of the last transaction there.
    pub until: Option<Timestamp>,
    /// File and offset where it ends.
    pub file_offset: Option<String>,
    /// GTID set, on MariaDB the last GTID of each domain, at its end.
    pub gtids: Option<String>,
    /// What stands in the way of more, or of anything.
    pub missing: Option<String>,
}

/// Where a backup stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Its position.
    pub position: &'a Position,
    /// What names its server.
    pub server: &'a str,
    /// The moment of its snapshot, by the server's clock.
    pub snapshot: Timestamp,
    /// Its server gave every transaction a GTID, so that sets tell all that came after.
    pub all_have_gtids: bool,
}

/// Bytes behind an offset in which no transaction fits: the end of a file takes less.
const TAIL_BYTES: u64 = 150;

/// How far a backup that stands there could be rolled forward.
pub fn coverage(segments: &[Segment], standing: &Standing) -> Coverage {
    let (used, missing) = match first(segments, standing) {
        Ok(first) => {
            let (last, missing) = last(segments, first, &executed(standing));
            (last.map(|last| &segments[first..=last]).unwrap_or_default(), missing)
        }
        Err(why) => (Default::default(), Some(why)),
    };
    let text = |last: &Segment| Some(last.covered.clone()).filter(|covered| !covered.is_empty());
    Coverage {
        first_segment: used.first().map(|segment| segment.number),
        last_segment: used.last().map(|segment| segment.number),
        until: used.iter().filter_map(|segment| segment.last_commit_us).max().and_then(moment),
        file_offset: used.last().map(Segment::end_place),
        gtids: used.last().and_then(text),
        missing,
    }
}

fn executed(standing: &Standing) -> GtidSet {
    set(&standing.position.gtid_executed)
}

/// The first segment that is needed, or why there is none. An archive may hold several histories, one behind the other.
fn first(segments: &[Segment], standing: &Standing) -> Result<usize, String> {
    let several = segments.iter().skip(1).any(Segment::begins_anew);
    let uncertain = || "the archive holds several histories, and of which one the backup is is not certain".to_owned();
    let same = |segment: &Segment| segment.server == standing.server;
    if several && !segments.iter().any(same) {
        return Err(uncertain());
    }
    let (mut found, mut why, mut begin) = (Vec::new(), None, 0);
    for end in 1..=segments.len() {
        if end < segments.len() && !segments[end].begins_anew() {
            continue;
        }
        let history = &segments[begin..end];
        match first_in(history, standing) {
            _ if several && !history.iter().any(same) => {}
            Ok(first) => found.push(begin + first),
            Err(not) => why = Some(not),
        }
        begin = end;
    }
    match found[..] {
        [only] => Ok(only),
        [] => Err(why.unwrap_or_else(|| "the archive holds no segment".into())),
        _ => Err(uncertain()),
    }
}

/// The same within one history.
fn first_in(history: &[Segment], standing: &Standing) -> Result<usize, String> {
    let same = |segment: &Segment| segment.server == standing.server;
    if history.iter().any(same) {
        if let Some(first) = by_place(history, standing) {
            return of_this_history(history, first, standing).map(|()| first);
        }
    }
    let Position { binlog_file, binlog_offset, .. } = standing.position;
    let place = binlog_file.as_ref().zip(*binlog_offset).map(|(file, offset)| format!("{file}:{offset}"));
    let executed = executed(standing);
    let with_sets = history.last().is_some_and(|last| !last.covered_set().is_empty());
    if executed.is_empty() || !with_sets {
        let place = place.ok_or("the backup has no position in a binary log")?;
        return Err(format!("{place} of {}, where the backup stands, is in no segment", standing.server));
    }
    let first = by_gtid(history, &executed)?;
    // A server's GTIDs may begin anew, so its own file counts, unless it ended where a later one begins.
    let segment = &history[first];
    if same(segment) && place.is_some() {
        let later = binlog_file.as_ref().is_some_and(|file| is_later(&segment.file, file));
        let after = segment.first_commit_us.and_then(moment).is_none_or(|commit| commit >= standing.snapshot);
        if !(later
            && after
            && standing.all_have_gtids
            && segment.start == 0
            && set(&segment.previous).contains(&executed))
        {
            let place = place.unwrap_or_default();
            return Err(format!("{place} of {}, where the backup stands, is in no segment", standing.server));
        }
    }
    Ok(first)
}

/// The segment that holds file and offset.
fn by_place(history: &[Segment], standing: &Standing) -> Option<usize> {
    let Position { binlog_file: Some(file), binlog_offset: Some(offset), .. } = standing.position else { return None };
    let executed = executed(standing);
    history.iter().position(|segment| {
        segment.server == standing.server
            && segment.file == *file
            && (segment.start..=segment.end).contains(offset)
            && (!segment.has_gtid_sets() || executed.contains(&set(&segment.previous)))
            && (*offset < segment.end || !segment.has_gtid_sets() || executed.contains(&set(&segment.gtids)))
    })
}

/// A file and an offset of the same names may be those of other logs, from before or after a reset: what stands before the
/// backup was committed before its snapshot, and what stands behind it was not.
fn of_this_history(history: &[Segment], first: usize, standing: &Standing) -> Result<(), String> {
    let offset = standing.position.binlog_offset.unwrap_or_default();
    let segment = &history[first];
    let executed = executed(standing);
    let by_sets = segment.has_gtid_sets() && !segment.executed_set().is_empty();
    let holds_earlier = match by_sets {
        true => !set(&segment.previous).contains(&executed),
        false => offset > segment.start + head_bytes_max(segment),
    };
    let holds_later = match by_sets {
        true => !executed.contains(&set(&segment.gtids)),
        false => segment.transactions > 0 && offset + TAIL_BYTES < segment.end,
    };
    let same = |segment: &&Segment| segment.server == standing.server;
    let time = |us: Option<u64>| us.and_then(moment);
    let before = &history[..if holds_earlier { first + 1 } else { first }];
    let behind = &history[if holds_later { first } else { first + 1 }..];
    let earliest = before.iter().filter(same).filter_map(|segment| time(segment.first_commit_us)).min();
    let latest = behind.iter().filter(same).filter_map(|segment| time(segment.last_commit_us)).max();
    // Some clocks tell whole seconds only.
    let second = standing.snapshot.as_second();
    let (early, late) = match segment.flavor {
        Flavor::Mariadb => (
            earliest.is_none_or(|commit| commit.as_second() <= second),
            latest.is_none_or(|commit| commit.as_second() >= second),
        ),
        _ => (
            earliest.is_none_or(|commit| commit <= standing.snapshot),
            latest.is_none_or(|commit| commit >= standing.snapshot),
        ),
    };
    if early && late {
        return Ok(());
    }
    let (file, server) = (&segment.file, standing.server);
    Err(format!(
        "the archived {file} of {server} is not certain to be the one in which the backup stands: by the times of its \
         transactions it is of {} the backup",
        if early { "before" } else { "after" }
    ))
}

/// Bytes at the beginning of a file before which no transaction can have ended.
fn head_bytes_max(segment: &Segment) -> u64 {
    match (segment.start, segment.flavor) {
        (0, Flavor::Mariadb) => 400,
        (0, _) => 250,
        _ => 0,
    }
}

/// `binlog.000010` is later than `binlog.000009`.
fn is_later(file: &str, than: &str) -> bool {
    let parts =
        |file: &str| file.rsplit_once('.').and_then(|(base, n)| Some((base.to_owned(), n.parse::<u64>().ok()?)));
    matches!((parts(file), parts(than)), (Some((base, n)), Some((other, than))) if base == other && n > than)
}

/// The first segment with something that the backup does not hold; whatever is known to have happened must be in either.
fn by_gtid(history: &[Segment], executed: &GtidSet) -> Result<usize, String> {
    let mut content = GtidSet::default();
    let mut first = history.len() - 1;
    for (i, segment) in history.iter().enumerate() {
        let inside = set(&segment.gtids);
        content = content.union(&inside);
        let lost = segment.covered_set().subtract(&content).subtract(executed);
        if !lost.is_empty() {
            return Err(format!("transactions {lost}, before {}:{}", segment.file, segment.start));
        }
        if !executed.contains(&inside) {
            first = i;
            break;
        }
    }
    let last = &history[history.len() - 1];
    match executed.subtract(&last.covered_set()).is_empty() {
        true => Ok(first),
        false => Err(format!("the archive ends at {}, before the backup", last.end_place())),
    }
}

/// The last segment that can be used, and what stands in the way of more.
fn last(segments: &[Segment], first: usize, executed: &GtidSet) -> (Option<usize>, Option<String>) {
    let begin = (0..=first).rev().find(|i| segments[*i].begins_anew()).unwrap_or(0);
    let mut content = segments[begin..first].iter().fold(GtidSet::default(), |all, one| all.union(&set(&one.gtids)));
    let (mut reached, mut applied) = (None, executed.clone());
    for (i, segment) in segments.iter().enumerate().skip(first) {
        if i > first {
            let broken = breaks_between(&segments[i - 1], segment).into_iter().next();
            if let Some(missing) = broken.or_else(|| gap_line(segment).map(|line| format!("what stands {line}"))) {
                return (reached, Some(missing));
            }
        }
        // With transactions that the next server never had, the state would be one in which no server ever was.
        if !fork(segments, i).is_disjoint(&applied) {
            return (reached, fork_line(segments, i));
        }
        let inside = set(&segment.gtids);
        applied = applied.union(&inside);
        content = content.union(&inside);
        // Without the backup's set nothing is known of what no binary log holds.
        let lost = segment.covered_set().subtract(&content).subtract(executed);
        if !lost.is_empty() {
            return (reached, Some(format!("transactions {lost}, before {}:{}", segment.file, segment.start)));
        }
        reached = Some(i);
    }
    (reached, None)
}
