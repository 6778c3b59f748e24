//! The driver contract over D1's HTTP API: one atomic unit is one request.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{
    Cancel, Capabilities, Driver, DriverError, DriverErrorKind, GroupError, Lease, LockAttempt,
    Progress, Server, SessionOptions, Unit, UnitError,
};
use whimbrel_core::history::{History, Owner};
use whimbrel_sql::Dialect;

use super::LIMITS;
use super::answer::Answer;
use super::durations::Durations;
use super::guard::References;
use super::http::{Api, Query};
use super::unit::FLAVOR;
use crate::history_sql::{self, Claim, Row};
use crate::process;

/// Units that share a request: enough to make the distance cheap, few enough for D1's 30 seconds.
const UNITS_AT_ONCE: usize = 50;
/// Checksums that are asked for by one statement.
const SCRIPTS_AT_ONCE: usize = 500;

pub(super) struct D1 {
    pub(super) api: Api,
    pub(super) options: SessionOptions,
    server: Server,
    pub(super) durations: Durations,
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
    pub(super) fn reads(&self) -> [Query; 4] {
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
        process::claim(&FLAVOR, self.holder.as_deref())
    }

    /// True if an error says that the history is not there yet.
    fn is_missing(&self, error: &DriverError) -> bool {
        error.kind == DriverErrorKind::DoesNotExist
            && error.message == format!("no such table: {}", self.options.tables.lock)
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

    async fn render_lock(
        &mut self,
        owner: &Owner,
        lease: &Lease,
        create: bool,
    ) -> Result<[String; 2], DriverError> {
        let tables = &self.options.tables;
        let created = create.then(|| history_sql::create(&FLAVOR, tables));
        let take =
            history_sql::take_lock(&FLAVOR, tables, owner, lease.length, None, &self.claim());
        let release = history_sql::release_lock(&FLAVOR, tables, lease.token);
        Ok(history_sql::lock_listing(created, [take], [release]))
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
