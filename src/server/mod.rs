//! Asking a live MySQL: addresses, sessions, facts, definitions and the shared snapshot.
//!
//! Two kinds of session. [`session::Session`] (mysql_async) serves everything that is small: settings,
//! definitions, locks, loading. [`raw::RawSession`] is one blocking socket that walks row packets in place;
//! backup and proof read rows through it.

pub mod error;
pub mod facts;
pub mod inspect;
pub mod options;
pub mod raw;
pub mod session;
pub mod snapshot;

pub use error::ServerError;
pub use options::{ConnectOptions, Host, SslMode, SslOptions};
pub use session::{Row, Session};
