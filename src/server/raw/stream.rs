//! The byte stream under a raw session: TCP, TCP with TLS, or a Unix socket. Opens it within the connect
//! time-out and switches it to TLS when the login asks for that. Knows nothing of packets.

use super::tls;
use crate::limits;
use crate::server::error::ServerError;
use crate::server::options::{ConnectOptions, Host};
use rustix::net::sockopt;
use rustls::{ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A blocking stream to the server.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Opens the stream, with the connect time-out set for each read and write until [`Stream::set_timeout`].
    pub(super) fn open(options: &ConnectOptions) -> Result<Stream, ServerError> {
        let opened = match &options.host {
            Host::Tcp { host, port } => open_tcp(host, *port).map(Stream::Tcp),
            Host::Socket(path) => open_unix(path).map(Stream::Unix),
        };
        opened
            .and_then(|stream| stream.set_timeout(Some(limits::CONNECT_TIMEOUT)).map(|()| stream))
            .map_err(|error| ServerError::Unreachable { server: options.describe(), why: error.to_string() })
    }

    /// Puts TLS over a TCP stream; the handshake is made at once so that its errors are told as TLS errors.
    pub(super) fn into_tls(self, options: &ConnectOptions) -> Result<Stream, ServerError> {
        match (self, &options.host) {
            (Stream::Tcp(tcp), Host::Tcp { host, .. }) => tls::handshake(tcp, host, &options.ssl)
                .map(|stream| Stream::Tls(Box::new(stream)))
                .map_err(|why| ServerError::Tls { server: options.describe(), why }),
            (stream, _) => Ok(stream),
        }
    }

    /// Bounds each read and write from now on; none waits as long as the connection lives.
    pub(super) fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Stream::Unix(unix) => unix.set_read_timeout(timeout).and_then(|()| unix.set_write_timeout(timeout)),
            Stream::Tcp(_) | Stream::Tls(_) => {
                let tcp = self.tcp().expect("both kinds hold a TCP stream");
                tcp.set_read_timeout(timeout).and_then(|()| tcp.set_write_timeout(timeout))
            }
        }
    }

    /// True where the bytes are encrypted.
    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// True where the bytes do not leave the machine.
    pub(super) fn is_socket(&self) -> bool {
        matches!(self, Stream::Unix(_))
    }

    /// Closes both directions; a stream already closed is no error.
    pub(super) fn shutdown(&self) {
        let _ = match (self, self.tcp()) {
            (Stream::Unix(unix), _) => unix.shutdown(Shutdown::Both),
            (_, Some(tcp)) => tcp.shutdown(Shutdown::Both),
            (_, None) => Ok(()),
        };
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Stream::Tcp(tcp) => Some(tcp),
            Stream::Tls(tls) => Some(&tls.sock),
            Stream::Unix(_) => None,
        }
    }
}

fn open_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let deadline = Instant::now() + limits::CONNECT_TIMEOUT;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in (host, port).to_socket_addrs()? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"));
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                keep_alive(&tcp)?;
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A reader waits without a time-out, since a server may think long before the first row. A peer that is
/// gone without a word (power, network) is found by keepalive probes within two minutes instead.
fn keep_alive(tcp: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(tcp, true)?;
    sockopt::set_tcp_keepidle(tcp, Duration::from_secs(60))?;
    sockopt::set_tcp_keepintvl(tcp, Duration::from_secs(10))?;
    sockopt::set_tcp_keepcnt(tcp, 6)?;
    Ok(())
}

fn open_unix(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path)
}

impl Read for Stream {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(tcp) => tcp.read(buffer),
            Stream::Unix(unix) => unix.read(buffer),
            Stream::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(tcp) => tcp.write(bytes),
            Stream::Unix(unix) => unix.write(bytes),
            Stream::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Tcp(tcp) => tcp.flush(),
            Stream::Unix(unix) => unix.flush(),
            Stream::Tls(tls) => tls.flush(),
        }
    }
}
