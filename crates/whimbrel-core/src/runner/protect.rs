//! What a protected database refuses: to be undone altogether, however that is asked for.

use super::Runner;
use crate::error::Error;
use crate::history::{Applied, History};
use crate::migration::Kind;
use crate::plan::{Goal, Plan};
use crate::report::Report;

impl Runner<'_> {
    /// Undoes everything.
    ///
    /// # Errors
    /// The database is marked as protected; or see [`Error`].
    pub async fn reset(&self) -> Result<Report, Error> {
        self.run(&Goal::UndoAll).await
    }

    /// What [`Runner::reset`] would do.
    ///
    /// # Errors
    /// The database is marked as protected; or see [`Error`].
    pub async fn plan_reset(&self) -> Result<(Plan, String), Error> {
        self.dry_run(&Goal::UndoAll).await
    }

    /// Before anything is looked at: the goal alone says it.
    pub(super) fn may_be_asked(&self, goal: &Goal) -> Result<(), Error> {
        match goal {
            Goal::UndoAll if self.options.protected => Err(self.protected()),
            _ => Ok(()),
        }
    }

    /// A last batch that is all there is, and more steps than there are, are everything without a word
    /// that says so. Who names versions or counts them right knows what goes.
    pub(super) fn may_be_done(
        &self,
        goal: &Goal,
        plan: &Plan,
        history: &History,
    ) -> Result<(), Error> {
        let steps = plan.steps.iter().filter(|step| step.kind != Kind::Hook);
        let count = steps.count();
        if !self.options.protected || count == 0 {
            return Ok(());
        }
        let stays = |row: &Applied| {
            let mut steps = plan.steps.iter();
            !steps.any(|step| step.source == row.source && step.version == row.version)
        };
        match goal {
            Goal::UndoSteps(asked) if *asked > count => Err(self.protected()),
            Goal::UndoBatch if count > 1 && !history.applied.iter().any(stays) => {
                Err(self.protected())
            }
            _ => Ok(()),
        }
    }

    fn protected(&self) -> Error {
        Error::Settings(format!(
            "{} is marked `protected` in the settings, and this would undo everything: say which, by `down VERSION...` or `down --steps N`",
            self.connect.database()
        ))
    }
}
