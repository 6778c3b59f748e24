//! One command per file; what they share.

mod baseline;
mod down;
mod import;
mod init;
mod new;
mod repair;
mod shell;
mod signals;
mod status;
mod up;

use std::process::ExitCode;
use std::sync::Arc;

use whimbrel::import::{Histories, layout_by_name, layouts};
use whimbrel::plan::{Direction, Goal, Plan};
use whimbrel::report::Report;
use whimbrel::source::Directory;
use whimbrel::{Error, Migrator};

use crate::cli::{Cli, Command, Execution, Global};
use crate::config::{Environment, Settings};
use crate::render::Output;
use crate::{exit, render};

/// Runs a command; gives the process's exit code.
pub(crate) async fn run(cli: Cli) -> ExitCode {
    let output = Arc::new(Output::new(&cli.global, name(&cli.command)));
    let result = match cli.command {
        Command::Repair(ref arguments) => repair::run(&cli.global, &output, arguments).await,
        Command::Unlock => repair::unlock(&cli.global, &output).await,
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { ref command } => shell::manual(command.as_deref()),
        Command::Init => init::run(&cli.global, &output).await,
        Command::New(ref new) => new::run(&cli.global, &output, new),
        Command::Status(ref arguments) => status::run(&cli.global, &output, arguments).await,
        Command::Plan(ref arguments) => up::plan(&cli.global, &output, arguments).await,
        Command::Up(ref arguments) => up::run(&cli.global, &output, arguments).await,
        Command::Down(ref arguments) => down::down(&cli.global, &output, arguments).await,
        Command::Redo(ref execution) => down::redo(&cli.global, &output, execution).await,
        Command::Import(ref arguments) => import::run(&cli.global, &output, arguments).await,
        Command::Baseline(ref arguments) => baseline::run(&cli.global, &output, arguments).await,
        Command::Reset(ref execution) => down::reset(&cli.global, &output, execution).await,
    };
    ExitCode::from(match result {
        Ok(code) => code,
        Err(error) => {
            let code = exit::of_error(&error);
            output.error(&error, code);
            code
        }
    })
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::Init => "init",
        Command::New(_) => "new",
        Command::Status(_) => "status",
        Command::Plan(_) => "plan",
        Command::Up(_) => "up",
        Command::Down(_) => "down",
        Command::Redo(_) => "redo",
        Command::Reset(_) => "reset",
        Command::Import(_) => "import",
        Command::Baseline(_) => "baseline",
        Command::Repair(_) => "repair",
        Command::Unlock => "unlock",
        Command::Completions { .. } => "completions",
        Command::Man { .. } => "man",
    }
}

/// Settings and a migrator that obeys them.
struct Project {
    settings: Settings,
    migrator: Migrator,
}

impl Project {
    fn open(
        global: &Global,
        output: &Arc<Output>,
        execution: Option<&Execution>,
    ) -> Result<Self, Error> {
        Self::open_with(global, output, execution, |_| {})
    }

    /// With settings that the command changes.
    fn open_with(
        global: &Global,
        output: &Arc<Output>,
        execution: Option<&Execution>,
        change: impl FnOnce(&mut Settings),
    ) -> Result<Self, Error> {
        let (mut settings, environment) = Settings::load(global)?;
        change(&mut settings);
        if let Some(note) = &settings.note {
            output.note(note);
        }
        let migrator = migrator(&settings, &environment, output, execution)?;
        Ok(Self { settings, migrator })
    }
}

/// The migrations' folders, as the settings say.
fn directory(settings: &Settings) -> Result<Directory, Error> {
    let mut dirs = settings.dirs.iter();
    let mut directory = Directory::new(dirs.next().cloned().unwrap_or_default())
        .known_layouts(layouts())
        .sort_dirs_separately(settings.sort_dirs_separately);
    for dir in dirs {
        directory = directory.and(dir);
    }
    if let Some(source) = &settings.source {
        directory = directory.source(source);
    }
    if !settings.extensions.is_empty() {
        directory = directory.extensions(settings.extensions.iter().cloned());
    }
    for (name, value) in &settings.layout_options {
        directory = directory.layout_option(name, value);
    }
    if let Some(layout) = &settings.layout {
        directory = directory.layout(layout_by_name(layout)?);
    }
    Ok(directory)
}

