-- Character sets: every byte of the one-byte sets, the double-byte sets whose second byte may be a backslash, the wide
-- ones, emoji and supplementary planes. Values are built from their numbers by the server.

SET NAMES utf8mb4;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION';
CREATE DATABASE corpus_charsets CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_charsets;

CREATE TABLE byte_numbers (n SMALLINT UNSIGNED PRIMARY KEY, h CHAR(2) CHARACTER SET ascii NOT NULL);
INSERT INTO byte_numbers SELECT a.n * 16 + b.n, LPAD(HEX(a.n * 16 + b.n), 2, '0') FROM
  (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8
   UNION SELECT 9 UNION SELECT 10 UNION SELECT 11 UNION SELECT 12 UNION SELECT 13 UNION SELECT 14 UNION SELECT 15) a,
  (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8
   UNION SELECT 9 UNION SELECT 10 UNION SELECT 11 UNION SELECT 12 UNION SELECT 13 UNION SELECT 14 UNION SELECT 15) b;

-- One-byte sets: all 256 bytes, also between a backslash and an n, where a reader could take them for an escape.
CREATE TABLE latin1_all_bytes (n SMALLINT UNSIGNED PRIMARY KEY, c CHAR(1), v VARCHAR(3), t TEXT) CHARACTER SET latin1;
INSERT INTO latin1_all_bytes SELECT n, UNHEX(h), UNHEX(CONCAT('5C', h, '6E')), UNHEX(CONCAT(h, h, '09', h)) FROM byte_numbers;
CREATE TABLE one_byte_sets (n SMALLINT UNSIGNED PRIMARY KEY, a CHAR(2) CHARACTER SET cp1250, b CHAR(2) CHARACTER SET cp1251, c CHAR(2) CHARACTER SET cp850,
  d CHAR(2) CHARACTER SET koi8r, e CHAR(2) CHARACTER SET latin2, f CHAR(2) CHARACTER SET swe7, g CHAR(2) CHARACTER SET hebrew,
  h CHAR(2) CHARACTER SET geostd8, i CHAR(2) CHARACTER SET macroman, j CHAR(2) CHARACTER SET dec8, k CHAR(2) CHARACTER SET hp8);
INSERT INTO one_byte_sets SELECT n, UNHEX(h), UNHEX(h), UNHEX(h), UNHEX(h), UNHEX(h), UNHEX(h), UNHEX(h), UNHEX(h), UNHEX(h), UNHEX(h), UNHEX(h) FROM byte_numbers;

-- Double-byte sets: each second byte behind a few first bytes, and one text of many characters. What the set does not
-- have is cut by the server and stored as ''.
SET sql_mode = '';
CREATE TABLE gbk_sjis (a SMALLINT UNSIGNED NOT NULL, n SMALLINT UNSIGNED NOT NULL, g VARCHAR(4) CHARACTER SET gbk, s VARCHAR(4) CHARACTER SET sjis,
  b VARCHAR(4) CHARACTER SET big5, k VARCHAR(4) CHARACTER SET euckr, u VARCHAR(4) CHARACTER SET ujis, c VARCHAR(4) CHARACTER SET cp932,
  e VARCHAR(4) CHARACTER SET gb18030, j VARCHAR(4) CHARACTER SET eucjpms, z VARCHAR(4) CHARACTER SET gb2312, PRIMARY KEY (a, n));
-- only: mysql
INSERT IGNORE INTO gbk_sjis SELECT a.n, b.n, UNHEX(CONCAT(a.h, b.h)), UNHEX(CONCAT(a.h, b.h)), UNHEX(CONCAT(a.h, b.h)), UNHEX(CONCAT(a.h, b.h)),
  UNHEX(CONCAT(a.h, b.h)), UNHEX(CONCAT(a.h, b.h)), UNHEX(CONCAT(a.h, b.h)), UNHEX(CONCAT(a.h, b.h)), UNHEX(CONCAT(a.h, b.h))
  FROM byte_numbers a, byte_numbers b WHERE a.n IN (129, 131, 149, 161, 176, 200, 214, 228, 254) AND b.n >= 64;
-- only: all
CREATE TABLE backslash_second_byte (id INT PRIMARY KEY, g VARCHAR(20) CHARACTER SET gbk, s VARCHAR(20) CHARACTER SET sjis, b VARCHAR(20) CHARACTER SET big5,
  KEY g (g), KEY s (s));
INSERT INTO backslash_second_byte VALUES (1, _gbk x'd55c', _sjis x'835c', _big5 x'a55c'), (2, _gbk x'815c5c', _sjis x'955c5c', _big5 x'b35c5c'),
  (3, _gbk x'5cd55c6e', _sjis x'5c835c6e', _big5 x'5ca55c6e'), (4, _gbk x'd55c0a09', _sjis x'835c0a09', _big5 x'a55c0a09'),
  (5, _gbk x'5c4e', _sjis x'5c4e', _big5 x'5c4e'), (6, NULL, NULL, NULL), (7, '', '', '');

