//! What was typed: every command and option, as clap reads it. Values are checked for their form only (a
//! size is a size, a glob is a glob); what they mean together is worked out in `settings`. No option has a
//! long help text beside its line, so `-h` and `--help` print the same page: options, examples, exit codes.

mod archive;
mod bench;
pub mod drill;
mod replicate;
pub mod shell;

pub use archive::{ArchiveArgs, StartArg};
pub use bench::{BenchArgs, SettingsArg};

use crate::command::units;
use crate::error::{Error, Exit};
use crate::limits;
use crate::schema::Account;
use crate::server::SslMode;
use archive::{ARCHIVE_EXAMPLES, ARCHIVE_EXITS};
use bench::BENCH_EXAMPLES;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use replicate::ReplicateArgs;

/// Fast parallel backup and restore for MySQL, with proof
#[derive(Debug, Parser)]
#[command(
    name = "myriad",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = OVERVIEW
)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct GlobalArgs {
    /// Print the result as one JSON document; no progress
    #[arg(long, global = true)]
    pub json: bool,
    /// Print no progress and no notes
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more: causes of errors, log; twice for all
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Back up a running server into a repository
    #[command(after_help = after_help(BACKUP_EXAMPLES, BACKUP_EXITS))]
    Backup(BackupArgs),
    /// Restore a backup into a server and prove it
    #[command(after_help = after_help(RESTORE_EXAMPLES, RESTORE_EXITS))]
    Restore(RestoreArgs),
    /// Check a repository, or a server's rows against a backup
    #[command(after_help = after_help(VERIFY_EXAMPLES, VERIFY_EXITS))]
    Verify(VerifyArgs),
    /// List the backups of a repository
    #[command(after_help = after_help(LIST_EXAMPLES, READ_EXITS))]
    List(ListArgs),
    /// Show one backup in detail
    #[command(after_help = after_help(SHOW_EXAMPLES, READ_EXITS))]
    Show(ShowArgs),
    /// Remove backups by rules, and what no backup needs
    #[command(after_help = after_help(PRUNE_EXAMPLES, PRUNE_EXITS))]
    Prune(PruneArgs),
    /// Restore a backup to a private server, prove it, ask it questions
    #[command(after_help = after_help(drill::EXAMPLES, &[drill::EXITS]))]
    Drill(drill::DrillArgs),
    /// Keep a server's binary logs in a repository
    #[command(after_help = after_help(ARCHIVE_EXAMPLES, ARCHIVE_EXITS))]
    Archive(ArchiveArgs),
    /// Backup, restore and proof on two private servers, with sample data
    #[command(after_help = after_help(DEMO_EXAMPLES, DEMO_EXITS))]
    Demo(DemoArgs),
    /// Compare backup and restore with rivals on the same data
    #[command(after_help = after_help(BENCH_EXAMPLES, DEMO_EXITS))]
    Bench(BenchArgs),
    /// Print a script by which a shell completes command lines
    #[command(after_help = after_help(shell::COMPLETIONS_EXAMPLES, &[]))]
    Completions(shell::CompletionsArgs),
    /// Print a manual page, or write them all
    #[command(after_help = after_help(shell::MAN_EXAMPLES, &[]))]
    Man(shell::ManArgs),
}

/// How the server is reached.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// Server's host name or address [default: localhost]
    #[arg(long, value_name = "NAME", conflicts_with = "socket")]
    pub host: Option<String>,
    /// Server's TCP port [default: 3306]
    #[arg(long, short = 'P', value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Server's Unix socket
    #[arg(long, short = 'S', value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Account's user name [default: login name]
    #[arg(long, short, value_name = "NAME")]
    pub user: Option<String>,
    /// Ask for the password on the terminal
    #[arg(long, short, conflicts_with = "password_file")]
    pub password: bool,
    /// Read the password from the first line of FILE
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Read this option file and no other
    #[arg(long, value_name = "FILE")]
    pub defaults_file: Option<PathBuf>,
    /// Use of TLS
    #[arg(long, value_name = "MODE", value_enum, ignore_case = true)]
    pub ssl_mode: Option<SslModeArg>,
    /// PEM file of trusted authorities
    #[arg(long, value_name = "FILE")]
    pub ssl_ca: Option<PathBuf>,
}

