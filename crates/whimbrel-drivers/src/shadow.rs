//! A shadow on a server: a database of its own, beside the given one.
//!
//! The connection that makes it stays open for as long as it is wanted, and says so in the server. A
//! shadow for which no connection says that was left behind by a run that died, and whoever makes the
//! next one removes it.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use whimbrel_core::driver::{Connect, Driver, DriverError, DriverErrorKind, Shadow};

/// What differs between servers.
#[async_trait]
pub(crate) trait Server: Send + Sync {
    /// Says that there is somebody who wants the shadow, until this connection ends.
    async fn claim(&self, driver: &mut dyn Driver, name: &str) -> Result<(), DriverError>;

    /// The shadows that nobody wants, and that nobody is connected to.
    async fn left_behind(&self, driver: &mut dyn Driver) -> Result<Vec<String>, DriverError>;

    async fn create(&self, driver: &mut dyn Driver, name: &str) -> Result<(), DriverError>;

    /// Removes it; `force` ends what is still connected to it.
    async fn drop(
        &self,
        driver: &mut dyn Driver,
        name: &str,
        force: bool,
    ) -> Result<(), DriverError>;
}

/// Makes a shadow, after removing what others left.
pub(crate) async fn make(
    kind: &'static dyn Server,
    given: Box<dyn Connect>,
    shadow: Box<dyn Connect>,
    name: &str,
) -> Result<Box<dyn Shadow>, DriverError> {
    let mut keeper = given.connect().await?;
    match begin(kind, keeper.as_mut(), name).await {
        Ok(notes) => Ok(Box::new(Database {
            kind,
            given,
            shadow,
            name: name.into(),
            keeper: Mutex::new(Some(keeper)),
            notes,
        })),
        Err(error) => {
            keeper.close().await?;
            Err(error)
        }
    }
}

async fn begin(
    kind: &dyn Server,
    driver: &mut dyn Driver,
    name: &str,
) -> Result<Vec<String>, DriverError> {
    // Claimed before it is there, so that it is never there without.
    kind.claim(driver, name).await?;
    let mut notes = Vec::new();
    for old in kind.left_behind(driver).await? {
        notes.push(match kind.drop(driver, &old, false).await {
            Ok(()) => format!("removed the database {old}, which a conversion that died left"),
            Err(error) if error.kind == DriverErrorKind::Lost => return Err(error),
            Err(error) => format!(
                "a conversion that died left the database {old}, which can't be removed: {}",
                error.message
            ),
        });
    }
    kind.create(driver, name).await?;
    Ok(notes)
}

struct Database {
    kind: &'static dyn Server,
    given: Box<dyn Connect>,
    shadow: Box<dyn Connect>,
    name: Arc<str>,
    /// Until it is removed.
    keeper: Mutex<Option<Box<dyn Driver>>>,
    notes: Vec<String>,
}

#[async_trait]
impl Shadow for Database {
    fn connect(&self) -> &dyn Connect {
        &*self.shadow
    }

    async fn remove(&self) -> Result<(), DriverError> {
        if let Some(mut keeper) = self.keeper.lock().await.take() {
            let dropped = self.kind.drop(keeper.as_mut(), &self.name, true).await;
            match dropped {
                // It did nothing for all that time: the server may have ended it.
                Err(error) if error.kind == DriverErrorKind::Lost => {}
                dropped => {
                    keeper.close().await?;
                    return dropped;
                }
            }
        }
        let mut driver = self.given.connect().await?;
        let dropped = self.kind.drop(driver.as_mut(), &self.name, true).await;
        driver.close().await?;
        dropped
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }
}
