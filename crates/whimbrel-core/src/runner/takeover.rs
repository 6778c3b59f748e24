//! Writes the records of a takeover.

mod writing;

use std::time::Duration;

use self::writing::Writing;
use super::dry_run::{in_lock, lease as lease_of};
use super::{ConvertOptions, Runner, Session, lock};
use crate::diagnostic::{Diagnostic, Severity};
use crate::driver::{DriverErrorKind, Lease, UnitError};
use crate::error::Error;
use crate::event::Event;
use crate::history::{Action, FORMAT, History};
use crate::migration::Migration;
use crate::plan::{Direction, Plan};
use crate::takeover::{
    Adoption, Entry, ForeignHistories, ForeignHistory, NO_FOREIGN_HISTORY, Sighting,
    TakeoverReport, baseline, renamed, renames,
};

/// Before something is tried again that failed for a reason which passes; grows with each try.
const PAUSE: Duration = Duration::from_millis(200);

/// Where a takeover's records come from.
pub(super) enum Origin<'a> {
    Baseline(&'a str),
    Import(Box<dyn ForeignHistory>),
    /// Files were converted: records get their new versions, and another tool's history is matched
    /// with the new files.
    Converted(Option<Box<dyn ForeignHistory>>),
}

impl Origin<'_> {
    fn adoption(&self, session: &Session) -> Result<Adoption, Error> {
        let (migrations, history) = (&session.migrations, &session.history);
        match self {
            Self::Baseline(version) => baseline(migrations, history, version),
            Self::Import(foreign) => foreign.adoption(migrations, history),
            Self::Converted(foreign) => converted(migrations, history, foreign.as_deref()),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Baseline(_) => Action::Baseline,
            Self::Import(_) | Self::Converted(_) => Action::Import,
        }
    }
}

