-- Keys of every kind. Each table has a few hundred rows where a range must be cut through its key.

SET NAMES utf8mb4;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00';
CREATE DATABASE corpus_keys CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_keys;

CREATE TABLE n (i INT PRIMARY KEY);
INSERT INTO n WITH RECURSIVE r (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < 799) SELECT i FROM r;

CREATE TABLE composite (a INT NOT NULL, b VARCHAR(20) NOT NULL, c DATE NOT NULL, v INT, PRIMARY KEY (a, b, c));
INSERT INTO composite SELECT i DIV 50, CONCAT('k', i MOD 7), '2024-01-01' + INTERVAL i DAY, i FROM n;
CREATE TABLE descending (a INT NOT NULL, b VARCHAR(20) NOT NULL, pad CHAR(100), PRIMARY KEY (a DESC, b), KEY down (b DESC, a DESC), KEY mixed (a, b DESC));
INSERT INTO descending SELECT i DIV 3, CONCAT('x', i), REPEAT('p', 100) FROM n;
CREATE TABLE descending_all (a BIGINT UNSIGNED NOT NULL, b INT NOT NULL, PRIMARY KEY (a DESC, b DESC));
INSERT INTO descending_all SELECT 18446744073709551615 - i DIV 5, -i FROM n;
-- A released tool lost rows of tables like this one: the ENUM compares as a number, its text as text.
CREATE TABLE enum_first (e ENUM('zebra', 'apple', 'Mango', '10', '9') NOT NULL, id INT NOT NULL, v VARCHAR(100), PRIMARY KEY (e, id));
INSERT INTO enum_first SELECT 1 + i MOD 5, i, REPEAT('v', 100) FROM n;
CREATE TABLE enum_key (e ENUM('z', 'y', 'x', 'w') PRIMARY KEY, v INT);
INSERT INTO enum_key VALUES ('z', 1), ('y', 2), ('x', 3), ('w', 4);
CREATE TABLE enum_second (id INT NOT NULL, e ENUM('b', 'a') NOT NULL, v VARCHAR(100), PRIMARY KEY (id, e));
INSERT INTO enum_second SELECT i DIV 2, 1 + i MOD 2, REPEAT('w', 100) FROM n;
CREATE TABLE set_first (s SET('c', 'b', 'a') NOT NULL, id INT NOT NULL, PRIMARY KEY (s, id));
INSERT INTO set_first SELECT i MOD 8, i FROM n;
CREATE TABLE bit_key (b BIT(40) PRIMARY KEY, v CHAR(100));
INSERT INTO bit_key SELECT i * 1374389534 MOD 1099511627776, REPEAT('b', 100) FROM n;
CREATE TABLE float_key (f FLOAT NOT NULL, d DOUBLE NOT NULL, v CHAR(100), PRIMARY KEY (f, d));
INSERT INTO float_key SELECT i / 7, i / 3, REPEAT('f', 100) FROM n;
CREATE TABLE double_key (d DOUBLE PRIMARY KEY, v CHAR(100));
INSERT INTO double_key SELECT (i - 400) * 1e300 / 3, REPEAT('d', 100) FROM n WHERE i BETWEEN 350 AND 450;
INSERT INTO double_key VALUES (5e-324, ''), (-5e-324, ''), (1e-300, '');
CREATE TABLE decimal_key (d DECIMAL(30,10) PRIMARY KEY, v CHAR(100));
INSERT INTO decimal_key SELECT (i - 400) / 7, REPEAT('d', 100) FROM n;
CREATE TABLE date_key (d DATE NOT NULL, t TIME(3) NOT NULL, v CHAR(80), PRIMARY KEY (d, t));
INSERT INTO date_key SELECT '2020-01-01' + INTERVAL i DIV 4 DAY, SEC_TO_TIME(i * 100 - 40000.125), REPEAT('t', 80) FROM n;
INSERT INTO date_key VALUES ('0000-00-00', '00:00:00', 'zero'), ('2024-00-00', '-838:59:59', 'partial'), ('2024-02-31', '838:59:59', 'none such');
CREATE TABLE datetime_key (dt DATETIME(6) PRIMARY KEY, v CHAR(80));
INSERT INTO datetime_key SELECT '2024-01-01' + INTERVAL i * 1234567 MICROSECOND, REPEAT('t', 80) FROM n;
INSERT INTO datetime_key VALUES ('0000-00-00', 'zero'), ('9999-12-31 23:59:59.999999', 'last');
CREATE TABLE timestamp_key (ts TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), n INT NOT NULL, v CHAR(80), PRIMARY KEY (ts, n));
INSERT INTO timestamp_key SELECT '2024-10-26 22:00:00' + INTERVAL i * 30 SECOND, i, REPEAT('t', 80) FROM n;
CREATE TABLE year_key (y YEAR PRIMARY KEY, v INT);
INSERT INTO year_key SELECT IF(i = 0, 0, 1900 + i), i FROM n WHERE i < 200;
CREATE TABLE time_key (t TIME PRIMARY KEY, v CHAR(100));
INSERT INTO time_key SELECT SEC_TO_TIME((i - 400) * 5000), REPEAT('t', 100) FROM n;
CREATE TABLE binary_key (b VARBINARY(30) NOT NULL, id BINARY(3) NOT NULL, v CHAR(80), PRIMARY KEY (b, id));
INSERT INTO binary_key SELECT LEFT(UNHEX(SHA2(i DIV 2, 224)), 20), CHAR(i MOD 256, 0, i MOD 2), REPEAT('b', 80) FROM n;
CREATE TABLE uuid_key (u BINARY(16) PRIMARY KEY, v CHAR(80));
INSERT INTO uuid_key SELECT LEFT(UNHEX(SHA2(i, 224)), 16), REPEAT('u', 80) FROM n;
CREATE TABLE text_key (k VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v CHAR(80));
INSERT INTO text_key SELECT CONCAT(ELT(1 + i MOD 6, 'a', 'B', 'ä', '\\', '''', '%_'), i, '"'), REPEAT('k', 80) FROM n;
CREATE TABLE gbk_key (k VARCHAR(20) CHARACTER SET gbk PRIMARY KEY, v CHAR(100));
INSERT INTO gbk_key SELECT CONVERT(CONCAT(UNHEX(CONCAT(HEX(129 + i MOD 100), '5C')), LPAD(i, 4, '0')) USING gbk), REPEAT('g', 100) FROM n;
CREATE TABLE utf16_key (k VARCHAR(20) CHARACTER SET utf16 COLLATE utf16_bin PRIMARY KEY, v CHAR(100));
INSERT INTO utf16_key SELECT CONCAT(ELT(1 + i MOD 3, 'x', '😀', '中'), i), REPEAT('u', 100) FROM n;
CREATE TABLE prefix_keys (t TEXT NOT NULL, b BLOB NOT NULL, v VARCHAR(300) NOT NULL, UNIQUE KEY t10 (t(10)), KEY tb (t(5), b(7)), UNIQUE KEY v40 (v(40), t(3)));
INSERT INTO prefix_keys SELECT CONCAT(LPAD(i, 6, '0'), REPEAT('t', 50)), REPEAT('b', 20), CONCAT(LPAD(i, 8, 'v'), 'x') FROM n;
CREATE TABLE prefix_primary (t TEXT NOT NULL, v INT, PRIMARY KEY (t(8)));
INSERT INTO prefix_primary SELECT CONCAT(LPAD(i, 8, '0'), REPEAT('z', 40)), i FROM n;

-- No key, with true duplicates; NULLs in every place.
CREATE TABLE no_key (a INT, b VARCHAR(30), c DOUBLE);
INSERT INTO no_key SELECT i DIV 4, IF(i MOD 5, CONCAT('b', i DIV 4 MOD 3), NULL), i DIV 4 / 3 FROM n;
INSERT INTO no_key VALUES (NULL, NULL, NULL), (NULL, NULL, NULL), (1, '', 0), (1, '', 0), (1, '', 0);
CREATE TABLE nullable_unique (a INT, b INT, v VARCHAR(20), UNIQUE KEY a (a), UNIQUE KEY ab (b, a));
INSERT INTO nullable_unique SELECT IF(i MOD 3, i, NULL), i DIV 3, 'same' FROM n;
INSERT INTO nullable_unique VALUES (NULL, NULL, 'twice'), (NULL, NULL, 'twice');
CREATE TABLE unique_not_null (a INT NOT NULL, b INT NOT NULL, v INT, UNIQUE KEY ab (a, b), KEY v (v));
INSERT INTO unique_not_null SELECT i DIV 10, i, i MOD 3 FROM n;
CREATE TABLE zero_rows (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE zero_rows_no_key (v VARCHAR(20));
CREATE TABLE one_row (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO one_row VALUES (0, 'one');
CREATE TABLE sparse (id BIGINT PRIMARY KEY, v CHAR(100));
INSERT IGNORE INTO sparse SELECT POW(-1, i) * POW(1.05, i), REPEAT('s', 100) FROM n;
INSERT IGNORE INTO sparse VALUES (-9223372036854775808, 'least'), (9223372036854775807, 'most');
CREATE TABLE zero_id (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, v INT);
INSERT INTO zero_id VALUES (0, 0), (-1, -1), (5, 5);

-- AUTO_INCREMENT: not first in the primary key, far ahead of the rows, at its end.
CREATE TABLE auto_not_first (a INT NOT NULL, id INT NOT NULL AUTO_INCREMENT, v INT, PRIMARY KEY (a, id), KEY id (id)) AUTO_INCREMENT = 100;
INSERT INTO auto_not_first (a, v) SELECT i MOD 10, i FROM n;
CREATE TABLE auto_far_ahead (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = 9000000000000000000;
INSERT INTO auto_far_ahead VALUES (1, 1), (2, 2);
CREATE TABLE auto_ahead_empty (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 4711;
CREATE TABLE auto_used_up (id TINYINT NOT NULL AUTO_INCREMENT PRIMARY KEY, v INT);
INSERT INTO auto_used_up VALUES (126, 1), (127, 2);
CREATE TABLE auto_unique (a INT PRIMARY KEY, id INT NOT NULL AUTO_INCREMENT, UNIQUE KEY id (id));
INSERT INTO auto_unique VALUES (5, 50), (4, 40);
