//! What finding the types of JSON values costs the server, beside reading the documents as text: server CPU seconds of
//! the column alone, of the flag alone, and their ratio, for documents of several shapes. `cargo bench --bench json_types`.

use myriad::codec::RowLayout;
use myriad::sandbox::{Kind, ProgramPaths, Sandbox, SandboxOptions};
use myriad::schema::{Column, ColumnKind, QualifiedName, Table};
use myriad::server::RawSession;

const ROWS: u64 = 100_000;
const ROUNDS: usize = 5;

/// A shape, and the SQL that makes its documents from a number `n`.
const SHAPES: [(&str, &str); 5] = [
    (
        "an order event: 6 members, a price, a time",
        "JSON_OBJECT('order', n, 'status', 'shipped', 'amount', n * 1.1e0, 'at', CONCAT('2024-01-02 03:04:', n % 60), 'by', CONCAT('user ', n), 'note', REPEAT('x', 80))",
    ),
    (
        "measurements: 12 numbers in an array",
        "JSON_ARRAY(n*1.01e0, n/3e0, n*0.7e0, n/7e0, n*1.3e0, n/9e0, n*1.01e0, n/3e0, n*0.7e0, n/7e0, n*1.3e0, n/9e0)",
    ),
    (
        "a customer: 12 values, 2 levels, an array",
        "JSON_OBJECT('id', n, 'name', CONCAT('customer number ', n), 'tags', JSON_ARRAY('red', 'green', 'blue'), 'price', n * 1.5e0, 'address', \
         JSON_OBJECT('street', CONCAT('long street name ', n), 'zip', CONCAT(n), 'geo', JSON_ARRAY(n * 0.001e0, n * 0.002e0)), 'active', true, 'note', NULL)",
    ),
    (
        "a text: 3 members, 2 kB",
        "JSON_OBJECT('id', n, 'title', CONCAT('title ', n), 'body', REPEAT('lorem ipsum \"dolor\" ', 100))",
    ),
    (
        "flags: 20 short members",
        "JSON_OBJECT('a',1,'b',2,'c',3,'d',4,'e',5,'f',6,'g',7,'h',8,'i',9,'j',0,'k',1,'l',2,'m',3,'n',4,'o',5,'p',6,'q',7,'r',8,'s',9,'t',n)",
    ),
];

fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the server runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [11, 12].iter().filter_map(|&i| fields.get(i)?.parse::<u64>().ok()).sum()
}

/// Server CPU ticks of one query, read to its end; the least of some rounds.
fn cost(session: &mut RawSession, pid: u32, sql: &str) -> u64 {
    let round = |session: &mut RawSession| {
        let before = cpu_ticks(pid);
        let mut rows = session.query(sql.as_bytes()).expect("the query is right");
        while rows.next().expect("the server sends rows").is_some() {}
        cpu_ticks(pid) - before
    };
    (0..ROUNDS).map(|_| round(session)).min().unwrap_or(0)
}

fn main() -> anyhow::Result<()> {
    let variable = |name| std::env::var_os(name);
    let paths = ProgramPaths::from_environment(
        Kind::Mysql,
        variable("MYRIAD_MYSQLD").as_deref(),
        variable("PATH").as_deref(),
        variable("MYRIAD_MYSQL_HOME").as_deref(),
        variable("XDG_CACHE_HOME").as_deref(),
        variable("HOME").as_deref(),
    );
    let server = Sandbox::start(SandboxOptions::new(paths))?;
    let pid = server.pid().expect("it was just started");
    let mut session = RawSession::connect(&server.connect_options())?;
    let column = Column::new("doc", ColumnKind::Json);
    let flag = RowLayout::of(&Table::of_columns(QualifiedName::new("j", "t"), vec![column])).select_list();
    let flag = flag.strip_suffix(", `doc`").expect("the flag stands before the field").to_owned();
    session.execute(b"CREATE SCHEMA j")?;
    session.execute(b"SET SESSION cte_max_recursion_depth=10000000")?;
    println!("{:<45} {:>6} {:>12} {:>12} {:>7}", "documents", "bytes", "read, us/row", "types, us/row", "ratio");
    for (shape, document) in SHAPES {
        session.execute(b"DROP TABLE IF EXISTS j.t")?;
        session.execute(b"CREATE TABLE j.t (id INT PRIMARY KEY, doc JSON)")?;
        let numbers = format!("WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {ROWS})");
        session.execute(format!("INSERT INTO j.t {numbers} SELECT n, {document} FROM r").as_bytes())?;
        let bytes = session.query_small(b"SELECT AVG(LENGTH(doc)) FROM j.t")?[0].text(0);
        let scan = cost(&mut session, pid, "SELECT id FROM j.t");
        let read = cost(&mut session, pid, "SELECT doc FROM j.t") - scan;
        let types = cost(&mut session, pid, &format!("SELECT {flag} FROM j.t")) - scan;
        let micros = |ticks: u64| ticks as f64 * 10_000.0 / ROWS as f64;
        println!(
            "{shape:<45} {:>6.6} {:>12.2} {:>12.2} {:>7.2}",
            bytes,
            micros(read),
            micros(types),
            types as f64 / read as f64
        );
    }
    Ok(())
}