impl Runner<'_> {
    /// Marks the database as being at a version.
    ///
    /// # Errors
    /// See [`Error`]; nothing is written then.
    pub async fn baseline(&self, version: &str, dry_run: bool) -> Result<TakeoverReport, Error> {
        let session = self.open().await?;
        self.take_over(session, Ok(Origin::Baseline(version)), dry_run)
            .await
    }

    /// Takes another tool's history over.
    ///
    /// # Errors
    /// See [`Error`]; nothing is written then.
    pub async fn import(
        &self,
        histories: &dyn ForeignHistories,
        dry_run: bool,
    ) -> Result<TakeoverReport, Error> {
        let mut session = self.open().await?;
        let origin = Self::import_origin(&mut session, histories).await;
        self.take_over(session, origin, dry_run).await
    }

    async fn import_origin(
        session: &mut Session,
        histories: &dyn ForeignHistories,
    ) -> Result<Origin<'static>, Error> {
        // Read before the lock is taken: the other tool does not know that lock.
        let driver = session.driver.as_mut();
        let renames = renames(&session.migrations, &session.history)?;
        if renames.entries.is_empty() {
            return histories.read(driver).await.map(Origin::Import);
        }
        let foreign = if histories.seen(driver).await?.is_empty() {
            None
        } else {
            Some(histories.read(driver).await?)
        };
        Ok(Origin::Converted(foreign))
    }

    /// What there is to take over for files that were just converted: records of Whimbrel's own under
    /// older versions, another tool's history. None if there is nothing.
    ///
    /// # Errors
    /// It can't be taken over as it is.
    pub(super) async fn converted_origin(
        session: &mut Session,
        histories: &dyn ForeignHistories,
        options: &ConvertOptions<'_>,
    ) -> Result<Option<Origin<'static>>, Error> {
        let origin = match Self::import_origin(session, histories).await {
            Err(error) if !options.must_have_history && is_about_nothing(&error) => {
                return Ok(None);
            }
            origin => origin?,
        };
        origin.adoption(session)?;
        Ok(Some(origin))
    }

    async fn take_over(
        &self,
        mut session: Session,
        origin: Result<Origin<'_>, Error>,
        dry_run: bool,
    ) -> Result<TakeoverReport, Error> {
        let result = match origin {
            Ok(origin) => self.take_over_in(&mut session, &origin, dry_run).await,
            Err(error) => Err(error),
        };
        let closed = session.driver.close().await;
        let report = result?;
        closed?;
        Ok(report)
    }

    pub(super) async fn take_over_in(
        &self,
        session: &mut Session,
        origin: &Origin<'_>,
        dry_run: bool,
    ) -> Result<TakeoverReport, Error> {
        let adoption = origin.adoption(session)?;
        if dry_run || adoption.records().next().is_none() {
            self.warn(&adoption.warnings);
            let sql = if dry_run {
                let lease = lease_of(&session.history, self.options);
                let (driver, history) = (session.driver.as_mut(), &session.history);
                let mut text = Writing::new(self, &adoption, origin, history, lease).render(driver);
                in_lock(driver, history, self.options, &mut [&mut text]).await?;
                Some(text)
            } else {
                None
            };
            return Ok(report(adoption, origin, 0, sql));
        }
        if !session.history.exists || session.history.format < FORMAT {
            session.driver.create_history().await?;
        }
        self.write_under_lock(session, origin).await
    }

    /// What fails for a reason that passes is tried again: it is planned anew each time, so that what
    /// an earlier try has written is not written twice.
    async fn write_under_lock(
        &self,
        session: &mut Session,
        origin: &Origin<'_>,
    ) -> Result<TakeoverReport, Error> {
        let mut previous = None;
        let mut tries = 0;
        loop {
            let (lease, history) =
                lock::take(self, session.driver.as_mut(), previous.as_ref()).await?;
            session.history = history;
            let error = match self.write(session, origin, &lease).await {
                Ok(report) => {
                    session.driver.unlock(&lease).await?;
                    return Ok(report);
                }
                Err(error) => error,
            };
            let kind = passes(&error).filter(|_| tries < self.options.retries);
            let Some(kind) = kind else {
                // A failed run gives the lock back all the same; if even that fails, the lease
                // runs out.
                let _ = session.driver.unlock(&lease).await;
                return Err(error);
            };
            tries += 1;
            previous = None;
            if kind == DriverErrorKind::Lost {
                session.driver = self.connect.connect().await?;
                // The driver learns where the history is.
                session.driver.read_history().await?;
                previous = Some(lease);
            } else {
                session.driver.unlock(&lease).await?;
                tokio::time::sleep(PAUSE * tries).await;
            }
        }
    }

    async fn write(
        &self,
        session: &mut Session,
        origin: &Origin<'_>,
        lease: &Lease,
    ) -> Result<TakeoverReport, Error> {
        // Another run may have been at work before the lock was had.
        let adoption = origin.adoption(session)?;
        let writing = Writing::new(self, &adoption, origin, &session.history, *lease);
        let written = writing.attempts.len();
        for unit in writing.units() {
            let applied = session.driver.apply(&unit, &mut |_| {}).await;
            applied.map_err(|UnitError { error, .. }| {
                let again = "run it again: it writes only what is not there yet";
                let hint = error.hint.clone().unwrap_or_else(|| again.to_owned());
                Error::Database(error.with_hint(hint))
            })?;
        }
        self.warn(&adoption.warnings);
        Ok(report(adoption, origin, written, None))
    }

    fn warn(&self, warnings: &[Diagnostic]) {
        for warning in warnings {
            self.listener.event(&Event::Diagnostic(warning));
        }
    }

    /// Before the first `up` of all: is there another tool's history? With `force` nobody looks.
    pub(super) async fn look_out(&self, session: &mut Session, plan: &Plan) -> Result<(), Error> {
        match self.foreign_history(session, plan).await? {
            Some(problem) => Err(Error::refused(problem)),
            None => Ok(()),
        }
    }

    /// The same, for plans that are only looked at.
    pub(super) async fn look_out_for(
        &self,
        session: &mut Session,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let problem = self.foreign_history(session, plan).await?;
        plan.warnings.extend(problem.map(|problem| Diagnostic {
            severity: Severity::Warning,
            ..problem
        }));
        Ok(())
    }

    async fn foreign_history(
        &self,
        session: &mut Session,
        plan: &Plan,
    ) -> Result<Option<Diagnostic>, Error> {
        let first = session.history.is_untouched()
            && plan.direction == Direction::Up
            && !plan.steps.is_empty();
        let Some(foreign) = self.foreign.filter(|_| first && !self.options.plan.force) else {
            return Ok(None);
        };
        let driver = session.driver.as_mut();
        let there = foreign.look_out(driver, &session.migrations).await?;
        if !there.seen.is_empty() {
            return Ok(Some(foreign_history(&there.seen)));
        }
        Ok((!there.elsewhere.is_empty()).then(|| foreign_elsewhere(&there.elsewhere)))
    }
}

