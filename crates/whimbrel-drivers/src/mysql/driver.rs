//! The driver contract over a MySQL or MariaDB connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{
    BoundStatement, Cancel, Capabilities, Driver, DriverError, DriverErrorKind, Lease, LockAttempt,
    Notice, Observation, Outcome, Part, Progress, Server, SessionOptions, Unit, UnitError, Write,
};
use whimbrel_core::failpoint;
use whimbrel_core::history::{History, Owner};
use whimbrel_sql::Dialect;

use super::config::Config;
use super::connect::connect;
use super::flavor::Mysql as Flavor;
use super::wire::{Canceller, batch, end_of, rows};
use super::{errors, observe};
use crate::history_sql::{self, Claim, Row};

pub(super) struct Mysql {
    connection: Conn,
    config: Arc<Config>,
    options: SessionOptions,
    server: Server,
    /// True if the session may not be as it was at connection.
    dirty: bool,
    /// What is set for it in this session.
    lock_timeout: Option<Duration>,
}

/// How long the named lock is waited for after a reset. Others have it for one message at most.
const RETAKE_SECONDS: u32 = 10;

/// How often the creation of the history tables is tried when others create them too.
const CREATE_TRIES: u32 = 10;

type Progressing<'p> = &'p mut (dyn FnMut(Progress) + Send);

