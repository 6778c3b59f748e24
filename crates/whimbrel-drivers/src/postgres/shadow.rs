//! A shadow is a database of its own on the same server.

use std::sync::Arc;

use async_trait::async_trait;
use whimbrel_core::driver::{Connect, Driver, DriverError, SessionOptions, Shadow};
use whimbrel_core::history::HistoryTables;

use super::Connector;
use super::config::Config;

pub(super) async fn shadow(
    config: &Arc<Config>,
    options: &SessionOptions,
    name: &str,
) -> Result<Box<dyn Shadow>, DriverError> {
    let options = SessionOptions {
        tables: HistoryTables::default(),
        ..options.clone()
    };
    let server = Connector {
        config: Arc::clone(config),
        options: options.clone(),
    };
    let mut driver = server.connect().await?;
    let made = driver.query(&format!("CREATE DATABASE \"{name}\"")).await;
    driver.close().await?;
    made.map_err(|error| {
        error.with_hint("the role needs the right to create a database for the shadow (ALTER ROLE ... CREATEDB); `--shadow-url URL` names another server for it")
    })?;
    let config = Config {
        database: name.to_owned(),
        ..Config::clone(config)
    };
    let connector = Connector {
        config: Arc::new(config),
        options,
    };
    Ok(Box::new(Database {
        name: name.to_owned(),
        server,
        connector,
    }))
}

struct Database {
    name: String,
    server: Connector,
    connector: Connector,
}

#[async_trait]
impl Shadow for Database {
    fn connect(&self) -> &dyn Connect {
        &self.connector
    }

    async fn remove(&self) -> Result<(), DriverError> {
        let mut driver = self.server.connect().await?;
        let dropped = remove(driver.as_mut(), &self.name).await;
        driver.close().await?;
        dropped
    }
}

/// A session that was just closed may still be on its way out, so it is ended first.
async fn remove(driver: &mut dyn Driver, name: &str) -> Result<(), DriverError> {
    let force = if driver.server().major >= 13 {
        " WITH (FORCE)"
    } else {
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        driver.query(&end).await?;
        ""
    };
    let drop_it = format!("DROP DATABASE IF EXISTS \"{name}\"{force}");
    driver.query(&drop_it).await.map(drop)
}
