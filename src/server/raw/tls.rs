//! TLS for server sessions: who is trusted under each `--ssl-mode`, and the blocking handshake of a raw
//! session. Certificates are checked by rustls against `--ssl-ca` or the public authorities; names are looked
//! for in the subject alternative names only, since the common name is no longer a name (RFC 6125).

use crate::server::options::{SslMode, SslOptions};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Once};

/// Makes ring the process's crypto. The store's HTTP client brings a second one, and rustls refuses to choose
/// between two by itself, which the driver of the other sessions leaves to it.
pub(in crate::server) fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says only that somebody was first, and then there is a choice already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Looks whether the authorities that a mode needs can be read; the error is a reason for people.
pub(in crate::server) fn check_ca(ssl: &SslOptions) -> Result<(), String> {
    match ssl.mode {
        SslMode::VerifyCa | SslMode::VerifyIdentity => roots(ssl).map(|_| ()),
        SslMode::Disabled | SslMode::Preferred | SslMode::Required => Ok(()),
    }
}

/// Makes the TLS handshake over a connected stream; the error is a reason for people.
pub(super) fn handshake(
    mut tcp: TcpStream,
    host: &str,
    ssl: &SslOptions,
) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous();
    let config = builder.with_custom_certificate_verifier(verifier(ssl, provider)?).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} is no host name"))?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    while connection.is_handshaking() {
        connection.complete_io(&mut tcp).map_err(|error| error.to_string())?;
    }
    Ok(StreamOwned::new(connection, tcp))
}

fn verifier(ssl: &SslOptions, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
    Ok(match ssl.mode {
        SslMode::VerifyIdentity => WebPkiServerVerifier::builder_with_provider(roots(ssl)?, provider)
            .build()
            .map_err(|error| error.to_string())?,
        SslMode::VerifyCa => Arc::new(AnyName { roots: Some(roots(ssl)?), provider }),
        SslMode::Disabled | SslMode::Preferred | SslMode::Required => Arc::new(AnyName { roots: None, provider }),
    })
}

fn roots(ssl: &SslOptions) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    match &ssl.ca {
        Some(path) => {
            for certificate in read_pem(path)? {
                roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    Ok(Arc::new(roots))
}

fn read_pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(format!("{} holds no certificate", path.display())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// Takes a certificate for any name: one that chains to `roots`, or any at all where there are none. The
/// handshake's signatures are checked even so, hence the peer holds the certificate's key.
#[derive(Debug)]
struct AnyName {
    roots: Option<Arc<RootCertStore>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            rustls::client::verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(end_entity)?,
                roots,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
