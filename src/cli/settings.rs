//! What was typed means: arguments, environment and option files become the plain options of a command.
//! The rules of precedence stand in [`resolve`], which touches nothing; [`Settings`] reads the files around
//! it and asks for a password where one is wanted.
//!
//! For each part of a connection the first that gives it counts: the address, the options, `-p`,
//! `--password-file`, `MYSQL_PWD`, the option files, and for host, port and socket at last `MYSQL_HOST`,
//! `MYSQL_TCP_PORT`, `MYSQL_UNIX_PORT` (which the mysql client too ranks below its files).

mod drill;

use super::args::*;
use super::environment::Environment;
use super::option_file::{self, FileDefaults};
use crate::bench::rivals::RivalOptions;
use crate::bench::{self, BenchOptions, Subject};
use crate::command::archive::{ArchiveOptions, Origin, Start};
use crate::command::demo::DemoOptions;
use crate::command::options::{
    AbortOptions, BackupChoice, BackupOptions, Consistency, Definers, Effort, EventChoice, ExistingUsers, GtidPurged,
    Keep, ListOptions, Overrides, ProofMode, PruneOptions, Redo, RestoreOptions, Selection, Tune, VerifyOptions,
};
use crate::command::show::ShowOptions;
use crate::error::{Error, Exit, Explain, Result};
use crate::limits;
use crate::sandbox::{Kind, ProgramPaths};
use crate::secret::Secret;
use crate::server::options::PORT_DEFAULT;
use crate::server::{Address, ConnectOptions, Host, ServerError, SslMode, SslOptions, parse_address};
use std::path::{Path, PathBuf};

/// What is wrong with the options as a whole. All end the program before anything was started.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An option file that was asked for cannot be read.
    #[error("cannot read option file {}: {why}", path.display())]
    OptionFile {
        /// The file.
        path: PathBuf,
        /// Why, in the system's words.
        why: String,
    },
    /// A line of an option file.
    #[error("option file {} line {line}: {why}", path.display())]
    OptionLine {
        /// The file.
        path: PathBuf,
        /// Line number, counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The file of `--password-file`.
    #[error("cannot read password file {}: {why}", path.display())]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// Why, in the system's words.
        why: String,
    },
    /// `-p` where nobody can be asked, or the answer could not be read.
    #[error("cannot ask for the password: {why}")]
    CannotAsk {
        /// Why.
        why: String,
    },
    /// A host both in the address and in options.
    #[error("the address {address} names a server, and so does {option}")]
    TwoServers {
        /// The address, without password.
        address: String,
        /// The option.
        option: &'static str,
    },
    /// An environment variable that is no port.
    #[error("MYSQL_TCP_PORT {value} is no port number")]
    PortVariable {
        /// Its value.
        value: String,
    },
    /// A command that changes a server was not told which.
    #[error("restore was not told which server to restore into")]
    NoTarget,
    /// Connection options of a command that would not connect.
    #[error("{option} is given, but no --{wanted}")]
    Unconnected {
        /// The option typed.
        option: &'static str,
        /// The option that would make it useful.
        wanted: &'static str,
    },
    /// An empty value where a name is wanted.
    #[error("--{option} is empty")]
    Empty {
        /// The option's long name.
        option: &'static str,
    },
    /// A replica reaches its source by the network.
    #[error("--replicate-from names no host")]
    NoReplicationHost,
    /// The account that the replica logs in with must be given.
    #[error("--replicate-from was not told which account replicates")]
    NoReplicationUser,
    /// Certificates are to be checked, but against what?
    #[error("--replicate-from asks for a verified certificate and names no authority")]
    NoReplicationAuthority,
    /// The address itself.
    #[error(transparent)]
    Address(#[from] ServerError),
}

