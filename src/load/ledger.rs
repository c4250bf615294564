//! What a run has done on the target, kept on the target: schema `myriad_restore`. A chunk's row commits in the same
//! transaction as its rows, so a run that was cut off at any point goes on exactly where it was. What exists (tables,
//! indexes, objects) is always read from the target itself.
//!
//! Every session of a run holds a named lock, which the server frees when the session ends: the run's own, and one
//! for each worker. So a later run finds sessions that outlived their program (a killed client's ALTER goes on in
//! the server, seen on 9.7.4) without any right, and cannot take a stranger's for one of them.

use super::error::LoadError;
use super::sessions::patiently;
use crate::limits;
use crate::schema::identifier::literal;
use crate::schema::{Account, ObjectKind, QualifiedName};
use crate::server::facts;
use crate::server::inspect::LEDGER_SCHEMA;
use crate::server::inspect::ledger::{look, of_this_server};
use crate::server::{ServerError, Session};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

/// What the first table of a ledger says of itself where it stands in the binary log.
const LOGGED: &str = "in the binary log";

/// The named lock of a run; a worker's has its number behind it.
const LOCK: &str = "myriad_restore";

/// The kinds in the table `made` that are no objects.
pub(super) const SCHEMA: &str = "schema";
pub(super) const TABLE: &str = "table";
/// A table or view that somebody was told is usable: it may be in use, and is left as it is.
pub(super) const USABLE: &str = "usable";
/// The same of a table whose rows were proved.
pub(super) const PROVED: &str = "proved";
/// A table whose rows were found to be other than the backup's: it is emptied and loaded anew.
const DIFFERS: &str = "differs";
/// A table that could be written to before a foreign key of it was made, and whose rows were not looked at since.
const UNCHECKED: &str = "unchecked";

/// Rows that one statement records or forgets, and locks that one asks about, so that it stays below the least
/// `max_allowed_packet` that a server takes, 1024 bytes; with the longest names four rows need more.
const ROWS_PER_STATEMENT: usize = 4;
const LOCKS_PER_STATEMENT: usize = 16;

/// Which restore a ledger belongs to: the same backup, selection and renames may go on, others may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId {
    /// Backup id, for people.
    pub backup: String,
    /// SHA-256 of the manifest.
    pub manifest: String,
    /// Hash of what is restored under which names.
    pub scope: String,
}

/// What an earlier try of the same run has left.
#[derive(Clone, Debug, Default)]
pub struct Progressed {
    /// Schemas that the run began to make.
    pub schemas: BTreeSet<String>,
    /// Tables that the run began to make.
    pub tables: BTreeSet<QualifiedName>,
    /// Views, routines, triggers and events that the run began to make: their kind as [`ObjectKind`] prints it, and their
    /// name.
    pub objects: HashSet<(String, QualifiedName)>,
    /// Users and roles that the run began to make, or has made those of the backup.
    pub accounts: BTreeSet<Account>,
    /// Users and roles that were there before and may be half way to those of the backup.
    pub replacing: BTreeSet<Account>,
    /// Schemas that have another collation for a moment, while an object of another time is made.
    pub collations: BTreeMap<String, Collations>,
    /// Chunks that are in: number of the table, number of the chunk.
    pub chunks: HashSet<(u32, u64)>,
    /// Tables and views that are usable, and may be in use.
    pub usable: BTreeSet<QualifiedName>,
    /// Those of them whose rows were proved.
    pub proved: BTreeSet<QualifiedName>,
    /// Tables whose rows were found to differ.
    pub differing: BTreeSet<QualifiedName>,
    /// Tables that could be written to before a foreign key of them was made, and whose rows were not looked at since.
    pub unchecked: BTreeSet<QualifiedName>,
    /// What the run did stands in the target's binary log.
    pub logged: bool,
}

/// What a run does to a user or role; the numbers stand in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// It is the run's own.
    Made = 0,
    /// It was there before and is that of the backup now.
    Replaced = 1,
    /// It was there before and is on the way to that.
    Replacing = 2,
}

/// The collations of a schema in which an object of another time is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collations {
    /// The one that it has.
    pub found: String,
    /// The one that it has for a moment.
    pub given: String,
}

