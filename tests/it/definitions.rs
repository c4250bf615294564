//! Definitions are read from one server and made on another, and both say the same about them.

mod corpus;

use crate::support::data::define;
use crate::support::server;
use myriad::error::{Exit, Explain};
use myriad::load::indexes::{self, IndexOptions};
use myriad::load::ledger::{self, RunId};
use myriad::load::objects::{self, ObjectsMade, Stage};
use myriad::load::schema as load_schema;
use myriad::sandbox::Sandbox;
use myriad::schema::identifier::{literal, quote};
use myriad::schema::{ObjectKind, QualifiedName, Schema, SqlText, ddl};
use myriad::server::Session;
use myriad::server::facts;
use myriad::server::inspect::{self, Inspected};
use std::collections::{BTreeSet, HashSet};

const SCHEMAS: [&str; 3] = ["odd", "o`d d.2 ü", "odd_plain"];

async fn fill(session: &mut Session) {
    session.execute("SET SESSION sql_mode='ALLOW_INVALID_DATES'").await.unwrap();
    let mut failed = Vec::new();
    for (charset, statement) in corpus::tables().into_iter().chain(corpus::objects()) {
        session.execute(format!("SET character_set_client={charset}")).await.unwrap();
        if let Err(error) = define(session, statement).await {
            failed.push(error.to_string());
        }
    }
    insert_rows(session, "odd").await;
    assert!(failed.is_empty(), "{failed:#?}");
}

async fn insert_rows(session: &mut Session, schema: &str) {
    session.execute(format!("USE {}", quote(schema))).await.unwrap();
    for sql in corpus::rows() {
        session.execute(sql).await.unwrap();
    }
}

async fn inspect_these(session: &mut Session, schemas: &[String]) -> Inspected {
    inspect::setup_reader(session).await.unwrap();
    inspect::inspect(session, &|schema, _| schemas.iter().any(|wanted| wanted == schema), true).await.unwrap()
}

/// Makes everything, as a restore does. `new_name` gives a schema's name on the target.
async fn make(session: &mut Session, schemas: &[Schema], new_name: &(dyn Fn(&str) -> String + Sync)) -> ObjectsMade {
    assert!(load_schema::setup_writer(session).await.unwrap().is_empty());
    let options = IndexOptions { ddl_threads: 2, read_threads: 2, buffer_bytes: 8 << 20, at_once: 1 };
    indexes::setup_indexes(session, &options).await.unwrap();
    let place = |name: &QualifiedName| QualifiedName::new(new_name(&name.schema), name.name.clone());
    for schema in schemas {
        assert!(load_schema::create_schema(session, schema, &new_name(&schema.name)).await.unwrap());
        for table in &schema.tables {
            let notes = load_schema::create_bare(session, table, &place(&table.name)).await.unwrap();
            assert_eq!(notes, Vec::<String>::new(), "{}", table.create.lossy());
        }
    }
    if schemas.iter().any(|schema| schema.name == "odd") {
        insert_rows(session, &new_name("odd")).await;
    }
    let tables = || schemas.iter().flat_map(|schema| &schema.tables);
    for table in tables() {
        let made = indexes::build_indexes(session, table, &place(&table.name)).await.unwrap();
        assert_eq!(made.notes, Vec::<String>::new(), "{}", table.name);
    }
    let renamed = |schema: &str| Some(new_name(schema));
    for table in tables() {
        indexes::add_foreign_keys(session, table, &place(&table.name), &renamed, &|_| true).await.unwrap();
    }
    let names: Vec<_> = schemas.iter().map(|schema| new_name(&schema.name)).collect();
    let all: Vec<_> = schemas
        .iter()
        .zip(&names)
        .flat_map(|(schema, name)| schema.objects.iter().map(move |object| (object, name.as_str())))
        .collect();
    let mut total = ObjectsMade::default();
    for stage in [Stage::Code, Stage::Triggers, Stage::Events] {
        let made = objects::create_objects(session, &all, &HashSet::new(), stage).await.unwrap();
        total.created += made.created;
        total.not_created.extend(made.not_created);
        total.notes.extend(made.notes);
    }
    total
}

async fn drop_schemas(session: &mut Session, names: &[String]) {
    session.execute("SET SESSION foreign_key_checks=0").await.unwrap();
    for name in names {
        define(session, format!("DROP DATABASE IF EXISTS {}", quote(name))).await.unwrap();
    }
}

