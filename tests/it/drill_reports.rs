//! The reports of drills that never were: each is read by a parser of its own form, for every verdict, for histories of any
//! length, and for texts that try to break out. Where xmllint or promtool are installed they read them too.

use crate::support::drill_records::{HOSTILE, VERDICTS, drill, history, hostile, named};
use crate::support::outside::{self, Checked};
use boon::{Compiler, SchemaIndex, Schemas};
use jiff::Timestamp;
use myriad::command::drill::record::{DrillRecord, Verdict};
use myriad::command::drill::report::{self, MergedDrills, ReportOptions};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Every verdict, a hostile drill, and one cut off before it had anything.
fn records() -> Vec<DrillRecord> {
    let mut records: Vec<DrillRecord> = VERDICTS.iter().map(|verdict| drill(*verdict, 0)).collect();
    let mut bare = drill(Verdict::CouldNotRun, 0);
    bare.phases.clear();
    bare.budgets = Default::default();
    records.extend([hostile(), bare]);
    records
}

/// Twelve sources: one of each verdict, an old one, one that was never drilled; with all their drills.
fn many() -> (MergedDrills, Vec<DrillRecord>) {
    let mut all = Vec::new();
    for (i, verdict) in VERDICTS.iter().enumerate() {
        let name = format!("shard-{i}");
        all.extend((-5..0).map(|day| named(&name, Verdict::Proved, day)));
        all.push(named(&name, *verdict, 0));
    }
    all.push(named("old", Verdict::Proved, -9));
    let now: Timestamp = "2026-11-24T06:00:00Z".parse().unwrap();
    (report::merge(&all, &["never".to_owned(), "shard-0".to_owned()], Some(86400.0), now), all)
}

#[test]
fn the_documented_schemas_take_every_record_and_know_every_field() {
    let mut schemas = Schemas::new();
    let one = schema("drill-record", &mut schemas);
    let merged = schema("drill-merged", &mut schemas);
    let check = |value: &Value, schema: SchemaIndex| {
        schemas.validate(value, schema).map_err(|error| format!("{error:#}\n{value:#}"))
    };
    for record in records() {
        let value: Value = serde_json::from_str(&report::json(&record)).unwrap();
        check(&value, one).unwrap_or_else(|error| panic!("{error}"));
        let read: DrillRecord = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), value);
    }
    check(&serde_json::from_str(&many().0.json()).unwrap(), merged).unwrap_or_else(|error| panic!("{error}"));

    // A field that is gone, one that is new, one of another type: each is seen.
    let value: Value = serde_json::from_str(&report::json(&drill(Verdict::Proved, 0))).unwrap();
    let mut wrong = vec![value.clone(), value.clone(), value.clone(), value];
    wrong[0].as_object_mut().unwrap().remove("verdict");
    wrong[1]["backup"]["colour"] = "red".into();
    wrong[2]["begun"] = "yesterday".into();
    wrong[3]["phases"][0]["seconds"] = "5".into();
    for value in wrong {
        assert!(check(&value, one).is_err(), "{value:#}");
    }
}

/// A schema of docs/, closed: the published one lets later versions add fields, this one does not, so that code and schema
/// cannot part.
fn schema(name: &str, schemas: &mut Schemas) -> SchemaIndex {
    fn close(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.values_mut().for_each(close);
                if fields.get("properties").is_some_and(Value::is_object) {
                    fields.insert("additionalProperties".to_owned(), false.into());
                }
            }
            Value::Array(values) => values.iter_mut().for_each(close),
            _ => {}
        }
    }
    let mut compiler = Compiler::new();
    compiler.enable_format_assertions();
    for file in ["drill-record", "drill-merged"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{file}.schema.json"));
        let mut value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        close(&mut value);
        compiler.add_resource(&format!("https://schemas.test/{file}.schema.json"), value).unwrap();
    }
    compiler
        .compile(&format!("https://schemas.test/{name}.schema.json"), schemas)
        .unwrap_or_else(|error| panic!("{error:#}"))
}

