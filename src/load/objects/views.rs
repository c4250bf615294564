//! Views, in an order that their references allow, and views whose references are gone.
//!
//! A view that cannot be made yet is put off until no more can be made. What then remains refers to something that
//! the target does not have, as it may have done on the source (the server keeps such a view). A stand-in, an empty
//! table or a function of that name, lets the server take the exact definition; all stand-ins go at the end, and the
//! view is as broken as it was. Stand-ins carry a comment by which a later run finds those of a run that died.

use super::{ObjectsMade, Outcome, create_one};
use crate::load::error::LoadError;
use crate::schema::identifier::{literal, quote};
use crate::schema::{Object, ObjectKind, QualifiedName};
use crate::server::ServerError;
use crate::server::session::Session;

const STAND_IN: &str = "stand-in made by myriad while views are restored";

/// How many stand-ins and columns of stand-ins one view may take before it is given up.
const TRIES_PER_VIEW: usize = 2000;

/// Makes the views among `objects`.
pub(super) async fn create(
    session: &mut Session,
    objects: &[(&Object, &str)],
    made: &mut ObjectsMade,
) -> Result<(), LoadError> {
    let views: Vec<_> = objects.iter().copied().filter(|(object, _)| object.kind == ObjectKind::View).collect();
    if views.is_empty() {
        return Ok(());
    }
    let mut schemas: Vec<_> = views.iter().map(|(_, schema)| *schema).collect();
    schemas.sort_unstable();
    schemas.dedup();
    drop_left_over(session, &schemas).await?;
    let mut waiting = as_far_as_possible(session, views, made).await?;
    let mut stand_ins = StandIns { schemas, tables: Vec::new(), functions: Vec::new() };
    while !waiting.is_empty() {
        let Refused { view, schema, error } = waiting.remove(0);
        let outcome = with_stand_ins(session, view, schema, error, &mut stand_ins).await?;
        made.add(view, schema, outcome);
        let rest = waiting.into_iter().map(|refused| (refused.view, refused.schema)).collect();
        waiting = as_far_as_possible(session, rest, made).await?;
    }
    stand_ins.drop(session).await?;
    Ok(())
}

/// A view that the server refused, and its words.
struct Refused<'a> {
    view: &'a Object,
    schema: &'a str,
    error: ServerError,
}

/// Makes views until a whole round makes none; returns the others.
async fn as_far_as_possible<'a>(
    session: &mut Session,
    mut views: Vec<(&'a Object, &'a str)>,
    made: &mut ObjectsMade,
) -> Result<Vec<Refused<'a>>, ServerError> {
    loop {
        let mut refused = Vec::new();
        for (view, schema) in &views {
            match create_one(session, view, schema).await? {
                Outcome::Refused(error) => refused.push(Refused { view, schema, error }),
                outcome => made.add(view, schema, outcome),
            }
        }
        if refused.is_empty() || refused.len() == views.len() {
            return Ok(refused);
        }
        views = refused.iter().map(|refused| (refused.view, refused.schema)).collect();
    }
}

/// Tries a view again with a stand-in for what each error says is missing.
async fn with_stand_ins(
    session: &mut Session,
    view: &Object,
    schema: &str,
    first: ServerError,
    stand_ins: &mut StandIns<'_>,
) -> Result<Outcome, ServerError> {
    let why = message(&first).to_owned();
    let mut error = first;
    for _ in 0..TRIES_PER_VIEW {
        if !stand_ins.answer(session, &error, schema).await? {
            break;
        }
        match create_one(session, view, schema).await? {
            Outcome::Created(mut notes) => {
                notes.push(format!("made as it is, although it refers to what the target does not have: {why}"));
                return Ok(Outcome::Created(notes));
            }
            Outcome::Refused(next) => error = next,
            other => return Ok(other),
        }
    }
    Ok(Outcome::Refused(error))
}

fn message(error: &ServerError) -> &str {
    match error {
        ServerError::Statement { message, .. } => message,
        _ => "",
    }
}

/// The stand-ins that exist now.
struct StandIns<'a> {
    /// Where they may be: in schemas that are restored, not in those of others.
    schemas: Vec<&'a str>,
    tables: Vec<(QualifiedName, Vec<String>)>,
    functions: Vec<(QualifiedName, usize)>,
}

