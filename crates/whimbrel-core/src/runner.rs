//! Runs plans: lock, history, plan, units, records.

mod accept;
mod atomic;
mod begin;
mod condition;
mod convert;
mod dry_run;
mod execution;
mod facts;
mod failure;
mod journal;
mod lock;
mod note;
mod options;
mod protect;
mod recover;
mod redo;
mod repair;
mod script;
mod send;
mod session_lost;
mod stop;
mod takeover;
mod unfilled;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use self::begin::{Begun, Start};
pub use self::convert::{ConversionReport, ConvertOptions, Proof};
pub use self::options::{CONCURRENT_LOCK_TIMEOUT, RunOptions};
pub use self::redo::Redo;
pub use self::repair::{OpenStatement, Verdict};
use self::stop::unless_lost;

use crate::checksum::Checksum;
use crate::diagnostic::{Diagnostic, Severity};
use crate::driver::{Connect, Driver, Lease};
use crate::error::Error;
use crate::event::{Event, Listener};
use crate::history::{FORMAT, History};
use crate::hook::Hook;
use crate::migration::Migration;
use crate::plan::{
    Direction, Goal, Plan, PlanInput, Status, needed_scripts, plan, status, untransactional,
};
use crate::report::Report;
use crate::source::{Loaded, Source};
use crate::takeover::ForeignHistories;

/// Runs one command against one database.
pub struct Runner<'a> {
    /// Opens the connection.
    pub connect: &'a dyn Connect,
    /// Give the migrations.
    pub sources: Arc<Vec<Box<dyn Source>>>,
    /// Settings.
    pub options: &'a RunOptions,
    /// Is told what happens.
    pub listener: &'a dyn Listener,
    /// Cancels the run.
    pub cancel: CancellationToken,
    /// Other tools' histories to look out for before the first `up`.
    pub foreign: Option<&'a dyn ForeignHistories>,
}

/// A connection with the files and the history read.
struct Session {
    driver: Box<dyn Driver>,
    migrations: Vec<Migration>,
    hooks: Vec<Hook>,
    /// What a conversion would lose.
    lost: Vec<Diagnostic>,
    history: History,
    /// Nobody knows how what was sent last ended, and the connection is of no use any more.
    left_open: bool,
}

