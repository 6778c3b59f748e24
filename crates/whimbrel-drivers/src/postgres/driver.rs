//! The driver contract over a PostgreSQL connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{
    BoundStatement, Cancel, Capabilities, Driver, DriverError, GroupError, Lease, LockAttempt,
    Observation, Outcome, Progress, SchemaObject, Server, SessionOptions, Unit, UnitError,
};
use whimbrel_core::history::{History, Holder, Owner};
use whimbrel_sql::Dialect;

use super::cancel::Canceller;
use super::config::Config;
use super::connection::Connection;
use super::flavor::{GONE, Postgres as Flavor};
use super::observe;
use super::unit::{Batch, Composer, leaves_state};
use crate::history_sql::{self, Row};

/// Units are sent this many at a time: what fails is known a little later, and the round trips
/// count for little.
const UNITS_AT_ONCE: usize = 32;

pub(super) struct Postgres {
    pub(super) connection: Connection,
    config: Arc<Config>,
    pub(super) options: SessionOptions,
    pub(super) server: Server,
    /// True if the session may hold what a reset of roles and settings leaves.
    pub(super) dirty: bool,
}

impl Postgres {
    pub(super) async fn open(
        config: Arc<Config>,
        options: SessionOptions,
    ) -> Result<Self, DriverError> {
        let connection = Connection::open(&config).await?;
        let version = connection.version().to_owned();
        let major = version
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let server = Server {
            engine: "PostgreSQL",
            major,
            capabilities: Capabilities {
                transactional_ddl: true,
                cancel: true,
                enum_value_in_transaction: major >= 12,
                units_at_once: UNITS_AT_ONCE,
                batches_only: false,
                limits: None,
            },
            pooled: false,
            lock_slots: None,
            version,
        };
        // A pooler may hand us a connection that others used.
        Ok(Self {
            connection,
            config,
            options,
            server,
            dirty: true,
        })
    }

    pub(super) async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, DriverError> {
        let rows = self.connection.rows(&[sql]).await;
        rows.map_err(|failed| failed.error)
    }

    /// SQL for the backends that keep the lock from being taken: by their transactions, or by a
    /// statement outside of them.
    fn in_flight(&self) -> String {
        let lock = history_sql::table(&Flavor, &self.options.tables, &self.options.tables.lock);
        let lock = history_sql::Flavor::literal(&Flavor, &lock);
        let log = history_sql::table(&Flavor, &self.options.tables, &self.options.tables.log);
        format!(
            "SELECT l.pid FROM pg_catalog.pg_locks l WHERE l.relation = pg_catalog.to_regclass({lock}) AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) AND l.mode <> 'AccessShareLock' AND l.granted AND l.pid <> pg_catalog.pg_backend_pid() UNION ALL SELECT a.pid FROM {log} g, pg_catalog.pg_stat_activity a WHERE g.state = 'started' AND g.statement_running IS NOT NULL AND g.connection = a.pid || ' ' || extract(epoch FROM a.backend_start) AND a.state <> 'idle' AND a.pid <> pg_catalog.pg_backend_pid()"
        )
    }

    pub(super) async fn roll_back(&mut self) {
        if self.connection.in_transaction() {
            // If this fails the connection is gone, and the transaction with it.
            let _ = self.connection.rows(&["ROLLBACK"]).await;
        }
    }
}

