//! Views, in an order that their references allow, and views that the server would not take any more.
//!
//! A view that cannot be made yet is put off until no more can be made. What then remains is made in two ways, both of
//! which end with the exact definition. It refers to something that the target does not have, as it may have done on
//! the source: a stand-in, an empty table or a function of that name, is there while views are made. Or it reads a view
//! whose definer does not exist or lacks rights: that view is its own again once the other is made. Stand-ins carry a
//! comment by which a later run finds those of a run that died.

use super::{ObjectsMade, Outcome, TAKEN, create_one};
use crate::load::error::LoadError;
use crate::load::ledger;
use crate::schema::identifier::{literal, quote};
use crate::schema::{Object, ObjectKind, QualifiedName, SqlText, object_text};
use crate::server::ServerError;
use crate::server::session::Session;
use std::collections::HashSet;

const STAND_IN: &str = "stand-in made by myriad while views are restored";

/// How many stand-ins and columns of stand-ins one view may take before it is given up.
const TRIES_PER_VIEW: usize = 2000;

/// Makes the views among `objects`.
pub(super) async fn create(
    session: &mut Session,
    objects: &[(&Object, &str)],
    tables: &HashSet<QualifiedName>,
    made: &mut ObjectsMade,
) -> Result<(), LoadError> {
    let views: Vec<_> = objects.iter().copied().filter(|(object, _)| object.kind == ObjectKind::View).collect();
    if views.is_empty() {
        return Ok(());
    }
    let mut schemas: Vec<_> = views.iter().map(|(_, schema)| *schema).collect();
    schemas.sort_unstable();
    schemas.dedup();
    let functions = objects.iter().filter(|(object, _)| object.kind == ObjectKind::Function);
    let functions = functions.map(|(object, schema)| QualifiedName::new(*schema, object.name.name.clone())).collect();
    drop_left_over(session, &schemas, tables, &functions).await?;
    // Asked, not tried: of a view that exists and whose definer does not, the server says the latter.
    let present = present(session, &schemas).await?;
    let place = |view: &Object, schema: &str| QualifiedName::new(schema, view.name.name.clone());
    let names = views.iter().map(|(view, schema)| place(view, schema)).collect();
    let (existing, views): (Vec<_>, Vec<_>) =
        views.into_iter().partition(|(view, schema)| present.contains(&place(view, schema)));
    for (view, schema) in existing {
        if !ledger::has_object(session, view.kind, &place(view, schema)).await? {
            made.add(view, schema, Outcome::Impossible(TAKEN.into()));
        }
    }
    let mut stand_ins = StandIns { schemas, views: names, tables: Vec::new(), functions: Vec::new() };
    let mut done = Vec::new();
    let mut refused = Vec::new();
    let mut waiting = as_far_as_possible(session, views, &mut done, made).await?;
    while !waiting.is_empty() {
        let Refused { view, schema, .. } = waiting.remove(0);
        match with_stand_ins(session, view, schema, &mut stand_ins).await? {
            Outcome::Refused(error) => refused.push(Refused { view, schema, error }),
            outcome => {
                done.push((view, schema));
                made.add(view, schema, outcome);
            }
        }
        let rest = waiting.into_iter().map(|refused| (refused.view, refused.schema)).collect();
        waiting = as_far_as_possible(session, rest, &mut done, made).await?;
    }
    if refused.iter().any(|refused| matches!(refused.error.code(), Some(1356 | 1449))) {
        refused = under_own_definer(session, done, refused, &mut stand_ins, made).await?;
    }
    for Refused { view, schema, error } in refused {
        made.add(view, schema, Outcome::Refused(error));
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

/// Makes views until a whole round makes none; adds them to `done` in the order they were made, returns the others.
async fn as_far_as_possible<'a>(
    session: &mut Session,
    mut views: Vec<(&'a Object, &'a str)>,
    done: &mut Vec<(&'a Object, &'a str)>,
    made: &mut ObjectsMade,
) -> Result<Vec<Refused<'a>>, ServerError> {
    loop {
        let mut refused = Vec::new();
        for (view, schema) in &views {
            match create_one(session, view, schema).await? {
                Outcome::Refused(error) => refused.push(Refused { view, schema, error }),
                outcome => {
                    done.push((view, schema));
                    made.add(view, schema, outcome);
                }
            }
        }
        if refused.is_empty() || refused.len() == views.len() {
            return Ok(refused);
        }
        views = refused.iter().map(|refused| (refused.view, refused.schema)).collect();
    }
}

