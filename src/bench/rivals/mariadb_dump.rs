//! MariaDB's pair, `mariadb-dump` and `mariadb`, with the manners of mysqldump. Its dump has no GTID statement to leave out.

use super::login::mariadb_login;
use super::mysqldump::Mysqldump;
use super::{Found, Task};
use std::ffi::OsString;

/// `mariadb-dump --single-transaction --quick` and `mariadb <`.
pub(super) fn new(task: &Task, found: &Found) -> Mysqldump {
    let mut dump = mariadb_login(&task.source);
    dump.extend(["--single-transaction", "--quick"].map(OsString::from));
    let load = mariadb_login(&task.target);
    Mysqldump::of("mariadb-dump + mariadb", task, found, ["mariadb-dump", "mariadb"], [dump, load])
}
