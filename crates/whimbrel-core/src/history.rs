//! What a database remembers: applied migrations, attempts, the lock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use whimbrel_sql::Dialect;

use crate::checksum::Checksum;
use crate::error::Error;
use crate::migration::Kind;
use crate::version::Version;

/// The format of the history tables that this version writes. Kept in the lock table; a larger
/// number there was written by a newer Whimbrel.
pub const FORMAT: i32 = 2;

/// Kept scripts are at most this many bytes long.
pub const KEPT_SCRIPT_LIMIT: usize = 1 << 20;

/// The history tables: their names and the schema (database) that they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryTables {
    /// The schema; the connection's current one if there is none.
    pub schema: Option<String>,
    /// One row per applied migration.
    pub applied: String,
    /// One row per attempt.
    pub log: String,
    /// One row: the lock.
    pub lock: String,
    /// Texts of scripts by checksum.
    pub scripts: String,
}

impl HistoryTables {
    /// The tables that belong to one name: `whimbrel_applied` or `schema.whimbrel_applied` gives
    /// the defaults, another `NAME` gives `NAME`, `NAME_log`, `NAME_lock` and `NAME_scripts`.
    pub fn named(name: &str) -> Self {
        let (schema, table) = match name.split_once('.') {
            Some((schema, table)) => (Some(schema.to_owned()), table),
            None => (None, name),
        };
        let stem = table.strip_suffix("_applied").unwrap_or(table);
        Self {
            schema,
            applied: table.to_owned(),
            log: format!("{stem}_log"),
            lock: format!("{stem}_lock"),
            scripts: format!("{stem}_scripts"),
        }
    }

    /// Refuses names that the engine would cut off, which may make one table of two, and empty ones.
    ///
    /// # Errors
    /// Says which name.
    pub fn check(&self, dialect: Dialect) -> Result<(), Error> {
        let length = |name: &str| match dialect {
            Dialect::Postgres => (name.len(), 63),
            Dialect::Mysql => (name.chars().count(), 64),
            Dialect::Sqlite => (0, 0),
        };
        let tables = [&self.applied, &self.log, &self.lock, &self.scripts];
        for name in tables.into_iter().chain(&self.schema) {
            let (length, most) = length(name);
            let why = if name.trim().is_empty() {
                "is empty".to_owned()
            } else if length > most {
                format!("is longer than the {most} that this engine takes: choose a shorter one")
            } else {
                continue;
            };
            return Err(Error::Settings(format!(
                "the name `{name}` of the history's tables {why}"
            )));
        }
        Ok(())
    }
}

impl Default for HistoryTables {
    fn default() -> Self {
        Self::named("whimbrel_applied")
    }
}

/// A row of the applied table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Namespace.
    pub source: String,
    /// Version as it was recorded.
    pub version: Version,
    /// Name as it was recorded.
    pub name: String,
    /// Versioned, repeatable or baseline.
    pub kind: Kind,
    /// Place in the order of application, from 1.
    pub sequence: i64,
    /// The run that applied it, from 1.
    pub batch: i64,
    /// The fencing token of that run.
    pub run: i64,
    /// Of the up script's file.
    pub checksum: Checksum,
    /// Of the kept down script; none if there is no down script.
    pub down_checksum: Option<Checksum>,
    /// When it was applied, by the server's clock; none if it was taken over from a tool that does
    /// not say.
    pub applied_at: Option<Timestamp>,
    /// How long it took; none as above.
    #[serde(rename = "duration_ms", serialize_with = "as_maybe_milliseconds")]
    pub duration: Option<Duration>,
    /// `user@host`.
    pub applied_by: Arc<str>,
    /// The program and version that applied it.
    pub tool: Arc<str>,
}

// serde hands the field as it is.
#[allow(clippy::ref_option)]
fn as_maybe_milliseconds<S: serde::Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => as_milliseconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn as_milliseconds<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// What an attempt did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Applied.
    Up,
    /// Undone.
    Down,
    /// Marked as being there already.
    Baseline,
    /// Taken over from another tool's history.
    Import,
    /// Corrected by hand.
    Repair,
    /// A hook ran.
    Hook,
}

impl Action {
    /// The word kept in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Baseline => "baseline",
            Self::Import => "import",
            Self::Repair => "repair",
            Self::Hook => "hook",
        }
    }

    /// Reads the word kept in the history.
    pub fn from_stored(word: &str) -> Self {
        match word {
            "down" => Self::Down,
            "baseline" => Self::Baseline,
            "import" => Self::Import,
            "repair" => Self::Repair,
            "hook" => Self::Hook,
            _ => Self::Up,
        }
    }
}

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptState {
    /// Under way, or interrupted if nobody holds the lock.
    Started,
    /// Finished.
    Done,
    /// Ended with an error.
    Failed,
    /// A later attempt went on from here.
    Resumed,
}

impl AttemptState {
    /// The word kept in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Resumed => "resumed",
        }
    }

    /// Reads the word kept in the history.
    pub fn from_stored(word: &str) -> Self {
        match word {
            "done" => Self::Done,
            "failed" => Self::Failed,
            "resumed" => Self::Resumed,
            _ => Self::Started,
        }
    }
}

