-- Views upon views in any order, routines and triggers with modes and character sets of their own, events. Bodies hold
-- quotes, comments and delimiters where a reader of statements could be misled.

SET NAMES utf8mb4;
SET sql_mode = 'NO_ENGINE_SUBSTITUTION', time_zone = '+00:00';
CREATE DATABASE corpus_objects CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE corpus_objects;

CREATE TABLE base (id INT PRIMARY KEY, v VARCHAR(40), n INT, log VARCHAR(200) DEFAULT '');
INSERT INTO base VALUES (1, 'one', 10, ''), (2, 'two', 20, ''), (3, NULL, NULL, '');
CREATE FUNCTION twice(a INT) RETURNS INT DETERMINISTIC RETURN a * 2;

-- Named so that the alphabet is the wrong order.
CREATE VIEW z_base AS SELECT id, v, twice(n) AS t FROM base;
CREATE VIEW m_middle AS SELECT * FROM z_base WHERE t > 5;
CREATE VIEW a_top AS SELECT m.id, z.v FROM m_middle m JOIN z_base z ON z.id = m.id;
CREATE ALGORITHM = TEMPTABLE SQL SECURITY INVOKER VIEW b_temptable AS SELECT n, COUNT(*) AS c FROM base GROUP BY n;
CREATE ALGORITHM = MERGE VIEW c_check (`x y`, `b``q`) AS SELECT id, v FROM base WHERE id > 0 WITH LOCAL CHECK OPTION;
CREATE VIEW d_cascaded AS SELECT * FROM c_check WITH CASCADED CHECK OPTION;
CREATE VIEW e_text AS SELECT 'it''s \\ 😀' AS e, _latin1 x'e4' AS l, "q" AS q, '--' AS dashes, ';' AS semicolon;
CREATE VIEW f_recursive AS WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT n FROM c;
CREATE VIEW `g vi.ew` AS SELECT `x y` AS `a b` FROM c_check;
CREATE FUNCTION reads_view() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM a_top);
CREATE VIEW h_on_function AS SELECT reads_view() AS r;
-- A view whose table is gone, one that reads it, and one whose definer never was.
CREATE TABLE gone (a INT, `b c` INT);
CREATE VIEW i_broken AS SELECT a, `b c` FROM gone;
CREATE VIEW i_broken_second AS SELECT a FROM i_broken;
DROP TABLE gone;
CREATE DEFINER = `nobody`@`%` VIEW j_missing_definer AS SELECT id FROM base;
CREATE DEFINER = `no body`@`10.%` SQL SECURITY INVOKER VIEW k_missing_definer_invoker AS SELECT v FROM base;

-- Delimiters that stand in bodies, and odd ones.
DELIMITER //
CREATE PROCEDURE loops(IN upto INT, OUT total INT, INOUT text VARCHAR(20))
  COMMENT 'it''s a "comment"; with ; inside'
BEGIN
  -- a comment with ; and '
  DECLARE i INT DEFAULT 0; # another with "
  SET total = 0; /* a third; */
  WHILE i < upto DO
    SET total = total + i, i = i + 1;
  END WHILE;
  SET text = CONCAT(text, ';', "$$", `text`);
END//
DELIMITER $$
CREATE FUNCTION handler_in_body(a INT) RETURNS VARCHAR(50) CHARACTER SET latin1 DETERMINISTIC NO SQL SQL SECURITY INVOKER
BEGIN
  DECLARE EXIT HANDLER FOR SQLEXCEPTION RETURN 'failed // ; ';
  IF a > 5 THEN RETURN 'large'; END IF;
  CASE a WHEN 1 THEN RETURN 'one'; ELSE RETURN 'other'; END CASE;
END$$
DELIMITER ;
-- A body that needs its own mode: double quotes are names, || joins, a backslash is a character.
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES';
CREATE PROCEDURE "ansi p"(IN "a b" VARCHAR(20), OUT c VARCHAR(50)) MODIFIES SQL DATA COMMENT 'back\slash''s'
  SET c = "a b" || '\' || '"';
