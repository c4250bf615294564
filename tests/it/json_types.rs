//! JSON values whose type the text does not carry: they come back with their types, by both ways, and are proved with
//! them. What is compared here is what the server says of every value at any depth, not our digest.

use crate::support::rows::{all, schema_with_numbers, table};
use crate::support::run::{self, Repo, assert_same_rows, client, client_line};
use crate::support::server;
use myriad::Exit;
use myriad::load::rows::Way;
use myriad::manifest::ChunkRecord;
use myriad::sandbox::{Sandbox, SandboxOptions};
use rand::prelude::*;
use std::collections::BTreeMap;

/// Columns of every type that has a form of its own inside a document.
const TYPED: &str = "CREATE TABLE json_all.typed (id INT PRIMARY KEY, d DECIMAL(65,30), p DECIMAL(9,2), n DECIMAL(20,0), da DATE, ti TIME(2), \
    dt DATETIME(3), ts TIMESTAMP(6) NULL, tb TINYBLOB, b BLOB, mb MEDIUMBLOB, lb LONGBLOB, vb VARBINARY(300), bi BINARY(7), bt BIT(12), bw BIT(64))";

const VALUES: [&str; 5] = [
    "(1, -12345678901234567890123456789012345.123456789012345678901234567891, 12345.67, 5, '2024-01-02', '-12:34:56.78', \
     '2024-01-02 03:04:05.678', '2024-01-02 03:04:05.678901', x'00ff', x'5c0a0900', x'', x'27225c', x'61', x'6100', b'101', 18446744073709551615)",
    "(2, 0.000000000000000000000000000001, 0.10, 99999999999999999999, '0000-00-00', '838:59:59', '0000-00-00 00:00:00', \
     '1970-01-01 00:00:01', '', 'text', REPEAT('x', 300), REPEAT(x'a5', 70000), REPEAT('y', 300), '', 0, 0)",
    "(3, 99999999999999999999999999999999999.999999999999999999999999999999, -0.01, 0, '2024-02-31', '00:00:00', \
     '9999-12-31 23:59:59.999', '2038-01-19 03:14:07.999999', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "(4, 0, 0, -1, '2024-00-00', '-838:59:59', '2024-05-00 23:59:59.999', NULL, x'09', x'0a', x'5c', x'00', x'27', x'22', 4095, 1)",
    "(5, 1, 1.00, 100, '1000-01-01', '00:00:00.01', '1000-01-01 00:00:00', '0000-00-00 00:00:00', 'a', 'b', 'c', 'd', 'e', 'f', 7, 9223372036854775808)",
];

/// Every value of every document of a table, as the server itself sees it.
fn values(server: &Sandbox, table: &str) -> Vec<u8> {
    let walk = |path: &str| {
        format!(
            "SELECT t.id, w.o, JSON_TYPE(w.v), HEX(w.v) FROM {table} t, JSON_TABLE(t.doc, '{path}' COLUMNS(o FOR ORDINALITY, v JSON PATH '$')) w ORDER BY 1, 2;"
        )
    };
    let whole = format!("SELECT id, JSON_TYPE(doc), HEX(doc) FROM {table} ORDER BY 1;");
    // An INTEGER and an UNSIGNED INTEGER of one value count as one type.
    String::from_utf8(client(server, &[whole, walk("$**.*"), walk("$**[*]")].concat()))
        .unwrap()
        .replace("UNSIGNED INTEGER", "INTEGER")
        .into_bytes()
}

fn assert_same_values(left: &Sandbox, right: &Sandbox, table: &str) {
    let (a, b) = (values(left, table), values(right, table));
    let differing = a.split(|&byte| byte == b'\n').zip(b.split(|&byte| byte == b'\n')).find(|(a, b)| a != b);
    let text = |line: &[u8]| String::from_utf8_lossy(&line[..line.len().min(300)]).into_owned();
    assert!(a == b, "{table}: {:?}", differing.map(|(a, b)| (text(a), text(b))));
}

