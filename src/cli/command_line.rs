//! The command line as a person can type it again: words quoted for a shell where they need it, the password of an address
//! left out. Comes in: the words that the program was started with. Goes out: one line.

use crate::server::without_password;
use std::ffi::OsString;

/// The line; `address` is the value of the option that may hold a password.
pub fn text(line: &[OsString], address: Option<&str>) -> String {
    let words = line.iter().map(|word| {
        let word = word.to_string_lossy();
        match address.and_then(|address| word.strip_suffix(address)) {
            Some(option) if option.is_empty() || option == "--target=" => {
                quoted(&format!("{option}{}", without_password(address.unwrap_or_default())))
            }
            _ => quoted(&word),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:=,@%+-".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed_again() {
        let line = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let target = "mysql://root:geheim@db2";
        for words in [&["--target", target][..], &["--target=mysql://root:geheim@db2"]] {
            let typed = line(&[&["myriad", "restore"], words, &["--table", "it's.*", "--name", ""]].concat());
            let text = text(&typed, Some(target));
            assert!(text.ends_with("mysql://root@db2 --table 'it'\\''s.*' --name ''"), "{text}");
            assert!(!text.contains("geheim"), "{text}");
        }
        assert_eq!(text(&line(&["myriad", "restore"]), None), "myriad restore");
    }
}
