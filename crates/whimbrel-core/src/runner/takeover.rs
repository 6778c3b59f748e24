//! Writes the records of a takeover.

use std::time::Duration;

use super::{Runner, Session, lock};
use crate::checksum::Checksum;
use crate::diagnostic::{Diagnostic, Severity};
use crate::driver::{Driver, Lease, Part, Record, Unit, UnitError, Write};
use crate::error::Error;
use crate::event::Event;
use crate::history::{Action, Attempt, AttemptId, AttemptState, FORMAT, History};
use crate::plan::{Direction, Plan};
use crate::takeover::{Adoption, ForeignHistories, Sighting, TakeoverReport, baseline};

/// Rows per statement: some engines limit a statement's length.
const ROWS: usize = 50;
/// Kept scripts per statement, in bytes, for the same reason.
const KEEP_BYTES: usize = 64 * 1024;

/// Where a takeover's records come from.
enum Origin<'a> {
    Baseline(&'a str),
    Import(&'a dyn ForeignHistories),
}

impl Runner<'_> {
    /// Marks the database as being at a version.
    ///
    /// # Errors
    /// See [`Error`]; nothing is written then.
    pub async fn baseline(&self, version: &str, dry_run: bool) -> Result<TakeoverReport, Error> {
        self.take_over(Origin::Baseline(version), dry_run).await
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
        self.take_over(Origin::Import(histories), dry_run).await
    }

    async fn take_over(&self, origin: Origin<'_>, dry_run: bool) -> Result<TakeoverReport, Error> {
        let mut session = self.open().await?;
        let result = self.take_over_in(&mut session, &origin, dry_run).await;
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
        let adoption = adoption(session, origin).await?;
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
        let (lease, history) = lock::take(self, session.driver.as_mut(), None).await?;
        session.history = history;
        let result = self.write(session, origin, &lease).await;
        // A failed run gives the lock back all the same; if even that fails, the lease runs out.
        let unlocked = session.driver.unlock(&lease).await;
        let report = result?;
        unlocked?;
        Ok(report)
    }

    async fn write(
        &self,
        session: &mut Session,
        origin: &Origin<'_>,
        lease: &Lease,
    ) -> Result<TakeoverReport, Error> {
        // Another run may have been at work before the lock was had.
        let adoption = adoption(session, origin).await?;
        self.warn(&adoption.warnings);
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

async fn adoption(session: &mut Session, origin: &Origin<'_>) -> Result<Adoption, Error> {
    match origin {
        Origin::Baseline(version) => baseline(&session.migrations, &session.history, version),
        Origin::Import(histories) => {
            let driver = session.driver.as_mut();
            histories
                .adoption(driver, &session.migrations, &session.history)
                .await
        }
    }
}

fn report(
    adoption: Adoption,
    origin: &Origin<'_>,
    written: usize,
    sql: Option<String>,
) -> TakeoverReport {
    TakeoverReport {
        action: action(origin),
        from: adoption.from,
        entries: adoption.entries,
        written,
        sql,
    }
}

fn action(origin: &Origin<'_>) -> Action {
    match origin {
        Origin::Baseline(_) => Action::Baseline,
        Origin::Import(_) => Action::Import,
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
            action: action(origin),
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
        replay: Vec::new(),
        continues: false,
    }
}
