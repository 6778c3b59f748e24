//! The driver contract over a SQLite file.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, InterruptHandle, OpenFlags};
use tokio::sync::mpsc::{channel, unbounded_channel};
use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{
    Cancel, Capabilities, Driver, DriverError, DriverErrorKind, Lease, Limits, LockAttempt,
    Outcome, Progress, SchemaObject, Server, SessionOptions, Unit, UnitError,
};
use whimbrel_core::history::{History, HistoryTables, Owner};
use whimbrel_sql::Dialect;

use super::errors;
use super::execute::{rows, run};
use super::history::{BUSY_WAIT, claim, history, take};
use super::unit::{Composer, leaves_state};
use crate::history_sql::{self, Claim, Row};
use crate::sqlite_flavor::Sqlite as Flavor;

/// Operations that wait for the thread that runs them.
const OPERATIONS_AHEAD: usize = 16;

pub(super) struct Sqlite {
    path: PathBuf,
    options: SessionOptions,
    server: Server,
    /// Shared with the thread that runs a call; none while the file does not exist.
    connection: Arc<Mutex<Option<Connection>>>,
    interrupt: Option<Arc<InterruptHandle>>,
    /// True if the last unit may have left temporary tables or settings.
    dirty: bool,
}

impl Sqlite {
    pub(super) async fn open(
        path: PathBuf,
        options: SessionOptions,
        d1_limits: Option<Limits>,
    ) -> Result<Self, DriverError> {
        let version = rusqlite::version().to_owned();
        let mut driver = Self {
            path,
            options,
            server: Server {
                engine: "SQLite",
                major: 3,
                version,
                capabilities: Capabilities {
                    transactional_ddl: true,
                    cancel: true,
                    enum_value_in_transaction: true,
                    units_at_once: 1,
                    batches_only: d1_limits.is_some(),
                    limits: d1_limits,
                },
                pooled: false,
                lock_slots: None,
            },
            connection: Arc::default(),
            interrupt: None,
            dirty: false,
        };
        if driver.path.exists() {
            driver.connect(false).await?;
        }
        Ok(driver)
    }

    async fn connect(&mut self, create: bool) -> Result<(), DriverError> {
        let path = self.path.clone();
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // A file that is there is not made, but ATTACH makes its own by the same flags.
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create || self.path.exists());
        let opened = blocking(move || {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(BUSY_WAIT)?;
            Ok(connection)
        });
        let connection = opened.await.map_err(|error| {
            let mut error = errors::error(&error);
            error.message = format!("can't open {}: {}", self.path.display(), error.message);
            if error.kind == DriverErrorKind::Connect {
                let hint = if self.path.is_dir() {
                    "it is a folder: name a file in it"
                } else {
                    "does its folder exist, and may it be written?"
                };
                error.hint = Some(hint.to_owned());
            }
            error
        })?;
        self.interrupt = Some(Arc::new(connection.get_interrupt_handle()));
        self.connection = Arc::new(Mutex::new(Some(connection)));
        self.dirty = false;
        Ok(())
    }

    /// Runs something on the connection, away from the async threads.
    async fn call<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<R, DriverError> + Send + 'static,
    ) -> Result<R, DriverError> {
        let connection = Arc::clone(&self.connection);
        blocking(move || {
            let guard = connection.lock().unwrap_or_else(PoisonError::into_inner);
            match guard.as_ref() {
                Some(connection) => work(connection),
                None => Err(no_file()),
            }
        })
        .await
    }

    async fn reads(&self) -> Result<History, DriverError> {
        let tables = self.options.tables.clone();
        self.call(move |connection| history(connection, &tables))
            .await
    }
}

fn creation(tables: &HistoryTables) -> Vec<String> {
    let mut all = history_sql::create(&Flavor::now(), tables);
    all.insert(0, "BEGIN IMMEDIATE".to_owned());
    all.push("COMMIT".to_owned());
    all
}

async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn no_file() -> DriverError {
    DriverError::new(DriverErrorKind::Connect, "the database file does not exist")
}

/// What is read of a database whose file does not exist yet is read of an empty one.
fn rows_of_nothing(sql: &str) -> Result<Vec<Row>, DriverError> {
    let empty = Connection::open_in_memory().map_err(|error| errors::error(&error))?;
    let reads = empty
        .prepare(sql)
        .is_ok_and(|statement| statement.readonly());
    if reads {
        rows(&empty, sql)
    } else {
        Err(no_file())
    }
}

