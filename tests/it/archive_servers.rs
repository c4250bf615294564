//! `myriad archive` of servers as they are: crashed, purged while they send, without a file in the middle, with another
//! gtid_mode than their logs, with encrypted logs and large transactions, and into a bucket.

use crate::archive::{once, own_with, purge, table, uuid, write};
use crate::support::binlogs::{assert_same, documents, of_archive, of_server};
use crate::support::data::{one, run as sql};
use crate::support::program::{Ended, Repo, Running, address, run, start, start_with};
use crate::support::s3_server::{ACCESS_KEY, BUCKET, S3Server, SECRET_KEY};
use crate::support::server::{options, own, source};
use myriad::sandbox::{Kind, ProgramPaths, Sandbox, SandboxOptions};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn backup(server: &Sandbox, repo: &Repo) -> String {
    let (address, place) = (address(server), repo.place());
    let backup = ["backup", "--source", &address, "--repo", &place, "--database", "a", "--name", "shop", "--json"];
    run(&backup).expect(0).json()["id"].as_str().unwrap().to_owned()
}

fn roll_forward(repo: &Repo, backup: &str) -> Value {
    run(&["show", "--repo", &repo.place(), "--backup", backup, "--json"]).expect(0).json()["roll_forward"].clone()
}

async fn executed(server: &Sandbox) -> String {
    one(server, "SELECT @@global.gtid_executed").await.split_whitespace().collect()
}

fn newest(server: &Sandbox) -> PathBuf {
    server.data_dir().join(of_server(server).into_keys().next_back().unwrap())
}

#[tokio::test]
async fn a_crash_a_purge_and_a_lost_file() {
    let mut server = own_with(&["--max-binlog-size=16384"]);
    let identity = uuid(&server).await;
    table(&server).await;
    write(&server, 20).await;
    // A transaction of many times the greatest file.
    sql(&server, &["INSERT INTO a.t (x) SELECT REPEAT(HEX(RANDOM_BYTES(500)), 60) FROM a.n"]).await;
    let repo = Repo::new();
    let before = backup(&server, &repo);
    write(&server, 2).await;
    once(&server, &repo, &["--start", "first"]).expect(0);
    assert_same(&repo, "shop", &identity, &server, "");
    the_end_of_a_log_is_lost(&mut server, &repo, &identity, &before).await;
    purged_while_it_sends(&server, &repo, &identity).await;
    a_file_is_lost(&server, &repo).await;
}

/// A power cut takes the end of the last file, and the server keeps a transaction that stands in no log.
async fn the_end_of_a_log_is_lost(server: &mut Sandbox, repo: &Repo, identity: &str, before: &str) {
    sql(server, &["FLUSH BINARY LOGS"]).await;
    write(server, 3).await;
    sql(server, &["FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS"]).await;
    let all = executed(server).await;
    server.kill9();
    let last = newest(server);
    let name = last.file_name().unwrap().to_str().unwrap().to_owned();
    let file = OpenOptions::new().write(true).open(&last).unwrap();
    // Within the event before the last one of the last transaction.
    file.set_len(file.metadata().unwrap().len() - 40).unwrap();

    // What the dead server has left is taken to the last whole transaction, where that is asked for.
    let dead = Repo::new();
    let files = |more: &[&str]| {
        let (folder, place) = (server.data_dir().display().to_string(), dead.place());
        run(&[&["archive", "--from-files", &folder, "--repo", &place, "--name", "shop", "--json"], more].concat())
    };
    let left = files(&[]).expect(0).json();
    assert!(left["notes"][0].as_str().unwrap().contains(&format!("{name} is still written")), "{left}");
    assert!(!of_archive(&dead, "shop", identity).contains_key(&name));
    let taken = files(&["--unclosed"]).expect(0).json();
    let (found, expected) = (of_archive(&dead, "shop", identity), of_server(server));
    let (found, expected) = (&found[&name], &expected[&name]);
    assert!(expected.starts_with(found) && expected.len() - found.len() < 2000, "{taken}");
    assert!(taken["transactions"].as_u64() >= Some(2) && taken.to_string().contains("within an event"), "{taken}");
    assert_eq!(files(&["--unclosed"]).expect(0).json()["segments"], 0);
    dead.verify(&[]).expect(0);

    server.restart().unwrap();
    assert_eq!(executed(server).await, all);
    write(server, 2).await;
    let lost = format!("{identity}:{}", all.rsplit('-').next().unwrap());
    for repo in [repo, &dead] {
        let report = once(server, repo, &[]).expect(0).json();
        assert!(report["notes"].to_string().contains(&format!("transactions {lost} were executed")), "{report}");
        assert_eq!(report["gtids"], json!(executed(server).await));
        assert_same(repo, "shop", identity, server, "");
        assert!(repo.verify(&[]).expect(0).out.contains(&format!("transactions {lost} were in no binary log")));
    }
    // Nobody can roll a backup from before over it, and one from behind knows it.
    let missing = roll_forward(repo, before);
    assert!(missing["missing"].as_str().unwrap().contains(&lost), "{missing}");
    let after = backup(server, repo);
    write(server, 1).await;
    assert!(once(server, repo, &[]).expect(0).json()["notes"].is_null());
    let covered = roll_forward(repo, &after);
    assert_eq!((&covered["gtids"], &covered["missing"]), (&json!(executed(server).await), &json!(null)));
}

