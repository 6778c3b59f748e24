//! The history's rows in the file, and the lock's.

use std::time::Duration;

use rusqlite::Connection;
use whimbrel_core::driver::{DriverError, DriverErrorKind, Lease, LockAttempt};
use whimbrel_core::history::{History, HistoryTables, Owner};

use super::errors;
use super::execute::rows;
use crate::history_sql::{self, Claim};
use crate::process;
use crate::sqlite_flavor::Sqlite as Flavor;

/// How long a statement waits for another writer where no lock timeout is set.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);

pub(super) fn history(
    connection: &Connection,
    tables: &HistoryTables,
) -> Result<History, DriverError> {
    let flavor = Flavor::now();
    let lock = match rows(connection, &history_sql::select_lock(&flavor, tables)) {
        Ok(lock) => lock,
        Err(error) if error.kind == DriverErrorKind::DoesNotExist => return Ok(History::default()),
        Err(error) => return Err(error),
    };
    let applied = rows(connection, &history_sql::select_applied(&flavor, tables))?;
    let attempts = rows(connection, &history_sql::select_attempts(&flavor, tables))?;
    history_sql::history(lock, applied, attempts)
}

/// Who we are, and whether the process that holds the lock is gone.
pub(super) fn claim(connection: &Connection, tables: &HistoryTables) -> Result<Claim, DriverError> {
    let flavor = Flavor::now();
    let lock = history_sql::table(&flavor, tables, &tables.lock);
    let holder = rows(connection, &format!("SELECT connection FROM {lock}"))?;
    let holder = holder.into_iter().flatten().flatten().next();
    Ok(process::claim(&flavor, holder.as_deref()))
}

/// Takes the lock, or says who has it. Polls instead of waiting: a unit in flight holds the file.
pub(super) fn take(
    connection: &Connection,
    tables: &HistoryTables,
    owner: &Owner,
    lease: Duration,
    previous: Option<&Lease>,
) -> Result<LockAttempt, DriverError> {
    let _ = connection.busy_timeout(Duration::ZERO);
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    let _ = connection.busy_timeout(BUSY_WAIT);
    if let Err(error) = begun {
        let error = errors::error(&error);
        if error.kind != DriverErrorKind::LockTimeout {
            return Err(error);
        }
        let holder = history(connection, tables)
            .ok()
            .and_then(|history| history.holder);
        return Ok(LockAttempt::Held(
            holder.unwrap_or_else(history_sql::unknown_holder),
        ));
    }
    let taken = claim(connection, tables).and_then(|claim| {
        let flavor = Flavor::now();
        let take = history_sql::take_lock(&flavor, tables, owner, lease, previous, &claim);
        let changed = connection
            .execute(&take, [])
            .map_err(|error| errors::error(&error))?;
        Ok((changed, history(connection, tables)?))
    });
    let end = if taken.is_ok() { "COMMIT" } else { "ROLLBACK" };
    rows(connection, end)?;
    let (changed, history) = taken?;
    if changed == 0 {
        return history_sql::held(history);
    }
    let lease = Lease {
        token: history.token,
        length: lease,
    };
    Ok(LockAttempt::Taken(lease, Box::new(history)))
}
