//! What a person says where neither the journal nor the catalog can tell.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Runner, lock};
use crate::diagnostic::Diagnostic;
use crate::driver::{Driver, DriverError, DriverErrorKind, Lease, LockAttempt, Part, Unit, Write};
use crate::error::Error;
use crate::history::{Attempt, AttemptId, AttemptState, History, Holder};
use crate::migration::label;
use crate::plan::{Asked, SESSION_AGAIN, said_to_be_done};
use crate::version::Version;

/// How long a connection that was ended may take to go.
const ENDING: Duration = Duration::from_secs(2);

/// What became of a statement whose end is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It happened: the next run goes on after it.
    Done,
    /// It did not: the next run runs it.
    Again,
    /// Somebody took back all that its migration did: the next run begins it anew.
    Restart,
}

/// A statement that was started by a run that is gone, and whose end is not in the journal.
#[derive(Clone, Debug, Serialize)]
pub struct OpenStatement {
    /// Namespace.
    pub source: String,
    /// Version.
    pub version: Version,
    /// Version and name.
    pub label: String,
    /// Which statement, from 1.
    pub statement: i32,
    /// Statements in all.
    pub statements: i32,
    /// Whose run it was.
    pub started_by: String,
    /// When that run began with the migration.
    pub started_at: jiff::Timestamp,
    /// What was said of it.
    pub verdict: Option<Verdict>,
}

impl OpenStatement {
    fn of(attempt: &Attempt, running: i32) -> Self {
        Self {
            source: attempt.source.clone(),
            version: attempt.version.clone(),
            label: label(&attempt.version, &attempt.name),
            statement: running + 1,
            statements: attempt.statements,
            started_by: attempt.started_by.clone(),
            started_at: attempt.started_at,
            verdict: None,
        }
    }
}

impl Runner<'_> {
    /// Statements whose end is not known. A run looks them up in the catalog by itself; `repair` is
    /// for those that it can't find there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn open_statements(&self) -> Result<Vec<OpenStatement>, Error> {
        let mut driver = self.connect.connect().await?;
        let history = driver.read_history().await?;
        driver.close().await?;
        Ok(open(&history)
            .map(|(attempt, running)| OpenStatement::of(attempt, running))
            .collect())
    }

    /// Writes down what became of a version's open statement.
    ///
    /// # Errors
    /// It has none; or see [`Error`].
    pub async fn repair(&self, version: &str, verdict: Verdict) -> Result<OpenStatement, Error> {
        let mut driver = self.connect.connect().await?;
        let known = driver.read_history().await?;
        find(&known, version, verdict)?;
        let (lease, history) = lock::take(self, driver.as_mut(), None).await?;
        let result = self
            .repair_in(driver.as_mut(), &lease, &history, version, verdict)
            .await;
        // A failed run gives the lock back all the same; if even that fails, the lease runs out.
        let unlocked = driver.unlock(&lease).await;
        driver.close().await?;
        let statement = result?;
        unlocked?;
        Ok(statement)
    }

    async fn repair_in(
        &self,
        driver: &mut dyn Driver,
        lease: &Lease,
        history: &History,
        version: &str,
        verdict: Verdict,
    ) -> Result<OpenStatement, Error> {
        // Another run may have been at work before the lock was had.
        let (attempt, running) = find(history, version, verdict)?;
        let (done, said) = match verdict {
            Verdict::Done => (running + 1, "it happened"),
            Verdict::Again => (running, "it is to be run again"),
            Verdict::Restart => (0, "all before it was taken back"),
        };
        let who = self.options.owner.who();
        // What was said is an attempt of its own; the one that it is about stays as it was.
        let told = Attempt {
            id: AttemptId {
                run: lease.token,
                number: 1,
            },
            state: AttemptState::Failed,
            statements_done: done,
            statement_running: None,
            hashes: match (verdict, usize::try_from(running)) {
                (Verdict::Done, Ok(running)) => said_to_be_done(&attempt.hashes, running),
                _ => attempt.hashes.clone(),
            },
            error: Some(format!("statement {}: {who} said that {said}", running + 1)),
            started_by: who,
            ..attempt.clone()
        };
        let session = Asked::of(attempt) == Asked::Open && verdict == Verdict::Again;
        let after = vec![
            Write::Supersede {
                source: &attempt.source,
                version: attempt.version.as_str(),
            },
            Write::Attempt(&told),
            Write::Statement {
                id: told.id,
                done,
                running: None,
                state_before: session.then_some(SESSION_AGAIN),
            },
        ];
        let part = Part {
            after,
            ..Part::default()
        };
        let unit = Unit::of_writes(*lease, part);
        let applied = driver.apply(&unit, &mut |_| {}).await;
        applied.map_err(|failed| failed.error)?;
        Ok(OpenStatement {
            verdict: Some(verdict),
            ..OpenStatement::of(attempt, running)
        })
    }

    /// Who holds the lock, if anybody does.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn holder(&self) -> Result<Option<Holder>, Error> {
        let mut driver = self.connect.connect().await?;
        let mut history = driver.read_history().await?;
        lock::look_at_holder(driver.as_mut(), &mut history).await?;
        let holder = holder(driver.as_mut(), &history).await?;
        driver.close().await?;
        Ok(holder)
    }

    /// Takes the lock from whoever holds it and gives it back. The fence keeps that run, if it lives,
    /// from committing anything more. A unit of it that the server has only a part of, and waits for the
    /// rest of, is ended. Gives who held it, or none if nobody did.
    ///
    /// # Errors
    /// Something of that run is still at work in the server; or see [`Error`].
    pub async fn unlock(&self) -> Result<Option<Holder>, Error> {
        let mut driver = self.connect.connect().await?;
        let history = driver.read_history().await?;
        let Some(holder) = holder(driver.as_mut(), &history).await? else {
            driver.close().await?;
            return Ok(None);
        };
        let theirs = Lease {
            token: history.token,
            length: self.options.lease,
        };
        let (owner, length) = (&self.options.owner, self.options.lease);
        let mut attempt = driver.lock(owner, length, Some(&theirs)).await?;
        if let LockAttempt::Held(_) = attempt
            && driver.end_waiting_holder().await?
        {
            let ended = Instant::now();
            while matches!(attempt, LockAttempt::Held(_)) && ended.elapsed() < ENDING {
                tokio::time::sleep(ENDING / 40).await;
                attempt = driver.lock(owner, length, Some(&theirs)).await?;
            }
        }
        let result = match attempt {
            LockAttempt::Taken(lease, _) => driver.unlock(&lease).await.map_err(Error::from),
            LockAttempt::Held(_) => Err(at_work(&holder).into()),
        };
        driver.close().await?;
        result.map(|()| Some(holder))
    }
}

