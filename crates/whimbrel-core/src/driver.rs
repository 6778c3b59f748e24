//! The contract between the engine and a database driver.
//!
//! # Writing a driver
//!
//! Implement [`Driver`] for a connection. The engine decides what runs, in which order, in which
//! units; a driver knows how its database makes one [`Unit`] atomic, keeps the history tables and
//! guards the lock. Rules that every driver must keep (the contract suite in `whimbrel-testkit`
//! checks them on a real server):
//!
//! 1. **The fence.** Every unit begins by making sure, inside its own transaction, that the lock
//!    row still carries [`Unit::lease`]'s token, and keeps that row from being taken over until
//!    the transaction ends. If the token is another one, nothing runs and the error's kind is
//!    [`DriverErrorKind::Fenced`].
//!    Its end renews the lease ([`Lease::length`]) where a third of it is over, so that a run of
//!    long units does not lose the lock between two of them.
//! 2. **Taking over** ([`Driver::lock`]) raises the token, and only then reads the history, in
//!    one step. It never waits inside the server: if someone holds the lock, or a unit of a dead
//!    client is still in flight, it answers [`LockAttempt::Held`] at once and the engine polls.
//! 3. **A unit and its records are one.** An atomic unit's [`Write`]s commit with its statements or
//!    not at all. Where the engine cannot do that, [`Capabilities::transactional_ddl`] is false
//!    and the engine journals statement by statement.
//! 4. **Same session.** Each unit starts from the same session state, whatever ran before it.
//! 5. **No doubt is hidden.** If a connection is lost while a commit is under way the outcome is
//!    [`Outcome::Unknown`]; the engine takes the lock over and looks.
//! 6. **Nothing waits silently.** Results are drained and ignored; notices are passed on as they
//!    come, tied to their statement.
//!
//! Statements come split, as the dialect of [`Driver::dialect`] splits them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use thiserror::Error as ThisError;
use whimbrel_sql::{Dialect, Facts};

use crate::checksum::Checksum;
use crate::diagnostic::Diagnostic;
use crate::history::{Attempt, AttemptId, History, HistoryTables, Holder, Owner};
use crate::migration::Kind;

/// A connection to one database, with its history.
#[async_trait]
pub trait Driver: Send {
    /// What is on the other end.
    fn server(&self) -> &Server;

    /// The dialect that splits scripts for this database.
    fn dialect(&self) -> Dialect;

    /// Reads the history in one round trip, without taking the lock and without creating anything.
    ///
    /// # Errors
    /// The connection fails, or a table exists that is not the history's.
    async fn read_history(&mut self) -> Result<History, DriverError>;

    /// Creates the history tables, or brings them to the current format. Safe when several
    /// processes do it at once.
    ///
    /// # Errors
    /// Missing rights, a lost connection.
    async fn create_history(&mut self) -> Result<(), DriverError>;

    /// Tries once to take the lock; never waits. On success reads the history under the lock.
    ///
    /// # Errors
    /// The connection fails. A held lock is not an error.
    async fn lock(&mut self, owner: &Owner, lease: Duration) -> Result<LockAttempt, DriverError>;

    /// Gives the lock back if it is still ours.
    ///
    /// # Errors
    /// The connection fails; the lease then runs out by itself.
    async fn unlock(&mut self, lease: &Lease) -> Result<(), DriverError>;

    /// True if the connection that an attempt's journal names is still at work in the server.
    ///
    /// # Errors
    /// The connection fails.
    async fn is_connection_alive(&mut self, connection: &str) -> Result<bool, DriverError>;

    /// Runs one unit, reporting as it goes.
    ///
    /// # Errors
    /// See [`UnitError`].
    async fn apply(
        &mut self,
        unit: &Unit<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), UnitError>;

    /// The exact text that [`Driver::apply`] would send, for dry runs.
    fn render(&self, unit: &Unit<'_>) -> String;

    /// Kept scripts by checksum; those that are not kept are left out.
    ///
    /// # Errors
    /// The connection fails.
    async fn kept_scripts(
        &mut self,
        checksums: &[Checksum],
    ) -> Result<HashMap<Checksum, String>, DriverError>;

    /// Runs one query outside any unit and gives its rows as text.
    ///
    /// # Errors
    /// The statement or the connection fails.
    async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, DriverError>;

    /// Something that cancels what this connection runs, usable from elsewhere.
    fn canceller(&self) -> Option<Arc<dyn Cancel>>;

    /// Says goodbye to the server.
    ///
    /// # Errors
    /// The connection fails.
    async fn close(self: Box<Self>) -> Result<(), DriverError>;
}

/// Opens connections to one database.
#[async_trait]
pub trait Connect: Send + Sync {
    /// Opens a connection. Nothing is changed in the database.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    async fn connect(&self) -> Result<Box<dyn Driver>, DriverError>;

    /// The dialect, known without connecting.
    fn dialect(&self) -> Dialect;

    /// The database as people may see it: a URL without secrets.
    fn display(&self) -> String;

    /// The database's own name, as a person types it to confirm a `reset`.
    fn database(&self) -> String;
}

/// Cancels a statement that runs on another connection or thread.
#[async_trait]
pub trait Cancel: Send + Sync {
    /// Asks the server to end what runs now; the unit then fails with
    /// [`DriverErrorKind::Cancelled`].
    ///
    /// # Errors
    /// The request cannot be sent.
    async fn cancel(&self) -> Result<(), DriverError>;
}

/// What a connection is to be opened with, besides its URL.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// Names of the history tables.
    pub tables: HistoryTables,
    /// Statements that run before each unit.
    pub session_sql: Vec<String>,
    /// SQLite: foreign-key enforcement where a migration does not say; on for native files.
    pub foreign_keys: bool,
}

