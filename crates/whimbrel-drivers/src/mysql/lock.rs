//! The lock: a row with an owner and a token, and a named lock of the server besides, which a dead
//! client's statement keeps as long as it runs.

use std::time::Duration;

use whimbrel_core::checksum::Checksum;
use whimbrel_core::driver::{DriverError, DriverErrorKind, Lease, LockAttempt};
use whimbrel_core::history::{History, Owner};

use super::driver::Mysql;
use super::errors;
use super::flavor::Mysql as Flavor;
use super::session::AS_NEEDED;
use super::wire::{batch, first, rows};
use crate::history_sql::{self, Claim, Row};

impl Mysql {
    /// Named after the lock table, at most 64 characters: a server-wide name.
    pub(super) fn lock_name(&self) -> String {
        let tables = &self.options.tables;
        let table = history_sql::table(&Flavor, tables, &tables.lock);
        format!("'whimbrel:{:.32}'", Checksum::of(&table))
    }

    /// What reads the history: the lock, what is applied, attempts.
    fn reads(&self) -> [String; 3] {
        let tables = &self.options.tables;
        [
            history_sql::select_lock(&Flavor, tables),
            history_sql::select_applied(&Flavor, tables),
            history_sql::select_attempts(&Flavor, tables),
        ]
    }

    /// Tries once to take the lock; never waits.
    pub(super) async fn try_lock(
        &mut self,
        owner: &Owner,
        lease: Duration,
        previous: Option<&Lease>,
    ) -> Result<LockAttempt, DriverError> {
        let name = self.lock_name();
        let got = rows(&mut self.connection, &get_lock(&name)).await?;
        if first(got).as_deref() != Some("1") {
            // Also a dead client's statement that still runs in the server keeps it.
            self.end_idle_holder(&name).await?;
            return self.held().await;
        }
        let release = release_lock(&name);
        let sets = match self.take_row(owner, lease, previous).await {
            Ok(sets) => sets,
            Err(error) => {
                batch(&mut self.connection, &format!("ROLLBACK;\n{release}")).await?;
                if error.kind == DriverErrorKind::LockTimeout {
                    return self.held().await;
                }
                return Err(error);
            }
        };
        let mut sets = sets.into_iter().skip(1);
        let changed = sets.next().and_then(first);
        let history = history(sets.collect::<Vec<_>>())?;
        if changed.as_deref() != Some("1") {
            rows(&mut self.connection, &release).await?;
            return history_sql::held(history);
        }
        let lease = Lease {
            token: history.token,
            length: lease,
        };
        Ok(LockAttempt::Taken(lease, Box::new(history)))
    }

    /// Takes the lock's row, in a transaction whose end comes later.
    fn taking(&self, owner: &Owner, lease: Duration, previous: Option<&Lease>) -> [String; 3] {
        let tables = &self.options.tables;
        let lock = history_sql::table(&Flavor, tables, &tables.lock);
        [
            "START TRANSACTION".to_owned(),
            format!("SELECT 1 FROM {lock} WHERE id = 1 FOR UPDATE NOWAIT"),
            history_sql::take_lock(&Flavor, tables, owner, lease, previous, &claim()),
        ]
    }

    fn releasing(&self, lease: &Lease) -> [String; 2] {
        let release = history_sql::release_lock(&Flavor, &self.options.tables, lease.token);
        [release, release_lock(&self.lock_name())]
    }

    pub(super) fn lock_text(&self, owner: &Owner, lease: &Lease, create: bool) -> [String; 2] {
        let mut first = vec![AS_NEEDED.to_owned()];
        if create {
            first.extend(history_sql::create(&Flavor, &self.options.tables));
        }
        let mut take = vec![get_lock(&self.lock_name())];
        take.extend(self.taking(owner, lease.length, None));
        take.push("COMMIT".to_owned());
        history_sql::lock_listing(Some(first), take, self.releasing(lease))
    }

    /// Raises the token if the row is free, and reads the history, in one transaction.
    async fn take_row(
        &mut self,
        owner: &Owner,
        lease: Duration,
        previous: Option<&Lease>,
    ) -> Result<Vec<Vec<Row>>, DriverError> {
        let mut all = Vec::from(self.taking(owner, lease, previous));
        all.push("SELECT ROW_COUNT()".to_owned());
        all.extend(self.reads());
        all.push("COMMIT".to_owned());
        batch(&mut self.connection, &all.join(";\n")).await
    }

    pub(super) async fn read(&mut self) -> Result<History, DriverError> {
        let reads = self.reads().join(";\n");
        match batch(&mut self.connection, &reads).await {
            Ok(sets) => history(sets),
            // There is no such table.
            Err(error) if errors::has_code(&error, 1146) => Ok(History::default()),
            Err(error) => Err(error),
        }
    }

    async fn held(&mut self) -> Result<LockAttempt, DriverError> {
        let holder = self.read().await?.holder;
        Ok(LockAttempt::Held(
            holder.unwrap_or_else(history_sql::unknown_holder),
        ))
    }

    /// A process that stands still (or a machine that is cut off) keeps the named lock by its
    /// connection. Once its lease has run out and the connection has done nothing for a second, it
    /// is ended, and what it had open is rolled back. One that is at work is left alone.
    async fn end_idle_holder(&mut self, name: &str) -> Result<(), DriverError> {
        let tables = &self.options.tables;
        let lock = history_sql::table(&Flavor, tables, &tables.lock);
        let now = history_sql::Flavor::now(&Flavor);
        let select = format!(
            "SELECT p.ID FROM information_schema.PROCESSLIST p, {lock} l WHERE p.ID = IS_USED_LOCK({name}) AND p.COMMAND = 'Sleep' AND p.TIME >= 1 AND l.id = 1 AND l.expires < {now}",
        );
        let idle = rows(&mut self.connection, &select).await?;
        for id in idle.into_iter().flatten().flatten() {
            match rows(&mut self.connection, &format!("KILL CONNECTION {id}")).await {
                // It went by itself.
                Err(error) if errors::has_code(&error, 1094) => {}
                other => drop(other?),
            }
        }
        Ok(())
    }

    pub(super) async fn give_back(&mut self, lease: &Lease) -> Result<(), DriverError> {
        let all = self.releasing(lease).join(";\n");
        batch(&mut self.connection, &all).await.map(|_| ())
    }
}

fn get_lock(name: &str) -> String {
    format!("SELECT GET_LOCK({name}, 0)")
}

fn release_lock(name: &str) -> String {
    format!("SELECT RELEASE_LOCK({name})")
}

/// The named lock is this node's. If we have it, and the connection that had it is not there any
/// more, its run is dead. It may be there without the lock for a moment: see [`Mysql::reset`].
pub(super) fn claim() -> Claim {
    const NODE: &str = "CONCAT(@@hostname, ':', @@port)";
    Claim {
        connection: Some(format!("CONCAT(CONNECTION_ID(), ' ', {NODE})")),
        gone: Some(format!(
            "SUBSTRING_INDEX(connection, ' ', -1) = {NODE} AND NOT EXISTS (SELECT 1 FROM information_schema.PROCESSLIST p WHERE p.ID = CAST(SUBSTRING_INDEX(connection, ' ', 1) AS UNSIGNED))"
        )),
    }
}

fn history(sets: Vec<Vec<Row>>) -> Result<History, DriverError> {
    let mut sets = sets.into_iter();
    let mut next = || sets.next().unwrap_or_default();
    history_sql::history(next(), next(), next())
}
