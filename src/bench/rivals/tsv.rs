//! A strong rival that needs none installed: what MySQL Shell's dump and load utilities do, by a shell script of the `mysql`
//! client and `zstd`. Rows are selected by ranges of the key, each range into a tab-separated file of zstd level 1; they are
//! loaded by LOAD DATA, as many sessions at a time as this program has, without binary log; the secondary indexes of a table
//! are added in one go once its last range is in.
//!
//! The plan (ranges, definitions, how NULL is written) is made before the clock starts, and views, code and accounts are not
//! brought: both favour it. FLOAT is written as the server prints it, as the Shell does, and so is not exact.

mod plan;

use super::super::error::BenchError;
use super::super::measure::{Step, file_error};
use super::login::{login, password};
use super::{Found, Rival, Task, folder_bytes, remove};
use crate::server::{ConnectOptions, Session};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The scripts, and the folder that they and their files lie in.
pub struct Tsv {
    programs: [PathBuf; 3],
    task: Task,
    folder: PathBuf,
}

impl Tsv {
    /// Looks at the source and writes the scripts.
    pub(super) async fn new(task: &Task, found: &Found) -> Result<Tsv, BenchError> {
        let tsv = Tsv {
            programs: ["mysql", "zstd", "xargs"].map(|program| found.path(program)),
            task: task.clone(),
            folder: task.folder.join("tsv"),
        };
        let mut session = Session::connect(&task.source).await?;
        let plan = plan::make(&mut session, &task.schemas, task.threads).await?;
        session.close().await;
        let mysql = |server: &ConnectOptions| tsv.client(server, found.extra("mysql"));
        let scripts = Scripts {
            mysql: [mysql(&task.source), mysql(&task.target)],
            zstd: words([tsv.programs[1].clone().into()].into_iter().chain(found.extra("zstd"))),
            xargs: words([tsv.programs[2].clone().into()]),
            threads: task.threads,
        };
        tsv.write(&plan, &scripts)?;
        Ok(tsv)
    }

    /// The client's command line, quoted.
    fn client(&self, server: &ConnectOptions, extra: Vec<OsString>) -> String {
        let options = ["--batch", "--skip-column-names", "--quick", "--skip-binary-as-hex", "--local-infile=1"];
        let options = options.into_iter().chain(["--default-character-set=utf8mb4", "--max-allowed-packet=1G"]);
        let program = [self.programs[0].clone().into_os_string()];
        let forced = self.task.force.then(|| "--force".into());
        words(program.into_iter().chain(login(server)).chain(options.map(OsString::from)).chain(forced).chain(extra))
    }

    fn write(&self, plan: &plan::Plan, scripts: &Scripts) -> Result<(), BenchError> {
        let folder = self.folder.join("plan");
        fs::create_dir_all(&folder).map_err(file_error("create", &folder))?;
        let put = |name: &str, text: &[u8]| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(file_error("write", &path))
        };
        put("schemas.sql", &plan.schemas)?;
        put("foreign_keys.sql", &plan.foreign_keys)?;
        let mut chunks = String::new();
        let mut tables = String::new();
        for (number, table) in plan.tables.iter().enumerate() {
            tables.push_str(&format!("pending/{number}\n"));
            if !table.indexes.is_empty() {
                put(&format!("{number}.indexes.sql"), &table.indexes)?;
            }
            put(&format!("{number}.load.sql"), &table.load)?;
            for (chunk, select) in table.selects.iter().enumerate() {
                put(&format!("{number}-{chunk}.select.sql"), select.as_bytes())?;
                chunks.push_str(&format!("{number}-{chunk}\n"));
            }
        }
        put("chunks", chunks.as_bytes())?;
        put("tables", tables.as_bytes())?;
        put("dump.sh", scripts.dump().as_bytes())?;
        put("dump_chunk.sh", scripts.dump_chunk().as_bytes())?;
        put("load.sh", scripts.load().as_bytes())?;
        put("load_chunk.sh", scripts.load_chunk().as_bytes())
    }

    fn step(&self, script: &str, server: &ConnectOptions) -> Step {
        Step {
            program: "/bin/sh".into(),
            arguments: vec![self.folder.join("plan").join(script).into(), self.folder.clone().into()],
            environment: password(server),
            input: None,
            output: None,
            may_fail: self.task.force,
        }
    }
}

