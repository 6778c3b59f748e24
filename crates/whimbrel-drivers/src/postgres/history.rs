//! The history's reading and making, and the lock.

use std::time::Duration;

use whimbrel_core::driver::{DriverError, DriverErrorKind, Lease, LockAttempt};
use whimbrel_core::history::{History, Holder, Owner};

use super::connection::{Reply, cells, plain, texts};
use super::driver::Postgres;
use super::flavor::{CONNECTION, GONE, Postgres as Flavor};
use super::supabase;
use super::unit::AS_CONNECTED;
use crate::history_sql::{self, Claim, Part, Row};

/// What each of [`Postgres::reads`] gives.
const READS: [Part; 3] = [Part::Lock, Part::Applied, Part::Attempts];

/// Row-level security that leaves out rows of a table for this role. A policy that is true of every
/// row leaves none out, unless another one restricts it.
const HIDES_ROWS: &str = "c.relrowsecurity AND pg_catalog.row_security_active(c.oid) AND NOT (EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('*', 'r') AND pg_catalog.pg_get_expr(p.polqual, p.polrelid) = 'true' AND EXISTS (SELECT FROM pg_catalog.unnest(p.polroles) AS r WHERE r = 0 OR pg_catalog.pg_has_role(r, 'USAGE'))) AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive))";

/// A history that seems to be empty would be applied all over again.
fn hides(table: &str) -> DriverError {
    DriverError::new(
        DriverErrorKind::History,
        format!("row-level security hides rows of `{table}` from this role"),
    )
    .with_hint("connect as the owner of the history's tables, or take row-level security from them: ALTER TABLE ... DISABLE ROW LEVEL SECURITY")
}

/// How often the creation of the history tables is tried when others create them too.
const CREATE_TRIES: u32 = 10;

impl Postgres {
    /// Finds the schema of the history, the size of the lock table and whose rows are hidden; with the
    /// lock row in the same round trip if the tables are there.
    fn look(&self) -> String {
        let tables = &self.options.tables;
        let name = |table: &String| history_sql::table(&Flavor, tables, table).replace('\'', "''");
        let lock = name(&tables.lock);
        let class = |table: &String| format!("pg_catalog.to_regclass('{}')", name(table));
        let all = [&tables.applied, &tables.log, &tables.lock, &tables.scripts];
        let all = all.map(class).join(", ");
        // Where there are no tables yet, the schema that was asked for.
        let wanted = tables.schema.as_ref();
        let wanted = wanted.map_or_else(
            || "pg_catalog.current_schema()".to_owned(),
            |schema| history_sql::Flavor::literal(&Flavor, schema),
        );
        let literal = |text| history_sql::Flavor::literal(&Flavor, text);
        let elsewhere = match tables.schema {
            Some(_) => "NULL".to_owned(),
            None => format!(
                "CASE WHEN pg_catalog.to_regclass('{lock}') IS NULL THEN (SELECT pg_catalog.min(n.nspname::text) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = {} AND c.relkind = 'r') END",
                literal(&tables.lock)
            ),
        };
        format!(
            "SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass('{lock}')), {wanted}), pg_catalog.current_setting('max_locks_per_transaction')::bigint * (pg_catalog.current_setting('max_connections')::bigint + pg_catalog.current_setting('max_prepared_transactions')::bigint), pg_catalog.pg_backend_pid(), (SELECT pg_catalog.min(c.relname::text) FROM pg_catalog.pg_class c WHERE c.oid IN ({all}) AND {HIDES_ROWS}), {elsewhere}"
        )
    }

    fn reads(&self) -> [String; 3] {
        let tables = &self.options.tables;
        [
            history_sql::select_lock(&Flavor, tables),
            history_sql::select_applied(&Flavor, tables),
            history_sql::select_attempts(&Flavor, tables),
        ]
    }

    /// Takes the history tables from the roles that a web API runs as.
    async fn hide_from_api(&mut self) -> Result<Option<String>, DriverError> {
        let rows = self.rows(supabase::API_ROLES).await?;
        let roles: Vec<String> = rows.into_iter().flatten().flatten().collect();
        let tables = &self.options.tables;
        let names = [&tables.applied, &tables.log, &tables.lock, &tables.scripts];
        let names = names.map(|name| history_sql::table(&Flavor, tables, name));
        let (names, list) = (names.join(", "), roles.join(", "));
        Ok((!roles.is_empty()).then(|| format!("REVOKE ALL ON {names} FROM {list}")))
    }

