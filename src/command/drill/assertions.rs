//! SQL assertions: what the configuration asks of the restored data. In: a session's address, the assertions, the moment of
//! the snapshot. Out: what came back of each, and whether it held. A statement that the server refuses does not hold.
//!
//! A session stands at the moment of the snapshot: `NOW()` is that moment, and times are in UTC.

use super::config::{Assertion, Expectation, Scalar};
use super::record::AssertionOutcome;
use crate::command::text;
use crate::limits;
use crate::progress::Stop;
use crate::server::session::Row;
use crate::server::{ConnectOptions, ServerError, Session};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use std::time::{Duration, Instant};

/// Characters of an answer that a record keeps.
const FOUND_CHARACTERS_MAX: usize = 500;
/// Rows that are shown of an answer or of what was wanted.
const ROWS_SHOWN: usize = 5;

/// Asks all of them, one after another. Ends early where a stop is asked for.
pub(super) async fn ask(
    server: &ConnectOptions,
    assertions: &[Assertion],
    snapshot: Timestamp,
    stop: &Stop,
) -> Vec<AssertionOutcome> {
    let mut outcomes = Vec::with_capacity(assertions.len());
    for assertion in assertions {
        if stop.stopped() {
            break;
        }
        outcomes.push(ask_one(server, assertion, snapshot, stop).await);
    }
    outcomes
}

async fn ask_one(server: &ConnectOptions, assertion: &Assertion, snapshot: Timestamp, stop: &Stop) -> AssertionOutcome {
    let begun = Instant::now();
    let timeout = assertion.timeout.unwrap_or(limits::ASSERTION_TIMEOUT);
    // Each has a session of its own: what one sets, or leaves running, is nothing to the next.
    let answer = tokio::select! {
        answer = tokio::time::timeout(timeout, query(server, assertion, snapshot)) => answer.unwrap_or_else(|_| {
            Err(format!("no answer within {}", text::seconds(timeout.as_secs_f64())))
        }),
        () = stopped(stop) => Err("stopped before it was answered".into()),
    };
    let (found, held) = match answer {
        Ok(rows) => judge(&assertion.expectation, &rows, snapshot, Timestamp::now()),
        Err(why) => (why, false),
    };
    AssertionOutcome {
        name: assertion.name.clone(),
        sql: Some(assertion.sql.clone()),
        expected: expected(&assertion.expectation),
        found: cut(found),
        held,
        seconds: begun.elapsed().as_secs_f64(),
    }
}

async fn stopped(stop: &Stop) {
    while !stop.stopped() {
        tokio::time::sleep(limits::STOP_PAUSE).await;
    }
}

async fn query(server: &ConnectOptions, assertion: &Assertion, snapshot: Timestamp) -> Result<Vec<Row>, String> {
    let told = |error: ServerError| answer_of(&error);
    let mut session = Session::connect(server).await.map_err(told)?;
    let moment = snapshot.as_millisecond() as f64 / 1000.0;
    session
        .execute(format!("SET NAMES utf8mb4, SESSION time_zone='+00:00', SESSION timestamp={moment:.3}"))
        .await
        .map_err(told)?;
    let rows = session.query(assertion.sql.as_str()).await.map_err(told)?;
    session.close().await;
    Ok(rows)
}

/// What the private server answered, without the address and the statement, which whoever reads it knows.
pub(super) fn answer_of(error: &ServerError) -> String {
    match error {
        ServerError::Statement { code, state, message, .. } => format!("error {code} ({state}): {message}"),
        other => other.to_string(),
    }
}

