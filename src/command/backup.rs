//! `myriad backup`: a consistent backup of a running server, visible at once or not at all.

mod record;
mod report;

pub use report::{BackupDone, BackupReport};

use crate::codec::layout::key_id;
use crate::command::options::{BackupOptions, Consistency};
use crate::command::selected;
use crate::dump::{self, DumpOptions, Source, TakenTable};
use crate::error::{Error, Exit, Result};
use crate::limits;
use crate::manifest::condemned::Condemned;
use crate::manifest::known::{self, Known};
use crate::manifest::lock::{Lock, Work};
use crate::manifest::repository::check_name;
use crate::manifest::{PackWriter, Repository, commit};
use crate::plan::Filter;
use crate::plan::cuts::EarlierChunk;
use crate::progress::{Progress, Stop};
use crate::schema::{QualifiedName, Range, Table, no_rows_in, vet};
use crate::server::error::LOCK_WAIT_TIMEOUT;
use crate::server::facts::{self, Flavor, ServerFacts};
use crate::server::inspect::{self, IS_TABLE, Inspected};
use crate::server::snapshot::{self, Held, Keeper, SnapshotRequest};
use crate::server::{RawSession, ServerError, Session};
use crate::store::{self, Store};
use jiff::Timestamp;
use record::Recorded;
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;

/// Takes a backup into the repository that the options name, or makes the plan of one.
pub async fn run(options: &BackupOptions, progress: Arc<dyn Progress>, stop: Stop) -> Result<BackupReport> {
    if options.dry_run {
        let (facts, tables) = look(&mut source_session(options).await?, options).await?;
        let workers = Memory::share(options, progress.as_ref()).workers;
        return Ok(report::plan(options, &facts, &tables, workers));
    }
    // Nothing is made where the source cannot be reached.
    let control = source_session(options).await?;
    take(control, store::open(&options.repo, true).await?, options, progress, stop).await
}

