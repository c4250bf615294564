//! Servers that speak the protocols of Azure Blob Storage and of Google Cloud Storage, for one test each: Azurite and
//! fake-gcs-server, where they are on the PATH or where `scripts/get-emulators` has put them. Started on a free port,
//! ended when the value is dropped.

use super::outside;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The bucket, or container, that exists.
pub const BUCKET: &str = "bucket";
/// The account that Azurite knows.
pub const ACCOUNT: &str = "backups";
/// Its key, which no message may hold.
pub const ACCOUNT_KEY: &str = "c2VjcmV0LW9mLXRoZS10ZXN0LWFjY291bnQ=";

/// The emulator's program, or a line that says that the test is skipped.
pub fn program(name: &str, test: &str) -> Option<PathBuf> {
    let fetched = || {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
        Some(cache.join("myriad/emulators/bin").join(name)).filter(|path| path.is_file())
    };
    let found = outside::find(name).or_else(fetched);
    if found.is_none() {
        eprintln!("skipped {test}: {name} is not installed (scripts/get-emulators)");
    }
    found
}

/// A token that stands for an account of Google's.
pub const TOKEN: &str = "s3cr3t-token";

/// A running emulator.
pub struct Emulator {
    child: Child,
    _folder: tempfile::TempDir,
    /// Its address: `http://127.0.0.1:PORT`.
    pub endpoint: String,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended already; its folder goes in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts Azurite with an empty container.
pub async fn azurite(program: PathBuf) -> Emulator {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(program)
        .args([
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            "0",
            "--skipApiVersionCheck",
            "--disableTelemetry",
            "--location",
        ])
        .arg(folder.path())
        .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{ACCOUNT_KEY}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let listens = lines.find_map(|line| Some(line.unwrap().split_once("listens on ")?.1.to_owned()));
    let endpoint = listens.expect("Azurite did not start");
    // What it says later must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    let emulator = Emulator { child, _folder: folder, endpoint };
    emulator.make_container().await;
    emulator
}

/// Starts fake-gcs-server with an empty bucket. It takes no port 0, so that one is chosen for it, and another where
/// somebody else was quicker.
pub fn fake_gcs_server(program: PathBuf) -> Emulator {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("data").join(BUCKET)).unwrap();
        let mut child = Command::new(&program)
            .args(["-scheme", "http", "-host", "127.0.0.1", "-backend", "memory", "-public-host", &address])
            .args(["-port", &port.to_string(), "-external-url", &format!("http://{address}"), "-data"])
            .arg(folder.path().join("data"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if TcpStream::connect(&address).is_ok() {
                return Emulator { child, _folder: folder, endpoint: format!("http://{address}") };
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "fake-gcs-server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Emulator {
    /// Settings of a client of Azurite.
    pub fn azure(&self) -> MicrosoftAzureBuilder {
        MicrosoftAzureBuilder::new()
            .with_account(ACCOUNT)
            .with_access_key(ACCOUNT_KEY)
            .with_endpoint(self.azure_endpoint())
            .with_allow_http(true)
    }

    /// Azurite's account is part of the path, not of the host's name.
    pub fn azure_endpoint(&self) -> String {
        format!("{}/{ACCOUNT}", self.endpoint)
    }

    /// Settings of a client of fake-gcs-server, which takes any token.
    pub fn google(&self) -> GoogleCloudStorageBuilder {
        GoogleCloudStorageBuilder::new().with_base_url(&self.endpoint).with_bearer_token(TOKEN)
    }

    /// `Create Container`, signed by the account's key (Azure REST reference, "Authorize with Shared Key").
    async fn make_container(&self) {
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let headers = format!("x-ms-date:{date}\nx-ms-version:2021-08-06");
        let resource = format!("/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container");
        let signature = hmac(
            &BASE64_STANDARD.decode(ACCOUNT_KEY).unwrap(),
            &format!("PUT{}{headers}\n{resource}", "\n".repeat(12)),
        );
        let answer = reqwest::Client::new()
            .put(format!("{}/{BUCKET}?restype=container", self.azure_endpoint()))
            .header("x-ms-date", date)
            .header("x-ms-version", "2021-08-06")
            .header("content-length", "0")
            .header("authorization", format!("SharedKey {ACCOUNT}:{}", BASE64_STANDARD.encode(signature)))
            .send()
            .await
            .unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "no container: {status} {text}");
    }
}

/// HMAC-SHA256 (RFC 2104) with a key of 64 bytes at most.
fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let padded = |pad: u8| -> Vec<u8> { (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ pad).collect() };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}
