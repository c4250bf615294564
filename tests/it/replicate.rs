//! From a lost replica to a replica: real servers, the source written to all the time. A backup of the source, and one of a
//! replica of it, is restored elsewhere with `--replicate-from`; once the writers have stopped both sides must come to the
//! same rows. By GTID, by file and offset where GTIDs are off, and on MariaDB.

use crate::support::data::{fingerprint, one, run};
use crate::support::program::{self, Ended, Repo, address};
use crate::support::server::{connect, mariadb_options, options, own};
use crate::support::tap::{At, Tap, Victim, When};
use myriad::sandbox::{Kind, Sandbox, SandboxOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const PASSWORD: &str = "r3plic@'s\\";

/// How a replica follows.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Gtid,
    File,
}

/// Which server.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Source,
    Replica,
}
use Side::{Replica, Source};

/// A source with a replica, a shop that is being written to, and an empty server.
struct Shop {
    source: Sandbox,
    replica: Sandbox,
    target: Sandbox,
    by: By,
    /// Those of the source's backup and of the replica's.
    repos: [Repo; 2],
}

impl Shop {
    async fn open(server: SandboxOptions, by: By) -> Shop {
        let start = || own(SandboxOptions { tcp: true, ..server.clone() });
        let (source, replica, target) = (start(), start(), start());
        let password = PASSWORD.replace('\'', "''").replace('\\', "\\\\");
        run(
            &source,
            &[
                &format!("CREATE USER repl IDENTIFIED BY '{password}'"),
                "GRANT REPLICATION SLAVE ON *.* TO repl",
                "CREATE DATABASE shop",
                "CREATE TABLE shop.stock (id INT PRIMARY KEY, pieces BIGINT NOT NULL)",
                "CREATE TABLE shop.orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, stock INT NOT NULL, note VARCHAR(60), KEY (stock))",
                "INSERT INTO shop.stock VALUES (1, 100), (2, 100), (3, 100)",
                "CREATE TRIGGER shop.counted BEFORE INSERT ON shop.orders FOR EACH ROW SET NEW.note = CONCAT('t', NEW.note)",
            ],
        )
        .await;
        let shop = Shop { source, replica, target, by, repos: [Repo::new(), Repo::new()] };
        shop.attach(&shop.replica, &shop.source, &password).await;
        shop
    }

    fn server(&self, side: Side) -> &Sandbox {
        if side == Source { &self.source } else { &self.replica }
    }

    fn place(&self, side: Side) -> String {
        self.repos[side as usize].place()
    }

    /// Attaches by hand, from the beginning of the source's history.
    async fn attach(&self, replica: &Sandbox, source: &Sandbox, password: &str) {
        let port = source.port().unwrap();
        let from = format!("HOST='127.0.0.1', x_PORT={port}, x_USER='repl', x_PASSWORD='{password}'");
        let first = "SHOW BINARY LOGS";
        let file = one(source, first).await;
        let (how, start) = match (source.kind(), self.by) {
            (Kind::Mariadb, By::Gtid) => ("MASTER_USE_GTID=slave_pos".to_owned(), "START SLAVE"),
            (Kind::Mariadb, By::File) => (format!("MASTER_LOG_FILE='{file}', MASTER_LOG_POS=4"), "START SLAVE"),
            (Kind::Mysql, By::Gtid) => ("SOURCE_SSL=1, SOURCE_AUTO_POSITION=1".to_owned(), "START REPLICA"),
            (Kind::Mysql, By::File) => {
                (format!("SOURCE_SSL=1, SOURCE_LOG_FILE='{file}', SOURCE_LOG_POS=4"), "START REPLICA")
            }
        };
        let (verb, word) = match source.kind() {
            Kind::Mariadb => ("CHANGE MASTER TO MASTER_", "MASTER"),
            Kind::Mysql => ("CHANGE REPLICATION SOURCE TO SOURCE_", "SOURCE"),
        };
        let change = format!("{verb}{}, {how}", from.replace("x_", &format!("{word}_")));
        run(replica, &[change.as_str(), start]).await;
        self.come_to_the_same(source, replica).await;
    }

