//! Servers that somebody else runs: an account with a master user's rights as RDS publishes them, FLUSH TABLES WITH READ LOCK
//! refused, no LOAD DATA LOCAL, the binary log always written, primary keys demanded or added.

use crate::support::data::{self, assert_nothing_left, fingerprint, one, run};
use crate::support::program::{self, Ended, Repo, address_of};
use crate::support::proxy::{Proxy, Refusal};
use crate::support::server::{connect, options, own};
use myriad::sandbox::{Sandbox, SandboxOptions};
use rustix::process::Signal;
use std::time::Duration;

/// The master user of RDS for MySQL ("Master user account privileges" in its user guide), as far as 9.7.4 knows them.
pub const MASTER_USER: &[&str] = &[
    "CREATE USER master@localhost IDENTIFIED BY 'm'",
    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, CREATE TEMPORARY TABLES,
     LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT,
     TRIGGER ON *.* TO master@localhost WITH GRANT OPTION",
    "GRANT APPLICATION_PASSWORD_ADMIN, FLUSH_OPTIMIZER_COSTS, FLUSH_STATUS, FLUSH_TABLES, FLUSH_USER_RESOURCES, ROLE_ADMIN, SHOW_ROUTINE,
     XA_RECOVER_ADMIN ON *.* TO master@localhost WITH GRANT OPTION",
];

fn managed(arguments: &[&str]) -> Sandbox {
    let arguments = [&["--local-infile=OFF"], arguments].concat().into_iter().map(str::to_owned).collect();
    own(SandboxOptions { arguments, ..options() })
}

