//! Whether a condition that a repository holds (`--where` of a backup) may be asked of a server: an expression of columns,
//! constants and a few functions of the server itself, inside whatever parentheses are put around it. A stored function
//! would run code, and a subquery reads what the condition is not about. Pure.

use super::text::{one_statement, words};

/// Functions and words that may stand before a parenthesis.
const CALLS: &[&str] = &[
    "AND",
    "OR",
    "XOR",
    "NOT",
    "IN",
    "BETWEEN",
    "LIKE",
    "REGEXP",
    "IS",
    "DIV",
    "MOD",
    "INTERVAL",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "COLLATE",
    "BINARY",
    "ABS",
    "CEIL",
    "CEILING",
    "FLOOR",
    "ROUND",
    "TRUNCATE",
    "SIGN",
    "IF",
    "IFNULL",
    "NULLIF",
    "COALESCE",
    "GREATEST",
    "LEAST",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "YEAR",
    "MONTH",
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "DATE_ADD",
    "DATE_SUB",
    "DATEDIFF",
    "TO_DAYS",
    "FROM_DAYS",
    "UNIX_TIMESTAMP",
    "FROM_UNIXTIME",
    "STR_TO_DATE",
    "DATE_FORMAT",
    "LEFT",
    "RIGHT",
    "SUBSTR",
    "SUBSTRING",
    "CONCAT",
    "CONCAT_WS",
    "LOWER",
    "UPPER",
    "TRIM",
    "LENGTH",
    "CHAR_LENGTH",
    "CRC32",
    "MD5",
    "SHA1",
    "HEX",
    "UNHEX",
    "CAST",
    "CONVERT",
    "CHAR",
    "DECIMAL",
    "DATETIME",
    "JSON_EXTRACT",
    "JSON_UNQUOTE",
    "JSON_VALUE",
    "JSON_CONTAINS",
    "JSON_TYPE",
];

/// Words that make more of it than an expression over the table's own row.
const REFUSED: &[&str] =
    &["SELECT", "TABLE", "VALUES", "INTO", "UNION", "FROM", "LIMIT", "FOR", "LOCK", "PROCEDURE", "WITH"];

/// The error says what is wrong.
pub fn condition(text: &str) -> Result<(), String> {
    let scanned = one_statement(text.as_bytes())?;
    if text.contains("/*") || text.contains('@') || text.contains(":=") {
        return Err("its condition holds a comment or a variable".into());
    }
    let bytes = text.as_bytes();
    for (at, word) in words(&scanned.words) {
        let shown = String::from_utf8_lossy(word);
        if REFUSED.contains(&&*shown) {
            return Err(format!("its condition holds {shown}"));
        }
        let called = bytes[at + word.len()..].trim_ascii_start().starts_with(b"(");
        // Behind a schema's name every function is a stored one.
        let of_a_schema = bytes[..at].trim_ascii_end().ends_with(b".");
        if called && (of_a_schema || !CALLS.contains(&&*shown)) {
            return Err(format!("its condition calls {shown}, which may be a stored function"));
        }
    }
    // A quoted name before a parenthesis is a stored function too.
    let quoted_call = |at: usize| bytes[at] == b'`' && bytes[at + 1..].trim_ascii_start().starts_with(b"(");
    match (0..bytes.len()).any(quoted_call) {
        true => Err("its condition calls what may be a stored function".into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        for good in [
            "id > 5",
            "id BETWEEN 10 AND 19 OR id = 50",
            "`a b` IN (1, 2)",
            "made >= DATE('2024-01-01') - INTERVAL 1 DAY",
            "name LIKE 'x;%' AND (a OR b)",
            "DATEDIFF(a, b) > 3",
        ] {
            assert_eq!(condition(good), Ok(()), "{good}");
        }
        for bad in [
            "1) OR (1",
            "1) UNION SELECT 1",
            "evil()",
            "shop.evil (1)",
            "`evil`()",
            "`s`.`evil` ()",
            "SLEEP(10)",
            "LOAD_FILE('/x')",
            "id IN (SELECT 1)",
            "1 INTO OUTFILE '/tmp/x'",
            "@a := 1",
            "1 # x",
            "1 -- x",
            "1 /* x */",
            "1; DROP TABLE t",
            "'",
            "GET_LOCK('a', 1)",
            "`s`.IF(1)",
            "s . ABS (1)",
            "id = 1 FOR UPDATE",
        ] {
            assert!(condition(bad).is_err(), "{bad}");
        }
    }
}