/// Other tools' histories, under the names that they have in this project.
fn histories(settings: &Settings) -> Histories {
    let all = Histories::all();
    match &settings.wranglers_table {
        Some(table) => all.renamed("wrangler", table),
        None => all,
    }
}

fn migrator(
    settings: &Settings,
    environment: &Environment,
    output: &Arc<Output>,
    execution: Option<&Execution>,
) -> Result<Migrator, Error> {
    let mut placeholders = settings.placeholders.clone();
    placeholders.extend(execution.map(|e| e.placeholder.clone()).unwrap_or_default());
    let source = directory(settings)?
        .environment(environment.all())
        .placeholders(placeholders.clone());
    let mut builder = Migrator::builder(&settings.url)
        .source(source)
        .listener(render::listener(output))
        .histories(histories(settings))
        .cancel(signals::cancel());
    if settings.root != std::path::Path::new(".") {
        builder = builder.folder(&settings.root);
    }
    if let Some(password) = &settings.password {
        builder = builder.password(password);
    }
    if let Some(url) = &settings.shadow_url {
        builder = builder.shadow(url);
    }
    for script in &settings.shadow_sql {
        builder = builder.shadow_sql(script);
    }
    if let Some(table) = &settings.table {
        builder = builder.tables(whimbrel::history::HistoryTables::named(table));
    }
    let more = execution
        .map(|e| e.session_sql.as_slice())
        .unwrap_or_default();
    for sql in settings.session_sql.iter().chain(more) {
        builder = builder.session_sql(sql);
    }
    let user = user(environment);
    let host = environment.get("HOSTNAME").map(str::to_owned);
    builder = builder.options(|options| {
        options.owner.user = user;
        if let Some(host) = host {
            options.owner.host = host;
        }
        options.lock_wait = settings.lock_wait.unwrap_or(options.lock_wait);
        options.timeout = execution.and_then(|e| e.timeout).or(settings.timeout);
        options.lock_timeout = execution
            .and_then(|e| e.lock_timeout)
            .or(settings.lock_timeout)
            .unwrap_or(options.lock_timeout);
        options.lease = settings.lease.unwrap_or(options.lease);
        options.retries = execution
            .and_then(|e| e.retries)
            .or(settings.retries)
            .unwrap_or(options.retries);
        options.retry_delay = execution
            .and_then(|e| e.retry_delay)
            .or(settings.retry_delay)
            .unwrap_or(options.retry_delay);
        options.protected = settings.protected;
        options.continue_on_error = execution.is_some_and(|e| e.continue_on_error);
        options.plan.force = execution.is_some_and(|e| e.force);
        options.plan.single_transaction =
            settings.single_transaction || execution.is_some_and(|e| e.single_transaction);
        options.plan.out_of_order = settings.out_of_order;
        options.plan.require_rollback = settings.require_rollback;
        options.plan.placeholders = (!placeholders.is_empty()).then_some(placeholders);
    });
    builder.build()
}

/// Who runs it, for the lock and the history. Services and containers often have no variable for it.
fn user(environment: &Environment) -> String {
    let variable = environment
        .get("USER")
        .or_else(|| environment.get("LOGNAME"));
    let named = variable.map(str::to_owned);
    named
        .or_else(|| whoami::username().ok())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// Runs or shows a goal, as the flags say.
async fn execute(
    project: &Project,
    output: &Output,
    goal: &Goal,
    dry_run: bool,
) -> Result<u8, Error> {
    if dry_run {
        let (plan, sql) = project.migrator.dry_run(goal).await?;
        output.dry_run(&plan, &sql);
        return Ok(exit::OK);
    }
    let report = project.migrator.run(goal).await?;
    Ok(finish(output, &report))
}

/// Shows what a run did; gives the exit code.
fn finish(output: &Output, report: &Report) -> u8 {
    output.report(report);
    exit::of_reports(std::slice::from_ref(report))
}

/// What will be undone, before it is.
fn announce(output: &Output, plan: &Plan) {
    if plan.direction == Direction::Down {
        output.undo_list(plan);
    }
}
