//! Writes the records of a takeover.

use std::time::Duration;

use super::{Runner, Session, lock};
use crate::checksum::Checksum;
use crate::diagnostic::{Diagnostic, Severity};
use crate::driver::{Driver, DriverErrorKind, Lease, Part, Record, Unit, UnitError, Write};
use crate::error::Error;
use crate::event::Event;
use crate::history::{Action, Attempt, AttemptId, AttemptState, FORMAT, History};
use crate::plan::{Direction, Plan};
use crate::takeover::{
    Adoption, ForeignHistories, ForeignHistory, Sighting, TakeoverReport, baseline,
};

/// Rows per statement: some engines limit a statement's length.
const ROWS: usize = 50;
/// Kept scripts per statement, in bytes, for the same reason.
const KEEP_BYTES: usize = 64 * 1024;

/// Before something is tried again that failed for a reason which passes; grows with each try.
const PAUSE: Duration = Duration::from_millis(200);

/// Where a takeover's records come from.
enum Origin<'a> {
    Baseline(&'a str),
    Import(Box<dyn ForeignHistory>),
}

impl Origin<'_> {
    fn adoption(&self, session: &Session) -> Result<Adoption, Error> {
        let (migrations, history) = (&session.migrations, &session.history);
        match self {
            Self::Baseline(version) => baseline(migrations, history, version),
            Self::Import(foreign) => foreign.adoption(migrations, history),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Baseline(_) => Action::Baseline,
            Self::Import(_) => Action::Import,
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
        // Read before the lock is taken: the other tool does not know that lock.
        let foreign = histories.read(session.driver.as_mut()).await;
        self.take_over(session, foreign.map(Origin::Import), dry_run)
            .await
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

    async fn take_over_in(
        &self,
        session: &mut Session,
        origin: &Origin<'_>,
        dry_run: bool,
    ) -> Result<TakeoverReport, Error> {
        let adoption = origin.adoption(session)?;
        if dry_run || adoption.records().next().is_none() {
            self.warn(&adoption.warnings);
            let sql = dry_run.then(|| {
                // The token that the lock would give if nobody else runs before.
                let lease = Lease {
                    token: session.history.token + 1,
                    length: self.options.lease,
                };
                Writing::new(self, &adoption, origin, &session.history, lease)
                    .render(session.driver.as_ref())
            });
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
        let seen = foreign.seen(session.driver.as_mut()).await?;
        Ok((!seen.is_empty()).then(|| foreign_history(&seen)))
    }
}

fn foreign_history(seen: &[Sighting]) -> Diagnostic {
    let list = seen.iter().map(|found| {
        let plural = if found.migrations == 1 { "" } else { "s" };
        format!(
            "{} of {} lists {} migration{plural}",
            found.table, found.title, found.migrations
        )
    });
    let list = list.collect::<Vec<_>>().join(", ");
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

/// The units of a takeover: first the scripts, which are keyed by their contents and do no harm
/// without their records, then all records in one transaction.
struct Writing<'a> {
    adoption: &'a Adoption,
    attempts: Vec<Attempt>,
    tools: Vec<String>,
    sequence: i64,
    lease: Lease,
}

impl<'a> Writing<'a> {
    fn new(
        runner: &Runner<'_>,
        adoption: &'a Adoption,
        origin: &Origin<'_>,
        history: &History,
        lease: Lease,
    ) -> Self {
        let who = runner.options.owner.who();
        let records = adoption.records();
        let attempts = records.zip(1..).map(|((entry, _), number)| Attempt {
            id: AttemptId {
                run: lease.token,
                number,
            },
            source: entry.source.clone(),
            version: entry.version.clone(),
            name: entry.name.clone(),
            action: origin.action(),
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
            started_by: who.clone(),
        });
        let tools = adoption.records().map(|(_, record)| match &record.tool {
            Some(tool) => format!("{tool}, taken over by {}", crate::TOOL),
            None => crate::TOOL.to_owned(),
        });
        Self {
            adoption,
            attempts: attempts.collect(),
            tools: tools.collect(),
            sequence: history.next_sequence(),
            lease,
        }
    }

    fn units(&self) -> Vec<Unit<'_>> {
        let lease = self.lease;
        let mut units: Vec<_> = self
            .scripts()
            .into_iter()
            .map(|scripts| unit(lease, vec![Write::Keep(scripts)]))
            .collect();
        let records: Vec<_> = self.records().collect();
        let rows = records.chunks(ROWS).map(|rows| Write::Adopt(rows.to_vec()));
        let attempts = self.attempts.chunks(ROWS).map(Write::Attempts);
        units.push(unit(lease, rows.chain(attempts).collect()));
        units
    }

    fn scripts(&self) -> Vec<Vec<(&Checksum, &str)>> {
        let mut chunks: Vec<Vec<_>> = Vec::new();
        let mut room = 0;
        for (_, record) in self.adoption.records() {
            for (checksum, text) in &record.kept.scripts {
                if room < text.len() {
                    chunks.push(Vec::new());
                    room = KEEP_BYTES;
                }
                room = room.saturating_sub(text.len());
                if let Some(chunk) = chunks.last_mut() {
                    chunk.push((checksum, text.as_str()));
                }
            }
        }
        chunks.retain(|chunk| !chunk.is_empty());
        chunks
    }

    fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let records = self.adoption.records().zip(&self.attempts);
        let records = records.zip(&self.tools).zip(self.sequence..);
        records.map(|((((entry, record), attempt), tool), sequence)| Record {
            source: &entry.source,
            version: entry.version.as_str(),
            name: &entry.name,
            kind: record.kind,
            sequence,
            batch: record.batch,
            checksum: &record.checksum,
            down_checksum: record.kept.down.as_ref(),
            applied_at: record.applied_at,
            duration: Some(record.duration),
            applied_by: record.applied_by.as_deref().unwrap_or(&attempt.started_by),
            tool,
            id: attempt.id,
            statements: 0,
        })
    }

    fn render(&self, driver: &dyn Driver) -> String {
        if self.attempts.is_empty() {
            return String::new();
        }
        let units = self.units();
        units.iter().map(|unit| driver.render(unit)).collect()
    }
}

fn unit(lease: Lease, after: Vec<Write<'_>>) -> Unit<'_> {
    Unit {
        lease,
        atomic: true,
        parts: vec![Part {
            after,
            ..Part::default()
        }],
        lock_timeout: None,
        foreign_keys: None,
        settings: &[],
        replay: Vec::new(),
        continues: false,
    }
}
