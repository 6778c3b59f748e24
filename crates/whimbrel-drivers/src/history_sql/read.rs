//! The statements that read the history, and what their rows mean.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{DriverError, DriverErrorKind, LockAttempt};
use whimbrel_core::history::{
    Action, Applied, Attempt, AttemptId, AttemptState, History, HistoryTables, Holder,
};
use whimbrel_core::migration::Kind;
use whimbrel_core::version::Version;

use super::{Flavor, Row, UNKNOWN_DURATION, UNKNOWN_TIME, table};

/// token, format, owner, since, expires, and whether somebody holds it now.
pub(crate) fn select_lock(flavor: &dyn Flavor, tables: &HistoryTables) -> String {
    format!(
        "SELECT token, format, owner, {}, {}, CASE WHEN owner IS NOT NULL AND expires >= {} THEN 1 ELSE 0 END FROM {} WHERE id = 1",
        flavor.milliseconds("since"),
        flavor.milliseconds("expires"),
        flavor.now(),
        table(flavor, tables, &tables.lock)
    )
}

/// All applied rows, in no order.
pub(crate) fn select_applied(flavor: &dyn Flavor, tables: &HistoryTables) -> String {
    format!(
        "SELECT source, version, name, kind, sequence, batch, checksum, down_checksum, {}, duration_ms, applied_by, tool, run FROM {}",
        flavor.milliseconds("applied_at"),
        table(flavor, tables, &tables.applied)
    )
}

/// Attempts that are open, and those of versions that are not applied.
pub(crate) fn select_attempts(flavor: &dyn Flavor, tables: &HistoryTables) -> String {
    let log = table(flavor, tables, &tables.log);
    let columns = format!(
        "l.run, l.number, l.source, l.version, l.name, l.action, l.state, l.journalled, l.statements_done, l.statement_running, l.statements, l.hashes, l.connection, l.state_before, l.error, {}, l.duration_ms, l.started_by",
        flavor.milliseconds("l.started_at")
    );
    // Two queries, since an OR would keep the engines from a quick anti-join. An unfinished
    // attempt to undo belongs to an applied version.
    format!(
        "SELECT {columns} FROM {log} l WHERE l.state = 'started' OR (l.action = 'down' AND l.state = 'failed' AND l.journalled = 1) UNION ALL SELECT {columns} FROM {log} l WHERE l.state <> 'started' AND l.action <> 'hook' AND NOT (l.action = 'down' AND l.state = 'failed' AND l.journalled = 1) AND NOT EXISTS (SELECT 1 FROM {} a WHERE a.source = l.source AND a.version = l.version)",
        table(flavor, tables, &tables.applied)
    )
}

/// Kept scripts.
pub(crate) fn select_scripts(
    flavor: &dyn Flavor,
    tables: &HistoryTables,
    checksums: &[Checksum],
) -> String {
    let list: Vec<_> = checksums
        .iter()
        .map(|checksum| flavor.literal(&checksum.to_string()))
        .collect();
    format!(
        "SELECT checksum, text FROM {} WHERE checksum IN ({})",
        table(flavor, tables, &tables.scripts),
        list.join(", ")
    )
}

/// Takes a row's fields one after the other.
struct Fields<'a, S>(std::slice::Iter<'a, Option<S>>);

impl<'a, S: AsRef<str>> Fields<'a, S> {
    fn of(row: &'a [Option<S>]) -> Self {
        Self(row.iter())
    }

