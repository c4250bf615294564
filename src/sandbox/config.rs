//! What a private server is asked to be, where its files lie, and the command line that follows.

use super::error::SandboxError;
use super::find::{Kind, Program, ProgramPaths};
use std::path::PathBuf;

/// The longest path of a Unix socket: `sun_path` holds 108 bytes with the closing zero (unix(7)).
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// What a private server is asked to be.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Where the server is looked for, and of which family it is.
    pub programs: ProgramPaths,
    /// The folder in which `myriad-XXXXXX` is made; short, since the socket lies in it.
    pub folder: PathBuf,
    /// Listen on 127.0.0.1 too, on a free port.
    pub tcp: bool,
    /// Write a binary log, with the family's GTIDs.
    pub binary_log: bool,
    /// `innodb_buffer_pool_size`.
    pub buffer_pool_bytes: u64,
    /// Leave the data in place when the server is stopped.
    pub keep: bool,
    /// How long the server may take until it answers.
    pub start_seconds_max: u64,
    /// Further arguments of the server; they win over ours.
    pub arguments: Vec<String>,
}

impl SandboxOptions {
    /// The usual private server: socket only, binary log and GTIDs on, 256 MiB of buffer pool.
    pub fn new(programs: ProgramPaths) -> SandboxOptions {
        SandboxOptions {
            programs,
            folder: "/tmp".into(),
            tcp: false,
            binary_log: true,
            buffer_pool_bytes: 256 << 20,
            keep: false,
            start_seconds_max: 300,
            arguments: Vec::new(),
        }
    }
}

/// The files of one server, all in one folder.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The folder.
    pub folder: PathBuf,
    /// The data directory.
    pub data: PathBuf,
    /// The Unix socket.
    pub socket: PathBuf,
    /// The error log; its name has an extension, since mysqld adds `.err` to one that has none.
    pub log: PathBuf,
}

impl Layout {
    /// The files of a server in `folder`; refused where the socket's path would be too long.
    pub fn new(folder: PathBuf) -> Result<Layout, SandboxError> {
        let socket = folder.join("s");
        if socket.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
            return Err(SandboxError::SocketPath { path: socket });
        }
        Ok(Layout { data: folder.join("data"), log: folder.join("log.err"), socket, folder })
    }
}

/// The arguments of a server. `port` is none for a server on its socket alone; with `native_aio_off` it does without native
/// asynchronous I/O.
pub fn arguments(
    program: &Program,
    layout: &Layout,
    options: &SandboxOptions,
    port: Option<u16>,
    native_aio_off: bool,
) -> Vec<String> {
    let mut arguments = vec![
        // Must be first: a machine's my.cnf would else have its say.
        "--no-defaults".into(),
        format!("--datadir={}", layout.data.display()),
        format!("--socket={}", layout.socket.display()),
        format!("--pid-file={}", layout.folder.join("pid").display()),
        format!("--log-error={}", layout.log.display()),
        "--event-scheduler=OFF".into(),
        "--local-infile=ON".into(),
        format!("--innodb-buffer-pool-size={}", options.buffer_pool_bytes),
        format!("--server-id={}", server_id()),
    ];
    if program.kind == Kind::Mysql {
        // Packages build in a folder that only their installation makes; the server ends without it.
        arguments.push("--secure-file-priv=NULL".into());
        if !program.version.starts_with("5.") {
            arguments.push("--mysqlx=OFF".into());
        }
    }
    if program.kind == Kind::Mariadb {
        // As it starts it removes temporary tables from the folder, those of other servers too (seen on 10.11.18).
        arguments.push(format!("--tmpdir={}", layout.folder.display()));
    }
    if rustix::process::geteuid().is_root() {
        // mysqld refuses to run as root unless told to.
        arguments.push("--user=root".into());
    }
    match (options.binary_log, program.kind) {
        (true, Kind::Mysql) => {
            arguments.extend(["--log-bin=binlog", "--gtid-mode=ON", "--enforce-gtid-consistency=ON"].map(String::from));
        }
        // Its GTIDs need no switching on.
        (true, Kind::Mariadb) => arguments.push("--log-bin=binlog".into()),
        (false, _) => arguments.push("--skip-log-bin".into()),
    }
    match port {
        Some(port) => arguments.extend(["--bind-address=127.0.0.1".into(), format!("--port={port}")]),
        None => arguments.push("--skip-networking".into()),
    }
    if native_aio_off {
        arguments.push("--innodb-use-native-aio=OFF".into());
    }
    arguments.extend(options.arguments.iter().cloned());
    arguments
}

/// Servers of one run may become source and replica of each other, so no two share an id.
fn server_id() -> u32 {
    rand::random_range(1..=u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_too_deep_for_a_socket_is_refused() {
        assert!(Layout::new(PathBuf::from(format!("/tmp/{}", "x".repeat(100)))).is_ok());
        assert!(Layout::new(PathBuf::from(format!("/tmp/{}", "x".repeat(101)))).is_err());
    }
}
