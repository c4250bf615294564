//! One worker: it takes ranges from the queue and reads each by one or more queries in key order, from packet to
//! sealed chunk without another thread in between.

use super::chunker::{Chunker, Rows, Verdict};
use super::error::DumpError;
use super::midpoint;
use super::queue::{Finished, Next, Task};
use super::{Shared, Source, Stored, Stretch, TakenChunk, WorkerTime};
use crate::codec::frame::{Sealer, content_id};
use crate::codec::layout::{Protocol, RangeQuery, RowLayout};
use crate::codec::{ROW_TEXT_VERSION, RowEncoder};
use crate::limits;
use crate::manifest::model::TypedList;
use crate::plan::cuts::{self, Cutting};
use crate::schema::{Bound, Range, RangeKey};
use crate::server::raw::RawSession;
use crate::workers::budget::Lease;

/// Rows after which progress is counted and a request to stop is seen.
const ROWS_PER_LOOK: u64 = 4096;

/// A worker's state over all its ranges.
struct Worker<'a> {
    shared: &'a Shared<'a>,
    session: RawSession,
    sealer: Sealer,
    chunker: Chunker,
    /// Where the chunk that is being filled begins.
    chunk_lo: Option<Bound>,
    /// Bytes of a row wider than a chunk, while the chunk with it is in memory.
    wide: Option<Lease<'a>>,
    queries: usize,
}

/// Reads ranges until none is left; says how the time went.
pub(super) fn work(shared: &Shared<'_>, session: RawSession) -> WorkerTime {
    let mut time = WorkerTime::default();
    let mut worker = match Worker::new(shared, session) {
        Ok(worker) => worker,
        Err(error) => {
            shared.queue.fail(error);
            return time;
        }
    };
    loop {
        let waiting = Stretch::begin();
        let next = shared.queue.next();
        time.idle_seconds += waiting.end().as_secs_f64();
        let mut task = match next {
            Next::Task(task) => task,
            Next::KeepAlive => match worker.session.execute(b"DO 1") {
                Ok(_) => continue,
                Err(error) => {
                    let error = DumpError::server("nothing", error);
                    shared.progress.note(&format!("an idle session was lost, the others go on: {error}"));
                    shared.queue.lost_waiting(error);
                    break;
                }
            },
            Next::Finished => break,
        };
        let busy = Stretch::begin();
        let outcome = worker.run(&mut task);
        time.busy_seconds += busy.end().as_secs_f64();
        match outcome {
            Ok(()) => {}
            Err(error) if error.session_lost() => {
                task.read.range.lo = worker.chunk_lo.take();
                shared.progress.note(&format!("a session was lost, the others go on: {error}"));
                shared.queue.lost(task, std::mem::take(&mut worker.queries) + 1, error);
                break;
            }
            Err(error) => {
                shared.queue.fail(error);
                break;
            }
        }
    }
    time
}

