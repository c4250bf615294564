//! What becomes of views, routines, triggers and events: whose they are, whether events run, and whether the target lets
//! this account make them. Comes in: the chosen objects, the options, the target's rights. Goes out: the objects as they
//! will be made, and findings before anything was changed.

use super::target::Target;
use crate::command::options::{Definers, EventChoice, RestoreOptions};
use crate::command::selected::Selected;
use crate::command::text::{counted, some_of};
use crate::error::{Error, Exit, Result};
use crate::guard::{Finding, FindingKind, Grade};
use crate::schema::{Account, Object, ObjectKind, SqlText, object_text};
use crate::server::{accounts, facts};
use std::collections::{BTreeMap, HashSet};

/// Objects named in a message at most.
const NAMES_SHOWN: usize = 10;

/// Changes the chosen objects as `--definer` and `--events` say. Returns lines that a person should read.
pub(super) fn change(selected: &mut Selected, options: &RestoreOptions, current: &Account) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    if options.events == EventChoice::None {
        let (events, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut selected.objects).into_iter().partition(|(object, _)| object.kind == ObjectKind::Event);
        selected.objects = rest;
        if !events.is_empty() {
            let names: Vec<_> = events.iter().map(|(event, schema)| format!("{schema}.{}", event.name.name)).collect();
            notes.push(format!("events left out (--events none): {}", some_of(&names, NAMES_SHOWN)));
        }
    }
    let mut mapped = HashSet::new();
    for (object, _) in &mut selected.objects {
        if options.events == EventChoice::Disabled && object.kind == ObjectKind::Event {
            object.create = SqlText(object_text::disabled_event(&object.create.0).ok_or_else(|| unusable(object))?);
        }
        let old = Account::parse(&object.definer);
        let Some(new) = new_definer(&options.definers, &old) else { continue };
        mapped.insert(old);
        let text = object_text::with_definer(&object.create.0, new).ok_or_else(|| unusable(object))?;
        object.create = SqlText(text);
        object.definer = new.unwrap_or(current).to_string();
    }
    if let Some((old, _)) = options.definers.map.iter().find(|(old, _)| !mapped.contains(old)) {
        let message = format!("--definer names {old}, which defines nothing of what was chosen");
        return Err(Error::new(Exit::Usage, message).hint("write it as user@host, exactly as the definer is named"));
    }
    if options.events == EventChoice::Disabled && selected.objects.iter().any(|(o, _)| o.kind == ObjectKind::Event) {
        notes.push("events are made disabled (--events disabled); ALTER EVENT name ENABLE starts one".into());
    }
    Ok(notes)
}

/// The new definer: an account, or the restoring one; none where the object keeps its own.
fn new_definer<'a>(definers: &'a Definers, old: &Account) -> Option<Option<&'a Account>> {
    match definers.map.iter().find(|(from, _)| from == old) {
        Some((_, to)) => Some(Some(to)),
        None => definers.current.then_some(None),
    }
}

fn unusable(object: &Object) -> Error {
    let message = format!("the definition of {} {} in the backup cannot be used", object.kind, object.name);
    Error::new(Exit::RepositoryDamaged, message).hint("`myriad verify` checks the repository")
}

/// Reasons for which the target would refuse some of the objects. `coming`: accounts that this restore makes.
pub(super) async fn findings(
    target: &mut Target,
    selected: &Selected,
    coming: &HashSet<Account>,
    chosen: &Definers,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    findings.extend(definers(target, selected, coming, chosen).await?);
    findings.extend(functions(target, selected).await?);
    Ok(findings)
}

/// Rights to make objects of other accounts, under their names in MySQL 8.0, from 8.2 on, and in MariaDB.
const ANY_DEFINER: &[&str] = &["SET_ANY_DEFINER", "SET_USER_ID", "SUPER", "SET USER"];
/// Rights to make objects of accounts that do not exist.
const MISSING_DEFINER: &[&str] = &["ALLOW_NONEXISTENT_DEFINER", "SET_USER_ID", "SUPER", "SET USER"];

/// Rights of a definer named in a message at most.
const RIGHTS_SHOWN: usize = 3;

