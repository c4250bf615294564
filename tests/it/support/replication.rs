//! Makes one private server the replica of another.

use myriad::sandbox::Sandbox;
use myriad::server::{Host, RawSession};
use std::time::{Duration, Instant};

/// Attaches `replica` to `source` (started with `tcp`) on the channel `main`, and waits until it reads.
pub fn attach(replica: &Sandbox, source: &Sandbox) {
    let Some(Host::Tcp { host, port }) = source.tcp_options().map(|options| options.host) else {
        panic!("the source listens on TCP")
    };
    let mut at_source = RawSession::connect(&source.connect_options()).unwrap();
    at_source.execute(b"CREATE USER replica IDENTIFIED BY 'r'").unwrap();
    at_source.execute(b"GRANT REPLICATION SLAVE ON *.* TO replica").unwrap();
    let mut at_replica = RawSession::connect(&replica.connect_options()).unwrap();
    let change = format!(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST='{host}', SOURCE_PORT={port}, SOURCE_USER='replica', \
         SOURCE_PASSWORD='r', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1 FOR CHANNEL 'main'"
    );
    at_replica.execute(change.as_bytes()).unwrap();
    at_replica.execute(b"START REPLICA FOR CHANNEL 'main'").unwrap();
    catch_up(replica, source);
}

/// Waits until the replica has executed all that the source has.
pub fn catch_up(replica: &Sandbox, source: &Sandbox) {
    let mut at_source = RawSession::connect(&source.connect_options()).unwrap();
    let mut at_replica = RawSession::connect(&replica.connect_options()).unwrap();
    let executed = at_source.query_small(b"SELECT @@global.gtid_executed").unwrap()[0].text(0);
    let wait = format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{executed}', 30)");
    assert_eq!(at_replica.query_small(wait.as_bytes()).unwrap()[0].number(0), 0, "the replica did not catch up");
    let deadline = Instant::now() + Duration::from_secs(10);
    while at_source.query_small(b"SHOW REPLICAS").unwrap().is_empty() {
        assert!(Instant::now() < deadline, "the replica did not register");
        std::thread::sleep(Duration::from_millis(50));
    }
}
