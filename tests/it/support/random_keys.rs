//! Key columns of every type with random values, drawn so that many of them lie close together: the same letters in another
//! case, with and without spaces behind them, numbers beside the ends of their type.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

/// A type of a key column, and how its values are drawn.
#[derive(Clone, Debug)]
pub struct KeyType {
    /// As CREATE TABLE takes it.
    pub sql: String,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    Integer {
        bits: u32,
        unsigned: bool,
    },
    Decimal {
        whole: usize,
        scale: usize,
        unsigned: bool,
    },
    Float,
    Double,
    /// FLOAT(10,2), DOUBLE(20,3).
    Rounded,
    Bit(u32),
    Date,
    Time(usize),
    Datetime(usize),
    Timestamp(usize),
    Year,
    /// Characters that the column's set may or may not have; raw bytes too where it has all 256.
    Text {
        any_byte: bool,
    },
    Bytes,
    /// ENUM or SET by number.
    Member(u64),
}

fn key(sql: impl Into<String>, values: Values) -> KeyType {
    KeyType { sql: sql.into(), values }
}

/// Every type that is no text.
pub fn plain_types() -> Vec<KeyType> {
    use Values::*;
    let mut types = Vec::new();
    for (name, bits) in [("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)] {
        types.push(key(name, Integer { bits, unsigned: false }));
        types.push(key(format!("{name} UNSIGNED"), Integer { bits, unsigned: true }));
    }
    types.extend([
        key("INT(10) ZEROFILL", Integer { bits: 32, unsigned: true }),
        key("DECIMAL(65,30)", Decimal { whole: 35, scale: 30, unsigned: false }),
        key("DECIMAL(5,0)", Decimal { whole: 5, scale: 0, unsigned: false }),
        key("DECIMAL(9,4) UNSIGNED ZEROFILL", Decimal { whole: 5, scale: 4, unsigned: true }),
        key("FLOAT", Float),
        key("FLOAT(10,2)", Rounded),
        key("DOUBLE", Double),
        key("DOUBLE(20,3)", Rounded),
        key("BIT(1)", Bit(1)),
        key("BIT(17)", Bit(17)),
        key("BIT(64)", Bit(64)),
        key("DATE", Date),
        key("YEAR", Year),
        key("BINARY(6)", Bytes),
        key("VARBINARY(6)", Bytes),
    ]);
    for fraction in [0, 3, 6] {
        types.push(key(format!("TIME({fraction})"), Time(fraction)));
        types.push(key(format!("DATETIME({fraction})"), Datetime(fraction)));
        types.push(key(format!("TIMESTAMP({fraction})"), Timestamp(fraction)));
    }
    types
}

/// Text of a collation.
pub fn text_type(charset: &str, collation: &str, fixed: bool) -> KeyType {
    let name = if fixed { "CHAR" } else { "VARCHAR" };
    let values = Values::Text { any_byte: charset == "latin1" };
    key(format!("{name}(6) CHARACTER SET {charset} COLLATE {collation}"), values)
}

/// ENUM and SET, which no key of ranges begins with.
pub fn member_types() -> Vec<KeyType> {
    vec![key("ENUM('z','a','m','A1')", Values::Member(4)), key("SET('c','b','a','d')", Values::Member(15))]
}

impl KeyType {
    /// A value as SQL.
    pub fn value(&self, rng: &mut ChaCha8Rng) -> String {
        match &self.values {
            Values::Integer { bits, unsigned } => integer(rng, *bits, *unsigned),
            Values::Decimal { whole, scale, unsigned } => decimal(rng, *whole, *scale, *unsigned),
            Values::Float => float(rng),
            Values::Double => double(rng),
            Values::Rounded => format!("{:e}", rng.random_range(-99_999..99_999) as f64 / 700.0),
            Values::Bit(bits) => integer(rng, *bits, true),
            Values::Date => format!("'{}'", date(rng)),
            Values::Time(digits) => time(rng, *digits),
            Values::Datetime(digits) => format!("'{} {}'", date(rng), clock(rng, *digits)),
            Values::Timestamp(digits) => timestamp(rng, *digits),
            Values::Year => {
                if rng.random_bool(0.1) {
                    "0".into()
                } else {
                    rng.random_range(1901..=2155).to_string()
                }
            }
            Values::Text { any_byte } => text(rng, *any_byte),
            Values::Bytes => bytes(rng),
            Values::Member(most) => rng.random_range(0..=*most).to_string(),
        }
    }
}

/// Near nought, near an end, or anywhere.
fn integer(rng: &mut ChaCha8Rng, bits: u32, unsigned: bool) -> String {
    let (least, most) = match unsigned {
        true => (0, (1i128 << bits) - 1),
        false => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
    };
    let near = i128::from(rng.random_range(0..40u8));
    let number = match rng.random_range(0..5) {
        0 => least + near,
        1 => most - near,
        2 => near - 20,
        _ => least + (rng.next_u64() as i128).rem_euclid(most - least + 1),
    };
    number.clamp(least, most).to_string()
}

fn decimal(rng: &mut ChaCha8Rng, whole: usize, scale: usize, unsigned: bool) -> String {
    // Few different digits, so that many values are neighbours.
    let mut digits = |count: usize, most: u8| -> String {
        let kept = rng.random_range(0..=count);
        let digits = (0..kept).map(|_| char::from(b'0' + [0, 1, 9][usize::from(rng.random_range(0..=most))]));
        digits.collect()
    };
    let (before, after) = (digits(whole, 2), digits(scale, 1));
    let sign = if !unsigned && rng.random_bool(0.5) { "-" } else { "" };
    format!("{sign}{before:0>1}.{after:0<1}")
}

fn float(rng: &mut ChaCha8Rng) -> String {
    let odd = [0.1f32, -0.0, 0.0, 1.0 / 3.0, 16_777_216.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, 0.3];
    let near = *odd.choose(rng).unwrap();
    let number = match rng.random_range(0..3) {
        0 => near,
        1 => f32::from_bits(near.to_bits().wrapping_add(rng.random_range(0..3))),
        _ => f32::from_bits(rng.next_u32()),
    };
    if number.is_finite() { format!("{:e}", f64::from(number)) } else { "1e0".into() }
}

fn double(rng: &mut ChaCha8Rng) -> String {
    let odd = [0.1f64, -0.0, 0.0, 1.0 / 3.0, 9_007_199_254_740_993.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324];
    let near = *odd.choose(rng).unwrap();
    let number = match rng.random_range(0..3) {
        0 => near,
        1 => f64::from_bits(near.to_bits().wrapping_add(rng.random_range(0..3))),
        _ => f64::from_bits(rng.next_u64()),
    };
    if number.is_finite() { format!("{number:e}") } else { "1e0".into() }
}

fn date(rng: &mut ChaCha8Rng) -> String {
    let odd = ["0000-00-00", "2024-00-00", "2024-02-00", "2024-02-31", "9999-12-31", "0001-01-01"];
    match rng.random_range(0..5) {
        0 => odd.choose(rng).unwrap().to_string(),
        1 => format!("2024-02-{:02}", rng.random_range(1..=28)),
        _ => {
            format!("{:04}-{:02}-{:02}", rng.random_range(1..10_000), rng.random_range(1..13), rng.random_range(1..29))
        }
    }
}

fn clock(rng: &mut ChaCha8Rng, digits: usize) -> String {
    let whole = match rng.random_bool(0.5) {
        true => format!("00:00:{:02}", rng.random_range(0..3)),
        false => {
            format!("{:02}:{:02}:{:02}", rng.random_range(0..24), rng.random_range(0..60), rng.random_range(0..60))
        }
    };
    format!("{whole}{}", fraction(rng, digits))
}

fn fraction(rng: &mut ChaCha8Rng, digits: usize) -> String {
    match digits {
        0 => String::new(),
        _ => format!(".{:0digits$}", rng.random_range(0..10u32.pow(digits as u32))),
    }
}

fn time(rng: &mut ChaCha8Rng, digits: usize) -> String {
    let sign = if rng.random_bool(0.5) { "-" } else { "" };
    match rng.random_range(0..4) {
        0 => format!("'{sign}838:59:{:02}'", rng.random_range(50..60)),
        1 => format!("'{sign}00:00:00{}'", fraction(rng, digits)),
        _ => format!(
            "'{sign}{:02}:{:02}:{:02}{}'",
            rng.random_range(0..838),
            rng.random_range(0..60),
            rng.random_range(0..60),
            fraction(rng, digits)
        ),
    }
}

/// In UTC, hours that a summer time has twice or not at all among them.
fn timestamp(rng: &mut ChaCha8Rng, digits: usize) -> String {
    let seconds = match rng.random_range(0..5) {
        0 => return "0".into(),
        1 => 1_729_990_800 + rng.random_range(0..7200),
        2 => i64::from(i32::MAX) - rng.random_range(1..5),
        _ => rng.random_range(1..i64::from(i32::MAX)),
    };
    let moment = jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y-%m-%d %H:%M:%S");
    format!("'{moment}{}'", fraction(rng, digits))
}

/// Letters that collations treat as equal, as longer, as nothing; both halves of what UTF-16 needs two units for; second
/// bytes that are a backslash in gbk and sjis.
const LETTERS: [&str; 52] = [
    "a",
    "A",
    "b",
    "B",
    "e",
    "s",
    "S",
    "ss",
    "z",
    "Z",
    "0",
    "9",
    " ",
    "  ",
    "-",
    "_",
    "%",
    "'",
    "\\",
    "\t",
    "\n",
    "\0",
    "\u{1f}",
    "~",
    "\u{e4}",
    "\u{c4}",
    "a\u{308}",
    "\u{e1}",
    "\u{e9}",
    "\u{df}",
    "\u{1e9e}",
    "\u{f6}",
    "\u{f1}",
    "ch",
    "ll",
    "\u{142}",
    "\u{131}",
    "\u{130}",
    "i",
    "\u{d0}",
    "\u{3a3}",
    "\u{3c2}",
    "\u{436}",
    "\u{4e57}",
    "\u{8868}",
    "\u{30bd}",
    "\u{ff7f}",
    "\u{304b}\u{3099}",
    "\u{ac00}",
    "\u{1f600}",
    "\u{200b}",
    "\u{fffd}",
];

fn text(rng: &mut ChaCha8Rng, any_byte: bool) -> String {
    if any_byte && rng.random_bool(0.3) {
        return format!("_latin1 x'{}'", random_hex(rng));
    }
    let mut text = String::new();
    for _ in 0..rng.random_range(0..4) {
        text.push_str(LETTERS.choose(rng).unwrap());
    }
    let text: String = text.chars().take(6).collect();
    format!("_utf8mb4 x'{}'", hex::encode(text))
}

fn bytes(rng: &mut ChaCha8Rng) -> String {
    format!("x'{}'", random_hex(rng))
}

fn random_hex(rng: &mut ChaCha8Rng) -> String {
    let odd = [0u8, 0x20, b'\\', b'\'', 0xff, 0x7f, 0x80];
    let count = rng.random_range(0..5);
    let bytes: Vec<u8> =
        (0..count).map(|_| if rng.random_bool(0.5) { *odd.choose(rng).unwrap() } else { rng.random() }).collect();
    hex::encode(bytes)
}