/// The values of `--ssl-mode`, named as the mysql client names them (`_` and any case are accepted too).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SslModeArg {
    #[value(name = "disabled")]
    Disabled,
    #[value(name = "preferred")]
    Preferred,
    #[value(name = "required")]
    Required,
    #[value(name = "verify-ca", alias = "verify_ca")]
    VerifyCa,
    #[value(name = "verify-identity", alias = "verify_identity")]
    VerifyIdentity,
}

impl From<SslModeArg> for SslMode {
    fn from(mode: SslModeArg) -> SslMode {
        match mode {
            SslModeArg::Disabled => SslMode::Disabled,
            SslModeArg::Preferred => SslMode::Preferred,
            SslModeArg::Required => SslMode::Required,
            SslModeArg::VerifyCa => SslMode::VerifyCa,
            SslModeArg::VerifyIdentity => SslMode::VerifyIdentity,
        }
    }
}

/// Which repository, and which source in it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Storage")]
pub struct RepoArgs {
    /// Repository: a folder, s3://, gs:// or az://bucket/prefix
    #[arg(long, short, value_name = "PLACE")]
    pub repo: String,
    /// Source's name there [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// The same for a command that can do without.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Storage")]
pub struct RestoreRepoArgs {
    /// Repository: a folder, s3://, gs:// or az://bucket/prefix
    #[arg(long, short, value_name = "PLACE", required_unless_present = "abort")]
    pub repo: Option<String>,
    /// Source's name there [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Which schemas and tables.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectionArgs {
    /// Only schemas that match; repeatable
    #[arg(long, value_name = "GLOB", value_parser = schema_glob)]
    pub database: Vec<String>,
    /// Leave these schemas out; repeatable
    #[arg(long, value_name = "GLOB", value_parser = schema_glob)]
    pub exclude_database: Vec<String>,
    /// Only tables that match, as schema.table
    #[arg(long, value_name = "GLOB", value_parser = table_glob)]
    pub table: Vec<String>,
    /// Leave these tables out; repeatable
    #[arg(long, value_name = "GLOB", value_parser = table_glob)]
    pub exclude_table: Vec<String>,
}

/// How much of the machine.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Speed")]
pub struct EffortArgs {
    /// Sessions that move rows at once [default: CPUs]
    #[arg(long, short, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Bytes in flight at most [default: 1G]
    #[arg(long, value_name = "SIZE", value_parser = units::bytes_above_zero)]
    pub memory: Option<u64>,
}

/// `myriad backup`.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    /// Server to back up: mysql://user@host:3306
    #[arg(long, value_name = "ADDRESS", help_heading = "Connection")]
    pub source: Option<String>,
    #[command(flatten)]
    pub connect: ConnectArgs,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Only rows for which SQL holds; repeatable
    #[arg(long = "where", value_name = "TABLE=SQL", value_parser = condition, help_heading = "Selection")]
    pub conditions: Vec<(String, String)>,
    /// Take definitions only
    #[arg(long, help_heading = "Selection")]
    pub no_data: bool,
    /// Leave out views, routines, triggers, events
    #[arg(long, help_heading = "Selection")]
    pub no_objects: bool,
    /// Take users and roles, with grants and password hashes
    #[arg(long, help_heading = "Selection")]
    pub users: bool,
    #[command(flatten)]
    pub effort: EffortArgs,
    /// Read at most this many bytes of rows a second
    #[arg(long, value_name = "SIZE", value_parser = units::bytes_above_zero, help_heading = "Speed")]
    pub max_rate: Option<u64>,
    #[command(flatten)]
    pub repo: RepoArgs,
    /// Bytes of rows in a chunk, 64k to 256M [default: 16M]
    #[arg(long, value_name = "SIZE", value_parser = chunk_size, help_heading = "Storage")]
    pub chunk_size: Option<u64>,
    /// Whether all sessions must share one snapshot
    #[arg(long, value_name = "HOW", value_enum, default_value_t = ConsistencyArg::Auto, help_heading = "Storage")]
    pub consistency: ConsistencyArg,
    /// Print the plan, change nothing
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,
}