impl StandIns<'_> {
    /// Makes or widens a stand-in so that `error` does not come again; false where that is not possible.
    async fn answer(&mut self, session: &mut Session, error: &ServerError, schema: &str) -> Result<bool, ServerError> {
        let text = message(error);
        let done = match error.code() {
            Some(1146) => match between(text, "Table '", "' doesn't exist").and_then(|name| self.place(name, schema)) {
                Some(name) => self.table(session, name).await,
                None => return Ok(false),
            },
            Some(1054) => match between(text, "Unknown column '", "' in '").and_then(|path| path.rsplit('.').next()) {
                Some(column) => self.column(session, column).await,
                None => return Ok(false),
            },
            Some(1305) => match between(text, "FUNCTION ", " does not exist").and_then(|name| self.place(name, schema))
            {
                Some(name) => self.function(session, name, 0).await,
                None => return Ok(false),
            },
            Some(1318) => match arguments(text).and_then(|(name, count)| Some((self.place(name, schema)?, count))) {
                Some((name, count)) => self.function(session, name, count).await,
                None => return Ok(false),
            },
            _ => return Ok(false),
        };
        match done {
            Err(error) if error.code().is_some() => Ok(false),
            other => other,
        }
    }

    /// Where `schema.name`, which messages print unquoted, may have a stand-in. Dots are told apart by the view's schema.
    fn place(&self, name: &str, schema: &str) -> Option<QualifiedName> {
        let own = name.strip_prefix(schema).and_then(|rest| rest.strip_prefix('.'));
        let (schema, name) = own.map(|name| (schema, name)).or_else(|| name.split_once('.'))?;
        self.schemas.contains(&schema).then(|| QualifiedName::new(schema, name))
    }

    async fn table(&mut self, session: &mut Session, name: QualifiedName) -> Result<bool, ServerError> {
        let sql = format!("CREATE TABLE {} (`stand in` int PRIMARY KEY) COMMENT={}", name.sql(), literal(STAND_IN));
        session.execute(sql).await?;
        self.tables.push((name, Vec::new()));
        Ok(true)
    }

    /// Adds a column to every stand-in that lacks it: the message names the table by its alias in the view, and since
    /// a view's text names each column with its table, a column too many does no harm.
    async fn column(&mut self, session: &mut Session, column: &str) -> Result<bool, ServerError> {
        let mut widened = false;
        for (name, columns) in &mut self.tables {
            if !columns.iter().any(|present| present.eq_ignore_ascii_case(column)) {
                let sql = format!("ALTER TABLE {} ADD {} varchar(1)", name.sql(), quote(column));
                session.execute(sql).await?;
                columns.push(column.to_owned());
                widened = true;
            }
        }
        Ok(widened)
    }

    async fn function(
        &mut self,
        session: &mut Session,
        name: QualifiedName,
        count: usize,
    ) -> Result<bool, ServerError> {
        if let Some(at) = self.functions.iter().position(|(made, _)| *made == name) {
            let (made, before) = self.functions.remove(at);
            session.execute(format!("DROP FUNCTION {}", made.sql())).await?;
            if before == count {
                return Ok(false);
            }
        } else if count > 0 {
            // The function is a real one that takes another number of arguments.
            return Ok(false);
        }
        let parameters: Vec<_> = (0..count).map(|i| format!("p{i} int")).collect();
        let sql = format!(
            "CREATE FUNCTION {}({}) RETURNS int DETERMINISTIC NO SQL COMMENT {} RETURN 1",
            name.sql(),
            parameters.join(", "),
            literal(STAND_IN)
        );
        session.execute(sql).await?;
        self.functions.push((name, count));
        Ok(true)
    }

    async fn drop(self, session: &mut Session) -> Result<(), ServerError> {
        for (name, _) in self.tables {
            session.execute(format!("DROP TABLE {}", name.sql())).await?;
        }
        for (name, _) in self.functions {
            session.execute(format!("DROP FUNCTION {}", name.sql())).await?;
        }
        Ok(())
    }
}

/// Drops what a run that died has left.
async fn drop_left_over(session: &mut Session, schemas: &[&str]) -> Result<(), ServerError> {
    let list: Vec<_> = schemas.iter().map(|schema| literal(schema)).collect();
    let (list, comment) = (list.join(", "), literal(STAND_IN));
    let tables = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.tables \
         WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({list}) AND TABLE_COMMENT = {comment}"
    );
    let functions = format!(
        "SELECT ROUTINE_SCHEMA, ROUTINE_NAME FROM information_schema.routines \
         WHERE ROUTINE_TYPE = 'FUNCTION' AND ROUTINE_SCHEMA IN ({list}) AND ROUTINE_COMMENT = {comment}"
    );
    for (word, sql) in [("TABLE", tables), ("FUNCTION", functions)] {
        for row in session.query(sql).await? {
            let name = QualifiedName::new(row.text(0), row.text(1));
            session.execute(format!("DROP {word} {}", name.sql())).await?;
        }
    }
    Ok(())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.rsplit_once(after).map(|(inside, _)| inside)
}

/// `Incorrect number of arguments for FUNCTION s.f; expected 0, got 2`: the name and what the view gives it.
fn arguments(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix("Incorrect number of arguments for FUNCTION ")?;
    let (name, numbers) = rest.rsplit_once("; expected ")?;
    let (_, got) = numbers.rsplit_once(", got ")?;
    Some((name, got.parse().ok()?))
}
