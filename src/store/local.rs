//! A repository in a folder: one file an object, under the object's own name. A put writes a file in `tmp/`,
//! flushes it, gives it its name in one step, and flushes the folder, so that after a crash at any moment there
//! is the whole object or none. Reads take only the bytes asked for. Files are for their owner alone ([`super::modes`]);
//! several processes may use one folder at once.

use super::modes::Modes;
use super::name::{RESERVED_SEGMENTS, checked, checked_prefix};
use super::{Notice, PutMode, Store, StoreError, StoredObject, notice};
use crate::limits::TEMPORARY_FILE_AGE;
use bytes::Bytes;
use rustix::fs::{CWD, RenameFlags};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// The folder of files that are being written; no object is below it.
const TEMPORARY: &str = "tmp";

/// Objects as files below a folder.
pub struct LocalStore {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    modes: Modes,
    /// Folders that this process made sure of: they exist and a crash does not take them away.
    durable_folders: Mutex<HashSet<PathBuf>>,
}

impl LocalStore {
    /// Opens the folder; with `create` it is made where it is missing. Files that a crashed put left behind a
    /// day ago or earlier are removed, as far as this process may.
    pub async fn open(root: &Path, create: bool) -> Result<LocalStore, StoreError> {
        let root = root.to_path_buf();
        let store = root.display().to_string();
        let opened = blocking(move || {
            if create {
                make_root(&root)?;
            }
            if !fs::metadata(&root)?.is_dir() {
                return Err(ErrorKind::NotADirectory.into());
            }
            remove_stale(&root.join(TEMPORARY), SystemTime::now());
            let modes = Modes::below(&root)?;
            Ok((root, modes))
        })
        .await;
        match opened {
            Ok((root, modes)) => {
                Ok(LocalStore { inner: Arc::new(Inner { root, modes, durable_folders: Mutex::default() }) })
            }
            Err(source) => Err(StoreError::Open { store, source: source.into() }),
        }
    }

    fn missing(&self, name: &str) -> StoreError {
        StoreError::Missing { name: name.to_string(), store: self.describe() }
    }

    /// A failure to read as the trait tells it: a name with no file behind it is `Missing`.
    fn read_error(&self, name: &str, error: io::Error) -> StoreError {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => self.missing(name),
            _ => StoreError::Read { name: name.to_string(), store: self.describe(), source: error.into() },
        }
    }

    fn write_error(&self, name: &str, error: io::Error) -> StoreError {
        StoreError::Write { name: name.to_string(), store: self.describe(), source: error.into() }
    }

    /// Runs blocking work on the file of an object.
    async fn with_file<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(File, u64) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        checked(name, || self.describe())?;
        let path = self.inner.root.join(name);
        let worked = blocking(move || {
            // Asked first: to open a pipe may wait for ever, and a device has no end.
            let facts = fs::metadata(&path)?;
            if facts.is_dir() {
                return Err(ErrorKind::IsADirectory.into());
            }
            if !facts.is_file() {
                return Err(io::Error::other(NO_FILE));
            }
            let file = File::open(&path)?;
            let bytes = file.metadata()?.len();
            work(file, bytes)
        });
        worked.await.map_err(|error| self.read_error(name, error))
    }
}

#[async_trait::async_trait]
impl Store for LocalStore {
    fn describe(&self) -> String {
        self.inner.root.display().to_string()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        checked(name, || self.describe())?;
        let (inner, target) = (self.inner.clone(), self.inner.root.join(name));
        let stage = CancelOnDrop(Arc::new(AtomicU8::new(WRITING)));
        let seen_stage = stage.0.clone();
        match blocking(move || inner.put(&target, &parts, mode, &seen_stage)).await {
            Ok(()) => Ok(()),
            Err(error) if mode == PutMode::Create && error.kind() == ErrorKind::AlreadyExists => {
                Err(StoreError::Exists { name: name.to_string(), store: self.describe() })
            }
            Err(error) => Err(self.write_error(name, error)),
        }
    }

