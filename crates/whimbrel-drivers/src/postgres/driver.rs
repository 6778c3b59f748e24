//! The driver contract over a PostgreSQL connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{
    BoundStatement, Cancel, Capabilities, Driver, DriverError, DriverErrorKind, GroupError, Lease,
    LockAttempt, Observation, Outcome, Progress, Server, SessionOptions, Unit, UnitError,
};
use whimbrel_core::history::{History, Holder, Owner};
use whimbrel_sql::Dialect;

use super::cancel::Canceller;
use super::config::Config;
use super::connection::{Command, CommandError, Connection, Reply};
use super::flavor::{CONNECTION, GONE, Postgres as Flavor};
use super::unit::{Batch, Composer, Role, leaves_state};
use super::{observe, supabase};
use crate::history_sql::{self, Claim, Row};

/// How often the creation of the history tables is tried when others create them too.
const CREATE_TRIES: u32 = 10;

/// Units are sent this many at a time: what fails is known a little later, and the round trips
/// count for little.
const UNITS_AT_ONCE: usize = 32;

pub(super) struct Postgres {
    connection: Connection,
    config: Arc<Config>,
    options: SessionOptions,
    server: Server,
    /// True if the session may hold what a reset of roles and settings leaves.
    dirty: bool,
}

fn command(sql: impl Into<std::borrow::Cow<'static, str>>) -> Command<'static> {
    Command {
        sql: sql.into(),
        data: None,
        answer_now: false,
    }
}

impl Postgres {
    pub(super) async fn open(
        config: Arc<Config>,
        options: SessionOptions,
    ) -> Result<Self, DriverError> {
        let connection = Connection::open(&config).await?;
        let version = connection.version().to_owned();
        let major = version
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let server = Server {
            engine: "PostgreSQL",
            major,
            capabilities: Capabilities {
                transactional_ddl: true,
                cancel: true,
                enum_value_in_transaction: major >= 12,
                units_at_once: UNITS_AT_ONCE,
                batches_only: false,
                statement_bytes: None,
            },
            pooled: false,
            lock_slots: None,
            version,
        };
        // A pooler may hand us a connection that others used.
        Ok(Self {
            connection,
            config,
            options,
            server,
            dirty: true,
        })
    }

    /// Finds the schema of the history and the size of the lock table; with the lock row in the
    /// same round trip if the tables are there.
    fn look(&self) -> Command<'static> {
        let tables = &self.options.tables;
        let lock = history_sql::table(&Flavor, tables, &tables.lock).replace('\'', "''");
        // Where there are no tables yet, the schema that was asked for.
        let wanted = tables.schema.as_ref();
        let wanted = wanted.map_or_else(
            || "pg_catalog.current_schema()".to_owned(),
            |schema| history_sql::Flavor::literal(&Flavor, schema),
        );
        command(format!(
            "SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass('{lock}')), {wanted}), pg_catalog.current_setting('max_locks_per_transaction')::bigint * (pg_catalog.current_setting('max_connections')::bigint + pg_catalog.current_setting('max_prepared_transactions')::bigint), pg_catalog.pg_backend_pid()"
        ))
    }

    fn reads(&self) -> [Command<'static>; 3] {
        let tables = &self.options.tables;
        [
            command(history_sql::select_lock(&Flavor, tables)),
            command(history_sql::select_applied(&Flavor, tables)),
            command(history_sql::select_attempts(&Flavor, tables)),
        ]
    }

    /// Takes the history tables from the roles that a web API runs as.
    async fn hide_from_api(&mut self) -> Result<Option<Command<'static>>, DriverError> {
        let rows = self.connection.rows(&[command(supabase::API_ROLES)]).await;
        let rows = rows.map_err(|failed| failed.error)?;
        let roles: Vec<String> = rows.into_iter().flatten().flatten().collect();
        let tables = &self.options.tables;
        let names = [&tables.applied, &tables.log, &tables.lock, &tables.scripts];
        let names = names.map(|name| history_sql::table(&Flavor, tables, name));
        let (names, list) = (names.join(", "), roles.join(", "));
        Ok((!roles.is_empty()).then(|| command(format!("REVOKE ALL ON {names} FROM {list}"))))
    }

    async fn roll_back(&mut self) {
        if self.connection.in_transaction() {
            // If this fails the connection is gone, and the transaction with it.
            let _ = self.connection.rows(&[command("ROLLBACK")]).await;
        }
    }

    async fn holder(&mut self) -> Result<Holder, DriverError> {
        let select = command(history_sql::select_lock(&Flavor, &self.options.tables));
        let rows = self
            .connection
            .rows(&[select])
            .await
            .map_err(|failed| failed.error)?;
        let found = rows
            .first()
            .map(history_sql::lock)
            .transpose()?
            .and_then(|row| row.holder);
        Ok(found.unwrap_or_else(history_sql::unknown_holder))
    }

    /// Sends one batch; gives the number of units that were committed with the failure.
    async fn send(
        &mut self,
        batch: &Batch<'_>,
        units: usize,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), (usize, UnitError)> {
        let mut rolled_back = false;
        let mut done = 0;
        let roles = &batch.roles;
        let mut hear = |index: usize, reply: Reply<'_>| match (roles.get(index), reply) {
            (Some(&Role::Statement(part, statement)), Reply::Done(tag)) => {
                progress(Progress::StatementDone {
                    part,
                    statement,
                    rows: rows_of(tag),
                });
            }
            (Some(&Role::Statement(part, statement)), Reply::Notice(notice)) => {
                progress(Progress::Notice {
                    part,
                    statement,
                    notice,
                });
            }
            // A COMMIT of a failed transaction ends without an error.
            (Some(Role::Commit), Reply::Done("ROLLBACK")) => rolled_back = true,
            (Some(Role::Commit), Reply::Done(_)) => {
                done += 1;
                if units > 1 {
                    progress(Progress::UnitDone);
                }
            }
            _ => {}
        };
        let result = self.connection.exchange(&batch.commands, &mut hear).await;
        match result {
            Ok(()) if rolled_back => Err((done, rolled_back_at_commit())),
            Ok(()) => Ok(()),
            Err(failed) => {
                self.roll_back().await;
                Err((done, unit_error(failed, roles)))
            }
        }
    }
}

