//! Removing: which backups go, that nothing that a backup needs ever does, in any order and whatever dies in the middle,
//! and that runs on one repository keep out of each other's way.

use crate::support::data::{self, drop_restored, fingerprint};
use crate::support::mishaps::{At, DyingStore, LawStore, LeapingStore, WaitingStore, copy_of};
use crate::support::program::{Repo, address, run, start};
use crate::support::run::backup_options as options_of;
use crate::support::run::{Repo as Folder, restore_options, verify_options};
use crate::support::s3_server::{BUCKET, S3Server};
use crate::support::server::{source, target_alone};
use crate::support::stores::{CorruptStore, Damage, Fault, FaultyStore};
use myriad::command::backup::{self, BackupReport};
use myriad::command::options::{BackupOptions, Effort, Keep, PruneOptions, VerifyOptions};
use myriad::command::prune::{self, PruneReport};
use myriad::command::{restore, verify};
use myriad::error::{Error, Exit};
use myriad::manifest::lock::{Lock, Work};
use myriad::manifest::{Repository, model, references};
use myriad::progress::{Silent, Stop};
use myriad::store::{MemoryStore, ObjectBackedStore, Store};
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

const GRACE: Duration = Duration::from_secs(3 * 86_400);

/// Schemas that the tests of this module back up, and only they; made once.
async fn schemas() {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let make = async || {
        for (n, schema) in ["prune_x", "prune_y", "prune_z"].into_iter().enumerate() {
            let rows = 400 + 100 * n;
            data::run(
                source(),
                &[
                    format!("CREATE DATABASE {schema}"),
                    format!("CREATE TABLE {schema}.t (id INT PRIMARY KEY, v VARCHAR(300))"),
                    format!(
                        "INSERT INTO {schema}.t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
                         SELECT i, REPEAT(SHA2(CONCAT(i, '{schema}'), 224), 4) FROM n"
                    ),
                ],
            )
            .await;
        }
    };
    MADE.get_or_init(make).await;
}

/// A backup of one of the schemas: all under one name, so that they are one source to the rules.
fn options(schema: &str) -> BackupOptions {
    let effort = Effort { threads: 1, memory_bytes: 64 << 20 };
    BackupOptions { name: Some("one".into()), effort, ..options_of(source(), &Folder::new(), schema) }
}

async fn back_up(store: Arc<dyn Store>, schema: &str) -> Result<String, Error> {
    match backup::run_into(store, &options(schema), Arc::new(Silent), Stop::default()).await? {
        BackupReport::Backup(done) => Ok(done.id),
        BackupReport::Plan(_) => unreachable!(),
    }
}

fn keep_last(last: u32) -> Keep {
    Keep { last: Some(last), ..Keep::default() }
}

fn pruning(keep: Keep) -> PruneOptions {
    PruneOptions { repo: "unused".into(), name: None, keep, grace: GRACE, binlogs_before_oldest: false, yes: true }
}

async fn prune(store: Arc<dyn Store>, keep: Keep) -> Result<PruneReport, Error> {
    prune::run_in(store, &pruning(keep), Arc::new(Silent), Stop::default()).await
}

