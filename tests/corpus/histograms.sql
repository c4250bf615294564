-- Histograms of both kinds, one that is updated automatically, and one whose buckets are text of another set.

SET NAMES utf8mb4;
CREATE DATABASE corpus_histograms CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_histograms;
CREATE TABLE t (id INT PRIMARY KEY, few INT, many INT, text VARCHAR(20), latin VARCHAR(20) CHARACTER SET latin1, d DATE, de DECIMAL(10,2), f DOUBLE, e ENUM('b', 'a'));
INSERT INTO t WITH RECURSIVE r (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < 499)
  SELECT i, i MOD 5, i * 7, CONCAT('ä', i MOD 20), CONCAT('ü', i), '2024-01-01' + INTERVAL i DAY, i / 3, i / 7, 1 + i MOD 2 FROM r;
ANALYZE TABLE t UPDATE HISTOGRAM ON few, text, e WITH 100 BUCKETS;
ANALYZE TABLE t UPDATE HISTOGRAM ON many, latin, d, de WITH 8 BUCKETS;
ANALYZE TABLE t UPDATE HISTOGRAM ON f WITH 16 BUCKETS AUTO UPDATE;
