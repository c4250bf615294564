//! An opened repository: its marker checked, its backups found and read.

use super::document;
use super::error::ManifestError;
use super::model::{self, FORMAT, Manifest, Marker, PARTS_VERSION, TYPED_LIST_FEATURE};
use crate::codec::{ROW_DIGEST_VERSION, ROW_TEXT_VERSION};
use crate::limits;
use crate::store::{PutMode, Store, StoreError};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

const MARKER: &str = "myriad.json";

/// Features of a manifest's `requires` that this program knows.
const KNOWN_FEATURES: [&str; 1] = [TYPED_LIST_FEATURE];

/// A repository whose marker was checked.
#[derive(Clone)]
pub struct Repository {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its marker.
    pub marker: Marker,
}

/// A backup's root and where it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of the manifest, hex: the name of all that the backup says.
    pub hash: String,
    /// Bytes of the manifest object.
    pub bytes: u64,
}

/// The fields of a manifest that say whether it can be read at all.
#[derive(Deserialize)]
struct Head {
    format: Option<u64>,
    kind: Option<String>,
    versions: Option<HeadVersions>,
    #[serde(default)]
    requires: Vec<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct HeadVersions {
    row_text: Option<u64>,
    row_digest: Option<u64>,
    parts: Option<u64>,
}

/// No part may be named twice, since a small one could be read for ever; and all of them must have room in memory.
fn check_parts(manifest: &Manifest) -> Result<(), String> {
    let mut seen = HashSet::new();
    let mut bytes = 0_u64;
    for part in manifest.schemas.iter().chain(&manifest.lists).chain(&manifest.accounts) {
        part.check()?;
        if !seen.insert((part.place.object, part.place.offset)) {
            return Err(format!("it names the part at {} of {} twice", part.place.offset, part.place.object));
        }
        bytes = bytes.saturating_add(part.bytes);
    }
    match bytes > limits::PARTS_BYTES_MAX {
        true => Err(format!("its parts have {bytes} bytes, and a backup has {} at most", limits::PARTS_BYTES_MAX)),
        false => Ok(()),
    }
}

/// What goes into statements as it stands.
fn check_texts(manifest: &Manifest) -> Result<(), String> {
    let own = |byte: u8| byte.is_ascii_alphanumeric() || b"_:,-\n ".contains(&byte);
    if !manifest.position.gtid_executed.bytes().all(own) {
        return Err("its GTID set is none".into());
    }
    Ok(())
}

impl Repository {
    /// Opens the repository in `store`.
    pub async fn open(store: Arc<dyn Store>) -> Result<Repository, ManifestError> {
        let place = store.describe();
        let bytes = match store.get_bounded(MARKER, limits::MARKER_BYTES_MAX).await {
            Ok(bytes) => bytes,
            Err(StoreError::Missing { .. }) => return Err(ManifestError::NoRepository { place }),
            Err(e) => return Err(e.into()),
        };
        let damaged = |why| ManifestError::Damaged { name: MARKER.into(), place: place.clone(), why };
        let (value, _) = document::open(&bytes).map_err(damaged)?;
        let foreign = |why| ManifestError::Foreign { name: MARKER.into(), place: place.clone(), why };
        match value.get("myriad").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(FORMAT) => {}
            Some(version) => {
                return Err(foreign(format!("it has format {version}, and this program knows format {FORMAT}")));
            }
            None => return Err(foreign("it is not a marker of a repository".into())),
        }
        let marker: Marker = document::decode(value).map_err(damaged)?;
        if marker.compression != "zstd" || marker.encryption != "none" {
            return Err(foreign(format!("compression {}, encryption {}", marker.compression, marker.encryption)));
        }
        Ok(Repository { store, marker })
    }

    /// Opens the repository in `store`, or makes one where the store is empty.
    pub async fn open_or_create(store: Arc<dyn Store>) -> Result<Repository, ManifestError> {
        match Self::open(store.clone()).await {
            Err(ManifestError::NoRepository { place }) => {
                if !store.list("").await?.is_empty() {
                    return Err(ManifestError::NotEmpty { place });
                }
            }
            other => return other,
        }
        let marker = Marker {
            myriad: FORMAT,
            id: hex::encode(rand::random::<[u8; 16]>()),
            created: Timestamp::now(),
            compression: "zstd".into(),
            encryption: "none".into(),
        };
        let (bytes, _) = document::seal(&marker);
        match store.put(MARKER, vec![bytes.into()], PutMode::Create).await {
            // Another run was first: its repository is the repository.
            Ok(()) | Err(StoreError::Exists { .. }) => Self::open(store).await,
            Err(e) => Err(e.into()),
        }
    }

    /// The place, for people.
    pub fn place(&self) -> String {
        self.store.describe()
    }

    /// Ids of all backups by source name, oldest first by name of the id. Reads no manifest.
    pub async fn backup_ids(&self) -> Result<BTreeMap<String, Vec<String>>, ManifestError> {
        let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for object in self.store.list("backups").await? {
            let segments: Vec<&str> = object.name.split('/').collect();
            if let ["backups", name, id, "manifest.json"] = segments[..] {
                ids.entry(name.to_owned()).or_default().push(id.to_owned());
            }
        }
        ids.values_mut().for_each(|of_name| of_name.sort());
        Ok(ids)
    }

