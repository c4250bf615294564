//! Raw sessions against a real server: rows of every size, errors and lost connections in the middle of them.
//! How sessions log in is in `login.rs`.

use crate::support::server;
use myriad::error::{Exit, Explain};
use myriad::server::{RawSession, ServerError};
use std::time::Duration;

fn connect() -> RawSession {
    RawSession::connect(&server::source().connect_options()).expect("a raw session")
}

/// The values of a text row.
fn text_values(mut payload: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut values = Vec::new();
    while let Some((&first, rest)) = payload.split_first() {
        if first == 0xFB {
            values.push(None);
            payload = rest;
            continue;
        }
        let (width, mut length) = match first {
            252 => (2, 0),
            253 => (3, 0),
            254 => (8, 0),
            small => (0, usize::from(small)),
        };
        for (i, byte) in rest[..width].iter().enumerate() {
            length |= usize::from(*byte) << (8 * i);
        }
        values.push(Some(rest[width..width + length].to_vec()));
        payload = &rest[width + length..];
    }
    values
}

#[test]
fn columns_values_and_nulls() {
    let mut session = connect();
    assert!(session.connection_id() > 0);
    let mut rows = session
        .query(b"SELECT 1 AS one, NULL AS nothing, '' AS hollow, CAST(1.50 AS DECIMAL(5,2)) AS d, _binary x'00FF' AS b")
        .unwrap();
    let names: Vec<_> = rows.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["one", "nothing", "hollow", "d", "b"]);
    let types: Vec<_> = rows.columns().iter().map(|column| column.type_byte).collect();
    // LONGLONG, NULL, VAR_STRING, NEWDECIMAL, VAR_STRING
    assert_eq!(types, [8, 6, 253, 246, 253]);
    assert_eq!(rows.columns()[3].decimals, 2);
    assert_eq!(rows.columns()[4].charset, 63);
    let values = text_values(rows.next().unwrap().unwrap());
    let expected: [Option<&[u8]>; 5] = [Some(b"1"), None, Some(b""), Some(b"1.50"), Some(b"\x00\xff")];
    assert_eq!(values, expected.map(|value| value.map(<[u8]>::to_vec)));
    assert!(rows.next().unwrap().is_none());
    assert!(rows.next().unwrap().is_none());
}

