//! Migrations as a source gives them.

mod declined;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use whimbrel_sql::Dialect;

use crate::checksum::Checksum;
use crate::diagnostic::Diagnostic;
use crate::directive::Directives;
use crate::history::KEPT_SCRIPT_LIMIT;
use crate::shared::Shared;
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
    pub directives: Shared<Directives>,
    /// The file of the up script, whole.
    pub file: Arc<SourceFile>,
    /// Of the file of the up script.
    pub checksum: Checksum,
    /// What `up` runs, placeholders not yet substituted.
    pub up: Script,
    /// What `down` runs.
    pub down: Down,
    /// What tries whether `up` did its work. It runs behind it and is taken back; the migration fails
    /// if it does.
    pub verify: Option<Script>,
    /// How the tool that the file was written for runs it.
    pub transactions: Transactions,
    /// `Transaction:` of the down script, where it is not that of the up script.
    pub down_transaction: Option<bool>,
    /// Reads another state of the same file, such as the one that was applied.
    pub reader: Reader,
    /// Puts in what the tool puts in before it sends a script. Scripts are kept without.
    pub substitute: Option<Substitute>,
}

type Substitution = dyn Fn(&Script) -> Result<Script, Vec<Diagnostic>> + Send + Sync;

/// Puts values in the place of what a tool calls variables or placeholders.
#[derive(Clone)]
pub struct Substitute(Arc<Substitution>);

impl Substitute {
    /// From what does it.
    pub fn new(
        with: impl Fn(&Script) -> Result<Script, Vec<Diagnostic>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(with))
    }

    /// The script to run.
    ///
    /// # Errors
    /// Values that are missing, each with its place.
    pub fn apply(&self, script: &Script) -> Result<Script, Vec<Diagnostic>> {
        (self.0)(script)
    }
}

impl std::fmt::Debug for Substitute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Substitute")
    }
}

/// Takes a file's text apart, as its layout does.
pub type Reader = fn(&Arc<SourceFile>, Dialect) -> Reading;

/// What a file's text holds.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What the file says of itself.
    pub directives: Directives,
    /// What `up` runs.
    pub up: Script,
    /// What `down` runs, if it is in the same file.
    pub down: Option<Script>,
    /// `Transaction:` of the down script, where it is not that of the up script.
    pub down_transaction: Option<bool>,
    /// What is wrong with it.
    pub problems: Vec<Diagnostic>,
}

impl Reading {
    /// All of a file is the up script.
    pub fn whole(file: &Arc<SourceFile>, _: Dialect) -> Self {
        Self {
            directives: Directives::default(),
            up: Script::whole(Arc::clone(file)),
            down: None,
            down_transaction: None,
            problems: Vec::new(),
        }
    }
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

    /// The down script; reads its file if it is in one of its own. None also where a rollback says
    /// in words that there is none.
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8.
    pub fn down_script(&self) -> Result<Option<Script>, crate::Error> {
        match &self.down {
            Down::None => Ok(None),
            Down::Script(script) => {
                Ok((!declined::says_none(script.text())).then(|| script.clone()))
            }
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

    /// The scripts that the history keeps of it, by their keys, and the key of the down script
    /// among them.
    ///
    /// # Errors
    /// The down script's file cannot be read.
    pub fn kept_scripts(&self) -> Result<KeptScripts, crate::Error> {
        let mut scripts = Vec::new();
        if self.written().len() <= KEPT_SCRIPT_LIMIT {
            scripts.push((self.checksum.clone(), self.written().to_owned()));
        }
        let down = self.down_script()?.map(|script| {
            let key = Checksum::of(script.text());
            scripts.push((key.clone(), script.text().to_owned()));
            key
        });
        Ok(KeptScripts { scripts, down })
    }

    /// True if there is a down script and the file does not call itself irreversible.
    pub fn is_reversible(&self) -> bool {
        let none = matches!(self.down, Down::None) || self.declined().is_some();
        !none && self.directives.irreversible.is_none()
    }

    /// A rollback in the file that says in words that there is none.
    pub(crate) fn declined(&self) -> Option<&Script> {
        match &self.down {
            Down::Script(script) if declined::says_none(script.text()) => Some(script),
            _ => None,
        }
    }
}

/// What the history keeps of a migration's scripts.
#[derive(Clone, Debug, Default)]
pub struct KeptScripts {
    /// Texts by their keys.
    pub scripts: Vec<(Checksum, String)>,
    /// Key of the down script.
    pub down: Option<Checksum>,
}

/// `version_name`, without saying the name twice where the version holds it.
pub fn label(version: &Version, name: &str) -> String {
    if name.is_empty() || version.as_str().ends_with(name) {
        version.to_string()
    } else {
        format!("{version}_{name}")
    }
}
