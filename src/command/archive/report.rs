//! Where ready segments go, and what is told at the end.

use super::taker::Ready;
use crate::command::text::{bytes, counted, seconds};
use crate::error::{Exit, Result};
use crate::manifest::Repository;
use crate::manifest::binlogs::chain::{gap_line, moment};
use crate::manifest::binlogs::{self, Segment};
use crate::progress::{Progress, Stop};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Stores segments from a blocking thread, and counts.
pub(super) struct Sink {
    pub repository: Repository,
    pub runtime: Handle,
    pub progress: Arc<dyn Progress>,
    pub stop: Stop,
    pub last: Option<Segment>,
    pub report: ArchiveReport,
}

impl Sink {
    /// Stores a segment, if there is one: its bytes, then its index document.
    pub(super) fn store(&mut self, ready: Option<Ready>) -> Result<()> {
        let Some((segment, frames)) = ready else { return Ok(()) };
        self.runtime.block_on(binlogs::store(&self.repository, &segment, frames))?;
        self.report.add(&segment);
        if !segment.unlogged.is_empty() {
            let unlogged = &segment.unlogged;
            self.note(format!(
                "transactions {unlogged} were executed and stand in no binary log of {}",
                segment.server
            ));
        }
        self.last = Some(segment);
        Ok(())
    }

    /// Says a line now, and again in the report.
    pub(super) fn note(&mut self, line: String) {
        if !self.report.notes.contains(&line) {
            self.progress.note(&line);
            self.report.notes.push(line);
        }
    }

    pub(super) fn count(&self, bytes: u64) {
        self.progress.add(0, bytes);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.stopped()
    }
}

/// The result of `myriad archive`.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct ArchiveReport {
    /// Repository.
    pub repository: String,
    /// Source name.
    pub name: String,
    /// The server or folder, without password.
    pub source: String,
    /// What names the server.
    pub server: String,
    /// The server id under which it was read; 0 where files were.
    pub server_id: u32,
    /// Segments stored.
    pub segments: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// Raw bytes in them.
    pub bytes: u64,
    /// Bytes stored for them.
    pub stored_bytes: u64,
    /// File and offset where the first begins; none where nothing was new.
    pub begins: Option<String>,
    /// File and offset where the archive ends; none where there is none.
    pub ends: Option<String>,
    /// GTID set, on MariaDB the last GTID of each domain, at the archive's end; empty without GTIDs.
    pub gtids: String,
    /// Time of the earliest commit that was stored.
    pub first_commit: Option<Timestamp>,
    /// Time of the latest one.
    pub last_commit: Option<Timestamp>,
    /// Gaps that were accepted and recorded, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    /// Transactions that the archive holds and the server does not have.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fork: String,
    /// How often the connection was lost and opened anew.
    pub reconnects: u64,
    /// Ctrl-C or SIGTERM ended it.
    pub stopped: bool,
    /// Things that a person should read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Seconds.
    pub seconds: f64,
}

impl ArchiveReport {
    fn add(&mut self, segment: &Segment) {
        self.segments += 1;
        self.transactions += segment.transactions;
        self.bytes += segment.bytes();
        self.stored_bytes += segment.object_bytes;
        self.begins.get_or_insert_with(|| format!("{}:{}", segment.file, segment.start));
        if !segment.absent.is_empty() {
            self.fork.clone_from(&segment.absent);
        }
        self.gaps.extend(gap_line(segment));
        let time = |us: Option<u64>| us.and_then(moment);
        self.first_commit = [self.first_commit, time(segment.first_commit_us)].into_iter().flatten().min();
        self.last_commit = [self.last_commit, time(segment.last_commit_us)].into_iter().flatten().max();
    }

    /// The exit code: a stop that was asked for is told from an end.
    pub fn exit(&self) -> Exit {
        if self.stopped { Exit::Interrupted } else { Exit::Success }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut lines = vec![match &self.begins {
            Some(begins) => format!(
                "archived {} of {}: {} from {begins}, {} in {} ({} stored) in {}",
                self.name,
                self.source,
                counted(self.transactions, "transaction"),
                bytes(self.bytes),
                counted(self.segments, "segment"),
                bytes(self.stored_bytes),
                self.repository
            ),
            None => {
                format!("nothing new of {} at {}; nothing was stored in {}", self.name, self.source, self.repository)
            }
        }];
        if let Some(ends) = &self.ends {
            let gtids = if self.gtids.is_empty() { String::new() } else { format!(", GTIDs {}", self.gtids) };
            lines.push(format!("the archive ends at {ends}{gtids}"));
        }
        if let Some(last) = self.last_commit {
            lines.push(format!("last commit: {last:.6}"));
        }
        if self.server_id > 0 {
            lines.push(format!("read as server id {}", self.server_id));
        }
        lines.extend(self.gaps.iter().map(|gap| format!("GAP {gap}")));
        if !self.fork.is_empty() {
            lines.push(format!("FORK: {} does not have transactions {}", self.server, self.fork));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.push(format!("time: {}", seconds(self.seconds)));
        lines.join("\n") + "\n"
    }
}
