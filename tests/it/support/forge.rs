//! Forged backups: a real one is copied, its records are changed, and every hash is made right again, as whoever writes
//! a repository can do. Knows the format from docs/format.md; of the program it uses the content id alone.

use myriad::codec::frame::{PART_VERSION, content_id};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// A forged repository, gone with the value.
pub struct Forged(tempfile::TempDir);

/// The records of the only backup in a repository.
pub struct Contents {
    folder: PathBuf,
    pub manifest: Value,
    pub schemas: Vec<Value>,
    pub lists: Vec<Value>,
    pub accounts: Vec<Value>,
}

const KINDS: [&str; 3] = ["schemas", "lists", "accounts"];

/// A copy of the repository at `place` with its records changed.
pub fn forge(place: &str, change: impl FnOnce(&mut Contents)) -> Forged {
    let folder = tempfile::tempdir().unwrap();
    copy(Path::new(place), folder.path());
    let path = manifest_path(folder.path());
    let text = fs::read_to_string(&path).unwrap();
    let manifest: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let [schemas, lists, accounts] = KINDS.map(|kind| lines(folder.path(), &manifest[kind]));
    let mut contents = Contents { folder: folder.path().into(), manifest, schemas, lists, accounts };
    change(&mut contents);
    contents.write(&path);
    Forged(folder)
}

impl Forged {
    /// For `--repo`.
    pub fn place(&self) -> String {
        self.0.path().display().to_string()
    }
}

impl Contents {
    /// The record of a table.
    pub fn table(&mut self, name: &str) -> &mut Value {
        self.schemas.iter_mut().filter_map(|line| line.get_mut("table")).find(|table| table["name"] == name).unwrap()
    }

    /// The record of an object.
    pub fn object(&mut self, name: &str) -> &mut Value {
        self.schemas.iter_mut().filter_map(|line| line.get_mut("object")).find(|object| object["name"] == name).unwrap()
    }

    /// The record of the schema.
    pub fn schema(&mut self) -> &mut Value {
        self.schemas.iter_mut().find_map(|line| line.get_mut("schema")).unwrap()
    }

    /// The first chunk of a table.
    pub fn chunk(&mut self, table: &str) -> &mut Value {
        let at = self.lists.iter().position(|line| line["table"]["name"] == table).unwrap();
        self.lists[at + 1].get_mut("chunk").unwrap()
    }

    /// Writes text where `from` stands in the CREATE statement of a record.
    #[track_caller]
    pub fn rewrite(record: &mut Value, from: &str, to: &str) {
        let create = record["create"].as_str().unwrap();
        assert!(create.contains(from), "{create} has no {from}");
        record["create"] = json!(create.replacen(from, to, 1));
    }

    /// The same text for another in all records, the keys of fields apart.
    pub fn replace_everywhere(&mut self, from: &str, to: &str) {
        for line in self.schemas.iter_mut().chain(&mut self.lists).chain(&mut self.accounts) {
            *line = serde_json::from_str(&line.to_string().replace(from, to)).unwrap();
        }
    }

    /// Gives a chunk other content: row text and typed list, with everything that a record says of them.
    pub fn put_chunk(&mut self, table: &str, text: &[u8], typed: &[u8]) {
        let pack = |bytes: &[u8]| zstd::bulk::compress(bytes, 1).unwrap();
        let (rows, list) = (pack(text), if typed.is_empty() { Vec::new() } else { pack(typed) });
        let object = self.put_object(&[&rows[..], &list].concat());
        let chunk = self.chunk(table);
        chunk["place"] = json!({"object": object, "offset": 0, "length": rows.len()});
        (chunk["bytes"], chunk["rows"]) =
            (json!(text.len()), json!(text.iter().filter(|byte| **byte == b'\n').count()));
        chunk["content"] = json!(content_id(text, typed, 1));
        match typed.is_empty() {
            true => drop(chunk.as_object_mut().unwrap().remove("typed")),
            false => chunk["typed"] = json!({"length": list.len(), "bytes": typed.len()}),
        }
    }

    /// Stores an object and gives its name.
    pub fn put_object(&self, bytes: &[u8]) -> String {
        let name = hex::encode(Sha256::digest(bytes));
        let path = object_path(&self.folder, &name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        name
    }

    fn write(mut self, path: &Path) {
        for (kind, lines) in KINDS.into_iter().zip([&self.schemas, &self.lists, &self.accounts]) {
            // A test may have forged the manifest's own list of parts.
            if lines.is_empty() || self.manifest[kind].get(0).is_none_or(|part| part["forged"] == true) {
                continue;
            }
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let packed = zstd::bulk::compress(text.as_bytes(), 1).unwrap();
            let object = self.put_object(&packed);
            let content = content_id(text.as_bytes(), &[], PART_VERSION);
            let place = json!({"object": object, "offset": 0, "length": packed.len()});
            self.manifest[kind] = json!([{"place": place, "bytes": text.len(), "content": content}]);
        }
        seal(path, &self.manifest.to_string());
    }
}

/// Writes a document of this text.
pub fn seal(path: &Path, text: &str) {
    let line = format!("{text}\n");
    fs::write(path, format!("{line}\"sha256:{}\"\n", hex::encode(Sha256::digest(&line)))).unwrap();
}

/// Where the manifest of the only backup is.
pub fn manifest_path(repo: &Path) -> PathBuf {
    let only = |folder: PathBuf| fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    only(only(repo.join("backups"))).join("manifest.json")
}

fn object_path(repo: &Path, name: &str) -> PathBuf {
    repo.join("objects").join(&name[..2]).join(name)
}

fn lines(repo: &Path, parts: &Value) -> Vec<Value> {
    let mut lines = Vec::new();
    for part in parts.as_array().into_iter().flatten() {
        let place = &part["place"];
        let bytes = fs::read(object_path(repo, place["object"].as_str().unwrap())).unwrap();
        let (offset, length) = (place["offset"].as_u64().unwrap() as usize, place["length"].as_u64().unwrap() as usize);
        let text = zstd::decode_all(&bytes[offset..offset + length]).unwrap();
        lines.extend(
            text.split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice(line).unwrap()),
        );
    }
    lines
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => {
                fs::create_dir(&target).unwrap();
                copy(&entry.path(), &target);
            }
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
