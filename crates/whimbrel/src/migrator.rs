//! The handle that applications hold.

mod builder;

use std::sync::Arc;

pub use self::builder::MigratorBuilder;
use tokio_util::sync::CancellationToken;
use whimbrel_core::Error;
use whimbrel_core::driver::Connect;
use whimbrel_core::event::Listener;
use whimbrel_core::history::Holder;
use whimbrel_core::plan::{Goal, Noted, Plan, Status, StatusRow};
use whimbrel_core::report::Report;
use whimbrel_core::runner::{
    ConversionReport, ConvertOptions, OpenStatement, Redo, RunOptions, Runner, Verdict,
};
use whimbrel_core::source::Source;
use whimbrel_core::takeover::TakeoverReport;
use whimbrel_import::Histories;

/// Applies, undoes, plans and shows the migrations of one database.
pub struct Migrator {
    connect: Box<dyn Connect>,
    sources: Arc<Vec<Box<dyn Source>>>,
    options: RunOptions,
    listener: Arc<dyn Listener>,
    cancel: CancellationToken,
    foreign: Histories,
    shadow: Option<Box<dyn Connect>>,
    shadow_sql: Vec<String>,
}

impl Migrator {
    /// Starts with a database's URL: `sqlite:app.db`, `postgres://...`, `mysql://...`,
    /// `d1://...` (whose password is the API token).
    pub fn builder(url: &str) -> MigratorBuilder {
        MigratorBuilder::new(url)
    }

