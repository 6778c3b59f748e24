//! Waiting for the lock.

use std::time::{Duration, Instant};

use super::Runner;
use crate::driver::{Driver, Lease, LockAttempt};
use crate::error::Error;
use crate::event::Event;
use crate::history::{AttemptState, History, Holder};

/// Between two tries; grows up to the second figure, so that many waiting replicas stay cheap.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Between two words about who holds the lock.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Takes the lock, waiting outside the server as long as the settings allow. A `previous` lease of
/// this run is taken over as soon as nothing of it is in flight.
pub(super) async fn take(
    runner: &Runner<'_>,
    driver: &mut dyn Driver,
    previous: Option<&Lease>,
) -> Result<(Lease, History), Error> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut said: Option<Instant> = None;
    loop {
        let holder = match driver
            .lock(&runner.options.owner, runner.options.lease, previous)
            .await?
        {
            LockAttempt::Taken(lease, history) => match still_running(driver, &history).await? {
                None => {
                    runner.listener.event(&Event::LockTaken);
                    return Ok((lease, *history));
                }
                Some(holder) => {
                    driver.unlock(&lease).await?;
                    holder
                }
            },
            LockAttempt::Held(holder) => holder,
        };
        let waited = started.elapsed();
        if waited >= runner.options.lock_wait {
            return Err(Error::Locked {
                holder: Box::new(holder),
                waited,
            });
        }
        if said.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
            said = Some(Instant::now());
            runner.listener.event(&Event::LockWaiting {
                holder: &holder,
                waited,
            });
        }
        let left = runner.options.lock_wait.saturating_sub(waited);
        tokio::select! {
            () = tokio::time::sleep(pause.min(left)) => {}
            () = runner.cancel.cancelled() => return Err(Error::Cancelled),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Notes it where the lock bears the name of one who is gone.
pub(super) async fn look_at_holder(
    driver: &mut dyn Driver,
    history: &mut History,
) -> Result<(), Error> {
    if history.holder.is_none() {
        return Ok(());
    }
    // A statement outside transactions may outlive its process.
    let gone = driver.is_holder_gone().await? && still_running(driver, history).await?.is_none();
    if let Some(holder) = &mut history.holder {
        holder.gone = gone;
    }
    Ok(())
}

/// A statement outside transactions holds no lock row: if the connection that a journal names is
/// still at work, its run counts as the holder.
async fn still_running(
    driver: &mut dyn Driver,
    history: &History,
) -> Result<Option<Holder>, Error> {
    for attempt in &history.attempts {
        let Some(connection) = &attempt.connection else {
            continue;
        };
        if attempt.state == AttemptState::Started && driver.is_connection_alive(connection).await? {
            return Ok(Some(Holder {
                owner: Some(format!(
                    "{}, whose statement still runs in the server",
                    attempt.started_by
                )),
                since: Some(attempt.started_at),
                expires: None,
                gone: false,
            }));
        }
    }
    Ok(None)
}
