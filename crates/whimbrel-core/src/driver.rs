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

mod error;
mod observation;
mod shadow;
mod unit;
mod untransactional;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use whimbrel_sql::{Dialect, Target};

pub use self::error::{DriverError, DriverErrorKind, GroupError, Outcome, Position, UnitError};
pub use self::observation::Observation;
pub use self::shadow::{SHADOW_PREFIX, SchemaObject, Shadow};
pub use self::unit::{
    BoundStatement, Fact, Notice, Part, Progress, Record, Statements, Unit, Write,
};

pub use self::untransactional::Untransactional;
use crate::checksum::Checksum;
use crate::history::{History, HistoryTables, Holder, Owner};

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
    /// `previous` is a lease of this run whose connection was lost: it may be taken over before it
    /// runs out, as soon as nothing of it is in flight.
    ///
    /// # Errors
    /// The connection fails. A held lock is not an error.
    async fn lock(
        &mut self,
        owner: &Owner,
        lease: Duration,
        previous: Option<&Lease>,
    ) -> Result<LockAttempt, DriverError>;

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

    /// True if whoever holds the lock is surely gone, by what the lock row says of its connection or
    /// process: then [`Driver::lock`] takes it over without waiting for the lease. False where that
    /// can't be told.
    ///
    /// # Errors
    /// The connection fails.
    async fn is_holder_gone(&mut self) -> Result<bool, DriverError> {
        Ok(false)
    }

    /// Whose unit keeps the lock from being taken over although its lease has run out.
    ///
    /// # Errors
    /// The connection fails.
    async fn unit_in_flight(&mut self) -> Result<Option<Holder>, DriverError> {
        Ok(None)
    }

    /// Ends the connection of the lock's holder if it is in the middle of a unit and has nothing to
    /// do but to wait for the rest of it, which may never come. True if there was such a one.
    ///
    /// # Errors
    /// The connection fails, or may not do that.
    async fn end_waiting_holder(&mut self) -> Result<bool, DriverError> {
        Ok(false)
    }

    /// Runs one unit, reporting as it goes.
    ///
    /// # Errors
    /// See [`UnitError`].
    async fn apply(
        &mut self,
        unit: &Unit<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), UnitError>;

    /// Runs several units, each by itself, in order; stops at the first that fails. After each one
    /// it reports [`Progress::UnitDone`]. A driver that can send them without waiting in between
    /// does so: they are what a run over a long distance waits for. They are atomic ones, or, of a
    /// driver that [observes itself](Driver::observes_itself), the pieces of one migration.
    ///
    /// # Errors
    /// See [`GroupError`].
    async fn apply_all(
        &mut self,
        units: &[Unit<'_>],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), GroupError> {
        for (index, unit) in units.iter().enumerate() {
            self.apply(unit, progress)
                .await
                .map_err(|error| GroupError {
                    unit: index,
                    done: index,
                    error,
                })?;
            progress(Progress::UnitDone);
        }
        Ok(())
    }

    /// Looks at what a statement that runs outside transactions changes. None if that can't be
    /// seen.
    ///
    /// # Errors
    /// The connection fails.
    async fn observe(
        &mut self,
        _statement: &BoundStatement<'_>,
    ) -> Result<Option<Observation>, DriverError> {
        Ok(None)
    }

    /// Which of these tables no transaction takes back, and how new ones come to be such. Asked on engines
    /// whose schema changes commit.
    ///
    /// # Errors
    /// The connection fails.
    async fn untransactional(
        &mut self,
        _tables: &[Target],
    ) -> Result<Untransactional, DriverError> {
        Ok(Untransactional::default())
    }

    /// True if [`Driver::apply`] observes the statement of a unit that is not atomic, where the
    /// journal says that it starts: without going to the server and back for it.
    fn observes_itself(&self) -> bool {
        false
    }

    /// Who may keep a statement from getting its locks, in words for people: session, age, query.
    ///
    /// # Errors
    /// The connection fails.
    async fn blockers(
        &mut self,
        _statement: &BoundStatement<'_>,
    ) -> Result<Vec<String>, DriverError> {
        Ok(Vec::new())
    }

    /// The exact text that [`Driver::apply`] would send, for dry runs.
    fn render(&self, unit: &Unit<'_>) -> String;

    /// The same for a unit that follows another one, which may have left something in the session
    /// or surely did not.
    fn render_next(&self, unit: &Unit<'_>, left_something: bool) -> String {
        let _ = left_something;
        self.render(unit)
    }

    /// The exact text of what a run sends before its units, which is taking the lock, after creating the
    /// history's tables if `create`; and of what it sends after them. What it only reads is left out.
    ///
    /// # Errors
    /// The connection fails.
    async fn render_lock(
        &mut self,
        owner: &Owner,
        lease: &Lease,
        create: bool,
    ) -> Result<[String; 2], DriverError>;

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

    /// Everything in the schema but the history's own tables, sorted, and how many rows each table
    /// has; none where the driver can't say. Two databases that the same statements made give the same.
    ///
    /// # Errors
    /// The connection fails.
    async fn schema(&mut self) -> Result<Option<Vec<SchemaObject>>, DriverError> {
        Ok(None)
    }

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

    /// Makes an empty database beside this one under a name that nothing else has and that begins with
    /// [`SHADOW_PREFIX`]; none where the driver can't. It keeps its history under the usual names. A
    /// shadow that a run left when it died is removed, if that run is surely gone.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    async fn shadow(&self, _name: &str) -> Result<Option<Box<dyn Shadow>>, DriverError> {
        Ok(None)
    }

    /// What people should know about this connection, such as that nobody checks who answers.
    fn note(&self) -> Option<String> {
        None
    }
}

