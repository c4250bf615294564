//! A table's record: its CREATE TABLE is one statement that makes this table and nothing else, and has the columns that
//! the record types. Clauses that a later server invents pass; what would read or reach something else does not.

use super::text::{OneStatement, one_statement, quoted_length, trim_start, words};
use super::{is_reserved, name, plain_word, schema_name};
use crate::limits::{COLUMNS_MAX, PARTITIONS_MAX};
use crate::schema::ddl::{self, ItemKind, Parts};
use crate::schema::identifier::quote;
use crate::schema::{Column, ColumnKind, Table};

/// Engines whose tables are windows to other servers and files, by the connection that their definition names.
const ELSEWHERE: [&str; 4] = ["FEDERATED", "CONNECT", "SPIDER", "S3"];

/// Engines that print `CONNECTION='...'` and have no use for it (seen on 9.7.4 and MariaDB 10.11).
const WITHOUT_CONNECTION: [&str; 8] =
    ["InnoDB", "MyISAM", "Aria", "MEMORY", "CSV", "ARCHIVE", "BLACKHOLE", "MRG_MYISAM"];

/// True where the server would reach another server, or a file of its own choice, through this table.
pub fn reaches_elsewhere(table: &Table) -> bool {
    is_one_of(&table.engine, &ELSEWHERE)
}

fn is_one_of(engine: &str, engines: &[&str]) -> bool {
    engines.iter().any(|listed| engine.eq_ignore_ascii_case(listed))
}

/// True where the definition says in which directory of the server its files lie.
pub fn names_a_directory(create: &[u8]) -> bool {
    one_statement(create).is_ok_and(|scanned| words(&scanned.words).any(|(_, word)| word == b"DIRECTORY"))
}

/// The error says what is wrong.
pub fn table(table: &Table) -> Result<(), String> {
    schema_name(&table.name.schema)?;
    name(&table.name.name)?;
    if table.columns.len() > COLUMNS_MAX || table.partitions.len() > PARTITIONS_MAX {
        return Err("it has more columns or partitions than a server takes".into());
    }
    let named = table.columns.iter().map(|column| &column.name).chain(&table.partitions);
    let key = table.range_key.iter().map(|key| &key.index);
    named.chain(key).chain(table.histograms.iter().map(|histogram| &histogram.column)).try_for_each(|n| name(n))?;
    if !plain_word(&table.engine) {
        return Err("its engine has no name".into());
    }
    table.check()?;
    let create = table.create.0.as_slice();
    let scanned = one_statement(create)?;
    match table.sequence {
        true => sequence(table, create, &scanned),
        false => statement(table, create, &scanned),
    }
}

fn sequence(table: &Table, create: &[u8], scanned: &OneStatement) -> Result<(), String> {
    let head = format!("CREATE SEQUENCE {} ", quote(&table.name.name));
    if !create.starts_with(head.as_bytes()) || create.contains(&b'(') {
        return Err("its statement is no CREATE SEQUENCE of this name".into());
    }
    engine(&create[head.len()..], &scanned.words[head.len()..], &table.engine)
}

fn statement(table: &Table, create: &[u8], scanned: &OneStatement) -> Result<(), String> {
    let parts = ddl::parts(create).map_err(|error| error.to_string())?;
    if parts.head != format!("CREATE TABLE {} (", quote(&table.name.name)).as_bytes() {
        return Err("its statement is no CREATE TABLE of this name".into());
    }
    items(&parts)?;
    columns(table, &parts)?;
    let tail = &create[create.len() - parts.tail.len()..];
    let tail_words = &scanned.words[create.len() - tail.len()..];
    engine(tail, tail_words, &table.engine)?;
    options(table, tail, tail_words)
}

