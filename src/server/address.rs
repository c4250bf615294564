//! The address of a server as people write it: `mysql://user:password@host:3306`, `mysql://user@/path/to.sock`,
//! or without the scheme. Takes text, gives the parts that were written; what is left out is none, so that
//! option files and the environment can fill it in. No error text holds anything that could be a password.

use super::error::ServerError;
use super::options::{Host, SslMode};
use crate::secret::Secret;
use std::net::Ipv6Addr;
use std::path::PathBuf;

/// The port where none is written.
pub const PORT_DEFAULT: u16 = 3306;
const SCHEME: &str = "mysql://";

/// The parts of a server's address that were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// The user name.
    pub user: Option<String>,
    /// The password; `mysql://user:@host` has an empty one.
    pub password: Option<Secret>,
    /// Host and port, or socket.
    pub host: Option<Host>,
    /// `?ssl-mode=`.
    pub ssl_mode: Option<SslMode>,
    /// `?ssl-ca=`, a PEM file.
    pub ssl_ca: Option<PathBuf>,
}

/// Takes an address apart.
///
/// Forms: `mysql://[user[:password]@]host[:port]`, `mysql://[user[:password]@]/path/to.sock`, both with
/// `?ssl-mode=NAME&ssl-ca=FILE`, where each part may be percent-encoded; the same without `mysql://`; a bare
/// path that begins with `/`, taken as it stands; a bare IPv6 address. An `@` in a password may stand as it is,
/// the characters `/ ? # %` must be percent-encoded.
///
/// # Errors
/// [`ServerError::Address`], which shows no more of the text than what precedes its first `:`, `?` or `%`.
pub fn parse_address(text: &str) -> Result<Address, ServerError> {
    parse(text).map_err(|why| ServerError::Address { address: without_secrets(text), why })
}

/// An address that [`parse_address`] takes, without its password.
pub fn without_password(text: &str) -> String {
    if text.starts_with('/') {
        return text.to_owned();
    }
    let rest = text.find("://").map_or(0, |at| at + 3);
    let authority = text[rest..].find(['/', '?', '#']).map_or(text.len(), |at| rest + at);
    let login = text[rest..authority].rfind('@').map(|at| rest + at);
    match login.and_then(|end| text[rest..end].find(':').map(|at| (rest + at, end))) {
        Some((colon, at)) => format!("{}{}", &text[..colon], &text[at..]),
        None => text.to_owned(),
    }
}

fn parse(text: &str) -> Result<Address, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.starts_with('/') {
        return Ok(Address { host: Some(Host::Socket(PathBuf::from(text))), ..Address::default() });
    }
    let rest = match text.get(..SCHEME.len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => &text[SCHEME.len()..],
        _ if text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric())) => {
            return Err("the scheme must be mysql://".into());
        }
        _ => text,
    };
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if after.contains('@') && authority.contains(':') && !authority.contains('@') {
        return Err("the characters / ? # in a password must be percent-encoded (%2F %3F %23)".into());
    }
    let (path, query) = match after.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (after, None),
    };
    if path.contains('#') || query.is_some_and(|query| query.contains('#')) {
        return Err("it has a # that is not percent-encoded (%23)".into());
    }
    let (login, place) = match authority.rsplit_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, authority),
    };
    let mut address = Address { host: parse_host(place, path)?, ..Address::default() };
    if let Some(login) = login {
        parse_login(login, &mut address)?;
    }
    if let Some(query) = query {
        parse_query(query, &mut address)?;
    }
    Ok(address)
}

fn parse_login(login: &str, address: &mut Address) -> Result<(), String> {
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    if !user.is_empty() {
        address.user = Some(decode(user, "the user name")?);
    }
    if let Some(password) = password {
        address.password = Some(Secret::new(decode(password, "the password")?));
    }
    Ok(())
}

fn parse_host(place: &str, path: &str) -> Result<Option<Host>, String> {
    let path = decode(path, "the socket path")?;
    if place.is_empty() {
        return match path.as_str() {
            "" | "/" => Ok(None),
            _ => Ok(Some(Host::Socket(PathBuf::from(path)))),
        };
    }
    if !matches!(path.as_str(), "" | "/") {
        return Err("a host is followed by a path, but a server's address names no database".into());
    }
    if place.parse::<Ipv6Addr>().is_ok() {
        return Ok(Some(Host::Tcp { host: place.to_owned(), port: PORT_DEFAULT }));
    }
    let (host, port) = split_port(place)?;
    // A socket path written as a host: mysql://%2Frun%2Fmysqld.sock
    if host.starts_with('/') && port.is_none() {
        return Ok(Some(Host::Socket(PathBuf::from(host))));
    }
    let port = match port.map(str::parse) {
        None => PORT_DEFAULT,
        Some(Ok(port)) if port > 0 => port,
        Some(_) => return Err("the port is no number from 1 to 65535".into()),
    };
    Ok(Some(Host::Tcp { host, port }))
}

