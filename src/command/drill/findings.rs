//! What speaks against a backup, gathered while a drill goes on. In: failures as they are met, each with the verdict that it
//! means. Out: the verdict, its sentence, and what to do next. The worst verdict counts, since the others follow from it or can wait.

use super::record::{DrillRecord, Verdict};
use crate::command::restore::{RestoreDone, Step};
use crate::command::text::{counted, seconds, some_of};
use crate::error::{Error, Exit};
use crate::verify::NotCompared;

/// Things named in one sentence at most.
const NAMED: usize = 10;

/// Failures in the order in which they were met.
#[derive(Default)]
pub(super) struct Findings {
    failures: Vec<(Verdict, String)>,
    next: Vec<String>,
}

impl Findings {
    /// A failure, and what to do about it.
    pub fn add(&mut self, verdict: Verdict, failure: impl Into<String>, next: &str) {
        self.failures.push((verdict, failure.into()));
        if !self.next.iter().any(|known| known == next) {
            self.next.push(next.to_owned());
        }
    }

    /// An error that ended the drill.
    pub fn add_error(&mut self, error: &Error) {
        let verdict = verdict_of(error.exit());
        match (verdict, error.hints()) {
            (Verdict::DamagedBackup, _) => self.add(verdict, error.to_string(), DAMAGED),
            (_, []) => self.add(verdict, error.to_string(), "mend what is named, then drill again"),
            (_, hints) => hints.iter().for_each(|hint| self.add(verdict, error.to_string(), hint)),
        }
        self.failures.dedup();
    }

