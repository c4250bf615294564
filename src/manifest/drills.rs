//! The history of drills: `drills/NAME/ID.begun`, `ID.json` and `ID.tables` below a store, which is a repository's or
//! any other. In: records as their owner serialises them. Out: those that can be read, and what is to be said of the rest. What
//! a record says is no concern of this module; nothing in it can make a reader fail.

use super::document;
use super::error::ManifestError;
use crate::limits::{self, REQUESTS_AT_ONCE};
use crate::store::{PutMode, Store, StoreError};
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::io::Read;

/// How much a tables document gains from more is little; its time counts for nothing beside a drill.
const TABLES_LEVEL: i32 = 9;

/// The drills of one source name.
#[derive(Clone, Debug)]
pub struct History<R> {
    /// Records that could be read, oldest first.
    pub records: Vec<R>,
    /// Drills that have begun and left no record: killed, or still at work. Oldest first.
    pub unfinished: Vec<String>,
    /// Drills whose tables are there, oldest first.
    pub with_tables: Vec<String>,
    /// Why others could not be read, a line each.
    pub unreadable: Vec<String>,
}

/// Notes that a drill begins. This is also how it is seen that the history can be written, before anything else is done.
pub async fn begin(store: &dyn Store, name: &str, id: &str, begun: &impl Serialize) -> Result<(), ManifestError> {
    let (bytes, _) = document::seal(begun);
    Ok(store.put(&object(name, id, "begun"), vec![bytes.into()], PutMode::Create).await?)
}

/// Keeps the tables of a drill: from now on later ones are compared with it.
pub async fn put_tables(store: &dyn Store, name: &str, id: &str, tables: &impl Serialize) -> Result<(), ManifestError> {
    let (bytes, _) = document::seal(tables);
    let packed = zstd::encode_all(&bytes[..], TABLES_LEVEL).expect("memory takes all that is written");
    Ok(store.put(&object(name, id, "tables"), vec![packed.into()], PutMode::Create).await?)
}

/// Keeps the record of a drill, and removes the note of its begin. Where only that fails the record stands all the same.
pub async fn put_record(store: &dyn Store, name: &str, id: &str, record: &impl Serialize) -> Result<(), ManifestError> {
    let (bytes, _) = document::seal(record);
    store.put(&object(name, id, "json"), vec![bytes.into()], PutMode::Create).await?;
    forget_begin(store, name, id).await;
    Ok(())
}

/// Removes the note that a drill has begun; where that fails it is told of once more.
pub async fn forget_begin(store: &dyn Store, name: &str, id: &str) {
    let _ = store.delete(&object(name, id, "begun")).await;
}

/// Reads the history of one source name: its newest [`limits::DRILLS_READ_MAX`] records. A record of a version above
/// `version_max` is told and passed over.
pub async fn read<R: DeserializeOwned>(
    store: &dyn Store,
    name: &str,
    version_max: u32,
) -> Result<History<R>, ManifestError> {
    let (mut ids, mut begun, mut with_tables) = (Vec::new(), Vec::new(), Vec::new());
    for stored in store.list(&format!("drills/{name}")).await? {
        let Some((id, kind)) = stored.name.rsplit('/').next().and_then(|file| file.rsplit_once('.')) else { continue };
        match kind {
            "json" => ids.push(id.to_owned()),
            "begun" => begun.push(id.to_owned()),
            "tables" => with_tables.push(id.to_owned()),
            _ => {}
        }
    }
    // Ids begin with the time.
    [&mut ids, &mut begun, &mut with_tables].into_iter().for_each(|list| list.sort());
    let unfinished = begun.into_iter().filter(|id| ids.binary_search(id).is_err()).collect();
    let newest = ids.split_off(ids.len().saturating_sub(limits::DRILLS_READ_MAX));
    let mut history = History { records: Vec::new(), unfinished, with_tables, unreadable: Vec::new() };
    let mut reading = futures::stream::iter(&newest)
        .map(|id| async move { read_one(store, &object(name, id, "json"), version_max).await })
        .buffered(REQUESTS_AT_ONCE);
    while let Some(record) = reading.next().await {
        match record {
            Ok(record) => history.records.push(record),
            Err(why) => history.unreadable.push(why),
        }
    }
    Ok(history)
}