    /// Waits until both have the same shop.
    async fn come_to_the_same(&self, source: &Sandbox, replica: &Sandbox) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let (there, here) = (fingerprint(source, "shop").await, fingerprint(replica, "shop").await);
            // AUTO_INCREMENT stands in the definition and follows the rows.
            if there == here {
                return;
            }
            assert!(Instant::now() < deadline, "{there:#?}\nis not\n{here:#?}\n{}", self.state(replica).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn state(&self, replica: &Sandbox) -> String {
        let sql = if replica.kind() == Kind::Mysql { "SHOW REPLICA STATUS" } else { "SHOW SLAVE STATUS" };
        format!("{:?}", connect(replica).await.query_columns(sql).await.unwrap())
    }

    /// Backs up all of a server, restores it into the target and attaches that to the source, while the source is written to.
    async fn comes_back(&self, from: Side, by: &str) -> Ended {
        let writer = Writer::start(&self.source).await;
        let place = self.place(from);
        program::run(&["backup", "--source", &address(self.server(from)), "--repo", &place, "--threads", "2"])
            .expect(0);
        writer.some_more().await;
        let done = self.restore(from, Source, &[]).end().expect(0);
        writer.some_more().await;
        writer.stop().await;
        self.come_to_the_same(&self.source, &self.target).await;
        let words = format!("replication: runs, from 127.0.0.1:{} by {by}", self.source.port().unwrap());
        assert!(done.out.contains(&words), "{words}\n{}", done.out);
        assert!(!done.out.contains("to go on from here"), "{}", done.out);
        for text in [&done.out, &done.err] {
            assert!(!text.contains("r3plic"), "{text}");
        }
        done
    }

    /// The restore of the newest backup with `--replicate-from`, and more options.
    fn restore(&self, from: Side, attach_to: Side, more: &[&str]) -> program::Running {
        self.restore_into(&address(&self.target), from, attach_to, more)
    }

    fn restore_into(&self, target: &str, from: Side, attach_to: Side, more: &[&str]) -> program::Running {
        let place = self.place(from);
        let from = format!("127.0.0.1:{}", self.server(attach_to).port().unwrap());
        let plain = ["restore", "--target", target, "--repo", &place, "--replicate-from", &from];
        let account = ["--replicate-user", "repl", "--threads", "2", "--redo", "on"];
        program::start_with(&[&plain[..], &account, more].concat(), &[("MYRIAD_REPLICATE_PWD", PASSWORD)])
    }

    /// Makes the target an empty server again.
    async fn empty_target(&self) {
        let statements: &[&str] = match self.target.kind() {
            Kind::Mysql => &["STOP REPLICA", "RESET REPLICA ALL", "DROP DATABASE shop", "RESET BINARY LOGS AND GTIDS"],
            Kind::Mariadb => {
                &["STOP SLAVE", "RESET SLAVE ALL", "DROP DATABASE shop", "RESET MASTER", "SET GLOBAL gtid_slave_pos=''"]
            }
        };
        run(&self.target, statements).await;
    }
}

/// Somebody who writes to the shop until stopped.
struct Writer {
    stop: Arc<AtomicBool>,
    orders: Arc<AtomicU64>,
    work: tokio::task::JoinHandle<()>,
}

impl Writer {
    async fn start(source: &Sandbox) -> Writer {
        let (stop, orders) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (mut session, stopped, counted) = (connect(source).await, stop.clone(), Arc::clone(&orders));
        let work = tokio::spawn(async move {
            while !stopped.load(Ordering::SeqCst) {
                let n = counted.fetch_add(1, Ordering::SeqCst);
                let sold = format!("UPDATE shop.stock SET pieces = pieces - 1 WHERE id = {}", 1 + n % 3);
                let order = format!("INSERT INTO shop.orders (stock, note) VALUES ({}, '{n}')", 1 + n % 3);
                for sql in ["BEGIN", &sold, &order, "COMMIT"] {
                    session.execute(sql).await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(4)).await;
            }
            session.close().await;
        });
        Writer { stop, orders, work }
    }

