//! Backups and restores for the tests, and a comparison of rows that shares nothing with the program: both
//! servers print every value as hexadecimal digits through the mysql client, and the sorted lines must be the same.

use super::server::{mariadb_programs, programs};
use myriad::command::backup::{self, BackupReport};
use myriad::command::options::{
    BackupChoice, BackupOptions, Consistency, Definers, Effort, EventChoice, ExistingUsers, GtidPurged, Overrides,
    ProofMode, Redo, RestoreOptions, Selection, Tune, VerifyOptions,
};
use myriad::command::restore::{self, RestoreReport};
use myriad::command::verify::{self, VerifyReport};
use myriad::manifest::model::{ChunkRecord, ListLine};
use myriad::manifest::{Repository, parts::read_part};
use myriad::progress::{Progress, Silent, Stop};
use myriad::sandbox::{Kind, Sandbox};
use myriad::{Result, store};
use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::Arc;

/// A repository of a test's own, in a folder that goes with it.
pub struct Repo(tempfile::TempDir);

impl Repo {
    pub fn new() -> Repo {
        Repo(tempfile::tempdir().unwrap())
    }

    /// As `--repo` takes it.
    pub fn place(&self) -> String {
        self.0.path().join("repo").display().to_string()
    }

    /// The chunks of all tables of the newest backup, by `schema.table`.
    pub async fn chunks(&self) -> BTreeMap<String, Vec<ChunkRecord>> {
        let repository = Repository::open(store::open(&self.place(), false).await.unwrap()).await.unwrap();
        let newest = repository.choose(None, None).await.unwrap();
        let mut chunks: BTreeMap<String, Vec<ChunkRecord>> = BTreeMap::new();
        let mut table = String::new();
        for part in &newest.manifest.lists {
            for line in read_part::<ListLine>(&repository, part).await.unwrap() {
                match line {
                    ListLine::Table(record) => {
                        table = format!("{}.{}", record.schema, record.name);
                        chunks.entry(table.clone()).or_default();
                    }
                    ListLine::Chunk(chunk) => chunks.get_mut(&table).unwrap().push(chunk),
                }
            }
        }
        chunks
    }
}

fn effort(threads: usize) -> Effort {
    Effort { threads, memory_bytes: 1 << 30 }
}

fn only(schema: &str) -> Selection {
    Selection { databases: vec![schema.to_owned()], ..Selection::default() }
}

fn silent() -> Arc<dyn Progress> {
    Arc::new(Silent)
}

/// A backup of one schema with the smallest chunks and four threads.
pub fn backup_options(source: &Sandbox, repo: &Repo, schema: &str) -> BackupOptions {
    BackupOptions {
        source: source.connect_options(),
        repo: repo.place(),
        name: None,
        selection: only(schema),
        effort: effort(4),
        chunk_bytes: 64 << 10,
        consistency: Consistency::Auto,
        no_data: false,
        no_objects: false,
        users: false,
        conditions: Vec::new(),
        rate_bytes_max: None,
        dry_run: false,
    }
}

/// A restore of the newest backup with four threads.
pub fn restore_options(target: &Sandbox, repo: &Repo) -> RestoreOptions {
    RestoreOptions {
        target: target.connect_options(),
        repo: repo.place(),
        name: None,
        backup: BackupChoice::Latest,
        selection: Selection::default(),
        renames: Vec::new(),
        first: Vec::new(),
        effort: effort(4),
        no_data: false,
        no_objects: false,
        definers: Definers::default(),
        events: EventChoice::Keep,
        users: false,
        existing_users: ExistingUsers::Refuse,
        log_bin: false,
        gtid_purged: GtidPurged::Off,
        replicate_from: None,
        proof: ProofMode::Full,
        // Several tests share the server, and its settings with it.
        redo: Redo::On,
        tune: Tune::None,
        target_memory_bytes: 1 << 30,
        // Other tests write to the shared servers meanwhile.
        overrides: Overrides { writes: true, transactions: true, ..Overrides::default() },
        dry_run: false,
        command_line: String::new(),
        abort_line: String::new(),
    }
}

/// The newest backup against a server.
pub fn verify_options(server: &Sandbox, repo: &Repo) -> VerifyOptions {
    VerifyOptions {
        repo: repo.place(),
        name: None,
        backup: None,
        against: Some(server.connect_options()),
        rows: None,
        selection: Selection::default(),
        renames: Vec::new(),
        effort: effort(4),
    }
}

