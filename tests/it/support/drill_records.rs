//! Records of drills that never were, for the tests of reports: each verdict, histories of any length, and names and texts
//! that try to break out of whatever they are written into.

use jiff::{SignedDuration, Timestamp};
use myriad::command::drill::record::{
    AssertionOutcome, Budgets, DrillPhase, DrillRecord, DrillScope, DrillServer, DrilledBackup, Machine,
    RECORD_VERSION, ScopeKind, TableChange, Verdict,
};

/// All verdicts, best first.
pub const VERDICTS: [Verdict; 6] = [
    Verdict::Proved,
    Verdict::OverBudget,
    Verdict::Unproved,
    Verdict::AssertionFailed,
    Verdict::DamagedBackup,
    Verdict::CouldNotRun,
];

/// Text that is a tag, an attribute's end, an entity, a control character and a change of direction.
pub const HOSTILE: &str = "<script>alert('x')</script>\"'&amp;]]>\\\u{1}\u{202e}\n</style>";

const GIB: f64 = 1_073_741_824.0;

/// A drill of `shop` on a given day, with what goes with its verdict.
pub fn drill(verdict: Verdict, day: i64) -> DrillRecord {
    named("shop", verdict, day)
}

/// The same of any source.
pub fn named(name: &str, verdict: Verdict, day: i64) -> DrillRecord {
    let begun: Timestamp = "2026-11-24T03:15:00Z".parse().unwrap();
    let begun = begun + SignedDuration::from_hours(24 * day);
    let growth = 1.0 + 0.0011 * (day as f64 + 400.0) + 0.02 * ((day * 7919).rem_euclid(11) as f64 / 11.0);
    let slow = if verdict == Verdict::OverBudget { 2.6 } else { 1.0 };
    let ran = verdict != Verdict::CouldNotRun;
    let phases: Vec<DrillPhase> = PHASES
        .iter()
        .take(if ran { PHASES.len() } else { 1 })
        .map(|(name, seconds)| DrillPhase { name: (*name).to_owned(), seconds: seconds * growth * slow })
        .collect();
    let recovery = phases.iter().filter(|phase| phase.name != "assertions").map(|phase| phase.seconds).sum();
    let bytes = (28.6 * GIB * growth) as u64;
    let mut record = DrillRecord {
        version: RECORD_VERSION,
        id: format!("{}-{:04x}", begun.strftime("%Y%m%dT%H%M%SZ"), day.rem_euclid(65536)),
        name: name.to_owned(),
        begun,
        ended: begun + SignedDuration::from_secs(phases.iter().map(|phase| phase.seconds).sum::<f64>() as i64),
        verdict,
        message: String::new(),
        next: Vec::new(),
        failures: Vec::new(),
        notes: vec!["possible data loss is the age of the snapshot: binary logs are not replayed".to_owned()],
        program: "myriad 0.1.0".to_owned(),
        machine: Machine { host: "drill-3.example".to_owned(), processors: 8, memory_bytes: Some(32 << 30) },
        backup: ran.then(|| backup(begun, bytes)),
        server: ran.then(|| DrillServer { family: "MySQL".to_owned(), version: "9.7.4".to_owned(), kept: None }),
        scope: ran.then(|| DrillScope {
            kind: ScopeKind::All,
            text: "all 41 tables".to_owned(),
            tables: 41,
            rows: bytes / 183,
            bytes,
        }),
        phases,
        recovery_seconds: ran.then_some(recovery),
        recovery_seconds_extrapolated: None,
        data_loss_seconds: ran.then_some(8100.0),
        budgets: Budgets { rto_seconds: Some(1800.0), rpo_seconds: Some(6.0 * 3600.0) },
        program_cpu_seconds: 312.4,
        server_cpu_seconds: ran.then_some(2140.0),
        assertions: if ran { assertions(verdict == Verdict::AssertionFailed) } else { Vec::new() },
        changed_most: if ran { changes() } else { Vec::new() },
    };
    tell(&mut record);
    record
}

const PHASES: [(&str, f64); 8] = [
    ("fetch", 2.1),
    ("start", 4.2),
    ("schema", 1.4),
    ("rows", 312.0),
    ("indexes", 96.0),
    ("objects", 0.8),
    ("proof", 88.0),
    ("assertions", 11.5),
];

fn backup(begun: Timestamp, bytes: u64) -> DrilledBackup {
    DrilledBackup {
        id: "20261124T010000Z-77aa".to_owned(),
        repository: "s3://backups-eu/mysql/production".to_owned(),
        snapshot: begun - SignedDuration::from_secs(8100),
        manifest_sha256: "9f2b6d0c4a1e8875b3f0c29d4e61a7705d2c8be93ff6140e8ac3b7d95260fe14".to_owned(),
        source_server: "MySQL 8.4.6".to_owned(),
        consistent: true,
        tables: 41,
        rows: bytes / 183,
        bytes,
    }
}

fn assertions(one_fails: bool) -> Vec<AssertionOutcome> {
    let assertion =
        |name: &str, sql: Option<&str>, expected: &str, found: &str, held: bool, seconds: f64| AssertionOutcome {
            name: name.to_owned(),
            sql: sql.map(str::to_owned),
            expected: expected.to_owned(),
            found: found.to_owned(),
            held,
            seconds,
        };
    let orders = "SELECT COUNT(*) FROM shop.orders WHERE placed >= NOW() - INTERVAL 1 DAY";
    let fresh = if one_fails { "0" } else { "48,212" };
    vec![
        assertion("no table vanished", None, "all 41 tables of the last drill", "41 tables", true, 0.004),
        assertion("orders of the last day", Some(orders), "between 20,000 and 90,000", fresh, !one_fails, 2.3),
        assertion(
            "no order without customer",
            Some(
                "SELECT COUNT(*) FROM shop.orders o LEFT JOIN shop.customers c ON c.id = o.customer_id WHERE c.id IS NULL",
            ),
            "= 0",
            "0",
            true,
            9.1,
        ),
        assertion("rows of shop.orders", None, "within 10 % of 88,120,400", "88,610,771", true, 0.01),
    ]
}

