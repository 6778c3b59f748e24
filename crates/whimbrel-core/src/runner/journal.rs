//! Steps that are not one transaction: their units are journalled, and gone on with.

use std::time::Instant;

use whimbrel_sql::Verb;

use super::execution::{Execution, Stopped, step_report};
use super::script::{Records, bound, pending_segments, unit};
use super::send::{Sender, Watched};
use crate::driver::{
    BoundStatement, DriverError, DriverErrorKind, GroupError, Observation, Outcome, Part, Unit,
    UnitError, Write,
};
use crate::event::Event;
use crate::plan::{Segment, Step, commands};
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
        let from = segments.first().map_or(before, |s| s.statements.start);
        let lost = self.plan.steps[index].lost_from(from);
        if let Some(lost) = &lost {
            cut(&mut segments, lost.user);
        }
        let mut place = 0;
        while let Some(segment) = segments.get(place) {
            if self.runner.cancel.is_cancelled() {
                return Err(self.stopped(index, done, segment, UnitError::cancelled()));
            }
            let together = self.together(index, &segments[place..]);
            let result = self.segments(index, &records, together, place == 0).await;
            if let Err(failed) = result {
                let segment = &together[failed.unit];
                if failed.done > 0 {
                    done = segment.statements.start;
                }
                let error = self.noted(&records, segment, failed.error).await;
                return Err(self.stopped(index, done, segment, error));
            }
            place += together.len();
            done = segments[place - 1].statements.end;
        }
        if let Some(lost) = &lost {
            return Err(self.session_lost(index, &records, lost, place > 0).await);
        }
        let step = &self.plan.steps[index];
        let report = step_report(step, step.statements.len() - before, started.elapsed());
        self.tell(&Event::StepDone(&report));
        self.done(index, report);
        Ok(())
    }

    fn stopped(&self, index: usize, done: usize, segment: &Segment, error: UnitError) -> Stopped {
        let step = &self.plan.steps[index];
        let failed = error.outcome == Outcome::StatementFailed && !segment.atomic;
        let state = match error.outcome {
            Outcome::Unknown => DatabaseState::Unknown,
            _ if done == 0 && !(failed && step.may_do_a_part(segment)) => DatabaseState::Clean,
            _ => DatabaseState::HalfDone {
                done,
                statements: step.statements.len(),
            },
        };
        Stopped {
            index,
            first: segment.statements.start,
            error,
            state,
        }
    }

    /// Writes down that a piece failed, as far as that can be said.
    async fn noted(
        &mut self,
        records: &Records,
        segment: &Segment,
        mut error: UnitError,
    ) -> UnitError {
        // That it was started stands in the journal, and is all that is known.
        if error.outcome == Outcome::Unknown {
            return error;
        }
        let noted = self
            .note(Write::Fail {
                id: records.attempt.id,
                error: &error.error.message,
                running_unknown: !segment.atomic && error.outcome == Outcome::StatementFailed,
            })
            .await;
        // A statement outside transactions may fail long after its fence. Where another run has taken
        // over since, what becomes of it is that run's to say.
        if let Err(UnitError { error: late, .. }) = noted
            && late.kind == DriverErrorKind::Fenced
        {
            error.error = late;
        }
        error
    }

    /// The segments that are sent together: all, where nothing has to be asked in between.
    fn together<'s>(&self, index: usize, segments: &'s [Segment]) -> &'s [Segment] {
        let step = &self.plan.steps[index];
        let limited = step.timeout.or(self.runner.options.timeout).is_some();
        if limited || !self.driver.observes_itself() {
            &segments[..1]
        } else {
            segments
        }
    }

    async fn segments(
        &mut self,
        index: usize,
        records: &Records,
        segments: &[Segment],
        first: bool,
    ) -> Result<(), GroupError> {
        let step = &self.plan.steps[index];
        let mut observed = None;
        if let Some(statement) = self.to_observe(step, &segments[0]) {
            let seen = self.driver.observe(&statement).await;
            observed = seen.map_err(|error| GroupError::first(before_it_ran(error)))?;
            // What an attempt of this migration left is gone by now.
            let remains = observed.as_ref().and_then(|seen| seen.remains.as_deref());
            if let Some(sql) = remains {
                let mut failed = before_it_ran(half_made(sql));
                failed.statement = Some(0);
                return Err(GroupError::first(failed));
            }
        }
        let mut units = Vec::new();
        for (place, segment) in segments.iter().enumerate() {
            let first = first && place == 0;
            let state = observed.as_ref().map(|seen| seen.state.as_str());
            let part = records.segment(step, segment, first, state);
            let unit = self.piece(step, segment, part, first);
            units.push(unit.map_err(|error| GroupError::first(before_it_ran(error)))?);
        }
        let starts = segments.iter().map(|segment| segment.statements.start);
        let mut watched = Watched::pieces(self.runner, self.plan, index, starts.collect());
        let mut sender = Sender {
            runner: self.runner,
            driver: self.driver.as_mut(),
            limit: watched.limit(),
        };
        match units.as_slice() {
            [unit] => sender
                .send(unit, &mut watched)
                .await
                .map_err(GroupError::first),
            units => sender.send_all(units, &mut watched).await,
        }
    }

    /// The statement of a segment that has to be looked at before it starts.
    fn to_observe<'s>(&self, step: &'s Step, segment: &Segment) -> Option<BoundStatement<'s>> {
        if segment.atomic || self.driver.observes_itself() {
            return None;
        }
        bound(step, segment.statements.start)
    }

    /// The unit of a segment.
    fn piece<'u>(
        &self,
        step: &'u Step,
        segment: &Segment,
        part: Part<'u>,
        first: bool,
    ) -> Result<Unit<'u>, DriverError> {
        let mut unit = unit(step, part, segment.atomic, *self.lease, self.runner.options);
        let pooled = self.driver.server().pooled;
        unit.continues = !first && !pooled;
        unit.foreign_keys = segment.foreign_keys;
        if !unit.continues {
            let changed = session_before(step, segment.statements.start);
            if pooled && !segment.atomic && !changed.is_empty() {
                return Err(session_through_pooler());
            }
            unit.replay = changed
                .into_iter()
                .filter_map(|at| bound(step, at))
                .collect();
        }
        Ok(unit)
    }

    /// Finds out what became of a statement that was started, and removes what it left half-made.
    async fn look(&mut self, index: usize, running: usize) -> Result<Unfinished, Stopped> {
        let step = &self.plan.steps[index];
        let Some(resume) = &step.resume else {
            return Ok(Unfinished::Run);
        };
        let Some(statement) = bound(step, running) else {
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
        for again in resume.replay.iter().filter_map(|&at| bound(step, at)) {
            self.driver.query(again.text).await.map_err(fail)?;
        }
        let seen = self.driver.observe(&statement).await.map_err(fail)?;
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
            (Some(seen), Some(_)) if !seen.is_unsure() => Ok(Unfinished::Run),
            _ if harmless => Ok(Unfinished::Run),
            _ => Err(fail(unknown_end(step))),
        }
    }
}