#[async_trait]
impl Driver for Postgres {
    fn server(&self) -> &Server {
        &self.server
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn read_history(&mut self) -> Result<History, DriverError> {
        self.look_up_history().await
    }

    async fn create_history(&mut self) -> Result<(), DriverError> {
        self.make_history().await
    }

    async fn lock(
        &mut self,
        owner: &Owner,
        lease: Duration,
        previous: Option<&Lease>,
    ) -> Result<LockAttempt, DriverError> {
        self.try_lock(owner, lease, previous).await
    }

    async fn unlock(&mut self, lease: &Lease) -> Result<(), DriverError> {
        let commands = self.releasing(lease);
        let result = self.connection.at_once(&commands, &mut |_, _| {}).await;
        result.map_err(|failed| failed.error)
    }

    async fn is_connection_alive(&mut self, connection: &str) -> Result<bool, DriverError> {
        let mine = history_sql::Flavor::literal(&Flavor, connection);
        let select = format!(
            "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid || ' ' || extract(epoch FROM backend_start) = {mine} AND pid <> pg_catalog.pg_backend_pid() AND state <> 'idle'"
        );
        let rows = self.rows(&select).await?;
        Ok(!rows.is_empty())
    }

    async fn is_holder_gone(&mut self) -> Result<bool, DriverError> {
        let lock = history_sql::table(&Flavor, &self.options.tables, &self.options.tables.lock);
        let select = format!("SELECT 1 FROM {lock} WHERE owner IS NOT NULL AND {GONE}");
        let rows = self.rows(&select).await?;
        Ok(!rows.is_empty())
    }

    async fn unit_in_flight(&mut self) -> Result<Option<Holder>, DriverError> {
        let select = format!("SELECT 1 WHERE EXISTS ({})", self.in_flight());
        if self.rows(&select).await?.is_empty() {
            return Ok(None);
        }
        self.holder().await.map(Some)
    }

    async fn end_waiting_holder(&mut self) -> Result<bool, DriverError> {
        let select = format!(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid IN ({}) AND wait_event = 'ClientRead' AND state <> 'idle' AND coalesce(xact_start, query_start) < pg_catalog.clock_timestamp() - interval '1 second'",
            self.in_flight()
        );
        let rows = self.rows(&select).await?;
        Ok(!rows.is_empty())
    }

    async fn apply(
        &mut self,
        unit: &Unit<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), UnitError> {
        let options = self.options.clone();
        let composer = Composer {
            options: &options,
            pooled: self.server.pooled,
        };
        let discard = self.dirty;
        if unit.atomic {
            let batch = composer.atomic(std::slice::from_ref(unit), discard);
            self.send(&batch, 1, progress).await.map_err(|(_, e)| e)?;
        } else {
            let [alone, after] = composer.single(unit, discard);
            let ran = self.send(&alone, 1, progress).await;
            ran.map_err(|(_, mut failed)| {
                if failed.statement.is_some() && failed.outcome == Outcome::RolledBack {
                    failed.outcome = Outcome::StatementFailed;
                }
                failed
            })?;
            self.send(&after, 1, progress).await.map_err(|(_, e)| e)?;
        }
        self.dirty = leaves_state(unit) || (unit.continues && self.dirty);
        Ok(())
    }

    async fn apply_all(
        &mut self,
        units: &[Unit<'_>],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), GroupError> {
        let options = self.options.clone();
        let batch = Composer {
            options: &options,
            pooled: self.server.pooled,
        }
        .atomic(units, self.dirty);
        // Counted even for one: who sends a group hears when each of it is done.
        let result = self.send(&batch, units.len().max(2), progress).await;
        self.dirty = units.iter().any(leaves_state);
        result.map_err(|(done, error)| GroupError {
            unit: done,
            done,
            error,
        })
    }

    async fn observe(
        &mut self,
        statement: &BoundStatement<'_>,
    ) -> Result<Option<Observation>, DriverError> {
        let Some(select) = observe::select(statement) else {
            return Ok(None);
        };
        let rows = self.query(&select).await?;
        Ok(observe::observation(&rows))
    }

    async fn blockers(
        &mut self,
        statement: &BoundStatement<'_>,
    ) -> Result<Vec<String>, DriverError> {
        let rows = self.query(&observe::select_blockers(statement)).await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    fn render(&self, unit: &Unit<'_>) -> String {
        self.render_next(unit, self.dirty)
    }

    fn render_next(&self, unit: &Unit<'_>, left_something: bool) -> String {
        let composer = Composer {
            options: &self.options,
            pooled: self.server.pooled,
        };
        if unit.atomic {
            let units = std::slice::from_ref(unit);
            composer.atomic(units, left_something).render()
        } else {
            let batches = composer.single(unit, left_something);
            batches.iter().map(Batch::render).collect()
        }
    }

    async fn render_lock(
        &mut self,
        owner: &Owner,
        lease: &Lease,
        create: bool,
    ) -> Result<[String; 2], DriverError> {
        self.lock_text(owner, lease, create).await
    }

    async fn kept_scripts(
        &mut self,
        checksums: &[Checksum],
    ) -> Result<HashMap<Checksum, String>, DriverError> {
        let select = history_sql::select_scripts(&Flavor, &self.options.tables, checksums);
        let rows = self.rows(&select).await?;
        Ok(history_sql::scripts(rows))
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, DriverError> {
        // What it was is not looked at.
        self.dirty = true;
        self.rows(sql).await
    }

    async fn schema(&mut self) -> Result<Option<Vec<SchemaObject>>, DriverError> {
        let tables = self.options.tables.clone();
        super::schema::schema(self, &tables).await.map(Some)
    }

    fn canceller(&self) -> Option<Arc<dyn Cancel>> {
        let key = self.connection.key();
        Some(Arc::new(Canceller::new(
            Arc::clone(&self.config),
            key,
            self.server.pooled,
        )))
    }

    async fn close(self: Box<Self>) -> Result<(), DriverError> {
        self.connection.terminate().await
    }
}
