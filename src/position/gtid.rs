//! GTID sets and their arithmetic. Takes and gives the text form of MySQL, tags of 8.3 and later included
//! (`uuid:1-5:7:tag:1-3,…`). MariaDB's GTID positions (`0-1-5`) are something else and are refused.

use crate::error::{Exit, Explain};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A server's transactions are numbered from 1 to this (MySQL's `GNO_END` - 1).
const NUMBER_MAX: u64 = i64::MAX as u64 - 1;
const TAG_CHARS_MAX: usize = 32;

/// A text that is no GTID set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` is no part of a GTID set: {why}")]
pub struct GtidSetError {
    /// The part that cannot be read.
    pub part: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Explain for GtidSetError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("a GTID set is like 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:9, several of them joined by commas".into())
    }
}

/// Who gave the numbers: a server's UUID, and a tag or the empty one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    /// 32 hexadecimal digits.
    uuid: u128,
    tag: String,
}

/// A set of transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GtidSet {
    /// Ranges with both ends included, in order, with a gap between any two; never an empty list.
    ranges: BTreeMap<Origin, Vec<(u64, u64)>>,
}

impl GtidSet {
    /// True where there is no transaction in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many transactions are in it.
    pub fn count(&self) -> u128 {
        self.ranges.values().flatten().map(|(first, last)| u128::from(last - first) + 1).sum()
    }

    /// True where every transaction of `other` is in this set too.
    pub fn contains(&self, other: &GtidSet) -> bool {
        other.subtract(self).is_empty()
    }

    /// True where no transaction is in both.
    pub fn is_disjoint(&self, other: &GtidSet) -> bool {
        self.subtract(other) == *self
    }

    /// The transactions of either.
    pub fn union(&self, other: &GtidSet) -> GtidSet {
        let mut union = self.clone();
        for (origin, ranges) in &other.ranges {
            let joined = union.ranges.entry(origin.clone()).or_default();
            joined.extend_from_slice(ranges);
            *joined = in_order(std::mem::take(joined));
        }
        union
    }

    /// The transactions of this set that are not in `other`.
    pub fn subtract(&self, other: &GtidSet) -> GtidSet {
        let mut rest = BTreeMap::new();
        for (origin, ranges) in &self.ranges {
            let left = match other.ranges.get(origin) {
                Some(taken) => without(ranges, taken),
                None => ranges.clone(),
            };
            if !left.is_empty() {
                rest.insert(origin.clone(), left);
            }
        }
        GtidSet { ranges: rest }
    }