impl Mysql {
    pub(super) async fn open(
        config: Arc<Config>,
        mut options: SessionOptions,
    ) -> Result<Self, DriverError> {
        let mut connection = connect(&config).await?;
        let version = rows(&mut connection, "SELECT VERSION()").await?;
        let version = version
            .into_iter()
            .flatten()
            .flatten()
            .next()
            .unwrap_or_default();
        let maria = version.contains("MariaDB");
        let server = Server {
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
                units_at_once: 1,
                batches_only: false,
                statement_bytes: None,
            },
            pooled: false,
            lock_slots: None,
            version,
        };
        // The history stays where it is, whatever a migration USEs.
        options
            .tables
            .schema
            .get_or_insert_with(|| config.database.clone());
        let mut driver = Self {
            connection,
            config,
            options,
            server,
            dirty: false,
            lock_timeout: None,
        };
        driver.session_sql().await?;
        Ok(driver)
    }

    async fn session_sql(&mut self) -> Result<(), DriverError> {
        for sql in &self.options.session_sql {
            rows(&mut self.connection, sql).await?;
        }
        Ok(())
    }

    /// Named after the lock table, at most 64 characters: a server-wide name.
    fn lock_name(&self) -> String {
        let table = history_sql::table(
            &Flavor::default(),
            &self.options.tables,
            &self.options.tables.lock,
        );
        format!("'whimbrel:{}'", &Checksum::of(&table).as_str()[..32])
    }

    fn reads(&self) -> [String; 3] {
        let (flavor, tables) = (Flavor::default(), &self.options.tables);
        [
            history_sql::select_lock(&flavor, tables),
            history_sql::select_applied(&flavor, tables),
            history_sql::select_attempts(&flavor, tables),
        ]
    }

    async fn reset(&mut self) -> Result<(), DriverError> {
        self.clean().await?;
        // A reset frees named locks, and the dead client's guard with them: take it at once again.
        // Whoever gets in between sees our connection in the lock row and gives it back.
        let again = format!("SELECT GET_LOCK({}, {RETAKE_SECONDS})", self.lock_name());
        let got = rows(&mut self.connection, &again).await?;
        if got.first().and_then(|row| row[0].clone()).as_deref() != Some("1") {
            return Err(history_sql::fenced());
        }
        self.session_sql().await
    }

    /// A session as new, without the named lock.
    async fn clean(&mut self) -> Result<(), DriverError> {
        self.connection
            .reset()
            .await
            .map_err(|error| errors::error(&error))?;
        let database = history_sql::Flavor::name(&Flavor::default(), &self.config.database);
        rows(&mut self.connection, &format!("USE {database}")).await?;
        self.dirty = false;
        self.lock_timeout = None;
        Ok(())
    }

    /// Sets the longest wait for locks where it is not set already.
    async fn limit_waits(&mut self, limit: Option<Duration>) -> Result<(), DriverError> {
        if let Some(limit) = limit.filter(|limit| self.lock_timeout != Some(*limit)) {
            let seconds = limit.as_secs().max(1);
            let set = format!(
                "SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}"
            );
            rows(&mut self.connection, &set).await?;
            self.lock_timeout = Some(limit);
        }
        Ok(())
    }

    /// A process that stands still (or a machine that is cut off) keeps the named lock by its
    /// connection. Once its lease has run out and the connection has done nothing for a second, it
    /// is ended, and what it had open is rolled back. One that is at work is left alone.
    async fn end_idle_holder(&mut self, name: &str) -> Result<(), DriverError> {
        let tables = &self.options.tables;
        let lock = history_sql::table(&Flavor::default(), tables, &tables.lock);
        let select = format!(
            "SELECT p.ID FROM information_schema.PROCESSLIST p, {lock} l WHERE p.ID = IS_USED_LOCK({name}) AND p.COMMAND = 'Sleep' AND p.TIME >= 1 AND l.id = 1 AND l.expires < {}",
            history_sql::Flavor::now(&Flavor::default()),
        );
        for id in rows(&mut self.connection, &select)
            .await?
            .into_iter()
            .flatten()
            .flatten()
        {
            match rows(&mut self.connection, &format!("KILL CONNECTION {id}")).await {
                // It went by itself.
                Err(error)
                    if error
                        .code
                        .as_deref()
                        .is_some_and(|code| code.starts_with("1094 ")) => {}
                other => drop(other?),
            }
        }
        Ok(())
    }

    /// What runs before a unit's statements, in one message.
    fn opening(&self, unit: &Unit<'_>, writes: &[Write<'_>], flavor: Flavor) -> Vec<String> {
        let tables = &self.options.tables;
        let lock = history_sql::table(&flavor, tables, &tables.lock);
        let token = unit.lease.token;
        let mut list = vec![
            "START TRANSACTION".to_owned(),
            format!("SELECT 1 FROM {lock} WHERE id = 1 AND token = {token} LOCK IN SHARE MODE"),
        ];
        list.extend(
            writes
                .iter()
                .flat_map(|write| history_sql::write(&flavor, tables, write)),
        );
        list
    }

    fn closing(&self, unit: &Unit<'_>, part: &Part<'_>, flavor: Flavor) -> Vec<String> {
        let tables = &self.options.tables;
        let mut list: Vec<_> = part
            .after
            .iter()
            .flat_map(|write| history_sql::write(&flavor, tables, write))
            .collect();
        list.push(history_sql::renew_lock(&flavor, tables, &unit.lease));
        list.push("COMMIT".to_owned());
        list
    }

    async fn open_fenced(
        &mut self,
        unit: &Unit<'_>,
        writes: &[Write<'_>],
        flavor: Flavor,
    ) -> Result<(), DriverError> {
        let opening = self.opening(unit, writes, flavor).join(";\n");
        let sets = batch(&mut self.connection, &opening).await?;
        if sets.first().is_none_or(Vec::is_empty) {
            return Err(history_sql::fenced());
        }
        Ok(())
    }

    async fn statement(
        &mut self,
        part: usize,
        index: usize,
        statement: &BoundStatement<'_>,
        progress: Progressing<'_>,
    ) -> Result<(), DriverError> {
        let (affected, warnings) = {
            failpoint::reach();
            let mut result = self
                .connection
                .query_iter(statement.text)
                .await
                .map_err(|e| errors::error(&e))?;
            failpoint::reach();
            let (mut affected, mut warnings) = (result.affected_rows(), result.warnings());
            // A CALL gives several results; all are drained.
            while !result.is_empty() {
                result.for_each(drop).await.map_err(|e| errors::error(&e))?;
                affected = result.affected_rows();
                warnings = result.warnings();
            }
            end_of(&mut result).await?;
            (affected, warnings)
        };
        if warnings > 0 {
            for row in rows(&mut self.connection, "SHOW WARNINGS").await? {
                let [severity, code, message] = row.as_slice() else {
                    continue;
                };
                let notice = Notice {
                    severity: severity.clone().unwrap_or_default().to_uppercase(),
                    code: code.clone(),
                    message: message.clone().unwrap_or_default(),
                    detail: None,
                    hint: None,
                };
                progress(Progress::Notice {
                    part,
                    statement: index,
                    notice,
                });
            }
        }
        progress(Progress::StatementDone {
            part,
            statement: index,
            rows: Some(affected),
        });
        Ok(())
    }

    async fn run(
        &mut self,
        unit: &Unit<'_>,
        progress: Progressing<'_>,
    ) -> Result<(), (DriverError, usize, Option<usize>)> {
        let frame = |error: DriverError| (error, 0, None);
        let started = Instant::now();
        let flavor = || Flavor {
            elapsed: started.elapsed().as_millis(),
        };
        if self.dirty && !unit.continues {
            self.reset().await.map_err(frame)?;
        }
        self.limit_waits(unit.lock_timeout).await.map_err(frame)?;
        if let Some(sql) = set(unit) {
            rows(&mut self.connection, &sql).await.map_err(frame)?;
            self.dirty = true;
            self.session_sql().await.map_err(frame)?;
        }
        for again in &unit.replay {
            rows(&mut self.connection, again.text)
                .await
                .map_err(frame)?;
            self.dirty = true;
        }
        for (number, part) in unit.parts.iter().enumerate() {
            self.open_fenced(unit, &part.before, flavor())
                .await
                .map_err(frame)?;
            if !unit.atomic {
                rows(&mut self.connection, "COMMIT").await.map_err(frame)?;
            }
            for (index, statement) in part.statements.iter().enumerate() {
                self.dirty |= statement.facts.session_state;
                self.statement(number, index, statement, progress)
                    .await
                    .map_err(|error| (error, number, Some(index)))?;
            }
            if !unit.atomic {
                self.open_fenced(unit, &[], flavor()).await.map_err(frame)?;
            }
            let closing = self.closing(unit, part, flavor());
            batch(&mut self.connection, &closing.join(";\n"))
                .await
                .map_err(frame)?;
        }
        Ok(())
    }
}

