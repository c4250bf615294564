use super::*;
use proptest::prelude::*;

/// An event as a server writes it.
fn event(kind: u8, next: u32, flags: u16, body: &[u8], checksum: Checksum) -> Vec<u8> {
    let crc = if checksum == Checksum::Crc32 { CHECKSUM_BYTES } else { 0 };
    let mut bytes = 7u32.to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend_from_slice(&1u32.to_le_bytes());
    bytes.extend_from_slice(&((HEADER_BYTES + body.len() + crc) as u32).to_le_bytes());
    bytes.extend_from_slice(&next.to_le_bytes());
    bytes.extend_from_slice(&flags.to_le_bytes());
    bytes.extend_from_slice(body);
    if checksum == Checksum::Crc32 {
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
    }
    bytes
}

fn query(text: &str) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.extend_from_slice(&[2, 0, 0, 3, 0, 9, 9, 9, b'd', b'b', 0]);
    body.extend_from_slice(text.as_bytes());
    body
}

fn gtid(number: u64) -> Vec<u8> {
    let mut body = vec![1];
    body.extend_from_slice(&[0xAB; 16]);
    body.extend_from_slice(&number.to_le_bytes());
    body.push(2);
    body.extend_from_slice(&[0; 16]);
    body.extend_from_slice(&1_700_000_000_000_000u64.to_le_bytes()[..7]);
    body
}

/// The file of 9.7.4 that begins so: format description and previous GTIDs, with CRC32.
const HEAD: &str = "1ca0056b0f010000007b0000007f000000000004\
    00392e372e342d320000000000000000000000000000000000000000000000000000000000000000000000000000\
    00000000000000000000001300\
    0d0008000000000400040000006300041a08000000000000020000000a0a0a2a2a001234000a280000";

#[test]
fn a_format_description_of_9_7() {
    let mut body = hex::decode(HEAD).unwrap()[HEADER_BYTES..].to_vec();
    body.push(1);
    for flags in [0, FLAG_IN_USE] {
        let mut bytes = event(15, 127, 0, &body, Checksum::Crc32);
        // The checksum is that of the closed file.
        bytes[17] = flags as u8;
        let mut scanner = Scanner::new(Checksum::None);
        let seen = scanner.scan(&bytes).unwrap();
        let version = "9.7.4-2".to_owned();
        assert_eq!(seen.body, Body::FormatDescription { version, checksum: Checksum::Crc32 });
        assert_eq!(scanner.checksum(), Checksum::Crc32);
        bytes[30] ^= 1;
        assert!(matches!(scanner.scan(&bytes), Err(BinlogError::Checksum { kind: 15, .. })));
    }
}

/// Events, and after which of them a transaction has ended.
fn ends(events: &[(u8, Vec<u8>)]) -> Vec<bool> {
    let mut scanner = Scanner::new(Checksum::Crc32);
    let mut scan = |(kind, body): &(u8, Vec<u8>)| {
        let seen = scanner.scan(&event(*kind, 100, 0, body, Checksum::Crc32)).unwrap();
        assert_eq!(seen.ends_transaction, scanner.at_boundary(), "{kind}");
        seen.ends_transaction
    };
    events.iter().map(&mut scan).collect()
}

#[test]
fn where_transactions_end() {
    let text = |text: &str| (2, query(text));
    let rows = || (30, vec![0; 20]);
    let begun = |kind: u8| if kind == 33 { (33, gtid(1)) } else { (34, gtid(0)) };
    for kind in [33, 34] {
        let transaction = [begun(kind), text("BEGIN"), (19, vec![0; 9]), rows(), (16, vec![0; 8])];
        assert_eq!(ends(&transaction), [false, false, false, false, true]);
        let savepoint = [begun(kind), text("BEGIN"), text("SAVEPOINT `a`"), rows(), text("COMMIT")];
        assert_eq!(ends(&savepoint), [false, false, false, false, true]);
        assert_eq!(ends(&[begun(kind), text("CREATE TABLE a (b INT)")]), [false, true]);
        assert_eq!(ends(&[begun(kind), (13, vec![0; 16]), text("DROP TABLE a")]), [false, false, true]);
        assert_eq!(ends(&[begun(kind), (40, vec![0; 99])]), [false, true]);
        let xa = [begun(kind), text("XA START X'31',X'',1"), rows(), text("XA END X'31',X'',1"), (38, vec![0; 20])];
        assert_eq!(ends(&xa), [false, false, false, false, true]);
        assert_eq!(ends(&[begun(kind), text("XA COMMIT X'31',X'',1")]), [false, true]);
    }
    // Before 5.7 nothing stands in front of a transaction without GTID.
    assert!(ends(&[text("BEGIN"), (5, vec![0; 9]), text("INSERT INTO a VALUES (1)"), text("COMMIT")])[3]);
    assert_eq!(ends(&[text("DROP TABLE a")]), [true]);
    let mariadb = |flags: u8| (162, [&9u64.to_le_bytes()[..], &0u32.to_le_bytes(), &[flags]].concat());
    assert_eq!(ends(&[mariadb(4), (160, vec![1]), (23, vec![0; 20]), (16, vec![0; 8])]), [false, false, false, true]);
    assert_eq!(ends(&[mariadb(1 | 32), (165, vec![0; 20])]), [false, true]);
    assert_eq!(ends(&[mariadb(128), text("XA COMMIT X'31'")]), [false, true]);
}