impl Progressed {
    /// True where a view, routine, trigger or event is the run's own.
    pub fn has_object(&self, kind: ObjectKind, name: &QualifiedName) -> bool {
        self.objects.contains(&(kind.to_string(), name.clone()))
    }
}

/// Holds the run's name on the target, so that two runs exclude each other; gone with the session. A run that has
/// just been killed is waited for.
pub async fn lock(session: &mut Session) -> Result<(), LoadError> {
    get_lock(session, LOCK).await
}

/// Takes [`lock`] for a session that follows the lost one with connection id `lost`, whose end is waited for.
pub async fn lock_again(session: &mut Session, lost: u32) -> Result<(), LoadError> {
    take_over(session, LOCK, lost).await
}

/// Marks a worker's session as one of the run that holds [`lock`]; gone with the session. Where it follows a lost one, the
/// end of that is waited for: then what it was doing is done or undone.
pub async fn join(session: &mut Session, worker: usize, lost: Option<u32>) -> Result<(), LoadError> {
    match lost {
        Some(lost) => take_over(session, &worker_lock(worker), lost).await,
        None => get_lock(session, &worker_lock(worker)).await,
    }
}

/// Connection id of the session that holds [`lock`].
pub async fn holder(session: &mut Session) -> Result<Option<u64>, ServerError> {
    holder_of(session, LOCK).await
}

fn worker_lock(worker: usize) -> String {
    format!("{LOCK}.{worker}")
}

async fn get_lock(session: &mut Session, name: &str) -> Result<(), LoadError> {
    if got_lock(session, name, limits::RUN_LOCK_WAIT.as_secs()).await? {
        return Ok(());
    }
    let connection = holder_of(session, name).await?.unwrap_or_default();
    Err(LoadError::Busy { server: session.server().to_owned(), connection })
}

/// Takes a lock that the session with connection id `lost` may hold still: the server does not notice every cut, and a
/// statement may run on. Its end takes as long as the server needs to undo what it did.
async fn take_over(session: &mut Session, name: &str, lost: u32) -> Result<(), LoadError> {
    let begun = Instant::now();
    let mut seconds = 0;
    while !got_lock(session, name, seconds).await? {
        seconds = 1;
        let holder = holder_of(session, name).await?;
        if holder.is_some_and(|id| id != u64::from(lost)) || begun.elapsed() > limits::DEAD_SESSION_WAIT {
            let connection = holder.unwrap_or_default();
            return Err(LoadError::Busy { server: session.server().to_owned(), connection });
        }
        if let Some(id) = holder {
            end(session, id).await?;
        }
    }
    Ok(())
}

async fn got_lock(session: &mut Session, name: &str, seconds: u64) -> Result<bool, ServerError> {
    let row = session.query_first(format!("SELECT GET_LOCK('{name}', {seconds})")).await?;
    Ok(row.and_then(|row| row.opt_number(0)) == Some(1))
}

async fn holder_of(session: &mut Session, name: &str) -> Result<Option<u64>, ServerError> {
    let row = session.query_first(format!("SELECT IS_USED_LOCK('{name}')")).await?;
    Ok(row.and_then(|row| row.opt_number(0)))
}

/// Ends a session, if it is there and ours to end.
async fn end(session: &mut Session, id: u64) -> Result<(), ServerError> {
    kill(session, format!("KILL {id}")).await
}

/// Ends the statement that the session is in which holds [`lock`]; the session stays.
pub async fn interrupt(session: &mut Session) -> Result<(), ServerError> {
    match holder(session).await? {
        Some(id) => kill(session, format!("KILL QUERY {id}")).await,
        None => Ok(()),
    }
}

async fn kill(session: &mut Session, statement: String) -> Result<(), ServerError> {
    match session.execute(statement).await {
        // Gone by itself, or another account's, which can only be waited for.
        Err(error) if matches!(error.code(), Some(1094 | 1095)) => Ok(()),
        other => other.map(drop),
    }
}

