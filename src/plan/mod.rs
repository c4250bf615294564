//! Deciding before doing, pure: which ranges of a table are read, how the ranges that were read close on each
//! other, which names a selection means, and which backups stay.

pub mod cuts;
pub mod filter;
pub mod retention;

pub use filter::Filter;
