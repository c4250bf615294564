//! The contract of [`Store`], sentence by sentence, as one suite that each kind of store must pass. It takes a
//! store, writes below `conformance/`, and panics with the sentence that does not hold. It runs in the unit
//! tests on memory and on a folder, and in the integration tests on an object store.

use super::{PutMode, Store, StoreError, StoredObject};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const MIB: usize = 1 << 20;

/// Runs the whole suite; needs a multi-threaded runtime and a store that holds nothing below `conformance/`.
pub async fn check(store: Arc<dyn Store>) {
    create_and_overwrite(&*store).await;
    one_create_wins(&store).await;
    overwrite_is_never_a_mixture(&store).await;
    ranges(&*store).await;
    missing_and_empty(&*store).await;
    listing(&*store).await;
    odd_names(&*store).await;
    refused_names(&*store).await;
    large_object(&*store).await;
    cancelled_put(&*store).await;
    deleting(&*store).await;
}

async fn create_and_overwrite(store: &dyn Store) {
    let name = "conformance/create";
    let parts = vec![Bytes::from_static(b"one"), Bytes::new(), Bytes::from_static(b" two")];
    done("create of a free name", store.put(name, parts, PutMode::Create).await);
    assert_eq!(text_of(store, name).await, "one two", "an object is the concatenation of its parts");
    let again = store.put(name, vec![Bytes::from_static(b"three")], PutMode::Create).await;
    assert!(matches!(again, Err(StoreError::Exists { .. })), "create of a taken name gave {again:?}");
    let message = again.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains(name), "the message names the object: {message}");
    assert_eq!(text_of(store, name).await, "one two", "a create that failed left the old bytes");
    done("overwrite", store.put(name, vec![Bytes::from_static(b"three")], PutMode::Overwrite).await);
    assert_eq!(text_of(store, name).await, "three", "a get after an overwrite sees the new bytes");
    let new = "conformance/overwrite-of-a-free-name";
    done("overwrite of a free name", store.put(new, vec![Bytes::from_static(b"x")], PutMode::Overwrite).await);
    assert_eq!(text_of(store, new).await, "x");
}

async fn one_create_wins(store: &Arc<dyn Store>) {
    for round in 0..4 {
        let name = format!("conformance/race/{round}");
        let tasks = (0..16).map(|writer| {
            let (store, name) = (store.clone(), name.clone());
            tokio::spawn(async move {
                store.put(&name, vec![Bytes::from(format!("writer {writer}"))], PutMode::Create).await
            })
        });
        let mut winners = Vec::new();
        for (writer, result) in futures::future::join_all(tasks).await.into_iter().enumerate() {
            match done("task", result) {
                Ok(()) => winners.push(writer),
                Err(StoreError::Exists { .. }) => {}
                Err(error) => panic!("a create that lost gave another error: {error}"),
            }
        }
        assert_eq!(winners.len(), 1, "of 16 creates at once exactly one wins; winners: {winners:?}");
        assert_eq!(text_of(&**store, &name).await, format!("writer {}", winners[0]), "the winner's bytes are there");
    }
}

async fn overwrite_is_never_a_mixture(store: &Arc<dyn Store>) {
    let name = "conformance/overwritten";
    let version = |byte: u8| vec![Bytes::from(vec![byte; 300_000]), Bytes::from(vec![byte; 300_000])];
    done("put", store.put(name, version(0), PutMode::Overwrite).await);
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for byte in 1..12 {
                done("overwrite", store.put(name, version(byte), PutMode::Overwrite).await);
            }
        })
    };
    while !writer.is_finished() {
        let bytes = done("get while it is overwritten", store.get(name).await);
        assert_eq!(bytes.len(), 600_000, "a reader sees a whole object");
        assert!(bytes.iter().all(|byte| *byte == bytes[0]), "a reader sees the old bytes or the new, never a mixture");
    }
    done("writer", writer.await);
}

async fn ranges(store: &dyn Store) {
    let name = "conformance/ranges";
    let bytes = pattern(100_000);
    done("put", store.put(name, vec![bytes.clone()], PutMode::Create).await);
    for (offset, length) in [(0, 1), (0, 100_000), (99_999, 1), (50_000, 1234), (0, 0), (100_000, 0)] {
        let got = done("range", store.get_range(name, offset, length).await);
        let expected = &bytes[offset as usize..(offset + length) as usize];
        assert!(got == expected, "bytes {offset} to {} are those of the object", offset + length);
    }
    let beyond = [(0, 100_001), (99_999, 2), (100_000, 1), (100_001, 0), (500_000, 10), (u64::MAX, 1), (1, u64::MAX)];
    for (offset, length) in beyond {
        let got = store.get_range(name, offset, length).await;
        assert!(matches!(got, Err(StoreError::Short { .. })), "{length} bytes from {offset} of 100000 gave {got:?}");
    }
}

