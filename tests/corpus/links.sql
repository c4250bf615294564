-- Foreign keys: to the table itself, in a cycle, across schemas, with every action, and rows that break one because it
-- was not checked when they were written.

SET NAMES utf8mb4;
SET sql_mode = 'NO_ENGINE_SUBSTITUTION';
CREATE DATABASE corpus_links CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE DATABASE `corpus_links.other` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_links;

CREATE TABLE tree (id INT PRIMARY KEY, parent INT, CONSTRAINT up FOREIGN KEY (parent) REFERENCES tree (id) ON DELETE CASCADE);
SET foreign_key_checks = 0;
INSERT INTO tree VALUES (1, 2), (2, 3), (3, NULL), (4, 4);
CREATE TABLE hen (id INT PRIMARY KEY, egg INT NOT NULL, CONSTRAINT from_egg FOREIGN KEY (egg) REFERENCES egg (id) ON UPDATE CASCADE);
CREATE TABLE egg (id INT PRIMARY KEY, hen INT, CONSTRAINT from_hen FOREIGN KEY (hen) REFERENCES hen (id) ON DELETE SET NULL ON UPDATE NO ACTION);
INSERT INTO hen VALUES (1, 10), (2, 20);
INSERT INTO egg VALUES (10, 2), (20, 1), (30, NULL);
CREATE TABLE abroad (id INT PRIMARY KEY, home INT, KEY h (home), CONSTRAINT `to other` FOREIGN KEY (home) REFERENCES `corpus_links.other`.home (id) ON DELETE RESTRICT);
CREATE TABLE `corpus_links.other`.home (id INT PRIMARY KEY, back INT, CONSTRAINT and_back FOREIGN KEY (back) REFERENCES corpus_links.abroad (id));
INSERT INTO abroad VALUES (1, 5);
INSERT INTO `corpus_links.other`.home VALUES (5, 1), (6, NULL);
CREATE TABLE composite_parent (a INT, b VARCHAR(20), PRIMARY KEY (a, b));
CREATE TABLE composite_child (id INT PRIMARY KEY, a INT, b VARCHAR(20), CONSTRAINT both_columns FOREIGN KEY (a, b) REFERENCES composite_parent (a, b) ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO composite_parent VALUES (1, 'x'), (1, 'y');
INSERT INTO composite_child VALUES (1, 1, 'x'), (2, 1, NULL), (3, NULL, 'none');
-- Written while foreign keys were not checked.
CREATE TABLE orphan (id INT PRIMARY KEY, parent INT, CONSTRAINT orphaned FOREIGN KEY (parent) REFERENCES tree (id));
INSERT INTO orphan VALUES (1, 1), (2, 404);
-- The table it refers to does not exist.
CREATE TABLE to_nowhere (id INT PRIMARY KEY, parent INT, CONSTRAINT nowhere FOREIGN KEY (parent) REFERENCES not_there (id));
INSERT INTO to_nowhere VALUES (1, 1);
-- only: mysql
-- To a column that is not unique by itself.
SET restrict_fk_on_non_standard_key = 0;
CREATE TABLE to_part_of_key (id INT PRIMARY KEY, parent INT, CONSTRAINT part FOREIGN KEY (parent) REFERENCES composite_parent (a));
INSERT INTO to_part_of_key VALUES (1, 1);
SET restrict_fk_on_non_standard_key = 1;
-- only: all
SET foreign_key_checks = 1;
