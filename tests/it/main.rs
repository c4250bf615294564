//! The integration tests: one program, so that it links once and its tests can share private servers.

mod support;

mod by_hand;
mod cli;
mod dataset;
mod definitions;
mod faults;
mod guard;
mod guide;
mod kills;
mod login;
mod raw;
mod s3;
mod sandbox;