/// Reads the non-transactional tables over the session that holds them locked, then lets them go.
pub(super) fn read_locked(shared: &Shared<'_>, session: RawSession) {
    let read = || -> Result<(), DumpError> {
        let mut worker = Worker::new(shared, session)?;
        for (table, source) in shared.sources.iter().enumerate().filter(|(_, s)| !s.table.transactional()) {
            for read in cuts::ranges(&source.table, source.earlier.as_deref()) {
                worker.read_range(&mut Task { table, read, count_only: false, rows_left: 0 })?;
            }
            let queries = std::mem::take(&mut worker.queries);
            worker.count(source, &Finished { rows: shared.queue.rows_of(table), queries })?;
        }
        let unlocked = worker.session.execute(b"UNLOCK TABLES");
        unlocked.map(drop).map_err(|e| DumpError::server("tables without transactions", e))
    };
    if let Err(error) = read() {
        shared.queue.fail(error);
    }
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>, session: RawSession) -> Result<Worker<'a>, DumpError> {
        Ok(Worker {
            shared,
            session,
            sealer: Sealer::new(limits::ZSTD_LEVEL)?,
            chunker: Chunker::default(),
            chunk_lo: None,
            wide: None,
            queries: 0,
        })
    }

    /// Reads a range, and counts the table where it was the last one.
    fn run(&mut self, task: &mut Task) -> Result<(), DumpError> {
        let source = &self.shared.sources[task.table];
        let name = source.table.name.to_string();
        if !task.count_only {
            self.shared.progress.table(&name, true);
            let read = self.read_range(task);
            self.shared.progress.table(&name, false);
            read?;
        }
        let queries = std::mem::take(&mut self.queries);
        let Some(finished) = self.shared.queue.done(task.table, queries) else { return Ok(()) };
        // If the session is lost now, another one must count.
        *task = self.shared.queue.reopen_for_count(task);
        self.count(source, &finished)?;
        self.shared.queue.done(task.table, 0);
        Ok(())
    }

    /// The rows over all chunks must be the rows of the table in this snapshot. One query without bounds that read it
    /// all is its own count.
    fn count(&mut self, source: &Source, finished: &Finished) -> Result<(), DumpError> {
        if finished.queries <= 1 {
            return Ok(());
        }
        let table = source.table.name.to_string();
        let mut sql = format!("SELECT COUNT(*) FROM {}", source.table.name.sql());
        if !source.condition.is_empty() {
            sql.push_str(&format!(" WHERE ({})", source.condition));
        }
        let rows = self.session.query_small(sql.as_bytes()).map_err(|e| DumpError::server(&table, e))?;
        let counted = rows.first().map_or(0, |row| row.number(0));
        if counted != finished.rows {
            return Err(DumpError::Count { table, counted, read: finished.rows });
        }
        Ok(())
    }

    /// Reads a range from its lower to its upper bound, in as many queries as it takes.
    fn read_range(&mut self, task: &mut Task) -> Result<(), DumpError> {
        let source = &self.shared.sources[task.table];
        let layout = RowLayout::of(&source.table);
        self.chunker = Chunker::default();
        self.chunk_lo = task.read.range.lo.clone();
        let mut read_to = task.read.range.lo.clone();
        let mut row_bytes = row_bytes_estimate(source);
        let mut rows_read = 0;
        loop {
            // With small chunks a query ends before it looks for itself.
            stop_here(self.shared)?;
            let free = matches!(task.read.cutting, Cutting::Free);
            let limit = free.then(|| (2 * self.shared.options.chunk_bytes as u64 / row_bytes).max(100));
            let (rows, last) = self.query(task, source, &layout, read_to.clone(), limit, &mut row_bytes)?;
            self.queries += 1;
            if limit == Some(rows) && last.is_some() {
                read_to = last;
                // Where the server's estimate has run out, at least as much again is taken to be left.
                rows_read += rows;
                task.rows_left = task.rows_left.saturating_sub(rows).max(rows_read);
                self.give_half_away(task, source, &read_to)?;
                continue;
            }
            match self.join_following(task) {
                Some(following) => read_to = following,
                None => break,
            }
        }
        self.emit_all(task, task.read.range.hi.clone())
    }

    /// Runs one query and encodes its rows. Returns their number, and the bound of the last one where `limit` was met.
    fn query(
        &mut self,
        task: &Task,
        source: &Source,
        layout: &RowLayout,
        lo: Option<Bound>,
        limit: Option<u64>,
        row_bytes: &mut u64,
    ) -> Result<(u64, Option<Bound>), DumpError> {
        let table = source.table.name.to_string();
        let sql = select(task, source, layout, lo, limit);
        let failed = |e| DumpError::server(&table, e);
        // Rows borrow the session: it is put back when they have been read.
        let Worker { shared, session, sealer, chunker, chunk_lo, wide, .. } = self;
        let mut rows = match layout.protocol {
            Protocol::Text => session.query(sql.as_bytes()),
            Protocol::Binary => session.query_binary(sql.as_bytes()),
        }
        .map_err(failed)?;
        let types = rows.columns().iter().map(|column| column.type_byte).collect();
        let encoder = RowEncoder::new(layout.clone(), types, table.as_str());
        let emit = Emit { shared, sealer, task };
        let mut filler = Filler { emit, encoder, key: source.table.range_key.as_ref(), chunker, chunk_lo, wide };
        let mut seen = Seen::default();
        let mut last = None;
        while let Some(packet) = rows.next().map_err(failed)? {
            seen.rows += 1;
            seen.bytes += filler.take(packet)?;
            if limit == Some(seen.rows) {
                last = filler.bound(packet)?;
            }
            if seen.rows % ROWS_PER_LOOK == 0 {
                seen.report(shared);
                stop_here(shared)?;
            }
        }
        seen.report(shared);
        if let Some(average) = seen.bytes.checked_div(seen.rows) {
            *row_bytes = average.max(1);
        }
        Ok((seen.rows, last))
    }

    /// Where somebody is idle, the upper half of what remains becomes a range of its own. Not before a chunk of this one
    /// is full: the open end of a table whose rows are those of the backup before must stay the chunk that it was.
    fn give_half_away(&mut self, task: &mut Task, source: &Source, read_to: &Option<Bound>) -> Result<(), DumpError> {
        if self.chunk_lo == task.read.range.lo || !self.shared.queue.someone_idle() {
            return Ok(());
        }
        // Such a table is read by the session that holds it locked and by no other: the lock goes when that one is done.
        if !source.table.transactional() {
            return Ok(());
        }
        let Some(from) = read_to else { return Ok(()) };
        let rest = Range { lo: Some(from.clone()), hi: task.read.range.hi.clone() };
        let partition = task.read.partition.as_deref();
        let middle = midpoint::find(&mut self.session, source, partition, &rest, task.rows_left)
            .map_err(|e| DumpError::server(&source.table.name.to_string(), e))?;
        if let Some(middle) = middle {
            let above = Range { lo: Some(middle.clone()), hi: task.read.range.hi.replace(middle) };
            self.shared.queue.split_off(task, above);
            task.rows_left /= 2;
        }
        Ok(())
    }

    /// An inherited range that shrank below a quarter of a chunk takes the next one in, if that still waits: it may have
    /// shrunk as well, and if not, it is one chunk that is stored anew. Unchanged ranges are left as they are, since
    /// joining them would store their rows anew each time; empty ones cost nothing and are joined without reading.
    /// Returns the bound from which reading goes on.
    fn join_following(&mut self, task: &mut Task) -> Option<Option<Bound>> {
        let Cutting::Inherited { bytes: bytes_before, content } = task.read.cutting else { return None };
        let bytes = self.chunker.text.len();
        let hi = task.read.range.hi.clone()?;
        let chunk_bytes = self.shared.options.chunk_bytes;
        let unchanged = bytes as u64 == bytes_before && self.chunker.content() == content;
        if bytes == 0 || bytes >= chunk_bytes / 4 || unchanged {
            return None;
        }
        let following = self.shared.queue.claim_following(task, &hi)?;
        task.read.range.hi = following.range.hi;
        task.read.cutting = following.cutting;
        Some(Some(hi))
    }

    /// What is left in memory becomes the last chunk of the range.
    fn emit_all(&mut self, task: &Task, hi: Option<Bound>) -> Result<(), DumpError> {
        let rows = self.chunker.take();
        let range = Range { lo: self.chunk_lo.take(), hi };
        if rows.text.is_empty() && range.hi.is_some() && range.lo == range.hi {
            // The last row was so long that a chunk ended with it, and with it the range.
            self.wide.take();
            return Ok(());
        }
        let mut emit = Emit { shared: self.shared, sealer: &mut self.sealer, task };
        self.chunker.text = emit.chunk(rows, range)?;
        self.wide.take();
        Ok(())
    }
}

