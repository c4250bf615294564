//! Values inside JSON documents whose type the document's text does not carry: a DECIMAL prints as a number and is
//! read back as DOUBLE; temporal and binary values print as strings. The server tells which values of a document
//! are such (the flag of [`super::layout`]), by their number in a walk; this module finds them in the text, and so
//! their paths, and writes and reads a chunk's typed list (docs/format.md section 4.3). Pure.

use super::row::{put_escaped, unescape};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;

/// A type that text does not carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedKind {
    /// DECIMAL; prints as a number.
    Decimal,
    /// DATE; prints as a string, as the other temporal types do.
    Date,
    /// TIME.
    Time,
    /// DATETIME.
    Datetime,
    /// TIMESTAMP, which keeps the local time of the session that made it.
    Timestamp,
    /// Bytes of a column type, by the server's number of it (`enum_field_types` in the server's field_types.h);
    /// prints as the string `base64:typeN:...`.
    Opaque(u8),
}

/// Column types whose bytes a document can be given again: VARBINARY, BIT, the BLOB kinds, BINARY. Seen on 9.7.4 to be all
/// that its JSON functions make.
const OPAQUE_CARRIED: [u8; 7] = [15, 16, 249, 250, 251, 252, 254];

/// One such value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedValue {
    /// JSON path; member names stand in quotes as the document's text has them.
    pub path: Vec<u8>,
    /// Its type.
    pub kind: TypedKind,
    /// Digits of a DECIMAL, text of a temporal value, bytes of an opaque one.
    pub value: Vec<u8>,
}

/// A line of a typed list: a value and where its document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedValue {
    /// Row in the chunk, from 0.
    pub row: u64,
    /// Place of the column among the fields of the row text.
    pub field: usize,
    /// The value.
    pub value: TypedValue,
}

/// A flag that does not fit its document, or a line that is none of a typed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit;

impl TypedKind {
    /// Its name in a typed list.
    pub fn name(self) -> String {
        match self {
            TypedKind::Decimal => "DECIMAL".into(),
            TypedKind::Date => "DATE".into(),
            TypedKind::Time => "TIME".into(),
            TypedKind::Datetime => "DATETIME".into(),
            TypedKind::Timestamp => "TIMESTAMP".into(),
            TypedKind::Opaque(number) => format!("OPAQUE:{number}"),
        }
    }

    fn parse(name: &[u8]) -> Option<TypedKind> {
        Some(match name {
            b"DECIMAL" => TypedKind::Decimal,
            b"DATE" => TypedKind::Date,
            b"TIME" => TypedKind::Time,
            b"DATETIME" => TypedKind::Datetime,
            b"TIMESTAMP" => TypedKind::Timestamp,
            _ => TypedKind::Opaque(number(name.strip_prefix(b"OPAQUE:")?)?),
        })
    }
}

/// The typed values of a document in the order of the flag. `flag` is what the server said of it: the type of a
/// scalar document; else for each of the walks `m` (members of objects) and `e` (elements of arrays) the number of values
/// found, and of each its number in the walk and its type: `m2 1:DECIMAL 7:DATE,e1 3:BLOB`.
///
/// `None` where one of the values is of a kind that cannot be given back, or where they are more than the server could
/// tell (`!`).
pub fn find(document: &[u8], flag: &[u8]) -> Result<Option<Vec<TypedValue>>, Misfit> {
    if flag.contains(&b'!') {
        return Ok(None);
    }
    let nodes = Nodes::of(document)?;
    let mut values = Vec::new();
    let mut carried = true;
    let mut add = |node: usize, name: &[u8]| -> Result<(), Misfit> {
        match nodes.value(node, name)? {
            Some(value) => values.push(value),
            None => carried = false,
        }
        Ok(())
    };
    if !flag.first().is_some_and(u8::is_ascii_lowercase) {
        add(0, flag)?;
    } else {
        for walk in flag.split(|&byte| byte == b',') {
            let mut words = walk.split(|&byte| byte == b' ');
            let head = words.next().ok_or(Misfit)?;
            let found = match head.split_first() {
                Some((b'm', _)) => nodes.walk(|step| matches!(step, Step::Member(_))),
                Some((b'e', _)) => nodes.walk(|step| matches!(step, Step::Element(_))),
                _ => return Err(Misfit),
            };
            let count: usize = number(&head[1..]).ok_or(Misfit)?;
            let mut seen = 0;
            for word in words {
                let colon = memchr::memchr(b':', word).ok_or(Misfit)?;
                let ordinal: usize = number(&word[..colon]).ok_or(Misfit)?;
                let node = *ordinal.checked_sub(1).and_then(|i| found.get(i)).ok_or(Misfit)?;
                add(node, &word[colon + 1..])?;
                seen += 1;
            }
            // A list that the server cut short (group_concat_max_len) must not pass for a whole one.
            if seen != count {
                return Err(Misfit);
            }
        }
    }
    Ok(carried.then_some(values))
}