/// Tables of information_schema, the column that holds the schema, and columns that are times, sizes or estimates.
const DICTIONARY: &[(&str, &str, &[&str])] = &[
    ("schemata", "SCHEMA_NAME", &[]),
    (
        "tables",
        "TABLE_SCHEMA",
        &[
            "TABLE_ROWS",
            "AVG_ROW_LENGTH",
            "DATA_LENGTH",
            "MAX_DATA_LENGTH",
            "INDEX_LENGTH",
            "DATA_FREE",
            "CREATE_TIME",
            "UPDATE_TIME",
            "CHECK_TIME",
            "CHECKSUM",
        ],
    ),
    ("columns", "TABLE_SCHEMA", &[]),
    ("statistics", "TABLE_SCHEMA", &["CARDINALITY"]),
    ("table_constraints", "TABLE_SCHEMA", &[]),
    ("key_column_usage", "TABLE_SCHEMA", &[]),
    ("referential_constraints", "CONSTRAINT_SCHEMA", &[]),
    ("check_constraints", "CONSTRAINT_SCHEMA", &[]),
    (
        "partitions",
        "TABLE_SCHEMA",
        &[
            "TABLE_ROWS",
            "AVG_ROW_LENGTH",
            "DATA_LENGTH",
            "MAX_DATA_LENGTH",
            "INDEX_LENGTH",
            "DATA_FREE",
            "CREATE_TIME",
            "UPDATE_TIME",
            "CHECK_TIME",
            "CHECKSUM",
        ],
    ),
    ("routines", "ROUTINE_SCHEMA", &["CREATED", "LAST_ALTERED"]),
    ("parameters", "SPECIFIC_SCHEMA", &[]),
    ("triggers", "TRIGGER_SCHEMA", &["CREATED"]),
    ("events", "EVENT_SCHEMA", &["CREATED", "LAST_ALTERED", "LAST_EXECUTED", "ORIGINATOR"]),
    ("views", "TABLE_SCHEMA", &[]),
];

/// Every row that information_schema has about the schemas, as text.
async fn dictionary(session: &mut Session) -> BTreeSet<String> {
    inspect::setup_reader(session).await.unwrap();
    let mut found = BTreeSet::new();
    let schemas = SCHEMAS.map(literal).join(", ");
    for (table, schema_column, left_out) in DICTIONARY {
        let sql = format!(
            "SELECT COLUMN_NAME FROM information_schema.columns WHERE TABLE_SCHEMA='information_schema' AND \
             TABLE_NAME={} ORDER BY ORDINAL_POSITION",
            literal(&table.to_uppercase())
        );
        let columns = session.query(sql).await.unwrap();
        let columns: Vec<_> =
            columns.iter().map(|row| row.text(0)).filter(|name| !left_out.contains(&name.as_str())).collect();
        assert!(columns.len() > 3, "{table}");
        let sql = format!(
            "SELECT {} FROM information_schema.{table} WHERE {schema_column} IN ({schemas})",
            columns.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
        );
        for row in session.query(sql).await.unwrap() {
            let cells: Vec<_> = columns.iter().enumerate().map(|(i, c)| format!("{c}={:?}", row.opt_text(i))).collect();
            // A view that reads one whose definer is gone is made, but the server knows its columns only once the
            // definer is back.
            if !["tables", "columns"].contains(table) || !row.text(2).starts_with("a_reads") {
                found.insert(format!("{table}: {}", cells.join(" ")));
            }
        }
    }
    found
}

/// A table's text without the character set that the server adds beside a collation when it makes the table anew.
fn without_added_charset(create: &SqlText) -> String {
    let mut text = create.lossy().into_owned();
    while let Some(start) = text.find(" CHARACTER SET ") {
        let end = start + 15 + text[start + 15..].find(' ').unwrap();
        text.replace_range(start..end, "");
    }
    text
}

fn names(schemas: &[Schema]) -> Vec<String> {
    schemas.iter().map(|schema| schema.name.clone()).collect()
}