/// The key of an attempt: the fencing token of the run and a number within the run. Both only
/// grow, so attempts sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct AttemptId {
    /// The run's fencing token.
    pub run: i64,
    /// Number within the run, from 1.
    pub number: i32,
}

/// A row of the log table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Key.
    pub id: AttemptId,
    /// Namespace.
    pub source: String,
    /// Version.
    pub version: Version,
    /// Name.
    pub name: String,
    /// Up, down, ...
    pub action: Action,
    /// How far it came.
    pub state: AttemptState,
    /// True if its statements were journalled one by one, not run in one transaction.
    pub journalled: bool,
    /// Statements that are surely done (journalled attempts).
    pub statements_done: i32,
    /// The statement that was started and whose end is not known, from 0 (journalled attempts).
    pub statement_running: Option<i32>,
    /// Statements in all.
    pub statements: i32,
    /// Hashes of the statements, 16 hexadecimal digits each, in order (journalled attempts).
    pub hashes: String,
    /// The server connection that ran it, in the driver's own form (journalled attempts).
    pub connection: Option<String>,
    /// What the driver noted of the running statement's object before it began.
    pub state_before: Option<String>,
    /// The error's text.
    pub error: Option<String>,
    /// When it started, by the server's clock.
    pub started_at: Timestamp,
    /// How long it took; 0 while it is under way.
    #[serde(rename = "duration_ms", serialize_with = "as_milliseconds")]
    pub duration: Duration,
    /// `user@host`.
    pub started_by: String,
}

impl Attempt {
    /// True if something of it may be in the database, and more is to come. A statement that failed is
    /// not.
    pub fn is_half_done(&self) -> bool {
        let started = self.state == AttemptState::Started;
        self.journalled
            && (started || self.state == AttemptState::Failed)
            && (self.statements_done > 0 || started && self.statement_running.is_some())
    }
}

/// Everything that planning needs to know of a database.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// False if the history tables are not there yet.
    pub exists: bool,
    /// Format number found in the tables.
    pub format: i32,
    /// The last fencing token that was given out.
    pub token: i64,
    /// Applied migrations of all sources, in order of application.
    pub applied: Vec<Applied>,
    /// The latest attempt of each version that is not applied, and attempts of applied ones that
    /// are under way.
    pub attempts: Vec<Attempt>,
    /// Who holds the lock, if anyone does.
    pub holder: Option<Holder>,
    /// Where there is none: a table of the same name in a schema where it is not looked for.
    pub elsewhere: Option<String>,
}

impl History {
    /// The applied row of a version.
    pub fn applied(&self, source: &str, version: &Version) -> Option<&Applied> {
        self.applied
            .iter()
            .find(|row| row.source == source && row.version == *version)
    }

    /// The latest attempt kept for a version.
    pub fn attempt(&self, source: &str, version: &Version) -> Option<&Attempt> {
        self.attempts
            .iter()
            .filter(|row| row.source == source && row.version == *version)
            .max_by_key(|row| row.id)
    }

    /// True if a plan made by the other one would be the same.
    pub fn plans_like(&self, other: &Self) -> bool {
        self.applied == other.applied && self.attempts == other.attempts
    }

    /// True if somebody holds the lock who is not known to be gone.
    pub fn is_held(&self) -> bool {
        self.holder.as_ref().is_some_and(|holder| !holder.gone)
    }

    /// True if nothing was ever done with it.
    pub fn is_untouched(&self) -> bool {
        self.applied.is_empty() && self.attempts.is_empty()
    }

    /// The number that the next batch gets.
    pub fn next_batch(&self) -> i64 {
        1 + self.applied.iter().map(|row| row.batch).max().unwrap_or(0)
    }

    /// The number that the next applied row gets.
    pub fn next_sequence(&self) -> i64 {
        1 + self
            .applied
            .iter()
            .map(|row| row.sequence)
            .max()
            .unwrap_or(0)
    }
}

/// Who runs a migration: written into the lock and the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// User name.
    pub user: String,
    /// Host name.
    pub host: String,
    /// Process number.
    pub pid: u32,
}

impl Owner {
    /// `user@host`.
    pub fn who(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }
}

/// Who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// `user@host, pid 123` as the holder wrote it; none when a transaction holds the lock row and
    /// its writer cannot be read.
    pub owner: Option<String>,
    /// Since when, by the server's clock.
    pub since: Option<Timestamp>,
    /// When the lease ends unless it is renewed, by the server's clock.
    pub expires: Option<Timestamp>,
    /// Its connection or process is surely not there any more: the next run takes the lock over at
    /// once.
    pub gone: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.owner.as_deref().unwrap_or("a transaction in flight"))?;
        if let Some(since) = self.since {
            write!(f, ", since {since:.0}")?;
        }
        if self.gone {
            f.write_str(", which is gone")?;
        }
        Ok(())
    }
}