    fn runner(&self) -> Runner<'_> {
        Runner {
            connect: &*self.connect,
            sources: Arc::clone(&self.sources),
            options: &self.options,
            listener: &*self.listener,
            cancel: self.cancel.clone(),
            foreign: Some(&self.foreign),
        }
    }

    /// Applies everything pending.
    ///
    /// # Errors
    /// See [`Error`]; what was applied before a failure stays.
    pub async fn up(&self) -> Result<Report, Error> {
        self.run(&Goal::Latest).await
    }

    /// Undoes the last batch.
    ///
    /// # Errors
    /// See [`Error`]; what was undone before a failure stays undone.
    pub async fn down(&self) -> Result<Report, Error> {
        self.run(&Goal::UndoBatch).await
    }

    /// Applies or undoes what a goal asks for.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn run(&self, goal: &Goal) -> Result<Report, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.run(goal)).await
    }

    /// What [`Migrator::run`] would do.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn plan(&self, goal: &Goal) -> Result<Plan, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.plan(goal)).await
    }

    /// What [`Migrator::run`] would do, with the exact text that it would send.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn dry_run(&self, goal: &Goal) -> Result<(Plan, String), Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.dry_run(goal)).await
    }

    /// Undoes a migration and applies its file as it is now, under one lock.
    ///
    /// # Errors
    /// See [`Error`]; nothing is undone if the file can't be planned.
    pub async fn redo(&self, version: &str) -> Result<Redo<Report>, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.redo(version)).await
    }

    /// What [`Migrator::redo`] of the last applied migration would do, with the exact text that it
    /// would send; none if nothing is applied.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn plan_redo(&self) -> Result<Option<Redo<(Plan, String)>>, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.plan_redo()).await
    }

    /// Undoes everything, by the down scripts.
    ///
    /// # Errors
    /// The database is marked as protected in the options; or see [`Error`].
    pub async fn reset(&self) -> Result<Report, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.reset()).await
    }

    /// What [`Migrator::reset`] would do, with the exact text that it would send.
    ///
    /// # Errors
    /// As those of [`Migrator::reset`].
    pub async fn plan_reset(&self) -> Result<(Plan, String), Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.plan_reset()).await
    }

    /// The state of every migration.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn status(&self) -> Result<Status, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.status()).await
    }

    /// The migrations that `up` would apply.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn pending(&self) -> Result<Vec<StatusRow>, Error> {
        let rows = self.status().await?.migrations;
        Ok(rows
            .into_iter()
            .filter(|row| row.state.is_pending())
            .collect())
    }

    /// True if `up` has nothing to do.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn is_up_to_date(&self) -> Result<bool, Error> {
        let totals = self.status().await?.totals;
        Ok(totals.pending == 0 && totals.outdated == 0)
    }

    /// Statements whose end is not known; see [`Migrator::repair`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn open_statements(&self) -> Result<Vec<OpenStatement>, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.open_statements()).await
    }

    /// Writes down what became of the statement of a version whose end is not known.
    ///
    /// # Errors
    /// There is none; or see [`Error`].
    pub async fn repair(&self, version: &str, verdict: Verdict) -> Result<OpenStatement, Error> {
        let runner = self.runner();
        runner
            .unless_cancelled(runner.repair(version, verdict))
            .await
    }

    /// Takes a file that was changed after it was applied, as it stands, for what was applied.
    ///
    /// # Errors
    /// It is not applied or not changed; or see [`Error`].
    pub async fn accept(&self, version: &str) -> Result<Noted, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.accept(version)).await
    }

    /// Who holds the lock, if anybody does.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn holder(&self) -> Result<Option<Holder>, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.holder()).await
    }

    /// Takes the lock from whoever holds it and gives it back. Needed only where a person knows more
    /// than the server: a run that died is taken over by itself.
    ///
    /// # Errors
    /// Something of that run is still at work in the server; or see [`Error`].
    pub async fn unlock(&self) -> Result<Option<Holder>, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.unlock()).await
    }

    /// Marks the database as being at a version: every migration up to it, and it itself, is recorded
    /// as being there.
    ///
    /// # Errors
    /// See [`Error`]. It refuses a history that has other records.
    pub async fn baseline(&self, version: &str) -> Result<TakeoverReport, Error> {
        let runner = self.runner();
        runner
            .unless_cancelled(runner.baseline(version, false))
            .await
    }

    /// What [`Migrator::baseline`] would do, with the exact text that it would send.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn plan_baseline(&self, version: &str) -> Result<TakeoverReport, Error> {
        let runner = self.runner();
        runner
            .unless_cancelled(runner.baseline(version, true))
            .await
    }

    /// Takes another tool's history over: what it says was applied is recorded as applied. That
    /// tool's tables are only read. Doing it again records what has come since.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn import(&self, histories: &Histories) -> Result<TakeoverReport, Error> {
        let runner = self.runner();
        runner
            .unless_cancelled(runner.import(histories, false))
            .await
    }

    /// What [`Migrator::import`] would do, with the exact text that it would send.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn plan_import(&self, histories: &Histories) -> Result<TakeoverReport, Error> {
        let runner = self.runner();
        runner
            .unless_cancelled(runner.import(histories, true))
            .await
    }

    /// Makes native files of the migrations, whatever their layout is, in a new folder, and takes over
    /// what history there is for them. See [`Runner::convert`].
    ///
    /// # Errors
    /// See [`Error`]. Nothing is written where the new files could differ from the old ones.
    pub async fn convert(
        &self,
        histories: &Histories,
        to: impl Into<std::path::PathBuf>,
    ) -> Result<ConversionReport, Error> {
        let options = self.conversion(histories, to.into(), false);
        let runner = self.runner();
        let work = runner.convert(histories, &options);
        runner.unless_cancelled(work).await
    }

    /// What [`Migrator::convert`] would do, tried on shadows all the same.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn plan_convert(
        &self,
        histories: &Histories,
        to: impl Into<std::path::PathBuf>,
    ) -> Result<ConversionReport, Error> {
        let options = self.conversion(histories, to.into(), true);
        let runner = self.runner();
        let work = runner.convert(histories, &options);
        runner.unless_cancelled(work).await
    }

    fn conversion(
        &self,
        histories: &Histories,
        to: std::path::PathBuf,
        dry_run: bool,
    ) -> ConvertOptions<'_> {
        ConvertOptions {
            to,
            must_have_history: histories.is_named(),
            dry_run,
            shadow: self.shadow.as_deref(),
            shadow_sql: &self.shadow_sql,
        }
    }

    /// Creates the history tables; false if they were there already.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn init(&self) -> Result<bool, Error> {
        let runner = self.runner();
        runner.unless_cancelled(runner.init()).await
    }

    /// Whose SQL the database speaks. Nothing is connected.
    pub fn dialect(&self) -> whimbrel_sql::Dialect {
        self.connect.dialect()
    }

    /// The database as people may see it: without secrets.
    pub fn display(&self) -> String {
        self.connect.display()
    }

    /// The database's own name.
    pub fn database(&self) -> String {
        self.connect.database()
    }
}