    fn cell(&mut self) -> Option<&'a str> {
        self.0.next().and_then(|cell| cell.as_ref().map(S::as_ref))
    }

    fn optional(&mut self) -> Option<String> {
        self.cell().map(str::to_owned)
    }

    fn word(&mut self) -> &'a str {
        self.cell().unwrap_or_default()
    }

    fn text(&mut self) -> String {
        self.word().to_owned()
    }

    /// What most rows say alike, and is kept once for those that do.
    fn common(&mut self, before: Option<&Arc<str>>) -> Arc<str> {
        let word = self.word();
        match before.filter(|before| &***before == word) {
            Some(before) => Arc::clone(before),
            None => word.into(),
        }
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T, DriverError> {
        let text = self.word();
        text.parse().map_err(|_| unexpected(text))
    }

    fn maybe_number<T: std::str::FromStr>(&mut self) -> Result<Option<T>, DriverError> {
        self.cell()
            .map(|text| text.parse().map_err(|_| unexpected(text)))
            .transpose()
    }

    fn maybe_time(&mut self) -> Result<Option<Timestamp>, DriverError> {
        let milliseconds: Option<i64> = self.maybe_number()?;
        milliseconds
            .map(|ms| Timestamp::from_millisecond(ms).map_err(|_| unexpected(&ms.to_string())))
            .transpose()
    }

    fn time(&mut self) -> Result<Timestamp, DriverError> {
        self.maybe_time()?.ok_or_else(|| unexpected("NULL"))
    }

    fn duration(&mut self) -> Result<Duration, DriverError> {
        self.maybe_duration().map(Option::unwrap_or_default)
    }

    fn maybe_duration(&mut self) -> Result<Option<Duration>, DriverError> {
        let milliseconds: i64 = self.number()?;
        let known = milliseconds != UNKNOWN_DURATION;
        let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
        Ok(known.then(|| Duration::from_millis(milliseconds)))
    }
}

fn unexpected(value: &str) -> DriverError {
    DriverError::new(
        DriverErrorKind::History,
        format!("the history tables hold the unexpected value `{value}`"),
    )
    .with_hint("are these tables Whimbrel's? another name can be set with --table")
}

/// A row of [`select_applied`].
fn applied<S: AsRef<str>>(
    row: &[Option<S>],
    before: Option<&Applied>,
) -> Result<Applied, DriverError> {
    let mut fields = Fields::of(row);
    Ok(Applied {
        source: fields.text(),
        version: Version::new(fields.word()),
        name: fields.text(),
        kind: Kind::from_stored(fields.word()),
        sequence: fields.number()?,
        batch: fields.number()?,
        checksum: Checksum::from_stored(fields.word()),
        down_checksum: fields.cell().map(Checksum::from_stored),
        applied_at: Some(fields.time()?).filter(|at| *at != UNKNOWN_TIME),
        duration: fields.maybe_duration()?,
        applied_by: fields.common(before.map(|row| &row.applied_by)),
        tool: fields.common(before.map(|row| &row.tool)),
        run: fields.number()?,
    })
}

/// A row of [`select_attempts`].
fn attempt<S: AsRef<str>>(row: &[Option<S>]) -> Result<Attempt, DriverError> {
    let mut fields = Fields::of(row);
    Ok(Attempt {
        id: AttemptId {
            run: fields.number()?,
            number: fields.number()?,
        },
        source: fields.text(),
        version: Version::new(fields.word()),
        name: fields.text(),
        action: Action::from_stored(fields.word()),
        state: AttemptState::from_stored(fields.word()),
        journalled: fields.word() == "1",
        statements_done: fields.number()?,
        statement_running: fields.maybe_number()?,
        statements: fields.number()?,
        hashes: fields.text(),
        connection: fields.optional(),
        state_before: fields.optional(),
        error: fields.optional(),
        started_at: fields.time()?,
        duration: fields.duration()?,
        started_by: fields.text(),
    })
}

/// What the lock row says.
pub(crate) struct LockRow {
    pub(crate) token: i64,
    pub(crate) format: i32,
    pub(crate) holder: Option<Holder>,
    /// Who had it last and did not give it back, however long ago.
    #[cfg(feature = "postgres")]
    pub(crate) named: Option<Holder>,
}

/// A row of [`select_lock`].
pub(crate) fn lock<S: AsRef<str>>(row: &[Option<S>]) -> Result<LockRow, DriverError> {
    let mut fields = Fields::of(row);
    let (token, format) = (fields.number()?, fields.number()?);
    let holder = Holder {
        owner: fields.optional(),
        since: fields.maybe_time()?,
        expires: fields.maybe_time()?,
        gone: false,
    };
    let held = fields.word() == "1";
    Ok(LockRow {
        token,
        format,
        #[cfg(feature = "postgres")]
        named: holder.owner.is_some().then(|| holder.clone()),
        holder: held.then_some(holder),
    })
}