/// Items of the list that are neither columns nor keys nor checks: `LIKE other_table`, a SELECT.
fn items(parts: &Parts<'_>) -> Result<(), String> {
    for item in &parts.items {
        let head = trim_start(item);
        let known = match ddl::item_kind(item) {
            ItemKind::Other => {
                // A foreign key that is written otherwise than servers do is none whose schema is seen below.
                let named = head.strip_prefix(b"CONSTRAINT ").filter(|rest| rest.starts_with(b"`"));
                let named = named.and_then(|rest| quoted_length(rest).map(|length| &rest[length..]));
                let known = [&b"CHECK ("[..], b"PERIOD FOR "];
                known.iter().any(|w| head.starts_with(w)) || named.is_some_and(|rest| rest.starts_with(b" CHECK ("))
            }
            ItemKind::ForeignKey => {
                if let Some(schema) = ddl::referenced_schema(item).filter(|schema| is_reserved(schema)) {
                    return Err(format!("a foreign key of it refers to schema {schema}, which is the server's own"));
                }
                true
            }
            _ => true,
        };
        if !known {
            return Err("its statement holds what is neither column nor key nor check".into());
        }
    }
    Ok(())
}

/// The columns of the statement must be those of the record, in order and kind.
fn columns(table: &Table, parts: &Parts<'_>) -> Result<(), String> {
    let items = parts.items.iter().filter(|item| ddl::item_kind(item) == ItemKind::Column);
    let mut typed = table.columns.iter();
    for item in items {
        let (written, rest) = ddl::unquote(trim_start(item)).ok_or("a column of its statement has no name")?;
        match typed.next() {
            Some(column) if column.name.as_bytes() == written => kind(column, rest)?,
            _ => {
                let written = String::from_utf8_lossy(&written).into_owned();
                return Err(format!("its statement has column {written:?} where its record has another"));
            }
        }
    }
    match typed.next() {
        None => Ok(()),
        Some(column) => Err(format!("its statement lacks column {:?}", column.name)),
    }
}

/// The first word of a column's type against the record's kind; a type that is not known here passes.
fn kind(column: &Column, rest: &[u8]) -> Result<(), String> {
    use ColumnKind::*;
    let word = trim_start(rest);
    let length = word.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let kinds: &[ColumnKind] = match word[..length].to_ascii_lowercase().as_slice() {
        b"tinyint" | b"smallint" | b"mediumint" | b"int" | b"bigint" => &[Integer],
        b"decimal" => &[Decimal],
        b"float" => &[Float],
        b"double" => &[Double],
        b"bit" => &[Bit],
        b"year" => &[Year],
        b"date" => &[Date],
        b"time" => &[Time],
        b"datetime" => &[Datetime],
        b"timestamp" => &[Timestamp],
        b"char" | b"varchar" | b"tinytext" | b"text" | b"mediumtext" => &[Text],
        // MariaDB's JSON is a LONGTEXT.
        b"longtext" => &[Text, Json],
        b"binary" | b"varbinary" | b"tinyblob" | b"blob" | b"mediumblob" | b"longblob" => &[Bytes],
        b"enum" => &[Enum],
        b"set" => &[Set],
        b"json" => &[Json],
        b"vector" => &[Vector],
        b"uuid" | b"inet4" | b"inet6" => &[TypedText],
        _ => return Ok(()),
    };
    match kinds.contains(&column.kind) {
        true => Ok(()),
        false => Err(format!("column {:?} is of another type in its statement than in its record", column.name)),
    }
}

