//! Migrations as a source gives them.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::checksum::Checksum;
use crate::directive::Directives;
use crate::text::{Script, SourceFile};
use crate::version::Version;

/// What kind of migration it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Applied once, in order.
    Versioned,
    /// Applied after the versioned ones, again whenever its text changes.
    Repeatable,
    /// A mark: everything up to here was there already.
    Baseline,
    /// No migration, but a script that runs around them: see [`crate::hook`].
    Hook,
}

impl Kind {
    /// The word kept in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Versioned => "versioned",
            Self::Repeatable => "repeatable",
            Self::Baseline => "baseline",
            Self::Hook => "hook",
        }
    }

    /// Reads the word kept in the history; an unknown word counts as versioned.
    pub fn from_stored(word: &str) -> Self {
        match word {
            "repeatable" => Self::Repeatable,
            "baseline" => Self::Baseline,
            _ => Self::Versioned,
        }
    }
}

/// One migration: a version with its scripts.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The namespace that its versions live in.
    pub source: Arc<str>,
    /// What tells it from the others of its source.
    pub version: Version,
    /// The name in its file's name.
    pub name: String,
    /// Versioned or repeatable.
    pub kind: Kind,
    /// What the file says of itself.
    pub directives: Directives,
    /// The file of the up script, whole.
    pub file: Arc<SourceFile>,
    /// Of the file of the up script.
    pub checksum: Checksum,
    /// What `up` runs, placeholders not yet substituted.
    pub up: Script,
    /// What `down` runs.
    pub down: Down,
    /// How the tool that the file was written for runs it.
    pub transactions: Transactions,
}

/// What becomes of transaction control inside a file, and of statements that no transaction takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transactions {
    /// Whimbrel's own rule: one transaction around the file, or `-- Transaction: off`; a file that
    /// mixes both is refused before anything runs.
    #[default]
    Strict,
    /// The tool sends the file inside a transaction of its own. A COMMIT in the file ends it; what
    /// follows runs as the file says.
    Wrapped,
    /// The tool sends the file as it is: each statement is by itself, unless the file says BEGIN.
    Bare,
}

/// Where a migration's down script is.
#[derive(Clone, Debug)]
pub enum Down {
    /// There is none.
    None,
    /// In the same file, after `-- Rollback`, or in code.
    Script(Script),
    /// In a file of its own, which is read when it is needed.
    File(PathBuf),
}

impl Migration {
    /// `version` and `name`, as people call it.
    pub fn label(&self) -> String {
        label(&self.version, &self.name)
    }

    /// The description if it has one, else its name with blanks.
    pub fn description(&self) -> String {
        self.directives
            .description
            .clone()
            .unwrap_or_else(|| self.name.replace('_', " "))
    }

    /// The down script; reads its file if it is in one of its own.
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8.
    pub fn down_script(&self) -> Result<Option<Script>, crate::Error> {
        match &self.down {
            Down::None => Ok(None),
            Down::Script(script) => Ok(Some(script.clone())),
            Down::File(path) => {
                crate::source::read_file(path).map(|file| Some(Script::whole(file)))
            }
        }
    }

    /// The text that the checksum is of and that is kept: the file, or the up script where the file
    /// holds more than this migration.
    pub fn written(&self) -> &str {
        if self.directives.rules.part_of_file {
            self.up.text()
        } else {
            self.file.text()
        }
    }

    /// True if there is a down script and the file does not call itself irreversible.
    pub fn is_reversible(&self) -> bool {
        !matches!(self.down, Down::None) && self.directives.irreversible.is_none()
    }
}

/// `version_name`, without saying the name twice where the version holds it.
pub fn label(version: &Version, name: &str) -> String {
    if name.is_empty() || version.as_str().ends_with(name) {
        version.to_string()
    } else {
        format!("{version}_{name}")
    }
}
