//! A server killed by SIGKILL at exact packets of a backup and of a restore. The backup ends with its own exit code and
//! nothing visible; the restore goes on exactly once when the server is back with the same data directory.

use crate::support::everything;
use crate::support::killed::{Stage, Tally, chosen, is_last, target_options};
use crate::support::program::{Repo, address, run, start};
use crate::support::server::{options, own};
use crate::support::tap::{At, Tap, When, kill_and_wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_source_dies_at_any_packet_ends_cleanly() {
    let mut source = own(options());
    everything::make(&source).await;
    let tap = Tap::before_mysql(source.socket());
    let undisturbed = Repo::new();
    run(&undisturbed.backup_arguments(tap.address(), everything::GLOB)).expect(0);
    let units = tap.units();
    let mut tally = Tally::default();
    for (at, when) in chosen(4, 2, units.len()) {
        let repo = Repo::new();
        let pid = source.pid().unwrap();
        tap.aim(at.clone(), when, move || kill_and_wait(pid));
        let ended = start(&repo.backup_arguments(tap.address(), everything::GLOB)).end();
        let (struck, point) = (tap.struck(), format!("{when:?} {at:?} {:?}", tap.struck()));
        tap.reset();
        tally.tried += 1;
        tally.killed += usize::from(struck.is_some());
        match ended.code {
            // All rows were read: the server was not needed any more.
            0 => assert!(struck.is_none_or(|unit| unit == "(command 1)"), "{point}: {}", ended.out),
            // At login or in the middle of work.
            10 | 13 => assert_eq!(repo.listed(), Vec::<String>::new(), "{point}"),
            _ => panic!("{point}: {ended:?}"),
        }
        source.kill9();
        source.restart().unwrap();
    }
    tally.tell("backups whose source was killed at a packet");
    let repo = Repo::new();
    repo.backup(&source, everything::GLOB);
    repo.verify(&["--against", &address(&source)]).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_whose_target_dies_at_any_packet_goes_on_when_it_is_back() {
    let (stage, _turn) = Stage::turn().await;
    let mut target = own(target_options());
    let tap = Tap::before_mysql(target.socket());
    let mut tally = Tally::default();
    // Without it the target could not be started again.
    let with_redo = ["--threads", "2", "--redo", "on"];
    let named = [
        (At::Words("COMMIT", "", 3), When::Sent),
        (At::Words("COMMIT", "", 4), When::Answered),
        (At::Words("ALTER TABLE", "`keyless`", 1), When::Sent),
        (At::Words("INSERT INTO myriad_restore.chunk VALUES (5", "", 1), When::Answered),
        (At::Words("DROP SCHEMA", "myriad_restore", 1), When::Answered),
    ];
    for (at, when) in named.into_iter().chain(chosen(5, 1, stage.units.len())) {
        everything::remove(&target).await;
        let pid = target.pid().unwrap();
        tap.aim(at.clone(), when, move || kill_and_wait(pid));
        let ended = start(&stage.arguments(tap.address(), &with_redo)).end();
        let (struck, point) = (tap.struck(), format!("{when:?} {at:?} {:?}", tap.struck()));
        tap.reset();
        tally.tried += 1;
        tally.killed += usize::from(struck.is_some());
        assert!(matches!(ended.code, 0 | 10 | 13), "{point}: {ended:?}");
        target.kill9();
        target.restart().unwrap();
        // The ledger may be gone where the server died behind that statement; then the run has said that all is there.
        let last = struck.as_deref().is_some_and(is_last);
        assert!(!last || ended.code == 0 || ended.err.contains("all of the backup is restored"), "{point}: {ended:?}");
        stage.goes_on(&target, &point, ended.code == 0 || last, &with_redo, &mut tally).await;
    }
    tally.tell("restores whose target was killed at a packet");
}