impl Explain for SettingsError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            SettingsError::CannotAsk { .. } => {
                "without a terminal use --password-file, MYSQL_PWD or an option file".into()
            }
            SettingsError::TwoServers { .. } => "give one of them".into(),
            SettingsError::NoTarget => "name it: --target mysql://user@host:3306, or --host, or --socket".into(),
            SettingsError::Unconnected { wanted, .. } => format!("add --{wanted} mysql://user@host:3306"),
            SettingsError::NoReplicationHost => "name the source: --replicate-from mysql://user@host:3306".into(),
            SettingsError::NoReplicationUser => {
                "--replicate-user NAME, or replicate-user in [myriad] of an option file; it needs REPLICATION SLAVE on the source"
                    .into()
            }
            SettingsError::NoReplicationAuthority => {
                "mysql://user@host?ssl-mode=verify-ca&ssl-ca=FILE, a file on the target's machine".into()
            }
            SettingsError::Address(error) => return error.hint(),
            SettingsError::OptionLine { .. } | SettingsError::OptionFile { .. } => {
                "--defaults-file FILE reads that file and no other".into()
            }
            SettingsError::PasswordFile { .. } | SettingsError::PortVariable { .. } | SettingsError::Empty { .. } => {
                return None;
            }
        })
    }
}

/// Makes the options of commands.
pub struct Settings<'a> {
    environment: &'a Environment,
    /// Called with each line that a person should read, such as an option file that is ignored.
    warn: &'a dyn Fn(&str),
}

impl<'a> Settings<'a> {
    /// Settings under these surroundings.
    pub fn new(environment: &'a Environment, warn: &'a dyn Fn(&str)) -> Self {
        Settings { environment, warn }
    }

    /// `myriad backup`: the source may come from options, option files or defaults, as with mysqldump.
    pub fn backup(&self, args: &BackupArgs) -> Result<BackupOptions> {
        Ok(BackupOptions {
            source: self.connect(args.source.as_deref(), &args.connect)?,
            repo: place(&args.repo)?,
            name: args.repo.name.clone(),
            selection: selection(&args.selection),
            effort: self.effort(&args.effort),
            chunk_bytes: args.chunk_size.map_or(limits::CHUNK_BYTES, to_usize),
            consistency: match args.consistency {
                ConsistencyArg::Auto => Consistency::Auto,
                ConsistencyArg::None => Consistency::None,
            },
            no_data: args.no_data,
            no_objects: args.no_objects,
            users: args.users,
            conditions: args.conditions.clone(),
            rate_bytes_max: args.max_rate,
            dry_run: args.dry_run,
        })
    }

    /// `myriad archive`: the source as for a backup, unless files are given.
    pub fn archive(&self, args: &ArchiveArgs) -> Result<ArchiveOptions> {
        let origin = match args.files.is_empty() {
            true => Origin::Server(self.connect(args.source.as_deref(), &args.connect)?),
            false => {
                let (places, server_uuid) = (args.files.clone(), args.server_uuid.clone());
                Origin::Files { places, server_uuid, unclosed: args.unclosed }
            }
        };
        Ok(ArchiveOptions {
            origin,
            repo: place(&args.repo)?,
            name: args.repo.name.clone(),
            once: args.once,
            segment_bytes: args.segment_size.unwrap_or(limits::SEGMENT_BYTES),
            segment_time: args.segment_time.unwrap_or(limits::SEGMENT_TIME),
            start: match args.start {
                StartArg::Backup => Start::Backup,
                StartArg::First => Start::First,
            },
            accept_gap: args.accept_gap,
            server_id: args.server_id,
        })
    }

