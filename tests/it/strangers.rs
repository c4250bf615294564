//! Somebody else makes tables under the names of a restore after the guard has looked: they are neither loaded into, nor
//! emptied, nor dropped by `--abort`.

use crate::support::data::{self, assert_nothing_left, drop_restored, fingerprint, one};
use crate::support::program::{Repo, address, run};
use crate::support::server::{self, source};
use crate::support::tap::{At, Tap, When};
use myriad::sandbox::Sandbox;
use myriad::server::RawSession;

/// The statements of somebody else, to be given while a restore stands still.
fn somebody(server: &Sandbox, statements: &'static [&'static str]) -> impl FnOnce() + Send + 'static {
    let options = server.connect_options();
    move || {
        let mut session = RawSession::connect(&options).unwrap();
        statements.iter().for_each(|statement| drop(session.execute(statement.as_bytes()).unwrap()));
    }
}

/// A schema of three tables, the second of an engine without transactions; and a backup of it.
async fn three_tables(schema: &str) -> Repo {
    let make = [
        format!("CREATE DATABASE {schema}"),
        format!("CREATE TABLE {schema}.a (id INT PRIMARY KEY)"),
        format!("CREATE TABLE {schema}.b (id INT PRIMARY KEY) ENGINE=MyISAM"),
        format!("CREATE TABLE {schema}.c (id INT PRIMARY KEY)"),
    ];
    data::run(source(), &make).await;
    for table in ["a", "b", "c"] {
        data::run(source(), &[format!("INSERT INTO {schema}.{table} VALUES (1), (2), (3)")]).await;
    }
    let repo = Repo::new();
    repo.backup(source(), schema);
    repo
}

fn arguments<'a>(target: &'a str, place: &'a str) -> Vec<&'a str> {
    let meanwhile = ["--allow-writes", "--allow-transactions", "--tune", "none", "--redo", "on"];
    [&["restore", "--target", target, "--repo", place, "--threads", "1"][..], &meanwhile].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_somebody_else_are_left_alone() {
    let repo = three_tables("strange").await;
    let (target, _turn) = server::target_alone().await;
    let (tap, place, direct) = (Tap::before_mysql(target.socket()), repo.place(), address(target));
    let (tapped, again) = (arguments(tap.address(), &place), arguments(&direct, &place));
    let abort = || run(&["restore", "--target", &direct, "--abort"]).expect(0);
    let rows = "SELECT CONCAT((SELECT COUNT(*) FROM strange.b), (SELECT COUNT(*) FROM strange.c))";
    let recorded = "SELECT COALESCE(GROUP_CONCAT(object_name), '') FROM myriad_restore.made WHERE kind = 'table'";

    // They come just after the guard has looked.
    let both = somebody(
        target,
        &[
            "CREATE DATABASE strange",
            "CREATE TABLE strange.b (id INT) ENGINE=MyISAM",
            "INSERT INTO strange.b VALUES (9)",
            "CREATE TABLE strange.c (id INT PRIMARY KEY)",
            "INSERT INTO strange.c VALUES (9)",
        ],
    );
    tap.aim(At::Words("INSERT INTO myriad_restore.run", "", 1), When::Answered, both);
    let ended = run(&tapped).refused(32, &["did not make", "strange.b, strange.c"]);
    assert!(ended.err.contains("\nhint: to go on: ") && ended.err.contains(" --abort"), "{}", ended.err);
    assert_eq!((one(target, rows).await, one(target, recorded).await), ("11".into(), String::new()));
    // The command that is printed does not take them for its own, nor does the removal.
    run(&again).refused(32, &["holds things of the same name: strange.b, strange.c"]);
    abort();
    assert_eq!(one(target, rows).await, "11");
    drop_restored(target, "strange").await;

    // One comes when its name is recorded already: it is taken out again, and so is what was not made after it.
    let one_table = somebody(target, &["CREATE TABLE strange.b (id INT)", "INSERT INTO strange.b VALUES (9)"]);
    tap.aim(At::Words("INSERT IGNORE INTO myriad_restore.made", "('table', ", 1), When::Answered, one_table);
    run(&tapped).refused(32, &["did not make", "strange.b;"]);
    assert_eq!(one(target, recorded).await, "a");
    run(&again).refused(32, &["holds things of the same name: strange.b"]);
    let removed = abort().out;
    assert!(removed.contains("table strange.a") && !removed.contains("table strange.b"), "{removed}");
    assert_eq!(one(target, "SELECT GROUP_CONCAT(id) FROM strange.b").await, "9");
    drop_restored(target, "strange").await;

    // A table of the run's own, whose CREATE was answered by nobody since its session was killed: it is gone on with.
    let cut = somebody(target, &["SET @worker = IS_USED_LOCK('myriad_restore.0')", "KILL @worker"]);
    tap.aim(At::Words("CREATE TABLE `b`", "", 1), When::Sent, cut);
    run(&tapped).expect(0);
    assert!(tap.struck().is_some());
    assert_eq!(fingerprint(target, "strange").await, fingerprint(source(), "strange").await);
    assert_nothing_left(target).await;
    drop_restored(target, "strange").await;
}
