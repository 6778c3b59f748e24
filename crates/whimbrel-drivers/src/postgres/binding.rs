//! What ties a login to the TLS connection that it is made on (`tls-server-end-point` of RFC 5929):
//! who stands between with a certificate of their own can't pass it on.

use postgres_protocol::authentication::sasl::{self, ChannelBinding};
use sha2::{Digest, Sha256, Sha384, Sha512};
use whimbrel_core::driver::{DriverError, DriverErrorKind};

/// `channel_binding`, as libpq names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    Disable,
    Prefer,
    Require,
}

/// The way of SCRAM to go, of those that a server offers, on a connection that has this hash.
pub(super) fn choose(
    wanted: Binding,
    hash: Option<Vec<u8>>,
    offers: &[String],
) -> Result<(&'static str, ChannelBinding), DriverError> {
    let offered = |name: &str| offers.iter().any(|offer| offer == name);
    let hash = hash.filter(|_| wanted != Binding::Disable);
    let how = match hash {
        Some(hash) if offered(sasl::SCRAM_SHA_256_PLUS) => {
            let bound = ChannelBinding::tls_server_end_point(hash);
            return Ok((sasl::SCRAM_SHA_256_PLUS, bound));
        }
        _ if wanted == Binding::Require && !offered(sasl::SCRAM_SHA_256_PLUS) => {
            return Err(missing("the server does not offer it on this connection"));
        }
        None if wanted == Binding::Require => {
            return Err(missing("the server's certificate does not allow it"));
        }
        // The server is told that it could have been, so that nobody between can take it out of
        // the offers.
        Some(_) => ChannelBinding::unrequested(),
        None => ChannelBinding::unsupported(),
    };
    if offered(sasl::SCRAM_SHA_256) {
        return Ok((sasl::SCRAM_SHA_256, how));
    }
    Err(DriverError::new(
        DriverErrorKind::Unsupported,
        "the server asks for an authentication other than SCRAM-SHA-256, which is not supported",
    ))
}

/// The hash of a server's certificate, by the hash that it is signed with. None if that is none
/// that the RFC says what to do with.
pub(super) fn of_certificate(der: &[u8]) -> Option<Vec<u8>> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    let (certificate, _) = element(der)?;
    let (_, rest) = element(certificate)?;
    let (algorithm, _) = element(rest)?;
    let (name, _) = element(algorithm)?;
    let (last, family) = name.split_last()?;
    // MD5 and SHA-1 are replaced by SHA-256.
    Some(match (family, last) {
        (RSA, 4 | 5 | 11) | (ECDSA, 2) => Sha256::digest(der).to_vec(),
        (RSA, 12) | (ECDSA, 3) => Sha384::digest(der).to_vec(),
        (RSA, 13) | (ECDSA, 4) => Sha512::digest(der).to_vec(),
        _ => return None,
    })
}

/// The content of a DER element, and what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, mut rest) = der.get(1..)?.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(count)?;
        length = bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        rest = after;
    }
    rest.split_at_checked(length)
}

/// What was asked for can't be had.
pub(super) fn missing(why: &str) -> DriverError {
    DriverError::new(
        DriverErrorKind::Refused,
        format!("the URL says channel_binding=require, but {why}"),
    )
    .with_hint("channel binding needs TLS and SCRAM with the server itself, no pooler or proxy between; channel_binding=prefer uses it where it can be had")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_has_no_hash() {
        for wrong in [
            &b""[..],
            b"\x30",
            b"\x30\x80",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x03\x30\x01\x00",
            b"no certificate",
        ] {
            assert_eq!(of_certificate(wrong), None);
        }
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        // SEQUENCE { SEQUENCE {}, SEQUENCE { OID }, ... }
        let signed = |oid: &[u8]| {
            let mut algorithm = vec![0x06, u8::try_from(oid.len()).unwrap()];
            algorithm.extend(oid);
            let mut inner = vec![0x30, 0, 0x30, u8::try_from(algorithm.len()).unwrap()];
            inner.extend(algorithm);
            let mut der = vec![0x30, 0x81, u8::try_from(inner.len()).unwrap()];
            der.extend(inner);
            der
        };
        let rsa = |last| [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last];
        for (last, length) in [(5, 32), (11, 32), (12, 48), (13, 64)] {
            assert_eq!(of_certificate(&signed(&rsa(last))).unwrap().len(), length);
        }
        // Ed25519 says nothing of a hash.
        assert_eq!(of_certificate(&signed(&[0x2b, 0x65, 0x70])), None);
    }
}
