//! A made-up contest, whose sums are checked here and whose pictures in `chart` and `page`.

use super::*;

fn command() -> measure::Step {
    measure::Step {
        program: "/usr/bin/myriad".into(),
        arguments: vec!["backup".into()],
        environment: vec![],
        input: None,
        output: None,
        may_fail: false,
    }
}

fn usage(wall: f64, client: f64, server: f64) -> Usage {
    Usage {
        wall_seconds: wall,
        client_cpu_seconds: client,
        client_memory_bytes: 1_000_000,
        server_cpu_seconds: Some(server),
        server_written_bytes: Some(5_000_000),
    }
}

/// Three rounds under either of the settings; one rival lost something, and one could not be had.
pub(in crate::bench) fn board() -> Scoreboard {
    let mut scores = Scores::default();
    for settings in [Settings::Switched, Settings::AsStarted] {
        for wall in [3.0, 1.0, 2.0] {
            let mut add = |step, who, usage, bytes| scores.add(settings, step, who, &command(), usage, bytes);
            add(Step::Dump, ("other <&>", ""), usage(wall * 2.0, 1.0, 1.0), Some(4000));
            add(Step::Dump, (OURS, ""), usage(wall, 2.0, 1.0), Some(1000));
            add(Step::SecondDump, (OURS, ""), usage(wall, 2.0, 1.0), Some(10));
            add(Step::Load, ("other <&>", "plain"), usage(10.0, 1.0, 8.0), None);
            add(Step::Load, (OURS, "without proof"), usage(wall * 2.0, 0.4, 4.0), None);
        }
    }
    let difference = Difference { place: "s.t".into(), what: "column f: other values".into() };
    let losses = vec![Loss { rival: "other <&>".into(), way: "plain".into(), differences: vec![difference] }];
    let absent = vec![Absent { rival: "mysqlsh".into(), why: "no mysqlsh found".into() }];
    Scoreboard::new(facts(), scores, losses, absent)
}

fn facts() -> Facts {
    Facts {
        measured_at: "2026-11-24 18:00 UTC".into(),
        cpu: "a processor".into(),
        cores: 2,
        memory_bytes: 1 << 30,
        disk: "ext4 on vda (no rotation)".into(),
        system: "Linux 6 x86_64".into(),
        programs: vec![ProgramVersion { program: "mysql".into(), version: "Ver 9.7.4".into() }],
        server: "9.7.4".into(),
        buffer_pool_bytes: 1 << 20,
        redo_log_bytes: 1 << 20,
        data: "wide:7".into(),
        tables: 1,
        data_bytes: 1,
        index_bytes: 1,
        runs: 3,
        warm_ups: 1,
        threads: 2,
    }
}

#[test]
fn ratios_are_those_of_the_medians() {
    let board = board();
    assert_eq!(board.settings(), [Settings::AsStarted, Settings::Switched]);
    assert_eq!((board.lines.len(), board.ratios.len()), (10, 4));
    let [dump, load] = &board.ratios[..2] else { unreachable!() };
    assert_eq!((dump.what.as_str(), dump.against.as_str()), ("myriad dump", "other <&> dump"));
    let near = |value: Option<f64>, wanted: f64| value.is_some_and(|value| (value - wanted).abs() < 1e-9);
    assert!(near(Some(dump.wall), 0.5) && near(dump.client_cpu, 2.0) && near(dump.size, 0.25), "{dump:?}");
    assert!(near(Some(load.wall), 0.4) && near(load.server_cpu, 0.5) && near(load.written, 1.0), "{load:?}");
    assert!(dump.written.is_none() && load.size.is_none());
    assert_eq!(board.lines[0].wall_seconds, Spread { median: 2.0, least: 1.0, most: 3.0 });
    let even = Spread::of(vec![4.0, 1.0, 3.0, 2.0]).unwrap();
    assert_eq!(even, Spread { median: 2.5, least: 1.0, most: 4.0 });
}

#[test]
fn it_prints_every_line_and_marks_what_is_lost() {
    let board = board();
    let text = board.to_string();
    for line in &board.lines {
        assert!(text.contains(&line.label()), "{text}");
    }
    for told in ["2.00 lost", "mysqlsh: no mysqlsh found", "s.t: column f: other values", "Ver 9.7.4", "ext4 on vda"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert_eq!((shown(1.004), shown(1.006), shown(0.5)), ("1.00".into(), "1.01 lost".into(), "0.50".into()));
}

#[test]
fn what_was_serialised_is_read_again() {
    let board = board();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), serde_json::to_vec(&board).unwrap()).unwrap();
    let again = read(file.path()).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&board).unwrap());
    std::fs::write(file.path(), "{\"lines\": []}").unwrap();
    assert!(matches!(read(file.path()), Err(BenchError::Earlier { .. })));
}