/// A repository that has seen three backups, of a schema each.
async fn three() -> Arc<MemoryStore> {
    static STORE: OnceCell<Arc<MemoryStore>> = OnceCell::const_new();
    let make = async || {
        schemas().await;
        let store = Arc::new(MemoryStore::new());
        for schema in ["prune_x", "prune_y", "prune_z"] {
            back_up(store.clone(), schema).await.unwrap();
            // Ids and snapshots are told to the second.
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        store
    };
    copy_of(STORE.get_or_init(make).await.as_ref()).await
}

async fn names(store: &dyn Store, folder: &str) -> BTreeSet<String> {
    store.list(folder).await.unwrap().into_iter().map(|object| object.name).collect()
}

async fn ids(store: &Arc<dyn Store>) -> Vec<String> {
    let repository = Repository::open(store.clone()).await.unwrap();
    repository.backup_ids().await.unwrap().remove("one").unwrap_or_default()
}

fn whole_repository() -> VerifyOptions {
    VerifyOptions { against: None, ..verify_options(source(), &Folder::new()) }
}

/// Reads every object of every backup.
async fn assert_sound(store: Arc<dyn Store>) {
    let report = verify::run_from(store, &whole_repository(), Arc::new(Silent), Stop::default()).await.unwrap();
    assert_eq!(report.exit(), Exit::Success, "{}", report.text());
}

/// Prunes by no rule until nothing is left to do, and asserts that then exactly what backups need is there.
async fn assert_collected(store: &Arc<LeapingStore>) {
    for _ in 0..3 {
        prune(store.clone(), Keep::default()).await.unwrap();
        store.leap(GRACE);
    }
    let repository = Repository::open(store.clone()).await.unwrap();
    let references = references::read(&repository, || ()).await.unwrap();
    assert_eq!(references.unreadable, Vec::<String>::new());
    let needed: BTreeSet<String> =
        references.backups.iter().flat_map(|backup| &backup.objects).map(model::object_name).collect();
    assert_eq!(names(store.as_ref(), "objects").await, needed);
    assert_eq!(names(store.as_ref(), "prune").await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_go_first_and_objects_a_grace_period_later() {
    let leaping = LeapingStore::new(three().await);
    let store = LawStore::new(leaping.clone(), GRACE);
    let before = names(store.as_ref(), "").await;
    let dry = PruneOptions { yes: false, ..pruning(keep_last(1)) };
    let plan = prune::run_in(store.clone(), &dry, Arc::new(Silent), Stop::default()).await.unwrap();
    assert_eq!(names(store.as_ref(), "").await, before, "a dry run changes nothing");
    assert!(plan.dry_run && plan.removed == 2 && plan.condemned.objects > 0 && plan.deleted.objects == 0);
    assert!(plan.text().contains("nothing was done; --yes does it"), "{}", plan.text());

    let first = prune(store.clone(), keep_last(1)).await.unwrap();
    assert_eq!((first.removed, first.condemned, first.deleted), (2, plan.condemned, plan.deleted));
    assert_eq!(ids(&(store.clone() as Arc<dyn Store>)).await.len(), 1);
    let objects = names(store.as_ref(), "objects").await;
    assert!(before.is_superset(&objects) && objects.len() == names(three().await.as_ref(), "objects").await.len());

    leaping.leap(GRACE - Duration::from_secs(3600));
    let early = prune(store.clone(), keep_last(1)).await.unwrap();
    assert_eq!((early.removed, early.condemned.objects, early.deleted.objects), (0, 0, 0));
    assert_eq!(early.waiting, first.condemned);
    assert!(early.waiting_until.is_some());
    assert_eq!(names(store.as_ref(), "objects").await, objects);

    leaping.leap(Duration::from_secs(3601));
    let late = prune(store.clone(), keep_last(1)).await.unwrap();
    assert_eq!(late.deleted, first.condemned);
    assert_eq!(names(store.as_ref(), "objects").await.len() as u64, objects.len() as u64 - late.deleted.objects);
    assert_eq!(names(store.as_ref(), "prune").await.len(), 1, "the record stands until another prune");
    assert_collected(&leaping).await;
    store.assert_kept();
    assert_sound(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_no_backup_goes_and_what_killed_backups_left_is_collected() {
    let inner = three().await;
    let killed = DyingStore::new(inner.clone(), 2);
    back_up(killed.clone(), "prune_x").await.unwrap_err();
    assert!(killed.died());
    schemas().await;
    // A backup of rows that no backup has, killed before its manifest.
    let store = Arc::new(MemoryStore::new());
    let killed = DyingStore::new(store.clone(), 3);
    back_up(killed.clone(), "prune_y").await.unwrap_err();
    let left = names(store.as_ref(), "objects").await;
    assert!(!left.is_empty() && killed.died());
    let leaping = LeapingStore::new(store);
    let report = prune(leaping.clone(), Keep::default()).await.unwrap();
    assert_eq!((report.removed, report.condemned.objects), (0, left.len() as u64));
    leaping.leap(GRACE);
    assert_eq!(prune(leaping.clone(), Keep::default()).await.unwrap().deleted.objects, left.len() as u64);
    assert_eq!(names(leaping.as_ref(), "objects").await, BTreeSet::new());

    // With backups beside it: all of them stay.
    let leaping = LeapingStore::new(inner);
    assert_collected(&leaping).await;
    assert_eq!(ids(&(leaping.clone() as Arc<dyn Store>)).await.len(), 3);
    assert_sound(leaping).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_backup_left_is_reused_by_the_next_or_condemned() {
    schemas().await;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    back_up(DyingStore::new(store.clone(), 3), "prune_x").await.unwrap_err();
    let left = names(store.as_ref(), "objects").await;
    back_up(store.clone(), "prune_x").await.unwrap();
    let after = names(store.as_ref(), "objects").await;
    let report = prune(store.clone(), Keep::default()).await.unwrap();
    let repository = Repository::open(store.clone()).await.unwrap();
    let references = references::read(&repository, || ()).await.unwrap();
    let needed: BTreeSet<String> = references.backups[0].objects.iter().map(model::object_name).collect();
    let unused: Vec<_> = left.difference(&needed).collect();
    assert_eq!(report.condemned.objects, unused.len() as u64);
    assert_eq!(after, left.union(&needed).cloned().collect());
}

/// The steps whose order is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    BackupX,
    Prune,
    PruneLater,
    BackupY,
}

async fn take(step: Step, store: Arc<dyn Store>) -> Result<(), Error> {
    match step {
        Step::BackupX => back_up(store, "prune_x").await.map(drop),
        Step::BackupY => back_up(store, "prune_y").await.map(drop),
        Step::Prune | Step::PruneLater => prune(store, keep_last(1)).await.map(drop),
    }
}

fn orders() -> Vec<[Step; 4]> {
    let all = [Step::BackupX, Step::Prune, Step::PruneLater, Step::BackupY];
    let mut orders = Vec::new();
    for n in 0..256usize {
        let order = [n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6 & 3].map(|place| all[place]);
        if all.iter().all(|step| order.contains(step)) {
            orders.push(order);
        }
    }
    orders
}

/// Takes the steps of an order; the one at `killed` first under a store that dies at its n-th change. False where it did
/// not come to so many.
async fn take_all(order: [Step; 4], killed: usize, dies_at: u64) -> bool {
    let leaping = LeapingStore::new(three().await);
    let law = LawStore::new(leaping.clone(), GRACE);
    let mut died = false;
    for (place, step) in order.into_iter().enumerate() {
        if step == Step::PruneLater {
            leaping.leap(GRACE);
        }
        if place == killed {
            let dying = DyingStore::new(law.clone(), dies_at);
            let ended = take(step, dying.clone()).await;
            died = dying.died();
            assert_eq!(ended.is_err(), died, "{order:?} {place} {dies_at}: {ended:?}");
            if died {
                take(step, law.clone()).await.unwrap_or_else(|e| panic!("{order:?} {place} {dies_at}: {e:?}"));
            }
        } else {
            take(step, law.clone()).await.unwrap_or_else(|e| panic!("{order:?} {place} {dies_at}: {e:?}"));
        }
    }
    law.assert_kept();
    assert_sound(law.clone()).await;
    let store: Arc<dyn Store> = leaping.clone();
    let last_prune = order.iter().rposition(|step| matches!(step, Step::Prune | Step::PruneLater)).unwrap();
    let after = order[last_prune..].iter().filter(|step| matches!(step, Step::BackupX | Step::BackupY)).count();
    let listed = ids(&store).await.len();
    // A backup that was killed between its manifest and its answer is there, and the next try is another one.
    assert!(listed == 1 + after || listed == 2 + after && died, "{order:?} {killed} {dies_at}: {listed} backups");
    assert_collected(&leaping).await;
    law.assert_kept();
    assert_sound(law).await;
    died
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_change_in_any_order_the_same_again_comes_to_the_same_end() {
    let full = std::env::var_os("MYRIAD_TEST_FULL").is_some();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(20_261_124);
    let mut points = 0;
    for order in orders() {
        // Every change of every step where the whole is asked for, else one of about every second order.
        if full {
            for killed in 0..4 {
                let mut dies_at = 0;
                while take_all(order, killed, dies_at).await {
                    dies_at += 1;
                    points += 1;
                }
            }
        } else if random.random_range(0..2) == 0 {
            points += u32::from(take_all(order, random.random_range(0..4), random.random_range(0..5)).await);
        }
    }
    println!("prune: killed at {points} changes of backups and prunes in {} orders, nothing lost", orders().len());
    assert!(points > 4, "{points} steps were killed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_killed_at_any_change_comes_to_the_same_end() {
    let mut end: Option<BTreeSet<String>> = None;
    for dies_at in 0.. {
        let leaping = LeapingStore::new(three().await);
        let law = LawStore::new(leaping.clone(), GRACE);
        let mut died = false;
        for prune_at in 0..3u64 {
            let dying = DyingStore::new(law.clone(), dies_at);
            let ended = prune(dying.clone(), keep_last(1)).await;
            died |= dying.died();
            assert_eq!(ended.is_err(), dying.died(), "{prune_at} {dies_at}");
            prune(law.clone(), keep_last(1)).await.unwrap();
            leaping.leap(GRACE);
        }
        law.assert_kept();
        assert_sound(law.clone()).await;
        let mut there = names(law.as_ref(), "objects").await;
        there.extend(ids(&(law.clone() as Arc<dyn Store>)).await);
        assert_eq!(*end.get_or_insert_with(|| there.clone()), there, "{dies_at}");
        if !died {
            assert!(dies_at > 6, "a prune makes only {dies_at} changes");
            break;
        }
    }
}

#[tokio::test]
async fn a_prune_killed_at_any_moment_goes_on_to_the_same_end() {
    schemas().await;
    let (repo, address) = (Repo::new(), address(source()));
    let place = repo.place();
    let backup = [&repo.backup_arguments(&address, "prune_x")[..], &["--name", "one"]].concat();
    let prune = ["prune", "--repo", &place, "--keep-last", "1", "--grace", "0s", "--yes"];
    let garbage = |n: u32| repo.file(&format!("objects/{:02x}/{:02x}{:062x}", n % 16, n % 16, n));
    let litter = || {
        for n in 0..300 {
            std::fs::create_dir_all(garbage(n).parent().unwrap()).unwrap();
            std::fs::write(garbage(n), "left by a killed backup").unwrap();
        }
    };
    run(&backup).expect(0);
    let objects = || repo.files().into_iter().filter(|file| file.starts_with("objects/")).collect::<Vec<_>>();
    let needed = objects();
    litter();
    let seconds = || {
        Duration::from_secs_f64(run(&[&prune[..], &["--json"]].concat()).expect(0).json()["seconds"].as_f64().unwrap())
    };
    // The program takes a moment to begin, and as long again is not too late.
    let whole = (seconds() + seconds()) / 2 + Duration::from_millis(30);
    assert_eq!(objects(), needed);
    let moments = if std::env::var_os("MYRIAD_TEST_FULL").is_some() { 100 } else { 3 };
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(20_261_125);
    let mut killed = 0;
    for _ in 0..moments {
        litter();
        run(&backup).expect(0);
        for _ in 0..2 {
            let running = start(&prune);
            tokio::time::sleep(whole.mul_f64(random.random_range(0.0..1.0))).await;
            running.signal(Signal::KILL);
            killed += u32::from(running.end().code == -1);
        }
        run(&prune).expect(0);
        run(&prune).expect(0);
        assert_eq!(objects(), needed);
        assert_eq!(repo.listed().len(), 1);
        repo.verify(&[]).expect(0);
    }
    println!("prune: {killed} of {} runs were killed by a signal, nothing lost", 2 * moments);
}

/// The place, and whether a prune there must be met with a failure: what was condemned after all that the backup puts
/// and before its manifest is seen by its last look.
const PAUSES: [(At, bool); 4] = [
    (At::Put("objects/"), false),
    (At::Put("backups/"), true),
    (At::PutDone("objects/"), true),
    (At::PutDone("backups/"), false),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_beside_a_backup_whose_lock_was_lost_loses_nothing() {
    for (at, fails) in PAUSES {
        for later in [false, true] {
            // The rows of the paused backup are those of the backup that goes: it reuses them.
            let leaping = LeapingStore::new(three().await);
            let first = ids(&(leaping.clone() as Arc<dyn Store>)).await;
            back_up(leaping.clone(), "prune_x").await.unwrap();
            let visible = ids(&(leaping.clone() as Arc<dyn Store>)).await;
            let store = WaitingStore::new(leaping.clone(), at);
            let paused = tokio::spawn(back_up(store.clone(), "prune_x"));
            store.reached().await;
            // Of what was there only one stays: everything else is condemned under the backup's feet.
            for id in visible.iter().filter(|id| **id != first[1]) {
                leaping.delete(&model::manifest_name("one", id)).await.unwrap();
            }
            prune(leaping.clone(), Keep::default()).await.unwrap();
            if later {
                leaping.leap(GRACE);
                prune(leaping.clone(), Keep::default()).await.unwrap();
            }
            store.go_on();
            let ended = paused.await.unwrap();
            let listed = ids(&(leaping.clone() as Arc<dyn Store>)).await;
            match &ended {
                Ok(id) => assert!(listed.contains(id)),
                Err(error) => {
                    assert_eq!(error.exit(), Exit::RepositoryBusy, "{error:?}");
                    assert!(error.to_string().contains("the backup was withdrawn"), "{error}");
                    assert_eq!(listed, [first[1].clone()], "{at:?} {later}");
                }
            }
            assert!(!fails || ended.is_err(), "{at:?} {later}: a backup of condemned objects was committed");
            assert_sound(leaping.clone()).await;
            // What was withdrawn is stored again by the next one.
            back_up(leaping.clone(), "prune_x").await.unwrap();
            assert_collected(&leaping).await;
            assert_sound(leaping).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_prune_whose_lock_was_lost_loses_nothing() {
    // Before it condemns what the backup stores again meanwhile, and before it deletes it.
    for (at, condemned_before) in [(At::Put("prune/2"), false), (At::Delete("objects/"), true)] {
        let leaping = LeapingStore::new(three().await);
        if condemned_before {
            prune(leaping.clone(), keep_last(1)).await.unwrap();
            leaping.leap(GRACE);
        }
        let store = WaitingStore::new(leaping.clone(), at);
        let meanwhile = async {
            store.reached().await;
            let id = back_up(leaping.clone(), "prune_x").await.unwrap();
            store.go_on();
            id
        };
        let (pruned, id) = tokio::join!(prune(store.clone(), keep_last(1)), meanwhile);
        pruned.unwrap();
        for _ in 0..3 {
            assert_sound(leaping.clone()).await;
            leaping.leap(GRACE);
            prune(leaping.clone(), keep_last(1)).await.unwrap();
        }
        let store: Arc<dyn Store> = leaping.clone();
        assert_eq!(ids(&store).await, [id]);
        // What was condemned although a backup needs it stays, and is not used by the next.
        back_up(store.clone(), "prune_x").await.unwrap();
        prune(store.clone(), keep_last(1)).await.unwrap();
        assert_sound(store).await;
        assert_collected(&leaping).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn condemned_content_is_stored_again_under_another_name() {
    let leaping = LeapingStore::new(three().await);
    let before = names(leaping.as_ref(), "objects").await;
    let first = prune(leaping.clone(), keep_last(1)).await.unwrap();
    // The same rows and definitions as those of a backup that went.
    back_up(leaping.clone(), "prune_x").await.unwrap();
    let after = names(leaping.as_ref(), "objects").await;
    assert!(after.len() >= before.len() + 2, "rows and definitions are stored again: {before:?} {after:?}");
    leaping.leap(GRACE);
    assert_eq!(prune(leaping.clone(), keep_last(2)).await.unwrap().deleted, first.condemned);
    assert_sound(leaping.clone()).await;
    assert_collected(&leaping).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_stored_again_by_the_next_backup() {
    let store: Arc<dyn Store> = three().await;
    let repository = Repository::open(store.clone()).await.unwrap();
    let references = references::read(&repository, || ()).await.unwrap();
    for object in &references.backups.last().unwrap().objects {
        let parts = references::objects_of_parts(&references.backups.last().unwrap().found.manifest);
        if !parts.contains(object) {
            store.delete(&model::object_name(object)).await.unwrap();
        }
    }
    back_up(store.clone(), "prune_z").await.unwrap();
    assert_sound(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_cannot_be_read_stops_everything() {
    let inner = three().await;
    let corrupt = Arc::new(CorruptStore::new(inner.clone()));
    let store: Arc<dyn Store> = corrupt.clone();
    let all = ids(&store).await;
    let manifest = model::manifest_name("one", &all[0]);
    let repository = Repository::open(store.clone()).await.unwrap();
    let list = model::object_name(&repository.manifest("one", &all[0]).await.unwrap().manifest.lists[0].place.object);
    let before = names(inner.as_ref(), "").await;
    for (name, damage) in [
        (&manifest, Damage::FlipByte(20)),
        (&manifest, Damage::Truncate(100)),
        (&list, Damage::FlipByte(3)),
        (&list, Damage::Truncate(10)),
        (&list, Damage::Hide),
    ] {
        corrupt.damage(name, damage);
        for keep in [keep_last(1), Keep::default()] {
            let error = prune(store.clone(), keep).await.expect_err("a prune beside an unreadable backup");
            assert_eq!(error.exit(), Exit::RepositoryDamaged);
            assert!(
                error.to_string().starts_with("nothing was removed from memory: 1 backup cannot be read"),
                "{error}"
            );
            assert!(!error.hints().is_empty());
        }
        corrupt.heal();
        assert_eq!(names(inner.as_ref(), "").await, before);
    }
    prune(store.clone(), keep_last(1)).await.unwrap();
    // A record that is damaged condemns nothing: its objects are condemned anew.
    let record = names(inner.as_ref(), "prune").await.pop_first().unwrap();
    corrupt.damage(&record, Damage::FlipByte(30));
    back_up(store.clone(), "prune_x").await.unwrap();
    assert!(prune(store.clone(), keep_last(2)).await.unwrap().condemned.objects > 0);
    assert!(!names(inner.as_ref(), "prune").await.contains(&record));
    assert_sound(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_being_restored_may_go() {
    schemas().await;
    let before = fingerprint(source(), "prune_x").await;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    back_up(store.clone(), "prune_x").await.unwrap();
    let (server, _turn) = target_alone().await;
    let options = restore_options(server, &Folder::new());
    // Before a list is read, and before a chunk of rows.
    for read in [2, 3] {
        let waiting = WaitingStore::new(copy_of(store.as_ref()).await, At::Range(read));
        let (from, restoring) = (waiting.clone(), options.clone());
        let running =
            tokio::spawn(async move { restore::run_from(from, &restoring, Arc::new(Silent), Stop::default()).await });
        waiting.reached().await;
        let all: Arc<dyn Store> = waiting.clone();
        tokio::time::sleep(Duration::from_millis(1100)).await;
        back_up(all.clone(), "prune_y").await.unwrap();
        let report = prune(all.clone(), keep_last(1)).await.unwrap();
        assert_eq!((report.removed, report.deleted.objects), (1, 0));
        waiting.go_on();
        let report = running.await.unwrap().unwrap();
        assert_eq!(report.exit(), Exit::Success, "{}", report.text());
        assert_eq!(fingerprint(server, "prune_x").await, before);
        drop_restored(server, "prune_x").await;
    }
}

#[tokio::test]
async fn two_runs_on_one_repository_exclude_each_other() {
    data::make(source(), "busy_repository", 20_000).await;
    let (repo, address) = (Repo::new(), address(source()));
    let place = repo.place();
    let arguments = [&repo.backup_arguments(&address, "busy_repository")[..], &["--name", "shop"]].concat();
    let mut slow = start(&[&arguments[..], &["--max-rate", "300k"]].concat());
    let announced = async || repo.files().iter().any(|file| file.starts_with("locks/"));
    assert!(slow.until(announced).await, "the backup ended too early");
    let pid = format!("process {}", slow.pid());
    let words = ["another run is at work in ", "backup of shop by ", &pid, "since 20"];
    run(&arguments).refused(25, &words);
    run(&["prune", "--repo", &place, "--yes"]).refused(25, &words);
    // Readers and the backup of another source are in nobody's way; nor is a plan.
    run(&[&repo.backup_arguments(&address, "busy_repository")[..], &["--name", "other"]].concat()).expect(0);
    run(&["prune", "--repo", &place]).expect(0);
    run(&["list", "--repo", &place]).expect(0);
    repo.verify(&[]).expect(0);
    assert!(slow.runs(), "the slow backup ended too early");
    slow.signal(Signal::KILL);
    slow.end();
    // The lock died with its process.
    assert!(announced().await, "the file of a killed run stays until the next one");
    run(&arguments).expect(0);
    assert!(!announced().await);
    // An object that no backup needs, and a file that is none of ours.
    std::fs::create_dir_all(repo.file("objects/00")).unwrap();
    let (object, file) = (repo.file(&format!("objects/00/{}", "0".repeat(64))), repo.file("objects/00/notes.txt"));
    std::fs::write(&object, "x").unwrap();
    std::fs::write(&file, "x").unwrap();
    let prune = || run(&["prune", "--repo", &place, "--yes", "--grace", "0s", "--json"]).expect(0).json();
    assert!(prune()["condemned"]["objects"].as_u64().unwrap() >= 1 && object.exists());
    assert!(prune()["deleted"]["objects"].as_u64().unwrap() >= 1 && !object.exists());
    assert!(file.exists());
    repo.verify(&[]).expect(0);
}

#[tokio::test]
async fn list_and_show_say_what_is_alone_shared_verified_and_proved() {
    schemas().await;
    let (repo, address) = (Repo::new(), address(source()));
    let place = repo.place();
    for schema in ["prune_x", "prune_*"] {
        run(&[&repo.backup_arguments(&address, schema)[..], &["--name", "one"]].concat()).expect(0);
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    let list = |more: &[&str]| run(&[&["list", "--repo", &place, "--json"], more].concat()).expect(0).json();
    let plain = list(&[]);
    assert_eq!(plain["backups"][0]["verified"], serde_json::Value::Null);
    assert!(plain["backups"][0].get("alone_bytes").is_none());
    let sizes = list(&["--sizes"]);
    let of = |n: usize, what: &str| sizes["backups"][n][what].as_u64().unwrap();
    // The second backup reuses the rows of the first and adds its own.
    assert!(of(0, "shared_bytes") > 0 && of(0, "shared_bytes") == of(1, "shared_bytes"), "{sizes:#}");
    assert!(of(1, "alone_bytes") > of(0, "alone_bytes"), "{sizes:#}");
    repo.verify(&[]).expect(0);
    let verified = list(&[]);
    assert!(verified["backups"].as_array().unwrap().iter().all(|b| b["verified"].is_string() && b["proved"].is_null()));
    let (server, _turn) = target_alone().await;
    repo.restore(server, &["--table", "prune_x.t"]).expect(0);
    assert!(list(&[])["backups"][1]["proved"].is_null(), "a part of a backup proves no backup");
    drop_restored(server, "prune_x").await;
    repo.restore(server, &[]).expect(0);
    assert!(list(&[])["backups"][1]["proved"].is_string());
    for schema in ["prune_x", "prune_y", "prune_z"] {
        drop_restored(server, schema).await;
    }
    let show = run(&["show", "--repo", &place, "--json"]).expect(0).json();
    assert_eq!(
        (&show["alone_bytes"], &show["proved"]),
        (&sizes["backups"][1]["alone_bytes"], &list(&[])["backups"][1]["proved"])
    );
    let text = run(&["show", "--repo", &place]).expect(0).out;
    assert!(text.contains("in objects of its own: ") && text.contains("; last proved by a restore: 20"), "{text}");
    // The proved one is not the newest: it stays all the same.
    run(&[&repo.backup_arguments(&address, "prune_y")[..], &["--name", "one"]].concat()).expect(0);
    let pruned = run(&["prune", "--repo", &place, "--keep-last", "1", "--yes", "--json"]).expect(0).json();
    let stays: Vec<_> = pruned["backups"].as_array().unwrap().iter().map(|b| b["stays"] == true).collect();
    assert_eq!(stays, [false, true, true], "{pruned:#}");
    assert_eq!(pruned["backups"][1]["reasons"], serde_json::json!(["the only one proved by a restore"]));
    repo.verify(&[]).expect(0);
    run(&["prune", "--repo", &place, "--yes"]).expect(0);
    let proofs = repo.files().iter().filter(|file| file.contains("/proofs/")).count();
    assert_eq!(proofs, 3, "of each kind the newest is kept: {:#?}", repo.files());
    assert!(!repo.file(&format!("backups/one/{}", plain["backups"][0]["id"].as_str().unwrap())).exists());
    run(&["prune", "--repo", &place, "--name", "nobody", "--keep-last", "1"]).refused(24, &["nobody"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_cannot_be_written_is_verified_and_restored_all_the_same() {
    let store = Arc::new(FaultyStore::new(three().await, Fault::WritesFrom(1)));
    let report = verify::run_from(store.clone(), &whole_repository(), Arc::new(Silent), Stop::default()).await.unwrap();
    assert_eq!(report.exit(), Exit::Success);
    assert!(report.text().contains("could not be recorded: cannot write backups/one/"), "{}", report.text());
    let (server, _turn) = target_alone().await;
    let options = restore_options(server, &Folder::new());
    let report = restore::run_from(store.clone(), &options, Arc::new(Silent), Stop::default()).await.unwrap();
    assert_eq!(report.exit(), Exit::Success);
    assert!(report.text().contains("could not be recorded: "), "{}", report.text());
    drop_restored(server, "prune_z").await;
    let error = prune(store, keep_last(1)).await.map(drop);
    // Deletes are not refused by this store; the record of what is condemned is.
    assert_eq!(error.unwrap_err().exit(), Exit::RepositoryWrite);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_in_an_object_store() {
    schemas().await;
    let server = S3Server::start();
    let open = async || -> Arc<dyn Store> {
        let opened = ObjectBackedStore::open_s3(server.settings(), BUCKET, "repo").await.unwrap();
        Arc::new(opened) as Arc<dyn Store>
    };
    for schema in ["prune_x", "prune_y"] {
        back_up(open().await, schema).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    let leaping = LeapingStore::new(open().await);
    let store = LawStore::new(leaping.clone(), GRACE);
    let first = prune(store.clone(), keep_last(1)).await.unwrap();
    assert!(first.removed == 1 && first.condemned.objects > 0);
    leaping.leap(GRACE + Duration::from_secs(2));
    assert_eq!(prune(store.clone(), keep_last(1)).await.unwrap().deleted, first.condemned);
    store.assert_kept();
    assert_sound(open().await).await;
    let locks = server.folder().join(BUCKET).join("repo/locks");
    let held = || std::fs::read_dir(&locks).map_or(0, |entries| entries.count());
    assert_eq!(held(), 0, "a run that ended takes its notice back");

    // A run that lives is seen, and after its death its place is taken within seconds.
    let repository = Repository::open(open().await).await.unwrap();
    let lock = Lock::take(&repository, Work::Backup { name: "one".into() }).await.unwrap();
    let error = prune(open().await, keep_last(1)).await.map(drop).unwrap_err();
    assert_eq!(error.exit(), Exit::RepositoryBusy);
    assert!(error.to_string().contains("backup of one by "), "{error}");
    drop(lock);
    assert_eq!(held(), 1, "what a dead run leaves");
    let begun = Instant::now();
    prune(open().await, keep_last(1)).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(held(), 0);
}
