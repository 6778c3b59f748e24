//! The statements that change the history and the lock.

use std::time::Duration;

use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{Fact, Lease, Record, Write};
use whimbrel_core::history::{Attempt, AttemptId, AttemptState, HistoryTables, Owner};

use super::{Flavor, UNKNOWN_DURATION, UNKNOWN_TIME, table};

/// The statements for a change of the history.
pub(crate) fn write(flavor: &dyn Flavor, tables: &HistoryTables, write: &Write<'_>) -> Vec<String> {
    match write {
        Write::Remove { source, version } => {
            let at = format!(
                "source = {} AND version = {}",
                flavor.literal(source),
                flavor.literal(version)
            );
            let applied = table(flavor, tables, &tables.applied);
            vec![
                record_to_log(flavor, tables, &at),
                format!("DELETE FROM {applied} WHERE {at}"),
            ]
        }
        Write::Apply(record) => {
            let applied = table(flavor, tables, &tables.applied);
            let log = table(flavor, tables, &tables.log);
            vec![insert_records(
                flavor,
                (&applied, &log),
                std::slice::from_ref(record),
            )]
        }
        Write::Adopt(records) => {
            let applied = table(flavor, tables, &tables.applied);
            let log = table(flavor, tables, &tables.log);
            vec![insert_records(flavor, (&applied, &log), records)]
        }
        Write::Note(noted) => {
            let down = noted.down_checksum.as_ref();
            vec![format!(
                "UPDATE {} SET checksum = {}, down_checksum = {} WHERE source = {} AND version = {}",
                table(flavor, tables, &tables.applied),
                flavor.literal(&noted.checksum.to_string()),
                down.map_or_else(|| "NULL".to_owned(), |key| flavor.literal(&key.to_string())),
                flavor.literal(&noted.source),
                flavor.literal(noted.version.as_str()),
            )]
        }
        Write::Keep(scripts) => vec![keep(flavor, tables, scripts)],
        Write::Attempt(attempt) => {
            let log = table(flavor, tables, &tables.log);
            vec![insert_attempts(
                flavor,
                &log,
                std::slice::from_ref(*attempt),
            )]
        }
        Write::Attempts(attempts) => {
            let log = table(flavor, tables, &tables.log);
            vec![insert_attempts(flavor, &log, attempts)]
        }
        Write::Statement {
            id,
            done,
            running,
            state_before,
        } => {
            let state =
                state_before.map_or_else(|| "NULL".to_owned(), |state| flavor.literal(state));
            vec![statement(flavor, tables, *id, *done, *running, &state)]
        }
        Write::Finish { id, done } => {
            let set = format!(
                "state = 'done', statements_done = {done}, statement_running = NULL, duration_ms = {}",
                since_started(flavor),
            );
            vec![update_log(flavor, tables, &set, &key(*id))]
        }
        Write::Fail {
            id,
            error,
            running_unknown,
        } => {
            let known = if *running_unknown {
                ""
            } else {
                "statement_running = NULL, "
            };
            let set = format!("state = 'failed', {known}error = {}", flavor.literal(error));
            vec![update_log(flavor, tables, &set, &key(*id))]
        }
        Write::Supersede { source, version } => {
            let open = format!(
                "source = {} AND version = {} AND state IN ('started', 'failed')",
                flavor.literal(source),
                flavor.literal(version)
            );
            vec![update_log(flavor, tables, "state = 'resumed'", &open)]
        }
    }
}

/// A journalled attempt's next statement; `state` is SQL for what it changes, as it is before.
pub(crate) fn statement(
    flavor: &dyn Flavor,
    tables: &HistoryTables,
    id: AttemptId,
    done: i32,
    running: Option<i32>,
    state: &str,
) -> String {
    let running = running.map_or_else(|| "NULL".to_owned(), |index| index.to_string());
    let set =
        format!("statements_done = {done}, statement_running = {running}, state_before = {state}");
    update_log(flavor, tables, &set, &key(id))
}

fn update_log(flavor: &dyn Flavor, tables: &HistoryTables, set: &str, at: &str) -> String {
    let log = table(flavor, tables, &tables.log);
    format!("UPDATE {log} SET {set} WHERE {at}")
}

fn keep(flavor: &dyn Flavor, tables: &HistoryTables, scripts: &[(&Checksum, &str)]) -> String {
    let (insert, ignore) = flavor.insert_or_ignore();
    let row = |(checksum, script): &(&Checksum, &str)| {
        let key = flavor.literal(&checksum.to_string());
        format!("({key}, {})", flavor.literal(script))
    };
    let rows: Vec<_> = scripts.iter().map(row).collect();
    format!(
        "{insert} INTO {} (checksum, text) VALUES {}{ignore}",
        table(flavor, tables, &tables.scripts),
        rows.join(", ")
    )
}

/// A record that stands in the table of what is applied is that attempt's entry of the log as
/// well, which spares every migration a second row. It moves there when it is removed. Journalled
/// attempts have their entry already.
fn record_to_log(flavor: &dyn Flavor, tables: &HistoryTables, at: &str) -> String {
    let (insert, ignore) = flavor.insert_or_ignore();
    format!(
        "{insert} INTO {} (run, number, source, version, name, action, state, journalled, statements_done, statements, hashes, started_at, duration_ms, started_by) SELECT run, number, source, version, name, 'up', 'done', 0, statements, statements, '', applied_at, duration_ms, applied_by FROM {} WHERE {at}{ignore}",
        table(flavor, tables, &tables.log),
        table(flavor, tables, &tables.applied),
    )
}

fn key(id: AttemptId) -> String {
    format!("run = {} AND number = {}", id.run, id.number)
}

