//! TLS for all drivers: rustls with the system's roots.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use whimbrel_core::Error;

/// What is checked of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Nothing: the line is encrypted, but whoever answers is believed.
    Nothing,
    /// That a known authority signed it.
    Authority,
    /// That, and that it names the host.
    AuthorityAndName,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A client's settings. `roots` is a PEM file with authorities; the system's without it.
pub(crate) fn client(check: Check, roots: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let failed = |error: TlsError| Error::Settings(format!("TLS can't be set up: {error}"));
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let verifier: Arc<dyn ServerCertVerifier> = if check == Check::Nothing {
        Arc::new(Lenient {
            inner: None,
            named: Vec::new(),
            check,
            provider: provider(),
        })
    } else {
        let named = roots.map(named).transpose()?.unwrap_or_default();
        let store = Arc::new(store(roots, &named)?);
        let inner = WebPkiServerVerifier::builder_with_provider(store, provider())
            .build()
            .map_err(|error| Error::Settings(format!("TLS can't be set up: {error}")))?;
        Arc::new(Lenient {
            inner: Some(inner),
            named,
            check,
            provider: provider(),
        })
    };
    let config = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::Settings(format!(
        "the certificates in {} can't be read: {why}",
        path.display()
    ))
}

/// The certificates of a PEM file.
fn named(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let list = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(path, &error.to_string()))?;
    if list.is_empty() {
        return Err(unreadable(path, "it holds none in PEM form"));
    }
    Ok(list)
}

fn store(roots: Option<&Path>, named: &[CertificateDer<'static>]) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    if let Some(path) = roots {
        for certificate in named {
            store
                .add(certificate.clone())
                .map_err(|error| unreadable(path, &error.to_string()))?;
        }
    } else {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let system = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(system.certs);
    }
    Ok(store)
}

/// Believes any certificate without an inner verifier, and any name unless that is checked.
#[derive(Debug)]
struct Lenient {
    inner: Option<Arc<WebPkiServerVerifier>>,
    /// Those that were named as trusted: a server may show one of them itself.
    named: Vec<CertificateDer<'static>>,
    check: Check,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        // One that signed itself counts as an authority, which no server may be for webpki.
        if self.named.iter().any(|known| known == end_entity) {
            if self.check == Check::AuthorityAndName {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match inner.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // The signature was found good before the name was looked at.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Authority => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Settings that no server passes, for connections that never begin TLS.
#[cfg(feature = "d1")]
pub(crate) fn believes_nobody() -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Settings(format!("TLS can't be set up: {error}")))?;
    Ok(builder
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}
