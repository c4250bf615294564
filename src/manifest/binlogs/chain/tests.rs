use super::super::LastEvent;
use super::*;
use crate::codec::binlog::Checksum;
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
    let gap = Follows::Gap { missing: format!("{A}:21-30"), after: "b.2:100".into() };
    vec![
        segment(3, "b.1", 0, 100, Follows::First, ["1-5", "6-10", "1-10"]),
        segment(4, "b.1", 100, 200, Follows::SameFile, ["1-10", "11-15", "1-15"]),
        segment(5, "b.2", 0, 100, Follows::NextFile, ["1-15", "16-20", "1-20"]),
        segment(6, "b.5", 0, 100, gap, ["1-30", "31-40", "1-40"]),
    ]
}

fn from(gtids: &str) -> Coverage {
    let position = Position { gtid_executed: format!("{A}:{gtids}"), ..Position::default() };
    coverage(&archive(), &position, A)
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
    assert!(changed(|all| drop(all.remove(1))).contains("segments 4 to 4"));
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
    }
    let at = |file: &str, offset: u64, server: &str| {
        let position = Position { binlog_file: Some(file.into()), binlog_offset: Some(offset), ..Position::default() };
        let coverage = coverage(&segments, &position, server);
        (coverage.first_segment, coverage.last_segment, coverage.missing)
    };
    assert_eq!(at("b.1", 150, A), (Some(4), Some(5), Some("what stands between b.2:100 and b.5:0".into())));
    assert_eq!(at("b.5", 100, A), (Some(6), Some(6), None));
    assert_eq!(at("b.1", 150, "other").0, None);
    assert_eq!(at("b.3", 150, A).0, None);
}
