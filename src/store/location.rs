//! What a user types for `--repo`, turned into a place: a folder or a bucket with a prefix. Pure: nothing is
//! opened and no environment is read. Texts that look like another kind of place are refused with words that
//! say what to write, never taken for a folder of that name.

use super::StoreError;
use super::cloud::Cloud;
use super::name::check_segment;
use std::path::PathBuf;

/// A place where a repository may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder, absolute or relative to the working folder.
    Folder(PathBuf),
    /// A bucket of an object store.
    Bucket {
        /// Whose.
        cloud: Cloud,
        /// The bucket's name; Azure calls it a container.
        bucket: String,
        /// What comes before each object's name in its key; no slash at either end, may be empty.
        prefix: String,
    },
}

impl Location {
    /// Parses a folder path, `file:///folder` (percent-encoding allowed), or `s3://bucket/prefix`, `gs://bucket/prefix`,
    /// `az://container/prefix` (taken as they stand: keys may hold any character, so nothing is decoded).
    pub fn parse(place: &str) -> Result<Location, StoreError> {
        let refuse = |why: &str| StoreError::Place { place: without_credentials(place), why: why.to_string() };
        let Some((scheme, rest)) = split_scheme(place) else {
            return folder(place).map_err(refuse);
        };
        let in_cloud = |cloud| bucket_and_prefix(cloud, rest).map_err(|why| refuse(&why));
        match scheme.as_str() {
            "file" => folder_of_file_url(rest).map_err(refuse),
            "s3" => in_cloud(Cloud::S3),
            "gs" | "gcs" => in_cloud(Cloud::Google),
            "az" | "azure" => in_cloud(Cloud::Azure),
            "abfs" | "abfss" | "wasb" | "wasbs" => {
                Err(refuse("write az://container/prefix and give the account's name in AZURE_STORAGE_ACCOUNT_NAME"))
            }
            "http" | "https" => Err(refuse(
                "write s3://bucket/prefix (gs://, az://) and give the server's address in AWS_ENDPOINT_URL \
                 (GOOGLE_BASE_URL, AZURE_STORAGE_ENDPOINT)",
            )),
            _ => Err(refuse(&format!(
                "{scheme}:// is not known; use a folder, file:///folder, s3://bucket/prefix, gs://bucket/prefix or \
                 az://container/prefix"
            ))),
        }
    }
}

/// The scheme in lower case and what follows `://`.
fn split_scheme(place: &str) -> Option<(String, &str)> {
    let (scheme, rest) = place.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

fn folder(place: &str) -> Result<Location, &'static str> {
    let lower = place.to_ascii_lowercase();
    if place.is_empty() {
        Err("it is empty")
    } else if place.contains('\0') {
        Err("a path cannot hold a zero byte")
    } else if place == "~" || place.starts_with("~/") {
        Err("the shell left ~ as it stands; write $HOME or the whole path")
    } else if ["s3:", "gs:", "az:", "file:"].iter().any(|scheme| lower.starts_with(scheme)) {
        Err("two slashes come after the colon; a folder of that name is written ./name")
    } else {
        Ok(Location::Folder(PathBuf::from(place)))
    }
}

fn folder_of_file_url(rest: &str) -> Result<Location, &'static str> {
    let path = rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
    if !path.starts_with('/') {
        return Err("file:// takes an absolute path: file:///folder");
    }
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8();
    let decoded = decoded.map_err(|_| "its percent-encoding is not UTF-8")?;
    folder(&decoded)
}

fn bucket_and_prefix(cloud: Cloud, rest: &str) -> Result<Location, String> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.contains('@') {
        return Err(format!("credentials belong in {}, not in the address", cloud.credentials_belong()));
    }
    check_bucket(cloud, bucket)?;
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if !prefix.is_empty() {
        prefix.split('/').try_for_each(check_segment).map_err(|_| "the prefix is not names between single slashes")?;
    }
    Ok(Location::Bucket { cloud, bucket: bucket.to_string(), prefix: prefix.to_string() })
}

/// For S3 the letters are those of Amazon's rules of today, plus capitals and underscore, which old buckets and other
/// servers have (Amazon S3 User Guide, "General purpose bucket naming rules"); for the others those of Google's "About
/// Cloud Storage buckets" and of Azure's "Naming and referencing containers, blobs, and metadata" (`$root` and `$web`
/// hold what a web server shows, no backups).
fn check_bucket(cloud: Cloud, bucket: &str) -> Result<(), &'static str> {
    let of = |letter: fn(char) -> bool| !bucket.is_empty() && bucket.chars().all(letter);
    let (is_name, rule) = match cloud {
        Cloud::S3 => (
            of(|c| c.is_ascii_alphanumeric() || "-._".contains(c)),
            "a bucket's name is of letters, digits, dots and hyphens: s3://bucket/prefix",
        ),
        Cloud::Google => (
            of(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c)),
            "a bucket's name is of small letters, digits, dots, hyphens and underscores: gs://bucket/prefix",
        ),
        Cloud::Azure => (
            of(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "a container's name is of small letters, digits and hyphens: az://container/prefix",
        ),
    };
    if !is_name {
        return Err(rule);
    }
    if bucket.starts_with(['.', '-', '_']) && (cloud != Cloud::S3 || bucket.starts_with('.')) {
        return Err("a bucket's name begins with a letter or a digit");
    }
    Ok(())
}