    /// `myriad restore`: the target must have been typed; a default would overwrite whatever runs here.
    pub fn restore(&self, args: &RestoreArgs) -> Result<RestoreOptions> {
        Ok(RestoreOptions {
            target: self.target(args)?,
            repo: repository(args.repo.repo.as_deref().unwrap_or_default())?,
            name: args.repo.name.clone(),
            backup: choice(&args.backup)?,
            selection: selection(&args.selection),
            renames: args.renames.clone(),
            first: args.first.iter().flat_map(|globs| globs.0.iter().cloned()).collect(),
            effort: self.effort(&args.effort),
            no_data: args.no_data,
            no_objects: args.no_objects,
            definers: definers(&args.definers),
            events: match args.events {
                EventsArg::Keep => EventChoice::Keep,
                EventsArg::Disabled => EventChoice::Disabled,
                EventsArg::None => EventChoice::None,
            },
            users: args.users,
            existing_users: match args.existing_users {
                None => ExistingUsers::Refuse,
                Some(ExistingUsersArg::Skip) => ExistingUsers::Skip,
                Some(ExistingUsersArg::Replace) => ExistingUsers::Replace,
            },
            log_bin: args.log_bin,
            gtid_purged: match args.gtid_purged {
                GtidPurgedArg::Auto => GtidPurged::Auto,
                GtidPurgedArg::Off => GtidPurged::Off,
            },
            replicate_from: self.replicate_from(&args.replicate, &args.connect)?,
            proof: match args.verify {
                ProofArg::Full => ProofMode::Full,
                ProofArg::None => ProofMode::None,
            },
            redo: match args.redo {
                RedoArg::Auto => Redo::Auto,
                RedoArg::On => Redo::On,
                RedoArg::Off => Redo::Off,
            },
            tune: match args.tune {
                TuneArg::Auto => Tune::Auto,
                TuneArg::None => Tune::None,
            },
            target_memory_bytes: args.target_memory.unwrap_or(limits::TARGET_MEMORY_BYTES),
            overrides: Overrides {
                source: args.allow_source,
                replicas: args.allow_replicas,
                running_replica: args.allow_running_replica,
                group_member: args.allow_group_member,
                writes: args.allow_writes,
                transactions: args.allow_transactions,
                low_disk: args.allow_low_disk,
                target_is: args.target_is.clone(),
                drop_existing: args.drop_existing,
                gipk: args.allow_gipk,
                external: args.allow_external,
            },
            dry_run: args.dry_run,
            command_line: String::new(),
            abort_line: String::new(),
        })
    }

    /// `myriad restore --abort`: what else is given says nothing, so that it can be put behind the command that was cut off.
    pub fn abort(&self, args: &RestoreArgs) -> Result<AbortOptions> {
        Ok(AbortOptions { target: self.target(args)?, drop_usable: args.drop_usable, dry_run: args.dry_run })
    }

    /// The source of a replication and its account. Neither its user nor its password is ever taken from what the target's
    /// session logs in with.
    fn replicate_from(&self, typed: &ReplicateArgs, connect: &ConnectArgs) -> Result<Option<ConnectOptions>> {
        let Some(text) = &typed.replicate_from else { return Ok(None) };
        let files = self.files(connect)?;
        if holds_password(text) {
            (self.warn)(
                "every user of this machine can read the password in the address; MYRIAD_REPLICATE_PWD, --replicate-password-file or an option file keep it to you",
            );
        }
        let from_file = typed.replicate_password_file.as_deref().map(read_password_file).transpose()?;
        Ok(Some(resolve_replication(text, typed, from_file, self.environment, &files)?))
    }

    fn target(&self, args: &RestoreArgs) -> Result<ConnectOptions> {
        if args.target.is_none() && place_option(&args.connect).is_none() {
            return Err(SettingsError::NoTarget.into());
        }
        self.connect(args.target.as_deref(), &args.connect)
    }

    /// `myriad verify`.
    pub fn verify(&self, args: &VerifyArgs) -> Result<VerifyOptions> {
        Ok(VerifyOptions {
            repo: place(&args.repo)?,
            name: args.repo.name.clone(),
            backup: args.backup.as_deref().map(choice).transpose()?,
            against: self.optional(args.against.as_deref(), "against", &args.connect)?,
            rows: args.rows,
            selection: selection(&args.selection),
            renames: args.renames.clone(),
            effort: self.effort(&args.effort),
        })
    }

    /// `myriad list`.
    pub fn list(&self, args: &ListArgs) -> Result<ListOptions> {
        Ok(ListOptions { repo: place(&args.repo)?, name: args.repo.name.clone(), sizes: args.sizes })
    }

    /// `myriad show`.
    pub fn show(&self, args: &ShowArgs) -> Result<ShowOptions> {
        let options = ListOptions { repo: place(&args.repo)?, name: args.repo.name.clone(), sizes: true };
        Ok(ShowOptions { list: options, backup: choice(&args.backup)? })
    }

    /// `myriad prune`.
    pub fn prune(&self, args: &PruneArgs) -> Result<PruneOptions> {
        let repo = RepoArgs { repo: args.repo.clone(), name: args.name.clone() };
        Ok(PruneOptions {
            repo: place(&repo)?,
            name: repo.name,
            keep: Keep {
                last: args.keep_last,
                daily: args.keep_daily,
                weekly: args.keep_weekly,
                monthly: args.keep_monthly,
            },
            grace: args.grace.unwrap_or(limits::PRUNE_GRACE),
            binlogs_before_oldest: args.binlogs_before_oldest,
            yes: args.yes,
        })
    }

