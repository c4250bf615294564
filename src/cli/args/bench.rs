//! The options of `myriad bench`.

use super::{ConnectArgs, threads};
use crate::bench::dataset::DatasetSpec;
use crate::bench::rivals::{OfProgram, RivalKind};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(super) const BENCH_EXAMPLES: &str = "  myriad bench
  myriad bench --dataset shop:1000000 --runs 5 --svg bench.svg --html bench.html
  myriad bench --source mysql://root@db1 --rivals mysqldump,tsv --json > bench.json
  myriad bench --program mydumper=/opt/mydumper/bin/mydumper --argument myloader=--verbose=3
  myriad bench --from bench.json --svg bench.svg";

/// `myriad bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// Server whose data is measured; read only
    #[arg(long, value_name = "ADDRESS", help_heading = "Connection", conflicts_with = "dataset")]
    pub source: Option<String>,
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// Generated data: sbtest:4x250000, shop:N, wide:N, blobs:N or corpus
    #[arg(long, value_name = "SET", default_value = "sbtest:4x250000", value_parser = dataset, help_heading = "Selection")]
    pub dataset: DatasetSpec,
    /// Who is measured too: mysqldump, mariadb-dump, mydumper, mysqlsh, tsv [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Selection")]
    pub rivals: Vec<RivalKind>,
    /// Settings of the target: one table for each
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = SettingsArg::Both, help_heading = "Selection")]
    pub settings: SettingsArg,
    /// Show an earlier result again, measure nothing
    #[arg(long, value_name = "FILE", help_heading = "Selection", conflicts_with_all = ["source", "dataset", "quick"])]
    pub from: Option<PathBuf>,
    /// Alternating runs; medians are printed
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99), help_heading = "Speed")]
    pub runs: u32,
    /// Sessions that move rows at once [default: CPUs]
    #[arg(long, short, value_name = "N", value_parser = threads, help_heading = "Speed")]
    pub threads: Option<usize>,
    /// One run on little data, to see that it works
    #[arg(long, help_heading = "Speed")]
    pub quick: bool,
    /// Folder for servers and dumps [default: temporary]
    #[arg(long, value_name = "FOLDER", help_heading = "Storage")]
    pub work: Option<PathBuf>,
    /// mysqld to start [default: MYRIAD_MYSQLD, PATH, ...]
    #[arg(long, value_name = "PATH", help_heading = "Storage")]
    pub mysqld: Option<PathBuf>,
    /// A rival's program: mydumper=/opt/bin/mydumper; repeatable
    #[arg(long = "program", value_name = "NAME=PATH", help_heading = "Storage")]
    pub programs: Vec<OfProgram>,
    /// One more argument of a rival's program: zstd=-3; repeatable
    #[arg(long = "argument", value_name = "NAME=TEXT", allow_hyphen_values = true, help_heading = "Selection")]
    pub arguments: Vec<OfProgram>,
    /// Write a chart
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub svg: Option<PathBuf>,
    /// Write a page: chart, tables, commands
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
}

/// The values of `--settings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SettingsArg {
    #[value(name = "as-started")]
    AsStarted,
    #[value(name = "switched")]
    Switched,
    #[value(name = "both")]
    Both,
}

fn dataset(text: &str) -> Result<DatasetSpec, String> {
    text.parse::<DatasetSpec>().map_err(|error| error.to_string())
}
