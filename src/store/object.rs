//! A repository in an object store: S3 or a server that speaks its protocol, Google Cloud Storage, Azure Blob Storage
//! (`cloud` opens them). Names become keys below a prefix; large objects go in parts; "create" is one conditional
//! request (`If-None-Match: *`, for Google generation 0), so that of several writers one wins. Retries with back-off and time-outs are those of the `object_store` crate (5xx, 429, lost
//! connections, time-outs of requests that may be repeated, answers cut off in the middle); they cover what a
//! decorator of our own would do, so there is none. Credentials never reach a message.

use super::name::{checked, checked_prefix};
use super::requests::{RequestCounters, RequestCounts};
use super::{Notice, PutMode, Store, StoreError, StoredObject, notice};
use crate::limits::{CONDITIONAL_PUT_TRIES, MULTIPART_FROM_BYTES, UPLOAD_PART_BYTES, UPLOAD_PARTS_AT_ONCE};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt, PutOptions, PutPayload,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Metadata key of the random token that a conditional put leaves on its object, so that a put whose answer was
/// lost can find out whether it was the winner. Letters only: Azure wants an identifier (Azure REST reference, "Naming
/// and referencing containers, blobs, and metadata"), and some proxies drop headers with underscores.
const TOKEN: &str = "puttoken";

/// Names of notices begin so; they are no objects.
const NOTICES: &str = "locks/";

/// Objects in an object store.
pub struct ObjectBackedStore {
    inner: Arc<dyn ObjectStore>,
    place: String,
    prefix: String,
    counters: Option<Arc<RequestCounters>>,
}

impl ObjectBackedStore {
    /// Objects below `prefix` of `inner`; `place` is the store for people.
    pub fn new(inner: Arc<dyn ObjectStore>, place: String, prefix: String) -> Self {
        ObjectBackedStore { inner, place, prefix, counters: None }
    }

    /// The same store, whose requests are counted there.
    pub(super) fn counted_by(mut self, counters: Arc<RequestCounters>) -> Self {
        self.counters = Some(counters);
        self
    }

    fn key(&self, name: &str) -> Result<Path, StoreError> {
        checked(name, || self.describe())?;
        let key = if self.prefix.is_empty() { name.to_string() } else { format!("{}/{name}", self.prefix) };
        // Parsed, not converted: a conversion would percent-encode the odd characters.
        Path::parse(key).map_err(|error| self.read_error(name, error.into()))
    }

    fn notices(&self) -> Path {
        // The prefix was parsed when the store was opened.
        Path::parse(&self.prefix).unwrap_or_default().join(notice::FOLDER)
    }

    fn read_error(&self, name: &str, error: Error) -> StoreError {
        match &error {
            _ if is_missing_bucket(&error) => self.missing_bucket(),
            Error::NotFound { .. } => StoreError::Missing { name: name.to_string(), store: self.describe() },
            _ => StoreError::Read { name: name.to_string(), store: self.describe(), source: words(&error).into() },
        }
    }

    fn write_error(&self, name: &str, error: Error) -> StoreError {
        if is_missing_bucket(&error) {
            return self.missing_bucket();
        }
        StoreError::Write { name: name.to_string(), store: self.describe(), source: words(&error).into() }
    }

    fn missing_bucket(&self) -> StoreError {
        StoreError::Open { store: self.describe(), source: "the bucket does not exist".into() }
    }

