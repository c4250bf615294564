//! The types that MySQL and MariaDB share, each in a table of its own with its extremes.

/// A type: the table's name, the definition of its column `v`, and the values.
pub struct SharedType(pub &'static str, pub &'static str, pub &'static [&'static str]);

/// All of them. JSON is none of them (text on MariaDB), nor are VECTOR and MariaDB's own types. Of the values -0 is
/// left out, which MariaDB stores as 0, and TIME above 838:59:59, which MySQL does not take (10.11.18, 9.7.4).
pub const SHARED_TYPES: &[SharedType] = &[
    SharedType("tinyint", "TINYINT", &["-128", "127", "0", "NULL"]),
    SharedType("tinyint_unsigned", "TINYINT UNSIGNED", &["0", "255"]),
    SharedType("smallint", "SMALLINT", &["-32768", "32767"]),
    SharedType("mediumint_zerofill", "MEDIUMINT(8) UNSIGNED ZEROFILL", &["0", "42", "16777215"]),
    SharedType("int_signed", "INT", &["-2147483648", "2147483647"]),
    SharedType("bigint", "BIGINT", &["-9223372036854775808", "9223372036854775807"]),
    SharedType("bigint_unsigned", "BIGINT UNSIGNED", &["0", "18446744073709551615"]),
    SharedType(
        "decimal_widest",
        "DECIMAL(65,30)",
        &["-99999999999999999999999999999999999.999999999999999999999999999999", "1e-30", "0", "-0.1", "NULL"],
    ),
    SharedType("decimal_zerofill", "DECIMAL(10,2) UNSIGNED ZEROFILL", &["7.5", "0", "99999999.99"]),
    SharedType(
        "float_plain",
        "FLOAT",
        &["1.4e-45", "-3.4028234e38", "3.4028234e38", "0", "0.1", "'-7.038531e-26'", "1e10", "16777217"],
    ),
    SharedType("float_limited", "FLOAT(10,2)", &["1.1", "-12345.67", "99999999.99"]),
    SharedType(
        "double_plain",
        "DOUBLE",
        &["5e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "0.1", "1e22", "123456789012345680"],
    ),
    SharedType("bit_1", "BIT(1)", &["b'0'", "b'1'", "NULL"]),
    SharedType("bit_9", "BIT(9)", &["b'101011100'", "0", "9"]),
    SharedType("bit_64", "BIT(64)", &["x'5c0a095c00ff0d1a'", "18446744073709551615", "0"]),
    SharedType("date_any", "DATE", &["'0000-00-00'", "'2024-00-00'", "'2024-05-00'", "'2024-02-31'", "'9999-12-31'"]),
    SharedType(
        "datetime_6",
        "DATETIME(6)",
        &["'0000-00-00'", "'2024-05-00 23:59:59.999999'", "'9999-12-31 23:59:59.999999'"],
    ),
    SharedType("datetime_0", "DATETIME", &["'2024-02-30'", "'1000-01-01 00:00:00'", "'0000-01-01 00:00:01'"]),
    SharedType(
        "timestamp_6",
        "TIMESTAMP(6) NULL",
        &["0", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999999'", "NULL"],
    ),
    SharedType("timestamp_0", "TIMESTAMP NULL", &["'2024-03-31 02:30:00'", "'2024-10-27 01:00:00'"]),
    SharedType(
        "time_6",
        "TIME(6)",
        &["'-838:59:59'", "'838:59:59'", "'-00:00:00.000001'", "'00:00:00.1'", "'25:00:00'"],
    ),
    SharedType("time_0", "TIME", &["'-838:59:59'", "'00:00:00'", "'100:00:01'"]),
    SharedType("year_4", "YEAR", &["0", "1901", "2155"]),
    SharedType("char_padded", "CHAR(20)", &["''", "'ab   '", "'\\\\N'", "'NULL'", "NULL", "'a\\tb\\nc\\\\'"]),
    SharedType("varchar_padded", "VARCHAR(20)", &["'ab   '", "''", "'x\\r\\ny\\0z\\Z'", "'😀ä'"]),
    SharedType("tinytext", "TINYTEXT", &["REPEAT('\\\\', 255)"]),
    SharedType("text_any", "TEXT", &["REPEAT('😀\\t', 9000)", "''", "NULL"]),
    SharedType("longtext", "LONGTEXT", &["REPEAT('abcdefgh', 300000)"]),
    SharedType("text_utf8mb3", "VARCHAR(40) CHARACTER SET utf8mb3", &["'ä€'"]),
    SharedType("text_latin1", "VARCHAR(300) CHARACTER SET latin1", &["_latin1 x'e4f6fc80ff005c090a'", "'\\\\N'"]),
    SharedType("text_gbk", "VARCHAR(40) CHARACTER SET gbk", &["_gbk x'd65c8140'", "_gbk x'd65c5c6e'"]),
    SharedType("text_sjis", "VARCHAR(40) CHARACTER SET sjis", &["_sjis x'815c5c83a1'"]),
    SharedType("text_ucs2", "VARCHAR(40) CHARACTER SET ucs2", &["_ucs2 x'00e4005c000a0009'"]),
    SharedType("text_utf16", "VARCHAR(40) CHARACTER SET utf16", &["_utf16 x'd83dde00005c000a'"]),
    SharedType("text_utf32", "VARCHAR(40) CHARACTER SET utf32", &["_utf32 x'0001f6000000005c'"]),
    SharedType("text_ascii", "VARCHAR(40) CHARACTER SET ascii", &["'plain'"]),
    SharedType("binary_8", "BINARY(8)", &["x'5c4e'", "x'0000000000000000'", "'a '"]),
    SharedType("varbinary", "VARBINARY(300)", &["x'0000'", "'\\\\N'", "x'00090a0d1a5c2227ff'", "NULL"]),
    SharedType("tinyblob", "TINYBLOB", &["REPEAT(x'5c', 255)"]),
    SharedType("blob_any", "BLOB", &["REPEAT(x'00090a5cff', 900)"]),
    SharedType("longblob", "LONGBLOB", &["REPEAT(x'ff00', 500000)"]),
    SharedType("enum_odd", "ENUM('', 'a', 'ü', 'it''s')", &["1", "3", "'it''s'", "'none of them'", "NULL"]),
    SharedType("enum_utf16", "ENUM('a', 'ü') CHARACTER SET utf16", &["1", "2"]),
    SharedType("set_few", "SET('a', 'b', 'c')", &["''", "'a,c'", "7", "NULL"]),
    SharedType("set_64", "SET(@members)", &["18446744073709551615", "9223372036854775808", "0", "9007199254740993"]),
    SharedType(
        "geometry",
        "GEOMETRY",
        &[
            "ST_GeomFromText('POINT(1.5 2.5)')",
            "ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 0))', 3857)",
            "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')",
            "ST_GeomFromText('MULTIPOINT(1 1,2 2)')",
            "NULL",
        ],
    ),
    SharedType("point", "POINT", &["ST_GeomFromText('POINT(-1e300 5e-324)')"]),
    SharedType("stored_text", "VARCHAR(30) AS (CONCAT(id, '-ü')) STORED", &["DEFAULT"]),
    SharedType("stored_number", "DECIMAL(20,3) AS (id / 3) STORED", &["DEFAULT"]),
    SharedType("virtual_number", "INT AS (id + 1) VIRTUAL", &["DEFAULT", "DEFAULT"]),
    SharedType("invisible", "INT INVISIBLE", &["5", "NULL"]),
];

impl SharedType {
    /// The statements that make the table and its rows on either server.
    pub fn statements(&self) -> Vec<String> {
        let SharedType(name, definition, values) = self;
        let members: Vec<String> = (0..64).map(|n| format!("'m{n}'")).collect();
        let definition = definition.replace("@members", &members.join(","));
        let insert = |(id, value)| format!("INSERT INTO `{name}` (id, v) VALUES ({id}, {value})");
        let create = format!("CREATE TABLE `{name}` (id INT PRIMARY KEY, v {definition})");
        std::iter::once(create).chain(values.iter().enumerate().map(insert)).collect()
    }
}
