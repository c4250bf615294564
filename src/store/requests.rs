//! Counts the HTTP requests of an object store as they go out: retries, parts of uploads, listings page by page and the
//! fetching of credentials included, since each of them takes time and most cost money. It changes no request. What
//! they were for is not looked at, only their method.

use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Requests that went to an object store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RequestCounts {
    /// `PUT` and `POST`: what stores bill dearest.
    pub puts: u64,
    /// `GET`, listings included.
    pub gets: u64,
    /// `HEAD`.
    pub heads: u64,
    /// `DELETE`.
    pub deletes: u64,
    /// Of all these, how many had no answer, or one that asks to try again (429, 5xx).
    pub unanswered: u64,
}

impl fmt::Display for RequestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} PUT, {} GET, {} HEAD, {} DELETE", self.puts, self.gets, self.heads, self.deletes)?;
        match self.unanswered {
            0 => Ok(()),
            unanswered => write!(f, "; {unanswered} of them without an answer"),
        }
    }
}

/// Counts that go up while requests are made.
#[derive(Debug, Default)]
pub(super) struct RequestCounters {
    puts: AtomicU64,
    gets: AtomicU64,
    heads: AtomicU64,
    deletes: AtomicU64,
    unanswered: AtomicU64,
}

impl RequestCounters {
    pub(super) fn counts(&self) -> RequestCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        RequestCounts {
            puts: read(&self.puts),
            gets: read(&self.gets),
            heads: read(&self.heads),
            deletes: read(&self.deletes),
            unanswered: read(&self.unanswered),
        }
    }

    fn of(&self, method: &str) -> &AtomicU64 {
        match method {
            "GET" => &self.gets,
            "HEAD" => &self.heads,
            "DELETE" => &self.deletes,
            _ => &self.puts,
        }
    }
}

/// Makes clients that count.
#[derive(Debug)]
pub(super) struct CountingConnector(Arc<RequestCounters>);

impl CountingConnector {
    pub(super) fn new(counters: &Arc<RequestCounters>) -> CountingConnector {
        CountingConnector(counters.clone())
    }
}

impl HttpConnector for CountingConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(CountingClient { inner, counters: self.0.clone() }))
    }
}

#[derive(Debug)]
struct CountingClient {
    inner: HttpClient,
    counters: Arc<RequestCounters>,
}

#[async_trait::async_trait]
impl HttpService for CountingClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.counters.of(request.method().as_str()).fetch_add(1, Ordering::Relaxed);
        let answer = self.inner.execute(request).await;
        let asks_again = |answer: &HttpResponse| answer.status().is_server_error() || answer.status() == 429;
        if answer.as_ref().map_or(true, asks_again) {
            self.counters.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }
}
