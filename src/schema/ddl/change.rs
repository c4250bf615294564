//! A definition with one thing changed: the table's name, the schema that a foreign key names, or where its files lie.

use super::lexer::{double_backticks, outside_quotes, unquote};
use super::{DdlError, Lexer, Token, parts};

/// CREATE TABLE under another name.
pub fn with_name(create: &[u8], name: &str) -> Result<Vec<u8>, DdlError> {
    let start = create.iter().position(|&byte| byte == b'`').ok_or(DdlError::NoTable)?;
    let (_, rest) = unquote(&create[start..]).ok_or(DdlError::Unfinished("a quoted name"))?;
    Ok([&create[..=start], &double_backticks(name.as_bytes()), b"`", rest].concat())
}

/// A foreign key as a restore under other schema names needs it. Only a reference that names its schema is looked at;
/// one that does not stays in the schema of its table. `renamed` gives the new name of a schema, if it has one.
pub fn rename_schema_in_foreign_key(definition: &[u8], renamed: &dyn Fn(&str) -> Option<String>) -> Vec<u8> {
    let change = || {
        let start = memchr::memmem::find(&outside_quotes(definition), b" REFERENCES ")? + b" REFERENCES ".len();
        let (schema, rest) = unquote(&definition[start..])?;
        let new = rest.starts_with(b".`").then(|| renamed(std::str::from_utf8(&schema).ok()?)).flatten()?;
        Some([&definition[..start], b"`", &double_backticks(new.as_bytes()), b"`", rest].concat())
    };
    change().unwrap_or_else(|| definition.to_vec())
}

/// The schema that a foreign key's reference names, where it names one.
pub fn referenced_schema(definition: &[u8]) -> Option<String> {
    let start = memchr::memmem::find(&outside_quotes(definition), b" REFERENCES ")? + b" REFERENCES ".len();
    let (schema, rest) = unquote(&definition[start..])?;
    rest.starts_with(b".").then(|| String::from_utf8_lossy(&schema).into_owned())
}

/// The table that a foreign key refers to: its schema, where the reference names one, and its name.
pub fn referenced_table(definition: &[u8]) -> Option<(Option<String>, String)> {
    let start = memchr::memmem::find(&outside_quotes(definition), b" REFERENCES ")? + b" REFERENCES ".len();
    let text = |name: Vec<u8>| String::from_utf8_lossy(&name).into_owned();
    let (first, rest) = unquote(&definition[start..])?;
    match rest.strip_prefix(b".").and_then(unquote) {
        Some((second, _)) => Some((Some(text(first)), text(second))),
        None => Some((None, text(first))),
    }
}

/// A foreign key as `ADD` takes it, with the schema of the table that it refers to written out.
pub fn with_schema_in_foreign_key(definition: &[u8], schema: &str) -> Option<Vec<u8>> {
    if referenced_table(definition)?.0.is_some() {
        return Some(definition.to_vec());
    }
    let start = memchr::memmem::find(&outside_quotes(definition), b" REFERENCES ")? + b" REFERENCES ".len();
    Some([&definition[..start], b"`", &double_backticks(schema.as_bytes()), b"`.", &definition[start..]].concat())
}

/// CREATE TABLE whose defaults call for sequences, as a restore under other schema names needs it: MariaDB writes the
/// schema before the name of each (seen on 10.11.18). `renamed` gives the new name of a schema, if it has one.
pub fn rename_schema_of_sequences(create: &[u8], renamed: &dyn Fn(&str) -> Option<String>) -> Vec<u8> {
    let words = outside_quotes(create);
    let calls: [&[u8]; 2] = [b"nextval", b"lastval"];
    let mut changed = Vec::with_capacity(create.len());
    let mut at = 0;
    while at < create.len() {
        // The words are the server's own, as every name is quoted; parentheses are blanked among them.
        let call = calls.iter().find(|call| words[at..].starts_with(call)).map_or(0, |call| call.len() + 1);
        // A text may end with the word.
        let named = create.get(at + call..).filter(|_| call > 0).and_then(unquote);
        let new = named.and_then(|(schema, rest)| {
            let new = renamed(std::str::from_utf8(&schema).ok()?).filter(|_| rest.starts_with(b".`"))?;
            Some((new, create.len() - rest.len()))
        });
        match new {
            Some((new, rest)) => {
                changed.extend_from_slice(&create[at..at + call]);
                changed.extend([b"`", &double_backticks(new.as_bytes())[..], b"`"].concat());
                at = rest;
            }
            None => {
                changed.push(create[at]);
                at += 1;
            }
        }
    }
    changed
}

const DIRECTORIES: [&[u8]; 2] = [b" DATA DIRECTORY", b" INDEX DIRECTORY"];

/// CREATE TABLE without the clauses that tie it to files of one server: general tablespaces and directories, of the
/// table and of its partitions. None where it has no such clause.
pub fn without_placement(create: &[u8]) -> Result<Option<Vec<u8>>, DdlError> {
    without(create, &[b" TABLESPACE", DIRECTORIES[0], DIRECTORIES[1]])
}

/// CREATE TABLE without the directories of the server that it names. None where it names none.
pub fn without_directories(create: &[u8]) -> Result<Option<Vec<u8>>, DdlError> {
    without(create, &DIRECTORIES)
}

fn without(create: &[u8], clauses: &[&[u8]]) -> Result<Option<Vec<u8>>, DdlError> {
    let tail_start = create.len() - parts(create)?.tail.len();
    let words = outside_quotes(&create[tail_start..]);
    let mut kept = create[..tail_start].to_vec();
    let mut at = 0;
    while at < words.len() {
        let tail = &create[tail_start + at..];
        match clause_length(tail, &words[at..], clauses) {
            Some(length) => at += length,
            None => {
                kept.push(tail[0]);
                at += 1;
            }
        }
    }
    Ok((kept.len() < create.len()).then_some(kept))
}

/// The length of a placement clause at the head of `text`: its words, an optional `=`, and the quoted value.
fn clause_length(text: &[u8], words: &[u8], clauses: &[&[u8]]) -> Option<usize> {
    let clause = clauses.iter().find(|clause| words.starts_with(clause))?;
    let gap = text[clause.len()..].iter().take_while(|byte| matches!(byte, b' ' | b'=')).count();
    let value = &text[clause.len() + gap..];
    let everywhere = [&b"`innodb_file_per_table`"[..], b"`innodb_system`", b"`innodb_temporary`"];
    if everywhere.iter().any(|name| value.starts_with(name)) {
        return None;
    }
    let mut lexer = Lexer::new(value);
    matches!(lexer.next_token(), Ok(Some(Token::Quoted))).then(|| clause.len() + gap + lexer.at())
}
