//! The SQL of the history tables, shared by the SQL engines.
//!
//! A driver gives a [`Flavor`] (its spelling of literals, names, types and times) and gets the
//! statements: [`create`] for the tables, [`write`] for every change, [`SELECT_LOCK`] and its like for
//! reading, and [`applied`], [`attempt`] for the rows read. Values stand in the text as
//! literals, so that a dry run shows exactly what runs.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{DriverError, DriverErrorKind, Lease, LockAttempt, Write};
use whimbrel_core::history::{
    Action, Applied, Attempt, AttemptId, AttemptState, FORMAT, History, HistoryTables, Holder,
    Owner,
};
use whimbrel_core::migration::Kind;
use whimbrel_core::version::Version;

/// A row as text.
pub(crate) type Row = Vec<Option<String>>;

/// How an engine spells what differs.
pub(crate) trait Flavor {
    /// A string literal.
    fn literal(&self, text: &str) -> String;
    /// A quoted name.
    fn name(&self, name: &str) -> String;
    /// Now, by the server's clock.
    fn now(&self) -> &'static str;
    /// `seconds` from now, by the server's clock.
    fn after(&self, seconds: u64) -> String;
    /// A time column as milliseconds since 1970, as an integer.
    fn milliseconds(&self, column: &str) -> String;
    /// Milliseconds since the unit began.
    fn elapsed(&self) -> String;
    /// The connection, for the journal; SQL that gives a text or NULL.
    fn connection(&self) -> &'static str;
    /// Types: short text (keys), long text, time, big integer.
    fn types(&self) -> Types;
    /// What follows the columns of a table.
    fn table_suffix(&self) -> &'static str;
    /// Starts an INSERT that passes over rows that are there; and what ends it.
    fn insert_or_ignore(&self) -> (&'static str, &'static str);
}

/// Names of column types.
pub(crate) struct Types {
    pub(crate) key: &'static str,
    pub(crate) word: &'static str,
    pub(crate) text: &'static str,
    pub(crate) time: &'static str,
}

/// A table's quoted name, with its schema.
pub(crate) fn table(flavor: &dyn Flavor, tables: &HistoryTables, name: &str) -> String {
    match &tables.schema {
        Some(schema) => format!("{}.{}", flavor.name(schema), flavor.name(name)),
        None => flavor.name(name),
    }
}

/// The statements that create what is missing.
pub(crate) fn create(flavor: &dyn Flavor, tables: &HistoryTables) -> Vec<String> {
    let Types {
        key,
        word,
        text,
        time,
    } = flavor.types();
    let suffix = flavor.table_suffix();
    let make = |name: &str, columns: &str| {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (\n{columns}\n){suffix}",
            table(flavor, tables, name)
        )
    };
    let (insert, ignore) = flavor.insert_or_ignore();
    vec![
        make(
            &tables.lock,
            &format!(
                "  id smallint NOT NULL PRIMARY KEY CHECK (id = 1),\n  token bigint NOT NULL,\n  owner {word},\n  since {time},\n  expires {time},\n  format integer NOT NULL"
            ),
        ),
        make(
            &tables.applied,
            &format!(
                "  source {word} NOT NULL,\n  version {key} NOT NULL,\n  name {text} NOT NULL,\n  kind {word} NOT NULL,\n  sequence bigint NOT NULL,\n  batch bigint NOT NULL,\n  checksum {word} NOT NULL,\n  down_checksum {word},\n  applied_at {time} NOT NULL,\n  duration_ms bigint NOT NULL,\n  applied_by {text} NOT NULL,\n  tool {word} NOT NULL,\n  PRIMARY KEY (source, version)"
            ),
        ),
        make(
            &tables.log,
            &format!(
                "  run bigint NOT NULL,\n  number integer NOT NULL,\n  source {word} NOT NULL,\n  version {key} NOT NULL,\n  name {text} NOT NULL,\n  action {word} NOT NULL,\n  state {word} NOT NULL,\n  journalled smallint NOT NULL,\n  statements_done integer NOT NULL,\n  statement_running integer,\n  statements integer NOT NULL,\n  hashes {text} NOT NULL,\n  connection {text},\n  state_before {text},\n  error {text},\n  started_at {time} NOT NULL,\n  duration_ms bigint NOT NULL,\n  started_by {text} NOT NULL,\n  PRIMARY KEY (run, number)"
            ),
        ),
        make(
            &tables.scripts,
            &format!("  checksum {word} NOT NULL PRIMARY KEY,\n  text {text} NOT NULL"),
        ),
        // Tokens only grow: a row that has to be put back goes on far above those that were given.
        format!(
            "{insert} INTO {} (id, token, format) SELECT 1, COALESCE(MAX(run) + 1000, 0), {FORMAT} FROM {} WHERE 1 = 1{ignore}",
            table(flavor, tables, &tables.lock),
            table(flavor, tables, &tables.log)
        ),
    ]
}