    /// One conditional put. After an answer that leaves it open who won, the object's token decides.
    async fn create(&self, name: &str, key: &Path, payload: PutPayload) -> Result<(), StoreError> {
        let token = format!("{:032x}", rand::random::<u128>());
        let mut tries = 0;
        loop {
            tries += 1;
            let options = PutOptions {
                mode: object_store::PutMode::Create,
                attributes: Attributes::from_iter([(Attribute::Metadata(TOKEN.into()), token.clone())]),
                ..PutOptions::default()
            };
            let Err(error) = self.inner.put_opts(key, payload.clone(), options).await else { return Ok(()) };
            let is_taken = matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. });
            let is_open = is_taken || matches!(error, Error::Generic { .. });
            match if is_open { self.token_at(key).await } else { Holder::Unknown } {
                // A repeated request met the object of its own first try.
                Holder::Token(found) if found == token => return Ok(()),
                Holder::Token(_) | Holder::Unknown if is_taken => {
                    return Err(StoreError::Exists { name: name.to_string(), store: self.describe() });
                }
                // S3 answers 409 where another request for the name is on its way; it may come to nothing.
                Holder::Nobody if is_taken && tries < CONDITIONAL_PUT_TRIES => {
                    tokio::time::sleep(Duration::from_millis(100 << tries)).await;
                }
                _ => return Err(self.write_error(name, error)),
            }
        }
    }

    async fn token_at(&self, key: &Path) -> Holder {
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.inner.get_opts(key, options).await {
            Ok(found) => match found.attributes.get(&Attribute::Metadata(TOKEN.into())) {
                Some(token) => Holder::Token(token.to_string()),
                None => Holder::Token(String::new()),
            },
            Err(Error::NotFound { .. }) => Holder::Nobody,
            Err(_) => Holder::Unknown,
        }
    }

    async fn put_in_parts(&self, key: &Path, parts: Vec<Bytes>) -> Result<(), Error> {
        let mut upload = AbortOnDrop(Some(self.inner.put_multipart(key).await?));
        let uploaded = upload.send(parts).await;
        if uploaded.is_ok() {
            upload.0 = None;
        }
        uploaded
    }
}

/// Who holds a name after a conditional put failed.
enum Holder {
    Token(String),
    Nobody,
    Unknown,
}

#[async_trait::async_trait]
impl Store for ObjectBackedStore {
    fn describe(&self) -> String {
        self.place.clone()
    }

    async fn put(&self, name: &str, parts: Vec<Bytes>, mode: PutMode) -> Result<(), StoreError> {
        let key = self.key(name)?;
        let bytes: usize = parts.iter().map(Bytes::len).sum();
        let put = match mode {
            PutMode::Create => return self.create(name, &key, PutPayload::from_iter(parts)).await,
            PutMode::Overwrite if bytes > MULTIPART_FROM_BYTES => self.put_in_parts(&key, parts).await,
            PutMode::Overwrite => self.inner.put(&key, PutPayload::from_iter(parts)).await.map(|_| ()),
        };
        put.map_err(|error| self.write_error(name, error))
    }

