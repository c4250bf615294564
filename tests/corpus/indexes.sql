-- Indexes beyond columns: functional, multi-valued, FULLTEXT with parsers, SPATIAL, prefixes and directions.

SET NAMES utf8mb4;
SET sql_mode = 'NO_ENGINE_SUBSTITUTION', time_zone = '+00:00';
CREATE DATABASE corpus_indexes CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_indexes;

CREATE TABLE two_fulltext (id INT PRIMARY KEY, a TEXT, b VARCHAR(200), FULLTEXT KEY fa (a), FULLTEXT KEY fab (a, b));
INSERT INTO two_fulltext VALUES (1, 'some words of text', 'more words'), (2, 'yet more', NULL), (3, NULL, '中文字');
CREATE TABLE spatial_plain (id INT PRIMARY KEY, g GEOMETRY NOT NULL, SPATIAL KEY g (g));
INSERT INTO spatial_plain VALUES (1, ST_GeomFromText('POINT(1 2)')), (2, ST_GeomFromText('POLYGON((0 0,5 0,5 5,0 0))'));
CREATE TABLE many_indexes (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(40), c DATE, KEY a (a), KEY ab (a, b), KEY ba (b, a), UNIQUE KEY ca (c, a),
  KEY b5 (b(5)), KEY c (c) COMMENT 'it''s\\', KEY doubled (a));
INSERT INTO many_indexes VALUES (1, 1, 'x', '2024-01-01'), (2, 1, 'y', '2024-01-02'), (3, NULL, NULL, NULL), (4, NULL, NULL, NULL);
-- only: mysql
CREATE TABLE fulltext_parser (id INT PRIMARY KEY, a TEXT, b VARCHAR(99), FULLTEXT KEY fa (a) WITH PARSER ngram, FULLTEXT KEY fb (b) COMMENT 'x, (y');
INSERT INTO fulltext_parser VALUES (1, '全文検索エンジン', 'plain words'), (2, 'mixed 中文 text', 'more');
CREATE TABLE fulltext_doc_id (FTS_DOC_ID BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, a TEXT, PRIMARY KEY (FTS_DOC_ID), UNIQUE KEY FTS_DOC_ID_INDEX (FTS_DOC_ID), FULLTEXT KEY a (a));
INSERT INTO fulltext_doc_id VALUES (1, 'words'), (5, 'others');
CREATE TABLE spatial_srid (id INT PRIMARY KEY, p POINT NOT NULL SRID 4326, g GEOMETRY NOT NULL SRID 0, SPATIAL KEY p (p), SPATIAL KEY g (g), KEY x (id));
INSERT INTO spatial_srid VALUES (1, ST_GeomFromText('POINT(52.5 13.4)', 4326), ST_GeomFromText('POINT(3 4)'));
CREATE TABLE functional (id INT PRIMARY KEY, a INT, b VARCHAR(20), d DATETIME, KEY f ((a + 1)), UNIQUE KEY g ((CONCAT(b, ')', a))), KEY m (a DESC, (LOWER(b)) DESC, id),
  KEY y ((YEAR(d))), KEY j ((CAST(b AS CHAR(10) CHARACTER SET utf8mb4) COLLATE utf8mb4_bin)));
INSERT INTO functional VALUES (1, 2, 'Abc', '2024-01-01'), (2, 3, 'abD', NULL), (3, NULL, NULL, '1999-12-31 23:59:59');
CREATE TABLE functional_json (id INT PRIMARY KEY, doc JSON, KEY name ((CAST(doc->>'$.name' AS CHAR(30)) COLLATE utf8mb4_bin)), KEY age ((CAST(doc->'$.age' AS UNSIGNED))));
INSERT INTO functional_json VALUES (1, '{"name": "x", "age": 5}'), (2, '{"name": "😀"}');
CREATE TABLE multi_valued (id INT PRIMARY KEY, doc JSON, KEY zips ((CAST(doc->'$.zips' AS UNSIGNED ARRAY))), KEY tags (id, (CAST(doc->'$.tags' AS CHAR(20) ARRAY))),
  KEY days ((CAST(doc->'$.days' AS DATE ARRAY))));
INSERT INTO multi_valued VALUES (1, '{"zips": [10115, 94040], "tags": ["a", "b"]}'), (2, '{"zips": []}'), (3, '{"tags": ["c"]}'), (4, NULL), (5, '{"days": ["2024-01-02"]}');
CREATE TABLE invisible_indexes (id INT PRIMARY KEY, a INT, KEY a (a) INVISIBLE, KEY b (a, id) VISIBLE);
INSERT INTO invisible_indexes VALUES (1, 2);
-- Large enough that a restore builds its indexes after the rows.
CREATE TABLE late_indexes (part INT NOT NULL, id INT NOT NULL AUTO_INCREMENT, name VARCHAR(60) NOT NULL, body TEXT, note VARCHAR(99), doc JSON, p POINT NOT NULL SRID 4326,
  twice INT AS (h * 2) VIRTUAL, kept VARCHAR(70) AS (CONCAT(name, '!')) STORED, h INT INVISIBLE DEFAULT 4, PRIMARY KEY (part, id DESC), UNIQUE KEY id (id), KEY down (name DESC, part),
  KEY twice (twice), UNIQUE KEY kept (kept), FULLTEXT KEY body (body), FULLTEXT KEY both_texts (body, note) WITH PARSER ngram, SPATIAL KEY p (p), KEY f ((LOWER(name))), KEY tags ((CAST(doc->'$.t' AS UNSIGNED ARRAY))),
  KEY hidden (h) INVISIBLE, KEY prefix (name(3), body(4)), CHECK (part >= 0)) COMMENT = 'more than 256 KiB of row text';
INSERT INTO late_indexes (part, id, name, body, note, doc, p, h) WITH RECURSIVE r (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < 999)
  SELECT i MOD 7, i + 1, CONCAT(ELT(1 + i MOD 3, 'ä', 'B', '\\'), i), REPEAT(CONCAT('word', i, ' '), 40), CONCAT('note ', i MOD 5), JSON_OBJECT('t', JSON_ARRAY(i, i MOD 10)),
  ST_GeomFromText(CONCAT('POINT(', i MOD 90, ' ', i MOD 180, ')'), 4326), i FROM r;
CREATE TABLE late_two_fulltext (id INT PRIMARY KEY, a TEXT, b TEXT, c TEXT, FULLTEXT KEY a (a), FULLTEXT KEY b (b), FULLTEXT KEY ca (c, a));
INSERT INTO late_two_fulltext WITH RECURSIVE r (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < 499) SELECT i, REPEAT('alpha ', 50), REPEAT('beta ', 50), CONCAT('gamma', i) FROM r;
CREATE TABLE index_attributes (id INT PRIMARY KEY, a INT, b INT, KEY a (a) USING BTREE, KEY b (b) KEY_BLOCK_SIZE = 4 COMMENT 'MERGE_THRESHOLD=40');
INSERT INTO index_attributes VALUES (1, 2, 3);
