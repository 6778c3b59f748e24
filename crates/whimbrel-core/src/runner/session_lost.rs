//! A stop before a statement whose session is gone.

use super::execution::{Execution, Stopped};
use super::script::{Records, keep_scripts, number};
use crate::driver::{DriverError, DriverErrorKind, Outcome, Part, Unit, UnitError, Write};
use crate::plan::{Lost, SESSION_LOST, Step, commands};
use crate::report::DatabaseState;

impl Step {
    /// The first statement from a place on that needs what is gone.
    pub(super) fn lost_from(&self, place: usize) -> Option<Lost> {
        let resume = self.resume.as_ref()?;
        let mut lost = resume.lost.iter();
        lost.find(|lost| lost.user >= place).cloned()
    }
}

impl Execution<'_> {
    /// Writes down where it stops and why, so that a person can answer. `begun` says that this
    /// attempt has done something already.
    pub(super) async fn session_lost(
        &mut self,
        index: usize,
        records: &Records,
        lost: &Lost,
        begun: bool,
    ) -> Stopped {
        let step = &self.plan.steps[index];
        let mut error = session_lost(step, lost);
        let (id, at) = (records.attempt.id, number(lost.user));
        let mut after = Vec::new();
        if !begun {
            after.push(Write::Supersede {
                source: &step.source,
                version: step.version.as_str(),
            });
            after.push(Write::Attempt(&records.attempt));
            keep_scripts(&mut after, step);
        }
        let message = error.message.clone();
        after.push(Write::Fail {
            id,
            error: &message,
            running_unknown: false,
        });
        after.push(Write::Statement {
            id,
            done: at,
            running: Some(at),
            state_before: Some(SESSION_LOST),
        });
        let part = Part {
            after,
            ..Part::default()
        };
        let unit = Unit::of_writes(*self.lease, part);
        let mut outcome = Outcome::StatementFailed;
        if let Err(failed) = self.driver.apply(&unit, &mut |_| {}).await {
            (error, outcome) = (failed.error, failed.outcome);
        }
        Stopped {
            index,
            first: lost.user,
            state: match outcome {
                Outcome::Unknown => DatabaseState::Unknown,
                _ => DatabaseState::HalfDone {
                    done: lost.user,
                    statements: step.statements.len(),
                },
            },
            error: UnitError {
                error,
                part: 0,
                statement: Some(0),
                outcome,
            },
        }
    }
}

/// Only a person can say whether what made it would make the same again.
fn session_lost(step: &Step, lost: &Lost) -> DriverError {
    let places = lost.makers.iter().filter_map(|&maker| {
        let start = step.statements.get(maker)?.span().start;
        Some(step.script.place(start).line.to_string())
    });
    let places: Vec<_> = places.collect();
    let lines = if places.len() == 1 { "line" } else { "lines" };
    let places = places.join(", ");
    let again = format!("run what made it ({lines} {places}) again, then this and what follows");
    let hint = commands(
        (step, "say what is to be done"),
        "you did by hand what this statement does: go on after it",
        (!lost.by_hand).then_some(again.as_str()),
    );
    let instead = if lost.by_hand {
        "or write its value in its place, or a statement that makes it before this one"
    } else {
        "or write a statement that makes it again before this one"
    };
    DriverError {
        kind: DriverErrorKind::Statement,
        code: Some("lost-session".to_owned()),
        message: format!(
            "this statement was not run: `{}`, which it needs, was made before ({lines} {places}) and is gone with its session",
            lost.name
        ),
        hint: Some(format!(
            "{hint}\n{instead}: what is not applied yet may change"
        )),
        ..DriverError::default()
    }
}