    /// Adds one transaction; `tag` is empty where it has none. Cheap where it is the next one of its server.
    ///
    /// # Errors
    /// Where no server gives such a number or tag.
    pub fn add(&mut self, uuid: u128, tag: &str, number: u64) -> Result<(), GtidSetError> {
        let tag = if tag.is_empty() { String::new() } else { parse_tag(tag)? };
        if !(1..=NUMBER_MAX).contains(&number) {
            return Err(refuse(&number.to_string(), "a transaction number is wanted"));
        }
        let ranges = self.ranges.entry(Origin { uuid, tag }).or_default();
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => {
                ranges.push((number, number));
                *ranges = in_order(std::mem::take(ranges));
            }
        }
        Ok(())
    }

    /// The set as Previous_gtids events and COM_BINLOG_DUMP_GTID carry it (seen on 9.7.4): a count of servers in eight
    /// bytes, for each its UUID, with a tag in the set also the tag, and its ranges with the end left out. With tags the
    /// count stands in six bytes between two that are 1.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tagged = self.ranges.keys().any(|origin| !origin.tag.is_empty());
        let count = self.ranges.len() as u64;
        let mut bytes = if tagged { 1 << 56 | count << 8 | 1 } else { count }.to_le_bytes().to_vec();
        for (origin, ranges) in &self.ranges {
            bytes.extend_from_slice(&origin.uuid.to_be_bytes());
            if tagged {
                // A number of one byte in the server's serialization has its lowest bit clear; a tag has 32 at most.
                bytes.push((origin.tag.len() as u8) << 1);
                bytes.extend_from_slice(origin.tag.as_bytes());
            }
            bytes.extend_from_slice(&(ranges.len() as u64).to_le_bytes());
            for (first, last) in ranges {
                bytes.extend_from_slice(&first.to_le_bytes());
                bytes.extend_from_slice(&(last + 1).to_le_bytes());
            }
        }
        bytes
    }

    /// Reads what [`GtidSet::to_bytes`] writes. None where the bytes are no such set.
    pub fn from_bytes(bytes: &[u8]) -> Option<GtidSet> {
        let mut rest = bytes;
        let head = u64::from_le_bytes(take(&mut rest)?);
        let (tagged, count) = match head >> 56 {
            0 => (false, head),
            1 => (true, head << 8 >> 16),
            _ => return None,
        };
        let mut set = GtidSet::default();
        for _ in 0..count {
            let uuid = u128::from_be_bytes(take(&mut rest)?);
            let mut tag = String::new();
            if tagged {
                let [length] = take::<1>(&mut rest)?;
                let length = usize::from(length >> 1).min(if length & 1 == 0 { TAG_CHARS_MAX } else { 0 });
                if length > 0 {
                    let (text, after) = rest.split_at_checked(length)?;
                    tag = parse_tag(std::str::from_utf8(text).ok()?).ok()?;
                    rest = after;
                }
            }
            let mut ranges = Vec::new();
            for _ in 0..u64::from_le_bytes(take(&mut rest)?) {
                let (first, end) = (u64::from_le_bytes(take(&mut rest)?), u64::from_le_bytes(take(&mut rest)?));
                let last = end.checked_sub(1).filter(|last| first >= 1 && first <= *last && *last <= NUMBER_MAX)?;
                ranges.push((first, last));
            }
            if !ranges.is_empty() {
                set = set.union(&GtidSet { ranges: BTreeMap::from([(Origin { uuid, tag }, in_order(ranges))]) });
            }
        }
        rest.is_empty().then_some(set)
    }

    /// The transactions of one server alone, under any tag. `uuid` in any of the forms that a set can have.
    pub fn of_server(&self, uuid: &str) -> GtidSet {
        let Some(uuid) = parse_uuid(uuid) else { return GtidSet::default() };
        let ranges = self.ranges.iter().filter(|(origin, _)| origin.uuid == uuid);
        GtidSet { ranges: ranges.map(|(origin, ranges)| (origin.clone(), ranges.clone())).collect() }
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

impl FromStr for GtidSet {
    type Err = GtidSetError;

    /// Reads a set; white space and newlines may stand around every part, parts in any order and overlapping.
    fn from_str(text: &str) -> Result<GtidSet, GtidSetError> {
        let mut ranges: BTreeMap<Origin, Vec<(u64, u64)>> = BTreeMap::new();
        for server in text.split(',').map(str::trim).filter(|server| !server.is_empty()) {
            let mut parts = server.split(':').map(str::trim);
            let uuid = parts.next().unwrap_or_default();
            let uuid = parse_uuid(uuid).ok_or_else(|| refuse(uuid, "a server's UUID is wanted"))?;
            let mut tag = String::new();
            let mut numbers = 0;
            for part in parts {
                if part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                    tag = parse_tag(part)?;
                } else {
                    let range = parse_range(part)?;
                    ranges.entry(Origin { uuid, tag: tag.clone() }).or_default().push(range);
                    numbers += 1;
                }
            }
            if numbers == 0 {
                return Err(refuse(server, "transaction numbers are wanted after the UUID"));
            }
        }
        Ok(GtidSet { ranges: ranges.into_iter().map(|(origin, ranges)| (origin, in_order(ranges))).collect() })
    }
}

