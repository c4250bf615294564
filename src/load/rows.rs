//! One chunk into its table, exactly: LOAD DATA LOCAL from memory inside a transaction, with a check that every row
//! arrived as it was sent.
//!
//! LOCAL turns every error into a warning and drops or cuts what it does not like (MySQL manual, "LOAD DATA
//! Statement": LOCAL implies IGNORE). So a chunk is accepted only if the server counted as many records as were sent,
//! changed as many rows, skipped none and warned of nothing but ENUM error values, which warn by their nature.

use super::error::{self, LoadError};
use super::fetch::RowText;
use super::sessions::lock_pause;
use super::{LoadTable, insert, ledger, typed};
use crate::codec::RowLayout;
use crate::codec::line::{self, StoredRow};
use crate::limits;
use crate::manifest::model::ChunkRecord;
use crate::schema::ColumnKind;
use crate::server::session::Done;
use crate::server::{ServerError, Session};
use bytes::Bytes;
use futures::StreamExt;

/// The way that rows take into a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// LOAD DATA LOCAL from memory.
    LoadData,
    /// Prepared INSERTs, where local_infile is off: about 1.2 to 1.6 times the server's CPU of LOAD DATA (measured).
    Insert,
}

/// Bytes that are handed to the socket at once; from 64 KiB up it makes no difference to the server. Each slice is a
/// packet, which a server whose `max_allowed_packet` is no larger ends the connection for (seen on 9.7.4 with 64 KiB and with
/// 1 MiB): there they are half of it.
const SLICE_BYTES: usize = 64 << 10;

/// Sets a loading session up for its way.
pub async fn setup(session: &mut Session, way: Way) -> Result<(), ServerError> {
    match way {
        Way::LoadData => Ok(()),
        // Parameters are then binary strings and go into text columns of any character set unconverted.
        Way::Insert => session
            .execute("SET SESSION character_set_client=binary, SESSION character_set_connection=binary")
            .await
            .map(drop),
    }
}

/// Undoes [`setup`] for statements with text in them.
pub async fn speak_text(session: &mut Session, way: Way) -> Result<(), ServerError> {
    match way {
        Way::LoadData => Ok(()),
        Way::Insert => session
            .execute("SET SESSION character_set_client=utf8mb4, SESSION character_set_connection=utf8mb4")
            .await
            .map(drop),
    }
}

/// Loads one chunk.
pub struct ChunkLoader<'a> {
    /// A session that went through [`setup`].
    pub session: &'a mut Session,
    /// The table.
    pub work: &'a LoadTable,
    /// The chunk.
    pub record: &'a ChunkRecord,
    /// The way.
    pub way: Way,
    /// The target's max_allowed_packet.
    pub packet_bytes_max: u64,
}