fn split_port(place: &str) -> Result<(String, Option<&str>), String> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or("the bracket of an IPv6 address is not closed")?;
        host.parse::<Ipv6Addr>().map_err(|_| "there is no IPv6 address between the brackets")?;
        return match after.strip_prefix(':') {
            None if !after.is_empty() => Err("the closing bracket is followed by neither : nor the end".into()),
            port => Ok((host.to_owned(), port)),
        };
    }
    let (host, port) = match place.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (place, None),
    };
    let host = decode(host, "the host")?;
    let socket = host.starts_with('/') && port.is_none();
    if host.is_empty() || !socket && host.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#@:".contains(c))
    {
        return Err("the host is no host name".into());
    }
    Ok((host, port))
}

fn parse_query(query: &str, address: &mut Address) -> Result<(), String> {
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "ssl-mode" => {
                let mode = SslMode::from_name(&decode(value, "ssl-mode")?)
                    .ok_or("ssl-mode is none of disabled, preferred, required, verify-ca, verify-identity")?;
                address.ssl_mode = Some(mode);
            }
            "ssl-ca" if !value.is_empty() => address.ssl_ca = Some(PathBuf::from(decode(value, "ssl-ca")?)),
            "ssl-ca" => return Err("ssl-ca names no file".into()),
            // The name is not shown: what follows a ? that is not encoded may be half a password.
            _ => return Err("it has a parameter other than ssl-mode and ssl-ca".into()),
        }
    }
    Ok(())
}

fn decode(text: &str, part: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let broken = bytes.iter().enumerate().any(|(i, byte)| {
        *byte == b'%' && !bytes.get(i + 1..i + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    });
    if broken {
        return Err(format!("{part} has a % that no two hexadecimal digits follow (write %25 for a % itself)"));
    }
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| format!("{part} is not UTF-8 when decoded"))
}

