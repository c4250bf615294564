//! The object stores that a repository may lie in, and how each is opened: its address, where its credentials come
//! from, what a person is told about them. Requests are retried and bounded in time alike for all. Comes in: settings
//! of the `object_store` crate, from the environment or a test; an open store goes out. What is done with it is
//! [`ObjectBackedStore`]'s.

use super::StoreError;
use super::object::{ObjectBackedStore, words};
use super::requests::{CountingConnector, RequestCounters};
use crate::limits::{
    CONNECT_TIMEOUT, OBJECT_OPEN_RETRIES, OBJECT_READ_TIMEOUT, OBJECT_REQUEST_TIMEOUT, OBJECT_RETRIES,
    OBJECT_RETRY_TIME,
};
use futures::StreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, Error, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// A kind of object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon S3, or a server that speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl Cloud {
    /// What stands before `://`.
    pub fn scheme(self) -> &'static str {
        match self {
            Cloud::S3 => "s3",
            Cloud::Google => "gs",
            Cloud::Azure => "az",
        }
    }

    /// Where credentials belong, in place of the address.
    pub(super) fn credentials_belong(self) -> &'static str {
        match self {
            Cloud::S3 => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            Cloud::Google => "the file that GOOGLE_APPLICATION_CREDENTIALS names",
            Cloud::Azure => "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
        }
    }

    /// What to look at where a store of this kind cannot be opened.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Cloud::S3 => {
                "see the bucket's name, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, and for a server of your \
                 own AWS_ENDPOINT_URL (with AWS_ALLOW_HTTP=true where it speaks plain http)"
            }
            Cloud::Google => {
                "see the bucket's name, GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT_KEY (without them the \
                 machine's own account is asked for), and for a server of your own GOOGLE_BASE_URL"
            }
            Cloud::Azure => {
                "see the container's name, AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or \
                 AZURE_STORAGE_SAS_TOKEN (without them the machine's own identity is asked for), and for a server of \
                 your own AZURE_STORAGE_ENDPOINT (with AZURE_ALLOW_HTTP=true where it speaks plain http)"
            }
        }
    }

    /// The kind that a described store is of.
    pub(super) fn of(place: &str) -> Option<Cloud> {
        let (scheme, _) = place.split_once("://")?;
        [Cloud::S3, Cloud::Google, Cloud::Azure].into_iter().find(|cloud| cloud.scheme() == scheme)
    }

    fn place(self, bucket: &str, prefix: &str) -> String {
        format!("{}://{bucket}/{prefix}", self.scheme()).trim_end_matches('/').to_owned()
    }

    /// Refuses an endpoint with credentials in it: it is part of messages.
    fn check_endpoint(self, endpoint: Option<String>, place: &str) -> Result<(), StoreError> {
        match endpoint.is_some_and(|endpoint| endpoint.contains('@')) {
            true => {
                let source = format!("credentials belong in {}, not in the endpoint", self.credentials_belong());
                Err(StoreError::Open { store: place.to_owned(), source: source.into() })
            }
            false => Ok(()),
        }
    }
}

/// Opens a bucket with what the environment of the process says of endpoint and credentials.
pub(super) async fn open_by_environment(
    cloud: Cloud,
    bucket: &str,
    prefix: &str,
) -> Result<ObjectBackedStore, StoreError> {
    match cloud {
        Cloud::S3 => ObjectBackedStore::open_s3(AmazonS3Builder::from_env(), bucket, prefix).await,
        Cloud::Google => ObjectBackedStore::open_google(GoogleCloudStorageBuilder::from_env(), bucket, prefix).await,
        Cloud::Azure => ObjectBackedStore::open_azure(MicrosoftAzureBuilder::from_env(), bucket, prefix).await,
    }
}

