//! `myriad archive` against real servers: what it stores is what lies in the server's folder, byte by byte; it goes on where
//! it ended; what is missing is refused or named.

use crate::support::binlogs::{assert_same, documents, object, of_archive, of_server};
use crate::support::data::{one, run as sql};
use crate::support::program::{Ended, Repo, address, command, run};
use crate::support::replication::{attach, catch_up};
use crate::support::server::{mariadb_options, options, own, source};
use crate::support::stores::{Change, Fault, FaultyStore, OrderStore};
use myriad::command::archive::{self, ArchiveOptions, Origin, Start};
use myriad::manifest::Repository;
use myriad::manifest::binlogs::{self, chain};
use myriad::progress::{Silent, Stop};
use myriad::sandbox::{Sandbox, SandboxOptions};
use myriad::store::{MemoryStore, Store};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One pass over the server's log in segments of 16 KiB.
pub(crate) fn once(server: &Sandbox, repo: &Repo, more: &[&str]) -> Ended {
    let (address, place) = (address(server), repo.place());
    let arguments = ["archive", "--source", &address, "--repo", &place, "--once", "--segment-size", "16k", "--json"];
    run(&[&arguments[..], more].concat())
}

pub(crate) fn own_with(arguments: &[&str]) -> Sandbox {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    own(SandboxOptions { arguments, ..options() })
}

pub(crate) async fn uuid(server: &Sandbox) -> String {
    one(server, "SELECT @@global.server_uuid").await
}

pub(crate) async fn table(server: &Sandbox) {
    sql(server, &["CREATE DATABASE a", "CREATE TABLE a.t (id INT AUTO_INCREMENT PRIMARY KEY, x LONGTEXT)"]).await;
}

/// So many transactions of some 2 KiB.
pub(crate) async fn write(server: &Sandbox, transactions: usize) {
    let insert = "INSERT INTO a.t (x) SELECT GROUP_CONCAT(HEX(RANDOM_BYTES(30))) FROM a.n";
    let insert = if server.kind() == myriad::sandbox::Kind::Mariadb {
        "INSERT INTO a.t (x) VALUES (REPEAT('x', 2000))"
    } else {
        insert
    };
    let make = "CREATE TABLE IF NOT EXISTS a.n AS SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
                UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9";
    sql(server, &[&[make][..], &vec![insert; transactions][..]].concat()).await;
}

