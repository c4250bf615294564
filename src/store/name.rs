//! Which texts may name an object. The rules are the narrowest of all kinds of store, so that a repository
//! can be copied from any kind to any other, and no name can lead out of the repository's folder.

use super::StoreError;

/// Longest name in bytes: the limit of S3 keys (Amazon S3 User Guide, "Naming Amazon S3 objects").
pub const NAME_BYTES_MAX: usize = 1024;
/// Longest segment between slashes in bytes: the limit of file names on Linux file systems.
pub const SEGMENT_BYTES_MAX: usize = 255;
/// First segments that no object has: a folder keeps its unfinished files in `tmp`, `locks` is for notices of
/// processes at work, and `lost+found` belongs to the file system where a repository is a whole disk.
pub(super) const RESERVED_SEGMENTS: [&str; 3] = ["tmp", super::notice::FOLDER, "lost+found"];

/// Says which rule `name` breaks: segments separated by single slashes, none of them empty, `.` or `..`, no
/// control characters, no backslash, not below `tmp`, `locks` or `lost+found`, at most [`NAME_BYTES_MAX`] bytes.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.len() > NAME_BYTES_MAX {
        return Err("it is longer than 1024 bytes");
    }
    let first = name.split('/').next().unwrap_or_default();
    if RESERVED_SEGMENTS.contains(&first) {
        return Err("`tmp`, `locks` and `lost+found` are not for objects");
    }
    name.split('/').try_for_each(check_segment)
}

/// The rules of one segment, which a bucket's prefix follows too.
pub(super) fn check_segment(segment: &str) -> Result<(), &'static str> {
    if segment.is_empty() {
        return Err("it has an empty segment");
    }
    if segment == "." || segment == ".." {
        return Err("it has a segment `.` or `..`");
    }
    if segment.len() > SEGMENT_BYTES_MAX {
        return Err("it has a segment longer than 255 bytes");
    }
    if segment.chars().any(|c| c.is_control() || c == '\\') {
        return Err("it has a control character or a backslash");
    }
    Ok(())
}

/// [`check_name`] as every store applies it first.
pub(super) fn checked(name: &str, describe: impl FnOnce() -> String) -> Result<(), StoreError> {
    check_name(name).map_err(|why| StoreError::Name { name: name.to_string(), store: describe(), why })
}

/// Checks a listing's prefix and gives it without its slash at the end; empty means everything.
pub(super) fn checked_prefix(prefix: &str, describe: impl FnOnce() -> String) -> Result<&str, StoreError> {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if !prefix.is_empty() {
        checked(prefix, describe)?;
    }
    Ok(prefix)
}

/// True where `name` lies below `prefix` by whole segments.
pub(super) fn is_below(name: &str, prefix: &str) -> bool {
    prefix.is_empty() || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    #[test]
    fn names_that_are_taken_and_refused() {
        for name in
            ["a", "objects/ab/cd", "backups/shop 1/100%+2", "a/..b/c..", "backups/\u{e4}\u{1f600}", "x/tmp/y", "tmpx"]
        {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let long = "x".repeat(256);
        let deep = vec!["x"; 600].join("/");
        for name in [
            "", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "a\\b", "a\nb", "a\0", "tmp", "tmp/a",
            "locks/a", &long, &deep,
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn prefixes_are_whole_segments() {
        assert!(is_below("backups/shop/1", "backups/shop"));
        assert!(is_below("backups/shop/1", ""));
        assert!(!is_below("backups/shop2/1", "backups/shop"));
        assert!(!is_below("backups/shop", "backups/shop"));
    }

    proptest! {
        #[test]
        fn a_taken_name_stays_below_the_folder(name in "[a./\\\\\\x00 %]{0,12}") {
            if check_name(&name).is_ok() {
                let path = Path::new("/repo").join(&name);
                prop_assert!(path.starts_with("/repo") && path != Path::new("/repo"));
                let normal = path.components().skip(1).all(|c| matches!(c, Component::Normal(_)));
                prop_assert!(normal, "{name:?}");
                // No two names are one file: the path gives the name back.
                prop_assert_eq!(path.strip_prefix("/repo").unwrap().to_str().unwrap(), name);
            }
        }

        #[test]
        fn joined_good_segments_are_a_name(segments in proptest::collection::vec("[a-s0-9 %+_=-]{1,20}", 1..8)) {
            prop_assert_eq!(check_name(&segments.join("/")), Ok(()));
        }
    }
}
