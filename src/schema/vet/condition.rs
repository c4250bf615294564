//! Whether a condition that a repository holds (`--where` of a backup) may be asked of a server: an expression of columns,
//! constants and functions of the server itself, inside whatever parentheses are put around it. A stored function would
//! run code, a subquery reads what the condition is not about, and some of the server's functions wait, lock, read files
//! or change the session. What stands in quotes is a constant or a name, and is not looked at. Pure.

use super::text::{one_statement, quoted_length, trim_end, trim_start, word_length};

/// Operators and types that may stand before a parenthesis.
const WORDS: &str = "AND OR XOR NOT IN BETWEEN LIKE ESCAPE REGEXP RLIKE IS DIV MOD INTERVAL CASE WHEN THEN ELSE COLLATE BINARY ROW \
    OF DATE TIME DATETIME TIMESTAMP YEAR CHAR NCHAR DECIMAL FLOAT DOUBLE SIGNED UNSIGNED AGAINST";

/// Functions of the server that give a value of their arguments and do nothing else (MySQL manual, "Built-In Function and
/// Operator Reference"). Not here are those that wait, lock, read files, change the session or call by name.
const FUNCTIONS: &str = "ABS ACOS ADDTIME AES_DECRYPT AES_ENCRYPT ANY_VALUE ASCII ASIN ATAN ATAN2 BIN BIN_TO_UUID BIT_COUNT \
    BIT_LENGTH CEIL CEILING CHARACTER_LENGTH CHARSET CHAR_LENGTH COALESCE COERCIBILITY COLLATION COMPRESS CONCAT CONCAT_WS \
    CONNECTION_ID CONV CONVERT CONVERT_TZ COS COT CRC32 CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DATABASE DATEDIFF \
    DATE_FORMAT DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR DEFAULT DEGREES ELT EXP EXPORT_SET EXTRACTVALUE FIELD FIND_IN_SET FLOOR \
    FORMAT FROM_BASE64 FROM_DAYS FROM_UNIXTIME GEOMETRYTYPE GET_FORMAT GREATEST HEX HOUR IF IFNULL INET6_ATON INET6_NTOA INET_ATON \
    INET_NTOA INSERT INSTR ISNULL IS_IPV4 IS_IPV4_COMPAT IS_IPV4_MAPPED IS_IPV6 IS_UUID JSON_ARRAY JSON_ARRAY_APPEND \
    JSON_ARRAY_INSERT JSON_CONTAINS JSON_CONTAINS_PATH JSON_DEPTH JSON_EXTRACT JSON_INSERT JSON_KEYS JSON_LENGTH JSON_MERGE_PATCH \
    JSON_MERGE_PRESERVE JSON_OBJECT JSON_OVERLAPS JSON_PRETTY JSON_QUERY JSON_QUOTE JSON_REMOVE JSON_REPLACE JSON_SCHEMA_VALID \
    JSON_SEARCH JSON_SET JSON_STORAGE_SIZE JSON_TYPE JSON_UNQUOTE JSON_VALID JSON_VALUE LAST_DAY LCASE LEAST LEFT LENGTH LN LOCALTIME \
    LOCALTIMESTAMP LOCATE LOG LOG10 LOG2 LOWER LPAD LTRIM MAKEDATE MAKETIME MAKE_SET MATCH MBRCONTAINS MBRINTERSECTS MBRWITHIN MD5 \
    MICROSECOND MINUTE MONTH MONTHNAME NULLIF OCT OCTET_LENGTH ORD PERIOD_ADD PERIOD_DIFF PI POINT POW POWER QUARTER QUOTE RADIANS \
    RAND RANDOM_BYTES REGEXP_INSTR REGEXP_LIKE REGEXP_REPLACE REGEXP_SUBSTR REPEAT REPLACE REVERSE RIGHT ROUND RPAD RTRIM SCHEMA SECOND \
    SEC_TO_TIME SHA SHA1 SHA2 SIGN SIN SOUNDEX SPACE SQRT STRCMP STR_TO_DATE ST_ASTEXT ST_CONTAINS ST_DISTANCE ST_DISTANCE_SPHERE \
    ST_GEOMFROMTEXT ST_INTERSECTS ST_ISVALID ST_SRID ST_WITHIN ST_X ST_Y SUBSTRING_INDEX SUBTIME TAN TIMEDIFF TIMESTAMPADD \
    TIMESTAMPDIFF TIME_FORMAT TIME_TO_SEC TO_BASE64 TO_DAYS TO_SECONDS TRUNCATE UCASE UNCOMPRESS UNCOMPRESSED_LENGTH UNHEX \
    UNIX_TIMESTAMP UPDATEXML UPPER USER UTC_DATE UTC_TIME UTC_TIMESTAMP UUID UUID_TO_BIN VERSION WEEK WEEKDAY WEEKOFYEAR \
    WEIGHT_STRING YEARWEEK";