#[test]
fn junit_is_what_its_readers_take() {
    let mut texts: Vec<String> = records().iter().map(report::junit).collect();
    texts.push(many().0.junit());
    let folder = tempfile::tempdir().unwrap();
    for (i, text) in texts.iter().enumerate() {
        junit_is_sound(text);
        let file = folder.path().join(format!("{i}.xml"));
        std::fs::write(&file, text).unwrap();
        let seen = outside::check("xmllint", &["--noout", "--nonet"], &file);
        assert!(!matches!(seen, Checked::Refused(_)), "{seen:?}\n{text}");
    }
    let failed = |verdict| {
        let text = report::junit(&drill(verdict, 0));
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        (root.attribute("failures").unwrap().to_owned(), root.attribute("errors").unwrap().to_owned())
    };
    assert_eq!(failed(Verdict::Proved), ("0".into(), "0".into()));
    assert_eq!(failed(Verdict::OverBudget), ("2".into(), "0".into()), "the verdict, and the budget");
    assert_eq!(failed(Verdict::AssertionFailed), ("2".into(), "0".into()), "the verdict, and the assertion");
    assert_eq!(failed(Verdict::CouldNotRun), ("0".into(), "1".into()));
}

/// Elements, their attributes, their places and their sums, as in the schema junit-10 of Jenkins.
fn junit_is_sound(text: &str) {
    let known: BTreeMap<&str, (&str, &[&str])> = BTreeMap::from([
        ("testsuites", ("", &["name", "time", "tests", "failures", "errors"][..])),
        (
            "testsuite",
            (
                "testsuites",
                &["name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id"][..],
            ),
        ),
        ("properties", ("testsuite", &[][..])),
        ("property", ("properties", &["name", "value"][..])),
        ("testcase", ("testsuite", &["name", "time", "classname"][..])),
        ("failure", ("testcase", &["type", "message"][..])),
        ("error", ("testcase", &["type", "message"][..])),
        ("skipped", ("testcase", &["message"][..])),
        ("system-out", ("testcase testsuite", &[][..])),
    ]);
    let document = roxmltree::Document::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let elements = || document.descendants().filter(roxmltree::Node::is_element);
    for element in elements() {
        let name = element.tag_name().name();
        let (parents, attributes) = known.get(name).unwrap_or_else(|| panic!("{name} in\n{text}"));
        let parent = element.parent_element().map(|parent| parent.tag_name().name().to_owned()).unwrap_or_default();
        assert!(parents.split(' ').any(|allowed| allowed == parent), "{name} in {parent:?}");
        for attribute in element.attributes() {
            assert!(attributes.contains(&attribute.name()), "{name} {}", attribute.name());
        }
        if let Some(time) = element.attribute("time") {
            let (whole, part) = time.split_once('.').unwrap();
            assert!(part.len() == 3 && [whole, part].iter().all(|digits| digits.bytes().all(|b| b.is_ascii_digit())));
        }
    }
    let count =
        |of: roxmltree::Node, name: &str| of.descendants().filter(|node| node.has_tag_name(name)).count().to_string();
    for suite in elements().filter(|node| matches!(node.tag_name().name(), "testsuite" | "testsuites")) {
        for (attribute, element) in [("tests", "testcase"), ("failures", "failure"), ("errors", "error")] {
            assert_eq!(suite.attribute(attribute), Some(count(suite, element).as_str()), "{attribute}");
        }
        assert!(suite.attribute("skipped").is_none_or(|skipped| skipped == count(suite, "skipped")));
    }
}

