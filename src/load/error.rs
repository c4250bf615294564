//! What making things on the target can fail with. Every message names the table or object.

use crate::error::{Exit, Explain};
use crate::schema::ddl::DdlError;
use crate::server::ServerError;

/// A failure of a restore.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The session failed, or a statement that belongs to no table did.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The target refused a definition.
    #[error("cannot create {what}: {source}")]
    Refused {
        /// What was to be made: `table shop.orders`, `index k of table shop.orders`.
        what: String,
        /// The server's answer.
        source: Box<ServerError>,
    },
    /// A definition in the backup cannot be taken apart.
    #[error("the definition of table {table} in the backup cannot be used: {source}")]
    Definition {
        /// The table.
        table: String,
        /// Why.
        source: DdlError,
    },
}

impl LoadError {
    /// The MySQL error number, where the server answered with one.
    pub fn code(&self) -> Option<u16> {
        match self {
            LoadError::Server(source) => source.code(),
            LoadError::Refused { source, .. } => source.code(),
            LoadError::Definition { .. } => None,
        }
    }

    /// Names what was to be made when the server refuses it; a lost connection stays what it is.
    pub(super) fn refused(what: impl Into<String>) -> impl FnOnce(ServerError) -> LoadError {
        move |source| match source.code() {
            Some(_) => LoadError::Refused { what: what.into(), source: Box::new(source) },
            None => LoadError::Server(source),
        }
    }
}

impl Explain for LoadError {
    fn exit(&self) -> Exit {
        match self {
            LoadError::Server(source) => source.exit(),
            LoadError::Refused { source, .. } => match source.code() {
                Some(1286 | 3185 | 3750 | 1235 | 1273 | 1115) => Exit::TargetUnfit,
                _ => source.exit(),
            },
            LoadError::Definition { .. } => Exit::RepositoryDamaged,
        }
    }

    fn hint(&self) -> Option<String> {
        let LoadError::Refused { source, .. } = self else {
            return match self {
                LoadError::Server(source) => source.hint(),
                _ => None,
            };
        };
        Some(match source.code() {
            Some(1286) => "enable that storage engine on the target, or leave the table out".into(),
            Some(3185) => "the table is encrypted: configure a keyring on the target".into(),
            Some(3750) => "grant SESSION_VARIABLES_ADMIN, or set sql_require_primary_key=OFF on the target".into(),
            Some(1273 | 1115) => {
                "the target does not know this character set or collation: restore to the version it was taken from, \
                 or a later one"
                    .into()
            }
            _ => return source.hint(),
        })
    }
}
