//! One table of files: binary values from 128 bytes to 64 kB, half of them already compressed as pictures are, half as
//! repetitive as logs, and a small one that may be NULL. The case where bytes count and rows do not.

use super::words;
use super::{Dataset, TableRows};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

/// Binary digits of the size of the smallest and of the largest value.
const SIZE_BITS: std::ops::Range<f64> = 7.0..16.0;

/// `rows` rows in `blobs.files`, about 10 kB each.
pub fn dataset(rows: u64) -> Dataset {
    let table = TableRows::new("files", "id, name, digest, made_at, body, thumb", rows, |text, rng, id| {
        let mut digest = [0; 32];
        rng.fill_bytes(&mut digest);
        let name = format!("{}-{id:08}.bin", words::city(rng).0);
        text.number(id).text(name).text(digest).moment(rng.random_range(0..180_000_000)).text(body(rng));
        match rng.random_range(0..4) {
            0 => text.null(),
            _ => {
                let mut thumb = vec![0; rng.random_range(0..500)];
                rng.fill_bytes(&mut thumb);
                text.text(thumb)
            }
        };
        text.end();
    });
    Dataset {
        schema: "blobs",
        before: vec![
            "CREATE TABLE files (
               id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, name VARCHAR(120) NOT NULL, digest BINARY(32) NOT NULL,
               made_at DATETIME NOT NULL, body MEDIUMBLOB NOT NULL, thumb BLOB,
               PRIMARY KEY (id)) ENGINE=InnoDB"
                .into(),
        ],
        tables: vec![table.bytes()],
        after: vec!["ALTER TABLE files ADD UNIQUE KEY by_digest (digest), ADD KEY by_name (name)".into()],
    }
}

fn body(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let bytes = 2_f64.powf(rng.random_range(SIZE_BITS)) as usize;
    if rng.random_range(0..2) == 0 {
        let mut body = vec![0; bytes];
        rng.fill_bytes(&mut body);
        return body;
    }
    let line = format!("{} {}\n", words::phrase(rng, 8), words::full_name(rng).0);
    line.into_bytes().into_iter().cycle().take(bytes).collect()
}