/// Functions that are the server's only where the parenthesis follows at once (MySQL manual, "Function Name Parsing and
/// Resolution"): with white space between, the name is looked up among the stored ones.
const FUNCTIONS_WITHOUT_SPACE: &str = "ADDDATE CAST CURDATE CURTIME DATE_ADD DATE_SUB EXTRACT MID NOW POSITION SESSION_USER SUBDATE \
    SUBSTR SUBSTRING SYSDATE SYSTEM_USER TRIM";

/// Those in whose parentheses FROM divides two arguments.
const WITH_FROM: &str = "EXTRACT TRIM SUBSTR SUBSTRING MID";

/// Words that make more of it than an expression over the table's own row. FOR is MariaDB's `NEXT VALUE FOR` as well.
const REFUSED: &str = "SELECT TABLE VALUES INTO UNION LIMIT FOR LOCK PROCEDURE WITH";

/// The error says what is wrong.
pub fn condition(text: &str) -> Result<(), String> {
    let text = text.as_bytes();
    let upper = one_statement(text)?.words;
    // For every open parenthesis, whether FROM may stand in it.
    let mut open: Vec<bool> = Vec::new();
    let mut before_parenthesis: Option<&[u8]> = None;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let rest = &text[at..];
        let length = match byte {
            b'`' | b'\'' | b'"' => {
                let length = quoted_length(rest).ok_or("a quote in its condition is not closed")?;
                // The server's own functions are not called by a quoted name.
                if trim_start(&rest[length..]).starts_with(b"(") {
                    return Err("its condition calls what may be a stored function".into());
                }
                length
            }
            b'/' if rest.starts_with(b"/*") => return Err("its condition holds a comment".into()),
            b'@' => return Err("its condition holds a variable".into()),
            b':' if rest.starts_with(b":=") => return Err("its condition holds an assignment".into()),
            b'(' => {
                open.push(before_parenthesis.take().is_some_and(|word| is_among(word, WITH_FROM)));
                1
            }
            b')' => {
                open.pop();
                1
            }
            _ => match word_length(rest) {
                0 => 1,
                length => {
                    let word = &upper[at..at + length];
                    check_word(word, &text[..at], &rest[length..], open.last() == Some(&true))?;
                    before_parenthesis = trim_start(&rest[length..]).starts_with(b"(").then_some(word);
                    length
                }
            },
        };
        at += length;
    }
    Ok(())
}

fn check_word(word: &[u8], before: &[u8], behind: &[u8], from_may_stand: bool) -> Result<(), String> {
    let shown = || String::from_utf8_lossy(word).into_owned();
    if is_among(word, REFUSED) || word == b"FROM" && !from_may_stand {
        return Err(format!("its condition holds {}", shown()));
    }
    if !trim_start(behind).starts_with(b"(") {
        return Ok(());
    }
    // Behind a schema's name every function is a stored one.
    let of_a_schema = trim_end(before).ends_with(b".");
    let at_once = behind.starts_with(b"(") && is_among(word, FUNCTIONS_WITHOUT_SPACE);
    match !of_a_schema && (is_among(word, WORDS) || is_among(word, FUNCTIONS) || word == b"FROM" || at_once) {
        true => Ok(()),
        false => Err(format!("its condition calls {}, which may be a stored function", shown())),
    }
}

fn is_among(word: &[u8], list: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed.as_bytes() == word)
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
            "email LIKE '%@example.com' AND note <> '/* := */ evil(' AND `@a(` = 1 AND x = \"a@b\"",
            "SUBSTRING_INDEX(a, '@', -1) = 'x' AND made < NOW() AND day = CURDATE() AND EXTRACT(YEAR FROM made) = 2024",
            "CHARACTER_LENGTH(a) > 3 AND REGEXP_LIKE(a, '^x') AND INSTR(a, 'b') AND LOCATE('b', a) AND FIND_IN_SET('a', b)",
            "ISNULL(a) OR SHA2(a, 256) = 'x' OR RAND() < 0.1 OR DAYOFWEEK(made) = 1 OR TRIM(LEADING 'x' FROM (a)) = ''",
            "a\x0bIN\x0c(1,\t2)\r\nAND CAST(b AS DECIMAL(10, 2)) > 1",
            "(a, b) = ROW(1, 2) AND doc->'$.x' = 1 AND MATCH (a) AGAINST ('x' IN BOOLEAN MODE)",
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
            "vt.evil\x0b() = 1",
            "evil\x0c()",
            "`evil`\x0b()",
            "s.\x0bIF(1)",
            "s\x0b.\x0bIF\x0b(1)",
            "evil\x01()",
            "evil/**/()",
            "BENCHMARK(1, 1)",
            "SUBSTRING (a, 1)",
            "EXISTS (TABLE t)",
            "(NEXT VALUE FOR s)",
            "NEXTVAL(s)",
            "1 FROM t",
            "IF(1 FROM t)",
            "1 /*!50000 AND evil() */",
        ] {
            assert!(condition(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[a(`'\"@:=/*FROM \x0b.)]{0,40}", any: String) {
            let _ = condition(&text);
            let _ = condition(&any);
        }
    }
}
