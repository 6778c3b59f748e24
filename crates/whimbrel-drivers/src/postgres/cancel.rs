//! Cancelling, and what else is asked about a connection at work: on one of its own.

use std::sync::Arc;

use async_trait::async_trait;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use whimbrel_core::driver::{Cancel, DriverError};

use super::config::Config;
use super::connection::{BackendKey, Connection};
use super::{errors, observe, socket};
use crate::history_sql::Row;

/// Sends a cancel request on a connection of its own.
pub(super) struct Canceller {
    config: Arc<Config>,
    key: BackendKey,
    pooled: bool,
}

impl Canceller {
    pub(super) fn new(config: Arc<Config>, key: BackendKey, pooled: bool) -> Self {
        Self {
            config,
            key,
            pooled,
        }
    }

    /// On a connection of its own to the same server.
    async fn ask(&self, sql: &str) -> Result<Vec<Row>, DriverError> {
        let mut config = Config::clone(&self.config);
        config.hosts = vec![self.key.host.clone()];
        let mut connection = Connection::open(&config).await?;
        let rows = connection.rows(&[sql]).await;
        let rows = rows.map_err(|failed| failed.error)?;
        connection.terminate().await?;
        Ok(rows)
    }
}

#[async_trait]
impl Cancel for Canceller {
    async fn cancel(&self) -> Result<(), DriverError> {
        let mut stream = socket::open_one(&self.config, &self.key.host).await?.stream;
        let mut message = bytes::BytesMut::new();
        frontend::cancel_request(self.key.pid, self.key.secret, &mut message);
        stream
            .write_all(&message)
            .await
            .map_err(|error| errors::lost(&error))?;
        // The server closes the connection when it has passed the request on.
        let mut nothing = [0; 1];
        let _ = stream.read(&mut nothing).await;
        Ok(())
    }

    /// A loop that catches `query_canceled` goes on after each; this can't be caught.
    async fn end_connection(&self) -> Result<(), DriverError> {
        // A pooler's key names no backend.
        if self.pooled {
            return self.cancel().await;
        }
        let end = format!("SELECT pg_catalog.pg_terminate_backend({})", self.key.pid);
        self.ask(&end).await.map(drop)
    }

    async fn held_up_by(&self) -> Result<Vec<String>, DriverError> {
        if self.pooled {
            return Ok(Vec::new());
        }
        let rows = self.ask(&observe::select_blocking(self.key.pid)).await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }
}
