//! Tables with every kind of key, each with some thousand rows: what ranges are cut along.

use myriad::server::Session;

/// Rows of each table.
pub const ROWS: u64 = 4000;

/// A table: its columns and keys, the key that ranges follow (empty for none), and the values of row `n`.
pub struct Keyed {
    pub name: &'static str,
    pub definition: &'static str,
    pub key: &'static str,
    pub values: &'static str,
    /// What stands behind the closing parenthesis.
    pub options: &'static str,
}

const fn keyed(name: &'static str, definition: &'static str, values: &'static str) -> Keyed {
    Keyed { name, definition, key: "PRIMARY", values, options: "" }
}

const UUID: &str = "INSERT(INSERT(INSERT(INSERT(LEFT(SHA2(n,256),32),9,0,'-'),14,0,'-'),19,0,'-'),24,0,'-')";

/// All of them. `n` runs from 0; each table has a column `pad` of some 400 bytes behind these.
pub const TABLES: &[Keyed] = &[
    keyed("k_int", "id INT NOT NULL, PRIMARY KEY (id)", "IF(n = 3999, 2147483647, -2147483648 + n * 1073741)"),
    keyed(
        "k_unsigned",
        "id BIGINT UNSIGNED NOT NULL, PRIMARY KEY (id)",
        "IF(n < 2000, n, 18446744073709551615 - (n - 2000))",
    ),
    keyed("k_zerofill", "id INT(10) ZEROFILL NOT NULL, PRIMARY KEY (id)", "n * 7"),
    keyed(
        "k_composite",
        "a INT NOT NULL, b VARCHAR(20) COLLATE utf8mb4_0900_ai_ci NOT NULL, c DATE NOT NULL, PRIMARY KEY (a, b, c)",
        "n DIV 500 - 3, CONCAT('k', n MOD 500 DIV 10), '2024-01-01' + INTERVAL n DAY",
    ),
    keyed(
        "k_latin1",
        "id VARCHAR(40) CHARACTER SET latin1 NOT NULL, PRIMARY KEY (id)",
        "CONCAT(CONVERT(CHAR(161 + n % 90) USING latin1), n)",
    ),
    keyed(
        "k_ci",
        "a VARCHAR(20) COLLATE utf8mb4_0900_ai_ci NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)",
        "ELT(1 + n % 6, 'a', 'A', 'á', 'a ', 'b', 'Ä'), n",
    ),
    keyed(
        "k_padded",
        "a VARCHAR(20) COLLATE utf8mb4_general_ci NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)",
        "ELT(1 + n % 5, 'a', 'A   ', 'a\\t', '', '   '), n",
    ),
    keyed(
        "k_case",
        "id VARCHAR(20) COLLATE utf8mb4_0900_as_cs NOT NULL, PRIMARY KEY (id)",
        "CONCAT(ELT(1 + n % 4, 'a', 'A', 'á', 'Á'), n DIV 4)",
    ),
    keyed(
        "k_utf8_bin",
        "id VARCHAR(40) COLLATE utf8mb4_bin NOT NULL, PRIMARY KEY (id)",
        "CONCAT(ELT(1 + n % 6, 'a', 'A', 'ä', '€', '😀', '\\\\'), n)",
    ),
    keyed("k_gbk", "id VARCHAR(40) CHARACTER SET gbk NOT NULL, PRIMARY KEY (id)", "CONCAT('中文', n, '字')"),
    keyed("k_utf16", "id VARCHAR(40) CHARACTER SET utf16 NOT NULL, PRIMARY KEY (id)", "CONCAT('ä', n % 7, '😀', n)"),
    keyed("k_uuid", "id CHAR(36) CHARACTER SET ascii NOT NULL, PRIMARY KEY (id)", UUID),
    keyed("k_binary16", "id BINARY(16) NOT NULL, PRIMARY KEY (id)", "UNHEX(LEFT(SHA2(n,256),32))"),
    keyed(
        "k_varbinary",
        "id VARBINARY(20) NOT NULL, PRIMARY KEY (id)",
        "IF(n = 0, '', CONCAT(CHAR(n % 256), CHAR(n DIV 256), 'v'))",
    ),
    keyed(
        "k_decimal",
        "id DECIMAL(65,30) NOT NULL, PRIMARY KEY (id)",
        "(n - 2000) * 12345678901234567890.000000000000000000000000000001",
    ),
    keyed(
        "k_datetime",
        "id DATETIME(6) NOT NULL, PRIMARY KEY (id)",
        "IF(n = 0, '0000-00-00', '1000-01-01 00:00:00.000001' + INTERVAL n * 63123456.000001 SECOND)",
    ),
    keyed(
        "k_timestamp",
        "id TIMESTAMP(6) NOT NULL, PRIMARY KEY (id)",
        "IF(n = 0, '0000-00-00', FROM_UNIXTIME(1 + n * 500000.000001))",
    ),
    keyed(
        "k_date",
        "id DATE NOT NULL, PRIMARY KEY (id)",
        "CASE n WHEN 0 THEN '0000-00-00' WHEN 1 THEN '2024-00-00' ELSE '1000-01-01' + INTERVAL n * 800 DAY END",
    ),
    keyed("k_time", "id TIME(3) NOT NULL, PRIMARY KEY (id)", "SEC_TO_TIME((n - 2000) * 1500.123)"),
    keyed("k_year", "a YEAR NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)", "IF(n % 257 < 16, 0, 1901 + n % 255), n"),
    keyed("k_bit", "id BIT(64) NOT NULL, PRIMARY KEY (id)", "CAST(n AS UNSIGNED) * 4600000000000000 + n"),
    // The server makes no ranges of an ENUM or SET that stands first.
    Keyed {
        key: "",
        ..keyed(
            "k_enum",
            "a ENUM('z','a','m','A1') NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)",
            "ELT(1 + n % 5, 'z', 'a', 'm', 'A1', 'none'), n",
        )
    },
    keyed(
        "k_enum_second",
        "a INT NOT NULL, b ENUM('z','a','m') NOT NULL, c INT NOT NULL, PRIMARY KEY (a, b, c)",
        "n DIV 700, 1 + n % 3, n",
    ),
    Keyed { key: "", ..keyed("k_set", "a SET('c','b','a') NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)", "n % 8, n") },
    keyed(
        "k_set_second",
        "a INT NOT NULL, b SET('c','b','a') NOT NULL, c INT NOT NULL, PRIMARY KEY (a, b DESC, c)",
        "n DIV 700, n % 8, n",
    ),
    keyed("k_float", "id FLOAT NOT NULL, PRIMARY KEY (id)", "(n - 2000) / 7e0"),
    keyed("k_double", "id DOUBLE NOT NULL, PRIMARY KEY (id)", "(n - 2000) / 7e0 * 1e300"),
    keyed("k_float_md", "a FLOAT(10,2) NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)", "(n - 2000) / 7e0, n"),
    keyed("k_descending", "id INT NOT NULL, PRIMARY KEY (id DESC)", "n * 3 - 5000"),
    keyed(
        "k_mixed",
        "a INT NOT NULL, b CHAR(8) NOT NULL, c INT NOT NULL, PRIMARY KEY (a, b DESC, c)",
        "n DIV 800, CONCAT('x', n % 800 DIV 100), n % 100",
    ),
    Keyed {
        key: "by_code",
        ..keyed(
            "k_unique",
            "code INT NOT NULL, other INT, UNIQUE KEY by_other (other), UNIQUE KEY by_code (code)",
            "n * 5, IF(n % 2, NULL, n)",
        )
    },
    Keyed { options: "GIPK", ..keyed("k_gipk", "v INT", "n % 100") },
    Keyed {
        options: "PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (100), PARTITION b VALUES LESS THAN (3000), \
                  PARTITION empty_one VALUES LESS THAN (3001), PARTITION d VALUES LESS THAN MAXVALUE)",
        ..keyed("p_range", "id INT NOT NULL, PRIMARY KEY (id)", "IF(n = 3000, 9000, n)")
    },
    Keyed {
        options: "PARTITION BY LIST COLUMNS (a) (PARTITION l1 VALUES IN ('x', 'ü'), PARTITION l2 VALUES IN ('y'))",
        ..keyed(
            "p_list",
            "a VARCHAR(5) NOT NULL, b INT NOT NULL, PRIMARY KEY (b, a)",
            "ELT(1 + n % 3, 'x', 'ü', 'y'), n",
        )
    },
    Keyed {
        options: "PARTITION BY HASH (id) PARTITIONS 5",
        ..keyed("p_hash", "id BIGINT NOT NULL, PRIMARY KEY (id)", "n * 17 - 30000")
    },
    Keyed {
        options: "PARTITION BY RANGE (YEAR(d)) SUBPARTITION BY HASH (TO_DAYS(d)) SUBPARTITIONS 3 \
                  (PARTITION o VALUES LESS THAN (2020), PARTITION n VALUES LESS THAN MAXVALUE)",
        ..keyed("p_sub", "d DATE NOT NULL, id INT NOT NULL, PRIMARY KEY (d, id)", "'2015-01-01' + INTERVAL n DAY, n")
    },
    Keyed { key: "", ..keyed("n_doubles", "a INT, b VARCHAR(10)", "n % 50, IF(n % 3, 'x', NULL)") },
    Keyed {
        key: "",
        options: "PARTITION BY KEY (a) PARTITIONS 3",
        ..keyed("n_partitioned", "a INT, b INT", "n % 40, n % 7")
    },
    Keyed { key: "", ..keyed("n_nullable", "a INT, UNIQUE KEY (a)", "IF(n % 4, n, NULL)") },
];

