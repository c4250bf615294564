//! What others may read: files of a repository are their owner's alone, and a password shows in no output, log, error,
//! process list, lock or file, however it was given and whatever went wrong.

use crate::support::data;
use crate::support::program::{Repo, address, address_of, command, run};
use crate::support::server::{source, target_alone};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Every file and folder below a place, itself among them.
fn everything(place: &Path) -> Vec<PathBuf> {
    let mut all = vec![place.to_owned()];
    let mut next = 0;
    while let Some(path) = all.get(next).cloned() {
        next += 1;
        if path.is_dir() {
            all.extend(std::fs::read_dir(path).unwrap().flatten().map(|entry| entry.path()));
        }
    }
    all
}

fn modes(place: &Path) -> Vec<(PathBuf, u32)> {
    everything(place).into_iter().map(|path| (path.clone(), path.metadata().unwrap().mode() & 0o777)).collect()
}

/// The program under a umask that lets everybody read.
fn with_open_umask(arguments: &[&str]) -> Output {
    let program = assert_cmd::cargo::cargo_bin("myriad");
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 022; exec \"$0\" \"$@\""]).arg(program).args(arguments);
    shell.env_clear().env("HOME", "/nonexistent").env("PATH", std::env::var_os("PATH").unwrap());
    shell.stdin(Stdio::null()).output().unwrap()
}

#[tokio::test]
async fn files_of_a_repository_are_their_owners_alone() {
    data::make(source(), "secrets_files", 500).await;
    let from = address(source());
    let repo = Repo::new();
    for _ in 0..2 {
        let output = with_open_umask(&repo.backup_arguments(&from, "secrets_files"));
        assert!(output.status.success(), "{output:?}");
    }
    let place = PathBuf::from(repo.place());
    for (path, mode) in modes(&place) {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
    // A folder that an administrator has given to its group is shared with the group, and with nobody else.
    let shared = Repo::new();
    let place = PathBuf::from(shared.place());
    std::fs::create_dir(&place).unwrap();
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o2750)).unwrap();
    assert!(with_open_umask(&shared.backup_arguments(&from, "secrets_files")).status.success());
    for (path, mode) in modes(&place) {
        assert_eq!(mode, if path.is_dir() { 0o750 } else { 0o640 }, "{}", path.display());
    }
}

const PASSWORD: &str = "H1dden-%-Word";
const PART: &[u8] = b"H1dden";

#[track_caller]
fn clean(output: &Output, what: &str) {
    for stream in [&output.stdout, &output.stderr] {
        assert!(memchr::memmem::find(stream, PART).is_none(), "{what}: {}", String::from_utf8_lossy(stream));
    }
}

