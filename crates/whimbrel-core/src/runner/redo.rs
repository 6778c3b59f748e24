//! One migration down and up again, under one lock.

use std::time::Instant;

use super::begin::{Begun, Start};
use super::{Runner, Session, close_after, dry_run, lock};
use crate::diagnostic::Diagnostic;
use crate::driver::Lease;
use crate::error::Error;
use crate::history::History;
use crate::plan::{Direction, Goal, Plan, Step};
use crate::report::Report;

/// Down and up again.
#[derive(Clone, Debug)]
pub struct Redo<T> {
    /// Of the undoing.
    pub down: T,
    /// Of applying it again.
    pub up: T,
}

impl Runner<'_> {
    /// Undoes a migration and applies its file as it is now. Nothing is undone unless the file can be
    /// planned, and nobody gets in between.
    ///
    /// # Errors
    /// See [`Error`]. If the file fails, what it replaces stays undone.
    pub async fn redo(&self, version: &str) -> Result<Redo<Report>, Error> {
        let started = Instant::now();
        let goal = Goal::Undo(vec![version.to_owned()]);
        let (begun, tries) = self.begin(&goal).await?;
        let Begun { mut session, start } = begun;
        let Start::Locked { mut lease, plan } = start else {
            session.driver.close().await?;
            return Err(Error::Settings(format!("{version} is not applied")));
        };
        let result = self.redo_in(&mut session, &goal, plan, &mut lease).await;
        let result = self.give_back(&mut session, &lease, result).await;
        let mut redo = close_after(session, result).await?;
        redo.down.retries += tries;
        redo.up.duration = started.elapsed().saturating_sub(redo.down.duration);
        Ok(redo)
    }

    async fn redo_in(
        &self,
        session: &mut Session,
        goal: &Goal,
        plan: Option<Plan>,
        lease: &mut Lease,
    ) -> Result<Redo<Report>, Error> {
        let started = Instant::now();
        let plan = match plan {
            Some(plan) => plan,
            None => self.plan_in(session, goal).await?,
        };
        let again = self.plan_again(session, &plan).await?;
        let mut down = self.run_locked(session, goal, lease, Some(plan)).await?;
        down.duration = started.elapsed();
        if !down.failures.is_empty() {
            let up = Report::empty(Direction::Up);
            return Ok(Redo { down, up });
        }
        // Attempts are known by their run's token, so this one needs another. Nobody gets in between:
        // the lock goes from this run to itself.
        let taken = lock::take(self, session.driver.as_mut(), Some(lease)).await?;
        (*lease, session.history) = taken;
        let goal = again_goal(&again);
        let up = self.run_locked(session, &goal, lease, None).await?;
        Ok(Redo { down, up })
    }

    /// What [`Runner::redo`] of the last applied migration would do; none if nothing is applied.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn plan_redo(&self) -> Result<Option<Redo<(Plan, String)>>, Error> {
        let mut session = self.open().await?;
        let result = self.plan_redo_in(&mut session).await;
        session.driver.close().await?;
        result
    }

    async fn plan_redo_in(
        &self,
        session: &mut Session,
    ) -> Result<Option<Redo<(Plan, String)>>, Error> {
        let down = self.plan_to_show(session, &Goal::UndoSteps(1)).await?;
        if down.steps.is_empty() {
            return Ok(None);
        }
        let up = self.plan_again(session, &down).await?;
        let (driver, history) = (session.driver.as_mut(), &session.history);
        let mut undoing = dry_run::under_lock(driver, &down, history, self.options);
        let undone = without(history, &down);
        let mut applying = dry_run::under_lock(driver, &up, &undone, self.options);
        let texts = &mut [&mut undoing, &mut applying];
        dry_run::in_lock(driver, history, self.options, texts).await?;
        Ok(Some(Redo {
            down: (down, undoing),
            up: (up, applying),
        }))
    }

    /// Applying again what a plan undoes, as it will be once that is undone.
    async fn plan_again(&self, session: &mut Session, down: &Plan) -> Result<Plan, Error> {
        let mut steps = down.steps.iter();
        let has_file = |step: &&Step| {
            let mut files = session.migrations.iter();
            files.any(|file| *file.source == *step.source && file.version == step.version)
        };
        if let Some(step) = steps.find(|step| !has_file(step)) {
            let message = format!(
                "{} has no file, so it can't be applied again; nothing was undone",
                step.label
            );
            let help = format!(
                "put the file back, or undo it alone: whimbrel down {}",
                step.version
            );
            return Err(Error::refused(
                Diagnostic::error("no-file", message).help(help),
            ));
        }
        let after = without(&session.history, down);
        let before = std::mem::replace(&mut session.history, after);
        let plan = self.plan_in(session, &again_goal(down)).await;
        session.history = before;
        plan
    }
}

fn again_goal(plan: &Plan) -> Goal {
    let versions = plan.steps.iter().map(|step| step.version.to_string());
    Goal::Apply(versions.collect())
}

/// The history once a plan's steps are undone, by a run of their own.
fn without(history: &History, plan: &Plan) -> History {
    let mut history = history.clone();
    history.token += 1;
    history.applied.retain(|row| {
        let mut steps = plan.steps.iter();
        !steps.any(|step| step.source == row.source && step.version == row.version)
    });
    history
}
