//! No room on the target: told as that, nothing of the chunk or index kept, and the same command goes on once there is room.
//! No room in the repository: at each write of a second backup, whose objects stand beside those of the first.

use crate::support::data::{self, assert_nothing_left, fingerprint, make_typed, one};
use crate::support::program::{Repo, run};
use crate::support::run as library;
use crate::support::server::{connect, options, own, source};
use crate::support::stores::{Fault, FaultyStore};
use myriad::command;
use myriad::error::Exit;
use myriad::progress::{Silent, Stop};
use myriad::sandbox::{Sandbox, SandboxOptions};
use myriad::store;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Rows of the restore that are there more than once, or of tables that the ledger knows nothing of.
async fn nothing_doubled(server: &Sandbox, schema: &str) {
    let sql =
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM {schema}.log GROUP BY at, what HAVING COUNT(*) > 2) doubled");
    assert_eq!(one(server, &sql).await, "0");
}

/// A tablespace with a limit, filled before: rows and indexes have some room and not enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_tablespace_is_full_is_told_and_gone_on_with() {
    make_typed(source(), "full_space", 20_000).await;
    let before = fingerprint(source(), "full_space").await;
    let repo = Repo::new();
    repo.backup(source(), "full_space");
    let arguments = ["--innodb-file-per-table=OFF", "--innodb-data-file-path=ibdata1:12M:autoextend:max:40M"];
    let arguments = arguments.map(str::to_owned).to_vec();
    let server = own(SandboxOptions { arguments, binary_log: false, ..options() });
    let mut session = connect(&server).await;
    for table in ["a", "b"] {
        let sql = format!("CREATE TABLE IF NOT EXISTS ballast.{table} (id INT AUTO_INCREMENT PRIMARY KEY, b LONGTEXT)");
        data::run(&server, &["CREATE DATABASE IF NOT EXISTS ballast".to_owned(), sql]).await;
        let fill = format!("INSERT INTO ballast.{table} (b) VALUES (REPEAT('x', 100000))");
        // Six megabytes, then all that is left.
        for row in 0.. {
            match session.execute(&fill).await {
                Ok(_) if table == "a" && row == 60 => break,
                Ok(_) => {}
                Err(error) => {
                    assert_eq!((table, error.code()), ("b", Some(1114)), "{error}");
                    break;
                }
            }
        }
    }
    // Room for the first chunks.
    session.execute("DROP TABLE ballast.a").await.unwrap();
    let full = repo.restore(&server, &["--allow-low-disk"]);
    full.refused(33, &["full_space.", "has no room", "is full"]);
    nothing_doubled(&server, "full_space").await;
    session.execute("DROP TABLE ballast.b").await.unwrap();
    session.close().await;
    let report = repo.restore(&server, &["--json"]).expect(0).json();
    assert_eq!(report["resumed"], true);
    // Such a server says of its tables where they are.
    let mut after = fingerprint(&server, "full_space").await;
    after.values_mut().for_each(|print| *print = print.replace(" /*!50100 TABLESPACE `innodb_system` */", ""));
    assert_eq!(after, before);
    assert_nothing_left(&server).await;
}

fn mount(folder: &Path, options: &str) -> bool {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder);
    command.output().is_ok_and(|output| output.status.success())
}

/// A small file system that goes with the test.
struct SmallDisk(tempfile::TempDir);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_disk_is_full_is_told_and_gone_on_with() {
    let disk = SmallDisk(tempfile::tempdir().unwrap());
    if !mount(disk.0.path(), "size=1g") {
        eprintln!("skipped a_target_whose_disk_is_full_is_told_and_gone_on_with: this account may not mount a tmpfs");
        return;
    }
    make_typed(source(), "full_disk", 9000).await;
    let before = fingerprint(source(), "full_disk").await;
    let repo = Repo::new();
    repo.backup(source(), "full_disk");
    let arguments = vec!["--innodb-redo-log-capacity=8M".to_owned()];
    let folder = disk.0.path().to_owned();
    let server = own(SandboxOptions { arguments, binary_log: false, folder, ..options() });
    // All but 3 MiB are taken; the rows alone are more. The server may write meanwhile, so all is taken first.
    let ballast = disk.0.path().join("ballast");
    let filled = std::fs::write(&ballast, vec![b'x'; 1 << 30]).unwrap_err();
    assert_eq!(filled.kind(), std::io::ErrorKind::StorageFull);
    let file = std::fs::File::options().write(true).open(&ballast).unwrap();
    file.set_len(file.metadata().unwrap().len() - (3 << 20)).unwrap();
    // An open file keeps its room.
    drop(file);
    let full = repo.restore(&server, &["--allow-low-disk"]);
    full.refused(33, &["full_disk", "has no room"]);
    std::fs::remove_file(&ballast).unwrap();
    nothing_doubled(&server, "full_disk").await;
    repo.restore(&server, &[]).expect(0);
    assert_eq!(fingerprint(&server, "full_disk").await, before);
    assert_nothing_left(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_backup_without_room_at_any_write_leaves_the_first_whole() {
    make_typed(source(), "full_repo", 2000).await;
    let repo = library::Repo::new();
    let mut options = library::backup_options(source(), &repo, "full_repo");
    // The least memory gives the smallest objects.
    options.effort.memory_bytes = 8 << 20;
    options.effort.threads = 2;
    library::backup(&options).await;
    data::run(source(), &["UPDATE full_repo.account SET balance = balance + 1"]).await;
    let folder = store::open(&repo.place(), false).await.unwrap();
    let taken = |fault| {
        let (store, options) = (Arc::new(FaultyStore::new(folder.clone(), fault)), options.clone());
        async move {
            let taken = command::backup::run_into(store.clone(), &options, Arc::new(Silent), Stop::default()).await;
            (taken, store.writes())
        }
    };
    let listed =
        || run(&["list", "--repo", &repo.place(), "--json"]).expect(0).json()["backups"].as_array().unwrap().len();
    let mut write = 0;
    loop {
        write += 1;
        let (taken, writes) = taken(Fault::WritesFrom(write)).await;
        if taken.is_ok() {
            assert!(write > writes && writes >= 3, "{writes} writes are too few to fail at");
            break;
        }
        let error = taken.unwrap_err();
        assert_eq!(error.exit(), Exit::RepositoryWrite, "write {write}: {error:?}");
        assert!(error.to_string().contains("No space left on device") && !error.hints().is_empty(), "{error:?}");
        assert_eq!(listed(), 1, "write {write}");
        run(&["verify", "--repo", &repo.place()]).expect(0);
    }
    println!("a second backup failed at each of {} writes", write - 1);
    assert_eq!(listed(), 2);
    run(&["verify", "--repo", &repo.place()]).expect(0);
}
