//! Sending a batch, and what its answers mean for its units.

use whimbrel_core::driver::{DriverError, DriverErrorKind, Outcome, Progress, UnitError};

use super::connection::{CommandError, Reply};
use super::driver::Postgres;
use super::errors;
use super::unit::{Batch, Role};
use crate::history_sql;

impl Postgres {
    /// Sends one batch; gives the number of units that were committed with the failure.
    pub(super) async fn send(
        &mut self,
        batch: &Batch<'_>,
        units: usize,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), (usize, UnitError)> {
        let mut rolled_back = false;
        let mut done = 0;
        let mut hear = |index: usize, reply: Reply<'_>| match (batch.role(index), reply) {
            (Some(Role::Statement(part, statement)), Reply::Done(tag)) => {
                progress(Progress::StatementDone {
                    part,
                    statement,
                    rows: rows_of(tag),
                });
            }
            (Some(Role::Statement(part, statement)), Reply::Notice(notice)) => {
                progress(Progress::Notice {
                    part,
                    statement,
                    notice,
                });
            }
            // A COMMIT of a failed transaction ends without an error.
            (Some(Role::Commit), Reply::Done("ROLLBACK")) => rolled_back = true,
            (Some(Role::Commit), Reply::Done(_)) => {
                done += 1;
                if units > 1 {
                    progress(Progress::UnitDone);
                }
            }
            _ => {}
        };
        let result = self.connection.exchange(batch.commands(), &mut hear).await;
        match result {
            Ok(()) if rolled_back => Err((done, rolled_back_at_commit())),
            Ok(()) => Ok(()),
            Err(failed) => {
                self.roll_back().await;
                Err((done, {
                    let role = batch.role(failed.index);
                    unit_error(failed, role.unwrap_or(Role::Commit))
                }))
            }
        }
    }
}

fn rolled_back_at_commit() -> UnitError {
    UnitError {
        error: DriverError::new(
            DriverErrorKind::Statement,
            "the server rolled the transaction back at COMMIT",
        ),
        part: 0,
        statement: None,
        outcome: Outcome::RolledBack,
    }
}

/// The count at the end of a command's tag.
fn rows_of(tag: &str) -> Option<u64> {
    tag.rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
}

fn unit_error(failed: CommandError, role: Role) -> UnitError {
    let mut error = failed.error;
    let lost = error.kind == DriverErrorKind::Lost || errors::ends_the_connection(&error);
    if role == Role::Fence && error.code.as_deref() == Some("22012") {
        error = history_sql::fenced();
    }
    let (part, statement) = if let Role::Statement(part, statement) = role {
        (part, Some(statement))
    } else {
        error.position = None;
        (0, None)
    };
    let outcome = if lost {
        Outcome::Unknown
    } else {
        Outcome::RolledBack
    };
    UnitError {
        error,
        part,
        statement,
        outcome,
    }
}
