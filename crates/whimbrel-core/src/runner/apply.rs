//! Applying a plan, unit by unit.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::script::{Records, pending_segments, unit};
use super::{Runner, failure, lock};
use crate::driver::{
    Driver, DriverError, DriverErrorKind, Lease, Outcome, Progress, Unit, UnitError, Write,
};
use crate::error::Error;
use crate::event::{Event, StepEvent};
use crate::history::{Attempt, AttemptId, AttemptState, History};
use crate::plan::{Direction, Plan, Step};
use crate::report::{DatabaseState, Failure, Report, StepReport};

/// A plan being applied.
pub(super) struct Execution<'r> {
    runner: &'r Runner<'r>,
    driver: &'r mut Box<dyn Driver>,
    history: &'r History,
    lease: &'r mut Lease,
    plan: &'r Plan,
    sequence: i64,
    attempts: i32,
    report: Report,
}

/// Why a step ended, with the statement that its unit began at.
struct Stopped {
    first: usize,
    error: UnitError,
    state: DatabaseState,
}

impl<'r> Execution<'r> {
    pub(super) fn new(
        runner: &'r Runner<'r>,
        driver: &'r mut Box<dyn Driver>,
        history: &'r History,
        lease: &'r mut Lease,
        plan: &'r Plan,
    ) -> Self {
        Self {
            runner,
            driver,
            history,
            lease,
            plan,
            sequence: history.next_sequence(),
            attempts: 0,
            report: Report {
                batch: (plan.direction == Direction::Up).then_some(plan.batch),
                ..Report::empty(plan.direction)
            },
        }
    }

    pub(super) async fn run(mut self) -> Result<Report, Error> {
        if self.runner.options.plan.single_transaction {
            self.run_as_one().await?;
            return Ok(self.report);
        }
        let mut unusable: HashSet<usize> = HashSet::new();
        for (index, step) in self.plan.steps.iter().enumerate() {
            if self.runner.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if step.depends.iter().any(|place| unusable.contains(place)) {
                unusable.insert(index);
                self.report.skipped.push(step.version.to_string());
                self.runner
                    .listener
                    .event(&Event::StepSkipped(self.event(index)));
                continue;
            }
            let started = Instant::now();
            self.runner
                .listener
                .event(&Event::StepStarted(self.event(index)));
            match self.step(index).await {
                Ok(statements) => self.done(index, statements, started.elapsed()),
                Err(stopped) => {
                    let goes_on = self.runner.options.continue_on_error
                        && stopped.state == DatabaseState::Clean
                        && !matches!(
                            stopped.error.error.kind,
                            DriverErrorKind::Lost
                                | DriverErrorKind::Fenced
                                | DriverErrorKind::Cancelled
                        );
                    let failure = self.failure(index, &stopped);
                    if !goes_on {
                        return Err(Error::Failed(Box::new(failure)));
                    }
                    unusable.insert(index);
                    self.report.failures.push(failure);
                }
            }
        }
        Ok(self.report)
    }

