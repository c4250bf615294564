//! JUnit XML, the form that continuous integration reads. A drill is a suite; its phases, its proof, its assertions and
//! its budgets are cases. What was not as wanted is a `failure`, what kept the drill from telling is an `error`, what it did
//! not get to is `skipped`. Elements and attributes are those of the Jenkins schema junit-10, which the readers of GitLab,
//! Azure and others take as well.

use super::face;
use super::markup::{Markup, node};
use super::trend;
use super::words::{duration, machine_moment};
use crate::command::drill::record::{DrillRecord, Verdict};

/// The document of one drill.
pub fn junit(record: &DrillRecord) -> String {
    document("myriad drill", &[suite(record)])
}

/// A suite with what stands in its head.
pub(super) struct Suite {
    pub tests: usize,
    pub failures: usize,
    pub errors: usize,
    pub seconds: f64,
    pub element: Markup,
}

/// A document of several suites.
pub(super) fn document(name: &str, suites: &[Suite]) -> String {
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>().to_string();
    let seconds = seconds(suites.iter().map(|suite| suite.seconds).sum());
    let attributes = [
        ("name", name),
        ("tests", &sum(|suite| suite.tests)),
        ("failures", &sum(|suite| suite.failures)),
        ("errors", &sum(|suite| suite.errors)),
        ("time", &seconds),
    ];
    let inner = suites.iter().map(|suite| suite.element.clone()).collect::<Markup>();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", node("testsuites", &attributes, inner).into_string())
}

/// How a case ended.
enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
    Error(String),
}

struct Case {
    group: &'static str,
    name: String,
    seconds: f64,
    outcome: Outcome,
    output: Option<String>,
}

/// The suite of one drill.
pub(super) fn suite(record: &DrillRecord) -> Suite {
    let mut cases = vec![verdict_case(record)];
    cases.extend(phase_cases(record));
    cases.extend(assertion_cases(record));
    cases.extend(budget_cases(record));
    let number = |counts: fn(&Outcome) -> bool| cases.iter().filter(|case| counts(&case.outcome)).count();
    let failures = number(|outcome| matches!(outcome, Outcome::Failed(_)));
    let errors = number(|outcome| matches!(outcome, Outcome::Error(_)));
    let skipped = number(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let whole = record.ended.duration_since(record.begun).as_secs_f64().max(0.0);
    let attributes = [
        ("name", format!("drill {}", record.name)),
        ("id", record.id.clone()),
        ("tests", cases.len().to_string()),
        ("failures", failures.to_string()),
        ("errors", errors.to_string()),
        ("skipped", skipped.to_string()),
        ("time", seconds(whole)),
        ("timestamp", machine_moment(record.begun)),
        ("hostname", record.machine.host.clone()),
    ];
    let attributes: Vec<(&str, &str)> = attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let elements = cases.iter().map(|case| element(case, record)).collect::<Markup>();
    let inner = Markup::all([properties(record), elements, output(record)]);
    Suite { tests: cases.len(), failures, errors, seconds: whole, element: node("testsuite", &attributes, inner) }
}

/// The suite of a source that was not drilled: one case, which is an error.
pub(super) fn missing(source: &str, said: &str) -> Suite {
    let key = face::of(Verdict::CouldNotRun).key;
    let error = node("error", &[("type", key), ("message", said)], said);
    let class = format!("{source}.verdict");
    let case = node("testcase", &[("classname", &class), ("name", "verdict"), ("time", "0.000")], error);
    let name = format!("drill {source}");
    let attributes = [("name", name.as_str()), ("tests", "1"), ("failures", "0"), ("errors", "1"), ("time", "0.000")];
    Suite { tests: 1, failures: 0, errors: 1, seconds: 0.0, element: node("testsuite", &attributes, case) }
}

/// The verdict itself, so that a drill that is not all well has a case that failed, whatever the others say.
fn verdict_case(record: &DrillRecord) -> Case {
    let said = || if record.failures.is_empty() { record.message.clone() } else { record.failures.join("\n") };
    let outcome = match record.verdict {
        Verdict::Proved => Outcome::Passed,
        Verdict::CouldNotRun => Outcome::Error(said()),
        _ => Outcome::Failed(said()),
    };
    let seconds = record.recovery_seconds.unwrap_or(0.0);
    Case { group: "verdict", name: "verdict".to_owned(), seconds, outcome, output: None }
}

/// Phases that ended passed; what went wrong in them is told by the verdict.
fn phase_cases(record: &DrillRecord) -> impl Iterator<Item = Case> + '_ {
    record.phases.iter().map(|phase| {
        let broken = phase.name == "proof" && record.verdict == Verdict::DamagedBackup;
        let open = phase.name == "proof" && record.verdict == Verdict::Unproved;
        let outcome = match (broken, open) {
            (true, _) => Outcome::Failed(record.message.clone()),
            (_, true) => Outcome::Skipped(record.message.clone()),
            _ => Outcome::Passed,
        };
        Case { group: "phases", name: phase.name.clone(), seconds: phase.seconds, outcome, output: None }
    })
}

