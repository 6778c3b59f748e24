//! What came of a run.

use std::time::Duration;

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::driver::DriverErrorKind;
use crate::history::as_milliseconds;
use crate::migration::Kind;
use crate::plan::Direction;
use crate::version::Version;

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Up or down.
    pub direction: Direction,
    /// Number of the batch, where something was applied.
    pub batch: Option<i64>,
    /// What was done, in order.
    pub steps: Vec<StepReport>,
    /// What failed while the run went on (`continue_on_error`).
    pub failures: Vec<Failure>,
    /// Versions passed over because something that they depend on failed.
    pub skipped: Vec<String>,
    /// Versions whose files were changed in nothing that they do, and are recorded as they are now.
    pub noted: Vec<String>,
    /// How often something was tried again after a failure that passes by itself.
    pub retries: u32,
    /// The whole run, lock included.
    #[serde(rename = "duration_ms", serialize_with = "as_milliseconds")]
    pub duration: Duration,
}

impl Report {
    /// A run that did nothing.
    pub fn empty(direction: Direction) -> Self {
        Self {
            direction,
            batch: None,
            steps: Vec::new(),
            failures: Vec::new(),
            skipped: Vec::new(),
            noted: Vec::new(),
            retries: 0,
            duration: Duration::ZERO,
        }
    }
}

/// A migration that was applied or undone.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Namespace.
    pub source: String,
    /// Version.
    pub version: Version,
    /// Version and name.
    pub label: String,
    /// Versioned or repeatable; hooks are told of as they run, and are not in the report.
    pub kind: Kind,
    /// Up or down.
    pub direction: Direction,
    /// Statements run; fewer than the file has when a run was resumed.
    pub statements: usize,
    /// Statements that an earlier run had done already.
    pub resumed_after: usize,
    /// How long it took.
    #[serde(rename = "duration_ms", serialize_with = "as_milliseconds")]
    pub duration: Duration,
}

/// A migration that failed.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Version.
    pub version: Version,
    /// Version and name.
    pub label: String,
    /// Up or down.
    pub direction: Direction,
    /// What went wrong, with its place.
    pub diagnostic: Diagnostic,
    /// The driver's kind.
    pub kind: DriverErrorKind,
    /// In what state the database is.
    pub state: DatabaseState,
    /// What this run did before.
    pub done: Vec<StepReport>,
}

/// In what state a failure left the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DatabaseState {
    /// Nothing of the failed migration is in it.
    Clean,
    /// The first `done` statements of the failed migration are in it; the next run goes on after
    /// them.
    HalfDone {
        /// Statements done.
        done: usize,
        /// Statements in all.
        statements: usize,
    },
    /// The connection broke; the next run finds out.
    Unknown,
}
