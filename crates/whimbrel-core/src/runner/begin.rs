//! Up to the lock: what breaks until then has done nothing, so it may begin anew.

use super::recover::delay;
use super::{Runner, Session, lock};
use crate::driver::{DriverError, DriverErrorKind, Lease};
use crate::error::Error;
use crate::event::Event;
use crate::history::FORMAT;
use crate::plan::{Direction, Goal, Plan};

/// One that breaks before it stands was not made: who answers there may be no database at all.
pub(super) fn not_reached(mut error: DriverError) -> DriverError {
    if error.kind == DriverErrorKind::Lost {
        error.kind = DriverErrorKind::Connect;
    }
    error
}

/// A run that may start to work.
pub(super) struct Begun {
    pub(super) session: Session,
    pub(super) start: Start,
}

/// What it has to begin with.
pub(super) enum Start {
    Nothing(Direction),
    /// The lock; and the plan, unless another run was at work before the lock was had.
    Locked {
        lease: Lease,
        plan: Option<Plan>,
    },
}

impl Runner<'_> {
    /// Gives the number of retries as well. A server that can't be reached at all is no reason for
    /// one: who types a wrong name wants to hear it at once.
    pub(super) async fn begin(&self, goal: &Goal) -> Result<(Begun, u32), Error> {
        let mut tries = 0;
        loop {
            let error = match self.begin_once(goal).await {
                Err(Error::Database(error)) => error,
                other => return other.map(|begun| (begun, tries)),
            };
            let passes = error.kind == DriverErrorKind::Lost
                || tries > 0 && error.kind.may_be_reached_later();
            if !passes || !self.pause(&error, tries).await? {
                return Err(error.into());
            }
            tries += 1;
        }
    }

    async fn begin_once(&self, goal: &Goal) -> Result<Begun, Error> {
        let mut session = self.open().await?;
        match self.begin_in(&mut session, goal).await {
            Ok(start) => Ok(Begun { session, start }),
            Err(error) => {
                // The error says more than that the connection can't be closed either.
                let _ = session.driver.close().await;
                Err(error)
            }
        }
    }

    async fn begin_in(&self, session: &mut Session, goal: &Goal) -> Result<Start, Error> {
        let plan = match self.plan_in(session, goal).await {
            // Somebody is at work, or a dead client's message still is: what keeps the plan from
            // being made may be another thing, or none, once the lock is had.
            Err(_) if session.history.is_held() => None,
            plan => Some(plan?),
        };
        if let Some(plan) = &plan {
            if plan.steps.is_empty() && plan.noted.is_empty() {
                self.announce(plan);
                return Ok(Start::Nothing(plan.direction));
            }
            self.look_out(session, plan).await?;
        }
        if !session.history.exists || session.history.format < FORMAT {
            session.driver.create_history().await?;
        }
        let (lease, history) = lock::take(self, session.driver.as_mut(), None).await?;
        let same = history.plans_like(&session.history);
        session.history = history;
        let plan = plan.filter(|_| same);
        Ok(Start::Locked { lease, plan })
    }

    async fn pause(&self, error: &DriverError, tries: u32) -> Result<bool, Error> {
        let Some(delay) = delay(self.options.retry_delay, tries, self.options.retries) else {
            return Ok(false);
        };
        self.listener.event(&Event::Retry {
            step: None,
            error,
            attempt: tries + 2,
            attempts: self.options.retries + 1,
            delay,
        });
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(true),
            () = self.cancel.cancelled() => Err(Error::Cancelled),
        }
    }
}
