//! Settings of a run.

use std::time::Duration;

use crate::history::Owner;
use crate::plan::PlanOptions;

/// Settings of a run. The defaults are those of the command line as well.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// What decides the plan.
    pub plan: PlanOptions,
    /// Who runs it.
    pub owner: Owner,
    /// How long to wait for the lock; 10 minutes.
    pub lock_wait: Duration,
    /// How long the lease on the lock lasts without renewal; 15 seconds. A unit in flight holds the
    /// lock however long it takes, so this is what others wait for after a run that died.
    pub lease: Duration,
    /// Longest time for one migration; none by default.
    pub timeout: Option<Duration>,
    /// Longest wait for a lock per statement; 5 seconds, so that a schema change does not make all
    /// others queue behind it. Zero leaves it to the server. Index builds that let others go on
    /// have [`CONCURRENT_LOCK_TIMEOUT`] if this is not longer.
    pub lock_timeout: Duration,
    /// How often something is tried again that fails for a reason which passes by itself (deadlock,
    /// serialization failure, lock timeout, a connection that dropped); 3.
    pub retries: u32,
    /// The pause before the first retry, which doubles each time and varies at random; 2 seconds.
    pub retry_delay: Duration,
    /// Go on after a failure with what does not depend on it.
    pub continue_on_error: bool,
    /// Never undo everything at once: refused, however it is asked for.
    pub protected: bool,
}

/// How long a concurrent index build may wait for the transactions that it has to outlast.
pub const CONCURRENT_LOCK_TIMEOUT: Duration = Duration::from_secs(600);

impl RunOptions {
    /// The defaults, for an owner.
    pub fn new(owner: Owner) -> Self {
        Self {
            plan: PlanOptions::default(),
            owner,
            lock_wait: Duration::from_secs(600),
            lease: Duration::from_secs(15),
            timeout: None,
            lock_timeout: Duration::from_secs(5),
            retries: 3,
            retry_delay: Duration::from_secs(2),
            continue_on_error: false,
            protected: false,
        }
    }
}