#[tokio::test]
async fn odd_definitions_are_made_again() {
    let mut source = server::connect(server::source()).await;
    let (alone, _turn) = server::target_alone().await;
    let mut target = with_a_ledger(alone).await;
    fill(&mut source).await;
    let wanted: Vec<_> = SCHEMAS.iter().map(|name| name.to_string()).collect();
    let first = inspect_these(&mut source, &wanted).await;
    assert_eq!(first.schemas.len(), SCHEMAS.len());
    let without_rows: Vec<_> = first.not_taken.iter().filter(|item| item.kind == "rows of table").collect();
    assert_eq!(
        without_rows.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(),
        ["odd.blackhole", "odd.merge_all"]
    );
    the_backup_form_comes_back(&first.schemas);
    let made = make(&mut target, &first.schemas, &str::to_owned).await;
    assert_eq!(made.not_created, Vec::new());
    assert_eq!(made.created, first.schemas.iter().map(|schema| schema.objects.len()).sum::<usize>());
    for note in &made.notes {
        let known = ["broken", "definer"].iter().any(|word| note.contains(word));
        assert!(known, "{note}");
    }

    let (before, after) = (dictionary(&mut source).await, dictionary(&mut target).await);
    let lost: Vec<_> = before.difference(&after).collect();
    let added: Vec<_> = after.difference(&before).collect();
    assert!(lost.is_empty() && added.is_empty(), "only on the source: {lost:#?}\nonly on the target: {added:#?}");

    let second = inspect_these(&mut target, &wanted).await;
    for (a, b) in first.schemas.iter().zip(&second.schemas) {
        assert_eq!(a.objects, b.objects, "{}", a.name);
        assert_eq!(a.create, b.create);
        for (a, b) in a.tables.iter().zip(&b.tables) {
            assert_eq!(without_added_charset(&a.create), without_added_charset(&b.create));
            assert_eq!((&a.columns, &a.range_key, &a.partitions), (&b.columns, &b.range_key, &b.partitions));
        }
    }
    drop_schemas(&mut target, &wanted).await;
    make(&mut target, &second.schemas, &str::to_owned).await;
    let third = inspect_these(&mut target, &wanted).await;
    for (a, b) in second.schemas.iter().flat_map(|s| &s.tables).zip(third.schemas.iter().flat_map(|s| &s.tables)) {
        assert_eq!(a.create, b.create, "from the second round on the text is the same");
    }

    made_again_is_nothing_new(&mut target, &second.schemas).await;
    other_schema_names(&mut target, &first.schemas).await;
    drop_schemas(&mut target, &wanted).await;
    drop_schemas(&mut source, &wanted).await;
    ledger::remove(&mut target).await.unwrap();
}

/// A session on a server that has the ledger of a run: objects are recorded there as they are made.
async fn with_a_ledger(server: &Sandbox) -> Session {
    let mut session = server::connect(server).await;
    let run = RunId { backup: "b".into(), manifest: "0".repeat(64), scope: "0".repeat(64) };
    ledger::create(&mut session, &run, false).await.unwrap();
    session
}

/// The nouns are part of the backup: as JSON and back they are the same.
fn the_backup_form_comes_back(schemas: &[Schema]) {
    for schema in schemas {
        let json = serde_json::to_string(schema).unwrap();
        let back: Schema = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), json);
        assert_eq!(back.objects, schema.objects);
        for (a, b) in back.tables.iter().zip(&schema.tables) {
            assert_eq!(a.create, b.create);
            assert_eq!(ddl::parts(&a.create.0).unwrap().assemble(), a.create.0);
        }
    }
}

/// A run that was broken off is repeated: what exists is left as it is.
async fn made_again_is_nothing_new(session: &mut Session, schemas: &[Schema]) {
    load_schema::setup_writer(session).await.unwrap();
    for schema in schemas {
        assert!(!load_schema::create_schema(session, schema, &schema.name).await.unwrap());
        for table in &schema.tables {
            assert!(indexes::build_indexes(session, table, &table.name).await.unwrap().made.is_empty());
            let keys = indexes::add_foreign_keys(session, table, &table.name, &|_| None, &|_| true).await.unwrap();
            assert!(keys.made.is_empty());
        }
        let all: Vec<_> = schema.objects.iter().map(|object| (object, schema.name.as_str())).collect();
        for stage in [Stage::Code, Stage::Triggers, Stage::Events] {
            let made = objects::create_objects(session, &all, &HashSet::new(), stage).await.unwrap();
            assert_eq!((made.created, made.not_created), (0, Vec::new()));
        }
    }
}

/// Under other names the texts are the same but for foreign keys, which refer to the new names.
async fn other_schema_names(session: &mut Session, schemas: &[Schema]) {
    let new_name = |name: &str| format!("new`{name}");
    let made = make(session, schemas, &new_name).await;
    assert_eq!(made.not_created, Vec::new());
    let wanted: Vec<_> = names(schemas).iter().map(|name| new_name(name)).collect();
    let renamed = inspect_these(session, &wanted).await;
    for old in schemas {
        let new = renamed.schemas.iter().find(|schema| schema.name == new_name(&old.name)).unwrap();
        for (a, b) in old.tables.iter().zip(&new.tables) {
            let expected = without_added_charset(&a.create).replace("REFERENCES `o``d d", "REFERENCES `new``o``d d");
            assert_eq!(expected, without_added_charset(&b.create));
        }
        for (a, b) in old.objects.iter().zip(&new.objects) {
            assert_eq!((&a.create, a.order, &a.sql_mode), (&b.create, b.order, &b.sql_mode));
        }
    }
    drop_schemas(session, &wanted).await;
}

