//! Definitions that hurt. Each entry is one statement, run in order on an empty server by a session under
//! `sql_mode='ALLOW_INVALID_DATES'`; `(b"latin1", …)` entries are sent by a latin1 client.

/// Character set of the client, and the statement.
pub type Statement = (&'static str, &'static [u8]);

const fn utf8(sql: &'static str) -> Statement {
    ("utf8mb4", sql.as_bytes())
}

const LONG: &str = "`n23456789012345678901234567890123456789012345678901234567890123_`";

/// Schemas and tables.
pub fn tables() -> Vec<Statement> {
    vec![
        utf8("CREATE DATABASE odd CHARACTER SET utf8mb4"),
        utf8("CREATE DATABASE `o``d d.2 \u{fc}` CHARACTER SET latin1 COLLATE latin1_german1_ci"),
        utf8("CREATE DATABASE odd_plain CHARACTER SET ascii"),
        utf8("USE odd"),
        utf8("SET SESSION sql_generate_invisible_primary_key = 1"),
        utf8("CREATE TABLE gipk (a int, b varchar(20))"),
        utf8("SET SESSION sql_generate_invisible_primary_key = 0"),
        utf8(
            "CREATE TABLE invisible (id int PRIMARY KEY, a int INVISIBLE DEFAULT 5, b int, KEY a (a), \
             KEY b (b) INVISIBLE, UNIQUE KEY u (b, id) INVISIBLE)",
        ),
        utf8(
            "CREATE TABLE functional (id int PRIMARY KEY, a int, b varchar(20), KEY f ((a + 1)), \
              UNIQUE KEY g ((concat(b, ')', a))), KEY m (a DESC, (lower(b)) DESC, id))",
        ),
        utf8("CREATE TABLE descending (a int NOT NULL, b int NOT NULL, PRIMARY KEY (a DESC, b), KEY (b DESC))"),
        utf8(
            "CREATE TABLE multi_valued (id int PRIMARY KEY, j json, KEY mv ((CAST(j->'$.a' AS UNSIGNED ARRAY))), \
              UNIQUE KEY mu (id, (CAST(j->'$.b' AS CHAR(20) ARRAY))))",
        ),
        utf8(
            "CREATE TABLE prefix (t text NOT NULL, b blob NOT NULL, v varchar(300) NOT NULL, UNIQUE KEY (t(10)), \
              KEY tb (t(5), b(7)), UNIQUE KEY v (v(40), t(3)), UNIQUE KEY whole (v))",
        ),
        utf8(
            "CREATE TABLE fulltext_two (id int PRIMARY KEY, a text, b varchar(99), FULLTEXT KEY fa (a) \
              /*!50100 WITH PARSER ngram */ , FULLTEXT KEY fb (b, a), KEY b (b), FULLTEXT KEY fc (b) COMMENT 'x, (y')",
        ),
        utf8(
            "CREATE TABLE doc_id (FTS_DOC_ID bigint unsigned NOT NULL AUTO_INCREMENT, a text, PRIMARY KEY \
             (FTS_DOC_ID), \
              UNIQUE KEY FTS_DOC_ID_INDEX (FTS_DOC_ID), FULLTEXT KEY a (a))",
        ),
        utf8(
            "CREATE TABLE spatial_two (id int PRIMARY KEY, p point NOT NULL SRID 4326, g geometry NOT NULL SRID 0, \
              x int, SPATIAL KEY sp (p), KEY x (x), SPATIAL KEY sg (g), KEY xi (x, id))",
        ),
        utf8(
            "CREATE TABLE mixed_late (id int PRIMARY KEY, p point NOT NULL SRID 4326, t text, u int, KEY k (u), \
              SPATIAL KEY sp (p), FULLTEXT KEY ft (t), UNIQUE KEY uu (u, id))",
        ),
        utf8(
            "CREATE TABLE sub_partitioned (id int NOT NULL, d date NOT NULL, PRIMARY KEY (id, d), KEY d (d)) \
              PARTITION BY RANGE (YEAR(d)) SUBPARTITION BY HASH (TO_DAYS(d)) (PARTITION p0 VALUES LESS THAN (2000) \
              (SUBPARTITION `s 0`, SUBPARTITION s1 COMMENT 'it''s'), PARTITION p1 VALUES LESS THAN MAXVALUE \
              (SUBPARTITION s2, SUBPARTITION s3))",
        ),
        utf8(
            "CREATE TABLE listed (a varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, b int) \
              PARTITION BY LIST COLUMNS (a, b) (PARTITION p\u{fc} VALUES IN (('\u{fc}', 1), ('\u{6f22}', 2)), \
              PARTITION pn VALUES IN ((NULL, NULL), ('it''s, (', 3)))",
        ),
        (
            "latin1",
            b"CREATE TABLE listed_latin1 (a varchar(20) CHARACTER SET latin1 NOT NULL, KEY (a)) \
              PARTITION BY LIST COLUMNS (a) (PARTITION p VALUES IN ('\xe4', 'x'), PARTITION q VALUES IN (''))",
        ),
        utf8(
            "CREATE TABLE linear_key (id int NOT NULL AUTO_INCREMENT, a int, PRIMARY KEY (id)) \
              PARTITION BY LINEAR KEY ALGORITHM=1 (id) PARTITIONS 5",
        ),
        utf8("CREATE TABLE key_empty (id int PRIMARY KEY) PARTITION BY KEY () PARTITIONS 3"),
        utf8(
            "CREATE TABLE range_columns (a int, b datetime, KEY a (a), KEY b (b)) PARTITION BY RANGE COLUMNS (a, b) \
              (PARTITION p0 VALUES LESS THAN (1, '2000-01-01 00:00:00'), PARTITION p1 VALUES LESS THAN (MAXVALUE, \
             MAXVALUE))",
        ),
        utf8(
            "CREATE TABLE computed (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL, c int GENERATED ALWAYS AS \
              ((a + b)) STORED NOT NULL COMMENT 'c, ) ', d varchar(40) AS (concat(a, ',', '\\'', \"\\\"\", '\\\\')), \
              UNIQUE KEY b (b), KEY c (c), KEY d (d))",
        ),
        utf8(
            "CREATE TABLE generated_not_null (a int NOT NULL, v int AS (a + 1) VIRTUAL NOT NULL, \
              s int AS (a + 2) STORED NOT NULL, UNIQUE KEY v (v), UNIQUE KEY s (s))",
        ),
        (
            "latin1",
            b"CREATE TABLE latin1_literal (b varchar(20) CHARACTER SET latin1, \
              g varchar(40) AS (concat(b, _latin1'\xe4')), CHECK (b <> _latin1'\xdf'))",
        ),
        (
            "latin1",
            b"CREATE TABLE latin1_default (b varchar(20) CHARACTER SET latin1 DEFAULT '\xe4' COMMENT '\xe4\xf6', \
              e enum('\xe4', 'b\xdf') CHARACTER SET latin1 DEFAULT '\xe4') COMMENT '\xfc'",
        ),
        utf8(
            "CREATE TABLE defaults (a int DEFAULT (1 + 2), b json DEFAULT (json_object('a', ',)')), \
              c binary(16) DEFAULT (uuid_to_bin(uuid())), d timestamp(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE \
              CURRENT_TIMESTAMP(6), e bit(5) DEFAULT b'10101', f varbinary(5) DEFAULT x'00ff27', g text DEFAULT ('x'), \
              h vector(3) DEFAULT (string_to_vector('[1,2,3]')), i datetime DEFAULT '0000-00-00 00:00:00', \
              j date DEFAULT '2024-02-30', k decimal(65,30) unsigned zerofill DEFAULT 1.5, l year DEFAULT 2155, \
              m set('a','b''c') DEFAULT 'a,b''c', n double(20,3) DEFAULT -0.5, o timestamp DEFAULT '0000-00-00 \
             00:00:00')",
        ),
        utf8(
            "CREATE TABLE checks (a int CHECK (a > 0), b varchar(20), CONSTRAINT `c``,(` CHECK (b <> '),' ) NOT \
             ENFORCED, \
              CONSTRAINT named CHECK (a < 100))",
        ),
        utf8(
            "CREATE TABLE auto_far (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY) \
             AUTO_INCREMENT=9000000000000000000",
        ),
        utf8(
            "CREATE TABLE auto_second (a int NOT NULL, id int NOT NULL AUTO_INCREMENT, PRIMARY KEY (a, id), KEY id \
             (id)) \
              AUTO_INCREMENT=77",
        ),
        utf8(
            "CREATE TABLE auto_unique (a int PRIMARY KEY, id int NOT NULL AUTO_INCREMENT, UNIQUE KEY id (id), KEY a2 \
             (a, id))",
        ),
        utf8(
            "CREATE TABLE auto_nullable_key (a int, id int NOT NULL AUTO_INCREMENT, KEY id (id, a), UNIQUE KEY a (a))",
        ),
        utf8(
            "CREATE TABLE comments (a int COMMENT 'it''s \"q\" \\\\ back\\nline \u{1f600} , ) (', b int COMMENT '', \
              KEY a (a) COMMENT 'k''\\\\') COMMENT='t''\\\\ \\n \u{1f600}'",
        ),
        utf8(
            "CREATE TABLE options_a (id int PRIMARY KEY, a char(10) CHARACTER SET latin1 COLLATE latin1_bin) \
             ROW_FORMAT=COMPRESSED \
              KEY_BLOCK_SIZE=8 STATS_PERSISTENT=1 STATS_SAMPLE_PAGES=7 DEFAULT CHARSET=latin1 COLLATE=latin1_bin",
        ),
        utf8(
            "CREATE TABLE options_b (id int PRIMARY KEY COLUMN_FORMAT FIXED, a int STORAGE DISK) ROW_FORMAT=REDUNDANT",
        ),
        utf8(
            "CREATE TABLE charsets (a char(3) CHARACTER SET gbk, b varchar(9) CHARACTER SET sjis, c text CHARACTER \
             SET utf16, \
              d char(4) CHARACTER SET binary, e varchar(5) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin, f tinytext \
              CHARACTER SET ucs2, g enum('\u{e4}','\u{6f22}') CHARACTER SET gbk, h set('x') CHARACTER SET utf32) \
              DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_de_pb_0900_as_cs",
        ),
        utf8(
            "CREATE TABLE `ta``ble '\"; .,()` (`co``l \u{1f}a` int, `a,b)` int, `\u{fc}` int, `select` int, `'` int, \
             `\"` int, \
              KEY `in``d'\"ex` (`co``l \u{1f}a`), UNIQUE KEY `,)(` (`a,b)`, `'`), KEY `key` (`\u{fc}`, `select`))",
        ),
        ("utf8mb4", concat_long()),
        utf8(
            "CREATE TABLE `order` (`key` int, `primary` int, `unique` int NOT NULL, UNIQUE KEY `unique` (`unique`), \
             KEY `KEY` (`key`))",
        ),
        utf8(
            "CREATE TABLE myisam (a int NOT NULL, id int NOT NULL AUTO_INCREMENT, t text, PRIMARY KEY (a, id), \
             FULLTEXT KEY (t)) \
              ENGINE=MyISAM MAX_ROWS=1000 CHECKSUM=1 DELAY_KEY_WRITE=1 PACK_KEYS=1",
        ),
        utf8("CREATE TABLE myisam_child (a int NOT NULL, b int, KEY b (b)) ENGINE=MyISAM"),
        utf8(
            "CREATE TABLE merge_all (a int NOT NULL, b int, KEY b (b)) ENGINE=MERGE UNION=(myisam_child) \
             INSERT_METHOD=LAST",
        ),
        utf8("CREATE TABLE memory (a int, KEY h (a) USING HASH, UNIQUE KEY b (a) USING BTREE) ENGINE=MEMORY"),
        utf8("CREATE TABLE csv (a int NOT NULL, b varchar(9) NOT NULL) ENGINE=CSV"),
        utf8("CREATE TABLE archive (a int NOT NULL AUTO_INCREMENT, b int, KEY (a)) ENGINE=ARCHIVE"),
        utf8("CREATE TABLE blackhole (a int) ENGINE=BLACKHOLE"),
        utf8("CREATE TABLE no_key (a int, b text)"),
        utf8(
            "CREATE TABLE two_unique (a int, b int NOT NULL, c int NOT NULL, UNIQUE KEY ua (a), UNIQUE KEY uc (c), \
             UNIQUE KEY ub (b))",
        ),
        utf8("CREATE TABLE instant (a int PRIMARY KEY, b int)"),
        utf8("ALTER TABLE instant ADD COLUMN c int DEFAULT 7 FIRST, ALGORITHM=INSTANT"),
        utf8("ALTER TABLE instant DROP COLUMN b, ALGORITHM=INSTANT"),
        utf8(
            "CREATE TABLE fk_self (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES fk_self (id) ON DELETE \
             CASCADE)",
        ),
        utf8("SET SESSION foreign_key_checks = 0, SESSION restrict_fk_on_non_standard_key = 0"),
        utf8(
            "CREATE TABLE fk_a (id int PRIMARY KEY, b int, CONSTRAINT `to b``s` FOREIGN KEY (b) REFERENCES fk_b (id) \
             ON UPDATE SET NULL)",
        ),
        utf8(
            "CREATE TABLE fk_b (id int PRIMARY KEY, a int, c int, KEY a_c (a, c), CONSTRAINT to_a FOREIGN KEY (a) \
             REFERENCES fk_a (id), \
              CONSTRAINT to_other FOREIGN KEY (c) REFERENCES `o``d d.2 \u{fc}`.parent (id) ON DELETE RESTRICT)",
        ),
        utf8(
            "CREATE TABLE fk_loose (id int PRIMARY KEY, b int, CONSTRAINT loose FOREIGN KEY (b) REFERENCES fk_b \
             (a))",
        ),
        utf8(
            "CREATE TABLE fk_orphan (id int PRIMARY KEY, b int, CONSTRAINT orphan FOREIGN KEY (b) REFERENCES nowhere \
             (a))",
        ),
        utf8("SET SESSION foreign_key_checks = 1, SESSION restrict_fk_on_non_standard_key = 1"),
        utf8("USE `o``d d.2 \u{fc}`"),
        utf8("CREATE TABLE parent (id int PRIMARY KEY, a varchar(20))"),
        utf8("CREATE TABLE inherited (a varchar(20), b char(3) COLLATE latin1_bin, c text) COLLATE latin1_bin"),
        utf8("USE odd_plain"),
        utf8("CREATE TABLE target (id int PRIMARY KEY, v int)"),
        utf8("USE odd"),
    ]
}

