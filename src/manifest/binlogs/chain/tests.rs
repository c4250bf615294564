use super::super::LastEvent;
use super::*;
use crate::codec::binlog::Checksum;
use crate::position::Position;
use crate::server::facts::Flavor;

const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

fn segment(number: u64, file: &str, start: u64, end: u64, follows: Follows, sets: [&str; 3]) -> Segment {
    let [previous, gtids, covered] =
        sets.map(|text| if text.is_empty() { String::new() } else { format!("{A}:{text}") });
    Segment {
        format: 1,
        name: "shop".into(),
        number,
        program: String::new(),
        stored: Timestamp::UNIX_EPOCH,
        flavor: Flavor::Mysql,
        server: A.into(),
        version: "9.7.4".into(),
        file: file.into(),
        start,
        end,
        file_ends: false,
        follows,
        checksum: Checksum::Crc32,
        previous,
        gtids,
        covered,
        unlogged: String::new(),
        absent: String::new(),
        transactions: 5,
        events: 20,
        first_commit_us: Some(number * 1_000_000),
        last_commit_us: Some(number * 1_000_000 + 5),
        last_event: LastEvent { start, crc32: 0 },
        sha256: String::new(),
        object: String::new(),
        object_bytes: 10,
    }
}

fn archive() -> Vec<Segment> {
    let gap = Follows::Gap { missing: format!("{A}:21-30"), after: "b.2:100".into(), anew: false };
    vec![
        segment(3, "b.1", 0, 100, Follows::First, ["1-5", "6-10", "1-10"]),
        segment(4, "b.1", 100, 200, Follows::SameFile, ["1-10", "11-15", "1-15"]),
        segment(5, "b.2", 0, 100, Follows::NextFile, ["1-15", "16-20", "1-20"]),
        segment(6, "b.5", 0, 100, gap, ["1-30", "31-40", "1-40"]),
    ]
}

fn at_second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// First and last segment for a backup of server A with GTIDs, file, offset, and time in seconds.
fn standing(
    segments: &[Segment],
    gtids: &str,
    file: &str,
    offset: u64,
    second: i64,
) -> (Option<u64>, Option<u64>, String) {
    let gtid_executed = if gtids.is_empty() { String::new() } else { format!("{A}:{gtids}") };
    let position =
        Position { gtid_executed, binlog_file: Some(file.into()), binlog_offset: Some(offset), ..Position::default() };
    let coverage = coverage(
        segments,
        &Standing { position: &position, server: A, snapshot: at_second(second), all_have_gtids: true },
    );
    (coverage.first_segment, coverage.last_segment, coverage.missing.unwrap_or_default())
}

fn from(gtids: &str) -> Coverage {
    let position = Position { gtid_executed: format!("{A}:{gtids}"), ..Position::default() };
    coverage(&archive(), &Standing { position: &position, server: A, snapshot: at_second(3), all_have_gtids: true })
}

#[test]
fn neighbours_that_join() {
    assert_eq!(breaks(&archive()), Vec::<String>::new());
    let changed = |change: fn(&mut Vec<Segment>)| {
        let mut segments = archive();
        change(&mut segments);
        let broken = breaks(&segments);
        assert_eq!(broken.len(), 1, "{broken:#?}");
        broken[0].clone()
    };
    assert!(changed(|all| drop(all.remove(1))).contains("of segment 4 of"));
    assert!(changed(|all| all[1].start = 99).contains("b.1:99"));
    assert!(changed(|all| all[2].server = "other".into()).contains("segment 5"));
    assert!(changed(|all| all[3].follows = Follows::Gtid).contains("GTID set of segment 6"));
    assert!(changed(|all| all[3].covered = format!("{A}:1-41")).contains("GTID set"));
}

#[test]
fn gaps_and_forks_are_named() {
    let mut segments = archive();
    assert_eq!(gaps(&segments), [format!("gap between b.2:100 and b.5:0: transactions {A}:21-30")]);
    segments[2].absent = format!("{A}:17-18");
    assert_eq!(gaps(&segments).len(), 1, "they came later");
    segments[2].absent = format!("{A}:10");
    segments[1].unlogged = format!("{A}:50");
    segments[0].unlogged = format!("{A}:51");
    assert_eq!(gaps(&segments).len(), 3, "what was before the archive is no gap of it");
    assert!(gaps(&segments)[0].contains("were in no binary log") && gaps(&segments)[1].contains("fork before b.2:0"));
}

#[test]
fn how_far_one_could_go() {
    let until = |coverage: &Coverage| (coverage.first_segment, coverage.last_segment);
    let early = from("1-3");
    assert_eq!(until(&early), (None, None));
    assert_eq!(early.missing, Some(format!("transactions {A}:4-5, before b.1:0")));
    let covered = from("1-12");
    assert_eq!((until(&covered), covered.file_offset.as_deref()), ((Some(4), Some(5)), Some("b.2:100")));
    assert!(covered.missing.unwrap().contains("21-30"));
    assert_eq!(covered.until, moment(5_000_005));
    // A server that lacks what would have been applied by then, until it has it too.
    let mut forked = archive();
    forked[2].absent = format!("{A}:12-13");
    let position = Position { gtid_executed: format!("{A}:1-7"), ..Position::default() };
    let over = |segments: &[Segment]| {
        let covered = coverage(
            segments,
            &Standing { position: &position, server: A, snapshot: at_second(3), all_have_gtids: true },
        );
        (covered.first_segment, covered.last_segment, covered.missing.unwrap_or_default())
    };
    let fork = over(&forked);
    assert_eq!((fork.0, fork.1), (Some(3), Some(4)));
    assert!(fork.2.contains("fork before b.2:0") && fork.2.contains("12-13"), "{}", fork.2);
    forked[2].gtids = format!("{A}:12-13:16-20");
    assert_eq!(over(&forked).1, Some(5));
    // The gap lies before the backup.
    let late = from("1-33");
    assert_eq!((until(&late), late.missing), ((Some(6), Some(6)), None));
    let after = from("1-50");
    assert!(until(&after) == (None, None) && after.missing.unwrap().contains("before the backup"));
}

