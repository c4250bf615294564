//! `verify --against --rows` on a real server: exactly the rows that were touched are named, by key, with what was done to
//! them. The backup is compared with the very server that it came from, after changes of known rows.

use crate::support::program::{self, address};
use crate::support::rows::{all, schema_with_numbers, table};
use crate::support::run::{self, Repo, client_line};
use crate::support::server;
use myriad::Exit;
use myriad::sandbox::Sandbox;
use myriad::verify::Proof;

/// Compares the newest backup with the server and names rows.
async fn proof(source: &Sandbox, repo: &Repo, limit: usize) -> Proof {
    let mut options = run::verify_options(source, repo);
    options.rows = Some(limit);
    run::verify(&options).await.proof.unwrap()
}

/// What was found, `table: row` a line.
fn told(proof: &Proof) -> Vec<String> {
    let mut told = Vec::new();
    for difference in &proof.differences {
        let table = difference.table.split_once('.').unwrap().1;
        let lines = difference.rows.as_ref().map(|rows| rows.lines()).unwrap_or_default();
        told.extend(lines.iter().map(|line| format!("{table}: {line}")));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_every_kind_of_key_are_named_and_no_others() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let schema = "rows_named";
    schema_with_numbers(&mut session, schema, 3000).await;
    for (name, definition, values) in [
        ("by_int", "id INT PRIMARY KEY, v VARCHAR(90), n INT", "n * 10, CONCAT('row ', n, REPEAT('.', 60)), n"),
        (
            "by_pair",
            "a INT, b VARCHAR(20) CHARACTER SET latin1, v ENUM('x','y'), PRIMARY KEY (a, b DESC)",
            "n DIV 100, CONCAT('ä', n), 1",
        ),
        ("by_ci", "id VARCHAR(20) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, v INT", "CONCAT('key ', n), n"),
        ("by_bytes", "id VARBINARY(8) PRIMARY KEY, v DOUBLE, f FLOAT", "UNHEX(LPAD(HEX(n), 6, '0')), n / 7, n / 7"),
        ("by_date", "id DATE PRIMARY KEY, g INT AS (v + 1) STORED, v INT", "'2000-01-01' + INTERVAL n DAY, DEFAULT, n"),
        ("by_float", "id FLOAT PRIMARY KEY, b BIT(9)", "n / 8, n % 512"),
        ("parted", "id INT PRIMARY KEY, j JSON", "n, JSON_OBJECT('n', n)"),
        ("untouched", "id INT PRIMARY KEY, v INT", "n, n"),
    ] {
        let values = values.replace("DEFAULT, ", "");
        match name {
            "by_date" => {
                all(
                    &mut session,
                    &[
                        format!("CREATE TABLE {name} ({definition})"),
                        format!("INSERT INTO {name} (id, v) SELECT {values} FROM numbers"),
                    ],
                )
                .await
            }
            _ => table(&mut session, name, definition, &values).await,
        }
    }
    all(&mut session, &["ALTER TABLE parted PARTITION BY HASH (id) PARTITIONS 3".into()]).await;
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, schema)).await;
    assert!(repo.chunks().await["rows_named.by_int"].len() > 3);
    assert!(proof(source, &repo, 20).await.holds());

    all(
        &mut session,
        &[
            // One of each, two of them in one range, and the last key of the table.
            "UPDATE by_int SET v = 'other', n = NULL WHERE id = 10000".into(),
            "DELETE FROM by_int WHERE id IN (10010, 29990)".into(),
            "INSERT INTO by_int VALUES (10011, 'new', 1), (-5, NULL, NULL), (2000000, '', 2)".into(),
            "UPDATE by_pair SET v = 2 WHERE a = 7 AND b = 'ä750'".into(),
            "DELETE FROM by_pair WHERE a = 7 AND b = 'ä751'".into(),
            "INSERT INTO by_pair VALUES (7, 'it''s', 0)".into(),
            // The key is the same to the server, but not its letters.
            "UPDATE by_ci SET id = 'KEY 77' WHERE id = 'key 77'".into(),
            "UPDATE by_ci SET id = 'key 80b', v = 0 WHERE id = 'key 80'".into(),
            "UPDATE by_bytes SET v = v + 1e-13, f = f + 1e-4 WHERE id = x'000007'".into(),
            "DELETE FROM by_bytes WHERE id = x'00000a'".into(),
            "UPDATE by_date SET v = -1 WHERE id = '2001-02-03'".into(),
            "UPDATE by_float SET b = b'101' WHERE b = 300 AND id < 38".into(),
            "UPDATE parted SET j = JSON_OBJECT('n', '17') WHERE id = 17".into(),
            "DELETE FROM parted WHERE id = 18".into(),
        ],
    )
    .await;
    let found = proof(source, &repo, 20).await;
    let mut expected = [
        "by_int: changed: id 10000 (in v, n)",
        "by_int: missing: id 10010",
        "by_int: missing: id 29990",
        "by_int: extra: id 10011",
        "by_int: extra: id -5",
        "by_int: extra: id 2000000",
        "by_pair: changed: a 7, b 'ä750' (in v)",
        "by_pair: missing: a 7, b 'ä751'",
        "by_pair: extra: a 7, b 'it''s'",
        "by_ci: changed: id 'key 77' (in id)",
        "by_ci: missing: id 'key 80'",
        "by_ci: extra: id 'key 80b'",
        "by_bytes: changed: id 0x000007 (in v, f)",
        "by_bytes: missing: id 0x00000a",
        "by_date: changed: id '2001-02-03' (in v)",
        "by_float: changed: id 3.75000000e1 (in b)",
        "parted: changed: id 17 (in j)",
        "parted: missing: id 18",
    ];
    let mut told = told(&found);
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
    assert!(found.differences.iter().all(|difference| difference.rows.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_document_changed_its_types_only_is_named() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let schema = "rows_typed";
    schema_with_numbers(&mut session, schema, 300).await;
    let document = "JSON_OBJECT('day', CAST('2024-01-02' AS DATE), 'n', n)";
    let values = format!("n, IF(n % 3, JSON_ARRAY(n), {document}), '[1]'");
    table(&mut session, "docs", "id INT PRIMARY KEY, doc JSON, other JSON", &values).await;
    table(&mut session, "heap", "id INT, doc JSON, other JSON", &values).await;
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, schema)).await;
    assert!(proof(source, &repo, 20).await.holds());
    // The text of these documents is the same before and after.
    let text = "JSON_OBJECT('day', '2024-01-02', 'n', id)";
    for table in ["docs", "heap"] {
        client_line(source, &format!("UPDATE rows_typed.{table} SET doc = {text} WHERE id = 30"));
    }
    client_line(source, "UPDATE rows_typed.docs SET doc = '[-1]', other = '[2]' WHERE id = 31");
    client_line(source, &format!("UPDATE rows_typed.docs SET doc = {text}, other = '[2]' WHERE id = 33"));
    let row = "id 30, doc '{\"n\": 30, \"day\": \"2024-01-02\"}', other '[1]'";
    let expected = [
        "docs: changed: id 30 (types inside doc)".to_owned(),
        "docs: changed: id 31 (in doc, other)".into(),
        "docs: changed: id 33 (in doc, other)".into(),
        format!("heap: missing: {row}"),
        format!("heap: extra: {row}"),
    ];
    assert_eq!(told(&proof(source, &repo, 20).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_usable_key_rows_are_told_apart_by_their_values() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let schema = "rows_counted";
    schema_with_numbers(&mut session, schema, 6000).await;
    let wide = "CONCAT('row ', n % 2000, REPEAT('.', 40))";
    table(&mut session, "heap", "a INT, v VARCHAR(90), d DATE", &format!("n % 2000, {wide}, NULL")).await;
    table(&mut session, "enum_first", "a ENUM('x','y'), b INT, v INT, PRIMARY KEY (a, b)", "1 + n % 2, n, n").await;
    table(&mut session, "untouched", "a INT", "n % 7").await;
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, schema)).await;
    assert!(repo.chunks().await["rows_counted.heap"].len() > 3);
    all(
        &mut session,
        &[
            "DELETE FROM heap WHERE a = 5".into(),
            "DELETE FROM heap WHERE a = 6 LIMIT 1".into(),
            "UPDATE heap SET v = 'Ä', d = '2024-01-02' WHERE a = 7 LIMIT 2".into(),
            "UPDATE enum_first SET a = 'x' WHERE b = 11".into(),
        ],
    )
    .await;
    let row = |n: u32| format!("a {n}, v 'row {n}{}', d NULL", ".".repeat(40));
    let expected = [
        "enum_first: missing: a 2, b 11, v 11".to_owned(),
        "enum_first: extra: a 1, b 11, v 11".into(),
        format!("heap: missing 3 times: {}", row(5)),
        format!("heap: missing: {}", row(6)),
        format!("heap: missing 2 times: {}", row(7)),
        "heap: extra 2 times: a 7, v 'Ä', d '2024-01-02'".into(),
    ];
    assert_eq!(told(&proof(source, &repo, 20).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_cuts_what_is_named_and_says_so() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let schema = "rows_cut";
    schema_with_numbers(&mut session, schema, 4000).await;
    table(&mut session, "t", "id INT PRIMARY KEY, v VARCHAR(90)", "n, REPEAT('x', 60)").await;
    table(&mut session, "heap", "id INT, v VARCHAR(90)", "n, REPEAT('x', 60)").await;
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, schema)).await;
    client_line(source, "UPDATE rows_cut.t SET v = 'y' WHERE id < 50; DELETE FROM rows_cut.t WHERE id = 3999");
    client_line(source, "INSERT INTO rows_cut.t VALUES (-1, ''), (-2, ''); DELETE FROM rows_cut.heap WHERE id < 30");

    let place = repo.place();
    let against = address(source);
    let arguments = ["verify", "--repo", &place, "--against", &against];
    let ended = program::run(&[&arguments[..], &["--rows", "3"]].concat()).expect(40);
    let lines: Vec<&str> = ended.out.lines().map(str::trim).collect();
    for line in [
        "changed: id 0 (in v)",
        "changed: id 2 (in v)",
        "and at least 49 more; --rows N names more",
        "missing: id 0, v 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
        "and 27 more; --rows N names more",
    ] {
        assert!(lines.contains(&line), "{line}:\n{}", ended.out);
    }
    assert_eq!(lines.iter().filter(|line| line.starts_with("changed: ")).count(), 3);
    assert!(!lines.contains(&"missing: id 3999"));

    let json = program::run(&[&arguments[..], &["--rows", "100", "--json"]].concat()).expect(40).json();
    let of_t: Vec<_> =
        json["proof"]["differences"].as_array().unwrap().iter().filter(|d| d["table"] == "rows_cut.t").collect();
    assert_eq!(of_t.len(), 2, "{json:#}");
    let first = &of_t[0]["rows"];
    assert_eq!((&first["changed"], &first["extra"], &first["cut"]), (&50.into(), &2.into(), &false.into()));
    assert_eq!(first["named"].as_array().unwrap().len(), 52);
    let last = serde_json::json!({"change": "missing", "key": [{"column": "id", "value": "3999"}]});
    assert_eq!(of_t[1]["rows"]["named"], serde_json::json!([last]));
    // Without the option rows are not looked for.
    let plain = program::run(&[&arguments[..], &["--json"]].concat()).expect(40).json();
    assert!(plain["proof"]["differences"][0].get("rows").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_is_damaged_names_no_rows() {
    let source = server::source();
    let mut session = server::connect(source).await;
    let schema = "rows_damaged";
    schema_with_numbers(&mut session, schema, 100).await;
    table(&mut session, "t", "id INT PRIMARY KEY", "n").await;
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, schema)).await;
    let object = repo.chunks().await["rows_damaged.t"][0].place.unwrap().object.to_string();
    let path = std::path::Path::new(&repo.place()).join("objects").join(&object[..2]).join(&object);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let mut options = run::verify_options(source, &repo);
    options.rows = Some(20);
    assert!(run::verify(&options).await.proof.unwrap().holds(), "a proof that holds opens no chunk");
    client_line(source, "DELETE FROM rows_damaged.t WHERE id = 7");
    let error = run::try_verify(&options).await.unwrap_err();
    assert_eq!(error.exit(), Exit::RepositoryDamaged, "{error}");
}
