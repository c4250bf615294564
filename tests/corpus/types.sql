-- Every column type with its extremes. Lines `-- only: mysql`, `-- only: mariadb` and `-- only: all` say which servers
-- know the statements that follow.

SET NAMES utf8mb4;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00';
CREATE DATABASE corpus_types CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_types;

-- Both ends of each integer.
CREATE TABLE integers_signed (id INT PRIMARY KEY, t TINYINT, s SMALLINT, m MEDIUMINT, i INT, b BIGINT, o BOOLEAN);
INSERT INTO integers_signed VALUES
  (-2147483648, -128, -32768, -8388608, -2147483648, -9223372036854775808, 0), (0, 0, 0, 0, 0, 0, 1), (-1, -1, -1, -1, -1, -1, -1),
  (2147483647, 127, 32767, 8388607, 2147483647, 9223372036854775807, 127), (5, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE integers_unsigned (id INT UNSIGNED PRIMARY KEY, t TINYINT UNSIGNED, s SMALLINT UNSIGNED, m MEDIUMINT UNSIGNED,
  i INT UNSIGNED, b BIGINT UNSIGNED);
INSERT INTO integers_unsigned VALUES (0, 0, 0, 0, 0, 0), (4294967295, 255, 65535, 16777215, 4294967295, 18446744073709551615),
  (1, 128, 32768, 8388608, 2147483648, 9223372036854775808);
CREATE TABLE integers_zerofill (id INT(6) ZEROFILL PRIMARY KEY, t TINYINT(3) ZEROFILL, m MEDIUMINT(4) ZEROFILL, b BIGINT(20) ZEROFILL);
INSERT INTO integers_zerofill VALUES (0, 0, 0, 0), (7, 7, 7, 7), (4294967295, 255, 16777215, 18446744073709551615);

-- DECIMAL at its widest and its smallest.
CREATE TABLE decimals (id INT PRIMARY KEY, wide DECIMAL(65,30), whole DECIMAL(65,0), tiny DECIMAL(1,0), part DECIMAL(30,30),
  money DECIMAL(12,2) UNSIGNED, filled DECIMAL(10,3) UNSIGNED ZEROFILL);
INSERT INTO decimals VALUES
  (1, 99999999999999999999999999999999999.999999999999999999999999999999, 99999999999999999999999999999999999999999999999999999999999999999,
    9, 0.999999999999999999999999999999, 9999999999.99, 9999999.999),
  (2, -99999999999999999999999999999999999.999999999999999999999999999999, -99999999999999999999999999999999999999999999999999999999999999999,
    -9, -0.999999999999999999999999999999, 0.01, 0.001),
  (3, 0.000000000000000000000000000001, 0, 0, 0.000000000000000000000000000001, 0, 0),
  (4, -0.0, -0, -0, -0.0, 1.10, 12.5), (5, NULL, NULL, NULL, NULL, NULL, NULL);

-- FLOAT and DOUBLE: subnormals, -0, largest, and values whose short text is not the value.
CREATE TABLE floats (id INT PRIMARY KEY, f FLOAT, d DOUBLE, limited FLOAT(10,2), double_limited DOUBLE(20,3), u FLOAT UNSIGNED);
INSERT INTO floats VALUES
  (1, '1.4e-45', '5e-324', 1.1, 1.001, 0.1), (2, '1.17549421e-38', '2.2250738585072011e-308', -12345.67, -99999999999999.999, 1e10),
  (3, '1.17549435e-38', '2.2250738585072014e-308', 99999999.99, 0, 0), (4, '-0', '-0', '-0', '-0', 0),
  (5, '3.40282347e38', '1.7976931348623157e308', 0.01, 0.001, '3.40282347e38'),
  (6, '-3.40282347e38', '-1.7976931348623157e308', 0, 0, 1), (7, '-7.038531e-26', '0.1', 0.1, 0.1, 16777217),
  (8, '5592405.5', '9007199254740993', 5592405.5, 5592405.5, 5592405.5), (9, '123456.789', '123456.789', 123456.79, 123456.789, 123456.789),
  (10, '16777217', '1e23', 3, 3, 3), (11, '0.1', '0.30000000000000004', 0.3, 0.3, 0.3),
  (12, '8388609.5', '4.9406564584124654e-323', 7, 7, 7), (13, '1e-40', '-5e-324', 0, 0, 0), (14, NULL, NULL, NULL, NULL, NULL),
  (15, '33554431', '4503599627370497.5', 1, 1, 1), (16, '1.00000012', '1.0000000000000002', 1, 1, 1);

-- BIT(1) to BIT(64), with bytes that look like separators.
CREATE TABLE bits (id INT PRIMARY KEY, b1 BIT(1), b2 BIT(2), b7 BIT(7), b8 BIT(8), b9 BIT(9), b16 BIT(16), b33 BIT(33), b63 BIT(63), b64 BIT(64));
INSERT INTO bits VALUES (1, b'0', b'0', b'0', b'0', b'0', b'0', b'0', b'0', b'0'),
  (2, b'1', b'11', b'1111111', x'ff', b'111111111', x'ffff', x'01ffffffff', x'7fffffffffffffff', x'ffffffffffffffff'),
  (3, b'1', b'10', b'1011100', x'5c', x'005c', x'090a', x'005c090a0d', x'005c0a090d1a2227', x'5c0a095c00ff0d1a'),
  (4, NULL, NULL, NULL, x'0a', x'0109', x'5c4e', x'0000000000', x'0000000000000001', x'8000000000000000');

-- Every whole-byte value of a BIT and of a fixed binary.
CREATE TABLE every_byte (n SMALLINT UNSIGNED PRIMARY KEY, b BIT(8), x BINARY(1), v VARBINARY(2));
INSERT INTO every_byte SELECT a.n * 16 + b.n, a.n * 16 + b.n, CHAR(a.n * 16 + b.n), CHAR(92, a.n * 16 + b.n) FROM
  (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8
   UNION SELECT 9 UNION SELECT 10 UNION SELECT 11 UNION SELECT 12 UNION SELECT 13 UNION SELECT 14 UNION SELECT 15) a,
  (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8
   UNION SELECT 9 UNION SELECT 10 UNION SELECT 11 UNION SELECT 12 UNION SELECT 13 UNION SELECT 14 UNION SELECT 15) b;

-- DATE, DATETIME, TIME, YEAR: fractions, zero, partial and invalid dates, ends.
CREATE TABLE dates (id INT PRIMARY KEY, d DATE, dt DATETIME, dt3 DATETIME(3), dt6 DATETIME(6), t TIME, t2 TIME(2), t6 TIME(6), y YEAR);
INSERT INTO dates VALUES
  (1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00.000', '0000-00-00 00:00:00.000000', '00:00:00', '00:00:00', '00:00:00', 0),
  (2, '2024-00-00', '2024-00-00 23:59:59', '2024-05-00 23:59:59.999', '2024-05-00 23:59:59.999999', '-838:59:59', '-838:59:59', '-838:59:59', 1901),
  (3, '2024-02-31', '2024-02-31 12:00:00', '2024-02-30 12:00:00.5', '2024-02-31 12:00:00.000001', '838:59:59', '838:59:59', '838:59:59', 2155),
  (4, '1000-01-01', '1000-01-01 00:00:00', '0000-01-01 00:00:00.001', '0000-00-01 00:00:00.000001', '-00:00:01', '-00:00:00.01', '-00:00:00.000001', 1999),
  (5, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999', '9999-12-31 23:59:59.999999', '24:00:00', '23:59:59.99', '100:00:00.000001', 2000),
  (6, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (7, '2024-02-29', '2024-03-10 02:30:00', '2024-10-27 01:30:00.123', '2024-10-27 02:30:00.123456', '02:30:00', '02:30:00.12', '02:30:00.123456', 2024);

-- TIMESTAMP at its ends, zero, and around the hour that a clock change repeats.
CREATE TABLE timestamps (id INT PRIMARY KEY, ts TIMESTAMP NULL, ts1 TIMESTAMP(1) NULL, ts6 TIMESTAMP(6) NULL);
INSERT INTO timestamps VALUES (1, '1970-01-01 00:00:01', '1970-01-01 00:00:01.1', '1970-01-01 00:00:01.000001'),
  (2, '2038-01-19 03:14:07', '2038-01-19 03:14:07.9', '2038-01-19 03:14:07.999999'), (3, 0, 0, 0), (4, NULL, NULL, NULL),
  (5, '2024-10-27 00:30:00', '2024-10-27 00:30:00.5', '2024-10-27 00:30:00.25'), (6, '2024-10-27 01:30:00', '2024-10-27 01:30:00.5', '2024-10-27 01:30:00.25');
-- The same moments written by sessions in other time zones.
SET time_zone = '+05:30';
INSERT INTO timestamps VALUES (10, '2024-06-01 00:00:00', '2024-06-01 00:00:00.1', '2024-06-01 00:00:00.000001');
SET time_zone = '-12:00';
INSERT INTO timestamps VALUES (11, '2024-06-01 00:00:00', '2024-06-01 00:00:00.1', '2024-06-01 00:00:00.000001');
SET time_zone = '+00:00';

-- CHAR, VARCHAR and TEXT kinds: spaces, escapes, text that looks like NULL.
CREATE TABLE texts (id INT PRIMARY KEY, c CHAR(20), v VARCHAR(100), t1 TINYTEXT, t TEXT, t3 MEDIUMTEXT, t4 LONGTEXT);
INSERT INTO texts VALUES (1, '', '', '', '', '', ''), (2, NULL, NULL, NULL, NULL, NULL, NULL),
  (3, 'NULL', 'NULL', 'NULL', 'NULL', 'NULL', 'NULL'), (4, '\\N', '\\N', '\\N', '\\N', '\\N', '\\N'),
  (5, 'ab   ', 'ab   ', 'ab   ', 'ab   ', 'ab   ', 'ab   '), (6, '   ', '   ', '   ', '   ', '   ', '   '),
  (7, ' a\t', 'a\tb\nc\\', 'x\r\ny\0z\Z', 'end\\', '\n', '\t\n\\'), (8, '''', '"', '`', '\'"`', '%_\\%\\_', '-- /* */ ;'),
  (9, REPEAT('x', 20), REPEAT('y', 100), REPEAT('z', 255), REPEAT('\\', 65535), REPEAT('\n', 70000), REPEAT('\t\\N', 30000)),
  (10, 'a\0', '\0', '\0\0', 'a\0b', '\\0', '\\\\');
CREATE TABLE blobs (id INT PRIMARY KEY, b BINARY(8), v VARBINARY(300), b1 TINYBLOB, bl BLOB, b3 MEDIUMBLOB, b4 LONGBLOB);
INSERT INTO blobs VALUES (1, '', '', '', '', '', ''), (2, NULL, NULL, NULL, NULL, NULL, NULL),
  (3, x'0000000000000000', x'0000', x'00', x'00', x'00', x'00'), (4, x'6100', x'6100', x'6100', x'6100', x'6100', x'6100'),
  (5, x'6120', x'6120', x'6120', x'2020', x'', x'0a'), (6, x'5c4e', x'5c4e', x'5c4e', x'5c4e', x'5c', x'5c5c'),
  (7, x'ffffffffffffffff', REPEAT(x'00090a5cff', 60), REPEAT(x'27', 255), REPEAT(x'22', 65535), REPEAT(x'5c', 70000), REPEAT(x'1a0d', 50000)),
  (8, x'8000000000000000', x'e4f6fc', x'c3a4', x'f09f9880', x'f09f98', x'80');
-- BINARY with trailing zeros, also as a key.
CREATE TABLE binary_key (k BINARY(4) PRIMARY KEY, v VARBINARY(4) NOT NULL, UNIQUE KEY v (v));
INSERT INTO binary_key VALUES (x'61', x'61'), (x'6120', x'6100'), (x'6109', x'610000'), (x'00', x''), (x'5c0a0900', x'00'), (x'ffffffff', x'ffffffff');

-- ENUM and SET with odd members and the error value 0.
CREATE TABLE enums (id INT PRIMARY KEY, plain ENUM('a', 'b', 'c'), empty_member ENUM('', 'x'), odd ENUM('a,b', 'it''s', 'b\\s', ' lead', 'NULL', '0', '2', '1'),
  wide ENUM('ä', 'ü', 'ß') CHARACTER SET utf16, latin ENUM('ä', 'é') CHARACTER SET latin1, bytes ENUM('x', 'y') CHARACTER SET binary);
INSERT INTO enums VALUES (1, 'a', '', 'a,b', 'ä', 'ä', 'x'), (2, 'c', 'x', 'it''s', 'ß', 'é', 'y'), (3, 'none', 'none', 'none', 'none', 'none', 'none'),
  (4, NULL, NULL, NULL, NULL, NULL, NULL), (5, 2, 1, 3, 2, 1, 1), (6, 'b', '', '0', 'ü', 'é', 'y'), (7, 'b', '', '1', 'ü', 'é', 'y'),
  (8, 'b', '', '2', 'ü', 'é', 'y'), (9, 'b', '', 'NULL', 'ü', 'é', 'y'), (10, 'b', '', ' lead', 'ü', 'é', 'y');
CREATE TABLE sets (id INT PRIMARY KEY, s SET('a', 'b', 'c'), gb SET('中', '文') CHARACTER SET gbk, many SET('m0','m1','m2','m3','m4','m5','m6','m7','m8','m9',
  'm10','m11','m12','m13','m14','m15','m16','m17','m18','m19','m20','m21','m22','m23','m24','m25','m26','m27','m28','m29','m30','m31','m32','m33','m34',
  'm35','m36','m37','m38','m39','m40','m41','m42','m43','m44','m45','m46','m47','m48','m49','m50','m51','m52','m53','m54','m55','m56','m57','m58','m59',
  'm60','m61','m62','m63'), odd SET('', '0', 'it''s', 'b\\s'));
INSERT INTO sets VALUES (1, '', '', 0, ''), (2, 'a,b,c', '中,文', 18446744073709551615, 15), (3, 'c,a', '文', 9223372036854775808, 1),
  (4, NULL, NULL, NULL, NULL), (5, 'none', '', 9007199254740993, 2), (6, 5, 1, 1, 4), (7, 2, 2, 4611686018427387905, 8);

-- GEOMETRY kinds, with and without SRID.
CREATE TABLE geometries (id INT PRIMARY KEY, g GEOMETRY, p POINT, l LINESTRING, y POLYGON, mp MULTIPOINT, ml MULTILINESTRING, my MULTIPOLYGON, c GEOMETRYCOLLECTION);
INSERT INTO geometries VALUES
  (1, ST_GeomFromText('POINT(1.5 -2.25)'), ST_GeomFromText('POINT(0 0)'), ST_GeomFromText('LINESTRING(0 0,1 1,2 -2)'),
    ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0),(2 2,4 2,4 4,2 2))'), ST_GeomFromText('MULTIPOINT(0 0,1 1)'),
    ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))'), ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))'),
    ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')),
  (2, ST_GeomFromText('POINT(1e308 -1e-308)'), ST_GeomFromText('POINT(0.1 -0.0)'), NULL, NULL, NULL, NULL, NULL, NULL),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO geometries (id, g) VALUES (4, ST_GeomFromText('POINT(10 20)', 4326)), (5, ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 0))', 3857)),
  (6, ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'));
-- only: mysql
CREATE TABLE geometries_bound (id INT PRIMARY KEY, p POINT NOT NULL SRID 4326, l LINESTRING SRID 3857, g GEOMETRY SRID 0);
INSERT INTO geometries_bound VALUES (1, ST_GeomFromText('POINT(52.5 13.4)', 4326), ST_GeomFromText('LINESTRING(0 0,1 1)', 3857), ST_GeomFromText('POINT(1 2)')),
  (2, ST_GeomFromText('POINT(-90 180)', 4326), NULL, ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),GEOMETRYCOLLECTION EMPTY)'));

-- VECTOR, with the bytes of backslash, tab and newline inside.
CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3), w VECTOR(1) NOT NULL, wide VECTOR(1024));
INSERT INTO vectors VALUES (1, STRING_TO_VECTOR('[1,-2.5,3e-20]'), STRING_TO_VECTOR('[0]'), NULL), (2, x'5c0a09000d5c0a09000000ff', x'5c4e090a', x'0000803f'),
  (3, NULL, x'00000080', CONCAT(REPEAT(x'5c0a095c', 1023), x'0000803f')), (4, x'ffff7f7f0100000000000080', x'ffff7fff', NULL);
-- only: all

-- A table whose one column is generated, one with one column, one with no row.
CREATE TABLE only_generated (a INT AS (1 + 1) VIRTUAL, b VARCHAR(9) AS ('made') STORED);
INSERT INTO only_generated () VALUES (), (), ();
CREATE TABLE one_column (v VARCHAR(10));
INSERT INTO one_column VALUES (''), (NULL), (''), ('\\N'), ('NULL');
