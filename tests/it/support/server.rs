//! Private servers for tests: one pair shared by the whole test program, or one of a test's own.

use myriad::error::Explain;
use myriad::sandbox::{Kind, ProgramPaths, Sandbox, SandboxOptions};
use myriad::server::Session;
use std::sync::{Mutex, OnceLock};

/// Where the tests find MySQL's programs: as the program itself does.
pub fn programs() -> ProgramPaths {
    programs_of(Kind::Mysql, "MYRIAD_MYSQL_HOME")
}

/// Where the tests find MariaDB's programs.
pub fn mariadb_programs() -> ProgramPaths {
    programs_of(Kind::Mariadb, "MYRIAD_MARIADB_HOME")
}

fn programs_of(kind: Kind, fetched_home: &str) -> ProgramPaths {
    let var = |name| std::env::var_os(name);
    ProgramPaths::from_environment(
        kind,
        var(kind.variable()).as_deref(),
        var("PATH").as_deref(),
        var(fetched_home).as_deref(),
        var("XDG_CACHE_HOME").as_deref(),
        var("HOME").as_deref(),
    )
}

/// The options of a usual test server.
pub fn options() -> SandboxOptions {
    SandboxOptions::new(programs())
}

/// A server of the test's own, gone at the end of the test.
pub fn own(options: SandboxOptions) -> Sandbox {
    Sandbox::start(options).unwrap_or_else(|error| {
        panic!("no private server for this test: {error}\nhint: {}", error.hint().unwrap_or_default())
    })
}

/// The shared server to take backups from. Tests on it use schemas whose names no other test uses, change
/// no global setting, and never stop it.
pub fn source() -> &'static Sandbox {
    static SOURCE: OnceLock<&'static Sandbox> = OnceLock::new();
    SOURCE.get_or_init(|| shared(options()))
}

/// The shared server to restore into; the rules of [`source`] hold.
pub fn target() -> &'static Sandbox {
    static TARGET: OnceLock<&'static Sandbox> = OnceLock::new();
    TARGET.get_or_init(|| shared(options()))
}

/// The shared MariaDB to take backups from; the rules of [`source`] hold.
pub fn mariadb_source() -> &'static Sandbox {
    static SOURCE: OnceLock<&'static Sandbox> = OnceLock::new();
    SOURCE.get_or_init(|| shared(mariadb_options()))
}

/// The shared MariaDB to restore into; the rules of [`source`] hold.
pub fn mariadb_target() -> &'static Sandbox {
    static TARGET: OnceLock<&'static Sandbox> = OnceLock::new();
    TARGET.get_or_init(|| shared(mariadb_options()))
}

/// The options of a usual MariaDB. Where there is none the tests that need it fail and say how to get one.
pub fn mariadb_options() -> SandboxOptions {
    // As large as MySQL's: 64 MiB where MariaDB has 16.
    SandboxOptions { arguments: vec!["--max-allowed-packet=64M".into()], ..SandboxOptions::new(mariadb_programs()) }
}

/// A shared target for one test at a time, since a server takes one restore at a time; it is another one than [`target`],
/// whose restores wait for each other in [`super::run`].
pub async fn target_alone() -> (&'static Sandbox, tokio::sync::MutexGuard<'static, ()>) {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    static TARGET: OnceLock<&'static Sandbox> = OnceLock::new();
    let turn = TURN.lock().await;
    (TARGET.get_or_init(|| shared(options())), turn)
}

/// A session on a private server.
pub async fn connect(server: &Sandbox) -> Session {
    Session::connect(&server.connect_options()).await.expect("a session on a private server")
}

/// Pointers to the shared servers, given back to `Box` at exit.
static SHARED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// A server that several tests share: it is stopped when the program ends.
pub fn shared(options: SandboxOptions) -> &'static Sandbox {
    let server = Box::into_raw(Box::new(own(options)));
    let mut servers = SHARED.lock().unwrap();
    if servers.is_empty() {
        // SAFETY: the function given has the type that atexit(3) asks for.
        unsafe { atexit(stop_shared) };
    }
    servers.push(server as usize);
    // SAFETY: the box is freed at exit only, when no test runs any more.
    unsafe { &*server }
}

unsafe extern "C" {
    fn atexit(callback: extern "C" fn()) -> i32;
}

/// The test harness ends the process without dropping statics; this removes their folders all the same.
extern "C" fn stop_shared() {
    for server in SHARED.lock().map(|mut servers| std::mem::take(&mut *servers)).unwrap_or_default() {
        // SAFETY: made by Box::into_raw in `shared`, taken out of the list once.
        drop(unsafe { Box::from_raw(server as *mut Sandbox) });
    }
}