    /// Reads one backup's manifest, checked.
    pub async fn manifest(&self, name: &str, id: &str) -> Result<Found, ManifestError> {
        let object = model::manifest_name(name, id);
        let bytes = match self.store.get_bounded(&object, limits::MANIFEST_BYTES_MAX).await {
            Err(StoreError::Missing { .. }) => {
                let hint = "`myriad list --repo …` shows what there is".to_owned();
                return Err(ManifestError::NoBackup { wanted: id.to_owned(), place: self.place(), hint });
            }
            other => other?,
        };
        let damaged = |why| ManifestError::Damaged { name: object.clone(), place: self.place(), why };
        let (line, hash) = document::checked_line(&bytes).map_err(damaged)?;
        self.refuse_unknown(&object, &document::parse(line).map_err(damaged)?)?;
        let manifest: Manifest = document::parse(line).map_err(damaged)?;
        if manifest.id != id || manifest.name != name {
            return Err(damaged(format!("it is the manifest of {}/{}", manifest.name, manifest.id)));
        }
        if manifest.repository != self.marker.id {
            return Err(damaged(format!("it belongs to another repository ({})", manifest.repository)));
        }
        check_parts(&manifest).and_then(|()| check_texts(&manifest)).map_err(damaged)?;
        Ok(Found { manifest, hash, bytes: bytes.len() as u64 })
    }

    /// What a reader must not misread is refused before the other fields are looked at.
    fn refuse_unknown(&self, object: &str, head: &Head) -> Result<(), ManifestError> {
        let foreign = |why| Err(ManifestError::Foreign { name: object.to_owned(), place: self.place(), why });
        let versions = head.versions.unwrap_or_default();
        let known = [
            ("format", head.format, FORMAT),
            ("versions/row_text", versions.row_text, ROW_TEXT_VERSION),
            ("versions/row_digest", versions.row_digest, ROW_DIGEST_VERSION),
            ("versions/parts", versions.parts, PARTS_VERSION),
        ];
        for (field, version, newest) in known {
            if version.is_none_or(|version| version > u64::from(newest)) {
                return foreign(format!("{field} is newer than {newest}"));
            }
        }
        let kind = head.kind.as_deref().unwrap_or_default();
        if kind != "logical" {
            return foreign(format!("its kind is {kind:?}"));
        }
        match head.requires.iter().find(|feature| !KNOWN_FEATURES.contains(&feature.as_str())) {
            Some(feature) => foreign(format!("it requires {feature:?}")),
            None => Ok(()),
        }
    }

    /// The manifests of one source name, newest snapshot first.
    pub async fn newest_first(&self, name: &str) -> Result<Vec<Found>, ManifestError> {
        match self.readable_newest_first(name).await? {
            (found, damaged) if damaged.is_empty() => Ok(found),
            (_, mut damaged) => Err(damaged.swap_remove(0)),
        }
    }

    /// The same as far as they can be read, and the damage of the others: a backup can be taken all the same.
    pub async fn readable_newest_first(&self, name: &str) -> Result<(Vec<Found>, Vec<ManifestError>), ManifestError> {
        let (mut found, mut damaged) = (Vec::new(), Vec::new());
        for id in self.backup_ids().await?.remove(name).unwrap_or_default() {
            match self.manifest(name, &id).await {
                Err(error @ ManifestError::Damaged { .. }) => damaged.push(error),
                other => found.push(other?),
            }
        }
        found.sort_by_key(|backup| std::cmp::Reverse(backup.manifest.snapshot));
        Ok((found, damaged))
    }

    /// The backup that `id` names, or the newest one of `name`, or of the only name there is.
    pub async fn choose(&self, name: Option<&str>, id: Option<&str>) -> Result<Found, ManifestError> {
        let ids = self.backup_ids().await?;
        let none = |wanted: &str, hint: String| ManifestError::NoBackup {
            wanted: wanted.to_owned(),
            place: self.place(),
            hint,
        };
        if let Some(id) = id {
            let names: Vec<_> =
                ids.iter().filter(|(of, has)| name.is_none_or(|n| n == *of) && has.iter().any(|i| i == id)).collect();
            return match names[..] {
                [(of, _)] => self.manifest(of, id).await,
                [] => Err(none(id, "`myriad list --repo …` shows what there is".into())),
                _ => Err(none(id, "several sources have a backup of this id: choose one with --name".into())),
            };
        }
        let name = match (name, ids.len()) {
            (Some(name), _) => name.to_owned(),
            (None, 1) => ids.keys().next().cloned().unwrap_or_default(),
            (None, 0) => return Err(none("latest", "the repository holds no backup yet".into())),
            (None, _) => {
                let names: Vec<_> = ids.keys().cloned().collect();
                return Err(none("latest", format!("choose a source with --name: {}", names.join(", "))));
            }
        };
        match self.newest_first(&name).await?.into_iter().next() {
            Some(found) => Ok(found),
            None => Err(none(
                "latest",
                format!("there is no backup of {name:?}; `myriad list --repo …` shows what there is"),
            )),
        }
    }
}

/// Refuses a source name that cannot stand in an object's name.
pub fn check_name(name: &str) -> Result<(), ManifestError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(legal) {
        return Err(ManifestError::BadName { name: name.to_owned() });
    }
    Ok(())
}