CREATE FUNCTION ansi_function(a INT) RETURNS VARCHAR(20) DETERMINISTIC RETURN 'x\' || a;
SET sql_mode = 'ALLOW_INVALID_DATES';
CREATE PROCEDURE empty_body() BEGIN END;
DELIMITER $$
CREATE PROCEDURE emoji() BEGIN SELECT '😀'; /* 漢 */ END$$
DELIMITER ;
CREATE FUNCTION typed_parameters(a CHAR(5), b ENUM('x','ä'), c TEXT CHARACTER SET gbk, d DECIMAL(10,2)) RETURNS VARCHAR(20) NO SQL DETERMINISTIC RETURN CONCAT(a, b);
CREATE DEFINER = `ghost`@`10.%` PROCEDURE of_a_ghost() SELECT 1;
-- A client of another character set.
SET NAMES latin1;
CREATE PROCEDURE by_latin1() COMMENT 'latin1' SELECT 'x' AS q;
SET NAMES utf8mb4 COLLATE utf8mb4_bin;
CREATE FUNCTION other_collation(a VARCHAR(5)) RETURNS INT DETERMINISTIC RETURN a = 'A';
SET NAMES utf8mb4;
SET sql_mode = 'NO_ENGINE_SUBSTITUTION';

-- Several triggers of one event, whose order is not that of their names nor of their making.
CREATE TRIGGER b_second BEFORE INSERT ON base FOR EACH ROW SET NEW.log = CONCAT(NEW.log, '2');
CREATE TRIGGER a_third BEFORE INSERT ON base FOR EACH ROW FOLLOWS b_second SET NEW.log = CONCAT(NEW.log, '3');
CREATE TRIGGER c_first BEFORE INSERT ON base FOR EACH ROW PRECEDES b_second SET NEW.log = CONCAT(NEW.log, '1');
DELIMITER |
CREATE TRIGGER after_update AFTER UPDATE ON base FOR EACH ROW BEGIN
  IF NOT (OLD.v <=> NEW.v) THEN SET @changed = CONCAT(@changed, ';', NEW.v); END IF;
END|
DELIMITER ;
CREATE DEFINER = `ghost`@`10.%` TRIGGER of_a_ghost BEFORE DELETE ON base FOR EACH ROW SET @deleted = OLD.id;
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT';
CREATE TRIGGER ansi_trigger BEFORE UPDATE ON base FOR EACH ROW SET NEW."log" = NEW."log" || 'u';
SET sql_mode = 'NO_ENGINE_SUBSTITUTION';

-- Events: enabled and disabled, in other time zones, and one whose one time has passed.
CREATE EVENT every_day ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO SET @a = 1;
SET time_zone = '+03:00';
CREATE EVENT zoned ON SCHEDULE EVERY '1:30' HOUR_MINUTE STARTS '2031-05-06 07:08:09' ENDS '2035-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'it''s'
  DO INSERT INTO base VALUES (100, 'x', 1, '');
SET time_zone = '-11:00';
CREATE EVENT once_later ON SCHEDULE AT '2037-01-01 00:00:00' DO SET @a = 1, @b = 2;
DELIMITER //
CREATE EVENT of_many_statements ON SCHEDULE EVERY 5 YEAR STARTS '2030-01-01 00:00:00' DISABLE DO BEGIN SET @a = 1; SET @b = '/'; END//
DELIMITER ;
SET time_zone = '+00:00';
CREATE EVENT once_passed ON SCHEDULE AT '2037-01-01 00:00:00' ON COMPLETION PRESERVE DO SET @a = 1;
ALTER EVENT once_passed ON SCHEDULE AT '2001-02-03 04:05:06' ON COMPLETION PRESERVE DISABLE;
CREATE EVENT every_quarter ON SCHEDULE EVERY 3 MONTH STARTS '2001-01-01 00:00:00' ENABLE DO DELETE FROM base WHERE id > 1000;
SET sql_mode = 'ANSI_QUOTES';
CREATE EVENT "ansi event" ON SCHEDULE EVERY 1 WEEK STARTS '2030-01-01 00:00:00' DO DELETE FROM "base" WHERE "id" > 1000;
SET sql_mode = 'NO_ENGINE_SUBSTITUTION';
-- only: mysql
CREATE EVENT on_replica ON SCHEDULE EVERY 3 WEEK STARTS '2030-01-01 00:00:00' DISABLE ON REPLICA DO SET @a = 1;
CREATE DEFINER = `ghost`@`10.%` EVENT of_a_ghost ON SCHEDULE EVERY 1 YEAR STARTS '2030-01-01 00:00:00' DISABLE DO SET @a = 1;
-- only: all

-- The schema's character set is another one than when its routine was made.
CREATE DATABASE corpus_objects_gbk CHARACTER SET gbk;
USE corpus_objects_gbk;
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO t VALUES (1, '中誠');
CREATE PROCEDURE of_gbk(a VARCHAR(10)) SELECT a;
ALTER DATABASE corpus_objects_gbk CHARACTER SET latin1;
CREATE PROCEDURE of_latin1(a VARCHAR(10)) SELECT a, '中';
CREATE VIEW across AS SELECT b.id, t.v FROM corpus_objects.base b LEFT JOIN t USING (id);