fn in_front_of(server: &Sandbox) -> Proxy {
    let refused = |words, code, state, message| Refusal { words, code, state, message };
    Proxy::start(
        server.socket(),
        vec![
            refused(
                "FLUSH TABLES WITH READ LOCK",
                1045,
                "28000",
                "Access denied for user 'master'@'%' (using password: YES)",
            ),
            refused("LOCK INSTANCE FOR BACKUP", 1227, "42000", "Access denied; you need BACKUP_ADMIN"),
        ],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_with_a_master_users_rights() {
    let (source, target) = (managed(&[]), managed(&[]));
    for server in [&source, &target] {
        run(server, MASTER_USER).await;
    }
    data::make(&source, "m", 3000).await;
    run(
        &source,
        &[
            "CREATE TABLE m.plain (id INT PRIMARY KEY, a INT) ENGINE=MyISAM",
            "INSERT INTO m.plain VALUES (1, 1), (2, 2)",
        ],
    )
    .await;
    let (from, to) = (in_front_of(&source), in_front_of(&target));
    let repo = Repo::new();
    let (from, to) = (from.address("master:m"), to.address("master:m"));

    let backup = program::run(&[&repo.backup_arguments(&from, "m")[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(backup["consistency"], "table_locks");
    // Every table of the server was locked, so no write fell between the snapshots and the position.
    assert_eq!(backup["position"]["exact"], true, "{backup}");
    let executed = one(&source, "SELECT @@GLOBAL.gtid_executed").await.replace('\n', "");
    assert_eq!(backup["position"]["gtid_executed"], executed.as_str());
    let notes = backup["notes"].to_string();
    for words in ["the global read lock was refused (error 1045", "log_status was refused", "no backup lock"] {
        assert!(notes.contains(words), "{words} is not in {notes}");
    }
    // A part of the server: others may write meanwhile, and the position is not called exact.
    run(&source, &["CREATE DATABASE other", "CREATE TABLE other.t (id INT PRIMARY KEY)"]).await;
    let part = program::run(&repo.backup_arguments(&from, "m")).expect(0);
    assert!(
        part.out.contains("consistent (tables locked, ") && part.out.contains("position not exact"),
        "{}",
        part.out
    );

    let restore = |more: &[&str]| program::run(&[&repo.restore_arguments(&to)[..], more].concat());
    let refused =
        restore(&[]).refused(12, &["'root'@'localhost' (needs SET_ANY_DEFINER)", "refuses trigger m.document_log"]);
    assert!(refused.err.contains(" --definer current\n"), "{}", refused.err);
    restore(&["--definer", "current"])
        .refused(33, &["log_bin_trust_function_creators=OFF, and refuses trigger m.document_log"]);
    assert_eq!(one(&target, "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME = 'm'").await, "0");
    // What a managed server's own settings allow.
    run(&target, &["SET GLOBAL log_bin_trust_function_creators = ON"]).await;
    let log = "SELECT @@GLOBAL.gtid_executed";
    let before = one(&target, log).await;
    let done = restore(&["--definer", "current", "--gtid-purged", "auto"]).expect(0);
    for words in [
        "by INSERT",
        "binary log of the target: written",
        "the account may not switch it off",
        "local_infile is off on the target",
        "innodb_strict_mode stays as the target has it",
        "max_error_count stays as the target has it",
        "gtid_purged: not set, only a part",
    ] {
        assert!(done.out.contains(words), "{words} is not in:\n{}", done.out);
    }
    assert_ne!(one(&target, log).await, before);
    assert_eq!(fingerprint(&target, "m").await, fingerprint(&source, "m").await);
    let verified = program::run(&["verify", "--repo", &repo.place(), "--against", &to, "--backup", "latest"]);
    verified.expect(0);
    assert_nothing_left(&target).await;
}

/// While the backup reads, its tables can be written to, and DDL on them waits.
#[tokio::test(flavor = "multi_thread")]
async fn definitions_stand_still_and_writers_go_on() {
    let source = managed(&[]);
    run(&source, MASTER_USER).await;
    data::make(&source, "m", 20_000).await;
    let proxy = in_front_of(&source);
    let repo = Repo::new();
    let from = proxy.address("master:m");
    // Slow enough to be looked at for half a minute; it is stopped after that.
    let arguments = [&repo.backup_arguments(&from, "m")[..], &["--max-rate", "200k"]].concat();
    let mut backup = program::start(&arguments);
    // Definitions come before rows; a DDL statement that stands before one of them is let through.
    let reading = "SELECT COUNT(*) FROM information_schema.processlist WHERE INFO LIKE 'SELECT%`m`.%FORCE INDEX%' AND INFO NOT LIKE '%processlist%'";
    assert!(
        backup.until(async || one(&source, reading).await != "0").await,
        "the backup ended before it was looked at"
    );
    let mut session = connect(&source).await;
    session.execute("SET SESSION lock_wait_timeout = 1").await.unwrap();
    // Under the table locks for a moment, then free.
    let mut written = false;
    for _ in 0..50 {
        written |= session.execute("UPDATE m.account SET balance = balance + 1 WHERE id = 20000").await.is_ok();
        if written {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(written && backup.runs());
    let ddl = session.execute("TRUNCATE TABLE m.log").await.unwrap_err();
    assert!(backup.runs() && ddl.code() == Some(1205), "{ddl}");
    backup.signal(Signal::INT);
    backup.end().expect(130);
    session.execute("TRUNCATE TABLE m.log").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn primary_keys_that_the_target_wants() {
    let target = managed(&["--sql-generate-invisible-primary-key=ON"]);
    run(&target, MASTER_USER).await;
    let tables = [
        "SET SESSION sql_log_bin = 0",
        "SET SESSION sql_generate_invisible_primary_key = OFF",
        "CREATE DATABASE keys_of",
        "USE keys_of",
        "CREATE TABLE has (id INT PRIMARY KEY)",
        "CREATE TABLE serves (id INT NOT NULL, UNIQUE KEY (id))",
        "CREATE TABLE bare (a INT, b VARCHAR(9), KEY (a))",
        "CREATE TABLE nullable (a INT, UNIQUE KEY (a))",
        "CREATE TABLE plain (a INT) ENGINE=MyISAM",
        "CREATE TABLE parts (a INT) PARTITION BY HASH (a) PARTITIONS 2",
        "CREATE TABLE counting (a INT AUTO_INCREMENT, KEY (a))",
        "INSERT INTO bare VALUES (1, 'x'), (1, 'x'), (NULL, NULL)",
        "INSERT INTO plain VALUES (3)",
        "INSERT INTO nullable VALUES (NULL), (NULL), (4)",
    ];
    let source = own(options());
    run(&source, &tables).await;
    let repo = Repo::new();
    repo.backup(&source, "keys_of");
    let to = address_of("master:m", &target);
    let restore = |more: &[&str]| -> Ended { program::run(&[&repo.restore_arguments(&to)[..], more].concat()) };

    let refused = restore(&[])
        .refused(33, &["keys_of.parts (it is partitioned)", "keys_of.counting (it has an AUTO_INCREMENT column)"]);
    assert!(
        refused.err.contains("would add an invisible primary key")
            && refused.err.contains("keys_of.bare, keys_of.nullable"),
        "{}",
        refused.err
    );
    assert!(
        !refused.err.contains("keys_of.has")
            && !refused.err.contains("keys_of.serves")
            && !refused.err.contains("keys_of.plain")
    );
    restore(&["--allow-gipk"]).refused(33, &["can add none to keys_of.counting"]);
    let some = ["--exclude-table", "keys_of.parts", "--exclude-table", "keys_of.counting"];
    restore(&some).refused(33, &["keys_of.bare"]);
    assert_eq!(
        one(
            &target,
            "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME IN ('keys_of', 'myriad_restore')"
        )
        .await,
        "0"
    );

    let done = restore(&[&some[..], &["--allow-gipk"]].concat()).expect(0);
    assert!(
        done.out.contains(
            "the target adds the invisible column my_row_id as primary key to keys_of.bare, keys_of.nullable"
        ),
        "{}",
        done.out
    );
    assert!(done.out.contains("proved"), "{}", done.out);
    let added = "SELECT GROUP_CONCAT(TABLE_NAME ORDER BY 1) FROM information_schema.columns WHERE TABLE_SCHEMA = 'keys_of' AND COLUMN_NAME = 'my_row_id'";
    assert_eq!(one(&target, added).await, "bare,nullable");
    assert_eq!(one(&target, "SELECT COUNT(*) FROM keys_of.bare WHERE a = 1 AND b = 'x'").await, "2");

    // Nothing adds a key there: a plain refusal, and no option that would go on.
    run(
        &target,
        &[
            "DROP DATABASE keys_of",
            "SET GLOBAL sql_generate_invisible_primary_key = OFF",
            "SET GLOBAL sql_require_primary_key = ON",
        ],
    )
    .await;
    let refused = restore(&["--allow-gipk"])
        .refused(33, &["takes no table without a primary key", "keys_of.bare", "keys_of.plain"]);
    assert!(!refused.err.contains("to go on all the same"), "{}", refused.err);
    // With the right the setting is switched off for our sessions.
    let root = repo.restore(&target, &[]).expect(0);
    assert!(!root.out.contains("my_row_id"), "{}", root.out);
    assert_eq!(fingerprint(&target, "keys_of").await, fingerprint(&source, "keys_of").await);
}
