//! The session: each migration finds it as new.

use std::sync::Arc;
use std::time::Duration;

use whimbrel_core::driver::{Capabilities, DriverError, Limits, Server, SessionOptions};

use super::config::Config;
use super::connect::connect;
use super::driver::Mysql;
use super::errors;
use super::flavor::Mysql as Flavor;
use super::wire::{batch, first, rows};
use crate::history_sql;

/// How long the named lock is waited for after a reset. Others have it for one message at most.
const RETAKE_SECONDS: u32 = 10;

/// The library asks for a character set when it connects, which a reset forgets: MySQL goes back to
/// the server's own, and could misread what comes after. What a server may have set for every session
/// otherwise, and all that is read and written here relies on: one by one committed, to its end read.
pub(super) const AS_NEEDED: &str = "SET NAMES utf8mb4, autocommit = 1, completion_type = 0, sql_select_limit = 18446744073709551615";

impl Mysql {
    pub(super) async fn open(
        config: Arc<Config>,
        mut options: SessionOptions,
    ) -> Result<Self, DriverError> {
        let mut connection = connect(&config).await?;
        let about = format!("{AS_NEEDED};\nSELECT VERSION(), @@max_allowed_packet");
        let about = rows(&mut connection, &about).await?;
        let mut about = about.into_iter().flatten().map(Option::unwrap_or_default);
        let version = about.next().unwrap_or_default();
        let packet = about.next().and_then(|bytes| bytes.parse().ok());
        // The history stays where it is, whatever a migration USEs.
        options
            .tables
            .schema
            .get_or_insert_with(|| config.database.clone());
        let mut driver = Self {
            connection,
            config,
            options,
            server: server(version, packet),
            dirty: false,
            lock_timeout: None,
        };
        driver.session_sql().await?;
        Ok(driver)
    }

    pub(super) async fn session_sql(&mut self) -> Result<(), DriverError> {
        for sql in &self.options.session_sql {
            rows(&mut self.connection, sql).await?;
        }
        Ok(())
    }

    /// A session as new, with the named lock.
    pub(super) async fn reset(&mut self) -> Result<(), DriverError> {
        // A reset frees named locks, and the dead client's guard with them: take it at once again.
        // Whoever gets in between sees our connection in the lock row and gives it back.
        let again = format!("SELECT GET_LOCK({}, {RETAKE_SECONDS})", self.lock_name());
        let got = self.as_new(&again).await?;
        if got.as_deref() != Some("1") {
            return Err(history_sql::fenced());
        }
        self.session_sql().await
    }

    /// A session as new, without the named lock.
    pub(super) async fn clean(&mut self) -> Result<(), DriverError> {
        self.as_new("DO 1").await?;
        self.session_sql().await
    }

    /// Resets the connection and runs one statement in the message that puts things in their place.
    async fn as_new(&mut self, then: &str) -> Result<Option<String>, DriverError> {
        let reset = self.connection.reset().await;
        reset.map_err(|error| errors::error(&error))?;
        let database = history_sql::Flavor::name(&Flavor, &self.config.database);
        let place = format!("{AS_NEEDED};\nUSE {database};\n{then}");
        let sets = batch(&mut self.connection, &place).await?;
        self.dirty = false;
        self.lock_timeout = None;
        Ok(sets.into_iter().next().and_then(first))
    }

    /// What sets the longest wait for locks, where it is not set already.
    pub(super) fn limit_waits(&self, limit: Option<Duration>) -> Option<String> {
        let limit = limit.filter(|limit| self.lock_timeout != Some(*limit))?;
        let seconds = limit.as_secs().max(1);
        Some(format!(
            "SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}"
        ))
    }
}

fn server(version: String, packet: Option<usize>) -> Server {
    let maria = version.contains("MariaDB");
    Server {
        engine: if maria { "MariaDB" } else { "MySQL" },
        major: version
            .split('.')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0),
        capabilities: Capabilities {
            transactional_ddl: false,
            cancel: true,
            enum_value_in_transaction: true,
            units_at_once: 32,
            batches_only: false,
            // A packet holds the command's own byte, too, and must be smaller than the limit.
            limits: packet.map(|bytes| Limits::of_statements(bytes.saturating_sub(2))),
        },
        pooled: false,
        lock_slots: None,
        version,
    }
}
