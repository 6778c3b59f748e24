//! A plan being carried out: the order of its steps, what is done, what is tried again.

use std::time::Duration;

use super::recover::Verdict;
use super::script::Records;
use super::{Runner, failure};
use crate::driver::{Driver, Lease, UnitError};
use crate::error::Error;
use crate::event::{Event, StepEvent};
use crate::history::{AttemptId, History};
use crate::migration::Kind;
use crate::plan::{Direction, Plan, Step};
use crate::report::{DatabaseState, Failure, Report, StepReport};

/// A plan being carried out.
pub(super) struct Execution<'r> {
    pub(super) runner: &'r Runner<'r>,
    pub(super) driver: &'r mut Box<dyn Driver>,
    pub(super) lease: &'r mut Lease,
    pub(super) history: &'r mut History,
    pub(super) plan: &'r mut Plan,
    /// One per step of the plan.
    pub(super) states: Vec<StepState>,
    /// The place in the order of application that the next record gets.
    sequence: i64,
    /// Attempts written under this lease.
    attempts: i32,
    /// Failures in a row that were tried again.
    pub(super) tries: u32,
    /// After a group failed at once, steps are sent one by one until they have passed this one.
    pub(super) alone_until: usize,
    pub(super) report: Report,
    /// Nobody knows how what was sent last ended.
    pub(super) left_open: bool,
}

/// How far a step came in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepState {
    Pending,
    Done,
    /// Failed, or depends on one that did.
    Unusable,
}

/// Why the run stopped at a step.
#[derive(Debug)]
pub(super) struct Stopped {
    /// Which step.
    pub(super) index: usize,
    /// The statement that its unit began at.
    pub(super) first: usize,
    pub(super) error: UnitError,
    pub(super) state: DatabaseState,
}

impl<'r> Execution<'r> {
    pub(super) fn new(
        runner: &'r Runner<'r>,
        driver: &'r mut Box<dyn Driver>,
        history: &'r mut History,
        lease: &'r mut Lease,
        plan: &'r mut Plan,
    ) -> Self {
        let report = Report {
            batch: (plan.direction == Direction::Up).then_some(plan.batch),
            ..Report::empty(plan.direction)
        };
        Self {
            states: vec![StepState::Pending; plan.steps.len()],
            sequence: history.next_sequence(),
            attempts: 0,
            tries: 0,
            alone_until: 0,
            runner,
            driver,
            lease,
            history,
            plan,
            report,
            left_open: false,
        }
    }

    /// Says in `left_open` whether the connection is left in the middle of something.
    pub(super) async fn run(mut self, left_open: &mut bool) -> Result<Report, Error> {
        let result = self.go_through().await;
        *left_open = self.left_open;
        result.map(|()| self.report)
    }

    async fn go_through(&mut self) -> Result<(), Error> {
        while let Err(stopped) = self.pass().await {
            match self.recover(stopped).await? {
                Verdict::GoOn => {}
                Verdict::Failed(stopped) => self.fail(&stopped)?,
            }
        }
        Ok(())
    }

    /// Goes through what is pending, up to the first failure.
    async fn pass(&mut self) -> Result<(), Stopped> {
        if self.runner.options.plan.single_transaction {
            return self.as_one().await;
        }
        while let Some(index) = self.next()? {
            if !self.plan.steps[index].conditions.is_empty() && !self.may_run(index).await? {
                continue;
            }
            if self.plan.steps[index].journalled && !self.plan.steps[index].segments.is_empty() {
                self.journalled(index).await?;
            } else {
                let group = self.group(index);
                self.atomic(&group).await?;
            }
        }
        Ok(())
    }

    /// The next step to do. Steps that depend on a failed one are passed over.
    fn next(&mut self) -> Result<Option<usize>, Stopped> {
        for index in 0..self.states.len() {
            if self.states[index] != StepState::Pending {
                continue;
            }
            if self.runner.cancel.is_cancelled() {
                return Err(Stopped::cancelled(index));
            }
            if self.is_usable(index) {
                return Ok(Some(index));
            }
            self.states[index] = StepState::Unusable;
            let version = self.plan.steps[index].version.to_string();
            self.report.skipped.push(version);
            self.tell(&Event::StepSkipped(self.event(index)));
        }
        Ok(None)
    }

    pub(super) fn is_usable(&self, index: usize) -> bool {
        let depends = self.plan.steps[index].depends.iter();
        depends
            .into_iter()
            .all(|&place| self.states[place] != StepState::Unusable)
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        self.runner.listener.event(event);
    }

    pub(super) fn event(&self, index: usize) -> StepEvent<'_> {
        step_event(self.plan, index)
    }

    /// What is written of a step. Each call is a new attempt.
    pub(super) fn records(&mut self, index: usize) -> Records {
        self.attempts += 1;
        let id = AttemptId {
            run: self.lease.token,
            number: self.attempts,
        };
        let records = Records::new(
            &self.plan.steps[index],
            id,
            self.sequence,
            self.plan.batch,
            self.history,
            self.runner.options,
        );
        self.sequence += 1;
        records
    }

    /// The history was read anew under a lease that may be another one.
    pub(super) fn restart_numbers(&mut self, lease: Lease) {
        if lease.token != self.lease.token {
            self.attempts = 0;
        }
        *self.lease = lease;
        self.sequence = self.history.next_sequence();
    }

    pub(super) fn done(&mut self, index: usize, report: StepReport) {
        self.states[index] = StepState::Done;
        self.tries = 0;
        if self.plan.steps[index].kind != Kind::Hook {
            self.report.steps.push(report);
        }
    }

    /// A failure that stays: the run ends, or goes on with what does not depend on it.
    fn fail(&mut self, stopped: &Stopped) -> Result<(), Error> {
        let step = &self.plan.steps[stopped.index];
        let diagnostic = failure::diagnostic(
            step,
            stopped.first,
            &stopped.error,
            &stopped.state,
            failure::Before::of(self.history, self.report.steps.len()),
        );
        self.tell(&Event::StepFailed {
            step: self.event(stopped.index),
            diagnostic: &diagnostic,
        });
        let failure = Failure {
            version: step.version.clone(),
            label: step.label.clone(),
            direction: step.direction,
            diagnostic,
            kind: stopped.error.error.kind,
            state: stopped.state.clone(),
            done: self.report.steps.clone(),
        };
        if !self.may_go_on(stopped) {
            return Err(Error::Failed(Box::new(failure)));
        }
        self.states[stopped.index] = StepState::Unusable;
        self.tries = 0;
        self.report.failures.push(failure);
        Ok(())
    }

    fn may_go_on(&self, stopped: &Stopped) -> bool {
        let options = self.runner.options;
        options.continue_on_error
            && self.plan.steps[stopped.index].kind != Kind::Hook
            && !options.plan.single_transaction
            && stopped.state == DatabaseState::Clean
            && stopped.error.error.kind.is_about_the_statement()
    }
}

pub(super) fn step_event(plan: &Plan, index: usize) -> StepEvent<'_> {
    let step = &plan.steps[index];
    StepEvent {
        version: step.version.as_str(),
        label: &step.label,
        index: index + 1,
        count: plan.steps.len(),
        direction: step.direction,
    }
}

pub(super) fn step_report(step: &Step, statements: usize, duration: Duration) -> StepReport {
    StepReport {
        source: step.source.clone(),
        version: step.version.clone(),
        label: step.label.clone(),
        kind: step.kind,
        direction: step.direction,
        statements,
        resumed_after: step.statements.len() - statements,
        duration,
    }
}
