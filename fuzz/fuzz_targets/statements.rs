//! Any text as the statement of a schema, table, object or account of a repository, and as a condition: nothing panics, and
//! what is taken is what it is stated to be, as far as a second, simpler look can tell. The first byte of the input chooses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use myriad::schema::account::AccountDefinition;
use myriad::schema::{Account, Column, ColumnKind, Object, ObjectKind, QualifiedName, SqlText, Table, ddl, vet};

fuzz_target!(|data: &[u8]| {
    let Some((&what, text)) = data.split_first() else { return };
    match what % 5 {
        0 => schema(text),
        1 => table(text),
        2 => object(text, what / 5),
        3 => account(text),
        _ => {
            if let Ok(text) = std::str::from_utf8(text) {
                if vet::condition(text).is_ok() {
                    assert!(!outside_quotes(text.as_bytes()).contains(&b';'), "{text:?}");
                }
            }
        }
    }
});

/// The text without what stands in quotes, and in comments that no server runs; backslash escapes are on.
fn outside_quotes(text: &[u8]) -> Vec<u8> {
    let (mut outside, mut quote, mut at) = (Vec::new(), None, 0);
    while let Some(&byte) = text.get(at) {
        let rest = &text[at..];
        let comment = rest.starts_with(b"/*") && !rest.starts_with(b"/*!") && !rest.starts_with(b"/*M!");
        at += match quote {
            None if comment => rest[2..].windows(2).position(|two| two == b"*/").map_or(rest.len(), |end| end + 4),
            None if b"`'\"".contains(&byte) => {
                quote = Some(byte);
                1
            }
            None => {
                outside.push(byte);
                1
            }
            Some(open) if byte == b'\\' && open != b'`' => 2,
            Some(open) if byte == open => {
                quote = None;
                1
            }
            Some(_) => 1,
        };
    }
    outside
}

fn is_one(text: &[u8]) {
    let outside = outside_quotes(text);
    assert!(!outside.contains(&b';') && !outside.contains(&b'#'), "{:?}", String::from_utf8_lossy(text));
}

fn schema(text: &[u8]) {
    if vet::schema("s", text).is_ok() {
        assert!(text.starts_with(b"CREATE DATABASE `s`"));
        is_one(text);
    }
}

fn table(text: &[u8]) {
    let columns = vec![Column::new("id", ColumnKind::Integer), Column::new("v", ColumnKind::Text)];
    let plain = Table { create: SqlText(text.to_vec()), ..Table::of_columns(QualifiedName::new("s", "t"), columns) };
    let sequence = Table { sequence: true, columns: Vec::new(), ..plain.clone() };
    for table in [plain, sequence] {
        if vet::table(&table).is_ok() {
            is_one(text);
            if !table.sequence {
                assert!(text.starts_with(b"CREATE TABLE `t` ("));
                ddl::cut(text).expect("what is taken can be cut");
                is_one(&ddl::with_name(text, "a`b").expect("what is taken has a name"));
            }
        }
        vet::names_a_directory(text);
    }
}

fn object(text: &[u8], kind: u8) {
    let kinds = [
        ObjectKind::View,
        ObjectKind::Function,
        ObjectKind::Procedure,
        ObjectKind::Trigger,
        ObjectKind::Event,
        ObjectKind::Package,
        ObjectKind::PackageBody,
    ];
    let kind = kinds[usize::from(kind) % kinds.len()];
    for (sql_mode, charset) in [("", "utf8mb4"), ("ANSI_QUOTES,ORACLE", "gbk")] {
        let object = Object {
            kind,
            name: QualifiedName::new("s", "o"),
            table: (kind == ObjectKind::Trigger).then(|| "t".into()),
            create: SqlText(text.to_vec()),
            definer: "a@b".into(),
            sql_mode: sql_mode.into(),
            charset_client: charset.into(),
            collation_connection: "binary".into(),
            database_collation: String::new(),
            time_zone: None,
            order: 0,
            execute_at: None,
        };
        if vet::object(&object, "s").is_ok() {
            let words: Vec<u8> = text.to_ascii_uppercase();
            assert!(words.trim_ascii_start().starts_with(b"CREATE") || text.starts_with(b"/*"));
            assert!(memchr_find(&words, b"DEFINER"), "what is taken says whose it is");
        }
    }
}

fn memchr_find(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn account(text: &[u8]) {
    let definition = |create: &[u8], grants: Vec<SqlText>| AccountDefinition {
        name: Account::new("u", "h"),
        create: SqlText(create.to_vec()),
        grants,
        second_password: None,
    };
    if vet::account(&definition(text, Vec::new())).is_ok() {
        assert!(text.starts_with(b"CREATE USER `u`@`h`"));
        is_one(text);
    }
    if vet::account(&definition(b"CREATE USER `u`@`h`", vec![SqlText(text.to_vec())])).is_ok() {
        is_one(text);
    }
}
