//! One table of twelve columns of many kinds with four secondary indexes in random order: the case where
//! building indexes late matters most.

use super::words;
use super::{Dataset, TableRows};
use rand::RngExt;

/// `rows` rows in `wide.readings`.
pub fn dataset(rows: u64) -> Dataset {
    let columns = "id, device, amount, taken_at, seen_at, value, code, name, city, note, level, flags";
    let table = TableRows::new("readings", columns, rows, |text, rng, id| {
        let (first, last) = words::full_name(rng);
        let taken: u64 = rng.random_range(0..180_000_000);
        text.number(id)
            .number(rng.random_range(1..50_000))
            .decimal(rng.random_range(-10_000_000..1_000_000_000), 2)
            .moment(taken)
            .moment_fraction(taken + rng.random_range(0..1_000_000), rng.random_range(0..1_000_000), 6)
            .text(format!("{}", rng.random_range(-1.0e6..1.0e6_f64)))
            .text(format!("{:010X}", rng.random_range(0..1_u64 << 40)))
            .text(format!("{first} {last} {}", rng.random_range(1..10_000)))
            .text(words::city(rng).0);
        let note = words::phrase(rng, 6);
        text.text(note).number(rng.random_range(0..100)).number(rng.random_range(0..1_u64 << 63)).end();
    });
    Dataset {
        schema: "wide",
        before: vec![
            "CREATE TABLE readings (
               id INT NOT NULL AUTO_INCREMENT, device INT NOT NULL, amount DECIMAL(12,2) NOT NULL,
               taken_at DATETIME NOT NULL, seen_at TIMESTAMP(6) NOT NULL, value DOUBLE NOT NULL,
               code CHAR(10) CHARACTER SET ascii NOT NULL, name VARCHAR(80) NOT NULL, city VARCHAR(40) NOT NULL,
               note VARCHAR(200), level TINYINT NOT NULL, flags BIGINT UNSIGNED NOT NULL,
               PRIMARY KEY (id)) ENGINE=InnoDB"
                .into(),
        ],
        tables: vec![table],
        after: vec![
            "ALTER TABLE readings ADD KEY by_device (device, taken_at), ADD KEY by_name (name), \
             ADD KEY by_amount (amount), ADD KEY by_time (taken_at)"
                .into(),
        ],
    }
}
