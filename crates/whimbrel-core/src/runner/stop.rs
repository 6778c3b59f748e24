//! Ending what is under way: when its time is over, and when somebody asks for it. Until then, saying
//! what it waits for.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Runner;
use crate::diagnostic::{Diagnostic, Severity};
use crate::driver::{Cancel, DriverError, DriverErrorKind};
use crate::error::Error;
use crate::event::Event;

/// Between two requests to end something.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// A run that is cancelled ends by then, whatever the server does: what is at work there is behind
/// the fence, or in the journal.
const LONGEST_END: Duration = Duration::from_secs(4);

/// What runs for so long may wait for somebody. A statement with a short lock timeout has failed by then.
const LOOK_AFTER: Duration = Duration::from_secs(6);
/// Between two looks at who it is.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long a look may take.
const LOOK_FOR: Duration = Duration::from_secs(5);

/// How long something may take to end.
#[derive(Clone, Copy)]
struct Haste {
    /// So long the statement is cancelled; then the connection is ended.
    gently: Duration,
    /// After this it is left to itself.
    patience: Duration,
}

/// Somebody waits for it.
const CANCELLED: Haste = Haste {
    gently: Duration::from_secs(1),
    patience: Duration::from_secs(2),
};
/// Nothing should go on in the server after us.
const OVER_TIME: Haste = Haste {
    gently: Duration::from_secs(5),
    patience: Duration::from_secs(30),
};

impl Runner<'_> {
    /// Work that ends within five seconds once the run is cancelled, also where a server that says
    /// nothing is being connected to, asked or told something.
    ///
    /// # Errors
    /// The work's own; [`Error::Cancelled`].
    pub fn unless_cancelled<'w, T>(
        &'w self,
        work: impl Future<Output = Result<T, Error>> + Send + 'w,
    ) -> impl Future<Output = Result<T, Error>> + Send + 'w
    where
        T: Send + 'w,
    {
        // A run is a large thing to carry around.
        let mut work = Box::pin(work);
        async move {
            tokio::select! {
                result = &mut work => result,
                () = self.too_late() => Err(Error::Cancelled),
            }
        }
    }

    async fn too_late(&self) {
        self.cancel.cancelled().await;
        sleep(LONGEST_END).await;
        let mut note = Diagnostic::warning(
            "left-open",
            "the server gave no answer in time: what was under way there is waited for, or taken up, by the next run",
        );
        note.severity = Severity::Note;
        self.listener.event(&Event::Diagnostic(&note));
    }
}

/// Waits for the work; when its time is over or the run is cancelled, has the server end it, and
/// waits all the same: nothing goes on in the server after us. None if it did not end. Gives why it was
/// to end as well.
pub(super) async fn until_stopped<T>(
    runner: &Runner<'_>,
    limit: Option<Duration>,
    canceller: Option<&dyn Cancel>,
    work: impl Future<Output = T>,
) -> (Option<T>, Option<String>) {
    tokio::pin!(work);
    let reason = tokio::select! {
        result = &mut work => return (Some(result), None),
        never = say_what_it_waits_for(runner, canceller) => match never {},
        () = expiry(limit) => format!(
            "the time limit of {} ms is over",
            limit.unwrap_or_default().as_millis()
        ),
        () = runner.cancel.cancelled() => "cancelled".to_owned(),
    };
    if !runner.cancel.is_cancelled() {
        tokio::select! {
            result = &mut work => return (Some(result), Some(reason)),
            () = end(canceller, OVER_TIME) => return (None, Some(reason)),
            () = runner.cancel.cancelled() => {}
        }
    }
    tokio::select! {
        result = &mut work => (Some(result), Some(reason)),
        () = end(canceller, CANCELLED) => (None, Some(reason)),
    }
}

/// A concurrent index build may wait for ten minutes for a session that somebody forgot; who watches
/// wants to know which.
async fn say_what_it_waits_for(runner: &Runner<'_>, canceller: Option<&dyn Cancel>) -> Infallible {
    let Some(canceller) = canceller else {
        return std::future::pending().await;
    };
    let mut pause = LOOK_AFTER;
    loop {
        sleep(pause).await;
        // Nothing depends on the answer; the server may have no connection to spare.
        if let Ok(Ok(by)) = timeout(LOOK_FOR, canceller.held_up_by()).await
            && !by.is_empty()
        {
            runner.listener.event(&Event::HeldUp { by: &by });
            pause = LOOK_AGAIN;
        }
    }
}

/// Asks for an end again and again, since a request that arrives between two statements strikes
/// nothing; first for the statement's, then for the connection's.
async fn end(canceller: Option<&dyn Cancel>, haste: Haste) {
    let started = Instant::now();
    let asking = async {
        loop {
            let asked = match canceller {
                Some(canceller) if started.elapsed() < haste.gently => canceller.cancel().await,
                Some(canceller) => canceller.end_connection().await,
                None => Ok(()),
            };
            // The next one may arrive.
            drop(asked);
            sleep(ASK_AGAIN).await;
        }
    };
    tokio::select! {
        () = asking => {}
        () = sleep(haste.patience) => {}
    }
}

async fn expiry(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// When all is done and recorded, a connection that breaks takes nothing away: the next run sees
/// that the lock's holder is gone, or waits for the lease.
pub(super) fn unless_lost(end: Result<(), DriverError>) -> Result<(), DriverError> {
    end.or_else(|error| match error.kind {
        DriverErrorKind::Lost => Ok(()),
        _ => Err(error),
    })
}
