//! Sends units as one request; where that fails, finds out at which statement.

use whimbrel_core::driver::{
    DriverError, DriverErrorKind, GroupError, Outcome, Progress, Unit, UnitError,
};

use super::answer::Answer;
use super::driver::D1;
use super::errors::Failed;
use super::guard::{self, References};
use super::locate;
use super::unit::{Composer, Operation, Role, drops_table};
use crate::history_sql;

impl D1 {
    pub(super) fn composer<'c>(&'c self, references: &'c References) -> Composer<'c> {
        Composer {
            options: &self.options,
            references,
        }
    }

    /// What refers to what, where a unit drops tables.
    async fn references(&self, units: &[Unit<'_>]) -> Result<References, Failed> {
        let mut parts = units.iter().flat_map(|unit| &unit.parts);
        if !parts.any(|part| part.statements.iter().any(|bound| drops_table(&bound))) {
            return Ok(References::new());
        }
        let answers = self.api.read(&[guard::select()]).await?;
        let rows = answers.into_iter().flat_map(Answer::rows).collect();
        Ok(guard::references(rows))
    }

    /// Sends units as one request.
    pub(super) async fn run(
        &mut self,
        units: &[Unit<'_>],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), GroupError> {
        let references = match self.references(units).await {
            Ok(references) => references,
            Err(failed) => return Err(before_it_ran(failed)),
        };
        let operations = self.composer(&references).compose(units);
        let batch: Vec<_> = operations.iter().map(|one| one.query.clone()).collect();
        match self.api.send(&batch).await {
            Ok(answers) => {
                tell(units, &operations, &answers, progress);
                self.durations.note(units, &operations, &answers);
                Ok(())
            }
            Err(failed) if failed.by_statement => {
                Err(self.explain(units, &operations, failed).await)
            }
            Err(failed) => Err(unexplained(units, failed)),
        }
    }

    /// Finds out which statement failed, and whether it was the fence.
    async fn explain(
        &self,
        units: &[Unit<'_>],
        operations: &[Operation],
        failed: Failed,
    ) -> GroupError {
        let token = units.first().map_or(0, |unit| unit.lease.token);
        let mut error = failed.error;
        let checks = error.message.starts_with("CHECK constraint failed");
        if checks && self.holds(token).await == Some(false) {
            return rolled_back(0, 0, None, history_sql::fenced());
        }
        let place = locate::failed_at(&self.api, operations).await;
        let Some(operation) = place.and_then(|place| operations.get(place)) else {
            return rolled_back(units.len().saturating_sub(1), 0, None, error);
        };
        match &operation.role {
            Role::Statement { part, statement } => {
                rolled_back(operation.unit, *part, Some(*statement), error)
            }
            Role::Guard {
                part,
                statement,
                why,
            } => {
                error = guard::refused(why);
                rolled_back(operation.unit, *part, Some(*statement), error)
            }
            Role::Fence if checks => rolled_back(0, 0, None, history_sql::fenced()),
            Role::Fence | Role::Frame => {
                error.position = None;
                rolled_back(operation.unit, 0, None, error)
            }
        }
    }

    /// Is the lock still that of a token?
    async fn holds(&self, token: i64) -> Option<bool> {
        let [lock, ..] = self.reads();
        let answers = self.api.read(&[lock]).await.ok()?;
        let rows = answers.into_iter().next()?.rows();
        let row = history_sql::lock(rows.first()?).ok()?;
        Some(row.token == token)
    }
}

fn rolled_back(
    unit: usize,
    part: usize,
    statement: Option<usize>,
    error: DriverError,
) -> GroupError {
    GroupError {
        unit,
        done: 0,
        error: UnitError {
            error,
            part,
            statement,
            outcome: Outcome::RolledBack,
        },
    }
}

/// Looking things up failed, so nothing was sent that changes anything.
fn before_it_ran(failed: Failed) -> GroupError {
    let mut error = failed.error;
    if error.kind == DriverErrorKind::Connect {
        error.kind = DriverErrorKind::Lost;
    }
    rolled_back(0, 0, None, error)
}

/// The request as a whole failed. Where that may be for its size, or nobody knows how it ended, its
/// last unit is named, so that after it all go one by one.
fn unexplained(units: &[Unit<'_>], failed: Failed) -> GroupError {
    let is_refused = failed.error.kind == DriverErrorKind::Statement;
    if failed.outcome == Outcome::RolledBack && !is_refused {
        return before_it_ran(failed);
    }
    let mut error = rolled_back(units.len().saturating_sub(1), 0, None, failed.error);
    error.error.outcome = failed.outcome;
    error
}

/// Reports all that a request did.
fn tell(
    units: &[Unit<'_>],
    operations: &[Operation],
    answers: &[Answer],
    progress: &mut (dyn FnMut(Progress) + Send),
) {
    let mut unit = 0;
    for (operation, answer) in operations.iter().zip(answers) {
        while unit < operation.unit {
            unit += 1;
            progress(Progress::UnitDone);
        }
        if let Role::Statement { part, statement } = operation.role {
            progress(Progress::StatementDone {
                part,
                statement,
                rows: answer.meta.changes,
            });
        }
    }
    for _ in unit..units.len() {
        progress(Progress::UnitDone);
    }
}
