//! What a server has beside schemas and objects is named by kind and name in the summary, in `show` and in the manifest.

use crate::support::data::run;
use crate::support::program::{self, Repo};
use crate::support::server::{options, own};

#[tokio::test]
async fn everything_that_is_not_taken_is_named() {
    let (source, target) = (own(options()), own(options()));
    run(
        &source,
        &[
            "CREATE DATABASE n_app",
            "CREATE TABLESPACE n_space ADD DATAFILE 'n_space.ibd'",
            "CREATE UNDO TABLESPACE n_undo ADD DATAFILE 'n_undo.ibu'",
            "CREATE SERVER n_server FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'h', PASSWORD 'hidden')",
            "CREATE SPATIAL REFERENCE SYSTEM 990001 NAME 'own' DEFINITION 'GEOGCS[\"own\",DATUM[\"d\",SPHEROID[\"s\",6378137,298.257223563]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],AXIS[\"Lat\",NORTH],AXIS[\"Lon\",EAST]]'",
            "SET PERSIST max_connections = 150",
            "CREATE RESOURCE GROUP n_group TYPE = USER",
            "UPDATE mysql.server_cost SET cost_value = 0.2 WHERE cost_name = 'row_evaluate_cost'",
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'h', SOURCE_USER = 'u', SOURCE_PASSWORD = 'hidden' FOR CHANNEL 'n_channel'",
            "CREATE ROLE n_role",
            "SET GLOBAL mandatory_roles = 'n_role'",
            "CREATE TABLE n_app.t (id INT PRIMARY KEY, p POINT SRID 990001)",
            "CREATE VIEW n_app.v AS SELECT id FROM n_app.t",
            "CREATE TABLE n_app.merged (id INT) ENGINE=BLACKHOLE",
            "ALTER DATABASE n_app READ ONLY = 1",
        ],
    )
    .await;
    let expected = [
        "tablespace n_space: ",
        "undo tablespace n_undo: ",
        "server n_server: ",
        "spatial reference system 990001: ",
        "persisted variable max_connections: ",
        "resource group n_group: ",
        "cost constant server_cost.row_evaluate_cost: ",
        "replication channel n_channel: ",
        "mandatory roles n_role: ",
        "users: 2 accounts and roles",
        "rows of table n_app.merged: ",
        "read-only option of schema n_app: ",
    ];
    let repo = Repo::new();
    let backup = repo.backup(&source, "n_app");
    assert!(backup.out.contains("not taken: ") && backup.out.contains("and 2 more"), "{}", backup.out);
    let shown = program::run(&["show", "--repo", &repo.place()]).expect(0);
    let json = program::run(&["show", "--repo", &repo.place(), "--json"]).expect(0);
    let listed = json.json()["manifest"]["not_taken"].as_array().unwrap().len();
    assert_eq!(listed, expected.len(), "{}", json.out);
    for line in expected {
        assert!(shown.out.contains(&format!("  not taken: {line}")), "{line} is not in\n{}", shown.out);
    }
    for out in [&backup.out, &shown.out, &json.out] {
        assert!(!out.contains("hidden"), "{out}");
    }
    // A table that needs one of them is refused by name, with what to do.
    let refused = repo.restore(&target, &[]).refused(33, &["table n_app.t", "990001"]);
    assert!(refused.err.contains("st_spatial_reference_systems"), "{}", refused.err);

    let without = repo.backup_with(&source, "n_app", &["--no-objects", "--json"]).expect(0).json();
    let without = without["not_taken"].to_string();
    assert!(without.contains("were left out (--no-objects)") && without.contains("n_space"), "{without}");
}
