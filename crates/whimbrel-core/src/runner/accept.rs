//! What a person says of a file that was changed on purpose after it was applied.

use std::time::Duration;

use super::{Runner, lock};
use crate::diagnostic::Diagnostic;
use crate::driver::{Driver, Lease, Part, Unit, Write};
use crate::error::Error;
use crate::history::{Action, Applied, Attempt, AttemptId, AttemptState, History};
use crate::migration::{Kind, Migration};
use crate::plan::{Noted, find};

impl Runner<'_> {
    /// Takes a changed file, as it stands, for what was applied: its record gets the file's checksum and
    /// the history keeps its scripts. Nothing of it runs.
    ///
    /// # Errors
    /// It is not applied or not changed; or see [`Error`].
    pub async fn accept(&self, version: &str) -> Result<Noted, Error> {
        let mut session = self.open().await?;
        let place = find(&session.migrations, version).map_err(Error::refused)?;
        let migration = &session.migrations[place];
        changed(migration, &session.history)?;
        let (lease, history) = lock::take(self, session.driver.as_mut(), None).await?;
        let driver = session.driver.as_mut();
        let result = self.accept_in(driver, lease, &history, migration).await;
        // What fails gives the lock back all the same; if even that fails, the lease runs out.
        let unlocked = driver.unlock(&lease).await;
        session.driver.close().await?;
        let noted = result?;
        unlocked?;
        Ok(noted)
    }

    async fn accept_in(
        &self,
        driver: &mut dyn Driver,
        lease: Lease,
        history: &History,
        migration: &Migration,
    ) -> Result<Noted, Error> {
        // Another run may have been at work before the lock was had.
        let row = changed(migration, history)?;
        let noted = Noted::of(migration, row)?;
        let id = AttemptId {
            run: lease.token,
            number: 1,
        };
        let said = self.said(id, row);
        let scripts = noted.keep.iter().map(|(key, text)| (key, text.as_str()));
        let part = Part {
            after: vec![
                Write::Keep(scripts.collect()),
                Write::Note(&noted),
                Write::Attempt(&said),
            ],
            ..Part::default()
        };
        let unit = Unit::of_writes(lease, part);
        let written = driver.apply(&unit, &mut |_| {}).await;
        written.map_err(|failed| failed.error)?;
        Ok(noted)
    }

    /// For the log: who said it.
    fn said(&self, id: AttemptId, row: &Applied) -> Attempt {
        Attempt {
            id,
            source: row.source.clone(),
            version: row.version.clone(),
            name: row.name.clone(),
            action: Action::Repair,
            state: AttemptState::Done,
            journalled: false,
            statements_done: 0,
            statement_running: None,
            statements: 0,
            hashes: String::new(),
            connection: None,
            state_before: None,
            error: None,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            duration: Duration::ZERO,
            started_by: self.options.owner.who(),
        }
    }
}

/// The record of a file that is not what was applied.
fn changed<'h>(migration: &Migration, history: &'h History) -> Result<&'h Applied, Error> {
    let refused = |message: String, help: &str| {
        let error = Diagnostic::error("nothing-to-accept", message);
        Err(Error::refused(
            error.at(&migration.file, 0..0, "").help(help),
        ))
    };
    let label = migration.label();
    let Some(row) = history.applied(&migration.source, &migration.version) else {
        return refused(
            format!("{label} is not applied"),
            "`whimbrel up` applies it",
        );
    };
    if migration.kind == Kind::Repeatable {
        return refused(
            format!("{label} is repeatable"),
            "`whimbrel up` runs it again whenever it is changed",
        );
    }
    if row.checksum == migration.checksum {
        return refused(
            format!("{label} is what was applied"),
            "there is nothing to do",
        );
    }
    Ok(row)
}
