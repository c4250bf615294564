//! The store on Azure Blob Storage and on Google Cloud Storage: against Azurite where it is installed, and against a
//! server of our own that speaks as Google's does; what can be seen without a server, everywhere. The clouds themselves
//! were not asked.

use crate::support::answering::Answering;
use crate::support::azurite::{ACCOUNT, ACCOUNT_KEY, CONTAINER, azurite};
use crate::support::data;
use crate::support::program::{self, address};
use crate::support::run::assert_same_rows;
use crate::support::s3_server::{BUCKET, S3Server, SECRET_KEY};
use crate::support::server::{source, target};
use bytes::Bytes;
use myriad::error::{Exit, Explain};
use myriad::store::{ObjectBackedStore, PutMode, Store, StoreError, conformance};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn azure_keeps_the_contract() {
    let Some(azurite) = azurite("azure_keeps_the_contract").await else { return };
    for prefix in ["", "a/pre fix%"] {
        let store = ObjectBackedStore::open_azure(azurite.settings(), CONTAINER, prefix).await.unwrap();
        conformance::check(Arc::new(store)).await;
    }

    let store = ObjectBackedStore::open_azure(azurite.settings(), CONTAINER, "counted").await.unwrap();
    store.put("x", vec![Bytes::from_static(b"x")], PutMode::Create).await.unwrap();
    store.put("x", vec![Bytes::from_static(b"x")], PutMode::Create).await.unwrap_err();
    let counts = store.requests().unwrap();
    // A listing at the opening; a put that wins, one that loses and looks who was first.
    assert_eq!((counts.puts, counts.gets, counts.heads, counts.unanswered), (2, 1, 1, 0), "{counts}");

    let error = ObjectBackedStore::open_azure(azurite.settings(), "nobody", "").await.err().unwrap();
    assert!(matches!(error, StoreError::Open { .. }) && error.to_string().contains("ContainerNotFound"), "{error}");
    let wrong = azurite.settings().with_access_key("YW5vdGhlci1zM2NyM3Q=");
    let error = ObjectBackedStore::open_azure(wrong, CONTAINER, "").await.err().unwrap();
    assert_eq!(error.exit(), Exit::RepositoryMissing);
    let told = format!("{error} {error:?}");
    assert!(told.contains("AuthorizationFailure") && !told.contains("YW5vdGhlci1zM2NyM3Q"), "{told}");
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn google_keeps_the_contract() {
    let server = S3Server::start_google();
    let settings = || GoogleCloudStorageBuilder::new().with_base_url(&server.endpoint).with_bearer_token(SECRET_KEY);
    for prefix in ["", "a/pre fix%"] {
        let store = ObjectBackedStore::open_google(settings(), BUCKET, prefix).await.unwrap();
        conformance::check(Arc::new(store)).await;
    }
    let error = ObjectBackedStore::open_google(settings(), "nobucket", "").await.err().unwrap();
    assert!(matches!(error, StoreError::Open { .. }) && error.to_string().contains("NoSuchBucket"), "{error}");
    let wrong = settings().with_bearer_token("another-s3cr3t");
    let error = ObjectBackedStore::open_google(wrong, BUCKET, "").await.err().unwrap();
    let told = format!("{error} {error:?}");
    assert!(told.contains("AuthenticationRequired") && !told.contains("s3cr3t"), "{told}");
}

/// The whole way through a container.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_serves_as_a_repository() {
    let Some(azurite) = azurite("a_container_serves_as_a_repository").await else { return };
    data::make(source(), "azure_source", 3000).await;
    let place = format!("az://{CONTAINER}/nightly");
    let variables = [
        ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
        ("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY),
        ("AZURE_STORAGE_ENDPOINT", &azurite.account_endpoint()),
        ("AZURE_ALLOW_HTTP", "true"),
    ];
    let run = |arguments: &[&str]| program::start_with(arguments, &variables).end();
    let from = address(source());
    let backup = ["backup", "--source", &from, "--repo", &place, "--database", "azure_source", "-vv"];
    let told = run(&backup).expect(0).err;
    assert!(told.contains(&format!("requests to {place}: ")) && !told.contains(ACCOUNT_KEY), "{told}");
    assert!(run(&["verify", "--repo", &place]).expect(0).out.contains("is sound"));
    let to = address(target());
    run(&["restore", "--target", &to, "--repo", &place, "--rename", "azure_source=azure_target"]).expect(0);
    assert_same_rows((source(), "azure_source"), (target(), "azure_target"));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_not_told() {
    let nobody = "http://127.0.0.1:1";
    let azure = || MicrosoftAzureBuilder::new().with_account(ACCOUNT).with_allow_http(true);
    let at_nobody = || azure().with_endpoint(nobody.into());
    let google = || GoogleCloudStorageBuilder::new().with_base_url(nobody);
    let in_endpoint = azure().with_endpoint("http://me:s3cr3t@127.0.0.1:1".into());
    let sas = at_nobody().with_config(AzureConfigKey::SasKey, "sv=2021-08-06&sp=rl&sig=s3cr3t");
    let cases = [
        (ObjectBackedStore::open_azure(in_endpoint, BUCKET, "").await, "AZURE_STORAGE_ACCOUNT_KEY"),
        (ObjectBackedStore::open_azure(sas, BUCKET, "").await, "refused"),
        (ObjectBackedStore::open_azure(at_nobody().with_access_key("s3cr3t!"), BUCKET, "").await, "Key"),
        (
            ObjectBackedStore::open_azure(at_nobody().with_bearer_token_authorization("s3cr3t"), BUCKET, "").await,
            nobody,
        ),
        (ObjectBackedStore::open_google(google().with_bearer_token("s3cr3t"), BUCKET, "").await, nobody),
        (
            ObjectBackedStore::open_google(google().with_service_account_key("{s3cr3t"), BUCKET, "").await,
            "service account",
        ),
        (
            ObjectBackedStore::open_google(google().with_service_account_path("/no/such.json"), BUCKET, "").await,
            "/no/such.json",
        ),
        (
            ObjectBackedStore::open_google(google().with_base_url("http://me:s3cr3t@127.0.0.1:1"), BUCKET, "").await,
            "GOOGLE_APPLICATION_CREDENTIALS",
        ),
    ];
    for (opened, word) in cases {
        let error = opened.err().unwrap();
        assert_eq!(error.exit(), Exit::RepositoryMissing);
        let told = format!("{error} {error:?}");
        assert!(told.contains(word) && !told.contains("s3cr3t"), "{word}: {told}");
        assert!(
            error.hint().unwrap().contains("AZURE_STORAGE_ENDPOINT")
                || error.hint().unwrap().contains("GOOGLE_BASE_URL")
        );
    }
}

/// The program against a server that knows nothing: what it asks, and by which credentials.
#[test]
fn the_endpoint_and_the_credentials_are_those_of_the_environment() {
    let cloud = Answering::start(|head| match head {
        _ if head.contains("/service-accounts/") => {
            (200, r#"{"access_token":"of-the-machine","expires_in":3600,"token_type":"Bearer"}"#.into())
        }
        _ if head.contains("/identity") => {
            (200, r#"{"access_token":"of-the-machine","expires_on":"4000000000","token_type":"Bearer"}"#.into())
        }
        _ => (404, "<Error><Code>NoSuchBucket</Code><Message>not here</Message></Error>".into()),
    });
    let endpoint = format!("http://{}", cloud.address);
    let identity = format!("{endpoint}/identity");
    let azure =
        [("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT), ("AZURE_ALLOW_HTTP", "true"), ("AZURE_STORAGE_ENDPOINT", &endpoint)];
    let asked = |place: &str, variables: &[(&str, &str)]| {
        let before = cloud.heads().len();
        let ended = program::start_with(&["list", "--repo", place], variables).end();
        ended.refused(20, &[place, "NoSuchBucket"]);
        cloud.heads().split_off(before).concat()
    };
    let told = asked("az://box/nightly", &[&azure[..], &[("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY)]].concat());
    assert!(told.contains("/box?") && told.contains("comp=list") && told.contains("SharedKey backups:"), "{told}");
    let told = asked("az://box/nightly", &[&azure[..], &[("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=abc")]].concat());
    assert!(told.contains("sig=abc"), "{told}");
    let told = asked("az://box/nightly", &[&azure[..], &[("AZURE_MSI_ENDPOINT", &identity)]].concat());
    assert!(told.contains("GET /identity?") && told.contains("Bearer of-the-machine"), "{told}");

    let google = ("GOOGLE_BASE_URL", endpoint.as_str());
    let told = asked("gs://box/nightly", &[google, ("GOOGLE_BEARER_TOKEN", "of-mine")]);
    assert!(told.contains("GET /box?") && told.contains("prefix=nightly") && told.contains("Bearer of-mine"), "{told}");
    let told = asked("gs://box/nightly", &[google, ("GCE_METADATA_HOST", &cloud.address)]);
    assert!(told.contains("/service-accounts/default/token") && told.contains("Bearer of-the-machine"), "{told}");
}
