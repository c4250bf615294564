//! The common situations of a bad night, and what the guard says in each: one table, run by the built program against real
//! servers, among them a source with its replica and a member of a group. Wherever it refuses, the target's variables,
//! schemas and tables are the same before and after.

use crate::support::data::{self, one, run};
use crate::support::program::{self, Repo, address, address_of};
use crate::support::server::{connect, mariadb_options, mariadb_source, options, own, source};
use crate::support::{replication, server};
use myriad::sandbox::{Kind, Sandbox, SandboxOptions};
use myriad::server::{ConnectOptions, Session};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What is expected of a restore.
enum Expected<'a> {
    /// The exit code, words of the message, and the options that the command line at its end adds.
    Refused(i32, &'a [&'a str], &'a str),
    /// Findings of the plan, each as `grade kind`.
    Admitted(&'a [&'a str]),
}
use Expected::{Admitted, Refused};

/// One night.
struct Night<'a> {
    name: &'a str,
    target: &'a Sandbox,
    /// The restoring account.
    login: &'a str,
    repo: &'a Repo,
    options: &'a [&'a str],
    expected: Expected<'a>,
}

impl Night<'_> {
    /// Plans the restore, which must be judged as expected and change nothing.
    async fn comes(self) {
        let Night { name, target, login, repo, options, expected } = self;
        let target_address = address_of(login, target);
        let place = repo.place();
        let line = [&["restore", "--target", &target_address, "--repo", &place][..], options, &["--dry-run"]].concat();
        let before = state(target).await;
        let ended = program::run(&[&line[..], &["--json"]].concat());
        match expected {
            Refused(code, words, flags) => {
                assert_eq!(ended.code, code, "{name}: {}\n{}", ended.out, ended.err);
                let error = &ended.json()["error"];
                let message = error["message"].as_str().unwrap();
                for word in words {
                    assert!(message.contains(word), "{name}: {word:?} is not in {message}");
                }
                let goes_on = error["hints"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
                let end = format!("myriad {} --json {flags}", line.join(" "));
                match flags {
                    "" => assert!(!goes_on.contains("go on"), "{name}: {goes_on}"),
                    _ => assert!(goes_on.ends_with(&end), "{name}: {goes_on}\nis not\n{end}"),
                }
                assert_eq!(state(target).await, before, "{name}");
            }
            Admitted(wanted) => {
                assert_eq!(ended.code, 0, "{name}: {}\n{}", ended.out, ended.err);
                let plan = ended.json();
                let findings = plan["findings"].as_array().unwrap().iter();
                // A session of the test's own may take a moment to end.
                let findings = findings.filter(|finding| {
                    let message = finding["message"].as_str().unwrap();
                    !message.contains(" has sessions of others: root@localhost (") || message.contains("), ")
                });
                let found: Vec<String> = findings
                    .map(|finding| {
                        let part = |name: &str| finding[name].as_str().unwrap();
                        format!("{} {}", part("grade"), part("kind"))
                    })
                    .collect();
                assert_eq!(found, *wanted, "{name}: {}", plan["findings"]);
            }
        }
    }
}

/// Everything of a server that a refused restore must not touch: variables, schemas, tables with their checksums. What moves
/// by itself where others write is left out.
async fn state(target: &Sandbox) -> BTreeMap<String, String> {
    let mut session = connect(target).await;
    let mut state = BTreeMap::new();
    for row in session.query("SHOW GLOBAL VARIABLES").await.unwrap() {
        let name = row.text(0);
        if !name.starts_with("gtid_") {
            state.insert(format!("variable {name}"), row.text(1));
        }
    }
    for row in session.query("SHOW DATABASES").await.unwrap() {
        state.insert(format!("schema {}", row.text(0)), String::new());
    }
    let tables = "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.tables WHERE TABLE_TYPE = 'BASE TABLE' \
        AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')";
    for row in session.query(tables).await.unwrap() {
        let name = format!("`{}`.`{}`", row.text(0), row.text(1));
        if row.text(1) != "busy" {
            let sum = session.query_first(format!("CHECKSUM TABLE {name}")).await.unwrap().unwrap();
            state.insert(format!("table {name}"), sum.text(1));
        }
    }
    session.close().await;
    state
}