/// Takes a backup into a store.
pub async fn run_into(
    store: Arc<dyn Store>,
    options: &BackupOptions,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<BackupReport> {
    take(source_session(options).await?, store, options, progress, stop).await
}

async fn source_session(options: &BackupOptions) -> Result<Session> {
    let mut control = Session::connect(&options.source).await?;
    inspect::setup_reader(&mut control).await?;
    Ok(control)
}

/// Who the source is, and its tables that are meant.
async fn look(control: &mut Session, options: &BackupOptions) -> Result<(ServerFacts, Vec<Listed>)> {
    let filter = selected::filter(&options.selection)?;
    Ok((facts::read(control).await?, list_tables(control, &filter).await?))
}

async fn take(
    mut control: Session,
    store: Arc<dyn Store>,
    options: &BackupOptions,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<BackupReport> {
    // Who is the source, and is anybody else at work?
    let (facts, tables) = look(&mut control, options).await?;
    if options.users && facts.flavor == Flavor::Mariadb {
        return Err(Error::new(Exit::Usage, "--users knows the accounts of MySQL, not those of MariaDB")
            .hint("leave --users out; mysqldump --system=users of MariaDB takes them"));
    }
    let repository = Repository::open_or_create(store).await?;
    let name = source_name(&repository, options.name.as_deref(), &facts).await?;
    let lock = Lock::take(&repository, Work::Backup { name: name.clone() }).await?;
    let taken = take_alone(control, &repository, name, (facts, tables), options, progress, stop).await;
    lock.release().await;
    taken
}

/// All steps of a backup that has its source name to itself.
async fn take_alone(
    mut control: Session,
    repository: &Repository,
    name: String,
    (facts, tables): (ServerFacts, Vec<Listed>),
    options: &BackupOptions,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> Result<BackupReport> {
    let started = Timestamp::now();
    let told = conditions_not_compared(&options.conditions);
    told.iter().for_each(|note| progress.note(note));
    let effort = Memory::share(options, progress.as_ref());

    // What does the repository know of the source? What a prune is about to delete is not used, under any name.
    let condemned = Arc::new(Condemned::read(repository).await?.names());
    let (earlier, damaged) = repository.readable_newest_first(&name).await?;
    let known = known::load(repository, &earlier, &condemned).await?;

    // One view for all sessions; from here on the source's definitions stand still.
    progress.phase("snapshot", 0, 0);
    let (held, inspected) = view(&mut control, options, &tables, effort.workers).await?;
    let mut notes: Vec<String> =
        held.passed_over.iter().map(|why| format!("a stronger way to one view was passed over: {why}")).collect();
    if !held.backup_lock {
        notes.push(format!(
            "no backup lock ({}): DDL on these tables waited until the backup was done",
            match facts.flavor {
                Flavor::Mariadb => "MariaDB has none",
                _ => "it needs BACKUP_ADMIN",
            }
        ));
    }
    notes.extend(damaged.iter().map(|damage| format!("nothing of it is used again: {damage}")));
    notes.extend(refused_later(&inspected));
    notes.iter().for_each(|note| progress.note(note));
    // Before anything was read these were told already.
    notes.extend(told);
    let sources = sources(&inspected, options, &known)?;

    // Rows: read, sealed, stored. A chunk that the repository holds already is not stored again.
    let rows_expected = sources.iter().map(|source| source.table.rows_estimate).sum();
    progress.phase("rows", rows_expected, 0);
    let (store, runtime) = (repository.store.clone(), tokio::runtime::Handle::current());
    let pack = PackWriter::new(store, runtime, effort.object_bytes, condemned.clone());
    let dump_options = DumpOptions {
        chunk_bytes: options.chunk_bytes,
        memory_bytes: effort.wide_row_bytes,
        rate_bytes_max: options.rate_bytes_max,
    };
    let reading = Reading { sources, known, dump_options, progress: progress.clone(), stop: stop.clone() };
    let reading = reading.read(held.readers, held.non_transactional_reader, pack);
    let (sources, known, taken, places) = keep(&held.keeper, &stop, reading).await?;

    // The view must have stood to the end; only then does what was read count.
    held.keeper.still_holds().await.map_err(unkept)?;
    held.keeper.release().await?;
    progress.phase("manifest", 0, 0);
    let recorded = Recorded {
        facts,
        position: held.position,
        source_positions: held.source_positions,
        consistency: held.consistency,
    };
    let tables: Vec<(&Table, &TakenTable)> = sources.iter().map(|source| &source.table).zip(&taken.tables).collect();
    let written =
        record::Recording { repository, options, name: &name, started, snapshot: held.snapshot_time, condemned }
            .write(recorded, &inspected, &tables, &places)
            .await?;

    // The last object makes the backup visible.
    let hash = commit::commit(repository, &written.manifest, &written.objects).await?;
    drop(known);
    let report = report::done(written, hash, &taken, held.lock_held, repository.place(), effort.workers);
    Ok(report.with_notes(notes))
}

/// Conditions that `verify --against` will not ask of a server: it takes them from the repository, where they could be
/// anybody's.
fn conditions_not_compared(conditions: &[(String, String)]) -> Vec<String> {
    let note = |(table, condition): &(String, String)| {
        let why = vet::condition(condition).err()?;
        Some(format!("`verify --against` will not compare table {table}: {why}; its rows are taken all the same"))
    };
    conditions.iter().filter_map(note).collect()
}

/// What a restore would refuse of what the server gave: better told today than on the day of need.
fn refused_later(inspected: &Inspected) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |name: String, vetted: Result<(), String>| {
        let told = |why| format!("a restore would refuse {name}, whose definition is none that is known here: {why}");
        notes.extend(vetted.err().map(told));
    };
    for schema in &inspected.schemas {
        note(format!("schema {}", schema.name), vet::schema(&schema.name, &schema.create.0));
        for table in &schema.tables {
            note(format!("table {}", table.name), vet::table(table));
        }
        for object in &schema.objects {
            note(format!("{} {}", object.kind, object.name), vet::object(object, &object.name.schema));
        }
    }
    for account in &inspected.accounts {
        note(format!("account {}", account.name), vet::account(account));
    }
    notes
}

/// Reads while the session that holds off DDL is kept alive. Where that is lost nothing that was read counts, and reading
/// is stopped.
async fn keep<T>(keeper: &Keeper, stop: &Stop, reading: impl Future<Output = Result<T>>) -> Result<T> {
    let lost = async {
        loop {
            tokio::time::sleep(limits::KEEP_ALIVE_EVERY).await;
            if let Err(error) = keeper.still_holds().await {
                break unkept(error);
            }
        }
    };
    tokio::pin!(reading);
    let error = tokio::select! {
        read = &mut reading => return read,
        error = lost => error,
    };
    stop.stop();
    // Its own word is only that it was stopped.
    let _ = reading.await;
    Err(error)
}

fn unkept(error: ServerError) -> Error {
    Error::from(error).context("the session that held off DDL was lost, so what was read does not count")
}

/// How the memory option is shared out.
struct Memory {
    workers: usize,
    object_bytes: usize,
    wide_row_bytes: usize,
}

impl Memory {
    /// Up to four objects of frames are in flight (one filling, one waiting, one being stored, and the chunk that overfills
    /// it); a worker holds a chunk of up to twice the chunk size, its compressed form and the copy that is handed on. What
    /// is left is for rows wider than a chunk. Too little memory means fewer workers, and that is said.
    fn share(options: &BackupOptions, progress: &dyn Progress) -> Memory {
        let memory = options.effort.memory_bytes;
        let object_bytes = limits::OBJECT_BYTES.min((memory / 16).max(1 << 20));
        let rest = memory.saturating_sub(4 * object_bytes);
        let worker_bytes = 5 * options.chunk_bytes;
        let workers = options.effort.threads.min(rest / worker_bytes).max(1);
        if workers < options.effort.threads {
            progress.note(&format!("--memory allows {workers} of {} threads", options.effort.threads));
        }
        Memory { workers, object_bytes, wide_row_bytes: rest.saturating_sub(workers * worker_bytes) }
    }
}

/// A table as far as the snapshot must know it.
pub(crate) struct Listed {
    pub name: QualifiedName,
    pub engine: String,
    pub rows_estimate: u64,
    pub bytes_estimate: u64,
}

impl Listed {
    /// Rows that the snapshot does not cover: they are read under a lock.
    fn locked(&self) -> bool {
        !self.engine.eq_ignore_ascii_case("InnoDB") && no_rows_in(&self.engine).is_none()
    }
}

async fn list_tables(control: &mut Session, filter: &Filter) -> Result<Vec<Listed>> {
    let rows = control
        .query(format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE, TABLE_ROWS, DATA_LENGTH FROM information_schema.tables \
             WHERE {IS_TABLE} ORDER BY TABLE_SCHEMA, TABLE_NAME"
        ))
        .await?;
    let listed = rows.iter().map(|row| Listed {
        name: QualifiedName::new(row.text(0), row.text(1)),
        engine: row.text(2),
        rows_estimate: row.number(3),
        bytes_estimate: row.number(4),
    });
    let wanted = |t: &Listed| !inspect::is_system_schema(&t.name.schema) && filter.table(&t.name.schema, &t.name.name);
    Ok(listed.filter(wanted).collect())
}

/// The view, and the definitions under it.
///
/// A session that flushes tables waits for those that the view has locked (they have no transactions), and whoever opens
/// one of these waits behind it, as SHOW CREATE TABLE does (seen on 9.7.4). Without the backup lock a DDL statement that
/// waits for the view does the same to SHOW CREATE VIEW. Then the view is let go and taken anew.
async fn view(
    control: &mut Session,
    options: &BackupOptions,
    tables: &[Listed],
    sessions: usize,
) -> Result<(Held, Inspected)> {
    let wait_seconds = limits::DEFINITION_LOCK_WAIT.as_secs();
    control.execute(format!("SET SESSION lock_wait_timeout={wait_seconds}")).await?;
    for _ in 0..limits::DEFINITION_TRIES {
        let held = snapshot::hold(SnapshotRequest {
            options: &options.source,
            sessions,
            // Those without rows of their own are not read, and some cannot even be opened.
            tables: &tables
                .iter()
                .filter(|t| no_rows_in(&t.engine).is_none())
                .map(|t| t.name.clone())
                .collect::<Vec<_>>(),
            non_transactional: &tables.iter().filter(|t| t.locked()).map(|t| t.name.clone()).collect::<Vec<_>>(),
            consistency_required: options.consistency == Consistency::Auto,
        })
        .await?;
        if let Some(inspected) = read_definitions(control, options, tables).await? {
            control.execute("SET SESSION lock_wait_timeout=DEFAULT").await?;
            return Ok((held, inspected));
        }
        drop(held);
        tokio::time::sleep(limits::DEFINITION_PAUSE).await;
    }
    let message =
        "no consistent snapshot: whenever the view was held another session waited to flush or change its tables";
    Err(Error::new(Exit::BackupInconsistent, message)
        .hint("is another backup, FLUSH TABLES or DDL running? run it again later"))
}

/// Reads all definitions once the snapshot is held, and sees that the tables are those that it was taken of. None where
/// one was not to be had in time.
async fn read_definitions(
    control: &mut Session,
    options: &BackupOptions,
    listed: &[Listed],
) -> Result<Option<Inspected>> {
    let filter = selected::filter(&options.selection)?;
    let wanted = |schema: &str, table: Option<&str>| match table {
        Some(table) => filter.table(schema, table),
        None => filter.schema(schema),
    };
    let mut inspected = match inspect::inspect(control, &wanted, !options.no_objects).await {
        Err(error) if error.code() == Some(LOCK_WAIT_TIMEOUT) => return Ok(None),
        other => other?,
    };
    if filter.chooses_tables() {
        // Routines and events belong to a schema, not to the tables that were chosen; empty schemas are not meant.
        use crate::schema::ObjectKind::{Trigger, View};
        inspected.schemas.iter_mut().for_each(|s| s.objects.retain(|object| matches!(object.kind, Trigger | View)));
        inspected.schemas.retain(|schema| !schema.tables.is_empty() || !schema.objects.is_empty());
    }
    if options.users {
        inspected.not_taken.retain(|item| item.kind != inspect::USERS);
        inspected.accounts = inspect::accounts::read(control, &mut inspected.not_taken).await?;
    }
    // Tables that cannot be taken are named in the report.
    let refused = |table: &QualifiedName| {
        inspected.not_taken.iter().any(|not| not.kind == "table" && not.name == table.to_string())
    };
    let before: BTreeSet<&QualifiedName> =
        listed.iter().map(|table| &table.name).filter(|table| !refused(table)).collect();
    let after: BTreeSet<&QualifiedName> = inspected.schemas.iter().flat_map(|s| &s.tables).map(|t| &t.name).collect();
    if let Some(changed) = before.symmetric_difference(&after).next() {
        let message = format!("table {changed} was created, dropped or renamed while the backup began");
        return Err(Error::new(Exit::BackupInconsistent, message).hint("run the backup again"));
    }
    // How a table's rows are read was decided by its engine.
    let engines: HashMap<&QualifiedName, &str> = listed.iter().map(|t| (&t.name, t.engine.as_str())).collect();
    let mut tables = inspected.schemas.iter().flat_map(|schema| &schema.tables);
    let other_engine = |t: &&Table| engines.get(&t.name).is_some_and(|engine| !engine.eq_ignore_ascii_case(&t.engine));
    if let Some(table) = tables.find(other_engine) {
        let message = format!("table {} came to another engine while the backup began", table.name);
        return Err(Error::new(Exit::BackupInconsistent, message).hint("run the backup again"));
    }
    Ok(Some(inspected))
}

/// The tables whose rows are read, with the cuts that still fit them.
fn sources(inspected: &Inspected, options: &BackupOptions, known: &Known) -> Result<Vec<Source>> {
    if options.no_data {
        return Ok(Vec::new());
    }
    let mut conditions: HashMap<&str, &str> =
        options.conditions.iter().map(|(table, condition)| (table.as_str(), condition.as_str())).collect();
    let mut sources = Vec::new();
    let tables = inspected.schemas.iter().flat_map(|schema| &schema.tables);
    for table in tables.filter(|table| table.no_rows_of_its_own().is_none()) {
        let condition = conditions.remove(table.name.to_string().as_str()).unwrap_or_default().to_owned();
        let fits = key_id(table.range_key.as_ref(), &table.columns, &table.partitions);
        // Cuts of a table without a key are found anew from its rows.
        let takes = |range: &Option<Range>| {
            table.range_key.as_ref().zip(range.as_ref()).is_some_and(|(key, range)| key.takes(range))
        };
        let earlier = known.cuts.get(&table.name).filter(|cuts| cuts.key_id == fits);
        let earlier = earlier.filter(|cuts| cuts.chunks.iter().all(|chunk| takes(&chunk.range)));
        let earlier = earlier.filter(|_| table.range_key.is_some());
        let earlier = earlier.map(|cuts| {
            cuts.chunks
                .iter()
                .map(|chunk| EarlierChunk {
                    partition: chunk.partition.clone(),
                    range: chunk.range.clone().unwrap_or_default(),
                    bytes: chunk.bytes,
                    content: chunk.content,
                })
                .collect()
        });
        sources.push(Source { table: table.clone(), condition, earlier });
    }
    match conditions.keys().next() {
        Some(table) => {
            Err(Error::new(Exit::Usage, format!("--where names table {table}, which is not in this backup"))
                .hint("write it as schema.table=condition, exactly as the table is named"))
        }
        None => Ok(sources),
    }
}

/// Everything that the reading threads need, moved there and back.
struct Reading {
    sources: Vec<Source>,
    known: Known,
    dump_options: DumpOptions,
    progress: Arc<dyn Progress>,
    stop: Stop,
}

impl Reading {
    async fn read(
        self,
        readers: Vec<RawSession>,
        locked: Option<RawSession>,
        pack: PackWriter,
    ) -> Result<(Vec<Source>, Known, dump::Taken, crate::manifest::pack::Places)> {
        let blocking = tokio::task::spawn_blocking(move || {
            let Reading { sources, known, dump_options, progress, stop } = self;
            let taken = dump::rows(&sources, readers, locked, &dump_options, &pack, &known.places, &progress, stop);
            // Where storing failed, the pack writer knows why; where reading failed, what was stored stays for the next try.
            let places = pack.finish();
            match (taken, places) {
                (Err(dump::DumpError::Store) | Ok(_), Err(storing)) => Err(Error::from(storing)),
                (Err(reading), _) => Err(Error::from(reading)),
                (Ok(taken), Ok(places)) => Ok((sources, known, taken, places)),
            }
        });
        blocking.await.expect("reading does not panic")
    }
}

/// The name that the backup is kept under: as given, else the one under which this server was backed up before, else
/// `default` in a repository without backups.
pub(super) async fn source_name(repository: &Repository, given: Option<&str>, facts: &ServerFacts) -> Result<String> {
    if let Some(name) = given {
        check_name(name)?;
        return Ok(name.to_owned());
    }
    let names: Vec<String> = repository.backup_ids().await?.into_keys().collect();
    if names.is_empty() {
        return Ok("default".into());
    }
    let mut unread = Vec::new();
    for name in &names {
        let (found, damaged) = repository.readable_newest_first(name).await?;
        if found.first().is_some_and(|found| found.manifest.server.is_same_server(facts)) {
            return Ok(name.clone());
        }
        unread.extend(damaged);
    }
    if let Some(damage) = unread.into_iter().next() {
        let why = "whether it is of this server cannot be told: go on with --name, or remove it";
        return Err(Error::from(damage).hint(why));
    }
    let message =
        format!("this server was never backed up into {} (it holds {})", repository.place(), names.join(", "));
    Err(Error::new(Exit::Usage, message).hint("say which source this is with --name; a new name begins a new source"))
}
