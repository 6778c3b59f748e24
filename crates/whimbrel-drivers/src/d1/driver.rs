//! The driver contract over D1's HTTP API: one atomic unit is one request.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{
    Cancel, Capabilities, Driver, DriverError, DriverErrorKind, GroupError, Lease, LockAttempt,
    Outcome, Progress, Server, SessionOptions, Unit, UnitError,
};
use whimbrel_core::history::{History, Owner};
use whimbrel_sql::Dialect;

use super::LIMITS;
use super::answer::Answer;
use super::durations::Durations;
use super::errors::Failed;
use super::guard::{self, References};
use super::http::{Api, Query};
use super::locate;
use super::unit::{Composer, FLAVOR, Operation, Role, drops_table};
use crate::history_sql::{self, Claim, Flavor, Row};
use crate::process;

/// Units that share a request: enough to make the distance cheap, few enough for D1's 30 seconds.
const UNITS_AT_ONCE: usize = 50;
/// Checksums that are asked for by one statement.
const SCRIPTS_AT_ONCE: usize = 500;

pub(super) struct D1 {
    api: Api,
    options: SessionOptions,
    server: Server,
    durations: Durations,
    /// The process that had the lock when it was looked at last.
    holder: Option<String>,
}

impl D1 {
    pub(super) fn new(api: Api, options: SessionOptions) -> Self {
        Self {
            api,
            options,
            server: Server {
                engine: "Cloudflare D1",
                version: "(HTTP API v4)".to_owned(),
                major: 4,
                capabilities: Capabilities {
                    transactional_ddl: true,
                    cancel: false,
                    enum_value_in_transaction: true,
                    units_at_once: UNITS_AT_ONCE,
                    batches_only: true,
                    limits: Some(LIMITS),
                },
                pooled: false,
                lock_slots: None,
            },
            durations: Durations::default(),
            holder: None,
        }
    }

    /// The statements that read the history.
    fn reads(&self) -> [Query; 4] {
        let tables = &self.options.tables;
        let lock = history_sql::table(&FLAVOR, tables, &tables.lock);
        [
            Query::new(history_sql::select_lock(&FLAVOR, tables)),
            Query::new(history_sql::select_applied(&FLAVOR, tables)),
            Query::new(history_sql::select_attempts(&FLAVOR, tables)),
            Query::new(format!("SELECT connection FROM {lock} WHERE id = 1")),
        ]
    }

    /// The history from the answers to [`D1::reads`].
    fn history(&mut self, answers: Vec<Answer>) -> Result<History, DriverError> {
        let rows: Vec<_> = answers.into_iter().map(Answer::rows).collect();
        let Ok([lock, applied, attempts, holder]) = <[Vec<Row>; 4]>::try_from(rows) else {
            return Err(DriverError::new(
                DriverErrorKind::History,
                "D1 answered something else than was asked",
            ));
        };
        self.holder = holder
            .first()
            .and_then(|row| row.first().cloned().flatten());
        history_sql::history(lock, applied, attempts)
    }

    /// Who we are, and whether the process that was seen to hold the lock is gone.
    fn claim(&self) -> Claim {
        let gone = self.holder.as_deref().filter(|name| process::is_gone(name));
        Claim {
            connection: process::own().map(|name| FLAVOR.literal(&name)),
            gone: gone.map(|name| format!("connection = {}", FLAVOR.literal(name))),
        }
    }

    /// True if an error says that the history is not there yet.
    fn is_missing(&self, error: &DriverError) -> bool {
        error.kind == DriverErrorKind::DoesNotExist
            && error.message == format!("no such table: {}", self.options.tables.lock)
    }

    fn composer<'c>(&'c self, references: &'c References) -> Composer<'c> {
        Composer {
            options: &self.options,
            references,
        }
    }

