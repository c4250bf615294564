//! Every kind of stored bytes, damaged in every way: cut short at each length, lengthened, one bit turned over, exchanged with
//! another of its kind, missing. `verify` finds it and names it, and so does a restore before a single bad row is kept.

use crate::support::data::{self, drop_restored, make_typed, one};
use crate::support::run::{self, Repo, backup_options, restore_options, verify_options};
use crate::support::server::{source, target_alone};
use myriad::command::options::VerifyOptions;
use myriad::error::Exit;
use myriad::manifest::Repository;
use myriad::manifest::model::Place;
use myriad::sandbox::Sandbox;
use myriad::store;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Stored bytes of one kind: a stretch of a file.
#[derive(Clone, Debug)]
struct Piece {
    kind: &'static str,
    file: PathBuf,
    from: usize,
    upto: usize,
    /// What a message must hold beside the file's name.
    words: Vec<String>,
    /// Another file of this kind.
    other: Option<PathBuf>,
}

async fn pieces(repo: &Repo) -> Vec<Piece> {
    let place = PathBuf::from(repo.place());
    let repository = Repository::open(store::open(&repo.place(), false).await.unwrap()).await.unwrap();
    let newest = repository.choose(None, None).await.unwrap().manifest;
    let file = |place_of: &Place| {
        let hex = hex::encode(place_of.object.0);
        place.join("objects").join(&hex[..2]).join(hex)
    };
    let manifest = |id: &str| place.join("backups/default").join(id).join("manifest.json");
    let ids = repository.backup_ids().await.unwrap()["default"].clone();
    let other = ids.iter().find(|id| **id != newest.id).unwrap();
    let stretch = |kind, place: &Place, words: &[&str], other: Option<&Place>| Piece {
        kind,
        file: file(place),
        from: place.offset as usize,
        upto: (place.offset + place.length) as usize,
        words: words.iter().map(|word| word.to_string()).collect(),
        other: other.map(file).filter(|other| *other != file(place)),
    };
    let whole = |kind, file: PathBuf, other| {
        let upto = std::fs::metadata(&file).unwrap().len() as usize;
        Piece { kind, file, from: 0, upto, words: Vec::new(), other }
    };
    let chunks = repo.chunks().await;
    let of_account: Vec<_> = chunks["damaged.account"].iter().filter(|chunk| chunk.rows > 0).collect();
    let typed = chunks["damaged.typed"].iter().find(|chunk| chunk.typed.is_some()).unwrap();
    let (frames, list) = (typed.frames().unwrap(), typed.typed.unwrap());
    let list = Place { offset: frames.offset + frames.length - list.length, length: list.length, ..frames };
    let (schema, lists) = (newest.schemas[0].place, newest.lists[0].place);
    vec![
        whole("manifest", manifest(&newest.id), Some(manifest(other))),
        whole("marker", place.join("myriad.json"), Some(manifest(other))),
        stretch("definitions", &schema, &[], Some(&lists)),
        stretch("chunk list", &lists, &[], Some(&schema)),
        stretch("chunk", &of_account[1].frames().unwrap(), &["damaged.account", "rows"], Some(&lists)),
        stretch("typed list", &list, &["damaged.typed", "chunk"], Some(&lists)),
    ]
}

/// The bytes of a file with each damage, by name; none where it is missing.
fn damages(piece: &Piece, sound: &[u8]) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut damages = BTreeMap::from([("missing".to_owned(), None), ("empty".to_owned(), Some(Vec::new()))]);
    let length = piece.upto - piece.from;
    for (name, at) in [("1 byte", 1), ("its header", 9), ("half", length / 2), ("all but one byte", length - 1)] {
        damages.insert(format!("cut to {name}"), Some(sound[..piece.from + at].to_vec()));
    }
    for (name, at) in [("first", 0), ("middle", length / 2), ("last", length - 1)] {
        let mut bytes = sound.to_vec();
        bytes[piece.from + at] ^= 1 << (at % 7);
        damages.insert(format!("a bit of the {name} byte"), Some(bytes));
    }
    damages.insert("one byte more".to_owned(), Some([sound, b"x"].concat()));
    if let Some(other) = &piece.other {
        damages.insert("exchanged".to_owned(), Some(std::fs::read(other).unwrap()));
    }
    damages
}

/// Rows that are not the source's, in any table that is there.
async fn bad_rows(target: &Sandbox) -> Vec<(String, String)> {
    let checks = [
        ("account", "owner <> LEFT(SHA2(id, 224), 32) OR balance <> id * 1.25 OR note <> REPEAT(SHA2(id, 224), 3)"),
        ("log", "what <> SHA2(TIMESTAMPDIFF(SECOND, '2026-01-01', at), 224)"),
        (
            "typed",
            "JSON_TYPE(doc->'$.d') <> 'DATE' OR JSON_TYPE(doc->'$.p') <> 'DECIMAL' OR at <> TIMESTAMP'2024-05-06 07:08:09' + INTERVAL doc->'$.i' SECOND",
        ),
    ];
    let mut bad = Vec::new();
    for (table, wrong) in checks {
        let there = format!(
            "SELECT COUNT(*) FROM information_schema.tables WHERE TABLE_SCHEMA = 'damaged' AND TABLE_NAME = '{table}'"
        );
        if one(target, &there).await == "1" {
            let sql = format!("SELECT COUNT(*) FROM damaged.{table} WHERE {wrong}");
            bad.push((table.to_owned(), one(target, &sql).await));
        }
    }
    bad.retain(|(_, rows)| rows != "0");
    bad
}

