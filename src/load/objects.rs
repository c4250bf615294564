//! Routines, views, triggers and events on the target, each under the session that its original was made under.
//!
//! Comes in: objects of the backup, each with the schema it goes to, and a session set up for writing. Goes out:
//! [`ObjectsMade`]. An object that the target refuses does not end the restore: it is listed with the server's words.
//! Each is recorded in the ledger just before it is made, and taken out again where it was not. One that exists stays as
//! it is: made by the run where the ledger has it, else in the way. Session settings are those of a writer again afterwards.

mod views;

use super::error::LoadError;
use super::ledger;
use super::schema::define;
use crate::schema::identifier::{hex_literal, literal, quote};
use crate::schema::{Object, ObjectKind, QualifiedName, object_text};
use crate::server::ServerError;
use crate::server::session::{Done, Session, WRITER_SETUP};
use std::collections::HashSet;
use std::fmt;

/// When an object is made: code once the tables exist, triggers after the rows, events last of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Functions, procedures, packages, then views.
    Code,
    /// Triggers.
    Triggers,
    /// Events.
    Events,
}

impl Stage {
    /// True where objects of this kind are made in this stage.
    pub fn has(self, kind: ObjectKind) -> bool {
        self.kinds().contains(&kind) || (self == Stage::Code && kind == ObjectKind::View)
    }

    fn kinds(self) -> &'static [ObjectKind] {
        match self {
            Stage::Code => &[ObjectKind::Function, ObjectKind::Procedure, ObjectKind::Package, ObjectKind::PackageBody],
            Stage::Triggers => &[ObjectKind::Trigger],
            Stage::Events => &[ObjectKind::Event],
        }
    }
}

/// An object that is not on the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCreated {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name on the target.
    pub name: QualifiedName,
    /// Why, in the server's words where it refused.
    pub why: String,
}

impl fmt::Display for NotCreated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.name, self.why)
    }
}

/// What a stage did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectsMade {
    /// Made now.
    pub created: usize,
    /// Not made, and not there from an earlier try of the same run either.
    pub not_created: Vec<NotCreated>,
    /// What the server warned of.
    pub notes: Vec<String>,
}

/// Makes the objects of one stage out of `objects`, which stand with the names of their target schemas. Triggers of a
/// table must come in their order, as [`crate::server::inspect::inspect`] gives them. `tables` are those of the backup.
pub async fn create_objects(
    session: &mut Session,
    objects: &[(&Object, &str)],
    tables: &HashSet<QualifiedName>,
    stage: Stage,
) -> Result<ObjectsMade, LoadError> {
    let mut made = ObjectsMade::default();
    // Messages are read to find out what a view lacks.
    session.execute("SET SESSION lc_messages='en_US'").await?;
    for kind in stage.kinds() {
        for (object, schema) in objects.iter().filter(|(object, _)| object.kind == *kind) {
            let outcome = create_one(session, object, schema).await?;
            made.add(object, schema, outcome);
        }
    }
    if stage == Stage::Code {
        views::create(session, objects, tables, &mut made).await?;
    }
    session.execute(WRITER_SETUP).await?;
    Ok(made)
}

/// Drops what stood in for things that views read, where a run died before it could.
pub(super) async fn drop_stand_ins(session: &mut Session, schemas: &[&str]) -> Result<(), ServerError> {
    match schemas {
        [] => Ok(()),
        schemas => views::drop_left_over(session, schemas, &HashSet::new(), &HashSet::new()).await,
    }
}

/// What [`drop_stand_ins`] would drop: `table` or `function`, and its name.
pub(super) async fn stand_ins(
    session: &mut Session,
    schemas: &[&str],
) -> Result<Vec<(&'static str, QualifiedName)>, ServerError> {
    match schemas {
        [] => Ok(Vec::new()),
        schemas => views::left_over(session, schemas).await,
    }
}

impl ObjectsMade {
    fn add(&mut self, object: &Object, schema: &str, outcome: Outcome) {
        let name = QualifiedName::new(schema, object.name.name.clone());
        match outcome {
            Outcome::Created(notes) => {
                self.created += 1;
                self.notes.extend(notes.into_iter().map(|note| format!("{} {name}: {note}", object.kind)));
            }
            Outcome::Ours => {}
            Outcome::Refused(error) => self.refuse(object, name, why(&error)),
            Outcome::Impossible(why) => self.refuse(object, name, why),
        }
    }

