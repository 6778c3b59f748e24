//! `down`, `redo` and `reset`.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use whimbrel::Error;
use whimbrel::plan::Goal;

use super::{Project, announce, execute, finish};
use crate::cli::{Down, Execution, Global};
use crate::exit;
use crate::render::Output;

pub(super) async fn down(
    global: &Global,
    output: &Arc<Output>,
    arguments: &Down,
) -> Result<u8, Error> {
    let goal = if arguments.all {
        Goal::UndoAll
    } else if let Some(version) = &arguments.to {
        Goal::DownTo(version.clone())
    } else if let Some(count) = arguments.steps {
        Goal::UndoSteps(count)
    } else if arguments.versions.is_empty() {
        Goal::UndoBatch
    } else {
        Goal::Undo(arguments.versions.clone())
    };
    let project = Project::open(global, output, Some(&arguments.execution))?;
    undo(&project, output, &goal, &arguments.execution).await
}

async fn undo(
    project: &Project,
    output: &Output,
    goal: &Goal,
    execution: &Execution,
) -> Result<u8, Error> {
    if !execution.dry_run {
        let plan = project.migrator.plan(goal).await?;
        announce(output, &plan);
    }
    execute(project, output, goal, execution.dry_run).await
}

pub(super) async fn redo(
    global: &Global,
    output: &Arc<Output>,
    execution: &Execution,
) -> Result<u8, Error> {
    let project = Project::open(global, output, Some(execution))?;
    let Some(redo) = project.migrator.plan_redo().await? else {
        output.nothing("nothing is applied, so there is nothing to redo");
        return Ok(exit::OK);
    };
    let (down, _) = &redo.down;
    let Some(step) = down.steps.first().filter(|_| !execution.dry_run) else {
        output.dry_runs(&[redo.down, redo.up]);
        return Ok(exit::OK);
    };
    announce(output, down);
    let done = project.migrator.redo(step.version.as_str()).await?;
    let reports = [done.down, done.up];
    output.reports(&reports);
    Ok(exit::of_reports(&reports))
}

pub(super) async fn reset(
    global: &Global,
    output: &Arc<Output>,
    execution: &Execution,
) -> Result<u8, Error> {
    let project = Project::open(global, output, Some(execution))?;
    let (plan, sql) = project.migrator.plan_reset().await?;
    if execution.dry_run {
        output.dry_run(&plan, &sql);
        return Ok(exit::OK);
    }
    announce(output, &plan);
    let asks = !global.yes && !plan.steps.is_empty();
    if asks && !confirmed(&project.migrator.database())? {
        return Err(Error::Cancelled);
    }
    let report = project.migrator.reset().await?;
    Ok(finish(output, &report))
}

/// Asks for the database's name, typed.
fn confirmed(database: &str) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::Settings(
            "`reset` asks for a confirmation, but there is no terminal: say --yes".to_owned(),
        ));
    }
    Output::prompt(&format!(
        "This undoes everything. Type the database's name ({database}) to go on: "
    ));
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|source| Error::File {
            path: "standard input".to_owned(),
            source,
        })?;
    Ok(line.trim() == database)
}