/// Takes a backup that must succeed.
pub async fn backup(options: &BackupOptions) -> BackupReport {
    try_backup(options).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Takes a backup.
pub async fn try_backup(options: &BackupOptions) -> Result<BackupReport> {
    backup::run(options, silent(), Stop::default()).await
}

/// Restores, which must succeed with everything proved.
pub async fn restore(options: &RestoreOptions) -> RestoreReport {
    let report = try_restore(options).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(report.exit(), myriad::Exit::Success, "{}", report.text());
    report
}

/// Restores; what a table failed with, but for a proof, is the error.
pub async fn try_restore(options: &RestoreOptions) -> Result<RestoreReport> {
    let report = restore_partly(options).await?;
    match report.error() {
        Some(error) if error.exit() != myriad::Exit::ProofFailed => Err(error),
        _ => Ok(report),
    }
}

/// Restores as far as possible. A server takes one restore at a time, so the restores of this program wait for each other.
pub async fn restore_partly(options: &RestoreOptions) -> Result<RestoreReport> {
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE_AT_A_TIME.lock().await;
    restore::run(options, silent(), Stop::default()).await
}

/// Verifies.
pub async fn verify(options: &VerifyOptions) -> VerifyReport {
    try_verify(options).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Verifies, which may fail.
pub async fn try_verify(options: &VerifyOptions) -> Result<VerifyReport> {
    verify::run(options, silent(), Stop::default()).await
}

/// What the server's own client prints for a statement, without headings and with no byte changed.
pub fn client(server: &Sandbox, sql: &str) -> Vec<u8> {
    let program = match server.kind() {
        Kind::Mysql => programs().client("mysql"),
        Kind::Mariadb => mariadb_programs().client("mariadb"),
    };
    let mut command = Command::new(program.unwrap());
    command.args(["--no-defaults", "--user=root", "--batch", "--raw", "--skip-column-names", "--quick"]);
    command
        .args(["--default-character-set=utf8mb4", "--max-allowed-packet=1G"])
        .arg(format!("--socket={}", server.socket().display()));
    let Output { status, stdout, stderr } = command.arg("--execute").arg(sql).output().unwrap();
    assert!(status.success(), "{sql}: {}", String::from_utf8_lossy(&stderr));
    stdout
}

/// The one line that the mysql client prints.
pub fn client_line(server: &Sandbox, sql: &str) -> String {
    String::from_utf8(client(server, sql)).unwrap().trim_end().to_owned()
}

/// Asserts that two schemas hold the same tables with the same rows, however often each row stands there.
pub fn assert_same_rows(left: (&Sandbox, &str), right: (&Sandbox, &str)) {
    let (left_tables, right_tables) = (select_lists(left), select_lists(right));
    assert!(!left_tables.is_empty());
    assert_eq!(left_tables, right_tables, "tables and columns");
    for (table, list) in &left_tables {
        let (expected, found) = (sorted_rows(left, table, list), sorted_rows(right, table, list));
        let differing = expected.iter().zip(&found).find(|(a, b)| a != b);
        assert!(
            differing.is_none() && expected.len() == found.len(),
            "{table}: {} rows against {}, first difference {:?}",
            expected.len(),
            found.len(),
            differing.map(|(a, b)| (String::from_utf8_lossy(a), String::from_utf8_lossy(b)))
        );
    }
}

/// Every table of a schema with the list that prints all its columns, generated and invisible ones too.
fn select_lists((server, schema): (&Sandbox, &str)) -> BTreeMap<String, String> {
    let columns = client_line(
        server,
        &format!(
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM information_schema.columns JOIN information_schema.tables \
             USING (TABLE_SCHEMA, TABLE_NAME) WHERE TABLE_SCHEMA = '{schema}' AND TABLE_TYPE = 'BASE TABLE' \
             ORDER BY TABLE_NAME, ORDINAL_POSITION"
        ),
    );
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in columns.lines() {
        let [table, column, data_type] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        lists.entry(table.to_owned()).or_default().push(printed(column, data_type));
    }
    lists.into_iter().map(|(table, list)| (table, format!("CONCAT_WS(',', {})", list.join(", ")))).collect()
}

/// A column so that no two values print the same.
fn printed(column: &str, data_type: &str) -> String {
    let column = format!("`{column}`");
    let text = match data_type {
        "float" | "double" => format!("CAST({column} * 1 AS CHAR)"),
        "bit" => format!("HEX({column} + 0)"),
        "enum" | "set" => format!("CONCAT(CAST({column} AS UNSIGNED), ':', HEX(CAST({column} AS BINARY)))"),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            format!("HEX(CAST({column} AS BINARY))")
        }
        "vector" | "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => format!("HEX({column})"),
        "json" => format!("HEX(CAST({column} AS CHAR CHARACTER SET utf8mb4))"),
        "point" | "geometry" | "linestring" | "polygon" | "geomcollection" | "multipoint" => {
            format!("CONCAT(ST_SRID({column}), HEX(ST_AsWKB({column})))")
        }
        _ => format!("CAST({column} AS CHAR)"),
    };
    format!("IFNULL({text}, 'NULL')")
}

fn sorted_rows((server, schema): (&Sandbox, &str), table: &str, list: &str) -> Vec<Vec<u8>> {
    let setup = "SET time_zone = '+00:00', sql_mode = ''; ";
    let out = client(server, &format!("{setup} SELECT {list} FROM `{schema}`.`{table}`"));
    let mut rows: Vec<Vec<u8>> = out.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    rows.sort();
    rows
}
