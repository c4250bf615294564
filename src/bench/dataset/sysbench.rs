//! Tables of the shape that sysbench's OLTP tests use: a counter, an indexed integer and two texts of digit
//! groups.

use super::{Dataset, TableRows, text::RowText};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// `tables` tables of `rows` rows in the schema `sbtest`.
pub fn dataset(tables: u32, rows: u64) -> Dataset {
    let name = |i: u32| format!("sbtest{i}");
    let mut before = vec![];
    let mut after = vec![];
    for i in 1..=tables {
        before.push(format!(
            "CREATE TABLE {} (id INT NOT NULL AUTO_INCREMENT, k INT NOT NULL DEFAULT '0', c CHAR(120) NOT NULL DEFAULT '', \
             pad CHAR(60) NOT NULL DEFAULT '', PRIMARY KEY (id)) ENGINE=InnoDB",
            name(i)
        ));
        after.push(format!("ALTER TABLE {} ADD KEY k_{i} (k)", name(i)));
    }
    Dataset {
        schema: "sbtest",
        before,
        tables: (1..=tables)
            .map(|i| {
                TableRows::new(name(i), "id, k, c, pad", rows, move |text, rng, id| {
                    text.number(id).number(key(rng, rows)).text(digits(rng, 10)).text(digits(rng, 5));
                    RowText::end(text);
                })
            })
            .collect(),
        after,
    }
}

/// Around the middle, as sysbench's own distribution is: the mean of a few uniform draws.
fn key(rng: &mut ChaCha8Rng, rows: u64) -> u64 {
    let sum: u64 = (0..4).map(|_| rng.random_range(1..=rows)).sum();
    (sum / 4).max(1)
}

/// `groups` groups of eleven digits with dashes between.
fn digits(rng: &mut ChaCha8Rng, groups: usize) -> String {
    let mut text = String::with_capacity(groups * 12);
    for group in 0..groups {
        if group > 0 {
            text.push('-');
        }
        let value: u64 = rng.random_range(0..100_000_000_000);
        text.push_str(&format!("{value:011}"));
    }
    text
}