async fn missing_and_empty(store: &dyn Store) {
    let name = "conformance/nothing/here";
    let is_missing = |error: Option<StoreError>| matches!(error, Some(StoreError::Missing { .. }));
    assert!(is_missing(store.get(name).await.err()), "get of a free name is Missing");
    assert!(is_missing(store.get_range(name, 0, 1).await.err()), "a range of a free name is Missing");
    assert!(is_missing(store.get_range(name, 0, 0).await.err()), "an empty range of a free name is Missing");
    assert!(is_missing(store.head(name).await.err()), "head of a free name is Missing");
    let name = "conformance/empty";
    done("put of an empty object", store.put(name, Vec::new(), PutMode::Create).await);
    assert_eq!(done("get", store.get(name).await).len(), 0);
    assert_eq!(done("head", store.head(name).await).bytes, 0);
    assert_eq!(done("range", store.get_range(name, 0, 0).await).len(), 0);
    assert!(matches!(store.get_range(name, 0, 1).await, Err(StoreError::Short { .. })), "an empty object is short");
    let again = store.put(name, Vec::new(), PutMode::Create).await;
    assert!(matches!(again, Err(StoreError::Exists { .. })), "an empty object takes its name: {again:?}");
}

async fn listing(store: &dyn Store) {
    let names = ["l/backups/shop/1", "l/backups/shop/2/x", "l/backups/shop2/1", "l/backups/shop-x", "l/objects/ab"]
        .map(|name| format!("conformance/{name}"));
    for (index, name) in names.iter().enumerate() {
        done("put", store.put(name, vec![pattern(index)], PutMode::Create).await);
    }
    let shop = list_names(store, "conformance/l/backups/shop").await;
    assert_eq!(shop, names[..2].iter().cloned().collect(), "a prefix is taken as whole segments");
    assert_eq!(list_names(store, "conformance/l/backups/shop/").await, shop, "a slash at the end changes nothing");
    assert_eq!(list_names(store, "conformance/l").await, names.iter().cloned().collect());
    let all = list_names(store, "").await;
    assert!(names.iter().all(|name| all.contains(name)), "the empty prefix lists everything");
    assert!(list_names(store, "conformance/l/none").await.is_empty(), "a prefix of nothing lists nothing");
    assert!(list_names(store, "conformance/l/objects/ab").await.is_empty(), "an object is not below its own name");
    for object in done("list", store.list("conformance/l").await) {
        let head = done("head", store.head(&object.name).await);
        assert_eq!((&head.name, head.bytes), (&object.name, object.bytes), "head and list give the same");
        assert!(apart(&head, &object) < Duration::from_secs(2), "head and list give the same time");
        let age = SystemTime::now().duration_since(object.modified).unwrap_or_default();
        assert!(age < Duration::from_secs(86_400), "the time is when the object was written");
    }
}

async fn odd_names(store: &dyn Store) {
    let names = [
        "100%",
        "%2F%2e%2E",
        "with space",
        " edge ",
        "a+b=c&d;e,f",
        "quote\"s'and`ticks",
        "#?*:@!$()[]{}<>|^~",
        "\u{e4}\u{20ac}\u{1f600}",
        "..dots...",
        "-dash",
    ];
    for name in names {
        let name = format!("conformance/odd/{name}/{name}");
        done(&name, store.put(&name, vec![Bytes::from(name.clone())], PutMode::Create).await);
        assert_eq!(text_of(store, &name).await, name);
        assert_eq!(done(&name, store.head(&name).await).name, name);
    }
    let expected = names.map(|name| format!("conformance/odd/{name}/{name}")).into_iter().collect();
    assert_eq!(list_names(store, "conformance/odd").await, expected, "a listing gives names back as they were put");
    for name in names {
        let prefix = format!("conformance/odd/{name}");
        assert_eq!(list_names(store, &prefix).await.len(), 1, "a prefix may hold odd characters: {name}");
        done(name, store.delete(&format!("{prefix}/{name}")).await);
    }
    assert!(list_names(store, "conformance/odd").await.is_empty(), "odd names can be deleted");
}

