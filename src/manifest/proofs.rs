//! What was found true of a backup after it was made: small documents beside its manifest, which never changes. Written
//! by `verify` and `restore`, read by `list`, `show` and `prune`.

use super::document;
use super::error::ManifestError;
use super::model;
use super::repository::{Found, Repository};
use crate::limits;
use crate::store::PutMode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a backup was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// Every object that it names was read and every checksum in it was right.
    Verified,
    /// All of it was restored to a server, and every range read back from there had the digest of the backup.
    Proved,
}

impl ProofKind {
    const ALL: [ProofKind; 2] = [ProofKind::Verified, ProofKind::Proved];

    fn word(self) -> &'static str {
        match self {
            ProofKind::Verified => "verified",
            ProofKind::Proved => "proved",
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    kind: ProofKind,
    /// When it ended, by the clock of the machine that did it.
    at: Timestamp,
    /// SHA-256 of the manifest that it speaks of.
    manifest: String,
    program: String,
}

/// When a backup was last verified and last proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LastProofs {
    /// By a `verify` of the repository.
    pub verified: Option<Timestamp>,
    /// By a restore of all of it with full proof.
    pub proved: Option<Timestamp>,
    /// Names of documents that newer ones have replaced, or that say nothing.
    #[serde(skip)]
    pub superseded: Vec<String>,
}

/// Names of all proofs, by source name and backup id.
pub type ProofNames = BTreeMap<(String, String), Vec<String>>;

/// Records that a backup was verified or proved just now.
pub async fn record(repository: &Repository, found: &Found, kind: ProofKind) -> Result<(), ManifestError> {
    let at = Timestamp::now();
    let program = format!("myriad {}", env!("CARGO_PKG_VERSION"));
    let (bytes, _) = document::seal(&Document { kind, at, manifest: found.hash.clone(), program });
    let manifest = model::manifest_name(&found.manifest.name, &found.manifest.id);
    let folder = manifest.strip_suffix("/manifest.json").expect("a manifest is named so");
    let moment = at.strftime("%Y%m%dT%H%M%SZ");
    let name = format!("{folder}/proofs/{moment}-{}-{}.json", kind.word(), hex::encode(rand::random::<[u8; 3]>()));
    Ok(repository.store.put(&name, vec![bytes.into()], PutMode::Create).await?)
}

/// Finds the proofs of all backups by one listing; reads none.
pub async fn names(repository: &Repository) -> Result<ProofNames, ManifestError> {
    let mut names = ProofNames::new();
    for object in repository.store.list("backups").await? {
        let segments: Vec<&str> = object.name.split('/').collect();
        if let ["backups", name, id, "proofs", _] = segments[..] {
            names.entry((name.to_owned(), id.to_owned())).or_default().push(object.name.clone());
        }
    }
    names.values_mut().for_each(|of_backup| of_backup.sort());
    Ok(names)
}

/// The newest proof of each kind that speaks of this manifest. What is damaged or speaks of another is passed over.
pub async fn last(repository: &Repository, names: &ProofNames, found: &Found) -> Result<LastProofs, ManifestError> {
    let key = (found.manifest.name.clone(), found.manifest.id.clone());
    let mut last = LastProofs::default();
    for kind in ProofKind::ALL {
        let word = format!("-{}-", kind.word());
        let of_kind = names.get(&key).into_iter().flatten().filter(|name| name.contains(&word));
        let mut newest = None;
        // Names begin with the time.
        for name in of_kind.rev() {
            match newest {
                None => newest = read(repository, name, kind, &found.hash).await?,
                Some(_) => last.superseded.push(name.clone()),
            }
        }
        match kind {
            ProofKind::Verified => last.verified = newest,
            ProofKind::Proved => last.proved = newest,
        }
    }
    Ok(last)
}

async fn read(
    repository: &Repository,
    name: &str,
    kind: ProofKind,
    hash: &str,
) -> Result<Option<Timestamp>, ManifestError> {
    let bytes = match repository.store.get_bounded(name, limits::MARKER_BYTES_MAX).await {
        Err(crate::store::StoreError::Missing { .. }) => return Ok(None),
        bytes => bytes?,
    };
    let opened = document::open(&bytes).and_then(|(value, _)| document::decode::<Document>(value));
    Ok(opened.ok().filter(|document| document.kind == kind && document.manifest == hash).map(|document| document.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_their_names() {
        assert!(
            ProofKind::ALL.iter().all(|kind| serde_json::to_string(kind).unwrap() == format!("\"{}\"", kind.word()))
        );
    }
}
