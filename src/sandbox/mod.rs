//! Private servers for tests, demo and bench: found, initialised, started on a socket, stopped. MySQL or MariaDB.
//!
//! In: [`SandboxOptions`]. Out: a [`Sandbox`] that answers on its socket as root without a password.
//! Nothing stays behind: the server dies with this process (the kernel kills it, also after a kill -9 of
//! ours), and a folder that a dead process left is removed at the next start (see [`folder`]). The calls
//! block and wait by polling, so they work with an async runtime and without one. Linux only.

pub mod config;
pub mod error;
pub mod find;
pub mod folder;
pub mod init;
pub mod process;

pub use config::SandboxOptions;
pub use error::SandboxError;
pub use find::{Kind, ProgramPaths};

use crate::secret::Secret;
use crate::server::{ConnectOptions, Host, SslOptions};
use config::Layout;
use folder::RunFolder;
use process::Mysqld;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

/// One private server. Dropping it kills the server and removes its data, unless `keep` was asked for.
pub struct Sandbox {
    options: SandboxOptions,
    program: find::Program,
    layout: Layout,
    server: Option<Mysqld>,
    // Held for its lock: the folder of the run lives as long as one of its servers.
    run: Arc<RunFolder>,
}

impl Sandbox {
    /// Finds the server program, gives it a data directory of its own and waits until it answers.
    ///
    /// Fails where no program is found, it cannot be initialised, or it does not answer in
    /// `start_seconds_max`; the error then quotes the end of the server's own log.
    pub fn start(options: SandboxOptions) -> Result<Sandbox, SandboxError> {
        folder::sweep(&options.folder);
        let program = options.programs.server()?;
        let run = folder::of_this_process(&options.folder)?;
        let layout = Layout::new(run.server_folder()?)?;
        // A dictionary made under one value of it is refused by a server with another.
        let from_the_start =
            options.arguments.iter().filter(|argument| argument.starts_with("--lower-case-table-names"));
        let template = run.template(&program, from_the_start.cloned().collect())?;
        init::copy_template(&template, &layout.data)?;
        let mut sandbox = Sandbox { options, program, layout, server: None, run };
        sandbox.restart()?;
        Ok(sandbox)
    }

    /// Stops the server if it runs (orderly) and starts it again on the same data and socket.
    /// With `tcp` the port may change.
    pub fn restart(&mut self) -> Result<(), SandboxError> {
        if let Some(mut server) = self.server.take() {
            server.terminate();
        }
        self.server = Some(Mysqld::start(&self.program, &self.layout, &self.options)?);
        Ok(())
    }

    /// Kills the server as a power cut would, and waits until it is gone. [`Sandbox::restart`] brings it
    /// back, with the server's own crash recovery.
    pub fn kill9(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// Stops the server in an orderly way and removes its data, unless `keep` was asked for.
    pub fn stop(mut self) {
        if let Some(mut server) = self.server.take() {
            server.terminate();
        }
    }

    /// Starts the server once more on the same data and socket, so that it outlives this process, and leaves it and the folder
    /// of the run in place, out of every later sweep. Returns its process id.
    pub fn leave_running(mut self) -> Result<u32, SandboxError> {
        self.options.keep = true;
        if let Some(mut server) = self.server.take() {
            server.terminate();
        }
        Ok(Mysqld::start_unbound(&self.program, &self.layout, &self.options)?.leave())
    }

    /// The folder that holds all servers of this run.
    pub fn run_folder(&self) -> &Path {
        self.run.path()
    }

    /// The server's Unix socket.
    pub fn socket(&self) -> &Path {
        &self.layout.socket
    }

    /// The TCP port on 127.0.0.1, where `tcp` was asked for and the server runs.
    pub fn port(&self) -> Option<u16> {
        self.server.as_ref().and_then(|server| server.port())
    }

    /// The server's process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(|server| server.pid())
    }

    /// How the server ended, where it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.server.as_mut().and_then(Mysqld::ended)
    }

    /// True where the server runs without native asynchronous I/O, since the system had none left for it.
    pub fn native_aio_off(&self) -> bool {
        self.server.as_ref().is_some_and(Mysqld::native_aio_off)
    }

    /// The server's data directory.
    pub fn data_dir(&self) -> &Path {
        &self.layout.data
    }

    /// The folder that holds data directory, socket and log.
    pub fn folder(&self) -> &Path {
        &self.layout.folder
    }

    /// A new folder for the caller's own files (dumps, a repository) beside those of the servers of this
    /// run: it goes with the last of them, also after a kill -9 of this process.
    pub fn scratch_folder(&self) -> Result<PathBuf, SandboxError> {
        self.run.scratch_folder()
    }

    /// The server's error log.
    pub fn log(&self) -> &Path {
        &self.layout.log
    }

    /// The family.
    pub fn kind(&self) -> Kind {
        self.program.kind
    }

    /// The version as the program's `--version` gives it, such as `9.7.4-2`.
    pub fn version(&self) -> &str {
        &self.program.version
    }

    /// The server program.
    pub fn program(&self) -> &Path {
        &self.program.path
    }

    /// How to log in: root over the socket, no password.
    pub fn connect_options(&self) -> ConnectOptions {
        self.login(Host::Socket(self.layout.socket.clone()))
    }

    /// How to log in over TCP, where `tcp` was asked for and the server runs.
    pub fn tcp_options(&self) -> Option<ConnectOptions> {
        self.port().map(|port| self.login(Host::Tcp { host: "127.0.0.1".into(), port }))
    }

    fn login(&self, host: Host) -> ConnectOptions {
        ConnectOptions { host, user: "root".into(), password: Secret::default(), ssl: SslOptions::default() }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.options.keep {
            if let Some(mut server) = self.server.take() {
                server.terminate();
            }
            self.run.keep();
        } else {
            // The data goes in the next breath: an orderly shutdown would first write it all out.
            self.kill9();
            let _ = std::fs::remove_dir_all(&self.layout.folder);
        }
    }
}

/// The programs of a MySQL installation that stand beside mysqld (`mysqldump`, `mysql`).
pub fn client_program(paths: &ProgramPaths, name: &str) -> Result<PathBuf, SandboxError> {
    paths.client(name)
}
