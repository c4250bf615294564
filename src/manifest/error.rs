//! What reading or writing a repository can fail with; every message names the object.

use crate::codec::FrameError;
use crate::error::{Exit, Explain};
use crate::store::StoreError;

/// A failure of a repository or a backup in it.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A frame failed its checks.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// There is no repository at that place.
    #[error("there is no repository at {place}")]
    NoRepository {
        /// The place.
        place: String,
    },
    /// The place holds other things.
    #[error("{place} is not empty and is no repository")]
    NotEmpty {
        /// The place.
        place: String,
    },
    /// A document's own hash does not fit, or it is no document.
    #[error("{name} in {place} is damaged: {why}")]
    Damaged {
        /// Object name.
        name: String,
        /// The repository.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// Records that no server and no backup of this program would make; statements are not made of them.
    #[error("backup {id} in {place} holds what is not as a server writes it, so it is not run: {records}")]
    Refused {
        /// The backup.
        id: String,
        /// The repository.
        place: String,
        /// The records, each with what is wrong with it.
        records: String,
    },
    /// Written by a version, or with a feature, that this program does not know.
    #[error("{name} in {place} cannot be read by this version of myriad: {why}")]
    Foreign {
        /// Object name.
        name: String,
        /// The repository.
        place: String,
        /// What is not known.
        why: String,
    },
    /// No such backup.
    #[error("there is no backup {wanted} in {place}")]
    NoBackup {
        /// What was asked for.
        wanted: String,
        /// The repository.
        place: String,
        /// What there is.
        hint: String,
    },
    /// A source name that cannot stand in an object's name.
    #[error("{name:?} cannot be the name of a source: 1 to 64 of A-Z a-z 0-9 . _ - and no dot first")]
    BadName {
        /// The name.
        name: String,
    },
    /// A definition that no reader would take.
    #[error("a definition of {bytes} bytes is longer than a part of a backup can be")]
    LineTooLong {
        /// Bytes of its line.
        bytes: u64,
    },
    /// An object that the backup needs has gone, or a prune has condemned it meanwhile.
    #[error("object {object}, which this backup needs, {why} in {place}; the backup was withdrawn")]
    ObjectGone {
        /// Object name.
        object: String,
        /// What became of it.
        why: &'static str,
        /// The repository.
        place: String,
    },
    /// Another run is at work there that this one would be in the way of.
    #[error("another run is at work in {place}: {holder}")]
    Busy {
        /// What it does, where, and since when.
        holder: String,
        /// The repository.
        place: String,
    },
    /// Backups that cannot be read may need any object, so nothing is removed.
    #[error("nothing was removed from {place}: {count} cannot be read, and may need any object ({first})")]
    Unreadable {
        /// The repository.
        place: String,
        /// How many backups, in words.
        count: String,
        /// What is wrong with the first of them.
        first: String,
    },
}

impl Explain for ManifestError {
    fn exit(&self) -> Exit {
        match self {
            ManifestError::Store(e) => e.exit(),
            ManifestError::Frame(e) => e.exit(),
            ManifestError::NoRepository { .. } => Exit::RepositoryMissing,
            ManifestError::NotEmpty { .. } | ManifestError::Foreign { .. } => Exit::RepositoryForeign,
            ManifestError::Damaged { .. } | ManifestError::Refused { .. } | ManifestError::Unreadable { .. } => {
                Exit::RepositoryDamaged
            }
            ManifestError::ObjectGone { .. } | ManifestError::Busy { .. } => Exit::RepositoryBusy,
            ManifestError::NoBackup { .. } => Exit::BackupNotFound,
            ManifestError::BadName { .. } => Exit::Usage,
            ManifestError::LineTooLong { .. } => Exit::Failure,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            ManifestError::Store(e) => return e.hint(),
            ManifestError::Frame(e) => return e.hint(),
            ManifestError::NoRepository { .. } => "check --repo; `myriad backup` makes a new repository".into(),
            ManifestError::NotEmpty { .. } => "give an empty or new folder as --repo".into(),
            ManifestError::Foreign { .. } => "use the version of myriad that wrote it, or a newer one".into(),
            ManifestError::Damaged { .. } => {
                "run `myriad verify --repo …` to see all that is damaged; `myriad list` shows other backups".into()
            }
            ManifestError::Refused { .. } => {
                "leave them out with --exclude-table, --exclude-database or --no-objects; who wrote this repository?".into()
            }
            ManifestError::ObjectGone { .. } => "run the backup again; it stores what is missing".into(),
            ManifestError::Busy { .. } => "wait until it has ended, then run the same command again".into(),
            ManifestError::Unreadable { .. } => {
                "`myriad verify --repo …` names all damage; to give a backup up, delete its manifest.json, then prune again"
                    .into()
            }
            ManifestError::NoBackup { hint, .. } => hint.clone(),
            ManifestError::BadName { .. } => "choose another --name".into(),
            ManifestError::LineTooLong { .. } => "leave it out: --exclude-table, or --no-objects".into(),
        })
    }
}
