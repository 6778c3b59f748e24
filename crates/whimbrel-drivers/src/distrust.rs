//! Why a connection with TLS failed, as far as the certificate is why.

use rustls::{CertificateError, Error as TlsError};

/// Why a server's certificate is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    /// Nobody known signed it.
    Authority,
    /// It is for other names.
    Name(Vec<String>),
}

impl Distrust {
    /// What a failed connection says about the certificate, if that is why it failed.
    pub(crate) fn of(error: &std::io::Error) -> Option<Self> {
        match error.get_ref()?.downcast_ref()? {
            TlsError::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => Some(Self::Authority),
            TlsError::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented,
                ..
            }) => Some(Self::Name(
                presented.iter().map(|name| bare(name)).collect(),
            )),
            _ => None,
        }
    }

    /// For people.
    pub(crate) fn message(&self, host: &str) -> String {
        match self {
            Self::Authority => {
                format!("the certificate of {host} is signed by no authority that is trusted")
            }
            Self::Name(names) if names.is_empty() => {
                format!("the certificate is not for {host}: it has no names")
            }
            Self::Name(names) => format!(
                "the certificate is not for {host}, but for {}",
                names.join(", ")
            ),
        }
    }
}

/// `DnsName("localhost")` without what is around it.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').map_or(name, |(_, rest)| rest);
    let inner = inner.strip_suffix(')').unwrap_or(inner);
    inner.trim_matches('"').to_owned()
}
