//! What a run has done on the target, kept on the target: schema `myriad_restore`. A chunk's row commits in the same
//! transaction as its rows, so a run that was cut off at any point goes on exactly where it was. What exists (tables,
//! indexes, objects) is always read from the target itself.
//!
//! Every session of a run holds a named lock, which the server frees when the session ends: one session that does
//! nothing else holds the run's own, and each that changes anything a numbered one. An idle session ends with its
//! program, so the run's lock says whether the program is there; the others tell a later run of statements that outlived
//! it (a killed client's ALTER goes on in the server, seen on 9.7.4), without any right, and never name a stranger.

use super::error::LoadError;
use crate::limits;
use crate::schema::identifier::literal;
use crate::schema::{Account, ObjectKind, QualifiedName};
use crate::server::inspect::LEDGER_SCHEMA;
use crate::server::{ConnectOptions, ServerError, Session};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::RangeInclusive;
use std::time::Instant;

/// The named lock of a run; that of a session that works has its number behind it.
const LOCK: &str = "myriad_restore";

/// The number of the session that does everything but rows; workers have those below.
const MAIN: usize = limits::THREADS_MAX;

/// Names recorded in one statement.
const NAMES_PER_RECORD: usize = 100;

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
    /// Tables that the run began to make.
    pub tables: BTreeSet<QualifiedName>,
    /// Users and roles that the run began to make.
    pub accounts: BTreeSet<Account>,
    /// Schemas that the run began to make.
    pub schemas: BTreeSet<String>,
    /// Views, routines, triggers and events that the run began to make; the kind as [`ObjectKind`] is shown.
    pub objects: BTreeSet<(String, QualifiedName)>,
    /// Collations that schemas have but for a moment, while objects of another time are made.
    pub collations: BTreeMap<String, String>,
    /// Chunks that are in: number of the table, number of the chunk.
    pub chunks: HashSet<(u32, u64)>,
}

impl Progressed {
    /// True where an object is the run's own.
    pub fn has_object(&self, kind: ObjectKind, name: &QualifiedName) -> bool {
        self.objects.contains(&(kind.to_string(), name.clone()))
    }
}

/// The run's name on the target, by which two runs exclude each other; gone with this value or the program.
pub struct RunLock {
    _session: Session,
}

/// Takes the run's name on the target. A run that has just been killed is waited for.
pub async fn lock(target: &ConnectOptions) -> Result<RunLock, LoadError> {
    let mut session = Session::connect(target).await?;
    // It stays idle as long as the restore takes; a year is the most that a server takes.
    session.execute("SET SESSION wait_timeout=31536000").await?;
    get_lock(&mut session, LOCK).await?;
    Ok(RunLock { _session: session })
}

/// Marks the session that does everything but rows as one of the run that holds [`lock`]; gone with the session.
pub async fn join_main(session: &mut Session) -> Result<(), LoadError> {
    get_lock(session, &worker_lock(MAIN)).await
}

/// Marks a worker's session as one of the run that holds [`lock`]; gone with the session.
pub async fn join(session: &mut Session, worker: usize) -> Result<(), LoadError> {
    get_lock(session, &worker_lock(worker)).await
}

fn worker_lock(worker: usize) -> String {
    format!("{LOCK}.{worker}")
}

async fn get_lock(session: &mut Session, name: &str) -> Result<(), LoadError> {
    let seconds = limits::RUN_LOCK_WAIT.as_secs();
    let row = session.query_first(format!("SELECT GET_LOCK('{name}', {seconds})")).await?;
    if row.map(|row| row.text(0)).as_deref() == Some("1") {
        return Ok(());
    }
    let holder = session.query_first(format!("SELECT IS_USED_LOCK('{name}')")).await?.map_or(0, |row| row.number(0));
    Err(LoadError::Busy { server: session.server().to_owned(), connection: holder })
}

/// Ends what is left of the sessions of an earlier run, whose program is gone since the caller holds [`lock`], and
/// waits until they are: a statement that they are in must not change the target behind the new run's back.
pub async fn end_sessions(session: &mut Session) -> Result<(), LoadError> {
    end_holders(session, 0..=MAIN).await
}

/// Ends the sessions of workers alone.
pub async fn end_workers(session: &mut Session) -> Result<(), LoadError> {
    end_holders(session, 0..=MAIN - 1).await
}

