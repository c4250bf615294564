//! Rows on a server against a backup: every range is read back by a raw session and its digest compared. One thread a
//! session; ranges of all tables stand in one queue.

use super::error::VerifyError;
use super::rows::RowDifferences;
use crate::codec::layout::{Protocol, RangeQuery, RowLayout};
use crate::codec::{RowEncoder, Tally};
use crate::limits;
use crate::manifest::model::ChunkRecord;
use crate::progress::{Progress, Stop};
use crate::schema::{ColumnKind, Generated, QualifiedName, Range, Table, readable};
use crate::server::ServerError;
use crate::server::raw::{RawSession, Rows};
use std::ops::Range as Span;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows after which a request to stop is seen.
pub(super) const ROWS_PER_LOOK: u64 = 4096;

/// A table to prove.
#[derive(Clone, Debug)]
pub struct ProofTable {
    /// Its definition in the backup.
    pub table: Table,
    /// Its name on the server.
    pub target: QualifiedName,
    /// Condition that its rows were taken under, empty for none.
    pub condition: String,
    /// Its chunks in the backup.
    pub chunks: Vec<ChunkRecord>,
}

/// A range whose rows are not what the backup recorded.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The table on the server.
    pub table: String,
    /// Partition, where the table has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// The range, in the key's own terms.
    pub range: String,
    /// Rows that the backup recorded.
    pub rows_expected: u64,
    /// Rows on the server.
    pub rows_found: u64,
    /// The rows that differ, where they were looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowDifferences>,
    /// The chunks that were compared; none where it is the number of rows of the whole table that differs.
    #[serde(skip)]
    pub compared: Option<Compared>,
}

/// A run of chunks that is compared with the rows that one query gives: one chunk, or all of a table (partition) without
/// a usable key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Place of the table among those that are proved.
    pub table: usize,
    /// Its chunks.
    pub chunks: Span<usize>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let partition = self.partition.as_ref().map(|p| format!(" partition {p}")).unwrap_or_default();
        write!(f, "{}{partition} rows {}: ", self.table, self.range)?;
        match (self.rows_expected, self.rows_found) {
            (expected, found) if expected == found => write!(f, "{found} rows, with other content"),
            (expected, found) => write!(f, "{found} rows instead of {expected}"),
        }
    }
}

/// What a proof found.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Proof {
    /// Tables whose every range was compared.
    pub tables: u64,
    /// Rows read back.
    pub rows: u64,
    /// Digests compared.
    pub digests: u64,
    /// Ranges that differ.
    pub differences: Vec<Difference>,
    /// Tables whose STORED generated columns were computed otherwise than on the source.
    pub recomputed: Vec<String>,
    /// JSON columns that are not proved, since they hold types that the backup does not carry.
    pub unproved: Vec<String>,
    /// Tables that were not compared, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_compared: Vec<NotCompared>,
}

/// A table whose rows were not asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NotCompared {
    /// Its name in the backup.
    pub table: String,
    /// Why.
    pub why: String,
}

impl Proof {
    /// True where every digest of every table was equal.
    pub fn holds(&self) -> bool {
        self.differences.is_empty() && self.not_compared.is_empty()
    }

    /// Adds what was found of other tables.
    pub fn add(&mut self, other: Proof) {
        self.tables += other.tables;
        self.rows += other.rows;
        self.digests += other.digests;
        self.differences.extend(other.differences);
        self.recomputed.extend(other.recomputed);
        self.unproved.extend(other.unproved);
        self.not_compared.extend(other.not_compared);
    }

    /// Counts tables that were proved at another time.
    pub fn add_earlier(&mut self, tables: &[ProofTable]) {
        self.tables += tables.len() as u64;
        self.rows += tables.iter().flat_map(|table| &table.chunks).map(|chunk| chunk.rows).sum::<u64>();
        self.digests += tasks(tables).len() as u64;
    }

