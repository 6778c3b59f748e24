//! Steps that are not one transaction: their units are journalled, and gone on with.

use std::time::Instant;

use super::execution::{Execution, Stopped, step_report};
use super::script::{Records, bind, pending_segments, unit};
use super::send::{Sender, Watched};
use crate::driver::{DriverError, DriverErrorKind, Observation, Outcome, UnitError, Write};
use crate::event::Event;
use crate::plan::{Direction, Segment, Step};
use crate::report::DatabaseState;

/// What is to be done with a statement whose end is unknown.
enum Unfinished {
    /// It did not happen, or may happen again.
    Run,
    /// It happened.
    Done,
}

impl Execution<'_> {
    pub(super) async fn journalled(&mut self, index: usize) -> Result<(), Stopped> {
        let started = Instant::now();
        self.tell(&Event::StepStarted(self.event(index)));
        let records = self.records(index);
        let resume = self.plan.steps[index].resume.clone();
        let before = resume.as_ref().map_or(0, |resume| resume.done);
        let mut done = before;
        let mut segments = pending_segments(&self.plan.steps[index]);
        if let Some(running) = resume.as_ref().and_then(|resume| resume.running)
            && matches!(self.look(index, running).await?, Unfinished::Done)
            && let Some(first) = segments.first_mut()
        {
            // What is left of it is to say so.
            first.statements.start = first.statements.end;
            first.atomic = true;
        }
        for (place, segment) in segments.iter().enumerate() {
            if self.runner.cancel.is_cancelled() {
                return Err(self.stopped(index, done, segment, UnitError::cancelled()));
            }
            let result = self.segment(index, &records, segment, place == 0).await;
            if let Err(mut error) = result {
                let noted = self
                    .note(Write::Fail {
                        id: records.attempt.id,
                        error: &error.error.message,
                        running_unknown: !segment.atomic
                            && error.outcome == Outcome::StatementFailed,
                    })
                    .await;
                // No fence guards a statement outside transactions. Where another run had taken
                // over before it, what it ran into is that run's work.
                if let Err(UnitError { error: late, .. }) = noted
                    && late.kind == DriverErrorKind::Fenced
                {
                    error.error = late;
                }
                return Err(self.stopped(index, done, segment, error));
            }
            done = segment.statements.end;
        }
        let step = &self.plan.steps[index];
        let report = step_report(step, step.statements.len() - before, started.elapsed());
        self.tell(&Event::StepDone(&report));
        self.done(index, report);
        Ok(())
    }

    fn stopped(&self, index: usize, done: usize, segment: &Segment, error: UnitError) -> Stopped {
        let state = match error.outcome {
            Outcome::Unknown => DatabaseState::Unknown,
            _ if done == 0 => DatabaseState::Clean,
            _ => DatabaseState::HalfDone {
                done,
                statements: self.plan.steps[index].statements.len(),
            },
        };
        Stopped {
            index,
            first: segment.statements.start,
            error,
            state,
        }
    }

    async fn segment(
        &mut self,
        index: usize,
        records: &Records,
        segment: &Segment,
        first: bool,
    ) -> Result<(), UnitError> {
        let step = &self.plan.steps[index];
        let mut observed = None;
        if !segment.atomic
            && let Some(statement) = bind(step, segment.statements.clone()).first()
        {
            let seen = self.driver.observe(statement).await;
            observed = seen.map_err(before_it_ran)?;
            // What an attempt of this migration left is gone by now.
            let remains = observed.as_ref().and_then(|seen| seen.remains.as_deref());
            if let Some(sql) = remains {
                return Err(before_it_ran(half_made(sql)));
            }
        }
        let state = observed.as_ref().map(|seen| seen.state.as_str());
        let part = records.segment(step, segment, first, state);
        let mut unit = unit(step, part, segment.atomic, *self.lease, self.runner.options);
        let pooled = self.driver.server().pooled;
        unit.continues = !first && !pooled;
        unit.foreign_keys = segment.foreign_keys;
        if !unit.continues {
            let changed = session_before(step, segment.statements.start);
            if pooled && !segment.atomic && !changed.is_empty() {
                return Err(before_it_ran(session_through_pooler()));
            }
            unit.replay = changed
                .into_iter()
                .flat_map(|at| bind(step, at..at + 1))
                .collect();
        }
        let mut watched = Watched::piece(self.runner, self.plan, index, segment.statements.start);
        let mut sender = Sender {
            runner: self.runner,
            driver: self.driver.as_mut(),
            limit: watched.limit(),
        };
        sender.send(&unit, &mut watched).await
    }

    /// Finds out what became of a statement that was started, and removes what it left half-made.
    async fn look(&mut self, index: usize, running: usize) -> Result<Unfinished, Stopped> {
        let step = &self.plan.steps[index];
        let Some(resume) = &step.resume else {
            return Ok(Unfinished::Run);
        };
        let bound = bind(step, running..running + 1);
        let Some(statement) = bound.first() else {
            return Ok(Unfinished::Run);
        };
        let fail = |error: DriverError| Stopped {
            index,
            first: running,
            state: DatabaseState::HalfDone {
                done: resume.done,
                statements: step.statements.len(),
            },
            error: UnitError {
                error,
                part: 0,
                statement: Some(0),
                outcome: Outcome::StatementFailed,
            },
        };
        // Names are looked up where the statement would find them.
        for again in resume.replay.iter().flat_map(|&at| bind(step, at..at + 1)) {
            self.driver.query(again.text).await.map_err(fail)?;
        }
        let seen = self.driver.observe(statement).await.map_err(fail)?;
        let harmless = statement.facts.may_run_again;
        match (seen, &resume.state_before) {
            (
                Some(Observation {
                    remains: Some(sql),
                    state,
                }),
                Some(before),
            ) if state != *before => {
                self.driver.query(&sql).await.map_err(fail)?;
                Ok(Unfinished::Run)
            }
            _ if resume.failed => Ok(Unfinished::Run),
            (Some(Observation { state, .. }), Some(before)) if state != *before => {
                Ok(Unfinished::Done)
            }
            (Some(_), Some(_)) => Ok(Unfinished::Run),
            _ if harmless => Ok(Unfinished::Run),
            _ => Err(fail(unknown_end(step))),
        }
    }
}

