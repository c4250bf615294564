//! Users and roles through backup and restore: every attribute and grant comes back, hashes are shown nowhere, and what
//! the target has already is not overwritten unasked.

use crate::support::data::{assert_nothing_left, one, run};
use crate::support::program::{self, Ended, Repo, address};
use crate::support::server::{connect, options, own};
use myriad::sandbox::Sandbox;
use myriad::secret::Secret;
use myriad::server::{ConnectOptions, Session};
use std::collections::BTreeMap;

/// Accounts with every attribute, and a schema for them to have rights on.
const ACCOUNTS: &[&str] = &[
    "SET GLOBAL partial_revokes = ON",
    "CREATE DATABASE u_app",
    "USE u_app",
    "CREATE TABLE t (id INT PRIMARY KEY, a INT, s VARCHAR(9))",
    "INSERT INTO t VALUES (1, 2, 'x')",
    "CREATE VIEW v AS SELECT id FROM t",
    "CREATE PROCEDURE p() SELECT 1",
    "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1",
    "CREATE ROLE reader, 'writer'@localhost",
    "CREATE USER full@'%' IDENTIFIED BY 'full one' REQUIRE SUBJECT '/CN=x' AND ISSUER '/CN=y' WITH MAX_QUERIES_PER_HOUR 5
     MAX_UPDATES_PER_HOUR 6 MAX_CONNECTIONS_PER_HOUR 7 MAX_USER_CONNECTIONS 3 PASSWORD EXPIRE INTERVAL 90 DAY PASSWORD HISTORY 5
     PASSWORD REUSE INTERVAL 30 DAY PASSWORD REQUIRE CURRENT OPTIONAL FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME UNBOUNDED
     ACCOUNT LOCK ATTRIBUTE '{\"a\": \"b''c\", \"deep\": {\"n\": [1, 2]}}'",
    "ALTER USER full@'%' COMMENT 'it''s a \"comment\" \\\\ \u{fc} REQUIRE '",
    "CREATE USER two@localhost IDENTIFIED BY 'first' PASSWORD HISTORY 2",
    "ALTER USER two@localhost IDENTIFIED BY 'second' RETAIN CURRENT PASSWORD",
    "CREATE USER 'o`d''d DEFAULT ROLE u'@'10.0.0.0/255.255.255.0' IDENTIFIED WITH sha256_password BY 'x' PASSWORD EXPIRE",
    "CREATE USER ''@'anon.example' REQUIRE X509",
    "CREATE USER plain@localhost REQUIRE SSL PASSWORD EXPIRE NEVER",
    "CREATE USER deputy@localhost",
    "CREATE DEFINER=plain@localhost VIEW of_plain AS SELECT id FROM t",
    "GRANT SELECT, CREATE USER ON *.* TO full@'%' WITH GRANT OPTION",
    "GRANT BACKUP_ADMIN, ROLE_ADMIN ON *.* TO full@'%'",
    "GRANT CONNECTION_ADMIN ON *.* TO full@'%' WITH GRANT OPTION",
    "REVOKE SELECT ON mysql.* FROM full@'%'",
    "REVOKE SELECT ON u_app.* FROM full@'%'",
    "GRANT SELECT, INSERT (a, s), UPDATE (a) ON t TO plain@localhost",
    "GRANT SELECT ON v TO plain@localhost WITH GRANT OPTION",
    "CREATE DEFINER=plain@localhost VIEW reads_of_plain AS SELECT id FROM of_plain",
    "GRANT ALL ON `u\\_app`.* TO two@localhost",
    "GRANT SELECT ON `u_pp`.* TO two@localhost",
    "GRANT EXECUTE ON PROCEDURE p TO plain@localhost WITH GRANT OPTION",
    "GRANT ALTER ROUTINE ON FUNCTION f TO plain@localhost",
    "GRANT PROXY ON full@'%' TO plain@localhost WITH GRANT OPTION",
    "GRANT SELECT ON u_app.* TO reader",
    "GRANT INSERT ON u_app.* TO 'writer'@localhost",
    "GRANT reader TO 'writer'@localhost",
    "GRANT reader, 'writer'@localhost TO plain@localhost WITH ADMIN OPTION",
    "GRANT reader TO two@localhost",
    "SET DEFAULT ROLE reader, 'writer'@localhost TO plain@localhost",
    "SET GLOBAL mandatory_roles = 'reader'",
    "ALTER USER root@localhost ATTRIBUTE '{\"of\": \"source\"}'",
];