async fn end_holders(session: &mut Session, numbers: RangeInclusive<usize>) -> Result<(), LoadError> {
    let begun = Instant::now();
    loop {
        let holders = holders(session, numbers.clone()).await?;
        let Some(&first) = holders.first() else { return Ok(()) };
        if begun.elapsed() > limits::DEAD_SESSION_WAIT {
            return Err(LoadError::Busy { server: session.server().to_owned(), connection: first });
        }
        for id in holders {
            match session.execute(format!("KILL {id}")).await {
                // Gone by itself, or another account's, which can only be waited for.
                Err(error) if matches!(error.code(), Some(1094 | 1095)) => {}
                other => drop(other?),
            }
        }
        tokio::time::sleep(limits::DEAD_SESSION_PAUSE).await;
    }
}

/// Connection ids of the sessions that hold locks with these numbers.
async fn holders(session: &mut Session, numbers: RangeInclusive<usize>) -> Result<Vec<u64>, ServerError> {
    let locks: Vec<_> = numbers.map(|number| format!("IS_USED_LOCK('{}')", worker_lock(number))).collect();
    let row = session.query_first(format!("SELECT {}", locks.join(", "))).await?;
    Ok(row.map(|row| (0..locks.len()).filter_map(|i| row.opt_number(i)).collect()).unwrap_or_default())
}

/// What an earlier try of this run has left; none where the target holds no ledger. A ledger of another run is an error.
pub async fn find(session: &mut Session, run: &RunId) -> Result<Option<Progressed>, LoadError> {
    let there = session
        .query(format!(
            "SELECT 1 FROM information_schema.tables WHERE TABLE_SCHEMA = '{LEDGER_SCHEMA}' AND TABLE_NAME = 'run'"
        ))
        .await?;
    if there.is_empty() {
        return Ok(None);
    }
    let Some(row) = session.query_first(format!("SELECT backup, manifest, scope FROM {LEDGER_SCHEMA}.run")).await?
    else {
        return Ok(None);
    };
    let found = RunId { backup: row.text(0), manifest: row.text(1), scope: row.text(2) };
    if found != *run {
        return Err(LoadError::OtherRun { server: session.server().to_owned(), backup: found.backup });
    }
    let mut progressed = Progressed::default();
    for row in session.query(format!("SELECT schema_name, table_name FROM {LEDGER_SCHEMA}.made")).await? {
        progressed.tables.insert(QualifiedName::new(row.text(0), row.text(1)));
    }
    for row in session.query(format!("SELECT user_name, host_name FROM {LEDGER_SCHEMA}.account")).await? {
        progressed.accounts.insert(Account::new(row.text(0), row.text(1)));
    }
    for row in session.query(format!("SELECT schema_name FROM {LEDGER_SCHEMA}.made_schema")).await? {
        progressed.schemas.insert(row.text(0));
    }
    for row in session.query(format!("SELECT kind, schema_name, object_name FROM {LEDGER_SCHEMA}.made_object")).await? {
        progressed.objects.insert((row.text(0), QualifiedName::new(row.text(1), row.text(2))));
    }
    for row in session.query(format!("SELECT schema_name, collation_name FROM {LEDGER_SCHEMA}.collation")).await? {
        progressed.collations.insert(row.text(0), row.text(1));
    }
    for row in session.query(format!("SELECT table_number, n FROM {LEDGER_SCHEMA}.chunk")).await? {
        progressed.chunks.insert((row.number(0) as u32, row.number(1)));
    }
    Ok(Some(progressed))
}

/// Makes the ledger of a new run.
pub async fn create(session: &mut Session, run: &RunId) -> Result<(), ServerError> {
    let statements = [
        format!("CREATE SCHEMA IF NOT EXISTS {LEDGER_SCHEMA} DEFAULT CHARACTER SET utf8mb4"),
        format!(
            "CREATE TABLE IF NOT EXISTS {LEDGER_SCHEMA}.made (schema_name VARCHAR(64) COLLATE utf8mb4_bin, \
             table_name VARCHAR(64) COLLATE utf8mb4_bin, PRIMARY KEY (schema_name, table_name)) ENGINE=InnoDB"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {LEDGER_SCHEMA}.account (user_name VARCHAR(100) COLLATE utf8mb4_bin, \
             host_name VARCHAR(255) COLLATE utf8mb4_bin, PRIMARY KEY (user_name, host_name)) ENGINE=InnoDB"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {LEDGER_SCHEMA}.chunk (table_number INT UNSIGNED, n BIGINT UNSIGNED, \
             PRIMARY KEY (table_number, n)) ENGINE=InnoDB"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {LEDGER_SCHEMA}.made_schema (schema_name VARCHAR(64) COLLATE utf8mb4_bin PRIMARY KEY) \
             ENGINE=InnoDB"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {LEDGER_SCHEMA}.made_object (kind VARCHAR(20), schema_name VARCHAR(64) COLLATE utf8mb4_bin, \
             object_name VARCHAR(64) COLLATE utf8mb4_bin, PRIMARY KEY (kind, schema_name, object_name)) ENGINE=InnoDB"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {LEDGER_SCHEMA}.collation (schema_name VARCHAR(64) COLLATE utf8mb4_bin PRIMARY KEY, \
             collation_name VARCHAR(64)) ENGINE=InnoDB"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {LEDGER_SCHEMA}.run (id INT PRIMARY KEY, backup VARCHAR(100), \
             manifest CHAR(64), scope CHAR(64), begun DATETIME) ENGINE=InnoDB"
        ),
        // The run's row comes last: without it the ledger does not count.
        format!(
            "INSERT INTO {LEDGER_SCHEMA}.run VALUES (1, {}, '{}', '{}', UTC_TIMESTAMP())",
            literal(&run.backup),
            run.manifest,
            run.scope
        ),
    ];
    for statement in statements {
        session.execute(statement).await?;
    }
    Ok(())
}