#[tokio::test]
async fn what_the_target_lacks_is_said() {
    let mut source = server::connect(server::source()).await;
    for sql in [
        "CREATE TABLESPACE odd_space ADD DATAFILE 'odd_space.ibd'",
        "CREATE DATABASE odd_lacking",
        "CREATE TABLE odd_lacking.placed (a int PRIMARY KEY) TABLESPACE odd_space",
    ] {
        source.execute(sql).await.unwrap();
    }
    let found = inspect_these(&mut source, &["odd_lacking".into()]).await;
    assert!(found.not_taken.iter().any(|item| item.kind == "tablespace" && item.name == "odd_space"));
    let mut table = found.schemas[0].tables[0].clone();
    for sql in ["DROP DATABASE odd_lacking", "DROP TABLESPACE odd_space"] {
        source.execute(sql).await.unwrap();
    }

    let mut target = server::connect(server::target()).await;
    load_schema::setup_writer(&mut target).await.unwrap();
    load_schema::create_schema(&mut target, &found.schemas[0], "odd_lacking").await.unwrap();
    let notes = load_schema::create_bare(&mut target, &table, &table.name).await.unwrap();
    assert!(notes.len() == 1 && notes[0].contains("table odd_lacking.placed: its tablespace"), "{notes:?}");

    let other = QualifiedName::new("odd_lacking", "oth`er");
    table.create = SqlText::from(table.create.lossy().replace("TABLESPACE `odd_space`", "").as_str());
    load_schema::create_bare(&mut target, &table, &other).await.unwrap();
    table.create = SqlText::from(table.create.lossy().replace("ENGINE=InnoDB", "ENGINE=FEDERATED").as_str());
    let third = QualifiedName::new("odd_lacking", "third");
    let error = load_schema::create_bare(&mut target, &table, &third).await.unwrap_err();
    assert_eq!((error.code(), error.exit()), (Some(1286), Exit::TargetUnfit), "{error}");
    let rows = target.query("SHOW TABLES FROM odd_lacking").await.unwrap();
    assert_eq!(rows.iter().map(|row| row.text(0)).collect::<Vec<_>>(), ["oth`er", "placed"]);
    target.execute("DROP DATABASE odd_lacking").await.unwrap();
}

#[tokio::test]
async fn facts_of_a_server() {
    let mut session = server::connect(server::source()).await;
    let facts = facts::read(&mut session).await.unwrap();
    let version = session.query_first("SELECT VERSION(), @@server_uuid, @@port").await.unwrap().unwrap();
    assert_eq!((facts.version.as_str(), facts.server_uuid.as_deref()), (&*version.text(0), Some(&*version.text(1))));
    assert_eq!((facts.flavor, u64::from(facts.port)), (facts::Flavor::Mysql, version.number(2)));
    assert!(facts.version_number >= facts::VersionNumber(8, 0, 0) && facts.innodb_page_size == 16384);
    let json = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<facts::ServerFacts>(&json).unwrap(), facts);
}

#[tokio::test]
async fn an_event_whose_time_has_passed_is_named() {
    let (alone, _turn) = server::target_alone().await;
    let mut session = with_a_ledger(alone).await;
    session.execute("CREATE DATABASE passed_event").await.unwrap();
    session.execute("USE passed_event").await.unwrap();
    session.execute("CREATE EVENT later ON SCHEDULE AT '2037-01-01 00:00:00' DO SET @a = 1").await.unwrap();
    let found = inspect_these(&mut session, &["passed_event".into()]).await;
    let mut event = found.schemas[0].objects[0].clone();
    assert_eq!((event.kind, event.execute_at.as_deref()), (ObjectKind::Event, Some("2037-01-01 00:00:00")));
    session.execute("DROP EVENT later").await.unwrap();
    event.create = SqlText::from(event.create.lossy().replace("2037", "2007").as_str());
    let made = objects::create_objects(&mut session, &[(&event, "passed_event")], &HashSet::new(), Stage::Events)
        .await
        .unwrap();
    assert_eq!(made.created, 0);
    assert!(made.not_created[0].to_string().starts_with("event passed_event.later: "), "{made:?}");
    session.execute("DROP DATABASE passed_event").await.unwrap();
    ledger::remove(&mut session).await.unwrap();
}
