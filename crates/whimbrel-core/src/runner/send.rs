//! Sends units, keeps time limits, and turns what drivers report into events.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::Runner;
use super::execution::{step_event, step_report};
use super::stop::until_stopped;
use crate::driver::{
    Driver, DriverError, DriverErrorKind, GroupError, Outcome, Progress, Unit, UnitError,
};
use crate::event::Event;
use crate::plan::Plan;
use crate::report::StepReport;

/// Turns a driver's reports into events about the steps that it is given.
pub(super) struct Watched<'w> {
    runner: &'w Runner<'w>,
    plan: &'w Plan,
    steps: Vec<usize>,
    /// The steps are parts of one unit.
    as_one: bool,
    /// Statement of the step at which its unit begins.
    first: usize,
    /// The same of the units after it, where the step is in several.
    pieces: Option<std::vec::IntoIter<usize>>,
    current: usize,
    /// Units that were told to be done.
    units_done: usize,
    started: Instant,
    reports: Vec<(usize, StepReport)>,
}

impl<'w> Watched<'w> {
    /// Each step is a unit.
    pub(super) fn new(runner: &'w Runner<'w>, plan: &'w Plan, steps: Range<usize>) -> Self {
        Self::start(runner, plan, steps.collect(), false)
    }

    /// All steps are one unit.
    pub(super) fn as_one(runner: &'w Runner<'w>, plan: &'w Plan, steps: Vec<usize>) -> Self {
        Self::start(runner, plan, steps, true)
    }

    /// Pieces of one step, each from one of its statements on. That the step begins and ends is
    /// not told.
    pub(super) fn pieces(
        runner: &'w Runner<'w>,
        plan: &'w Plan,
        step: usize,
        starts: Vec<usize>,
    ) -> Self {
        let mut pieces = starts.into_iter();
        Self {
            runner,
            plan,
            steps: vec![step],
            as_one: false,
            first: pieces.next().unwrap_or(0),
            pieces: Some(pieces),
            current: 0,
            units_done: 0,
            started: Instant::now(),
            reports: Vec::new(),
        }
    }

    fn start(runner: &'w Runner<'w>, plan: &'w Plan, steps: Vec<usize>, as_one: bool) -> Self {
        let watched = Self {
            runner,
            plan,
            steps,
            as_one,
            first: 0,
            pieces: None,
            current: 0,
            units_done: 0,
            started: Instant::now(),
            reports: Vec::new(),
        };
        watched.tell_start();
        watched
    }

    /// The time limit of the first step; steps with one are not sent together.
    pub(super) fn limit(&self) -> Option<Duration> {
        let step = self.steps.first().map(|&index| &self.plan.steps[index]);
        step.and_then(|step| step.timeout)
            .or(self.runner.options.timeout)
    }

    pub(super) fn into_reports(self) -> Vec<(usize, StepReport)> {
        self.reports
    }

    fn tell_start(&self) {
        if let Some(&index) = self.steps.get(self.current) {
            let event = Event::StepStarted(step_event(self.plan, index));
            self.runner.listener.event(&event);
        }
    }

    fn unit_done(&mut self) {
        self.units_done += 1;
        if let Some(pieces) = &mut self.pieces {
            self.first = pieces.next().unwrap_or(self.first);
            return;
        }
        if let Some(&index) = self.steps.get(self.current) {
            let step = &self.plan.steps[index];
            let report = step_report(step, step.statements.len(), self.started.elapsed());
            self.runner.listener.event(&Event::StepDone(&report));
            self.reports.push((index, report));
        }
        self.current += 1;
        self.started = Instant::now();
        self.tell_start();
    }

    fn hear(&mut self, progress: &Progress) {
        let (part, statement) = match progress {
            Progress::UnitDone => return self.unit_done(),
            Progress::StatementDone {
                part, statement, ..
            }
            | Progress::Notice {
                part, statement, ..
            } => (*part, self.first + *statement),
        };
        let place = if self.as_one { part } else { self.current };
        let Some(&index) = self.steps.get(place) else {
            return;
        };
        let step = &self.plan.steps[index];
        let event = step_event(self.plan, index);
        match progress {
            Progress::StatementDone { rows, .. } => {
                self.runner.listener.event(&Event::StatementDone {
                    step: event,
                    statement: statement + 1,
                    statements: step.statements.len(),
                    rows: *rows,
                });
            }
            Progress::Notice { notice, .. } => {
                let place = step
                    .statements
                    .get(statement)
                    .map_or_else(String::new, |found| {
                        let place = step.script.place(found.span().start);
                        let file = step.script.file_at(found.span().start);
                        format!("{}:{}", file.name(), place.line)
                    });
                self.runner.listener.event(&Event::Notice {
                    step: event,
                    place: &place,
                    notice,
                });
            }
            Progress::UnitDone => {}
        }
    }
}

/// Sends units under a time limit.
pub(super) struct Sender<'s> {
    pub(super) runner: &'s Runner<'s>,
    pub(super) driver: &'s mut dyn Driver,
    pub(super) limit: Option<Duration>,
}

impl Sender<'_> {
    pub(super) async fn send(
        &mut self,
        unit: &Unit<'_>,
        watched: &mut Watched<'_>,
    ) -> Result<(), UnitError> {
        let canceller = self.driver.canceller();
        let mut hear = |progress: Progress| watched.hear(&progress);
        let work = self.driver.apply(unit, &mut hear);
        let (result, reason) =
            until_stopped(self.runner, self.limit, canceller.as_deref(), work).await;
        let result = result.unwrap_or_else(|| Err(unanswered()));
        result.map_err(|error| explained(error, reason))
    }

    pub(super) async fn send_all(
        &mut self,
        units: &[Unit<'_>],
        watched: &mut Watched<'_>,
    ) -> Result<(), GroupError> {
        let canceller = self.driver.canceller();
        let mut hear = |progress: Progress| watched.hear(&progress);
        let work = self.driver.apply_all(units, &mut hear);
        let (result, reason) =
            until_stopped(self.runner, self.limit, canceller.as_deref(), work).await;
        let result = result.unwrap_or_else(|| {
            let unit = watched.units_done;
            Err(GroupError {
                unit,
                done: unit,
                error: unanswered(),
            })
        });
        result.map_err(|failed| GroupError {
            error: explained(failed.error, reason),
            ..failed
        })
    }
}

/// The server neither ended what was under way nor said anything.
fn unanswered() -> UnitError {
    UnitError {
        error: DriverError::new(DriverErrorKind::Cancelled, "cancelled"),
        part: 0,
        statement: None,
        outcome: Outcome::Unknown,
    }
}

fn explained(mut failed: UnitError, reason: Option<String>) -> UnitError {
    // Where asking was not enough, the server was told to end the connection.
    if let Some(reason) = reason
        && matches!(
            failed.error.kind,
            DriverErrorKind::Cancelled | DriverErrorKind::Lost
        )
    {
        failed.error = DriverError::new(DriverErrorKind::Cancelled, reason);
    }
    failed
}
