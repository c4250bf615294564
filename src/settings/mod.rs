//! Global settings of the target that a restore changes while it loads: which of them pay, and how each is undone.
//!
//! Comes in: a session and what the caller allows. Goes out: the changes that would be made, and what became of them. A
//! change stands in the journal on the target before it is made, so whoever comes next can undo it: the run itself, the next
//! run, or `restore --abort`. Only SET GLOBAL is used, never SET PERSIST: a restart of the server forgets it by itself.
//! Whether the target is one to be tuned is not judged here.

mod error;
mod journal;

pub use error::SettingError;

use crate::schema::identifier::literal;
use crate::server::facts::global_variables;
use crate::server::{ServerError, Session};
use std::fmt;

/// The journal's name of the redo log, which is switched by a statement of its own and shown by a status variable.
pub const REDO_LOG: &str = "innodb_redo_log";

const LOCAL_INFILE: &str = "local_infile";
const ADAPTIVE_HASH: &str = "innodb_adaptive_hash_index";
const DOUBLEWRITE: &str = "innodb_doublewrite";
const EXTEND_AND_INITIALIZE: &str = "innodb_extend_and_initialize";

/// All that is ever changed. The journal lies on the target, where others may write: a name that is none of these is not
/// put into a statement.
const KNOWN: [&str; 5] = [REDO_LOG, DOUBLEWRITE, EXTEND_AND_INITIALIZE, LOCAL_INFILE, ADAPTIVE_HASH];

/// What the caller allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The redo log off. A server that crashes meanwhile does not start again (MY-013598, seen on 9.7.4).
    pub redo_off: bool,
    /// What makes a load cheaper: `local_infile`, without which rows go by INSERT (1.2 to 1.6 times the server's CPU), the
    /// adaptive hash index (0.76 to 0.86 of it), and while the redo log is off no copy of each page before it is written
    /// and no zeroes in new extents (half the bytes written; 9.7.4).
    pub tune: bool,
    /// The adaptive hash index among them: on MariaDB nothing was measured.
    pub adaptive_hash: bool,
}

/// A setting that is to be changed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The variable, or [`REDO_LOG`].
    pub name: String,
    /// Its value before.
    pub found: String,
    /// Its value while rows are loaded. The same as `found` for a redo log that is off already: recorded, so that nobody
    /// takes it for ours.
    pub set: String,
}

/// The name of a setting, for people.
pub fn title(name: &str) -> &str {
    if name == REDO_LOG { "redo log" } else { name }
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It has its value of before again.
    PutBack,
    /// It had that already: not changed yet, or put back by somebody else.
    AsFound,
    /// It has neither value: somebody else changed it meanwhile, and it was left alone.
    LeftAlone,
}

/// A setting of the journal, undone.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Undone {
    /// What was changed.
    #[serde(flatten)]
    pub change: Change,
    /// Its value now.
    pub now: String,
    /// What became of it.
    pub fate: Fate,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Undone { change: Change { name, found, set }, now, fate } = self;
        let name = title(name);
        match fate {
            _ if found == set && now == found => write!(f, "{name}: found {found} and left so"),
            Fate::PutBack => write!(f, "{name}: {set} while rows were loaded, put back to {found}"),
            Fate::AsFound => write!(f, "{name}: {found}, as it was found"),
            Fate::LeftAlone => {
                write!(f, "{name}: left alone at {now}, since somebody else changed it (found {found}, set to {set})")
            }
        }
    }
}

/// A change that the server did not take.
#[derive(Debug)]
pub struct Refused {
    /// The change.
    pub change: Change,
    /// Its words.
    pub source: ServerError,
}

/// What would be changed on this server, in the order in which it is. Settings that it does not have are left out.
pub async fn plan(session: &mut Session, wanted: Wanted) -> Result<Vec<Change>, ServerError> {
    let values = global_variables(session, &KNOWN).await?;
    let redo = redo_log(session).await?;
    let mut changes = Vec::new();
    let mut add = |name: &str, found: &str, set: &str| {
        changes.push(Change { name: name.into(), found: found.into(), set: set.into() });
    };
    let redo_off = match redo.as_deref() {
        Some("OFF") => true,
        Some(_) => wanted.redo_off,
        None => false,
    };
    if let (Some(found), true) = (&redo, redo_off) {
        add(REDO_LOG, found, "OFF");
    }
    let value = |name: &str| values.get(name).map(String::as_str);
    if wanted.tune && redo_off {
        if let Some(found @ ("ON" | "DETECT_AND_RECOVER")) = value(DOUBLEWRITE) {
            add(DOUBLEWRITE, found, "DETECT_ONLY");
        }
        if let Some(found @ "ON") = value(EXTEND_AND_INITIALIZE) {
            add(EXTEND_AND_INITIALIZE, found, "OFF");
        }
    }
    if let (true, Some(found @ "OFF")) = (wanted.tune, value(LOCAL_INFILE)) {
        add(LOCAL_INFILE, found, "ON");
    }
    if let (true, Some(found @ "OFF")) = (wanted.tune && wanted.adaptive_hash, value(ADAPTIVE_HASH)) {
        add(ADAPTIVE_HASH, found, "ON");
    }
    Ok(changes)
}

/// True where the change is of `local_infile`.
pub fn is_local_infile(change: &Change) -> bool {
    change.name == LOCAL_INFILE
}

