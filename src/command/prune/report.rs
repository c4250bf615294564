//! What a prune says: which backups stay and why, which go, and what becomes of objects.

use super::Survey;
use super::binlogs::JudgedArchive;
use crate::command::options::PruneOptions;
use crate::command::text::{bytes, counted, seconds};
use jiff::Timestamp;
use std::collections::HashSet;
use std::time::Duration;

/// The result of `myriad prune`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct PruneReport {
    /// Repository.
    pub repository: String,
    /// Nothing was done (no `--yes`).
    pub dry_run: bool,
    /// All backups, by source name, oldest first.
    pub backups: Vec<JudgedBackup>,
    /// Backups that went.
    pub removed: u64,
    /// Objects that no backup needs any more, noted for a later prune.
    pub condemned: Amount,
    /// Objects that an earlier prune condemned and this one deleted.
    pub deleted: Amount,
    /// Objects condemned earlier whose time has not come.
    pub waiting: Amount,
    /// When the first of those may be deleted; by the store's clock.
    pub waiting_until: Option<Timestamp>,
    /// How long condemned objects are kept.
    pub grace_seconds: u64,
    /// Archived binary logs, by source name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub binlogs: Vec<JudgedArchive>,
    /// Things that a person should read.
    pub notes: Vec<String>,
    /// Seconds.
    pub seconds: f64,
}

/// Objects and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Amount {
    /// Objects.
    pub objects: u64,
    /// Their bytes as stored.
    pub bytes: u64,
}

/// A backup, and what becomes of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct JudgedBackup {
    /// Source name.
    pub name: String,
    /// Backup id.
    pub id: String,
    /// The moment it shows.
    pub snapshot: Timestamp,
    /// It stays.
    pub stays: bool,
    /// Why; empty where it goes.
    pub reasons: Vec<String>,
    /// It was proved by a restore.
    pub proved: bool,
}

impl Survey {
    pub(super) fn report(&self, options: &PruneOptions) -> PruneReport {
        let judged = self.backups.iter().map(|backup| JudgedBackup {
            name: backup.found.manifest.name.clone(),
            id: backup.found.manifest.id.clone(),
            snapshot: backup.found.manifest.snapshot,
            stays: !backup.reasons.is_empty(),
            reasons: backup.reasons.clone(),
            proved: backup.proved,
        });
        let due = self.due(options);
        let deleted = self.amount(due.iter().flat_map(|(_, objects)| objects));
        let mut all = self.condemned.names();
        let going: HashSet<_> = due.iter().flat_map(|(_, objects)| objects).collect();
        all.retain(|object| self.stored.contains_key(object) && !going.contains(object));
        let first =
            self.condemned.records.iter().filter(|record| record.objects.iter().any(|object| all.contains(object)));
        let first = first.map(|record| record.at).min().filter(|_| !all.is_empty());
        let mut notes = Vec::new();
        if self.strangers > 0 {
            notes.push(format!(
                "{} in objects/ are none of myriad's and were left alone",
                counted(self.strangers, "file")
            ));
        }
        if self.backups.is_empty() && !self.stored.is_empty() {
            notes.push(format!(
                "{} is there and no backup at all, so none was condemned: is the folder backups/ away, or a disk not mounted?",
                counted(self.stored.len() as u64, "object")
            ));
        }
        if options.yes && options.grace < SHORT_GRACE {
            notes.push(format!(
                "--grace {} is shorter than a restore or a backup may run: one that began before may fail",
                span(options.grace)
            ));
        }
        PruneReport {
            repository: self.place.clone(),
            dry_run: !options.yes,
            backups: judged.collect(),
            removed: self.backups.iter().filter(|backup| backup.reasons.is_empty()).count() as u64,
            condemned: self.amount(&self.condemnable()),
            deleted,
            waiting: self.amount(&all),
            waiting_until: first.and_then(|at| Timestamp::try_from(at + options.grace).ok()),
            grace_seconds: options.grace.as_secs(),
            binlogs: self.archives.iter().map(|archive| archive.told.clone()).collect(),
            notes,
            seconds: 0.0,
        }
    }
}

/// Backups and restores run for hours.
const SHORT_GRACE: Duration = Duration::from_secs(12 * 3600);

/// `3 d`, `12 h`, `90 s`.
fn span(time: Duration) -> String {
    match time.as_secs() {
        0 => "0 s".to_owned(),
        s if s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s => format!("{s} s"),
    }
}

impl PruneReport {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.backups.is_empty() {
            let mut table = comfy_table::Table::new();
            table.load_style(comfy_table::presets::NOTHING);
            table.set_header(["name", "backup", "snapshot", "", "why"]);
            for backup in &self.backups {
                table.add_row([
                    backup.name.clone(),
                    backup.id.clone(),
                    format!("{:.0}", backup.snapshot),
                    if backup.stays { "stays" } else { "goes" }.to_owned(),
                    backup.reasons.join(", "),
                ]);
            }
            text.push_str(&format!("{table}\n"));
        }
        let amount = |of: &Amount| format!("{} ({})", counted(of.objects, "object"), bytes(of.bytes));
        let (tense, condemned) = match self.dry_run {
            true => (["would go", "would be deleted"], "would be condemned"),
            false => (["removed", "deleted"], "condemned"),
        };
        text.push_str(&format!("{} of {} {}\n", counted(self.removed, "backup"), self.repository, tense[0]));
        text.push_str(&format!(
            "{} {condemned}: no backup needs them; a prune at least {} later deletes them\n",
            amount(&self.condemned),
            span(Duration::from_secs(self.grace_seconds))
        ));
        text.push_str(&format!("{}, condemned before, {}\n", amount(&self.deleted), tense[1]));
        if let Some(until) = self.waiting_until {
            text.push_str(&format!("{}, condemned before, wait; the first until {until:.0}\n", amount(&self.waiting)));
        }
        for archive in &self.binlogs {
            text.push_str(&archive.text(tense[1]));
        }
        self.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
        match self.dry_run {
            true => text.push_str("nothing was done; --yes does it\n"),
            false => text.push_str(&format!("time: {}\n", seconds(self.seconds))),
        }
        text
    }
}
