//! A socket in front of a server that counts what a client sends, packet by packet (MySQL) or request by request
//! (HTTP), and strikes at one of them: before the server gets it, just after, or with the server's answer held back.
//! One unit passes at a time and nothing passes during a strike, so a program that the strike kills dies at exactly
//! that point.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// When to strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The unit never reaches the server.
    Held,
    /// Just before the server gets it; the exchange goes on as if nothing had been.
    Before,
    /// The server has it, and goes on with it whatever becomes of its client.
    Sent,
    /// The server has answered, and the client has not seen it.
    Answered,
}

/// Those after which the connection is gone.
pub const WHENS: [When; 3] = [When::Held, When::Sent, When::Answered];

/// At which unit to strike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// The n-th of all, from 1.
    Number(usize),
    /// The n-th of those that begin with the first words and hold the second, from 1.
    Words(&'static str, &'static str, usize),
}

/// How long an answer is waited for; an exchange may hang on another session, which stands still meanwhile.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// The same where the server need not answer.
const NO_ANSWER_WAIT: Duration = Duration::from_millis(100);
/// Bytes of a unit that its name is made of.
const NAME_BYTES: usize = 300;

/// The running socket; its threads end with their connections.
pub struct Tap {
    address: String,
    shared: Arc<Shared>,
    _folder: tempfile::TempDir,
}

#[derive(Default)]
struct Shared {
    gate: Mutex<Gate>,
}

#[derive(Default)]
struct Gate {
    units: Vec<String>,
    aim: Option<Aim>,
    struck: Option<String>,
}

struct Aim {
    at: At,
    when: When,
    strike: Box<dyn FnOnce() + Send>,
}

impl Tap {
    /// In front of a MySQL server's socket.
    pub fn before_mysql(server: &Path) -> Tap {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = server.to_owned();
        let accept = move || listener.accept().map(|(stream, _)| Wire::Unix(stream));
        let reach = move || UnixStream::connect(&server).map(Wire::Unix);
        Tap::start(format!("mysql://root@{}", socket.display()), folder, accept, reach, read_packet)
    }

    /// In front of an HTTP server, `http://HOST:PORT`.
    pub fn before_http(endpoint: &str) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = endpoint.trim_start_matches("http://").to_owned();
        let accept = move || listener.accept().map(|(stream, _)| Wire::Tcp(stream));
        let reach = move || TcpStream::connect(&server).map(Wire::Tcp);
        Tap::start(address, tempfile::tempdir().unwrap(), accept, reach, read_request)
    }

    fn start(
        address: String,
        folder: tempfile::TempDir,
        accept: impl Fn() -> io::Result<Wire> + Send + 'static,
        reach: impl Fn() -> io::Result<Wire> + Send + 'static,
        read: fn(&mut Wire) -> io::Result<Unit>,
    ) -> Tap {
        let shared = Arc::new(Shared::default());
        let of_threads = shared.clone();
        std::thread::spawn(move || {
            while let Ok(client) = accept() {
                // A server that was killed may come back: its clients are sent away meanwhile.
                if let Ok(server) = reach() {
                    connect(client, server, of_threads.clone(), read);
                }
            }
        });
        Tap { address, shared, _folder: folder }
    }

    /// The address to give to the program.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Strikes once at a unit of those that come from now on.
    pub fn aim(&self, at: At, when: When, strike: impl FnOnce() + Send + 'static) {
        let aim = Some(Aim { at, when, strike: Box::new(strike) });
        *self.shared.gate.lock().unwrap() = Gate { aim, ..Gate::default() };
    }

    /// Counts from the beginning and strikes no more.
    pub fn reset(&self) {
        *self.shared.gate.lock().unwrap() = Gate::default();
    }

    /// The units since the last [`Tap::aim`] or [`Tap::reset`].
    pub fn units(&self) -> Vec<String> {
        self.shared.gate.lock().unwrap().units.clone()
    }

    /// The unit at which it struck.
    pub fn struck(&self) -> Option<String> {
        self.shared.gate.lock().unwrap().struck.clone()
    }
}

/// A program that is to be killed: its strike may be made before it is started.
#[derive(Clone, Default)]
pub struct Victim(Arc<OnceLock<u32>>);

impl Victim {
    /// Names the process.
    pub fn is(&self, pid: u32) {
        self.0.set(pid).unwrap();
    }

    /// Kills it by SIGKILL and waits until it is dead.
    pub fn strike(&self) -> impl FnOnce() + Send + 'static {
        let this = self.clone();
        move || {
            let pid = loop {
                match this.0.get() {
                    Some(pid) => break *pid,
                    None => std::thread::sleep(Duration::from_millis(1)),
                }
            };
            kill_and_wait(pid);
        }
    }
}