    /// `myriad demo`.
    pub fn demo(&self, args: &DemoArgs) -> Result<DemoOptions> {
        Ok(DemoOptions {
            scale: args.scale,
            threads: self.threads(args.threads),
            programs: self.programs(args.mysqld.as_deref()),
            folder: std::env::temp_dir(),
            myriad: this_program()?,
            keep: args.keep,
        })
    }

    /// `myriad bench`.
    pub fn bench(&self, args: &BenchArgs) -> Result<BenchOptions> {
        let source = self.optional(args.source.as_deref(), "source", &args.connect)?;
        let programs = self.programs(args.mysqld.as_deref());
        let mut rivals = RivalOptions::all(&programs, &self.programs_of(Kind::Mariadb, None));
        (rivals.paths, rivals.arguments) = (args.programs.clone(), args.arguments.clone());
        if !args.rivals.is_empty() {
            rivals.kinds = args.rivals.clone();
            rivals.kinds.sort();
            rivals.kinds.dedup();
        }
        let (started, switched) = (bench::Settings::AsStarted, bench::Settings::Switched);
        Ok(BenchOptions {
            subject: match (&args.from, source) {
                (Some(file), _) => Subject::Earlier(file.clone()),
                (None, Some(source)) => Subject::Source(source),
                (None, None) => Subject::Dataset(args.dataset),
            },
            runs: args.runs,
            threads: self.threads(args.threads),
            work: args.work.clone().unwrap_or_else(std::env::temp_dir),
            programs,
            rivals,
            settings: match args.settings {
                SettingsArg::AsStarted => vec![started],
                SettingsArg::Switched => vec![switched],
                SettingsArg::Both => vec![started, switched],
            },
            myriad: this_program()?,
            quick: args.quick,
            svg: args.svg.clone(),
            html: args.html.clone(),
        })
    }

    /// Where mysqld is looked for: the option, `MYRIAD_MYSQLD`, then the folders.
    pub fn programs(&self, mysqld: Option<&Path>) -> ProgramPaths {
        self.programs_of(Kind::Mysql, mysqld)
    }

    /// Where the server of a family is looked for: the option, the family's own variable, then the folders.
    pub fn programs_of(&self, kind: Kind, named: Option<&Path>) -> ProgramPaths {
        let variable = |name| self.environment.variable(name);
        let fetched_home = match kind {
            Kind::Mysql => "MYRIAD_MYSQL_HOME",
            Kind::Mariadb => "MYRIAD_MARIADB_HOME",
        };
        ProgramPaths::from_environment(
            kind,
            named.map(Path::as_os_str).or_else(|| variable(kind.variable())),
            variable("PATH"),
            variable(fetched_home),
            variable("XDG_CACHE_HOME"),
            variable("HOME"),
        )
    }

    /// `--threads` or the number of CPUs.
    pub fn threads(&self, typed: Option<usize>) -> usize {
        typed.unwrap_or(self.environment.cpus).clamp(1, limits::THREADS_MAX)
    }

    /// `--threads` and `--memory`.
    pub fn effort(&self, args: &EffortArgs) -> Effort {
        Effort { threads: self.threads(args.threads), memory_bytes: args.memory.map_or(limits::MEMORY_BYTES, to_usize) }
    }

    /// A server that a command talks to only where its address option (`--{name}`) is given.
    pub fn optional(
        &self,
        address: Option<&str>,
        name: &'static str,
        typed: &ConnectArgs,
    ) -> Result<Option<ConnectOptions>> {
        match (address, any_option(typed)) {
            (Some(address), _) => self.connect(Some(address), typed).map(Some),
            (None, Some(option)) => Err(SettingsError::Unconnected { option, wanted: name }.into()),
            (None, None) => Ok(None),
        }
    }

