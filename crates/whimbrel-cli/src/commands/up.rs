//! `up` and `plan`.

use std::sync::Arc;

use whimbrel::Error;
use whimbrel::plan::Goal;

use super::{Project, execute};
use crate::cli::{Global, Up};
use crate::exit;
use crate::render::Output;

fn goal(arguments: &Up) -> Goal {
    if let Some(version) = &arguments.to {
        Goal::UpTo(version.clone())
    } else if let Some(version) = &arguments.before {
        Goal::Before(version.clone())
    } else if let Some(count) = arguments.steps {
        Goal::NextSteps(count)
    } else if arguments.versions.is_empty() {
        Goal::Latest
    } else {
        Goal::Apply(arguments.versions.clone())
    }
}

pub(super) async fn run(
    global: &Global,
    output: &Arc<Output>,
    arguments: &Up,
) -> Result<u8, Error> {
    let project = Project::open(global, output, Some(&arguments.execution))?;
    execute(
        &project,
        output,
        &goal(arguments),
        arguments.execution.dry_run,
    )
    .await
}

pub(super) async fn plan(
    global: &Global,
    output: &Arc<Output>,
    arguments: &Up,
) -> Result<u8, Error> {
    let project = Project::open(global, output, Some(&arguments.execution))?;
    if arguments.execution.dry_run {
        return execute(&project, output, &goal(arguments), true).await;
    }
    let plan = project.migrator.plan(&goal(arguments)).await?;
    output.plan(&plan);
    Ok(exit::OK)
}
