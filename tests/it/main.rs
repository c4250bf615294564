//! The integration tests, one program: a module for each part, against real servers.

mod definitions;
