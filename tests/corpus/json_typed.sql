-- Documents with values whose type their text does not carry: DECIMAL, dates, times, binary. Most are made from columns.

SET NAMES utf8mb4;
SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00';
CREATE DATABASE corpus_typed CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_typed;

CREATE TABLE made (n INT PRIMARY KEY, de DECIMAL(65,30), de2 DECIMAL(5,2), d DATE, t TIME(6), dt DATETIME(6), ts TIMESTAMP(6) NULL, y YEAR, b BIT(40), bi BINARY(4), vb VARBINARY(300),
  b1 TINYBLOB, bl BLOB, b3 MEDIUMBLOB, b4 LONGBLOB, u BIGINT UNSIGNED, f FLOAT, e ENUM('x','y'), s SET('p','q'), g GEOMETRY);
INSERT INTO made VALUES
  (1, 1.10, 1.10, '2024-01-02', '01:02:03.5', '2024-01-02 03:04:05.678901', '2024-01-02 03:04:05.678901', 2024, b'101', x'61000000', x'00ff5c0a09', x'01', x'02', x'03', x'04',
    18446744073709551615, 0.1, 'y', 'p,q', ST_GeomFromText('POINT(1 2)')),
  (2, -99999999999999999999999999999999999.999999999999999999999999999999, -999.99, '9999-12-31', '-838:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999999', 2155,
    x'ffffffffff', x'5c0a0900', REPEAT(x'5c', 300), x'', x'', x'', x'', 5, -0.0, 'x', '', NULL),
  (3, 0.000000000000000000000000000001, 0, '0000-00-00', '00:00:00', '0000-00-00 00:00:00', '1970-01-01 00:00:01', 0, b'0', x'00000000', x'', x'00', x'00', x'00', x'00', 0, 1e-40, 'x', 'p', NULL),
  (4, 12345.67, 100.00, '2024-00-00', '-00:00:00.000001', '2024-02-31 00:00:00', '2024-10-27 00:30:00', 1901, b'1', x'ffffffff', REPEAT(x'c3a4', 100), REPEAT('t', 255), REPEAT('b', 65535), 'm', 'l',
    9223372036854775808, 16777217, 'y', 'q', ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))'));
-- Each type by itself, as a whole document.
CREATE TABLE scalars (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, what VARCHAR(20), doc JSON);
INSERT INTO scalars (what, doc) SELECT 'decimal', CAST(de AS JSON) FROM made;
INSERT INTO scalars (what, doc) SELECT 'decimal2', CAST(de2 AS JSON) FROM made;
INSERT INTO scalars (what, doc) SELECT 'date', CAST(d AS JSON) FROM made;
INSERT INTO scalars (what, doc) SELECT 'time', CAST(t AS JSON) FROM made;
INSERT INTO scalars (what, doc) SELECT 'datetime', CAST(dt AS JSON) FROM made;
INSERT INTO scalars (what, doc) SELECT 'timestamp', CAST(ts AS JSON) FROM made;
INSERT INTO scalars (what, doc) SELECT 'year', CAST(y AS JSON) FROM made;
INSERT INTO scalars (what, doc) SELECT 'bit', JSON_EXTRACT(JSON_ARRAY(b), '$[0]') FROM made;
INSERT INTO scalars (what, doc) SELECT 'binary', JSON_EXTRACT(JSON_ARRAY(bi), '$[0]') FROM made;
INSERT INTO scalars (what, doc) SELECT 'varbinary', JSON_EXTRACT(JSON_ARRAY(vb), '$[0]') FROM made;
INSERT INTO scalars (what, doc) SELECT 'blob', JSON_EXTRACT(JSON_ARRAY(bl), '$[0]') FROM made;
INSERT INTO scalars (what, doc) SELECT 'unsigned', CAST(u AS JSON) FROM made;
-- All of them in one object and in one array, deep, between plain values, under odd keys.
CREATE TABLE nested (id INT PRIMARY KEY, doc JSON, plain JSON, other JSON);
INSERT INTO nested SELECT n, JSON_OBJECT('decimal', de, 'date', d, 'time', t, 'datetime', dt, 'timestamp', ts, 'year', y, 'bit', b, 'binary', bi, 'varbinary', vb,
  'tinyblob', b1, 'blob', bl, 'mediumblob', b3, 'longblob', b4, 'unsigned', u, 'float', f, 'enum', e, 'set', s, 'point', g), JSON_ARRAY(n), JSON_ARRAY(d, 'x', de2, JSON_ARRAY(t, JSON_OBJECT('k', b))) FROM made;
CREATE TABLE odd_paths (id INT PRIMARY KEY, doc JSON);
INSERT INTO odd_paths SELECT n, JSON_OBJECT('', de2, ' ', d, '"', t, '\\', dt, 'ä', ts, '😀', b, 'a.b', bi, '[0]', JSON_ARRAY(JSON_ARRAY(), de, JSON_OBJECT('$', d, '*', t, '**', vb)), '\n', y, '\'', e) FROM made;
CREATE TABLE sums (id INT PRIMARY KEY, doc JSON);
INSERT INTO sums SELECT 1, JSON_OBJECT('sum', SUM(de2), 'avg', AVG(n), 'all', JSON_ARRAYAGG(de2)) FROM made;
INSERT INTO sums SELECT 2, CAST(CONCAT(REPEAT('[', 90), '1', REPEAT(']', 90)) AS JSON);
UPDATE sums SET doc = JSON_SET(doc, CONCAT('$', REPEAT('[0]', 90)), CAST('2024-01-02' AS DATE)) WHERE id = 2;
-- No key; doubled rows whose documents differ in a type alone.
CREATE TABLE no_key (a INT, doc JSON);
INSERT INTO no_key VALUES (1, '[1.5]'), (1, JSON_ARRAY(1.5)), (1, JSON_ARRAY(1.5)), (1, '["2024-01-02"]'), (1, JSON_ARRAY(CAST('2024-01-02' AS DATE)));
CREATE TABLE in_partitions (id INT PRIMARY KEY, doc JSON) PARTITION BY HASH (id) PARTITIONS 3;
INSERT INTO in_partitions SELECT n, JSON_OBJECT('v', de2) FROM made;
CREATE TABLE beside_odd_columns (id INT PRIMARY KEY, f FLOAT, e ENUM('a', 'b'), doc JSON, g INT AS (JSON_LENGTH(doc)) STORED, h INT INVISIBLE DEFAULT 3, l VARCHAR(9) CHARACTER SET latin1, b BIT(9), j JSON);
INSERT INTO beside_odd_columns (id, f, e, doc, l, b, j) VALUES (1, '-7.038531e-26', 0, JSON_ARRAY(1.10), 'ä', b'101010101', NULL), (2, '-0', 2, '[1.10]', '\\', b'1', JSON_OBJECT('t', CAST('12:00' AS TIME)));
