//! Binary logs as they lie in a server's folder and as an archive holds them, read with nothing of the program: index
//! documents as JSON, objects with zstd.

use super::program::Repo;
use myriad::sandbox::Sandbox;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// File names and bytes.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The server's files. The flag that a file is in use is taken away: a server sends it so, and closes it so.
pub fn of_server(server: &Sandbox) -> Files {
    let mut files = Files::new();
    for entry in std::fs::read_dir(server.data_dir()).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with("binlog.0") && name.bytes().skip(7).all(|byte| byte.is_ascii_digit()) {
            let mut bytes = std::fs::read(entry.path()).unwrap();
            if let Some(flags) = bytes.get_mut(4 + 17) {
                *flags &= !1;
            }
            files.insert(name, bytes);
        }
    }
    files
}

/// The index documents of an archive, in order; each checked against its hash.
pub fn documents(repo: &Repo, name: &str) -> Vec<Value> {
    let names = repo.files().into_iter().filter(|file| file.starts_with(&format!("binlogs/{name}/index/")));
    let read = |file: String| {
        let text = std::fs::read_to_string(repo.file(&file)).unwrap();
        serde_json::from_str(text.lines().next().unwrap()).unwrap()
    };
    names.map(read).collect()
}

/// The path of a segment's object.
pub fn object(repo: &Repo, document: &Value) -> PathBuf {
    let (name, hash) = (document["name"].as_str().unwrap(), document["object"].as_str().unwrap());
    repo.file(&format!("binlogs/{name}/segments/{:010}-{hash}.zst", document["number"].as_u64().unwrap()))
}

/// The files of one server in an archive, put together from their segments, which must close on each other.
pub fn of_archive(repo: &Repo, name: &str, server: &str) -> Files {
    let mut files = Files::new();
    for document in documents(repo, name).iter().filter(|document| document["server"] == server) {
        let file = files.entry(document["file"].as_str().unwrap().to_owned()).or_default();
        assert_eq!(file.len() as u64, document["start"].as_u64().unwrap(), "{document}");
        file.extend(zstd::decode_all(&std::fs::read(object(repo, document)).unwrap()[..]).unwrap());
        assert_eq!(file.len() as u64, document["end"].as_u64().unwrap(), "{document}");
    }
    files
}

/// Panics unless the archive holds the server's files byte by byte, all of them or those from `first` on.
#[track_caller]
pub fn assert_same(repo: &Repo, name: &str, identity: &str, server: &Sandbox, first: &str) {
    let mut expected = of_server(server);
    expected.retain(|file, _| file.as_str() >= first);
    let found = of_archive(repo, name, identity);
    let sizes = |files: &Files| files.iter().map(|(name, bytes)| (name.clone(), bytes.len())).collect::<Vec<_>>();
    assert_eq!(sizes(&found), sizes(&expected));
    for (file, bytes) in &expected {
        let differs = bytes.iter().zip(&found[file]).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{file}");
    }
}