    /// The verdict for people, one line each, with `indent` before it.
    pub fn lines(&self, indent: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let read = format!("{} rows of {} tables read back, {} digests compared", self.rows, self.tables, self.digests);
        match self.holds() {
            true => lines.push(format!("{indent}PROVED: {read}, all equal")),
            false => lines.push(format!("{indent}NOT PROVED: {read}, {} differ", self.differences.len())),
        }
        if !self.not_compared.is_empty() {
            lines.push(format!("{indent}  tables that were not compared: {}", self.not_compared.len()));
        }
        for NotCompared { table, why } in &self.not_compared {
            lines.push(format!("{indent}  not compared: {table}: {why}"));
        }
        for difference in &self.differences {
            lines.push(format!("{indent}  differs: {difference}"));
            let rows = difference.rows.iter().flat_map(RowDifferences::lines);
            lines.extend(rows.map(|line| format!("{indent}    {line}")));
        }
        for table in &self.recomputed {
            lines.push(format!("{indent}  recomputed differently: stored generated columns of {table}"));
        }
        for column in &self.unproved {
            lines.push(format!(
                "{indent}  not proved: {column}, whose documents hold types that the backup does not carry"
            ));
        }
        lines
    }
}

struct Shared<'a> {
    tables: &'a [ProofTable],
    tasks: Vec<Compared>,
    next: AtomicUsize,
    /// Ranges of each table that are not read yet; the last one counts the table.
    left: Vec<AtomicUsize>,
    proof: Mutex<Proof>,
    failure: Mutex<Option<VerifyError>>,
    open: &'a (dyn Fn() -> Result<RawSession, ServerError> + Sync),
    progress: &'a dyn Progress,
    stop: &'a Stop,
}

