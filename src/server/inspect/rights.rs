//! Rights without which information_schema shows fewer objects than there are, and says nothing of it (MySQL manual,
//! "The INFORMATION_SCHEMA TRIGGERS Table" and "... EVENTS Table"; seen on 9.7.4). What could not be seen is named.

use super::{NotTaken, is_system_schema};
use crate::schema::identifier::quote;
use crate::server::error::ServerError;
use crate::server::rights::Rights;
use crate::server::session::Session;

/// Adds a line for each schema whose routines, triggers or events this account would not be shown.
pub(super) async fn read(
    session: &mut Session,
    schemas: &[String],
    not_taken: &mut Vec<NotTaken>,
) -> Result<(), ServerError> {
    let rights = Rights::read(session).await?;
    // Either of these shows every routine; rights on a routine show that one, or its name without its text.
    let routines = rights.any(&["SELECT", "SHOW_ROUTINE"]);
    for schema in schemas.iter().filter(|schema| !is_system_schema(schema)) {
        let any = |right: &&str| rights.on_schema(right, schema);
        if !routines && !["EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE"].iter().any(any) {
            let why = "this account has neither SHOW_ROUTINE nor SELECT on all schemas, so that only its own were seen";
            not_taken.push(NotTaken::new("routines of schema", schema.clone(), why));
        }
        if !rights.on_schema("TRIGGER", schema) {
            let why = "this account lacks the TRIGGER right there, so that only some or none were seen";
            not_taken.push(NotTaken::new("triggers of schema", schema.clone(), why));
        }
        // Unlike information_schema, SHOW EVENTS tells a missing right from an empty answer.
        match session.query(format!("SHOW EVENTS FROM {}", quote(schema))).await {
            Err(error) if error.code() == Some(1044) => {
                let why = "this account lacks the EVENT right there, so that none were seen";
                not_taken.push(NotTaken::new("events of schema", schema.clone(), why));
            }
            other => drop(other?),
        }
    }
    Ok(())
}
