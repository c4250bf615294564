-- Generated columns, also in keys; invisible columns; generated invisible primary keys; CHECKs; defaults.

SET NAMES utf8mb4;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00';
CREATE DATABASE corpus_generated CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_generated;

CREATE TABLE stored_and_virtual (id INT PRIMARY KEY, a INT, v INT GENERATED ALWAYS AS (a * 2) VIRTUAL, s INT GENERATED ALWAYS AS (a + 1) STORED,
  t VARCHAR(60) AS (CONCAT(a, ',', '\\''"')) STORED, d DOUBLE AS (a / 3) STORED, b VARBINARY(20) AS (UNHEX(HEX(a))) VIRTUAL);
INSERT INTO stored_and_virtual (id, a) VALUES (1, 5), (2, NULL), (3, -7);
-- Before and between plain columns, so that places of fields and columns differ.
CREATE TABLE generated_between (g1 INT AS (x + 1) VIRTUAL, x INT, g2 INT AS (x + 2) STORED, y VARCHAR(9), g3 VARCHAR(20) AS (CONCAT(y, y)) VIRTUAL, id INT PRIMARY KEY);
INSERT INTO generated_between (x, y, id) VALUES (1, 'a', 1), (NULL, NULL, 2), (3, '\t', 3);
CREATE TABLE generated_in_keys (id INT PRIMARY KEY, a INT, v INT AS (a MOD 10) VIRTUAL, s VARCHAR(20) AS (CONCAT('k', a)) STORED, KEY v (v), UNIQUE KEY s (s), KEY vs (v, s));
INSERT INTO generated_in_keys (id, a) VALUES (1, 11), (2, 22), (3, NULL), (4, 31);
CREATE TABLE generated_primary (a INT NOT NULL, s INT AS (a * 3) STORED NOT NULL, v VARCHAR(20), PRIMARY KEY (s));
INSERT INTO generated_primary (a, v) VALUES (3, 'three'), (1, 'one'), (2, 'two');
CREATE TABLE defaults (id INT PRIMARY KEY, a INT DEFAULT 7, t TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6), d DATETIME DEFAULT CURRENT_TIMESTAMP,
  b BIT(5) DEFAULT b'10101', x VARBINARY(5) DEFAULT x'00ff27', c CHAR(5) DEFAULT 'it''s', e ENUM('a','b''c') DEFAULT 'b''c', n INT DEFAULT NULL, m DECIMAL(5,2) DEFAULT 1.50);
INSERT INTO defaults VALUES (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO defaults (id, t, d) VALUES (2, '2024-01-01 00:00:00.5', '2024-01-01');
-- Loading a row must not touch what the source holds.
CREATE TABLE on_update (id INT PRIMARY KEY, v INT, changed TIMESTAMP(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  first_seen TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, dt DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6));
INSERT INTO on_update VALUES (1, 1, '2001-02-03 04:05:06.789', '2001-02-03 04:05:06', '2001-02-03 04:05:06.789012'), (2, 2, NULL, '2020-01-01', NULL);
CREATE TABLE checks (id INT PRIMARY KEY, a INT CHECK (a > 0), b VARCHAR(20), CONSTRAINT `c``,(` CHECK (b <> '),'), CONSTRAINT pair CHECK (a < 100 OR b IS NULL));
INSERT INTO checks VALUES (1, 5, 'x'), (2, NULL, NULL), (3, 500, NULL);
-- only: mysql
CREATE TABLE check_not_enforced (id INT PRIMARY KEY, a INT, CONSTRAINT positive CHECK (a > 0) NOT ENFORCED, CONSTRAINT even CHECK (a MOD 2 = 0));
INSERT INTO check_not_enforced VALUES (1, -2), (2, 4), (3, 0);
CREATE TABLE expression_defaults (id INT PRIMARY KEY, a INT DEFAULT (1 + 2), j JSON DEFAULT (JSON_OBJECT('a', ',')), g TEXT DEFAULT ('x'), u BINARY(16) DEFAULT (UUID_TO_BIN(UUID())),
  p POINT DEFAULT (POINT(1, 2)));
INSERT INTO expression_defaults (id, u) VALUES (1, x'000102030405060708090a0b0c0d0e0f');
CREATE TABLE invisible_columns (id INT PRIMARY KEY, a INT INVISIBLE, b INT DEFAULT 5, c VARCHAR(10) INVISIBLE DEFAULT 'hid', g INT AS (a + b) STORED INVISIBLE,
  KEY a (a), KEY b (b) INVISIBLE, UNIQUE KEY ub (b, id) INVISIBLE);
INSERT INTO invisible_columns (id, a, b, c) VALUES (1, 10, 20, 'x'), (2, NULL, NULL, NULL), (3, 30, 40, 'y');
SET sql_generate_invisible_primary_key = 1;
CREATE TABLE gipk (a INT, b VARCHAR(20), KEY a (a));
INSERT INTO gipk (my_row_id, a, b) VALUES (1, 1, 'x'), (7, 2, 'y'), (1000, 1, 'x');
CREATE TABLE gipk_gaps (a INT);
INSERT INTO gipk_gaps (my_row_id, a) VALUES (5, 5), (18446744073709551614, 6);
SET sql_generate_invisible_primary_key = 0;
-- Stored values that the session's mode and zone decided when they were written: a row that is written anew is computed
-- anew, and a restore says which columns came out different.
CREATE DATABASE corpus_session_generated CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_session_generated;
SET sql_mode = 'PAD_CHAR_TO_FULL_LENGTH';
CREATE TABLE padded (id INT PRIMARY KEY, c CHAR(5), n INT AS (CHAR_LENGTH(c)) STORED);
INSERT INTO padded (id, c) VALUES (1, 'ab'), (2, 'abcde');
SET sql_mode = '', time_zone = '+03:00';
CREATE TABLE zoned (id INT PRIMARY KEY, ts TIMESTAMP NULL, d DATETIME AS (ts) STORED);
INSERT INTO zoned (id, ts) VALUES (1, '2024-01-01 12:00:00');
SET time_zone = '+00:00';
