//! A real key near the middle of what remains of a range, so that half of it can go to an idle worker.
//!
//! Numbers, moments and byte-like text are halved by arithmetic on the first column in which the ends differ, and
//! the server is asked for the next key there (one dive into the index). Other kinds, and lopsided data where that
//! finds nothing, step over a bounded number of keys. Any key between the ends is right; only the balance depends
//! on the choice, and a range that was split badly is split again.

use super::Source;
use crate::codec::RowEncoder;
use crate::codec::layout::{Protocol, RangeQuery, RowLayout};
use crate::schema::key::value_literal;
use crate::schema::{Bound, ColumnKind, KeyValue, Range, RangeKey, Table, quote};
use crate::server::ServerError;
use crate::server::raw::RawSession;

/// Keys stepped over at most where arithmetic does not help: about a tenth of a second on the server.
const STEP_MAX: u64 = 200_000;

/// How often the middle is moved down where no key lies above it; each time is one dive into the index.
const HALVINGS_MAX: usize = 8;

/// A key strictly inside `range`, whose lower bound is given and in which about `rows` rows are left; none where there is
/// none to be had.
pub(super) fn find(
    session: &mut RawSession,
    source: &Source,
    partition: Option<&str>,
    range: &Range,
    rows: u64,
) -> Result<Option<Bound>, ServerError> {
    let table = &source.table;
    let (Some(key), Some(lo)) = (&table.range_key, &range.lo) else { return Ok(None) };
    let mut asker = Asker { session, table, key, partition };
    let hi = match &range.hi {
        Some(hi) => hi.clone(),
        None => match asker.last(range)? {
            Some(last) => last,
            None => return Ok(None),
        },
    };
    // Where nothing lies above the middle the rows stand below it: the middle of that half is asked for next.
    let mut upto = hi.clone();
    for _ in 0..HALVINGS_MAX {
        let Some((condition, middle)) = middle_condition(key, table, lo, &upto) else { break };
        match asker.first(range, &condition, 0)? {
            Some(found) if found != hi && found != *lo => return Ok(Some(found)),
            _ if middle == upto => break,
            _ => upto = middle,
        }
    }
    let step = (rows / 2).clamp(1, STEP_MAX);
    Ok(asker.first(range, "", step)?.filter(|found| *found != hi))
}

/// Asks for single keys of one table in the worker's own snapshot.
struct Asker<'a> {
    session: &'a mut RawSession,
    table: &'a Table,
    key: &'a RangeKey,
    partition: Option<&'a str>,
}

impl Asker<'_> {
    /// The key `skip` rows after the first one of `range` for which `condition` holds.
    fn first(&mut self, range: &Range, condition: &str, skip: u64) -> Result<Option<Bound>, ServerError> {
        let bounds = self.key.condition(range, &self.table.columns).unwrap_or_default();
        let mut sql = self.select(self.key, &[&bounds, condition]);
        sql.push_str(&format!(" LIMIT 1 OFFSET {skip}"));
        self.ask(&sql)
    }

    /// The last key of `range`.
    fn last(&mut self, range: &Range) -> Result<Option<Bound>, ServerError> {
        let bounds = self.key.condition(range, &self.table.columns).unwrap_or_default();
        let mut reversed = self.key.clone();
        reversed.columns.iter_mut().for_each(|column| column.descending = !column.descending);
        let mut sql = self.select(&reversed, &[&bounds]);
        sql.push_str(" LIMIT 1");
        self.ask(&sql)
    }

    fn select(&self, order: &RangeKey, conditions: &[&str]) -> String {
        self.layout().select(&RangeQuery {
            table: &self.table.name.sql(),
            partition: self.partition,
            key: Some(order),
            conditions,
            limit: None,
        })
    }

    fn layout(&self) -> RowLayout {
        RowLayout::of_columns(self.table, |place| self.key.columns.iter().any(|column| column.column == place))
    }

    fn ask(&mut self, sql: &str) -> Result<Option<Bound>, ServerError> {
        let layout = self.layout();
        let mut rows = match layout.protocol {
            Protocol::Text => self.session.query(sql.as_bytes())?,
            Protocol::Binary => self.session.query_binary(sql.as_bytes())?,
        };
        let types = rows.columns().iter().map(|column| column.type_byte).collect();
        let mut encoder = RowEncoder::new(layout, types, self.table.name.to_string());
        let mut bound = None;
        while let Some(packet) = rows.next()? {
            bound = encoder.values(packet).ok().and_then(|values| encoder.layout().bound(self.key, &values));
        }
        Ok(bound)
    }
}

