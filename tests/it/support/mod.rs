//! Helpers that the test modules share.

pub mod data;
pub mod program;
pub mod replication;
pub mod s3_server;
pub mod server;
pub mod stores;