/// The statement for a change of the history.
pub(crate) fn write(flavor: &dyn Flavor, tables: &HistoryTables, write: &Write<'_>) -> String {
    let text = |value: &str| flavor.literal(value);
    let optional = |value: Option<&str>| value.map_or_else(|| "NULL".to_owned(), text);
    let applied = || table(flavor, tables, &tables.applied);
    let log = || table(flavor, tables, &tables.log);
    match write {
        Write::Apply(record) => format!(
            "INSERT INTO {} (source, version, name, kind, sequence, batch, checksum, down_checksum, applied_at, duration_ms, applied_by, tool) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
            applied(),
            text(record.source),
            text(record.version),
            text(record.name),
            text(record.kind.as_str()),
            record.sequence,
            record.batch,
            text(record.checksum.as_str()),
            optional(record.down_checksum.map(Checksum::as_str)),
            flavor.now(),
            flavor.elapsed(),
            text(record.applied_by),
            text(record.tool),
        ),
        Write::Remove { source, version } => format!(
            "DELETE FROM {} WHERE source = {} AND version = {}",
            applied(),
            text(source),
            text(version)
        ),
        Write::Keep(scripts) => {
            let (insert, ignore) = flavor.insert_or_ignore();
            let rows: Vec<_> = scripts
                .iter()
                .map(|(checksum, script)| {
                    format!("({}, {})", text(checksum.as_str()), text(script))
                })
                .collect();
            format!(
                "{insert} INTO {} (checksum, text) VALUES {}{ignore}",
                table(flavor, tables, &tables.scripts),
                rows.join(", ")
            )
        }
        Write::Attempt(attempt) => insert_attempt(flavor, &log(), attempt),
        Write::Statement {
            id,
            done,
            running,
            state_before,
        } => format!(
            "UPDATE {} SET statements_done = {done}, statement_running = {}, state_before = {} WHERE {}",
            log(),
            running.map_or_else(|| "NULL".to_owned(), |index| index.to_string()),
            optional(*state_before),
            key(*id)
        ),
        Write::Finish { id, done } => format!(
            "UPDATE {} SET state = 'done', statements_done = {done}, statement_running = NULL, duration_ms = {} - {} WHERE {}",
            log(),
            flavor.milliseconds(flavor.now()),
            flavor.milliseconds("started_at"),
            key(*id)
        ),
        Write::Fail {
            id,
            error,
            running_unknown,
        } => format!(
            "UPDATE {} SET state = 'failed', {}error = {} WHERE {}",
            log(),
            if *running_unknown {
                ""
            } else {
                "statement_running = NULL, "
            },
            text(error),
            key(*id)
        ),
        Write::Supersede { source, version } => format!(
            "UPDATE {} SET state = 'resumed' WHERE source = {} AND version = {} AND state IN ('started', 'failed')",
            log(),
            text(source),
            text(version)
        ),
    }
}

fn key(id: AttemptId) -> String {
    format!("run = {} AND number = {}", id.run, id.number)
}

fn insert_attempt(flavor: &dyn Flavor, log: &str, attempt: &Attempt) -> String {
    let text = |value: &str| flavor.literal(value);
    let done = attempt.state == AttemptState::Done;
    format!(
        "INSERT INTO {log} (run, number, source, version, name, action, state, journalled, statements_done, statement_running, statements, hashes, connection, error, started_at, duration_ms, started_by) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
        attempt.id.run,
        attempt.id.number,
        text(&attempt.source),
        text(attempt.version.as_str()),
        text(&attempt.name),
        text(attempt.action.as_str()),
        text(attempt.state.as_str()),
        u8::from(attempt.journalled),
        attempt.statements_done,
        attempt
            .statement_running
            .map_or_else(|| "NULL".to_owned(), |index| index.to_string()),
        attempt.statements,
        text(&attempt.hashes),
        if attempt.journalled {
            flavor.connection()
        } else {
            "NULL"
        },
        attempt
            .error
            .as_deref()
            .map_or_else(|| "NULL".to_owned(), text),
        flavor.now(),
        if done {
            flavor.elapsed()
        } else {
            "0".to_owned()
        },
        text(&attempt.started_by),
    )
}

/// `SET` list that takes the lock for an owner.
pub(crate) fn take_lock(
    flavor: &dyn Flavor,
    tables: &HistoryTables,
    owner: &Owner,
    lease: Duration,
    previous: Option<&Lease>,
) -> String {
    let own = previous.map_or_else(String::new, |own| format!(" OR token = {}", own.token));
    format!(
        "UPDATE {} SET token = token + 1, owner = {}, since = {}, expires = {} WHERE id = 1 AND (owner IS NULL OR expires < {}{own})",
        table(flavor, tables, &tables.lock),
        flavor.literal(&format!("{}, pid {}", owner.who(), owner.pid)),
        flavor.now(),
        flavor.after(lease.as_secs().max(1)),
        flavor.now(),
    )
}