/// The values of `--consistency`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConsistencyArg {
    #[value(name = "auto")]
    Auto,
    #[value(name = "none")]
    None,
}

/// `myriad restore`.
#[derive(Clone, Debug, Args)]
pub struct RestoreArgs {
    /// Server to restore into: mysql://user@host:3306
    #[arg(long, value_name = "ADDRESS", help_heading = "Connection")]
    pub target: Option<String>,
    #[command(flatten)]
    pub connect: ConnectArgs,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Restore schema OLD as NEW; repeatable
    #[arg(long = "rename", value_name = "OLD=NEW", value_parser = rename, help_heading = "Selection")]
    pub renames: Vec<(String, String)>,
    /// Tables to bring back before all others, in this order
    #[arg(long, value_name = "GLOB,...", value_parser = table_globs, help_heading = "Selection")]
    pub first: Vec<TableGlobs>,
    /// Restore definitions only
    #[arg(long, help_heading = "Selection")]
    pub no_data: bool,
    /// Leave out views, routines, triggers, events
    #[arg(long, help_heading = "Selection")]
    pub no_objects: bool,
    /// Restore users and roles with their grants
    #[arg(long, help_heading = "Selection")]
    pub users: bool,
    /// Whether events are enabled, disabled or left out
    #[arg(long, value_name = "HOW", value_enum, default_value_t = EventsArg::Keep, help_heading = "Selection")]
    pub events: EventsArg,
    #[command(flatten)]
    pub effort: EffortArgs,
    #[command(flatten)]
    pub repo: RestoreRepoArgs,
    /// Backup to restore: its id, or latest
    #[arg(long, value_name = "ID", default_value = "latest", help_heading = "Storage")]
    pub backup: String,
    /// Write the target's binary log
    #[arg(long, help_heading = "Target")]
    pub log_bin: bool,
    /// Set gtid_purged to the backup's GTID set where that is right
    #[arg(long, value_name = "HOW", value_enum, default_value_t = GtidPurgedArg::Off, help_heading = "Target")]
    pub gtid_purged: GtidPurgedArg,
    #[command(flatten)]
    pub replicate: ReplicateArgs,
    /// How much is read back and compared
    #[arg(long, value_name = "HOW", value_enum, default_value_t = ProofArg::Full, help_heading = "Target")]
    pub verify: ProofArg,
    /// Definers: keep, current, map:OLD=NEW; repeatable
    #[arg(long = "definer", value_name = "HOW", value_parser = definer, help_heading = "Target")]
    pub definers: Vec<DefinerArg>,
    /// Users that the target has: skip or replace them
    #[arg(long, value_name = "HOW", value_enum, requires = "users", help_heading = "Target")]
    pub existing_users: Option<ExistingUsersArg>,
    /// Drop tables of the same name first
    #[arg(long, help_heading = "Target")]
    pub drop_existing: bool,
    /// Go on where the target is the backup's source
    #[arg(long, help_heading = "Target")]
    pub allow_source: bool,
    /// Go on where the target has replicas attached
    #[arg(long, help_heading = "Target")]
    pub allow_replicas: bool,
    /// Go on where the target is a running replica
    #[arg(long, help_heading = "Target")]
    pub allow_running_replica: bool,
    /// Go on where the target is a member of a group
    #[arg(long, help_heading = "Target")]
    pub allow_group_member: bool,
    /// Go on where others write to the target
    #[arg(long, help_heading = "Target")]
    pub allow_writes: bool,
    /// Go on where others have open transactions
    #[arg(long, help_heading = "Target")]
    pub allow_transactions: bool,
    /// Go on where the target's disk seems too small
    #[arg(long, help_heading = "Target")]
    pub allow_low_disk: bool,
    /// The server that is meant: its server_uuid
    #[arg(long, value_name = "UUID", help_heading = "Target")]
    pub target_is: Option<String>,
    /// Go on where the target adds primary keys of its own
    #[arg(long, help_heading = "Target")]
    pub allow_gipk: bool,
    /// Make tables that reach other servers, and keep the directories that tables name
    #[arg(long, help_heading = "Target")]
    pub allow_external: bool,
    /// Whether the redo log is off while rows are loaded
    #[arg(long, value_name = "HOW", value_enum, default_value_t = RedoArg::Auto, overrides_with = "redo", help_heading = "Target")]
    pub redo: RedoArg,
    /// Whether settings that pay are changed while rows are loaded
    #[arg(long, value_name = "HOW", value_enum, default_value_t = TuneArg::Auto, overrides_with = "tune", help_heading = "Target")]
    pub tune: TuneArg,
    /// Target's memory for building indexes [default: 1G]
    #[arg(long, value_name = "SIZE", value_parser = target_memory, help_heading = "Target")]
    pub target_memory: Option<u64>,
    /// Remove what a broken-off restore has left, nothing else
    #[arg(long, help_heading = "Target")]
    pub abort: bool,
    /// With --abort: also tables that can be used, and all that was written to them
    #[arg(long, requires = "abort", help_heading = "Target")]
    pub drop_usable: bool,
    /// Print the plan, change nothing
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,
}

