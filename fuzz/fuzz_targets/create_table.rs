//! Any bytes as a CREATE TABLE and as the CREATE of a view or routine: nothing panics, parts put together give the text
//! again, and every item of a table that was cut stands in its bare table or among its late parts, once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use myriad::schema::ddl::{self, Cut};
use myriad::schema::{Object, ObjectKind, QualifiedName, SqlText, object_text};

fuzz_target!(|text: &[u8]| {
    let parts = ddl::parts(text);
    if let Ok(parts) = &parts {
        assert_eq!(parts.assemble(), text, "parts do not give the text again");
        parts.unique_keys();
    }
    if let Ok(cut) = ddl::cut(text) {
        nothing_is_lost(&parts.expect("what was cut has parts").items, &cut);
    }
    let renamed = ddl::with_name(text, "a`b");
    if ddl::parts(text).is_ok() && text.starts_with(b"CREATE TABLE `") {
        ddl::parts(&renamed.expect("a table has a name")).expect("another name leaves a table");
    }
    ddl::rename_schema_of_sequences(text, &|schema| Some(format!("{schema}`x")));
    let _ = ddl::without_foreign_keys(text);
    let _ = ddl::without_placement(text);
    let _ = ddl::rename_schema_in_foreign_key(text, &|schema| Some(format!("{schema}x")));
    objects(text);
});

fn nothing_is_lost(items: &[&[u8]], cut: &Cut) {
    let late = cut.late_indexes.iter().map(|index| index.definition.as_slice());
    let late = late.chain(cut.foreign_keys.iter().map(|key| key.definition.as_slice()));
    let mut found: Vec<&[u8]> = late.collect();
    // A table without an item in its bare half is none that a server has.
    if found.len() == items.len() {
        return;
    }
    let bare = ddl::parts(&cut.bare).expect("a bare table is a table");
    found.extend(bare.items.iter().map(|item| item.trim_ascii()));
    let mut expected: Vec<&[u8]> = items.iter().map(|item| item.trim_ascii()).collect();
    let temporary = cut.temporary_index.as_ref().map(|name| format!("KEY `{name}` ("));
    if let Some(begin) = &temporary {
        let at = found.iter().position(|item| item.starts_with(begin.as_bytes())).expect("the temporary index");
        found.swap_remove(at);
    }
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "an item was lost or changed");
    let steps = cut.index_steps();
    assert_eq!(steps.iter().map(|step| step.add.len()).sum::<usize>(), cut.late_indexes.len());
    let dropped: Vec<_> = steps.iter().filter_map(|step| step.drop).collect();
    assert_eq!(dropped, cut.temporary_index.as_deref().into_iter().collect::<Vec<_>>());
}

fn objects(text: &[u8]) {
    object_text::comment_as_written(text);
    object_text::with_own_definer(text);
    object_text::with_definer(text, None);
    object_text::disabled_event(text);
    for kind in [ObjectKind::View, ObjectKind::Function, ObjectKind::Trigger, ObjectKind::Event] {
        for sql_mode in ["", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"] {
            let object = Object {
                kind,
                name: QualifiedName::new("s", "o"),
                table: None,
                create: SqlText(text.to_vec()),
                definer: "a@b".into(),
                sql_mode: sql_mode.into(),
                charset_client: "utf8mb4".into(),
                collation_connection: "utf8mb4_0900_ai_ci".into(),
                database_collation: String::new(),
                time_zone: None,
                order: 0,
                execute_at: None,
            };
            let _ = object_text::utf8_pieces(&object);
            object_text::says_it_is_safe_to_log(&object);
        }
    }
}