/// Ends what is left of the workers of an earlier run, whose program is gone since the caller holds [`lock`], and
/// waits until they are: a statement that they are in must not change the target behind the new run's back.
pub async fn end_workers(session: &mut Session) -> Result<(), LoadError> {
    let begun = Instant::now();
    loop {
        let workers = workers(session).await?;
        let Some(&first) = workers.first() else { return Ok(()) };
        if begun.elapsed() > limits::DEAD_SESSION_WAIT {
            return Err(LoadError::Busy { server: session.server().to_owned(), connection: first });
        }
        for id in workers {
            end(session, id).await?;
        }
        tokio::time::sleep(limits::DEAD_SESSION_PAUSE).await;
    }
}

/// Connection ids of the sessions that hold a worker's lock.
pub async fn workers(session: &mut Session) -> Result<Vec<u64>, ServerError> {
    let holders: Vec<_> =
        (0..limits::THREADS_MAX).map(|worker| format!("IS_USED_LOCK('{}')", worker_lock(worker))).collect();
    let mut workers = Vec::new();
    for holders in holders.chunks(LOCKS_PER_STATEMENT) {
        let row = session.query_first(format!("SELECT {}", holders.join(", "))).await?;
        workers.extend(row.iter().flat_map(|row| (0..holders.len()).filter_map(|i| row.opt_number(i))));
    }
    Ok(workers)
}

/// What an earlier try of this run has left; none where the target holds no ledger. A ledger of another run or of another
/// server, or a schema of its name that is somebody else's, is an error.
pub async fn find(session: &mut Session, run: &RunId) -> Result<Option<Progressed>, LoadError> {
    if !of_this_server(session).await?.is_some_and(|tables| tables.contains("run")) {
        return Ok(None);
    }
    let Some(row) =
        session.query_first(format!("SELECT backup, manifest, scope, logged FROM {LEDGER_SCHEMA}.run")).await?
    else {
        return Ok(None);
    };
    let found = RunId { backup: row.text(0), manifest: row.text(1), scope: row.text(2) };
    if found != *run {
        return Err(LoadError::OtherRun { server: session.server().to_owned(), backup: found.backup });
    }
    let mut progressed = Progressed { logged: row.number(3) == 1, ..Progressed::default() };
    for (kind, name) in made(session).await? {
        match kind.as_str() {
            SCHEMA => drop(progressed.schemas.insert(name.schema)),
            TABLE => drop(progressed.tables.insert(name)),
            USABLE => drop(progressed.usable.insert(name)),
            PROVED => {
                progressed.usable.insert(name.clone());
                progressed.proved.insert(name);
            }
            DIFFERS => drop(progressed.differing.insert(name)),
            UNCHECKED => drop(progressed.unchecked.insert(name)),
            _ => drop(progressed.objects.insert((kind, name))),
        }
    }
    for (account, state) in accounts(session).await? {
        match state {
            AccountState::Replacing => progressed.replacing.insert(account),
            AccountState::Made | AccountState::Replaced => progressed.accounts.insert(account),
        };
    }
    progressed.collations = collations(session).await?;
    for row in session.query(format!("SELECT table_number, n FROM {LEDGER_SCHEMA}.chunk")).await? {
        progressed.chunks.insert((row.number(0) as u32, row.number(1)));
    }
    Ok(Some(progressed))
}

/// Users and roles, and what the run has done to them.
pub(super) async fn accounts(session: &mut Session) -> Result<Vec<(Account, AccountState)>, ServerError> {
    let rows = session.query(format!("SELECT user_name, host_name, replaced FROM {LEDGER_SCHEMA}.account")).await?;
    let state = |number: u64| match number {
        0 => AccountState::Made,
        1 => AccountState::Replaced,
        _ => AccountState::Replacing,
    };
    Ok(rows.iter().map(|row| (Account::new(row.text(0), row.text(1)), state(row.number(2)))).collect())
}

/// Schemas whose collation is another for a moment.
pub(super) async fn collations(session: &mut Session) -> Result<BTreeMap<String, Collations>, ServerError> {
    let sql = format!("SELECT schema_name, collation_name, given FROM {LEDGER_SCHEMA}.collation");
    let rows = session.query(sql).await?;
    Ok(rows.iter().map(|row| (row.text(0), Collations { found: row.text(1), given: row.text(2) })).collect())
}

