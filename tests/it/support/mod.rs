//! Helpers that the test modules share.

pub mod replication;
pub mod s3_server;
pub mod server;
pub mod stores;