impl ChunkLoader<'_> {
    /// Loads the chunk and records it in the ledger, in one transaction. After a deadlock or a lock wait timeout it is tried
    /// again; not into a table without transactions, which may have kept some of the rows.
    pub async fn load(&mut self, rows: &RowText) -> Result<(), LoadError> {
        let mut tries = 0;
        loop {
            let error = match self.try_load(rows).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let again = matches!(error.code(), Some(1205 | 1213)) && self.work.table.transactional();
            // Where the connection is gone the server rolls back by itself.
            let rolled_back = self.session.execute("ROLLBACK").await;
            if !again || tries == limits::LOCK_TRIES {
                return Err(error);
            }
            rolled_back?;
            tokio::time::sleep(lock_pause(tries)).await;
            tries += 1;
        }
    }

    async fn try_load(&mut self, rows: &RowText) -> Result<(), LoadError> {
        let layout = RowLayout::of(&self.work.table);
        let Parted { plain, typed } =
            Parted::of(rows).ok_or_else(|| self.unusable("its typed list names a row that it has not"))?;
        typed::check(&layout, &typed).map_err(|why| self.unusable(why))?;
        let sent = self.record.rows - typed.len() as u64;
        let (work, record, packet_bytes_max) = (self.work, self.record, self.packet_bytes_max);
        self.session.execute("START TRANSACTION").await?;
        match self.way {
            _ if sent == 0 => {}
            Way::LoadData => self.load_data(&layout, &plain, sent).await?,
            Way::Insert => {
                for text in &plain {
                    insert::insert_rows(self.session, work, record, &layout, text, packet_bytes_max).await?;
                }
            }
        }
        if !typed.is_empty() {
            // The paths of JSON_TABLE are text, and take no other character set.
            speak_text(self.session, self.way).await?;
            let inserted = typed::insert_rows(self.session, work, record, &layout, &typed, packet_bytes_max).await;
            setup(self.session, self.way).await?;
            inserted?;
        }
        let recorded = ledger::chunk_loaded(self.session, self.work.number, self.record.n).await;
        recorded.map_err(|source| self.failed(source))?;
        self.session.execute("COMMIT").await.map_err(|source| self.failed(source))?;
        Ok(())
    }

    async fn load_data(&mut self, layout: &RowLayout, plain: &[Bytes], rows: u64) -> Result<(), LoadError> {
        let sql = layout.load_statement(&self.work.target.sql(), "rows");
        let slice_bytes = SLICE_BYTES.min(self.packet_bytes_max as usize / 2).max(1);
        let slices: Vec<std::io::Result<Bytes>> = plain
            .iter()
            .flat_map(|text| {
                let starts = (0..text.len()).step_by(slice_bytes);
                starts.map(|at| Ok(text.slice(at..text.len().min(at + slice_bytes))))
            })
            .collect();
        // A handler is used up by one statement; without one the driver closes the connection.
        self.session.conn().set_infile_handler(async move { Ok(futures::stream::iter(slices).boxed()) });
        let done = self.session.execute(&sql).await.map_err(|source| self.failed(source))?;
        let counts = Counts::of(&done).ok_or_else(|| self.rejected(format!("the server answered {:?}", done.info)))?;
        let exact = counts.records == rows && done.affected == rows && counts.skipped == 0 && counts.deleted == 0;
        if exact && counts.warnings == 0 {
            return Ok(());
        }
        let enum_errors = plain.iter().map(|text| enum_error_values(layout, text)).sum();
        if exact && explained(self.session, layout, counts.warnings, enum_errors).await? {
            return Ok(());
        }
        let warnings = self.session.query("SHOW WARNINGS LIMIT 5").await?;
        let texts: Vec<_> = warnings.iter().map(|row| row.text(2)).collect();
        Err(self.rejected(format!(
            "of {rows} rows sent the server read {}, stored {}, skipped {}, with {} warnings: {}",
            counts.records,
            done.affected,
            counts.skipped,
            counts.warnings,
            texts.join("; ")
        )))
    }

    fn failed(&self, source: ServerError) -> LoadError {
        match source.code() {
            Some(1205 | 1213) | None => LoadError::Server(source),
            Some(_) => refused(self.work, self.record, source),
        }
    }

    fn unusable(&self, why: &'static str) -> LoadError {
        LoadError::Chunk { table: self.work.target.to_string(), range: range(self.record), why }
    }

    fn rejected(&self, why: String) -> LoadError {
        rejected(self.work, self.record, why)
    }
}

/// The server answered a statement that brings rows of a chunk with an error.
pub(super) fn refused(work: &LoadTable, record: &ChunkRecord, source: ServerError) -> LoadError {
    match error::no_room(&source) {
        Some(_) => LoadError::full(format!("table {}, rows {}", work.target, range(record)), source),
        None if error::read_only(&source) => source.into(),
        None => rejected(work, record, source.to_string()),
    }
}

/// The server did not take rows of a chunk as they were sent.
pub(super) fn rejected(work: &LoadTable, record: &ChunkRecord, why: String) -> LoadError {
    LoadError::Rejected { table: work.target.to_string(), range: range(record), why }
}

/// The rows that a chunk holds, for people.
pub(super) fn range(record: &ChunkRecord) -> String {
    record.range.as_ref().map_or(format!("chunk {}", record.n), |range| range.to_string())
}

/// A chunk's rows, those without typed values as stretches of row text and those with them one by one.
struct Parted<'a> {
    plain: Vec<Bytes>,
    typed: Vec<StoredRow<'a>>,
}