/// Everything that the run began to make, users apart: its kind and name. A schema has its name alone.
pub(super) async fn made(session: &mut Session) -> Result<Vec<(String, QualifiedName)>, ServerError> {
    let rows = session.query(format!("SELECT kind, schema_name, object_name FROM {LEDGER_SCHEMA}.made")).await?;
    Ok(rows.iter().map(|row| (row.text(0), QualifiedName::new(row.text(1), row.text(2)))).collect())
}

/// Makes the ledger of a new run, which stands in the target's binary log or does not. What is left of a removed one goes.
pub async fn create(session: &mut Session, run: &RunId, logged: bool) -> Result<(), LoadError> {
    let schema = format!("CREATE SCHEMA IF NOT EXISTS {LEDGER_SCHEMA} DEFAULT CHARACTER SET utf8mb4");
    match session.execute(schema).await {
        Err(source) if matches!(source.code(), Some(1044 | 1142)) => return Err(LoadError::NoLedger { source }),
        other => other.map(drop)?,
    }
    if let Some(tables) = of_this_server(session).await? {
        drop_left_over(session, &tables, logged).await?;
    }
    let server = facts::identity(session).await?;
    let comment = literal(if logged { LOGGED } else { "" });
    let statements = [
        format!(
            "CREATE TABLE {LEDGER_SCHEMA}.made (kind VARCHAR(20) COLLATE utf8mb4_bin, \
             schema_name VARCHAR(64) COLLATE utf8mb4_bin, object_name VARCHAR(64) COLLATE utf8mb4_bin, \
             PRIMARY KEY (kind, schema_name, object_name)) ENGINE=InnoDB CHARACTER SET utf8mb4 COMMENT={comment}"
        ),
        format!(
            "CREATE TABLE {LEDGER_SCHEMA}.account (user_name VARCHAR(100) COLLATE utf8mb4_bin, \
             host_name VARCHAR(255) COLLATE utf8mb4_bin, replaced TINYINT, PRIMARY KEY (user_name, host_name)) \
             ENGINE=InnoDB CHARACTER SET utf8mb4"
        ),
        format!(
            "CREATE TABLE {LEDGER_SCHEMA}.collation (schema_name VARCHAR(64) COLLATE utf8mb4_bin PRIMARY KEY, \
             collation_name VARCHAR(64), given VARCHAR(64)) ENGINE=InnoDB CHARACTER SET utf8mb4"
        ),
        format!(
            "CREATE TABLE {LEDGER_SCHEMA}.chunk (table_number INT UNSIGNED, n BIGINT UNSIGNED, \
             PRIMARY KEY (table_number, n)) ENGINE=InnoDB"
        ),
        format!(
            "CREATE TABLE {LEDGER_SCHEMA}.run (id INT PRIMARY KEY, backup VARCHAR(100), manifest CHAR(64), scope CHAR(64), \
             begun DATETIME, logged BOOL, server VARCHAR(300)) ENGINE=InnoDB CHARACTER SET utf8mb4"
        ),
        // The run's row comes last: without it the ledger does not count.
        format!(
            "INSERT INTO {LEDGER_SCHEMA}.run VALUES (1, {}, '{}', '{}', UTC_TIMESTAMP(), {logged}, {})",
            literal(&run.backup),
            run.manifest,
            run.scope,
            literal(&server)
        ),
    ];
    for statement in statements {
        session.execute(statement).await?;
    }
    Ok(())
}

/// True where the tables of a ledger whose run has no row yet stand in the binary log: then so must their removal.
pub(super) async fn began_logged(session: &mut Session) -> Result<bool, ServerError> {
    let sql = format!(
        "SELECT TABLE_COMMENT FROM information_schema.tables WHERE TABLE_SCHEMA = '{LEDGER_SCHEMA}' AND TABLE_NAME = 'made'"
    );
    Ok(session.query_first(sql).await?.is_some_and(|row| row.text(0) == LOGGED))
}