/// Records that the run is about to make these tables: from here on they are the run's own.
pub async fn tables_begun(session: &mut Session, tables: &[&QualifiedName]) -> Result<(), ServerError> {
    let rows: Vec<_> = tables.iter().map(|n| format!("({}, {})", literal(&n.schema), literal(&n.name))).collect();
    session.execute(format!("INSERT IGNORE INTO {LEDGER_SCHEMA}.made VALUES {}", rows.join(", "))).await.map(drop)
}

/// Records that the run is about to make this user or role.
pub async fn account_begun(session: &mut Session, account: &Account) -> Result<(), ServerError> {
    session.execute(format!("INSERT IGNORE INTO {LEDGER_SCHEMA}.account VALUES {}", account.row())).await.map(drop)
}

/// Records that the run is about to make this schema.
pub async fn schema_begun(session: &mut Session, schema: &str) -> Result<(), ServerError> {
    let name = literal(schema);
    session.execute(format!("INSERT IGNORE INTO {LEDGER_SCHEMA}.made_schema VALUES ({name})")).await.map(drop)
}

/// Records that the run is about to make these objects, and which collation their schemas have: some objects are made
/// while the schema has another for the moment.
pub async fn objects_begun(session: &mut Session, objects: &[(ObjectKind, QualifiedName)]) -> Result<(), ServerError> {
    for objects in objects.chunks(NAMES_PER_RECORD) {
        let rows: Vec<String> = objects.iter().map(row_of).collect();
        let sql = format!("INSERT IGNORE INTO {LEDGER_SCHEMA}.made_object VALUES {}", rows.join(", "));
        session.execute(sql).await?;
        let schemas: BTreeSet<String> = objects.iter().map(|(_, name)| literal(&name.schema)).collect();
        let schemas: Vec<String> = schemas.into_iter().collect();
        let sql = format!(
            "INSERT IGNORE INTO {LEDGER_SCHEMA}.collation SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME \
             FROM information_schema.schemata WHERE SCHEMA_NAME IN ({})",
            schemas.join(", ")
        );
        session.execute(sql).await?;
    }
    Ok(())
}

/// Forgets objects that turned out to be somebody else's.
pub async fn forget_objects(session: &mut Session, objects: &[(ObjectKind, QualifiedName)]) -> Result<(), ServerError> {
    for objects in objects.chunks(NAMES_PER_RECORD) {
        let rows: Vec<String> = objects.iter().map(row_of).collect();
        let rows = rows.join(", ");
        let sql = format!("DELETE FROM {LEDGER_SCHEMA}.made_object WHERE (kind, schema_name, object_name) IN ({rows})");
        session.execute(sql).await?;
    }
    Ok(())
}

fn row_of((kind, name): &(ObjectKind, QualifiedName)) -> String {
    format!("('{kind}', {}, {})", literal(&name.schema), literal(&name.name))
}

/// Records a chunk inside the transaction that loads it.
pub async fn chunk_loaded(session: &mut Session, table: u32, n: u64) -> Result<(), ServerError> {
    session.execute(format!("INSERT INTO {LEDGER_SCHEMA}.chunk VALUES ({table}, {n})")).await.map(drop)
}

/// Forgets the chunks of a table that must be loaded anew.
pub async fn forget_chunks(session: &mut Session, table: u32) -> Result<(), ServerError> {
    session.execute(format!("DELETE FROM {LEDGER_SCHEMA}.chunk WHERE table_number = {table}")).await.map(drop)
}

/// Removes the ledger: the run is complete.
pub async fn remove(session: &mut Session) -> Result<(), ServerError> {
    session.execute(format!("DROP SCHEMA IF EXISTS {LEDGER_SCHEMA}")).await.map(drop)
}