fn refuse(part: &str, why: &'static str) -> GtidSetError {
    GtidSetError { part: part.chars().take(80).collect(), why }
}

/// The usual form with hyphens, or 32 digits without any.
fn parse_uuid(text: &str) -> Option<u128> {
    let hyphens = text.bytes().enumerate().filter(|(_, byte)| *byte == b'-').map(|(at, _)| at);
    let usual = text.len() == 36 && hyphens.eq([8, 13, 18, 23]);
    let digits = text.replace('-', "");
    let plain = text.len() == 32 && digits.len() == 32;
    ((usual || plain) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .then(|| u128::from_str_radix(&digits, 16).ok())
        .flatten()
}

/// Tags are compared without regard to case (MySQL 8.4 manual, "GTID Format and Storage").
fn parse_tag(text: &str) -> Result<String, GtidSetError> {
    let fit = text.len() <= TAG_CHARS_MAX && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fit { Ok(text.to_ascii_lowercase()) } else { Err(refuse(text, "a tag has up to 32 letters, digits and _")) }
}

fn parse_range(text: &str) -> Result<(u64, u64), GtidSetError> {
    let number = |digits: &str| {
        let digits = digits.trim();
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|number| plain && (1..=NUMBER_MAX).contains(number))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        _ => Err(refuse(text, "a transaction number or a range such as 1-5 is wanted")),
    }
}

