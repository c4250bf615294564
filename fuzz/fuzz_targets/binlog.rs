//! Any bytes as events of a binary log, one behind the other, and as a GTID set in binary: nothing panics, an event that is
//! taken is as long as it says, a set that is taken is written again to the same set. The first byte says whether events
//! have checksums.

#![no_main]

use libfuzzer_sys::fuzz_target;
use myriad::codec::binlog::{Body, Checksum, Header, MariadbPosition, Scanner};
use myriad::position::GtidSet;

fuzz_target!(|data: &[u8]| {
    let Some((&how, mut rest)) = data.split_first() else { return };
    if let Some(set) = GtidSet::from_bytes(rest) {
        assert_eq!(GtidSet::from_bytes(&set.to_bytes()), Some(set.clone()));
        assert_eq!(set.to_string().parse(), Ok(set));
    }
    let checksum = if how & 1 == 0 { Checksum::None } else { Checksum::Crc32 };
    let mut scanner = Scanner::new(checksum);
    while let Some(header) = Header::parse(rest) {
        let Some((event, behind)) = rest.split_at_checked(header.bytes as usize) else { break };
        let before = scanner.at_boundary();
        match scanner.scan(event) {
            Ok(seen) => {
                assert_eq!(seen.header, header);
                assert!(!seen.ends_transaction || scanner.at_boundary());
                if let Body::MariadbGtidList(list) = seen.body {
                    let mut position = MariadbPosition::default();
                    list.into_iter().for_each(|gtid| position.set(gtid));
                    assert_eq!(MariadbPosition::parse(&position.to_string()), Some(position));
                }
            }
            Err(_) => assert_eq!(scanner.at_boundary(), before),
        }
        rest = behind;
    }
    let _ = scanner.scan(rest);
});