    /// What refers to what, where a unit drops tables.
    async fn references(&self, units: &[Unit<'_>]) -> Result<References, Failed> {
        let mut parts = units.iter().flat_map(|unit| &unit.parts);
        if !parts.any(|part| part.statements.iter().any(|bound| drops_table(&bound))) {
            return Ok(References::new());
        }
        let answers = self.api.read(&[guard::select()]).await?;
        let rows = answers.into_iter().flat_map(Answer::rows).collect();
        Ok(guard::references(rows))
    }

    /// Sends units as one request.
    async fn run(
        &mut self,
        units: &[Unit<'_>],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), GroupError> {
        let references = match self.references(units).await {
            Ok(references) => references,
            Err(failed) => return Err(before_it_ran(failed)),
        };
        let operations = self.composer(&references).compose(units);
        let batch: Vec<_> = operations.iter().map(|one| one.query.clone()).collect();
        match self.api.send(&batch).await {
            Ok(answers) => {
                tell(units, &operations, &answers, progress);
                self.durations.note(units, &operations, &answers);
                Ok(())
            }
            Err(failed) if failed.by_statement => {
                Err(self.explain(units, &operations, failed).await)
            }
            Err(failed) => Err(unexplained(units, failed)),
        }
    }

    /// Finds out which statement failed, and whether it was the fence.
    async fn explain(
        &self,
        units: &[Unit<'_>],
        operations: &[Operation],
        failed: Failed,
    ) -> GroupError {
        let token = units.first().map_or(0, |unit| unit.lease.token);
        let mut error = failed.error;
        let checks = error.message.starts_with("CHECK constraint failed");
        if checks && self.holds(token).await == Some(false) {
            return rolled_back(0, 0, None, history_sql::fenced());
        }
        let place = locate::failed_at(&self.api, operations).await;
        let Some(operation) = place.and_then(|place| operations.get(place)) else {
            return rolled_back(units.len().saturating_sub(1), 0, None, error);
        };
        match &operation.role {
            Role::Statement { part, statement } => {
                rolled_back(operation.unit, *part, Some(*statement), error)
            }
            Role::Guard {
                part,
                statement,
                why,
            } => {
                error = guard::refused(why);
                rolled_back(operation.unit, *part, Some(*statement), error)
            }
            Role::Fence if checks => rolled_back(0, 0, None, history_sql::fenced()),
            Role::Fence | Role::Frame => {
                error.position = None;
                rolled_back(operation.unit, 0, None, error)
            }
        }
    }

    /// Is the lock still that of a token?
    async fn holds(&self, token: i64) -> Option<bool> {
        let [lock, ..] = self.reads();
        let answers = self.api.read(&[lock]).await.ok()?;
        let rows = answers.into_iter().next()?.rows();
        let row = history_sql::lock(rows.first()?).ok()?;
        Some(row.token == token)
    }
}

fn rolled_back(
    unit: usize,
    part: usize,
    statement: Option<usize>,
    error: DriverError,
) -> GroupError {
    GroupError {
        unit,
        done: 0,
        error: UnitError {
            error,
            part,
            statement,
            outcome: Outcome::RolledBack,
        },
    }
}

/// Looking things up failed, so nothing was sent that changes anything.
fn before_it_ran(failed: Failed) -> GroupError {
    let mut error = failed.error;
    if error.kind == DriverErrorKind::Connect {
        error.kind = DriverErrorKind::Lost;
    }
    rolled_back(0, 0, None, error)
}

/// The request as a whole failed. Where that may be for its size, or nobody knows how it ended, its
/// last unit is named, so that after it all go one by one.
fn unexplained(units: &[Unit<'_>], failed: Failed) -> GroupError {
    let is_refused = failed.error.kind == DriverErrorKind::Statement;
    if failed.outcome == Outcome::RolledBack && !is_refused {
        return before_it_ran(failed);
    }
    let mut error = rolled_back(units.len().saturating_sub(1), 0, None, failed.error);
    error.error.outcome = failed.outcome;
    error
}

/// Reports all that a request did.
fn tell(
    units: &[Unit<'_>],
    operations: &[Operation],
    answers: &[Answer],
    progress: &mut (dyn FnMut(Progress) + Send),
) {
    let mut unit = 0;
    for (operation, answer) in operations.iter().zip(answers) {
        while unit < operation.unit {
            unit += 1;
            progress(Progress::UnitDone);
        }
        if let Role::Statement { part, statement } = operation.role {
            progress(Progress::StatementDone {
                part,
                statement,
                rows: answer.meta.changes,
            });
        }
    }
    for _ in unit..units.len() {
        progress(Progress::UnitDone);
    }
}

#[async_trait]
impl Driver for D1 {
    fn server(&self) -> &Server {
        &self.server
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn read_history(&mut self) -> Result<History, DriverError> {
        match self.api.read(&self.reads()).await {
            Ok(answers) => self.history(answers),
            Err(failed) if self.is_missing(&failed.error) => Ok(History::default()),
            Err(failed) => Err(failed.error),
        }
    }

    async fn create_history(&mut self) -> Result<(), DriverError> {
        let statements = history_sql::create(&FLAVOR, &self.options.tables);
        let batch: Vec<_> = statements.into_iter().map(Query::new).collect();
        // Each creates what is missing, so it may be sent again whatever happened.
        let result = self.api.read(&batch).await;
        result.map(drop).map_err(|failed| failed.error)
    }

    async fn lock(
        &mut self,
        owner: &Owner,
        lease: Duration,
        previous: Option<&Lease>,
    ) -> Result<LockAttempt, DriverError> {
        let tables = &self.options.tables;
        let claim = self.claim();
        let take = history_sql::take_lock(&FLAVOR, tables, owner, lease, previous, &claim);
        let mut batch = vec![Query::new(format!("{take} RETURNING token"))];
        batch.extend(self.reads());
        let sent = self.api.send(&batch).await;
        let mut answers = sent.map_err(|failed| failed.error)?;
        let taken = answers.remove(0).rows().len() == 1;
        let history = self.history(answers)?;
        if !taken {
            return history_sql::held(history);
        }
        let lease = Lease {
            token: history.token,
            length: lease,
        };
        Ok(LockAttempt::Taken(lease, Box::new(history)))
    }

    async fn unlock(&mut self, lease: &Lease) -> Result<(), DriverError> {
        let tables = &self.options.tables;
        let mut batch = self.durations.take(tables, lease.token);
        let release = history_sql::release_lock(&FLAVOR, tables, lease.token);
        batch.push(Query::new(release));
        // It changes nothing once the lock is somebody else's, so it may be sent again.
        let result = self.api.read(&batch).await;
        result.map(drop).map_err(|failed| failed.error)
    }

    /// Requests have no connection that could outlive them.
    async fn is_connection_alive(&mut self, _connection: &str) -> Result<bool, DriverError> {
        Ok(false)
    }

    async fn is_holder_gone(&mut self) -> Result<bool, DriverError> {
        Ok(self.claim().gone.is_some())
    }

    async fn apply(
        &mut self,
        unit: &Unit<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), UnitError> {
        // The one unit's end is what this call's end says.
        let mut hear = |said: Progress| {
            if !matches!(said, Progress::UnitDone) {
                progress(said);
            }
        };
        let result = self.run(std::slice::from_ref(unit), &mut hear).await;
        result.map_err(|failed| failed.error)
    }

    async fn apply_all(
        &mut self,
        units: &[Unit<'_>],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), GroupError> {
        self.run(units, progress).await
    }

    fn render(&self, unit: &Unit<'_>) -> String {
        let operations = self
            .composer(&References::new())
            .compose(std::slice::from_ref(unit));
        let mut text = "-- One batch, which happens as a whole or not at all:\n".to_owned();
        text.extend(operations.iter().map(|one| one.query.listing()));
        text
    }

    async fn kept_scripts(
        &mut self,
        checksums: &[Checksum],
    ) -> Result<HashMap<Checksum, String>, DriverError> {
        let tables = &self.options.tables;
        let batch: Vec<_> = checksums
            .chunks(SCRIPTS_AT_ONCE)
            .map(|some| Query::new(history_sql::select_scripts(&FLAVOR, tables, some)))
            .collect();
        let answers = self.api.read(&batch).await;
        let answers = answers.map_err(|failed| failed.error)?;
        let rows = answers.into_iter().flat_map(Answer::rows).collect();
        Ok(history_sql::scripts(rows))
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, DriverError> {
        let rows = self.api.raw(&Query::new(sql)).await;
        rows.map_err(|failed| failed.error)
    }

    fn canceller(&self) -> Option<Arc<dyn Cancel>> {
        Some(Arc::new(Abandon(Arc::clone(&self.api.abandon))))
    }

    async fn close(self: Box<Self>) -> Result<(), DriverError> {
        Ok(())
    }
}

/// D1 can't be asked to stop. So nobody waits for the answer any more, and the engine takes the
/// lock over: what is still under way then fails at its fence.
struct Abandon(Arc<Notify>);

#[async_trait]
impl Cancel for Abandon {
    async fn cancel(&self) -> Result<(), DriverError> {
        self.0.notify_waiters();
        Ok(())
    }
}
