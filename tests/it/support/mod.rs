//! Helpers that the test modules share.

pub mod answering;
pub mod azurite;
pub mod binlogs;
pub mod cutter;
pub mod data;
pub mod drill_records;
pub mod drills;
pub mod everything;
pub mod forge;
pub mod keyed;
pub mod killed;
pub mod liar;
pub mod mishaps;
pub mod outside;
pub mod program;
pub mod proxy;
pub mod random_keys;
pub mod replication;
pub mod rows;
pub mod run;
pub mod s3_server;
pub mod server;
pub mod stores;
pub mod tap;
pub mod types;