/// Cancels a statement that runs on another connection or thread, and tells what it waits for.
#[async_trait]
pub trait Cancel: Send + Sync {
    /// Asks the server to end what runs now; the unit then fails with
    /// [`DriverErrorKind::Cancelled`].
    ///
    /// # Errors
    /// The request cannot be sent.
    async fn cancel(&self) -> Result<(), DriverError>;

    /// Has the server end the connection, for a statement that does not heed [`Cancel::cancel`].
    /// Where that can't be, it asks once more.
    ///
    /// # Errors
    /// The request cannot be sent.
    async fn end_connection(&self) -> Result<(), DriverError> {
        self.cancel().await
    }

    /// The sessions that keep the statement that runs now from a lock, each as a sentence; none if it
    /// waits for none, or that can't be told.
    ///
    /// # Errors
    /// The server can't be asked.
    async fn held_up_by(&self) -> Result<Vec<String>, DriverError> {
        Ok(Vec::new())
    }
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
    /// SQLite: the folder of a file that is named without one; the process's own if empty.
    pub folder: PathBuf,
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
    /// A pooler stands between us and the server, so that what one transaction leaves in the session
    /// may not be there for the next.
    pub pooled: bool,
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
    /// How many units [`Driver::apply_all`] sends without waiting; 1 if it waits after each.
    pub units_at_once: usize,
    /// The engine takes whole batches, each one transaction, and has no sessions: a script can't
    /// control transactions, and what can't run in one can't run at all.
    pub batches_only: bool,
    /// The sizes that the engine takes, if it publishes any; checked before anything is sent.
    pub limits: Option<Limits>,
}

/// Sizes that an engine takes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// A statement.
    pub statement_bytes: usize,
    /// A unit with what the history keeps of it, as JSON.
    pub request_bytes: usize,
    /// A value, and a row.
    pub row_bytes: usize,
}

impl Limits {
    /// Of statements alone.
    pub fn of_statements(statement_bytes: usize) -> Self {
        Self {
            statement_bytes,
            request_bytes: usize::MAX,
            row_bytes: usize::MAX,
        }
    }
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