fn live(server: &Sandbox, repo: &Repo) -> Running {
    let (address, place) = (address(server), repo.place());
    start(&[
        "archive",
        "--source",
        &address,
        "--repo",
        &place,
        "--segment-size",
        "16k",
        "--segment-time",
        "1s",
        "--json",
    ])
}

async fn archived(archive: &mut Running, repo: &Repo, server: &Sandbox) {
    let all = executed(server).await;
    let covers = async || documents(repo, "shop").last().is_some_and(|last| last["covered"] == json!(all));
    assert!(archive.until(covers).await, "the archive ended by itself");
}

/// A reader that is slow, or stopped, loses nothing to a purge.
async fn purged_while_it_sends(server: &Sandbox, repo: &Repo, identity: &str) {
    let mut archive = live(server, repo);
    write(server, 2).await;
    archived(&mut archive, repo, server).await;
    archive.signal(Signal::STOP);
    write(server, 60).await;
    let newest = newest(server).file_name().unwrap().to_str().unwrap().to_owned();
    sql(server, &[format!("PURGE BINARY LOGS TO '{newest}'")]).await;
    archive.signal(Signal::CONT);
    archived(&mut archive, repo, server).await;
    archive.signal(Signal::TERM);
    let report = archive.end().expect(130).json();
    assert!(report["gaps"].is_null(), "{report}");
    let oldest = of_server(server).into_keys().next().unwrap();
    let mut found = of_archive(repo, "shop", identity);
    found.retain(|file, _| *file >= oldest);
    assert!(found == of_server(server));
    repo.verify(&[]).expect(0);
}

/// Somebody has removed a file that the server still lists.
async fn a_file_is_lost(server: &Sandbox, repo: &Repo) {
    sql(server, &["FLUSH BINARY LOGS"]).await;
    write(server, 2).await;
    let lost = newest(server);
    sql(server, &["FLUSH BINARY LOGS"]).await;
    write(server, 2).await;
    std::fs::remove_file(&lost).unwrap();
    once(server, repo, &[]).refused(26, &["cannot send what follows"]);
    let report = once(server, repo, &["--accept-gap"]).expect(0).json();
    assert!(report["gaps"][0].as_str().unwrap().contains(&uuid(server).await), "{report}");
    assert_eq!(report["gtids"], json!(executed(server).await));
    assert_eq!(once(server, repo, &[]).expect(0).json()["segments"], 0);
    repo.verify(&[]).expect(0);
}

async fn mode(server: &Sandbox, modes: &[&str]) {
    for mode in modes {
        sql(server, &[format!("SET GLOBAL gtid_mode = {mode}")]).await;
    }
}