/// The server resolves a view through the definers of the views that it reads. Where that fails (1449: no such
/// account, 1356: it lacks rights) all views of this run belong to the restoring account for a moment, which tells
/// their columns; then each is made as it is while tables stand in for the views that it reads. Returns what was
/// refused even so.
async fn under_own_definer<'a>(
    session: &mut Session,
    done: Vec<(&'a Object, &'a str)>,
    mut waiting: Vec<Refused<'a>>,
    stand_ins: &mut StandIns<'_>,
    made: &mut ObjectsMade,
) -> Result<Vec<Refused<'a>>, ServerError> {
    // In the order they can be made: what is read before its readers.
    let mut own = Vec::new();
    for (view, schema) in done {
        if take_over(session, view, schema, stand_ins).await? {
            own.push((view, schema, false));
        }
    }
    loop {
        let before = waiting.len();
        let mut again = Vec::new();
        for Refused { view, schema, error } in waiting {
            match take_over(session, view, schema, stand_ins).await? {
                true => own.push((view, schema, true)),
                false => again.push(Refused { view, schema, error }),
            }
        }
        waiting = again;
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    for (view, schema, _) in &own {
        become_table(session, &QualifiedName::new(*schema, view.name.name.clone())).await?;
    }
    for (view, schema, late) in own.into_iter().rev() {
        let name = QualifiedName::new(schema, view.name.name.clone());
        session.execute(format!("DROP TABLE IF EXISTS {}", name.sql())).await?;
        match (create_one(session, view, schema).await?, late) {
            (Outcome::Refused(error), _) => waiting.push(Refused { view, schema, error }),
            (Outcome::Created(_), true) => {
                let note =
                    "made as it is; it can be used once the definers of the views it reads exist with their rights";
                made.add(view, schema, Outcome::Created(vec![note.to_owned()]));
            }
            (outcome, true) => made.add(view, schema, outcome),
            // Counted when it was made first.
            (_, false) => {}
        }
    }
    Ok(waiting)
}

/// Makes a view, new or in place of the one that exists, as one of the restoring account.
async fn take_over(
    session: &mut Session,
    view: &Object,
    schema: &str,
    stand_ins: &mut StandIns<'_>,
) -> Result<bool, ServerError> {
    let Some(create) = object_text::with_own_definer(&view.create.0) else { return Ok(false) };
    let own = Object { create: SqlText(create), ..view.clone() };
    Ok(matches!(with_stand_ins(session, &own, schema, stand_ins).await?, Outcome::Created(_)))
}

