//! A shadow is a database of its own on the same server.

use std::sync::Arc;

use async_trait::async_trait;
use whimbrel_core::driver::{Driver, DriverError, SHADOW_PREFIX, SessionOptions, Shadow};
use whimbrel_core::history::HistoryTables;

use super::Connector;
use super::config::Config;
use crate::shadow::{Server, make};

pub(super) async fn shadow(
    config: &Arc<Config>,
    options: &SessionOptions,
    name: &str,
) -> Result<Box<dyn Shadow>, DriverError> {
    let connector = |config: Arc<Config>| {
        let options = SessionOptions {
            tables: HistoryTables::default(),
            ..options.clone()
        };
        Box::new(Connector { config, options })
    };
    let own = Config {
        database: name.to_owned(),
        ..Config::clone(config)
    };
    let given = connector(Arc::clone(config));
    make(&Postgres, given, connector(Arc::new(own)), name).await
}

struct Postgres;

#[async_trait]
impl Server for Postgres {
    /// Everybody on the server may read it, whatever database they are connected to.
    async fn claim(&self, driver: &mut dyn Driver, name: &str) -> Result<(), DriverError> {
        let claim = format!("SET application_name = '{name}'");
        driver.query(&claim).await.map(drop)
    }

    async fn left_behind(&self, driver: &mut dyn Driver) -> Result<Vec<String>, DriverError> {
        let list = format!(
            "SELECT datname FROM pg_catalog.pg_database AS d WHERE datname ~ '^{SHADOW_PREFIX}.*_[0-9]+_[0-9]+$' AND pg_catalog.pg_get_userbyid(datdba) = current_user AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.datname = d.datname OR a.application_name = d.datname) ORDER BY datname"
        );
        let rows = driver.query(&list).await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    async fn create(&self, driver: &mut dyn Driver, name: &str) -> Result<(), DriverError> {
        let made = driver.query(&format!("CREATE DATABASE \"{name}\"")).await;
        made.map(drop).map_err(|error| {
            error.with_hint("the role needs the right to create a database for the shadow (ALTER ROLE ... CREATEDB); `--shadow-url URL` names another server for it")
        })
    }

    /// A session that was just closed may still be on its way out, so it is ended first. Without
    /// that the server refuses while anybody is connected.
    async fn drop(
        &self,
        driver: &mut dyn Driver,
        name: &str,
        force: bool,
    ) -> Result<(), DriverError> {
        let knows_force = driver.server().major >= 13;
        if force && !knows_force {
            let end = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            );
            driver.query(&end).await?;
        }
        let force = if force && knows_force {
            " WITH (FORCE)"
        } else {
            ""
        };
        let drop_it = format!("DROP DATABASE IF EXISTS \"{name}\"{force}");
        driver.query(&drop_it).await.map(drop)
    }
}
