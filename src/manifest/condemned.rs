//! Records of prunes (docs/format.md section 9): which objects no backup named, by the store's own time. A backup
//! reads them to keep off those objects, a later prune to delete them. Nothing is deleted here but records and probes.

use super::document;
use super::error::ManifestError;
use super::repository::Repository;
use crate::codec::frame::ObjectId;
use crate::limits::{self, CONDEMNED_AT_ONCE};
use crate::store::{PutMode, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::SystemTime;

/// Objects that are condemned.
pub type Names = HashSet<ObjectId>;

const FOLDER: &str = "prune";
/// An object that is put to learn the store's time begins its name so.
const PROBE: &str = "prune/clock-";

/// A record as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    /// What wrote it.
    program: String,
    /// What is condemned.
    objects: Vec<ObjectId>,
}

/// A record as it was found.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its object name.
    pub name: String,
    /// When it was written, by the store's clock.
    pub at: SystemTime,
    /// What it condemns.
    pub objects: Vec<ObjectId>,
}

/// All that stands below `prune/`.
#[derive(Clone, Debug, Default)]
pub struct Condemned {
    /// The records.
    pub records: Vec<Record>,
    /// Objects there that condemn nothing: records that are damaged, probes that a killed prune has left.
    pub void: Vec<String>,
}

impl Condemned {
    /// Reads all records. One that is damaged condemns nothing, since no prune can delete by it.
    pub async fn read(repository: &Repository) -> Result<Condemned, ManifestError> {
        let mut condemned = Condemned::default();
        for object in repository.store.list(FOLDER).await? {
            if object.name.starts_with(PROBE) {
                condemned.void.push(object.name);
                continue;
            }
            let bytes = match repository.store.get_bounded(&object.name, limits::MANIFEST_BYTES_MAX).await {
                // A prune has just removed it.
                Err(StoreError::Missing { .. }) => continue,
                bytes => bytes?,
            };
            match document::open(&bytes).and_then(|(value, _)| document::decode::<Document>(value)) {
                Ok(document) => {
                    let (name, at, objects) = (object.name, object.modified, document.objects);
                    condemned.records.push(Record { name, at, objects });
                }
                Err(why) => {
                    tracing::warn!("{} in {} is damaged and condemns nothing: {why}", object.name, repository.place());
                    condemned.void.push(object.name);
                }
            }
        }
        Ok(condemned)
    }

    /// Every object that is condemned.
    pub fn names(&self) -> Names {
        self.records.iter().flat_map(|record| record.objects.iter().copied()).collect()
    }
}

/// Condemns objects from now on.
pub async fn condemn(repository: &Repository, objects: &[ObjectId]) -> Result<(), ManifestError> {
    for some in objects.chunks(CONDEMNED_AT_ONCE) {
        let program = format!("myriad {}", env!("CARGO_PKG_VERSION"));
        let (bytes, _) = document::seal(&Document { program, objects: some.to_vec() });
        repository.store.put(&fresh_name("prune/"), vec![bytes.into()], PutMode::Create).await?;
    }
    Ok(())
}

/// The store's time: that of an object put just now.
pub async fn store_time(repository: &Repository) -> Result<SystemTime, ManifestError> {
    let probe = fresh_name(PROBE);
    repository.store.put(&probe, vec!["the time\n".into()], PutMode::Create).await?;
    let time = repository.store.head(&probe).await?.modified;
    repository.store.delete(&probe).await?;
    Ok(time)
}

/// The moment in the name is for people, by this machine's clock.
fn fresh_name(prefix: &str) -> String {
    let moment = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    format!("{prefix}{moment}-{}", hex::encode(rand::random::<[u8; 4]>()))
}