/// A value of `--first`: `schema.table` globs in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableGlobs(pub Vec<String>);

/// A value of `--definer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefinerArg {
    /// Each object keeps its own.
    Keep,
    /// The restoring account.
    Current,
    /// Objects of the first account become the second's.
    Map(Account, Account),
}

/// The values of `--redo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RedoArg {
    #[value(name = "auto")]
    Auto,
    #[value(name = "on")]
    On,
    #[value(name = "off")]
    Off,
}

/// The values of `--tune`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TuneArg {
    #[value(name = "auto")]
    Auto,
    #[value(name = "none")]
    None,
}

/// The values of `--events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventsArg {
    #[value(name = "keep")]
    Keep,
    #[value(name = "disabled")]
    Disabled,
    #[value(name = "none")]
    None,
}

/// The values of `--existing-users`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExistingUsersArg {
    #[value(name = "skip")]
    Skip,
    #[value(name = "replace")]
    Replace,
}

/// The values of `--gtid-purged`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GtidPurgedArg {
    #[value(name = "auto")]
    Auto,
    #[value(name = "off")]
    Off,
}

/// The values of `restore --verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProofArg {
    #[value(name = "full")]
    Full,
    #[value(name = "none")]
    None,
}

/// The number that `verify --rows` stands for.
const ROWS_NAMED: &str = "20";

/// `myriad verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// Compare this server's rows: mysql://user@host:3306
    #[arg(long, value_name = "ADDRESS", help_heading = "Connection")]
    pub against: Option<String>,
    #[command(flatten)]
    pub connect: ConnectArgs,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Name the rows that differ, by key: N of each table [without N: 20]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = ROWS_NAMED, value_parser = rows_named)]
    #[arg(requires = "against", help_heading = "Output")]
    pub rows: Option<usize>,
    /// Schema OLD is NEW on the server; repeatable
    #[arg(long = "rename", value_name = "OLD=NEW", value_parser = rename, help_heading = "Selection")]
    pub renames: Vec<(String, String)>,
    #[command(flatten)]
    pub effort: EffortArgs,
    #[command(flatten)]
    pub repo: RepoArgs,
    /// Backup to verify: its id, or latest [default: every one]
    #[arg(long, value_name = "ID", help_heading = "Storage")]
    pub backup: Option<String>,
}

