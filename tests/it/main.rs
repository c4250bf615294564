//! The integration tests: one program, so that its tests can share private servers.

mod support;

mod dataset;
mod sandbox;