fn concat_long() -> &'static [u8] {
    format!("CREATE TABLE {LONG} ({LONG} int, UNIQUE KEY {LONG} ({LONG}))").leak().as_bytes()
}

/// Views, routines, triggers and events of the schema `odd`.
pub fn objects() -> Vec<Statement> {
    vec![
        utf8("CREATE FUNCTION twice(a int) RETURNS int DETERMINISTIC RETURN a * 2"),
        utf8("CREATE VIEW z_base AS SELECT id, a, twice(id) AS t FROM fk_b"),
        utf8("CREATE ALGORITHM=TEMPTABLE SQL SECURITY INVOKER VIEW a_on_z AS SELECT * FROM z_base WHERE a > 1"),
        utf8(
            "CREATE ALGORITHM=MERGE DEFINER=`nobody`@`%` VIEW b_check (`x y`, `b``q`) AS SELECT id, v FROM \
             odd_plain.target WHERE v > 0 \
              WITH LOCAL CHECK OPTION",
        ),
        utf8(
            "CREATE VIEW c_text AS SELECT 'it''s \\\\ \u{1f600}' AS e, _latin1 x'e4' AS l, \"q\" AS q, `\u{fc}` \
             FROM `ta``ble '\"; .,()`",
        ),
        utf8(
            "CREATE VIEW `v ie.w` AS WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 5) \
             SELECT n FROM c",
        ),
        utf8("CREATE FUNCTION reads_view() RETURNS int READS SQL DATA RETURN (SELECT COUNT(*) FROM a_on_z)"),
        utf8("CREATE VIEW d_on_function AS SELECT reads_view() AS r"),
        utf8("SET NAMES latin1"),
        ("latin1", b"CREATE VIEW `v_l\xe4` AS SELECT '\xe4' AS `\xfc`, b FROM latin1_literal WHERE b <> '\xe4'"),
        (
            "latin1",
            b"CREATE DEFINER=`r\xe4`@`localhost` PROCEDURE `p\xe4`(`a\xe4` int) COMMENT 'c\xe4' SELECT '\xe4' \
             AS q",
        ),
        (
            "latin1",
            b"CREATE DEFINER=`r\xe4`@`localhost` FUNCTION `f\xe4`(`a\xe4` char(3)) RETURNS char(5) \
             DETERMINISTIC RETURN '\xe4'",
        ),
        (
            "latin1",
            b"CREATE TRIGGER `tr\xe4` BEFORE INSERT ON `ta``ble '\"; .,()` FOR EACH ROW SET new.`\xfc` = \
             LENGTH('\xe4')",
        ),
        (
            "latin1",
            b"CREATE EVENT `e\xe4` ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' COMMENT 'c\xe4' DO \
             SET @a='\xe4'",
        ),
        utf8("SET NAMES utf8mb4"),
        utf8("SET SESSION sql_mode='ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'"),
        utf8(
            "CREATE PROCEDURE \"ansi p\"(IN \"a b\" varchar(20), OUT c json, INOUT d decimal(10,2)) MODIFIES SQL \
             DATA SQL SECURITY INVOKER \
              COMMENT 'back\\slash''s' BEGIN DECLARE x varchar(10) DEFAULT 'a\\'; SET c = json_array(\"a b\" || x); \
             -- it's\n END",
        ),
        utf8(
            "CREATE TRIGGER odd_plain.z_first BEFORE INSERT ON odd_plain.target FOR EACH ROW SET @a = 'x\\' || \
             new.id",
        ),
        utf8("SET SESSION sql_mode='ALLOW_INVALID_DATES'"),
        utf8("CREATE PROCEDURE emoji() BEGIN SELECT '\u{1f600}'; /* \u{6f22} */ END"),
        utf8(
            "CREATE FUNCTION typed_parameters(a char(5), b enum('x','\u{e4}'), c text CHARACTER SET gbk) RETURNS \
             varchar(20) \
              NO SQL RETURN concat(a, b, c)",
        ),
        utf8("CREATE TRIGGER b_second BEFORE INSERT ON no_key FOR EACH ROW SET @b = 2"),
        utf8("CREATE TRIGGER a_third BEFORE INSERT ON no_key FOR EACH ROW FOLLOWS b_second SET @b = 3"),
        utf8("CREATE TRIGGER c_first BEFORE INSERT ON no_key FOR EACH ROW PRECEDES b_second SET @b = 1"),
        utf8(
            "CREATE DEFINER=`ghost`@`10.%` TRIGGER d_after AFTER UPDATE ON no_key FOR EACH ROW BEGIN IF old.a <> \
             new.a THEN SET @b = ';'; END IF; END",
        ),
        utf8("SET SESSION time_zone='+03:00'"),
        utf8(
            "CREATE EVENT zoned ON SCHEDULE EVERY '1:30' HOUR_MINUTE STARTS '2031-05-06 07:08:09' ENDS '2035-01-01 \
             00:00:00' \
              ON COMPLETION PRESERVE DISABLE COMMENT 'it''s' DO INSERT INTO no_key VALUES (1, 'x')",
        ),
        utf8("CREATE EVENT once_later ON SCHEDULE AT '2037-01-01 00:00:00' DO BEGIN SET @a = 1; SET @b = 2; END"),
        utf8("SET SESSION time_zone='+00:00'"),
        utf8("CREATE EVENT enabled ON SCHEDULE EVERY 3 MONTH STARTS '2030-01-01 00:00:00' DO SET @a = 1"),
        utf8(
            "CREATE EVENT on_replica ON SCHEDULE EVERY 3 WEEK STARTS '2030-01-01 00:00:00' DISABLE ON REPLICA DO \
             SET @a = 1",
        ),
        utf8("ALTER DATABASE odd CHARACTER SET latin1"),
        utf8(
            "CREATE FUNCTION other_collation(a char(5)) RETURNS char(5) DETERMINISTIC BEGIN DECLARE x char(5) \
             DEFAULT a; RETURN x; END",
        ),
        utf8("ALTER DATABASE odd CHARACTER SET utf8mb4"),
        utf8("CREATE TABLE gone (a int, `b c` int)"),
        utf8("CREATE VIEW broken AS SELECT a FROM gone"),
        utf8("CREATE FUNCTION gone_too(a int, b int) RETURNS int DETERMINISTIC RETURN a + b"),
        utf8("CREATE VIEW broken_function AS SELECT gone_too(a, 1) AS x, `g`.`b c` FROM gone AS g"),
        utf8("DROP FUNCTION gone_too"),
        utf8("CREATE USER odd_nobody"),
        utf8("GRANT ALL ON *.* TO odd_nobody"),
        utf8("CREATE DEFINER=odd_nobody VIEW of_nobody AS SELECT a FROM fk_b"),
        utf8("CREATE DEFINER=odd_nobody VIEW a_reads_nobody AS SELECT * FROM of_nobody"),
        utf8("CREATE VIEW a_reads_a_reads_nobody AS SELECT * FROM a_reads_nobody"),
        utf8("DROP USER odd_nobody"),
        utf8("CREATE VIEW broken_second AS SELECT a FROM broken"),
        utf8("DROP TABLE gone"),
    ]
}

