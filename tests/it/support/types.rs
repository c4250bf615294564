//! A table with a column of every type, and rows with the values that are easily lost on the way.

use super::rows::all;
use myriad::server::Session;

const COLUMNS: &str = "\
id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
ti TINYINT, si SMALLINT UNSIGNED, mi MEDIUMINT(8) ZEROFILL, bi BIGINT, bu BIGINT UNSIGNED, \
de DECIMAL(65,30), dz DECIMAL(10,2) UNSIGNED ZEROFILL, fl FLOAT, dp DOUBLE, fm FLOAT(10,2), \
b1 BIT(1), b9 BIT(9), b64 BIT(64), \
da DATE, dt DATETIME(6), dt0 DATETIME, ts TIMESTAMP(6) NULL, tm TIME(6), ye YEAR, \
ch CHAR(20), la VARCHAR(40) CHARACTER SET latin1, gb VARCHAR(40) CHARACTER SET gbk, \
uc VARCHAR(40) CHARACTER SET ucs2, sj VARCHAR(40) CHARACTER SET sjis, uw VARCHAR(40) CHARACTER SET utf32, \
u3 VARCHAR(40) CHARACTER SET utf8mb3, tx TEXT, bn BINARY(8), vb VARBINARY(300), bl BLOB, \
en ENUM('', 'a', 'ü') CHARACTER SET utf16, e2 ENUM('x', 'y'), \
js JSON, ge GEOMETRY, po POINT SRID 4326, ve VECTOR(3), \
hidden INT INVISIBLE DEFAULT 7, \
vi INT GENERATED ALWAYS AS (ti + 1) VIRTUAL, st VARCHAR(60) GENERATED ALWAYS AS (CONCAT(ch, '-')) STORED";

/// Columns and the values of one row each.
const ROWS: &[(&str, &str)] = &[
    ("id", "0"),
    ("id", "-5"),
    ("ti, si, mi, bi, bu", "-128, 0, 0, -9223372036854775808, 0"),
    ("ti, si, mi, bi, bu", "126, 65535, 16777215, 9223372036854775807, 18446744073709551615"),
    ("de, dz", "-99999999999999999999999999999999999.999999999999999999999999999999, 7.5"),
    ("de, dz", "1e-30, 0"),
    ("fl, dp, fm", "'-7.038531e-26', 5e-324, 1.1"),
    ("fl, dp, fm", "3.4028234e38, 1.7976931348623157e308, -12345.67"),
    ("fl, dp", "'-0', '-0'"),
    ("fl, dp", "0.1, 0.1"),
    ("fl, dp", "-3.4028234e38, -1.7976931348623157e308"),
    ("fl, dp", "1.4e-45, 2.2250738585072011e-308"),
    ("b1, b9, b64", "b'1', b'101011100', x'5c0a095c00ff0d1a'"),
    ("b1, b9, b64", "b'0', b'0', 18446744073709551615"),
    ("da, dt, dt0, ts, tm, ye", "'0000-00-00', '0000-00-00', '0000-00-00', 0, '-838:59:59', 0"),
    (
        "da, dt, dt0, ts, tm, ye",
        "'2024-00-00', '2024-05-00 23:59:59.999999', '2024-02-30', '1970-01-01 00:00:01', '-00:00:00.000001', 1901",
    ),
    (
        "da, dt, ts, tm, ye",
        "'9999-12-31', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999999', '838:59:59', 2155",
    ),
    ("ch, tx", "'ab   ', 'ab   '"),
    ("ch, tx, la", "'\\\\N', 'NULL', '\\\\N'"),
    ("ch, tx, la", "'', '', ''"),
    ("ch, tx, vb", "'a\\tb\\nc\\\\', 'x\\r\\ny\\0z\\Z', x'0009 0a0d 1a5c 2227'"),
    ("la, gb, sj", "x'e4f6fc80ff', x'd65c8140', x'815c5c83'"),
    ("uc, uw, u3", "x'd800005c000a', x'0001f600', 'ä€'"),
    ("ch, tx", "'😀ä', REPEAT('😀\\\\', 2000)"),
    ("bn, vb, bl", "x'5c4e', '\\\\N', REPEAT(x'00090a5cff', 900)"),
    ("en, e2", "1, 2"),
    ("en, e2", "3, 'none'"),
    ("en, e2", "'none', 0"),
    ("js", "'{\"b\": [1, 2.5, -0.0, 1e300, \"\\\\\\\\n\\\\t\", null, true], \"\": {}, \"a\\\\u0000\": \"😀\"}'"),
    ("js", "'18446744073709551615'"),
    ("js", "'null'"),
    ("ge, po", "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'), ST_GeomFromText('POINT(1.5 2.5)', 4326)"),
    ("ge", "ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 0))', 3857)"),
    ("ve", "x'5c0a0900 0d5c0a09 000000ff'"),
    ("hidden, ti, ch", "NULL, 5, 'made'"),
];

/// Makes the schema.
pub async fn fill(session: &mut Session, schema: &str) {
    let members: Vec<String> = (0..64).map(|n| format!("'m{n}'")).collect();
    let sets = "18446744073709551615, 9223372036854775808, 0, 9007199254740993, 1";
    let mut statements = vec![
        format!("CREATE SCHEMA {schema} CHARACTER SET utf8mb4"),
        format!("USE {schema}"),
        "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'".into(),
        format!("CREATE TABLE every_type ({COLUMNS})"),
        format!(
            "CREATE TABLE sets (id INT PRIMARY KEY, s SET({}), t SET('a', 'b') CHARACTER SET gbk)",
            members.join(",")
        ),
        "CREATE TABLE only_generated (a INT AS (1 + 1) VIRTUAL, b VARCHAR(9) AS ('made') STORED)".into(),
        "INSERT INTO only_generated () VALUES (), (), ()".into(),
        "CREATE TABLE only_virtual (a INT AS (1 + 1) VIRTUAL)".into(),
        "INSERT INTO only_virtual () VALUES (), ()".into(),
        "CREATE TABLE one_column (v VARCHAR(10))".into(),
        "INSERT INTO one_column VALUES (''), (NULL), (''), ('\\\\N')".into(),
        "CREATE TABLE nothing (id INT PRIMARY KEY)".into(),
        "CREATE TABLE other_engine (id INT PRIMARY KEY, v VARCHAR(40)) ENGINE=MyISAM".into(),
        "INSERT INTO other_engine VALUES (1, 'a'), (2, NULL)".into(),
        "CREATE TABLE all_bytes (id INT PRIMARY KEY, b VARBINARY(1), l CHAR(1) CHARACTER SET latin1)".into(),
    ];
    for (number, set) in sets.split(", ").enumerate() {
        statements.push(format!("INSERT INTO sets VALUES ({number}, {set}, {})", number % 4));
    }
    for byte in 0..256 {
        statements.push(format!("INSERT INTO all_bytes VALUES ({byte}, x'{byte:02x}', _latin1 x'{byte:02x}')"));
    }
    for (columns, values) in ROWS {
        // In hexadecimal literals spaces are for the reader.
        let values = match values.contains("x'") {
            true => squeezed(values),
            false => (*values).to_owned(),
        };
        statements.push(format!("INSERT INTO every_type ({columns}) VALUES ({values})"));
    }
    all(session, &statements).await;
}

fn squeezed(values: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for c in values.chars() {
        match c {
            '\'' => inside = !inside && out.ends_with('x'),
            ' ' if inside => continue,
            _ => {}
        }
        out.push(c);
    }
    out
}
