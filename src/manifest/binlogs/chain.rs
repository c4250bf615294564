//! What segments add up to: whether each joins the one before, where something is missing, and how far one could roll
//! forward from a backup. Pure: index documents come in.

mod coverage;

pub use coverage::{Coverage, Standing, coverage};

use super::{Follows, Segment, lost_line, set};
use crate::position::GtidSet;
use jiff::Timestamp;
use serde::Serialize;

/// What is wrong between two neighbours, one line each: a document was lost or changed.
pub fn breaks(segments: &[Segment]) -> Vec<String> {
    segments.windows(2).flat_map(|pair| breaks_between(&pair[0], &pair[1])).collect()
}

fn breaks_between(before: &Segment, segment: &Segment) -> Vec<String> {
    let mut broken = Vec::new();
    let told = format!("segment {} of {}", segment.number, segment.name);
    if segment.number != before.number + 1 {
        return vec![lost_line(&segment.name, &(before.number + 1..=segment.number - 1))];
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
        let known = match &segment.follows {
            Follows::Gap { anew: true, .. } => set(&segment.previous),
            Follows::Gap { missing, .. } => before.covered_set().union(&set(missing)),
            _ => before.covered_set(),
        };
        let inside = set(&segment.gtids).union(&set(&segment.unlogged));
        if known.union(&inside) != segment.covered_set() {
            broken.push(format!("the GTID set of {told} does not follow from the one before it"));
        }
        // The history of one server only grows.
        let goes_on = same_server && !matches!(segment.follows, Follows::Gap { .. });
        if goes_on && !set(&segment.previous).contains(&before.executed_set()) {
            broken.push(format!("{told} begins without transactions of the one before it"));
        }
    }
    broken
}

/// What is known to be missing, one line each.
pub fn gaps(segments: &[Segment]) -> Vec<String> {
    let mut gaps = Vec::new();
    for (i, segment) in segments.iter().enumerate() {
        let at = format!("{}:{}", segment.file, segment.start);
        gaps.extend(gap_line(segment).map(|line| format!("gap {line}")));
        // What was before the archive is not missing in it.
        if !segment.unlogged.is_empty() && segment.follows != Follows::First {
            gaps.push(format!(
                "before {at}: transactions {} were in no binary log of {}",
                segment.unlogged, segment.server
            ));
        }
        gaps.extend(fork_line(segments, i));
    }
    gaps
}

/// Transactions of the archive that the server of a segment never had, where the archive goes over to it; empty where it has all.
fn fork(segments: &[Segment], at: usize) -> GtidSet {
    let absent = set(&segments[at].absent);
    if absent.is_empty() {
        return absent;
    }
    // What came from the new server later was merely late there.
    let of_this_history =
        segments[at..].iter().enumerate().take_while(|(j, segment)| *j == 0 || !segment.begins_anew());
    let later =
        of_this_history.map(|(_, segment)| segment).fold(GtidSet::default(), |all, one| all.union(&set(&one.gtids)));
    absent.subtract(&later)
}

fn fork_line(segments: &[Segment], at: usize) -> Option<String> {
    let (absent, segment) = (fork(segments, at), &segments[at]);
    let place = format!("{}:{}", segment.file, segment.start);
    let line =
        || format!("fork before {place}: {} never had transactions {absent}, which the archive holds", segment.server);
    (!absent.is_empty()).then(line)
}

/// Between which places a segment follows a gap, and what is missing there; none where it follows none.
pub fn gap_line(segment: &Segment) -> Option<String> {
    let Follows::Gap { missing, after, anew } = &segment.follows else { return None };
    let which = match (anew, missing.is_empty()) {
        (true, _) => ": another history begins there; how the one before went on is not known".to_owned(),
        (false, true) => String::new(),
        (false, false) => format!(": transactions {missing}"),
    };
    Some(format!("between {after} and {}:{}{which}", segment.file, segment.start))
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
    /// All its documents are there and join each other.
    pub whole: bool,
}

/// Adds up an archive, `whole` or not; none where it holds no segment.
pub fn summary(segments: &[Segment], whole: bool) -> Option<Summary> {
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
        whole,
    })
}

/// Microseconds since 1970 as a moment.
pub fn moment(microseconds: u64) -> Option<Timestamp> {
    i64::try_from(microseconds).ok().and_then(|us| Timestamp::from_microsecond(us).ok())
}

#[cfg(test)]
mod tests;
