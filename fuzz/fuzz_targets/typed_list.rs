//! Any bytes as a typed list with its document, as the flag that a server sends for one, and as the name of an object in a
//! store: nothing panics, a list that is taken is written again to the same, what is found in a document stands in it, and
//! no name leads out of its folder. The first byte of the input chooses; a zero byte divides.

#![no_main]

use libfuzzer_sys::fuzz_target;
use myriad::codec::typed::{self, ListedValue};
use myriad::store::check_name;
use std::path::{Component, Path};

fuzz_target!(|data: &[u8]| {
    let Some((&what, bytes)) = data.split_first() else { return };
    let divide = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (first, second) = (&bytes[..divide], bytes.get(divide + 1..).unwrap_or_default());
    match what % 3 {
        0 => list(first, second),
        1 => flag(first, second),
        _ => name(bytes),
    }
});

fn list(document: &[u8], list: &[u8]) {
    let Ok(listed) = typed::parse_list(list) else { return };
    let mut again = Vec::new();
    listed.iter().for_each(|value| typed::put_line(&mut again, value));
    assert_eq!(typed::parse_list(&again).as_ref(), Ok(&listed));
    typed::agrees(document, listed.iter().map(|listed| &listed.value));
}

fn flag(document: &[u8], flag: &[u8]) {
    let Ok(Some(values)) = typed::find(document, flag) else { return };
    let mut list = Vec::new();
    for value in &values {
        typed::put_line(&mut list, &ListedValue { row: 0, field: 1, value: value.clone() });
    }
    let parsed = typed::parse_list(&list).expect("what is found can be listed");
    assert_eq!(parsed.into_iter().map(|listed| listed.value).collect::<Vec<_>>(), values);
    // The same member twice is one value to a server, and then the last counts.
    let mut paths: Vec<_> = values.iter().map(|value| &value.path).collect();
    paths.sort();
    paths.dedup();
    if paths.len() == values.len() && !has_a_member_twice(document) {
        assert!(typed::agrees(document, values.iter()), "what is found stands in the document");
    }
}

fn has_a_member_twice(document: &[u8]) -> bool {
    let colons = document.iter().filter(|byte| **byte == b':').count();
    colons > 1
}

fn name(bytes: &[u8]) {
    let Ok(name) = std::str::from_utf8(bytes) else { return };
    if check_name(name).is_ok() {
        let path = Path::new("/repo").join(name);
        assert!(
            path.starts_with("/repo") && path.components().skip(1).all(|part| matches!(part, Component::Normal(_)))
        );
    }
}
