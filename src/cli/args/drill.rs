//! `myriad drill` as clap reads it, its examples and the exit codes that it ends with.

use super::EffortArgs;
use crate::command::drill::Shard;
use crate::command::units;
use crate::error::Exit;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `myriad drill`.
#[derive(Clone, Debug, Args)]
pub struct DrillArgs {
    /// Read what is wanted from FILE (docs/drill.md)
    #[arg(long, value_name = "FILE", help_heading = "Drill")]
    pub config: Option<PathBuf>,
    /// Backup to drill: newest, random or an id
    #[arg(long, value_name = "WHICH", default_value = "newest", help_heading = "Drill")]
    pub pick: String,
    /// Of the sorted names drill each N-th, from the I-th on (from 0)
    #[arg(long, value_name = "I/N", value_parser = shard, help_heading = "Drill")]
    pub shard: Option<Shard>,
    /// Longest time for a recovery: 30m, 2h
    #[arg(long, value_name = "TIME", value_parser = units::time, help_heading = "Drill")]
    pub rto: Option<Duration>,
    /// Greatest age of the snapshot: 90m, 26h
    #[arg(long, value_name = "TIME", value_parser = units::time, help_heading = "Drill")]
    pub rpo: Option<Duration>,
    /// Judge no changes since the last drill; later ones compare with this
    #[arg(long, help_heading = "Drill")]
    pub accept_changes: bool,
    /// Drill nothing: one report of the newest drill of each source
    #[arg(long, conflicts_with_all = ["pick", "shard", "keep", "config", "accept_changes"], help_heading = "Drill")]
    pub merge: bool,
    /// With --merge: an older drill counts as none: 26h, 8d
    #[arg(long, value_name = "TIME", value_parser = units::time, requires = "merge", help_heading = "Drill")]
    pub within: Option<Duration>,
    /// mysqld to start [default: MYRIAD_MYSQLD, PATH, ...]
    #[arg(long, value_name = "PATH", help_heading = "Private server")]
    pub mysqld: Option<PathBuf>,
    /// mariadbd to start, for backups of MariaDB
    #[arg(long, value_name = "PATH", help_heading = "Private server")]
    pub mariadbd: Option<PathBuf>,
    /// Folder for its files, with a short path [default: temporary]
    #[arg(long, value_name = "FOLDER", help_heading = "Private server")]
    pub folder: Option<PathBuf>,
    /// Leave the server running and say how to connect
    #[arg(long, help_heading = "Private server")]
    pub keep: bool,
    #[command(flatten)]
    pub effort: EffortArgs,
    /// Repository: a folder, s3://, gs:// or az://bucket/prefix
    #[arg(long, short, value_name = "PLACE", help_heading = "Storage")]
    pub repo: String,
    /// Only sources that match; repeatable [default: every one]
    #[arg(long = "name", value_name = "GLOB", help_heading = "Storage")]
    pub names: Vec<String>,
    /// History elsewhere: needed where the repository can only be read
    #[arg(long, value_name = "PLACE", help_heading = "Storage")]
    pub history: Option<String>,
    /// Write all reports of each source into FOLDER
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    pub report_dir: Option<PathBuf>,
    /// Write the page of the drill
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
    /// Write JUnit XML
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub junit: Option<PathBuf>,
    /// Write metrics for Prometheus' textfile collector
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub metrics: Option<PathBuf>,
}

/// `I/N`, I counted from 0.
fn shard(text: &str) -> Result<Shard, String> {
    let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    match numbers {
        Some((index, count)) if index < count => Ok(Shard { index, count }),
        _ => Err("write I/N, for example 0/4, with I from 0 to N - 1".into()),
    }
}

/// For the foot of the help page.
pub const EXAMPLES: &str = "  myriad drill --repo /backups
  myriad drill --repo /backups --config drill.toml --report-dir /var/www/drills
  myriad drill --repo s3://bucket/all --history /var/lib/drills --pick random --rto 30m
  myriad drill --repo /backups --name 'shard-*' --shard 0/4 --report-dir reports
  myriad drill --repo /backups --merge --within 26h --report-dir reports";

/// Exit codes of its own: the worst of all drills counts.
pub const EXITS: &[Exit] = &[
    Exit::RepositoryWrite,
    Exit::BackupNotFound,
    Exit::DrillOverBudget,
    Exit::DrillUnproved,
    Exit::DrillAssertionFailed,
    Exit::DrillDamagedBackup,
    Exit::DrillCouldNotRun,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_one_of_so_many() {
        assert_eq!(shard("0/1"), Ok(Shard { index: 0, count: 1 }));
        assert_eq!(shard("3/4"), Ok(Shard { index: 3, count: 4 }));
        for wrong in ["", "1", "1/1", "4/4", "-1/2", "0/0", "a/b", "1/2/3"] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }
}
