//! load

pub mod error;
pub mod indexes;
pub mod objects;
pub mod schema;

pub use error::LoadError;
