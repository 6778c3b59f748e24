//! A unit's operations on a connection, on the thread that has it.

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tokio::sync::mpsc::{Receiver, UnboundedSender};
use whimbrel_core::driver::{DriverError, Outcome, Progress, UnitError};
use whimbrel_core::failpoint;

use super::unit::{Operation, Role};
use super::{errors, guard};
use crate::history_sql::{self, Row};

pub(super) fn rows(connection: &Connection, sql: &str) -> Result<Vec<Row>, DriverError> {
    failpoint::reach();
    let result = read_rows(connection, sql);
    failpoint::reach();
    result
}

fn read_rows(connection: &Connection, sql: &str) -> Result<Vec<Row>, DriverError> {
    let of_statement = |error| errors::error_in(sql, &error);
    let mut statement = connection.prepare(sql).map_err(of_statement)?;
    if statement.parameter_count() > 0 {
        let name = statement.parameter_name(1).unwrap_or("?");
        return Err(errors::parameter(sql, name));
    }
    let mut read = || -> rusqlite::Result<Vec<Row>> {
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            let field = |index| row.get_ref(index).map(text_of);
            list.push((0..columns).map(field).collect::<Result<Row, _>>()?);
        }
        Ok(list)
    };
    read().map_err(of_statement)
}

fn text_of(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

/// Runs a unit's operations in order, as they come; rolls back what is open if one fails, or if the
/// last one never comes.
pub(super) fn run(
    connection: &Connection,
    mut operations: Receiver<Operation<'static>>,
    progress: &UnboundedSender<Progress>,
) -> Result<(), UnitError> {
    let mut noted = guard::Violations::new();
    while let Some(operation) = operations.blocking_recv() {
        let operation = &operation;
        if let Err(error) = step(connection, operation, &mut noted, progress) {
            let alone = connection.is_autocommit();
            if !alone {
                let _ = connection.execute_batch("ROLLBACK");
            }
            let (part, statement) = match operation.role {
                Role::Statement {
                    part, statement, ..
                } => (part, Some(statement)),
                _ => (0, None),
            };
            let outcome = if alone && statement.is_some() {
                Outcome::StatementFailed
            } else {
                Outcome::RolledBack
            };
            return Err(UnitError {
                error,
                part,
                statement,
                outcome,
            });
        }
    }
    if !connection.is_autocommit() {
        // Whoever sent them is gone.
        let _ = connection.execute_batch("ROLLBACK");
    }
    Ok(())
}

fn step(
    connection: &Connection,
    operation: &Operation,
    noted: &mut guard::Violations,
    progress: &UnboundedSender<Progress>,
) -> Result<(), DriverError> {
    match operation.role {
        Role::Frame => rows(connection, &operation.sql).map(|_| ()),
        Role::Fence => match rows(connection, &operation.sql)?.len() {
            1 => Ok(()),
            _ => Err(history_sql::fenced()),
        },
        Role::NoteViolations => {
            *noted = guard::violations(connection)?;
            Ok(())
        }
        Role::CheckViolations => guard::check(noted, &guard::violations(connection)?),
        Role::Statement {
            part,
            statement,
            drops,
        } => {
            if drops {
                guard::check_drop(connection, &operation.sql)?;
            }
            let before = connection.total_changes();
            rows(connection, &operation.sql)?;
            let rows = Some(connection.total_changes() - before);
            // Nobody may be listening any more; the statement is done all the same.
            let _ = progress.send(Progress::StatementDone {
                part,
                statement,
                rows,
            });
            Ok(())
        }
    }
}