    fn refuse(&mut self, object: &Object, name: QualifiedName, why: String) {
        self.not_created.push(NotCreated { kind: object.kind, name, why });
    }
}

/// The server's answer, with what to do about it where that is known.
fn why(error: &ServerError) -> String {
    let advice = match error.code() {
        Some(1418 | 1419) => "; set log_bin_trust_function_creators=ON on the target while restoring",
        Some(1227) => "; grant SET_ANY_DEFINER and ALLOW_NONEXISTENT_DEFINER to the restoring account",
        Some(1298) => "; load the time zone tables on the target",
        _ => "",
    };
    format!("{error}{advice}")
}

/// What became of one object.
#[derive(Debug)]
enum Outcome {
    /// Made; what the server warned of.
    Created(Vec<String>),
    /// The run has made it before.
    Ours,
    /// The server refused it.
    Refused(ServerError),
    /// It cannot be made, and why.
    Impossible(String),
}

/// Makes one object. Only a failure of the session itself is an error.
async fn create_one(session: &mut Session, object: &Object, schema: &str) -> Result<Outcome, ServerError> {
    let text = match statement(session, object).await? {
        Ok(text) => text,
        Err(why) => return Ok(Outcome::Impossible(why)),
    };
    session.execute(format!("USE {}", quote(schema))).await?;
    let put_back = match set_database_collation(session, object, schema).await {
        Ok(put_back) => put_back,
        Err(error) if error.code().is_some() => return Ok(Outcome::Refused(error)),
        Err(error) => return Err(error),
    };
    let name = QualifiedName::new(schema, object.name.name.clone());
    let new = ledger::object_begun(session, object.kind, &name).await?;
    let outcome = create_as_its_maker(session, object, &text).await?;
    if let Some(collation) = put_back {
        define(session, alter_collation(schema, &collation)).await?;
        ledger::forget_collation(session, schema).await?;
    }
    // Whoever makes it from here on is not the run.
    if new && !matches!(outcome, Outcome::Created(_)) {
        ledger::forget_objects(session, &[(object.kind, name)]).await?;
    }
    Ok(match outcome {
        Outcome::Ours if new => Outcome::Impossible(TAKEN.into()),
        outcome => outcome,
    })
}

/// Why an object was not made whose name is taken.
const TAKEN: &str = "the target has another of this name";

/// Sets the session as it was for the object's maker, creates, and sets it back so far that own statements work.
async fn create_as_its_maker(session: &mut Session, object: &Object, text: &[u8]) -> Result<Outcome, ServerError> {
    let mut settings = format!(
        "SET SESSION character_set_client={}, SESSION collation_connection={}, SESSION sql_mode={}",
        object.charset_client,
        object.collation_connection,
        literal(&object.sql_mode)
    );
    if let Some(zone) = &object.time_zone {
        settings.push_str(&format!(", SESSION time_zone={}", literal(zone)));
    }
    let result = match session.execute(settings).await {
        Ok(_) => match is_one_statement(session, text).await {
            Ok(()) => define(session, text).await,
            refused => refused.map(|()| Done::default()),
        },
        Err(error) => Err(error),
    };
    // SHOW WARNINGS comes first: it tells about the last statement that could warn.
    let warnings = match &result {
        Ok(done) if done.warnings > 0 => session.query("SHOW WARNINGS").await?,
        _ => Vec::new(),
    };
    session.execute("SET SESSION character_set_client=utf8mb4, SESSION sql_mode=''").await?;
    match result {
        Ok(_) => {
            // The event's time has passed: the server says so and makes none.
            if let Some(row) = warnings.iter().find(|row| row.number(1) == 1588) {
                return Ok(Outcome::Impossible(row.text(2)));
            }
            // 1300: a 4-byte character in a body, which is stored in full all the same.
            let telling = warnings.iter().filter(|row| row.number(1) != 1300);
            Ok(Outcome::Created(telling.map(|row| format!("{} ({})", row.text(2), row.text(1))).collect()))
        }
        // Table (or view), routine, trigger, event of that name exists.
        Err(error) if matches!(error.code(), Some(1050 | 1304 | 1359 | 1537)) => Ok(Outcome::Ours),
        Err(error) if error.code().is_some() => Ok(Outcome::Refused(error)),
        Err(error) => Err(error),
    }
}