/// The session that a migration's tool gives it.
fn set(unit: &Unit<'_>) -> Option<String> {
    let settings = unit.settings.iter();
    let list: Vec<_> = settings
        .map(|s| format!("{} = {}", s.name, s.value))
        .collect();
    (!unit.continues && !list.is_empty()).then(|| format!("SET {}", list.join(", ")))
}

/// The named lock is this node's. If we have it, and the connection that had it is not there any
/// more, its run is dead. It may be there without the lock for a moment: see [`Mysql::reset`].
fn claim() -> Claim {
    const NODE: &str = "CONCAT(@@hostname, ':', @@port)";
    Claim {
        connection: Some(format!("CONCAT(CONNECTION_ID(), ' ', {NODE})")),
        gone: Some(format!(
            "SUBSTRING_INDEX(connection, ' ', -1) = {NODE} AND NOT EXISTS (SELECT 1 FROM information_schema.PROCESSLIST p WHERE p.ID = CAST(SUBSTRING_INDEX(connection, ' ', 1) AS UNSIGNED))"
        )),
    }
}

fn history(sets: &[Vec<Row>]) -> Result<History, DriverError> {
    let set = |index: usize| sets.get(index).map(Vec::as_slice).unwrap_or_default();
    let mut history = history_sql::history(set(0), set(1), set(2))?;
    history.applied.sort_by_key(|row| row.sequence);
    Ok(history)
}

#[async_trait]
impl Driver for Mysql {
    fn server(&self) -> &Server {
        &self.server
    }

    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    async fn read_history(&mut self) -> Result<History, DriverError> {
        let reads = self.reads().join(";\n");
        match batch(&mut self.connection, &reads).await {
            Ok(sets) => history(&sets),
            Err(error)
                if error
                    .code
                    .as_deref()
                    .is_some_and(|code| code.starts_with("1146 ")) =>
            {
                Ok(History::default())
            }
            Err(error) => Err(error),
        }
    }