#[test]
fn statements_without_rows_and_with_rows_nobody_wants() {
    let mut session = connect();
    session.execute(b"CREATE DATABASE raw_execute").unwrap();
    session.execute(b"CREATE TABLE raw_execute.t (a INT)").unwrap();
    let done = session.execute(b"INSERT INTO raw_execute.t VALUES (1), (2), (3)").unwrap();
    assert_eq!((done.affected, done.warnings), (3, 0));
    assert_eq!(done.info, "Records: 3  Duplicates: 0  Warnings: 0");
    assert_eq!(session.execute(b"SET SESSION sql_mode=''").unwrap().affected, 0);
    assert_eq!(session.execute(b"INSERT INTO raw_execute.t VALUES ('x')").unwrap().warnings, 1);
    session.execute(b"SELECT * FROM raw_execute.t").unwrap();
    assert!(session.query(b"DO 1").unwrap().next().unwrap().is_none());
    assert!(session.query(b"SELECT a FROM raw_execute.t WHERE a > 9").unwrap().next().unwrap().is_none());
    assert!(session.query_binary(b"SELECT a FROM raw_execute.t WHERE a > 9").unwrap().next().unwrap().is_none());
    let rows = session.query_small(b"SELECT a, NULL FROM raw_execute.t ORDER BY a").unwrap();
    assert_eq!(rows.iter().map(|row| row.number(0)).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(rows[0].opt_text(1), None);
    session.execute(b"DROP DATABASE raw_execute").unwrap();
}

#[test]
fn an_error_leaves_the_session_usable() {
    let mut session = connect();
    for _ in 0..2 {
        match session.query(b"SELECT no_such_column") {
            Err(ServerError::Statement { code: 1054, statement, state, .. }) => {
                assert_eq!((statement.as_str(), state.as_str()), ("SELECT no_such_column", "42S22"));
            }
            other => panic!("{:?}", other.err()),
        }
        assert_eq!(session.query_binary(b"SELECT FROM").err().and_then(|error| error.code()), Some(1064));
        // An error after the first rows are on their way.
        let sql = b"SELECT IF(n < 5000, n, (SELECT 1 UNION SELECT 2)) FROM \
            (WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10000) SELECT n FROM r) AS s";
        session.execute(b"SET SESSION cte_max_recursion_depth = 100000").unwrap();
        for binary in [false, true] {
            let mut rows = if binary { session.query_binary(sql) } else { session.query(sql) }.unwrap();
            let error = loop {
                match rows.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("no error"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.code(), Some(1242));
        }
        assert_eq!(session.query_small(b"SELECT 7").unwrap()[0].number(0), 7);
    }
    assert!(matches!(session.query_binary(b"SELECT ?"), Err(ServerError::Protocol { .. })));
}

#[test]
fn rows_left_behind_are_drained() {
    let mut session = connect();
    session.execute(b"SET SESSION cte_max_recursion_depth = 1000000").unwrap();
    let sql = b"WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 300000) SELECT n, REPEAT('x', 50) FROM r";
    for binary in [false, true, false] {
        let mut rows = if binary { session.query_binary(sql) } else { session.query(sql) }.unwrap();
        rows.next().unwrap().unwrap();
        drop(rows);
    }
    assert_eq!(session.query_small(b"SELECT 7").unwrap()[0].number(0), 7);
    let open = session.query_small(b"SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'").unwrap();
    assert_eq!(open[0].text(0), "Prepared_stmt_count");
}

#[test]
fn rows_around_the_packet_limit() {
    let mut session = connect();
    session.execute(b"SET SESSION net_buffer_length = 16384").ok();
    let limit = 0xFF_FF_FFusize;
    // A first column of 16 MiB and more begins with 0xFE, as the end packet does.
    for size in
        [0, 250, 251, 70_000, 262_130, 262_144, limit - 9, limit - 5, limit - 4, limit - 1, limit, limit + 1, 20 << 20]
    {
        let sql = format!("SELECT REPEAT('a', {size}), 'tail' UNION ALL SELECT 'second', NULL");
        for binary in [false, true] {
            let mut rows =
                if binary { session.query_binary(sql.as_bytes()) } else { session.query(sql.as_bytes()) }.unwrap();
            let first = rows.next().unwrap().unwrap();
            let row = if binary { &first[2..] } else { first };
            let values = text_values(row);
            assert_eq!(values.len(), 2, "{size}");
            assert!(
                values[0].as_ref().unwrap().len() == size && values[0].as_ref().unwrap().iter().all(|b| *b == b'a')
            );
            assert_eq!(values[1].as_deref(), Some(&b"tail"[..]));
            let second = rows.next().unwrap().unwrap().to_vec();
            assert_eq!(second.windows(6).filter(|w| w == b"second").count(), 1);
            assert!(rows.next().unwrap().is_none());
        }
    }
}

#[test]
fn a_row_of_64_mib_among_small_ones() {
    let options = server::options();
    let sandbox =
        server::own(myriad::sandbox::SandboxOptions { arguments: vec!["--max-allowed-packet=200M".into()], ..options });
    let mut session = RawSession::connect(&sandbox.connect_options()).unwrap();
    let sql = b"SELECT 1, 'small' UNION ALL SELECT 2, REPEAT('ab', 33554432) UNION ALL SELECT 3, 'small'";
    for binary in [false, true] {
        let mut rows = if binary { session.query_binary(sql) } else { session.query(sql) }.unwrap();
        let mut sizes = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            sizes.push(row.len());
        }
        // Text: '1' and its length; binary: header, NULL bitmap and eight bytes; then the string.
        let number = if binary { 10 } else { 2 };
        assert_eq!(sizes, [number + 6, number + 9 + (64 << 20), number + 6]);
    }
    // A statement longer than one packet goes out in parts.
    let long = format!("SELECT LENGTH('{}')", "x".repeat(40 << 20));
    assert_eq!(session.query_small(long.as_bytes()).unwrap()[0].number(0), 40 << 20);
}

#[test]
fn text_and_binary_agree() {
    let mut session = connect();
    session.execute(b"CREATE DATABASE raw_agree").unwrap();
    session
        .execute(b"CREATE TABLE raw_agree.t (id INT UNSIGNED PRIMARY KEY, s VARCHAR(300), b BLOB, n BIGINT)")
        .unwrap();
    session
        .execute(
            b"INSERT INTO raw_agree.t WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000) \
              SELECT n, IF(n % 7 = 0, NULL, REPEAT(CHAR(97 + n % 26), n % 300)), IF(n % 5 = 0, NULL, UNHEX(SHA2(n, 256))), \
              IF(n % 3 = 0, NULL, -n) FROM r",
        )
        .unwrap();
    let sql = b"SELECT id, s, b, n FROM raw_agree.t ORDER BY id";
    let mut text = Vec::new();
    let mut rows = session.query(sql).unwrap();
    while let Some(row) = rows.next().unwrap() {
        text.push(text_values(row));
    }
    let mut rows = session.query_binary(sql).unwrap();
    let mut count = 0;
    while let Some(row) = rows.next().unwrap() {
        let expected = &text[count];
        assert_eq!(row[0], 0);
        let nulls = row[1];
        let mut rest = &row[2..];
        let number = |bytes: &[u8]| Some(i64::from_le_bytes(bytes.try_into().unwrap()).to_string().into_bytes());
        let id = u32::from_le_bytes(rest[..4].try_into().unwrap());
        assert_eq!(expected[0], Some(id.to_string().into_bytes()));
        rest = &rest[4..];
        for (column, value) in expected.iter().enumerate().skip(1) {
            // Two bits of the bitmap are reserved.
            assert_eq!(nulls >> (column + 2) & 1 == 1, value.is_none());
            match (column, value) {
                (_, None) => {}
                (3, Some(_)) => {
                    assert_eq!(number(&rest[..8]), *value);
                    rest = &rest[8..];
                }
                (_, Some(value)) => {
                    let skip = if value.len() > 250 { 3 } else { 1 };
                    assert_eq!(&rest[skip..skip + value.len()], value);
                    rest = &rest[skip + value.len()..];
                }
            }
        }
        assert!(rest.is_empty());
        count += 1;
    }
    assert_eq!((count, text.len()), (1000, 1000));
    session.execute(b"DROP DATABASE raw_agree").unwrap();
}

/// KILL QUERY ends the rows with an error and leaves the session; KILL ends the session: the rows end with a
/// lost connection, or with the server's word for it where it still got through.
#[test]
fn killed_in_the_middle_of_rows() {
    let sql = b"WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3000000) \
        SELECT n, REPEAT('x', 1000) FROM r";
    let mut killer = connect();
    for kill in ["KILL QUERY", "KILL"] {
        let mut session = connect();
        session.execute(b"SET SESSION cte_max_recursion_depth = 10000000").unwrap();
        let id = session.connection_id();
        let mut rows = session.query(sql).unwrap();
        rows.next().unwrap().unwrap();
        killer.execute(format!("{kill} {id}").as_bytes()).unwrap();
        let error = loop {
            match rows.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("all rows came in spite of {kill}"),
                Err(error) => break error,
            }
        };
        drop(rows);
        if kill == "KILL QUERY" {
            assert_eq!(error.code(), Some(1317), "{error}");
            assert_eq!(session.query_small(b"SELECT 7").unwrap()[0].number(0), 7);
        } else {
            assert!(error.lost() || error.code() == Some(1317), "{error}");
            let after = session.query_small(b"SELECT 7").unwrap_err();
            assert!(after.lost(), "{after}");
            assert_eq!(after.exit(), Exit::ServerLost);
            assert!(session.execute(b"DO 1").unwrap_err().lost());
        }
    }
}

