//! Taking over a database that was migrated without Whimbrel: by a baseline, or from the history
//! that another tool kept.

mod baseline;
mod renames;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use whimbrel_sql::Dialect;

pub use self::baseline::baseline;
pub use self::renames::renames;
pub(crate) use self::renames::{former, renamed};

use crate::checksum::Checksum;
use crate::diagnostic::Diagnostic;
use crate::driver::{Driver, DriverError};
use crate::error::Error;
use crate::history::{Action, History};
use crate::migration::{KeptScripts, Kind, Migration, label};
use crate::rules::Condition;
use crate::version::Version;

/// The code of the diagnostic of [`ForeignHistories::read`] where there is no history and no tool
/// was named.
pub const NO_FOREIGN_HISTORY: &str = "no-foreign-history";

/// Knows the histories that other tools keep.
#[async_trait]
pub trait ForeignHistories: Send + Sync {
    /// Those that this database has, and that say that something was applied.
    ///
    /// # Errors
    /// The connection fails.
    async fn seen(&self, driver: &mut dyn Driver) -> Result<Vec<Sighting>, DriverError>;

    /// The same, with those that are under other names or where this connection does not look, and list
    /// these migrations.
    ///
    /// # Errors
    /// The connection fails.
    async fn look_out(
        &self,
        driver: &mut dyn Driver,
        _migrations: &[Migration],
    ) -> Result<Lookout, DriverError> {
        Ok(Lookout {
            seen: self.seen(driver).await?,
            elsewhere: Vec::new(),
        })
    }

    /// Whether a script makes nothing but the table that some tool keeps its history in: then a
    /// condition that holds where that table is missing. Where it is there, such a file is recorded
    /// and not run.
    fn own_table(&self, _script: &str, _dialect: Dialect) -> Option<Condition> {
        None
    }

    /// Reads the one that is to be taken over.
    ///
    /// # Errors
    /// There is none or more than one, or its tool is at work.
    async fn read(&self, driver: &mut dyn Driver) -> Result<Box<dyn ForeignHistory>, Error>;
}

/// Another tool's history, read.
pub trait ForeignHistory: Send + Sync {
    /// What taking it over would record.
    ///
    /// # Errors
    /// It can't be taken over as it is.
    fn adoption(&self, migrations: &[Migration], history: &History) -> Result<Adoption, Error>;
}

/// What is there of other tools before the first run.
#[derive(Clone, Debug, Default)]
pub struct Lookout {
    /// What [`ForeignHistories::read`] finds.
    pub seen: Vec<Sighting>,
    /// What it finds only by its name; looked for where nothing else is.
    pub elsewhere: Vec<Sighting>,
}

/// Another tool's history, as seen in a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sighting {
    /// The tool's name in settings and arguments.
    pub tool: String,
    /// The tool's name as people write it.
    pub title: String,
    /// The table, with its schema where that is needed to find it.
    pub table: String,
    /// Migrations that it says were applied, or tried.
    pub migrations: u64,
    /// The version that the database is at, where the tool keeps that alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The first one that failed there, or did not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Sighting {
    /// What it says of the database, in a few words.
    pub fn summary(&self) -> String {
        let Self { table, title, .. } = self;
        let plural = if self.migrations == 1 { "" } else { "s" };
        let what = match &self.at {
            Some(version) => format!("says that the database is at {version}"),
            None => format!("lists {} migration{plural}", self.migrations),
        };
        let failed = match &self.failed {
            Some(label) => format!(", of which {label} failed there"),
            None => String::new(),
        };
        let failed = match &self.at {
            Some(at) if self.failed.as_ref() == Some(at) => ", which failed there".to_owned(),
            _ => failed,
        };
        format!("{table} of {title} {what}{failed}")
    }
}

/// What taking over would record.
#[derive(Clone, Debug, Default)]
pub struct Adoption {
    /// Where it comes from; none for a baseline.
    pub from: Option<Sighting>,
    /// In the order of application; what is pending comes last.
    pub entries: Vec<Entry>,
    /// What deserves a word.
    pub warnings: Vec<Diagnostic>,
}

