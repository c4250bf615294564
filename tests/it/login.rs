//! How both kinds of session log in: plugins, TLS modes and what each refusal is called. Every case is tried
//! with the blocking session and with the driver's, which must agree.

use crate::support::server;
use myriad::error::{Exit, Explain};
use myriad::sandbox::SandboxOptions;
use myriad::secret::Secret;
use myriad::server::{ConnectOptions, Host, RawSession, ServerError, Session, SslMode, SslOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MODES: [SslMode; 5] =
    [SslMode::Disabled, SslMode::Preferred, SslMode::Required, SslMode::VerifyCa, SslMode::VerifyIdentity];

/// What became of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Plain,
    Tls,
    NoTls,
    Refused,
    Unreachable,
}

fn outcome(error: &ServerError) -> Outcome {
    match error {
        ServerError::Tls { .. } => Outcome::NoTls,
        ServerError::LoginRefused { .. } => Outcome::Refused,
        ServerError::Unreachable { .. } => Outcome::Unreachable,
        other => panic!("{other}"),
    }
}

fn raw(options: &ConnectOptions) -> Outcome {
    match RawSession::connect(options) {
        Ok(mut session) => {
            let cipher = session.query_small(b"SHOW SESSION STATUS LIKE 'Ssl_cipher'").unwrap()[0].text(1);
            assert_eq!(session.is_tls(), !cipher.is_empty());
            if cipher.is_empty() { Outcome::Plain } else { Outcome::Tls }
        }
        Err(error) => outcome(&error),
    }
}

async fn driver(options: &ConnectOptions) -> Outcome {
    match Session::connect(options).await {
        Ok(mut session) => {
            let cipher = session.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'").await.unwrap()[0].text(1);
            session.close().await;
            if cipher.is_empty() { Outcome::Plain } else { Outcome::Tls }
        }
        Err(error) => outcome(&error),
    }
}

async fn check(what: &str, options: &ConnectOptions, expected: Outcome) {
    assert_eq!(raw(options), expected, "{what}, raw session");
    assert_eq!(driver(options).await, expected, "{what}, driver's session");
}

fn with_tls(options: &ConnectOptions, mode: SslMode, ca: Option<&Path>) -> ConnectOptions {
    ConnectOptions { ssl: SslOptions { mode, ca: ca.map(PathBuf::from) }, ..options.clone() }
}

