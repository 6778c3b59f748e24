//! Messages to the server and what comes back.

use std::sync::Arc;

use async_trait::async_trait;
use mysql_async::prelude::{Protocol, Queryable};
use mysql_async::{Conn, QueryResult, Value};
use whimbrel_core::driver::{Cancel, DriverError};
use whimbrel_core::failpoint;

use super::config::Config;
use super::connect::connect;
use super::{errors, observe};
use crate::history_sql::Row;

/// Runs several statements in one message; gives their rows as text.
pub(super) async fn batch(connection: &mut Conn, sql: &str) -> Result<Vec<Vec<Row>>, DriverError> {
    let failed = |error| errors::error(&error);
    failpoint::reach();
    let mut result = connection.query_iter(sql).await.map_err(failed)?;
    let mut sets = Vec::new();
    while !result.is_empty() {
        let has_columns = !result.columns_ref().is_empty();
        let set: Vec<mysql_async::Row> = result.collect().await.map_err(failed)?;
        if has_columns {
            sets.push(
                set.into_iter()
                    .map(|row| row.unwrap().into_iter().map(text).collect())
                    .collect(),
            );
        }
    }
    end_of(&mut result).await?;
    failpoint::reach();
    Ok(sets)
}

/// An error that comes after a result is kept back until something is read after it; left there, it
/// would be taken for the next query's.
pub(super) async fn end_of<P: Protocol>(
    result: &mut QueryResult<'_, '_, P>,
) -> Result<(), DriverError> {
    let nothing: Vec<mysql_async::Row> = result.collect().await.map_err(|e| errors::error(&e))?;
    debug_assert!(nothing.is_empty());
    Ok(())
}

pub(super) async fn rows(connection: &mut Conn, sql: &str) -> Result<Vec<Row>, DriverError> {
    Ok(batch(connection, sql).await?.pop().unwrap_or_default())
}

/// The first value there is.
pub(super) fn first(rows: Vec<Row>) -> Option<String> {
    rows.into_iter().next()?.into_iter().next()?
}

pub(super) fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

/// Ends a statement from a connection of its own.
pub(super) struct Canceller {
    pub(super) config: Arc<Config>,
    pub(super) id: u32,
}

impl Canceller {
    async fn kill(&self, what: &str) -> Result<(), DriverError> {
        let kill = format!("KILL {what} {}", self.id);
        self.ask(&kill).await.map(drop)
    }

    async fn ask(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, DriverError> {
        let mut connection = connect(&self.config).await?;
        let found = rows(&mut connection, sql).await?;
        let closed = connection.disconnect().await;
        closed.map_err(|error| errors::error(&error))?;
        Ok(found)
    }
}

#[async_trait]
impl Cancel for Canceller {
    async fn cancel(&self) -> Result<(), DriverError> {
        self.kill("QUERY").await
    }

    async fn end_connection(&self) -> Result<(), DriverError> {
        self.kill("CONNECTION").await
    }

    async fn held_up_by(&self) -> Result<Vec<String>, DriverError> {
        let found = self.ask(&observe::select_blocking(self.id)).await?;
        Ok(found.into_iter().flatten().flatten().collect())
    }
}