/// Gives the lock back, if it is still that of `token`.
pub(crate) fn release_lock(flavor: &dyn Flavor, tables: &HistoryTables, token: i64) -> String {
    format!(
        "UPDATE {} SET owner = NULL, since = NULL, expires = NULL WHERE id = 1 AND token = {token}",
        table(flavor, tables, &tables.lock)
    )
}

/// Renews a lease, if a third of it is over: most units write nothing here.
pub(crate) fn renew_lock(flavor: &dyn Flavor, tables: &HistoryTables, lease: &Lease) -> String {
    let seconds = lease.length.as_secs().max(1);
    format!(
        "UPDATE {} SET expires = {} WHERE id = 1 AND token = {} AND expires < {}",
        table(flavor, tables, &tables.lock),
        flavor.after(seconds),
        lease.token,
        flavor.after(seconds * 2 / 3),
    )
}

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

/// All applied rows, in order of application.
pub(crate) fn select_applied(flavor: &dyn Flavor, tables: &HistoryTables) -> String {
    format!(
        "SELECT source, version, name, kind, sequence, batch, checksum, down_checksum, {}, duration_ms, applied_by, tool FROM {} ORDER BY sequence",
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
        .map(|checksum| flavor.literal(checksum.as_str()))
        .collect();
    format!(
        "SELECT checksum, text FROM {} WHERE checksum IN ({})",
        table(flavor, tables, &tables.scripts),
        list.join(", ")
    )
}

/// Takes a row's fields one after the other.
struct Fields<'a>(std::slice::Iter<'a, Option<String>>);

impl Fields<'_> {
    fn optional(&mut self) -> Option<String> {
        self.0.next().cloned().flatten()
    }

    fn text(&mut self) -> String {
        self.optional().unwrap_or_default()
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T, DriverError> {
        let text = self.text();
        text.parse().map_err(|_| unexpected(&text))
    }

    fn maybe_number<T: std::str::FromStr>(&mut self) -> Result<Option<T>, DriverError> {
        self.optional()
            .map(|text| text.parse().map_err(|_| unexpected(&text)))
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
        let milliseconds: i64 = self.number()?;
        Ok(Duration::from_millis(
            u64::try_from(milliseconds).unwrap_or(0),
        ))
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
pub(crate) fn applied(row: &Row) -> Result<Applied, DriverError> {
    let mut fields = Fields(row.iter());
    Ok(Applied {
        source: fields.text(),
        version: Version::new(fields.text()),
        name: fields.text(),
        kind: Kind::from_stored(&fields.text()),
        sequence: fields.number()?,
        batch: fields.number()?,
        checksum: Checksum::from_stored(fields.text()),
        down_checksum: fields.optional().map(Checksum::from_stored),
        applied_at: fields.time()?,
        duration: fields.duration()?,
        applied_by: fields.text(),
        tool: fields.text(),
    })
}

/// A row of [`select_attempts`].
pub(crate) fn attempt(row: &Row) -> Result<Attempt, DriverError> {
    let mut fields = Fields(row.iter());
    Ok(Attempt {
        id: AttemptId {
            run: fields.number()?,
            number: fields.number()?,
        },
        source: fields.text(),
        version: Version::new(fields.text()),
        name: fields.text(),
        action: Action::from_stored(&fields.text()),
        state: AttemptState::from_stored(&fields.text()),
        journalled: fields.text() == "1",
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
}

/// A row of [`select_lock`].
pub(crate) fn lock(row: &Row) -> Result<LockRow, DriverError> {
    let mut fields = Fields(row.iter());
    let (token, format) = (fields.number()?, fields.number()?);
    let holder = Holder {
        owner: fields.optional(),
        since: fields.maybe_time()?,
        expires: fields.maybe_time()?,
    };
    let held = fields.text() == "1";
    Ok(LockRow {
        token,
        format,
        holder: held.then_some(holder),
    })
}

/// The history from the rows of the three reads. A lock table without its row is one that another
/// run is about to finish, or that somebody emptied: it counts as not being there, and creating
/// the history puts the row back.
pub(crate) fn history(
    lock_rows: &[Row],
    applied_rows: &[Row],
    attempt_rows: &[Row],
) -> Result<History, DriverError> {
    let Some(lock) = lock_rows.first().map(lock).transpose()? else {
        return Ok(History::default());
    };
    Ok(History {
        exists: true,
        format: lock.format,
        token: lock.token,
        applied: applied_rows.iter().map(applied).collect::<Result<_, _>>()?,
        attempts: attempt_rows.iter().map(attempt).collect::<Result<_, _>>()?,
        holder: lock.holder,
    })
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

/// Statements as a dry run shows them: one after the other, each with its semicolon.
pub(crate) fn listing<S: AsRef<str>>(statements: impl IntoIterator<Item = S>) -> String {
    let mut text = String::new();
    for statement in statements {
        text.push_str(statement.as_ref());
        text.push_str(";\n");
    }
    text
}
