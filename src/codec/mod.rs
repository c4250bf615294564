//! Rows to bytes and back, pure: no I/O, no clock. docs/format.md section 4 is the specification.
//!
//! [`layout::RowLayout`] says how a table is selected and what stands where in its row packets;
//! [`row::RowEncoder`] turns a packet into row text and adds it to a [`digest::Tally`]; [`line`] reads row text back;
//! [`frame`] seals a chunk's bytes under their content id and opens them again, checked. [`binlog`] tells the events of
//! binary logs.

pub mod binlog;
pub mod digest;
pub mod frame;
pub mod layout;
pub mod line;
pub mod row;
pub mod typed;
pub mod wire;

#[cfg(test)]
mod tests;

pub use digest::{RowDigest, Tally};
pub use frame::{ContentId, FrameError, Sealer};
pub use layout::{Protocol, RowLayout};
pub use line::LineHasher;
pub use row::{RowEncoder, RowError};

/// Version of the row text that this program writes and reads (docs/format.md section 4.1).
pub const ROW_TEXT_VERSION: u32 = 1;
/// Version of the row digest (docs/format.md section 4.5).
pub const ROW_DIGEST_VERSION: u32 = 1;