#[test]
fn what_stands_in_events() {
    let mut scanner = Scanner::new(Checksum::None);
    let mut body = |kind: u8, content: &[u8]| scanner.scan(&event(kind, 9, 0, content, Checksum::None)).unwrap().body;
    let uuid = u128::from_be_bytes([0xAB; 16]);
    let commit_us = Some(1_700_000_000_000_000);
    assert_eq!(body(33, &gtid(5)), Body::Gtid { uuid, tag: String::new(), number: 5, commit_us });
    assert_eq!(body(33, &gtid(5)[..25]), Body::Gtid { uuid, tag: String::new(), number: 5, commit_us: None });
    assert_eq!(body(34, &gtid(0)), Body::Anonymous { commit_us });
    let rotate = [&4u64.to_le_bytes()[..], b"binlog.000002"].concat();
    assert_eq!(body(4, &rotate), Body::Rotate { file: "binlog.000002".into(), offset: 4 });
    let list = [&1u32.to_le_bytes()[..], &0u32.to_le_bytes(), &3u32.to_le_bytes(), &8u64.to_le_bytes()].concat();
    let position = MariadbGtid { domain: 0, server_id: 3, number: 8 };
    assert_eq!(body(163, &list), Body::MariadbGtidList(vec![position]));
    let set: crate::position::GtidSet = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:tag:7".parse().unwrap();
    assert_eq!(body(35, &set.to_bytes()), Body::PreviousGtids(set));
}

/// As 9.7.4 wrote it for `SET gtid_next = 'AUTOMATIC:tagg'`.
#[test]
fn a_tagged_gtid() {
    let bytes = hex::decode(
        "1ca0056b2a010000004f000000880400000000027000000002a503cc24ed02a1032622c503d1026604f10300000002040406\
        087461676708080a140c7f46bf5f9606610610c5031283120bba4a49c0",
    );
    let mut bytes = bytes.unwrap();
    let seen = Scanner::new(Checksum::Crc32).scan(&bytes).unwrap();
    let Body::Gtid { uuid, tag, number, commit_us } = seen.body else { panic!("{seen:?}") };
    assert_eq!((uuid, tag.as_str(), number), (0xe96612bb_e813_11f1_b433_02fc00000001, "tagg", 1));
    assert_eq!(commit_us.unwrap() / 1_000_000, u64::from(seen.header.timestamp));
    bytes.truncate(bytes.len() - CHECKSUM_BYTES);
    for end in HEADER_BYTES..bytes.len() - 20 {
        let mut short = bytes[..end].to_vec();
        short[9..13].copy_from_slice(&(end as u32).to_le_bytes());
        assert!(Scanner::new(Checksum::None).scan(&short).is_err() || end > HEADER_BYTES + 24);
    }
}

#[test]
fn what_stands_in_no_file() {
    let mut scanner = Scanner::new(Checksum::Crc32);
    let rotate = [&4u64.to_le_bytes()[..], b"binlog.000002"].concat();
    for checksum in [Checksum::None, Checksum::Crc32] {
        let seen = scanner.scan(&event(4, 0, FLAG_ARTIFICIAL, &rotate, checksum)).unwrap();
        assert_eq!((seen.body, seen.in_file), (Body::Rotate { file: "binlog.000002".into(), offset: 4 }, false));
    }
    let seen = scanner.scan(&event(27, 500, 0, b"binlog.000002", Checksum::None)).unwrap();
    assert_eq!((seen.body, seen.in_file), (Body::Heartbeat, false));
}

#[test]
fn positions_of_mariadb() {
    let mut position = MariadbPosition::parse("0-1-5, 2-1-7").unwrap();
    position.set(MariadbGtid { domain: 0, server_id: 3, number: 6 });
    assert_eq!(position.to_string(), "0-3-6,2-1-7");
    assert_eq!(MariadbPosition::parse("").unwrap().to_string(), "");
    for text in ["0-1", "0-1-5-6", "a-1-5"] {
        assert_eq!(MariadbPosition::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_give_an_answer(kind in any::<u8>(), body in proptest::collection::vec(any::<u8>(), 0..120), bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        for checksum in [Checksum::None, Checksum::Crc32] {
            let mut scanner = Scanner::new(checksum);
            let _ = scanner.scan(&bytes);
            let _ = scanner.scan(&event(kind, 4, 0, &body, checksum));
            let _ = scanner.scan(&event(kind, 0, FLAG_ARTIFICIAL, &body, checksum));
        }
    }

    #[test]
    fn a_flipped_bit_is_seen(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bytes = event(33, 100, 0, &gtid(7), Checksum::Crc32);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // A heartbeat stands in no file, and a rotate that says so is not kept either.
        let seen = Scanner::new(Checksum::Crc32).scan(&bytes);
        prop_assert!(seen.as_ref().map_or(true, |seen| !seen.in_file), "{:?}", seen);
    }
}

#[test]
fn an_event_is_known_again() {
    let of = |number| event(33, 100, 0, &gtid(number), Checksum::Crc32);
    assert_eq!(fingerprint(&of(7)), fingerprint(&of(7)));
    assert_ne!(fingerprint(&of(7)), fingerprint(&of(8)));
    // Over all bytes it would tell nothing.
    assert_eq!(crc32fast::hash(&of(7)), crc32fast::hash(&of(8)));
    assert_eq!(fingerprint(b"abc"), fingerprint(b""));
}