/// All that a command said, and how it ended.
fn told<T>(outcome: myriad::Result<T>, text: impl Fn(&T) -> (Exit, String)) -> (Exit, String) {
    match outcome {
        Ok(report) => text(&report),
        Err(error) => (error.exit(), format!("{error} {:?}", error.hints())),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_of_every_kind_is_named_before_a_bad_row_is_kept() {
    make_typed(source(), "damaged", 1200).await;
    let repo = Repo::new();
    let taking = backup_options(source(), &repo, "damaged");
    run::backup(&taking).await;
    data::run(
        source(),
        &[
            "UPDATE damaged.account SET balance = balance WHERE id = 1",
            "CREATE TABLE damaged.one_more (id INT PRIMARY KEY)",
        ],
    )
    .await;
    run::backup(&taking).await;
    let (target, _turn) = target_alone().await;
    let restoring = restore_options(target, &repo);
    let verifying = VerifyOptions { against: None, ..verify_options(target, &repo) };
    let (mut found, mut harmless) = (BTreeMap::new(), 0);
    for piece in pieces(&repo).await {
        let sound = std::fs::read(&piece.file).unwrap();
        let name = piece.file.file_name().unwrap().to_str().unwrap();
        for (damage, bytes) in damages(&piece, &sound) {
            match bytes {
                Some(bytes) => std::fs::write(&piece.file, bytes).unwrap(),
                None => std::fs::remove_file(&piece.file).unwrap(),
            }
            let what = format!("{} ({damage})", piece.kind);
            let verified = told(run::try_verify(&verifying).await, |report| (report.exit(), report.text()));
            let restored = told(run::try_restore(&restoring).await, |report| (report.exit(), report.text()));
            assert_eq!(bad_rows(target).await, Vec::new(), "{what}");
            // A missing marker is no repository; a missing manifest is no backup, and the one before is the newest.
            let expected = match (piece.kind, damage.as_str()) {
                ("marker", "missing") => Exit::RepositoryMissing,
                ("marker", "exchanged") => Exit::RepositoryForeign,
                ("manifest", "missing") => Exit::Success,
                _ => Exit::RepositoryDamaged,
            };
            assert_eq!(verified.0, expected, "verify, {what}: {}", verified.1);
            // What follows an object's last frame is not read by a restore.
            let beyond =
                damage == "one byte more" && piece.file.starts_with(PathBuf::from(repo.place()).join("objects"));
            let expected = if beyond { Exit::Success } else { expected };
            assert_eq!(restored.0, expected, "restore, {what}: {}", restored.1);
            harmless += u64::from(expected == Exit::Success);
            if expected == Exit::RepositoryDamaged {
                for (command, (_, text)) in [("verify", &verified), ("restore", &restored)] {
                    // More than this stretch is gone: a restore ends at the first that it wants.
                    let all = command == "verify" || damage.starts_with("a bit");
                    let words = piece.words.iter().filter(|_| all).map(String::as_str).chain([name]);
                    let missing: Vec<&str> = words.filter(|word| !text.contains(word)).collect();
                    assert!(missing.is_empty(), "{command}, {what} does not name {missing:?}: {text}");
                }
            }
            *found.entry(piece.kind).or_insert(0) += 1;
            std::fs::write(&piece.file, &sound).unwrap();
            drop_restored(target, "damaged").await;
        }
    }
    println!("damaged: {found:?}, of which {harmless} did not matter to a restore");
    assert_eq!(run::verify(&verifying).await.exit(), Exit::Success);
    run::restore(&restoring).await;
    drop_restored(target, "damaged").await;
}

#[tokio::test]
async fn a_damaged_manifest_keeps_no_further_backup_from_being_taken() {
    data::make(source(), "damaged_old", 300).await;
    let repo = crate::support::program::Repo::new();
    repo.backup(source(), "damaged_old");
    let manifest = PathBuf::from(repo.place()).join("backups/default").join(&repo.listed()[0]).join("manifest.json");
    let sound = std::fs::read(&manifest).unwrap();
    std::fs::write(&manifest, &sound[..sound.len() / 2]).unwrap();
    // The only one: whose it is must be said.
    repo.backup_with(source(), "damaged_old", &[]).refused(22, &["manifest.json"]);
    let ended = repo.backup_with(source(), "damaged_old", &["--name", "default"]).expect(0);
    repo.backup(source(), "damaged_old");
    let told = format!("{}{}", ended.out, ended.err);
    assert!(told.contains("nothing of it is used again: ") && told.contains("manifest.json"), "{told}");
    std::fs::write(&manifest, sound).unwrap();
    repo.verify(&[]).expect(0);
}
