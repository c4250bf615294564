//! A socket in front of a private server that answers one kind of statement with a request for a local file, as a hostile
//! server may, and keeps what the client sends then.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A running liar.
pub struct Liar {
    folder: tempfile::TempDir,
    heard: Arc<Mutex<Vec<u8>>>,
}

const QUERY: u8 = 3;
const PREPARE: u8 = 22;

impl Liar {
    /// Asks for `file` where a statement holds `words`.
    pub fn start(server: &Path, words: &'static str, file: &Path) -> Liar {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (server, file, keep) = (server.to_owned(), file.display().to_string(), heard.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = UnixStream::connect(&server) else { return };
                let (mut back, mut out) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = io::copy(&mut back, &mut out);
                    let _ = out.shutdown(std::net::Shutdown::Both);
                });
                let (file, keep) = (file.clone(), keep.clone());
                std::thread::spawn(move || {
                    let _ = forward(client, &server, words, &file, &keep);
                    let _ = server.shutdown(std::net::Shutdown::Both);
                });
            }
        });
        Liar { folder, heard }
    }

    /// The address for root's login.
    pub fn address(&self) -> String {
        format!("mysql://root@{}", self.folder.path().join("s").display())
    }

    /// Whether it asked, and all that clients sent after it had.
    pub fn heard(&self) -> Option<Vec<u8>> {
        Some(self.heard.lock().unwrap().clone()).filter(|heard| !heard.is_empty())
    }
}

/// Passes packets on until the statement comes; then asks, and listens until the client goes.
fn forward(
    mut client: UnixStream,
    mut server: &UnixStream,
    words: &str,
    file: &str,
    heard: &Mutex<Vec<u8>>,
) -> io::Result<()> {
    loop {
        let mut header = [0; 4];
        client.read_exact(&mut header)?;
        let mut payload = vec![0; u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize];
        client.read_exact(&mut payload)?;
        let asks = header[3] == 0
            && matches!(payload.first(), Some(&(QUERY | PREPARE)))
            && memchr::memmem::find(&payload, words.as_bytes()).is_some();
        if !asks {
            server.write_all(&header)?;
            server.write_all(&payload)?;
            continue;
        }
        heard.lock().unwrap().extend(b"asked;");
        // MySQL protocol, "LOCAL INFILE Request": 0xfb and the name of the file.
        let request = [&[0xfb], file.as_bytes()].concat();
        client.write_all(&[&[request.len() as u8, 0, 0, 1], &request[..]].concat())?;
        client.set_read_timeout(Some(std::time::Duration::from_secs(2)))?;
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = client.read(&mut buffer) {
            heard.lock().unwrap().extend(&buffer[..length]);
        }
        return Ok(());
    }
}
