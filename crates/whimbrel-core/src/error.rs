//! What can go wrong, by kind: the kind decides the exit code.

use serde::Serialize;
use thiserror::Error as ThisError;

use crate::diagnostic::Diagnostic;
use crate::driver::DriverError;
use crate::history::Holder;
use crate::report::Failure;

/// An error of the engine.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A setting, a URL or an argument is wrong.
    #[error("{0}")]
    Settings(String),
    /// Migration files are wrong, or the plan is refused. Every problem found is in the list.
    #[error("{}", first_message(.0))]
    Refused(Vec<Diagnostic>),
    /// The database cannot be reached or does not answer as expected.
    #[error("{0}")]
    Database(#[from] DriverError),
    /// The lock is held by someone else and the wait is over.
    #[error("{holder} holds the lock")]
    Locked {
        /// Who holds it.
        holder: Box<Holder>,
        /// How long was waited.
        waited: std::time::Duration,
    },
    /// A migration failed; what was applied before it stays.
    #[error("{}", .0.diagnostic)]
    Failed(Box<Failure>),
    /// Cancelled, by a signal or by the caller.
    #[error("cancelled")]
    Cancelled,
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// The kinds of [`Error`], for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Settings, URL, arguments.
    Settings,
    /// Files are wrong or the plan is refused; nothing was touched.
    Refused,
    /// Connecting or talking to the database.
    Database,
    /// The lock was not had in time.
    Locked,
    /// A migration failed.
    Failed,
    /// Cancelled.
    Cancelled,
}

impl Error {
    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Settings(_) => ErrorKind::Settings,
            Self::Refused(_) | Self::File { .. } => ErrorKind::Refused,
            Self::Database(_) => ErrorKind::Database,
            Self::Locked { .. } => ErrorKind::Locked,
            Self::Failed(_) => ErrorKind::Failed,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// One refusal.
    pub fn refused(diagnostic: Diagnostic) -> Self {
        Self::Refused(vec![diagnostic])
    }

    /// The diagnostics that draw this error.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Refused(list) => list.clone(),
            Self::Failed(failure) => vec![failure.diagnostic.clone()],
            Self::Database(error) => vec![error.diagnostic()],
            Self::Locked { holder, waited } => vec![
                Diagnostic::error(
                    "locked",
                    format!("the lock was not free after {} s", waited.as_secs()),
                )
                .note(format!("held by {holder}"))
                .help("another run is at work: wait for it, or raise `--lock-wait`"),
            ],
            Self::Settings(message) => vec![Diagnostic::error("settings", message.clone())],
            Self::Cancelled => vec![Diagnostic::error("cancelled", "cancelled")],
            Self::File { .. } => vec![Diagnostic::error("file", self.to_string())],
        }
    }
}

fn first_message(list: &[Diagnostic]) -> String {
    let mut text = list.first().map(ToString::to_string).unwrap_or_default();
    if list.len() > 1 {
        text.push_str(&format!(" (and {} more)", list.len() - 1));
    }
    text
}