/// Reads everything back over so many sessions. `open` gives one with the settings of a reader set, and another in place of
/// one that is lost. Blocks.
pub fn prove(
    tables: &[ProofTable],
    sessions: usize,
    open: &(dyn Fn() -> Result<RawSession, ServerError> + Sync),
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<Proof, VerifyError> {
    let tasks = tasks(tables);
    let left: Vec<AtomicUsize> = tables.iter().map(|_| AtomicUsize::new(0)).collect();
    for task in &tasks {
        left[task.table].fetch_add(1, Ordering::Relaxed);
    }
    let shared = Shared {
        tables,
        tasks,
        next: AtomicUsize::new(0),
        left,
        proof: Mutex::default(),
        failure: Mutex::default(),
        open,
        progress,
        stop,
    };
    std::thread::scope(|scope| {
        for _ in 0..sessions {
            scope.spawn(|| {
                if let Err(error) = work(&shared) {
                    shared.failure.lock().expect("no holder of the lock panics").get_or_insert(error);
                }
            });
        }
    });
    if let Some(error) = shared.failure.into_inner().expect("no holder of the lock panics") {
        return Err(error);
    }
    let mut proof = shared.proof.into_inner().expect("no holder of the lock panics");
    proof.tables = tables.len() as u64;
    proof.differences.sort_by_key(|difference| {
        (difference.table.clone(), difference.compared.as_ref().map(|compared| compared.chunks.start))
    });
    proof.recomputed.sort();
    proof.recomputed.dedup();
    proof.unproved.sort();
    proof.unproved.dedup();
    Ok(proof)
}

fn tasks(tables: &[ProofTable]) -> Vec<Compared> {
    let mut order: Vec<usize> = (0..tables.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(tables[i].chunks.iter().map(|c| c.bytes).sum::<u64>()));
    let mut tasks = Vec::new();
    for table in order {
        let chunks = &tables[table].chunks;
        let mut from = 0;
        while from < chunks.len() {
            let mut upto = from + 1;
            if chunks[from].range.is_none() {
                while upto < chunks.len() && chunks[upto].partition == chunks[from].partition {
                    upto += 1;
                }
            }
            tasks.push(Compared { table, chunks: from..upto });
            from = upto;
        }
    }
    tasks
}

fn work(shared: &Shared<'_>) -> Result<(), VerifyError> {
    let mut session = match (shared.open)().map_err(VerifyError::Session) {
        Err(error) if error.lost() => open_again(shared, error)?,
        other => other?,
    };
    loop {
        let failed = shared.failure.lock().expect("no holder of the lock panics").is_some();
        if shared.stop.stopped() || failed {
            return Err(VerifyError::Interrupted);
        }
        let Some(task) = shared.tasks.get(shared.next.fetch_add(1, Ordering::Relaxed)) else { return Ok(()) };
        let work = &shared.tables[task.table];
        let name = work.target.to_string();
        shared.progress.table(&name, true);
        let tally = over_sessions(shared, &mut session, |session| read_range(shared, session, work, task));
        shared.progress.table(&name, false);
        let tally = tally?;
        let bytes = work.chunks[task.chunks.clone()].iter().map(|chunk| chunk.bytes).sum();
        shared.progress.add(tally.rows, bytes);
        compare(&mut shared.proof.lock().expect("no holder of the lock panics"), work, task, &tally);
        if shared.left[task.table].fetch_sub(1, Ordering::AcqRel) == 1 {
            over_sessions(shared, &mut session, |session| count(session, shared, work))?;
        }
    }
}

/// Reads over a session, and again over another where that is lost: what is read stands still, and nothing was compared yet.
fn over_sessions<T>(
    shared: &Shared<'_>,
    session: &mut RawSession,
    mut read: impl FnMut(&mut RawSession) -> Result<T, VerifyError>,
) -> Result<T, VerifyError> {
    let mut lost = 0;
    loop {
        match read(session) {
            Err(error) if error.lost() && lost < limits::LOST_TRIES => {
                lost += 1;
                shared.progress.note(&format!("a session was lost and is opened anew: {error}"));
                *session = open_again(shared, error)?;
            }
            other => return other,
        }
    }
}

/// A session in place of the one that was lost with `error`.
fn open_again(shared: &Shared<'_>, error: VerifyError) -> Result<RawSession, VerifyError> {
    for tries in 0..limits::RECONNECT_TRIES {
        let mut left = limits::RECONNECT_PAUSE * 2u32.pow(tries);
        while !left.is_zero() {
            if shared.stop.stopped() {
                return Err(VerifyError::Interrupted);
            }
            let step = left.min(limits::STOP_PAUSE);
            std::thread::sleep(step);
            left -= step;
        }
        if let Ok(session) = (shared.open)() {
            return Ok(session);
        }
    }
    Err(error)
}

/// Digests the rows of a range as they stand now.
fn read_range(
    shared: &Shared<'_>,
    session: &mut RawSession,
    work: &ProofTable,
    task: &Compared,
) -> Result<Tally, VerifyError> {
    let layout = RowLayout::of(&work.table);
    let sql = select(work, &layout, &work.chunks[task.chunks.start], "");
    let failed = |source| VerifyError::Server { table: work.target.to_string(), source };
    let mut rows = query(session, layout.protocol, &sql).map_err(failed)?;
    let types = rows.columns().iter().map(|column| column.type_byte).collect();
    let mut encoder = RowEncoder::new(layout, types, work.target.to_string());
    let mut tally = Tally::default();
    while let Some(packet) = rows.next().map_err(failed)? {
        encoder.encode(packet, None, &mut tally)?;
        // A table without a key is one range, however large.
        if tally.rows % ROWS_PER_LOOK == 0 && shared.stop.stopped() {
            return Err(VerifyError::Interrupted);
        }
    }
    Ok(tally)
}

/// The SELECT of a chunk's range as the table stands now, with one more condition where that is not empty.
pub(super) fn select(work: &ProofTable, layout: &RowLayout, chunk: &ChunkRecord, condition: &str) -> String {
    let key = work.table.range_key.as_ref().filter(|_| chunk.range.is_some());
    let whole = Range::whole();
    let range = chunk.range.as_ref().unwrap_or(&whole);
    let bounds = key.and_then(|key| key.condition(range, &work.table.columns)).unwrap_or_default();
    layout.select(&RangeQuery {
        table: &work.target.sql(),
        partition: chunk.partition.as_deref(),
        key,
        conditions: &[&bounds, &work.condition, condition],
        limit: None,
    })
}

/// Runs a query by the protocol that its rows are read by.
pub(super) fn query<'a>(session: &'a mut RawSession, protocol: Protocol, sql: &str) -> Result<Rows<'a>, ServerError> {
    match protocol {
        Protocol::Text => session.query(sql.as_bytes()),
        Protocol::Binary => session.query_binary(sql.as_bytes()),
    }
}

