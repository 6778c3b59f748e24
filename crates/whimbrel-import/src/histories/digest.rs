//! Checksums as other tools take them of a file.

use std::hash::{Hash, Hasher};

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384};
use siphasher::sip::SipHasher13;
use whimbrel_core::text::SourceFile;

/// The texts that a file may have been when a tool read it: version control changes line ends, and
/// a byte order mark is taken off here.
fn spellings(file: &SourceFile) -> impl Iterator<Item = String> {
    let text = file.text().to_owned();
    let lf = text.replace("\r\n", "\n");
    let crlf = lf.replace('\n', "\r\n");
    let marked = format!("\u{feff}{text}");
    [text, lf, crlf, marked].into_iter()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

fn is_one<D: Digest>(file: &SourceFile, stored: &str) -> bool {
    spellings(file).any(|text| hex(&D::digest(text.as_bytes())).eq_ignore_ascii_case(stored))
}

/// SHA-256 of the file, in hexadecimal digits (Prisma, drizzle).
pub(super) fn is_sha256(file: &SourceFile, stored: &str) -> bool {
    is_one::<Sha256>(file, stored)
}

/// SHA-384 of the file, in hexadecimal digits (sqlx).
pub(super) fn is_sha384(file: &SourceFile, stored: &str) -> bool {
    is_one::<Sha384>(file, stored)
}

/// SHA-1 of the file, in hexadecimal digits (Sqitch).
pub(super) fn is_sha1(file: &SourceFile, stored: &str) -> bool {
    is_one::<Sha1>(file, stored)
}

/// Flyway: CRC-32 of the lines without their ends, as a signed number.
pub(super) fn flyway(text: &str) -> i32 {
    let mut hasher = crc32fast::Hasher::new();
    let text = text.replace("\r\n", "\n");
    for line in text.split(['\n', '\r']) {
        hasher.update(line.as_bytes());
    }
    hasher.finalize().cast_signed()
}

/// refinery: SipHash-1-3 of name, version and text. The version is of 32 bits, or of 64 if the
/// program was built so.
pub(super) fn is_refinery(file: &SourceFile, name: &str, version: &str, stored: &str) -> bool {
    let Ok(version) = version.parse::<i64>() else {
        return false;
    };
    let of = |text: &str, wide: bool| {
        let mut hasher = SipHasher13::new();
        name.hash(&mut hasher);
        match i32::try_from(version) {
            Ok(narrow) if !wide => narrow.hash(&mut hasher),
            _ => version.hash(&mut hasher),
        }
        text.hash(&mut hasher);
        hasher.finish().to_string()
    };
    spellings(file).any(|text| of(&text, false) == stored || of(&text, true) == stored)
}

/// graphile-migrate: SHA-1 of the hash before and what stands below the header, both as the header
/// has them. Files that say `AllowInvalidHash` only have to bear the hash.
pub(super) fn is_graphile_migrate(file: &SourceFile, stored: &str) -> bool {
    let text = file.text().replace("\r\n", "\n");
    let (mut previous, mut hash, mut free) = ("", "", false);
    let mut body = text.as_str();
    while let Some(header) = body.strip_prefix("--! ") {
        let (line, rest) = header.split_once('\n').unwrap_or((header, ""));
        match line.split_once(':').map(|(key, value)| (key, value.trim())) {
            Some(("Previous", value)) => previous = value,
            Some(("Hash", value)) => hash = value,
            Some(_) => {}
            None if line.trim() == "AllowInvalidHash" => free = true,
            None => break,
        }
        body = rest;
    }
    if free {
        return hash == stored;
    }
    let previous = if previous == "-" { "" } else { previous };
    let whole = format!("{previous}\n{}", body.trim());
    let digest = hex(&Sha1::digest(format!("{}\n", whole.trim()).as_bytes()));
    stored.strip_prefix("sha1:") == Some(digest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_tools() {
        let file = SourceFile::new("a.sql", "abc");
        assert!(is_sha1(&file, "a9993e364706816aba3e25717850c26c9cd0d89d"));
        assert!(is_sha256(
            &file,
            "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"
        ));
        assert!(is_sha384(
            &file,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        ));
        assert!(!is_sha256(&file, ""));
    }

    /// What Flyway 10.20 wrote for these files. A byte order mark does not count.
    #[test]
    fn flyway_agrees() {
        for (text, expected) in [
            (
                "create table a_t(id int);\r\n-- \u{e9}\n\ninsert into a_t values (1);",
                -1_923_413_468,
            ),
            ("create table b_t(id int);\n", -80_846_043),
            (
                "create or replace view v_t as select 1 as x;\n",
                -1_489_617_733,
            ),
        ] {
            assert_eq!(flyway(text), expected, "{text}");
        }
    }

    /// By the rule of graphile-migrate 1.4, which ran files with such hashes.
    #[test]
    fn graphile_migrate_agrees() {
        let first = "sha1:d30d858bf9fa5d8979af2d32c3be5e09b07da877";
        let second = "sha1:f28fe5baadf647488944604ad6dbb82bec07d43c";
        let text = format!("--! Previous: -\n--! Hash: {first}\n\nSELECT 1;\n");
        assert!(is_graphile_migrate(&SourceFile::new("1.sql", &text), first));
        let edited = text.replace("1;", "3;");
        assert!(!is_graphile_migrate(
            &SourceFile::new("1.sql", &edited),
            first
        ));
        let allowed = format!("--! AllowInvalidHash\n{edited}");
        assert!(is_graphile_migrate(
            &SourceFile::new("1.sql", &allowed),
            first
        ));
        let text = format!(
            "--! Previous: {first}\r\n--! Hash: {second}\r\n--! Message: b\r\n\r\n--! no-transaction\r\nSELECT 2;"
        );
        assert!(is_graphile_migrate(
            &SourceFile::new("2.sql", &text),
            second
        ));
    }

    #[test]
    fn line_ends_may_have_changed() {
        let unix = SourceFile::new("a.sql", "a\nb\n");
        let hash = hex(&Sha256::digest(b"a\r\nb\r\n"));
        assert!(is_sha256(&unix, &hash));
        assert_eq!(flyway("a\r\nb\r\n"), flyway("a\nb\n"));
        // CRC-32 of "ab": ends of lines do not count.
        assert_eq!(flyway("a\nb"), 0x9E83_486D_u32.cast_signed());
    }
}