async fn refused_names(store: &dyn Store) {
    for name in ["", "/", "/etc/passwd", "conformance/../../x", "conformance//x", "conformance/x/", "tmp/x", "a\nb"] {
        let put = store.put(name, vec![Bytes::from_static(b"x")], PutMode::Overwrite).await;
        assert!(matches!(put, Err(StoreError::Name { .. })), "put under {name:?} gave {put:?}");
        assert!(matches!(store.get(name).await, Err(StoreError::Name { .. })), "get of {name:?}");
        assert!(matches!(store.get_range(name, 0, 1).await, Err(StoreError::Name { .. })), "range of {name:?}");
        assert!(matches!(store.head(name).await, Err(StoreError::Name { .. })), "head of {name:?}");
        assert!(matches!(store.delete(name).await, Err(StoreError::Name { .. })), "delete of {name:?}");
    }
    assert!(matches!(store.list("conformance/..").await, Err(StoreError::Name { .. })), "list above the repository");
}

async fn large_object(store: &dyn Store) {
    let whole = pattern(40 * MIB + 17);
    for (mode, name) in [(PutMode::Overwrite, "conformance/large-1"), (PutMode::Create, "conformance/large-2")] {
        let cuts = [0, 1, 3 * MIB, 3 * MIB, 29 * MIB + 5, whole.len()];
        let parts = cuts.windows(2).map(|cut| whole.slice(cut[0]..cut[1])).collect();
        done("put of a large object", store.put(name, parts, mode).await);
        assert!(done("get", store.get(name).await) == whole, "a large object comes back as it was put");
        let middle = done("range", store.get_range(name, 16 * MIB as u64 - 3, 9 * MIB as u64).await);
        assert!(middle == whole[16 * MIB - 3..25 * MIB - 3], "a range over several parts comes back as it was put");
        assert_eq!(done("head", store.head(name).await).bytes, whole.len() as u64);
    }
}

async fn cancelled_put(store: &dyn Store) {
    let whole = pattern(40 * MIB);
    for (mode, delay_ms) in
        [(PutMode::Overwrite, 0), (PutMode::Create, 2), (PutMode::Overwrite, 10), (PutMode::Create, 30)]
    {
        let name = format!("conformance/cancelled/{delay_ms}");
        let parts = (0..40).map(|part| whole.slice(part * MIB..(part + 1) * MIB)).collect();
        // The outcome of the put does not matter: it was either dropped or finished in time.
        let _ = tokio::time::timeout(Duration::from_millis(delay_ms), store.put(&name, parts, mode)).await;
        for _ in 0..5 {
            match store.get(&name).await {
                Err(StoreError::Missing { .. }) => {}
                Ok(bytes) => assert!(bytes == whole, "a cancelled put left a part of the object"),
                Err(error) => panic!("after a cancelled put: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        done("put after a cancelled one", store.put(&name, vec![Bytes::from_static(b"x")], PutMode::Overwrite).await);
        assert_eq!(text_of(store, &name).await, "x");
    }
}

async fn deleting(store: &dyn Store) {
    let name = "conformance/deleted/x";
    done("put", store.put(name, vec![Bytes::from_static(b"x")], PutMode::Create).await);
    done("delete", store.delete(name).await);
    assert!(matches!(store.get(name).await, Err(StoreError::Missing { .. })), "a deleted object is gone");
    assert!(list_names(store, "conformance/deleted").await.is_empty(), "a deleted object is not listed");
    done("a second delete", store.delete(name).await);
    done("delete of a name that never was", store.delete("conformance/never/was").await);
    done("create after delete", store.put(name, vec![Bytes::from_static(b"y")], PutMode::Create).await);
    assert_eq!(text_of(store, name).await, "y");
}

/// The value, or a panic that says what was being done.
fn done<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}"))
}

async fn text_of(store: &dyn Store, name: &str) -> String {
    let bytes = done("get", store.get(name).await);
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn list_names(store: &dyn Store, prefix: &str) -> BTreeSet<String> {
    let objects = done("list", store.list(prefix).await);
    let count = objects.len();
    let names: BTreeSet<String> = objects.into_iter().map(|object| object.name).collect();
    assert_eq!(names.len(), count, "a listing gives each object once");
    names
}

fn apart(a: &StoredObject, b: &StoredObject) -> Duration {
    let forward = a.modified.duration_since(b.modified);
    forward.unwrap_or_else(|error| error.duration())
}

/// Bytes in which no two places look alike, so that a shifted or swapped part shows.
fn pattern(length: usize) -> Bytes {
    let words = (0..length as u64 / 8 + 1).map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    bytes.truncate(length);
    Bytes::from(bytes)
}
