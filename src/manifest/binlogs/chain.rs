//! What segments add up to: whether each joins the one before, where something is missing, and how far one could roll
//! forward from a backup. Pure: index documents come in.

use super::{Follows, Segment, set};
use crate::position::{GtidSet, Position};
use jiff::Timestamp;
use serde::Serialize;

/// What is wrong between two neighbours, one line each: a document was lost or changed.
pub fn breaks(segments: &[Segment]) -> Vec<String> {
    let mut broken = Vec::new();
    for pair in segments.windows(2) {
        let (before, segment) = (&pair[0], &pair[1]);
        let told = format!("segment {} of {}", segment.number, segment.name);
        if segment.number != before.number + 1 {
            let (first, last) = (before.number + 1, segment.number - 1);
            broken.push(format!("the index documents of segments {first} to {last} of {} are missing", segment.name));
            continue;
        }
        let same_server = segment.server == before.server;
        let joins = match &segment.follows {
            Follows::First => false,
            Follows::SameFile => same_server && segment.file == before.file && segment.start == before.end,
            Follows::NextFile => same_server && segment.file != before.file && segment.start == 0,
            Follows::Gtid | Follows::Gap { .. } => segment.start == 0,
        };
        if !joins {
            let (at, before) = (format!("{}:{}", segment.file, segment.start), before.end_place());
            broken.push(format!("{told} begins at {at}, and the one before it ends at {before}"));
        }
        if segment.has_gtid_sets() && before.has_gtid_sets() {
            let missing =
                if let Follows::Gap { missing, .. } = &segment.follows { set(missing) } else { GtidSet::default() };
            let inside = set(&segment.gtids).union(&set(&segment.unlogged));
            if before.covered_set().union(&missing).union(&inside) != segment.covered_set() {
                broken.push(format!("the GTID set of {told} does not follow from the one before it"));
            }
        }
    }
    broken
}

/// What is known to be missing, one line each.
pub fn gaps(segments: &[Segment]) -> Vec<String> {
    let mut gaps = Vec::new();
    for (i, segment) in segments.iter().enumerate() {
        let at = format!("{}:{}", segment.file, segment.start);
        if let Follows::Gap { missing, after } = &segment.follows {
            let which = if missing.is_empty() { String::new() } else { format!(": transactions {missing}") };
            gaps.push(format!("gap between {after} and {at}{which}"));
        }
        if !segment.unlogged.is_empty() {
            gaps.push(format!(
                "before {at}: transactions {} were in no binary log of {}",
                segment.unlogged, segment.server
            ));
        }
        // What came from the new server later was merely late there.
        let later = segments[i..].iter().fold(GtidSet::default(), |all, segment| all.union(&set(&segment.gtids)));
        let absent = set(&segment.absent).subtract(&later);
        if !absent.is_empty() {
            gaps.push(format!(
                "fork before {at}: {} never had transactions {absent}, which the archive holds",
                segment.server
            ));
        }
    }
    gaps
}

/// An archive in a few facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Source name.
    pub name: String,
    /// Segments.
    pub segments: u64,
    /// Raw bytes.
    pub bytes: u64,
    /// Stored bytes.
    pub stored_bytes: u64,
    /// Transactions.
    pub transactions: u64,
    /// Time of the earliest commit.
    pub from: Option<Timestamp>,
    /// Time of the latest one.
    pub until: Option<Timestamp>,
    /// File and offset at which it begins.
    pub begins: String,
    /// File and offset at which it ends.
    pub ends: String,
    /// What is missing, one line each.
    pub gaps: Vec<String>,
}

/// Adds up an archive; none where it holds no segment.
pub fn summary(segments: &[Segment]) -> Option<Summary> {
    let (first, last) = (segments.first()?, segments.last()?);
    Some(Summary {
        name: last.name.clone(),
        segments: segments.len() as u64,
        bytes: segments.iter().map(Segment::bytes).sum(),
        stored_bytes: segments.iter().map(|segment| segment.object_bytes).sum(),
        transactions: segments.iter().map(|segment| segment.transactions).sum(),
        from: segments.iter().filter_map(|segment| segment.first_commit_us).min().and_then(moment),
        until: segments.iter().filter_map(|segment| segment.last_commit_us).max().and_then(moment),
        begins: format!("{}:{}", first.file, first.start),
        ends: last.end_place(),
        gaps: gaps(segments),
    })
}

/// Microseconds since 1970 as a moment.
pub fn moment(microseconds: u64) -> Option<Timestamp> {
    i64::try_from(microseconds).ok().and_then(|us| Timestamp::from_microsecond(us).ok())
}

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

/// How far a backup at this position of this server could be rolled forward.
pub fn coverage(segments: &[Segment], position: &Position, server: &str) -> Coverage {
    let executed = position.gtid_executed.parse::<GtidSet>().ok().filter(|set| !set.is_empty());
    let with_sets = segments.last().is_some_and(|last| !last.covered_set().is_empty());
    let (range, missing) = match executed {
        Some(executed) if with_sets => by_gtid(segments, &executed),
        _ => by_place(segments, position, server),
    };
    let used = range.map(|(first, last)| &segments[first..=last]).unwrap_or_default();
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

type Reached = (Option<(usize, usize)>, Option<String>);

/// Whatever the archive knows to have happened and the backup does not hold must stand in a segment.
fn by_gtid(segments: &[Segment], executed: &GtidSet) -> Reached {
    let mut content = GtidSet::default();
    let (mut first, mut reached, mut missing) = (None, None, None);
    for (i, segment) in segments.iter().enumerate() {
        let inside = set(&segment.gtids);
        content = content.union(&inside);
        let lost = segment.covered_set().subtract(&content).subtract(executed);
        if !lost.is_empty() {
            let at = format!("{}:{}", segment.file, segment.start);
            missing = Some(format!("transactions {lost}, before {at}"));
            break;
        }
        if first.is_none() && !executed.contains(&inside) {
            first = Some(i);
        }
        reached = Some(i);
    }
    let Some(last) = reached else { return (None, missing) };
    let beyond = executed.subtract(&segments[last].covered_set());
    if !beyond.is_empty() && missing.is_none() {
        return (None, Some(format!("the archive ends at {}, before the backup", segments[last].end_place())));
    }
    (Some((first.unwrap_or(last), last)), missing)
}

/// Without GTIDs the backup's file and offset must stand in a segment of the same server.
fn by_place(segments: &[Segment], position: &Position, server: &str) -> Reached {
    let (Some(file), Some(offset)) = (&position.binlog_file, position.binlog_offset) else {
        return (None, Some("the backup has no position in a binary log".into()));
    };
    let holds = |segment: &Segment| {
        segment.server == server && segment.file == *file && segment.start <= offset && offset <= segment.end
    };
    let Some(first) = segments.iter().position(holds) else {
        return (None, Some(format!("{file}:{offset} of {server}, where the backup stands, is in no segment")));
    };
    for (i, segment) in segments.iter().enumerate().skip(first + 1) {
        if matches!(segment.follows, Follows::Gap { .. } | Follows::Gtid) {
            return (
                Some((first, i - 1)),
                Some(format!("what stands between {} and {}:0", segments[i - 1].end_place(), segment.file)),
            );
        }
    }
    (Some((first, segments.len() - 1)), None)
}

#[cfg(test)]
mod tests;