    pub(super) async fn look_up_history(&mut self) -> Result<History, DriverError> {
        let mut commands = vec![self.look()];
        commands.extend(self.reads());
        let mut place: Row = Row::new();
        let mut found = history_sql::Rows::default();
        let result = self
            .connection
            .exchange(plain(&commands), &mut |index, reply| {
                if let Reply::Row(row) = reply {
                    match index.checked_sub(1) {
                        None => place = texts(row),
                        Some(read) => found.add(READS[read], &cells(row)),
                    }
                }
            })
            .await;
        let mut elsewhere = None;
        if let [schema, slots, pid, hidden, other] = place.as_slice() {
            if let Some(table) = hidden {
                return Err(hides(table));
            }
            // A pooler gives its own key.
            self.server.pooled = *pid != Some(self.connection.key().pid.to_string());
            self.options.tables.schema.clone_from(schema);
            let applied = &self.options.tables.applied;
            elsewhere = other.as_ref().map(|other| format!("{other}.{applied}"));
            self.server.lock_slots = slots.as_deref().and_then(|text| text.parse().ok());
        }
        match result {
            Ok(()) => found.history(),
            Err(failed) if failed.error.code.as_deref() == Some("42P01") => Ok(History {
                elsewhere,
                ..History::default()
            }),
            Err(failed) => Err(failed.error),
        }
    }

    /// Creates what is missing of the history.
    async fn creation(&mut self) -> Result<Vec<String>, DriverError> {
        let schema = self.options.tables.schema.clone().ok_or_else(|| {
            DriverError::new(
                DriverErrorKind::History,
                "the connection's search_path names no schema for the history tables",
            )
            .with_hint("name one: --table SCHEMA.whimbrel_applied; or grant this role USAGE on one that is there: what it may not use does not count")
        })?;
        let mut commands = vec![
            "BEGIN".to_owned(),
            "SET LOCAL client_min_messages = warning".to_owned(),
            // Who makes the same tables at this moment is soon done.
            "SET LOCAL lock_timeout = '10s'".to_owned(),
            format!(
                "CREATE SCHEMA IF NOT EXISTS \"{}\"",
                schema.replace('"', "\"\"")
            ),
        ];
        let exists = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = ";
        let name = history_sql::Flavor::literal(&Flavor, &schema);
        let known = self.rows(&format!("{exists}{name}")).await;
        if known.is_ok_and(|rows| !rows.is_empty()) {
            // IF NOT EXISTS asks for the right to create schemas all the same.
            commands.pop();
        }
        commands.extend(history_sql::create(&Flavor, &self.options.tables));
        commands.extend(self.hide_from_api().await?);
        commands.push("COMMIT".to_owned());
        Ok(commands)
    }

    pub(super) async fn make_history(&mut self) -> Result<(), DriverError> {
        let commands = self.creation().await?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.connection.at_once(&commands, &mut |_, _| {}).await {
                Ok(()) => return Ok(()),
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

    /// Takes the lock, in a transaction whose end comes later.
    fn taking(&self, owner: &Owner, lease: Duration, previous: Option<&Lease>) -> [String; 3] {
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
        [
            "BEGIN".to_owned(),
            // What units have of it, and nothing but them and changes of the row, is in its way.
            format!("LOCK TABLE {lock} IN EXCLUSIVE MODE NOWAIT"),
            format!("{take} RETURNING token"),
        ]
    }

    /// As whoever we connected as: a statement that failed may have left us as somebody else.
    pub(super) fn releasing(&self, lease: &Lease) -> [String; 2] {
        let release = history_sql::release_lock(&Flavor, &self.options.tables, lease.token);
        [AS_CONNECTED.to_owned(), release]
    }

    pub(super) async fn lock_text(
        &mut self,
        owner: &Owner,
        lease: &Lease,
        create: bool,
    ) -> Result<[String; 2], DriverError> {
        let created = if create {
            Some(self.creation().await?)
        } else {
            None
        };
        let mut take = Vec::from(self.taking(owner, lease.length, None));
        take.push("COMMIT".to_owned());
        let release = self.releasing(lease);
        Ok(history_sql::lock_listing(created, take, release))
    }

    pub(super) async fn try_lock(
        &mut self,
        owner: &Owner,
        lease: Duration,
        previous: Option<&Lease>,
    ) -> Result<LockAttempt, DriverError> {
        let mut commands = Vec::from(self.taking(owner, lease, previous));
        commands.extend(self.reads());
        commands.push("COMMIT".to_owned());
        let mut taken = false;
        let mut found = history_sql::Rows::default();
        let result = self
            .connection
            .at_once(&commands, &mut |index, reply| {
                if let Reply::Row(row) = reply {
                    match index.checked_sub(3) {
                        None => taken = true,
                        Some(read) => found.add(READS[read], &cells(row)),
                    }
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
        let history = found.history()?;
        if !taken {
            return history_sql::held(history);
        }
        let lease = Lease {
            token: history.token,
            length: lease,
        };
        Ok(LockAttempt::Taken(lease, Box::new(history)))
    }

    pub(super) async fn holder(&mut self) -> Result<Holder, DriverError> {
        let select = history_sql::select_lock(&Flavor, &self.options.tables);
        let rows = self.rows(&select).await?;
        let found = rows
            .into_iter()
            .next()
            .map(|row| history_sql::lock(&row))
            .transpose()?
            // A unit in flight outlives its lease.
            .and_then(|row| row.named);
        Ok(found.unwrap_or_else(history_sql::unknown_holder))
    }
}
