//! `myriad`: fast parallel backup and restore for MySQL, with proof.
//!
//! The data's way, one function an arrow (ARCHITECTURE.md tells the story):
//!
//! | step | function | takes | gives |
//! |---|---|---|---|
//! | 1 | [`server::inspect`] | session | schemas, tables, server facts |
//! | 2 | [`server::snapshot`] | sessions | sessions that share one view, and its position |
//! | 3 | [`plan`] (pure) | tables, earlier chunk lists, options | key ranges to read |
//! | 4 | [`dump`] | ranges, sessions | chunks: text, digest, key range |
//! | 5 | [`codec`] (pure) | chunk text | zstd frame and content id |
//! | 6 | [`store`] | object name, bytes | a stored object |
//! | 7 | [`manifest`] | chunk records, schema, position | a backup, visible at once or not at all |
//! | 8 | [`load`] | manifest, store | bare tables, rows, indexes, keys, objects |
//! | 9 | [`verify`] | manifest, session | a verdict for each range |

pub mod error;
pub mod limits;
pub mod progress;
pub mod secret;

pub mod position;
pub mod schema;

pub mod codec;
pub mod server;
pub mod store;
pub mod workers;

pub mod guard;
pub mod manifest;
pub mod plan;
pub mod settings;

pub mod dump;
pub mod load;
pub mod sandbox;
pub mod verify;

pub mod bench;

pub mod command;

pub mod cli;

pub use error::{Error, Exit, Result};
