//! The main job on a server of any version: sample data, backup, restore under another name, proof, and the server's own
//! checksums. It runs on private servers, MySQL and MariaDB, or on the one whose address is in MYRIAD_TEST_SERVER, which
//! `scripts/version-matrix` sets for each version that there is an image of.

use crate::support::program::{Repo, address, run};
use crate::support::server;
use myriad::bench::dataset::fill;
use myriad::progress::{Progress, Silent};
use myriad::server::facts::Flavor;
use myriad::server::{ConnectOptions, Session, SslOptions, facts, parse_address};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job() {
    if let Ok(typed) = std::env::var("MYRIAD_TEST_SERVER") {
        let parsed = parse_address(&typed).expect("MYRIAD_TEST_SERVER is an address");
        let options = ConnectOptions {
            host: parsed.host.expect("MYRIAD_TEST_SERVER names a host"),
            user: parsed.user.unwrap_or_else(|| "root".into()),
            password: parsed.password.unwrap_or_default(),
            ssl: SslOptions::default(),
        };
        return main_job(&options, &typed).await;
    }
    for options in [server::options(), server::mariadb_options()] {
        let own = server::own(options);
        main_job(&own.connect_options(), &address(&own)).await;
    }
}

async fn main_job(options: &ConnectOptions, address: &str) {
    let mut session = Session::connect(options).await.unwrap();
    let about = facts::read(&mut session).await.unwrap();
    println!("{} {} ({})", about.flavor, about.version, about.version_comment);
    let progress: Arc<dyn Progress> = Arc::new(Silent);
    // The shop has an index over an expression, which MariaDB does not have.
    let (data, schema, table) = match about.flavor {
        Flavor::Mariadb => ("sbtest:2x5000", "sbtest", "sbtest1"),
        _ => ("shop:20000", "shop", "transfers"),
    };
    let back = format!("{schema}_back");
    let rename = format!("{schema}={back}");
    fill(data.parse().unwrap(), 1, options, 2, &progress).await.unwrap();

    let repo = Repo::new();
    let backup = repo.backup_arguments(address, schema);
    run(&backup).expect(0);
    let mut restore = repo.restore_arguments(address);
    restore.extend(["--rename", &rename, "--allow-source"]);
    let restored = run(&restore).expect(0);
    assert!(restored.out.contains("PROVED"), "{}", restored.out);
    for more in [&[][..], &["--rename", &rename]] {
        repo.verify(&[&["--against", address, "--rows"], more].concat()).expect(0);
    }
    let (before, after) = (checksums(&mut session, schema).await, checksums(&mut session, &back).await);
    assert!(before.len() > 1, "{before:?}");
    assert_eq!(before, after);
    let again = run(&[&backup[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(again["totals"]["added_bytes"], 0, "{again:#}");

    session.execute(format!("DELETE FROM {back}.{table} ORDER BY id LIMIT 1")).await.unwrap();
    let found = repo.verify(&["--against", address, "--rename", &rename, "--rows"]).expect(40);
    let named: Vec<_> = found.out.lines().map(str::trim).filter(|line| line.starts_with("missing: ")).collect();
    assert_eq!(named, ["missing: id 1"], "{}", found.out);
    for schema in [schema, &back] {
        session.execute(format!("DROP SCHEMA {schema}")).await.unwrap();
    }
}

/// CHECKSUM TABLE of every table of a schema.
async fn checksums(session: &mut Session, schema: &str) -> Vec<(String, String)> {
    let sql = format!(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{schema}' AND TABLE_TYPE = 'BASE TABLE' ORDER BY 1"
    );
    let mut checksums = Vec::new();
    for row in session.query(sql).await.unwrap() {
        let (table, sql) = (row.text(0), format!("CHECKSUM TABLE {schema}.`{}`", row.text(0)));
        checksums.push((table, session.query_first(sql).await.unwrap().unwrap().text(1)));
    }
    checksums
}