/// What the server says of every account, but of the one that restores.
async fn accounts(server: &Sandbox) -> BTreeMap<String, Vec<String>> {
    let mut session = connect(server).await;
    session.execute("SET SESSION print_identified_with_as_hex = 1").await.unwrap();
    let names =
        "SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)) FROM mysql.user WHERE User NOT LIKE 'mysql.%' AND User <> 'root'";
    let mut found = BTreeMap::new();
    for row in session.query(names).await.unwrap() {
        let name = row.text(0);
        let mut lines = Vec::new();
        for statement in ["SHOW CREATE USER", "SHOW GRANTS FOR"] {
            let rows = session.query(format!("{statement} {name}")).await.unwrap();
            // What is left where ALTER USER took the last attribute away.
            lines.extend(rows.iter().map(|row| row.text(0).replace(" ATTRIBUTE '{}'", "")));
        }
        found.insert(name, lines);
    }
    session.close().await;
    found
}

/// Panics where any piece of a hash stands in what the program printed.
fn no_hash(ended: &Ended, accounts: &BTreeMap<String, Vec<String>>) {
    let digits = accounts
        .values()
        .flatten()
        .filter_map(|line| line.split(" AS 0x").nth(1))
        .map(|rest| rest.split(' ').next().unwrap());
    for hash in digits {
        for out in [&ended.out, &ended.err] {
            assert!(!out.to_uppercase().contains(&hash[..24]) && !out.contains("$A$005$"), "{out}");
        }
    }
}

async fn login(server: &Sandbox, user: &str, password: &str) -> bool {
    let options = ConnectOptions { user: user.into(), password: Secret::new(password), ..server.connect_options() };
    match Session::connect(&options).await {
        Ok(session) => {
            session.close().await;
            true
        }
        Err(_) => false,
    }
}

#[tokio::test]
async fn every_attribute_and_grant_comes_back() {
    let (source, target) = (own(options()), own(options()));
    run(&source, ACCOUNTS).await;
    let repo = Repo::new();
    let before = accounts(&source).await;
    assert_eq!(before.len(), 8);

    let without = repo.backup(&source, "u_app");
    assert!(
        without.out.contains("users: 9 accounts and roles with their grants; --users takes them"),
        "{}",
        without.out
    );
    repo.restore(&target, &["--users"]).refused(2, &["taken without --users"]);
    let with = repo.backup_with(&source, "u_app", &["--users", "-vv"]).expect(0);
    assert!(!with.out.contains("accounts and roles with their grants"), "{}", with.out);
    assert!(with.out.contains("password history two@localhost: 1 earlier"), "{}", with.out);
    assert!(with.out.contains("mandatory roles reader"), "{}", with.out);
    no_hash(&with, &before);
    let shown = program::run(&["show", "--repo", &repo.place()]).expect(0);
    assert!(shown.out.contains("users and roles: @anon.example, deputy@localhost, full@%"), "{}", shown.out);
    no_hash(&shown, &before);
    no_hash(&program::run(&["show", "--repo", &repo.place(), "--json"]).expect(0), &before);
    assert!(repo.verify(&[]).expect(0).out.contains("is sound"));

    // Not asked for, not restored.
    repo.restore(&target, &["--definer", "current"]).expect(0);
    assert_eq!(accounts(&target).await.len(), 0);
    run(&target, &["SET SESSION sql_log_bin = 0", "DROP DATABASE u_app"]).await;

    repo.restore(&target, &["--users"]).refused(33, &["partial_revokes is off", "full@%"]);
    run(&target, &["SET GLOBAL partial_revokes = ON", "CREATE USER two@localhost COMMENT 'mine'"]).await;
    let refused =
        repo.restore(&target, &["--users", "--dry-run"]).refused(32, &["users of the same name: two@localhost"]);
    assert!(refused.err.contains("--existing-users skip leaves them as they are"), "{}", refused.err);
    assert_eq!(accounts(&target).await.len(), 1, "nothing was made");

    let skipped = repo.restore(&target, &["--users", "--existing-users", "skip", "-vv"]).expect(0);
    assert!(
        skipped.out.contains("left as the target has them (--existing-users skip): two@localhost"),
        "{}",
        skipped.out
    );
    assert!(skipped.out.contains("made: 7 users and roles with their grants"), "{}", skipped.out);
    assert!(skipped.out.contains("user root@localhost is the restoring account and stays as it is"), "{}", skipped.out);
    no_hash(&skipped, &before);
    let mut after = accounts(&target).await;
    assert!(after.remove("'two'@'localhost'").unwrap()[0].contains("mine"));
    for (name, lines) in &after {
        assert_eq!(lines, &before[name], "{name}");
    }
    assert_eq!(after.len(), 7);
    run(&target, &["SET SESSION sql_log_bin = 0", "DROP DATABASE u_app"]).await;

    let replaced = repo.restore(&target, &["--users", "--existing-users", "replace", "--json"]).expect(0);
    let report = replaced.json();
    assert_eq!(
        (&report["users"], &report["not_granted"], &report["not_created"]),
        (&8.into(), &serde_json::json!([]), &serde_json::json!([]))
    );
    assert!(!replaced.out.contains("does not exist on the target"), "{}", replaced.out);
    no_hash(&replaced, &before);
    assert_eq!(accounts(&target).await, before);
    for password in ["first", "second"] {
        assert!(login(&source, "two", password).await && login(&target, "two", password).await, "{password}");
    }
    assert!(!login(&target, "two", "third").await);
    assert_eq!(one(&target, "SELECT ATTRIBUTE FROM information_schema.user_attributes WHERE USER = 'root'").await, "");
    let definer = "SELECT DEFINER FROM information_schema.views WHERE TABLE_NAME = 'reads_of_plain'";
    assert_eq!(one(&target, definer).await, "plain@localhost");
    assert_nothing_left(&target).await;
}

