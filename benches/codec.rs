//! The hot path by itself, in MB of row text a second on one core: a row packet walked, escaped and hashed; a row
//! hashed only (proof); a chunk sealed and opened. Run with `cargo bench`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use myriad::codec::frame::{self, Sealer};
use myriad::codec::wire::put_lenenc;
use myriad::codec::{ROW_TEXT_VERSION, RowEncoder, RowLayout, Tally};
use myriad::schema::{Column, ColumnKind, QualifiedName, Table};
use rand::{RngExt, SeedableRng};
use std::hint::black_box;

const ROWS: usize = 50_000;

fn table(columns: Vec<Column>) -> Table {
    Table::of_columns(QualifiedName::new("bench", "t"), columns)
}

/// Rows of sysbench's shape as text packets: id, k, c CHAR(120), pad CHAR(60).
fn sysbench() -> (Table, Vec<Vec<u8>>) {
    let columns = [
        Column::new("id", ColumnKind::Integer),
        Column::new("k", ColumnKind::Integer),
        Column::new("c", ColumnKind::Text),
        Column::new("pad", ColumnKind::Text),
    ];
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut digits = |groups: usize| {
        let group = |_| format!("{:011}", random.random_range(0..100_000_000_000u64));
        (0..groups).map(group).collect::<Vec<_>>().join("-")
    };
    let packets = (0..ROWS)
        .map(|id| {
            let mut packet = Vec::new();
            for value in [id.to_string(), (id * 7919 % ROWS).to_string(), digits(10), digits(5)] {
                put_lenenc(&mut packet, value.as_bytes());
            }
            packet
        })
        .collect();
    (table(columns.into()), packets)
}

/// Rows of ten numbers, dates and short texts with a byte to escape here and there.
fn mixed() -> (Table, Vec<Vec<u8>>) {
    use ColumnKind::{Date, Datetime, Decimal, Integer, Text};
    let kinds = [Integer, Integer, Decimal, Datetime, Date, Text, Text, Integer, Decimal, Text];
    let columns = kinds.iter().enumerate().map(|(i, kind)| Column::new(format!("c{i}"), *kind)).collect();
    let packets = (0..ROWS)
        .map(|id| {
            let mut packet = Vec::new();
            for (i, kind) in kinds.iter().enumerate() {
                let value = match kind {
                    Decimal => format!("{}.{:02}", id * i, id % 100),
                    Datetime => format!("2024-01-{:02} 12:{:02}:{:02}", id % 28 + 1, id % 60, i),
                    Date => format!("2024-02-{:02}", id % 28 + 1),
                    Text if id % 10 == 0 => format!("a\tb\nc\\{id}"),
                    Text => format!("some words of text {id}"),
                    _ => (id * (i + 1)).to_string(),
                };
                put_lenenc(&mut packet, value.as_bytes());
            }
            packet
        })
        .collect();
    (table(columns), packets)
}

fn encoder(table: &Table) -> RowEncoder {
    RowEncoder::new(RowLayout::of(table), Vec::new(), "bench.t")
}

/// All rows as one chunk of row text.
fn row_text(table: &Table, packets: &[Vec<u8>]) -> Vec<u8> {
    let (mut encoder, mut text, mut tally) = (encoder(table), Vec::new(), Tally::default());
    for packet in packets {
        encoder.encode(packet, Some(&mut text), &mut tally).expect("packets fit");
    }
    text
}

fn rows(criterion: &mut Criterion) {
    for (name, (table, packets)) in [("sysbench", sysbench()), ("mixed", mixed())] {
        let mut group = criterion.benchmark_group(name);
        let mut text = row_text(&table, &packets);
        group.throughput(Throughput::Bytes(text.len() as u64));
        let mut encoder = encoder(&table);
        group.bench_function("decode, encode, digest", |bencher| {
            bencher.iter(|| {
                text.clear();
                let mut tally = Tally::default();
                for packet in &packets {
                    encoder.encode(black_box(packet), Some(&mut text), &mut tally).expect("packets fit");
                }
                tally
            });
        });
        group.bench_function("digest", |bencher| {
            bencher.iter(|| {
                let mut tally = Tally::default();
                for packet in &packets {
                    encoder.encode(black_box(packet), None, &mut tally).expect("packets fit");
                }
                tally
            });
        });
        let content = frame::content_id(&text, &[], ROW_TEXT_VERSION);
        let mut sealer = Sealer::new(myriad::limits::ZSTD_LEVEL).expect("a zstd context");
        let packed = sealer.seal(&text, "bench").expect("it compresses");
        group.bench_function("content id", |bencher| {
            bencher.iter(|| frame::content_id(black_box(&text), &[], ROW_TEXT_VERSION));
        });
        group.bench_function("seal", |bencher| {
            bencher.iter(|| sealer.seal(black_box(&text), "bench").expect("it compresses"))
        });
        group.bench_function("open", |bencher| {
            bencher.iter(|| {
                let bytes = text.len() as u64;
                frame::open_chunk(black_box(&packed), bytes, None, content, "bench").expect("it opens")
            });
        });
        group.finish();
    }
}

criterion_group!(benches, rows);
criterion_main!(benches);
