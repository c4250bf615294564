//! What other tools bring back of the corpus: makes it on a private server, dumps it and loads it into another with each tool
//! that is at hand, and prints what differs, found by the comparison that the tests use. `docs/exactness.md` was written
//! from its output. Nothing outside its own folder in /tmp is touched.
//!
//! usage: cargo run --example peers_exactness [TOOL...]   (myriad, mysqldump, mydumper; all where none is named)

use anyhow::{Context, Result};
use myriad::bench::compare::{self, Contents};
use myriad::bench::dataset::corpus::{self, SMALL};
use myriad::sandbox::{Kind, ProgramPaths, Sandbox, SandboxOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[tokio::main]
async fn main() -> Result<()> {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |tool: &str| chosen.is_empty() || chosen.iter().any(|name| name == tool);
    let var = |name| std::env::var_os(name);
    let paths = ProgramPaths::from_environment(
        Kind::Mysql,
        var("MYRIAD_MYSQLD").as_deref(),
        var("PATH").as_deref(),
        var("MYRIAD_MYSQL_HOME").as_deref(),
        var("XDG_CACHE_HOME").as_deref(),
        var("HOME").as_deref(),
    );
    let source = Sandbox::start(SandboxOptions::new(paths.clone()))?;
    corpus::fill(&source.connect_options(), SMALL).await?;
    let bench = Bench { mysql: paths.client("mysql")?, folder: source.scratch_folder()?, source, paths };
    let expected = bench.contents(&bench.source)?;
    println!("source: MySQL {}, {} tables", bench.source.version(), expected.tables.len());
    if wanted("myriad") {
        bench.judge("myriad", &expected, Bench::myriad)?;
    }
    if wanted("mysqldump") {
        bench.judge("mysqldump + mysql", &expected, Bench::mysqldump)?;
    }
    if wanted("mydumper") {
        bench.judge("mydumper + myloader", &expected, Bench::mydumper)?;
    }
    Ok(())
}

struct Bench {
    mysql: PathBuf,
    folder: PathBuf,
    source: Sandbox,
    paths: ProgramPaths,
}

impl Bench {
    fn contents(&self, server: &Sandbox) -> Result<Contents> {
        Ok(compare::contents(&self.mysql, &server.connect_options(), "corpus")?)
    }

    /// Has a tool move the corpus to a new server, and prints every difference.
    fn judge(&self, name: &str, expected: &Contents, tool: impl Fn(&Bench, &Sandbox) -> Result<()>) -> Result<()> {
        println!("\n== {name}");
        let target = Sandbox::start(SandboxOptions::new(self.paths.clone()))?;
        if let Err(error) = tool(self, &target) {
            println!("failed: {error:#}");
            return Ok(());
        }
        let found = compare::differences(expected, &self.contents(&target)?);
        println!("{} differences", found.len());
        let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for difference in &found {
            places.entry(&difference.place).or_default().push(&difference.what);
        }
        for (place, what) in places {
            println!("{place}");
            what.iter().for_each(|what| println!("    {what}"));
        }
        Ok(())
    }

    /// The schemas of the corpus, by name.
    fn schemas(&self) -> Result<Vec<String>> {
        let sql = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE LOWER(SCHEMA_NAME) LIKE 'corpus%'";
        let output = client(&self.mysql, &self.source).args(["--batch", "-N", "-r", "-e", sql]).output()?;
        Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
    }

    fn myriad(&self, target: &Sandbox) -> Result<()> {
        let program = std::env::current_exe()?;
        let program = program.parent().and_then(Path::parent).context("no folder of programs")?.join("myriad");
        let repo = self.folder.join("repo");
        let address = |server: &Sandbox| format!("mysql://root@{}", server.socket().display());
        for (verb, option, server) in [("backup", "--source", &self.source), ("restore", "--target", target)] {
            let mut command = Command::new(&program);
            command.args([verb, option, &address(server), "--repo"]).arg(&repo).args(["--database", "[cC]orpus*"]);
            run(&mut command)?;
        }
        Ok(())
    }

    /// The usual options; where it ends with an error, once more with `--force`, and the same for loading.
    fn mysqldump(&self, target: &Sandbox) -> Result<()> {
        let file = self.folder.join("dump.sql");
        let usual = ["--single-transaction", "--routines", "--events", "--triggers", "--set-gtid-purged=OFF"];
        for force in [&[][..], &["--force"]] {
            let mut command = client(&self.paths.client("mysqldump")?, &self.source);
            command.args(usual).args(force).arg("--databases").args(self.schemas()?);
            if run(command.stdout(std::fs::File::create(&file)?)).is_ok() {
                break;
            }
        }
        for force in [&[][..], &["--force"]] {
            if run(client(&self.mysql, target).args(force).stdin(std::fs::File::open(&file)?)).is_ok() {
                break;
            }
        }
        Ok(())
    }

    fn mydumper(&self, target: &Sandbox) -> Result<()> {
        let folder = self.folder.join("mydumper");
        let login = |program: &str, server: &Sandbox| {
            let mut command = Command::new(program);
            command.args(["--user", "root", "--socket"]).arg(server.socket());
            command
        };
        let mut dump = login("mydumper", &self.source);
        dump.args(["--regex", "^[cC]orpus", "--routines", "--events", "--triggers", "--outputdir"]).arg(&folder);
        // Both end with an error where anything failed, and go on after it.
        let _ = run(&mut dump);
        let _ = run(login("myloader", target).arg("--directory").arg(&folder));
        Ok(())
    }
}

fn client(program: &Path, server: &Sandbox) -> Command {
    let mut command = Command::new(program);
    command.args(["--no-defaults", "--user=root"]).arg(format!("--socket={}", server.socket().display()));
    command
}

/// Runs a program, prints its command, how it ended and the first lines of its complaints.
fn run(command: &mut Command) -> Result<()> {
    let output = command.stderr(Stdio::piped()).spawn()?.wait_with_output()?;
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .filter(|word| !word.starts_with("corpus") && !word.starts_with("Corpus"))
        .collect();
    println!("$ {}\n  {}", words.join(" "), output.status);
    let complaints = String::from_utf8_lossy(&output.stderr);
    complaints.lines().filter(|line| !line.trim().is_empty()).take(25).for_each(|line| println!("  {line}"));
    anyhow::ensure!(output.status.success(), "it ended with {}", output.status);
    Ok(())
}