-- Wide sets: line feeds, tabs and backslashes as halves of characters, lone surrogates in ucs2, the last code points.
SET sql_mode = 'NO_ENGINE_SUBSTITUTION';
CREATE TABLE wide_sets (id INT PRIMARY KEY, u2 VARCHAR(20) CHARACTER SET ucs2, u16 VARCHAR(20) CHARACTER SET utf16, le VARCHAR(20) CHARACTER SET utf16le,
  u32 VARCHAR(20) CHARACTER SET utf32, KEY (u2), KEY (u16));
INSERT INTO wide_sets VALUES (1, x'0a0a09095c5c', x'0a0a09095c5c', x'0a0a09095c5c', x'00000a0a00005c5c00000909'),
  (2, x'd800', x'd83dde00', x'3dd800de', x'0001f600'), (3, x'dfff0041', x'dbffdfff', x'ffdbffdf', x'0010ffff'),
  (4, x'000a0009005c004e', x'000a0009005c004e', x'0a0009005c004e00', x'0000000a000000090000005c0000004e'), (5, '', '', '', ''), (6, NULL, NULL, NULL, NULL),
  (7, x'0000', x'0000', x'0000', x'00000000'), (8, 'ab   ', 'ab   ', 'ab   ', 'ab   ');
CREATE TABLE unicode (id INT PRIMARY KEY, c CHAR(10), v VARCHAR(200), u3 VARCHAR(40) CHARACTER SET utf8mb3, t MEDIUMTEXT) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO unicode VALUES (1, '😀', '👩‍👩‍👧‍👦🏳️‍🌈', 'ä€中', REPEAT('😀\\\t\n', 5000)), (2, x'f09f9880', x'f48fbfbf', x'efbfbf', x'f0908080'),
  (3, 'e\u0301', x'65cc81c3a9', x'65cc81c3a9', x'e2808be2808ee280aeefbbbf'), (4, 'İıſ', 'ǅ ﬁ', 'ß', '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠜎𠜱'), (5, x'00', x'7f', x'c280', x'01020304');
CREATE TABLE binary_set (id INT PRIMARY KEY, c CHAR(4) CHARACTER SET binary, v VARCHAR(9) CHARACTER SET binary, t TEXT CHARACTER SET binary) CHARACTER SET binary;
INSERT INTO binary_set VALUES (1, x'ff00', x'ff00', x'ff00'), (2, 'a', 'a ', x'c3'), (3, '', '', '');
CREATE TABLE mixed_columns (id INT PRIMARY KEY, a VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german1_ci, b VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  c VARCHAR(9) COLLATE latin1_bin, d VARCHAR(9) CHARACTER SET ascii) CHARACTER SET latin1 COLLATE latin1_swedish_ci;
INSERT INTO mixed_columns VALUES (1, x'e4f6fcdf', 'äöüß', x'e4f6fcdf', 'abc');

-- Collations on keys: 'a' = 'A' and 'a' = 'ä' in some, not in others; a range bound must compare as the key does.
CREATE TABLE key_case_insensitive (k VARCHAR(20) PRIMARY KEY, v INT) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
INSERT INTO key_case_insensitive VALUES ('a', 1), ('B', 2), ('c', 3), ('Ä1', 4), ('a2', 5), ('_', 6), ('Z', 7), ('', 8), ('ß', 9), ('𠜎', 10);
CREATE TABLE key_case_sensitive (k VARCHAR(20) PRIMARY KEY, v INT) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO key_case_sensitive VALUES ('a', 1), ('A', 2), ('a b', 3), ('ä', 4), ('Ä', 5), ('_', 6), ('Z', 7), ('', 8), ('\t', 9), ('\\', 10);
CREATE TABLE key_german (k VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci PRIMARY KEY, v INT);
INSERT INTO key_german VALUES ('ae1', 1), ('ä2', 2), ('A3', 3), ('z', 4), ('ß', 5), ('st', 6);
-- only: mysql
CREATE TABLE key_accent (k VARCHAR(20) PRIMARY KEY, v INT) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;
INSERT INTO key_accent VALUES ('a', 1), ('B', 2), ('ç', 3), ('Äc', 4), ('ab', 5), ('z ', 6), ('z', 7), ('', 8);
CREATE TABLE key_japanese (k VARCHAR(20) PRIMARY KEY, v INT) CHARACTER SET utf8mb4 COLLATE utf8mb4_ja_0900_as_cs_ks;
INSERT INTO key_japanese VALUES ('はは', 1), ('ハハ', 2), ('ばば', 3), ('あ', 4), ('ア', 5);