/// Appends a line of a typed list.
pub fn put_line(list: &mut Vec<u8>, listed: &ListedValue) {
    let ListedValue { row, field, value } = listed;
    list.extend_from_slice(format!("{row}\t{field}\t").as_bytes());
    put_escaped(list, &value.path);
    list.push(b'\t');
    list.extend_from_slice(value.kind.name().as_bytes());
    list.push(b'\t');
    put_escaped(list, &value.value);
    list.push(b'\n');
}

/// A part of a typed list as the list of a chunk of its own that begins with row `first`.
pub fn from_row(list: &[u8], first: u64) -> Vec<u8> {
    let mut moved = Vec::with_capacity(list.len());
    for line in list.split_inclusive(|&byte| byte == b'\n') {
        let digits = line.iter().position(|&byte| byte == b'\t').unwrap_or(line.len());
        let row: u64 = number(&line[..digits]).unwrap_or(first);
        moved.extend_from_slice((row - first).to_string().as_bytes());
        moved.extend_from_slice(&line[digits..]);
    }
    moved
}

/// Whether every value stands in the document at its path, as a value of its type prints.
pub fn agrees<'a>(document: &[u8], mut values: impl Iterator<Item = &'a TypedValue>) -> bool {
    let Ok(nodes) = Nodes::of(document) else { return false };
    let members = nodes.0.iter().enumerate().skip(1);
    let children: HashMap<(usize, Step<'_>), usize> =
        members.map(|(node, member)| ((member.parent, member.step), node)).collect();
    values.all(|value| {
        let name = match value.kind {
            TypedKind::Opaque(_) => "OPAQUE".to_owned(),
            kind => kind.name(),
        };
        let node = node_at(&children, &value.path);
        let found = node.and_then(|node| nodes.value(node, name.as_bytes()).ok().flatten());
        found.is_some_and(|found| found.kind == value.kind && found.value == value.value)
    })
}

/// The node that a path leads to.
fn node_at(children: &HashMap<(usize, Step<'_>), usize>, path: &[u8]) -> Option<usize> {
    let mut rest = path.strip_prefix(b"$")?;
    let mut node = 0;
    while !rest.is_empty() {
        let (step, length) = match rest {
            [b'.', member @ ..] => {
                let mut scanner = Scanner { text: member, at: 0, nodes: Vec::new() };
                let name = scanner.string().ok()?;
                (Step::Member(name), 1 + scanner.at)
            }
            [b'[', element @ ..] => {
                let digits = element.iter().position(|&byte| byte == b']')?;
                (Step::Element(number(&element[..digits])?), digits + 2)
            }
            _ => return None,
        };
        node = *children.get(&(node, step))?;
        rest = &rest[length..];
    }
    Some(node)
}

/// Reads a typed list. Types must be such as documents can be given, and values of the characters that such a value prints
/// with: they go into statements.
pub fn parse_list(list: &[u8]) -> Result<Vec<ListedValue>, Misfit> {
    let lines = list.split_inclusive(|&byte| byte == b'\n');
    lines
        .map(|line| parse_line(line.strip_suffix(b"\n")?).filter(|listed| is_typed(&listed.value)))
        .collect::<Option<_>>()
        .ok_or(Misfit)
}

fn is_typed(TypedValue { path, kind, value }: &TypedValue) -> bool {
    let value_fits = match kind {
        TypedKind::Decimal => is_decimal(value),
        TypedKind::Opaque(number) => OPAQUE_CARRIED.contains(number),
        _ => is_temporal(value),
    };
    path.starts_with(b"$") && value_fits
}

fn is_decimal(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let points = memchr::memchr_iter(b'.', digits).count();
    digits.len() > points && points <= 1 && digits.iter().all(|&byte| byte.is_ascii_digit() || byte == b'.')
}

fn is_temporal(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_digit() || b"-:. ".contains(byte))
}

fn parse_line(line: &[u8]) -> Option<ListedValue> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
    let [row, field, path, kind, value] = fields[..] else { return None };
    let value = TypedValue { path: unescape(path)?, kind: TypedKind::parse(kind)?, value: unescape(value)? };
    Some(ListedValue { row: number(row)?, field: number(field)?, value })
}

fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// How a value hangs on its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step<'a> {
    Root,
    /// A member by its name, quotes and escapes as in the text.
    Member(&'a [u8]),
    Element(usize),
}

struct Node<'a> {
    parent: usize,
    step: Step<'a>,
    text: &'a [u8],
}

/// The values of a document, parents before children, as a depth-first walk meets them.
struct Nodes<'a>(Vec<Node<'a>>);

impl<'a> Nodes<'a> {
    fn of(document: &'a [u8]) -> Result<Nodes<'a>, Misfit> {
        let mut scanner = Scanner { text: document, at: 0, nodes: Vec::new() };
        scanner.value(0, Step::Root, 0)?;
        match scanner.at == document.len() {
            true => Ok(Nodes(scanner.nodes)),
            false => Err(Misfit),
        }
    }

    /// The values in the order in which the server numbers the matches of `$**.*` or `$**[*]`: it lists the containers
    /// depth first, then the children of each (seen on 9.7.4, and compared with it in the tests).
    fn walk(&self, wanted: impl Fn(Step<'a>) -> bool) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.0.len()).filter(|&node| wanted(self.0[node].step)).collect();
        found.sort_by_key(|&node| self.0[node].parent);
        found
    }

    fn path(&self, node: usize) -> Vec<u8> {
        let mut steps = Vec::new();
        let mut at = node;
        while !matches!(self.0[at].step, Step::Root) {
            steps.push(self.0[at].step);
            at = self.0[at].parent;
        }
        let mut path = b"$".to_vec();
        for step in steps.into_iter().rev() {
            match step {
                Step::Root => {}
                Step::Member(name) => {
                    path.push(b'.');
                    path.extend_from_slice(name);
                }
                Step::Element(place) => path.extend_from_slice(format!("[{place}]").as_bytes()),
            }
        }
        path
    }

    /// The value of a node that the server calls `name`; `None` where it cannot be given back. The text must look
    /// like one of that type.
    fn value(&self, node: usize, name: &[u8]) -> Result<Option<TypedValue>, Misfit> {
        let text = self.0[node].text;
        let (kind, value) = match name {
            b"DECIMAL" => {
                if !is_decimal(text) {
                    return Err(Misfit);
                }
                (TypedKind::Decimal, text.to_vec())
            }
            b"BLOB" | b"BIT" | b"OPAQUE" => match opaque(&string(text)?)? {
                (number, value) if OPAQUE_CARRIED.contains(&number) => (TypedKind::Opaque(number), value),
                _ => return Ok(None),
            },
            _ => {
                let kind = TypedKind::parse(name).filter(|kind| !matches!(kind, TypedKind::Opaque(_))).ok_or(Misfit)?;
                let value = string(text)?.into_bytes();
                if !is_temporal(&value) {
                    return Err(Misfit);
                }
                (kind, value)
            }
        };
        Ok(Some(TypedValue { path: self.path(node), kind, value }))
    }
}

fn string(token: &[u8]) -> Result<String, Misfit> {
    serde_json::from_slice(token).map_err(|_| Misfit)
}

/// Takes `base64:type15:YWI=` apart. The server breaks long base64 text into lines.
fn opaque(text: &str) -> Result<(u8, Vec<u8>), Misfit> {
    let (number, encoded) = text.strip_prefix("base64:type").and_then(|rest| rest.split_once(':')).ok_or(Misfit)?;
    let encoded: String = encoded.split('\n').collect();
    Ok((number.parse().map_err(|_| Misfit)?, STANDARD.decode(encoded).map_err(|_| Misfit)?))
}

/// Takes JSON as the server prints it apart into values. It checks no more than it needs: the server has parsed it.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    nodes: Vec<Node<'a>>,
}

/// The server takes no document deeper than this (MySQL manual, "The JSON Data Type").
const DEPTH_MAX: usize = 100;

impl<'a> Scanner<'a> {
    fn value(&mut self, parent: usize, step: Step<'a>, depth: usize) -> Result<(), Misfit> {
        if depth > DEPTH_MAX {
            return Err(Misfit);
        }
        let (node, start) = (self.nodes.len(), self.at);
        self.nodes.push(Node { parent, step, text: &[] });
        match self.peek()? {
            b'{' => self.children(b'}', |scanner, _| {
                let name = scanner.string()?;
                scanner.skip(b':')?;
                scanner.blank();
                scanner.value(node, Step::Member(name), depth + 1)
            })?,
            b'[' => {
                self.children(b']', |scanner, place| scanner.value(node, Step::Element(place), depth + 1))?;
            }
            b'"' => {
                self.string()?;
            }
            _ => {
                let rest = &self.text[self.at..];
                let end = rest.iter().position(|byte| b",]} ".contains(byte)).unwrap_or(rest.len());
                if end == 0 {
                    return Err(Misfit);
                }
                self.at += end;
            }
        }
        self.nodes[node].text = &self.text[start..self.at];
        Ok(())
    }