    async fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        let key = self.key(name)?;
        let got = async { self.inner.get(&key).await?.bytes().await };
        got.await.map_err(|error| self.read_error(name, error))
    }

    async fn get_bounded(&self, name: &str, bytes_max: u64) -> Result<Bytes, StoreError> {
        let key = self.key(name)?;
        // The size comes before the bytes: no second request.
        let got = self.inner.get(&key).await.map_err(|error| self.read_error(name, error))?;
        let bytes = got.meta.size;
        if bytes > bytes_max {
            return Err(StoreError::TooLarge { name: name.to_string(), store: self.describe(), bytes, bytes_max });
        }
        got.bytes().await.map_err(|error| self.read_error(name, error))
    }

    async fn get_range(&self, name: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        let key = self.key(name)?;
        let end = offset.saturating_add(length);
        let short = || StoreError::Short { name: name.to_string(), store: self.describe(), offset, end };
        // HTTP has no empty range, and no range that begins where the object ends.
        if length == 0 || offset.checked_add(length).is_none() {
            return if self.head(name).await?.bytes < end { Err(short()) } else { Ok(Bytes::new()) };
        }
        let options = GetOptions { range: Some((offset..end).into()), ..GetOptions::default() };
        let got = async { self.inner.get_opts(&key, options).await?.bytes().await };
        match got.await {
            Ok(bytes) if bytes.len() as u64 == length => Ok(bytes),
            Ok(_) => Err(short()),
            Err(error @ Error::NotFound { .. }) => Err(self.read_error(name, error)),
            Err(error) => match self.head(name).await {
                Ok(object) if object.bytes < end => Err(short()),
                _ => Err(self.read_error(name, error)),
            },
        }
    }

    async fn head(&self, name: &str) -> Result<StoredObject, StoreError> {
        let facts = self.inner.head(&self.key(name)?).await.map_err(|error| self.read_error(name, error))?;
        Ok(StoredObject { name: name.to_string(), bytes: facts.size, modified: facts.last_modified.into() })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError> {
        let prefix = checked_prefix(prefix, || self.describe())?;
        let at = match (self.prefix.is_empty(), prefix.is_empty()) {
            (true, true) => None,
            (false, true) => Some(self.prefix.clone()),
            _ => Some(self.key(prefix)?.to_string()),
        };
        let path = at.map(Path::parse).transpose();
        let path = path.map_err(|error| self.read_error(prefix, error.into()))?;
        let found: Vec<_> = self.inner.list(path.as_ref()).try_collect().await.map_err(|error| match error {
            Error::NotFound { .. } => self.missing_bucket(),
            error => self.read_error(if prefix.is_empty() { "the list of objects" } else { prefix }, error),
        })?;
        let own = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) };
        let objects = found.into_iter().filter_map(|facts| {
            let name = facts.location.as_ref().strip_prefix(&own)?.to_string();
            if name.starts_with(NOTICES) {
                return None;
            }
            Some(StoredObject { name, bytes: facts.size, modified: facts.last_modified.into() })
        });
        Ok(objects.collect())
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        match self.inner.delete(&self.key(name)?).await {
            Err(error) if matches!(error, Error::NotFound { .. }) && !is_missing_bucket(&error) => Ok(()),
            deleted => deleted.map_err(|error| self.write_error(name, error)),
        }
    }

    async fn announce(&self, name: &str, text: Bytes) -> Result<Notice, StoreError> {
        let key = self.notices().join(name);
        notice::announce_object(self.inner.clone(), key, text).await.map_err(|error| self.write_error(name, error))
    }

    async fn announced(&self, but: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        let found = notice::beating_objects(self.inner.as_ref(), &self.notices(), but).await;
        found.map_err(|error| self.read_error(notice::FOLDER, error))
    }

    fn requests(&self) -> Option<RequestCounts> {
        self.counters.as_ref().map(|counters| counters.counts())
    }
}

impl Drop for ObjectBackedStore {
    fn drop(&mut self) {
        if let Some(counts) = self.requests() {
            tracing::info!("requests to {}: {counts}", self.place);
        }
    }
}

/// An upload in parts that is taken back unless it was completed, also where the put is cancelled: the parts of
/// an unfinished upload are listed nowhere but cost money. One whose id had not arrived yet stays: a bucket's
/// lifecycle rule for incomplete uploads removes such.
struct AbortOnDrop(Option<Box<dyn MultipartUpload>>);

impl AbortOnDrop {
    async fn send(&mut self, parts: Vec<Bytes>) -> Result<(), Error> {
        let upload = self.0.as_mut().expect("taken only after this or in drop");
        let sending: Vec<_> = cut(parts, UPLOAD_PART_BYTES).map(|part| upload.put_part(part)).collect();
        futures::stream::iter(sending).buffer_unordered(UPLOAD_PARTS_AT_ONCE).try_collect::<()>().await?;
        upload.complete().await?;
        Ok(())
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let (Some(mut upload), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                if let Err(error) = upload.abort().await {
                    tracing::warn!("an unfinished upload could not be taken back: {}", words(&error));
                }
            });
        }
    }
}

