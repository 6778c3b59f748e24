//! Steps that are one transaction with their record, sent several at a time.

use std::ops::Range;
use std::time::Instant;

use super::execution::{Execution, Stopped, step_report};
use super::script::{Records, as_one, unit};
use super::send::{Sender, Watched};
use crate::driver::{GroupError, Outcome, Unit, UnitError, Write};
use crate::event::Event;
use crate::migration::Kind;
use crate::plan::Plan;
use crate::report::DatabaseState;

/// Scripts of this many bytes are sent at a time, at most: progress is told as units end, but what
/// fails is known only when the message has been read.
const GROUP_BYTES: usize = 256 * 1024;

impl Execution<'_> {
    /// The steps from `start` on that are sent together: those that nothing has to be decided
    /// between.
    pub(super) fn group(&self, start: usize) -> Range<usize> {
        let most = self.driver.server().capabilities.units_at_once;
        // A hook leaves no record, by which the unit after it could tell that it was committed.
        let has_limit = |index: usize| {
            let step = &self.plan.steps[index];
            step.kind == Kind::Hook
                || !step.conditions.is_empty()
                || step.timeout.or(self.runner.options.timeout).is_some()
        };
        let mut end = start + 1;
        if has_limit(start) || start < self.alone_until {
            return start..end;
        }
        let mut bytes = self.plan.steps[start].script.text().len();
        while end < self.plan.steps.len() && end - start < most {
            let step = &self.plan.steps[end];
            bytes += step.script.text().len();
            let joins = !step.journalled
                && !has_limit(end)
                && self.states[end] == super::execution::StepState::Pending
                && self.is_usable(end)
                && bytes <= GROUP_BYTES;
            if !joins {
                break;
            }
            end += 1;
        }
        start..end
    }

    /// Applies a group of steps.
    pub(super) async fn atomic(&mut self, group: &Range<usize>) -> Result<(), Stopped> {
        let records: Vec<_> = group.clone().map(|index| self.records(index)).collect();
        let (result, watched) = {
            let units = units(self.plan, group, &records, self);
            let mut watched = Watched::new(self.runner, self.plan, group.clone());
            let mut sender = Sender {
                runner: self.runner,
                driver: self.driver.as_mut(),
                limit: watched.limit(),
            };
            let result = sender.send_all(&units, &mut watched).await;
            (result, watched.into_reports())
        };
        for (index, report) in watched {
            self.done(index, report);
        }
        match result {
            Ok(()) => Ok(()),
            // The first keeps the scripts of all: by itself each keeps its own.
            Err(failed)
                if failed.undid_others() || group.len() > 1 && failed.is_in_no_statement() =>
            {
                // What stands before the one that failed is fine: one by one from here.
                self.alone_until = group.start + failed.unit + 1;
                Ok(())
            }
            Err(failed) => Err(self.stopped_in(group, &records, failed).await),
        }
    }

    async fn stopped_in(
        &mut self,
        group: &Range<usize>,
        records: &[Records],
        failed: GroupError,
    ) -> Stopped {
        let GroupError { unit, done, error } = failed;
        let index = group.start + unit;
        if done < unit {
            // They are committed together, so those before it did not happen either.
            self.alone_until = index + 1;
        }
        let state = match error.outcome {
            Outcome::Unknown => DatabaseState::Unknown,
            _ => DatabaseState::Clean,
        };
        if let Some(records) = records.get(unit) {
            self.note_failure(records, &error).await;
        }
        Stopped {
            index,
            first: 0,
            error,
            state,
        }
    }

    /// The whole plan as one unit.
    pub(super) async fn as_one(&mut self) -> Result<(), Stopped> {
        let pending: Vec<_> = (0..self.plan.steps.len())
            .filter(|&index| self.states[index] == super::execution::StepState::Pending)
            .collect();
        let started = Instant::now();
        let records: Vec<_> = pending.iter().map(|&index| self.records(index)).collect();
        let result = {
            let plan = &*self.plan;
            let steps = pending.iter().map(|&index| &plan.steps[index]);
            let steps: Vec<_> = steps.zip(&records).collect();
            let Some(whole) = as_one(&steps, *self.lease, self.runner.options) else {
                return Ok(());
            };
            let mut watched = Watched::as_one(self.runner, plan, pending.clone());
            let mut sender = Sender {
                runner: self.runner,
                driver: self.driver.as_mut(),
                limit: watched.limit(),
            };
            sender.send(&whole, &mut watched).await
        };
        if let Err(error) = result {
            let place = error.part.min(pending.len() - 1);
            self.note_failure(&records[place], &error).await;
            return Err(Stopped {
                index: pending[place],
                first: 0,
                state: match error.outcome {
                    Outcome::Unknown => DatabaseState::Unknown,
                    _ => DatabaseState::Clean,
                },
                error,
            });
        }
        let share = started.elapsed() / u32::try_from(pending.len()).unwrap_or(1);
        for index in pending {
            let step = &self.plan.steps[index];
            let report = step_report(step, step.statements.len(), share);
            self.tell(&Event::StepDone(&report));
            self.done(index, report);
        }
        Ok(())
    }
}

/// The units of a group. The scripts of all of them are kept by the first, in one statement.
fn units<'a>(
    plan: &'a Plan,
    group: &Range<usize>,
    records: &'a [Records],
    execution: &Execution<'_>,
) -> Vec<Unit<'a>> {
    let steps = &plan.steps[group.clone()];
    let mut keep: Vec<_> = steps
        .iter()
        .flat_map(|step| &step.keep)
        .map(|(checksum, text)| (checksum, text.as_str()))
        .collect();
    let lease = *execution.lease;
    let options = execution.runner.options;
    let list = steps.iter().zip(records).map(|(step, records)| {
        let mut part = records.whole(step);
        if !keep.is_empty() {
            part.before.push(Write::Keep(std::mem::take(&mut keep)));
        }
        unit(step, part, true, lease, options)
    });
    list.collect()
}

impl GroupError {
    /// What was refused are none of the first unit's own statements.
    fn is_in_no_statement(&self) -> bool {
        let refused = self.error.outcome == Outcome::RolledBack
            && self.error.error.kind.is_about_the_statement();
        self.unit == 0 && self.error.statement.is_none() && refused
    }

    /// A statement failed, and took units before its own along.
    fn undid_others(&self) -> bool {
        self.done < self.unit
            && self.error.outcome == Outcome::RolledBack
            && self.error.error.kind.is_about_the_statement()
    }
}

impl Stopped {
    /// Cancelled between two steps.
    pub(super) fn cancelled(index: usize) -> Self {
        Self {
            index,
            first: 0,
            error: UnitError::cancelled(),
            state: DatabaseState::Clean,
        }
    }
}