async fn definers(
    target: &mut Target,
    selected: &Selected,
    coming: &HashSet<Account>,
    chosen: &Definers,
) -> Result<Option<Finding>> {
    let mut of: BTreeMap<Account, Vec<String>> = BTreeMap::new();
    for (object, schema) in &selected.objects {
        let name = format!("{} {schema}.{}", object.kind, object.name.name);
        of.entry(Account::parse(&object.definer)).or_default().push(name);
    }
    of.remove(&target.rights.account);
    let names: Vec<Account> = of.keys().cloned().collect();
    let there = accounts::existing(&mut target.session, &names).await?;
    let untouchable = match target.rights.any(&["SYSTEM_USER"]) {
        true => HashSet::new(),
        false => accounts::system_users(&mut target.session).await?,
    };
    let (any, missing) = (target.rights.any(ANY_DEFINER), target.rights.any(MISSING_DEFINER));
    let mut refused = Vec::new();
    for (definer, objects) in of {
        let exists = there.as_ref().map(|there| there.contains(&definer) || coming.contains(&definer));
        let why = match exists {
            _ if !any => "needs SET_ANY_DEFINER".to_owned(),
            _ if untouchable.contains(&definer) => "needs SYSTEM_USER".to_owned(),
            Some(false) if !missing => "does not exist there, which needs ALLOW_NONEXISTENT_DEFINER".to_owned(),
            Some(false) => {
                let count = counted(objects.len() as u64, "object");
                target.notes.push(format!("definer {definer} of {count} does not exist on the target"));
                continue;
            }
            None if !missing => {
                target.notes.push(format!(
                    "whether definer {definer} exists on the target could not be looked up; where it does not, its \
                     objects are refused"
                ));
                continue;
            }
            // Named on the command line, or made by this run with rights that this account may give.
            _ if chosen.keep || chosen.map.iter().any(|(_, to)| *to == definer) || coming.contains(&definer) => {
                continue;
            }
            _ => match above(target, &definer).await? {
                Some(rights) => {
                    format!(
                        "has rights that {} lacks: {rights}; --definer keep goes on",
                        target.rights.account.quoted()
                    )
                }
                None => continue,
            },
        };
        refused.push(format!("{} ({why}): {}", definer.quoted(), some_of(&objects, NAMES_SHOWN)));
    }
    let account = target.rights.account.quoted();
    Ok((!refused.is_empty()).then(|| Finding {
        kind: FindingKind::Definers,
        grade: Grade::Refuse,
        message: format!("{account} may not make objects of these definers: {}", refused.join("; ")),
    }))
}

/// Rights on the target that a definer has and the restoring account lacks. Code of the repository would run with them, so
/// whoever may write there would have what the account that restores has not. None where there is no such right.
async fn above(target: &mut Target, definer: &Account) -> Result<Option<String>> {
    let Some(grants) = accounts::grants(&mut target.session, definer).await? else {
        return Ok(Some("its grants may not be seen".into()));
    };
    let lacking = target.rights.lacks(&grants);
    Ok((!lacking.is_empty()).then(|| some_of(&lacking, RIGHTS_SHOWN)))
}

/// With a binary log the server takes functions and triggers from SUPER alone, and functions only where they say that they
/// are safe; `sql_log_bin=0` lifts neither (errors 1419 and 1418, seen on 9.7.4).
async fn functions(target: &mut Target, selected: &Selected) -> Result<Option<Finding>> {
    if !target.facts.log_bin {
        return Ok(None);
    }
    const TRUST: &str = "log_bin_trust_function_creators";
    let trust = facts::global_variables(&mut target.session, &[TRUST]).await?;
    if trust.get(TRUST).is_none_or(|value| matches!(value.as_str(), "ON" | "1")) {
        return Ok(None);
    }
    let all_from_us = target.rights.any(&["SUPER"]);
    let refused = selected.objects.iter().filter(|(object, _)| match object.kind {
        ObjectKind::Function => !all_from_us || !object_text::says_it_is_safe_to_log(object),
        ObjectKind::Trigger => !all_from_us,
        _ => false,
    });
    let names: Vec<_> =
        refused.map(|(object, schema)| format!("{} {schema}.{}", object.kind, object.name.name)).collect();
    Ok((!names.is_empty()).then(|| Finding {
        kind: FindingKind::Functions,
        grade: Grade::Refuse,
        message: format!(
            "{} has a binary log and {TRUST}=OFF, and refuses {}",
            target.session.server(),
            some_of(&names, NAMES_SHOWN)
        ),
    }))
}
