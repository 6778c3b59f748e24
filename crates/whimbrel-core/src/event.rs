//! What happens during a run, for everyone who listens: log, progress bar, hooks, web page.

use std::time::Duration;

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::driver::Notice;
use crate::history::Holder;
use crate::plan::{Noted, Plan};
use crate::report::StepReport;

/// One thing that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Something about the files or the settings deserves a word.
    Diagnostic(&'a Diagnostic),
    /// The connection stands.
    Connected {
        /// Engine and version.
        server: &'a crate::driver::Server,
    },
    /// The lock is held by someone else; told when that is found and then every few seconds.
    LockWaiting {
        /// Who.
        holder: &'a Holder,
        /// How long was waited up to now.
        waited: Duration,
    },
    /// The lock is ours.
    LockTaken,
    /// It is known what will be done.
    Planned(&'a Plan),
    /// A migration begins.
    StepStarted(StepEvent<'a>),
    /// A statement of it has ended well.
    StatementDone {
        /// Which migration.
        step: StepEvent<'a>,
        /// Which statement, from 1.
        statement: usize,
        /// Of how many.
        statements: usize,
        /// Rows affected, where the server tells.
        rows: Option<u64>,
    },
    /// The server said something during a statement.
    Notice {
        /// Which migration.
        step: StepEvent<'a>,
        /// `file:line` of the statement.
        place: &'a str,
        /// What it said.
        notice: &'a Notice,
    },
    /// What runs now waits for other sessions' locks; told when that is found and then every half
    /// minute.
    HeldUp {
        /// Who they are, what they do, and since when.
        by: &'a [String],
    },
    /// A migration has ended well.
    StepDone(&'a StepReport),
    /// A migration failed; the error follows as the run's result unless the run goes on.
    StepFailed {
        /// Which migration.
        step: StepEvent<'a>,
        /// Why.
        diagnostic: &'a Diagnostic,
    },
    /// Something failed that may pass by itself, and is tried again after a pause.
    Retry {
        /// Which migration; none before the first.
        step: Option<StepEvent<'a>>,
        /// What failed.
        error: &'a crate::driver::DriverError,
        /// Which try comes next, from 2.
        attempt: u32,
        /// How many there are at most.
        attempts: u32,
        /// How long the pause is.
        delay: Duration,
    },
    /// An applied file was changed in nothing that it does, and is recorded as it is now.
    Noted(&'a Noted),
    /// A migration is not tried because one that it depends on failed.
    StepSkipped(StepEvent<'a>),
}

/// Which migration of the run an event is about.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StepEvent<'a> {
    /// Version.
    pub version: &'a str,
    /// Version and name.
    pub label: &'a str,
    /// Place in the run, from 1.
    pub index: usize,
    /// Migrations in the run.
    pub count: usize,
    /// Up or down.
    pub direction: crate::plan::Direction,
}

/// Someone who listens. Called in the run's own task, so it must be quick.
pub trait Listener: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync> Listener for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}
