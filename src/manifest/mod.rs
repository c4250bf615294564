//! Where the two halves meet: what a backup is made of, how it becomes visible, how it is read again.
//! docs/format.md is the specification. Nothing but [`commit::commit`] makes a backup visible, and it does so
//! with the last object that it writes.

pub mod binlogs;
pub mod commit;
pub mod condemned;
pub mod document;
pub mod drills;
pub mod error;
pub mod known;
pub mod lock;
pub mod model;
pub mod object;
pub mod pack;
pub mod parts;
pub mod proofs;
pub mod references;
pub mod repository;

pub use error::ManifestError;
pub use model::{ChunkRecord, Manifest, Part, Place, TableRecord};
pub use pack::PackWriter;
pub use repository::Repository;
