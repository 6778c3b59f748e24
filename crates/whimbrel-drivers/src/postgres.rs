//! PostgreSQL, over a thin connection of its own.
//!
//! `tokio-postgres` hides what a migration in one round trip needs: a flush after each command
//! (progress while a unit runs), COPY data in the middle of a stream of commands, the transaction
//! state, and statements without a name (poolers). `postgres-protocol`, which it is built on, has
//! the messages and SCRAM; the rest stands in `connection`.

mod binding;
mod cancel;
mod config;
mod connection;
mod driver;
mod errors;
mod flavor;
mod history;
mod login;
mod observe;
mod schema;
mod send;
mod shadow;
mod socket;
mod supabase;
pub mod supabase_project;
mod unit;

use std::sync::Arc;

use async_trait::async_trait;
use whimbrel_core::Error;
use whimbrel_core::driver::{Connect, Driver, DriverError, SessionOptions, Shadow};
use whimbrel_sql::Dialect;

use self::config::Config;

/// A connector for a PostgreSQL server.
///
/// `postgres://user:password@host:port/database?sslmode=...` with libpq's settings after the `?`,
/// or libpq's list `host=... dbname=...`.
///
/// # Errors
/// The URL can't be read. The message never holds it.
pub fn connector(
    url: &str,
    password: Option<&str>,
    options: SessionOptions,
) -> Result<Box<dyn Connect>, Error> {
    let config = Arc::new(Config::parse(url, password)?);
    Ok(Box::new(Connector { config, options }))
}

struct Connector {
    config: Arc<Config>,
    options: SessionOptions,
}

#[async_trait]
impl Connect for Connector {
    async fn connect(&self) -> Result<Box<dyn Driver>, DriverError> {
        let driver = driver::Postgres::open(Arc::clone(&self.config), self.options.clone()).await?;
        Ok(Box::new(driver))
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn display(&self) -> String {
        self.config.display()
    }

    fn database(&self) -> String {
        self.config.database.clone()
    }

    async fn shadow(&self, name: &str) -> Result<Option<Box<dyn Shadow>>, DriverError> {
        let made = shadow::shadow(&self.config, &self.options, name).await?;
        Ok(Some(made))
    }

    fn note(&self) -> Option<String> {
        supabase::note(&self.config)
    }
}