    fn children(
        &mut self,
        end: u8,
        mut child: impl FnMut(&mut Self, usize) -> Result<(), Misfit>,
    ) -> Result<(), Misfit> {
        self.at += 1;
        if self.peek()? == end {
            self.at += 1;
            return Ok(());
        }
        for place in 0.. {
            child(self, place)?;
            if self.peek()? == end {
                break;
            }
            self.skip(b',')?;
            self.blank();
        }
        self.at += 1;
        Ok(())
    }

    /// A string with its quotes.
    fn string(&mut self) -> Result<&'a [u8], Misfit> {
        let start = self.at;
        self.skip(b'"')?;
        loop {
            let rest = &self.text[self.at..];
            let found = memchr::memchr2(b'"', b'\\', rest).ok_or(Misfit)?;
            self.at += found + 1;
            if rest[found] == b'"' {
                return Ok(&self.text[start..self.at]);
            }
            self.at += 1;
            if self.at > self.text.len() {
                return Err(Misfit);
            }
        }
    }

    fn peek(&self) -> Result<u8, Misfit> {
        self.text.get(self.at).copied().ok_or(Misfit)
    }

    fn skip(&mut self, byte: u8) -> Result<(), Misfit> {
        if self.peek()? != byte {
            return Err(Misfit);
        }
        self.at += 1;
        Ok(())
    }