impl<'a> Parted<'a> {
    /// `None` where the typed list names a row that the text has not.
    fn of(rows: &'a RowText) -> Option<Parted<'a>> {
        let (text, mut parted) = (&rows.text, Parted { plain: Vec::new(), typed: Vec::new() });
        let (mut at, mut plain_from, mut values) = (0, 0, 0);
        if !rows.typed.is_empty() {
            for row in line::rows(text, &rows.typed) {
                let end = at + row.line.len() + 1;
                if !row.typed.is_empty() {
                    parted.plain.push(text.slice(plain_from..at));
                    parted.typed.push(row);
                    values += row.typed.len();
                    plain_from = end;
                }
                at = end;
            }
        }
        parted.plain.push(text.slice(plain_from..));
        parted.plain.retain(|text| !text.is_empty());
        (values == rows.typed.len()).then_some(parted)
    }
}

/// "Row size too large": what the server says of a table whose columns could exceed a page, not of a row, in the statement
/// that loads the table into its cache of definitions (seen on 9.7.4).
const OF_THE_TABLE: u64 = 139;

/// True where nothing warned but what warns by its nature: ENUM error values; STORED generated columns, which are computed
/// by the server, not sent, and warn in every row where they round (their values have a digest of their own in the
/// proof); FLOAT(M,D) at its limit, which the server clips and rounds to the very value that was sent; and a table whose
/// definition alone makes the server warn.
pub(super) async fn explained(
    session: &mut Session,
    layout: &RowLayout,
    warnings: u64,
    enum_errors: u64,
) -> Result<bool, ServerError> {
    if warnings == enum_errors {
        return Ok(true);
    }
    // The server lists at most max_error_count of them; all that it lists must be of these columns or of ENUMs.
    let mut rows = session.query("SHOW WARNINGS").await?;
    let listed = rows.len();
    rows.retain(|row| row.number(1) != OF_THE_TABLE);
    if warnings - (listed - rows.len()) as u64 == enum_errors {
        return Ok(true);
    }
    let by_nature = layout.fields.iter().filter(|field| field.generated || field.limited);
    let by_nature: Vec<String> = by_nature.map(|field| format!("'{}'", field.name)).collect();
    if by_nature.is_empty() {
        return Ok(false);
    }
    let expected = |text: &str| by_nature.iter().any(|name| text.contains(name.as_str()));
    let others = rows.iter().filter(|row| !expected(&row.text(2))).count() as u64;
    Ok(!rows.is_empty() && others <= enum_errors)
}

/// The counts of LOAD DATA's info line. The packet's own warning count ends at 65,535; this one does not.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    records: u64,
    deleted: u64,
    skipped: u64,
    warnings: u64,
}

impl Counts {
    /// Parses `Records: 5  Deleted: 0  Skipped: 0  Warnings: 0`.
    fn of(done: &Done) -> Option<Counts> {
        let mut numbers = done.info.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        let mut next = || numbers.next();
        Some(Counts { records: next()?, deleted: next()?, skipped: next()?, warnings: next()? })
    }
}

/// How many ENUM fields of the row text hold the error value 0: each gives one warning 1265 and arrives exactly.
pub(super) fn enum_error_values(layout: &RowLayout, text: &[u8]) -> u64 {
    let is_enum: Vec<bool> = layout.fields.iter().map(|f| f.kind == ColumnKind::Enum && !f.generated).collect();
    if !is_enum.contains(&true) {
        return 0;
    }
    let mut count = 0;
    for line in text.split(|&byte| byte == b'\n') {
        let fields = line.split(|&byte| byte == b'\t');
        count += fields.zip(&is_enum).filter(|(field, is_enum)| **is_enum && *field == b"0").count() as u64;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_lines() {
        let done = |info: &str| Done { info: info.into(), ..Done::default() };
        assert_eq!(
            Counts::of(&done("Records: 5  Deleted: 1  Skipped: 2  Warnings: 70000")),
            Some(Counts { records: 5, deleted: 1, skipped: 2, warnings: 70000 })
        );
        assert_eq!(Counts::of(&done("")), None);
    }
}