async fn fill_all(server: &Sandbox) {
    let mut session = server::connect(server).await;
    session.execute("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'").await.unwrap();
    all(&mut session, &["CREATE SCHEMA json_all".into(), TYPED.into()]).await;
    all(&mut session, &VALUES.map(|row| format!("INSERT INTO json_all.typed VALUES {row}"))).await;
    let columns = ["d", "p", "n", "da", "ti", "dt", "ts", "tb", "b", "mb", "lb", "vb", "bi", "bt", "bw"];
    let pairs = columns.map(|column| format!("'{column} \"\\\\', {column}")).join(", ");
    let cells = columns.join(", ");
    let documents = [
        format!("SELECT id, JSON_OBJECT({pairs}) FROM json_all.typed"),
        format!("SELECT 10 + id, JSON_ARRAY({cells}) FROM json_all.typed"),
        format!("SELECT 20 + id, JSON_OBJECT('deep', JSON_ARRAY(JSON_OBJECT({pairs}), 1, JSON_ARRAY(JSON_ARRAY({cells}))), '', JSON_ARRAY(p), 'plain', '2024-01-02', 'z', JSON_OBJECT('', d)) FROM json_all.typed"),
        format!(
            "SELECT 100 * n + id, doc FROM (SELECT 0 n, id, NULL doc FROM json_all.typed UNION ALL {}) scalars WHERE n > 0",
            columns.iter().enumerate().map(|(n, column)| format!("SELECT {}, id, CAST({column} AS JSON) FROM json_all.typed", n + 1)).collect::<Vec<_>>().join(" UNION ALL ")
        ),
        "SELECT 50, JSON_ARRAYAGG(JSON_OBJECT('t', ts, 'p', p, 'n', n)) FROM json_all.typed JOIN (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 700) SELECT i FROM r) r".into(),
        "SELECT 51, '[1, 1.5, \"2024-01-02\", \"base64:type15:YQ==\", null]'".into(),
        "SELECT 52, NULL".into(),
        // More digits than a column has, more bytes than the column type of that number has.
        "SELECT 53, JSON_ARRAY(0.1234567890123456789012345678901234567890, -12345678901234567890123456789012345678901234567890123456789012345678901234567890., \
         (SELECT MAX(lb) FROM json_all.typed))"
            .into(),
        "SELECT 54, JSON_ARRAYAGG(JSON_ARRAY(ts, bi, RPAD(bi, 255, 'x'), CAST(bi AS BINARY), bt, tb)) FROM json_all.typed \
         JOIN (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 300) SELECT i FROM r) r"
            .into(),
    ];
    // A column of each kind beside the document: such rows go by INSERT.
    let definition = "id INT PRIMARY KEY, doc JSON, ts TIMESTAMP(2) NULL DEFAULT '2024-06-30 12:00:00.25', zero TIMESTAMP NULL DEFAULT '0000-00-00 00:00:00', \
        e ENUM('a','b') DEFAULT 'b', s SET('x','y') DEFAULT 'x,y', f FLOAT DEFAULT 1.1, bits BIT(9) DEFAULT b'101011100', \
        g VARCHAR(20) CHARACTER SET gbk DEFAULT _gbk x'b15c', raw VARBINARY(9) DEFAULT x'5c0a0900272261', \
        second JSON DEFAULT (JSON_ARRAY(CAST(1.50 AS DECIMAL(3,2)))), total INT AS (id * 2) STORED";
    session.execute(format!("CREATE TABLE json_all.docs ({definition})")).await.unwrap();
    for (n, document) in documents.iter().enumerate() {
        session
            .execute(format!("INSERT INTO json_all.docs (id, doc) {document}"))
            .await
            .unwrap_or_else(|e| panic!("{n}: {e}"));
    }
    session.execute("UPDATE json_all.docs SET e = 'wrong', second = NULL WHERE id % 3 = 0").await.unwrap();
    // A TIMESTAMP keeps the local time of the session that wrote it into the document.
    session.execute("CREATE TABLE json_all.zones (id INT, doc JSON, ts TIMESTAMP NULL)").await.unwrap();
    for (id, zone) in [(1, "+14:00"), (2, "-13:59"), (3, "+05:30")] {
        session.execute(format!("SET time_zone='{zone}'")).await.unwrap();
        let from = format!("SELECT {id} * 10 + id, JSON_OBJECT('at', ts), ts FROM json_all.typed");
        session.execute(format!("INSERT INTO json_all.zones {from}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_by_both_ways() {
    let (source, target) = (server::source(), server::target());
    fill_all(source).await;
    let repo = Repo::new();
    let taken = run::backup(&run::backup_options(source, &repo, "json_all")).await;
    assert_eq!(taken.backup().unwrap().untyped, []);
    let again = run::backup(&run::backup_options(source, &repo, "json_all")).await;
    assert_eq!(again.backup().unwrap().totals.added_bytes, 0);

    let arguments = vec!["--local-infile=OFF".to_owned()];
    let closed = server::own(SandboxOptions { arguments, ..server::options() });
    for (server, way) in [(target, Way::LoadData), (&closed, Way::Insert)] {
        let restored = run::restore(&run::restore_options(server, &repo)).await;
        let done = restored.restore().unwrap();
        assert_eq!((done.way, &done.proof.as_ref().unwrap().unproved), (way, &vec![]));
        assert_same_rows((source, "json_all"), (server, "json_all"));
        for table in ["json_all.docs", "json_all.zones"] {
            assert_same_values(source, server, table);
        }
        let second = "SELECT GROUP_CONCAT(JSON_TYPE(second->'$[0]') ORDER BY id) FROM json_all.docs";
        assert!(client_line(server, second).contains("DECIMAL"));
    }

    // Only a type is another: found, though the document's text is the same.
    let count = "SELECT COUNT(*) FROM json_all.docs WHERE id = 51 AND JSON_TYPE(doc->'$[1]') = ";
    assert_eq!(client_line(target, &format!("{count}'DOUBLE'")), "1");
    client_line(
        target,
        "UPDATE json_all.docs SET doc = NULL WHERE id = 51; UPDATE json_all.docs SET doc = JSON_ARRAY(1, 1.5, '2024-01-02', 'base64:type15:YQ==', NULL) WHERE id = 51",
    );
    assert_eq!(client_line(target, &format!("{count}'DECIMAL'")), "1");
    let found = run::verify(&run::verify_options(target, &repo)).await;
    assert_eq!(found.exit(), Exit::ProofFailed, "{}", found.text());
    assert_eq!(found.proof.unwrap().differences.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_whose_types_changed_is_stored_anew_and_nothing_else() {
    let (source, target) = (server::source(), server::target());
    let mut session = server::connect(source).await;
    schema_with_numbers(&mut session, "json_changed", 4000).await;
    let priced = "JSON_OBJECT('price', CAST(n / 4 AS DECIMAL(9,2)), 'text', REPEAT('x', 100))";
    let values = format!("n, IF(n % 50 = 0, {priced}, JSON_OBJECT('n', n, 'text', REPEAT('y', 100)))");
    for (name, key) in [("keyed", "INT PRIMARY KEY"), ("heap", "INT")] {
        table(&mut session, name, &format!("id {key}, doc JSON"), &values).await;
    }
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, "json_changed")).await;
    let chunks = repo.chunks().await;
    assert!(chunks["json_changed.keyed"].len() > 3 && chunks["json_changed.heap"].len() > 3, "{chunks:?}");
    // Workers that split a range may leave a chunk with few rows, and so without a typed value.
    assert!(chunks["json_changed.keyed"].iter().filter(|chunk| chunk.typed.is_some()).count() > 3);

    // An UPDATE would change nothing: the server leaves a document as it is that equals the new one.
    for price in ["25.75e0", "25.75"] {
        run::backup(&run::backup_options(source, &repo, "json_changed")).await;
        let document = format!("JSON_OBJECT('price', {price}, 'text', REPEAT('y', 100))");
        session.execute(format!("REPLACE json_changed.keyed VALUES (103, {document})")).await.unwrap();
    }
    let as_double = repo.chunks().await;
    let second = run::backup(&run::backup_options(source, &repo, "json_changed")).await;
    let changed = repo.chunks().await;
    let totals = &second.backup().unwrap().totals;
    assert!(totals.added_bytes > 0);
    let bytes =
        |chunks: &BTreeMap<String, Vec<ChunkRecord>>| chunks["json_changed.keyed"].iter().map(|c| c.bytes).sum::<u64>();
    assert_eq!(bytes(&changed), bytes(&as_double));
    let before = as_double["json_changed.keyed"].iter().map(|chunk| chunk.content).collect::<Vec<_>>();
    let anew = changed["json_changed.keyed"].iter().filter(|chunk| !before.contains(&chunk.content)).count();
    assert_eq!(anew, 1);
    assert_eq!(changed["json_changed.heap"], chunks["json_changed.heap"]);

    run::restore(&run::restore_options(target, &repo)).await;
    for table in ["json_changed.keyed", "json_changed.heap"] {
        assert_same_values(source, target, table);
    }
}

/// An expression that makes a random document, odd values at random places in it.
fn document(rng: &mut StdRng, depth: u32) -> String {
    let names = ["a", "b", "ab", "", "x y", "q\"", "b\\\\s", "ü", "a.b", "[0]", "zz"];
    let scalars = [
        "1",
        "CAST(2 AS UNSIGNED)",
        "1.5e0",
        "CAST(1.50 AS DECIMAL(5,2))",
        "CAST(7 AS DECIMAL(5,0))",
        "'text'",
        "NULL",
        "'2024-01-02'",
        "CAST('2024-01-02' AS DATE)",
        "CAST('12:00:00' AS TIME)",
        "CAST('2024-01-02 03:04:05' AS DATETIME)",
        "x'00ff'",
        "CAST('true' AS JSON)",
        "CAST('[]' AS JSON)",
        "CAST('{}' AS JSON)",
    ];
    match rng.random_range(0..if depth == 0 { 1 } else { 3 }) {
        0 => scalars.choose(rng).unwrap().to_string(),
        1 => {
            let cells: Vec<_> = (0..rng.random_range(0..5)).map(|_| document(rng, depth - 1)).collect();
            format!("JSON_ARRAY({})", cells.join(","))
        }
        _ => {
            let pairs: Vec<_> = (0..rng.random_range(0..5))
                .map(|_| format!("'{}',{}", names.choose(rng).unwrap(), document(rng, depth - 1)))
                .collect();
            format!("JSON_OBJECT({})", pairs.join(","))
        }
    }
}

/// The walks number what they find container by container; the paths in the typed list hang on it.
#[tokio::test(flavor = "multi_thread")]
async fn values_at_any_place_of_a_document() {
    let (source, target) = (server::source(), server::target());
    let mut session = server::connect(source).await;
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    all(
        &mut session,
        &["CREATE SCHEMA json_random".into(), "CREATE TABLE json_random.docs (id SERIAL, doc JSON)".into()],
    )
    .await;
    for _ in 0..20 {
        let rows: Vec<_> = (0..50).map(|_| format!("(JSON_ARRAY({}))", document(&mut rng, 5))).collect();
        session.execute(format!("INSERT INTO json_random.docs (doc) VALUES {}", rows.join(","))).await.unwrap();
    }
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, "json_random")).await;
    run::restore(&run::restore_options(target, &repo)).await;
    assert_same_values(source, target, "json_random.docs");
}

/// A document with more such values than the server can tell of under its max_allowed_packet: its text is kept, the column is
/// named and never called proved, and the rest of the row is proved all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_counted_and_never_called_proved() {
    let source = server::own(server::options());
    let target = server::target();
    let mut session = server::connect(&source).await;
    schema_with_numbers(&mut session, "json_many", 100_000).await;
    for (name, more) in [("text_rows", "INT"), ("binary_rows", "FLOAT")] {
        let statements = [
            format!("CREATE TABLE {name} (id INT PRIMARY KEY, v {more}, doc JSON, other JSON)"),
            format!("INSERT INTO {name} SELECT 1, 1, JSON_ARRAYAGG(CAST(1.0 AS DECIMAL(2,1))), '[1]' FROM numbers"),
            format!("INSERT INTO {name} VALUES (2, 2, JSON_ARRAY(1.50), '[2]')"),
        ];
        all(&mut session, &statements).await;
    }
    session.execute("SET GLOBAL max_allowed_packet = 1048576").await.unwrap();
    let repo = Repo::new();
    let taken = run::backup(&run::backup_options(&source, &repo, "json_many")).await;
    let counted: Vec<_> = taken.backup().unwrap().untyped.iter().map(|u| (u.table.as_str(), u.rows)).collect();
    assert_eq!(counted, [("json_many.binary_rows", 1), ("json_many.text_rows", 1)]);
    let restored = run::restore(&run::restore_options(target, &repo)).await;
    let columns = ["binary_rows.doc", "binary_rows.other", "text_rows.doc", "text_rows.other"];
    let unproved = &restored.restore().unwrap().proof.as_ref().unwrap().unproved;
    assert_eq!(unproved, &columns.map(|column| format!("json_many.{column}")));
    for text in [taken.text(), restored.text()] {
        assert!(text.contains("JSON types of 1 value in column doc of json_many.text_rows"), "{text}");
    }
    assert_same_rows((&source, "json_many"), (target, "json_many"));
    client_line(target, "UPDATE json_many.text_rows SET v = 7 WHERE id = 2");
    let found = run::verify(&run::verify_options(target, &repo)).await;
    assert_eq!(found.exit(), Exit::ProofFailed, "{}", found.text());
}

/// The statements for such rows keep within what the target takes.
#[tokio::test(flavor = "multi_thread")]
async fn many_small_documents_go_through_small_packets() {
    let source = server::source();
    let target =
        server::own(SandboxOptions { arguments: vec!["--max-allowed-packet=256K".into()], ..server::options() });
    let mut session = server::connect(source).await;
    schema_with_numbers(&mut session, "json_small", 5000).await;
    table(
        &mut session,
        "t",
        "id INT PRIMARY KEY, doc JSON",
        "n, JSON_ARRAY(1.10, 'plain', CAST('2024-01-02' AS DATE))",
    )
    .await;
    let repo = Repo::new();
    run::backup(&run::backup_options(source, &repo, "json_small")).await;
    let restored = run::restore(&run::restore_options(&target, &repo)).await;
    assert!(restored.restore().unwrap().proof.as_ref().unwrap().holds());
    assert_same_values(source, &target, "json_small.t");
}