/// `myriad list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub repo: RepoArgs,
    /// Say what each backup holds alone and shares; reads all lists
    #[arg(long, help_heading = "Output")]
    pub sizes: bool,
}

/// `myriad show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    pub repo: RepoArgs,
    /// Backup to show: its id, or latest
    #[arg(long, value_name = "ID", default_value = "latest", help_heading = "Storage")]
    pub backup: String,
}

/// `myriad prune`.
#[derive(Clone, Debug, Args)]
pub struct PruneArgs {
    /// Repository: a folder, s3://, gs:// or az://bucket/prefix
    #[arg(long, short, value_name = "PLACE", help_heading = "Storage")]
    pub repo: String,
    /// Only backups of this source go [default: of every one]
    #[arg(long, value_name = "NAME", help_heading = "Storage")]
    pub name: Option<String>,
    /// Keep the N newest backups of each source
    #[arg(long, value_name = "N", value_parser = keep, help_heading = "Selection")]
    pub keep_last: Option<u32>,
    /// Keep the newest of a day, for N days that have one (UTC)
    #[arg(long, value_name = "N", value_parser = keep, help_heading = "Selection")]
    pub keep_daily: Option<u32>,
    /// Keep the newest of a week (from Monday), for N weeks
    #[arg(long, value_name = "N", value_parser = keep, help_heading = "Selection")]
    pub keep_weekly: Option<u32>,
    /// Keep the newest of a month, for N months
    #[arg(long, value_name = "N", value_parser = keep, help_heading = "Selection")]
    pub keep_monthly: Option<u32>,
    /// Remove binary logs from before the oldest backup that stays
    #[arg(long, help_heading = "Selection")]
    pub binlogs_before_oldest: bool,
    /// Delete what was condemned so long ago: 12h, 3d [default: 3d]
    #[arg(long, value_name = "TIME", value_parser = units::time, help_heading = "Storage")]
    pub grace: Option<Duration>,
    /// Do it; without this the plan is printed
    #[arg(long, help_heading = "Output")]
    pub yes: bool,
}

/// `myriad demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Size of the sample data; 1 is about 1,000,000 rows
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = scale, help_heading = "Speed")]
    pub scale: f64,
    /// Sessions that move rows at once [default: CPUs]
    #[arg(long, short, value_name = "N", value_parser = threads, help_heading = "Speed")]
    pub threads: Option<usize>,
    /// mysqld to start [default: MYRIAD_MYSQLD, PATH, ...]
    #[arg(long, value_name = "PATH", help_heading = "Storage")]
    pub mysqld: Option<PathBuf>,
    /// Keep servers' data and repository in their folder
    #[arg(long, help_heading = "Storage")]
    pub keep: bool,
}

/// The refusal of a password typed behind `-p` or `--password=`, as the mysql client would take it. Looked
/// for before clap reads the line, since its own messages would repeat the password.
pub fn password_on_the_line(line: &[OsString]) -> Option<Error> {
    let options = line.iter().skip(1).map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--");
    let mut typed = options.filter(|arg| {
        arg.starts_with("--password=") || (arg.len() > 2 && arg.starts_with("-p") && !arg.starts_with("--"))
    });
    typed.next().map(|_| {
        Error::new(Exit::Usage, "a password on the command line is refused: every user of this machine could read it")
            .hint("type -p alone to be asked, or use --password-file, MYSQL_PWD or ~/.my.cnf")
    })
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (1..=limits::THREADS_MAX).contains(&n) => Ok(n),
        _ => Err(format!("a number from 1 to {} is wanted", limits::THREADS_MAX)),
    }
}

fn keep(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "a number from 1 is wanted".into())
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (0.001..=1000.0).contains(&factor) => Ok(factor),
        _ => Err("a number from 0.001 to 1000 is wanted".into()),
    }
}