impl Adoption {
    /// What is to be written.
    pub fn records(&self) -> impl Iterator<Item = (&Entry, &Adopted)> {
        let entries = self.entries.iter();
        entries.filter_map(|entry| Some((entry, entry.record.as_ref()?)))
    }
}

/// One migration, as seen by a takeover.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Namespace.
    pub source: String,
    /// Version.
    pub version: Version,
    /// Name.
    pub name: String,
    /// Version and name.
    #[serde(skip)]
    pub label: String,
    /// Versioned, repeatable, baseline.
    pub kind: Kind,
    /// What becomes of it.
    pub state: EntryState,
    /// Batch.
    pub batch: Option<i64>,
    /// When it was applied, where that is known.
    pub applied_at: Option<Timestamp>,
    /// File, where it is among the files.
    pub file: Option<String>,
    /// What will be written.
    #[serde(skip)]
    pub record: Option<Adopted>,
}

impl Entry {
    /// An entry of a migration among the files.
    pub fn of(migration: &Migration, state: EntryState) -> Self {
        Self {
            source: migration.source.to_string(),
            version: migration.version.clone(),
            name: migration.name.clone(),
            label: migration.label(),
            kind: migration.kind,
            state,
            batch: None,
            applied_at: None,
            file: Some(migration.file.name().to_owned()),
            record: None,
        }
    }

    /// An entry without a file.
    pub fn without_file(source: &str, version: Version, name: &str, state: EntryState) -> Self {
        Self {
            source: source.to_owned(),
            label: label(&version, name),
            version,
            name: name.to_owned(),
            kind: Kind::Versioned,
            state,
            batch: None,
            applied_at: None,
            file: None,
            record: None,
        }
    }
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// A record is written for it.
    New,
    /// Whimbrel's history has it already.
    Recorded,
    /// It was undone where it was applied, so nothing is written.
    RolledBack,
    /// Whimbrel has undone it since it was taken over, so nothing is written.
    Undone,
    /// It was not applied: `up` will do that.
    Pending,
    /// Whimbrel's history has it under the version that it had before it was converted; its record
    /// gets the new one.
    Renamed,
}

/// A record of a migration that was applied without Whimbrel.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// Versioned, repeatable, baseline.
    pub kind: Kind,
    /// Batch.
    pub batch: i64,
    /// Of the up script's file; empty where there is no file.
    pub checksum: Checksum,
    /// Scripts that are kept, so that `down` works.
    pub kept: KeptScripts,
    /// When it was applied, if that is known; a baseline's record says when it was marked.
    pub applied_at: Option<Timestamp>,
    /// How long it took, if that is known.
    pub duration: Option<Duration>,
    /// Who applied it; who takes it over, if that is not known.
    pub applied_by: Option<String>,
    /// The tool that applied it; none for a baseline.
    pub tool: Option<String>,
    /// The record whose place it takes.
    pub former: Option<Former>,
}

/// A record under a version that its file had before it was converted.
#[derive(Clone, Debug)]
pub struct Former {
    /// That version.
    pub version: Version,
    /// Place in the order of application, which it keeps.
    pub sequence: i64,
}

/// What came of a takeover, or in a dry run would come of it.
#[derive(Clone, Debug, Serialize)]
pub struct TakeoverReport {
    /// Baseline or import.
    pub action: Action,
    /// Where it comes from; none for a baseline.
    pub from: Option<Sighting>,
    /// In the order of application; what is pending comes last.
    pub entries: Vec<Entry>,
    /// Records written.
    pub written: usize,
    /// In a dry run, the exact text that would be sent.
    pub sql: Option<String>,
}

impl TakeoverReport {
    /// How many entries are in a state.
    pub fn count(&self, state: EntryState) -> usize {
        let entries = self.entries.iter();
        entries.filter(|entry| entry.state == state).count()
    }
}
