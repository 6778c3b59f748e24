//! Checksums of migration files.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// SHA-256 of a text with its line ends normalised to `\n` and without a byte order mark. As text it
/// is lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Checksum(Kept);

/// A history of ten thousand migrations has thirty thousand of them: as numbers they are a third of
/// what they are as texts.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kept {
    Sha256([u8; 32]),
    /// What was stored and is none: empty where nothing is known.
    Other(Box<str>),
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

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
        Self(Kept::Sha256(hash.finalize().into()))
    }

    /// A checksum that was stored.
    pub fn from_stored(text: &str) -> Self {
        let bytes = bytes_of(text.as_bytes());
        Self(bytes.map_or_else(|| Kept::Other(text.into()), Kept::Sha256))
    }

    /// True for the record of what was taken over without its file.
    pub fn is_unknown(&self) -> bool {
        matches!(&self.0, Kept::Other(text) if text.is_empty())
    }

    /// As many of the digits as people compare.
    pub fn short(&self) -> String {
        format!("{self:.12}")
    }
}

/// From 64 lower-case hexadecimal digits.
fn bytes_of(digits: &[u8]) -> Option<[u8; 32]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kept::Sha256(bytes) => {
                let mut text = [0; 64];
                for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 15)];
                }
                f.pad(str::from_utf8(&text).unwrap_or_default())
            }
            Kept::Other(text) => f.pad(text),
        }
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({})", self.short())
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
            Checksum::of("abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn what_was_stored_comes_back_as_it_was() {
        let real = Checksum::of("abc");
        assert_eq!(Checksum::from_stored(&real.to_string()), real);
        let loud = real.to_string().to_uppercase();
        for stored in ["", "a2fca34", "0".repeat(65).as_str(), loud.as_str()] {
            assert_eq!(Checksum::from_stored(stored).to_string(), stored);
        }
        assert!(Checksum::from_stored("").is_unknown());
        assert!(!real.is_unknown());
        assert_eq!(real.short(), "ba7816bf8f01");
    }
}
