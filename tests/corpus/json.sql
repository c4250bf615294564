-- Documents whose text carries them whole: deep ones, large integers, every kind of string, keys in odd order.

SET NAMES utf8mb4;
SET sql_mode = 'NO_ENGINE_SUBSTITUTION', time_zone = '+00:00';
CREATE DATABASE corpus_json CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_json;

CREATE TABLE documents (id INT PRIMARY KEY, doc JSON);
INSERT INTO documents VALUES (1, NULL), (2, 'null'), (3, 'true'), (4, '0'), (5, '"text"'), (6, '[]'), (7, '{}'), (8, '""'),
  (9, '{"b": [1, 2.5, -0.0, 1e300, "\\\\\\n\\t", null, true], "": {}, "a\\u0000": "😀"}'),
  (10, '[9223372036854775807, -9223372036854775808, 18446744073709551615, 9223372036854775808, 0, -1]'),
  (11, '[1.0, 1e20, 0.1, 5e-324, 1.7976931348623157e308, -0.0, 1e-7, 123456789012345678901234567890]'),
  (12, '{"z": 1, "a": 2, "aa": 3, "B": 4, "ä": 5, "😀": 6, "a b": 7, "\\"": 8, "$": 9, "*": 10, "[0]": 11}'),
  (13, '{"dup": 1, "dup": 2}'), (14, '"\\u0001\\b\\f\\n\\r\\t\\\\\\/\\u001f\\u007f"'), (15, '["\\ud83d\\ude00", "𝔘", "\\u00e4"]');
INSERT INTO documents VALUES (20, CONCAT(REPEAT('[', 99), '1', REPEAT(']', 99))), (21, CONCAT(REPEAT('{"a":', 99), '[2]', REPEAT('}', 99))),
  (22, CONCAT('["', REPEAT('x', 70000), '"]')), (23, CONCAT('[0', REPEAT(',1', 40000), ']'));
CREATE TABLE in_place (id INT PRIMARY KEY, doc JSON);
INSERT INTO in_place VALUES (1, '{"a": "a long text that a shorter one replaces", "b": 1}');
UPDATE in_place SET doc = JSON_SET(doc, '$.a', 'short') WHERE id = 1;
CREATE TABLE defaults_and_keys (id INT PRIMARY KEY, doc JSON NOT NULL, n INT AS (JSON_UNQUOTE(JSON_EXTRACT(doc, '$.n'))) STORED, KEY n (n));
INSERT INTO defaults_and_keys (id, doc) VALUES (1, '{"n": 5}'), (2, '{"n": 7, "m": []}');
-- Integers that SQL made: their text is the same, their type only differs in the sign bit.
CREATE TABLE integers (id INT PRIMARY KEY, doc JSON);
INSERT INTO integers VALUES (1, JSON_ARRAY(CAST(5 AS UNSIGNED), 5, 9223372036854775807, CAST(18446744073709551615 AS UNSIGNED), 2147483648, -1));
