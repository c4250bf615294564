//! A schema with every kind of table and object that MariaDB has, those of its own among them.

use crate::support::server::connect;
use myriad::sandbox::Sandbox;

/// Tables whose rows a restore brings back as they were, ordinary ones and versioned ones.
const TABLES: &[&str] = &[
    "CREATE SEQUENCE numbers START WITH 100 INCREMENT BY 10 MAXVALUE 100000 CACHE 20 CYCLE",
    "DO NEXTVAL(numbers)",
    "CREATE TABLE numbered (id BIGINT DEFAULT NEXTVAL(numbers) PRIMARY KEY, v INT)",
    "INSERT INTO numbered (v) VALUES (1), (2), (3)",
    "CREATE TABLE parts (id INT AUTO_INCREMENT, day DATE, t VARCHAR(30), PRIMARY KEY (id, day), KEY t (t)) AUTO_INCREMENT=500
     PARTITION BY RANGE (YEAR(day)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2
     (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "INSERT INTO parts SELECT seq, '2019-06-01' + INTERVAL seq DAY, MD5(seq) FROM seq_1_to_800",
    "CREATE TABLE many (id CHAR(32) PRIMARY KEY, n INT, t TEXT, UNIQUE KEY n (n), FULLTEXT KEY t (t))",
    "INSERT INTO many SELECT MD5(seq), seq, REPEAT('word ', 20) FROM seq_1_to_3000",
    "CREATE TABLE addresses (u UUID PRIMARY KEY, i4 INET4, i6 INET6, KEY i6 (i6))",
    "INSERT INTO addresses SELECT CONCAT(LEFT(MD5(seq), 8), '-', MID(MD5(seq), 9, 4), '-4', MID(MD5(seq), 13, 3), '-8', MID(MD5(seq), 16, 3), '-', RIGHT(MD5(seq), 12)),
     INET_NTOA(seq * 65537), CONCAT('2001:db8::', HEX(seq)) FROM seq_1_to_2500",
    "INSERT INTO addresses VALUES ('00000000-0000-0000-0000-000000000000', NULL, '::ffff:192.0.2.128')",
    "CREATE TABLE documents (id INT PRIMARY KEY, j JSON, c TEXT COMPRESSED, v VARCHAR(50) AS (JSON_VALUE(j, '$.a')) VIRTUAL,
     s INT AS (id * 2) PERSISTENT, hidden INT INVISIBLE DEFAULT 7, made VARCHAR(40) DEFAULT (CONCAT('a', id)), KEY v (v))",
    "INSERT INTO documents (id, j, c) SELECT seq, JSON_OBJECT('a', seq, 'b', '\\\\ \\t'), REPEAT('z', 500) FROM seq_1_to_50",
    "CREATE TABLE checked (id INT PRIMARY KEY, v INT CHECK (v > 0), j JSON, CONSTRAINT both_of CHECK (id + v < 1000))",
    "SET check_constraint_checks = 0",
    "INSERT INTO checked VALUES (1, -5, 'no JSON at all'), (2000, 2, '[]')",
    "SET check_constraint_checks = 1",
    "CREATE TABLE versions (id INT PRIMARY KEY, v INT, KEY v (v)) WITH SYSTEM VERSIONING",
    "INSERT INTO versions SELECT seq, seq FROM seq_1_to_40",
    "UPDATE versions SET v = v + 1",
    "DELETE FROM versions WHERE id > 30",
    "CREATE TABLE split_versions (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING
     PARTITION BY SYSTEM_TIME (PARTITION past HISTORY, PARTITION present CURRENT)",
    "INSERT INTO split_versions VALUES (1, 1), (2, 2)",
    "UPDATE split_versions SET v = 9",
    "CREATE TABLE stamped (id INT PRIMARY KEY, since TIMESTAMP(6) GENERATED ALWAYS AS ROW START,
     until TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING",
    "INSERT INTO stamped (id) VALUES (1), (2)",
    "CREATE TABLE bookings (room INT, a DATE, b DATE, PERIOD FOR stay (a, b), UNIQUE KEY one (room, stay WITHOUT OVERLAPS))",
    "INSERT INTO bookings VALUES (1, '2024-01-01', '2024-02-01'), (1, '2024-02-01', '2024-03-01')",
    "CREATE TABLE unseen (id INT PRIMARY KEY, v INT, long_text TEXT, KEY v (v DESC) IGNORED, UNIQUE KEY l (long_text) USING HASH)",
    "INSERT INTO unseen VALUES (1, 1, 'x'), (2, 2, NULL)",
    "CREATE TABLE pages (id INT PRIMARY KEY, v TEXT) PAGE_COMPRESSED=1 PAGE_COMPRESSION_LEVEL=3",
    "INSERT INTO pages VALUES (1, REPEAT('x', 5000))",
    "CREATE TABLE aria_one (id INT PRIMARY KEY, v TEXT) ENGINE=Aria TRANSACTIONAL=1",
    "INSERT INTO aria_one SELECT seq, MD5(seq) FROM seq_1_to_20000",
    "CREATE TABLE myisam_one (id INT, v TEXT) ENGINE=MyISAM",
    "INSERT INTO myisam_one VALUES (1, 'a'), (1, 'a')",
    "CREATE TABLE memory_one (id INT PRIMARY KEY) ENGINE=MEMORY",
    "INSERT INTO memory_one VALUES (1)",
    "CREATE TABLE places (id INT PRIMARY KEY, g GEOMETRY NOT NULL, SPATIAL KEY g (g))",
    "INSERT INTO places VALUES (1, ST_GeomFromText('POINT(1 2)', 3857))",
    "CREATE TABLE children (id INT PRIMARY KEY, n INT, parent CHAR(32), FOREIGN KEY one_of (parent) REFERENCES many (id) ON DELETE SET NULL)",
    "INSERT INTO children SELECT seq, seq, MD5(seq) FROM seq_1_to_100",
];

const OBJECTS: &[&str] = &[
    "CREATE VIEW outer_view AS SELECT id, n FROM many WHERE n > 10",
    "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW a_view AS SELECT * FROM outer_view WITH CASCADED CHECK OPTION",
    "CREATE FUNCTION plus_one(a INT) RETURNS INT DETERMINISTIC COMMENT 'it''s one' RETURN a + 1",
    "CREATE AGGREGATE FUNCTION total(x INT) RETURNS INT DETERMINISTIC BEGIN DECLARE s INT DEFAULT 0;
     DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP; END",
    "CREATE PROCEDURE greet(IN who VARCHAR(20)) SELECT CONCAT('grüß ', who)",
    "SET sql_mode = 'ORACLE'",
    "CREATE PACKAGE tools AS FUNCTION two RETURN INT; PROCEDURE hello; END",
    "CREATE PACKAGE BODY tools AS FUNCTION two RETURN INT AS BEGIN RETURN 2; END;
     PROCEDURE hello AS BEGIN SELECT 'höher'; END; END",
    "CREATE PROCEDURE of_oracle AS BEGIN SELECT 1; END",
    "SET sql_mode = ''",
    "CREATE TRIGGER first_one BEFORE INSERT ON numbered FOR EACH ROW SET NEW.v = NEW.v + 1",
    "CREATE TRIGGER second_one BEFORE INSERT ON numbered FOR EACH ROW FOLLOWS first_one SET NEW.v = NEW.v * 2",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' COMMENT 'ü' DO DELETE FROM aria_one",
    "CREATE EVENT resting ON SCHEDULE EVERY 1 DAY DISABLE DO SET @a = 1",
];

/// Makes the schema.
pub async fn make(server: &Sandbox, schema: &str) {
    let mut session = connect(server).await;
    let head = [
        "SET NAMES utf8mb4, sql_mode = ''".to_owned(),
        format!("CREATE DATABASE {schema} CHARACTER SET utf8mb4"),
        format!("USE {schema}"),
    ];
    for statement in head.iter().map(String::as_str).chain(TABLES.iter().copied()).chain(OBJECTS.iter().copied()) {
        session.execute(statement).await.unwrap_or_else(|error| panic!("{error}"));
    }
    session.close().await;
}
