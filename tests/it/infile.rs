//! A hostile server asks the client for a local file in answer to a statement: no session gives it any.

use crate::support::data;
use crate::support::liar::Liar;
use crate::support::program::{Repo, run};
use crate::support::server::{source, target_alone};

const SECRET: &str = "-----the client's own file-----";

#[tokio::test]
async fn no_session_gives_a_file_that_the_server_asks_for() {
    let (target, _turn) = target_alone().await;
    data::make(source(), "infile_asked", 300).await;
    let repo = Repo::new();
    repo.backup(source(), "infile_asked");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, SECRET).unwrap();

    let place = repo.place();
    let other = Repo::new().place();
    // Control sessions and reading sessions, and the one that loads: what it gives are its own rows.
    let cases: [(&str, &str, &[&str]); 6] = [
        ("backup --source", "information_schema", &["--database", "infile_asked"]),
        ("backup --source", "FROM `infile_asked`.`account`", &["--database", "infile_asked"]),
        ("verify --against", "FROM `infile_asked`.`account`", &[]),
        ("restore --target", "SHOW GRANTS", &[]),
        ("restore --target", "CREATE TABLE", &[]),
        ("restore --target", "LOAD DATA LOCAL INFILE", &[]),
    ];
    for (command, words, more) in cases {
        let server = if command.starts_with("restore") { target } else { source() };
        let liar = Liar::start(server.socket(), words, &file);
        let (verb, option) = command.split_once(' ').unwrap();
        let repo = if verb == "backup" { &other } else { &place };
        let ended = run(&[&[verb, option, &liar.address(), "--repo", repo, "--threads", "1"], more].concat());
        let heard = liar.heard().unwrap_or_else(|| panic!("{command} never sent {words}: {}", ended.err));
        assert!(memchr::memmem::find(&heard, SECRET.as_bytes()).is_none(), "{command}, {words}: the file was sent");
        assert_ne!(ended.code, 0, "{command}, {words}");
        let rows = memchr::memmem::find(&heard, b"\t").is_some();
        assert_eq!(rows, words.starts_with("LOAD"), "{command}, {words}: {:?}", String::from_utf8_lossy(&heard));
        data::drop_restored(target, "infile_asked").await;
    }
}
