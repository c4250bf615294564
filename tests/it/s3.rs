//! The store on S3, against a real process that speaks the protocol over HTTP with signed requests.

use crate::support::s3_server::{ACCESS_KEY, BUCKET, S3Server, SECRET_KEY};
use bytes::Bytes;
use myriad::error::{Exit, Explain};
use myriad::store::{ObjectBackedStore, PutMode, Store, StoreError, conformance};
use object_store::aws::AmazonS3Builder;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn open(server: &S3Server, prefix: &str) -> ObjectBackedStore {
    ObjectBackedStore::open_s3(server.settings(), BUCKET, prefix).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    let server = S3Server::start();
    for prefix in ["", "a/pre fix%"] {
        conformance::check(Arc::new(open(&server, prefix).await)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_of_one_bucket_are_apart() {
    let server = S3Server::start();
    let (one, two) = (open(&server, "repo").await, open(&server, "repo2").await);
    one.put("backups/x", vec![Bytes::from_static(b"1")], PutMode::Create).await.unwrap();
    two.put("backups/x", vec![Bytes::from_static(b"2")], PutMode::Create).await.unwrap();
    assert_eq!(&one.get("backups/x").await.unwrap()[..], b"1");
    assert_eq!(one.list("").await.unwrap().len(), 1);
    assert_eq!(one.describe(), "s3://bucket/repo");
    assert_eq!(open(&server, "").await.describe(), "s3://bucket");
    assert_eq!(std::fs::read(server.folder().join("bucket/repo2/backups/x")).unwrap(), b"2");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_without_the_secret() {
    let server = S3Server::start();
    let wrong_secret = server.settings().with_secret_access_key("another-s3cr3t");
    let wrong_account = server.settings().with_access_key_id("AKIANOBODY");
    for (settings, words) in [(wrong_secret, "SignatureDoesNotMatch"), (wrong_account, "NotSignedUp")] {
        let error = ObjectBackedStore::open_s3(settings, BUCKET, "repo").await.err().unwrap();
        assert_eq!(error.exit(), Exit::RepositoryMissing);
        assert!(error.hint().unwrap().contains("AWS_SECRET_ACCESS_KEY"));
        let told = format!("{error} {error:?}");
        assert!(told.contains(words) && told.contains("s3://bucket/repo"), "{told}");
        assert!(!told.contains("s3cr3t"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_told_at_open_and_later() {
    let server = S3Server::start();
    let error = ObjectBackedStore::open_s3(server.settings(), "nobucket", "repo").await.err().unwrap();
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    assert_eq!(error.exit(), Exit::RepositoryMissing);

    let store = open(&server, "repo").await;
    std::fs::remove_dir(server.folder().join(BUCKET)).unwrap();
    let put = store.put("x", vec![Bytes::from_static(b"x")], PutMode::Overwrite).await;
    let create = store.put("x", vec![Bytes::from_static(b"x")], PutMode::Create).await;
    let list = store.list("").await.map(|_| ());
    let get = store.get("x").await.map(|_| ());
    for result in [put, create, list, get] {
        let error = result.unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }) && error.to_string().contains("bucket"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_told_soon() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let settings = AmazonS3Builder::new()
        .with_endpoint(&endpoint)
        .with_allow_http(true)
        .with_access_key_id(ACCESS_KEY)
        .with_secret_access_key(SECRET_KEY);
    let start = Instant::now();
    let error = ObjectBackedStore::open_s3(settings, BUCKET, "").await.err().unwrap();
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    assert!(error.to_string().contains("refused") && error.to_string().contains(&endpoint), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_only_spoken_when_it_is_allowed() {
    let server = S3Server::start();
    let error = ObjectBackedStore::open_s3(server.settings().with_allow_http(false), BUCKET, "").await.err().unwrap();
    assert!(error.hint().unwrap().contains("AWS_ALLOW_HTTP"));
    assert!(error.to_string().contains("URL scheme is not allowed"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credentials_are_told_soon() {
    let server = S3Server::start();
    let settings = AmazonS3Builder::new()
        .with_endpoint(&server.endpoint)
        .with_allow_http(true)
        // Without keys the machine's own service for credentials is asked; here nobody answers.
        .with_metadata_endpoint("http://127.0.0.1:1");
    let start = Instant::now();
    let error = ObjectBackedStore::open_s3(settings, BUCKET, "").await.err().unwrap();
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    assert!(error.hint().unwrap().contains("AWS_ACCESS_KEY_ID"));
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_in_the_endpoint_are_refused_and_not_repeated() {
    let settings = AmazonS3Builder::new().with_endpoint("http://user:s3cr3t@127.0.0.1:1").with_allow_http(true);
    let error = ObjectBackedStore::open_s3(settings, BUCKET, "").await.err().unwrap();
    assert!(error.to_string().contains("AWS_ACCESS_KEY_ID") && !error.to_string().contains("s3cr3t"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_upload_is_taken_back() {
    let server = S3Server::start();
    let store = open(&server, "").await;
    let files = |prefix: &str| {
        let entries = std::fs::read_dir(server.folder()).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)).count()
    };
    // The server's names for an upload that is not complete, and for a part of one.
    let (unfinished, sent) = (|| files(".upload-"), || files(".upload_id-"));
    let parts = vec![Bytes::from(vec![1; 16 << 20]); 8];
    tokio::select! {
        put = store.put("x", parts, PutMode::Overwrite) => panic!("the put was to be cancelled: {put:?}"),
        () = async { while sent() == 0 { tokio::time::sleep(Duration::from_millis(1)).await } } => {}
    }
    let start = Instant::now();
    while unfinished() > 0 && start.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(unfinished(), 0, "the upload is gone from the server");
    assert!(matches!(store.get("x").await, Err(StoreError::Missing { .. })));
}

const CHILD_PLACE: &str = "MYRIAD_TEST_S3_PLACE";

/// Not a test of its own: the process that `open_reads_the_usual_environment` starts.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by open_reads_the_usual_environment in a process of its own"]
async fn child_that_opens_by_its_environment() {
    let store = myriad::store::open(&std::env::var(CHILD_PLACE).unwrap(), true).await.unwrap();
    store.put("x", vec![Bytes::from_static(b"from the child")], PutMode::Create).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn open_reads_the_usual_environment() {
    let server = S3Server::start();
    for (variable, prefix) in [("AWS_ENDPOINT_URL", "one"), ("AWS_ENDPOINT", "two")] {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "s3::child_that_opens_by_its_environment", "--ignored"])
            .env(variable, &server.endpoint)
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_REGION", "eu-central-1")
            .env(CHILD_PLACE, format!("s3://{BUCKET}/{prefix}/"))
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        assert_eq!(&open(&server, prefix).await.get("x").await.unwrap()[..], b"from the child");
    }
}

#[test]
fn the_server_ends_with_its_test() {
    let server = S3Server::start();
    let address = server.endpoint.trim_start_matches("http://").to_string();
    std::net::TcpStream::connect(&address).unwrap();
    drop(server);
    assert!(std::net::TcpStream::connect(&address).is_err(), "the server still listens");
}