    fn blank(&mut self) {
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(document: &str, flag: &str) -> Vec<(String, String, String)> {
        let values = find(document.as_bytes(), flag.as_bytes()).unwrap().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        values.into_iter().map(|v| (text(v.path), v.kind.name(), text(v.value))).collect()
    }

    #[test]
    fn values_are_found_by_their_number() {
        let document = r#"{"a": [1.10, [2, {"b": "2024-01-02"}], []], "c \" d": {"e": null, "f": [4]}, "g": "base64:type252:YQ=="}"#;
        // Members: a, c d, g of the root, b, then e, f. Elements: three of a, two of the inner one, then those of f.
        let flag = "m2 3:BLOB 4:DATE,e2 1:DECIMAL 6:DECIMAL";
        let expected = [
            ("$.\"g\"", "OPAQUE:252", "a"),
            ("$.\"a\"[1][1].\"b\"", "DATE", "2024-01-02"),
            ("$.\"a\"[0]", "DECIMAL", "1.10"),
            ("$.\"c \\\" d\".\"f\"[0]", "DECIMAL", "4"),
        ];
        let expected: Vec<_> = expected.iter().map(|(a, b, c)| (a.to_string(), b.to_string(), c.to_string())).collect();
        assert_eq!(found(document, flag), expected);
        assert_eq!(found("-1.0", "DECIMAL"), [("$".into(), "DECIMAL".into(), "-1.0".into())]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (document, flag) in [
            ("[1.5]", "e2 1:DECIMAL"),
            ("[1.5]", "e1 2:DECIMAL"),
            ("[1.5]", "e1 0:DECIMAL"),
            ("[1.5]", "m1 1:DECIMAL"),
            ("[1.5]", "e1 1:DATE"),
            ("[1.5e7]", "e1 1:DECIMAL"),
            ("[\"2024-01-02T\"]", "e1 1:DATE"),
            ("[\"x\"]", "e1 1:BLOB"),
            ("[\"base64:type252:*\"]", "e1 1:BLOB"),
            ("[1.5", "e1 1:DECIMAL"),
            ("[1.5] ", "e1 1:DECIMAL"),
            ("[1.5]", "e1 1:OPAQUE:15"),
            ("\"x\\", "DATE"),
        ] {
            assert_eq!(find(document.as_bytes(), flag.as_bytes()), Err(Misfit), "{document} {flag}");
        }
        assert_eq!(find(b"[\"base64:type246:YQ==\"]", b"e1 1:OPAQUE"), Ok(None));
        assert_eq!(find(b"[1.5]", b"!"), Ok(None));
        assert_eq!(find(b"[1.5]", b"m1 1:DATE,!"), Ok(None));
    }

    #[test]
    fn base64_in_lines() {
        let long = vec![0xa5; 200];
        let text = STANDARD.encode(&long);
        let document = format!("\"base64:type15:{}\\n{}\"", &text[..76], &text[76..]);
        let values = find(document.as_bytes(), b"BLOB").unwrap().unwrap();
        assert_eq!(values[0].value, long);
    }

    proptest! {
        #[test]
        fn lists_come_back(rows in prop::collection::vec((any::<u64>(), 0usize..50, prop::collection::vec(any::<u8>(), 1..20), 0usize..12, prop::collection::vec(any::<u8>(), 0..40)), 0..20)) {
            let kinds = [TypedKind::Decimal, TypedKind::Date, TypedKind::Time, TypedKind::Datetime, TypedKind::Timestamp];
            let listed: Vec<_> = rows.into_iter().map(|(row, field, path, kind, bytes)| {
                let path = [b"$".to_vec(), path].concat();
                let digits = format!("{row}.5").into_bytes();
                let (kind, value) = match kinds.get(kind) {
                    Some(kind) => (*kind, digits),
                    None => (TypedKind::Opaque(OPAQUE_CARRIED[kind - kinds.len()]), bytes),
                };
                ListedValue { row, field, value: TypedValue { path, kind, value } }
            }).collect();
            let mut list = Vec::new();
            listed.iter().for_each(|listed| put_line(&mut list, listed));
            prop_assert_eq!(parse_list(&list), Ok(listed));
        }

        #[test]
        fn nothing_panics(list: Vec<u8>, document in "[{}\\[\\]\",:a1 ]{0,40}", path in "\\$[.a\"\\[\\]0-9]{0,20}") {
            let _ = parse_list(&list);
            let value = TypedValue { path: path.into_bytes(), kind: TypedKind::Decimal, value: b"1".to_vec() };
            agrees(document.as_bytes(), std::iter::once(&value));
        }

        #[test]
        fn no_text_makes_it_panic(document in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ 1.e-x".to_vec()), 0..60), flag in "[me][0-9] [0-9]:(DATE|BLOB|DECIMAL)") {
            let _ = find(&document, flag.as_bytes());
        }
    }

    #[test]
    fn a_listed_value_stands_in_its_document() {
        let document = br#"{"a": [1.10, {"b.c[0]": "2024-01-02"}], "q\"": "base64:type15:YWI="}"#;
        let value = |path: &str, kind, value: &[u8]| TypedValue { path: path.into(), kind, value: value.to_vec() };
        let fits = |listed: TypedValue| agrees(document, std::iter::once(&listed));
        assert!(fits(value(r#"$."a"[0]"#, TypedKind::Decimal, b"1.10")));
        assert!(fits(value(r#"$."a"[1]."b.c[0]""#, TypedKind::Date, b"2024-01-02")));
        assert!(fits(value(r#"$."q\"""#, TypedKind::Opaque(15), b"ab")));
        for (path, kind, text) in [
            (r#"$."a"[0]"#, TypedKind::Decimal, "1.1"),
            (r#"$."a"[2]"#, TypedKind::Decimal, "1.10"),
            (r#"$."a""#, TypedKind::Decimal, "1.10"),
            (r#"$."a"[*]"#, TypedKind::Decimal, "1.10"),
            (r#"$**[0]"#, TypedKind::Decimal, "1.10"),
            (r#"$."a"[1]."b.c[0]""#, TypedKind::Time, "2024-01-03"),
            (r#"$."q\"""#, TypedKind::Opaque(16), "ab"),
            ("$", TypedKind::Decimal, "1"),
            ("", TypedKind::Decimal, "1"),
        ] {
            assert!(!fits(value(path, kind, text.as_bytes())), "{path}");
        }
    }

    #[test]
    fn a_list_holds_what_such_values_print_with() {
        for line in ["0\t1\t$\tDECIMAL\t-1.50\n", "0\t1\t$\tTIME\t-01:02:03.000000\n", "0\t1\t$\tOPAQUE:252\t');\n"] {
            assert_eq!(parse_list(line.as_bytes()).map(|list| list.len()), Ok(1), "{line}");
        }
        for line in [
            "0\t1\t$\tDECIMAL\t1);DROP TABLE t\n",
            "0\t1\t$\tDECIMAL\t\n",
            "0\t1\t$\tDECIMAL\t.\n",
            "0\t1\t$\tDECIMAL\t1e5\n",
            "0\t1\t$\tDATE\tnow()\n",
            "0\t1\t$\tOPAQUE:3\tx\n",
            "0\t1\tx\tDECIMAL\t1\n",
            "0\t1\t$\tDECIMAL\t1",
            "-1\t1\t$\tDECIMAL\t1\n",
            "0\t99999999999999999999999\t$\tDECIMAL\t1\n",
        ] {
            assert_eq!(parse_list(line.as_bytes()), Err(Misfit), "{line}");
        }
    }
}
