//! The options of `myriad drill`: the command line, drill.toml, and the surroundings. What is typed wins over the file.

use super::{Settings, SettingsError};
use crate::cli::args::{ConnectArgs, drill::DrillArgs};
use crate::command::drill::config::DrillConfig;
use crate::command::drill::report::ReportOptions;
use crate::command::drill::{DrillOptions, Pick};
use crate::error::{Error, Exit, Result};
use crate::manifest::repository::check_name;
use crate::sandbox::Kind;
use std::path::Path;

impl Settings<'_> {
    /// `myriad drill`.
    pub fn drill(&self, args: &DrillArgs) -> Result<DrillOptions> {
        let mut config = match &args.config {
            Some(path) => read(path)?,
            None => DrillConfig::default(),
        };
        config.budget.rto = args.rto.or(config.budget.rto);
        config.budget.rpo = args.rpo.or(config.budget.rpo);
        let mysqld = args.mysqld.as_ref().or(config.server.mysqld.as_ref());
        let mariadbd = args.mariadbd.as_ref().or(config.server.mariadbd.as_ref());
        let against = match &config.check.against {
            Some(address) => {
                let password_file = config.check.against_password_file.clone();
                Some(self.connect(Some(address), &ConnectArgs { password_file, ..ConnectArgs::default() })?)
            }
            None => None,
        };
        Ok(DrillOptions {
            repo: super::repository(&args.repo)?,
            names: args.names.clone(),
            pick: pick(&args.pick)?,
            shard: args.shard,
            keep: args.keep,
            within: args.within,
            history: args.history.clone(),
            accept_changes: args.accept_changes,
            against,
            programs: self.programs_of(Kind::Mysql, mysqld.map(|path| path.as_path())),
            mariadb_programs: self.programs_of(Kind::Mariadb, mariadbd.map(|path| path.as_path())),
            folder: args.folder.clone().or(config.server.folder.clone()).unwrap_or_else(std::env::temp_dir),
            effort: self.effort(&args.effort),
            reports: ReportOptions {
                folder: args.report_dir.clone(),
                html: args.html.clone(),
                junit: args.junit.clone(),
                metrics: args.metrics.clone(),
            },
            config,
        })
    }
}

fn read(path: &Path) -> Result<DrillConfig> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(Exit::Usage, format!("cannot read {}: {error}", path.display()))
            .hint("see the path given with --config")
    })?;
    DrillConfig::parse(&text, path)
}

fn pick(text: &str) -> Result<Pick> {
    match text {
        "" => Err(SettingsError::Empty { option: "pick" }.into()),
        "newest" | "latest" => Ok(Pick::Newest),
        "random" => Ok(Pick::Random),
        // Ids are made of the same characters as names.
        id if check_name(id).is_ok() => Ok(Pick::Id(id.to_owned())),
        id => Err(Error::new(Exit::Usage, format!("{id:?} is no id of a backup")).hint("`myriad list` shows the ids")),
    }
}
