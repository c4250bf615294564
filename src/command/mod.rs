//! One file a verb, each a recipe: what it does, step by step, with the work left to the modules below.

pub mod archive;
pub mod backup;
pub mod bench;
pub mod demo;
pub mod drill;
pub mod list;
pub mod options;
pub mod prune;
pub mod restore;
mod selected;
pub mod show;
pub(crate) mod text;
pub mod units;
pub mod verify;