/// There is no history to take over, and nobody said that there is one.
fn is_about_nothing(error: &Error) -> bool {
    let Error::Refused(list) = error else {
        return false;
    };
    list.iter()
        .all(|one| one.code.as_deref() == Some(NO_FOREIGN_HISTORY))
}

fn converted(
    migrations: &[Migration],
    history: &History,
    foreign: Option<&dyn ForeignHistory>,
) -> Result<Adoption, Error> {
    let mut own = renames(migrations, history)?;
    let Some(foreign) = foreign else {
        return Ok(own);
    };
    let mut adoption = foreign.adoption(migrations, &renamed(history, &own))?;
    for entry in &mut adoption.entries {
        let same = |one: &Entry| one.source == entry.source && one.version == entry.version;
        if let Some(at) = own.entries.iter().position(same) {
            *entry = own.entries.swap_remove(at);
        }
    }
    adoption.entries.splice(0..0, own.entries);
    // In the order in which they were applied, whether the other tool knows them or not.
    adoption.entries.sort_by_key(|entry| {
        let former = entry.record.as_ref().and_then(|one| one.former.as_ref());
        former.map_or(i64::MAX, |former| former.sequence)
    });
    Ok(adoption)
}

fn foreign_history(seen: &[Sighting]) -> Diagnostic {
    let list: Vec<_> = seen.iter().map(Sighting::summary).collect();
    let list = list.join("; ");
    let help = match seen {
        [one] => format!(
            "`whimbrel import --dry-run` shows what it would take over, `whimbrel import --from {}` does it; \
             `--force` goes on without",
            one.tool
        ),
        _ => "take one over with `whimbrel import --from TOOL` (first with `--dry-run`), or go on with `--force`"
            .to_owned(),
    };
    Diagnostic::error(
        "foreign-history",
        "another tool migrated this database, and Whimbrel's own history is empty",
    )
    .note(list)
    .help(help)
}

/// Those that `import` does not find by itself.
fn foreign_elsewhere(seen: &[Sighting]) -> Diagnostic {
    let list: Vec<_> = seen.iter().map(Sighting::summary).collect();
    let first = &seen[0];
    let help = format!(
        "`whimbrel import --dry-run --from {} --history-table {}` shows what it would take over, without `--dry-run` it does; \
         `--force` goes on without",
        first.tool, first.table
    );
    Diagnostic::error(
        "foreign-history",
        "another tool applied these migrations, and Whimbrel's own history is empty",
    )
    .note(list.join("; "))
    .help(help)
}

/// The kind of an error after which the same may succeed.
fn passes(error: &Error) -> Option<DriverErrorKind> {
    match error {
        Error::Database(error) if error.kind.passes() => Some(error.kind),
        _ => None,
    }
}

fn report(
    adoption: Adoption,
    origin: &Origin<'_>,
    written: usize,
    sql: Option<String>,
) -> TakeoverReport {
    TakeoverReport {
        action: origin.action(),
        from: adoption.from,
        entries: adoption.entries,
        written,
        sql,
    }
}