/// Rows, so that indexes are built from some; run on the source and between bare tables and indexes on the target.
pub fn rows() -> Vec<&'static str> {
    vec![
        "INSERT INTO auto_second (a, id) VALUES (1, 77), (1, 78), (2, 79)",
        "INSERT INTO functional VALUES (1, 2, 'Abc'), (2, 3, 'abD')",
        "INSERT INTO multi_valued VALUES (1, '{\"a\": [1, 2], \"b\": [\"x\"]}')",
        "INSERT INTO fulltext_two VALUES (1, 'some words', 'more words'), (2, 'yet more', NULL)",
        "INSERT INTO spatial_two VALUES (1, ST_SRID(POINT(1, 2), 4326), POINT(3, 4), 5)",
        "INSERT INTO mixed_late VALUES (1, ST_SRID(POINT(1, 2), 4326), 'words', 5)",
        "INSERT INTO doc_id VALUES (1, 'words')",
        "INSERT INTO fk_self VALUES (1, NULL), (2, 1)",
        "INSERT INTO sub_partitioned VALUES (1, '1999-01-01'), (2, '2020-02-02')",
        "INSERT INTO latin1_literal (b) VALUES ('x')",
        "INSERT INTO gipk (my_row_id, a, b) VALUES (1, 1, 'x'), (2, 2, 'y')",
    ]
}
