//! `down`, `redo` and `reset`.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use whimbrel::Error;
use whimbrel::plan::Goal;

use super::{Project, announce, execute};
use crate::cli::{Down, Execution, Global};
use crate::exit;
use crate::render::Output;

pub(super) async fn down(
    global: &Global,
    output: &Arc<Output>,
    arguments: &Down,
) -> Result<u8, Error> {
    let goal = if let Some(version) = &arguments.to {
        Goal::DownTo(version.clone())
    } else if let Some(count) = arguments.steps {
        Goal::UndoSteps(count)
    } else if arguments.all {
        Goal::UndoAll
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
    let plan = project.migrator.plan(&Goal::UndoSteps(1)).await?;
    let Some(step) = plan.steps.first() else {
        output.nothing("nothing is applied, so there is nothing to redo");
        return Ok(exit::OK);
    };
    let version = step.version.to_string();
    if execution.dry_run {
        return execute(&project, output, &Goal::UndoSteps(1), true).await;
    }
    announce(output, &plan);
    let undone = project
        .migrator
        .run(&Goal::Undo(vec![version.clone()]))
        .await?;
    let applied = project.migrator.run(&Goal::Apply(vec![version])).await?;
    output.reports(&[undone, applied]);
    Ok(exit::OK)
}

pub(super) async fn reset(
    global: &Global,
    output: &Arc<Output>,
    execution: &Execution,
) -> Result<u8, Error> {
    let project = Project::open(global, output, Some(execution))?;
    let database = project.migrator.database();
    if project.settings.protected {
        return Err(Error::Settings(format!(
            "{database} is marked `protected` in the settings: `reset` refuses"
        )));
    }
    if !execution.dry_run && !global.yes {
        let plan = project.migrator.plan(&Goal::UndoAll).await?;
        announce(output, &plan);
        if !plan.steps.is_empty() && !confirmed(&database)? {
            return Err(Error::Cancelled);
        }
        return execute(&project, output, &Goal::UndoAll, false).await;
    }
    undo(&project, output, &Goal::UndoAll, execution).await
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
