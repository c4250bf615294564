//! Asking a live MySQL: addresses, sessions, facts, definitions and the shared snapshot.
//!
//! Two kinds of session. [`session::Session`] (mysql_async) serves everything that is small: settings,
//! definitions, locks, loading. [`raw::RawSession`] is one blocking socket that walks row packets in place;
//! backup and proof read rows through it.

pub mod accounts;
mod address;
pub mod error;
pub mod facts;
pub mod inspect;
pub mod options;
pub mod raw;
pub mod replication;
pub mod rights;
pub mod session;
pub mod snapshot;
pub mod verified;

pub use error::ServerError;
pub use options::{Address, ConnectOptions, Host, SslMode, SslOptions, parse_address, without_password};
pub use raw::{BinlogStream, DumpRequest, DumpStart, RawColumn, RawSession, Rows};
pub use session::{Row, Session};
