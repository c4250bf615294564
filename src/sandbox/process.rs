//! One mysqld process: started bound to the life of ours, waited for, stopped by its own pid.
//!
//! The kernel sends a child its parent-death signal when the *thread* that started it ends (prctl(2)), so
//! all servers are started from one thread that lives as long as the process.

use super::config::{self, Layout, SandboxOptions};
use super::error::SandboxError;
use super::find::{Kind, Program};
use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long an orderly stop may take before the server is killed: a full buffer pool is written out first.
const STOP_WAIT: Duration = Duration::from_secs(60);
/// How often a state is looked at while waiting.
const POLL: Duration = Duration::from_millis(20);
/// What InnoDB says where it could not have as many requests as it wanted, and ends: the system allows all processes together
/// `fs.aio-max-nr` of them (seen on 9.7.4, MY-012954).
pub(super) const NO_NATIVE_AIO: &str = "Cannot initialize AIO sub-system";
/// How much of a log an error quotes.
const TAIL_BYTES: u64 = 2000;
/// How often a start is tried where another program took the free port first.
const PORT_TRIES: u32 = 5;

/// A running server.
pub struct Mysqld {
    child: Child,
    port: Option<u16>,
    native_aio_off: bool,
}

impl Mysqld {
    /// Starts the server on the files of `layout` and waits until it answers. It dies with this process.
    pub fn start(program: &Program, layout: &Layout, options: &SandboxOptions) -> Result<Mysqld, SandboxError> {
        Self::start_by(program, layout, options, spawn_bound)
    }

    /// The same, but the kernel does not end it with this process.
    pub fn start_unbound(program: &Program, layout: &Layout, options: &SandboxOptions) -> Result<Mysqld, SandboxError> {
        Self::start_by(program, layout, options, |mut command| command.process_group(0).spawn())
    }

    /// Gives the server up: it runs on. Returns its process id.
    pub fn leave(self) -> u32 {
        // Not dropped, since that would kill it.
        std::mem::ManuallyDrop::new(self).pid()
    }

    fn start_by(
        program: &Program,
        layout: &Layout,
        options: &SandboxOptions,
        spawn: fn(Command) -> io::Result<Child>,
    ) -> Result<Mysqld, SandboxError> {
        let (mut tries, mut native_aio_off) = (1, false);
        loop {
            match start_once(program, layout, options, native_aio_off, spawn) {
                // The port was free a moment ago; another program may have taken it since.
                Err(SandboxError::Start { log_tail, .. })
                    if options.tcp && tries < PORT_TRIES && log_tail.contains("Bind on TCP/IP port") =>
                {
                    tries += 1;
                }
                // MariaDB goes on without by itself.
                Err(SandboxError::Start { log_tail, .. })
                    if program.kind == Kind::Mysql && !native_aio_off && log_tail.contains(NO_NATIVE_AIO) =>
                {
                    native_aio_off = true;
                }
                other => return other,
            }
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The TCP port, where it has one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// True where the server runs without native asynchronous I/O, since the system had none left for it.
    pub fn native_aio_off(&self) -> bool {
        self.native_aio_off
    }

    /// How the server ended, where it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks the server to shut down, waits, and kills it where that takes too long.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + STOP_WAIT;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(POLL);
        }
        self.kill();
    }

    /// Kills the server and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn signal(&self, signal: Signal) {
        // The child is not yet waited for, so its pid cannot have become another's.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Mysqld {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

fn start_once(
    program: &Program,
    layout: &Layout,
    options: &SandboxOptions,
    native_aio_off: bool,
    spawn: fn(Command) -> io::Result<Child>,
) -> Result<Mysqld, SandboxError> {
    let folder_error = |path: &Path| {
        let path = path.to_owned();
        move |source| SandboxError::Folder { doing: "write", path, source }
    };
    // What the server or its loader prints before the error log is open.
    let output_path = layout.folder.join("output");
    let output = File::create(&output_path).map_err(folder_error(&output_path))?;
    let errors = output.try_clone().map_err(folder_error(&output_path))?;
    let _ = fs::remove_file(&layout.socket);
    let log_start = layout.log.metadata().map_or(0, |meta| meta.len());
    let port = if options.tcp { Some(free_port().map_err(folder_error(&layout.folder))?) } else { None };
    let failed = |why: String| SandboxError::Start {
        program: program.path.clone(),
        why,
        log_tail: tail_since(&[(&output_path, 0), (&layout.log, log_start)]),
    };

    let mut command = Command::new(&program.path);
    command.args(config::arguments(program, layout, options, port, native_aio_off));
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let child = spawn(command).map_err(|error| failed(error.to_string()))?;
    let mut server = Mysqld { child, port, native_aio_off };

    let deadline = Instant::now() + Duration::from_secs(options.start_seconds_max);
    loop {
        if let Ok(Some(status)) = server.child.try_wait() {
            return Err(failed(format!("it ended with {status}")));
        }
        if greets(&layout.socket) {
            return Ok(server);
        }
        if Instant::now() > deadline {
            server.kill();
            return Err(failed(format!("no answer within {} s", options.start_seconds_max)));
        }
        std::thread::sleep(POLL);
    }
}

/// Starts a program that the kernel kills with this process, in a process group of its own: Ctrl-C on the
/// terminal is ours to answer.
pub fn spawn_bound(mut command: Command) -> io::Result<Child> {
    let parent = rustix::process::getpid();
    // SAFETY: between fork and exec the closure makes two system calls and nothing else: no allocation, no
    // lock.
    unsafe {
        command.process_group(0).pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before the signal was asked for.
            if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
        });
    }
    let (reply, answer) = mpsc::channel();
    let gone = || io::Error::other("the thread that starts servers has ended");
    starter().send((command, reply)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

type Order = (Command, mpsc::Sender<io::Result<Child>>);

fn starter() -> &'static mpsc::Sender<Order> {
    static STARTER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    STARTER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in orders {
                let _ = reply.send(command.spawn());
            }
        });
        sender
    })
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// True once the server greets a new connection: a packet of protocol version 10 (MySQL manual, "Protocol
/// Handshake V10"). The socket exists earlier than that.
fn greets(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let mut head = [0_u8; 5];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.read_exact(&mut head).is_ok()
        && head[4] == 10
}

/// The end of the given files, for an error message.
pub fn tail(files: &[&Path]) -> String {
    tail_since(&files.iter().map(|file| (*file, 0)).collect::<Vec<_>>())
}

/// The end of the given files, nothing before the given offsets.
fn tail_since(files: &[(&Path, u64)]) -> String {
    let parts = files.iter().filter_map(|(file, start)| read_tail(file, *start).ok());
    let lines: Vec<String> =
        parts.flat_map(|text| text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>()).collect();
    if lines.is_empty() { "  (its log is empty)".into() } else { lines.join("\n") }
}

fn read_tail(path: &Path, start: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let from = start.max(end.saturating_sub(TAIL_BYTES));
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // Cut off what is left of the first line where the reading began inside it.
    Ok(if from > start { text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default() } else { text })
}
