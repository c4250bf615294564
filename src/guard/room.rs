//! How much room the target's disk has, where that can be told: the server is on this machine and its data directory is
//! seen from here. Nothing is guessed: where it cannot be told, the answer is none.

use crate::server::facts::ServerFacts;
use crate::server::{ConnectOptions, Host};
use std::path::Path;

/// Free bytes of the file system that holds the target's data directory. None where the server is reached by the network,
/// calls its machine by another name than this one's (a container), or its data directory is not seen from here.
pub fn free_bytes(facts: &ServerFacts, target: &ConnectOptions) -> Option<u64> {
    let here = rustix::system::uname();
    if !matches!(target.host, Host::Socket(_)) || here.nodename().to_str().ok()? != facts.hostname {
        return None;
    }
    let datadir = Path::new(&facts.datadir);
    if !datadir.is_absolute() || !datadir.is_dir() || !is_of(datadir, facts) {
        return None;
    }
    let disk = rustix::fs::statvfs(datadir).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// Where the file with the server's identity can be read, it must be this server's.
fn is_of(datadir: &Path, facts: &ServerFacts) -> bool {
    match (&facts.server_uuid, std::fs::read_to_string(datadir.join("auto.cnf"))) {
        (Some(uuid), Ok(text)) => text.contains(uuid.as_str()),
        _ => true,
    }
}
