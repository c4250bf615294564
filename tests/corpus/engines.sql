-- Row formats, block sizes, table options, and engines other than InnoDB.

SET NAMES utf8mb4;
SET sql_mode = 'NO_ENGINE_SUBSTITUTION', time_zone = '+00:00';
CREATE DATABASE corpus_engines CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_engines;

CREATE TABLE row_dynamic (id INT PRIMARY KEY, v VARCHAR(200)) ROW_FORMAT = DYNAMIC;
INSERT INTO row_dynamic VALUES (1, 'x');
CREATE TABLE row_compact (id INT PRIMARY KEY, v VARCHAR(200)) ROW_FORMAT = COMPACT;
INSERT INTO row_compact VALUES (1, 'x');
CREATE TABLE row_redundant (id INT PRIMARY KEY, v VARCHAR(200)) ROW_FORMAT = REDUNDANT;
INSERT INTO row_redundant VALUES (1, 'x');
CREATE TABLE row_compressed (id INT PRIMARY KEY, v VARCHAR(200)) ROW_FORMAT = COMPRESSED KEY_BLOCK_SIZE = 8;
INSERT INTO row_compressed VALUES (1, REPEAT('x', 200));
CREATE TABLE row_compressed_1k (id INT PRIMARY KEY, v VARCHAR(200)) ROW_FORMAT = COMPRESSED KEY_BLOCK_SIZE = 1;
INSERT INTO row_compressed_1k VALUES (1, 'y');
CREATE TABLE options (id INT PRIMARY KEY, v INT COMMENT 'it''s "q" \\ back\nline 😀 , ) (') ENGINE = InnoDB STATS_PERSISTENT = 1 STATS_AUTO_RECALC = 0 STATS_SAMPLE_PAGES = 7
  MAX_ROWS = 1000 MIN_ROWS = 10 AVG_ROW_LENGTH = 50 CHECKSUM = 1 PACK_KEYS = 1 COMMENT = 't''\\ \n 😀';
INSERT INTO options VALUES (1, 2);
CREATE TABLE in_myisam (a INT NOT NULL, id INT NOT NULL AUTO_INCREMENT, t TEXT, PRIMARY KEY (a, id), FULLTEXT KEY t (t)) ENGINE = MyISAM CHECKSUM = 1 DELAY_KEY_WRITE = 1 MAX_ROWS = 1000;
INSERT INTO in_myisam VALUES (1, 1, 'some words'), (1, 2, NULL), (2, 1, '\\N');
CREATE TABLE in_myisam_no_key (a INT, b VARCHAR(20)) ENGINE = MyISAM;
INSERT INTO in_myisam_no_key VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
CREATE TABLE in_memory (a INT, b VARCHAR(20), KEY h (a) USING HASH, UNIQUE KEY b (b) USING BTREE) ENGINE = MEMORY MAX_ROWS = 100;
INSERT INTO in_memory VALUES (1, 'x'), (2, 'y'), (NULL, NULL);
CREATE TABLE in_csv (a INT NOT NULL, b VARCHAR(20) NOT NULL, c DATETIME NOT NULL) ENGINE = CSV;
INSERT INTO in_csv VALUES (1, 'a,"b"\\', '2024-01-01'), (2, '', '2024-01-02'), (1, 'line\nfeed', '2024-01-01');
CREATE TABLE in_archive (id INT NOT NULL AUTO_INCREMENT, v VARCHAR(200), KEY (id)) ENGINE = ARCHIVE;
INSERT INTO in_archive VALUES (1, 'x'), (2, REPEAT('y', 200)), (5, NULL);
-- Engines without rows of their own: only their definitions are taken, and a backup says so.
CREATE TABLE in_blackhole (id INT PRIMARY KEY, v INT) ENGINE = BLACKHOLE;
INSERT INTO in_blackhole VALUES (1, 2);
CREATE TABLE merge_part (a INT NOT NULL, b INT, KEY b (b)) ENGINE = MyISAM;
INSERT INTO merge_part VALUES (1, 2), (3, 4);
CREATE TABLE in_merge (a INT NOT NULL, b INT, KEY b (b)) ENGINE = MERGE UNION = (merge_part) INSERT_METHOD = LAST;
-- only: mysql
CREATE TABLE page_compressed (id INT PRIMARY KEY, v TEXT) COMPRESSION = 'zlib';
INSERT INTO page_compressed VALUES (1, REPEAT('z', 30000));
-- Columns that were added and dropped in place stand in old rows in their old form.
CREATE TABLE instant (a INT PRIMARY KEY, b INT, v VARCHAR(20));
INSERT INTO instant VALUES (1, 10, 'before'), (2, 20, NULL);
ALTER TABLE instant ADD COLUMN c VARCHAR(10) DEFAULT 'seven' FIRST, ALGORITHM = INSTANT;
ALTER TABLE instant DROP COLUMN b, ALGORITHM = INSTANT;
INSERT INTO instant VALUES ('new', 3, 'after');