impl Runner<'_> {
    /// Applies or undoes what a goal asks for.
    ///
    /// # Errors
    /// See [`Error`]. What was done before a failure stays and is named in it.
    pub async fn run(&self, goal: &Goal) -> Result<Report, Error> {
        let started = Instant::now();
        let (begun, tries) = self.begin(goal).await?;
        let Begun { mut session, start } = begun;
        let result = match start {
            Start::Locked { lease, plan } => self.run_in(&mut session, goal, plan, lease).await,
            Start::Nothing(direction) => Ok(Report::empty(direction)),
        };
        let mut report = close_after(session, result).await?;
        report.retries += tries;
        report.duration = started.elapsed();
        Ok(report)
    }

    async fn run_in(
        &self,
        session: &mut Session,
        goal: &Goal,
        plan: Option<Plan>,
        mut lease: Lease,
    ) -> Result<Report, Error> {
        let result = self.run_locked(session, goal, &mut lease, plan).await;
        self.give_back(session, &lease, result).await
    }

    /// A failed run gives the lock back all the same; if even that fails, the lease runs out.
    async fn give_back<T>(
        &self,
        session: &mut Session,
        lease: &Lease,
        result: Result<T, Error>,
    ) -> Result<T, Error> {
        if session.left_open {
            return result;
        }
        let unlocked = recover::in_time(&self.cancel, session.driver.unlock(lease)).await;
        let done = result?;
        if let Some(unlocked) = unlocked {
            unless_lost(unlocked)?;
        }
        Ok(done)
    }

    async fn run_locked(
        &self,
        session: &mut Session,
        goal: &Goal,
        lease: &mut Lease,
        plan: Option<Plan>,
    ) -> Result<Report, Error> {
        let mut plan = match plan {
            Some(plan) => plan,
            None => self.plan_in(session, goal).await?,
        };
        self.announce(&plan);
        let Session {
            driver,
            history,
            left_open,
            ..
        } = session;
        let written = self.write_notes(driver.as_mut(), *lease, &plan.noted).await;
        let noted = match written {
            Ok(noted) => noted,
            // What passes by itself the steps will meet again, and try again.
            Err(_) if !plan.steps.is_empty() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        if plan.steps.is_empty() {
            let report = Report::empty(plan.direction);
            return Ok(Report { noted, ..report });
        }
        let execution = execution::Execution::new(self, driver, history, lease, &mut plan);
        let report = execution.run(left_open).await?;
        Ok(Report { noted, ..report })
    }

    /// Plans without touching anything.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn plan(&self, goal: &Goal) -> Result<Plan, Error> {
        let mut session = self.open().await?;
        let plan = self.plan_to_show(&mut session, goal).await;
        session.driver.close().await?;
        plan
    }

    /// Plans, and gives the exact text that a run would send.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn dry_run(&self, goal: &Goal) -> Result<(Plan, String), Error> {
        let mut session = self.open().await?;
        let shown = self.dry_run_in(&mut session, goal).await;
        session.driver.close().await?;
        shown
    }

    async fn dry_run_in(
        &self,
        session: &mut Session,
        goal: &Goal,
    ) -> Result<(Plan, String), Error> {
        let plan = self.plan_to_show(session, goal).await?;
        let (driver, history) = (session.driver.as_mut(), &session.history);
        let mut text = dry_run::under_lock(driver, &plan, history, self.options);
        dry_run::in_lock(driver, history, self.options, &mut [&mut text]).await?;
        Ok((plan, text))
    }

    /// Shows the state of every migration. Needs no lock and changes nothing.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn status(&self) -> Result<Status, Error> {
        let mut session = self.open().await?;
        lock::look_at_holder(session.driver.as_mut(), &mut session.history).await?;
        let needed = needed_scripts(&session.migrations, &session.history, None);
        let kept = kept(session.driver.as_mut(), &needed).await?;
        let result = status(
            &session.migrations,
            &session.history,
            &kept,
            session.driver.dialect(),
            self.connect.display(),
        );
        session.driver.close().await?;
        Ok(result)
    }

    /// Creates the history tables if they are not there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn init(&self) -> Result<bool, Error> {
        let mut driver = self.connect.connect().await?;
        let history = driver.read_history().await?;
        let missing = !history.exists || history.format < FORMAT;
        if missing {
            driver.create_history().await?;
        }
        driver.close().await?;
        Ok(missing)
    }

    /// Reads the files while the connection is made: each takes about as long as the other.
    async fn open(&self) -> Result<Session, Error> {
        let dialect = self.connect.dialect();
        let sources = Arc::clone(&self.sources);
        let files = tokio::task::spawn_blocking(move || {
            let loads = sources.iter().map(|source| source.load(dialect));
            loads.collect::<Result<Vec<_>, _>>()
        });
        let connection = async {
            let mut driver = self.connect.connect().await.map_err(begin::not_reached)?;
            let history = driver.read_history().await?;
            Ok::<_, Error>((driver, history))
        };
        let (loaded, connected) = tokio::join!(files, connection);
        let loaded = loaded.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let mut loaded = loaded?;
        let lost = loaded
            .iter_mut()
            .flat_map(|one| std::mem::take(&mut one.lost));
        let lost = lost.collect();
        let (mut migrations, mut hooks) = self.take(loaded);
        let (mut driver, history) = connected?;
        facts::fill(driver.as_mut(), &mut migrations, &mut hooks).await?;
        self.listener.event(&Event::Connected {
            server: driver.server(),
        });
        if let Some(text) = self.connect.note() {
            self.note("connection", text);
        }
        if history.exists && history.format > FORMAT {
            return Err(Error::Settings(format!(
                "the history tables have format {}, this Whimbrel knows {FORMAT}: they were written by a newer version; use that one",
                history.format
            )));
        }
        Ok(Session {
            driver,
            migrations,
            hooks,
            lost,
            history,
            left_open: false,
        })
    }

    /// Puts the sources' migrations together, and says what the sources had to say.
    fn take(&self, loaded: Vec<Loaded>) -> (Vec<Migration>, Vec<Hook>) {
        let mut migrations = Vec::new();
        let mut hooks = Vec::new();
        for Loaded {
            migrations: list,
            hooks: around,
            warnings,
            layout,
            ..
        } in loaded
        {
            for warning in &warnings {
                self.listener.event(&Event::Diagnostic(warning));
            }
            if let Some(found) = layout.filter(|found| found.name != "native") {
                let text = format!("layout {}: {}", found.name, found.reason);
                self.note("layout", text);
            }
            if migrations.is_empty() {
                migrations = list;
            } else {
                migrations.extend(list);
            }
            hooks.extend(around);
        }
        (migrations, hooks)
    }

    fn note(&self, code: &'static str, text: String) {
        let mut note = Diagnostic::warning(code, text);
        note.severity = Severity::Note;
        self.listener.event(&Event::Diagnostic(&note));
    }

    async fn plan_to_show(&self, session: &mut Session, goal: &Goal) -> Result<Plan, Error> {
        let mut plan = self.plan_in(session, goal).await?;
        self.look_out_for(session, &mut plan).await?;
        Ok(plan)
    }

    async fn plan_in(&self, session: &mut Session, goal: &Goal) -> Result<Plan, Error> {
        self.may_be_asked(goal)?;
        if self.options.plan.single_transaction && self.options.continue_on_error {
            return Err(Error::Settings(
                "one transaction for the whole run can't go on after a failure: leave out `--continue-on-error`, or the single transaction"
                    .to_owned(),
            ));
        }
        let needed = needed_scripts(&session.migrations, &session.history, Some(goal));
        let kept = kept(session.driver.as_mut(), &needed).await?;
        let server = session.driver.server();
        let input = PlanInput {
            migrations: &session.migrations,
            hooks: &session.hooks,
            history: &session.history,
            kept: &kept,
            dialect: session.driver.dialect(),
            capabilities: server.capabilities,
            options: &self.options.plan,
        };
        let mut plan = plan(input, goal)?;
        self.may_be_done(goal, &plan, &session.history)?;
        self.spare_own_tables(&mut plan);
        let commits = !server.capabilities.transactional_ddl;
        let changed = if commits {
            untransactional::asked(&plan)
        } else {
            Vec::new()
        };
        if !changed.is_empty() {
            let found = session.driver.untransactional(&changed).await?;
            untransactional::set_apart(&mut plan, &found);
        }
        let server = session.driver.server();
        if self.options.plan.single_transaction {
            script::check_single_transaction(server, &mut plan)?;
        }
        Ok(plan)
    }

    /// A file that only makes another tool's table is not run where that table is.
    fn spare_own_tables(&self, plan: &mut Plan) {
        let Some(foreign) = self.foreign else {
            return;
        };
        let is_up = plan.direction == Direction::Up && !self.options.plan.single_transaction;
        for step in plan.steps.iter_mut().filter(|_| is_up) {
            let script = step.script.text();
            step.conditions
                .extend(foreign.own_table(script, step.dialect));
        }
    }

    fn announce(&self, plan: &Plan) {
        for warning in &plan.warnings {
            self.listener.event(&Event::Diagnostic(warning));
        }
        self.listener.event(&Event::Planned(plan));
    }
}

/// Closes the connection, unless it was left in the middle of something.
async fn close_after<T>(session: Session, result: Result<T, Error>) -> Result<T, Error> {
    if session.left_open {
        return result;
    }
    let closed = session.driver.close().await;
    let done = result?;
    unless_lost(closed)?;
    Ok(done)
}

async fn kept(
    driver: &mut dyn Driver,
    checksums: &[Checksum],
) -> Result<HashMap<Checksum, String>, Error> {
    if checksums.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(driver.kept_scripts(checksums).await?)
}

/// A listener that hears nothing.
pub fn silent() -> Arc<dyn Listener> {
    Arc::new(|_: &Event<'_>| {})
}
