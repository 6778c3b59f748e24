//! After a failure: find out what happened, and try again what passes by itself.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio_util::sync::CancellationToken;

use super::execution::{Execution, StepState, Stopped, step_report};
use super::failure::state_note;
use super::lock;
use super::script::Records;
use crate::diagnostic::{Diagnostic, Severity};
use crate::driver::{DriverError, DriverErrorKind, Lease, Outcome, Part, Unit, UnitError, Write};
use crate::error::Error;
use crate::event::Event;
use crate::history::{Attempt, AttemptId, AttemptState, History};
use crate::migration::Kind;
use crate::plan::{Direction, Step};
use crate::report::DatabaseState;

/// What comes after a failure.
pub(super) enum Verdict {
    /// It was not one, or it is tried again.
    GoOn,
    /// It stays one.
    Failed(Box<Stopped>),
}

/// How long a cancelled run waits for what it would like to know, and to give back.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long the end of what was told to end is waited for.
const SETTLE: Duration = Duration::from_secs(30);
/// The longest pause between two tries.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

impl Execution<'_> {
    pub(super) async fn recover(&mut self, mut stopped: Stopped) -> Result<Verdict, Error> {
        let kind = stopped.error.error.kind;
        let lost = matches!(kind, DriverErrorKind::Lost | DriverErrorKind::Fenced)
            || stopped.error.outcome == Outcome::Unknown;
        if self.runner.cancel.is_cancelled() && !lost {
            // The failure is told only if the statement failed by itself.
            return match kind {
                DriverErrorKind::Cancelled => Err(Error::Cancelled),
                _ => Ok(Verdict::Failed(Box::new(stopped))),
            };
        }
        if lost {
            let cancel = self.runner.cancel.clone();
            // It did not obey; it may not for a long time.
            let patience = (kind == DriverErrorKind::Cancelled).then_some(SETTLE);
            let again = in_time(&cancel, self.lock_again(&stopped));
            let Some(Ok(())) = within(patience, again).await.flatten() else {
                stopped.state = DatabaseState::Unknown;
                return self.left_open(stopped);
            };
            self.look_again(Some(&mut stopped))?;
            if self.states[stopped.index] == StepState::Done {
                return Ok(Verdict::GoOn);
            }
            if kind == DriverErrorKind::Cancelled && !self.plan.steps[stopped.index].journalled {
                // Its end was in doubt until here, so the log has nothing of it yet.
                let records = self.records(stopped.index);
                stopped.error.outcome = Outcome::RolledBack;
                in_time(&cancel, self.note_failure(&records, &stopped.error)).await;
            }
            if cancel.is_cancelled() && kind == DriverErrorKind::Cancelled {
                return Err(Error::Cancelled);
            }
        }
        self.name_blockers(&mut stopped).await;
        if !kind.passes() || !self.pause(&stopped).await? {
            return Ok(Verdict::Failed(Box::new(stopped)));
        }
        if !lost {
            *self.history = self.driver.read_history().await?;
            self.restart_numbers(*self.lease);
            self.look_again(Some(&mut stopped))?;
        }
        Ok(Verdict::GoOn)
    }

    /// It could not be found out what became of a step. One who asked for an end gets it.
    fn left_open(&mut self, stopped: Stopped) -> Result<Verdict, Error> {
        self.left_open = true;
        let step = &self.plan.steps[stopped.index];
        if !self.runner.cancel.is_cancelled() {
            return Ok(Verdict::Failed(Box::new(stopped)));
        }
        let mut note = Diagnostic::warning("left-open", state_note(step, &stopped.state));
        note.severity = Severity::Note;
        self.tell(&Event::Diagnostic(&note));
        Err(Error::Cancelled)
    }

    /// Waits before the next try; false if there is none.
    async fn pause(&mut self, stopped: &Stopped) -> Result<bool, Error> {
        let options = self.runner.options;
        let Some(delay) = delay(options.retry_delay, self.tries, options.retries) else {
            return Ok(false);
        };
        self.tries += 1;
        self.report.retries += 1;
        self.tell(&Event::Retry {
            step: Some(self.event(stopped.index)),
            error: &stopped.error.error,
            attempt: self.tries + 1,
            attempts: options.retries + 1,
            delay,
        });
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(true),
            () = self.runner.cancel.cancelled() => Err(Error::Cancelled),
        }
    }

    /// Connects anew if need be, takes the lock over, so that whatever was in flight has ended, and
    /// reads the history.
    async fn lock_again(&mut self, stopped: &Stopped) -> Result<(), Error> {
        let previous = match stopped.error.error.kind {
            DriverErrorKind::Fenced => None,
            _ => Some(*self.lease),
        };
        let mut tries = 0;
        loop {
            let result = self.lock_once(previous).await;
            let Err(error) = result else { return Ok(()) };
            let passes = matches!(&error, Error::Database(e) if e.kind.may_be_reached_later());
            let options = self.runner.options;
            match delay(options.retry_delay, tries, options.retries) {
                Some(delay) if passes && !self.runner.cancel.is_cancelled() => {
                    tries += 1;
                    tokio::select! {
                        () = tokio::time::sleep(delay) => {}
                        () = self.runner.cancel.cancelled() => {}
                    }
                }
                _ => return Err(error),
            }
        }
    }

    async fn lock_once(&mut self, previous: Option<Lease>) -> Result<(), Error> {
        if previous.is_some() {
            *self.driver = self.runner.connect.connect().await?;
            // The driver learns where the history is.
            self.driver.read_history().await?;
        }
        let (lease, history) =
            lock::take(self.runner, self.driver.as_mut(), previous.as_ref()).await?;
        *self.history = history;
        self.restart_numbers(lease);
        Ok(())
    }

    /// Compares the plan with the history as it is now: what is there is done, by us before the
    /// connection broke or by another run since; what is not there is done again, even if it was
    /// there before (a server that lost its last transactions).
    fn look_again(&mut self, mut stopped: Option<&mut Stopped>) -> Result<(), Error> {
        let batch = self.plan.batch;
        for index in 0..self.plan.steps.len() {
            let step = &mut self.plan.steps[index];
            if step.kind == Kind::Hook {
                // Nothing tells whether it ran; it may run again.
                continue;
            }
            match (self.states[index], has_happened(step, self.history, batch)) {
                (StepState::Pending, true) => {
                    let row = self.history.applied(&step.source, &step.version);
                    let duration = row.and_then(|row| row.duration).unwrap_or_default();
                    let report = step_report(step, step.statements.len(), duration);
                    self.runner.listener.event(&Event::StepDone(&report));
                    self.states[index] = StepState::Done;
                    self.report.steps.push(report);
                }
                (StepState::Done, false) => {
                    let version = step.version.clone();
                    self.report.steps.retain(|done| done.version != version);
                    self.states[index] = StepState::Pending;
                }
                (StepState::Pending, false) => {
                    step.take_up(self.history).map_err(Error::refused)?;
                    if let Some(stopped) = stopped.as_deref_mut().filter(|s| s.index == index) {
                        stopped.state = state_of(step);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Says who keeps a statement from its locks, as far as the server tells.
    async fn name_blockers(&mut self, stopped: &mut Stopped) {
        if stopped.error.error.kind != DriverErrorKind::LockTimeout {
            return;
        }
        let step = &self.plan.steps[stopped.index];
        let failed = stopped.error.statement.map(|place| stopped.first + place);
        if let Some(statement) = failed.and_then(|place| super::script::bound(step, place))
            && let Ok(blockers) = self.driver.blockers(&statement).await
            && !blockers.is_empty()
        {
            stopped.error.error.detail = Some(blockers.join("\n"));
        }
    }

    pub(super) async fn note_failure(&mut self, records: &Records, error: &UnitError) {
        let kind = error.error.kind;
        let in_doubt = error.outcome == Outcome::Unknown;
        if in_doubt || matches!(kind, DriverErrorKind::Lost | DriverErrorKind::Fenced) {
            return;
        }
        let failed = Attempt {
            id: AttemptId {
                run: self.lease.token,
                number: records.attempt.id.number,
            },
            state: AttemptState::Failed,
            statements_done: 0,
            error: Some(error.error.message.clone()),
            ..records.attempt.clone()
        };
        // Best effort: the failure itself is what the caller must hear of.
        let _ = self.note(Write::Attempt(&failed)).await;
    }

    pub(super) async fn note(&mut self, write: Write<'_>) -> Result<(), UnitError> {
        let part = Part {
            after: vec![write],
            ..Part::default()
        };
        let unit = Unit::of_writes(*self.lease, part);
        self.driver.apply(&unit, &mut |_| {}).await
    }
}

/// Work that is not waited for much longer once the run is cancelled: an engine that is at work may
/// let everything else wait. None if its time was over.
pub(super) async fn in_time<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = async {
            cancel.cancelled().await;
            tokio::time::sleep(PATIENCE).await;
        } => None,
    }
}

async fn within<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}

/// The pause before try `tries + 2`; none if all tries are used up.
pub(super) fn delay(first: Duration, tries: u32, retries: u32) -> Option<Duration> {
    ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(LONGEST_DELAY)
        .with_max_times(usize::try_from(retries).unwrap_or(usize::MAX))
        .with_jitter()
        .build()
        .nth(usize::try_from(tries).unwrap_or(usize::MAX))
}

fn has_happened(step: &Step, history: &History, batch: i64) -> bool {
    let row = history.applied(&step.source, &step.version);
    // One that runs again may have a record of the same text from an earlier run.
    let again = step.kind == Kind::Repeatable;
    match step.direction {
        Direction::Up => {
            row.is_some_and(|row| row.checksum == step.checksum && (!again || row.batch >= batch))
        }
        Direction::Down => row.is_none(),
    }
}

fn state_of(step: &Step) -> DatabaseState {
    match &step.resume {
        Some(resume) if resume.done > 0 => DatabaseState::HalfDone {
            done: resume.done,
            statements: step.statements.len(),
        },
        _ => DatabaseState::Clean,
    }
}

impl UnitError {
    /// Cancelled before anything was sent.
    pub(super) fn cancelled() -> Self {
        Self {
            error: DriverError::new(DriverErrorKind::Cancelled, "cancelled"),
            part: 0,
            statement: None,
            outcome: Outcome::RolledBack,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let first = Duration::from_secs(2);
        let pauses: Vec<_> = (0..4).map(|tries| delay(first, tries, 3)).collect();
        assert!(pauses[0].unwrap() >= first && pauses[0].unwrap() <= first * 2);
        assert!(pauses[1].unwrap() >= first * 2);
        assert!(pauses[2].unwrap() >= first * 4);
        assert_eq!(pauses[3], None);
        assert_eq!(delay(first, 0, 0), None);
    }
}