/// A server, as it described itself at connection.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// `PostgreSQL`, `MariaDB`, `MySQL`, `SQLite`, ...
    pub engine: &'static str,
    /// Version as the server writes it.
    pub version: String,
    /// Major version number for decisions; MariaDB 10.11 is 10.
    pub major: u32,
    /// What it can do.
    pub capabilities: Capabilities,
    /// How many locks one transaction may hold on a default server, if there is such a limit.
    pub lock_slots: Option<u64>,
}

/// What an engine can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Schema changes take part in transactions.
    pub transactional_ddl: bool,
    /// A running statement can be cancelled.
    pub cancel: bool,
    /// `ALTER TYPE ... ADD VALUE` and its like may run in a transaction.
    pub enum_value_in_transaction: bool,
}

/// Proof of holding the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The fencing token; each takeover raises it.
    pub token: i64,
    /// How long the lease lasts without renewal.
    pub length: Duration,
}

/// What came of an attempt to take the lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// Ours, with the history as it is now.
    Taken(Lease, Box<History>),
    /// Somebody else's.
    Held(Holder),
}

/// A statement ready to be sent.
#[derive(Clone, Copy, Debug)]
pub struct BoundStatement<'a> {
    /// Its text, without terminator.
    pub text: &'a str,
    /// The data lines of a `COPY ... FROM STDIN`.
    pub data: Option<&'a str>,
    /// What is known of it.
    pub facts: &'a Facts,
}

/// What is applied in one go.
#[derive(Debug)]
pub struct Unit<'a> {
    /// The lock.
    pub lease: Lease,
    /// True: all parts and writes are one transaction. False: there is one part with one
    /// statement, which runs by itself between its `before` and its `after` writes, each of those
    /// lists in a fenced transaction of its own.
    pub atomic: bool,
    /// Usually one; several with a single transaction for a whole run.
    pub parts: Vec<Part<'a>>,
    /// Longest wait for a lock per statement; the driver's default if none.
    pub lock_timeout: Option<Duration>,
    /// SQLite: foreign-key enforcement during the unit; the session's setting if none.
    pub foreign_keys: Option<bool>,
    /// True if the unit continues the session of the one before it (a journalled migration's next
    /// statement), so that the session is not reset in between.
    pub continues: bool,
}

/// One migration's share of a unit.
#[derive(Debug)]
pub struct Part<'a> {
    /// History writes before the statements.
    pub before: Vec<Write<'a>>,
    /// The statements in order.
    pub statements: Vec<BoundStatement<'a>>,
    /// History writes after the statements.
    pub after: Vec<Write<'a>>,
}

/// A change of the history.
#[derive(Clone, Debug)]
pub enum Write<'a> {
    /// A migration is applied. The driver fills in when (the server's clock) and how long.
    Apply(Record<'a>),
    /// A migration is not applied any more.
    Remove {
        /// Namespace.
        source: &'a str,
        /// Version as it was recorded.
        version: &'a str,
    },
    /// A script to keep, unless it is kept already.
    Keep {
        /// Key.
        checksum: &'a Checksum,
        /// Text as written.
        text: &'a str,
    },
    /// A new attempt. The driver fills in when, and the connection for journalled ones.
    Attempt(&'a Attempt),
    /// A journalled attempt's next statement is about to start; none means that none is running.
    Statement {
        /// Which attempt.
        id: AttemptId,
        /// Statements surely done before it.
        done: i32,
        /// The statement that starts now, from 0.
        running: Option<i32>,
    },
    /// A journalled attempt has ended well.
    Finish {
        /// Which attempt.
        id: AttemptId,
        /// Statements in all.
        done: i32,
    },
    /// An attempt has ended with an error.
    Fail {
        /// Which attempt.
        id: AttemptId,
        /// The error's text.
        error: &'a str,
    },
    /// Older attempts of this version that are still open are superseded by a new one.
    Supersede {
        /// Namespace.
        source: &'a str,
        /// Version.
        version: &'a str,
    },
}

/// What is recorded of an applied migration.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Namespace.
    pub source: &'a str,
    /// Version.
    pub version: &'a str,
    /// Name.
    pub name: &'a str,
    /// Versioned, repeatable, baseline.
    pub kind: Kind,
    /// Place in the order of application.
    pub sequence: i64,
    /// Run.
    pub batch: i64,
    /// Of the up script's file.
    pub checksum: &'a Checksum,
    /// Of the kept down script.
    pub down_checksum: Option<&'a Checksum>,
    /// `user@host`.
    pub applied_by: &'a str,
    /// Program and version.
    pub tool: &'a str,
}

/// What a driver reports while a unit runs. Indexes count from 0.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A statement has ended well.
    StatementDone {
        /// Part of the unit.
        part: usize,
        /// Statement of the part.
        statement: usize,
        /// Rows affected, where the server tells.
        rows: Option<u64>,
    },
    /// The server said something.
    Notice {
        /// Part of the unit.
        part: usize,
        /// Statement of the part.
        statement: usize,
        /// What it said.
        notice: Notice,
    },
}

/// A message from the server that is not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// `NOTICE`, `WARNING`, ...
    pub severity: String,
    /// The server's code.
    pub code: Option<String>,
    /// The text.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
    /// The server's advice.
    pub hint: Option<String>,
}

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

/// What became of a unit that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of it is in the database.
    RolledBack,
    /// Its single statement failed by itself; the journal says that it was started.
    StatementFailed,
    /// The connection broke; it may or may not have happened.
    Unknown,
}
