//! Azurite, a server that speaks the protocol of Azure Blob Storage, for one test each: where it is on the PATH or where
//! `scripts/get-azurite` has put it. Started on a free port, ended when the value is dropped.

use super::outside;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use object_store::azure::MicrosoftAzureBuilder;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The container that exists.
pub const CONTAINER: &str = "bucket";
/// The account that Azurite knows.
pub const ACCOUNT: &str = "backups";
/// Its key, which no message may hold.
pub const ACCOUNT_KEY: &str = "c2VjcmV0LW9mLXRoZS10ZXN0LWFjY291bnQ=";

/// Starts Azurite with an empty container; where it is not installed, says that the test is skipped.
pub async fn azurite(test: &str) -> Option<Azurite> {
    let Some(program) = outside::find("azurite-blob").or_else(fetched) else {
        eprintln!("skipped {test}: azurite-blob is not installed (scripts/get-azurite)");
        return None;
    };
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
    let azurite = Azurite { child, _folder: folder, endpoint: listens.expect("Azurite did not start") };
    // What it says later must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    azurite.make_container().await;
    Some(azurite)
}

fn fetched() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("myriad/azurite/node_modules/.bin/azurite-blob")).filter(|path| path.is_file())
}

/// A running Azurite.
pub struct Azurite {
    child: Child,
    _folder: tempfile::TempDir,
    endpoint: String,
}

impl Drop for Azurite {
    fn drop(&mut self) {
        // It may have ended already; its folder goes in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Azurite {
    /// Settings of a client that may use it.
    pub fn settings(&self) -> MicrosoftAzureBuilder {
        MicrosoftAzureBuilder::new()
            .with_account(ACCOUNT)
            .with_access_key(ACCOUNT_KEY)
            .with_endpoint(self.account_endpoint())
            .with_allow_http(true)
    }

    /// Azurite's account is part of the path, not of the host's name.
    pub fn account_endpoint(&self) -> String {
        format!("{}/{ACCOUNT}", self.endpoint)
    }

    /// `Create Container`, signed by the account's key (Azure REST reference, "Authorize with Shared Key").
    async fn make_container(&self) {
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let headers = format!("x-ms-date:{date}\nx-ms-version:2021-08-06");
        let resource = format!("/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container");
        let signature = hmac(
            &BASE64_STANDARD.decode(ACCOUNT_KEY).unwrap(),
            &format!("PUT{}{headers}\n{resource}", "\n".repeat(12)),
        );
        let answer = reqwest::Client::new()
            .put(format!("{}/{CONTAINER}?restype=container", self.account_endpoint()))
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
