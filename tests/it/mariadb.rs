//! What must work on MariaDB too. Tried where MYRIAD_TEST_MARIADB holds the address of one whose root account
//! needs no password over that address, such as `mysql://root@/tmp/mariadb/s`; passed over elsewhere.

use myriad::position::ConsistencyKind;
use myriad::schema::QualifiedName;
use myriad::secret::Secret;
use myriad::server::snapshot::{SnapshotRequest, hold};
use myriad::server::{ConnectOptions, RawSession, SslOptions, parse_address};

fn options() -> Option<ConnectOptions> {
    let address = parse_address(&std::env::var("MYRIAD_TEST_MARIADB").ok()?).expect("the address of a MariaDB");
    Some(ConnectOptions {
        host: address.host.expect("a host"),
        user: address.user.unwrap_or_else(|| "root".into()),
        password: address.password.unwrap_or_default(),
        ssl: SslOptions::default(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_rows_and_snapshots() {
    let Some(root_options) = options() else { return };
    let mut root = RawSession::connect(&root_options).unwrap();
    assert!(root.query_small(b"SELECT VERSION()").unwrap()[0].text(0).contains("MariaDB"));
    for sql in [
        "DROP DATABASE IF EXISTS myriad_it",
        "CREATE DATABASE myriad_it",
        "CREATE TABLE myriad_it.t (a INT PRIMARY KEY, b VARCHAR(20)) ENGINE=InnoDB",
        "INSERT INTO myriad_it.t VALUES (1, NULL), (2, 'two')",
        "CREATE OR REPLACE USER myriad_native IDENTIFIED VIA mysql_native_password USING PASSWORD('geheim')",
        "GRANT SELECT, RELOAD ON *.* TO myriad_native",
        "CREATE OR REPLACE USER myriad_locks",
        "GRANT SELECT, LOCK TABLES ON *.* TO myriad_locks",
        "CREATE OR REPLACE USER myriad_nothing",
        "GRANT SELECT ON *.* TO myriad_nothing",
    ] {
        root.execute(sql.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    }
    let tables = [QualifiedName::new("myriad_it", "t")];
    for (user, password, expected) in [
        ("root", "", ConsistencyKind::GlobalReadLock),
        ("myriad_native", "geheim", ConsistencyKind::GlobalReadLock),
        ("myriad_locks", "", ConsistencyKind::TableLocks),
        ("myriad_nothing", "", ConsistencyKind::None),
    ] {
        let options = ConnectOptions { user: user.into(), password: Secret::new(password), ..root_options.clone() };
        let request = SnapshotRequest {
            options: &options,
            sessions: 3,
            tables: &tables,
            non_transactional: &[],
            consistency_required: expected != ConsistencyKind::None,
        };
        let mut held = hold(request).await.unwrap_or_else(|error| panic!("{user}: {error}"));
        assert_eq!(held.consistency, expected, "{:?}", held.passed_over);
        assert!(!held.keeper.backup_lock());
        root.execute(b"INSERT INTO myriad_it.t VALUES (3, 'later')").unwrap();
        for reader in &mut held.readers {
            let rows = reader.query_small(b"SELECT a, b FROM myriad_it.t ORDER BY a").unwrap();
            assert_eq!((rows.len(), rows[0].opt_text(1), rows[1].text(1)), (2, None, "two".into()));
            let mut rows = reader.query_binary(b"SELECT a, b FROM myriad_it.t ORDER BY a").unwrap();
            assert_eq!(rows.next().unwrap().unwrap()[..2], [0, 8]);
        }
        if user == "root" {
            assert!(held.position.binlog_file.is_some(), "{:?}", held.position);
        }
        // The keeper has the table's metadata lock.
        root.execute(b"SET SESSION lock_wait_timeout = 1").unwrap();
        assert_eq!(root.execute(b"TRUNCATE TABLE myriad_it.t").unwrap_err().code(), Some(1205));
        held.keeper.still_holds().await.unwrap();
        held.keeper.release().await.unwrap();
        drop(held.readers);
        root.execute(b"DELETE FROM myriad_it.t WHERE a = 3").unwrap();
    }
    root.execute(b"DROP DATABASE myriad_it").unwrap();
}
