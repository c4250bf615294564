//! A socket in front of a private server that answers some statements in the server's place, as managed servers do.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A statement that is not let through.
pub struct Refusal {
    /// What the statement holds.
    pub words: &'static str,
    /// The error that it is answered with.
    pub code: u16,
    pub state: &'static str,
    pub message: &'static str,
}

/// A running proxy; its threads end with their connections.
pub struct Proxy {
    folder: tempfile::TempDir,
}

const QUERY: u8 = 3;

impl Proxy {
    /// Listens in front of the server's socket.
    pub fn start(server: &Path, refusals: Vec<Refusal>) -> Proxy {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let (server, refusals) = (server.to_owned(), Arc::new(refusals));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, refusals) = (UnixStream::connect(&server), refusals.clone());
                let Ok(server) = server else { return };
                let (mut back, mut out) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = io::copy(&mut back, &mut out);
                    let _ = out.shutdown(std::net::Shutdown::Both);
                });
                std::thread::spawn(move || {
                    let _ = forward(client, &server, &refusals);
                    let _ = server.shutdown(std::net::Shutdown::Both);
                });
            }
        });
        Proxy { folder }
    }

    /// The address for a login.
    pub fn address(&self, login: &str) -> String {
        format!("mysql://{login}@{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }
}

/// Passes packets on until the client goes. A command begins a new exchange, so its packet has the number 0.
fn forward(mut client: UnixStream, mut server: &UnixStream, refusals: &[Refusal]) -> io::Result<()> {
    loop {
        let mut header = [0; 4];
        client.read_exact(&mut header)?;
        let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
        let mut payload = vec![0; length];
        client.read_exact(&mut payload)?;
        let refusal = match (header[3], payload.first()) {
            (0, Some(&QUERY)) => {
                let text = String::from_utf8_lossy(&payload[1..length.min(200)]).into_owned();
                refusals.iter().find(|refusal| text.contains(refusal.words))
            }
            _ => None,
        };
        match refusal {
            Some(refusal) => client.write_all(&error_packet(refusal))?,
            None => {
                server.write_all(&header)?;
                server.write_all(&payload)?;
            }
        }
    }
}

/// MySQL protocol, "ERR_Packet": 0xff, number, `#` and SQLSTATE, text.
fn error_packet(refusal: &Refusal) -> Vec<u8> {
    let mut payload = vec![0xff];
    payload.extend(refusal.code.to_le_bytes());
    payload.extend(format!("#{}{}", refusal.state, refusal.message).into_bytes());
    let mut packet = (payload.len() as u32).to_le_bytes().to_vec();
    packet[3] = 1;
    packet.extend(payload);
    packet
}
