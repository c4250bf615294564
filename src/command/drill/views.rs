//! Whether what was restored beside tables can be used: the accounts that define views, routines, triggers and events are there, and
//! every view answers. In: the restored server and the objects of the backup. Out: failures with what to do, and notes.
//! Routines and events are not run.

use super::assertions;
use crate::command::options::Selection;
use crate::command::selected::{self, Selected};
use crate::command::text::some_of;
use crate::error::Result;
use crate::schema::{Account, Object, ObjectKind};
use crate::server::{ConnectOptions, Session, accounts};
use globset::GlobSet;
use std::collections::BTreeMap;

/// Objects named in one sentence at most.
const NAMED: usize = 5;

/// What was seen.
#[derive(Default)]
pub(super) struct Looked {
    /// Failures, and what to do about each.
    pub failures: Vec<(String, &'static str)>,
    /// What a person should read.
    pub notes: Vec<String>,
}

/// Looks. Objects for which `ignored` says so are passed over; definers that are missing are notes where `note_only`.
pub(super) async fn look(
    target: &ConnectOptions,
    selected: &Selected,
    selection: &Selection,
    note_only: bool,
    ignored: &GlobSet,
) -> Result<Looked> {
    let filter = selected::filter(selection)?;
    let restored = selected
        .objects
        .iter()
        .map(|(object, _)| object)
        .filter(|object| selected::wanted_object(&filter, object) && !ignored.is_match(object.name.to_string()));
    let restored: Vec<&Object> = restored.collect();
    let mut session = Session::connect(target).await?;
    let mut looked = Looked::default();
    let mut of: BTreeMap<Account, Vec<String>> = BTreeMap::new();
    for object in &restored {
        of.entry(Account::parse(&object.definer)).or_default().push(format!("{} {}", object.kind, object.name));
    }
    let names: Vec<Account> = of.keys().cloned().collect();
    let there = accounts::existing(&mut session, &names).await?.unwrap_or_default();
    of.retain(|definer, _| !there.contains(definer));
    for (definer, objects) in &of {
        let missing = format!("definer {definer} is not there: {} cannot run", some_of(objects, NAMED));
        match note_only {
            true => looked.notes.push(missing),
            false => looked.failures.push((missing, MISSING_DEFINER)),
        }
    }
    for view in restored.iter().filter(|object| object.kind == ObjectKind::View) {
        if of.contains_key(&Account::parse(&view.definer)) {
            continue;
        }
        if let Err(error) = session.query(format!("SELECT 1 FROM {} LIMIT 0", view.name.sql())).await {
            let answer = assertions::answer_of(&error);
            looked.failures.push((format!("view {} does not answer: {answer}", view.name), SILENT_VIEW));
        }
    }
    session.close().await;
    Ok(looked)
}

const MISSING_DEFINER: &str = "take backups with --users; or, where accounts come from elsewhere, set missing_definers = \"note\" \
                               in [restore] of the configuration";
const SILENT_VIEW: &str =
    "see whether it answers on the source; if it may not, name it in ignore_objects in [restore] of the configuration";