/// Drops the tables of a ledger that does not count, through the binary log where they came through it.
async fn drop_left_over(session: &mut Session, tables: &BTreeSet<String>, logged: bool) -> Result<(), ServerError> {
    let log_once = !logged && began_logged(session).await?;
    if log_once {
        session.execute("SET SESSION sql_log_bin=1").await?;
    }
    let dropped = drop_tables(session, tables).await;
    if log_once {
        session.execute("SET SESSION sql_log_bin=0").await?;
    }
    dropped
}

/// Records that the run is about to make these tables: from here on they are the run's own.
pub async fn tables_begun(session: &mut Session, tables: &[&QualifiedName]) -> Result<(), ServerError> {
    begun(session, tables.iter().map(|name| row(TABLE, name)).collect()).await.map(drop)
}

/// Records that the run is about to make this schema.
pub async fn schema_begun(session: &mut Session, schema: &str) -> Result<(), ServerError> {
    begun(session, vec![row(SCHEMA, &QualifiedName::new(schema, ""))]).await.map(drop)
}

/// Records that the run is about to make this view, routine, trigger or event. False where that was recorded before.
pub async fn object_begun(session: &mut Session, kind: ObjectKind, name: &QualifiedName) -> Result<bool, ServerError> {
    Ok(begun(session, vec![row(&kind.to_string(), name)]).await? > 0)
}

/// True where the run has made this object, or began to.
pub async fn has_object(session: &mut Session, kind: ObjectKind, name: &QualifiedName) -> Result<bool, ServerError> {
    let row = row(&kind.to_string(), name);
    let sql = format!("SELECT 1 FROM {LEDGER_SCHEMA}.made WHERE (kind, schema_name, object_name) = {row}");
    Ok(session.query_first(sql).await?.is_some())
}

/// Records that tables or views are usable from here on, and with `proved` that their rows were proved.
pub async fn usable(session: &mut Session, names: &[&QualifiedName], proved: bool) -> Result<(), ServerError> {
    let kind = if proved { PROVED } else { USABLE };
    begun(session, names.iter().map(|name| row(kind, name)).collect()).await.map(drop)
}

/// Records that the rows of these tables are not the backup's.
pub async fn tables_differ(session: &mut Session, names: &[&QualifiedName]) -> Result<(), ServerError> {
    begun(session, names.iter().map(|name| row(DIFFERS, name)).collect()).await.map(drop)
}

/// Records that a foreign key is about to be made of a table that could be written to before.
pub async fn keys_begun_late(session: &mut Session, name: &QualifiedName) -> Result<(), ServerError> {
    begun(session, vec![row(UNCHECKED, name)]).await.map(drop)
}

/// Records that the rows of such a table were looked at.
pub async fn late_keys_checked(session: &mut Session, name: &QualifiedName) -> Result<(), ServerError> {
    forget(session, vec![row(UNCHECKED, name)]).await
}

/// Forgets how far a table was that is made or loaded anew.
pub async fn forget_standing(session: &mut Session, name: &QualifiedName) -> Result<(), ServerError> {
    forget(session, [USABLE, PROVED, DIFFERS, UNCHECKED].map(|kind| row(kind, name)).into()).await
}

/// Records that tables were not made after all: whoever makes them from here on is not the run.
pub async fn forget_tables(session: &mut Session, tables: &[&QualifiedName]) -> Result<(), ServerError> {
    forget(session, tables.iter().map(|name| row(TABLE, name)).collect()).await
}

/// Records that a schema turned out to be there already: it is not the run's.
pub async fn forget_schema(session: &mut Session, schema: &str) -> Result<(), ServerError> {
    forget(session, vec![row(SCHEMA, &QualifiedName::new(schema, ""))]).await
}

/// Records that objects were not made after all, or are gone.
pub async fn forget_objects(session: &mut Session, objects: &[(ObjectKind, QualifiedName)]) -> Result<(), ServerError> {
    forget(session, objects.iter().map(|(kind, name)| row(&kind.to_string(), name)).collect()).await
}

fn row(kind: &str, name: &QualifiedName) -> String {
    format!("({}, {}, {})", literal(kind), literal(&name.schema), literal(&name.name))
}

/// Returns how many of them were not recorded before.
async fn begun(session: &mut Session, rows: Vec<String>) -> Result<u64, ServerError> {
    let mut new = 0;
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let sql = format!("INSERT IGNORE INTO {LEDGER_SCHEMA}.made VALUES {}", rows.join(", "));
        new += patiently(session, sql.as_bytes()).await?.affected;
    }
    Ok(new)
}

