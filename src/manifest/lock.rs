//! Runs that write in a repository are polite to each other: two backups or two archives of one source, and a prune and a
//! backup, exclude each other. Readers take no lock. Nothing that must not be lost hangs on it (docs/format.md section 9).

use super::error::ManifestError;
use super::repository::Repository;
use crate::limits::{REPOSITORY_LOCK_PAUSE, REPOSITORY_LOCK_WAIT};
use crate::store::Notice;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What a run is about to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "snake_case")]
pub enum Work {
    /// A backup of the source of this name.
    Backup {
        /// Source name.
        name: String,
    },
    /// Removing backups and objects.
    Prune,
    /// Keeping the binary logs of the source of this name.
    Archive {
        /// Source name.
        name: String,
    },
}

impl Work {
    /// True where the two cannot go on side by side. Backups of different sources can: they share objects, but each
    /// puts the same bytes under the same name, and none deletes.
    fn excludes(&self, other: &Work) -> bool {
        match (self, other) {
            (Work::Backup { name }, Work::Backup { name: other }) => name == other,
            (Work::Archive { name }, Work::Archive { name: other }) => name == other,
            // An archive runs day and night, and adds where the others neither write nor delete.
            (Work::Archive { .. }, _) | (_, Work::Archive { .. }) => false,
            _ => true,
        }
    }
}

/// The text of a notice.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Holder {
    #[serde(flatten)]
    work: Work,
    host: String,
    pid: u32,
    since: Timestamp,
}

impl Holder {
    fn text(&self) -> String {
        let work = match &self.work {
            Work::Backup { name } => format!("backup of {name}"),
            Work::Prune => "prune".to_owned(),
            Work::Archive { name } => format!("archive of {name}"),
        };
        let text = format!("{work} by {}, process {}, since {:.0}", self.host, self.pid, self.since);
        // Somebody else wrote it.
        text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
    }
}

/// The right to work in a repository.
pub struct Lock(Notice);

impl Lock {
    /// Announces `work`, or says who is in the way.
    ///
    /// Every run announces itself first and looks then, so of two at least one sees the other. Of two that began at the
    /// same moment the later steps back, and the earlier waits for that.
    pub async fn take(repository: &Repository, work: Work) -> Result<Lock, ManifestError> {
        let store = &repository.store;
        let (host, pid, since) =
            (rustix::system::uname().nodename().to_string_lossy().into_owned(), std::process::id(), Timestamp::now());
        let own = format!("{}-{}", since.strftime("%Y%m%dT%H%M%S%.6fZ"), hex::encode(rand::random::<[u8; 4]>()));
        let text = serde_json::to_vec(&Holder { work: work.clone(), host, pid, since }).expect("records serialise");
        let notice = store.announce(&own, text.into()).await?;
        let begun = Instant::now();
        let mut looks = 0;
        let in_the_way = loop {
            looks += 1;
            let others = match store.announced(&own).await {
                Ok(others) => others,
                Err(error) => {
                    notice.end().await;
                    return Err(error.into());
                }
            };
            let holders: Vec<(String, Option<Holder>)> =
                others.into_iter().map(|(name, text)| (name, serde_json::from_slice(&text).ok())).collect();
            let excluded = |holder: &Option<Holder>| holder.as_ref().is_none_or(|holder| work.excludes(&holder.work));
            let first = holders.into_iter().filter(|(_, holder)| excluded(holder)).min_by(|a, b| a.0.cmp(&b.0));
            let Some((name, holder)) = first else { return Ok(Lock(notice)) };
            let waits = if name < own { looks < 2 } else { begun.elapsed() < REPOSITORY_LOCK_WAIT };
            if !waits {
                break holder;
            }
            tokio::time::sleep(REPOSITORY_LOCK_PAUSE).await;
        };
        notice.end().await;
        let holder = in_the_way.map_or_else(|| "a run of another version of myriad".to_owned(), |holder| holder.text());
        Err(ManifestError::Busy { holder, place: repository.place() })
    }

    /// Gives it back. A lock that is dropped, or whose process dies, is given back too; in an object store others see
    /// that a few seconds later.
    pub async fn release(self) {
        self.0.end().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{LocalStore, MemoryStore, Store};
    use std::sync::Arc;

    fn backup(name: &str) -> Work {
        Work::Backup { name: name.into() }
    }

    async fn exclusion(store: Arc<dyn Store>) {
        let repository = Repository::open_or_create(store).await.unwrap();
        let shop = Lock::take(&repository, backup("shop")).await.unwrap();
        let other = Lock::take(&repository, backup("crm")).await.unwrap();
        for work in [backup("shop"), Work::Prune] {
            let refused = Lock::take(&repository, work).await.err().unwrap().to_string();
            assert!(refused.contains("backup of shop by ") && refused.contains("process "), "{refused}");
        }
        shop.release().await;
        drop(other);
        let prune = Lock::take(&repository, Work::Prune).await.unwrap();
        for work in [backup("shop"), Work::Prune] {
            let refused = Lock::take(&repository, work).await.err().unwrap().to_string();
            assert!(refused.contains(": prune by "), "{refused}");
        }
        prune.release().await;
        let archive = |name: &str| Lock::take(&repository, Work::Archive { name: name.into() });
        let held = archive("shop").await.unwrap();
        let refused = archive("shop").await.err().unwrap().to_string();
        assert!(refused.contains(": archive of shop by "), "{refused}");
        for work in [backup("shop"), Work::Prune, Work::Archive { name: "crm".into() }] {
            Lock::take(&repository, work).await.unwrap().release().await;
        }
        held.release().await;
        // Of two that begin at once exactly one goes on.
        let (one, two) = tokio::join!(Lock::take(&repository, Work::Prune), Lock::take(&repository, Work::Prune));
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    }

    #[tokio::test]
    async fn runs_exclude_each_other() {
        exclusion(Arc::new(MemoryStore::new())).await;
        let folder = tempfile::tempdir().unwrap();
        exclusion(Arc::new(LocalStore::open(folder.path(), true).await.unwrap())).await;
        let left = std::fs::read_dir(folder.path().join("locks")).unwrap().count();
        assert_eq!(left, 0, "a lock that was given back leaves nothing");
    }

    #[tokio::test]
    async fn what_a_dead_process_has_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let repository =
            Repository::open_or_create(Arc::new(LocalStore::open(folder.path(), true).await.unwrap())).await.unwrap();
        std::fs::create_dir_all(folder.path().join("locks")).unwrap();
        let left = folder.path().join("locks/20200101T000000.000000Z-00000000");
        std::fs::write(&left, r#"{"work":"prune","host":"h","pid":1,"since":"2020-01-01T00:00:00Z"}"#).unwrap();
        Lock::take(&repository, backup("shop")).await.unwrap().release().await;
        assert!(!left.exists());
    }
}
