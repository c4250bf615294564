-- Rows that the default sql_mode rejects: they were stored under a laxer one, and the server runs with the strict one.

SET NAMES utf8mb4;
SET time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
CREATE DATABASE corpus_lax CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_lax;

CREATE TABLE zero_dates (id INT PRIMARY KEY, d DATE NOT NULL DEFAULT '0000-00-00', dt DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', ts TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00');
INSERT INTO zero_dates (id) VALUES (1), (2);
CREATE TABLE invalid_dates (d DATE PRIMARY KEY, dt DATETIME(6) DEFAULT '2024-02-30 00:00:00');
INSERT INTO invalid_dates VALUES ('2024-02-30', '2023-02-29 01:02:03.5'), ('2024-02-31', '2024-04-31'), ('2024-00-31', '0000-12-00'), ('0000-00-00', NULL);
CREATE TABLE enum_errors (id INT PRIMARY KEY, e ENUM('a', 'b') NOT NULL, f ENUM('', 'x') NOT NULL DEFAULT '');
INSERT INTO enum_errors VALUES (1, 'no such', 'no such'), (2, '', ''), (3, 'a', 'x');
CREATE TABLE auto_zero (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, v VARCHAR(10));
INSERT INTO auto_zero VALUES (0, 'zero'), (1, 'one');
-- Cut, clipped and divided by zero where they were written; what is stored is what comes back.
CREATE TABLE cut (id TINYINT PRIMARY KEY, c CHAR(3) NOT NULL, n TINYINT UNSIGNED NOT NULL, d DECIMAL(4,2), g DOUBLE AS (n / (n - n)) STORED);
INSERT INTO cut (id, c, n, d) VALUES (1, 'too long', 300, 12345.678), (2, 'ok', -5, 1), (127, 'abc', 0, 0);
CREATE TABLE no_default (id INT PRIMARY KEY, a INT NOT NULL, b VARCHAR(5) NOT NULL, c DATE NOT NULL);
INSERT INTO no_default (id) VALUES (1);
-- A row wider than a page under a strict innodb_strict_mode could not be made today.
SET innodb_strict_mode = 0;
CREATE TABLE not_strict (id INT PRIMARY KEY, v VARCHAR(100)) ROW_FORMAT = COMPACT KEY_BLOCK_SIZE = 4;
INSERT INTO not_strict VALUES (1, 'x');
CREATE TABLE wider_than_a_page (id INT PRIMARY KEY, a CHAR(255), b CHAR(255), c CHAR(255), d CHAR(255), e CHAR(255), f CHAR(255), g CHAR(255), h CHAR(255), i CHAR(255), j CHAR(255),
  k CHAR(255), l CHAR(255)) CHARACTER SET latin1 ROW_FORMAT = DYNAMIC;
ALTER TABLE wider_than_a_page ADD m CHAR(255), ADD n CHAR(255), ADD o CHAR(255), ADD p CHAR(255), ADD q CHAR(255), ADD r CHAR(255), ADD s CHAR(255), ADD t CHAR(255), ADD u CHAR(255), ADD v CHAR(255),
  ADD w CHAR(255), ADD x CHAR(255), ADD y CHAR(255), ADD z CHAR(255), ADD aa CHAR(255), ADD ab CHAR(255), ADD ac CHAR(255), ADD ad CHAR(255), ADD ae CHAR(255), ADD af CHAR(255), ADD ag CHAR(255);
INSERT INTO wider_than_a_page (id, a, ag) VALUES (1, 'first', 'last');
SET innodb_strict_mode = 1;