fn stop_here(shared: &Shared<'_>) -> Result<(), DumpError> {
    match shared.stop.stopped() || shared.queue.failed() {
        true => Err(DumpError::Interrupted),
        false => Ok(()),
    }
}

fn select(task: &Task, source: &Source, layout: &RowLayout, lo: Option<Bound>, limit: Option<u64>) -> String {
    let key = source.table.range_key.as_ref();
    let range = Range { lo, hi: task.read.range.hi.clone() };
    let bounds = key.and_then(|key| key.condition(&range, &source.table.columns)).unwrap_or_default();
    layout.select(&RangeQuery {
        table: &source.table.name.sql(),
        partition: task.read.partition.as_deref(),
        key,
        conditions: &[&bounds, &source.condition],
        limit,
    })
}

/// Rows and bytes of one query, and how many of them the progress knows.
#[derive(Default)]
struct Seen {
    rows: u64,
    bytes: u64,
    reported: (u64, u64),
}

impl Seen {
    fn report(&mut self, shared: &Shared<'_>) {
        shared.progress.add(self.rows - self.reported.0, self.bytes - self.reported.1);
        self.reported = (self.rows, self.bytes);
    }
}

/// Fills chunks with the rows of one query and cuts them where it is time.
struct Filler<'w, 'a> {
    emit: Emit<'w, 'a>,
    encoder: RowEncoder,
    key: Option<&'w RangeKey>,
    chunker: &'w mut Chunker,
    chunk_lo: &'w mut Option<Bound>,
    wide: &'w mut Option<Lease<'a>>,
}

