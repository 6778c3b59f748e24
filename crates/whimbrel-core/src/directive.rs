//! Directives: the `-- Key: value` lines in a file's opening comment.

use std::ops::Range;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde::Serialize;

use crate::checksum::Checksum;
use crate::diagnostic::Diagnostic;
use crate::rules::Rules;
use crate::shared::Shared;
use crate::text::SourceFile;
use crate::version::Version;

/// What a migration says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Directives {
    /// `Version:`; must agree with the file's name, or stands for it.
    pub version: Option<String>,
    /// `Description:` (or `Migration:`).
    pub description: Option<String>,
    /// `Created:`, kept as written.
    pub created: Option<String>,
    /// `Depends:` versions of this source, or `source/version`, between commas.
    pub depends: Vec<String>,
    /// `Transaction: off` (or `on`).
    pub transaction: Option<bool>,
    /// `Timeout:` for the whole migration.
    pub timeout: Option<Duration>,
    /// `Lock-Timeout:` for each statement.
    pub lock_timeout: Option<Duration>,
    /// `Foreign-Keys: off` (or `on`), for SQLite.
    pub foreign_keys: Option<bool>,
    /// `Tags:` between commas.
    pub tags: Vec<String>,
    /// `Allow:` rules and exceptions between commas, such as `out-of-order`.
    pub allow: Vec<String>,
    /// `Irreversible:` (yes or a reason): `down` refuses.
    pub irreversible: Option<String>,
    /// `Converted:` what it was before `import --convert` made it.
    pub converted: Option<Converted>,
    /// What the layout of another tool knows of it.
    #[serde(skip)]
    pub rules: Rules,
}

/// What a converted file was: by this its records are known that were made before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// Of the file, or of its part of the file.
    pub checksum: Checksum,
    /// The version in the layout that it was in.
    pub version: Version,
}

impl Converted {
    fn parse(value: &str) -> Option<Self> {
        let (checksum, version) = value.split_once(' ')?;
        let digits = checksum.len() == 64 && checksum.bytes().all(|b| b.is_ascii_hexdigit());
        (digits && !version.trim().is_empty()).then(|| Self {
            checksum: Checksum::from_stored(checksum),
            version: Version::new(version.trim()),
        })
    }
}

impl std::fmt::Display for Converted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.checksum, self.version)
    }
}

/// Every key that is known, as it is spelt.
const KEYS: [&str; 13] = [
    "Version",
    "Description",
    "Migration",
    "Created",
    "Depends",
    "Transaction",
    "Timeout",
    "Lock-Timeout",
    "Foreign-Keys",
    "Tags",
    "Allow",
    "Irreversible",
    CONVERTED,
];

/// Written by the program, so that a similar word is no slip.
const CONVERTED: &str = "Converted";

impl Directives {
    /// These directives, for a migration. Most files have none, and share that.
    pub fn shared(self) -> Shared<Self> {
        static NONE: LazyLock<Shared<Directives>> = LazyLock::new(Shared::default);
        if self == **NONE {
            NONE.clone()
        } else {
            Shared::from(self)
        }
    }

    /// True if `Allow:` lists the name.
    pub fn allows(&self, name: &str) -> bool {
        self.allow
            .iter()
            .any(|item| item.eq_ignore_ascii_case(name))
    }

    /// Reads one comment of the opening comment. Ordinary comments are passed over; a value that
    /// cannot be read is an error, a key that looks misspelt a warning.
    pub fn read(
        &mut self,
        file: &Arc<SourceFile>,
        comment: Range<usize>,
        out: &mut Vec<Diagnostic>,
    ) {
        let Some(line) = Line::parse(file, comment) else {
            return;
        };
        let known = KEYS.iter().find(|key| key.eq_ignore_ascii_case(line.key));
        match known {
            Some(key) => {
                if let Err(expected) = self.set(key, line.value) {
                    out.push(
                        Diagnostic::error(
                            "directive-value",
                            format!("the directive {key} can't have the value `{}`", line.value),
                        )
                        .at(file, line.value_span.clone(), "")
                        .help(format!("expected {expected}")),
                    );
                }
            }
            None => {
                if let Some(close) = misspelt(line.key) {
                    out.push(
                        Diagnostic::warning(
                            "directive-misspelt",
                            format!(
                                "`{}` is not a directive and is taken for a comment",
                                line.key
                            ),
                        )
                        .at(file, line.key_span.clone(), "")
                        .help(format!("did you mean `{close}`?")),
                    );
                }
            }
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        match key {
            "Version" => self.version = Some(value.to_owned()),
            "Description" | "Migration" => self.description = Some(value.to_owned()),
            "Created" => self.created = Some(value.to_owned()),
            "Depends" => self.depends.extend(list(value)),
            "Transaction" => self.transaction = Some(switch(value)?),
            "Timeout" => self.timeout = Some(duration(value)?),
            "Lock-Timeout" => self.lock_timeout = Some(duration(value)?),
            "Foreign-Keys" => self.foreign_keys = Some(switch(value)?),
            "Tags" => self.tags.extend(list(value)),
            "Allow" => self.allow.extend(list(value)),
            CONVERTED => {
                let converted = Converted::parse(value);
                self.converted = Some(converted.ok_or("a checksum and the version before")?);
            }
            // A word instead of a reason.
            _ => {
                self.irreversible = match switch(value) {
                    Ok(true) => Some("its file calls itself irreversible".to_owned()),
                    Ok(false) => None,
                    Err(_) => Some(value.to_owned()),
                }
            }
        }
        Ok(())
    }

    /// True if both run the same way: what changes how a file is executed is equal.
    pub fn runs_like(&self, other: &Self) -> bool {
        self.transaction == other.transaction && self.foreign_keys == other.foreign_keys
    }
}

struct Line<'a> {
    key: &'a str,
    key_span: Range<usize>,
    value: &'a str,
    value_span: Range<usize>,
}