    async fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        let read = |file: File, length: u64| {
            let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
            file.take(length).read_to_end(&mut bytes)?;
            Ok(Bytes::from(bytes))
        };
        self.with_file(name, read).await
    }

    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        let end = offset.saturating_add(length);
        let read = move |file: File, file_bytes: u64| {
            // Asked before the buffer is made: a damaged manifest may ask for any length.
            if end > file_bytes {
                return Ok(None);
            }
            let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            match file.read_exact_at(&mut bytes, offset) {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
                read => read.map(|()| Some(Bytes::from(bytes))),
            }
        };
        let short = || StoreError::Short { name: name.to_string(), store: self.describe(), offset, end };
        self.with_file(name, read).await?.ok_or_else(short)
    }

    async fn head(&self, name: &str) -> Result<StoredObject, StoreError> {
        let object = name.to_string();
        let look =
            move |file: File, bytes| Ok(StoredObject { name: object, bytes, modified: file.metadata()?.modified()? });
        self.with_file(name, look).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError> {
        let prefix = checked_prefix(prefix, || self.describe())?.to_string();
        let (root, start) = (self.inner.root.clone(), prefix.clone());
        let listed = blocking(move || {
            let mut objects = Vec::new();
            walk(&root, &start, &mut objects)?;
            Ok(objects)
        });
        let error = |source: io::Error| StoreError::Read {
            name: if prefix.is_empty() { "the list of objects".to_string() } else { prefix.clone() },
            store: self.describe(),
            source: source.into(),
        };
        listed.await.map_err(error)
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        checked(name, || self.describe())?;
        let path = self.inner.root.join(name);
        let inner = self.inner.clone();
        let deleted = blocking(move || match fs::remove_file(&path) {
            Ok(()) => {
                // A manifest that is gone must stay gone before its objects go: hence the flush.
                sync_folder(parent_of(&path))?;
                inner.remove_empty_folders(&path);
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
            Err(error) => Err(error),
        });
        deleted.await.map_err(|error| self.write_error(name, error))
    }

    async fn announce(&self, name: &str, text: Bytes) -> Result<Notice, StoreError> {
        let (inner, own) = (self.inner.clone(), name.to_string());
        let announced = blocking(move || {
            let folder = inner.root.join(TEMPORARY);
            inner.make_durable(&folder)?;
            notice::announce_file(&inner.root, inner.modes, folder.join(temporary_name()), &own, &text)
        });
        announced.await.map_err(|error| self.write_error(&format!("{}/{name}", notice::FOLDER), error))
    }

    async fn announced(&self, but: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        let (inner, own) = (self.inner.clone(), but.to_string());
        let found = blocking(move || notice::living_files(&inner.root, &own));
        found.await.map_err(|error| self.read_error(notice::FOLDER, error))
    }
}

/// The stages of a put: the caller may cancel it until it begins to give the file its name.
const WRITING: u8 = 0;
const NAMING: u8 = 1;
const CANCELLED: u8 = 2;

/// Tells the blocking half of a put that nobody waits for it any more.
struct CancelOnDrop(Arc<AtomicU8>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        // Where the naming has begun this changes nothing: the object will be there, whole.
        let _ = self.0.compare_exchange(WRITING, CANCELLED, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl Inner {
    fn put(&self, target: &Path, parts: &[Bytes], mode: PutMode, stage: &AtomicU8) -> io::Result<()> {
        if mode == PutMode::Create && target.try_exists()? {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let folder = parent_of(target);
        self.make_durable(&self.root.join(TEMPORARY))?;
        self.make_durable(folder)?;
        let (temporary, mut file) = TemporaryFile::create(&self.root.join(TEMPORARY), self.modes)?;
        for part in parts {
            if stage.load(Ordering::Acquire) == CANCELLED {
                return Err(ErrorKind::Interrupted.into());
            }
            file.write_all(part)?;
        }
        // Before the name: a name whose bytes a crash could still take away would be a torn object.
        file.sync_all()?;
        if stage.compare_exchange(WRITING, NAMING, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return Err(ErrorKind::Interrupted.into());
        }
        match mode {
            PutMode::Overwrite => fs::rename(&temporary.path, target)?,
            PutMode::Create => name_if_free(&temporary.path, target)?,
        }
        sync_folder(folder)
    }

    /// Makes `folder` and its parents up to the root, and flushes the entry of each in its parent. A folder that
    /// exists is flushed too the first time: another process may have made it a moment ago.
    fn make_durable(&self, folder: &Path) -> io::Result<()> {
        if folder == self.root || self.is_durable(folder) {
            return Ok(());
        }
        let parent = parent_of(folder);
        self.make_durable(parent)?;
        self.modes.make_folder(folder)?;
        sync_folder(parent)?;
        self.durable_folders.lock().expect("no code that holds the set can panic").insert(folder.to_path_buf());
        Ok(())
    }

    /// Removes the folders of a backup that the last of its objects has left. Others are kept: somebody may be about to
    /// put an object there, while into the folder of a backup that is gone nobody puts anything.
    fn remove_empty_folders(&self, deleted: &Path) {
        const KEPT_LEVELS: usize = 2;
        let below = |folder: &Path| folder.strip_prefix(&self.root).map_or(0, |path| path.components().count());
        let mut folder = parent_of(deleted);
        while below(folder) > KEPT_LEVELS && fs::remove_dir(folder).is_ok() {
            self.durable_folders.lock().expect("no code that holds the set can panic").remove(folder);
            folder = parent_of(folder);
        }
    }

    fn is_durable(&self, folder: &Path) -> bool {
        self.durable_folders.lock().expect("no code that holds the set can panic").contains(folder)
    }
}

/// A file in `tmp/` that is removed unless it got a name.
struct TemporaryFile {
    path: PathBuf,
}

impl TemporaryFile {
    fn create(folder: &Path, modes: Modes) -> io::Result<(TemporaryFile, File)> {
        let path = folder.join(temporary_name());
        let file = modes.new_file(&path)?;
        Ok((TemporaryFile { path }, file))
    }
}

/// Carries the process id for people and a random number against processes on other machines.
fn temporary_name() -> String {
    format!("{}-{:016x}", std::process::id(), rand::random::<u64>())
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; after a failure the next open tries again.
        let _ = fs::remove_file(&self.path);
    }
}

/// Gives `temporary` its name, or fails with `AlreadyExists`; of several at once one wins.
fn name_if_free(temporary: &Path, target: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, temporary, CWD, target, RenameFlags::NOREPLACE) {
        // Old kernels and some file systems (NFS) have no such rename; they have hard links.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
            fs::hard_link(temporary, target)
        }
        renamed => Ok(renamed?),
    }
}

/// Makes the repository's folder with its parents, each flushed in its own parent.
fn make_root(root: &Path) -> io::Result<()> {
    if root.as_os_str().is_empty() || root.is_dir() {
        return Ok(());
    }
    let parent = parent_of(root);
    make_root(parent)?;
    Modes::OWNER.make_folder(root)?;
    sync_folder(parent)
}

/// The folder that holds `path`; the working folder for a single relative segment.
fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes files in `tmp/` that no living put can own. Failures do not matter: the files are in nobody's way,
/// and a reader without the right to write opens the same folder.
fn remove_stale(temporary_folder: &Path, now: SystemTime) {
    let Ok(entries) = fs::read_dir(temporary_folder) else { return };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|facts| facts.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        if age.is_some_and(|age| age > TEMPORARY_FILE_AGE) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Adds the objects below the folder `name` of the repository. Symbolic links are followed: `objects` may lie
/// on another disk. One that leads nowhere is an error, since that disk may be away tonight: a backup that is not listed
/// is one whose objects go. What vanishes meanwhile is left out; files that no object can be named after are no objects.
fn walk(root: &Path, name: &str, objects: &mut Vec<StoredObject>) -> io::Result<()> {
    let entries = match fs::read_dir(root.join(name)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return check_vanished(root, name),
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let Ok(segment) = entry?.file_name().into_string() else { continue };
        if name.is_empty() && RESERVED_SEGMENTS.contains(&segment.as_str()) {
            continue;
        }
        let child = if name.is_empty() { segment } else { format!("{name}/{segment}") };
        if super::check_name(&child).is_err() {
            continue;
        }
        match fs::metadata(root.join(&child)) {
            Err(error) if error.kind() == ErrorKind::NotFound => check_vanished(root, &child)?,
            Err(error) => return Err(error),
            Ok(facts) if facts.is_dir() => walk(root, &child, objects)?,
            Ok(facts) if facts.is_file() => {
                objects.push(StoredObject { name: child, bytes: facts.len(), modified: facts.modified()? });
            }
            Ok(_) => return Err(io::Error::other(format!("{child} {NO_FILE}"))),
        }
    }
    Ok(())
}

const NO_FILE: &str = "is neither a file nor a folder";

/// Fails where `name` is not gone but leads nowhere: it, or a folder on the way to it, is a link.
fn check_vanished(root: &Path, name: &str) -> io::Result<()> {
    let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
    for part in ends.map(|end| &name[..end]) {
        let path = root.join(part);
        let is_link = fs::symlink_metadata(&path).is_ok_and(|facts| facts.is_symlink());
        if is_link && fs::metadata(&path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Err(io::Error::other(format!("{part} is a link to a place that is not there")));
        }
    }
    Ok(())
}

/// Runs file work where it holds up no task.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Exit, Explain};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    async fn open_new(folder: &tempfile::TempDir) -> Arc<LocalStore> {
        Arc::new(LocalStore::open(&folder.path().join("made/by/open"), true).await.unwrap())
    }

    fn files_in_tmp(root: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(root.join(TEMPORARY)).map(|entries| entries.flatten().collect());
        entries.unwrap_or_else(|_| Vec::new()).iter().map(|entry: &fs::DirEntry| entry.path()).collect()
    }

    /// The `tmp` folder once it is empty, or what is in it after ten seconds.
    fn settled_tmp(root: &Path) -> Vec<PathBuf> {
        let start = Instant::now();
        while !files_in_tmp(root).is_empty() && start.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
        files_in_tmp(root)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let store = open_new(&folder).await;
        super::super::conformance::check(store.clone()).await;
        assert_eq!(settled_tmp(&store.inner.root), Vec::<PathBuf>::new(), "cancelled puts remove their files");
    }

    #[tokio::test]
    async fn objects_are_plain_files_that_a_new_process_finds() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path(), false).await.unwrap();
        store.put("backups/a b/1", vec![Bytes::from_static(b"x")], PutMode::Create).await.unwrap();
        assert_eq!(fs::read(folder.path().join("backups/a b/1")).unwrap(), b"x");
        let again = LocalStore::open(folder.path(), false).await.unwrap();
        assert_eq!(&again.get("backups/a b/1").await.unwrap()[..], b"x");
        assert_eq!(again.list("").await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_leads_nowhere_or_has_no_end_is_an_error_and_not_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path(), false).await.unwrap();
        store.put("backups/a/1", vec![Bytes::from_static(b"x")], PutMode::Create).await.unwrap();
        let away = folder.path().join("not mounted");
        for link in ["backups/a/2", "backups/b", "objects"] {
            let link = folder.path().join(link);
            std::os::unix::fs::symlink(&away, &link).unwrap();
            let error = store.list("").await.unwrap_err();
            assert!(error.to_string().contains("is a link to a place that is not there"), "{error}");
            fs::remove_file(link).unwrap();
        }
        std::os::unix::fs::symlink(&away, folder.path().join("objects")).unwrap();
        assert!(store.list("objects/ab").await.is_err() && store.list("prune").await.unwrap().is_empty());
        fs::remove_file(folder.path().join("objects")).unwrap();
        let pipe = folder.path().join("backups/a/2");
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(store.list("backups").await.unwrap_err().to_string().contains(NO_FILE));
        assert!(store.get("backups/a/2").await.unwrap_err().to_string().contains(NO_FILE));
        fs::remove_file(pipe).unwrap();
        assert_eq!(store.list("backups").await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn only_create_makes_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("none");
        let error = LocalStore::open(&place, false).await.err().unwrap();
        assert_eq!(error.exit(), Exit::RepositoryMissing);
        assert!(error.to_string().contains("No such file") && error.to_string().contains("none"), "{error}");
        assert!(!place.exists());
        fs::write(&place, "a file").unwrap();
        for create in [false, true] {
            let error = LocalStore::open(&place, create).await.err().unwrap();
            assert!(matches!(error, StoreError::Open { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn a_folder_is_no_object_and_a_file_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = open_new(&folder).await;
        store.put("a/b", vec![Bytes::from_static(b"x")], PutMode::Create).await.unwrap();
        assert!(matches!(store.get("a").await, Err(StoreError::Missing { .. })));
        assert!(matches!(store.head("a").await, Err(StoreError::Missing { .. })));
        assert!(matches!(store.get("a/b/c").await, Err(StoreError::Missing { .. })));
        store.delete("a/b/c").await.unwrap();
        let error = store.put("a/b/c", vec![], PutMode::Create).await.unwrap_err();
        assert_eq!(error.exit(), Exit::RepositoryWrite);
        assert!(error.to_string().contains("a/b/c") && error.to_string().contains("directory"), "{error}");
        assert_eq!(&store.get("a/b").await.unwrap()[..], b"x");
        assert_eq!(files_in_tmp(&store.inner.root), Vec::<PathBuf>::new());
    }

    #[tokio::test]
    async fn the_systems_words_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = open_new(&folder).await;
        let full = store.write_error("objects/x", rustix::io::Errno::NOSPC.into());
        assert!(full.to_string().contains("No space left on device") && full.to_string().contains("objects/x"));
        assert!(full.hint().unwrap().contains("free space"));
        let denied = store.write_error("objects/x", rustix::io::Errno::ACCESS.into());
        assert!(denied.to_string().contains("Permission denied"));
    }

    #[test]
    fn hard_links_serve_where_the_rename_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (temporary, target) = (folder.path().join("t"), folder.path().join("x"));
        fs::write(&temporary, "new").unwrap();
        fs::hard_link(&temporary, &target).unwrap();
        // The link's error for a taken name is the one that `put` takes for "exists".
        assert_eq!(fs::hard_link(&temporary, &target).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(name_if_free(&temporary, &target).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }

    const CHILD_FOLDER: &str = "MYRIAD_TEST_STORE_TO_BE_KILLED";

    /// Not a test of its own: the process that `kill_in_the_middle_of_a_put` starts and kills.
    #[tokio::test]
    #[ignore = "run by kill_in_the_middle_of_a_put in a process of its own"]
    async fn child_that_puts_until_it_is_killed() {
        let store = LocalStore::open(Path::new(&std::env::var_os(CHILD_FOLDER).unwrap()), true).await.unwrap();
        let part = Bytes::from(vec![7; 16 << 20]);
        store.put("backups/shop/1", vec![part; 64], PutMode::Create).await.unwrap();
    }

    #[tokio::test]
    async fn kill_in_the_middle_of_a_put_leaves_a_temporary_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::local::tests::child_that_puts_until_it_is_killed", "--ignored"])
            .env(CHILD_FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let is_written = || files_in_tmp(folder.path()).iter().any(|f| fs::metadata(f).is_ok_and(|f| f.len() > 0));
        while !is_written() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "the child ended by the signal, in the middle of its put");

        let left = files_in_tmp(folder.path());
        assert_eq!(left.len(), 1);
        let store = LocalStore::open(folder.path(), false).await.unwrap();
        assert!(matches!(store.get("backups/shop/1").await, Err(StoreError::Missing { .. })));
        assert_eq!(store.list("").await.unwrap(), vec![]);
        assert!(left[0].exists(), "a young file may belong to a put of another process");
        store.put("backups/shop/1", vec![Bytes::from_static(b"x")], PutMode::Create).await.unwrap();

        let two_days_ago = SystemTime::now() - Duration::from_secs(2 * 86_400);
        File::options().write(true).open(&left[0]).unwrap().set_modified(two_days_ago).unwrap();
        let store = LocalStore::open(folder.path(), false).await.unwrap();
        assert!(!left[0].exists(), "an old file is removed at open");
        assert_eq!(&store.get("backups/shop/1").await.unwrap()[..], b"x");
    }
}
