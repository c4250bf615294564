//! What several subjects need.

pub mod s3_server;
pub mod stores;
