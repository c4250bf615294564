//! What each command is asked to do, after the command line, the environment and the option files were
//! read: plain values, nothing left to interpret. `cli` makes them, the commands take them.

use crate::schema::Account;
use crate::server::ConnectOptions;
use std::time::Duration;

pub use crate::plan::retention::Keep;
pub use crate::sandbox::ProgramPaths;

/// Which schemas and tables are meant. Globs over `schema` and `schema.table`; an empty include list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// `--database`: schema globs.
    pub databases: Vec<String>,
    /// `--exclude-database`: schema globs.
    pub exclude_databases: Vec<String>,
    /// `--table`: `schema.table` globs.
    pub tables: Vec<String>,
    /// `--exclude-table`: `schema.table` globs.
    pub exclude_tables: Vec<String>,
}

/// How much the machine may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// `--threads`: sessions that read or write rows at once.
    pub threads: usize,
    /// `--memory`: bytes in flight at most.
    pub memory_bytes: usize,
}

/// How the sessions of a backup come to one view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// The strongest way that the account's rights allow; an error where there is none.
    #[default]
    Auto,
    /// Snapshots one after another: the backup says of itself that it is not consistent.
    None,
}

/// `myriad backup`.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    /// `--source`.
    pub source: ConnectOptions,
    /// `--repo`: a folder, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
    pub repo: String,
    /// `--name`: the source's name in the repository; none takes the only one there, else `default`.
    pub name: Option<String>,
    /// What to take.
    pub selection: Selection,
    /// Threads and memory.
    pub effort: Effort,
    /// `--chunk-size` in bytes.
    pub chunk_bytes: usize,
    /// `--consistency`.
    pub consistency: Consistency,
    /// `--no-data`: definitions only.
    pub no_data: bool,
    /// `--no-objects`: no views, routines, triggers, events.
    pub no_objects: bool,
    /// `--users`: users and roles with their grants.
    pub users: bool,
    /// `--where schema.table=condition`: rows to take of a table; the backup is marked partial.
    pub conditions: Vec<(String, String)>,
    /// `--max-rate`: bytes of row text a second, for all workers together.
    pub rate_bytes_max: Option<u64>,
    /// `--dry-run`: print the plan, change nothing.
    pub dry_run: bool,
}

/// Which backup is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupChoice {
    /// The one with the newest snapshot time of its source name.
    Latest,
    /// By its id.
    Id(String),
}

/// How much of what was restored is proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProofMode {
    /// Every range is read back and its digest compared.
    #[default]
    Full,
    /// Nothing is read back; the summary says so.
    None,
}

/// Whether the executed GTID set of the backup is given to the target. It is a global setting of the target, so it
/// is changed only when asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GtidPurged {
    /// Where the whole instance was restored without binary log, is proved, and the sets are disjoint.
    Auto,
    /// Never; the report gives the statement.
    #[default]
    Off,
}

/// Whose views, routines, triggers and events become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definers {
    /// `--definer current`: the restoring account's, where `map` says nothing else. Else each keeps its own.
    pub current: bool,
    /// `--definer keep` was said: also where the definer has rights that the restoring account lacks.
    pub keep: bool,
    /// `--definer map:old=new`: those of one account become another's.
    pub map: Vec<(Account, Account)>,
}

/// What becomes of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventChoice {
    /// As they were.
    #[default]
    Keep,
    /// Made, and disabled.
    Disabled,
    /// Left out.
    None,
}

/// What becomes of users and roles that the target has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistingUsers {
    /// The restore is refused.
    #[default]
    Refuse,
    /// They are left as they are.
    Skip,
    /// They become those of the backup: changed, not dropped.
    Replace,
}

/// Refusals of the guard that the user has overridden, one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--allow-source`: the target is the server that the backup came from.
    pub source: bool,
    /// `--allow-replicas`: the target has replicas attached.
    pub replicas: bool,
    /// `--allow-running-replica`: the target is a running replica.
    pub running_replica: bool,
    /// `--allow-group-member`: the target is a member of a replication group.
    pub group_member: bool,
    /// `--allow-writes`: others write to the target; whether they do is then not waited for.
    pub writes: bool,
    /// `--allow-transactions`: sessions of others have open transactions there.
    pub transactions: bool,
    /// `--allow-low-disk`: the target's disk is too small by what is predicted.
    pub low_disk: bool,
    /// `--target-is`: the server that is meant, which answers what the account may not see.
    pub target_is: Option<String>,
    /// `--drop-existing`: tables of the same name are dropped first.
    pub drop_existing: bool,
    /// `--allow-gipk`: the target adds a generated invisible primary key to tables that have no primary key.
    pub gipk: bool,
    /// `--allow-external`: tables may reach other servers, and name directories of the target.
    pub external: bool,
}

