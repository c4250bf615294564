//! Precedence as tables: what was typed, the variables and the files go in, the connection comes out.

use super::*;
use crate::server::SslMode;
use clap::Parser;
use std::ffi::OsString;

/// Environment variables with their values.
type Variables<'a> = &'a [(&'static str, &'a str)];

fn environment(variables: Variables) -> Environment {
    let variables = variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
    Environment { variables, cpus: 3, ..Environment::default() }
}

/// The arguments of `myriad backup --repo r`, with `typed` after it.
fn backup_args(typed: &str) -> BackupArgs {
    let line = ["myriad", "backup", "--repo", "r"].into_iter().chain(typed.split_whitespace());
    match Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{typed}: {error}")).command {
        Command::Backup(args) => args,
        other => panic!("{other:?}"),
    }
}

fn files(text: &str) -> FileDefaults {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("write");
    option_file::read(&[file.path().into()], true).expect("option file")
}

/// Resolves and writes the result on one line: `user:password@host mode`, `?` for a password to be asked for.
fn connection(typed: &str, variables: Variables, file: &str) -> String {
    let args = backup_args(typed);
    let from_file = args.connect.password_file.as_ref().map(|_| Secret::new("pwfile"));
    let environment = environment(variables);
    match resolve(args.source.as_deref(), &args.connect, from_file, &environment, files(file)) {
        Ok((options, ask)) => {
            let password = if ask { "?" } else { options.password.expose() };
            let mode = match options.ssl.mode {
                SslMode::Preferred => String::new(),
                mode => format!(" {mode:?}"),
            };
            format!("{}:{password}@{}{mode}", options.user, describe(&options.host))
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_first_that_gives_a_part_counts() {
    let user = ("USER", "ann");
    let cases: &[(&str, Variables, &str, &str)] = &[
        // Nothing given: login name, TCP on this machine (there is no socket in these surroundings).
        ("", &[user], "", "ann:@127.0.0.1:3306"),
        // User.
        ("", &[user], "[client]\nuser=f\n", "f:@127.0.0.1:3306"),
        ("-u o", &[user], "[client]\nuser=f\n", "o:@127.0.0.1:3306"),
        ("-u o --source mysql://a@h", &[user], "[client]\nuser=f\n", "a:@h:3306"),
        // Password.
        ("", &[user], "[client]\npassword=f\n", "ann:f@127.0.0.1:3306"),
        ("", &[user, ("MYSQL_PWD", "e")], "[client]\npassword=f\n", "ann:e@127.0.0.1:3306"),
        ("--password-file x", &[user, ("MYSQL_PWD", "e")], "[client]\npassword=f\n", "ann:pwfile@127.0.0.1:3306"),
        ("-p", &[user, ("MYSQL_PWD", "e")], "[client]\npassword=f\n", "ann:?@127.0.0.1:3306"),
        ("-p --source mysql://a:pw@h", &[user, ("MYSQL_PWD", "e")], "", "a:pw@h:3306"),
        ("--source mysql://a:@h", &[user, ("MYSQL_PWD", "e")], "", "a:@h:3306"),
        // Host, port and socket.
        ("", &[user, ("MYSQL_HOST", "e"), ("MYSQL_TCP_PORT", "1")], "", "ann:@e:1"),
        ("", &[user, ("MYSQL_HOST", "e"), ("MYSQL_TCP_PORT", "1")], "[client]\nhost=f\nport=2\n", "ann:@f:2"),
        ("--host o", &[user, ("MYSQL_HOST", "e")], "[client]\nport=2\n", "ann:@o:2"),
        ("--host o --port 3", &[user], "[client]\nhost=f\nport=2\n", "ann:@o:3"),
        ("", &[user, ("MYSQL_UNIX_PORT", "/e")], "", "ann:@/e"),
        ("", &[user, ("MYSQL_UNIX_PORT", "/e")], "[client]\nsocket=/f\n", "ann:@/f"),
        ("-S /o", &[user], "[client]\nsocket=/f\nhost=h\n", "ann:@/o"),
        ("--host localhost", &[user], "[client]\nsocket=/f\n", "ann:@/f"),
        ("--host localhost", &[user], "", "ann:@127.0.0.1:3306"),
        ("--host 127.0.0.1", &[user], "[client]\nsocket=/f\n", "ann:@127.0.0.1:3306"),
        ("--port 3307", &[user], "[client]\nsocket=/f\n", "ann:@127.0.0.1:3307"),
        ("--source mysql:///s", &[user, ("MYSQL_HOST", "e")], "[client]\nhost=f\n", "ann:@/s"),
        ("--source mysql://a@ --host o", &[user], "", "a:@o:3306"),
        // TLS.
        ("", &[user], "[client]\nssl-mode=REQUIRED\n", "ann:@127.0.0.1:3306 Required"),
        ("--ssl-mode disabled", &[user], "[client]\nssl-mode=REQUIRED\n", "ann:@127.0.0.1:3306 Disabled"),
        ("--ssl-mode disabled --source mysql://h?ssl-mode=verify-ca", &[user], "", "ann:@h:3306 VerifyCa"),
        // Refused.
        ("--source mysql://a@h --port 2", &[], "", "the address h:3306 names a server, and so does --port"),
        ("", &[("MYSQL_TCP_PORT", "x")], "", "MYSQL_TCP_PORT x is no port number"),
    ];
    for (typed, variables, file, expected) in cases {
        assert_eq!(connection(typed, variables, file), *expected, "{typed:?} {variables:?} {file:?}");
    }
}

#[test]
fn a_usual_socket_is_taken_for_localhost() {
    let environment = Environment { sockets: vec!["/run/one".into(), "/run/two".into()], ..environment(&[]) };
    let host = |typed| {
        let args = backup_args(typed).connect;
        describe(&default_host(&args, &environment, FileDefaults::default()).expect("a host"))
    };
    assert_eq!(host(""), "/run/one");
    assert_eq!(host("--host db1"), "db1:3306");
    assert_eq!(host("--port 3306"), "127.0.0.1:3306");
}

/// Runs `make` with settings that read no option file but `/dev/null`.
fn with_settings<T>(make: impl FnOnce(&Settings) -> T) -> T {
    make(&Settings::new(&environment(&[("USER", "ann"), ("MYRIAD_MYSQLD", "/m"), ("PATH", "/a")]), &|_| ()))
}

fn command(line: &str) -> Command {
    let line = format!("myriad {line}");
    Cli::try_parse_from(line.split_whitespace()).unwrap_or_else(|error| panic!("{line}: {error}")).command
}

#[test]
fn a_backup_has_its_defaults() {
    let options = with_settings(|s| s.backup(&backup_args("--defaults-file /dev/null"))).expect("options");
    assert_eq!((options.effort.threads, options.effort.memory_bytes), (3, limits::MEMORY_BYTES));
    assert_eq!((options.chunk_bytes, options.rate_bytes_max), (limits::CHUNK_BYTES, None));
    assert_eq!((options.repo.as_str(), options.name, options.consistency), ("r", None, Consistency::Auto));
    assert!(!options.no_data && !options.no_objects && !options.dry_run);
}

#[test]
fn a_backup_takes_what_was_typed() {
    let typed = "--defaults-file /dev/null --name n --threads 2 --memory 64M --chunk-size 1M --max-rate 5M --no-data \
        --no-objects --dry-run --consistency none --database a* --database b --exclude-database c --table d.e \
        --exclude-table *.f --where d.e=id>1";
    let options = with_settings(|s| s.backup(&backup_args(typed))).expect("options");
    assert_eq!(options.effort, Effort { threads: 2, memory_bytes: 64 << 20 });
    assert_eq!((options.chunk_bytes, options.rate_bytes_max), (1 << 20, Some(5 << 20)));
    assert_eq!((options.name.as_deref(), options.consistency), (Some("n"), Consistency::None));
    assert!(options.no_data && options.no_objects && options.dry_run);
    let list = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let selection = Selection {
        databases: list(&["a*", "b"]),
        exclude_databases: list(&["c"]),
        tables: list(&["d.e"]),
        exclude_tables: list(&["*.f"]),
    };
    assert_eq!(options.selection, selection);
    assert_eq!(options.conditions, [("d.e".to_owned(), "id>1".to_owned())]);
}

#[test]
fn a_restore_names_its_target() {
    let restore = |line: &str| match command(line) {
        Command::Restore(args) => with_settings(|s| s.restore(&args)),
        other => panic!("{other:?}"),
    };
    let error = restore("restore --repo r --defaults-file /dev/null --user root").expect_err("no target");
    assert_eq!((error.exit(), error.hints().len()), (Exit::Usage, 1));
    let options = restore(
        "restore --repo r --defaults-file /dev/null --socket /s --backup 42 --rename a=b --log-bin --gtid-purged off \
         --verify none --allow-source --allow-replicas --drop-existing --target-is u-1",
    )
    .expect("options");
    assert_eq!(options.target.host, Host::Socket("/s".into()));
    assert_eq!((options.backup, options.gtid_purged), (BackupChoice::Id("42".into()), GtidPurged::Off));
    assert_eq!((options.proof, options.log_bin), (ProofMode::None, true));
    let target_is = Some("u-1".to_owned());
    let overrides = Overrides { source: true, replicas: true, drop_existing: true, target_is, ..Overrides::default() };
    assert_eq!(options.overrides, overrides);
    assert_eq!(options.renames, [("a".to_owned(), "b".to_owned())]);
    let options = restore("restore --repo r --defaults-file /dev/null --target mysql://h").expect("options");
    assert_eq!((options.backup, options.gtid_purged), (BackupChoice::Latest, GtidPurged::Off));
    assert_eq!((options.proof, options.overrides), (ProofMode::Full, Overrides::default()));
}

#[test]
fn a_verify_connects_only_where_it_is_told_to() {
    let verify = |line: &str| match command(line) {
        Command::Verify(args) => with_settings(|s| s.verify(&args)),
        other => panic!("{other:?}"),
    };
    let options = verify("verify --repo r").expect("options");
    assert_eq!((options.against, options.backup), (None, None));
    let error = verify("verify --repo r --host h").expect_err("no --against");
    assert_eq!(error.to_string(), "--host is given, but no --against");
    let options = verify("verify --repo r --against mysql://u@h --defaults-file /dev/null --backup latest");
    let options = options.expect("options");
    assert_eq!(options.against.map(|server| server.describe()).as_deref(), Some("u@h:3306"));
    assert_eq!((options.backup, options.rows), (Some(BackupChoice::Latest), None));
    let rows = |typed: &str| verify(&format!("verify --repo r --against mysql://h {typed}")).expect("options").rows;
    assert_eq!((rows("--rows"), rows("--rows 7")), (Some(20), Some(7)));
}

#[test]
fn empty_values_are_refused() {
    let options = with_settings(|s| {
        let repo = RepoArgs { repo: String::new(), name: None };
        s.list(&ListArgs { repo, sizes: false }).map(|_| ()).expect_err("no repository")
    });
    assert_eq!((options.exit(), options.to_string().as_str()), (Exit::Usage, "--repo is empty"));
}

#[test]
fn mysqld_comes_from_the_option_or_the_environment() {
    with_settings(|s| {
        assert_eq!(s.programs(Some(Path::new("/o"))).named, Some("/o".into()));
        assert_eq!(s.programs(None).named, Some("/m".into()));
        assert_eq!(s.programs(None).folders.first(), Some(&"/a".into()));
    });
}

#[test]
fn the_password_file_gives_its_first_line() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    for (text, expected) in [("a b\n", "a b"), ("x\r\ny\n", "x"), ("", ""), ("z", "z")] {
        std::fs::write(file.path(), text).expect("write");
        assert_eq!(read_password_file(file.path()).expect("read").expose(), expected, "{text:?}");
    }
    let error = read_password_file(Path::new("/no/such/file")).expect_err("missing");
    assert!(error.to_string().contains("/no/such/file"));
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let error = with_settings(|s| s.backup(&backup_args("-p --defaults-file /dev/null"))).expect_err("no terminal");
    assert_eq!((error.exit(), error.hints().len()), (Exit::Usage, 1));
}
