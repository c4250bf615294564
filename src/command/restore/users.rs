//! Users and roles of a restore with `--users`: which are made, which are left as they are, and what speaks against it
//! before the first change.

use super::target::Target;
use crate::command::options::{ExistingUsers, RestoreOptions};
use crate::command::text::some_of;
use crate::error::{Error, Exit, Result};
use crate::guard::{Finding, FindingKind, Grade};
use crate::load::accounts::{self, Granting, MakeAccount, Present};
use crate::load::ledger::Progressed;
use crate::manifest::model::{AccountLine, Manifest};
use crate::manifest::parts::read_part;
use crate::manifest::{ManifestError, Repository};
use crate::schema::Account;
use crate::schema::account::AccountDefinition;
use crate::schema::account_text::Grant;
use crate::server::facts::{Flavor, ServerFacts};
use std::collections::HashSet;

/// Accounts named in a message at most.
const NAMES_SHOWN: usize = 20;

/// The users and roles of a restore.
#[derive(Default)]
pub(super) struct Users {
    /// All that are made, and what the target has under their names.
    make: Vec<(AccountDefinition, Present)>,
    granting: Granting,
    /// Users that the target refused, in its words.
    pub not_created: Vec<String>,
}

/// Users and roles of a backup.
pub(crate) async fn read(repository: &Repository, manifest: &Manifest) -> Result<Vec<AccountDefinition>> {
    let mut accounts = Vec::new();
    for part in &manifest.accounts {
        let lines = read_part::<AccountLine>(repository, part).await?;
        accounts.extend(lines.into_iter().map(|AccountLine::Account(account)| account));
    }
    let mut seen = HashSet::new();
    for AccountDefinition { name, .. } in &accounts {
        let why = match crate::server::accounts::OF_THE_SERVER.contains(&name.user.as_str()) {
            true => "it is the server's own and in no backup",
            false if !seen.insert(name) => "it is defined twice",
            false => continue,
        };
        let name = format!("account {name} of backup {}", manifest.id);
        return Err(ManifestError::Damaged { name, place: repository.place(), why: why.into() }.into());
    }
    Ok(accounts)
}

impl Users {
    /// Reads the users of the backup, where they are asked for.
    pub async fn read(
        repository: &Repository,
        manifest: &Manifest,
        options: &RestoreOptions,
        target: &mut Target,
    ) -> Result<Users> {
        if !options.users {
            return Ok(Users::default());
        }
        if !manifest.options.users {
            let message = format!("backup {} holds no users: it was taken without --users", manifest.id);
            return Err(Error::new(Exit::Usage, message).hint("leave --users out, or take a backup with --users"));
        }
        if target.facts.flavor == Flavor::Mariadb {
            return Err(Error::new(Exit::TargetUnfit, "users of MySQL cannot be made on MariaDB")
                .hint("leave --users out and make the accounts there by hand"));
        }
        let mut accounts = read(repository, manifest).await?;
        let own = accounts.iter().position(|account| account.name == target.rights.account);
        if let Some(own) = own {
            target.notes.push(format!("user {} is the restoring account and stays as it is", accounts[own].name));
            accounts.remove(own);
        }
        let make = accounts.into_iter().map(|account| (account, Present::Nothing)).collect();
        Ok(Users { make, ..Users::default() })
    }

    /// How many are made.
    pub fn count(&self) -> u64 {
        self.make.len() as u64
    }

    /// What the target refused to grant, in its words.
    pub fn not_granted(&self) -> &[String] {
        &self.granting.refused
    }

    /// Names of those that are made.
    pub fn names(&self) -> HashSet<Account> {
        self.make.iter().map(|(account, _)| account.name.clone()).collect()
    }