/// What came back, for people, and whether it is what was wanted.
fn judge(expectation: &Expectation, rows: &[Row], snapshot: Timestamp, now: Timestamp) -> (String, bool) {
    if let Expectation::RowsEqual(wanted) = expectation {
        let same = |(row, wanted): (&Row, &Vec<Scalar>)| {
            row.0.len() == wanted.len() && wanted.iter().enumerate().all(|(i, value)| equal(row.opt_text(i), value))
        };
        let held = rows.len() == wanted.len() && rows.iter().zip(wanted).all(same);
        return (shown(rows), held);
    }
    let Some(row) = rows.first() else { return ("no row".into(), false) };
    let Some(found) = row.opt_text(0) else { return ("NULL".into(), false) };
    let number = found.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let held = match expectation {
        Expectation::Equals(wanted) => equal(Some(found.clone()), wanted),
        Expectation::Between(from, to) => number.is_some_and(|number| (*from..=*to).contains(&number)),
        Expectation::AtLeast(least) => number.is_some_and(|number| number >= *least),
        Expectation::AtMost(most) => number.is_some_and(|number| number <= *most),
        Expectation::MaxAge { age, from_now } => {
            let Some(moment) = moment(&found) else { return (format!("{found}, which is no time"), false) };
            let reference = if *from_now { now } else { snapshot };
            let found_age = reference.duration_since(moment).as_secs_f64();
            // One row with a date in the future would else be fresh for as long.
            let held = found_age.abs() <= age.as_secs_f64();
            return (format!("{found}, {}", age_text(found_age, *from_now)), held);
        }
        Expectation::RowsEqual(_) => false,
    };
    (found, held)
}

fn age_text(seconds: f64, from_now: bool) -> String {
    let reference = if from_now { "now" } else { "the snapshot" };
    match seconds {
        s if s < 0.0 => format!("{} after {reference}", text::seconds(-s)),
        s => format!("{} before {reference}", text::seconds(s)),
    }
}

/// Numbers are compared as numbers, so that 42 is 42.00; anything else byte for byte.
fn equal(found: Option<String>, wanted: &Scalar) -> bool {
    let Some(found) = found else { return false };
    match wanted {
        Scalar::Text(wanted) => found == *wanted,
        Scalar::Bool(wanted) => found == if *wanted { "1" } else { "0" },
        Scalar::Integer(wanted) => match found.parse::<i128>() {
            Ok(found) => found == i128::from(*wanted),
            Err(_) => found.parse::<f64>().is_ok_and(|found| found == *wanted as f64),
        },
        Scalar::Float(wanted) => found.parse::<f64>().is_ok_and(|found| found == *wanted),
    }
}

/// A moment as a server prints it, in UTC, or seconds since 1970.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Timestamp::from_millisecond((seconds * 1000.0) as i64).ok();
    }
    let civil = match text.len() {
        10 => text.parse::<Date>().ok()?.at(0, 0, 0, 0),
        _ => text.parse::<DateTime>().ok()?,
    };
    TimeZone::UTC.to_timestamp(civil).ok()
}

fn expected(expectation: &Expectation) -> String {
    match expectation {
        Expectation::Equals(value) => format!("= {}", scalar(value)),
        Expectation::Between(from, to) => format!("between {from} and {to}"),
        Expectation::AtLeast(least) => format!("at least {least}"),
        Expectation::AtMost(most) => format!("at most {most}"),
        Expectation::MaxAge { age, from_now } => {
            let reference = if *from_now { "now" } else { "the snapshot" };
            format!("at most {} before or after {reference}", age_of(*age))
        }
        Expectation::RowsEqual(rows) => {
            let lines = rows.iter().map(|row| row.iter().map(scalar).collect::<Vec<_>>().join(", "));
            cut(lines_shown(lines.collect()))
        }
    }
}

fn age_of(age: Duration) -> String {
    text::seconds(age.as_secs_f64())
}

fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Bool(value) => u8::from(*value).to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Float(value) => value.to_string(),
        Scalar::Text(value) => value.clone(),
    }
}

fn shown(rows: &[Row]) -> String {
    let row = |row: &Row| {
        let values = (0..row.0.len()).map(|i| row.opt_text(i).unwrap_or_else(|| "NULL".into()));
        values.collect::<Vec<_>>().join(", ")
    };
    lines_shown(rows.iter().map(row).collect())
}

