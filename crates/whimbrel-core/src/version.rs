//! Versions: opaque strings with a natural order.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};

/// What tells one migration of a source from the others.
///
/// The text is kept as it was written. Equality and order look at the groups in it: groups of
/// digits compare as numbers of any length (`001` equals `1`, `9` comes before `10`), other
/// characters compare as text. Where a text is made of digits and the separators `_`, `.` and `-`
/// alone, only the numbers count (`20231201_001` equals `20231201-1`).
#[derive(Clone)]
pub struct Version {
    text: String,
    /// Bytes whose order is that of the versions; see [`key_of`].
    key: Vec<u8>,
}

/// A group of digits: its length without leading zeros and the digits, so that numbers of any size
/// are in order. Comes before text.
const NUMBER: u8 = 1;
/// Other characters, up to a zero byte; a zero in the text itself is followed by 255.
const TEXT: u8 = 2;

impl Version {
    /// Reads a version from its text.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let key = key_of(&text);
        Self { text, key }
    }

    /// The version as its file or its history row spells it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True if the text starts with a group of digits.
    pub fn is_numeric(&self) -> bool {
        self.key.first() == Some(&NUMBER)
    }
}

fn key_of(text: &str) -> Vec<u8> {
    let numbers_only = text.bytes().any(|b| b.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-'));
    let mut key = Vec::with_capacity(text.len() + 8);
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        let digits = first.is_ascii_digit();
        let end = rest
            .iter()
            .position(|b| b.is_ascii_digit() != digits)
            .unwrap_or(rest.len());
        let (group, tail) = rest.split_at(end);
        if digits {
            let zeros = group.iter().take_while(|&&b| b == b'0').count();
            let number = &group[zeros..];
            key.push(NUMBER);
            let length = u32::try_from(number.len()).unwrap_or(u32::MAX);
            key.extend_from_slice(&length.to_be_bytes());
            key.extend_from_slice(number);
        } else if !numbers_only {
            key.push(TEXT);
            for &byte in group {
                key.push(byte);
                if byte == 0 {
                    key.push(255);
                }
            }
            key.push(0);
        }
        rest = tail;
    }
    key
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", self.text)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn version(text: &str) -> Version {
        Version::new(text)
    }

    #[test]
    fn digits_compare_as_numbers() {
        assert_eq!(version("001"), version("1"));
        assert!(version("9") < version("10"));
        assert!(version("v1.9/a") < version("v1.10/a"));
        assert!(version("99999999999999999999998") < version("99999999999999999999999"));
        assert_eq!(version("20231201_001"), version("20231201-1"));
        assert!(version("20231201_002") < version("20231202_001"));
        assert_eq!(version("000"), version("0"));
    }

    #[test]
    fn names_differ_from_numbers() {
        assert_ne!(version("0002_a"), version("0002_b"));
        assert!(version("0002_a") < version("0002_b"));
        assert_ne!(version("R__a"), version("R__b"));
    }
}