impl ObjectBackedStore {
    /// Opens a bucket of S3. `settings` carries endpoint, region and credentials; conditional puts, time-outs and
    /// retries are set here. One listing is asked for, so that what is wrong with them shows now.
    pub async fn open_s3(mut settings: AmazonS3Builder, bucket: &str, prefix: &str) -> Result<Self, StoreError> {
        let place = Cloud::S3.place(bucket, prefix);
        for key in [AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::S3Endpoint] {
            Cloud::S3.check_endpoint(settings.get_config_value(&key), &place)?;
        }
        for (key, value) in client_settings() {
            settings = settings.with_config(AmazonS3ConfigKey::Client(key), value);
        }
        let counters = Arc::new(RequestCounters::default());
        let settings = settings
            .with_bucket_name(bucket)
            .with_http_connector(CountingConnector::new(&counters))
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            // Objects are deleted one by one; not every server knows the request for many.
            .with_disable_bulk_delete(true);
        let build = |retry| Ok(Arc::new(settings.clone().with_retry(retry).build()?) as Arc<dyn ObjectStore>);
        open(place, prefix, counters, build).await
    }

    /// Opens a bucket of Google Cloud Storage, as [`open_s3`](Self::open_s3) opens one of S3.
    pub async fn open_google(
        mut settings: GoogleCloudStorageBuilder,
        bucket: &str,
        prefix: &str,
    ) -> Result<Self, StoreError> {
        let place = Cloud::Google.place(bucket, prefix);
        Cloud::Google.check_endpoint(settings.get_config_value(&GoogleConfigKey::BaseUrl), &place)?;
        for (key, value) in client_settings() {
            settings = settings.with_config(GoogleConfigKey::Client(key), value);
        }
        let counters = Arc::new(RequestCounters::default());
        let settings = settings.with_bucket_name(bucket).with_http_connector(CountingConnector::new(&counters));
        let build = |retry| Ok(Arc::new(settings.clone().with_retry(retry).build()?) as Arc<dyn ObjectStore>);
        open(place, prefix, counters, build).await
    }

    /// Opens a container of Azure Blob Storage, as [`open_s3`](Self::open_s3) opens a bucket of S3.
    pub async fn open_azure(
        mut settings: MicrosoftAzureBuilder,
        container: &str,
        prefix: &str,
    ) -> Result<Self, StoreError> {
        let place = Cloud::Azure.place(container, prefix);
        Cloud::Azure.check_endpoint(settings.get_config_value(&AzureConfigKey::Endpoint), &place)?;
        for (key, value) in client_settings() {
            settings = settings.with_config(AzureConfigKey::Client(key), value);
        }
        let counters = Arc::new(RequestCounters::default());
        let settings = settings.with_container_name(container).with_http_connector(CountingConnector::new(&counters));
        let build = |retry| Ok(Arc::new(settings.clone().with_retry(retry).build()?) as Arc<dyn ObjectStore>);
        open(place, prefix, counters, build).await
    }
}

/// Asks for one listing with few retries, then gives a store that is patient.
async fn open(
    place: String,
    prefix: &str,
    counters: Arc<RequestCounters>,
    build: impl Fn(RetryConfig) -> Result<Arc<dyn ObjectStore>, Error>,
) -> Result<ObjectBackedStore, StoreError> {
    let open_error = |error: Error| StoreError::Open { store: place.clone(), source: words(&error).into() };
    let at = (!prefix.is_empty()).then(|| Path::parse(prefix)).transpose();
    let at = at.map_err(|error| open_error(error.into()))?;
    let hasty = build(retry_config(OBJECT_OPEN_RETRIES)).map_err(open_error)?;
    hasty.list(at.as_ref()).next().await.transpose().map_err(open_error)?;
    let patient = build(retry_config(OBJECT_RETRIES)).map_err(open_error)?;
    Ok(ObjectBackedStore::new(patient, place, prefix.to_string()).counted_by(counters))
}

fn client_settings() -> [(ClientConfigKey, String); 3] {
    let seconds = |time: Duration| format!("{} seconds", time.as_secs());
    [
        (ClientConfigKey::ConnectTimeout, seconds(CONNECT_TIMEOUT)),
        (ClientConfigKey::ReadTimeout, seconds(OBJECT_READ_TIMEOUT)),
        (ClientConfigKey::Timeout, seconds(OBJECT_REQUEST_TIMEOUT)),
    ]
}

fn retry_config(max_retries: usize) -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(200), max_backoff: Duration::from_secs(15), base: 2.0 };
    RetryConfig { backoff, max_retries, retry_timeout: OBJECT_RETRY_TIME }
}