impl Step {
    /// True if the segment's statement, which runs by itself, may have done something where it failed: one
    /// that commits inside, or that changes rows which no transaction takes back.
    fn may_do_a_part(&self, segment: &Segment) -> bool {
        let statement = self.statements.get(segment.statements.start);
        statement.is_some_and(|statement| {
            let changes = matches!(
                statement.facts.verb,
                Verb::Call | Verb::Do | Verb::Insert | Verb::Replace | Verb::Update | Verb::Delete
            );
            changes || statement.facts.may_commit
        })
    }
}

impl GroupError {
    /// The first of them failed.
    fn first(error: UnitError) -> Self {
        Self {
            unit: 0,
            done: 0,
            error,
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

/// Leaves out what begins at a statement or after it.
fn cut(segments: &mut Vec<Segment>, at: usize) {
    segments.retain(|segment| segment.statements.start < at);
    if let Some(last) = segments.last_mut() {
        last.statements.end = last.statements.end.min(at);
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
    let hint = commands(
        (step, "look whether it did, then say so"),
        "it happened: go on after it",
        "it did not: run it again",
    );
    DriverError {
        kind: DriverErrorKind::Statement,
        code: Some("unknown-end".to_owned()),
        message: "this statement was started by a run that died; whether it happened can't be seen in the catalog".to_owned(),
        hint: Some(hint),
        ..DriverError::default()
    }
}
