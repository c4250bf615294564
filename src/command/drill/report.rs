//! Files that a drill leaves for people and for other programs. In: the record of a drill, and those of earlier drills of
//! the same source, oldest first. Out: the files that were asked for. What stands in them is made by pure functions, one
//! module a kind; only this one writes.

mod document;
mod face;
mod junit;
mod markup;
mod merged;
mod metrics;
mod page;
mod scale;
mod trend;
mod words;

pub use junit::junit;
pub use merged::{MergedDrills, MissingDrill, merge};
pub use metrics::metrics;
pub use page::html;

use super::record::DrillRecord;
use crate::error::{Error, Exit, Result};
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Which files are wanted. Names of sources are safe in file names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportOptions {
    /// `--report-dir`: a folder that gets every kind of report, `NAME.json` and so on for each source; made if it is not there.
    pub folder: Option<PathBuf>,
    /// `--html`: the page of one drill.
    pub html: Option<PathBuf>,
    /// `--junit`: JUnit XML of one drill.
    pub junit: Option<PathBuf>,
    /// `--metrics`: Prometheus text of one drill.
    pub metrics: Option<PathBuf>,
}

impl ReportOptions {
    /// A file is asked for that holds one drill, whatever its source is called.
    pub fn of_one_drill(&self) -> bool {
        self.html.is_some() || self.junit.is_some() || self.metrics.is_some()
    }
}

/// The name, before the ending, of merged reports in a folder. No source is called so: its name has no such sign.
const MERGED: &str = "@all";

/// Writes what was asked for and gives the files written. `history` has earlier drills of the same source, oldest first,
/// without this one. Each file appears whole or not at all.
pub fn write(options: &ReportOptions, record: &DrillRecord, history: &[DrillRecord]) -> Result<Vec<PathBuf>> {
    let texts = Texts {
        json: json(record),
        html: html(record, history),
        junit: junit(record),
        metrics: metrics(record, history),
    };
    texts.write(options, &record.name)
}

/// Writes the merged report to what was asked for; a folder gets the reports of each source besides, which the merged page
/// leads to. `history` has all drills.
pub fn write_merged(options: &ReportOptions, merged: &MergedDrills, history: &[DrillRecord]) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    if let Some(folder) = &options.folder {
        let each = ReportOptions { folder: Some(folder.clone()), ..ReportOptions::default() };
        for record in &merged.drills {
            written.extend(write(&each, record, history)?);
        }
    }
    let texts = Texts {
        json: merged.json(),
        html: merged.html(history, options.folder.is_some() && options.html.is_none()),
        junit: merged.junit(),
        metrics: merged.metrics(history),
    };
    written.extend(texts.write(options, MERGED)?);
    Ok(written)
}

/// The record as JSON, which docs/drill-record.schema.json describes.
pub fn json(record: &DrillRecord) -> String {
    serde_json::to_string_pretty(record).expect("a record is plain data") + "\n"
}

/// One report of every kind.
struct Texts {
    json: String,
    html: String,
    junit: String,
    metrics: String,
}

impl Texts {
    fn write(&self, options: &ReportOptions, name: &str) -> Result<Vec<PathBuf>> {
        let mut files: Vec<(PathBuf, &str)> = Vec::new();
        if let Some(folder) = &options.folder {
            std::fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))?;
            let kinds = [("json", &self.json), ("html", &self.html), ("xml", &self.junit), ("prom", &self.metrics)];
            // Each source has its own metrics there: a collector that reads the folder must not find a series twice.
            let kinds = kinds.into_iter().filter(|(ending, _)| name != MERGED || *ending != "prom");
            files.extend(kinds.map(|(ending, text)| (folder.join(format!("{name}.{ending}")), text.as_str())));
        }
        let single = [(&options.html, &self.html), (&options.junit, &self.junit), (&options.metrics, &self.metrics)];
        files.extend(single.into_iter().filter_map(|(file, text)| Some((file.clone()?, text.as_str()))));
        for (file, text) in &files {
            write_whole(file, text.as_bytes())?;
        }
        Ok(files.into_iter().map(|(file, _)| file).collect())
    }
}

/// Writes beside the file and renames, so that a reader (a metrics collector, a web server) never sees half of it. Readers
/// are mostly other accounts, so the mode is what the account's umask leaves of 0666.
fn write_whole(file: &Path, bytes: &[u8]) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| cannot("write", file, &error);
    let mut builder = tempfile::Builder::new();
    let mut whole = builder.permissions(Permissions::from_mode(0o666)).tempfile_in(folder).map_err(failed)?;
    whole.write_all(bytes).map_err(failed)?;
    whole.as_file().sync_all().map_err(failed)?;
    whole.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::new(Exit::Failure, format!("cannot {what} {}: {error}", path.display()))
        .hint("is there room, and may this account write there?")
}