    /// The server's options, its password asked for where `-p` says so.
    pub fn connect(&self, address: Option<&str>, typed: &ConnectArgs) -> Result<ConnectOptions> {
        let files = self.files(typed)?;
        files.warnings.iter().for_each(|line| (self.warn)(line));
        let from_file = typed.password_file.as_deref().map(read_password_file).transpose()?;
        let (mut options, ask) = resolve(address, typed, from_file, self.environment, files)?;
        if address.is_some_and(holds_password) {
            (self.warn)(
                "every user of this machine can read the password in the address; MYSQL_PWD, --password-file or an option file keep it to you",
            );
        }
        if ask {
            options.password = self.ask(&options)?;
        }
        Ok(options)
    }

    fn files(&self, typed: &ConnectArgs) -> Result<FileDefaults, SettingsError> {
        match &typed.defaults_file {
            Some(file) => option_file::read(std::slice::from_ref(file), true),
            None => option_file::read(&self.environment.option_files(), false),
        }
    }

    fn ask(&self, options: &ConnectOptions) -> Result<Secret, SettingsError> {
        if !self.environment.can_ask {
            return Err(SettingsError::CannotAsk { why: "standard input and error are no terminals".into() });
        }
        let answer = rpassword::prompt_password(format!("password of {}: ", options.describe()));
        answer.map(Secret::new).map_err(|error| SettingsError::CannotAsk { why: error.to_string() })
    }
}

fn holds_password(address: &str) -> bool {
    parse_address(address).is_ok_and(|address| address.password.is_some_and(|password| !password.is_empty()))
}

/// The server's options, and whether the password is still to be asked for. Pure.
fn resolve(
    address: Option<&str>,
    typed: &ConnectArgs,
    password_file: Option<Secret>,
    environment: &Environment,
    files: FileDefaults,
) -> Result<(ConnectOptions, bool), SettingsError> {
    let address = match address {
        Some(text) => parse_address(text)?,
        None => Address::default(),
    };
    if let (Some(host), Some(option)) = (&address.host, place_option(typed)) {
        return Err(SettingsError::TwoServers { address: describe(host), option });
    }
    let ask = typed.password && address.password.is_none();
    let password = address.password.or(password_file);
    let password = password.or_else(|| environment.text("MYSQL_PWD").map(Secret::new)).or(files.password.clone());
    let options = ConnectOptions {
        user: address
            .user
            .or_else(|| typed.user.clone())
            .or_else(|| files.user.clone())
            .unwrap_or_else(|| environment.login_name()),
        password: if ask { Secret::default() } else { password.unwrap_or_default() },
        ssl: SslOptions {
            mode: address.ssl_mode.or(typed.ssl_mode.map(Into::into)).or(files.ssl_mode).unwrap_or_default(),
            ca: address.ssl_ca.or_else(|| typed.ssl_ca.clone()).or_else(|| files.ssl_ca.clone()),
        },
        host: match address.host {
            Some(host) => host,
            None => default_host(typed, environment, files)?,
        },
    };
    Ok((options, ask))
}

/// The source of a replication and its account. Pure.
fn resolve_replication(
    text: &str,
    typed: &ReplicateArgs,
    password_file: Option<Secret>,
    environment: &Environment,
    files: &FileDefaults,
) -> Result<ConnectOptions, SettingsError> {
    let address = parse_address(text)?;
    let host = match address.host {
        Some(host @ Host::Tcp { .. }) => host,
        _ => return Err(SettingsError::NoReplicationHost),
    };
    let user = address.user.or_else(|| typed.replicate_user.clone()).or_else(|| files.replicate_user.clone());
    let password = address.password.or(password_file);
    let password = password.or_else(|| environment.text("MYRIAD_REPLICATE_PWD").map(Secret::new));
    let ssl = SslOptions { mode: address.ssl_mode.unwrap_or_default(), ca: address.ssl_ca };
    if matches!(ssl.mode, SslMode::VerifyCa | SslMode::VerifyIdentity) && ssl.ca.is_none() {
        return Err(SettingsError::NoReplicationAuthority);
    }
    Ok(ConnectOptions {
        host,
        user: user.ok_or(SettingsError::NoReplicationUser)?,
        password: password.or_else(|| files.replicate_password.clone()).unwrap_or_default(),
        ssl,
    })
}

