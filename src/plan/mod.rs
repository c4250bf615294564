//! Deciding before doing, pure: which ranges of a table are read, how the ranges that were read close on each
//! other, and which names a selection means.

pub mod cuts;
pub mod filter;

pub use filter::Filter;
