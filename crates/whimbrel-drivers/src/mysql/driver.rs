//! The driver contract over a MySQL or MariaDB connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mysql_async::Conn;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{
    BoundStatement, Cancel, Driver, DriverError, DriverErrorKind, GroupError, Lease, LockAttempt,
    Observation, SchemaObject, Server, SessionOptions, Unit, UnitError, Untransactional,
};
use whimbrel_core::history::{History, Owner};
use whimbrel_sql::{Dialect, Target};

use super::config::Config;
use super::flavor::Mysql as Flavor;
use super::message::Progressing;
use super::wire::{Canceller, batch, first, rows};
use super::{errors, observe};
use crate::history_sql;

pub(super) struct Mysql {
    pub(super) connection: Conn,
    pub(super) config: Arc<Config>,
    pub(super) options: SessionOptions,
    pub(super) server: Server,
    /// True if the session may not be as it was at connection.
    pub(super) dirty: bool,
    /// What is set for it in this session.
    pub(super) lock_timeout: Option<Duration>,
}

/// How often the creation of the history tables is tried when others create them too.
const CREATE_TRIES: u32 = 10;

#[async_trait]
impl Driver for Mysql {
    fn server(&self) -> &Server {
        &self.server
    }

    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    async fn read_history(&mut self) -> Result<History, DriverError> {
        self.read().await
    }

    async fn create_history(&mut self) -> Result<(), DriverError> {
        let statements = history_sql::create(&Flavor, &self.options.tables).join(";\n");
        // Where several create the tables at once, IF NOT EXISTS may answer before the other's
        // table can be read: what counts is that the whole history can be read.
        for tries in 1..=CREATE_TRIES {
            match batch(&mut self.connection, &statements).await {
                Ok(_) if self.read().await?.exists => return Ok(()),
                Err(error) if tries == CREATE_TRIES || error.kind == DriverErrorKind::Lost => {
                    return Err(error);
                }
                _ => tokio::time::sleep(Duration::from_millis(20 * u64::from(tries))).await,
            }
        }
        Err(DriverError::new(
            DriverErrorKind::History,
            "the history tables were created, but can't be read",
        ))
    }

    async fn lock(
        &mut self,
        owner: &Owner,
        lease: Duration,
        previous: Option<&Lease>,
    ) -> Result<LockAttempt, DriverError> {
        if self.dirty {
            // The first unit would do so and let go of the named lock for a moment, which others
            // would take for its holder's death.
            self.clean().await?;
        }
        self.try_lock(owner, lease, previous).await
    }

    async fn unlock(&mut self, lease: &Lease) -> Result<(), DriverError> {
        self.give_back(lease).await
    }

    /// Whoever lives has the named lock, save for a moment.
    async fn is_holder_gone(&mut self) -> Result<bool, DriverError> {
        let (tables, name) = (&self.options.tables, self.lock_name());
        let lock = history_sql::table(&Flavor, tables, &tables.lock);
        let gone = super::lock::claim().gone.unwrap_or_default();
        let select = format!(
            "SELECT 1 FROM {lock} WHERE owner IS NOT NULL AND IS_FREE_LOCK({name}) AND {gone}"
        );
        Ok(!rows(&mut self.connection, &select).await?.is_empty())
    }

    async fn is_connection_alive(&mut self, connection: &str) -> Result<bool, DriverError> {
        let Ok(id) = connection.parse::<u64>() else {
            return Ok(false);
        };
        let select = format!(
            "SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = {id} AND COMMAND <> 'Sleep' AND ID <> CONNECTION_ID()"
        );
        Ok(!rows(&mut self.connection, &select).await?.is_empty())
    }

    async fn apply(&mut self, unit: &Unit<'_>, progress: Progressing<'_>) -> Result<(), UnitError> {
        self.run(unit, progress).await
    }

    async fn apply_all(
        &mut self,
        units: &[Unit<'_>],
        progress: Progressing<'_>,
    ) -> Result<(), GroupError> {
        self.run_all(units, progress).await
    }

    async fn untransactional(&mut self, tables: &[Target]) -> Result<Untransactional, DriverError> {
        super::untransactional::ask(&mut self.connection, tables).await
    }

    fn observes_itself(&self) -> bool {
        true
    }

    fn render(&self, unit: &Unit<'_>) -> String {
        self.text(unit)
    }

    async fn render_lock(
        &mut self,
        owner: &Owner,
        lease: &Lease,
        create: bool,
    ) -> Result<[String; 2], DriverError> {
        Ok(self.lock_text(owner, lease, create))
    }

    async fn kept_scripts(
        &mut self,
        checksums: &[Checksum],
    ) -> Result<HashMap<Checksum, String>, DriverError> {
        let select = history_sql::select_scripts(&Flavor, &self.options.tables, checksums);
        Ok(history_sql::scripts(
            rows(&mut self.connection, &select).await?,
        ))
    }

    async fn observe(
        &mut self,
        statement: &BoundStatement<'_>,
    ) -> Result<Option<Observation>, DriverError> {
        let Some(select) = observe::select(statement.text, statement.facts.verb) else {
            return Ok(None);
        };
        let state = first(rows(&mut self.connection, &select).await?);
        Ok(state.map(|state| Observation {
            state,
            remains: None,
        }))
    }

    async fn blockers(
        &mut self,
        _statement: &BoundStatement<'_>,
    ) -> Result<Vec<String>, DriverError> {
        let found = rows(&mut self.connection, &observe::select_blockers()).await?;
        Ok(found.into_iter().flatten().flatten().collect())
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, DriverError> {
        // What it was is not looked at.
        self.dirty = true;
        rows(&mut self.connection, sql).await
    }

    async fn schema(&mut self) -> Result<Option<Vec<SchemaObject>>, DriverError> {
        let (tables, database) = (self.options.tables.clone(), self.config.database.clone());
        super::shadow::schema(self, &tables, &database)
            .await
            .map(Some)
    }

    fn canceller(&self) -> Option<Arc<dyn Cancel>> {
        Some(Arc::new(Canceller {
            config: Arc::clone(&self.config),
            id: self.connection.id(),
        }))
    }

    async fn close(self: Box<Self>) -> Result<(), DriverError> {
        self.connection
            .disconnect()
            .await
            .map_err(|error| errors::error(&error))
    }
}
