//! What a server holds beside its schemas and what hangs on tables without being a definition: named, not taken.

use super::ledger;
use super::{LEDGER_SCHEMA, NotTaken, USERS, Wanted, is_system_schema};
use crate::server::error::ServerError;
use crate::server::session::Session;

/// One kind of thing: a query whose rows give a name, or schema, table and name.
struct Kind {
    kind: &'static str,
    why: &'static str,
    sql: &'static str,
}

const KINDS: &[Kind] = &[
    Kind {
        kind: "tablespace",
        why: "general tablespaces are not made anew",
        sql: "SELECT NAME FROM information_schema.innodb_tablespaces WHERE SPACE_TYPE = 'General' AND NAME <> 'mysql'",
    },
    Kind {
        kind: "undo tablespace",
        why: "it holds nothing that a restore needs",
        sql: "SELECT NAME FROM information_schema.innodb_tablespaces \
              WHERE SPACE_TYPE = 'Undo' AND NAME NOT IN ('innodb_undo_001', 'innodb_undo_002')",
    },
    Kind {
        kind: "spatial reference system",
        why: "it must be made on the target before a column that names it",
        // Those that a server brings are EPSG's, under EPSG's own numbers, and 0.
        sql: "SELECT SRS_ID FROM information_schema.st_spatial_reference_systems WHERE SRS_ID <> 0 \
              AND (ORGANIZATION IS NULL OR ORGANIZATION <> 'EPSG' OR ORGANIZATION_COORDSYS_ID <> SRS_ID)",
    },
    Kind {
        kind: "cost constant",
        why: "settings belong to the server and not to its data",
        sql: "SELECT CONCAT('server_cost.', cost_name) FROM mysql.server_cost WHERE cost_value IS NOT NULL UNION ALL \
              SELECT CONCAT('engine_cost.', cost_name) FROM mysql.engine_cost WHERE cost_value IS NOT NULL",
    },
    Kind {
        kind: "replication channel",
        why: "its settings hold a password",
        sql: "SELECT IF(CHANNEL_NAME = '', 'default', CHANNEL_NAME) \
              FROM performance_schema.replication_connection_configuration WHERE HOST <> ''",
    },
    Kind { kind: "server", why: "CREATE SERVER entries hold passwords", sql: "SELECT Server_name FROM mysql.servers" },
    Kind { kind: "loadable function", why: "its library is a file of the server", sql: "SELECT name FROM mysql.func" },
    Kind { kind: "plugin", why: "its library is a file of the server", sql: "SELECT name FROM mysql.plugin" },
    Kind {
        kind: "component",
        why: "its library is a file of the server",
        sql: "SELECT component_urn FROM mysql.component",
    },
    Kind {
        kind: "persisted variable",
        why: "settings belong to the server and not to its data",
        sql: "SELECT VARIABLE_NAME FROM performance_schema.persisted_variables",
    },
    Kind {
        kind: "mandatory roles",
        why: "settings belong to the server and not to its data",
        sql: "SELECT @@GLOBAL.mandatory_roles FROM DUAL WHERE @@GLOBAL.mandatory_roles <> ''",
    },
    Kind {
        kind: "resource group",
        why: "it belongs to the machine",
        sql: "SELECT RESOURCE_GROUP_NAME FROM information_schema.resource_groups \
              WHERE RESOURCE_GROUP_NAME NOT IN ('USR_default', 'SYS_default', 'SYS_internal')",
    },
    Kind {
        kind: "statistics",
        why: "ANALYZE TABLE … PERSISTENT makes them anew",
        sql: "SELECT db_name, table_name, NULL FROM mysql.table_stats",
    },
    Kind {
        kind: "library",
        why: "libraries of other languages are not taken",
        sql: "SELECT LIBRARY_SCHEMA, NULL, LIBRARY_NAME FROM information_schema.libraries",
    },
    Kind {
        kind: "read-only option of schema",
        why: "a restored schema can be written",
        sql: "SELECT SCHEMA_NAME, NULL, NULL FROM information_schema.schemata_extensions \
              WHERE OPTIONS LIKE '%READ ONLY=1%'",
    },
];

/// Accounts that the server makes for itself.
const COUNT_USERS: &str = "SELECT COUNT(*), COALESCE(MAX(VERSION()), '') LIKE '%MariaDB%' FROM mysql.user \
    WHERE User NOT IN ('mysql.sys', 'mysql.session', 'mysql.infoschema', 'mariadb.sys')";

/// Adds everything found. What this account may not look at is named as such; what this kind of server does not
/// have is passed over.
pub(super) async fn read(
    session: &mut Session,
    wanted: &Wanted<'_>,
    not_taken: &mut Vec<NotTaken>,
) -> Result<(), ServerError> {
    for Kind { kind, why, sql } in KINDS {
        let Some(rows) = ask(session, kind, sql, not_taken).await? else { continue };
        for row in rows {
            if row.0.len() == 1 {
                not_taken.push(NotTaken::new(kind, row.text(0), *why));
                continue;
            }
            let (schema, table) = (row.text(0), row.opt_text(1));
            if !is_system_schema(&schema) && wanted(&schema, table.as_deref()) {
                let parts = [Some(schema), table, row.opt_text(2)];
                let name: Vec<_> = parts.into_iter().flatten().collect();
                not_taken.push(NotTaken::new(kind, name.join("."), *why));
            }
        }
    }
    if wanted(LEDGER_SCHEMA, None) {
        let foreign = ledger::look(session).await?.unwrap_or_default().foreign;
        if !foreign.is_empty() {
            let holds = ledger::some_of(&foreign);
            let why = format!("it has the name under which a restore keeps its state, but holds {holds}");
            not_taken.push(NotTaken::new("schema", LEDGER_SCHEMA, why));
        }
    }
    if let Some(rows) = ask(session, USERS, COUNT_USERS, not_taken).await? {
        let (count, mariadb) = rows.first().map(|row| (row.number(0), row.number(1) == 1)).unwrap_or_default();
        let taken_by = if mariadb { "" } else { "; --users takes them" };
        not_taken.push(NotTaken::new(USERS, "", format!("{count} accounts and roles with their grants{taken_by}")));
    }
    Ok(())
}

async fn ask(
    session: &mut Session,
    kind: &str,
    sql: &str,
    not_taken: &mut Vec<NotTaken>,
) -> Result<Option<Vec<crate::server::Row>>, ServerError> {
    match session.query(sql).await {
        Ok(rows) => Ok(Some(rows)),
        // No such table, column or variable, or a table of the dictionary's own: this kind of server has no such thing.
        Err(error) if matches!(error.code(), Some(1054 | 1109 | 1146 | 1193 | 3554)) => Ok(None),
        Err(error) if matches!(error.code(), Some(1044 | 1045 | 1142 | 1143 | 1227)) => {
            not_taken.push(NotTaken::new(kind, "", "this account may not look whether there are any"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
