//! What the options choose and what the program says: selections, plans that change nothing, JSON that parses, silence,
//! passwords that appear nowhere, and accounts with few rights.

use crate::support::data::{self, drop_restored, fingerprint, one};
use crate::support::program::{Ended, Repo, address, address_of, command, run, start};
use crate::support::server::{options, own, source, target_alone};
use std::path::Path;

/// Names of the tables in a backup's plan or detail.
fn names(list: &serde_json::Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn globs_choose_what_is_backed_up_and_restored() {
    let (target, _turn) = target_alone().await;
    data::make(source(), "globs_one", 50).await;
    data::make(source(), "globs_two", 50).await;
    let place = address(source());
    let plan = |more: &[&str]| {
        let repo = Repo::new();
        let ended =
            run(&[&["backup", "--source", &place, "--repo", &repo.place(), "--dry-run", "--json"], more].concat());
        assert_eq!(repo.files(), Vec::<String>::new(), "a plan made a repository");
        let json = ended.expect(0).json();
        assert_eq!(json["result"], "plan");
        names(&json["tables"]).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let both = ["--database", "globs_*"];
    assert_eq!(plan(&both).len(), 6);
    assert_eq!(plan(&["--database", "globs_*", "--exclude-database", "*_two"]).len(), 3);
    assert_eq!(
        plan(&["--database", "globs_*", "--exclude-table", "*.log", "--exclude-table", "*.document"]),
        ["globs_one.account", "globs_two.account"]
    );
    assert_eq!(plan(&["--table", "globs_?ne.[al]*"]), ["globs_one.account", "globs_one.log"]);

    let repo = Repo::new();
    repo.backup(source(), "globs_*");
    let before = fingerprint(source(), "globs_one").await;
    let only = ["--database", "globs_one", "--exclude-table", "*.log", "--rename", "globs_one=globs_new"];
    let plan = repo.restore(target, &[&only[..], &["--dry-run", "--json"]].concat()).expect(0).json();
    assert_eq!(names(&plan["tables"]), ["globs_one.account", "globs_one.document"]);
    assert_eq!(plan["tables"][0]["target"], "globs_new.account");
    let made = "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME IN ('globs_new', 'myriad_restore')";
    assert_eq!(one(target, made).await, "0", "a plan changed its target");
    repo.restore(target, &only).expect(0);
    let restored = fingerprint(target, "globs_new").await;
    assert!(!restored.contains_key("log") && restored.len() == before.len() - 1, "{restored:?}");
    assert!(restored.iter().all(|(name, print)| before[name] == *print));
    drop_restored(target, "globs_new").await;

    repo.restore(target, &["--database", "globs_one", "--no-data", "--no-objects"]).expect(0);
    let empty = fingerprint(target, "globs_one").await;
    assert_eq!(empty.keys().collect::<Vec<_>>(), ["account", "document", "log"]);
    assert_eq!(one(target, "SELECT COUNT(*) FROM globs_one.account").await, "0");
    drop_restored(target, "globs_one").await;
}

#[tokio::test]
async fn rows_chosen_by_a_condition_make_a_partial_backup() {
    let (target, _turn) = target_alone().await;
    data::make(source(), "settings_where", 100).await;
    let repo = Repo::new();
    let condition = ["--where", "settings_where.account=id BETWEEN 10 AND 19 OR id = 50"];
    let report = repo.backup_with(source(), "settings_where", &[&condition[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(report["partial"], true);
    let list = run(&["list", "--repo", &repo.place(), "--json"]).expect(0).json();
    assert_eq!(list["backups"][0]["partial"], true);
    repo.restore(target, &[]).expect(0);
    assert_eq!(one(target, "SELECT CONCAT(COUNT(*), ' ', SUM(id)) FROM settings_where.account").await, "11 195");
    assert_eq!(one(target, "SELECT COUNT(*) FROM settings_where.log").await, "100");
    repo.verify(&["--against", &address(source())]).expect(0);
    drop_restored(target, "settings_where").await;
    repo.backup_with(source(), "settings_where", &["--where", "settings_where.none=1"])
        .refused(2, &["settings_where.none"]);
}

#[tokio::test]
async fn json_of_every_command_parses_and_quiet_is_silent() {
    let (target, _turn) = target_alone().await;
    data::make(source(), "settings_json", 50).await;
    let repo = Repo::new();
    let (place, from, to) = (repo.place(), address(source()), address(target));
    let cases: [(&[&str], &[&str]); 7] = [
        (
            &["backup", "--source", &from, "--database", "settings_json"],
            &["result", "id", "name", "position", "totals", "consistency", "not_taken", "manifest_sha256"],
        ),
        (&["list"], &["repository", "backups", "unreadable"]),
        (&["show"], &[]),
        (&["verify"], &["repository", "backups", "inventory"]),
        (
            &["restore", "--target", &to, "--dry-run", "--tune", "none", "--redo", "on"],
            &["result", "backup", "tables", "way", "writes_binary_log"],
        ),
        (
            &["restore", "--target", &to, "--tune", "none", "--redo", "on"],
            &["result", "backup", "rows", "rows_loaded", "resumed", "proof", "gtid", "not_created", "notes", "phases"],
        ),
        (&["verify", "--against", &to], &["proof", "against"]),
    ];
    for (arguments, fields) in cases {
        let ended = run(&[arguments, &["--repo", &place, "--json", "--quiet"]].concat()).expect(0);
        assert_eq!(ended.err, "", "{arguments:?}");
        let json = ended.json();
        assert!(json.is_object() && fields.iter().all(|field| json.get(field).is_some()), "{arguments:?}: {json:#}");
    }
    drop_restored(target, "settings_json").await;
    let quiet =
        run(&["restore", "--target", &to, "--repo", &place, "--quiet", "--tune", "none", "--redo", "on"]).expect(0);
    assert!(quiet.err.is_empty() && quiet.out.contains("PROVED"), "{quiet:?}");
    drop_restored(target, "settings_json").await;
    let talkative = run(&["restore", "--target", &to, "--repo", &place, "-v", "--dry-run"]).expect(0);
    assert!(!talkative.out.contains("DEBUG"), "the log is mixed with the result");
}

#[tokio::test]
async fn progress_without_a_terminal_is_plain_lines() {
    data::make(source(), "settings_slow", 12_000).await;
    let repo = Repo::new();
    let Ended { err, .. } = repo.backup_with(source(), "settings_slow", &["--max-rate", "400k"]).expect(0);
    let lines: Vec<&str> = err.lines().filter(|line| line.starts_with("rows: ")).collect();
    assert!(!lines.is_empty() && !err.contains('\u{1b}') && !err.contains('\r'), "{err:?}");
    assert!(lines.iter().all(|line| line.contains("rows") && line.contains("/s")), "{lines:?}");
}

/// Every byte that a repository holds, stored and unpacked.
fn bytes_of(repo: &Repo) -> Vec<u8> {
    let mut all = Vec::new();
    for file in repo.files() {
        all.extend(file.as_bytes());
        let stored = std::fs::read(repo.file(&file)).unwrap();
        all.extend(&stored);
        if file.starts_with("objects") {
            all.extend(zstd::decode_all(&stored[..]).unwrap());
        }
    }
    all
}

#[tokio::test]
async fn a_password_is_seen_nowhere() {
    const PASSWORD: &str = "S3cr3t-%-Word";
    let server = source();
    data::make(server, "settings_secret", 5000).await;
    let account = format!("CREATE USER secret@localhost IDENTIFIED BY '{PASSWORD}'");
    data::run(server, &[&account, "GRANT ALL ON *.* TO secret@localhost"]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let repo = Repo::new();
    let (without, with) = (address_of("secret", server), address_of("secret:S3cr3t-%25-Word", server));
    let clean = |ended: &Ended| {
        let told = format!("{}{}", ended.out, ended.err);
        assert!(!told.contains(PASSWORD) && !told.contains("S3cr3t"), "{told}");
    };

    let named = [&repo.backup_arguments(&without, "settings_secret")[..], &["--max-rate", "600k", "-vv"]].concat();
    for how in ["variable", "file"] {
        let mut arguments = named.clone();
        let file = file.display().to_string();
        if how == "file" {
            arguments.extend(["--password-file", &file]);
        }
        let mut program = command(&arguments);
        if how == "variable" {
            program.env("MYSQL_PWD", PASSWORD);
        }
        let child = program.spawn().unwrap();
        let line = std::fs::read(Path::new("/proc").join(child.id().to_string()).join("cmdline")).unwrap();
        assert!(!String::from_utf8_lossy(&line).contains("S3cr3t"));
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        clean(&Ended { code, out: text(output.stdout), err: text(output.stderr) }.expect(0));
    }
    // In an address it stands in the process list, and that is said.
    let warned = run(&repo.backup_arguments(&with, "settings_secret")).expect(0);
    assert!(warned.err.contains("warning: every user of this machine can read the password"), "{}", warned.err);
    clean(&warned);
    for arguments in [["restore", "--target"], ["verify", "--against"], ["backup", "--source"]] {
        for server in [with.as_str(), "mysql://secret:S3cr3t-%25-Word@127.0.0.1:1", "mysql://secret:S3cr3t@h:x"] {
            clean(&run(&[&arguments[..], &[server, "--repo", &repo.place(), "-v", "--json"]].concat()));
        }
    }
    clean(&run(&["show", "--repo", &repo.place(), "--json"]));
    let stored = bytes_of(&repo);
    assert!(stored.windows(6).all(|window| window != b"S3cr3t"), "the repository holds the password");
}

#[tokio::test]
async fn an_account_with_few_rights_takes_what_it_may_and_names_the_rest() {
    let server = own(options());
    data::make(&server, "d", 100).await;
    data::run(
        &server,
        &[
            "CREATE USER few@localhost",
            "GRANT SELECT, SHOW VIEW, LOCK TABLES ON *.* TO few@localhost",
            "CREATE USER documented@localhost",
            "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, PROCESS, RELOAD, LOCK TABLES, REPLICATION CLIENT ON *.* TO documented@localhost",
            "GRANT BACKUP_ADMIN ON *.* TO documented@localhost",
            "CREATE USER routines@localhost",
            "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON d.* TO routines@localhost",
        ],
    )
    .await;
    let take = |user: &str| {
        let repo = Repo::new();
        let from = address_of(user, &server);
        let report = run(&[&repo.backup_arguments(&from, "d")[..], &["--json"]].concat()).expect(0).json();
        repo.verify(&["--against", &address(&server)]).expect(0);
        let lines = report["not_taken"].as_array().unwrap().iter();
        let lines = lines.map(|line| format!("{} {}: {}", line["kind"], line["name"], line["why"]).replace('"', ""));
        lines.collect::<Vec<_>>().join("\n")
    };
    let few = take("few");
    assert!(few.contains("triggers of schema d: this account lacks the TRIGGER right"), "{few}");
    assert!(few.contains("events of schema d: this account lacks the EVENT right"), "{few}");
    let documented = take("documented");
    assert!(!documented.contains("schema d") && !documented.contains("procedure"), "{documented}");
    let routines = take("routines");
    assert!(!routines.contains("triggers of schema") && !routines.contains("events of schema"), "{routines}");
    assert!(routines.contains("d.pay") || routines.contains("routines of schema d"), "{routines}");
}

#[tokio::test]
async fn two_restores_at_once_exclude_each_other() {
    let (target, _turn) = target_alone().await;
    data::make(source(), "settings_twice", 100).await;
    let repo = Repo::new();
    repo.backup(source(), "settings_twice");
    let mut holder = crate::support::server::connect(target).await;
    holder.query_first("SELECT GET_LOCK('myriad_restore', 0)").await.unwrap();
    let id = holder.connection_id().to_string();
    let to = address(target);
    let busy = start(&repo.restore_arguments(&to)).end().refused(32, &["another restore", &id]);
    assert!(busy.err.contains(&format!("KILL {id}")), "{}", busy.err);
    holder.close().await;
    repo.restore(target, &[]).expect(0);
    drop_restored(target, "settings_twice").await;
}