impl Filler<'_, '_> {
    /// Takes one row; returns the bytes of its row text.
    #[inline]
    fn take(&mut self, packet: &[u8]) -> Result<u64, DumpError> {
        let chunk_bytes = self.emit.shared.options.chunk_bytes;
        if packet.len() > chunk_bytes {
            // Drop before the next lease: nobody waits while holding.
            self.wide.take();
            *self.wide = Some(self.emit.shared.budget.lease(3 * packet.len()));
        }
        let before = self.chunker.text.len();
        let (text, tally) = self.chunker.text_and_tally();
        let hash = self.encoder.encode(packet, Some(text), tally)?;
        let row = self.chunker.text.len() - before;
        self.chunker.saw_row_of(row as u64, self.encoder.take_typed());
        match self.chunker.judge(self.emit.task.read.cutting, chunk_bytes, row, hash) {
            Verdict::Go => {}
            verdict => self.cut(verdict, packet)?,
        }
        Ok(row as u64)
    }

    fn cut(&mut self, verdict: Verdict, packet: &[u8]) -> Result<(), DumpError> {
        match verdict {
            Verdict::Go => {}
            Verdict::MarkHalf => {
                let bound = self.bound(packet)?;
                self.chunker.mark_half(bound);
            }
            Verdict::CutHere => {
                let hi = self.bound(packet)?;
                let rows = self.chunker.take();
                let lo = std::mem::replace(self.chunk_lo, hi.clone());
                self.chunker.text = self.emit.chunk(rows, Range { lo, hi })?;
                self.wide.take();
            }
            Verdict::CutAtHalf => {
                if let Some((rows, hi)) = self.chunker.split_at_half() {
                    let lo = std::mem::replace(self.chunk_lo, hi.clone());
                    self.emit.chunk(rows, Range { lo, hi })?;
                }
            }
        }
        Ok(())
    }

    /// The row as a bound of its table's key.
    fn bound(&mut self, packet: &[u8]) -> Result<Option<Bound>, DumpError> {
        let Some(key) = self.key else { return Ok(None) };
        let values = self.encoder.values(packet)?;
        Ok(self.encoder.layout().bound(key, &values))
    }
}

/// Makes chunks of collected rows.
struct Emit<'w, 'a> {
    shared: &'a Shared<'a>,
    sealer: &'w mut Sealer,
    task: &'w Task,
}

impl Emit<'_, '_> {
    /// Seals and hands over one chunk; gives the emptied buffer back.
    fn chunk(&mut self, rows: Rows, range: Range) -> Result<Vec<u8>, DumpError> {
        let Shared { pack, known, queue, rate, options, .. } = self.shared;
        let Rows { mut text, typed_list, tally } = rows;
        let bytes = text.len() as u64;
        let content = content_id(&text, &typed_list, ROW_TEXT_VERSION);
        let before = known.get(&content).copied();
        let mut typed = before.and_then(|known| known.typed);
        let frame = match before {
            None if bytes > 0 => {
                let mut frame = self.sealer.seal(&text, "a chunk")?;
                if !typed_list.is_empty() {
                    let list = self.sealer.seal(&typed_list, "a typed list")?;
                    typed = Some(TypedList { length: list.len() as u64, bytes: typed_list.len() as u64 });
                    frame.extend_from_slice(&list);
                }
                Some(frame)
            }
            _ => None,
        };
        drop(typed_list);
        // Given back before the frame waits for room: a chunk with one very wide row must not hold its memory for ever.
        text.clear();
        text.shrink_to(4 * options.chunk_bytes);
        let frame_bytes = frame.as_ref().map_or(0, |frame| frame.len() as u64);
        let stored = match (frame, before) {
            (Some(frame), _) => Stored::Now(pack.add(frame).map_err(|_| DumpError::Store)?),
            (None, Some(known)) if bytes > 0 => Stored::Before(known.place),
            (None, _) => Stored::Nothing,
        };
        let partition = self.task.read.partition.clone();
        let chunk = TakenChunk { partition, range, tally, bytes, frame_bytes, content, stored, typed };
        queue.add_chunk(self.task.table, chunk);
        rate.pay(bytes, || stop_here(self.shared).is_err());
        Ok(text)
    }
}

/// A guess at the bytes of a row before the first one was read: the server's own estimate.
fn row_bytes_estimate(source: &Source) -> u64 {
    let table = &source.table;
    match table.rows_estimate {
        0 => 100,
        rows => (table.bytes_estimate / rows).max(1),
    }
}