/// A session of somebody else, after these statements.
async fn visitor(target: &Sandbox, user: &str, statements: &[&str]) -> Session {
    let options = ConnectOptions { user: user.into(), ..target.connect_options() };
    let mut session = Session::connect(&options).await.unwrap();
    for statement in statements {
        session.execute(statement).await.unwrap();
    }
    // The server's list of transactions may be a tenth of a second old where it was just asked for (seen on 9.7.4).
    tokio::time::sleep(Duration::from_millis(250)).await;
    session
}

/// Somebody who writes until dropped.
struct Writer(Arc<AtomicBool>, Option<tokio::task::JoinHandle<()>>);

impl Writer {
    async fn start(target: &Sandbox) -> Writer {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut session, stopped) = (visitor(target, "app", &[]).await, stop.clone());
        let work = tokio::spawn(async move {
            while !stopped.load(Ordering::SeqCst) {
                session.execute("INSERT INTO staging.busy VALUES (NULL)").await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            session.close().await;
        });
        Writer(stop, Some(work))
    }

    async fn stop(mut self) {
        self.0.store(true, Ordering::SeqCst);
        self.1.take().unwrap().await.unwrap();
    }
}

/// A backup of a schema of this name, with one table.
async fn backup_of(server: &Sandbox, schema: &str) -> Repo {
    let statements = [
        format!("CREATE DATABASE {schema}"),
        format!("CREATE TABLE {schema}.t (id INT PRIMARY KEY, a INT)"),
        format!("INSERT INTO {schema}.t VALUES (1, 1), (2, 2)"),
    ];
    run(server, &statements.each_ref().map(String::as_str)).await;
    let repo = Repo::new();
    repo.backup(server, schema);
    repo
}