/// "This command is not supported in the prepared statement protocol yet": said of most definitions of code, once they are parsed.
const NOT_PREPARED: u16 = 1295;

/// Lets the server parse the text as one statement, without running it. The driver's sessions take several statements in
/// one text, and where a routine's body ends depends on its sql_mode and character set; PREPARE takes one alone, and says
/// of any more that it is no syntax (seen on MySQL 9.7.4 and MariaDB 10.11). It refuses what CREATE would refuse as well.
async fn is_one_statement(session: &mut Session, text: &[u8]) -> Result<(), ServerError> {
    // A byte string is not converted, whatever the session's character set.
    session.execute(format!("SET @myriad_text = {}", hex_literal(text))).await?;
    let parsed = session.execute("PREPARE myriad_one FROM @myriad_text").await;
    session.execute("SET @myriad_text = NULL").await?;
    match parsed {
        Ok(_) => session.execute("DEALLOCATE PREPARE myriad_one").await.map(drop),
        Err(error) if error.code() == Some(NOT_PREPARED) => Ok(()),
        Err(error) => Err(error.of_statement(text)),
    }
}

/// Parameters and variables without a character set of their own have that of the schema at the time the object was
/// made. Where the schema has another by now it is changed for the moment; returns what to put back.
async fn set_database_collation(
    session: &mut Session,
    object: &Object,
    schema: &str,
) -> Result<Option<String>, ServerError> {
    if object.database_collation.is_empty() {
        return Ok(None);
    }
    let present = session.query_first("SELECT @@collation_database").await?.map(|row| row.text(0)).unwrap_or_default();
    if present == object.database_collation {
        return Ok(None);
    }
    ledger::collation_begun(session, schema, &present, &object.database_collation).await?;
    define(session, alter_collation(schema, &object.database_collation)).await?;
    Ok(Some(present))
}

fn alter_collation(schema: &str, collation: &str) -> String {
    format!("ALTER DATABASE {} COLLATE {collation}", quote(schema))
}

/// The CREATE statement in the object's own character set, or why there is none.
async fn statement(session: &mut Session, object: &Object) -> Result<Result<Vec<u8>, String>, ServerError> {
    let pieces = match object_text::utf8_pieces(object) {
        Ok(pieces) => pieces,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let text = &object.create.0;
    let charset = object.charset_client.as_str();
    let convert = !charset.starts_with("utf8") && charset != "binary";
    let no_backslash = object.sql_mode.split(',').any(|mode| mode == "NO_BACKSLASH_ESCAPES");
    let mut statement = Vec::with_capacity(text.len());
    let mut at = 0;
    for piece in pieces.utf8 {
        statement.extend_from_slice(&text[at..piece.start]);
        let mut bytes = text[piece.clone()].to_vec();
        if let Some(comment) = pieces.comment.clone().filter(|comment| no_backslash && piece.contains(&comment.start)) {
            let place = comment.start - piece.start..comment.end - piece.start;
            bytes.splice(place, object_text::comment_as_written(&text[comment]));
        }
        if convert && !bytes.is_ascii() {
            match converted(session, &bytes, charset).await? {
                Some(converted) => bytes = converted,
                None => return Ok(Err(format!("its name, definer or comment has no form in its charset {charset}"))),
            }
        }
        statement.extend(bytes);
        at = piece.end;
    }
    statement.extend_from_slice(&text[at..]);
    let strict_not = object.sql_mode.split(',').any(|mode| mode == "HIGH_NOT_PRECEDENCE");
    match strict_not && object.kind == ObjectKind::Event {
        true => Ok(Ok(object_text::without_default_completion(&statement))),
        false => Ok(Ok(statement)),
    }
}

/// UTF-8 text in another character set, by the server; none where it has characters that the set lacks.
async fn converted(session: &mut Session, text: &[u8], charset: &str) -> Result<Option<Vec<u8>>, ServerError> {
    let there = format!("CONVERT(_utf8mb4 {} USING {charset})", hex_literal(text));
    let row = session.query_first(format!("SELECT {there}, CONVERT({there} USING utf8mb4)")).await?;
    Ok(row.filter(|row| row.bytes(1) == text).map(|row| row.bytes(0)))
}
