//! Whether what a repository says of schemas, tables, objects and accounts may be made into statements. A repository is
//! data from elsewhere, and who writes one makes its hashes match; so nothing here rests on them. Pure.
//!
//! Comes in: a record as it was read. Goes out: nothing, or what is wrong with it, in words that go behind the record's
//! name. A CREATE statement must be one statement, of the stated kind, under the stated name, in no schema but its own,
//! and must agree with the typed record beside it. What a routine does when it is called is not looked at.

mod account;
mod condition;
mod object;
mod table;
mod text;

pub use account::account;
pub use condition::condition;
pub use object::object;
pub use table::{names_a_directory, reaches_elsewhere, table};

use super::identifier::quote;
use crate::limits::NAME_CHARACTERS_MAX;

/// Schemas that belong to the server, and the one in which a restore keeps its ledger: no backup holds them, and nothing
/// is restored into them.
pub const RESERVED_SCHEMAS: [&str; 5] = ["mysql", "sys", "information_schema", "performance_schema", "myriad_restore"];

/// True for a schema that nothing may be restored into; servers differ in whether letter case counts.
pub fn is_reserved(schema: &str) -> bool {
    RESERVED_SCHEMAS.iter().any(|reserved| schema.eq_ignore_ascii_case(reserved))
}

/// A name as a server can have it (MySQL manual, "Schema Object Names"): 1 to 64 characters, none of them NUL.
/// `#mysql50#` names a file as it stands: what could be a path behind it is none.
pub fn name(name: &str) -> Result<(), String> {
    let characters = name.chars().count();
    if characters == 0 || characters > NAME_CHARACTERS_MAX {
        return Err(format!("a name of {characters} characters; a server has 1 to {NAME_CHARACTERS_MAX}"));
    }
    let bytes = name.as_bytes();
    let file = bytes.len() >= 9 && bytes[..9].eq_ignore_ascii_case(b"#mysql50#");
    match name.contains('\0') || file && name.contains(['/', '\\', '.']) {
        true => Err(format!("{name:?} is no name that a server makes")),
        false => Ok(()),
    }
}

/// The name of a schema that may be restored.
pub fn schema_name(schema: &str) -> Result<(), String> {
    name(schema)?;
    match is_reserved(schema) {
        true => Err(format!("schema {schema} is the server's own and in no backup")),
        false => Ok(()),
    }
}

/// A schema: its name, and a CREATE DATABASE of that name and nothing else.
pub fn schema(name: &str, create: &[u8]) -> Result<(), String> {
    schema_name(name)?;
    let head = format!("CREATE DATABASE {}", quote(name)).into_bytes();
    let options = create.strip_prefix(head.as_slice()).ok_or("its statement is no CREATE DATABASE of this name")?;
    if !matches!(options.first(), None | Some(b' ')) {
        return Err("its statement is no CREATE DATABASE of this name".into());
    }
    text::one_statement(options).map(drop)
}

/// The name of a character set, collation or the like: it stands in statements without quotes.
pub(super) fn plain_word(word: &str) -> bool {
    !word.is_empty() && word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "../x", "a`b", "\u{fc}", &"x".repeat(64), "mysql50", "#mysql5", "#mysql50#a"] {
            assert_eq!(name(good), Ok(()), "{good}");
        }
        for bad in ["", "a\0b", &"x".repeat(65), "#mysql50#../../etc", "#MySQL50#a/b", "#mysql50#a.b", "#mysql50#a\\b"]
        {
            assert!(name(bad).is_err(), "{bad}");
        }
        for reserved in ["mysql", "MySQL", "sys", "myriad_restore", "Information_Schema"] {
            assert!(schema_name(reserved).is_err(), "{reserved}");
        }
    }

    #[test]
    fn schemas() {
        let good = [
            "CREATE DATABASE `a` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ /*!80016 DEFAULT ENCRYPTION='N' */",
            "CREATE DATABASE `a` /*!40100 DEFAULT CHARACTER SET latin1 */ /* READ ONLY=1 */",
            "CREATE DATABASE `a` /*!40100 DEFAULT CHARACTER SET utf8mb4 */ COMMENT 'it''s; */ # \\' -- x'",
            "CREATE DATABASE `a`",
        ];
        for create in good {
            assert_eq!(schema("a", create.as_bytes()), Ok(()), "{create}");
        }
        let bad = [
            "CREATE DATABASE `b`",
            "CREATE DATABASE `a`.`b`",
            "CREATE DATABASE a",
            "CREATE SCHEMA `a`",
            "DROP DATABASE `a`",
            "CREATE DATABASE IF NOT EXISTS `a`",
            "CREATE DATABASE `a`; DROP DATABASE mysql",
            "CREATE DATABASE `a` /*!40100 ; DROP DATABASE mysql */",
            "CREATE DATABASE `a` /*!99999 ' */ ; DROP DATABASE mysql -- '",
            "CREATE DATABASE `a` # x\n; DROP DATABASE mysql",
            "CREATE DATABASE `a` COMMENT 'x",
        ];
        for create in bad {
            assert!(schema("a", create.as_bytes()).is_err(), "{create}");
        }
    }
}