#[test]
fn an_idle_session_that_the_server_closes_is_lost() {
    let mut session = connect();
    session.execute(b"SET SESSION wait_timeout = 1").unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    let error = session.query_small(b"SELECT 7").unwrap_err();
    assert!(error.lost(), "{error}");
}

#[test]
fn a_server_that_dies_in_the_middle_of_rows() {
    let mut sandbox = server::own(server::options());
    let mut session = RawSession::connect(&sandbox.connect_options()).unwrap();
    session.execute(b"SET SESSION cte_max_recursion_depth = 10000000").unwrap();
    let sql = b"WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3000000) \
        SELECT n, REPEAT('x', 1000) FROM r";
    let mut rows = session.query(sql).unwrap();
    rows.next().unwrap().unwrap();
    sandbox.kill9();
    let error = loop {
        match rows.next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("all rows came from a dead server"),
            Err(error) => break error,
        }
    };
    match error {
        ServerError::Lost { doing, .. } => assert!(doing.starts_with("reading the rows of WITH RECURSIVE"), "{doing}"),
        other => panic!("{other}"),
    }
}

/// What a row costs this program: 1,000,000 rows in the shape of sysbench's, read and walked value by value.
#[test]
#[ignore = "a measurement: cargo test --release --test it -- --ignored --nocapture raw::cost_of_a_row"]
fn cost_of_a_row() {
    let mut session = connect();
    session.execute(b"SET SESSION cte_max_recursion_depth = 10000000").unwrap();
    session.execute(b"CREATE DATABASE raw_cost").unwrap();
    session
        .execute(b"CREATE TABLE raw_cost.t (id INT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL)")
        .unwrap();
    session
        .execute(
            b"INSERT INTO raw_cost.t WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000000) \
              SELECT n, n * 7 % 1000003, LEFT(REPEAT(SHA2(n, 256), 2), 119), LEFT(SHA2(n, 224), 59) FROM r",
        )
        .unwrap();
    for round in 0..4 {
        let binary = round == 3;
        let sql = b"SELECT id, k, c, pad FROM raw_cost.t";
        let before = thread_cpu_nanoseconds();
        let mut rows = if binary { session.query_binary(sql) } else { session.query(sql) }.unwrap();
        let (mut count, mut bytes) = (0u64, 0u64);
        while let Some(mut row) = rows.next().unwrap() {
            count += 1;
            bytes += row.len() as u64;
            while let (false, Some((&length, rest))) = (binary, row.split_first()) {
                row = &rest[usize::from(length)..];
            }
        }
        drop(rows);
        let spent = thread_cpu_nanoseconds() - before;
        println!("binary {binary}: {count} rows, {bytes} bytes, {} ns of client CPU a row", spent / count);
        assert_eq!(count, 1_000_000);
    }
    session.execute(b"DROP DATABASE raw_cost").unwrap();
}

fn thread_cpu_nanoseconds() -> u64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    statistics.split_whitespace().next().unwrap().parse().unwrap()
}