/// Cuts the concatenation of `parts` into payloads of exactly `bytes` each, the last one shorter; nothing is
/// copied.
fn cut(parts: Vec<Bytes>, bytes: usize) -> impl Iterator<Item = PutPayload> {
    let mut parts = VecDeque::from(parts);
    std::iter::from_fn(move || {
        let (mut taken, mut room) = (Vec::new(), bytes);
        while let Some(mut part) = parts.pop_front() {
            let piece = part.split_to(part.len().min(room));
            room -= piece.len();
            taken.push(piece);
            if room == 0 {
                parts.push_front(part);
                break;
            }
        }
        let is_some = room < bytes;
        is_some.then(|| PutPayload::from_iter(taken))
    })
}

fn is_missing_bucket(error: &Error) -> bool {
    let text = error.to_string();
    ["<Code>NoSuchBucket</Code>", "<Code>ContainerNotFound</Code>"].iter().any(|code| text.contains(code))
}

/// An error in one line: the server's own code and message where it sent them (Amazon S3 API Reference, "REST
/// error responses"; the other two answer in the same form), else the outermost text and the innermost cause.
pub(super) fn words(error: &Error) -> String {
    let text = error.to_string();
    let tag = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once('<').map(|(inside, _)| inside)
    };
    if let Some(code) = tag("Code") {
        return match tag("Message") {
            // Azure's goes on with the request's id and time on lines of their own.
            Some(message) if !message.trim().is_empty() => {
                format!("the server answered {code}: {}", message.trim().lines().next().unwrap_or_default())
            }
            _ => format!("the server answered {code}"),
        };
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let cause = innermost.to_string();
    let generic = text.strip_prefix("Generic ").and_then(|rest| rest.split_once(" error: "));
    let text = generic.map_or(text.as_str(), |(_, rest)| rest).trim_end_matches([':', ' ']);
    if text.contains(&cause) { text.to_string() } else { format!("{text}: {cause}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream::BoxStream;
    use object_store::memory::InMemory;
    use object_store::{
        CopyOptions, GetResult, ListResult, ObjectMeta, PutMultipartOptions, PutResult, Result as ObjectResult,
    };
    use proptest::prelude::*;
    use std::sync::Mutex;

    #[tokio::test(flavor = "multi_thread")]
    async fn keeps_the_contract() {
        let inner = Arc::new(InMemory::new());
        for prefix in ["", "a/pre fix%"] {
            let store = ObjectBackedStore::new(inner.clone(), "test".into(), prefix.into());
            super::super::conformance::check(Arc::new(store)).await;
        }
    }

    /// What goes wrong with one put on the way.
    #[derive(Clone, Copy, Debug)]
    enum Mishap {
        /// It is carried out, and the answer is that of a repeated request: 412.
        DoneThenTaken,
        /// It is carried out, and the answer is lost.
        DoneThenLost,
        /// It is not carried out: 409, another request is on its way.
        Conflict,
        /// It never arrives.
        Lost,
    }

    /// An object store on a bad line: the next puts meet the mishaps, the others work.
    #[derive(Debug)]
    struct BadLine {
        inner: InMemory,
        mishaps: Mutex<VecDeque<Mishap>>,
    }

    impl std::fmt::Display for BadLine {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a bad line")
        }
    }

    #[async_trait::async_trait]
    impl ObjectStore for BadLine {
        async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> ObjectResult<PutResult> {
            let mishap = self.mishaps.lock().unwrap().pop_front();
            if !matches!(mishap, Some(Mishap::Conflict | Mishap::Lost)) {
                let put = self.inner.put_opts(at, payload, options).await?;
                if mishap.is_none() {
                    return Ok(put);
                }
            }
            Err(match mishap {
                Some(Mishap::DoneThenTaken | Mishap::Conflict) => {
                    Error::AlreadyExists { path: at.to_string(), source: "taken".into() }
                }
                _ => Error::Generic { store: "S3", source: "timed out".into() },
            })
        }

        async fn put_multipart_opts(
            &self,
            at: &Path,
            options: PutMultipartOptions,
        ) -> ObjectResult<Box<dyn MultipartUpload>> {
            self.inner.put_multipart_opts(at, options).await
        }

        async fn get_opts(&self, at: &Path, options: GetOptions) -> ObjectResult<GetResult> {
            self.inner.get_opts(at, options).await
        }

        fn delete_stream(
            &self,
            places: BoxStream<'static, ObjectResult<Path>>,
        ) -> BoxStream<'static, ObjectResult<Path>> {
            self.inner.delete_stream(places)
        }

        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, ObjectResult<ObjectMeta>> {
            self.inner.list(prefix)
        }

        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> ObjectResult<ListResult> {
            self.inner.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> ObjectResult<()> {
            self.inner.copy_opts(from, to, options).await
        }
    }

    #[tokio::test]
    async fn a_create_knows_whether_it_won_when_the_answer_does_not_tell() {
        use Mishap::*;
        let create = |mishaps: Vec<Mishap>, taken: bool| async move {
            let line = BadLine { inner: InMemory::new(), mishaps: Mutex::default() };
            let line = Arc::new(line);
            let store = ObjectBackedStore::new(line.clone(), "test".into(), String::new());
            // The other writer's bytes are the same: only the token tells the two apart.
            if taken {
                store.put("x", vec![Bytes::from_static(b"x")], PutMode::Create).await.unwrap();
            }
            *line.mishaps.lock().unwrap() = mishaps.into();
            let result = store.put("x", vec![Bytes::from_static(b"x")], PutMode::Create).await;
            (result, store.get("x").await.is_ok())
        };
        for mishaps in
            [vec![], vec![DoneThenTaken], vec![DoneThenLost], vec![Conflict, Conflict], vec![Conflict, DoneThenLost]]
        {
            let (result, is_there) = create(mishaps.clone(), false).await;
            assert!(result.is_ok() && is_there, "{mishaps:?}: {result:?}");
        }
        for mishaps in [vec![], vec![Conflict]] {
            let (result, _) = create(mishaps.clone(), true).await;
            assert!(matches!(result, Err(StoreError::Exists { .. })), "{mishaps:?}: {result:?}");
        }
        for (mishaps, taken) in [(vec![Lost], false), (vec![Lost], true), (vec![Conflict; 5], false)] {
            let (result, is_there) = create(mishaps.clone(), taken).await;
            assert!(matches!(result, Err(StoreError::Write { .. })) && is_there == taken, "{mishaps:?}: {result:?}");
        }
    }

    #[test]
    fn the_servers_words_are_told_in_one_line() {
        let body = "<?xml?>\n<Error><Code>SlowDown</Code><Message>Please wait</Message><HostId>7</HostId></Error>";
        let error = Error::Generic { store: "S3", source: format!("status 503: {body}").into() };
        assert_eq!(words(&error), "the server answered SlowDown: Please wait");
        let error = Error::Generic { store: "S3", source: "connection refused".into() };
        assert_eq!(words(&error), "connection refused");
    }

    proptest! {
        #[test]
        fn cuts_are_equal_and_lose_nothing(lengths in proptest::collection::vec(0usize..50, 0..12), size in 1usize..40) {
            let mut next = 0u8;
            let mut part = |length: usize| -> Bytes {
                (0..length).map(|_| { next = next.wrapping_add(1); next }).collect()
            };
            let parts: Vec<Bytes> = lengths.iter().map(|length| part(*length)).collect();
            let whole = parts.concat();
            let pieces: Vec<Bytes> = cut(parts, size).map(Bytes::from).collect();
            prop_assert_eq!(pieces.concat(), whole);
            if let Some((last, others)) = pieces.split_last() {
                prop_assert!(others.iter().all(|piece| piece.len() == size));
                prop_assert!(!last.is_empty() && last.len() <= size);
            }
        }
    }
}