#[tokio::test]
async fn what_the_target_cannot_grant_is_named() {
    let (source, target) = (own(options()), own(options()));
    run(
        &source,
        &[
            "CREATE DATABASE u_old",
            "CREATE DATABASE other",
            "CREATE TABLE u_old.t (id INT PRIMARY KEY)",
            "CREATE TABLE other.t (id INT PRIMARY KEY)",
            "CREATE USER app@localhost IDENTIFIED BY 'a', odd@localhost",
            "GRANT SELECT, FILE, PROCESS ON *.* TO app@localhost",
            "GRANT SELECT ON u_old.t TO app@localhost",
            "GRANT SELECT ON other.t TO app@localhost",
            "GRANT INSERT ON u_old.* TO app@localhost",
        ],
    )
    .await;
    let repo = Repo::new();
    repo.backup_with(&source, "*", &["--users"]).expect(0);
    // An account that may not give FILE, and a password rule that one user does not meet.
    run(
        &target,
        &[
            "CREATE USER admin@localhost IDENTIFIED BY 'A'",
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, PROCESS, REPLICATION SLAVE ON *.* TO admin@localhost WITH GRANT OPTION",
            "GRANT CREATE USER, RELOAD ON *.* TO admin@localhost",
        ],
    )
    .await;
    let admin = program::address_of("admin:A", &target);
    let more = ["--users", "--existing-users", "skip", "--table", "u_old.*", "--rename", "u_old=u_new"];
    let report = program::run(&[&repo.restore_arguments(&admin)[..], &more].concat()).expect(0);
    assert!(report.out.contains("app@localhost: FILE ("), "{}", report.out);
    assert!(report.out.contains("Table 'other.t' doesn't exist"), "{}", report.out);
    let grants = accounts(&target).await.remove("'app'@'localhost'").unwrap();
    assert_eq!(
        grants[1..],
        [
            "GRANT SELECT, PROCESS ON *.* TO `app`@`localhost`",
            "GRANT INSERT ON `u_new`.* TO `app`@`localhost`",
            "GRANT SELECT ON `u_new`.`t` TO `app`@`localhost`"
        ]
    );
    assert!(login(&target, "app", "a").await);
    let list =
        program::run(&["backup", "--source", &address(&target), "--repo", &repo.place(), "--name", "t", "--users"]);
    assert!(list.expect(0).out.contains("backup "));
}

