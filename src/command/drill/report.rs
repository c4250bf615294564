//! Files that a drill leaves for people and for other programs. In: the record of a drill, and those of earlier drills of
//! the same source, oldest first. Out: the files that were asked for.

use super::record::DrillRecord;
use crate::error::{Error, Exit, Result};
use std::io::Write as _;
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

/// Writes what was asked for and gives the files written. `history` has earlier drills of the same source, oldest first,
/// without this one. Each file appears whole or not at all.
pub fn write(options: &ReportOptions, record: &DrillRecord, _history: &[DrillRecord]) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    if let Some(folder) = &options.folder {
        std::fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))?;
        let file = folder.join(format!("{}.json", record.name));
        let mut text = serde_json::to_string_pretty(record).expect("a record is plain data");
        text.push('\n');
        write_whole(&file, text.as_bytes())?;
        written.push(file);
    }
    Ok(written)
}

/// Writes beside the file and renames, so that a reader (a metrics collector, a web server) never sees half of it.
fn write_whole(file: &Path, bytes: &[u8]) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| cannot("write", file, &error);
    let mut whole = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    whole.write_all(bytes).map_err(failed)?;
    whole.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::new(Exit::Failure, format!("cannot {what} {}: {error}", path.display()))
        .hint("is there room, and may this account write there?")
}
