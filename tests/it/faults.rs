//! What goes wrong from outside (login, places, damaged repositories, a server that dies, a full disk), each with its
//! exit code, the object named, and nothing half-made afterwards.

use crate::support::data::{self, assert_nothing_left, drop_restored, fingerprint, one};
use crate::support::program::{Ended, Repo, address, address_of, run, start};
use crate::support::server::{options, own, source, target_alone};
use crate::support::stores::{Fault, FaultyStore, OrderStore};
use myriad::command;
use myriad::command::options::{BackupOptions, Consistency, Effort, Selection};
use myriad::error::Exit;
use myriad::progress::{Silent, Stop};
use myriad::sandbox::{Sandbox, SandboxOptions};
use myriad::store;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

#[tokio::test]
async fn wrong_login_unknown_host_and_missing_repository() {
    let server = source();
    data::run(server, &["CREATE USER faults@localhost IDENTIFIED BY 'right'"]).await;
    let repo = Repo::new();
    let backup = |source: &str| run(&["backup", "--source", source, "--repo", &repo.place()]);
    backup(&address_of("faults:wrong", server)).refused(11, &["faults@", "Access denied"]);
    backup("mysql://root@no-such-host.invalid:3306").refused(10, &["no-such-host.invalid:3306"]);
    backup("mysql://root@/no/such/socket").refused(10, &["/no/such/socket"]);
    assert_eq!(repo.files(), Vec::<String>::new(), "a repository was made though nothing could be stored");
    for command in ["list", "show", "verify"] {
        run(&[command, "--repo", &repo.place()]).refused(20, &["repository", &repo.place()]);
    }
    repo.restore(server, &[]).refused(20, &["repository", &repo.place()]);
}

/// Changes a document and writes its checksum anew, as another version of the program would have written it.
fn reseal(file: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let text = std::fs::read_to_string(file).unwrap();
    let mut value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    change(&mut value);
    let line = format!("{value}\n");
    std::fs::write(file, format!("{line}\"sha256:{}\"\n", hex::encode(Sha256::digest(&line)))).unwrap();
}

#[tokio::test]
async fn what_another_version_wrote_is_refused_and_not_misread() {
    let server = source();
    data::make(server, "faults_version", 10).await;
    let repo = Repo::new();
    repo.backup(server, "faults_version");
    let files = repo.files();
    let manifest = files.iter().find(|file| file.ends_with("manifest.json")).unwrap();
    let sound: Vec<_> = ["myriad.json", manifest].iter().map(|name| std::fs::read(repo.file(name)).unwrap()).collect();
    let cases: [(&str, &str, serde_json::Value, &str); 7] = [
        ("myriad.json", "myriad", 2.into(), "format 2"),
        ("myriad.json", "encryption", "aes".into(), "encryption aes"),
        (manifest, "format", 2.into(), "format"),
        (manifest, "kind", "physical".into(), "physical"),
        (manifest, "requires", vec!["row-marks"].into(), "row-marks"),
        (manifest, "versions", serde_json::json!({"row_text": 2, "row_digest": 1, "parts": 1}), "row_text"),
        (manifest, "versions", serde_json::json!({"row_text": 1, "row_digest": 9, "parts": 1}), "row_digest"),
    ];
    for (file, field, value, word) in cases {
        reseal(&repo.file(file), |document| document[field] = value);
        for ended in [run(&["show", "--repo", &repo.place()]), repo.restore(server, &["--allow-source"])] {
            ended.refused(21, &[file, word]);
        }
        std::fs::write(repo.file("myriad.json"), &sound[0]).unwrap();
        std::fs::write(repo.file(manifest), &sound[1]).unwrap();
    }
    repo.verify(&[]).expect(0);

    let foreign = tempfile::tempdir().unwrap();
    std::fs::write(foreign.path().join("holiday.jpg"), "no backup").unwrap();
    let place = foreign.path().display().to_string();
    run(&["backup", "--source", &address(server), "--repo", &place]).refused(21, &[&place, "not empty"]);
    assert_eq!(foreign.path().read_dir().unwrap().count(), 1, "something was written into a foreign folder");
}