    fn event(&self, index: usize) -> StepEvent<'r> {
        let step = &self.plan.steps[index];
        StepEvent {
            version: step.version.as_str(),
            label: &step.label,
            index: index + 1,
            count: self.plan.steps.len(),
            direction: step.direction,
        }
    }

    fn done(&mut self, index: usize, statements: usize, duration: Duration) {
        let step = &self.plan.steps[index];
        let report = StepReport {
            source: step.source.clone(),
            version: step.version.clone(),
            label: step.label.clone(),
            direction: step.direction,
            statements,
            resumed_after: step.statements.len() - statements,
            duration,
        };
        self.runner.listener.event(&Event::StepDone(&report));
        self.report.steps.push(report);
    }

    fn failure(&self, index: usize, stopped: &Stopped) -> Failure {
        let step = &self.plan.steps[index];
        let diagnostic = failure::diagnostic(
            step,
            stopped.first,
            &stopped.error,
            &stopped.state,
            self.history,
        );
        self.runner.listener.event(&Event::StepFailed {
            step: self.event(index),
            diagnostic: &diagnostic,
        });
        Failure {
            version: step.version.clone(),
            label: step.label.clone(),
            direction: step.direction,
            diagnostic,
            kind: stopped.error.error.kind,
            state: stopped.state.clone(),
            done: self.report.steps.clone(),
        }
    }

    fn records(&mut self, step: &Step) -> Records {
        self.attempts += 1;
        let id = AttemptId {
            run: self.lease.token,
            number: self.attempts,
        };
        let records = Records::new(
            step,
            id,
            self.sequence,
            self.plan.batch,
            self.history,
            self.runner.options,
        );
        self.sequence += 1;
        records
    }

    /// Runs a step; gives the number of statements that this run did.
    async fn step(&mut self, index: usize) -> Result<usize, Stopped> {
        let step = &self.plan.steps[index];
        let records = self.records(step);
        if step.journalled && !step.segments.is_empty() {
            return self.journalled(index, step, &records).await;
        }
        let unit = unit(
            step,
            records.whole(step),
            true,
            *self.lease,
            self.runner.options,
        );
        let result = self.apply(index, 0, unit).await;
        match result {
            Ok(()) => Ok(step.statements.len()),
            Err(error) => {
                let state = self.resolve(step, &error).await;
                match state {
                    None => Ok(step.statements.len()),
                    Some(state) => {
                        self.note_failure(&records.attempt, &error).await;
                        Err(Stopped {
                            first: 0,
                            error,
                            state,
                        })
                    }
                }
            }
        }
    }

    async fn journalled(
        &mut self,
        index: usize,
        step: &Step,
        records: &Records,
    ) -> Result<usize, Stopped> {
        let mut done = step.resume.as_ref().map_or(0, |resume| resume.done);
        let before = done;
        for (place, segment) in pending_segments(step).iter().enumerate() {
            let part = records.segment(step, segment, place == 0);
            let mut unit = unit(step, part, segment.atomic, *self.lease, self.runner.options);
            unit.continues = place > 0;
            let first = segment.statements.start;
            if let Err(error) = self.apply(index, first, unit).await {
                if Self::happened_before(step, segment.statements.start, &error)
                    && self
                        .mark_done(step, records, segment.statements.end, place == 0)
                        .await
                        .is_ok()
                {
                    done = segment.statements.end;
                    continue;
                }
                let state = match error.outcome {
                    Outcome::Unknown => DatabaseState::Unknown,
                    _ if done == 0 => DatabaseState::Clean,
                    _ => DatabaseState::HalfDone {
                        done,
                        statements: step.statements.len(),
                    },
                };
                self.note_end(Write::Fail {
                    id: records.attempt.id,
                    error: &error.error.message,
                })
                .await;
                return Err(Stopped {
                    first,
                    error,
                    state,
                });
            }
            done = segment.statements.end;
        }
        Ok(step.statements.len() - before)
    }

    /// The journal says that this statement was started by a run that died, and the server says
    /// that its work is there: then it was done.
    fn happened_before(step: &Step, statement: usize, error: &UnitError) -> bool {
        let started = step
            .resume
            .as_ref()
            .is_some_and(|resume| resume.running == Some(statement));
        started
            && error.statement == Some(0)
            && matches!(
                error.error.kind,
                DriverErrorKind::AlreadyExists | DriverErrorKind::DoesNotExist
            )
    }

    async fn mark_done(
        &mut self,
        step: &Step,
        records: &Records,
        end: usize,
        first: bool,
    ) -> Result<(), UnitError> {
        let segment = crate::plan::Segment {
            statements: end..end,
            atomic: true,
        };
        let mut part = records.segment(step, &segment, first);
        part.before
            .retain(|write| !matches!(write, Write::Attempt(_) | Write::Supersede { .. }));
        let unit = unit(step, part, true, *self.lease, self.runner.options);
        self.driver.apply(&unit, &mut |_| {}).await
    }

    /// After a lost connection: takes the lock over, so that whatever was in flight has ended,
    /// and looks. None means that the step did happen.
    async fn resolve(&mut self, step: &Step, error: &UnitError) -> Option<DatabaseState> {
        if error.error.kind != DriverErrorKind::Lost {
            return Some(DatabaseState::Clean);
        }
        let Ok(driver) = self.runner.connect.connect().await else {
            return Some(DatabaseState::Unknown);
        };
        *self.driver = driver;
        let Ok((lease, history)) = lock::take(self.runner, self.driver.as_mut()).await else {
            return Some(DatabaseState::Unknown);
        };
        *self.lease = lease;
        let applied = history
            .applied(&step.source, &step.version)
            .is_some_and(|row| row.checksum == step.checksum);
        let wanted = step.direction == Direction::Up;
        (applied != wanted).then_some(DatabaseState::Clean)
    }

    /// Best effort: the failure itself is what the caller must hear of.
    async fn note_failure(&mut self, attempt: &Attempt, error: &UnitError) {
        let failed = Attempt {
            id: AttemptId {
                run: self.lease.token,
                number: attempt.id.number,
            },
            state: AttemptState::Failed,
            statements_done: 0,
            error: Some(error.error.message.clone()),
            ..attempt.clone()
        };
        self.note_end(Write::Attempt(&failed)).await;
    }

    async fn note_end(&mut self, write: Write<'_>) {
        let part = crate::driver::Part {
            before: Vec::new(),
            statements: Vec::new(),
            after: vec![write],
        };
        let unit = Unit {
            lease: *self.lease,
            atomic: true,
            parts: vec![part],
            lock_timeout: None,
            foreign_keys: None,
            continues: false,
        };
        let _ = self.driver.apply(&unit, &mut |_| {}).await;
    }

    async fn run_as_one(&mut self) -> Result<(), Error> {
        let started = Instant::now();
        let plan = self.plan;
        let records: Vec<_> = plan.steps.iter().map(|step| self.records(step)).collect();
        let Some(first) = plan.steps.first() else {
            return Ok(());
        };
        let mut parts = plan
            .steps
            .iter()
            .zip(&records)
            .map(|(step, records)| records.whole(step));
        let Some(part) = parts.next() else {
            return Ok(());
        };
        let mut unit = unit(first, part, true, *self.lease, self.runner.options);
        unit.parts.extend(parts);
        self.runner
            .listener
            .event(&Event::StepStarted(self.event(0)));
        if let Err(error) = self.apply(0, 0, unit).await {
            let index = error.part.min(plan.steps.len() - 1);
            if let Some(state) = self.resolve(&plan.steps[index], &error).await {
                self.note_failure(&records[index].attempt, &error).await;
                let failure = self.failure(
                    index,
                    &Stopped {
                        first: 0,
                        error,
                        state,
                    },
                );
                return Err(Error::Failed(Box::new(failure)));
            }
        }
        let share = started.elapsed() / u32::try_from(plan.steps.len()).unwrap_or(1);
        for index in 0..plan.steps.len() {
            self.done(index, plan.steps[index].statements.len(), share);
        }
        Ok(())
    }

    /// Sends a unit, passing on what the driver reports, and keeps the time limit.
    async fn apply(&mut self, index: usize, first: usize, unit: Unit<'_>) -> Result<(), UnitError> {
        let limit = self.plan.steps[index]
            .timeout
            .or(self.runner.options.timeout);
        let canceller = self.driver.canceller();
        let mut said = |progress: Progress| report(self.runner, self.plan, index, first, &progress);
        let work = self.driver.apply(&unit, &mut said);
        tokio::pin!(work);
        let reason = tokio::select! {
            result = &mut work => return result,
            () = expiry(limit) => format!(
                "the time limit of {} ms is over",
                limit.unwrap_or_default().as_millis()
            ),
            () = self.runner.cancel.cancelled() => "cancelled".to_owned(),
        };
        // The unit ends by itself if the request can't be sent; that is waited for in any case.
        let asked = match &canceller {
            Some(canceller) => canceller.cancel().await.is_ok(),
            None => false,
        };
        let result = work.await;
        match result {
            Err(mut failed) if asked && failed.error.kind == DriverErrorKind::Cancelled => {
                failed.error = DriverError::new(DriverErrorKind::Cancelled, reason);
                Err(failed)
            }
            other => other,
        }
    }
}

async fn expiry(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// Turns a driver's report into an event.
fn report(runner: &Runner<'_>, plan: &Plan, index: usize, first: usize, progress: &Progress) {
    let (part, statement) = match progress {
        Progress::StatementDone {
            part, statement, ..
        }
        | Progress::Notice {
            part, statement, ..
        } => (*part, first + *statement),
    };
    let index = (index + part).min(plan.steps.len() - 1);
    let step = &plan.steps[index];
    let event = StepEvent {
        version: step.version.as_str(),
        label: &step.label,
        index: index + 1,
        count: plan.steps.len(),
        direction: step.direction,
    };
    match progress {
        Progress::StatementDone { rows, .. } => runner.listener.event(&Event::StatementDone {
            step: event,
            statement: statement + 1,
            statements: step.statements.len(),
            rows: *rows,
        }),
        Progress::Notice { notice, .. } => {
            let place = step
                .statements
                .get(statement)
                .map_or_else(String::new, |found| {
                    let place = step.script.place(found.span.start);
                    format!("{}:{}", step.script.file().name(), place.line)
                });
            runner.listener.event(&Event::Notice {
                step: event,
                place: &place,
                notice,
            });
        }
    }
}