fn compare(proof: &mut Proof, work: &ProofTable, task: &Compared, found: &Tally) {
    let chunks = &work.chunks[task.chunks.clone()];
    let mut expected = Tally::default();
    let (mut without_json, mut untyped) = (crate::codec::RowDigest::default(), false);
    for chunk in chunks {
        expected.rows += chunk.rows;
        expected.digest.add(chunk.digest);
        expected.generated.add(chunk.generated.unwrap_or_default());
        without_json.add(chunk.digest_without_json.unwrap_or(chunk.digest));
        untyped |= !chunk.untyped.is_empty();
    }
    proof.rows += found.rows;
    proof.digests += 1;
    let mut equal = expected.rows == found.rows && expected.digest == found.digest;
    if untyped {
        // These documents come back with other types, so their text may differ; what is compared is the rest of the row.
        // A chunk without such documents in the same run of chunks recorded no such digest: then only rows are compared.
        let comparable = chunks.iter().all(|chunk| chunk.digest_without_json.is_some());
        equal = expected.rows == found.rows && (!comparable || without_json == found.without_json);
        // That digest leaves out every JSON column of the row, so none of them is proved.
        let json = work.table.columns.iter().filter(|c| c.kind == ColumnKind::Json && c.generated == Generated::No);
        proof.unproved.extend(json.map(|column| format!("{}.{}", work.target, column.name)));
    }
    if !equal {
        let first = &chunks[0];
        proof.differences.push(Difference {
            table: work.target.to_string(),
            partition: first.partition.clone(),
            range: shown_range(work, first),
            rows_expected: expected.rows,
            rows_found: found.rows,
            rows: None,
            compared: Some(task.clone()),
        });
    } else if expected.generated != found.generated {
        proof.recomputed.push(work.target.to_string());
    }
}

fn shown_range(work: &ProofTable, chunk: &ChunkRecord) -> String {
    match (&chunk.range, &work.table.range_key) {
        (Some(range), Some(key)) => readable::range(range, key, &work.table.columns),
        _ => Range::whole().to_string(),
    }
}

/// The rows of all ranges must be the rows of the table: the ranges cover every key, and this shows that the server
/// agrees about that. A table that is read by one query needs no count.
fn count(session: &mut RawSession, shared: &Shared<'_>, work: &ProofTable) -> Result<(), VerifyError> {
    if work.chunks.len() <= 1 || !work.condition.is_empty() {
        return Ok(());
    }
    let sql = format!("SELECT COUNT(*) FROM {}", work.target.sql());
    let rows = session
        .query_small(sql.as_bytes())
        .map_err(|source| VerifyError::Server { table: work.target.to_string(), source })?;
    let found = rows.first().map_or(0, |row| row.number(0));
    let expected: u64 = work.chunks.iter().map(|chunk| chunk.rows).sum();
    let mut proof = shared.proof.lock().expect("no holder of the lock panics");
    let table = work.target.to_string();
    if found != expected && !proof.differences.iter().any(|difference| difference.table == table) {
        proof.differences.push(Difference {
            table,
            partition: None,
            range: "(start .. end)".into(),
            rows_expected: expected,
            rows_found: found,
            rows: None,
            compared: None,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::RowDigest;
    use crate::codec::frame::ContentId;
    use crate::schema::Column;

    /// A document of a kind that cannot be given back comes back as text: the rest of the row is proved, the column never.
    #[test]
    fn a_column_with_types_that_are_not_carried_is_never_called_proved() {
        let name = QualifiedName::new("s", "t");
        let columns = vec![Column::new("id", ColumnKind::Integer), Column::new("doc", ColumnKind::Json)];
        let chunk = ChunkRecord {
            n: 0,
            partition: None,
            range: None,
            rows: 2,
            bytes: 10,
            content: ContentId([0; 32]),
            place: None,
            typed: None,
            digest: RowDigest(7),
            generated: None,
            untyped: [(1, 1)].into(),
            widest: None,
            digest_without_json: Some(RowDigest(3)),
        };
        let table = Table::of_columns(name.clone(), columns);
        let work = ProofTable { table, target: name, condition: String::new(), chunks: vec![chunk] };
        let found = |without_json: u128| {
            let tally =
                Tally { rows: 2, digest: RowDigest(8), without_json: RowDigest(without_json), ..Tally::default() };
            let mut proof = Proof::default();
            compare(&mut proof, &work, &Compared { table: 0, chunks: 0..1 }, &tally);
            proof
        };
        assert_eq!(found(3).unproved, ["s.t.doc"]);
        assert!(found(3).holds() && found(3).lines("").join("\n").contains("not proved: s.t.doc"));
        assert!(!found(4).holds());
    }
}