fn with_login(options: &ConnectOptions, user: &str, password: &str) -> ConnectOptions {
    ConnectOptions { user: user.into(), password: Secret::new(password), ..options.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_modes() {
    let sandbox = server::own(SandboxOptions { tcp: true, ..server::options() });
    let tcp = sandbox.tcp_options().unwrap();
    let folder = tempfile::tempdir().unwrap();

    // The certificates that the server makes itself name no host.
    let ca = sandbox.data_dir().join("ca.pem");
    let other = Certificates::make(folder.path(), "other");
    for (mode, ca, expected) in [
        (SslMode::Disabled, None, Outcome::Plain),
        (SslMode::Preferred, None, Outcome::Tls),
        (SslMode::Required, None, Outcome::Tls),
        (SslMode::Required, Some(&other.ca), Outcome::Tls),
        (SslMode::VerifyCa, Some(&ca), Outcome::Tls),
        (SslMode::VerifyCa, Some(&other.ca), Outcome::NoTls),
        (SslMode::VerifyCa, None, Outcome::NoTls),
        (SslMode::VerifyCa, Some(&folder.path().join("missing.pem")), Outcome::NoTls),
        (SslMode::VerifyIdentity, Some(&ca), Outcome::NoTls),
        (SslMode::VerifyIdentity, None, Outcome::NoTls),
    ] {
        let options = with_tls(&tcp, mode, ca.map(PathBuf::as_path));
        check(&format!("own certificates, {mode:?}, {ca:?}"), &options, expected).await;
    }
    // A socket is plain under every mode.
    for mode in MODES {
        check(&format!("socket, {mode:?}"), &with_tls(&sandbox.connect_options(), mode, None), Outcome::Plain).await;
    }

    // A certificate for localhost.
    let mut root = Session::connect(&sandbox.connect_options()).await.unwrap();
    for (variable, file) in [("ssl_ca", &other.ca), ("ssl_cert", &other.certificate), ("ssl_key", &other.key)] {
        root.execute(format!("SET GLOBAL {variable} = '{}'", file.display())).await.unwrap();
    }
    root.execute("ALTER INSTANCE RELOAD TLS").await.unwrap();
    let Host::Tcp { port, .. } = tcp.host else { unreachable!() };
    let localhost = ConnectOptions { host: Host::Tcp { host: "localhost".into(), port }, ..tcp.clone() };
    for (mode, options, expected) in [
        (SslMode::VerifyIdentity, &localhost, Outcome::Tls),
        (SslMode::VerifyIdentity, &tcp, Outcome::NoTls),
        (SslMode::VerifyCa, &localhost, Outcome::Tls),
        (SslMode::VerifyCa, &tcp, Outcome::Tls),
    ] {
        let options = with_tls(options, mode, Some(&other.ca));
        check(&format!("certificate for localhost, {mode:?}, {:?}", options.host), &options, expected).await;
    }
    check("the old authority", &with_tls(&localhost, SslMode::VerifyIdentity, Some(&ca)), Outcome::NoTls).await;

    // No TLS at all.
    root.execute("SET GLOBAL ssl_cert = '/nowhere/cert.pem'").await.unwrap();
    root.execute("ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR").await.unwrap();
    for mode in MODES {
        let expected =
            if matches!(mode, SslMode::Disabled | SslMode::Preferred) { Outcome::Plain } else { Outcome::NoTls };
        check(&format!("no TLS, {mode:?}"), &with_tls(&tcp, mode, Some(&ca)), expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_and_passwords() {
    let sandbox = server::own(SandboxOptions { tcp: true, ..server::options() });
    let (socket, tcp) = (sandbox.connect_options(), sandbox.tcp_options().unwrap());
    let mut root = Session::connect(&socket).await.unwrap();
    for plugin in ["caching_sha2_password", "sha256_password"] {
        let user = plugin.trim_end_matches("_password");
        root.execute(format!("CREATE USER {user} IDENTIFIED WITH {plugin} BY 'gehe!m ä'")).await.unwrap();
        root.execute(format!("CREATE USER {user}_empty IDENTIFIED WITH {plugin} BY ''")).await.unwrap();
        // The driver does not know sha256_password, which MySQL has deprecated since 8.0.16.
        let by_driver = |expected| if plugin == "sha256_password" { Outcome::Refused } else { expected };
        let ways = [
            ("socket", socket.clone(), Outcome::Plain),
            ("TCP", with_tls(&tcp, SslMode::Disabled, None), Outcome::Plain),
            ("TLS", with_tls(&tcp, SslMode::Required, None), Outcome::Tls),
        ];
        for (way, options, expected) in ways {
            // Twice from an empty cache for each kind of session: the full proof, then the short one.
            for kind in ["raw", "driver"] {
                root.execute("FLUSH PRIVILEGES").await.unwrap();
                let right = with_login(&options, user, "gehe!m ä");
                for round in 0..2 {
                    let (outcome, expected) = match kind {
                        "raw" => (raw(&right), expected),
                        _ => (driver(&right).await, by_driver(expected)),
                    };
                    assert_eq!(outcome, expected, "{plugin}, {way}, {kind}, {round}");
                }
                for wrong in ["", "wrong", "gehe!m ä "] {
                    let wrong = with_login(&options, user, wrong);
                    let outcome = if kind == "raw" { raw(&wrong) } else { driver(&wrong).await };
                    assert_eq!(outcome, Outcome::Refused, "{plugin}, {way}, {kind}, wrong password");
                }
            }
            let empty = with_login(&options, &format!("{user}_empty"), "");
            assert_eq!(raw(&empty), expected, "{plugin}, {way}, raw, empty password");
            assert_eq!(driver(&empty).await, by_driver(expected), "{plugin}, {way}, driver, empty password");
            check("no such user", &with_login(&options, "nobody", "x"), Outcome::Refused).await;
        }
    }
    let error = RawSession::connect(&with_login(&tcp, "caching_sha2", "Geheim99")).err().unwrap();
    assert_eq!(error.exit(), Exit::LoginRefused);
    assert!(!format!("{error} {error:?}").contains("Geheim99"));
    root.execute("CREATE USER tls_only REQUIRE SSL").await.unwrap();
    check("plain refused", &with_login(&with_tls(&tcp, SslMode::Disabled, None), "tls_only", ""), Outcome::Refused)
        .await;
    check("TLS taken", &with_login(&tcp, "tls_only", ""), Outcome::Tls).await;

    root.execute("SET GLOBAL max_connections = 1").await.unwrap();
    // The sessions of before may still be leaving.
    let others =
        "SELECT ID FROM information_schema.processlist WHERE ID <> CONNECTION_ID() AND USER <> 'event_scheduler'";
    while !root.query(others).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // One more than the limit is kept for administrators.
    let _second = RawSession::connect(&socket).unwrap();
    check("a full server", &with_login(&tcp, "caching_sha2", "gehe!m ä"), Outcome::Unreachable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there() {
    let options = |host| ConnectOptions {
        host,
        user: "root".into(),
        password: Secret::new("secret"),
        ssl: SslOptions::default(),
    };
    let tcp = |host: &str, port| options(Host::Tcp { host: host.into(), port });
    check("a closed port", &tcp("127.0.0.1", 1), Outcome::Unreachable).await;
    check("an unknown host", &tcp("no-such-host.invalid", 3306), Outcome::Unreachable).await;
    check("no socket", &options(Host::Socket("/nowhere/s".into())), Outcome::Unreachable).await;

    // Somebody who listens and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_options = tcp("127.0.0.1", silent.local_addr().unwrap().port());
    let begun = std::time::Instant::now();
    assert_eq!(raw(&silent_options), Outcome::Unreachable);
    assert!(begun.elapsed() < myriad::limits::CONNECT_TIMEOUT * 4);

    // Somebody else's protocol.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other_options = tcp("127.0.0.1", other.local_addr().unwrap().port());
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = other.accept() {
            let _ = stream.write_all(b"\x14\0\0\0HTTP/1.1 400 Bad Req");
        }
    });
    let error = RawSession::connect(&other_options).err().unwrap();
    assert!(matches!(error, ServerError::Protocol { .. }), "{error}");
}

/// An authority of the test's own, and a certificate of it for `localhost`.
struct Certificates {
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificates {
    fn make(folder: &Path, name: &str) -> Certificates {
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, format!("authority {name}"));
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let write = |part: &str, pem: String| {
            let path = folder.join(format!("{name}-{part}.pem"));
            std::fs::write(&path, pem).unwrap();
            path
        };
        Certificates {
            ca: write("ca", authority_certificate.pem()),
            certificate: write("cert", certificate.pem()),
            key: write("key", key.serialize_pem()),
        }
    }
}
