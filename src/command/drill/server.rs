//! The private server of a drill: of the family that the backup came from, like its source in what a server cannot change
//! later, on a socket alone, with its event scheduler off.

use super::DrillOptions;
use super::record::DrillServer;
use crate::error::{Error, Exit, Result};
use crate::limits;
use crate::manifest::Manifest;
use crate::sandbox::{Kind, Sandbox, SandboxOptions};
use crate::server::facts::Flavor;
use std::path::Path;

/// The largest packet that a server takes: no row is too wide for the drill.
const PACKET_BYTES: u64 = 1 << 30;

/// Starts it.
pub(super) async fn start(options: &DrillOptions, manifest: &Manifest) -> Result<Sandbox> {
    let sandbox = sandbox_options(options, manifest);
    let wanted = options.config.server.version.clone();
    let starting = tokio::task::spawn_blocking(move || {
        if let Some(wanted) = wanted {
            let program = sandbox.programs.server()?;
            if !fits(&wanted, &program.version) {
                let message = format!(
                    "{} is version {}, and the configuration wants {wanted}",
                    program.path.display(),
                    program.version
                );
                return Err(Error::new(Exit::SandboxFailed, message)
                    .hint("name another server with --mysqld or [server] mysqld, or change [server] version"));
            }
        }
        Ok(Sandbox::start(sandbox)?)
    });
    starting.await.expect("starting a server does not panic")
}

/// Bytes of the buffer pool.
pub(super) fn buffer_pool_bytes(options: &DrillOptions) -> u64 {
    let usual = || {
        let quarter = super::machine::memory_bytes().unwrap_or(0) / 4;
        quarter.clamp(limits::DRILL_BUFFER_POOL_BYTES_MIN, limits::DRILL_BUFFER_POOL_BYTES_MAX)
    };
    options.config.server.memory.unwrap_or_else(usual)
}

fn sandbox_options(options: &DrillOptions, manifest: &Manifest) -> SandboxOptions {
    let source = &manifest.server;
    let (kind, programs) = match source.flavor {
        Flavor::Mariadb => (Kind::Mariadb, &options.mariadb_programs),
        _ => (Kind::Mysql, &options.programs),
    };
    let mut arguments = vec![format!("--max-allowed-packet={PACKET_BYTES}")];
    // 2 is for file systems that a private server here does not have.
    if source.lower_case_table_names != 0 {
        arguments.push("--lower-case-table-names=1".into());
    }
    if kind == Kind::Mysql && source.partial_revokes == Some(true) {
        arguments.push("--partial-revokes=ON".into());
    }
    arguments.extend(options.config.server.options.iter().cloned());
    SandboxOptions {
        folder: options.folder.clone(),
        binary_log: false,
        buffer_pool_bytes: buffer_pool_bytes(options),
        arguments,
        ..SandboxOptions::new(programs.clone())
    }
}

/// True where `version` is `wanted`, or begins with it and goes on behind a dot or a hyphen.
fn fits(wanted: &str, version: &str) -> bool {
    let rest = version.strip_prefix(wanted.trim_end_matches('.'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

/// What the record says of it.
pub(super) fn told(server: &Sandbox) -> DrillServer {
    DrillServer { family: server.kind().to_string(), version: server.version().to_owned(), kept: None }
}

/// Leaves the server running behind this process. Returns how to connect, and how to be rid of it.
pub(super) async fn leave(server: Sandbox) -> Result<String> {
    let client = match server.kind() {
        Kind::Mysql => "mysql",
        Kind::Mariadb => "mariadb",
    };
    let client = server.program().parent().map(|folder| folder.join(client)).filter(|path| path.exists());
    let client = client.map_or_else(|| "mysql".to_owned(), |path| path.display().to_string());
    let (socket, folder) = (server.socket().to_owned(), server.run_folder().to_owned());
    let leaving = tokio::task::spawn_blocking(move || server.leave_running());
    let pid = leaving.await.expect("starting a server does not panic")?;
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
    Ok(format!(
        "{client} --no-defaults --user=root --socket={}; to stop and remove it: kill {pid}; wait until it has ended; rm -r {}",
        quoted(&socket),
        quoted(&folder)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_fits_its_beginning() {
        for wanted in ["9.7.4-2", "9.7.4", "9.7", "9", "9."] {
            assert!(fits(wanted, "9.7.4-2"), "{wanted}");
        }
        for wanted in ["9.70", "9.7.40", "8", "7.4", "9.7.4-23"] {
            assert!(!fits(wanted, "9.7.4-2"), "{wanted}");
        }
        assert!(fits("10.11", "10.11.18-MariaDB-0+deb12u1"));
    }
}
