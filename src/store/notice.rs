//! Notices: a process says in the repository that it is at work there, and others see it for as long as it lives.
//! They make runs polite to each other; nothing that must not be lost may hang on them. In a folder a notice is a file
//! that its process holds locked, so it ends with the process, however that ends. In an object store it is an object
//! that is written anew every few seconds; one that stands still belongs to nobody any more.

use super::modes::Modes;
use crate::limits::{NOTICE_BEAT, NOTICE_LOOK, NOTICE_SILENCE};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutPayload};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;

/// Where notices are kept: a folder of a repository, beside its objects and never among them.
pub(super) const FOLDER: &str = "locks";

/// The most bytes of a notice that are read: they come from elsewhere.
const TEXT_BYTES_MAX: u64 = 4096;

/// A notice that stands until it is taken back, dropped, or its process has died.
pub struct Notice(Option<Kept>);

enum Kept {
    File(LockedFile),
    Object(BeatingObject),
    Entry(Box<dyn FnOnce() + Send>),
}

impl Notice {
    /// A notice that nobody can see, where a store has no means for one.
    pub fn none() -> Notice {
        Notice(None)
    }

    /// A notice that `end` takes back.
    pub(super) fn entry(end: impl FnOnce() + Send + 'static) -> Notice {
        Notice(Some(Kept::Entry(Box::new(end))))
    }

    /// Takes the notice back. After a mere drop the one in an object store goes on to be seen for a few seconds.
    pub async fn end(mut self) {
        match self.0.take() {
            Some(Kept::Object(object)) => object.end().await,
            // Dropping is all that the others need.
            other => drop(Notice(other)),
        }
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        match self.0.take() {
            Some(Kept::Entry(end)) => end(),
            Some(Kept::File(file)) => drop(file),
            Some(Kept::Object(object)) => drop(object),
            None => {}
        }
    }
}

/// The file of a notice: removed with the value, unlocked by the system at the latest when the process dies.
struct LockedFile {
    path: PathBuf,
    _file: File,
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // What cannot be removed is unlocked all the same, and removed by the next who looks.
        let _ = fs::remove_file(&self.path);
    }
}

/// Writes a notice below `root` and locks it before it has its name. Where the file system knows no locks the notice is
/// one that nobody sees.
pub(super) fn announce_file(
    root: &std::path::Path,
    modes: Modes,
    temporary: PathBuf,
    name: &str,
    text: &[u8],
) -> io::Result<Notice> {
    let folder = root.join(FOLDER);
    modes.make_folder(&folder)?;
    let mut file = modes.new_file(&temporary)?;
    let locked = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    let path = folder.join(name);
    let named = match locked {
        Ok(()) => file.write_all(text).and_then(|()| fs::rename(&temporary, &path)),
        Err(why) => {
            tracing::warn!("no lock in {}: {why}", folder.display());
            return fs::remove_file(&temporary).map(|()| Notice::none());
        }
    };
    if named.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    named.map(|()| Notice(Some(Kept::File(LockedFile { path, _file: file }))))
}

/// The notices below `root` whose processes live, but for one; those of dead processes are removed.
pub(super) fn living_files(root: &std::path::Path, but: &str) -> io::Result<Vec<(String, Bytes)>> {
    let entries = match fs::read_dir(root.join(FOLDER)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut living = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name == but {
            continue;
        }
        let file = match File::open(entry.path()) {
            Ok(file) => file,
            Err(why) => {
                if why.kind() != ErrorKind::NotFound {
                    tracing::warn!("cannot read {}: {why}", entry.path().display());
                }
                continue;
            }
        };
        // Shared, so that two who look at once do not take each other for the one they look for.
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockShared) {
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = Vec::new();
                file.take(TEXT_BYTES_MAX).read_to_end(&mut text)?;
                living.push((name, text.into()));
            }
            Ok(()) => drop(fs::remove_file(entry.path())),
            Err(why) => tracing::warn!("no lock on {}: {why}", entry.path().display()),
        }
    }
    Ok(living)
}

/// An object that a task writes anew with every beat.
struct BeatingObject {
    inner: Arc<dyn ObjectStore>,
    key: Path,
    stop: watch::Sender<bool>,
    beating: tokio::task::JoinHandle<()>,
}

impl BeatingObject {
    async fn end(mut self) {
        let _ = self.stop.send(true);
        // A beat that is on its way would bring the object back after it was deleted.
        let _ = tokio::time::timeout(NOTICE_BEAT, &mut self.beating).await;
        if let Err(error) = self.inner.delete(&self.key).await {
            tracing::warn!("the notice {} could not be taken back: {error}", self.key);
        }
    }
}

impl Drop for BeatingObject {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

/// Puts a notice and keeps it beating.
pub(super) async fn announce_object(inner: Arc<dyn ObjectStore>, key: Path, text: Bytes) -> Result<Notice, Error> {
    let beat = move |number: u64| PutPayload::from_iter([text.clone(), Bytes::from(format!("\n{number}\n"))]);
    inner.put(&key, beat(0)).await?;
    let (stop, mut stopped) = watch::channel(false);
    let (store, own_key) = (inner.clone(), key.clone());
    let beating = tokio::spawn(async move {
        for number in 1u64.. {
            tokio::select! {
                _ = stopped.changed() => return,
                () = tokio::time::sleep(NOTICE_BEAT) => {}
            }
            // One that is missed harms nobody: others may then take the place that politeness kept for this run.
            let _ = tokio::time::timeout(NOTICE_SILENCE, store.put(&own_key, beat(number))).await;
        }
    });
    Ok(Notice(Some(Kept::Object(BeatingObject { inner, key, stop, beating }))))
}

/// The notices below `folder` that beat, but for one; those that stand still for some seconds are removed.
pub(super) async fn beating_objects(
    inner: &dyn ObjectStore,
    folder: &Path,
    but: &str,
) -> Result<Vec<(String, Bytes)>, Error> {
    let listed: Vec<_> = inner.list(Some(folder)).try_collect().await?;
    let mut seen = BTreeMap::new();
    for facts in listed.into_iter().filter(|facts| facts.size <= TEXT_BYTES_MAX) {
        if facts.location.filename() != Some(but) {
            if let Some(bytes) = read(inner, &facts.location).await? {
                seen.insert(facts.location, bytes);
            }
        }
    }
    let begun = Instant::now();
    let mut living = Vec::new();
    while !seen.is_empty() && begun.elapsed() < NOTICE_SILENCE {
        tokio::time::sleep(NOTICE_LOOK).await;
        for (key, before) in std::mem::take(&mut seen) {
            match read(inner, &key).await? {
                None => {}
                Some(now) if now == before => drop(seen.insert(key, before)),
                Some(now) => {
                    let line_end = memchr::memchr(b'\n', &now).unwrap_or(now.len());
                    living.push((key.filename().unwrap_or_default().to_owned(), now.slice(..line_end)));
                }
            }
        }
    }
    for silent in seen.keys() {
        inner.delete(silent).await?;
    }
    Ok(living)
}

async fn read(inner: &dyn ObjectStore, key: &Path) -> Result<Option<Bytes>, Error> {
    match async { inner.get(key).await?.bytes().await }.await {
        Err(Error::NotFound { .. }) => Ok(None),
        read => read.map(Some),
    }
}