/// Purges all files before this one. A server keeps a file that it still sends to a reader that has just left.
pub(crate) async fn purge(server: &Sandbox, first: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while one(server, "SHOW BINARY LOGS").await != first {
        assert!(Instant::now() < deadline, "the files before {first} do not go");
        sql(server, &[format!("PURGE BINARY LOGS TO '{first}'")]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn bytes_are_those_of_the_server() {
    let server = own(SandboxOptions { tcp: true, ..options() });
    let identity = uuid(&server).await;
    table(&server).await;
    write(&server, 30).await;
    sql(
        &server,
        &[
            "FLUSH BINARY LOGS",
            "SET SESSION binlog_transaction_compression = OFF",
            "INSERT INTO a.t (x) SELECT REPEAT(UUID(), 5000) FROM a.t",
            "SET SESSION binlog_transaction_compression = ON",
            "INSERT INTO a.t (x) SELECT REPEAT(UUID(), 300) FROM a.t",
            "SET gtid_next = 'AUTOMATIC:tagged'",
            "INSERT INTO a.t (x) VALUES ('a tag')",
            "SET gtid_next = 'AUTOMATIC'",
            "XA START 'x'",
            "INSERT INTO a.t (x) VALUES ('xa')",
            "XA END 'x'",
            "XA PREPARE 'x'",
            "SET GLOBAL binlog_checksum = NONE",
        ],
    )
    .await;
    write(&server, 20).await;
    sql(&server, &["XA COMMIT 'x'", "CREATE VIEW a.v AS SELECT 1"]).await;
    let repo = Repo::new();
    let report = once(&server, &repo, &[]).expect(0).json();
    assert_same(&repo, "default", &identity, &server, "");
    let executed = one(&server, "SELECT @@global.gtid_executed").await;
    assert_eq!(report["gtids"], json!(executed.split_whitespace().collect::<String>()));
    assert!(report["segments"].as_u64() > Some(5) && report["transactions"].as_u64() > Some(55), "{report}");
    // A transaction is in one segment, also one of 5 MB and more, which takes several frames.
    let size = |document: &serde_json::Value| document["end"].as_u64().unwrap() - document["start"].as_u64().unwrap();
    let bytes: Vec<u64> = documents(&repo, "default").iter().map(size).collect();
    assert!(bytes.iter().any(|bytes| *bytes > 5_000_000), "{bytes:?}");

    // Nothing new, then something new, then a file of a server that was stopped.
    assert_eq!(once(&server, &repo, &[]).expect(0).json()["segments"], 0);
    write(&server, 1).await;
    sql(&server, &["SET GLOBAL binlog_checksum = CRC32"]).await;
    assert!(once(&server, &repo, &[]).expect(0).json()["segments"].as_u64() >= Some(1));
    let mut server = server;
    write(&server, 3).await;
    server.restart().unwrap();
    write(&server, 2).await;
    once(&server, &repo, &[]).expect(0);
    assert_same(&repo, "default", &identity, &server, "");
    let verified = repo.verify(&["--json"]).expect(0).json();
    let archive = &verified["binlogs"][0];
    assert_eq!((&archive["damage"], &archive["gaps"], &archive["orphans"]), (&json!([]), &json!([]), &json!(0)));
    let listed = run(&["list", "--repo", &repo.place()]).expect(0).out;
    assert!(listed.contains("binary logs of default: ") && listed.contains("no gap"), "{listed}");

    over_tls(&server, &repo, &identity).await;
    from_files(&server, &identity).await;
    the_end_is_damaged(&server, &repo);
    damage(&repo);
}

/// An account with one right, over TLS, whose password shows nowhere.
async fn over_tls(server: &Sandbox, repo: &Repo, identity: &str) {
    sql(
        server,
        &["CREATE USER keeper IDENTIFIED BY 'H1dden-Word' REQUIRE SSL", "GRANT REPLICATION SLAVE ON *.* TO keeper"],
    )
    .await;
    let (place, port) = (repo.place(), server.port().unwrap().to_string());
    let run_as = |more: &[&str]| {
        let arguments =
            ["archive", "--source", &format!("mysql://keeper@127.0.0.1:{port}"), "--repo", &place, "--once", "-vv"];
        let mut program = command(&[&arguments[..], more].concat());
        let output = program.env("MYSQL_PWD", "H1dden-Word").env("RUST_LOG", "trace").output().unwrap();
        let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        assert!(!texts.concat().contains("H1dden"), "{texts:?}");
        (output.status.code().unwrap(), texts.concat())
    };
    assert_eq!(run_as(&["--ssl-mode", "disabled"]).0, 11);
    let (code, told) = run_as(&["--ssl-mode", "required", "--server-id", "77"]);
    assert!(code == 0 && told.contains("read as server id 77"), "{told}");
    assert_same(repo, "default", identity, server, "");
    for file in repo.files() {
        let bytes = std::fs::read(repo.file(&file)).unwrap();
        assert!(memchr::memmem::find(&bytes, b"H1dden").is_none(), "{file}");
    }
    sql(server, &["REVOKE REPLICATION SLAVE ON *.* FROM keeper"]).await;
    let fresh = Repo::new();
    let fresh_place = fresh.place();
    for place in [&place, &fresh_place] {
        let address = format!("mysql://keeper@127.0.0.1:{port}");
        let mut program =
            command(&["archive", "--source", &address, "--repo", place, "--once", "--ssl-mode", "required"]);
        let output = program.env("MYSQL_PWD", "H1dden-Word").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(12) && told.contains("REPLICATION SLAVE"), "{told}");
    }
    assert!(!Path::new(&fresh_place).exists());
}

async fn from_files(server: &Sandbox, identity: &str) {
    let repo = Repo::new();
    let files = |place: &Path, more: &[&str]| {
        let (place, repo) = (place.display().to_string(), repo.place());
        run(&[&["archive", "--from-files", &place, "--repo", &repo, "--json", "--segment-size", "16k"], more].concat())
    };
    files(server.data_dir(), &[]).refused(2, &["nothing says of which source"]);
    files(Path::new("/nonexistent/folder"), &["--name", "shop"]).refused(2, &["/nonexistent/folder cannot be taken"]);
    assert!(!Path::new(&repo.place()).exists());
    let report = files(server.data_dir(), &["--name", "shop"]).expect(0).json();
    // The one in use is left.
    assert!(report["notes"][0].as_str().unwrap().contains("still written"), "{report}");
    let mut expected = of_server(server);
    expected.pop_last();
    assert!(of_archive(&repo, "shop", identity) == expected);
    assert_eq!(files(server.data_dir(), &[]).expect(0).json()["segments"], 0);
    sql(server, &["FLUSH BINARY LOGS"]).await;
    files(server.data_dir(), &[]).expect(0);
    // The server itself goes on where the files ended.
    once(server, &repo, &[]).expect(0);
    assert_same(&repo, "shop", identity, server, "");
    repo.verify(&[]).expect(0);

    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("binlog.000900");
    std::fs::write(&copy, b"\xfdbin\x01\x02").unwrap();
    files(folder.path(), &[]).refused(2, &["binlog.000900 is encrypted", "fd 62 69 6e"]);
    std::fs::write(&copy, b"no log").unwrap();
    files(&copy, &[]).refused(2, &["it is no binary log"]);
    let mut bytes = std::fs::read(server.data_dir().join("binlog.000001")).unwrap();
    let fresh = Repo::new();
    let into_fresh = |expected: i32, words: &[&str]| {
        run(&["archive", "--from-files", &copy.display().to_string(), "--repo", &fresh.place(), "--name", "x"])
            .refused(expected, words)
    };
    let end = bytes.len();
    std::fs::write(&copy, &bytes[..end - 1]).unwrap();
    into_fresh(2, &["binlog.000900 cannot be taken", "cut short"]);
    bytes[end / 2] ^= 1;
    std::fs::write(&copy, &bytes).unwrap();
    into_fresh(26, &["binlog.000900", "is damaged at byte"]);
}

/// The document at which an archive ends is damaged: the next run says how archiving goes on, and so it does.
fn the_end_is_damaged(server: &Sandbox, repo: &Repo) {
    let last = documents(repo, "default").len();
    let name = format!("binlogs/default/index/{last:010}.json");
    let text = std::fs::read(repo.file(&name)).unwrap();
    std::fs::write(repo.file(&name), &text[..text.len() / 2]).unwrap();
    let refused = once(server, repo, &[]).refused(22, &["the end of the archive of default cannot be read", &name]);
    assert!(refused.err.contains(&format!("hint: remove {name}")), "{}", refused.err);
    std::fs::remove_file(repo.file(&name)).unwrap();
    once(server, repo, &[]).expect(0);
    repo.verify(&[]).expect(0);
}

/// Whatever happens to a stored archive, `verify` names it.
fn damage(repo: &Repo) {
    let all = documents(repo, "default");
    let third = object(repo, &all[2]);
    let name = third.file_name().unwrap().to_str().unwrap().to_owned();
    let bytes = std::fs::read(&third).unwrap();
    let damaged = |words: &[&str]| {
        let ended = repo.verify(&[]).expect(22);
        for word in words {
            assert!(ended.out.contains(word), "{word}: {}", ended.out);
        }
        assert!(ended.out.contains("binary logs of default: DAMAGED"), "{}", ended.out);
    };
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 4;
    std::fs::write(&third, &flipped).unwrap();
    damaged(&[&name, "it is damaged"]);
    std::fs::write(&third, &bytes[..bytes.len() - 1]).unwrap();
    damaged(&[&name, "its index says"]);
    std::fs::remove_file(&third).unwrap();
    damaged(&[&name, "is missing"]);
    std::fs::write(&third, &bytes).unwrap();
    let index = repo.file("binlogs/default/index/0000000003.json");
    let text = std::fs::read(&index).unwrap();
    std::fs::write(&index, [b" ", &text[..]].concat()).unwrap();
    damaged(&["index/0000000003.json", "hash does not fit"]);
    std::fs::remove_file(&index).unwrap();
    damaged(&["index document of segment 3 of default is missing"]);
    let listed = run(&["list", "--repo", &repo.place()]).out;
    assert!(!listed.contains("no gap") && listed.contains("index documents missing"), "{listed}");
    std::fs::write(&index, &text).unwrap();
    // Nobody pruned the first one.
    let first = repo.file("binlogs/default/index/0000000001.json");
    let kept = std::fs::read(&first).unwrap();
    std::fs::remove_file(&first).unwrap();
    damaged(&["index document of segment 1 of default is missing"]);
    std::fs::write(&first, &kept).unwrap();
    // A segment of the same number written by somebody else.
    let other = object(repo, &all[3]);
    let swapped = std::fs::read(&other).unwrap();
    std::fs::write(&third, &swapped).unwrap();
    damaged(&[&name]);
    std::fs::write(&third, &bytes).unwrap();
    repo.verify(&[]).expect(0);
}

#[tokio::test]
async fn what_a_server_has_purged_is_a_gap() {
    let server = own(options());
    let identity = uuid(&server).await;
    table(&server).await;
    write(&server, 5).await;
    let repo = Repo::new();
    let backup = |name: &str| {
        let (address, place) = (address(&server), repo.place());
        run(&["backup", "--source", &address, "--repo", &place, "--database", "a", "--name", name, "--json"])
            .expect(0)
            .json()
    };
    let show = |id: &serde_json::Value| {
        run(&["show", "--repo", &repo.place(), "--backup", id.as_str().unwrap(), "--json"]).expect(0).json()["roll_forward"].clone()
    };
    let first = backup("shop");
    let id = |report: &serde_json::Value| report["id"].clone();
    let (first, gtids) = (id(&first), async || one(&server, "SELECT @@global.gtid_executed").await);
    write(&server, 5).await;
    once(&server, &repo, &[]).expect(0);
    let covered = show(&first);
    assert_eq!((&covered["gtids"], &covered["missing"]), (&json!(gtids().await), &json!(null)));
    let text = run(&["show", "--repo", &repo.place()]).expect(0).out;
    assert!(text.contains("could be rolled forward to 20"), "{text}");

    sql(&server, &["FLUSH BINARY LOGS"]).await;
    write(&server, 3).await;
    sql(&server, &["FLUSH BINARY LOGS"]).await;
    write(&server, 1).await;
    let newest = one(&server, "SHOW BINARY LOG STATUS").await;
    purge(&server, &newest).await;
    let before = gtids().await;
    let missing =
        once(&server, &repo, &[]).refused(26, &["a gap: the archive of shop ends at binlog.000001", "transactions"]);
    assert!(missing.err.contains("--accept-gap"), "{}", missing.err);
    assert_eq!(documents(&repo, "shop").iter().filter(|d| d["follows"]["how"] == "gap").count(), 0);
    let report = once(&server, &repo, &["--accept-gap"]).expect(0).json();
    let gap = report["gaps"][0].as_str().unwrap();
    assert!(gap.contains("between binlog.000001:") && gap.contains("transactions"), "{report}");
    assert_eq!(report["gtids"], json!(before));
    // Known and named everywhere, and no damage.
    let verified = repo.verify(&[]).expect(0).out;
    assert!(verified.contains("gap between binlog.000001:") && verified.contains("1 gap"), "{verified}");
    let behind = show(&first);
    assert!(behind["missing"].as_str().unwrap().contains("transactions"), "{behind}");
    assert_eq!(behind["last_segment"], covered["last_segment"]);
    // A backup from behind the gap can be rolled forward.
    let second = backup("shop");
    write(&server, 2).await;
    assert_eq!(once(&server, &repo, &["--accept-gap"]).expect(0).json()["gaps"], json!(null));
    let after = show(&id(&second));
    assert_eq!((&after["gtids"], &after["missing"]), (&json!(gtids().await), &json!(null)));
    assert_same_from_second(&repo, &identity, &server, &newest);
    prune(&repo);

    a_reset_is_another_history(&server, &repo, &show, &id(&second)).await;
}

/// The same server gives the same numbers to other transactions: never joined by them, neither fewer nor more of them.
async fn a_reset_is_another_history(
    server: &Sandbox,
    repo: &Repo,
    show: &dyn Fn(&serde_json::Value) -> serde_json::Value,
    backup: &serde_json::Value,
) {
    let before = show(backup);
    for transactions in [1, 60] {
        sql(server, &["RESET BINARY LOGS AND GTIDS"]).await;
        write(server, transactions).await;
        let refused =
            once(server, repo, &[]).refused(26, &["the archive of shop ends at", "does not go on from there"]);
        assert!(refused.err.contains("RESET BINARY LOGS"), "{}", refused.err);
    }
    sql(server, &["FLUSH BINARY LOGS", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS"]).await;
    write(server, 1).await;
    once(server, repo, &[]).refused(26, &["does not go on from there"]);
    let report = once(server, repo, &["--accept-gap"]).expect(0).json();
    assert!(report["gaps"][0].as_str().unwrap().contains("another history"), "{report}");
    assert_eq!(report["gtids"], json!(one(server, "SELECT @@global.gtid_executed").await));
    let verified = repo.verify(&[]).expect(0).out;
    assert!(verified.contains("another history begins there"), "{verified}");
    let behind = show(backup);
    assert_eq!(behind["last_segment"], before["last_segment"]);
    assert!(behind["missing"].as_str().unwrap().contains("another history"), "{behind}");
    // The new history goes on by itself, and a backup of it has nothing to do with the one before.
    write(server, 1).await;
    assert_eq!(once(server, repo, &[]).expect(0).json()["gaps"], json!(null));
    let (address, place) = (address(server), repo.place());
    let backup = ["backup", "--source", &address, "--repo", &place, "--database", "a", "--name", "shop", "--json"];
    let backup = run(&backup).expect(0).json()["id"].clone();
    write(server, 1).await;
    once(server, repo, &[]).expect(0);
    let after = show(&backup);
    assert_eq!(
        (&after["gtids"], &after["missing"]),
        (&json!(one(server, "SELECT @@global.gtid_executed").await), &json!(null))
    );
}

/// The files behind the gap; the one before it is in the archive too.
fn assert_same_from_second(repo: &Repo, identity: &str, server: &Sandbox, first: &str) {
    let (mut found, mut expected) = (of_archive(repo, "shop", identity), of_server(server));
    found.retain(|file, _| file.as_str() >= first);
    expected.retain(|file, _| file.as_str() >= first);
    assert!(found == expected && !found.is_empty());
}

/// Binary logs stay, unless they are asked for and no backup that stays could need them.
fn prune(repo: &Repo) {
    let segments = || documents(repo, "shop").len();
    let all = segments();
    let prune = |more: &[&str]| {
        run(&[&["prune", "--repo", &repo.place(), "--keep-last", "1", "--yes"], more].concat()).expect(0).out
    };
    let told = prune(&[]);
    assert!(segments() == all && told.contains("left alone without --binlogs-before-oldest"), "{told}");
    let told = prune(&["--binlogs-before-oldest"]);
    assert!(segments() < all && told.contains("needed from the oldest backup that stays"), "{told}");
    assert_eq!(documents(repo, "shop").len(), repo.files().iter().filter(|file| file.contains("/segments/")).count());
    repo.verify(&[]).expect(0);
    let left = run(&["show", "--repo", &repo.place(), "--json"]).expect(0).json();
    assert_eq!(left["roll_forward"]["missing"], json!(null), "{left}");
}

#[tokio::test]
async fn without_gtids_file_and_offset_count() {
    let server = own_with(&["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]);
    let identity = uuid(&server).await;
    table(&server).await;
    write(&server, 12).await;
    let repo = Repo::new();
    let report = once(&server, &repo, &["--name", "plain"]).expect(0).json();
    assert_eq!(report["gtids"], "");
    sql(&server, &["FLUSH BINARY LOGS"]).await;
    write(&server, 3).await;
    once(&server, &repo, &[]).expect(0);
    assert_same(&repo, "plain", &identity, &server, "");
    // The file at whose end the archive stands is gone, and nothing is missing.
    sql(&server, &["FLUSH BINARY LOGS"]).await;
    once(&server, &repo, &[]).expect(0);
    let places: Vec<_> = documents(&repo, "plain").iter().map(|d| d["follows"]["how"].clone()).collect();
    assert!(places.contains(&json!("next_file")) && places.contains(&json!("same_file")), "{places:?}");

    begins_with_the_backup(&server, &Repo::new());
    the_index_comes_last(&server).await;
    a_lost_document_ends_it(&server).await;

    let (address, place) = (address(source()), repo.place());
    let other = run(&["archive", "--source", &address, "--repo", &place, "--once"]);
    other.refused(26, &["the archive of plain is of server", "without GTIDs"]);
    sql(&server, &["FLUSH BINARY LOGS"]).await;
    purge(&server, "binlog.000004").await;
    once(&server, &repo, &[]).refused(26, &["a gap", "its oldest file is binlog.000004"]);
    let gap = once(&server, &repo, &["--accept-gap"]).expect(0).json();
    assert_eq!(gap["gaps"].as_array().unwrap().len(), 1, "{gap}");
    sql(&server, &["RESET BINARY LOGS AND GTIDS"]).await;
    write(&server, 1).await;
    once(&server, &repo, &[]).refused(26, &["does not go on from there", "its oldest file is binlog.000001"]);
    repo.verify(&[]).expect(0);
}

/// A first run begins with the file in which the newest backup stands, or where it is told to.
fn begins_with_the_backup(server: &Sandbox, repo: &Repo) {
    let begins = |name: &str, more: &[&str]| {
        once(server, repo, &[&["--name", name], more].concat()).expect(0);
        let document = documents(repo, name)[0].clone();
        (document["file"].as_str().unwrap().to_owned(), document["start"].as_u64().unwrap())
    };
    let (address, place) = (address(server), repo.place());
    run(&["backup", "--source", &address, "--repo", &place, "--database", "a", "--name", "late"]).expect(0);
    assert_eq!(begins("late", &[]), ("binlog.000003".to_owned(), 0));
    let shown = run(&["show", "--repo", &repo.place(), "--name", "late", "--json"]).expect(0).json();
    assert_eq!(shown["roll_forward"]["missing"], json!(null), "{shown}");
    assert_eq!(begins("early", &["--start", "first"]), ("binlog.000001".to_owned(), 0));
}

/// Nothing is promised behind a document that is gone, with file and offset as with GTIDs.
async fn a_lost_document_ends_it(server: &Sandbox) {
    let repo = Repo::new();
    let (address, place) = (address(server), repo.place());
    run(&["backup", "--source", &address, "--repo", &place, "--database", "a", "--name", "lost"]).expect(0);
    write(server, 80).await;
    once(server, &repo, &["--name", "lost"]).expect(0);
    let shown = || run(&["show", "--repo", &place, "--json"]).expect(0).json()["roll_forward"].clone();
    let whole = shown();
    let (first, last) = (whole["first_segment"].as_u64().unwrap(), whole["last_segment"].as_u64().unwrap());
    assert!(last > first + 1 && whole["missing"].is_null(), "{whole}");
    let gone = repo.file(&format!("binlogs/lost/index/{:010}.json", first + 1));
    std::fs::write(&gone, "damaged").unwrap();
    for _ in 0..2 {
        let short = shown();
        assert_eq!(short["last_segment"], json!(first));
        assert!(short["missing"].as_str().unwrap().contains(&format!("segment {}", first + 1)), "{short}");
        let _ = std::fs::remove_file(&gone);
    }
}

/// A segment's bytes are stored before its index document, and a store that fails at any write leaves what can be gone on from.
async fn the_index_comes_last(server: &Sandbox) {
    let options = ArchiveOptions {
        origin: Origin::Server(server.connect_options()),
        repo: "unused".into(),
        name: Some("a".into()),
        once: true,
        segment_bytes: 4096,
        segment_time: Duration::from_secs(60),
        start: Start::First,
        accept_gap: false,
        server_id: None,
    };
    let archive =
        async |store: Arc<dyn Store>| archive::run_into(store, &options, Arc::new(Silent), Stop::default()).await;
    let order = Arc::new(OrderStore::new(Arc::new(MemoryStore::new())));
    let whole = archive(order.clone()).await.unwrap();
    let puts: Vec<String> = order
        .changes()
        .into_iter()
        .filter_map(|change| match change {
            Change::PutBegun(name) | Change::Put(name) if name.starts_with("binlogs/") => Some(name),
            _ => None,
        })
        .collect();
    assert_eq!(puts.len() as u64, 4 * whole.segments);
    for (n, four) in puts.chunks(4).enumerate() {
        let (object, index) =
            (format!("binlogs/a/segments/{:010}-", n + 1), format!("binlogs/a/index/{:010}.json", n + 1));
        assert!(four[0] == four[1] && four[0].starts_with(&object) && four[2..] == [index.clone(), index], "{four:?}");
    }
    for failing in 2..9 {
        let inner = Arc::new(MemoryStore::new());
        let faulty = Arc::new(FaultyStore::new(inner.clone(), Fault::WritesFrom(failing)));
        assert_eq!(archive(faulty).await.unwrap_err().exit(), myriad::Exit::RepositoryWrite);
        let rest = archive(inner.clone()).await.unwrap();
        assert_eq!((rest.ends, rest.bytes > 0), (whole.ends.clone(), true), "{failing}");
        let repository = Repository::open(inner).await.unwrap();
        let (segments, _) =
            binlogs::read_all(&repository, "a", &binlogs::list(&repository).await.unwrap()["a"]).await.unwrap();
        assert_eq!(chain::breaks(&segments), Vec::<String>::new());
        assert_eq!(chain::summary(&segments, true).unwrap().bytes, whole.bytes);
    }
}

#[tokio::test]
async fn a_failover_is_joined_by_gtids() {
    let old = own(SandboxOptions { tcp: true, ..options() });
    let new = own(options());
    table(&old).await;
    write(&old, 4).await;
    attach(&new, &old);
    let repo = Repo::new();
    let (source, place) = (address(&old), repo.place());
    run(&["backup", "--source", &source, "--repo", &place, "--database", "a", "--name", "shop"]).expect(0);
    let missing = || run(&["show", "--repo", &place, "--json"]).expect(0).json()["roll_forward"]["missing"].to_string();
    once(&old, &repo, &["--name", "shop", "--start", "first"]).expect(0);
    write(&old, 4).await;
    catch_up(&new, &old);
    let report = once(&new, &repo, &[]).expect(0).json();
    assert!(report["notes"].to_string().contains("another server") && report["fork"].is_null(), "{report}");
    assert_eq!(report["gtids"], json!(one(&new, "SELECT @@global.gtid_executed").await));
    assert_same(&repo, "shop", &uuid(&new).await, &new, "");
    let followed: Vec<_> = documents(&repo, "shop").iter().filter(|d| d["follows"]["how"] == "gtid").cloned().collect();
    assert_eq!(followed.len(), 1);

    // The old primary has something that never reached the new one.
    sql(&new, &["STOP REPLICA FOR CHANNEL 'main'"]).await;
    write(&old, 1).await;
    once(&old, &repo, &[]).expect(0);
    sql(&new, &["CREATE DATABASE b"]).await;
    let forked = once(&new, &repo, &[]).expect(0).json();
    let lost = format!("{}:", uuid(&old).await);
    assert!(forked["fork"].as_str().unwrap().starts_with(&lost), "{forked}");
    let verified = repo.verify(&[]).expect(0).out;
    assert!(verified.contains("fork before") && verified.contains(&lost), "{verified}");
    // With it and what the new one did later, the state would be one in which no server was.
    assert!(missing().contains("fork before") && missing().contains(&lost), "{}", missing());
    // Once it has come over it is none any more.
    sql(&new, &["START REPLICA FOR CHANNEL 'main'"]).await;
    catch_up(&new, &old);
    once(&new, &repo, &[]).expect(0);
    assert!(!repo.verify(&[]).expect(0).out.contains("fork before"));
    assert_eq!(missing(), "null");
}

#[tokio::test]
async fn mariadb_by_file_and_offset() {
    let server = own(mariadb_options());
    table(&server).await;
    write(&server, 12).await;
    let repo = Repo::new();
    let report = once(&server, &repo, &["--name", "maria"]).expect(0).json();
    let identity = report["server"].as_str().unwrap().to_owned();
    assert_eq!(report["gtids"], json!(one(&server, "SELECT @@global.gtid_binlog_pos").await));
    sql(
        &server,
        &[
            "SET SESSION gtid_domain_id = 7",
            "SET SESSION binlog_annotate_row_events = ON",
            "INSERT INTO a.t (x) VALUES ('annotated')",
            "SET GLOBAL log_bin_compress = ON",
            "FLUSH BINARY LOGS",
            "INSERT INTO a.t (x) SELECT REPEAT('y', 3000) FROM a.t",
        ],
    )
    .await;
    write(&server, 3).await;
    let report = once(&server, &repo, &[]).expect(0).json();
    assert_eq!(report["gtids"], json!(one(&server, "SELECT @@global.gtid_binlog_pos").await));
    assert_same(&repo, "maria", &identity, &server, "");
    sql(&server, &["SET GLOBAL binlog_checksum = NONE"]).await;
    write(&server, 1).await;
    once(&server, &repo, &[]).expect(0);
    assert_same(&repo, "maria", &identity, &server, "");
    repo.verify(&[]).expect(0);
    sql(&server, &["FLUSH BINARY LOGS", "FLUSH BINARY LOGS"]).await;
    let newest = one(&server, "SHOW MASTER STATUS").await;
    purge(&server, &newest).await;
    once(&server, &repo, &[]).refused(26, &["a gap", &newest]);
    once(&server, &repo, &["--accept-gap"]).expect(0);
    repo.verify(&[]).expect(0);
}