/// A certificate's subject as OpenSSL writes it, and an account that stands in the way: it is changed, never dropped.
#[tokio::test]
async fn replaced_users_are_changed_and_subjects_keep_their_backslashes() {
    let (source, target) = (own(options()), own(options()));
    let of_source = [
        r"CREATE USER umlaut REQUIRE SUBJECT '/O=M\\xC3\\xB6bel/CN=a' ISSUER '/O=O''Reilly'",
        "CREATE ROLE app",
        "CREATE DATABASE r",
        "GRANT SELECT ON r.* TO app",
        "CREATE USER worker IDENTIFIED BY 'new' ATTRIBUTE '{\"team\": \"b\"}'",
        "GRANT INSERT ON r.* TO worker",
        "CREATE USER odd IDENTIFIED WITH mysql_no_login",
    ];
    // The source has a plugin that the target lacks.
    let with_plugin = run_if(&source, "INSTALL PLUGIN mysql_no_login SONAME 'mysql_no_login.so'").await;
    for sql in of_source.iter().take(if with_plugin { 7 } else { 6 }) {
        run(&source, &[sql]).await;
    }
    let of_target = [
        "CREATE ROLE app, other",
        "CREATE USER local_one, worker IDENTIFIED BY 'old' WITH MAX_USER_CONNECTIONS 9 FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 2 ATTRIBUTE '{\"left\": 1}'",
        "ALTER USER worker IDENTIFIED BY 'older' RETAIN CURRENT PASSWORD",
        "CREATE USER odd IDENTIFIED BY 'kept'",
        "GRANT app TO local_one WITH ADMIN OPTION",
        "SET DEFAULT ROLE app TO local_one",
        "GRANT other TO worker",
        "GRANT PROXY ON local_one TO worker",
        "GRANT UPDATE, DELETE ON mysql.* TO worker",
    ];
    run(&target, &of_target).await;
    let local = accounts(&target).await["'local_one'@'%'"].clone();
    let repo = Repo::new();
    repo.backup_with(&source, "r", &["--users"]);
    let done = repo.restore(&target, &["--users", "--existing-users", "replace"]).expect(0);
    let (before, after) = (accounts(&source).await, accounts(&target).await);
    for name in ["'umlaut'@'%'", "'app'@'%'", "'worker'@'%'"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert!(after["'umlaut'@'%'"][0].contains(r"/O=M\xC3\xB6bel"), "{:?}", after["'umlaut'@'%'"]);
    assert_eq!(after["'local_one'@'%'"], local);
    assert!(login(&target, "worker", "new").await && !login(&target, "worker", "old").await);
    if with_plugin {
        assert!(done.out.contains("left as it was"), "{}", done.out);
        assert!(login(&target, "odd", "kept").await);
    }
}

/// Runs a statement where the server can.
async fn run_if(server: &Sandbox, sql: &str) -> bool {
    connect(server).await.execute(sql).await.is_ok()
}

/// `_` in a schema's name is a wildcard without partial revokes, and a character with them.
#[tokio::test]
async fn names_that_would_become_patterns_are_refused() {
    for (source_has, target_has, state) in [("ON", "OFF", "off"), ("OFF", "ON", "on")] {
        let (source, target) = (own(options()), own(options()));
        run(&source, &[&format!("SET GLOBAL partial_revokes = {source_has}")]).await;
        run(&target, &[&format!("SET GLOBAL partial_revokes = {target_has}")]).await;
        let statements = [
            "CREATE DATABASE my_db",
            "CREATE USER wild, tame",
            "GRANT SELECT ON my_db.* TO wild",
            "GRANT SELECT ON *.* TO tame",
        ];
        run(&source, &statements).await;
        let repo = Repo::new();
        repo.backup_with(&source, "my_db", &["--users"]);
        let refused =
            repo.restore(&target, &["--users"]).refused(33, &[&format!("partial_revokes is {state}"), "wild@%"]);
        assert!(!refused.err.contains("tame"), "{}", refused.err);
        run(&target, &[&format!("SET GLOBAL partial_revokes = {source_has}")]).await;
        repo.restore(&target, &["--users"]).expect(0);
        assert_eq!(accounts(&target).await, accounts(&source).await);
    }
}
