//! Versions: opaque strings with a natural order.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};

/// What tells one migration of a source from the others.
///
/// The text is kept as it was written. Equality and order look at the groups in it: groups of
/// digits compare as numbers of any length (`001` equals `1`, `9` comes before `10`), other
/// characters compare as text. The separators `_`, `.` and `-` between two numbers do not count for
/// the order (`1.1.11`, `1.1.11a`, `1.1.12`); where a text is made of digits and them alone, nor
/// for equality (`20231201_001` equals `20231201-1`). `1.0.0-rc2` comes before `1.0.0`.
#[derive(Clone)]
pub struct Version {
    text: String,
    /// Bytes whose order is that of the versions; see [`key_of`].
    key: Vec<u8>,
}

/// What leads to a release: comes before its end.
const PRERELEASE: u8 = 0;
/// The end of the groups. Behind it are those again with what did not count for the order, unless
/// it doesn't count for equality either.
const END: u8 = 1;
/// A group of digits: its length without leading zeros and the digits, so that numbers of any size
/// are in order. Comes before text.
const NUMBER: u8 = 2;
/// Other characters, up to a zero byte; a zero in the text itself is followed by 255.
const TEXT: u8 = 3;

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
        && text.bytes().all(|b| b.is_ascii_digit() || is_separator(b));
    let mut key = Vec::with_capacity(text.len() + 8);
    let left_out = push_groups(&mut key, text, !numbers_only, true);
    key.push(END);
    if left_out && !numbers_only {
        push_groups(&mut key, text, true, false);
    }
    key
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'_' | b'.' | b'-')
}

/// Appends the groups, without any text if `texts` is false, and tells if some were left out.
/// `ordering` leaves out the separators between numbers as well, and knows prereleases.
fn push_groups(key: &mut Vec<u8>, text: &str, texts: bool, ordering: bool) -> bool {
    let (mut left_out, mut numbers) = (false, 0);
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        let digits = first.is_ascii_digit();
        let end = rest
            .iter()
            .position(|b| b.is_ascii_digit() != digits)
            .unwrap_or(rest.len());
        let (group, tail) = rest.split_at(end);
        let between = numbers > 0 && !tail.is_empty() && group.iter().copied().all(is_separator);
        if digits {
            let zeros = group.iter().take_while(|&&b| b == b'0').count();
            let number = &group[zeros..];
            key.push(NUMBER);
            let length = u32::try_from(number.len()).unwrap_or(u32::MAX);
            key.extend_from_slice(&length.to_be_bytes());
            key.extend_from_slice(number);
            numbers += 1;
        } else if !texts || ordering && between {
            left_out = true;
        } else {
            let prerelease = ordering && numbers > 1 && names_prerelease(group);
            key.push(if prerelease { PRERELEASE } else { TEXT });
            for &byte in group {
                key.push(byte);
                if byte == 0 {
                    key.push(255);
                }
            }
            key.push(0);
        }
        if !digits && !between {
            numbers = 0;
        }
        rest = tail;
    }
    left_out
}

/// `-rc` in `1.0.0-rc2`, `-beta.` in `v1.0.0-beta.1/tables`: the word, and behind it at most a
/// number or another part of the path.
fn names_prerelease(group: &[u8]) -> bool {
    const WORDS: [&str; 6] = ["alpha", "beta", "rc", "pre", "preview", "snapshot"];
    let name = group.split(|&b| b == b'/').next().unwrap_or_default();
    let Ok(name) = std::str::from_utf8(name) else {
        return false;
    };
    let word = name.trim_matches(['-', '.', '_']);
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
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

    fn assert_rising(texts: &[&str]) {
        for pair in texts.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn what_follows_a_number_comes_right_behind_it() {
        assert_rising(&["1.1.9", "1.1.10", "1.1.11", "1.1.11a", "1.1.11b", "1.1.12"]);
        assert_rising(&["2023.01.01_users", "2023.01.02", "2023.01.03_roles"]);
        assert_rising(&["0001_2fa", "0001_add", "0002_a"]);
        assert_ne!(version("1.2a"), version("1_2a"));
        assert_ne!(version("1.2a"), version("12a"));
    }

    #[test]
    fn what_leads_to_a_release_comes_before_it() {
        assert_rising(&[
            "0.9.9",
            "1.0.0-alpha",
            "1.0.0-beta.2",
            "1.0.0-rc2",
            "1.0.0-rc10",
        ]);
        assert_rising(&[
            "1.0.0-RC10",
            "1.0.0",
            "1.0.0-fix",
            "1.0.1-SNAPSHOT",
            "1.0.1",
        ]);
        assert_rising(&["v1.0.0-rc1/2_b", "v1.0.0-rc2/1_a", "v1.0.0/1_a", "v1.1/1_a"]);
        assert_rising(&["001", "001-beta", "001-beta-users", "002"]);
        assert_rising(&["2.0.0", "2.0.0-beta-users"]);
    }
}