fn assertion_cases(record: &DrillRecord) -> impl Iterator<Item = Case> + '_ {
    record.assertions.iter().map(|assertion| {
        let said = format!("expected {}, found {}", assertion.expected, assertion.found);
        Case {
            group: "assertions",
            name: assertion.name.clone(),
            seconds: assertion.seconds,
            outcome: if assertion.held { Outcome::Passed } else { Outcome::Failed(said) },
            output: assertion.sql.clone(),
        }
    })
}

fn budget_cases(record: &DrillRecord) -> Vec<Case> {
    let case = |name: &str, budget: Option<f64>, found: Option<f64>| {
        let budget = budget?;
        let outcome = match found {
            None => Outcome::Skipped("the drill did not get far enough to tell".to_owned()),
            Some(found) if found > budget => {
                Outcome::Failed(format!("{} against {} allowed", duration(found), duration(budget)))
            }
            Some(_) => Outcome::Passed,
        };
        let name = format!("{name} within {}", duration(budget));
        Some(Case { group: "budgets", name, seconds: found.unwrap_or(0.0), outcome, output: None })
    };
    let recovery = case("recovery time", record.budgets.rto_seconds, trend::recovery_seconds(record));
    let loss = case("data loss", record.budgets.rpo_seconds, record.data_loss_seconds);
    // The age of a snapshot is no time that the drill took.
    let loss = loss.map(|case| Case { seconds: 0.0, ..case });
    recovery.into_iter().chain(loss).collect()
}

fn element(case: &Case, record: &DrillRecord) -> Markup {
    let key = face::of(record.verdict).key;
    let result = |tag: &'static str, said: &String| {
        let first = said.lines().next().unwrap_or_default();
        node(tag, &[("type", key), ("message", first)], said)
    };
    let result = match &case.outcome {
        Outcome::Passed => Markup::none(),
        // Readers of `skipped` show its message alone.
        Outcome::Skipped(said) => node("skipped", &[("message", said)], ""),
        Outcome::Failed(said) => result("failure", said),
        Outcome::Error(said) => result("error", said),
    };
    let output = case.output.as_ref().map_or_else(Markup::none, |text| node("system-out", &[], text));
    let class = format!("{}.{}", record.name, case.group);
    let attributes = [("classname", class.as_str()), ("name", &case.name), ("time", &seconds(case.seconds))];
    node("testcase", &attributes, Markup::all([result, output]))
}

fn properties(record: &DrillRecord) -> Markup {
    let mut pairs = vec![("verdict", face::of(record.verdict).key.to_owned()), ("program", record.program.clone())];
    if let Some(backup) = &record.backup {
        pairs.push(("backup", backup.id.clone()));
        pairs.push(("snapshot", machine_moment(backup.snapshot)));
        pairs.push(("manifest_sha256", backup.manifest_sha256.clone()));
        pairs.push(("source_server", backup.source_server.clone()));
    }
    if let Some(server) = &record.server {
        pairs.push(("server", format!("{} {}", server.family, server.version)));
    }
    if let Some(scope) = &record.scope {
        pairs.push(("scope", scope.text.clone()));
    }
    let property = |(name, value): (&str, String)| node("property", &[("name", name), ("value", &value)], "");
    node("properties", &[], pairs.into_iter().map(property).collect::<Markup>())
}

/// Message, notes and what to do, as the text of the run.
fn output(record: &DrillRecord) -> Markup {
    let mut lines = vec![record.message.clone()];
    lines.extend(record.notes.iter().map(|note| format!("note: {note}")));
    lines.extend(record.next.iter().map(|next| format!("next: {next}")));
    node("system-out", &[], lines.join("\n"))
}

/// Seconds with thousandths and no separator.
fn seconds(seconds: f64) -> String {
    format!("{:.3}", seconds.max(0.0))
}