#[test]
fn metrics_are_what_prometheus_takes() {
    let history = history(30);
    let mut texts: Vec<String> = records().iter().map(|record| report::metrics(record, &history)).collect();
    let (merged, all) = many();
    texts.push(merged.metrics(&all));
    let folder = tempfile::tempdir().unwrap();
    for (i, text) in texts.iter().enumerate() {
        let series = exposition(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(series.keys().all(|key| key.starts_with("myriad_drill_")), "{text}");
        let file = folder.path().join(format!("{i}.prom"));
        std::fs::write(&file, text).unwrap();
        let seen = outside::check_input("promtool", &["check", "metrics"], &file);
        assert!(!matches!(seen, Checked::Refused(_)), "{seen:?}\n{text}");
    }
    let failed = exposition(&report::metrics(&drill(Verdict::AssertionFailed, 0), &history)).unwrap();
    let value = |key: &str| *failed.get(key).unwrap_or_else(|| panic!("{key} in {failed:#?}"));
    assert_eq!(value("myriad_drill_verdict{name=\"shop\",verdict=\"assertion_failed\"}"), 1.0);
    assert_eq!(value("myriad_drill_verdict{name=\"shop\",verdict=\"proved\"}"), 0.0);
    assert_eq!(value("myriad_drill_success{name=\"shop\"}"), 0.0);
    assert_eq!(value("myriad_drill_assertions{name=\"shop\",outcome=\"failed\"}"), 1.0);
    assert_eq!(value("myriad_drill_rto_seconds{name=\"shop\"}"), 1800.0);
    let yesterday = drill(Verdict::Proved, -1).begun.as_second() as f64;
    assert_eq!(value("myriad_drill_proved_timestamp_seconds{name=\"shop\"}"), yesterday);
    for wrong in ["a 1", "# HELP a b\n# TYPE a gauge\na{b=\"c} 1\n", "# HELP a b\n# TYPE a gauge\na 1\na 1\n"] {
        assert!(exposition(wrong).is_err(), "{wrong}");
    }
}

/// The series of a document in the text format, read strictly: each metric has HELP, TYPE and then its series, all names
/// and labels are well formed, and no series stands twice.
fn exposition(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let name_is_legal = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let mut series = BTreeMap::new();
    let mut metrics = BTreeSet::new();
    let mut current = ("", false);
    if !text.ends_with('\n') {
        return Err("no line feed at the end".to_owned());
    }
    for line in text.lines() {
        let wrong = |why: &str| Err(format!("{why}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or("help without text")?;
            if !metrics.insert(name) || help.is_empty() || !name_is_legal(name) {
                return wrong("help");
            }
            current = (name, false);
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            if rest != format!("{} gauge", current.0) || current.1 {
                return wrong("type");
            }
            current.1 = true;
            continue;
        }
        let (key, value) = line.rsplit_once(' ').ok_or("a line without value")?;
        let (name, labels) = key.split_once('{').unwrap_or((key, "}"));
        if name != current.0 || !current.1 {
            return wrong("a series that is not of the metric above");
        }
        labels_are_legal(labels, name_is_legal).map_err(|why| format!("{why}: {line}"))?;
        let number: f64 = value.parse().map_err(|_| format!("no number: {line}"))?;
        if series.insert(key.to_owned(), number).is_some() {
            return wrong("twice");
        }
    }
    Ok(series)
}

/// `a="b",c="d"}` with each quote, backslash and line feed in a value escaped.
fn labels_are_legal(labels: &str, name_is_legal: impl Fn(&str) -> bool) -> Result<(), &'static str> {
    let mut rest = labels;
    while rest != "}" {
        let (name, after) = rest.split_once("=\"").ok_or("no value")?;
        if !name_is_legal(name) {
            return Err("a label's name");
        }
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().ok_or("a value without end")? {
                (_, '\\') if !matches!(characters.next(), Some((_, '\\' | '"' | 'n'))) => return Err("an escape"),
                (i, '"') => break i,
                _ => {}
            }
        };
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    Ok(())
}

#[test]
fn a_merged_report_has_each_source_once_and_the_worst_verdict() {
    let (merged, all) = many();
    assert_eq!(merged.verdict, Verdict::CouldNotRun);
    let names: Vec<&str> = merged.drills.iter().map(|drill| drill.name.as_str()).collect();
    assert_eq!(names, ["shard-5", "shard-4", "shard-3", "shard-2", "shard-1", "old", "shard-0"]);
    let missing: Vec<(&str, bool)> =
        merged.missing.iter().map(|missing| (missing.name.as_str(), missing.last.is_some())).collect();
    assert_eq!(missing, [("never", false), ("old", true)]);
    assert!(
        merged.drills.iter().all(|drill| drill.name == "old" || drill.begun == named("x", Verdict::Proved, 0).begun)
    );
    assert_eq!(
        merged.message,
        "6 sources drilled: 1 proved, 1 over budget, 1 restored but unproved, 1 assertion failed, 1 damaged backup, \
         1 could not run, 2 not drilled"
    );
    // What is proved stays proved only while nothing is missing.
    let good: Vec<DrillRecord> = all.iter().filter(|drill| drill.verdict == Verdict::Proved).cloned().collect();
    let now: Timestamp = "2026-11-24T06:00:00Z".parse().unwrap();
    assert_eq!(report::merge(&good, &[], None, now).verdict, Verdict::Proved);
    assert_eq!(report::merge(&good, &["never".to_owned()], None, now).verdict, Verdict::CouldNotRun);
    assert_eq!(report::merge(&[], &[], None, now).verdict, Verdict::CouldNotRun);
}

#[test]
fn files_appear_whole_beside_others_and_can_be_read_by_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (merged, all) = many();
    let options = ReportOptions { folder: Some(at("all")), ..ReportOptions::default() };
    let written = report::write_merged(&options, &merged, &all).unwrap();
    let mut found: Vec<_> = std::fs::read_dir(at("all")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    let mut expected = written.clone();
    expected.sort();
    assert_eq!(found, expected, "nothing else is left there");
    assert_eq!(written.len(), 4 * merged.drills.len() + 3);
    // A collector reads all metrics of the folder together.
    let metrics = found.iter().filter(|file| file.extension().is_some_and(|ending| ending == "prom"));
    let mut series = BTreeSet::new();
    for file in metrics {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(exposition(&text).unwrap().into_keys().all(|key| series.insert(key)), "{}", file.display());
    }
    assert!(series.len() > 100);
    let umask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(umask);
    let mode = std::fs::metadata(&written[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666 & !umask.bits());

    let single = ReportOptions { metrics: Some(at("drill.prom")), ..ReportOptions::default() };
    report::write(&single, &drill(Verdict::Proved, 0), &[]).unwrap();
    report::write(&single, &drill(Verdict::Proved, 1), &[]).unwrap();
    let text = std::fs::read_to_string(at("drill.prom")).unwrap();
    assert_eq!(text, report::metrics(&drill(Verdict::Proved, 1), &[]));
    let nowhere = ReportOptions { junit: Some(at("none/drill.xml")), ..ReportOptions::default() };
    let error = report::write(&nowhere, &drill(Verdict::Proved, 0), &[]).unwrap_err();
    assert!(error.to_string().contains("none/drill.xml"), "{error}");
}

#[test]
fn hostile_text_stays_text() {
    let record = hostile();
    let xml = report::junit(&record);
    let document = roxmltree::Document::parse(&xml).unwrap();
    let host = document.descendants().find_map(|node| node.attribute("hostname")).unwrap();
    assert!(host.starts_with("<script>alert('x')</script>\"'&amp;]]>\\"), "{host:?}");
    assert!(!host.contains(['\u{1}', '\u{202e}']) && HOSTILE.contains('\u{202e}'), "{host:?}");
    let json: Value = serde_json::from_str(&report::json(&record)).unwrap();
    assert_eq!(json["name"], HOSTILE);
}
