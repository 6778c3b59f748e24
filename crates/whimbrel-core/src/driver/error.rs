//! Why a driver failed, and what became of what it ran.

use serde::Serialize;
use thiserror::Error as ThisError;

use crate::diagnostic::Diagnostic;

/// Why a driver failed.
#[derive(Clone, Debug, Default, ThisError)]
#[error("{message}")]
pub struct DriverError {
    /// The kind.
    pub kind: DriverErrorKind,
    /// The text, without secrets.
    pub message: String,
    /// The server's code (SQLSTATE, error number, extended result code).
    pub code: Option<String>,
    /// The server's detail.
    pub detail: Option<String>,
    /// The server's or the driver's advice.
    pub hint: Option<String>,
    /// The server's context (a function's call stack).
    pub context: Option<String>,
    /// Where in the statement.
    pub position: Option<Position>,
}

impl DriverError {
    /// An error of a kind.
    pub fn new(kind: DriverErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            ..Self::default()
        }
    }

    /// Adds advice.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A diagnostic with everything but a place.
    pub fn diagnostic(&self) -> Diagnostic {
        let mut diagnostic = Diagnostic::error("database", self.message.clone());
        diagnostic.code = self.code.clone().or(diagnostic.code);
        diagnostic.notes.extend(self.detail.clone());
        diagnostic.notes.extend(self.context.clone());
        diagnostic.help.clone_from(&self.hint);
        diagnostic
    }
}

/// Kinds of driver errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverErrorKind {
    /// The server refused a statement.
    #[default]
    Statement,
    /// The object that a statement creates is there already.
    AlreadyExists,
    /// The object that a statement drops or changes is not there.
    DoesNotExist,
    /// The server could not be reached.
    Connect,
    /// The server refused the user, the password or the database.
    Refused,
    /// The connection broke.
    Lost,
    /// Deadlock or serialization failure; the transaction may be tried again.
    Transient,
    /// A lock was not had in time, or the database is busy.
    LockTimeout,
    /// A time limit of the server struck, or somebody cancelled.
    Cancelled,
    /// The lock is not ours any more.
    Fenced,
    /// The history tables are not as expected.
    History,
    /// The engine cannot do that.
    Unsupported,
    /// A condition that the migration's file sets does not hold; no driver gives this.
    Condition,
}

impl DriverErrorKind {
    /// What failed may succeed when it is tried again, and nothing is in doubt.
    pub fn passes(self) -> bool {
        matches!(
            self,
            Self::Transient | Self::LockTimeout | Self::Lost | Self::Fenced
        )
    }

    /// The server may be there in a while.
    pub fn may_be_reached_later(self) -> bool {
        matches!(self, Self::Connect | Self::Lost)
    }

    /// The server refused this statement, and might take another.
    pub fn is_about_the_statement(self) -> bool {
        matches!(
            self,
            Self::Statement
                | Self::AlreadyExists
                | Self::DoesNotExist
                | Self::Transient
                | Self::LockTimeout
                | Self::Unsupported
        )
    }
}

/// Where in a statement an error is, in the server's own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// Character of the statement, from 1 (PostgreSQL).
    Character(usize),
    /// Byte of the statement, from 0 (SQLite).
    Byte(usize),
    /// Line of the statement, from 1, and the text near which it is (MySQL).
    Line(usize, Option<String>),
}

/// A unit failed.
#[derive(Debug, ThisError)]
#[error("{error}")]
pub struct UnitError {
    /// Why.
    pub error: DriverError,
    /// Part of the unit, from 0.
    pub part: usize,
    /// Statement of the part, from 0; none if it failed before, between or after the statements.
    pub statement: Option<usize>,
    /// What became of the unit.
    pub outcome: Outcome,
}

/// One of several units failed.
#[derive(Debug, ThisError)]
#[error("{error}")]
pub struct GroupError {
    /// Which one, from 0.
    pub unit: usize,
    /// How many are surely committed. Smaller than `unit` where they are committed together.
    pub done: usize,
    /// Why.
    pub error: UnitError,
}

/// What became of a unit that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of it is in the database.
    RolledBack,
    /// Its single statement failed by itself; the journal says that it was started.
    StatementFailed,
    /// The connection broke, or its answer was not waited for; it may or may not have happened.
    Unknown,
}
