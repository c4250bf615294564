//! One file a verb, each a recipe: what it does, step by step, with the work left to the modules below.

pub mod options;
