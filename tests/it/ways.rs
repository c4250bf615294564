//! Odd values by both ways that rows can take, and an S3 bucket instead of a folder.

use crate::support::program::{self, Ended, Repo, address};
use crate::support::run::assert_same_rows;
use crate::support::s3_server::{ACCESS_KEY, BUCKET, S3Server, SECRET_KEY};
use crate::support::{data, server};

const ODD_TABLE: &[&str] = &[
    "CREATE DATABASE odd",
    "CREATE TABLE odd.kinds (id INT AUTO_INCREMENT PRIMARY KEY, g VARCHAR(20) CHARACTER SET gbk, u VARCHAR(20) CHARACTER SET ucs2, \
     l VARCHAR(20) CHARACTER SET latin1, bits BIT(40), e ENUM('', 'x', 'y') NOT NULL, s SET('p', 'q', 'r'), j JSON, p POINT, \
     d DATETIME(6), day DATE, t TIME(3), y YEAR, f FLOAT, dbl DOUBLE, n DECIMAL(30, 10), big BIGINT UNSIGNED, raw VARBINARY(100), \
     st INT AS (LENGTH(raw) + 1) STORED, rounded DECIMAL(5, 1) AS (n / 3) STORED, vi INT AS (LENGTH(raw)) VIRTUAL, hidden INT INVISIBLE DEFAULT 5, fm FLOAT(10, 2), dm DOUBLE(20, 3))",
    "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
    "INSERT INTO odd.kinds (id, g, u, l, bits, e, s, j, p, d, day, t, y, f, dbl, n, big, raw, hidden) VALUES \
     (0, CONVERT(x'815c' USING gbk), _ucs2 x'00e4263a', _latin1 x'e4095c0a', b'0101110000001001', 'x', 'p,r', '{\"a\": [1, 2.5, \"t\\\\n\"]}', \
      POINT(1.5, -2), '0000-00-00 00:00:00', '2024-00-00', '-838:59:59', 0, -0e0, 5e-324, -1.0000000001, 18446744073709551615, \
      x'00ff090a5c', NULL), \
     (-5, '', '', '', 0, 'y', '', '[]', NULL, '2024-02-31 23:59:59.999999', '0000-00-00', '00:00:00.001', 2155, 3.4028235e38, -0e0, 99.9, 0, '', 1), \
     (7, NULL, NULL, NULL, NULL, 'x', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "UPDATE odd.kinds SET fm = -99999999.99, dm = 99999999999999999.999 WHERE id = 7",
    "UPDATE odd.kinds SET fm = 0.1, dm = 0.1 WHERE id = 0",
    // The error value beside '' as a member.
    "SET SESSION sql_mode = ''",
    "INSERT INTO odd.kinds (e) VALUES ('no such member'), ('')",
    "CREATE TABLE odd.computed (id INT AS (1) STORED, v INT AS (2) VIRTUAL)",
    "INSERT INTO odd.computed () VALUES (), ()",
    "CREATE TABLE odd.members (s SET('a00','a01','a02','a03','a04','a05','a06','a07','a08','a09','a10','a11','a12','a13','a14','a15',\
     'a16','a17','a18','a19','a20','a21','a22','a23','a24','a25','a26','a27','a28','a29','a30','a31','a32','a33','a34','a35','a36',\
     'a37','a38','a39','a40','a41','a42','a43','a44','a45','a46','a47','a48','a49','a50','a51','a52','a53','a54','a55','a56','a57',\
     'a58','a59','a60','a61','a62','a63'))",
    "INSERT INTO odd.members VALUES (18446744073709551615), (9223372036854775809), (1)",
];

/// Every kind of value by both ways that rows can take.
#[tokio::test(flavor = "multi_thread")]
async fn odd_values_by_load_data_and_by_insert() {
    let source = server::own(server::options());
    data::run(&source, ODD_TABLE).await;
    let repo = Repo::new();
    repo.backup(&source, "odd");
    let by_load = server::own(server::options());
    let told = repo.restore(&by_load, &["--json"]).expect(0).json();
    assert_eq!(told["way"], "load-data", "{told}");
    assert_same_rows((&source, "odd"), (&by_load, "odd"));
    by_load.stop();

    let mut off = server::options();
    off.arguments.push("--local-infile=OFF".into());
    let by_insert = server::own(off);
    let told = repo.restore(&by_insert, &[]).expect(0);
    assert!(told.out.contains("by INSERT") && told.out.contains("SET GLOBAL local_infile=ON"), "{}", told.out);
    assert_same_rows((&source, "odd"), (&by_insert, "odd"));
}

/// The whole way through a real S3-speaking server.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_serves_as_a_repository() {
    let (source, target) = (server::own(server::options()), server::own(server::options()));
    data::make(&source, "cloud", 3000).await;
    let s3 = S3Server::start();
    let place = format!("s3://{BUCKET}/nightly");
    let run = |arguments: &[&str]| {
        let output = program::command(arguments)
            .envs([("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)])
            .envs([("AWS_ENDPOINT_URL", s3.endpoint.as_str()), ("AWS_ALLOW_HTTP", "true"), ("AWS_REGION", "us-east-1")])
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    };
    let backup = ["backup", "--source", &address(&source), "--repo", &place, "--database", "cloud", "--json"];
    run(&backup).expect(0);
    assert_eq!(run(&backup).expect(0).json()["totals"]["added_bytes"], 0);
    assert!(run(&["verify", "--repo", &place]).expect(0).out.contains("is sound"));
    run(&["restore", "--target", &address(&target), "--repo", &place]).expect(0);
    assert_same_rows((&source, "cloud"), (&target, "cloud"));
}