/// Kills a process by SIGKILL and waits until nothing of it runs any more.
pub fn kill_and_wait(pid: u32) {
    let _ = kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL);
    let begun = Instant::now();
    // Its parent may not have asked for its end yet: then it is a zombie without threads.
    let threads = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    let zombie = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    while threads() > 1 || (threads() == 1 && !zombie()) {
        assert!(begun.elapsed() < Duration::from_secs(60), "process {pid} does not die");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A piece of what a client says.
struct Unit {
    bytes: Vec<u8>,
    name: String,
    answered: bool,
}

fn connect(client: Wire, server: Wire, shared: Arc<Shared>, read: fn(&mut Wire) -> io::Result<Unit>) {
    let held = Arc::new(AtomicBool::new(false));
    let (answer, answers) = channel();
    let (back, out, hold) = (server.again(), client.again(), held.clone());
    std::thread::spawn(move || {
        let _ = pass_back(back, &out, &hold, &answer);
        out.shut();
    });
    std::thread::spawn(move || {
        let _ = pass(client, &server, &shared, &held, &answers, read);
        server.shut();
    });
}

fn pass_back(mut server: Wire, mut client: &Wire, held: &AtomicBool, answer: &Sender<()>) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let bytes = server.read(&mut buffer)?;
        if bytes == 0 {
            return Ok(());
        }
        match held.load(Ordering::SeqCst) {
            true => drop(answer.send(())),
            false => client.write_all(&buffer[..bytes])?,
        }
    }
}

fn pass(
    mut client: Wire,
    mut server: &Wire,
    shared: &Shared,
    held: &AtomicBool,
    answers: &Receiver<()>,
    read: fn(&mut Wire) -> io::Result<Unit>,
) -> io::Result<()> {
    loop {
        let unit = read(&mut client)?;
        let mut gate = shared.gate.lock().unwrap();
        gate.units.push(unit.name.clone());
        let Some(aim) = gate.hit(&unit.name) else {
            server.write_all(&unit.bytes)?;
            continue;
        };
        gate.struck = Some(unit.name);
        match aim.when {
            When::Held => {}
            When::Before => {
                (aim.strike)();
                server.write_all(&unit.bytes)?;
                continue;
            }
            When::Sent => server.write_all(&unit.bytes)?,
            When::Answered => {
                held.store(true, Ordering::SeqCst);
                server.write_all(&unit.bytes)?;
                let _ = answers.recv_timeout(if unit.answered { ANSWER_WAIT } else { NO_ANSWER_WAIT });
            }
        }
        (aim.strike)();
        return Ok(());
    }
}

impl Gate {
    /// The aim, if the last unit is the one aimed at.
    fn hit(&mut self, name: &str) -> Option<Aim> {
        let hit = match &mut self.aim.as_mut()?.at {
            At::Number(n) => self.units.len() == *n,
            At::Words(first, second, left) => {
                *left -= usize::from(name.starts_with(*first) && name.contains(*second));
                *left == 0
            }
        };
        if hit { self.aim.take() } else { None }
    }
}

const QUIT: u8 = 1;
const QUERY: u8 = 3;
const PREPARE: u8 = 0x16;
const SEND_LONG_DATA: u8 = 0x18;
const CLOSE_STATEMENT: u8 = 0x19;

/// MySQL protocol: length in three bytes, number within the exchange, payload. A command begins an exchange.
fn read_packet(client: &mut Wire) -> io::Result<Unit> {
    let mut bytes = vec![0; 4];
    client.read_exact(&mut bytes)?;
    let (length, number) = (u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) as usize, bytes[3]);
    bytes.resize(4 + length, 0);
    client.read_exact(&mut bytes[4..])?;
    let name = match (number, bytes.get(4)) {
        (0, Some(&(QUERY | PREPARE))) => {
            String::from_utf8_lossy(&bytes[5..bytes.len().min(5 + NAME_BYTES)]).into_owned()
        }
        (0, Some(command)) => format!("(command {command})"),
        _ => "(data)".to_owned(),
    };
    let answered = number == 0 && !matches!(bytes.get(4), Some(&(QUIT | SEND_LONG_DATA | CLOSE_STATEMENT)));
    Ok(Unit { bytes, name, answered })
}

/// HTTP/1.1: a head that ends with an empty line, and a body of the length that the head names.
fn read_request(client: &mut Wire) -> io::Result<Unit> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().filter_map(|line| line.split_once(':'));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map(|(_, value)| value.trim().parse().unwrap()).next().unwrap_or(0);
    let at = bytes.len();
    bytes.resize(at + length, 0);
    client.read_exact(&mut bytes[at..])?;
    Ok(Unit { bytes, name: head.lines().next().unwrap_or_default().to_owned(), answered: true })
}

/// A stream of either kind.
enum Wire {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Wire {
    fn again(&self) -> Wire {
        match self {
            Wire::Unix(stream) => Wire::Unix(stream.try_clone().unwrap()),
            Wire::Tcp(stream) => Wire::Tcp(stream.try_clone().unwrap()),
        }
    }

    fn shut(&self) {
        // The other side may be gone already.
        let _ = match self {
            Wire::Unix(stream) => stream.shutdown(Shutdown::Both),
            Wire::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Unix(stream) => stream.read(buffer),
            Wire::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for &Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Unix(stream) => (&*stream).write(buffer),
            Wire::Tcp(stream) => (&*stream).write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