/// `2 rows: (1, a) (2, b)`.
fn lines_shown(lines: Vec<String>) -> String {
    let shown: Vec<_> = lines.iter().take(ROWS_SHOWN).map(|line| format!("({line})")).collect();
    let more = if lines.len() > ROWS_SHOWN { " ..." } else { "" };
    format!("{}: {}{more}", text::counted(lines.len() as u64, "row"), shown.join(" "))
}

fn cut(text: String) -> String {
    match text.char_indices().nth(FOUND_CHARACTERS_MAX) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[&[Option<&str>]]) -> Vec<Row> {
        let row = |row: &&[Option<&str>]| Row(row.iter().map(|v| v.map(|text| text.as_bytes().to_vec())).collect());
        values.iter().map(row).collect()
    }

    fn held(expectation: &Expectation, values: &[&[Option<&str>]]) -> bool {
        let snapshot: Timestamp = "2026-11-24T03:00:00Z".parse().unwrap();
        judge(expectation, &rows(values), snapshot, "2026-11-24T04:00:00Z".parse().unwrap()).1
    }

    #[test]
    fn answers_are_compared_as_what_they_are() {
        let one = |text: &str, expectation: &Expectation| held(expectation, &[&[Some(text)]]);
        let equals = |value| Expectation::Equals(value);
        assert!(one("42.00", &equals(Scalar::Integer(42))) && !one("43", &equals(Scalar::Integer(42))));
        assert!(!one("9007199254740993", &equals(Scalar::Integer(9007199254740992))));
        assert!(one("1", &equals(Scalar::Bool(true))) && one("a", &equals(Scalar::Text("a".into()))));
        assert!(!one("A", &equals(Scalar::Text("a".into()))) && !one("x", &equals(Scalar::Float(0.0))));
        assert!(one("1.5", &Expectation::Between(1.5, 2.0)) && !one("2.01", &Expectation::Between(1.5, 2.0)));
        assert!(one("10", &Expectation::AtLeast(10.0)) && !one("9.9", &Expectation::AtLeast(10.0)));
        assert!(!one("1e400", &Expectation::AtLeast(10.0)) && !one("inf", &Expectation::AtLeast(10.0)));
        assert!(one("10", &Expectation::AtMost(10.0)) && !one("many", &Expectation::AtMost(10.0)));
        for expectation in [equals(Scalar::Integer(0)), Expectation::AtMost(1.0)] {
            assert!(!held(&expectation, &[&[None]]) && !held(&expectation, &[]));
        }
    }

    #[test]
    fn freshness_counts_from_the_snapshot_or_from_now() {
        let age = |from_now| Expectation::MaxAge { age: Duration::from_secs(1800), from_now };
        for text in ["2026-11-24 02:45:00", "2026-11-24 02:45:00.5", "1795488300", "1795488300.25"] {
            assert!(held(&age(false), &[&[Some(text)]]), "{text}");
            assert!(!held(&age(true), &[&[Some(text)]]), "{text}");
        }
        assert!(!held(&age(false), &[&[Some("2026-11-24 02:29:59")]]));
        // After the snapshot, and so far after it that it is no moment of a row that was written.
        assert!(held(&age(false), &[&[Some("2026-11-24 03:20:00")]]));
        for text in ["2026-11-24 03:30:01", "2099-01-01 00:00:00"] {
            assert!(!held(&age(false), &[&[Some(text)]]), "{text}");
        }
        assert!(!held(&age(false), &[&[Some("2026-11-23")]]) && !held(&age(false), &[&[Some("0000-00-00 00:00:00")]]));
    }

    #[test]
    fn rows_are_equal_in_order_and_number() {
        let wanted = Expectation::RowsEqual(vec![vec![Scalar::Integer(1), Scalar::Text("a".into())]]);
        assert!(held(&wanted, &[&[Some("1"), Some("a")]]));
        let others: [&[&[Option<&str>]]; 4] =
            [&[], &[&[Some("1"), None]], &[&[Some("1")]], &[&[Some("1"), Some("a")], &[Some("1"), Some("a")]]];
        for other in others {
            assert!(!held(&wanted, other));
        }
    }
}