    /// Waits until it has written again.
    async fn some_more(&self) {
        let before = self.orders.load(Ordering::SeqCst);
        while self.orders.load(Ordering::SeqCst) < before + 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.work.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_gtid() {
    let shop = Shop::open(options(), By::Gtid).await;
    shop.comes_back(Source, "GTID").await;
    // A backup of a replica goes on from the replica's source as well as from the replica.
    shop.empty_target().await;
    let done = shop.comes_back(Replica, "GTID").await;
    assert!(done.out.contains("its source), by GTID"), "{}", done.out);
    goes_on_after_a_kill(&shop).await;
    several_sources(&shop).await;
    refusals(&shop).await;
}

/// Killed once the channel is configured and before it is started: the same command does both.
async fn goes_on_after_a_kill(shop: &Shop) {
    shop.empty_target().await;
    let (tap, victim) = (Tap::before_mysql(shop.target.socket()), Victim::default());
    tap.aim(At::Words("CHANGE REPLICATION SOURCE", "", 1), When::Answered, victim.strike());
    let killed = shop.restore_into(tap.address(), Replica, Source, &[]);
    victim.is(killed.pid());
    killed.end().expect(-1);
    let done = shop.restore(Replica, Source, &[]).end().expect(0);
    for words in ["went on from an earlier try", "replication: runs, from "] {
        assert!(done.out.contains(words), "{words}\n{}", done.out);
    }
    shop.come_to_the_same(&shop.source, &shop.target).await;

    // Killed once it is started: there is nothing left to do, and that is said.
    shop.empty_target().await;
    let victim = Victim::default();
    tap.aim(At::Words("START REPLICA", "", 1), When::Answered, victim.strike());
    let killed = shop.restore_into(tap.address(), Replica, Source, &[]);
    victim.is(killed.pid());
    killed.end().expect(-1);
    let refused = shop.restore(Replica, Source, &[]).end().refused(34, &["is a running replica"]);
    let said = format!("is a replica of 127.0.0.1:{} already, on the default channel", shop.source.port().unwrap());
    assert!(refused.err.contains(&said) && refused.err.contains("nothing is left to do"), "{}", refused.err);
    run(&shop.target, &["STOP REPLICA"]).await;
    let refused = shop.restore(Replica, Source, &[]).end().refused(32, &["shop"]);
    assert!(refused.err.contains("START REPLICA is all that is left to do"), "{}", refused.err);
    run(&shop.target, &["START REPLICA"]).await;
    shop.come_to_the_same(&shop.source, &shop.target).await;
}

/// A replica of two sources: the one that is named is attached, on its own channel, and the summary says how the other is.
async fn several_sources(shop: &Shop) {
    shop.empty_target().await;
    let (other, port) = (&shop.target, shop.target.port().unwrap());
    run(other, &["CREATE USER IF NOT EXISTS second IDENTIFIED BY 's'", "GRANT REPLICATION SLAVE ON *.* TO second"])
        .await;
    run(other, &["CREATE DATABASE beside", "CREATE TABLE beside.t (id INT PRIMARY KEY)"]).await;
    let change = format!(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, SOURCE_USER='second', SOURCE_PASSWORD='s', \
         SOURCE_SSL=1, SOURCE_AUTO_POSITION=1 FOR CHANNEL 'two'"
    );
    run(&shop.replica, &[&change, "START REPLICA FOR CHANNEL 'two'"]).await;
    let rows = "SELECT GROUP_CONCAT(id) FROM beside.t";
    let comes = async |server: &Sandbox, ids: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while connect(server).await.query_first(rows).await.map_or(String::new(), |row| row.unwrap().text(0)) != ids {
            assert!(Instant::now() < deadline, "{}", shop.state(server).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    run(other, &["INSERT INTO beside.t VALUES (1)"]).await;
    comes(&shop.replica, "1").await;
    let target = own(SandboxOptions { tcp: true, ..options() });
    let (repo, own_port) = (Repo::new(), shop.source.port().unwrap());
    program::run(&["backup", "--source", &address(&shop.replica), "--repo", &repo.place()]).expect(0);
    let (to, place, from) = (address(&target), repo.place(), format!("127.0.0.1:{own_port}"));
    let line = ["restore", "--target", &to, "--repo", &place, "--replicate-from", &from, "--replicate-user", "repl"];
    let done = program::start_with(&line, &[("MYRIAD_REPLICATE_PWD", PASSWORD)]).end().expect(0);
    for words in [
        "the backup knows 2 sources: --replicate-from attaches the default channel and no other",
        &format!("replication: runs, from 127.0.0.1:{own_port} by GTID on the default channel"),
        &format!("not attached: 127.0.0.1:{port}, its source on channel two; to attach it too:"),
    ] {
        assert!(done.out.contains(words), "{words}\n{}", done.out);
    }
    let typed = done.out.lines().map(str::trim).skip_while(|line| !line.starts_with("not attached: "));
    let typed: Vec<_> = typed.filter(|line| line.starts_with("CHANGE ") || line.starts_with("START ")).collect();
    let typed: Vec<_> = typed[..2]
        .iter()
        .map(|line| line.trim_end_matches(';').replace("'repl'", "'second'").replace("='...'", "='s'"))
        .collect();
    assert!(typed.iter().all(|line| line.ends_with(" FOR CHANNEL 'two'")), "{typed:?}");
    run(&target, &typed).await;
    run(other, &["INSERT INTO beside.t VALUES (2)"]).await;
    run(&shop.source, &["INSERT INTO shop.stock VALUES (7, 7)"]).await;
    comes(&target, "1,2").await;
    shop.come_to_the_same(&shop.source, &target).await;
    run(&shop.replica, &["STOP REPLICA FOR CHANNEL 'two'", "RESET REPLICA ALL FOR CHANNEL 'two'"]).await;
    let leave = ["DROP DATABASE beside", "DROP USER second", "CREATE DATABASE shop"];
    run(other, &leave).await;
}

/// What is found before anything is touched.
async fn refusals(shop: &Shop) {
    shop.empty_target().await;
    let plan = |more: &[&str]| shop.restore(Replica, Source, &[&["--dry-run"], more].concat()).end();
    assert!(plan(&[]).expect(0).out.contains("its source), by GTID"));
    plan(&["--table", "shop.orders"]).refused(45, &["only a part is restored"]);
    plan(&["--verify", "none"]).refused(45, &["needs the rows proved"]);
    plan(&["--log-bin"]).refused(45, &["binary log"]);
    let long = "x".repeat(33);
    let from = format!("mysql://repl:{long}@127.0.0.1:{}", shop.source.port().unwrap());
    let (target, place) = (address(&shop.target), shop.place(Replica));
    let line = ["restore", "--target", &target, "--repo", &place, "--dry-run", "--replicate-from"];
    let ended = program::run(&[&line[..], &[&from]].concat()).refused(45, &["has 33 characters"]);
    assert!(!ended.err.contains(&long), "{}", ended.err);
    program::run(&[&line[..], &["127.0.0.1:1"]].concat()).refused(2, &["which account"]);
    let strange = ["127.0.0.1:1", "--replicate-user", "repl"];
    program::run(&[&line[..], &strange].concat()).refused(45, &["127.0.0.1:1 could not be asked from here: "]);
    let own = format!("127.0.0.1:{}", shop.target.port().unwrap());
    run(&shop.target, &["SET SESSION sql_log_bin = 0", "CREATE USER repl", "GRANT REPLICATION SLAVE ON *.* TO repl"])
        .await;
    program::run(&[&line[..], &[&own, "--replicate-user", "repl"]].concat()).refused(45, &["is the target itself"]);

    // By an address that the backup does not know, a wrong login is the reason, and said; so is a right that is missing.
    let port = shop.source.port().unwrap();
    let (other, known) = (format!("localhost:{port}"), format!("127.0.0.1:{port}"));
    // One that the server does not know would be asked for by any plugin, chosen by chance.
    run(&shop.source, &["CREATE USER IF NOT EXISTS nobody IDENTIFIED BY 'another'"]).await;
    let nobody = [&other[..], "--replicate-user", "nobody"];
    program::run(&[&line[..], &nobody].concat()).refused(45, &["does not know localhost:", "Access denied for user"]);
    run(&shop.source, &["CREATE USER IF NOT EXISTS norep"]).await;
    let norep = [&known[..], "--replicate-user", "norep"];
    program::run(&[&line[..], &norep].concat()).refused(45, &["norep lacks REPLICATION SLAVE on 127.0.0.1:"]);

    // A password that is wrong shows once the replica tries it: the rows are there, and the statements for later.
    let begun = Instant::now();
    let from = format!("127.0.0.1:{}", shop.source.port().unwrap());
    let account = ["--replicate-from", &from, "--replicate-user", "nobody", "--redo", "on"];
    let ended = program::run(&[&line[..5], &account].concat()).expect(45);
    for words in ["REPLICATION DID NOT START", "error 1045", "to go on from here", "SOURCE_AUTO_POSITION=1;", "proof"] {
        assert!(ended.out.contains(words), "{words}\n{}", ended.out);
    }
    println!("a wrong login showed after {:?}", begun.elapsed());
    assert_eq!(one(&shop.target, "SELECT COUNT(*) > 0 FROM shop.orders").await, "1");

    // The statements that the summary ends with, typed by a person.
    let lines = ended.out.lines().map(str::trim);
    let typed: Vec<String> = lines
        .skip_while(|line| !(line.starts_with("to go on from here") && line.contains("its source")))
        .filter(|line| ["STOP ", "CHANGE ", "START "].iter().any(|word| line.starts_with(word)))
        .map(|line| {
            line.trim_end_matches(';')
                .replace("='...'", &format!("='{}'", PASSWORD.replace('\'', "''").replace('\\', "\\\\")))
        })
        .collect();
    assert_eq!((typed.len(), &typed[0][..]), (6, "STOP REPLICA"), "{}", ended.out);
    run(&shop.target, &typed[..3]).await;
    shop.come_to_the_same(&shop.source, &shop.target).await;

    // The source has purged what a replica would need.
    shop.empty_target().await;
    run(&shop.source, &["INSERT INTO shop.stock VALUES (9, 9)", "FLUSH BINARY LOGS"]).await;
    let newest = connect(&shop.source).await.query("SHOW BINARY LOGS").await.unwrap().last().unwrap().text(0);
    run(&shop.source, &[format!("PURGE BINARY LOGS TO '{newest}'")]).await;
    plan(&[]).refused(45, &["has purged binary logs that are needed: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_file_and_offset() {
    let off = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"].map(String::from).to_vec();
    let shop = Shop::open(SandboxOptions { arguments: off, ..options() }, By::File).await;
    shop.comes_back(Source, "binlog.").await;
    shop.empty_target().await;
    shop.comes_back(Replica, "binlog.").await;
    let shown = program::run(&["show", "--repo", &shop.place(Replica)]).expect(0);
    let words = format!("  replica of 127.0.0.1:{} (channel default) at binlog.", shop.source.port().unwrap());
    let line = shown.out.lines().find(|line| line.starts_with(&words)).unwrap_or_else(|| panic!("{}", shown.out));
    assert!(!line.contains("moment before"), "{line}");
    // From the replica itself: its own position counts.
    shop.empty_target().await;
    let plan = shop.restore(Replica, Replica, &["--dry-run"]).end().expect(0);
    assert!(plan.out.contains("the server that was backed up), by binlog."), "{}", plan.out);
    // The file is gone there.
    run(&shop.source, &["FLUSH BINARY LOGS", "FLUSH BINARY LOGS", "GRANT REPLICATION CLIENT ON *.* TO repl"]).await;
    let newest = connect(&shop.source).await.query("SHOW BINARY LOGS").await.unwrap().last().unwrap().text(0);
    run(&shop.source, &[format!("PURGE BINARY LOGS TO '{newest}'")]).await;
    let ended = shop.restore(Replica, Source, &["--dry-run"]).end();
    ended.refused(45, &["does not have binlog.", "any more"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    let shop = Shop::open(mariadb_options(), By::Gtid).await;
    shop.comes_back(Source, "GTID").await;
    shop.empty_target().await;
    shop.comes_back(Replica, "GTID").await;
}