    /// The worst so far.
    pub fn worst(&self) -> Verdict {
        self.failures.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Proved)
    }

    /// The drill was asked to stop: nothing else that it met counts.
    pub fn stopped(&mut self) {
        *self = Findings::default();
        self.add(Verdict::CouldNotRun, "stopped by a signal", "run the drill again");
    }

    /// What a restore that came to its end says against the backup.
    pub fn judge(&mut self, done: &RestoreDone, all: bool, ignored: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut notes = Vec::new();
        for failed in done.failed.iter().filter(|failed| failed.step != Step::Proof) {
            match (verdict_of(failed.exit), failed.step) {
                (Verdict::DamagedBackup, _) => self.add(Verdict::DamagedBackup, &failed.why, DAMAGED),
                // The rows are there, and proved.
                (_, Step::ForeignKeys) => {
                    let failure = format!("table {} lacks a foreign key: {}", failed.table, failed.why);
                    self.add(Verdict::Unproved, failure, NOT_TAKEN);
                }
                // The server did not take it: the rest is there.
                _ => self.add(
                    Verdict::Unproved,
                    format!("table {} is not whole: {}", failed.table, failed.why),
                    NOT_TAKEN,
                ),
            }
        }
        for waiting in &done.waiting {
            notes.push(format!("not made: {}, which waits for {}", waiting.what, some_of(&waiting.waits_for, NAMED)));
        }
        match &done.proof {
            None if !done.failed.is_empty() => {}
            None => self.add(
                Verdict::Unproved,
                "nothing was read back: the backup holds definitions only",
                "take a backup with data",
            ),
            Some(proof) => {
                let differing: Vec<String> = proof.differences.iter().map(ToString::to_string).collect();
                if !differing.is_empty() {
                    let failure =
                        format!("rows differ from the backup after the restore: {}", some_of(&differing, NAMED));
                    self.add(Verdict::DamagedBackup, failure, DAMAGED);
                }
                // Those that failed have been named.
                let failed = |table: &str| done.failed.iter().any(|failed| failed.table == table);
                for NotCompared { table, why } in proof.not_compared.iter().filter(|of| !failed(&of.table)) {
                    self.add(Verdict::Unproved, format!("table {table} was not compared: {why}"), SEE_VERDICTS);
                }
                for column in &proof.unproved {
                    notes.push(format!(
                        "not proved: {column}, whose documents hold types that the backup does not carry"
                    ));
                }
                for table in &proof.recomputed {
                    notes.push(format!(
                        "stored generated columns of {table} were computed otherwise than on the source"
                    ));
                }
            }
        }
        for what in done.not_created.iter().filter(|what| !ignored(what)) {
            let next = "mend the object on the source, or name it in ignore_objects of the configuration";
            self.add(Verdict::Unproved, format!("not created: {what}"), next);
        }
        for what in &done.not_granted {
            match all {
                true => self.add(Verdict::Unproved, format!("not granted: {what}"), SEE_VERDICTS),
                false => notes.push(format!("not granted: {what}")),
            }
        }
        notes.extend(done.untyped.iter().map(|column| format!("not carried: {column}; they came back as text")));
        notes
    }

    /// Whether recovery and snapshot keep to the budgets.
    pub fn judge_budgets(&mut self, record: &DrillRecord) {
        let took = record.recovery_seconds_extrapolated.or(record.recovery_seconds);
        if let (Some(took), Some(rto)) = (took, record.budgets.rto_seconds) {
            if took > rto {
                let estimated =
                    if record.recovery_seconds_extrapolated.is_some() { "would take about" } else { "took" };
                let failure =
                    format!("recovery {estimated} {}, and the budget (rto) is {}", seconds(took), seconds(rto));
                let next = "see which phase takes the time; more threads, a faster machine or a larger rto";
                self.add(Verdict::OverBudget, failure, next);
            }
        }
        if let (Some(lost), Some(rpo)) = (record.data_loss_seconds, record.budgets.rpo_seconds) {
            if lost > rpo {
                let failure =
                    format!("the snapshot was {} old, and the budget (rpo) is {}", seconds(lost), seconds(rpo));
                self.add(Verdict::OverBudget, failure, "see whether backups still run, and how often; or a larger rpo");
            }
        }
    }

    /// Writes verdict, message, failures and what to do next into the record.
    pub fn conclude(self, record: &mut DrillRecord) {
        let worst = self.worst();
        let first = self.failures.iter().find(|(verdict, _)| *verdict == worst);
        record.verdict = worst;
        record.message = match first {
            Some((_, failure)) => {
                // More lines are the end of a log.
                let failure = failure.lines().next().unwrap_or_default();
                let more = self.failures.len() - 1;
                let more =
                    if more == 0 { String::new() } else { format!(" (and {})", counted(more as u64, "other failure")) };
                format!("{}: {failure}{more}", worst.words())
            }
            None => proved(record),
        };
        record.failures = self.failures.into_iter().map(|(_, failure)| failure).collect();
        record.next = self.next;
    }
}

/// What to do about a damaged backup.
pub(super) const DAMAGED: &str =
    "take a new backup now, then run `myriad verify --repo ...` to see all that is damaged and which backups are sound";
const NOT_TAKEN: &str = "a server of this version would not take it after a real loss either: see the definition on the source, and whether the drill's server is of the version that you would recover to";
const SEE_VERDICTS: &str = "docs/drill.md says under \"Verdicts\" what keeps a backup from being proved";

/// What an error means that ended the drill. What the repository holds wrongly, or a server does not take as it was sent,
/// speaks against the backup; anything else only against the attempt.
fn verdict_of(exit: Exit) -> Verdict {
    match exit {
        Exit::RepositoryDamaged | Exit::ProofFailed | Exit::LoadRejected => Verdict::DamagedBackup,
        _ => Verdict::CouldNotRun,
    }
}

fn proved(record: &DrillRecord) -> String {
    let scope = record.scope.as_ref().map(|scope| scope.text.clone()).unwrap_or_default();
    let took = record.recovery_seconds.map(seconds).unwrap_or_default();
    let age = record.data_loss_seconds.map(|age| format!("; the snapshot was {} old", seconds(age)));
    let whole = record.recovery_seconds_extrapolated.map(|all| format!(", all would take about {}", seconds(all)));
    format!("restored and proved: {scope} in {took}{}{}", whole.unwrap_or_default(), age.unwrap_or_default())
}
