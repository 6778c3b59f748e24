//! What names of files say to Flyway.

use whimbrel_core::version::Version;

/// A file's name, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// `V1.2__description`
    Versioned {
        version: String,
        description: &'a str,
    },
    /// `U1.2__description`
    Undo { version: String },
    /// `B1.2__description`
    Baseline {
        version: String,
        description: &'a str,
    },
    /// `R__description`
    Repeatable { description: &'a str },
    /// `afterMigrate`, `afterMigrate__description`
    Callback {
        event: &'a str,
        description: &'a str,
    },
    /// Something that Flyway passes over.
    Other,
}

/// What names begin with, and what stands before their descriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) versioned: String,
    pub(super) repeatable: String,
    pub(super) undo: String,
    pub(super) baseline: String,
    pub(super) separator: String,
}

impl Default for Names {
    fn default() -> Self {
        let own = |text: &str| text.to_owned();
        Self {
            versioned: own("V"),
            repeatable: own("R"),
            undo: own("U"),
            baseline: own("B"),
            separator: own("__"),
        }
    }
}

impl Names {
    /// Reads a name without its extension.
    pub(super) fn read<'a>(&self, stem: &'a str) -> Name<'a> {
        let split = stem.split_once(self.separator.as_str());
        let (first, description) = split.unwrap_or((stem, ""));
        if first == self.repeatable && !description.is_empty() {
            return Name::Repeatable { description };
        }
        let versioned = |prefix: &String| first.strip_prefix(prefix.as_str()).and_then(dotted);
        if let Some(version) = versioned(&self.versioned) {
            Name::Versioned {
                version,
                description,
            }
        } else if let Some(version) = versioned(&self.undo) {
            Name::Undo { version }
        } else if let Some(version) = versioned(&self.baseline) {
            Name::Baseline {
                version,
                description,
            }
        } else if is_event(first) {
            Name::Callback {
                event: first,
                description,
            }
        } else {
            Name::Other
        }
    }
}

/// A version as Flyway writes it: `1_2` is `1.2`.
fn dotted(text: &str) -> Option<String> {
    let parts = text.split(['.', '_']);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    parts
        .into_iter()
        .all(digits)
        .then(|| text.replace('_', "."))
}

/// The version by which Flyway compares: `1.0` is `1`.
pub(super) fn compared(version: &str) -> Version {
    let mut parts: Vec<_> = version.split('.').collect();
    while parts.len() > 1
        && parts
            .last()
            .is_some_and(|part| part.bytes().all(|b| b == b'0'))
    {
        parts.pop();
    }
    Version::new(parts.join("."))
}

/// Callbacks are named `before...` and `after...`, but for one.
fn is_event(word: &str) -> bool {
    let follows = |prefix: &str| {
        let rest = word.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    follows("before") || follows("after") || word == "createSchema"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let names = Names::default();
        let versioned = |version: &str, description| Name::Versioned {
            version: version.to_owned(),
            description,
        };
        assert_eq!(names.read("V1__a"), versioned("1", "a"));
        assert_eq!(names.read("V1_2.03__a__b"), versioned("1.2.03", "a__b"));
        assert_eq!(names.read("V20240101"), versioned("20240101", ""));
        assert_eq!(
            names.read("U2__a"),
            Name::Undo {
                version: "2".to_owned()
            }
        );
        assert_eq!(names.read("R__v"), Name::Repeatable { description: "v" });
        assert_eq!(
            names.read("afterMigrate__grants"),
            Name::Callback {
                event: "afterMigrate",
                description: "grants"
            }
        );
        for other in [
            "v1__a",
            "V__a",
            "V1..2__a",
            "V1a__b",
            "R__",
            "001_a",
            "afternoon",
            "Vat",
        ] {
            assert_eq!(names.read(other), Name::Other, "{other}");
        }
        assert_eq!(compared("1.0.0"), compared("01"));
        assert_ne!(compared("1.0.1"), compared("1"));
    }
}
