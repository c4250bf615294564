//! A private server for these tests, stopped when it goes out of scope.

use myriad::secret::Secret;
use myriad::server::{ConnectOptions, Host, Session, SslOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running mysqld in a folder of its own.
pub struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

/// The mysqld to start: `MYRIAD_MYSQLD`, else the private one.
pub fn mysqld() -> Option<PathBuf> {
    let named = std::env::var_os("MYRIAD_MYSQLD").map(PathBuf::from);
    let private = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/myriad/mysql/bin/mysqld"));
    named.or(private).filter(|path| path.exists())
}

impl Server {
    /// Starts a new, empty server with `extra` arguments.
    pub fn start(extra: &[&str]) -> Server {
        let mysqld = mysqld().expect("no mysqld: set MYRIAD_MYSQLD or run scripts/get-mysql");
        let folder = tempfile::Builder::new().prefix("myriad-it-").tempdir().unwrap();
        let data = format!("--datadir={}", folder.path().join("data").display());
        let common = ["--no-defaults", "--user=root", "--secure-file-priv=NULL", &data];
        let log = std::fs::File::create(folder.path().join("init.log")).unwrap();
        let made = Command::new(&mysqld).args(common).arg("--initialize-insecure").stderr(log).status().unwrap();
        assert!(made.success(), "mysqld --initialize-insecure failed");
        let child = Command::new(&mysqld)
            .args(common)
            .args(["--skip-networking", "--mysqlx=OFF", "--event-scheduler=OFF", "--innodb-buffer-pool-size=64M"])
            .arg(format!("--socket={}", folder.path().join("s").display()))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .arg(format!("--log-error={}", folder.path().join("log").display()))
            .args(extra)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Server { child, folder }
    }

    /// How to log in.
    pub fn options(&self) -> ConnectOptions {
        ConnectOptions {
            host: Host::Socket(self.folder.path().join("s")),
            user: "root".into(),
            password: Secret::default(),
            ssl: SslOptions::default(),
        }
    }

    /// A session as soon as the server takes one.
    pub async fn session(&self) -> Session {
        let start = Instant::now();
        loop {
            match Session::connect(&self.options()).await {
                Ok(session) => return session,
                Err(error) if start.elapsed() > Duration::from_secs(60) => panic!("{error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
