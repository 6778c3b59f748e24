//! Checksums of migration files.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// SHA-256 of a text with its line ends normalised to `\n` and without a byte order mark, in
/// lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Checksum(String);

impl Checksum {
    /// The checksum of a text.
    pub fn of(text: &str) -> Self {
        let mut hash = Sha256::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.as_bytes().contains(&b'\r') {
            for (index, part) in text.split("\r\n").enumerate() {
                if index > 0 {
                    hash.update(b"\n");
                }
                hash.update(part.as_bytes());
            }
        } else {
            hash.update(text.as_bytes());
        }
        let digits = hash.finalize().into_iter().flat_map(|b| [b >> 4, b & 15]);
        let hex = digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
        Self(hex.collect())
    }

    /// A checksum that was stored.
    pub fn from_stored(hex: impl Into<String>) -> Self {
        Self(hex.into())
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({})", &self.0[..self.0.len().min(12)])
    }
}

#[cfg(test)]
mod tests {
    use super::Checksum;

    #[test]
    fn line_ends_and_byte_order_marks_do_not_count() {
        assert_eq!(Checksum::of("a\r\nb\r\n"), Checksum::of("a\nb\n"));
        assert_eq!(Checksum::of("\u{feff}a"), Checksum::of("a"));
        assert_ne!(Checksum::of("a\n"), Checksum::of("a"));
        assert_eq!(
            Checksum::of("abc").as_str(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
