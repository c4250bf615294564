//! The options of `myriad archive`.

use super::{ConnectArgs, RepoArgs};
use crate::command::units;
use crate::error::Exit;
use crate::limits;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// `myriad archive`.
#[derive(Clone, Debug, Args)]
pub struct ArchiveArgs {
    /// Server whose binary logs are kept: mysql://user@host:3306
    #[arg(long, value_name = "ADDRESS", help_heading = "Connection", conflicts_with = "from_files")]
    pub source: Option<String>,
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// Server id to read as [default: made of repository and name]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Connection")]
    pub server_id: Option<u32>,
    /// End where the server's log ends now, for cron
    #[arg(long, help_heading = "Selection")]
    pub once: bool,
    /// Where to begin where there is no archive yet
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = StartArg::Backup, help_heading = "Selection")]
    pub start: StartArg,
    /// Go on where binary logs are missing, and record the gap
    #[arg(long, help_heading = "Selection")]
    pub accept_gap: bool,
    /// Take closed files, or a folder of them; repeatable
    #[arg(long = "from-files", value_name = "PLACE", id = "from_files", help_heading = "Selection")]
    pub files: Vec<PathBuf>,
    /// Take the file too that a dead server has not closed
    #[arg(long, requires = "from_files", help_heading = "Selection")]
    pub unclosed: bool,
    /// Server that wrote the files [default: see auto.cnf]
    #[arg(long, value_name = "UUID", requires = "from_files", help_heading = "Selection")]
    pub server_uuid: Option<String>,
    #[command(flatten)]
    pub repo: RepoArgs,
    /// Bytes of log in a segment, 16k to 1G [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = segment_size, help_heading = "Storage")]
    pub segment_size: Option<u64>,
    /// Close a segment after so long: 30s, 5m [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = units::time, help_heading = "Storage")]
    pub segment_time: Option<Duration>,
}

/// The values of `--start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StartArg {
    #[value(name = "backup")]
    Backup,
    #[value(name = "first")]
    First,
}

fn segment_size(text: &str) -> Result<u64, String> {
    let bytes = units::bytes(text)?;
    let fits = (limits::SEGMENT_BYTES_MIN..=limits::SEGMENT_BYTES_MAX).contains(&bytes);
    if fits { Ok(bytes) } else { Err("a size from 16k to 1G is wanted".into()) }
}

pub(super) const ARCHIVE_EXAMPLES: &str = "  myriad archive --source mysql://repl@db1 --repo /backups
  myriad archive --source mysql://repl@db1 --repo /backups --once --quiet
  myriad archive --from-files /var/lib/mysql --repo /backups --name shop";

pub(super) const ARCHIVE_EXITS: &[&[Exit]] =
    &[super::CONNECT_EXITS, &[Exit::RepositoryWrite, Exit::BackupNotFound, Exit::RepositoryBusy, Exit::ArchiveGap]];