/// Records all changes, then makes them. Returns those that the server refuses, and those that hang on them. The schema
/// of the journal must exist.
pub async fn change(session: &mut Session, changes: &[Change]) -> Result<Vec<Refused>, ServerError> {
    journal::unlogged(session, async |session| {
        journal::record(session, changes).await?;
        let mut refused: Vec<Refused> = Vec::new();
        for change in changes.iter().filter(|change| change.found != change.set) {
            // Without these two a crash is survived by the redo log alone.
            let hangs = [DOUBLEWRITE, EXTEND_AND_INITIALIZE].contains(&change.name.as_str());
            if hangs && refused.iter().any(|refused| refused.change.name == REDO_LOG) {
                journal::forget(session, &[&change.name]).await?;
                continue;
            }
            match set(session, &change.name, &change.set).await {
                Ok(()) => {}
                Err(source) if source.code().is_some() => {
                    journal::forget(session, &[&change.name]).await?;
                    refused.push(Refused { change: change.clone(), source });
                }
                Err(source) => return Err(source),
            }
        }
        Ok(refused)
    })
    .await
}

/// Looks whether the server runs under `innodb_force_recovery`, as one can that crashed while its redo log was off. Nothing is
/// read of its tables: that crashes it again (seen on 9.7.4).
///
/// # Errors
/// [`SettingError::MustBeRebuilt`] where it does.
pub async fn check_recovery(session: &mut Session) -> Result<(), SettingError> {
    let values = global_variables(session, &["innodb_force_recovery"]).await?;
    match values.get("innodb_force_recovery") {
        Some(level) if level != "0" => {
            Err(SettingError::MustBeRebuilt { server: session.server().to_owned(), level: level.clone() })
        }
        _ => Ok(()),
    }
}

/// The journal of a run, without touching anything; empty where the target holds none.
pub async fn recorded(session: &mut Session) -> Result<Vec<Change>, SettingError> {
    Ok(journal::read(session).await?)
}

/// Undoes everything in the journal and empties it: first what a crash is survived by, then the last change first. A setting
/// that no longer has the value that it was given is left alone. What was undone before is not undone again.
///
/// # Errors
/// [`SettingError::NotPutBack`] where the server refuses: the others are undone, and the change stays recorded.
/// [`SettingError::NotForgotten`] where everything is undone and still recorded.
pub async fn put_back(session: &mut Session) -> Result<Vec<Undone>, SettingError> {
    let changes = journal::read(session).await?;
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    journal::unlogged(session, async |session| {
        let mut changes: Vec<_> = changes.into_iter().enumerate().rev().collect();
        // Pages are to be written twice again before the redo log relies on them.
        changes.sort_by_key(|(_, change)| !LIFELINES.contains(&change.name.as_str()));
        let (mut undone, mut refused) = (Vec::new(), None);
        for (n, change) in changes {
            match put_one_back(session, change).await {
                Ok(one) => undone.push((n, one)),
                Err(SettingError::NotPutBack { settings, source }) => {
                    refused = match refused {
                        None => Some((settings, source)),
                        // The redo log comes last here, and is what a person must read first.
                        Some((others, source)) => Some((format!("{settings}, {others}"), source)),
                    };
                }
                Err(error) => return Err(error),
            }
        }
        undone.sort_by_key(|(n, _)| *n);
        let undone: Vec<Undone> = undone.into_iter().map(|(_, undone)| undone).collect();
        let names: Vec<&str> = undone.iter().map(|undone| undone.change.name.as_str()).collect();
        match (journal::forget(session, &names).await, refused) {
            (_, Some((settings, source))) => Err(SettingError::NotPutBack { settings, source }),
            (Err(source), None) if source.code().is_some() => {
                let redo_log = redo_log(session).await?;
                Err(SettingError::NotForgotten { server: session.server().to_owned(), redo_log, source })
            }
            (forgotten, None) => forgotten.map(|()| undone).map_err(SettingError::from),
        }
    })
    .await
}

/// What a crash of the server is survived by.
const LIFELINES: [&str; 3] = [REDO_LOG, DOUBLEWRITE, EXTEND_AND_INITIALIZE];

async fn put_one_back(session: &mut Session, change: Change) -> Result<Undone, SettingError> {
    let now = match KNOWN.contains(&change.name.as_str()) {
        true => value(session, &change.name).await?.unwrap_or_default(),
        false => String::new(),
    };
    if now == change.found {
        return Ok(Undone { change, now, fate: Fate::AsFound });
    }
    if now != change.set {
        return Ok(Undone { change, now, fate: Fate::LeftAlone });
    }
    match set(session, &change.name, &change.found).await {
        Ok(()) => Ok(Undone { now: change.found.clone(), change, fate: Fate::PutBack }),
        Err(source) if source.code().is_some() => {
            let settings = format!("{} to {}", title(&change.name), change.found);
            Err(SettingError::NotPutBack { settings, source })
        }
        Err(source) => Err(source.into()),
    }
}

async fn value(session: &mut Session, name: &str) -> Result<Option<String>, ServerError> {
    match name {
        REDO_LOG => redo_log(session).await,
        name => Ok(global_variables(session, &[name]).await?.remove(name)),
    }
}

async fn set(session: &mut Session, name: &str, value: &str) -> Result<(), ServerError> {
    let statement = match (name, value) {
        (REDO_LOG, "OFF") => "ALTER INSTANCE DISABLE INNODB REDO_LOG".to_owned(),
        (REDO_LOG, _) => "ALTER INSTANCE ENABLE INNODB REDO_LOG".to_owned(),
        (name, value) => format!("SET GLOBAL {name}={}", literal(value)),
    };
    session.execute(statement).await.map(drop)
}

/// `ON` or `OFF`; none on a server whose redo log cannot be switched off (MariaDB, MySQL before 8.0.21).
pub async fn redo_log(session: &mut Session) -> Result<Option<String>, ServerError> {
    let status = "SHOW GLOBAL STATUS WHERE Variable_name = 'Innodb_redo_log_enabled'";
    Ok(session.query_first(status).await?.map(|row| row.text(1)))
}
