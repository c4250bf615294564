//! What was typed of the replication that follows a restore.

use clap::Args;
use std::path::PathBuf;

/// `restore --replicate-from` and its account.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Replication")]
pub struct ReplicateArgs {
    /// Then replicate from this source: host[:port], or mysql://user@host:3306
    #[arg(long, value_name = "ADDRESS")]
    pub replicate_from: Option<String>,
    /// Replication account's user name
    #[arg(long, value_name = "NAME", requires = "replicate_from")]
    pub replicate_user: Option<String>,
    /// Read its password from the first line of FILE
    #[arg(long, value_name = "FILE", requires = "replicate_from")]
    pub replicate_password_file: Option<PathBuf>,
}