async fn forget(session: &mut Session, rows: Vec<String>) -> Result<(), ServerError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let of_these = format!("(kind, schema_name, object_name) IN ({})", rows.join(", "));
        patiently(session, format!("DELETE FROM {LEDGER_SCHEMA}.made WHERE {of_these}").as_bytes()).await?;
    }
    Ok(())
}

/// Records what the run is about to do to this user or role, or has done.
pub async fn account_is(session: &mut Session, account: &Account, state: AccountState) -> Result<(), ServerError> {
    let (user, host, state) = (literal(&account.user), literal(&account.host), state as u8);
    session.execute(format!("REPLACE INTO {LEDGER_SCHEMA}.account VALUES ({user}, {host}, {state})")).await.map(drop)
}

/// Records that this user or role was not made after all: whoever makes it from here on is not the run.
pub async fn forget_account(session: &mut Session, account: &Account) -> Result<(), ServerError> {
    let (user, host) = (literal(&account.user), literal(&account.host));
    let sql = format!("DELETE FROM {LEDGER_SCHEMA}.account WHERE user_name = {user} AND host_name = {host}");
    session.execute(sql).await.map(drop)
}

/// Records that a schema whose collation is `found` has the one `given` for a moment: an object of another time is made.
pub async fn collation_begun(session: &mut Session, schema: &str, found: &str, given: &str) -> Result<(), ServerError> {
    let values = [schema, found, given].map(literal).join(", ");
    session.execute(format!("REPLACE INTO {LEDGER_SCHEMA}.collation VALUES ({values})")).await.map(drop)
}

/// Records that a schema has its own collation again.
pub async fn forget_collation(session: &mut Session, schema: &str) -> Result<(), ServerError> {
    let sql = format!("DELETE FROM {LEDGER_SCHEMA}.collation WHERE schema_name = {}", literal(schema));
    session.execute(sql).await.map(drop)
}

/// Records a chunk inside the transaction that loads it.
pub async fn chunk_loaded(session: &mut Session, table: u32, n: u64) -> Result<(), ServerError> {
    session.execute(format!("INSERT INTO {LEDGER_SCHEMA}.chunk VALUES ({table}, {n})")).await.map(drop)
}

/// True where a chunk is in.
pub async fn has_chunk(session: &mut Session, table: u32, n: u64) -> Result<bool, ServerError> {
    let sql = format!("SELECT 1 FROM {LEDGER_SCHEMA}.chunk WHERE table_number = {table} AND n = {n}");
    Ok(session.query_first(sql).await?.is_some())
}

/// Forgets the chunks of a table that must be loaded anew.
pub async fn forget_chunks(session: &mut Session, table: u32) -> Result<(), ServerError> {
    session.execute(format!("DELETE FROM {LEDGER_SCHEMA}.chunk WHERE table_number = {table}")).await.map(drop)
}

/// Removes the ledger: the run is complete. Returns what its schema holds besides, with which that stays.
pub async fn remove(session: &mut Session) -> Result<Vec<String>, ServerError> {
    let Some(held) = look(session).await? else { return Ok(Vec::new()) };
    match held.foreign.is_empty() {
        // In one statement, so that a run that is cut off leaves all of it or nothing.
        true => session.execute(format!("DROP SCHEMA IF EXISTS {LEDGER_SCHEMA}")).await.map(drop)?,
        false => drop_tables(session, &held.ours).await?,
    }
    Ok(held.foreign)
}

/// The run's table goes first: where the others outlive it they do not count.
async fn drop_tables(session: &mut Session, tables: &BTreeSet<String>) -> Result<(), ServerError> {
    let mut names: Vec<_> = tables.iter().collect();
    names.sort_by_key(|name| *name != "run");
    let names: Vec<_> = names.iter().map(|name| format!("{LEDGER_SCHEMA}.{name}")).collect();
    match names.is_empty() {
        true => Ok(()),
        false => session.execute(format!("DROP TABLE IF EXISTS {}", names.join(", "))).await.map(drop),
    }
}