    async fn create_history(&mut self) -> Result<(), DriverError> {
        let statements = history_sql::create(&Flavor::default(), &self.options.tables).join(";\n");
        // Where several create the tables at once, IF NOT EXISTS may answer before the other's
        // table can be read: what counts is that the whole history can be read.
        for tries in 1..=CREATE_TRIES {
            match batch(&mut self.connection, &statements).await {
                Ok(_) if self.read_history().await?.exists => return Ok(()),
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
            self.session_sql().await?;
        }
        let name = self.lock_name();
        let (flavor, tables) = (Flavor::default(), self.options.tables.clone());
        let got = rows(&mut self.connection, &format!("SELECT GET_LOCK({name}, 0)")).await?;
        if got.first().and_then(|row| row[0].clone()).as_deref() != Some("1") {
            // Also a dead client's statement that still runs in the server keeps it.
            self.end_idle_holder(&name).await?;
            let holder = self.read_history().await?.holder;
            return Ok(LockAttempt::Held(
                holder.unwrap_or_else(history_sql::unknown_holder),
            ));
        }
        let lock = history_sql::table(&flavor, &tables, &tables.lock);
        let take = [
            "START TRANSACTION".to_owned(),
            format!("SELECT 1 FROM {lock} WHERE id = 1 FOR UPDATE NOWAIT"),
            history_sql::take_lock(&flavor, &tables, owner, lease, previous, &claim()),
            "SELECT ROW_COUNT()".to_owned(),
        ];
        let mut all = take.to_vec();
        all.extend(self.reads());
        all.push("COMMIT".to_owned());
        let result = batch(&mut self.connection, &all.join(";\n")).await;
        let release = format!("SELECT RELEASE_LOCK({name})");
        let sets = match result {
            Ok(sets) => sets,
            Err(error) => {
                batch(&mut self.connection, &format!("ROLLBACK;\n{release}")).await?;
                if error.kind == DriverErrorKind::LockTimeout {
                    let holder = self.read_history().await?.holder;
                    return Ok(LockAttempt::Held(
                        holder.unwrap_or_else(history_sql::unknown_holder),
                    ));
                }
                return Err(error);
            }
        };
        let changed = sets
            .get(1)
            .and_then(|set| set.first())
            .and_then(|row| row[0].clone());
        let history = history(&sets[2..])?;
        if changed.as_deref() != Some("1") {
            rows(&mut self.connection, &release).await?;
            return history_sql::held(history);
        }
        Ok(LockAttempt::Taken(
            Lease {
                token: history.token,
                length: lease,
            },
            Box::new(history),
        ))
    }

    async fn unlock(&mut self, lease: &Lease) -> Result<(), DriverError> {
        let release =
            history_sql::release_lock(&Flavor::default(), &self.options.tables, lease.token);
        let all = format!("{release};\nSELECT RELEASE_LOCK({})", self.lock_name());
        batch(&mut self.connection, &all).await.map(|_| ())
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
        let Err((error, part, statement)) = self.run(unit, progress).await else {
            return Ok(());
        };
        if error.kind == DriverErrorKind::Lost {
            return Err(UnitError {
                error,
                part,
                statement,
                outcome: Outcome::Unknown,
            });
        }
        // Ends the unit's transaction; without one it does nothing.
        let _ = rows(&mut self.connection, "ROLLBACK").await;
        let outcome = if unit.atomic || statement.is_none() {
            Outcome::RolledBack
        } else {
            Outcome::StatementFailed
        };
        Err(UnitError {
            error,
            part,
            statement,
            outcome,
        })
    }

    fn render(&self, unit: &Unit<'_>) -> String {
        let flavor = Flavor::default();
        let mut list = Vec::from_iter(set(unit));
        for part in &unit.parts {
            list.extend(self.opening(unit, &part.before, flavor));
            if !unit.atomic {
                list.push("COMMIT".to_owned());
            }
            list.extend(
                part.statements
                    .iter()
                    .map(|statement| statement.text.to_owned()),
            );
            if !unit.atomic {
                list.extend(self.opening(unit, &[], flavor));
            }
            list.extend(self.closing(unit, part, flavor));
        }
        history_sql::listing(&list)
    }

    async fn kept_scripts(
        &mut self,
        checksums: &[Checksum],
    ) -> Result<HashMap<Checksum, String>, DriverError> {
        let select =
            history_sql::select_scripts(&Flavor::default(), &self.options.tables, checksums);
        Ok(history_sql::scripts(
            rows(&mut self.connection, &select).await?,
        ))
    }

    async fn observe(
        &mut self,
        statement: &BoundStatement<'_>,
    ) -> Result<Option<Observation>, DriverError> {
        let Some(select) = observe::select(statement) else {
            return Ok(None);
        };
        let found = rows(&mut self.connection, &select).await?;
        let state = found.into_iter().flatten().flatten().next();
        Ok(state.map(|state| Observation {
            state,
            remains: None,
        }))
    }

    async fn blockers(
        &mut self,
        _statement: &BoundStatement<'_>,
    ) -> Result<Vec<String>, DriverError> {
        let found = rows(&mut self.connection, observe::SELECT_BLOCKERS).await?;
        Ok(found.into_iter().flatten().flatten().collect())
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, DriverError> {
        // What it was is not looked at.
        self.dirty = true;
        rows(&mut self.connection, sql).await
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