fn rolled_back_at_commit() -> UnitError {
    UnitError {
        error: DriverError::new(
            DriverErrorKind::Statement,
            "the server rolled the transaction back at COMMIT",
        ),
        part: 0,
        statement: None,
        outcome: Outcome::RolledBack,
    }
}

/// The count at the end of a command's tag.
fn rows_of(tag: &str) -> Option<u64> {
    tag.rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
}

fn unit_error(failed: CommandError, roles: &[Role]) -> UnitError {
    let role = roles.get(failed.index).copied().unwrap_or(Role::Commit);
    let mut error = failed.error;
    let lost = error.kind == DriverErrorKind::Lost;
    if role == Role::Fence && error.code.as_deref() == Some("22012") {
        error = history_sql::fenced();
    }
    let (part, statement) = if let Role::Statement(part, statement) = role {
        (part, Some(statement))
    } else {
        error.position = None;
        (0, None)
    };
    let outcome = if lost {
        Outcome::Unknown
    } else {
        Outcome::RolledBack
    };
    UnitError {
        error,
        part,
        statement,
        outcome,
    }
}

#[async_trait]
impl Driver for Postgres {
    fn server(&self) -> &Server {
        &self.server
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn read_history(&mut self) -> Result<History, DriverError> {
        let mut commands = vec![self.look()];
        commands.extend(self.reads());
        let mut found: [Vec<Row>; 4] = Default::default();
        let result = self
            .connection
            .exchange(&commands, &mut |index, reply| {
                if let Reply::Row(row) = reply {
                    found[index].push(row);
                }
            })
            .await;
        let [place, lock, applied, attempts] = &found;
        if let Some([schema, slots, pid]) = place.first().map(Vec::as_slice) {
            // A pooler gives its own key.
            self.server.pooled = *pid != Some(self.connection.key().pid.to_string());
            self.options.tables.schema.clone_from(schema);
            self.server.lock_slots = slots.as_deref().and_then(|text| text.parse().ok());
        }
        match result {
            Ok(()) => history_sql::history(lock, applied, attempts),
            Err(failed) if failed.error.code.as_deref() == Some("42P01") => Ok(History::default()),
            Err(failed) => Err(failed.error),
        }
    }

    async fn create_history(&mut self) -> Result<(), DriverError> {
        let schema = self.options.tables.schema.clone().ok_or_else(|| {
            DriverError::new(
                DriverErrorKind::History,
                "the connection's search_path names no schema for the history tables",
            )
            .with_hint("name one: --table SCHEMA.whimbrel_applied")
        })?;
        let mut commands = vec![
            command("BEGIN"),
            command("SET LOCAL client_min_messages = warning"),
            command(format!(
                "CREATE SCHEMA IF NOT EXISTS \"{}\"",
                schema.replace('"', "\"\"")
            )),
        ];
        let exists = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = ";
        let name = history_sql::Flavor::literal(&Flavor, &schema);
        let known = self
            .connection
            .rows(&[command(format!("{exists}{name}"))])
            .await;
        if known.is_ok_and(|rows| !rows.is_empty()) {
            // IF NOT EXISTS asks for the right to create schemas all the same.
            commands.pop();
        }
        commands.extend(
            history_sql::create(&Flavor, &self.options.tables)
                .into_iter()
                .map(command),
        );
        commands.extend(self.hide_from_api().await?);
        commands.push(command("COMMIT"));
        let mut tries = 0;
        loop {
            tries += 1;
            match self.connection.rows(&commands).await {
                Ok(_) => return Ok(()),
                Err(failed) => {
                    self.roll_back().await;
                    // Two that create the same table at once collide in the catalog.
                    let race = matches!(
                        failed.error.code.as_deref(),
                        Some("23505" | "42P07" | "42710" | "40P01")
                    );
                    if !race || tries >= CREATE_TRIES {
                        return Err(failed.error);
                    }
                    tokio::time::sleep(Duration::from_millis(20 * u64::from(tries))).await;
                }
            }
        }
    }

    async fn lock(
        &mut self,
        owner: &Owner,
        lease: Duration,
        previous: Option<&Lease>,
    ) -> Result<LockAttempt, DriverError> {
        let tables = &self.options.tables;
        let lock = history_sql::table(&Flavor, tables, &tables.lock);
        let claim = Claim {
            // A pooler's connection is everybody's.
            connection: (!self.server.pooled).then(|| CONNECTION.to_owned()),
            gone: Some(GONE.to_owned()),
        };
        let take = history_sql::take_lock(&Flavor, tables, owner, lease, previous, &claim);
        // A statement outside transactions does not hold the lock row, and outlives the lease.
        let log = history_sql::table(&Flavor, tables, &tables.log);
        let take = format!(
            "{take} AND NOT EXISTS (SELECT 1 FROM {log} l, pg_catalog.pg_stat_activity a WHERE l.state = 'started' AND l.statement_running IS NOT NULL AND l.connection = a.pid || ' ' || extract(epoch FROM a.backend_start) AND a.state <> 'idle' AND a.pid <> pg_catalog.pg_backend_pid())"
        );
        let mut commands = vec![
            command("BEGIN"),
            command(format!(
                "SELECT 1 FROM {lock} WHERE id = 1 FOR UPDATE NOWAIT"
            )),
            command(format!("{take} RETURNING token")),
        ];
        commands.extend(self.reads());
        commands.push(command("COMMIT"));
        let mut found: [Vec<Row>; 7] = Default::default();
        let result = self
            .connection
            .exchange(&commands, &mut |index, reply| {
                if let Reply::Row(row) = reply {
                    found[index].push(row);
                }
            })
            .await;
        if let Err(failed) = result {
            self.roll_back().await;
            return match failed.error.kind {
                DriverErrorKind::LockTimeout => Ok(LockAttempt::Held(self.holder().await?)),
                _ => Err(failed.error),
            };
        }
        let history = history_sql::history(&found[3], &found[4], &found[5])?;
        if found[2].is_empty() {
            return history_sql::held(history);
        }
        let lease = Lease {
            token: history.token,
            length: lease,
        };
        Ok(LockAttempt::Taken(lease, Box::new(history)))
    }

    async fn unlock(&mut self, lease: &Lease) -> Result<(), DriverError> {
        let release = history_sql::release_lock(&Flavor, &self.options.tables, lease.token);
        let result = self.connection.rows(&[command(release)]).await;
        result.map(|_| ()).map_err(|failed| failed.error)
    }

    async fn is_connection_alive(&mut self, connection: &str) -> Result<bool, DriverError> {
        let mine = history_sql::Flavor::literal(&Flavor, connection);
        let select = format!(
            "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid || ' ' || extract(epoch FROM backend_start) = {mine} AND pid <> pg_catalog.pg_backend_pid() AND state <> 'idle'"
        );
        let rows = self
            .connection
            .rows(&[command(select)])
            .await
            .map_err(|failed| failed.error)?;
        Ok(!rows.is_empty())
    }

    async fn apply(
        &mut self,
        unit: &Unit<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), UnitError> {
        let options = self.options.clone();
        let composer = Composer {
            options: &options,
            pooled: self.server.pooled,
        };
        let discard = self.dirty;
        if unit.atomic {
            let batch = composer.atomic(std::slice::from_ref(unit), discard);
            self.send(&batch, 1, progress).await.map_err(|(_, e)| e)?;
        } else {
            let [before, alone, after] = composer.single(unit, discard);
            self.send(&before, 1, progress).await.map_err(|(_, e)| e)?;
            let ran = self.send(&alone, 1, progress).await;
            ran.map_err(|(_, mut failed)| {
                if failed.outcome == Outcome::RolledBack {
                    failed.outcome = Outcome::StatementFailed;
                }
                failed
            })?;
            self.send(&after, 1, progress).await.map_err(|(_, e)| e)?;
        }
        self.dirty = leaves_state(unit) || (unit.continues && self.dirty);
        Ok(())
    }

    async fn apply_all(
        &mut self,
        units: &[Unit<'_>],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), GroupError> {
        let options = self.options.clone();
        let batch = Composer {
            options: &options,
            pooled: self.server.pooled,
        }
        .atomic(units, self.dirty);
        // Counted even for one: who sends a group hears when each of it is done.
        let result = self.send(&batch, units.len().max(2), progress).await;
        self.dirty = units.iter().any(leaves_state);
        result.map_err(|(done, error)| GroupError {
            unit: done,
            done,
            error,
        })
    }

    async fn observe(
        &mut self,
        statement: &BoundStatement<'_>,
    ) -> Result<Option<Observation>, DriverError> {
        let Some(select) = observe::select(statement) else {
            return Ok(None);
        };
        let rows = self.query(&select).await?;
        Ok(observe::observation(&rows))
    }

    async fn blockers(
        &mut self,
        statement: &BoundStatement<'_>,
    ) -> Result<Vec<String>, DriverError> {
        let rows = self.query(&observe::select_blockers(statement)).await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    fn render(&self, unit: &Unit<'_>) -> String {
        self.render_next(unit, self.dirty)
    }

    fn render_next(&self, unit: &Unit<'_>, left_something: bool) -> String {
        let composer = Composer {
            options: &self.options,
            pooled: self.server.pooled,
        };
        if unit.atomic {
            let units = std::slice::from_ref(unit);
            composer.atomic(units, left_something).render()
        } else {
            let batches = composer.single(unit, left_something);
            batches.iter().map(Batch::render).collect()
        }
    }

    async fn kept_scripts(
        &mut self,
        checksums: &[Checksum],
    ) -> Result<HashMap<Checksum, String>, DriverError> {
        let select = history_sql::select_scripts(&Flavor, &self.options.tables, checksums);
        let rows = self
            .connection
            .rows(&[command(select)])
            .await
            .map_err(|failed| failed.error)?;
        Ok(history_sql::scripts(rows))
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, DriverError> {
        // What it was is not looked at.
        self.dirty = true;
        let rows = self
            .connection
            .rows(&[Command {
                sql: sql.into(),
                data: None,
                answer_now: false,
            }])
            .await;
        rows.map_err(|failed| failed.error)
    }

    fn canceller(&self) -> Option<Arc<dyn Cancel>> {
        let key = self.connection.key();
        Some(Arc::new(Canceller::new(Arc::clone(&self.config), key)))
    }

    async fn close(self: Box<Self>) -> Result<(), DriverError> {
        self.connection.terminate().await
    }
}