#[test]
fn without_gtids_the_place_counts() {
    let mut segments = archive();
    for segment in &mut segments {
        (segment.gtids, segment.covered, segment.previous) = Default::default();
        if let Follows::Gap { missing, .. } = &mut segment.follows {
            missing.clear();
        }
    }
    let at = |file: &str, offset: u64, server: &str| {
        let position = Position { binlog_file: Some(file.into()), binlog_offset: Some(offset), ..Position::default() };
        let coverage = coverage(
            &segments,
            &Standing { position: &position, server, snapshot: at_second(4), all_have_gtids: true },
        );
        (coverage.first_segment, coverage.last_segment, coverage.missing)
    };
    assert_eq!(at("b.1", 150, A), (Some(4), Some(5), Some("what stands between b.2:100 and b.5:0".into())));
    assert_eq!(at("b.5", 100, A), (Some(6), Some(6), None));
    assert_eq!(at("b.1", 150, "other").0, None);
    assert_eq!(at("b.3", 150, A).0, None);
}

#[test]
fn a_break_is_the_end_whatever_the_way() {
    let mut segments = archive();
    segments.remove(2);
    for segment in &mut segments {
        segment.follows = if segment.number == 6 { Follows::SameFile } else { segment.follows.clone() };
    }
    let (first, last, missing) = standing(&segments, "1-7", "b.1", 50, 3);
    assert!((first, last) == (Some(3), Some(4)) && missing.contains("segment 5"), "{first:?} {last:?} {missing}");
    assert_eq!(standing(&segments, "1-33", "b.5", 50, 6).0, Some(6));
    for segment in &mut segments {
        (segment.gtids, segment.covered, segment.previous) = Default::default();
    }
    let (first, last, missing) = standing(&segments, "", "b.1", 150, 4);
    assert!((first, last) == (Some(4), Some(4)) && missing.contains("segment 5"), "{first:?} {last:?} {missing}");
}

#[test]
fn a_gap_without_gtids_ends_it_on_a_server_that_once_had_them() {
    let gap = Follows::Gap { missing: String::new(), after: "b.1:100".into(), anew: false };
    let segments = [
        segment(1, "b.1", 0, 400, Follows::First, ["1-4", "", "1-4"]),
        segment(2, "b.3", 0, 100, gap, ["1-4", "", "1-4"]),
    ];
    assert_eq!(breaks(&segments), Vec::<String>::new());
    let (first, last, missing) = standing(&segments, "1-4", "b.1", 200, 1);
    assert!(
        (first, last) == (Some(1), Some(1)) && missing.contains("between b.1:100 and b.3:0"),
        "{first:?} {missing}"
    );
}

/// The same numbers name other transactions after a reset, in files of the same names.
#[test]
fn nothing_is_promised_across_another_history() {
    let anew = Follows::Gap { missing: String::new(), after: "b.1:200".into(), anew: true };
    let segments = [
        segment(1, "b.1", 0, 200, Follows::First, ["", "1-11", "1-11"]),
        segment(11, "b.1", 0, 100, anew, ["", "1-4", "1-4"]),
        segment(12, "b.1", 100, 300, Follows::SameFile, ["1-4", "5-14", "1-14"]),
    ];
    let mut segments = segments.to_vec();
    (segments[1].number, segments[2].number) = (2, 3);
    assert_eq!(breaks(&segments), Vec::<String>::new());
    assert_eq!(gaps(&segments).len(), 1);
    let (first, last, missing) = standing(&segments, "1-7", "b.1", 150, 1);
    assert!((first, last) == (Some(1), Some(1)) && missing.contains("another history"), "{first:?} {last:?} {missing}");
    let (first, last, missing) = standing(&segments, "1-7", "b.1", 150, 12);
    assert_eq!((first, last, missing.as_str()), (Some(3), Some(3), ""));
    // An archive that holds only the history before, or only the one after.
    assert_eq!(standing(&segments[..1], "1-7", "b.1", 150, 12).0, None);
    assert_eq!(standing(&segments[1..], "1-7", "b.1", 150, 1).0, None);
    // A backup of another server: by its GTIDs it could be of either.
    let position = Position { gtid_executed: format!("{A}:1-3"), ..Position::default() };
    let other = coverage(
        &segments,
        &Standing { position: &position, server: "other", snapshot: at_second(5), all_have_gtids: true },
    );
    assert!(other.first_segment.is_none() && other.missing.unwrap().contains("several histories"));
    // Documents that call it one history do not join.
    segments[1].follows = Follows::Gtid;
    segments[1].covered = format!("{A}:1-11");
    assert!(breaks(&segments)[0].contains("begins without transactions"));
}
