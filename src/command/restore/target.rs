//! The target of a restore: its session, what it can do, and the definitions made on it.

use crate::command::options::RestoreOptions;
use crate::command::selected::Selected;
use crate::command::text::some_of;
use crate::error::{Error, Exit, Result};
use crate::limits;
use crate::load::ledger::{self, Progressed};
use crate::load::objects::{self, NotCreated, Stage};
use crate::load::rows::Way;
use crate::load::{self, LoadError, LoadTable, RunSessions, TableFailure, histograms, schema};
use crate::manifest::Manifest;
use crate::schema::identifier::literal;
use crate::schema::{Object, ObjectKind, QualifiedName, Table, ddl};
use crate::server::facts::{self, Flavor, ServerFacts};
use crate::server::rights::Rights;
use crate::server::{ServerError, Session};
use crate::settings::Undone;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Tables named in a message at most.
const NAMES_SHOWN: usize = 20;

/// How errors about a run begin that is to go on without the binary log.
const UNLOGGED_SO_FAR: &str = "the restore that is to be gone on with is not in the target's binary log so far, which ";

/// A connected target.
pub(super) struct Target {
    /// The session for everything but rows.
    pub session: Session,
    /// What the server says of itself.
    pub facts: ServerFacts,
    /// The way that rows will take, once that is planned.
    pub way: Way,
    /// What the restoring account may.
    pub rights: Rights,
    /// Our sessions keep out of its binary log.
    pub skip_binlog: bool,
    /// Session settings that stay as the target has them.
    pub kept: Vec<String>,
    /// Settings that were put back, by this run or for one that died.
    pub undone: Vec<Undone>,
    /// What an earlier try of this run has made.
    pub own: Progressed,
    /// Things to know about this target.
    pub notes: Vec<String>,
}

/// Definitions made by this run.
#[derive(Default)]
pub(super) struct Made {
    /// Tables made.
    pub tables: u64,
    /// Foreign keys made.
    pub foreign_keys: u64,
    /// Histograms set.
    pub histograms: u64,
    /// Views, routines, triggers, events made.
    pub objects: u64,
    /// Objects that are not on the target, and why.
    pub not_created: Vec<NotCreated>,
    /// Lines that a person should read.
    pub notes: Vec<String>,
}

/// What a run that goes on drops first and makes anew: it fires, or may be half made.
const UNMADE: [ObjectKind; 3] = [ObjectKind::View, ObjectKind::Trigger, ObjectKind::Event];

impl Target {
    /// Connects, and asks the server who it is.
    pub async fn connect(options: &RestoreOptions, manifest: &Manifest) -> Result<Target> {
        let (mut session, kept) = load::writer(&options.target, false).await?;
        let facts = facts::read(&mut session).await?;
        let rights = Rights::read(&mut session).await?;
        let mut notes = Vec::new();
        for setting in &kept {
            notes.push(format!("{setting} stays as the target has it: the account may not change it for its session"));
        }
        if let Some(note) = other_family(&manifest.server, &facts) {
            notes.push(note);
        }
        let (undone, own) = Default::default();
        Ok(Target { session, facts, rights, way: Way::Insert, skip_binlog: false, kept, undone, own, notes })
    }