fn insert_attempts(flavor: &dyn Flavor, log: &str, attempts: &[Attempt]) -> String {
    let rows = attempts.iter().map(|attempt| attempt_row(flavor, attempt));
    format!(
        "INSERT INTO {log} (run, number, source, version, name, action, state, journalled, statements_done, statement_running, statements, hashes, connection, error, started_at, duration_ms, started_by) VALUES {}",
        rows.collect::<Vec<_>>().join(", ")
    )
}

fn attempt_row(flavor: &dyn Flavor, attempt: &Attempt) -> String {
    let text = |value: &str| flavor.literal(value);
    let done = attempt.state == AttemptState::Done;
    format!(
        "({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
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

/// SQL for how long an attempt has gone on, of its row in the log.
fn since_started(flavor: &dyn Flavor) -> String {
    format!(
        "{} - {}",
        flavor.milliseconds(flavor.now()),
        flavor.milliseconds("started_at"),
    )
}

fn insert_records(
    flavor: &dyn Flavor,
    (applied, log): (&str, &str),
    records: &[Record<'_>],
) -> String {
    let rows = records.iter().map(|record| record_row(flavor, log, record));
    format!(
        "INSERT INTO {applied} (source, version, name, kind, sequence, batch, checksum, down_checksum, applied_at, duration_ms, applied_by, tool, run, number, statements) VALUES {}",
        rows.collect::<Vec<_>>().join(", ")
    )
}

fn record_row(flavor: &dyn Flavor, log: &str, record: &Record<'_>) -> String {
    let text = |value: &str| flavor.literal(value);
    let duration = match record.duration {
        Fact::Now => flavor.elapsed(),
        Fact::SinceAttempt => format!(
            "COALESCE((SELECT {} FROM {log} WHERE {}), 0)",
            since_started(flavor),
            key(record.id)
        ),
        Fact::Was(duration) => duration.as_millis().to_string(),
        Fact::Unknown => UNKNOWN_DURATION.to_string(),
    };
    format!(
        "({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
        text(record.source),
        text(record.version),
        text(record.name),
        text(record.kind.as_str()),
        record.sequence,
        record.batch,
        text(&record.checksum.to_string()),
        record
            .down_checksum
            .map_or_else(|| "NULL".to_owned(), |checksum| text(&checksum.to_string())),
        match record.applied_at {
            Fact::Now | Fact::SinceAttempt => flavor.now().to_owned(),
            Fact::Was(time) => flavor.time(time),
            Fact::Unknown => flavor.time(UNKNOWN_TIME),
        },
        duration,
        text(record.applied_by),
        text(record.tool),
        record.id.run,
        record.id.number,
        record.statements,
    )
}

/// A record as PostgreSQL's COPY takes it: its head, and its row. It costs the server a third of an
/// INSERT. None if the record says itself when it was applied; else the server does.
#[cfg(feature = "postgres")]
pub(crate) fn copy_record(
    flavor: &dyn Flavor,
    tables: &HistoryTables,
    record: &Record<'_>,
) -> Option<(String, String)> {
    if (record.applied_at, record.duration) != (Fact::Now, Fact::Now) {
        return None;
    }
    let head = format!(
        "COPY {} (source, version, name, kind, sequence, batch, checksum, down_checksum, applied_at, applied_by, tool, run, number, statements) FROM STDIN",
        table(flavor, tables, &tables.applied)
    );
    let text = |value: &str| {
        value
            .replace('\\', "\\\\")
            .replace('\t', "\\t")
            .replace('\n', "\\n")
            .replace('\r', "\\r")
    };
    let down = record
        .down_checksum
        .map(|checksum| text(&checksum.to_string()));
    let fields = [
        text(record.source),
        text(record.version),
        text(record.name),
        text(record.kind.as_str()),
        record.sequence.to_string(),
        record.batch.to_string(),
        text(&record.checksum.to_string()),
        down.unwrap_or_else(|| "\\N".to_owned()),
        "now".to_owned(),
        text(record.applied_by),
        text(record.tool),
        record.id.run.to_string(),
        record.id.number.to_string(),
        record.statements.to_string(),
    ];
    Some((head, fields.join("\t") + "\n"))
}

/// What a driver adds to the taking of the lock.
#[derive(Default)]
pub(crate) struct Claim {
    /// SQL for the connection (or process) that takes it, by which others see that it is gone.
    pub(crate) connection: Option<String>,
    /// SQL that is true where the holder is surely gone, so that its lease need not be waited for.
    pub(crate) gone: Option<String>,
}

/// Takes the lock for an owner, if it is free, or run out, or left by one who is gone.
pub(crate) fn take_lock(
    flavor: &dyn Flavor,
    tables: &HistoryTables,
    owner: &Owner,
    lease: Duration,
    previous: Option<&Lease>,
    claim: &Claim,
) -> String {
    let own = previous.map_or_else(String::new, |own| format!(" OR token = {}", own.token));
    let gone = claim.gone.as_deref();
    let gone = gone.map_or_else(String::new, |gone| format!(" OR ({gone})"));
    format!(
        "UPDATE {} SET token = token + 1, owner = {}, connection = {}, since = {}, expires = {} WHERE id = 1 AND (owner IS NULL OR expires < {}{own}{gone})",
        table(flavor, tables, &tables.lock),
        flavor.literal(&format!("{}, pid {}", owner.who(), owner.pid)),
        claim.connection.as_deref().unwrap_or("NULL"),
        flavor.now(),
        flavor.after(lease.as_secs().max(1)),
        flavor.now(),
    )
}

/// Gives the lock back, if it is still that of `token`.
pub(crate) fn release_lock(flavor: &dyn Flavor, tables: &HistoryTables, token: i64) -> String {
    format!(
        "UPDATE {} SET owner = NULL, connection = NULL, since = NULL, expires = NULL WHERE id = 1 AND token = {token}",
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