/// Whether the target's redo log is off while rows are loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redo {
    /// Off where the target holds no data but this restore's, the right is there, and it pays.
    #[default]
    Auto,
    /// It stays as it is.
    On,
    /// Off; refused where the target holds other data.
    Off,
}

/// Whether global settings of the target are changed while rows are loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tune {
    /// Those that pay, where the target is not in use.
    #[default]
    Auto,
    /// None.
    None,
}

/// `myriad restore --abort`.
#[derive(Clone, Debug)]
pub struct AbortOptions {
    /// `--target`.
    pub target: ConnectOptions,
    /// `--drop-usable`: also where tables can be used, with all that was written to them.
    pub drop_usable: bool,
    /// `--dry-run`: print what would be removed, change nothing.
    pub dry_run: bool,
}

/// `myriad restore`.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// `--target`.
    pub target: ConnectOptions,
    /// `--repo`.
    pub repo: String,
    /// `--name`.
    pub name: Option<String>,
    /// `--backup`.
    pub backup: BackupChoice,
    /// What to restore, by the names in the backup.
    pub selection: Selection,
    /// `--rename old=new`: schemas under another name.
    pub renames: Vec<(String, String)>,
    /// `--first`: `schema.table` globs, by the names in the backup: these tables come before all others, in this order.
    pub first: Vec<String>,
    /// Threads and memory.
    pub effort: Effort,
    /// `--no-data`: definitions only.
    pub no_data: bool,
    /// `--no-objects`: no views, routines, triggers, events.
    pub no_objects: bool,
    /// `--definer`.
    pub definers: Definers,
    /// `--events`.
    pub events: EventChoice,
    /// `--users`: users and roles with their grants.
    pub users: bool,
    /// `--existing-users`.
    pub existing_users: ExistingUsers,
    /// `--log-bin`: write the target's binary log.
    pub log_bin: bool,
    /// `--gtid-purged`.
    pub gtid_purged: GtidPurged,
    /// `--replicate-from`: the source that the target replicates from afterwards, with the replication account.
    pub replicate_from: Option<ConnectOptions>,
    /// `--verify`.
    pub proof: ProofMode,
    /// `--redo`.
    pub redo: Redo,
    /// `--tune`.
    pub tune: Tune,
    /// `--target-memory`: bytes of the target's memory for building indexes at most.
    pub target_memory_bytes: u64,
    /// The guard's overrides.
    pub overrides: Overrides,
    /// `--dry-run`: print the plan, change nothing.
    pub dry_run: bool,
    /// The command line as it was typed, without passwords, for the refusal that says how to go on; empty where there was
    /// none.
    pub command_line: String,
    /// `restore --abort` on the same target, as it can be typed; empty where no command line began this.
    pub abort_line: String,
}

/// `myriad verify`.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// `--repo`.
    pub repo: String,
    /// `--name`.
    pub name: Option<String>,
    /// `--backup`; none verifies every backup of the repository.
    pub backup: Option<BackupChoice>,
    /// `--against`: a server whose rows are compared with the backup.
    pub against: Option<ConnectOptions>,
    /// `--rows`: how many of the rows that differ are named of each table; none looks for no rows.
    pub rows: Option<usize>,
    /// What to verify, by the names in the backup.
    pub selection: Selection,
    /// `--rename`, as at restore.
    pub renames: Vec<(String, String)>,
    /// Threads and memory.
    pub effort: Effort,
}

/// `myriad prune`.
#[derive(Clone, Debug)]
pub struct PruneOptions {
    /// `--repo`.
    pub repo: String,
    /// `--name`: only backups of this source go.
    pub name: Option<String>,
    /// `--keep-last` and so on.
    pub keep: Keep,
    /// `--grace`: how long condemned objects are kept.
    pub grace: Duration,
    /// `--binlogs-before-oldest`: archived binary logs that no backup that stays could need go too.
    pub binlogs_before_oldest: bool,
    /// `--yes`: do it.
    pub yes: bool,
}

/// `myriad list` and `myriad show`.
#[derive(Clone, Debug)]
pub struct ListOptions {
    /// `--repo`.
    pub repo: String,
    /// `--name`.
    pub name: Option<String>,
    /// `--sizes`: say what each backup holds alone and shares.
    pub sizes: bool,
}