/// An empty table with the columns of the view, in its place. Where the server refuses, there is neither: only the
/// views that read it are refused then.
async fn become_table(session: &mut Session, view: &QualifiedName) -> Result<(), ServerError> {
    let aside = QualifiedName::new(view.schema.clone(), "stand in of a view");
    let comment = literal(STAND_IN);
    // With a primary key, which some servers demand; a view's text names its columns, so one too many does no harm.
    let copy = format!(
        "CREATE TABLE {} (`stand in` int PRIMARY KEY) COMMENT={comment} AS SELECT * FROM {} LIMIT 0",
        aside.sql(),
        view.sql()
    );
    let copied = session.execute(copy).await;
    session.execute(format!("DROP VIEW {}", view.sql())).await?;
    match copied {
        Ok(_) => session.execute(format!("RENAME TABLE {} TO {}", aside.sql(), view.sql())).await.map(drop),
        Err(error) if error.code().is_some() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a view, with a stand-in for whatever the server says is missing.
async fn with_stand_ins(
    session: &mut Session,
    view: &Object,
    schema: &str,
    stand_ins: &mut StandIns<'_>,
) -> Result<Outcome, ServerError> {
    let mut first = None;
    for _ in 0..TRIES_PER_VIEW {
        let error = match (create_one(session, view, schema).await?, first) {
            (Outcome::Created(mut notes), Some(why)) => {
                notes.push(format!("made as it is, although it refers to what the target does not have: {why}"));
                return Ok(Outcome::Created(notes));
            }
            (Outcome::Refused(error), why) => {
                first = why.or_else(|| Some(message(&error).to_owned()));
                error
            }
            (other, _) => return Ok(other),
        };
        if !stand_ins.answer(session, &error, schema).await? {
            return Ok(Outcome::Refused(error));
        }
    }
    Ok(Outcome::Impossible("it refers to too much that the target does not have".into()))
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
    /// Views of this run, which are made themselves.
    views: HashSet<QualifiedName>,
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

    /// Where `schema.name`, which messages print unquoted, may have a stand-in. Dots are told apart by the view's
    /// schema.
    fn place(&self, name: &str, schema: &str) -> Option<QualifiedName> {
        let own = name.strip_prefix(schema).and_then(|rest| rest.strip_prefix('.'));
        let (schema, name) = own.map(|name| (schema, name)).or_else(|| name.split_once('.'))?;
        let place = QualifiedName::new(schema, name);
        (self.schemas.contains(&schema) && !self.views.contains(&place)).then_some(place)
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

/// The views that the schemas have by now.
async fn present(session: &mut Session, schemas: &[&str]) -> Result<HashSet<QualifiedName>, ServerError> {
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.tables \
         WHERE TABLE_TYPE = 'VIEW' AND TABLE_SCHEMA IN ({})",
        list(schemas)
    );
    let rows = session.query(sql).await?;
    Ok(rows.iter().map(|row| QualifiedName::new(row.text(0), row.text(1))).collect())
}

fn list(schemas: &[&str]) -> String {
    schemas.iter().map(|schema| literal(schema)).collect::<Vec<_>>().join(", ")
}

/// Drops what a run that died has left.
pub(super) async fn drop_left_over(
    session: &mut Session,
    schemas: &[&str],
    tables_of_backup: &HashSet<QualifiedName>,
    functions_of_backup: &HashSet<QualifiedName>,
) -> Result<(), ServerError> {
    for (kind, name) in left_over(session, schemas).await? {
        // A backup of a server where a restore died holds stand-ins as tables of its own.
        let of_backup = if kind == "table" { tables_of_backup } else { functions_of_backup };
        if !of_backup.contains(&name) {
            session.execute(format!("DROP {kind} {}", name.sql())).await?;
        }
    }
    Ok(())
}

/// What a run that died has left: `table` or `function`, and its name.
pub(super) async fn left_over(
    session: &mut Session,
    schemas: &[&str],
) -> Result<Vec<(&'static str, QualifiedName)>, ServerError> {
    let (list, comment) = (list(schemas), literal(STAND_IN));
    let tables = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.tables \
         WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({list}) AND TABLE_COMMENT = {comment}"
    );
    let functions = format!(
        "SELECT ROUTINE_SCHEMA, ROUTINE_NAME FROM information_schema.routines \
         WHERE ROUTINE_TYPE = 'FUNCTION' AND ROUTINE_SCHEMA IN ({list}) AND ROUTINE_COMMENT = {comment}"
    );
    let mut found = Vec::new();
    for (kind, sql) in [("table", tables), ("function", functions)] {
        for row in session.query(sql).await? {
            let name = QualifiedName::new(row.text(0), row.text(1));
            // One with rows is none.
            let has_rows = kind == "table"
                && session.query_first(format!("SELECT 1 FROM {} LIMIT 1", name.sql())).await?.is_some();
            if !has_rows {
                found.push((kind, name));
            }
        }
    }
    Ok(found)
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
