//! Helpers that the test modules share.

pub mod server;
