//! `myriad drill`: a backup is restored to a private server, proved and asked questions, and what came of it is written
//! down. In: a repository and what is wanted of the drill. Out: one record for each source that was drilled, reports made
//! of it, and an entry in the history.

pub mod config;
pub mod record;
pub mod report;
pub mod units;
