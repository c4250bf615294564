//! Proof: what stands on a server, read afresh and digested range by range, against what the backup recorded; and the
//! repository by itself, object by object.

pub mod binlogs;
mod error;
pub mod repository;
pub mod rows;
pub mod server;

pub use error::VerifyError;
pub use server::{Difference, NotCompared, Proof, ProofTable};