#[async_trait]
impl Driver for Sqlite {
    fn server(&self) -> &Server {
        &self.server
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn read_history(&mut self) -> Result<History, DriverError> {
        if self.interrupt.is_none() {
            return Ok(History::default());
        }
        self.reads().await
    }

    async fn create_history(&mut self) -> Result<(), DriverError> {
        if self.interrupt.is_none() {
            self.connect(true).await?;
        }
        let statements = creation(&self.options.tables);
        self.call(move |connection| {
            let mut all = statements.iter();
            let made = all.try_for_each(|sql| rows(connection, sql).map(drop));
            if made.is_err() && !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
            made
        })
        .await
    }

    async fn lock(
        &mut self,
        owner: &Owner,
        lease: Duration,
        previous: Option<&Lease>,
    ) -> Result<LockAttempt, DriverError> {
        let tables = self.options.tables.clone();
        let (owner, previous) = (owner.clone(), previous.copied());
        self.call(move |connection| take(connection, &tables, &owner, lease, previous.as_ref()))
            .await
    }

    async fn unlock(&mut self, lease: &Lease) -> Result<(), DriverError> {
        let release = history_sql::release_lock(&Flavor::now(), &self.options.tables, lease.token);
        self.call(move |connection| rows(connection, &release).map(|_| ()))
            .await
    }

    /// There is no server in which something could go on.
    async fn is_connection_alive(&mut self, _connection: &str) -> Result<bool, DriverError> {
        Ok(false)
    }

    async fn is_holder_gone(&mut self) -> Result<bool, DriverError> {
        let tables = self.options.tables.clone();
        self.call(move |connection| Ok(claim(connection, &tables)?.gone.is_some()))
            .await
    }

    async fn apply(
        &mut self,
        unit: &Unit<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), UnitError> {
        if self.dirty && !unit.continues {
            // A new connection is the one sure way to a clean session.
            self.connect(false).await.map_err(|error| UnitError {
                error,
                part: 0,
                statement: None,
                outcome: Outcome::RolledBack,
            })?;
        }
        let operations = Composer {
            options: &self.options,
            flavor: Flavor::now(),
        }
        .compose(unit);
        self.dirty = leaves_state(unit) || (unit.continues && self.dirty);
        let (sending, operations_to_run) = channel(OPERATIONS_AHEAD);
        let feeding = async move {
            for operation in operations {
                // A failure ends the other side; what it says of it comes by itself.
                if sending.send(operation.into_owned()).await.is_err() {
                    break;
                }
            }
            drop(sending);
            std::future::pending::<()>().await;
        };
        tokio::pin!(feeding);
        let wait = unit.lock_timeout.unwrap_or(BUSY_WAIT);
        let (sender, mut receiver) = unbounded_channel();
        let of_d1 = self.server.capabilities.batches_only;
        let work = self.call(move |connection| {
            let _ = connection.busy_timeout(wait);
            let mut result = run(connection, operations_to_run, &sender);
            let _ = connection.busy_timeout(BUSY_WAIT);
            if let Err(failed) = &mut result
                && of_d1
            {
                errors::advise_for_d1(&mut failed.error);
            }
            Ok(result)
        });
        tokio::pin!(work);
        let result = loop {
            tokio::select! {
                biased;
                Some(said) = receiver.recv() => progress(said),
                result = &mut work => break result,
                () = &mut feeding => {}
            }
        };
        while let Ok(said) = receiver.try_recv() {
            progress(said);
        }
        result.unwrap_or_else(|error| {
            Err(UnitError {
                error,
                part: 0,
                statement: None,
                outcome: Outcome::RolledBack,
            })
        })
    }

    fn render(&self, unit: &Unit<'_>) -> String {
        let operations = Composer {
            options: &self.options,
            flavor: Flavor::now(),
        }
        .compose(unit);
        history_sql::listing(operations.map(|operation| operation.sql))
    }

    async fn render_lock(
        &mut self,
        owner: &Owner,
        lease: &Lease,
        create: bool,
    ) -> Result<[String; 2], DriverError> {
        let tables = self.options.tables.clone();
        let claim = if create {
            Claim::default()
        } else {
            let tables = tables.clone();
            self.call(move |connection| claim(connection, &tables))
                .await?
        };
        let flavor = Flavor::now();
        let created = create.then(|| creation(&tables));
        let take = history_sql::take_lock(&flavor, &tables, owner, lease.length, None, &claim);
        let take = ["BEGIN IMMEDIATE".to_owned(), take, "COMMIT".to_owned()];
        let release = history_sql::release_lock(&flavor, &tables, lease.token);
        Ok(history_sql::lock_listing(created, take, [release]))
    }

    async fn kept_scripts(
        &mut self,
        checksums: &[Checksum],
    ) -> Result<HashMap<Checksum, String>, DriverError> {
        let select = history_sql::select_scripts(&Flavor::now(), &self.options.tables, checksums);
        let rows = self
            .call(move |connection| rows(connection, &select))
            .await?;
        Ok(history_sql::scripts(rows))
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, DriverError> {
        let sql = sql.to_owned();
        let connection = Arc::clone(&self.connection);
        blocking(move || {
            let guard = connection.lock().unwrap_or_else(PoisonError::into_inner);
            match guard.as_ref() {
                Some(connection) => rows(connection, &sql),
                None => rows_of_nothing(&sql),
            }
        })
        .await
    }

    async fn schema(&mut self) -> Result<Option<Vec<SchemaObject>>, DriverError> {
        let tables = self.options.tables.clone();
        super::shadow::schema(self, &tables).await.map(Some)
    }

    fn canceller(&self) -> Option<Arc<dyn Cancel>> {
        self.interrupt
            .as_ref()
            .map(|handle| Arc::new(Interrupt(Arc::clone(handle))) as Arc<dyn Cancel>)
    }

    async fn close(self: Box<Self>) -> Result<(), DriverError> {
        let connection = Arc::clone(&self.connection);
        blocking(move || {
            drop(
                connection
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take(),
            );
        })
        .await;
        Ok(())
    }
}

struct Interrupt(Arc<InterruptHandle>);

#[async_trait]
impl Cancel for Interrupt {
    async fn cancel(&self) -> Result<(), DriverError> {
        self.0.interrupt();
        Ok(())
    }
}