    /// Looks for accounts of the same names, and says what speaks against the others.
    pub async fn findings(
        &mut self,
        target: &mut Target,
        options: &RestoreOptions,
        progressed: Option<&Progressed>,
        source: &ServerFacts,
    ) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        if self.make.is_empty() {
            return Ok(findings);
        }
        let names: Vec<Account> = self.make.iter().map(|(account, _)| account.name.clone()).collect();
        let Some(there) = crate::server::accounts::existing(&mut target.session, &names).await? else {
            let message = format!("{} may not see which users the target has", target.rights.account);
            return Err(Error::new(Exit::RightMissing, message).hint("--users needs SELECT on mysql.* there"));
        };
        let ours = |account: &Account| progressed.is_some_and(|progressed| progressed.accounts.contains(account));
        let root = Account::new("root", "localhost");
        let users = self.make.len();
        self.make.retain(|(account, _)| account.name != root || !there.contains(&root) || ours(&root));
        if self.make.len() < users {
            target.notes.push(format!("user {root} is the target's administrator and stays as it is"));
        }
        let mut in_the_way = Vec::new();
        for (account, present) in self.make.iter_mut().filter(|(account, _)| there.contains(&account.name)) {
            *present = if ours(&account.name) { Present::Ours } else { Present::Replaced };
            let again = progressed.is_some_and(|progressed| progressed.replacing.contains(&account.name));
            if *present == Present::Replaced && !again {
                in_the_way.push(account.name.to_string());
            }
        }
        let shown = some_of(&in_the_way, NAMES_SHOWN);
        match options.existing_users {
            _ if in_the_way.is_empty() => {}
            ExistingUsers::Refuse => findings.push(Finding {
                kind: FindingKind::AccountsInTheWay,
                grade: Grade::Refuse,
                message: format!("{} has users of the same name: {shown}", target.session.server()),
            }),
            ExistingUsers::Skip => {
                self.make.retain(|(account, _)| !in_the_way.contains(&account.name.to_string()));
                target.notes.push(format!("users left as the target has them (--existing-users skip): {shown}"));
            }
            ExistingUsers::Replace => {
                target.notes.push(format!("users made those of the backup (--existing-users replace): {shown}"));
            }
        }
        findings.extend(self.partial_revokes(target, source));
        Ok(findings)
    }

    /// What speaks against grants of a server that reads them otherwise than the target.
    fn partial_revokes(&self, target: &Target, source: &ServerFacts) -> Option<Finding> {
        let own = target.facts.partial_revokes.unwrap_or(false);
        let with = |of_kind: fn(&Grant<'_>) -> bool| {
            let names = accounts::with_grants(self.make.iter().map(|(account, _)| account), of_kind);
            (!names.is_empty()).then(|| some_of(&names, NAMES_SHOWN))
        };
        let revoked = with(|grant| grant.revokes()).filter(|_| !own).map(|names| {
            format!("users with rights taken away for some schemas would have them on the target, where partial_revokes is off: {names}")
        });
        let state = if own { "on" } else { "off" };
        let patterns =
            with(|grant| grant.is_pattern()).filter(|_| source.partial_revokes.is_some_and(|theirs| theirs != own));
        let patterns = patterns.map(|names| {
            format!("_ and % in grants on schemas would mean something else on the target, where partial_revokes is {state}: {names}")
        });
        let messages: Vec<String> = revoked.into_iter().chain(patterns).collect();
        (!messages.is_empty()).then(|| Finding::refuse(FindingKind::PartialRevokes, messages.join("; ")))
    }

    /// Makes them, without grants.
    pub async fn create(&mut self, target: &mut Target) -> Result<()> {
        let mut made = Vec::with_capacity(self.make.len());
        for (definition, present) in std::mem::take(&mut self.make) {
            let account = MakeAccount { definition: &definition, present };
            match accounts::create(&mut target.session, &account).await? {
                // Nothing can be granted to it.
                Some(why) => self.not_created.push(why),
                None => made.push((definition, present)),
            }
        }
        self.make = made;
        Ok(())
    }

    /// Gives grants as far as what they name exists: tables do.
    pub async fn grant(&mut self, target: &mut Target, options: &RestoreOptions) -> Result<()> {
        let renamed =
            |schema: &str| options.renames.iter().find(|(old, _)| old.as_str() == schema).map(|(_, new)| new.clone());
        for (definition, _) in &self.make {
            self.granting.give(&mut target.session, definition, &renamed).await?;
        }
        Ok(())
    }

    /// Gives the rest, and the default roles.
    pub async fn grant_rest(&mut self, target: &mut Target) -> Result<()> {
        self.granting.give_waiting(&mut target.session).await?;
        for (definition, _) in &self.make {
            self.granting.set_default_roles(&mut target.session, definition).await?;
        }
        Ok(())
    }
}