#[tokio::test]
async fn damage_is_named_and_no_bad_row_comes_back() {
    let (target, _turn) = target_alone().await;
    data::make(source(), "faults_damage", 6000).await;
    let repo = Repo::new();
    repo.backup(source(), "faults_damage");
    data::run(source(), &["UPDATE faults_damage.account SET owner = 'x' WHERE id = 1"]).await;
    data::run(source(), &["UPDATE faults_damage.account SET owner = LEFT(SHA2(id, 224), 32) WHERE id = 1"]).await;
    repo.backup(source(), "faults_damage");
    let files: Vec<String> = repo.files().into_iter().filter(|file| file != "myriad.json").collect();
    let newest = files.iter().rfind(|file| file.ends_with("manifest.json")).unwrap().clone();
    for file in files.iter().filter(|file| file.starts_with("objects") || **file == newest) {
        let sound = std::fs::read(repo.file(file)).unwrap();
        let other = files.iter().find(|f| *f != file && f.split('/').next() == file.split('/').next());
        let mut damages = vec![("truncated", sound[..sound.len() - 1].to_vec())];
        let mut flipped = sound.clone();
        flipped[sound.len() / 2] ^= 1;
        damages.push(("one bit turned over", flipped));
        damages.extend(other.map(|other| ("swapped", std::fs::read(repo.file(other)).unwrap())));
        for (what, bytes) in damages {
            std::fs::write(repo.file(file), bytes).unwrap();
            damage_is_found(&repo, target, file, what).await;
        }
        if file.starts_with("objects") {
            std::fs::remove_file(repo.file(file)).unwrap();
            damage_is_found(&repo, target, file, "missing").await;
        }
        std::fs::write(repo.file(file), sound).unwrap();
    }
    repo.verify(&[]).expect(0);
    repo.restore(target, &[]).expect(0);
    drop_restored(target, "faults_damage").await;
}

async fn damage_is_found(repo: &Repo, target: &Sandbox, file: &str, what: &str) {
    let name = file.rsplit('/').next().unwrap();
    let Ended { code, out, err } = repo.verify(&[]);
    assert!(code == 22 && format!("{out}{err}").contains(name), "verify, {file} {what}: {code}\n{out}\n{err}");
    let Ended { code, err, .. } = repo.restore(target, &[]);
    // An object of the older backup alone is nothing to the newest one.
    if code != 0 {
        assert!(code == 22 && err.contains(name), "restore, {file} {what}: {code}\n{err}");
    }
    let there = "SELECT COUNT(*) FROM information_schema.tables WHERE TABLE_SCHEMA = 'faults_damage' AND TABLE_NAME = ";
    if one(target, &format!("{there}'account'")).await == "1" {
        let bad = "SELECT COUNT(*) FROM faults_damage.account WHERE owner <> LEFT(SHA2(id, 224), 32) OR balance <> id * 1.25 \
                   OR note <> REPEAT(SHA2(id, 224), 3)";
        assert_eq!(one(target, bad).await, "0", "bad rows came back: {file} {what}");
    }
    drop_restored(target, "faults_damage").await;
}

#[tokio::test]
async fn a_source_that_dies_leaves_nothing_visible() {
    let mut server = own(options());
    data::make(&server, "d", 20_000).await;
    let (repo, source) = (Repo::new(), address(&server));
    let mut backup = start(&[&repo.backup_arguments(&source, "d")[..], &["--max-rate", "500k"]].concat());
    let reading = "SELECT COUNT(*) FROM information_schema.processlist WHERE INFO LIKE 'SELECT%`account`%' \
                   AND INFO NOT LIKE '%processlist%'";
    assert!(backup.until(async || one(&server, reading).await != "0").await, "the backup ended too early");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    server.kill9();
    backup.end().refused(13, &["lost"]);
    assert_eq!(repo.listed(), Vec::<String>::new());
    server.restart().unwrap();
    repo.backup(&server, "d");
    assert_eq!(repo.listed().len(), 1);
    repo.verify(&[]).expect(0);
    repo.verify(&["--against", &source]).expect(0);
}