/// A condition that holds from about the middle between two bounds on, and that middle as a bound: the columns that are
/// equal in both, and the first that differs compared with the mean. None where the kind has no arithmetic here.
fn middle_condition(key: &RangeKey, table: &Table, lo: &Bound, hi: &Bound) -> Option<(String, Bound)> {
    let mut equal = String::new();
    for (at, ((part, low), high)) in key.columns.iter().zip(&lo.0).zip(&hi.0).enumerate() {
        let column = &table.columns[part.column];
        let name = quote(&part.name);
        if low == high {
            equal.push_str(&format!("{name} = {} AND ", value_literal(low, column)));
            continue;
        }
        let middle = match (column.kind, low, high) {
            (
                ColumnKind::Integer
                | ColumnKind::Decimal
                | ColumnKind::Bit
                | ColumnKind::Year
                | ColumnKind::Enum
                | ColumnKind::Set,
                KeyValue::Plain(low),
                KeyValue::Plain(high),
            ) => KeyValue::Plain(middle_number(low, high)?),
            (ColumnKind::Float | ColumnKind::Double, KeyValue::Plain(low), KeyValue::Plain(high)) => {
                let (low, high): (f64, f64) = (low.parse().ok()?, high.parse().ok()?);
                KeyValue::Plain(format!("{:e}", low / 2.0 + high / 2.0))
            }
            (
                ColumnKind::Date | ColumnKind::Datetime | ColumnKind::Timestamp,
                KeyValue::Plain(low),
                KeyValue::Plain(high),
            ) => KeyValue::Plain(middle_moment(low, high)?),
            (ColumnKind::Text | ColumnKind::Bytes, KeyValue::Bytes(low), KeyValue::Bytes(high)) => {
                let bytewise = column.kind == ColumnKind::Bytes
                    || matches!(column.charset.as_deref(), Some("utf8mb4" | "utf8mb3" | "latin1" | "ascii" | "binary"));
                KeyValue::Bytes(middle_bytes(low, high, column.kind == ColumnKind::Bytes).filter(|_| bytewise)?)
            }
            _ => return None,
        };
        let operator = if part.descending { "<=" } else { ">=" };
        let condition = format!("{equal}{name} {operator} {}", value_literal(&middle, column));
        let mut bound = hi.clone();
        bound.0[at] = middle;
        return Some((condition, bound));
    }
    None
}

/// The mean of two numbers, fractions left out; of two neighbours the second one, since rows of the first may well be
/// behind us.
fn middle_number(low: &str, high: &str) -> Option<String> {
    let whole = |text: &str| text.split('.').next().and_then(|digits| digits.parse::<i128>().ok());
    let (low, high) = (whole(low)?, whole(high)?);
    let apart = high - low;
    Some((low + (apart + apart.signum()) / 2).to_string())
}

/// A moment about half way between two, as a day and a time that exist: months count 31 days here, zero parts are
/// taken as they come.
fn middle_moment(low: &str, high: &str) -> Option<String> {
    /// Year, month, day, hour, minute, second: how many there are of each but the first.
    const RADIX: [i64; 5] = [13, 32, 24, 60, 60];
    let seconds = |text: &str| {
        let whole = text.split('.').next().unwrap_or_default();
        let mut parts = whole.split(['-', ' ', ':']).map(|part| part.parse::<i64>().ok());
        let year = parts.next()??;
        RADIX.iter().try_fold(year, |sum, radix| Some(sum * radix + parts.next().unwrap_or(Some(0))?))
    };
    let (low, high) = (seconds(low)?, seconds(high)?);
    let mut rest = low + (high - low) / 2;
    let mut parts = [0; 5];
    for (part, radix) in parts.iter_mut().zip(RADIX).rev() {
        (*part, rest) = (rest % radix, rest / radix);
    }
    let [month, day, hour, minute, second] = parts;
    let (month, day) = (month.max(1), day.clamp(1, 28));
    Some(format!("{rest:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"))
}