/// Names of the sources that have drills, sorted.
pub async fn names(store: &dyn Store) -> Result<Vec<String>, ManifestError> {
    let objects = store.list("drills").await?;
    let names = objects.iter().filter_map(|object| object.name.split('/').nth(1));
    let names: BTreeSet<&str> = names.collect();
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// What a drill has noted when it began. The error says what is wrong, and where.
pub async fn read_begun<R: DeserializeOwned>(
    store: &dyn Store,
    name: &str,
    id: &str,
    version_max: u32,
) -> Result<R, String> {
    read_one(store, &object(name, id, "begun"), version_max).await
}

/// The tables of one drill. The error says what is wrong, and where.
pub async fn read_tables<T: DeserializeOwned>(store: &dyn Store, name: &str, id: &str) -> Result<T, String> {
    let object = object(name, id, "tables");
    let told = |why: String| format!("{object} in {}: {why}", store.describe());
    let packed = get(store, &object, limits::DRILL_TABLES_BYTES_MAX).await?;
    let mut bytes = Vec::new();
    let unpacking = zstd::Decoder::new(&packed[..]).map_err(|error| told(error.to_string()))?;
    let mut bounded = unpacking.take(limits::DRILL_TABLES_BYTES_MAX + 1);
    bounded.read_to_end(&mut bytes).map_err(|error| told(error.to_string()))?;
    if bytes.len() as u64 > limits::DRILL_TABLES_BYTES_MAX {
        return Err(told("it is larger than one of its kind can be".into()));
    }
    document::open(&bytes).and_then(|(value, _)| document::decode(value)).map_err(told)
}

async fn read_one<R: DeserializeOwned>(store: &dyn Store, object: &str, version_max: u32) -> Result<R, String> {
    let told = |why: String| format!("{object} in {}: {why}", store.describe());
    let bytes = get(store, object, limits::DRILL_RECORD_BYTES_MAX).await?;
    let (value, _) = document::open(&bytes).map_err(told)?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version > u64::from(version_max) => {
            Err(told(format!("its version {version} is newer than {version_max}, which this program knows")))
        }
        Some(_) => document::decode(value).map_err(told),
        None => Err(told("it has no version".into())),
    }
}

async fn get(store: &dyn Store, object: &str, bytes_max: u64) -> Result<bytes::Bytes, String> {
    store.get_bounded(object, bytes_max).await.map_err(|error: StoreError| error.to_string())
}

fn object(name: &str, id: &str, kind: &str) -> String {
    format!("drills/{name}/{id}.{kind}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Record {
        version: u32,
        what: String,
    }

    fn record(version: u32, what: &str) -> Record {
        Record { version, what: what.into() }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_and_passed_over() {
        let store = MemoryStore::new();
        for (id, version) in [("3", 1), ("1", 1), ("4", 2)] {
            begin(&store, "shop", id, &record(1, "begun")).await.unwrap();
            put_record(&store, "shop", id, &record(version, id)).await.unwrap();
        }
        begin(&store, "shop", "5", &record(1, "begun")).await.unwrap();
        store.put("drills/shop/2.json", vec![b"{}\n".as_slice().into()], PutMode::Create).await.unwrap();
        put_tables(&store, "shop", "3", &vec![record(1, "table")]).await.unwrap();
        let history = read::<Record>(&store, "shop", 1).await.unwrap();
        assert_eq!(history.records, [record(1, "1"), record(1, "3")]);
        assert_eq!((history.unfinished, history.with_tables), (vec!["5".to_owned()], vec!["3".to_owned()]));
        assert_eq!(history.unreadable.len(), 2, "{:?}", history.unreadable);
        assert!(history.unreadable[1].contains("newer than 1"), "{:?}", history.unreadable);
        assert_eq!(read_tables::<Vec<Record>>(&store, "shop", "3").await.unwrap(), [record(1, "table")]);
        assert!(read_tables::<Vec<Record>>(&store, "shop", "1").await.unwrap_err().contains("drills/shop/1.tables"));
        // A record is never replaced.
        assert!(put_record(&store, "shop", "1", &record(1, "other")).await.is_err());
    }
}