/// Waits until nobody else is connected.
async fn alone(server: &Sandbox) {
    let others = "SELECT COUNT(*) FROM information_schema.processlist WHERE ID <> CONNECTION_ID() AND USER NOT IN \
        ('system user', 'event_scheduler')";
    for _ in 0..600 {
        if one(server, others).await == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!(
        "sessions stay: {}",
        one(server, "SELECT GROUP_CONCAT(USER, COMMAND) FROM information_schema.processlist").await
    );
}

const ACCOUNTS: &[&str] = &[
    "CREATE USER exporter@localhost",
    "CREATE USER app@localhost",
    "GRANT ALL ON staging.* TO app@localhost",
    // May restore, and see nothing of what others do.
    "CREATE USER plain@localhost",
    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX ON *.* TO plain@localhost",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_ones_own() {
    let shop = backup_of(source(), "guard_night").await;
    let target = own(options());
    run(&target, ACCOUNTS).await;
    let uuid = one(&target, "SELECT @@server_uuid").await;
    let night = |name, login, options, expected| Night { name, target: &target, login, repo: &shop, options, expected };

    night("fresh", "root", &[], Admitted(&[])).comes().await;
    let exporter = visitor(&target, "exporter", &[]).await;
    night("fresh, an exporter attached", "root", &[], Admitted(&["note sessions"])).comes().await;
    let unseen = ["note not_seen"; 2];
    night("fresh, an account that sees nothing", "plain", &[], Admitted(&unseen)).comes().await;
    run(&target, &["CREATE DATABASE prepared"]).await;
    night("an empty schema is there already", "root", &[], Admitted(&["note sessions"])).comes().await;
    exporter.close().await;
    alone(&target).await;

    run(&target, &["CREATE DATABASE staging", "CREATE TABLE staging.busy (id INT AUTO_INCREMENT PRIMARY KEY)"]).await;
    let full = |name, options, expected| night(name, "root", options, expected);
    full("staging, other schemas idle", &[], Admitted(&[])).comes().await;
    let words = ["does not show sessions and open transactions of others: plain@localhost lacks PROCESS"];
    let to_go_on = format!("--target-is {uuid}");
    let quick = ["--allow-writes"];
    night("staging, an account that sees nothing", "plain", &quick, Refused(34, &words, &to_go_on)).comes().await;
    let sure = ["--allow-writes", "--target-is", &uuid];
    night("the same, sure of the server", "plain", &sure, Admitted(&["unknown not_seen"; 2])).comes().await;
    let wrong = ["--allow-writes", "--target-is", "another"];
    let words = [&uuid, "not another"];
    full("another server than is meant", &wrong, Refused(34, &words, "")).comes().await;

    let open = visitor(&target, "app", &["BEGIN", "SELECT * FROM staging.busy"]).await;
    let words = ["has open transactions of others: app@localhost (session "];
    full("an open transaction", &quick, Refused(34, &words, "--allow-transactions")).comes().await;
    let renamed = ["--allow-writes", "--rename", "guard_night=looked_at"];
    let notes = ["note open_transactions", "note sessions"];
    full("an open transaction, new names", &renamed, Admitted(&notes)).comes().await;
    open.close().await;

    let writer = Writer::start(&target).await;
    let words = ["is being written by others, within", "staging.busy (+"];
    full("a primary under load", &["--allow-transactions"], Refused(34, &words, "--allow-writes")).comes().await;
    writer.stop().await;
    alone(&target).await;

    run(&target, &["SET GLOBAL read_only = ON"]).await;
    full("read only, an account that may write", &quick, Admitted(&["note read_only"])).comes().await;
    let words = ["is read only (read_only=ON), and plain@localhost lacks CONNECTION_ADMIN"];
    night("read only", "plain", &sure, Refused(33, &words, "")).comes().await;
    run(&target, &["SET GLOBAL super_read_only = ON"]).await;
    full("a failover target", &quick, Refused(33, &["super_read_only=ON"], "")).comes().await;
    run(&target, &["SET GLOBAL read_only = OFF", "SET GLOBAL offline_mode = ON"]).await;
    full("offline", &quick, Admitted(&["note offline"])).comes().await;
    run(&target, &["SET GLOBAL offline_mode = OFF", "SET GLOBAL event_scheduler = ON"]).await;
    run(&target, &["CREATE EVENT staging.e ON SCHEDULE EVERY 1 YEAR DO SELECT 1"]).await;
    full("events run", &quick, Admitted(&["note events_run"])).comes().await;

    // The wait between the two looks is told as what it is.
    let done = program::run(&["restore", "--target", &address(&target), "--repo", &shop.place(), "--json"]).expect(0);
    let phases = done.json()["phases"].as_array().unwrap().clone();
    let waited = phases.iter().find(|phase| phase["name"] == "guard").unwrap()["seconds"].as_f64().unwrap();
    assert!(waited >= 4.9, "{phases:?}");
    let words = ["holds things of the same name: guard_night.t"];
    full("half restored by other means", &quick, Refused(32, &words, "--drop-existing")).comes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_and_its_replica() {
    let primary = own(SandboxOptions { tcp: true, ..options() });
    let replica = own(SandboxOptions { tcp: true, ..options() });
    let shop = backup_of(&primary, "shop").await;
    let other = backup_of(source(), "guard_night_2").await;
    let quick = ["--allow-writes"];
    let of_shop =
        |name, target, options, expected| Night { name, target, login: "root", repo: &shop, options, expected };
    let of_other =
        |name, target, options, expected| Night { name, target, login: "root", repo: &other, options, expected };

    let (words, flags) =
        (["is the server that this backup was taken from", "shop.t"], "--allow-source --drop-existing");
    of_shop("the source itself", &primary, &quick, Refused(30, &words, flags)).comes().await;
    let beside = ["--allow-writes", "--rename", "shop=shop_yesterday"];
    of_shop("the source, new names", &primary, &beside, Admitted(&["note is_source"])).comes().await;
    let taken = ["--allow-writes", "--rename", "shop=shop"];
    of_shop("the source, no new name", &primary, &taken, Refused(30, &words, flags)).comes().await;

    replication::attach(&replica, &primary);
    let words = ["has replicas attached: server id"];
    of_other("a primary with a replica", &primary, &quick, Refused(31, &words, "--allow-replicas")).comes().await;
    let words = ["is a running replica of 127.0.0.1:"];
    let flag = "--allow-running-replica";
    of_other("a running replica", &replica, &quick, Refused(34, &words, flag)).comes().await;
    let renamed = ["--allow-writes", "--rename", "guard_night_2=elsewhere"];
    of_other("a running replica, new names", &replica, &renamed, Refused(34, &words, flag)).comes().await;

    // One table beside the live data, without any override: its replica gets it too, and no setting is changed.
    let before = state(&primary).await;
    let done = program::run(
        &[&["restore", "--target", &address(&primary), "--repo", &shop.place(), "--json"][..], &beside[1..]].concat(),
    )
    .expect(0)
    .json();
    assert_eq!(done["writes_binary_log"], true);
    let kinds: Vec<_> = done["findings"].as_array().unwrap().iter().map(|finding| finding["kind"].clone()).collect();
    assert!(kinds.contains(&"is_source".into()) && kinds.contains(&"has_replicas".into()), "{kinds:?}");
    replication::catch_up(&replica, &primary);
    assert_eq!(one(&replica, "SELECT COUNT(*) FROM shop_yesterday.t").await, "2");
    run(&primary, &["DROP DATABASE shop_yesterday"]).await;
    assert_eq!(state(&primary).await, before);

    run(&replica, &["STOP REPLICA FOR CHANNEL 'main'"]).await;
    of_other("a stopped replica", &replica, &quick, Admitted(&["note stopped_replica"])).comes().await;
    run(&replica, &["RESET REPLICA ALL FOR CHANNEL 'main'"]).await;
    of_other("a replica just detached", &replica, &quick, Admitted(&[])).comes().await;
    let words = ["holds things of the same name: shop.t"];
    of_shop("the same, its own backup", &replica, &quick, Refused(32, &words, "--drop-existing")).comes().await;

    group_member(&replica).await;
    let words = ["is a member of the replication group", "in state ONLINE"];
    of_other("a group member", &replica, &quick, Refused(34, &words, "--allow-group-member")).comes().await;
    run(&replica, &["STOP GROUP_REPLICATION", "SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"]).await;
    of_other("a group left behind", &replica, &quick, Admitted(&[])).comes().await;
}

/// Makes the server the only member of a group of its own.
async fn group_member(server: &Sandbox) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    run(
        server,
        &[
            "INSTALL PLUGIN group_replication SONAME 'group_replication.so'",
            "SET GLOBAL group_replication_group_name = '5f9a0c1e-0000-4000-8000-000000000001'",
            &format!("SET GLOBAL group_replication_local_address = '127.0.0.1:{port}'"),
            "SET GLOBAL group_replication_communication_stack = 'XCOM'",
            "SET GLOBAL group_replication_bootstrap_group = ON",
            "START GROUP_REPLICATION",
            "SET GLOBAL group_replication_bootstrap_group = OFF",
        ],
    )
    .await;
    for _ in 0..600 {
        let state = "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE = 'ONLINE'";
        if one(server, state).await == "1" && one(server, "SELECT @@super_read_only").await == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the group has no member");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_too_small() {
    let disk = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
    let mut mount = std::process::Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=400m", "tmpfs"]).arg(disk.path());
    if !mount.output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped a_disk_that_is_too_small: this account may not mount a tmpfs");
        return;
    }
    let free = || rustix::fs::statvfs(disk.path()).map(|disk| disk.f_bavail * disk.f_frsize).unwrap();
    let filler = disk.path().join("filler");
    let target = own(SandboxOptions {
        folder: disk.path().to_owned(),
        arguments: vec!["--innodb-redo-log-capacity=8M".into()],
        ..options()
    });
    data::make(source(), "guard_disk", 12_000).await;
    let repo = Repo::new();
    repo.backup(source(), "guard_disk");
    std::fs::write(&filler, vec![0_u8; free().saturating_sub(9 << 19) as usize]).unwrap();
    let dry = ["--exclude-table", "*.account", "--json", "--dry-run"];
    let (before, full, part) = (state(&target).await, repo.restore(&target, &[]), repo.restore(&target, &dry));
    let after = state(&target).await;
    std::fs::remove_file(&filler).unwrap();
    let roomy = repo.restore(&target, &[]);
    // The mount must go before anything here can fail.
    target.stop();
    let unmounted = std::process::Command::new("umount").arg("-l").arg(disk.path()).status();
    let full = full.refused(33, &["has too little room on its disk: about "]);
    assert!(full.err.trim_end().ends_with(" --allow-low-disk"), "{}", full.err);
    assert_eq!(after, before);
    let prediction = &part.expect(0).json()["prediction"];
    let number = |name: &str| prediction[name].as_f64().unwrap();
    assert!(number("disk_bytes") < number("disk_free_bytes") && number("disk_free_bytes") < 6e6, "{prediction}");
    assert!(number("seconds") > 0.0, "{prediction}");
    roomy.expect(0);
    assert!(unmounted.is_ok_and(|status| status.success()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_of_ones_own() {
    let shop = backup_of(mariadb_source(), "guard_night").await;
    let target = server::own(mariadb_options());
    assert_eq!(target.kind(), Kind::Mariadb);
    run(&target, ACCOUNTS).await;
    let night = |name, login, options, expected| Night { name, target: &target, login, repo: &shop, options, expected };
    night("fresh", "root", &[], Admitted(&[])).comes().await;
    night("fresh, an account that sees nothing", "plain", &[], Admitted(&["note not_seen"; 3])).comes().await;
    run(&target, &["CREATE DATABASE staging", "CREATE TABLE staging.busy (id INT AUTO_INCREMENT PRIMARY KEY)"]).await;
    let identity = one(&target, "SELECT CONCAT(@@hostname, ':', @@port, ':', @@server_id)").await;
    let flag = format!("--target-is {identity}");
    let quick = ["--allow-writes"];
    let words = ["plain@localhost lacks PROCESS"];
    night("staging, an account that sees nothing", "plain", &quick, Refused(34, &words, &flag)).comes().await;
    let writer = Writer::start(&target).await;
    let words = ["is being written by others, within", "INSERT (+"];
    let calm = ["--allow-transactions"];
    night("a primary under load", "root", &calm, Refused(34, &words, "--allow-writes")).comes().await;
    writer.stop().await;
    alone(&target).await;
    let open = visitor(&target, "app", &["BEGIN", "INSERT INTO staging.busy VALUES (NULL)"]).await;
    let words = ["has open transactions of others: app@localhost (session "];
    night("an open transaction", "root", &quick, Refused(34, &words, "--allow-transactions")).comes().await;
    open.close().await;
    alone(&target).await;
    run(&target, &["SET GLOBAL read_only = ON"]).await;
    night("read only, an account that may write", "root", &quick, Admitted(&["note read_only"])).comes().await;
    let sure = ["--allow-writes", "--target-is", &identity];
    let words = ["is read only (read_only=ON), and plain@localhost lacks READ_ONLY ADMIN"];
    night("read only", "plain", &sure, Refused(33, &words, "")).comes().await;
}