/// A byte string about half way between two: their common prefix, then the mean of the bytes behind it. For text the
/// result stays ASCII, so that it is whole in every character set that is asked for.
fn middle_bytes(low: &[u8], high: &[u8], any_byte: bool) -> Option<Vec<u8>> {
    let common = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    let two = |bytes: &[u8]| {
        let byte = |at: usize| u32::from(bytes.get(at).copied().unwrap_or(0));
        byte(common) << 8 | byte(common + 1)
    };
    let (a, b) = (two(low), two(high));
    let mean = (a + b) / 2;
    let mut middle = low[..common].to_vec();
    middle.push((mean >> 8) as u8);
    middle.push(mean as u8);
    if !any_byte {
        if !low[..common].is_ascii() {
            return None;
        }
        for byte in &mut middle[common..] {
            *byte = (*byte).clamp(b'0', b'z');
        }
    }
    Some(middle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A moment as the server prints it: zero and partial dates, with and without a time.
    fn moment() -> impl Strategy<Value = String> {
        let parts = (0u32..10_000, 0u32..13, 0u32..32, 0u32..24, 0u32..60, 0u32..60, 0usize..3);
        parts.prop_map(|(year, month, day, hour, minute, second, form)| {
            let date = format!("{year:04}-{month:02}-{day:02}");
            let clock = format!("{hour:02}:{minute:02}:{second:02}");
            [date.clone(), format!("{date} {clock}"), format!("{date} {clock}.000001")][form].clone()
        })
    }

    proptest! {
        #[test]
        fn a_number_in_the_middle_lies_between(low in any::<i64>(), high in any::<u64>(), scale in 0usize..3) {
            let fraction = ["", ".5", ".000000000000000000000000000001"][scale];
            let (low, high) = (format!("{low}{fraction}"), format!("{high}{fraction}"));
            for (from, to) in [(&low, &high), (&high, &low)] {
                let whole = |text: &str| text.split('.').next().unwrap().parse::<i128>().unwrap();
                let middle = whole(&middle_number(from, to).unwrap());
                let (least, most) = (whole(from).min(whole(to)), whole(from).max(whole(to)));
                prop_assert!(least <= middle && middle <= most);
                // It moves, so that halving ends.
                prop_assert!(middle != whole(from) || least == most);
            }
        }

        #[test]
        fn a_moment_in_the_middle_exists(from in moment(), to in moment()) {
            let middle = middle_moment(&from, &to).unwrap();
            let parts: Vec<u32> = middle.split(['-', ' ', ':']).map(|part| part.parse().unwrap()).collect();
            let [year, month, day, hour, minute, second] = parts[..] else { panic!("{middle}") };
            prop_assert!(year <= 9999 && (1..=12).contains(&month) && (1..=28).contains(&day), "{}", middle);
            prop_assert!(hour < 24 && minute < 60 && second < 60, "{}", middle);
            let years = [from[..4].to_owned(), to[..4].to_owned(), middle[..4].to_owned()];
            prop_assert!(years[..2].iter().min() <= Some(&years[2]) && Some(&years[2]) <= years[..2].iter().max());
        }

        #[test]
        fn bytes_in_the_middle_keep_what_is_common(
            common in prop::collection::vec(any::<u8>(), 0..4),
            low in prop::collection::vec(any::<u8>(), 0..4),
            high in prop::collection::vec(any::<u8>(), 0..4),
            any_byte in any::<bool>(),
        ) {
            let (low, high) = ([&common[..], &low].concat(), [&common[..], &high].concat());
            let middle = middle_bytes(&low, &high, any_byte);
            match middle {
                Some(middle) => {
                    prop_assert!(middle.starts_with(&common));
                    prop_assert!(any_byte || middle.is_ascii());
                }
                None => prop_assert!(!any_byte),
            }
        }
    }

    #[test]
    fn middles() {
        assert_eq!(middle_number("-10", "20").as_deref(), Some("5"));
        assert_eq!(middle_number("0", "18446744073709551615").as_deref(), Some("9223372036854775808"));
        assert_eq!(middle_number("0", "1").as_deref(), Some("1"));
        assert_eq!(middle_number("1", "0").as_deref(), Some("0"));
        assert_eq!(middle_number("1.50", "9.99").as_deref(), Some("5"));
        assert_eq!(middle_moment("2020-01-01", "2020-01-03").as_deref(), Some("2020-01-02 00:00:00"));
        assert_eq!(
            middle_moment("0000-00-00 00:00:00.000000", "2020-12-31 23:59:59.9").as_deref(),
            Some("1010-06-15 23:59:59")
        );
        assert_eq!(middle_bytes(b"3fa", b"f00", false).as_deref(), Some(&b"Lz"[..]));
        assert_eq!(middle_bytes(b"ab1", b"ab9", true), Some(vec![b'a', b'b', b'5', 0]));
        assert_eq!(middle_bytes("ä1".as_bytes(), "ä9".as_bytes(), false), None);
    }
}
