//! `myriad bench`: this program and its rivals in turn on the same data and servers.

use crate::bench::{self, BenchOptions, Scoreboard};
use crate::error::Result;
use crate::progress::{Progress, Stop};
use std::sync::Arc;

/// Runs the contest.
pub async fn run(options: &BenchOptions, progress: Arc<dyn Progress>, stop: Stop) -> Result<Scoreboard> {
    Ok(bench::run(options, &progress, &stop).await?)
}