impl<'a> Line<'a> {
    /// A line comment of the form `-- Key: value`.
    fn parse(file: &'a SourceFile, comment: Range<usize>) -> Option<Self> {
        let text = file.text();
        let body_start = comment.start + text[comment.clone()].find(|c| c != '-' && c != '#')?;
        let body = &text[body_start..comment.end];
        let colon = body.find(':')?;
        let key = body[..colon].trim();
        let word = |c: char| c.is_ascii_alphabetic() || c == '-' || c == '_';
        if key.is_empty() || !key.chars().all(word) {
            return None;
        }
        let key_start = body_start + body.find(key)?;
        let value = body[colon + 1..].trim();
        let value_start = if value.is_empty() {
            body_start + colon + 1
        } else {
            value.as_ptr() as usize - text.as_ptr() as usize
        };
        Some(Self {
            key,
            key_span: key_start..key_start + key.len(),
            value,
            value_span: value_start..value_start + value.len(),
        })
    }
}

fn list(value: &str) -> impl Iterator<Item = String> + '_ {
    value
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
}

fn switch(value: &str) -> Result<bool, &'static str> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" | "none" => Ok(false),
        _ => Err("`on` or `off`"),
    }
}

/// Reads a duration: a number of seconds, or a number with `ms`, `s`, `m`, `h`, also put together
/// (`1m 30s`).
///
/// # Errors
/// Says what was expected.
pub fn duration(value: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str =
        "a duration such as `500ms`, `30s`, `5m` or `1h 30m` (a bare number is seconds)";
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Ok(Duration::from_secs(u64::from(seconds)));
    }
    let signed: jiff::SignedDuration = value.parse().map_err(|_| EXPECTED)?;
    Duration::try_from(signed).map_err(|_| EXPECTED)
}

/// A known key that is one slip away, for words long enough that a slip is likely.
fn misspelt(key: &str) -> Option<&'static str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let word = plain(key);
    let keys = KEYS.into_iter().filter(|key| *key != CONVERTED);
    keys.chain(["Rollback"]).find(|known| {
        let known = plain(known);
        known == word
            || word.len() > 3 && strsim::damerau_levenshtein(&known, &word) <= 1 + known.len() / 8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Directives, Vec<String>) {
        let file = SourceFile::new("a.sql", text);
        let (mut directives, mut out) = (Directives::default(), Vec::new());
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            directives.read(&file, start..start + line.trim_end().len(), &mut out);
            start += line.len();
        }
        (directives, out.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn known_keys_are_read_in_any_case() {
        let (directives, out) = read(
            "-- Description: Create users: the table\n-- depends: 001, billing/004\n-- TRANSACTION: off\n-- Timeout: 60s\n-- Lock-Timeout: 1m 30s\n--Tags: a,b\n",
        );
        assert_eq!(
            directives.description.as_deref(),
            Some("Create users: the table")
        );
        assert_eq!(directives.depends, ["001", "billing/004"]);
        assert_eq!(directives.transaction, Some(false));
        assert_eq!(directives.timeout, Some(Duration::from_secs(60)));
        assert_eq!(directives.lock_timeout, Some(Duration::from_secs(90)));
        assert_eq!(directives.tags, ["a", "b"]);
        assert!(out.is_empty(), "{out:?}");
    }

    #[test]
    fn misspelt_keys_warn_and_comments_do_not() {
        let (_, out) = read(
            "-- Transacton: off\n-- Note: this is fine\n-- TODO: x\n-- Time: 5\n-- lock_timeout: 5s\n",
        );
        assert_eq!(
            out,
            [
                "a.sql:1:4: `Transacton` is not a directive and is taken for a comment",
                "a.sql:5:4: `lock_timeout` is not a directive and is taken for a comment"
            ]
        );
    }

    #[test]
    fn bad_values_point_at_the_value() {
        let (_, out) = read("-- Transaction: maybe\n-- Timeout: soon\n-- Timeout: -5s\n");
        assert_eq!(
            out,
            [
                "a.sql:1:17: the directive Transaction can't have the value `maybe`",
                "a.sql:2:13: the directive Timeout can't have the value `soon`",
                "a.sql:3:13: the directive Timeout can't have the value `-5s`"
            ]
        );
    }
}