#[tokio::test]
async fn a_password_shows_in_no_failure() {
    let (target, _turn) = target_alone().await;
    data::make(source(), "secrets_failures", 50).await;
    let repo = Repo::new();
    repo.backup(source(), "secrets_failures");
    let folder = tempfile::tempdir().unwrap();
    let options = folder.path().join(".my.cnf");
    std::fs::write(&options, format!("[client]\nuser=nobody\npassword=\"{PASSWORD}\"\n")).unwrap();
    std::fs::set_permissions(&options, std::fs::Permissions::from_mode(0o600)).unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, PASSWORD).unwrap();
    let (file, home) = (file.display().to_string(), folder.path().display().to_string());

    let socket = target.socket().display().to_string();
    // Wrong password; nobody there; no certificate; addresses that are none.
    let encoded = PASSWORD.replace('%', "%25");
    let addresses = [
        (format!("mysql://nobody@{socket}"), 11),
        (format!("mysql://nobody:{encoded}@{socket}"), 11),
        ("mysql://nobody@127.0.0.1:1".to_owned(), 10),
        (format!("mysql://nobody:{encoded}@127.0.0.1:1"), 10),
        (format!("mysql://nobody:{encoded}@host:port"), 2),
        (format!("mysql://nobody:{encoded}@[::1"), 2),
        (format!("mysql:/nobody:{encoded}@host"), 2),
        (format!("nobody:{encoded}@host:1:2"), 2),
    ];
    let commands: [&[&str]; 3] = [&["backup", "--source"], &["restore", "--target"], &["verify", "--against"]];
    for (n, (place, code)) in addresses.iter().enumerate() {
        for verb in commands {
            for more in [&["-vv"][..], &["--json", "-v"]] {
                let mut program = command(&[verb, &[place.as_str(), "--repo", &repo.place()], more].concat());
                program.env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
                match n % 3 {
                    0 => program.env("MYSQL_PWD", PASSWORD),
                    1 => program.env("HOME", &home),
                    _ => program.args(["--password-file", &file]),
                };
                let output = program.output().unwrap();
                let what = format!("{verb:?} {}", place.replace(&encoded, "***"));
                clean(&output, &what);
                assert_eq!(output.status.code(), Some(*code), "{what}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
    let tls = ["backup", "--source", "mysql://nobody@127.0.0.1:1", "--ssl-mode", "verify-ca", "--ssl-ca", &file];
    let mut program = command(&[&tls[..], &["--repo", &repo.place(), "-vv"]].concat());
    let output = program.env("MYSQL_PWD", PASSWORD).output().unwrap();
    clean(&output, "a certificate that is none");
    assert!(!output.status.success());
}

#[tokio::test]
async fn a_password_shows_nowhere_while_a_run_is_at_work() {
    data::make(source(), "secrets_work", 5000).await;
    data::run(
        source(),
        &[
            format!("CREATE USER hidden@localhost IDENTIFIED BY '{PASSWORD}'").as_str(),
            "GRANT ALL ON *.* TO hidden@localhost",
        ],
    )
    .await;
    let repo = Repo::new();
    let from = address_of("hidden", source());
    let slow = [&repo.backup_arguments(&from, "secrets_work")[..], &["--max-rate", "500k", "-vv", "--json"]].concat();
    let child = command(&slow).env("MYSQL_PWD", PASSWORD).env("RUST_BACKTRACE", "full").spawn().unwrap();
    // What a run leaves for others to see: its command line, its lock, its files.
    let locks = PathBuf::from(repo.place()).join("locks");
    let lock_is_there = || std::fs::read_dir(&locks).is_ok_and(|mut entries| entries.next().is_some());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !lock_is_there() {
        assert!(std::time::Instant::now() < deadline, "no lock was made");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let mut seen = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
    for path in everything(Path::new(&repo.place())) {
        // It may be gone again.
        seen.extend(std::fs::read(path).unwrap_or_default());
    }
    assert!(memchr::memmem::find(&seen, PART).is_none());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    clean(&output, "backup");
    for arguments in [&["list"][..], &["show"], &["verify"]] {
        let ended = run(&[arguments, &["--repo", &repo.place(), "--json"]].concat()).expect(0);
        assert!(!format!("{}{}", ended.out, ended.err).contains("H1dden"), "{arguments:?}");
    }
    for path in everything(Path::new(&repo.place())).into_iter().filter(|path| path.is_file()) {
        let stored = std::fs::read(&path).unwrap();
        let unpacked = zstd::decode_all(&stored[..]).unwrap_or_default();
        for bytes in [stored, unpacked] {
            assert!(memchr::memmem::find(&bytes, PART).is_none(), "{}", path.display());
        }
    }
    data::run(source(), &["DROP USER hidden@localhost"]).await;
}

#[test]
fn options_print_without_their_passwords() {
    let options = source().connect_options();
    let options = myriad::server::ConnectOptions { password: myriad::secret::Secret::new(PASSWORD), ..options };
    assert!(!format!("{options:?} {}", options.describe()).contains("H1dden"));
    // So does a panic that shows them.
    let panic = std::panic::catch_unwind(|| panic!("{options:?}")).unwrap_err();
    assert!(!panic.downcast_ref::<String>().unwrap().contains("H1dden"));
}

#[test]
fn the_keys_of_a_bucket_show_in_no_failure() {
    let secret = "H1ddenH1ddenH1ddenH1ddenH1ddenH1ddenH1dd";
    for place in ["s3://bucket/prefix", "s3://AKIA:H1dden@bucket/x"] {
        for verb in ["list", "backup"] {
            let mut program = command(&[verb, "--repo", place, "-vv"]);
            if verb == "backup" {
                program.args(["--source", "mysql://nobody@127.0.0.1:1"]);
            }
            program.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", secret).env("AWS_REGION", "x");
            program.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").env("AWS_ALLOW_HTTP", "true");
            program.env("AWS_SESSION_TOKEN", "H1dden-token").env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
            let output = program.output().unwrap();
            clean(&output, place);
            assert!(!output.status.success());
        }
    }
}