fn before_it_ran(error: DriverError) -> UnitError {
    let outcome = if error.kind == DriverErrorKind::Lost {
        Outcome::Unknown
    } else {
        Outcome::RolledBack
    };
    UnitError {
        error,
        part: 0,
        statement: None,
        outcome,
    }
}

/// Statements before a place that changed the session and nothing else.
fn session_before(step: &Step, place: usize) -> Vec<usize> {
    let resumed = step.resume.as_ref().map(|resume| resume.replay.as_slice());
    let resumed = resumed.unwrap_or_default().iter().copied();
    let start = step.resume.as_ref().map_or(0, |resume| resume.done);
    let since = (start..place).filter(|&index| step.statements[index].facts.only_session());
    resumed.chain(since).collect()
}

fn session_through_pooler() -> DriverError {
    DriverError::new(
        DriverErrorKind::Unsupported,
        "this statement runs outside a transaction and after one that changes the session, which a pooler may not keep",
    )
    .with_hint("use a direct connection for this migration, or move the statement into a file of its own")
}

/// With IF NOT EXISTS the statement would pass over it, and leave it as it is.
fn half_made(sql: &str) -> DriverError {
    DriverError {
        kind: DriverErrorKind::AlreadyExists,
        code: Some("half-made".to_owned()),
        message: "what this statement makes is there, half-made and of no use to the server; this migration did not leave it".to_owned(),
        hint: Some(format!("remove it and run again: {sql}")),
        ..DriverError::default()
    }
}

/// Neither the catalog nor the journal can tell; a person can.
fn unknown_end(step: &Step) -> DriverError {
    let version = &step.version;
    let direction = match step.direction {
        Direction::Up => "up",
        Direction::Down => "down",
    };
    DriverError {
        kind: DriverErrorKind::Statement,
        code: Some("unknown-end".to_owned()),
        message: "this statement was started by a run that died; whether it happened can't be seen in the catalog".to_owned(),
        hint: Some(format!(
            "look whether it did, then say so and run `whimbrel {direction}` again:\n  whimbrel repair {version} --done     it happened: go on after it\n  whimbrel repair {version} --again    it did not: run it again"
        )),
        ..DriverError::default()
    }
}