/// What a row is one of.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// [`select_lock`]
    Lock,
    /// [`select_applied`]
    Applied,
    /// [`select_attempts`]
    Attempts,
}

/// So many rows are expected of a long history. Memory that is never written to costs nothing, and
/// growing step by step would write all of it several times.
const LONG: usize = 16 * 1024;

/// Puts the history together from rows as they come, so that a long one is not kept twice.
#[derive(Default)]
pub(crate) struct Rows {
    lock: Option<LockRow>,
    applied: Vec<Applied>,
    attempts: Vec<Attempt>,
    wrong: Option<DriverError>,
}

impl Rows {
    pub(crate) fn add<S: AsRef<str>>(&mut self, part: Part, row: &[Option<S>]) {
        let added = match part {
            Part::Lock => lock(row).map(|row| self.lock = Some(row)),
            Part::Applied => applied(row, self.applied.last()).map(|row| {
                if self.applied.is_empty() {
                    self.applied.reserve(LONG);
                }
                self.applied.push(row);
            }),
            Part::Attempts => attempt(row).map(|row| self.attempts.push(row)),
        };
        if let Err(error) = added {
            self.wrong.get_or_insert(error);
        }
    }

    /// A lock table without its row is one that another run is about to finish, or that somebody
    /// emptied: it counts as not being there, and creating the history puts the row back.
    pub(crate) fn history(mut self) -> Result<History, DriverError> {
        if let Some(error) = self.wrong {
            return Err(error);
        }
        let Some(lock) = self.lock else {
            return Ok(History::default());
        };
        // Quicker here, where they mostly stand in order, than in the server.
        self.applied.sort_by_key(|row| row.sequence);
        Ok(History {
            exists: true,
            format: lock.format,
            token: lock.token,
            applied: self.applied,
            attempts: self.attempts,
            holder: lock.holder,
            elsewhere: None,
        })
    }
}

/// The history from the rows of the three reads.
#[cfg(any(feature = "sqlite", feature = "mysql", feature = "d1"))]
pub(crate) fn history(
    lock: Vec<Row>,
    applied: Vec<Row>,
    attempts: Vec<Row>,
) -> Result<History, DriverError> {
    let mut found = Rows::default();
    let parts = [
        (Part::Lock, lock),
        (Part::Applied, applied),
        (Part::Attempts, attempts),
    ];
    for (part, rows) in parts {
        for row in rows {
            found.add(part, &row);
        }
    }
    found.history()
}

/// The answer to a try for the lock that was not taken.
pub(crate) fn held(history: History) -> Result<LockAttempt, DriverError> {
    if !history.exists {
        return Err(DriverError::new(
            DriverErrorKind::History,
            "the lock table lost its row during the run",
        )
        .with_hint("run again: the row is put back when a run starts"));
    }
    Ok(LockAttempt::Held(
        history.holder.unwrap_or_else(unknown_holder),
    ))
}

/// A transaction holds the lock row, and who that is can't be read.
pub(crate) fn unknown_holder() -> Holder {
    Holder {
        owner: None,
        since: None,
        expires: None,
        gone: false,
    }
}

/// Rows of [`select_scripts`].
pub(crate) fn scripts(rows: Vec<Row>) -> HashMap<Checksum, String> {
    let pair = |row: Row| match row.as_slice() {
        [Some(checksum), Some(text)] => Some((Checksum::from_stored(checksum), text.clone())),
        _ => None,
    };
    rows.into_iter().filter_map(pair).collect()
}

/// Another run has the lock: no unit of this one can commit.
pub(crate) fn fenced() -> DriverError {
    DriverError::new(
        DriverErrorKind::Fenced,
        "the lock was taken over by another run",
    )
    .with_hint("look at `whimbrel status`; this run has changed nothing since it lost the lock")
}
