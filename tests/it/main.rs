//! The integration tests: one program, so that it links once and its tests can share private servers.

mod support;

mod abort;
mod bounds;
mod by_hand;
mod chunks;
mod cli;
mod corpus;
mod dataset;
mod definitions;
mod demo;
mod exact;
mod faults;
mod guard;
mod guide;
mod json_types;
mod kills;
mod login;
mod managed;
mod mariadb;
mod not_taken;
mod objects;
mod raw;
mod refusals;
mod roundtrip;
mod s3;
mod sandbox;
mod settings;
mod snapshot;
mod tuning;
mod users;
mod verify_rows;
mod versions;
mod ways;
mod wide_rows;