#[tokio::test]
async fn a_target_that_dies_is_restored_from_where_it_was() {
    data::make(source(), "faults_target", 40_000).await;
    let before = fingerprint(source(), "faults_target").await;
    let repo = Repo::new();
    repo.backup(source(), "faults_target");
    let mut server = own(options());
    let target = address(&server);
    let mut restore = start(&repo.restore_arguments(&target));
    let chunks = "SELECT TABLE_ROWS FROM information_schema.tables WHERE TABLE_SCHEMA = 'myriad_restore' AND TABLE_NAME = 'chunk'";
    let loaded = async || match one(&server, chunks).await.as_str() {
        "" => false,
        _ => one(&server, "SELECT COUNT(*) > 4 FROM myriad_restore.chunk").await == "1",
    };
    assert!(restore.until(loaded).await, "the restore ended too early");
    server.kill9();
    restore.end().refused(13, &["lost"]);
    server.restart().unwrap();
    let report = run(&[&repo.restore_arguments(&target)[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(report["resumed"], true);
    assert!(report["rows_loaded"].as_u64() < report["rows"].as_u64(), "everything was loaded again");
    assert_eq!(fingerprint(&server, "faults_target").await, before);
    assert_nothing_left(&server).await;
}

fn backup_options(server: &Sandbox, schema: &str) -> BackupOptions {
    BackupOptions {
        source: server.connect_options(),
        repo: "unused".into(),
        name: None,
        selection: Selection { databases: vec![schema.into()], ..Selection::default() },
        // The least memory gives the smallest objects.
        effort: Effort { threads: 2, memory_bytes: 8 << 20 },
        chunk_bytes: 64 << 10,
        consistency: Consistency::Auto,
        no_data: false,
        no_objects: false,
        users: false,
        conditions: Vec::new(),
        rate_bytes_max: None,
        dry_run: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_any_write_leaves_nothing_visible_and_nothing_broken() {
    data::make(source(), "faults_disk", 30_000).await;
    let options = backup_options(source(), "faults_disk");
    let whole = Arc::new(FaultyStore::new(Arc::new(store::MemoryStore::new()), Fault::None));
    command::backup::run_into(whole.clone(), &options, Arc::new(Silent), Stop::default()).await.unwrap();
    assert!(whole.writes() >= 6, "{} writes are too few to fail at", whole.writes());
    for write in 1..=whole.writes() {
        for fault in [Fault::Write(write), Fault::WritesFrom(write)] {
            let repo = Repo::new();
            let folder = store::open(&repo.place(), true).await.unwrap();
            let faulty = Arc::new(FaultyStore::new(folder, fault));
            let failed = command::backup::run_into(faulty, &options, Arc::new(Silent), Stop::default()).await;
            let error = failed.expect_err("a backup whose object was not stored");
            assert_eq!(error.exit(), Exit::RepositoryWrite, "{fault:?}: {error}");
            assert!(error.to_string().contains("No space left on device") && !error.hints().is_empty(), "{error:?}");
            assert_eq!(repo.listed(), Vec::<String>::new(), "{fault:?}");
            repo.backup(source(), "faults_disk");
            assert_eq!(repo.listed().len(), 1);
            repo.verify(&[]).expect(0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_is_written_last() {
    data::make(source(), "faults_order", 12_000).await;
    let store = Arc::new(OrderStore::new(Arc::new(store::MemoryStore::new())));
    let options = backup_options(source(), "faults_order");
    command::backup::run_into(store.clone(), &options, Arc::new(Silent), Stop::default()).await.unwrap();
    store.assert_manifest_last();
}

#[tokio::test]
async fn a_real_full_disk_is_told_and_then_made_good() {
    let folder = tempfile::tempdir().unwrap();
    let mount = |options: &str| {
        let mut command = std::process::Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path());
        command.output().is_ok_and(|output| output.status.success())
    };
    if !mount("size=256k") {
        eprintln!("skipped a_real_full_disk_is_told_and_then_made_good: this account may not mount a tmpfs");
        return;
    }
    data::make(source(), "faults_tmpfs", 12_000).await;
    let place = folder.path().join("repo").display().to_string();
    let arguments = ["backup", "--source", &address(source()), "--repo", &place, "--database", "faults_tmpfs"];
    let full = run(&arguments);
    let listed = run(&["list", "--repo", &place, "--json"]);
    let larger = mount("remount,size=64m");
    let again = run(&arguments);
    let verified = run(&["verify", "--repo", &place]);
    let unmounted = std::process::Command::new("umount").arg(folder.path()).status();
    full.refused(23, &["No space left on device"]);
    assert_eq!(listed.expect(0).json()["backups"], serde_json::json!([]));
    assert!(larger && unmounted.is_ok_and(|status| status.success()));
    again.expect(0);
    verified.expect(0);
}

#[tokio::test]
async fn rows_that_the_target_does_not_take_are_rolled_back() {
    data::make(source(), "faults_reject", 3000).await;
    let repo = Repo::new();
    repo.backup(source(), "faults_reject");
    // The server's own limit refuses chunks that are larger.
    let server = own(SandboxOptions { arguments: vec!["--max-binlog-cache-size=4096".into()], ..options() });
    let Ended { code, err, .. } = repo.restore(&server, &["--log-bin"]);
    assert_eq!(code, 42, "{err}");
    assert!(err.contains("faults_reject.") && err.contains("\nhint: "), "{err}");
    let rows = "SELECT COUNT(*) FROM faults_reject.account WHERE id NOT IN (SELECT 0)";
    assert_eq!(one(&server, rows).await, "0");
}
