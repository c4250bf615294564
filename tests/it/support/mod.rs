//! Helpers that the test modules share.

<<<<<<< HEAD
pub mod replication;
=======
pub mod data;
pub mod program;
>>>>>>> cli
pub mod s3_server;
pub mod server;
pub mod stores;
