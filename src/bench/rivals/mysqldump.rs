//! The rival that every MySQL installation has: `mysqldump` to a file, and `mysql` reading it. One session each, text
//! INSERTs, indexes in place, no compression.

use super::super::error::BenchError;
use super::super::measure::{Step, file_error};
use super::login::{login, password};
use super::{Found, Rival, Task, remove};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// `mysqldump --single-transaction --quick --set-gtid-purged=OFF` and `mysql <`; or the same of MariaDB.
pub struct Mysqldump {
    pub(super) name: &'static str,
    pub(super) dumper: PathBuf,
    pub(super) client: PathBuf,
    /// Arguments of the dump, then of the load, without what differs from way to way.
    pub(super) arguments: [Vec<OsString>; 2],
    pub(super) task: Task,
    pub(super) file: PathBuf,
}

impl Mysqldump {
    /// MySQL's.
    pub(super) fn new(task: &Task, found: &Found) -> Mysqldump {
        let mut dump = login(&task.source);
        dump.extend(["--single-transaction", "--quick", "--set-gtid-purged=OFF"].map(OsString::from));
        Mysqldump::of("mysqldump + mysql", task, found, ["mysqldump", "mysql"], [dump, login(&task.target)])
    }

    /// A pair of programs with the same manners.
    pub(super) fn of(
        name: &'static str,
        task: &Task,
        found: &Found,
        [dumper, client]: [&str; 2],
        [mut dump, mut load]: [Vec<OsString>; 2],
    ) -> Mysqldump {
        dump.extend(task.force.then(|| "--force".into()));
        dump.extend(["--routines".into(), "--events".into()]);
        dump.extend(found.extra(dumper));
        dump.push("--databases".into());
        dump.extend(task.schemas.iter().map(OsString::from));
        load.extend(task.force.then(|| "--force".into()));
        load.extend(found.extra(client));
        Mysqldump {
            name,
            dumper: found.path(dumper),
            client: found.path(client),
            arguments: [dump, load],
            file: task.folder.join(format!("{dumper}.sql")),
            task: task.clone(),
        }
    }
}

impl Rival for Mysqldump {
    fn name(&self) -> &str {
        self.name
    }

    fn programs(&self) -> Vec<&Path> {
        vec![&self.dumper, &self.client]
    }

    fn prepare(&mut self) -> Result<(), BenchError> {
        remove(&self.file)
    }

    fn dump(&self) -> Step {
        Step {
            program: self.dumper.clone(),
            arguments: self.arguments[0].clone(),
            environment: password(&self.task.source),
            input: None,
            output: Some(self.file.clone()),
            may_fail: self.task.force,
        }
    }

    fn stored_bytes(&self) -> Result<u64, BenchError> {
        Ok(self.file.metadata().map_err(file_error("read", &self.file))?.len())
    }

    fn ways(&self) -> &'static [&'static str] {
        &["binary log as it is", "sql_log_bin=0"]
    }

    fn load(&self, way: usize) -> Step {
        let mut arguments = self.arguments[1].clone();
        if way == 1 {
            arguments.push("--init-command=SET sql_log_bin=0".into());
        }
        Step {
            program: self.client.clone(),
            arguments,
            environment: password(&self.task.target),
            input: Some(self.file.clone()),
            output: None,
            may_fail: self.task.force,
        }
    }
}