async fn holder(driver: &mut dyn Driver, history: &History) -> Result<Option<Holder>, DriverError> {
    match &history.holder {
        Some(holder) => Ok(Some(holder.clone())),
        None if history.exists => driver.unit_in_flight().await,
        None => Ok(None),
    }
}

fn at_work(holder: &Holder) -> DriverError {
    DriverError::new(
        DriverErrorKind::LockTimeout,
        format!("a transaction or a connection of its holder is still there: {holder}"),
    )
    .with_hint(
        "end that process, or its session in the server; the next run then takes over by itself",
    )
}

/// Open attempts with the statement that they were at.
fn open(history: &History) -> impl Iterator<Item = (&Attempt, i32)> {
    let open = |attempt: &&Attempt| {
        matches!(attempt.state, AttemptState::Started | AttemptState::Failed)
            && history
                .attempt(&attempt.source, &attempt.version)
                .is_some_and(|last| last.id == attempt.id)
    };
    let attempts = history.attempts.iter().filter(open);
    attempts.filter_map(|attempt| Some((attempt, attempt.statement_running?)))
}

/// Attempts that left something behind, with the statement that they came to.
fn half_done(history: &History) -> impl Iterator<Item = (&Attempt, i32)> {
    let is_last = |attempt: &&Attempt| {
        let last = history.attempt(&attempt.source, &attempt.version);
        attempt.is_half_done() && last.is_some_and(|last| last.id == attempt.id)
    };
    let attempts = history.attempts.iter().filter(is_last);
    attempts.map(|attempt| (attempt, attempt.statements_done))
}

fn find<'h>(
    history: &'h History,
    wanted: &str,
    verdict: Verdict,
) -> Result<(&'h Attempt, i32), Error> {
    let version = Version::new(wanted);
    let is_it = |attempt: &Attempt| {
        attempt.version == version
            || label(&attempt.version, &attempt.name) == wanted
            || format!("{}/{}", attempt.source, attempt.version) == wanted
    };
    let (all, none): (Vec<_>, _) = match verdict {
        Verdict::Restart => (half_done(history).collect(), "nothing of it is half-done"),
        _ => (
            open(history).collect(),
            "no statement of it has an unknown end",
        ),
    };
    if let Some(found) = all.iter().find(|(attempt, _)| is_it(attempt)) {
        return Ok(*found);
    }
    let message = format!("there is nothing to repair in {wanted}: {none}");
    let diagnostic = Diagnostic::error("nothing-to-repair", message);
    let labels = all.iter().map(|(one, _)| label(&one.version, &one.name));
    let labels: Vec<_> = labels.collect();
    Err(Error::refused(match labels.as_slice() {
        [] => diagnostic,
        list => diagnostic.help(format!("these have one: {}", list.join(", "))),
    }))
}