impl Rival for Tsv {
    fn name(&self) -> &str {
        "TSV script (mysql, zstd)"
    }

    fn programs(&self) -> Vec<&Path> {
        self.programs[..2].iter().map(PathBuf::as_path).collect()
    }

    fn prepare(&mut self) -> Result<(), BenchError> {
        remove(&self.folder.join("data"))
    }

    fn dump(&self) -> Step {
        self.step("dump.sh", &self.task.source)
    }

    fn stored_bytes(&self) -> Result<u64, BenchError> {
        folder_bytes(&self.folder.join("data"))
    }

    fn ways(&self) -> &'static [&'static str] {
        &["sql_log_bin=0, all indexes late"]
    }

    fn load(&self, _way: usize) -> Step {
        self.step("load.sh", &self.task.target)
    }
}

/// What the scripts run, quoted for the shell.
struct Scripts {
    mysql: [String; 2],
    zstd: String,
    xargs: String,
    threads: usize,
}

impl Scripts {
    /// Every chunk, `threads` at a time. A pipe's exit status is that of its last program, so failures leave a file.
    fn dump(&self) -> String {
        format!(
            "set -u\ncd \"$1\" || exit 1\nrm -rf data failed\nmkdir data\n\
             {} -P {} -n 1 /bin/sh plan/dump_chunk.sh < plan/chunks\n[ ! -e failed ]\n",
            self.xargs, self.threads
        )
    }

    fn dump_chunk(&self) -> String {
        format!(
            "{{ {} < \"plan/$1.select.sql\" || : > failed; }} | {} -q -1 --single-thread -o \"data/$1.tsv.zst\" - || : > failed\n",
            self.mysql[0], self.zstd
        )
    }

    /// Empty tables, then every chunk, then foreign keys. A chunk that is in takes its mark from the folder of its table;
    /// who can remove the folder had the last one, and builds the indexes.
    fn load(&self) -> String {
        format!(
            "set -u\ncd \"$1\" || exit 1\nrm -rf pending failed\nmkdir pending\n{xargs} mkdir < plan/tables\n\
             sed 's|\\([0-9]*\\)-.*|pending/\\1/&|' plan/chunks | {xargs} touch\n\
             {mysql} < plan/schemas.sql || : > failed\n\
             {xargs} -P {threads} -n 1 /bin/sh plan/load_chunk.sh < plan/chunks\n\
             {mysql} < plan/foreign_keys.sql || : > failed\n[ ! -e failed ]\n",
            xargs = self.xargs,
            mysql = self.mysql[1],
            threads = self.threads
        )
    }

    fn load_chunk(&self) -> String {
        format!(
            "table=${{1%-*}}\n\
             {zstd} -dcq \"data/$1.tsv.zst\" | {mysql} -e \"$(cat \"plan/$table.load.sql\")\" || : > failed\n\
             rm \"pending/$table/$1\"\n\
             if rmdir \"pending/$table\" 2> /dev/null && [ -e \"plan/$table.indexes.sql\" ]; then\n\
             {mysql} < \"plan/$table.indexes.sql\" || : > failed\nfi\n",
            zstd = self.zstd,
            mysql = self.mysql[1]
        )
    }
}

/// Words quoted for the shell.
fn words(words: impl IntoIterator<Item = OsString>) -> String {
    let quoted = words.into_iter().map(|word| quoted(&word));
    quoted.collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_reads_words_as_they_were() {
        let typed = ["a b", "it's", "$HOME", "\\", "*"];
        let script = format!("printf '%s\\n' {}", words(typed.map(OsString::from)));
        let output = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>(), typed);
    }
}