fn changes() -> Vec<TableChange> {
    let change = |table: &str, rows: (Option<u64>, Option<u64>)| TableChange {
        table: table.to_owned(),
        rows_before: rows.0,
        rows: rows.1,
        bytes_before: rows.0.map(|rows| rows * 140),
        bytes: rows.1.map(|rows| rows * 140),
    };
    vec![
        change("shop.order_lines", (Some(210_400_112), Some(212_118_921))),
        change("shop.sessions", (Some(1_804_221), Some(911_002))),
        change("shop.orders", (Some(88_120_400), Some(88_610_771))),
        change("audit.events_2026_11", (None, Some(120_887))),
        change("shop.carts_old", (Some(8_110), None)),
    ]
}

/// Message, failures and what to do, as such a verdict has them.
fn tell(record: &mut DrillRecord) {
    let (message, failure, next): (&str, Option<&str>, &[&str]) = match record.verdict {
        Verdict::Proved => ("restored and proved; all 4 assertions held", None, &[]),
        Verdict::OverBudget => (
            "restored and proved, but recovery took longer than the 30 min allowed",
            Some("recovery took longer than the 30 min allowed"),
            &[
                "See which phase grew in the chart below, and give the drill's server more processors or a faster disk.",
                "If nothing can be made faster, tell who relies on 30 min that it is no longer true.",
            ],
        ),
        Verdict::Unproved => (
            "restored, and 2 tables could not be compared with the backup",
            Some("shop.places and shop.routes were not compared: the server has no right to read them back"),
            &["Grant SELECT on them and drill again: myriad drill --repo s3://backups-eu/mysql/production --name shop"],
        ),
        Verdict::AssertionFailed => (
            "restored and proved, but an assertion failed: orders of the last day: expected between 20,000 and 90,000, found 0",
            Some("orders of the last day: expected between 20,000 and 90,000, found 0"),
            &[
                "The backup is as the source was: look at the source, not at the backup.",
                "Run the statement there: SELECT COUNT(*) FROM shop.orders WHERE placed >= NOW() - INTERVAL 1 DAY",
            ],
        ),
        Verdict::DamagedBackup => (
            "chunk 118 of shop.orders is missing: object data/4f/4f1c02aa is not in the repository",
            Some("chunk 118 of shop.orders is missing: object data/4f/4f1c02aa is not in the repository"),
            &[
                "Make a new backup now: myriad backup --source mysql://backup@db-1/ --repo s3://backups-eu/mysql/production",
                "Find what else is damaged: myriad verify --repo s3://backups-eu/mysql/production --name shop",
            ],
        ),
        Verdict::CouldNotRun => (
            "no server could be started: /usr/sbin/mysqld ended with code 1: no room on /var/lib/myriad",
            Some("no server could be started: /usr/sbin/mysqld ended with code 1: no room on /var/lib/myriad"),
            &["Free at least 48 GiB on /var/lib/myriad, or name another folder: --dir /data/drill"],
        ),
    };
    record.message = message.to_owned();
    record.failures = failure.iter().map(|failure| (*failure).to_owned()).collect();
    record.next = next.iter().map(|next| (*next).to_owned()).collect();
}

/// A drill a day up to `newest`, that one left out, oldest first; some of them went wrong.
pub fn history(number: i64) -> Vec<DrillRecord> {
    (-number..0)
        .map(|day| {
            let verdict = match day.rem_euclid(67) {
                13 => Verdict::CouldNotRun,
                29 => Verdict::OverBudget,
                41 => Verdict::AssertionFailed,
                55 => Verdict::DamagedBackup,
                60 => Verdict::Unproved,
                _ => Verdict::Proved,
            };
            drill(verdict, day)
        })
        .collect()
}

/// A drill in which every text is hostile, and every number that may be missing is.
pub fn hostile() -> DrillRecord {
    let mut record = drill(Verdict::AssertionFailed, 0);
    let text = || format!("{HOSTILE} {}", "long".repeat(60));
    record.id = HOSTILE.to_owned();
    record.name = HOSTILE.to_owned();
    record.message = text();
    record.next = vec![text()];
    record.failures = vec![text()];
    record.notes = vec![text()];
    record.program = HOSTILE.to_owned();
    record.machine = Machine { host: text(), processors: 1, memory_bytes: None };
    let backup = record.backup.as_mut().unwrap();
    (backup.id, backup.repository, backup.manifest_sha256) = (text(), text(), text());
    (backup.source_server, backup.rows, backup.bytes) = (text(), u64::MAX, u64::MAX);
    record.server = Some(DrillServer { family: text(), version: text(), kept: Some(text()) });
    record.scope =
        Some(DrillScope { kind: ScopeKind::Sample, text: text(), tables: u64::MAX, rows: u64::MAX, bytes: u64::MAX });
    record.phases.push(DrillPhase { name: text(), seconds: 0.0 });
    record.recovery_seconds_extrapolated = Some(1e12);
    record.data_loss_seconds = Some(-5.0);
    record.server_cpu_seconds = None;
    record.assertions.push(AssertionOutcome {
        name: text(),
        sql: Some(text()),
        expected: text(),
        found: text(),
        held: false,
        seconds: 0.0,
    });
    record.changed_most.push(TableChange {
        table: format!("shop.{}", text()),
        rows_before: Some(u64::MAX),
        rows: Some(0),
        bytes_before: None,
        bytes: None,
    });
    record
}
