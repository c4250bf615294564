//! A real S3-speaking process for one test: started on a free port, ended when the value is dropped, also by a
//! panic; it ends by itself when the test program dies.

use object_store::aws::AmazonS3Builder;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The account that the server knows.
pub const ACCESS_KEY: &str = "AKIATESTTESTTEST";
/// Its secret, which no message may hold.
pub const SECRET_KEY: &str = "s3cr3t-Of-The-Test-Account";
/// The bucket that exists.
pub const BUCKET: &str = "bucket";

/// A running server with an empty bucket.
pub struct S3Server {
    child: Child,
    folder: tempfile::TempDir,
    /// Its address: `http://127.0.0.1:PORT`.
    pub endpoint: String,
}

impl S3Server {
    /// Starts a server and waits for its address.
    pub fn start() -> S3Server {
        S3Server::start_as(&[])
    }

    /// The same for one that speaks as Google Cloud Storage does; the secret is the token that it takes.
    pub fn start_google() -> S3Server {
        S3Server::start_as(&["--google"])
    }

    fn start_as(words: &[&str]) -> S3Server {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut child = Command::new(program())
            .arg(folder.path())
            .args([ACCESS_KEY, SECRET_KEY])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut endpoint = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
        let server = S3Server { child, folder, endpoint: endpoint.trim().to_string() };
        assert!(server.endpoint.starts_with("http://127.0.0.1:"), "the server did not start");
        server
    }

    /// Settings of a client that may use the server.
    pub fn settings(&self) -> AmazonS3Builder {
        AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_allow_http(true)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
    }

    /// Where the server keeps the bucket's objects as files, and unfinished uploads beside it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // It may have ended already; its folder goes in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The example `s3_server`. `cargo test` builds examples; `cargo test --test it` does not, so it is built here,
/// once, where it is missing or older than its source.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test_program = std::env::current_exe().unwrap();
        let profile_folder = test_program.parent().and_then(Path::parent).unwrap();
        let program = profile_folder.join("examples/s3_server");
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let changed = |path: &Path| std::fs::metadata(path).and_then(|facts| facts.modified()).ok();
        if changed(&program) < changed(&package.join("examples/s3_server.rs")) {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--quiet", "--example", "s3_server"]).current_dir(package);
            cargo.arg("--target-dir").arg(profile_folder.parent().unwrap());
            if profile_folder.ends_with("release") {
                cargo.arg("--release");
            }
            assert!(cargo.status().unwrap().success(), "the S3 server could not be built");
        }
        program
    })
}
