//! A server that answers each HTTP request by a function of its head and keeps the heads: it shows what a client asks,
//! where the real server cannot be had. It closes the connection after each answer and ends with the test program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The running server.
pub struct Answering {
    /// `127.0.0.1:PORT`.
    pub address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Answering {
    /// Starts it; `answer` gives status and body for a head.
    pub fn start(answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> Answering {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (heads.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (kept.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &kept, &*answer));
            }
        });
        Answering { address, heads }
    }

    /// The heads so far: request line and headers, each name in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// One request; a client that leaves in the middle of it is nobody's trouble.
fn serve(stream: TcpStream, kept: &Mutex<Vec<String>>, answer: &dyn Fn(&str) -> (u16, String)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let line = line.split_once(':').map_or(line.to_owned(), |(name, rest)| match name.contains(' ') {
            true => line.to_owned(),
            false => format!("{}:{rest}", name.to_lowercase()),
        });
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().ok()?;
        }
        head.push_str(&line);
        head.push('\n');
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    kept.lock().unwrap().push(head.clone());
    let (status, body) = answer(&head);
    let text = format!("HTTP/1.1 {status} told\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    reader.get_mut().write_all(text.as_bytes()).ok()
}
