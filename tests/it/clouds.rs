//! The store on Azure Blob Storage and on Google Cloud Storage: against emulators where they are installed, and what
//! can be seen without one everywhere. The clouds themselves were not asked.

use crate::support::emulators::{self, ACCOUNT, ACCOUNT_KEY, BUCKET};
use bytes::Bytes;
use myriad::error::{Exit, Explain};
use myriad::store::{ObjectBackedStore, PutMode, Store, conformance};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn azure_keeps_the_contract() {
    let Some(program) = emulators::program("azurite-blob", "azure_keeps_the_contract") else { return };
    let azurite = emulators::azurite(program).await;
    for prefix in ["", "a/pre fix%"] {
        let store = ObjectBackedStore::open_azure(azurite.azure(), BUCKET, prefix).await.unwrap();
        conformance::check(Arc::new(store)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn google_keeps_the_contract() {
    let Some(program) = emulators::program("fake-gcs-server", "google_keeps_the_contract") else { return };
    let server = emulators::fake_gcs_server(program);
    for prefix in ["", "a/pre fix%"] {
        let store = ObjectBackedStore::open_google(server.google(), BUCKET, prefix).await.unwrap();
        conformance::check(Arc::new(store)).await;
    }
}