/// Wherever the statement names an engine, it is the record's; and it names one.
fn engine(text: &[u8], blanked: &[u8], engine: &str) -> Result<(), String> {
    let mut named = false;
    for (at, word) in words(blanked) {
        if word != b"ENGINE" {
            continue;
        }
        let gap = blanked[at + word.len()..].iter().take_while(|byte| matches!(byte, b' ' | b'=')).count();
        let from = at + word.len() + gap;
        let length = text[from..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if !text[from..from + length].eq_ignore_ascii_case(engine.as_bytes()) {
            return Err(format!("its statement names another engine than {engine}"));
        }
        named = true;
    }
    if named { Ok(()) } else { Err("its statement names no engine".into()) }
}

/// What stands behind the list: options and partitions, no second source of rows, no table of another schema.
fn options(table: &Table, tail: &[u8], blanked: &[u8]) -> Result<(), String> {
    let mut list = words(blanked).peekable();
    while let Some((at, word)) = list.next() {
        let end = at + word.len();
        match word {
            b"SELECT" | b"TABLE" | b"LIKE" | b"REPLACE" | b"IGNORE" => {
                return Err(format!("its statement holds {} behind its columns", String::from_utf8_lossy(word)));
            }
            // VALUES LESS THAN, VALUES IN.
            b"VALUES" if !list.peek().is_some_and(|(_, next)| matches!(*next, b"LESS" | b"IN")) => {
                return Err("its statement holds VALUES behind its columns".into());
            }
            b"CONNECTION" if !reaches_elsewhere(table) && !is_one_of(&table.engine, &WITHOUT_CONNECTION) => {
                return Err(format!(
                    "its statement names a connection, and what engine {} does with it is not known",
                    table.engine
                ));
            }
            b"UNION" => {
                let close = tail[end..].iter().position(|&byte| byte == b')').map_or(tail.len(), |close| end + close);
                if blanked[end..close].contains(&b'.') && qualified(&tail[end..close]) {
                    return Err("its statement joins tables of other schemas (UNION)".into());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// True where a list of names holds one with its schema before it.
fn qualified(list: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&byte) = list.get(at) {
        at += match byte {
            b'.' => return true,
            b'`' => quoted_length(&list[at..]).unwrap_or(list.len()),
            _ => 1,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{QualifiedName, SqlText};

    fn of(create: &str) -> Table {
        let columns = vec![Column::new("id", ColumnKind::Integer), Column::new("v`w", ColumnKind::Text)];
        Table { create: SqlText::from(create), ..Table::of_columns(QualifiedName::new("s", "t"), columns) }
    }

    const LIST: &str = "(\n  `id` int NOT NULL,\n  `v``w` varchar(9) DEFAULT 'x;`',\n  PRIMARY KEY (`id`)\n)";

    fn with_tail(tail: &str) -> Table {
        of(&format!("CREATE TABLE `t` {LIST} {tail}"))
    }

    #[test]
    fn what_servers_write_passes() {
        for tail in [
            "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMMENT='SELECT; it''s'",
            "ENGINE=InnoDB AUTO_INCREMENT=7 SECONDARY_ENGINE=rapid /*!80016 ENCRYPTION='Y' */",
            "/*!50100 TABLESPACE `x` */ ENGINE=InnoDB\n/*!50100 PARTITION BY RANGE (`id`)\n(PARTITION p VALUES LESS THAN (5) ENGINE = InnoDB,\n PARTITION q VALUES LESS THAN MAXVALUE ENGINE = InnoDB) */",
            "ENGINE=InnoDB /* `OPT`='x' */ WITH SYSTEM VERSIONING",
            "ENGINE=InnoDB UNION=(`a`,`b.c`)",
            "ENGINE=InnoDB CONNECTION='some;''text'",
        ] {
            assert_eq!(table(&with_tail(tail)), Ok(()), "{tail}");
        }
    }

    #[test]
    fn what_makes_something_else_does_not() {
        for tail in [
            "ENGINE=InnoDB SELECT * FROM mysql.user",
            "ENGINE=InnoDB (SELECT 1)",
            "ENGINE=InnoDB AS TABLE mysql.user",
            "ENGINE=InnoDB VALUES ROW(1, 2)",
            "ENGINE=InnoDB; DROP TABLE x",
            "ENGINE=InnoDB UNION=(`mysql`.`user`)",
            "ENGINE=InnoDB UNION=(mysql.user)",
            "ENGINE=FEDERATED CONNECTION='mysql://x'",
            "ENGINE=InnoDB ENGINE=FEDERATED",
            "ENGINE=InnoDB engine federated",
            "ENGINE='FEDERATED'",
            "ENGINE=InnoDB /*!50100 ENGINE=CSV */",
            "",
            "ENGINE=InnoDB\x0bUNION\x0b=\x0b(`mysql`\x0b.`user`)",
            "ENGINE=InnoDB\x0bENGINE\x0b=\x0bCSV",
            "ENGINE=InnoDB /*!99999 ' */ ENGINE=CSV COMMENT='",
            "ENGINE=InnoDB # x",
            "ENGINE=InnoDB IGNORE SELECT 1",
            "ENGINE=InnoDB /*!50100 PARTITION BY HASH (`id`) (PARTITION p ENGINE = CSV) */",
        ] {
            assert!(table(&with_tail(tail)).is_err(), "{tail}");
        }
        for create in [
            format!("CREATE TABLE `u` {LIST} ENGINE=InnoDB"),
            format!("CREATE TABLE `s`.`t` {LIST} ENGINE=InnoDB"),
            format!("CREATE TABLE `mysql`.`t` {LIST} ENGINE=InnoDB"),
            format!("CREATE TEMPORARY TABLE `t` {LIST} ENGINE=InnoDB"),
            format!("CREATE OR REPLACE TABLE `t` {LIST} ENGINE=InnoDB"),
            "CREATE TABLE `t` LIKE `mysql`.`user`".into(),
            "CREATE TABLE `t` (LIKE `mysql`.`user`) ENGINE=InnoDB".into(),
            "CREATE VIEW `t` (`id`) AS SELECT 1".into(),
            format!("CREATE TABLE `t` {}", LIST.replacen("PRIMARY", "\x0bLIKE `mysql`.`user`, PRIMARY", 1)),
            "CREATE TABLE `t` (\n  `id` int,\n  `v``w` text,\n  CONSTRAINT `f`\x0bFOREIGN KEY (`id`) REFERENCES `mysql`.`x` (`y`)\n) ENGINE=InnoDB".into(),
            "DROP TABLE `t`".into(),
            "CREATE TABLE `t` (\n  `id` int,\n  `other` varchar(9)\n) ENGINE=InnoDB".into(),
            "CREATE TABLE `t` (\n  `id` int\n) ENGINE=InnoDB".into(),
            "CREATE TABLE `t` (\n  `id` int,\n  `v``w` varchar(9),\n  `x` int\n) ENGINE=InnoDB".into(),
            "CREATE TABLE `t` (\n  `id` int,\n  `v``w` json\n) ENGINE=InnoDB".into(),
            "CREATE TABLE `t` (\n  `id` int,\n  `v``w` text,\n  CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `mysql`.`x` (`y`)\n) ENGINE=InnoDB".into(),
        ] {
            assert!(table(&of(&create)).is_err(), "{create}");
        }
    }

    #[test]
    fn records() {
        let sound = with_tail("ENGINE=InnoDB");
        let mut columns = sound.clone();
        columns.columns[0].name = "x".repeat(65);
        let mut other_engine = with_tail("ENGINE=SPHINX CONNECTION='sphinx://x'");
        other_engine.engine = "SPHINX".into();
        let in_mysql = Table { name: QualifiedName::new("MySQL", "t"), ..sound.clone() };
        let engine = Table { engine: "InnoDB CONNECTION='x'".into(), ..sound.clone() };
        let partition = Table { partitions: vec!["p\0".into()], ..sound.clone() };
        for forged in [columns, other_engine, in_mysql, engine, partition] {
            assert!(table(&forged).is_err());
        }
        assert!(names_a_directory(&with_tail("ENGINE=InnoDB DATA DIRECTORY='/x'").create.0));
        assert!(!names_a_directory(&with_tail("ENGINE=InnoDB COMMENT='DATA DIRECTORY'").create.0));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(tail in "[A-Z`'/*!= ().]{0,60}", bytes: Vec<u8>) {
            let _ = table(&with_tail(&tail));
            let _ = table(&Table { create: SqlText(bytes.clone()), ..of("") });
            let _ = table(&Table { create: SqlText(bytes), sequence: true, ..of("") });
        }
    }
}
