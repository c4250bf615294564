//! Data sets and a contest: the same data, dumped and loaded by this program and by its rivals in turn on
//! the same servers. In: options. Out: a report that `cli` prints as a table or as JSON.

pub mod dataset;
pub mod error;

pub use error::BenchError;