/// Sorts ranges and joins those that overlap or touch.
fn in_order(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// What is left of `ranges` without `taken`; both in order.
fn without(ranges: &[(u64, u64)], taken: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut left = Vec::new();
    let mut taken = taken.iter().peekable();
    for &(mut first, last) in ranges {
        while let Some(&&(from, to)) = taken.peek() {
            if from > last {
                break;
            }
            if to >= first {
                if from > first {
                    left.push((first, from - 1));
                }
                first = to + 1;
            }
            if to > last {
                // It reaches into the next range as well.
                break;
            }
            taken.next();
        }
        if first <= last {
            left.push((first, last));
        }
    }
    left
}

/// One line without white space: servers in the order of their UUIDs, each with its untagged numbers first.
impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = None;
        for (origin, ranges) in &self.ranges {
            if before != Some(origin.uuid) {
                let hex = format!("{:032x}", origin.uuid);
                let comma = if before.is_some() { "," } else { "" };
                let groups = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
                write!(f, "{comma}{}", groups.join("-"))?;
                before = Some(origin.uuid);
            }
            if !origin.tag.is_empty() {
                write!(f, ":{}", origin.tag)?;
            }
            for (first, last) in ranges {
                if first == last { write!(f, ":{first}")? } else { write!(f, ":{first}-{last}")? }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "f0000000-0000-0000-0000-00000000000b";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn reading_and_writing() {
        let cases = [
            ("", String::new()),
            (" \n ", String::new()),
            ("A:1", "A:1".into()),
            ("A:5-5", "A:5".into()),
            ("A:1-3:4:9-10:8", "A:1-4:8-10".into()),
            ("B:1-2,\nA:1-2,\n", "A:1-2,B:1-2".into()),
            (" A : 1 - 3 : 5 , B:7", "A:1-3:5,B:7".into()),
            ("A:1,A:3,A:2", "A:1-3".into()),
            ("A:1-3:Tag:1-5:tag:6:b:1,A:zzz:2", "A:1-3:b:1:tag:1-6:zzz:2".into()),
            ("A:tag:1-5", "A:tag:1-5".into()),
            ("A:1-9223372036854775806", "A:1-9223372036854775806".into()),
        ];
        for (text, expected) in cases {
            let named = |text: &str| text.replace('A', A).replace('B', B);
            assert_eq!(set(&named(text)).to_string(), named(&expected), "{text}");
        }
        assert_eq!(set(&format!("{}:1", A.to_uppercase())), set(&format!("{}:1", A.replace('-', ""))));
    }

    #[test]
    fn refused() {
        for text in [
            "A",
            "A:",
            "A:tag",
            "A:0",
            "A:1-",
            "A:-1",
            "A:5-3",
            "A:1-2-3",
            "A:+1",
            "A:1:t-g:2",
            "0-1-5",
            "x:1",
            "A-1:1",
            "A:9223372036854775807",
            "A:1;B:1",
            "A:a23456789012345678901234567890123:1",
        ] {
            assert!(text.replace('A', A).replace('B', B).parse::<GtidSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn one_server_alone() {
        let both = set(&format!("{A}:1-3:tag:7,{B}:4"));
        assert_eq!(both.of_server(A), set(&format!("{A}:1-3:tag:7")));
        assert_eq!(both.of_server(A).count(), 4);
        assert!(both.of_server("nonsense").is_empty());
    }

    /// Sets over a few servers, tags and small numbers, with the plain set of their members.
    fn any_set() -> impl Strategy<Value = (GtidSet, BTreeSet<(u8, u8, u64)>)> {
        let range = (0u8..3, 0u8..3, 1u64..40, 0u64..8);
        proptest::collection::vec(range, 0..12).prop_map(|ranges| {
            let mut members = BTreeSet::new();
            let mut parts = Vec::new();
            for (server, tag, first, more) in ranges {
                members.extend((first..=first + more).map(|number| (server, tag, number)));
                let tag = ["", ":t", ":other_1"][usize::from(tag)];
                parts.push(format!("0000000{server}-71ca-11e1-9e33-c80aa9429562{tag}:{first}-{}", first + more));
            }
            (set(&parts.join(",\n")), members)
        })
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_plain_sets((a, a_members) in any_set(), (b, b_members) in any_set()) {
            prop_assert_eq!(a.count(), a_members.len() as u128);
            prop_assert_eq!(a.is_empty(), a_members.is_empty());
            prop_assert_eq!(a.contains(&b), a_members.is_superset(&b_members));
            prop_assert_eq!(a.is_disjoint(&b), a_members.is_disjoint(&b_members));
            prop_assert_eq!(a == b, a_members == b_members);
            let union = a.union(&b);
            prop_assert_eq!(union.count(), a_members.union(&b_members).count() as u128);
            prop_assert!(union.contains(&a) && union.contains(&b));
            let rest = a.subtract(&b);
            prop_assert_eq!(rest.count(), a_members.difference(&b_members).count() as u128);
            prop_assert!(rest.is_disjoint(&b) && a.contains(&rest));
            prop_assert_eq!(rest.union(&b), union);
        }

        #[test]
        fn what_is_written_is_read_again((a, _) in any_set()) {
            prop_assert_eq!(set(&a.to_string()), a);
        }

        #[test]
        fn bytes_are_read_again((a, _) in any_set(), cut in any::<prop::sample::Index>()) {
            let bytes = a.to_bytes();
            let cut = cut.index(bytes.len());
            prop_assert_eq!(GtidSet::from_bytes(&bytes[..cut]), None);
            prop_assert_eq!(GtidSet::from_bytes(&bytes), Some(a));
        }

        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = GtidSet::from_bytes(&bytes);
        }

        #[test]
        fn one_by_one_is_all_at_once((a, members) in any_set()) {
            let mut set = GtidSet::default();
            for (server, tag, number) in members {
                let uuid = u128::from_str_radix(&format!("0000000{server}71ca11e19e33c80aa9429562"), 16).unwrap();
                set.add(uuid, ["", "t", "Other_1"][usize::from(tag)], number).unwrap();
            }
            prop_assert_eq!(set, a);
        }

        #[test]
        fn any_text_gives_an_answer(text in "[0-9a-f:,\\- \n]{0,60}") {
            let _ = text.parse::<GtidSet>();
        }
    }
}