/// A server sends transactions with GTID only while its mode is not OFF, and those without only while it is not ON.
#[tokio::test]
async fn another_gtid_mode_than_that_of_the_log() {
    let server = own(SandboxOptions { tcp: true, ..options() });
    let identity = uuid(&server).await;
    table(&server).await;
    write(&server, 2).await;
    let repo = Repo::new();
    let to_off = ["ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"];
    mode(&server, &to_off).await;
    once(&server, &repo, &["--name", "shop"]).refused(26, &["under another gtid_mode", "GTID_MODE = OFF"]);
    mode(&server, &["OFF_PERMISSIVE"]).await;
    once(&server, &repo, &[]).expect(0);
    assert_same(&repo, "shop", &identity, &server, "");
    // The archive keeps up, and the mode is changed both ways.
    mode(&server, &["OFF"]).await;
    write(&server, 2).await;
    let anonymous = backup(&server, &repo);
    write(&server, 1).await;
    once(&server, &repo, &[]).expect(0);
    assert_eq!(roll_forward(&repo, &anonymous)["missing"], json!(null));
    mode(&server, &["OFF_PERMISSIVE", "ON_PERMISSIVE"]).await;
    once(&server, &repo, &[]).expect(0);
    mode(&server, &["ON"]).await;
    write(&server, 2).await;
    assert!(once(&server, &repo, &[]).expect(0).json()["gaps"].is_null());
    assert_same(&repo, "shop", &identity, &server, "");
    assert_eq!(roll_forward(&repo, &anonymous)["missing"], json!(null));
    repo.verify(&[]).expect(0);
    // It did not keep up.
    mode(&server, &to_off).await;
    write(&server, 1).await;
    let behind = backup(&server, &repo);
    write(&server, 1).await;
    mode(&server, &["OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"]).await;
    write(&server, 1).await;
    let refused = once(&server, &repo, &[]).refused(26, &["under another gtid_mode", "GTID_MODE = ON"]);
    assert!(refused.err.contains("--from-files") && refused.err.contains("--accept-gap"), "{}", refused.err);
    let report = once(&server, &repo, &["--accept-gap"]).expect(0).json();
    assert_eq!(report["gaps"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["gtids"], json!(executed(&server).await));
    // What came right behind this backup has no GTID, and is in the gap.
    let lost = roll_forward(&repo, &behind);
    assert!(lost["last_segment"].is_null() && lost["missing"].is_string(), "{lost}");
    assert!(repo.verify(&[]).expect(0).out.contains("1 gap"));
    // And the files are gone: the set at the archive's end is that of the file behind them.
    mode(&server, &to_off).await;
    mode(&server, &["OFF_PERMISSIVE"]).await;
    write(&server, 1).await;
    once(&server, &repo, &[]).expect(0);
    write(&server, 1).await;
    mode(&server, &["ON_PERMISSIVE", "ON"]).await;
    purge(&server, newest(&server).file_name().unwrap().to_str().unwrap()).await;
    once(&server, &repo, &[]).refused(26, &["a gap", "its oldest file is"]);

    large_transactions(&server, &identity).await;
    the_same_numbers_after_a_reset(&server).await;
    into_a_bucket(&server, &identity).await;
}

/// Events behind the greatest packet of the protocol, as they are and compressed.
async fn large_transactions(server: &Sandbox, identity: &str) {
    sql(
        server,
        &[
            "RESET BINARY LOGS AND GTIDS",
            "CREATE TABLE a.large (x LONGBLOB)",
            "SET SESSION binlog_transaction_compression = OFF",
            "INSERT INTO a.large VALUES (REPEAT('0123456789abcdef', 1200000))",
            "SET SESSION binlog_transaction_compression = ON",
            "INSERT INTO a.large WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 900) \
             SELECT CONCAT(RANDOM_BYTES(1000), RANDOM_BYTES(1000)) FROM n a JOIN (SELECT n FROM n LIMIT 10) b",
            "INSERT INTO a.large VALUES (REPEAT('0123456789abcdef', 1200000))",
        ],
    )
    .await;
    let repo = Repo::new();
    let report = once(server, &repo, &["--name", "large"]).expect(0).json();
    assert!(report["bytes"].as_u64() > Some(17 << 20), "{report}");
    assert_same(&repo, "large", identity, server, "");
    repo.verify(&[]).expect(0);
}

/// The same file name, size and GTIDs, and other transactions.
async fn the_same_numbers_after_a_reset(server: &Sandbox) {
    let repo = Repo::new();
    let mut sizes = Vec::new();
    for code in [0, 26] {
        sql(server, &["RESET BINARY LOGS AND GTIDS", "DROP TABLE IF EXISTS a.n"]).await;
        write(server, 2).await;
        let position = "SELECT CONCAT_WS(' ', LOCAL->>'$.binary_log_file', LOCAL->>'$.binary_log_position', \
                        LOCAL->>'$.gtid_executed') FROM performance_schema.log_status";
        sizes.push(one(server, position).await);
        let ended = once(server, &repo, &["--name", "shop"]).expect(code);
        assert!(code == 0 || ended.err.contains("is not the one that was archived"), "{}", ended.err);
    }
    assert_eq!(sizes[0], sizes[1]);
}

/// Into a bucket, and on from where it ends there.
async fn into_a_bucket(server: &Sandbox, identity: &str) {
    let store = S3Server::start();
    let place = format!("s3://{BUCKET}/logs");
    let variables = [
        ("AWS_ENDPOINT", store.endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_REGION", "eu-central-1"),
    ];
    let with = |arguments: &[&str]| start_with(&[arguments, &["--repo", &place]].concat(), &variables).end();
    let source = address(server);
    let archive = || -> Ended { with(&["archive", "--source", &source, "--once", "--json", "--name", "shop"]) };
    sql(server, &["RESET BINARY LOGS AND GTIDS"]).await;
    write(server, 3).await;
    let first = archive().expect(0).json();
    sql(server, &["FLUSH BINARY LOGS"]).await;
    write(server, 3).await;
    let second = archive().expect(0).json();
    assert_eq!(archive().expect(0).json()["segments"], 0);
    assert!(first["segments"].as_u64() >= Some(1) && second["segments"].as_u64() >= Some(2), "{first} {second}");
    with(&["verify"]).expect(0);
    // The bucket's objects lie in a folder: read there, with nothing of the program.
    let copy = Repo::new();
    copy_folder(&store.folder().join(BUCKET).join("logs"), Path::new(&copy.place()));
    assert_same(&copy, "shop", identity, server, "");
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_folder(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// MySQL's programs with a keyring, which is configured by files beside the server's program and the component; none where
/// the component is not installed.
async fn with_a_keyring(folder: &Path) -> Option<ProgramPaths> {
    let plugins = PathBuf::from(one(source(), "SELECT @@global.plugin_dir").await);
    let component = "component_keyring_file";
    let library = folder.join("plugin").join(format!("{component}.so"));
    std::fs::create_dir(folder.join("plugin")).unwrap();
    std::fs::copy(plugins.join(format!("{component}.so")), library).ok()?;
    let keys = json!({ "path": folder.join("keys"), "read_only": false });
    std::fs::write(folder.join("plugin").join(format!("{component}.cnf")), keys.to_string()).unwrap();
    std::fs::write(folder.join("mysqld.my"), json!({ "components": format!("file://{component}") }).to_string())
        .unwrap();
    // The server that runs, wherever it was started from: its command line has its own path.
    let line = std::fs::read(format!("/proc/{}/cmdline", source().pid().unwrap())).unwrap();
    let words: Vec<String> =
        line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let options = words.iter().position(|word| word == "--no-defaults").unwrap();
    let mut before = words[..options].to_vec();
    // Behind a loader, or the first one.
    let program = before.last_mut().unwrap();
    std::fs::copy(&*program, folder.join("mysqld")).unwrap();
    *program = folder.join("mysqld").display().to_string();
    let behind =
        words.iter().filter(|word| word.starts_with("--lc-messages-dir=") || word.starts_with("--character-sets-dir="));
    let quoted = |words: Vec<&String>| words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let script = format!(
        "#!/bin/sh\nexec {} \"$@\" {} '--plugin-dir={}'\n",
        quoted(before.iter().collect()),
        quoted(behind.collect()),
        folder.join("plugin").display()
    );
    let path = folder.join("run");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Some(ProgramPaths::from_environment(Kind::Mysql, Some(path.as_os_str()), None, None, None, None))
}

/// A server that encrypts sends its logs in clear, and the run says so; its files cannot be taken as they lie.
#[tokio::test]
async fn encrypted_logs_are_sent_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let Some(programs) = with_a_keyring(folder.path()).await else {
        eprintln!("skipped: component_keyring_file is not installed");
        return;
    };
    let arguments = vec!["--binlog-encryption=ON".to_owned()];
    let server = own(SandboxOptions { arguments, ..SandboxOptions::new(programs) });
    table(&server).await;
    let word = "a-word-that-is-looked-for";
    sql(&server, &[format!("INSERT INTO a.t (x) VALUES ('{word}')"), "FLUSH BINARY LOGS".into()]).await;
    write(&server, 2).await;
    let repo = Repo::new();
    for transactions in [3, 0] {
        let report = once(&server, &repo, &["--name", "shop"]).expect(0).json();
        assert!(report["notes"].to_string().contains("sends them decrypted"), "{report}");
        assert!(report["transactions"].as_u64() >= Some(transactions), "{report}");
    }
    let (clear, stored) = (of_archive(&repo, "shop", &uuid(&server).await), of_server(&server));
    let holds = |bytes: &[u8]| memchr::memmem::find(bytes, word.as_bytes()).is_some();
    assert_eq!(clear.keys().collect::<Vec<_>>(), stored.keys().collect::<Vec<_>>());
    assert!(clear.values().any(|bytes| holds(bytes)) && !stored.values().any(|bytes| holds(bytes)));
    repo.verify(&[]).expect(0);
    let (place, fresh) = (server.data_dir().display().to_string(), Repo::new());
    run(&["archive", "--from-files", &place, "--repo", &fresh.place(), "--name", "shop"])
        .refused(2, &["binlog.000001 is encrypted", "fd 62 69 6e"]);
    assert!(!Path::new(&fresh.place()).exists());
}
