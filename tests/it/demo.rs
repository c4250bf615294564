//! The whole of `myriad demo` on little data: it must come to its end with everything equal.

use crate::support::server;
use myriad::command::demo::{self, DemoOptions};
use myriad::error::Exit;
use myriad::progress::{Silent, Stop};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn demo_proves_what_it_restores() {
    let folder = tempfile::tempdir().unwrap();
    let options = DemoOptions {
        scale: 0.02,
        threads: 2,
        programs: server::programs(),
        folder: folder.path().into(),
        myriad: env!("CARGO_BIN_EXE_myriad").into(),
        keep: false,
    };
    let report = demo::run(&options, Arc::new(Silent), Stop::default()).await.unwrap();
    println!("{}\n{}", report.text(), report.scoreboard);
    assert_eq!(report.exit(), Exit::Success);
    assert!(report.checks.len() >= 4 && report.commits_during > 0);
    assert!(report.second.totals.added_bytes < report.first.totals.added_bytes);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the demo left something behind");
}
