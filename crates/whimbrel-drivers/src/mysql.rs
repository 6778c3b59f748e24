//! MySQL 8 and MariaDB, over `mysql_async`.

mod config;
mod connect;
mod driver;
mod errors;
mod flavor;
mod joins;
mod lock;
mod message;
mod observe;
mod said;
mod session;
mod shadow;
mod unit;
mod untransactional;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use whimbrel_core::Error;
use whimbrel_core::driver::{Connect, Driver, DriverError, SessionOptions, Shadow};
use whimbrel_sql::Dialect;

use self::config::Config;

/// A connector for a MySQL or MariaDB server: `mysql://user:password@host:port/database` with
/// `?ssl-mode=DISABLED|PREFERRED|REQUIRED|VERIFY_CA|VERIFY_IDENTITY`, `ssl-ca=FILE` and
/// `socket=PATH` after it.
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
        let driver = driver::Mysql::open(Arc::clone(&self.config), self.options.clone()).await?;
        Ok(Box::new(driver))
    }

    fn dialect(&self) -> Dialect {
        Dialect::Mysql
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
}