    /// Keeps our sessions out of the target's binary log, unless it is asked for, or others live by it: replicas of a server
    /// that is restored beside its live data get what it gets. A run that goes on does as it did before, or replicas would get half.
    ///
    /// # Errors
    /// Where a run cannot go on as it began. Nothing was changed on the target.
    pub async fn leave_out_binary_log(
        &mut self,
        options: &RestoreOptions,
        source: &ServerFacts,
        beside_live_data: bool,
        earlier: Option<&Progressed>,
    ) -> Result<()> {
        let written = match earlier.map(|earlier| earlier.logged) {
            Some(logged) => {
                self.check_binary_log(options, logged)?;
                logged
            }
            None => options.log_bin || beside_live_data || self.facts.is_same_server(source),
        };
        if !self.facts.log_bin || written {
            return Ok(());
        }
        match self.session.execute("SET SESSION sql_log_bin=0").await {
            Ok(_) => self.skip_binlog = true,
            Err(error) if error.code() == Some(1227) && earlier.is_some() => {
                return Err(Error::new(Exit::RightMissing, UNLOGGED_SO_FAR.to_owned() + "may not be switched off by this account")
                    .hint("go on with the account that began the restore, or grant SYSTEM_VARIABLES_ADMIN (MariaDB: BINLOG ADMIN)"));
            }
            Err(error) if error.code() == Some(1227) => self
                .notes
                .push("the restore is written to the target's binary log: the account may not switch it off".into()),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Whether a run that was `logged` so far, or was not, may go on as it began.
    fn check_binary_log(&self, options: &RestoreOptions, logged: bool) -> Result<()> {
        let (exit, message, hint) = match (logged, self.facts.log_bin) {
            (false, true) if options.log_bin => (
                Exit::Usage,
                UNLOGGED_SO_FAR.to_owned() + "is asked for now (--log-bin)",
                "go on without --log-bin, or remove what the restore made with restore --abort and begin anew",
            ),
            (true, false) => (
                Exit::TargetUnfit,
                "the restore that is to be gone on with is in the target's binary log so far, which is off by now"
                    .into(),
                "start the target with its binary log, or remove what the restore made with restore --abort and begin anew",
            ),
            _ => return Ok(()),
        };
        Err(Error::new(exit, message).hint(hint))
    }

    /// True where what we do stands in the target's binary log.
    pub fn writes_binary_log(&self) -> bool {
        self.facts.log_bin && !self.skip_binlog
    }

    /// Takes back what an earlier try of the run may have left half-way: views that were another account's for a moment, the
    /// collation that a schema had for a moment; and what must not fire while rows go in. All of it is made again. What is usable
    /// stays as it is: somebody may rely on it by now.
    pub async fn undo_unfinished(&mut self, selected: &Selected) -> Result<()> {
        let there = self.existing(selected).await?;
        for (object, schema) in &selected.objects {
            let name = QualifiedName::new(schema, &object.name.name);
            let what = match object.kind {
                _ if !self.own.has_object(object.kind, &name) => continue,
                ObjectKind::View if self.own.usable.contains(&name) => continue,
                ObjectKind::Trigger if self.own.usable.contains(&table_of(object, schema)) => continue,
                // A table in its place is a stand-in, which goes before views are made.
                ObjectKind::View if there.get(&name).is_none_or(|kind| kind != "VIEW") => continue,
                ObjectKind::View => "VIEW",
                ObjectKind::Trigger => "TRIGGER",
                ObjectKind::Event => "EVENT",
                _ => continue,
            };
            self.session.execute(format!("DROP {what} IF EXISTS {}", name.sql())).await?;
            ledger::forget_objects(&mut self.session, &[(object.kind, name)]).await?;
        }
        self.put_collations_back().await
    }

    /// Gives schemas the collation that they had before code was made in them.
    pub async fn put_collations_back(&mut self) -> Result<()> {
        for (schema, collations) in &self.own.collations {
            schema::put_collation_back(&mut self.session, schema, collations).await?;
        }
        Ok(())
    }

    /// Makes the schemas that are not there.
    pub async fn make_schemas(&mut self, selected: &Selected, made: &mut Made) -> Result<()> {
        for (schema, name) in &selected.schemas {
            if self.own.schemas.contains(name) {
                schema::create_schema(&mut self.session, schema, name).await?;
                continue;
            }
            let there = format!("SELECT 1 FROM information_schema.schemata WHERE SCHEMA_NAME = {}", literal(name));
            if self.session.query(there).await?.is_empty() {
                ledger::schema_begun(&mut self.session, name).await?;
            }
            if !schema::create_schema(&mut self.session, schema, name).await? {
                ledger::forget_schema(&mut self.session, name).await?;
                made.notes
                    .push(format!("schema {name} was there already and keeps its own character set and collation"));
            }
        }
        Ok(())
    }

    /// Drops what is in the way, but not what this run has made itself.
    pub async fn drop_existing(&mut self, selected: &Selected, progressed: &Progressed) -> Result<()> {
        let there = self.existing(selected).await?;
        let views = selected.objects.iter().filter(|(object, _)| object.kind == ObjectKind::View);
        let wanted: HashSet<QualifiedName> = (selected.tables.iter().map(|table| table.target.clone()))
            .chain(views.map(|(view, schema)| QualifiedName::new(schema, &view.name.name)))
            .collect();
        for (name, kind) in &there {
            let ours = progressed.tables.contains(name) || progressed.has_object(ObjectKind::View, name);
            let wanted = wanted.contains(name);
            if !ours && wanted {
                let what = if kind == "VIEW" { "VIEW" } else { "TABLE" };
                self.session.execute(format!("DROP {what} {}", name.sql())).await?;
            }
        }
        for (object, schema) in &selected.objects {
            let what = match object.kind {
                ObjectKind::Function => "FUNCTION",
                ObjectKind::Procedure => "PROCEDURE",
                // Its body goes with it.
                ObjectKind::Package => "PACKAGE",
                ObjectKind::Event => "EVENT",
                // One of this name may belong to a table that stays.
                ObjectKind::Trigger => "TRIGGER",
                ObjectKind::View | ObjectKind::PackageBody => continue,
            };
            let name = QualifiedName::new(schema, &object.name.name);
            if !progressed.has_object(object.kind, &name) {
                self.session.execute(format!("DROP {what} IF EXISTS {}", name.sql())).await?;
            }
        }
        Ok(())
    }

    /// Makes the bare tables that are `wanted` (places among the chosen ones), several at a time, and gives what is to be loaded
    /// into them.
    pub async fn make_tables(
        &mut self,
        (selected, wanted): (&Selected, &[usize]),
        progressed: &Progressed,
        workers: usize,
        options: &RestoreOptions,
        sessions: &Arc<RunSessions>,
        made: &mut Made,
    ) -> Result<Prepared> {
        let there: HashSet<QualifiedName> = self.existing(selected).await?.into_keys().collect();
        let chosen = || wanted.iter().map(|&place| (place, &selected.tables[place]));
        // What was in the way when the guard looked is gone by now, or the run would not be here.
        let strangers: Vec<String> = chosen()
            .map(|(_, table)| &table.target)
            .filter(|name| there.contains(name) && !progressed.tables.contains(name))
            .map(ToString::to_string)
            .collect();
        if !strangers.is_empty() {
            let (server, tables) = (self.session.server().to_owned(), some_of(&strangers, NAMES_SHOWN));
            return Err(LoadError::Strangers { server, tables }.into());
        }
        let mut prepared = Prepared::default();
        let renames: HashMap<&str, &str> =
            options.renames.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
        let begun: HashSet<u32> = progressed.chunks.iter().map(|(table, _)| *table).collect();
        let mut missing = Vec::new();
        for (place, selected) in chosen() {
            let number = place as u32;
            let mut exists = there.contains(&selected.target);
            if exists && progressed.usable.contains(&selected.target) {
                prepared.kept.push(place);
                continue;
            }
            let differs = exists && progressed.differing.contains(&selected.target);
            let again = exists && (differs || !selected.table.transactional());
            if again && !selected.table.sequence {
                // Rows of a table without transactions do not come and go with them: what is there counts for nothing.
                exists = self.empty(&selected.target).await?;
            }
            let again = again && exists;
            if !exists {
                let bytes: u64 = selected.chunks.iter().flatten().map(|chunk| chunk.bytes).sum();
                let (mut table, target) = (selected.table.clone(), selected.target.clone());
                if !renames.is_empty() {
                    let renamed = |schema: &str| renames.get(schema).map(|new| (*new).to_owned());
                    table.create.0 = ddl::rename_schema_of_sequences(&table.create.0, &renamed);
                }
                let begun_before = progressed.tables.contains(&target);
                let with_indexes = bytes < limits::SMALL_TABLE_BYTES;
                missing.push(Missing { table, target, number, with_indexes, begun_before });
            }
            if (again || !exists) && begun.contains(&number) {
                ledger::forget_chunks(&mut self.session, number).await?;
            }
            if differs || progressed.usable.contains(&selected.target) {
                ledger::forget_standing(&mut self.session, &selected.target).await?;
            }
            let loaded = |n: u64| exists && !again && progressed.chunks.contains(&(number, n));
            let chunks = selected.chunks.iter().flatten().filter(|chunk| chunk.rows > 0 && !loaded(chunk.n)).cloned();
            let chunks = if options.no_data { Vec::new() } else { chunks.collect() };
            let (table, target) = (selected.table.clone(), selected.target.clone());
            prepared.tables.push(LoadTable { table, target, chunks, number });
        }
        made.tables += missing.len() as u64;
        // The defaults of tables may call for sequences.
        let (sequences, missing): (Vec<_>, Vec<_>) = missing.into_iter().partition(|missing| missing.table.sequence);
        for tables in [sequences, missing] {
            let creating = create_all(tables, workers, sessions);
            let (notes, failures) = sessions.beside(&mut self.session, creating).await?;
            made.notes.extend(notes);
            prepared.failures.extend(failures);
        }
        let failed: HashSet<u32> = prepared.failures.iter().map(|failure| failure.table).collect();
        prepared.tables.retain(|table| !failed.contains(&table.number));
        Ok(prepared)
    }

    /// Takes all rows out of a table of the run. False where the table had to go with them: the server does not empty a
    /// system-versioned one.
    async fn empty(&mut self, table: &QualifiedName) -> Result<bool, ServerError> {
        match self.session.execute(format!("TRUNCATE TABLE {}", table.sql())).await {
            Err(error) if error.code().is_some() => {
                self.session.execute(format!("DROP TABLE {}", table.sql())).await?;
                Ok(false)
            }
            other => other.map(|_| true),
        }
    }

    /// Gives columns of some of the chosen tables the histograms that they had.
    pub async fn make_histograms(&mut self, selected: &Selected, of: &[usize], made: &mut Made) -> Result<()> {
        for table in of.iter().map(|&place| &selected.tables[place]) {
            let done = histograms::set(&mut self.session, &table.table, &table.target).await?;
            made.histograms += done.made;
            made.notes.extend(done.notes);
        }
        Ok(())
    }

    /// Makes the objects of a stage that are `wanted`, by their place among the chosen ones. What the run has made before stays;
    /// anything else of the same name is in the way.
    pub async fn make_objects(
        &mut self,
        (selected, wanted): (&Selected, &(dyn Fn(usize) -> bool + Sync)),
        stage: Stage,
        made: &mut Made,
    ) -> Result<()> {
        let objects = selected.objects.iter().enumerate().filter(|(place, _)| wanted(*place));
        let objects: Vec<(&Object, &str)> = objects.map(|(_, (object, schema))| (object, schema.as_str())).collect();
        let tables = selected.tables.iter().map(|table| table.target.clone()).collect();
        let done = objects::create_objects(&mut self.session, &objects, &tables, stage).await?;
        // What an earlier try had made of these was dropped before, but for routines, which may be there still.
        let gone = done.not_created.iter().map(|object| (object.kind, object.name.clone()));
        let gone: Vec<_> = gone.filter(|(kind, _)| UNMADE.contains(kind)).collect();
        ledger::forget_objects(&mut self.session, &gone).await?;
        made.objects += done.created as u64;
        made.not_created.extend(done.not_created);
        made.notes.extend(done.notes);
        Ok(())
    }

    /// Tables and views in the schemas that are restored to.
    async fn existing(&mut self, selected: &Selected) -> Result<HashMap<QualifiedName, String>, ServerError> {
        let schemas: Vec<_> = selected.schemas.iter().map(|(_, name)| literal(name)).collect();
        if schemas.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self
            .session
            .query(format!(
                "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.tables WHERE TABLE_SCHEMA IN ({})",
                schemas.join(",")
            ))
            .await?;
        Ok(rows.iter().map(|row| (QualifiedName::new(row.text(0), row.text(1)), row.text(2))).collect())
    }
}

/// The table that a trigger is on, by its name on the target.
pub(super) fn table_of(trigger: &Object, schema: &str) -> QualifiedName {
    QualifiedName::new(schema, trigger.table.clone().unwrap_or_default())
}

/// Tables that were made.
#[derive(Default)]
pub(super) struct Prepared {
    /// What is to be loaded.
    pub tables: Vec<LoadTable>,
    /// Places of those that are usable since an earlier try: nothing is done to them.
    pub kept: Vec<usize>,
    /// Those that could not be made.
    pub failures: Vec<TableFailure>,
}

/// A table that is to be made.
struct Missing {
    table: Table,
    target: QualifiedName,
    number: u32,
    with_indexes: bool,
    /// An earlier try has recorded it: its CREATE may still have arrived.
    begun_before: bool,
}

/// Makes tables over several sessions: with ten thousand of them the server's own work is what takes the time. Returns notes, and
/// the tables that the target did not take.
async fn create_all(
    tables: Vec<Missing>,
    workers: usize,
    sessions: &Arc<RunSessions>,
) -> Result<(Vec<String>, Vec<TableFailure>), LoadError> {
    let tables = Arc::new(tables);
    let next = Arc::new(AtomicUsize::new(0));
    let notes = Arc::new(Mutex::new(Noted::default()));
    let mut workers_set = tokio::task::JoinSet::new();
    for worker in 0..workers.min(tables.len()) {
        let (tables, next, notes, sessions) = (tables.clone(), next.clone(), notes.clone(), sessions.clone());
        workers_set.spawn(async move {
            let mut session = sessions.worker(worker, None).await?;
            while let Some(missing) = tables.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (mut lost, mut sent) = (0, false);
                while let Err(error) = create_recorded(&mut session, missing, &mut sent, &notes).await {
                    if !error.lost() || lost == limits::LOST_TRIES {
                        // The others finish what they have begun, and take no more.
                        next.store(tables.len(), Ordering::Relaxed);
                        return Err(error);
                    }
                    lost += 1;
                    session = sessions.worker(worker, Some((error, session.connection_id()))).await?;
                }
            }
            session.close().await;
            Ok::<(), LoadError>(())
        });
    }
    let mut failure = None;
    while let Some(outcome) = workers_set.join_next().await {
        if let Err(error) = outcome.expect("a worker does not panic") {
            failure.get_or_insert(error);
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    let Noted { notes, failures } = std::mem::take(&mut *notes.lock().expect("no holder of the lock panics"));
    let failures = failures.into_iter().map(|(table, error)| TableFailure { table, error });
    Ok((notes, failures.collect()))
}

/// What those that make tables have to say.
#[derive(Default)]
struct Noted {
    notes: Vec<String>,
    /// By the table's number: over a session that is lost a table may be refused twice.
    failures: BTreeMap<u32, LoadError>,
}

/// Makes a table, recorded just before: a name that is recorded and not made when the run is killed could be taken by somebody
/// else, and a run that goes on would then hold it for its own. `sent`: its CREATE was given to the server, over a session that
/// was lost, so it may be there although the server could not say so.
async fn create_recorded(
    session: &mut Session,
    missing: &Missing,
    sent: &mut bool,
    noted: &Mutex<Noted>,
) -> Result<(), LoadError> {
    let Missing { table, target, with_indexes, number, .. } = missing;
    ledger::tables_begun(session, &[target]).await?;
    if *sent && schema::is_there(session, target).await? {
        return Ok(());
    }
    *sent = true;
    let created = match with_indexes {
        true => schema::create_with_indexes(session, table, target).await,
        false => schema::create_bare(session, table, target).await,
    };
    match created {
        Ok(notes) => noted.lock().expect("no holder of the lock panics").notes.extend(notes),
        Err(error) if error.lost() => return Err(error),
        Err(error) if error.concerns_one_table() && error.code() != Some(TABLE_EXISTS) => {
            let error = not_made(session, missing, error).await?;
            noted.lock().expect("no holder of the lock panics").failures.insert(*number, error);
        }
        Err(error) => {
            // It was answered: should the session be lost now, this one is given once more and refused again.
            *sent = false;
            return Err(not_made(session, missing, error).await?);
        }
    }
    Ok(())
}

/// "Table already exists".
const TABLE_EXISTS: u16 = 1050;

/// What it comes to that a table was refused. Whoever makes it from here on is not the run, and its name leaves the ledger,
/// unless an earlier try has recorded it, whose CREATE may have arrived.
async fn not_made(session: &mut Session, missing: &Missing, error: LoadError) -> Result<LoadError, LoadError> {
    if missing.begun_before {
        return Ok(error);
    }
    let taken = error.code() == Some(TABLE_EXISTS);
    if taken || !schema::is_there(session, &missing.target).await? {
        ledger::forget_tables(session, &[&missing.target]).await?;
    }
    Ok(match taken {
        true => LoadError::Strangers { server: session.server().to_owned(), tables: missing.target.to_string() },
        false => error,
    })
}

/// What is to be said where MySQL's definitions go to MariaDB or the other way round.
pub(super) fn other_family(source: &ServerFacts, target: &ServerFacts) -> Option<String> {
    let mariadb = |facts: &ServerFacts| facts.flavor == Flavor::Mariadb;
    (mariadb(source) != mariadb(target)).then(|| {
        format!(
            "the backup was taken from {} {}, the target is {} {}: not every definition of the one is one of the other",
            source.flavor, source.version, target.flavor, target.version
        )
    })
}

/// The names as the target holds them: with `lower_case_table_names` in lower case. Names that differ in case alone are
/// refused there, before anything is made.
pub(super) fn fold_names(mut selected: Selected, facts: &ServerFacts) -> Result<Selected> {
    if facts.lower_case_table_names == 0 {
        return Ok(selected);
    }
    let views = selected.objects.iter().filter(|(object, _)| object.kind == ObjectKind::View);
    let names = (selected.schemas.iter().map(|(_, name)| name.clone()))
        .chain(selected.tables.iter().map(|table| table.target.to_string()))
        .chain(views.map(|(view, schema)| QualifiedName::new(schema, &view.name.name).to_string()));
    let mut seen = HashMap::new();
    for name in names {
        if let Some(other) = seen.insert(name.to_lowercase(), name.clone()) {
            let message = format!("the target takes {other} and {name} for the same (lower_case_table_names)");
            return Err(Error::new(Exit::TargetUnfit, message).hint("restore them apart, with --table and --rename"));
        }
    }
    // With 2 a server keeps the case that it was given.
    if facts.lower_case_table_names == 1 {
        selected.schemas.iter_mut().for_each(|(_, name)| *name = name.to_lowercase());
        for (object, schema) in &mut selected.objects {
            *schema = schema.to_lowercase();
            if object.kind == ObjectKind::View {
                object.name.name = object.name.name.to_lowercase();
            }
        }
        for table in &mut selected.tables {
            table.target = QualifiedName::new(table.target.schema.to_lowercase(), table.target.name.to_lowercase());
        }
    }
    Ok(selected)
}