/// `place` with what stands between `://` and an `@` replaced: someone may paste a server's address here.
fn without_credentials(place: &str) -> String {
    match place.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, after)) => format!("{scheme}://***@{after}"),
            None => place.to_string(),
        },
        None => place.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn s3(bucket: &str, prefix: &str) -> Location {
        at(Cloud::S3, bucket, prefix)
    }

    fn at(cloud: Cloud, bucket: &str, prefix: &str) -> Location {
        Location::Bucket { cloud, bucket: bucket.into(), prefix: prefix.into() }
    }

    #[test]
    fn places() {
        let folder = |path: &str| Location::Folder(path.into());
        let cases = [
            ("/srv/backups", folder("/srv/backups")),
            ("backups", folder("backups")),
            ("./s3:x", folder("./s3:x")),
            ("a/b://c", folder("a/b://c")),
            ("file:///srv/my%20backups", folder("/srv/my backups")),
            ("FILE://localhost/srv", folder("/srv")),
            ("s3://bucket", s3("bucket", "")),
            ("s3://bucket/", s3("bucket", "")),
            ("S3://my.bucket-1/a/b%20/", s3("my.bucket-1", "a/b%20")),
            ("gs://my_bucket.example/a", at(Cloud::Google, "my_bucket.example", "a")),
            ("gcs://bucket", at(Cloud::Google, "bucket", "")),
            ("az://backups/a/b/", at(Cloud::Azure, "backups", "a/b")),
            ("azure://backups", at(Cloud::Azure, "backups", "")),
        ];
        for (place, expected) in cases {
            assert_eq!(Location::parse(place).unwrap(), expected, "{place}");
        }
    }

    #[test]
    fn refusals_say_what_to_write() {
        let cases = [
            ("", "empty"),
            ("~/backups", "$HOME"),
            ("s3:bucket", "two slashes"),
            ("file://srv", "absolute"),
            ("file:///%ff", "UTF-8"),
            ("s3://", "bucket"),
            ("s3://../x", "begins with"),
            ("s3://bucket//x", "single slashes"),
            ("s3://bucket/a/../b", "single slashes"),
            ("gs://Bucket/x", "small letters"),
            ("gs:bucket", "two slashes"),
            ("gs://_x/y", "begins with"),
            ("az://back.ups/x", "container"),
            ("az://$web/x", "container"),
            ("abfss://backups@account.dfs.core.windows.net/x", "AZURE_STORAGE_ACCOUNT_NAME"),
            ("https://example.org/x", "AWS_ENDPOINT_URL"),
            ("ftp://x/y", "ftp:// is not known"),
        ];
        for (place, word) in cases {
            let error = Location::parse(place).unwrap_err().to_string();
            assert!(error.contains(word), "{place}: {error}");
        }
    }

    #[test]
    fn credentials_are_not_repeated() {
        for place in [
            "s3://AKIA:hushhush@bucket/x",
            "mysql://root:hush@hush@host/db",
            "s3://AKIA:hush/hush@bucket",
            "az://me:hush@x",
        ] {
            let error = Location::parse(place).unwrap_err().to_string();
            assert!(!error.contains("hush") && error.contains("***"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_a_place_or_words(place in "\\PC{0,40}") {
            match Location::parse(&place) {
                Ok(Location::Folder(_)) => {}
                Ok(Location::Bucket { cloud, bucket, prefix }) => {
                    let again = Location::parse(&format!("{}://{bucket}/{prefix}", cloud.scheme()));
                    prop_assert_eq!(again.unwrap(), at(cloud, &bucket, &prefix));
                }
                Err(StoreError::Place { why, .. }) => prop_assert!(!why.is_empty()),
                Err(other) => prop_assert!(false, "{other}"),
            }
        }

        #[test]
        fn a_plain_path_is_that_folder(path in "/[a-zA-Z0-9 .%@:_-]{0,20}(/[a-zA-Z0-9 .%@:_-]{1,10}){0,4}") {
            prop_assert_eq!(Location::parse(&path).unwrap(), Location::Folder(path.into()));
        }

        #[test]
        fn buckets_and_prefixes_come_back(bucket in "[a-z0-9][a-z0-9.-]{2,30}", prefix in "([a-z0-9 %+=]{1,9}(/[a-z0-9 %+=]{1,9}){0,3})?") {
            prop_assert_eq!(Location::parse(&format!("s3://{bucket}/{prefix}/")).ok(), Some(s3(&bucket, &prefix)));
        }
    }
}
