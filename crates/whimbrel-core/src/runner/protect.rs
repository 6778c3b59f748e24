//! What a protected database refuses: to be undone altogether, however that is asked for.

use super::Runner;
use crate::error::Error;
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

    /// More steps than there are would be all of them: a number that was not meant so.
    pub(super) fn may_be_done(&self, goal: &Goal, plan: &Plan) -> Result<(), Error> {
        let steps = plan.steps.iter().filter(|step| step.kind != Kind::Hook);
        let count = steps.count();
        match goal {
            Goal::UndoSteps(asked) if self.options.protected && count > 0 && *asked > count => {
                Err(self.protected())
            }
            _ => Ok(()),
        }
    }

    fn protected(&self) -> Error {
        Error::Settings(format!(
            "{} is marked `protected` in the settings: what undoes everything is refused",
            self.connect.database()
        ))
    }
}
