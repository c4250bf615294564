-- Names: spaces, quotes, backticks, dots, Unicode, 64 characters, reserved words, % and _, upper and lower case, and
-- schemas with dashes, dots and character sets of their own.

SET NAMES utf8mb4;
SET sql_mode = 'NO_ENGINE_SUBSTITUTION';
CREATE DATABASE corpus_names CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_names;

CREATE TABLE `with space` (`a column` INT PRIMARY KEY, `two  spaces` VARCHAR(20), KEY `an index` (`two  spaces`));
INSERT INTO `with space` VALUES (1, 'a'), (2, NULL);
CREATE TABLE `it's "quoted"` (`col'umn` INT PRIMARY KEY, `"` INT, `\` INT, `\\n` INT, KEY `'"` (`"`, `\`));
INSERT INTO `it's "quoted"` VALUES (1, 2, 3, 4);
CREATE TABLE `back``tick` (`co``l` INT PRIMARY KEY, `````` INT, KEY `in``dex` (``````));
INSERT INTO `back``tick` VALUES (1, 2);
CREATE TABLE `dot.ted` (`a.b` INT PRIMARY KEY, `.` INT, `corpus_names.dot` INT);
INSERT INTO `dot.ted` VALUES (1, 2, 3);
CREATE TABLE `ünïcödé 中文 ß` (`ключ` INT PRIMARY KEY, `列` INT, `é` INT, KEY `índice` (`列`));
INSERT INTO `ünïcödé 中文 ß` VALUES (1, 2, 3);
CREATE TABLE `n234567890123456789012345678901234567890123456789012345678901234` (
  `c234567890123456789012345678901234567890123456789012345678901234` INT PRIMARY KEY,
  `中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中` INT,
  KEY `k234567890123456789012345678901234567890123456789012345678901234` (`中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中中`));
INSERT INTO `n234567890123456789012345678901234567890123456789012345678901234` VALUES (1, 2);
CREATE TABLE `select` (`from` INT PRIMARY KEY, `where` INT, `order` INT, `key` INT, `primary` INT, KEY `group` (`where`), KEY `index` (`order`));
INSERT INTO `select` VALUES (1, 2, 3, 4, 5);
CREATE TABLE `100%_sure` (`%` INT PRIMARY KEY, `_` INT, `%s%d` INT);
INSERT INTO `100%_sure` VALUES (1, 2, 3);
-- `_` is a wildcard in patterns: two tables that one pattern would take for the same.
CREATE TABLE a_b (id INT PRIMARY KEY, v INT);
INSERT INTO a_b VALUES (1, 1);
CREATE TABLE axb (id INT PRIMARY KEY, v INT);
INSERT INTO axb VALUES (1, 2), (2, 3);
CREATE TABLE `-- comment` (`/* c */` INT PRIMARY KEY, `;` INT, `(` INT, `)` INT, `,` INT, `=` INT);
INSERT INTO `-- comment` VALUES (1, 2, 3, 4, 5, 6);
CREATE TABLE `1234` (`5` INT PRIMARY KEY, `6e7` INT, `0x8` INT);
INSERT INTO `1234` VALUES (1, 2, 3);
CREATE TABLE `@var` (`$dollar` INT PRIMARY KEY, `#hash` INT, `a	tab` INT);
INSERT INTO `@var` VALUES (1, 2, 3);
CREATE TABLE `#sql-looks_temporary` (id INT PRIMARY KEY);
INSERT INTO `#sql-looks_temporary` VALUES (1);

-- Upper case in every kind of name; a server with lower_case_table_names=1 makes the tables' names lower.
CREATE TABLE MixedCase (Id INT PRIMARY KEY, `Über` INT, KEY ByValue (`Über`));
INSERT INTO MixedCase VALUES (1, 2), (2, 3);
CREATE TABLE MixedChild (Id INT PRIMARY KEY, Parent INT, CONSTRAINT ToParent FOREIGN KEY (Parent) REFERENCES MixedCase (Id));
INSERT INTO MixedChild VALUES (1, 1);
CREATE VIEW MixedView AS SELECT Id, `Über` FROM MixedCase;

-- Column names that differ in nothing but accents; a column named as the type walk's own alias could be.
CREATE TABLE accents (id INT PRIMARY KEY, cafe INT, `v` INT, `x` INT, `t` INT, `myriad` INT);
INSERT INTO accents VALUES (1, 2, 3, 4, 5, 6);

CREATE DATABASE `corpus-dash.dot 2` CHARACTER SET latin1 COLLATE latin1_german1_ci;
CREATE TABLE `corpus-dash.dot 2`.`t-1.x` (id INT PRIMARY KEY, v VARCHAR(20), KEY v (v));
INSERT INTO `corpus-dash.dot 2`.`t-1.x` VALUES (1, 'äöü'), (2, 'ß');
CREATE VIEW `corpus-dash.dot 2`.`v.1-x` AS SELECT id AS `i d`, v FROM `corpus-dash.dot 2`.`t-1.x`;
CREATE DATABASE `corpus``tick'quote"` CHARACTER SET utf16 COLLATE utf16_bin;
CREATE TABLE `corpus``tick'quote"`.t (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO `corpus``tick'quote"`.t VALUES (1, '😀\\');
CREATE DATABASE `corpus_ünï中` CHARACTER SET gbk;
CREATE TABLE `corpus_ünï中`.`表` (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO `corpus_ünï中`.`表` VALUES (1, '中文誠');
CREATE DATABASE corpus_empty CHARACTER SET ascii;