/// Makes the schema with all tables.
pub async fn fill(session: &mut Session, schema: &str) {
    for statement in [
        format!("CREATE SCHEMA {schema} CHARACTER SET utf8mb4"),
        format!("USE {schema}"),
        "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00', \
         cte_max_recursion_depth = 1000000"
            .into(),
        format!(
            "CREATE TEMPORARY TABLE numbers (n INT PRIMARY KEY) WITH RECURSIVE r (n) AS \
             (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n + 1 < {ROWS}) SELECT n FROM r"
        ),
    ] {
        session.execute(statement).await.unwrap();
    }
    for Keyed { name, definition, values, options, key } in TABLES {
        let gipk = *options == "GIPK";
        let options = if gipk { "" } else { options };
        // Rows without any key come in doubles: their filler follows from the other values.
        let pad = if key.is_empty() { "REPEAT('same filler ', 35)" } else { "RPAD(SHA2(n, 512), 400, SHA2(-n, 512))" };
        for statement in [
            format!("SET SESSION sql_generate_invisible_primary_key = {gipk}"),
            format!("CREATE TABLE {name} ({definition}, pad VARCHAR(500)) {options}"),
            format!("INSERT INTO {name} SELECT {values}, {pad} FROM numbers ORDER BY n"),
            format!("ANALYZE NO_WRITE_TO_BINLOG TABLE {name}"),
        ] {
            session.execute(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }
    session.execute("DROP TEMPORARY TABLE numbers").await.unwrap();
}