fn chunk_size(text: &str) -> Result<u64, String> {
    let bytes = units::bytes(text)?;
    let (least, most) = (limits::CHUNK_BYTES_MIN as u64, limits::CHUNK_BYTES_MAX as u64);
    if (least..=most).contains(&bytes) { Ok(bytes) } else { Err("a size from 64k to 256M is wanted".into()) }
}

fn target_memory(text: &str) -> Result<u64, String> {
    let bytes = units::bytes(text)?;
    if bytes >= limits::DDL_BUFFER_BYTES_MIN { Ok(bytes) } else { Err("a size of 64k or more is wanted".into()) }
}

fn schema_glob(text: &str) -> Result<String, String> {
    check_glob(text)
}

/// A table is named with its schema, since the same name often stands in several.
fn table_glob(text: &str) -> Result<String, String> {
    if !text.contains('.') {
        return Err(format!("write schema.table, or *.{text} for every schema"));
    }
    check_glob(text)
}

/// Globs with commas between; a comma within `{a,b}` or `[a,b]` is the glob's own.
fn table_globs(text: &str) -> Result<TableGlobs, String> {
    let mut globs = vec![String::new()];
    let mut depth = 0;
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match c {
            ',' if depth == 0 => {
                globs.push(String::new());
                continue;
            }
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        let glob = globs.last_mut().expect("there is always a last one");
        glob.push(c);
        glob.extend((c == '\\').then(|| letters.next()).flatten());
    }
    globs.iter().map(|glob| table_glob(glob.trim())).collect::<Result<_, _>>().map(TableGlobs)
}

fn check_glob(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a name or pattern is wanted".into());
    }
    globset::Glob::new(text).map(|_| text.to_owned()).map_err(|error| error.kind().to_string())
}

fn condition(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((table, condition)) if table.contains('.') && !condition.trim().is_empty() => {
            Ok((table.trim().to_owned(), condition.trim().to_owned()))
        }
        _ => Err("write schema.table=condition, for example \"shop.orders=id > 1000\"".into()),
    }
}

fn rows_named(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (1..=limits::ROWS_NAMED_MAX).contains(&n) => Ok(n),
        _ => Err(format!("a number from 1 to {} is wanted", limits::ROWS_NAMED_MAX)),
    }
}

fn rename(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("write old=new, for example shop=shop_copy".into()),
    }
}

fn definer(text: &str) -> Result<DefinerArg, String> {
    let account = |text: &str| Some(Account::parse(text)).filter(|account| !account.user.is_empty());
    match text {
        "keep" => Ok(DefinerArg::Keep),
        "current" => Ok(DefinerArg::Current),
        _ => text
            .strip_prefix("map:")
            .and_then(|pair| pair.split_once('='))
            .and_then(|(old, new)| Some(DefinerArg::Map(account(old)?, account(new)?)))
            .ok_or_else(|| "write keep, current or map:old@host=new@host".into()),
    }
}

const OVERVIEW: &str = "\
Start here:
  myriad demo
  myriad backup --source mysql://root@db1 --repo /backups
  myriad restore --target mysql://root@db2 --repo /backups
Each command explains itself: myriad backup --help";

const BACKUP_EXAMPLES: &str = "  myriad backup --source mysql://backup@db1 --repo /backups
  myriad backup --source mysql:///run/mysqld/mysqld.sock --repo s3://bucket/db1
  myriad backup --source mysql://db1 --repo /backups --table 'shop.*' --dry-run";

const RESTORE_EXAMPLES: &str = "  myriad restore --target mysql://root@db2 --repo /backups
  myriad restore --target mysql://root@db2 --repo /backups --table shop.orders \\
      --rename shop=shop_yesterday
  myriad restore --target mysql://root@db2 --repo /backups --dry-run
  myriad restore --target mysql://root@db2 --repo /backups --replicate-from mysql://repl@db1
  myriad restore --target mysql://root@db2 --abort";

