//! Conditions that a migration's file sets: asked just before it runs.

use super::execution::{Execution, StepState, Stopped};
use crate::diagnostic::{Diagnostic, Severity};
use crate::driver::{DriverError, DriverErrorKind, Outcome, UnitError};
use crate::event::Event;
use crate::plan::Segment;
use crate::report::DatabaseState;
use crate::rules::{Condition, Otherwise};

impl Execution<'_> {
    /// Asks a step's conditions; false if the step is passed over.
    pub(super) async fn may_run(&mut self, index: usize) -> Result<bool, Stopped> {
        // What was begun is ended: its conditions held when it began.
        if self.plan.steps[index].resume.is_some() {
            return Ok(true);
        }
        let conditions = std::mem::take(&mut self.plan.steps[index].conditions);
        let result = self.ask(index, &conditions).await;
        self.plan.steps[index].conditions = conditions;
        result
    }

    async fn ask(&mut self, index: usize, conditions: &[Condition]) -> Result<bool, Stopped> {
        for (place, condition) in conditions.iter().enumerate() {
            let (why, otherwise) = match self.driver.query(&condition.sql).await {
                Ok(rows) => {
                    let value = rows
                        .into_iter()
                        .next()
                        .and_then(|row| row.into_iter().next());
                    let value = value.flatten().unwrap_or_else(|| "NULL".to_owned());
                    if value == condition.expected {
                        continue;
                    }
                    let why = format!(
                        "the condition does not hold: expected {}, got {value}",
                        condition.expected
                    );
                    (why, condition.on_fail)
                }
                Err(error) if error.kind == DriverErrorKind::Lost => {
                    return Err(stopped(index, place, error));
                }
                Err(error) => {
                    let why = format!("the condition can't be asked: {}", error.message);
                    (why, condition.on_error)
                }
            };
            match otherwise {
                Otherwise::Stop => {
                    let error = DriverError::new(DriverErrorKind::Condition, why);
                    let stopped = stopped(index, place, error);
                    let records = self.records(index);
                    self.note_failure(&records, &stopped.error).await;
                    return Err(stopped);
                }
                Otherwise::Run => self.warn(index, condition, &why, "it runs all the same"),
                Otherwise::PassOver => {
                    self.warn(index, condition, &why, "it is passed over in this run");
                    self.states[index] = StepState::Unusable;
                    return Ok(false);
                }
                Otherwise::Record => {
                    self.warn(
                        index,
                        condition,
                        &why,
                        "it is recorded as applied and not run",
                    );
                    let step = &mut self.plan.steps[index];
                    step.statements.clear();
                    step.journalled = false;
                    step.segments = vec![Segment {
                        statements: 0..0,
                        atomic: true,
                        foreign_keys: step.foreign_keys,
                    }];
                    return Ok(true);
                }
            }
        }
        Ok(true)
    }

    fn warn(&self, index: usize, condition: &Condition, why: &str, result: &str) {
        let step = &self.plan.steps[index];
        let mut note = Diagnostic::warning("condition", format!("{}: {why}; {result}", step.label));
        note.severity = Severity::Note;
        let note = note.at(step.script.file(), condition.span.clone(), "");
        self.tell(&Event::Diagnostic(&note));
    }
}

/// The place of the condition rides along as the part.
fn stopped(index: usize, place: usize, error: DriverError) -> Stopped {
    Stopped {
        index,
        first: 0,
        error: UnitError {
            error,
            part: place,
            statement: None,
            outcome: Outcome::RolledBack,
        },
        state: DatabaseState::Clean,
    }
}
