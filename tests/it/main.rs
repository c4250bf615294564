//! The integration tests: one program, so that its tests can share private servers.

mod support;

mod login;
mod raw;
mod sandbox;