const VERIFY_EXAMPLES: &str = "  myriad verify --repo /backups
  myriad verify --repo /backups --backup latest --against mysql://root@db2
  myriad verify --repo /backups --against mysql://root@db2 --rows";

const LIST_EXAMPLES: &str = "  myriad list --repo /backups
  myriad list --repo /backups --sizes
  myriad list --repo s3://bucket/db1 --json";

const SHOW_EXAMPLES: &str = "  myriad show --repo /backups
  myriad show --repo /backups --backup ID --json";

const PRUNE_EXAMPLES: &str = "  myriad prune --repo /backups --keep-daily 7 --keep-weekly 5 --keep-monthly 12
  myriad prune --repo /backups --name shop --keep-last 3 --yes
  myriad prune --repo /backups --yes";

const DEMO_EXAMPLES: &str = "  myriad demo
  myriad demo --scale 0.1 --keep";

const CONNECT_EXITS: &[Exit] = &[
    Exit::Unreachable,
    Exit::LoginRefused,
    Exit::RightMissing,
    Exit::ServerLost,
    Exit::StatementFailed,
    Exit::RepositoryMissing,
    Exit::RepositoryForeign,
    Exit::RepositoryDamaged,
];
const BACKUP_EXITS: &[&[Exit]] =
    &[CONNECT_EXITS, &[Exit::RepositoryWrite, Exit::BackupNotFound, Exit::RepositoryBusy, Exit::BackupInconsistent]];
const PRUNE_EXITS: &[&[Exit]] = &[READ_EXITS[0], &[Exit::RepositoryWrite, Exit::RepositoryBusy]];
const RESTORE_EXITS: &[&[Exit]] = &[
    CONNECT_EXITS,
    &[
        Exit::BackupNotFound,
        Exit::TargetIsSource,
        Exit::TargetHasReplicas,
        Exit::TargetNotEmpty,
        Exit::TargetUnfit,
        Exit::TargetInUse,
        Exit::ProofFailed,
        Exit::LoadRejected,
        Exit::TargetMustBeRebuilt,
        Exit::ReplicationNotStarted,
    ],
];
const VERIFY_EXITS: &[&[Exit]] = &[CONNECT_EXITS, &[Exit::BackupNotFound, Exit::ProofFailed]];
const READ_EXITS: &[&[Exit]] =
    &[&[Exit::RepositoryMissing, Exit::RepositoryForeign, Exit::RepositoryDamaged, Exit::BackupNotFound]];
const DEMO_EXITS: &[&[Exit]] = &[&[
    Exit::ServerLost,
    Exit::StatementFailed,
    Exit::ProofFailed,
    Exit::BackupInconsistent,
    Exit::LoadRejected,
    Exit::SandboxFailed,
]];

/// The foot of a command's help: its examples, then the exit codes that it can end with.
fn after_help(examples: &str, own: &[&[Exit]]) -> String {
    let common = [Exit::Success, Exit::Failure, Exit::Usage];
    let codes = common.iter().chain(own.iter().flat_map(|codes| codes.iter())).chain(&[Exit::Interrupted]);
    let texts: Vec<String> = codes.map(|exit| format!("{} {}", exit.code(), exit.meaning())).collect();
    format!("Examples:\n{examples}\n\nExit codes (docs/exit-codes.md):\n{}", fill(&texts, 78))
}

/// Items joined by commas, in lines of at most `width` columns, indented by two.
fn fill(items: &[String], width: usize) -> String {
    let mut lines = vec![String::from(" ")];
    for (i, item) in items.iter().enumerate() {
        let item = if i + 1 < items.len() { format!("{item},") } else { item.clone() };
        let line = lines.last_mut().expect("begins with one line");
        if line.len() + 1 + item.len() > width {
            lines.push(format!("  {item}"));
        } else {
            line.push(' ');
            line.push_str(&item);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;