/// Where the server listens when no address names it. As with MySQL's programs `localhost` means the socket,
/// but a port that was typed means TCP: to be led to another server silently helps nobody.
fn default_host(typed: &ConnectArgs, environment: &Environment, files: FileDefaults) -> Result<Host, SettingsError> {
    if let Some(socket) = &typed.socket {
        return Ok(Host::Socket(socket.clone()));
    }
    let host = typed.host.clone().or(files.host).or_else(|| environment.text("MYSQL_HOST"));
    let local = host.as_deref().is_none_or(|host| host.eq_ignore_ascii_case("localhost"));
    if local && typed.port.is_none() {
        let socket = files.socket.or_else(|| environment.path("MYSQL_UNIX_PORT"));
        if let Some(socket) = socket.or_else(|| environment.sockets.first().cloned()) {
            return Ok(Host::Socket(socket));
        }
    }
    let variable = match environment.text("MYSQL_TCP_PORT") {
        Some(value) => Some(value.parse().map_err(|_| SettingsError::PortVariable { value })?),
        None => None,
    };
    let host = if local { None } else { host };
    Ok(Host::Tcp {
        host: host.unwrap_or_else(|| "127.0.0.1".into()),
        port: typed.port.or(files.port).or(variable).unwrap_or(PORT_DEFAULT),
    })
}

fn describe(host: &Host) -> String {
    match host {
        Host::Tcp { host, port } => format!("{host}:{port}"),
        Host::Socket(path) => path.display().to_string(),
    }
}

/// The first option typed that says where the server is.
fn place_option(typed: &ConnectArgs) -> Option<&'static str> {
    let given =
        [(typed.host.is_some(), "--host"), (typed.port.is_some(), "--port"), (typed.socket.is_some(), "--socket")];
    given.into_iter().find(|(given, _)| *given).map(|(_, name)| name)
}

/// The first connection option typed.
fn any_option(typed: &ConnectArgs) -> Option<&'static str> {
    let given = [
        (typed.user.is_some(), "--user"),
        (typed.password, "--password"),
        (typed.password_file.is_some(), "--password-file"),
        (typed.defaults_file.is_some(), "--defaults-file"),
        (typed.ssl_mode.is_some(), "--ssl-mode"),
        (typed.ssl_ca.is_some(), "--ssl-ca"),
    ];
    place_option(typed).or_else(|| given.into_iter().find(|(given, _)| *given).map(|(_, name)| name))
}

/// The first line of a file, its end of line left out: `echo secret > file` is how such files are made.
fn read_password_file(path: &Path) -> Result<Secret, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SettingsError::PasswordFile { path: path.into(), why: error.to_string() })?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

fn selection(args: &SelectionArgs) -> Selection {
    Selection {
        databases: args.database.clone(),
        exclude_databases: args.exclude_database.clone(),
        tables: args.table.clone(),
        exclude_tables: args.exclude_table.clone(),
    }
}

/// Where nothing is said objects keep their definers too, but none with rights above the restoring account's.
fn definers(typed: &[DefinerArg]) -> Definers {
    let mut definers = Definers::default();
    for arg in typed {
        match arg {
            DefinerArg::Keep => (definers.current, definers.keep) = (false, true),
            DefinerArg::Current => (definers.current, definers.keep) = (true, false),
            DefinerArg::Map(old, new) => definers.map.push((old.clone(), new.clone())),
        }
    }
    definers
}

fn choice(text: &str) -> Result<BackupChoice, SettingsError> {
    match text {
        "" => Err(SettingsError::Empty { option: "backup" }),
        "latest" => Ok(BackupChoice::Latest),
        id => Ok(BackupChoice::Id(id.to_owned())),
    }
}

fn place(args: &RepoArgs) -> Result<String, SettingsError> {
    repository(&args.repo)
}

fn repository(place: &str) -> Result<String, SettingsError> {
    match place {
        "" => Err(SettingsError::Empty { option: "repo" }),
        repo => Ok(repo.to_owned()),
    }
}

/// Sizes beyond the address space are as good as its end.
fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The path of the running program, which the contest runs as a child so that its CPU is measured like a rival's.
fn this_program() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|error| Error::new(Exit::Failure, format!("cannot find the path of this program: {error}")))
}

#[cfg(test)]
mod tests;
