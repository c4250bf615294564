//! A socket in front of a private server that cuts its connections: at random places in what goes through them, from a seed,
//! or after they were idle for long.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How connections are cut.
#[derive(Clone, Copy, Debug)]
pub struct Cuts {
    /// From which all places are drawn.
    pub seed: u64,
    /// A connection is cut after so many bytes at most, both ways together.
    pub bytes_max: u64,
    /// So many of a hundred connections are cut at all.
    pub percent: u32,
    /// Of those, so many of a hundred are cut on the client's side alone: the server hears nothing of it.
    pub unheard_percent: u32,
    /// So many connections at first are not cut.
    pub spared: u32,
    /// A connection on which nothing was said for so long is cut.
    pub idle_max: Option<Duration>,
}

/// What the threads of a cutter share.
struct Shared {
    on: AtomicBool,
    cut: AtomicU64,
    /// Connections to the server whose client is gone, which stay open.
    unheard: Mutex<Vec<UnixStream>>,
}

/// A running proxy.
pub struct Cutter {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
}

/// One connection and where it is cut.
struct Connection {
    left: Mutex<Option<u64>>,
    /// When something was last said.
    active: Mutex<Instant>,
    unheard: bool,
    shared: Arc<Shared>,
}

impl Cutter {
    /// Listens in front of the server's socket.
    pub fn start(server: &Path, cuts: Cuts) -> Cutter {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let shared = Arc::new(Shared { on: true.into(), cut: 0.into(), unheard: Mutex::default() });
        let (server, kept) = (server.to_owned(), shared.clone());
        std::thread::spawn(move || {
            let mut random = ChaCha8Rng::seed_from_u64(cuts.seed);
            let mut spared = cuts.spared;
            for client in listener.incoming().map_while(Result::ok) {
                if !kept.on.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(server) = UnixStream::connect(&server) else { continue };
                let cut = random.random_range(0..100) < cuts.percent && spared == 0;
                spared = spared.saturating_sub(1);
                // Small places as often as large ones: a login is short, a chunk is long.
                let bytes = (cuts.bytes_max as f64).powf(random.random_range(0.3..1.0)) as u64;
                let unheard = random.random_range(0..100) < cuts.unheard_percent;
                let left = Mutex::new(cut.then_some(bytes));
                let connection =
                    Arc::new(Connection { left, active: Mutex::new(Instant::now()), unheard, shared: kept.clone() });
                let ends = [(client.try_clone(), server.try_clone()), (server.try_clone(), client.try_clone())];
                for (n, (from, to)) in ends.into_iter().enumerate() {
                    let (Ok(from), Ok(to)) = (from, to) else { continue };
                    let connection = connection.clone();
                    std::thread::spawn(move || connection.copy(from, to, n == 0, cuts.idle_max));
                }
            }
        });
        Cutter { folder, shared }
    }

    /// The address for a login.
    pub fn address(&self, login: &str) -> String {
        format!("mysql://{login}@{}", self.socket().display())
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Connections cut so far.
    pub fn cut(&self) -> u64 {
        self.shared.cut.load(Ordering::SeqCst)
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.shared.on.store(false, Ordering::SeqCst);
        // The listener looks at it, and goes.
        let _ = UnixStream::connect(self.socket());
        for server in self.shared.unheard.lock().unwrap().drain(..) {
            let _ = server.shutdown(Shutdown::Both);
        }
    }
}

impl Connection {
    fn copy(&self, mut from: UnixStream, mut to: UnixStream, from_client: bool, idle_max: Option<Duration>) {
        from.set_read_timeout(idle_max).unwrap();
        let mut buffer = [0; 16 << 10];
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if idle_max.is_some_and(|idle_max| self.active.lock().unwrap().elapsed() < idle_max) {
                        continue;
                    }
                    self.shared.cut.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                Err(_) => break,
            };
            *self.active.lock().unwrap() = Instant::now();
            let (through, cut) = self.through(read as u64);
            if to.write_all(&buffer[..through as usize]).is_err() {
                break;
            }
            if cut {
                self.shared.cut.fetch_add(1, Ordering::SeqCst);
                let (client, server) = if from_client { (&from, &to) } else { (&to, &from) };
                if self.unheard {
                    self.shared.unheard.lock().unwrap().push(server.try_clone().unwrap());
                    let _ = client.shutdown(Shutdown::Both);
                    return;
                }
                break;
            }
        }
        let kept = self.unheard && self.left.lock().unwrap().is_some_and(|left| left == 0);
        if !kept {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        }
    }

    /// How many of these bytes go through, and whether the connection is cut after them.
    fn through(&self, bytes: u64) -> (u64, bool) {
        let mut left = self.left.lock().unwrap();
        match &mut *left {
            Some(left) if self.shared.on.load(Ordering::SeqCst) => {
                let through = bytes.min(*left);
                let cut = through < bytes && *left > 0 || through == bytes && *left == bytes;
                *left -= through;
                (through, cut)
            }
            _ => (bytes, false),
        }
    }
}
