//! The temporary folder of one run, `/tmp/myriad-XXXXXX`, and the removal of those that dead runs left.
//!
//! A run holds an exclusive lock (flock) on the file `lock` in its folder for as long as it lives. The
//! kernel drops the lock with the process, however that ends, so a folder whose lock can be taken has no
//! owner: its servers, if any still run, are killed and the folder is removed. Folders of other accounts
//! and those with a file `keep` are left alone.

use super::error::SandboxError;
use super::find::Program;
use super::init;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

const PREFIX: &str = "myriad-";
/// A folder without a lock file is being made, unless it is older than this.
const UNLOCKED_AGE: Duration = Duration::from_secs(60);
/// How long a killed process may take to leave the process table.
const GONE_WAIT: Duration = Duration::from_secs(10);

/// The folder of this process's servers below one temporary folder. The last server to go removes it.
pub struct RunFolder {
    path: PathBuf,
    _lock: File,
    next: AtomicU32,
    templates: Mutex<HashMap<(Program, Vec<String>), PathBuf>>,
}

/// The folders of this process, one for each temporary folder in use.
static RUNS: Mutex<Vec<(PathBuf, Weak<RunFolder>)>> = Mutex::new(Vec::new());

/// The run folder of this process below `parent`; made at the first call.
pub fn of_this_process(parent: &Path) -> Result<Arc<RunFolder>, SandboxError> {
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    runs.retain(|(_, run)| run.strong_count() > 0);
    if let Some(run) = runs.iter().find(|(p, _)| p == parent).and_then(|(_, run)| run.upgrade()) {
        return Ok(run);
    }
    let run = Arc::new(create(parent)?);
    runs.push((parent.to_owned(), Arc::downgrade(&run)));
    Ok(run)
}

impl RunFolder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A new folder for one server.
    pub fn server_folder(&self) -> Result<PathBuf, SandboxError> {
        self.new_folder("s")
    }

    /// A new folder for files of the caller.
    pub fn scratch_folder(&self) -> Result<PathBuf, SandboxError> {
        self.new_folder("files")
    }

    fn new_folder(&self, name: &str) -> Result<PathBuf, SandboxError> {
        let path = self.path.join(format!("{name}{}", self.next.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&path).map_err(|source| SandboxError::Folder { doing: "create", path: path.clone(), source })?;
        Ok(path)
    }

    /// An initialised data directory of that program, never started: later servers are copies of it.
    /// `arguments` are those that it must be initialised with.
    pub fn template(&self, program: &Program, arguments: Vec<String>) -> Result<PathBuf, SandboxError> {
        let key = (program.clone(), arguments);
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(template) = templates.get(&key) {
            return Ok(template.clone());
        }
        let template = self.path.join(format!("template{}", templates.len()));
        init::initialise(program, &key.1, &template)?;
        templates.insert(key, template.clone());
        Ok(template)
    }

    /// Leaves the folder in place when the run ends, and out of every later sweep.
    pub fn keep(&self) {
        let _ = File::create(self.path.join("keep"));
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.path.join("keep").exists() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn create(parent: &Path) -> Result<RunFolder, SandboxError> {
    let error = |path: &Path| {
        let path = path.to_owned();
        move |source| SandboxError::Folder { doing: "create", path, source }
    };
    // A sweep by another process may take the lock of a folder that is just being made: then the folder
    // is lost, and the next one is tried.
    loop {
        let path = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent).map_err(error(parent))?.keep();
        let lock_path = path.join("lock");
        let mut lock = match File::create_new(&lock_path) {
            Ok(lock) => lock,
            Err(_) if !path.exists() => continue,
            Err(source) => return Err(error(&lock_path)(source)),
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && lock_path.exists() {
            // For people who look around in /tmp.
            let _ = writeln!(lock, "{}", std::process::id());
            return Ok(RunFolder { path, _lock: lock, next: AtomicU32::new(1), templates: Mutex::default() });
        }
    }
}

/// Removes the folders below `parent` that dead runs of this account left, with their servers. What
/// cannot be removed is left for the next sweep.
pub fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let ours = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir() && meta.uid() == geteuid().as_raw());
        if named && ours {
            remove_if_stale(&path);
        }
    }
}

fn remove_if_stale(folder: &Path) {
    if folder.join("keep").exists() {
        return;
    }
    let lock = match File::open(folder.join("lock")) {
        Ok(lock) => lock,
        // Other programs may use the prefix too: only an empty folder can be one that was being made.
        Err(_) if is_old(folder) => return drop(fs::remove_dir(folder)),
        Err(_) => return,
    };
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        return;
    }
    for pid in servers_in(folder) {
        let _ = kill_process(pid, Signal::KILL);
        let deadline = std::time::Instant::now() + GONE_WAIT;
        while serves_in(pid, folder) && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let _ = fs::remove_dir_all(folder);
}

fn is_old(folder: &Path) -> bool {
    let modified = fs::metadata(folder).and_then(|meta| meta.modified());
    modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > UNLOCKED_AGE))
}

fn servers_in(folder: &Path) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(Pid::from_raw).filter(|pid| serves_in(*pid, folder)).collect()
}

/// True for a process that was started with a data directory inside `folder`. An ended one has no
/// command line any more.
fn serves_in(pid: Pid, folder: &Path) -> bool {
    let wanted = format!("--datadir={}/", folder.display()).into_bytes();
    let command = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
    command.split(|byte| *byte == 0).any(|argument| argument.starts_with(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweep_removes_only_folders_without_an_owner() {
        let parent = tempfile::tempdir().unwrap();
        let owned = of_this_process(parent.path()).unwrap();
        let (stale, kept, foreign) = ("myriad-stale", "myriad-kept", "myriad-notes");
        for name in [stale, kept, foreign] {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        for name in [stale, kept] {
            File::create(parent.path().join(name).join("lock")).unwrap();
        }
        File::create(parent.path().join(kept).join("keep")).unwrap();
        sweep(parent.path());
        assert!(!parent.path().join(stale).exists());
        assert!(owned.path.exists() && parent.path().join(kept).exists() && parent.path().join(foreign).exists());
    }

    #[test]
    fn the_folder_goes_with_its_last_user() {
        let parent = tempfile::tempdir().unwrap();
        let run = of_this_process(parent.path()).unwrap();
        let again = of_this_process(parent.path()).unwrap();
        assert_eq!(run.path, again.path);
        let path = run.path.clone();
        drop(run);
        assert!(path.exists());
        drop(again);
        assert!(!path.exists());
    }
}
