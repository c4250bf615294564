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
    /// Of a restore that was begun and ended by one run, what it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rates: Option<Rates>,
}

/// What a restore took, for the prediction of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Sessions that loaded and proved at once.
    pub threads: u64,
    /// Bytes of row text that were loaded, and proved.
    pub bytes: u64,
    /// Seconds until all rows were in and all indexes built.
    pub load_seconds: f64,
    /// Seconds that the proof took.
    pub proof_seconds: f64,
}

impl Rates {
    /// Bytes that one session loads and indexes in a second, and that one proves.
    pub fn per_thread(&self) -> (f64, f64) {
        let bytes = self.bytes as f64 / self.threads as f64;
        (bytes / self.load_seconds, bytes / self.proof_seconds)
    }

    /// False for numbers that no clock has given.
    fn sound(&self) -> bool {
        let (load, proof) = self.per_thread();
        [load, proof].iter().all(|rate| rate.is_finite() && *rate >= 1.0)
    }
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

/// Records that a backup was verified or proved just now, and what that took where it is known.
pub async fn record(
    repository: &Repository,
    found: &Found,
    kind: ProofKind,
    rates: Option<Rates>,
) -> Result<(), ManifestError> {
    let at = Timestamp::now();
    let program = format!("myriad {}", env!("CARGO_PKG_VERSION"));
    let (bytes, _) = document::seal(&Document { kind, at, manifest: found.hash.clone(), program, rates });
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

/// What the last restore of any backup of this source took, and when it ended; none where none is recorded.
pub async fn last_rates(repository: &Repository, source: &str) -> Result<Option<(Timestamp, Rates)>, ManifestError> {
    let word = format!("-{}-", ProofKind::Proved.word());
    let names = names(repository).await?;
    let of_source = names.iter().filter(|((name, _), _)| name == source).flat_map(|(_, of_backup)| of_backup);
    let mut proofs: Vec<&String> = of_source.filter(|name| name.contains(&word)).collect();
    // Each ends with the time that its name begins with.
    proofs.sort_by_key(|name| std::cmp::Reverse(name.rsplit('/').next()));
    for name in proofs.into_iter().take(PROOFS_LOOKED_AT) {
        let document = document(repository, name).await?;
        if let Some((at, rates)) = document.and_then(|document| Some((document.at, document.rates?))) {
            if rates.sound() {
                return Ok(Some((at, rates)));
            }
        }
    }
    Ok(None)
}

/// Proofs that are read in search of rates: those of restores that were gone on with have none.
const PROOFS_LOOKED_AT: usize = 10;

async fn read(
    repository: &Repository,
    name: &str,
    kind: ProofKind,
    hash: &str,
) -> Result<Option<Timestamp>, ManifestError> {
    let opened = document(repository, name).await?;
    Ok(opened.filter(|document| document.kind == kind && document.manifest == hash).map(|document| document.at))
}

/// A proof; none where it is gone by now, or damaged.
async fn document(repository: &Repository, name: &str) -> Result<Option<Document>, ManifestError> {
    let bytes = match repository.store.get_bounded(name, limits::MARKER_BYTES_MAX).await {
        Err(crate::store::StoreError::Missing { .. }) => return Ok(None),
        bytes => bytes?,
    };
    Ok(document::open(&bytes).and_then(|(value, _)| document::decode::<Document>(value)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_that_no_clock_has_given_are_passed_over() {
        let rates = |threads, bytes, load_seconds| Rates { threads, bytes, load_seconds, proof_seconds: 2.0 };
        assert_eq!(rates(4, 4000, 10.0).per_thread(), (100.0, 500.0));
        assert!(rates(4, 4000, 10.0).sound());
        let wrong = [
            rates(0, 4000, 10.0),
            rates(4, 4000, 0.0),
            rates(4, 4000, -1.0),
            rates(4, 4000, f64::NAN),
            rates(4, 0, 1.0),
        ];
        assert!(wrong.iter().all(|rates| !rates.sound()));
    }

    #[test]
    fn kinds_are_told_apart_by_their_names() {
        assert!(
            ProofKind::ALL.iter().all(|kind| serde_json::to_string(kind).unwrap() == format!("\"{}\"", kind.word()))
        );
    }
}