/// The text up to where a password could begin.
fn without_secrets(text: &str) -> String {
    let start = if text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME)) {
        SCHEME.len()
    } else {
        0
    };
    match text[start..].find([':', '?', '%']) {
        Some(at) => format!("{}…", &text[..start + at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Explain;
    use proptest::prelude::*;

    fn tcp(host: &str, port: u16) -> Option<Host> {
        Some(Host::Tcp { host: host.into(), port })
    }

    fn socket(path: &str) -> Option<Host> {
        Some(Host::Socket(path.into()))
    }

    fn check(text: &str, user: Option<&str>, password: Option<&str>, host: Option<Host>) {
        let address = parse_address(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(address.user.as_deref(), user, "{text}");
        assert_eq!(address.password.as_ref().map(Secret::expose), password, "{text}");
        assert_eq!(address.host, host, "{text}");
    }

    #[test]
    fn a_password_can_be_taken_away() {
        for (text, without) in [
            ("mysql://root:p@ss@db1:3306/?ssl-mode=required", "mysql://root@db1:3306/?ssl-mode=required"),
            ("mysql://root@db1:3306", "mysql://root@db1:3306"),
            ("root:p%2F@[::1]:3307", "root@[::1]:3307"),
            ("mysql://u:p@/run/my@sqld.sock", "mysql://u@/run/my@sqld.sock"),
            ("/run/a:b@c.sock", "/run/a:b@c.sock"),
            ("db1:3306", "db1:3306"),
        ] {
            assert_eq!(without_password(text), without);
        }
    }

    #[test]
    fn every_form() {
        check("mysql://root:geheim@db.example:3307", Some("root"), Some("geheim"), tcp("db.example", 3307));
        check("mysql://root:p%40ss%2Fw%3A%25@db", Some("root"), Some("p@ss/w:%"), tcp("db", 3306));
        check("mysql://root:p@ss:w@db", Some("root"), Some("p@ss:w"), tcp("db", 3306));
        check("mysql://root:@db/", Some("root"), Some(""), tcp("db", 3306));
        check("MySQL://db", None, None, tcp("db", 3306));
        check("mysql:///run/mysqld/mysqld.sock", None, None, socket("/run/mysqld/mysqld.sock"));
        check("mysql://me@/run/my%20sql.sock", Some("me"), None, socket("/run/my sql.sock"));
        check("mysql://me:pw@/run/s", Some("me"), Some("pw"), socket("/run/s"));
        check("mysql://me@%2Frun%2Fs", Some("me"), None, socket("/run/s"));
        check("mysql://me@", Some("me"), None, None);
        check("mysql://[::1]:3310", None, None, tcp("::1", 3310));
        check("mysql://me@[fe80::1]", Some("me"), None, tcp("fe80::1", 3306));
        check("::1", None, None, tcp("::1", 3306));
        check("db", None, None, tcp("db", 3306));
        check("db:3310", None, None, tcp("db", 3310));
        check("me@10.0.0.1:3310", Some("me"), None, tcp("10.0.0.1", 3310));
        check("/run/100%.sock", None, None, socket("/run/100%.sock"));
    }

    #[test]
    fn tls_parameters() {
        let address = parse_address("mysql://db?ssl-mode=VERIFY_CA&ssl-ca=/etc/my%20ca.pem").unwrap();
        assert_eq!(address.ssl_mode, Some(SslMode::VerifyCa));
        assert_eq!(address.ssl_ca, Some("/etc/my ca.pem".into()));
        let address = parse_address("mysql:///run/s?ssl-mode=disabled").unwrap();
        assert_eq!((address.host, address.ssl_mode), (socket("/run/s"), Some(SslMode::Disabled)));
    }

    #[test]
    fn refused() {
        let cases = [
            ("", "it is empty"),
            ("postgres://db", "the scheme"),
            ("postgres://root:pw@db", "the scheme"),
            ("mysql://db:port", "the port"),
            ("mysql://db:0", "the port"),
            ("mysql://db:65536", "the port"),
            ("mysql://db/shop", "names no database"),
            ("mysql://root:pa/ss@db", "percent-encoded"),
            ("mysql://root:pa?ss@db", "percent-encoded"),
            ("mysql://root:pa%zz@db", "hexadecimal"),
            ("mysql://root:%ff@db", "UTF-8"),
            ("mysql://db?user=me", "parameter"),
            ("mysql://db?ssl-mode=maybe", "ssl-mode"),
            ("mysql://db?ssl-ca=", "no file"),
            ("mysql://[::1", "bracket"),
            ("mysql://[nine]", "IPv6"),
            ("mysql://a b", "host"),
            ("mysql://:3306", "host"),
        ];
        for (text, expected) in cases {
            let error = parse_address(text).expect_err(text);
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert_eq!(error.exit(), crate::error::Exit::Usage);
        }
    }

    proptest! {
        #[test]
        fn a_password_is_never_shown(
            user in "[a-z]{0,6}",
            secret in "[A-Z0-9]{5}[!-~ä]{0,12}",
            place in prop_oneof!["[a-z]{0,8}", "[a-z]{1,8}:[0-9a-z]{1,6}", "/[a-z]{1,8}", "[a-z]{1,8}/[a-z]{1,8}", "[a-z]{1,3}\\?[a-z]{1,5}=[a-z]{1,5}"],
            encoded in any::<bool>(),
            scheme in prop_oneof![Just("mysql://"), Just(""), Just("postgres://"), Just("root:abc://")],
        ) {
            let written = if encoded {
                percent_encoding::utf8_percent_encode(&secret, percent_encoding::NON_ALPHANUMERIC).to_string()
            } else {
                secret.clone()
            };
            let text = format!("{scheme}{user}:{written}@{place}");
            // The first five characters are such as nothing else in the address or in a message has.
            let mark = &secret[..5];
            match parse_address(&text) {
                Ok(address) => {
                    let shown = format!("{:?}", address);
                    prop_assert!(!shown.contains(mark));
                    if encoded && scheme == "mysql://" {
                        prop_assert_eq!(address.password.as_ref().map(Secret::expose), Some(secret.as_str()));
                    }
                }
                Err(error) => {
                    let shown = format!("{error} {error:?} {:?}", error.hint());
                    prop_assert!(!shown.contains(mark), "{} shows {}", shown, mark);
                    // Nor any longer run of what was written.
                    let run: String = written.chars().take(6).collect();
                    prop_assert!(!shown.contains(&run));
                }
            }
        }

        #[test]
        fn any_text_gives_an_answer(text in "\\PC{0,40}") {
            let _ = parse_address(&text);
        }
    }
}
