//! What a driver is asked to run, and what it reports meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use whimbrel_sql::{Facts, Statement};

use super::Lease;
use crate::checksum::Checksum;
use crate::history::{Attempt, AttemptId};
use crate::migration::Kind;
use crate::plan::Noted;
use crate::rules::Setting;

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

impl<'a> BoundStatement<'a> {
    /// A statement of a script.
    pub fn new(script: &'a str, statement: &'a Statement) -> Self {
        Self {
            text: &script[statement.span()],
            data: statement.data().map(|data| &script[data]),
            facts: &statement.facts,
        }
    }
}

/// Statements of a script, in order: made ready as they are asked for, since a script of data has
/// millions of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statements<'a> {
    script: &'a str,
    list: &'a [Statement],
}

impl<'a> Statements<'a> {
    /// Those of a list that was split from the script.
    pub fn new(script: &'a str, list: &'a [Statement]) -> Self {
        Self { script, list }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The first so many of them.
    #[must_use]
    pub fn take(self, count: usize) -> Self {
        Self {
            list: &self.list[..count],
            ..self
        }
    }

    /// Each in turn.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = BoundStatement<'a>> + use<'a> {
        let script = self.script;
        self.list
            .iter()
            .map(move |statement| BoundStatement::new(script, statement))
    }
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
    /// The session that the migration's tool gives it, besides the session's own statements.
    pub settings: &'static [Setting],
    /// Statements that ran before in this migration and whose only effect is on the session; they
    /// are run again after the session was reset.
    pub replay: Vec<BoundStatement<'a>>,
    /// True if the unit continues the session of the one before it (a journalled migration's next
    /// statement), so that the session is not reset in between.
    pub continues: bool,
}

impl<'a> Unit<'a> {
    /// Changes of the history alone, in one transaction.
    pub fn of_writes(lease: Lease, part: Part<'a>) -> Self {
        Self {
            lease,
            atomic: true,
            parts: vec![part],
            lock_timeout: None,
            foreign_keys: None,
            settings: &[],
            replay: Vec::new(),
            continues: false,
        }
    }
}

/// One migration's share of a unit.
#[derive(Debug, Default)]
pub struct Part<'a> {
    /// History writes before the statements.
    pub before: Vec<Write<'a>>,
    /// The statements in order.
    pub statements: Statements<'a>,
    /// History writes after the statements.
    pub after: Vec<Write<'a>>,
}

/// A change of the history.
#[derive(Clone, Debug)]
pub enum Write<'a> {
    /// A migration is applied. The driver fills in when (the server's clock) and how long, unless
    /// the record says so itself.
    Apply(Record<'a>),
    /// As [`Write::Apply`], of several migrations that were applied without Whimbrel; at least one.
    Adopt(Vec<Record<'a>>),
    /// A migration is not applied any more; its record becomes an entry of the log.
    Remove {
        /// Namespace.
        source: &'a str,
        /// Version as it was recorded.
        version: &'a str,
    },
    /// Scripts to keep, by their keys, unless they are kept already; at least one.
    Keep(Vec<(&'a Checksum, &'a str)>),
    /// An applied migration's file is another one than was recorded, and does the same.
    Note(&'a Noted),
    /// A new attempt. The driver fills in when, and the connection for journalled ones.
    Attempt(&'a Attempt),
    /// Several attempts that are done; at least one.
    Attempts(&'a [Attempt]),
    /// A journalled attempt's next statement is about to start; none means that none is running.
    Statement {
        /// Which attempt.
        id: AttemptId,
        /// Statements surely done before it.
        done: i32,
        /// The statement that starts now, from 0.
        running: Option<i32>,
        /// What it changes, as it is before it starts; see [`super::Observation::state`].
        state_before: Option<&'a str>,
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
        /// What the running statement did is not known.
        running_unknown: bool,
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
    /// When.
    pub applied_at: Fact<Timestamp>,
    /// How long it took.
    pub duration: Fact<Duration>,
    /// `user@host`.
    pub applied_by: &'a str,
    /// Program and version.
    pub tool: &'a str,
    /// The attempt that applied it.
    pub id: AttemptId,
    /// Statements in all.
    pub statements: i32,
}

/// Something that a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    /// The driver fills it in: it happens now.
    Now,
    /// The driver fills it in: since the attempt's entry in the log was written, some units ago.
    SinceAttempt,
    /// It was so.
    Was(T),
    /// Nobody knows.
    Unknown,
}

impl<T> Fact<T> {
    /// What is known, if anything is.
    pub fn known(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Self::Was)
    }
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
    /// A unit of several has been committed; what follows is about the next one.
    UnitDone,
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
